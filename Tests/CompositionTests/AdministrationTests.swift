// `busbar user`, `org`, `db`, `doctor`, `openapi`: what they do, what they refuse, and how the binary leaves.
import Access
import Clocks
import Composition
import Foundation
import Journal
import SQL
import TestSupport
import Testing

@Suite struct AdministrationTests {
    @Test func companiesAndUsers() async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            let none = await run { try await listUsers(site, orgID: nil, json: false, $0) }
            #expect(none.status == .problems && none.spoken.all.contains("busbar org add"))
            let added = await run {
                try await addOrg(site, name: "Asha Power", zone: "Asia/Kolkata", currency: "INR", $0)
            }
            #expect(added.status == .done && added.spoken.said == ["1"])
            let twice = await status { try await addOrg(site, name: "Asha Power", zone: "UTC", currency: "INR", $0) }
            #expect(twice == .problems)
            let unknownZone = await status { try await addOrg(site, name: "B", zone: "Nowhere", currency: "INR", $0) }
            #expect(unknownZone == .usage)
            let oddCurrency = await status { try await addOrg(site, name: "B", zone: "UTC", currency: "rupee", $0) }
            #expect(oddCurrency == .usage)
            let noName = await status { try await addOrg(site, name: "", zone: "UTC", currency: "INR", $0) }
            #expect(noName == .usage)

