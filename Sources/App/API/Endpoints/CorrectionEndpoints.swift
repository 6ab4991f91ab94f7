// The projected balance of an account, and its corrections: from the reading that changed to the postings.
import Access
import Accounts
import CivilTime
import Journal
import Rating

struct ProjectedBalanceView: APIModel {
    var accountID: ID
    var balancePaise: Int64
    var projectedPaise: Int64
    var usedPaise: Int64
    var usedWh: Int64
    var throughMs: Int64
    var estimatedSlots: Int
    var missingSlots: Int
    var madeAtMs: Int64
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "balancePaise": Note("What is posted."),
        "projectedPaise": Note("The balance less what was used since the last charge. A guess; nothing is posted."),
        "usedPaise": Note("Price of what was used since, fixed charges of the begun days in full."),
        "usedWh": Note("Energy used since."), "throughMs": Note("End of the last interval that has arrived."),
        "estimatedSlots": Note("Intervals in it that are estimates."),
        "missingSlots": Note("Intervals before its end of which nothing has arrived."),
        "madeAtMs": Note("When it was made, business time."),
    ]
    init(_ projected: ProjectedBalance, _ balance: WalletBalance) {
        (accountID, balancePaise) = (ID(projected.accountID), balance.balancePaise)
        projectedPaise = projected.projected(from: balance.balancePaise)
        (usedPaise, usedWh, throughMs) = (projected.usedPaise, projected.usedWh, projected.throughMs)
        (estimatedSlots, missingSlots) = (projected.estimatedSlots, projected.missingSlots)
        madeAtMs = projected.madeAtMs
    }
    private init() {
        (accountID, balancePaise, projectedPaise, usedPaise) = (ID(101), 11_860, 9_420, 2_440)
        (usedWh, throughMs, estimatedSlots, missingSlots) = (4_120, 1_795_248_000_000, 0, 2)
        madeAtMs = 1_795_248_900_000
    }
    static let example = ProjectedBalanceView()
}

struct CorrectionView: APIModel {
    var correctionID: ID
    var atMs: Int64
    var firstDay: Day
    var lastDay: Day
    var days: Int64
    var differencePaise: Int64
    static let notes: [String: Note] = [
        "correctionID": Note("Ties all days of the correction."), "atMs": Note("When it was made, business time."),
        "firstDay": Note("First day whose amount moved."), "lastDay": Note("Last day whose amount moved."),
        "days": Note("Days whose amount moved."), "differencePaise": Note("What the charges grew by."),
    ]
    init(_ correction: Correction) {
        (correctionID, atMs) = (ID(correction.correctionID), correction.atMs)
        (firstDay, lastDay) = (Day(correction.firstDay), Day(correction.lastDay))
        (days, differencePaise) = (correction.days, correction.differencePaise)
    }
    private init() {
        (correctionID, atMs, days, differencePaise) = (ID(4711), 1_795_248_000_000, 3, 260)
        (firstDay, lastDay) = (Day(CivilDay(number: 20_770)), Day(CivilDay(number: 20_772)))
    }
    static let example = CorrectionView()
}

struct CorrectionQuery: APIModel {
    var accountID: ID
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "before": Note("Only older ones; the `next` of the part before."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct CorrectionListView: APIModel {
    var items: [CorrectionView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first."), "next": Note("Send it as `before` to go on; absent at the end."),
    ]
}

struct CorrectionPath: APIModel {
    var accountID: ID
    var correctionID: ID
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "correctionID": Note("The correction."),
    ]
}

struct CorrectionPostingView: APIModel {
    var entryID: ID
    var bookedAtMs: Int64
    var isReversal: Bool
    var amountPaise: Int64
    static let notes: [String: Note] = [
        "entryID": Note("The entry of the journal."), "bookedAtMs": Note("When it was booked, business time."),
        "isReversal": Note("Takes back an earlier charge; otherwise it is the new one."),
        "amountPaise": Note("Positive: taken from the balance."),
    ]
}

struct CorrectionStepView: APIModel {
    var day: Day
    var cause: CorrectionChain.Cause
    var revisionBefore: Int64
    var revisionAfter: Int64
    var paiseBefore: Int64
    var paiseAfter: Int64
    var energyWhBefore: Int64
    var energyWhAfter: Int64
    var readingVersionBefore: Int64
    var readingVersionAfter: Int64
    var estimatedSlotsBefore: Int64
    var estimatedSlotsAfter: Int64
    var postings: [CorrectionPostingView]
    static let notes: [String: Note] = [
        "day": Note("The day of supply."), "cause": Note("Why it was charged anew."),
        "revisionBefore": Note("Revision of the charge before."), "revisionAfter": Note("And after."),
        "paiseBefore": Note("Charge before."), "paiseAfter": Note("Charge after."),
        "energyWhBefore": Note("Energy before."), "energyWhAfter": Note("Energy after."),
        "readingVersionBefore": Note("Version of the readings before."), "readingVersionAfter": Note("And after."),
        "estimatedSlotsBefore": Note("Intervals that were estimates."), "estimatedSlotsAfter": Note("And after."),
        "postings": Note("Reversal and repost on the wallet; none where no amount moved."),
    ]
    init(_ step: CorrectionChain.Step) {
        (day, cause) = (Day(step.day), step.cause)
        (revisionBefore, revisionAfter) = (step.before.revision, step.after.revision)
        (paiseBefore, paiseAfter) = (step.before.totalPaise, step.after.totalPaise)
        (energyWhBefore, energyWhAfter) = (step.before.energyWh, step.after.energyWh)
        (readingVersionBefore, readingVersionAfter) = (step.readingBefore.version, step.readingAfter.version)
        (estimatedSlotsBefore, estimatedSlotsAfter) = (
            step.readingBefore.estimatedSlots, step.readingAfter.estimatedSlots
        )
        postings = step.postings.map {
            CorrectionPostingView(
                entryID: ID($0.entryID), bookedAtMs: $0.bookedAtMs, isReversal: $0.isReversal,
                amountPaise: $0.amountPaise)
        }
    }
    private init() {
        (day, cause) = (Day(CivilDay(number: 20_770)), .readings)
        (revisionBefore, revisionAfter, paiseBefore, paiseAfter) = (1, 2, 5_120, 5_380)
        (energyWhBefore, energyWhAfter) = (8_200, 8_610)
        (readingVersionBefore, readingVersionAfter, estimatedSlotsBefore, estimatedSlotsAfter) = (1, 2, 48, 0)
        postings = [
            CorrectionPostingView(
                entryID: ID(9_001), bookedAtMs: 1_795_248_000_000, isReversal: true, amountPaise: -5_120)
        ]
    }
    static let example = CorrectionStepView()
}

struct CorrectionChainView: APIModel {
    var correction: CorrectionView
    var steps: [CorrectionStepView]
    var postedPaise: Int64
    var agrees: Bool
    static let notes: [String: Note] = [
        "correction": Note("The correction in sum."), "steps": Note("Day by day, in order."),
        "postedPaise": Note("What was posted on the wallet in sum."),
        "agrees": Note("The postings come to the difference of the charges, to the paisa."),
    ]
    init(_ chain: CorrectionChain) {
        correction = CorrectionView(chain.correction)
        steps = chain.steps.map { CorrectionStepView($0) }
        (postedPaise, agrees) = (chain.postedPaise, chain.agrees)
    }
    private init() { (correction, steps, postedPaise, agrees) = (.example, [.example], 260, true) }
    static let example = CorrectionChainView()
}

struct WalletOrderInput: APIModel {
    var accountID: ID
    var toAccountIDs: [ID]
    static let notes: [String: Note] = [
        "accountID": Note("The account whose surplus moves when a month is complete."),
        "toAccountIDs": Note("Where it goes: debts first, in this order, the rest to the first.", itemsMax: 20),
    ]
}

extension Endpoints {
    private static let readingAccount: EndpointAccess = .permission([.readAccounts, .readOwnAccount])

