// `busbar import`: what is taken, what is kept aside, and that the second time changes nothing.
import Access
import CivilTime
import Clocks
import Composition
import Foundation
import IntervalData
import MeterData
import Meters
import SQL
import TestSupport
import Testing

@Suite struct ImportTests {
    /// A site with two meters made from a file of three days.
    private func prepared(_ folder: String, meters: Int = 2) async throws -> (site: SiteOptions, load: String) {
        let (load, packs) = (folder + "/load.csv", folder + "/packs.json")
        try Bench.write(Bench.wide(meters: meters, days: 3), to: load)
        try Bench.write(Bench.packs, to: packs)
        let site = SiteOptions(folder: folder + "/data")
        let ended = await run {
            try await importLoadFile(
                site, ImportOptions(file: load, zone: "UTC", createMeters: true, packFile: packs), $0)
        }
        try #require(ended.status == .done, "\(ended.spoken.all)")
        return (site, load)
    }

    private struct Stored: Equatable {
        var versions: [Int64] = []
        var values: [[Int32]] = []
        var madeBy: Set<String> = []
        var exceptions = 0
        var runs: [ImportRun] = []
        var refusals: [ImportRefusal] = []
    }

    private func stored(_ options: SiteOptions, serial: String) async throws -> Stored {
        let open = try await OpenSite.open(options, clocks: .live)
        let org = try await open.org(nil)
        var result = Stored()
        let (meter, runs, refusals) = try await open.site.money.read { transaction in
            let runs = try ImportRun.latest(limit: 10, orgID: org.orgID, in: transaction)
            return (
                try Meter.find(serial: serial, Scope(orgID: org.orgID), in: transaction), runs,
                try runs.flatMap {
                    try ImportRun.refusals(of: $0.importID, limit: 100, orgID: org.orgID, in: transaction)
                }
            )
        }
        (result.runs, result.refusals) = (runs, refusals)
        for month in try await open.site.readings.months() {
            let shard = try await open.site.readings.shard(month)
            let (blocks, exceptions) = try await shard.read { transaction in
                guard let meter else { return ([StoredBlock](), 0) }
                return (
                    try DayBlocks.current(
                        meterID: meter.meterID, from: month.first, to: month.last, orgID: org.orgID, in: transaction),
                    try VEEException.of(
                        meterID: meter.meterID, from: month.first, to: month.last, orgID: org.orgID, in: transaction
                    ).count
                )
            }
            result.versions += blocks.map(\.version)
            result.values += blocks.map(\.block.values)
            result.madeBy.formUnion(blocks.map(\.madeBy))
            result.exceptions += exceptions
        }
        await open.close()
        return result
    }

    @Test func takesValuesOnce() async throws {
        try await withFolder { folder in
            let (site, load) = try await prepared(folder)
            let first = try await stored(site, serial: "H1")
            #expect(first.values.map(\.count) == [48, 48, 48])
            #expect(first.values.first?.first == 20 + Int32(104_729 % 900))
            #expect(first.madeBy == ["import"])
            #expect(first.runs.count == 1 && first.runs[0].finishedAtMs != nil && first.runs[0].fileSHA256.count == 32)
            let again = await run { try await importLoadFile(site, ImportOptions(file: load), json: true, $0) }
            #expect(again.status == .done)
            #expect(again.spoken.said.joined().contains("\"newVersions\":0"))
            let second = try await stored(site, serial: "H1")
            #expect(second == first)
        }
    }

