// The line of the day, what waits for a person, and the trial balance.
import Access
import CivilTime
import Jobs
import Journal

struct CountedKind: APIModel {
    var kind: String
    var count: Int
    static let notes: [String: Note] = ["kind": Note("What it is, a stable word."), "count": Note("How many.")]
}

struct HeatRowView: APIModel {
    var name: String
    var sharesPpm: [Int]
    static let notes: [String: Note] = [
        "name": Note("The feeder or plant."),
        "sharesPpm": Note(
            "Share of intervals collected by hour of the day, in parts per million; 24 values.", itemsMax: 24),
    ]
}

struct LineSummary: APIModel {
    var day: Day
    var countedAtMs: Int64
    var expected: Int
    var silent: Int
    var held: Int
    var estimated: Int
    var priced: Int
    var charged: Int
    var cut: Int
    var restored: Int
    var drops: [CountedKind]
    var heat: [HeatRowView]
    var needs: [CountedKind]
    var jobs: [JobView]

    static let notes: [String: Note] = [
        "day": Note("The business day: yesterday, because a day is collected once it is over."),
        "countedAtMs": Note("Business time of the count, milliseconds since 1970."),
        "expected": Note("Meters installed on the day."), "silent": Note("Not completely read."),
        "held": Note("Read, but not all intervals passed the checks."),
        "estimated": Note("Of the silent and held: filled with estimates."),
        "priced": Note("Account-days priced."), "charged": Note("Account-days posted to the wallet."),
        "cut": Note("Cuts decided since midnight."), "restored": Note("Restorations decided since midnight."),
        "drops": Note("What fell out at a station, or was put back."),
        "heat": Note("Collection by place and hour."), "needs": Note("What waits for a person."),
        "jobs": Note("What runs by itself."),
    ]

    init(_ report: LineReport) {
        day = Day(report.day)
        countedAtMs = report.countedAtMs
        (expected, silent, held, estimated) = (report.expected, report.silent, report.held, report.estimated)
        (priced, charged, cut, restored) = (report.priced, report.charged, report.cut, report.restored)
        drops = report.drops.map { CountedKind(kind: $0.kind.rawValue, count: $0.count) }
        heat = report.heat.map { HeatRowView(name: $0.name, sharesPpm: $0.sharesPpm.map { $0 ?? 0 }) }
        needs = report.needs.map { CountedKind(kind: $0.kind.rawValue, count: $0.count) }
        jobs = report.jobs.map { JobView($0) }
    }

    static let example: LineSummary = {
        var report = LineReport(day: CivilDay(number: 20_777), countedAtMs: 1_795_248_000_000)
        (report.expected, report.silent, report.estimated, report.priced, report.charged) = (50, 2, 2, 50, 50)
        report.drops = [(.estimated, 2)]
        return LineSummary(report)
    }()
}

struct NeedView: APIModel {
    var kind: NeedKind
    var itemID: ID?
    var meterID: ID?
    var serial: String
    var day: Day?
    var sinceMs: Int64
    var detail: String
    static let notes: [String: Note] = [
        "kind": Note("Why it waits for a person."),
        "itemID": Note("The job, event or order that can be tried again or set aside."), "meterID": Note("The meter."),
        "serial": Note("Its serial number."),
        "day": Note("The day it is about."), "sinceMs": Note("Since when, business time."),
        "detail": Note("What was found, in the words of the check."),
    ]
    init(_ need: Need) {
        (kind, serial, sinceMs, detail) = (need.kind, need.serial, need.sinceMs, need.detail)
        itemID = need.itemID.map { ID($0) }
        meterID = need.meterID.map { ID($0) }
        day = need.day.map { Day($0) }
    }
    static let example = NeedView(
        Need(
            kind: .spike, meterID: 1001, serial: "BB100001", day: CivilDay(number: 20_777), sinceMs: 1_795_248_000_000,
            detail: "1 interval above what the connection can carry"))
}

struct NeedQuery: APIModel {
    var kind: NeedKind?
    var after: String?
    var limit: Int?
    static let notes: [String: Note] = [
        "kind": Note("Only these; without it all."),
        "after": Note("The `next` of the part before; without it the list begins.", length: 0...80),
        "limit": Note("How many at most; 500 when not given.", range: 1...NeedList.itemsMax64),
    ]
}

