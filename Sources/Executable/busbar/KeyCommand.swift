// `busbar key`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "The master key that seals secrets at rest.", subcommands: [RotateMaster.self])

    struct RotateMaster: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-master", abstract: "Makes a new master key and seals every secret anew under it.",
            discussion: """
                Stop the server first. Killed half way it goes on when it is run again: until it is done both keys \
                lie beside each other. The old key is kept as master.key.retired-… because backups from before need \
                it; delete it when they are gone.
                Try it: busbar key rotate-master
                Exit codes: 0 done, 1 a secret does not open under the key, 2 wrong call, 3 somebody uses the \
                installation.
                """)
        @Option(help: "Where the new key goes when the old one came by BUSBAR_MASTER_KEY.", completion: .file())
        var newKeyFile: String?
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await rotateMasterKey(shared.site, newKeyFile: newKeyFile, $0) }
        }
    }
}
