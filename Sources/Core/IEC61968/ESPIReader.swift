// Green Button (NAESB ESPI 1.1, REQ.21) feeds: interval readings with the type, usage point and quality they have,
// piece by piece. Says what stands there; makes no day and opens no file.

/// What a value of a Green Button file is, by the codes of ESPI (those of IEC 61968-9 annex C).
public struct ESPIReadingType: Sendable, Equatable {
    /// 72 Wh, 73 varh, 71 VAh, 38 W, 29 V, 5 A, 33 Hz …
    public var unit: Int64 = 0
    public var powerOfTenMultiplier: Int64 = 0
    /// 0 not told, 1 delivered to the customer, 19 received from it, 15…18 by quadrant, 4 net.
    public var flowDirection: Int64 = 0
    /// 0 not told, 4 delta, 1 bulk, 3 cumulative, 9 summation.
    public var accumulation: Int64 = 0
    /// 1 and 2 electricity, 7 natural gas …; 0 not told.
    public var commodity: Int64 = 0
    public var phase: Int64 = 0
    public var intervalS: Int64 = 0
    public var defaultQuality: Int64?
    public init() {}
}

public struct ESPIReading: Sendable, Equatable {
    public var startS: Int64
    public var durationS: Int64
    public var value: Int64
    /// 17 validated, 8 estimated …; nil when neither the reading nor its type says.
    public var quality: Int64?
    public var line: Int
}

/// The readings of one meter reading of a usage point.
public struct ESPISeries: Sendable, Equatable {
    /// The part of the address after `UsagePoint/`; nil when the feed names none.
    public var usagePoint: String?
    /// Nil when the feed holds no reading type that belongs to it.
    public var type: ESPIReadingType?
    public var readings: [ESPIReading] = []
}

public struct ESPIDocument: Sendable, Equatable {
    public var series: [ESPISeries] = []
    public var readingTypeCount = 0
    /// Bill periods of usage summaries, which hold no readings.
    public var summaryCount = 0
    /// Readings in the document that no sense could be made of.
    public var unreadable: [(line: Int, what: String)] = []

    public static func == (a: ESPIDocument, b: ESPIDocument) -> Bool {
        a.series == b.series && a.readingTypeCount == b.readingTypeCount && a.summaryCount == b.summaryCount
            && a.unreadable.map(\.line) == b.unreadable.map(\.line)
    }
}

/// Feed it the document in order, then `finish`.
public struct ESPIReader {
    private var tokenizer: XMLTokenizer
    private var handler = ESPIHandler()

    /// - Parameter readings: how many readings a document may hold; each needs about 50 bytes.
    public init(readings: Int = 5_000_000, limits: DocumentLimits = DocumentLimits()) {
        tokenizer = XMLTokenizer(limits: limits)
        handler.readingsMax = readings
    }

    public mutating func feed(_ bytes: [UInt8]) throws { try tokenizer.feed(bytes, &handler) }

    /// - Throws: ``DocumentError``; `content` for a document that is no Green Button.
    public mutating func finish() throws -> ESPIDocument {
        try tokenizer.finish()
        return handler.document()
    }
}

private enum Name: Int {
    case other, feed, entry, link, readingType, unit, multiplier, flow, accumulation, commodity, phase
    case intervalLength, defaultQuality, block, interval, reading, period, start, duration, value, readingQuality
    case quality, summary, espi

    static let names: [String: Name] = [
        "ReadingType": .readingType, "uom": .unit, "powerOfTenMultiplier": .multiplier, "flowDirection": .flow,
        "accumulationBehaviour": .accumulation, "commodity": .commodity, "phase": .phase,
        "intervalLength": .intervalLength, "defaultQuality": .defaultQuality, "IntervalBlock": .block,
        "interval": .interval, "IntervalReading": .reading, "timePeriod": .period, "start": .start,
        "duration": .duration, "value": .value, "ReadingQuality": .readingQuality, "quality": .quality,
        "UsageSummary": .summary, "ElectricPowerUsageSummary": .summary,
    ]
}

