// The number that keeps the ids of processes apart, leased from the money store on the system clock.
import SQL

/// A process number held until `untilMs`. A process that cannot renew in time must stop making ids.
public struct ProcessNumber: Sendable, Equatable {
    /// 0 to 1023, for `IDGenerator`.
    public var number: Int64
    public var holder: String
    public var untilMs: Int64
    /// Not 0 when this installation was used at a later time than the clock shows now: ids go on from there.
    public var idsNotBeforeMs: Int64 = 0

    public static let leaseMs: Int64 = 60_000
    /// A number rests for one more lease after it ran out, so that a late renewal finds it unused.
    static let restMs: Int64 = 60_000
    /// Clocks of two machines may differ by so much.
    static let skewMs: Int64 = 600_000

    /// Takes the lowest number nobody holds, or the highest when the clock is behind. One that was used at a later time
    /// than the clock shows now counts as held: its ids of that time exist already.
    /// - Parameter holder: tells processes apart: host, process id and a random part.
    /// - Throws: ``Refusal`` `unavailable` when 1024 processes hold one each.
    public static func lease(in money: any Database, holder: String, systemNowMs: Int64) async throws -> ProcessNumber {
        try await money.write { transaction in
            let rows = try transaction.query("SELECT process_number, lease_until_ms FROM process_lease", []) {
                (number: try $0.int(0), untilMs: try $0.int(1))
            }
            let held = Set(rows.filter { $0.untilMs > systemNowMs - restMs }.map(\.number))
            let latestMs = rows.map(\.untilMs).max() ?? 0
            let isBehind = latestMs > systemNowMs + leaseMs + skewMs
            if isBehind {
                // Every process that goes on from the latest time has a minute of ids of its own there.
                try transaction.run(
                    "UPDATE process_lease SET lease_until_ms = $2 WHERE lease_until_ms = $1",
                    [.int(latestMs), .int(latestMs + restMs)])
            }
            // Those that are behind take numbers from the other end: when their time has come, nobody else has one.
            let numbers = isBehind ? Array((Int64(0)..<1024).reversed()) : Array(0..<1024)
            for number in numbers where !held.contains(number) {
                // Another process may have taken it since the read: then no row changes, and the next number is tried.
                let taken = try transaction.run(
                    """
                    INSERT INTO process_lease (process_number, holder, lease_until_ms) VALUES ($1, $2, $3)
                    ON CONFLICT (process_number) DO UPDATE
                    SET holder = excluded.holder, lease_until_ms = excluded.lease_until_ms
                    WHERE process_lease.lease_until_ms <= $4
                    """,
                    [.int(number), .text(holder), .int(systemNowMs + leaseMs), .int(systemNowMs - restMs)])
                if taken == 1 {
                    return ProcessNumber(
                        number: number, holder: holder, untilMs: systemNowMs + leaseMs,
                        idsNotBeforeMs: isBehind ? latestMs + restMs : 0)
                }
            }
            throw Refusal(
                .unavailable, "All 1024 process numbers are in use.", hint: "Stop processes that are not needed.")
        }
    }

    /// Who holds a number now: processes that work on this database.
    public static func holders(systemNowMs: Int64, in transaction: any SQLTransaction) throws -> [String] {
        try transaction.query(
            "SELECT holder FROM process_lease WHERE lease_until_ms > $1 ORDER BY holder", [.int(systemNowMs)]
        ) { try $0.text(0) }
    }

    /// Holds the number on. Call it every 20 seconds. The row keeps the latest time of all: a clock that was set back
    /// does not free the time that was used already.
    /// - Throws: ``Refusal`` `conflict` when the lease was lost: stop making ids.
    public func renewed(in money: any Database, systemNowMs: Int64) async throws -> ProcessNumber {
        var renewed = self
        renewed.untilMs = systemNowMs + Self.leaseMs
        let lease = renewed
        return try await money.write { transaction in
            let changed = try transaction.run(
                """
                UPDATE process_lease SET lease_until_ms = CASE WHEN lease_until_ms > $3 THEN lease_until_ms ELSE $3 END
                WHERE process_number = $1 AND holder = $2
                """, [.int(lease.number), .text(lease.holder), .int(lease.untilMs)])
            guard changed == 1 else {
                throw Refusal(
                    .conflict, "Process number \(lease.number) was taken over by another process.",
                    hint: "Restart this process.")
            }
            return lease
        }
    }

    /// Gives the number back at once. The row stays and tells until when the number was used, so that it is not used
    /// for the same time again after the clock was set back.
    /// - Parameter latestIDMs: the time of the latest id made with the number.
    public func release(in money: any Database, systemNowMs: Int64, latestIDMs: Int64 = 0) async throws {
        let (number, holder) = (number, holder)
        // Ids that went on from a later time have a part of that time of their own; see `lease`.
        let usedUntilMs = idsNotBeforeMs == 0 ? max(systemNowMs, latestIDMs) : systemNowMs
        try await money.write { transaction in
            _ = try transaction.run(
                "UPDATE process_lease SET lease_until_ms = $3 WHERE process_number = $1 AND holder = $2",
                [.int(number), .text(holder), .int(usedUntilMs - Self.restMs)])
        }
    }

    /// Gives the number back as if it had never been taken, for a start that is refused because of its clock: or the
    /// next start would find that time used and go on.
    /// - Parameter lastHeldMs: what ``lastHeldMs(in:)`` said before.
    public func undo(in money: any Database, lastHeldMs: Int64) async throws {
        let (number, holder) = (number, holder)
        try await money.write { transaction in
            _ = try transaction.run(
                """
                UPDATE process_lease SET lease_until_ms = $3, holder = '' WHERE process_number = $1 AND holder = $2
                """, [.int(number), .text(holder), .int(lastHeldMs)])
        }
    }

    /// When this installation was last held by anybody, in system time; nil when never.
    public static func lastHeldMs(in transaction: any SQLTransaction) throws -> Int64? {
        try transaction.first("SELECT MAX(lease_until_ms) FROM process_lease", []) { try $0.optionalInt(0) } ?? nil
    }
}
