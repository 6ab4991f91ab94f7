// `busbar network` and `busbar report`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct NetworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network", abstract: "The network of delivery: plants, suppliers, networks, losses.",
        subcommands: [
            Add.self, Import.self, List.self, Declare.self, Assign.self, Pack.self, Head.self, Virtual.self, Move.self,
            Sum.self,
        ])

    /// What every change takes.
    struct Change: ParsableArguments {
        @Option(help: "From this day on; today when not given.") var from: String?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run(_ change: NetworkChange) async throws {
            try await leaving { try await changeNetwork(shared.site, orgID: org.orgID, change, from: from, $0) }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a node, or says what it is from a day on, and prints its number.",
            discussion: """
                Try it: busbar network add nma "Mundra Urban" --state Gujarat --drawing stu:GETCO
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "plant, res, nma, stu or ctu.") var kind: String
        @Argument(help: "Its name; once a kind.") var name: String
        @Option(help: "From this day on; today when not given.") var from: String?
        @Option(name: .customLong("state"), help: "The state it stands in.") var geography: String?
        @Option(help: "The state network a plant feeds.") var injecting: String?
        @Option(help: "The state network a network manager draws from.") var drawing: String?
        @Flag(name: .customLong("ctu-capable"), help: "A plant that can deliver between states directly.")
        var isCTUCapable = false
        @Option(help: "The supplier who sells what a plant makes.") var supplier: String?
        @Option(name: .customLong("capacity-kw"), help: "What it can carry or make, kW.") var capacityKW: Int64?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            let node = NodeArguments(
                kind: kind, name: name, from: from, geography: geography, injecting: injecting, drawing: drawing,
                isCTUCapable: isCTUCapable, supplier: supplier, capacityKW: capacityKW)
            try await leaving { try await addNetworkNode(shared.site, orgID: org.orgID, node, $0) }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes nodes, or the places they serve, from a CSV; all lines or none.",
            discussion: """
                The first line is node,from,state,injecting,drawing,ctu_capable,supplier,capacity_kw with nodes as
                KIND:NAME, or place,nma,from,at_stu with places by number or name. The same file again changes nothing.
                Try it: busbar network import nodes.csv
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The file.", completion: .file()) var file: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions
        func run() async throws {
            try await leaving { try await changeNetwork(shared.site, orgID: org.orgID, .file(file), from: nil, $0) }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists nodes.", discussion: "Try it: busbar network list --json")
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listNetwork(shared.site, orgID: org.orgID, json: json, $0) }
        }
    }

    struct Declare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes declared losses, charges and costs from a file, all lines or none.",
            discussion: """
                The first line is node,term,from,value; terms are loss-percent, delivery-charge, service-margin and
                generation-cost, charges in rupees per kWh.
                Try it: busbar network declare losses-april.csv
                """)
        @Argument(help: "The file.", completion: .file()) var file: String
        @OptionGroup var change: Change
        func run() async throws { try await change.run(.declare(file: file)) }
    }

    struct Assign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says which network manager serves a place and what lies under it.",
            discussion: "Try it: busbar network assign 123456789 nma:Mundra")
        @Argument(help: "Number of the place.") var place: Int64
        @Argument(help: "The network manager.") var nma: String
        @Flag(name: .customLong("at-stu"), help: "Consumers there are connected to the state network itself.")
        var takesFromSTU = false
        @OptionGroup var change: Change
        func run() async throws {
            try await change.run(.assign(place: place, nma: nma, takesFromSTU: takesFromSTU))
        }
    }

    struct Pack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says which plant stands behind a base pack.",
            discussion: "Try it: busbar network pack DOM-TOU plant:Mundra")
        @Argument(help: "The base pack.") var pack: String
        @Argument(help: "The plant.") var plant: String
        @OptionGroup var change: Change
        func run() async throws { try await change.run(.pack(packID: pack, plant: plant)) }
    }

    struct Head: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says which meter measures what goes into a place.",
            discussion: "Try it: busbar network head FDR-4 123456789")
        @Argument(help: "The meter's number.") var serial: String
        @Argument(help: "Number of the place.") var place: Int64
        @OptionGroup var change: Change
        func run() async throws { try await change.run(.head(serial: serial, place: place)) }
    }

    struct Virtual: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Defines a virtual meter and prints its number.",
            discussion: "Try it: busbar network virtual \"Feeder 4 rest\" \"+meter:12 -place:31\"")
        @Argument(help: "Its name.") var name: String
        @Argument(help: "Terms with signs.") var formula: String
        @OptionGroup var change: Change
        func run() async throws { try await change.run(.virtual(name: name, formula: formula)) }
    }

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves an account to another place of the network.",
            discussion: "Try it: busbar network move BB-000123 123456789 --from 2026-04-10")
        @Argument(help: "The account's number.") var account: String
        @Argument(help: "Number of the place.") var place: Int64
        @OptionGroup var change: Change
        func run() async throws { try await change.run(.move(account: account, place: place)) }
    }

    struct Sum: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings the sums of all sets up to what is stored.",
            discussion: "The server does this every 15 minutes by itself. Try it: busbar network sum")
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions
        func run() async throws {
            try await leaving { try await bringUpSums(shared.site, orgID: org.orgID, $0) }
        }
    }
}

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Prints a report as a table, CSV or JSON.",
        discussion: """
            Reports: \(reportNames.joined(separator: ", ")).
            Try it: busbar report data-availability --from 2026-04-01 --to 2026-04-30 --format csv
            Exit codes: 0 printed, 1 refused, 2 wrong call, 3 in use or out of reach.
            """)
    @Argument(help: "Which report.") var name: String
    @Option(help: "First day.") var from: String
    @Option(help: "Last day.") var to: String
    @Option(help: "The set it is about, such as place:123.") var set: String?
    @Option(help: "By what consumption is broken up: \(reportBreakUps.joined(separator: ", ")).") var by: String?
    @Option(help: "table, csv or json.") var format = "table"
    @OptionGroup var org: OrgOption
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await leaving {
            try await printReport(
                shared.site, orgID: org.orgID, name: name, from: from, to: to, set: set, by: by, format: format, $0)
        }
    }
}
