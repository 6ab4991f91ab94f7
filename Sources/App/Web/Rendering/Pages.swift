// Pages: turns a view model into a whole HTML page. Pure: same view and frame, same bytes. No request, no database.
import CivilTime
import Mustache

/// Something that can be shown: a view model that knows its template and its words.
public protocol Page: Sendable {
    /// The name of the template file of the content.
    static var template: String { get }
}

/// What a page says for itself; kept apart so that only this module reads it.
protocol PageContent: Page {
    func title(_ w: Wording) -> Markup
    func values(_ w: Wording, _ frame: PageFrame) -> Fields
}

/// All templates and messages, read once from the binary.
public struct Pages: Sendable {
    private let library: MustacheLibrary
    private let messages: [Language: Messages]

    /// Throws when a template or message file in the binary does not parse.
    public init() throws {
        var library = MustacheLibrary()
        for (name, bytes) in Self.templates {
            try library.register(String(decoding: bytes, as: UTF8.self), named: name)
        }
        self.library = library
        let english = try Messages(
            language: .english, file: String(decoding: PackageResources.en_txt, as: UTF8.self))
        var hindi = try Messages(language: .hindi, file: String(decoding: PackageResources.hi_txt, as: UTF8.self))
        hindi.sayings = Sayings(english: english.texts)
        messages = [.english: english, .hindi: hindi]
    }

    static var templates: [(String, [UInt8])] {
        [
            ("layout", PackageResources.layout_mustache), ("signin", PackageResources.signin_mustache),
            ("line", PackageResources.line_mustache), ("meter", PackageResources.meter_mustache),
            ("account", PackageResources.account_mustache), ("statement", PackageResources.statement_mustache),
            ("month", PackageResources.month_mustache), ("arrears", PackageResources.arrears_mustache),
            ("checkout", PackageResources.checkout_mustache), ("money", PackageResources.money_mustache),
            ("day", PackageResources.day_mustache), ("list", PackageResources.list_mustache),
            ("confirm", PackageResources.confirm_mustache), ("problem", PackageResources.problem_mustache),
            ("jobs", PackageResources.jobs_mustache), ("job", PackageResources.job_mustache),
            ("mend", PackageResources.mend_mustache), ("entries", PackageResources.entries_mustache),
            ("errors", PackageResources.errors_mustache), ("otherreports", PackageResources.otherreports_mustache),
            ("plans", PackageResources.plans_mustache), ("approvals", PackageResources.approvals_mustache),
            ("me", PackageResources.me_mustache), ("sessions", PackageResources.sessions_mustache),
            ("people", PackageResources.people_mustache), ("person", PackageResources.person_mustache),
            ("rights", PackageResources.rights_mustache), ("audit", PackageResources.audit_mustache),
            ("trail", PackageResources.trail_mustache), ("history", PackageResources.history_mustache),
            ("second", PackageResources.second_mustache), ("steps", PackageResources.steps_mustache),
            ("collection", PackageResources.collection_mustache), ("alive", PackageResources.alive_mustache),
            ("frames", PackageResources.frames_mustache),
            ("keys", PackageResources.keys_mustache), ("status", PackageResources.status_mustache),
            ("events", PackageResources.events_mustache), ("aside", PackageResources.aside_mustache),
            ("meterkeys", PackageResources.meterkeys_mustache),
            ("commands", PackageResources.commands_mustache), ("order", PackageResources.order_mustache),
            ("wishes", PackageResources.wishes_mustache), ("orderform", PackageResources.orderform_mustache),
            ("simulator", PackageResources.simulator_mustache),
            ("edit", PackageResources.edit_mustache), ("editcard", PackageResources.editcard_mustache),
            ("estimates", PackageResources.estimates_mustache),
            ("aggregation", PackageResources.aggregation_mustache),
            ("reports", PackageResources.reports_mustache), ("report", PackageResources.report_mustache),
            ("queue", PackageResources.queue_mustache), ("reliability", PackageResources.reliability_mustache),
            ("outages", PackageResources.outages_mustache), ("outage", PackageResources.outage_mustache),
            ("tamper", PackageResources.tamper_mustache), ("guard", PackageResources.guard_mustache),
            ("imports", PackageResources.imports_mustache), ("import", PackageResources.import_mustache),
            ("importreport", PackageResources.importreport_mustache),
            ("rules", PackageResources.rules_mustache),
            ("refusedrows", PackageResources.refusedrows_mustache),
            ("packs", PackageResources.packs_mustache), ("pack", PackageResources.pack_mustache),
            ("packsheet", PackageResources.packsheet_mustache),
            ("calendars", PackageResources.calendars_mustache), ("calendar", PackageResources.calendar_mustache),
            ("calendardrawing", PackageResources.calendardrawing_mustache),
            ("packdraft", PackageResources.packdraft_mustache),
            ("whatif", PackageResources.whatif_mustache), ("whatifform", PackageResources.whatifform_mustache),
            ("whatiflist", PackageResources.whatiflist_mustache),
            ("comparison", PackageResources.comparison_mustache),
            ("heldpacks", PackageResources.heldpacks_mustache), ("packconfirm", PackageResources.packconfirm_mustache),
            ("subscriptions", PackageResources.subscriptions_mustache),
            ("runs", PackageResources.runs_mustache), ("askedrun", PackageResources.askedrun_mustache),
            ("corrections", PackageResources.corrections_mustache),
            ("correction", PackageResources.correction_mustache),
        ]
    }

    func messages(_ language: Language) -> Messages {
        guard let found = messages[language] else { preconditionFailure("a language without messages") }
        return found
    }

    /// The whole page as HTML.
    public func html(_ page: some Page, in frame: PageFrame) -> String {
        guard let page = page as? any PageContent else { preconditionFailure("a page without content") }
        let w = Wording(messages: messages(frame.language), zone: frame.zone, nowMs: frame.businessTimeMs)
        var content = page.values(w, frame)
        content["t"] = .messages(w.messages)
        content.set("csrf", frame.csrfToken)
        var layout = frame.values(w)
        layout["t"] = .messages(w.messages)
        layout.set("title", page.title(w))
        layout.set("content", Markup(trusted: render(type(of: page).template, content)))
        return render("layout", layout)
    }

    private func render(_ name: String, _ row: Fields) -> String {
        guard let html = library.render(row, withTemplate: name) else { preconditionFailure("no template \(name)") }
        return html
    }
}
