// Reads the trail for people: the list of commands, the history of one thing, and how its fields stood at a time.
import SQL

/// A command as the list shows it.
public struct AuditEntry: Sendable, Equatable {
    public var auditID: Int64
    public var systemAtMs: Int64
    public var businessAtMs: Int64
    /// 0 is the machine.
    public var loginID: Int64
    /// Nil for the machine.
    public var username: String?
    public var role: String
    public var source: String
    public var command: String
    public var why: String
    public var subjectID: Int64
    public var content: String
    /// Only where they are asked for.
    public var changes: [FieldChange]

    public init(
        auditID: Int64, systemAtMs: Int64, businessAtMs: Int64, loginID: Int64, username: String?, role: String,
        source: String, command: String, why: String, subjectID: Int64, content: String, changes: [FieldChange]
    ) {
        self.auditID = auditID
        self.systemAtMs = systemAtMs
        self.businessAtMs = businessAtMs
        self.loginID = loginID
        self.username = username
        self.role = role
        self.source = source
        self.command = command
        self.why = why
        self.subjectID = subjectID
        self.content = content
        self.changes = changes
    }
}

/// Which commands are asked for; nil leaves the part open.
public struct AuditFilter: Sendable, Equatable {
    public var username: String?
    public var command: String?
    /// The account, meter or login it is about, also where it is one of several.
    public var subjectID: Int64?
    /// Business time, from (inclusive) to (exclusive).
    public var fromMs: Int64?
    public var toMs: Int64?

    public init(
        username: String? = nil, command: String? = nil, subjectID: Int64? = nil, fromMs: Int64? = nil,
        toMs: Int64? = nil
    ) {
        self.username = username
        self.command = command
        self.subjectID = subjectID
        self.fromMs = fromMs
        self.toMs = toMs
    }
}

/// One field as it stood at a time.
public struct FieldState: Sendable, Equatable {
    public var field: String
    public var value: String?

    public init(field: String, value: String?) {
        self.field = field
        self.value = value
    }
}

