// A tariff tried on days it was not made for: its rules moved to a past load, or to a load that is only a total. Prices
// nothing and knows no account.
import CivilTime

extension Tariff {
    /// The same rules as if they held from one day on. What names days itself stays: holidays, critical days,
    /// surcharges for a month of supply.
    public func redated(from day: CivilDay) -> Tariff {
        var moved = self
        moved.validFrom = day
        moved.validTo = nil
        return moved
    }

    /// Where the slabs of its first energy charge with several end, in Wh of a bill; empty without slabs.
    public var slabLimitsWh: [Int64] {
        for component in components {
            guard case .energy(let charge) = component.charge, charge.quantity == .drawn, charge.kind != .perDay else {
                continue
            }
            let inner = charge.tables.flatMap { $0.steps.compactMap(\.upToWh) }
            let limits = Set(inner + charge.tables.compactMap(\.upToTotalWh)).sorted()
            if !limits.isEmpty { return limits }
        }
        return []
    }

    /// The same for a month, where a bill has several.
    public var monthlySlabLimitsWh: [Int64] { slabLimitsWh.map { $0 / Int64(billMonths) } }

    /// Whether it has components that say something else on named days than their rule says on others.
    public var namesDays: Bool {
        calendars.values.contains { $0.versions.contains { !$0.holidays.isEmpty } }
            || components.contains {
                switch $0.charge {
                case .criticalPeak, .supplySurcharge: true
                default: false
                }
            }
    }
}

extension TariffLoadDay {
    public var importTotalWh: Int64 { importWh.reduce(0) { $0 + Int64($1) } }

    /// What is fed in left out, for a tariff that does not meter it.
    public var withoutExport: TariffLoadDay {
        var day = self
        day.exportWh = []
        return day
    }

    /// Days of the same shape whose energy sums to a total, exactly: what an interval gets is the rounded sum after it
    /// less the one before. Days without any energy share the total over all intervals evenly.
    public static func scaled(_ days: [TariffLoadDay], toWh total: Int64) -> [TariffLoadDay] {
        let sum = days.reduce(0) { $0 + $1.importTotalWh }
        let count = Int64(days.reduce(0) { $0 + $1.importWh.count })
        guard count > 0 else { return days }
        var before: Int64 = 0
        var given: Int64 = 0
        return days.map { day in
            var scaled = day
            for slot in day.importWh.indices {
                before += sum > 0 ? Int64(day.importWh[slot]) : 1
                let to = Int64(Int128(before) * Int128(total) / Int128(sum > 0 ? sum : count))
                scaled.importWh[slot] = Int32(clamping: to - given)
                given = to
            }
            return scaled
        }
    }
}
