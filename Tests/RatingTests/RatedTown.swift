// A company with accounts, meters and tariffs for tests of rating: readings go straight into the day blocks.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import IntervalData
import Journal
import MeterData
import Meters
import Outbox
import Packs
import Rating
import SQL
import TestSupport

struct RatedTown: Sendable {
    static let migrations =
        (AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + JournalSchema.migrations + PacksSchema.migrations + RatingSchema.migrations + ChangeStream.migrations
        + MeterDataSchema.migrations + Outbox.migrations).sorted { $0.number < $1.number }

    let site: Site
    let clock: ManualClock
    let org = Org(orgID: 1, name: "Rated")
    var scope: Scope { Scope(orgID: org.orgID) }

    init(_ stores: TestSite, from day: CivilDay) {
        clock = ManualClock(startMs: Zone.india.startS(of: day.advanced(by: 70)) * 1000)
        let clocks = Clocks.manual(clock)
        site = Site(
            money: stores.money, readings: stores.readings, clocks: clocks,
            ids: IDGenerator(processNumber: 1, clocks: clocks))
    }

    /// Accounts 101…100+n with meters 1101…1100+n of 5 kW, all holding a pack from a day on, or none.
    func build(_ tariffs: [String], accounts: Int, holding packID: String?, from day: CivilDay) async throws {
        try await site.money.write { transaction in
            try org.create(in: transaction)
            try Place(placeID: 10, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
            for text in tariffs { try Packs.store(tariff: text, scope, in: transaction) }
            for number in 101...Int64(100 + accounts) {
                try SupplyAccount(
                    accountID: number, accountNumber: "A-\(number)", name: "House", category: "domestic", placeID: 10,
                    sanctionedW: 5_000, language: "en", openedDay: day
                ).create(scope, in: transaction)
                try Meter(
                    meterID: 1_000 + number, serial: "M\(number)", host: "", port: 0, clientAddress: 48,
                    authentication: "hls-2", sealedKeys: nil, capturePeriodS: 3600
                ).create(scope, atMs: 0, in: transaction)
                try Installation(meterID: 1_000 + number, accountID: number, fromDay: day)
                    .create(scope, in: transaction)
                if let packID { try hold(packID, number, number, from: day, to: nil, in: transaction) }
            }
        }
    }

    func hold(
        _ packID: String, _ accountID: Int64, _ subscriptionID: Int64, from: CivilDay, to: CivilDay?,
        in transaction: any SQLTransaction
    ) throws {
        try Subscription(
            subscriptionID: subscriptionID, accountID: accountID, packID: packID, kind: .base, fromDay: from, toDay: to
        ).create(scope, in: transaction)
    }

    struct Reading: Sendable {
        var accountID: Int64
        var day: CivilDay
        var values: [Int32]
        var quality = Quality.actual
        var channel = Channel.importWh
    }

    /// Later versions of days of one month; what is there already is no new version.
    func read(_ readings: [Reading]) async throws {
        guard let month = readings.first?.day.month else { return }
        try await site.readings.shard(month).write { [org] transaction in
            for reading in readings {
                let current = try DayBlocks.current(
                    meterID: 1_000 + reading.accountID, channel: reading.channel, from: reading.day, to: reading.day,
                    orgID: org.orgID, in: transaction
                ).first
                try DayBlocks.store(
                    DayBlock(
                        values: reading.values,
                        qualities: Array(repeating: reading.quality, count: reading.values.count),
                        sources: [SourceRun(batch: 1, count: reading.values.count)]),
                    after: current, day: reading.day, meterID: 1_000 + reading.accountID, channel: reading.channel,
                    madeBy: "read", madeAtMs: 0, orgID: org.orgID, in: transaction)
            }
        }
    }

    @discardableResult
    func rate() async throws -> Int { try await Rater(site: site, org: org).run() }

    func balance(_ accountID: Int64) async throws -> WalletBalance {
        try await site.money.read { try Journal.balance(ofAccount: accountID, scope, in: $0) }
    }

    func charges(_ accountID: Int64, _ from: CivilDay, _ to: CivilDay) async throws -> [Charge] {
        try await site.money.read {
            try Charge.current(accountID: accountID, from: from, to: to, scope, in: $0)
        }
    }

    func entries() async throws -> Int64 {
        try await site.money.read {
            try $0.first("SELECT COUNT(*) FROM book_posting", []) { try $0.int(0) } ?? 0
        }
    }
}

/// The same numbers from the same seed on every machine.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
