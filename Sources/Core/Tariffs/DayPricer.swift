// Prices a day of a bill. What a component has cost to date is a function of what has come together; a day costs the
// rounded value after it less the rounded value before it, so that the days sum to the bill. It keeps nothing.
import CivilTime
import Quantities

/// A day while it is added to a bill.
struct DayPricer {
    let bill: ReadyBill
    let input: DayInput
    private(set) var ready: ReadyTariff
    private(set) var state: BillState
    private(set) var opened: BillState.Bill
    /// Of the day, by component of `ready`.
    private(set) var amountsMinor: [Int64] = []
    private(set) var jumpsMinor: [Int64] = []
    private(set) var lines: [[BillLine]] = []
    private(set) var slots: MeteredDay
    private(set) var take: AddOnTake?

    /// - Throws: an opening state that the day cannot follow, a day without a tariff, a change that days cannot show.
    init(_ bill: ReadyBill, _ input: DayInput, opening: BillState) throws(TariffError) {
        self.bill = bill
        self.input = input
        let day = input.load.day
        let now = try bill.version(on: day)
        slots = try MeteredDay(input.load, metering: now.tariff.metering)
        if let opened = opening.bill, opened.tariffID == bill.tariffID, opened.period.first == bill.period.first {
            try bill.check(opened, opening.totals, followedBy: day)
            state = opening
            self.opened = opened
            ready = bill.ready(bill.versions.first { $0.tariff.version == opened.version } ?? now, opened.slabsFrom)
        } else {
            (state, opened) = try bill.begin(after: opening, on: day, now.tariff)
            ready = bill.ready(now, opened.slabsFrom)
            let (begun, positionWh) = (ready, opened.positionWh)
            state.totals.runs = begun.tariff.components.indices.map { begun.start($0, positionWh: positionWh) }
        }
        if now.tariff.version != ready.tariff.version { try change(to: now) }
    }

    /// Goes over to the version of a day. Slab positions, maxima and what was charged stay; a component whose days
    /// would then no longer sum to the bill is refused.
    private mutating func change(to next: ReadyTariff) throws(TariffError) {
        let tariff = next.tariff
        if let id = ready.tariff.notExact(before: tariff) {
            throw TariffError(
                input.load.day.description,
                "\(tariff.id) version \(tariff.version) begins within a bill, and \(id) is not the same in both "
                    + "versions and not by day or unit alone",
                remedy: "end the bill before that day (--to) and begin another with it (--from)")
        }
        let old = ready.tariff
        state.totals.retired.merge(zip(old.components.map(\.id), state.totals.runs)) { $1 }
        ready = bill.ready(next, opened.slabsFrom)
        state.totals.runs = tariff.components.indices.map { index in
            let id = tariff.components[index].id
            return ready.start(
                index, from: state.totals.retired.removeValue(forKey: id) ?? .init(), bands: old.demandBands(id))
        }
    }

    // MARK: The day

    /// Adds the day.
    mutating func run(explains: Bool) throws(TariffError) {
        let load = input.load
        let before = state.totals
        take = try ready.tariff.take(input.addOns, of: slots)
        try takeEnergy()
        state.totals.days += 1
        state.totals.monthParts += BillPeriod.parts(of: load.day)
        state.totals.isClosed = load.day == bill.period.last
        state.totals.hasLeft =
            ready.tariff.mayBreak
            && input.facts.leavesOn.map { bill.period.first <= $0 && $0 <= load.day } ?? false
        beginSurcharges(load.day)
        if bill.keepsMonths {
            state.carry.months[load.day.month, default: .init()].days += 1
            state.carry.months[load.day.month, default: .init()].wh += state.totals.totalWh - before.totalWh
        }
        let count = ready.tariff.components.count
        amountsMinor = Array(repeating: 0, count: count)
        jumpsMinor = amountsMinor
        if explains { lines = Array(repeating: [], count: count) }
        for index in ready.tariff.order { try charge(index, before, explains: explains) }
        if ready.tariff.metering == .netMetering {
            let left = max(0, opened.openingBankWh - state.totals.netWh)
            state.carry.bankWh = state.totals.isClosed && ready.tariff.settlesBank(bill.period) ? 0 : left
        }
        opened.version = ready.tariff.version
        opened.lastDay = load.day
        state.bill = opened
    }

