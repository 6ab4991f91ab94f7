// When supply is cut and restored: thresholds, hours and days in which nobody is cut, notices first, credit, grace.
// A dated setting of the company or of a group of its consumers, as JSON; pure, no I/O.
import Access
import CivilTime
import Foundation
import Meters

/// The rules as JSON text. Unknown keys are refused so that a misspelt limit never passes unseen.
public struct SupplyRules: Sendable, Equatable, Codable {
    /// Cut when the balance is below this.
    public var cutBelowPaise: Int64 = 0
    /// Restore when the balance is at or above this.
    public var restoreFromPaise: Int64 = 1_000
    /// Warn when the balance is below this.
    public var warnBelowPaise: Int64 = 10_000
    /// No cut within so many minutes after the notice.
    public var minutesAfterWarning: Int64 = 60
    /// No cut from this minute of the day …
    public var noCutFromMinute: Int = 1_050
    /// … to this one (may be the next morning). Equal: no such hours.
    public var noCutToMinute: Int = 660
    /// ISO weekdays on which nobody is cut; 7 = Sunday.
    public var noCutWeekdays: [Int] = [7]
    /// Days on which nobody is cut, `YYYY-MM-DD`.
    public var noCutDays: [String] = []

    // What follows may be left out of the text.

    /// Cuts only from this minute of the day …
    public var cutFromMinute: Int?
    /// … to this one; both or none. They stand instead of the hours without cuts.
    public var cutToMinute: Int?
    /// The n-th weekday of a month: `2-6` is the second Saturday.
    public var noCutNthWeekdays: [String] = []
    /// Nobody is cut on the company's holidays, the setting `calendar.holidays`.
    public var noCutHolidays = true
    /// The balance must exceed what restores, not equal it.
    public var restoreMustExceed = false
    /// Notices when the balance falls below each: `30%` of the last recharge, or paise. They stand instead of
    /// ``warnBelowPaise``.
    public var noticesBelow: [String] = []
    /// What proves a notice: `channel:state`, any one of them. A notice on the portal is `delivered` when it is there
    /// and `shown` once the consumer has opened the page.
    public var noticeProof: [String] = ["portal:delivered"]
    /// Supply goes on below the cut threshold down to so much less …
    public var emergencyPaise: Int64?
    /// … and for so many days. Either one, both, or none: no emergency credit.
    public var emergencyDays: Int?
    /// The consumer takes the emergency credit, once for each fall; otherwise it is given by itself.
    public var emergencyByConsumer = false
    /// No cut for so many days after an account became prepaid.
    public var graceDaysAfterConversion = 0
    /// Who has a sanctioned load up to this is never cut for a balance; 0: nobody is shielded.
    public var shieldUpToW: Int64 = 0
    /// A debit that came from a correction does not count for so many days.
    public var correctionGraceDays = 7
    /// No cut when the last charged day is longer ago; 0: not asked.
    public var chargedWithinDays = 3

