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
        let head = "\(what.text)\nkind \(kind)\nat \(factAtMs.map { String($0) } ?? "-")"
        let lines = legs.map { leg in
            let day = leg.supplyDay.map { String($0.number) } ?? "-"
            let revision = leg.revision.map { String($0) } ?? "-"
            return "\(leg.journalAccountID) \(leg.amountPaise) \(leg.kind.rawValue) \(day) \(revision) "
                + (leg.estimated ? "estimated" : "-")
        }
        return Hash.sha256(Array(([head] + lines.sorted()).joined(separator: "\n").utf8))
    }
}
