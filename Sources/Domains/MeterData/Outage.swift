// Outages of the network: which outages of meters are one, which silent meters are counted with them, whether it was
// planned. Versions are superseded, never changed. Sends nothing.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import Meters
import Reliability
import SQL

/// One version of one outage.
public struct Outage: Sendable, Equatable {
    public var outageID: Int64
    public var version: Int64
    /// The node that failed, or the place of the one meter.
    public var placeID: Int64?
    /// A node failed, not one meter alone.
    public var isNode: Bool
    public var startMs: Int64
    /// Nil while a meter that spoke is dark.
    public var endMs: Int64?
    /// Meters that say themselves that they were dark, silent ones beside them, and all under the node.
    public var members: Int
    public var silent: Int
    public var ofMeters: Int
    public var plannedID: Int64?
    public var isWithdrawn: Bool
    public var madeAtMs: Int64

    public init(
        outageID: Int64, version: Int64, placeID: Int64? = nil, isNode: Bool, startMs: Int64, endMs: Int64? = nil,
        members: Int, silent: Int, ofMeters: Int, plannedID: Int64? = nil, isWithdrawn: Bool, madeAtMs: Int64
    ) {
        self.outageID = outageID
        self.version = version
        self.placeID = placeID
        self.isNode = isNode
        self.startMs = startMs
        self.endMs = endMs
        self.members = members
        self.silent = silent
        self.ofMeters = ofMeters
        self.plannedID = plannedID
        self.isWithdrawn = isWithdrawn
        self.madeAtMs = madeAtMs
    }

    static let columns = """
        n.outage_id, n.version, n.place_id, n.is_node, n.start_ms, n.end_ms, n.members, n.silent, n.of_meters,
        n.planned_id, n.is_withdrawn, n.made_at_ms
        """

    static func decode(_ row: any SQLRow) throws -> Outage {
        Outage(
            outageID: try row.int(0), version: try row.int(1), placeID: try row.optionalInt(2),
            isNode: try row.flag(3), startMs: try row.int(4), endMs: try row.optionalInt(5),
            members: Int(try row.int(6)), silent: Int(try row.int(7)), ofMeters: Int(try row.int(8)),
            plannedID: try row.optionalInt(9), isWithdrawn: try row.flag(10), madeAtMs: try row.int(11))
    }

    /// Says the same as another version.
    func agrees(with other: Outage) -> Bool {
        var other = other
        (other.version, other.madeAtMs) = (version, madeAtMs)
        return self == other
    }
}

/// Which meters gave a sign of life within a span, of those asked about: the caller knows who hears meters.
public typealias SignsOfLife = ([Int64], _ fromMs: Int64, _ toMs: Int64, any SQLTransaction) throws -> Set<Int64>

/// Joins the outages of meters to outages of the network, a stretch of time in one transaction.
public struct OutageJoiner {
    /// A chain of outages close together is looked at as a whole up to so far back and ahead.
    static let stretchMs: Int64 = 6 * 3_600_000
    /// A planned shutdown may begin so much earlier than it was announced.
    static let earlyMs: Int64 = 15 * 60_000
    static let nodeKinds: [PlaceKind] = [.plant, .feeder, .transformer, .pole]

    let scope: Scope
    let rules: OutageRules
    let zone: Zone
    let nowMs: Int64
    let ids: IDGenerator
    let signsOfLife: SignsOfLife

    public init(
        rules: OutageRules, zone: Zone, nowMs: Int64, ids: IDGenerator, _ scope: Scope,
        signsOfLife: @escaping SignsOfLife
    ) {
        self.scope = scope
        self.rules = rules
        self.zone = zone
        self.nowMs = nowMs
        self.ids = ids
        self.signsOfLife = signsOfLife
    }

