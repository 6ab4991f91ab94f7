// Which settings there are, how their text is read, and the command that sets one. The domains declare their kinds;
// the composition root joins them to one registry.
import CivilTime
import Foundation
import SQL

/// One known setting.
public struct SettingKind: Sendable {
    /// `supply.warn-below-paise`: domain, then what, unit last.
    public var name: String
    /// What it does and how its value is written, for the person who sets it.
    public var hint: String
    /// In force until a row is set.
    public var initial: String
    /// The value as it is stored, or nil when the text is not one.
    public var parse: @Sendable (String) -> String?
    /// A change of it waits for a second person.
    public private(set) var takesTwo = false

    public init(_ name: String, initial: String, hint: String, parse: @escaping @Sendable (String) -> String?) {
        self.name = name
        self.hint = hint
        self.initial = initial
        self.parse = parse
    }

    /// The same, changed by two persons only: for rules of money and for the rules of two persons themselves.
    public var forTwo: SettingKind {
        var kind = self
        kind.takesTwo = true
        return kind
    }

    /// A whole number of a range.
    public static func wholeNumber(_ name: String, _ range: ClosedRange<Int64>, initial: Int64, hint: String)
        -> SettingKind
    {
        SettingKind(
            name, initial: String(initial),
            hint: "\(hint) A whole number from \(range.lowerBound) to \(range.upperBound)."
        ) { text in
            guard let value = Int64(text), range.contains(value) else { return nil }
            return String(value)
        }
    }

    /// One of a few words.
    public static func choice(_ name: String, _ words: [String], initial: String, hint: String) -> SettingKind {
        SettingKind(name, initial: initial, hint: "\(hint) One of: \(words.joined(separator: ", ")).") {
            words.contains($0) ? $0 : nil
        }
    }
}

/// The kinds of the whole product.
public struct SettingRegistry: Sendable {
    public let kinds: [SettingKind]
    public static let valueLengthMax = 1000

    public init(_ kinds: [SettingKind]) {
        self.kinds = kinds.sorted { $0.name < $1.name }
        precondition(Set(kinds.map(\.name)).count == kinds.count, "two settings of one name")
        for kind in kinds {
            precondition(kind.parse(kind.initial) != nil, "\(kind.name): its initial value is refused")
        }
    }

    /// - Throws: ``Refusal`` `notFound`, with the nearest name as hint.
    public func kind(_ name: String) throws -> SettingKind {
        if let kind = kinds.first(where: { $0.name == name }) { return kind }
        let asked = String(name.prefix(64))
        let nearest = kinds.map { (name: $0.name, distance: Self.distance(asked, $0.name)) }.min {
            $0.distance < $1.distance
        }
        let hint =
            if let nearest, nearest.distance <= max(2, asked.count / 3) { "Did you mean \(nearest.name)?" } else {
                "GET /api/v1/settings lists the known ones."
            }
        throw Refusal(.notFound, "There is no setting of this name.", hint: hint, at: "name")
    }

    /// The value in force on a day: the latest row, or the initial value.
    public func value(_ name: String, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> String
    {
        let kind = try kind(name)
        return try Setting.value(name, on: day, scope, in: transaction) ?? kind.initial
    }

    /// Insertions, deletions and replacements from one name to the other.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (left == right ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}

/// A setting with its rows, as lists show it.
public struct SettingState: Sendable, Equatable, Codable {
    public var name: String
    public var value: String
    /// Nil: the initial value, never set.
    public var fromDay: Int32?
    /// The next change that is planned.
    public var nextValue: String?
    public var nextFromDay: Int32?

    public init(name: String, value: String, fromDay: Int32?, nextValue: String? = nil, nextFromDay: Int32? = nil) {
        self.name = name
        self.value = value
        self.fromDay = fromDay
        self.nextValue = nextValue
        self.nextFromDay = nextFromDay
    }
}

extension SettingRegistry {
    /// Every known setting as it stands on a day.
    public func states(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> [SettingState] {
        let rows = try transaction.query(
            "SELECT name, from_day, value FROM setting WHERE org_id = $1 ORDER BY name, from_day", [.int(scope.orgID)]
        ) { (name: try $0.text(0), day: try $0.day(1), value: try $0.text(2)) }
        let byName = Dictionary(grouping: rows, by: \.name)
        return kinds.map { kind in
            let rows = byName[kind.name] ?? []
            let current = rows.last { $0.day <= day }
            let next = rows.first { $0.day > day }
            return SettingState(
                name: kind.name, value: current?.value ?? kind.initial, fromDay: current?.day.number,
                nextValue: next?.value, nextFromDay: next?.day.number)
        }
    }
}

/// Sets a business rule from a day on. The past stays as it was: bills of the past must stay explainable.
public struct SetSetting: ConfirmedCommand {
    public static let name = "access.set-setting"
    public static let permissions: [Permission] = [.manageSettings]
    public static let checkPermission = Permission.manageSettings
    public let kind: SettingKind
    /// As stored.
    public let value: String
    /// Nil: from the business day of the call.
    public let from: CivilDay?

    /// - Throws: ``Refusal`` for an unknown name or a value that its kind does not read.
    public init(_ name: String, to text: String, from: CivilDay?, in registry: SettingRegistry) throws {
        kind = try registry.kind(name)
        guard text.utf8.count <= SettingRegistry.valueLengthMax, let value = kind.parse(text) else {
            throw Refusal(.invalid, "This is no value for \(kind.name).", hint: kind.hint, at: "value")
        }
        self.value = value
        self.from = from
    }

    private struct Payload: Codable {
        var name: String
        var value: String
        var from: Int32?
    }

    public func encode(to encoder: any Encoder) throws {
        try Payload(name: kind.name, value: value, from: from?.number).encode(to: encoder)
    }

    /// How one that waits is read again: the kind comes from the registry, which may refuse what it took before.
    public static func stored(in registry: SettingRegistry) -> ConfirmedKind {
        ConfirmedKind(SetSetting.self) { data in
            let payload = try JSONDecoder().decode(Payload.self, from: data)
            return try SetSetting(
                payload.name, to: payload.value, from: payload.from.map { CivilDay(number: $0) }, in: registry)
        }
    }

    public func isSensitive(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool {
        kind.takesTwo
    }

    /// Setting the same again changes nothing.
    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String { "\(kind.name)=\(value) from=\(from?.description ?? "today")" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> SettingState {
        let zone = try Org.find(context.orgID, in: transaction).zone
        let today = zone.day(atS: context.businessNowMs / 1000)
        let day = from ?? today
        guard day >= today, today.days(to: day) <= 3660 else {
            throw Refusal(
                .invalid, "A setting changes from today on, at most ten years ahead.", hint: "Today is \(today).",
                at: "fromDay")
        }
        let before = try SettingRegistry([kind]).value(kind.name, on: day, context.actor.scope, in: transaction)
        try Setting.set(kind.name, value, from: day, context.actor.scope, in: transaction)
        // A value that is set for a day of its own is a change, though the same value holds before.
        context.changed(.setting, kind.name, from: before, to: value)
        context.changed(.setting, kind.name + " from", from: nil, to: day.description)
        let states = try SettingRegistry([kind]).states(on: today, context.actor.scope, in: transaction)
        guard let state = states.first else { throw SQLError(.decode, "the setting just written is not there") }
        return state
    }
}
