// The versions of a tariff together, and the call that prices whole bills of an account, day after day.
import CivilTime

/// Versions of which at most one holds on any day.
public struct TariffBook: Sendable, Equatable {
    /// In order of their first day.
    public let tariffs: [Tariff]

    /// - Throws: versions that overlap, or that could not stand on one bill.
    public init(_ tariffs: [Tariff]) throws(TariffError) {
        self.tariffs = tariffs.sorted { $0.validFrom < $1.validFrom }
        guard let first = self.tariffs.first else {
            throw TariffError("tariffs", "there is none", remedy: "give at least one")
        }
        for (earlier, later) in zip(self.tariffs, self.tariffs.dropFirst()) {
            guard let end = earlier.validTo, end < later.validFrom else {
                throw TariffError(
                    "\(later.id) version \(later.version)",
                    "begins on \(later.validFrom), when \(earlier.id) version \(earlier.version) still holds",
                    remedy: "give the earlier one a validTo before that day")
            }
            guard later.currency == first.currency, later.minorDigits == first.minorDigits,
                later.metering == first.metering, later.billMonths == first.billMonths
            else {
                throw TariffError(
                    "\(later.id) version \(later.version)",
                    "currency, decimals, metering or months of the bill differ from \(first.id) version "
                        + "\(first.version)", remedy: "price each with its own days")
            }
            guard later.id == first.id, later.version > earlier.version else {
                throw TariffError(
                    "\(later.id) version \(later.version)",
                    "follows \(earlier.id) version \(earlier.version), and is no later version of it",
                    remedy: "give versions of one tariff, one id with a version that grows")
            }
        }
        var kinds: [String: TariffComponent] = [:]
        for tariff in self.tariffs {
            for component in tariff.components {
                let known = kinds[component.id] ?? component
                guard known.kind == component.kind, known.charge.isShare == component.charge.isShare else {
                    throw TariffError(
                        "\(tariff.id) version \(tariff.version)",
                        "component \(component.id) is of kind \(component.kind), and not what another version has "
                            + "under this id", remedy: "give what is something else an id of its own")
                }
                kinds[component.id] = known
            }
        }
    }

    /// Months between a supply and its surcharge, the most of any version; nil without surcharges.
    var lagMonths: Int? {
        tariffs.flatMap(\.components).compactMap { component -> Int? in
            guard case .supplySurcharge(let charge) = component.charge else { return nil }
            return charge.rates.map { $0.chargeMonth.index - $0.supplyMonth.index }.max()
        }.max()
    }

    /// Whether any component looks at fed-in energy.
    public var needsExport: Bool { tariffs[0].metering != .importOnly }

    /// Whether a bill leans on days before it: energy in a bank, or a surcharge for the supply of an earlier month.
    public var needsHistory: Bool {
        tariffs.contains { tariff in
            tariff.metering == .netMetering
                || tariff.components.contains { if case .supplySurcharge = $0.charge { true } else { false } }
        }
    }

    /// Prices days that follow each other without a gap, as many as the bills have.
    /// - Throws: a day without a tariff, a fact or a price that is not given, a band that changes inside an interval.
    public func price(
        _ loads: [TariffLoadDay], periods: [BillPeriod], facts: AccountFacts = AccountFacts(),
        prices: MarketPrices? = nil, carry: AccountCarry = AccountCarry()
    ) throws(TariffError) -> [AccountBill] {
        guard loads.map(\.day) == periods.flatMap({ period in (0..<period.dayCount).map(period.first.advanced) }) else {
            throw TariffError("load", "its days are not those of the bills", remedy: "give every day once, in order")
        }
        if !needsExport, let day = loads.first(where: { !$0.exportWh.isEmpty }) {
            throw TariffError(
                day.day.description, "energy fed in, and the tariff has no metering for it",
                remedy: "add metering: netBilling, netMetering or gross to the tariff, or leave --export out")
        }
        if let leaves = facts.leavesOn, let end = facts.contractTo, leaves > end {
            throw TariffError(leaves.description, "left after the contract's end \(end)", remedy: "swap the two days")
        }
        if let leaves = facts.leavesOn, let last = periods.last?.last, last != leaves {
            throw TariffError(
                leaves.description, "left on this day, and the last day to price is \(last)",
                remedy: "end the bills on the day of leaving: --to \(leaves)")
        }
        var bills: [AccountBill] = []
        var state = BillState(carry: carry)
        var next = loads.startIndex
        for period in periods {
            let ready = try ReadyBill(self, period: period)
            var builder = BillBuilder(period)
            for load in loads[next..<next + period.dayCount] {
                var pricer = try DayPricer(ready, DayInput(load: load, facts: facts, prices: prices), opening: state)
                try pricer.run(explains: true)
                builder.add(pricer)
                state = pricer.state
            }
            next += period.dayCount
            bills.append(builder.bill())
        }
        return bills
    }
}
