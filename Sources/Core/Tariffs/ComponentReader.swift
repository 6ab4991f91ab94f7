// Reads one component of a tariff file. Its kind says which keys it has; what does not fit is refused by name.
import CivilTime
import Quantities

/// The words for kinds of component.
enum ComponentWord: String, CaseIterable {
    case energy, export, universal, fixed, meterRent, demand, excessDemand, powerFactor, levy, duty, tax, subsidy
    case rebate, minimum, indexed, criticalPeak, supplySurcharge, qualityCredit, contractBreak, bank, rounding
    case addOns
}

struct ComponentReader {
    var fields: TariffFields
    let index: Int
    /// Calendars of the company join it as they are named.
    private(set) var tariff: Tariff
    private(set) var calendars: CalendarReader
    let names: ComponentNames

    /// Highest amount per month taken, in thousandths of the minor unit.
    private static let maximumMonth = maximumFixedPaise * 1000
    private static let maximumKW = maximumFixedPaisePerKW * 1000
    private static let maximumWh: Int64 = TariffChargeLimits.whPerBill

    init(
        _ text: TariffText, index: Int, tariff: Tariff, calendars: CalendarReader, graph: ComponentNames, file: String
    ) throws(TariffError) {
        fields = try TariffFields(text, file: file, what: "component \(graph.ids[index])")
        self.index = index
        self.tariff = tariff
        self.calendars = calendars
        names = graph
    }

    mutating func read() throws(TariffError) -> TariffComponent {
        let id = try fields.text(try fields.need("id"), "id")
        let found = try fields.need("kind")
        let kind = try fields.word(found, "kind", ComponentWord.self)
        var label = id
        if let found = fields.take("label") { label = try fields.text(found, "label") }
        let charge = try charge(kind, found.line)
        try fields.finish()
        return TariffComponent(id: id, label: label, kind: kind.rawValue, charge: charge)
    }

    private mutating func charge(_ kind: ComponentWord, _ line: Int) throws(TariffError) -> TariffCharge {
        switch kind {
        case .energy, .export: return .energy(try energy(kind, line))
        case .universal, .fixed, .meterRent: return .standing(try standing())
        case .demand: return .demand(try demand())
        case .excessDemand: return .excessDemand(try excessDemand())
        case .powerFactor: return .powerFactor(try powerFactor())
        case .levy, .duty, .tax, .subsidy, .rebate:
            guard fields.keys.contains("percent") else { return .energy(try energy(kind, line)) }
            return .share(try share(isCredit: kind == .subsidy || kind == .rebate))
        case .minimum: return .minimum(try minimum())
        case .indexed: return .indexed(try indexed(line))
        case .criticalPeak: return .criticalPeak(try criticalPeak(line))
        case .supplySurcharge: return .supplySurcharge(try supplySurcharge())
        case .qualityCredit: return .qualityCredit(try qualityCredit())
        case .contractBreak: return .contractBreak(try contractBreak())
        case .bank: return .bank(try bank(line))
        case .addOns: return .addOns(try addOns(line))
        case .rounding:
            return .rounding(toMinor: try money(try fields.need("to"), "to", extra: 0, 1...1_000_000))
        }
    }

    // MARK: Values

    /// Thousandths of the minor unit, or with `extra` 0 minor units.
    private func money(
        _ text: TariffText, _ key: String, extra: Int = 3, _ range: ClosedRange<Int64>
    ) throws(TariffError) -> Int64 {
        try fields.decimal(text, key, places: tariff.minorDigits + extra, range)
    }

    /// Below zero only where a kind may lower a bill: fuel adjustments do.
    private func price(_ text: TariffText, _ key: String) throws(TariffError) -> Int64 {
        let milli = try money(text, key, -maximumPriceMilliPaisePerKWh...maximumPriceMilliPaisePerKWh)
        guard milli >= 0 || names.kinds[index] != ComponentWord.energy.rawValue else {
            throw fields.error(
                text.line, "\(key) \(try fields.text(text, key)) of energy is below zero",
                remedy: "use kind export for what is fed in, rebate or subsidy for what is taken off")
        }
        return milli
    }

