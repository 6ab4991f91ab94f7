// One command = one type at the door (HTTP, command line, job). Here, once: permission, idempotency, audit.
import Clocks
import Cryptography
import Foundation
import SQL

/// What everything that runs has at hand: the two stores, the clocks and the id maker of this process.
public struct Site: Sendable {
    public var money: any Database
    public var readings: any ReadingsStore
    public var clocks: Clocks
    public var ids: IDGenerator
    /// Commands that wait to be carried out together.
    let groups = CommandGroups()
    /// Bounds the records of refused acts; in memory, by process.
    let refusals = AttemptCounter(limit: 10, windowMs: 3_600_000)
    public init(money: any Database, readings: any ReadingsStore, clocks: Clocks, ids: IDGenerator) {
        self.money = money
        self.readings = readings
        self.clocks = clocks
        self.ids = ids
    }
}

/// Who, why, when and where from; given to every command.
public struct CommandContext: Sendable {
    public var actor: Actor
    public var why: String
    /// `http 203.0.113.7`, `cli`, `job rate`: where the command came from.
    public var source: String
    public var businessNowMs: Int64
    public var systemNowMs: Int64
    public var ids: IDGenerator
    /// A second person has confirmed the command, or is looked for: it runs, or is tried, as what two do.
    public internal(set) var isForTwo = false
    /// What this attempt changes, field by field: ``changed(_:_:from:to:isPersonal:)``.
    public let changes = ChangeLog()
    public var orgID: Int64 { actor.scope.orgID }
}

/// A write to Busbar.
public protocol Command: Sendable {
    associatedtype Output: Sendable & Codable
    /// `payments.recharge`: stable, stands in audit rows.
    static var name: String { get }
    /// Any one of these lets the actor in; ``run(in:_:)`` still checks the place or the own account.
    static var permissions: [Permission] { get }
    /// Derived from the business fact. The same key with the same content answers as the first time;
    /// with other content it is refused. Nil: the command is idempotent by itself.
    var key: String? { get }
    /// What was asked for, as stable text without secrets: the audit row shows it and the idempotency check hashes it.
    var content: String { get }
    /// The id of the account, meter or login it is about, for the audit trail.
    var subjectID: Int64 { get }
    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Output
    /// Throws unless the actor may see what the command is about. Asked before an earlier answer is given again: the
    /// scope of who asks may be another than that of who asked first.
    func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws
    /// Carries it out once it was let in. Not to be written for a command: see ``GroupedCommand``.
    func carryOut(at site: Site, _ context: @escaping @Sendable () -> CommandContext) async throws -> Output
}

extension Command {
    /// In one write transaction of the money store.
    public func carryOut(at site: Site, _ context: @escaping @Sendable () -> CommandContext) async throws -> Output {
        try await site.money.write { try carryOut(in: $0, context()) }
    }

    /// Without a proof of its own a command answers again only to somebody who sees the whole company.
    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        guard scope.placeIDs == nil, scope.accountID == nil else {
            throw Refusal(.notFound, "There is nothing of this reference.", at: "reference")
        }
    }
}

extension Refusal {
    /// A key that stands for another fact already.
    public static let referenceUsed = Refusal(
        .conflict, "The same reference was used before for something else.",
        hint: "Use a new reference for a new payment or order.", at: "reference")
}

extension Site {
    /// Runs a command in one write transaction of the money store. All or nothing.
    /// - Throws: ``Refusal`` `conflict` for one that must wait for a second person: ``ask(_:as:source:why:)`` keeps it.
    public func perform<C: Command>(_ command: C, as actor: Actor, source: String, why: String = "") async throws
        -> C.Output
    {
        try await letIn(command, as: actor, source: source, why: why)
        return try await command.carryOut(at: self) { context(actor, source: source, why: why) }
    }

    /// What is asked of who and what comes in before any transaction.
    func letIn<C: Command>(_ command: C, as actor: Actor, source: String, why: String) async throws {
        guard C.permissions.contains(where: actor.has) else {
            await noteRefusal(C.name, as: actor, source: source, because: "permission")
            try actor.require(C.permissions[0])
            throw Refusal(.forbidden, "Your role does not allow this.")
        }
        guard ![command.key ?? "", command.content, why].contains(where: { $0.utf8.contains(0) }) else {
            throw Refusal(
                .invalid, "A text holds a zero byte.", hint: "Remove control characters from what you entered.")
        }
    }
}

extension Command {
    /// Stands for what is asked, in the log of commands and in that of requests.
    var contentHash: [UInt8] { Hash.sha256(Array("\(Self.name)\n\(content)".utf8)) }

    /// Nil when nothing ran under the command's key yet.
    /// - Throws: ``Refusal/referenceUsed`` when something else did.
    func earlierOutput(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Output? {
        guard let key, let row = try CommandLog.rows([key], orgID: context.orgID, in: transaction)[key] else {
            return nil
        }
        return try earlierOutput(row, in: transaction, context)
    }

    /// What was answered before, to who may see it.
    func earlierOutput(
        _ row: CommandLog.Row, in transaction: any SQLTransaction, _ context: CommandContext
    ) throws -> Output {
        try proveReach(in: transaction, context.actor.scope)
        guard row.contentHash == contentHash else { throw Refusal.referenceUsed }
        return try JSONDecoder().decode(Output.self, from: Data(row.output.utf8))
    }

    /// Runs once under its key, with its row in the log and its line in the audit.
    /// - Parameter isConfirmed: a second person has agreed.
    func carryOut(
        in transaction: any SQLTransaction, _ context: CommandContext, isConfirmed: Bool = false
    ) throws -> Output {
        if let earlier = try earlierOutput(in: transaction, context) { return earlier }
        if !isConfirmed, let command = self as? any ConfirmedCommand,
            try command.mustWait(in: transaction, context)
        {
            throw Refusal(
                .conflict, "This takes a second person.", hint: "Ask for it; another person confirms it.")
        }
        let output = try run(in: transaction, context)
        if let key {
            let row = CommandLog.Row(key: key, contentHash: contentHash, output: try output.sortedJSON())
            try CommandLog.add([row], orgID: context.orgID, in: transaction)
        }
        try Audit.record(command: Self.name, content: content, subjectID: subjectID, context, in: transaction)
        return output
    }
}

/// What ran under which key.
enum CommandLog {
    struct Row {
        var key: String
        var contentHash: [UInt8]
        var output: String
    }

    static func rows(_ keys: [String], orgID: Int64, in transaction: any SQLTransaction) throws -> [String: Row] {
        let rows = try transaction.queryEach(
            "SELECT command_key, content_hash, output FROM command_log WHERE org_id = $1 AND command_key = $each",
            [.int(orgID)], keys.map { .text($0) }
        ) { Row(key: try $0.text(0), contentHash: try $0.bytes(1), output: try $0.text(2)) }
        return Dictionary(rows.map { ($0.key, $0) }, uniquingKeysWith: { row, _ in row })
    }

    /// Of keys that nothing ran under when this transaction began. Where another runs one of them at this moment, ON
    /// CONFLICT makes PostgreSQL run the later of the two again, and it finds the row.
    static func add(_ rows: [Row], orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.runMany(
            """
            INSERT INTO command_log (org_id, command_key, content_hash, output) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, command_key) DO NOTHING
            """, rows.map { [.int(orgID), .text($0.key), .bytes($0.contentHash), .text($0.output)] })
    }
}

extension Encodable {
    /// One text for one value.
    func sortedJSON() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
