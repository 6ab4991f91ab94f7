// `busbar rate --dry-run` and `--again`: what would change, or days priced once more, on an installation. Asks for the
// run as the page does and carries it out at once.
import Access
import Accounts
import CivilTime
import Clocks
import Jobs
import Quantities
import Rating
import SQL

/// What a run changes, for `--json`: first the run, then a line an account-day.
private struct RunReportLine: Encodable {
    var runID: String
    var isTrial: Bool
    var state: String
    var error: String?
    var accounts: Int64
    var accountDays: Int64
    var beforePaise: Int64
    var afterPaise: Int64
    /// Difference of each component that moved.
    var partsPaise: [String: Int64]
}

private struct RunChangeLine: Encodable {
    var accountID: String
    var day: String
    var beforePaise: Int64
    var afterPaise: Int64
    var partsPaise: [String: Int64]
}

public struct RateRunOptions: Sendable {
    public var orgID: Int64?
    public var isTrial: Bool
    public var from: String?
    public var to: String?
    public var accountNumber: String?
    public var packID: String?
    public var reason: String
    /// The trial to carry out.
    public var trialID: Int64?
    public var json: Bool
    public init(
        orgID: Int64?, isTrial: Bool, from: String?, to: String?, accountNumber: String?, packID: String?,
        reason: String, trialID: Int64?, json: Bool
    ) {
        (self.orgID, self.isTrial, self.from, self.to) = (orgID, isTrial, from, to)
        (self.accountNumber, self.packID, self.reason) = (accountNumber, packID, reason)
        (self.trialID, self.json) = (trialID, json)
    }
}

/// Carries out a trial or a run. Exit code 1 when it did not come to its end.
public func rateRun(_ site: SiteOptions, _ options: RateRunOptions, _ console: Console) async throws -> CommandStatus {
    try await withSite(site) { open in
        let progress = ProgressLine(console)
        let org = try await open.org(options.orgID)
        let scope = Scope(orgID: org.orgID)
        let runID = try await ask(open, org, options)
        _ = try await RatingRuns(site: open.site, org: org).run { progress.at("looked at \($0) meter-months") }
        _ = progress.end()
        let (run, sums, largest) = try await open.site.money.read { transaction in
            (
                try RatingRun.find(runID, scope, in: transaction),
                try RatingRunSums.of(runID: runID, scope, in: transaction),
                try RatingChange.largest(runID: runID, limit: 20, scope, in: transaction)
            )
        }
        if options.json {
            try await sayJSON(open.site, run, sums, scope, console)
        } else {
            say(run, sums, largest, console)
        }
        if let error = run.error { console.note(error) }
        return run.state == .done ? .done : .problems
    }
}

private func ask(_ open: OpenSite, _ org: Org, _ options: RateRunOptions) async throws -> Int64 {
    let actor = Actor.system(orgID: org.orgID)
    if let trialID = options.trialID {
        return try await open.site.perform(
            CarryOutTrial(trialID: trialID, reason: options.reason), as: actor, source: "cli", why: options.reason
        ).runID
    }
    func day(_ text: String?, _ option: String) throws -> CivilDay? {
        guard let text else { return nil }
        guard let day = CivilDay(text) else {
            throw Refusal(.invalid, "\(text) is no day.", hint: "Write it as 2026-11-30.", at: option)
        }
        return day
    }
    var accountID: Int64?
    if let number = options.accountNumber {
        accountID = try await open.site.money.read { transaction in
            try SupplyAccount.find(number: number, Scope(orgID: org.orgID), in: transaction)?.accountID
        }
        guard accountID != nil else {
            throw Refusal(.notFound, "There is no account \(number).", at: "--account")
        }
    }
    let selection = RatingRun.Selection(
        from: try day(options.from, "--from"), to: try day(options.to ?? options.from, "--to"), accountID: accountID,
        packID: options.packID)
    return try await open.site.perform(
        AskRatingRun(isTrial: options.isTrial, selection: selection, reason: options.reason), as: actor, source: "cli",
        why: options.reason
    ).runID
}

private func say(_ run: RatingRun, _ sums: RatingRunSums, _ largest: [RatingChange], _ console: Console) {
    let verb = run.isTrial ? "would change" : "changed"
    console.say("run \(run.runID): \(run.state.rawValue)")
    let difference = rupees(paise: sums.afterPaise - sums.beforePaise, signed: true)
    console.say("  \(verb) \(sums.changes) account-days of \(sums.accounts) accounts, \(difference)")
    let parts = sums.parts.map {
        [$0.component, rupees(paise: $0.beforePaise), rupees(paise: $0.afterPaise)]
    }
    for line in table([["component", "before", "after"]] + parts) where !parts.isEmpty { console.say("  " + line) }
    let rows = largest.map {
        [
            "\($0.accountID)", "\($0.day)", rupees(paise: $0.beforePaise), rupees(paise: $0.afterPaise),
            rupees(paise: $0.differencePaise, signed: true),
        ]
    }
    guard !rows.isEmpty else { return }
    console.say("  largest")
    for line in table([["account", "day", "before", "after", "difference"]] + rows) { console.say("  " + line) }
}

private func sayJSON(
    _ site: Site, _ run: RatingRun, _ sums: RatingRunSums, _ scope: Scope, _ console: Console
) async throws {
    func differences(_ parts: [RatingChange.Part]) -> [String: Int64] {
        Dictionary(parts.map { ($0.component, $0.afterPaise - $0.beforePaise) }, uniquingKeysWith: { $1 })
    }
    try console.say(
        json: RunReportLine(
            runID: String(run.runID), isTrial: run.isTrial, state: run.state.rawValue, error: run.error,
            accounts: sums.accounts, accountDays: sums.changes, beforePaise: sums.beforePaise,
            afterPaise: sums.afterPaise, partsPaise: differences(sums.parts)))
    var after: (accountID: Int64, day: CivilDay)?
    while true {
        let page = try await site.money.read { [after] in
            try RatingChange.page(runID: run.runID, after: after, limit: 1_000, scope, in: $0)
        }
        guard let last = page.last else { return }
        after = (last.accountID, last.day)
        for change in page {
            try console.say(
                json: RunChangeLine(
                    accountID: String(change.accountID), day: change.day.description,
                    beforePaise: change.beforePaise, afterPaise: change.afterPaise,
                    partsPaise: differences(change.parts)))
        }
    }
}
