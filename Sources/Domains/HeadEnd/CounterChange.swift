// Lost invocation counters: what was asked, what the meter's own counter said, what became of it. Raising is safe;
// lowering may use a counter twice under one key, so it needs somebody who says why.
import Access
import Clocks
import DLMS
import MeterPort
import Meters
import SQL

/// One recovery of a counter.
public struct CounterChange: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable { case asked, raised, lowered, unchanged, refused }
    public var changeID: Int64
    public var meterID: Int64
    public var state: State
    public var lowers: Bool
    public var why: String
    public var askedAtMs: Int64
    public var endedAtMs: Int64?
    public var oldCounter: Int64?
    public var newCounter: Int64?
    public var meterCounter: Int64?
    public var answer: String?

    static let columns =
        """
        change_id, meter_id, state, lowers, why, asked_at_ms, ended_at_ms, old_counter, new_counter, meter_counter,
        answer
        """

    static func decode(_ row: any SQLRow) throws -> CounterChange {
        CounterChange(
            changeID: try row.int(0), meterID: try row.int(1), state: State(rawValue: try row.text(2)) ?? .refused,
            lowers: try row.flag(3), why: try row.text(4), askedAtMs: try row.int(5), endedAtMs: try row.optionalInt(6),
            oldCounter: try row.optionalInt(7), newCounter: try row.optionalInt(8),
            meterCounter: try row.optionalInt(9), answer: try row.optionalText(10))
    }

    /// The last ones of a meter, newest first.
    public static func of(_ meterID: Int64, limit: Int = 20, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [CounterChange]
    {
        try transaction.query(
            """
            SELECT \(columns) FROM counter_change WHERE org_id = $1 AND meter_id = $2
            ORDER BY change_id DESC LIMIT $3
            """, [.int(scope.orgID), .int(meterID), .int(limit)], decode)
    }

    /// The counter that is used next for a meter; nil when none was used yet.
    public static func next(_ meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Int64? {
        try transaction.first(
            "SELECT next_counter FROM invocation_counter WHERE org_id = $1 AND meter_id = $2",
            [.int(scope.orgID), .int(meterID)]
        ) { try $0.int(0) }
    }
}

/// Asks for the counter of a meter to be recovered from the meter's own.
public struct RecoverCounter: Command {
    public static let name = "meters.recover-counter"
    public static let permissions: [Permission] = [.manageSettings]
    public let meterID: Int64
    /// Also down to the meter's own counter. Only when no counter above it was ever used under the keys in use.
    public let lowers: Bool
    public let why: String

    /// - Throws: ``Refusal`` for a lowering without a reason.
    public init(meterID: Int64, lowers: Bool, why: String) throws {
        let reason = why.filter { !$0.isNewline }
        guard (3...300).contains(reason.count) else {
            throw Refusal(.invalid, "A reason has 3 to 300 characters.", at: "why")
        }
        guard !lowers || reason.trimmingPrefix(while: \.isWhitespace).count >= 10 else {
            throw Refusal(
                .invalid, "Lowering a counter needs a reason of at least 10 characters.",
                hint: "A counter used twice under one key breaks the cipher: say why that cannot happen here.",
                at: "why")
        }
        (self.meterID, self.lowers, self.why) = (meterID, lowers, reason)
    }

    public var key: String? { nil }
    public var subjectID: Int64 { meterID }
    public var content: String { "meter=\(meterID) lowers=\(lowers) why=\(why)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let meter = try Meter.find(meterID, scope, in: transaction)
        guard meter.isCalled else {
            throw Refusal(.conflict, "The meter is not called, so its counter cannot be read.")
        }
        let changeID = context.ids.next()
        try transaction.run(
            """
            INSERT INTO counter_change (org_id, change_id, meter_id, state, lowers, why, asked_at_ms)
            VALUES ($1, $2, $3, 'asked', $4, $5, $6)
            """,
            [
                .int(scope.orgID), .int(changeID), .int(meterID), .flag(lowers), .text(why),
                .int(context.businessNowMs),
            ])
        return changeID
    }
}

/// Sets the counter by what the meter said. The machine's part of ``RecoverCounter``, in the trail like it.
struct ApplyCounter: Command {
    static let name = "meters.apply-counter"
    static let permissions: [Permission] = [.manageSettings]
    let change: CounterChange
    let meterLast: UInt32

    var key: String? { "counter-\(change.changeID)" }
    var subjectID: Int64 { change.meterID }
    var content: String { "change=\(change.changeID) meter=\(change.meterID) meter_counter=\(meterLast)" }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> String {
        let scope = context.actor.scope
        let old = try CounterChange.next(change.meterID, scope, in: transaction) ?? 1
        let reserve = UInt32(MeterDoor.counterReserve)
        let verdict = CounterVerdict(next: UInt32(clamping: old), meterLast: meterLast, reserve: reserve)
        let below = Int64(meterLast) + 1
        var (state, new, answer) = (CounterChange.State.unchanged, old, "ours is above the meter's")
        switch verdict {
        case .raised(let next): (state, new, answer) = (.raised, Int64(next), "raised above the meter's")
        case .exhausted where !change.lowers || below + MeterDoor.counterReserve >= Int64(UInt32.max):
            (state, answer) = (.refused, "no counter is left: the meter needs new keys")
        case .ahead, .exhausted:
            if change.lowers, below < old { (state, new, answer) = (.lowered, below, "lowered: \(change.why)") }
        }
        if new != old {
            try transaction.run(
                """
                INSERT INTO invocation_counter (org_id, meter_id, next_counter) VALUES ($1, $2, $3)
                ON CONFLICT (org_id, meter_id) DO UPDATE SET next_counter = excluded.next_counter
                """, [.int(scope.orgID), .int(change.meterID), .int(new)])
        }
        context.changed(
            .meter(change.meterID), "next_counter", from: String(old), to: String(new))
        try transaction.run(
            """
            UPDATE counter_change SET state = $3, ended_at_ms = $4, old_counter = $5, new_counter = $6,
              meter_counter = $7, answer = $8 WHERE org_id = $1 AND change_id = $2 AND state = 'asked'
            """,
            [
                .int(scope.orgID), .int(change.changeID), .text(state.rawValue), .int(context.businessNowMs),
                .int(old), .int(new), .int(Int64(meterLast)), .text(answer),
            ])
        return state.rawValue
    }
}

extension KeyRotator {
    /// Reads the counters that were asked for through the public client, and goes by what the meters say.
    public func recoverCounters() async throws {
        let asked = try await site.money.read { [scope] in
            try $0.query(
                """
                SELECT \(CounterChange.columns) FROM counter_change WHERE org_id = $1 AND state = 'asked'
                ORDER BY change_id LIMIT 100
                """, [.int(scope.orgID)], CounterChange.decode)
        }
        for change in asked {
            try Task.checkCancellation()
            let meter = try await site.money.read { [scope] in try Meter.find(change.meterID, scope, in: $0) }
            let client = UInt16(clamping: meter.clientAddress)
            let endpoint = MeterEndpoint(
                host: meter.host, port: Int(meter.port), clientAddress: client, authentication: .none,
                profileName: meter.profileName, timeoutMs: rules.timeoutMs)
            do {
                let last = try await gates.alone(with: meter.meterID) {
                    try await transport.lastCounter(at: endpoint)
                }
                _ = try await site.perform(
                    ApplyCounter(change: change, meterLast: last), as: .system(orgID: org.orgID), source: "job keys",
                    why: change.why)
            } catch let error as MeterError {
                let atMs = site.clocks.businessNowMs()
                try await site.money.write { [scope] in
                    try $0.run(
                        """
                        UPDATE counter_change SET state = 'refused', ended_at_ms = $3, answer = $4
                        WHERE org_id = $1 AND change_id = $2 AND state = 'asked'
                        """,
                        [
                            .int(scope.orgID), .int(change.changeID), .int(atMs),
                            .text(String(error.description.prefix(300))),
                        ])
                }
            }
        }
    }
}
