// Money in: recharges of a wallet and adjustments, keyed by the payment's own reference so that none counts twice.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Outbox
import SQL

public enum PaymentsSchema {
    public static let migrations = [
        Migration(
            7, .money, "payments",
            [
                """
                CREATE TABLE recharge (org_id {id} NOT NULL, recharge_id {id} NOT NULL, account_id {id} NOT NULL,
                  amount_paise {int} NOT NULL, method {text} NOT NULL, reference {text} NOT NULL,
                  business_at_ms {int} NOT NULL, entry_id {id} NOT NULL, PRIMARY KEY (org_id, recharge_id)) {table}
                """,
                "CREATE UNIQUE INDEX recharge_reference ON recharge (org_id, method, reference)",
            ]),
        gateways, arrears,
        Migration(
            20, .money, "reasons of adjustments",
            [
                """
                CREATE TABLE adjustment (org_id {id} NOT NULL, entry_id {id} NOT NULL, account_id {id} NOT NULL,
                  reason {text} NOT NULL, login_id {id} NOT NULL, PRIMARY KEY (org_id, entry_id)) {keyed_table}
                """
            ]),
        aside,
    ]
}

/// How the money came. Stored by name.
public enum PaymentMethod: String, Sendable, CaseIterable, Codable { case cash, upi, portal, opening, gateway }

/// A reference that stands for something else in the book is refused: it comes from outside.
private func post(
    key: String, kind: String, legs: [Leg], _ context: CommandContext, in transaction: any SQLTransaction
) throws -> Int64 {
    do {
        return try Journal.post(
            key: key, kind: kind, legs: legs, businessAtMs: context.businessNowMs, entryID: context.ids.next(),
            context.actor.scope, in: transaction)
    } catch JournalError.otherInput {
        throw Refusal.referenceUsed
    }
}

/// Puts money into a wallet. A recharge is a liability until it is used.
public struct Recharge: GroupedCommand {
    public typealias Output = Receipt
    public static let name = "payments.recharge"
    public static let permissions: [Permission] = [.rechargeAccounts, .rechargeOwnAccount]
    /// ₹1 to ₹1,00,000 a time.
    public static let amountLimitsPaise: ClosedRange<Int64> = 100...10_000_000

    static let wrongAmount = Refusal(
        .invalid, "A recharge is between ₹1 and ₹1,00,000.", hint: "Choose another amount.", at: "amountPaise")

    public var accountID: Int64
    public var amountPaise: Int64
    public var method: PaymentMethod
    /// The payment's own id: gateway payment id, receipt number, or the form's key.
    public var reference: String

    public init(accountID: Int64, amountPaise: Int64, method: PaymentMethod, reference: String) {
        self.accountID = accountID
        self.amountPaise = amountPaise
        self.method = method
        self.reference = reference
    }

    /// Name of the setting that says how consumers pay by themselves: `off`, `demo` where no money is real and a click
    /// credits, or the name of a gateway, through which they pay an order.
    public static let portalSetting = "payments.portal"

    /// Whether a consumer may recharge the own wallet: only where the company has said how it is paid.
    public static func isOpenToConsumers(
        on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        try Setting.value(portalSetting, on: day, scope, in: transaction) == "demo"
    }

    public var key: String? { "recharge:\(reference)" }
    public var content: String {
        "account=\(accountID) amount_paise=\(amountPaise) method=\(method.rawValue) reference=\(reference)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    public struct Receipt: Sendable, Codable, Equatable {
        public var rechargeID: Int64
        public var entryID: Int64
        public var amountPaise: Int64
        public var balancePaise: Int64
    }

    static let entryKind = "recharge"
    static func entryKey(_ method: PaymentMethod, _ reference: String) -> String {
        "recharge:\(method.rawValue):\(reference)"
    }
    static func legs(_ accountID: Int64, _ amountPaise: Int64) -> [Leg] {
        [
            Leg(ChartAccount.paymentClearing.rawValue, amountPaise, .clearing),
            Leg(accountID, -amountPaise, .recharge),
        ]
    }