    var view: ComponentView {
        ComponentView(
            ready: ready, facts: input.facts, period: bill.period, openingBankWh: opened.openingBankWh,
            months: state.carry.months, measuresFactor: !input.load.importVAh.isEmpty)
    }

    /// A surcharge falls due on the first priced day of its month that the version holds on.
    private mutating func beginSurcharges(_ day: CivilDay) {
        for (index, component) in ready.tariff.components.enumerated() {
            guard case .supplySurcharge(let charge) = component.charge else { continue }
            for rate in charge.rates where rate.chargeMonth == day.month {
                guard state.carry.surcharged[component.id, default: []].insert(rate.supplyMonth).inserted else {
                    continue
                }
                state.totals.runs[index].surchargedOn[rate.supplyMonth] = day
            }
        }
    }

    private mutating func charge(_ index: Int, _ before: PeriodState, explains: Bool) throws(TariffError) {
        let component = ready.tariff.components[index]
        let view = view
        if case .powerFactor(let charge) = component.charge, charge.isDaily {
            let base = state.totals.charged(charge.bases) - before.charged(charge.bases)
            state.totals.runs[index].micro += Int128(base) * Int128(try view.ppm(charge, onDayOf: input.load))
        }
        let then = try view.parts(index, before)
        let now = try view.parts(index, state.totals)
        guard now.isWithinLimit, then.isWithinLimit else {
            throw TariffError(
                input.load.day.description,
                "\(component.id) comes to more than "
                    + "\(ready.tariff.money(TariffChargeLimits.minorPerComponent)) in a bill",
                remedy: "check its prices and percents, and the unit of the load")
        }
        let amount = now.minor - then.minor
        state.totals.runs[index].chargedMinor += amount
        if case .share(let charge) = component.charge, !charge.isOfExact {
            let (old, new) = (charge.split(before), charge.split(state.totals))
            for part in new.indices { state.totals.runs[index].partsMinor[part] += new[part] - old[part] }
        }
        if explains {
            for part in now.parts { lines[index].add(part, now.minor(part), +1, version: ready.tariff.version) }
            for part in then.parts { lines[index].add(part, then.minor(part), -1, version: ready.tariff.version) }
        }
        guard amount != 0 else { return }
        amountsMinor[index] = amount
        if bill.keepsMonths {
            state.carry.months[input.load.day.month, default: .init()].amountsMinor[component.id, default: 0] += amount
        }
        jumpsMinor[index] = view.jump(index, before, state.totals)
    }

    // MARK: Energy of the day

