// The day's part of an old debt: how much, by named rules, and taking it out of the wallet, day by day in order.
// A wallet is never brought below zero by it, nor below the line at which supply is cut.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Outbox
import SQL

/// What may be taken for an old debt on one day at most. Dated settings of the company.
public struct InstalmentCap: Sendable, Equatable {
    public enum Rule: String, Sendable, Codable, CaseIterable {
        /// The amount in paise alone.
        case perDay = "per-day"
        /// And no more than a share of what was recharged on the day.
        case ofRecharge = "of-recharge"
        /// And no more than a share of what the wallet holds.
        case ofBalance = "of-balance"
    }
    public var rule: Rule
    public var dailyPaise: Int64
    public var percent: Int64

    public init(rule: Rule, dailyPaise: Int64, percent: Int64) {
        self.rule = rule
        self.dailyPaise = dailyPaise
        self.percent = percent
    }

    static let ruleSetting = "arrears.cap-rule"
    static let dailySetting = "arrears.cap-a-day-paise"
    static let percentSetting = "arrears.cap-percent"
    /// In force until a company sets its own.
    static let initial = InstalmentCap(rule: .perDay, dailyPaise: 5_000, percent: 25)

    public static let settings: [SettingKind] = [
        .choice(
            ruleSetting, Rule.allCases.map(\.rawValue), initial: initial.rule.rawValue,
            hint: "What bounds a day's instalment of an old debt beside the amount of a day: nothing more (per-day), a "
                + "share of what was recharged on the day (of-recharge), or of what the wallet holds (of-balance)."),
        .wholeNumber(
            dailySetting, 0...100_000_000, initial: initial.dailyPaise,
            hint: "Paise that are taken for an old debt on a day at most."),
        .wholeNumber(
            percentSetting, 0...100, initial: initial.percent,
            hint: "Percent of a recharge or of the balance that are taken for an old debt on a day at most."),
    ]

    /// As set for a day.
    public static func on(_ day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> InstalmentCap {
        let registry = SettingRegistry(settings)
        let value = { try registry.value($0, on: day, scope, in: transaction) }
        return InstalmentCap(
            rule: Rule(rawValue: try value(ruleSetting)) ?? initial.rule,
            dailyPaise: Int64(try value(dailySetting)) ?? initial.dailyPaise,
            percent: Int64(try value(percentSetting)) ?? initial.percent)
    }
}

/// All that decides a day's instalment.
public struct InstalmentFacts: Sendable, Equatable {
    public var agreedPaise: Int64
    /// What is owed and may be claimed.
    public var claimablePaise: Int64
    public var balancePaise: Int64
    /// Supply is cut below this.
    public var cutBelowPaise: Int64
    /// Came into the wallet on the day.
    public var rechargedPaise: Int64

    public init(
        agreedPaise: Int64, claimablePaise: Int64, balancePaise: Int64, cutBelowPaise: Int64, rechargedPaise: Int64
    ) {
        self.agreedPaise = agreedPaise
        self.claimablePaise = claimablePaise
        self.balancePaise = balancePaise
        self.cutBelowPaise = cutBelowPaise
        self.rechargedPaise = rechargedPaise
    }
}

extension InstalmentCap {
    /// What is taken: what was agreed, within every bound; zero when one of them leaves nothing. Shares are rounded
    /// down.
    public func instalmentPaise(_ facts: InstalmentFacts) -> Int64 {
        let share: Int64? =
            switch rule {
            case .perDay: nil
            case .ofRecharge: Int64(Int128(facts.rechargedPaise) * Int128(percent) / 100)
            case .ofBalance: Int64(Int128(max(0, facts.balancePaise)) * Int128(percent) / 100)
            }
        let room = facts.balancePaise - max(0, facts.cutBelowPaise)
        return max(0, min(facts.agreedPaise, facts.claimablePaise, dailyPaise, room, share ?? .max))
    }
}

/// Takes the instalments of days that are over, day by day, each account by itself.
public struct InstalmentTaker: Sendable {
    /// Accounts looked up at once, and taken in one run.
    static let chunk = 200
    static let runMax = 20_000

    public struct Result: Sendable, Equatable {
        public var taken = 0
        public var takenPaise: Int64 = 0
        /// Days on which nothing could be taken.
        public var none = 0
        /// Accounts that failed: each waits with its reason and holds up no other.
        public var failed = 0
    }

    private let site: Site
    private let org: Org
    /// The account is cut below this on a day: asked of who decides on it.
    private let cutBelowPaise: @Sendable (_ accountID: Int64, CivilDay, any SQLTransaction) throws -> Int64

