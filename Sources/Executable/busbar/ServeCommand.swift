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
    @Option(help: "How many times as many requests a minute one caller may send, 1 to 1000; 1 is right for people.")
    var rateFactor = 1
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError("--port \(port): give 0 to 65535")
        }
        guard (1...1000).contains(rateFactor) else {
            throw ValidationError("--rate-factor \(rateFactor): give 1 to 1000")
        }
        try await leaving { console in
            var options = ServeOptions(host: host, port: port, isHTTPS: https)
            options.trustsForwarded = forwarded
            options.rateFactor = rateFactor
            return try await serve(shared.site, options: options, log: serviceLog(.info), console)
        }
    }
}

/// Log lines on standard error.
func serviceLog(_ level: Logger.Level) -> Logger {
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    var log = Logger(label: "busbar")
    log.logLevel = level
    return log
}
