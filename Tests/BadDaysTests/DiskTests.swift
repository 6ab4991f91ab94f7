// A disk that is full, on a real small file system; files that are damaged in every way a disk and a person can.
import Foundation
import SQL
import SQLiteAdapter
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite(.serialized) struct DiskTests {
    /// Mounts a file system of so many KiB on a folder for the time of the body.
    private func withSmallDisk(_ folder: String, kib: Int, _ body: (String) async throws -> Void) async throws {
        let disk = folder + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        guard mount("tmpfs", disk, "tmpfs", 0, "size=\(kib)k,mode=700") == 0 else {
            print("the disk that is full is SKIPPED: no right to mount one (\(String(cString: strerror(errno))))")
            return
        }
        do {
            try await body(disk)
            umount2(disk, Int32(MNT_DETACH))
        } catch {
            umount2(disk, Int32(MNT_DETACH))
            throw error
        }
    }

    /// Takes all the room there is.
    private func fill(_ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
        for size in [65_536, 4_096, 512, 1] {
            while write(descriptor, [UInt8](repeating: 7, count: size), size) > 0 {}
        }
        close(descriptor)
    }

    @Test func aFullDiskRefusesWritesAndGoesOnWhenThereIsRoomAgain() async throws {
        try await withFolder { folder in
            try await withSmallDisk(folder, kib: 8_192) { disk in
                let data = disk + "/data"
                try await Installation.make(["--data", data], folder: folder)
                let server = try await Program.serve(["--data", data])
                let token = try await server.token()
                #expect(await server.setLimit(20_000, token: token).status == 200)
                fill(disk + "/filler")
                var refused = Reply()
                for number in 1...40 where refused.status != 503 {
                    refused = await server.setLimit(20_000 + number, token: token)
                }
                #expect(refused.status == 503 && refused.body.contains("disk"), "\(refused)")
                #expect(refused.body.contains("Make room") && refused.head.contains("Retry-After: "), "\(refused)")
                #expect(await server.ask("GET", "/ready").status == 200)
                let read = await server.ask("GET", "/api/v1/settings", token: token)
                #expect(read.status == 200, "\(read)")
                // What was refused has left nothing.
                let last = read.body
                #expect(await server.setLimit(99_999, token: token).status == 503)
                #expect(await server.ask("GET", "/api/v1/settings", token: token).body == last)
                unlink(disk + "/filler")
                try await until("it writes again", withinS: 10) {
                    await server.setLimit(77_777, token: token).status == 200
                }
                #expect(await server.ask("GET", "/api/v1/settings", token: token).body.contains("77777"))
                #expect(server.program.isRunning)
                #expect(try await server.stop().code == 0)
                let check = try await Program.run(["db", "check", "--data", data])
                #expect(check.code == 0, "\(check.text)")
            }
        }
    }

    // MARK: damage

    private static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private static func put(_ bytes: [UInt8], _ path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// What is done to a file, which one, and a word the complaint must hold.
    private static let damages: [(name: String, file: String, word: String, change: @Sendable ([UInt8]) -> [UInt8])] = [
        ("emptied", "money.db", "is empty while readings-", { _ in [] }),
        ("another file", "money.db", "is not a SQLite database", { _ in Array("PK and some text".utf8) }),
        (
            "header overwritten", "money.db", "is not a SQLite",
            { [UInt8](repeating: 0, count: 512) + $0.dropFirst(512) }
        ),
        ("cut in half", "money.db", "is cut short", { Array($0.prefix($0.count / 2)) }),
        ("cut by a byte", "money.db", "is cut short", { Array($0.dropLast()) }),
        ("emptied", "readings-2009-03.db", "is empty", { _ in [] }),
        ("another file", "readings-2009-03.db", "is not a SQLite", { _ in [UInt8](repeating: 65, count: 9_000) }),
        ("cut in half", "readings-2009-03.db", "is cut short", { Array($0.prefix($0.count / 2)) }),
    ]

    @Test func damagedFilesAreRefusedWithWhatAndHow() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            try await Installation.readings(data, folder: folder)
            for damage in Self.damages {
                let path = data + "/" + damage.file
                let whole = try Self.bytes(path)
                let broken = damage.change(whole)
                try Self.put(broken, path)
                for words in [["serve", "--port", "0"], ["db", "check"]] {
                    let ended = try await Program.run(words + ["--data", data])
                    let what = "\(damage.file) \(damage.name), \(words)"
                    #expect(ended.code == 1, "\(what): \(ended.code) \(ended.text)")
                    #expect(ended.text.contains(damage.word) && ended.text.contains(path), "\(what): \(ended.text)")
                    #expect(ended.text.contains("restore"), "\(what): \(ended.text)")
                }
                #expect(try Self.bytes(path) == broken, "\(damage.file) \(damage.name): it was written to")
                try Self.put(whole, path)
            }
            try FileManager.default.removeItem(atPath: data + "/money.db")
            let gone = try await Program.run(["serve", "--port", "0", "--data", data])
            #expect(gone.code == 1 && gone.text.contains("is missing while readings-"), "\(gone.text)")
            #expect(!FileManager.default.fileExists(atPath: data + "/money.db"), "nothing is begun anew")
        }
    }

    @Test func aBrokenPageIsNoCrashAndIsFound() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            try await Installation.readings(data, folder: folder)
            let path = data + "/money.db"
            let whole = try Self.bytes(path)
            var broken = whole
            // The heads of all pages but the first.
            for page in stride(from: 4_096, to: broken.count, by: 4_096) {
                for offset in 0..<64 where page + offset < broken.count { broken[page + offset] ^= 0xA5 }
            }
            try Self.put(broken, path)
            for words in [["serve", "--port", "0"], ["db", "check"], ["doctor"], ["org", "list"], ["rate"]] {
                let ended = try await Program.run(words + ["--data", data])
                #expect(ended.code == 1, "\(words): \(ended.code) \(ended.text)")
                #expect(ended.text.contains("malformed") || ended.text.contains("damaged"), "\(words): \(ended.text)")
            }
            try Self.put(whole, path)
            #expect(try await Program.run(["db", "check", "--data", data]).code == 0)
        }
    }

    /// A log cut short by a power failure loses what was not flushed, and nothing else.
    @Test func aTornWriteAheadLogGivesASoundDatabase() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            let server = try await Program.serve(["--data", data])
            let token = try await server.token()
            for number in 0..<10 { #expect(await server.setLimit(20_000 + number, token: token).status == 200) }
            server.program.signal(SIGKILL)
            _ = try await server.program.end(withinS: 10)
            let log = try Self.bytes(data + "/money.db-wal")
            #expect(log.count > 40_000)
            let whole = try Self.bytes(data + "/money.db")
            for cut in [log.count - 1, log.count / 2, 100, 31] {
                try Self.put(whole, data + "/money.db")
                try Self.put(Array(log.prefix(cut)), data + "/money.db-wal")
                try? FileManager.default.removeItem(atPath: data + "/money.db-shm")
                let check = try await Program.run(["db", "check", "--data", data])
                #expect(check.code == 0, "cut at \(cut): \(check.text)")
            }
        }
    }

    @Test func aDatabaseOfANewerVersionIsRefused() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            try await Installation.readings(data, folder: folder)
            for (file, store) in [("money.db", "money"), ("readings-2009-03.db", "readings")] {
                let database = try await SQLiteDatabase.open(path: data + "/" + file, durability: .full)
                func change(_ sql: String) async throws {
                    try await database.write { transaction in _ = try transaction.run(sql, [.text(store)]) }
                }
                try await change(
                    "INSERT INTO schema_migration (number, store, name, checksum) VALUES (9999, $1, 'later', 1)")
                for words in [["serve", "--port", "0"], ["db", "status"]] {
                    let ended = try await Program.run(words + ["--data", data])
                    #expect(ended.code == 1, "\(file) \(words): \(ended.code) \(ended.text)")
                    #expect(ended.text.contains("newer version") && ended.text.contains("restore"), "\(ended.text)")
                }
                try await change("DELETE FROM schema_migration WHERE number = 9999 AND store = $1")
                await database.close()
            }
            #expect(try await Program.run(["db", "status", "--data", data]).code == 0)
        }
    }
}
