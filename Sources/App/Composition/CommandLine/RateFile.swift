// `busbar rate FILE`: prices a load file under a rate file, without a database. The independent calculation
// oracles/rate_oracle.py prints the same lines.
import CivilTime
import Foundation
import IntervalData
import LoadFiles
import Quantities
import Rating
import Tariffs

public struct RateFileOptions: Sendable {
    public var loadFile: String
    /// The packs, as `PackSet` in JSON.
    public var packsFile: String
    public var zone: String
    /// Only the first so many meters of the file.
    public var meters: Int?
    /// JSON lines instead of CSV.
    public var json: Bool
    public init(
        loadFile: String, packsFile: String, zone: String = "Asia/Kolkata", meters: Int? = nil, json: Bool = false
    ) {
        self.loadFile = loadFile
        self.packsFile = packsFile
        self.zone = zone
        self.meters = meters
        self.json = json
    }
}

/// One meter-day as a JSON line.
private struct RatedDay: Encodable {
    var meter: String
    var day: String
    var energyWh: Int64
    var baseEnergyPaise: Int64
    var addOnEnergyPaise: Int64
    var fixedPaise: Int64
    var dutyPaise: Int64
    var totalPaise: Int64
}

/// Says a line for each meter and day: paise by component and in total. Each month of each meter starts at zero.
public func rateFile(_ options: RateFileOptions, _ console: Console) async throws -> CommandStatus {
    let progress = ProgressLine(console)
    let zone = try knownZone(options.zone)
    guard options.meters ?? 1 >= 1 else {
        throw Complaint("--meters \(options.meters ?? 0): at least 1", hint: "Leave it out for all.", .usage)
    }
    let packs = try readPacks(options.packsFile)
    let file = try readLoadFile(options.loadFile, zone: zone, progress: progress)
    if !options.json { console.say("meter,day,baseEnergy,addOnEnergy,fixed,duty,total") }
    var totalPaise: Int128 = 0
    var dayCount = 0
    for meter in 0..<min(options.meters ?? .max, file.meters.count) {
        var pricer = try CalendarPricer(packs)
        for (day, values) in file.days(meter) {
            let priced = try pricer.price(
                day,
                slotStartMinutes: values.indices.map {
                    zone.minuteOfDay(slot: $0, of: day, periodS: Int64(file.periodS))
                }, periodS: file.periodS, valuesWh: values.map { $0 ?? 0 })
            try say(priced, file.meters[meter], day, values, json: options.json, console)
            totalPaise += Int128(priced.totalMinor)
            dayCount += 1
        }
        progress.at("priced \(meter + 1) of \(file.meters.count) meters")
    }
    let took = progress.end()
    noteRefused(file.refused, count: file.refusedCount, console)
    console.note("\(dayCount) meter-days, \(rupees(paise: Int64(clamping: totalPaise))), \(took)")
    return file.refusedCount == 0 ? .done : .partly
}

private func say(
    _ priced: DayAmounts, _ meter: String, _ day: CivilDay, _ values: [Int32?], json: Bool, _ console: Console
) throws {
    func paise(_ group: ChargeGroup) -> Int64 {
        priced.amountsMinor.reduce(0) { ChargeGroup(kind: $1.kind) == group ? $0 + $1.minor : $0 }
    }
    let line = RatedDay(
        meter: meter, day: day.description, energyWh: values.reduce(0) { $0 + Int64($1 ?? 0) },
        baseEnergyPaise: paise(.energy), addOnEnergyPaise: paise(.addOn), fixedPaise: paise(.fixed),
        dutyPaise: paise(.duty), totalPaise: priced.totalMinor)
    guard !json else { return try console.say(json: line) }
    let amounts = [line.baseEnergyPaise, line.addOnEnergyPaise, line.fixedPaise, line.dutyPaise, line.totalPaise]
    console.say(([csvField(line.meter), line.day] + amounts.map(String.init)).joined(separator: ","))
}

/// A field of CSV (RFC 4180): quoted where it must be.
func csvField(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
}

func readPacks(_ path: String) throws -> PackSet {
    let bytes = try readFile(path, limit: 1_000_000)
    do {
        return try PackSet(json: String(decoding: bytes, as: UTF8.self))
    } catch let error as TariffError {
        throw TariffError("\(path): \(error.place)", error.what, remedy: error.remedy)
    }
}

/// The first twenty with their place, and how many more there are.
func noteRefused(_ refused: [RefusedRow], count: Int, _ console: Console) {
    for row in refused.prefix(20) { console.note(row.description) }
    if count > 20 { console.note("… and \(count - 20) more rows refused") }
}
