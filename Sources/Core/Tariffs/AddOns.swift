// Which slots of a day add-on packs take from a tariff, and at what price. It knows no account and keeps nothing.
import CivilTime

/// Neighbouring slots taken by one add-on pack at one price.
public struct AddOnLine: Sendable, Equatable {
    /// Slots from inclusive to exclusive.
    public var fromSlot: Int
    public var toSlot: Int
    public var packID: String
    public var packVersion: Int
    public var milliPerKWh: Int64
    public var energyWh: Int64
    /// Exact, in millionths of the minor unit.
    public var microMinor: Int128
}

/// What a pack asks in a slot, while the slot's load keeps its limit: Wh × 3600 ≤ W × seconds.
struct AddOnOption {
    /// Among those that apply on the day, by id.
    var pack: Int
    var milliPerKWh: Int64
    /// `Int64.max` is none.
    var limitWhTimes3600: Int64
}

/// What add-on packs take of a day.
struct AddOnTake {
    /// Energy taken, slot by slot.
    var valuesWh: [Int64]
    var wh: Int64 = 0
    var micro: Int128 = 0
    var lines: [AddOnLine] = []
}

extension TariffCharge {
    var isAddOns: Bool { if case .addOns = self { true } else { false } }
}

extension TariffComponent {
    /// Whether energy that an add-on pack takes is not this component's. Levies by the unit are on all energy.
    var yieldsToAddOns: Bool { ["energy", "indexed", "criticalPeak"].contains(kind) }
}

extension Tariff {
    /// Of the component for add-on packs where the file declares none.
    static let addOnsID = "addOns"

    /// The tariff with a component for add-on packs, which stands before all others.
    var withAddOns: Tariff {
        guard metering != .netMetering, !components.contains(where: { $0.charge.isAddOns }) else { return self }
        var tariff = self
        // At the end of the list, so that no index in the graph moves.
        tariff.components.append(
            TariffComponent(
                id: Self.addOnsID, label: "Add-on packs", kind: ComponentWord.addOns.rawValue,
                charge: .addOns(AddOnCharge())))
        tariff.order.insert(components.count, at: 0)
        return tariff
    }

    /// Components as a bill lists them: in the order of the file, one for add-on packs that it lacks first.
    var listed: [Int] {
        guard let last = components.last, last.id == Self.addOnsID, last.charge.isAddOns else {
            return Array(components.indices)
        }
        return [components.count - 1] + components.indices.dropLast()
    }

    var addOnsCountTowardSlabs: Bool {
        components.contains { if case .addOns(let charge) = $0.charge { charge.countsTowardSlabs } else { false } }
    }

    /// The calendar whose bands add-on packs may name: of the first energy component that has one, else the only one.
    private var addOnCalendar: DatedCalendar? {
        for component in components {
            guard component.kind == ComponentWord.energy.rawValue, case .energy(let charge) = component.charge,
                let name = charge.calendar
            else { continue }
            return calendars[name]
        }
        return calendars.count == 1 ? calendars.first?.value : nil
    }

    /// Refuses packs that cannot be used with this tariff on any day.
    func check(_ packs: [AddOnPack]) throws(TariffError) {
        guard metering != .netMetering else {
            throw TariffError(
                packs[0].id, "an add-on pack beside \(id), which nets drawn and fed-in energy by the month",
                remedy: "hold add-on packs with a tariff of another metering")
        }
        guard packs.count <= 32 else {
            throw TariffError("addOns", "\(packs.count) add-on packs", remedy: "hold at most 32 at a time")
        }
        for (index, pack) in packs.enumerated() {
            try within("addOns[\(index)]") { () throws(TariffError) in
                try pack.validate()
                if packs[..<index].contains(where: { $0.id == pack.id }) {
                    throw TariffError("id", "pack \(pack.id) stands twice", remedy: "hold each add-on pack once")
                }
                for case .band(let name) in pack.prices.map(\.cover) {
                    guard let calendar = addOnCalendar else {
                        throw TariffError(
                            "prices", "band \(name) of tariff \(id), which has no one calendar",
                            remedy: "give minutes")
                    }
                    guard calendar.bands.contains(name) else {
                        throw TariffError(
                            "prices", "the calendar of tariff \(id) has no band \(name)",
                            remedy: "use one of \(calendar.bands.joined(separator: ", ")), or give minutes")
                    }
                }
            }
        }
    }

    /// The packs that apply on a day, by id.
    private func active(_ packs: [AddOnPack], on day: CivilDay) -> [AddOnPack] {
        packs.filter { $0.applies(on: day) }.sorted { $0.id < $1.id }
    }

