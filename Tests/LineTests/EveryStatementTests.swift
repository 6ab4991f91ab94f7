// Every single statement and every commit of one run of the line fails once, and its answer is lost once. Whatever it
// was, what comes out in the end is what comes out undisturbed. Two houses, two days, meters in memory.
import Access
import CivilTime
import Clocks
import Foundation
import IntervalData
import Jobs
import Journal
import Logging
import MeterData
import MeterFleet
import MeterPort
import Meters
import Rating
import SQL
import SQLiteAdapter
import Supply
import Synchronization
import TestSupport
import Testing

/// Meters without a wire: half hours by a formula, a relay that does what it is told.
private final class PaperMeters: MeterTransport {
    private let open = Mutex<Set<Int>>([])
    let clock: ManualClock
    let firstS: Int64

    init(clock: ManualClock, firstS: Int64) {
        self.clock = clock
        self.firstS = firstS
    }

    func converse<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
    ) async throws -> Value { try await body(PaperConversation(meters: self, port: endpoint.port)) }

    func isOpen(_ port: Int) -> Bool { open.withLock { $0.contains(port) } }
    func set(_ port: Int, open isOpen: Bool) {
        open.withLock { _ = isOpen ? $0.insert(port).inserted : $0.remove(port) != nil }
    }

    /// Of the half hour that ends then.
    static func energyWh(_ port: Int, _ endS: Int64) -> Int32 { Int32(150 + (endS / 1800 * 37 + Int64(port)) % 400) }
}

private struct PaperConversation: MeterConversation {
    let meters: PaperMeters
    let port: Int

    func clockS() async throws -> Int64 { meters.clock.nowMs / 1000 }
    func blockLoad(fromS: Int64, toS: Int64) async throws -> [BlockLoadRow] {
        stride(from: (fromS + 1799) / 1800 * 1800, through: min(toS, meters.clock.nowMs / 1000), by: 1800).map {
            BlockLoadRow(endS: $0, importWh: PaperMeters.energyWh(port, $0))
        }
    }
    func importRegisterWh() async throws -> Int64 { registerWh(meters.clock.nowMs / 1000) }
    func dailyRegisters(fromS: Int64, toS: Int64) async throws -> [RegisterRow] {
        [fromS, toS].map { RegisterRow(atS: $0, importWh: registerWh($0)) }
    }
    func relay() async throws -> RelayState { meters.isOpen(port) ? .open : .closed }
    func disconnect() async throws { meters.set(port, open: true) }
    func reconnect() async throws { meters.set(port, open: false) }
    func events(fromS: Int64, toS: Int64) async throws -> [MeterEventEntry] { [] }

    private func registerWh(_ atS: Int64) -> Int64 {
        stride(from: meters.firstS + 1800, through: atS, by: 1800).reduce(0) {
            $0 + Int64(PaperMeters.energyWh(port, $1))
        }
    }
}

@Suite(.serialized)
struct EveryStatementTests {
    private static let isLong = ProcessInfo.processInfo.environment["BUSBAR_LONG"] == "1"
    /// A Monday; read on Tuesday and Wednesday, each at seven and, when supply may be cut, at noon.
    private static let first = CivilDay(year: 2009, month: 3, day: 2)!
    private static let moments = [(1, 7), (1, 12), (2, 7), (2, 12), (2, 13)].map { day, hour in
        LineFixture.ms(first.advanced(by: day), hours: Int64(hour))
    }
    /// The second is cut on the first day.
    private static let openingPaise: [Int64] = [500_000, 6_000]

    /// In memory where the system has such a folder: a thousand runs are no work for a disk.
    static func withFastFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        let memory = "/dev/shm"
        let root =
            FileManager.default.isWritableFile(atPath: memory)
            ? URL(fileURLWithPath: memory) : FileManager.default.temporaryDirectory
        let folder = root.appendingPathComponent("busbar-every-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try await body(folder)
    }