    @Test func keepsRefusedRowsAside() async throws {
        try await withFolder { folder in
            let (site, load) = try await prepared(folder)
            var text = Bench.wide(meters: 3, days: 4)
            text += "2009-03-07T00:00:00Z,0.1,much,0.1\nyesterday,0.1,0.1,0.1\n"
            for _ in 0..<30 { text += "2009-03-07T00:00:00Z,0.1\n" }
            try Bench.write(text, to: load)
            let ended = await run { try await importLoadFile(site, ImportOptions(file: load), $0) }
            #expect(ended.status == .partly)
            #expect(ended.spoken.noted.contains { $0.hasPrefix("load.csv:194: ") })
            #expect(ended.spoken.noted.contains("… and 13 more refused; all are kept in the database"))
            let kept = try await stored(site, serial: "H1")
            #expect(kept.refusals.count == 33)
            #expect(kept.refusals.contains { $0.row == 195 && $0.text == "yesterday,0.1,0.1,0.1" && !$0.hint.isEmpty })
            #expect(
                kept.refusals.contains { $0.row == 1 && $0.what.contains("no meter H3") && $0.what.contains("4 days") })
            #expect(kept.values.count == 4, "the good rows were taken")
            #expect(kept.runs.map(\.refusedCount) == [33, 0])
            // The same file again, now that the meter is wanted: the earlier refusal of it is gone, nothing is twice.
            let again = await run {
                try await importLoadFile(
                    site, ImportOptions(file: load, createMeters: true, packFile: folder + "/packs.json"), $0)
            }
            #expect(again.status == .partly)
            let after = try await stored(site, serial: "H3")
            #expect(after.refusals.count == 32 && after.values.count == 4 && after.runs.map(\.refusedCount) == [32, 0])
        }
    }

    /// Held values are told by the rule that holds them; by the plain way and by the other.
    @Test(arguments: ["UTC", "Europe/London"])
    func heldValuesAreToldByRule(zone: String) async throws {
        try await withFolder { folder in
            let (load, packs) = (folder + "/load.csv", folder + "/packs.json")
            var text = Bench.wide(meters: 1, days: 3)
            text += "2009-03-04T00:00:00Z,-0.5\n2009-03-04T00:30:00Z,-0.25\n2009-03-04T01:00:00Z,990.5\n"
            try Bench.write(text, to: load)
            try Bench.write(Bench.packs, to: packs)
            let site = SiteOptions(folder: folder + "/data")
            let ended = await run {
                try await importLoadFile(
                    site, ImportOptions(file: load, zone: zone, createMeters: true, packFile: packs), $0)
            }
            #expect(ended.spoken.all.contains("3: 2 negative, 1 spike"), "\(ended.spoken.all)")
        }
    }

    /// A plain file whose interval changes overnight is stored day by day as it is, small or large.
    @Test(arguments: [1, 400])
    func theIntervalMayChangeOvernight(copies: Int) async throws {
        try await withFolder { folder in
            let (load, packs) = (folder + "/load.csv", folder + "/packs.json")
            func rows(_ meter: String) -> [String] {
                var lines: [String] = []
                for (day, step) in [15, 15, 30, 30].enumerated() {
                    for minute in stride(from: 0, to: 1440, by: step) {
                        let (hour, rest) = (minute / 60, minute % 60)
                        let clock = "\(hour < 10 ? "0" : "")\(hour):\(rest < 10 ? "0" : "")\(rest)"
                        lines.append("\(meter),2009-03-0\(day + 1) \(clock),0.\(step / 15)00")
                    }
                }
                return lines
            }
            // One file is small; the other is large enough to be read in parts.
            var lines = rows("H1")
            for copy in 1..<copies { lines += rows("X\(copy)") }
            try Bench.write("meter,time,kwh\n" + lines.joined(separator: "\n") + "\n", to: load)
            try Bench.write(Bench.packs, to: packs)
            let site = SiteOptions(folder: folder + "/data")
            let options = ImportOptions(
                file: load, zone: "Asia/Kolkata", dryRun: copies > 1, createMeters: true, packFile: packs)
            let ended = await run { try await importLoadFile(site, options, json: true, $0) }
            #expect(ended.status == .done, "\(ended.spoken.all)")
            #expect(ended.spoken.all.contains(#""total":38400"#))
            #expect(ended.spoken.all.contains(#""periodMinutes":[15,30]"#))
            guard copies == 1 else { return }
            let kept = try await stored(site, serial: "H1")
            let counts = kept.values.map(\.count)
            #expect(counts == [96, 96, 48, 48])
            let total = kept.values.joined().reduce(0) { $0 + Int($1) }
            #expect(total == 38_400)
        }
    }

    @Test func otherValuesLaterAreNotTaken() async throws {
        try await withFolder { folder in
            let (site, load) = try await prepared(folder, meters: 1)
            let before = try await stored(site, serial: "H1")
            try Bench.write("stamp,H1\n2009-03-02T00:00:00Z,0.999\n2009-03-02T00:30:00Z,0.998\n", to: load)
            let ended = await run { try await importLoadFile(site, ImportOptions(file: load), $0) }
            #expect(ended.status == .partly)
            #expect(ended.spoken.all.contains("2 (not taken)"))
            let after = try await stored(site, serial: "H1")
            #expect(after.values == before.values)
            #expect(after.exceptions > before.exceptions, "the conflict is on record")
        }
    }

    @Test func mapsNamesToMeters() async throws {
        try await withFolder { folder in
            let (site, load) = try await prepared(folder, meters: 1)
            let map = folder + "/map.csv"
            try Bench.write("name,serial\nKitchen, H1\n", to: map)
            try Bench.write(
                "stamp,Kitchen,Cellar\n2009-03-05T00:00:00Z,0.5,0.6\n2009-03-05T00:30:00Z,0.5,0.6\n", to: load)
            let ended = await run { try await importLoadFile(site, ImportOptions(file: load, meters: map), $0) }
            #expect(ended.status == .partly)
            #expect(ended.spoken.all.contains("Cellar is not in the map"))
            #expect(try await stored(site, serial: "H1").values.count == 4)
            for (text, word) in [
                ("Kitchen,H1\nKitchen,H2\n", "stands twice"), ("A,H1\nB,H1\n", "mapped from"), ("A\n", "not a name"),
                ("", "empty"),
            ] {
                try Bench.write(text, to: map)
                let bad = await run { try await importLoadFile(site, ImportOptions(file: load, meters: map), $0) }
                #expect(bad.status == .problems && bad.spoken.all.contains(word), "\(bad.spoken.all)")
            }
        }
    }

    @Test func dryRunWritesNothing() async throws {
        try await withFolder { folder in
            let (load, packs, data) = (folder + "/load.csv", folder + "/packs.json", folder + "/data")
            try Bench.write(Bench.wide(meters: 2, days: 3), to: load)
            try Bench.write(Bench.packs, to: packs)
            let ended = await run {
                try await importLoadFile(
                    SiteOptions(folder: data),
                    ImportOptions(file: load, zone: "UTC", dryRun: true, createMeters: true, packFile: packs), $0)
            }
            #expect(ended.status == .done && ended.spoken.all.contains("2 of them new"), "\(ended.spoken.all)")
            #expect(!FileManager.default.fileExists(atPath: data))
            let (site, _) = try await prepared(folder)
            let before = try await stored(site, serial: "H1")
            try Bench.write(Bench.wide(meters: 2, days: 9), to: load)
            let second = await run { try await importLoadFile(site, ImportOptions(file: load, dryRun: true), $0) }
            #expect(second.status == .done)
            #expect(try await stored(site, serial: "H1") == before)
        }
    }

    @Test func refusesBadCalls() async throws {
        try await withFolder { folder in
            let (site, load) = try await prepared(folder)
            func code(_ options: ImportOptions) async -> (CommandStatus, String) {
                let ended = await run { try await importLoadFile(site, options, $0) }
                return (ended.status, ended.spoken.all)
            }
            #expect(await code(ImportOptions(file: load, createMeters: true)).0 == .usage)
            let zone = await code(ImportOptions(file: load, zone: "Asia/Kolkata"))
            #expect(zone.0 == .usage && zone.1.contains("UTC"))
            let org = await code(ImportOptions(file: load, orgID: 7))
            #expect(org.0 == .problems && org.1.contains("busbar org list"))
            try Bench.write("", to: load)
            let empty = await code(ImportOptions(file: load))
            #expect(empty.0 == .problems && empty.1.contains("the file is empty"))
            try Bench.write("stamp,H1\n2009-03-01T00:00:00Z,0.1\n2009-03-01T00:15:00Z,0.1\n", to: load)
            let period = await code(ImportOptions(file: load))
            #expect(period.0 == .partly && period.1.contains("captures every 30 minutes"))
            let nothing = await run {
                try await importLoadFile(SiteOptions(folder: folder + "/new"), ImportOptions(file: load), $0)
            }
            #expect(nothing.status == .usage && nothing.spoken.all.contains("busbar org add"))
        }
    }

    @Test func lockedFolderSaysWhatToDo() async throws {
        try await withFolder { folder in
            let (site, load) = try await prepared(folder)
            let open = try await OpenSite.open(site, clocks: .live)
            let ended = try Bench.busbar("import", load, "--data", site.folder)
            await open.close()
            #expect(ended.code == 3)
            #expect(ended.errors.contains("uses \(site.folder)") && ended.errors.contains("stop the server"))
            #expect(ended.output.isEmpty)
            #expect(try Bench.busbar("import", load, "--data", site.folder).code == 0)
        }
    }
}
