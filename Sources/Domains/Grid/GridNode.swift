// The network of delivery as dated master data: plants, suppliers and the networks between, what each is from which day
// on, which network manager serves which places, and what the nodes declare (losses, charges). Derives no path.
import Access
import CivilTime
import Corridor
import SQL

extension GridSchema {
    /// Statements of migration 45 on tables of this domain.
    public static let delivery = [
        """
        CREATE TABLE grid_node (org_id {id} NOT NULL, node_id {id} NOT NULL, kind {text} NOT NULL, name {text} NOT NULL,
          PRIMARY KEY (org_id, node_id)) {keyed_table}
        """,
        "CREATE UNIQUE INDEX grid_node_name ON grid_node (org_id, kind, name)",
        """
        CREATE TABLE grid_node_facts (org_id {id} NOT NULL, node_id {id} NOT NULL, from_day {int} NOT NULL,
          revision {int} NOT NULL, geography {text}, injecting_stu {id}, drawing_stu {id}, ctu_capable {flag} NOT NULL,
          res_id {id}, capacity_w {int}, made_at_ms {int} NOT NULL,
          PRIMARY KEY (org_id, node_id, from_day, revision)) {keyed_table}
        """,
        """
        CREATE TABLE grid_node_term (org_id {id} NOT NULL, node_id {id} NOT NULL, term {text} NOT NULL,
          from_day {int} NOT NULL, revision {int} NOT NULL, value {int} NOT NULL, made_at_ms {int} NOT NULL,
          PRIMARY KEY (org_id, node_id, term, from_day, revision)) {keyed_table}
        """,
        """
        CREATE TABLE place_network (org_id {id} NOT NULL, place_id {id} NOT NULL, from_day {int} NOT NULL,
          nma_id {id} NOT NULL, takes_from_stu {flag} NOT NULL, PRIMARY KEY (org_id, place_id, from_day)) {keyed_table}
        """,
    ]
}

/// A plant, a supplier or a network.
public struct GridNode: Sendable, Equatable, Codable {
    public var nodeID: Int64
    public var kind: NodeKind
    public var name: String
    public init(nodeID: Int64, kind: NodeKind, name: String) {
        self.nodeID = nodeID
        self.kind = kind
        self.name = name
    }

    private static func decode(_ row: any SQLRow) throws -> GridNode {
        guard let kind = NodeKind(rawValue: try row.text(1)) else {
            throw SQLError(.decode, "network node of unknown kind \(try row.text(1))")
        }
        return GridNode(nodeID: try row.int(0), kind: kind, name: try row.text(2))
    }

