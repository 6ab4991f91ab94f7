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
    public var warnedAtMs: Int64?
}

/// One recorded change of mind, or of reasons.
public struct SupplyDecision: Sendable, Equatable {
    public var decisionID: Int64
    public var atMs: Int64
    public var wanted: RelayWish
    public var was: RelayWish
    public var reasons: [SupplyReason]
    public var balancePaise: Int64
}

public enum Supply {
    /// Name of the dated setting.
    public static let ruleSetting = "supply.rules"

    public static func rules(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> SupplyRules
    {
        guard let text = try Setting.value(ruleSetting, on: day, scope, in: transaction) else { return SupplyRules() }
        return try SupplyRules(json: text)
    }

    public static func state(accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> SupplyState?
    {
        try transaction.first(
            """
            SELECT account_id, wanted, since_ms, reasons, warned_at_ms FROM supply_state
            WHERE org_id = $1 AND account_id = $2
            """, [.int(scope.orgID), .int(accountID)]
        ) { row in
            SupplyState(
                accountID: try row.int(0), wanted: RelayWish(rawValue: try row.text(1)) ?? .closed,
                sinceMs: try row.int(2),
                reasons: decode(try row.text(3)), warnedAtMs: try row.optionalInt(4))
        }
    }

    public static func decisions(
        accountID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [SupplyDecision] {
        try transaction.query(
            """
            SELECT decision_id, at_ms, wanted, was, reasons, balance_paise FROM supply_decision
            WHERE org_id = $1 AND account_id = $2 ORDER BY decision_id DESC LIMIT $3
            """, [.int(scope.orgID), .int(accountID), .int(limit)]
        ) { row in
            SupplyDecision(
                decisionID: try row.int(0), atMs: try row.int(1),
                wanted: RelayWish(rawValue: try row.text(2)) ?? .closed,
                was: RelayWish(rawValue: try row.text(3)) ?? .closed, reasons: decode(try row.text(4)),
                balancePaise: try row.int(5))
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

    /// Accounts to look at again because time has passed: those below the threshold that are held.
    public static func held(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64] {
        try transaction.query(
            """
            SELECT account_id FROM supply_state
            WHERE org_id = $1 AND wanted = 'closed' AND low_since_ms IS NOT NULL ORDER BY account_id LIMIT $2
            """, [.int(scope.orgID), .int(limit)]
        ) { try $0.int(0) }
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
    @discardableResult
    public static func decide(
        accountID: Int64, zone: Zone, nowMs: Int64, ids: IDGenerator, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> SupplyVerdict? {
        let civil = zone.civil(atS: nowMs / 1000)
        guard let installation = try Installation.of(accountID: accountID, on: civil.day, scope, in: transaction) else {
            return nil
        }
        let balance = try Journal.balance(ofAccount: accountID, scope, in: transaction)
        let state = try state(accountID: accountID, scope, in: transaction)
        let rules = try rules(on: civil.day, scope, in: transaction)
        let order = try transaction.first(
            "SELECT why FROM supply_order WHERE org_id = $1 AND account_id = $2", [.int(scope.orgID), .int(accountID)]
        ) { try $0.text(0) }
        // A balance that is good again ends the warning: the next fall warns anew.
        let warnedAtMs = balance.balancePaise >= rules.warnBelowPaise ? nil : state?.warnedAtMs
        let was = state?.wanted ?? .closed
        // A cut that was decided but has not happened yet is judged as if it had not been decided: the hours may have
        // come in which nobody is cut, or an estimate may have been put right.
        let relay = try RelayRecord.find(installation.meterID, scope, in: transaction)
        let isCut = was == .open && relay?.actual != nil && relay?.actual != "closed"
        // An order that was taken back leaves no threshold to climb: the account is judged as if it were on.
        let wasOrdered = order == nil && state?.reasons.contains { $0.code == .ordered } == true
        var facts = SupplyFacts(
            balancePaise: balance.balancePaise, estimatedChargesPaise: balance.estimatedChargesPaise,
            wanted: isCut && !wasOrdered ? .open : .closed, day: civil.day, minuteOfDay: civil.secondOfDay / 60,
            nowMs: nowMs, warnedAtMs: warnedAtMs, order: order)
        facts.isConverting = try Conversion.find(accountID: accountID, scope, in: transaction)?.isOpen == true
        let verdict = rules.decide(facts)
        if verdict.warn {
            try Message.send(
                .lowBalance, key: "low-balance:\(accountID):\(nowMs)", accountID: accountID,
                amountPaise: balance.balancePaise, businessAtMs: nowMs, messageID: ids.next(), scope, in: transaction)
        }
        let codes = verdict.reasons.map(\.code)
        if state == nil || was != verdict.wanted || state?.reasons.map(\.code) != codes {
            try record(verdict, was, balance.balancePaise, rules, accountID, nowMs, ids, scope, transaction)
        }
        let isLow = verdict.reasons.contains { $0.code == .balanceBelowThreshold }
        try transaction.run(
            """
            INSERT INTO supply_state (org_id, account_id, wanted, since_ms, reasons, low_since_ms, warned_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, account_id) DO UPDATE SET
              since_ms = CASE WHEN supply_state.wanted = excluded.wanted THEN supply_state.since_ms
                ELSE excluded.since_ms END,
              wanted = excluded.wanted, reasons = excluded.reasons,
              low_since_ms = CASE WHEN excluded.low_since_ms IS NULL THEN NULL
                ELSE COALESCE(supply_state.low_since_ms, excluded.low_since_ms) END,
              warned_at_ms = excluded.warned_at_ms
            """,
            [
                .int(scope.orgID), .int(accountID), .text(verdict.wanted.rawValue), .int(nowMs),
                .text(encode(verdict.reasons)), isLow ? .int(nowMs) : .null,
                .optional(verdict.warn ? nowMs : warnedAtMs),
            ])
        try wish(verdict, installation.meterID, nowMs, ids, scope, transaction)
        return verdict
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
        _ verdict: SupplyVerdict, _ was: RelayWish, _ balancePaise: Int64, _ rules: SupplyRules, _ accountID: Int64,
        _ nowMs: Int64, _ ids: IDGenerator, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO supply_decision (org_id, decision_id, account_id, at_ms, wanted, was, reasons, balance_paise,
              rules)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            [
                .int(scope.orgID), .int(ids.next()), .int(accountID), .int(nowMs), .text(verdict.wanted.rawValue),
                .text(was.rawValue), .text(encode(verdict.reasons)), .int(balancePaise), .text(rules.json()),
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

    static func encode(_ reasons: [SupplyReason]) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(reasons)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }

    static func decode(_ text: String) -> [SupplyReason] {
        (try? JSONDecoder().decode([SupplyReason].self, from: Data(text.utf8))) ?? []
    }
}

/// An officer's order: cut supply for a reason of its own, or take such an order back.
public struct OrderSupply: Command {
    public static let name = "supply.order"
    public static let permissions: [Permission] = [.commandMeters]

    public var accountID: Int64
    /// True: cut until the order is taken back. False: take it back; the rules decide again.
    public var cut: Bool
    public var reason: String
    public var zone: Zone

    public init(accountID: Int64, cut: Bool, reason: String, zone: Zone) {
        self.accountID = accountID
        self.cut = cut
        self.reason = reason
        self.zone = zone
    }

    public var key: String? { nil }
    public var content: String { "account=\(accountID) cut=\(cut) reason=\(reason)" }
    public var subjectID: Int64 { accountID }

    /// What is wanted of the relay after the order.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> RelayWish {
        let scope = context.actor.scope
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        _ = try Reason.checked(reason)
        if cut { try requireAlone(context, in: transaction) }
        let orderBefore = try transaction.first(
            "SELECT kind, why FROM supply_order WHERE org_id = $1 AND account_id = $2 LIMIT 1",
            [.int(scope.orgID), .int(accountID)]
        ) { "\(try $0.text(0)): \(try $0.text(1))" }
        let wantedBefore = try Supply.state(accountID: accountID, scope, in: transaction)?.wanted
        if cut {
            try transaction.run(
                """
                INSERT INTO supply_order (org_id, account_id, kind, why, login_id, at_ms) VALUES ($1, $2, 'cut', $3,
                  $4, $5)
                ON CONFLICT (org_id, account_id) DO UPDATE SET why = excluded.why, login_id = excluded.login_id,
                  at_ms = excluded.at_ms
                """,
                [
                    .int(scope.orgID), .int(accountID), .text(reason), .int(context.actor.loginID),
                    .int(context.businessNowMs),
                ])
        } else {
            let removed = try transaction.run(
                "DELETE FROM supply_order WHERE org_id = $1 AND account_id = $2", [.int(scope.orgID), .int(accountID)])
            guard removed == 1 else {
                throw Refusal(
                    .conflict, "No order cuts this supply.",
                    hint: "When the balance is the reason, a recharge restores it.")
            }
        }
        let verdict = try Supply.decide(
            accountID: accountID, zone: zone, nowMs: context.businessNowMs, ids: context.ids, Scope(orgID: scope.orgID),
            in: transaction)
        let subject = AuditSubject.account(accountID)
        context.changed(subject, "supply_order", from: orderBefore, to: cut ? "cut: \(reason)" : nil)
        context.changed(
            subject, "relay_wanted", from: (wantedBefore ?? .closed).rawValue,
            to: (verdict?.wanted ?? .closed).rawValue)
        return verdict?.wanted ?? .closed
    }

    /// Many single cuts are not a way around the second person. The machine carries out what was approved.
    private func requireAlone(_ context: CommandContext, in transaction: any SQLTransaction) throws {
        guard context.actor.role != .system else { return }
        let scope = Scope(orgID: context.orgID)
        let earlier = try transaction.first(
            """
            SELECT COUNT(*) FROM supply_order WHERE org_id = $1 AND login_id = $2 AND kind = 'cut' AND at_ms > $3
              AND account_id <> $4
            """,
            [
                .int(scope.orgID), .int(context.actor.loginID), .int(context.businessNowMs - CutLimit.spanMs),
                .int(accountID),
            ]
        ) { try $0.int(0) }
        guard (earlier ?? 0) < (try CutLimit.most(atMs: context.businessNowMs, scope, in: transaction)) else {
            throw Refusal(
                .conflict, "This login has ordered \(earlier ?? 0) cuts within a day; more need a second person.",
                hint: "Order them for a group, on the page Commands or by /api/v1/orders: a second person approves.")
        }
    }
}
