// `busbar vee rules|set-rules|plans|set-plan|preview|again`: the rules of validation and of estimation by meter group
// and day, what others would flag, and validation run again. The same commands as the pages and the API.
import API
import Access
import CivilTime
import MeterData
import Meters
import SQL
import VEE

/// Every dated set of what is set by group, then what is there to begin from.
private func listGroupSettings<Value: GroupSetting>(
    _: Value.Type, named: [(name: String, value: Value)], note: String, _ site: SiteOptions, orgID: Int64?, json: Bool,
    _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let book = try await open.site.money.read { try GroupBook<Value>.load(orgID: org.orgID, in: $0) }
        for set in book.sets {
            if json {
                var row = [
                    "group": set.group.description, "fromDay": set.fromDay.description, "setBy": String(set.setBy),
                ]
                row[Value.column] = set.value?.json()
                try console.say(json: row)
            } else {
                console.say("\(set.group)  from \(set.fromDay)  \(set.value?.json() ?? "none of its own")")
            }
        }
        if !json {
            for (name, value) in named { console.say("\(name)  \(value.json())") }
            console.note(note)
        }
        return .done
    }
}

/// - Throws: ``Complaint`` that names the file.
private func readGroupSetting<Value: GroupSetting>(_ file: String, hint: String) throws -> Value {
    let json = String(decoding: try readFile(file, limit: 100_000), as: UTF8.self)
    do {
        return try Value(json: json)
    } catch {
        throw Complaint("\(file): \(error.description)", hint: hint, .usage)
    }
}

/// Sets it for a group from a day on; nil takes the group's own away.
private func setForGroup<Value: GroupSetting>(
    _ value: Value?, _ group: String, from: String?, evenPast: Bool, _ site: SiteOptions, orgID: Int64?,
    _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let day = try await naming(optionNames) {
            let command = SetForGroup<Value>(
                group: try RuleGroup(group), value, from: try from.map { try typedDay($0, "--from") },
                evenPast: evenPast)
            return try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli")
        }
        let words = value == nil ? "no \(Value.column) of its own" : "set"
        console.say("\(group): \(words) from \(CivilDay(number: day)) on.")
        return .done
    }
}

/// Every dated set, the standard with them.
public func listValidationRules(
    _ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    try await listGroupSettings(
        ValidationRules.self, named: [("standard", .standard)],
        note: "All checks switched on, to begin from: \(ValidationRules.all.json())", site, orgID: orgID, json: json,
        console)
}

public struct ValidationRulesOptions: Sendable {
    public var orgID: Int64?
    public var group: String
    /// File of settings; nil takes the group's own rules away.
    public var file: String?
    public init(orgID: Int64?, group: String, file: String?) {
        self.orgID = orgID
        self.group = group
        self.file = file
    }

    fileprivate func rules() throws -> ValidationRules? {
        try file.map { try readGroupSetting($0, hint: "`busbar vee rules` shows the standard settings.") }
    }
}

/// A day as typed.
func typedDay(_ text: String, _ option: String) throws -> CivilDay {
    guard let day = CivilDay(text) else {
        throw Complaint("\(option): \(text.prefix(40)) is no day", hint: "Write it as 2026-11-20.", .usage)
    }
    return day
}

/// Refusals of commands name fields of the API; at a terminal they name the options that give them.
func naming<Value>(_ options: [String: String], _ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch var refusal as Refusal {
        refusal.at = refusal.at.map { options[$0] ?? $0 }
        refusal.hint = refusal.hint.replacing("(evenPast)", with: "(--even-past)")
            .replacing("GET /api/v1/places shows them.", with: "`busbar place list` shows them.")
        throw refusal
    }
}

private let optionNames = [
    "group": "GROUP", "fromDay": "--from", "from": "--from", "to": "--to", "toDay": "--to", "days": "--days",
    "reason": "--reason", "plan": "PLAN", "meterIDs": "--meter",
]

public func setValidationRules(
    _ site: SiteOptions, _ options: ValidationRulesOptions, from: String?, evenPast: Bool, _ console: Console
) async throws -> CommandStatus {
    try await setForGroup(
        try options.rules(), options.group, from: from, evenPast: evenPast, site, orgID: options.orgID, console)
}

/// Every dated plan of estimation, the company's own and the two to begin from.
public func listEstimationPlans(
    _ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    try await listGroupSettings(
        EstimationPlan.self, named: [("standard", .standard), ("best", .best)],
        note: "Where no group of a meter has a plan, the setting \(Estimator.planSetting) holds.", site, orgID: orgID,
        json: json, console)
}

/// Sets the plan of a group: a name, or a file; nil takes the group's own plan away.
public func setEstimationPlan(
    _ site: SiteOptions, orgID: Int64?, group: String, plan text: String?, from: String?, evenPast: Bool,
    _ console: Console
) async throws -> CommandStatus {
    let plan: EstimationPlan? = try text.map { text in
        try EstimationPlan(named: text)
            ?? readGroupSetting(text, hint: "`busbar vee plans` shows two to begin from.")
    }
    return try await setForGroup(plan, group, from: from, evenPast: evenPast, site, orgID: orgID, console)
}

public func previewValidationRules(
    _ site: SiteOptions, _ options: ValidationRulesOptions, days: Int, _ console: Console
) async throws -> CommandStatus {
    let rules = try options.rules() ?? .standard
    return try await withSite(site) { open in
        let org = try await open.org(options.orgID)
        let preview = try await naming(optionNames) {
            try await RulePreview.of(
                try RuleGroup(options.group), rules, days: days, site: open.site, org: org, Scope(orgID: org.orgID))
        }
        console.say(
            "\(preview.meterDays) meter-days of \(preview.metersLooked) of \(preview.metersInGroup) meters; "
                + "\(preview.heldMeterDays) would be held.")
        for count in preview.counts { console.say("\(count.rule)  \(count.severity.rawValue)  \(count.count)") }
        for example in preview.examples.prefix(10) {
            console.note("meter \(example.meterID), \(example.day): \(example.finding.message)")
        }
        return .done
    }
}

/// Validates some days of some meters again, by the rules of each day.
public func validateAgain(
    _ site: SiteOptions, orgID: Int64?, serials: [String], from: String, to: String?, reason: String,
    _ console: Console
) async throws -> CommandStatus {
    let (first, last) = (try typedDay(from, "--from"), try typedDay(to ?? from, "--to"))
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let meterIDs = try await open.site.money.read { transaction in
            try serials.map { serial in
                guard let meter = try Meter.find(serial: serial, Scope(orgID: org.orgID), in: transaction) else {
                    throw Refusal(.notFound, "There is no meter \(serial).", at: "--meter")
                }
                return meter.meterID
            }
        }
        let taskID = try await naming(optionNames) {
            try await open.site.perform(
                ValidateAgain(meterIDs: meterIDs, from: first, to: last, reason: reason),
                as: .system(orgID: org.orgID), source: "cli")
        }
        let task = try await VEEWork(site: open.site, org: org).finish(taskID)
        console.say("\(task.doneCount) meter-days changed.")
        return .done
    }
}
