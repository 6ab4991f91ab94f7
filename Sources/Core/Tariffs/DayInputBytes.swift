// The canonical bytes of everything the amounts of a day depend on; the caller stores their hash beside the charge.
import CivilTime

extension ReadyBill {
    /// Equal inputs give equal bytes: tariff and version in force, bill, load, add-ons, facts and market prices that it
    /// looks at, opening state. Little endian, each list and text with its length before it.
    public func inputBytes(_ day: DayInput, opening: BillState) -> [UInt8] {
        inputBytes(day, opening: opening.encode())
    }

    /// The same with the opening state as ``BillState/encode()`` gives it.
    public func inputBytes(_ day: DayInput, opening state: [UInt8]) -> [UInt8] {
        let load = day.load
        var bytes: [UInt8] = [2]
        bytes.reserveCapacity(512 + load.slotStartMinutes.count * 6)
        let tariff = versions.first { $0.tariff.holds(on: load.day) }?.tariff
        bytes.put(tariffID)
        append(UInt64(tariff?.version ?? 0), to: &bytes)
        for day in [period.first, period.last, load.day] { append(day.number, to: &bytes) }
        append(UInt32(load.periodS), to: &bytes)
        bytes.put(load.slotStartMinutes) { UInt16(truncatingIfNeeded: $0) }
        for values in [load.importWh, load.exportWh, load.generationWh] { bytes.put(values) { $0 } }
        // By id: the order in which packs are held changes no price.
        let packs = day.addOns.sorted { $0.id < $1.id }
        append(UInt32(packs.count), to: &bytes)
        for pack in packs {
            bytes.put(pack.id)
            append(UInt64(pack.version), to: &bytes)
        }
        // Versions of the company's calendars; a tariff with calendars of its own says it all by its version.
        if let tariff, !tariff.sharedCalendars.isEmpty {
            for (_, calendar) in tariff.calendars.sorted(by: { $0.key < $1.key }) {
                bytes.put(calendar.sources(on: load.day))
            }
        }
        for component in tariff?.components ?? [] { put(component.charge, day, &bytes) }
        append(UInt32(state.count), to: &bytes)
        return bytes + state
    }

    /// What a component looks at besides the load.
    private func put(_ charge: TariffCharge, _ day: DayInput, _ bytes: inout [UInt8]) {
        let facts = day.facts
        switch charge {
        case .standing, .demand, .excessDemand, .minimum: bytes.put(facts.contractedW)
        case .powerFactor:
            bytes.put(day.load.importVAh) { $0 }
            for month in period.months { bytes.put(facts.powerFactor[month] ?? facts.usualPowerFactor) }
        case .qualityCredit(let credit):
            let book = credit.measure == .outage ? facts.outageMinutes : facts.voltageMinutes
            for month in period.months { bytes.put(book[month]) }
        case .contractBreak:
            for day in [facts.contractTo, facts.leavesOn] { bytes.put(day.map { Int64($0.number) }) }
        case .indexed(let charge):
            for slot in 0..<MarketPrices.slotsPerDay {
                bytes.put(
                    day.prices?.price(
                        exchange: charge.exchange, product: charge.product, day: day.load.day, slot: slot))
            }
        case .energy, .share, .criticalPeak, .supplySurcharge, .bank, .addOns, .rounding: break
        }
    }
}

func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
}

extension [UInt8] {
    fileprivate mutating func put(_ text: String) {
        Tariffs.append(UInt32(text.utf8.count), to: &self)
        self += Array(text.utf8)
    }

    fileprivate mutating func put<Value, Word: FixedWidthInteger>(_ values: [Value], _ word: (Value) -> Word) {
        Tariffs.append(UInt32(values.count), to: &self)
        for value in values { Tariffs.append(word(value), to: &self) }
    }

    fileprivate mutating func put(_ value: Int64?) {
        append(value == nil ? 0 : 1)
        if let value { Tariffs.append(value, to: &self) }
    }
}
