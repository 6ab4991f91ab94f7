// When supply is cut and restored: two thresholds, hours in which nobody is cut, a warning first, never on an estimate.
// A dated setting of the company; pure rules, no I/O.
import Access
import CivilTime
import Foundation
import Meters

/// The setting `supply.rules` as JSON text. Unknown keys are refused so that a misspelt limit never passes unseen.
public struct SupplyRules: Sendable, Equatable, Codable {
    /// Cut when the balance is below this.
    public var cutBelowPaise: Int64 = 0
    /// Restore when the balance is at or above this.
    public var restoreFromPaise: Int64 = 1_000
    /// Warn when the balance is below this.
    public var warnBelowPaise: Int64 = 10_000
    /// No cut within so many minutes after the warning.
    public var minutesAfterWarning: Int64 = 60
    /// No cut from this minute of the day …
    public var noCutFromMinute: Int = 1_050
    /// … to this one (may be the next morning). Equal: no such hours.
    public var noCutToMinute: Int = 660
    /// ISO weekdays on which nobody is cut; 7 = Sunday.
    public var noCutWeekdays: [Int] = [7]
    /// Days on which nobody is cut, `YYYY-MM-DD`.
    public var noCutDays: [String] = []

    public init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case cutBelowPaise, restoreFromPaise, warnBelowPaise, minutesAfterWarning, noCutFromMinute, noCutToMinute,
            noCutWeekdays, noCutDays
    }

    public func json() -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Reads and checks the setting.
    public init(json: String) throws {
        guard json.utf8.count <= 20_000,
            let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        else {
            throw Refusal(
                .invalid, "supply.rules is no JSON object.", hint: "See docs/operations.md.", at: "supply.rules")
        }
        let known = Set(CodingKeys.allCases.map(\.rawValue))
        if let stray = object.keys.sorted().first(where: { !known.contains($0) }) {
            throw Refusal(
                .invalid, "supply.rules has no \(stray).", hint: "Known are \(known.sorted().joined(separator: ", ")).",
                at: "supply.rules")
        }
        do {
            self = try JSONDecoder().decode(SupplyRules.self, from: Data(json.utf8))
        } catch {
            throw Refusal(
                .invalid, "supply.rules lacks a field or has one of another type.",
                hint: "Give all of \(known.sorted().joined(separator: ", ")).", at: "supply.rules")
        }
        let day = 0...1_440
        // Ten crore rupees: far above any wallet, and no sum with it can overflow.
        let paise: ClosedRange<Int64> = -10_000_000_000...10_000_000_000
        guard cutBelowPaise <= restoreFromPaise,
            [cutBelowPaise, restoreFromPaise, warnBelowPaise].allSatisfy(paise.contains),
            day.contains(noCutFromMinute), day.contains(noCutToMinute), (0...10_080).contains(minutesAfterWarning),
            noCutWeekdays.allSatisfy((1...7).contains),
            noCutDays.count <= 400, noCutDays.allSatisfy({ CivilDay($0) != nil })
        else {
            throw Refusal(
                .invalid, "supply.rules has a value out of range.",
                hint: "Restore at or above the cut; at most ₹10,00,00,000; minutes 0 to 1440; at most 10080 after "
                    + "the warning; weekdays 1 to 7; days as YYYY-MM-DD.",
                at: "supply.rules")
        }
    }

    /// Whether nobody is cut at that time, and by which rule.
    public func hold(day: CivilDay, minuteOfDay: Int) -> SupplyReason? {
        if noCutDays.contains(day.description) { return SupplyReason(.noCutDay, day.description) }
        if noCutWeekdays.contains(day.weekday) { return SupplyReason(.noCutWeekday, "\(day.weekday)") }
        let (from, to) = (noCutFromMinute, noCutToMinute)
        let isInside = from <= to ? (from..<to).contains(minuteOfDay) : minuteOfDay >= from || minuteOfDay < to
        return isInside ? SupplyReason(.noCutHours, "\(from)-\(to)") : nil
    }
}

/// Why supply is on or off; each speaks for a cut, against one, or for restoring.
public struct SupplyReason: Sendable, Equatable, Codable {
    public enum Code: String, Sendable, Codable, CaseIterable {
        /// Speaks for a cut.
        case balanceBelowThreshold = "balance-below-threshold"
        case ordered = "ordered"
        case notYetRestored = "not-yet-restored"
        /// Holds a cut back.
        case noCutHours = "no-cut-hours"
        case noCutWeekday = "no-cut-weekday"
        case noCutDay = "no-cut-day"
        case restsOnEstimate = "rests-on-estimate"
        case warningTooFresh = "warning-too-fresh"
        /// The account is turning from postpaid to prepaid and its entry is not posted yet.
        case conversionOpen = "conversion-open"
        /// Speaks for supply.
        case balanceGood = "balance-good"

