// `busbar meter`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct MeterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meter", abstract: "Meters on the network and the accounts they serve.",
        subcommands: [
            Add.self, List.self, Profiles.self, SetProfile.self, Order.self, Orders.self, Approve.self, Stop.self,
            Firmware.self, RotateKeys.self,
            RecoverCounter.self,
        ])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enters a meter and the account it serves, and prints the account's id.",
            discussion: """
                Try it: busbar meter add BB100001 --host 10.1.2.3 --auth hls-2 --secret-file secret.txt \
                --account BB-000101 --name "Asha Devi" --pack packs.json
                """)
        @Argument(help: "Serial number.") var serial: String
        @Option(help: "Name or address, IPv4 or IPv6.") var host: String
        @Option(parsing: .unconditional, help: "TCP port.") var port = 4059
        @Option(help: "none, lls, hls-2 or hls-gmac.") var auth = "hls-2"
        @Option(parsing: .unconditional, help: "Client address; usual for the authentication when left out.")
        var client: UInt16?
        @Option(help: "File with the password or HLS secret.") var secretFile: String?
        @Option(help: "File with the encryption key: 16 octets or 32 hexadecimal digits.") var ekFile: String?
        @Option(help: "File with the authentication key.") var akFile: String?
        @Option(help: "File with the master key (KEK), with which new keys are wrapped.") var kekFile: String?
        @Option(parsing: .unconditional, help: "Capture period of the load profile in seconds.") var period: Int64 =
            1_800
        @Option(
            help: """
                Kind of meter: a name of `busbar meter profiles`, or auto, which asks the meter what it has.
                """)
        var profile = "auto"
        @Option(help: "Account number, for good.") var account: String
        @Option(help: "Name of the consumer.") var name: String
        @Option(help: "Category of the consumer.") var category = "domestic"
        @Option(help: "Rate file (JSON) with packs and sanctioned load.") var pack: String
        @Option(help: "First day, 2026-03-01; today when left out.") var from: String?
        @Option(parsing: .unconditional, help: "Number of the place it hangs under; the company's first when left out.")
        var place: Int64?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            let options = NewMeterOptions(
                serial: serial, host: host, port: port, authentication: auth, client: client,
                secret: SecretSource(file: secretFile), encryptionKey: SecretSource(file: ekFile),
                authenticationKey: SecretSource(file: akFile), masterKey: SecretSource(file: kekFile), periodS: period,
                profileName: profile, accountNumber: account,
                consumerName: name, category: category, packFile: pack, fromDay: from, placeID: place)
            try await leaving { try await addMeter(shared.site, orgID: org.orgID, options, $0) }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists meters.", discussion: "Try it: busbar meter list --set nma:123456789")
        @Option(help: "Only meters of this set: place:ID, category:NAME, or plant:, res:, nma:, stu:, ctu: with an ID.")
        var set: String?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listMeters(shared.site, orgID: org.orgID, set: set, $0) }
        }
    }
}

extension MeterCommand {
    struct Profiles: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the kinds of meter that are known, with maker, base, file and how many meters have each.",
            discussion: """
                Makers' files are read from meter_profiles, else from profiles in the data folder.
                Try it: busbar meter profiles
                """)
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listProfiles(shared.site, orgID: org.orgID, $0) }
        }
    }

    struct SetProfile: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-profile", abstract: "Says of which kind a meter is.",
            discussion: "Try it: busbar meter set-profile BB100001 acme-one --why \"new make\"")
        @Argument(help: "Serial number.") var serial: String
        @Argument(help: "A name of `busbar meter profiles`, or auto, which asks the meter what it has.")
        var name: String
        @Option(help: "The reason, for the trail.") var why: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await setProfile(shared.site, orgID: org.orgID, serial: serial, name: name, why: why, $0)
            }
        }
    }
}
