// Exceptions of readings as endpoints and pages work them: named one by one or by a filter, asked for as a command and
// carried out before the answer. Holds no rule.
import Access
import CivilTime
import Clocks
import IntervalData
import Jobs
import MeterData
import Rating
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
        var after: ExceptionPlace?
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

    /// What an exception is about in energy and money.
    /// - Throws: ``Refusal`` `notFound` when the scope does not reach the meter.
    public func stake(of item: VEEException) async throws -> ExceptionStake {
        let proposal = try await EstimateProposal.of(
            meterID: item.meterID, day: item.day, slots: item.slots, site: site, org: org, actor.scope,
            sources: .of(site, org))
        var stake = ExceptionStake(proposal: proposal)
        guard let after = proposal.after else { return stake }
        let slots = item.slots.filter { after.values.indices.contains($0) }
        stake.estimateWh = slots.reduce(0) { $0 + Int64(after.values[$1]) }
        var (raw, without) = (after.values, after.values)
        for slot in slots { without[slot] = 0 }
        for (slot, value) in item.held where raw.indices.contains(slot) { raw[slot] = value }
        if !item.held.isEmpty { stake.rawWh = item.held.reduce(0) { $0 + Int64($1.value) } }
        let readings = [after.values, raw, without].map { $0.map { max(0, $0) } }
        let nowMs = site.clocks.businessNowMs()
        let prices = try await site.money.read { [org, actor] transaction in
            try TrialPrice.paise(
                meterID: item.meterID, day: item.day, readings: readings, zone: org.zone, nowMs: nowMs, actor.scope,
                in: transaction)
        }
        guard let prices else { return stake }
        stake.estimatePaise = prices[0]
        if !item.held.isEmpty { stake.rawPaise = prices[1] }
        stake.atStakePaise = item.held.isEmpty ? abs(prices[0] - prices[2]) : abs(prices[1] - prices[0])
        return stake
    }
}

/// What the machine would settle an exception with, and what hangs on it. Nil where it is not known: no estimate can be
/// made, or no pack prices the day.
public struct ExceptionStake: Sendable {
    public var proposal: EstimateProposal
    /// Energy of the exception's slots by the estimate.
    public var estimateWh: Int64?
    /// The same as it came, where it is held back.
    public var rawWh: Int64?
    /// Charge of the whole day with the estimate.
    public var estimatePaise: Int64?
    /// Charge of the whole day with the values that are held back; values below zero count as none.
    public var rawPaise: Int64?
    /// Between the held values and the estimate; where nothing is held, what the estimated energy costs.
    public var atStakePaise: Int64?
}
