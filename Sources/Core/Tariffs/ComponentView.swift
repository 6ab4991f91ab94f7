// What a component has cost to date, line by line, as a function of what has come together. Pure; the pricer takes the
// difference of two days.
import CivilTime
import Quantities

struct ComponentView {
    let ready: ReadyTariff
    let facts: AccountFacts
    let period: BillPeriod
    /// Energy in the bank as the bill began.
    let openingBankWh: Int64
    let months: [CivilMonth: AccountCarry.Month]
    /// Whether power factors come from the apparent energy of the load, not from the facts.
    let measuresFactor: Bool

    static let micro: Int128 = 1_000_000

    func parts(_ index: Int, _ state: PeriodState) throws(TariffError) -> BillParts {
        let run = state.runs[index]
        switch ready.tariff.components[index].charge {
        case .energy(let charge):
            return charge.parts(
                ready.tables[index], totalWh: run.slabWh, addOnWh: run.addOnWh, cells: run.cells, bandWh: run.bandWh)
        case .standing(let charge): return try standing(charge, state)
        case .demand(let charge): return try demand(charge, run, state)
        case .excessDemand(let charge): return try excess(charge, run)
        case .powerFactor(let charge): return try powerFactor(charge, run, state)
        case .share(let charge):
            return charge.isOfExact ? try exactShare(charge, state) : share(charge, state)
        case .minimum(let charge): return try minimum(charge, state)
        case .indexed(let charge):
            return one("\(charge.exchange) \(charge.product)", run.wh, .wattHours, nil, nil, run.micro, Self.micro)
        case .criticalPeak(let charge):
            return one("critical peak", run.wh, .wattHours, charge.milliPerKWh, .milliPerKWh, run.micro, Self.micro)
        case .supplySurcharge(let charge): return surcharge(charge, run)
        case .qualityCredit(let charge): return quality(charge, state)
        case .contractBreak(let charge): return try contractBreak(charge, state)
        case .bank(let charge): return bank(charge, state)
        case .rounding(let toMinor): return rounding(toMinor, state)
        case .addOns: return one("add-on packs", run.wh, .wattHours, nil, nil, run.micro, Self.micro)
        }
    }

    /// One line, or none where there is nothing to say.
    func one(
        _ label: String, _ quantity: Int64, _ unit: BillUnit, _ rate: Int64?, _ rateUnit: BillRateUnit?,
        _ numerator: Int128, _ denominator: Int128
    ) -> BillParts {
        guard quantity != 0 || numerator != 0 else { return BillParts(denominator: denominator) }
        return BillParts(
            denominator: denominator,
            parts: [
                BillPart(
                    label: label, quantity: quantity, unit: unit, rate: rate, rateUnit: rateUnit, numerator: numerator)
            ])
    }

    private func contractedW(_ what: String) throws(TariffError) -> Int64 {
        guard let watts = facts.contractedW else {
            throw TariffError(
                what, "needs the contracted load, and none is given", remedy: "give --contracted-load 5kW")
        }
        return watts
    }

    // MARK: Standing

    private func step(_ charge: StandingCharge, totalWh: Int64) throws(TariffError) -> StandingCharge.Step {
        let last = charge.steps[charge.steps.count - 1]
        guard charge.steps.count > 1 else { return last }
        let value = charge.choice == .total ? totalWh : try contractedW("a fixed charge by load")
        return charge.steps.first { $0.upTo.map { value <= $0 } ?? true } ?? last
    }

    /// Of a whole month, in millionths of the minor unit.
    private func monthMicro(
        _ charge: StandingCharge, totalWh: Int64
    ) throws(TariffError) -> (micro: Int128, step: StandingCharge.Step) {
        let step = try step(charge, totalWh: totalWh)
        let connection = Int128(step.milliPerMonth) * 1000
        guard step.milliPerKW != 0 else { return (connection, step) }
        var watts = try contractedW("a fixed charge per kW")
        if charge.roundsUpToKW { watts = (watts + 999) / 1000 * 1000 }
        return (connection + Int128(step.milliPerKW) * Int128(watts), step)
    }

