// The book as text: exact amounts, both days, and names and keys that cannot become anything else.
import Access
import CivilTime
import Journal
import SQL
import TestSupport
import Testing

@Suite struct BookTextTests {
    static let scope = Scope(orgID: 1)

    /// The text of the whole book, in pages of so many postings.
    static func text(
        _ database: any Database, _ format: BookFormat, names: [Int64: String], pages limit: Int, fromMs: Int64 = .min,
        untilMs: Int64 = .max
    ) async throws -> [String] {
        try await database.read { transaction in
            var text = BookText(format, zone: .india, currency: "INR")
            var (parts, place) = ([text.head], (entryID: Int64.min, line: Int64.min))
            while true {
                let page = try Journal.bookLines(
                    after: place, fromMs: fromMs, untilMs: untilMs, limit: limit, scope, in: transaction)
                guard let last = page.last else { break }
                parts.append(text.text(of: page, names: names))
                place = (last.entryID, last.line)
            }
            return parts.joined(separator: "\n").split(separator: "\n", omittingEmptySubsequences: false)
                .map(String.init)
        }
    }

    static func fill(_ database: any Database) async throws {
        try await database.write { transaction in
            // Half past midnight in India is the day before in Greenwich.
            _ = try Journal.post(
                key: "rating:1", kind: "rating",
                legs: [
                    Leg(101, 3_905, .charge, supplyDay: CivilDay("2026-01-01"), revision: 2, estimated: true),
                    Leg(101, -7, .reversal, supplyDay: CivilDay("2026-01-01"), revision: 2), Leg(1, -3_898, .revenue),
                ], businessAtMs: 1_767_294_000_000, entryID: 7, scope, in: transaction)
            _ = try Journal.post(
                key: "recharge:upi:a,date:2020-01-01;[2020/01/01]", kind: "recharge",
                legs: [Leg(4, .max, .clearing), Leg(102, -.max, .recharge)], businessAtMs: 1_767_295_800_000,
                entryID: 8, scope, in: transaction)
        }
    }

    @Test(arguments: TestEngine.available, [1, 2, 100])
    func hledger(_ engine: TestEngine, _ pages: Int) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            try await Self.fill(database)
            let names: [Int64: String] = [
                1: ChartAccount.energyRevenue.bookName, 4: ChartAccount.paymentClearing.bookName,
                101: BookName.wallet("BB-000101"),
            ]
            let lines = try await Self.text(database, .hledger, names: names, pages: pages)
            #expect(
                lines.dropFirst() == [
                    "", "2026-01-02 * (7) rating", "    ; key: rating:1", "    ; kind: rating",
                    "    ; posted: 2026-01-01T19:00:00Z", "    liabilities:wallets:BB-000101  INR 39.05",
                    "    ; what: charge", "    ; supply-day: 2026-01-01", "    ; revision: 2", "    ; estimated: yes",
                    "    liabilities:wallets:BB-000101  INR -0.07", "    ; what: reversal",
                    "    ; supply-day: 2026-01-01", "    ; revision: 2", "    income:energy  INR -38.98",
                    "    ; what: revenue", "", "2026-01-02 * (8) recharge",
                    "    ; key: recharge:upi:a%2Cdate:2020-01-01%3B%5B2020/01/01%5D", "    ; kind: recharge",
                    "    ; posted: 2026-01-01T19:30:00Z", "    assets:payment-clearing  INR 92233720368547758.07",
                    "    ; what: clearing", "    liabilities:wallets:?102  INR -92233720368547758.07",
                    "    ; what: recharge",
                ])
        }
    }

    @Test func csvOfSomeDays() async throws {
        try await withDatabase(.sqlite, migrations: JournalSchema.migrations) { database in
            try await Self.fill(database)
            let lines = try await Self.text(
                database, .csv, names: [101: "w"], pages: 2, untilMs: 1_767_295_800_000)
            #expect(
                lines == [
                    "entry,key,kind,posted_day,posted_at,line,account,amount,currency,what,supply_day,revision,"
                        + "estimated",
                    "7,rating:1,rating,2026-01-02,2026-01-01T19:00:00Z,1,w,39.05,INR,charge,2026-01-01,2,yes",
                    "7,rating:1,rating,2026-01-02,2026-01-01T19:00:00Z,2,w,-0.07,INR,reversal,2026-01-01,2,no",
                    "7,rating:1,rating,2026-01-02,2026-01-01T19:00:00Z,3,liabilities:wallets:?1,-38.98,INR,revenue,,,"
                        + "no",
                ])
            let later = try await Self.text(database, .csv, names: [:], pages: 2, fromMs: 1_767_295_800_000)
            #expect(later.count == 3 && later[1].hasPrefix("8,"))
        }
    }

    @Test func oddNamesStayApartAndPlain() {
        let odd = [
            "", "BB-000101", "BB 000101", "BB  000101", "a:b", "a;b", "a,b", "(a)", "[a]", "*", "! a", "=a", "%3A",
            "a\"b",
            "घर", "?101", "a\nb", "a\tb", "BB/12_3.4", "a|b", "@", "a{b}",
        ]
        let names = odd.map { BookName.wallet($0) }
        #expect(Set(names).count == odd.count)
        #expect(names.allSatisfy { $0.hasPrefix("liabilities:wallets:") })
        let safe = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./%")
        #expect(names.allSatisfy { safe.isSuperset(of: $0.dropFirst("liabilities:wallets:".count)) })
        #expect(BookName.wallet("BB-000101") == "liabilities:wallets:BB-000101")
        #expect(BookName.wallet("घ:1") == "liabilities:wallets:%E0%A4%98%3A1")
        #expect(!names.contains(BookName.nameless(101)))
        #expect(Set(ChartAccount.allCases.map(\.bookName)).count == ChartAccount.allCases.count)
    }
}
