// What is known of outages, for pages, programs and indices. Reads only.
import Access
import Accounts
import CivilTime
import Grid
import Meters
import Reliability
import SQL

/// What a list of outages is to hold.
public struct OutageFilter: Sendable, Equatable {
    /// Only those that last.
    public var isOpen: Bool
    /// Only under this place.
    public var placeID: Int64?
    public var fromMs: Int64?
    public var toMs: Int64?
    /// Only of this kind; nil: both.
    public var isPlanned: Bool?
    /// Only those of a node.
    public var isNode: Bool
    public init(
        isOpen: Bool = false, placeID: Int64? = nil, fromMs: Int64? = nil, toMs: Int64? = nil, isPlanned: Bool? = nil,
        isNode: Bool = false
    ) {
        self.isOpen = isOpen
        self.placeID = placeID
        self.fromMs = fromMs
        self.toMs = toMs
        self.isPlanned = isPlanned
        self.isNode = isNode
    }
}

/// An outage with what a list shows beside it.
public struct OutageRow: Sendable, Equatable {
    public var outage: Outage
    public var placeName: String?
    public var placeKind: PlaceKind?
    /// Why it was planned.
    public var plannedWhy: String?
    /// Consumers who were told that it failed, and that it is back.
    public var told: Int
    public var toldBack: Int
    /// When the operator was told.
    public var operatorToldAtMs: Int64?

    public init(
        outage: Outage, placeName: String? = nil, placeKind: PlaceKind? = nil, plannedWhy: String? = nil, told: Int,
        toldBack: Int, operatorToldAtMs: Int64? = nil
    ) {
        self.outage = outage
        self.placeName = placeName
        self.placeKind = placeKind
        self.plannedWhy = plannedWhy
        self.told = told
        self.toldBack = toldBack
        self.operatorToldAtMs = operatorToldAtMs
    }
}

/// One meter of an outage.
public struct OutageMember: Sendable, Equatable {
    public var outage: MeterOutage
    public var serial: String
}

extension Outages {
    /// ` AND …`: outages of which somebody in scope is a part. `$1` is the company.
    private static func reach(_ scope: Scope, _ parameters: inout [SQLValue]) throws -> String {
        guard !scope.isWholeCompany else { return "" }
        let meters = try Meter.reachFilter(of: "r.meter_id", scope, &parameters)
        return """
             AND EXISTS (SELECT 1 FROM meter_outage r WHERE r.org_id = n.org_id AND r.outage_id = n.outage_id\(meters))
            """
    }

    private static let rowColumns = """
        \(Outage.columns), g.name, g.kind, l.why,
        (SELECT COUNT(*) FROM outage_notice t WHERE t.org_id = n.org_id AND t.outage_id = n.outage_id
          AND t.account_id > 0 AND t.template = 'supply-failed'),
        (SELECT COUNT(*) FROM outage_notice t WHERE t.org_id = n.org_id AND t.outage_id = n.outage_id
          AND t.account_id > 0 AND t.template = 'supply-back'),
        (SELECT MIN(t.at_ms) FROM outage_notice t WHERE t.org_id = n.org_id AND t.outage_id = n.outage_id
          AND t.account_id = 0)
        """
    private static let rowJoins = """
        LEFT JOIN place g ON g.org_id = n.org_id AND g.place_id = n.place_id
        LEFT JOIN planned_outage l ON l.org_id = n.org_id AND l.planned_id = n.planned_id
        """

    private static func decodeRow(_ row: any SQLRow) throws -> OutageRow {
        OutageRow(
            outage: try Outage.decode(row), placeName: try row.optionalText(12),
            placeKind: try row.optionalText(13).flatMap(PlaceKind.init), plannedWhy: try row.optionalText(14),
            told: Int(try row.int(15)), toldBack: Int(try row.int(16)), operatorToldAtMs: try row.optionalInt(17))
    }

    /// Outages in force, newest first, those before a place in the list, at most `limit`.
    public static func list(
        _ filter: OutageFilter = OutageFilter(), before: (startMs: Int64, outageID: Int64)? = nil, limit: Int,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [OutageRow] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        func bound(_ value: Int64) -> String {
            parameters.append(.int(value))
            return "$\(parameters.count)"
        }
        var conditions = ""
        if filter.isOpen { conditions += " AND n.end_ms IS NULL" }
        if filter.isNode { conditions += " AND n.is_node = 1" }
        if let planned = filter.isPlanned { conditions += " AND n.planned_id IS \(planned ? "NOT " : "")NULL" }
        if let fromMs = filter.fromMs { conditions += " AND n.start_ms >= \(bound(fromMs))" }
        if let toMs = filter.toMs { conditions += " AND n.start_ms < \(bound(toMs))" }
        if let placeID = filter.placeID {
            conditions += """
                 AND EXISTS (SELECT 1 FROM place_path u WHERE u.org_id = n.org_id AND u.place_id = n.place_id
                  AND u.ancestor_id = \(bound(placeID)))
                """
        }
        if let before {
            let startMs = bound(before.startMs)
            conditions += """
                 AND n.start_ms <= \(startMs) AND (n.start_ms < \(startMs) OR n.outage_id < \(bound(before.outageID)))
                """
        }
        conditions += try reach(scope, &parameters)
        return try transaction.query(
            """
            SELECT \(rowColumns) FROM outage n \(rowJoins) WHERE n.org_id = $1 AND n.superseded_at_ms IS NULL
              AND n.is_withdrawn = 0\(conditions) ORDER BY n.start_ms DESC, n.outage_id DESC LIMIT $2
            """, parameters, decodeRow)
    }