    private static func fill(_ place: StorePlace) async throws {
        try await place.migrate()
        let clock = ManualClock(startMs: LineFixture.ms(first))
        try await place.with(clock, processNumber: 1) { site in
            let configurations = (0..<2).map { index in
                MeterConfiguration(
                    serial: "EV\(100 + index)", periodS: 1800,
                    load: .household(HouseholdModel(seed: UInt64(index + 1))), installed: first,
                    baseWh: 0, secrets: LineFixture.secrets, seed: UInt64(index))
            }
            let fixture = try await LineFixture.make(
                site: site, clock: clock, configurations: configurations, openingPaise: { openingPaise[$0] },
                from: first)
            await fixture.fleet.stop()
            // The meters of this test are told apart by their ports.
            try await site.money.write { transaction in
                for index in Int64(0)..<2 {
                    try transaction.run(
                        "UPDATE meter SET port = $1 WHERE meter_id = $2", [.int(4001 + index), .int(1001 + index)])
                }
            }
        }
    }

    /// All that matters in the end, without ids and without the way it came about.
    private static func outcome(_ site: Site, _ meters: PaperMeters) async throws -> [String] {
        let scope = Scope(orgID: LineFixture.org.orgID)
        var lines: [String] = []
        for index in Int64(0)..<2 {
            let (accountID, meterID) = (101 + index, 1001 + index)
            lines += try await site.money.read { transaction in
                let charges = try Charge.current(
                    accountID: accountID, from: first, to: first.advanced(by: 3), scope, in: transaction
                ).map { "charge \(accountID) \($0.day) \($0.energyWh) Wh \($0.totalPaise) \($0.closing)" }
                let balance = try Journal.balance(ofAccount: accountID, scope, in: transaction)
                let relay = try RelayRecord.find(meterID, scope, in: transaction)
                return charges + [
                    "balance \(accountID) \(balance.balancePaise)",
                    "relay \(meterID) wanted \(relay?.wanted.rawValue ?? "-") is \(relay?.actual ?? "-")",
                ]
            }
            lines.append("meter \(meterID) open \(meters.isOpen(Int(4001 + index)))")
            lines += try await History.blocks(
                meterID: meterID, from: first, to: first.advanced(by: 3), site: site, orgID: scope.orgID
            ).map { "block \(meterID) \($0.day) \($0.block.values) \($0.block.lowestQuality)" }
        }
        lines += try await site.money.read { transaction in
            let trial = try Journal.trialBalance(scope, in: transaction)
            let counts = try [
                "SELECT COUNT(*) FROM outbox", "SELECT COUNT(*) FROM collection WHERE state <> 'complete'",
                "SELECT COUNT(*) FROM meter_command WHERE state = 'waiting'",
                """
                SELECT COUNT(*) FROM (SELECT 1 FROM book_posting WHERE supply_day IS NOT NULL
                  GROUP BY journal_account_id, supply_day, revision, kind HAVING COUNT(*) > 1) AS twice
                """,
            ].map { sql in try transaction.first(sql, []) { try $0.int(0) } ?? -1 }
            return ["trial \(trial.sumPaise) \(trial.wrongAccounts)", "left over \(counts)"]
        }
        return lines
    }

    /// The whole run on stores of its own; broken once, it is tried again as a service would.
    private static func run(_ place: StorePlace, _ breaker: Breaker) async throws -> [String] {
        let clock = ManualClock(startMs: moments[0])
        let ahead = ManualClock(startMs: 0)
        let meters = PaperMeters(clock: clock, firstS: LineFixture.ms(first) / 1000)
        return try await place.with(clock, ahead: ahead, processNumber: 2) { whole in
            var site = whole
            site.money = BreakingDatabase(inner: whole.money, breaker: breaker)
            site.readings = BreakingReadings(inner: whole.readings, breaker: breaker)
            let line = Line(
                site: site, org: LineFixture.org, transport: meters, vault: try LineFixture.vault(),
                collection: LineFixture.collection, holder: "every",
                log: Logger(label: "every") { _ in SwiftLogNoOpLogHandler() })
            var isMended = false
            for moment in moments {
                clock.nowMs = moment
                try await tick(line)
                guard breaker.hasActed, !isMended else { continue }
                isMended = true
                // Leases run out and pauses end; what failed is due again at the same moment.
                ahead.nowMs += 900_000
                try await whole.money.write { transaction in
                    try transaction.run(
                        "UPDATE job SET run_at_ms = 0 WHERE state = 'waiting' AND kind <> 'estimate'")
                    try transaction.run("UPDATE collection SET next_at_ms = 0 WHERE state <> 'complete'")
                    try transaction.run("UPDATE meter_command SET next_at_ms = 0 WHERE state = 'waiting'")
                }
                try await tick(line)
            }
            return try await outcome(whole, meters)
        }
    }

