// The line is killed with SIGKILL, or one of its statements fails, all the way from collecting to the relay. What comes
// out after a restart is what would have come out without.
import Access
import CivilTime
import Clocks
import Composition
import Foundation
import MeterFleet
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct SurvivalTests {
    static let isLong = ProcessInfo.processInfo.environment["BUSBAR_LONG"] == "1"

    /// The undisturbed run, and how often it writes what.
    private struct Reference: Sendable {
        var result: RunResult
        var statements: [String: Int]
        var commits: [String: Int]

        /// `perKind` points spread over the statements and the commits of every kind.
        func points(perKind: Int) -> [WritePoint] {
            func points(_ moment: WritePoint.Moment, _ kinds: [String: Int]) -> [WritePoint] {
                kinds.sorted { $0.key < $1.key }.flatMap { kind, count in
                    Set((0..<perKind).map { 1 + (2 * $0 + 1) * count / (2 * perKind) }).sorted()
                        .map { WritePoint(moment, kind, min(count, $0)) }
                }
            }
            // A commit of UPDATE job alone is a look at how far a job has come: how many there are is a matter of time.
            return points(.statement, statements) + points(.commit, commits.filter { $0.key != "UPDATE job" })
        }
    }

    private static func reference(_ engine: TestEngine) async throws -> Reference {
        try await place(engine) { place in
            let watch = WriteWatch()
            let clock = try SharedClock(path: place.folder + "/clock", startMs: Survival.startMs)
            let fixture = try await place.with(clock, processNumber: 1) { try await Survival.make($0, clock: clock) }
            let result = try await place.with(clock, processNumber: 2, watch: watch) { site in
                let running = try fixture.restarted(on: site, holder: "first")
                try await Survival.drive(site, running.line, clock)
                try await checkTruth(
                    running, from: Survival.installed, days: 6, rechargedPaise: recharged, "undisturbed")
                return try await RunResult.of(running)
            }
            await fixture.fleet.stop()
            return Reference(result: result, statements: watch.seen(.statement), commits: watch.seen(.commit))
        }
    }

    private static func recharged(_ house: Int) -> Int64 { Survival.openingPaise[house] + (house == 1 ? 100_000 : 0) }

    /// Empty stores of an engine, gone afterwards.
    static func place<Value>(_ engine: TestEngine, _ body: (StorePlace) async throws -> Value) async throws
        -> Value
    {
        try await withFolder { folder in
            switch engine {
            case .sqlite:
                let place = StorePlace(folder: folder, url: nil)
                try await place.migrate()
                return try await body(place)
            case .postgres:
                let server = try PrivatePostgres.shared.get()
                let place = StorePlace(folder: folder, url: try await server.freshDatabase())
                do {
                    try await place.migrate()
                    let value = try await body(place)
                    try await server.drop(place.url ?? "")
                    return value
                } catch {
                    try? await server.drop(place.url ?? "")
                    throw error
                }
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func killedAnywhere(_ engine: TestEngine) async throws {
        let reference = try await Self.reference(engine)
        #expect(
            reference.result.decisions.contains { $0.contains("closed→open") },
            "nobody is cut: the run shows too little")
        #expect(reference.result.decisions.contains { $0.contains("open→closed") }, "nobody is restored")
        #expect(reference.result.charges.contains { $0.contains(" r2 ") }, "no estimate is corrected")
        var points = reference.points(perKind: Self.isLong ? 20 : 1)
        if !Self.isLong {
            // Every kind of statement once, and a third of the commits.
            points = points.enumerated().filter { $0.element.moment == .statement || $0.offset % 3 == 0 }.map(\.element)
            #expect(points.count >= 24)
            // What differs between the engines is held by the tests of the adapters; here a few are enough.
            if engine == .postgres { points = points.enumerated().filter { $0.offset % 6 == 0 }.map(\.element) }
        }
        print("survival: \(points.count) kills on \(engine.rawValue)")
        for point in points { try await kill(at: point, engine, reference) }
    }

    private func kill(at point: WritePoint, _ engine: TestEngine, _ reference: Reference) async throws {
        try await Self.place(engine) { place in
            let clock = try SharedClock(path: place.folder + "/clock", startMs: Survival.startMs)
            let fixture = try await place.with(clock, processNumber: 1) { try await Survival.make($0, clock: clock) }
            await #expect(processExitsWith: .signal(SIGKILL), "\(point) was not reached") {
                [place = place as StorePlace, point = point as WritePoint] in
                let clock = try SharedClock(path: place.folder + "/clock")
                try await place.with(clock, processNumber: 2, watch: WriteWatch(.kill, at: point)) { site in
                    try await Survival.drive(site, LineFixture.line(site: site, holder: "killed"), clock)
                }
            }
            #expect(clock.nowMs < Survival.endMs || point.moment == .commit, "\(point): the run had ended")
            try await Self.checkCounters(fixture, place, clock, point)
            // A minute and more later, so that the dead process holds no job any more.
            try await place.with(clock, ahead: ManualClock(startMs: 120_000), processNumber: 3) { site in
                let running = try fixture.restarted(on: site, holder: "second")
                try await Survival.drive(site, running.line, clock)
                try await checkTruth(
                    running, from: Survival.installed, days: 6, rechargedPaise: Self.recharged, "killed at \(point)")
                let differences = try await RunResult.of(running).differences(from: reference.result)
                #expect(differences.isEmpty, "killed at \(point)")
            }
            await fixture.fleet.stop()
        }
    }

    /// What the next association begins with is above all a meter has ever accepted: no counter meets its key twice.
    private static func checkCounters(
        _ fixture: LineFixture, _ place: StorePlace, _ clock: any TestClock, _ point: WritePoint
    ) async throws {
        let next = try await place.with(clock, processNumber: 3) { site in
            try await site.money.read { transaction in
                try transaction.query("SELECT meter_id, next_counter FROM invocation_counter", []) {
                    (try $0.int(0), try $0.int(1))
                }
            }
        }
        let reserved = Dictionary(uniqueKeysWithValues: next)
        for house in fixture.houses {
            for (_, used) in house.meter.clientCounters {
                #expect(
                    reserved[house.meterID, default: 0] > Int64(used),
                    "killed at \(point): counters of \(house.meterID)")
            }
        }
    }

    @Test func anyWriteFails() async throws {
        let reference = try await Self.reference(.sqlite)
        var points = reference.points(perKind: Self.isLong ? 50 : 1)
        if !Self.isLong { points = points.enumerated().filter { $0.offset % 5 == 0 }.map(\.element) }
        print("survival: \(points.count) failing writes")
        for point in points { try await fail(at: point, reference) }
    }

    private func fail(at point: WritePoint, _ reference: Reference) async throws {
        try await Self.place(.sqlite) { place in
            let clock = ManualClock(startMs: Survival.startMs)
            let ahead = ManualClock(startMs: 0)
            let fixture = try await place.with(clock, processNumber: 1) { try await Survival.make($0, clock: clock) }
            let watch = WriteWatch(.fail, at: point)
            try await place.with(clock, ahead: ahead, processNumber: 2, watch: watch) { site in
                let running = try fixture.restarted(on: site, holder: "one")
                var isMended = false
                while true {
                    // What a service does: a tick that fails is tried again.
                    do { try await Survival.moment(site, running.line) } catch let error as SQLError {
                        #expect(error.code == .full)
                    }
                    if watch.hasActed, !isMended {
                        isMended = true
                        try await runAllAgain(site, ahead)
                        continue
                    }
                    guard clock.nowMs < Survival.endMs else { break }
                    clock.nowMs += Survival.stepMs
                }
                #expect(isMended, "\(point) was not reached")
                try await checkTruth(
                    running, from: Survival.installed, days: 6, rechargedPaise: Self.recharged, "failed at \(point)")
                let differences = try await RunResult.of(running).lastDifferences(from: reference.result)
                #expect(differences.isEmpty, "failed at \(point)")
            }
            await fixture.fleet.stop()
        }
    }

    /// Leases run out, pauses end, and what comes before the orders to the meters is due once more. (An order that goes
    /// out at another time than in the undisturbed run would leave another load to be billed.)
    private func runAllAgain(_ site: Site, _ ahead: ManualClock) async throws {
        ahead.nowMs += 900_000
        try await site.money.write { transaction in
            try transaction.run(
                "UPDATE job SET run_at_ms = 0 WHERE state = 'waiting' AND kind NOT IN ('estimate', 'command')")
        }
    }
}
