// Probes of the endpoints about old debts, conversions, months and money; and how a month is folded from its postings.
import Access
import Accounts
import CivilTime
import Clocks
import Payments
import SQL
import Testing

@testable import API
@testable import Journal

/// Endpoints whose probe asks for something that waits for a second person, and is answered so.
let waitForASecond: Set<String> = ["accounts.adjust", "arrears.write-off", "supply.release"]

private let everybody: Set<Role> = [.consumer, .operator, .administrator]

let arrearsProbes: [String: Probe] = [
    "arrears.read": on("accountID", 70, everybody),
    "arrears.put": on(
        "accountID", 70, [.administrator],
        ["amountPaise": .number("5000"), "since": .string("2024-05-01"), "reason": .string("a test of debts")]),
    "arrears.instalments": on(
        "accountID", 70, [.administrator],
        ["act": .string("agree"), "dailyPaise": .number("500"), "reason": .string("a test of debts")],
        prepare: { try await $0.owe() }),
    "arrears.settle": on(
        "accountID", 70, [.administrator], ["amountPaise": .number("100"), "source": .string("counter")],
        prepare: { try await $0.owe() }),
    "arrears.write-off": on(
        "accountID", 70, [.administrator], ["amountPaise": .number("100"), "reason": .string("a test of debts")],
        prepare: { try await $0.owe() }),
    "accounts.begin-conversion": on(
        "accountID", 70, [.administrator], ["reason": .string("a test of debts")]),
    "accounts.post-conversion": on(
        "accountID", 70, [.administrator],
        [
            "depositPaise": .number("70000"), "postpaidPaise": .number("-130000"), "setsDepositOff": .bool(true),
            "since": .string("2025-10-01"),
        ], prepare: { try await $0.owe() }),
    "accounts.month": on("accountID", 70, everybody, ["month": .string("2025-12")]),
    "reports.money": Probe(
        roles: [.administrator], own: { _, _ in ["from": .string("2025-12")] },
        harmless: ["from": "a month", "to": "a month"]),
]

extension Fixture {
    /// An old debt and a conversion that is begun, in each company.
    func owe() async throws {
        for org in Int64(1)...2 {
            _ = try await site.perform(
                PutArrears(
                    accountID: 70 + org, amountPaise: 1_000_000, since: CivilDay(number: 20_000), claimUntil: nil,
                    disconnectUntil: nil, reason: "bills of before", reference: "owed-\(org)"),
                as: .system(orgID: org), source: "test")
            try await site.money.write { transaction in
                try Conversion.begin(
                    accountID: 70 + org, reason: "a new meter", nowMs: 0, Scope(orgID: org), in: transaction)
            }
        }
    }
}

@Suite struct MonthStatementTests {
    static let zone = Zone.india
    static let day = CivilDay("2026-11-14") ?? CivilDay(number: 0)

    static func posting(
        _ number: Int64, _ kind: PostingKind, _ paise: Int64, on posted: CivilDay, for supply: CivilDay? = nil,
        estimated: Bool = false
    ) -> (line: StatementLine, item: StatementItem) {
        let line = StatementLine(
            entryID: number, line: 1, kind: kind, businessAtMs: zone.startS(of: posted) * 1000 + number,
            supplyDay: supply, revision: supply.map { _ in number }, estimated: estimated, amountPaise: paise,
            balanceAfterPaise: 0, entryKey: "k\(number)")
        let what: StatementItem.What =
            switch kind {
            case .charge: .day(supply ?? posted, estimatedSlots: 0, slots: 48)
            case .reversal: .reversal(of: "x", day: supply ?? posted)
            case .arrears: supply.map { .instalment($0) } ?? .settlement
            case .conversion: .conversion
            case .recharge: .recharge(method: "upi", reference: "r,\(number)")
            default: .adjustment(reason: "=1+1")
            }
        return (
            line,
            StatementItem(
                entry: "E\(number)", postedMs: line.businessAtMs, what: what, against: [], amountPaise: paise,
                balancePaise: 0)
        )
    }

