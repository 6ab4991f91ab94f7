// One conversation with a meter at a time: collecting and giving orders run beside each other, and a meter answers one.
// Holds within this process; between processes the meter itself refuses the second caller, who tries again.

public actor MeterGates {
    private var busy: Set<Int64> = []
    private var waiting: [Int64: [CheckedContinuation<Void, Never>]] = [:]

    public init() {}

    /// Runs the body while nobody else talks with the meter; those who wait come in the order in which they asked.
    nonisolated public func alone<Value: Sendable>(
        with meterID: Int64, _ body: @Sendable () async throws -> Value
    ) async rethrows -> Value {
        await enter(meterID)
        do {
            let value = try await body()
            await leave(meterID)
            return value
        } catch {
            await leave(meterID)
            throw error
        }
    }

    private func enter(_ meterID: Int64) async {
        guard !busy.insert(meterID).inserted else { return }
        await withCheckedContinuation { waiting[meterID, default: []].append($0) }
    }

    /// The gate goes straight to who waits longest, or opens.
    private func leave(_ meterID: Int64) {
        guard var line = waiting[meterID], !line.isEmpty else {
            busy.remove(meterID)
            return
        }
        let next = line.removeFirst()
        waiting[meterID] = line.isEmpty ? nil : line
        next.resume()
    }
}
