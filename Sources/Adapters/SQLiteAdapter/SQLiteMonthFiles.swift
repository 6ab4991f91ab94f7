// Where the files of months lie: in the folder, or in its `archive` with a link in the folder, so that all who look for
// a month find it. Copy, sync, rename: the file under a month's name is whole at any moment. Opens no database but to
// give back room.
import CivilTime
import Foundation
import SQL

struct SQLiteMonthFiles: MonthFiles {
    let readings: SQLiteReadings

    func giveBackRoom(_ month: CivilMonth) async throws { try await readings.file(month).vacuum() }

    func putAway(_ month: CivilMonth) async throws {
        try await readings.move(month) { folder, file in
            let path = folder + "/" + file
            let archive = folder + "/archive"
            guard (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == nil else { return }
            try refuseLog(path)
            if !FileManager.default.fileExists(atPath: archive) {
                do {
                    try FileManager.default.createDirectory(
                        atPath: archive, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                } catch {
                    throw SQLError(.connection, "cannot make \(archive): \(error.localizedDescription)")
                }
            }
            try copy(path, archive + "/" + file)
            let link = path + ".link"
            unlink(link)
            // Relative, so that the whole folder can be moved.
            guard symlink("archive/" + file, link) == 0 else { throw failed("link \(link)") }
            guard rename(link, path) == 0 else { throw failed("replace \(path)") }
            try sync(folder)
        }
    }

    func bringBack(_ month: CivilMonth) async throws {
        try await readings.move(month) { folder, file in
            let path = folder + "/" + file
            let away = folder + "/archive/" + file
            if (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil {
                try refuseLog(away)
                try copy(away, path)
            }
            // Also when an earlier try ended between the two.
            unlink(away)
            try sync(folder)
        }
    }

    /// A log beside the file holds what the file lacks; closing has emptied it unless another process has it open.
    private func refuseLog(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path + "-wal") else { return }
        throw SQLError(.busy, "\(path) is open in another process; try again when it is done")
    }

    private func copy(_ from: String, _ to: String) throws {
        let new = to + ".moving"
        unlink(new)
        do {
            // Through a link, if it is one: the content is wanted.
            let source = URL(fileURLWithPath: from).resolvingSymlinksInPath().path
            try FileManager.default.copyItem(atPath: source, toPath: new)
        } catch {
            throw SQLError(.full, "cannot copy \(from) to \(new): \(error.localizedDescription)")
        }
        try sync(new)
        guard rename(new, to) == 0 else { throw failed("replace \(to)") }
        try sync((to as NSString).deletingLastPathComponent)
    }

    private func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failed("open \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failed("write out \(path)") }
    }

    private func failed(_ what: String) -> SQLError {
        SQLError(errno == ENOSPC ? .full : .connection, "cannot \(what): \(String(cString: strerror(errno)))")
    }
}
