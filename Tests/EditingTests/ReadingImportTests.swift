// Files of any kind into the store: channels, qualities of the sender, sources, registers, and that the same again
// changes
// nothing and another value is told of.
import Access
import CivilTime
import IntervalData
import LoadFiles
import MeterData
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct ReadingImportTests {
    private static func parse(_ text: String, zone: Zone, _ name: String = "f.csv") throws -> ReadFile {
        var parser = ReadingFileParser(file: name, zone: zone)
        for byte in text.utf8 { try parser.feed([byte]) }
        return try parser.finish()
    }

    private static func run(
        _ bench: Bench, _ file: ReadFile, sha: UInt8, as actor: Actor = Bench.chief
    ) async throws -> ReadingImportResult {
        let importer = ReadingImport(site: bench.site, org: bench.org, actor: actor, source: "test")
        var plan = try await importer.plan(file)
        plan.refusals += ReadingImport.refusals(of: plan.unknown)
        return try await importer.run(file, name: "f.csv", sha256: Array(repeating: sha, count: 32), plan: plan)
    }

    private static func rows(_ day: CivilDay, _ value: (Int) -> String) -> String {
        (0..<48).map { slot in
            let (hour, minute) = (slot / 2, slot % 2 * 30)
            return "M1071-of-1,\(day) \(hour < 10 ? "0" : "")\(hour):\(minute == 0 ? "00" : "30"),\(value(slot))"
        }.joined(separator: "\n")
    }
    private static let head = "meter,time,import kWh,export kWh,voltage V,quality\n"

    @Test(arguments: TestEngine.available)
    func channelsQualitiesAndSources(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first.advanced(by: -3)
            let text = Self.head + Self.rows(day) { "0.\($0 + 100),0.05,230.\($0 % 10),\($0 < 10 ? "E" : "A")" }
            let file = try Self.parse(text, zone: bench.org.zone)
            let done = try await Self.run(bench, file, sha: 1)
            #expect(done.isWhole && done.report.stored?.meterDays == 3 && done.report.stored?.newVersions == 3)
            let importID = try #require(done.importID)
            let energy = try await bench.versions(day).last?.block
            #expect(energy?.values == (0..<48).map { Int32($0 + 100) })
            #expect(energy?.count(of: .estimated) == 10 && energy?.count(of: .actual) == 38)
            #expect(energy?.sources.allSatisfy { $0.batch == importID } == true)
            let volts = try await bench.versions(day, channel: .voltagePhaseA).last?.block
            #expect(volts?.values.first == 230_000 && volts?.values.last == 230_700)
            let sources = try await bench.site.readings.shard(day.month).read { [meter = bench.meter] in
                try ReadingSource.of(meterID: meter, channel: .exportWh, day: day, orgID: 1, in: $0)
            }
            #expect(sources.map(\.codes) == ["E*10 A*38"] && sources.map(\.rows) == [2...49])
            #expect(sources.map(\.batchID) == [importID])
            // The same again: one run, nothing new.
            let again = try await Self.run(bench, file, sha: 1)
            #expect(again.importID == importID && again.report.stored?.newVersions == 0 && again.isWhole)
            let run = try await bench.site.money.read { try ImportRun.find(importID, orgID: 1, in: $0) }
            #expect(
                run.finishedAtMs != nil && run.kind == "mapped-csv" && run.report?.contains("\"estimated\":30") == true)
        }
    }

    @Test(arguments: TestEngine.available)
    func lateActualsWinAndOtherValuesAreKeptAside(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first.advanced(by: -3)
            func take(_ sha: UInt8, _ row: @escaping (Int) -> String) async throws -> ReadingImportResult {
                try await Self.run(
                    bench, try Self.parse(Self.head + Self.rows(day, row), zone: bench.org.zone), sha: sha)
            }
            _ = try await take(1) { "0.\($0 + 100),0.05,230,\($0 < 10 ? "E" : "A")" }
            let late = try await take(2) { "0.\($0 < 10 ? 300 : $0 + 100),0.05,230,A" }
            #expect(late.isWhole && late.report.stored?.newVersions == 3)
            let block = try await bench.versions(day).last?.block
            #expect(block?.lowestQuality == .actual && block?.values[9] == 300 && block?.values[10] == 110)
            let other = try await take(3) { "0.\($0 == 20 ? 999 : $0 < 10 ? 300 : $0 + 100),0.06,230,A" }
            #expect(other.report.stored?.conflicts == 49 && other.refusals.count == 2 && !other.isWhole)
            #expect(other.refusals.contains { $0.text == "21:999" && $0.what.contains("120 is stored, 999 came") })
            #expect(try await bench.versions(day).last?.block == block)
            let kept = try await bench.site.money.read {
                try ImportRun.refusals(of: try #require(other.importID), limit: 10, orgID: 1, in: $0)
            }
            #expect(kept == other.refusals)
        }
    }

    @Test(arguments: TestEngine.available)
    func registersAreKeptAndIntervalsFitTheStore(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first.advanced(by: -3)
            let register = "meter,time,register kWh\n" + Self.rows(day) { "\(1000 + $0).5" }
            let done = try await Self.run(bench, try Self.parse(register, zone: bench.org.zone), sha: 1)
            #expect(done.report.stored?.newRegisters == 48 && done.isWhole)
            #expect(try await bench.versions(day).last?.block.values.prefix(47).allSatisfy { $0 == 1000 } == true)
            let stored = try await bench.site.readings.shard(day.month).read { [meter = bench.meter] in
                try StoredRegister.of(meterID: meter, from: day, to: day, orgID: 1, in: $0)
            }
            #expect(stored.count == 48 && stored.last?.value == 1_047_500)
            // Quarters of an hour add up to the stored halves; whole hours do not make halves.
            let next = day.advanced(by: 1)
            func wh(_ minutes: Int, _ each: Int) -> String {
                "meter,time,Wh\n"
                    + stride(from: 0, to: 1440, by: minutes).map { at in
                        let (hour, minute) = (String(100 + at / 60).dropFirst(), String(100 + at % 60).dropFirst())
                        return "M1071-of-1,\(next) \(hour):\(minute),\(each)"
                    }.joined(separator: "\n")
            }
            for (sha, minutes, each) in [(UInt8(2), 30, 20), (3, 15, 10)] {
                let read = try Self.parse(wh(minutes, each), zone: bench.org.zone)
                #expect(try await Self.run(bench, read, sha: sha).isWhole, "\(minutes)")
            }
            #expect(try await bench.versions(next).map(\.block.slotCount) == [48])
            let hours = try await Self.run(bench, try Self.parse(wh(60, 40), zone: bench.org.zone), sha: 4)
            #expect(hours.refusals.count == 1 && hours.refusals[0].what.contains("stored in 48 intervals"))
        }
    }

    @Test(arguments: TestEngine.available)
    func whoMayNotOrCannotSee(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first.advanced(by: -3)
            let file = try Self.parse(Self.head + Self.rows(day) { _ in "0.1,0.1,230,A" }, zone: bench.org.zone)
            // Somebody of another place does not see the meter: it is refused as if there were none.
            let confined = Bench.person(700, .operator, places: [bench.retailer.place + 1])
            let blind = try await Self.run(bench, file, sha: 9, as: confined)
            #expect(blind.meters == 0 && blind.refusals.map { $0.what.contains("there is no meter") } == [true])
            let refused = try await refusal {
                _ = try await Self.run(bench, file, sha: 8, as: Bench.person(701, .consumer))
            }
            #expect(refused?.code == .forbidden)
            #expect(try await bench.versions(day).isEmpty)
        }
    }
}
