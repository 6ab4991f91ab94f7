// Sums of sets: what comes late changes them by its difference and gives what a count from nothing gives; parts add to
// the whole; meters move between sets by date; days on which clocks change.
import Access
import Accounts
import Aggregation
import CivilTime
import Clocks
import Corridor
import Grid
import IntervalData
import Journal
import MeterData
import Meters
import Outbox
import Packs
import Rating
import SQL
import Tariffs
import TestSupport
import Testing

/// A company with a network: two feeders under a plant's place, three transformers, a state network, a CTU, two plants.
struct Town {
    static let migrations =
        (AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + JournalSchema.migrations + PacksSchema.migrations + RatingSchema.migrations + ChangeStream.migrations
        + MeterDataSchema.migrations + AggregationSchema.migrations + Outbox.migrations).sorted {
            $0.number < $1.number
        }

    let site: Site
    let org: Org
    let first: CivilDay
    let houses = 12
    var scope: Scope { Scope(orgID: org.orgID) }
    var actor: Actor { .system(orgID: org.orgID) }

    static let pack = BasePack(
        id: "DOM", version: 1, name: "Flat",
        calendar: TOUCalendar(bands: [TOUBand(name: "all", ranges: [MinuteRange(fromMinute: 0, toMinute: 1440)])]),
        milliPaisePerKWh: ["all": 600_000])

    /// Accounts 1…12 under transformers 101, 102 (feeder 11) and 103 (feeder 12); meters 1001…1012, every third by the
    /// half hour. Meter 1012 has its own place, a pole.
    static func make(_ databases: TestSite, zone: Zone = .india, first: CivilDay) async throws -> Town {
        let org = Org(orgID: 1, name: "Town", zone: zone)
        let now = (zone.startS(of: first.advanced(by: 10)) + 3_600) * 1000
        let clocks = Clocks(businessNowMs: { now }, systemNowMs: { now }, businessRate: 0)
        let site = Site(
            money: databases.money, readings: databases.readings, clocks: clocks,
            ids: IDGenerator(processNumber: 1, clocks: clocks))
        let town = Town(site: site, org: org, first: first)
        try await site.money.write { transaction in
            try org.create(in: transaction)
            let places: [(Int64, Int64?, PlaceKind)] = [
                (1, nil, .plant), (11, 1, .feeder), (12, 1, .feeder), (101, 11, .transformer), (102, 11, .transformer),
                (103, 12, .transformer), (1_001, 103, .pole),
            ]
            for (id, parent, kind) in places {
                try Place(placeID: id, parentID: parent, kind: kind, name: "P\(id)").create(town.scope, in: transaction)
            }
            try Packs.store(pack, from: first.advanced(by: -40), town.scope, in: transaction)
            for house in 1...Int64(town.houses) {
                try SupplyAccount(
                    accountID: house, accountNumber: "A\(house)", name: "House \(house)",
                    category: house % 4 == 0 ? "commercial" : "domestic",
                    placeID: house == 12 ? 1_001 : 101 + house % 3, sanctionedW: 3_000, language: "en",
                    openedDay: first.advanced(by: -40)
                ).create(town.scope, in: transaction)
                try town.install(1_000 + house, house, from: first.advanced(by: -40), in: transaction)
                try Subscription(
                    subscriptionID: house, accountID: house, packID: "DOM", kind: .base,
                    fromDay: first.advanced(by: -40)
                ).create(town.scope, in: transaction)
            }
        }
        return town
    }

    func install(_ meterID: Int64, _ accountID: Int64, from day: CivilDay, in transaction: any SQLTransaction) throws {
        try Meter(
            meterID: meterID, serial: "M\(meterID)", host: "", port: 0, clientAddress: 0, authentication: "none",
            sealedKeys: nil, capturePeriodS: meterID % 3 == 0 ? 1_800 : 900
        ).create(scope, atMs: 0, in: transaction)
        try Installation(meterID: meterID, accountID: accountID, fromDay: day).create(scope, in: transaction)
    }

    func periodS(_ meterID: Int64) -> Int64 { meterID % 3 == 0 ? 1_800 : 900 }

    /// Stores the next version of a day of a meter, with random values and gaps.
    func store(
        _ meterID: Int64, _ day: CivilDay, _ random: inout Numbers, channel: Channel = .importWh
    ) async throws {
        let slots = org.zone.slotCount(of: day, periodS: periodS(meterID))
        let qualities = (0..<slots).map { _ in Quality(rawValue: UInt8(random.below(4))) ?? .actual }
        let values = qualities.map { $0 == .missing ? 0 : Int32(random.below(2_000)) - 50 }
        let shard = try await site.readings.shard(day.month)
        try await shard.write { [org] transaction in
            let current = try DayBlocks.current(
                meterID: meterID, channel: channel, from: day, to: day, orgID: org.orgID, in: transaction
            ).first
            try DayBlocks.store(
                DayBlock(
                    values: values, qualities: qualities, sources: [SourceRun(batch: 7, count: slots)]),
                after: current, day: day, meterID: meterID, channel: channel, madeBy: "read", madeAtMs: 5,
                orgID: org.orgID, in: transaction)
        }
    }