    func ppm(_ text: TariffText, _ key: String, most: Int64 = 10_000_000) throws(TariffError) -> Int64 {
        try fields.decimal(text, key, places: 4, -most...most)
    }

    private func wh(_ text: TariffText, _ key: String) throws(TariffError) -> Int64 {
        guard decimalNumber(try fields.text(text, key), places: 3) != 0 else {
            throw fields.error(text.line, "\(key) is 0", remedy: "give more than 0, or leave what is nothing out")
        }
        return try fields.decimal(text, key, places: 3, 1...Self.maximumWh)
    }

    private mutating func bands() throws(TariffError) -> (calendar: String, bands: [String])? {
        guard let found = fields.take("calendar") else { return nil }
        let name = try fields.text(found, "calendar")
        if tariff.calendars[name] == nil {
            tariff.calendars[name] = try calendars.bands(found, name, own: tariff.calendars.keys.sorted(), fields)
        }
        guard let calendar = tariff.calendars[name] else { preconditionFailure("a calendar was found or refused") }
        return (name, calendar.bands)
    }

    /// One value, or with bands one for each of them.
    private func perBand(
        _ text: TariffText, _ key: String, _ bands: [String],
        _ value: (TariffText, String) throws(TariffError) -> Int64
    ) throws(TariffError) -> [Int64] {
        guard case .map(let pairs) = text.content else {
            guard bands.count == 1 else {
                throw fields.error(
                    text.line, "\(key) is one value for the bands \(bands.joined(separator: ", "))",
                    remedy: "give a value for each band, or leave out calendar")
            }
            return [try value(text, key)]
        }
        guard bands != [""] else {
            throw fields.error(text.line, "\(key) has bands and the component no calendar", remedy: "add calendar: …")
        }
        if let stray = pairs.first(where: { !bands.contains($0.key) }) {
            let near = Resemblance.nearest(to: stray.key, among: bands).map { "did you mean \($0)? " } ?? ""
            throw fields.error(
                stray.line, "the calendar has no band \(stray.key)",
                remedy: "\(near)its bands are \(bands.joined(separator: ", "))")
        }
        var values: [Int64] = []
        for band in bands {
            guard let pair = pairs.first(where: { $0.key == band }) else {
                throw fields.error(text.line, "\(key) has no value for band \(band)", remedy: "give one for every band")
            }
            values.append(try value(pair.value, "\(key) of \(band)"))
        }
        return values
    }

    mutating func bases() throws(TariffError) -> [TariffBase] {
        let found = try fields.need("of")
        var bases: [TariffBase] = []
        for item in try fields.list(found, "of", 1...60) {
            let base = try base(item)
            let twice = bases.first {
                $0.component == base.component && ($0.part == nil || base.part == nil || $0.part == base.part)
            }
            if let twice {
                throw fields.error(
                    item.line, "of names \(base.name) beside \(twice.name), which counts it twice",
                    remedy: "name each component, or each of its parts, once")
            }
            bases.append(base)
        }
        return bases
    }

    private func base(_ item: TariffText) throws(TariffError) -> TariffBase {
        let name = try fields.text(item, "of")
        let words = name.split(separator: ".", maxSplits: 1).map(String.init)
        guard let id = words.first, let component = names.ids.firstIndex(of: id) else {
            let near = Resemblance.nearest(to: words.first ?? name, among: names.ids)
            throw fields.error(
                item.line, "there is no component \(name)",
                remedy: (near.map { "did you mean \($0)? " } ?? "")
                    + "components are \(names.ids.joined(separator: ", "))")
        }
        guard names.kinds[component] != ComponentWord.rounding.rawValue else {
            throw fields.error(
                item.line, "of names \(id), which rounds the bill when all else is charged",
                remedy: "name what it rounds, not the rounding")
        }
        guard words.count == 2 else { return TariffBase(component: component, part: nil, name: name) }
        guard let part = names.bases[component].firstIndex(of: words[1]), names.hasParts[component] else {
            throw fields.error(
                item.line, "\(id) has no part \(words[1])",
                remedy: "a part is what a percent takes of one of its of, and it has no atMost")
        }
        return TariffBase(component: component, part: part, name: name)
    }