    /// The outage of that id, also one that was withdrawn; otherwise a refusal.
    public static func find(
        _ outageID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> OutageRow {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(outageID)]
        let reach = try reach(scope, &parameters)
        let found = try transaction.first(
            """
            SELECT \(rowColumns) FROM outage n \(rowJoins) WHERE n.org_id = $1 AND n.outage_id = $2
              AND n.superseded_at_ms IS NULL\(reach)
            """, parameters, decodeRow)
        guard let found else {
            throw Refusal(.notFound, "There is no such outage.", hint: "GET /api/v1/outages lists them.")
        }
        return found
    }

    /// Every version of an outage, newest first.
    public static func versions(
        _ outageID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Outage] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(outageID)]
        let reach = try reach(scope, &parameters)
        return try transaction.query(
            """
            SELECT \(Outage.columns) FROM outage n WHERE n.org_id = $1 AND n.outage_id = $2\(reach)
            ORDER BY n.version DESC LIMIT 200
            """, parameters, Outage.decode)
    }

    /// The meters of an outage after a meter's id, in order of it: their versions in force.
    public static func members(
        _ outageID: Int64, after meterID: Int64 = 0, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [OutageMember] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(outageID), .int(meterID), .int(limit)]
        let reach = try Meter.reachFilter(of: "o.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT \(MeterOutages.columns), m.serial FROM meter_outage o
            JOIN meter m ON m.org_id = o.org_id AND m.meter_id = o.meter_id
            WHERE o.org_id = $1 AND o.outage_id = $2 AND o.meter_id > $3 AND o.superseded_at_ms IS NULL
              AND o.is_withdrawn = 0\(reach) ORDER BY o.meter_id, o.start_ms LIMIT $4
            """, parameters
        ) { OutageMember(outage: try MeterOutages.decode($0), serial: try $0.text(19)) }
    }

    /// Open outages of nodes with silent meters are joined anew: some of these may have spoken since.
    public static func lookAgainAtOpen(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            UPDATE meter_outage SET grouped = 0 WHERE org_id = $1 AND superseded_at_ms IS NULL AND is_withdrawn = 0
              AND end_ms IS NULL AND start_evidence IN ('log', 'push') AND outage_id IN (SELECT n.outage_id
                FROM outage n WHERE n.org_id = $1 AND n.end_ms IS NULL AND n.silent > 0 AND n.is_withdrawn = 0
                AND n.superseded_at_ms IS NULL)
            """, [.int(scope.orgID)])
    }

    /// How many outages last now.
    public static func openCount(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int {
        try list(OutageFilter(isOpen: true), limit: 1_000, scope, in: transaction).count
    }
}

/// Whom the indices are of.
public enum ReliabilityStore {
    /// Outages of meters that one calculation takes at most.
    public static let spansMax = 400_000

    /// Customers in service under a place (nil: all of the scope) on a day.
    public static func customers(
        placeID: Int64?, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64 {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(day)]
        let filter = under(placeID, "a.place_id", scope, &parameters)
        return try transaction.first(
            """
            SELECT COUNT(DISTINCT i.account_id) FROM installation i
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            WHERE i.org_id = $1 AND i.from_day <= $2 AND (i.to_day IS NULL OR i.to_day >= $2)\(filter)
            """, parameters
        ) { try $0.int(0) } ?? 0
    }

    /// The first day after `from`, not after `to`, on which a meter was installed under a place (nil: all of the
    /// scope).
    public static func firstInstallation(
        placeID: Int64?, after from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CivilDay? {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(from), .day(to)]
        let filter = under(placeID, "a.place_id", scope, &parameters)
        return try transaction.first(
            """
            SELECT MIN(i.from_day) FROM installation i
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            WHERE i.org_id = $1 AND i.from_day > $2 AND i.from_day <= $3\(filter)
            """, parameters
        ) { try $0.optionalDay(0) } ?? nil
    }

