// The day's part of old debts as a job. Holds no rule: the line at which supply is cut comes from who decides on it.
import Accounts
import Payments
import Supply

extension Line {
    func takeInstalments(_ done: Progress) async throws -> String {
        let taker = InstalmentTaker(site: site, org: org) { [scope] accountID, day, transaction in
            let account = try SupplyAccount.find(accountID, scope, in: transaction)
            return try SupplyRuleBook(on: day, scope, in: transaction).rules(
                category: account.category, placeID: account.placeID
            ).rules.cutBelowPaise
        }
        let found = try await taker.run { await done.set($0) }
        return "\(found.taken) instalments taken, \(found.none) days without one"
            + (found.failed > 0 ? ", \(found.failed) accounts wait for a person" : "")
    }
}