    static let corrections: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<AccountPath, ProjectedBalanceView>(
                "accounts.projected-balance", "GET", "/api/v1/accounts/{accountID}/projected-balance",
                access: readingAccount,
                EndpointText(
                    "Projected balance",
                    "The balance less the price of what has arrived since the last charge, at most an hour behind "
                        + "the readings. Not found while nothing has arrived since."),
                example: AccountPath(accountID: ID(101)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    try await context.read { transaction, scope in
                        let accountID = input.accountID.value
                        _ = try SupplyAccount.find(accountID, scope, in: transaction)
                        guard let found = try ProjectedBalance.find(accountID: accountID, scope, in: transaction)
                        else { throw Refusal(.notFound, "Nothing has arrived since the last charge.") }
                        return ProjectedBalanceView(
                            found, try Journal.balance(ofAccount: accountID, scope, in: transaction))
                    }
                })),
        AnyEndpoint(
            Endpoint<CorrectionQuery, CorrectionListView>(
                "accounts.corrections", "GET", "/api/v1/accounts/{accountID}/corrections", access: readingAccount,
                EndpointText("Corrections", "Each run that charged days of the account anew, newest first."),
                example: CorrectionQuery(accountID: ID(101), limit: 50),
                outputExample: CorrectionListView(items: [.example]), problems: [.notFound],
                run: { input, context in
                    let limit = input.limit ?? 50
                    let found = try await context.read { transaction, scope in
                        try Correction.of(
                            accountID: input.accountID.value, before: input.before?.value, limit: limit + 1, scope,
                            in: transaction)
                    }
                    let items = found.prefix(limit).map { CorrectionView($0) }
                    return CorrectionListView(items: items, next: found.count > limit ? items.last?.correctionID : nil)
                })),
        AnyEndpoint(
            Endpoint<CorrectionPath, CorrectionChainView>(
                "accounts.correction", "GET", "/api/v1/accounts/{accountID}/corrections/{correctionID}",
                access: readingAccount,
                EndpointText(
                    "One correction",
                    "Day by day: reading, charge before and after, reversal and repost, both dates."),
                example: CorrectionPath(accountID: ID(101), correctionID: ID(4711)), outputExample: .example,
                problems: [.notFound],
                run: { input, context in
                    CorrectionChainView(
                        try await CorrectionChain.of(
                            input.correctionID.value, accountID: input.accountID.value, site: context.services.site,
                            try context.actor.scope))
                })),
        AnyEndpoint(
            Endpoint<WalletOrderInput, WalletOrderInput>(
                "accounts.wallet-order", "POST", "/api/v1/accounts/{accountID}/wallet-order",
                access: .permission([.manageSettings]),
                EndpointText(
                    "Declare the order of wallets",
                    "Where the balance above zero of a renewable meter's account goes when its month is complete. "
                        + "An empty list lets it stay."),
                example: WalletOrderInput(accountID: ID(101), toAccountIDs: [ID(102)]),
                outputExample: WalletOrderInput(accountID: ID(101), toAccountIDs: [ID(102)]), problems: [.notFound],
                run: { input, context in
                    let order = WalletOrder(
                        accountID: input.accountID.value, toAccountIDs: input.toAccountIDs.map(\.value))
                    _ = try await context.perform(DeclareWalletOrder(order))
                    return input
                })),
    ]
}