    // MARK: Energy

    private mutating func energy(_ kind: ComponentWord, _ line: Int) throws(TariffError) -> EnergyCharge {
        var charge = EnergyCharge()
        charge.quantity = kind == .export ? .fedIn : .drawn
        if let found = fields.take("quantity") {
            charge.quantity = try fields.word(found, "quantity", MeteredQuantity.self)
        }
        try refuseUnmetered(charge.quantity, line)
        charge.sign = [.export, .subsidy, .rebate].contains(kind) ? -1 : 1
        if let found = try bands() { (charge.calendar, charge.bands) = found }
        guard charge.quantity != .consumption || charge.bands.count == 1 else {
            throw fields.error(
                line, "consumption by bands of the day", remedy: "leave calendar out: it is reckoned for the whole bill"
            )
        }
        var free: Int64 = 0
        if let found = fields.take("freeKWh") { free = try wh(found, "freeKWh") }
        if let found = fields.take("slabs") {
            guard free == 0 else {
                throw fields.error(found.line, "freeKWh beside slabs", remedy: "write a first slab at 0")
            }
            try slabs(found, &charge)
        } else {
            let prices = try perBand(try fields.need("perKWh"), "perKWh", charge.bands, price)
            let rest = SlabStep(upToWh: nil, milliPerKWh: prices)
            let zero = SlabStep(upToWh: free, milliPerKWh: prices.map { _ in 0 })
            charge.tables = [SlabTable(upToTotalWh: nil, steps: free == 0 ? [rest] : [zero, rest])]
            if let found = fields.take("proration") {
                charge.proration = try fields.word(found, "proration", ProrationRule.self)
            }
        }
        guard tariff.metering == .netMetering else { return charge }
        guard charge.quantity != .fedIn, charge.quantity != .drawn || charge.bands.count == 1 else {
            throw fields.error(
                line,
                charge.quantity == .fedIn
                    ? "an export price beside net metering" : "bands of the day beside net metering",
                remedy: "net metering nets the month's energy: use kind bank for the surplus, or metering: netBilling")
        }
        return charge
    }

    private mutating func slabs(_ text: TariffText, _ charge: inout EnergyCharge) throws(TariffError) {
        var slabs = try TariffFields(text, file: fields.file, what: "slabs of \(names.ids[index])")
        if let found = slabs.take("kind") { charge.kind = try slabs.word(found, "kind", SlabKind.self) }
        if let found = slabs.take("proration") {
            charge.proration = try slabs.word(found, "proration", ProrationRule.self)
            guard charge.kind != .perDay || charge.proration == .none else {
                throw slabs.error(
                    found.line, "limits per day are not prorated", remedy: "leave proration out of slabs per day")
            }
        }
        if charge.bands.count > 1 {
            let found = slabs.take("rule")
            guard let found else {
                throw slabs.error(
                    text.line, "slabs with bands have no one meaning",
                    remedy: "give rule: chronological, proportional or uplift")
            }
            charge.rule = try slabs.word(found, "rule", SlabBandRule.self)
            let isByTotal = charge.kind == .byTotal || charge.kind == .nonTelescopic
            guard charge.rule != .chronological || !isByTotal else {
                throw slabs.error(
                    found.line, "what the total decides cannot be chronological",
                    remedy: "give rule: proportional or uplift")
            }
            if charge.rule == .uplift {
                charge.upliftHundredths = try perBand(try slabs.need("uplift"), "uplift", charge.bands) {
                    (text, key) throws(TariffError) in
                    try fields.decimal(text, key, places: 2, -10_000...100_000)
                }
            }
        }
        if charge.kind == .byTotal {
            for item in try slabs.list(try slabs.need("tables"), "tables", 1...30) {
                var table = try TariffFields(item, file: fields.file, what: "a table of \(names.ids[index])")
                var limit: Int64?
                if let found = table.take("upToTotal") { limit = try wh(found, "upToTotal") }
                charge.tables.append(
                    SlabTable(upToTotalWh: limit, steps: try steps(try table.need("steps"), charge)))
                try table.finish()
            }
            try rising(charge.tables.map(\.upToTotalWh), text.line, "upToTotal")
        } else {
            charge.tables = [SlabTable(upToTotalWh: nil, steps: try steps(try slabs.need("steps"), charge))]
        }
        try slabs.finish()
    }

