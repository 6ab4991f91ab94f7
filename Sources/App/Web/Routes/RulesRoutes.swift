// The validation rules and the plans of estimation of groups of meters: what holds, what other rules would find, and
// forms that set them from a day on. They are set by the commands the API sends; rules after they have been tried on
// what is stored.
import API
import Access
import CivilTime
import Clocks
import Cryptography
import Grid
import MeterData
import Meters
import SQL
import VEE

extension Desk {
    var rulesPages: [API.Page] {
        let managing: EndpointAccess = .permission([.manageSettings])
        return [
            API.Page("GET", Paths.rules, access: managing) { call in
                var words = FilterWords()
                let group = words.read(call.query["group"]) { try? RuleGroup($0) }
                var form = RulesForm()
                if let group { form.typed["group"] = group.description }
                let done: PageFrame.Notice? = call.query["did"] == "set" ? .rulesSet : nil
                return show(
                    try await rulesView(call, form), call, .rules, notice: words.notice ?? done, status: words.status)
            },
            API.Page("POST", Paths.rules, access: managing, rate: .heavy) { call in try await workRules(call) },
            API.Page("GET", Paths.plans, access: managing) { call in
                var words = FilterWords()
                let group = words.read(call.query["group"]) { try? RuleGroup($0) }
                var form = PlansForm()
                if let group { form.typed["group"] = group.description }
                let done: PageFrame.Notice? = call.query["did"] == "set" ? .planSet : nil
                return show(
                    try await plansView(call, form), call, .rules, notice: words.notice ?? done, status: words.status)
            },
            API.Page("POST", Paths.plans, access: managing) { call in try await setPlan(call) },
        ]
    }

    private func rulesView(_ call: PageCall, _ form: RulesForm) async throws -> RulesView {
        let (book, sets) = try await groupSets(call, ValidationRules.self)
        var view = RulesView(sets: sets, form: form)
        if form.typed["group"] == nil { view.form.typed["group"] = RuleGroup.all.description }
        if form.typed["rules"] == nil {
            let group = view.form.typed["group"]
            let own = book.sets.last { $0.group.description == group && $0.fromDay <= sets.today }?.value
            view.form.typed["rules"] = RulesView.pretty((own ?? .standard).json())
        }
        return view
    }

    /// What is set of a kind, and the groups it can be set for.
    private func groupSets<Value: GroupSetting>(
        _ call: PageCall, _ kind: Value.Type
    ) async throws -> (GroupBook<Value>, GroupSets) {
        let actor = try call.actor
        let today = zone(call).day(atS: services.site.clocks.businessNowMs() / 1000)
        let (book, places, names) = try await services.site.money.read { transaction in
            let book = try GroupBook<Value>.load(orgID: actor.scope.orgID, in: transaction)
            let people = Set(book.sets.map(\.setBy)).sorted()
            return (
                book, try Place.all(actor.scope, in: transaction).filter { $0.kind != .pole }.prefix(500),
                Dictionary(
                    uniqueKeysWithValues: people.map {
                        ($0, (try? Logins.find($0, actor.scope, in: transaction))?.username ?? "busbar")
                    })
            )
        }
        return (
            book,
            GroupSets(
                today: today,
                sets: book.sets.suffix(GroupSets.rowsMax).map { GroupSets.Row($0, by: names[$0.setBy] ?? "busbar") },
                groups: [(RuleGroup.all.description, "")]
                    + places.map { (RuleGroup.place($0.placeID).description, $0.name) }
                    + services.meterProfiles.sorted().map { ("profile:\($0)", $0) })
        )
    }

    private func plansView(_ call: PageCall, _ form: PlansForm) async throws -> PlansView {
        let (book, sets) = try await groupSets(call, EstimationPlan.self)
        let actor = try call.actor
        let company = try await services.site.money.read {
            try SettingRegistry(Estimator.settings).value(
                Estimator.planSetting, on: sets.today, actor.scope, in: $0)
        }
        var view = PlansView(sets: sets, company: company, form: form)
        if form.typed["group"] == nil { view.form.typed["group"] = RuleGroup.all.description }
        if form.typed["plan"] == nil {
            let group = view.form.typed["group"]
            let own = book.sets.last { $0.group.description == group && $0.fromDay <= sets.today }?.value
            view.form.typed["plan"] = own.map { RulesView.pretty($0.json()) } ?? company
        }
        return view
    }

