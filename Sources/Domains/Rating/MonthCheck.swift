// The close of a month: every account's month complete or listed with why not, and the sum of its charges equal to what
// the book holds. Charges nothing: what is monthly accrues day by day; wallets of renewable meters are emptied into the
// consumer's others. A later correction posts to the open month. What else a month's end brings is handed in.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import SQL

/// How the close of a month stands.
public struct MonthClosing: Sendable, Equatable {
    public var month: CivilMonth
    /// Accounts that were supplied in the month, and those whose month lacks something.
    public var accounts: Int64
    public var open: Int64
    public var chargedPaise: Int64
    public var postedPaise: Int64
    /// When it was looked at last, and since when nothing lacks; nil while something does.
    public var checkedAtMs: Int64
    public var closedAtMs: Int64?

    static func decode(_ row: any SQLRow) throws -> MonthClosing {
        MonthClosing(
            month: CivilMonth(index: Int(try row.int(0))), accounts: try row.int(1), open: try row.int(2),
            chargedPaise: try row.int(3), postedPaise: try row.int(4), checkedAtMs: try row.int(5),
            closedAtMs: try row.optionalInt(6))
    }

    /// The latest months that were looked at, newest first.
    public static func latest(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [MonthClosing] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT month_index, accounts, open_accounts, charged_paise, posted_paise, checked_at_ms, closed_at_ms
            FROM month_closing WHERE org_id = $1 ORDER BY month_index DESC LIMIT $2
            """, [.int(scope.orgID), .int(limit)], decode)
    }

    func store(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO month_closing (org_id, month_index, accounts, open_accounts, charged_paise, posted_paise,
              checked_at_ms, closed_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (org_id, month_index) DO UPDATE SET accounts = excluded.accounts,
              open_accounts = excluded.open_accounts, charged_paise = excluded.charged_paise,
              posted_paise = excluded.posted_paise, checked_at_ms = excluded.checked_at_ms,
              closed_at_ms = COALESCE(month_closing.closed_at_ms, excluded.closed_at_ms)
            """,
            [
                .int(scope.orgID), .int(month.index), .int(accounts), .int(open), .int(chargedPaise),
                .int(postedPaise), .int(checkedAtMs), .optional(closedAtMs),
            ])
    }
}

public struct MonthCheck: Sendable {
    /// Accounts a transaction.
    static let chunk = 500
    /// Months back that are looked at until they are closed.
    public static let monthsBack = 3

    /// What the end of a month brings to accounts whose month is complete. Returns what waits, with its reason.
    public typealias Settle = @Sendable (_ accountIDs: [Int64], CivilMonth) async throws -> [WorkItem]

    let site: Site
    let org: Org
    private let settle: Settle

