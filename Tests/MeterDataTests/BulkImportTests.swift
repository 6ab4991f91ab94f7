// What is imported many at a time is what is imported day by day: blocks, exceptions and counts, in open months and in
// closed ones, also when the import is run again, broken off, or meets days that are there already.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import IntervalData
import LoadFiles
import Meters
import Reliability
import SQL
import TestSupport
import Testing
import VEE

@testable import MeterData

@Suite struct BulkImportTests {
    struct Dice {
        var state: UInt64
        mutating func roll(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }

    /// Six meters over the end of a month: whole days, gaps, zeros, negative values, spikes and days that repeat.
    static func file(_ dice: inout Dice) throws -> LoadFile {
        let first = try #require(CivilDay("2026-01-26"))
        var rows = ["meter,time,kwh"]
        for meter in 0..<6 {
            for offset in 0..<14 where dice.roll(8) > 0 {
                let kind = dice.roll(12)
                for slot in 0..<48 {
                    if kind == 0, dice.roll(5) == 0 { continue }
                    var wh = 50 + dice.roll(400)
                    switch kind {
                    case 1: wh = 0
                    case 2 where slot > 10: wh = 0
                    case 3 where slot == 7: wh = -20
                    case 4 where dice.roll(20) == 0: wh = 9_000 + dice.roll(90_000)
                    case 5, 6: wh = 100 + slot * 3
                    case 7: wh = 100 + slot % 12
                    default: break
                    }
                    let minute = slot % 2 == 0 ? "00" : "30"
                    let magnitude = "\(wh.magnitude / 1000).\(String(1000 + wh.magnitude % 1000).dropFirst())"
                    rows.append(
                        "m\(meter),\(first.advanced(by: offset)) \(slot < 20 ? "0" : "")\(slot / 2):\(minute),"
                            + (wh < 0 ? "-" : "") + magnitude)
                }
            }
        }
        return try LoadFileParser.parse(
            Array(rows.joined(separator: "\n").utf8), file: "f", zone: .india, periodS: 1800)
    }

    /// All that can be read of what was stored, but for change numbers.
    static func told(_ site: Site) async throws -> [String] {
        var told: [String] = []
        for month in try await site.readings.months() {
            told += try await site.readings.shard(month).read { transaction in
                var told: [String] = []
                for meterID in Int64(100)..<106 {
                    for offset in 0..<month.dayCount {
                        let day = month.first.advanced(by: offset)
                        told += try DayBlocks.versions(meterID: meterID, day: day, orgID: 1, in: transaction)
                            .map { "\($0)" }
                        told += try VEEException.of(meterID: meterID, from: day, to: day, orgID: 1, in: transaction)
                            .map { "\($0)" }
                    }
                }
                let changed = try DayBlocks.changes(
                    after: 0, month: month, limit: 100_000, orgID: 1, in: transaction)
                return told + changed.map { "changed \($0.day) \($0.meterID)" }.sorted()
            }
        }
        return told
    }