    private func setPlan(_ call: PageCall) async throws -> Answer {
        var form = PlansForm(typed: call.form.mapValues { String($0.prefix(20_000)) })
        do {
            let group = try RuleGroup(form.typed["group"] ?? "")
            let isNone = form.typed["none"] == "1"
            let text = (form.typed["plan"] ?? "").trimmingPrefix { $0.isWhitespace }
            let plan = isNone ? nil : try estimationPlan(String(text))
            let from = try editDayNumber(form.typed["fromDay"], "fromDay")
            let why = try Reason.checked(form.typed["reason"] ?? "")
            _ = try await call.perform(
                SetEstimationPlan(group: group, plan, from: from, evenPast: form.typed["evenPast"] == "1"), why: why)
            return .seeOther("\(Paths.plans)?did=set")
        } catch let refusal as Refusal where [.invalid, .conflict, .notFound].contains(refusal.code) {
            form.refusal = refusal
            return show(
                try await plansView(call, form), call, .rules, status: refusal.code == .conflict ? 409 : 422)
        }
    }

    /// Tries the rules, or sets what was tried.
    private func workRules(_ call: PageCall) async throws -> Answer {
        let actor = try call.actor
        var form = RulesForm(typed: call.form.mapValues { String($0.prefix(20_000)) })
        do {
            let group = try RuleGroup(form.typed["group"] ?? "")
            let isNone = form.typed["none"] == "1"
            let rules = isNone ? nil : try Self.rules(form.typed["rules"] ?? "")
            let from = try editDayNumber(form.typed["fromDay"], "fromDay")
            // What was tried is what is set: other rules are tried first.
            let tried = Secret.hex(Hash.sha256(Array("\(group) \(rules?.json() ?? "none")".utf8)))
            if form.typed["do"] == "set", form.typed["tried"] == tried {
                let why = try Reason.checked(form.typed["reason"] ?? "")
                _ = try await call.perform(
                    SetValidationRules(
                        group: group, rules, from: from, evenPast: form.typed["evenPast"] == "1"), why: why)
                return .seeOther("\(Paths.rules)?did=set")
            }
            if let rules {
                guard let days = Int(form.typed["days"] ?? "7") else {
                    throw Refusal(.invalid, "From 1 to 31 days.", hint: "Ask for fewer days.", at: "days")
                }
                let desk = try await ExceptionDesk.of(services.site, actor)
                let preview = try await RulePreview.of(
                    group, rules, days: days, site: services.site, org: desk.org, actor.scope)
                let serials = try await services.site.money.read {
                    try MeterListing.serials(
                        Array(Set(preview.examples.map(\.meterID))), actor.scope, in: $0)
                }
                form.preview = RulesForm.Preview(preview, serials)
            }
            form.tried = tried
            return show(try await rulesView(call, form), call, .rules)
        } catch let refusal as Refusal where [.invalid, .conflict, .notFound].contains(refusal.code) {
            form.refusal = refusal
            return show(
                try await rulesView(call, form), call, .rules, status: refusal.code == .conflict ? 409 : 422)
        }
    }

    /// - Throws: ``Refusal`` `invalid` at `rules` that names the line.
    private static func rules(_ text: String) throws -> ValidationRules {
        do {
            _ = try JSONValue(parsing: Array(text.utf8))
        } catch {
            let line = text.utf8.prefix(error.offset).count { $0 == UInt8(ascii: "\n") } + 1
            throw Refusal(
                .invalid, "Line \(line): this is no JSON.", hint: "Compare with the standard settings.", at: "rules")
        }
        do {
            return try ValidationRules(json: text)
        } catch {
            let line = line(of: error.description, in: text).map { "Line \($0): " } ?? ""
            throw Refusal(
                .invalid, "\(line)\(error.description).", hint: "Compare with the standard settings.", at: "rules")
        }
    }

    /// The line of the setting a fault names first, `spike.floorW: …`: each part of its path after the one before.
    private static func line(of fault: String, in text: String) -> Int? {
        let path = fault.prefix { $0 != ":" }.split(separator: ".")
        var at = text.startIndex
        for name in path {
            guard let found = text[at...].firstRange(of: "\"\(name)\"") else { return nil }
            at = found.lowerBound
        }
        return path.isEmpty ? nil : text[..<at].count { $0 == "\n" } + 1
    }
}
