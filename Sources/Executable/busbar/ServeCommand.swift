// `busbar serve`: arguments only; the product itself is in Composition.
import ArgumentParser
import Composition
import Foundation
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves pages and API and runs the line from the meters to the money.",
        discussion: """
            What an argument does not say comes from the environment (BUSBAR_PORT), then from the configuration file \
            (port = 8080), then from the default; `busbar doctor` shows each with its source.
            Try it: busbar serve --data ./data --port 8080
            Behind a proxy: busbar serve --https --forwarded
            With a certificate of its own: busbar serve --host 0.0.0.0 --port 8443 --tls-certificate chain.pem \
            --tls-key key.pem; SIGHUP reads both again.
            Exit codes: 0 stopped as asked, 1 it failed, 2 wrong call or setting, 3 in use or out of reach.
            """)

    @Option(help: "Address to listen on; 127.0.0.1 when nothing says otherwise.") var host: String?
    @Option(parsing: .unconditional, help: "Port to listen on; 8080 when nothing says otherwise, 0 takes a free one.")
    var port: String?
    @Flag(inversion: .prefixedNo, help: "Pages are reached by https through a proxy.") var https: Bool?
    @Flag(
        inversion: .prefixedNo,
        help: "The caller is the last entry of X-Forwarded-For; only behind a proxy that writes it.")
    var forwarded: Bool?
    @Option(help: "Certificate chain (PEM) to serve https without a proxy.", completion: .file())
    var tlsCertificate: String?
    @Option(help: "Private key of the certificate (PEM).", completion: .file()) var tlsKey: String?
    @Option(
        parsing: .unconditional, help: "Seconds a stop may take before the process is ended hard; 60 when not said.")
    var stopSeconds: String?
    @Option(
        parsing: .unconditional, help: "Port of 127.0.0.1 for /metrics, /health and /ready; none when nothing says so.")
    var watchPort: String?
    @Option(help: "Address to listen on for what meters push; 127.0.0.1 when nothing says otherwise.")
    var pushHost: String?
    @Option(
        parsing: .unconditional, help: "Port (TCP and UDP) for what meters push; none when nothing says so.")
    var pushPort: String?
    @Option(help: "Log lines as json or text; when nothing says otherwise json, and text on a terminal.")
    var logFormat: String?
    @Option(help: "Least severe line of the log: trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?
    @Flag(help: "For trying only: the test gateway credits wallets and takes no money. No setting can say it.")
    var testPayments = false
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await leaving { console in
            let settings = try shared.settings([
                .host: host, .port: port, .https: https.map { $0 ? "yes" : "no" },
                .forwarded: forwarded.map { $0 ? "yes" : "no" }, .tlsCertificate: tlsCertificate, .tlsKey: tlsKey,
                .stopSeconds: stopSeconds, .watchPort: watchPort,
                .pushHost: pushHost, .pushPort: pushPort, .logFormat: logFormat, .logLevel: logLevel,
            ])
            let level = settings.text(.logLevel).flatMap { Logger.Level(rawValue: $0) } ?? .info
            let format = settings.text(.logFormat)
            let log = try serviceLog(level, format: format)
            var options = try settings.serving()
            options.testPayments = testPayments
            return try await serve(
                settings.site(), options: options, log: log, quiet(console, log, format: format))
        }
    }

    /// Notes stand on standard error, as the log does: among JSON lines they are lines of the log.
    private func quiet(_ console: Console, _ log: Logger, format: String?) -> Console {
        guard format != "text", format == "json" || isatty(STDERR_FILENO) == 0 else { return console }
        var console = console
        console.note = { log.notice("\($0)") }
        return console
    }
}
