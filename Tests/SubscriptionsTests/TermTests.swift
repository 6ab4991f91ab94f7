// What time brings about: expiry, terms that begin anew, reminders, the penalty for leaving early, the month's credit.
import CivilTime
import Testing

@testable import Subscriptions

@Suite struct TermTests {
    private let first: [(PackRequest, String)] = [
        (.apply(pack: "UP0001"), "2021-12-01"), (.apply(pack: "P50001"), "2022-01-01"),
    ]

    @Test("7: the day after its end it is expired, and billing did not wait for it")
    func expiry() throws {
        let book = try caseBook()
        let held = try nobody().after(first, by: book)
        let onTheDay = try held.after(.sweep, on: day("2022-02-01"), by: book)
        #expect(onTheDay.history.rows == held.rows)
        #expect(onTheDay.facts.isEmpty)
        let after = try onTheDay.history.after(.sweep, on: day("2022-02-02"), by: book)
        #expect(after.history.rows.map(\.state) == [.active, .expired])
        #expect(after.facts.map(\.key) == ["expired:123-2"])
        for text in ["2022-01-20", "2022-02-01", "2022-02-02"] {
            #expect(held.bills(text, by: book) == after.history.bills(text, by: book))
        }
        #expect(held.bills("2022-02-02", by: book) == "UP0001")
        // A request says first what the sweep would have said.
        let asked = try held.after(.apply(pack: "P50001"), on: day("2022-02-10"), by: book)
        #expect(asked.history.rows.map(\.state) == [.active, .expired, .active])
        #expect(asked.facts.first?.key == "expired:123-2")
    }

    /// UP0001 with a contract of three months from 2021-12-02 to 2022-03-01: 50 % of 300.00 a month.
    private func contract(_ change: (inout PackTerms) -> Void = { _ in }) throws -> (PackHistory, PackBook) {
        let book = try caseBook {
            guard $0.id == "UP0001" else { return }
            $0.months = 3
            $0.fixedPaisePerMonth = 30_000
            $0.breakPPM = 500_000
            change(&$0)
        }
        return (try nobody().after([first[0]], by: book), book)
    }

    @Test("7b: a base with an end begins a new term the day before, and is never without a successor")
    func renewsItself() throws {
        let (held, book) = try contract()
        #expect(held.rows[0].to == day("2022-03-01"))
        #expect(try held.after(.sweep, on: day("2022-02-27"), by: book).history.rows[0].to == day("2022-03-01"))
        let renewed = try held.after(.sweep, on: day("2022-02-28"), by: book)
        #expect(renewed.history.rows[0].to == day("2022-06-01"))
        #expect(renewed.facts.map(\.key) == ["renewed:123-1:2022-06-01"])
        let late = try held.after(.sweep, on: day("2023-01-15"), by: book)
        #expect(late.history.rows[0].to == day("2023-03-01"))
        #expect(late.history.rows[0].state == .active)
        #expect(late.facts.map(\.day) == ["2022-03-02", "2022-06-02", "2022-09-02", "2022-12-02"].map(day))
        // Nothing has swept it, and yet it bills.
        #expect(held.bills("2025-07-01", by: book) == "UP0001")
    }

    @Test("renewal before the end: one more term, for an add-on too")
    func renewal() throws {
        let book = try caseBook()
        let held = try nobody().after(first, by: book)
        let renewed = try held.after(.renew(pack: "P50001"), on: day("2022-01-20"), by: book)
        #expect(renewed.history.rows[1].to == day("2022-03-01"))
        #expect(renewed.history.bills("2022-03-01", by: book) == "P50001")
        #expect(renewed.history.bills("2022-03-02", by: book) == "UP0001")
        let repeated = try renewed.history.after(.renew(pack: "P50001"), on: day("2022-01-20"), by: book)
        #expect(repeated == PackOutcome(history: renewed.history, isRepeat: true))
        let over = held.refusal(.renew(pack: "P50001"), on: "2022-02-02", by: book)
        #expect(over?.code == .notSubscribed)
    }

    @Test("an add-on that renews itself bills on without a sweep, until it is unsubscribed")
    func addOnRenewsItself() throws {
        let book = try caseBook { $0.renewsItself = $0.id == "P50001" }
        let held = try nobody().after(first, by: book)
        #expect(held.bills("2022-07-01", by: book) == "P50001")
        let ended = try held.after([(.unsubscribe(pack: "P50001"), "2022-07-10")], by: book)
        #expect(ended.rows[1].to == day("2022-07-11"))
        #expect(ended.bills("2022-07-12", by: book) == "UP0001")
    }

