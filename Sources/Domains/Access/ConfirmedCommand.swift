// Commands that may take a second person: what one declares, which of them wait in a company, and how a stored one is
// read again. Holds no SQL: ChangeRequest.swift stores, DecideRequest.swift decides.
import CivilTime
import Foundation
import SQL

/// A command that a second person may have to confirm before it runs. `Encodable`: it is stored until then, so it holds
/// no secret, and what it says must still mean the same days later.
public protocol ConfirmedCommand: Command, Encodable {
    /// What the second person must hold besides ``Permission/checkRequests``.
    static var checkPermission: Permission { get }
    /// Whether this one is of the kind that waits: not too small, not about something harmless. By default all are.
    func isSensitive(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool
    /// Throws for who cannot be the second person, though another one with the permission. By default nobody.
    func proveSecond(_ actor: Actor, in transaction: any SQLTransaction) throws
}

extension ConfirmedCommand {
    public func isSensitive(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool { true }
    public func proveSecond(_ actor: Actor, in transaction: any SQLTransaction) throws {}

    /// The machine waits for nobody: what it does was decided when its rules were set.
    func mustWait(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool {
        if context.actor.isMachine { return false }
        let zone = try Org.find(context.orgID, in: transaction).zone
        let today = zone.day(atS: context.businessNowMs / 1000)
        return try TwoPersons.take(Self.name, on: today, context.actor.scope, in: transaction)
            && isSensitive(in: transaction, context)
    }
}

extension Actor {
    /// A job, or the command line of the server without a name.
    var isMachine: Bool { role == .system && loginID == 0 && keyID == nil }
}

/// The dated settings of who must ask whom.
public enum TwoPersons {
    public static let commandsSetting = "access.two-persons"
    public static let daysSetting = "access.request-days"
    static let daysUsual: Int64 = 7
    private static let nobody = "none"

    /// - Parameter commands: names of all that can wait; all of them do until the company says otherwise.
    public static func settings(commands: [String]) -> [SettingKind] {
        let known = Set(commands)
        let all = known.sorted().joined(separator: " ")
        return [
            SettingKind(
                commandsSetting, initial: all,
                hint: "What a second person must confirm: \(nobody), or some of \(all), with a space between."
            ) { text in
                let words = Set(text.split(separator: " ").map(String.init))
                if words == [nobody] { return nobody }
                return !words.isEmpty && words.isSubset(of: known) ? words.sorted().joined(separator: " ") : nil
            }.forTwo,
            days.forTwo,
        ]
    }

    private static let days = SettingKind.wholeNumber(
        daysSetting, 1...90, initial: daysUsual, hint: "Days after which a request that nobody confirmed lapses.")

    static func take(
        _ command: String, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        try Setting.value(commandsSetting, on: day, scope, in: transaction)?.split(separator: " ").contains {
            $0 == command
        } ?? true
    }

    static func requestDays(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        Int64(try SettingRegistry([days]).value(daysSetting, on: day, scope, in: transaction)) ?? daysUsual
    }
}

/// How a stored command of one name is read again.
public struct ConfirmedKind: Sendable {
    public let name: String
    public let checkPermission: Permission
    let decode: @Sendable (Data) throws -> any ConfirmedCommand

    public init<C: ConfirmedCommand & Decodable>(_: C.Type) {
        self.init(C.self) { try JSONDecoder().decode(C.self, from: $0) }
    }

    /// For a command that needs more than its payload to be whole again.
    public init<C: ConfirmedCommand>(_: C.Type, decode: @escaping @Sendable (Data) throws -> C) {
        (name, checkPermission) = (C.name, C.checkPermission)
        self.decode = { try decode($0) }
    }
}

/// All commands of the product that can wait, by name.
public struct ConfirmedKinds: Sendable {
    private let byName: [String: ConfirmedKind]

    public init(_ kinds: [ConfirmedKind]) {
        byName = Dictionary(kinds.map { ($0.name, $0) }) { first, _ in
            preconditionFailure("two commands of the name \(first.name)")
        }
    }

    public var names: [String] { byName.keys.sorted() }
    func kind(_ name: String) -> ConfirmedKind? { byName[name] }

    /// - Throws: ``Refusal`` `conflict` for what a release of another time stored and this one does not know.
    func command(_ request: ChangeRequest, payload: String) throws -> any ConfirmedCommand {
        guard let kind = byName[request.command], let command = try? kind.decode(Data(payload.utf8)) else {
            throw Refusal(
                .conflict, "This request was made with another release and cannot be carried out.",
                hint: "Reject it and ask again.")
        }
        return command
    }
}
