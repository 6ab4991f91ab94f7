// Two processes share the jobs of one PostgreSQL database; one is killed with SIGKILL while it holds a lease. The other
// finishes all, nothing twice: what comes out is what one undisturbed process makes.
import Access
import Clocks
import Composition
import Foundation
import MeterFleet
import SQL
import Synchronization
import TestSupport
import Testing

@testable import Jobs

/// Set once, read by anybody.
private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}

@Suite(.serialized)
struct TwoProcessTests {
    private static func place<Value>(_ body: (StorePlace) async throws -> Value) async throws -> Value {
        try await withFolder { folder in
            let server = try PrivatePostgres.shared.get()
            let place = StorePlace(folder: folder, url: try await server.freshDatabase())
            try await place.migrate()
            let value = try await body(place)
            try await server.drop(place.url ?? "")
            return value
        }
    }

    private static func recharged(_ house: Int) -> Int64 { Survival.openingPaise[house] + (house == 1 ? 100_000 : 0) }

    private static func undisturbed() async throws -> RunResult {
        try await place { place in
            let clock = ManualClock(startMs: Survival.startMs)
            let fixture = try await place.with(clock, processNumber: 1) { try await Survival.make($0, clock: clock) }
            let result = try await place.with(clock, processNumber: 2) { site in
                let running = try fixture.restarted(on: site, holder: "alone")
                try await Survival.drive(site, running.line, clock)
                return try await RunResult.of(running)
            }
            await fixture.fleet.stop()
            return result
        }
    }

    /// Jobs that are due or run, and events that wait.
    private static func open(_ site: Site) async throws -> Int64 {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { transaction in
            try transaction.first(
                """
                SELECT (SELECT COUNT(*) FROM job WHERE state = 'running' OR (state = 'waiting' AND run_at_ms <= $1))
                  + (SELECT COUNT(*) FROM outbox)
                """, [.int(nowMs)]
            ) { try $0.int(0) } ?? 0
        }
    }

    @Test(.enabled(if: TestEngine.available.contains(.postgres), "PostgreSQL is not here; standard error says why"))
    func theOtherFinishesWhatAKilledOneHeld() async throws {
        let reference = try await Self.undisturbed()
        // Once while both take what they get; once while it prices, which it must be left to do first.
        try await kill(at: WritePoint(.statement, "INSERT raw_read", 3), leads: false, reference)
        try await kill(at: WritePoint(.statement, "INSERT charge", 9), leads: true, reference)
    }

    /// - Parameter leads: the other only takes up what the one that is going to die leaves.
    private func kill(at point: WritePoint, leads: Bool, _ reference: RunResult) async throws {
        try await Self.place { place in
            // The killed process sees the moment only when what belongs to it is there, as in the undisturbed run.
            let shown = try SharedClock(path: place.folder + "/clock", startMs: Survival.startMs)
            let clock = ManualClock(startMs: Survival.startMs)
            let fixture = try await place.with(clock, processNumber: 1) { try await Survival.make($0, clock: clock) }
            let isDead = Flag()
            let child = Task {
                await #expect(processExitsWith: .signal(SIGKILL), "\(point) was not reached") {
                    [place = place as StorePlace, point = point as WritePoint] in
                    let clock = try SharedClock(path: place.folder + "/clock")
                    try await place.with(clock, processNumber: 2, watch: WriteWatch(.kill, at: point)) { site in
                        let line = try LineFixture.line(site: site, holder: "killed")
                        while clock.nowMs < Survival.endMs {
                            try await line.tick()
                            try await Task.sleep(for: .milliseconds(2))
                        }
                    }
                }
            }
            let watching = Task {
                await child.value
                isDead.set()
            }
            let ahead = ManualClock(startMs: 0)
            try await place.with(clock, ahead: ahead, processNumber: 3) { site in
                let running = try fixture.restarted(on: site, holder: "survivor")
                while true {
                    if clock.nowMs == Survival.rechargeMs { try await Survival.recharge(site) }
                    // What is due at this moment is planned before anybody sees the moment: one that planned a little
                    // earlier would run the line without it, and price the day at its next turn only.
                    try await running.line.plan()
                    shown.nowMs = clock.nowMs
                    // A head start for the one that is going to die, so that both have their share.
                    var waits = leads ? 500 : 2
                    while !isDead.isSet, waits > 0, try await Self.open(site) > 0 {
                        try await Task.sleep(for: .milliseconds(20))
                        waits -= 1
                    }
                    repeat {
                        // Its lease runs out once it is dead, and not before.
                        if isDead.isSet { ahead.nowMs = 120_000 }
                        try await running.line.tick()
                    } while try await Self.open(site) > 0
                    guard clock.nowMs < Survival.endMs else { break }
                    clock.nowMs += Survival.stepMs
                }
                await watching.value
                try await checkTruth(
                    running, from: Survival.installed, days: 6, rechargedPaise: Self.recharged, "killed at \(point)")
                #expect(try await RunResult.of(running).differences(from: reference).isEmpty, "killed at \(point)")
                let lost = try await site.money.read { transaction in
                    try transaction.query(
                        "SELECT kind, holder FROM job_run WHERE state IN ('lost', 'running')", []
                    ) { "\(try $0.text(0)) of \(try $0.text(1))" }
                }
                #expect(lost.count == 1 && lost.first?.hasSuffix("of killed") == true, "\(lost)")
            }
            await fixture.fleet.stop()
        }
    }
}
