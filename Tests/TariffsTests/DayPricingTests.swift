// A day from a stored state: with days that are missing and come late, add-on packs, a change of pack; against whole
// bills and against a plain reckoning of packs.
import CivilTime
import Quantities
import Testing

@testable import Tariffs

/// Tariffs of chance that can be priced with `facts()`.
struct TariffOfChance {
    var chance: FixedChance

    init(_ seed: Int) { chance = FixedChance(seed: UInt64(seed &* 77 &+ 5)) }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[chance.next(values.count)] }
    private mutating func price() -> String { "\(chance.next(9)).\(chance.next(900) + 100)" }
    private mutating func bands() -> String { "{a: \(price()), b: \(price())}" }

    private mutating func energy() -> String {
        let limit = 50 + chance.next(200)
        let slabs =
            "steps: [{upTo: \(limit), perKWh: \(price())}, {upTo: 600, perKWh: \(price())}, {perKWh: \(price())}]"
        let byBand = "steps: [{upTo: \(limit), perKWh: \(bands())}, {perKWh: \(bands())}]"
        let proration = pick(["none", "calendarFraction", "days30", "months2dp", "floorDays"])
        return pick([
            "perKWh: \(price())", "calendar: c, perKWh: \(bands())", "freeKWh: 20, calendar: c, perKWh: \(bands())",
            "slabs: {proration: \(proration), \(slabs)}", "slabs: {kind: nonTelescopic, \(slabs)}",
            "slabs: {kind: perDay, steps: [{upTo: 3, perKWh: \(price())}, {perKWh: \(price())}]}",
            "slabs: {kind: byTotal, tables: [{upToTotal: \(limit), steps: [{perKWh: 2}]}, {\(slabs)}]}",
            "calendar: c, slabs: {rule: chronological, proration: \(proration), \(byBand)}",
            "calendar: c, slabs: {rule: proportional, \(byBand)}",
            "calendar: c, slabs: {rule: uplift, uplift: {a: 20, b: -15}, \(slabs)}",
        ])
    }

    mutating func text(head: String = "") -> String {
        var lines = ["{id: energy, kind: energy, \(energy())}"]
        let standing = pick(["perMonth: 110", "perKW: 50, roundUpKW: true", "perMonth: 7, proration: none"])
        let fuel = chance.next(90) + 10
        let more: [String] = [
            "{id: fuel, kind: levy, perKWh: 0.\(fuel)}",
            "{id: fixed, kind: fixed, \(standing)}",
            "{id: tiers, kind: fixed, byTotal: [{upTo: 90, perMonth: 40}, {perMonth: 65}]}",
            "{id: demand, kind: demand, perKW: 100, atLeastPercent: 20}",
            "{id: excess, kind: excessDemand, steps: [{upToPercent: 20, perKW: 290}, {perKW: 580}]}",
            "{id: pf, kind: powerFactor, of: [energy], steps: [{below: 0.85, percentPerHundredth: 1.5}]}",
            "{id: least, kind: minimum, perMonth: 900, of: [energy]}",
            "{id: help, kind: subsidy, percent: 50, of: [energy], whenTotalUpTo: 200, atMost: 800}",
            """
            {id: past, kind: supplySurcharge, lagMonths: 1, of: [energy],
                 rates: [{supplyMonth: 2024-02, percent: 3.5}, {supplyMonth: 2024-03, perKWh: 0.3}]}
            """,
            "{id: critical, kind: criticalPeak, days: [2024-03-05, 2024-04-12], hours: 18:00-22:00, perKWh: 6}",
        ]
        for line in more where chance.next(3) == 0 { lines.append(line) }
        lines.append("{id: duty, kind: duty, percent: 5.\(chance.next(9)), of: [energy]}")
        if chance.next(2) == 0 { lines.append("{id: rounding, kind: rounding, to: 1}") }
        return "format: 1\nid: T\nversion: 7\nname: Test\nvalidFrom: 2018-01-01\n" + head
            + "calendars:\n  c: [{bands: {a: [00:00-09:00, 21:00-24:00], b: 09:00-21:00}}]\ncomponents:\n"
            + lines.map { "  - \($0)\n" }.joined()
    }

    static func facts() -> AccountFacts {
        var facts = AccountFacts()
        facts.contractedW = 4200
        facts.usualPowerFactor = 800
        return facts
    }
}

/// The charges of an account that is priced day by day, each state stored as bytes.
struct Chain {
    let bills: [ReadyBill]
    let facts: AccountFacts
    var loads: [CivilDay: TariffLoadDay] = [:]
    var charges: [CivilDay: (minor: [String: Int64], state: [UInt8])] = [:]

