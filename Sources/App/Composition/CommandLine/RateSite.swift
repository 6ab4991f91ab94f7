// `busbar rate` on an installation: runs the rating job now and shows that the book balances.
import Access
import CivilTime
import Clocks
import IntervalData
import Jobs
import Journal
import MeterData
import Quantities
import Rating
import SQL

/// What a rating run charged and how the book stands, for `--json`.
private struct RateReport: Encodable {
    var org: String
    var estimatedMeterDays: Int
    var charges: Int
    var energyPaise: Int64
    var fixedPaise: Int64
    var dutyPaise: Int64
    /// Subsidies and energy fed in: below zero.
    var creditsPaise: Int64
    var totalPaise: Int64
    var incompleteMeterDays: Int64
    var postings: Int64
    var sumPaise: Int64
    var wrongAccounts: [String]
}

public struct RateSiteOptions: Sendable {
    public var orgID: Int64?
    /// First fill in what is missing, day by day, as the nightly job does.
    public var estimate: Bool
    public var json: Bool
    public init(orgID: Int64? = nil, estimate: Bool = false, json: Bool = false) {
        self.orgID = orgID
        self.estimate = estimate
        self.json = json
    }
}

/// Rates what changed since the last run. A second run charges nothing.
public func rateSite(_ site: SiteOptions, _ options: RateSiteOptions, _ console: Console) async throws -> CommandStatus
{
    try await withSite(site) { open in
        let progress = ProgressLine(console)
        let org = try await open.org(options.orgID)
        let scope = Scope(orgID: org.orgID)
        let before = try await open.site.money.read { try revenue(scope, in: $0) }
        let estimated = options.estimate ? try await estimate(open.site, org, progress) : 0
        let made = try await Rater(site: open.site, org: org).run { progress.at("rated \($0) account-days") }
        let (after, trial) = try await open.site.money.read {
            (try revenue(scope, in: $0), try Journal.trialBalance(scope, in: $0))
        }
        let incomplete = try await incompleteMeterDays(open.site, org)
        let paise = ChartAccount.revenues.map { before[$0, default: 0] - after[$0, default: 0] }
        let report = RateReport(
            org: String(org.orgID), estimatedMeterDays: estimated, charges: made, energyPaise: paise[0],
            fixedPaise: paise[1], dutyPaise: paise[2], creditsPaise: paise[3] + paise[4],
            totalPaise: paise.reduce(0, +), incompleteMeterDays: incomplete,
            postings: trial.postings, sumPaise: trial.sumPaise, wrongAccounts: trial.wrongAccounts.map(String.init))
        let took = progress.end()
        if options.json { try console.say(json: report) } else { say(report, org, console) }
        if incomplete > 0, !options.estimate {
            console.note(
                "\(incomplete) meter-days have gaps and are not charged yet; "
                    + "`busbar rate --estimate` fills what can be estimated.")
        }
        console.note("\(made) account-days rated, \(took)")
        return trial.sumPaise == 0 && trial.wrongAccounts.isEmpty ? .done : .problems
    }
}

extension ChartAccount {
    fileprivate static let revenues: [ChartAccount] = [
        .energyRevenue, .fixedRevenue, .dutyPayable, .subsidyReceivable, .exportPayable,
    ]
}

private func revenue(_ scope: Scope, in transaction: any SQLTransaction) throws -> [ChartAccount: Int64] {
    try ChartAccount.revenues.reduce(into: [:]) { found, account in
        found[account] = try Journal.debitBalancePaise(account, scope, in: transaction)
    }
}

private func say(_ report: RateReport, _ org: Org, _ console: Console) {
    let rows = [
        ("account-days charged", "\(report.charges)"), ("energy", rupees(paise: report.energyPaise)),
        ("fixed charges", rupees(paise: report.fixedPaise)), ("electricity duty", rupees(paise: report.dutyPaise)),
        ("subsidies, energy fed in", rupees(paise: report.creditsPaise)), ("total", rupees(paise: report.totalPaise)),
        (
            "trial balance",
            report.sumPaise == 0
                ? "0 over \(report.postings) postings"
                : "OFF BY \(report.sumPaise) paise over \(report.postings) postings"
        ),
        (
            "balances kept",
            report.wrongAccounts.isEmpty
                ? "equal the postings" : "DIFFER from the postings: \(report.wrongAccounts.joined(separator: " "))"
        ),
    ]
    console.say(org.name)
    for line in table(rows.map { [$0.0, $0.1] }) { console.say("  " + line) }
}

/// Fills every finished day of the stored months. Returns the meter-days filled.
private func estimate(_ site: Site, _ org: Org, _ progress: ProgressLine) async throws -> Int {
    let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
    var filled = 0
    for month in try await site.readings.monthsInReach() {
        var day = month.first
        while day <= month.last, day < today {
            let shard = try await site.readings.shard(month)
            let counts = try await shard.read { [day] in
                try DayBlocks.countsByQuality(day: day, orgID: org.orgID, in: $0)
            }
            // A day nobody has anything of was before the first or after the last reading.
            guard !counts.isEmpty else {
                day = day.advanced(by: 1)
                continue
            }
            filled += try await Estimator(site: site, org: org, sources: .of(site, org))
                .run(day: day, onlyCalled: false).filled
            progress.at("estimated up to \(day)")
            day = day.advanced(by: 1)
        }
    }
    return filled
}

/// Stored meter-days with a gap.
private func incompleteMeterDays(_ site: Site, _ org: Org) async throws -> Int64 {
    var count: Int64 = 0
    for month in try await site.readings.monthsInReach() {
        count += try await site.readings.shard(month).read { transaction in
            var missing: Int64 = 0
            var day = month.first
            while day <= month.last {
                missing += try DayBlocks.countsByQuality(day: day, orgID: org.orgID, in: transaction)[.missing] ?? 0
                day = day.advanced(by: 1)
            }
            return missing
        }
    }
    return count
}

/// `99.15%` from parts per million, as pages write it.
func share(_ ppm: Int64) -> String {
    fixedPoint(roundedHalfAway(Int128(ppm), dividedBy: 100), places: 2) + "%"
}

/// Columns side by side, two spaces between, no lines and no trailing blanks.
func table(_ rows: [[String]]) -> [String] {
    let widths = (0..<(rows.map(\.count).max() ?? 0)).map { column in
        rows.compactMap { $0.indices.contains(column) ? $0[column].count : nil }.max() ?? 0
    }
    return rows.map { row in
        row.enumerated().map { column, cell in
            column + 1 == row.count ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
        }.joined(separator: "  ")
    }
}
