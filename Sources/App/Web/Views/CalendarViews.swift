// CalendarsView: the calendars that tariffs share, with who uses them; CalendarPageView: one with its versions drawn.
// They show; Packs says what there is.
import API
import Access
import CivilTime
import Packs
import Tariffs

public struct CalendarsView: Page {
    public static let template = "calendars"
    /// Versions in force on some day, in order of name and version.
    var calendars: [StoredCalendar]
    /// Ids of packs by name of the calendar.
    var users: [String: [String]]
}

public struct CalendarPageView: Page {
    public static let template = "calendar"
    var versions: [StoredCalendar]
    var users: [String]
}

private func span(_ stored: StoredCalendar, _ w: Wording) -> Markup {
    let from = w.fullDay(stored.calendar.validFrom)
    guard stored.isInForce else { return w.say("calendars.replaced", ["from": from]) }
    return stored.toDay.map { w.say("packs.span", ["from": from, "to": w.fullDay($0)]) }
        ?? w.say("packs.since", ["from": from])
}

private func packLinks(_ packs: [String], _ w: Wording) -> Markup {
    packs.isEmpty
        ? w.say("calendars.unused") : packs.map { w.link(Paths.pack($0), "\($0)") }.joined(", ")
}

extension CalendarsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("calendars.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", w.count("calendars.lede", Set(calendars.map(\.calendar.name)).count))
        row.set("packsHref", Paths.packs)
        row.set("hasCalendars", !calendars.isEmpty)
        row.set(
            "calendars",
            calendars.map { stored in
                let one = stored.calendar
                let parts: [(Bool, Markup)] = [
                    (!one.rows.isEmpty, w.say("calendars.bands")),
                    (one.holidays != nil, w.say("calendars.holidays")),
                    (!one.seasons.isEmpty, w.say("calendars.seasons")),
                ]
                return Fields([
                    "name": w.link(Paths.calendar(one.name), "\(one.name)")
                        + "<small class=\"q\">\(one.label)</small>",
                    "version": "\(one.version)", "span": span(stored, w),
                    "has": parts.filter { $0.0 }.map { $0.1 }.joined(", "),
                    "usedBy": packLinks(users[one.name] ?? [], w),
                ])
            })
        return row
    }
}

extension CalendarPageView: PageContent {
    func title(_ w: Wording) -> Markup { "\(versions.last?.calendar.name ?? "")" }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("packsHref", Paths.packs)
        row.set("listHref", Paths.calendars)
        row.set("lede", w.say("calendars.one", ["name": title(w)]))
        row.set("usedBy", w.say("calendars.usedByPacks", ["packs": packLinks(users, w)]))
        row.set(
            "versions",
            versions.reversed().map { stored in
                let one = stored.calendar
                var version = Fields([
                    "title": w.say("packs.versionN", ["n": "\(one.version)"]), "span": span(stored, w),
                ])
                version.set("label", one.label.isEmpty ? nil : "\(one.label)" as Markup)
                let bands = one.bands?.bands ?? []
                // Bands have no price here; their order makes the shades.
                let order = bands.enumerated().map { ($0.element, (order: Int64($0.offset), words: "")) }
                let drawing = CalendarDrawing(
                    name: one.name, w: w, prices: Dictionary(order, uniquingKeysWith: { $1 }))
                version.set(
                    "drawing",
                    [
                        drawing.fields(
                            bands, one.rows, seasons: one.seasons, holidays: one.holidays ?? [])
                    ])
                return version
            })
        return row
    }
}
