// `busbar vee fill`: fills the gaps of a load file by a plan of estimation, without a database.
import CivilTime
import Foundation
import IntervalData
import LoadFiles
import VEE

public struct FillFileOptions: Sendable {
    public var input: String
    public var output: String
    /// CSV of meter,time,register_kwh.
    public var registers: String?
    /// A name of `EstimationPlan.names`; nil is `best`.
    public var method: String?
    /// A plan as JSON, instead of a name.
    public var plan: String?
    public var holidays: String?
    /// Of all intervals, where stamps do not tell.
    public var periodMinutes: Int?
    public var zone: String
    public init(
        input: String, output: String, registers: String? = nil, method: String? = nil, plan: String? = nil,
        holidays: String? = nil, periodMinutes: Int? = nil, zone: String = "UTC"
    ) {
        self.input = input
        self.output = output
        self.registers = registers
        self.method = method
        self.plan = plan
        self.holidays = holidays
        self.periodMinutes = periodMinutes
        self.zone = zone
    }
}

/// Writes `meter,start,value_kwh,quality,method,confidence`: a row for every meter and slot from the file's
/// first row to its last.
public func fillFile(_ options: FillFileOptions, _ console: Console) async throws -> CommandStatus {
    let progress = ProgressLine(console)
    let zone = try knownZone(options.zone)
    try keepInputs([options.input, options.registers, options.plan, options.holidays], from: options.output)
    let plan = try estimationPlan(options)
    let holidays = try readHolidays(options.holidays)
    let file = try SeriesFile(
        options.input, zone: zone, periodMinutes: options.periodMinutes, holidays: holidays, progress: progress)
    let registers = try readRegisters(options.registers, zone: zone)
    if let stranger = registers.keys.sorted().first(where: { !file.meters.contains($0) }) {
        console.note("registers of \(stranger) are not used: the load file has no such meter")
    }
    let stamps = file.series.first.map { utcStamps($0, file.rowRange) } ?? []
    var result = ResultFile(options.output, header: "meter,start,value_kwh,quality,method,confidence")
    var methods: [String: Int] = [:]
    var present = 0
    var open = 0
    for (name, series) in zip(file.meters, file.series) {
        let found = estimate(series, wanted: file.rowRange, registers: registers[name] ?? [], plan: plan)
        var next = found.filled.makeIterator()
        var estimate = next.next()
        let field = csvField(name)
        for slot in file.rowRange {
            let stamp = stamps[slot - file.rowRange.lowerBound]
            if series.qualities[slot] != .missing {
                present += 1
                result.add("\(field),\(stamp),\(exactKWh(series.values[slot])),actual,,")
            } else if let one = estimate, one.slot == slot {
                let method = one.shape.map { "\(one.method.rawValue)/\($0.rawValue)" } ?? one.method.rawValue
                methods[method, default: 0] += 1
                result.add("\(field),\(stamp),\(exactKWh(one.value)),estimated,\(method),\(one.confidence.rawValue)")
                estimate = next.next()
            } else {
                open += 1
                result.add("\(field),\(stamp),,missing,,")
            }
        }
        progress.at("\(name): \(methods.values.reduce(0, +)) intervals filled")
    }
    try result.finish()
    let took = progress.end()
    file.tell(console)
    let used = methods.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) by \($0.key)" }
    let name = options.plan.map { "the plan \(shownName($0))" } ?? options.method ?? "best"
    let filled = methods.values.reduce(0, +)
    let ways = used.isEmpty ? "" : " (\(used.joined(separator: ", ")))"
    console.say(
        "\(options.output): \(file.meters.count) meters, \(present) intervals as they were, \(filled) filled with "
            + "\(name)\(ways), \(open) left missing")
    console.note("done, \(took)")
    return file.isWhole && open == 0 ? .done : .partly
}

private func estimationPlan(_ options: FillFileOptions) throws -> EstimationPlan {
    if let path = options.plan {
        guard options.method == nil else {
            throw Complaint("--method and --plan", hint: "Give one of them: a plan names its methods.", .usage)
        }
        do {
            return try EstimationPlan(json: String(decoding: try readFile(path, limit: 100_000), as: UTF8.self))
        } catch let error as RulesError {
            throw Complaint("\(path): \(error.description)", hint: "docs/vee.md shows a plan.", .usage)
        }
    }
    let method = options.method ?? "best"
    guard let plan = EstimationPlan(named: method) else {
        throw Complaint(
            "--method \(method): no such method",
            hint: "Give one of \(EstimationPlan.names.joined(separator: ", ")).", .usage)
    }
    return plan
}

private func readRegisters(_ path: String?, zone: Zone) throws -> [String: [RegisterReading]] {
    guard let path else { return [:] }
    let bytes = try readFile(path, limit: LoadFileLimits.standard.bytes)
    return try RegisterFile.parse(bytes, file: shownName(path), zone: zone).reduce(into: [:]) {
        $0[$1.meter, default: []].append(RegisterReading(atS: $1.atS, registerWh: $1.wh))
    }
}
