// Bulk pricing of meter-days: the Busbar side of `rating.price_numpy`, on one thread. The loads, prices and opening
// states are those of price_numpy.py; both print the same sums. No part of the product.
import CivilTime
import Tariffs

enum PriceDay {
    static let dutyPPM: Int64 = 50_000

    static func plan() throws -> PricePlan {
        func range(_ from: Int, _ to: Int) -> MinuteRange { MinuteRange(fromMinute: from * 60, toMinute: to * 60) }
        let calendar = TOUCalendar(bands: [
            TOUBand(name: "normal", ranges: [range(0, 9), range(17, 18), range(22, 24)]),
            TOUBand(name: "solar", ranges: [range(9, 17)]), TOUBand(name: "peak", ranges: [range(18, 22)]),
        ])
        let base = BasePack(
            id: "BENCH", version: 1, name: "Bench", calendar: calendar,
            milliPaisePerKWh: ["normal": 600_000, "solar": 480_000, "peak": 720_000], fixedPaisePerMonth: 11_000,
            fixedPaisePerKWPerMonth: 4000, dutyPPM: dutyPPM)
        return try PricePlan(base: base, sanctionedW: 3000)
    }

    static func loads(_ meterDays: Int) -> [Int32] {
        (0..<meterDays * 96).map { index in
            Int32(((UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ 12_345) >> 16) % 390 + 10)
        }
    }

    static func openings(_ meterDays: Int) -> [MonthState] {
        (0..<meterDays).map { meter in
            let wh = Int64(meter) * 40_503 % 600_000
            let energy = Int128(wh) * 613_577
            return MonthState(
                baseEnergyWh: wh, addOnEnergyWh: 0, baseEnergyMicroPaise: energy, addOnEnergyMicroPaise: 0,
                fixedMicroPaise: 23_000_000_000 * 16 / 31, dutyPicoPaise: energy * Int128(dutyPPM))
        }
    }

    /// Prices `meterDays` loads `runs` times; the result is a line of JSON with the core seconds of each run.
    static func run(meterDays: Int, runs: Int) throws -> String {
        guard let day = CivilDay(year: 2026, month: 1, day: 17) else { throw BenchError("no such day") }
        let schedule = try DaySchedule(
            plan: plan(), day: day, slotStartMinutes: (0..<96).map { $0 * 15 }, periodS: 900)
        let values = loads(meterDays)
        let states = openings(meterDays)
        var charges: [DayCharge] = []
        // The first run is not counted: it touches all memory for the first time, on both sides.
        try schedule.priceMany(values, openings: states, into: &charges)
        var seconds: [String] = []
        for _ in 0..<runs {
            let meter = Stopwatch()
            try schedule.priceMany(values, openings: states, into: &charges)
            seconds.append("\(meter.used().coreS)")
        }
        let total = charges.reduce(Int64(0)) { $0 + $1.totalPaise }
        var closing = [Int128](repeating: 0, count: 4)
        for charge in charges {
            closing[0] += Int128(charge.closing.baseEnergyWh) % 1_000_003
            closing[1] += charge.closing.baseEnergyMicroPaise % 1_000_003
            closing[2] += charge.closing.fixedMicroPaise % 1_000_003
            closing[3] += charge.closing.dutyPicoPaise % 1_000_003
        }
        let remainders = closing.map(String.init).joined(separator: ", ")
        return #"{"meter_days": \#(meterDays), "total_paise": \#(total), "closing": [\#(remainders)], "#
            + #""seconds": [\#(seconds.joined(separator: ", "))]}"#
    }
}
