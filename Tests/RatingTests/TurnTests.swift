// What is worked out before its turn counts only while nobody else has rated: then it is worked out again.
import Access
import CivilTime
import Clocks
import MeterData
import SQL
import TestSupport
import Testing

@testable import Rating

@Suite struct TurnTests {
    private static let day = ChainTests.april

    private static func reading(_ accountID: Int64, _ wh: Int32) -> RatedTown.Reading {
        RatedTown.Reading(accountID: accountID, day: day, values: Array(repeating: wh, count: 24))
    }

    private static func town(_ stores: TestSite) async throws -> RatedTown {
        let town = RatedTown(stores, from: day)
        try await town.build([ChainTests.flat], accounts: 2, holding: "FLAT", from: day)
        try await town.read([reading(101, 100), reading(102, 200)])
        return town
    }

    /// As a run prepares it.
    private static func prepare(_ accountID: Int64, _ town: RatedTown) async throws -> RateChunk {
        var chunk = try await Rater(site: town.site, org: town.org).chunk(
            [1_000 + accountID: day], month: day.month, shard: town.site.readings.shard(day.month), begun: [],
            acceptsOlder: false)
        chunk.prepared = try await town.site.money.read { [chunk] in
            try ChunkRating.of(
                chunk, atMs: town.clock.nowMs, ids: town.site.ids, town.scope, in: $0)
        }
        return chunk
    }

    private static func write(_ chunk: RateChunk, _ town: RatedTown) async throws -> RateChunk.Outcome {
        try await town.site.perform(chunk, as: .system(orgID: town.org.orgID), source: "test")
    }

    @Test(arguments: TestEngine.available)
    func whatAnotherRatedMeanwhileIsNotChargedTwice(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: RatedTown.migrations) { stores in
            let town = try await Self.town(stores)
            let first = try await Self.prepare(101, town)
            #expect(first.prepared?.outcome.made == 1)
            // Somebody else charges the same day, by later readings.
            try await town.read([Self.reading(101, 300)])
            #expect(try await town.rate() == 2)
            let balance = try await town.balance(101)
            await #expect(throws: OlderReadings.self) { try await Self.write(first, town) }
            let second = try await Self.prepare(101, town)
            #expect(second.prepared?.outcome.made == 0)
            #expect(try await Self.write(second, town).made == 0)
            #expect(try await town.balance(101) == balance)
        }
    }

    @Test(arguments: TestEngine.available)
    func theTurnOfTheSameRunForOtherAccountsLeavesItAsItIs(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: RatedTown.migrations) { stores in
            let town = try await Self.town(stores)
            let one = try await Self.prepare(101, town)
            var other = try await Self.prepare(102, town)
            var same = try await Self.prepare(101, town)
            let preparedMs = town.clock.nowMs
            town.clock.nowMs += 60_000
            let outcome = try await Self.write(one, town)
            other.count(outcome)
            same.count(outcome)
            #expect(try await Self.write(other, town).made == 1)
            // What was prepared is what was stored.
            #expect(try await town.charges(102, Self.day, Self.day).map(\.ratedAtMs) == [preparedMs])
            // Of the same account it does not count, and there is nothing left to charge.
            #expect(same.ownTurns.isEmpty)
            #expect(try await Self.write(same, town).made == 0)
            #expect(try await town.rate() == 0)
        }
    }
}
