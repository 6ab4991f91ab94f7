// ComponentWords: what a component of a tariff charges, in sentences of the page's language.
import CivilTime
import Quantities
import Tariffs

/// `09:00`, and `24:00` for the end of the day.
func clockTime(_ minute: Int) -> String {
    let (hours, rest) = (minute / 60, minute % 60)
    return "\(hours < 10 ? "0" : "")\(hours):\(rest < 10 ? "0" : "")\(rest)"
}

struct ComponentWords {
    let tariff: Tariff
    let w: Wording

    func kWh(_ wh: Int64) -> String {
        wh % 1000 == 0 ? fixedPoint(wh / 1000, places: 0) : fixedPoint(wh, places: 3)
    }

    /// `101–300 units`: above the one, up to the other.
    func range(_ low: Int64, _ high: Int64?) -> Markup {
        switch (low, high) {
        case (0, let high?): w.say("sheet.upTo", ["n": "\(kWh(high))"])
        case (let low, let high?): w.say("sheet.between", ["a": "\(kWh(low))", "b": "\(kWh(high))"])
        case (0, nil): w.say("sheet.all")
        case (let low, nil): w.say("sheet.above", ["n": "\(kWh(low))"])
        }
    }

    private func price(_ milli: Int64, _ unit: BillRateUnit) -> Markup { "\(tariff.shown(milli, unit, w))" }
    private func names(_ bases: [TariffBase]) -> Markup {
        "\(bases.map { base in tariff.components[base.component].label }.joined(separator: " + "))"
    }

    /// A line of a bill: its band or what it is a share of, how much of it, and the price.
    func billLine(_ line: BillLine) -> Markup {
        let rate: Markup =
            line.rate.flatMap { rate in line.rateUnit.map { " × \(tariff.shown(rate, $0, w))" } } ?? ""
        let quantity: Markup =
            switch line.unit {
            case .days: w.count("sheet.days", Int(line.quantity))
            case .minutes: w.say("duration.min", ["min": "\(line.quantity)"])
            default: "\(tariff.text(line.quantity, line.unit))"
            }
        return "\(label(line.label)) \(quantity)\(rate)"
    }

    private func label(_ label: String) -> Markup {
        switch label {
        case "per kW of contracted load": return w.say("sheet.linePerKW")
        case "per connection": return w.say("sheet.linePerConnection")
        case "per connection and kW": return w.say("sheet.linePerBoth")
        default:
            let names = Dictionary(
                tariff.components.map { ($0.id, $0.label) }, uniquingKeysWith: { first, _ in first })
            let bases = label.hasPrefix("of ") ? label.dropFirst(3).split(separator: ", ").map(String.init) : []
            guard !bases.isEmpty, bases.allSatisfy({ names[$0] != nil }) else { return w.band(label) }
            return w.say("sheet.lineOf", ["of": "\(bases.compactMap { names[$0] }.joined(separator: " + "))"])
        }
    }

    private func percent(_ ppm: Int64) -> Markup { "\(tariff.text(ppm, .ppm))" }

    func lines(_ charge: TariffCharge) -> [Markup] {
        switch charge {
        case .energy(let charge): energy(charge)
        case .standing(let charge): standing(charge)
        case .demand(let charge): demand(charge)
        case .excessDemand(let charge):
            charge.steps.map { step in
                step.upToPPM.map {
                    w.say("sheet.excess", ["n": percent($0), "price": price(step.milliPerKW, .milliPerKW)])
                } ?? w.say("sheet.excessMore", ["price": price(step.milliPerKW, .milliPerKW)])
            }
        case .powerFactor(let charge):
            (charge.isDaily ? [w.say("sheet.factorDaily")] : [])
                + charge.steps.map { step in
                    w.say(
                        step.isBelow ? "sheet.factorBelow" : "sheet.factorAbove",
                        [
                            "n": "\(fixedPoint(step.hundredths, places: 2))", "percent": percent(step.ppmPerHundredth),
                            "of": names(charge.bases),
                        ])
                }
        case .share(let charge): share(charge)
        case .minimum(let charge):
            [
                w.say(
                    "sheet.minimum",
                    [
                        "of": names(charge.bases),
                        "price": charge.milliPerKW != 0
                            ? price(charge.milliPerKW, .milliPerKWPerMonth)
                            : price(charge.milliPerMonth, .milliPerMonth),
                    ])
            ]
        default: others(charge)
        }
    }

