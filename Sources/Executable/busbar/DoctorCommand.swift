// `busbar doctor`, `busbar settings` and `busbar openapi`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Looks for what commonly goes wrong, and says how to mend it.",
        discussion: """
            Shows every setting with its source, then looks at files, keys, disk, clock, port, certificate and \
            database. Changes nothing, and works while the server runs.
            Try it: busbar doctor --data ./data
            Exit codes: 0 all well, 1 something is wrong, 2 wrong call or setting, 3 warnings only.
            """)
    @Flag(help: "JSON lines: settings, then findings.") var json = false
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await leaving { console in
            let settings = try shared.settings()
            return try await doctor(settings.site(), settings: settings, json: json, console)
        }
    }
}

struct SettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Lists every setting, as a configuration file to start from.",
        discussion: """
            `busbar doctor` shows what holds, and where it came from.
            Try it: busbar settings > busbar.conf
            """)
    @Flag(help: "JSON lines.") var json = false

    func run() async throws {
        try await leaving { try listSettings(json: json, $0) }
    }
}

struct OpenAPICommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openapi", abstract: "Prints the description of the API (OpenAPI 3.1, JSON).",
        discussion: "Try it: busbar openapi > busbar.json")

    func run() throws { print(Release.openAPIDocument(), terminator: "") }
}
