// What a run of rating changes, or would change: an account-day with its paise before and after, component by
// component. Compares and keeps; changes nothing itself.
import Access
import Accounts
import CivilTime
import SQL

/// An account-day whose charge became another one.
public struct RatingChange: Sendable, Equatable {
    /// One component that moved.
    public struct Part: Sendable, Equatable {
        public var component: String
        public var beforePaise: Int64
        public var afterPaise: Int64
        public init(component: String, beforePaise: Int64, afterPaise: Int64) {
            (self.component, self.beforePaise, self.afterPaise) = (component, beforePaise, afterPaise)
        }
    }

    public var accountID: Int64
    public var day: CivilDay
    /// The revision that is made.
    public var revision: Int64
    public var beforePaise: Int64
    public var afterPaise: Int64
    /// Of what it was priced: hash of the inputs of the new charge.
    var inputsHash: [UInt8]
    /// Only those that moved.
    public var parts: [Part]

    public var differencePaise: Int64 { afterPaise - beforePaise }

    public init(
        accountID: Int64, day: CivilDay, revision: Int64, beforePaise: Int64, afterPaise: Int64,
        inputsHash: [UInt8] = [], parts: [Part]
    ) {
        (self.accountID, self.day, self.revision) = (accountID, day, revision)
        (self.beforePaise, self.afterPaise) = (beforePaise, afterPaise)
        (self.inputsHash, self.parts) = (inputsHash, parts)
    }

    /// Which charge it is.
    struct Place: Hashable, Comparable {
        var accountID: Int64
        var day: CivilDay
        static func < (a: Place, b: Place) -> Bool { (a.accountID, a.day) < (b.accountID, b.day) }
    }
    var place: Place { Place(accountID: accountID, day: day) }

    /// The current charges of some accounts, from day to day.
    static func charges(
        _ accountIDs: [Int64], _ days: ClosedRange<CivilDay>, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: [CivilDay: Charge]] {
        var found: [Int64: [CivilDay: Charge]] = [:]
        for start in stride(from: 0, to: accountIDs.count, by: 500) {
            let some = Array(accountIDs[start..<min(start + 500, accountIDs.count)])
            found.merge(
                try Charge.current(
                    accountIDs: some, from: days.lowerBound, to: days.upperBound, scope, in: transaction)
            ) { $1 }
        }
        return found
    }

    /// What differs between two looks at the same accounts, in order of account and day.
    static func between(
        _ before: [Int64: [CivilDay: Charge]], _ after: [Int64: [CivilDay: Charge]]
    ) -> [RatingChange] {
        after.sorted { $0.key < $1.key }.flatMap { accountID, days in
            days.sorted { $0.key < $1.key }.compactMap { day, new -> RatingChange? in
                let old = before[accountID]?[day]
                guard new.revision != old?.revision else { return nil }
                let (was, now) = (old?.paiseByComponent ?? [:], new.paiseByComponent)
                let parts = Set(was.keys).union(now.keys).sorted().compactMap { component -> Part? in
                    let (before, after) = (was[component] ?? 0, now[component] ?? 0)
                    guard before != after else { return nil }
                    return Part(component: component, beforePaise: before, afterPaise: after)
                }
                return RatingChange(
                    accountID: accountID, day: day, revision: new.revision, beforePaise: old?.totalPaise ?? 0,
                    afterPaise: new.totalPaise, inputsHash: new.inputsHash, parts: parts)
            }
        }
    }

    // MARK: stored

    /// Keeps the changes of a chunk; kept again they stay as they are.
    static func store(
        _ changes: [RatingChange], runID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.runMany(
            """
            INSERT INTO rating_run_change (org_id, run_id, account_id, day, revision, before_paise, after_paise,
              inputs_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (org_id, run_id, account_id, day) DO NOTHING
            """,
            changes.map { change in
                [
                    .int(scope.orgID), .int(runID), .int(change.accountID), .day(change.day), .int(change.revision),
                    .int(change.beforePaise), .int(change.afterPaise), .bytes(change.inputsHash),
                ]
            })
        try transaction.runMany(
            """
            INSERT INTO rating_run_part (org_id, run_id, account_id, day, component, before_paise, after_paise)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (org_id, run_id, account_id, day, component) DO NOTHING
            """,
            changes.flatMap { change in
                change.parts.map { part in
                    [
                        .int(scope.orgID), .int(runID), .int(change.accountID), .day(change.day),
                        .text(part.component), .int(part.beforePaise), .int(part.afterPaise),
                    ]
                }
            })
    }

    private static let columns = "account_id, day, revision, before_paise, after_paise, inputs_hash"

    private static func decode(_ row: any SQLRow) throws -> RatingChange {
        RatingChange(
            accountID: try row.int(0), day: try row.day(1), revision: try row.int(2), beforePaise: try row.int(3),
            afterPaise: try row.int(4), inputsHash: try row.bytes(5), parts: [])
    }

