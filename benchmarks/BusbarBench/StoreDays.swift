// Meter-days through the product's own way into the day-block store, on both engines, as durable as the product is.
import CivilTime
import Foundation
import IntervalData
import MeterData
import Outbox
import PostgresAdapter
import SQL
import SQLiteAdapter

enum StoreDays {
    static let orgID: Int64 = 1
    static let migrations = ChangeStream.migrations + MeterDataSchema.migrations
    /// Meter-days a transaction, as in a nightly run.
    static let chunkSize = 1_000

    static func sqlite(_ load: BenchLoad, folder: String) async throws -> BenchResult {
        let readings = SQLiteReadings(folder: folder, migrations: migrations)
        let month = CivilDay(number: BenchLoad.firstDay).month
        let shard = try await readings.shard(month)
        var seconds = try await store(load, month, shard)
        let end = Stopwatch()
        // Empties the log into the file.
        await readings.close()
        seconds += end.used()
        let bytes = try fileBytes(folder)
        let again = SQLiteReadings(folder: folder, migrations: migrations)
        let totals = try await totals(again.shard(month))
        await again.close()
        return BenchResult(load: load, seconds: seconds, bytes: bytes, totals: totals)
    }

    static func postgres(_ load: BenchLoad, url: String, serverPID: Int) async throws -> BenchResult {
        let database = try await PostgresDatabase.open(url: url)
        try await Migrator.migrate(migrations, store: .readings, in: database)
        let month = CivilDay(number: BenchLoad.firstDay).month
        let shard = try await PostgresReadings(database).shard(month)
        let before = try serverCoreS(serverPID)
        var seconds = try await store(load, month, shard)
        let end = Stopwatch()
        try checkpoint(url)
        seconds += end.used()
        let server = try serverCoreS(serverPID) - before
        let bytes = try await database.read { transaction in
            try transaction.first(
                """
                SELECT CAST(SUM(pg_total_relation_size(c.oid)) AS BIGINT) FROM pg_class AS c
                WHERE c.relkind = 'r' AND c.relispartition
                """, []
            ) { try $0.int(0) } ?? 0
        }
        let totals = try await totals(shard)
        await database.close()
        return BenchResult(load: load, seconds: seconds, serverCoreS: server, bytes: bytes, totals: totals)
    }

    private static func store(_ load: BenchLoad, _ month: CivilMonth, _ shard: any Database) async throws -> Seconds {
        var seconds = Seconds()
        for batch in load.batches {
            let blocks = batch.map { index in
                (day: CivilDay(number: load.day(index)), meterID: load.meterID(index), block: load.block(index))
            }
            let watch = Stopwatch()
            for start in stride(from: 0, to: blocks.count, by: chunkSize) {
                let chunk = Array(blocks[start..<min(start + chunkSize, blocks.count)])
                try await shard.write { transaction in
                    try DayBlocks.storeFirstVersions(
                        chunk, month: month, madeBy: "import", madeAtMs: 1_767_225_600_000, orgID: orgID,
                        in: transaction)
                }
            }
            seconds += watch.used()
        }
        return seconds
    }

    private static func totals(_ shard: any Database) async throws -> BenchTotals {
        try await shard.read { transaction in
            var totals = BenchTotals()
            _ = try transaction.query(
                "SELECT meter_id, interval_values, qualities, sources FROM day_block WHERE org_id = $1", [.int(orgID)]
            ) { row in
                let block = try DayBlock(
                    decoding: EncodedDay(values: row.bytes(1), qualities: row.bytes(2), sources: row.bytes(3)))
                totals.intervals += Int64(block.slotCount)
                totals.meterIDs += try row.int(0) * Int64(block.slotCount)
                totals.estimated += Int64(block.count(of: .estimated))
                for (slot, value) in block.values.enumerated() {
                    totals.wh += Int64(value)
                    totals.whBySlot += Int64(value) * Int64(slot + 1)
                }
                for run in block.sources { totals.sources += run.batch * Int64(run.count) }
            }
            return totals
        }
    }
}

/// The size of all files of a folder.
func fileBytes(_ folder: String) throws -> Int64 {
    try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { sum, name in
        let size = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int64
        return sum + (size ?? 0)
    }
}
