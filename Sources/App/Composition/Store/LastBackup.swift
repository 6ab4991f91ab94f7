// The last finished backup of an installation, kept in a small file in its folder: a backup must not write to the
// database it copies. What the doctor says about it.
import Clocks
import Foundation
import SQL

/// When and where the last backup was made, and whether it was restored to try it.
public struct LastBackup: Sendable, Equatable, Codable {
    /// System time.
    public var atMs: Int64
    /// Folder of the backup.
    public var place: String
    public var bytes: Int64
    public var isVerified: Bool

    static let file = "last-backup.json"

    /// Nil when none was made here, or when the file cannot be understood.
    public static func read(folder: String) -> LastBackup? {
        FileManager.default.contents(atPath: "\(folder)/\(file)").flatMap {
            try? JSONDecoder().decode(LastBackup.self, from: $0)
        }
    }

    func write(folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let (path, new) = ("\(folder)/\(Self.file)", "\(folder)/.\(Self.file).new")
        let done = FileManager.default.createFile(
            atPath: new, contents: try encoder.encode(self), attributes: [.posixPermissions: 0o600])
        guard done, rename(new, path) == 0 else { throw SQLError(.full, "\(path) cannot be written") }
    }
}

/// 48 hours: a nightly backup may fail once before somebody is called.
private let oldestMs: Int64 = 48 * 3_600_000

/// How old the last verified backup is. Nothing to say about a folder that holds no installation yet.
func backupFinding(_ site: SiteOptions, _ clocks: Clocks) -> DoctorFinding? {
    let isThere = site.databaseURL != nil || FileManager.default.fileExists(atPath: site.folder + "/money.db")
    guard isThere else { return nil }
    let remedy = "`busbar db backup --to FOLDER` on another disk, every night."
    guard let last = LastBackup.read(folder: site.folder) else {
        return DoctorFinding("backup", "none was made yet", remedy: remedy)
    }
    let hours = max(0, clocks.systemNowMs() - last.atMs) / 3_600_000
    guard last.isVerified else {
        return DoctorFinding(
            "backup", "the last, \(hours) hours ago, was not verified", remedy: "`busbar db check \(last.place)`")
    }
    let text = "last verified \(hours) hours ago, \(last.bytes / 1_000_000) MB"
    return DoctorFinding("backup", text, remedy: hours * 3_600_000 > oldestMs ? remedy : nil)
}
