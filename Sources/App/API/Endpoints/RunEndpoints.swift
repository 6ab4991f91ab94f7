// Runs around rating: the board, trials and runs somebody asked for, what was left aside, sums handed on.
import Access
import Aggregation
import CivilTime
import Clocks
import Jobs
import Rating
import SQL

struct ChangedPartView: APIModel {
    var component: String
    var beforePaise: Int64
    var afterPaise: Int64
    static let notes: [String: Note] = [
        "component": Note("Which component of the charge."), "beforePaise": Note("As charged before."),
        "afterPaise": Note("As charged after."),
    ]
    init(_ part: RatingChange.Part) {
        (component, beforePaise, afterPaise) = (part.component, part.beforePaise, part.afterPaise)
    }
    private init() { (component, beforePaise, afterPaise) = ("energy", 4_120, 4_380) }
    static let example = ChangedPartView()
}

struct RatingChangeView: APIModel {
    var accountID: ID
    var day: Day
    var revision: Int64
    var beforePaise: Int64
    var afterPaise: Int64
    var parts: [ChangedPartView]
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "day": Note("The day that is charged otherwise."),
        "revision": Note("The revision that is made."), "beforePaise": Note("Charge before; 0 where there was none."),
        "afterPaise": Note("Charge after."), "parts": Note("The components that moved."),
    ]
    init(_ change: RatingChange) {
        (accountID, day, revision) = (ID(change.accountID), Day(change.day), change.revision)
        (beforePaise, afterPaise) = (change.beforePaise, change.afterPaise)
        parts = change.parts.map { ChangedPartView($0) }
    }
    private init() {
        (accountID, day, revision) = (ID(101), Day(CivilDay(number: 20_772)), 2)
        (beforePaise, afterPaise, parts) = (5_120, 5_380, [.example])
    }
    static let example = RatingChangeView()
}

struct RatingRunView: APIModel {
    var runID: ID
    var isTrial: Bool
    var from: Day?
    var to: Day?
    var accountID: ID?
    var packID: String?
    var reason: String
    var trialID: ID?
    var state: RatingRun.State
    var askedAtMs: Int64
    var startedAtMs: Int64?
    var endedAtMs: Int64?
    var doneCount: Int64
    var totalCount: Int64?
    var error: String?
    var changes: Int64
    var accounts: Int64
    var days: Int64
    var beforePaise: Int64
    var afterPaise: Int64
    var parts: [ChangedPartView]
    static let notes: [String: Note] = [
        "runID": Note("The run."), "isTrial": Note("Changes nothing; what it finds is only told."),
        "from": Note("First day; absent for what is new."), "to": Note("Last day."),
        "accountID": Note("Only this account."), "packID": Note("Only accounts that held this pack."),
        "reason": Note("Why it was asked for."), "trialID": Note("The trial it carries out."),
        "state": Note("changed: its inputs are not those of the trial, and nothing more was changed."),
        "askedAtMs": Note("Business time."), "startedAtMs": Note("Business time."), "endedAtMs": Note("Business time."),
        "doneCount": Note("Meter-months looked at."), "totalCount": Note("Meter-months to look at."),
        "error": Note("Why it failed, or what is not as the trial found it."),
        "changes": Note("Account-days that are charged otherwise."), "accounts": Note("Accounts among them."),
        "days": Note("Days among them."), "beforePaise": Note("What they were charged in sum."),
        "afterPaise": Note("What they are charged in sum."), "parts": Note("Components that moved, in sum."),
    ]
    init(_ asked: RunReport.Asked) {
        let (run, sums) = (asked.run, asked.sums)
        (runID, isTrial) = (ID(run.runID), run.isTrial)
        (from, to) = (run.selection.from.map { Day($0) }, run.selection.to.map { Day($0) })
        (accountID, packID) = (run.selection.accountID.map { ID($0) }, run.selection.packID)
        (reason, trialID, state) = (run.reason, run.trialID.map { ID($0) }, run.state)
        (askedAtMs, startedAtMs, endedAtMs) = (run.askedAtMs, run.startedAtMs, run.endedAtMs)
        (doneCount, totalCount, error) = (run.doneCount, run.totalCount, run.error)
        (changes, accounts, days) = (sums.changes, sums.accounts, sums.days)
        (beforePaise, afterPaise) = (sums.beforePaise, sums.afterPaise)
        parts = sums.parts.map { ChangedPartView($0) }
    }
    private init() {
        (runID, isTrial, reason, state) = (ID(4711), true, "", .done)
        (from, to) = (Day(CivilDay(number: 20_760)), Day(CivilDay(number: 20_772)))
        (askedAtMs, doneCount, totalCount) = (1_795_248_000_000, 50, 50)
        (changes, accounts, days, beforePaise, afterPaise) = (13, 1, 13, 66_560, 69_940)
        parts = [.example]
    }
    static let example = RatingRunView()
}