    /// - Parameter nowMs: in the months of the file, or long after.
    static func imported(
        _ engine: TestEngine, _ file: LoadFile, nowMs: Int64, bulk: Bool, before: Set<Int> = [],
        dark: [MeterOutage] = [], meanwhile: [MeterOutage] = []
    ) async throws -> (told: [String], counts: ImportCounts, compacted: Int64) {
        try await withSite(
            engine,
            migrations: KeptPlace.migrations + GridSchema.migrations + AccountsSchema.migrations
                + MetersSchema.migrations
        ) { kept in
            let clocks = Clocks(businessNowMs: { nowMs }, systemNowMs: { nowMs }, businessRate: 0)
            // They are told when the file has asked already, and looked at before its days are there.
            let readings = InterruptedReadings(kept.readings) {
                try await kept.money.write { transaction in
                    for outage in meanwhile {
                        try MeterOutages.write(outage, nowMs: nowMs, Scope(orgID: 1), in: transaction)
                    }
                    try transaction.run("UPDATE meter_outage SET days_judged = 1")
                }
            }
            let site = Site(
                money: kept.money, readings: readings, clocks: clocks,
                ids: IDGenerator(processNumber: 1, clocks: clocks))
            try await site.money.write { transaction in
                for outage in dark {
                    try MeterOutages.write(outage, nowMs: nowMs, Scope(orgID: 1), in: transaction)
                }
            }
            var importer = Importer(site: site, org: Org(orgID: 1, name: "One", zone: .india))
            importer.takesManyAtATime = bulk
            let targets = file.meters.indices.map { column in
                ImportTarget(
                    column: column, meterID: 100 + (Int64(file.meters[column].dropFirst()) ?? 0), sanctionedW: 3000)
            }
            // Some meters came before, as far as an import that was broken off.
            if !before.isEmpty {
                _ = try await importer.run(
                    file, targets: targets.filter { before.contains($0.column) }, importID: 900)
            }
            let counts = try await importer.run(file, targets: targets, importID: 900)
            let first = try await told(site)
            if let day = file.days(0).first?.day {
                let sources = try await site.readings.shard(day.month).read { [meterID = targets[0].meterID] in
                    try ReadingSource.of(meterID: meterID, channel: .importWh, day: day, orgID: 1, in: $0)
                }
                #expect(sources.map(\.batchID) == [900] && sources.map(\.receivedAtMs) == [nowMs])
            }
            let again = try await importer.run(file, targets: targets, importID: 900)
            #expect(again.newVersions == 0 && again.meterDays == counts.meterDays)
            #expect(try await told(site) == first)
            var compacted: Int64 = 0
            for month in try await site.readings.months() {
                let shard = try await site.readings.shard(month)
                compacted += try await shard.read { transaction in
                    try transaction.first("SELECT COUNT(*) FROM meter_month", []) { try $0.int(0) } ?? 0
                }
                #expect(try await MonthKeeper.faults(month, in: shard).isEmpty)
            }
            return (first, counts, compacted)
        }
    }

    @Test(arguments: TestEngine.available, [Int64(1_771_000_000_000), 1_798_000_000_000])
    func sameAsDayByDay(_ engine: TestEngine, _ nowMs: Int64) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var dice = Dice(state: seed)
        for round in 0..<3 {
            let file = try Self.file(&dice)
            let slow = try await Self.imported(engine, file, nowMs: nowMs, bulk: false)
            let before: Set<Int> = round == 1 ? [0, 3] : []
            let fast = try await Self.imported(engine, file, nowMs: nowMs, bulk: true, before: before)
            #expect(fast.told == slow.told, "seed \(seed)")
            #expect(slow.told.count > 40 && slow.compacted == 0)
            #expect((fast.compacted > 0) == (nowMs > 1_790_000_000_000))
            #expect(fast.counts.meterDays == slow.counts.meterDays && fast.counts.heldValues == slow.counts.heldValues)
            #expect(fast.counts.conflicts == slow.counts.conflicts)
            if before.isEmpty { #expect(fast.counts == slow.counts) }
        }
    }

