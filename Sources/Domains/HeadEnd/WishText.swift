// What is wanted of a meter as text: the form in which it is asked for, stored, shown and compared. Says what is wrong
// with a text that cannot be wanted.
import Access
import Foundation
import MeterPort

public enum WishText {
    /// A reset's count before the meter was asked for the present one; a clock.
    static let nextCount = "next"
    static let now = "now"
    /// Watts; a limit above belongs to no meter with a relay.
    static let limitW: ClosedRange<Int64> = 1...1_000_000
    /// Seconds a meter's clock may be off and still count as set.
    static let clockToleranceS: Int64 = 5

    /// The matter of a name.
    /// - Throws: ``Refusal`` with those that there are.
    public static func matter(_ name: String) throws -> MeterMatter {
        guard let matter = MeterMatter(name: name) else {
            let known = (["relay"] + MeterMatter.known.map(\.name) + ["maker.NAME"]).joined(separator: ", ")
            throw Refusal(
                .invalid, "There is nothing of this name to want of a meter.", hint: "Known are \(known).", at: "matter"
            )
        }
        return matter
    }

    /// The text in the form in which it is stored.
    /// - Throws: ``Refusal`` `invalid` at `value` that says what can be wanted.
    public static func checked(_ text: String, of matter: MeterMatter) throws -> String {
        func refusal(_ hint: String) -> Refusal {
            Refusal(.invalid, "This is nothing to want of \(matter.name).", hint: hint, at: "value")
        }
        switch matter {
        case .loadLimit:
            guard let watts = Int64(text), limitW.contains(watts) else {
                throw refusal("Watts, a whole number from \(limitW.lowerBound) to \(limitW.upperBound).")
            }
            return String(watts)
        case .balance:
            guard let paise = Int32(text) else { throw refusal("Paise, a whole number.") }
            return String(paise)
        case .paymentMode:
            guard PaymentMode(rawValue: text) != nil else { throw refusal("prepaid or postpaid.") }
            return text
        case .clock:
            guard text.isEmpty || text == now else { throw refusal("A clock is set to now.") }
            return now
        case .reset:
            guard text.isEmpty || text == nextCount else { throw refusal("A reset has no value.") }
            return nextCount
        case .calendar:
            guard text.utf8.count <= 8000, let calendar = calendar(text) else {
                throw refusal("A calendar as JSON: name, seasons, weeks and days; see docs/orders.md.")
            }
            if let fault = calendar.fault { throw refusal("In a calendar \(fault).") }
            return try encoded(calendar)
        case .setting(let name): return try setting(name, text, refusal)
        case .maker, .firmware:
            guard (1...100).contains(text.utf8.count), text.utf8.allSatisfy({ (33..<127).contains($0) }) else {
                throw refusal("1 to 100 letters and digits without spaces.")
            }
            return text
        }
    }

    private static func setting(_ name: String, _ text: String, _ refusal: (String) -> Refusal) throws -> String {
        guard name.hasPrefix("push-") else {
            guard let seconds = Int64(text), [300, 900, 1800, 3600].contains(seconds) else {
                throw refusal("Seconds: 300, 900, 1800 or 3600.")
            }
            return String(seconds)
        }
        let colon = text.lastIndex(of: ":") ?? text.endIndex
        let port = text[colon...].dropFirst()
        guard colon > text.startIndex, text.utf8.count <= 64, text.utf8.allSatisfy({ (33..<127).contains($0) }),
            let number = Int(port), (1...65_535).contains(number)
        else { throw refusal("Where the meter sends to, as address:port.") }
        return text
    }

    // MARK: To and from values

    /// The value to set. `text` was checked before.
    static func value(_ text: String, of matter: MeterMatter, nowS: Int64) throws -> MeterValue {
        let number = Int64(text)
        switch matter {
        case .loadLimit: if let number { return .loadLimit(watts: number) }
        case .balance: if let number { return .balance(paise: number) }
        case .paymentMode: if let mode = PaymentMode(rawValue: text) { return .paymentMode(mode) }
        case .clock: return .clock(atS: nowS)
        case .reset(let reset): if let number { return .reset(reset, count: number) }
        case .calendar: if let calendar = calendar(text) { return .calendar(calendar) }
        case .setting(let name): return .setting(name, text)
        case .maker(let name): return .maker(name, text)
        case .firmware: return .firmware(version: text)
        }
        throw MeterError(.other, "what is wanted of \(matter.name) cannot be read")
    }

    /// What the meter said, as it is stored. A clock is stored as the seconds it is ahead.
    static func text(_ value: MeterValue, nowS: Int64) throws -> String {
        switch value {
        case .loadLimit(let watts): String(watts)
        case .balance(let paise): String(paise)
        case .paymentMode(let mode): mode.rawValue
        case .clock(let atS): String(atS - nowS)
        case .reset(_, let count): String(count)
        case .calendar(let calendar): try encoded(calendar)
        case .setting(_, let text), .maker(_, let text): text
        case .firmware(let version): version
        }
    }

    /// Whether a meter that says `actual` does what is wanted.
    static func isMet(_ desired: String, by actual: String, _ matter: MeterMatter) -> Bool {
        switch matter {
        case .clock: Int64(actual).map { abs($0) <= clockToleranceS } ?? false
        case .reset: (Int64(desired) ?? .max) <= (Int64(actual) ?? 0)
        default: desired == actual
        }
    }

    private static func calendar(_ text: String) -> MeterCalendar? {
        try? JSONDecoder().decode(MeterCalendar.self, from: Data(text.utf8))
    }

    public static func encoded(_ calendar: MeterCalendar) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(calendar), as: UTF8.self)
    }
}