struct RatingRunListView: APIModel {
    var items: [RatingRunView]
    static let notes: [String: Note] = ["items": Note("Newest first, at most 50.")]
}

struct RatingRunInput: APIModel {
    var isTrial: Bool
    var from: Day?
    var to: Day?
    var accountID: ID?
    var packID: String?
    var reason: String?
    static let notes: [String: Note] = [
        "isTrial": Note("True: change nothing and tell what would change."),
        "from": Note("First day; without days a trial looks at what is new."),
        "to": Note("Last day; it must be over. At most 366 days."), "accountID": Note("Only this account."),
        "packID": Note("Only accounts that held this pack.", length: 1...100),
        "reason": Note("Why; a run that changes something needs it.", length: 3...200),
    ]
}

struct RatingRunPath: APIModel {
    var runID: ID
    static let notes: [String: Note] = ["runID": Note("The run.")]
}

struct CarryOutInput: APIModel {
    var runID: ID
    var reason: String
    static let notes: [String: Note] = [
        "runID": Note("The trial."), "reason": Note("Why it is carried out.", length: 3...200),
    ]
}

struct RatingRunAskedView: APIModel {
    var runID: ID
    static let notes: [String: Note] = ["runID": Note("The run; ask how it stands.")]
    init(_ asked: RatingRunAsked) { runID = ID(asked.runID) }
    private init() { runID = ID(4711) }
    static let example = RatingRunAskedView()
}

/// Where a part of a run's changes ends: the number of an account and that of a day.
struct RatingChangePlace: TextValue {
    var text: String
    init(_ text: String) { self.text = text }
    static let sample = RatingChangePlace("101.20760")
    static let schema = Schema(
        .string(length: 3...25, words: nil, pattern: "^[0-9]{1,19}[.][0-9]{1,5}$", format: nil),
        accepts: { RunReport.place($0) != nil })
}

struct RatingChangeQuery: APIModel {
    var runID: ID
    var after: RatingChangePlace?
    var limit: Int?
    static let notes: [String: Note] = [
        "runID": Note("The run."), "after": Note("The `next` of the part before."),
        "limit": Note("How many at most; 50 when not given.", range: 1...500),
    ]
}

