// The flat way of pricing against the engine that explains: the same amounts and the same states, for one account and
// for many.
import CivilTime
import Testing

@testable import Tariffs

@Suite struct PlainDays {
    static let march = period("2024-03-01", "2024-03-31")

    /// Tariffs of plain shape, two energy charges with bands, credits, shares of shares.
    static func plainTariff(_ chance: inout FixedChance) throws -> Tariff {
        func price() -> String { "\(chance.next(9)).\(chance.next(900) + 100)" }
        func bands() -> String { "{a: \(price()), b: \(price()), c: \(price())}" }
        func steps(_ worth: () -> String) -> String {
            let first = chance.next(90) + 10
            return "steps: [{upTo: \(first), perKWh: \(worth())}, {upTo: \(first + 100), perKWh: \(worth())}, "
                + "{upTo: 900, perKWh: \(worth())}, {perKWh: \(worth())}]"
        }
        let shapes = [
            "perKWh: \(price())", "freeKWh: 30, perKWh: \(price())", "calendar: c, perKWh: \(bands())",
            "slabs: {\(steps(price))}", "slabs: {kind: perDay, steps: [{upTo: 9, perKWh: 1}, {perKWh: 2.5}]}",
            "calendar: c, slabs: {rule: chronological, \(steps(bands))}",
            "calendar: c, slabs: {rule: proportional, \(steps(bands))}",
            "calendar: c, slabs: {rule: uplift, uplift: {a: 20, b: -15.5, c: 0}, \(steps(price))}",
        ]
        let standings = [
            "perMonth: \(price())", "perKW: 50, roundUpKW: true",
            "loadBands: [{upToKW: 2, perKW: 20}, {upToKW: 4, perMonth: 99}, {perKW: 50}]",
        ]
        var lines = [
            "{id: rounding, kind: rounding, to: 1}", "{id: duty, kind: duty, percent: 5.17, of: [tax.energy, energy]}",
            "{id: energy, kind: energy, \(shapes[chance.next(shapes.count)])}",
            "{id: fixed, kind: fixed, \(standings[chance.next(standings.count)])}",
            "{id: help, kind: rebate, perKWh: 0.25}", "{id: tax, kind: tax, percent: 9.9, of: [fixed, energy, help]}",
            "{id: fuel, kind: levy, calendar: d, perKWh: {x: 0.5, y: 0.75}}",
        ]
        if chance.next(2) == 0 { lines.removeFirst() }
        if chance.next(2) == 0 { lines.append("{id: packs, kind: addOns}") }
        return try tariff(
            "format: 1\nid: P\nversion: 2\nname: Test\nvalidFrom: 2018-01-01\nholidays: [2024-03-08]\ncalendars:\n"
                + "  c:\n    - days: [weekday, saturday]\n"
                + "      bands: {a: [00:00-06:00, 22:00-24:00], b: 06:00-22:00}\n"
                + "    - {days: [sunday, holiday], bands: {c: 00:00-24:00}}\n"
                + "  d: [{bands: {x: 00:00-09:00, y: 09:00-24:00}}]\ncomponents:\n"
                + lines.map { "  - \($0)\n" }.joined())
    }

    static func addOns(_ chance: inout FixedChance, for bill: ReadyBill) -> [AddOnPack] {
        let usesBands = (try? bill.versions[0].tariff.check([band])) != nil
        let all = AddOnsOfATariff.packs.map { pack in
            var pack = pack
            if pack.maximumLoadW != nil {
                pack.prices =
                    usesBands
                    ? band.prices : [AddOnPrice(.minutes(.init(fromMinute: 240, toMinute: 600)), milliPaisePerKWh: 9)]
            }
            return pack
        }
        return Array(all.prefix(chance.next(3)))
    }

    private static let band = AddOnPack(
        id: "B", version: 1, name: "B", prices: [AddOnPrice(.band("b"), milliPaisePerKWh: 301_234)])

    static func load(_ day: CivilDay, _ chance: inout FixedChance) -> TariffLoadDay {
        let count = [24, 48, 96][chance.next(3)]
        // Now and then a value that the flat way does not take.
        let values = (0..<count).map { _ in
            chance.next(4000) == 0 ? Int32(9_000_000) : chance.next(4) == 0 ? 0 : Int32(chance.next(900))
        }
        return TariffLoadDay(
            day: day, slotStartMinutes: minutes(count), periodS: 86_400 / count, importWh: values)
    }

