// Which tariffs and bills go together: what may change when a version begins within a bill, and how long a bill may be.
// Where days would not sum to an amount that anyone can check, the answer is no. It prices nothing.
import CivilTime

extension Tariff {
    /// Of a component of this version and the next, the first that does not allow a change within a bill; nil is none.
    func notExact(before next: Tariff) -> String? {
        let ids = components.map(\.id) + next.components.map(\.id)
        return ids.first { id in
            let old = components.firstIndex { $0.id == id }
            let new = next.components.firstIndex { $0.id == id }
            if let old, let new, isSame(old, next, new) { return false }
            guard old.map(standsByDay) != false, new.map(next.standsByDay) != false else { return true }
            guard let old, let new else { return false }
            return switch (components[old].charge, next.components[new].charge) {
            case (.energy(let one), .energy(let two)): one.quantity != two.quantity
            case (.share(let one), .share(let two)): one.bases.map(\.name) != two.bases.map(\.name)
            default: false
            }
        }
    }

    /// One rule that runs on over the change, whatever its bases did.
    private func isSame(_ index: Int, _ next: Tariff, _ other: Int) -> Bool {
        switch (components[index].charge, next.components[other].charge) {
        case (.energy(let old), .energy(let new)): return old == new && !old.needsWholeBands
        case (.demand(let old), .demand(let new)):
            return old.windowMinutes == new.windowMinutes && old.atLeastPPM == new.atLeastPPM
                && Dictionary(uniqueKeysWithValues: zip(old.bands, old.milliPerKW))
                    == Dictionary(uniqueKeysWithValues: zip(new.bands, new.milliPerKW))
        case (.contractBreak(let old), .contractBreak(let new)):
            return old.ppm == new.ppm && old.atMostMonths == new.atMostMonths
                && components[old.base].id == next.components[new.base].id
        case (let old, let new):
            return old.bases.map(\.name) == new.bases.map(\.name) && old.withoutBases == new.withoutBases
        }
    }

    /// Whether each day costs what it costs whatever came before, but for the slab reached.
    private func standsByDay(_ index: Int) -> Bool {
        switch components[index].charge {
        case .energy(let charge):
            metering != .netMetering && (charge.kind == .telescopic || charge.kind == .perDay)
                && !charge.needsWholeBands && charge.quantity != .consumption
                && !(addOnsCountTowardSlabs && charge.tables[0].steps.count > 1 && !charge.pricesBands)
        case .standing(let charge):
            charge.proration != .none && (charge.choice == .contractedLoad || charge.steps.count == 1)
        case .indexed, .criticalPeak, .supplySurcharge, .rounding, .addOns: true
        case .share(let charge):
            charge.atMostMinor == nil && charge.whenTotalUpToWh == nil
                && charge.bases.allSatisfy { standsByDay($0.component) }
        case .demand, .excessDemand, .powerFactor, .minimum, .qualityCredit, .contractBreak, .bank: false
        }
    }

    /// Whether a component that is reckoned from energy cannot go on from a position without knowing what was before.
    func needsWholeBill(_ index: Int) -> Bool {
        switch components[index].charge {
        case .energy(let charge):
            metering == .netMetering || charge.kind == .byTotal || charge.kind == .nonTelescopic
                || charge.needsWholeBands
        case .addOns(let charge): charge.countsTowardSlabs
        default: false
        }
    }

    func demandBands(_ id: String) -> [String]? {
        guard case .demand(let charge) = components.first(where: { $0.id == id })?.charge else { return nil }
        return charge.bands
    }

    /// Refuses a bill that is too long for what is due once in one.
    func check(_ period: BillPeriod) throws(TariffError) {
        for component in components {
            switch component.charge {
            case .standing(let charge) where charge.proration == .none:
                guard period.dayCount > 31 * billMonths else { continue }
                throw TariffError(
                    "\(period.first) to \(period.last)",
                    "\(component.id) is due once in a bill of \(billMonths) months, and this bill is longer",
                    remedy: "price without --one-bill")
            case .bank(let charge):
                let isInside = period.months.contains {
                    $0.last.parts.month == charge.month && $0.last < period.last
                }
                guard isInside else { continue }
                throw TariffError(
                    "\(period.first) to \(period.last)",
                    "the bank (\(component.id)) is due within this bill, not at its end",
                    remedy: "let a bill end with month \(charge.month): price without --one-bill")
            default: continue
            }
        }
    }
}

extension EnergyCharge {
    /// Whether bands are known only for the bill as a whole.
    var needsWholeBands: Bool { bands.count > 1 && !(rule == .chronological && pricesBands) }
}

extension TariffCharge {
    /// For comparing versions, where a base has another index.
    fileprivate var withoutBases: TariffCharge {
        switch self {
        case .share(var charge):
            charge.bases = []
            return .share(charge)
        case .powerFactor(var charge):
            charge.bases = []
            return .powerFactor(charge)
        case .minimum(var charge):
            charge.bases = []
            return .minimum(charge)
        default: return self
        }
    }
}
