// `busbar calendars`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct CalendarsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calendars", abstract: "Bands of the day, holidays and seasons that tariffs share by name.",
        subcommands: [List.self, Show.self, Store.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists all versions, and the packs that use them.",
            discussion: """
                Try it: busbar calendars list
                Exit codes: 0 listed, 1 no such company, 2 wrong call, 3 in use or out of reach.
                """)
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listCalendars(shared.site, orgID: company.orgID, $0) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draws the versions of a calendar that hold.",
            discussion: """
                Try it: busbar calendars show tod
                Exit codes: 0 shown, 1 no such calendar, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The calendar.") var calendar: String
        @Flag(help: "The file of the latest version as it was given.") var text = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await showCalendar(shared.site, orgID: company.orgID, name: calendar, text: text, $0)
            }
        }
    }

    struct Store: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stores calendar files as versions, and prints NAME@VERSION.",
            discussion: """
                YAML or JSON (docs/tariffs.md). A stored version never changes; a new one begins after the last day that
                was charged by a pack that uses the calendar.
                Try it: busbar calendars store examples/calendars/tod.yaml
                Exit codes: 0 done, 1 a file is refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Calendar files.", completion: .file()) var files: [String]
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await storeCalendars(shared.site, orgID: company.orgID, files: files, $0) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a calendar that no published pack uses.",
            discussion: """
                Try it: busbar calendars remove tod-draft
                Exit codes: 0 removed, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The calendar.") var calendar: String
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await removeCalendar(shared.site, orgID: company.orgID, name: calendar, $0)
            }
        }
    }
}
