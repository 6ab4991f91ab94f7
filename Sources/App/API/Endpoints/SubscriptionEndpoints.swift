// Packs that accounts hold and apply for: the list, what is offered, what is asked and decided, and terms of sale.
import Access
import Accounts
import CivilTime
import Packs
import SQL
import Subscriptions

struct SubscriptionView: APIModel {
    var subscriptionID: ID
    var name: String
    var accountID: ID
    var accountNumber: String
    var packID: String
    var kind: PackKind
    var seller: String
    var state: Subscription.State
    var appliedDay: Day?
    var fromDay: Day?
    var toDay: Day?
    var termToDay: Day?
    var renews: Bool
    var why: String?
    static let notes: [String: Note] = [
        "subscriptionID": Note("The subscription."),
        "name": Note("The account's number and that of the subscription."),
        "accountID": Note("Whose it is."), "accountNumber": Note("The account's number."),
        "packID": Note("The pack."), "kind": Note("A base pack or an add-on."), "seller": Note("Whose pack it is."),
        "state": Note("draft waits for an approval; only draft and rejected never bill."),
        "appliedDay": Note("When it was applied for; absent where it was assigned."),
        "fromDay": Note("First day that it bills; absent before an approval."),
        "toDay": Note("Last day that it bills; absent while it is open."),
        "termToDay": Note("End of the term that runs, also of one that renews itself."),
        "renews": Note("Begins another term by itself."), "why": Note("Why it was rejected."),
    ]

    init(_ item: ListedSubscription) {
        (subscriptionID, name, accountID) = (ID(item.subscriptionID), item.name, ID(item.accountID))
        (accountNumber, packID, kind, seller) = (item.accountNumber, item.packID, item.kind, item.seller)
        (state, appliedDay, fromDay) = (item.state, item.appliedDay.map { Day($0) }, item.fromDay.map { Day($0) })
        (toDay, termToDay, renews) = (item.toDay.map { Day($0) }, item.termToDay.map { Day($0) }, item.renews)
        why = item.why.isEmpty ? nil : item.why
    }

    private init() {
        (subscriptionID, name, accountID) = (ID(7001), "BB-000101-2", ID(101))
        (accountNumber, packID, kind, seller) = ("BB-000101", "DOM-TOU", .base, "own")
        (state, renews) = (.active, true)
        (appliedDay, fromDay) = (Day(CivilDay(number: 20_544)), Day(CivilDay(number: 20_545)))
    }
    static let example = SubscriptionView()
}

