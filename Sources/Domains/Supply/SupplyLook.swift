// One look at an account: what a decision rests on, read in one transaction, and the verdict that follows. Reads
// little of who has money enough; writes only which notices were sent.
import Access
import Accounts
import CivilTime
import Journal
import Messaging
import Meters
import SQL

struct SupplyLook {
    /// Days ahead of which holidays are looked up: as far as a cut is put off by hours and days.
    private static let aheadDays = 22

    var meterID: Int64
    var state: SupplyState?
    var facts: SupplyFacts
    var force: RulesInForce
    var verdict: SupplyVerdict
    /// The last notice of this fall; nil once the balance is good.
    var warnedAtMs: Int64?
    /// Notices whose threshold the balance has reached again: the next fall warns anew.
    private var passed: [String] = []

    /// Nil: no meter is installed.
    static func at(
        _ accountID: Int64, turn: CutTurn, zone: Zone, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> SupplyLook? {
        let civil = zone.civil(atS: nowMs / 1000)
        guard let installation = try Installation.of(accountID: accountID, on: civil.day, scope, in: transaction) else {
            return nil
        }
        let balance = try Journal.balance(ofAccount: accountID, scope, in: transaction)
        let state = try Supply.state(accountID: accountID, scope, in: transaction)
        let account = try SupplyAccount.find(accountID, Scope(orgID: scope.orgID), in: transaction)
        let force = try SupplyRuleBook(on: civil.day, scope, in: transaction).rules(
            category: account.category, placeID: account.placeID)
        let order = try transaction.first(
            "SELECT why FROM supply_order WHERE org_id = $1 AND account_id = $2", [.int(scope.orgID), .int(accountID)]
        ) { try $0.text(0) }
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
            nowMs: nowMs, warnedAtMs: nil, order: order)
        facts.zone = zone.identifier
        facts.sanctionedW = account.sanctionedW
        facts.lowSinceMs = state?.lowSinceMs
        facts.emergencyAtMs = state?.emergencyAtMs
        // What was decided to be cut has had its turn.
        facts.turn = was == .open ? .now : turn
        facts.hold = try SupplyHold.standing(atMs: nowMs, scope, in: transaction)?.asFact
        if force.rules.noticesBelow.contains(where: { $0.hasSuffix("%") }) {
            facts.lastRechargePaise = try Journal.lastRechargePaise(ofAccount: accountID, scope, in: transaction)
        }
        var look = SupplyLook(
            meterID: installation.meterID, state: state, facts: facts, force: force,
            verdict: SupplyVerdict(wanted: .closed, reasons: []))
        try look.readNotices(accountID, scope, transaction)
        if balance.balancePaise < force.rules.cutBelowPaise {
            try look.readMore(accountID, from: installation.fromDay, scope, transaction)
        }
        look.verdict = force.rules.decide(look.facts)
        return look
    }

    /// The notices of this fall with what proves them.
    private mutating func readNotices(
        _ accountID: Int64, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        // A state of before the notices were kept one by one has no rows; nobody warned has neither.
        guard let warnedMs = state?.warnedAtMs else { return }
        let rows = try transaction.query(
            """
            SELECT threshold, message_id, sent_at_ms FROM supply_notice WHERE org_id = $1 AND account_id = $2
            ORDER BY sent_at_ms, threshold
            """, [.int(scope.orgID), .int(accountID)]
        ) { (threshold: try $0.text(0), messageID: try $0.int(1), sentAtMs: try $0.int(2)) }
        let thresholds = force.rules.thresholds(lastRechargePaise: facts.lastRechargePaise)
        let crossed = Set(thresholds.filter { facts.balancePaise < $0.paise }.map(\.name))
        if rows.isEmpty {
            guard !crossed.isEmpty else { return }
            (facts.warnedAtMs, warnedAtMs) = (warnedMs, warnedMs)
            return
        }
        // Also of thresholds that the rules do not name any more.
        passed = rows.map(\.threshold).filter { !crossed.contains($0) }
        let kept = rows.filter { crossed.contains($0.threshold) }
        let deliveries = Dictionary(
            grouping: try Message.deliveries(of: kept.map(\.messageID), scope, in: transaction), by: \.messageID)
        facts.notices = kept.map { row in
            SentNotice(
                threshold: row.threshold, sentAtMs: row.sentAtMs,
                evidence: (deliveries[row.messageID] ?? []).map {
                    Evidence(channel: $0.channel, state: $0.state.rawValue, atMs: $0.atMs)
                })
        }
        warnedAtMs = kept.isEmpty ? nil : warnedMs
    }

    /// What only somebody below the threshold is asked.
    private mutating func readMore(
        _ accountID: Int64, from firstDay: CivilDay, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        let (today, rules) = (facts.day, force.rules)
        facts.holidays = try Holidays.among(
            today, through: today.advanced(by: Self.aheadDays), knownOn: today, scope, in: transaction
        ).sorted().map(\.description)
        facts.corrections = try Journal.corrections(
            ofAccount: accountID, sinceMs: facts.nowMs - Int64(rules.correctionGraceDays) * 86_400_000, scope,
            in: transaction
        ).map { CorrectionDebit(atMs: $0.atMs, paise: $0.debitPaise) }
        facts.uncoveredCorrectionPaise = try Journal.uncoveredCorrectionPaise(
            ofAccount: accountID, scope, in: transaction)
        facts.chargedThrough =
            (try Journal.lastChargedDay(ofAccount: accountID, scope, in: transaction)
            ?? firstDay.advanced(by: -1)).description
        if let conversion = try Conversion.find(accountID: accountID, scope, in: transaction) {
            facts.isConverting = conversion.isOpen
            facts.convertedOn = conversion.postedAtMs.map {
                (Zone(facts.zone) ?? .india).day(atS: $0 / 1000).description
            }
        }
    }

    /// Forgets the notices of thresholds that the balance has reached again.
    func rearm(_ scope: Scope, in transaction: any SQLTransaction) throws {
        for threshold in passed {
            try transaction.run(
                "DELETE FROM supply_notice WHERE org_id = $1 AND account_id = $2 AND threshold = $3",
                [.int(scope.orgID), .int(state?.accountID ?? 0), .text(threshold)])
        }
    }

    static func noteNotices(
        _ thresholds: [String], accountID: Int64, messageID: Int64, atMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        for threshold in thresholds {
            try transaction.run(
                """
                INSERT INTO supply_notice (org_id, account_id, threshold, message_id, sent_at_ms)
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id, account_id, threshold) DO UPDATE SET
                  message_id = excluded.message_id, sent_at_ms = excluded.sent_at_ms
                """, [.int(scope.orgID), .int(accountID), .text(threshold), .int(messageID), .int(atMs)])
        }
    }
}
