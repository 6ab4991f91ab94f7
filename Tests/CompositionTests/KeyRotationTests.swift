// The master key is changed and the process killed at every step and statement: both keys stay where they are found,
// everything opens at any moment, and the next run ends what was begun.
import Access
import Clocks
import Foundation
import Meters
import PostgresAdapter
import SQL
import SQLiteAdapter
import TestSupport
import Testing

@testable import Composition

@Suite(.serialized) struct KeyRotationTests {
    static let meters = 5
    static func keys(_ meter: Int64) -> MeterKeys { MeterKeys(secret: Array("secret of \(meter)".utf8)) }

    /// Where a test lives: a folder for the keys, and one of the two engines.
    struct Place: Sendable, Codable {
        var folder: String
        var url: String?
        var site: SiteOptions { SiteOptions(folder: folder, databaseURL: url) }

        func database() async throws -> any Database {
            if let url { return try await PostgresDatabase.open(url: url) }
            return try await SQLiteDatabase.open(path: folder + "/money.db", durability: .full)
        }
    }

    /// Meters of two companies; half of them sealed in format 1, as by the release before.
    private func place(_ engine: TestEngine, _ body: (Place) async throws -> Void) async throws {
        try await withFolder { folder in
            var place = Place(folder: folder, url: nil)
            let server = engine == .postgres ? try PrivatePostgres.shared.get() : nil
            place.url = try await server?.freshDatabase()
            let open = try await OpenSite.open(place.site, clocks: .live)
            let vault = open.vault
            try await open.site.money.write { transaction in
                for id in 1...Int64(Self.meters) {
                    try Meter(
                        meterID: id, serial: "M\(id)", host: "10.0.0.1", port: 4059, clientAddress: 48,
                        authentication: "hls-2", sealedKeys: try vault.seal(Self.keys(id), meterID: id),
                        capturePeriodS: 1_800
                    ).create(Scope(orgID: id > 3 ? 2 : 1), atMs: 0, in: transaction)
                }
            }
            await open.close()
            do {
                try await body(place)
            } catch {
                if let url = place.url { try? await server?.drop(url) }
                throw error
            }
            if let url = place.url { try await server?.drop(url) }
        }
    }

    private static func rotation(_ place: Place, _ money: any Database) throws -> KeyRotation {
        KeyRotation(
            money: money, current: try MasterKey.current(place.site),
            files: try #require(MasterKey.files(place.site)), columns: sealedColumns, chunkRows: 2)
    }

    /// Opens everything with the keys as they lie on the disk. Returns how many values are not under the newest.
    private func openAll(_ place: Place) async throws -> Int {
        let ring = try MasterKey.ring(place.site)
        let money = try await place.database()
        let values = try await money.read { try KeyVault.sealedColumn.page((.min, .min), 100, $0) }
        await money.close()
        #expect(values.count == Self.meters)
        for value in values {
            #expect(
                try KeyVault(ring: ring).open(value.sealed, meterID: value.id) == Self.keys(value.id),
                "meter \(value.id)")
        }
        return values.count { !ring.isNewest($0.sealed) }
    }

    /// Every moment at which a change can be killed.
    static let moments: [String] =
        ["next key wanted", "next key there", "all sealed", "old key kept", "old key retired"]
        + (1...meters).map { "statement \($0)" } + (1...3).map { "commit \($0)" }

