// Prices the days of a bill one after the other. What a component has cost to date is a function of what has come
// together; a day costs the rounded value after it less the rounded value before it, so that the days sum to the bill.
import CivilTime
import Quantities

/// A bill while it grows.
struct PeriodPricer {
    let facts: AccountFacts
    let period: BillPeriod
    let prices: MarketPrices?
    /// Energy in the bank as the bill began.
    let openingBankWh: Int64
    private let tariffs: [Tariff]
    private var ready: ReadyTariff
    private var state = PeriodState()
    private(set) var carry: AccountCarry
    private var days: [BillDay] = []
    private var lines: [String: [BillLine]] = [:]
    /// Components in order of first appearance, with what each has charged.
    private var components: [BillComponent] = []
    private var notes: [String] = []

    /// - Parameter tariffs: versions, as `TariffBook` has checked them.
    init(
        _ tariffs: [Tariff], facts: AccountFacts, period: BillPeriod, prices: MarketPrices?, carry: AccountCarry
    ) throws(TariffError) {
        guard let first = tariffs.first(where: { $0.holds(on: period.first) }) else {
            throw Self.holdsNone(tariffs, on: period.first)
        }
        self.tariffs = tariffs
        self.facts = facts
        self.period = period
        self.prices = prices
        self.carry = carry
        openingBankWh = carry.bankWh
        ready = ReadyTariff(first, period)
        try first.check(period)
        state.runs = first.components.indices.map { ready.start($0) }
        enter(first)
    }

    private mutating func enter(_ tariff: Tariff) {
        for component in tariff.components where !components.contains(where: { $0.id == component.id }) {
            components.append(
                BillComponent(
                    id: component.id, label: component.label, kind: component.kind, amountMinor: 0, lines: []))
        }
    }

    /// Goes over to the version of a day. Slab positions, maxima and what was charged stay; a component whose days
    /// would then no longer sum to the bill is refused.
    private mutating func change(to tariff: Tariff, on day: CivilDay) throws(TariffError) {
        if let id = ready.tariff.notExact(before: tariff) {
            throw TariffError(
                day.description,
                "\(tariff.id) version \(tariff.version) begins within a bill, and \(id) is not the same in both "
                    + "versions and not by day or unit alone",
                remedy: "end the bill before that day (--to) and begin another with it (--from)")
        }
        try tariff.check(period)
        let old = ready.tariff
        state.retired.merge(zip(old.components.map(\.id), state.runs)) { $1 }
        ready = ReadyTariff(tariff, period)
        state.runs = tariff.components.indices.map { index in
            let id = tariff.components[index].id
            return ready.start(
                index, from: state.retired.removeValue(forKey: id) ?? .init(), bands: old.demandBands(id))
        }
        enter(tariff)
    }

    private static func holdsNone(_ tariffs: [Tariff], on day: CivilDay) -> TariffError {
        let spans = tariffs.map { "from \($0.validFrom)" + ($0.validTo.map { " to \($0)" } ?? "") }
        return TariffError(
            day.description, "no tariff holds on this day; those given hold \(spans.joined(separator: ", "))",
            remedy: "give its version too, or price the days on which they hold")
    }

    // MARK: A day

    /// Days come in order and without a gap.
    mutating func add(_ load: TariffLoadDay) throws(TariffError) {
        precondition(load.day == period.first.advanced(by: state.days), "days come one after the other")
        guard let tariff = tariffs.first(where: { $0.holds(on: load.day) }) else {
            throw Self.holdsNone(tariffs, on: load.day)
        }
        if tariff != ready.tariff { try change(to: tariff, on: load.day) }
        let before = state
        let slots = try MeteredDay(load, metering: tariff.metering)
        try take(slots)
        state.days += 1
        state.monthParts += BillPeriod.parts(of: load.day)
        state.isClosed = load.day == period.last
        state.hasLeft = facts.leavesOn.map { period.first <= $0 && $0 <= load.day } ?? false
        beginSurcharges(load.day)
        carry.months[load.day.month, default: .init()].days += 1
        carry.months[load.day.month, default: .init()].wh += state.totalWh - before.totalWh
        var day = BillDay(
            day: load.day, version: tariff.version, importWh: slots.total(.drawn), exportWh: slots.total(.fedIn),
            totalMinor: 0, amountsMinor: [:], jumpsMinor: [:])
        for index in tariff.order { try charge(index, before, &day) }
        days.append(day)
    }

    /// A surcharge falls due on the first priced day of its month that the version holds on.
    private mutating func beginSurcharges(_ day: CivilDay) {
        for (index, component) in ready.tariff.components.enumerated() {
            guard case .supplySurcharge(let charge) = component.charge else { continue }
            for rate in charge.rates where rate.chargeMonth == day.month {
                guard carry.surcharged[component.id, default: []].insert(rate.supplyMonth).inserted else { continue }
                state.runs[index].surchargedOn[rate.supplyMonth] = day
            }
        }
    }

