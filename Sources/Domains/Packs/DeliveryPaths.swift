// By which way an account is delivered on a day: from the plant behind its base pack to its network manager. Reads the
// master data once and answers for any day; the derivation itself is Corridor's.
import Access
import Accounts
import CivilTime
import Corridor
import Grid
import SQL

extension PacksSchema {
    /// Statements of migration 45 on tables of this domain.
    public static let delivery = [
        """
        CREATE TABLE pack_plant (org_id {id} NOT NULL, pack_id {text} NOT NULL, from_day {int} NOT NULL,
          plant_id {id} NOT NULL, PRIMARY KEY (org_id, pack_id, from_day)) {keyed_table}
        """
    ]
}

/// A path as derived, or why there is none.
public enum DeliveryPath: Sendable, Equatable {
    /// The master data knows no plant behind the pack, or no network manager of the place.
    case unassigned
    case path(Corridor)
    case rejected(CorridorError)

    /// As a charge stores it: the path's key, `rejected NAME`, or nothing.
    public var stored: String {
        switch self {
        case .unassigned: ""
        case .path(let corridor): corridor.channelKey
        case .rejected(let error): "rejected \(error.rawValue)"
        }
    }
    public var corridor: Corridor? {
        if case .path(let corridor) = self { corridor } else { nil }
    }
}

/// The dated master data of delivery, in memory.
public struct DeliveryPaths: Sendable {
    public static let twoNodesSetting = "delivery.two-nodes"
    public static let lossesSetting = "delivery.losses"
    public static let settings: [SettingKind] = [
        .choice(
            twoNodesSetting, TwoNodeMeaning.allCases.map(\.rawValue), initial: TwoNodeMeaning.stuAndNMA.rawValue,
            hint: "Which two nodes serve a consumer in the state of the plant."),
        .choice(
            lossesSetting, LossComposition.allCases.map(\.rawValue), initial: LossComposition.chain.rawValue,
            hint: "How the losses of the nodes of a path come together."),
    ]

    public let nodes: [Int64: GridNode]
    private let facts: [Int64: [NodeFacts]]
    private let terms: [Int64: [NodeTerm]]
    private let networks: [Int64: [PlaceNetwork]]
    private let plants: [String: [(fromDay: CivilDay, plantID: Int64)]]
    /// The parent of each place; empty while the company has no node.
    public let parents: [Int64: Int64]
    public let moves: AccountMoves
    private let twoNodes: [(fromDay: CivilDay, value: String)]
    private let losses: [(fromDay: CivilDay, value: String)]

    public init(_ scope: Scope, in transaction: any SQLTransaction) throws {
        let all = try GridNode.all(scope, in: transaction)
        nodes = Dictionary(uniqueKeysWithValues: all.map { ($0.nodeID, $0) })
        facts = Dictionary(grouping: try NodeFacts.all(scope, in: transaction), by: \.nodeID)
        terms = Dictionary(grouping: try NodeTerm.all(scope, in: transaction), by: \.nodeID)
        networks = Dictionary(grouping: try PlaceNetwork.all(scope, in: transaction), by: \.placeID)
        parents = all.isEmpty ? [:] : try Place.parents(scope, in: transaction)
        moves = try AccountMoves(scope, in: transaction)
        let rows = try transaction.query(
            "SELECT pack_id, from_day, plant_id FROM pack_plant WHERE org_id = $1 ORDER BY pack_id, from_day",
            [.int(scope.orgID)]
        ) { (packID: try $0.text(0), fromDay: try $0.day(1), plantID: try $0.int(2)) }
        plants = Dictionary(grouping: rows, by: \.packID).mapValues { $0.map { ($0.fromDay, $0.plantID) } }
        twoNodes = try Setting.rows(Self.twoNodesSetting, scope, in: transaction)
        losses = try Setting.rows(Self.lossesSetting, scope, in: transaction)
    }

    public func facts(of nodeID: Int64, on day: CivilDay) -> NodeFacts? {
        facts[nodeID]?.last { $0.fromDay <= day.number }
    }

    /// What a node declares for a day: the latest from that day or before.
    public func term(_ term: TermKind, of nodeID: Int64, on day: CivilDay) -> Int64? {
        terms[nodeID]?.last { $0.term == term && $0.fromDay <= day.number }?.value
    }

    public func composition(on day: CivilDay) -> LossComposition {
        losses.last { $0.fromDay <= day }.flatMap { LossComposition(rawValue: $0.value) } ?? .chain
    }