    @Test func aCorrectionStandsNetWithBothDates() {
        let later = Self.day.advanced(by: 5)
        let lines = MonthStatement.folded(
            [
                Self.posting(1, .charge, -3_832, on: Self.day.advanced(by: 1), for: Self.day, estimated: true),
                Self.posting(2, .recharge, 10_000, on: later),
                Self.posting(3, .reversal, 3_832, on: later, for: Self.day),
                Self.posting(4, .charge, -3_646, on: later, for: Self.day),
                Self.posting(5, .arrears, -500, on: later, for: Self.day),
            ], opening: 5_000, Self.zone)
        #expect(lines.map(\.kind) == [.day, .recharge, .correction, .instalment])
        #expect(lines.map(\.amountPaise) == [-3_832, 10_000, 186, -500])
        #expect(lines.map(\.balancePaise) == [1_168, 11_168, 11_354, 10_854])
        let correction = lines[2]
        #expect(correction.supplyDay == Self.day && correction.postedDay == later)
        #expect(correction.entries == ["E3", "E4"] && correction.ledgerPlace == "4-2")
        #expect(lines[0].isEstimated && !correction.isEstimated)
    }

    /// Whatever is posted in whatever order: the lines share the postings out without rest.
    @Test func openingAndLinesAlwaysGiveTheClosingBalance() {
        var generator = SystemRandomNumberGenerator()
        let kinds: [PostingKind] = [.charge, .reversal, .recharge, .arrears, .adjustment, .conversion]
        for _ in 0..<200 {
            let postings = (1...Int64.random(in: 1...40, using: &generator)).map { number in
                Self.posting(
                    number, kinds.randomElement(using: &generator) ?? .charge,
                    Int64.random(in: -9_999...9_999, using: &generator),
                    on: Self.day.advanced(by: Int.random(in: 0...3, using: &generator)),
                    for: Bool.random(using: &generator)
                        ? Self.day.advanced(by: Int.random(in: -3...0, using: &generator)) : nil)
            }
            let lines = MonthStatement.folded(postings, opening: -777, Self.zone)
            let sum = postings.reduce(Int64(-777)) { $0 + $1.line.amountPaise }
            #expect(lines.last?.balancePaise == sum)
            #expect(lines.reduce(-777) { $0 + $1.amountPaise } == sum)
            #expect(lines.reduce(0) { $0 + $1.entries.count } == postings.count)
        }
    }

    @Test func theMonthAgreesWithTheBookAndItsFileIsSafe() async throws {
        let fixture = try await Fixture()
        _ = try await fixture.site.perform(
            AdjustBalance(accountID: 71, amountPaise: 5, reason: "=HYPERLINK(\"x\"),y", reference: "adj"),
            as: .system(orgID: 1), source: "test")
        let scope = Scope(orgID: 1)
        var closing: Int64 = 0
        for text in ["2025-12", "2026-01"] {
            let month = try #require(CivilMonth(text))
            let found = try await MonthStatement.of(fixture.site, accountID: 71, month: month, scope)
            #expect(found.openingPaise == closing)
            closing = found.closingPaise
            #expect(found.lines.reduce(found.openingPaise) { $0 + $1.amountPaise } == closing)
            let file = found.csv()
            #expect(!file.contains("\n=") && !file.contains(",=") && !file.contains(",\"="))
        }
        let balance = try await fixture.site.money.read {
            try Journal.balance(ofAccount: 71, scope, in: $0).balancePaise
        }
        #expect(closing == balance && balance != 0)
        await #expect(throws: Refusal.self) {
            try await MonthStatement.of(
                fixture.site, accountID: 71, month: CivilMonth(year: 2026, month: 2), scope)
        }
    }

    @Test func theMoneyOfAMonthIsThatOfTheBook() async throws {
        let fixture = try await Fixture()
        try await fixture.owe()
        let report = try await MoneyReport.of(
            fixture.site, from: CivilMonth(year: 2025, month: 12), to: nil, Scope(orgID: 1))
        let (balances, energyWh) = try await fixture.site.money.read { transaction in
            (
                try Journal.balances(limit: 100, atMs: 0, Scope(orgID: 1), in: transaction),
                try transaction.first("SELECT SUM(energy_wh) FROM charge WHERE org_id = 1", []) { try $0.int(0) }
            )
        }
        let income = balances.filter { [1, 2].contains($0.journalAccountID) }.reduce(0) { $0 - $1.debitBalancePaise }
        #expect(report.months.reduce(0) { $0 + $1.revenuePaise } == income && income > 0)
        #expect(report.months.reduce(0) { $0 + $1.energyWh } == energyWh)
        let wallets = balances.filter { [71, 81].contains($0.journalAccountID) }
        #expect(report.aheadPaise - report.owedPaise == wallets.reduce(0) { $0 - $1.debitBalancePaise })
        #expect(report.arrearsPaise == 1_000_000)
        #expect(report.csv().split(separator: "\r\n").count == 3)
    }
}