    /// Joins the earliest outages that were not looked at since they changed, with those around them.
    /// - Returns: how many were not looked at before; 0 when nothing is left to do.
    public func joinNext(in transaction: any SQLTransaction) throws -> Int {
        let firstMs =
            try transaction.first(
                """
                SELECT MIN(start_ms) FROM meter_outage WHERE org_id = $1 AND grouped = 0 AND superseded_at_ms IS NULL
                """, [.int(scope.orgID)]
            ) { try $0.optionalInt(0) } ?? nil
        guard let firstMs else { return 0 }
        try MeterOutages.takeTurn(meterID: 0, scope, in: transaction)
        let all = try spans(fromMs: firstMs - Self.stretchMs, toMs: firstMs + Self.stretchMs, in: transaction)
        let stretch = chain(all, around: firstMs)
        let waiting = try transaction.run(
            """
            UPDATE meter_outage SET grouped = 1 WHERE org_id = $1 AND grouped = 0 AND start_ms >= $2 AND start_ms <= $3
            """, [.int(scope.orgID), .int(stretch.fromMs), .int(stretch.toMs)])
        try join(stretch.spans, in: transaction)
        return waiting
    }

    private func spans(fromMs: Int64, toMs: Int64, in transaction: any SQLTransaction) throws -> [MeterOutage] {
        try transaction.query(
            """
            SELECT \(MeterOutages.columns) FROM meter_outage o WHERE o.org_id = $1 AND o.start_ms >= $2
              AND o.start_ms <= $3 AND o.superseded_at_ms IS NULL ORDER BY o.start_ms, o.span_id
            """, [.int(scope.orgID), .int(fromMs), .int(toMs)], MeterOutages.decode)
    }

    /// The outages that hang together with a time: no gap between them is longer than the window. So the same outages
    /// fall into the same groups whichever of them is looked at first.
    private func chain(
        _ all: [MeterOutage], around atMs: Int64
    ) -> (spans: [MeterOutage], fromMs: Int64, toMs: Int64) {
        let windowMs = rules.grouping.windowMs
        var (fromMs, toMs) = (atMs, atMs)
        for span in all.reversed() where span.span.startMs.likely <= atMs {
            guard fromMs - span.span.startMs.likely <= windowMs else { break }
            fromMs = span.span.startMs.likely
        }
        for span in all where span.span.startMs.likely >= atMs {
            guard span.span.startMs.likely - toMs <= windowMs else { break }
            toMs = span.span.startMs.likely
        }
        return (all.filter { (fromMs...toMs).contains($0.span.startMs.likely) }, fromMs, toMs)
    }

    private func join(_ stretch: [MeterOutage], in transaction: any SQLTransaction) throws {
        let times = stretch.map(\.span.startMs.likely)
        guard let fromMs = times.min(), let toMs = times.max() else { return }
        let tree = try tree(on: zone.day(atS: fromMs / 1000), in: transaction)
        let inForce = stretch.filter { !$0.isWithdrawn }
        let dark = inForce.filter { !$0.isSilent && $0.span.startEvidence != .inferred }.map {
            DarkMeter(spanID: $0.spanID, nodeID: $0.placeID ?? 0, startMs: $0.span.startMs.likely)
        }
        var groups = OutageGrouping.groups(dark, in: tree, rules.grouping)
        let lost = try placeLostGasps(
            inForce.filter { $0.span.startEvidence == .inferred }, fromMs: fromMs, toMs: toMs, &groups, tree,
            in: transaction)
        let all = stretch + lost.fromElsewhere
        let foreign = try membersElsewhere(
            all, taken: lost.fromElsewhere.map(\.spanID), fromMs: fromMs, toMs: toMs, in: transaction)
        let byID = Dictionary(
            uniqueKeysWithValues: all.map { span in
                var span = span
                if let outageID = span.outageID, foreign.contains(outageID) { span.outageID = nil }
                return (span.spanID, span)
            })
        let claimed = claims(groups, byID)
        for (group, known) in zip(groups, claimed) {
            let members = group.spanIDs.compactMap { byID[$0] }
            let outageID = known ?? ids.next()
            let silent = try keepSilent(
                group, outageID: outageID, members, all.filter { $0.isSilent && $0.outageID == known }, tree,
                in: transaction)
            try keep(group, outageID: outageID, members, silent: silent, tree, in: transaction)
            for member in members
            where member.outageID != outageID || member.attributedStartMs != lost.startMs[member.spanID] {
                let startsElsewhere = member.attributedStartMs != lost.startMs[member.spanID]
                try transaction.run(
                    """
                    UPDATE meter_outage SET outage_id = $4, attributed_start_ms = $5, grouped = 1\
                    \(startsElsewhere ? ", days_judged = 0" : "")
                    WHERE org_id = $1 AND span_id = $2 AND version = $3
                    """,
                    [
                        .int(scope.orgID), .int(member.spanID), .int(member.version), .int(outageID),
                        .optional(lost.startMs[member.spanID]),
                    ])
            }
        }
        let kept = Set(claimed.compactMap(\.self) + lost.leftWith).union(foreign)
        for outageID in Set(all.compactMap(\.outageID)).subtracting(kept).sorted() {
            try withdraw(outageID, among: all, in: transaction)
        }
    }