    /// The plant behind a pack on a day.
    public func plantID(of packID: String, on day: CivilDay) -> Int64? {
        plants[packID]?.last { $0.fromDay <= day }?.plantID
    }

    /// The network manager of a place: of itself or of the nearest place above that has one.
    public func network(of placeID: Int64, on day: CivilDay) -> PlaceNetwork? {
        guard !networks.isEmpty else { return nil }
        var place: Int64? = placeID
        while let at = place {
            if let found = networks[at]?.last(where: { $0.fromDay <= day.number }) { return found }
            place = parents[at]
        }
        return nil
    }

    /// The path to a place under a base pack.
    public func path(placeID: Int64, packID: String, on day: CivilDay) -> DeliveryPath {
        guard let plantID = plantID(of: packID, on: day), let network = network(of: placeID, on: day) else {
            return .unassigned
        }
        let plant = facts(of: plantID, on: day)
        let nma = facts(of: network.nmaID, on: day)
        let ctus = nodes.values.filter { $0.kind == .ctu }
        let meaning = twoNodes.last { $0.fromDay <= day }.flatMap { TwoNodeMeaning(rawValue: $0.value) }
        do throws(CorridorError) {
            return .path(
                try Corridor.derive(
                    plant: PlantFacts(
                        plantID: plantID, geography: plant?.geography, injectingSTU: plant?.injectingSTU,
                        isCTUCapable: plant?.isCTUCapable ?? false),
                    nma: NMAFacts(nmaID: network.nmaID, geography: nma?.geography, drawingSTU: nma?.drawingSTU),
                    ctu: ctus.count == 1 ? ctus.first?.nodeID : nil, takesFromSTU: network.takesFromSTU,
                    twoNodeMeaning: meaning ?? .stuAndNMA))
        } catch {
            return .rejected(error)
        }
    }
}

/// Says which plant stands behind a base pack from a day on.
public struct SetPackPlant: Command {
    public static let name = "packs.set-plant"
    public static let permissions: [Permission] = [.manageSettings]
    public var packID: String
    public var plantID: Int64
    public var fromDay: CivilDay
    public init(packID: String, plantID: Int64, fromDay: CivilDay) {
        self.packID = packID
        self.plantID = plantID
        self.fromDay = fromDay
    }
    public var key: String? { nil }
    public var subjectID: Int64 { plantID }
    public var content: String { "pack=\(packID) plant=\(plantID) from=\(fromDay)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        guard scope.isWholeCompany else {
            throw Refusal(.forbidden, "The network of delivery belongs to the whole company.")
        }
        guard try GridNode.find(plantID, at: "plantID", scope, in: transaction).kind == .plant else {
            throw Refusal(.invalid, "This is no plant.", at: "plantID")
        }
        let isBase = try transaction.first(
            "SELECT 1 FROM pack WHERE org_id = $1 AND pack_id = $2 AND kind = 'base' LIMIT 1",
            [.int(scope.orgID), .text(packID)]
        ) { try $0.int(0) }
        guard isBase != nil else { throw Refusal(.notFound, "There is no base pack of this name.", at: "packID") }
        let known = try transaction.first(
            "SELECT plant_id FROM pack_plant WHERE org_id = $1 AND pack_id = $2 AND from_day = $3",
            [.int(scope.orgID), .text(packID), .day(fromDay)]
        ) { try $0.int(0) }
        try transaction.run(
            """
            INSERT INTO pack_plant (org_id, pack_id, from_day, plant_id) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, pack_id, from_day) DO UPDATE SET plant_id = excluded.plant_id
            """, [.int(scope.orgID), .text(packID), .day(fromDay), .int(plantID)])
        context.changed(
            .company, "pack \(packID) plant from \(fromDay)", from: known.map { String($0) }, to: String(plantID))
        return plantID
    }
}

extension Subscription {
    /// The base pack of every account of the company that holds one on a day, as ``Packs/plan(for:on:_:in:)`` chooses.
    public static func bases(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [Int64: String]
    {
        let rows = try transaction.query(
            """
            SELECT account_id, pack_id FROM subscription
            WHERE org_id = $1 AND kind = 'base' AND from_day <= $2 AND (to_day IS NULL OR to_day >= $2)
              AND state NOT IN ('draft', 'rejected') ORDER BY account_id, from_day, subscription_id
            """, [.int(scope.orgID), .day(day)]
        ) { (try $0.int(0), try $0.text(1)) }
        // The latest comes last.
        return rows.reduce(into: [:]) { found, row in found[row.0] = row.1 }
    }
}
