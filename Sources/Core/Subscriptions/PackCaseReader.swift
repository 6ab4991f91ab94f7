// Reads a case of packs, a history and requests, YAML or JSON (docs/subscriptions.md). Every error names file and line.
// It decides nothing: PackHistory does.
import CivilTime
import Tariffs

/// A case to try.
public struct PackCase: Sendable {
    public struct Step: Sendable {
        public var line: Int
        public var day: CivilDay
        public var request: PackRequest
    }

    public var book: PackBook
    public var history: PackHistory
    public var steps: [Step] = []
    /// Days whose packs are shown.
    public var shownDays: [CivilDay] = []
    /// Energy of each shown day by band.
    public var energyWh: [String: Int64] = [:]
    /// Load of each band of the shown days.
    public var loadW: [String: Int64] = [:]

    public static let maximumShownDays = 1000

    /// What ended before the first request has been charged for by whoever kept it.
    fileprivate mutating func settle() {
        guard let first = steps.first?.day else { return }
        for row in history.rows where row.state == .unsubscribed && row.to.map({ $0 < first }) ?? false {
            history.told["penalty:\(history.name(row))"] = 0
        }
    }
}

public enum PackCaseReader {
    /// - Parameter file: the name that errors carry.
    public static func read(_ bytes: [UInt8], file: String) throws(TariffError) -> PackCase {
        var fields = try TariffFields(try TariffText.read(bytes, file: file), file: file, what: "the case")
        _ = try fields.integer(try fields.need("format"), "format", 1...1)
        let consumer = try fields.text(try fields.need("consumer"), "consumer")
        let nma = try fields.text(try fields.need("nma"), "nma")
        let book = try self.book(&fields)
        var history = PackHistory(consumer: consumer, nma: nma)
        if let found = fields.take("history") {
            for item in try fields.list(found, "history", 0...PackHistory.maximumRows) {
                try row(item, file, book, &history)
            }
        }
        var result = PackCase(book: book, history: history)
        for item in try fields.list(try fields.need("requests"), "requests", 0...10_000) {
            result.steps.append(try step(item, file))
        }
        result.settle()
        if let found = fields.take("show") { try show(found, file, &result) }
        try fields.finish()
        return result
    }

    // MARK: Packs

    private static func book(_ fields: inout TariffFields) throws(TariffError) -> PackBook {
        var served: [String: Set<String>] = [:]
        for (seller, _, value) in try fields.pairs(try fields.need("served"), "served") {
            var places: Set<String> = []
            for item in try fields.list(value, seller, 0...1000) { places.insert(try fields.text(item, seller)) }
            served[seller] = places
        }
        var calendar = TOUCalendar.flat()
        if let found = fields.take("bands") {
            var bands: [TOUBand] = []
            for (name, _, value) in try fields.pairs(found, "bands") {
                bands.append(TOUBand(name: name, ranges: try fields.hours(value, "band \(name)")))
            }
            calendar = TOUCalendar(bands: bands)
            try fields.at(found.line, calendar.validate)
        }
        let list = try fields.need("packs")
        var packs: [PackTerms] = []
        for item in try fields.list(list, "packs", 1...500) { packs.append(try terms(item, fields.file, calendar)) }
        var defaultPack: String?
        if let found = fields.take("defaultPack") { defaultPack = try fields.text(found, "defaultPack") }
        var book = try fields.at(list.line) { () throws(TariffError) in
            try PackBook(packs, served: served, calendar: calendar, defaultPack: defaultPack)
        }
        if let found = fields.take("holidays") { book.holidays = Set(try fields.days(found, "holidays")) }
        if let found = fields.take("comparesBase") { book.comparesBase = try fields.flag(found, "comparesBase") }
        return book
    }

    private static func terms(
        _ text: TariffText, _ file: String, _ calendar: TOUCalendar
    ) throws(TariffError) -> PackTerms {
        var fields = try TariffFields(text, file: file, what: "a pack")
        let id = try fields.text(try fields.need("id"), "id")
        let kind = try fields.word(try fields.need("kind"), "kind", PackTerms.Kind.self)
        var terms = PackTerms(id: id, kind: kind, res: try fields.text(try fields.need("res"), "res"))
        func number(_ key: String, _ range: ClosedRange<Int64>) throws(TariffError) -> Int64? {
            guard let found = fields.take(key) else { return nil }
            return try fields.integer(found, key, range)
        }
        func decimal(_ key: String, _ places: Int, _ range: ClosedRange<Int64>) throws(TariffError) -> Int64? {
            guard let found = fields.take(key) else { return nil }
            return try fields.decimal(found, key, places: places, range)
        }
        terms.version = Int(try number("version", 1...Int64(Int32.max)) ?? 1)
        if let found = fields.take("validFrom") { terms.validFrom = try day(found, "validFrom", fields) }
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
        try applying(&fields, &terms)
        let prices = try fields.need("prices")
        for (band, line, value) in try fields.pairs(prices, "prices") {
            guard calendar.bands.contains(where: { $0.name == band }) else {
                throw fields.error(
                    line, "there is no band \(band)",
                    remedy: "bands are \(calendar.bands.map(\.name).joined(separator: ", "))")
            }
            terms.milliPaisePerKWh[band] = try fields.decimal(
                value, "price", places: 5, -1_000_000_000...1_000_000_000)
        }
        try fields.finish()
        return terms
    }

