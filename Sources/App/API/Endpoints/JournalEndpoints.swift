// The company's book: where each of its accounts stands.
import Access
import Clocks
import Journal

struct JournalBalanceQuery: APIModel {
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the list begins."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct JournalBalanceView: APIModel {
    var account: String
    var accountID: ID?
    var debitBalancePaise: Int64
    var estimatedPaise: Int64
    var pendingDebitPaise: Int64
    var pendingCreditPaise: Int64
    static let notes: [String: Note] = [
        "account": Note("Its name in exports, such as income:energy or liabilities:wallets: and an account number."),
        "accountID": Note("The supply account whose wallet it is; absent for the company's own accounts."),
        "debitBalancePaise": Note("Debits less credits: negative for what is owed and for income."),
        "estimatedPaise": Note("Part of it that rests on estimated readings."),
        "pendingDebitPaise": Note("Debits that are pending; not in the balance."),
        "pendingCreditPaise": Note("Credits that are pending, not above zero; not in the balance."),
    ]

    init(_ item: JournalBalance) {
        let balance = item.balance
        account = item.name
        accountID = ChartAccount(rawValue: balance.journalAccountID) == nil ? ID(balance.journalAccountID) : nil
        (debitBalancePaise, estimatedPaise) = (balance.debitBalancePaise, balance.estimatedPaise)
        (pendingDebitPaise, pendingCreditPaise) = (balance.pendingDebitPaise, balance.pendingCreditPaise)
    }

    static let example = JournalBalanceView(
        JournalBalance(
            name: BookName.wallet("BB-000101"),
            balance: AccountBalance(journalAccountID: 101, debitBalancePaise: -11_860, estimatedPaise: 0)))
}

struct JournalBalanceList: APIModel {
    var items: [JournalBalanceView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of the account's id: the company's own accounts first."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

extension Endpoints {
    static let journal: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<JournalBalanceQuery, JournalBalanceList>(
                "journal.balances", "GET", "/api/v1/journal/balances", access: .permission([.adjustAccounts]),
                EndpointText(
                    "Balances of the book",
                    "Every account of the double-entry book with its balance. Together the balances are zero."),
                example: JournalBalanceQuery(after: nil, limit: 50),
                outputExample: JournalBalanceList(items: [.example], next: nil),
                run: { input, context in
                    let nowMs = context.services.site.clocks.businessNowMs()
                    let part = try await context.read { transaction, scope in
                        try JournalReport.balances(
                            after: input.after?.value ?? 0, limit: input.limit ?? 50, atMs: nowMs, scope,
                            in: transaction)
                    }
                    return JournalBalanceList(
                        items: part.items.map { JournalBalanceView($0) },
                        next: part.next.flatMap { Int64($0) }.map { ID($0) })
                }))
    ]
}
