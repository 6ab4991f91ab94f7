// The rules of estimation by meter group and day.
import Access
import CivilTime
import MeterData
import SQL
import VEE

struct PlanSetView: APIModel {
    var group: String
    var fromDay: Day
    var plan: String?
    var setAtMs: Int64
    var setBy: ID?
    static let notes: [String: Note] = [
        "group": Note("`all`, `place:ID`, `profile:NAME` or `category:NAME`."),
        "fromDay": Note("Holds from this day on."),
        "plan": Note("The rules as JSON text; absent: from then on the group has none of its own."),
        "setAtMs": Note("When it was set, business time."), "setBy": Note("By which login; absent: the machine."),
    ]
    init(_ set: GroupRow<EstimationPlan>) {
        (group, fromDay, plan) = (set.group.description, Day(set.fromDay), set.value?.json())
        (setAtMs, setBy) = (set.setAtMs, set.setBy == 0 ? nil : ID(set.setBy))
    }
}

struct PlanBookView: APIModel {
    var sets: [PlanSetView]
    var standard: String
    var best: String
    static let notes: [String: Note] = [
        "sets": Note(
            "By group and day. Of a meter's groups the most specific one with a plan on the day holds, whole; where "
                + "none has one, the company's setting vee.estimation-plan.", itemsMax: 2000),
        "standard": Note("The plan companies start with."), "best": Note("The plan with the smallest errors."),
    ]
}

struct PlanSetChange: APIModel {
    var group: String
    var plan: String?
    var fromDay: Day?
    var evenPast: Bool?
    static let notes: [String: Note] = [
        "group": Note("`all`, `place:ID`, `profile:NAME` or `category:NAME`.", length: 1...80),
        "plan": Note(
            "A name (standard, best, a method) or the rules as JSON text; without it the group has none of its own "
                + "any more.", length: 2...20_000),
        "fromDay": Note("From this day on; without it from today."),
        "evenPast": Note("Say true to mean days that are over. Estimates that are there stay."),
    ]
    static let example = PlanSetChange(group: "category:domestic", plan: "best")
}

/// - Throws: ``Refusal`` `invalid` at `plan`, in the words of the rules.
public func estimationPlan(_ text: String) throws -> EstimationPlan {
    if let named = EstimationPlan(named: text) { return named }
    do {
        return try EstimationPlan(json: text)
    } catch {
        throw Refusal(
            .invalid, "The rules cannot be used: \(error.description).",
            hint: "Give one of \(EstimationPlan.names.joined(separator: ", ")), or rules as docs/vee.md shows them.",
            at: "plan")
    }
}

extension Endpoints {
    static let estimationPlans: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, PlanBookView>(
                "estimation.plans", "GET", "/api/v1/estimation/plans", access: .permission([.manageSettings]),
                EndpointText("Estimation rules", "Every dated plan of a group, and two to begin from."),
                outputExample: PlanBookView(
                    sets: [], standard: EstimationPlan.standard.json(), best: EstimationPlan.best.json()),
                run: { _, context in
                    try await context.read { transaction, scope in
                        let book = try PlanBook.load(orgID: scope.orgID, in: transaction)
                        return PlanBookView(
                            sets: book.sets.suffix(2000).map { PlanSetView($0) },
                            standard: EstimationPlan.standard.json(), best: EstimationPlan.best.json())
                    }
                })),
        AnyEndpoint(
            Endpoint<PlanSetChange, PlanSetView>(
                "estimation.set-plan", "PUT", "/api/v1/estimation/plans", access: .permission([.manageSettings]),
                EndpointText("Set estimation rules", "Of a group of meters, from a day on."),
                example: .example,
                outputExample: PlanSetView(
                    GroupRow(
                        group: .all, fromDay: CivilDay(number: 20_777), value: .best, setAtMs: 1_795_248_000_000,
                        setBy: 7)), problems: [.notFound, .conflict],
                run: { input, context in
                    let group = try RuleGroup(input.group)
                    let day = try await context.perform(
                        SetEstimationPlan(
                            group: group, try input.plan.map(estimationPlan), from: input.fromDay?.value,
                            evenPast: input.evenPast ?? false))
                    return try await context.read { transaction, scope in
                        let sets = try PlanBook.load(orgID: scope.orgID, in: transaction).sets
                        guard let set = sets.last(where: { $0.group == group && $0.fromDay.number == day }) else {
                            throw SQLError(.decode, "the rules just written are not there")
                        }
                        return PlanSetView(set)
                    }
                })),
    ]
}