    /// Of the outages these spans were counted to, those that stand on others at another time: a span has moved away
    /// from them. They are joined anew without it.
    private func membersElsewhere(
        _ spans: [MeterOutage], taken: [Int64], fromMs: Int64, toMs: Int64, in transaction: any SQLTransaction
    ) throws -> Set<Int64> {
        let outageIDs = Set(spans.compactMap(\.outageID)).sorted()
        var foreign: Set<Int64> = []
        for start in stride(from: 0, to: outageIDs.count, by: 500) {
            var parameters: [SQLValue] = [.int(scope.orgID), .int(fromMs), .int(toMs)]
            let marks = parameters.bind(Array(outageIDs[start..<min(start + 500, outageIDs.count)]))
            let others = taken.isEmpty ? "" : " AND span_id NOT IN (\(parameters.bind(taken)))"
            let elsewhere = """
                org_id = $1 AND outage_id IN (\(marks)) AND (start_ms < $2 OR start_ms > $3)
                  AND attributed_start_ms IS NULL AND superseded_at_ms IS NULL AND is_withdrawn = 0
                  AND start_evidence NOT IN ('silent', 'readings')\(others)
                """
            foreign.formUnion(
                try transaction.query(
                    "SELECT DISTINCT outage_id FROM meter_outage WHERE \(elsewhere)", parameters
                ) { try $0.int(0) })
            try transaction.run("UPDATE meter_outage SET grouped = 0 WHERE \(elsewhere)", parameters)
        }
        return foreign
    }

    /// Outages whose gasp was lost: the outage that the node above has within their bounds is theirs too, and its
    /// start. One that fits none stands alone.
    private func placeLostGasps(
        _ own: [MeterOutage], fromMs: Int64, toMs: Int64, _ groups: inout [OutageGroup], _ tree: GroupingTree,
        in transaction: any SQLTransaction
    ) throws -> (startMs: [Int64: Int64], fromElsewhere: [MeterOutage], leftWith: [Int64]) {
        var startMs: [Int64: Int64] = [:]
        var fromElsewhere: [MeterOutage] = []
        var leftWith: [Int64] = []
        let others = try lostGasps(around: fromMs, toMs, in: transaction)
        let isOwn = Set(own.map(\.spanID))
        for span in own + others where !(isOwn.contains(span.spanID) && others.contains(span)) {
            let bounds = span.span.startMs.low...span.span.startMs.high
            let path = tree.path(from: span.placeID ?? 0)
            let index = groups.firstIndex { group in
                group.nodeID.map(path.contains) == true && bounds.contains(group.startMs)
            }
            if let index {
                groups[index].spanIDs.append(span.spanID)
                startMs[span.spanID] = groups[index].startMs
                if !isOwn.contains(span.spanID) { fromElsewhere.append(span) }
                continue
            }
            let before = span.attributedStartMs == nil ? nil : span.outageID
            let isStanding = try before.flatMap { try Outages.current($0, scope.orgID, in: transaction) }
            if let isStanding, !isStanding.isWithdrawn, !(fromMs...toMs).contains(isStanding.startMs) {
                leftWith.append(isStanding.outageID)
            } else if try sendToNode(span, path, notFrom: fromMs, toMs, in: transaction) {
                continue
            } else if isOwn.contains(span.spanID) || span.outageID == nil {
                groups.append(
                    OutageGroup(nodeID: nil, startMs: span.span.startMs.likely, spanIDs: [span.spanID]))
                if !isOwn.contains(span.spanID) { fromElsewhere.append(span) }
            }
        }
        return (startMs, fromElsewhere, leftWith)
    }

