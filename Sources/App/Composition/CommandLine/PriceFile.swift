// `busbar price`: prices a load file under a tariff file, or draws the tariff's price sheet, without a database. A gap
// in the load is refused: nobody can tell what it would have cost.
import CivilTime
import LoadFiles
import Quantities
import Tariffs

public struct PriceFileOptions: Sendable {
    /// Versions of one tariff, YAML or JSON.
    public var tariffs: [String]
    public var load: String?
    /// Energy fed in, and generated; laid out as the load.
    public var export: String?
    public var generation: String?
    /// Apparent energy drawn in kVAh, for power factors.
    public var apparent: String?
    /// Calendars of the company that the tariffs name, YAML or JSON.
    public var calendars: [String] = []
    /// Prices of exchanges, CSV.
    public var prices: String?
    public var from: String?
    public var to: String?
    /// All days are one bill; else a bill is a month, or as many as the tariff says.
    public var oneBill = false
    /// `5kW`, `5000W`.
    public var contractedLoad: String?
    /// `0.92`, or `2026-04=0.92`.
    public var powerFactor: [String] = []
    /// `2026-04=95`.
    public var outageMinutes: [String] = []
    public var voltageMinutes: [String] = []
    public var contractTo: String?
    public var leavesOn: String?
    public var sheet = false
    public var zone = "Asia/Kolkata"
    public var json = false
    public init(tariffs: [String], load: String? = nil) {
        self.tariffs = tariffs
        self.load = load
    }
}

/// Says a bill for each meter and month with every component's lines; with `json` a document for each meter.
public func priceFile(_ options: PriceFileOptions, _ console: Console) async throws -> CommandStatus {
    let book = try readTariffs(options.tariffs, calendars: options.calendars)
    if options.sheet {
        guard options.load == nil else {
            throw Complaint(
                "--sheet and --load", hint: "The sheet shows a tariff, not a bill: give one of them.", .usage)
        }
        for (index, tariff) in book.tariffs.enumerated() {
            if index > 0 { console.say("") }
            tariff.sheet.forEach(console.say)
        }
        return .done
    }
    guard let path = options.load else {
        throw Complaint("no load", hint: "Give --load FILE to price, or --sheet to see the tariff.", .usage)
    }
    let progress = ProgressLine(console)
    let facts = try accountFacts(options)
    for option in unused(options, book) {
        console.note("\(option) is not used: the tariff has no component that looks at it")
    }
    let prices = try options.prices.map { path in
        try MarketPrices(csv: try readFile(path, limit: 50_000_000), file: shownName(path))
    }
    let source = try PricedLoad(path, options, book, progress)
    let months = book.tariffs[0].billMonths
    let wanted =
        options.oneBill
        ? [BillPeriod(first: source.from, last: source.to)]
        : BillPeriod.calendar(from: source.from, to: source.to, months: months)
    // What fills the bank and the months of supply; its bills are not said.
    let before =
        source.readFrom < source.from
        ? BillPeriod.calendar(from: source.readFrom, to: source.from.advanced(by: -1), months: months) : []
    if let first = before.first {
        console.note("\(first.first) to \(source.from.advanced(by: -1)) is priced too, for what it hands on")
    }
    for (index, meter) in source.load.meters.enumerated() {
        let bills: [AccountBill]
        do {
            let all = try book.price(
                try source.days(of: index), periods: before + wanted, facts: facts, prices: prices)
            bills = Array(all.dropFirst(before.count))
        } catch let error as TariffError {
            throw TariffError("meter \(meter), \(error.place)", error.what, remedy: error.remedy)
        }
        if options.json {
            try console.say(json: PriceDocument(meter: meter, book: book, bills: bills))
        } else {
            for bill in bills { sayBill(bill, meter, book, console) }
        }
        progress.at("priced \(index + 1) of \(source.load.meters.count) meters")
    }
    let took = progress.end()
    noteRefused(source.load.refused, count: source.load.refusedCount, console)
    console.note("\(source.load.meters.count) meters, \(source.from) to \(source.to), \(took)")
    return source.load.refusedCount == 0 ? .done : .partly
}

/// Options that change no price of these tariffs.
private func unused(_ options: PriceFileOptions, _ book: TariffBook) -> [String] {
    let hasFactor = book.tariffs.contains(where: \.looksAtApparent)
    func credits(_ measure: String) -> Bool { book.tariffs.contains { $0.creditsMinutes(of: measure) } }
    return [
        ("--power-factor", !options.powerFactor.isEmpty && (!hasFactor || options.apparent != nil)),
        ("--apparent", options.apparent != nil && !hasFactor),
        ("--outage-minutes", !options.outageMinutes.isEmpty && !credits("outage")),
        ("--voltage-minutes", !options.voltageMinutes.isEmpty && !credits("voltage")),
    ].filter { $0.1 }.map { $0.0 }
}

