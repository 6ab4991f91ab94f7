// Reads the terms under which packs are sold and the places their sellers serve, YAML or JSON (docs/subscriptions.md).
// Every error names file and line. It stores nothing and knows no pack that is stored.
import CivilTime
import Tariffs

/// Under which terms a pack is sold from a day on, beside its prices.
public struct SaleTerms: Sendable, Equatable, Codable {
    /// The seller of a pack without terms: the company itself, which serves every place.
    public static let ownSeller = "own"

    public var seller: String
    public var leadDays = 1
    public var months: Int?
    public var renewsItself = false
    public var loadLimitW: Int64?
    public var reminderDays: [Int] = []
    /// What the penalty for leaving early is reckoned from.
    public var fixedPaisePerMonth: Int64 = 0
    public var breakPPM: Int64 = 0
    public var breakMonths = 12
    public var exportMilliPaisePerKWh: Int64?
    /// Categories of consumers it is offered to; none are all.
    public var categories: [String] = []

    public init(seller: String = SaleTerms.ownSeller) { self.seller = seller }
}

public struct PackTermsFile: Sendable, Equatable {
    /// Terms of a pack from a day on.
    public struct Entry: Sendable, Equatable {
        public var line: Int
        public var pack: String
        public var from: CivilDay
        public var terms: SaleTerms
    }

    /// Places, by number or name, that a seller serves from a day on; nil is everywhere.
    public struct Seller: Sendable, Equatable {
        public var line: Int
        public var name: String
        public var from: CivilDay
        public var places: [String]?
    }

    public var entries: [Entry] = []
    public var sellers: [Seller] = []

    public static let maximumEntries = 2_000

    /// - Parameter file: the name that errors carry.
    public static func read(_ bytes: [UInt8], file: String) throws(TariffError) -> PackTermsFile {
        var fields = try TariffFields(try TariffText.read(bytes, file: file), file: file, what: "the file of terms")
        _ = try fields.integer(try fields.need("format"), "format", 1...1)
        var result = PackTermsFile()
        if let found = fields.take("sellers") {
            for item in try fields.list(found, "sellers", 0...maximumEntries) {
                result.sellers.append(try seller(item, file))
            }
        }
        if let found = fields.take("packs") {
            for item in try fields.list(found, "packs", 0...maximumEntries) {
                let entry = try entry(item, file)
                guard !result.entries.contains(where: { $0.pack == entry.pack && $0.from == entry.from }) else {
                    throw fields.error(
                        entry.line, "terms of \(entry.pack) from \(entry.from) stand twice", remedy: "keep one of them")
                }
                result.entries.append(entry)
            }
        }
        try fields.finish()
        return result
    }

    private static func seller(_ text: TariffText, _ file: String) throws(TariffError) -> Seller {
        var fields = try TariffFields(text, file: file, what: "a seller")
        let name = try fields.text(try fields.need("name"), "name")
        try fields.at(text.line) { () throws(TariffError) in try checkName(name, "name") }
        var seller = Seller(line: fields.line, name: name, from: try day(&fields))
        let found = try fields.need("places")
        if case .scalar = found.content {
            guard try fields.text(found, "places") == "all" else {
                throw fields.error(
                    found.line, "places is neither a list nor all", remedy: "write [12, Sector 4], or all")
            }
        } else {
            var places: [String] = []
            for item in try fields.list(found, "places", 0...1000) { places.append(try fields.text(item, "places")) }
            seller.places = places
        }
        try fields.finish()
        return seller
    }

    private static func entry(_ text: TariffText, _ file: String) throws(TariffError) -> Entry {
        var fields = try TariffFields(text, file: file, what: "terms of a pack")
        let pack = try fields.text(try fields.need("pack"), "pack")
        let from = try day(&fields)
        var terms = SaleTerms()
        if let found = fields.take("seller") {
            terms.seller = try fields.text(found, "seller")
            try fields.at(found.line) { () throws(TariffError) in try checkName(terms.seller, "seller") }
        }
        func number(_ key: String, _ range: ClosedRange<Int64>) throws(TariffError) -> Int64? {
            guard let found = fields.take(key) else { return nil }
            return try fields.integer(found, key, range)
        }
        func decimal(_ key: String, _ places: Int, _ range: ClosedRange<Int64>) throws(TariffError) -> Int64? {
            guard let found = fields.take(key) else { return nil }
            return try fields.decimal(found, key, places: places, range)
        }
        terms.leadDays = Int(try number("leadDays", 1...366) ?? 1)
        terms.months = try number("months", 1...600).map { Int($0) }
        if let found = fields.take("renews") { terms.renewsItself = try fields.flag(found, "renews") }
        terms.loadLimitW = try number("loadLimitW", 1...10_000_000_000)
        terms.fixedPaisePerMonth = try decimal("fixedPerMonth", 2, 0...1_000_000_000_000) ?? 0
        terms.breakPPM = try decimal("breakPercent", 4, 0...10_000_000) ?? 0
        terms.breakMonths = Int(try number("breakMonths", 0...600) ?? 12)
        terms.exportMilliPaisePerKWh = try decimal("exportPrice", 5, 0...1_000_000_000)
        if let found = fields.take("remind") {
            for item in try fields.list(found, "remind", 0...20) {
                terms.reminderDays.append(Int(try fields.integer(item, "remind", 0...366)))
            }
        }
        if let found = fields.take("categories") {
            for item in try fields.list(found, "categories", 0...50) {
                terms.categories.append(try fields.text(item, "categories"))
            }
        }
        try fields.finish()
        guard terms.breakPPM == 0 || terms.fixedPaisePerMonth > 0 else {
            throw fields.error(
                fields.line, "breakPercent has nothing to be a part of", remedy: "give fixedPerMonth beside it")
        }
        return Entry(line: fields.line, pack: pack, from: from, terms: terms)
    }

    private static func day(_ fields: inout TariffFields) throws(TariffError) -> CivilDay {
        let text = try fields.need("from")
        let day = try fields.day(text, "from")
        guard (2000...2099).contains(day.parts.year) else {
            throw fields.error(text.line, "from \(day) is out of range", remedy: "give a day of 2000 to 2099")
        }
        return day
    }
}