    /// Outages with a lost gasp that stand outside a stretch and may have begun in it.
    private func lostGasps(
        around fromMs: Int64, _ toMs: Int64, in transaction: any SQLTransaction
    ) throws -> [MeterOutage] {
        try transaction.query(
            """
            SELECT \(MeterOutages.columns) FROM meter_outage o WHERE o.org_id = $1 AND o.start_ms > $3
              AND o.start_ms <= $4 AND o.start_low_ms <= $3 AND o.start_high_ms >= $2 AND o.start_evidence = 'inferred'
              AND o.superseded_at_ms IS NULL AND o.is_withdrawn = 0 ORDER BY o.start_ms, o.span_id
            """,
            [.int(scope.orgID), .int(fromMs), .int(toMs), .int(toMs + Outages.longestMs)], MeterOutages.decode)
    }

    /// An outage of a node elsewhere in time explains a lost gasp: it is joined anew, with it.
    private func sendToNode(
        _ span: MeterOutage, _ path: [Int64], notFrom fromMs: Int64, _ toMs: Int64, in transaction: any SQLTransaction
    ) throws -> Bool {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .int(span.span.startMs.low), .int(span.span.startMs.high), .int(fromMs), .int(toMs),
        ]
        let marks = parameters.bind(path)
        let outageID = try transaction.first(
            """
            SELECT n.outage_id FROM outage n WHERE n.org_id = $1 AND n.start_ms >= $2 AND n.start_ms <= $3
              AND NOT (n.start_ms >= $4 AND n.start_ms <= $5) AND n.place_id IN (\(marks)) AND n.is_node = 1
              AND n.superseded_at_ms IS NULL AND n.is_withdrawn = 0 ORDER BY n.start_ms LIMIT 1
            """, parameters
        ) { try $0.int(0) }
        guard let outageID else { return false }
        return try transaction.run(
            """
            UPDATE meter_outage SET grouped = 0 WHERE org_id = $1 AND outage_id = $2 AND superseded_at_ms IS NULL
              AND is_withdrawn = 0 AND start_evidence IN ('log', 'push')
            """, [.int(scope.orgID), .int(outageID)]) > 0
    }

    /// The outage each group was before: the one most of its meters were counted to. Large groups choose first.
    private func claims(_ groups: [OutageGroup], _ byID: [Int64: MeterOutage]) -> [Int64?] {
        var taken: Set<Int64> = []
        var claims = [Int64?](repeating: nil, count: groups.count)
        let order = groups.indices.sorted {
            (groups[$1].spanIDs.count, groups[$0].startMs, $0) < (groups[$0].spanIDs.count, groups[$1].startMs, $1)
        }
        for index in order {
            var votes: [Int64: Int] = [:]
            for spanID in groups[index].spanIDs {
                if let outageID = byID[spanID]?.outageID, !taken.contains(outageID) { votes[outageID, default: 0] += 1 }
            }
            let best = votes.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
            if let best { taken.insert(best) }
            claims[index] = best
        }
        return claims
    }

    private func keep(
        _ group: OutageGroup, outageID: Int64, _ members: [MeterOutage], silent: Int, _ tree: GroupingTree,
        in transaction: any SQLTransaction
    ) throws {
        let old = try Outages.current(outageID, scope.orgID, in: transaction)
        let isOpen = members.contains { $0.span.endMs == nil }
        let placeID = group.nodeID ?? members.first?.placeID
        var next = Outage(
            outageID: outageID, version: (old?.version ?? 0) + 1, placeID: placeID, isNode: group.nodeID != nil,
            startMs: group.startMs, endMs: isOpen ? nil : members.compactMap(\.endMs).max(), members: members.count,
            silent: silent, ofMeters: group.nodeID.flatMap { tree.meters[$0] } ?? 1, plannedID: nil,
            isWithdrawn: false, madeAtMs: nowMs)
        next.plannedID = try placeID.flatMap {
            try PlannedOutage.covering(placeID: $0, atMs: group.startMs, earlyMs: Self.earlyMs, scope, in: transaction)
        }
        if let old, old.agrees(with: next) { return }
        try Outages.write(next, after: old, scope, in: transaction)
    }

    /// Silent meters under a dark node: those that were in service, did not speak of it themselves and gave no sign of
    /// life. Returns how many there are.
    private func keepSilent(
        _ group: OutageGroup, outageID: Int64, _ members: [MeterOutage], _ stored: [MeterOutage],
        _ tree: GroupingTree, in transaction: any SQLTransaction
    ) throws -> Int {
        var wanted: [Int64: MeterOutageSpan] = [:]
        if let nodeID = group.nodeID, rules.countsSilent {
            let ends = members.compactMap(\.endMs).sorted()
            // Open as long as most of those that speak are dark.
            let isOpen = (members.count - ends.count) * 2 > members.count
            let endMs =
                isOpen || ends.isEmpty
                ? nil : Bounded(low: ends[0], likely: ends[ends.count / 2], high: ends[ends.count - 1])
            let day = zone.day(atS: group.startMs / 1000)
            let under = try Outages.meters(under: nodeID, on: day, scope, in: transaction)
            let spoken = Set(members.map(\.meterID))
            let others = under.filter { !spoken.contains($0) }
            let toMs = endMs?.low ?? nowMs
            // A minute later than the first: what was on its way when it happened is no sign of life.
            let alive = try signsOfLife(others, group.startMs + rules.grouping.windowMs, toMs, transaction)
            let own = try Outages.ownWord(others, fromMs: group.startMs, toMs: toMs, scope, in: transaction)
            for meterID in others where !alive.contains(meterID) && !own.contains(meterID) {
                wanted[meterID] = MeterOutageSpan(
                    startMs: Bounded(group.startMs), endMs: endMs, startEvidence: .silent,
                    endEvidence: endMs == nil ? nil : .silent)
            }
        }
        var count = 0
        for old in stored {
            guard let span = wanted.removeValue(forKey: old.meterID) else {
                if !old.isWithdrawn { try withdraw(old, in: transaction) }
                continue
            }
            // What readings said stays said.
            if old.span.startEvidence == .readings || old.isWithdrawn {
                count += old.isWithdrawn ? 0 : 1
                continue
            }
            count += 1
            guard old.span != span else { continue }
            var next = old
            next.span = span
            try MeterOutages.write(next, nowMs: nowMs, grouped: true, scope, in: transaction)
        }
        for (meterID, span) in wanted.sorted(by: { $0.key < $1.key }) {
            let day = zone.day(atS: span.startMs.likely / 1000)
            let served = try MeterOutages.served(meterID: meterID, on: day, scope, in: transaction)
            try MeterOutages.write(
                MeterOutage(
                    spanID: ids.next(), version: 0, meterID: meterID, accountID: served?.accountID,
                    placeID: served?.placeID, span: span, isWithdrawn: false, madeAtMs: nowMs, supersededAtMs: nil,
                    outageID: outageID, attributedStartMs: nil), nowMs: nowMs, grouped: true, scope, in: transaction)
            count += 1
        }
        return count
    }

    private func withdraw(_ old: MeterOutage, in transaction: any SQLTransaction) throws {
        var next = old
        next.isWithdrawn = true
        try MeterOutages.write(next, nowMs: nowMs, grouped: true, scope, in: transaction)
    }

    /// Nobody is counted to the outage any more.
    private func withdraw(
        _ outageID: Int64, among spans: [MeterOutage], in transaction: any SQLTransaction
    ) throws {
        for span in spans
        where span.outageID == outageID && !span.isWithdrawn && span.span.startEvidence == .silent {
            try withdraw(span, in: transaction)
        }
        guard let old = try Outages.current(outageID, scope.orgID, in: transaction), !old.isWithdrawn else { return }
        var next = old
        next.version += 1
        next.isWithdrawn = true
        next.madeAtMs = nowMs
        try Outages.write(next, after: old, scope, in: transaction)
    }

    private func tree(on day: CivilDay, in transaction: any SQLTransaction) throws -> GroupingTree {
        var (parents, nodes): ([Int64: Int64], Set<Int64>) = ([:], [])
        for place in try Place.all(Scope(orgID: scope.orgID), in: transaction) {
            if let parentID = place.parentID { parents[place.placeID] = parentID }
            if Self.nodeKinds.contains(place.kind) { nodes.insert(place.placeID) }
        }
        var tree = GroupingTree(parents: parents, nodes: nodes, meters: [:])
        let direct = try transaction.query(
            """
            SELECT a.place_id, COUNT(*) FROM installation i
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            WHERE i.org_id = $1 AND i.from_day <= $2 AND (i.to_day IS NULL OR i.to_day >= $2) GROUP BY a.place_id
            """, [.int(scope.orgID), .day(day)]
        ) { (try $0.int(0), Int(try $0.int(1))) }
        for (placeID, count) in direct {
            for node in tree.path(from: placeID) { tree.meters[node, default: 0] += count }
        }
        return tree
    }
}

