// The canonical bytes of everything a day's charge depends on; the caller stores their SHA-256 beside the charge.
import CivilTime

extension DaySchedule {
    /// Format 1: day, period, wall-clock minutes and values of the slots, sanctioned load, ids and versions of the packs,
    /// opening state; little endian, each list and text with its length before it. Equal inputs give equal bytes.
    public func inputBytes(_ valuesWh: [Int32], opening: MonthState) -> [UInt8] {
        var bytes: [UInt8] = [1]
        bytes.reserveCapacity(256 + slotCount * 6)
        append(day.number, to: &bytes)
        append(UInt32(periodS), to: &bytes)
        append(UInt32(slotCount), to: &bytes)
        for minute in slotStartMinutes { append(UInt16(minute), to: &bytes) }
        append(UInt32(valuesWh.count), to: &bytes)
        for value in valuesWh { append(value, to: &bytes) }
        append(plan.sanctionedW, to: &bytes)
        append(plan.base.id, version: plan.base.version, to: &bytes)
        append(UInt32(plan.addOns.count), to: &bytes)
        // By id: the order in which packs are held changes no price.
        for pack in plan.addOns.sorted(by: { $0.id < $1.id }) { append(pack.id, version: pack.version, to: &bytes) }
        bytes += opening.encode()
        return bytes
    }

    private func append(_ id: String, version: Int, to bytes: inout [UInt8]) {
        Tariffs.append(UInt32(id.utf8.count), to: &bytes)
        bytes += Array(id.utf8)
        Tariffs.append(UInt64(version), to: &bytes)
    }

    private func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) { Tariffs.append(value, to: &bytes) }
}

/// `DaySchedule.inputBytes` for a caller that has no schedule at hand.
public func inputBytes(
    day: CivilDay, slotStartMinutes: [Int], periodS: Int, valuesWh: [Int32], plan: PricePlan, opening: MonthState
) throws(TariffError) -> [UInt8] {
    try DaySchedule(plan: plan, day: day, slotStartMinutes: slotStartMinutes, periodS: periodS)
        .inputBytes(valuesWh, opening: opening)
}
