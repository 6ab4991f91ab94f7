// What lies beside the files of a backup: what they are, of which schema, and how to know them again. Copies nothing.
import CivilTime
import Cryptography
import Foundation
import SQL

/// `manifest.json` of a backup. Format 1.
struct BackupManifest: Codable, Equatable {
    struct File: Codable, Equatable {
        var name: String
        var bytes: Int64
        /// Hexadecimal.
        var sha256: String
    }
    static let name = "manifest.json"
    static let dump = "busbar.dump"

    var format = 1
    /// Version of the program that made it.
    var program: String
    /// Highest migration in it.
    var schema: Int
    /// `sqlite` or `postgres`.
    var engine: String
    var engineVersion: String
    /// System time.
    var madeAtMs: Int64
    var files: [File]
    /// Rows by `part/table`; empty where they were not counted.
    var rows: [String: Int64]
    /// Months that were out of reach, `2025-03`; an earlier backup has them.
    var monthsLeftOut: [String]?

    var bytes: Int64 { files.reduce(0) { $0 + $1.bytes } }

    /// Reads the manifest of a backup folder.
    /// - Throws: ``Complaint`` when there is none, or one this program does not understand.
    static func read(_ folder: String) throws -> BackupManifest {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
            throw Complaint(
                "\(folder) is no finished backup: it has no \(name)", hint: "Name the folder of one backup.", .problems)
        }
        guard data.count < 10_000_000, let found = try? JSONDecoder().decode(BackupManifest.self, from: data) else {
            throw Complaint("\(folder)/\(name) cannot be read", hint: "Use another backup.", .problems)
        }
        let names = found.files.map(\.name)
        guard found.format == 1, SQLEngine(rawValue: found.engine) != nil, !names.isEmpty,
            names.allSatisfy({ isKnown($0) }), Set(names).count == names.count
        else {
            throw Complaint(
                "\(folder) is a backup of a form this program does not know",
                hint: "Restore it with Busbar \(found.program) or a newer one.", .problems)
        }
        return found
    }

    /// Only names a backup writes: none leads out of its folder.
    private static func isKnown(_ file: String) -> Bool {
        file == "money.db" || file == dump || readingsMonth(file) != nil
    }

    static func readingsMonth(_ file: String) -> CivilMonth? {
        guard file.hasPrefix("readings-"), file.hasSuffix(".db"), file.utf8.count == 19 else { return nil }
        return CivilMonth(file.dropFirst(9).prefix(7))
    }

    func write(_ folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let path = "\(folder)/\(Self.name)"
        let done = FileManager.default.createFile(
            atPath: path, contents: try encoder.encode(self), attributes: [.posixPermissions: 0o600])
        guard done else { throw SQLError(.full, "\(path) cannot be written") }
    }

    /// What is wrong with the files, without looking into them.
    func damages(_ folder: String) throws -> [String] {
        try files.compactMap { file in
            let path = "\(folder)/\(file.name)"
            guard FileManager.default.fileExists(atPath: path) else { return "\(file.name) is missing" }
            let now = try Self.describe(path, file.name)
            if now.bytes != file.bytes { return "\(file.name) has \(now.bytes) bytes instead of \(file.bytes)" }
            return now.sha256 == file.sha256 ? nil : "\(file.name) is not what was written: its checksum differs"
        }
    }

    static func describe(_ path: String, _ name: String) throws -> File {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw SQLError(.connection, "\(path) cannot be read")
        }
        defer { try? handle.close() }
        var bytes: Int64 = 0
        let digest = try Hash.sha256 {
            guard let piece = try handle.read(upToCount: 4 << 20), !piece.isEmpty else { return nil }
            bytes += Int64(piece.count)
            return [UInt8](piece)
        }
        return File(name: name, bytes: bytes, sha256: digest.map(hex).joined())
    }
}

/// `20261121T093512Z` of a system time.
func stamp(_ systemMs: Int64) -> String {
    let seconds = systemMs / 1000
    let day = CivilDay(number: Int32(clamping: seconds / 86_400))
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let ofDay = seconds % 86_400
    return "\(day)".filter(\.isNumber) + "T\(two(ofDay / 3600))\(two(ofDay / 60 % 60))\(two(ofDay % 60))Z"
}
