// Whether signs of tampering are worth somebody's visit: how long, how often, and whether the consumption fell. Pure:
// the same events, readings and rules give the same verdict. Event ids are those of IS 15959-1.
import Access
import CivilTime
import Foundation
import SQL

/// What was done to the meter. Stored by name.
public enum TamperKind: String, Sendable, Codable, CaseIterable {
    case magnet, neutral
    case coverOpen = "cover-open"
    /// A current circuit open, bypassed or reversed.
    case currentCircuit = "current-circuit"
    case earthLoading = "earth-loading"
    case moduleRemoved = "module-removed"
    case lowPowerFactor = "low-power-factor"
    /// Load above what was agreed: over current, overload.
    case overload

    /// The kind an event id speaks of, and whether it begins or ends it; nil for all others.
    public static func of(_ code: Int) -> (kind: TamperKind, begins: Bool)? {
        switch code {
        case 201, 202: (.magnet, code == 201)
        case 203, 204, 207, 208: (.neutral, code % 2 == 1)
        case 251: (.coverOpen, true)
        case 51...62, 65, 66: (.currentCircuit, code % 2 == 1)
        case 69, 70: (.earthLoading, code == 69)
        case 209, 210: (.moduleRemoved, code == 209)
        case 205, 206: (.lowPowerFactor, code == 205)
        case 67, 68, 215, 216: (.overload, code % 2 == 1)
        default: nil
        }
    }

    /// The event ids of the kind.
    public var codes: [Int] { (1...320).filter { Self.of($0)?.kind == self } }
}

/// An event of a meter's log, as tampering is judged by.
public struct TamperSign: Sendable, Equatable, Hashable {
    public var code: Int
    public var atMs: Int64
    public init(code: Int, atMs: Int64) {
        self.code = code
        self.atMs = atMs
    }
}

/// The setting `tamper.rules` as JSON text.
public struct TamperRules: Sendable, Equatable, Codable {
    public static let setting = "tamper.rules"
    public var format = 1
    /// Signs that lasted so long in sum speak for tampering …
    public var lastingMinutes: Int64 = 30
    /// … so do signs that came so often within the days looked at …
    public var repeatedTimes: Int64 = 3
    /// … and a daily consumption after them lower by so many in a hundred than before.
    public var dropPercent: Int64 = 30
    public var daysLookedAt = 30
    /// `off`; `propose`: an order to cut that a second person must approve; `order`: the order itself.
    public var cut = "off"

    public init() {}
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case format, lastingMinutes, repeatedTimes, dropPercent, daysLookedAt, cut
    }

    public func json() -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// - Throws: ``Refusal``.
    public init(json: String) throws {
        self = try RuleText.decode(
            json, Self.setting, keys: CodingKeys.allCases.map(\.rawValue), doc: "docs/reliability.md")
        guard format == 1, (1...43_200).contains(lastingMinutes), (2...1_000).contains(repeatedTimes),
            (1...100).contains(dropPercent), (7...90).contains(daysLookedAt), ["off", "propose", "order"].contains(cut)
        else {
            throw Refusal(
                .invalid, "\(Self.setting) has a value out of range.",
                hint: "Format 1; 1 to 43200 minutes, 2 to 1000 times, 1 to 100 %, 7 to 90 days; cut is off, propose "
                    + "or order.", at: Self.setting)
        }
    }

    public static let kind = SettingKind(
        setting, initial: TamperRules().json(),
        hint: "When signs of tampering are valid and whether they lead to a cut, as JSON; see docs/reliability.md."
    ) { text in (try? TamperRules(json: text))?.json() }

    /// The rules in force on a day.
    public static func inForce(
        on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> TamperRules {
        try TamperRules(json: SettingRegistry([kind]).value(setting, on: day, scope, in: transaction))
    }
}

/// What speaks for a case. Stored by name.
public enum TamperReason: String, Sendable, Codable, CaseIterable {
    case coverOpened = "cover-opened"
    case lasted, repeated
    case consumptionFell = "consumption-fell"
}

