// The network of delivery: plants, suppliers and networks, what they declare, and who is delivered by which of them.
import Access
import Accounts
import Aggregation
import CivilTime
import Clocks
import Corridor
import Grid
import Meters
import Packs
import SQL

struct NodeView: APIModel {
    var nodeID: ID
    var kind: NodeKind
    var name: String
    var fromDay: Day?
    var geography: String?
    var injectingSTU: ID?
    var drawingSTU: ID?
    var isCTUCapable: Bool
    var resID: ID?
    var capacityW: Int64?
    static let notes: [String: Note] = [
        "nodeID": Note("The node."), "kind": Note("What it is."), "name": Note("Its name; once a kind."),
        "fromDay": Note("Since when it is what is said here; absent when nothing is in force yet."),
        "geography": Note("The state it stands in."), "injectingSTU": Note("The state network a plant feeds."),
        "drawingSTU": Note("The state network a network manager draws from."),
        "isCTUCapable": Note("A plant that can deliver into the network between states."),
        "resID": Note("The supplier who sells what a plant makes."), "capacityW": Note("What it can carry or make."),
    ]
    init(_ node: GridNode, _ facts: NodeFacts?) {
        (nodeID, kind, name) = (ID(node.nodeID), node.kind, node.name)
        fromDay = facts.map { Day(CivilDay(number: $0.fromDay)) }
        geography = facts?.geography
        injectingSTU = facts?.injectingSTU.map { ID($0) }
        drawingSTU = facts?.drawingSTU.map { ID($0) }
        isCTUCapable = facts?.isCTUCapable ?? false
        resID = facts?.resID.map { ID($0) }
        capacityW = facts?.capacityW
    }
    static let example = NodeView(
        GridNode(nodeID: 77, kind: .plant, name: "Mundra"),
        NodeFacts(nodeID: 77, fromDay: CivilDay(number: 20_544), geography: "Gujarat", injectingSTU: 78))
}