        public var speaksForCut: Bool { self == .balanceBelowThreshold || self == .ordered || self == .notYetRestored }
        public var holdsCut: Bool {
            [.noCutHours, .noCutWeekday, .noCutDay, .restsOnEstimate, .warningTooFresh, .conversionOpen].contains(self)
        }
    }
    public var code: Code
    /// A number or a span the page puts into the sentence.
    public var detail: String
    public init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }
}

/// Everything a decision looks at.
public struct SupplyFacts: Sendable, Equatable {
    public var balancePaise: Int64
    /// Part of the charges that rests on estimates.
    public var estimatedChargesPaise: Int64
    public var wanted: RelayWish
    public var day: CivilDay
    public var minuteOfDay: Int
    public var nowMs: Int64
    public var warnedAtMs: Int64?
    /// An officer's order to cut, with its reason; stands above balance and hours.
    public var order: String?
    /// From postpaid to prepaid, begun and not posted: the balance does not hold yet what is the consumer's.
    public var isConverting = false
    public init(
        balancePaise: Int64, estimatedChargesPaise: Int64, wanted: RelayWish, day: CivilDay, minuteOfDay: Int,
        nowMs: Int64, warnedAtMs: Int64?, order: String?
    ) {
        self.balancePaise = balancePaise
        self.estimatedChargesPaise = estimatedChargesPaise
        self.wanted = wanted
        self.day = day
        self.minuteOfDay = minuteOfDay
        self.nowMs = nowMs
        self.warnedAtMs = warnedAtMs
        self.order = order
    }
}

/// What follows from the facts.
public struct SupplyVerdict: Sendable, Equatable {
    public var wanted: RelayWish
    public var reasons: [SupplyReason]
    public var warn: Bool
}

extension SupplyRules {
    /// Decides. Pure: the same facts and rules give the same verdict.
    public func decide(_ facts: SupplyFacts) -> SupplyVerdict {
        if let order = facts.order {
            return SupplyVerdict(wanted: .open, reasons: [SupplyReason(.ordered, order)], warn: false)
        }
        let warn = facts.balancePaise < warnBelowPaise && facts.warnedAtMs == nil
        if facts.wanted == .open {
            if facts.balancePaise >= restoreFromPaise {
                return SupplyVerdict(wanted: .closed, reasons: [SupplyReason(.balanceGood)], warn: false)
            }
            return SupplyVerdict(
                wanted: .open, reasons: [SupplyReason(.notYetRestored, "\(restoreFromPaise)")], warn: false)
        }
        guard facts.balancePaise < cutBelowPaise else {
            return SupplyVerdict(wanted: .closed, reasons: [SupplyReason(.balanceGood)], warn: warn)
        }
        var reasons = [SupplyReason(.balanceBelowThreshold, "\(cutBelowPaise)")]
        if let hold = hold(day: facts.day, minuteOfDay: facts.minuteOfDay) { reasons.append(hold) }
        // Without the charges that are still a guess the balance would do: nobody is cut on a guess.
        if facts.balancePaise + facts.estimatedChargesPaise >= cutBelowPaise {
            reasons.append(SupplyReason(.restsOnEstimate, "\(facts.estimatedChargesPaise)"))
        }
        if facts.isConverting { reasons.append(SupplyReason(.conversionOpen)) }
        let earliestMs = facts.warnedAtMs.map { $0 + minutesAfterWarning * 60_000 }
        if earliestMs.map({ facts.nowMs < $0 }) ?? true {
            reasons.append(SupplyReason(.warningTooFresh, "\(minutesAfterWarning)"))
        }
        return SupplyVerdict(wanted: reasons.count == 1 ? .open : .closed, reasons: reasons, warn: warn)
    }

    /// The first time from `nowMs` on, in steps of half an hour, at which no hour, weekday or day holds a cut back.
    public func nextCutMs(fromMs nowMs: Int64, zone: Zone) -> Int64? {
        for step in 0..<(48 * 14) {
            let ms = nowMs + Int64(step) * 1_800_000
            let civil = zone.civil(atS: ms / 1000)
            if hold(day: civil.day, minuteOfDay: civil.secondOfDay / 60) == nil {
                return step == 0 ? nowMs : ms / 1_800_000 * 1_800_000
            }
        }
        return nil
    }
}
