// The bytes that are hashed for the audit's chain, and how. Values in, values out.
// The format never changes: what was chained once must verify for ever.
import Cryptography
import SQL

/// Bytes with a length before each part, so that no two different rows give the same bytes.
struct CanonicalBytes {
    private(set) var bytes: [UInt8]
    init(_ purpose: String) { bytes = Array("busbar \(purpose) 1\n".utf8) }

    mutating func add(_ part: [UInt8]?) {
        guard let part else {
            bytes.append(0)
            return
        }
        bytes.append(1)
        withUnsafeBytes(of: UInt64(part.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes += part
    }
    mutating func add(_ text: String?) { add(text.map { Array($0.utf8) }) }
    mutating func add(_ number: Int64) { add(String(number)) }

    var hash: [UInt8] { Hash.sha256(bytes) }

    /// What stands for a text that may have to be erased: nobody can tell the text from it without the salt.
    static func mark(_ text: String?, _ purpose: String, _ salt: [UInt8]) -> [UInt8] {
        var canonical = CanonicalBytes("audit mark")
        canonical.add(salt)
        canonical.add(purpose)
        canonical.add(text)
        return canonical.hash
    }
}

/// A row of the table audit.
struct AuditRow: Sendable {
    var auditID: Int64
    var systemAtMs: Int64
    var businessAtMs: Int64
    var loginID: Int64
    var role: String
    var source: String
    var command: String
    var why: String
    var subjectID: Int64
    var content: String

    static func columns(_ table: String) -> String {
        [
            "audit_id", "system_at_ms", "business_at_ms", "login_id", "role", "source", "command", "why",
            "subject_id", "content",
        ].map { "\(table).\($0)" }.joined(separator: ", ")
    }

    /// The marks of the three texts people and networks write: where from, why, what.
    func marks(_ salt: [UInt8]) -> [UInt8] {
        CanonicalBytes.mark(source, "source", salt) + CanonicalBytes.mark(why, "why", salt)
            + CanonicalBytes.mark(content, "content", salt)
    }

    func hash(orgID: Int64, marks: [UInt8], _ lines: [AuditLine]) -> [UInt8] {
        var canonical = CanonicalBytes("audit row")
        for number in [orgID, auditID, systemAtMs, businessAtMs, loginID, subjectID] { canonical.add(number) }
        canonical.add(role)
        canonical.add(command)
        canonical.add(marks)
        canonical.add(Int64(lines.count))
        for line in lines { line.add(to: &canonical) }
        return canonical.hash
    }
}

extension AuditRow {
    init(_ row: any SQLRow, from column: Int) throws {
        self.init(
            auditID: try row.int(column), systemAtMs: try row.int(column + 1), businessAtMs: try row.int(column + 2),
            loginID: try row.int(column + 3), role: try row.text(column + 4), source: try row.text(column + 5),
            command: try row.text(column + 6), why: try row.text(column + 7), subjectID: try row.int(column + 8),
            content: try row.text(column + 9))
    }
}

/// A row of the table audit_change. Personal values stand in the hash by their marks only.
struct AuditLine: Sendable {
    var number: Int64
    var kind: String
    var subjectID: Int64
    var field: String
    var old: String?
    var new: String?
    var salt: [UInt8]?
    var marks: [UInt8]?

    static let columns = "audit_id, line, kind, subject_id, field, old_value, new_value, salt, marks"

    static func marks(_ old: String?, _ new: String?, _ salt: [UInt8]) -> [UInt8] {
        CanonicalBytes.mark(old, "old", salt) + CanonicalBytes.mark(new, "new", salt)
    }

    func add(to canonical: inout CanonicalBytes) {
        canonical.add(number)
        canonical.add(kind)
        canonical.add(subjectID)
        canonical.add(field)
        canonical.add(marks)
        canonical.add(marks == nil ? old : nil)
        canonical.add(marks == nil ? new : nil)
    }
}

extension AuditLine {
    init(number: Int64, _ change: FieldChange) {
        let salt = change.isPersonal ? Secret.bytes(16) : nil
        self.init(
            number: number, kind: change.kind, subjectID: change.subjectID, field: change.field, old: change.old,
            new: change.new, salt: salt, marks: salt.map { Self.marks(change.old, change.new, $0) })
    }

    init(_ row: any SQLRow) throws {
        self.init(
            number: try row.int(1), kind: try row.text(2), subjectID: try row.int(3), field: try row.text(4),
            old: try row.optionalText(5), new: try row.optionalText(6), salt: try row.optionalBytes(7),
            marks: try row.optionalBytes(8))
    }
}

enum AuditLink {
    /// - Parameter previous: the hash of the link before; empty for the first one.
    static func hash(
        orgID: Int64, lane: Int64, number: Int64, rowHash: [UInt8], after previous: [UInt8]
    ) -> [UInt8] {
        var canonical = CanonicalBytes("audit link")
        for value in [orgID, lane, number] { canonical.add(value) }
        canonical.add(previous)
        canonical.add(rowHash)
        return canonical.hash
    }
}
