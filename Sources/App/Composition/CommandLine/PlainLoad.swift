// A large plain CSV read from the disk by several threads at once, its SHA-256 beside. Only what needs no care of its
// own: everything else is read in pieces, in order.
import CivilTime
import Cryptography
import Dispatch
import Foundation
import Glibc
import LoadFiles
import Synchronization

public enum PlainLoad {
    /// - Parameter parts: how many threads read rows; one more makes the digest.
    /// - Returns: what the file holds and the SHA-256 of its bytes; nil when only reading it row by row tells rightly,
    ///   also when it cannot be read or was changed meanwhile.
    public static func read(
        _ path: String, file: String, zone: Zone, stamps: LoadFileParser.StampSide? = nil,
        limits: LoadFileLimits = .standard, parts: Int
    ) -> (load: LoadFile, sha256: [UInt8])? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let before = state(descriptor), before.st_size <= limits.bytes else { return nil }
        let bytes = LoadFileBytes(count: Int(before.st_size)) { fill(descriptor, from: $0, $1) }
        // The digest has a thread of its own: it takes as long as a part, and no part waits for it.
        let sha256 = Mutex<[UInt8]?>(nil)
        let digesting = DispatchGroup()
        DispatchQueue.global().async(group: digesting) {
            let digest = digest(bytes)
            sha256.withLock { $0 = digest }
        }
        let load = LoadFileParser.parseInParts(
            bytes, file: file, zone: zone, stamps: stamps, limits: limits, parts: parts
        ) { count, read in DispatchQueue.concurrentPerform(iterations: count, execute: read) }
        digesting.wait()
        guard let load, let sha256 = sha256.withLock({ $0 }), let after = state(descriptor),
            after.st_size == before.st_size, after.st_mtim.tv_sec == before.st_mtim.tv_sec,
            after.st_mtim.tv_nsec == before.st_mtim.tv_nsec
        else { return nil }
        return (load, sha256)
    }

    private static func state(_ descriptor: Int32) -> stat? {
        var found = stat()
        return fstat(descriptor, &found) == 0 ? found : nil
    }

    private static func fill(_ descriptor: Int32, from start: Int, _ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, start + done)
            guard count > 0 || (count < 0 && errno == EINTR) else { return false }
            done += max(0, count)
        }
        return true
    }

    private static func digest(_ bytes: LoadFileBytes) -> [UInt8]? {
        var digest = RunningHash()
        let isRead = bytes.read(0..<bytes.count) { piece in
            digest.add(piece)
            return true
        }
        return isRead ? digest.sha256() : nil
    }
}
