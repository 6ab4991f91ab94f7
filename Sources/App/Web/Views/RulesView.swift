// RulesView: the validation rules by group and day, in force, coming and past; and a form that tries rules before it
// sets them; GroupSets: what it shares with the plans of estimation. Shows; holds no rule.
import API
import Access
import CivilTime
import MeterData
import VEE

/// What somebody typed to set rules, what was wrong with it, and what they would find.
public struct RulesForm: Sendable {
    public struct Preview: Sendable {
        public var metersInGroup: Int
        public var metersLooked: Int
        public var meterDays: Int
        public var heldMeterDays: Int
        public var counts: [(rule: String, isHard: Bool, count: Int)]
        public var examples: [(meter: Int64, serial: String, day: CivilDay, rule: String, message: String)]
    }
    public var typed: [String: String] = [:]
    public var refusal: Refusal?
    public var preview: Preview?
    /// Proof that these rules were tried; nil until then.
    public var tried: String?
    public init(typed: [String: String] = [:]) { self.typed = typed }
}

extension RulesForm.Preview {
    init(_ preview: RulePreview, _ serials: [Int64: String]) {
        self.init(
            metersInGroup: preview.metersInGroup, metersLooked: preview.metersLooked, meterDays: preview.meterDays,
            heldMeterDays: preview.heldMeterDays,
            counts: preview.counts.map { ($0.rule, $0.severity == .hard, $0.count) },
            examples: preview.examples.prefix(20).map {
                ($0.meterID, serials[$0.meterID] ?? "", $0.day, $0.finding.rule.rawValue, $0.finding.message)
            })
    }
}

/// What is set by group and day, as a page shows it.
public struct GroupSets: Sendable {
    /// Dated rows shown, the last ones.
    static let rowsMax = 500

    public struct Row: Sendable {
        public var group: String
        public var fromDay: CivilDay
        /// JSON; nil: from then on the group has none of its own.
        public var rules: String?
        public var setAtMs: Int64
        public var by: String
    }

    public var today: CivilDay
    /// In order of group and day.
    public var sets: [Row]
    /// Words of groups that may be chosen, with a name.
    public var groups: [(word: String, name: String)]
}

public struct RulesView: Page {
    public static let template = "rules"
    public var sets: GroupSets
    public var form: RulesForm

    /// Two spaces a level, for people; as it came when it is no JSON.
    static func pretty(_ json: String) -> String { (try? JSONValue(parsing: Array(json.utf8)))?.pretty ?? json }
}

extension GroupSets.Row {
    init<Value>(_ set: GroupRow<Value>, by: String) {
        self.init(
            group: set.group.description, fromDay: set.fromDay, rules: set.value?.json(), setAtMs: set.setAtMs, by: by)
    }
}

extension GroupSets {
    /// Of each group the row that holds today, where it has something of its own.
    var current: [(offset: Int, element: Row)] {
        var last: [String: Int] = [:]
        for (index, one) in sets.enumerated() where one.fromDay <= today { last[one.group] = index }
        return last.values.sorted().map { ($0, sets[$0]) }.filter { $0.1.rules != nil }
    }

    func name(_ group: String, _ w: Wording) -> Markup {
        if group == RuleGroup.all.description { return w.say("rules.allMeters") }
        let name = groups.first { $0.word == group }?.name ?? ""
        return name.isEmpty || group.hasSuffix(name) ? "\(group)" : "\(name) <small class=\"q\">\(group)</small>"
    }

    /// Name of the group, since when and by whom.
    func head(_ one: Row, _ w: Wording) -> Fields {
        Fields([
            "name": name(one.group, w),
            "since": w.say(
                "rules.since",
                [
                    "day": w.fullDay(one.fromDay), "who": "\(one.by)",
                    "when": w.timeTag(one.setAtMs, w.moment(one.setAtMs)),
                ]),
        ])
    }

