// The runs of a day in one look: every kind with its state and its last run, what corrections moved, how old readings
// are that no projection has seen, what was left aside, months. Shown by the run board and the API.
import Access
import Accounts
import CivilTime
import Clocks
import Jobs
import Packs
import Payments
import Rating
import SQL

/// One account that a run left aside, whichever table keeps it.
public struct WorkListItem: Sendable {
    public var item: WorkItem
    public var accountNumber: String
    public var name: String
    /// The day it is about, where it is about one.
    public var day: CivilDay?

    /// What is run to try again.
    public var job: JobKind? { Self.job(item.run) }

    public static func job(_ run: WorkItem.Run) -> JobKind? {
        switch run {
        case .project: .project
        case .rate: .rate
        case .close: .close
        case .arrears, .subscriptions: JobKind(rawValue: run.rawValue)
        }
    }
}

public struct RunReport: Sendable {
    /// Runs a person asked for, with what they changed.
    public struct Asked: Sendable {
        public var run: RatingRun
        public var sums: RatingRunSums
        public init(run: RatingRun, sums: RatingRunSums) { (self.run, self.sums) = (run, sums) }
    }

    public static let itemsMax = 200
    static let askedMax = 10

    public var jobs: JobsReport
    public var nowMs: Int64
    public var today: CivilDay
    public var zone: Zone
    /// Corrections made on the business day so far.
    public var corrections: (count: Int64, accounts: Int64, paise: Int64)
    public var largest: [Correction]
    /// How long the oldest reading has waited for a projection.
    public var projectionWaitMs: Int64
    public var asked: [Asked]
    /// Newest first.
    public var months: [MonthClosing]
    public var work: [WorkListItem]

    /// The promise of RAT-1.
    public static let projectionPromiseMs: Int64 = 3_600_000

    /// - Throws: ``Refusal`` `forbidden` for who is confined to a place: runs are the company's.
    public static func of(_ site: Site, _ scope: Scope) async throws -> RunReport {
        let jobs = try await JobsReport.of(site, runs: 100, scope)
        let nowMs = jobs.nowMs
        let today = jobs.zone.day(atS: nowMs / 1000)
        let waitMs = try await Projector.waitingMs(site, orgID: scope.orgID, today: today)
        let startMs = jobs.zone.startS(of: today) * 1000
        return try await site.money.read { transaction in
            RunReport(
                jobs: jobs, nowMs: nowMs, today: today, zone: jobs.zone,
                corrections: try Correction.sums(fromMs: startMs, toMs: nowMs + 1, scope, in: transaction),
                largest: try Correction.largest(
                    fromMs: startMs, toMs: nowMs + 1, limit: 10, scope, in: transaction),
                projectionWaitMs: waitMs,
                asked: try RatingRun.latest(limit: askedMax, scope, in: transaction).map { run in
                    Asked(run: run, sums: try RatingRunSums.of(runID: run.runID, scope, in: transaction))
                },
                months: try MonthClosing.latest(limit: 3, scope, in: transaction),
                work: try workList(run: nil, limit: itemsMax, scope, in: transaction))
        }
    }

    // MARK: the changes of one run

    /// Behind which change a list goes on; nil for text that is none.
    public static func place(_ text: String) -> (accountID: Int64, day: CivilDay)? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let areDigits = parts.allSatisfy { part in
            part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        guard areDigits, parts.count == 2, (1...19).contains(parts[0].utf8.count),
            parts[1].utf8.count <= 5, let day = Int32(parts[1])
        else { return nil }
        // Nineteen digits may exceed 63 bits: behind every account.
        return (Int64(parts[0]) ?? .max, CivilDay(number: day))
    }

    public static func place(_ change: RatingChange) -> String { "\(change.accountID).\(change.day.number)" }

    /// Rows of a file at most; the API gives the rest in parts.
    static let csvRowsMax = 100_000

