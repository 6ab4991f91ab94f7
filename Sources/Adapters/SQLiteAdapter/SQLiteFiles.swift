// What can be seen of the files of a SQLite site before any is opened: emptied, cut short, or no database. SQLite
// would take an empty file for a new database and begin from nothing. Changes nothing.
import CivilTime
import Foundation
import SQL

extension SQLiteSite {
    /// - Throws: ``SQLError`` `corrupt` that names the file and what to do.
    public static func checkFiles(_ folder: String) throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let months = names.filter { SQLiteReadings.month(of: $0) != nil }.sorted()
        let money = folder + "/money.db"
        if !months.isEmpty, (size(money) ?? 0) == 0 {
            throw SQLError(
                .corrupt,
                "\(money) is \(size(money) == nil ? "missing" : "empty") while \(months[0]) is there: \(restore)")
        }
        for name in ["money.db"] + months {
            let path = folder + "/" + name
            guard let bytes = size(path) else { continue }
            if let fault = fault(path, bytes, isNew: name == "money.db") {
                throw SQLError(.corrupt, "\(path) \(fault): \(restore)")
            }
        }
    }

    private static let restore = "keep the folder as it is, and restore the last good backup into an empty one"

    private static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// By the header of the file format: magic, page size (offset 16), pages (28, valid when 24 equals 92).
    private static func fault(_ path: String, _ bytes: Int64, isNew: Bool) -> String? {
        guard bytes > 0 else {
            // A process that ended before its first commit leaves an empty money.db; months get their name when whole.
            return isNew ? nil : "is empty"
        }
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        let header = [UInt8]((try? handle.read(upToCount: 100)) ?? Data())
        guard header.count == 100, header.starts(with: Array("SQLite format 3\0".utf8)) else {
            return "is not a SQLite database"
        }
        func number(_ offset: Int, _ count: Int) -> Int64 {
            header[offset..<offset + count].reduce(0) { $0 << 8 | Int64($1) }
        }
        let pageBytes = number(16, 2) == 1 ? 65_536 : number(16, 2)
        let wholeBytes = number(28, 4) * pageBytes
        guard number(24, 4) == number(92, 4), wholeBytes > bytes else { return nil }
        // Pages may still be in the write-ahead log only; SQLite looks closer then.
        guard (size(path + "-wal") ?? 0) == 0 else { return nil }
        return "is cut short: \(bytes) of \(wholeBytes) bytes are there"
    }
}