private func readTariffs(_ paths: [String], calendars: [String]) throws -> TariffBook {
    guard !paths.isEmpty, paths.count <= 100 else {
        throw Complaint("--tariff \(paths.count) times", hint: "Give 1 to 100 versions.", .usage)
    }
    guard calendars.count <= SharedCalendar.versionsMax else {
        throw Complaint(
            "--calendars \(calendars.count) times", hint: "Give at most \(SharedCalendar.versionsMax).", .usage)
    }
    let shared = try SharedCalendars(
        calendars.map { try SharedCalendar.read(try readFile($0, limit: 500_000), file: shownName($0)) })
    return try TariffBook(
        paths.map { path in
            try TariffReader.read(try readFile(path, limit: 500_000), file: shownName(path), calendars: shared)
        })
}

// MARK: Facts

private func accountFacts(_ options: PriceFileOptions) throws -> AccountFacts {
    var facts = AccountFacts()
    facts.contractedW = try options.contractedLoad.map { text in
        let digits = text.lowercased()
        let kilo = digits.hasSuffix("kw")
        let word = String(digits.dropLast(kilo ? 2 : 1))
        guard kilo || digits.hasSuffix("w"), let watts = decimalNumber(word, places: kilo ? 3 : 0),
            (0...10_000_000_000).contains(watts)
        else {
            throw Complaint("--contracted-load \(text): no load", hint: "Write 5kW, 2.5kW or 5000W.", .usage)
        }
        return watts
    }
    for text in options.powerFactor {
        let (month, word) = try monthAnd(text, "--power-factor", needsMonth: false)
        guard let value = decimalNumber(word, places: 3), (1...1000).contains(value) else {
            throw Complaint(
                "--power-factor \(text)", hint: "Write 0.92 or 2026-04=0.92, at most three decimals.", .usage)
        }
        if let month { facts.powerFactor[month] = value } else { facts.usualPowerFactor = value }
    }
    facts.outageMinutes = try minutes(options.outageMinutes, "--outage-minutes")
    facts.voltageMinutes = try minutes(options.voltageMinutes, "--voltage-minutes")
    facts.contractTo = try options.contractTo.map { try civilDay($0, "--contract-to") }
    facts.leavesOn = try options.leavesOn.map { try civilDay($0, "--leaves-on") }
    return facts
}

private func minutes(_ texts: [String], _ option: String) throws -> [CivilMonth: Int64] {
    var found: [CivilMonth: Int64] = [:]
    for text in texts {
        let (month, word) = try monthAnd(text, option, needsMonth: true)
        guard let month, let value = decimalNumber(word, places: 0), (0...50_000).contains(value) else {
            throw Complaint("\(option) \(text)", hint: "Write 2026-04=95.", .usage)
        }
        found[month] = value
    }
    return found
}

private func monthAnd(_ text: String, _ option: String, needsMonth: Bool) throws -> (CivilMonth?, String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
        guard !needsMonth else { throw Complaint("\(option) \(text): no month", hint: "Write 2026-04=95.", .usage) }
        return (nil, text)
    }
    guard let month = CivilMonth(parts[0]) else {
        throw Complaint("\(option) \(text): no month", hint: "Write it before the =, as 2026-04.", .usage)
    }
    return (month, String(parts[1]))
}

private func civilDay(_ text: String, _ option: String) throws -> CivilDay {
    guard let day = CivilDay(text) else {
        throw Complaint("\(option) \(text): no day", hint: "Write 2026-04-01.", .usage)
    }
    return day
}

// MARK: Loads

/// The load files of a pricing, day by day, without a gap.
private struct PricedLoad {
    let load: LoadFile
    /// The first day that is read: before `from` where the tariff looks back.
    let readFrom: CivilDay
    let from: CivilDay
    let to: CivilDay
    private let name: String
    private let export: Side?
    private let generation: Side?
    private let apparent: Side?

    private struct Side {
        var name: String
        var load: LoadFile
    }