struct SubscriptionQuery: APIModel {
    var state: Subscription.State?
    var packID: String?
    var placeID: ID?
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "state": Note("Only those in this state; draft are the applications that wait."),
        "packID": Note("Only of this pack.", length: 1...80), "placeID": Note("Only at this place or under it."),
        "before": Note("The `next` of the part before; without it the list begins."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct AccountSubscriptionQuery: APIModel {
    var accountID: ID
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "before": Note("The `next` of the part before; without it the list begins."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct SubscriptionList: APIModel {
    var items: [SubscriptionView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Latest first."), "next": Note("Send it as `before` to go on; absent at the end."),
    ]
    init(_ found: [ListedSubscription], limit: Int) {
        items = found.prefix(limit).map { SubscriptionView($0) }
        next = found.count > limit ? items.last?.subscriptionID : nil
    }
    static let example = SubscriptionList(items: [.example], next: nil)
    private init(items: [SubscriptionView], next: ID?) { (self.items, self.next) = (items, next) }
}

struct OfferView: APIModel {
    var packID: String
    var kind: PackKind
    var seller: String
    var firstDay: Day
    var months: Int?
    var renews: Bool
    var loadLimitW: Int64?
    var exportMilliPaisePerKWh: Int64?
    var waits: Bool
    static let notes: [String: Note] = [
        "packID": Note("The pack."), "kind": Note("A base pack or an add-on."), "seller": Note("Whose pack it is."),
        "firstDay": Note("The first day possible when it is approved today."),
        "months": Note("Length of a term; absent when it is open."), "renews": Note("Begins another term by itself."),
        "loadLimitW": Note("Limit of the meter, or the load above which an add-on does not apply."),
        "exportMilliPaisePerKWh": Note("Price of energy fed in; absent when none is bought."),
        "waits": Note("It is another seller's: an application waits for an approval."),
    ]
    init(_ offer: OfferedPack) {
        (packID, kind, seller, firstDay) = (offer.packID, offer.kind, offer.seller, Day(offer.firstDay))
        (months, renews, loadLimitW, waits) = (offer.months, offer.renews, offer.loadLimitW, offer.waits)
        exportMilliPaisePerKWh = offer.exportMilliPaisePerKWh
    }
    private init() {
        (packID, kind, seller, firstDay) = ("DOM-TOU", .base, "own", Day(CivilDay(number: 20_545)))
        (months, renews, waits) = (12, true, false)
    }
    static let example = OfferView()
}

struct OfferQuery: APIModel {
    var accountID: ID
    var after: String?
    var limit: Int?
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "after": Note("The `next` of the part before; without it the list begins.", length: 0...80),
        "limit": Note("How many at most; 200 when not given.", range: 1...500),
    ]
}

struct OfferList: APIModel {
    var items: [OfferView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("In order of their ids."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct PackRequestInput: APIModel {
    var accountID: ID
    var act: PackAct
    var packID: String?
    var day: Day?
    var agreedOn: Day?
    var reason: String?
    var preview: Bool?
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "act": Note("approve and reject decide on an application; port-out ends all packs with a last day."),
        "packID": Note("The pack; left out for port-out.", length: 1...80),
        "day": Note("The first day wanted of an application, the last day of who leaves."),
        "agreedOn": Note("The earlier day on which it was agreed; today when not given."),
        "reason": Note("Why; needed to reject.", length: 0...200),
        "preview": Note("Only say what would come of it; nothing is kept."),
    ]
}

struct PackAnswerView: APIModel {
    struct Ending: APIModel {
        var packID: String
        var lastDay: Day
        static let notes: [String: Note] = ["packID": Note("The pack."), "lastDay": Note("The last day it bills.")]
    }
    var name: String?
    var state: String?
    var fromDay: Day?
    var toDay: Day?
    var isRepeat: Bool
    var penaltyPaise: Int64
    var ending: [Ending]
    static let notes: [String: Note] = [
        "name": Note("The subscription it is about."), "state": Note("Its state after it."),
        "fromDay": Note("First day that it bills."), "toDay": Note("Last day that it bills; absent while it is open."),
        "isRepeat": Note("It was asked before; nothing changed."),
        "penaltyPaise": Note("What leaving a contract early will cost."),
        "ending": Note("Packs that end because of it."),
    ]
    init(_ answer: PackAnswer) {
        (name, state, isRepeat, penaltyPaise) = (
            answer.subscription, answer.state, answer.isRepeat, answer.penaltyPaise
        )
        fromDay = answer.fromDay.map { Day(CivilDay(number: $0)) }
        toDay = answer.toDay.map { Day(CivilDay(number: $0)) }
        ending = answer.ending.map { Ending(packID: $0.packID, lastDay: Day(CivilDay(number: $0.lastDay))) }
    }
    private init() {
        (name, state, isRepeat, penaltyPaise, ending) = ("BB-000101-2", "ACTIVE", false, 0, [])
        fromDay = Day(CivilDay(number: 20_545))
    }
    static let example = PackAnswerView()
}

struct PackTermsInput: APIModel {
    var text: String
    static let notes: [String: Note] = [
        "text": Note("Terms and sellers as YAML or JSON (docs/subscriptions.md).", length: 1...500_000)
    ]
}

struct PackTermsView: APIModel {
    var packID: String
    var fromDay: Day
    var seller: String
    var leadDays: Int
    var months: Int?
    var renews: Bool
    var loadLimitW: Int64?
    var reminderDays: [Int]
    var fixedPaisePerMonth: Int64
    var breakPPM: Int64
    var breakMonths: Int
    var exportMilliPaisePerKWh: Int64?
    var categories: [String]
    static let notes: [String: Note] = [
        "packID": Note("The pack."), "fromDay": Note("From when on."), "seller": Note("Whose pack it is."),
        "leadDays": Note("Days from the approval to the first day that is billed."),
        "months": Note("Length of a term; absent when it is open."), "renews": Note("Begins another term by itself."),
        "loadLimitW": Note("Limit of the meter, or the load above which an add-on does not apply."),
        "reminderDays": Note("So many days before an end it is said."),
        "fixedPaisePerMonth": Note("What the penalty is reckoned from."),
        "breakPPM": Note("Part of it for each month left, in millionths."),
        "breakMonths": Note("For at most so many months."),
        "exportMilliPaisePerKWh": Note("Price of energy fed in; absent when none is bought."),
        "categories": Note("Categories of consumers it is offered to; none are all."),
    ]
    init(_ stored: PackOffers.Stored) {
        let terms = stored.terms
        (packID, fromDay, seller) = (stored.packID, Day(stored.fromDay), terms.seller)
        (leadDays, months, renews, loadLimitW) = (terms.leadDays, terms.months, terms.renewsItself, terms.loadLimitW)
        (reminderDays, fixedPaisePerMonth) = (terms.reminderDays, terms.fixedPaisePerMonth)
        (breakPPM, breakMonths, categories) = (terms.breakPPM, terms.breakMonths, terms.categories)
        exportMilliPaisePerKWh = terms.exportMilliPaisePerKWh
    }
    static let example = PackTermsView(
        PackOffers.Stored(packID: "DOM-TOU", fromDay: CivilDay(number: 20_544), terms: SaleTerms()))
}

struct PackTermsQuery: APIModel {
    var after: String?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the list begins.", length: 0...80),
        "limit": Note("How many packs at most; 50 when not given.", range: 1...200),
    ]
}

struct PackTermsList: APIModel {
    var items: [PackTermsView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("In order of pack and day."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

extension Endpoints {
    private static let reading: EndpointAccess = .permission([.readAccounts, .readOwnAccount])

    static let subscriptions: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<SubscriptionQuery, SubscriptionList>(
                "subscriptions.list", "GET", "/api/v1/subscriptions", access: .permission([.readAccounts]),
                EndpointText("List subscriptions", "Of all accounts in reach; also the applications that wait."),
                example: SubscriptionQuery(state: .draft, limit: 50), outputExample: .example,
                run: { input, context in
                    let limit = input.limit ?? 50
                    let filter = ListedSubscription.Filter(
                        state: input.state, packID: input.packID, placeID: input.placeID?.value)
                    return try await context.read { transaction, scope in
                        SubscriptionList(
                            try ListedSubscription.page(
                                filter, before: input.before?.value, limit: limit + 1, scope, in: transaction),
                            limit: limit)
                    }
                })),
        AnyEndpoint(
            Endpoint<AccountSubscriptionQuery, SubscriptionList>(
                "accounts.subscriptions", "GET", "/api/v1/accounts/{accountID}/subscriptions", access: reading,
                EndpointText("List an account's subscriptions", "All it ever held or applied for."),
                example: AccountSubscriptionQuery(accountID: ID(101), limit: 50), outputExample: .example,
                problems: [.notFound],
                run: { input, context in
                    let limit = input.limit ?? 50
                    return try await context.read { transaction, scope in
                        let account = try SupplyAccount.find(input.accountID.value, scope, in: transaction)
                        return SubscriptionList(
                            try ListedSubscription.page(
                                .init(accountID: account.accountID), before: input.before?.value, limit: limit + 1,
                                scope, in: transaction), limit: limit)
                    }
                })),
        AnyEndpoint(
            Endpoint<OfferQuery, OfferList>(
                "accounts.pack-offers", "GET", "/api/v1/accounts/{accountID}/pack-offers", access: reading,
                EndpointText(
                    "List packs an account may apply for", "Sold to its category and served at its place today."),
                example: OfferQuery(accountID: ID(101)), outputExample: OfferList(items: [.example]),
                problems: [.notFound],
                run: { input, context in
                    let today = try await context.today
                    let offers = try await context.read { transaction, scope in
                        try OfferedPack.of(accountID: input.accountID.value, today: today, scope, in: transaction)
                    }.filter { $0.packID > input.after ?? "" }
                    let items = offers.prefix(input.limit ?? 200)
                    return OfferList(
                        items: items.map { OfferView($0) },
                        next: offers.count > items.count ? items.last?.packID : nil)
                })),
        AnyEndpoint(
            Endpoint<PackRequestInput, PackAnswerView>(
                "accounts.ask-pack", "POST", "/api/v1/accounts/{accountID}/subscriptions",
                access: .permission(AskPack.permissions),
                EndpointText(
                    "Apply for a pack, decide on an application, or end one",
                    "The same act for the same pack on the same day changes nothing more."),
                example: PackRequestInput(accountID: ID(101), act: .apply, packID: "DOM-TOU"), outputExample: .example,
                problems: [.notFound, .conflict],
                run: { input, context in
                    let request = AskPack(
                        input.act, accountID: input.accountID.value, packID: input.packID ?? "",
                        day: input.day?.value, agreedOn: input.agreedOn?.value, reason: input.reason ?? "")
                    guard input.preview == true else {
                        return PackAnswerView(try await context.perform(request, why: request.reason))
                    }
                    let today = try await context.today
                    return try await context.read { transaction, scope in
                        PackAnswerView(try request.preview(today: today, scope, in: transaction))
                    }
                })),
        AnyEndpoint(
            Endpoint<PackTermsQuery, PackTermsList>(
                "packs.terms", "GET", "/api/v1/packs/terms", access: .permission([.readAccounts]),
                EndpointText("List the terms under which packs are sold", "A pack without terms is not in the list."),
                example: PackTermsQuery(limit: 50), outputExample: PackTermsList(items: [.example], next: nil),
                run: { input, context in
                    try await context.read { transaction, scope in
                        let found = try PackOffers.storedTerms(scope, in: transaction).filter {
                            $0.packID > input.after ?? ""
                        }
                        let packs = Set(found.map(\.packID)).sorted()
                        let shown = packs.prefix(input.limit ?? 50)
                        return PackTermsList(
                            items: found.filter { $0.packID <= shown.last ?? "" }.map { PackTermsView($0) },
                            next: packs.count > shown.count ? shown.last : nil)
                    }
                })),
        AnyEndpoint(
            Endpoint<PackTermsInput, TermsTaken>(
                "packs.set-terms", "POST", "/api/v1/packs/terms", access: .permission([.manageSettings]),
                EndpointText(
                    "Enter terms of sale and places served",
                    "All of the file or nothing; a bad line is named. What holds already is never changed."),
                example: PackTermsInput(
                    text: "format: 1\npacks:\n  - {pack: DOM-TOU, from: 2027-01-01, leadDays: 2, months: 12}\n"),
                outputExample: TermsTaken(added: 1), bodyLimitBytes: 600_000, problems: [.notFound, .conflict],
                run: { input, context in
                    TermsTaken(
                        added: try await context.perform(
                            try SetPackTerms(Array(input.text.utf8), name: "terms")))
                })),
    ]
}
