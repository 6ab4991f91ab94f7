// How outages are taken from what meters say, and who is told: a dated setting of the company. Pure rules, no I/O.
import Access
import CivilTime
import Foundation
import Reliability
import SQL

/// The setting `outages.rules` as JSON text. Unknown keys are refused, so that a misspelt limit never passes unseen.
public struct OutageRules: Sendable, Equatable, Codable {
    public static let setting = "outages.rules"
    public var format = 1
    /// Interruptions up to so long are momentary (IEEE 1366: 5; some Indian rules: 3).
    public var momentaryMaxMinutes: Int64 = 5
    /// An outage that lasts longer is told to its consumers and to the operator; 0 tells nobody.
    public var notifyAfterMinutes: Int64 = 30
    /// Meters that went dark within so many seconds of each other may be one outage …
    public var groupWithinSeconds: Int64 = 180
    /// … of a node under which so many in a hundred went dark …
    public var groupSharePercent: Int64 = 50
    /// … and at least so many.
    public var groupMetersMin = 2
    /// Whether silent meters under a dark node are counted as dark, with low confidence.
    public var countsSilent = true

    public init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case format, momentaryMaxMinutes, notifyAfterMinutes, groupWithinSeconds, groupSharePercent, groupMetersMin,
            countsSilent
    }

    public var grouping: GroupingRules {
        GroupingRules(
            windowMs: groupWithinSeconds * 1000, sharePercent: groupSharePercent, metersMin: groupMetersMin)
    }
    public var reliability: ReliabilityRules { ReliabilityRules(momentaryMaxS: momentaryMaxMinutes * 60) }

    public func json() -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Reads and checks the setting.
    /// - Throws: ``Refusal``.
    public init(json: String) throws {
        self = try RuleText.decode(
            json, Self.setting, keys: CodingKeys.allCases.map(\.rawValue), doc: "docs/reliability.md")
        guard format == 1, (1...60).contains(momentaryMaxMinutes), (0...10_080).contains(notifyAfterMinutes),
            (1...3_600).contains(groupWithinSeconds), (1...100).contains(groupSharePercent),
            (2...1_000).contains(groupMetersMin)
        else {
            throw Refusal(
                .invalid, "\(Self.setting) has a value out of range.",
                hint: "Format 1; momentary 1 to 60 minutes, notice 0 to 10080, window 1 to 3600 s, share 1 to 100 %, "
                    + "2 to 1000 meters.", at: Self.setting)
        }
    }

    public static let kind = SettingKind(
        setting, initial: OutageRules().json(),
        hint: "How outages are counted, joined and told, as JSON; see docs/reliability.md."
    ) { text in (try? OutageRules(json: text))?.json() }

    /// The rules in force on a day.
    public static func inForce(
        on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> OutageRules {
        try OutageRules(json: SettingRegistry([kind]).value(setting, on: day, scope, in: transaction))
    }
}

/// A rule set in JSON: an object with known keys and nothing else.
enum RuleText {
    static func decode<Rules: Decodable>(_ json: String, _ setting: String, keys: [String], doc: String) throws -> Rules
    {
        guard json.utf8.count <= 20_000,
            let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        else { throw Refusal(.invalid, "\(setting) is no JSON object.", hint: "See \(doc).", at: setting) }
        if let stray = object.keys.sorted().first(where: { !keys.contains($0) }) {
            throw Refusal(
                .invalid, "\(setting) has no \(stray).", hint: "Known are \(keys.sorted().joined(separator: ", ")).",
                at: setting)
        }
        do { return try JSONDecoder().decode(Rules.self, from: Data(json.utf8)) } catch {
            throw Refusal(
                .invalid, "\(setting) lacks a field or has one of another type.",
                hint: "Give all of \(keys.sorted().joined(separator: ", ")).", at: setting)
        }
    }
}
