// Where master keys lie: beside the current key, during a change, the next one; afterwards the retired one.
// Every step is one atomic change of the folder, so that a kill at any moment leaves both keys where they are found.
import Access
import Foundation

/// The files of a master key.
struct MasterKeyFiles {
    /// Nil when the current key is no file: it came by the environment.
    var current: String?
    /// Where the key is that is being changed to.
    var next: String

    func retired(_ name: String) -> String? { current.map { "\($0).retired-\(name)" } }
}

extension MasterKey {
    /// The key as it is named in messages.
    static func place(_ site: SiteOptions) -> String {
        switch site.masterKey {
        case .folder: site.folder + "/master.key"
        case .file(let path): path
        case .given(_, let source): source
        }
    }

    /// Nil when the key came by the environment and nobody named a file for the next one.
    static func files(_ site: SiteOptions, newKeyFile: String? = nil) -> MasterKeyFiles? {
        switch site.masterKey {
        case .folder: MasterKeyFiles(current: site.folder + "/master.key", next: site.folder + "/master.key.next")
        case .file(let path): MasterKeyFiles(current: path, next: path + ".next")
        case .given: newKeyFile.map { MasterKeyFiles(current: nil, next: $0) }
        }
    }

    /// The file that `--with-key` copies.
    /// - Throws: ``Complaint`` `usage` when the key is in no file.
    static func file(toCopy site: SiteOptions) throws -> String {
        guard let current = files(site)?.current else {
            throw Complaint(
                "--with-key: the master key came by \(place(site)), and there is no file of it to copy",
                hint: "Leave --with-key out, and keep a copy of the key apart.", .usage)
        }
        return current
    }

    /// The key that seals now.
    /// - Parameter makes: makes it when the folder has none.
    static func current(_ site: SiteOptions, makes: Bool = false) throws -> [UInt8] {
        switch site.masterKey {
        case .folder: return try load(folder: site.folder, makes: makes)
        case .file(let path):
            guard let key = try read(path) else {
                throw Refusal(
                    .unavailable, "The master key \(path) is not there.",
                    hint: "Restore it from its backup, or check master_key_file.")
            }
            return key
        case .given(let text, let source):
            guard let key = bytes(hex: text) else {
                throw Refusal(
                    .invalid, "The master key is not 64 hexadecimal digits.",
                    hint: "`openssl rand -hex 32` makes one for a new installation.", at: source)
            }
            return key
        }
    }

    /// All keys that may have sealed something: the current one and, while it is being changed, the next.
    static func ring(_ site: SiteOptions, makes: Bool = false) throws -> KeyRing {
        try KeyRing(current: try current(site, makes: makes), next: files(site).flatMap { try read($0.next) })
    }

    /// Nil when there is no such file.
    static func read(_ path: String) throws -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path), data.count <= 4_096 else {
            throw Refusal(.unavailable, "\(path) cannot be read.", hint: "Check who owns it; run this as that user.")
        }
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let key = bytes(hex: text) else {
            throw Refusal(
                .invalid, "\(path) does not hold 64 hexadecimal digits.", hint: "Restore it from its backup.")
        }
        return key
    }

    /// The key in that file, made when it is not there; on the disk before this returns.
    /// - Parameter pattern: a file whose owner and mode the new one gets.
    static func make(_ path: String, like pattern: String?) throws -> [UInt8] {
        if let key = try read(path) { return key }
        let key = Secret.bytes(32)
        let draft = "\(path).\(getpid())"
        defer { unlink(draft) }
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw cannotWrite(path) }
        if let pattern, let attributes = try? FileManager.default.attributesOfItem(atPath: pattern) {
            let mode = (attributes[.posixPermissions] as? Int) ?? 0o600
            let owner = (attributes[.ownerAccountID] as? Int, attributes[.groupOwnerAccountID] as? Int)
            // Only root may give it away; anybody else makes it as the owner that it has already.
            if geteuid() == 0, let user = owner.0, let group = owner.1 {
                _ = fchown(descriptor, UInt32(user), UInt32(group))
            }
            _ = fchmod(descriptor, UInt32(mode & 0o640))
        }
        let line = Array((Secret.hex(key) + "\n").utf8)
        let isWritten = write(descriptor, line, line.count) == line.count && fsync(descriptor) == 0
        close(descriptor)
        // A link, not a rename: it refuses to take the place of a key that came in between.
        guard isWritten, link(draft, path) == 0, syncFolder(of: path) else { throw cannotWrite(path) }
        return key
    }

    /// The next key becomes the current one; the old one is kept beside it under its name.
    static func retire(
        _ files: MasterKeyFiles, oldName: String, _ reached: (String) -> Void = { _ in }
    ) throws {
        guard let current = files.current, let retired = files.retired(oldName) else { return }
        guard link(current, retired) == 0 || errno == EEXIST, syncFolder(of: current) else {
            throw cannotWrite(retired)
        }
        reached("old key kept")
        guard rename(files.next, current) == 0, syncFolder(of: current) else { throw cannotWrite(current) }
    }

    private static func cannotWrite(_ path: String) -> Refusal {
        Refusal(
            .unavailable, "\(path) cannot be written: \(String(cString: strerror(errno))).",
            hint: "Run this as the user who owns the key and its folder.")
    }

    private static func syncFolder(of path: String) -> Bool {
        let folder = (path as NSString).deletingLastPathComponent
        let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }
}
