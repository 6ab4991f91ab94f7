// StatusView: "is everything all right" in one look: a line on top, then rows by section, each with a word for its
// state, what was measured and where to act. Judges nothing: the report is judged already.
import API
import CivilTime

public struct StatusView: Page {
    public static let template = "status"
    public var report: StatusReport

    public init(_ report: StatusReport) { self.report = report }
}

extension StatusView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("status.title", ["lede": lede(w)]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", lede(w))
        row.set("chip", chip(report.state, w))
        row.set(
            "sub",
            w.say(
                "status.sub", ["time": "\(w.timeWithSeconds(report.computedAtMs))", "day": w.longDay(report.lineDay)]))
        row.set("refreshHref", Paths.status)
        row.set("staleWords", w.say("line.stale"))
        row.set(
            "sections",
            StatusSection.allCases.compactMap { section -> Fields? in
                let rows = report.rows.filter { $0.check.section == section }
                guard !rows.isEmpty else { return nil }
                var fields = Fields(["heading": w.say(section.key)])
                fields.set("rows", rows.map { line($0, w) })
                return fields
            })
        return row
    }

    private func lede(_ w: Wording) -> Markup {
        report.needing == 0 ? w.say("status.allWell") : w.count("status.needing", report.needing)
    }

    private func chip(_ state: StatusState, _ w: Wording) -> Markup {
        switch state {
        case .good: w.chip(.ok, w.say("status.good"))
        case .attention: w.chip(.warn, w.say("status.attention"))
        case .bad: w.chip(.bad, w.say("status.bad"))
        }
    }

    private func line(_ row: StatusRow, _ w: Wording) -> Fields {
        let words = row.check.words
        let name = w.say(words.name)
        var fields = Fields(["chip": chip(row.state, w), "measured": measured(row, w)])
        fields.set("name", row.href.map { w.link($0, name) } ?? name)
        // What to do stands there when there is something to do.
        fields.set("todo", row.state == .good ? nil : w.say(words.todo))
        return fields
    }

    private func measured(_ row: StatusRow, _ w: Wording) -> Markup {
        guard let value = row.value else {
            return row.check == .certificate ? w.say("status.noCertificate") : w.say("status.noBackup")
        }
        switch row.unit {
        case .count:
            guard let total = row.total else { return "\(w.number(value))" }
            return w.say("status.of", ["n": "\(w.number(value))", "total": "\(w.number(total))"])
        case .ms: return w.duration(value)
        case .paise: return "\(w.money(value))"
        case .bytes:
            let size = value >= 10_000_000_000 ? value / 1_000_000_000 : value / 1_000_000
            return value >= 10_000_000_000
                ? w.say("status.gigabytes", ["n": "\(w.number(size))"])
                : w.say("status.megabytes", ["n": "\(w.number(size))"])
        }
    }
}

extension StatusSection {
    fileprivate var key: String {
        switch self {
        case .line: "status.section.line"
        case .jobs: "status.section.jobs"
        case .people: "status.section.people"
        case .books: "status.section.books"
        case .queues: "status.section.queues"
        case .site: "status.section.site"
        }
    }
}

extension StatusCheck {
    /// Keys of what it is called and of what to do when it is not good.
    fileprivate var words: (name: String, todo: String) {
        switch self {
        case .read: ("status.read", "status.todo.read")
        case .validated: ("status.validated", "status.todo.validated")
        case .charged: ("status.charged", "status.todo.charged")
        case .late: ("status.late", "status.todo.late")
        case .jobsLate: ("status.jobsLate", "status.todo.jobsLate")
        case .jobsFailing: ("status.jobsFailing", "status.todo.jobsFailing")
        case .people: ("status.people", "status.todo.people")
        case .booksSum: ("status.booksSum", "status.todo.books")
        case .booksEntries: ("status.booksEntries", "status.todo.books")
        case .booksBalances: ("status.booksBalances", "status.todo.books")
        case .outboxAge: ("status.outboxAge", "status.todo.outboxAge")
        case .outboxGivenUp: ("status.outboxGivenUp", "status.todo.outboxGivenUp")
        case .rawReads: ("status.rawReads", "status.todo.rawReads")
        case .rawUntaken: ("status.rawUntaken", "status.todo.rawUntaken")
        case .projection: ("status.projection", "status.todo.projection")
        case .databaseAnswer: ("status.databaseAnswer", "status.todo.databaseAnswer")
        case .databaseQueue: ("status.databaseQueue", "status.todo.databaseQueue")
        case .databaseSize: ("status.databaseSize", "status.todo.disk")
        case .disk: ("status.disk", "status.todo.disk")
        case .backup: ("status.backup", "status.todo.backup")
        case .certificate: ("status.certificate", "status.todo.certificate")
        case .testPayments: ("status.testPayments", "status.todo.testPayments")
        }
    }
}
