// Who belongs to which sets on a day: installations, places, packs and paths, read once. Meters of the same sets form a
// leaf, so that each meter is added once and the sets are sums of leaves.
import Access
import Accounts
import CivilTime
import Corridor
import Grid
import Meters
import Packs
import SQL

/// What the sets of a company follow from, read once and asked for any day.
public struct SetMasterData: Sendable {
    public let paths: DeliveryPaths
    /// Every place with its kind.
    let kinds: [Int64: PlaceKind]
    let parents: [Int64: Int64]

    public init(_ scope: Scope, in transaction: any SQLTransaction) throws {
        paths = try DeliveryPaths(scope, in: transaction)
        let places = try Place.all(scope, in: transaction)
        kinds = Dictionary(uniqueKeysWithValues: places.map { ($0.placeID, $0.kind) })
        parents = Dictionary(
            uniqueKeysWithValues: places.compactMap { place in place.parentID.map { (place.placeID, $0) } })
    }

    /// The place and those above it, from below. Sums are not kept for poles: they have few meters and are many.
    func branch(_ placeID: Int64) -> [Int64] {
        var found: [Int64] = []
        var at: Int64? = placeID
        while let place = at {
            if kinds[place] != .pole { found.append(place) }
            at = parents[place]
        }
        return found
    }
}

/// An installed meter on a day.
public struct Member: Sendable, Equatable {
    public var meterID: Int64
    public var accountID: Int64
    public var placeID: Int64
    /// Which leaf it belongs to.
    public var leaf: Int
}

/// Meters that belong to the same sets.
public struct Leaf: Sendable, Equatable {
    /// Sets, as text, of which sums are kept.
    public var keys: [String]
    /// Slots of the day at the length its meters measure.
    public var slots: Int
    public var path: DeliveryPath
    public var category: String
}

public struct Membership: Sendable {
    public let day: CivilDay
    /// In order of meter.
    public private(set) var members: [Member] = []
    public private(set) var leaves: [Leaf] = []
    /// Equal memberships, equal number, in every process.
    public private(set) var fingerprint: Int64 = 0

    private struct Kind: Hashable {
        var placeID: Int64
        var category: String
        var packID: String
        var periodS: Int64
    }

    /// - Parameter scope: the company.
    public init(
        on day: CivilDay, _ master: SetMasterData, zone: Zone, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        self.day = day
        let bases = try Subscription.bases(on: day, scope, in: transaction)
        var known: [Kind: Int] = [:]
        var leaves: [Leaf] = []
        var byKeys: [String: Int] = [:]
        var hashes: [UInt64] = []
        var sum: UInt64 = 0
        let rows = try transaction.query(
            """
            SELECT i.meter_id, i.account_id, a.place_id, a.category, m.capture_period_s FROM installation i
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            JOIN meter m ON m.org_id = i.org_id AND m.meter_id = i.meter_id
            WHERE i.org_id = $1 AND i.from_day <= $2 AND (i.to_day IS NULL OR i.to_day >= $2)
            ORDER BY i.meter_id, i.from_day
            """, [.int(scope.orgID), .day(day)]
        ) { row in
            (
                meterID: try row.int(0), accountID: try row.int(1), placeID: try row.int(2),
                category: try row.text(3), periodS: try row.int(4)
            )
        }
        members.reserveCapacity(rows.count)
        for row in rows {
            // One that changed its account that day counts for the later one, as it is charged.
            if members.last?.meterID == row.meterID { members.removeLast() }
            let placeID = master.paths.moves.placeID(of: row.accountID, latest: row.placeID, on: day)
            let kind = Kind(
                placeID: placeID, category: row.category, packID: bases[row.accountID] ?? "", periodS: row.periodS)
            if known[kind] == nil {
                let made = Self.leaf(kind, day, master, zone)
                let text = made.keys.joined(separator: "\n") + "\n\(made.slots)"
                known[kind] = byKeys[text] ?? leaves.count
                if byKeys[text] == nil {
                    byKeys[text] = leaves.count
                    leaves.append(made)
                    hashes.append(Self.hash(text))
                }
            }
            members.append(
                Member(
                    meterID: row.meterID, accountID: row.accountID, placeID: placeID, leaf: known[kind, default: 0]))
        }
        for member in members { sum &+= Self.mix(UInt64(bitPattern: member.meterID) ^ hashes[member.leaf]) }
        self.leaves = leaves
        fingerprint = Int64(bitPattern: sum)
    }

    private static func leaf(_ kind: Kind, _ day: CivilDay, _ master: SetMasterData, _ zone: Zone) -> Leaf {
        var keys: [SetKey] = [.all, .category(kind.category)]
        keys += master.branch(kind.placeID).map { .place($0) }
        let plantID = master.paths.plantID(of: kind.packID, on: day)
        if let plantID {
            keys.append(.node(.plant, plantID))
            if let resID = master.paths.facts(of: plantID, on: day)?.resID { keys.append(.node(.res, resID)) }
        }
        let path = master.paths.path(placeID: kind.placeID, packID: kind.packID, on: day)
        var nodes = (path.corridor?.nodes ?? []).map { SetKey.node($0.kind, $0.nodeID) }
        // Its network manager is known also where there is no path, or one that leaves it out.
        if let nmaID = master.paths.network(of: kind.placeID, on: day)?.nmaID {
            let manager = SetKey.node(.nma, nmaID)
            if !nodes.contains(manager) { nodes.append(manager) }
        }
        keys += nodes
        if let corridor = path.corridor { keys.append(.corridor(corridor.channelKey)) }
        return Leaf(
            keys: keys.map(\.description), slots: zone.slotCount(of: day, periodS: max(60, kind.periodS)), path: path,
            category: kind.category)
    }

    /// FNV-1a: the same in every process, unlike Hasher.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The members of a set that is kept, or of a pole, or one meter. Nil for a virtual meter, which has none.
    public func members(of key: SetKey) -> [Member]? {
        switch key {
        case .virtual: return nil
        case .meter(let meterID): return members.filter { $0.meterID == meterID }
        default:
            let text = key.description
            let isIn = leaves.map { $0.keys.contains(text) }
            if case .place(let placeID) = key, !isIn.contains(true) {
                return members.filter { $0.placeID == placeID }
            }
            return members.filter { isIn[$0.leaf] }
        }
    }

    public func member(_ meterID: Int64) -> Member? {
        var (low, high) = (0, members.count)
        while low < high {
            let middle = (low + high) / 2
            if members[middle].meterID < meterID { low = middle + 1 } else { high = middle }
        }
        return low < members.count && members[low].meterID == meterID ? members[low] : nil
    }
}
