// The rules of validation by meter group and day, what other rules would say, and validation run again.
import Access
import CivilTime
import Clocks
import Grid
import MeterData
import Meters
import SQL
import VEE

struct RuleSetView: APIModel {
    var group: String
    var fromDay: Day
    var rules: String?
    var setAtMs: Int64
    var setBy: ID?
    static let notes: [String: Note] = [
        "group": Note("`all`, `place:ID`, `profile:NAME` or `category:NAME`."),
        "fromDay": Note("Holds from this day on."),
        "rules": Note("The settings as JSON text; absent: from then on the group has none of its own."),
        "setAtMs": Note("When it was set, business time."), "setBy": Note("By which login; absent: the machine."),
    ]
    init(_ set: GroupRow<ValidationRules>) {
        (group, fromDay, rules) = (set.group.description, Day(set.fromDay), set.value?.json())
        (setAtMs, setBy) = (set.setAtMs, set.setBy == 0 ? nil : ID(set.setBy))
    }
}

struct RuleBookView: APIModel {
    var sets: [RuleSetView]
    var standard: String
    var everything: String
    static let notes: [String: Note] = [
        "sets": Note(
            "By group and day. Of a meter's groups the most specific one with rules on the day holds, whole: place "
                + "(the nearest first), profile, category, all.", itemsMax: 2000),
        "standard": Note("The rules where nobody set any."),
        "everything": Note("All checks switched on, as a text to begin from."),
    ]
}

struct RuleSetChange: APIModel {
    var group: String
    var rules: String?
    var fromDay: Day?
    var evenPast: Bool?
    static let notes: [String: Note] = [
        "group": Note("`all`, `place:ID`, `profile:NAME` or `category:NAME`.", length: 1...80),
        "rules": Note(
            "The settings as JSON text; without it the group has none of its own any more.", length: 2...20_000),
        "fromDay": Note("From this day on; without it from today."),
        "evenPast": Note("Say true to mean days that are over. What is stored changes when validation runs again."),
    ]
    static let example = RuleSetChange(group: "all", rules: ValidationRules.standard.json())
}

struct RulePreviewQuery: APIModel {
    var group: String
    var rules: String
    var days: Int
    static let notes: [String: Note] = [
        "group": Note("Whose meters are looked at.", length: 1...80),
        "rules": Note("The settings as JSON text.", length: 2...20_000),
        "days": Note("So many days back from yesterday.", range: 1...31),
    ]
    static let example = RulePreviewQuery(group: "all", rules: ValidationRules.standard.json(), days: 7)
}

struct RulePreviewExample: APIModel {
    var meterID: ID
    var day: Day
    var rule: String
    var severity: Severity
    var message: String
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "day": Note("The day."), "rule": Note("The rule."),
        "severity": Note("Its weight."), "message": Note("What would be found."),
    ]
}

struct RulePreviewView: APIModel {
    var metersInGroup: Int
    var metersLooked: Int
    var meterDays: Int
    var heldMeterDays: Int
    var counts: [ReadingExceptionCount]
    var examples: [RulePreviewExample]
    static let notes: [String: Note] = [
        "metersInGroup": Note("Meters of the group."),
        "metersLooked": Note("Of these, looked at: at most 200, picked evenly."),
        "meterDays": Note("Stored meter-days looked at."), "heldMeterDays": Note("Those with a hard finding."),
        "counts": Note("Findings by rule and weight.", itemsMax: 200), "examples": Note("The first 50.", itemsMax: 50),
    ]
    init(_ preview: RulePreview) {
        (metersInGroup, metersLooked) = (preview.metersInGroup, preview.metersLooked)
        (meterDays, heldMeterDays) = (preview.meterDays, preview.heldMeterDays)
        counts = preview.counts.map { ReadingExceptionCount(rule: $0.rule, severity: $0.severity, count: $0.count) }
        examples = preview.examples.map {
            RulePreviewExample(
                meterID: ID($0.meterID), day: Day($0.day), rule: $0.finding.rule.rawValue,
                severity: $0.finding.severity, message: $0.finding.message)
        }
    }
}

struct ValidationAgain: APIModel {
    var meterIDs: [ID]?
    var placeID: ID?
    var fromDay: Day
    var toDay: Day
    var reason: String
    static let notes: [String: Note] = [
        "meterIDs": Note("Which meters, at most 1000.", itemsMax: 1000),
        "placeID": Note("Or all meters at this place and below, when there are at most 1000."),
        "fromDay": Note("First day."), "toDay": Note("Last day; at most 31 days."),
        "reason": Note("Why, 3 to 200 characters.", length: 0...200),
    ]
    static let example = ValidationAgain(
        meterIDs: [ID(1001)], fromDay: Day(CivilDay(number: 20_770)), toDay: Day(CivilDay(number: 20_776)),
        reason: "the rules have changed")
}

struct ReadingTaskPath: APIModel {
    var taskID: ID
    static let notes: [String: Note] = ["taskID": Note("The wish.")]
}

/// - Throws: ``Refusal`` `invalid` at `rules`, in the words of the settings.
func validationRules(_ text: String) throws -> ValidationRules {
    do {
        return try ValidationRules(json: text)
    } catch {
        throw Refusal(
            .invalid, "The settings cannot be used: \(error.description).",
            hint: "GET /api/v1/validation/rules shows the standard settings.", at: "rules")
    }
}