    private func standing(_ charge: StandingCharge, _ state: PeriodState) throws(TariffError) -> BillParts {
        guard state.days > 0 else { return BillParts(denominator: 1) }
        let (micro, step) = try monthMicro(charge, totalWh: state.totalWh)
        let toDate: Share
        switch charge.proration {
        case .calendarFraction, .floorDays:
            toDate = Share(numerator: Int128(state.monthParts), denominator: Int128(BillPeriod.partsPerMonth))
        case .days30: toDate = Share(numerator: Int128(state.days), denominator: 30)
        case .months2dp:
            let share = charge.proration.share(of: period, billMonths: 1)
            toDate = Share(
                numerator: share.numerator * Int128(state.days),
                denominator: share.denominator * Int128(period.dayCount))
        case .none: toDate = Share(numerator: Int128(ready.tariff.billMonths), denominator: 1)
        }
        let isPerKW = step.milliPerKW != 0
        let numerator = micro * toDate.numerator
        let denominator = Self.micro * toDate.denominator
        let days = Int64(state.days)
        guard !isPerKW || step.milliPerMonth == 0 else {
            return one("per connection and kW", days, .days, nil, nil, numerator, denominator)
        }
        return one(
            isPerKW ? "per kW of contracted load" : "per connection", days, .days,
            isPerKW ? step.milliPerKW : step.milliPerMonth, isPerKW ? .milliPerKWPerMonth : .milliPerMonth, numerator,
            denominator)
    }

    // MARK: Demand

    private func demand(
        _ charge: DemandCharge, _ run: ComponentRun, _ state: PeriodState
    ) throws(TariffError) -> BillParts {
        var all = BillParts(denominator: Self.micro)
        guard state.days > 0 else { return all }
        var least: Int64 = 0
        if charge.atLeastPPM > 0 {
            let watts = Int128(try contractedW("a demand charge with a least demand"))
            least = roundedHalfAway(watts * Int128(charge.atLeastPPM), dividedBy: 1_000_000)
        }
        for (band, maximum) in run.maximumW.enumerated() {
            let billed = max(maximum, least)
            let name = charge.bands.count > 1 ? "maximum in \(charge.bands[band])" : "maximum"
            guard billed > 0 else { continue }
            all.parts.append(
                BillPart(
                    label: name, quantity: billed, unit: .watts, rate: charge.milliPerKW[band], rateUnit: .milliPerKW,
                    numerator: Int128(billed) * Int128(charge.milliPerKW[band])))
        }
        return all
    }

    private func excess(_ charge: ExcessDemandCharge, _ run: ComponentRun) throws(TariffError) -> BillParts {
        var all = BillParts(denominator: Self.micro)
        let contracted = try contractedW("an excess demand charge")
        let excess = run.maximumW[0] - contracted
        var from: Int64 = 0
        for step in charge.steps where excess > from {
            let limit = step.upToPPM.map { roundedHalfAway(Int128(contracted) * Int128($0), dividedBy: 1_000_000) }
            let watts = min(excess, limit ?? .max) - from
            let name = step.upToPPM.map { "up to \(ratePercent($0)) % above the contracted load" }
            if watts > 0 {
                all.parts.append(
                    BillPart(
                        label: name ?? "beyond that", quantity: watts, unit: .watts, rate: step.milliPerKW,
                        rateUnit: .milliPerKW, numerator: Int128(watts) * Int128(step.milliPerKW)))
            }
            from = limit ?? .max
        }
        return all
    }

    // MARK: Of other components

    private func share(_ charge: ShareCharge, _ state: PeriodState) -> BillParts {
        var all = BillParts(denominator: 1)
        guard charge.holds(state) else { return all }
        let whole = charge.whole(state)
        let split = charge.split(state)
        guard split.reduce(0, +) == whole else {
            return one("at most", 0, .minor, charge.ppm, .ppm, Int128(whole), 1)
        }
        for (base, minor) in zip(charge.bases, split) {
            all.parts.append(
                BillPart(
                    label: "of \(base.name)", quantity: state.charged(base), unit: .minor, rate: charge.ppm,
                    rateUnit: .ppm, numerator: Int128(minor)))
        }
        return all
    }

    private func exactShare(_ charge: ShareCharge, _ state: PeriodState) throws(TariffError) -> BillParts {
        var exact: Int128 = 0
        for base in charge.bases {
            let parts = try parts(base.component, state)
            precondition(parts.denominator == Self.micro, "an exact share is of energy at a price")
            exact += parts.parts.reduce(Int128(0)) { $0 + $1.numerator }
        }
        return one(
            "of \(charge.bases.map(\.name).joined(separator: ", "))", state.charged(charge.bases), .minor, charge.ppm,
            .ppm, exact * Int128(charge.ppm), Self.micro * Self.micro)
    }

