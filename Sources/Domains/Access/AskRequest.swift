// Asking: a command that may take a second person runs at once, or is kept as a request. Nothing else changes then.
import CivilTime
import Clocks
import Foundation
import SQL

/// How a command that may take a second person was answered.
public enum Asked<Output: Sendable>: Sendable {
    case done(Output)
    /// It waits, or was decided otherwise before: nothing changed.
    case waits(ChangeRequest)
}

/// What a trial run would have changed. Thrown, so that the trial leaves nothing behind.
private struct Trial: Error {
    var changes: [FieldChange]
}

extension ChangeRequest {
    /// Most requests of one login that may wait at a time.
    public static let pendingMax: Int64 = 100
    static let payloadBytesMax = 65_536
    /// The rest of a long list of changes is told by what was asked itself.
    static let changesMax = 50
}

extension Site {
    /// Runs the command at once where it takes nobody else, or keeps it as a request for a second person. What cannot
    /// be done at all is refused now, not later. The same request twice is one.
    public func ask<C: ConfirmedCommand>(_ command: C, as actor: Actor, source: String, why: String = "") async throws
        -> Asked<C.Output>
    {
        try await letIn(command, as: actor, source: source, why: why)
        do {
            return try await money.write { transaction -> Asked<C.Output> in
                let context = context(actor, source: source, why: why)
                if let earlier = try command.earlierOutput(in: transaction, context) { return .done(earlier) }
                if let known = try command.known(in: transaction, context) { return .waits(known.request) }
                guard try command.mustWait(in: transaction, context) else {
                    return .done(try command.carryOut(in: transaction, context))
                }
                var trial = context
                trial.isForTwo = true
                _ = try command.run(in: transaction, trial)
                throw Trial(changes: trial.changes.all)
            }
        } catch let trial as Trial {
            return .waits(
                try await money.write { transaction in
                    try command.keep(trial.changes, in: transaction, context(actor, source: source, why: why))
                })
        }
    }
}

extension ConfirmedCommand {
    /// The request that this is, when it came before.
    fileprivate func known(in transaction: any SQLTransaction, _ context: CommandContext) throws -> StoredRequest? {
        let requestKey = StoredRequest.requestKey(self)
        let scope = context.actor.scope
        let found = try StoredRequest.find(
            key: requestKey, nowMs: context.businessNowMs, scope, in: transaction)
        guard let found else { return nil }
        if found.request.madeBy != context.actor.loginID { try proveReach(in: transaction, scope) }
        guard found.contentHash == contentHash else { throw Refusal.referenceUsed }
        if key == nil, found.request.state == .lapsed {
            try found.end(
                .lapsed, by: .system(orgID: scope.orgID), note: "", nowMs: context.businessNowMs, in: transaction)
            return nil
        }
        return found
    }

    fileprivate func keep(
        _ changes: [FieldChange], in transaction: any SQLTransaction, _ context: CommandContext
    ) throws -> ChangeRequest {
        if let known = try known(in: transaction, context) { return known.request }
        let (actor, nowMs) = (context.actor, context.businessNowMs)
        let waiting = try StoredRequest.pendingCount(
            madeBy: actor.loginID, nowMs: nowMs, actor.scope, in: transaction)
        guard waiting < ChangeRequest.pendingMax else {
            throw Refusal(
                .tooMany, "\(waiting) of your requests wait already.", hint: "Wait until some are decided.")
        }
        let payload = try sortedJSON()
        guard payload.utf8.count <= ChangeRequest.payloadBytesMax else {
            throw Refusal(.tooLarge, "This is too large to wait for a second person.")
        }
        let zone = try Org.find(context.orgID, in: transaction).zone
        let days = try TwoPersons.requestDays(on: zone.day(atS: nowMs / 1000), actor.scope, in: transaction)
        var request = ChangeRequest(
            requestID: context.ids.next(), command: Self.name, content: content, subjectID: subjectID,
            changes: changes.prefix(ChangeRequest.changesMax).map { ChangeRequest.Change($0) },
            madeBy: actor.loginID,
            madeByName: actor.loginID == 0
                ? nil : try Logins.find(actor.loginID, actor.scope, in: transaction).username,
            why: context.why, madeAtMs: nowMs, lapsesAtMs: nowMs + days * 86_400_000, state: .pending)
        request.keyID = actor.keyID
        try StoredRequest(
            request: request, payload: payload, contentHash: contentHash, source: context.source,
            requestKey: StoredRequest.requestKey(self)
        ).insert(actor.scope, in: transaction)
        try Audit.record(
            command: "access.ask", content: "request=\(request.requestID) command=\(Self.name) \(content)",
            subjectID: subjectID, context, in: transaction)
        return request
    }
}

extension ChangeRequest.Change {
    /// A request is read by others than who asked: of what names a person it says only that it changes.
    init(_ change: FieldChange) {
        func shown(_ text: String?) -> String? { change.isPersonal && text != nil ? "…" : text }
        self.init(
            kind: change.kind, subjectID: change.subjectID, field: change.field, old: shown(change.old),
            new: shown(change.new))
    }
}
