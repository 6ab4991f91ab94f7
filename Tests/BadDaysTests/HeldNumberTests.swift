// A process that was paused for longer than its number is leased: it writes nothing before it has renewed, and when
// another process has taken the number it never writes again. So no id is made twice.
import Access
import Clocks
import Foundation
import SQL
import TestSupport
import Testing

@testable import Composition

#if canImport(Glibc)
    import Glibc
#endif

@Suite(.serialized) struct HeldNumberTests {
    private static let startMs: Int64 = 1_767_225_600_000

    /// Two processes' worth of clocks on one PostgreSQL database.
    private func with(_ body: (SiteOptions) async throws -> Void) async throws {
        guard case .success(let server) = PrivatePostgres.shared else {
            print("paused processes are SKIPPED: there is no PostgreSQL, and on SQLite nobody can take the number")
            return
        }
        let url = try await server.freshDatabase()
        do {
            try await withFolder { folder in
                var options = SiteOptions(folder: folder, databaseURL: url)
                options.backsUpBeforeUpgrade = false
                try await body(options)
            }
            try await server.drop(url)
        } catch {
            try? await server.drop(url)
            throw error
        }
    }

    private static func open(_ options: SiteOptions, _ clock: ManualClock) async throws -> OpenSite {
        try await OpenSite.open(
            options,
            clocks: Clocks(businessNowMs: { clock.nowMs }, systemNowMs: { clock.nowMs }, businessRate: 0))
    }

    /// Enters a company under an id made in the transaction, as every write does.
    private static func write(_ site: Site, _ name: String) async throws -> Int64 {
        let ids = site.ids
        return try await site.money.write { transaction in
            let id = ids.next()
            try Org(orgID: id, name: name).create(in: transaction)
            return id
        }
    }

    private static func refused(_ site: Site, _ name: String) async -> SQLError.Code? {
        do {
            _ = try await write(site, name)
            return nil
        } catch { return (error as? SQLError)?.code }
    }

    private static func names(_ site: Site) async throws -> [String] {
        try await site.money.read { try $0.query("SELECT name FROM org ORDER BY name", []) { try $0.text(0) } }
    }

    @Test func pausedAndNotTakenOverItWritesAgainOnceItHasRenewed() async throws {
        try await with { options in
            let clock = ManualClock(startMs: Self.startMs)
            let open = try await Self.open(options, clock)
            let first = try await Self.write(open.site, "a")
            clock.nowMs += ProcessNumber.leaseMs
            let second = try await Self.write(open.site, "b")
            clock.nowMs += 1
            let inTime = await Self.refused(open.site, "late")
            #expect(inTime == .connection)
            #expect(try await Self.names(open.site) == ["a", "b"])
            try await open.lease?.renew()
            let third = try await Self.write(open.site, "c")
            #expect(first < second && second < third)
            #expect(try await Self.names(open.site) == ["a", "b", "c"])
            await open.close()
        }
    }

    @Test(.timeLimit(.minutes(1))) func workLongerThanTheLeaseKeepsItsNumber() async throws {
        try await with { options in
            let clock = ManualClock(startMs: Self.startMs)
            let open = try await Self.open(options, clock)
            let keeper = open.lease?.keeping(every: .milliseconds(5))
            let heldUntilMs = try #require(open.lease?.heldUntilMs)
            clock.nowMs += ProcessNumber.leaseMs
            while open.lease?.heldUntilMs == heldUntilMs { try await Task.sleep(for: .milliseconds(5)) }
            clock.nowMs += 1
            _ = try await Self.write(open.site, "a")
            keeper?.cancel()
            await keeper?.value
            await open.close()
        }
    }

