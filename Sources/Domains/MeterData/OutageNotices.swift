// Who is to be told of a long outage, and that it is over: each person once for each outage. Writes who was told; the
// caller sends in the same transaction.
import Access
import SQL

/// Somebody who is to be told.
public struct OutageNotice: Sendable, Equatable {
    public enum Template: String, Sendable { case failed = "supply-failed", back = "supply-back" }
    public var template: Template
    public var outageID: Int64
    /// 0: the operator of the company.
    public var accountID: Int64
    /// When supply failed, or came back.
    public var atMs: Int64
    /// The same notice has the same key.
    public var key: String { "\(template.rawValue):\(outageID):\(accountID)" }
}

public enum OutageNotices {
    /// Notices taken in one transaction.
    public static let batchMax = 500
    /// What began longer ago is history that was found late: nobody is told of it any more.
    static let lateMs: Int64 = 86_400_000

    /// Takes notices that are due and marks them as given: unplanned outages that last longer than `afterMs`, told to
    /// everybody who is dark for certain, and their end to those who were told.
    public static func take(
        afterMs: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [OutageNotice] {
        guard afterMs > 0 else { return [] }
        var due = try failed(startedByMs: nowMs - afterMs, nowMs: nowMs, scope, in: transaction)
        due += try back(nowMs: nowMs, scope, in: transaction)
        try transaction.runMany(
            """
            INSERT INTO outage_notice (org_id, outage_id, account_id, template, at_ms) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """,
            due.map {
                [.int(scope.orgID), .int($0.outageID), .int($0.accountID), .text($0.template.rawValue), .int(nowMs)]
            })
        return due
    }

    private static func failed(
        startedByMs: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [OutageNotice] {
        let long = """
            FROM outage n WHERE n.org_id = $1 AND n.superseded_at_ms IS NULL AND n.is_withdrawn = 0
              AND n.end_ms IS NULL AND n.planned_id IS NULL AND n.start_ms <= $2 AND n.start_ms >= $3
            """
        let which: [SQLValue] = [
            .int(scope.orgID), .int(startedByMs), .int(nowMs - lateMs), .int(batchMax),
        ]
        let toOperator = try transaction.query(
            """
            SELECT n.outage_id, n.start_ms \(long) AND NOT EXISTS (SELECT 1 FROM outage_notice t
              WHERE t.org_id = n.org_id AND t.outage_id = n.outage_id AND t.account_id = 0
              AND t.template = 'supply-failed') ORDER BY n.outage_id LIMIT $4
            """, which
        ) {
            OutageNotice(template: .failed, outageID: try $0.int(0), accountID: 0, atMs: try $0.int(1))
        }
        let toConsumers = try transaction.query(
            """
            SELECT o.outage_id, o.account_id, MIN(COALESCE(o.attributed_start_ms, o.start_ms)) FROM meter_outage o
            WHERE o.org_id = $1 AND o.outage_id IN (SELECT n.outage_id \(long)) AND o.account_id IS NOT NULL
              AND o.superseded_at_ms IS NULL AND o.is_withdrawn = 0 AND o.end_ms IS NULL
              AND o.start_evidence <> 'silent' AND NOT EXISTS (SELECT 1 FROM outage_notice t
                WHERE t.org_id = o.org_id AND t.outage_id = o.outage_id AND t.account_id = o.account_id
                AND t.template = 'supply-failed')
            GROUP BY o.outage_id, o.account_id ORDER BY o.outage_id, o.account_id LIMIT $4
            """, which
        ) {
            OutageNotice(
                template: .failed, outageID: try $0.int(0), accountID: try $0.int(1), atMs: try $0.int(2))
        }
        return toOperator + toConsumers
    }

    private static func back(
        nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [OutageNotice] {
        let untold = """
            AND t.template = 'supply-failed' AND t.at_ms >= $2 AND NOT EXISTS (SELECT 1 FROM outage_notice b
              WHERE b.org_id = t.org_id AND b.outage_id = t.outage_id AND b.account_id = t.account_id
              AND b.template = 'supply-back')
            """
        // A week: who is dark for longer is told by people.
        let which: [SQLValue] = [.int(scope.orgID), .int(nowMs - 7 * 86_400_000), .int(batchMax)]
        let toOperator = try transaction.query(
            """
            SELECT t.outage_id, n.end_ms FROM outage_notice t
            JOIN outage n ON n.org_id = t.org_id AND n.outage_id = t.outage_id AND n.superseded_at_ms IS NULL
            WHERE t.org_id = $1 AND t.account_id = 0 AND n.end_ms IS NOT NULL \(untold)
            ORDER BY t.outage_id LIMIT $3
            """, which
        ) { OutageNotice(template: .back, outageID: try $0.int(0), accountID: 0, atMs: try $0.int(1)) }
        let toConsumers = try transaction.query(
            """
            SELECT t.outage_id, t.account_id, MAX(o.end_ms) FROM outage_notice t
            JOIN meter_outage o ON o.org_id = t.org_id AND o.outage_id = t.outage_id AND o.account_id = t.account_id
            WHERE t.org_id = $1 AND t.account_id > 0 AND o.superseded_at_ms IS NULL \(untold)
            GROUP BY t.outage_id, t.account_id HAVING COUNT(o.end_ms) = COUNT(*)
            ORDER BY t.outage_id, t.account_id LIMIT $3
            """, which
        ) {
            OutageNotice(
                template: .back, outageID: try $0.int(0), accountID: try $0.int(1), atMs: try $0.int(2))
        }
        return toOperator + toConsumers
    }
}
