// A company with readings and charges in which people edit: two operators, two administrators, one confined operator.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import HeadEnd
import IntervalData
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
import VEE

struct Bench: Sendable {
    static let migrations: [Migration] =
        (AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + JournalSchema.migrations + MessagingSchema.migrations + PaymentsSchema.migrations + HeadEndSchema.migrations
        + ExchangeSchema.migrations + PacksSchema.migrations + RatingSchema.migrations + Outbox.migrations
        + SupplySchema.migrations
        + ChangeStream.migrations + MeterDataSchema.migrations).sorted { $0.number < $1.number }

    let site: Site
    let clock: ManualClock
    let retailer: TestRetailer
    var org: Org { retailer.org }
    var scope: Scope { retailer.scope }
    var meter: Int64 { retailer.meter }

    static func person(_ loginID: Int64, _ role: Role = .operator, places: [Int64]? = nil) -> Actor {
        Actor(loginID: loginID, role: role, scope: Scope(orgID: 1, placeIDs: places))
    }
    static let asha = person(501)
    static let bela = person(502)
    static let chief = person(601, .administrator)
    static let deputy = person(602, .administrator)

    static func with(_ engine: TestEngine, _ body: (Bench) async throws -> Void) async throws {
        try await withSite(engine, migrations: migrations) { stores in
            let clock = ManualClock(startMs: 1_767_250_000_000)
            let clocks = Clocks.manual(clock)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 3, clocks: clocks))
            let retailers = try await TestRetailer.make(site)
            try await body(Bench(site: site, clock: clock, retailer: retailers[0]))
        }
    }

    func versions(_ day: CivilDay, channel: Channel = .importWh) async throws -> [StoredBlock] {
        try await site.readings.shard(day.month).read { [meter] in
            try DayBlocks.versions(meterID: meter, channel: channel, day: day, orgID: 1, in: $0)
        }
    }

    func request(
        _ day: CivilDay, to last: CivilDay? = nil, _ slots: Range<Int>, _ tool: EditTool, on versions: [Int64] = [1],
        typed: [Int: Int32] = [:], reason: String = "checked on site", key: String? = nil
    ) -> EditRequest {
        var request = EditRequest(
            meterID: meter, from: day, to: last ?? day, fromSlot: slots.lowerBound, toSlot: slots.upperBound,
            tool: tool, baseVersions: versions, reasonCode: .fieldReading, reason: reason)
        request.typed = typed
        request.key = key
        return request
    }

    @discardableResult
    func submit(_ request: EditRequest, as actor: Actor = asha) async throws -> ReadingEdit {
        try await request.submit(site: site, org: org, actor.scope) {
            try await site.perform($0, as: actor, source: "test")
        }
    }

    @discardableResult
    func decide(_ editID: Int64, _ agrees: Bool, as actor: Actor) async throws -> ReadingEdit {
        _ = try await site.perform(
            DecideEdit(editID: editID, agrees: agrees, reason: agrees ? "" : "not so"), as: actor, source: "test")
        return try await EditApplier(site: site, org: org).carryOut(editID)
    }

    @discardableResult
    func undo(_ editID: Int64, as actor: Actor = chief) async throws -> ReadingEdit {
        _ = try await site.perform(UndoEdit(editID: editID, reason: "was wrong"), as: actor, source: "test")
        return try await EditApplier(site: site, org: org).carryOut(editID)
    }

    func arrive(_ day: CivilDay, _ values: [Int32?]) async throws {
        let incoming = IncomingDay(day: day, meterID: meter, batchID: site.ids.next(), values: values)
        let nowMs = clock.nowMs
        try await site.readings.shard(day.month).write { transaction in
            try Ingest.apply(
                incoming,
                IngestContext(sanctionedW: 3_000, periodS: 1800, history: [], madeBy: "read", nowMs: nowMs),
                orgID: 1, in: transaction)
        }
    }

    func rate() async throws { _ = try await Rater(site: site, org: org).run() }

    func balance() async throws -> WalletBalance {
        try await site.money.read { [scope, retailer] in
            try Journal.balance(ofAccount: retailer.account, scope, in: $0)
        }
    }

    func set(_ name: String, _ value: String) async throws {
        try await site.money.write { [scope] in
            try Setting.set(name, value, from: CivilDay(number: 0), scope, in: $0)
        }
    }
}

func refusal(_ body: () async throws -> Void) async throws -> Refusal? {
    do {
        try await body()
        return nil
    } catch let refusal as Refusal {
        return refusal
    }
}

/// The same numbers from the same seed on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
