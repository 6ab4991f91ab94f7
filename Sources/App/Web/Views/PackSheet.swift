// PackSheet: a tariff drawn to be read: bands over the day, slabs as steps, every component in words, in the language
// of the page. Shows; prices nothing.
import Charts
import CivilTime
import Quantities
import Tariffs

/// A tariff as fields of a page.
struct PackSheet {
    let tariff: Tariff
    let w: Wording

    var values: Fields {
        var row = Fields()
        row.set("name", tariff.name)
        row.set(
            "held",
            w.say(
                tariff.validTo == nil ? "sheet.heldOn" : "sheet.held",
                [
                    "from": w.fullDay(tariff.validFrom), "to": tariff.validTo.map { w.fullDay($0) } ?? "",
                    "version": "\(tariff.version)",
                ]))
        row.set(
            "head",
            [
                tariff.billMonths == 1
                    ? w.say("sheet.monthly") : w.say("sheet.months", ["n": "\(tariff.billMonths)"]),
                metering,
                tariff.categories.isEmpty
                    ? w.say("sheet.forAll")
                    : w.say("sheet.for", ["who": "\(tariff.categories.joined(separator: ", "))"]),
            ].joined(" · "))
        row.set("calendars", tariff.calendars.sorted { $0.key < $1.key }.flatMap { drawings($0.key, $0.value) })
        row.set("components", tariff.components.map(component))
        return row
    }

    private var metering: Markup {
        switch tariff.metering {
        case .importOnly: w.say("sheet.importOnly")
        case .netMetering: w.say("sheet.netMetering")
        case .netBilling: w.say("sheet.netBilling")
        case .gross: w.say("sheet.gross")
        }
    }

    // MARK: Calendars

    /// The prices of bands in the first charge that uses a calendar; else their order.
    private func bandPrices(_ name: String, _ calendar: DatedCalendar) -> [String: (order: Int64, words: String)] {
        for component in tariff.components {
            switch component.charge {
            case .energy(let charge) where charge.calendar == name:
                let isUplift = charge.rule == .uplift
                let values = isUplift ? charge.upliftHundredths : charge.tables[0].steps[0].milliPerKWh
                guard values.count == charge.bands.count else { continue }
                return Dictionary(
                    zip(charge.bands, values).map { band, value in
                        (band, (value, isUplift ? signedPercent(value) : price(value, .milliPerKWh)))
                    }, uniquingKeysWith: { $1 })
            case .demand(let charge) where charge.calendar == name && charge.bands.count == charge.milliPerKW.count:
                return Dictionary(
                    zip(charge.bands, charge.milliPerKW).map { ($0, ($1, price($1, .milliPerKW))) },
                    uniquingKeysWith: { $1 })
            default: continue
            }
        }
        return Dictionary(
            calendar.bands.enumerated().map { ($0.element, (Int64($0.offset), "")) }, uniquingKeysWith: { $1 })
    }

    private func drawings(_ name: String, _ calendar: DatedCalendar) -> [Fields] {
        let drawing = CalendarDrawing(name: name, w: w, prices: bandPrices(name, calendar))
        return calendar.versions.map { version in
            drawing.fields(
                calendar.bands, version.rows, seasons: version.seasons, holidays: version.holidays,
                head: version.sources.isEmpty
                    ? nil
                    : w.say(
                        "sheet.ofCompany", ["calendars": "\(version.sources)", "from": w.fullDay(version.from)]))
        }
    }

    // MARK: Components

    private func component(_ component: TariffComponent) -> Fields {
        var row = Fields()
        row.set("label", component.label)
        row.set("id", component.id)
        row.set("lines", ComponentWords(tariff: tariff, w: w).lines(component.charge).map { Fields(["line": $0]) })
        if case .energy(let charge) = component.charge, let picture = slabs(charge, component.label) {
            row.set("chart", Markup(trusted: picture.svg()))
        }
        return row
    }

    /// One table of slabs without bands, or with bands by the first of them.
    private func slabs(_ charge: EnergyCharge, _ label: String) -> SlabSteps? {
        let table = charge.tables[0]
        guard charge.tables.count == 1, table.steps.count > 1 else { return nil }
        let words = ComponentWords(tariff: tariff, w: w)
        var low: Int64 = 0
        let steps = table.steps.map { step -> SlabSteps.Step in
            defer { low = step.upToWh ?? low }
            let price = price(step.milliPerKWh[0], .milliPerKWh)
            return SlabSteps.Step(
                upTo: step.upToWh, price: step.milliPerKWh[0], priceLabel: price,
                endLabel: step.upToWh.map { words.kWh($0) } ?? "",
                title: "\(words.range(low, step.upToWh).plain): \(price)")
        }
        return SlabSteps(steps: steps, alt: w.say("sheet.slabsAlt", ["name": "\(label)"]).plain)
    }

    private func price(_ milli: Int64, _ unit: BillRateUnit) -> String { tariff.shown(milli, unit, w) }
    private func signedPercent(_ hundredths: Int64) -> String {
        (hundredths > 0 ? "+" : "") + fixedPoint(hundredths, places: 2) + " %"
    }
}

extension Tariff {
    /// `₹6.50/kWh`, with more decimals where it has them, in the words of the page.
    func shown(_ rate: Int64, _ unit: BillRateUnit, _ w: Wording) -> String {
        let digits =
            rate % 1000 == 0
            ? fixedPoint(rate / 1000, places: minorDigits) : String(text(rate, .milliPerKWh).prefix { $0 != "/" })
        let sign = currency == "INR" ? "₹" : currency + " "
        let price = Markup(text: sign + digits)
        return switch unit {
        case .milliPerKWh: w.say("rate.kWh", ["price": price]).plain
        case .milliPerKW: w.say("rate.kW", ["price": price]).plain
        case .milliPerMonth: w.say("rate.month", ["price": price]).plain
        case .milliPerKWPerMonth: w.say("rate.kWMonth", ["price": price]).plain
        case .milliPerHour: w.say("rate.hour", ["price": price]).plain
        case .ppm: text(rate, unit)
        }
    }
}