extension Outages {
    static func current(
        _ outageID: Int64, _ orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Outage? {
        try transaction.first(
            """
            SELECT \(Outage.columns) FROM outage n WHERE n.org_id = $1 AND n.outage_id = $2
              AND n.superseded_at_ms IS NULL
            """, [.int(orgID), .int(outageID)], Outage.decode)
    }

    static func write(
        _ next: Outage, after old: Outage?, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        if let old {
            try transaction.run(
                "UPDATE outage SET superseded_at_ms = $4 WHERE org_id = $1 AND outage_id = $2 AND version = $3",
                [.int(scope.orgID), .int(old.outageID), .int(old.version), .int(next.madeAtMs)])
        }
        try transaction.run(
            """
            INSERT INTO outage (org_id, outage_id, version, place_id, is_node, start_ms, end_ms, members, silent,
              of_meters, planned_id, is_withdrawn, made_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """,
            [
                .int(scope.orgID), .int(next.outageID), .int(next.version), .optional(next.placeID),
                .flag(next.isNode), .int(next.startMs), .optional(next.endMs), .int(next.members), .int(next.silent),
                .int(next.ofMeters), .optional(next.plannedID), .flag(next.isWithdrawn), .int(next.madeAtMs),
            ])
    }

    /// Meters in service under a place that are called over the network: only those can be silent.
    static func meters(
        under placeID: Int64, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        try transaction.query(
            """
            SELECT i.meter_id FROM installation i
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            JOIN place_path p ON p.org_id = a.org_id AND p.place_id = a.place_id
            JOIN meter m ON m.org_id = i.org_id AND m.meter_id = i.meter_id
            WHERE i.org_id = $1 AND p.ancestor_id = $2 AND m.port > 0 AND i.from_day <= $3
              AND (i.to_day IS NULL OR i.to_day >= $3) ORDER BY i.meter_id
            """, [.int(scope.orgID), .int(placeID), .day(day)]
        ) { try $0.int(0) }
    }

    /// Of these meters, those with an outage of their own word that touches a span.
    static func ownWord(
        _ meterIDs: [Int64], fromMs: Int64, toMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Set<Int64> {
        var found: Set<Int64> = []
        for start in stride(from: 0, to: meterIDs.count, by: 500) {
            var parameters: [SQLValue] = [
                .int(scope.orgID), .int(fromMs), .int(max(fromMs, toMs)), .int(fromMs - longestMs),
            ]
            let marks = parameters.bind(Array(meterIDs[start..<min(start + 500, meterIDs.count)]))
            found.formUnion(
                try transaction.query(
                    """
                    SELECT meter_id FROM meter_outage WHERE org_id = $1 AND meter_id IN (\(marks)) AND start_ms >= $4
                      AND start_ms <= $3 AND (end_ms IS NULL OR end_ms >= $2) AND superseded_at_ms IS NULL
                      AND is_withdrawn = 0 AND start_evidence NOT IN ('silent', 'readings')
                    """, parameters
                ) { try $0.int(0) })
        }
        return found
    }
}
