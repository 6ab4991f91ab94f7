// What a person does about an order that a meter did not carry out: try it again, or set it aside with a reason.
import Access
import Meters
import SQL

/// Sends an order again that was given up, or that waits for its next try. Idempotent.
public struct RetryOrder: Command {
    public static let name = "head-end.retry-order"
    public static let permissions: [Permission] = [.commandMeters]
    public var commandID: Int64
    public init(commandID: Int64) { self.commandID = commandID }
    public var key: String? { nil }
    public var content: String { "order=\(commandID)" }
    public var subjectID: Int64 { commandID }

    /// - Throws: ``Refusal`` `conflict` when the order is done, or when something else is wanted of the relay by now.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let order = try MeterCommand.find(commandID, scope, in: transaction)
        guard order.state == .failed || order.state == .waiting else {
            throw Refusal(.conflict, "This order is over.", hint: "The page of the meter shows how it ended.")
        }
        if let revision = order.revision {
            let wish = try MeterWish.find(order.meterID, order.kind, scope, in: transaction)
            guard let wish, wish.revision == revision, wish.state != .unwanted else {
                throw Refusal(
                    .conflict, "Something else is wanted of the meter by now.", hint: "Set the order aside.")
            }
            try wish.note(
                .waiting, actual: nil, atMs: context.businessNowMs, nextCheckMs: context.businessNowMs, scope,
                in: transaction)
        } else if order.movesRelay {
            let wanted = try RelayRecord.find(order.meterID, scope, in: transaction)?.wanted
            guard wanted == (order.kind == "disconnect" ? .open : .closed) else {
                throw Refusal(
                    .conflict, "Something else is wanted of the relay by now.", hint: "Set the order aside.")
            }
        }
        try transaction.run(
            """
            UPDATE meter_command SET state = 'waiting', attempt = 0, next_at_ms = $3, ended_at_ms = NULL,
              aside_at_ms = NULL, aside_why = NULL WHERE org_id = $1 AND command_id = $2
            """, [.int(scope.orgID), .int(commandID), .int(context.businessNowMs)])
        context.changed(
            .meter(order.meterID), "\(order.kind)_order \(commandID)", from: order.state.rawValue, to: "waiting")
        return commandID
    }
}

/// Takes an order off the list of what needs a person. A reconnection that waits is still tried.
public struct SetOrderAside: Command {
    public static let name = "head-end.set-order-aside"
    public static let permissions: [Permission] = [.commandMeters]
    public let commandID: Int64
    public let reason: String
    /// - Throws: ``Refusal`` without a reason.
    public init(commandID: Int64, reason: String) throws {
        self.commandID = commandID
        self.reason = try Reason.checked(reason)
    }
    public var key: String? { nil }
    public var content: String { "order=\(commandID) reason=\(reason)" }
    public var subjectID: Int64 { commandID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let order = try MeterCommand.find(commandID, context.actor.scope, in: transaction)
        try transaction.run(
            "UPDATE meter_command SET aside_at_ms = $3, aside_why = $4 WHERE org_id = $1 AND command_id = $2",
            [.int(context.orgID), .int(commandID), .int(context.businessNowMs), .text(reason)])
        context.changed(
            .meter(order.meterID), "\(order.kind)_order \(commandID)", from: order.state.rawValue, to: "set aside")
        return commandID
    }
}
