// What must be true of a year's book whatever happened in it, and the book as a file to lay beside another. Reads only.
import Access
import CivilTime
import Clocks
import Foundation
import Jobs
import Journal
import Rating
import SQL
import Supply
import Testing

extension YearRun {
    /// Rows of one number or text.
    private func rows(_ sql: String, _ parameters: [SQLValue] = []) async throws -> [String] {
        try await process.money.read { transaction in
            try transaction.query(sql, parameters) { try $0.text(0) }
        }
    }

    func number(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Int64 {
        try await process.money.read { try $0.first(sql, parameters) { try $0.int(0) } ?? -1 }
    }

    /// Balanced, each wallet the sum of its postings, no key twice, each day charged once net and as its charge says.
    func checkBook(of month: CivilMonth) async throws {
        let what = Comment(rawValue: "\(name), \(month)")
        let trial = try await process.money.read { try Journal.trialBalance(YearRun.scope, in: $0) }
        #expect(trial.sumPaise == 0 && trial.unbalancedEntries == 0 && trial.wrongAccounts == [], what)
        let twice = try await rows(
            """
            SELECT CAST(journal_account_id AS TEXT) FROM posting WHERE supply_day >= $1 AND supply_day <= $2
              AND revision IS NOT NULL GROUP BY journal_account_id, supply_day, revision, kind HAVING COUNT(*) > 1
            UNION ALL SELECT entry_key FROM journal_entry GROUP BY entry_key HAVING COUNT(*) > 1
            """, [.day(month.first), .day(month.last)])
        #expect(twice == [], what)
        // Of every day that is charged: one charge more than reversals, and in sum what the last revision says.
        let wrong = try await rows(
            """
            SELECT CAST(c.account_id AS TEXT) || ' on ' || CAST(c.day AS TEXT) FROM charge c LEFT JOIN (
              SELECT journal_account_id, supply_day, SUM(amount_paise) AS paise,
                SUM(CASE kind WHEN 'charge' THEN 1 ELSE -1 END) AS net
              FROM posting WHERE supply_day >= $1 AND supply_day <= $2 AND kind IN ('charge', 'reversal')
              GROUP BY journal_account_id, supply_day
            ) p ON p.journal_account_id = c.account_id AND p.supply_day = c.day
            WHERE c.day >= $1 AND c.day <= $2 AND c.revision = (SELECT MAX(l.revision) FROM charge l
                WHERE l.org_id = c.org_id AND l.account_id = c.account_id AND l.day = c.day)
              AND (p.net IS NULL OR p.net <> 1 OR p.paise <> c.total_paise)
            """, [.day(month.first), .day(month.last)])
        #expect(wrong == [], what)
        let stray = try await number(
            """
            SELECT COUNT(*) FROM posting p WHERE p.supply_day >= $1 AND p.supply_day <= $2 AND p.kind = 'charge'
              AND NOT EXISTS (SELECT 1 FROM charge c WHERE c.org_id = p.org_id AND c.account_id = p.journal_account_id
                AND c.day = p.supply_day AND c.revision = p.revision)
            """, [.day(month.first), .day(month.last)])
        #expect(stray == 0, what)
    }

    /// At the end: every day of every house is charged, for the energy of its readings as they stand at last, and every
    /// wallet is what was paid less what was charged, taken for old debts and for contracts that were broken.
    func checkEnd() async throws {
        let paid = plan.isPlain ? [:] : plan.paidPaise()
        let last = plan.day(plan.days - 1)
        for house in 0..<plan.consumers {
            let what = Comment(rawValue: "\(name), house \(house)")
            let accountID = YearPlan.account(house)
            let (charges, balance, taken, broken) = try await process.money.read { [plan] transaction in
                func sum(_ kind: String) throws -> Int64 {
                    try transaction.first(
                        """
                        SELECT CAST(COALESCE(SUM(p.amount_paise), 0) AS BIGINT) FROM posting p JOIN journal_entry e
                          ON e.org_id = p.org_id AND e.entry_id = p.entry_id
                        WHERE p.org_id = 1 AND p.journal_account_id = $1 AND e.kind = $2
                        """, [.int(accountID), .text(kind)]
                    ) { try $0.int(0) } ?? 0
                }
                return (
                    try Charge.current(
                        accountID: accountID, from: plan.first, to: last, YearRun.scope, in: transaction),
                    try Journal.balance(ofAccount: accountID, YearRun.scope, in: transaction),
                    try sum("arrears"), try sum("contract-break")
                )
            }
            #expect(charges.map(\.day) == (0..<plan.days).map(plan.day), what)
            for charge in charges {
                let values = plan.atLast(house, plan.first.days(to: charge.day))
                #expect(charge.energyWh == values.reduce(0) { $0 + Int64($1) }, "\(what) on \(charge.day)")
                #expect(charge.estimatedSlots == 0, "\(what) on \(charge.day)")
            }
            let opening = plan.isPlain ? 0 : YearPlan.openingPaise
            let charged = charges.reduce(0) { $0 + $1.totalPaise }
            #expect(
                balance.balancePaise == opening + paid[house, default: 0] - charged - taken - broken, what)
            #expect(balance.estimatedChargesPaise == 0, what)
            #expect((broken > 0) == (house % 10 == 6), what)
        }
        let left = try await number("SELECT COUNT(*) FROM outbox")
        let aside = try await number("SELECT COUNT(*) FROM gateway_payment WHERE aside IS NOT NULL")
        let refused = try await rows(
            "SELECT CAST(account_id AS TEXT) || ' ' || CAST(day AS TEXT) || ' ' || reason FROM rating_refusal")
        #expect(left == 0 && aside == 0 && refused == [], "\(name): \(left) events, \(aside) aside")
    }