    private func steps(_ text: TariffText, _ charge: EnergyCharge) throws(TariffError) -> [SlabStep] {
        var steps: [SlabStep] = []
        let bands = charge.pricesBands ? charge.bands : [""]
        for item in try fields.list(text, "steps", 1...40) {
            var step = try TariffFields(item, file: fields.file, what: "a slab of \(names.ids[index])")
            var limit: Int64?
            if let found = step.take("upTo") { limit = try wh(found, "upTo") }
            steps.append(
                SlabStep(
                    upToWh: limit, milliPerKWh: try perBand(try step.need("perKWh"), "perKWh", bands, price)))
            try step.finish()
        }
        try rising(steps.map(\.upToWh), text.line, "upTo")
        return steps
    }

    /// Limits grow, and only the last is without end.
    private func rising(_ limits: [Int64?], _ line: Int, _ key: String) throws(TariffError) {
        for (index, limit) in limits.enumerated() {
            let isLast = index == limits.count - 1
            let isAbove = index == 0 || (limits[index - 1] ?? .max) < (limit ?? .max)
            guard (limit == nil) == isLast, isLast || isAbove else {
                throw fields.error(
                    line, "the limits (\(key)) do not rise to a last one without end",
                    remedy: "let each \(key) be above the one before, and leave it out of the last")
            }
        }
    }

    // MARK: Standing charges and demand

    private mutating func standing() throws(TariffError) -> StandingCharge {
        var charge = StandingCharge(steps: [])
        if let found = fields.take("proration") {
            charge.proration = try fields.word(found, "proration", ProrationRule.self)
            guard charge.proration != .floorDays else {
                throw fields.error(
                    found.line, "floorDays cuts kWh, not money", remedy: "give calendarFraction for a fixed charge")
            }
        }
        let roundUp = fields.take("roundUpKW")
        if let roundUp { charge.roundsUpToKW = try fields.flag(roundUp, "roundUpKW") }
        let perMonth = fields.take("perMonth")
        let perKW = fields.take("perKW")
        let bands = fields.take("loadBands")
        let byTotal = fields.take("byTotal")
        guard [perMonth, perKW, bands, byTotal].compactMap({ $0 }).count == 1 else {
            throw fields.error(
                fields.line, "\(fields.what) needs one of perMonth, perKW, loadBands and byTotal",
                remedy: "give exactly one of them")
        }
        if let perMonth {
            charge.steps = [
                .init(upTo: nil, milliPerMonth: try money(perMonth, "perMonth", 0...Self.maximumMonth), milliPerKW: 0)
            ]
        } else if let perKW {
            charge.steps = [
                .init(upTo: nil, milliPerMonth: 0, milliPerKW: try money(perKW, "perKW", 0...Self.maximumKW))
            ]
        } else if let list = bands ?? byTotal {
            charge.choice = bands == nil ? .total : .contractedLoad
            for item in try fields.list(list, "steps", 1...40) {
                charge.steps.append(try standingStep(item, charge.choice))
            }
            try rising(charge.steps.map(\.upTo), list.line, bands == nil ? "upTo" : "upToKW")
        }
        if let roundUp, perMonth != nil || (perKW == nil && charge.steps.allSatisfy { $0.milliPerKW == 0 }) {
            throw fields.error(
                roundUp.line, "roundUpKW beside a charge that is not per kW", remedy: "leave it out, or give perKW")
        }
        return charge
    }

