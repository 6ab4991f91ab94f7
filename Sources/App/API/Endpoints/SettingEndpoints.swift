// Business rules of the caller's company: what is in force, what is planned, and a change from a day on.
import Access
import CivilTime
import Clocks

struct SettingView: APIModel {
    var name: String
    var value: String
    var hint: String
    var fromDay: Day?
    var nextValue: String?
    var nextFromDay: Day?

    static let notes: [String: Note] = [
        "name": Note("The setting."), "value": Note("In force today."),
        "hint": Note("What it does and how its value is written."),
        "fromDay": Note("Since when; absent when it was never set."), "nextValue": Note("The next planned value."),
        "nextFromDay": Note("From when the next value holds."),
    ]

    init(_ state: SettingState, hint: String) {
        name = state.name
        value = state.value
        self.hint = hint
        fromDay = state.fromDay.map { Day(CivilDay(number: $0)) }
        nextValue = state.nextValue
        nextFromDay = state.nextFromDay.map { Day(CivilDay(number: $0)) }
    }

    static let example = SettingView(
        SettingState(name: "supply.warn-below-paise", value: "10000", fromDay: 20_500),
        hint: "A consumer is warned below this balance. A whole number from 0 to 1000000.")
}

struct SettingList: APIModel {
    var items: [SettingView]
    static let notes: [String: Note] = ["items": Note("In order of their names.")]
}

struct SettingChange: APIModel {
    var name: String
    var value: String
    var fromDay: Day?
    static let notes: [String: Note] = [
        "name": Note("The setting.", length: 1...64),
        "value": Note("The new value, written as the setting's hint says.", length: 0...1000),
        "fromDay": Note("From this day on; without it from today. Never in the past."),
    ]
}

extension Endpoints {
    static let settings: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, SettingList>(
                "settings.list", "GET", "/api/v1/settings", access: .permission([.manageSettings]),
                EndpointText("List settings", "Every known setting with the value in force today and the next change."),
                outputExample: SettingList(items: [.example]),
                run: { _, context in
                    let registry = context.services.settings
                    let nowS = context.services.site.clocks.businessNowMs() / 1000
                    let states = try await context.read { transaction, scope in
                        let today = try Org.find(scope.orgID, in: transaction).zone.day(atS: nowS)
                        return try registry.states(on: today, scope, in: transaction)
                    }
                    return SettingList(items: try states.map { SettingView($0, hint: try registry.kind($0.name).hint) })
                })),
        AnyEndpoint(
            Endpoint<SettingChange, SettingView>(
                "settings.set", "PUT", "/api/v1/settings/{name}", access: .permission([.manageSettings]),
                EndpointText(
                    "Set a setting",
                    "Holds from a day on; the past stays as it was. Rules of money wait for a second person: 202."),
                example: SettingChange(name: "supply.warn-below-paise", value: "10000", fromDay: nil),
                outputExample: .example, problems: [.notFound],
                run: { input, context in
                    let command = try SetSetting(
                        input.name, to: input.value, from: input.fromDay?.value, in: context.services.settings)
                    return SettingView(try await context.ask(command), hint: command.kind.hint)
                }
            ).forTwo),
    ]
}