    @Test(arguments: 0..<40)
    func oneAccount(seed: Int) throws {
        var chance = FixedChance(seed: UInt64(seed + 4000))
        let book = try TariffBook([try Self.plainTariff(&chance)])
        let bill = try ReadyBill(book, period: Self.march)
        #expect(bill.plain != nil)
        var facts = AccountFacts()
        var (state, plainDays) = (BillState.start, 0)
        for number in 0..<31 where chance.next(8) != 0 {
            facts.contractedW = Int64(chance.next(6000))
            let load = Self.load(Self.march.first.advanced(by: number), &chance)
            let input = DayInput(load: load, addOns: Self.addOns(&chance, for: bill), facts: facts)
            if bill.plainAmounts(input, opening: state) != nil { plainDays += 1 }
            let explained = try bill.explain(input, opening: state).amounts
            #expect(try bill.price(input, opening: state) == explained)
            state = explained.closing
        }
        #expect(plainDays > 15)
    }

    /// Thousands of accounts of several tariffs and packs, day after day in flat memory.
    @Test func manyAccounts() throws {
        var chance = FixedChance(seed: 99)
        let bills = try (0..<8).map { _ in
            try ReadyBill(try TariffBook([try Self.plainTariff(&chance)]), period: Self.march)
        }
        let accounts = 40
        var states = [BillState](repeating: .start, count: accounts)
        for number in [0, 1, 2, 3, 7, 8, 9, 29, 30] {
            let day = Self.march.first.advanced(by: number)
            var batch = DayBatch(day: day, periodS: 900)
            let packs = bills.map { Self.addOns(&chance, for: $0) }
            for (bill, packs) in zip(bills, packs) { #expect(try batch.add(bill, addOns: packs) != nil) }
            let plans = (0..<accounts).map { Int32($0 % bills.count) }
            let values = (0..<accounts * 96).map { _ in Int32(chance.next(700)) }
            let watts = (0..<accounts).map { _ in Int64(chance.next(5000)) }
            let openings = try (0..<accounts).flatMap { try #require(batch.words(states[$0], plan: $0 % bills.count)) }
            var closings = [Int64](repeating: 0, count: openings.count)
            var amounts = [Int64](repeating: 0, count: accounts * batch.amountCount)
            let left = batch.price(
                valuesWh: values, plans: plans, contractedW: watts, openings: openings, closings: &closings,
                amountsMinor: &amounts)
            #expect(left.isEmpty)
            for account in 0..<accounts {
                let plan = account % bills.count
                var facts = AccountFacts()
                facts.contractedW = watts[account]
                let load = TariffLoadDay(
                    day: day, slotStartMinutes: minutes(), periodS: 900,
                    importWh: Array(values[account * 96..<(account + 1) * 96]))
                let input = DayInput(load: load, addOns: packs[plan], facts: facts)
                let want = try bills[plan].explain(input, opening: states[account]).amounts
                let words = closings[account * batch.stateCount..<(account + 1) * batch.stateCount]
                #expect(batch.state(words, plan: plan, opening: states[account]) == want.closing)
                let own = zip(batch.components(plan: plan), amounts[(account * batch.amountCount)...])
                    .filter { $1 != 0 }.map { "\($0.id) \($1)" }.sorted()
                #expect(own == want.amountsMinor.map { "\($0.id) \($0.minor)" }.sorted())
                states[account] = want.closing
            }
        }
    }

    /// Values that cannot be priced in flat memory are told, not mispriced.
    @Test func whatIsOutOfRangeIsLeft() throws {
        let bill = try ReadyBill(try TariffBook([try example("slab")]), period: period("2018-01-01", "2018-01-31"))
        var batch = DayBatch(day: day("2018-01-02"), periodS: 3600)
        #expect(try batch.add(bill) == 0)
        let opening = try #require(batch.words(.start, plan: 0))
        var values = [Int32](repeating: 100, count: 72)
        (values[30], values[70]) = (-1, .max)
        var (closings, amounts) = (
            [Int64](repeating: 0, count: 3 * opening.count), [Int64](repeating: 0, count: 3 * batch.amountCount)
        )
        let left = batch.price(
            valuesWh: values, plans: [0, 0, 0], contractedW: [-1, -1, -1], openings: opening + opening + opening,
            closings: &closings, amountsMinor: &amounts)
        #expect(left == [1, 2])
        let unfit = try ReadyBill(try TariffBook([try example("demand")]), period: period("2018-01-01", "2018-01-31"))
        #expect(try batch.add(unfit) == nil)
    }
}