public enum AuditTrail {
    /// Commands before `before`, newest first, with their changes. Only for who may see the whole company.
    public static func list(
        _ filter: AuditFilter = AuditFilter(), before: Int64? = nil, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [AuditEntry] {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        var conditions = ""
        func add(_ condition: (String) -> String, _ value: SQLValue?) {
            guard let value else { return }
            parameters.append(value)
            conditions += " AND " + condition("$\(parameters.count)")
        }
        add({ "a.audit_id < \($0)" }, before.map { .int($0) })
        add(
            { "a.login_id = (SELECT w.login_id FROM login AS w WHERE w.org_id = $1 AND w.username = \($0))" },
            filter.username.map { .text(Credentials.normalized($0)) })
        add({ "a.command = \($0)" }, filter.command.map { .text($0) })
        add({ "a.business_at_ms >= \($0)" }, filter.fromMs.map { .int($0) })
        add({ "a.business_at_ms < \($0)" }, filter.toMs.map { .int($0) })
        add(
            {
                "(a.subject_id = \($0) OR a.audit_id IN (SELECT c.audit_id FROM audit_change AS c"
                    + " WHERE c.org_id = $1 AND c.subject_id = \($0)))"
            }, filter.subjectID.map { .int($0) })
        parameters.append(.int(limit))
        var entries = try transaction.query(
            """
            SELECT \(AuditRow.columns("a")), l.username FROM audit AS a
            LEFT JOIN login AS l ON l.org_id = a.org_id AND l.login_id = a.login_id
            WHERE a.org_id = $1\(conditions) ORDER BY a.audit_id DESC LIMIT $\(parameters.count)
            """, parameters
        ) { AuditEntry(try AuditRow($0, from: 0), username: try $0.optionalText(10)) }
        let changes = try changes(of: entries.map(\.auditID), scope, in: transaction)
        for index in entries.indices { entries[index].changes = changes[entries[index].auditID] ?? [] }
        return entries
    }

    /// Names of the commands among the newest 10,000, for a filter.
    public static func commands(_ scope: Scope, in transaction: any SQLTransaction) throws -> [String] {
        try transaction.query(
            """
            SELECT DISTINCT command FROM (SELECT command FROM audit WHERE org_id = $1 ORDER BY audit_id DESC
              LIMIT 10000) AS recent ORDER BY command
            """, [.int(scope.orgID)]
        ) { try $0.text(0) }
    }

    /// At most so many values of one row are listed: an import may enter thousands of things.
    public static let changesPerEntryMax = 50

    private static func changes(
        of auditIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: [FieldChange]] {
        guard !auditIDs.isEmpty else { return [:] }
        var parameters: [SQLValue] = [.int(scope.orgID), .int(changesPerEntryMax)]
        let marks = parameters.bind(auditIDs)
        let rows = try transaction.query(
            """
            SELECT \(AuditLine.columns) FROM audit_change WHERE org_id = $1 AND line <= $2 AND audit_id IN (\(marks))
            ORDER BY audit_id, line
            """, parameters
        ) { (try $0.int(0), FieldChange(try AuditLine($0))) }
        return Dictionary(grouping: rows, by: \.0).mapValues { $0.map(\.1) }
    }

    /// Commands that changed a thing, newest first, each with its changes of this thing alone.
    /// The caller has looked whether the thing may be seen.
    /// - Parameter field: only this one, as for a setting.
    public static func history(
        of subject: AuditSubject, field: String? = nil, before: Int64? = nil, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [AuditEntry] {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .text(subject.kind), .int(subject.id), .int(before ?? Int64.max),
        ]
        if let field { parameters.append(.text(field)) }
        let oneField = field == nil ? "" : " AND c.field = $5"
        parameters.append(.int(limit))
        var entries = try transaction.query(
            """
            SELECT \(AuditRow.columns("a")), l.username FROM audit AS a
            LEFT JOIN login AS l ON l.org_id = a.org_id AND l.login_id = a.login_id
            WHERE a.org_id = $1 AND a.audit_id IN (SELECT DISTINCT c.audit_id FROM audit_change AS c
              WHERE c.org_id = $1 AND c.kind = $2 AND c.subject_id = $3 AND c.audit_id < $4\(oneField)
              ORDER BY c.audit_id DESC LIMIT $\(parameters.count))
            ORDER BY a.audit_id DESC
            """, parameters
        ) { AuditEntry(try AuditRow($0, from: 0), username: try $0.optionalText(10)) }
        guard !entries.isEmpty else { return [] }
        parameters = [.int(scope.orgID), .text(subject.kind), .int(subject.id)]
        if let field { parameters.append(.text(field)) }
        let marks = parameters.bind(entries.map(\.auditID))
        let rows = try transaction.query(
            """
            SELECT \(AuditLine.columns) FROM audit_change AS c WHERE c.org_id = $1 AND c.kind = $2
              AND c.subject_id = $3\(field == nil ? "" : " AND c.field = $4") AND c.audit_id IN (\(marks))
            ORDER BY audit_id, line
            """, parameters
        ) { (try $0.int(0), FieldChange(try AuditLine($0))) }
        let changes = Dictionary(grouping: rows, by: \.0).mapValues { $0.map(\.1) }
        for index in entries.indices { entries[index].changes = changes[entries[index].auditID] ?? [] }
        return entries
    }

    /// The newest so many changes are looked at for a comparison.
    public static let compareMax = 10_000

    /// How the fields stood at a business time: what was last written by then, or else what the next change found.
    /// Fields that never changed are not known here.
    public static func fields(
        of subject: AuditSubject, field: String? = nil, atMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [FieldState] {
        var parameters: [SQLValue] = [.int(scope.orgID), .text(subject.kind), .int(subject.id), .int(compareMax)]
        if let field { parameters.append(.text(field)) }
        let rows = try transaction.query(
            """
            SELECT a.business_at_ms, c.field, c.old_value, c.new_value FROM audit_change AS c
            JOIN audit AS a ON a.org_id = c.org_id AND a.audit_id = c.audit_id
            WHERE c.org_id = $1 AND c.kind = $2 AND c.subject_id = $3\(field == nil ? "" : " AND c.field = $5")
            ORDER BY c.audit_id DESC, c.line DESC LIMIT $4
            """, parameters
        ) { (atMs: try $0.int(0), field: try $0.text(1), old: try $0.optionalText(2), new: try $0.optionalText(3)) }
        var known: Set<String> = []
        var states: [String: String?] = [:]
        for row in rows where !known.contains(row.field) {
            if row.atMs <= atMs {
                states[row.field] = .some(row.new)
                known.insert(row.field)
            } else {
                states[row.field] = .some(row.old)
            }
        }
        return states.sorted { $0.key < $1.key }.map { FieldState(field: $0.key, value: $0.value) }
    }
}

extension AuditEntry {
    init(_ row: AuditRow, username: String?) {
        self.init(
            auditID: row.auditID, systemAtMs: row.systemAtMs, businessAtMs: row.businessAtMs, loginID: row.loginID,
            username: username, role: row.role, source: row.source, command: row.command, why: row.why,
            subjectID: row.subjectID, content: row.content, changes: [])
    }
}

extension FieldChange {
    init(_ line: AuditLine) {
        self.init(
            kind: line.kind, subjectID: line.subjectID, field: line.field, old: line.old, new: line.new,
            isPersonal: line.marks != nil)
    }
}
