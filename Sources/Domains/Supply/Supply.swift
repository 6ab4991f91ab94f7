// Supply decides and says why: facts in, a verdict recorded, the wish of the relay changed, HeadEnd told by an event.
// Never talks to a meter; every change is one transaction with its reasons.
import Access
import Accounts
import CivilTime
import Clocks
import Foundation
import Journal
import Messaging
import Meters
import Outbox
import SQL

/// Where an account stands.
public struct SupplyState: Sendable, Equatable {
    public var accountID: Int64
    public var wanted: RelayWish
    public var sinceMs: Int64
    public var reasons: [SupplyReason]
    /// The last notice of this fall.
    public var warnedAtMs: Int64?
    /// Since when something speaks for a cut.
    public var lowSinceMs: Int64?
    /// A cut may be then at the earliest; nil: none is near, or nobody can say when.
    public var notBeforeMs: Int64?
    /// When the consumer took the emergency credit of this fall.
    public var emergencyAtMs: Int64?
}

/// One recorded change of mind, or of reasons, with all it rests on.
public struct SupplyDecision: Sendable, Equatable {
    public var decisionID: Int64
    public var atMs: Int64
    public var wanted: RelayWish
    public var was: RelayWish
    public var reasons: [SupplyReason]
    public var balancePaise: Int64
    public var rules: SupplyRules?
    /// Nil: the company's own setting.
    public var ruleGroup: String?
    public var ruleFromDay: CivilDay?
    public var notBeforeMs: Int64?
    /// Nil for a decision of before they were kept.
    public var facts: SupplyFacts?

    /// Decides again from what is stored. Nil when it was stored without its facts.
    public func replayed() -> SupplyVerdict? {
        guard let facts, let rules else { return nil }
        return rules.decide(facts)
    }
}

public enum Supply {
    /// Name of the dated setting.
    public static let ruleSetting = "supply.rules"

