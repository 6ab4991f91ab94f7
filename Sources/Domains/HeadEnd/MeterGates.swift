// One conversation with a meter at a time: collecting and giving orders run beside each other, and a meter answers one.
// Within this process by a line of those who wait; between processes, when a lease is given, by a row of the database.

public actor MeterGates {
    private var busy: Set<Int64> = []
    private var waiting: [Int64: [CheckedContinuation<Void, Never>]] = [:]
    private nonisolated let lease: MeterLease?

    /// - Parameter lease: keeps other processes out; nil where there is no other.
    public init(lease: MeterLease? = nil) { self.lease = lease }

    /// Runs the body while nobody else talks with the meter; those who wait come in the order in which they asked.
    /// - Throws: ``SQLError`` `busy` when another process does not end; else what the body throws.
    nonisolated public func alone<Value: Sendable>(
        with meterID: Int64, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await inTurn(meterID) {
            guard let lease else { return try await body() }
            try await lease.takeWaiting(meterID)
            return try await held(lease, meterID, body)
        }
    }

    /// As ``alone(with:_:)``, but nil, and nothing done, while another process talks with the meter.
    nonisolated public func aloneUnlessBusy<Value: Sendable>(
        with meterID: Int64, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value? {
        try await inTurn(meterID) {
            guard let lease else { return try await body() }
            guard try await lease.take(meterID) else { return nil }
            return try await held(lease, meterID, body)
        }
    }

    private nonisolated func held<Value: Sendable>(
        _ lease: MeterLease, _ meterID: Int64, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        do {
            let value = try await lease.keeping(meterID, body)
            await lease.giveBack(meterID)
            return value
        } catch {
            await lease.giveBack(meterID)
            throw error
        }
    }

    private nonisolated func inTurn<Value: Sendable>(
        _ meterID: Int64, _ body: () async throws -> Value
    ) async throws -> Value {
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
