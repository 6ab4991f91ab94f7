// Pricing a day: exact micro-paise per slot, whole paise once per component and day. Pure: the same values, plan and opening
// state give the same charge for ever.
import CivilTime

/// The parts a day's charge is made of. Raw values are stored; never renumber.
public enum ComponentKind: UInt8, Sendable, CaseIterable {
    case baseEnergy = 1
    case addOnEnergy = 2
    case fixed = 3
    case duty = 4

    /// The word used in files and by the independent calculation.
    public var name: String {
        switch self {
        case .baseEnergy: "baseEnergy"
        case .addOnEnergy: "addOnEnergy"
        case .fixed: "fixed"
        case .duty: "duty"
        }
    }
}

/// One component of a day. `paise` is R(month to date after) − R(month to date before) of the exact total.
public struct ChargeComponent: Sendable, Equatable {
    public var kind: ComponentKind
    /// Zero for fixed charge and duty.
    public var energyWh: Int64
    /// The day's exact amount; of duty the exact amount cut below 1e-6 paise.
    public var microPaise: Int128
    public var paise: Int64
}

/// Neighbouring slots priced alike. The lines of a day sum to its energy components, in Wh and in micro-paise.
public struct PriceLine: Sendable, Equatable {
    /// Slots from inclusive to exclusive.
    public var fromSlot: Int
    public var toSlot: Int
    public var band: String
    public var packID: String
    public var packVersion: Int
    public var isAddOn: Bool
    public var priceMilliPaisePerKWh: Int64
    public var energyWh: Int64
    public var microPaise: Int128
}

/// A day's charge with its explanation.
public struct PricedDay: Sendable, Equatable {
    /// In the order of `ComponentKind`; base energy always, the others when they are not zero.
    public var components: [ChargeComponent]
    public var lines: [PriceLine]
    public var totalPaise: Int64
    public var closing: MonthState
}

/// A day's charge without explanation, for bulk runs.
public struct DayCharge: Sendable, Equatable {
    public var baseEnergyPaise: Int64
    public var addOnEnergyPaise: Int64
    public var fixedPaise: Int64
    public var dutyPaise: Int64
    public var closing: MonthState
    public var totalPaise: Int64 { baseEnergyPaise + addOnEnergyPaise + fixedPaise + dutyPaise }
}

/// Prices one day of one load.
/// - Parameters:
///   - slotStartMinutes: wall-clock minute at which each slot starts, as many as values.
///   - periodS: the capture period, whole minutes.
///   - valuesWh: energy of each slot; a slot without a value counts 0.
///   - opening: `MonthState.zero` on the 1st of a month, else the closing state of the day before.
public func price(
    day: CivilDay, slotStartMinutes: [Int], periodS: Int, valuesWh: [Int32], plan: PricePlan, opening: MonthState
) throws(TariffError) -> PricedDay {
    try DaySchedule(plan: plan, day: day, slotStartMinutes: slotStartMinutes, periodS: periodS)
        .price(valuesWh, opening: opening)
}

extension DaySchedule {
    /// Prices one load with its explanation.
    public func price(_ valuesWh: [Int32], opening: MonthState) throws(TariffError) -> PricedDay {
        guard valuesWh.count == slotCount else { throw countError(valuesWh.count, slotCount) }
        let lines = lines(valuesWh)
        var totals = EnergyTotals()
        for line in lines { totals.add(wh: line.energyWh, microPaise: line.microPaise, isAddOn: line.isAddOn) }
        let charge = charge(totals, opening: opening)
        let closing = charge.closing
        var components = [
            ChargeComponent(
                kind: .baseEnergy, energyWh: totals.baseWh, microPaise: totals.baseMicroPaise,
                paise: charge.baseEnergyPaise)
        ]
        let others = [
            ChargeComponent(
                kind: .addOnEnergy, energyWh: totals.addOnWh, microPaise: totals.addOnMicroPaise,
                paise: charge.addOnEnergyPaise),
            ChargeComponent(kind: .fixed, energyWh: 0, microPaise: fixedMicroPaise, paise: charge.fixedPaise),
            ChargeComponent(
                kind: .duty, energyWh: 0, microPaise: (closing.dutyPicoPaise - opening.dutyPicoPaise) / 1_000_000,
                paise: charge.dutyPaise),
        ]
        components += others.filter { $0.energyWh != 0 || $0.microPaise != 0 || $0.paise != 0 }
        return PricedDay(components: components, lines: lines, totalPaise: charge.totalPaise, closing: closing)
    }

    /// Prices many loads of this day: `valuesWh` holds them one after the other, one opening state for each.
    public func priceMany(_ valuesWh: [Int32], openings: [MonthState]) throws(TariffError) -> [DayCharge] {
        guard valuesWh.count == slotCount * openings.count else {
            throw countError(valuesWh.count, slotCount * openings.count)
        }
        var charges: [DayCharge] = []
        charges.reserveCapacity(openings.count)
        let all = valuesWh.span
        for index in openings.indices {
            let slots = all.extracting(index * slotCount..<(index + 1) * slotCount)
            charges.append(charge(energy(slots), opening: openings[index]))
        }
        return charges
    }