    public init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case cutBelowPaise, restoreFromPaise, warnBelowPaise, minutesAfterWarning, noCutFromMinute, noCutToMinute,
            noCutWeekdays, noCutDays
        case cutFromMinute, cutToMinute, noCutNthWeekdays, noCutHolidays, restoreMustExceed, noticesBelow, noticeProof,
            emergencyPaise, emergencyDays, emergencyByConsumer, graceDaysAfterConversion, shieldUpToW,
            correctionGraceDays, chargedWithinDays
    }

    public init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        cutBelowPaise = try box.decode(Int64.self, forKey: .cutBelowPaise)
        restoreFromPaise = try box.decode(Int64.self, forKey: .restoreFromPaise)
        warnBelowPaise = try box.decode(Int64.self, forKey: .warnBelowPaise)
        minutesAfterWarning = try box.decode(Int64.self, forKey: .minutesAfterWarning)
        noCutFromMinute = try box.decode(Int.self, forKey: .noCutFromMinute)
        noCutToMinute = try box.decode(Int.self, forKey: .noCutToMinute)
        noCutWeekdays = try box.decode([Int].self, forKey: .noCutWeekdays)
        noCutDays = try box.decode([String].self, forKey: .noCutDays)
        func optional<T: Decodable>(_ key: CodingKeys, _ value: inout T) throws {
            value = try box.decodeIfPresent(T.self, forKey: key) ?? value
        }
        cutFromMinute = try box.decodeIfPresent(Int.self, forKey: .cutFromMinute)
        cutToMinute = try box.decodeIfPresent(Int.self, forKey: .cutToMinute)
        emergencyPaise = try box.decodeIfPresent(Int64.self, forKey: .emergencyPaise)
        emergencyDays = try box.decodeIfPresent(Int.self, forKey: .emergencyDays)
        try optional(.noCutNthWeekdays, &noCutNthWeekdays)
        try optional(.noCutHolidays, &noCutHolidays)
        try optional(.restoreMustExceed, &restoreMustExceed)
        try optional(.noticesBelow, &noticesBelow)
        try optional(.noticeProof, &noticeProof)
        try optional(.emergencyByConsumer, &emergencyByConsumer)
        try optional(.graceDaysAfterConversion, &graceDaysAfterConversion)
        try optional(.shieldUpToW, &shieldUpToW)
        try optional(.correctionGraceDays, &correctionGraceDays)
        try optional(.chargedWithinDays, &chargedWithinDays)
    }

    /// What is as it is anyway is left out, so that rules of before keep their text.
    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(cutBelowPaise, forKey: .cutBelowPaise)
        try box.encode(restoreFromPaise, forKey: .restoreFromPaise)
        try box.encode(warnBelowPaise, forKey: .warnBelowPaise)
        try box.encode(minutesAfterWarning, forKey: .minutesAfterWarning)
        try box.encode(noCutFromMinute, forKey: .noCutFromMinute)
        try box.encode(noCutToMinute, forKey: .noCutToMinute)
        try box.encode(noCutWeekdays, forKey: .noCutWeekdays)
        try box.encode(noCutDays, forKey: .noCutDays)
        let usual = SupplyRules()
        func other<T: Encodable & Equatable>(_ path: KeyPath<SupplyRules, T>, _ key: CodingKeys) throws {
            if self[keyPath: path] != usual[keyPath: path] { try box.encode(self[keyPath: path], forKey: key) }
        }
        try other(\.cutFromMinute, .cutFromMinute)
        try other(\.cutToMinute, .cutToMinute)
        try other(\.noCutNthWeekdays, .noCutNthWeekdays)
        try other(\.noCutHolidays, .noCutHolidays)
        try other(\.restoreMustExceed, .restoreMustExceed)
        try other(\.noticesBelow, .noticesBelow)
        try other(\.noticeProof, .noticeProof)
        try other(\.emergencyPaise, .emergencyPaise)
        try other(\.emergencyDays, .emergencyDays)
        try other(\.emergencyByConsumer, .emergencyByConsumer)
        try other(\.graceDaysAfterConversion, .graceDaysAfterConversion)
        try other(\.shieldUpToW, .shieldUpToW)
        try other(\.correctionGraceDays, .correctionGraceDays)
        try other(\.chargedWithinDays, .chargedWithinDays)
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
                .invalid, "supply.rules is no JSON object.", hint: "See docs/supply.md.", at: "supply.rules")
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
                hint: "Give all of \(CodingKeys.allCases.prefix(8).map(\.rawValue).joined(separator: ", ")).",
                at: "supply.rules")
        }
        try proveLimits()
        try proveMore()
    }

    // Ten crore rupees: far above any wallet, and no sum with it can overflow.
    private static let paise: ClosedRange<Int64> = -10_000_000_000...10_000_000_000

    private func proveLimits() throws {
        let day = 0...1_440
        guard cutBelowPaise <= restoreFromPaise,
            [cutBelowPaise, restoreFromPaise, warnBelowPaise].allSatisfy(Self.paise.contains),
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

    private func proveMore() throws {
        func refuse(_ field: String, _ hint: String) -> Refusal {
            Refusal(.invalid, "supply.rules has a wrong \(field).", hint: hint, at: "supply.rules")
        }
        let day = 0...1_440
        switch (cutFromMinute, cutToMinute) {
        case (nil, nil): break
        case (let from?, let to?) where day.contains(from) && day.contains(to) && from != to: break
        default: throw refuse("cutFromMinute", "Give both minutes of the day, 0 to 1440 and not equal, or none.")
        }
        guard noCutNthWeekdays.count <= 35, noCutNthWeekdays.allSatisfy({ Self.nthWeekday($0) != nil }) else {
            throw refuse("noCutNthWeekdays", "Write 2-6 for the second Saturday: 1 to 5, then 1 to 7.")
        }
        guard noticesBelow.count <= 10, noticesBelow.allSatisfy({ NoticeThreshold($0) != nil }) else {
            throw refuse("noticesBelow", "At most 10, each a share of the last recharge such as 30% or paise.")
        }
        guard (1...10).contains(noticeProof.count), noticeProof.allSatisfy({ Evidence.isProof($0) }) else {
            throw refuse("noticeProof", "Write channel:delivered or channel:shown, such as sms:delivered.")
        }
        guard emergencyPaise.map((1...Self.paise.upperBound).contains) ?? true,
            emergencyDays.map((1...60).contains) ?? true
        else { throw refuse("emergencyPaise", "Credit from 1 paisa to ₹10,00,00,000, from 1 to 60 days.") }
        guard !emergencyByConsumer || emergencyDays != nil || emergencyPaise != nil else {
            throw refuse("emergencyByConsumer", "Say how much or for how many days.")
        }
        guard (0...365).contains(graceDaysAfterConversion), (0...1_000_000).contains(shieldUpToW),
            (0...365).contains(correctionGraceDays), (0...60).contains(chargedWithinDays)
        else {
            throw refuse(
                "graceDaysAfterConversion",
                "Days of grace 0 to 365, a shielded load of at most 1000000 W, charged within 0 to 60 days.")
        }
    }
}