    /// A day arrives, or is corrected: it and all later ones are priced.
    mutating func arrive(_ load: TariffLoadDay) throws {
        loads[load.day] = load
        for day in loads.keys.sorted() where day >= load.day { try price(day) }
    }

    private mutating func price(_ day: CivilDay) throws {
        let before = charges.keys.filter { $0 < day }.max().flatMap { charges[$0]?.state }
        let bill = try #require(bills.first { $0.period.first <= day && day <= $0.period.last })
        let input = DayInput(load: try #require(loads[day]), facts: facts)
        let opening = try before.map { try BillState(decoding: $0) } ?? .start
        let amounts = try bill.price(input, opening: opening)
        #expect(try bill.explain(input, opening: opening).amounts == amounts)
        let minor = Dictionary(uniqueKeysWithValues: amounts.amountsMinor.map { ($0.id, $0.minor) })
        #expect(amounts.totalMinor == minor.values.reduce(0, +))
        charges[day] = (minor, amounts.closing.encode())
    }
}

@Suite struct DaysOfABill {
    static let periods = [
        period("2024-02-01", "2024-02-29"), period("2024-03-01", "2024-03-31"),
        period("2024-04-01", "2024-04-17"),
    ]

    /// Days that come in any order, some of them corrected, end as the bills do that are priced at once.
    @Test(arguments: 0..<60)
    func daysAreTheBill(seed: Int) throws {
        var source = TariffOfChance(seed)
        let book = try TariffBook([try tariff(source.text())])
        let days = Self.periods.flatMap { TariffProperties.chance(UInt64(seed), $0) }
        let facts = TariffOfChance.facts()
        let bills = try TariffBook(book.tariffs).price(days, periods: Self.periods, facts: facts)
        bills.forEach { expectSums($0) }
        var chain = Chain(bills: try Self.periods.map { try ReadyBill(book, period: $0) }, facts: facts)
        // Most in order, some of them late, one first with another load.
        var wrong = days[40]
        wrong.importWh[3] += 900
        let late = Set((0..<4).map { _ in source.chance.next(days.count) })
        for index in days.indices where !late.contains(index) { try chain.arrive(index == 40 ? wrong : days[index]) }
        for index in late.shuffled(using: &source.chance) + [40] { try chain.arrive(days[index]) }
        for day in bills.flatMap(\.days) { #expect(chain.charges[day.day]?.minor == day.amountsMinor, "\(day.day)") }
    }

    /// What accrues by the day accrues for the days that are there.
    @Test func missingDaysCostNothing() throws {
        let book = try TariffBook([
            try tariff(
                components: "  - {id: fixed, kind: fixed, perMonth: 310}\n  - {id: e, kind: energy, perKWh: 5}\n")
        ])
        let march = Self.periods[1]
        var chain = Chain(bills: [try ReadyBill(book, period: march)], facts: AccountFacts())
        for (index, load) in even(march, totalWh: 31_000).enumerated() where index % 2 == 0 { try chain.arrive(load) }
        #expect(chain.charges.count == 16)
        #expect(chain.charges.values.allSatisfy { $0.minor == ["fixed": 1000, "e": 500] })
    }

    @Test func statesThatCannotBeFollowed() throws {
        let book = try TariffBook([try example("slab")])
        let year = BillPeriod.calendar(from: day("2018-01-01"), to: day("2018-02-28"), months: 1)
        let bills = try year.map { try ReadyBill(book, period: $0) }
        let loads = year.flatMap { even($0, totalWh: 90_000) }
        let first = try bills[0].price(DayInput(load: loads[5]), opening: .start)
        func refused(_ bill: ReadyBill, _ load: Int, _ state: BillState) -> String? {
            refusal { try bill.price(DayInput(load: loads[load]), opening: state) }?.what
        }
        #expect(refused(bills[0], 5, first.closing)?.contains("contains 2018-01-06") == true)
        #expect(refused(bills[0], 31, first.closing)?.contains("no day of the bill") == true)
        let short = try ReadyBill(book, period: period("2018-01-01", "2018-01-20"))
        #expect(refused(short, 6, first.closing)?.contains("now ends on 2018-01-20") == true)
        var other = first.closing
        other.totals.runs.removeLast()
        #expect(refused(bills[0], 6, other)?.contains("not of version") == true)
        #expect(refused(bills[1], 31, first.closing) == nil)
    }
}

@Suite struct StatesAsBytes {
    /// Bytes with a fault are refused, or they are another state in its one form.
    @Test(arguments: 0..<8)
    func everyStateHasOneForm(seed: Int) throws {
        var source = TariffOfChance(seed + 900)
        let book = try TariffBook([try tariff(source.text())])
        let april = period("2024-04-01", "2024-04-30")
        let bill = try ReadyBill(book, period: april)
        var state = BillState.start
        #expect(try BillState(decoding: state.encode()) == state)
        for load in TariffProperties.chance(UInt64(seed), april).prefix(5) {
            let input = DayInput(load: load, facts: TariffOfChance.facts())
            state = try bill.price(input, opening: state).closing
        }
        let bytes = state.encode()
        #expect(try BillState(decoding: bytes) == state)
        for cut in bytes.indices { #expect(throws: TariffError.self) { try BillState(decoding: Array(bytes[..<cut])) } }
        #expect(throws: TariffError.self) { try BillState(decoding: bytes + [0]) }
        #expect(throws: TariffError.self) { try BillState(decoding: [1] + bytes.dropFirst()) }
        for _ in 0..<3000 {
            var broken = bytes
            broken[source.chance.next(bytes.count)] = UInt8(source.chance.next(256))
            if let read = try? BillState(decoding: broken) { #expect(read.encode() == broken) }
        }
    }
}

@Suite struct AddOnsOfATariff {
    static let base = Exactness.base
    static let packs: [AddOnPack] = {
        var limited = weekend
        (limited.id, limited.weekdays, limited.maximumLoadW) = ("LIMIT", [1, 2, 3, 4, 5, 6, 7], 1500)
        limited.prices = [
            AddOnPrice(.band("a"), milliPaisePerKWh: 301_234),
            AddOnPrice(.minutes(.init(fromMinute: 780, toMinute: 900)), milliPaisePerKWh: 3),
        ]
        var night = limited
        (night.id, night.maximumLoadW, night.weekdays) = ("NIGHT", nil, [6, 7])
        night.prices = [AddOnPrice(.minutes(.init(fromMinute: 0, toMinute: 300)), milliPaisePerKWh: 411_111)]
        return [night, limited]
    }()

    /// Reckoned plainly, in the order of the days of a month: each slot by the cheapest pack that covers it and bears
    /// its load, else by the base; whole paise are the difference of rounded totals. Duty is exact in millionths more.
    struct Reckoning {
        private var exact: [String: Int128] = [:]

        mutating func add(
            _ day: CivilDay, _ valuesWh: [Int32], _ base: BasePack, _ addOns: [AddOnPack], contractedW: Int64
        ) -> (paise: [String: Int64], taken: [String]) {
            let before = exact
            var taken: [String] = []
            for (slot, value) in valuesWh.enumerated() {
                let band = ["a", "b", "c", "d"][slot / 24]
                func covers(_ price: AddOnPrice) -> Bool {
                    switch price.cover {
                    case .band(let name): name == band
                    case .minutes(let range): (range.fromMinute..<range.toMinute).contains(slot * 15)
                    }
                }
                let offers = addOns.filter { pack in
                    pack.weekdays.contains(day.weekday) && pack.maximumLoadW.map { Int64(value) * 4 <= $0 } != false
                }.flatMap { pack in pack.prices.filter(covers).map { (price: $0.milliPaisePerKWh, id: pack.id) } }
                let best = offers.min { ($0.price, $0.id) < ($1.price, $1.id) }
                if let best { taken.append("\(slot) \(best.id)") }
                exact[best == nil ? "energy" : "addOns", default: 0] +=
                    Int128(value) * Int128(best?.price ?? base.milliPaisePerKWh[band] ?? 0)
            }
            let monthMicro =
                Int128(base.fixedPaisePerMonth) * 1_000_000
                + Int128(base.fixedPaisePerKWPerMonth) * Int128(contractedW) * 1000
            exact["fixed"] = monthMicro * Int128(day.parts.day) / Int128(day.month.dayCount)
            exact["duty"] = (exact["energy", default: 0] + exact["addOns", default: 0]) * Int128(base.dutyPPM)
            var paise: [String: Int64] = [:]
            for (id, now) in exact {
                let unit: Int128 = id == "duty" ? 1_000_000_000_000 : 1_000_000
                let day = roundedHalfAway(now, dividedBy: unit) - roundedHalfAway(before[id] ?? 0, dividedBy: unit)
                if day != 0 { paise[id] = day }
            }
            return (paise, taken)
        }
    }

    /// A base pack with add-ons costs what a plain reckoning says, to the paisa of each component of each day.
    @Test(arguments: 0..<10)
    func packsCostWhatIsReckoned(seed: UInt64) throws {
        let addOns = Array(Self.packs.prefix(Int(seed % 3)))
        let month = CivilMonth(year: 2024, month: 2)
        let pack = try PackMonth(Self.base, month, addOns, contractedW: 3700)
        var (reckoning, state, total) = (Reckoning(), BillState.start, Int64(0))
        for number in 0..<month.dayCount {
            let day = month.first.advanced(by: number)
            let values = load(seed &* 31 &+ UInt64(number))
            let want = reckoning.add(day, values, Self.base, addOns, contractedW: 3700)
            let explained = try pack.bill.explain(pack.input(day, values), opening: state)
            state = try BillState(decoding: explained.amounts.closing.encode())
            let found = explained.amounts.amountsMinor.map { ($0.id, $0.minor) }
            #expect(Dictionary(uniqueKeysWithValues: found) == want.paise)
            let taken = explained.addOnLines.flatMap { line in
                (line.fromSlot..<line.toSlot).map { "\($0) \(line.packID)" }
            }
            #expect(taken == want.taken)
            #expect(explained.amounts.addOnWh == explained.addOnLines.reduce(0) { $0 + $1.energyWh })
            total += want.paise.values.reduce(0, +)
        }
        #expect(state.totalMinor == total)
    }

    static let march = period("2024-03-01", "2024-03-01")

    static func cost(_ components: String, _ packs: [AddOnPack], head: String = "") throws -> [String: Int64] {
        let book = try TariffBook([try tariff(head: head, components: components)])
        // A kWh in each hour.
        let input = DayInput(load: even(march, totalWh: 24_000)[0], addOns: packs)
        let priced = try ReadyBill(book, period: march).price(input, opening: .start)
        return Dictionary(uniqueKeysWithValues: priced.amountsMinor.map { ($0.id, $0.minor) })
    }

    /// Six of 24 kWh for 1 each by the pack; slabs at 12 kWh.
    @Test func energyIsTakenFromTheSlabs() throws {
        var pack = weekend
        (pack.weekdays, pack.prices) = (
            [5], [AddOnPrice(.minutes(.init(fromMinute: 0, toMinute: 360)), milliPaisePerKWh: 100_000)]
        )
        let steps = "steps: [{upTo: 12, perKWh: 2}, {perKWh: 8}]"
        let energy = "  - {id: energy, kind: energy, slabs: {\(steps)}}\n"
        let others =
            "  - {id: duty, kind: duty, percent: 10, of: [energy, extra]}\n"
            + "  - {id: fuel, kind: levy, perKWh: 0.5}\n"
        func expect(_ wanted: [String: Int64], _ components: String, head: String = "") throws {
            #expect(try Self.cost(components, [pack], head: head) == wanted)
        }
        try expect(["addOns": 600, "energy": 7200], energy)
        // Fuel is on all energy, duty on the energy of packs too.
        let extra = "  - {id: extra, kind: addOns}\n"
        try expect(["extra": 600, "energy": 7200, "duty": 780, "fuel": 1200], extra + energy + others)
        // Counted, 24 kWh fill the slabs, and 18 of 24 parts of each are the tariff's.
        let counted = "  - {id: extra, kind: addOns, countsTowardSlabs: true}\n"
        try expect(["extra": 600, "energy": 9000], counted + energy)
        // In order of time the pack fills half of the first slab.
        let head = "calendars:\n  c: [{bands: {a: 00:00-12:00, b: 12:00-24:00}}]\n"
        let byBand =
            "  - {id: energy, kind: energy, calendar: c, slabs: {rule: chronological, "
            + "steps: [{upTo: 12, perKWh: {a: 2, b: 3}}, {perKWh: {a: 8, b: 9}}]}}\n"
        try expect(["extra": 600, "energy": 12_000], counted + byBand, head: head)
        try expect(["addOns": 600, "energy": 8400], byBand, head: head)
        pack.prices = [AddOnPrice(.band("b"), milliPaisePerKWh: 100_000)]
        try expect(["addOns": 1200, "energy": 2400], byBand, head: head)
        #expect(refusal { try Self.cost(energy, [pack]) }?.what.contains("no one calendar") == true)
        let net = refusal { try Self.cost(energy, [pack], head: "metering: netMetering\n") }
        #expect(net?.what.contains("by the month") == true)
    }

    @Test func declarations() throws {
        let two = "  - {id: a, kind: addOns}\n  - {id: b, kind: addOns}\n"
        #expect(refusal { try tariff(components: two) }?.place == "t.yaml:8")
        #expect(
            refusal { try tariff(components: "  - {id: addOns, kind: levy, perKWh: 1}\n") }?.what.contains("kept")
                == true)
    }
}

@Suite struct ChangesOfPack {
    static func book(_ id: String, _ head: String, _ energy: String) throws -> TariffBook {
        try TariffBook([
            try tariff(
                "format: 1\nid: \(id)\nversion: 1\nname: N\nvalidFrom: 2024-01-01\n" + head
                    + "components:\n  - {id: energy, kind: energy, \(energy)}\n")
        ])
    }