struct NeedListView: APIModel {
    var items: [NeedView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("Newest first; the newest 500 in all.", itemsMax: NeedList.itemsMax),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct JobView: APIModel {
    enum State: String, Codable, CaseIterable { case waiting, running, done, failed }
    var kind: String
    var key: String
    var state: State
    var runAtMs: Int64
    var startedAtMs: Int64?
    var endedAtMs: Int64?
    var doneCount: Int64
    var attempt: Int64
    var result: String?
    var lastError: String?
    static let notes: [String: Note] = [
        "kind": Note("collect, validate, estimate, rate, supply or command."),
        "key": Note("`every`, or the day it is for."),
        "state": Note("Where it stands."), "runAtMs": Note("Due at, business time."),
        "startedAtMs": Note("Last started."), "endedAtMs": Note("Last ended."),
        "doneCount": Note("How far it has come."),
        "attempt": Note("Failures since the last success."), "result": Note("What the last run did."),
        "lastError": Note("Why the last run failed."),
    ]
    init(_ job: Job) {
        (kind, key, state) = (job.kind.rawValue, job.key, State(rawValue: job.state.rawValue) ?? .failed)
        (runAtMs, startedAtMs, endedAtMs) = (job.runAtMs, job.startedAtMs, job.endedAtMs)
        (doneCount, attempt, result, lastError) = (job.doneCount, job.attempt, job.result, job.lastError)
    }
    private init() {
        (kind, key, state, runAtMs, doneCount, attempt) = ("rate", "every", .waiting, 1_795_248_000_000, 50, 0)
        result = "50 charges"
    }
    static let example = JobView()
}

struct TrialBalance: APIModel {
    var sumPaise: Int64
    var postings: Int64
    var unbalancedEntries: Int64
    var wrongAccounts: [ID]
    static let notes: [String: Note] = [
        "sumPaise": Note("Sum of all postings; anything but 0 is a fault."),
        "postings": Note("How many postings there are."),
        "unbalancedEntries": Note("Entries that do not sum to zero by themselves; anything but 0 is a fault."),
        "wrongAccounts": Note("Accounts whose kept balance is not the sum of their postings; must be none."),
    ]
}

extension Endpoints {
    static let line: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, LineSummary>(
                "line.read", "GET", "/api/v1/line", access: .permission([.readMeters]),
                EndpointText(
                    "The line of the day",
                    "Meter-days at every station: expected − silent − held + estimated are complete and can be priced."
                ),
                outputExample: .example,
                run: { _, context in LineSummary(try await context.services.board.line(context.actor.scope)) })
        ),
        AnyEndpoint(
            Endpoint<NeedQuery, NeedListView>(
                "exceptions.list", "GET", "/api/v1/exceptions", access: .permission([.readMeters]),
                EndpointText(
                    "What waits for a person",
                    "Held readings, silent meters, failed orders, missing tariffs, and jobs and events given up."),
                example: NeedQuery(kind: .spike, limit: 50),
                outputExample: NeedListView(items: [.example], next: nil),
                run: { input, context in
                    let list = try await NeedList.of(context.services.site, context.actor.scope)
                    let part = list.part(
                        of: input.kind, after: input.after ?? "", limit: input.limit ?? NeedList.itemsMax)
                    return NeedListView(items: part.items.map { NeedView($0) }, next: part.next)
                })),
        AnyEndpoint(
            Endpoint<Nothing, TrialBalance>(
                "trial-balance.read", "GET", "/api/v1/trial-balance", access: .permission([.adjustAccounts]),
                EndpointText("Trial balance", "Proves the double-entry book: adds up every posting there is."),
                outputExample: TrialBalance(
                    sumPaise: 0, postings: 1200, unbalancedEntries: 0, wrongAccounts: []), rate: .heavy,
                run: { _, context in
                    try await context.read { transaction, scope in
                        let found = try Journal.trialBalance(scope, in: transaction)
                        return TrialBalance(
                            sumPaise: found.sumPaise, postings: found.postings,
                            unbalancedEntries: found.unbalancedEntries,
                            wrongAccounts: found.wrongAccounts.prefix(Schema.itemsMax).map { ID($0) })
                    }
                })),
    ]
}
