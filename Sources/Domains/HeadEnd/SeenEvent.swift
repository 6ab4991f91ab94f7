// The stream of events: what meters pushed and what their logs said, each event once, in the order of the meters' time.
// Says nothing about what follows from an event.
import Access
import CivilTime
import Clocks
import IS15959
import MeterPort
import Meters
import Outbox
import SQL

/// One event of a meter.
public struct SeenEvent: Sendable, Equatable {
    public var eventID: Int64
    public var meterID: Int64
    /// Event id of IS 15959, or 1000 + bit of the status word: `EventIDs.words`.
    public var code: Int
    /// The place in the stream: the meter's time, or the time of receipt when that is impossible.
    public var atMs: Int64
    /// The time as the meter said it.
    public var meterAtMs: Int64
    /// When it was pushed to us, and when its entry was read from the log; at least one is there.
    public var pushedAtMs: Int64?
    public var readAtMs: Int64?

    public init(
        eventID: Int64, meterID: Int64, code: Int, atMs: Int64, meterAtMs: Int64, pushedAtMs: Int64?, readAtMs: Int64?
    ) {
        self.eventID = eventID
        self.meterID = meterID
        self.code = code
        self.atMs = atMs
        self.meterAtMs = meterAtMs
        self.pushedAtMs = pushedAtMs
        self.readAtMs = readAtMs
    }

    public var kind: EventKind { EventIDs.kind(code) }
    public var severity: EventSeverity { EventIDs.severity(code) }
    /// The meter's clock was so wrong that the event stands at its time of receipt.
    public var isClockWrong: Bool { atMs != meterAtMs }
    /// When it was first known here.
    public var receivedAtMs: Int64 { [pushedAtMs, readAtMs].compactMap(\.self).min() ?? atMs }
}

/// What a list of events is to hold.
public struct EventFilter: Sendable {
    public var kind: EventKind?
    /// This severity or a higher one.
    public var severity: EventSeverity?
    /// Only meters under this place.
    public var placeID: Int64?
    public var meterID: Int64?
    public var fromMs: Int64?
    public var toMs: Int64?
    public init(
        kind: EventKind? = nil, severity: EventSeverity? = nil, placeID: Int64? = nil, meterID: Int64? = nil,
        fromMs: Int64? = nil, toMs: Int64? = nil
    ) {
        self.kind = kind
        self.severity = severity
        self.placeID = placeID
        self.meterID = meterID
        self.fromMs = fromMs
        self.toMs = toMs
    }
}

/// An event about to be recorded.
struct NewEvent: Sendable, Hashable {
    var meterID: Int64
    var code: Int
    var meterAtMs: Int64
    var receivedAtMs: Int64
    var isPushed: Bool
    /// The push gave no time: it is dated by its receipt.
    var isDatedHere = false
}

public enum EventStream {
    /// A pushed event and one of the log are the same when the times they give are no farther apart: a push is dated
    /// when it is sent.
    public static let sameWithinMs: Int64 = 120_000
    /// A dying meter calls more than once, each time with the time of the call: last gasps and first breaths no farther
    /// apart are one, unless the other came between. So are pushes without a time of their own.
    public static let repeatWithinMs: Int64 = 30_000
    /// Farther off, the meter's clock is taken to be wrong, and the event stands at its time of receipt.
    static let pastMs: Int64 = 400 * 86_400_000
    static let futureMs: Int64 = 86_400_000

    /// Records what a log held when it was read. What was pushed before is only marked as found in the log.
    public static func record(
        read entries: [MeterEventEntry], meterID: Int64, readAtMs: Int64, ids: IDGenerator, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try record(
            entries.map {
                NewEvent(
                    meterID: meterID, code: $0.code, meterAtMs: $0.atS * 1000, receivedAtMs: readAtMs, isPushed: false)
            }, ids: ids, scope, in: transaction)
    }

