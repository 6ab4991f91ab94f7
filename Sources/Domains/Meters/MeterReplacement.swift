// A meter replaced at a service point, to the minute: from then on the new one measures. Changes installations and
// nothing else; what is read of which meter follows from here.
import Access
import CivilTime
import SQL

/// A replacement as recorded.
public struct MeterReplacement: Sendable, Equatable {
    public var oldMeterID: Int64
    public var newMeterID: Int64
    public var day: CivilDay
    /// Business time of the exchange.
    public var atMs: Int64

    static let migration = Migration(
        34, .money, "meter replacement",
        [
            """
            CREATE TABLE meter_replacement (org_id {id} NOT NULL, old_meter_id {id} NOT NULL, day {int} NOT NULL,
              new_meter_id {id} NOT NULL, at_ms {int} NOT NULL, PRIMARY KEY (org_id, old_meter_id)) {keyed_table}
            """,
            "CREATE INDEX meter_replacement_day ON meter_replacement (org_id, day)",
        ])

    /// Replacements on a day or later.
    public static func since(
        _ day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [MeterReplacement] {
        try transaction.query(
            """
            SELECT old_meter_id, new_meter_id, day, at_ms FROM meter_replacement
            WHERE org_id = $1 AND day >= $2 ORDER BY at_ms, old_meter_id
            """, [.int(scope.orgID), .day(day)]
        ) { row in
            MeterReplacement(
                oldMeterID: try row.int(0), newMeterID: try row.int(1), day: try row.day(2), atMs: try row.int(3))
        }
    }

    /// The slots of the day that are the meter's own: the old one's end up to the exchange, the new one's after it.
    /// The interval in which it was exchanged is the new one's, which stamps its end.
    public func slots(of meterID: Int64, count: Int, dayStartMs: Int64, periodMs: Int64) -> Range<Int> {
        let before = Int(max(0, min(Int64(count), (atMs - dayStartMs) / max(1, periodMs))))
        return meterID == oldMeterID ? 0..<before : before..<count
    }
}

/// Replaces a meter by another one that is entered and not installed.
public struct ReplaceMeter: Command {
    public static let name = "meters.replace"
    public static let permissions: [Permission] = [.manageSettings]
    public var oldMeterID: Int64
    public var newMeterID: Int64
    public var atMs: Int64
    public init(oldMeterID: Int64, newMeterID: Int64, atMs: Int64) {
        self.oldMeterID = oldMeterID
        self.newMeterID = newMeterID
        self.atMs = atMs
    }
    /// A meter is replaced once.
    public var key: String? { "replace:\(oldMeterID)" }
    public var content: String { "old=\(oldMeterID) new=\(newMeterID) at=\(atMs)" }
    public var subjectID: Int64 { oldMeterID }

    /// How far back a replacement may be entered, days: as long as meters are asked for what is missing.
    static let backDays = 35

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let zone = try Org.find(context.orgID, in: transaction).zone
        _ = try Meter.find(oldMeterID, scope, in: transaction)
        // The new one serves nobody yet, so it lies in no place: it is looked for in the company.
        _ = try Meter.find(newMeterID, Scope(orgID: scope.orgID), in: transaction)
        let day = zone.day(atS: atMs / 1000)
        let today = zone.day(atS: context.businessNowMs / 1000)
        guard oldMeterID != newMeterID, atMs <= context.businessNowMs, day.days(to: today) <= Self.backDays else {
            throw Refusal(
                .invalid, "A meter is replaced by another one, within the last \(Self.backDays) days.", at: "at")
        }
        guard let old = try Installation.of(meterID: oldMeterID, on: day, scope, in: transaction), old.toDay == nil
        else { throw Refusal(.conflict, "The old meter is not installed at that time.", at: "oldMeterID") }
        let isTaken = try transaction.first(
            "SELECT 1 FROM installation WHERE org_id = $1 AND meter_id = $2 AND (to_day IS NULL OR to_day >= $3)",
            [.int(scope.orgID), .int(newMeterID), .day(day)]
        ) { try $0.int(0) }
        guard isTaken == nil else {
            throw Refusal(.conflict, "The new meter is installed already.", at: "newMeterID")
        }
        try transaction.run(
            "UPDATE installation SET to_day = $4 WHERE org_id = $1 AND meter_id = $2 AND from_day = $3",
            [.int(scope.orgID), .int(oldMeterID), .day(old.fromDay), .day(day)])
        try Installation(meterID: newMeterID, accountID: old.accountID, fromDay: day).create(scope, in: transaction)
        try transaction.run(
            """
            INSERT INTO meter_replacement (org_id, old_meter_id, day, new_meter_id, at_ms) VALUES ($1, $2, $3, $4, $5)
            """, [.int(scope.orgID), .int(oldMeterID), .day(day), .int(newMeterID), .int(atMs)])
        context.changed(.meter(oldMeterID), "replaced_by", from: nil, to: "\(newMeterID) at \(atMs)")
        context.changed(.meter(newMeterID), "account", from: nil, to: "\(old.accountID)")
        return old.accountID
    }
}