    private func minimum(_ charge: MinimumCharge, _ state: PeriodState) throws(TariffError) -> BillParts {
        guard state.isClosed else { return BillParts(denominator: 1) }
        var micro = Int128(charge.milliPerMonth) * 1000
        if charge.milliPerKW != 0 { micro += Int128(charge.milliPerKW) * Int128(try contractedW("a minimum per kW")) }
        let least = roundedHalfAway(
            micro * Int128(state.monthParts), dividedBy: Self.micro * Int128(BillPeriod.partsPerMonth))
        let lacks = max(0, least - state.charged(charge.bases))
        let isPerKW = charge.milliPerKW != 0
        return one(
            "brings \(charge.bases.map(\.name).joined(separator: ", ")) to the minimum", lacks, .minor,
            isPerKW ? charge.milliPerKW : charge.milliPerMonth, isPerKW ? .milliPerKWPerMonth : .milliPerMonth,
            Int128(lacks), 1)
    }

    private func rounding(_ toMinor: Int64, _ state: PeriodState) -> BillParts {
        guard state.isClosed else { return BillParts(denominator: 1) }
        let rounding = ready.tariff.order[ready.tariff.order.count - 1]
        let total =
            state.retired.values.reduce(0) { $0 + $1.chargedMinor }
            + state.runs.indices.filter { $0 != rounding }.reduce(0) { $0 + state.runs[$1].chargedMinor }
        let rounded = roundedHalfAway(Int128(total), dividedBy: Int128(toMinor)) * toMinor
        return one(
            "to the nearest \(ready.tariff.money(toMinor))", rounded - total, .minor, nil, nil, Int128(rounded - total),
            1)
    }

    // MARK: Months, minutes, contracts

    private func surcharge(_ charge: SupplySurcharge, _ run: ComponentRun) -> BillParts {
        var all = BillParts(denominator: Self.micro)
        for rate in charge.rates {
            guard let day = run.surchargedOn[rate.supplyMonth], let month = months[rate.supplyMonth] else { continue }
            let lapsed = rate.lapses.map { day > $0 } ?? false
            let base = charge.bases.reduce(0) {
                $0 + (month.amountsMinor[ready.tariff.components[$1.component].id] ?? 0)
            }
            let isShare = rate.ppm != 0
            all.parts.append(
                BillPart(
                    label: "supply of \(rate.supplyMonth)\(lapsed ? ", lapsed" : "")",
                    quantity: isShare ? base : month.wh, unit: isShare ? .minor : .wattHours,
                    rate: isShare ? rate.ppm : rate.milliPerKWh, rateUnit: isShare ? .ppm : .milliPerKWh,
                    numerator: lapsed
                        ? 0 : isShare ? Int128(base) * Int128(rate.ppm) : Int128(month.wh) * Int128(rate.milliPerKWh)))
        }
        return all
    }

    private func quality(_ charge: QualityCredit, _ state: PeriodState) -> BillParts {
        let book = charge.measure == .outage ? facts.outageMinutes : facts.voltageMinutes
        var all = BillParts(denominator: 60_000)
        guard state.isClosed else { return all }
        for month in period.months {
            let minutes = max(0, (book[month] ?? 0) - charge.freeMinutes)
            guard minutes > 0 else { continue }
            let credit = Int128(minutes) * Int128(charge.milliPerHour)
            let most = charge.atMostMinor.map { Int128($0) * 60_000 } ?? credit
            let when = period.months.count > 1 ? " in \(month)" : ""
            all.parts.append(
                BillPart(
                    label: "minutes of \(charge.measure.rawValue)\(when)", quantity: minutes, unit: .minutes,
                    rate: -charge.milliPerHour, rateUnit: .milliPerHour, numerator: -min(credit, most)))
        }
        return all
    }

