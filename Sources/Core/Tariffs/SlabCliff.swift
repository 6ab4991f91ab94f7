// Limits at which one more unit changes the price of all units before it: where they are, how near a bill is likely to
// come, and what passing costs, found by pricing the bill on both sides. It warns nobody.
import CivilTime

/// A limit near which a bill is likely to end.
public struct SlabCliff: Sendable, Equatable {
    /// The last total before the jump.
    public var limitWh: Int64
    /// What the bill is likely to come to.
    public var expectedWh: Int64
    /// What the bill grows by when it passes the limit by one Wh, in the minor unit.
    public var jumpMinor: Int64
    /// What causes it, as the bill calls it.
    public var labels: [String]

    public var isPassed: Bool { expectedWh > limitWh }
    /// Between the likely total and the limit.
    public var distanceWh: Int64 { abs(limitWh - expectedWh) }
}

extension Tariff {
    /// Whether it has limits at which all units change their price.
    public var hasJumps: Bool {
        let month = validFrom.month.next
        return !jumps(in: BillPeriod(first: month.first, last: month.last)).isEmpty
    }

    /// Totals at which a component gives all units another price, with the components' names.
    func jumps(in period: BillPeriod) -> [Int64: [String]] {
        guard metering != .netMetering else { return [:] }
        var found: [Int64: [String]] = [:]
        func add(_ limits: [Int64], _ component: TariffComponent) {
            for limit in limits where limit < .max { found[limit, default: []].append(component.label) }
        }
        for component in components {
            switch component.charge {
            case .energy(let charge) where charge.quantity == .drawn:
                switch charge.kind {
                case .byTotal:
                    add(
                        charge.proration.limits(charge.tables.map(\.upToTotalWh), period, billMonths: billMonths),
                        component)
                case .nonTelescopic:
                    add(
                        charge.proration.limits(
                            charge.tables[0].steps.map(\.upToWh), period, billMonths: billMonths), component)
                case .telescopic, .perDay: break
                }
            case .standing(let charge) where charge.choice == .total: add(charge.steps.compactMap(\.upTo), component)
            case .share(let charge): add(charge.whenTotalUpToWh.map { [$0] } ?? [], component)
            default: break
            }
        }
        return found
    }
}

extension TariffBook {
    /// The dearest jump that the bill is likely to come near; nil when there is none, or when passing costs nothing.
    /// - Parameter loads: every day of the bill, those to come as they are expected.
    /// - Parameter percent: of the limit; how far off is near.
    public func cliff(
        of period: BillPeriod, _ loads: [TariffLoadDay], percent: Int64, facts: AccountFacts,
        prices: MarketPrices? = nil
    ) throws(TariffError) -> SlabCliff? {
        guard let tariff = tariff(on: period.last) else { return nil }
        let expected = loads.reduce(0) { $0 + $1.importTotalWh }
        var dearest: SlabCliff?
        for (limit, labels) in tariff.jumps(in: period).sorted(by: { $0.key < $1.key }) {
            guard abs(limit - expected) <= limit / 100 * percent else { continue }
            var minor: [Int64] = []
            for total in [limit, limit + 1] {
                let bills = try price(
                    TariffLoadDay.scaled(loads, toWh: total), periods: [period], facts: facts, prices: prices)
                minor.append(bills[0].totalMinor)
            }
            let jump = minor[1] - minor[0]
            if jump > 0, jump > dearest?.jumpMinor ?? 0 {
                dearest = SlabCliff(limitWh: limit, expectedWh: expected, jumpMinor: jump, labels: labels)
            }
        }
        return dearest
    }
}
