// The wallet of a renewable meter, emptied when its month is closed into other wallets of the same consumer, in an
// order that was declared. How a surplus is shared out is a rule of Subscriptions; here it is kept and booked.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Outbox
import SQL
import Subscriptions

/// Where the surplus of an account goes, in this order. None: it stays.
public struct WalletOrder: Sendable, Equatable {
    public static let walletsMax = 20
    public var accountID: Int64
    public var toAccountIDs: [Int64]

    public init(accountID: Int64, toAccountIDs: [Int64]) {
        (self.accountID, self.toAccountIDs) = (accountID, toAccountIDs)
    }

    public static func of(
        accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> WalletOrder {
        let others = try transaction.query(
            "SELECT to_account_id FROM wallet_order WHERE org_id = $1 AND account_id = $2 ORDER BY place",
            [.int(scope.orgID), .int(accountID)]
        ) { try $0.int(0) }
        return WalletOrder(accountID: accountID, toAccountIDs: others)
    }

    /// Of some accounts those that have an order.
    static func declared(_ accountIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64] {
        guard !accountIDs.isEmpty else { return [] }
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = parameters.bind(accountIDs)
        return try transaction.query(
            """
            SELECT DISTINCT account_id FROM wallet_order WHERE org_id = $1 AND account_id IN (\(marks))
            ORDER BY account_id
            """, parameters
        ) { try $0.int(0) }
    }
}

/// Declares the order. An empty one lets the surplus stay where it is.
public struct DeclareWalletOrder: Command {
    public static let name = "rating.wallet-order"
    public static let permissions: [Permission] = [.manageSettings]
    public var order: WalletOrder
    public init(_ order: WalletOrder) { self.order = order }
    public var key: String? { nil }
    public var content: String {
        "account=\(order.accountID) to=\(order.toAccountIDs.map(String.init).joined(separator: ","))"
    }
    public var subjectID: Int64 { order.accountID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        _ = try SupplyAccount.find(order.accountID, scope, in: transaction)
        let others = order.toAccountIDs
        guard others.count <= WalletOrder.walletsMax, Set(others).count == others.count,
            !others.contains(order.accountID)
        else {
            throw Refusal(
                .invalid, "A wallet stands twice, or there are more than \(WalletOrder.walletsMax).",
                hint: "Name each other account once.", at: "wallets")
        }
        for other in others { _ = try SupplyAccount.find(other, scope, in: transaction) }
        let before = try WalletOrder.of(accountID: order.accountID, scope, in: transaction)
        try transaction.run(
            "DELETE FROM wallet_order WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(order.accountID)])
        for (place, other) in others.enumerated() {
            try transaction.run(
                "INSERT INTO wallet_order (org_id, account_id, place, to_account_id) VALUES ($1, $2, $3, $4)",
                [.int(scope.orgID), .int(order.accountID), .int(place), .int(other)])
        }
        func words(_ ids: [Int64]) -> String? {
            ids.isEmpty ? nil : ids.map(String.init).joined(separator: ", ")
        }
        context.changed(
            .account(order.accountID), "order of wallets", from: words(before.toAccountIDs), to: words(others))
        return others.count
    }
}

/// Moves the surplus of an account when its month is over. Known by account and month: it moves once.
struct MoveSurplus: Command {
    static let name = "rating.move-surplus"
    static let permissions: [Permission] = [.runJobs]
    var accountID: Int64
    var month: CivilMonth

    var key: String? { "move:\(accountID):\(month)" }
    var content: String { "account=\(accountID) month=\(month)" }
    var subjectID: Int64 { accountID }

    /// - Returns: paise moved.
    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let others = try WalletOrder.of(accountID: accountID, scope, in: transaction).toAccountIDs
        func balance(_ accountID: Int64) throws -> Int64 {
            try Journal.balance(ofAccount: accountID, scope, in: transaction).balancePaise
        }
        let surplus = try balance(accountID)
        let moves = MonthClose.moves(surplusPaise: surplus, balancesPaise: try others.map(balance))
        let legs = zip(others, moves).filter { $0.1 > 0 }.map { Leg($0.0, -$0.1, .adjustment) }
        guard !legs.isEmpty else { return 0 }
        let moved = moves.reduce(0, +)
        _ = try Journal.post(
            key: "move:\(accountID):\(month)", kind: "surplus", legs: [Leg(accountID, moved, .adjustment)] + legs,
            businessAtMs: context.businessNowMs, entryID: context.ids.next(), scope, in: transaction)
        for accountID in [accountID] + legs.map(\.journalAccountID) {
            try Outbox.append(
                OutboxEvent(
                    orgID: context.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: accountID,
                    detail: "surplus", businessAtMs: context.businessNowMs), in: transaction)
        }
        context.changed(.account(accountID), "surplus of \(month)", from: nil, to: "\(moved) paise moved")
        return moved
    }
}
