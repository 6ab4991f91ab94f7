// What energy to date costs under flat prices, bands and slabs: exact fractions by line. A day's charge is the rounded
// sum after it less the rounded sum before it. Pure; it keeps nothing.
import CivilTime
import Quantities

/// What a quantity is counted in.
public enum BillUnit: String, Sendable {
    case wattHours = "Wh"
    case watts = "W"
    case days
    case minutes
    /// Minor units of money that a percentage is of.
    case minor
}

/// What a rate is a rate of. Money is thousandths of the minor unit.
public enum BillRateUnit: String, Sendable {
    case milliPerKWh, milliPerKW, milliPerMonth, milliPerKWPerMonth, milliPerHour, ppm
}

/// A line to date: how much of what at which rate, and exactly how much money, over the denominator of its component.
struct BillPart {
    var label: String
    var quantity: Int64
    var unit: BillUnit
    var rate: Int64?
    var rateUnit: BillRateUnit?
    var numerator: Int128
}

struct BillParts {
    /// Money is numerator / denominator minor units.
    var denominator: Int128
    var parts: [BillPart] = []

    var minor: Int64 {
        roundedHalfAway(parts.reduce(Int128(0)) { $0 + $1.numerator }, dividedBy: denominator)
    }
    /// Whether it may be rounded: its sum and each part.
    var isWithinLimit: Bool {
        let most = Int128(TariffChargeLimits.minorPerComponent) * denominator
        return parts.allSatisfy { $0.numerator.magnitude <= most.magnitude }
            && parts.reduce(Int128(0)) { $0 + $1.numerator }.magnitude <= most.magnitude
    }
    func minor(_ part: BillPart) -> Int64 { roundedHalfAway(part.numerator, dividedBy: denominator) }
}

/// Slab limits of a bill.
struct ResolvedTable: Equatable {
    var upToTotalWh: Int64
    var limitsWh: [Int64]
    var steps: [SlabStep]
}

extension EnergyCharge {
    func resolved(_ period: BillPeriod, billMonths: Int) -> [ResolvedTable] {
        func limits(_ limits: [Int64?]) -> [Int64] {
            guard kind == .perDay else { return proration.limits(limits, period, billMonths: billMonths) }
            return limits.map { $0.map { $0 * Int64(period.dayCount) } ?? .max }
        }
        let totals = limits(tables.map(\.upToTotalWh))
        return zip(tables, totals).map { table, total in
            ResolvedTable(upToTotalWh: total, limitsWh: limits(table.steps.map(\.upToWh)), steps: table.steps)
        }
    }

    /// Which table, or of a non-telescopic one which step, the total chooses.
    func choice(_ tables: [ResolvedTable], totalWh: Int64) -> Int {
        switch kind {
        case .byTotal: tables.firstIndex { totalWh <= $0.upToTotalWh } ?? tables.count - 1
        case .nonTelescopic: tables[0].limitsWh.firstIndex { totalWh <= $0 } ?? 0
        case .telescopic, .perDay: 0
        }
    }

    /// Energy of each slab that the total reaches.
    private func widths(_ tables: [ResolvedTable], _ totalWh: Int64, choice: Int) -> [Slab] {
        if kind == .nonTelescopic {
            let table = tables[0]
            let from = choice == 0 ? 0 : table.limitsWh[choice - 1]
            return [
                Slab(
                    name: "all, as the total is \(Self.range(from, table.limitsWh[choice]))", wh: totalWh,
                    prices: table.steps[choice].milliPerKWh)
            ]
        }
        let table = tables[choice]
        var found: [Slab] = []
        var from: Int64 = 0
        for (limit, step) in zip(table.limitsWh, table.steps) where totalWh > from {
            let name = table.steps.count == 1 && tables.count == 1 ? "" : Self.range(from, limit)
            found.append(Slab(name: name, wh: min(totalWh, limit) - from, prices: step.milliPerKWh))
            from = limit
        }
        return found
    }

    struct Slab {
        var name: String
        var wh: Int64
        var prices: [Int64]
    }

