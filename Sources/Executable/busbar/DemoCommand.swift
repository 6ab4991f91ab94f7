// `busbar demo`: arguments only; the demonstration is in Composition.
import ArgumentParser
import Composition
import Logging

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Starts a demo retailer with simulated meters; business time runs fast.",
        discussion: "Delete the data folder to begin anew.")

    @Option(help: "Address to listen on.") var host = "127.0.0.1"
    @Option(help: "Port to listen on.") var port = 8080
    @Option(help: "Seconds a business day takes; 86400 is real time.") var daySeconds: Int64 = 60
    @Option(help: "Also write address and sign-ins as JSON to this file.") var signIns: String?
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError("--port \(port): give 0 to 65535")
        }
        try await leaving { console in
            try await demo(
                DemoOptions(
                    site: shared.site, serve: ServeOptions(host: host, port: port, pauseMs: 100),
                    daySeconds: daySeconds,
                    signInFile: signIns), log: serviceLog(.warning), console)
        }
    }
}
