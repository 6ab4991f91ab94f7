// `busbar demo`: arguments only; the demonstration is in Composition.
import ArgumentParser
import Composition
import Logging

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Starts a demo retailer with simulated meters; business time runs fast.",
        discussion: """
            Delete the data folder to begin anew. The file /etc/busbar/busbar.conf is not read: it belongs to a \
            company that is served.
            Try it: busbar demo --data ./demo --day-seconds 60
            """)

    @Option(help: "Address to listen on; 127.0.0.1 when nothing says otherwise.") var host: String?
    @Option(parsing: .unconditional, help: "Port to listen on; 8080 when nothing says otherwise, 0 takes a free one.")
    var port: String?
    @Option(parsing: .unconditional, help: "Seconds a business day takes; 86400 is real time.")
    var daySeconds: Int64 = 60
    @Option(
        parsing: .unconditional, help: "Port of 127.0.0.1 for /metrics, /health and /ready; none when nothing says so.")
    var watchPort: String?
    @Option(help: "Also write address and sign-ins as JSON to this file.", completion: .file()) var signIns: String?
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await leaving { console in
            let settings = try shared.settings([.host: host, .port: port, .watchPort: watchPort], usualFile: "")
            var serve = try settings.serving()
            serve.pauseMs = 100
            return try await demo(
                DemoOptions(site: settings.site(), serve: serve, daySeconds: daySeconds, signInFile: signIns),
                log: serviceLog(.warning), console)
        }
    }
}
