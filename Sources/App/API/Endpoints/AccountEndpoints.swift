// Supply accounts: list, one, statement, a day explained, money in, corrections, and orders about supply.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Meters
import Payments
import Rating
import Supply

struct AccountQuery: APIModel {
    var after: String?
    var query: String?
    var state: SupplyStanding?
    var placeID: ID?
    var balanceBelowPaise: Int64?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the list begins.", length: 0...64),
        "query": Note("Only account numbers or names that begin so, in either case.", length: 0...64),
        "state": Note("Only accounts that stand so."), "placeID": Note("Only accounts at this place or under it."),
        "balanceBelowPaise": Note(
            "Only accounts with less than this.", range: -1_000_000_000_000...1_000_000_000_000),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct AccountItemView: APIModel {
    var accountID: ID
    var accountNumber: String
    var name: String
    var state: SupplyStanding
    var meterID: ID?
    var balancePaise: Int64
    var lastsUntilMs: Int64?
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "accountNumber": Note("Lifelong, printed on everything."),
        "name": Note("The consumer's name."), "state": Note("on, low (on, but warned) or off."),
        "meterID": Note("The meter that serves it now."), "balancePaise": Note("Balance; negative is owed."),
        "lastsUntilMs": Note("When the balance is likely to reach zero, business time."),
    ]
    init(_ item: AccountItem) {
        (accountID, accountNumber) = (ID(item.account.accountID), item.account.accountNumber)
        (name, state, balancePaise) = (item.account.name, item.standing, item.balancePaise)
        meterID = item.meter.map { ID($0.id) }
        lastsUntilMs = item.lastsUntilMs
    }
    private init() {
        (accountID, accountNumber, name, state) = (ID(101), "BB-000101", "Asha Devi", .on)
        (meterID, balancePaise, lastsUntilMs) = (ID(1001), 11_860, 1_795_600_000_000)
    }
    static let example = AccountItemView()
}

