// What the tests of tariffs share: texts, loads of a given energy, the examples of the house.
import CivilTime
import Foundation
import Testing

@testable import Tariffs

func tariff(_ text: String) throws -> Tariff { try TariffReader.read(Array(text.utf8), file: "t.yaml") }

/// A tariff of these components with the usual head.
func tariff(head: String = "", components: String) throws -> Tariff {
    try tariff(
        "format: 1\nid: T\nversion: 7\nname: Test\nvalidFrom: 2018-01-01\n" + head + "components:\n" + components)
}

func example(_ name: String) throws -> Tariff {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../examples/tariffs/\(name).yaml").standardizedFileURL.path
    let data = try #require(FileManager.default.contents(atPath: path), "\(path) is missing")
    return try TariffReader.read(Array(data), file: "\(name).yaml")
}

func period(_ first: String, _ last: String) -> BillPeriod { BillPeriod(first: day(first), last: day(last)) }

/// Loads of a period that sum to so many Wh, as even as whole Wh allow.
func even(_ period: BillPeriod, totalWh: Int, perHour: Int = 1) -> [TariffLoadDay] {
    let slots = period.dayCount * 24 * perHour
    return loads(period, perHour: perHour) { slot in
        Int32(totalWh * (slot + 1) / slots - totalWh * slot / slots)
    }
}

/// Loads by a function of the slot since the period began.
func loads(_ period: BillPeriod, perHour: Int = 1, _ wh: (Int) -> Int32) -> [TariffLoadDay] {
    let count = 24 * perHour
    return (0..<period.dayCount).map { index in
        TariffLoadDay(
            day: period.first.advanced(by: index), slotStartMinutes: (0..<count).map { $0 * 60 / perHour },
            periodS: 3600 / perHour, importWh: (0..<count).map { wh(index * count + $0) })
    }
}

extension Tariff {
    func bill(
        _ loads: [TariffLoadDay], _ period: BillPeriod, _ facts: AccountFacts = AccountFacts(),
        prices: MarketPrices? = nil
    ) throws -> AccountBill {
        let bill = try #require(
            try TariffBook([self]).price(loads, periods: [period], facts: facts, prices: prices).first)
        expectSums(bill)
        return bill
    }
}

/// Lines sum to components, components and days to the bill.
func expectSums(_ bill: AccountBill, _ place: SourceLocation = #_sourceLocation) {
    #expect(bill.totalMinor == bill.components.reduce(0) { $0 + $1.amountMinor }, sourceLocation: place)
    #expect(bill.totalMinor == bill.days.reduce(0) { $0 + $1.totalMinor }, sourceLocation: place)
    for component in bill.components {
        #expect(component.amountMinor == component.lines.reduce(0) { $0 + $1.amountMinor }, sourceLocation: place)
        let byDay = bill.days.reduce(0) { $0 + ($1.amountsMinor[component.id] ?? 0) }
        #expect(component.amountMinor == byDay, sourceLocation: place)
    }
}

extension AccountBill {
    func minor(_ id: String) -> Int64? { components.first { $0.id == id }?.amountMinor }
    func lines(_ id: String) -> [BillLine] { components.first { $0.id == id }?.lines ?? [] }
}

// MARK: packs of the simple form

func day(_ text: String) -> CivilDay { CivilDay(text)! }

func minutes(_ count: Int = 96) -> [Int] { (0..<count).map { $0 * 1440 / count } }

/// A reproducible load: splitmix64, 0...599 Wh a slot.
func load(_ seed: UInt64, slots: Int = 96) -> [Int32] {
    var state = seed
    return (0..<slots).map { _ in
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int32((z ^ (z >> 31)) % 600)
    }
}

func quarters(_ names: [String]) -> TOUCalendar {
    TOUCalendar(
        bands: names.enumerated().map {
            TOUBand(name: $1, ranges: [MinuteRange(fromMinute: $0 * 360, toMinute: ($0 + 1) * 360)])
        })
}

let fourBandBase = BasePack(
    id: "UP0001", version: 3, name: "Universal", calendar: quarters(["T1", "T2", "T3", "T4"]),
    milliPaisePerKWh: ["T1": 500_000, "T2": 500_000, "T3": 500_000, "T4": 450_000])
let weekend = AddOnPack(
    id: "WEEKEND", version: 1, name: "Weekend", weekdays: [6, 7],
    prices: [
        AddOnPrice(.band("T1"), milliPaisePerKWh: 300_000), AddOnPrice(.band("T3"), milliPaisePerKWh: 300_000),
    ])
let festival = AddOnPack(
    id: "FESTIVAL", version: 2, name: "Festival", from: day("2021-11-07"), to: day("2021-11-07"),
    prices: [
        AddOnPrice(.band("T4"), milliPaisePerKWh: 150_000), AddOnPrice(.band("T1"), milliPaisePerKWh: 200_000),
    ])

/// A base pack and add-ons over a calendar month.
struct PackMonth {
    let bill: ReadyBill
    let addOns: [AddOnPack]
    private var facts = AccountFacts()

    init(_ base: BasePack, _ month: CivilMonth, _ addOns: [AddOnPack] = [], contractedW: Int64 = 1000) throws {
        bill = try ReadyBill(
            TariffBook([Tariff(base, validFrom: month.first)]),
            period: BillPeriod(first: month.first, last: month.last))
        self.addOns = addOns
        facts.contractedW = contractedW
    }

    func input(_ day: CivilDay, _ valuesWh: [Int32], starts: [Int]? = nil, periodS: Int = 900) -> DayInput {
        DayInput(
            load: TariffLoadDay(
                day: day, slotStartMinutes: starts ?? minutes(86_400 / periodS), periodS: periodS, importWh: valuesWh),
            addOns: addOns, facts: facts)
    }
}