    private func share(_ charge: ShareCharge) -> [Markup] {
        var lines = [w.say("sheet.share", ["percent": percent(charge.ppm), "of": names(charge.bases)])]
        if let limit = charge.whenTotalUpToWh { lines.append(w.say("sheet.shareUpTo", ["n": "\(kWh(limit))"])) }
        if let most = charge.atMostMinor { lines.append(w.say("sheet.atMost", ["money": "\(tariff.money(most))"])) }
        return lines
    }

    private func demand(_ charge: DemandCharge) -> [Markup] {
        var lines = zip(charge.bands, charge.milliPerKW).map { band, milli -> Markup in
            band.isEmpty
                ? w.say("sheet.demand", ["price": price(milli, .milliPerKW)])
                : w.say("sheet.demandBand", ["band": w.band(band), "price": price(milli, .milliPerKW)])
        }
        if let minutes = charge.windowMinutes { lines.append(w.say("sheet.window", ["n": "\(minutes)"])) }
        if charge.atLeastPPM > 0 { lines.append(w.say("sheet.demandLeast", ["n": percent(charge.atLeastPPM)])) }
        return lines
    }

    private func standing(_ charge: StandingCharge) -> [Markup] {
        var lines = charge.steps.map { step -> Markup in
            let amount =
                step.milliPerKW != 0
                ? price(step.milliPerKW, .milliPerKWPerMonth) : price(step.milliPerMonth, .milliPerMonth)
            guard charge.steps.count > 1 else { return amount }
            let isTotal = charge.choice == .total
            guard let limit = step.upTo else { return "\(w.say("sheet.beyond")): \(amount)" }
            return isTotal
                ? "\(w.say("sheet.whenUpTo", ["n": "\(kWh(limit))"])): \(amount)"
                : "\(w.say("sheet.loadUpTo", ["n": "\(kWh(limit))"])): \(amount)"
        }
        if charge.roundsUpToKW { lines.append(w.say("sheet.wholeKW")) }
        lines += proration(charge.proration, usual: .calendarFraction)
        return lines
    }

    private func proration(_ rule: ProrationRule, usual: ProrationRule) -> [Markup] {
        guard rule != usual else { return [] }
        return switch rule {
        case .calendarFraction: [w.say("sheet.byCalendar")]
        case .months2dp: [w.say("sheet.byMonths2dp")]
        case .days30: [w.say("sheet.byDays30")]
        case .floorDays: [w.say("sheet.byFloor")]
        case .none: [w.say("sheet.notProrated")]
        }
    }

    private func energy(_ charge: EnergyCharge) -> [Markup] {
        var lines: [Markup] = []
        switch charge.quantity {
        case .drawn: break
        case .fedIn: lines.append(w.say("sheet.ofExport"))
        case .generation: lines.append(w.say("sheet.ofGeneration"))
        case .consumption: lines.append(w.say("sheet.ofConsumption"))
        }
        let hasSlabs = charge.tables[0].steps.count + charge.tables.count > 2
        if hasSlabs {
            switch charge.kind {
            case .telescopic: lines.append(w.say("sheet.telescopic"))
            case .byTotal: lines.append(w.say("sheet.byTotal"))
            case .nonTelescopic: lines.append(w.say("sheet.nonTelescopic"))
            case .perDay: lines.append(w.say("sheet.perDay"))
            }
            if charge.bands.count > 1 {
                switch charge.rule {
                case .chronological: lines.append(w.say("sheet.chronological"))
                case .proportional: lines.append(w.say("sheet.proportional"))
                case .uplift: lines.append(w.say("sheet.uplift"))
                }
            }
        }
        var from: Int64 = 0
        for table in charge.tables {
            if charge.tables.count > 1 {
                lines.append("<strong>\(w.say("sheet.total")) \(range(from, table.upToTotalWh))</strong>")
                from = table.upToTotalWh ?? from
            }
            lines += steps(table, charge)
        }
        for (band, hundredths) in zip(charge.bands, charge.upliftHundredths) where hundredths != 0 {
            let sign = hundredths > 0 ? "+" : ""
            lines.append("\(w.band(band)): \(sign)\(fixedPoint(hundredths, places: 2)) %")
        }
        return lines + (hasSlabs ? proration(charge.proration, usual: .none) : [])
    }

