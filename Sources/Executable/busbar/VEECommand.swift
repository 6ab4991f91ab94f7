// `busbar vee`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct VEECommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vee", abstract: "Validation, estimation and editing of readings.",
        subcommands: [
            Rules.self, SetRules.self, Preview.self, Again.self, Plans.self, SetPlan.self, Edit.self, Edits.self,
            ApproveEdit.self, RejectEdit.self, UndoEdit.self, VEEFill.self,
        ])

    struct Rules: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The rules of validation by meter group and day, and the standard.",
            discussion: """
                Try it: busbar vee rules
                Exit codes: 0 listed, 1 no such company, 3 in use or out of reach.
                """)
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listValidationRules(shared.site, orgID: company.orgID, json: json, $0) }
        }
    }

    struct SetRules: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sets the rules of a group of meters from a day on.",
            discussion: """
                Groups: all, place:ID, profile:NAME, category:NAME; the most specific one a meter is in holds, whole.
                Without a file the group has no rules of its own any more.
                Try it: busbar vee set-rules category:domestic rules.json --from 2026-12-01
                Exit codes: 0 set, 1 refused, for one when the day is over, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Group of meters.") var group: String
        @Argument(help: "File of settings, JSON; none takes the group's own rules away.") var file: String?
        @Option(help: "First day, YYYY-MM-DD; today when left out.") var from: String?
        @Flag(help: "Days that are over are meant; run `busbar vee again` for them.") var evenPast = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await setValidationRules(
                    shared.site, ValidationRulesOptions(orgID: company.orgID, group: group, file: file), from: from,
                    evenPast: evenPast, $0)
            }
        }
    }

    struct Plans: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The rules of estimation by meter group and day.",
            discussion: """
                Try it: busbar vee plans
                Exit codes: 0 listed, 1 no such company, 3 in use or out of reach.
                """)
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listEstimationPlans(shared.site, orgID: company.orgID, json: json, $0) }
        }
    }

    struct SetPlan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sets the rules of estimation of a group of meters from a day on.",
            discussion: """
                Groups as for validation; where no group of a meter has a plan, the setting vee.estimation-plan holds.
                Estimates that are there stay; what is filled later follows the plan of its day.
                Try it: busbar vee set-plan category:domestic best --from 2026-12-01
                Exit codes: 0 set, 1 refused, for one when the day is over, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Group of meters.") var group: String
        @Argument(help: "standard, best, a method, or a file of rules, JSON; none takes the group's own plan away.")
        var plan: String?
        @Option(help: "First day, YYYY-MM-DD; today when left out.") var from: String?
        @Flag(help: "Days that are over are meant.") var evenPast = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await setEstimationPlan(
                    shared.site, orgID: company.orgID, group: group, plan: plan, from: from, evenPast: evenPast, $0)
            }
        }
    }

    struct Preview: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What rules would flag on the last days of a group; writes nothing.",
            discussion: """
                Looks at up to 200 meters of the group, picked evenly. Without a file: the standard rules.
                Try it: busbar vee preview all rules.json --days 7
                Exit codes: 0 looked, 1 no such group or company, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Group of meters.") var group: String
        @Argument(help: "File of settings, JSON.") var file: String?
        @Option(help: "Days back from yesterday, 1 to 31.") var days = 7
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await previewValidationRules(
                    shared.site, ValidationRulesOptions(orgID: company.orgID, group: group, file: file), days: days, $0)
            }
        }
    }

    struct Again: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Validates stored days of meters again, by the rules of each day.",
            discussion: """
                At most 31 days at once. What did not change stays as it is; the rest becomes a new version of its day
                and is priced again.
                Try it: busbar vee again --meter BB100001 --from 2026-11-01 --to 2026-11-20 --reason "new rules"
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(name: .customLong("meter"), help: "Serial number; may be given several times.") var meters: [String]
        @Option(help: "First day, YYYY-MM-DD.") var from: String
        @Option(help: "Last day; the first when left out.") var to: String?
        @Option(help: "Why; stands in the audit.") var reason: String
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await validateAgain(
                    shared.site, orgID: company.orgID, serials: meters, from: from, to: to, reason: reason, $0)
            }
        }
    }
}
