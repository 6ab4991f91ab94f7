// A small company on one engine, with meters that another system knows by their serial numbers.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Exchange
import Foundation
import Grid
import HeadEnd
import IEC61968
import MeterPort
import Meters
import SQL
import TestSupport

struct ExchangeSite: Sendable {
    /// 2026-11-20 06:00 in India.
    static let nowMs: Int64 = 1_795_134_600_000
    static let today = Zone.india.day(atS: nowMs / 1_000)
    static let org = Org(orgID: 1, name: "Exchange Power")

    let site: Site

    var scope: Scope { Scope(orgID: 1) }
    var exchange: Exchange { exchange(.system(orgID: 1)) }
    func exchange(_ actor: Actor) -> Exchange { Exchange(site: site, org: Self.org, actor: actor, via: "test") }

    static func with<Value>(
        _ engine: TestEngine, meters: Int = 3, _ body: (ExchangeSite) async throws -> Value
    ) async throws -> Value {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clocks = Clocks(businessNowMs: { nowMs }, systemNowMs: { nowMs }, businessRate: 0)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 0, clocks: clocks))
            let made = ExchangeSite(site: site)
            try await made.build(meters)
            return try await body(made)
        }
    }

    private func build(_ count: Int) async throws {
        try await site.money.write { [scope] transaction in
            try Self.org.create(in: transaction)
            try Place(placeID: 10, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
            for number in Int64(1)...2 {
                try Place(placeID: 10 + number, parentID: 10, kind: .feeder, name: "Feeder \(number)")
                    .create(scope, in: transaction)
            }
            for number in Int64(1)...Int64(count) {
                try SupplyAccount(
                    accountID: 100 + number, accountNumber: "A-\(number)", name: "House \(number)",
                    category: "domestic", placeID: number == 1 ? 11 : 12, sanctionedW: 5_000, language: "en",
                    openedDay: CivilDay(number: 20_000)
                ).create(scope, in: transaction)
                try Meter(
                    meterID: 1_000 + number, serial: "BB\(number)", host: "", port: 0, clientAddress: 16,
                    authentication: "none", sealedKeys: nil, capturePeriodS: 1_800
                ).create(scope, atMs: Self.nowMs, in: transaction)
                try Installation(meterID: 1_000 + number, accountID: 100 + number, fromDay: CivilDay(number: 20_000))
                    .create(scope, in: transaction)
            }
        }
    }

    /// Raw reads of three days across the end of a month, with registers and events, as the collector stores them.
    func fill() async throws {
        let zone = Zone.india
        for meterID in Int64(1_001)...1_003 {
            var register: Int64 = meterID * 1_000
            for offset in [-21, -20, -19, -1] {
                let day = Self.today.advanced(by: offset)
                let startS = zone.startS(of: day)
                // One meter misses some intervals.
                let rows = (1...48).filter { meterID != 1_002 || $0 % 7 != 0 }.map {
                    BlockLoadRow(endS: startS + Int64($0) * 1_800, importWh: Int32(meterID % 10) * 100 + Int32($0))
                }
                let before = register
                register += rows.reduce(0) { $0 + Int64($1.importWh) }
                let raw = RawRead(
                    day: day, meterID: meterID, batchID: site.ids.next(), readAtMs: Self.nowMs, rows: rows,
                    registerStartWh: before, registerEndWh: register, clockDriftS: nil)
                let events = [
                    MeterEventEntry(atS: startS + 3_600, code: 101), MeterEventEntry(atS: startS + 3_700, code: 102),
                    MeterEventEntry(atS: startS + 3_700, code: 201),
                ]
                try await site.readings.shard(day.month).write { transaction in
                    try raw.store(orgID: 1, in: transaction)
                    try MeterEvents.store(events, meterID: meterID, zone: zone, orgID: 1, in: transaction)
                }
            }
        }
    }

    /// What is stored of all meters, without the numbers that each site makes for itself.
    func stored() async throws -> [String] {
        var all: [String] = []
        for month in try await site.readings.months() {
            all += try await site.readings.shard(month).read { transaction in
                let reads = try RawRead.after(change: 0, month: month, limit: 10_000, orgID: 1, in: transaction).map {
                    let rows = $0.rows.map { "\($0.endS)=\($0.importWh)" }.joined(separator: " ")
                    let registers = "\($0.registerStartWh ?? -1)-\($0.registerEndWh ?? -1)"
                    return "raw \($0.day) \($0.meterID) \(registers) \(rows)"
                }
                let events = try transaction.query(
                    "SELECT meter_id, day, at_ms, code FROM meter_event WHERE org_id = 1", []
                ) { "event \(try $0.int(0)) \(try $0.int(1)) \(try $0.int(2)) \(try $0.int(3))" }
                return reads + events
            }
        }
        return Array(Set(all)).sorted()
    }

    func count(_ table: String) async throws -> Int64 {
        try await site.money.read { try $0.first("SELECT COUNT(*) FROM \(table)", []) { try $0.int(0) } ?? -1 }
    }

    func whole(_ kind: ExportKind, _ format: MessageFormat) async throws -> [UInt8] {
        let collected = Collected()
        let range = try ExportRange(from: Self.today.advanced(by: -30), to: Self.today, daysMax: 31)
        _ = try await exchange.whole(kind, range, format) { collected.bytes += $0 }
        return collected.bytes
    }

    func take(_ bytes: [UInt8], _ format: MessageFormat = .xml, _ kind: TakeKind = .everything) async throws
        -> TakeReport
    {
        try await exchange.take(DocumentSource(name: "doc", bytes: bytes), format, kind: kind)
    }
}

private final class Collected {
    var bytes: [UInt8] = []
}
