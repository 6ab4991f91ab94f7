// Bulk loads of day blocks: each block is stored once, as it is, however many come at a time.
import CivilTime
import IntervalData
import MeterData
import Outbox
import SQL
import TestSupport
import Testing

@Suite struct BulkStoreTests {
    static let migrations = ChangeStream.migrations + MeterDataSchema.migrations
    static let day = CivilDay(number: 20_470)

    static func block(_ meterID: Int64) -> DayBlock {
        DayBlock(
            values: (0..<48).map { Int32($0) * 7 + Int32(meterID) }, qualities: Array(repeating: .actual, count: 48),
            sources: [SourceRun(batch: meterID, count: 48)])
    }

    @Test(arguments: TestEngine.available, [0, 1, 19, 20, 21, 40, 67])
    func storesEachBlockAsItIs(_ engine: TestEngine, _ count: Int) async throws {
        try await withSite(engine, migrations: Self.migrations) { site in
            let shard = try await site.readings.shard(Self.day.month)
            let meters = (0..<count).map { Int64(100 + $0) }
            try await shard.write { transaction in
                try DayBlocks.storeFirstVersions(
                    meters.map { (Self.day, $0, Self.block($0)) }, month: Self.day.month, madeBy: "import", madeAtMs: 5,
                    orgID: 1, in: transaction)
            }
            try await shard.read { transaction in
                let changes = try DayBlocks.changes(
                    after: 0, month: Self.day.month, limit: 1000, orgID: 1, in: transaction)
                #expect(changes.map(\.meterID) == meters && changes.map(\.change) == (0..<count).map { Int64($0 + 1) })
                for meterID in meters {
                    let stored = try DayBlocks.versions(meterID: meterID, day: Self.day, orgID: 1, in: transaction)
                    #expect(stored.map(\.block) == [Self.block(meterID)] && stored.first?.version == 1)
                    #expect(stored.first?.madeBy == "import" && stored.first?.madeAtMs == 5)
                }
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func aDayThatIsThereRefusesAll(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Self.migrations) { site in
            let shard = try await site.readings.shard(Self.day.month)
            @Sendable func store(_ meters: ClosedRange<Int64>) async throws {
                try await shard.write { transaction in
                    try DayBlocks.storeFirstVersions(
                        meters.map { (Self.day, $0, Self.block($0)) }, month: Self.day.month, madeBy: "import",
                        madeAtMs: 5, orgID: 1, in: transaction)
                }
            }
            try await store(100...100)
            let error = await #expect(throws: SQLError.self) { try await store(70...110) }
            #expect(error?.code == .unique)
            let changes = try await shard.read { transaction in
                try DayBlocks.changes(after: 0, month: Self.day.month, limit: 1000, orgID: 1, in: transaction)
                    .map(\.meterID)
            }
            #expect(changes == [100])
        }
    }
}
