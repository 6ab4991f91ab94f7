// The run that decides on cuts: who is held back is looked at again, who waits longest first, so many at most; and when
// a whole town would go dark at once, nobody does and a person is asked. Holds no rule of an account.
import Access
import CivilTime
import Clocks
import Meters
import SQL
import Supply

extension Line {
    /// Accounts looked at in one read.
    static let heldPart = 500

    /// Time alone changes a verdict: no-cut hours end, a notice grows old. All cuts for a balance fall here.
    func lookAgain(_ done: Progress) async throws -> String {
        let accounts = try await held()
        let ripe = try await ripe(accounts)
        let asked = try await ask(cuts: ripe.count)
        let most = try await site.money.read { [scope, site, org] transaction in
            try CutBrake.most(
                on: org.zone.day(atS: site.clocks.businessNowMs() / 1000), scope, in: transaction)
        }
        var (cut, waiting, looked) = (0, 0, 0)
        for accountID in accounts {
            try Task.checkCancellation()
            let nowMs = site.clocks.businessNowMs()
            let turn: CutTurn = cut < most ? .now : .isFull
            let verdict = try await site.money.write { [org, scope, site] transaction in
                try Supply.decide(
                    accountID: accountID, turn: turn, zone: org.zone, nowMs: nowMs, ids: site.ids, scope,
                    in: transaction)
            }
            if verdict?.wanted == .open { cut += 1 }
            if verdict?.reasons.contains(where: { $0.code == .runIsFull }) == true { waiting += 1 }
            looked += 1
            await done.set(looked)
        }
        return "\(looked) looked at" + (cut > 0 ? ", \(cut) to be cut" : "")
            + (waiting > 0 ? ", \(waiting) wait for the next run" : "")
            + (asked ? ", too many at once: a person is asked" : "")
    }

    /// All that are held back, who waits longest first.
    private func held() async throws -> [Int64] {
        var accounts: [Int64] = []
        var last: (lowSinceMs: Int64, accountID: Int64) = (.min, 0)
        while true {
            let part = try await site.money.read { [scope, last] in
                try Supply.held(after: last, limit: Self.heldPart, scope, in: $0)
            }
            guard let end = part.last else { return accounts }
            accounts += part.map(\.accountID)
            last = end
        }
    }

    /// Those that would be cut now if there were no limit. Changes nothing.
    private func ripe(_ accounts: [Int64]) async throws -> [Int64] {
        let nowMs = site.clocks.businessNowMs()
        var ripe: [Int64] = []
        for start in stride(from: 0, to: accounts.count, by: Self.heldPart) {
            let part = accounts[start..<min(start + Self.heldPart, accounts.count)]
            ripe += try await site.money.read { [org, scope] transaction in
                try part.filter {
                    try Supply.wouldCut(accountID: $0, zone: org.zone, nowMs: nowMs, scope, in: transaction)
                }
            }
        }
        return ripe
    }

    /// Holds every cut and asks a person when too many would fall at once. Whether a person is asked now.
    private func ask(cuts: Int) async throws -> Bool {
        let nowMs = site.clocks.businessNowMs()
        let question = try await site.money.read { [scope, org] transaction in
            try CutBrake.question(
                cuts: cuts, on: org.zone.day(atS: nowMs / 1000), nowMs: nowMs, scope, in: transaction)
        }
        guard let question else { return false }
        _ = try await site.perform(
            HoldCuts(asking: question), as: .system(orgID: org.orgID), source: "job supply", why: question)
        return true
    }

    /// Just before an order to cut goes out, in the transaction that takes the order out: whoever has paid by then is
    /// not cut. False: not now.
    func decideAgain(meterID: Int64, in transaction: any SQLTransaction) throws -> Bool {
        guard try !isPaid(meterID: meterID, in: transaction) else { return false }
        let nowMs = site.clocks.businessNowMs()
        let day = org.zone.day(atS: nowMs / 1000)
        guard let accountID = try Installation.of(meterID: meterID, on: day, scope, in: transaction)?.accountID,
            try Supply.state(accountID: accountID, scope, in: transaction)?.wanted == .open
        else { return true }
        let verdict = try Supply.decide(
            accountID: accountID, zone: org.zone, nowMs: nowMs, ids: site.ids, scope, in: transaction)
        return verdict?.wanted == .open
    }

    /// Just after an order to cut was sent: who has paid while it was on its way gets light at once, before the next
    /// order of anybody.
    func restoreAfterCut() async throws {
        _ = try await OutboxDispatcher(site: site, orgs: [org]).run()
    }

    func decide(_ accounts: [Int64]) async throws {
        for accountID in accounts {
            try Task.checkCancellation()
            let nowMs = site.clocks.businessNowMs()
            try await site.money.write { [org, scope, site] transaction in
                _ = try Supply.decide(
                    accountID: accountID, zone: org.zone, nowMs: nowMs, ids: site.ids, scope, in: transaction)
            }
        }
    }
}
