// The doctor: each check finds what it is there for, names the remedy, changes nothing and works beside a server.
import Access
import Clocks
import Foundation
import Meters
import PostgresAdapter
import SQL
import TestSupport
import Testing

@testable import Composition

@Suite struct DoctorTests {
    /// A machine on which nothing is wrong.
    static let well = Surroundings(
        userID: 1000, space: { _ in .init(freeBytes: 50_000_000_000, totalBytes: 100_000_000_000) },
        networkFileSystem: { _ in nil }, isClockSynchronised: true, openFilesMax: 65_536, environment: [:])

    static func settings(_ values: [String: String] = [:]) throws -> ProcessSettings {
        // Port 0 is always free.
        try ProcessSettings(
            arguments: ["port": "0"].merging(values) { _, new in new }, environment: [:], usualFile: "")
    }

    /// Asks the doctor, as JSON, by name of the finding.
    private func asked(
        _ site: SiteOptions, _ values: [String: String] = [:], clocks: Clocks = .live, on machine: Surroundings = well
    ) async throws -> (status: CommandStatus, findings: [String: [String: String]], all: String) {
        let settings = try Self.settings(values)
        let ran = await run {
            try await doctor(site, settings: settings, clocks: clocks, surroundings: machine, json: true, $0)
        }
        var findings: [String: [String: String]] = [:]
        for line in ran.spoken.said {
            let row = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
            guard let name = row["name"] else { continue }
            // Of several of one name the worst.
            if findings[name] == nil || row["level"] != "ok" { findings[name] = row }
            #expect((row["level"] == "ok") == (row["remedy"]?.isEmpty == true), "\(line)")
        }
        return (ran.status, findings, ran.spoken.all)
    }

