// Business time that two processes share: the meters live in the test, the line in a process that is killed.
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Eight bytes of a file, mapped. Whoever writes last sets the time for all.
final class SharedClock: TestClock {
    // Mapped once, never moved, written by one process at a time; so no lock is needed for one aligned word.
    nonisolated(unsafe) private let word: UnsafeMutablePointer<Int64>

    /// - Parameter startMs: the first time; nil takes the file's as it is.
    init(path: String, startMs: Int64? = nil) throws {
        let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0 else { throw POSIXError(.ENOENT) }
        defer { close(descriptor) }
        guard ftruncate(descriptor, 8) == 0,
            let memory = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), memory != MAP_FAILED
        else { throw POSIXError(.ENOMEM) }
        word = memory.assumingMemoryBound(to: Int64.self)
        if let startMs { word.pointee = startMs }
    }

    deinit { munmap(word, 8) }

    var nowMs: Int64 {
        get { word.pointee }
        set { word.pointee = newValue }
    }
}
