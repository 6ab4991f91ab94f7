// Jobs of packs, wallets and runs around rating: what the line calls for each. Holds no rule.
import Access
import Payments
import Rating

extension Line {
    func handleMoney(_ kind: JobKind, _ done: Progress) async throws -> String {
        switch kind {
        case .payments:
            let found = try await payments?.reconcile(orgID: org.orgID) { await done.set($0) }
            guard let found, !found.isNothing else { return "nothing open" }
            return "\(found.looked) looked at, \(found.paid) paid, \(found.mended) mended"
                + (found.silent > 0 ? ", \(found.silent) without answer" : "")
                + (found.refused > 0 ? ", \(found.refused) refused" : "")
        case .arrears:
            return try await takeInstalments(done)
        case .whatIf:
            let priced = try await WhatIfRunner(site: site, org: org).run { await done.set($0) }
            return priced == 0 ? "nothing asked for" : "\(priced) consumers priced"
        case .slabWarnings:
            let found = try await SlabWarner(site: site, org: org).run { await done.set($0) }
            return "\(found.looked) looked at, \(found.near) near a limit"
        case .subscriptions:
            return try await PackKeeper(site: site, org: org).run { await done.set($0) }.words
        default:
            return try await RunJobs(site: site, org: org).handle(kind) { await done.set($0) }
        }
    }
}
