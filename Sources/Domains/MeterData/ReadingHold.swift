// Legal holds: readings of a meter or a month that must not be removed until the hold is released. Holds block removal
// only; corrections go on, for they take nothing away.
import Access
import CivilTime
import Clocks
import Meters
import SQL

public struct ReadingHold: Sendable, Codable, Equatable {
    public var holdID: Int64
    /// Nil: every meter.
    public var meterID: Int64?
    /// `YYYY-MM`; nil: every month.
    public var month: String?
    public var reason: String
    public var placedAtMs: Int64
    public var releasedAtMs: Int64?

    static let migration = Migration(
        46, .money, "holds on readings",
        [
            """
            CREATE TABLE reading_hold (org_id {id} NOT NULL, hold_id {id} NOT NULL, meter_id {int}, month_index {int},
              reason {text} NOT NULL, placed_at_ms {int} NOT NULL, released_at_ms {int},
              PRIMARY KEY (org_id, hold_id)) {keyed_table}
            """
        ])

    /// Holds of a company that are in force, oldest first.
    public static func inForce(orgID: Int64, in transaction: any SQLTransaction) throws -> [ReadingHold] {
        try transaction.query(
            """
            SELECT hold_id, meter_id, month_index, reason, placed_at_ms, released_at_ms FROM reading_hold
            WHERE org_id = $1 AND released_at_ms IS NULL ORDER BY hold_id
            """, [.int(orgID)]
        ) { row in
            ReadingHold(
                holdID: try row.int(0), meterID: try row.optionalInt(1),
                month: try row.optionalInt(2).map { CivilMonth(index: Int($0)).description }, reason: try row.text(3),
                placedAtMs: try row.int(4), releasedAtMs: try row.optionalInt(5))
        }
    }

    /// Whether it keeps anything of that month from being removed.
    public func covers(_ month: CivilMonth) -> Bool { self.month.map { $0 == month.description } ?? true }
}

/// Places a hold on a meter, a month, or a meter's month.
public struct PlaceReadingHold: Command {
    public static let name = "readings.hold"
    public static let permissions: [Permission] = [.manageSettings]
    public static let reasonLengthMax = 300

    let meterID: Int64?
    let month: CivilMonth?
    let reason: String

    /// - Throws: ``Refusal`` when it names neither, or no reason.
    public init(meterID: Int64?, month: CivilMonth?, reason: String) throws {
        guard meterID != nil || month != nil else {
            throw Refusal(.invalid, "A hold needs a meter or a month.", hint: "Name one of them, or both.", at: "meter")
        }
        try month?.refuseUnlikely()
        guard !reason.isEmpty, reason.utf8.count <= Self.reasonLengthMax else {
            throw Refusal(
                .invalid, "A hold needs a reason of at most \(Self.reasonLengthMax) bytes.",
                hint: "Name the case or the letter that asks for it.", at: "reason")
        }
        (self.meterID, self.month, self.reason) = (meterID, month, reason)
    }

    public var key: String? { nil }
    public var content: String {
        "meter=\(meterID.map(String.init) ?? "all") month=\(month?.description ?? "all") reason=\(reason)"
    }
    public var subjectID: Int64 { meterID ?? 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> ReadingHold {
        if let meterID { _ = try Meter.find(meterID, context.actor.scope, in: transaction) }
        // The same hold again is the one that is there.
        let same = try ReadingHold.inForce(orgID: context.orgID, in: transaction).first {
            $0.meterID == meterID && $0.month == month?.description && $0.reason == reason
        }
        if let same { return same }
        let hold = ReadingHold(
            holdID: context.ids.next(), meterID: meterID, month: month?.description, reason: reason,
            placedAtMs: context.businessNowMs)
        try transaction.run(
            """
            INSERT INTO reading_hold (org_id, hold_id, meter_id, month_index, reason, placed_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                .int(context.orgID), .int(hold.holdID), .optional(meterID), .optional(month.map { Int64($0.index) }),
                .text(reason), .int(hold.placedAtMs),
            ])
        context.changed(.company, "hold \(hold.holdID)", from: nil, to: content)
        return hold
    }
}

/// Releases a hold. Doing it again changes nothing.
public struct ReleaseReadingHold: Command {
    public static let name = "readings.release-hold"
    public static let permissions: [Permission] = [.manageSettings]
    let holdID: Int64
    public init(holdID: Int64) { self.holdID = holdID }
    public var key: String? { nil }
    public var content: String { "hold=\(holdID)" }
    public var subjectID: Int64 { 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let isThere = try transaction.first(
            "SELECT 1 FROM reading_hold WHERE org_id = $1 AND hold_id = $2", [.int(context.orgID), .int(holdID)]
        ) { _ in true }
        guard isThere == true else {
            throw Refusal(.notFound, "There is no such hold.", hint: "List the holds to see their numbers.", at: "hold")
        }
        let released = try transaction.run(
            "UPDATE reading_hold SET released_at_ms = $3 WHERE org_id = $1 AND hold_id = $2 AND released_at_ms IS NULL",
            [.int(context.orgID), .int(holdID), .int(context.businessNowMs)])
        if released > 0 { context.changed(.company, "hold \(holdID)", from: "in force", to: "released") }
        return holdID
    }
}
