// What people do with old debts: put one on an account, agree instalments, pause them, settle, give up. Each is one
// balanced entry or none, and leaves the wallet alone unless it says so.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Outbox
import SQL

extension Arrears {
    /// ₹1 to ₹10,00,000 a debt.
    public static let amountLimitsPaise: ClosedRange<Int64> = 100...100_000_000

    static func amount(_ paise: Int64) throws {
        guard amountLimitsPaise.contains(paise) else {
            throw Refusal(
                .invalid, "An old debt is between ₹1 and ₹10,00,000.", hint: "Choose another amount.",
                at: "amountPaise")
        }
    }

    /// What is owed; refused when there is nothing.
    static func owed(_ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Arrears {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        guard let arrears = try of(accountID: accountID, scope, in: transaction), arrears.outstandingPaise > 0 else {
            throw Refusal(.conflict, "This account owes nothing from before.", hint: "Look at its arrears first.")
        }
        return arrears
    }

    static func post(
        key: String, legs: [Leg], _ context: CommandContext, in transaction: any SQLTransaction
    ) throws -> Int64 {
        do {
            return try Journal.post(
                key: key, kind: "arrears", legs: legs, businessAtMs: context.businessNowMs,
                entryID: context.ids.next(), context.actor.scope, in: transaction)
        } catch JournalError.otherInput {
            throw Refusal.referenceUsed
        }
    }

    static func noteChange(
        _ accountID: Int64, from old: Int64, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws {
        let now = try of(accountID: accountID, context.actor.scope, in: transaction)?.outstandingPaise ?? 0
        context.changed(.account(accountID), "arrears_paise", from: String(old), to: String(now))
    }
}

/// Puts an old debt on an account, beside the wallet.
public struct PutArrears: Command {
    public static let name = "arrears.put"
    public static let permissions: [Permission] = [.manageArrears]

    public var accountID: Int64
    public var amountPaise: Int64
    public var since: CivilDay
    public var claimUntil: CivilDay?
    public var disconnectUntil: CivilDay?
    public var reason: String
    public var reference: String

    public init(
        accountID: Int64, amountPaise: Int64, since: CivilDay, claimUntil: CivilDay?, disconnectUntil: CivilDay?,
        reason: String, reference: String
    ) {
        self.accountID = accountID
        self.amountPaise = amountPaise
        self.since = since
        self.claimUntil = claimUntil
        self.disconnectUntil = disconnectUntil
        self.reason = reason
        self.reference = reference
    }

    public var key: String? { "arrears-put:\(reference)" }
    public var content: String {
        "account=\(accountID) amount_paise=\(amountPaise) since=\(since) claim_until=\(claimUntil?.description ?? "-") "
            + "disconnect_until=\(disconnectUntil?.description ?? "-") reference=\(reference) reason=\(reason)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    /// The id of the entry.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        try Arrears.amount(amountPaise)
        let reason = try Reason.checked(reason)
        let today = try Org.find(scope.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        guard since <= today, since.parts.year >= 1950 else {
            throw Refusal(.invalid, "An old debt began before today.", hint: "Say since when it is owed.", at: "since")
        }
        guard claimUntil.map({ $0 >= since }) ?? true, disconnectUntil.map({ $0 >= since }) ?? true else {
            throw Refusal(
                .invalid, "A debt can be claimed from the day on that it is owed.",
                hint: "Give later days, or none.", at: "claimUntil")
        }
        let before = try Arrears.of(accountID: accountID, scope, in: transaction)?.outstandingPaise ?? 0
        let book = try Arrears.opened(accountID, ids: context.ids, scope, in: transaction)
        let entryID = try Arrears.post(
            key: key ?? "",
            legs: [
                Leg(book, amountPaise, .arrears), Leg(ChartAccount.takenOver.rawValue, -amountPaise, .arrears),
            ], context, in: transaction)
        try Arrears.note(
            ArrearsItem(
                entryID: entryID, amountPaise: amountPaise, since: since, claimUntil: claimUntil,
                disconnectUntil: disconnectUntil, reason: reason, remainingPaise: 0), accountID: accountID,
            loginID: context.actor.loginID, scope, in: transaction)
        try Arrears.noteChange(accountID, from: before, context, in: transaction)
        return entryID
    }
}

/// Agrees how an old debt is paid off: so much a day, or in so many days. Agreed anew, the newest holds.
public struct AgreeInstalments: Command {
    public enum Size: Sendable, Equatable {
        case dailyPaise(Int64)
        /// As many equal days; the last is what is left.
        case days(Int64)
    }
    public static let name = "arrears.agree-instalments"
    public static let permissions: [Permission] = [.manageArrears]

    public var accountID: Int64
    public var size: Size
    /// The first day of which a part is taken; nil: today.
    public var from: CivilDay?
    public var reason: String

    public init(accountID: Int64, size: Size, from: CivilDay?, reason: String) {
        self.accountID = accountID
        self.size = size
        self.from = from
        self.reason = reason
    }

    public var key: String? { nil }
    public var content: String {
        let text =
            switch size {
            case .dailyPaise(let paise): "daily_paise=\(paise)"
            case .days(let days): "days=\(days)"
            }
        return "account=\(accountID) \(text) from=\(from?.description ?? "today") reason=\(reason)"
    }
    public var subjectID: Int64 { accountID }

    /// The amount of a day that was agreed.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let arrears = try Arrears.owed(accountID, scope, in: transaction)
        let reason = try Reason.checked(reason)
        let dailyPaise: Int64
        switch size {
        case .dailyPaise(let paise): dailyPaise = paise
        case .days(let days):
            guard (1...3_660).contains(days) else {
                throw Refusal(.invalid, "Instalments run for 1 to 3,660 days.", at: "days")
            }
            dailyPaise = (arrears.outstandingPaise + days - 1) / days
        }
        guard dailyPaise > 0, dailyPaise <= Arrears.amountLimitsPaise.upperBound else {
            throw Refusal(.invalid, "An instalment is above zero and at most ₹10,00,000.", at: "dailyPaise")
        }
        let today = try Org.find(scope.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        let first = from ?? today
        guard first >= today, today.days(to: first) <= 366 else {
            throw Refusal(
                .invalid, "Instalments begin today or within a year.", hint: "Today is \(today).", at: "from")
        }
        try transaction.run(
            """
            INSERT INTO arrears_plan (org_id, account_id, daily_paise, next_day, state, reason, login_id, agreed_at_ms)
            VALUES ($1, $2, $3, $4, 'active', $5, $6, $7)
            ON CONFLICT (org_id, account_id) DO UPDATE SET daily_paise = excluded.daily_paise,
              next_day = excluded.next_day, state = 'active', reason = excluded.reason, login_id = excluded.login_id,
              agreed_at_ms = excluded.agreed_at_ms, problem = NULL
            """,
            [
                .int(scope.orgID), .int(accountID), .int(dailyPaise), .day(first), .text(reason),
                .int(context.actor.loginID), .int(context.businessNowMs),
            ])
        context.changed(
            .account(accountID), "instalment_paise", from: arrears.plan.map { String($0.dailyPaise) },
            to: String(dailyPaise))
        return dailyPaise
    }
}

/// Stops the instalments of an account for a while, or lets them go on; the days between are not made up for.
public struct PauseInstalments: Command {
    public static let name = "arrears.pause"
    public static let permissions: [Permission] = [.manageArrears]

    public var accountID: Int64
    /// True: stop; false: go on from today.
    public var paused: Bool
    public var reason: String

    public init(accountID: Int64, paused: Bool, reason: String) {
        self.accountID = accountID
        self.paused = paused
        self.reason = reason
    }

    public var key: String? { nil }
    public var content: String { "account=\(accountID) paused=\(paused) reason=\(reason)" }
    public var subjectID: Int64 { accountID }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool {
        let scope = context.actor.scope
        let arrears = try Arrears.owed(accountID, scope, in: transaction)
        _ = try Reason.checked(reason)
        guard let plan = arrears.plan, plan.state != .done else {
            throw Refusal(.conflict, "No instalments are agreed for this account.", hint: "Agree them first.")
        }
        let state: InstalmentPlan.State = paused ? .paused : .active
        guard plan.state != state else { return paused }
        let today = try Org.find(scope.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        try transaction.run(
            """
            UPDATE arrears_plan SET state = $3, next_day = $4, problem = NULL WHERE org_id = $1 AND account_id = $2
            """,
            [.int(scope.orgID), .int(accountID), .text(state.rawValue), .day(max(plan.nextDay, today))])
        context.changed(.account(accountID), "instalments", from: plan.state.rawValue, to: state.rawValue)
        return paused
    }
}

/// Settles an old debt, in full or a part: out of the wallet as its owner wishes, or with money that came for it.
public struct SettleArrears: Command {
    public enum Source: String, Sendable, Codable, CaseIterable { case wallet, counter }
    public static let name = "arrears.settle"
    public static let permissions: [Permission] = [.manageArrears]

    public var accountID: Int64
    /// Nil: all that is owed.
    public var amountPaise: Int64?
    public var source: Source
    public var reference: String

    public init(accountID: Int64, amountPaise: Int64?, source: Source, reference: String) {
        self.accountID = accountID
        self.amountPaise = amountPaise
        self.source = source
        self.reference = reference
    }

    public var key: String? { "arrears-settle:\(reference)" }
    public var content: String {
        "account=\(accountID) amount_paise=\(amountPaise.map { String($0) } ?? "all") source=\(source.rawValue) "
            + "reference=\(reference)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    /// What is owed after it.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let arrears = try Arrears.owed(accountID, scope, in: transaction)
        let amount = amountPaise ?? arrears.outstandingPaise
        guard amount > 0, amount <= arrears.outstandingPaise else {
            throw Refusal(
                .invalid, "This is more than is owed from before, or nothing.",
                hint: "Settle at most what is owed.", at: "amountPaise")
        }
        if source == .wallet {
            let balance = try Journal.balance(ofAccount: accountID, scope, in: transaction).balancePaise
            guard balance >= amount else {
                throw Refusal(
                    .conflict, "The wallet holds less than that.", hint: "Recharge first, or settle a part.",
                    at: "amountPaise")
            }
        }
        let payer = source == .wallet ? accountID : ChartAccount.paymentClearing.rawValue
        _ = try Arrears.post(
            key: key ?? "",
            legs: [
                Leg(payer, amount, source == .wallet ? .arrears : .clearing),
                Leg(arrears.journalAccountID, -amount, .arrears),
            ], context, in: transaction)
        try Arrears.endIfPaid(accountID, scope, in: transaction)
        if source == .wallet {
            try Outbox.append(
                OutboxEvent(
                    orgID: scope.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: accountID,
                    detail: "arrears", businessAtMs: context.businessNowMs), in: transaction)
        }
        try Arrears.noteChange(accountID, from: arrears.outstandingPaise, context, in: transaction)
        return arrears.outstandingPaise - amount
    }
}

/// Gives up an old debt, in full or a part, as an expense of the company; two persons do it.
public struct WriteOffArrears: ConfirmedCommand, Codable {
    public static let name = "arrears.write-off"
    public static let permissions: [Permission] = [.writeOffArrears]
    public static let checkPermission = Permission.writeOffArrears

    public var accountID: Int64
    public var amountPaise: Int64
    public var reason: String
    public var reference: String

    public init(accountID: Int64, amountPaise: Int64, reason: String, reference: String) {
        self.accountID = accountID
        self.amountPaise = amountPaise
        self.reason = reason
        self.reference = reference
    }

    public var key: String? { "arrears-write-off:\(reference)" }
    public var content: String {
        "account=\(accountID) amount_paise=\(amountPaise) reference=\(reference) reason=\(reason)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    /// What is owed after it.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let arrears = try Arrears.owed(accountID, scope, in: transaction)
        _ = try Reason.checked(reason)
        guard amountPaise > 0, amountPaise <= arrears.outstandingPaise else {
            throw Refusal(
                .invalid, "This is more than is owed from before, or nothing.",
                hint: "Settle at most what is owed.", at: "amountPaise")
        }
        _ = try Arrears.post(
            key: key ?? "",
            legs: [
                Leg(ChartAccount.arrearsWrittenOff.rawValue, amountPaise, .arrears),
                Leg(arrears.journalAccountID, -amountPaise, .arrears),
            ], context, in: transaction)
        try Arrears.endIfPaid(accountID, scope, in: transaction)
        try Arrears.noteChange(accountID, from: arrears.outstandingPaise, context, in: transaction)
        return arrears.outstandingPaise - amountPaise
    }
}
