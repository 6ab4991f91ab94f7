// The change of a meter's keys as it stands: the number of the keys in use, the sealed ones on their way, who works at
// it. Talking to the meter is HeadEnd's; nothing here is ever in the clear.
import Access
import SQL

public enum MeterKeysSchema {
    public static let migrations = [
        Migration(
            39, .money, "changes of meter keys",
            [
                """
                CREATE TABLE meter_key (org_id {id} NOT NULL, meter_id {id} NOT NULL, key_number {int} NOT NULL,
                  state {text} NOT NULL, sealed_next {bytes}, changed_at_ms {int}, asked_at_ms {int},
                  next_at_ms {int} NOT NULL, attempt {int} NOT NULL, last_error {text}, holder {text},
                  lease_until_ms {int} NOT NULL, PRIMARY KEY (org_id, meter_id)) {keyed_table}
                """,
                "CREATE INDEX meter_key_due ON meter_key (org_id, state, next_at_ms)",
            ])
    ]
}

/// Where the change of a meter's keys stands.
public struct MeterKeyChange: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        /// The keys in use are proven, and nothing is on its way.
        case settled
        /// New keys are wanted, and sealed from the moment somebody works at it.
        case asked
        /// New keys are stored and may have reached the meter: either may open it.
        case sent
    }

    public var meterID: Int64
    /// Counts the changes that were proven; 0 for the keys a meter was entered with.
    public var keyNumber: Int64
    public var state: State
    public var sealedNext: [UInt8]?
    /// When the keys in use were proven; nil while they are those the meter was entered with.
    public var changedAtMs: Int64?
    public var askedAtMs: Int64?
    public var attempt: Int64
    public var lastError: String?

    private static let columns =
        "k.meter_id, k.key_number, k.state, k.sealed_next, k.changed_at_ms, k.asked_at_ms, k.attempt, k.last_error"

    private static func decode(_ row: any SQLRow) throws -> MeterKeyChange {
        MeterKeyChange(
            meterID: try row.int(0), keyNumber: try row.int(1), state: State(rawValue: try row.text(2)) ?? .settled,
            sealedNext: try row.optionalBytes(3), changedAtMs: try row.optionalInt(4),
            askedAtMs: try row.optionalInt(5), attempt: try row.int(6), lastError: try row.optionalText(7))
    }

    /// What is known of these meters; those whose keys were never changed have no entry.
    public static func of(_ meterIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64:
        MeterKeyChange]
    {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = parameters.bind(meterIDs)
        let rows = try transaction.query(
            "SELECT \(columns) FROM meter_key k WHERE k.org_id = $1 AND k.meter_id IN (\(marks))", parameters, decode)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.meterID, $0) })
    }

    /// Wants new keys for these meters, at once. A change that is on its way goes on. Returns how many were added.
    public static func ask(
        _ meterIDs: [Int64], atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int {
        var added = 0
        for meterID in meterIDs {
            added += try transaction.run(
                """
                INSERT INTO meter_key (org_id, meter_id, key_number, state, asked_at_ms, next_at_ms, attempt,
                  lease_until_ms) VALUES ($1, $2, 0, 'asked', $3, 0, 0, 0)
                ON CONFLICT (org_id, meter_id) DO UPDATE SET state = 'asked', asked_at_ms = excluded.asked_at_ms,
                  next_at_ms = 0, attempt = 0, last_error = NULL WHERE meter_key.state = 'settled'
                """, [.int(scope.orgID), .int(meterID), .int(atMs)])
        }
        return added
    }

    /// Takes the next meter whose change is due, for a while; nobody else works at it meanwhile.
    /// - Parameter nowMs: system time.
    public static func claim(
        holder: String, nowMs: Int64, leaseMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> MeterKeyChange? {
        let meterID = try transaction.first(
            """
            UPDATE meter_key SET holder = $3, lease_until_ms = $4 WHERE org_id = $1 AND meter_id = (
              SELECT d.meter_id FROM meter_key d WHERE d.org_id = $1 AND d.state IN ('asked', 'sent')
                AND d.next_at_ms <= $2 AND d.lease_until_ms < $2
              ORDER BY d.next_at_ms, d.meter_id LIMIT 1 {skip_locked})
              AND lease_until_ms < $2
            RETURNING meter_id
            """, [.int(scope.orgID), .int(nowMs), .text(holder), .int(nowMs + leaseMs)]
        ) { try $0.int(0) }
        guard let meterID else { return nil }
        return try of([meterID], scope, in: transaction)[meterID]
    }

    /// Keeps new keys, sealed, before they are sent. False when the lease was lost.
    public static func keepNext(
        _ sealed: [UInt8], meterID: Int64, holder: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        try transaction.run(
            """
            UPDATE meter_key SET state = 'sent', sealed_next = $4
            WHERE org_id = $1 AND meter_id = $2 AND holder = $3 AND state = 'asked'
            """, [.int(scope.orgID), .int(meterID), .text(holder), .bytes(sealed)]) == 1
    }

    /// The meter answered under the new keys: they are the keys now, and the old ones are forgotten. False when the
    /// lease was lost.
    public static func settle(
        meterID: Int64, holder: String, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        let mine: [SQLValue] = [.int(scope.orgID), .int(meterID), .text(holder)]
        let next = try transaction.first(
            """
            SELECT sealed_next FROM meter_key WHERE org_id = $1 AND meter_id = $2 AND holder = $3 AND state = 'sent'
              AND sealed_next IS NOT NULL
            """, mine
        ) { try $0.bytes(0) }
        guard let next else { return false }
        try transaction.run(
            "UPDATE meter SET sealed_keys = $3 WHERE org_id = $1 AND meter_id = $2",
            [.int(scope.orgID), .int(meterID), .bytes(next)])
        try transaction.run(
            """
            UPDATE meter_key SET state = 'settled', key_number = key_number + 1, sealed_next = NULL,
              changed_at_ms = $4, attempt = 0, last_error = NULL, holder = NULL, lease_until_ms = 0
            WHERE org_id = $1 AND meter_id = $2 AND holder = $3
            """, mine + [.int(atMs)])
        return true
    }

    /// The meter refused, and answers under the old keys: those stay, and the new ones are thrown away.
    public static func dropNext(
        meterID: Int64, holder: String, error: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE meter_key SET state = 'settled', sealed_next = NULL, last_error = $4, holder = NULL,
              lease_until_ms = 0 WHERE org_id = $1 AND meter_id = $2 AND holder = $3
            """, [.int(scope.orgID), .int(meterID), .text(holder), .text(String(error.prefix(300)))])
    }

    /// Notes a failure and gives the meter free until the next try.
    /// - Parameter nextAtMs: system time.
    public static func failed(
        meterID: Int64, holder: String, error: String, nextAtMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE meter_key SET attempt = attempt + 1, last_error = $4, next_at_ms = $5, holder = NULL,
              lease_until_ms = 0 WHERE org_id = $1 AND meter_id = $2 AND holder = $3
            """,
            [
                .int(scope.orgID), .int(meterID), .text(holder), .text(String(error.prefix(300))), .int(nextAtMs),
            ])
    }

    /// How many meters are in each state, and how many of those on their way failed at least once.
    public static func progress(_ scope: Scope, in transaction: any SQLTransaction) throws -> (
        asked: Int64, sent: Int64, failing: Int64, changed: Int64
    ) {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let reach = try Meter.reachFilter(of: "k.meter_id", scope, &parameters)
        func count(_ condition: String) throws -> Int64 {
            try transaction.first(
                "SELECT COUNT(*) FROM meter_key k WHERE k.org_id = $1 AND \(condition)\(reach)", parameters
            ) { try $0.int(0) } ?? 0
        }
        return (
            try count("k.state = 'asked'"), try count("k.state = 'sent'"),
            try count("k.state <> 'settled' AND k.attempt > 0"), try count("k.changed_at_ms IS NOT NULL")
        )
    }

    /// New keys on their way, for a change of the master key.
    public static let sealedColumn = SealedColumn(
        name: "new meter keys", binding: { KeyVault.binding($0.id) },
        page: { after, limit, transaction in
            try transaction.query(
                """
                SELECT org_id, meter_id, sealed_next FROM meter_key
                WHERE (org_id > $1 OR (org_id = $1 AND meter_id > $2)) AND sealed_next IS NOT NULL
                ORDER BY org_id, meter_id LIMIT $3
                """, [.int(after.orgID), .int(after.id), .int(limit)]
            ) { SealedValue(orgID: try $0.int(0), id: try $0.int(1), sealed: try $0.bytes(2)) }
        },
        replace: { old, sealed, transaction in
            try transaction.run(
                "UPDATE meter_key SET sealed_next = $4 WHERE org_id = $1 AND meter_id = $2 AND sealed_next = $3",
                [.int(old.orgID), .int(old.id), .bytes(old.sealed), .bytes(sealed)])
        })
}
