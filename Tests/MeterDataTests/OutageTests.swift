// Outages as stored, on both engines: any order, repetitions, lost signs, corrections by version, nodes, silent meters,
// planned shutdowns, notices and indices.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import Meters
import Outbox
import Reliability
import SQL
import TestSupport
import Testing

@testable import MeterData

/// Feeder 2 under plant 1; transformers 21 and 22 under it with five meters each; transformer 23 with one.
struct OutageHouse: Sendable {
    static let migrations =
        AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + ChangeStream.migrations + MeterDataSchema.migrations
    static let scope = Scope(orgID: 1)
    static let day = CivilDay(number: 20_500)
    static let startMs = Zone.india.startS(of: day) * 1000 + 36_000_000
    static let meters: [Int64] = (0..<5).map { 211 + $0 } + (0..<5).map { 221 + $0 } + [231]
    let ids = IDGenerator(processNumber: 1, clocks: .manual(ManualClock(startMs: startMs)))
    var rules = OutageRules()

    static func at(_ seconds: Int64) -> Int64 { startMs + seconds * 1000 }

    static func make(_ transaction: any SQLTransaction) throws {
        let places: [(Int64, Int64?, PlaceKind)] = [
            (1, nil, .plant), (2, 1, .feeder), (21, 2, .transformer), (22, 2, .transformer), (23, 2, .transformer),
        ]
        for (placeID, parentID, kind) in places {
            try Place(placeID: placeID, parentID: parentID, kind: kind, name: "P\(placeID)").create(
                scope, in: transaction)
        }
        for meterID in meters {
            try SupplyAccount(
                accountID: meterID + 1_000, accountNumber: "A-\(meterID)", name: "House", category: "domestic",
                placeID: meterID / 10, sanctionedW: 4_000, language: "en", openedDay: day.advanced(by: -400)
            ).create(scope, in: transaction)
            try Meter(
                meterID: meterID, serial: "M\(meterID)", host: "h", port: 1, clientAddress: 48, authentication: "none",
                sealedKeys: nil, capturePeriodS: 1_800
            ).create(scope, atMs: 0, in: transaction)
            try Installation(meterID: meterID, accountID: meterID + 1_000, fromDay: day.advanced(by: -400)).create(
                scope, in: transaction)
        }
    }

    func derive(
        _ meterID: Int64, _ signs: [PowerEvent], nowS: Int64 = 90_000, in transaction: any SQLTransaction
    ) throws {
        try MeterOutages.derive(
            meterID: meterID, signs: signs, fromMs: Self.at(-86_400), zone: .india, nowMs: Self.at(nowS), ids: ids,
            Self.scope, in: transaction)
    }

    func join(nowS: Int64 = 90_000, alive: Set<Int64> = [], in transaction: any SQLTransaction) throws {
        let joiner = OutageJoiner(
            rules: rules, zone: .india, nowMs: Self.at(nowS), ids: ids, Self.scope
        ) { asked, _, _, _ in alive.intersection(asked) }
        while try joiner.joinNext(in: transaction) > 0 {}
    }

    func list(_ filter: OutageFilter = OutageFilter(), in transaction: any SQLTransaction) throws -> [OutageRow] {
        try Outages.list(filter, limit: 100, Self.scope, in: transaction)
    }
}

private func gasp(_ atS: Int64, logged: Bool = false) -> PowerEvent {
    PowerEvent(
        .failed, meterAtMs: OutageHouse.at(atS), pushedAtMs: logged ? nil : OutageHouse.at(atS + 1), isLogged: logged)
}
private func breath(_ atS: Int64, logged: Bool = false) -> PowerEvent {
    PowerEvent(
        .restored, meterAtMs: OutageHouse.at(atS), pushedAtMs: logged ? nil : OutageHouse.at(atS + 1),
        isLogged: logged)
}

