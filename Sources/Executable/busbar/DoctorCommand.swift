// `busbar doctor` and `busbar openapi`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Looks for what commonly goes wrong, and says how to mend it.",
        discussion: "Exit codes: 0 all well, 1 something wants mending.")
    @Flag(help: "JSON lines.") var json = false
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await leaving { try await doctor(shared.site, json: json, $0) }
    }
}

struct OpenAPICommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openapi", abstract: "Prints the description of the API (OpenAPI 3.1, JSON).")

    func run() throws { print(Release.openAPIDocument(), terminator: "") }
}
