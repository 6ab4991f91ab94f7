// From postpaid to prepaid in one entry that sums to zero: deposit, what the books of before say, the opening balance
// of the wallet and what is left to pay off. Until it is posted nobody is cut for it.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Outbox
import SQL

/// Says that an account turns from postpaid to prepaid. From here to the entry supply is not cut for a balance.
public struct BeginConversion: Command {
    public static let name = "accounts.begin-conversion"
    public static let permissions: [Permission] = [.manageArrears]

    public var accountID: Int64
    public var reason: String

    public init(accountID: Int64, reason: String) {
        self.accountID = accountID
        self.reason = reason
    }

    public var key: String? { nil }
    public var content: String { "account=\(accountID) reason=\(reason)" }
    public var subjectID: Int64 { accountID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool {
        let scope = context.actor.scope
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        let reason = try Reason.checked(reason)
        if let known = try Conversion.find(accountID: accountID, scope, in: transaction) {
            guard known.isOpen else {
                throw Refusal(
                    .conflict, "This account is prepaid already.", hint: "An account is converted once.")
            }
            return true
        }
        try Conversion.begin(
            accountID: accountID, reason: reason, nowMs: context.businessNowMs, scope, in: transaction)
        try Outbox.append(
            OutboxEvent(
                orgID: scope.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: accountID,
                detail: "conversion", businessAtMs: context.businessNowMs), in: transaction)
        context.changed(.account(accountID), "conversion", from: nil, to: "begun")
        return true
    }
}

/// What an account brings along, and where it goes. Pure.
public struct ConversionSums: Sendable, Equatable {
    /// The part of the security deposit that is given back to the account.
    public var depositPaise: Int64
    /// What the last postpaid account says: positive is to the consumer's good, negative is owed.
    public var postpaidPaise: Int64
    /// The deposit pays off what is owed before anything goes to the wallet.
    public var setsDepositOff: Bool

    public init(depositPaise: Int64, postpaidPaise: Int64, setsDepositOff: Bool) {
        self.depositPaise = depositPaise
        self.postpaidPaise = postpaidPaise
        self.setsDepositOff = setsDepositOff
    }

    /// What the wallet opens with.
    public var openingPaise: Int64 {
        let owed = max(0, -postpaidPaise)
        return setsDepositOff
            ? max(0, depositPaise - owed) + max(0, postpaidPaise) : depositPaise + max(0, postpaidPaise)
    }

    /// What is left to be paid off.
    public var arrearsPaise: Int64 {
        let owed = max(0, -postpaidPaise)
        return setsDepositOff ? max(0, owed - depositPaise) : owed
    }

    /// Debits positive; sums to zero whatever the sums are: deposit + postpaid = opening − arrears.
    func legs(wallet: Int64, arrears: Int64) -> [Leg] {
        [
            Leg(ChartAccount.deposits.rawValue, depositPaise, .conversion),
            Leg(ChartAccount.takenOver.rawValue, postpaidPaise, .conversion),
            Leg(wallet, -openingPaise, .conversion), Leg(arrears, arrearsPaise, .conversion),
        ].filter { $0.amountPaise != 0 }
    }
}

/// Posts the conversion that was begun: one entry, once.
public struct PostConversion: Command {
    public static let name = "accounts.post-conversion"
    public static let permissions: [Permission] = [.manageArrears]

    public struct Posted: Sendable, Codable, Equatable {
        /// Nil when there was nothing to carry over.
        public var entryID: Int64?
        public var openingPaise: Int64
        public var arrearsPaise: Int64
    }

    public var accountID: Int64
    public var sums: ConversionSums
    /// Since when what is owed is owed, and until when it may be claimed and cut for.
    public var since: CivilDay
    public var claimUntil: CivilDay?
    public var disconnectUntil: CivilDay?

    public init(
        accountID: Int64, sums: ConversionSums, since: CivilDay, claimUntil: CivilDay?, disconnectUntil: CivilDay?
    ) {
        self.accountID = accountID
        self.sums = sums
        self.since = since
        self.claimUntil = claimUntil
        self.disconnectUntil = disconnectUntil
    }

    /// An account is converted once.
    public var key: String? { "convert:\(accountID)" }
    public var content: String {
        "account=\(accountID) deposit_paise=\(sums.depositPaise) postpaid_paise=\(sums.postpaidPaise) "
            + "set_off=\(sums.setsDepositOff) since=\(since) claim_until=\(claimUntil?.description ?? "-") "
            + "disconnect_until=\(disconnectUntil?.description ?? "-")"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Posted {
        let scope = context.actor.scope
        let account = try SupplyAccount.find(accountID, scope, in: transaction)
        guard let known = try Conversion.find(accountID: accountID, scope, in: transaction), known.isOpen else {
            throw Refusal(
                .conflict, "No conversion of this account is begun.",
                hint: "Begin it first; an account is converted once.")
        }
        let limit = Arrears.amountLimitsPaise.upperBound
        guard (0...limit).contains(sums.depositPaise), sums.postpaidPaise.magnitude <= limit else {
            throw Refusal(
                .invalid, "A conversion carries at most ₹10,00,000 over.", hint: "A deposit is not below zero.",
                at: "depositPaise")
        }
        let today = try Org.find(scope.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        guard since <= today, claimUntil.map({ $0 >= since }) ?? true, disconnectUntil.map({ $0 >= since }) ?? true
        else {
            throw Refusal(.invalid, "An old debt began before today.", hint: "Say since when it is owed.", at: "since")
        }
        let book = try Arrears.opened(account.accountID, ids: context.ids, scope, in: transaction)
        let legs = sums.legs(wallet: account.accountID, arrears: book)
        var entryID: Int64?
        if !legs.isEmpty {
            entryID = try Journal.post(
                key: key ?? "", kind: "conversion", legs: legs, businessAtMs: context.businessNowMs,
                entryID: context.ids.next(), scope, in: transaction)
        }
        if let entryID, sums.arrearsPaise > 0 {
            try Arrears.note(
                ArrearsItem(
                    entryID: entryID, amountPaise: sums.arrearsPaise, since: since, claimUntil: claimUntil,
                    disconnectUntil: disconnectUntil, reason: known.reason, remainingPaise: 0), accountID: accountID,
                loginID: context.actor.loginID, scope, in: transaction)
        }
        // Nothing to carry over is posted too: the id marks that it is done.
        try Conversion.post(
            accountID: accountID, entryID: entryID ?? 0, nowMs: context.businessNowMs, scope, in: transaction)
        try Outbox.append(
            OutboxEvent(
                orgID: scope.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: accountID,
                detail: "conversion", businessAtMs: context.businessNowMs), in: transaction)
        context.changed(.account(accountID), "conversion", from: "begun", to: "posted")
        return Posted(entryID: entryID, openingPaise: sums.openingPaise, arrearsPaise: sums.arrearsPaise)
    }
}