    private mutating func charge(_ index: Int, _ before: PeriodState, _ day: inout BillDay) throws(TariffError) {
        let component = ready.tariff.components[index]
        let view = ComponentView(self, ready)
        let then = try view.parts(index, before)
        let now = try view.parts(index, state)
        guard now.isWithinLimit, then.isWithinLimit else {
            throw TariffError(
                day.day.description,
                "\(component.id) comes to more than "
                    + "\(ready.tariff.money(TariffChargeLimits.minorPerComponent)) in a bill",
                remedy: "check its prices and percents, and the unit of the load")
        }
        let amount = now.minor - then.minor
        state.runs[index].chargedMinor += amount
        if case .share(let charge) = component.charge {
            let (old, new) = (charge.split(before), charge.split(state))
            for part in new.indices { state.runs[index].partsMinor[part] += new[part] - old[part] }
        }
        for part in now.parts { add(part, now.minor(part), +1, component.id) }
        for part in then.parts { add(part, then.minor(part), -1, component.id) }
        guard amount != 0 else { return }
        day.amountsMinor[component.id] = amount
        day.totalMinor += amount
        carry.months[day.day.month, default: .init()].amountsMinor[component.id, default: 0] += amount
        let jump = view.jump(index, before, state)
        if jump != 0 { day.jumpsMinor[component.id] = jump }
    }

    /// Adds a line to date, or with −1 takes one away.
    private mutating func add(_ part: BillPart, _ minor: Int64, _ sign: Int64, _ id: String) {
        let version = ready.tariff.version
        let found = lines[id, default: []].firstIndex {
            $0.label == part.label && $0.rate == part.rate && $0.version == version && $0.unit == part.unit
        }
        guard let found else {
            lines[id, default: []].append(
                BillLine(
                    label: part.label, quantity: sign * part.quantity, unit: part.unit, rate: part.rate,
                    rateUnit: part.rateUnit, amountMinor: sign * minor, version: version))
            return
        }
        lines[id]?[found].quantity += sign * part.quantity
        lines[id]?[found].amountMinor += sign * minor
    }

    // MARK: Energy of a day

    private mutating func take(_ slots: MeteredDay) throws(TariffError) {
        state.importWh += slots.total(.drawn)
        state.exportWh += slots.total(.fedIn)
        state.generationWh += slots.total(.generation)
        state.netWh += slots.netWh
        state.totalWh =
            ready.tariff.metering == .netMetering ? max(0, state.netWh - openingBankWh) : state.importWh
        guard max(state.importWh, state.exportWh, state.generationWh) <= TariffChargeLimits.whPerBill else {
            throw TariffError(
                slots.load.day.description, "more than \(TariffChargeLimits.whPerBill / 1_000_000_000) GWh in a bill",
                remedy: "check the unit of the load")
        }
        for index in ready.tariff.components.indices {
            let calendar = ready.calendars[index]
            switch ready.tariff.components[index].charge {
            case .energy(let charge):
                let values = try slots.values(charge.quantity)
                if ready.tariff.metering == .netMetering, charge.quantity == .drawn {
                    state.runs[index].wh = state.totalWh
                } else {
                    let bands = try calendar.map { (calendar) throws(TariffError) in try slots.bands(calendar) }
                    state.runs[index].add(values, bands, tables: ready.tables[index])
                }
            case .demand(let charge):
                let bands = try calendar.map { (calendar) throws(TariffError) in try slots.bands(calendar) }
                try slots.raise(&state.runs[index].maximumW, charge.windowMinutes, bands)
            case .excessDemand(let charge):
                try slots.raise(&state.runs[index].maximumW, charge.windowMinutes, nil)
            case .indexed(let charge): try slots.addIndexed(charge, prices, &state.runs[index])
            case .criticalPeak(let charge): try slots.addCritical(charge, &state.runs[index])
            default: break
            }
        }
    }

    // MARK: The bill

    /// The bill, and what it hands to the next. All its days have been added.
    func close() -> (bill: AccountBill, carry: AccountCarry) {
        precondition(state.isClosed, "the last day was priced")
        var carry = carry
        var bankWh: Int64?
        if ready.tariff.metering == .netMetering {
            var left = max(0, openingBankWh - state.netWh)
            let settles = ready.tariff.components.contains { component in
                if case .bank(let charge) = component.charge { charge.settles(period) } else { false }
            }
            if settles { left = 0 }
            bankWh = left
            carry.bankWh = left
        }
        let all = components.map { component in
            var component = component
            component.amountMinor = days.reduce(0) { $0 + ($1.amountsMinor[component.id] ?? 0) }
            component.lines = lines[component.id, default: []].filter { $0.quantity != 0 || $0.amountMinor != 0 }
            let rest = component.amountMinor - component.lines.reduce(0) { $0 + $1.amountMinor }
            if rest != 0, !component.lines.isEmpty { component.lines[component.lines.count - 1].amountMinor += rest }
            return component
        }
        let bill = AccountBill(
            period: period, importWh: state.importWh, exportWh: state.exportWh, generationWh: state.generationWh,
            totalMinor: days.reduce(0) { $0 + $1.totalMinor }, components: all, days: days, bankWh: bankWh,
            notes: ComponentView(self, ready).notes(state))
        return (bill, carry)
    }
}

extension BankSettlement {
    /// Only a bill that reaches the end of the month settles.
    func settles(_ period: BillPeriod) -> Bool {
        period.last.parts.month == month && period.last == period.last.month.last
    }
}

extension ComponentRun {
    mutating func add(_ values: [Int64], _ bands: [Int]?, tables: [ResolvedTable]) {
        guard let bands else {
            wh += values.reduce(0, +)
            return
        }
        for (value, band) in zip(values, bands) {
            bandWh[band] += value
            if !cells.isEmpty {
                var left = value
                var at = wh
                for (step, limit) in tables[0].limitsWh.enumerated() where left > 0 && at < limit {
                    let piece = min(left, limit - at)
                    cells[step * bandWh.count + band] += piece
                    at += piece
                    left -= piece
                }
            }
            wh += value
        }
    }
}
