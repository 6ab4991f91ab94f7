// What follows from subscriptions in a running company: days rated again, a penalty booked once, limits at the meter,
// messages; and one account in disorder that stops nobody.
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import Journal
import Messaging
import Meters
import Packs
import Rating
import SQL
import Tariffs
import TestRetailer
import TestSupport
import Testing

@testable import Jobs

@Suite struct PackKeeperTests {
    /// A company with five charged days; account 71 may switch between DOM-TOU and the pack CHEAP, which has a contract
    /// of a year and limits the load.
    struct Shop: Sendable {
        var site: Site
        let clock: ManualClock
        let retailer: TestRetailer
        var scope: Scope { retailer.scope }
        var actor: Actor { .system(orgID: 1) }

        @discardableResult
        func ask(_ act: PackAct, _ pack: String, agreedOn: CivilDay? = nil) async throws -> PackAnswer {
            try await site.perform(
                AskPack(act, accountID: retailer.account, packID: pack, agreedOn: agreedOn, reason: "as agreed"),
                as: actor, source: "test")
        }

        func keep() async throws -> PackKeeper.Kept {
            let kept = try await PackKeeper(site: site, org: retailer.org).run()
            try await PackLimits(site: site, org: retailer.org).run()
            return kept
        }

        func balancePaise() async throws -> Int64 {
            try await site.money.read { transaction in
                let trial = try Journal.trialBalance(scope, in: transaction)
                #expect(trial.sumPaise == 0 && trial.unbalancedEntries == 0 && trial.wrongAccounts == [])
                return try Journal.balance(ofAccount: retailer.account, scope, in: transaction).balancePaise
            }
        }

        func messages() async throws -> [MessageTemplate] {
            try await site.money.read {
                try Message.of(accountID: retailer.account, limit: 100, scope, in: $0).map(\.template)
            }.filter { $0.rawValue.hasPrefix("pack-") }.sorted { $0.rawValue < $1.rawValue }
        }

        func wish() async throws -> String? {
            try await site.money.read {
                try MeterWish.find(retailer.meter, "load-limit", scope, in: $0).map {
                    "\($0.desired) \($0.authority.by)"
                }
            }
        }
    }

