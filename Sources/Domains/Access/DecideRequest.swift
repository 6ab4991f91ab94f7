// Deciding: the second person confirms or rejects, who asked withdraws; and the lists of requests each may see.
// What is confirmed runs in the transaction that says so, as who asked, with all that is asked of him at that moment.
import Clocks
import Foundation
import SQL

/// What was confirmed and was refused when it was to run.
private struct RequestFailed: Error {
    var refusal: Refusal
}

/// Lists and decides requests, with the commands of the product at hand.
public struct RequestDesk: Sendable {
    private let site: Site
    private let kinds: ConfirmedKinds

    public init(site: Site, kinds: ConfirmedKinds) { (self.site, self.kinds) = (site, kinds) }

    /// Runs what was asked, once, however often and by how many it is confirmed. Where it is refused by now, the
    /// request has failed and nothing else changed.
    public func confirm(_ requestID: Int64, as actor: Actor, source: String) async throws -> ChangeRequest {
        do {
            return try await site.perform(
                ConfirmRequest(requestID: requestID, kinds: kinds), as: actor, source: source)
        } catch let failed as RequestFailed {
            return try await site.perform(
                FailRequest(requestID: requestID, kinds: kinds, refusal: failed.refusal), as: actor, source: source)
        }
    }

    /// - Throws: ``Refusal`` `invalid` without a reason.
    public func reject(
        _ requestID: Int64, reason: String, as actor: Actor, source: String
    ) async throws -> ChangeRequest {
        let command = RejectRequest(requestID: requestID, kinds: kinds, reason: try Reason.checked(reason))
        return try await site.perform(command, as: actor, source: source, why: command.reason)
    }

    /// Who asked takes it back.
    public func withdraw(_ requestID: Int64, as actor: Actor, source: String) async throws -> ChangeRequest {
        try await site.perform(WithdrawRequest(requestID: requestID), as: actor, source: source)
    }

    /// One request: of one's own, or that one may check.
    public func find(_ requestID: Int64, _ actor: Actor) async throws -> ChangeRequest {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { transaction in
            let stored = try StoredRequest.find(requestID, nowMs: nowMs, actor.scope, in: transaction)
            guard try kinds.isVisible(stored, to: actor, in: transaction) else { throw ChangeRequest.notFound }
            return stored.request
        }
    }

    /// Newest first: one's own and those that one may check. A part may hold fewer than asked for.
    /// - Returns: with the number to go on before; nil at the end.
    public func page(
        _ filter: ChangeRequest.Filter, before: Int64?, limit: Int, _ actor: Actor
    ) async throws -> (items: [ChangeRequest], next: Int64?) {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { transaction in
            let found = try StoredRequest.page(
                filter, loginID: actor.loginID, onlyOwn: !actor.has(.checkRequests), before: before, limit: limit + 1,
                nowMs: nowMs, actor.scope, in: transaction)
            let shown = found.prefix(limit)
            let items = try shown.filter { try kinds.isVisible($0, to: actor, in: transaction) }.map(\.request)
            return (items, found.count > limit ? shown.last?.request.requestID : nil)
        }
    }

    /// Whether the actor may say yes or no to it.
    public func mayCheck(_ request: ChangeRequest, _ actor: Actor) -> Bool {
        request.state == .pending && request.madeBy != actor.loginID && kinds.mayCheck(request, actor)
    }
}

extension ConfirmedKinds {
    /// What this release does not know may be rejected by who may check anything.
    fileprivate func mayCheck(_ request: ChangeRequest, _ actor: Actor) -> Bool {
        actor.has(.checkRequests) && (kind(request.command).map { actor.has($0.checkPermission) } ?? true)
    }

    /// Whether it is about something that the scope holds.
    fileprivate func isInReach(
        _ stored: StoredRequest, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        if scope.isWholeCompany { return true }
        do {
            try command(stored.request, payload: stored.payload).proveReach(in: transaction, scope)
            return true
        } catch is Refusal {
            return false
        }
    }

    fileprivate func isVisible(
        _ stored: StoredRequest, to actor: Actor, in transaction: any SQLTransaction
    ) throws -> Bool {
        if stored.request.madeBy == actor.loginID { return true }
        return try mayCheck(stored.request, actor) && isInReach(stored, actor.scope, in: transaction)
    }

    /// The request, for somebody who may decide it and is not who asked.
    fileprivate func toCheck(
        _ requestID: Int64, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws -> StoredRequest {
        let actor = context.actor
        let stored = try StoredRequest.find(
            requestID, nowMs: context.businessNowMs, actor.scope, in: transaction)
        guard try isInReach(stored, actor.scope, in: transaction) else { throw ChangeRequest.notFound }
        if let kind = kind(stored.request.command) { try actor.require(kind.checkPermission) }
        guard stored.request.madeBy != actor.loginID else {
            throw Refusal(.forbidden, "Who asked cannot be the second person.", hint: "Ask somebody else.")
        }
        return stored
    }
}

extension StoredRequest {
    /// - Returns: the request when the same person said the same of it before; nil when it is still open.
    /// - Throws: ``Refusal`` `conflict` when it was decided otherwise.
    fileprivate func settled(as state: ChangeRequest.State, by actor: Actor) throws -> ChangeRequest? {
        if request.state == state, request.checkedBy == actor.loginID { return request }
        guard request.state == .pending else {
            throw Refusal(
                .conflict, "This request is \(request.state.rawValue); it waits for nobody.",
                hint: "Look at how it ended.")
        }
        return nil
    }