    /// Kinds of days and single dates. Dates alone leave no other days.
    private static func applying(_ fields: inout TariffFields, _ terms: inout PackTerms) throws(TariffError) {
        if let found = fields.take("dates") {
            terms.dates = Set(try fields.days(found, "dates"))
            terms.days = []
        }
        guard let found = fields.take("days") else { return }
        terms.days = []
        for item in try fields.list(found, "days", 0...12) {
            let word = try fields.text(item, "days")
            guard let some = TariffReader.dayKinds[word] else {
                throw fields.error(
                    item.line, "days \(word) is not known",
                    remedy: "known are \(TariffReader.dayKinds.keys.sorted().joined(separator: ", "))")
            }
            terms.days.formUnion(some)
        }
    }

    // MARK: History

    private static func row(
        _ text: TariffText, _ file: String, _ book: PackBook, _ history: inout PackHistory
    ) throws(TariffError) {
        var fields = try TariffFields(text, file: file, what: "a row of history")
        let found = try fields.need("pack")
        let pack = try fields.text(found, "pack")
        guard let any = book.anyTerms(pack) else {
            throw fields.error(found.line, "there is no pack \(pack)", remedy: "name one of packs")
        }
        var row = HeldPack(
            number: history.rows.count + 1, pack: pack, kind: any.kind, res: any.res,
            appliedOn: try day(try fields.need("applied"), "applied", fields))
        row.state = try fields.word(try fields.need("state"), "state", HeldPack.State.self)
        func date(_ key: String) throws(TariffError) -> CivilDay? {
            guard let found = fields.take(key) else { return nil }
            return try day(found, key, fields)
        }
        row.approvedOn = try date("approved")
        row.from = try date("from")
        row.to = try date("to")
        row.endedOn = try date("ended")
        try fields.finish()
        let isApproved = row.state != .draft && row.state != .rejected
        let hasEnd = row.state == .unsubscribed || row.state == .expired
        guard isApproved == (row.from != nil), isApproved == (row.approvedOn != nil), !hasEnd || row.to != nil else {
            throw fields.error(
                fields.line, "a row that is \(row.state.rawValue) has other days",
                remedy: "approved ones have approved and from, ended ones to as well, others none of them")
        }
        if let approvedOn = row.approvedOn, let from = row.from {
            guard let terms = book.terms(pack, on: approvedOn), approvedOn < from, row.appliedOn <= approvedOn else {
                throw fields.error(
                    fields.line, "\(pack) cannot begin on \(from)",
                    remedy: "applied, approved, from follow one another, and a version of the pack holds then")
            }
            row.termMonths = terms.months
            row.renewsItself = terms.kind == .base || terms.renewsItself
            if row.state == .active {
                guard (row.to == nil) == (terms.months == nil) else {
                    throw fields.error(
                        fields.line, "\(pack) is open or has an end, this row differs",
                        remedy: "give to where the pack has months, and only there")
                }
                row.agreedTo = row.to
            }
        }
        try check(row, against: history, fields)
        history.rows.append(row)
    }

    /// One base on a day, one draft at a time.
    private static func check(
        _ row: HeldPack, against history: PackHistory, _ fields: TariffFields
    ) throws(TariffError) {
        guard row.kind == .base else { return }
        if row.state == .draft, history.rows.contains(where: { $0.state == .draft }) {
            throw fields.error(fields.line, "two drafts at once", remedy: "keep one; the other is REJECTED")
        }
        guard let from = row.from, row.end.map({ $0 >= from }) ?? true else { return }
        for other in history.rows where other.kind == .base {
            guard let began = other.from, other.end.map({ $0 >= began }) ?? true else { continue }
            if row.bills(on: max(from, began)), other.bills(on: max(from, began)) {
                throw fields.error(
                    fields.line, "\(row.pack) and \(other.pack) are both base on \(max(from, began))",
                    remedy: "let one end before the other begins")
            }
        }
    }

