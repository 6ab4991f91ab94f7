// PeopleView, PersonView and MeView: who may sign in, with what rights, and where they are signed in.
import Access
import CivilTime

/// What was refused of a form, and the form's field it is about.
public struct FormFault: Sendable, Equatable {
    public var field: String
    public var refusal: Refusal
    public init(field: String, refusal: Refusal) {
        self.field = field
        self.refusal = refusal
    }
}

/// An open session.
public struct SessionRow: Sendable {
    public var id: Int64
    public var openedMs: Int64
    public var seenMs: Int64
    public var browser: String
    public var network: String
    public var isThisOne: Bool
    public init(id: Int64, openedMs: Int64, seenMs: Int64, browser: String, network: String, isThisOne: Bool) {
        self.id = id
        self.openedMs = openedMs
        self.seenMs = seenMs
        self.browser = browser
        self.network = network
        self.isThisOne = isThisOne
    }
}

/// What a form for the rights of a login offers and holds.
public struct RightsForm: Sendable {
    /// Raw value of the role.
    public var role: String
    public var accountCode: String
    public var placeID: Int64?
    public var language: Language
    public var places: [(id: Int64, name: String)]
    public init(
        role: String = "operator", accountCode: String = "", placeID: Int64? = nil, language: Language = .english,
        places: [(id: Int64, name: String)] = []
    ) {
        self.role = role
        self.accountCode = accountCode
        self.placeID = placeID
        self.language = language
        self.places = places
    }
}

public struct PersonRow: Sendable {
    public var id: Int64
    public var username: String
    public var name: String
    public var role: String
    /// The account of a consumer or the place of an operator; nil: the whole company.
    public var reach: String?
    public var isActive: Bool
    public init(id: Int64, username: String, name: String, role: String, reach: String?, isActive: Bool) {
        self.id = id
        self.username = username
        self.name = name
        self.role = role
        self.reach = reach
        self.isActive = isActive
    }
}

public struct PeopleView: Page {
    public static let template = "people"
    public var people: [PersonRow]
    public var nextAfter: String?
    public var form: RightsForm
    public var typedUsername = ""
    public var typedName = ""
    public var faults: [FormFault] = []
    /// A password that was made up, shown this once.
    public var made: (username: String, password: String)?
    public init(people: [PersonRow], nextAfter: String?, form: RightsForm) {
        self.people = people
        self.nextAfter = nextAfter
        self.form = form
    }
}

public struct PersonView: Page {
    public static let template = "person"
    public var person: PersonRow
    public var form: RightsForm
    public var sessions: [SessionRow]
    /// One's own login is changed elsewhere.
    public var isSelf: Bool
    public var faults: [FormFault] = []
    public var madePassword: String?
    public var secondStep = SecondStepPart()
    public init(person: PersonRow, form: RightsForm, sessions: [SessionRow], isSelf: Bool) {
        self.person = person
        self.form = form
        self.sessions = sessions
        self.isSelf = isSelf
    }
}

public struct MeView: Page {
    public static let template = "me"
    public var name: String
    public var username: String
    public var role: String
    public var sessions: [SessionRow]
    public var faults: [FormFault] = []
    public var secondStep = SecondStepPart()
    public init(name: String, username: String, role: String, sessions: [SessionRow]) {
        self.name = name
        self.username = username
        self.role = role
        self.sessions = sessions
    }
}

private func roleWords(_ role: String, _ w: Wording) -> Markup {
    switch role {
    case "consumer": w.say("role.consumer")
    case "operator": w.say("role.operator")
    case "administrator": w.say("role.administrator")
    default: "\(role)"
    }
}

private func personState(_ person: PersonRow, _ w: Wording) -> Markup {
    person.isActive ? w.chip(.ok, w.say("people.active")) : w.chip(.idle, w.say("people.disabled"))
}

extension Fields {
    fileprivate mutating func set(_ form: RightsForm, _ w: Wording) {
        func option(_ value: String, _ name: Markup, _ isChosen: Bool) -> Fields {
            var row = Fields(["value": "\(value)", "name": name])
            row.set("chosen", isChosen)
            return row
        }
        set(
            "roles",
            ["consumer", "operator", "administrator"].map { option($0, roleWords($0, w), $0 == form.role) })
        set("typedAccount", form.accountCode)
        set(
            "places",
            [option("", w.say("people.wholeCompany"), form.placeID == nil)]
                + form.places.map { option(String($0.id), "\($0.name)", $0.id == form.placeID) })
        set(
            "languages",
            Language.allCases.map { option($0.rawValue, "\($0.ownName)", $0 == form.language) })
    }

