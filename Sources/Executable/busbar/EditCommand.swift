// `busbar vee edit|edits|approve-edit|reject-edit|undo-edit`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

extension VEECommand {
    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Edits intervals of a meter; prints the totals before and after.",
            discussion: """
                Nothing is overwritten: an edit is a new version and can be undone. Above the limit of the company it
                waits for a second person. Tools: typed (--values), zero, linear, copy (--copy-from), total (--total),
                estimate (--method), raw (as the meter gave it).
                Why: meter-fault, clock-fault, communication, meter-exchange, field-reading, tamper, complaint, other.
                Try it: busbar vee edit BB100001 --from 2026-11-20 --slots 20-24 --tool linear --why field-reading \
                --reason "Read on site" --preview
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Serial number of the meter.") var serial: String
        @Option(help: "First day, YYYY-MM-DD.") var from: String
        @Option(help: "Last day; the first when left out.") var to: String?
        @Option(help: "First interval and the one after the last, from 0, such as 20-24; else whole days.")
        var slots: String?
        @Option(help: "How the values come about.") var tool: String
        @Option(help: "With typed: 20=100,21=120.") var values: String?
        @Option(help: "With copy: the day whose values are taken.") var copyFrom: String?
        @Option(parsing: .unconditional, help: "With total: what the run comes to.") var total: Int64?
        @Option(help: "With estimate: standard, best or one method; else the rules in force.") var method: String?
        @Option(help: "Channel; importWh when left out.") var channel: String?
        @Option(help: "Versions of the days that you saw, such as 3,1; else the present ones.") var on: String?
        @Option(help: "Why, in one word.") var why: String
        @Option(help: "Why, in a sentence; a preview needs none.") var reason = ""
        @Flag(help: "Say what it would do and change nothing.") var preview = false
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                let options = EditOptions(
                    orgID: company.orgID, serial: serial, channel: channel, from: from, to: to, slots: slots,
                    tool: tool, values: values, copyFrom: copyFrom, total: total, method: method, on: on, why: why,
                    reason: reason, preview: preview, person: try person.person())
                return try await editReadings(shared.site, options, $0)
            }
        }
    }

    struct Edits: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the newest edits of readings, 200 at most.",
            discussion: """
                Try it: busbar vee edits --state proposed
                Exit codes: 0 listed, 1 no such company or meter, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "Only those that stand so: proposed, applied, rejected, stale, undone.") var state: String?
        @Option(help: "Only those of this meter.") var meter: String?
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await listEdits(
                    shared.site, orgID: company.orgID, state: state, serial: meter, json: json, $0)
            }
        }
    }

    struct ApproveEdit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Agrees to an edit that waits for a second person.",
            discussion: """
                Who made an edit cannot approve it.
                Try it: busbar vee approve-edit 7001 --as bela --password-file secret.txt
                Exit codes: 0 approved, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The edit.") var edit: Int64
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await decideEdit(
                    shared.site, orgID: company.orgID, editID: edit, .approve, reason: "", try person.person(), $0)
            }
        }
    }

    struct RejectEdit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuses an edit that waits; who asked may withdraw it so.",
            discussion: """
                Try it: busbar vee reject-edit 7001 --reason "The meter is right"
                Exit codes: 0 rejected, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The edit.") var edit: Int64
        @Option(help: "Why.") var reason: String
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await decideEdit(
                    shared.site, orgID: company.orgID, editID: edit, .reject, reason: reason, try person.person(), $0)
            }
        }
    }

    struct UndoEdit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes an edit back: what it replaced counts again, wherever nothing newer came.",
            discussion: """
                Try it: busbar vee undo-edit 7001 --reason "Wrong meter"
                Exit codes: 0 undone, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The edit.") var edit: Int64
        @Option(help: "Why.") var reason: String
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await decideEdit(
                    shared.site, orgID: company.orgID, editID: edit, .undo, reason: reason, try person.person(), $0)
            }
        }
    }
}
