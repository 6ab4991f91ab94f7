// What a power factor costs: the factor of a bill or of a day from real and apparent energy, or as it was given. Pure.
import CivilTime
import Quantities

extension PowerFactorCharge {
    /// Thousandths, half away from zero, at most 1000; nil where nothing was drawn.
    static func thousandths(wh: Int64, apparentVAh: Int64) -> Int64? {
        guard apparentVAh > 0 else { return nil }
        return min(1000, roundedHalfAway(Int128(wh) * 1000, dividedBy: Int128(apparentVAh)))
    }

    /// What a factor adds: hundredths and tenths of them below or above each limit, up to the next one of its side.
    /// - Parameter factor: in thousandths.
    func ppm(_ factor: Int64) -> Int64 {
        var sum: Int64 = 0
        for step in steps {
            let others = steps.filter { $0.isBelow == step.isBelow }.map(\.hundredths)
            let limit = step.hundredths * 10
            if step.isBelow {
                let end = (others.filter { $0 < step.hundredths }.max() ?? 0) * 10
                sum += max(0, limit - max(factor, end)) * step.ppmPerHundredth
            } else {
                let end = (others.filter { $0 > step.hundredths }.min() ?? 100) * 10
                sum += max(0, min(factor, end) - limit) * step.ppmPerHundredth
            }
        }
        return roundedHalfAway(Int128(sum), dividedBy: 10)
    }
}

extension ComponentView {
    func powerFactor(
        _ charge: PowerFactorCharge, _ run: ComponentRun, _ state: PeriodState
    ) throws(TariffError) -> BillParts {
        let base = state.charged(charge.bases)
        if charge.isDaily {
            return one("power factor of each day", base, .minor, nil, nil, run.micro, Self.micro)
        }
        let factor: Int64
        var label = ""
        if measuresFactor {
            let measured = PowerFactorCharge.thousandths(wh: run.wh, apparentVAh: run.apparentVAh)
            guard let measured else { return BillParts(denominator: Self.micro) }
            factor = measured
            label =
                " (\(kilowattHours(wh: run.wh, places: 3)) kWh of "
                + "\(kilowattHours(wh: run.apparentVAh, places: 3)) kVAh)"
        } else {
            factor = try given()
        }
        let ppm = charge.ppm(factor)
        guard ppm != 0 else { return BillParts(denominator: Self.micro) }
        return one(
            "power factor \(Self.words(factor))\(label)", base, .minor, ppm, .ppm, Int128(base) * Int128(ppm),
            Self.micro)
    }

    /// What the factor of one day adds to what was charged that day.
    func ppm(_ charge: PowerFactorCharge, onDayOf load: TariffLoadDay) throws(TariffError) -> Int64 {
        guard measuresFactor else { return charge.ppm(try given()) }
        let measured = load.measuredForFactor
        return PowerFactorCharge.thousandths(wh: measured.wh, apparentVAh: measured.apparentVAh).map(charge.ppm) ?? 0
    }

    private static func words(_ factor: Int64) -> String {
        factor % 10 == 0 ? fixedPoint(factor / 10, places: 2) : fixedPoint(factor, places: 3)
    }

    /// One for all months of the bill.
    private func given() throws(TariffError) -> Int64 {
        let factors = try period.months.map { (month) throws(TariffError) in
            guard let factor = facts.powerFactor[month] ?? facts.usualPowerFactor else {
                throw TariffError(
                    "a power factor charge", "needs the power factor of \(month), and none is given",
                    remedy: "give --apparent FILE with the kVAh drawn, or --power-factor 0.92, or \(month)=0.92")
            }
            return factor
        }
        guard factors.allSatisfy({ $0 == factors[0] }) else {
            throw TariffError(
                "a power factor charge",
                "the months \(period.first.month) to \(period.last.month) of one bill have not "
                    + "the same power factor", remedy: "give one --power-factor for all of them, or bills of a month")
        }
        return factors[0]
    }
}

/// Over what a power factor is taken.
private enum FactorSpan: String, CaseIterable { case bill, day }

extension ComponentReader {
    mutating func powerFactor() throws(TariffError) -> PowerFactorCharge {
        var steps: [PowerFactorCharge.Step] = []
        for item in try fields.list(try fields.need("steps"), "steps", 1...20) {
            var step = try TariffFields(item, file: fields.file, what: "a step of \(names.ids[index])")
            let below = step.take("below")
            let limit: TariffText
            if let below { limit = below } else { limit = try step.need("above") }
            steps.append(
                .init(
                    isBelow: below != nil,
                    hundredths: try fields.decimal(limit, below == nil ? "above" : "below", places: 2, 1...100),
                    ppmPerHundredth: try ppm(try step.need("percentPerHundredth"), "percentPerHundredth")))
            try step.finish()
        }
        var charge = PowerFactorCharge(steps: steps, bases: try bases())
        if let found = fields.take("over") { charge.isDaily = try fields.word(found, "over", FactorSpan.self) == .day }
        return charge
    }
}

extension TariffLoadDay {
    /// Real and apparent energy of the intervals in which both were measured.
    var measuredForFactor: (wh: Int64, apparentVAh: Int64) {
        zip(importWh, importVAh).reduce((0, 0)) { sum, slot in
            slot.1 < 0 ? sum : (sum.0 + Int64(slot.0), sum.1 + Int64(slot.1))
        }
    }
}

extension Tariff {
    /// Whether it looks at apparent energy.
    public var looksAtApparent: Bool {
        components.contains { if case .powerFactor = $0.charge { true } else { false } }
    }
}