    /// All is asked for once more: each month priced again from its first day, every job, the readings of the last
    /// month and the payments of the last weeks. Returns how many charges came of it.
    func again() async throws -> Int {
        var made = 0
        var month = plan.first.month
        while month <= plan.day(plan.days - 1).month {
            let day = max(month.first, plan.first)
            made += try await Rater(site: process.site, org: YearRun.org).run(day: day)
            month = month.next
        }
        let lastDays = max(0, plan.days - 28)..<plan.days
        let arrivals = lastDays.flatMap { day in
            (0..<plan.consumers).map { YearPlan.Arrival(house: $0, day: day, part: .whole) }
        }.filter { arrival in
            if case .edited = plan.fate(arrival.house, arrival.day) { return false }
            return true
        }
        for (month, some) in Dictionary(grouping: arrivals, by: { plan.day($0.day).month }) {
            try await read(some, of: month)
        }
        for day in lastDays {
            for payment in plan.payments(on: day + 1, atNoon: false) { try await pay(payment) }
        }
        _ = try await process.site.perform(CatchUp(), as: YearRun.actor, source: "year")
        _ = try await process.line.tick()
        return made
    }

    // MARK: The book as a file

    /// Everything that is money, by what it is about and not by ids: charges with every revision, postings with their
    /// days and times, balances, and who was to be cut when. Two runs are the same when these are, byte by byte.
    func dump(to path: String) async throws {
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        guard let file = FileHandle(forWritingAtPath: path) else { throw SQLError(.other, "cannot write \(path)") }
        for house in 0..<plan.consumers {
            let accountID = YearPlan.account(house)
            let lines = try await process.money.read { transaction in
                try YearRun.parts.flatMap { part in
                    try transaction.query(part.sql, [.int(accountID)]) { row in
                        let words = try (0..<part.columns).map { try row.optionalText($0) ?? "-" }
                        return "\(accountID) \(part.name) \(words.joined(separator: " "))\n"
                    }
                }
            }
            try file.write(contentsOf: Data(lines.joined().utf8))
        }
        let company = try await rows(
            """
            SELECT CAST(p.journal_account_id AS TEXT) || ' ' || e.kind || ' ' || CAST(e.business_at_ms AS TEXT) || ' '
              || CAST(COALESCE(j.month_index, 0) AS TEXT) || ' ' || CAST(SUM(p.amount_paise) AS TEXT)
            FROM posting p JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            LEFT JOIN journal_period j ON j.org_id = e.org_id AND j.entry_id = e.entry_id
            WHERE p.journal_account_id < 1000
            GROUP BY p.journal_account_id, e.kind, e.business_at_ms, j.month_index
            ORDER BY p.journal_account_id, e.kind, e.business_at_ms, j.month_index
            """)
        try file.write(contentsOf: Data(company.map { "company \($0)\n" }.joined().utf8))
        try file.close()
    }

    private struct Part: Sendable {
        var name: String
        var columns: Int
        var sql: String

        /// Each column as text.
        init(_ name: String, _ columns: [String], _ rest: String) {
            self.name = name
            self.columns = columns.count
            sql = "SELECT " + columns.map { "CAST(\($0) AS TEXT)" }.joined(separator: ", ") + " " + rest
        }
    }

    private static let parts = [
        Part(
            "charge",
            [
                "day", "revision", "block_version", "REPLACE(packs, '\n', '+')", "energy_wh", "base_energy_paise",
                "add_on_energy_paise", "fixed_paise", "duty_paise", "other_paise", "total_paise", "estimated_slots",
                "REPLACE(components, '\n', '+')", "rated_at_ms",
            ], "FROM charge WHERE account_id = $1 ORDER BY day, revision"),
        Part(
            "posting",
            [
                "p.supply_day", "p.revision", "p.kind", "p.amount_paise", "p.estimated", "e.business_at_ms",
                "CASE e.kind WHEN 'rating' THEN 'rating' ELSE e.entry_key END", "j.month_index",
            ],
            """
            FROM posting p JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            LEFT JOIN journal_period j ON j.org_id = e.org_id AND j.entry_id = e.entry_id
            WHERE p.journal_account_id = $1
            ORDER BY COALESCE(p.supply_day, 0), COALESCE(p.revision, 0), e.business_at_ms, p.kind, e.entry_key
            """),
        Part(
            "balance", ["debit_balance_paise", "estimated_paise"],
            "FROM journal_balance WHERE journal_account_id = $1"),
        Part(
            "arrears", ["b.debit_balance_paise"],
            """
            FROM arrears_account a JOIN journal_balance b
              ON b.org_id = a.org_id AND b.journal_account_id = a.journal_account_id WHERE a.account_id = $1
            """),
        Part(
            "holds", ["pack_id", "state", "from_day", "to_day"],
            "FROM subscription WHERE account_id = $1 ORDER BY number, subscription_id"),
        Part("wanted", ["wanted"], "FROM supply_state WHERE account_id = $1"),
    ]

    /// What differs first between two files of books; nil when they are the same, byte by byte.
    static func difference(_ one: String, _ other: String) throws -> String? {
        let (a, b) = (
            try Data(contentsOf: URL(fileURLWithPath: one), options: .alwaysMapped),
            try Data(contentsOf: URL(fileURLWithPath: other), options: .alwaysMapped)
        )
        guard a != b else { return nil }
        let lines = (Set(a.split(separator: 10)), Set(b.split(separator: 10)))
        func first(_ some: Set<Data>) -> String {
            "\(some.count): "
                + some.map { String(decoding: $0, as: UTF8.self) }.sorted().prefix(6).joined(separator: "; ")
        }
        return "only in one \(first(lines.0.subtracting(lines.1))), only in the other "
            + first(lines.1.subtracting(lines.0))
    }
}
