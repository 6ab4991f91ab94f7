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

    /// One command that was carried out.
    struct Entry {
        var command: String
        var content: String
        var subjectID: Int64
        var context: CommandContext
    }

    /// Writes the row, its changes and the next link. Last in its transaction, so that the head is held shortly.
    static func record(
        command: String, content: String, subjectID: Int64, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws {
        try record(
            [Entry(command: command, content: content, subjectID: subjectID, context: context)],
            orgID: context.orgID, in: transaction)
    }

    /// The same for several of one company, in their order.
    static func record(_ entries: [Entry], orgID: Int64, in transaction: any SQLTransaction) throws {
        let rows = entries.map { entry in
            let context = entry.context
            return (
                row: AuditRow(
                    auditID: context.ids.next(), systemAtMs: context.systemNowMs,
                    businessAtMs: context.businessNowMs, loginID: context.actor.loginID,
                    role: context.actor.role.rawValue, source: context.source, command: entry.command,
                    why: context.why, subjectID: entry.subjectID, content: entry.content),
                lines: context.changes.all.enumerated().map { AuditLine(number: Int64($0 + 1), $1) }
            )
        }
        try transaction.runMany(
            """
            INSERT INTO audit (org_id, audit_id, system_at_ms, business_at_ms, login_id, role, source, command, why,
              subject_id, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            rows.map(\.row).map { row in
                [
                    .int(orgID), .int(row.auditID), .int(row.systemAtMs), .int(row.businessAtMs), .int(row.loginID),
                    .text(row.role), .text(row.source), .text(row.command), .text(row.why), .int(row.subjectID),
                    .text(row.content),
                ]
            })
        let changes = rows.flatMap { row, lines in
            lines.map { line -> [SQLValue] in
                [
                    .int(orgID), .int(row.auditID), .int(line.number), .text(line.kind), .int(line.subjectID),
                    .text(line.field), .optional(line.old), .optional(line.new),
                    line.salt.map { .bytes($0) } ?? .null, line.marks.map { .bytes($0) } ?? .null,
                ]
            }
        }
        if !changes.isEmpty {
            try transaction.runMany(
                """
                INSERT INTO audit_change (org_id, audit_id, line, kind, subject_id, field, old_value, new_value, salt,
                  marks) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                """, changes)
        }
        try append(rows, orgID: orgID, in: transaction)
    }

    /// The next links of the rows' lanes, in the order of the rows.
    static func append(
        _ rows: [(row: AuditRow, lines: [AuditLine])], orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        let found = try transaction.queryEach(
            "SELECT lane, row_count, hash FROM audit_head WHERE org_id = $1 AND lane = $each", [.int(orgID)],
            Set(rows.map { lane(of: $0.row.subjectID) }).sorted().map { .int($0) }
        ) { AuditHead(orgID: orgID, lane: try $0.int(0), count: try $0.int(1), hash: try $0.bytes(2)) }
        var heads = Dictionary(found.map { ($0.lane, $0) }, uniquingKeysWith: { head, _ in head })
        var links: [[SQLValue]] = []
        links.reserveCapacity(rows.count)
        for (row, lines) in rows {
            let lane = lane(of: row.subjectID)
            var head = heads[lane] ?? AuditHead(orgID: orgID, lane: lane, count: 0, hash: [])
            let salt = Secret.bytes(16)
            let marks = row.marks(salt)
            let rowHash = row.hash(orgID: orgID, marks: marks, lines)
            head.count += 1
            head.hash = AuditLink.hash(
                orgID: orgID, lane: lane, number: head.count, rowHash: rowHash, after: head.hash)
            heads[lane] = head
            links.append([
                .int(orgID), .int(lane), .int(head.count), .int(row.auditID), .bytes(salt), .bytes(marks),
                .bytes(rowHash), .bytes(head.hash),
            ])
        }
        // The heads first, in order of lane: of two writers at once PostgreSQL runs the later one again, for a head it
        // has not seen as for one it has, before it meets a key of links.
        try transaction.runMany(
            """
            INSERT INTO audit_head (org_id, lane, row_count, hash) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, lane) DO UPDATE SET row_count = excluded.row_count, hash = excluded.hash
            """,
            heads.values.sorted { $0.lane < $1.lane }.map {
                [.int(orgID), .int($0.lane), .int($0.count), .bytes($0.hash)]
            })
        try transaction.runMany(
            """
            INSERT INTO audit_link (org_id, lane, number, audit_id, salt, marks, row_hash, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """, links)
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
                if !rows.isEmpty {
                    try append(rows.map { ($0, []) }, orgID: open.orgID, in: transaction)
                } else {
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