struct RatingChangeListView: APIModel {
    var items: [RatingChangeView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("In order of account and day."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct WorkItemView: APIModel {
    var run: WorkItem.Run
    var accountID: ID
    var accountNumber: String
    var item: String
    var mender: WorkItem.Mender
    var reason: String
    var sinceMs: Int64
    var attempts: Int64
    static let notes: [String: Note] = [
        "run": Note("Which run left it aside."), "accountID": Note("The account."),
        "accountNumber": Note("Its number."), "item": Note("A day or a month; empty for the account as a whole."),
        "mender": Note("Who can mend it."), "reason": Note("What is wrong, in words."),
        "sinceMs": Note("When it was left aside first, business time."), "attempts": Note("How often it was tried."),
    ]
    init(_ found: WorkListItem) {
        (run, accountID, accountNumber) = (found.item.run, ID(found.item.accountID), found.accountNumber)
        (item, mender, reason) = (found.item.item, found.item.mender, found.item.reason)
        (sinceMs, attempts) = (found.item.sinceMs, found.item.attempts)
    }
    private init() {
        (run, accountID, accountNumber, item) = (.rate, ID(101), "BB-000101", "2026-11-20")
        (mender, reason, sinceMs, attempts) = (.tariffs, "band night has no price", 1_795_248_000_000, 1)
    }
    static let example = WorkItemView()
}

struct WorkQuery: APIModel {
    var run: WorkItem.Run?
    var limit: Int?
    static let notes: [String: Note] = [
        "run": Note("Only of this run."), "limit": Note("How many at most; 200 when not given.", range: 1...200),
    ]
}

struct WorkListView: APIModel {
    var items: [WorkItemView]
    static let notes: [String: Note] = ["items": Note("Oldest first. What is mended goes by itself.")]
}

struct WorkRetryInput: APIModel {
    var run: WorkItem.Run
    static let notes: [String: Note] = ["run": Note("What is tried again, now.")]
}

struct PublicationQuery: APIModel {
    var kind: PublicationKind
    var from: Day
    var to: Day
    var after: String?
    var allVersions: Bool?
    var limit: Int?
    static let notes: [String: Note] = [
        "kind": Note("plant: 15 minutes of each plant; ledger: 6 hours of each plant and network."),
        "from": Note("First day."), "to": Note("Last day; at most 31 days."),
        "after": Note("The `next` of the part before.", length: 0...500),
        "allVersions": Note("Also the versions that are no longer in force."),
        "limit": Note("How many at most; 200 when not given.", range: 1...500),
    ]
}

struct PublicationView: APIModel {
    var set: String
    var startS: Int64
    var version: Int64
    var slotS: Int64
    var valuesWh: [Int64]
    var meters: Int64
    var estimated: Int64
    var missing: Int64
    var madeAtMs: Int64
    static let notes: [String: Note] = [
        "set": Note("The plant or network."), "startS": Note("Begin of the period, seconds since 1970."),
        "version": Note("1 at first; later data makes a new one."), "slotS": Note("Length of a value in seconds."),
        "valuesWh": Note("Energy of each slot of the period."), "meters": Note("Meters behind it."),
        "estimated": Note("Values behind it that are estimates."), "missing": Note("Values that are not there."),
        "madeAtMs": Note("When the version was made, business time."),
    ]
    init(_ row: Publication) {
        (set, startS, version, slotS) = (row.set, row.startS, row.version, row.slotS)
        (valuesWh, meters, estimated, missing) = (row.valuesWh, row.meters, row.estimated, row.missing)
        madeAtMs = row.madeAtMs
    }
    private init() {
        (set, startS, version, slotS, valuesWh) = ("plant:7", 1_795_248_000, 1, 900, [41_200])
        (meters, estimated, missing, madeAtMs) = (50, 0, 0, 1_795_249_000_000)
    }
    static let example = PublicationView()
}

struct PublicationListView: APIModel {
    var items: [PublicationView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("In order of time, set and version."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

extension Endpoints {
    static let runs: [AnyEndpoint] = runLists + runActions + [publications]

    private static let readingRuns: EndpointAccess = .permission([.readMeters, .runJobs])
    private static let actingRuns: EndpointAccess = .permission([.runJobs])

    private static let runLists: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, RatingRunListView>(
                "rating-runs.list", "GET", "/api/v1/rating-runs", access: readingRuns,
                EndpointText(
                    "Runs asked for", "Trials and runs of rating. Empty for who is confined to a place."),
                outputExample: RatingRunListView(items: [.example]),
                run: { _, context in
                    try await context.read { transaction, scope in
                        RatingRunListView(
                            items: try RatingRun.latest(limit: RatingRun.keptMax, scope, in: transaction).map {
                                try standing($0, scope, transaction)
                            })
                    }
                })),
        AnyEndpoint(
            Endpoint<RatingRunPath, RatingRunView>(
                "rating-runs.show", "GET", "/api/v1/rating-runs/{runID}", access: readingRuns,
                EndpointText("One run", "How it stands and what it changes in sum."),
                example: RatingRunPath(runID: ID(4711)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    try await context.read { transaction, scope in
                        try standing(
                            try RatingRun.find(input.runID.value, scope, in: transaction), scope, transaction)
                    }
                })),
        AnyEndpoint(
            Endpoint<RatingChangeQuery, RatingChangeListView>(
                "rating-runs.changes", "GET", "/api/v1/rating-runs/{runID}/changes", access: readingRuns,
                EndpointText("What a run changes", "Account-days with their paise before and after, by component."),
                example: RatingChangeQuery(runID: ID(4711), limit: 50),
                outputExample: RatingChangeListView(items: [.example]), problems: [.notFound],
                run: { input, context in
                    let (after, limit) = (input.after.flatMap { RunReport.place($0.text) }, input.limit ?? 50)
                    let found = try await context.read { transaction, scope in
                        _ = try RatingRun.find(input.runID.value, scope, in: transaction)
                        return try RatingChange.page(
                            runID: input.runID.value, after: after, limit: limit + 1, scope, in: transaction)
                    }
                    let items = found.prefix(limit)
                    return RatingChangeListView(
                        items: items.map { RatingChangeView($0) },
                        next: found.count > limit ? items.last.map { RunReport.place($0) } : nil)
                })),
        AnyEndpoint(
            Endpoint<WorkQuery, WorkListView>(
                "work-items.list", "GET", "/api/v1/work-items", access: readingRuns,
                EndpointText(
                    "What runs left aside", "Accounts a run could not do, with the reason and who can mend it."),
                example: WorkQuery(run: .rate), outputExample: WorkListView(items: [.example]),
                run: { input, context in
                    try await context.read { transaction, scope in
                        WorkListView(
                            items: try RunReport.workList(
                                run: input.run, limit: input.limit ?? RunReport.itemsMax, scope, in: transaction
                            ).map { WorkItemView($0) })
                    }
                })),
    ]

    private static func standing(_ run: RatingRun, _ scope: Scope, _ transaction: any SQLTransaction) throws
        -> RatingRunView
    {
        RatingRunView(
            RunReport.Asked(
                run: run, sums: try RatingRunSums.of(runID: run.runID, scope, in: transaction)))
    }

    private static let runActions: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<RatingRunInput, RatingRunAskedView>(
                "rating-runs.ask", "POST", "/api/v1/rating-runs", access: actingRuns,
                EndpointText(
                    "Ask for a trial or a run",
                    "A trial tells what would change. A run prices days, an account or a pack again; what comes out "
                        + "the same is not posted again."),
                example: RatingRunInput(
                    isTrial: true, from: Day(CivilDay(number: 20_760)), to: Day(CivilDay(number: 20_772))),
                outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let selection = RatingRun.Selection(
                        from: input.from?.value, to: input.to?.value, accountID: input.accountID?.value,
                        packID: input.packID)
                    let reason = input.reason ?? ""
                    return RatingRunAskedView(
                        try await context.perform(
                            AskRatingRun(isTrial: input.isTrial, selection: selection, reason: reason), why: reason))
                })),
        AnyEndpoint(
            Endpoint<CarryOutInput, RatingRunAskedView>(
                "rating-runs.carry-out", "POST", "/api/v1/rating-runs/{runID}/carry-out", access: actingRuns,
                EndpointText(
                    "Carry out a trial", "Only if its inputs have not changed since; otherwise the run says what did."),
                example: CarryOutInput(runID: ID(4711), reason: "Checked with the tariff order"),
                outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    RatingRunAskedView(
                        try await context.perform(
                            CarryOutTrial(trialID: input.runID.value, reason: input.reason), why: input.reason))
                })),
        steer("stop", .stop, "Stop a run", "It ends after the chunk it is at; what is done stays."),
        steer("resume", .resume, "Go on with a run", "A stopped or failed run goes on where it was."),
        AnyEndpoint(
            Endpoint<WorkRetryInput, JobsAskedView>(
                "work-items.retry", "POST", "/api/v1/work-items/retry", access: actingRuns,
                EndpointText("Try again", "Makes the run due that left something aside."),
                example: WorkRetryInput(run: .rate), outputExample: JobsAskedView(jobs: 1), problems: [.conflict],
                run: { input, context in
                    guard let kind = WorkListItem.job(input.run) else {
                        throw Refusal(.conflict, "This run has no job of its own.", hint: "It is tried again daily.")
                    }
                    return JobsAskedView(jobs: try await context.perform(RunJob(kind: kind)).jobs)
                })),
    ]

