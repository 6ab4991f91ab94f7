// What the machine says of itself, for the doctor. Reads only; tests hand in other answers.
import Foundation

/// The machine around an installation.
public struct Surroundings: Sendable {
    public struct Space: Sendable {
        public var freeBytes: Int64
        public var totalBytes: Int64
        public init(freeBytes: Int64, totalBytes: Int64) {
            self.freeBytes = freeBytes
            self.totalBytes = totalBytes
        }
    }
    /// Who runs this; 0 is root.
    public var userID: UInt32
    public var space: @Sendable (_ folder: String) -> Space?
    /// The name of a network file system; nil for one of this machine.
    public var networkFileSystem: @Sendable (_ folder: String) -> String?
    /// Nil when the kernel does not tell.
    public var isClockSynchronised: Bool?
    /// How many files a process of this user may hold open; `serve` takes as many as it may.
    public var openFilesMax: UInt64
    public var environment: [String: String]

    public init(
        userID: UInt32, space: @escaping @Sendable (String) -> Space?,
        networkFileSystem: @escaping @Sendable (String) -> String?, isClockSynchronised: Bool?,
        openFilesMax: UInt64, environment: [String: String]
    ) {
        self.userID = userID
        self.space = space
        self.networkFileSystem = networkFileSystem
        self.isClockSynchronised = isClockSynchronised
        self.openFilesMax = openFilesMax
        self.environment = environment
    }

    public static var live: Surroundings {
        Surroundings(
            userID: geteuid(), space: liveSpace, networkFileSystem: liveFileSystem,
            isClockSynchronised: liveSynchronised(), openFilesMax: FileLimit.most,
            environment: ProcessInfo.processInfo.environment)
    }

    private static func liveSpace(_ folder: String) -> Space? {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
        guard let free = attributes?[.systemFreeSize] as? Int64, let total = attributes?[.systemSize] as? Int64 else {
            return nil
        }
        return Space(freeBytes: free, totalBytes: total)
    }

    private static let networkKinds: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "lustre", "afs", "gfs2", "ocfs2", "fuse.sshfs",
        "fuse.glusterfs", "fuse.s3fs",
    ]

    /// The kind of the mount the folder lies on, when it is a network's.
    private static func liveFileSystem(_ folder: String) -> String? {
        let path = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        let mounts = FileManager.default.contents(atPath: "/proc/self/mounts") ?? Data()
        var nearest = (place: "", kind: "")
        for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count > 2 else { continue }
            let holds = path == words[1] || path.hasPrefix(words[1] == "/" ? "/" : words[1] + "/")
            // A later mount hides an earlier one at the same place.
            if holds, words[1].utf8.count >= nearest.place.utf8.count { nearest = (words[1], words[2]) }
        }
        return networkKinds.contains(nearest.kind) ? nearest.kind : nil
    }

    /// systemd-timesyncd leaves a mark; of others timedatectl knows.
    private static func liveSynchronised() -> Bool? {
        if FileManager.default.fileExists(atPath: "/run/systemd/timesync/synchronized") { return true }
        let program = "/usr/bin/timedatectl"
        guard FileManager.default.isExecutableFile(atPath: program) else { return nil }
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["show", "--property=NTPSynchronized", "--value"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        switch String(decoding: answer, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) {
        case "yes": return true
        case "no": return false
        default: return nil
        }
    }
}

/// The process that holds the data folder, as the kernel shows it.
struct ServingProcess: Sendable {
    var processID: Int32
    private var status: [String: String]
    private var openFilesLine: String

    /// Asks the kernel, not the lock: taking it, if only for a moment, could keep a server from starting.
    static func holding(_ folder: String) -> ServingProcess? {
        let lockPath = folder + "/busbar.lock"
        guard let text = contents(lockPath), let number = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            let locks = contents("/proc/locks")
        else { return nil }
        let attributes = try? FileManager.default.attributesOfItem(atPath: lockPath)
        let inode = (attributes?[.systemFileNumber] as? NSNumber)?.uint64Value
        let isHeld = locks.split(separator: "\n").contains { line in
            let words = line.split(separator: " ")
            guard words.count > 5, words[1] == "FLOCK", words[4] == "\(number)" else { return false }
            return inode.map { words[5].hasSuffix(":\($0)") } ?? true
        }
        return isHeld ? ServingProcess(number) : nil
    }

    init(_ processID: Int32) {
        self.processID = processID
        status = [:]
        for line in Self.contents("/proc/\(processID)/status")?.split(separator: "\n") ?? [] {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { status[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        openFilesLine =
            Self.contents("/proc/\(processID)/limits")?.split(separator: "\n")
            .first { $0.hasPrefix("Max open files") }.map(String.init) ?? ""
    }

    /// The soft limit.
    var openFilesMax: UInt64? { openFilesLine.split(separator: " ").dropFirst(3).first.flatMap { UInt64($0) } }

    /// What of the hardening of ops/systemd/busbar.service is missing; nil when the kernel does not tell.
    var missingConfinement: [String]? {
        guard let privileges = status["NoNewPrivs"], let capabilities = status["CapEff"] else { return nil }
        var missing: [String] = []
        if status["Uid"]?.hasPrefix("0") == true { missing.append("it runs as root") }
        if privileges != "1" { missing.append("it may gain privileges") }
        if UInt64(capabilities, radix: 16) != 0 { missing.append("it holds capabilities") }
        if status["Seccomp"] != "2" { missing.append("its system calls are not filtered") }
        return missing
    }

    /// Small files of /proc have no size, so they are read to their end.
    private static func contents(_ path: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        return (try? handle.read(upToCount: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
    }
}
