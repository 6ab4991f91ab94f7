// `busbar demo`: a retailer with simulated meters and fast time, to look at.
import ArgumentParser
import Composition
import Foundation
import Logging

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Starts a demo retailer with simulated meters; business time runs fast.")

    @Option(help: "Folder of the demo; delete it to begin anew.") var data = "./data"
    @Option(help: "postgres://… instead of the folder's SQLite files; or the variable BUSBAR_DATABASE.")
    var database: String?
    @Option(help: "Address to listen on.") var host = "127.0.0.1"
    @Option(help: "Port to listen on.") var port = 8080
    @Option(help: "Seconds a business day takes; 86400 is real time.") var daySeconds: Int64 = 60
    @Option(help: "Also write address and sign-ins as JSON to this file.") var signIns: String?

    private struct Entrance: Encodable {
        var address: String
        var signIns: [DemoSignIn]
    }

    func run() async throws {
        try await Terminal.reporting {
            let options = DemoOptions(
                site: SiteOptions(folder: data, databaseURL: Terminal.database(database)),
                serve: ServeOptions(host: host, port: port, pauseMs: 100), daySeconds: daySeconds)
            try await Demo.run(options, log: Terminal.log(level: .warning), say: { Terminal.say($0) }) { address, signIns in
                Terminal.say("\nOpen \(address) and sign in as")
                for signIn in signIns {
                    Terminal.say("  \(signIn.role.padding(toLength: 14, withPad: " ", startingAt: 0)) \(signIn.username) / \(signIn.password)")
                }
                Terminal.say("\nA business day takes \(daySeconds) seconds. Stop with Ctrl-C; the next start goes on from there.\n")
                if let path = self.signIns {
                    let data = try? JSONEncoder().encode(Entrance(address: address, signIns: signIns))
                    FileManager.default.createFile(atPath: path, contents: data, attributes: [.posixPermissions: 0o600])
                }
            }
        }
    }
}