    private static func under(
        _ placeID: Int64?, _ column: String, _ scope: Scope, _ parameters: inout [SQLValue]
    ) -> String {
        var filter = Place.filter(column, scope, &parameters)
        if let placeID {
            parameters.append(.int(placeID))
            filter += """
                 AND EXISTS (SELECT 1 FROM place_path u WHERE u.org_id = $1 AND u.place_id = \(column)
                  AND u.ancestor_id = $\(parameters.count))
                """
        }
        return filter
    }

    /// Interruptions of the customers under a place that touch a span of time. One customer is a step; a silent meter
    /// is none in the lower bound. What still lasts, lasts until `nowMs`.
    public static func interruptions(
        placeID: Int64?, fromMs: Int64, toMs: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Interruption] {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .int(fromMs), .int(toMs), .int(fromMs - Outages.longestMs), .int(spansMax + 1),
        ]
        let filter = under(placeID, "o.place_id", scope, &parameters)
        let rows = try transaction.query(
            """
            SELECT \(MeterOutages.columns), n.place_id, CASE WHEN n.planned_id IS NULL THEN 0 ELSE 1 END
            FROM meter_outage o
            JOIN outage n ON n.org_id = o.org_id AND n.outage_id = o.outage_id AND n.superseded_at_ms IS NULL
            WHERE o.org_id = $1 AND o.start_ms >= $4 AND o.start_low_ms < $3
              AND (o.end_high_ms IS NULL OR o.end_high_ms > $2) AND o.account_id IS NOT NULL
              AND o.superseded_at_ms IS NULL AND o.is_withdrawn = 0\(filter)
            ORDER BY o.outage_id, o.start_ms, o.span_id LIMIT $5
            """, parameters
        ) { (try MeterOutages.decode($0), try $0.optionalInt(19) ?? 0, try $0.flag(20)) }
        guard rows.count <= spansMax else {
            throw Refusal(
                .tooMany, "More than \(spansMax) interruptions of meters lie in that span.",
                hint: "Ask for a shorter span, or for a part of the network.", at: "to")
        }
        var found: [Interruption] = []
        var last: Int64?
        for (row, place, isPlanned) in rows {
            if row.outageID != last {
                found.append(Interruption(steps: [], isPlanned: isPlanned, placeID: place))
                last = row.outageID
            }
            found[found.count - 1].steps.append(step(row, nowMs: nowMs))
        }
        return found
    }

    private static func step(_ row: MeterOutage, nowMs: Int64) -> Interruption.Step {
        func seconds(_ ms: Bounded) -> Bounded {
            Bounded(low: ms.low / 1000, likely: ms.likely / 1000, high: ms.high / 1000)
        }
        let start = row.attributedStartMs.map { Bounded($0) } ?? row.span.startMs
        let end = row.span.endMs ?? Bounded(max(nowMs, start.high))
        return Interruption.Step(
            startS: seconds(start), endS: seconds(end),
            customers: row.confidence == .low ? Bounded(low: 0, likely: 1, high: 1) : Bounded(1),
            customerID: row.accountID)
    }

    /// Customer-seconds of sustained, unplanned interruptions by the day the outage began on: what major event days are
    /// told by. Summed by the database, so that five years fit.
    public static func days(
        placeID: Int64?, fromMs: Int64, toMs: Int64, momentaryMaxS: Int64, zone: Zone, customers: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [InterruptedDay] {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .int(fromMs), .int(toMs), .int(momentaryMaxS * 1000),
        ]
        let filter = under(placeID, "o.place_id", scope, &parameters)
        let rows = try transaction.query(
            """
            SELECT n.start_ms, CAST(SUM(o.end_ms - COALESCE(o.attributed_start_ms, o.start_ms)) AS BIGINT)
            FROM meter_outage o
            JOIN outage n ON n.org_id = o.org_id AND n.outage_id = o.outage_id AND n.superseded_at_ms IS NULL
            WHERE o.org_id = $1 AND o.start_ms >= $2 AND o.start_ms < $3 AND o.superseded_at_ms IS NULL
              AND o.is_withdrawn = 0 AND o.account_id IS NOT NULL AND n.planned_id IS NULL
              AND o.end_ms - COALESCE(o.attributed_start_ms, o.start_ms) > $4\(filter)
            GROUP BY n.outage_id, n.start_ms
            """, parameters
        ) { (startMs: try $0.int(0), ms: try $0.int(1)) }
        var sums: [CivilDay: Int64] = [:]
        for row in rows { sums[zone.day(atS: row.startMs / 1000), default: 0] += row.ms / 1000 }
        return sums.sorted { $0.key < $1.key }.map {
            InterruptedDay(day: $0.key, customerSeconds: $0.value, customers: customers)
        }
    }
}
