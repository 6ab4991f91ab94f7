// A day's slots as components see them: drawn and fed-in energy after netting, bands, loads of windows, market prices.
import CivilTime
import Quantities

struct MeteredDay {
    let load: TariffLoadDay
    private let drawn: [Int64]
    private let fedIn: [Int64]
    private let generation: [Int64]
    /// Import less export under net metering, else 0.
    let netWh: Int64

    init(_ load: TariffLoadDay, metering: Metering) throws(TariffError) {
        let count = load.slotStartMinutes.count
        guard load.periodS > 0, load.periodS % 60 == 0, 3600 % load.periodS == 0 else {
            throw TariffError(
                load.day.description, "intervals of \(load.periodS) s", remedy: "give minutes that divide an hour")
        }
        guard count <= 1500, load.slotStartMinutes.allSatisfy((0..<minutesPerDay).contains) else {
            throw TariffError(
                load.day.description, "\(count) intervals, or one that begins outside the day",
                remedy: "give the wall-clock minute, 0 to 1439, of each interval of one day")
        }
        for values in [load.importWh, load.exportWh, load.generationWh, load.importVAh] where !values.isEmpty {
            guard values.count == count else {
                throw TariffError(
                    load.day.description, "\(values.count) values for \(count) intervals",
                    remedy: "give all files the same intervals")
            }
            if values != load.importVAh, let slot = values.firstIndex(where: { $0 < 0 }) {
                throw TariffError(
                    load.day.description, "\(values[slot]) Wh at \(clock(load.slotStartMinutes[slot])), below zero",
                    remedy: "give what is fed in as a file of its own (--export)")
            }
        }
        self.load = load
        let imported = load.importWh.map(Int64.init)
        let exported = load.exportWh.isEmpty ? imported.map { _ in 0 } : load.exportWh.map(Int64.init)
        generation = load.generationWh.map(Int64.init)
        let nets = metering == .netMetering || metering == .netBilling
        drawn = nets ? zip(imported, exported).map { max(0, $0 - $1) } : imported
        fedIn = nets ? zip(imported, exported).map { max(0, $1 - $0) } : exported
        netWh = metering == .netMetering ? imported.reduce(0, +) - exported.reduce(0, +) : 0
    }

    /// Of `consumption` an interval may be below zero, when meters differ in time; only the total is kept from it.
    func values(_ quantity: MeteredQuantity) throws(TariffError) -> [Int64] {
        switch quantity {
        case .drawn: return drawn
        case .fedIn: return fedIn
        case .generation, .consumption:
            guard !generation.isEmpty else {
                throw TariffError(
                    load.day.description, "the tariff charges \(quantity.rawValue) and no generation is given",
                    remedy: "give --generation FILE")
            }
            return quantity == .generation
                ? generation
                : drawn.indices.map { generation[$0] - load.exportWh(at: $0) + Int64(load.importWh[$0]) }
        }
    }

    func total(_ quantity: MeteredQuantity) -> Int64 {
        switch quantity {
        case .drawn: drawn.reduce(0, +)
        case .fedIn: fedIn.reduce(0, +)
        case .generation, .consumption: generation.reduce(0, +)
        }
    }

    func bands(_ calendar: DatedCalendar) throws(TariffError) -> [Int] {
        try calendar.bands(
            on: load.day, slotStartMinutes: load.slotStartMinutes, slotMinutes: load.periodS / 60)
    }

    /// Raises the largest average load of each band, in W, by the windows of this day.
    func raise(_ maximumW: inout [Int64], _ windowMinutes: Int?, _ bands: [Int]?) throws(TariffError) {
        let windowS = (windowMinutes ?? load.periodS / 60) * 60
        guard windowS % load.periodS == 0, drawn.count % (windowS / load.periodS) == 0 else {
            throw TariffError(
                load.day.description, "demand windows of \(windowS / 60) minutes over intervals of \(load.periodS) s",
                remedy: "give a load of intervals that divide the window")
        }
        let width = windowS / load.periodS
        for start in stride(from: 0, to: drawn.count, by: width) {
            let band = bands?[start] ?? 0
            if let bands, bands[start..<start + width].contains(where: { $0 != band }) {
                throw TariffError(
                    load.day.description,
                    "a band changes inside the demand window from \(clock(load.slotStartMinutes[start]))",
                    remedy: "let bands end where windows end")
            }
            let wh = drawn[start..<start + width].reduce(0, +)
            maximumW[band] = max(maximumW[band], wh * Int64(3600 / windowS))
        }
    }

    /// - Parameter taken: what add-on packs took, slot by slot; nil is nothing.
    func addIndexed(
        _ charge: IndexedCharge, _ prices: MarketPrices?, _ run: inout ComponentRun, without taken: [Int64]?
    ) throws(TariffError) {
        guard let prices else {
            throw TariffError(
                load.day.description, "the tariff follows \(charge.exchange) \(charge.product) and no prices are given",
                remedy: "give --prices FILE")
        }
        let slotMinutes = 24 * 60 / MarketPrices.slotsPerDay
        let values = try values(charge.quantity)
        let sign: Int128 = charge.quantity == .fedIn ? -1 : 1
        for (slot, value) in values.enumerated() {
            let minute = load.slotStartMinutes[slot]
            let first = minute / slotMinutes
            let last = (minute + load.periodS / 60 - 1) / slotMinutes
            let found = (first...min(last, MarketPrices.slotsPerDay - 1)).map {
                prices.price(exchange: charge.exchange, product: charge.product, day: load.day, slot: $0)
            }
            guard let market = found[0], found.allSatisfy({ $0 == market }) else {
                throw TariffError(
                    load.day.description,
                    found.contains(nil)
                        ? "no price of \(charge.exchange) \(charge.product) at \(clock(minute))"
                        : "the market price changes inside the interval from \(clock(minute))",
                    remedy: "give prices of all quarters of an hour, and a load of 15 minutes or less")
            }
            let value = value - (charge.quantity == .drawn ? taken?[slot] ?? 0 : 0)
            run.wh += value
            run.micro += sign * Int128(value) * Int128(charge.milliPerKWh(market))
        }
    }

    func addCritical(
        _ charge: CriticalPeakCharge, _ run: inout ComponentRun, without taken: [Int64]?
    ) throws(TariffError) {
        guard charge.days.contains(load.day) else { return }
        for (slot, value) in drawn.enumerated() {
            let start = load.slotStartMinutes[slot]
            let end = start + load.periodS / 60
            for range in charge.hours where start < range.toMinute && end > range.fromMinute {
                guard start >= range.fromMinute, end <= range.toMinute else {
                    throw TariffError(
                        load.day.description, "critical hours begin or end inside the interval from \(clock(start))",
                        remedy: "give a load of shorter intervals")
                }
                let value = value - (taken?[slot] ?? 0)
                run.wh += value
                run.micro += Int128(value) * Int128(charge.milliPerKWh)
                break
            }
        }
    }
}

extension TariffLoadDay {
    fileprivate func exportWh(at slot: Int) -> Int64 { exportWh.isEmpty ? 0 : Int64(exportWh[slot]) }
}

extension IndexedCharge {
    /// The share of a market price with what comes on top, kept between floor and cap; to the thousandth.
    func milliPerKWh(_ market: Int64) -> Int64 {
        let share = roundedHalfAway(Int128(market) * Int128(sharePPM), dividedBy: 1_000_000) + adderMilliPerKWh
        return min(max(share, floorMilliPerKWh ?? .min), capMilliPerKWh ?? .max)
    }
}