private struct ESPIHandler: XMLHandler {
    private struct Block {
        var readings: [ESPIReading]
        /// Address of the meter reading it belongs to; empty when nothing says.
        var meterReading: String
        var usagePoint: String?
        /// How many reading types stood before it.
        var typesBefore: Int
    }
    private struct Entry {
        var hrefs: [(rel: String, href: String)] = []
        var type: ESPIReadingType?
        var readings: [ESPIReading] = []
    }

    var readingsMax = 0
    private var path: [Name] = []
    private var entry = Entry()
    private var rel = ""
    private var href = ""
    private var text: [UInt8] = []
    private var keepsText = false
    private var reading = ESPIReading(startS: 0, durationS: 0, value: 0, line: 0)
    private var hasStart = false
    private var hasValue = false
    private var broken = false
    private var types: [(href: String, type: ESPIReadingType)] = []
    private var blocks: [Block] = []
    private var typeOfMeterReading: [String: String] = [:]
    private var result = ESPIDocument()
    private var readingCount = 0

    mutating func classify(namespace: String, local: String) -> Int {
        switch namespace {
        case "http://www.w3.org/2005/Atom":
            switch local {
            case "feed": Name.feed.rawValue
            case "entry": Name.entry.rawValue
            case "link": Name.link.rawValue
            default: Name.other.rawValue
            }
        case "http://naesb.org/espi": (Name.names[local] ?? .espi).rawValue
        default: Name.other.rawValue
        }
    }

    mutating func start(_ name: Int, line: Int) throws {
        let name = Name(rawValue: name) ?? .other
        if path.isEmpty, name == .other {
            throw DocumentError(
                .content, line: line, "the document is no Green Button feed",
                hint: "give an Atom feed with entries of http://naesb.org/espi")
        }
        path.append(name)
        switch name {
        case .entry: entry = Entry()
        case .link: (rel, href) = ("", "")
        case .readingType: entry.type = ESPIReadingType()
        case .reading:
            reading = ESPIReading(startS: 0, durationS: 0, value: 0, line: line)
            (hasStart, hasValue, broken) = (false, false, false)
        case .summary: result.summaryCount += 1
        default: break
        }
        text.removeAll(keepingCapacity: true)
        keepsText = name.rawValue >= Name.unit.rawValue
    }

    mutating func attribute(_ name: Span<UInt8>, _ value: Span<UInt8>, line: Int) throws {
        guard path.last == .link, value.count <= 1_000 else { return }
        switch string(name) {
        case "rel": rel = string(value)
        case "href": href = string(value)
        default: break
        }
    }

    mutating func text(_ bytes: Span<UInt8>, line: Int) throws {
        guard keepsText, text.count + bytes.count <= 1_000 else { return }
        for index in bytes.indices { text.append(bytes[index]) }
    }

    mutating func end(_ name: Int, line: Int) throws {
        let name = path.removeLast()
        keepsText = false
        switch (path.last, name) {
        case (_, .link): if entry.hrefs.count < 100 { entry.hrefs.append((rel, trimmed(href))) }
        case (.readingType, _): endType(name)
        case (.period, .start): (reading.startS, hasStart) = (number() ?? 0, true)
        case (.period, .duration): reading.durationS = number() ?? 0
        case (.reading, .value): (reading.value, hasValue) = (number() ?? 0, true)
        case (.readingQuality, .quality): if let found = number() { worsen(found) }
        case (_, .reading): try endReading(line)
        case (_, .entry): endEntry()
        default: break
        }
        if path.isEmpty { endEntry() }
    }

    private func trimmed(_ href: String) -> String { href.hasSuffix("/") ? String(href.dropLast()) : href }

    /// The whole number of the element that ends; what is none makes the reading unreadable.
    private mutating func number() -> Int64? {
        let word = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard word.count == 1, let first = word.first, let value = Int64(first), abs(value) < 1 << 56 else {
            broken = true
            return nil
        }
        return value
    }

