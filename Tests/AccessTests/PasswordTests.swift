// Password hashes at the agreed cost, the bounded line before them, and the counters of attempts.
import Access
import Cryptography
import Foundation
import Synchronization
import Testing

/// How many are inside at once, and how many ever were.
private final class Gauge: Sendable {
    private let state = Mutex((now: 0, most: 0))
    func enter() { state.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func leave() { state.withLock { $0.now -= 1 } }
    var most: Int { state.withLock { $0.most } }
}

@Suite struct PasswordTests {
    @Test func encodesWithTheAgreedCostAndVerifies() throws {
        let encoded = try PasswordHash.encode(Array("correct horse".utf8), salt: Array("0123456789abcdef".utf8))
        #expect(encoded.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"))
        #expect(PasswordHash.verify(Array("correct horse".utf8), encoded: encoded))
        #expect(!PasswordHash.verify(Array("correct horsf".utf8), encoded: encoded))
        #expect(!PasswordHash.verify([], encoded: encoded))
    }

    /// The reference implementation's own vector (argon2id, 64 MiB, two passes, "password", "somesalt").
    @Test func readsAHashMadeElsewhere() {
        let encoded = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        #expect(PasswordHash.verify(Array("password".utf8), encoded: encoded))
        #expect(!PasswordHash.verify(Array("Password".utf8), encoded: encoded))
    }

    @Test(arguments: ["", "$", "$argon2id$v=19$m=19456,t=2,p=1$$", "plain", "$argon2id$v=19$m=1,t=0,p=0$AAAA$AAAA"])
    func refusesTextThatIsNoHash(_ encoded: String) {
        #expect(!PasswordHash.verify(Array("password".utf8), encoded: encoded))
    }

    @Test func refusesAShortSalt() {
        #expect(throws: PasswordHash.Failure.self) { try PasswordHash.encode([1], salt: [1, 2]) }
    }

    /// A decoy that libargon2 refuses at once would tell by its speed that a login does not exist.
    @Test func decoyCostsAsMuchAsAHash() {
        func leastNs(_ encoded: String) -> UInt64 {
            (0..<5).map { _ in
                let start = DispatchTime.now().uptimeNanoseconds
                #expect(!PasswordHash.verify(Array("wrong password".utf8), encoded: encoded))
                return DispatchTime.now().uptimeNanoseconds - start
            }.min() ?? 0
        }
        let real = try? PasswordHash.encode(Array("right password".utf8), salt: [UInt8](repeating: 7, count: 16))
        let (decoyNs, realNs) = (leastNs(PasswordHash.decoy), leastNs(real ?? ""))
        #expect(realNs > 1_000_000)
        #expect(decoyNs > realNs / 4 && decoyNs < realNs * 4, "decoy \(decoyNs) ns, real \(realNs) ns")
    }

    @Test func runsTwoAtATimeAndRefusesWhenTheLineIsFull() async throws {
        let hasher = PasswordHasher(concurrency: 2, waitingMax: 3)
        let gate = DispatchSemaphore(value: 0)
        let running = Gauge()
        var tasks: [Task<Int, any Error>] = []
        // Five fit (two run, three wait); begin them one after the other, so that the sixth surely finds the line full.
        for number in 0..<5 {
            tasks.append(
                Task {
                    try await hasher.onThread {
                        running.enter()
                        gate.wait()
                        running.leave()
                        return number
                    }
                })
            while hasher.load < number + 1 { try await Task.sleep(for: .milliseconds(1)) }
        }
        let refused = try await refusal { _ = try await hasher.onThread { 0 } }
        #expect(refused?.code == .unavailable)
        for _ in 0..<5 { gate.signal() }
        for (number, task) in tasks.enumerated() { #expect(try await task.value == number) }
        #expect(running.most == 2)
        #expect(try await hasher.onThread { 9 } == 9)
    }

    @Test func generatedPasswordsAreLongAndDifferent() {
        let many = Set((0..<200).map { _ in Secret.password() })
        #expect(many.count == 200)
        #expect(many.allSatisfy { $0.count == 23 && !$0.contains("l") && !$0.contains("0") })
    }
}

@Suite struct AttemptCounterTests {
    @Test func countsByKeyInAWindow() {
        let counter = AttemptCounter(limit: 2, windowMs: 1000)
        #expect(counter.attempt("a", nowMs: 0) == nil)
        #expect(counter.attempt("a", nowMs: 400) == nil)
        #expect(counter.attempt("a", nowMs: 400) == 600)
        #expect(counter.attempt("b", nowMs: 400) == nil)
        #expect(counter.attempt("a", nowMs: 1000) == nil)
        counter.clear("a")
        #expect(counter.attempt("a", nowMs: 1000) == nil)
        #expect(counter.attempt("a", nowMs: 1000) == nil)
        #expect(counter.attempt("a", nowMs: 1000) == 1000)
    }

    @Test func memoryHasABound() {
        let counter = AttemptCounter(limit: 1, windowMs: 1_000_000, capacity: 100)
        for number in 0..<10_000 { _ = counter.attempt("key \(number)", nowMs: 0) }
        #expect(counter.keyCount <= 100)
        #expect(counter.attempt("key 9999", nowMs: 1) != nil)
    }

    @Test(arguments: [
        ("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8::1", "2001:db8::/64"),
        ("::1", "::/64"), ("::ffff:203.0.113.7", "203.0.113.7"), ("local", "local"),
    ])
    func oneSubscriberIsOneAddress(_ address: String, _ network: String) {
        #expect(AttemptCounter.network(of: address) == network)
    }
}