    init(_ path: String, _ options: PriceFileOptions, _ book: TariffBook, _ progress: ProgressLine) throws {
        let zone = try knownZone(options.zone)
        name = shownName(path)
        let load = try readLoadFile(path, zone: zone, progress: progress)
        self.load = load
        func side(_ path: String?) throws -> Side? {
            try path.map { Side(name: shownName($0), load: try readLoadFile($0, zone: zone, progress: progress)) }
        }
        export = try side(options.export)
        generation = try side(options.generation)
        apparent = try side(options.apparent)
        for side in [export, generation, apparent].compactMap({ $0 }) {
            guard side.load.periodS == load.periodS else {
                throw Complaint(
                    "\(side.name) has intervals of \(side.load.periodS) s and \(name) of \(load.periodS) s",
                    hint: "Give files of the same interval.", .problems)
            }
            guard side.load.refusedCount == 0 else {
                throw Complaint(
                    "\(side.name): \(side.load.refused.first?.description ?? "rows were refused")",
                    hint: "Mend its rows.", .problems)
            }
        }
        guard !book.needsExport || export != nil else {
            throw Complaint("the tariff meters what is fed in", hint: "Give --export FILE.", .usage)
        }
        let blanks = load.blanks.range.map { [$0.lowerBound.day, $0.upperBound.day] } ?? []
        let days = load.meters.indices.flatMap { load.days($0).map(\.day) } + blanks
        guard let first = days.min(), let last = days.max() else {
            throw Complaint("\(name): no values", hint: "Give a load file with values.", .problems)
        }
        let start = try options.from.map { try civilDay($0, "--from") } ?? first
        let end = try options.to.map { try civilDay($0, "--to") } ?? last
        guard start <= end, start >= first, end <= last else {
            throw Complaint(
                "\(start) to \(end) are not days of \(name)", hint: "It has \(first) to \(last).", .usage)
        }
        (from, to) = (start, end)
        readFrom = book.needsHistory ? first : start
    }

    func days(of meter: Int) throws -> [TariffLoadDay] {
        let meterName = load.meters[meter]
        let drawn = try whole(load, meter, name)
        let fedIn = try export.map { try whole($0.load, try place(of: meterName, in: $0), $0.name) }
        let made = try generation.map { try whole($0.load, try place(of: meterName, in: $0), $0.name) }
        let seen = try apparent.map { try whole($0.load, try place(of: meterName, in: $0), $0.name) }
        let periodS = Int64(load.periodS)
        return drawn.enumerated().map { index, values in
            let day = readFrom.advanced(by: index)
            return TariffLoadDay(
                day: day,
                slotStartMinutes: values.indices.map { load.zone.minuteOfDay(slot: $0, of: day, periodS: periodS) },
                periodS: load.periodS, importWh: values, exportWh: fedIn?[index] ?? [],
                generationWh: made?[index] ?? [], importVAh: seen?[index] ?? [])
        }
    }

    /// By name; two files of one meter each belong together whatever its names.
    private func place(of meter: String, in side: Side) throws -> Int {
        if let found = side.load.meters.firstIndex(of: meter) { return found }
        guard load.meters.count == 1, side.load.meters.count == 1 else {
            throw Complaint("\(side.name) has no meter \(meter)", hint: "Give it the names of \(name).", .problems)
        }
        return 0
    }

    /// Every slot of every day.
    private func whole(_ file: LoadFile, _ meter: Int, _ name: String) throws -> [[Int32]] {
        let days = Dictionary(file.days(meter).map { ($0.day, $0.values) }, uniquingKeysWith: { $1 })
        var all: [[Int32]] = []
        var missing = 0
        var firstGap: String?
        for number in readFrom.number...to.number {
            let day = CivilDay(number: number)
            let count = file.zone.slotCount(of: day, periodS: Int64(file.periodS))
            let values = days[day] ?? Array(repeating: nil, count: count)
            if let gap = values.firstIndex(of: nil) {
                missing += values.count { $0 == nil }
                let minute = file.zone.minuteOfDay(slot: gap, of: day, periodS: Int64(file.periodS))
                firstGap = firstGap ?? "\(day) at \(two(minute / 60)):\(two(minute % 60))"
            }
            all.append(values.map { $0 ?? 0 })
        }
        if let firstGap {
            throw Complaint(
                "\(name): meter \(file.meters[meter]) has no value on \(firstGap), \(missing) intervals are missing"
                    + (file.words.count > 0 ? "; \(file.words.wordsNote(name))" : "")
                    + (file.refused.first.map { "; \(file.refusedCount) rows were refused, the first: \($0)" } ?? ""),
                hint: readFrom < from
                    ? "The tariff looks back: fill the gaps (busbar vee fill), or give a file without the earlier days."
                    : "Fill the gaps (busbar vee fill --zone \(file.zone.identifier)), "
                        + "or price whole days (--from, --to).",
                .problems)
        }
        return all
    }

    private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
