// The month's end of energy fed in: credited once at what the pack says, followed when readings change, left aside with
// its reason when they lack; and the work list that shows what any run left aside.
import API
import Access
import CivilTime
import Clocks
import IntervalData
import Journal
import MeterData
import Packs
import Payments
import Rating
import SQL
import TestRetailer
import TestSupport
import Testing

@testable import Jobs

@Suite struct ExportCreditTests {
    /// A day's energy fed in, in its first interval; nil: an interval without a value.
    private static func feed(_ bench: RunBench, _ day: CivilDay, _ energyWh: Int32?) async throws {
        let (meter, nowMs, orgID) = (bench.retailer.meter, bench.clock.nowMs, bench.org.orgID)
        let values = [energyWh ?? 0] + [Int32](repeating: 0, count: 47)
        let quality: Quality = energyWh == nil ? .missing : .actual
        let block = DayBlock(
            values: values, qualities: [quality] + [Quality](repeating: .actual, count: 47),
            sources: DayBlock.runs([Int64](repeating: 7, count: 48)))
        try await bench.site.readings.shard(day.month).write { transaction in
            let current = try DayBlocks.current(
                meterID: meter, channel: .exportWh, from: day, to: day, orgID: orgID, in: transaction
            ).first
            try DayBlocks.store(
                block, after: current, day: day, meterID: meter, channel: .exportWh, madeBy: "read",
                madeAtMs: nowMs, orgID: orgID, in: transaction)
        }
    }

    private static func sell(_ bench: RunBench, at rupees: String) async throws {
        let text = """
            format: 1
            packs:
              - {pack: DOM-TOU, from: \(bench.first), exportPrice: \(rupees)}

            """
        try await bench.site.money.write { [first = bench.first, scope = bench.scope] in
            try Setting.set(CreditExport.fromSetting.name, "\(first.month)", from: first, scope, in: $0)
        }
        _ = try await bench.site.perform(
            try SetPackTerms(Array(text.utf8), name: "terms"), as: bench.actor, source: "test")
    }

    private static func close(_ bench: RunBench) async throws {
        _ = try await RunJobs(site: bench.site, org: bench.org).handle(.close) { _ in }
    }

    private static func keys(_ bench: RunBench) async throws -> [String: Int64] {
        let lines = try await bench.site.money.read { [scope = bench.scope, account = bench.account] in
            try Journal.statement(ofAccount: account, limit: 100, scope, in: $0)
        }
        let credits = lines.filter { $0.entryKey.hasPrefix("export:") }
        return Dictionary(uniqueKeysWithValues: credits.map { ($0.entryKey, $0.amountPaise) })
    }

    private static func items(_ bench: RunBench) async throws -> [String] {
        try await bench.site.money.read { [scope = bench.scope, account = bench.account] in
            try WorkItem.list(run: .close, limit: 10, scope, in: $0).filter { $0.accountID == account }.map(\.reason)
        }
    }

    @Test(
        "credited once, followed when readings change, before and after the month is closed",
        arguments: TestEngine.available)
    func once(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            let days = (0..<5).map { bench.first.advanced(by: $0) }
            let month = bench.first.month
            let key = "export:A-\(bench.account):\(month)"
            // Nothing is sold, so nothing is credited.
            for day in days { try await Self.feed(bench, day, 1_001) }
            try await Self.close(bench)
            #expect(try await Self.keys(bench) == [:])
            // 5,005 Wh at 2.50 rupees are 12.5125 rupees, rounded once.
            try await Self.sell(bench, at: "2.5")
            let before = try await bench.balance()
            try await Self.close(bench)
            try await Self.close(bench)
            #expect(try await Self.keys(bench) == [key: 1_251])
            #expect(try await bench.balance() == before + 1_251)
            let words = try await bench.site.money.read { [scope = bench.scope, account = bench.account] in
                try Journal.statement(ofAccount: account, limit: 1, scope, in: $0).map(\.entryKey)
            }
            #expect(words == [key])
            // A later reading of the open month: the difference.
            try await Self.feed(bench, days[2], 2_001)
            try await Self.close(bench)
            #expect(try await Self.keys(bench) == [key: 1_251, "\(key):2": 250])
            // Of the closed month too; and back again.
            try await bench.arrive(
                bench.retailer.lastDay, (0..<48).map { _ in 50 }, meter: bench.retailer.otherMeter)
            try await bench.rate()
            try await Self.close(bench)
            let closed = try await bench.site.money.read { [scope = bench.scope] in
                try MonthClosing.latest(limit: 1, scope, in: $0).first?.closedAtMs
            }
            #expect(closed != nil)
            try await Self.feed(bench, days[2], 1_001)
            try await Self.close(bench)
            try await Self.close(bench)
            #expect(try await Self.keys(bench) == [key: 1_251, "\(key):2": 250, "\(key):3": -250])
            #expect(try await bench.balance() == before + 1_251)
            #expect(try await Self.items(bench) == [])
        }
    }

    @Test("a gap waits with its reason and holds up no other", arguments: TestEngine.available)
    func gaps(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            try await Self.sell(bench, at: "2.5")
            for offset in 0..<4 { try await Self.feed(bench, bench.first.advanced(by: offset), 1_000) }
            try await Self.close(bench)
            #expect(try await Self.items(bench) == ["what was fed in is not known for 1 days"])
            try await Self.feed(bench, bench.first.advanced(by: 4), nil)
            try await Self.close(bench)
            #expect(try await Self.items(bench) == ["what was fed in is not known for 1 days"])
            #expect(try await Self.keys(bench) == [:])
            try await Self.feed(bench, bench.first.advanced(by: 4), 1_000)
            try await Self.close(bench)
            #expect(try await Self.items(bench) == [])
            #expect(try await Self.keys(bench).map(\.value) == [1_250])
        }
    }

    @Test("what instalments and subscriptions left aside stands on the work list", arguments: TestEngine.available)
    func workList(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            func list(_ scope: Scope) async throws -> [String] {
                try await bench.site.money.read { transaction in
                    try RunReport.workList(run: nil, limit: 50, scope, in: transaction).filter {
                        $0.item.run == .arrears || $0.item.run == .subscriptions
                    }.map { "\($0.item.run.rawValue) \($0.accountNumber) \($0.item.reason)" }.sorted()
                }
            }
            #expect(try await list(bench.scope) == [])
            let account = bench.account
            _ = try await bench.site.perform(
                PutArrears(
                    accountID: account, amountPaise: 10_000, since: bench.first, claimUntil: nil,
                    disconnectUntil: nil, reason: "old bills", reference: "p1"), as: bench.actor, source: "test")
            _ = try await bench.site.perform(
                AgreeInstalments(accountID: account, size: .days(10), from: nil, reason: "as agreed"),
                as: bench.actor, source: "test")
            try await bench.site.money.write { transaction in
                try transaction.run(
                    "UPDATE arrears_plan SET problem = 'it does not read' WHERE org_id = 1 AND account_id = $1",
                    [.int(account)])
                try transaction.run(
                    """
                    INSERT INTO pack_holder (org_id, account_id, revision, moves, aside_day, aside_why)
                    VALUES (1, $1, 0, 1, 20000, 'it is odd')
                    """, [.int(account)])
            }
            #expect(
                try await list(bench.scope) == [
                    "arrears A-\(account) it does not read", "subscriptions A-\(account) it is odd",
                ])
            #expect(try await list(Scope(orgID: 1, placeIDs: [bench.retailer.place + 1])) == [])
            #expect(try await list(Scope(orgID: 2)) == [])
        }
    }
}
