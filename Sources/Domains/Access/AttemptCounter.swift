// Counts attempts by key in a window of time, in bounded memory: sign-in lockout and request rates stand on it.
// In memory only: a restart forgets, each process counts for itself.
import Synchronization

/// At most `limit` attempts by key in a window that starts with the first one.
///
/// Bounded: keys live in two generations of `capacity / 2`; when the younger is full the older is forgotten, so a flood
/// of new keys costs constant time and memory.
public final class AttemptCounter: Sendable {
    private struct Window { var count = 0; var endMs: Int64 = 0 }
    private struct Generations { var young: [String: Window] = [:]; var old: [String: Window] = [:] }
    private let generations = Mutex(Generations())
    public let limit: Int
    public let windowMs: Int64
    private let capacity: Int

    public init(limit: Int, windowMs: Int64, capacity: Int = 20_000) {
        precondition(limit > 0 && windowMs > 0 && capacity >= 2, "an attempt counter needs room to count")
        self.limit = limit
        self.windowMs = windowMs
        self.capacity = capacity
    }

    /// Counts one attempt. Nil: go ahead. Otherwise how long to wait, in milliseconds, at least 1.
    public func attempt(_ key: String, nowMs: Int64) -> Int64? {
        generations.withLock { all in
            var window = all.young[key] ?? all.old[key] ?? Window()
            // A window that ends later than any could was begun by a clock that was ahead.
            if nowMs >= window.endMs || window.endMs > nowMs + windowMs {
                window = Window(count: 0, endMs: nowMs + windowMs)
            }
            guard window.count < limit else { return max(1, window.endMs - nowMs) }
            window.count += 1
            if all.young[key] == nil, all.young.count >= capacity / 2 {
                all.old = all.young
                all.young = [:]
            }
            all.young[key] = window
            return nil
        }
    }

    /// Forgets the attempts of a key: it proved itself.
    public func clear(_ key: String) {
        generations.withLock { all in
            all.young[key] = nil
            all.old[key] = nil
        }
    }

    /// How many keys are remembered; never more than the capacity.
    public var keyCount: Int { generations.withLock { $0.young.count + $0.old.count } }

    /// The address as rates count it: IPv6 by its /64, since one subscriber holds at least that.
    public static func network(of address: String) -> String {
        guard address.contains(":") else { return address }
        // An IPv4 caller as a socket for both families names it.
        if address.hasPrefix("::ffff:"), address.contains(".") { return String(address.dropFirst(7)) }
        let groups = address.split(separator: ":", omittingEmptySubsequences: false)
        if let gap = groups.firstIndex(of: ""), gap < 4 { return groups[..<gap].joined(separator: ":") + "::/64" }
        return groups.prefix(4).joined(separator: ":") + "::/64"
    }
}
