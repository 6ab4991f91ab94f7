// One process at a time talks with a meter: a row that one holds, keeps while the conversation goes on and gives back.
// Who dies holds it no longer than its time. Leases are system time.
import Access
import Clocks
import MeterPort
import SQL

public struct MeterLease: Sendable {
    /// System milliseconds a lease holds without being renewed.
    public static let leaseMs: Int64 = 60_000
    /// How long somebody waits for another process: longer than a dead one holds its lease.
    static let waitMs: Int64 = 90_000
    private static let lookMs: Int64 = 250

    let site: Site
    let orgID: Int64
    let holder: String

    /// - Parameter holder: the process; two gates of one process are told apart by themselves.
    public init(site: Site, orgID: Int64, holder: String) {
        self.site = site
        self.orgID = orgID
        self.holder = "\(holder) \(site.ids.next())"
    }

    /// Takes the lease when nobody holds it, or who held it has let it run out.
    public func take(_ meterID: Int64) async throws -> Bool {
        let nowMs = site.clocks.systemNowMs()
        let (orgID, holder) = (orgID, holder)
        return try await site.money.write { transaction in
            // Farther ahead than any lease can be: the clock that set it was wrong.
            try transaction.run(
                """
                INSERT INTO meter_lease (org_id, meter_id, holder, until_ms) VALUES ($1, $2, $3, $4)
                ON CONFLICT (org_id, meter_id) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms
                WHERE meter_lease.until_ms < $5 OR meter_lease.until_ms > $6
                """,
                [
                    .int(orgID), .int(meterID), .text(holder), .int(nowMs + Self.leaseMs), .int(nowMs),
                    .int(nowMs + 10 * Self.leaseMs),
                ]) == 1
        }
    }

    private func renew(_ meterID: Int64) async throws -> Bool {
        let untilMs = site.clocks.systemNowMs() + Self.leaseMs
        let (orgID, holder) = (orgID, holder)
        return try await site.money.write { transaction in
            try transaction.run(
                "UPDATE meter_lease SET until_ms = $4 WHERE org_id = $1 AND meter_id = $2 AND holder = $3",
                [.int(orgID), .int(meterID), .text(holder), .int(untilMs)]) == 1
        }
    }

    /// Gives the lease back. When that cannot be written it runs out by itself.
    func giveBack(_ meterID: Int64) async {
        let (orgID, holder) = (orgID, holder)
        _ = try? await site.money.write { transaction in
            try transaction.run(
                "DELETE FROM meter_lease WHERE org_id = $1 AND meter_id = $2 AND holder = $3",
                [.int(orgID), .int(meterID), .text(holder)])
        }
    }

    /// Takes the lease, waiting for another process when need be.
    func takeWaiting(_ meterID: Int64) async throws {
        for _ in 0...(Self.waitMs / Self.lookMs) {
            if try await take(meterID) { return }
            try await Task.sleep(for: .milliseconds(Self.lookMs))
        }
        throw SQLError(.busy, "another process has been talking with meter \(meterID) for \(Self.waitMs / 1000) s")
    }

    /// Runs the body and renews the lease beside it. Who has lost the lease stops talking.
    func keeping<Value: Sendable>(
        _ meterID: Int64, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while true {
                    try await Task.sleep(for: .milliseconds(Self.leaseMs / 3))
                    guard try await renew(meterID) else {
                        throw SQLError(.busy, "another process talks with meter \(meterID) now")
                    }
                }
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() ?? nil else {
                throw SQLError(.other, "a conversation ended without an end")
            }
            return value
        }
    }

    /// Gives back every lease, for a process that is known to be the only one.
    public static func releaseAll(in transaction: any SQLTransaction) throws {
        try transaction.run("DELETE FROM meter_lease")
    }
}