    private mutating func takeEnergy() throws(TariffError) {
        let tariff = ready.tariff
        state.totals.importWh += slots.total(.drawn)
        state.totals.addOnWh += take?.wh ?? 0
        state.totals.exportWh += slots.total(.fedIn)
        state.totals.generationWh += slots.total(.generation)
        state.totals.netWh += slots.netWh
        state.totals.totalWh =
            tariff.metering == .netMetering
            ? max(0, state.totals.netWh - opened.openingBankWh) : state.totals.importWh
        guard
            max(state.totals.importWh, state.totals.exportWh, state.totals.generationWh)
                <= TariffChargeLimits.whPerBill
        else {
            throw TariffError(
                input.load.day.description,
                "more than \(TariffChargeLimits.whPerBill / 1_000_000_000) GWh in a bill",
                remedy: "check the unit of the load")
        }
        let fillsSlabs = tariff.addOnsCountTowardSlabs
        for (index, component) in tariff.components.enumerated() {
            let calendar = ready.calendars[index]
            let taken = component.yieldsToAddOns ? take?.valuesWh : nil
            switch component.charge {
            case .energy(let charge):
                let values = try slots.values(charge.quantity)
                if tariff.metering == .netMetering, charge.quantity == .drawn {
                    state.totals.runs[index].wh = state.totals.totalWh
                } else {
                    let bands = try calendar.map { (calendar) throws(TariffError) in try slots.bands(calendar) }
                    state.totals.runs[index].add(
                        values, bands, tables: ready.tables[index], without: charge.quantity == .drawn ? taken : nil,
                        fillsSlabs: fillsSlabs)
                }
            case .demand(let charge):
                let bands = try calendar.map { (calendar) throws(TariffError) in try slots.bands(calendar) }
                try slots.raise(&state.totals.runs[index].maximumW, charge.windowMinutes, bands)
            case .excessDemand(let charge):
                try slots.raise(&state.totals.runs[index].maximumW, charge.windowMinutes, nil)
            case .indexed(let charge):
                try slots.addIndexed(charge, input.prices, &state.totals.runs[index], without: taken)
            case .criticalPeak(let charge):
                try slots.addCritical(charge, &state.totals.runs[index], without: taken)
            case .powerFactor(let charge) where !charge.isDaily && !input.load.importVAh.isEmpty:
                let measured = input.load.measuredForFactor
                state.totals.runs[index].wh += measured.wh
                state.totals.runs[index].apparentVAh += measured.apparentVAh
            case .addOns:
                state.totals.runs[index].wh += take?.wh ?? 0
                state.totals.runs[index].micro += take?.micro ?? 0
            default: break
            }
        }
    }
}

extension [BillLine] {
    /// Adds a line to date, or with −1 takes one away.
    mutating func add(_ part: BillPart, _ minor: Int64, _ sign: Int64, version: Int) {
        add(
            BillLine(
                label: part.label, quantity: sign * part.quantity, unit: part.unit, rate: part.rate,
                rateUnit: part.rateUnit, amountMinor: sign * minor, version: version))
    }

    /// Adds to the line that says the same.
    mutating func add(_ line: BillLine) {
        let found = firstIndex {
            $0.label == line.label && $0.rate == line.rate && $0.version == line.version && $0.unit == line.unit
        }
        guard let found else {
            append(line)
            return
        }
        self[found].quantity += line.quantity
        self[found].amountMinor += line.amountMinor
    }

    /// Without what came to nothing; the last line takes what rounding left of the whole.
    func summing(to amountMinor: Int64) -> [BillLine] {
        var lines = filter { $0.quantity != 0 || $0.amountMinor != 0 }
        let rest = amountMinor - lines.reduce(0) { $0 + $1.amountMinor }
        if rest != 0, !lines.isEmpty { lines[lines.count - 1].amountMinor += rest }
        return lines
    }
}

extension Tariff {
    var mayBreak: Bool {
        components.contains { if case .contractBreak = $0.charge { true } else { false } }
    }

    func settlesBank(_ period: BillPeriod) -> Bool {
        components.contains { if case .bank(let charge) = $0.charge { charge.settles(period) } else { false } }
    }
}

extension BankSettlement {
    /// Only a bill that reaches the end of the month settles.
    func settles(_ period: BillPeriod) -> Bool {
        period.last.parts.month == month && period.last == period.last.month.last
    }
}

extension ComponentRun {
    /// - Parameters:
    ///   - taken: what add-on packs took, slot by slot; nil is nothing.
    ///   - fillsSlabs: whether what they took fills slabs.
    mutating func add(
        _ values: [Int64], _ bands: [Int]?, tables: [ResolvedTable], without taken: [Int64]?, fillsSlabs: Bool
    ) {
        guard let bands else {
            let takenWh = taken?.reduce(0, +) ?? 0
            wh += values.reduce(0, +) - takenWh
            if fillsSlabs { addOnWh += takenWh }
            return
        }
        for slot in values.indices {
            let takenWh = taken?[slot] ?? 0
            let value = values[slot] - takenWh
            let band = bands[slot]
            if fillsSlabs { addOnWh += takenWh }
            bandWh[band] += value
            if !cells.isEmpty {
                var left = value
                var at = wh + addOnWh
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
