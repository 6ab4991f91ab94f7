// A tariff made ready for the days of a bill, and the pricing of one of those days from a stored state. One engine: a
// whole bill is its days. It keeps nothing between days.
import CivilTime

/// All that the amounts of a day depend on beside the tariff and the state.
public struct DayInput: Sendable {
    public var load: TariffLoadDay
    /// Held on that day; those whose weekdays or dates leave it out do nothing.
    public var addOns: [AddOnPack]
    public var facts: AccountFacts
    public var prices: MarketPrices?

    public init(
        load: TariffLoadDay, addOns: [AddOnPack] = [], facts: AccountFacts = AccountFacts(),
        prices: MarketPrices? = nil
    ) {
        self.load = load
        self.addOns = addOns
        self.facts = facts
        self.prices = prices
    }
}

/// What a component charged.
public struct DayAmount: Sendable, Equatable {
    public var id: String
    public var kind: String
    public var minor: Int64
    public init(id: String, kind: String, minor: Int64) {
        self.id = id
        self.kind = kind
        self.minor = minor
    }
}

/// A day's charge.
public struct DayAmounts: Sendable, Equatable {
    public var day: CivilDay
    /// Of the tariff in force.
    public var version: Int
    public var importWh: Int64
    public var exportWh: Int64
    /// What add-on packs took of the import.
    public var addOnWh: Int64
    /// In the order of the bill, those that are not zero.
    public var amountsMinor: [DayAmount]
    public var totalMinor: Int64
    public var closing: BillState
}

/// A day's charge with its explanation.
public struct DayExplained: Sendable, Equatable {
    public var amounts: DayAmounts
    /// Those with a line or an amount; lines sum to their component.
    public var components: [BillComponent]
    /// What of a component is no energy of the day: the total passed into another table or slab.
    public var jumpsMinor: [String: Int64]
    /// Which slots add-on packs took.
    public var addOnLines: [AddOnLine]
}

/// Made once for a tariff and a bill, used for many accounts and days.
public struct ReadyBill: Sendable {
    public let period: BillPeriod
    public let tariffID: String
    /// Those that hold on some day of it.
    let versions: [ReadyTariff]
    /// The one it begins with in numbers, where its shape is plain.
    let plain: PlainBill.Box?
    private let spans: [String]
    /// Whether months are kept for a surcharge, and for how long.
    let keepsMonths: Bool
    private let lagMonths: Int

    /// - Throws: no version that holds in the bill, or a bill too long for what is due once in one.
    public init(_ book: TariffBook, period: BillPeriod) throws(TariffError) {
        self.period = period
        tariffID = book.tariffs[0].id
        spans = book.tariffs.map { "from \($0.validFrom)" + ($0.validTo.map { " to \($0)" } ?? "") }
        keepsMonths = book.lagMonths != nil
        // A tariff without surcharges hands on what it was handed, to one that may have them.
        lagMonths = book.lagMonths ?? 24
        let versions = book.tariffs.filter {
            $0.validFrom <= period.last && ($0.validTo.map { period.first <= $0 } ?? true)
        }.map { ReadyTariff($0, period) }
        self.versions = versions
        let keepsMonths = keepsMonths
        plain = versions.first.flatMap { version in
            PlainBill(version, period: period, keepsMonths: keepsMonths).map { PlainBill.Box(version, $0, period) }
        }
        if versions.isEmpty { throw holdsNone(on: period.first) }
        for version in versions { try version.tariff.check(period) }
    }

    /// Prices a day. Days come in increasing order; a day that is missing costs nothing, and when it arrives all later
    /// days of the bill are priced again from it.
    /// - Parameter opening: the closing state of the last day priced before, of this bill or another; `start` for the
    ///   first of all.
    public func price(_ day: DayInput, opening: BillState) throws(TariffError) -> DayAmounts {
        if let amounts = plainAmounts(day, opening: opening) { return amounts }
        var pricer = try DayPricer(self, day, opening: opening)
        try pricer.run(explains: false)
        return pricer.amounts
    }

    /// The same with its lines.
    public func explain(_ day: DayInput, opening: BillState) throws(TariffError) -> DayExplained {
        var pricer = try DayPricer(self, day, opening: opening)
        try pricer.run(explains: true)
        return pricer.explained
    }

    // MARK: Versions

    func version(on day: CivilDay) throws(TariffError) -> ReadyTariff {
        guard period.first <= day, day <= period.last else {
            throw TariffError(
                day.description, "is no day of the bill \(period.first) to \(period.last)",
                remedy: "price it with the bill it belongs to")
        }
        guard let found = versions.first(where: { $0.tariff.holds(on: day) }) else { throw holdsNone(on: day) }
        return found
    }

    private func holdsNone(on day: CivilDay) -> TariffError {
        TariffError(
            day.description, "no tariff holds on this day; those given hold \(spans.joined(separator: ", "))",
            remedy: "give its version too, or price the days on which they hold")
    }

