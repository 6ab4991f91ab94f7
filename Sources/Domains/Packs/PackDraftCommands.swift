// What people do with drafts of tariffs: write, hand in, take back, agree or refuse. Agreeing publishes in the same
// transaction. Who wrote some of a draft never agrees to it.
import Access
import CivilTime
import Clocks
import SQL
import Tariffs

/// How a draft stands after a command.
public struct PackDraftPlaced: Sendable, Equatable, Codable {
    public var draftID: Int64
    public var revision: Int64
    public var state: PackDraft.State
}

extension PackDraft {
    fileprivate var placed: PackDraftPlaced { PackDraftPlaced(draftID: draftID, revision: revision, state: state) }

    /// The draft as somebody saw it, in one of these states.
    fileprivate static func seen(
        _ draftID: Int64, revision: Int64, _ states: [State], _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws -> PackDraft {
        guard context.actor.scope.isWholeCompany else {
            throw Refusal(.forbidden, "Packs are a matter of the whole company.")
        }
        let draft = try find(draftID, context.actor.scope, in: transaction)
        guard states.contains(draft.state) else {
            throw Refusal(
                .conflict, "This draft is \(draft.state.rawValue).",
                hint: draft.state == .submitted
                    ? "Withdraw it, and begin a new draft with its text." : "Begin a new draft with its text.")
        }
        guard draft.revision == revision else { throw changedMeanwhile }
        return draft
    }
}

/// Begins a draft, or changes one. The text must read as a tariff and fit what is published.
public struct SavePackDraft: Command {
    public static let name = "packs.save-draft"
    public static let permissions: [Permission] = [.draftPacks]
    /// Nil begins one.
    public var draftID: Int64?
    /// The one that was seen; 0 for a new draft.
    public var revision: Int64
    public var text: String
    public var note: String
    /// Names a new draft: sent twice it is one.
    public var request: String?

    public init(draftID: Int64?, revision: Int64, text: String, note: String, request: String? = nil) {
        (self.draftID, self.revision, self.text, self.note) = (draftID, revision, text, note)
        self.request = request
    }
    public var key: String? { draftID == nil ? request.map { "\(Self.name) \($0)" } : nil }
    /// The text itself stands in the draft.
    public var content: String {
        "draft=\(draftID.map(String.init) ?? "new") on=\(revision) bytes=\(text.utf8.count) note=\(note)"
    }
    public var subjectID: Int64 { draftID ?? 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> PackDraftPlaced {
        let scope = context.actor.scope
        guard scope.isWholeCompany else { throw Refusal(.forbidden, "Packs are a matter of the whole company.") }
        guard note.count <= PackDraft.noteMax, !note.utf8.contains(0) else {
            throw Refusal(
                .invalid, "A note has at most \(PackDraft.noteMax) characters.", hint: "Shorten it.", at: "note")
        }
        let tariff = try PackCheck.read(text, scope, in: transaction)
        try PackCheck.fits(tariff, scope, in: transaction)
        let loginID = context.actor.loginID
        guard let draftID else {
            let draft = PackDraft(
                draftID: context.ids.next(), packID: tariff.id, version: Int64(tariff.version), name: tariff.name,
                fromDay: tariff.validFrom, text: text, state: .draft, revision: 1, authorID: loginID,
                writers: [loginID], note: note, madeAtMs: context.businessNowMs, changedAtMs: context.businessNowMs)
            try draft.insert(scope, in: transaction)
            context.changed(
                .company, "pack_draft \(draft.draftID)", from: nil, to: "\(tariff.id) version \(tariff.version)")
            return draft.placed
        }
        var draft = try PackDraft.seen(draftID, revision: revision, [.draft], context, in: transaction)
        guard draft.text != text || draft.note != note else { return draft.placed }
        (draft.packID, draft.version, draft.name) = (tariff.id, Int64(tariff.version), tariff.name)
        (draft.fromDay, draft.text, draft.note) = (tariff.validFrom, text, note)
        if !draft.writers.contains(loginID) { draft.writers.append(loginID) }
        draft.revision += 1
        draft.changedAtMs = context.businessNowMs
        try draft.update(scope, in: transaction)
        context.changed(
            .company, "pack_draft \(draftID)", from: "revision \(revision)", to: "revision \(draft.revision)")
        return draft.placed
    }
}

/// Hands a draft in for a second person, or takes it back for good.
public struct MovePackDraft: Command {
    public static let name = "packs.move-draft"
    public static let permissions: [Permission] = [.draftPacks]
    public enum Move: String, Sendable { case submit, withdraw }
    public var draftID: Int64
    public var revision: Int64
    public var move: Move
    public init(draftID: Int64, revision: Int64, _ move: Move) {
        (self.draftID, self.revision, self.move) = (draftID, revision, move)
    }
    public var key: String? { nil }
    public var content: String { "draft=\(draftID) on=\(revision) \(move.rawValue)" }
    public var subjectID: Int64 { draftID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> PackDraftPlaced {
        let scope = context.actor.scope
        var draft = try PackDraft.seen(
            draftID, revision: revision, move == .submit ? [.draft] : [.draft, .submitted], context, in: transaction)
        if move == .submit {
            try PackCheck.fits(try PackCheck.read(draft.text, scope, in: transaction), scope, in: transaction)
            draft.submittedAtMs = context.businessNowMs
        }
        let before = draft.state
        draft.state = move == .submit ? .submitted : .withdrawn
        draft.revision += 1
        draft.changedAtMs = context.businessNowMs
        try draft.update(scope, in: transaction)
        context.changed(.company, "pack_draft \(draftID)", from: before.rawValue, to: draft.state.rawValue)
        return draft.placed
    }
}

/// The second person's yes or no. A yes publishes the version, which never changes from then on. A yes of somebody who
/// wrote some of the draft is only asked for: another one, who wrote none of it, confirms it.
public struct DecidePackDraft: ConfirmedCommand, Codable {
    public static let name = "packs.decide-draft"
    public static let permissions: [Permission] = [.approvePacks]
    public static let checkPermission = Permission.approvePacks
    public var draftID: Int64
    public var revision: Int64
    public var agrees: Bool
    public var reason: String
    /// Publishes though its first day is nearer than the notice; the reason says why.
    public var evenWithoutNotice: Bool

