// `busbar serve`: the product itself.
import ArgumentParser
import Composition
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves pages and API and runs the line from the meters to the money.")

    @Option(help: "Folder of databases and key file.") var data = "./data"
    @Option(help: "postgres://… instead of the folder's SQLite files; or the variable BUSBAR_DATABASE.")
    var database: String?
    @Option(help: "Address to listen on; the outside belongs to a proxy with TLS in front.") var host = "127.0.0.1"
    @Option(help: "Port to listen on.") var port = 8080
    @Flag(help: "Pages are reached by https through a proxy.") var https = false

    func run() async throws {
        try await Terminal.reporting {
            let open = try await OpenSite.open(SiteOptions(folder: data, databaseURL: Terminal.database(database)))
            do {
                let serving = try await Serving(
                    open, options: ServeOptions(host: host, port: port, isHTTPS: https), log: Terminal.log())
                try await serving.run { port in Terminal.note("Busbar listens on http://\(host):\(port)/") }
            } catch {
                await open.close()
                throw error
            }
            await open.close()
        }
    }
}