    fileprivate mutating func set(_ faults: [FormFault], _ w: Wording) {
        set("errors", faults.isEmpty ? [] : [errorSummary(faults.map { ($0.field, w.refusal($0.refusal)) })])
        for field in ["username", "name", "account", "place", "old", "new", "code", "secondPassword"] {
            set(field + "Error", faults.first { $0.field == field }.map { w.refusal($0.refusal) })
        }
    }

    /// - Parameter base: where ending is posted to, `…/sessions`.
    fileprivate mutating func set(_ sessions: [SessionRow], base: String, endsOne: Bool, _ w: Wording, all: Markup) {
        set("hasSessions", !sessions.isEmpty)
        set("hasOthers", sessions.contains { !$0.isThisOne })
        set("endAllAction", base + "/end")
        set("endAll", all)
        set(
            "sessions",
            sessions.map { session in
                var row = Fields()
                row.set("opened", w.timeTag(session.openedMs, w.moment(session.openedMs)))
                row.set("seen", w.timeTag(session.seenMs, w.moment(session.seenMs)))
                row.set("browser", session.browser.isEmpty ? w.say("sessions.unknown") : "\(session.browser)")
                row.set("network", session.network)
                row.set("isThisOne", session.isThisOne)
                row.set("chip", w.chip(.ok, w.say("sessions.thisOne")))
                row.set("endAction", endsOne && !session.isThisOne ? "\(base)/\(session.id)/end" : nil)
                return row
            })
    }
}

extension PeopleView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("people.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", w.say("people.lede"))
        row.set("title", title(w))
        row.set("made", made.map { w.say("people.made", ["username": "\($0.username)"]) })
        row.set("madePassword", made?.password)
        row.set(
            "rows",
            people.map { person in
                Fields([
                    "username": w.link(Paths.person(person.id), "\(person.username)", cls: "id"),
                    "name": "\(person.name)", "role": roleWords(person.role, w),
                    "reach": person.reach.map { "\($0)" } ?? w.say("people.wholeCompany"),
                    "state": personState(person, w),
                ])
            })
        row.set("nextHref", nextAfter.map { Paths.list(Paths.people, query: "", state: nil, after: $0) })
        row.set("addAction", Paths.people)
        row.set("typedUsername", typedUsername)
        row.set("typedName", typedName)
        row.set(form, w)
        row.set(faults, w)
        return row
    }
}

extension PersonView: PageContent {
    func title(_ w: Wording) -> Markup { "\(person.username)" }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let path = Paths.person(person.id)
        var row = Fields()
        row.set("peopleHref", Paths.people)
        row.set("username", person.username)
        row.set("lede", person.name)
        row.set("sub", "\(roleWords(person.role, w)) \(personState(person, w))" as Markup)
        row.set("historyHref", path + "/history")
        row.set("isActive", person.isActive)
        row.set("isOther", !isSelf)
        row.set("passwordAction", path + "/password")
        row.set("disableAction", path + "/disable")
        row.set("enableAction", path + "/enable")
        row.set("changeAction", path + "/change")
        row.set("secondState", secondStepWords(secondStep, w))
        row.set("resetAction", !isSelf && secondStep.stage != .none ? path + "/second-step/reset" : nil)
        row.set("made", madePassword.map { _ in w.say("people.made", ["username": "\(person.username)"]) })
        row.set("madePassword", madePassword)
        row.set(form, w)
        row.set(faults, w)
        row.set(sessions, base: path + "/sessions", endsOne: false, w, all: w.say("sessions.endAll"))
        return row
    }
}

extension MeView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("me.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", name)
        row.set("sub", "\(username), \(roleWords(role, w))" as Markup)
        row.set("passwordAction", Paths.me + "/password")
        row.set(secondStep, w)
        row.set(faults, w)
        row.set(sessions, base: Paths.me + "/sessions", endsOne: true, w, all: w.say("sessions.endOthers"))
        return row
    }
}