    /// A file is judged with the outage records as a read is: use while a meter was dark is told, by either way in.
    /// What was withdrawn, and what is known from silence only, says nothing.
    @Test(arguments: TestEngine.available, [Int64(1_771_000_000_000), 1_798_000_000_000])
    func filesAreJudgedWithTheOutageRecords(_ engine: TestEngine, _ nowMs: Int64) async throws {
        var dice = Dice(state: 7)
        let file = try Self.file(&dice)
        let startMs = Zone.india.startS(of: try #require(CivilDay("2026-01-28"))) * 1000
        let dark = [Int64(102), 103, 104].map { meterID in
            var span = MeterOutageSpan(
                startMs: Bounded(startMs), endMs: Bounded(startMs + 5 * 86_400_000), startEvidence: .log,
                endEvidence: .log)
            if meterID == 104 { (span.startEvidence, span.endEvidence) = (.silent, .silent) }
            return MeterOutage(
                spanID: meterID, version: 0, meterID: meterID, span: span, isWithdrawn: meterID == 103,
                madeAtMs: nowMs)
        }
        let slow = try await Self.imported(engine, file, nowMs: nowMs, bulk: false, dark: dark)
        let fast = try await Self.imported(engine, file, nowMs: nowMs, bulk: true, dark: dark)
        #expect(fast.told == slow.told && fast.counts == slow.counts)
        let found = slow.told.filter { $0.contains("consumptionInOutage") }
        #expect(found.count >= 3 && found.allSatisfy { $0.contains("meterID: 102") })
        #expect((fast.compacted > 0) == (nowMs > 1_790_000_000_000), "the others still go many at a time")
    }

    /// An outage that is told after the file has asked and before its days are stored is not lost, by either way in.
    @Test(arguments: TestEngine.available, [Int64(1_771_000_000_000), 1_798_000_000_000])
    func outagesToldMeanwhileCount(_ engine: TestEngine, _ nowMs: Int64) async throws {
        var dice = Dice(state: 7)
        let file = try Self.file(&dice)
        let startMs = Zone.india.startS(of: try #require(CivilDay("2026-01-28"))) * 1000
        let span = MeterOutageSpan(
            startMs: Bounded(startMs), endMs: Bounded(startMs + 3 * 86_400_000), startEvidence: .log,
            endEvidence: .log)
        let dark = MeterOutage(
            spanID: 102, version: 0, meterID: 102, span: span, isWithdrawn: false, madeAtMs: nowMs)
        func found(_ told: [String]) -> Int { told.count { $0.contains("consumptionInOutage") } }
        let before = try await Self.imported(engine, file, nowMs: nowMs, bulk: false, dark: [dark])
        #expect(found(before.told) > 0)
        for bulk in [false, true] {
            let later = try await Self.imported(engine, file, nowMs: nowMs, bulk: bulk, meanwhile: [dark])
            #expect(found(later.told) == found(before.told), "bulk \(bulk)")
        }
    }

    /// A day that the short way calls plain has no finding; and it does call ordinary days plain.
    @Test func plainDaysHaveNoFindings() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var dice = Dice(state: seed)
        var plainDays = 0
        for _ in 0..<3000 {
            var rules = ValidationRules.standard
            if dice.roll(3) == 0 { rules.duplicate = nil }
            if dice.roll(3) == 0 { rules.zero = nil }
            if dice.roll(3) == 0 { rules.negative = false }
            if dice.roll(3) == 0 { rules.consecutiveZeroes?.minutes = 30 + dice.roll(700) }
            if dice.roll(3) == 0 { rules.spike?.floorW = Int64(dice.roll(4000)) }
            let periodS = [900, 1800, 3600][dice.roll(3)]
            let spread = [1, 2, 400, 4000][dice.roll(4)]
            func day() -> [Int32] {
                (0..<86400 / periodS).map { _ in Int32(dice.roll(spread) - (dice.roll(200) == 0 ? 2 : 0)) }
            }
            var values = day()
            var before = day()
            if dice.roll(3) == 0 { for slot in 0..<dice.roll(values.count) { before[slot] = values[slot] } }
            if dice.roll(3) == 0 { for slot in 12..<values.count where slot > 12 { values[slot] = values[slot - 12] } }
            let plain = try #require(PlainRules(rules, periodS: periodS))
            guard plain.findNothing(in: values, before: before) else { continue }
            plainDays += 1
            let history = DayBlock(
                values: before, qualities: before.map { _ in .actual },
                sources: [SourceRun(batch: 1, count: before.count)])
            let findings = validate(
                DayInput(values: values, sanctionedW: 2000, periodS: periodS, history: [history]), rules: rules)
            #expect(findings.isEmpty, "seed \(seed): \(findings)")
        }
        #expect(plainDays > 300)
        let all = PlainRules(.all, periodS: 1800)
        #expect(all.map { _ in true } == nil)
    }
}

/// Readings before whose first write something else happens, once.
private final class InterruptedReadings: ReadingsStore {
    private let inner: any ReadingsStore
    private let interruption: Interruption

    init(_ inner: any ReadingsStore, _ body: @escaping @Sendable () async throws -> Void) {
        (self.inner, interruption) = (inner, Interruption(body))
    }

    func months() async throws -> [CivilMonth] { try await inner.months() }
    func monthsInReach() async throws -> [CivilMonth] { try await inner.monthsInReach() }
    func shard(_ month: CivilMonth) async throws -> any Database {
        Shard(inner: try await inner.shard(month), interruption: interruption)
    }
    func gatherFigures(_ month: CivilMonth) async throws { try await inner.gatherFigures(month) }
    var files: any MonthFiles { inner.files }
    func close() async { await inner.close() }

    private actor Interruption {
        private var body: (@Sendable () async throws -> Void)?
        init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

        func happen() async throws {
            let body = body
            self.body = nil
            try await body?()
        }
    }

    private struct Shard: Database {
        let inner: any Database
        let interruption: Interruption
        var engine: SQLEngine { inner.engine }

        func read<Value: Sendable>(
            _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
        ) async throws -> Value { try await inner.read(body) }

        func write<Value: Sendable>(
            _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
        ) async throws -> Value {
            try await interruption.happen()
            return try await inner.write(body)
        }

        func close() async { await inner.close() }
    }
}