    /// What a run found of some accounts, from day to day.
    static func stored(
        runID: Int64, accounts: [Int64], _ days: ClosedRange<CivilDay>, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [RatingChange] {
        var found: [RatingChange] = []
        for start in stride(from: 0, to: accounts.count, by: 500) {
            var parameters: [SQLValue] = [
                .int(scope.orgID), .int(runID), .day(days.lowerBound), .day(days.upperBound),
            ]
            let marks = parameters.bind(Array(accounts[start..<min(start + 500, accounts.count)]))
            found += try transaction.query(
                """
                SELECT \(columns) FROM rating_run_change WHERE org_id = $1 AND run_id = $2 AND day >= $3 AND day <= $4
                  AND account_id IN (\(marks))
                """, parameters, decode)
        }
        return found.sorted { ($0.accountID, $0.day) < ($1.accountID, $1.day) }
    }

    /// The changes of a run in order of account and day, behind one of them, with their components.
    public static func page(
        runID: Int64, after: (accountID: Int64, day: CivilDay)? = nil, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [RatingChange] {
        guard scope.isWholeCompany else { return [] }
        let rows = try transaction.query(
            """
            SELECT \(columns) FROM rating_run_change WHERE org_id = $1 AND run_id = $2
              AND (account_id > $3 OR (account_id = $3 AND day > $4)) ORDER BY account_id, day LIMIT $5
            """,
            [
                .int(scope.orgID), .int(runID), .int(after?.accountID ?? -1),
                .int(after.map { Int64($0.day.number) } ?? 0), .int(limit),
            ], decode)
        return try withParts(rows, runID: runID, scope, in: transaction)
    }

    /// Those that move most, whichever way.
    public static func largest(
        runID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [RatingChange] {
        guard scope.isWholeCompany else { return [] }
        let rows = try transaction.query(
            """
            SELECT \(columns) FROM rating_run_change WHERE org_id = $1 AND run_id = $2
            ORDER BY ABS(after_paise - before_paise) DESC, account_id, day LIMIT $3
            """, [.int(scope.orgID), .int(runID), .int(limit)], decode)
        return try withParts(rows, runID: runID, scope, in: transaction)
    }

    private static func withParts(
        _ rows: [RatingChange], runID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [RatingChange] {
        try rows.map { row in
            var row = row
            row.parts = try transaction.query(
                """
                SELECT component, before_paise, after_paise FROM rating_run_part
                WHERE org_id = $1 AND run_id = $2 AND account_id = $3 AND day = $4 ORDER BY component
                """, [.int(scope.orgID), .int(runID), .int(row.accountID), .day(row.day)]
            ) { Part(component: try $0.text(0), beforePaise: try $0.int(1), afterPaise: try $0.int(2)) }
            return row
        }
    }
}

/// The sums of a run's changes.
public struct RatingRunSums: Sendable, Equatable {
    public var changes: Int64
    public var accounts: Int64
    public var days: Int64
    public var beforePaise: Int64
    public var afterPaise: Int64
    /// Each component that moved, by name.
    public var parts: [RatingChange.Part]

    public init(
        changes: Int64, accounts: Int64, days: Int64, beforePaise: Int64, afterPaise: Int64,
        parts: [RatingChange.Part]
    ) {
        (self.changes, self.accounts, self.days) = (changes, accounts, days)
        (self.beforePaise, self.afterPaise, self.parts) = (beforePaise, afterPaise, parts)
    }

    public static func of(runID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> RatingRunSums {
        let parameters: [SQLValue] = [.int(scope.orgID), .int(runID)]
        var sums =
            try transaction.first(
                """
                SELECT COUNT(*), COUNT(DISTINCT account_id), COUNT(DISTINCT day),
                  CAST(COALESCE(SUM(before_paise), 0) AS BIGINT), CAST(COALESCE(SUM(after_paise), 0) AS BIGINT)
                FROM rating_run_change WHERE org_id = $1 AND run_id = $2
                """, parameters
            ) { row in
                RatingRunSums(
                    changes: try row.int(0), accounts: try row.int(1), days: try row.int(2),
                    beforePaise: try row.int(3), afterPaise: try row.int(4), parts: [])
            } ?? RatingRunSums(changes: 0, accounts: 0, days: 0, beforePaise: 0, afterPaise: 0, parts: [])
        sums.parts = try transaction.query(
            """
            SELECT component, CAST(SUM(before_paise) AS BIGINT), CAST(SUM(after_paise) AS BIGINT) FROM rating_run_part
            WHERE org_id = $1 AND run_id = $2 GROUP BY component ORDER BY component
            """, parameters
        ) {
            RatingChange.Part(component: try $0.text(0), beforePaise: try $0.int(1), afterPaise: try $0.int(2))
        }
        return sums
    }
}

extension Charge {
    /// What of its paise each component makes, by the names of the tariff; charges of before components have groups.
    var paiseByComponent: [String: Int64] {
        guard components.isEmpty else {
            return Dictionary(components.map { ($0.id, $0.paise) }, uniquingKeysWith: +).filter { $0.value != 0 }
        }
        return [
            "energy": baseEnergyPaise, "add-on-energy": addOnEnergyPaise, "fixed": fixedPaise, "duty": dutyPaise,
            "other": otherPaise,
        ].filter { $0.value != 0 }
    }
}
