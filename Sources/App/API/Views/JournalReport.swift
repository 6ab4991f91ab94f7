// Balances of the company's book with the names of their accounts: for the API, the command line and exports.
import Access
import Accounts
import Journal
import Payments
import SQL

public struct JournalBalance: Sendable {
    /// As in exports: `income:energy`, `liabilities:wallets:BB-000101`.
    public var name: String
    public var balance: AccountBalance
}

public enum JournalReport {
    /// - Parameter after: an account's id, not included.
    /// - Throws: ``Refusal`` for who does not see the whole company.
    public static func balances(
        after: Int64 = 0, limit: Int, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> ListPart<JournalBalance> {
        guard scope.isWholeCompany else {
            throw Refusal(.forbidden, "Balances are a matter of the whole company.")
        }
        let found = try Journal.balances(after: after, limit: limit + 1, atMs: atMs, scope, in: transaction)
        let names = try names(of: Set(found.map(\.journalAccountID)), scope, in: transaction)
        let items = found.map { JournalBalance(name: names[$0.journalAccountID] ?? "", balance: $0) }
        return .of(items, limit: limit) { String($0.balance.journalAccountID) }
    }

    /// The names of accounts of the book. Every id has one.
    public static func names(
        of journalAccountIDs: Set<Int64>, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: String] {
        var names: [Int64: String] = [:]
        for id in journalAccountIDs { names[id] = ChartAccount(rawValue: id)?.bookName ?? BookName.nameless(id) }
        let wallets = journalAccountIDs.filter { ChartAccount(rawValue: $0) == nil }.sorted()
        for start in stride(from: 0, to: wallets.count, by: 400) {
            let part = Array(wallets[start..<min(start + 400, wallets.count)])
            for account in try SupplyAccount.of(part, scope, in: transaction) where !account.accountNumber.isEmpty {
                names[account.accountID] = BookName.wallet(account.accountNumber)
            }
            let owners = try Arrears.owners(of: part, scope, in: transaction)
            let owing = try SupplyAccount.of(Set(owners.values).sorted(), scope, in: transaction)
            let numbers = Dictionary(uniqueKeysWithValues: owing.map { ($0.accountID, $0.accountNumber) })
            for (journalAccountID, accountID) in owners {
                guard let number = numbers[accountID], !number.isEmpty else { continue }
                names[journalAccountID] = BookName.arrears(number)
            }
        }
        return names
    }
}