struct AccountListView: APIModel {
    var items: [AccountItemView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("In order of the account number."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct AccountPath: APIModel {
    var accountID: ID
    static let notes: [String: Note] = ["accountID": Note("The account.")]
}

struct PackView: APIModel {
    var packID: String
    var name: String
    var isAddOn: Bool
    static let notes: [String: Note] = [
        "packID": Note("The pack."), "name": Note("Its own name."),
        "isAddOn": Note("Comes before the base pack where it applies."),
    ]
}

struct ReasonView: APIModel {
    var code: String
    var detail: String
    static let notes: [String: Note] = [
        "code": Note("A stable word, such as no-cut-hours."), "detail": Note("A number or span that belongs to it."),
    ]
    init(_ reason: SupplyReason) { (code, detail) = (reason.code.rawValue, reason.detail) }
}

struct AccountDetailView: APIModel {
    var accountID: ID
    var accountNumber: String
    var name: String
    var category: String
    var sanctionedW: Int64
    var balancePaise: Int64
    var estimatedChargesPaise: Int64
    var balanceAsOfMs: Int64
    var lastsUntilMs: Int64?
    var earliestMs: Int64?
    var latestMs: Int64?
    var supplyWanted: String?
    var supplySinceMs: Int64?
    var supplyReasons: [ReasonView]
    var relayActual: String?
    var nextCutMs: Int64?
    var packs: [PackView]
    var meterIDs: [ID]
    var monthPaise: Int64
    var monthWh: Int64
    var lastsUnknown: Outlook.Unknown?
    var lastsOnForecast: Bool
    var arrearsPaise: Int64

    static let notes: [String: Note] = [
        "accountID": Note("The account."), "accountNumber": Note("Lifelong, printed on everything."),
        "name": Note("The consumer's name."), "category": Note("domestic, commercial, …"),
        "sanctionedW": Note("Load the connection is sanctioned for, in watts."),
        "balancePaise": Note("Balance; negative is owed."),
        "estimatedChargesPaise": Note("Part of the charges that rests on estimated readings."),
        "balanceAsOfMs": Note("End of the last charged day."),
        "lastsUntilMs": Note("When the balance is likely to reach zero, business time."),
        "earliestMs": Note("If every day cost what the dearest of the last did."),
        "latestMs": Note("If every day cost what the cheapest of the last did."),
        "supplyWanted": Note("closed or open: what the rules want of the relay."),
        "supplySinceMs": Note("Since when it is wanted so."), "supplyReasons": Note("Why."),
        "relayActual": Note("What the meter says of its relay."),
        "nextCutMs": Note("The first time at which no hour, weekday or day holds a cut back."),
        "packs": Note("What prices it today; the base pack first."), "meterIDs": Note("Meters that serve it."),
        "monthPaise": Note("Charged this month."), "monthWh": Note("Energy charged this month."),
        "lastsUnknown": Note("Why it is not known how long the balance lasts."),
        "lastsOnForecast": Note("The first coming days rest on a forecast of the meter's use."),
        "arrearsPaise": Note("Owed from before; not in the balance."),
    ]

    init(_ report: AccountReport) {
        let account = report.account
        (accountID, accountNumber, name) = (ID(account.accountID), account.accountNumber, account.name)
        (category, sanctionedW) = (account.category, account.sanctionedW)
        balancePaise = report.balance.balancePaise
        estimatedChargesPaise = report.balance.estimatedChargesPaise
        balanceAsOfMs = report.balanceAsOfMs
        if case .until(let atMs, let earliest, let latest) = report.outlook.answer {
            (lastsUntilMs, earliestMs, latestMs) = (atMs, earliest, latest)
        }
        if case .unknown(let why) = report.outlook.answer { lastsUnknown = why }
        lastsOnForecast = report.outlook.usesForecast
        arrearsPaise = report.arrears?.outstandingPaise ?? 0
        supplyWanted = report.supply?.wanted.rawValue
        supplySinceMs = report.supply?.sinceMs
        supplyReasons = report.supply?.reasons.map { ReasonView($0) } ?? []
        relayActual = report.relay?.actual
        nextCutMs = report.nextCutMs
        packs = report.packs.map { PackView(packID: $0.packID, name: $0.name, isAddOn: $0.isAddOn) }
        meterIDs = report.meters.map { ID($0.id) }
        (monthPaise, monthWh) = (report.monthPaise, report.monthWh)
    }

    private init() {
        (accountID, accountNumber, name) = (ID(101), "BB-000101", "Asha Devi")
        (category, sanctionedW, balancePaise, estimatedChargesPaise) = ("domestic", 2_000, 11_860, 0)
        (balanceAsOfMs, lastsUntilMs, supplyWanted) = (1_795_248_000_000, 1_795_600_000_000, "closed")
        (supplyReasons, packs) = ([], [PackView(packID: "DOM-TOU", name: "Domestic by time of day", isAddOn: false)])
        (meterIDs, monthPaise, monthWh) = ([ID(1001)], 61_240, 92_300)
        (lastsOnForecast, arrearsPaise) = (true, 0)
    }
    static let example = AccountDetailView()
}

struct BalanceView: APIModel {
    var accountID: ID
    var balancePaise: Int64
    var estimatedChargesPaise: Int64
    var reservedPaise: Int64
    var expectedPaise: Int64
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "balancePaise": Note("Balance; negative is owed."),
        "estimatedChargesPaise": Note("Part of the charges that rests on estimated readings."),
        "reservedPaise": Note("What is reserved of the balance until it is taken or given up."),
        "expectedPaise": Note("What is to come and is not in the balance yet."),
    ]
}

/// A place in a statement as its `next` gives it: an entry and a line of it.
struct StatementPlace: TextValue {
    var text: String
    init(_ text: String) { self.text = text }
    static let sample = StatementPlace("1-0")
    static let schema = Schema(
        .string(length: 3...40, words: nil, pattern: "^[0-9]{1,19}-[0-9]{1,19}$", format: nil),
        accepts: { text in
            let sides = text.split(separator: "-", omittingEmptySubsequences: false)
            return sides.count == 2
                && sides.allSatisfy { side in
                    (1...19).contains(side.utf8.count)
                        && side.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                }
        })
}

struct StatementQuery: APIModel {
    var accountID: ID
    var before: StatementPlace?
    var limit: Int?
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "before": Note("The `next` of the part before; without it the newest lines."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct StatementLineView: APIModel {
    enum Kind: String, Codable, CaseIterable {
        case day, reversal, repost, recharge, opening, adjustment, instalment, settlement, conversion
    }
    var entry: String
    var kind: Kind
    var postedMs: Int64
    var day: Day?
    var corrects: String?
    var reversedBy: String?
    var amountPaise: Int64
    var balancePaise: Int64
    var method: String?
    var reference: String?
    var reason: String?
    var against: [StatementItem.Against]

    static let notes: [String: Note] = [
        "entry": Note("Names the line in this statement, for ever."), "kind": Note("What it is."),
        "postedMs": Note("When it was posted, business time."), "day": Note("The day it charges or takes back."),
        "corrects": Note("The line it takes back or replaces."),
        "reversedBy": Note("The line that took this one back."),
        "amountPaise": Note("Positive: to the consumer."), "balancePaise": Note("Balance after it."),
        "method": Note("How the money came."), "reference": Note("The payment's own id."),
        "reason": Note("Why the balance was adjusted."), "against": Note("What stands on the other side."),
    ]

    init(_ item: StatementItem) {
        (entry, postedMs, reversedBy, against) = (item.entry, item.postedMs, item.reversedBy, item.against)
        (amountPaise, balancePaise) = (item.amountPaise, item.balancePaise)
        switch item.what {
        case .day(let day, _, _): (kind, self.day) = (.day, Day(day))
        case .reversal(let entry, let day): (kind, corrects, self.day) = (.reversal, entry, Day(day))
        case .repost(let day, let entry): (kind, corrects, self.day) = (.repost, entry, Day(day))
        case .recharge(let method, let reference):
            (kind, self.method, self.reference) = (.recharge, method, reference)
        case .opening: kind = .opening
        case .adjustment(let reason): (kind, self.reason) = (.adjustment, reason)
        case .instalment(let day): (kind, self.day) = (.instalment, Day(day))
        case .settlement: kind = .settlement
        case .conversion: kind = .conversion
        }
    }

    static let example = StatementLineView(
        StatementItem(
            entry: "C-2026-11-20-1", postedMs: 1_795_248_000_000,
            what: .day(CivilDay(number: 20_777), estimatedSlots: 0, slots: 48), against: [.energy, .fixed, .duty],
            amountPaise: -3_940, balancePaise: 11_860, reversedBy: nil))
}

struct StatementPartView: APIModel {
    var balancePaise: Int64
    var items: [StatementLineView]
    var next: String?
    static let notes: [String: Note] = [
        "balancePaise": Note("Balance now."), "items": Note("Newest first."),
        "next": Note("Send it as `before` to go on; absent at the end."),
    ]
}

extension Endpoints {
    static let accounts: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<AccountQuery, AccountListView>(
                "accounts.list", "GET", "/api/v1/accounts", access: .permission([.readAccounts]),
                EndpointText("List accounts", "Accounts of your company, of your places if you are confined to some."),
                example: AccountQuery(after: nil, query: "BB-", state: .low, limit: 50),
                outputExample: AccountListView(items: [.example], next: "BB-000101"),
                run: { input, context in
                    let list = try await AccountList.of(
                        context.services.site,
                        SupplyListing.Filter(
                            prefix: input.query ?? "", standing: input.state, placeID: input.placeID?.value,
                            balanceBelowPaise: input.balanceBelowPaise), after: input.after ?? "",
                        limit: input.limit ?? 50, context.actor.scope)
                    return AccountListView(items: list.part.items.map { AccountItemView($0) }, next: list.part.next)
                })),
        AnyEndpoint(
            Endpoint<AccountPath, AccountDetailView>(
                "accounts.read", "GET", "/api/v1/accounts/{accountID}",
                access: .permission([.readAccounts, .readOwnAccount]),
                EndpointText("Read an account", "Balance, how long it lasts, supply and why."),
                example: AccountPath(accountID: ID(101)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    AccountDetailView(
                        try await AccountReport.of(
                            context.services.site, accountID: input.accountID.value, context.actor.scope))
                })),
        AnyEndpoint(
            Endpoint<AccountPath, BalanceView>(
                "accounts.balance", "GET", "/api/v1/accounts/{accountID}/balance",
                access: .permission([.readAccounts, .readOwnAccount]),
                EndpointText("Balance of an account", "The balance alone: the cheapest question about an account."),
                example: AccountPath(accountID: ID(101)),
                outputExample: BalanceView(
                    accountID: ID(101), balancePaise: 11_860, estimatedChargesPaise: 0, reservedPaise: 0,
                    expectedPaise: 0),
                problems: [.notFound],
                run: { input, context in
                    let nowMs = context.services.site.clocks.businessNowMs()
                    return try await context.read { transaction, scope in
                        let account = try SupplyAccount.find(input.accountID.value, scope, in: transaction)
                        let found = try Journal.balance(
                            ofAccount: account.accountID, atMs: nowMs, scope, in: transaction)
                        return BalanceView(
                            accountID: ID(account.accountID), balancePaise: found.balancePaise,
                            estimatedChargesPaise: found.estimatedChargesPaise,
                            reservedPaise: found.reservedPaise ?? 0, expectedPaise: found.expectedPaise ?? 0)
                    }
                })),
        AnyEndpoint(
            Endpoint<StatementQuery, StatementPartView>(
                "accounts.statement", "GET", "/api/v1/accounts/{accountID}/statement",
                access: .permission([.readAccounts, .readOwnAccount]),
                EndpointText("Statement of an account", "Every posting to the wallet with the balance after it."),
                example: StatementQuery(accountID: ID(101), before: nil, limit: 50),
                outputExample: StatementPartView(balancePaise: 11_860, items: [.example], next: nil),
                problems: [.notFound],
                run: { input, context in
                    let report = try await StatementReport.of(
                        context.services.site, accountID: input.accountID.value, before: input.before?.text,
                        limit: input.limit ?? 50, context.actor.scope)
                    return StatementPartView(
                        balancePaise: report.balancePaise, items: report.part.items.map { StatementLineView($0) },
                        next: report.part.next)
                })),
    ]
}
