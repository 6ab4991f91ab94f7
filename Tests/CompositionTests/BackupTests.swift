// `busbar db backup`, `restore` and `check BACKUP`: a backup beside writers is whole, and a damaged one is refused.
import Access
import Clocks
import Foundation
import Payments
import SQL
import TestRetailer
import TestSupport
import Testing

@testable import Composition

@Suite struct BackupTests {
    static func backUp(_ site: SiteOptions, _ to: String, keep: Int? = nil, withKey: Bool = false, nowMs: Int64? = nil)
        async -> Ran
    {
        let clocks = nowMs.map { now in
            Clocks(businessNowMs: { now }, systemNowMs: { now }, businessRate: 0)
        }
        return await run {
            try await backUpDatabase(
                site, BackupOptions(to: to, keep: keep, withKey: withKey), clocks: clocks ?? .live, $0)
        }
    }

    @Test(arguments: TestEngine.available) func besideWritersItIsWhole(_ engine: TestEngine) async throws {
        try await withPlace(engine) { site in
            try await withPlace(engine) { other in
                try await fill(site)
                let backups = other.folder + "-backups"
                let made = try await withSite(site) { open in
                    let writer = Task {
                        var count = 0
                        while !Task.isCancelled {
                            count += 1
                            _ = try await open.site.perform(
                                Recharge(
                                    accountID: 71, amountPaise: 100, method: .cash, reference: "load-\(count)"),
                                as: .system(orgID: 1), source: "test")
                        }
                        return count
                    }
                    let made = await Self.backUp(site, backups)
                    writer.cancel()
                    let count = try await writer.value
                    #expect(count > 3, "there was a load: \(count)")
                    return made
                }
                #expect(made.status == .done, "\(made.spoken.all)")
                let place = try #require(made.spoken.said.first)
                let last = try #require(LastBackup.read(folder: site.folder))
                #expect(last.isVerified && last.place == place && last.bytes > 1_000)
                let checked = await run { try await checkBackup(place, site, json: false, $0) }
                #expect(checked.status == .done, "\(checked.spoken.all)")
                #expect(checked.spoken.all.contains("trial balance of Ujjwal-of-1"))
                let restored = await run { try await restoreDatabase(place, other, $0) }
                #expect(restored.status == .done, "\(restored.spoken.all)")
                #expect(restored.spoken.all.contains("The master key is not in the backup"))
                let manifest = try BackupManifest.read(place)
                let rows = try await allRows(other)
                let key = engine == .sqlite ? "money/posting" : "all/posting"
                #expect(manifest.rows[key] == rows["money posting"].map { Int64($0.count) })
                let twice = await run { try await restoreDatabase(place, other, $0) }
                #expect(twice.status == .problems && twice.spoken.all.contains("not empty"))
                #expect(try await allRows(other) == rows)
            }
        }
    }

    @Test(arguments: TestEngine.available) func aDamagedBackupIsRefused(_ engine: TestEngine) async throws {
        try await withPlace(engine) { site in
            try await withPlace(engine) { other in
                try await fill(site)
                let made = await Self.backUp(site, site.folder + "-backups")
                let place = try #require(made.spoken.said.first)
                let name = engine == .sqlite ? "money.db" : BackupManifest.dump
                let file = URL(fileURLWithPath: "\(place)/\(name)")
                var bytes = try Data(contentsOf: file)
                bytes[bytes.count / 2] ^= 1
                try bytes.write(to: file)
                let checked = await run { try await checkBackup(place, site, json: false, $0) }
                #expect(checked.status == .problems && checked.spoken.all.contains("checksum differs"))
                let restored = await run { try await restoreDatabase(place, other, $0) }
                #expect(restored.status == .problems && restored.spoken.all.contains("damaged"))
                #expect(!FileManager.default.fileExists(atPath: other.folder + "/money.db"))
                try FileManager.default.removeItem(atPath: "\(place)/\(name)")
                let gone = await run { try await restoreDatabase(place, other, $0) }
                #expect(gone.status == .problems && gone.spoken.all.contains("is missing"))
                try FileManager.default.removeItem(atPath: "\(place)/\(BackupManifest.name)")
                let half = await run { try await restoreDatabase(place, other, $0) }
                #expect(half.status == .problems && half.spoken.all.contains("no finished backup"))
            }
        }
    }