    @Test(arguments: TestEngine.available)
    func killedAtEveryStep(_ engine: TestEngine) async throws {
        for moment in Self.moments {
            try await place(engine) { place in
                let old = try String(contentsOfFile: place.folder + "/master.key", encoding: .utf8)
                await #expect(processExitsWith: .signal(SIGKILL), "\(moment) was not reached") {
                    [place = place as Place, moment = moment as String] in
                    let words = moment.split(separator: " ")
                    let point = Int(words[words.count - 1]).map {
                        WritePoint(words[0] == "commit" ? .commit : .statement, "UPDATE meter", $0)
                    }
                    let money = WatchedDatabase(try await place.database(), WriteWatch(.kill, at: point))
                    var rotation = try Self.rotation(place, money)
                    rotation.reached = { if $0 == moment { kill(getpid(), SIGKILL) } }
                    _ = try await rotation.run(isAlone: {}, Console(say: { _ in }, note: { _ in }))
                }
                _ = try await openAll(place)
                let kept = try Set(FileManager.default.contentsOfDirectory(atPath: place.folder))
                let hasOld = try kept.filter { $0.hasPrefix("master.key") }.contains {
                    try String(contentsOfFile: "\(place.folder)/\($0)", encoding: .utf8) == old
                }
                #expect(hasOld, "killed at \(moment): the old key is gone")
                // Killed after the end there is nothing to resume; a second change is as good as a first.
                let again = await run { try await rotateMasterKey(place.site, newKeyFile: nil, $0) }
                #expect(again.status == .done, "killed at \(moment): \(again.spoken.all)")
                #expect(try await openAll(place) == 0, "killed at \(moment)")
                let now = try String(contentsOfFile: place.folder + "/master.key", encoding: .utf8)
                #expect(now != old && !FileManager.default.fileExists(atPath: place.folder + "/master.key.next"))
            }
        }
    }

    @Test func aWrongKeyChangesNothing() async throws {
        try await place(.sqlite) { place in
            let path = place.folder + "/master.key"
            let right = try Data(contentsOf: URL(fileURLWithPath: path))
            try Bench.write(String(repeating: "ab", count: 32) + "\n", to: path)
            let refused = await run { try await rotateMasterKey(place.site, newKeyFile: nil, $0) }
            #expect(
                refused.status == .problems && refused.spoken.all.contains("does not open"), "\(refused.spoken.all)")
            #expect(!FileManager.default.fileExists(atPath: path + ".next"))
            let open = try await OpenSite.open(place.site)
            #expect(try await openedSecrets(open.ring, open.site.money) == [false], "serving says so")
            await open.close()
            try right.write(to: URL(fileURLWithPath: path))
            #expect(try await openAll(place) == 0)
        }
    }

    @Test func aKeyFromTheEnvironmentNeedsAFileForTheNewOne() async throws {
        try await place(.sqlite) { place in
            var site = place.site
            let digits = try String(contentsOfFile: place.folder + "/master.key", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            site.masterKey = .given(digits, from: "variable BUSBAR_MASTER_KEY")
            let unsaid = await run { try await rotateMasterKey(site, newKeyFile: nil, $0) }
            #expect(unsaid.status == .usage && unsaid.spoken.all.contains("--new-key-file"))
            let file = place.folder + "/new.key"
            let done = await run { try await rotateMasterKey(site, newKeyFile: file, $0) }
            #expect(done.status == .done && done.spoken.all.contains("BUSBAR_MASTER_KEY_FILE"), "\(done.spoken.all)")
            #expect(!done.spoken.all.contains(digits))
            let made = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .newlines)
            #expect(!done.spoken.all.contains(made))
            site.masterKey = .file(file)
            let open = try await OpenSite.open(site, clocks: .live)
            let meter = try await open.site.money.read { try Meter.find(1, Scope(orgID: 1), in: $0) }
            #expect(try open.vault.open(try #require(meter.sealedKeys), meterID: 1) == Self.keys(1))
            await open.close()
        }
    }

    @Test func anotherProcessOnTheDatabaseIsRefused() async throws {
        guard TestEngine.available.contains(.postgres) else { return print("no PostgreSQL: not tested") }
        try await place(.postgres) { place in
            let server = try await OpenSite.open(place.site, clocks: .live)
            let refused = await run { try await rotateMasterKey(place.site, newKeyFile: nil, $0) }
            #expect(refused.status == .partly && refused.spoken.all.contains("other process"), "\(refused.spoken.all)")
            #expect(!FileManager.default.fileExists(atPath: place.folder + "/master.key.next"))
            await server.close()
            let done = await run { try await rotateMasterKey(place.site, newKeyFile: nil, $0) }
            #expect(done.status == .done, "\(done.spoken.all)")
        }
    }
}
