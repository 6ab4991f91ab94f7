// The trail of commands: the list for administrators, and the history of one account, meter, login or setting.
import Access
import CivilTime

struct AuditQuery: APIModel {
    var username: String?
    var command: String?
    var subjectID: ID?
    var fromDay: Day?
    var toDay: Day?
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "username": Note("Only what this person did.", length: 1...64),
        "command": Note("Only this command, such as payments.adjust.", length: 1...64),
        "subjectID": Note("Only what is about this account, meter or login."),
        "fromDay": Note("From this day on."), "toDay": Note("Up to this day, included."),
        "before": Note("The `next` of the part before; without it the newest come."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]

    /// The filter, with days as times of the company's zone.
    func filter(_ zone: Zone) -> AuditFilter {
        AuditFilter(
            username: username, command: command, subjectID: subjectID?.value,
            fromMs: fromDay.map { zone.startS(of: $0.value) * 1000 },
            toMs: toDay.map { zone.startS(of: $0.value.advanced(by: 1)) * 1000 })
    }
}

struct ChangeView: APIModel {
    var kind: String
    var subjectID: ID?
    var field: String
    var old: String?
    var new: String?
    static let notes: [String: Note] = [
        "kind": Note("account, meter, login, setting or company."),
        "subjectID": Note("The account, meter or login; absent for settings and the company."),
        "field": Note("The field, unit last; for a setting its name."),
        "old": Note("Before; absent when it was not there, or was erased."),
        "new": Note("After; absent when it is no more, or was erased."),
    ]

    init(_ change: FieldChange) {
        kind = change.kind
        subjectID = change.subjectID == 0 ? nil : ID(change.subjectID)
        field = change.field
        old = change.old
        new = change.new
    }
}

struct AuditView: APIModel {
    var auditID: ID
    var systemAtMs: Int64
    var businessAtMs: Int64
    var loginID: ID?
    var username: String?
    var role: String
    var source: String
    var command: String
    var why: String
    var subjectID: ID?
    var content: String
    var changes: [ChangeView]
    static let notes: [String: Note] = [
        "auditID": Note("The row of the trail."), "systemAtMs": Note("When, by the clock on the wall."),
        "businessAtMs": Note("When, in business time."), "loginID": Note("Who; absent for the machine."),
        "username": Note("Who signs in by it now; absent for the machine."), "role": Note("In which role."),
        "source": Note("From where: http and address, cli, or the job."), "command": Note("What was done."),
        "why": Note("The reason that was given."), "subjectID": Note("What it is about, where it is one thing."),
        "content": Note("What was asked for."), "changes": Note("Fields before and after, at most 50."),
    ]

    init(_ entry: AuditEntry) {
        auditID = ID(entry.auditID)
        systemAtMs = entry.systemAtMs
        businessAtMs = entry.businessAtMs
        loginID = entry.loginID == 0 ? nil : ID(entry.loginID)
        username = entry.username
        role = entry.role
        source = entry.source
        command = entry.command
        why = entry.why
        subjectID = entry.subjectID == 0 ? nil : ID(entry.subjectID)
        content = entry.content
        changes = entry.changes.map { ChangeView($0) }
    }

    static let example = AuditView(
        AuditEntry(
            auditID: 9001, systemAtMs: 1_767_225_600_000, businessAtMs: 1_767_225_600_000, loginID: 21,
            username: "asha", role: "administrator", source: "http 203.0.113.7", command: "payments.adjust", why: "",
            subjectID: 101, content: "account=101 amount_paise=-500 reference=r-1 reason=meter test",
            changes: [
                FieldChange(
                    kind: "account", subjectID: 101, field: "balance_paise", old: "61860", new: "61360",
                    isPersonal: false)
            ]))
}

struct AuditList: APIModel {
    var items: [AuditView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first."), "next": Note("Send it as `before` to go on; absent at the end."),
    ]
}

struct ComparisonView: APIModel {
    var field: String
    var first: String?
    var second: String?
    var isChanged: Bool
    static let notes: [String: Note] = [
        "field": Note("The field, unit last."), "first": Note("At the end of the first day; absent: not there."),
        "second": Note("At the end of the second day; absent: not there."), "isChanged": Note("Whether they differ."),
    ]

    init(_ comparison: FieldComparison) {
        field = comparison.field
        first = comparison.first
        second = comparison.second
        isChanged = first != second
    }
}

struct ComparisonList: APIModel {
    var items: [ComparisonView]
    static let notes: [String: Note] = ["items": Note("Fields that changed at any time, in order of their names.")]
    static let example = ComparisonList(items: [
        ComparisonView(FieldComparison(field: "role", first: "operator", second: "administrator"))
    ])
}

struct AccountHistoryQuery: APIModel {
    var accountID: ID
    var before: ID?
    var limit: Int?
    static let notes = historyNotes("accountID", "The account.")
}

struct MeterHistoryQuery: APIModel {
    var meterID: ID
    var before: ID?
    var limit: Int?
    static let notes = historyNotes("meterID", "The meter.")
}

struct LoginHistoryQuery: APIModel {
    var loginID: ID
    var before: ID?
    var limit: Int?
    static let notes = historyNotes("loginID", "The login.")
}

struct SettingHistoryQuery: APIModel {
    var name: String
    var before: ID?
    var limit: Int?
    static let notes = historyNotes("name", "The setting.")
}

struct AccountComparison: APIModel {
    var accountID: ID
    var first: Day
    var second: Day
    static let notes = comparisonNotes("accountID", "The account.")
}