    fileprivate func ended(
        _ state: ChangeRequest.State, note: String, output: String? = nil, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws -> ChangeRequest {
        try end(state, by: context.actor, note: note, output: output, nowMs: context.businessNowMs, in: transaction)
        return try Self.find(
            request.requestID, nowMs: context.businessNowMs, context.actor.scope, in: transaction
        ).request
    }

    /// Who asked, as he is now.
    fileprivate func maker(_ context: CommandContext, in transaction: any SQLTransaction) throws -> Actor? {
        let orgID = context.orgID
        guard let keyID = request.keyID else {
            return try Logins.actor(request.madeBy, orgID: orgID, in: transaction)
        }
        let actor = try APIKeys.actor(keyID, nowMs: context.systemNowMs, in: transaction)
        return actor?.scope.orgID == orgID ? actor : nil
    }
}

/// The second person's yes: runs what was asked.
struct ConfirmRequest: Command {
    static let name = "access.confirm-request"
    static let permissions: [Permission] = [.checkRequests]
    let requestID: Int64
    let kinds: ConfirmedKinds

    var key: String? { nil }
    var content: String { "request=\(requestID)" }
    var subjectID: Int64 { requestID }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> ChangeRequest {
        let stored = try kinds.toCheck(requestID, context, in: transaction)
        if let again = try stored.settled(as: .confirmed, by: context.actor) { return again }
        let command = try kinds.command(stored.request, payload: stored.payload)
        try command.proveSecond(context.actor, in: transaction)
        let output: String
        do {
            output = try carryOut(command, stored, context, in: transaction)
        } catch let refusal as Refusal {
            throw RequestFailed(refusal: refusal)
        }
        return try stored.ended(.confirmed, note: "", output: output, context, in: transaction)
    }

    /// - Returns: the output as JSON.
    private func carryOut<C: ConfirmedCommand>(
        _ command: C, _ stored: StoredRequest, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws -> String {
        guard let maker = try stored.maker(context, in: transaction) else {
            throw Refusal(.forbidden, "Who asked for this has no access any more.")
        }
        guard C.permissions.contains(where: maker.has) else {
            throw Refusal(.forbidden, "Who asked for this may not do it any more.")
        }
        // Who asked is the actor of record; who confirmed stands beside him.
        var asMaker = CommandContext(
            actor: maker, why: stored.request.why,
            source: "\(stored.source), request \(requestID) confirmed by login \(context.actor.loginID)",
            businessNowMs: context.businessNowMs, systemNowMs: context.systemNowMs, ids: context.ids)
        asMaker.isForTwo = true
        return try command.carryOut(in: transaction, asMaker, isConfirmed: true).sortedJSON()
    }
}

/// Notes that what was confirmed could not be done any more.
private struct FailRequest: Command {
    static let name = "access.fail-request"
    static let permissions: [Permission] = [.checkRequests]
    let requestID: Int64
    let kinds: ConfirmedKinds
    let refusal: Refusal

    var key: String? { nil }
    var content: String { "request=\(requestID) because=\(refusal)" }
    var subjectID: Int64 { requestID }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> ChangeRequest {
        let stored = try kinds.toCheck(requestID, context, in: transaction)
        if let again = try stored.settled(as: .failed, by: context.actor) { return again }
        return try stored.ended(.failed, note: "\(refusal)", context, in: transaction)
    }
}

/// The second person's no.
struct RejectRequest: Command {
    static let name = "access.reject-request"
    static let permissions: [Permission] = [.checkRequests]
    let requestID: Int64
    let kinds: ConfirmedKinds
    let reason: String

    var key: String? { nil }
    var content: String { "request=\(requestID) reason=\(reason)" }
    var subjectID: Int64 { requestID }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> ChangeRequest {
        let stored = try kinds.toCheck(requestID, context, in: transaction)
        if let again = try stored.settled(as: .rejected, by: context.actor) { return again }
        return try stored.ended(.rejected, note: reason, context, in: transaction)
    }
}

/// Who asked takes it back.
struct WithdrawRequest: Command {
    static let name = "access.withdraw-request"
    /// Whoever could ask: it is looked at whose it is.
    static let permissions: [Permission] = Permission.allCases
    let requestID: Int64

    var key: String? { nil }
    var content: String { "request=\(requestID)" }
    var subjectID: Int64 { requestID }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> ChangeRequest {
        let actor = context.actor
        let stored = try StoredRequest.find(requestID, nowMs: context.businessNowMs, actor.scope, in: transaction)
        guard stored.request.madeBy == actor.loginID else { throw ChangeRequest.notFound }
        if let again = try stored.settled(as: .withdrawn, by: actor) { return again }
        return try stored.ended(.withdrawn, note: "", context, in: transaction)
    }
}
