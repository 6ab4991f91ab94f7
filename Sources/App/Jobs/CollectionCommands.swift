// What a person asks of collection: call these meters now, or ask these whether they are alive. Each makes its job due
// in the same transaction; nothing is run here.
import Access
import CivilTime
import Clocks
import HeadEnd
import Meters
import SQL

/// Calls late meters now: one, or all of a cause or a place.
public struct CollectNow: Command {
    public static let name = "head-end.collect-now"
    public static let permissions: [Permission] = [.commandMeters]
    public var meterID: Int64?
    public var cause: CollectionCause?
    public var placeID: Int64?
    public init(meterID: Int64? = nil, cause: CollectionCause? = nil, placeID: Int64? = nil) {
        self.meterID = meterID
        self.cause = cause
        self.placeID = placeID
    }
    public var key: String? { nil }
    public var content: String {
        "meter=\(meterID ?? 0) cause=\(cause?.rawValue ?? "any") place=\(placeID ?? 0)"
    }
    public var subjectID: Int64 { meterID ?? 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> JobsAsked {
        let zone = try Org.find(context.orgID, in: transaction).zone
        let floor = zone.day(atS: context.businessNowMs / 1000).advanced(by: -CollectionRules().backDays)
        let touched = try CollectionBoard.callNow(
            meterID: meterID, cause: cause, placeID: placeID, from: floor, context, in: transaction)
        guard touched > 0 else {
            throw Refusal(.conflict, "Nothing is late there.", hint: "Everything that was asked for has been read.")
        }
        _ = try JobStore.askFor(
            .collect, key: Job.roundKey, jobID: context.ids.next(), context, in: transaction)
        if let meterID { context.changed(.meter(meterID), "collection", from: nil, to: "called now") }
        return JobsAsked(jobs: touched)
    }
}

/// Asks meters whether they are alive.
public struct PollLiveness: Command {
    public static let name = "head-end.poll-liveness"
    public static let permissions: [Permission] = [.commandMeters]
    public var target: Liveness.Target
    public var reference: String
    public init(_ target: Liveness.Target, reference: String) {
        self.target = target
        self.reference = reference
    }
    public var key: String? { "ping:\(reference)" }
    public var content: String {
        switch target {
        case .meter(let meterID): "meter=\(meterID)"
        case .place(let placeID): "place=\(placeID)"
        }
    }
    public var subjectID: Int64 { if case .meter(let meterID) = target { meterID } else { 0 } }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        if case .meter(let meterID) = target { _ = try Meter.find(meterID, scope, in: transaction) }
    }

    /// The number of the poll.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let pollID = try Liveness.ask(target, key: key ?? "", context, in: transaction)
        _ = try JobStore.askFor(.ping, key: Job.roundKey, jobID: context.ids.next(), context, in: transaction)
        return pollID
    }
}