    public init(site: Site, org: Org, settle: @escaping Settle = { _, _ in [] }) {
        self.site = site
        self.org = org
        self.settle = settle
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// One account's month.
    private struct Standing {
        var accountID: Int64
        /// Days it was supplied, and of them those that are charged.
        var suppliedDays: Int64
        var chargedDays: Int64
        var chargedPaise: Int64
        var postedPaise: Int64
        var refusal: String?
    }

    /// Looks at the months that are over and not closed, oldest first. Returns those it looked at.
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> [MonthClosing] {
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        var looked: [MonthClosing] = []
        for back in (1...Self.monthsBack).reversed() {
            let month = CivilMonth(index: today.month.index - back)
            let known = try await site.money.read { [scope] in
                try MonthClosing.latest(limit: 24, scope, in: $0).first { $0.month == month }
            }
            guard known?.closedAtMs == nil else { continue }
            if let closing = try await look(month, progress) { looked.append(closing) }
        }
        return looked
    }

    /// Looks at one month. Nil when nobody was supplied in it.
    public func look(
        _ month: CivilMonth, _ progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> MonthClosing? {
        let nowMs = site.clocks.businessNowMs()
        var sum = MonthClosing(
            month: month, accounts: 0, open: 0, chargedPaise: 0, postedPaise: 0, checkedAtMs: nowMs, closedAtMs: nil)
        var after: Int64 = 0
        while true {
            try Task.checkCancellation()
            let page = try await site.money.read { [scope, after] in
                try Self.standings(month, after: after, scope, in: $0)
            }
            guard let last = page.last else { break }
            after = last.accountID
            var wrong = page.compactMap { trouble($0, month, nowMs) }
            func well() -> [Int64] { Set(page.map(\.accountID)).subtracting(wrong.map(\.accountID)).sorted() }
            wrong += try await settle(well(), month)
            wrong += try await moveSurplus(of: well(), month, nowMs)
            try await site.money.write { [scope, wrong, well = well()] transaction in
                try WorkItem.clear(.close, accountIDs: well, item: month.description, scope, in: transaction)
                for item in wrong { try item.store(scope, in: transaction) }
            }
            sum.accounts += Int64(page.count)
            sum.open += Int64(wrong.count)
            sum.chargedPaise += page.reduce(0) { $0 + $1.chargedPaise }
            sum.postedPaise += page.reduce(0) { $0 + $1.postedPaise }
            await progress(Int(sum.accounts))
        }
        guard sum.accounts > 0 else { return nil }
        if sum.open == 0, sum.chargedPaise == sum.postedPaise { sum.closedAtMs = nowMs }
        let closing = sum
        try await site.money.write { [scope] in try closing.store(scope, in: $0) }
        return closing
    }

    /// Empties the wallets of renewable meters whose month is complete. One that cannot be emptied holds up no other.
    private func moveSurplus(of accountIDs: [Int64], _ month: CivilMonth, _ nowMs: Int64) async throws -> [WorkItem] {
        var waiting: [WorkItem] = []
        let declared = try await site.money.read { [scope] in
            try WalletOrder.declared(accountIDs, scope, in: $0)
        }
        for accountID in declared {
            do {
                _ = try await site.perform(
                    MoveSurplus(accountID: accountID, month: month), as: .system(orgID: org.orgID), source: "job close")
            } catch  where Rater.isOfOneAccount(error) {
                waiting.append(
                    WorkItem(
                        run: .close, accountID: accountID, item: month.description, mender: .account,
                        reason: "the surplus could not be moved to the other wallets: \(error)", atMs: nowMs))
            }
        }
        return waiting
    }

    private func trouble(_ item: Standing, _ month: CivilMonth, _ nowMs: Int64) -> WorkItem? {
        func found(_ mender: WorkItem.Mender, _ reason: String) -> WorkItem {
            WorkItem(
                run: .close, accountID: item.accountID, item: month.description, mender: mender, reason: reason,
                atMs: nowMs)
        }
        if item.chargedDays < item.suppliedDays {
            let days = item.suppliedDays - item.chargedDays
            if let refusal = item.refusal { return found(.tariffs, "\(days) days are not charged: \(refusal)") }
            return found(.readings, "\(days) days are not charged: their readings are not complete")
        }
        if item.chargedPaise != item.postedPaise {
            return found(
                .site,
                "the charges come to \(item.chargedPaise) paise, the book holds \(item.postedPaise)")
        }
        return nil
    }

    /// The next accounts that were supplied in a month.
    private static func standings(
        _ month: CivilMonth, after accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Standing] {
        let spans = try transaction.query(
            """
            SELECT account_id, from_day, to_day FROM installation WHERE org_id = $1 AND from_day <= $3
              AND (to_day IS NULL OR to_day >= $2) AND account_id IN (
                SELECT DISTINCT account_id FROM installation WHERE org_id = $1 AND account_id > $4 AND from_day <= $3
                  AND (to_day IS NULL OR to_day >= $2) ORDER BY account_id LIMIT $5)
            ORDER BY account_id
            """, [.int(scope.orgID), .day(month.first), .day(month.last), .int(accountID), .int(chunk)]
        ) { (accountID: try $0.int(0), from: try $0.day(1), to: try $0.optionalDay(2)) }
        guard !spans.isEmpty else { return [] }
        var days: [Int64: Set<Int32>] = [:]
        for span in spans {
            let (from, to) = (max(span.from, month.first), min(span.to ?? month.last, month.last))
            days[span.accountID, default: []].formUnion(from.number...to.number)
        }
        let accounts = days.keys.sorted()
        var parameters: [SQLValue] = [.int(scope.orgID), .day(month.first), .day(month.last)]
        let marks = parameters.bind(accounts)
        func byAccount<Value>(_ sql: String, _ decode: (any SQLRow) throws -> Value) throws -> [Int64: Value] {
            let rows = try transaction.query(sql, parameters) { (try $0.int(0), try decode($0)) }
            return Dictionary(rows, uniquingKeysWith: { first, _ in first })
        }
        let charged = try byAccount(
            """
            SELECT account_id, COUNT(*), CAST(SUM(total_paise) AS BIGINT) FROM charge c
            WHERE org_id = $1 AND day >= $2 AND day <= $3 AND account_id IN (\(marks)) AND revision = (
              SELECT MAX(revision) FROM charge l WHERE l.org_id = c.org_id AND l.account_id = c.account_id
                AND l.day = c.day) GROUP BY account_id
            """
        ) { (days: try $0.int(1), paise: try $0.int(2)) }
        let posted = try Journal.suppliedPaise(
            ofAccounts: accounts, from: month.first, through: month.last, scope, in: transaction)
        let refusals = try byAccount(
            """
            SELECT account_id, MIN(reason) FROM rating_refusal
            WHERE org_id = $1 AND day >= $2 AND day <= $3 AND account_id IN (\(marks)) GROUP BY account_id
            """
        ) { try $0.text(1) }
        return accounts.map { accountID in
            Standing(
                accountID: accountID, suppliedDays: Int64(days[accountID]?.count ?? 0),
                chargedDays: charged[accountID]?.days ?? 0, chargedPaise: charged[accountID]?.paise ?? 0,
                postedPaise: posted[accountID] ?? 0, refusal: refusals[accountID])
        }
    }
}