extension Endpoints {
    static let validation: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, RuleBookView>(
                "validation.rules", "GET", "/api/v1/validation/rules", access: .permission([.manageSettings]),
                EndpointText("Validation rules", "Every dated set of a group, and the standard."),
                outputExample: RuleBookView(
                    sets: [], standard: ValidationRules.standard.json(), everything: ValidationRules.all.json()),
                run: { _, context in
                    try await context.read { transaction, scope in
                        let book = try RuleBook.load(orgID: scope.orgID, in: transaction)
                        return RuleBookView(
                            sets: book.sets.suffix(2000).map { RuleSetView($0) },
                            standard: ValidationRules.standard.json(), everything: ValidationRules.all.json())
                    }
                })),
        AnyEndpoint(
            Endpoint<RuleSetChange, RuleSetView>(
                "validation.set-rules", "PUT", "/api/v1/validation/rules", access: .permission([.manageSettings]),
                EndpointText("Set validation rules", "Of a group of meters, from a day on. Preview them first."),
                example: .example,
                outputExample: RuleSetView(
                    GroupRow(
                        group: .all, fromDay: CivilDay(number: 20_777), value: .standard, setAtMs: 1_795_248_000_000,
                        setBy: 7)), problems: [.notFound, .conflict],
                run: { input, context in
                    let group = try RuleGroup(input.group)
                    let day = try await context.perform(
                        SetValidationRules(
                            group: group, try input.rules.map(validationRules), from: input.fromDay?.value,
                            evenPast: input.evenPast ?? false))
                    return try await context.read { transaction, scope in
                        let sets = try RuleBook.load(orgID: scope.orgID, in: transaction).sets
                        guard let set = sets.last(where: { $0.group == group && $0.fromDay.number == day }) else {
                            throw SQLError(.decode, "the rules just written are not there")
                        }
                        return RuleSetView(set)
                    }
                })),
        AnyEndpoint(
            Endpoint<RulePreviewQuery, RulePreviewView>(
                "validation.preview", "POST", "/api/v1/validation/preview", access: .permission([.manageSettings]),
                EndpointText("What rules would flag", "A dry run on what is stored; nothing is written."),
                example: .example, outputExample: RulePreviewView(RulePreview()), rate: .heavy,
                run: { input, context in
                    let desk = try await ExceptionDesk.of(context.services.site, context.actor)
                    return RulePreviewView(
                        try await RulePreview.of(
                            try RuleGroup(input.group), try validationRules(input.rules), days: input.days,
                            site: desk.site, org: desk.org, try context.actor.scope))
                })),
        AnyEndpoint(
            Endpoint<ValidationAgain, ReadingTaskView>(
                "validation.again", "POST", "/api/v1/validation/again", access: .permission([.editReadings]),
                EndpointText(
                    "Validate again",
                    "By the rules of each day, over what is stored. What did not change stays; the rest becomes "
                        + "a new version of its day and is priced again. The job `validate` finishes a large wish."
                ),
                example: .example, outputExample: .example, rate: .heavy, problems: [.notFound],
                run: { try await again($0, $1) })),
        AnyEndpoint(
            Endpoint<ReadingTaskPath, ReadingTaskView>(
                "validation.task", "GET", "/api/v1/validation/tasks/{taskID}", access: .permission([.editReadings]),
                EndpointText("How far a wish is", "About exceptions, or validation run again."),
                example: ReadingTaskPath(taskID: ID(77)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    let desk = try await ExceptionDesk.of(context.services.site, context.actor)
                    let task = try await VEEWork(site: desk.site, org: desk.org).find(input.taskID.value)
                    // Who is confined to places sees what he asked for himself.
                    guard try context.actor.scope.isWholeCompany || task.loginID == context.actor.loginID else {
                        throw Refusal(.notFound, "There is no such task.")
                    }
                    return ReadingTaskView(task)
                })),
    ]

    private static func again(_ input: ValidationAgain, _ context: EndpointContext) async throws -> ReadingTaskView {
        let desk = try await ExceptionDesk.of(context.services.site, context.actor)
        var meterIDs = input.meterIDs?.map(\.value) ?? []
        if let placeID = input.placeID?.value {
            guard input.meterIDs == nil else {
                throw Refusal(.invalid, "Name meters or a place, not both.", at: "placeID")
            }
            let day = input.toDay.value
            meterIDs = try await context.read { transaction, scope in
                _ = try Place.find(placeID, scope, in: transaction)
                let branch = Scope(orgID: scope.orgID, placeIDs: [placeID])
                return try Installation.all(on: day, branch, in: transaction).map(\.meterID)
            }
            guard (1...ValidateAgain.metersMax).contains(meterIDs.count) else {
                throw Refusal(
                    .invalid,
                    "There are \(meterIDs.count) meters at this place; from 1 to \(ValidateAgain.metersMax) "
                        + "go at once.", hint: "Choose a place further down.", at: "placeID")
            }
        }
        let task = try await desk.again(
            meterIDs: meterIDs, from: input.fromDay.value, to: input.toDay.value, reason: input.reason,
            source: context.actor.source(address: context.call.remoteAddress))
        return ReadingTaskView(task)
    }
}
