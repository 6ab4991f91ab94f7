// PlansView: the rules of estimation by group and day, in force, coming and past, and a form that sets them. Shows;
// holds no rule.
import API
import Access
import CivilTime
import MeterData
import VEE

/// What somebody typed to set a plan, and what was wrong with it.
public struct PlansForm: Sendable {
    public var typed: [String: String] = [:]
    public var refusal: Refusal?
    public init(typed: [String: String] = [:]) { self.typed = typed }
}

public struct PlansView: Page {
    public static let template = "plans"
    public var sets: GroupSets
    /// The company's setting: holds where no group of a meter has a plan. A name, or JSON.
    public var company: String
    public var form: PlansForm
}

extension PlansView: PageContent {
    func title(_ w: Wording) -> Markup {
        form.refusal == nil ? w.say("plans.title") : w.say("title.error", ["title": w.say("plans.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let inForce = sets.current
        var row = sets.page(
            lede: inForce.isEmpty ? w.say("plans.ledeCompany") : w.count("plans.lede", inForce.count),
            groups: inForce.map { groupRow($0.element, w) } + [companyRow(w)], w)
        row.set("estimatesHref", Paths.estimates)
        sets.setForm(
            ["group", "plan", "fromDay", "reason"], to: Paths.plans, typed: form.typed, form.refusal, &row, w)
        row.set("names", w.say("plans.names", ["names": "\(EstimationPlan.names.joined(separator: ", "))"]))
        row.set("best", RulesView.pretty(EstimationPlan.best.json()))
        return row
    }

    private func groupRow(_ one: GroupSets.Row, _ w: Wording) -> Fields {
        var row = sets.head(one, w)
        row.set("changeHref", Paths.plans(group: one.group))
        row.set("ways", ways(one.rules ?? "", w))
        return row
    }

    private func companyRow(_ w: Wording) -> Fields {
        var row = Fields([
            "name": w.say("plans.company"),
            "since": "\(w.say("plans.companyNote")) <span class=\"id q\">\(Estimator.planSetting)</span>",
        ])
        row.set("changeHref", nil as String?)
        row.set("ways", ways(company, w))
        return row
    }

    /// A line for each way to estimate, in the order in which they are tried.
    private func ways(_ text: String, _ w: Wording) -> [Fields] {
        guard let plan = try? estimationPlan(text) else { return [] }
        return plan.rules.enumerated().map { index, rule in
            var settings: [Markup] = []
            func add(_ name: String, _ value: Markup?) {
                if let value { settings.append(settingWords(name, value, w)) }
            }
            func number(_ value: Int?) -> Markup? { value.map { "\(w.number($0))" } }
            add("shape", rule.shape?.words(w))
            add("maximumGapMinutes", number(rule.maximumGapMinutes))
            add("days", number(rule.days))
            add("minimumDays", number(rule.minimumDays))
            add("registerToleranceWh", rule.registerToleranceWh.map { "\(w.number($0))" })
            return Fields([
                "place": "\(index + 1)", "name": rule.method.words(w), "settings": settings.joined(" · "),
            ])
        }
    }
}

extension Paths {
    static let plans = "/estimation-plans"
    static func plans(group: String) -> String { "\(plans)?group=\(encoded(group))#set" }
}