    /// Records events of one company, each once, and puts those that are new on the outbox. Returns how many were new.
    @discardableResult
    static func record(
        _ events: [NewEvent], ids: IDGenerator, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int {
        guard !events.isEmpty else { return 0 }
        var known = try KnownEvents(around: events, scope, in: transaction)
        for event in events { known.merge(event) { ids.next() } }
        let added = known.rows.filter(\.isNew)
        try transaction.runMany(
            """
            INSERT INTO seen_event (org_id, meter_id, code, meter_at_ms, event_id, at_ms, kind, severity, pushed_at_ms,
              read_at_ms, logged_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT DO NOTHING
            """,
            added.map { row in
                let event = row.event
                return [
                    .int(scope.orgID), .int(event.meterID), .int(event.code), .int(event.meterAtMs),
                    .int(event.eventID), .int(event.atMs), .text(event.kind.rawValue),
                    .int(event.severity.rank), .optional(event.pushedAtMs), .optional(event.readAtMs),
                    .optional(row.loggedAtMs),
                ]
            })
        try transaction.runMany(
            """
            UPDATE seen_event SET pushed_at_ms = $5, read_at_ms = $6, logged_at_ms = $7
            WHERE org_id = $1 AND meter_id = $2 AND code = $3 AND meter_at_ms = $4
            """,
            known.rows.filter { !$0.isNew && $0.isChanged }.map { row in
                [
                    .int(scope.orgID), .int(row.event.meterID), .int(row.event.code), .int(row.event.meterAtMs),
                    .optional(row.event.pushedAtMs), .optional(row.event.readAtMs), .optional(row.loggedAtMs),
                ]
            })
        // A push whose exact time the log has told now is told again: outages rest on these times.
        let corrected = known.rows.filter { row in
            !row.isNew && row.isChanged && [101, 102].contains(row.event.code)
                && row.loggedAtMs.map { $0 != row.event.meterAtMs } == true
        }
        try Outbox.append(
            (added + corrected).map { row in
                OutboxEvent(
                    orgID: scope.orgID, eventID: ids.next(), kind: .meterEvent, subjectID: row.event.meterID,
                    detail: "\(row.event.code) \(row.event.atMs)", businessAtMs: row.event.receivedAtMs)
            }, in: transaction)
        try countAlarms(added.map(\.event), scope, in: transaction)
        return added.count
    }

    /// The service clock of alarms: from what happened to its arrival, by push or by the log, whichever was first.
    private static func countAlarms(_ events: [SeenEvent], _ scope: Scope, in transaction: any SQLTransaction) throws {
        let alarms = events.filter { $0.severity == .alarm }
        guard !alarms.isEmpty else { return }
        let zone = try Org.find(scope.orgID, in: transaction).zone
        for (day, group) in Dictionary(grouping: alarms, by: { zone.day(atS: $0.atMs / 1000) }).sorted(by: {
            $0.key < $1.key
        }) {
            let targetMs = try ServiceTargets.inForce(on: day, scope, in: transaction)[.alarm].ms
            try ServiceDays.add(
                .alarm, day: day, total: Int64(group.count),
                inTime: Int64(group.count { $0.receivedAtMs - $0.atMs <= targetMs }), scope, in: transaction)
        }
    }

    /// A status word that came late showed that events had begun earlier than was known.
    static func move(
        _ moves: [(meterID: Int64, code: Int, fromMs: Int64, toMs: Int64)], _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        for move in moves {
            try transaction.run(
                """
                UPDATE seen_event SET meter_at_ms = $5, at_ms = $5
                WHERE org_id = $1 AND meter_id = $2 AND code = $3 AND meter_at_ms = $4 AND at_ms = $4
                  AND read_at_ms IS NULL AND NOT EXISTS (SELECT 1 FROM seen_event o WHERE o.org_id = $1
                    AND o.meter_id = $2 AND o.code = $3 AND o.meter_at_ms = $5)
                """,
                [.int(scope.orgID), .int(move.meterID), .int(move.code), .int(move.fromMs), .int(move.toMs)])
        }
    }

    private static let columns =
        """
        e.event_id, e.meter_id, e.code, e.at_ms, e.meter_at_ms, e.pushed_at_ms, e.read_at_ms
        """

    private static func decode(_ row: any SQLRow) throws -> SeenEvent {
        SeenEvent(
            eventID: try row.int(0), meterID: try row.int(1), code: Int(try row.int(2)), atMs: try row.int(3),
            meterAtMs: try row.int(4), pushedAtMs: try row.optionalInt(5), readAtMs: try row.optionalInt(6))
    }

    /// The conditions of a filter, ` AND …`; `$1` is the company and `$2` the limit.
    private static func conditions(
        _ filter: EventFilter, before: (atMs: Int64, eventID: Int64)?, _ scope: Scope, _ parameters: inout [SQLValue]
    ) throws -> String {
        func bound(_ value: SQLValue) -> String {
            parameters.append(value)
            return "$\(parameters.count)"
        }
        var conditions = ""
        if let kind = filter.kind { conditions += " AND e.kind = \(bound(.text(kind.rawValue)))" }
        if let severity = filter.severity { conditions += " AND e.severity >= \(bound(.int(severity.rank)))" }
        if let meterID = filter.meterID { conditions += " AND e.meter_id = \(bound(.int(meterID)))" }
        if let fromMs = filter.fromMs { conditions += " AND e.at_ms >= \(bound(.int(fromMs)))" }
        if let toMs = filter.toMs { conditions += " AND e.at_ms < \(bound(.int(toMs)))" }
        if let before {
            let atMs = bound(.int(before.atMs))
            conditions +=
                " AND e.at_ms <= \(atMs) AND (e.at_ms < \(atMs) OR e.event_id < \(bound(.int(before.eventID))))"
        }
        conditions += try Meter.reachFilter(of: "e.meter_id", scope, &parameters)
        if let placeID = filter.placeID {
            conditions += try Meter.reachFilter(
                of: "e.meter_id", Scope(orgID: scope.orgID, placeIDs: [placeID]), &parameters)
        }
        return conditions
    }

    /// Events newest first, those before a place in the stream, at most `limit`.
    public static func list(
        _ filter: EventFilter = EventFilter(), before: (atMs: Int64, eventID: Int64)? = nil, limit: Int,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [SeenEvent] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        let conditions = try conditions(filter, before: before, scope, &parameters)
        return try transaction.query(
            """
            SELECT \(columns) FROM seen_event e WHERE e.org_id = $1\(conditions)
            ORDER BY e.at_ms DESC, e.event_id DESC LIMIT $2
            """, parameters, decode)
    }

    /// How many events there are, counted up to `limit`.
    public static func count(
        _ filter: EventFilter, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        let conditions = try conditions(filter, before: nil, scope, &parameters)
        return try transaction.first(
            """
            SELECT COUNT(*) FROM (SELECT 1 FROM seen_event e WHERE e.org_id = $1\(conditions) LIMIT $2) found
            """, parameters
        ) { Int(try $0.int(0)) } ?? 0
    }

    /// The event of that id, or nil.
    public static func find(_ eventID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> SeenEvent? {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(eventID)]
        let reach = try Meter.reachFilter(of: "e.meter_id", scope, &parameters)
        return try transaction.first(
            "SELECT \(columns) FROM seen_event e WHERE e.org_id = $1 AND e.event_id = $2\(reach)", parameters, decode)
    }

    /// Delivers `meter-event`: the meter itself said that its relay moved. Only news by its own time count.
    public static func deliver(_ event: OutboxEvent, ids: IDGenerator, in transaction: any SQLTransaction) throws {
        let parts = event.detail.split(separator: " ").compactMap { Int64($0) }
        guard parts.count == 2 else {
            throw SQLError(.decode, "meter event \(event.eventID) is not understood")
        }
        guard parts[0] == 301 || parts[0] == 302 else { return }
        let scope = Scope(orgID: event.orgID)
        let known = try RelayRecord.find(event.subjectID, scope, in: transaction)
        guard let known, known.actualAtMs ?? .min < parts[1], parts[1] <= event.businessAtMs else { return }
        _ = try RelayRecord.confirm(
            parts[0] == 301 ? "open" : "closed", meterID: event.subjectID, atMs: parts[1], changeID: ids.next(), scope,
            in: transaction)
    }
}

/// The stored events near some new ones, and what becomes of them.
struct KnownEvents {
    struct Row {
        var event: SeenEvent
        /// Where it stands in the log of the meter, once it was read there.
        var loggedAtMs: Int64?
        var isNew = false
        var isChanged = false
    }
    private struct Key: Hashable { var meterID: Int64; var code: Int }