    // MARK: Requests

    private static func step(_ text: TariffText, _ file: String) throws(TariffError) -> PackCase.Step {
        var fields = try TariffFields(text, file: file, what: "a request")
        let on = try day(try fields.need("on"), "on", fields)
        let known = ["apply", "approve", "reject", "unsubscribe", "renew", "portOut", "sweep", "closeMonth"]
        var found: [(String, TariffText)] = []
        for key in known { if let value = fields.take(key) { found.append((key, value)) } }
        guard found.count == 1, let (key, value) = found.first else {
            if found.isEmpty { try fields.finish() }
            throw fields.error(
                fields.line, "a request asks for \(found.count) things",
                remedy: "give one of \(known.joined(separator: ", "))")
        }
        let request: PackRequest
        switch key {
        case "apply":
            var from: CivilDay?
            if let found = fields.take("from") { from = try day(found, "from", fields) }
            request = .apply(pack: try fields.text(value, key), from: from)
        case "approve": request = .approve(pack: try fields.text(value, key))
        case "reject": request = .reject(pack: try fields.text(value, key))
        case "unsubscribe": request = .unsubscribe(pack: try fields.text(value, key))
        case "renew": request = .renew(pack: try fields.text(value, key))
        case "portOut": request = .portOut(lastDay: try day(value, key, fields))
        case "closeMonth": request = .closeMonth(try close(value, file))
        default:
            guard try fields.flag(value, key) else {
                throw fields.error(value.line, "sweep false asks for nothing", remedy: "write sweep: true")
            }
            request = .sweep
        }
        try fields.finish()
        return PackCase.Step(line: fields.line, day: on, request: request)
    }

    private static func close(_ text: TariffText, _ file: String) throws(TariffError) -> MonthClose {
        var fields = try TariffFields(text, file: file, what: "closeMonth")
        let month = try fields.month(try fields.need("month"), "month")
        var close = MonthClose(month: month, meter: try fields.text(try fields.need("meter"), "meter"), exportWh: [:])
        for (word, line, value) in try fields.pairs(try fields.need("exportWh"), "exportWh") {
            guard let day = CivilDay(word) else {
                throw fields.error(line, "exportWh \(word) is no day", remedy: "write 2026-04-01: 12500")
            }
            close.exportWh[day] = try fields.integer(value, "exportWh", 0...MonthClose.maximumWh)
        }
        let range = -MonthClose.maximumPaise...MonthClose.maximumPaise
        if let found = fields.take("renewableWallet") {
            close.renewablePaise = try fields.decimal(found, "renewableWallet", places: 2, range)
        }
        if let found = fields.take("wallets") {
            for (name, _, value) in try fields.pairs(found, "wallets") {
                let balance = try fields.decimal(value, "wallets", places: 2, range)
                close.wallets.append(MonthClose.Wallet(name: name, balancePaise: balance))
            }
        }
        try fields.finish()
        return close
    }

    private static func show(_ text: TariffText, _ file: String, _ result: inout PackCase) throws(TariffError) {
        var fields = try TariffFields(text, file: file, what: "show")
        let from = try day(try fields.need("from"), "from", fields)
        let found = try fields.need("to")
        let to = try day(found, "to", fields)
        guard from <= to, from.days(to: to) < PackCase.maximumShownDays else {
            throw fields.error(
                found.line, "\(from) to \(to) are no days to show",
                remedy: "give 1 to \(PackCase.maximumShownDays) days")
        }
        result.shownDays = (from.number...to.number).map { CivilDay(number: $0) }
        let bands = result.book.calendar.bands.map(\.name)
        func byBand(_ key: String) throws(TariffError) -> [String: Int64] {
            guard let found = fields.take(key) else { return [:] }
            var values: [String: Int64] = [:]
            for (band, line, value) in try fields.pairs(found, key) {
                guard bands.contains(band) else {
                    throw fields.error(
                        line, "there is no band \(band)", remedy: "bands are \(bands.joined(separator: ", "))")
                }
                values[band] = try fields.integer(value, key, 0...1_000_000_000_000)
            }
            return values
        }
        result.energyWh = try byBand("energyWh")
        result.loadW = try byBand("loadW")
        try fields.finish()
    }

    /// A day of the years 2000 to 2099: terms are counted from one day to another.
    private static func day(
        _ text: TariffText, _ key: String, _ fields: TariffFields
    ) throws(TariffError) -> CivilDay {
        let day = try fields.day(text, key)
        guard (2000...2099).contains(day.parts.year) else {
            throw fields.error(text.line, "\(key) \(day) is out of range", remedy: "give a day of 2000 to 2099")
        }
        return day
    }
}
