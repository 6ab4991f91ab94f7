// The slots of a day by band and pack, for pictures and lists of a day: which band held, and its price where no slab
// decides it. It charges nothing.
import CivilTime

/// Neighbouring slots of one band, or taken by one add-on pack.
public struct SlotPrice: Sendable, Equatable {
    /// Slots from inclusive to exclusive.
    public var fromSlot: Int
    public var toSlot: Int
    /// Of the tariff's calendar; the label of the component where it has none.
    public var band: String
    public var packID: String
    public var packVersion: Int
    public var isAddOn: Bool
    /// Nil where slabs or a market decide.
    public var milliPerKWh: Int64?
    /// Dearer bands stand higher: the price, where slabs decide that of the first.
    public var rank: Int64
    public var energyWh: Int64
    /// Exact, in millionths of the minor unit; nil without a price.
    public var microMinor: Int128? { milliPerKWh.map { Int128($0) * Int128(energyWh) } }
}

extension Tariff {
    /// The slots of a day in order, by the tariff's first charge for energy.
    /// - Parameter addOns: what add-on packs took of it.
    public func slotPrices(_ load: TariffLoadDay, addOns: [AddOnLine] = []) throws(TariffError) -> [SlotPrice] {
        let component = bandedComponent
        let charge = component?.energy
        let count = load.slotStartMinutes.count
        let calendar = charge?.calendar.flatMap { calendars[$0] }
        var bands = Array(repeating: 0, count: count)
        if let calendar {
            bands = try calendar.bands(
                on: load.day, slotStartMinutes: load.slotStartMinutes, slotMinutes: load.periodS / 60)
        }
        let isUplift = charge?.upliftHundredths.isEmpty == false
        let ranks = (isUplift ? charge?.upliftHundredths : charge?.tables.first?.steps.first?.milliPerKWh) ?? [0]
        let isPriced = charge.map { $0.tables.count == 1 && $0.tables[0].steps.count == 1 && !isUplift } ?? false
        var taken: [Int: AddOnLine] = [:]
        for line in addOns { for slot in line.fromSlot..<line.toSlot { taken[slot] = line } }
        var found: [SlotPrice] = []
        for slot in 0..<count {
            let addOn = taken[slot]
            let band = bands[slot]
            let rank = ranks[min(band, ranks.count - 1)]
            let next = SlotPrice(
                fromSlot: slot, toSlot: slot + 1, band: calendar?.bands[band] ?? component?.label ?? "",
                packID: addOn?.packID ?? id, packVersion: addOn?.packVersion ?? version, isAddOn: addOn != nil,
                milliPerKWh: addOn?.milliPerKWh ?? (isPriced ? rank : nil), rank: addOn?.milliPerKWh ?? rank,
                energyWh: Int64(load.importWh[slot]))
            guard let last = found.last, last.band == next.band, last.packID == next.packID,
                last.milliPerKWh == next.milliPerKWh
            else {
                found.append(next)
                continue
            }
            found[found.count - 1].toSlot += 1
            found[found.count - 1].energyWh += next.energyWh
        }
        return found
    }

    /// The bands of a day by its calendar, for pictures; one where the tariff has none.
    public func bands(on day: CivilDay) throws(TariffError) -> [SlotPrice] {
        let starts = (0..<96).map { $0 * 15 }
        let load = TariffLoadDay(
            day: day, slotStartMinutes: starts, periodS: 900, importWh: Array(repeating: 0, count: 96))
        return try slotPrices(load)
    }

    /// The bands of a day as minutes of the wall clock; nil where the tariff's charge for energy has none.
    public func dayCalendar(on day: CivilDay) -> TOUCalendar? { calendar.map { $0.rows[$0.row(of: day)].calendar } }

    /// Whether every day has the same bands, or all its minutes the same.
    public var hasSameBandsEveryDay: Bool { calendar.map { $0.rows.count == 1 } ?? true }

    private var calendar: DatedCalendar? { bandedComponent?.energy?.calendar.flatMap { calendars[$0] } }

    private var bandedComponent: TariffComponent? {
        components.first { $0.kind == "energy" && $0.energy?.quantity == .drawn }
    }
}

extension TariffComponent {
    fileprivate var energy: EnergyCharge? { if case .energy(let charge) = charge { charge } else { nil } }
}

extension SlotPrice {
    /// Of each rank: 1 for the lowest of the day, 3 for the highest, 2 between; one alone is 2.
    public static func levels(_ slots: [SlotPrice]) -> [Int64: Int] {
        let ranks = Set(slots.map(\.rank)).sorted()
        return Dictionary(
            uniqueKeysWithValues: ranks.map { rank in
                (rank, ranks.count == 1 ? 2 : rank == ranks.first ? 1 : rank == ranks.last ? 3 : 2)
            })
    }
}