    @Test("reminders: each once, and a late sweep says the nearest only")
    func reminders() throws {
        let book = try caseBook { $0.reminderDays = $0.id == "P50001" ? [7, 1] : [] }
        var history = try nobody().after(first, by: book)
        var said: [String] = []
        for text in ["2022-01-24", "2022-01-25", "2022-01-26", "2022-01-31", "2022-02-01"] {
            let outcome = try history.after(.sweep, on: day(text), by: book)
            history = outcome.history
            said += outcome.facts.map { "\(text) \($0.key)" }
        }
        #expect(
            said == ["2022-01-25 reminder:123-2:2022-02-01:7", "2022-01-31 reminder:123-2:2022-02-01:1"])
        let late = try nobody().after(first, by: book).after(.sweep, on: day("2022-02-01"), by: book)
        #expect(late.facts.map(\.key) == ["reminder:123-2:2022-02-01:1"])
    }

    @Test(
        "9: the penalty for leaving early, to the paisa",
        arguments: [
            // First day of the next, penalty: 15,000 paise a month × the days up to 2022-03-01 / 30.
            ("2022-01-01", 30_000), ("2022-02-10", 10_000), ("2022-02-23", 3500), ("2022-03-01", 500),
            // Scheduled for the last contract day: nothing. A day later a second term has begun (to 2022-06-01).
            ("2022-03-02", 0), ("2022-03-03", 45_500),
        ])
    func penalty(_ from: String, _ paise: Int64) throws {
        let (held, book) = try contract()
        let asked = try held.after(.apply(pack: "UP0002", from: day(from)), on: day("2021-12-20"), by: book)
        #expect(asked.facts.filter { $0.kind == .penalty }.isEmpty)
        #expect(asked.facts.first { $0.kind == .penaltyNotice }?.amountPaise ?? 0 == paise)
        let due = try asked.history.after(.sweep, on: day(from), by: book)
        let charges = due.facts.filter { $0.kind == .penalty }
        #expect(charges.map(\.amountPaise) == (paise > 0 ? [paise] : []))
        if paise > 0 { #expect(charges.map(\.key) == ["penalty:123-1"]) }
        // Once: neither a later sweep nor a changed pack charges it again.
        let dearer = try caseBook { $0.fixedPaisePerMonth = 900_000 }
        let later = try due.history.after(.sweep, on: day(from).advanced(by: 40), by: dearer)
        #expect(!later.facts.contains { $0.kind == .penalty })
    }

    @Test(
        "9: at most so many months; an open contract costs nothing; a switch that is moved is charged as it came about")
    func penaltyLimits() throws {
        let (held, book) = try contract { $0.breakMonths = 1 }
        let early = try held.after(
            [(.apply(pack: "UP0002"), "2021-12-20"), (.sweep, "2021-12-21")], by: book)
        #expect(early.told["penalty:123-1"] == 15_000)
        let open = try caseBook {
            $0.fixedPaisePerMonth = 30_000
            $0.breakPPM = 500_000
        }
        let left = try nobody().after(
            [first[0], (.apply(pack: "UP0002"), "2021-12-20"), (.sweep, "2022-01-20")], by: open)
        #expect(left.told["penalty:123-1"] == nil)
        let (whole, terms) = try contract()
        let moved = try whole.after(
            [
                (.apply(pack: "UP0002", from: day("2022-02-10")), "2021-12-20"),
                (.apply(pack: "UP0003", from: day("2022-02-23")), "2021-12-21"),
                (.approve(pack: "UP0003"), "2021-12-22"), (.sweep, "2022-03-10"),
            ], by: terms)
        #expect(moved.told["penalty:123-1"] == 10_000)
        #expect(moved.rows.map { $0.to?.description } == ["2022-02-09", "2022-02-22", nil])
    }

    @Test("9: a term agreed to before the end counts; one that began by itself is charged from its first day on")
    func penaltyAfterRenewal() throws {
        let (held, book) = try contract()
        let agreed = try held.after(
            [(.renew(pack: "UP0001"), "2022-01-10"), (.apply(pack: "UP0002"), "2022-03-01"), (.sweep, "2022-03-02")],
            by: book)
        // Last day 2022-03-01, contract to 2022-06-01: 92 days.
        #expect(agreed.told["penalty:123-1"] == 46_000)
        let byItself = try held.after(
            [(.sweep, "2022-02-28"), (.apply(pack: "UP0002"), "2022-03-01"), (.sweep, "2022-03-02")], by: book)
        #expect(byItself.told["penalty:123-1"] == 0)
    }

    @Test("10: energy fed in is credited once a month, and the green wallet goes to the others in order")
    func export() throws {
        let book = try caseBook { $0.exportMilliPaisePerKWh = $0.id == "UP0001" ? 225_000 : 300_000 }
        let held = try nobody().after([first[0], (.apply(pack: "UP0002"), "2022-01-15")], by: book)
        var close = MonthClose(
            month: day("2022-01-01").month, meter: "M1",
            exportWh: [day("2022-01-15"): 10_001, day("2022-01-16"): 4000])
        close.renewablePaise = 1000
        close.wallets = [
            MonthClose.Wallet(name: "house", balancePaise: 500), MonthClose.Wallet(name: "pump", balancePaise: -700),
        ]
        #expect(held.refusal(.closeMonth(close), on: "2022-01-31", by: book)?.code == .monthNotOver)
        let outcome = try held.after(.closeMonth(close), on: day("2022-02-01"), by: book)
        // 10.001 kWh × 2.25 + 4 kWh × 3.00 = 34.50225: one rounding. 10.00 + 34.50 less the debt of 7.00.
        #expect(outcome.facts.map(\.key) == ["export:M1:2022-01", "move:M1:2022-01:house", "move:M1:2022-01:pump"])
        #expect(outcome.facts.map(\.amountPaise) == [3450, 3750, 700])
        let again = try outcome.history.after(.closeMonth(close), on: day("2022-02-09"), by: book)
        #expect(again == PackOutcome(history: outcome.history, isRepeat: true))
        close.exportWh[day("2022-01-16")] = 5000
        #expect(
            outcome.history.refusal(.closeMonth(close), on: "2022-02-09", by: book)?.code == .keyWithOtherAmount)
        #expect(held.refusal(.closeMonth(close), on: "2022-02-09", by: try caseBook())?.code == .noExportPrice)
        close.exportWh = [day("2022-02-01"): 1]
        #expect(held.refusal(.closeMonth(close), on: "2022-02-09", by: book)?.code == .notOfTheMonth)
    }
}
