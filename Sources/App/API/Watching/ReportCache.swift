// Keeps what is dear to make for as long as its cost asks for: what takes long to make is made seldom, and by one at a
// time. Knows nothing about what it keeps.
import Clocks

actor ReportCache<Value: Sendable> {
    /// What takes no longer is made anew each time.
    static var cheapNs: Int64 { 100_000_000 }
    /// Making it may cost a twentieth of a thread, whoever asks and however often.
    static var share: Int64 { 20 }
    static var ageMaxNs: Int64 { 60_000_000_000 }
    static var keysMax: Int { 200 }

    private struct Entry {
        var value: Value
        var madeNs: Int64
        var costNs: Int64
    }
    private var entries: [String: Entry] = [:]
    private var making: [String: Task<(Value, Int64), any Error>] = [:]

    func value(_ key: String, _ make: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let nowNs = Stopwatch.nowNs()
        if let entry = entries[key], entry.costNs > Self.cheapNs,
            nowNs - entry.madeNs < min(Self.ageMaxNs, entry.costNs * Self.share)
        {
            return entry.value
        }
        // Two who ask at once for what is dear wait for the same answer. What is cheap everybody asks for himself, so
        // that nobody gets an answer from before his own last change.
        if let task = making[key], (entries[key]?.costNs ?? 0) > Self.cheapNs { return try await task.value.0 }
        let task = Task {
            let startNs = Stopwatch.nowNs()
            let value = try await make()
            return (value, Stopwatch.nowNs() - startNs)
        }
        making[key] = task
        defer { if making[key] == task { making[key] = nil } }
        let (value, costNs) = try await task.value
        if entries.count >= Self.keysMax, entries[key] == nil,
            let oldest = entries.min(by: { $0.value.madeNs < $1.value.madeNs })
        {
            entries[oldest.key] = nil
        }
        entries[key] = Entry(value: value, madeNs: Stopwatch.nowNs(), costNs: costNs)
        return value
    }
}