    private static func steer(
        _ word: String, _ direction: SteerRatingRun.Direction, _ summary: String, _ description: String
    ) -> AnyEndpoint {
        AnyEndpoint(
            Endpoint<RatingRunPath, RatingRunAskedView>(
                "rating-runs.\(word)", "POST", "/api/v1/rating-runs/{runID}/\(word)", access: actingRuns,
                EndpointText(summary, description), example: RatingRunPath(runID: ID(4711)), outputExample: .example,
                problems: [.notFound, .conflict],
                run: { input, context in
                    RatingRunAskedView(try await context.perform(SteerRatingRun(runID: input.runID.value, direction)))
                }))
    }

    private static let publications = AnyEndpoint(
        Endpoint<PublicationQuery, PublicationListView>(
            "publications.list", "GET", "/api/v1/publications", access: .permission([.readMeters]),
            EndpointText(
                "Sums handed on",
                "Every 15 minutes each plant, every 6 hours each plant and network, in versions that never change. "
                    + "Empty for who is confined to a place."),
            example: PublicationQuery(
                kind: .ledger, from: Day(CivilDay(number: 20_772)), to: Day(CivilDay(number: 20_772))),
            outputExample: PublicationListView(items: [.example]), rate: .heavy,
            run: { input, context in
                guard input.from.value <= input.to.value, input.from.value.days(to: input.to.value) < 31 else {
                    throw Refusal(.invalid, "These are no 1 to 31 days.", hint: "Ask for a shorter period.", at: "to")
                }
                let (limit, after) = (input.limit ?? 200, try place(input.after))
                let found = try await context.read { transaction, scope in
                    let zone = try Org.find(scope.orgID, in: transaction).zone
                    return try Publication.list(
                        input.kind, fromS: zone.startS(of: input.from.value),
                        toS: zone.startS(of: input.to.value.advanced(by: 1)), after: after,
                        latestOnly: input.allVersions != true, limit: limit + 1, scope, in: transaction)
                }
                let items = found.prefix(limit)
                return PublicationListView(
                    items: items.map { PublicationView($0) },
                    next: found.count > limit ? items.last.map { "\($0.startS) \($0.version) \($0.set)" } : nil)
            }))

    private static func place(_ after: String?) throws -> PublicationPlace? {
        guard let after, !after.isEmpty else { return nil }
        let parts = after.split(separator: " ", maxSplits: 2)
        guard parts.count == 3, let startS = Int64(parts[0]), let version = Int64(parts[1]) else {
            throw Refusal(.invalid, "This is no place in the list.", hint: "Send the `next` as it came.", at: "after")
        }
        return PublicationPlace(startS: startS, set: String(parts[2]), version: version)
    }
}
