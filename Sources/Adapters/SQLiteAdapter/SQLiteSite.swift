// The folder of a SQLite site and the lock that keeps a second process out of it. Opens no database.
import Foundation
import SQL

/// A folder with `money.db` and `readings-YYYY-MM.db`.
public enum SQLiteSite {
    /// Makes the folder when it is missing and takes it for this process.
    /// - Throws: ``SQLError`` `busy` when another process holds it, `connection` when the folder cannot be used.
    public static func lock(_ folder: String) throws -> SQLiteSiteLock {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            let above = (folder as NSString).deletingLastPathComponent
            let why =
                FileManager.default.fileExists(atPath: folder)
                ? "a file of this name is there"
                : access(above.isEmpty ? "." : above, W_OK) == 0
                    ? error.localizedDescription : "\(above): \(String(cString: strerror(errno)))"
            throw SQLError(.connection, "cannot make the folder \(folder): \(why)")
        }
        let path = folder + "/busbar.lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SQLError(.connection, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        // From here on the object closes the file, also when this throws.
        let lock = SQLiteSiteLock(descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var text = [UInt8](repeating: 0, count: 20)
            let count = read(descriptor, &text, text.count)
            let holder = String(decoding: text.prefix(max(0, count)), as: UTF8.self).filter(\.isNumber)
            throw SQLError(
                .busy,
                "another process\(holder.isEmpty ? "" : " (number \(holder))") uses \(folder); "
                    + "stop it, or choose another folder")
        }
        // Only for the message above; the lock itself is the kernel's.
        let holder = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        pwrite(descriptor, holder, holder.count, 0)
        return lock
    }
}

/// Holds the folder until it is released or the object goes. The kernel drops it when the process dies.
public final class SQLiteSiteLock: Sendable {
    private let descriptor: Int32
    fileprivate init(_ descriptor: Int32) { self.descriptor = descriptor }
    /// Gives the folder up at once, whoever still holds the object. Doing it again changes nothing.
    public func release() { flock(descriptor, LOCK_UN) }

    deinit {
        // Closing alone would leave the lock to a child that was forked and has not yet closed its copy.
        release()
        close(descriptor)
    }
}
