// The clock of a meter: measured at each conversation, set when it is off by more than a threshold and not by more than
// a limit. Each measurement, setting and refusal to set is recorded. Beyond the limit a person decides.
import Access
import CivilTime
import Clocks
import MeterPort
import Meters
import SQL

/// How far the meter's clock is off: 0 when its time lies between asking and answer, else the distance to the nearer of
/// the
/// two, so that the time an answer takes is never counted as drift.
func clockDriftS(_ conversation: any MeterConversation, _ clocks: Clocks) async throws -> Int64 {
    let beforeS = clocks.businessNowMs() / 1000
    let meterS = try await conversation.clockS()
    let afterS = clocks.businessNowMs() / 1000
    return meterS < beforeS ? meterS - beforeS : max(0, meterS - afterS)
}

/// Within which limits clocks are set: dated settings.
struct ClockCare: Sendable {
    /// Set when off by more than this, either way.
    var aboveS: Int64
    /// And not by more than this.
    var atMostS: Int64

    static let above = SettingKind.wholeNumber(
        "meter-clock.set-above-s", 1...3_600, initial: 30,
        hint: "A meter's clock that is off by more seconds than this is set when the meter is read.")
    static let atMost = SettingKind.wholeNumber(
        "meter-clock.set-at-most-s", 0...86_400, initial: 600,
        hint: "A clock that is off by more seconds than this is not set but shown to a person; 0 sets none.")

    static func inForce(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> ClockCare {
        let registry = SettingRegistry([above, atMost])
        func value(_ kind: SettingKind) throws -> Int64 {
            Int64(try registry.value(kind.name, on: day, scope, in: transaction)) ?? 0
        }
        return ClockCare(aboveS: try value(above), atMostS: try value(atMost))
    }

    /// What a conversation found and did.
    struct Outcome: Sendable {
        enum Action: String, Sendable { case measured, set, refused, failed }
        var action = Action.measured
        var driftS: Int64
        /// Measured again after the clock was set.
        var afterS: Int64?
        var why = ""
    }

    /// Sets the clock when it is to be set. A meter that refuses is no failure of the conversation; a line that breaks
    /// here has given all answers before.
    func tend(
        _ conversation: any MeterConversation, driftS: Int64, _ clocks: Clocks
    ) async throws -> Outcome {
        var outcome = Outcome(driftS: driftS)
        let off = abs(driftS)
        guard off > aboveS else { return outcome }
        guard off <= atMostS else {
            outcome.action = .refused
            outcome.why = "off by \(driftS) s, more than \(atMostS) s"
            return outcome
        }
        do {
            try await conversation.setClock(toS: clocks.businessNowMs() / 1000)
            let after = try await clockDriftS(conversation, clocks)
            outcome.afterS = after
            outcome.action = abs(after) <= aboveS ? .set : .failed
            outcome.why =
                outcome.action == .set
                ? "off by \(driftS) s, more than \(aboveS) s"
                : "the meter said yes, and its clock is still off by \(after) s"
        } catch let error as MeterError {
            outcome.action = .failed
            outcome.why = String("the meter did not take the time: \(error.description)".prefix(300))
        }
        return outcome
    }
}

extension ClockCare.Outcome {
    /// The last measurement of the meter, and an entry when the clock was set or should have been. The same trouble is
    /// entered once a day.
    func record(
        meterID: Int64, atMs: Int64, _ care: ClockCare, entryID: Int64, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws {
        let isTrouble = action == .refused || action == .failed
        try transaction.run(
            """
            INSERT INTO meter_clock (org_id, meter_id, measured_at_ms, drift_s, refused) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (org_id, meter_id) DO UPDATE SET measured_at_ms = excluded.measured_at_ms,
              drift_s = excluded.drift_s, refused = excluded.refused
            """,
            [
                .int(orgID), .int(meterID), .int(atMs), .int(afterS ?? driftS),
                isTrouble ? .text(why) : .null,
            ])
        guard action != .measured else { return }
        try transaction.run(
            """
            INSERT INTO meter_clock_entry (org_id, entry_id, meter_id, at_ms, action, before_s, after_s, threshold_s,
              why) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
            WHERE NOT EXISTS (SELECT 1 FROM meter_clock_entry e WHERE e.org_id = $1 AND e.meter_id = $3
              AND e.action = $5 AND e.action <> 'set' AND e.at_ms > $10)
            """,
            [
                .int(orgID), .int(entryID), .int(meterID), .int(atMs), .text(action.rawValue), .int(driftS),
                .optional(afterS), .int(action == .refused ? care.atMostS : care.aboveS), .text(why),
                .int(atMs - 86_400_000),
            ])
    }
}

/// What was done about a meter's clock.
public struct MeterClockEntry: Sendable, Equatable {
    public var meterID: Int64
    public var atMs: Int64
    /// `set`, `refused` (off by more than is set without a person) or `failed`.
    public var action: String
    /// Seconds the clock was ahead, before and after.
    public var beforeS: Int64
    public var afterS: Int64?
    public var thresholdS: Int64
    public var why: String

    public init(
        meterID: Int64, atMs: Int64, action: String, beforeS: Int64, afterS: Int64?, thresholdS: Int64, why: String
    ) {
        self.meterID = meterID
        self.atMs = atMs
        self.action = action
        self.beforeS = beforeS
        self.afterS = afterS
        self.thresholdS = thresholdS
        self.why = why
    }

    /// Newest first.
    public static func of(
        meterID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [MeterClockEntry] {
        try transaction.query(
            """
            SELECT meter_id, at_ms, action, before_s, after_s, threshold_s, why FROM meter_clock_entry
            WHERE org_id = $1 AND meter_id = $2 ORDER BY entry_id DESC LIMIT $3
            """, [.int(scope.orgID), .int(meterID), .int(limit)]
        ) { row in
            MeterClockEntry(
                meterID: try row.int(0), atMs: try row.int(1), action: try row.text(2), beforeS: try row.int(3),
                afterS: try row.optionalInt(4), thresholdS: try row.int(5), why: try row.text(6))
        }
    }
}

/// A meter whose clock is wrong and was not set.
public struct WrongClock: Sendable, Equatable {
    public var meterID: Int64
    public var measuredAtMs: Int64
    public var driftS: Int64
    public var why: String

    public static func all(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [WrongClock] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        let reach = try Meter.reachFilter(of: "meter_clock.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT meter_id, measured_at_ms, drift_s, refused FROM meter_clock
            WHERE org_id = $1 AND refused IS NOT NULL\(reach) ORDER BY measured_at_ms DESC LIMIT $2
            """, parameters
        ) { row in
            WrongClock(
                meterID: try row.int(0), measuredAtMs: try row.int(1), driftS: try row.int(2), why: try row.text(3))
        }
    }
}
