// The frames behind an answer, as they went over the wire: compressed, bounded, beside the raw read of the same batch.
// Written once, never changed, deleted only with the read.
import CivilTime
import Compression
import Foundation
import MeterPort
import SQL

/// Form of the stored bytes, format 1: JSON with base64, gzip. Names are short because there is one of it for every
/// answer of every meter.
private struct Stored: Codable {
    struct Frame: Codable {
        /// 1 from the meter, 0 to it.
        var m: Int
        var b: Data
    }
    struct Column: Codable {
        var c: UInt16
        var o: Data
        var a: Int8
        var s: Int8?
        var u: UInt8?
    }
    struct Exchange: Codable {
        var c: UInt16
        var o: Data
        var a: Int8
        var f: [Frame]
        var v: Data?
        var k: [Column]
    }
    var format = 1
    var cut: Bool
    var exchanges: [Exchange]
}

public enum RawFrames {
    /// Largest stored row, octets; a longer one is kept without its last exchanges and says so.
    static let limitBytes = 256 * 1024
    private static let expandedMax = 4 * MeterRecord.limitBytes

    static func encode(_ record: MeterRecord) throws -> [UInt8] {
        var record = record
        while true {
            let stored = Stored(
                cut: record.isCut,
                exchanges: record.exchanges.map { exchange in
                    Stored.Exchange(
                        c: exchange.classID, o: Data(exchange.obis), a: exchange.attribute,
                        f: exchange.frames.map { Stored.Frame(m: $0.isFromMeter ? 1 : 0, b: Data($0.bytes)) },
                        v: exchange.value.map { Data($0) },
                        k: exchange.columns.map {
                            Stored.Column(c: $0.classID, o: Data($0.obis), a: $0.attribute, s: $0.scaler, u: $0.unit)
                        })
                })
            let bytes = try Gzip.compress(Array(JSONEncoder().encode(stored)))
            guard bytes.count > limitBytes, !record.exchanges.isEmpty else { return bytes }
            record.exchanges.removeLast()
            record.isCut = true
        }
    }

    static func decode(_ bytes: [UInt8]) throws -> MeterRecord {
        do {
            let json = try Gzip.decompress(bytes, limit: expandedMax)
            let stored = try JSONDecoder().decode(Stored.self, from: Data(json))
            guard stored.format == 1 else { throw SQLError(.decode, "frames of format \(stored.format)") }
            return MeterRecord(
                exchanges: stored.exchanges.map { exchange in
                    MeterExchange(
                        classID: exchange.c, obis: Array(exchange.o), attribute: exchange.a,
                        frames: exchange.f.map { MeterFrame(isFromMeter: $0.m == 1, bytes: Array($0.b)) },
                        value: exchange.v.map { Array($0) },
                        columns: exchange.k.map {
                            MeterColumn(classID: $0.c, obis: Array($0.o), attribute: $0.a, scaler: $0.s, unit: $0.u)
                        })
                }, isCut: stored.cut)
        } catch let error as SQLError {
            throw error
        } catch {
            throw SQLError(.decode, "stored frames cannot be read: \(error)")
        }
    }

    /// Stores the frames of an answer, in the transaction that stores the answer.
    static func store(_ record: MeterRecord, of raw: RawRead, orgID: Int64, in transaction: any SQLTransaction) throws {
        guard !record.exchanges.isEmpty || record.isCut else { return }
        try transaction.run(
            """
            INSERT INTO raw_frames (org_id, day, meter_id, batch_id, frames) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """,
            [
                .int(orgID), .day(raw.day), .int(raw.meterID), .int(raw.batchID),
                .bytes(try encode(record)),
            ])
    }

    /// The frames of a batch; nil when none were kept.
    public static func find(
        batchID: Int64, meterID: Int64, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> MeterRecord? {
        try transaction.first(
            "SELECT frames FROM raw_frames WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND batch_id = $4",
            [.int(orgID), .day(day), .int(meterID), .int(batchID)]
        ) { try decode($0.bytes(0)) }
    }
}
