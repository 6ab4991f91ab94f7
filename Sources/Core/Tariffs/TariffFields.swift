// Takes typed values out of the tree of a tariff or case file: every error names file and line, what is wrong and how
// to mend it; a key that nobody asked for is an error with the nearest known word. It knows no tariff.
import CivilTime
import Quantities

/// A map of the file while it is read.
package struct TariffFields {
    package let file: String
    package let line: Int
    /// What the map is, for messages: `component energy`.
    package let what: String
    private let values: [(key: String, line: Int, value: TariffText)]
    private var asked: [String] = []

    package init(_ text: TariffText, file: String, what: String) throws(TariffError) {
        guard case .map(let values) = text.content else {
            throw TariffError(
                "\(file):\(text.line)", "\(what) is not a map", remedy: "give key: value lines, indented alike")
        }
        self.file = file
        self.what = what
        self.values = values
        line = text.line
    }

    package var keys: [String] { values.map(\.key) }

    /// Nil when the key is absent or its value is empty.
    package mutating func take(_ key: String) -> TariffText? {
        asked.append(key)
        guard let found = values.first(where: { $0.key == key })?.value else { return nil }
        if case .scalar("") = found.content { return nil }
        return found
    }

    package mutating func need(_ key: String) throws(TariffError) -> TariffText {
        guard let found = take(key) else {
            // A key of about that length that nobody has asked for is a slip of the finger.
            let strays = keys.filter { !asked.contains($0) && abs($0.utf8.count - key.utf8.count) <= 1 }
            let near = Resemblance.nearest(to: key, among: strays)
            throw error(
                near.flatMap { near in values.first { $0.key == near }?.line } ?? line, "\(what) has no \(key)",
                remedy: near.map { "write \(key) for \($0)" } ?? "add \(key): …")
        }
        return found
    }

    /// Refuses what was not asked for.
    package func finish() throws(TariffError) {
        guard let stray = values.first(where: { !asked.contains($0.key) }) else { return }
        let near = Resemblance.nearest(to: stray.key, among: asked)
        throw error(
            stray.line, "\(what) has no key \(String(stray.key.prefix(60)))",
            remedy: near.map { "did you mean \($0)? Known here are \(known)" } ?? "known here are \(known)")
    }

    private var known: String { Set(asked).sorted().joined(separator: ", ") }

    package func error(_ line: Int, _ what: String, remedy: String) -> TariffError {
        TariffError("\(file):\(line)", what, remedy: remedy)
    }

    /// Puts file and line before an error that has no such place.
    package func at<Value>(_ line: Int, _ body: () throws(TariffError) -> Value) throws(TariffError) -> Value {
        do { return try body() } catch {
            let what = error.place.isEmpty ? error.what : "\(error.place): \(error.what)"
            throw self.error(line, what, remedy: error.remedy)
        }
    }

    // MARK: Values

    package func text(_ text: TariffText, _ key: String) throws(TariffError) -> String {
        guard case .scalar(let value) = text.content else {
            throw error(text.line, "\(key) is a list or a map", remedy: "give one value")
        }
        guard (1...120).contains(value.utf8.count), value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw error(
                text.line, "\(key) is empty, too long or holds control characters",
                remedy: "give 1 to 120 plain characters")
        }
        return value
    }

    package func list(_ text: TariffText, _ key: String, _ range: ClosedRange<Int>) throws(TariffError) -> [TariffText]
    {
        guard case .list(let list) = text.content else {
            throw error(text.line, "\(key) is not a list", remedy: "give a list: lines that begin with - or [a, b]")
        }
        guard range.contains(list.count) else {
            throw error(
                text.line, "\(key) has \(list.count) entries",
                remedy: "give \(range.lowerBound) to \(range.upperBound)")
        }
        return list
    }

    package func pairs(_ text: TariffText, _ key: String) throws(TariffError) -> [(
        key: String, line: Int, value: TariffText
    )] {
        guard case .map(let pairs) = text.content, (1...100).contains(pairs.count) else {
            throw error(text.line, "\(key) is not a map of 1 to 100 entries", remedy: "give name: value lines")
        }
        return pairs
    }

    package func integer(_ text: TariffText, _ key: String, _ range: ClosedRange<Int64>) throws(TariffError) -> Int64 {
        let word = try self.text(text, key)
        guard let value = Int64(word), range.contains(value) else {
            throw error(
                text.line, "\(key) \(word) is no whole number from \(range.lowerBound) to \(range.upperBound)",
                remedy: "give such a number")
        }
        return value
    }

    /// A number with up to so many decimals, as an integer of that scale: `6.5` with 5 places is 650,000.
    package func decimal(
        _ text: TariffText, _ key: String, places: Int, _ range: ClosedRange<Int64>
    ) throws(TariffError) -> Int64 {
        let word = try self.text(text, key)
        guard let value = decimalNumber(word, places: places) else {
            throw error(
                text.line, "\(key) \(word) is no number with at most \(places) decimals",
                remedy: "write it like 6.50, without a unit or a thousands sign")
        }
        guard range.contains(value) else {
            throw error(
                text.line, "\(key) \(word) is out of range",
                remedy: value < range.lowerBound
                    ? "give \(trimmedPoint(range.lowerBound, places: places)) or more"
                    : "give \(trimmedPoint(range.upperBound, places: places)) or less")
        }
        return value
    }

    package func flag(_ text: TariffText, _ key: String) throws(TariffError) -> Bool {
        switch try self.text(text, key) {
        case "true": return true
        case "false": return false
        case let word: throw error(text.line, "\(key) \(word)", remedy: "give true or false")
        }
    }

    package func word<Word: RawRepresentable & CaseIterable>(
        _ text: TariffText, _ key: String, _ type: Word.Type
    ) throws(TariffError) -> Word where Word.RawValue == String {
        let word = try self.text(text, key)
        guard let found = Word(rawValue: word) else {
            let known = Word.allCases.map(\.rawValue)
            let near = Resemblance.nearest(to: word, among: known).map { "did you mean \($0)? " } ?? ""
            throw error(
                text.line, "\(key) \(word) is not known",
                remedy: "\(near)known are \(known.joined(separator: ", "))")
        }
        return found
    }

    package func day(_ text: TariffText, _ key: String) throws(TariffError) -> CivilDay {
        let word = try self.text(text, key)
        guard let day = CivilDay(word) else {
            throw error(text.line, "\(key) \(word) is no day", remedy: "write 2026-04-01")
        }
        return day
    }

    package func month(_ text: TariffText, _ key: String) throws(TariffError) -> CivilMonth {
        let word = try self.text(text, key)
        guard let month = CivilMonth(word) else {
            throw error(text.line, "\(key) \(word) is no month", remedy: "write 2026-04")
        }
        return month
    }

    /// `MM-DD` as month × 100 + day.
    package func monthDay(_ text: TariffText, _ key: String) throws(TariffError) -> Int {
        let word = try self.text(text, key)
        guard let day = CivilDay("2024-\(word)") else {
            throw error(text.line, "\(key) \(word) is no day of the year", remedy: "write 04-01 for 1 April")
        }
        return day.parts.month * 100 + day.parts.day
    }

    package func days(_ text: TariffText, _ key: String) throws(TariffError) -> [CivilDay] {
        var days: [CivilDay] = []
        for item in try list(text, key, 0...2000) { days.append(try day(item, key)) }
        return days
    }

    /// `18:00-22:00`, or a list of such; 24:00 ends the day.
    package func hours(_ text: TariffText, _ key: String) throws(TariffError) -> [MinuteRange] {
        var items = [text]
        if case .list(let list) = text.content { items = list }
        var ranges: [MinuteRange] = []
        for item in items {
            let word = try self.text(item, key)
            let ends = word.split(separator: "-", omittingEmptySubsequences: false).map(minute)
            guard ends.count == 2, let from = ends[0], let to = ends[1], from < to else {
                throw error(
                    item.line, "\(key) \(word) is no part of a day",
                    remedy: "write 18:00-22:00; cut what runs over midnight in two")
            }
            ranges.append(MinuteRange(fromMinute: from, toMinute: to))
        }
        return ranges
    }

    private func minute(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60, hour * 60 + minute <= minutesPerDay
        else { return nil }
        return hour * 60 + minute
    }
}

/// A plain decimal number as an integer with so many places; nil for anything else, also when digits would be lost.
public func decimalNumber(_ word: String, places: Int) -> Int64? {
    var digits = word[...]
    let isNegative = digits.hasPrefix("-")
    if isNegative { digits = digits.dropFirst() }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), !parts[0].isEmpty, parts.count == 1 || !parts[1].isEmpty,
        parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } })
    else { return nil }
    var rest = parts.count == 2 ? parts[1] : ""
    while rest.utf8.count > places, rest.hasSuffix("0") { rest = rest.dropLast() }
    guard rest.utf8.count <= places, parts[0].utf8.count <= 15,
        let value = Int64(parts[0] + rest + String(repeating: "0", count: places - rest.utf8.count))
    else { return nil }
    return isNegative ? -value : value
}