    static func with(_ engine: TestEngine, _ body: (Shop) async throws -> Void) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: 1_768_458_600_000)
            let clocks = Clocks.manual(clock)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 3, clocks: clocks))
            let retailer = try await TestRetailer.make(site)[0]
            let shop = Shop(site: site, clock: clock, retailer: retailer)
            try await site.money.write { transaction in
                var cheap = TestRetailer.pack
                cheap.id = "CHEAP"
                cheap.milliPaisePerKWh = cheap.milliPaisePerKWh.mapValues { $0 / 2 }
                try Packs.store(cheap, from: retailer.first, retailer.scope, in: transaction)
            }
            let terms = """
                format: 1
                packs:
                  - {pack: CHEAP, from: \(retailer.first), months: 12, loadLimitW: 2000, fixedPerMonth: 300,
                     breakPercent: 50, breakMonths: 3}

                """
            _ = try await site.perform(
                try SetPackTerms(Array(terms.utf8), name: "terms"), as: shop.actor, source: "test")
            try await body(shop)
        }
    }

    /// Holds CHEAP since yesterday-but-three, and has left it today.
    private func leave(_ shop: Shop) async throws {
        try await shop.ask(.apply, "CHEAP", agreedOn: shop.retailer.first)
        _ = try await shop.keep()
        let answer = try await shop.ask(.apply, "DOM-TOU")
        #expect(answer.penaltyPaise == 45_000)
        _ = try await shop.keep()
        shop.clock.nowMs += 86_400_000
    }

    @Test("a back-dated pack: its days are rated again, once, and only they", arguments: TestEngine.available)
    func ratedAgain(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let first = shop.retailer.first
            let before = try await shop.balancePaise()
            try await shop.ask(.apply, "CHEAP", agreedOn: first)
            let rater = Rater(site: shop.site, org: shop.retailer.org)
            // The first day has another bill now, for the same paise.
            #expect(try await rater.run() == 5)
            let charges = try await shop.site.money.read {
                try Charge.current(
                    accountID: shop.retailer.account, from: first, to: shop.retailer.lastDay, shop.scope, in: $0)
            }
            #expect(charges.map(\.packs) == ["DOM-TOU@1"] + Array(repeating: "CHEAP@1", count: 4))
            #expect(charges.map(\.revision) == [2, 2, 2, 2, 2])
            let firstDay = try await shop.site.money.read {
                try Charge.revisions(accountID: shop.retailer.account, day: first, shop.scope, in: $0)
            }
            #expect(firstDay.count == 2 && firstDay[0].totalPaise == firstDay[1].totalPaise)
            #expect(firstDay.last?.entryID == nil, "nothing is posted for it")
            #expect(try await shop.balancePaise() > before)
            let waiting = try await shop.site.money.read {
                try RateAgain.waiting(after: 0, limit: 10, shop.scope, in: $0)
            }
            #expect(waiting.isEmpty)
            let after = try await shop.balancePaise()
            #expect(try await rater.run() == 0)
            #expect(try await shop.balancePaise() == after)
        }
    }

    @Test("a limit at the meter, messages, and a penalty that is booked once", arguments: TestEngine.available)
    func follows(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let before = try await shop.balancePaise()
            try await leave(shop)
            #expect(try await shop.wish() == "2000 rule pack-limit")
            #expect(try await shop.messages() == [.packBreakCost, .packEnded, .packStarted])
            #expect(try await shop.balancePaise() == before)
            let kept = try await shop.keep()
            #expect(kept.failed == 0 && kept.aside == 0)
            #expect(try await shop.balancePaise() == before - 45_000)
            #expect(try await shop.wish() == "3000 rule sanctioned-load")
            #expect(
                try await shop.messages() == [
                    .packBreakCharged, .packBreakCost, .packEnded, .packEnded, .packStarted, .packStarted,
                ])
            let key = try await shop.site.money.read {
                try Journal.statement(ofAccount: shop.retailer.account, limit: 1, shop.scope, in: $0).map(\.entryKey)
            }
            #expect(key == ["penalty:A-71-2"])
            let again = try await shop.keep()
            #expect(again == PackKeeper.Kept())
            #expect(try await shop.balancePaise() == before - 45_000)
        }
    }

    @Test("cut off at any statement and begun again, it ends as if nothing had happened")
    func cutOff() async throws {
        try await Self.with(.sqlite) { shop in
            let before = try await shop.balancePaise()
            try await leave(shop)
            var failing = shop
            var stops = 0
            for number in 1...400 {
                failing.site.money = FailingDatabase(shop.site.money, failAt: number)
                do {
                    _ = try await failing.keep()
                    break
                } catch let error as SQLError where error.code == .full {
                    stops += 1
                }
            }
            #expect(stops > 10)
            #expect(try await shop.keep() == PackKeeper.Kept())
            #expect(try await shop.balancePaise() == before - 45_000)
            #expect(try await shop.messages().count == 6)
            #expect(try await shop.wish() == "3000 rule sanctioned-load")
        }
    }

    @Test("10: what was fed in is credited once when its month is over", arguments: TestEngine.available)
    func export(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let month = shop.retailer.first.month.next
            let text = """
                format: 1
                packs:
                  - {pack: DOM-TOU, from: \(shop.retailer.first), exportPrice: 2.5}

                """
            _ = try await shop.site.perform(
                try SetPackTerms(Array(text.utf8), name: "terms"), as: shop.actor, source: "test")
            let before = try await shop.balancePaise()
            func credit(_ wh: Int64) async throws -> Int64? {
                try await shop.site.perform(
                    CreditExport(
                        accountID: shop.retailer.account, meter: "M1", month: month,
                        exportWh: [month.first: wh, month.last: 1_000]), as: shop.actor, source: "test")
            }
            await #expect(throws: Refusal.self) { try await credit(3_001) }
            shop.clock.nowMs = (Zone.india.startS(of: month.next.first) + 3_600) * 1000
            #expect(try await credit(3_001) == 1_000)
            #expect(try await credit(3_001) == nil)
            _ = try await shop.keep()
            _ = try await shop.keep()
            #expect(try await shop.balancePaise() == before + 1_000)
            func key() async throws -> [String] {
                try await shop.site.money.read {
                    try Journal.statement(ofAccount: shop.retailer.account, limit: 1, shop.scope, in: $0).map(
                        \.entryKey)
                }
            }
            #expect(try await key() == ["export:M1:\(month)"])
            // Readings that changed later are followed by the difference, once.
            #expect(try await credit(2_001) == -250)
            #expect(try await credit(2_001) == nil)
            _ = try await shop.keep()
            #expect(try await shop.balancePaise() == before + 750)
            #expect(try await key() == ["export:M1:\(month):2"])
        }
    }

    @Test("an account in disorder is kept aside with its reason, the others go on", arguments: TestEngine.available)
    func isolation(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            try await leave(shop)
            // Both are of one transaction, which it would stop.
            try await shop.site.money.write { transaction in
                try transaction.run(
                    "UPDATE subscription SET state = 'odd' WHERE org_id = 1 AND account_id = $1",
                    [.int(shop.retailer.otherAccount)])
                try transaction.run(
                    """
                    INSERT INTO pack_holder (org_id, account_id, revision, moves, aside_why) VALUES (1, $1, 0, 1, '')
                    """, [.int(shop.retailer.otherAccount)])
            }
            let kept = try await shop.keep()
            #expect(kept.aside == 1 && kept.changed == 1)
            let aside = try await shop.site.money.read { try PackHolder.aside(limit: 10, shop.scope, in: $0) }
            #expect(aside.map(\.accountID) == [shop.retailer.otherAccount])
            #expect(aside.first?.asideWhy.contains("odd") == true)
            // It is tried again tomorrow, and comes back when its rows are in order.
            #expect(try await shop.keep().aside == 0)
            try await shop.site.money.write { transaction in
                try transaction.run(
                    "UPDATE subscription SET state = 'active' WHERE org_id = 1 AND account_id = $1",
                    [.int(shop.retailer.otherAccount)])
            }
            shop.clock.nowMs += 86_400_000
            _ = try await shop.keep()
            #expect(try await shop.site.money.read { try PackHolder.aside(limit: 10, shop.scope, in: $0) } == [])
        }
    }
}
