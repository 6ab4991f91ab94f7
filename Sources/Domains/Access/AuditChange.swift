// What a command changed, field by field: collected while it runs, written with its audit row.
// Holds no SQL: Audit writes, AuditChain proves, AuditTrail reads.
import Synchronization

/// What a line of the audit is about. The kind and the id are stored; a setting's field is its name.
public enum AuditSubject: Sendable, Equatable {
    case account(Int64)
    case meter(Int64)
    case login(Int64)
    /// All dated settings of the company; the field is the setting's name.
    case setting
    case company

    /// Stored and shown by the API; never renamed.
    public var kind: String {
        switch self {
        case .account: "account"
        case .meter: "meter"
        case .login: "login"
        case .setting: "setting"
        case .company: "company"
        }
    }

    /// 0 for settings and the company.
    public var id: Int64 {
        switch self {
        case .account(let id), .meter(let id), .login(let id): id
        case .setting, .company: 0
        }
    }
}

/// One field before and after. Nil: it was not there, or is no more.
public struct FieldChange: Sendable, Equatable {
    public var kind: String
    public var subjectID: Int64
    /// `balance_paise`, `role`, `supply.rules`: stable, unit last.
    public var field: String
    public var old: String?
    public var new: String?
    /// Names a person: hashed behind a salt, so that it can be erased and the chain still holds.
    public var isPersonal: Bool

    public init(kind: String, subjectID: Int64, field: String, old: String?, new: String?, isPersonal: Bool) {
        self.kind = kind
        self.subjectID = subjectID
        self.field = field
        self.old = old
        self.new = new
        self.isPersonal = isPersonal
    }

    /// Longer values are cut: the whole one stands in the table it belongs to.
    static let valueBytesMax = 4_000
}

/// Collects the changes of one attempt at a command. A write closure may run twice; each run has a log of its own.
public final class ChangeLog: Sendable {
    private let changes = Mutex<[FieldChange]>([])
    public init() {}
    public var all: [FieldChange] { changes.withLock { $0 } }
    func add(_ change: FieldChange) { changes.withLock { $0.append(change) } }
}

extension CommandContext {
    /// Notes a field that the command changes; what is the same before and after is no change.
    /// Never give a secret: say that it changed.
    public func changed(
        _ subject: AuditSubject, _ field: String, from old: String?, to new: String?, isPersonal: Bool = false
    ) {
        guard old != new else { return }
        func cut(_ text: String?) -> String? {
            guard let text, text.utf8.count > FieldChange.valueBytesMax else { return text }
            return String(text.prefix(FieldChange.valueBytesMax / 4)) + "…"
        }
        changes.add(
            FieldChange(
                kind: subject.kind, subjectID: subject.id, field: field, old: cut(old), new: cut(new),
                isPersonal: isPersonal))
    }
}
