// Tells consumers whose month is likely to end near a limit where all units become dearer: once a bill, by a message.
// The judgement is Rating's; this goes through the accounts.
import Access
import Accounts
import CivilTime
import Clocks
import Messaging
import Rating
import SQL
import Tariffs

struct SlabWarner {
    let site: Site
    let org: Org
    private static let chunk = 100

    /// - Returns: how many accounts have a pack with such a limit, and how many of them come near.
    func run(progress: @Sendable (Int) async -> Void) async throws -> (looked: Int, near: Int) {
        let nowMs = site.clocks.businessNowMs()
        let today = org.zone.day(atS: nowMs / 1000)
        let scope = Scope(orgID: org.orgID)
        var (looked, near) = (0, 0)
        var after: Int64 = 0
        while true {
            try Task.checkCancellation()
            let accounts = try await site.money.read { [after] in
                try SlabWarning.candidates(after: after, limit: Self.chunk, on: today, scope, in: $0)
            }
            guard let last = accounts.last else { return (looked, near) }
            after = last.accountID
            for account in accounts {
                guard let warning = try await SlabWarning.of(account, site: site, org: org) else { continue }
                near += 1
                try await site.money.write { [site] transaction in
                    try Message.send(
                        .slabNear, key: "slab-near \(account.accountID) \(warning.period.first)",
                        accountID: account.accountID, amountPaise: warning.cliff.jumpMinor, businessAtMs: nowMs,
                        messageID: site.ids.next(), scope, in: transaction)
                }
            }
            looked += accounts.count
            await progress(looked)
        }
    }
}
