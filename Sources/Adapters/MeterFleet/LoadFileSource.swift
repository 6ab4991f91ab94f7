// A meter of a load file as a load to replay, on the wall clock of the virtual meter.
import CivilTime
import LoadFiles

extension RecordedLoad {
    /// The series of one meter of a file. Days keep their wall clock: 07:00 in the file is 07:00 at the meter, whatever
    /// zone either has. Days the file leaves out count as no load.
    /// - Parameters:
    ///   - meter: index into `file.meters`.
    ///   - shiftDays: moves the series; give whole weeks to keep weekdays.
    /// - Throws: when the file has nothing of that meter.
    public init(
        _ file: LoadFile, meter: Int, zone: Zone, shiftDays: Int = 0, repeats: Bool = false
    ) throws(MeterFleetError) {
        let days = file.days(meter)
        guard let first = days.first?.day, let last = days.last?.day else {
            throw MeterFleetError("\(file.file): no values for \(file.meters[meter])")
        }
        let byDay = Dictionary(days.map { ($0.day, $0.values) }) { first, _ in first }
        var values: [Int32?] = []
        for number in first.number...last.number {
            let day = CivilDay(number: number)
            let slots = zone.slotCount(of: day.advanced(by: shiftDays), periodS: Int64(file.periodS))
            let known = byDay[day] ?? []
            values += known.prefix(slots)
            values += [Int32?](repeating: nil, count: max(0, slots - known.count))
        }
        self.init(
            firstStartS: zone.startS(of: first.advanced(by: shiftDays)), periodS: Int64(file.periodS),
            valuesWh: values, repeats: repeats)
    }
}