    private func standingStep(
        _ item: TariffText, _ choice: StandingCharge.Choice
    ) throws(TariffError) -> StandingCharge.Step {
        var fields = try TariffFields(item, file: self.fields.file, what: "a step of \(names.ids[index])")
        var step = StandingCharge.Step(upTo: nil, milliPerMonth: 0, milliPerKW: 0)
        let key = choice == .total ? "upTo" : "upToKW"
        if let found = fields.take(key) { step.upTo = try wh(found, key) }
        if let found = fields.take("perKW") {
            step.milliPerKW = try money(found, "perKW", 0...Self.maximumKW)
        } else {
            step.milliPerMonth = try money(try fields.need("perMonth"), "perMonth", 0...Self.maximumMonth)
        }
        try fields.finish()
        return step
    }

    private mutating func window() throws(TariffError) -> Int? {
        guard let found = fields.take("windowMinutes") else { return nil }
        let minutes = try fields.integer(found, "windowMinutes", 1...60)
        guard 60 % minutes == 0 else {
            throw fields.error(found.line, "windowMinutes \(minutes)", remedy: "give minutes that divide an hour")
        }
        return Int(minutes)
    }

    private mutating func demand() throws(TariffError) -> DemandCharge {
        var charge = DemandCharge(milliPerKW: [])
        if let found = try bands() { (charge.calendar, charge.bands) = found }
        charge.milliPerKW = try perBand(try fields.need("perKW"), "perKW", charge.bands) {
            (text, key) throws(TariffError) in try money(text, key, 0...Self.maximumKW)
        }
        charge.windowMinutes = try window()
        if let found = fields.take("atLeastPercent") {
            guard charge.bands.count == 1 else {
                throw fields.error(
                    found.line, "atLeastPercent with bands", remedy: "give it to a demand charge without a calendar")
            }
            charge.atLeastPPM = try fields.decimal(found, "atLeastPercent", places: 4, 0...1_000_000)
        }
        return charge
    }

    private mutating func excessDemand() throws(TariffError) -> ExcessDemandCharge {
        let list = try fields.need("steps")
        var steps: [ExcessDemandCharge.Step] = []
        for item in try fields.list(list, "steps", 1...20) {
            var step = try TariffFields(item, file: fields.file, what: "a step of \(names.ids[index])")
            var limit: Int64?
            if let found = step.take("upToPercent") {
                limit = try fields.decimal(found, "upToPercent", places: 4, 1...100_000_000)
            }
            steps.append(
                .init(upToPPM: limit, milliPerKW: try money(try step.need("perKW"), "perKW", 0...Self.maximumKW)))
            try step.finish()
        }
        try rising(steps.map(\.upToPPM), list.line, "upToPercent")
        return ExcessDemandCharge(steps: steps, windowMinutes: try window())
    }

    // MARK: Of other components

    private mutating func share(isCredit: Bool) throws(TariffError) -> ShareCharge {
        let found = try fields.need("percent")
        let size = try ppm(found, "percent")
        guard size >= 0 else {
            throw fields.error(
                found.line, "percent is below zero", remedy: "use kind rebate or subsidy for what is taken off")
        }
        guard !isCredit || size <= 1_000_000 else {
            throw fields.error(found.line, "more than 100 % is taken off", remedy: "write 100 or less")
        }
        var charge = ShareCharge(ppm: isCredit ? -size : size, bases: try bases())
        if let found = fields.take("whenTotalUpTo") { charge.whenTotalUpToWh = try wh(found, "whenTotalUpTo") }
        if let found = fields.take("atMost") {
            charge.atMostMinor = try money(found, "atMost", extra: 0, 0...maximumFixedPaise)
        }
        return charge
    }