struct NodeQuery: APIModel {
    var kind: NodeKind?
    var day: Day?
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "kind": Note("Only nodes of this kind."), "day": Note("As it is on this day; today when not given."),
        "after": Note("The `next` of the part before; without it the list begins."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct NodeList: APIModel {
    var items: [NodeView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of their ids."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct NodeEntry: APIModel {
    var kind: NodeKind
    var name: String
    var fromDay: Day
    var geography: String?
    var injectingSTU: ID?
    var drawingSTU: ID?
    var isCTUCapable: Bool?
    var resID: ID?
    var capacityW: Int64?
    static let notes: [String: Note] = [
        "kind": Note("What it is."), "name": Note("Its name.", length: 1...80), "fromDay": Note("From when on."),
        "geography": Note("The state it stands in.", length: 1...80),
        "injectingSTU": Note("The state network a plant feeds."),
        "drawingSTU": Note("The state network a network manager draws from."),
        "isCTUCapable": Note("A plant that can deliver into the network between states; false when not given."),
        "resID": Note("The supplier who sells what a plant makes."),
        "capacityW": Note("What it can carry or make.", range: 1...1_000_000_000_000),
    ]
}

struct TermFile: APIModel {
    var text: String
    static let notes: [String: Note] = [
        "text": Note(
            "CSV with the header node,term,from,value: node as KIND:NAME or number; loss in percent, charges in rupees "
                + "per kWh.", length: 1...400_000)
    ]
}

struct TermsTaken: APIModel {
    var added: Int
    static let notes: [String: Note] = ["added": Note("Declarations that were new; the same again adds none.")]
}

struct TermQuery: APIModel {
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the list begins."),
        "limit": Note("How many nodes at most; 50 when not given.", range: 1...200),
    ]
}

struct TermView: APIModel {
    var nodeID: ID
    var term: TermKind
    var fromDay: Day
    var revision: Int64
    var value: Int64
    static let notes: [String: Note] = [
        "nodeID": Note("Who declares it."), "term": Note("What is declared."), "fromDay": Note("From when on."),
        "revision": Note("Grows when the same day is declared again."),
        "value": Note("Millionths for a loss, milli-paise per kWh for the others."),
    ]
    init(_ term: NodeTerm) {
        (nodeID, self.term, revision, value) = (ID(term.nodeID), term.term, term.revision, term.value)
        fromDay = Day(CivilDay(number: term.fromDay))
    }
}

struct TermList: APIModel {
    var items: [TermView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of node, term and day."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct NetworkAssignment: APIModel {
    var placeID: ID
    var nmaID: ID
    var fromDay: Day
    var takesFromSTU: Bool?
    static let notes: [String: Note] = [
        "placeID": Note("The place, and what lies under it."), "nmaID": Note("The network manager."),
        "fromDay": Note("From when on."),
        "takesFromSTU": Note("Consumers there are connected to the state network itself; false when not given."),
    ]
}

struct PlantAssignment: APIModel {
    var packID: String
    var plantID: ID
    var fromDay: Day
    static let notes: [String: Note] = [
        "packID": Note("A base pack.", length: 1...80), "plantID": Note("The plant behind it."),
        "fromDay": Note("From when on."),
    ]
}

struct AccountMove: APIModel {
    var accountID: ID
    var placeID: ID
    var fromDay: Day
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "placeID": Note("Where it hangs then."),
        "fromDay": Note("From when on; at the latest today."),
    ]
}

struct GridMeterEntry: APIModel {
    var placeID: ID
    var serial: String
    var fromDay: Day
    static let notes: [String: Note] = [
        "placeID": Note("What goes into this place is what it measures."),
        "serial": Note("The meter's number.", length: 1...64), "fromDay": Note("From when on."),
    ]
}

struct VirtualMeterEntry: APIModel {
    var name: String
    var formula: String
    var fromDay: Day
    static let notes: [String: Note] = [
        "name": Note("Its name.", length: 1...80),
        "formula": Note("Terms with signs: `+meter:12 -place:31 +virtual:7`.", length: 2...4_000),
        "fromDay": Note("From when on."),
    ]
}

struct Made: APIModel {
    var id: ID
    static let notes: [String: Note] = ["id": Note("What it is about.")]
}

extension Endpoints {
    private static let managing: EndpointAccess = .permission([.manageSettings])
    private static let exampleDay = Day(CivilDay(number: 20_544))

    static let network: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<NodeQuery, NodeList>(
                "network.list", "GET", "/api/v1/network/nodes", access: .permission([.readMeters]),
                EndpointText("List plants, suppliers and networks", "As they are on a day."),
                example: NodeQuery(kind: .stu, day: nil, after: nil, limit: 50),
                outputExample: NodeList(items: [.example], next: nil),
                run: { input, context in
                    let limit = input.limit ?? 50
                    let today = try await context.today
                    return try await context.read { transaction, scope in
                        let paths = try DeliveryPaths(scope, in: transaction)
                        let found = try GridNode.all(kind: input.kind, scope, in: transaction).filter {
                            $0.nodeID > input.after?.value ?? 0
                        }
                        let items = found.prefix(limit)
                        return NodeList(
                            items: items.map {
                                NodeView($0, paths.facts(of: $0.nodeID, on: input.day?.value ?? today))
                            }, next: found.count > limit ? items.last.map { ID($0.nodeID) } : nil)
                    }
                })),
        AnyEndpoint(
            Endpoint<NodeEntry, NodeView>(
                "network.set", "POST", "/api/v1/network/nodes", access: managing,
                EndpointText(
                    "Enter a node", "Adds it, or says what it is from a day on. The same again changes nothing."),
                example: NodeEntry(
                    kind: .plant, name: "Mundra", fromDay: exampleDay, geography: "Gujarat", injectingSTU: ID(78)),
                outputExample: .example, problems: [.notFound],
                run: { input, context in
                    let facts = NodeFacts(
                        nodeID: 0, fromDay: input.fromDay.value, geography: input.geography,
                        injectingSTU: input.injectingSTU?.value, drawingSTU: input.drawingSTU?.value,
                        isCTUCapable: input.isCTUCapable ?? false, resID: input.resID?.value, capacityW: input.capacityW
                    )
                    let node = try await context.perform(
                        SetGridNode(kind: input.kind, name: input.name, fromDay: input.fromDay.value, facts: facts))
                    return NodeView(node, facts)
                })),
        AnyEndpoint(
            Endpoint<TermQuery, TermList>(
                "network.terms", "GET", "/api/v1/network/terms", access: .permission([.readMeters]),
                EndpointText("List declarations", "Losses, charges and costs of the nodes, from which day on."),
                example: TermQuery(after: nil, limit: 50),
                outputExample: TermList(
                    items: [
                        TermView(NodeTerm(nodeID: 78, term: .loss, fromDay: 20_544, revision: 1, value: 35_000))
                    ], next: nil),
                run: { input, context in
                    try await context.read { transaction, scope in
                        let found = try NodeTerm.all(scope, in: transaction).filter {
                            $0.nodeID > input.after?.value ?? 0
                        }
                        let nodes = Array(Set(found.map(\.nodeID))).sorted()
                        let shown = nodes.prefix(input.limit ?? 50)
                        return TermList(
                            items: found.filter { $0.nodeID <= shown.last ?? 0 }.map { TermView($0) },
                            next: nodes.count > shown.count ? shown.last.map { ID($0) } : nil)
                    }
                })),
        AnyEndpoint(
            Endpoint<TermFile, TermsTaken>(
                "network.declare", "POST", "/api/v1/network/terms", access: managing,
                EndpointText("Declare losses, charges and costs", "All lines or none; a bad line is named."),
                example: TermFile(text: "node,term,from,value\nstu:GETCO,loss-percent,2026-04-01,3.5\n"),
                outputExample: TermsTaken(added: 1), bodyLimitBytes: 500_000, problems: [.notFound],
                run: { input, context in
                    TermsTaken(added: try await context.perform(DeclareTerms(TermLine.read(input.text))))
                })),
        AnyEndpoint(
            Endpoint<NetworkAssignment, Made>(
                "network.assign", "POST", "/api/v1/places/{placeID}/network", access: managing,
                EndpointText("Say which network manager serves a place", "It holds for what lies under it, too."),
                example: NetworkAssignment(placeID: ID(31), nmaID: ID(79), fromDay: exampleDay),
                outputExample: Made(id: ID(31)), problems: [.notFound],
                run: { input, context in
                    let made = try await context.perform(
                        AssignNetwork(
                            placeID: input.placeID.value, nmaID: input.nmaID.value, fromDay: input.fromDay.value,
                            takesFromSTU: input.takesFromSTU ?? false))
                    return Made(id: ID(made.placeID))
                })),
        AnyEndpoint(
            Endpoint<PlantAssignment, Made>(
                "network.plant", "POST", "/api/v1/network/plants", access: managing,
                EndpointText("Say which plant stands behind a base pack", "Delivery paths follow from it."),
                example: PlantAssignment(packID: "DOM-TOU", plantID: ID(77), fromDay: exampleDay),
                outputExample: Made(id: ID(77)), problems: [.notFound],
                run: { input, context in
                    Made(
                        id: ID(
                            try await context.perform(
                                SetPackPlant(
                                    packID: input.packID, plantID: input.plantID.value, fromDay: input.fromDay.value))))
                })),
        AnyEndpoint(
            Endpoint<AccountMove, Made>(
                "accounts.move", "POST", "/api/v1/accounts/{accountID}/place", access: managing,
                EndpointText("Move an account to another place", "Sums of the days before stay as they were."),
                example: AccountMove(accountID: ID(77), placeID: ID(31), fromDay: exampleDay),
                outputExample: Made(id: ID(77)), problems: [.notFound],
                run: { input, context in
                    Made(
                        id: ID(
                            try await context.perform(
                                MoveAccount(
                                    accountID: input.accountID.value, placeID: input.placeID.value,
                                    fromDay: input.fromDay.value))))
                })),
        AnyEndpoint(
            Endpoint<GridMeterEntry, Made>(
                "network.meter", "POST", "/api/v1/places/{placeID}/meter", access: managing,
                EndpointText("Say which meter measures what goes into a place", "Its balance follows from it."),
                example: GridMeterEntry(placeID: ID(31), serial: "FDR-4", fromDay: exampleDay),
                outputExample: Made(id: ID(90)), problems: [.notFound, .conflict],
                run: { input, context in
                    Made(
                        id: ID(
                            try await context.perform(
                                SetGridMeter(
                                    serial: input.serial, placeID: input.placeID.value, fromDay: input.fromDay.value))))
                })),
        AnyEndpoint(
            Endpoint<VirtualMeterEntry, Made>(
                "network.virtual", "POST", "/api/v1/network/virtual-meters", access: managing,
                EndpointText("Define a virtual meter", "Sums and differences of meters and sets; circles are refused."),
                example: VirtualMeterEntry(name: "Feeder 4 rest", formula: "+meter:12 -place:31", fromDay: exampleDay),
                outputExample: Made(id: ID(91)), problems: [.notFound, .conflict],
                run: { input, context in
                    Made(
                        id: ID(
                            try await context.perform(
                                DefineVirtualMeter(
                                    name: input.name, formula: input.formula, fromDay: input.fromDay.value))))
                })),
    ]
}

extension EndpointContext {
    /// The company of the caller.
    var org: Org {
        get async throws {
            let orgID = try actor.scope.orgID
            return try await services.site.money.read { try Org.find(orgID, in: $0) }
        }
    }

    /// The business day of the caller's company.
    var today: CivilDay {
        get async throws {
            try await org.zone.day(atS: services.site.clocks.businessNowMs() / 1000)
        }
    }
}
