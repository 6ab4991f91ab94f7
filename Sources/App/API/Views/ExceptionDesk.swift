// Exceptions of readings as endpoints and pages work them: named one by one or by a filter, asked for as a command and
// carried out before the answer. Holds no rule.
import Access
import CivilTime
import Clocks
import MeterData
import SQL
import VEE

public struct ExceptionDesk: Sendable {
    public let site: Site
    public let org: Org
    let actor: Actor

    public static func of(_ site: Site, _ actor: Actor) async throws -> ExceptionDesk {
        let org = try await site.money.read { try Org.find(actor.scope.orgID, in: $0) }
        return ExceptionDesk(site: site, org: org, actor: actor)
    }

    public var list: ExceptionList { ExceptionList(site: site, org: org, scope: actor.scope) }

    /// The exceptions a filter names, at most as many as one wish may hold, and whether there are more.
    public func named(by filter: ExceptionFilter) async throws -> (ids: [ExceptionID], more: Bool) {
        if let from = filter.from, let to = filter.to, from > to {
            throw Refusal(.invalid, "The days end before they begin.", hint: "Exchange the two.", at: "toDay")
        }
        var ids: [ExceptionID] = []
        var after: ExceptionID?
        repeat {
            let part = try await list.page(filter, after: after, limit: WorkExceptions.itemsMax - ids.count)
            ids += part.items.map(\.id)
            after = part.next
        } while after != nil && ids.count < WorkExceptions.itemsMax
        return (ids, after != nil)
    }

    /// Asks for it and carries it out.
    public func work(
        _ act: ExceptionAct, _ ids: [ExceptionID], reason: String, reference: String?, source: String
    ) async throws -> VEETask {
        let taskID = try await site.perform(
            WorkExceptions(act, ids, reason: reason, reference: reference), as: actor, source: source)
        return try await VEEWork(site: site, org: org).finish(taskID)
    }

    /// Validates again; a large wish is left to the job that validates.
    public func again(
        meterIDs: [Int64], from: CivilDay, to: CivilDay, reason: String, source: String
    ) async throws -> VEETask {
        let taskID = try await site.perform(
            ValidateAgain(meterIDs: meterIDs, from: from, to: to, reason: reason), as: actor, source: source)
        let work = VEEWork(site: site, org: org)
        return meterIDs.count * (from.days(to: to) + 1) <= VEEWork.atOnce
            ? try await work.finish(taskID) : try await work.find(taskID)
    }
}
