// A tariff as a price sheet to read: its calendars drawn, each component in words and figures. Plain text; no bill.
import CivilTime
import Quantities

extension Tariff {
    /// Money of this tariff: `₹1,604.40`; other currencies with their code.
    public func money(_ minor: Int64, signed: Bool = false) -> String {
        currency == "INR" && minorDigits == 2
            ? rupees(paise: minor, signed: signed) : "\(currency) \(fixedPoint(minor, places: minorDigits))"
    }

    /// A rate as a bill shows it: `6.5/kWh`.
    public func text(_ rate: Int64, _ unit: BillRateUnit) -> String {
        let price = trimmedPoint(rate, places: minorDigits + 3)
        return switch unit {
        case .milliPerKWh: "\(price)/kWh"
        case .milliPerKW: "\(price)/kW"
        case .milliPerMonth: "\(price)/month"
        case .milliPerKWPerMonth: "\(price)/kW/month"
        case .milliPerHour: "\(price)/hour"
        case .ppm: "\(ratePercent(rate)) %"
        }
    }

    /// A quantity as a bill shows it: `100.00 kWh`.
    public func text(_ quantity: Int64, _ unit: BillUnit) -> String {
        switch unit {
        case .wattHours: "\(kilowattHours(wh: quantity, places: 3)) kWh"
        case .watts: "\(fixedPoint(quantity, places: 3)) kW"
        case .days: "\(quantity) days"
        case .minutes: "\(quantity) minutes"
        case .minor: money(quantity)
        }
    }

    /// The price sheet, line by line.
    public var sheet: [String] {
        var lines = ["\(name) (\(id), version \(version))"]
        let months = billMonths == 1 ? "monthly bills" : "bills of \(billMonths) months"
        lines.append(
            "holds from \(validFrom)\(validTo.map { " to \($0)" } ?? " on"), \(currency), \(months), "
                + "metering \(metering.rawValue)")
        if packChange == .carry { lines.append("slabs go on where a former tariff's bill has come to") }
        if !categories.isEmpty { lines.append("for \(categories.joined(separator: ", "))") }
        for (name, calendar) in calendars.sorted(by: { $0.key < $1.key }) {
            lines.append("")
            lines += calendar.drawn(name)
        }
        for component in components {
            lines.append("")
            lines.append("\(component.label) (\(component.id), \(component.kind))")
            lines += describe(component.charge).map { "  \($0)" }
        }
        return lines
    }

    private func perKWh(_ milli: Int64) -> String { text(milli, .milliPerKWh) }

    private func names(_ bases: [TariffBase]) -> String { bases.map(\.name).joined(separator: " + ") }

    private func describe(_ charge: TariffCharge) -> [String] {
        switch charge {
        case .energy(let charge): return describe(charge)
        case .standing(let charge): return describe(charge)
        case .demand(let charge):
            let prices = zip(charge.bands, charge.milliPerKW).map { band, price in
                (band.isEmpty ? "" : "\(band) ") + text(price, .milliPerKW)
            }
            return ["largest load of the bill: \(prices.joined(separator: ", "))\(window(charge.windowMinutes))"]
                + (charge.atLeastPPM > 0 ? ["at least \(ratePercent(charge.atLeastPPM)) % of the contracted load"] : [])
        case .excessDemand(let charge):
            return charge.steps.map { step in
                "load above the contracted one"
                    + (step.upToPPM.map { ", up to \(ratePercent($0)) %" } ?? ", beyond") + ": "
                    + text(step.milliPerKW, .milliPerKW)
            }
        case .powerFactor(let charge):
            return (charge.isDaily ? ["power factor of each day"] : [])
                + charge.steps.map { step in
                    "each 0.01 \(step.isBelow ? "below" : "above") \(fixedPoint(step.hundredths, places: 2)): "
                        + "\(ratePercent(step.ppmPerHundredth)) % of \(names(charge.bases))"
                }
        case .share(let charge):
            var line = "\(ratePercent(charge.ppm)) % of \(names(charge.bases))"
            if let limit = charge.whenTotalUpToWh { line += ", when the bill has at most \(text(limit, .wattHours))" }
            if let most = charge.atMostMinor { line += ", at most \(money(most))" }
            return [line]
        case .minimum(let charge):
            return [
                "brings \(names(charge.bases)) to at least "
                    + (charge.milliPerKW != 0
                        ? text(charge.milliPerKW, .milliPerKWPerMonth) : text(charge.milliPerMonth, .milliPerMonth))
            ]
        default: return describeOthers(charge)
        }
    }