    /// What a page of them shows: the addresses, what is in force with what holds for the rest, and the other rows.
    func page(lede: Markup, groups: [Fields], _ w: Wording) -> Fields {
        let others = others(w)
        var row = Fields([
            "queueHref": "\(Paths.queue)", "rulesHref": "\(Paths.rules)", "plansHref": "\(Paths.plans)", "lede": lede,
        ])
        row.set("groups", groups)
        row.set("others", others)
        row.set("hasOthers", !others.isEmpty)
        return row
    }

    /// The form that sets one, with what was typed and what is wrong with it. `group` is the field of what names none.
    func setForm(
        _ fields: [String], to action: String, typed: [String: String], _ refusal: Refusal?, _ row: inout Fields,
        _ w: Wording
    ) {
        row.set("action", action)
        row.set("options", groups.map { Fields(["word": "\($0.word)", "name": "\($0.name)"]) })
        for field in fields { row.set("in_\(field)", typed[field] ?? "") }
        if typed["fromDay"] == nil { row.set("in_fromDay", today.description) }
        row.set("none", typed["none"] == "1")
        row.set("evenPast", typed["evenPast"] == "1")
        let wrong = refusal?.at.flatMap { fields.contains($0) ? $0 : nil } ?? "group"
        for field in fields { row.set("error_\(field)", field == wrong ? refusal.map { w.refusal($0) } : nil) }
        row.set("errors", w.errors(refusal, otherwise: "group") { fields.contains($0) ? $0 : nil })
    }

    /// Rows that hold no more or not yet, the last first.
    func others(_ w: Wording) -> [Fields] {
        let inForce = current
        return sets.indices.reversed().filter { index in !inForce.contains { $0.offset == index } }.map { index in
            let one = sets[index]
            return Fields([
                "name": name(one.group, w), "from": w.fullDay(one.fromDay), "by": "\(one.by)",
                "what": one.rules == nil ? w.say("rules.noneOwn") : w.say("rules.own"),
                "state": one.fromDay > today
                    ? w.chip(.info, w.say("rules.coming")) : w.chip(.idle, w.say("rules.past")),
                "text": "\(one.rules.map { RulesView.pretty($0) } ?? "")",
            ])
        }
    }
}

/// `Lowest load, W: 1000 (floorW)`: a setting of a check or of a way to estimate, by its name for people and beside it
/// the one that stands in the text.
func settingWords(_ name: String, _ value: Markup, _ w: Wording) -> Markup {
    let known: Set<String> = [
        "rules.set.withoutRegister", "rules.set.registerToleranceWh", "rules.set.minutes",
        "rules.set.percentOfSanctioned", "rules.set.percentAboveThird", "rules.set.impossiblePercentOfSanctioned",
        "rules.set.floorW", "rules.set.maximumDriftS", "rules.set.minimumPercent", "rules.set.maximumPercent",
        "rules.set.days", "rules.set.minimumDays", "rules.set.floorWh", "rules.set.unitWh", "rules.set.toleranceWh",
        "rules.set.minimumDistinct", "rules.set.softDriftS", "rules.set.nominalMV", "rules.set.maximumMA",
        "rules.set.percent", "rules.set.minimumEvents", "rules.set.maximumGapMinutes", "rules.set.shape",
    ]
    let key = "rules.set.\(name)"
    return known.contains(key)
        ? "\(w.say(key)): \(value) <span class=\"id q\">\(name)</span>" : "\(name): \(value)"
}