    /// With slab limits of a bill that began under another tariff.
    func ready(_ version: ReadyTariff, _ slabsFrom: CivilDay) -> ReadyTariff {
        slabsFrom == period.first
            ? version : ReadyTariff(version.tariff, BillPeriod(first: slabsFrom, last: period.last))
    }

    // MARK: States

    /// Refuses a state that a day of this bill cannot follow.
    func check(
        _ opened: BillState.Bill, _ totals: PeriodState, followedBy day: CivilDay
    ) throws(TariffError) {
        guard opened.lastDay < day else { throw notBefore(opened.lastDay, day) }
        let name = "\(tariffID) of \(opened.lastDay)"
        guard opened.period.last == period.last else {
            throw TariffError(
                name, "its bill ended on \(opened.period.last), and now ends on \(period.last)",
                remedy: "price the bill anew from its first day")
        }
        guard let then = versions.first(where: { $0.tariff.version == opened.version }) else {
            throw TariffError(
                name, "version \(opened.version) is not among those given", remedy: "give the version it was priced by")
        }
        guard ready(then, opened.slabsFrom).fits(totals.runs) else {
            throw TariffError(
                name, "its state is not of version \(opened.version)", remedy: "price the bill anew from its first day")
        }
    }

    private func notBefore(_ last: CivilDay, _ day: CivilDay) -> TariffError {
        TariffError(
            day.description, "the state it begins from contains \(last)", remedy: "give the state of an earlier day")
    }

    /// A bill that begins, with what earlier ones hand on.
    func begin(
        after opening: BillState, on day: CivilDay, _ tariff: Tariff
    ) throws(TariffError) -> (state: BillState, opened: BillState.Bill) {
        if let last = opening.bill?.lastDay, last >= period.first { throw notBefore(last, day) }
        var state = BillState(carry: opening.carry)
        let oldest = period.first.month.index - lagMonths
        if state.carry.months.contains(where: { $0.key.index < oldest }) {
            state.carry.months = state.carry.months.filter { $0.key.index >= oldest }
        }
        if state.carry.surcharged.values.contains(where: { $0.contains { $0.index < oldest } }) {
            state.carry.surcharged = state.carry.surcharged.mapValues { $0.filter { $0.index >= oldest } }
                .filter { !$0.value.isEmpty }
        }
        var opened = BillState.Bill(
            tariffID: tariffID, version: tariff.version, period: period, lastDay: day, slabsFrom: period.first,
            openingBankWh: opening.carry.bankWh)
        if tariff.packChange == .carry, let former = opening.bill, former.tariffID != tariffID,
            former.period.last.month.index / tariff.billMonths == period.first.month.index / tariff.billMonths
        {
            opened.slabsFrom = former.slabsFrom
            opened.positionWh = former.positionWh + opening.totals.importWh - opening.totals.addOnWh
        }
        return (state, opened)
    }
}

extension ReadyTariff {
    /// Whether runs have the shape of this version's.
    func fits(_ runs: [ComponentRun]) -> Bool {
        guard runs.count == tariff.components.count else { return false }
        return runs.indices.allSatisfy { index in
            let run = runs[index]
            switch tariff.components[index].charge {
            case .energy(let charge):
                let cells =
                    charge.pricesBands && charge.rule == .chronological
                    ? tables[index][0].limitsWh.count * charge.bands.count : 0
                return run.bandWh.count == charge.bands.count && run.cells.count == cells
            case .demand(let charge): return run.maximumW.count == charge.bands.count
            case .excessDemand: return run.maximumW.count == 1
            case .share(let charge): return run.partsMinor.count == charge.bases.count
            default: return true
            }
        }
    }
}

extension DayPricer {
    var amounts: DayAmounts {
        var amounts = DayAmounts(
            day: input.load.day, version: ready.tariff.version, importWh: slots.total(.drawn),
            exportWh: slots.total(.fedIn), addOnWh: take?.wh ?? 0, amountsMinor: [], totalMinor: 0, closing: state)
        for index in ready.tariff.listed where amountsMinor[index] != 0 {
            let component = ready.tariff.components[index]
            amounts.amountsMinor.append(
                DayAmount(id: component.id, kind: component.kind, minor: amountsMinor[index]))
            amounts.totalMinor += amountsMinor[index]
        }
        return amounts
    }

    var explained: DayExplained {
        var explained = DayExplained(
            amounts: amounts, components: [], jumpsMinor: [:], addOnLines: take?.lines ?? [])
        for index in ready.tariff.listed {
            let component = ready.tariff.components[index]
            let lines = lines[index].summing(to: amountsMinor[index])
            if jumpsMinor[index] != 0 { explained.jumpsMinor[component.id] = jumpsMinor[index] }
            guard !lines.isEmpty || amountsMinor[index] != 0 else { continue }
            explained.components.append(
                BillComponent(
                    id: component.id, label: component.label, kind: component.kind,
                    amountMinor: amountsMinor[index], lines: lines))
        }
        return explained
    }
}