    private mutating func minimum() throws(TariffError) -> MinimumCharge {
        let perKW = fields.take("perKW")
        var charge = MinimumCharge(milliPerMonth: 0, milliPerKW: 0, bases: try bases())
        if let perKW {
            charge.milliPerKW = try money(perKW, "perKW", 0...Self.maximumKW)
        } else {
            charge.milliPerMonth = try money(try fields.need("perMonth"), "perMonth", 0...Self.maximumMonth)
        }
        return charge
    }

    private mutating func contractBreak() throws(TariffError) -> ContractBreak {
        let size = try fields.decimal(try fields.need("percent"), "percent", places: 4, 0...10_000_000)
        let of = try bases()
        guard of.count == 1, of[0].part == nil else {
            throw fields.error(
                fields.line, "\(fields.what) is of \(of.count) components", remedy: "name one fixed charge")
        }
        return ContractBreak(
            ppm: size, base: of[0].component,
            atMostMonths: try fields.integer(try fields.need("atMostMonths"), "atMostMonths", 1...120))
    }

    // MARK: By market, hours, months, minutes

    private func refuseNetting(_ line: Int, _ what: String) throws(TariffError) {
        guard tariff.metering != .netMetering else {
            throw fields.error(
                line, "\(what) beside net metering", remedy: "use metering: netBilling, where each interval has a price"
            )
        }
    }

    private func refuseUnmetered(_ quantity: MeteredQuantity, _ line: Int) throws(TariffError) {
        guard tariff.metering != .importOnly || (quantity != .fedIn && quantity != .consumption) else {
            throw fields.error(
                line, "\(quantity.rawValue) of a tariff that meters import only",
                remedy: "add metering: netBilling or gross to the tariff")
        }
    }

    private mutating func indexed(_ line: Int) throws(TariffError) -> IndexedCharge {
        try refuseNetting(line, "a market price")
        guard tariff.minorDigits == 2 else {
            throw fields.error(line, "a market price in a currency of \(tariff.minorDigits) decimals", remedy: "use 2")
        }
        var charge = IndexedCharge(
            quantity: .drawn, exchange: try fields.text(try fields.need("exchange"), "exchange"),
            product: try fields.text(try fields.need("product"), "product"), sharePPM: 1_000_000, adderMilliPerKWh: 0)
        if let found = fields.take("quantity") {
            charge.quantity = try fields.word(found, "quantity", MeteredQuantity.self)
        }
        try refuseUnmetered(charge.quantity, line)
        guard charge.quantity != .consumption else {
            throw fields.error(
                line, "a market price of consumption", remedy: "give import: consumption is reckoned for the whole bill"
            )
        }
        if let found = fields.take("percent") {
            charge.sharePPM = try fields.decimal(found, "percent", places: 4, 1...10_000_000)
        }
        if let found = fields.take("adder") { charge.adderMilliPerKWh = try price(found, "adder") }
        if let found = fields.take("floor") { charge.floorMilliPerKWh = try price(found, "floor") }
        if let found = fields.take("cap") {
            let cap = try price(found, "cap")
            guard charge.floorMilliPerKWh.map({ $0 <= cap }) != false else {
                throw fields.error(found.line, "the cap is below the floor", remedy: "swap them")
            }
            charge.capMilliPerKWh = cap
        }
        return charge
    }

    private mutating func criticalPeak(_ line: Int) throws(TariffError) -> CriticalPeakCharge {
        try refuseNetting(line, "a critical peak")
        let days = try fields.days(try fields.need("days"), "days")
        let hours = try fields.hours(try fields.need("hours"), "hours")
        guard !days.isEmpty, !hours.isEmpty else {
            throw fields.error(
                line, "\(fields.what) has no \(days.isEmpty ? "days" : "hours")",
                remedy: "give them, or leave the component out")
        }
        return CriticalPeakCharge(
            days: Set(days), hours: hours,
            milliPerKWh: try price(try fields.need("perKWh"), "perKWh"))
    }

