// What all migrations add up to, held against golden files; and that a migration once released never changes.
// UPDATE_GOLDEN=1 writes schema/*.sql anew and adds new migrations to schema/migrations.txt; it never changes a pin.
import Composition
import Foundation
import SQL
import TestSupport
import Testing

@Suite struct SchemaTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("schema")
    static let isUpdating = ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1"

    @Test(arguments: TestEngine.available)
    func allMigrationsAddUpToTheGoldenSchema(_ engine: TestEngine) async throws {
        let text = try await withDatabase(engine, migrations: BusbarSchema.migrations) { try await SchemaDump.text($0) }
        let file = Self.folder.appendingPathComponent("\(engine.rawValue).sql")
        if Self.isUpdating { try text.write(to: file, atomically: true, encoding: .utf8) }
        let golden = try String(contentsOf: file, encoding: .utf8)
        let (wanted, found) = (lines(golden), lines(text))
        let change = found.difference(from: wanted).map { step in
            switch step {
            case .insert(_, let line, _): "+ \(line)"
            case .remove(_, let line, _): "- \(line)"
            }
        }
        #expect(
            wanted == found,
            """
            schema/\(engine.rawValue).sql differs; if meant: UPDATE_GOLDEN=1 make test ONLY=Schema
            \(change.joined(separator: "\n"))
            """)
        #expect(found.count > 50)
    }

    /// Each store alone can be migrated: no table refers to one of the other store.
    @Test(arguments: SchemaStore.allCases)
    func aStoreStandsAlone(_ store: SchemaStore) async throws {
        try await withDatabase(.sqlite) { database in
            let applied = try await Migrator.migrate(BusbarSchema.migrations, store: store, in: database)
            #expect(!applied.isEmpty && applied.allSatisfy { $0.store == store })
        }
    }

    @Test func releasedMigrationsAreAsReleased() throws {
        let file = Self.folder.appendingPathComponent("migrations.txt")
        var text = try String(contentsOf: file, encoding: .utf8)
        if Self.isUpdating {
            let pinned = Set(lines(text).compactMap { $0.split(separator: " ").first.map(String.init) })
            for migration in BusbarSchema.migrations where !pinned.contains("\(migration.number)") {
                text += pin(migration) + "\n"
            }
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(pinFindings(text, BusbarSchema.migrations) == [])
    }

    @Test func seesAChangedAMissingAndAnUnpinnedMigration() {
        let first = Migration(1, .money, "first", ["CREATE TABLE a (x {int} NOT NULL) {table}"])
        let second = Migration(2, .readings, "second", ["CREATE TABLE b (x {int} NOT NULL) {table}"])
        let text = pin(first) + "\n" + pin(second) + "\n"
        #expect(pinFindings(text, [first, second]) == [])
        let changed = Migration(1, .money, "first", ["CREATE TABLE a (x {text} NOT NULL) {table}"])
        #expect(pinFindings(text, [changed, second]).map(\.first) == ["1"])
        #expect(pinFindings(text, [second]).map(\.first) == ["1"])
        let moved = Migration(2, .money, "second", second.statements)
        #expect(pinFindings(text, [first, moved]).map(\.first) == ["2"])
        let third = Migration(3, .money, "third", ["CREATE INDEX c ON a (x)"])
        #expect(pinFindings(text, [first, second, third]).map(\.first) == ["3"])
    }
}

/// The line of a migration in schema/migrations.txt: number, store, checksum, name.
private func pin(_ migration: Migration) -> String {
    let checksum = String(UInt64(bitPattern: migration.checksum), radix: 16)
    return "\(migration.number) \(migration.store.rawValue) \(checksum) \(migration.name)"
}

/// What is wrong with the migrations of this program, by the pins.
private func pinFindings(_ text: String, _ migrations: [Migration]) -> [String] {
    let pins = lines(text)
    let known = migrations.map(pin)
    let changed = pins.filter { !known.contains($0) }.map {
        "\($0) was released and is no longer so: databases hold it; restore its text and add a new migration"
    }
    let pinnedNumbers = Set(pins.compactMap { $0.split(separator: " ").first.flatMap { Int($0) } })
    let fresh = migrations.filter { !pinnedNumbers.contains($0.number) }.map {
        "\(pin($0)) is not in schema/migrations.txt: UPDATE_GOLDEN=1 adds it"
    }
    return changed + fresh
}

private func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
}