    static func range(_ from: Int64, _ to: Int64) -> String {
        func kwh(_ wh: Int64) -> String { wh % 1000 == 0 ? "\(wh / 1000)" : kilowattHours(wh: wh, places: 3) }
        return to == .max ? from == 0 ? "any" : "above \(kwh(from)) kWh" : "\(kwh(from))–\(kwh(to)) kWh"
    }

    /// - Parameters:
    ///   - totalWh: what fills the slabs; `addOnWh` of it is charged elsewhere.
    ///   - cells: chronological energy, step by step, in each a value for every band.
    ///   - bandWh: energy of each band.
    func parts(
        _ tables: [ResolvedTable], totalWh: Int64, addOnWh: Int64 = 0, cells: [Int64], bandWh: [Int64],
        choice forced: Int? = nil
    ) -> BillParts {
        let ownWh = totalWh - addOnWh
        guard ownWh > 0 else { return BillParts(denominator: 1_000_000) }
        if pricesBands, rule == .chronological { return cellParts(tables[0], cells) }
        let slabs = widths(tables, totalWh, choice: forced ?? choice(tables, totalWh: totalWh))
        if pricesBands { return proportional(slabs, totalWh, bandWh) }
        let lifts = rule == .uplift && bands.count > 1
        let scale: Int128 = (lifts ? 10_000 : 1) * (lifts || addOnWh != 0 ? Int128(totalWh) : 1)
        let share: Int128 = addOnWh == 0 ? scale : scale / Int128(totalWh) * Int128(ownWh)
        var all = BillParts(denominator: 1_000_000 * scale)
        var micro: Int128 = 0
        for slab in slabs {
            let exact = Int128(slab.wh) * Int128(slab.prices[0])
            micro += exact
            let wh =
                addOnWh == 0 ? slab.wh : roundedHalfAway(Int128(slab.wh) * Int128(ownWh), dividedBy: Int128(totalWh))
            all.parts.append(part(slab.name, wh, slab.prices[0], exact * share))
        }
        guard lifts else { return all }
        for (band, percent) in upliftHundredths.enumerated() where percent != 0 && bandWh[band] != 0 {
            all.parts.append(
                BillPart(
                    label: "\(percent > 0 ? "more" : "less") in \(bands[band])", quantity: bandWh[band],
                    unit: .wattHours, rate: Int64(sign) * percent * 100, rateUnit: .ppm,
                    numerator: Int128(sign) * micro * Int128(percent) * Int128(bandWh[band])))
        }
        return all
    }

    private func part(_ label: String, _ wh: Int64, _ rate: Int64, _ exact: Int128) -> BillPart {
        BillPart(
            label: label, quantity: wh, unit: .wattHours, rate: sign * rate, rateUnit: .milliPerKWh,
            numerator: Int128(sign) * exact)
    }

    private func label(_ slab: String, _ band: Int) -> String {
        slab.isEmpty ? bands[band] : "\(slab), \(bands[band])"
    }

    private func cellParts(_ table: ResolvedTable, _ cells: [Int64]) -> BillParts {
        var all = BillParts(denominator: 1_000_000)
        var from: Int64 = 0
        for (step, limit) in table.limitsWh.enumerated() {
            let name = table.limitsWh.count == 1 ? "" : Self.range(from, limit)
            from = limit
            for band in bands.indices {
                let wh = cells[step * bands.count + band]
                guard wh != 0 else { continue }
                let rate = table.steps[step].milliPerKWh[band]
                all.parts.append(part(label(name, band), wh, rate, Int128(wh) * Int128(rate)))
            }
        }
        return all
    }

    private func proportional(_ slabs: [Slab], _ totalWh: Int64, _ bandWh: [Int64]) -> BillParts {
        var all = BillParts(denominator: 1_000_000 * Int128(totalWh))
        for slab in slabs {
            for band in bands.indices where bandWh[band] != 0 {
                let wh = Int128(slab.wh) * Int128(bandWh[band])
                all.parts.append(
                    part(
                        label(slab.name, band), roundedHalfAway(wh, dividedBy: Int128(totalWh)), slab.prices[band],
                        wh * Int128(slab.prices[band])))
            }
        }
        return all
    }
}