@Suite struct OutageTests {
    /// Runs on a company of eleven meters.
    private func house(
        _ engine: TestEngine, _ rules: OutageRules = OutageRules(),
        _ body: @escaping @Sendable (OutageHouse, any SQLTransaction) throws -> Void
    ) async throws {
        try await withDatabase(engine, migrations: OutageHouse.migrations) { database in
            try await database.write { transaction in
                try OutageHouse.make(transaction)
                try body(OutageHouse(rules: rules), transaction)
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func `order and repetition change nothing`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            let signs = [gasp(0), breath(900), gasp(5_000), breath(5_400), gasp(9_000)]
            func stored(_ meterID: Int64) throws -> [OutageInterval] {
                try Outages.of(
                    meterID: meterID, fromMs: OutageHouse.at(-100), toMs: OutageHouse.at(80_000), OutageHouse.scope,
                    in: transaction)
            }
            try house.derive(211, signs, in: transaction)
            let once = try stored(211)
            #expect(once.map(\.startMs) == [0, 5_000, 9_000].map(OutageHouse.at))
            #expect(once.map(\.endMs) == [OutageHouse.at(900), OutageHouse.at(5_400), nil])
            try house.derive(211, signs + signs.reversed(), in: transaction)
            #expect(try stored(211) == once)
            // One by one, in every rotation: the outcome is the same.
            for (index, meterID) in OutageHouse.meters.dropFirst().prefix(5).enumerated() {
                let rotated = Array(signs[index...] + signs[..<index])
                for count in 1...5 { try house.derive(meterID, Array(rotated.prefix(count)), in: transaction) }
                let found = try stored(meterID)
                #expect(found.map(\.startMs) == once.map(\.startMs) && found.map(\.endMs) == once.map(\.endMs))
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func `the log corrects by a new version, and what was there stays readable`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            try house.derive(211, [gasp(0)], in: transaction)
            try house.join(in: transaction)
            let outageID = try #require(try house.list(in: transaction).first?.outage.outageID)
            // The breath was lost; the log is read a day later and has exact times.
            try house.derive(
                211, [gasp(0), gasp(-20, logged: true), breath(1_500, logged: true)], nowS: 100_000, in: transaction)
            try house.join(nowS: 100_000, in: transaction)
            let versions = try MeterOutages.versions(
                meterID: 211, fromMs: OutageHouse.at(-1_000), toMs: OutageHouse.at(1_000), limit: 10,
                OutageHouse.scope, in: transaction)
            #expect(versions.map(\.version) == [2, 1])
            #expect(versions.map(\.endMs) == [OutageHouse.at(1_500), nil])
            #expect(versions[1].supersededAtMs == OutageHouse.at(100_000) && versions[0].supersededAtMs == nil)
            #expect(versions[0].span.startEvidence == .log)
            // It is the same outage, in its second version.
            let rows = try house.list(in: transaction)
            #expect(rows.map(\.outage.outageID) == [outageID])
            #expect(rows[0].outage.version == 2 && rows[0].outage.endMs == OutageHouse.at(1_500))
            #expect(rows[0].outage.startMs == OutageHouse.at(-20))
        }
    }

    @Test(arguments: TestEngine.available)
    func `signs that are explained otherwise withdraw an outage`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            try house.derive(211, [gasp(0), breath(900)], in: transaction)
            try house.join(in: transaction)
            try house.derive(211, [], in: transaction)
            try house.join(in: transaction)
            #expect(try house.list(in: transaction).isEmpty)
            let left = try Outages.of(
                meterID: 211, fromMs: 0, toMs: .max / 4, OutageHouse.scope, in: transaction)
            #expect(left.isEmpty)
            try house.derive(211, [gasp(0), breath(900)], in: transaction)
            try house.join(in: transaction)
            #expect(try house.list(in: transaction).count == 1)
            let versions = try MeterOutages.versions(
                meterID: 211, fromMs: OutageHouse.at(-1), toMs: OutageHouse.at(1), limit: 10, OutageHouse.scope,
                in: transaction)
            #expect(versions.map(\.isWithdrawn) == [false, true, false])
        }
    }

