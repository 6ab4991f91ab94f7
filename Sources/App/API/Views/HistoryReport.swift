// The history of one thing for who may see the thing: its changes, and its fields at two times.
// Looks first whether the caller's scope holds the thing; the trail itself knows no places.
import Access
import Accounts
import CivilTime
import Meters
import SQL

/// What has a history.
public enum HistorySubject: Sendable, Equatable {
    case account(Int64)
    case meter(Int64)
    case login(Int64)
    case setting(String)

    var audited: AuditSubject {
        switch self {
        case .account(let id): .account(id)
        case .meter(let id): .meter(id)
        case .login(let id): .login(id)
        case .setting: .setting
        }
    }

    var field: String? {
        if case .setting(let name) = self { name } else { nil }
    }
}

/// A field at two times; equal where nothing changed between them.
public struct FieldComparison: Sendable, Equatable {
    public var field: String
    public var first: String?
    public var second: String?
}

public struct HistoryReport: Sendable {
    /// The account's number, the meter's serial, the username or the setting's name.
    public var name: String
    public var part: ListPart<AuditEntry>

    /// - Parameter before: an entry's id, not included.
    public static func of(
        _ services: Services, _ subject: HistorySubject, before: Int64?, limit: Int, _ scope: Scope
    ) async throws -> HistoryReport {
        let registry = services.settings
        return try await services.site.money.read { transaction in
            let name = try name(of: subject, registry, scope, in: transaction)
            let found = try AuditTrail.history(
                of: subject.audited, field: subject.field, before: before, limit: limit + 1, scope, in: transaction)
            return HistoryReport(name: name, part: .of(found, limit: limit) { String($0.auditID) })
        }
    }

    /// The fields at the end of two days.
    public static func compare(
        _ services: Services, _ subject: HistorySubject, first: CivilDay, second: CivilDay, _ scope: Scope
    ) async throws -> [FieldComparison] {
        let registry = services.settings
        return try await services.site.money.read { transaction in
            _ = try name(of: subject, registry, scope, in: transaction)
            let zone = try Org.find(scope.orgID, in: transaction).zone
            let states = try [first, second].map { day in
                try AuditTrail.fields(
                    of: subject.audited, field: subject.field,
                    atMs: zone.startS(of: day.advanced(by: 1)) * 1000 - 1, scope, in: transaction)
            }
            return zip(states[0], states[1]).map {
                FieldComparison(field: $0.field, first: $0.value, second: $1.value)
            }
        }
    }

    /// Throws `notFound` for what is not there, and for what the scope does not hold.
    private static func name(
        of subject: HistorySubject, _ registry: SettingRegistry, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> String {
        switch subject {
        case .account(let id): try SupplyAccount.find(id, scope, in: transaction).accountNumber
        case .meter(let id): try Meter.find(id, scope, in: transaction).serial
        case .login(let id): try Logins.find(id, scope, in: transaction).username
        case .setting(let name): try registry.kind(name).name
        }
    }
}