    /// The changes of a run as a file, a line a component that moved.
    public static func csv(_ site: Site, runID: Int64, _ scope: Scope) async throws -> String {
        _ = try await site.money.read { try RatingRun.find(runID, scope, in: $0) }
        var text = "account_id,day,revision,component,before_paise,after_paise,difference_paise\r\n"
        var after: (accountID: Int64, day: CivilDay)?
        var rows = 0
        while rows < csvRowsMax {
            try Task.checkCancellation()
            let page = try await site.money.read { [after] in
                try RatingChange.page(runID: runID, after: after, limit: 1_000, scope, in: $0)
            }
            guard let last = page.last else { break }
            after = (last.accountID, last.day)
            for change in page {
                let all =
                    change.parts + [
                        RatingChange.Part(
                            component: "total", beforePaise: change.beforePaise, afterPaise: change.afterPaise)
                    ]
                for part in all {
                    text += "\(change.accountID),\(change.day),\(change.revision),\(field(part.component)),"
                    text += "\(part.beforePaise),\(part.afterPaise),\(part.afterPaise - part.beforePaise)\r\n"
                }
                rows += all.count
            }
        }
        return text
    }

    /// A component's name as a field: what could be a formula or a separator is quoted.
    private static func field(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } == true
        let safe = isFormula ? "'" + text : text
        guard safe.contains(where: { ",\"\r\n".contains($0) }) else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }

    /// What runs left aside, oldest first: what rating keeps as days that cannot be priced, and the rest.
    public static func workList(
        run: WorkItem.Run?, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [WorkListItem] {
        var found: [(item: WorkItem, day: CivilDay?)] = []
        if run == nil || run == .rate {
            found += try RatingRefusal.latest(limit: limit, scope, in: transaction).map { refusal in
                (
                    WorkItem(
                        run: .rate, accountID: refusal.accountID, item: refusal.day.description, mender: .tariffs,
                        reason: refusal.reason, atMs: refusal.atMs), refusal.day
                )
            }
        }
        found += try WorkItem.list(run: run, limit: limit, scope, in: transaction).map { ($0, nil) }
        if run == nil || run == .arrears { found += try instalments(limit: limit, scope, in: transaction) }
        if run == nil || run == .subscriptions { found += try packs(limit: limit, scope, in: transaction) }
        found.sort { ($0.item.sinceMs, $0.item.accountID) < ($1.item.sinceMs, $1.item.accountID) }
        return try found.prefix(limit).map { item, day in
            let account = try SupplyAccount.find(item.accountID, scope, in: transaction)
            return WorkListItem(item: item, accountNumber: account.accountNumber, name: account.name, day: day)
        }
    }

    /// Instalments that could not be taken; the plan keeps the reason until one can.
    private static func instalments(
        limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(item: WorkItem, day: CivilDay?)] {
        let zone = try Org.find(scope.orgID, in: transaction).zone
        return try Arrears.troubled(limit: limit, scope, in: transaction).map { plan in
            // A day's part is taken once the day is over.
            let dueMs = zone.startS(of: plan.nextDay.advanced(by: 1)) * 1000
            return (
                WorkItem(
                    run: .arrears, accountID: plan.accountID, item: plan.nextDay.description, mender: .account,
                    reason: plan.problem ?? "", atMs: dueMs), nil
            )
        }
    }

    /// Accounts whose subscriptions are in disorder, and what followed from a subscription and could not be done.
    private static func packs(
        limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(item: WorkItem, day: CivilDay?)] {
        let zone = try Org.find(scope.orgID, in: transaction).zone
        func found(_ accountID: Int64, _ item: String, _ reason: String, _ day: CivilDay?) -> WorkItem {
            WorkItem(
                run: .subscriptions, accountID: accountID, item: item, mender: .account, reason: reason,
                atMs: day.map { zone.startS(of: $0) * 1000 } ?? 0)
        }
        let aside = try PackHolder.aside(limit: limit, scope, in: transaction).map {
            found($0.accountID, $0.asideDay?.description ?? "", $0.asideWhy, $0.asideDay)
        }
        let failed = try PackFactRow.failed(limit: limit, scope, in: transaction).map {
            found($0.accountID, $0.key, $0.trouble, $0.dueDay)
        }
        return (aside + failed).map { ($0, nil) }
    }
}
