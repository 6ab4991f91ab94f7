// AuditListView and HistoryView: commands as a list; the changes of one thing, and two days held against each other.
import CivilTime

/// One command of the trail.
public struct TrailEntry: Sendable {
    public struct Change: Sendable {
        public var field: String
        public var old: String?
        public var new: String?
        public init(field: String, old: String?, new: String?) {
            self.field = field
            self.old = old
            self.new = new
        }
    }
    public var businessAtMs: Int64
    public var systemAtMs: Int64
    /// Nil for the machine.
    public var username: String?
    public var source: String
    public var command: String
    public var why: String
    /// What it is about and its page, where there is one.
    public var subject: (name: String, href: String)?
    public var changes: [Change]
    public init(
        businessAtMs: Int64, systemAtMs: Int64, username: String?, source: String, command: String, why: String,
        subject: (name: String, href: String)?, changes: [Change]
    ) {
        self.businessAtMs = businessAtMs
        self.systemAtMs = systemAtMs
        self.username = username
        self.source = source
        self.command = command
        self.why = why
        self.subject = subject
        self.changes = changes
    }
}

public struct AuditListView: Page {
    public static let template = "audit"
    public var entries: [TrailEntry]
    /// The filter as it was typed, by field: who, command, subject, from, to.
    public var typed: [String: String]
    public var commands: [String]
    public var nextBefore: String?
    public var isFirstPage: Bool
    public init(
        entries: [TrailEntry], typed: [String: String], commands: [String], nextBefore: String?, isFirstPage: Bool
    ) {
        self.entries = entries
        self.typed = typed
        self.commands = commands
        self.nextBefore = nextBefore
        self.isFirstPage = isFirstPage
    }
}

public struct HistoryView: Page {
    public static let template = "history"
    public struct Field: Sendable {
        public var name: String
        public var first: String?
        public var second: String?
        public init(name: String, first: String?, second: String?) {
            self.name = name
            self.first = first
            self.second = second
        }
    }
    /// What has the history, and where its page is.
    public var name: String
    public var backHref: String
    public var path: String
    public var entries: [TrailEntry]
    public var first: CivilDay?
    public var second: CivilDay?
    /// Nil: nothing is compared.
    public var fields: [Field]?
    public var nextBefore: String?
    public var isFirstPage: Bool
    public init(
        name: String, backHref: String, path: String, entries: [TrailEntry], first: CivilDay?, second: CivilDay?,
        fields: [Field]?, nextBefore: String?, isFirstPage: Bool
    ) {
        self.name = name
        self.backHref = backHref
        self.path = path
        self.entries = entries
        self.first = first
        self.second = second
        self.fields = fields
        self.nextBefore = nextBefore
        self.isFirstPage = isFirstPage
    }
}

private func values(of entry: TrailEntry, _ w: Wording) -> Fields {
    var row = Fields()
    row.set("when", w.timeTag(entry.businessAtMs, w.moment(entry.businessAtMs)))
    // In a demonstration business time runs ahead of the clock on the wall.
    let isApart = abs(entry.systemAtMs - entry.businessAtMs) > 60_000
    row.set("wall", isApart ? w.say("audit.wall", ["time": w.moment(entry.systemAtMs)]) : nil)
    row.set("who", entry.username.map { "\($0)" } ?? w.say("audit.machine"))
    row.set("source", entry.source)
    row.set("command", entry.command)
    row.set("why", entry.why.isEmpty ? nil : entry.why)
    row.set("subject", entry.subject.map { w.link($0.href, "\($0.name)") })
    row.set(
        "changes",
        entry.changes.map { change in
            var line = Fields([
                "field": "\(change.field)", "old": change.old.map { "\($0)" } ?? "–",
                "new": change.new.map { "\($0)" } ?? "–",
            ])
            line.set("label", settingLabel(change.field, w))
            return line
        })
    return row
}

extension AuditListView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("audit.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", w.say("audit.lede"))
        row.set("title", title(w))
        row.set("action", Paths.audit)
        for name in ["who", "subject", "from", "to"] { row.set(name, typed[name] ?? "") }
        row.set(
            "commands",
            [("", w.say("list.all"))].map { option($0.0, $0.1) } + commands.map { option($0, "\($0)") })
        row.set("entries", entries.map { Web.values(of: $0, w) })
        row.set("hasEntries", !entries.isEmpty)
        row.set("empty", w.say("list.nothingFits"))
        row.set("csvHref", address(Paths.auditCSV, before: nil))
        row.set("firstHref", isFirstPage ? nil : address(Paths.audit, before: nil))
        row.set("nextHref", nextBefore.map { address(Paths.audit, before: $0) })
        row.set("hasPaging", !isFirstPage || nextBefore != nil)
        return row
    }

    private func option(_ value: String, _ name: Markup) -> Fields {
        var row = Fields(["value": "\(value)", "name": name])
        row.set("chosen", value == typed["command"] ?? "")
        return row
    }

    private func address(_ path: String, before: String?) -> String {
        let parts =
            typed.merging(["before": before ?? ""]) { $1 }.sorted { $0.key < $1.key }
            .filter { !$0.value.isEmpty }.map { "\($0.key)=\(Paths.encoded($0.value))" }
        return parts.isEmpty ? path : path + "?" + parts.joined(separator: "&")
    }
}

extension HistoryView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("history.title", ["name": "\(name)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("name", name)
        row.set("backHref", backHref)
        row.set("lede", title(w))
        row.set("title", w.say("history.changes"))
        row.set("action", path)
        row.set("first", first?.description ?? "")
        row.set("second", second?.description ?? "")
        row.set("hasComparison", fields != nil)
        if let fields, let first, let second {
            row.set("compared", w.say("history.compared", ["first": w.fullDay(first), "second": w.fullDay(second)]))
            row.set("firstDay", w.fullDay(first))
            row.set("secondDay", w.fullDay(second))
            row.set("hasFields", !fields.isEmpty)
            row.set(
                "fields",
                fields.map { field in
                    var item = Fields([
                        "field": "\(field.name)", "old": field.first.map { "\($0)" } ?? "–",
                        "new": field.second.map { "\($0)" } ?? "–",
                    ])
                    item.set("label", settingLabel(field.name, w))
                    item.set("chip", field.first == field.second ? nil : w.chip(.info, w.say("history.differs")))
                    return item
                })
        }
        row.set("entries", entries.map { Web.values(of: $0, w) })
        row.set("hasEntries", !entries.isEmpty)
        row.set("empty", w.say("history.none"))
        row.set("firstHref", isFirstPage ? nil : path)
        row.set("nextHref", nextBefore.map { "\(path)?before=\(Paths.encoded($0))" })
        row.set("hasPaging", !isFirstPage || nextBefore != nil)
        return row
    }
}
