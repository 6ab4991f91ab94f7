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

/// The words of the messages to consumers, by the domain's template.
enum MessageWords {
    static func text(template: String, amountPaise: Int64?, _ language: Language) -> String {
        let money = amountPaise.map { rupees(paise: $0) } ?? ""
        return switch (template, language) {
        case ("low-balance", .english): "Your balance is \(money). Please recharge, so that supply goes on."
        case ("low-balance", .hindi): "आपका बैलेंस \(money) है। बिजली चालू रखने के लिए कृपया रिचार्ज करें।"
        case ("supply-cut", .english): "Your supply is off, because the balance is used up. A recharge brings it back."
        case ("supply-cut", .hindi): "बैलेंस समाप्त होने से आपकी बिजली बंद है। रिचार्ज करने पर चालू हो जाएगी।"
        case ("supply-restored", .english): "Your supply is on again."
        case ("supply-restored", .hindi): "आपकी बिजली फिर चालू है।"
        case ("recharge-received", .english): "\(money) is in your wallet. Thank you."
        case ("recharge-received", .hindi): "\(money) आपके वॉलेट में जमा हो गए। धन्यवाद।"
        case ("charge-corrected", .english):
            "An earlier day was charged again from better readings; difference \(money)."
        case ("charge-corrected", .hindi): "बेहतर रीडिंग से एक पिछले दिन का शुल्क फिर जोड़ा गया; अंतर \(money)।"
        default: template
        }
    }
}