    /// What packs ask in each slot, cheapest first and among equals by id; nothing behind one without a limit, which
    /// always holds. Empty when no pack applies.
    /// - Throws: packs that cannot be used, or that begin or end inside an interval.
    func options(
        _ packs: [AddOnPack], on day: CivilDay, slotStartMinutes: [Int], periodS: Int
    ) throws(TariffError) -> [[AddOnOption]] {
        guard !packs.isEmpty else { return [] }
        try check(packs)
        let active = active(packs, on: day)
        guard !active.isEmpty else { return [] }
        var bands: [String] = []
        if active.contains(where: \.namesBands), let calendar = addOnCalendar {
            bands = try calendar.bands(on: day, slotStartMinutes: slotStartMinutes, slotMinutes: periodS / 60)
                .map { calendar.bands[$0] }
        }
        var slots: [[AddOnOption]] = []
        slots.reserveCapacity(slotStartMinutes.count)
        for (slot, start) in slotStartMinutes.enumerated() {
            var options: [AddOnOption] = []
            for (index, pack) in active.enumerated() {
                let minutes = MinuteRange(fromMinute: start, toMinute: min(start + periodS / 60, minutesPerDay))
                guard let price = try pack.price(minutes, of: day, band: bands.isEmpty ? nil : bands[slot]) else {
                    continue
                }
                options.append(
                    AddOnOption(
                        pack: index, milliPerKWh: price,
                        limitWhTimes3600: pack.maximumLoadW.map { $0 * Int64(periodS) } ?? .max))
            }
            options.sort { ($0.milliPerKWh, $0.pack) < ($1.milliPerKWh, $1.pack) }
            if let open = options.firstIndex(where: { $0.limitWhTimes3600 == .max }) {
                options.removeSubrange((open + 1)...)
            }
            slots.append(options)
        }
        return slots
    }

    /// In each slot the first option whose limit its load keeps.
    func take(_ packs: [AddOnPack], of slots: MeteredDay) throws(TariffError) -> AddOnTake? {
        let load = slots.load
        let options = try options(
            packs, on: load.day, slotStartMinutes: load.slotStartMinutes, periodS: load.periodS)
        guard !options.isEmpty else { return nil }
        let active = active(packs, on: load.day)
        let drawn = try slots.values(.drawn)
        var take = AddOnTake(valuesWh: Array(repeating: 0, count: drawn.count))
        for (slot, wh) in drawn.enumerated() {
            guard let best = options[slot].first(where: { wh * 3600 <= $0.limitWhTimes3600 }) else { continue }
            take.add(active[best.pack], best.milliPerKWh, slot: slot, wh: wh)
        }
        return take
    }
}

extension AddOnTake {
    fileprivate mutating func add(_ pack: AddOnPack, _ price: Int64, slot: Int, wh: Int64) {
        valuesWh[slot] = wh
        self.wh += wh
        micro += Int128(wh) * Int128(price)
        if let last = lines.last, last.toSlot == slot, last.packID == pack.id, last.milliPerKWh == price {
            lines[lines.count - 1].toSlot += 1
            lines[lines.count - 1].energyWh += wh
            lines[lines.count - 1].microMinor += Int128(wh) * Int128(price)
        } else {
            lines.append(
                AddOnLine(
                    fromSlot: slot, toSlot: slot + 1, packID: pack.id, packVersion: pack.version, milliPerKWh: price,
                    energyWh: wh, microMinor: Int128(wh) * Int128(price)))
        }
    }
}

extension AddOnPack {
    var namesBands: Bool { prices.contains { if case .band = $0.cover { true } else { false } } }

    /// Its price in a slot; nil where it covers nothing.
    func price(_ slot: MinuteRange, of day: CivilDay?, band: String?) throws(TariffError) -> Int64? {
        var found: Int64?
        for price in prices {
            switch price.cover {
            case .band(let name): guard name == band else { continue }
            case .minutes(let range):
                guard slot.fromMinute < range.toMinute, slot.toMinute > range.fromMinute else { continue }
                guard slot.fromMinute >= range.fromMinute, slot.toMinute <= range.toMinute else {
                    throw TariffError(
                        day?.description ?? "",
                        "add-on pack \(id) begins or ends inside the interval from \(clock(slot.fromMinute))",
                        remedy: "let add-on packs change on the capture period of the meter")
                }
            }
            guard found == nil else {
                throw TariffError(
                    "add-on pack \(id)", "\(clock(slot.fromMinute)) has two prices in this pack",
                    remedy: "let the prices of one add-on pack not overlap")
            }
            found = price.milliPaisePerKWh
        }
        return found
    }
}
