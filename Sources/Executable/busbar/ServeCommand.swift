// `busbar serve`: arguments only; the product itself is in Composition.
import ArgumentParser
import Composition
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves pages and API and runs the line from the meters to the money.")

    @Option(help: "Address to listen on; the outside belongs to a proxy with TLS in front.") var host = "127.0.0.1"
    @Option(help: "Port to listen on.") var port = 8080
    @Flag(help: "Pages are reached by https through a proxy.") var https = false
    @Flag(help: "The caller is the last entry of X-Forwarded-For; only behind a proxy that writes it.")
    var forwarded = false
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
        guard watchPort == nil || watchPort == 0 || watchPort != port else {
            throw ValidationError("--watch-port and --port are the same: give the watch a port of its own")
        }
        let log = try logs.start(.info)
        try await leaving { console in
            var options = ServeOptions(host: host, port: port, isHTTPS: https)
            options.trustsForwarded = forwarded
            options.watchPort = watchPort
            return try await serve(shared.site, options: options, log: log, logs.quiet(console, log))
        }
    }
}