    /// What can be said of one by itself.
    private func prove(in transaction: any SQLTransaction, _ context: CommandContext) throws {
        guard Self.amountLimitsPaise.contains(amountPaise) else {
            throw Self.wrongAmount
        }
        guard (1...64).contains(reference.utf8.count), reference.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw Refusal(
                .invalid, "The reference must be 1 to 64 printable characters without spaces.",
                hint: "Use the payment id of the gateway or the receipt number.", at: "reference")
        }
        guard context.actor.role == .consumer else { return }
        let scope = context.actor.scope
        let zone = try Org.find(scope.orgID, in: transaction).zone
        let today = zone.day(atS: context.businessNowMs / 1000)
        guard try Self.isOpenToConsumers(on: today, scope, in: transaction) else {
            throw Refusal(
                .forbidden, "Payments on this page are not set up.", hint: "Pay at the counter of your company.")
        }
    }

    public static func run(
        _ asked: [(command: Recharge, context: CommandContext)], in transaction: any SQLTransaction
    ) throws -> [Result<Receipt, any Error>] {
        var results = try asked.map { command, context -> Result<Receipt, any Error>? in
            do {
                try command.prove(in: transaction, context)
                return nil
            } catch let refusal as Refusal {
                return .failure(refusal)
            }
        }
        try proveReach(of: asked, &results, in: transaction)
        let scope = Scope(orgID: asked[0].context.orgID)
        let open = asked.indices.filter { results[$0] == nil }
        let wallets = Set(open.map { asked[$0].command.accountID }).sorted()
        var balances = try Journal.balancesPaise(ofAccounts: wallets, scope, in: transaction)
        let entryIDs = try entryIDs(of: open.map { asked[$0] }, scope, in: transaction)
        var rows: [[SQLValue]] = []
        var events: [OutboxEvent] = []
        for (index, entryID) in zip(open, entryIDs) {
            let (command, context) = asked[index]
            guard let entryID else {
                results[index] = .failure(Refusal.referenceUsed)
                continue
            }
            let rechargeID = context.ids.next()
            let balancePaise = balances[command.accountID, default: 0] + command.amountPaise
            balances[command.accountID] = balancePaise
            rows.append(command.row(rechargeID, entryID: entryID, context))
            events += command.events(entryID: entryID, context)
            context.changed(
                .account(command.accountID), "balance_paise", from: String(balancePaise - command.amountPaise),
                to: String(balancePaise))
            results[index] = .success(
                Receipt(
                    rechargeID: rechargeID, entryID: entryID, amountPaise: command.amountPaise,
                    balancePaise: balancePaise))
        }
        try transaction.runMany(
            """
            INSERT INTO recharge (org_id, recharge_id, account_id, amount_paise, method, reference, business_at_ms,
              entry_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """, rows)
        try Outbox.append(events, in: transaction)
        return results.compactMap { $0 }
    }

    /// One question for all who see the same.
    private static func proveReach(
        of asked: [(command: Recharge, context: CommandContext)], _ results: inout [Result<Receipt, any Error>?],
        in transaction: any SQLTransaction
    ) throws {
        var rest = asked.indices.filter { results[$0] == nil }
        while let first = rest.first {
            let scope = asked[first].context.actor.scope
            let same = rest.filter { asked[$0].context.actor.scope == scope }
            rest.removeAll { asked[$0].context.actor.scope == scope }
            let found = try SupplyAccount.inReach(same.map { asked[$0].command.accountID }, scope, in: transaction)
            for index in same where !found.contains(asked[index].command.accountID) {
                results[index] = .failure(SupplyAccount.notFound)
            }
        }
    }

    /// The entries they are posted by. Nil where the book knows the reference already, by whatever way: it is not paid
    /// in again.
    private static func entryIDs(
        of asked: [(command: Recharge, context: CommandContext)], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64?] {
        // What a gateway had authorised is expected already and is posted out of that.
        var entryIDs = try asked.map { command, context in
            command.method == .gateway
                ? try Expected.post(
                    command.entryKey, Self.legs(command.accountID, command.amountPaise), context, in: transaction)
                : nil
        }
        let rest = asked.indices.filter { entryIDs[$0] == nil }
        let entries = rest.map { asked[$0].command.entry(asked[$0].context) }
        for ((index, entry), posted) in zip(zip(rest, entries), try Journal.post(entries, scope, in: transaction)) {
            if case .success(entry.entryID) = posted { entryIDs[index] = entry.entryID }
        }
        return entryIDs
    }

    private var entryKey: String { Self.entryKey(method, reference) }

    private func entry(_ context: CommandContext) -> NewEntry {
        NewEntry(
            key: entryKey, kind: Self.entryKind, legs: Self.legs(accountID, amountPaise),
            businessAtMs: context.businessNowMs, entryID: context.ids.next())
    }

    private func row(_ rechargeID: Int64, entryID: Int64, _ context: CommandContext) -> [SQLValue] {
        [
            .int(context.orgID), .int(rechargeID), .int(accountID), .int(amountPaise), .text(method.rawValue),
            .text(reference), .int(context.businessNowMs), .int(entryID),
        ]
    }

    private func events(entryID: Int64, _ context: CommandContext) -> [OutboxEvent] {
        [
            (OutboxKind.balanceChanged, "recharge"), (.notice, "recharge-received \(amountPaise) \(entryID)"),
        ].map { kind, detail in
            OutboxEvent(
                orgID: context.orgID, eventID: context.ids.next(), kind: kind, subjectID: accountID, detail: detail,
                businessAtMs: context.businessNowMs)
        }
    }
}