    @Test func keepsSoManyAndTheKeyOnlyWhenAsked() async throws {
        try await withPlace(.sqlite) { site in
            try await withPlace(.sqlite) { other in
                try await fill(site)
                let (backups, files) = (site.folder + "-backups", FileManager.default)
                for day in Int64(1)...3 {
                    let made = await Self.backUp(
                        site, backups, keep: 2, withKey: day == 3, nowMs: 1_800_000_000_000 + day * 86_400_000)
                    #expect(made.status == .done, "\(made.spoken.all)")
                }
                let kept = try files.contentsOfDirectory(atPath: backups).sorted()
                #expect(kept == ["busbar-20270117T080000Z", "busbar-20270118T080000Z"])
                #expect(!files.fileExists(atPath: "\(backups)/\(kept[0])/master.key"))
                let key = "\(backups)/\(kept[1])/master.key"
                #expect(try files.attributesOfItem(atPath: key)[.posixPermissions] as? Int == 0o600)
                let again = await Self.backUp(site, backups, nowMs: 1_800_000_000_000 + 3 * 86_400_000)
                #expect(again.status == .problems && again.spoken.all.contains("there already"))
                let restored = await run { try await restoreDatabase("\(backups)/\(kept[1])", other, $0) }
                #expect(restored.status == .done && restored.spoken.all.contains("came with the backup"))
                #expect(
                    files.contents(atPath: other.folder + "/master.key")
                        == files.contents(atPath: site.folder + "/master.key"))
                #expect(try await allRows(site) == allRows(other))
            }
        }
    }

    @Test func theDoctorKnowsItsAge() throws {
        func finding(_ folder: String, afterHours: Int64) -> DoctorFinding? {
            let now = 1_800_000_000_000 + afterHours * 3_600_000
            return backupFinding(
                SiteOptions(folder: folder, databaseURL: "postgres://"),
                Clocks(businessNowMs: { now }, systemNowMs: { now }, businessRate: 0))
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(finding(folder, afterHours: 0)?.level == .warning)
        var last = LastBackup(atMs: 1_800_000_000_000, place: "/b", bytes: 5_000_000, isVerified: true)
        try last.write(folder: folder)
        #expect(finding(folder, afterHours: 48)?.level == .ok)
        #expect(finding(folder, afterHours: 49)?.level == .warning)
        last.isVerified = false
        try last.write(folder: folder)
        #expect(finding(folder, afterHours: 1)?.remedy == "`busbar db check /b`")
        try Bench.write("{", to: folder + "/" + LastBackup.file)
        #expect(finding(folder, afterHours: 1)?.found == "none was made yet")
    }

    /// Without its key a sealed database is not served with a new one, under which nothing opens.
    @Test(arguments: TestEngine.available) func aMissingMasterKeyIsRefused(_ engine: TestEngine) async throws {
        try await withPlace(engine) { site in
            try await fill(site)
            let key = site.folder + "/master.key"
            let kept = try #require(FileManager.default.contents(atPath: key))
            try FileManager.default.removeItem(atPath: key)
            let opened = await run { console in try await withSite(site) { _ in .done } }
            #expect(opened.status == .partly && opened.spoken.all.contains("BUSBAR_MASTER_KEY"))
            #expect(!FileManager.default.fileExists(atPath: key))
            try kept.write(to: URL(fileURLWithPath: key))
            let again = await run { console in try await withSite(site) { _ in .done } }
            #expect(again.status == .done, "\(again.spoken.all)")
        }
    }
}