            let user = await run {
                try await addUser(
                    site, orgID: nil, NewUserOptions(username: "Asha", role: "administrator"), password: nil, $0)
            }
            #expect(
                user.status == .done && user.spoken.said.count == 1, "only the password made up goes to standard output"
            )
            let password = try #require(user.spoken.said.first)
            let listed = await run { try await listUsers(site, orgID: nil, json: true, $0) }
            #expect(
                listed.spoken.said.count == 1 && listed.spoken.said[0].contains("\"username\":\"asha\""),
                "\(listed.spoken.all)")
            #expect(!listed.spoken.all.contains(password))
            for (options, word) in [
                (NewUserOptions(username: "asha", role: "operator"), "taken"),
                (NewUserOptions(username: "a b", role: "operator"), "username"),
                (NewUserOptions(username: "ravi", role: "king"), "administrator"),
                (NewUserOptions(username: "ravi", role: "system"), "machine"),
                (NewUserOptions(username: "ravi", role: "consumer", accountNumber: "BB-9"), "no account BB-9"),
                (NewUserOptions(username: "ravi", role: "operator", language: "fr"), "--language"),
                (NewUserOptions(username: "ravi", role: "operator", placeID: 77), "no such place"),
            ] {
                let bad = await run { try await addUser(site, orgID: nil, options, password: nil, $0) }
                #expect(bad.status != .done && bad.spoken.all.contains(word), "\(bad.spoken.all)")
            }
            let weak = await run { try await setPassword(site, orgID: nil, username: "asha", password: "short", $0) }
            #expect(weak.status == .usage && weak.spoken.all.contains("12 to 128"))
            let changed = await status {
                try await setPassword(site, orgID: nil, username: "asha", password: "four words that fit", $0)
            }
            #expect(changed == .done)
            #expect(try await signsIn(site, "asha", "four words that fit"))
            #expect(try await !signsIn(site, "asha", password), "the old password must not work any more")
            let stranger = await status { try await disableUser(site, orgID: nil, username: "nobody", $0) }
            #expect(stranger == .problems)
            let disabled = await run { try await disableUser(site, orgID: nil, username: "asha", $0) }
            #expect(disabled.status == .done && disabled.spoken.all.contains("Nobody administers"), "the last one")
            let idle = await run {
                try await setPassword(site, orgID: nil, username: "asha", password: "four words that fit", $0)
            }
            #expect(idle.status == .done && idle.spoken.all.contains("disabled all the same"), "\(idle.spoken.all)")
            #expect(try await !signsIn(site, "asha", "four words that fit"))
            let after = await run { try await listUsers(site, orgID: nil, json: false, $0) }
            #expect(
                after.spoken.said.contains { $0.hasPrefix("asha") && $0.contains("disabled") }, "\(after.spoken.all)")
            let enabled = await status { try await enableUser(site, orgID: nil, username: "asha", $0) }
            #expect(enabled == .done)
            #expect(try await signsIn(site, "asha", "four words that fit"))
        }
    }

    /// Checks the stored hash as signing in does, of logins that are not disabled.
    private func signsIn(_ options: SiteOptions, _ username: String, _ password: String) async throws -> Bool {
        let open = try await OpenSite.open(options, clocks: .live)
        let hash = try await open.site.money.read { transaction in
            try transaction.first(
                "SELECT password_hash FROM login WHERE username = $1 AND disabled_at_ms IS NULL", [.text(username)]
            ) { try $0.text(0) }
        }
        await open.close()
        guard let hash else { return false }
        return try await PasswordHasher().verify(password, encoded: hash)
    }

    @Test func passwordComesFromAFile() async throws {
        try await withFolder { folder in
            let (data, file) = (folder + "/data", folder + "/password")
            try Bench.write("correct horse battery\n", to: file)
            #expect(try Bench.busbar("org", "add", "Asha Power", "--data", data).code == 0)
            let added = try Bench.busbar(
                "user", "add", "ravi", "--role", "operator", "--password-file", file, "--data", data)
            #expect(added.code == 0 && added.output.isEmpty, "\(added.errors)")
            #expect(!added.errors.contains("horse"))
            #expect(try await signsIn(SiteOptions(folder: data), "ravi", "correct horse battery"))
            #expect(
                try Bench.busbar("user", "add", "ravi2", "--role", "operator", "--password", "x", "--data", data).code
                    == 2)
            #expect(
                try Bench.busbar("user", "add", "ravi2", "--data", data).code == 2,
                "nobody is made an administrator by leaving the role out")
            try Bench.write("", to: file)
            #expect(try Bench.busbar("user", "password", "ravi", "--password-file", file, "--data", data).code == 2)
        }
    }

    @Test func databaseMigratesAndTellsItsState() async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            let empty = await run { try await databaseStatus(site, json: false, $0) }
            #expect(empty.status == .problems && empty.spoken.all.contains("busbar db migrate"))
            #expect(!FileManager.default.fileExists(atPath: site.folder), "looking makes nothing")
            let migrated = await run { try await migrateDatabase(site, $0) }
            #expect(migrated.status == .done && migrated.spoken.said.contains("money: 14 imports"))
            let again = await run { try await migrateDatabase(site, $0) }
            #expect(again.status == .done && again.spoken.said.isEmpty)
            let status = await run { try await databaseStatus(site, json: true, $0) }
            #expect(status.status == .done && status.spoken.said[0].contains("\"engine\":\"sqlite\""))
            #expect(status.spoken.said[0].contains("\"pending\":[]"))
            let check = await run { try await checkDatabase(site, json: false, $0) }
            #expect(check.status == .done && check.spoken.said.contains { $0.contains("file of money") })
        }
    }

    @Test func checkFindsABookThatDoesNotBalance() async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            _ = await run { try await addOrg(site, name: "Asha Power", zone: "UTC", currency: "INR", $0) }
            let open = try await OpenSite.open(site, clocks: .live)
            try await open.site.money.write { transaction in
                _ = try Journal.post(
                    key: "k", kind: "recharge", legs: [Leg(4, 500, .clearing), Leg(99, -500, .recharge)],
                    businessAtMs: 1,
                    entryID: 7, Scope(orgID: 1), in: transaction)
            }
            await open.close()
            let balanced = await status { try await checkDatabase(site, json: false, $0) }
            #expect(balanced == .done)
            let broken = try await OpenSite.open(site, clocks: .live)
            try await broken.site.money.write { try $0.run("UPDATE posting SET amount_paise = 501 WHERE line = 1") }
            await broken.close()
            let check = await run { try await checkDatabase(site, json: false, $0) }
            #expect(check.status == .problems)
            #expect(check.spoken.said.contains { $0.hasPrefix("WRONG") && $0.contains("1 paise over 2 postings") })
            #expect(check.spoken.said.contains { $0.hasPrefix("WRONG") && $0.contains("1 differ: 4") })
            let settings = try DoctorTests.settings()
            let doctored = await run {
                try await doctor(site, settings: settings, surroundings: DoctorTests.well, json: false, $0)
            }
            #expect(doctored.status == .problems && doctored.spoken.all.contains("busbar db check"))
        }
    }

    @Test func checkFindsADamagedFile() async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            _ = await run { try await migrateDatabase(site, $0) }
            let path = URL(fileURLWithPath: site.folder + "/money.db")
            var bytes = try Data(contentsOf: path)
            // Past the first page, which holds the schema's beginning: pages of tables and indices.
            for index in stride(from: 4_096 * 3, to: min(bytes.count, 4_096 * 12), by: 7) { bytes[index] ^= 0xFF }
            try bytes.write(to: path)
            let check = await run { try await checkDatabase(site, json: false, $0) }
            #expect(check.status != .done, "\(check.spoken.all)")
        }
    }

    @Test func doctorNamesTheRemedy() async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            let settings = try DoctorTests.settings()
            func asked(json: Bool = false) async -> Ran {
                await run {
                    try await doctor(site, settings: settings, surroundings: DoctorTests.well, json: json, $0)
                }
            }
            let nothing = await asked()
            #expect(nothing.status == .problems && nothing.spoken.all.contains("busbar db migrate"))
            #expect(!FileManager.default.fileExists(atPath: site.folder), "the doctor makes nothing")
            _ = await run { try await addOrg(site, name: "Asha Power", zone: "UTC", currency: "INR", $0) }
            let unsaved = await asked()
            #expect(unsaved.status == .partly && unsaved.spoken.all.contains("busbar db backup"))
            _ = await run { try await backUpDatabase(site, BackupOptions(to: folder + "/backups"), $0) }
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: site.folder + "/money.db")
            let well = await asked()
            #expect(well.status == .done, "\(well.spoken.all)")
            let key = site.folder + "/master.key"
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
            let open = await asked()
            #expect(open.status == .problems && open.spoken.all.contains("chmod 600"))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
            try Bench.write("not a key\n", to: key)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
            let damaged = await asked(json: true)
            #expect(damaged.status == .problems && damaged.spoken.all.contains("Restore it"))
        }
    }

    @Test func binaryLeavesWithTheCodesOfTheHouse() async throws {
        try await withFolder { folder in
            let help = try Bench.busbar("--help")
            #expect(help.code == 0 && help.output.contains("import") && help.output.contains("doctor"))
            #expect(try Bench.busbar("--version").output == Release.version + "\n")
            let report = try Bench.busbar("report", "--help").output
            let words = Set(report.split { $0.isWhitespace || $0 == "," || $0 == "." }.map(String.init))
            #expect(reportNames.count > 6)
            #expect(words.isSuperset(of: reportNames), "\(report)")
            let unknown = try Bench.busbar("rat")
            #expect(unknown.code == 2 && unknown.output.isEmpty && !unknown.errors.isEmpty)
            #expect(try Bench.busbar("rate", folder + "/none.csv").code == 2)
            #expect(try Bench.busbar("db", "status", "--data", folder + "/none").code == 1)
            let lost = try Bench.busbar("db", "check", "--database", "postgres://a:secret@127.0.0.1:1/x")
            #expect(lost.code == 3 && !lost.errors.contains("secret") && lost.errors.contains("--database"))
            #expect(try Bench.busbar("doctor", "--data", folder + "/none", "--port", "1").code == 2, "no such option")
            #expect(try Bench.busbar("doctor", "--data", folder + "/none").code == 1)
            let negative = try Bench.busbar("serve", "--data", folder + "/none", "--port", "-1")
            #expect(negative.code == 2 && negative.errors.contains("port (argument --port): -1 is out of range"))
            let misspelt = try Bench.busbar("doctr")
            #expect(misspelt.code == 2 && misspelt.errors.contains("Did you mean 'doctor'?"))
            #expect(try Bench.busbar("db", "chek").errors.contains("Did you mean 'check'?"))
            let document = try Bench.busbar("openapi")
            let golden = try String(
                contentsOf: Bench.repository.appendingPathComponent("openapi/busbar.json"), encoding: .utf8)
            #expect(document.code == 0 && document.output.hasPrefix("{") && document.output.hasSuffix("}\n"))
            #expect(document.output == golden, "run make openapi")
        }
    }
}
