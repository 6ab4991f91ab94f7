// Entering the network of delivery: nodes with what they are from a day on, and which manager serves which places.
import Access
import CivilTime
import Clocks
import Corridor
import SQL

/// Adds a node, or says what it is from a day on. The same again changes nothing.
public struct SetGridNode: Command {
    public static let name = "grid.set-node"
    public static let permissions: [Permission] = [.manageSettings]
    public let kind: NodeKind
    public let nodeName: String
    public let fromDay: CivilDay
    public let facts: NodeFacts

    /// - Parameter facts: its node and revision are not looked at.
    /// - Throws: ``Refusal`` for a name that cannot be, or facts that do not belong to the kind.
    public init(kind: NodeKind, name: String, fromDay: CivilDay, facts: NodeFacts) throws {
        // Names stand in files and keys, so what separates there is left out.
        guard (1...80).contains(name.count), Int64(name) == nil,
            !name.unicodeScalars.contains(where: {
                $0.properties.generalCategory == .control || [",", "|", ":", "\""].contains($0)
            })
        else {
            throw Refusal(
                .invalid, "The name must have 1 to 80 characters and be no number.",
                hint: "Leave out commas, colons, bars and quotes.", at: "name")
        }
        func only(_ kinds: [NodeKind], _ isGiven: Bool, _ field: String) throws {
            guard !isGiven || kinds.contains(kind) else {
                throw Refusal(
                    .invalid, "A \(kind.rawValue) has no \(field).",
                    hint: "It belongs to: \(kinds.map(\.rawValue).joined(separator: ", ")).", at: field)
            }
        }
        try only([.plant, .nma, .stu], facts.geography != nil, "geography")
        try only([.plant], facts.injectingSTU != nil, "injectingSTU")
        try only([.nma], facts.drawingSTU != nil, "drawingSTU")
        try only([.plant], facts.isCTUCapable, "isCTUCapable")
        try only([.plant], facts.resID != nil, "resID")
        guard facts.geography.map({ (1...80).contains($0.count) }) != false else {
            throw Refusal(.invalid, "The state must have 1 to 80 characters.", at: "geography")
        }
        guard facts.capacityW.map({ (1...1_000_000_000_000).contains($0) }) != false else {
            throw Refusal(.invalid, "A capacity is 1 W to 1,000 GW.", at: "capacityW")
        }
        (self.kind, nodeName, self.fromDay, self.facts) = (kind, name, fromDay, facts)
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String { "\(kind.rawValue):\(nodeName) from=\(fromDay)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> GridNode {
        let scope = context.actor.scope
        guard scope.isWholeCompany else {
            throw Refusal(.forbidden, "The network of delivery belongs to the whole company.")
        }
        for (nodeID, kind, field) in [
            (facts.injectingSTU, NodeKind.stu, "injectingSTU"), (facts.drawingSTU, .stu, "drawingSTU"),
            (facts.resID, .res, "resID"),
        ] {
            guard let nodeID else { continue }
            guard try GridNode.find(nodeID, at: field, scope, in: transaction).kind == kind else {
                throw Refusal(.invalid, "This is no \(kind.rawValue).", at: field)
            }
        }
        let known = try GridNode.all(kind: kind, scope, in: transaction).first { $0.name == nodeName }
        let node = known ?? GridNode(nodeID: context.ids.next(), kind: kind, name: nodeName)
        if known == nil {
            try node.create(scope, in: transaction)
            context.changed(.company, "network node \(node.nodeID)", from: nil, to: "\(kind.rawValue):\(nodeName)")
        }
        var row = facts
        (row.nodeID, row.fromDay, row.revision) = (node.nodeID, fromDay.number, 1)
        let earlier = try NodeFacts.all(scope, in: transaction).filter { $0.nodeID == node.nodeID }
        if let same = earlier.first(where: { $0.fromDay == row.fromDay }) {
            if same.holdsTheSame(as: row) { return node }
            row.revision = same.revision + 1
        }
        try row.insert(atMs: context.businessNowMs, scope, in: transaction)
        context.changed(
            .company, "\(kind.rawValue):\(nodeName) from \(fromDay)",
            from: earlier.last { $0.fromDay <= row.fromDay }.map(Self.text), to: Self.text(row))
        return node
    }

    private static func text(_ facts: NodeFacts) -> String {
        [
            "geography=\(facts.geography ?? "")", "injecting=\(facts.injectingSTU ?? 0)",
            "drawing=\(facts.drawingSTU ?? 0)", "ctu=\(facts.isCTUCapable)", "res=\(facts.resID ?? 0)",
            "capacity=\(facts.capacityW ?? 0)",
        ].joined(separator: " ")
    }
}

/// Says which network manager serves a place and what lies under it, from a day on.
public struct AssignNetwork: Command {
    public static let name = "grid.assign-network"
    public static let permissions: [Permission] = [.manageSettings]
    public var placeID: Int64
    public var nmaID: Int64
    public var fromDay: CivilDay
    public var takesFromSTU: Bool
    public init(placeID: Int64, nmaID: Int64, fromDay: CivilDay, takesFromSTU: Bool = false) {
        self.placeID = placeID
        self.nmaID = nmaID
        self.fromDay = fromDay
        self.takesFromSTU = takesFromSTU
    }
    public var key: String? { nil }
    public var subjectID: Int64 { placeID }
    public var content: String { "place=\(placeID) nma=\(nmaID) from=\(fromDay) at-stu=\(takesFromSTU)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> PlaceNetwork {
        let scope = context.actor.scope
        guard scope.isWholeCompany else {
            throw Refusal(.forbidden, "The network of delivery belongs to the whole company.")
        }
        _ = try Place.find(placeID, scope, in: transaction)
        guard try GridNode.find(nmaID, at: "nmaID", scope, in: transaction).kind == .nma else {
            throw Refusal(.invalid, "This is no network manager.", hint: "Give a node of kind nma.", at: "nmaID")
        }
        try transaction.run(
            """
            INSERT INTO place_network (org_id, place_id, from_day, nma_id, takes_from_stu) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (org_id, place_id, from_day)
            DO UPDATE SET nma_id = excluded.nma_id, takes_from_stu = excluded.takes_from_stu
            """, [.int(scope.orgID), .int(placeID), .day(fromDay), .int(nmaID), .flag(takesFromSTU)])
        context.changed(
            .company, "place \(placeID) network from \(fromDay)", from: nil,
            to: "\(nmaID)\(takesFromSTU ? " at the voltage of the state network" : "")")
        return PlaceNetwork(
            placeID: placeID, fromDay: fromDay.number, nmaID: nmaID, takesFromSTU: takesFromSTU)
    }
}