extension RulesView: PageContent {
    func title(_ w: Wording) -> Markup {
        form.refusal == nil ? w.say("rules.title") : w.say("title.error", ["title": w.say("rules.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let inForce = sets.current
        var row = sets.page(
            lede: inForce.isEmpty ? w.say("rules.ledeStandard") : w.count("rules.lede", inForce.count),
            groups: inForce.map { groupRow($0.element, w) } + [standard(w)], w)
        row.set("preview", form.preview.map { [previewValues($0, w)] } ?? [])
        sets.setForm(
            ["group", "rules", "fromDay", "days", "reason"], to: Paths.rules, typed: form.typed, form.refusal, &row, w)
        if form.typed["days"] == nil { row.set("in_days", "7") }
        row.set("tried", form.tried)
        row.set("everything", Self.pretty(ValidationRules.all.json()))
        return row
    }

    private func groupRow(_ one: GroupSets.Row, _ w: Wording) -> Fields {
        var row = sets.head(one, w)
        row.set("changeHref", Paths.rules(group: one.group))
        row.set("checks", checks(one.rules ?? "", w))
        return row
    }

    private func standard(_ w: Wording) -> Fields {
        var row = Fields([
            "name": w.say("rules.standard"), "since": w.say("rules.standardNote"), "changeHref": "\(Paths.rules)#set",
        ])
        row.set("checks", checks(ValidationRules.standard.json(), w))
        return row
    }

    /// A line for each check that is switched on.
    private func checks(_ json: String, _ w: Wording) -> [Fields] {
        guard case .object(let fields) = try? JSONValue(parsing: Array(json.utf8)) else { return [] }
        return fields.keys.sorted().compactMap { key in
            guard key != "format", let value = fields[key], value != .null else { return nil }
            return Fields(["name": checkWords(key, w), "settings": settings(value, of: key, w)])
        }
    }

    private func checkWords(_ key: String, _ w: Wording) -> Markup {
        switch key {
        case "zero": ruleWords("zeroConsumption", w)
        case "outageContext": ruleWords("consumptionInOutage", w)
        case "tamperContext": ruleWords("tamper", w)
        case "severities": w.say("queue.weight")
        default: ruleWords(key, w)
        }
    }

    private func settings(_ value: JSONValue, of check: String, _ w: Wording) -> Markup {
        guard case .object(let fields) = value else { return word(value, w) }
        return fields.keys.sorted().map { key in
            let inner = fields[key] ?? .null
            return check == "severities"
                ? "\(ruleWords(key, w)): \(word(inner, w)) <span class=\"id q\">\(key)</span>"
                : settingWords(key, word(inner, w), w)
        }.joined(" · ")
    }

    private func word(_ value: JSONValue, _ w: Wording) -> Markup {
        switch value {
        case .string("hard"): w.say("queue.hard")
        case .string("warning"): w.say("queue.soft")
        case .bool(true): w.say("rules.on")
        default: "\(value.text ?? value.compact)"
        }
    }

    private func previewValues(_ preview: RulesForm.Preview, _ w: Wording) -> Fields {
        var row = Fields()
        row.set(
            "words",
            w.say(
                "rules.previewWords",
                [
                    "looked": "\(w.number(preview.metersLooked))", "all": "\(w.number(preview.metersInGroup))",
                    "days": "\(w.number(preview.meterDays))", "held": "\(w.number(preview.heldMeterDays))",
                ]))
        row.set(
            "counts",
            preview.counts.map { one in
                Fields([
                    "rule": ruleWords(one.rule, w),
                    "weight": one.isHard ? w.chip(.bad, w.say("queue.hard")) : w.chip(.warn, w.say("queue.soft")),
                    "count": "\(w.number(one.count))",
                ])
            })
        row.set("hasCounts", !preview.counts.isEmpty)
        row.set(
            "examples",
            preview.examples.map { one in
                Fields([
                    "meter": w.link(Paths.meter(one.meter, day: one.day, days: 1), "\(one.serial)"),
                    "day": w.shortDay(one.day), "rule": ruleWords(one.rule, w), "message": w.said(one.message),
                ])
            })
        return row
    }
}

extension Paths {
    static let rules = "/validation-rules"
    static func rules(group: String) -> String { "\(rules)?group=\(encoded(group))#set" }
}
