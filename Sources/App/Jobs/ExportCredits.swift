// Credits at the end of a month what accounts fed in, where their base pack buys it then: reads the month's export,
// asks Packs for the credit and has it booked. Holds no price and no rule of packs.
import Access
import Accounts
import CivilTime
import Clocks
import IntervalData
import Packs
import Rating
import SQL
import Subscriptions
import Tariffs

struct ExportCredits: Sendable {
    static let chunk = 500

    let site: Site
    let org: Org
    private var scope: Scope { Scope(orgID: org.orgID) }

    /// An account and the days of a month on which its base pack buys once a month.
    private struct Seller: Sendable {
        var account: SupplyAccount
        var days: Set<CivilDay>
    }

    /// Credits a month that is over. Again, it changes nothing; other readings than before are followed by the
    /// difference.
    /// - Returns: the accounts whose credit waits, with why.
    func run(_ accountIDs: [Int64], _ month: CivilMonth) async throws -> [WorkItem] {
        var waiting: [WorkItem] = []
        for seller in try await sellers(accountIDs, month) {
            try Task.checkCancellation()
            do {
                if let (mender, reason) = try await credit(seller, month) {
                    waiting.append(item(seller, month, mender, reason))
                }
            } catch let error where !PackKeeper.stops(error) {
                waiting.append(item(seller, month, .account, "what was fed in could not be credited: \(error)"))
            }
        }
        return waiting
    }

    /// Months that are closed are looked at for as long as open ones: readings that come late change the credit.
    func followClosed() async throws {
        let packs = try await site.money.read { try Set(self.buying(in: $0).map(\.packID)).sorted() }
        guard !packs.isEmpty else { return }
        let months = try await site.money.read { [scope] in try MonthClosing.latest(limit: 24, scope, in: $0) }
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        for closing in months where closing.closedAtMs != nil {
            guard today.month.index - closing.month.index <= MonthCheck.monthsBack else { continue }
            var after: Int64 = 0
            while true {
                let page = try await site.money.read { [scope, after] in
                    try HeldPacks.holders(of: packs, after: after, limit: Self.chunk, scope, in: $0)
                }
                guard let last = page.last else { break }
                after = last
                let waiting = try await run(page, closing.month)
                let well = Set(page).subtracting(waiting.map(\.accountID)).sorted()
                try await site.money.write { [scope] transaction in
                    try WorkItem.clear(
                        .close, accountIDs: well, item: closing.month.description, scope, in: transaction)
                    for item in waiting { try item.store(scope, in: transaction) }
                }
            }
        }
    }

    private func item(
        _ seller: Seller, _ month: CivilMonth, _ mender: WorkItem.Mender, _ reason: String
    ) -> WorkItem {
        WorkItem(
            run: .close, accountID: seller.account.accountID, item: month.description, mender: mender, reason: reason,
            atMs: site.clocks.businessNowMs())
    }

    /// Terms of packs that buy once a month, whose tariff does not price what is fed in every day.
    private func buying(in transaction: any SQLTransaction) throws -> [PackOffers.Stored] {
        var daily: [String: Bool] = [:]
        return try PackOffers.storedTerms(scope, in: transaction).filter { terms in
            guard (terms.terms.exportMilliPaisePerKWh ?? 0) > 0 else { return false }
            if let known = daily[terms.packID] { return !known }
            let prices = try Packs.book(terms.packID, scope, in: transaction).needsExport
            daily[terms.packID] = prices
            return !prices
        }
    }

    private func sellers(_ accountIDs: [Int64], _ month: CivilMonth) async throws -> [Seller] {
        try await site.money.read { [scope] transaction in
            let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
            guard try CreditExport.begins(by: month, on: today, scope, in: transaction) else { return [] }
            let packs = try Set(buying(in: transaction).map(\.packID))
            guard !packs.isEmpty, !accountIDs.isEmpty else { return [] }
            let offers = try PackOffers(scope, in: transaction)
            let held = try HeldPacks.of(accountIDs, scope, in: transaction)
            return try accountIDs.compactMap { accountID in
                guard let own = held[accountID] else { return nil }
                let days = (month.first.number...month.last.number).map { CivilDay(number: $0) }.filter { day in
                    guard let packID = own.base(on: day), packs.contains(packID) else { return false }
                    return (offers.terms(of: packID, on: day).exportMilliPaisePerKWh ?? 0) > 0
                }
                guard !days.isEmpty else { return nil }
                return Seller(
                    account: try SupplyAccount.find(accountID, scope, in: transaction), days: Set(days))
            }
        }
    }

    /// - Returns: why it waits; nil when it is credited, or there is nothing to credit.
    private func credit(_ seller: Seller, _ month: CivilMonth) async throws -> (WorkItem.Mender, String)? {
        let accountID = seller.account.accountID
        let eve = month.first.advanced(by: -1)
        let fedIn = try await AccountLoads.fedIn(accountID, from: eve, to: month.last, site: site, org: org)
        // Who measures no export feeds nothing in; who began to within the month feeds in from then on.
        guard let begun = fedIn.blocks.keys.min(), fedIn.blocks.keys.contains(where: { $0 > eve }) else { return nil }
        let days = seller.days.filter { fedIn.metered.contains($0) && $0 >= begun }
        let gaps = days.filter { fedIn.blocks[$0].map { $0.count(of: .missing) > 0 } ?? true }
        guard gaps.isEmpty else {
            return (.readings, "what was fed in is not known for \(gaps.count) days")
        }
        let exportWh = days.reduce(into: [CivilDay: Int64]()) { sums, day in
            sums[day] = (fedIn.blocks[day]?.values ?? []).reduce(0) { $0 + Int64(max(0, $1)) }
        }
        guard !exportWh.isEmpty else { return nil }
        let actor = Actor.system(orgID: org.orgID)
        _ = try await site.perform(
            CreditExport(
                accountID: accountID, meter: seller.account.accountNumber, month: month, exportWh: exportWh),
            as: actor, source: "job close")
        let open = try await site.money.read { [scope] in
            try PackFactRow.of(accountID: accountID, scope, in: $0).filter {
                $0.kind == .exportCredit && $0.state == .open
            }
        }
        guard !open.isEmpty else { return nil }
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        _ = try await site.perform(CarryOutFacts(facts: open, today: today), as: actor, source: "job close")
        return nil
    }
}
