// Calendars of the company: what there is, one with its versions drawn, a new version, one removed.
import Access
import Packs
import Rating
import SQL
import Tariffs

struct CalendarVersionView: APIModel {
    var calendar: String
    var version: Int64
    var label: String
    var from: Day
    var to: Day?
    var isInForce: Bool
    var hasBands: Bool
    var hasHolidays: Bool
    var hasSeasons: Bool
    static let notes: [String: Note] = [
        "calendar": Note("Its name, as tariffs say it."), "version": Note("Grows with every change."),
        "label": Note("What people should know of it."), "from": Note("First day."),
        "to": Note("Last day; absent while it is open."),
        "isInForce": Note("Whether it holds on some day; a later version that began earlier took its place else."),
        "hasBands": Note("Tariffs may take bands of the day from it."),
        "hasHolidays": Note("Tariffs may take holidays from it."),
        "hasSeasons": Note("Tariffs may take seasons from it."),
    ]
    init(_ stored: StoredCalendar) {
        let one = stored.calendar
        (calendar, version, label, from) = (one.name, Int64(one.version), one.label, Day(one.validFrom))
        (to, isInForce) = (stored.isInForce ? stored.toDay.map { Day($0) } : nil, stored.isInForce)
        (hasBands, hasHolidays, hasSeasons) = (!one.rows.isEmpty, one.holidays != nil, !one.seasons.isEmpty)
    }
    private init() {
        (calendar, version, label, from) = ("tod", 2, "Time of day", PackVersionView.example.from)
        (isInForce, hasBands, hasHolidays, hasSeasons) = (true, true, true, false)
    }
    static let example = CalendarVersionView()
}

struct CalendarListView: APIModel {
    var items: [CalendarVersionView]
    static let notes: [String: Note] = ["items": Note("In order of name and version.", itemsMax: Calendars.limit)]
}

struct CalendarPath: APIModel {
    var calendar: String
    static let notes: [String: Note] = ["calendar": Note("Its name.", length: 1...64)]
}

struct CalendarView: APIModel {
    var versions: [CalendarVersionView]
    var usedBy: [String]
    var sheet: [String]
    var text: String
    static let notes: [String: Note] = [
        "versions": Note("In order of version.", itemsMax: Calendars.limit),
        "usedBy": Note("Published packs that look at it, ID@VERSION.", itemsMax: 1000),
        "sheet": Note("The versions in force drawn, line by line.", itemsMax: 10_000),
        "text": Note("The file of the latest version as it was given."),
    ]
}

struct CalendarInput: APIModel {
    var text: String
    static let notes: [String: Note] = [
        "text": Note("A calendar file, YAML or JSON.", length: 1...Calendars.bytesMax)
    ]
    static let example = CalendarInput(text: "format: 1\ncalendar: tod\n…")
}

struct CalendarStored: APIModel {
    var stored: String
    static let notes: [String: Note] = ["stored": Note("NAME@VERSION.")]
}

struct CalendarRemoved: APIModel {
    var versions: Int64
    static let notes: [String: Note] = ["versions": Note("How many it had.")]
}

extension Endpoints {
    static let calendars: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, CalendarListView>(
                "calendars.list", "GET", "/api/v1/calendars", access: .permission([.readAccounts]),
                EndpointText("List calendars", "Bands, holidays and seasons that tariffs share, all versions."),
                outputExample: CalendarListView(items: [.example]),
                run: { _, context in
                    try await context.read { transaction, scope in
                        CalendarListView(
                            items: try Calendars.list(scope, in: transaction).map { CalendarVersionView($0) })
                    }
                })),
        AnyEndpoint(
            Endpoint<CalendarPath, CalendarView>(
                "calendars.read", "GET", "/api/v1/calendars/{calendar}", access: .permission([.readAccounts]),
                EndpointText("Read a calendar", "Its versions drawn, who uses it, and the file of the latest."),
                example: CalendarPath(calendar: "tod"),
                outputExample: CalendarView(
                    versions: [.example], usedBy: ["LT-DOMESTIC@3"], sheet: ["tod, version 2, from 2026-04-01"],
                    text: "format: 1"), problems: [.notFound],
                run: { input, context in
                    try await context.read { transaction, scope in
                        let found = try Calendars.list(named: input.calendar, scope, in: transaction)
                        guard let last = found.last else {
                            throw Refusal(
                                .notFound, "There is no calendar \(input.calendar).", at: "calendar")
                        }
                        return CalendarView(
                            versions: found.map { CalendarVersionView($0) },
                            usedBy: try Calendars.users(of: input.calendar, scope, in: transaction).map {
                                "\($0.packID)@\($0.version)"
                            }, sheet: found.filter(\.isInForce).flatMap(\.calendar.sheet), text: last.text)
                    }
                })),
        AnyEndpoint(
            Endpoint<CalendarInput, CalendarStored>(
                "calendars.add", "POST", "/api/v1/calendars", access: .permission([.draftPacks]),
                EndpointText(
                    "Store a version of a calendar",
                    "It begins after the last day charged by a pack that uses the calendar. Once a published pack "
                        + "uses it, it waits for a second person: 202, and 201 once it is confirmed."),
                example: .example, outputExample: CalendarStored(stored: "tod@3"), status: 201,
                bodyLimitBytes: 200_000, problems: [.conflict],
                run: { input, context in
                    CalendarStored(stored: try await context.ask(StoreCalendar(text: input.text)))
                }
            ).forTwo),
        AnyEndpoint(
            Endpoint<CalendarPath, CalendarRemoved>(
                "calendars.remove", "DELETE", "/api/v1/calendars/{calendar}", access: .permission([.draftPacks]),
                EndpointText("Remove a calendar", "All its versions; refused while a published pack uses it."),
                example: CalendarPath(calendar: "tod"), outputExample: CalendarRemoved(versions: 2),
                problems: [.notFound, .conflict],
                run: { input, context in
                    CalendarRemoved(
                        versions: Int64(try await context.perform(RemoveCalendar(calendar: input.calendar))))
                })),
    ]
}