    /// - Throws: ``Refusal`` for a no, or a yes without notice, that has no reason.
    public init(
        draftID: Int64, revision: Int64, agrees: Bool, reason: String, evenWithoutNotice: Bool = false
    ) throws {
        (self.draftID, self.revision, self.agrees) = (draftID, revision, agrees)
        self.evenWithoutNotice = agrees && evenWithoutNotice
        self.reason = agrees && !evenWithoutNotice && reason.isEmpty ? "" : try Reason.checked(reason)
    }
    public var key: String? { nil }
    public var content: String {
        "draft=\(draftID) on=\(revision) \(agrees ? "approved" : "rejected")"
            + (evenWithoutNotice ? " without notice" : "") + " \(reason)"
    }
    public var subjectID: Int64 { draftID }

    private static let byWriter = Refusal(
        .forbidden, "Who wrote some of a draft cannot approve it.", hint: "Ask a second person.")

    /// Who wrote nothing of it is the second person already.
    public func isSensitive(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool {
        guard agrees else { return false }
        let draft = try PackDraft.find(draftID, context.actor.scope, in: transaction)
        return draft.writers.contains(context.actor.loginID)
    }

    public func proveSecond(_ actor: Actor, in transaction: any SQLTransaction) throws {
        let draft = try PackDraft.find(draftID, actor.scope, in: transaction)
        if agrees, draft.writers.contains(actor.loginID) { throw Self.byWriter }
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> PackDraftPlaced {
        let scope = context.actor.scope
        var draft = try PackDraft.seen(draftID, revision: revision, [.submitted], context, in: transaction)
        if agrees, !context.isForTwo, draft.writers.contains(context.actor.loginID) { throw Self.byWriter }
        if agrees {
            let tariff = try PackCheck.read(draft.text, scope, in: transaction)
            try PackCheck.fits(tariff, scope, in: transaction)
            try proveNotice(tariff, context, in: transaction)
            try Packs.store(tariff: draft.text, file: tariff.id, scope, in: transaction)
            try RateAgain.from(tariff, context, in: transaction)
            context.changed(
                .company, "tariff \(tariff.id)", from: nil, to: "version \(tariff.version) from \(tariff.validFrom)")
        }
        draft.state = agrees ? .approved : .rejected
        draft.revision += 1
        draft.changedAtMs = context.businessNowMs
        (draft.decidedBy, draft.decidedAtMs) = (context.actor.loginID, context.businessNowMs)
        draft.decision = reason
        try draft.update(scope, in: transaction)
        context.changed(
            .company, "pack_draft \(draftID)", from: PackDraft.State.submitted.rawValue, to: draft.state.rawValue)
        return draft.placed
    }

    private func proveNotice(
        _ tariff: Tariff, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws {
        guard !evenWithoutNotice else { return }
        let today = try Org.find(context.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        let earliest = try PackShelf.earliest(tariff.id, today: today, context.actor.scope, in: transaction)
        guard let earliest, tariff.validFrom < earliest else { return }
        throw Refusal(
            .conflict, "Consumers hold \(tariff.id); a changed version begins on \(earliest) at the earliest.",
            hint: "Let it begin later, or publish it without notice and say why.", at: "evenWithoutNotice")
    }
}