    private(set) var rows: [Row] = []
    private var byKey: [Key: [Int]] = [:]

    init(around events: [NewEvent], _ scope: Scope, in transaction: any SQLTransaction) throws {
        let times = events.map(\.meterAtMs)
        guard let first = times.min(), let last = times.max() else { return }
        var parameters: [SQLValue] = [
            .int(scope.orgID), .int(first.subtractingReportingOverflow(EventStream.sameWithinMs).partialValue),
            .int(last.addingReportingOverflow(EventStream.sameWithinMs).partialValue),
        ]
        let meters = parameters.bind(Array(Set(events.map(\.meterID))).sorted())
        var wanted = Set(events.map { Int64($0.code) })
        if !wanted.isDisjoint(with: [101, 102]) { wanted.formUnion([101, 102]) }
        let codes = parameters.bind(wanted.sorted())
        let stored = try transaction.query(
            """
            SELECT event_id, meter_id, code, at_ms, meter_at_ms, pushed_at_ms, read_at_ms, logged_at_ms FROM seen_event
            WHERE org_id = $1 AND meter_at_ms >= $2 AND meter_at_ms <= $3 AND meter_id IN (\(meters))
              AND code IN (\(codes)) ORDER BY meter_at_ms
            """, parameters
        ) { row in
            Row(
                event: SeenEvent(
                    eventID: try row.int(0), meterID: try row.int(1), code: Int(try row.int(2)),
                    atMs: try row.int(3), meterAtMs: try row.int(4), pushedAtMs: try row.optionalInt(5),
                    readAtMs: try row.optionalInt(6)), loggedAtMs: try row.optionalInt(7))
        }
        for row in stored { add(row) }
    }