    private func withCompany(_ body: (SiteOptions) async throws -> Void) async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            let added = await status { try await addOrg(site, name: "Asha Power", zone: "UTC", currency: "INR", $0) }
            #expect(added == .done)
            // The executable makes files for its user alone; the process of the tests does not.
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: site.folder + "/money.db")
            // Backups are asked for elsewhere: see BackupTests.
            try LastBackup(atMs: Clocks.live.systemNowMs(), place: "/mnt/b", bytes: 1, isVerified: true)
                .write(folder: site.folder)
            try await body(site)
        }
    }

    @Test func allWellIsZero() async throws {
        try await withCompany { site in
            let well = try await asked(site)
            #expect(well.status == .done, "\(well.all)")
            #expect(Set(well.findings.values.compactMap { $0["level"] }) == ["ok"], "\(well.all)")
            let settings = try Self.settings()
            let text = await run {
                try await doctor(site, settings: settings, surroundings: Self.well, json: false, $0)
            }
            #expect(text.spoken.said.contains { $0.contains("port") && $0.contains("argument --port") })
            #expect(text.spoken.said.contains { $0.contains("connections_max") && $0.contains("default") })
        }
    }

    @Test func onlyWarningsIsThree() async throws {
        try await withCompany { site in
            var machine = Self.well
            machine.userID = 0
            let root = try await asked(site, on: machine)
            #expect(root.status == .partly && root.findings["user"]?["level"] == "warning", "\(root.all)")
            #expect(root.findings["user"]?["remedy"]?.contains("sudo -u busbar") == true)
        }
    }

    @Test func theMachine() async throws {
        try await withCompany { site in
            var machine = Self.well
            machine.isClockSynchronised = false
            machine.openFilesMax = 1_024
            machine.networkFileSystem = { _ in "nfs4" }
            machine.environment = ["BUSBAR_COLOUR": "blue", "BUSBAR_DATA": "x", "PATH": "y"]
            machine.space = { _ in .init(freeBytes: 500_000_000, totalBytes: 1_000_000_000) }
            let poor = try await asked(site, on: machine)
            #expect(poor.status == .problems)
            let levels = poor.findings.mapValues { $0["level"] ?? "" }
            #expect(levels["clock"] == "warning" && levels["open files"] == "warning")
            #expect(levels["file system"] == "wrong" && levels["disk"] == "wrong")
            #expect(poor.findings["settings"]?["found"]?.contains("BUSBAR_COLOUR") == true)
            machine = Self.well
            machine.space = { _ in .init(freeBytes: 2_000_000_000, totalBytes: 100_000_000_000) }
            #expect(
                try await asked(site, on: machine).findings["disk"]?["level"] == "warning", "a full disk, relatively")
            #expect(try await asked(site, ["connections_max": "90000"]).findings["open files"]?["level"] == "warning")
            let past = Clocks(businessNowMs: { 0 }, systemNowMs: { 0 }, businessRate: 0)
            let early = try await asked(site, clocks: past)
            #expect(early.findings["clock"]?["remedy"]?.contains("timedatectl") == true)
            #expect(early.findings["clock and database"]?["found"]?.contains("ahead of this machine") == true)
        }
    }

    @Test func filesAndKeys() async throws {
        try await withCompany { site in
            let manager = FileManager.default
            let key = site.folder + "/master.key"
            try manager.setAttributes([.posixPermissions: 0o644], ofItemAtPath: site.folder + "/money.db")
            #expect(try await asked(site).findings["files"]?["level"] == "warning")
            try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: site.folder)
            let open = try await asked(site).findings
            #expect(open["data folder"]?["remedy"] == "`chmod 700 \(site.folder)`")
            #expect(open["files"]?["level"] == "warning", "all that is wrong is said at once")
            try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: site.folder + "/money.db")
            try manager.setAttributes([.posixPermissions: 0o700], ofItemAtPath: site.folder)
            try manager.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
            #expect(try await asked(site).findings["master key"]?["remedy"] == "`chmod 600 \(key)`")
            try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
            if geteuid() == 0 {
                #expect(chown(site.folder + "/money.db", 65_534, 65_534) == 0)
                #expect(try await asked(site).findings["files"]?["remedy"]?.contains("chown -R") == true)
                #expect(chown(site.folder + "/money.db", 0, 0) == 0)
            } else {
                print("not root: files of another owner are not tested")
            }
            try Bench.write(String(repeating: "cd", count: 32) + "\n", to: key + ".next")
            let begun = try await asked(site)
            #expect(begun.findings["master key"]?["remedy"]?.contains("busbar key rotate-master") == true)
            try manager.moveItem(atPath: key + ".next", toPath: key + ".retired-0011")
            #expect(try await asked(site).findings["master key"]?["found"]?.contains("1 retired") == true)
            try manager.removeItem(atPath: key + ".retired-0011")
            try manager.removeItem(atPath: key)
            let lost = try await asked(site)
            #expect(lost.status == .problems && lost.findings["sealed secrets"]?["level"] == "wrong")
            #expect(!manager.fileExists(atPath: key), "the doctor makes no key")
        }
    }

    @Test func theMasterKeyMustFit() async throws {
        try await withCompany { site in
            let open = try await OpenSite.open(site, clocks: .live)
            let vault = open.vault
            try await open.site.money.write { transaction in
                try Meter(
                    meterID: 9, serial: "M9", host: "10.0.0.1", port: 4059, clientAddress: 48, authentication: "hls-2",
                    sealedKeys: try vault.seal(MeterKeys(secret: [1, 2, 3]), meterID: 9), capturePeriodS: 1_800
                ).create(Scope(orgID: 1), atMs: 0, in: transaction)
            }
            await open.close()
            #expect(try await asked(site).findings["sealed secrets"]?["found"] == "the master key opens them")
            var other = site
            other.masterKey = .given(String(repeating: "ee", count: 32), from: "variable BUSBAR_MASTER_KEY")
            let wrong = try await asked(other)
            #expect(wrong.findings["sealed secrets"]?["level"] == "wrong", "\(wrong.all)")
            #expect(!wrong.all.contains("eeeeeeee"))
        }
    }

    /// The port is taken, the lock is held, and nothing of that is wrong while the server runs.
    @Test func worksBesideAServer() async throws {
        try await withCompany { site in
            let server = try await OpenSite.open(site, clocks: .live)
            let beside = try await asked(site)
            #expect(beside.findings["database"]?["level"] == "ok", "\(beside.all)")
            #expect(beside.findings["schema"]?["level"] == "ok" && beside.findings["book of Asha Power"] != nil)
            #expect(beside.findings["file of money"]?["found"] == "sound")
            // The server goes on writing, with a reader that has come and gone.
            _ = try await server.site.perform(
                AddOrg(Org(orgID: 2, name: "Second", zone: try knownZone("UTC"), currency: "INR")),
                as: .system(orgID: 2), source: "cli")
            await server.close()
        }
    }

    @Test func aPortInUseByAStranger() async throws {
        try await withCompany { site in
            let (listener, port) = try listening()
            defer { close(listener) }
            let taken = try await asked(site, ["port": "\(port)"])
            #expect(taken.findings["port"]?["level"] == "warning", "\(taken.all)")
            #expect(taken.findings["port"]?["remedy"]?.contains("ss -ltnp") == true)
            let odd = try await asked(site, ["host": "203.0.113.7", "port": "8080"])
            #expect(odd.findings["port"]?["found"]?.contains("no address of this machine") == true, "\(odd.all)")
            let refused = #expect(throws: Complaint.self) {
                try ListeningPlace.require(host: "127.0.0.1", port: port)
            }
            #expect(refused?.status == .partly && refused?.hint.contains("--port") == true)
        }
    }

    @Test func postgresRolesAndReach() async throws {
        guard TestEngine.available.contains(.postgres) else { return print("no PostgreSQL: not tested") }
        try await withFolder { folder in
            let server = try PrivatePostgres.shared.get()
            let url = try await server.freshDatabase()
            let site = SiteOptions(folder: folder + "/data", databaseURL: url)
            let added = await status { try await addOrg(site, name: "Asha Power", zone: "UTC", currency: "INR", $0) }
            #expect(added == .done)
            let powerful = try await asked(site)
            #expect(powerful.findings["database role"]?["found"]?.contains("superuser") == true, "\(powerful.all)")
            #expect(powerful.findings["database role"]?["remedy"]?.contains("CREATE ROLE busbar") == true)
            #expect(
                powerful.findings["database role"]?["remedy"]?.contains("ALTER ROLE") == false, "the only superuser")
            #expect(powerful.findings["file system"] == nil, "of no matter with PostgreSQL")
            // A role that owns its database and may do nothing else.
            let role = "plain_\(UUID().uuidString.prefix(8).lowercased())"
            let database = try await PostgresDatabase.open(url: url)
            try await database.write { transaction in
                try transaction.run("CREATE ROLE \(role) LOGIN")
                try transaction.run("GRANT ALL ON ALL TABLES IN SCHEMA public TO \(role)")
            }
            await database.close()
            let plainURL = url.replacingOccurrences(of: "//postgres@", with: "//\(role)@")
            let plain = try await asked(SiteOptions(folder: site.folder, databaseURL: plainURL))
            #expect(plain.findings["database role"]?["level"] == "ok", "\(plain.all)")
            #expect(plain.findings["database role"]?["found"]?.hasPrefix(role) == true)
            try await server.drop(url)
        }
        for (url, words) in [
            ("postgres://nobody:hunter2@127.0.0.1:1/x", "nobody listens there"),
            ("postgres://nobody:hunter2@no-such-host.invalid/x", "its name is not known"),
            ("mysql://nobody:hunter2@h/x", "does not begin with postgres://"),
        ] {
            let lost = try await asked(SiteOptions(folder: "/nowhere", databaseURL: url))
            #expect(lost.findings["database"]?["found"]?.contains(words) == true, "\(lost.all)")
            #expect(lost.status == .problems && !lost.all.contains("hunter2"))
        }
    }

    @Test func certificates() async throws {
        try await withCompany { site in
            let folder = site.folder
            for (days, level) in [(365, "ok"), (20, "warning")] {
                let pair = try Certificates.make(in: folder, name: "c\(days)", days: days)
                let found = try await asked(site, ["tls_certificate": pair.certificate, "tls_key": pair.key])
                #expect(found.findings["certificate"]?["level"] == level, "\(found.all)")
                #expect(found.findings["tls_key"]?["level"] == "ok")
            }
            let pair = try Certificates.make(in: folder, name: "c", days: 365)
            let values = ["tls_certificate": pair.certificate, "tls_key": pair.key]
            let later = Clocks(
                businessNowMs: { 0 }, systemNowMs: { Clocks.live.systemNowMs() + 400 * 86_400_000 }, businessRate: 0)
            let ended = try await asked(site, values, clocks: later)
            #expect(ended.findings["certificate"]?["found"] == "it has expired", "\(ended.all)")
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: pair.key)
            let open = try await asked(site, values)
            #expect(open.findings["certificate"]?["level"] == "wrong" && open.findings["tls_key"]?["level"] == "wrong")
        }
    }

    private func listening() throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, raw, &length) == 0
            }
        }
        try #require(bound)
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// A month whose archive is not mounted stops nobody who does not ask for it.
    @Test func anArchiveOutOfReachIsNamed() async throws {
        try await withCompany { site in
            let path = site.folder + "/readings-2025-03.db"
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: "archive/readings-2025-03.db")
            let answer = try await asked(site)
            #expect(answer.status == .problems)
            #expect(answer.findings["archived readings"]?["found"]?.contains("2025-03") == true)
            let listed = await run { try await listMonths(site, orgID: nil, json: false, $0) }
            #expect(listed.status == .done && listed.spoken.all.contains("out of reach"))
            let checked = await run { try await checkDatabase(site, json: false, $0) }
            #expect(checked.status == .problems && checked.spoken.all.contains("2025-03"))
            let to = site.folder + "-backups"
            for (keep, status) in [(nil, CommandStatus.partly), (1, .partly)] {
                let made = await run { [keep] console in
                    try await backUpDatabase(
                        site, BackupOptions(to: to, keep: keep), clocks: Clocks.live, console)
                }
                #expect(made.status == status && made.spoken.all.contains("2025-03"), "\(made.spoken.all)")
                // Names of backups are of seconds.
                if keep == nil { try await Task.sleep(for: .milliseconds(1_100)) }
            }
            let kept = try FileManager.default.contentsOfDirectory(atPath: to).filter { !$0.hasPrefix(".") }
            #expect(kept.count == 2)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path).hasSuffix("readings-2025-03.db"))
        }
    }
}

/// Certificates made by openssl for a test.
enum Certificates {
    static func make(in folder: String, name: String, days: Int) throws -> (certificate: String, key: String) {
        let (certificate, key) = ("\(folder)/\(name).pem", "\(folder)/\(name).key")
        let made = try Bench.execute(
            "/usr/bin/env",
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", key, "-out", certificate, "-days", "\(days)", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
            ])
        try #require(made.code == 0, "\(made.errors)")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        return (certificate, key)
    }
}
