// Menu: the way about: the few pages a role works with every day in one row, and everything it may open in groups.
// Grants nothing: it shows what the route of a page would let through.
import Access

extension PageFrame {
    /// A page of the menu.
    private struct Entry {
        let place: Place
        let path: String
        let name: String
        /// What its route asks for; nil is open to all staff.
        var needs: Permission?
        /// Only for who sees the whole company.
        var isCompanys = false
    }

    private static let groups: [(name: String, entries: [Entry])] = [
        (
            "menu.today",
            [
                Entry(place: .line, path: Paths.line, name: "nav.line"),
                Entry(place: .exceptions, path: Paths.exceptions, name: "exceptions.title"),
                Entry(place: .runs, path: Paths.runs, name: "nav.runs", needs: .runJobs, isCompanys: true),
                Entry(place: .jobs, path: Paths.jobs, name: "line.jobs", needs: .runJobs, isCompanys: true),
                Entry(place: .status, path: Paths.status, name: "nav.status"),
            ]
        ),
        (
            "menu.readings",
            [
                Entry(place: .queue, path: Paths.queue, name: "nav.queue"),
                Entry(place: .estimates, path: Paths.estimates, name: "nav.estimates"),
                Entry(place: .edits, path: Paths.edits, name: "nav.edits"),
                Entry(place: .imports, path: Paths.imports, name: "nav.imports", needs: .importReadings),
                Entry(place: .rules, path: Paths.rules, name: "rules.title", needs: .manageSettings),
                Entry(place: .rules, path: Paths.plans, name: "plans.title", needs: .manageSettings),
            ]
        ),
        (
            "menu.meters",
            [
                Entry(place: .meters, path: Paths.meters, name: "nav.meters"),
                Entry(place: .collection, path: Paths.collection, name: "nav.collection"),
                Entry(place: .commands, path: Paths.commands, name: "nav.commands"),
                Entry(place: .events, path: Paths.events, name: "nav.events"),
                Entry(place: .outages, path: Paths.outages, name: "nav.outages"),
                Entry(place: .outages, path: Paths.reliability, name: "reliability.title"),
                Entry(place: .outages, path: Paths.tamper, name: "tamper.title"),
                Entry(place: .simulator, path: Paths.simulator, name: "nav.simulator", needs: .commandMeters),
            ]
        ),
        (
            "menu.accounts",
            [
                Entry(place: .accounts, path: Paths.accounts, name: "nav.accounts"),
                Entry(place: .supply, path: Paths.supply, name: "nav.supply"),
                Entry(place: .packs, path: Paths.packs, name: "nav.packs"),
                Entry(place: .packs, path: Paths.calendars, name: "calendars.title"),
                Entry(place: .subscriptions, path: Paths.subscriptions, name: "nav.subscriptions"),
                Entry(place: .approvals, path: Paths.approvals, name: "nav.approvals"),
            ]
        ),
        (
            "menu.company",
            [
                Entry(place: .reports, path: Paths.reports, name: "nav.reports"),
                Entry(place: .reports, path: Paths.aggregation, name: "nav.aggregation"),
                Entry(
                    place: .reports, path: Paths.money, name: "money.title", needs: .adjustAccounts,
                    isCompanys: true),
                Entry(place: .people, path: Paths.people, name: "nav.people", needs: .manageLogins),
                Entry(place: .keys, path: Paths.keys, name: "nav.keys", needs: .manageLogins),
                Entry(place: .audit, path: Paths.audit, name: "nav.audit", needs: .readAudit),
            ]
        ),
    ]

    /// What stands in the row of staff, in this order, as many of them as fit beside each other.
    private static let daily: [Place] = [
        .line, .runs, .queue, .meters, .accounts, .supply, .packs, .approvals, .reports,
    ]
    private static let rowMax = 7
    /// What gives way in the row of those who see the runs of the company.
    private static let leftToOthers: Set<Place> = [.meters, .supply]

    /// Sets `nav`, the row, and `menu`, the groups; both empty for who is not signed in.
    func setMenu(_ row: inout Fields, _ w: Wording) {
        let groups = allowed
        var shown = person?.ownAccount.map(ownPages) ?? dailyRow(groups.flatMap { $0.entries })
        let entries = person?.ownAccount == nil ? groups.flatMap { $0.entries } : shown
        let mine = entries.filter { $0.place == place }
        let here = mine.first { path.prefix { $0 != "?" } == $0.path } ?? mine.first
        if let here, !shown.contains(where: { $0.path == here.path }) { shown.append(here) }
        func fields(_ entry: Entry) -> Fields {
            var fields = Fields(["href": "\(entry.path)", "name": w.say(entry.name)])
            fields.set("current", entry.path == here?.path)
            return fields
        }
        row.set("nav", shown.map(fields))
        row.set("hasNav", person != nil)
        row.set(
            "menu",
            groups.enumerated().map { number, group in
                var fieldsOfGroup = Fields(["id": "menu-\(number)", "name": w.say(group.name)])
                fieldsOfGroup.set("pages", group.entries.map(fields))
                return fieldsOfGroup
            })
        row.set("hasMenu", !groups.isEmpty)
    }

    /// The groups of a member of staff, without what he may not open.
    private var allowed: [(name: String, entries: [Entry])] {
        guard let person, person.ownAccount == nil else { return [] }
        return Self.groups.map { group in
            (
                group.name,
                group.entries.filter { entry in
                    entry.needs.map(person.rights.contains) ?? true
                        && (!entry.isCompanys || person.seesCompany)
                        && (entry.place != .simulator || hasSimulator)
                }
            )
        }
    }

    private func dailyRow(_ entries: [Entry]) -> [Entry] {
        let runs = entries.contains { $0.place == .runs }
        let row = Self.daily.compactMap { place in
            runs && Self.leftToOthers.contains(place) ? nil : entries.first { $0.place == place }
        }
        return Array(row.prefix(Self.rowMax))
    }

    private func ownPages(_ account: Int64) -> [Entry] {
        [
            Entry(place: .home, path: Paths.account(account), name: "nav.home"),
            Entry(place: .statement, path: Paths.statement(account), name: "nav.statement"),
            Entry(place: .packs, path: Paths.accountPacks(account), name: "nav.packs"),
        ]
    }
}