struct MeterComparison: APIModel {
    var meterID: ID
    var first: Day
    var second: Day
    static let notes = comparisonNotes("meterID", "The meter.")
}

struct LoginComparison: APIModel {
    var loginID: ID
    var first: Day
    var second: Day
    static let notes = comparisonNotes("loginID", "The login.")
}

struct SettingComparison: APIModel {
    var name: String
    var first: Day
    var second: Day
    static let notes = comparisonNotes("name", "The setting.")
}

private func historyNotes(_ field: String, _ text: String) -> [String: Note] {
    [
        field: field == "name" ? Note(text, length: 1...64) : Note(text),
        "before": Note("The `next` of the part before; without it the newest come."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

private func comparisonNotes(_ field: String, _ text: String) -> [String: Note] {
    [
        field: field == "name" ? Note(text, length: 1...64) : Note(text),
        "first": Note("A day; its end counts."), "second": Note("Another day; its end counts."),
    ]
}

extension Endpoints {
    static let audit: [AnyEndpoint] =
        [
            AnyEndpoint(
                Endpoint<AuditQuery, AuditList>(
                    "audit.list", "GET", "/api/v1/audit", access: .permission([.readAudit]),
                    EndpointText("List commands", "Who did what, when, from where, why, with values before and after."),
                    example: AuditQuery(username: "asha", limit: 50),
                    outputExample: AuditList(items: [.example], next: nil), rate: .heavy,
                    run: { input, context in
                        let limit = input.limit ?? 50
                        let part = try await context.read { transaction, scope in
                            let zone = try Org.find(scope.orgID, in: transaction).zone
                            let found = try AuditTrail.list(
                                input.filter(zone), before: input.before?.value, limit: limit + 1, scope,
                                in: transaction)
                            return ListPart.of(found, limit: limit) { String($0.auditID) }
                        }
                        return list(part)
                    }))
        ]
        + history("accounts", "{accountID}", [.readAccounts], AccountHistoryQuery(accountID: ID(101))) {
            (.account($0.accountID.value), $0.before, $0.limit)
        }
        + history("meters", "{meterID}", [.readMeters], MeterHistoryQuery(meterID: ID(1071))) {
            (.meter($0.meterID.value), $0.before, $0.limit)
        }
        + history("logins", "{loginID}", [.manageLogins], LoginHistoryQuery(loginID: ID(21))) {
            (.login($0.loginID.value), $0.before, $0.limit)
        }
        + history("settings", "{name}", [.manageSettings], SettingHistoryQuery(name: "supply.warn-below-paise")) {
            (.setting($0.name), $0.before, $0.limit)
        }
        + comparison(
            "accounts", "{accountID}", [.readAccounts],
            AccountComparison(accountID: ID(101), first: example.0, second: example.1)
        ) {
            (.account($0.accountID.value), $0.first, $0.second)
        }
        + comparison(
            "meters", "{meterID}", [.readMeters],
            MeterComparison(meterID: ID(1071), first: example.0, second: example.1)
        ) {
            (.meter($0.meterID.value), $0.first, $0.second)
        }
        + comparison(
            "logins", "{loginID}", [.manageLogins],
            LoginComparison(loginID: ID(21), first: example.0, second: example.1)
        ) {
            (.login($0.loginID.value), $0.first, $0.second)
        }
        + comparison(
            "settings", "{name}", [.manageSettings],
            SettingComparison(name: "supply.warn-below-paise", first: example.0, second: example.1)
        ) {
            (.setting($0.name), $0.first, $0.second)
        }

    private static let example = (Day(CivilDay(number: 20_500)), Day(CivilDay(number: 20_530)))

    private static func list(_ part: ListPart<AuditEntry>) -> AuditList {
        AuditList(items: part.items.map { AuditView($0) }, next: part.next.flatMap { Int64($0) }.map { ID($0) })
    }

    private static func history<Input: APIModel>(
        _ area: String, _ place: String, _ permissions: [Permission], _ example: Input,
        _ asked: @escaping @Sendable (Input) -> (HistorySubject, ID?, Int?)
    ) -> [AnyEndpoint] {
        [
            AnyEndpoint(
                Endpoint<Input, AuditList>(
                    "\(area).history", "GET", "/api/v1/\(area)/\(place)/history", access: .permission(permissions),
                    EndpointText("Changes, newest first", "Who changed what, when, from where and why."),
                    example: example, outputExample: AuditList(items: [.example], next: nil), problems: [.notFound],
                    run: { input, context in
                        let (subject, before, limit) = asked(input)
                        return list(
                            try await HistoryReport.of(
                                context.services, subject, before: before?.value, limit: limit ?? 50,
                                try context.actor.scope
                            ).part)
                    }))
        ]
    }

    private static func comparison<Input: APIModel>(
        _ area: String, _ place: String, _ permissions: [Permission], _ example: Input,
        _ asked: @escaping @Sendable (Input) -> (HistorySubject, Day, Day)
    ) -> [AnyEndpoint] {
        [
            AnyEndpoint(
                Endpoint<Input, ComparisonList>(
                    "\(area).compare", "GET", "/api/v1/\(area)/\(place)/history/compare",
                    access: .permission(permissions),
                    EndpointText("Compare two days", "The fields as they stood at the end of each day."),
                    example: example, outputExample: .example, problems: [.notFound],
                    run: { input, context in
                        let (subject, first, second) = asked(input)
                        let found = try await HistoryReport.compare(
                            context.services, subject, first: first.value, second: second.value,
                            try context.actor.scope)
                        return ComparisonList(items: found.map { ComparisonView($0) })
                    }))
        ]
    }
}