    /// Nodes of the company in order of their ids; of a kind or all. At most 10,000.
    public static func all(kind: NodeKind? = nil, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [GridNode]
    {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        var only = ""
        if let kind {
            parameters.append(.text(kind.rawValue))
            only = " AND kind = $2"
        }
        return try transaction.query(
            "SELECT node_id, kind, name FROM grid_node WHERE org_id = $1\(only) ORDER BY node_id LIMIT 10000",
            parameters, decode)
    }

    public static func find(
        _ nodeID: Int64, at field: String = "nodeID", _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> GridNode {
        let found = try transaction.first(
            "SELECT node_id, kind, name FROM grid_node WHERE org_id = $1 AND node_id = $2",
            [.int(scope.orgID), .int(nodeID)], decode)
        guard let found else {
            throw Refusal(
                .notFound, "There is no such network node.",
                hint: "GET /api/v1/network/nodes or `busbar network list` shows them.", at: field)
        }
        return found
    }

    /// By `kind:name`, or by its number.
    public static func find(
        named text: String, at field: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> GridNode {
        if let nodeID = Int64(text) { return try find(nodeID, at: field, scope, in: transaction) }
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2, let kind = NodeKind(rawValue: parts[0]) else {
            throw Refusal(
                .invalid, "A network node is given as KIND:NAME or by its number.", hint: "For example stu:GETCO.",
                at: field)
        }
        let found = try transaction.first(
            "SELECT node_id, kind, name FROM grid_node WHERE org_id = $1 AND kind = $2 AND name = $3",
            [.int(scope.orgID), .text(kind.rawValue), .text(parts[1])], decode)
        guard let found else {
            throw Refusal(
                .notFound, "There is no \(kind.rawValue) of this name.", hint: "`busbar network list` shows them.",
                at: field)
        }
        return found
    }

    func create(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "INSERT INTO grid_node (org_id, node_id, kind, name) VALUES ($1, $2, $3, $4)",
            [.int(scope.orgID), .int(nodeID), .text(kind.rawValue), .text(name)])
    }
}

/// What a node is from a day on. Which fields mean something follows from its kind.
public struct NodeFacts: Sendable, Equatable, Codable {
    public var nodeID: Int64
    public var fromDay: Int32
    /// Grows when the same day is entered again; the highest counts.
    public var revision: Int64
    /// The state it stands in; plants and network managers.
    public var geography: String?
    /// The state network a plant feeds.
    public var injectingSTU: Int64?
    /// The state network a network manager draws from.
    public var drawingSTU: Int64?
    /// A plant that can deliver into the CTU.
    public var isCTUCapable: Bool
    /// The supplier who sells what a plant makes.
    public var resID: Int64?
    /// What it can carry or make.
    public var capacityW: Int64?

    public init(
        nodeID: Int64, fromDay: CivilDay, revision: Int64 = 1, geography: String? = nil, injectingSTU: Int64? = nil,
        drawingSTU: Int64? = nil, isCTUCapable: Bool = false, resID: Int64? = nil, capacityW: Int64? = nil
    ) {
        self.nodeID = nodeID
        self.fromDay = fromDay.number
        self.revision = revision
        self.geography = geography
        self.injectingSTU = injectingSTU
        self.drawingSTU = drawingSTU
        self.isCTUCapable = isCTUCapable
        self.resID = resID
        self.capacityW = capacityW
    }

    func holdsTheSame(as other: NodeFacts) -> Bool {
        var same = other
        (same.fromDay, same.revision) = (fromDay, revision)
        return same == self
    }

    /// Every row of the company, the current revision of each day, in order of node and day.
    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> [NodeFacts] {
        let rows = try transaction.query(
            """
            SELECT node_id, from_day, revision, geography, injecting_stu, drawing_stu, ctu_capable, res_id, capacity_w
            FROM grid_node_facts WHERE org_id = $1 ORDER BY node_id, from_day, revision
            """, [.int(scope.orgID)]
        ) { row in
            NodeFacts(
                nodeID: try row.int(0), fromDay: try row.day(1), revision: try row.int(2),
                geography: try row.optionalText(3), injectingSTU: try row.optionalInt(4),
                drawingSTU: try row.optionalInt(5), isCTUCapable: try row.flag(6), resID: try row.optionalInt(7),
                capacityW: try row.optionalInt(8))
        }
        return rows.reduce(into: []) { kept, row in
            if let last = kept.last, last.nodeID == row.nodeID, last.fromDay == row.fromDay { kept.removeLast() }
            kept.append(row)
        }
    }

    func insert(atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO grid_node_facts (org_id, node_id, from_day, revision, geography, injecting_stu, drawing_stu,
              ctu_capable, res_id, capacity_w, made_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            [
                .int(scope.orgID), .int(nodeID), .int(fromDay), .int(revision), .optional(geography),
                .optional(injectingSTU), .optional(drawingSTU), .flag(isCTUCapable), .optional(resID),
                .optional(capacityW), .int(atMs),
            ])
    }
}

/// Which network manager serves a place and what lies under it, from a day on.
public struct PlaceNetwork: Sendable, Equatable, Codable {
    public var placeID: Int64
    public var fromDay: Int32
    public var nmaID: Int64
    /// Consumers there are connected at the voltage of the state network: no wires of the manager are used.
    public var takesFromSTU: Bool

    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> [PlaceNetwork] {
        try transaction.query(
            """
            SELECT place_id, from_day, nma_id, takes_from_stu FROM place_network WHERE org_id = $1
            ORDER BY place_id, from_day
            """, [.int(scope.orgID)]
        ) { row in
            PlaceNetwork(
                placeID: try row.int(0), fromDay: try row.day(1).number, nmaID: try row.int(2),
                takesFromSTU: try row.flag(3))
        }
    }
}

/// The parent of every place of the company, for walks up the tree in memory.
extension Place {
    public static func parents(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64: Int64] {
        let rows = try transaction.query(
            "SELECT place_id, parent_id FROM place WHERE org_id = $1 AND parent_id IS NOT NULL", [.int(scope.orgID)]
        ) { (try $0.int(0), try $0.int(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
