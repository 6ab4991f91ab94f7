// The trail of commands as a list and as CSV, and the history of an account, a meter, a login or a setting.
import API
import Access
import CivilTime
import SQL

extension Desk {
    var auditPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readAudit])
        return [
            API.Page("GET", Paths.audit, access: reading, rate: .heavy) { try await audit($0) },
            API.Page("GET", Paths.auditCSV, access: reading, rate: .heavy) { try await auditCSV($0) },
            API.Page("GET", "\(Paths.accounts)/{id}/history", access: .permission([.readAccounts])) { call in
                let id = try id(call)
                return try await history(.account(id), of: Paths.account(id), call, .accounts)
            },
            API.Page("GET", "\(Paths.meters)/{id}/history", access: .permission([.readMeters])) { call in
                let id = try id(call)
                return try await history(.meter(id), of: Paths.meter(id), call, .meters)
            },
            API.Page("GET", "\(Paths.people)/{id}/history", access: .permission([.manageLogins])) { call in
                let id = try id(call)
                return try await history(.login(id), of: Paths.person(id), call, .people)
            },
            API.Page("GET", "/settings/{name}/history", access: .permission([.manageSettings])) { call in
                let name = String((call.path["name"] ?? "").prefix(64))
                return try await history(.setting(name), of: Paths.audit, call, .audit)
            },
        ]
    }

    // MARK: the list

    private static let auditFields = ["who", "command", "subject", "from", "to"]

    private func day(_ call: PageCall, _ field: String) throws -> CivilDay? {
        guard let text = call.query[field], !text.isEmpty else { return nil }
        guard let day = CivilDay(text), (2000...2199).contains(day.parts.year) else {
            throw Refusal(.invalid, "This is no day.", hint: "Write it as YYYY-MM-DD.", at: field)
        }
        return day
    }

    private func filter(_ call: PageCall) throws -> AuditFilter {
        let zone = zone(call)
        func text(_ field: String) -> String? { call.query[field].flatMap { $0.isEmpty ? nil : String($0.prefix(64)) } }
        let subject = try text("subject").map { text in
            guard let id = Int64(text), id > 0 else {
                throw Refusal(.invalid, "This is no number of an account, meter or login.", at: "subject")
            }
            return id
        }
        return AuditFilter(
            username: text("who"), command: text("command"), subjectID: subject,
            fromMs: try day(call, "from").map { zone.startS(of: $0) * 1000 },
            toMs: try day(call, "to").map { zone.startS(of: $0.advanced(by: 1)) * 1000 })
    }

    private func audit(_ call: PageCall) async throws -> Answer {
        let filter = try filter(call)
        let before = call.query["before"].flatMap { Int64($0) }
        let scope = try call.actor.scope
        let (found, commands) = try await services.site.money.read { transaction in
            (
                try AuditTrail.list(filter, before: before, limit: Self.listLimit + 1, scope, in: transaction),
                try AuditTrail.commands(scope, in: transaction)
            )
        }
        let shown = found.prefix(Self.listLimit)
        let typed = call.query.filter { Self.auditFields.contains($0.key) }.mapValues { String($0.prefix(64)) }
        let page = AuditListView(
            entries: shown.map { TrailEntry($0) }, typed: typed, commands: commands,
            nextBefore: found.count > Self.listLimit ? shown.last.map { String($0.auditID) } : nil,
            isFirstPage: before == nil)
        return show(page, call, .audit)
    }

    /// So many rows at most; who needs more asks by days.
    private static let csvRowsMax = 10_000

    /// One line a change, or one for a command without any. RFC 4180, in UTF-8.
    private func auditCSV(_ call: PageCall) async throws -> Answer {
        let filter = try filter(call)
        let scope = try call.actor.scope
        var lines = ["audit_id,system_at,business_at,login,role,source,command,why,subject,content,kind,field,old,new"]
        var (before, rows): (Int64?, Int) = (nil, 0)
        while rows < Self.csvRowsMax {
            let part = try await services.site.money.read { [before] in
                try AuditTrail.list(filter, before: before, limit: 500, scope, in: $0)
            }
            for entry in part { lines += Self.csv(entry) }
            rows += part.count
            guard part.count == 500, let last = part.last else { break }
            before = last.auditID
        }
        var answer = Answer("text/csv; charset=utf-8", lines.joined(separator: "\r\n") + "\r\n")
        answer.headers["Content-Disposition"] = "attachment; filename=\"audit.csv\""
        return answer
    }

    private static func csv(_ entry: AuditEntry) -> [String] {
        let head = [
            String(entry.auditID), String(entry.systemAtMs), String(entry.businessAtMs), entry.username ?? "",
            entry.role, entry.source, entry.command, entry.why, String(entry.subjectID), entry.content,
        ]
        let changes =
            entry.changes.isEmpty
            ? [["", "", "", ""]] : entry.changes.map { [$0.kind, $0.field, $0.old ?? "", $0.new ?? ""] }
        return changes.map { (head + $0).map(cell).joined(separator: ",") }
    }

    /// Quoted where it must be; a cell a spreadsheet would take for a formula gets an apostrophe in front.
    static func cell(_ text: String) -> String {
        let isNumber = Int64(text) != nil
        let safe = !isNumber && "=+-@\t\r".contains(text.first ?? "a") ? "'" + text : text
        let needsQuotes = safe.unicodeScalars.contains { "\",\n\r".unicodeScalars.contains($0) }
        return needsQuotes ? "\"\(safe.replacing("\"", with: "\"\""))\"" : safe
    }

    // MARK: one thing

    private func history(
        _ subject: HistorySubject, of path: String, _ call: PageCall, _ place: PageFrame.Place
    ) async throws -> Answer {
        let before = call.query["before"].flatMap { Int64($0) }
        let scope = try call.actor.scope
        let report = try await HistoryReport.of(services, subject, before: before, limit: Self.listLimit, scope)
        let (first, second) = (try day(call, "first"), try day(call, "second"))
        var fields: [HistoryView.Field]?
        if let first, let second {
            fields = try await HistoryReport.compare(services, subject, first: first, second: second, scope).map {
                HistoryView.Field(name: $0.field, first: $0.first, second: $0.second)
            }
        }
        let page = HistoryView(
            name: report.name, backHref: path, path: call.call.path,
            entries: report.part.items.map { TrailEntry($0) }, first: first, second: second, fields: fields,
            nextBefore: report.part.next, isFirstPage: before == nil)
        return show(page, call, place)
    }
}

extension TrailEntry {
    init(_ entry: AuditEntry) {
        let subject = entry.changes.first { $0.subjectID != 0 }.flatMap { change -> (name: String, href: String)? in
            switch change.kind {
            case "account": ("account \(change.subjectID)", Paths.account(change.subjectID))
            case "meter": ("meter \(change.subjectID)", Paths.meter(change.subjectID))
            case "login": ("login \(change.subjectID)", Paths.person(change.subjectID))
            default: nil
            }
        }
        self.init(
            businessAtMs: entry.businessAtMs, systemAtMs: entry.systemAtMs, username: entry.username,
            source: entry.source, command: entry.command, why: entry.why, subject: subject,
            changes: entry.changes.map { Change(field: $0.field, old: $0.old, new: $0.new) })
    }
}