    public init(
        site: Site, org: Org,
        cutBelowPaise: @escaping @Sendable (_ accountID: Int64, CivilDay, any SQLTransaction) throws -> Int64
    ) {
        self.site = site
        self.org = org
        self.cutBelowPaise = cutBelowPaise
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Takes what is due up to yesterday. Run again, it takes nothing twice: the key is the account and the day.
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> Result {
        var result = Result()
        // What failed or waits for its charge: the other accounts go on.
        var aside: Set<Int64> = []
        let yesterday = org.zone.day(atS: site.clocks.businessNowMs() / 1000).advanced(by: -1)
        var done = 0
        while let day = try await nextDay(through: yesterday, without: aside), done < Self.runMax {
            var after: Int64 = 0
            while done < Self.runMax {
                let part = try await due(on: day, after: after)
                for accountID in part where !aside.contains(accountID) {
                    try Task.checkCancellation()
                    if try await !take(accountID, day, &result) { aside.insert(accountID) }
                    done += 1
                    await progress(done)
                }
                guard part.count == Self.chunk, let last = part.last else { break }
                after = last
            }
        }
        return result
    }

    private func nextDay(through last: CivilDay, without failed: Set<Int64>) async throws -> CivilDay? {
        let days = try await site.money.read { [scope] transaction in
            try transaction.query(
                """
                SELECT next_day, account_id FROM arrears_plan
                WHERE org_id = $1 AND state = 'active' AND next_day <= $2 ORDER BY next_day, account_id LIMIT $3
                """, [.int(scope.orgID), .day(last), .int(failed.count + 1)]
            ) { (try $0.day(0), try $0.int(1)) }
        }
        return days.first { !failed.contains($0.1) }?.0
    }

    private func due(on day: CivilDay, after: Int64) async throws -> [Int64] {
        try await site.money.read { [scope] transaction in
            try transaction.query(
                """
                SELECT account_id FROM arrears_plan
                WHERE org_id = $1 AND state = 'active' AND next_day = $2 AND account_id > $3
                ORDER BY account_id LIMIT $4
                """, [.int(scope.orgID), .day(day), .int(after), .int(Self.chunk)]
            ) { try $0.int(0) }
        }
    }

    /// False: it failed and stands with its reason, or it waits for the charge of the day.
    private func take(_ accountID: Int64, _ day: CivilDay, _ result: inout Result) async throws -> Bool {
        let nowMs = site.clocks.businessNowMs()
        do {
            let takenPaise = try await site.money.write { transaction -> Int64? in
                guard try !waits(accountID, day, nowMs: nowMs, in: transaction) else { return nil }
                return try takeOne(accountID, day, nowMs: nowMs, in: transaction)
            }
            guard let takenPaise else { return false }
            result.taken += takenPaise > 0 ? 1 : 0
            result.none += takenPaise > 0 ? 0 : 1
            result.takenPaise += takenPaise
            return true
        } catch {
            if error is CancellationError { throw error }
            try Task.checkCancellation()
            result.failed += 1
            let text = String(String(describing: error).prefix(300))
            try await site.money.write { [scope] transaction in
                try transaction.run(
                    "UPDATE arrears_plan SET problem = $3 WHERE org_id = $1 AND account_id = $2",
                    [.int(scope.orgID), .int(accountID), .text(text)])
            }
            return false
        }
    }

    public static func key(_ accountID: Int64, _ day: CivilDay) -> String { "arrears:\(accountID):\(day)" }

    /// The charge of a day comes before its instalment; of an account that is charged, it is given a day for it.
    private func waits(
        _ accountID: Int64, _ day: CivilDay, nowMs: Int64, in transaction: any SQLTransaction
    ) throws -> Bool {
        guard day.advanced(by: 2) > org.zone.day(atS: nowMs / 1000) else { return false }
        let charged = try Journal.lastSupplyDay(ofAccount: accountID, .charge, scope, in: transaction)
        return charged.map { $0 < day } ?? false
    }

    /// One account and one day, in one transaction with the step to the next day.
    private func takeOne(
        _ accountID: Int64, _ day: CivilDay, nowMs: Int64, in transaction: any SQLTransaction
    ) throws -> Int64 {
        guard let arrears = try Arrears.of(accountID: accountID, scope, in: transaction), let plan = arrears.plan,
            plan.state == .active, plan.nextDay == day
        else { return 0 }
        var takenPaise: Int64 = 0
        let key = Self.key(accountID, day)
        // Agreed anew on a day that was taken already: a day is taken once.
        if try !Journal.holds(key, scope, in: transaction) {
            takenPaise = try InstalmentCap.on(day, scope, in: transaction).instalmentPaise(
                try facts(arrears, plan, day, in: transaction))
        }
        if takenPaise > 0 {
            _ = try Journal.post(
                key: key, kind: "arrears",
                legs: [
                    Leg(accountID, takenPaise, .arrears, supplyDay: day),
                    Leg(arrears.journalAccountID, -takenPaise, .arrears, supplyDay: day),
                ], businessAtMs: nowMs, entryID: site.ids.next(), scope, in: transaction)
            try Outbox.append(
                OutboxEvent(
                    orgID: scope.orgID, eventID: site.ids.next(), kind: .balanceChanged, subjectID: accountID,
                    detail: "arrears", businessAtMs: nowMs), in: transaction)
        }
        try transaction.run(
            "UPDATE arrears_plan SET next_day = $3, problem = NULL WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID), .day(day.advanced(by: 1))])
        try Arrears.endIfPaid(accountID, scope, in: transaction)
        return takenPaise
    }

    private func facts(
        _ arrears: Arrears, _ plan: InstalmentPlan, _ day: CivilDay, in transaction: any SQLTransaction
    ) throws -> InstalmentFacts {
        let (fromMs, untilMs) = (org.zone.startS(of: day) * 1000, org.zone.startS(of: day.advanced(by: 1)) * 1000)
        let recharged =
            try transaction.first(
                """
                SELECT CAST(COALESCE(SUM(amount_paise), 0) AS BIGINT) FROM recharge
                WHERE org_id = $1 AND account_id = $2 AND business_at_ms >= $3 AND business_at_ms < $4
                """, [.int(scope.orgID), .int(arrears.accountID), .int(fromMs), .int(untilMs)]
            ) { try $0.int(0) } ?? 0
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        return InstalmentFacts(
            agreedPaise: plan.dailyPaise, claimablePaise: arrears.claimablePaise(on: day),
            balancePaise: try Journal.balance(ofAccount: arrears.accountID, scope, in: transaction).balancePaise,
            cutBelowPaise: try cutBelowPaise(arrears.accountID, today, transaction), rechargedPaise: recharged)
    }
}