    private static func tick(_ line: Line) async throws {
        do { try await line.tick() } catch let error as SQLError {
            #expect([.full, .connection].contains(error.code), "\(error)")
        }
    }

    /// The end of one run, on a copy of the template or, on PostgreSQL, on a database of its own.
    private static func end(_ template: StorePlace, _ breaker: Breaker) async throws -> [String] {
        if template.url == nil {
            let folder = template.folder + "-" + UUID().uuidString
            try FileManager.default.copyItem(atPath: template.folder, toPath: folder)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            return try await run(StorePlace(folder: folder, url: nil), breaker)
        }
        let server = try PrivatePostgres.shared.get()
        let place = StorePlace(folder: template.folder, url: try await server.freshDatabase())
        do {
            try await fill(place)
            let lines = try await run(place, breaker)
            try await server.drop(place.url ?? "")
            return lines
        } catch {
            try? await server.drop(place.url ?? "")
            throw error
        }
    }

    /// Which places are broken: in the normal run every statement and every seventh commit; on PostgreSQL, where each
    /// run needs a database of its own, every seventh of all.
    private static func places(_ counter: Breaker, _ engine: TestEngine) -> [Break] {
        func every(_ step: Int, _ most: Int) -> [Int] { Array(stride(from: 1, through: most, by: step)) }
        let commits = every(isLong && engine == .sqlite ? 1 : 7, counter.commits)
        return every(engine == .sqlite ? 1 : 7, counter.statements).map { .statement($0) }
            + commits.map { .commit($0) } + commits.map { .answer($0) }
    }

    @Test(arguments: TestEngine.available)
    func whateverFailsTheEndIsTheSame(_ engine: TestEngine) async throws {
        guard engine == .sqlite || Self.isLong else {
            print("every statement on PostgreSQL is SKIPPED: only with BUSBAR_LONG=1")
            return
        }
        try await Self.withFastFolder { folder in
            let template = StorePlace(folder: folder + "/template", url: engine == .sqlite ? nil : "")
            try FileManager.default.createDirectory(atPath: template.folder, withIntermediateDirectories: true)
            if engine == .sqlite { try await Self.fill(template) }
            let counter = Breaker()
            let expected = try await Self.end(template, counter)
            #expect(expected.contains { $0.contains("left over [0, 0, 0, 0]") }, "\(expected)")
            #expect(expected.contains("meter 1002 open true"), "nobody is cut: the run shows too little: \(expected)")
            #expect(expected.count { $0.hasPrefix("charge") } == 4, "\(expected)")
            let places = Self.places(counter, engine)
            let start = ContinuousClock.now
            let workers = max(2, ProcessInfo.processInfo.activeProcessorCount)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<workers {
                    group.addTask {
                        for index in stride(from: worker, to: places.count, by: workers) {
                            let breaker = Breaker(at: places[index])
                            let outcome = try await Self.end(template, breaker)
                            #expect(breaker.hasActed, "\(places[index]) was not reached")
                            let other = outcome.filter { !expected.contains($0) }
                            #expect(outcome == expected, "\(places[index]): \(other)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let left = Self.isLong ? "" : "; the other commits with BUSBAR_LONG=1"
            print(
                "every statement on \(engine.rawValue): \(counter.statements) statements, \(counter.commits) commits, "
                    + "\(places.count) broken, \(ContinuousClock.now - start)\(left)")
        }
    }
}
