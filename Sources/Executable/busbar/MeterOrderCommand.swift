// `busbar meter order|orders|approve|stop|firmware`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

/// A person instead of the machine.
struct PersonOptions: ParsableArguments {
    @Option(name: .customLong("as"), help: "Username of the person who orders or approves; else the machine.")
    var username: String?
    @Option(help: "File with the password on its first line.") var passwordFile: String?

    func person() throws -> OrderingPerson {
        OrderingPerson(username: username, password: try passwordFile.map { try Composition.password(fromFile: $0) })
    }
}

extension MeterCommand {
    struct Order: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Orders something of meters: supply, load limit, calendar, balance, firmware and more.",
            discussion: """
                Matters: relay (open, closed), load-limit (W), calendar (@FILE with JSON), balance (paise), \
                payment-mode (prepaid, postpaid), clock now, firmware (version), reset.maximum-demand next, \
                reset.tamper next, reset.status next, setting.demand-period (s), \
                setting.push-alert (address:port), maker.NAME.
                Cuts, limits and firmware for many meters wait for a second person.
                Try it: busbar meter order load-limit 3000 BB100001 --reason "New sanctioned load"
                A feeder, twenty at a time: busbar meter order relay open --place 12 --wave 20 --reason "Fire"
                Exit codes: 0 ordered, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "What it is about.") var matter: String
        @Argument(help: "What is wanted.") var value: String
        @Argument(help: "Serial numbers.") var serials: [String] = []
        @Option(parsing: .unconditional, help: "All meters under this place instead.") var place: Int64?
        @Option(help: "Why; it is shown with every command.") var reason: String
        @Option(parsing: .unconditional, help: "Meters told at once.") var wave: Int64 = 50
        @Option(parsing: .unconditional, help: "Minutes between two waves.") var pause: Int64 = 0
        @Option(parsing: .unconditional, help: "Cut only whose balance is below this, paise.") var below: Int64?
        @OptionGroup var person: PersonOptions
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                let options = MeterOrderOptions(
                    orgID: org.orgID, matter: matter, value: value == "next" || value == "now" ? "" : value,
                    serials: serials, placeID: place, reason: reason, waveSize: wave, pauseMinutes: pause,
                    belowPaise: below, person: try person.person())
                return try await orderMeters(shared.site, options, $0)
            }
        }
    }

    struct Orders: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists orders to meters with how far each has come.",
            discussion: "Try it: busbar meter orders --json\nExit codes: 0 listed, 1 no such company, 3 in use.")
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listOrders(shared.site, orgID: org.orgID, json: json, $0) }
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Approves an order that waits for a second person.",
            discussion: """
                Who gave the order cannot approve it.
                Try it: busbar meter approve 7301 --as bela --password-file secret.txt
                Exit codes: 0 approved, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The order.") var order: Int64
        @OptionGroup var person: PersonOptions
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await approveOrder(
                    shared.site, orgID: org.orgID, orderID: order, try person.person(), $0)
            }
        }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stops an order: no further meter is told, what was not done is taken back.",
            discussion: """
                Try it: busbar meter stop 7301 --reason "wrong feeder"
                Exit codes: 0 stopped, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The order.") var order: Int64
        @Option(help: "Why.") var reason: String
        @OptionGroup var person: PersonOptions
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await stopOrder(
                    shared.site, orgID: org.orgID, orderID: order, reason: reason, try person.person(), $0)
            }
        }
    }

    struct Firmware: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a firmware image, kept by the SHA-256 of its content.",
            discussion: """
                Prints the SHA-256. With --sha256 the image must be that one.
                Try it: busbar meter firmware image.bin --version 2.14
                Exit codes: 0 added, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The image.", completion: .file()) var file: String
        @Option(help: "What a meter shows once it runs.") var version: String
        @Option(help: "As the maker gives it.") var sha256: String?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await addFirmware(
                    shared.site, orgID: org.orgID, file: file, version: version, sha256: sha256, $0)
            }
        }
    }
}
