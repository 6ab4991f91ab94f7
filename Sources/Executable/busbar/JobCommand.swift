// `busbar job`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "What runs by itself: look, run now, pause, resume.",
        discussion: """
            On SQLite while the server is stopped; on PostgreSQL at any time. The pages and the API do the same.
            Jobs: collect, validate, estimate, rate, supply, command.
            """, subcommands: [List.self, Run.self, Pause.self, Resume.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Schedule, state, last and next run of every job.",
            discussion: """
                Try it: busbar job list --data ./data
                Exit codes: 0 listed, 1 no such company, 3 in use or out of reach.
                """)
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listJobs(shared.site, orgID: company.orgID, json: json, $0) }
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a job due now; with days, estimate or rate of these days again.",
            discussion: """
                The serving process runs it, or the next start. What comes out the same changes nothing.
                Try it: busbar job run collect
                Days again: busbar job run rate --from 2026-11-01 --to 2026-11-07
                Exit codes: 0 due, 1 refused, for one when it is paused or running, 2 wrong call, 3 in use or out of \
                reach.
                """)
        @Argument(help: "Which job.") var job: String
        @Option(help: "First day, YYYY-MM-DD.") var from: String?
        @Option(help: "Last day; the first when left out.") var to: String?
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await askForJob(
                    shared.site, JobOptions(orgID: company.orgID, kind: job), from: from, to: to, $0)
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keeps a job from starting until it is resumed, also after a restart.",
            discussion: """
                A run that has begun goes on to its end.
                Try it: busbar job pause supply --reason "storm, no disconnections"
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Which job.") var job: String
        @Option(help: "Why; it is shown with the job.") var reason: String
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await pauseJob(shared.site, JobOptions(orgID: company.orgID, kind: job), reason: reason, $0)
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a paused job start again.",
            discussion: """
                What is overdue starts at once; resuming what is not paused changes nothing.
                Try it: busbar job resume supply
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Which job.") var job: String
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await resumeJob(shared.site, JobOptions(orgID: company.orgID, kind: job), $0) }
        }
    }
}