    static let slabs = "slabs: {proration: calendarFraction, steps: [{upTo: 310, perKWh: 1}, {perKWh: 2}]}"

    /// 20 kWh a day, ten days under another tariff of the month: 200 of the 310 kWh of the first slab are used up.
    @Test func positionIsCarriedOrBeginsAnew() throws {
        let march = period("2024-03-01", "2024-03-31")
        let days = even(march, totalWh: 620_000)
        let former = try ReadyBill(try Self.book("A", "", "perKWh: 5"), period: period("2024-03-01", "2024-03-10"))
        var opening = BillState.start
        for load in days[..<10] { opening = try former.price(DayInput(load: load), opening: opening).closing }
        func total(_ head: String, to last: String = "2024-03-31") throws -> Int64 {
            let bill = try ReadyBill(try Self.book("B", head, Self.slabs), period: period("2024-03-11", last))
            var (state, sum) = (opening, Int64(0))
            for load in days[10...] where load.day <= bill.period.last {
                let priced = try bill.price(DayInput(load: load), opening: try BillState(decoding: state.encode()))
                (state, sum) = (priced.closing, sum + priced.totalMinor)
            }
            return sum
        }
        // Begun anew the slab is 210 kWh for 21 days.
        #expect(try total("") == 21_000 + 210 * 200)
        #expect(try total("packChange: carry\n") == 11_000 + 310 * 200)
        // Cut at the 20th the slab is 200 kWh for 20 days, and used up.
        #expect(try total("packChange: carry\n", to: "2024-03-20") == 200 * 200)
        let next = try ReadyBill(
            try Self.book("B", "packChange: carry\n", Self.slabs), period: period("2024-04-01", "2024-04-30"))
        let april = even(next.period, totalWh: 30_000)
        #expect(try next.price(DayInput(load: april[0]), opening: opening).totalMinor == 100)
    }