    @Test(arguments: TestEngine.available)
    func `a transformer fails, its silent meter with it, and a living one not`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            for meterID in Int64(211)...213 { try house.derive(meterID, [gasp(meterID - 211)], in: transaction) }
            try house.join(nowS: 3_000, alive: [214], in: transaction)
            let row = try #require(try house.list(in: transaction).first)
            #expect(try house.list(in: transaction).count == 1)
            #expect(row.outage.placeID == 21 && row.outage.isNode && row.placeName == "P21")
            #expect(row.outage.members == 3 && row.outage.silent == 1 && row.outage.ofMeters == 5)
            let silent = try Outages.of(
                meterID: 215, fromMs: OutageHouse.at(-100), toMs: OutageHouse.at(100), OutageHouse.scope,
                in: transaction)
            #expect(silent.map(\.confidence) == [.low] && silent[0].certainFromMs > silent[0].certainToMs)
            // Back in steps; the silent one later says for itself that it was dark for longer.
            try house.derive(211, [gasp(0), breath(1_000)], in: transaction)
            try house.derive(212, [gasp(1), breath(1_000)], in: transaction)
            try house.derive(213, [gasp(2), breath(2_000)], in: transaction)
            try house.derive(
                215, [gasp(3, logged: true), breath(4_000, logged: true)], in: transaction)
            try house.join(nowS: 5_000, alive: [214], in: transaction)
            let after = try #require(try house.list(in: transaction).first)
            #expect(after.outage.outageID == row.outage.outageID)
            #expect(after.outage.members == 4 && after.outage.silent == 0)
            #expect(after.outage.endMs == OutageHouse.at(4_000))
            let members = try Outages.members(row.outage.outageID, limit: 100, OutageHouse.scope, in: transaction)
            #expect(members.map(\.outage.meterID) == [211, 212, 213, 215])
            #expect(members.allSatisfy { $0.outage.confidence == .high })
        }
    }

    @Test(arguments: TestEngine.available)
    func `two transformers make the feeder, and grouping again changes nothing`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            for meterID in OutageHouse.meters where meterID != 231 {
                try house.derive(meterID, [gasp(meterID % 10), breath(4_000)], in: transaction)
                // After each meter, as events arrive.
                try house.join(nowS: 5_000, alive: [231], in: transaction)
            }
            let rows = try house.list(in: transaction)
            #expect(rows.map(\.outage.placeID) == [2] && rows[0].outage.members == 10 && rows[0].outage.silent == 0)
            let version = rows[0].outage.version
            try transaction.run("UPDATE meter_outage SET grouped = 0", [])
            try house.join(nowS: 6_000, alive: [231], in: transaction)
            #expect(try house.list(in: transaction).map(\.outage.version) == [version])
            // The meters' own outages were never changed by being joined.
            let versions = try MeterOutages.versions(
                meterID: 213, fromMs: 0, toMs: .max / 4, limit: 10, OutageHouse.scope, in: transaction)
            #expect(versions.count == 1)
        }
    }

    @Test(arguments: TestEngine.available)
    func `a lost gasp takes the start of its node`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            for meterID in Int64(211)...214 {
                try house.derive(meterID, [gasp(0), breath(3_000)], in: transaction)
            }
            // 215 was alive at -7200 and breathes at 3000.
            let lost = [PowerEvent(.alive, meterAtMs: OutageHouse.at(-7_200)), breath(3_000)]
            try house.derive(215, lost, in: transaction)
            try house.join(in: transaction)
            let rows = try house.list(in: transaction)
            #expect(rows.count == 1 && rows[0].outage.members == 5)
            let found = try Outages.of(
                meterID: 215, fromMs: OutageHouse.at(0), toMs: OutageHouse.at(10), OutageHouse.scope, in: transaction)
            #expect(found.map(\.startMs) == [OutageHouse.at(0)] && found[0].confidence == .medium)
        }
    }

    /// Signs of eleven meters in any order, some twice, joined now and then: the end is the same as all at once.
    @Test(arguments: TestEngine.available, 1...12)
    func `however signs arrive, the same outages come out`(_ engine: TestEngine, _ seed: Int) async throws {
        var all: [(Int64, PowerEvent)] = []
        for meterID in OutageHouse.meters {
            if meterID < 230 { all += [(meterID, gasp(meterID % 10)), (meterID, breath(2_000 + meterID))] }
            // The breath of 212 was lost, and the gasp of 222: the log of neither was read.
            all += [(meterID, PowerEvent(.alive, meterAtMs: OutageHouse.at(-9_000)))]
            if meterID % 10 == 1 { all += [(meterID, gasp(30_000)), (meterID, breath(31_000))] }
            if meterID / 10 == 21 { all += [(meterID, gasp(60_000 + meterID % 10))] }
        }
        all.removeAll { $0.0 == 212 && $0.1 == breath(2_212) || $0.0 == 222 && $0.1 == gasp(2) }
        var generator = Steps(state: UInt64(seed))
        let arriving = (all + all.shuffled(using: &generator).prefix(15)).shuffled(using: &generator)
        let signs = all
        var summaries: [[String]] = []
        for isOneByOne in [false, true] {
            let summary = try await withDatabase(engine, migrations: OutageHouse.migrations) { database in
                try await database.write { transaction in
                    try OutageHouse.make(transaction)
                    let house = OutageHouse()
                    var known: [Int64: [PowerEvent]] = [:]
                    for (index, (meterID, sign)) in (isOneByOne ? arriving : signs).enumerated() {
                        known[meterID, default: []].append(sign)
                        guard isOneByOne else { continue }
                        try house.derive(meterID, known[meterID] ?? [], in: transaction)
                        if index % 5 == 0 { try house.join(alive: [231], in: transaction) }
                    }
                    for (meterID, signs) in known { try house.derive(meterID, signs, in: transaction) }
                    try house.join(alive: [231], in: transaction)
                    return try house.list(in: transaction).map { row in
                        let outage = row.outage
                        return "\(outage.placeID ?? 0) \(outage.startMs) \(outage.endMs ?? 0) \(outage.members)"
                    }.sorted()
                }
            }
            summaries.append(summary)
        }
        #expect(summaries[0] == summaries[1])
        // The feeder, six at half past, the transformer that is dark still.
        #expect(summaries[0].count == 5 && summaries[0].contains { $0.hasSuffix(" 0 5") })
    }

    @Test(arguments: TestEngine.available)
    func `planned shutdowns are told apart, also when entered later`(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: OutageHouse.migrations) { stores in
            let house = OutageHouse()
            let database = stores.money
            try await database.write { transaction in
                try OutageHouse.make(transaction)
                try house.derive(211, [gasp(0), breath(3_000)], in: transaction)
                try house.derive(231, [gasp(0), breath(3_000)], in: transaction)
                try house.join(in: transaction)
                #expect(try house.list(in: transaction).allSatisfy { $0.outage.plannedID == nil })
            }
            let site = Site(
                money: database, readings: stores.readings,
                clocks: .manual(ManualClock(startMs: OutageHouse.at(90_000))), ids: house.ids)
            let plan = try PlanOutage(
                placeID: 21, fromMs: OutageHouse.at(300), toMs: OutageHouse.at(3_600), reason: "line work")
            let first = try await site.perform(plan, as: .system(orgID: 1), source: "test")
            let again = try await site.perform(plan, as: .system(orgID: 1), source: "test")
            #expect(first == again)
            try await database.write { transaction in
                try house.join(in: transaction)
                let planned = try house.list(OutageFilter(isPlanned: true), in: transaction)
                #expect(planned.map(\.outage.placeID) == [21] && planned[0].plannedWhy == "line work")
                let interruptions = try ReliabilityStore.interruptions(
                    placeID: nil, fromMs: OutageHouse.at(-10), toMs: OutageHouse.at(9_000),
                    nowMs: OutageHouse.at(9_000), OutageHouse.scope, in: transaction)
                #expect(interruptions.map(\.isPlanned).sorted { !$0 && $1 } == [false, true])
            }
            _ = try await site.perform(
                CallOffOutage(plannedID: first.plannedID, reason: "rain"), as: .system(orgID: 1), source: "test")
            try await database.write { transaction in
                try house.join(in: transaction)
                #expect(try house.list(OutageFilter(isPlanned: true), in: transaction).isEmpty)
            }
        }
        #expect(throws: Refusal.self) { try PlanOutage(placeID: 1, fromMs: 5, toMs: 5, reason: "line work") }
        #expect(throws: Refusal.self) { try PlanOutage(placeID: 1, fromMs: 5, toMs: 50, reason: "") }
    }

    @Test(arguments: TestEngine.available)
    func `each person is told once that it failed and once that it is back`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            for meterID in Int64(211)...214 { try house.derive(meterID, [gasp(0)], nowS: 60, in: transaction) }
            try house.join(nowS: 1_000, in: transaction)
            func take(_ nowS: Int64) throws -> [OutageNotice] {
                try OutageNotices.take(
                    afterMs: 1_800_000, nowMs: OutageHouse.at(nowS), OutageHouse.scope, in: transaction)
            }
            #expect(try take(1_799).isEmpty)
            let told = try take(1_801)
            // The operator and the four who are dark by their own word; the silent fifth is not told on a guess.
            #expect(told.map(\.accountID) == [0, 1_211, 1_212, 1_213, 1_214])
            #expect(told.allSatisfy { $0.template == .failed && $0.atMs == OutageHouse.at(0) })
            #expect(try take(1_900).isEmpty)
            try house.derive(211, [gasp(0), breath(2_000)], in: transaction)
            try house.join(nowS: 2_100, in: transaction)
            #expect(try take(2_100).map(\.accountID) == [1_211])
            for meterID in Int64(212)...214 {
                try house.derive(meterID, [gasp(0), breath(3_000)], in: transaction)
            }
            try house.join(nowS: 3_100, in: transaction)
            let back = try take(3_100)
            #expect(back.map(\.accountID) == [0, 1_212, 1_213, 1_214])
            #expect(back.allSatisfy { $0.template == .back && $0.atMs == OutageHouse.at(3_000) })
            #expect(try take(9_000).isEmpty)
            let row = try #require(try house.list(in: transaction).first)
            #expect(row.told == 4 && row.toldBack == 4 && row.operatorToldAtMs == OutageHouse.at(1_801))
            // Found in a log two days later: history, nobody is told.
            try house.derive(221, [gasp(5_000, logged: true)], in: transaction)
            try house.join(nowS: 5_100, in: transaction)
            #expect(try take(2 * 86_400 + 6_000).isEmpty)
        }
    }

    @Test(arguments: TestEngine.available)
    func `indices come from the meters, by place, with silence in the bounds`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            for meterID in Int64(211)...213 {
                try house.derive(meterID, [gasp(0), breath(meterID == 211 ? 600 : 1_200)], in: transaction)
            }
            try house.derive(221, [gasp(20_000), breath(20_120)], in: transaction)
            try house.join(nowS: 50_000, alive: [214], in: transaction)
            func indices(_ placeID: Int64?) throws -> ReliabilityIndices {
                let (fromMs, toMs) = (OutageHouse.at(-36_000), OutageHouse.at(50_400))
                let served = try ReliabilityStore.customers(
                    placeID: placeID, on: OutageHouse.day, OutageHouse.scope, in: transaction)
                return ReliabilityIndices(
                    try ReliabilityStore.interruptions(
                        placeID: placeID, fromMs: fromMs, toMs: toMs, nowMs: toMs, OutageHouse.scope, in: transaction),
                    ReliabilityPeriod(fromS: fromMs / 1000, toS: toMs / 1000, customers: served))
            }
            let whole = try indices(nil)
            #expect(whole.customerSeconds == Bounded(low: 3_000, likely: 4_200, high: 4_200))
            #expect(whole.interruptions == Bounded(low: 3, likely: 4, high: 4))
            #expect(whole.momentaryInterruptions == Bounded(1))
            #expect(whole.saifi.likely == 363_636)
            #expect(whole.customersInterrupted == 4 && whole.caifi.likely == 1_000_000)
            let transformer = try indices(22)
            #expect(transformer.saifi.likely == 0 && transformer.maifi.likely == 200_000)
            #expect(try indices(23).asai.likely == 1_000_000)
            let days = try ReliabilityStore.days(
                placeID: nil, fromMs: OutageHouse.at(-90_000), toMs: OutageHouse.at(90_000), momentaryMaxS: 300,
                zone: .india, customers: 11, OutageHouse.scope, in: transaction)
            #expect(days == [InterruptedDay(day: OutageHouse.day, customerSeconds: 4_200, customers: 11)])
        }
    }

    @Test(arguments: TestEngine.available)
    func `each sees what lies under their places`(_ engine: TestEngine) async throws {
        try await house(engine) { house, transaction in
            try house.derive(211, [gasp(0), breath(900)], in: transaction)
            try house.derive(221, [gasp(10_000), breath(10_900)], in: transaction)
            try house.join(in: transaction)
            let confined = Scope(orgID: 1, placeIDs: [22])
            let seen = try Outages.list(limit: 10, confined, in: transaction)
            #expect(seen.map(\.outage.placeID) == [22])
            let hidden = try #require(try house.list(in: transaction).first { $0.outage.placeID == 21 })
            #expect(throws: Refusal.self) {
                try Outages.find(hidden.outage.outageID, confined, in: transaction)
            }
            #expect(
                try Outages.of(meterID: 211, fromMs: 0, toMs: .max / 4, confined, in: transaction).isEmpty)
            #expect(try Outages.list(limit: 10, Scope(orgID: 2), in: transaction).isEmpty)
            let customers = try ReliabilityStore.customers(
                placeID: nil, on: OutageHouse.day, confined, in: transaction)
            #expect(customers == 5)
        }
    }
}

@Suite struct OutageRuleTests {
    @Test func `rules are read strictly`() throws {
        #expect(try OutageRules(json: OutageRules().json()) == OutageRules())
        for bad in ["", "[]", "{}", OutageRules().json().replacing("groupMetersMin", with: "groupMeterMin")] {
            #expect(throws: Refusal.self) { try OutageRules(json: bad) }
        }
        var rules = OutageRules()
        rules.momentaryMaxMinutes = 3
        #expect(try OutageRules(json: rules.json()).reliability.momentaryMaxS == 180)
        rules.groupSharePercent = 0
        #expect(throws: Refusal.self) { try OutageRules(json: rules.json()) }
    }
}

/// The same numbers every run (SplitMix64).
private struct Steps: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