    private func describeOthers(_ charge: TariffCharge) -> [String] {
        switch charge {
        case .indexed(let charge):
            var line = "\(ratePercent(charge.sharePPM)) % of the price of \(charge.exchange) \(charge.product)"
            if charge.adderMilliPerKWh != 0 { line += " and \(perKWh(charge.adderMilliPerKWh))" }
            if let floor = charge.floorMilliPerKWh { line += ", at least \(perKWh(floor))" }
            if let cap = charge.capMilliPerKWh { line += ", at most \(perKWh(cap))" }
            return ["\(line) (\(charge.quantity.rawValue))"]
        case .criticalPeak(let charge):
            let hours = charge.hours.map { "\(clock($0.fromMinute))-\(clock($0.toMinute))" }.joined(separator: ", ")
            return ["\(perKWh(charge.milliPerKWh)) on top in \(hours) of \(charge.days.count) days"]
        case .supplySurcharge(let charge):
            return charge.rates.map { rate in
                let size =
                    rate.ppm != 0
                    ? "\(ratePercent(rate.ppm)) % of \(names(charge.bases))" : perKWh(rate.milliPerKWh)
                return "supply of \(rate.supplyMonth), charged in \(rate.chargeMonth): \(size)"
                    + (rate.lapses.map { ", lapses after \($0)" } ?? "")
            }
        case .qualityCredit(let charge):
            return [
                "\(text(charge.milliPerHour, .milliPerHour)) of \(charge.measure.rawValue) back, after "
                    + "\(charge.freeMinutes) minutes" + (charge.atMostMinor.map { ", at most \(money($0))" } ?? "")
            ]
        case .contractBreak(let charge):
            return [
                "\(ratePercent(charge.ppm)) % of \(components[charge.base].id) for the days that remain, at most "
                    + "\(charge.atMostMonths) months"
            ]
        case .bank(let charge):
            return ["surplus at the end of month \(charge.month): \(perKWh(charge.milliPerKWh))"]
        case .addOns(let charge):
            return ["energy of add-on packs" + (charge.countsTowardSlabs ? ", which counts toward slabs" : "")]
        case .rounding(let toMinor): return ["the bill to the nearest \(money(toMinor))"]
        default: return []
        }
    }

    private func window(_ minutes: Int?) -> String { minutes.map { ", over \($0) minutes" } ?? "" }

    private func describe(_ charge: StandingCharge) -> [String] {
        let lines = charge.steps.map { step in
            let price =
                step.milliPerKW != 0
                ? text(step.milliPerKW, .milliPerKWPerMonth) : text(step.milliPerMonth, .milliPerMonth)
            guard charge.steps.count > 1 else { return price }
            guard let limit = step.upTo else { return "above that: \(price)" }
            return "up to \(text(limit, charge.choice == .total ? .wattHours : .watts)): \(price)"
        }
        return lines
            + (charge.roundsUpToKW ? ["contracted load rounded up to the next kW"] : [])
            + (charge.proration == .calendarFraction ? [] : ["prorated by \(charge.proration.rawValue)"])
    }

    private func describe(_ charge: EnergyCharge) -> [String] {
        var lines: [String] = []
        var head: [String] = []
        if charge.quantity != .drawn { head.append("of \(charge.quantity.rawValue)") }
        if charge.tables[0].steps.count + charge.tables.count > 2 {
            head.append("slabs \(charge.kind.rawValue)")
            if charge.bands.count > 1 { head.append("with bands \(charge.rule.rawValue)") }
            if charge.proration != .none { head.append("prorated by \(charge.proration.rawValue)") }
        }
        if !head.isEmpty { lines.append(head.joined(separator: ", ")) }
        var from: Int64 = 0
        for table in charge.tables {
            if charge.tables.count > 1 {
                lines.append("total \(EnergyCharge.range(from, table.upToTotalWh ?? .max))")
                from = table.upToTotalWh ?? .max
            }
            var low: Int64 = 0
            for step in table.steps {
                let prices =
                    charge.pricesBands
                    ? zip(charge.bands, step.milliPerKWh).map { "\($0) \(perKWh(charge.sign * $1))" }
                    : [perKWh(charge.sign * step.milliPerKWh[0])]
                let slab = EnergyCharge.range(low, step.upToWh ?? .max) + (charge.kind == .perDay ? " a day" : "")
                low = step.upToWh ?? .max
                let name = table.steps.count > 1 ? "\(slab): " : ""
                lines.append((charge.tables.count > 1 ? "  " : "") + name + prices.joined(separator: ", "))
            }
        }
        for (band, percent) in zip(charge.bands, charge.upliftHundredths) where percent != 0 {
            lines.append("in \(band) \(percent > 0 ? "+" : "")\(ratePercent(percent * 100)) %")
        }
        return lines
    }
}

extension DatedCalendar {
    /// A bar of half hours for each row, a letter for each band; a half hour of two bands has a dot.
    func drawn(_ name: String) -> [String] {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWX")
        func letter(_ band: Int) -> Character { letters[band % letters.count] }
        let keys = bands.indices.map { "\(letter($0)) \(bands[$0])" }
        var lines = ["Calendar \(name): \(keys.joined(separator: ", "))"]
        var drawn = rowMinutes[...]
        for version in versions {
            if !version.sources.isEmpty {
                lines.append("  from \(version.from), of the company: \(version.sources)")
            }
            lines.append("  0     3     6     9     12    15    18    21    24")
            for (row, minutes) in zip(version.rows, drawn) {
                let bar = (0..<48).map { half -> Character in
                    let bands = Set(minutes[half * 30..<half * 30 + 30])
                    return bands.count == 1 ? letter(minutes[half * 30]) : "."
                }
                let days =
                    row.days.count >= 7 && row.days.isSuperset(of: 1...7)
                    ? ["every day"] : row.days.sorted().map { Self.dayNames[$0 - 1] }
                lines.append(
                    "  \(String(bar))  \(days.joined(separator: " "))\(row.season.map { ", \($0)" } ?? "")")
            }
            drawn = drawn.dropFirst(version.rows.count)
            if !version.holidays.isEmpty { lines.append("  \(version.holidays.count) holidays") }
            lines += version.seasons.map(\.words)
        }
        return lines
    }
}

extension Season {
    /// `  summer: 1/4 to 30/9`
    var words: String {
        func text(_ day: Int) -> String { "\(day % 100)/\(day / 100)" }
        return "  \(name): \(text(from)) to \(text(to))"
    }
}
