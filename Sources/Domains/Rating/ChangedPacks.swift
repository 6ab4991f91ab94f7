// Days that other packs bill than when they were charged: rated again, each request for it once. Whose packs changed is
// known by Packs.
import Access
import CivilTime
import Clocks
import MeterData
import Meters
import Packs
import SQL

extension Rater {
    /// Rates again the days of accounts whose packs were changed for days that are over. Returns how many charges were
    /// made; what comes out the same makes none.
    func takeUpChangedPacks() async throws -> Int {
        let scope = Scope(orgID: org.orgID)
        let there = try await site.readings.monthsInReach()
        var made = 0
        var last: Int64 = 0
        while true {
            try Task.checkCancellation()
            let page = try await site.money.read { [last] in
                try PackRerate.open(after: last, limit: 100, scope, in: $0)
            }
            guard let end = page.last else { return made }
            last = end.rerateID
            for item in page {
                let charges = try await rateAgain(item, there, scope)
                let nowMs = site.clocks.businessNowMs()
                try await site.money.write { try item.done(charges: charges, atMs: nowMs, scope, in: $0) }
                made += charges
            }
        }
    }

    private func rateAgain(_ item: PackRerate, _ there: [CivilMonth], _ scope: Scope) async throws -> Int {
        var made = 0
        for month in there.sorted(by: { $0.index < $1.index }) where month.last >= item.fromDay {
            let from = max(item.fromDay, month.first)
            let meters = try await site.money.read {
                try Installation.meters(of: item.accountID, from: from, to: month.last, scope, in: $0)
            }
            guard !meters.isEmpty else { continue }
            made += try await rate(
                meters.map { (from, $0) }, month: month, shard: try await site.readings.shard(month))
        }
        return made
    }
}