    private func steps(_ table: SlabTable, _ charge: EnergyCharge) -> [Markup] {
        var low: Int64 = 0
        return table.steps.map { step in
            defer { low = step.upToWh ?? low }
            let prices: Markup =
                step.milliPerKWh.count > 1
                ? zip(charge.bands, step.milliPerKWh).map { band, milli in
                    "\(w.band(band)) \(price(charge.sign * milli, .milliPerKWh))" as Markup
                }.joined(", ") : price(charge.sign * step.milliPerKWh[0], .milliPerKWh)
            return table.steps.count > 1 ? "\(range(low, step.upToWh)): \(prices)" : prices
        }
    }

    private func others(_ charge: TariffCharge) -> [Markup] {
        switch charge {
        case .indexed(let charge): return [indexed(charge)]
        case .criticalPeak(let charge):
            let hours = charge.hours.map { "\(clockTime($0.fromMinute))–\(clockTime($0.toMinute))" }.joined(
                separator: ", ")
            return [
                w.say(
                    "sheet.critical",
                    [
                        "price": price(charge.milliPerKWh, .milliPerKWh), "hours": "\(hours)",
                        "days": charge.days.sorted().prefix(50).map { w.fullDay($0) }.joined(", "),
                    ])
            ]
        case .supplySurcharge(let charge):
            return charge.rates.map { rate in
                let size: Markup =
                    rate.ppm != 0
                    ? w.say("sheet.share", ["percent": percent(rate.ppm), "of": names(charge.bases)])
                    : price(rate.milliPerKWh, .milliPerKWh)
                let words = w.say(
                    "sheet.surcharge",
                    [
                        "supply": "\(rate.supplyMonth.description)", "month": "\(rate.chargeMonth.description)",
                        "size": size,
                    ])
                return rate.lapses.map { "\(words), \(w.say("sheet.lapses", ["day": w.fullDay($0)]))" } ?? words
            }
        case .qualityCredit(let charge):
            let words = w.say(
                charge.measure == .outage ? "sheet.outage" : "sheet.voltage",
                ["price": price(charge.milliPerHour, .milliPerHour), "n": "\(charge.freeMinutes)"])
            return [words]
                + (charge.atMostMinor.map { [w.say("sheet.atMost", ["money": "\(tariff.money($0))"])] } ?? [])
        case .contractBreak(let charge):
            return [
                w.say(
                    "sheet.break",
                    [
                        "percent": percent(charge.ppm), "of": "\(tariff.components[charge.base].label)",
                        "n": "\(charge.atMostMonths)",
                    ])
            ]
        case .bank(let charge):
            let names = w.messages.list("months.long")
            let month = names.indices.contains(charge.month - 1) ? names[charge.month - 1] : "\(charge.month)"
            return [w.say("sheet.bank", ["month": "\(month)", "price": price(charge.milliPerKWh, .milliPerKWh)])]
        case .rounding(let toMinor): return [w.say("sheet.rounding", ["money": "\(tariff.money(toMinor))"])]
        default: return []
        }
    }

    private func indexed(_ charge: IndexedCharge) -> Markup {
        let head = w.say(
            "sheet.indexed",
            ["percent": percent(charge.sharePPM), "market": "\(charge.exchange) \(charge.product)"])
        var parts = [head]
        if charge.adderMilliPerKWh != 0 {
            parts.append(w.say("sheet.adder", ["price": price(charge.adderMilliPerKWh, .milliPerKWh)]))
        }
        if let floor = charge.floorMilliPerKWh {
            parts.append(w.say("sheet.floor", ["price": price(floor, .milliPerKWh)]))
        }
        if let cap = charge.capMilliPerKWh { parts.append(w.say("sheet.cap", ["price": price(cap, .milliPerKWh)])) }
        return parts.joined(", ")
    }
}