/// What the signs of one kind come to.
public struct TamperFinding: Sendable, Equatable {
    public var firstAtMs: Int64
    public var lastAtMs: Int64
    /// The last sign was that it is over.
    public var isOver: Bool
    public var times: Int
    public var lastedMs: Int64
    /// How much lower the mean day after the first sign is than before it, in millionths; negative when higher; nil
    /// without enough days.
    public var dropPPM: Int64?
    public var reasons: [TamperReason]
    /// An opened cover, or two reasons of the others.
    public var isValid: Bool { reasons.contains(.coverOpened) || reasons.count >= 2 }
}

public enum TamperAnalysis {
    /// Days with readings on either side, for the consumption to say anything.
    static let daysMin = 3
    /// Days before the first sign that are compared with.
    static let daysBefore = 14

    /// - Parameters:
    ///   - signs: events of one meter and one kind, any order, repetitions allowed.
    ///   - consumption: Wh of whole days with actual readings.
    /// - Returns: nil when no sign begins anything.
    public static func finding(
        _ signs: [TamperSign], consumption: [CivilDay: Int64], nowMs: Int64, zone: Zone, _ rules: TamperRules
    ) -> TamperFinding? {
        let ordered = Set(signs).sorted { ($0.atMs, $0.code) < ($1.atMs, $1.code) }
        var begunMs: [Int: Int64] = [:]
        var begins: [Int64] = []
        var lastedMs: Int64 = 0
        var last: (atMs: Int64, begins: Bool)?
        for sign in ordered {
            guard let meaning = TamperKind.of(sign.code) else { continue }
            // An end belongs to the id before it.
            let cause = meaning.begins ? sign.code : sign.code - 1
            if meaning.begins {
                if begunMs[cause] == nil || meaning.kind == .coverOpen { begins.append(sign.atMs) }
                if begunMs[cause] == nil { begunMs[cause] = sign.atMs }
            } else if let fromMs = begunMs.removeValue(forKey: cause) {
                lastedMs += sign.atMs - fromMs
            }
            last = (sign.atMs, meaning.begins)
        }
        guard let firstAtMs = begins.first, let last else { return nil }
        let isCover = ordered.contains { $0.code == 251 }
        if !isCover { for fromMs in begunMs.values { lastedMs += max(0, nowMs - fromMs) } }
        let sinceMs = nowMs - Int64(rules.daysLookedAt) * 86_400_000
        var finding = TamperFinding(
            firstAtMs: firstAtMs, lastAtMs: last.atMs, isOver: isCover || begunMs.isEmpty, times: begins.count,
            lastedMs: lastedMs, dropPPM: drop(consumption, around: zone.day(atS: firstAtMs / 1000)), reasons: [])
        if isCover { finding.reasons.append(.coverOpened) }
        if lastedMs >= rules.lastingMinutes * 60_000 { finding.reasons.append(.lasted) }
        if begins.count(where: { $0 >= sinceMs }) >= Int(rules.repeatedTimes) { finding.reasons.append(.repeated) }
        if let dropPPM = finding.dropPPM, dropPPM >= rules.dropPercent * 10_000 {
            finding.reasons.append(.consumptionFell)
        }
        return finding
    }

    /// The day of the first sign itself counts on neither side.
    static func drop(_ consumption: [CivilDay: Int64], around day: CivilDay) -> Int64? {
        let before = consumption.filter { $0.key < day && $0.key >= day.advanced(by: -daysBefore) }.map(\.value)
        let after = consumption.filter { $0.key > day }.map(\.value)
        guard before.count >= daysMin, after.count >= daysMin else { return nil }
        // Means as fractions: no rounding before the last division.
        let usual = before.reduce(Int128(0)) { $0 + Int128($1) } * Int128(after.count)
        let now = after.reduce(Int128(0)) { $0 + Int128($1) } * Int128(before.count)
        guard usual > 0 else { return nil }
        return Int64(clamping: (usual - now) * 1_000_000 / usual)
    }
}
