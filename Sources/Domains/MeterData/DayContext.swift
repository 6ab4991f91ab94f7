// What was known of a day beside its values when they came: registers, clock, supply, tampering. Kept so that the
// checks can run again on what is stored, when the rules have changed, without asking the meter or the file.
import CivilTime
import IntervalData
import SQL
import VEE

/// What surrounds the values of a meter's day.
public struct DayContext: Sendable, Equatable {
    public var registerStartWh: Int64?
    public var registerEndWh: Int64?
    public var clockDriftS: Int64?
    /// Slots wholly without supply, as the meter itself told with its values.
    public var outages: [Range<Int>]
    /// The same as the outage records had it when the day was judged last.
    public var recordedOutages: [Range<Int>]
    public var tamperEvents: Int
    /// The relay was open over the whole day.
    public var isDisconnected: Bool

    public init(
        registerStartWh: Int64? = nil, registerEndWh: Int64? = nil, clockDriftS: Int64? = nil,
        outages: [Range<Int>] = [], recordedOutages: [Range<Int>] = [], tamperEvents: Int = 0,
        isDisconnected: Bool = false
    ) {
        self.registerStartWh = registerStartWh
        self.registerEndWh = registerEndWh
        self.clockDriftS = clockDriftS
        self.outages = outages
        self.recordedOutages = recordedOutages
        self.tamperEvents = tamperEvents
        self.isDisconnected = isDisconnected
    }

    static let none = DayContext()

    static let migration = Migration(
        104, .readings, "exceptions worked, days with their context",
        [
            "ALTER TABLE vee_exception ADD COLUMN batch_id {id}",
            "ALTER TABLE vee_exception ADD COLUMN owner_id {id}",
            "ALTER TABLE vee_exception ADD COLUMN taken_at_ms {int}",
            "ALTER TABLE vee_exception ADD COLUMN resolved_by {id}",
            "CREATE INDEX vee_exception_open ON vee_exception (org_id, day, meter_id) WHERE resolved_at_ms IS NULL",
            """
            CREATE TABLE vee_exception_step (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
              rule {text} NOT NULL, from_slot {int} NOT NULL, step_id {id} NOT NULL, what {text} NOT NULL,
              login_id {id} NOT NULL, reason {text} NOT NULL, at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, day, meter_id, rule, from_slot, step_id)) {by_month}
            """,
            """
            CREATE TABLE day_context (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
              register_start_wh {int}, register_end_wh {int}, clock_drift_s {int}, outages {text} NOT NULL,
              tamper_events {int} NOT NULL, is_disconnected {flag} NOT NULL,
              PRIMARY KEY (org_id, day, meter_id)) {by_month}
            """,
        ])

    /// Slots wholly without supply, whoever told of them.
    var darkSlots: [Range<Int>] { joinedSlots(outages + recordedOutages) }

    /// What is known now, and where now says nothing what was known before. The records are asked anew or stand as
    /// they were: an outage that is withdrawn explains nothing any more.
    func over(_ before: DayContext) -> DayContext {
        DayContext(
            registerStartWh: registerStartWh ?? before.registerStartWh,
            registerEndWh: registerEndWh ?? before.registerEndWh, clockDriftS: clockDriftS ?? before.clockDriftS,
            outages: outages.isEmpty ? before.outages : outages, recordedOutages: before.recordedOutages,
            tamperEvents: max(tamperEvents, before.tamperEvents),
            isDisconnected: isDisconnected || before.isDisconnected)
    }