    /// Every sum of a day as stored, by set.
    func sums(_ day: CivilDay, _ channel: Channel = .importWh) async throws -> [String: [Int64]] {
        let rows = try await site.readings.shard(day.month).read { [org] transaction in
            try transaction.query(
                """
                SELECT set_key, slots, meters, total_value, slot_values, estimated, missing, edited FROM set_day
                WHERE org_id = $1 AND day = $2 AND channel = $3 ORDER BY set_key, slots
                """, [.int(org.orgID), .day(day), .int(channel.rawValue)]
            ) { row in
                let parts = try row.bytes(4) + row.bytes(5) + row.bytes(6) + row.bytes(7)
                return (
                    "\(try row.text(0))/\(try row.int(1))",
                    [try row.int(2), try row.int(3)] + parts.map { Int64($0) }
                )
            }
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// Throws away what is stored and counts again from nothing.
    func recount(_ month: CivilMonth) async throws {
        try await site.readings.shard(month).write { transaction in
            for table in ["set_day", "set_day_state"] { try transaction.run("DELETE FROM \(table)") }
            try transaction.run("DELETE FROM change_cursor WHERE consumer = 'sums'")
        }
        try await Aggregator(site: site, org: org).run()
    }

    /// The network: all places under one manager that draws from state network 2; the plant feeds state network 1.
    @discardableResult
    func addNetwork(from day: CivilDay) async throws -> (plant: Int64, nma: Int64, stus: [Int64], ctu: Int64) {
        func set(_ kind: NodeKind, _ name: String, _ facts: NodeFacts) async throws -> Int64 {
            try await site.perform(
                SetGridNode(kind: kind, name: name, fromDay: day, facts: facts), as: actor, source: "test"
            ).nodeID
        }
        let none = NodeFacts(nodeID: 0, fromDay: day)
        let guj = try await set(.stu, "GETCO", none)
        let mah = try await set(.stu, "MSETCL", none)
        let ctu = try await set(.ctu, "CTUIL", none)
        let res = try await set(.res, "Ujjwal", none)
        let plant = try await set(
            .plant, "Mundra",
            NodeFacts(nodeID: 0, fromDay: day, geography: "Gujarat", injectingSTU: guj, resID: res))
        let nma = try await set(
            .nma, "Mumbai", NodeFacts(nodeID: 0, fromDay: day, geography: "Maharashtra", drawingSTU: mah))
        _ = try await site.perform(
            AssignNetwork(placeID: 1, nmaID: nma, fromDay: day), as: actor, source: "test")
        _ = try await site.perform(
            SetPackPlant(packID: "DOM", plantID: plant, fromDay: day), as: actor, source: "test")
        return (plant, nma, [guj, mah], ctu)
    }
}

/// The same numbers on each run.
struct Numbers {
    var state: UInt64
    mutating func below(_ bound: UInt64) -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % bound
    }
}

@Suite struct AggregatorTests {
    static let day = CivilDay(year: 2026, month: 4, day: 10) ?? CivilDay(number: 0)