    @Test func whatLooksAtTheWholeCannotCarry() throws {
        let byTotal = "slabs: {kind: nonTelescopic, steps: [{upTo: 90, perKWh: 1}, {perKWh: 2}]}"
        let error = refusal { try Self.book("B", "packChange: carry\n", byTotal) }
        #expect(error?.place == "t.yaml:8" && error?.what.contains("energy") == true)
    }
}

@Suite struct BytesOfTheInput {
    /// Each thing that an amount depends on changes them; what it does not depend on does not.
    @Test func everythingUsedIsInThem() throws {
        let book = try TariffBook([
            try tariff(components: "  - {id: f, kind: fixed, perKW: 5}\n  - {id: e, kind: energy, perKWh: 5}\n")
        ])
        let march = period("2024-03-01", "2024-03-31")
        let bill = try ReadyBill(book, period: march)
        let days = even(march, totalWh: 62_000)
        var input = DayInput(load: days[1], facts: TariffOfChance.facts())
        let first = bill.inputBytes(input, opening: .start)
        input.facts.usualPowerFactor = 3
        input.addOns = []
        #expect(bill.inputBytes(input, opening: .start) == first)
        var seen: Set<[UInt8]> = [first]
        func changed(_ change: (inout DayInput) -> Void, _ bill: ReadyBill, _ opening: BillState) {
            var input = input
            change(&input)
            #expect(seen.insert(bill.inputBytes(input, opening: opening)).inserted)
        }
        changed({ $0.load.importWh[3] += 1 }, bill, .start)
        changed({ $0.load.slotStartMinutes[3] += 1 }, bill, .start)
        changed({ $0.load.exportWh = $0.load.importWh }, bill, .start)
        changed({ $0.facts.contractedW = 1 }, bill, .start)
        changed({ $0.facts.contractedW = nil }, bill, .start)
        changed({ $0.addOns = [weekend] }, bill, .start)
        changed({ $0.addOns = [weekend, festival] }, bill, .start)
        changed({ _ in }, try ReadyBill(book, period: period("2024-03-01", "2024-03-30")), .start)
        changed({ _ in }, bill, try bill.price(DayInput(load: days[0], facts: input.facts), opening: .start).closing)
        var (one, two) = (input, input)
        one.addOns = [weekend, festival]
        two.addOns = [festival, weekend]
        #expect(bill.inputBytes(one, opening: .start) == bill.inputBytes(two, opening: .start))
    }
}