extension SupplyRules {
    /// `2-6`: which of the month, and the weekday.
    static func nthWeekday(_ text: String) -> (nth: Int, weekday: Int)? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let nth = Int(parts[0]), let weekday = Int(parts[1]), (1...5).contains(nth),
            (1...7).contains(weekday), text == "\(nth)-\(weekday)"
        else { return nil }
        return (nth, weekday)
    }

    /// Whether nobody is cut at that time, and by which rule.
    public func hold(day: CivilDay, minuteOfDay: Int, holidays: Set<String> = []) -> SupplyReason? {
        if noCutDays.contains(day.description) { return SupplyReason(.noCutDay, day.description) }
        if noCutHolidays, holidays.contains(day.description) { return SupplyReason(.noCutHoliday, day.description) }
        if noCutWeekdays.contains(day.weekday) { return SupplyReason(.noCutWeekday, "\(day.weekday)") }
        let nth = (day.parts.day - 1) / 7 + 1
        if noCutNthWeekdays.contains("\(nth)-\(day.weekday)") {
            return SupplyReason(.noCutNthWeekday, "\(nth)-\(day.weekday)")
        }
        func isInside(_ from: Int, _ to: Int) -> Bool {
            from <= to ? (from..<to).contains(minuteOfDay) : minuteOfDay >= from || minuteOfDay < to
        }
        if let from = cutFromMinute, let to = cutToMinute {
            return isInside(from, to) ? nil : SupplyReason(.outsideCutHours, "\(from)-\(to)")
        }
        let (from, to) = (noCutFromMinute, noCutToMinute)
        return isInside(from, to) ? SupplyReason(.noCutHours, "\(from)-\(to)") : nil
    }

    /// The first time from `nowMs` on, in steps of half an hour, at which no hour, weekday or day holds a cut back.
    public func nextCutMs(fromMs nowMs: Int64, zone: Zone, holidays: Set<String> = []) -> Int64? {
        for step in 0..<(48 * 21) {
            let ms = step == 0 ? nowMs : (nowMs / 1_800_000 + Int64(step)) * 1_800_000
            let civil = zone.civil(atS: ms / 1000)
            if hold(day: civil.day, minuteOfDay: civil.secondOfDay / 60, holidays: holidays) == nil { return ms }
        }
        return nil
    }

    /// Below what balance a notice goes out, the lowest last. One always stands at or above the cut: nobody is cut
    /// without a notice.
    func thresholds(lastRechargePaise: Int64?) -> [(name: String, paise: Int64)] {
        var found: [(name: String, paise: Int64)] = noticesBelow.compactMap { text in
            switch NoticeThreshold(text) {
            case .percent(let percent):
                // Who has never recharged has no share of it.
                return (text, lastRechargePaise.map { $0 / 100 * percent + $0 % 100 * percent / 100 } ?? warnBelowPaise)
            case .paise(let paise): return (text, paise)
            case nil: return nil
            }
        }
        if found.isEmpty { found = [(NoticeThreshold.usual, warnBelowPaise)] }
        if !found.contains(where: { $0.paise >= cutBelowPaise }) { found.append((NoticeThreshold.cut, cutBelowPaise)) }
        return found.sorted { $0.paise > $1.paise }
    }
}

/// At what balance a notice goes out.
enum NoticeThreshold: Equatable {
    /// Of the last recharge.
    case percent(Int64)
    case paise(Int64)
    /// Names of the thresholds that ``SupplyRules/noticesBelow`` does not name.
    static let usual = "warn"
    static let cut = "cut"

    init?(_ text: String) {
        if text.hasSuffix("%"), let percent = Int64(text.dropLast()), (1...100).contains(percent),
            text == "\(percent)%"
        {
            self = .percent(percent)
        } else if let paise = Int64(text), paise.magnitude <= 10_000_000_000, text == "\(paise)" {
            self = .paise(paise)
        } else {
            return nil
        }
    }
}
