// The trail of commands: who, when, from where, why, what, and fields before and after; every row a link of a chain.
// Writes only. One row of AuditHead is changed by every command of its lane: see decision 25.
import Clocks
import Cryptography
import SQL

public enum Audit {
    /// Chains of a company. Commands on the same account, meter or login share one, others rarely meet.
    public static let laneCount = 16

    /// The lane of a subject: the top four bits of a mixed id, because ids of a quiet process end alike.
    static func lane(of subjectID: Int64) -> Int64 {
        Int64((UInt64(bitPattern: subjectID) &* 0x9E37_79B9_7F4A_7C15) >> 60)
    }

    /// Writes the row, its changes and the next link. Last in its transaction, so that the head is held shortly.
    static func record(
        command: String, content: String, subjectID: Int64, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws {
        let row = AuditRow(
            auditID: context.ids.next(), systemAtMs: context.systemNowMs, businessAtMs: context.businessNowMs,
            loginID: context.actor.loginID, role: context.actor.role.rawValue, source: context.source,
            command: command, why: context.why, subjectID: subjectID, content: content)
        try transaction.run(
            """
            INSERT INTO audit (org_id, audit_id, system_at_ms, business_at_ms, login_id, role, source, command, why,
              subject_id, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            [
                .int(context.orgID), .int(row.auditID), .int(row.systemAtMs), .int(row.businessAtMs),
                .int(row.loginID), .text(row.role), .text(row.source), .text(row.command), .text(row.why),
                .int(row.subjectID), .text(row.content),
            ])
        let lines = context.changes.all.enumerated().map { AuditLine(number: Int64($0 + 1), $1) }
        if !lines.isEmpty {
            try transaction.runMany(
                """
                INSERT INTO audit_change (org_id, audit_id, line, kind, subject_id, field, old_value, new_value, salt,
                  marks) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                """,
                lines.map { line in
                    [
                        .int(context.orgID), .int(row.auditID), .int(line.number), .text(line.kind),
                        .int(line.subjectID), .text(line.field), .optional(line.old), .optional(line.new),
                        line.salt.map { .bytes($0) } ?? .null, line.marks.map { .bytes($0) } ?? .null,
                    ]
                })
        }
        try append(row, lines, orgID: context.orgID, in: transaction)
    }

    /// The next link of the row's lane.
    static func append(
        _ row: AuditRow, _ lines: [AuditLine], orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        let lane = lane(of: row.subjectID)
        let head = try transaction.first(
            "SELECT row_count, hash FROM audit_head WHERE org_id = $1 AND lane = $2", [.int(orgID), .int(lane)]
        ) { (count: try $0.int(0), hash: try $0.bytes(1)) }
        let salt = Secret.bytes(16)
        let marks = row.marks(salt)
        let number = (head?.count ?? 0) + 1
        let rowHash = row.hash(orgID: orgID, marks: marks, lines)
        let hash = AuditLink.hash(orgID: orgID, lane: lane, number: number, rowHash: rowHash, after: head?.hash ?? [])
        // The head first: of two writers at once PostgreSQL runs the later one again before it meets a key of links.
        let moved =
            head == nil
            ? try transaction.run(
                """
                INSERT INTO audit_head (org_id, lane, row_count, hash) VALUES ($1, $2, $3, $4)
                ON CONFLICT (org_id, lane) DO NOTHING
                """, [.int(orgID), .int(lane), .int(number), .bytes(hash)])
            : try transaction.run(
                """
                UPDATE audit_head SET row_count = $3, hash = $4
                WHERE org_id = $1 AND lane = $2 AND row_count = $3 - 1
                """, [.int(orgID), .int(lane), .int(number), .bytes(hash)])
        guard moved == 1 else { throw SQLError(.busy, "the audit was written at this moment; try again") }
        try transaction.run(
            """
            INSERT INTO audit_link (org_id, lane, number, audit_id, salt, marks, row_hash, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .int(orgID), .int(lane), .int(number), .int(row.auditID), .bytes(salt), .bytes(marks),
                .bytes(rowHash), .bytes(hash),
            ])
    }

    /// Chains the rows that are older than the chain, 500 at a time; does nothing once that is done. Called when a site
    /// is opened, before anything is served.
    public static func chainOlderRows(in money: any Database) async throws {
        while true {
            let rest = try await money.write { transaction -> Int in
                let open = try transaction.first(
                    "SELECT org_id, last_audit_id FROM audit_prologue WHERE is_open = 1 ORDER BY org_id LIMIT 1", []
                ) { (orgID: try $0.int(0), last: try $0.int(1)) }
                guard let open else { return 0 }
                let rows = try transaction.query(
                    """
                    SELECT \(AuditRow.columns("a")) FROM audit AS a
                    WHERE a.org_id = $1 AND a.audit_id <= $2 AND NOT EXISTS (SELECT 1 FROM audit_link AS l
                      WHERE l.org_id = a.org_id AND l.audit_id = a.audit_id)
                    ORDER BY a.audit_id LIMIT 500
                    """, [.int(open.orgID), .int(open.last)]
                ) { try AuditRow($0, from: 0) }
                for row in rows { try append(row, [], orgID: open.orgID, in: transaction) }
                if rows.isEmpty {
                    try transaction.run(
                        "UPDATE audit_prologue SET is_open = 0 WHERE org_id = $1", [.int(open.orgID)])
                }
                return 1
            }
            if rest == 0 { return }
        }
    }
}

extension Site {
    /// Records that somebody was refused a command: at most ten an hour for a login, so that trying fills nothing.
    /// - Parameter act: what was asked for: a command's or an endpoint's name.
    public func noteRefusal(_ act: String, as actor: Actor, source: String, because reason: String) async {
        let nowMs = clocks.systemNowMs()
        guard refusals.attempt("\(actor.scope.orgID) \(actor.loginID)", nowMs: nowMs) == nil else { return }
        let context = context(actor, source: source, why: "")
        // The refusal itself goes to the caller whatever becomes of its record.
        try? await money.write { transaction in
            try Audit.record(
                command: "access.refused", content: "act=\(act) reason=\(reason)", subjectID: actor.loginID, context,
                in: transaction)
        }
    }

    /// A context for one attempt, with a log of changes of its own.
    func context(_ actor: Actor, source: String, why: String) -> CommandContext {
        CommandContext(
            actor: actor, why: why, source: source, businessNowMs: clocks.businessNowMs(),
            systemNowMs: clocks.systemNowMs(), ids: ids)
    }
}
