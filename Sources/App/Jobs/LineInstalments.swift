// The day's part of old debts as a job. Holds no rule: the line at which supply is cut comes from who decides on it.
import Payments
import Supply

extension Line {
    func takeInstalments(_ done: Progress) async throws -> String {
        let taker = InstalmentTaker(site: site, org: org) { [scope] day, transaction in
            try Supply.rules(on: day, scope, in: transaction).cutBelowPaise
        }
        let found = try await taker.run { await done.set($0) }
        return "\(found.taken) instalments taken, \(found.none) days without one"
            + (found.failed > 0 ? ", \(found.failed) accounts wait for a person" : "")
    }
}
