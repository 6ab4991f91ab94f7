// The versions of a tariff together, and the one call that prices an account: its days, bill after bill.
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
        }
    }

    /// Whether any component looks at fed-in energy.
    public var needsExport: Bool { tariffs[0].metering != .importOnly }

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
        var bills: [AccountBill] = []
        var carry = carry
        var next = loads.startIndex
        for period in periods {
            var pricer = try PeriodPricer(tariffs, facts: facts, period: period, prices: prices, carry: carry)
            for load in loads[next..<next + period.dayCount] { try pricer.add(load) }
            next += period.dayCount
            let closed = pricer.close()
            bills.append(closed.bill)
            carry = closed.carry
        }
        return bills
    }
}
