// Bulk pricing of meter-days: the Busbar side of `rating.price_numpy` and `rating.price_duckdb`, on one thread. Loads,
// tariffs and opening states are those of price_numpy.py; all sides print the same sums. No part of the product.
import CivilTime
import Tariffs

enum PriceDay {
    static let tariffCount = 16
    static let slots = 96

    /// Four slabs by three bands, spread over the bands as the month's energy is; fixed charge; duty on energy.
    static func bill(_ number: Int) throws -> ReadyBill {
        func price(_ slab: Int, _ band: Int) -> String {
            let milli =
                [305, 695, 990, 1150][slab] * [100, 80, 120][band] * 10 + number * 1000 + slab * 137 + band * 11
            let fraction = String(milli % 100_000)
            return "\(milli / 100_000).\(String(repeating: "0", count: 5 - fraction.count))\(fraction)"
        }
        let limits = [100 + 2 * number, 300 + 2 * number, 500 + 2 * number]
        let steps = (0..<4).map { slab in
            "{\(slab < 3 ? "upTo: \(limits[slab]), " : "")perKWh: "
                + "{normal: \(price(slab, 0)), solar: \(price(slab, 1)), peak: \(price(slab, 2))}}"
        }
        let list = steps.joined(separator: ", ")
        let text = """
            format: 1
            id: BENCH-\(number)
            version: 1
            name: Bench
            validFrom: 2026-01-01
            calendars:
              tod: [{bands: {normal: [00:00-09:00, 17:00-18:00, 22:00-24:00], solar: 09:00-17:00, peak: 18:00-22:00}}]
            components:
              - {id: energy, kind: energy, calendar: tod, slabs: {rule: proportional, steps: [\(list)]}}
              - {id: fixed, kind: fixed, perMonth: \(100 + number)}
              - {id: duty, kind: duty, percent: 5, of: [energy]}

            """
        let tariff = try TariffReader.read(Array(text.utf8), file: "bench.yaml")
        let month = CivilMonth(year: 2026, month: 1)
        return try ReadyBill(try TariffBook([tariff]), period: BillPeriod(first: month.first, last: month.last))
    }

    /// Energy of the month to date in a slot of each band, as if one day had used it.
    private static func before(_ meter: Int, into values: inout [Int32]) {
        let at = meter * slots
        for slot in at..<at + slots { values[slot] = 0 }
        values[at] = Int32(meter * 40_503 % 300_000)
        values[at + 36] = Int32(meter * 30_011 % 200_000)
        values[at + 72] = Int32(meter * 20_021 % 100_000)
    }

    private static func day(_ number: Int, _ bills: [ReadyBill]) throws -> DayBatch {
        guard let day = CivilDay(year: 2026, month: 1, day: number) else { throw BenchError("no such day") }
        var batch = DayBatch(day: day, periodS: 900)
        for bill in bills {
            guard try batch.add(bill) != nil else { throw BenchError("a tariff is not plain") }
        }
        return batch
    }

    /// Prices `meterDays` loads `runs` times; the result is a line of JSON with the core seconds of each run.
    static func run(meterDays: Int, runs: Int) throws -> String {
        let bills = try (0..<tariffCount).map(bill)
        let plans = (0..<meterDays).map { Int32((($0 * 40_503) >> 4) % tariffCount) }
        let watts = [Int64](repeating: -1, count: meterDays)
        var values = [Int32](repeating: 0, count: meterDays * slots)
        for meter in 0..<meterDays { before(meter, into: &values) }
        var batch = try day(16, bills)
        var fresh: [Int64] = []
        fresh.reserveCapacity(meterDays * batch.stateCount)
        let starts = try (0..<tariffCount).map { plan in
            guard let words = batch.words(.start, plan: plan) else { throw BenchError("no state") }
            return words
        }
        for plan in plans { fresh += starts[Int(plan)] }
        var amounts = [Int64](repeating: 0, count: meterDays * batch.amountCount)
        var openings = [Int64](repeating: 0, count: fresh.count)
        var left = batch.price(
            valuesWh: values, plans: plans, contractedW: watts, openings: fresh, closings: &openings,
            amountsMinor: &amounts)
        fresh = []
        for index in values.indices {
            values[index] = Int32(((UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ 12_345) >> 16) % 390 + 10)
        }
        batch = try day(17, bills)
        var closings = openings
        var seconds: [String] = []
        // The first run is not counted: it touches all memory for the first time, on all sides.
        for run in 0...runs {
            let meter = Stopwatch()
            left += batch.price(
                valuesWh: values, plans: plans, contractedW: watts, openings: openings, closings: &closings,
                amountsMinor: &amounts)
            if run > 0 { seconds.append("\(meter.used().coreS)") }
        }
        guard left.isEmpty else { throw BenchError("\(left.count) accounts were left out") }
        let names = batch.components(plan: 0).map(\.id)
        let sums = ["energy", "fixed", "duty"].compactMap(names.firstIndex(of:)).map { place in
            stride(from: place, to: amounts.count, by: batch.amountCount).reduce(Int64(0)) { $0 + amounts[$1] }
        }
        let one = try oneByOne(bills, plans: plans, values: values, count: min(meterDays, 100_000))
        return #"{"meter_days": \#(meterDays), "minor": \#(sums), "seconds": [\#(seconds.joined(separator: ", "))], "#
            + #""one_by_one": \#(one)}"#
    }

    /// Accounts a core-second through `price`, the first day of the month for each.
    private static func oneByOne(
        _ bills: [ReadyBill], plans: [Int32], values: [Int32], count: Int
    ) throws -> Int {
        guard let day = CivilDay(year: 2026, month: 1, day: 16), let next = CivilDay(year: 2026, month: 1, day: 17)
        else { throw BenchError("no such day") }
        let starts = (0..<slots).map { $0 * 15 }
        let loads = (0..<count).map { account in
            TariffLoadDay(
                day: next, slotStartMinutes: starts, periodS: 900,
                importWh: Array(values[account * slots..<(account + 1) * slots]))
        }
        let states = try (0..<count).map { account in
            var load = loads[account]
            load.day = day
            return try bills[Int(plans[account])].price(DayInput(load: load), opening: .start).closing
        }
        var total: Int64 = 0
        let meter = Stopwatch()
        for account in 0..<count {
            let input = DayInput(load: loads[account])
            total += try bills[Int(plans[account])].price(input, opening: states[account]).totalMinor
        }
        guard total > 0 else { throw BenchError("nothing was priced") }
        return Int(Double(count) / meter.used().coreS)
    }
}
