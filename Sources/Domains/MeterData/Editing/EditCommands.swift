// What people do with edits: ask for one, agree, refuse, take back. Each is one transaction of the money store that
// says who and why; EditApplier carries it into the readings, at once and again after a stop.
import Access
import CivilTime
import Clocks
import IntervalData
import Meters
import SQL

/// How an edit stands after a command.
public struct EditPlaced: Sendable, Equatable, Codable {
    public var editID: Int64
    public var state: ReadingEdit.State
    public var needsApproval: Bool
}

/// Stores an edit: small ones go on, others wait for a second person.
public struct ProposeEdit: Command {
    public static let name = "readings.edit"
    public static let permissions: [Permission] = [.editReadings]
    public let plan: EditPlan
    public init(_ plan: EditPlan) { self.plan = plan }

    public var key: String? { "\(Self.name) \(plan.request.requestKey)" }
    public var content: String { plan.request.content }
    public var subjectID: Int64 { plan.request.meterID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try Meter.find(plan.request.meterID, scope, in: transaction)
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> EditPlaced {
        let scope = context.actor.scope
        let request = plan.request
        _ = try Reason.checked(request.reason)
        _ = try Meter.find(request.meterID, scope, in: transaction)
        if let known = try ReadingEdit.find(requestKey: request.requestKey, scope, in: transaction) {
            return try EditPlaced.again(known, request, scope, in: transaction)
        }
        let today = try Org.find(scope.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        try request.proveOver(today: today)
        let needsApproval = try Self.isAboveLimit(plan, on: today, context.actor, in: transaction)
        let edit = ReadingEdit(
            editID: context.ids.next(), meterID: request.meterID, channel: request.channel, tool: request.tool,
            detail: request.detail, reasonCode: request.reasonCode, reason: request.reason,
            state: needsApproval ? .proposed : .approved, needsApproval: needsApproval, changed: plan.changed,
            net: plan.net, firstDay: plan.days[0].change.day, lastDay: plan.days[plan.days.count - 1].change.day,
            loginID: context.actor.loginID, madeAtMs: context.businessNowMs, note: "", days: plan.days.map(\.change))
        try edit.insert(
            requestKey: request.requestKey, requestHash: request.hash, scope, in: transaction)
        context.changed(
            .meter(request.meterID), "reading_edit \(edit.editID)", from: nil,
            to: "\(request.channel) \(edit.firstDay)..\(edit.lastDay) by \(edit.net): \(edit.state.rawValue)")
        return EditPlaced(editID: edit.editID, state: edit.state, needsApproval: needsApproval)
    }

    /// What the same person changed of the same days before counts too: many small edits are no way around.
    fileprivate static func isAboveLimit(
        _ plan: EditPlan, on today: CivilDay, _ actor: Actor, in transaction: any SQLTransaction
    ) throws -> Bool {
        let limits = try EditLimits.inForce(on: today, actor.scope, in: transaction)
        var whole: Int64 = 0
        for day in plan.days {
            let earlier =
                try transaction.first(
                    """
                    SELECT CAST(SUM(d.changed) AS BIGINT) FROM reading_edit_day d
                    JOIN reading_edit e ON e.org_id = d.org_id AND e.edit_id = d.edit_id
                    WHERE d.org_id = $1 AND d.day = $2 AND e.meter_id = $3 AND e.channel = $4 AND e.login_id = $5
                      AND e.state IN ('approved', 'applied') AND e.needs_approval = 0
                    """,
                    [
                        .int(actor.scope.orgID), .day(day.change.day), .int(plan.request.meterID),
                        .int(plan.request.channel.rawValue), .int(actor.loginID),
                    ]
                ) { try $0.optionalInt(0) ?? 0 } ?? 0
            let changed = day.change.changed + earlier
            let total = max(1, day.before.totalValue, day.after.totalValue)
            if Int128(changed) * 100 > Int128(total) * Int128(limits.sharePercent) { return true }
            whole += changed
        }
        return plan.request.channel.isEnergy && whole > limits.energyWh
    }
}

extension EditPlaced {
    /// The answer to a request that came before.
    fileprivate static func again(
        _ known: (editID: Int64, hash: [UInt8]), _ request: EditRequest, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> EditPlaced {
        guard known.hash == request.hash else {
            throw Refusal(
                .conflict, "The same key was used before for another edit.", hint: "Use a new key.", at: "key")
        }
        let edit = try ReadingEdit.find(known.editID, scope, in: transaction)
        return EditPlaced(editID: edit.editID, state: edit.state, needsApproval: edit.needsApproval)
    }

    /// What a request made when it came before; nil when it is new. Asked before it is worked out again: its versions
    /// are older by now.
    public static func earlier(_ asked: EditRequest, site: Site, _ scope: Scope) async throws -> EditPlaced? {
        let request = try asked.checked()
        return try await site.money.read { transaction in
            try ReadingEdit.find(requestKey: request.requestKey, scope, in: transaction).map {
                try again($0, request, scope, in: transaction)
            }
        }
    }
}

/// The second person's yes or no. Who asked may take a proposal back, but not agree to it.
public struct DecideEdit: Command {
    public static let name = "readings.decide-edit"
    public static let permissions: [Permission] = [.approveReadings, .editReadings]
    public let editID: Int64
    public let agrees: Bool
    public let reason: String

    /// - Throws: ``Refusal`` for a no without a reason.
    public init(editID: Int64, agrees: Bool, reason: String) throws {
        self.editID = editID
        self.agrees = agrees
        self.reason = agrees && reason.isEmpty ? "" : try Reason.checked(reason)
    }
    public var key: String? { nil }
    public var content: String { "edit=\(editID) \(agrees ? "approved" : "rejected") \(reason)" }
    public var subjectID: Int64 { editID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> EditPlaced {
        let scope = context.actor.scope
        let edit = try ReadingEdit.find(editID, scope, in: transaction)
        let isOwn = edit.loginID == context.actor.loginID
        if agrees || !isOwn { try context.actor.require(.approveReadings) }
        guard !(agrees && isOwn) else {
            throw Refusal(.forbidden, "Who made an edit cannot approve it.", hint: "Ask a second person.")
        }
        let wanted: ReadingEdit.State = agrees ? .approved : .rejected
        let isSaid = agrees ? [.approved, .applied].contains(edit.state) : edit.state == .rejected
        if isSaid, edit.decidedBy == context.actor.loginID {
            return EditPlaced(editID: editID, state: edit.state, needsApproval: edit.needsApproval)
        }
        guard edit.state == .proposed else {
            throw Refusal(
                .conflict, "This edit is \(edit.state.rawValue); it waits for nobody.", hint: "Look at how it stands.")
        }
        try transaction.run(
            """
            UPDATE reading_edit SET state = $3, decided_by = $4, decided_at_ms = $5, decision = $6
            WHERE org_id = $1 AND edit_id = $2
            """,
            [
                .int(scope.orgID), .int(editID), .text(wanted.rawValue), .int(context.actor.loginID),
                .int(context.businessNowMs), .text(reason),
            ])
        context.changed(
            .meter(edit.meterID), "reading_edit \(editID)", from: edit.state.rawValue, to: wanted.rawValue)
        return EditPlaced(editID: editID, state: wanted, needsApproval: edit.needsApproval)
    }
}

/// Takes an edit back: what it replaced counts again, wherever nothing newer came.
public struct UndoEdit: Command {
    public static let name = "readings.undo-edit"
    public static let permissions: [Permission] = [.editReadings, .approveReadings]
    public let editID: Int64
    public let reason: String
    /// - Throws: ``Refusal`` without a reason.
    public init(editID: Int64, reason: String) throws {
        self.editID = editID
        self.reason = try Reason.checked(reason)
    }
    public var key: String? { nil }
    public var content: String { "edit=\(editID) reason=\(reason)" }
    public var subjectID: Int64 { editID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> EditPlaced {
        let scope = context.actor.scope
        let edit = try ReadingEdit.find(editID, scope, in: transaction)
        if edit.needsApproval, !context.actor.has(.approveReadings) {
            throw Refusal(
                .forbidden, "This edit was agreed to by a second person.",
                hint: "Who may approve edits may take it back.")
        }
        if edit.undoneBy == context.actor.loginID, [.undoing, .undone].contains(edit.state) {
            return EditPlaced(editID: editID, state: edit.state, needsApproval: edit.needsApproval)
        }
        guard edit.state == .applied else {
            throw Refusal(
                .conflict, "This edit is \(edit.state.rawValue); there is nothing to take back.",
                hint: "Look at how it stands.")
        }
        try transaction.run(
            """
            UPDATE reading_edit SET state = 'undoing', undone_by = $3, undone_at_ms = $4, undo_reason = $5
            WHERE org_id = $1 AND edit_id = $2
            """,
            [
                .int(scope.orgID), .int(editID), .int(context.actor.loginID), .int(context.businessNowMs),
                .text(reason),
            ])
        context.changed(.meter(edit.meterID), "reading_edit \(editID)", from: "applied", to: "undoing")
        return EditPlaced(editID: editID, state: .undoing, needsApproval: edit.needsApproval)
    }
}

extension EditPlan {
    /// Whether a second person would have to agree if this were proposed now.
    public func needsApproval(site: Site, _ actor: Actor) async throws -> Bool {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { transaction in
            let today = try Org.find(actor.scope.orgID, in: transaction).zone.day(atS: nowMs / 1000)
            return try ProposeEdit.isAboveLimit(self, on: today, actor, in: transaction)
        }
    }
}