    private func countError(_ found: Int, _ wanted: Int) -> TariffError {
        TariffError("valuesWh", "\(found) values for \(wanted) slots", remedy: "give one value for each slot of the day")
    }

    struct EnergyTotals {
        var baseWh: Int64 = 0
        var addOnWh: Int64 = 0
        var baseMicroPaise: Int128 = 0
        var addOnMicroPaise: Int128 = 0

        @inline(__always)
        mutating func add(wh: Int64, microPaise: Int128, isAddOn: Bool) {
            if isAddOn {
                addOnWh += wh
                addOnMicroPaise += microPaise
            } else {
                baseWh += wh
                baseMicroPaise += microPaise
            }
        }
    }

    /// The energy charges of one load: sums per stretch, one product each.
    func energy(_ valuesWh: Span<Int32>) -> EnergyTotals {
        var totals = EnergyTotals()
        guard let fixedStretches else {
            for stretch in stretches {
                for slot in stretch.slots {
                    let wh = Int64(valuesWh[slot])
                    let option = Self.option(stretch.options, wh: wh)
                    totals.add(
                        wh: wh, microPaise: Int128(wh) * Int128(option.milliPaisePerKWh), isAddOn: option.pack >= 0)
                }
            }
            return totals
        }
        for stretch in fixedStretches {
            let part = valuesWh.extracting(stretch.slots)
            // Cannot overflow: at most 1,500 slots of 31 bits.
            var wh: Int64 = 0
            for slot in part.indices { wh &+= Int64(part[slot]) }
            totals.add(
                wh: wh, microPaise: Int128(wh) * Int128(stretch.milliPaisePerKWh), isAddOn: stretch.isAddOn)
        }
        return totals
    }

    @inline(__always)
    private static func option(_ options: [Option], wh: Int64) -> Option {
        for option in options {
            guard let limit = option.limitWhTimes3600, wh * 3600 > limit else { return option }
        }
        return options[options.count - 1]
    }

    /// Carries the totals into the month and rounds each component once.
    @inline(__always)
    func charge(_ day: EnergyTotals, opening: MonthState) -> DayCharge {
        var closing = opening
        closing.baseEnergyWh += day.baseWh
        closing.addOnEnergyWh += day.addOnWh
        closing.baseEnergyMicroPaise += day.baseMicroPaise
        closing.addOnEnergyMicroPaise += day.addOnMicroPaise
        closing.fixedMicroPaise += fixedMicroPaise
        closing.dutyPicoPaise += (day.baseMicroPaise + day.addOnMicroPaise) * Int128(plan.base.dutyPPM)
        return DayCharge(
            baseEnergyPaise: wholePaise(closing.baseEnergyMicroPaise) - wholePaise(opening.baseEnergyMicroPaise),
            addOnEnergyPaise: wholePaise(closing.addOnEnergyMicroPaise) - wholePaise(opening.addOnEnergyMicroPaise),
            fixedPaise: wholePaise(closing.fixedMicroPaise) - wholePaise(opening.fixedMicroPaise),
            dutyPaise: wholePaiseOfPico(closing.dutyPicoPaise) - wholePaiseOfPico(opening.dutyPicoPaise),
            closing: closing)
    }

    private func lines(_ valuesWh: [Int32]) -> [PriceLine] {
        var lines: [PriceLine] = []
        for stretch in stretches {
            var open: Option?
            for slot in stretch.slots {
                let wh = Int64(valuesWh[slot])
                let option = Self.option(stretch.options, wh: wh)
                if option == open {
                    lines[lines.count - 1].toSlot = slot + 1
                    lines[lines.count - 1].energyWh += wh
                } else {
                    lines.append(line(slot: slot, band: stretch.band, option: option, wh: wh))
                    open = option
                }
            }
        }
        for index in lines.indices {
            lines[index].microPaise = Int128(lines[index].energyWh) * Int128(lines[index].priceMilliPaisePerKWh)
        }
        return lines
    }

    private func line(slot: Int, band: Int, option: Option, wh: Int64) -> PriceLine {
        let isAddOn = option.pack >= 0
        return PriceLine(
            fromSlot: slot, toSlot: slot + 1, band: plan.base.calendar.bands[band].name,
            packID: isAddOn ? plan.addOns[option.pack].id : plan.base.id,
            packVersion: isAddOn ? plan.addOns[option.pack].version : plan.base.version, isAddOn: isAddOn,
            priceMilliPaisePerKWh: option.milliPaisePerKWh, energyWh: wh, microPaise: 0)
    }
}
