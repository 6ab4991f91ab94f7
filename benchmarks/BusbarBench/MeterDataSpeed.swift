// Meter data at speed: load files made by seed and imported the product's own way, XML read, a year drawn, a day
// summed.
import Access
import Charts
import CivilTime
import Clocks
import Composition
import Cryptography
import Dispatch
import Foundation
import Glibc
import IEC61968
import IntervalData
import LoadFiles
import MeterData
import Outbox
import PostgresAdapter
import SQL
import SQLiteAdapter
import VEE

enum MeterDataSpeed {
    static let orgID: Int64 = 1
    static let migrations = AccessSchema.migrations + ChangeStream.migrations + MeterDataSchema.migrations
    static let firstDay = CivilMonth(year: 2026, month: 1).first

    /// 10 to 399 Wh an interval, the same in every program.
    static func value(_ index: Int) -> Int32 {
        Int32(((UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ 12_345) >> 16) % 390 + 10)
    }

    // MARK: Load files

    /// A long CSV: `METERS` × `DAYS` × `SLOTS` rows, in order or shuffled; of every `gapEvery`-th meter-day four values
    /// are left out.
    static func makeCSV(_ path: String, meters: Int, days: Int, slots: Int, shuffled: Bool, gapEvery: Int) throws {
        var order = (0..<UInt32(meters * days * slots)).map { $0 }
        if shuffled {
            var state: UInt64 = 42
            for index in order.indices.reversed() {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                order.swapAt(index, Int((state >> 33) % UInt64(index + 1)))
            }
        }
        let dates = (0..<days).map { Array(firstDay.advanced(by: $0).description.utf8) }
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw BenchError("cannot write \(path)") }
        var text = Array("meter_id,timestamp,kwh\n".utf8)
        func digits(_ number: Int, _ width: Int) {
            var scale = 1
            for _ in 1..<width { scale *= 10 }
            while scale > 0 {
                text.append(UInt8(48 + number / scale % 10))
                scale /= 10
            }
        }
        for row in order {
            let index = Int(row)
            let (meterDay, slot) = index.quotientAndRemainder(dividingBy: slots)
            if gapEvery > 0, meterDay % gapEvery == 5, (10..<14).contains(slot) { continue }
            text.append(UInt8(ascii: "M"))
            digits(1_000_000 + meterDay / days, 7)
            text.append(UInt8(ascii: ","))
            text += dates[meterDay % days]
            text.append(UInt8(ascii: " "))
            let minute = slot * 1440 / slots
            digits(minute / 60, 2)
            text.append(UInt8(ascii: ":"))
            digits(minute % 60, 2)
            text += Array(":00,0.".utf8)
            digits(Int(value(index)), 3)
            text.append(UInt8(ascii: "\n"))
            if text.count > 4_000_000 {
                file.write(Data(text))
                text.removeAll(keepingCapacity: true)
            }
        }
        file.write(Data(text))
        try file.close()
    }

    /// Where a bench keeps its databases.
    struct Place {
        var site: Site
        var org: Org
        /// Ends the work: logs are emptied into the files.
        var close: () async throws -> Void
    }

    /// - Parameter isHot: the business clock stands in the month of the data; otherwise a year later.
    static func open(_ place: String, isHot: Bool) async throws -> Place {
        let nowMs = Int64(firstDay.number + (isHot ? 40 : 400)) * 86_400_000
        let clocks = Clocks(businessNowMs: { nowMs }, systemNowMs: { nowMs }, businessRate: 0)
        let org = Org(orgID: orgID, name: "Bench", zone: .india)
        func site(_ money: any Database, _ readings: any ReadingsStore) -> Site {
            Site(money: money, readings: readings, clocks: clocks, ids: IDGenerator(processNumber: 1, clocks: clocks))
        }
        if place.hasPrefix("postgres") {
            let database = try await PostgresDatabase.open(url: place)
            for store in SchemaStore.allCases { try await Migrator.migrate(migrations, store: store, in: database) }
            let readings = PostgresReadings(database)
            return Place(site: site(database, readings), org: org) {
                await database.close()
                try checkpoint(place)
            }
        }
        let money = try await SQLiteDatabase.open(path: place + "/money.db", durability: .full)
        try await Migrator.migrate(migrations, store: .money, in: money)
        let readings = SQLiteReadings(folder: place, migrations: migrations)
        return Place(site: site(money, readings), org: org) {
            await readings.close()
            await money.close()
        }
    }

    /// Reads, checks and stores a file as `busbar import` does; with `estimates`, fills what is missing as well.
    static func importCSV(_ path: String, into folder: String, isHot: Bool, estimates: Bool, serverPID: Int?)
        async throws -> String
    {
        let place = try await open(folder, isHot: isHot)
        // Made before, as the tables of the peer are.
        for month in [firstDay.month, firstDay.month.next] { _ = try await place.site.readings.shard(month) }
        let before = try serverPID.map(serverCoreS) ?? 0
        let watch = Stopwatch()
        guard let (file, sha256) = PlainLoad.read(path, file: "bench.csv", zone: place.org.zone, parts: 2) else {
            throw BenchError("cannot read \(path)")
        }
        let read = watch.used()
        let targets = file.meters.indices.map { column in
            ImportTarget(column: column, meterID: Int64(file.meters[column].dropFirst()) ?? 0, sanctionedW: 5_000)
        }.sorted { $0.meterID < $1.meterID }
        let importID = try await place.site.money.write { transaction in
            try ImportRun.begin(
                file: "bench.csv", fileSHA256: sha256, rowCount: file.rowCount, valueCount: file.valueCount,
                refusals: [], newID: 77, nowMs: 1, orgID: orgID, in: transaction)
        }
        let counts = try await Importer(site: place.site, org: place.org).run(
            file, targets: targets, importID: importID)
        let stored = watch.used()
        let filled = estimates ? try await fill(file, targets, place) : 0
        try await place.close()
        let used = watch.used()
        let serverS = try serverPID.map(serverCoreS).map { $0 - before } ?? 0
        guard counts.newVersions == counts.meterDays, counts.heldValues == 0, file.refusedCount == 0 else {
            throw BenchError("the import was not whole: \(counts), \(file.refusedCount) refused")
        }
        let again = try await open(folder, isHot: isHot)
        let totals = try await totals(targets, file.months, again)
        try await again.close()
        return #"{"intervals": \#(totals.actual), "wh": \#(totals.wh), "estimated": \#(totals.estimated), "#
            + #""filled": \#(filled), "meter_days": \#(counts.meterDays), "wall_s": \#(used.wallS), "#
            + #""client_core_s": \#(used.coreS), "server_core_s": \#(serverS), "read_wall_s": \#(read.wallS), "#
            + #""read_core_s": \#(read.coreS), "stored_wall_s": \#(stored.wallS), "stored_core_s": \#(stored.coreS)}"#
    }

    /// Looks at every meter's month as stored and estimates what is missing from the days before it.
    private static func fill(_ file: LoadFile, _ targets: [ImportTarget], _ place: Place) async throws -> Int {
        var filled = 0
        for month in file.months {
            let shard = try await place.site.readings.shard(month)
            for start in stride(from: 0, to: targets.count, by: 64) {
                filled += try await shard.write { transaction in
                    var filled = 0
                    for target in targets[start..<min(targets.count, start + 64)] {
                        let days = try DayBlocks.current(
                            meterID: target.meterID, from: month.first, to: month.last, orgID: orgID, in: transaction)
                        for (index, day) in days.enumerated() where day.block.lowestQuality == .missing {
                            let (block, unfilled) = estimate(
                                day.block, history: days[..<index].suffix(10).reversed().map(\.block), batch: 78)
                            filled += day.block.count(of: .missing) - unfilled.count
                            try DayBlocks.store(
                                block, after: day, day: day.day, meterID: target.meterID, madeBy: "estimate",
                                madeAtMs: 2, orgID: orgID, in: transaction)
                        }
                    }
                    return filled
                }
            }
        }
        return filled
    }

    private static func totals(_ targets: [ImportTarget], _ months: [CivilMonth], _ place: Place) async throws -> (
        actual: Int, wh: Int64, estimated: Int
    ) {
        var all = (actual: 0, wh: Int64(0), estimated: 0)
        for month in months {
            let some = try await place.site.readings.shard(month).read { transaction in
                var some = (actual: 0, wh: Int64(0), estimated: 0)
                for target in targets {
                    let days = try DayBlocks.current(
                        meterID: target.meterID, from: month.first, to: month.last, orgID: orgID, in: transaction)
                    for day in days {
                        some.estimated += day.block.count(of: .estimated)
                        some.actual += day.block.count(of: .actual)
                        for slot in day.block.values.indices where day.block.qualities[slot] == .actual {
                            some.wh += Int64(day.block.values[slot])
                        }
                    }
                }
                return some
            }
            all = (all.actual + some.actual, all.wh + some.wh, all.estimated + some.estimated)
        }
        return all
    }

    // MARK: XML

    /// Writes MeterReadings of whole days of 48 intervals.
    static func makeXML(_ path: String, meterDays: Int) throws {
        guard let type = ReadingTypeCode.intervalImport(periodS: 1800) else { throw BenchError("no reading type") }
        var writer = XMLMessageWriter(MessageHeader(.event, .created, .meterReadings))
        writer.openPayload()
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw BenchError("cannot write \(path)") }
        for index in 0..<meterDays {
            let dayMs = Int64(firstDay.number) * 86_400_000
            let readings = (0..<48).map { slot in
                Reading(
                    atMs: dayMs + Int64(slot + 1) * 1_800_000, value: ExactNumber(Int64(value(index * 48 + slot))))
            }
            writer.write(
                MeterReading(
                    meter: NamedThing(mRID: "M\(1_000_000 + index)"),
                    intervals: [ReadingSeries(type, readings)]))
            if writer.pendingBytes > 1_000_000 { file.write(Data(writer.take())) }
        }
        writer.finish()
        file.write(Data(writer.take()))
        try file.close()
    }

    /// Reads the file in pieces and makes day blocks of it.
    static func readXML(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else { throw BenchError("cannot read \(path)") }
        let bytes = [UInt8](data)
        let watch = Stopwatch()
        var reader = XMLMessageReader(limits: DocumentLimits())
        var readings = 0
        var wh: Int64 = 0
        var blocks: [DayBlock] = []
        let startMs = Int64(firstDay.number) * 86_400_000
        func take(_ items: [MessageItem]) throws {
            for case .reading(let reading) in items {
                for series in reading.intervals {
                    var block = DayBlock.empty(slots: 48)
                    for one in series.readings {
                        let slot = Int((one.atMs - startMs) / 1_800_000) - 1
                        guard block.values.indices.contains(slot), let value = one.value.whole(inUnitsOf: 0) else {
                            throw BenchError("a reading out of place at line \(one.line)")
                        }
                        block.values[slot] = Int32(clamping: value)
                        block.qualities[slot] = .actual
                    }
                    block.sources = [SourceRun(batch: 1, count: 48)]
                    readings += series.readings.count
                    wh += block.totalValue
                    blocks.append(block)
                }
            }
        }
        for start in stride(from: 0, to: bytes.count, by: 262_144) {
            try take(reader.feed(Array(bytes[start..<min(bytes.count, start + 262_144)])))
        }
        try reader.finish()
        let used = watch.used()
        return #"{"readings": \#(readings), "wh": \#(wh), "blocks": \#(blocks.count), "wall_s": \#(used.wallS), "#
            + #""client_core_s": \#(used.coreS)}"#
    }

    // MARK: A meter's year

    /// A store of compacted months of a year.
    static func makeYear(_ folder: String, meters: Int) async throws -> String {
        let place = try await open(folder, isHot: false)
        let start = Date()
        for month in 0..<12 {
            let civil = CivilMonth(index: firstDay.month.index - 12 + month)
            let days = civil.dayCount
            let shard = try await place.site.readings.shard(civil)
            for from in stride(from: 0, to: meters, by: 500) {
                var blocks: [(day: CivilDay, meterID: Int64, block: DayBlock)] = []
                for day in 0..<days {
                    for meter in from..<min(meters, from + 500) {
                        blocks.append(
                            (civil.first.advanced(by: day), Int64(1_000_000 + meter), year(meter, month * 31 + day)))
                    }
                }
                try await shard.write { [blocks] transaction in
                    try DayBlocks.storeFirstVersions(
                        blocks, month: civil, madeBy: "read",
                        madeAtMs: 1_767_225_600_000, orgID: orgID, in: transaction)
                }
            }
        }
        let hot = try await settled(place, folder)
        let keeper = MonthKeeper(site: place.site, org: place.org)
        for month in try await place.site.readings.months() { try await keeper.compact(month) }
        let compacted = try await settled(place, folder)
        for month in try await place.site.readings.months() { try await keeper.archive(month) }
        let archived = try fileBytes(folder + "/archive")
        for month in try await place.site.readings.months() { try await place.site.readings.files.bringBack(month) }
        try await place.close()
        let meterDays = Double(meters * 365)
        return #"{"meter_days": \#(meters * 365), "hot_bytes": \#(Double(hot) / meterDays), "#
            + #""compacted_bytes": \#(Double(compacted) / meterDays), "#
            + #""archived_bytes": \#(Double(archived) / meterDays), "#
            + #""wall_s": \#(Date().timeIntervalSince(start))}"#
    }

    private static func year(_ meter: Int, _ day: Int) -> DayBlock {
        let values: [Int32] = (0..<48).map { slot in household(meter, day * 48 + slot) }
        return DayBlock(
            values: values, qualities: Array(repeating: .actual, count: 48),
            sources: [SourceRun(batch: 900 + Int64(day), count: 48)])
    }

    /// A household by seed: a base, a morning, an evening, and appliances now and then.
    private static func household(_ meter: Int, _ index: Int) -> Int32 {
        let noise = Int(value(meter &* 7_919 &+ index))
        let slot = index % 48
        let shape = (13..<18).contains(slot) ? 160 : (36..<45).contains(slot) ? 320 : 60
        return Int32(shape + meter % 40 + noise / 8 + (noise > 370 ? 700 : 0))
    }

    private static func settled(_ place: Place, _ folder: String) async throws -> Int64 {
        for month in try await place.site.readings.months() {
            try await place.site.readings.files.giveBackRoom(month)
        }
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".db") }
            .reduce(0) { sum, name in
                guard name.hasPrefix("readings-") else { return sum }
                let size = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int64
                return sum + (size ?? 0)
            }
    }

    /// Draws the year of some meters, each once: milliseconds, in order.
    /// - Parameter isCold: the files are dropped from the page cache and opened anew before each.
    static func drawYear(_ folder: String, meters: Int, runs: Int, isCold: Bool) async throws -> String {
        var times: [Double] = []
        var how = "warm"
        var drawn = 0
        var place = try await open(folder, isHot: false)
        for run in 0..<(runs + (isCold ? 0 : 3)) {
            if isCold {
                try await place.close()
                how = try dropCache(folder)
                place = try await open(folder, isHot: false)
            }
            let meterID = Int64(1_000_000 + (run * 7_919 + 13) % meters)
            let watch = Stopwatch()
            let days = try await History.blocks(
                meterID: meterID, from: firstDay.advanced(by: -365), to: firstDay.advanced(by: -1), site: place.site,
                orgID: orgID)
            let svg = Bars(
                bars: days.map { day in
                    Bars.Bar(value: day.block.totalValue, compared: nil, top: "", bottom: "", title: "\(day.day)")
                }, alt: "a year"
            ).svg()
            let used = watch.used()
            guard days.count == 365, svg.contains("<svg") else { throw BenchError("\(days.count) days of 365") }
            drawn += svg.utf8.count
            // The first ones warm the connections.
            if isCold || run >= 3 { times.append(used.wallS * 1000) }
        }
        try await place.close()
        let sorted = times.sorted()
        return
            #"{"how": "\#(how)", "median_ms": \#(sorted[sorted.count / 2]), "#
            + #""highest_ms": \#(sorted[sorted.count - 1]), "#
            + #""runs": \#(sorted.count), "svg_bytes": \#(drawn / (sorted.count))}"#
    }

    private static func dropCache(_ folder: String) throws -> String {
        sync()
        if let file = FileHandle(forWritingAtPath: "/proc/sys/vm/drop_caches") {
            // Refused in a container that may not.
            if (try? file.write(contentsOf: Data("3\n".utf8))) != nil { return "drop_caches" }
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let descriptor = Glibc.open(folder + "/" + name, O_RDONLY)
            guard descriptor >= 0 else { continue }
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
        return "posix_fadvise"
    }

    // MARK: A day of many meters

    /// Sums one day of many meters into a hundred sets and the whole, slot by slot, as stored; median of the runs.
    static func aggregate(_ folder: String, meters: Int, runs: Int) async throws -> String {
        let place = try await open(folder, isHot: true)
        let shard = try await place.site.readings.shard(firstDay.month)
        for from in stride(from: 0, to: meters, by: 2_000) {
            let blocks = (from..<min(meters, from + 2_000)).map { meter in
                (
                    day: firstDay, meterID: Int64(1_000_000 + meter),
                    block: DayBlock(
                        values: (0..<96).map { value(meter * 96 + $0) },
                        qualities: Array(repeating: .actual, count: 96), sources: [SourceRun(batch: 5, count: 96)])
                )
            }
            try await shard.write { transaction in
                try DayBlocks.storeFirstVersions(
                    blocks, month: firstDay.month, madeBy: "read", madeAtMs: 1, orgID: orgID, in: transaction)
            }
        }
        var times: [Double] = []
        var total: Int64 = 0
        for _ in 0..<runs {
            let watch = Stopwatch()
            let middle = Int64(1_000_000 + meters / 2)
            async let one = sums(shard, Int64.min...middle - 1)
            async let other = sums(shard, middle...Int64.max)
            let both = (try await one, try await other)
            total = both.0.reduce(0, +) + both.1.reduce(0, +)
            times.append(watch.used().wallS)
        }
        try await place.close()
        let sorted = times.sorted()
        return
            #"{"wh": \#(total), "median_s": \#(sorted[sorted.count / 2]), "highest_s": \#(sorted[sorted.count - 1])}"#
    }

    /// By set and slot.
    private static func sums(_ shard: any Database, _ meters: ClosedRange<Int64>) async throws -> [Int64] {
        try await shard.read { transaction in
            var sums = [Int64](repeating: 0, count: 100 * 96)
            try DayBlocks.sweep(
                day: firstDay, channel: .importWh, meters: meters, through: .max, orgID: orgID, in: transaction
            ) { day in
                let base = Int(day.meterID % 100) * 96
                day.values.withUnsafeBytes { raw in
                    for slot in 0..<min(96, day.slotCount) {
                        sums[base + slot] += Int64(
                            Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 1 + slot * 4, as: Int32.self)))
                    }
                }
            }
            return sums
        }
    }
}
