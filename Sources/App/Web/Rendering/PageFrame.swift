// PageFrame: what stands around every page: who looks, in which language and look, the business time, the way about.
import Access
import CivilTime

/// What all pages share. Filled by the route, from the session.
public struct PageFrame: Sendable {
    /// Dense for staff, one column for consumers.
    public enum Look: Sendable { case console, portal }

    /// Which part of the navigation the page belongs to.
    public enum Place: Sendable {
        case line, exceptions, runs, jobs, queue, status, collection, meters, commands, events, outages, supply,
            accounts, home, statement, me,
            people,
            keys, audit
        case approvals, edits, estimates, imports, rules, reports, packs, subscriptions, simulator, none
    }

    public struct Person: Sendable {
        public var name: String
        /// Set for a consumer: the one account he may see. Nil for staff.
        public var ownAccount: Int64?
        /// What he may do; the menu shows the pages it opens.
        public var rights: Set<Permission>
        /// Confined to no place.
        public var seesCompany: Bool
        public init(
            name: String, ownAccount: Int64? = nil, rights: Set<Permission> = [], seesCompany: Bool = false
        ) {
            (self.name, self.ownAccount) = (name, ownAccount)
            (self.rights, self.seesCompany) = (rights, seesCompany)
        }
    }

    /// What just happened, said once at the top of the next page.
    public enum Notice: Sendable {
        case rechargeDone(paise: Int64, entry: String)
        /// What became of a payment at a gateway.
        case payment(CheckoutView.State, paise: Int64)
        case readAsked
        case disconnectAsked, reconnectAsked
        case keysAsked, counterAsked
        case jobs(JobNotice)
        case orders(OrderNotice)
        case queue(QueueNotice)
        /// Words of a filter that mean nothing; the page is shown without them.
        case unknownWords([String])
        case outagePlanned, outageCalledOff, rulesSet, planSet, importStored, cutsHeld, cutsReleased
        /// Something about packs was asked; the act as it stands in an address.
        case packAsked(String)
        /// What was asked is kept until a second person confirms it.
        case waitsForSecond
        /// Something about an old debt was booked or agreed; the emergency credit was taken.
        case arrearsDone, emergencyTaken
        /// Nothing was done.
        case refused(Refusal)

        /// - Parameter word: as it stands in an address.
        static func outage(_ word: String) -> Notice? {
            switch word {
            case "planned": .outagePlanned
            case "called-off": .outageCalledOff
            default: nil
            }
        }
    }

    /// How many of the exceptions that were named an act was done with. `3-5` in an address.
    public struct QueueNotice: Sendable, Equatable {
        public var done: Int
        public var asked: Int
        init?(word: String?) {
            let parts = (word ?? "").split(separator: "-").compactMap { Int($0) }
            guard parts.count == 2, parts[0] <= parts[1] else { return nil }
            (done, asked) = (parts[0], parts[1])
        }
    }

    /// What came of an order to meters. The raw value stands in an address.
    public enum OrderNotice: String, Sendable {
        case given, awaits, approved, stopped
        init?(word: String?) {
            guard let found = word.flatMap({ OrderNotice(rawValue: $0) }) else { return nil }
            self = found
        }
    }

    /// What came of an action on the jobs, or on what was given up. The raw value stands in an address.
    public enum JobNotice: Sendable, Equatable {
        case asked, paused, resumed, retried, aside

        public init?(word: String?) {
            let known: [String: JobNotice] = [
                "asked": .asked, "paused": .paused, "resumed": .resumed, "retried": .retried, "aside": .aside,
            ]
            guard let found = word.flatMap({ known[$0] }) else { return nil }
            self = found
        }
    }

    public var language: Language
    public var look: Look
    public var company: String
    public var zone: Zone
    /// Business time the page was made at, milliseconds since 1970.
    public var businessTimeMs: Int64
    public var version: String
    /// Path with query of this page, for coming back after a change of language.
    public var path: String
    public var csrfToken: String
    public var person: Person?
    public var place: Place
    public var notice: Notice?
    /// A simulator of a demonstration is there to be directed.
    public var hasSimulator = false
    /// How many times faster than the clock business time runs; nil when it is the real time.
    public var demoSpeed: Int?

    public init(
        language: Language, look: Look, company: String, zone: Zone, businessTimeMs: Int64, version: String,
        path: String, csrfToken: String, person: Person?, place: Place, notice: Notice? = nil, demoSpeed: Int? = nil
    ) {
        self.language = language
        self.look = look
        self.company = company
        self.zone = zone
        self.businessTimeMs = businessTimeMs
        self.version = version
        self.path = path
        self.csrfToken = csrfToken
        self.person = person
        self.place = place
        self.notice = notice
        self.demoSpeed = demoSpeed
    }
}