    private mutating func supplySurcharge() throws(TariffError) -> SupplySurcharge {
        let lag = try fields.integer(try fields.need("lagMonths"), "lagMonths", 1...24)
        var surcharge = SupplySurcharge(rates: [], bases: [])
        for item in try fields.list(try fields.need("rates"), "rates", 1...240) {
            var rate = try TariffFields(item, file: fields.file, what: "a rate of \(names.ids[index])")
            let supply = try rate.month(try rate.need("supplyMonth"), "supplyMonth")
            var read = SupplySurcharge.Rate(
                supplyMonth: supply, chargeMonth: CivilMonth(index: supply.index + Int(lag)), milliPerKWh: 0, ppm: 0)
            if let found = rate.take("chargeMonth") {
                read.chargeMonth = try rate.month(found, "chargeMonth")
                guard read.chargeMonth > supply else {
                    throw rate.error(found.line, "chargeMonth is not after supplyMonth", remedy: "give a later month")
                }
            }
            if let found = rate.take("percent") {
                read.ppm = try ppm(found, "percent")
            } else {
                read.milliPerKWh = try price(try rate.need("perKWh"), "perKWh")
            }
            if let found = rate.take("lapses") { read.lapses = try rate.day(found, "lapses") }
            try rate.finish()
            guard !surcharge.rates.contains(where: { $0.supplyMonth == supply }) else {
                throw rate.error(rate.line, "supplyMonth \(supply) has two rates", remedy: "keep one of them")
            }
            surcharge.rates.append(read)
        }
        if surcharge.rates.contains(where: { $0.ppm != 0 }) {
            surcharge.bases = try bases()
            if let part = surcharge.bases.first(where: { $0.part != nil }) {
                throw fields.error(
                    fields.line, "\(fields.what) is of the part \(part.name)", remedy: "name whole components")
            }
        }
        return surcharge
    }

    private mutating func qualityCredit() throws(TariffError) -> QualityCredit {
        var credit = QualityCredit(
            measure: try fields.word(try fields.need("measure"), "measure", QualityCredit.Measure.self), freeMinutes: 0,
            milliPerHour: try money(try fields.need("perHour"), "perHour", 0...Self.maximumKW))
        if let found = fields.take("freeMinutes") {
            credit.freeMinutes = try fields.integer(found, "freeMinutes", 0...50_000)
        }
        if let found = fields.take("atMost") {
            credit.atMostMinor = try money(found, "atMost", extra: 0, 0...maximumFixedPaise)
        }
        return credit
    }

    private mutating func addOns(_ line: Int) throws(TariffError) -> AddOnCharge {
        try refuseNetting(line, "add-on packs")
        var charge = AddOnCharge()
        if let found = fields.take("countsTowardSlabs") {
            charge.countsTowardSlabs = try fields.flag(found, "countsTowardSlabs")
        }
        return charge
    }

    private mutating func bank(_ line: Int) throws(TariffError) -> BankSettlement {
        guard tariff.metering == .netMetering else {
            throw fields.error(line, "a bank of energy without net metering", remedy: "add metering: netMetering")
        }
        let found = try fields.need("settleMonth")
        let month = Int(try fields.integer(found, "settleMonth", 1...12))
        guard month % tariff.billMonths == 0 else {
            throw fields.error(
                found.line, "settleMonth \(month) ends no bill of \(tariff.billMonths) months",
                remedy: "give a month that does: a multiple of \(tariff.billMonths)")
        }
        return BankSettlement(
            month: month,
            milliPerKWh: try price(try fields.need("perKWh"), "perKWh"))
    }
}
