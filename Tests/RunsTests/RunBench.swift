// A small company with five charged days, whose clock and readings a test moves: what tests of runs share.
import Access
import Accounts
import Aggregation
import CivilTime
import Clocks
import Grid
import HeadEnd
import IntervalData
import Jobs
import Journal
import Messaging
import MeterData
import Meters
import Outbox
import Packs
import Payments
import Rating
import SQL
import Supply
import TestRetailer
import TestSupport

struct RunBench: Sendable {
    static let migrations: [Migration] =
        (AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + JournalSchema.migrations + MessagingSchema.migrations + PaymentsSchema.migrations + HeadEndSchema.migrations
        + PacksSchema.migrations + RatingSchema.migrations + Outbox.migrations + SupplySchema.migrations
        + JobsSchema.migrations + ChangeStream.migrations + MeterDataSchema.migrations + AggregationSchema.migrations)
        .sorted { $0.number < $1.number }

    let site: Site
    let clock: ManualClock
    let retailer: TestRetailer
    var org: Org { retailer.org }
    var scope: Scope { retailer.scope }
    var actor: Actor { .system(orgID: org.orgID) }
    var account: Int64 { retailer.account }
    var first: CivilDay { retailer.first }
    var today: CivilDay { org.zone.day(atS: clock.nowMs / 1000) }

    /// On 1 January at noon; the five days before it are charged, but the last of the other meter.
    static func with(_ engine: TestEngine, _ body: (RunBench) async throws -> Void) async throws {
        try await withSite(engine, migrations: migrations) { stores in
            let clock = ManualClock(startMs: 1_767_250_000_000)
            let clocks = Clocks.manual(clock)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 3, clocks: clocks))
            let retailers = try await TestRetailer.make(site)
            try await body(RunBench(site: site, clock: clock, retailer: retailers[0]))
        }
    }

    /// Readings as they come from the meter.
    func arrive(_ day: CivilDay, _ values: [Int32?], meter: Int64? = nil) async throws {
        let incoming = IncomingDay(
            day: day, meterID: meter ?? retailer.meter, batchID: site.ids.next(), values: values)
        let nowMs = clock.nowMs
        try await site.readings.shard(day.month).write { [orgID = org.orgID] transaction in
            try Ingest.apply(
                incoming,
                IngestContext(sanctionedW: 3_000, periodS: 1800, history: [], madeBy: "read", nowMs: nowMs),
                orgID: orgID, in: transaction)
        }
    }

    /// Readings as somebody changes them.
    func change(_ day: CivilDay, slot: Int, to value: Int32) async throws {
        let (meter, nowMs, orgID) = (retailer.meter, clock.nowMs, org.orgID)
        try await site.readings.shard(day.month).write { transaction in
            let current = try DayBlocks.current(meterID: meter, from: day, to: day, orgID: orgID, in: transaction).first
            guard let current else { return }
            try DayBlocks.store(
                current.block.replacing([(slot, value)], quality: .edited, batch: 77), after: current, day: day,
                meterID: meter, madeBy: "edit", madeAtMs: nowMs, orgID: orgID, in: transaction)
        }
    }

    @discardableResult
    func rate() async throws -> Int {
        clock.nowMs += 1_000
        return try await Rater(site: site, org: org).run()
    }

    func balance() async throws -> Int64 {
        try await site.money.read { [scope, account] in
            try Journal.balance(ofAccount: account, scope, in: $0).balancePaise
        }
    }

    func projected() async throws -> ProjectedBalance? {
        try await site.money.read { [scope, account] in
            try ProjectedBalance.find(accountID: account, scope, in: $0)
        }
    }

    /// Everything the money store holds of charges and the book, to see that nothing moved.
    func book() async throws -> [Int64] {
        try await site.money.read { transaction in
            try [
                "SELECT COUNT(*) FROM charge", "SELECT COUNT(*) FROM book_posting",
                "SELECT COUNT(*) FROM journal_entry",
                "SELECT COUNT(*) FROM outbox", "SELECT COUNT(*) FROM rating_correction",
            ].map { try transaction.first($0, []) { try $0.int(0) } ?? -1 }
        }
    }

    /// Asks for a run and carries out what was asked for.
    func run(
        trial isTrial: Bool, from: CivilDay? = nil, to: CivilDay? = nil, account: Int64? = nil, pack: String? = nil,
        reason: String = "for a test", chunk: Int = 500
    ) async throws -> (run: RatingRun, sums: RatingRunSums) {
        let asked = try await site.perform(
            AskRatingRun(
                isTrial: isTrial,
                selection: RatingRun.Selection(from: from, to: to, accountID: account, packID: pack), reason: reason),
            as: actor, source: "test")
        return try await carryOut(asked.runID, chunk: chunk)
    }

    func carryOut(_ runID: Int64, chunk: Int = 500) async throws -> (run: RatingRun, sums: RatingRunSums) {
        clock.nowMs += 1_000
        _ = try await RatingRuns(site: site, org: org, chunk: chunk).run()
        return try await site.money.read { [scope] transaction in
            (
                try RatingRun.find(runID, scope, in: transaction),
                try RatingRunSums.of(runID: runID, scope, in: transaction)
            )
        }
    }
}