extension PageFrame {
    func values(_ w: Wording) -> Fields {
        var row = Fields()
        row.set("lang", language.rawValue)
        row.set("company", company)
        row.set("look", look == .console ? "con" : "por")
        row.set("isConsole", look == .console)
        row.set("tokensCSS", Asset.tokens.path)
        row.set("busbarCSS", Asset.busbar.path)
        row.set("consoleCSS", Asset.console.path)
        row.set("script", Asset.script.path)
        row.set("icon", Asset.icon.path)
        row.set("csrf", csrfToken)
        row.set("homeHref", person?.ownAccount.map(Paths.account) ?? Paths.line)
        row.set("person", person.map { w.link(Paths.me, "\($0.name)") })
        row.set("clock", w.timeTag(businessTimeMs, w.moment(businessTimeMs)))
        row.set("version", version)
        row.set("zoneName", zone.identifier)
        row.set("made", w.say("foot.made", ["time": w.moment(businessTimeMs)]))
        row.set("demo", demoSpeed.map { w.say("demo.note", ["n": "\(w.number($0))"]) })
        row.set(
            "languages",
            Language.allCases.filter { $0 != language }.map { other in
                Fields([
                    "code": "\(other.rawValue)", "href": "\(Paths.language(other, back: path))",
                    "name": "\(other.ownName)",
                ])
            })
        setMenu(&row, w)
        row.set("notice", notice.map { noticeMarkup($0, w) })
        row.set("isReturnable", person != nil)
        return row
    }

    private func noticeMarkup(_ notice: Notice, _ w: Wording) -> Markup {
        switch notice {
        case .rechargeDone(let paise, let entry):
            note("ok", w.say("notice.recharge", ["money": "\(w.money(paise))", "entry": "\(entry)"]))
        case .payment(let state, let paise):
            note(state == .paid ? "ok" : state == .failed ? "bad" : "info", state.words(paise, w))
        case .readAsked: note("info", w.say("notice.read"))
        case .disconnectAsked: note("info", w.say("notice.disconnect"))
        case .reconnectAsked: note("info", w.say("notice.reconnect"))
        case .keysAsked: note("info", w.say("notice.keysAsked"))
        case .counterAsked: note("info", w.say("notice.counterAsked"))
        case .queue(let queue) where queue.done == queue.asked:
            note("ok", w.say("notice.queue", ["n": "\(w.number(queue.done))", "all": "\(w.number(queue.asked))"]))
        case .queue(let queue):
            note(
                "warn", w.say("notice.queueSome", ["n": "\(w.number(queue.done))", "all": "\(w.number(queue.asked))"]))
        case .unknownWords(let words):
            note(
                "bad",
                w.say("notice.unknownWords", ["words": words.map { "<q>\(String($0.prefix(60)))</q>" }.joined(", ")]))
        case .refused(let refusal): note("bad", w.say("notice.nothingDone", ["reason": w.refusal(refusal)]))
        case .outagePlanned: note("ok", w.say("notice.outagePlanned"))
        case .outageCalledOff: note("ok", w.say("notice.outageCalledOff"))
        case .planSet: note("ok", w.say("notice.planSet"))
        case .rulesSet: note("ok", w.say("notice.rulesSet"))
        case .importStored: note("ok", w.say("notice.importStored"))
        case .cutsHeld: note("ok", w.say("notice.cutsHeld"))
        case .cutsReleased: note("ok", w.say("notice.cutsReleased"))
        case .waitsForSecond:
            note(
                "info",
                w.say(
                    "notice.waitsForSecond",
                    ["link": w.link(Paths.approvals("mine", before: nil), w.say("approvals.title"))]))
        case .arrearsDone: note("ok", w.say("notice.arrearsDone"))
        case .emergencyTaken: note("ok", w.say("notice.emergencyTaken"))
        case .packAsked("approve"): note("ok", w.say("notice.packApprovedBy"))
        case .packAsked("reject"): note("info", w.say("notice.packRejectedBy"))
        case .packAsked: note("ok", w.say("notice.packAsked"))
        case .orders(.given): note("info", w.say("notice.orderGiven"))
        case .orders(.awaits): note("warn", w.say("notice.orderAwaits"))
        case .orders(.approved): note("ok", w.say("notice.orderApproved"))
        case .orders(.stopped): note("info", w.say("notice.orderStopped"))
        case .jobs(.asked): note("info", w.say("notice.jobsAsked"))
        case .jobs(.paused): note("info", w.say("notice.jobPaused"))
        case .jobs(.resumed): note("info", w.say("notice.jobResumed"))
        case .jobs(.retried): note("info", w.say("notice.retried"))
        case .jobs(.aside): note("info", w.say("notice.aside"))
        }
    }

    private func note(_ tone: String, _ words: Markup) -> Markup {
        "<p class=\"note \(tone)\" role=\"status\">\(words)</p>"
    }
}