    func store(day: CivilDay, meterID: Int64, orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO day_context (org_id, day, meter_id, register_start_wh, register_end_wh, clock_drift_s, outages,
              tamper_events, is_disconnected) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (org_id, day, meter_id) DO UPDATE SET register_start_wh = excluded.register_start_wh,
              register_end_wh = excluded.register_end_wh, clock_drift_s = excluded.clock_drift_s,
              outages = excluded.outages, tamper_events = excluded.tamper_events,
              is_disconnected = excluded.is_disconnected
            """,
            [
                .int(orgID), .day(day), .int(meterID), .optional(registerStartWh), .optional(registerEndWh),
                .optional(clockDriftS),
                .text(
                    (outages.map { "\($0.lowerBound)-\($0.upperBound)" }
                        + recordedOutages.map { "\(Self.recorded)\($0.lowerBound)-\($0.upperBound)" })
                        .joined(separator: " ")),
                .int(tamperEvents), .flag(isDisconnected),
            ])
    }

    /// Stands before the slots of a record in the stored text: `3-7 r10-14`.
    private static let recorded: Character = "r"

    private static func decode(_ row: any SQLRow, from first: Int) throws -> DayContext {
        var (outages, recordedOutages): ([Range<Int>], [Range<Int>]) = ([], [])
        for part in try row.text(first + 3).split(separator: " ") {
            let isRecorded = part.first == recorded
            let ends = part.dropFirst(isRecorded ? 1 : 0).split(separator: "-").compactMap { Int($0) }
            guard ends.count == 2, ends[0] <= ends[1] else { continue }
            if isRecorded { recordedOutages.append(ends[0]..<ends[1]) } else { outages.append(ends[0]..<ends[1]) }
        }
        return DayContext(
            registerStartWh: try row.optionalInt(first), registerEndWh: try row.optionalInt(first + 1),
            clockDriftS: try row.optionalInt(first + 2), outages: outages, recordedOutages: recordedOutages,
            tamperEvents: Int(try row.int(first + 4)), isDisconnected: try row.flag(first + 5))
    }

    private static let columns =
        "register_start_wh, register_end_wh, clock_drift_s, outages, tamper_events, is_disconnected"

    /// What is kept of one day; nothing known when there is none.
    public static func of(
        meterID: Int64, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> DayContext {
        try transaction.first(
            "SELECT \(columns) FROM day_context WHERE org_id = $1 AND day = $2 AND meter_id = $3",
            [.int(orgID), .day(day), .int(meterID)]
        ) { try decode($0, from: 0) } ?? .none
    }

    /// The register against the intervals since the last midnight that was read before this day, in the same month;
    /// nil when this day's own first midnight was read, its last was not, or there is none before.
    func span(
        meterID: Int64, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> RegisterSpan? {
        guard registerStartWh == nil, let end = registerEndWh, day > day.month.first else { return nil }
        let before = try transaction.first(
            """
            SELECT day, register_end_wh FROM day_context WHERE org_id = $1 AND day >= $2 AND day < $3 AND meter_id = $4
              AND register_end_wh IS NOT NULL ORDER BY day DESC LIMIT 1
            """, [.int(orgID), .day(day.month.first), .day(day), .int(meterID)]
        ) { (day: try $0.day(0), wh: try $0.int(1)) }
        guard let before else { return nil }
        let (moved, overflow) = end.subtractingReportingOverflow(before.wh)
        guard !overflow else { return nil }
        let days = before.day.days(to: day)
        let blocks = try DayBlocks.current(
            meterID: meterID, from: before.day.advanced(by: 1), to: day.advanced(by: -1), orgID: orgID, in: transaction)
        // Estimates are not what the meter counted slot by slot: they are gaps here.
        let trusted = blocks.map(\.block).filter { $0.lowestQuality >= .edited }
        return RegisterSpan(
            days: days, movedWh: moved, earlierWh: blocks.reduce(0) { $0 + $1.block.trustedWh },
            hasGaps: trusted.count < days - 1)
    }
}

extension DayBlock {
    fileprivate var trustedWh: Int64 {
        values.indices.reduce(0) { $0 + (qualities[$1] >= .edited ? Int64(values[$1]) : 0) }
    }
}

/// Runs of slots in order, those that touch or overlap made one.
public func joinedSlots(_ runs: [Range<Int>]) -> [Range<Int>] {
    runs.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { joined, run in
        if let last = joined.last, run.lowerBound <= last.upperBound {
            joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, run.upperBound)
        } else {
            joined.append(run)
        }
    }
}

/// Slots of a day wholly without supply, from a meter's own power failures (a) and restorations (b). Only failures
/// whose end is known count: a lost last word must not make a house look dark.
/// - Parameters:
///   - changes: in order of time, of the day and some before and after it.
public func darkSlots(
    _ changes: [(atS: Int64, isOn: Bool)], startS: Int64, periodS: Int64, slots: Int
) -> [Range<Int>] {
    guard periodS > 0 else { return [] }
    var dark: [Range<Int>] = []
    var offS: Int64?
    for change in changes {
        guard change.isOn else {
            offS = offS ?? change.atS
            continue
        }
        guard let from = offS else { continue }
        offS = nil
        let first = max(0, (from - startS + periodS - 1) / periodS)
        let end = min(Int64(slots), (change.atS - startS) / periodS)
        if from < startS + Int64(slots) * periodS, change.atS > startS, first < end {
            dark.append(Int(first)..<Int(end))
        }
    }
    return dark
}