    @Test(arguments: TestEngine.available)
    func whatComesLateGivesWhatACountFromNothingGives(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Town.make(databases, first: Self.day)
            try await town.addNetwork(from: Self.day.advanced(by: -40))
            let aggregator = Aggregator(site: town.site, org: town.org)
            var random = Numbers(state: 42)
            for round in 0..<12 {
                for _ in 0..<Int(random.below(9)) + 1 {
                    let meter = 1_001 + Int64(random.below(UInt64(town.houses)))
                    let day = Self.day.advanced(by: Int(random.below(3)))
                    let channel: Channel = random.below(4) == 0 ? .exportWh : .importWh
                    try await town.store(meter, day, &random, channel: channel)
                }
                let made = try await aggregator.run()
                #expect(made > 0)
                let again = try await aggregator.run()
                #expect(again == 0, "nothing new changes nothing")
                guard round % 3 == 2 else { continue }
                var kept: [[String: [Int64]]] = []
                for offset in 0..<3 {
                    for channel in [Channel.importWh, .exportWh] {
                        kept.append(try await town.sums(Self.day.advanced(by: offset), channel))
                    }
                }
                try await town.recount(Self.day.month)
                for offset in 0..<3 {
                    for (index, channel) in [Channel.importWh, .exportWh].enumerated() {
                        let counted = try await town.sums(Self.day.advanced(by: offset), channel)
                        #expect(counted == kept[offset * 2 + index])
                    }
                }
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func partsAddToTheWhole(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Town.make(databases, first: Self.day)
            let network = try await town.addNetwork(from: Self.day.advanced(by: -40))
            var random = Numbers(state: 7)
            let last = Self.day.advanced(by: 2)
            for house in 1...Int64(town.houses) where house != 5 {
                for offset in 0..<3 { try await town.store(1_000 + house, Self.day.advanced(by: offset), &random) }
            }
            try await Aggregator(site: town.site, org: town.org).run()
            // A change that the sums do not know yet is in neither the whole nor the parts.
            try await town.store(1_003, Self.day, &random)
            let reader = try await SetReader(site: town.site, org: town.org)
            for key: SetKey in [.all, .place(11), .place(1), .category("commercial"), .node(.nma, network.nma)] {
                let series = try await reader.series(key, from: Self.day, to: last, .day)
                #expect(series.totalWh != 0 && series.buckets.count == 3)
                for kind in BreakUpKind.allCases {
                    for limit in [2, 100] {
                        let parts = try await reader.breakUp(key, from: Self.day, to: last, by: kind, limit: limit)
                        #expect(parts.totalWh == series.totalWh)
                        let all = parts.rows + [parts.rest].compactMap { $0 }
                        #expect(all.reduce(0) { $0 + $1.missingIntervals } == series.missingCount)
                        #expect(all.reduce(0) { $0 + $1.estimatedIntervals } == series.estimatedCount)
                    }
                }
            }
            let below = try await reader.breakUp(.place(1), from: Self.day, to: last, by: .place, limit: 10)
            #expect(Set(below.rows.map(\.key)) == [.place(11), .place(12)])
            // House 5 sent nothing: its 48 half hours a day are missing of it alone.
            let house = try await reader.breakUp(.all, from: Self.day, to: last, by: .meter, limit: 100).rows
            #expect(house.first { $0.key == .meter(1_005) }?.missingIntervals == 3 * 48)
            // Half-hourly meters are among them: a quarter of an hour is not to be had.
            let fine = try await reader.series(.all, from: Self.day, to: last, .quarterHour)
            #expect(fine.resolution == .halfHour && fine.buckets.count == 3 * 48)
            let month = try await reader.series(.all, from: Self.day, to: last, .month)
            #expect(month.buckets.count == 1 && month.totalWh == fine.totalWh)
        }
    }

    @Test(arguments: TestEngine.available)
    func meterMovesBetweenSetsByDate(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Town.make(databases, first: Self.day)
            var random = Numbers(state: 3)
            for offset in 0..<4 {
                for house in 1...Int64(town.houses) {
                    try await town.store(1_000 + house, Self.day.advanced(by: offset), &random)
                }
            }
            let aggregator = Aggregator(site: town.site, org: town.org)
            try await aggregator.run()
            let before = try await town.sums(Self.day)
            let moved = Self.day.advanced(by: 2)
            // House 1 hangs at transformer 102 and goes to 103, for days that were counted already.
            _ = try await town.site.perform(
                MoveAccount(accountID: 1, placeID: 103, fromDay: moved), as: town.actor, source: "test")
            let regrouped = try await aggregator.regroup(days: 30)
            #expect(regrouped == 2)
            #expect(try await town.sums(Self.day) == before)
            let reader = try await SetReader(site: town.site, org: town.org)
            for offset in 0..<4 {
                let day = Self.day.advanced(by: offset)
                let parts = try await reader.breakUp(.place(103), from: day, to: day, by: .meter, limit: 100)
                #expect(parts.rows.contains { $0.key == .meter(1_001) } == (offset >= 2))
                let whole = try await reader.series(.place(103), from: day, to: day, .day)
                #expect(parts.totalWh == whole.totalWh)
            }
            let kept = try await town.sums(moved)
            try await town.recount(Self.day.month)
            #expect(try await town.sums(moved) == kept)
            let again = try await aggregator.regroup(days: 30)
            #expect(again == 0)
        }
    }

    @Test(arguments: TestEngine.available, [(2026, 3, 29, 92), (2026, 10, 25, 100)])
    func daysOfOtherLength(_ engine: TestEngine, _ date: (Int, Int, Int, Int)) async throws {
        let day = try #require(CivilDay(year: date.0, month: date.1, day: date.2))
        let zone = try #require(Zone("Europe/Berlin"))
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Town.make(databases, zone: zone, first: day.advanced(by: -1))
            var random = Numbers(state: 9)
            for offset in -1...1 {
                for house in 1...Int64(town.houses) {
                    try await town.store(1_000 + house, day.advanced(by: offset), &random)
                }
            }
            try await Aggregator(site: town.site, org: town.org).run()
            let reader = try await SetReader(site: town.site, org: town.org)
            let hours = try await reader.series(
                .all, from: day.advanced(by: -1), to: day.advanced(by: 1), .hour)
            #expect(hours.buckets.count == 48 + date.3 / 4)
            #expect(zip(hours.buckets, hours.buckets.dropFirst()).allSatisfy { $1.startS - $0.startS == 3_600 })
            let days = try await reader.series(.all, from: day.advanced(by: -1), to: day.advanced(by: 1), .day)
            #expect(days.buckets.count == 3 && days.totalWh == hours.totalWh)
        }
    }
}
