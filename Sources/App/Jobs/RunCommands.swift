// What a person may do with runs of rating: ask for a trial or a run, stop it, go on, carry a trial out. They write a
// wish; the job `rerun` finds it.
import Access
import Accounts
import CivilTime
import Clocks
import Rating
import SQL

/// The run that was asked for.
public struct RatingRunAsked: Sendable, Codable, Equatable {
    public var runID: Int64
}

/// Asks for a trial, which changes nothing and leaves a report, or for days, an account or a pack priced again.
public struct AskRatingRun: Command {
    public static let name = "rating.ask-run"
    public static let permissions: [Permission] = [.runJobs]
    public var isTrial: Bool
    public var selection: RatingRun.Selection
    public var reason: String
    public init(isTrial: Bool, selection: RatingRun.Selection, reason: String) {
        (self.isTrial, self.selection, self.reason) = (isTrial, selection, reason)
    }
    public var key: String? { nil }
    public var content: String {
        [
            isTrial ? "trial" : "run", selection.from.map { "from=\($0)" }, selection.to.map { "to=\($0)" },
            selection.accountID.map { "account=\($0)" }, selection.packID.map { "pack=\($0)" },
            reason.isEmpty ? nil : "reason=\(reason)",
        ].compactMap(\.self).joined(separator: " ")
    }
    public var subjectID: Int64 { selection.accountID ?? 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> RatingRunAsked {
        try context.requireWholeCompany()
        try JobPause.refusePaused([.rerun], context.actor.scope, in: transaction)
        if let accountID = selection.accountID {
            _ = try SupplyAccount.find(accountID, context.actor.scope, in: transaction)
        }
        let run = try RatingRun.asked(
            context.ids.next(), isTrial: isTrial, selection, reason: reason, by: context.actor.loginID,
            atMs: context.businessNowMs, yesterday: try context.yesterday(in: transaction))
        return try context.start(run, in: transaction)
    }
}

/// Carries out what a trial found, unless its inputs have changed since.
public struct CarryOutTrial: Command {
    public static let name = "rating.carry-out-trial"
    public static let permissions: [Permission] = [.runJobs]
    public var trialID: Int64
    public var reason: String
    public init(trialID: Int64, reason: String) { (self.trialID, self.reason) = (trialID, reason) }
    /// A trial is carried out once.
    public var key: String? { nil }
    public var content: String { "trial=\(trialID) reason=\(reason)" }
    public var subjectID: Int64 { trialID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> RatingRunAsked {
        try context.requireWholeCompany()
        try JobPause.refusePaused([.rerun], context.actor.scope, in: transaction)
        let trial = try RatingRun.find(trialID, context.actor.scope, in: transaction)
        guard trial.isTrial, trial.state == .done else {
            throw Refusal(
                .conflict, "Only a trial that is done can be carried out.", hint: "Wait until it is, or make a new one."
            )
        }
        let run = try RatingRun.asked(
            context.ids.next(), isTrial: false, trial.selection, reason: reason, trialID: trialID,
            by: context.actor.loginID, atMs: context.businessNowMs, yesterday: try context.yesterday(in: transaction))
        return try context.start(run, in: transaction)
    }
}

/// Stops a run after the chunk it is at; what is done stays. Or lets a stopped one go on where it was.
public struct SteerRatingRun: Command {
    public enum Direction: String, Sendable, Codable, CaseIterable { case stop, resume }
    public static let name = "rating.steer-run"
    public static let permissions: [Permission] = [.runJobs]
    public var runID: Int64
    public var direction: Direction
    public init(runID: Int64, _ direction: Direction) { (self.runID, self.direction) = (runID, direction) }
    public var key: String? { nil }
    public var content: String { "run=\(runID) \(direction.rawValue)" }
    public var subjectID: Int64 { runID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> RatingRunAsked {
        try context.requireWholeCompany()
        let scope = context.actor.scope
        let run = try RatingRun.find(runID, scope, in: transaction)
        let isMoved =
            switch direction {
            case .stop: try RatingRun.move(runID, from: [.asked, .running], to: .stopping, scope, in: transaction)
            case .resume: try RatingRun.move(runID, from: [.stopped, .failed], to: .asked, scope, in: transaction)
            }
        guard isMoved else {
            throw Refusal(
                .conflict, direction == .stop ? "This run does not go on." : "This run was not stopped.",
                hint: "Look at how it stands.")
        }
        context.changed(
            .company, "rating run \(runID)", from: run.state.rawValue,
            to: direction == .stop ? "stopping" : "asked")
        // Either way the job looks at once.
        _ = try JobStore.askFor(.rerun, key: Job.roundKey, jobID: context.ids.next(), context, in: transaction)
        return RatingRunAsked(runID: runID)
    }
}

extension CommandContext {
    fileprivate func start(_ run: RatingRun, in transaction: any SQLTransaction) throws -> RatingRunAsked {
        try run.insert(actor.scope, in: transaction)
        _ = try JobStore.askFor(.rerun, key: Job.roundKey, jobID: ids.next(), self, in: transaction)
        changed(.company, "rating run \(run.runID)", from: nil, to: "asked")
        return RatingRunAsked(runID: run.runID)
    }
}
