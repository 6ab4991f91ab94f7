// From the domains' words to the pages' words: relay, supply reasons, messages to consumers.
import CivilTime
import Meters
import Quantities

extension RelayState {
    /// Of a state as a meter says it.
    init(actual: String?) {
        self =
            switch actual {
            case nil: .unknown
            case "closed": .connected
            default: .disconnected
            }
    }

    init(_ wish: RelayWish) { self = wish == .closed ? .connected : .disconnected }
}

extension SupplyReason {
    /// - Parameter code: raw value of the domain's reason.
    init(code: String, detail: String, weekdays: [String]) {
        self =
            switch code {
            case "balance-below-threshold", "not-yet-restored": .balanceBelow(thresholdPaise: Int64(detail) ?? 0)
            case "no-cut-hours": Self.hours(detail)
            case "no-cut-weekday": .holiday(name: Self.weekday(detail, weekdays))
            case "no-cut-day": .holiday(name: detail)
            case "rests-on-estimate": .estimatedBalance
            case "warning-too-fresh": .notWarnedYet
            case "conversion-open": .converting
            case "balance-good": .recharged
            case "installed", "": .none
            default: .other(detail.isEmpty ? code : detail)
            }
    }

    private static func hours(_ detail: String) -> SupplyReason {
        let sides = detail.split(separator: "-").compactMap { Int($0) }
        return sides.count == 2 ? .noCutHours(from: sides[0], to: sides[1]) : .other(detail)
    }

    private static func weekday(_ detail: String, _ names: [String]) -> String {
        guard let number = Int(detail), names.indices.contains(number - 1) else { return detail }
        return names[number - 1]
    }
}

/// The words of the messages to consumers, by the domain's template; the sentences stand in the message files.
enum MessageWords {
    static func text(template: String, amountPaise: Int64?, _ messages: Messages) -> String {
        let amount = amountPaise ?? 0
        let money: Markup = "\(rupees(paise: amount))"
        let size: Markup = "\(rupees(paise: abs(amount)))"
        let words: Markup =
            switch template {
            case "low-balance": messages.say("notice.lowBalance", ["money": money])
            case "supply-cut": messages.say("notice.supplyCut")
            case "supply-restored": messages.say("notice.supplyRestored")
            case "supply-failed": messages.say("notice.supplyFailed")
            case "supply-back": messages.say("notice.supplyBack")
            case "recharge-received": messages.say("notice.rechargeReceived", ["money": money])
            case "charge-corrected" where amount < 0: messages.say("notice.correctedBack", ["money": size])
            case "charge-corrected": messages.say("notice.correctedTaken", ["money": size])
            default: "\(template)"
            }
        return words.plain
    }
}

/// Reads the words of a page's filter. What means nothing is remembered: the page says so and is shown without it.
struct FilterWords {
    private(set) var unknown: [String] = []

    mutating func read<Value>(_ text: String?, _ value: (String) -> Value?) -> Value? {
        guard let text, !text.isEmpty else { return nil }
        guard let found = value(text) else {
            unknown.append(text)
            return nil
        }
        return found
    }

    var notice: PageFrame.Notice? { unknown.isEmpty ? nil : .unknownWords(unknown) }
    var status: Int { unknown.isEmpty ? 200 : 400 }
}
