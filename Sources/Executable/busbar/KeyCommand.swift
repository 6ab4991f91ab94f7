// `busbar key` and `busbar place`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Keys of programs that use the API, and the master key that seals secrets at rest.",
        subcommands: [Add.self, List.self, Revoke.self, RotateMaster.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a key and prints its token, once.",
            discussion: """
                A program sends the token as `Authorization: Bearer bbk_…`. Only a sum of it is stored. What a \
                permission may be is said when one is not known.
                Try it: busbar key add "billing export" --permission accounts.read --until 2027-03-31
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "What it is for.") var name: String
        @Option(
            name: .customLong("permission"), help: "What it may do, such as accounts.read; may be given several times.")
        var permissions: [String]
        @Option(help: "The last day on which it works, at most two years ahead: 2027-03-31.") var until: String
        @Option(help: "Number of the place it is confined to.") var place: Int64?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { console in
                try await addKey(
                    shared.site, orgID: org.orgID,
                    NewKeyOptions(name: name, permissions: permissions, placeID: place, until: until), console)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists keys, without their secrets.",
            discussion: """
                Try it: busbar key list --json
                Exit codes: 0 listed, 1 no such company, 3 in use or out of reach.
                """)
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listKeys(shared.site, orgID: org.orgID, json: json, $0) }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends a key at once, for good.",
            discussion: """
                Doing it again changes nothing.
                Try it: busbar key revoke 123456789 (`busbar key list` shows the numbers)
                Exit codes: 0 refused from now on, 1 no such key, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Its number: what stands behind bbk_.") var key: Int64
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await revokeKey(shared.site, orgID: org.orgID, keyID: key, $0) }
        }
    }

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

struct PlaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "place", abstract: "Places of the network.", subcommands: [Add.self, List.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a place and prints its number.",
            discussion: """
                What lies under what decides who may see it, so a place is never moved.
                Try it: busbar place add "Village Feeder 2" --kind feeder --under 123456789
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Its name.") var name: String
        @Option(help: "state, cluster, plant, feeder, transformer or pole.") var kind: String
        @Option(help: "Number of the place it lies under; without it it stands at the top.") var under: Int64?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await addPlace(shared.site, orgID: org.orgID, name: name, kind: kind, under: under, $0)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists places.",
            discussion: """
                Try it: busbar place list --json
                Exit codes: 0 listed, 1 no such company, 3 in use or out of reach.
                """)
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listPlaces(shared.site, orgID: org.orgID, json: json, $0) }
        }
    }
}