    /// Of several qualities the one that trusts least: what somebody made up before what the meter said.
    private mutating func worsen(_ quality: Int64) {
        func rank(_ code: Int64) -> Int { [12: 5, 8: 4, 9: 4, 10: 4, 13: 3, 15: 3, 7: 2][code] ?? 1 }
        if reading.quality.map({ rank(quality) > rank($0) }) ?? true { reading.quality = quality }
    }

    private mutating func endType(_ name: Name) {
        guard let value = number() else { return }
        switch name {
        case .unit: entry.type?.unit = value
        case .multiplier: entry.type?.powerOfTenMultiplier = value
        case .flow: entry.type?.flowDirection = value
        case .accumulation: entry.type?.accumulation = value
        case .commodity: entry.type?.commodity = value
        case .phase: entry.type?.phase = value
        case .intervalLength: entry.type?.intervalS = value
        case .defaultQuality: entry.type?.defaultQuality = value
        default: break
        }
    }

    private mutating func endReading(_ line: Int) throws {
        readingCount += 1
        guard readingCount <= readingsMax else {
            throw DocumentError(.limit, line: line, "more than \(readingsMax) readings", hint: "split the document")
        }
        guard hasStart, hasValue, !broken else {
            if result.unreadable.count < 10_000 {
                let what =
                    broken
                    ? "a number of the reading cannot be read"
                    : hasStart ? "the reading has no value" : "the reading has no start"
                result.unreadable.append((reading.line, what))
            }
            return
        }
        entry.readings.append(reading)
    }

    private mutating func endEntry() {
        defer { entry = Entry() }
        let own = entry.hrefs.first { $0.rel == "self" }?.href ?? ""
        if let type = entry.type { types.append((own, type)) }
        if let related = entry.hrefs.first(where: { $0.rel == "related" && $0.href.contains("ReadingType/") }) {
            typeOfMeterReading[own] = related.href
        }
        guard !entry.readings.isEmpty else { return }
        let all = [entry.hrefs.first { $0.rel == "up" }?.href, own].compactMap { $0 }
        let named = all.first { $0.contains("/IntervalBlock") }
        let meterReading = named.flatMap { href in
            href.firstRange(of: "/IntervalBlock").map { String(href[..<$0.lowerBound]) }
        }
        let usagePoint = (named ?? own).firstRange(of: "UsagePoint/").map { range in
            String((named ?? own)[range.upperBound...].prefix { $0 != "/" })
        }
        blocks.append(
            Block(
                readings: entry.readings, meterReading: meterReading ?? "", usagePoint: usagePoint,
                typesBefore: types.count))
    }

    /// The reading type of a block: by link, the only one, or the one that stood last before it.
    private func type(of block: Block) -> ESPIReadingType? {
        if let href = typeOfMeterReading[block.meterReading] {
            let id = href.firstRange(of: "ReadingType/").map { href[$0.upperBound...] }
            return types.first { type in
                type.href == href
                    || (id != nil && type.href.firstRange(of: "ReadingType/").map { type.href[$0.upperBound...] } == id)
            }?.type
        }
        if types.count == 1 { return types[0].type }
        return block.meterReading.isEmpty && block.typesBefore > 0 ? types[block.typesBefore - 1].type : nil
    }

    func document() -> ESPIDocument {
        var document = result
        document.readingTypeCount = types.count
        var index: [String: Int] = [:]
        for block in blocks {
            let type = type(of: block)
            let key =
                block.meterReading.isEmpty ? "\(block.usagePoint ?? "") \(block.typesBefore)" : block.meterReading
            if let known = index[key] {
                document.series[known].readings += block.readings
            } else {
                index[key] = document.series.count
                document.series.append(
                    ESPISeries(usagePoint: block.usagePoint, type: type, readings: block.readings))
            }
        }
        return document
    }
}
