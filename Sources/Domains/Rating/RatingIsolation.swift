// A chunk that fails because of one account is cut in halves until that account stands alone: its day is kept aside
// with the reason, and the others are charged. What is wrong with the database as such stops the run as before.
import Access
import CivilTime
import Clocks
import Journal
import Meters
import SQL

extension Rater {
    /// Whether it may be the trouble of one account: what is stored of it does not read, or what it comes to cannot be
    /// booked.
    static func isOfOneAccount(_ error: any Error) -> Bool {
        switch error {
        case let error as SQLError: error.code == .decode
        case is Refusal, is JournalError: true
        default: false
        }
    }

    /// The meters of a chunk that failed: both halves for themselves, and one alone kept aside.
    func rateApart(
        _ firstDay: [Int64: CivilDay], month: CivilMonth, because error: any Error,
        _ rate: ([Int64: CivilDay]) async throws -> RateChunk.Outcome
    ) async throws -> RateChunk.Outcome {
        let meters = firstDay.keys.sorted()
        guard meters.count > 1 else {
            if let meterID = meters.first, let day = firstDay[meterID] {
                try await keepAside(meterID, day, "\(error)")
            }
            return RateChunk.Outcome()
        }
        var outcome = RateChunk.Outcome()
        for half in [meters.prefix(meters.count / 2), meters.suffix(meters.count - meters.count / 2)] {
            let part = firstDay.filter { half.contains($0.key) }
            let found: RateChunk.Outcome
            do {
                found = try await rate(part)
            } catch  where Self.isOfOneAccount(error) {
                found = try await rateApart(part, month: month, because: error, rate)
            }
            outcome.made += found.made
            outcome.anew += found.anew
            outcome.onward += found.onward
        }
        return outcome
    }

    private func keepAside(_ meterID: Int64, _ day: CivilDay, _ reason: String) async throws {
        let scope = Scope(orgID: org.orgID)
        let (nowMs, slots) = (site.clocks.businessNowMs(), org.zone.slotCount(of: day, periodS: 1800))
        try await site.money.write { transaction in
            guard let installation = try Installation.of(meterID: meterID, on: day, scope, in: transaction) else {
                return
            }
            try RatingRefusal(
                meterID: meterID, day: day, accountID: installation.accountID, slots: slots, reason: reason,
                atMs: nowMs
            ).store(scope, in: transaction)
        }
    }
}
