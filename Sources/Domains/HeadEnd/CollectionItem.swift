// A meter-day of the collection plan: which of its intervals are there, which are still asked for, and which are not to
// be had, with the reason. Reads and marks rows; calls no meter.
import Access
import CivilTime
import MeterPort
import SQL

/// Why a meter-day is not complete. Stands in the database and in JSON.
public enum CollectionCause: String, Sendable, CaseIterable, Codable {
    case unreachable, refused, security, partial
    case badAnswer = "bad-answer"
    /// Not asked for again: the meter does not have it, or was out of reach for too long.
    case lost
    case other
    /// Nobody has asked yet: the first call is still to come.
    case waiting

    init(_ error: MeterError) {
        self =
            switch error.code {
            case .unreachable, .timeout, .closed: .unreachable
            case .associationRefused, .accessDenied: .refused
            case .security: .security
            case .badAnswer, .objectUndefined: .badAnswer
            case .other: .other
            }
    }
}

/// What is known of one interval. A character in the row of its meter-day.
public enum SlotMark: UInt8, Sendable {
    /// `0`
    case wanted = 48
    /// `1`
    case have = 49
    /// `p`: not to be had, the meter's own log says that it had no power.
    case powerless = 112
    /// `x`: not to be had, the meter answers and does not have it.
    case absent = 120
    /// `-`: another meter's part of the day.
    case foreign = 45
}

/// One meter-day of the collection plan.
public struct CollectionItem: Sendable, Equatable {
    public var day: CivilDay
    public var meterID: Int64
    /// `pending`, `partial`, `complete`, or `lost`: over, with intervals that are not to be had.
    public var state: String
    public var expectedSlots: Int
    /// A ``SlotMark`` a slot.
    public var slots: String
    public var attempt: Int64
    public var lastError: String?
    public var cause: CollectionCause?
    public var nextAtMs: Int64
    public var lastAttemptAtMs: Int64?

    public var haveSlots: Int { slots.utf8.count { $0 == SlotMark.have.rawValue } }
    public var wantedSlots: Int { slots.utf8.count { $0 == SlotMark.wanted.rawValue } }
    public var isOpen: Bool { state == "pending" || state == "partial" }

    static let columns =
        "day, meter_id, state, expected_slots, slots, attempt, last_error, cause, next_at_ms, last_attempt_at_ms"

    static func decode(_ row: any SQLRow) throws -> CollectionItem {
        CollectionItem(
            day: try row.day(0), meterID: try row.int(1), state: try row.text(2), expectedSlots: Int(try row.int(3)),
            slots: try row.text(4), attempt: try row.int(5), lastError: try row.optionalText(6),
            cause: try row.optionalText(7).flatMap { CollectionCause(rawValue: $0) }, nextAtMs: try row.int(8),
            lastAttemptAtMs: try row.optionalInt(9))
    }

    /// The plan of one day, by meter, for the meters planned so far.
    public static func of(day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> [CollectionItem]
    {
        try transaction.query(
            "SELECT \(columns) FROM collection WHERE org_id = $1 AND day = $2 ORDER BY meter_id",
            [.int(scope.orgID), .day(day)], decode)
    }

    /// The plan of a meter on a day; nil when it is not planned.
    public static func find(
        meterID: Int64, day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CollectionItem? {
        try transaction.first(
            "SELECT \(columns) FROM collection WHERE org_id = $1 AND day = $2 AND meter_id = $3",
            [.int(scope.orgID), .day(day), .int(meterID)], decode)
    }

    /// Slots collected and slots expected of a meter on these days.
    public static func completeness(
        meterID: Int64, days: [CivilDay], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (have: Int, expected: Int) {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(meterID)]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.first(
            """
            SELECT CAST(COALESCE(SUM(have_slots), 0) AS BIGINT), CAST(COALESCE(SUM(expected_slots), 0) AS BIGINT)
            FROM collection WHERE org_id = $1 AND meter_id = $2 AND day IN (\(marks))
            """, parameters
        ) { (have: Int(try $0.int(0)), expected: Int(try $0.int(1))) } ?? (0, 0)
    }

    /// What is due, oldest day first.
    static func due(
        nowMs: Int64, floor: CivilDay, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [CollectionItem] {
        try transaction.query(
            """
            SELECT \(columns) FROM collection
            WHERE org_id = $1 AND state IN ('pending', 'partial') AND next_at_ms <= $2 AND day >= $3
            ORDER BY day, meter_id LIMIT $4
            """, [.int(scope.orgID), .int(nowMs), .day(floor), .int(limit)], decode)
    }

    /// Seconds of load that a meter is asked for at once after a line broke: one answer holds them.
    static let cautiousS: Int64 = 7_200

    /// What to ask for as end stamps: one range from the first gap to the last; after a line broke, part by part, so
    /// that each part that comes is kept. Empty when all intervals are there.
    func wantedRangesS(startS: Int64, endS: Int64, periodS: Int64) -> [ClosedRange<Int64>] {
        let wanted = slots.utf8.enumerated().filter { $0.element == SlotMark.wanted.rawValue }.map {
            min(endS, startS + Int64($0.offset + 1) * periodS)
        }
        guard let first = wanted.first, let last = wanted.last else { return [] }
        guard attempt > 0, cause != .partial else { return [first...last] }
        var ranges: [ClosedRange<Int64>] = []
        for atS in wanted {
            if let part = ranges.last, atS - part.lowerBound < max(periodS, Self.cautiousS) {
                ranges[ranges.count - 1] = part.lowerBound...atS
            } else {
                ranges.append(atS...atS)
            }
        }
        return ranges
    }

    /// The marks with what came.
    static func marked(_ slots: String, with rows: [BlockLoadRow], startS: Int64, periodS: Int64) -> String {
        var marks = Array(slots.utf8)
        for row in rows {
            let offset = row.endS - startS
            guard offset % periodS == 0 else { continue }
            let slot = Int(offset / periodS) - 1
            if marks.indices.contains(slot), marks[slot] != SlotMark.foreign.rawValue {
                marks[slot] = SlotMark.have.rawValue
            }
        }
        return String(decoding: marks, as: UTF8.self)
    }

    /// The marks with what is still wanted given up: without power by the meter's own log (IS 15959 events 101 and
    /// 102), or simply not there.
    public static func givenUp(
        _ slots: String, events: [MeterEventEntry], startS: Int64, endS: Int64, periodS: Int64
    ) -> String {
        var dark: [Range<Int64>] = []
        var sinceS: Int64?
        for event in events.sorted(by: { $0.atS < $1.atS }) {
            switch event.code {
            case 101: sinceS = sinceS ?? event.atS
            case 102:
                // The power came back and nothing says when it went: it was away when the day began.
                let fromS = sinceS ?? startS
                if fromS < event.atS { dark.append(fromS..<event.atS) }
                sinceS = nil
            default: continue
            }
        }
        if let sinceS, sinceS < endS { dark.append(sinceS..<endS) }
        let marks = slots.utf8.enumerated().map { slot, mark -> UInt8 in
            guard mark == SlotMark.wanted.rawValue else { return mark }
            let from = startS + Int64(slot) * periodS
            let isDark = dark.contains { $0.overlaps(from..<from + periodS) }
            return isDark ? SlotMark.powerless.rawValue : SlotMark.absent.rawValue
        }
        return String(decoding: marks, as: UTF8.self)
    }
}