    @Test func pausedAndTakenOverItNeverWritesAgain() async throws {
        try await with { options in
            let (mine, theirs) = (ManualClock(startMs: Self.startMs), ManualClock(startMs: Self.startMs))
            let paused = try await Self.open(options, mine)
            var ids = [try await Self.write(paused.site, "a")]
            // Ten minutes pass for everybody else.
            theirs.nowMs += 600_000
            let next = try await Self.open(options, theirs)
            for number in 0..<20 { ids.append(try await Self.write(next.site, "b\(number)")) }
            let numbers = Set(ids.map { $0 >> 12 & 1023 })
            #expect(numbers.count == 1, "the same process number: only so this shows anything")
            // Awake again, at the same millisecond as the other.
            mine.nowMs = theirs.nowMs
            let late = await Self.refused(paused.site, "late")
            #expect(late == .connection)
            await #expect(throws: Refusal.self) { try await paused.lease?.renew() }
            let after = await Self.refused(paused.site, "later")
            #expect(after == .connection)
            ids.append(try await Self.write(next.site, "c"))
            #expect(Set(ids).count == ids.count && ids == ids.sorted())
            #expect(try await !Self.names(next.site).contains { $0.hasPrefix("late") })
            // What the loser gives back is not the winner's.
            await paused.close()
            try await next.lease?.renew()
            await next.close()
        }
    }

    /// The clock was ahead by a month while ids were made: after it is set right they are not made again.
    @Test(arguments: TestEngine.available)
    func afterAClockThatWasAheadNoIdComesAgain(_ engine: TestEngine) async throws {
        func check(_ options: SiteOptions) async throws {
            let clock = ManualClock(startMs: Self.startMs)
            var ids: [Int64] = []
            for aheadMs: Int64 in [30 * 86_400_000, 0, 5_000, 30 * 86_400_000] {
                clock.nowMs = Self.startMs + aheadMs
                let open = try await Self.open(options, clock)
                for number in 0..<50 { ids.append(try await Self.write(open.site, "\(aheadMs) \(number)")) }
                await open.close()
            }
            #expect(Set(ids).count == 200)
        }
        if engine == .postgres { return try await with(check) }
        try await withFolder { try await check(SiteOptions(folder: $0 + "/data")) }
    }

    /// Set back by a minute while the process runs, which is followed, and then started anew.
    @Test func afterAClockSetBackUnderARunningProcessNoIdComesAgain() async throws {
        try await withFolder { folder in
            let options = SiteOptions(folder: folder + "/data")
            let clock = ManualClock(startMs: Self.startMs)
            var ids: [Int64] = []
            let open = try await Self.open(options, clock)
            for number in 0..<50 {
                clock.nowMs += 1_000
                ids.append(try await Self.write(open.site, "before \(number)"))
            }
            clock.nowMs = Self.startMs - 1_000
            try await open.lease?.renew()
            ids.append(try await Self.write(open.site, "set back"))
            await open.close()
            let again = try await Self.open(options, clock)
            for number in 0..<100 {
                clock.nowMs += 1_000
                ids.append(try await Self.write(again.site, "after \(number)"))
            }
            await again.close()
            #expect(Set(ids).count == 151)
        }
    }

    /// The real program, stopped by a signal for longer than its lease and the rest of the number.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["BUSBAR_LONG"] == "1",
            "takes three minutes: only with BUSBAR_LONG=1"))
    func theProgramPausedAndTakenOverEnds() async throws {
        try await with { options in
            let environment = ["BUSBAR_DATABASE": options.databaseURL ?? ""]
            let data = ["--data", options.folder + "/data"]
            try await Installation.make(data, folder: options.folder, environment: environment)
            let paused = try await Program.serve(data, environment: environment)
            let token = try await paused.token()
            paused.program.signal(SIGSTOP)
            try await Task.sleep(for: .seconds(150))
            let next = try await Program.serve(data, environment: environment)
            paused.program.signal(SIGCONT)
            let reply = await paused.setLimit(31_111, token: token)
            #expect(reply.status != 200, "\(reply)")
            let ended = try await paused.program.end(withinS: 60)
            #expect(ended.code != 0 && ended.text.contains("taken over"), "\(ended.code) \(ended.text.suffix(600))")
            let settings = await next.ask("GET", "/api/v1/settings", token: token)
            #expect(settings.status == 200 && !settings.body.contains("31111"))
            #expect(try await next.stop().code == 0)
        }
    }
}
