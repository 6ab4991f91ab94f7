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
    @Option(help: "Port of 127.0.0.1 for /metrics, /health and /ready; none when left out.") var watchPort: Int?
    @OptionGroup var logs: LogOptions
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError("--port \(port): give 0 to 65535")
        }
        guard watchPort.map({ (0...65_535).contains($0) }) ?? true else {
            throw ValidationError("--watch-port: give 0 to 65535")
        }
        let log = try logs.start(.warning)
        var options = ServeOptions(host: host, port: port, pauseMs: 100)
        options.watchPort = watchPort
        let serve = options
        try await leaving { console in
            try await demo(
                DemoOptions(site: shared.site, serve: serve, daySeconds: daySeconds, signInFile: signIns), log: log,
                console)
        }
    }
}