    private mutating func add(_ row: Row) {
        byKey[Key(meterID: row.event.meterID, code: row.event.code), default: []].append(rows.count)
        rows.append(row)
    }

    private func isRepetition(_ new: NewEvent, of old: SeenEvent) -> Bool {
        if new.isDatedHere { return true }
        guard let other = [101: 102, 102: 101][new.code] else { return false }
        let between = min(new.meterAtMs, old.meterAtMs)...max(new.meterAtMs, old.meterAtMs)
        return !(byKey[Key(meterID: new.meterID, code: other)] ?? []).contains {
            between.contains(rows[$0].event.meterAtMs)
        }
    }

    /// Finds the event among those that are known, or adds it.
    mutating func merge(_ new: NewEvent, id: () -> Int64) {
        let near = byKey[Key(meterID: new.meterID, code: new.code)] ?? []
        func distance(_ index: Int) -> Int64 { abs(rows[index].event.meterAtMs - new.meterAtMs) }
        if new.isPushed {
            let same = near.filter { index in
                guard rows[index].event.pushedAtMs != nil else { return distance(index) <= EventStream.sameWithinMs }
                return distance(index) == 0
                    || (distance(index) <= EventStream.repeatWithinMs && isRepetition(new, of: rows[index].event))
            }
            if let index = same.min(by: { distance($0) < distance($1) }) {
                if rows[index].event.pushedAtMs == nil {
                    rows[index].event.pushedAtMs = new.receivedAtMs
                    rows[index].isChanged = true
                }
                return
            }
        } else {
            // The log may be read again and again: its entries have exact times.
            if near.contains(where: { rows[$0].loggedAtMs == new.meterAtMs }) { return }
            let free = near.filter { rows[$0].loggedAtMs == nil && distance($0) <= EventStream.sameWithinMs }
            if let index = free.min(by: { distance($0) < distance($1) }) {
                rows[index].event.readAtMs = new.receivedAtMs
                rows[index].loggedAtMs = new.meterAtMs
                rows[index].isChanged = true
                return
            }
        }
        let isPossible =
            new.meterAtMs >= new.receivedAtMs - EventStream.pastMs
            && new.meterAtMs <= new.receivedAtMs + EventStream.futureMs
        add(
            Row(
                event: SeenEvent(
                    eventID: id(), meterID: new.meterID, code: new.code,
                    atMs: isPossible ? new.meterAtMs : new.receivedAtMs, meterAtMs: new.meterAtMs,
                    pushedAtMs: new.isPushed ? new.receivedAtMs : nil,
                    readAtMs: new.isPushed ? nil : new.receivedAtMs),
                loggedAtMs: new.isPushed ? nil : new.meterAtMs, isNew: true))
    }
}