    private func contractBreak(_ charge: ContractBreak, _ state: PeriodState) throws(TariffError) -> BillParts {
        guard state.hasLeft, let leaves = facts.leavesOn else { return BillParts(denominator: 1) }
        guard let end = facts.contractTo else {
            throw TariffError(
                "a contract-break penalty", "needs the end of the contract, and none is given",
                remedy: "give --contract-to DATE")
        }
        guard case .standing(let base) = ready.tariff.components[charge.base].charge else {
            preconditionFailure("the reader takes fixed charges only")
        }
        let days = min(Int64(max(0, leaves.days(to: end))), charge.atMostMonths * 30)
        let micro = try monthMicro(base, totalWh: state.totalWh).micro
        return one(
            "left \(days) days early", days, .days, charge.ppm, .ppm, micro * Int128(charge.ppm) * Int128(days),
            Self.micro * Self.micro * 30)
    }

    private func bank(_ charge: BankSettlement, _ state: PeriodState) -> BillParts {
        let left = max(0, openingBankWh - state.netWh)
        guard state.isClosed, charge.settles(period) else { return BillParts(denominator: Self.micro) }
        return one(
            "surplus of the year", left, .wattHours, -charge.milliPerKWh, .milliPerKWh,
            -Int128(left) * Int128(charge.milliPerKWh), Self.micro)
    }

    // MARK: Beside the amounts

    /// What the day's passing into another table costs for the energy before it.
    func jump(_ index: Int, _ before: PeriodState, _ after: PeriodState) -> Int64 {
        guard case .energy(let charge) = ready.tariff.components[index].charge,
            charge.kind == .byTotal || charge.kind == .nonTelescopic
        else { return 0 }
        let tables = ready.tables[index]
        let run = before.runs[index]
        let choice = charge.choice(tables, totalWh: after.runs[index].slabWh)
        guard choice != charge.choice(tables, totalWh: run.slabWh) else { return 0 }
        func minor(_ choice: Int?) -> Int64 {
            charge.parts(
                tables, totalWh: run.slabWh, addOnWh: run.addOnWh, cells: run.cells, bandWh: run.bandWh, choice: choice
            ).minor
        }
        return minor(choice) - minor(nil)
    }

    func notes(_ state: PeriodState) -> [String] {
        zip(ready.tariff.components, state.runs).flatMap { component, run -> [String] in
            switch component.charge {
            case .supplySurcharge(let charge):
                return charge.rates.compactMap { rate in
                    guard let day = run.surchargedOn[rate.supplyMonth] else { return nil }
                    if let lapses = rate.lapses, day > lapses {
                        return "\(component.id): the surcharge for \(rate.supplyMonth) lapsed on \(lapses)"
                    }
                    let days = months[rate.supplyMonth]?.days ?? 0
                    return days < rate.supplyMonth.dayCount
                        ? "\(component.id): the load has \(days) days of the month of supply \(rate.supplyMonth)"
                        : nil
                }
            case .qualityCredit(let charge):
                let book = charge.measure == .outage ? facts.outageMinutes : facts.voltageMinutes
                return period.months.filter { book[$0] == nil }.map {
                    "\(component.id): no \(charge.measure.rawValue) minutes are given for \($0)"
                }
            default: return []
            }
        }
    }
}

extension ShareCharge {
    func holds(_ state: PeriodState) -> Bool { whenTotalUpToWh.map { state.totalWh <= $0 } ?? true }

    func whole(_ state: PeriodState) -> Int64 {
        guard holds(state) else { return 0 }
        let whole = roundedHalfAway(Int128(state.charged(bases)) * Int128(ppm), dividedBy: 1_000_000)
        return atMostMinor.map { min(max(whole, -$0), $0) } ?? whole
    }

    /// Rounded one by one, the last with what is left of the whole.
    func split(_ state: PeriodState) -> [Int64] {
        guard holds(state) else { return bases.map { _ in 0 } }
        var parts = bases.map { roundedHalfAway(Int128(state.charged($0)) * Int128(ppm), dividedBy: 1_000_000) }
        let whole = roundedHalfAway(Int128(state.charged(bases)) * Int128(ppm), dividedBy: 1_000_000)
        parts[parts.count - 1] += whole - parts.reduce(0, +)
        return parts
    }
}

/// `20.69` of 206,900 ppm.
func ratePercent(_ ppm: Int64) -> String { trimmedPoint(ppm, places: 4) }

/// A fixed-point number without zeros at its end.
func trimmedPoint(_ value: Int64, places: Int) -> String {
    var text = fixedPoint(value, places: places)
    guard places > 0 else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
}
