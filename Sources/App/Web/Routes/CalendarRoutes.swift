// Calendars of the company: the list and one with its versions. Read only: they are stored at the terminal or by the
// API.
import API
import Access
import Packs
import SQL

extension Desk {
    var calendarPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readAccounts])
        return [
            API.Page("GET", Paths.calendars, access: reading) { try await calendarList($0) },
            API.Page("GET", "\(Paths.calendars)/{id}", access: reading) { try await calendar($0) },
        ]
    }

    private func calendarList(_ call: PageCall) async throws -> Answer {
        let scope = try call.actor.scope
        let page = try await services.site.money.read { transaction in
            let calendars = try Calendars.list(scope, in: transaction).filter(\.isInForce)
            let users = try Set(calendars.map(\.calendar.name)).map {
                ($0, Set(try Calendars.users(of: $0, scope, in: transaction).map(\.packID)).sorted())
            }
            return CalendarsView(calendars: calendars, users: Dictionary(users, uniquingKeysWith: { $1 }))
        }
        return show(page, call, .packs)
    }

    private func calendar(_ call: PageCall) async throws -> Answer {
        let name = String((call.path["id"] ?? "").prefix(64))
        let scope = try call.actor.scope
        let page = try await services.site.money.read { transaction in
            let versions = try Calendars.list(named: name, scope, in: transaction)
            guard !versions.isEmpty else { throw Refusal(.notFound, "There is no such calendar.") }
            return CalendarPageView(
                versions: versions,
                users: Set(try Calendars.users(of: name, scope, in: transaction).map(\.packID)).sorted())
        }
        return show(page, call, .packs)
    }
}

extension Paths {
    static let calendars = "/calendars"
    static func calendar(_ name: String) -> String { "\(calendars)/\(encoded(name))" }
}
