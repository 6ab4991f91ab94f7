// The jobs around rating: runs that people asked for, projected balances, sums handed on, months closed. Calls the
// domains and keeps what they left aside; holds no rule of theirs.
import Access
import Aggregation
import Clocks
import Rating
import SQL

struct RunJobs: Sendable {
    let site: Site
    let org: Org

    /// A long run makes room for the other jobs of its lane.
    static let budgetMs: Int64 = 60_000

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Runs a job. Returns what it did, in words.
    func handle(_ kind: JobKind, _ progress: @escaping @Sendable (Int) async -> Void) async throws -> String {
        switch kind {
        case .rerun:
            let ended = try await RatingRuns(site: site, org: org).run(budgetMs: Self.budgetMs, progress: progress)
            return ended == 0 ? "nothing asked for" : "\(ended) runs ended"
        case .project: return try await project(progress)
        case .publish:
            return "\(try await Publisher(site: site, org: org).run(progress: progress)) versions published"
        case .close:
            let exports = ExportCredits(site: site, org: org)
            let looked = try await MonthCheck(site: site, org: org) { try await exports.run($0, $1) }.run(
                progress: progress)
            try await exports.followClosed()
            guard !looked.isEmpty else { return "no month to close" }
            return looked.map { month in
                month.closedAtMs == nil
                    ? "\(month.month): \(month.open) of \(month.accounts) accounts open" : "\(month.month) closed"
            }.joined(separator: ", ")
        default: throw SQLError(.other, "\(kind.rawValue) is no job around rating")
        }
    }

    private func project(_ progress: @escaping @Sendable (Int) async -> Void) async throws -> String {
        let made = try await Projector(site: site, org: org).run(
            settle: { [scope, site] outcome in
                let nowMs = site.clocks.businessNowMs()
                try await site.money.write { transaction in
                    try WorkItem.clear(.project, accountIDs: outcome.accepted, scope, in: transaction)
                    for (accountID, reason) in outcome.refused {
                        try WorkItem(
                            run: .project, accountID: accountID, mender: .tariffs, reason: reason, atMs: nowMs
                        ).store(scope, in: transaction)
                    }
                }
            }, progress: progress)
        return "\(made) balances projected"
    }
}
