// Runs Argon2id away from the cooperative pool, at most two at a time, with a bounded line of waiting calls.
// Knows nothing of logins.
import Cryptography
import Dispatch
import Synchronization

/// Random secrets from the system's generator.
public enum Secret {
    public static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        // Eight bytes a call: each asks the kernel.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            withUnsafeBytes(of: generator.next() as UInt64) { bytes.append(contentsOf: $0) }
        }
        return Array(bytes.prefix(count))
    }

    /// Lower-case hexadecimal digits.
    public static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Twenty letters and digits without look-alikes (about 98 bits), in groups of five: `k7m2p-…`.
    public static func password() -> String {
        let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789")
        var generator = SystemRandomNumberGenerator()
        let letters = (0..<20).compactMap { _ in alphabet.randomElement(using: &generator) }
        return stride(from: 0, to: letters.count, by: 5).map { String(letters[$0..<min($0 + 5, letters.count)]) }
            .joined(separator: "-")
    }
}

/// The one door to Argon2id. Two hashes at a time (each takes 19 MiB and a core for about 30 ms), 64 waiting;
/// more are refused with `unavailable`, so that a flood of sign-ins costs the rest of the server nothing.
public final class PasswordHasher: Sendable {
    private struct Line {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }
    private enum Place { case runs, waits, refused }
    private let line = Mutex(Line())
    private let queue = DispatchQueue(label: "busbar.password-hash", attributes: .concurrent)
    private let concurrency: Int
    private let waitingMax: Int
    /// Names that make a password guessable.
    let companyNames: [String]
    /// Whether a password is known from a breach; may read a file.
    let isBreached: (@Sendable (String) throws -> Bool)?

    public init(
        concurrency: Int = 2, waitingMax: Int = 64, companyNames: [String] = [],
        isBreached: (@Sendable (String) throws -> Bool)? = nil
    ) {
        self.companyNames = companyNames
        self.isBreached = isBreached
        self.concurrency = concurrency
        self.waitingMax = waitingMax
    }

    /// The encoded hash of a password with a fresh salt.
    public func hash(_ password: String) async throws -> String {
        let salt = Secret.bytes(PasswordHash.saltByteCount)
        return try await onThread { Result { try PasswordHash.encode(Array(password.utf8), salt: salt) } }.get()
    }

    public func verify(_ password: String, encoded: String) async throws -> Bool {
        try await onThread { PasswordHash.verify(Array(password.utf8), encoded: encoded) }
    }

    /// How many calls run or wait.
    public var load: Int { line.withLock { $0.running + $0.waiting.count } }

    /// Runs blocking work on a thread of its own, in order of arrival.
    /// - Throws: ``Refusal`` `unavailable` when the line is full.
    public func onThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let job: @Sendable () -> Void = { continuation.resume(returning: work()) }
            let place = line.withLock { line -> Place in
                if line.running < concurrency {
                    line.running += 1
                    return .runs
                }
                guard line.waiting.count < waitingMax else { return .refused }
                line.waiting.append(job)
                return .waits
            }
            switch place {
            case .runs: start(job)
            case .waits: break
            case .refused:
                continuation.resume(
                    throwing: Refusal(.unavailable, "Too many sign-ins at this moment.", hint: "Try again in a minute.")
                )
            }
        }
    }

    private func start(_ job: @escaping @Sendable () -> Void) {
        queue.async {
            job()
            let next = self.line.withLock { line -> (@Sendable () -> Void)? in
                guard line.waiting.isEmpty else { return line.waiting.removeFirst() }
                line.running -= 1
                return nil
            }
            if let next { self.start(next) }
        }
    }
}