    public static func state(accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> SupplyState?
    {
        try transaction.first(
            """
            SELECT account_id, wanted, since_ms, reasons, warned_at_ms, low_since_ms, not_before_ms, emergency_at_ms
            FROM supply_state WHERE org_id = $1 AND account_id = $2
            """, [.int(scope.orgID), .int(accountID)]
        ) { row in
            SupplyState(
                accountID: try row.int(0), wanted: RelayWish(rawValue: try row.text(1)) ?? .closed,
                sinceMs: try row.int(2),
                reasons: decode(try row.text(3)), warnedAtMs: try row.optionalInt(4),
                lowSinceMs: try row.optionalInt(5), notBeforeMs: try row.optionalInt(6),
                emergencyAtMs: try row.optionalInt(7))
        }
    }

    public static func decisions(
        accountID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [SupplyDecision] {
        try transaction.query(
            """
            SELECT decision_id, at_ms, wanted, was, reasons, balance_paise, rules, rule_group, rule_from_day,
              not_before_ms, facts FROM supply_decision
            WHERE org_id = $1 AND account_id = $2 ORDER BY decision_id DESC LIMIT $3
            """, [.int(scope.orgID), .int(accountID), .int(limit)]
        ) { row in
            SupplyDecision(
                decisionID: try row.int(0), atMs: try row.int(1),
                wanted: RelayWish(rawValue: try row.text(2)) ?? .closed,
                was: RelayWish(rawValue: try row.text(3)) ?? .closed, reasons: decode(try row.text(4)),
                balancePaise: try row.int(5), rules: try? SupplyRules(json: try row.text(6)),
                ruleGroup: try row.optionalText(7), ruleFromDay: try row.optionalDay(8),
                notBeforeMs: try row.optionalInt(9),
                facts: try row.optionalText(10).flatMap {
                    try? JSONDecoder().decode(SupplyFacts.self, from: Data($0.utf8))
                })
        }
    }

    /// Cuts and restorations decided and warnings sent since a time, and cuts that are held back now.
    public static func counts(
        sinceMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (cut: Int64, restored: Int64, held: Int64, warned: Int64) {
        func reach(_ table: String, _ parameters: inout [SQLValue]) -> String {
            guard scope.placeIDs != nil || scope.accountID != nil else { return "" }
            return """
                 AND EXISTS (SELECT 1 FROM supply_account WHERE supply_account.org_id = $1
                  AND supply_account.account_id = \(table).account_id\(SupplyAccount.scopeFilter(scope, &parameters)))
                """
        }
        var parameters: [SQLValue] = [.int(scope.orgID), .int(sinceMs)]
        let changed =
            try transaction.first(
                """
                SELECT COUNT(*) FILTER (WHERE wanted = 'open' AND was = 'closed'),
                  COUNT(*) FILTER (WHERE wanted = 'closed' AND was = 'open')
                FROM supply_decision WHERE org_id = $1 AND at_ms >= $2\(reach("supply_decision", &parameters))
                """, parameters
            ) { (try $0.int(0), try $0.int(1)) } ?? (0, 0)
        parameters = [.int(scope.orgID), .int(sinceMs)]
        let standing =
            try transaction.first(
                """
                SELECT COUNT(*) FILTER (WHERE wanted = 'closed' AND low_since_ms IS NOT NULL),
                  COUNT(*) FILTER (WHERE warned_at_ms >= $2)
                FROM supply_state WHERE org_id = $1\(reach("supply_state", &parameters))
                """, parameters
            ) { (try $0.int(0), try $0.int(1)) } ?? (0, 0)
        return (changed.0, changed.1, standing.0, standing.1)
    }

    /// Accounts to look at again because time has passed: those that are held back from a cut, who waits longest first.
    public static func held(
        after: (lowSinceMs: Int64, accountID: Int64) = (.min, 0), limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [(lowSinceMs: Int64, accountID: Int64)] {
        try transaction.query(
            """
            SELECT low_since_ms, account_id FROM supply_state
            WHERE org_id = $1 AND wanted = 'closed' AND low_since_ms IS NOT NULL
              AND (low_since_ms > $2 OR (low_since_ms = $2 AND account_id > $3))
            ORDER BY low_since_ms, account_id LIMIT $4
            """, [.int(scope.orgID), .int(after.lowSinceMs), .int(after.accountID), .int(limit)]
        ) { (try $0.int(0), try $0.int(1)) }
    }

    /// Accounts whose cut is decided but not done: looked at again before an order goes out.
    public static func pendingCuts(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64] {
        try transaction.query(
            """
            SELECT s.account_id FROM relay r JOIN installation i ON i.org_id = r.org_id AND i.meter_id = r.meter_id
            JOIN supply_state s ON s.org_id = i.org_id AND s.account_id = i.account_id
            WHERE r.org_id = $1 AND r.wanted = 'open' AND (r.actual IS NULL OR r.actual = 'closed')
              AND i.to_day IS NULL AND s.wanted = 'open' ORDER BY s.account_id LIMIT $2
            """, [.int(scope.orgID), .int(limit)]
        ) { try $0.int(0) }
    }

    /// Looks at an account and changes what follows. Idempotent: the same facts change nothing.
    /// - Parameter turn: whether a cut may fall now. One that was decided before stands, or is taken back.
    @discardableResult
    public static func decide(
        accountID: Int64, turn: CutTurn = .now, zone: Zone, nowMs: Int64, ids: IDGenerator, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> SupplyVerdict? {
        guard
            let look = try SupplyLook.at(
                accountID, turn: turn, zone: zone, nowMs: nowMs, scope, in: transaction)
        else { return nil }
        let verdict = look.verdict
        try look.rearm(scope, in: transaction)
        if verdict.warn {
            let messageID = ids.next()
            try Message.send(
                .lowBalance, key: "low-balance:\(accountID):\(nowMs)", accountID: accountID,
                amountPaise: look.facts.balancePaise, businessAtMs: nowMs, messageID: messageID, scope, in: transaction)
            try SupplyLook.noteNotices(
                verdict.notices, accountID: accountID, messageID: messageID, atMs: nowMs, scope, in: transaction)
        }
        let was = look.state?.wanted ?? .closed
        if look.state == nil || was != verdict.wanted
            || look.state?.reasons.map(\.code) != verdict.reasons.map(\.code)
        {
            try record(look, was, accountID, nowMs, ids, scope, transaction)
        }
        try store(look, accountID, nowMs, scope, transaction)
        try wish(verdict, look.meterID, nowMs, ids, scope, transaction)
        return verdict
    }

    /// Whether a look at this moment would decide to cut somebody who is not cut. Changes nothing.
    public static func wouldCut(
        accountID: Int64, zone: Zone, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        let look = try SupplyLook.at(accountID, turn: .now, zone: zone, nowMs: nowMs, scope, in: transaction)
        return look.map { $0.verdict.wanted == .open && $0.state?.wanted != .open } ?? false
    }

    private static func store(
        _ look: SupplyLook, _ accountID: Int64, _ nowMs: Int64, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        let verdict = look.verdict
        // Low is who something speaks for a cut of and who still has light, or who waits for enough to get it back.
        let isLow = verdict.reasons.contains {
            [.balanceBelowThreshold, .notYetRestored].contains($0.code)
                || ($0.code == .ordered && verdict.wanted == .closed)
        }
        try transaction.run(
            """
            INSERT INTO supply_state (org_id, account_id, wanted, since_ms, reasons, low_since_ms, warned_at_ms,
              not_before_ms, emergency_at_ms, reason_bits)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (org_id, account_id) DO UPDATE SET
              since_ms = CASE WHEN supply_state.wanted = excluded.wanted THEN supply_state.since_ms
                ELSE excluded.since_ms END,
              wanted = excluded.wanted, reasons = excluded.reasons,
              low_since_ms = CASE WHEN excluded.low_since_ms IS NULL THEN NULL
                ELSE COALESCE(supply_state.low_since_ms, excluded.low_since_ms) END,
              warned_at_ms = excluded.warned_at_ms, not_before_ms = excluded.not_before_ms,
              emergency_at_ms = excluded.emergency_at_ms, reason_bits = excluded.reason_bits
            """,
            [
                .int(scope.orgID), .int(accountID), .text(verdict.wanted.rawValue), .int(nowMs),
                .text(encode(verdict.reasons)), isLow ? .int(nowMs) : .null,
                .optional(verdict.warn ? nowMs : look.warnedAtMs), .optional(verdict.notBeforeMs),
                .optional(isLow ? look.state?.emergencyAtMs : nil),
                .int(verdict.reasons.reduce(Int64(0)) { $0 | $1.code.bit }),
            ])
    }

    private static func wish(
        _ verdict: SupplyVerdict, _ meterID: Int64, _ nowMs: Int64, _ ids: IDGenerator, _ scope: Scope,
        _ transaction: any SQLTransaction
    ) throws {
        let reason = verdict.reasons.first.map(\.code.rawValue) ?? ""
        guard
            try RelayRecord.want(
                verdict.wanted, meterID: meterID, reason: reason, atMs: nowMs, changeID: ids.next(), scope,
                in: transaction)
        else { return }
        try Outbox.append(
            OutboxEvent(
                orgID: scope.orgID, eventID: ids.next(), kind: .relayWanted, subjectID: meterID,
                detail: verdict.wanted.rawValue, businessAtMs: nowMs), in: transaction)
    }

    private static func record(
        _ look: SupplyLook, _ was: RelayWish, _ accountID: Int64, _ nowMs: Int64, _ ids: IDGenerator, _ scope: Scope,
        _ transaction: any SQLTransaction
    ) throws {
        let (verdict, force) = (look.verdict, look.force)
        try transaction.run(
            """
            INSERT INTO supply_decision (org_id, decision_id, account_id, at_ms, wanted, was, reasons, balance_paise,
              rules, facts, rule_group, rule_from_day, not_before_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """,
            [
                .int(scope.orgID), .int(ids.next()), .int(accountID), .int(nowMs), .text(verdict.wanted.rawValue),
                .text(was.rawValue), .text(encode(verdict.reasons)), .int(look.facts.balancePaise),
                .text(force.rules.json()), .text(encode(look.facts)), .optional(force.group?.description),
                .optional(force.fromDay.map { Int64($0.number) }), .optional(verdict.notBeforeMs),
            ])
    }

    /// Handles RelayConfirmed: tells the consumer once the meter itself has said so.
    public static func relayConfirmed(
        _ event: OutboxEvent, zone: Zone, ids: IDGenerator, in transaction: any SQLTransaction
    ) throws {
        let scope = Scope(orgID: event.orgID)
        let day = zone.day(atS: event.businessAtMs / 1000)
        guard let installation = try Installation.of(meterID: event.subjectID, on: day, scope, in: transaction) else {
            return
        }
        let isClosed = event.detail.hasSuffix(" closed")
        // Who was never without supply is not told that it is back.
        let told = try Message.last(
            of: [.supplyCut, .supplyRestored], accountID: installation.accountID, scope, in: transaction)
        guard isClosed == (told?.template == .supplyCut) else { return }
        try Message.send(
            isClosed ? .supplyRestored : .supplyCut, key: "relay:\(event.detail)", accountID: installation.accountID,
            businessAtMs: event.businessAtMs, messageID: ids.next(), scope, in: transaction)
    }

    static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }

    static func decode(_ text: String) -> [SupplyReason] {
        (try? JSONDecoder().decode([SupplyReason].self, from: Data(text.utf8))) ?? []
    }
}
