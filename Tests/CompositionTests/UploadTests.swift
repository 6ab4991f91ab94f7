// Files from outside: too large, packed to burst, named to do harm. Each is refused with what and how, or taken as
// data.
import Access
import Clocks
import Compression
import Foundation
import SQL
import TestSupport
import Testing

@testable import Composition

@Suite struct UploadTests {
    private func withCompany(_ body: (SiteOptions, String) async throws -> Void) async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            let added = await status { try await addOrg(site, name: "Asha Power", zone: "UTC", currency: "INR", $0) }
            #expect(added == .done)
            try Bench.write(Bench.packs, to: folder + "/packs.json")
            try await body(site, folder)
        }
    }

    private func rows(_ site: SiteOptions) async throws -> Int64 {
        let open = try await OpenSite.open(site, clocks: .live)
        let count = try await open.site.money.read { transaction in
            try transaction.first("SELECT COUNT(*) FROM meter", []) { try $0.int(0) } ?? 0
        }
        await open.close()
        return count
    }

    @Test func aBombIsGivenUpEarly() async throws {
        try await withCompany { site, folder in
            // 200 MB of nothing in 200 kB.
            let bomb = try Gzip.compress([UInt8](repeating: 0x30, count: 200_000_000), level: 9)
            #expect(bomb.count < 1_000_000)
            try Data(bomb).write(to: URL(fileURLWithPath: folder + "/bomb.csv.gz"))
            var options = ImportOptions(
                file: folder + "/bomb.csv.gz", createMeters: true, packFile: folder + "/packs.json")
            options.bytesMax = 1_000_000
            let refused = await run { try await importLoadFile(site, options, $0) }
            #expect(refused.status == .problems, "\(refused.spoken.all)")
            #expect(refused.spoken.all.contains("bomb.csv.gz: more than 1000000 bytes"))
            #expect(try await rows(site) == 0)
        }
    }

    @Test func aFileThatIsTooLargeIsNotRead() async throws {
        try await withCompany { site, folder in
            try Bench.write(Bench.wide(meters: 2, days: 3), to: folder + "/load.csv")
            var options = ImportOptions(
                file: folder + "/load.csv", createMeters: true, packFile: folder + "/packs.json")
            options.bytesMax = 1_000
            let refused = await run { try await importLoadFile(site, options, $0) }
            #expect(refused.status == .usage && refused.spoken.all.contains("at most 1000 are read"))
            let conf = folder + "/busbar.conf"
            try Bench.write("import_bytes_max = 1000\n", to: conf)
            let binary = try Bench.busbar(
                [
                    "import", folder + "/load.csv", "--create-meters", "--pack", folder + "/packs.json", "--data",
                    site.folder, "--config", conf,
                ])
            #expect(binary.code == 2 && binary.errors.contains("at most 1000 are read"), "\(binary.errors)")
            #expect(try await rows(site) == 0)
        }
    }

    /// The name of a file is shown and kept, and is never a path.
    @Test func aNameIsOnlyAName() async throws {
        try await withCompany { site, folder in
            let nasty = "..\\..;$(touch pwned)'\"<script>\n\u{1B}[31m.csv"
            let path = folder + "/" + nasty
            try Bench.write(Bench.wide(meters: 1, days: 2), to: path)
            let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            let options = ImportOptions(file: path, createMeters: true, packFile: folder + "/packs.json")
            let taken = await run { try await importLoadFile(site, options, json: true, $0) }
            #expect(taken.status == .done, "\(taken.spoken.all)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == before)
            let clean = taken.spoken.all.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" }
            #expect(clean, "control characters of a name reach the terminal")
            let names = ["a/b/../c.csv": "c.csv", "/etc/passwd": "passwd", "x\u{0}\u{7}y": "x??y"]
            for (path, name) in names { #expect(shownName(path) == name) }
            #expect(shownName(String(repeating: "a", count: 5_000)).count == 200)
        }
    }
}
