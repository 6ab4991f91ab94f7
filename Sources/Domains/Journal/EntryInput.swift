// What an entry was asked for with, as canonical text and its digest: the same key with other input is refused.
// Writes nothing.
import CivilTime
import Cryptography

/// The input behind a key: what the fact is, without when and under which id it was written.
struct EntryInput {
    enum What {
        case entry
        case pending(lapsesAtMs: Int64)
        case posting(pendingID: Int64)
        case voiding(pendingID: Int64)

        var text: String {
            switch self {
            case .entry: "entry"
            case .pending(let lapsesAtMs): "pending until \(lapsesAtMs)"
            case .posting(let pendingID): "posting of \(pendingID)"
            case .voiding(let pendingID): "voiding of \(pendingID)"
            }
        }
    }

    var what: What
    var kind: String
    /// When it happened, in milliseconds since 1970, where that belongs to the fact.
    var factAtMs: Int64?
    var legs: [Leg]

    /// SHA-256 over a line for the head and a line a leg, the legs in order of their text: the order in which they were
    /// put together says nothing. Stored with every entry, so this text never changes.
    var digest: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(48 * legs.count)
        var lines: [Line] = []
        lines.reserveCapacity(legs.count)
        for leg in legs {
            let start = text.count
            text.append(leg)
            lines.append(Line(start: start, end: text.count, text))
        }
        text.withUnsafeBufferPointer { bytes in lines.sort { Line.isBefore($0, $1, bytes) } }
        var all = Array("\(what.text)\nkind \(kind)\nat \(factAtMs.map { String($0) } ?? "-")".utf8)
        all.reserveCapacity(all.count + text.count + lines.count)
        for line in lines {
            all.append(UInt8(ascii: "\n"))
            all += text[line.start..<line.end]
        }
        return Hash.sha256(all)
    }

    /// Where the text of a leg stands, in the order of its bytes.
    private struct Line {
        var start: Int
        var end: Int
        /// The first bytes, so that most comparisons look no further.
        var first: UInt64

        init(start: Int, end: Int, _ text: [UInt8]) {
            (self.start, self.end, first) = (start, end, 0)
            for place in start..<start + 8 { first = first << 8 | (place < end ? UInt64(text[place]) : 0) }
        }

        static func isBefore(_ one: Line, _ other: Line, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
            if one.first != other.first { return one.first < other.first }
            return text[one.start..<one.end].lexicographicallyPrecedes(text[other.start..<other.end])
        }
    }
}

extension [UInt8] {
    /// `101 500 charge 20000 1 -`: account, paise, kind, day of supply, revision, whether estimated.
    fileprivate mutating func append(_ leg: Leg) {
        append(decimal: leg.journalAccountID)
        append(UInt8(ascii: " "))
        append(decimal: leg.amountPaise)
        append(UInt8(ascii: " "))
        append(contentsOf: leg.kind.rawValue.utf8)
        for number in [leg.supplyDay.map { Int64($0.number) }, leg.revision] {
            append(UInt8(ascii: " "))
            if let number { append(decimal: number) } else { append(UInt8(ascii: "-")) }
        }
        append(contentsOf: leg.estimated ? " estimated".utf8 : " -".utf8)
    }
}