/// Corrects a balance by hand, with a reason; two persons do it. Positive credits the consumer.
public struct AdjustBalance: ConfirmedCommand, Codable {
    public static let name = "payments.adjust"
    public static let permissions: [Permission] = [.adjustAccounts]
    public static let checkPermission = Permission.adjustAccounts

    /// Up to here nobody else is asked.
    public static let aloneSetting = SettingKind.wholeNumber(
        "payments.adjust-alone-paise", 0...10_000_000, initial: 0,
        hint: """
            A correction of a balance up to this takes no second person; counted with what the same person corrected \
            before on the same day.
            """
    ).forTwo

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

    public var key: String? { "adjust:\(reference)" }
    public var content: String {
        "account=\(accountID) amount_paise=\(amountPaise) reference=\(reference) reason=\(reason)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    /// Many small ones are no way around.
    public func isSensitive(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool {
        let scope = context.actor.scope
        let zone = try Org.find(scope.orgID, in: transaction).zone
        let today = zone.day(atS: context.businessNowMs / 1000)
        let kind = Self.aloneSetting
        let text = try SettingRegistry([kind]).value(kind.name, on: today, scope, in: transaction)
        guard let alonePaise = Int64(text), alonePaise > 0 else { return true }
        let earlierPaise =
            try transaction.first(
                """
                SELECT CAST(SUM(CASE WHEN p.amount_paise < 0 THEN -p.amount_paise ELSE p.amount_paise END) AS BIGINT)
                FROM adjustment a
                JOIN journal_entry e ON e.org_id = a.org_id AND e.entry_id = a.entry_id
                JOIN posting p ON p.org_id = a.org_id AND p.entry_id = a.entry_id
                  AND p.journal_account_id = a.account_id
                WHERE a.org_id = $1 AND a.login_id = $2 AND e.business_at_ms >= $3
                """,
                [.int(scope.orgID), .int(context.actor.loginID), .int(zone.startS(of: today) * 1000)]
            ) { try $0.optionalInt(0) ?? 0 } ?? 0
        return Int128(amountPaise.magnitude) + Int128(earlierPaise) > Int128(alonePaise)
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        guard amountPaise != 0, amountPaise.magnitude <= 10_000_000 else {
            throw Refusal(.invalid, "An adjustment is not zero and at most ₹1,00,000.", at: "amountPaise")
        }
        _ = try Reason.checked(reason)
        let scope = context.actor.scope
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        let entryID = try post(
            key: key ?? "", kind: "adjustment",
            legs: [
                Leg(ChartAccount.adjustments.rawValue, amountPaise, .adjustment),
                Leg(accountID, -amountPaise, .adjustment),
            ], context, in: transaction)
        try transaction.run(
            """
            INSERT INTO adjustment (org_id, entry_id, account_id, reason, login_id) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """,
            [.int(scope.orgID), .int(entryID), .int(accountID), .text(reason), .int(context.actor.loginID)])
        try Outbox.append(
            OutboxEvent(
                orgID: scope.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: accountID,
                detail: "adjustment", businessAtMs: context.businessNowMs), in: transaction)
        let balancePaise = try Journal.balance(ofAccount: accountID, scope, in: transaction).balancePaise
        context.changed(
            .account(accountID), "balance_paise", from: String(balancePaise - amountPaise), to: String(balancePaise))
        return entryID
    }

    /// Why an account was adjusted, by entry.
    public static func reasons(
        accountID: Int64, entryIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: String] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(accountID)]
        let marks = parameters.bind(entryIDs)
        let rows = try transaction.query(
            "SELECT entry_id, reason FROM adjustment WHERE org_id = $1 AND account_id = $2 AND entry_id IN (\(marks))",
            parameters
        ) { (try $0.int(0), try $0.text(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
