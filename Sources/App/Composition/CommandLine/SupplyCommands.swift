// `busbar supply`: who is next to be cut and why, the record of an account, and the switch that holds all cuts.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Meters
import Reliability
import SQL
import Supply

private struct SupplyLine: Encodable {
    var accountID: String
    var account: String
    var name: String
    var place: String
    var standing: String
    var balancePaise: Int64
    var estimatedPaise: Int64
    var lowSinceMs: Int64?
    var notBeforeMs: Int64?
    var reasons: [String]
    var chargedThrough: String?

    init(_ row: GuardRow) {
        (accountID, account, name) = (String(row.accountID), row.accountNumber, row.name)
        (place, standing, balancePaise) = (row.placeName, row.standing.rawValue, row.balancePaise)
        (estimatedPaise, lowSinceMs, notBeforeMs) = (row.estimatedChargesPaise, row.lowSinceMs, row.notBeforeMs)
        reasons = row.reasons.map(\.code.rawValue)
        chargedThrough = row.chargedThrough?.description
    }
}

/// Lists who is low or cut, the earliest possible cut first.
public func listSupply(
    _ site: SiteOptions, orgID: Int64?, standing: String?, limit: Int, json: Bool, _ console: Console
) async throws -> CommandStatus {
    guard (1...10_000).contains(limit) else {
        throw Complaint("--limit \(limit): 1 to 10000", hint: "Leave it out for 50.", .usage)
    }
    let wanted = try standing.map { text in
        guard let found = GuardStanding(rawValue: text) else {
            throw Complaint("--standing \(text): next, held or off", hint: "Leave it out for all.", .usage)
        }
        return found
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let report = try await GuardReport.of(
            open.site, SupplyGuard.Filter(standing: wanted), after: nil, limit: limit, Scope(orgID: org.orgID))
        if let hold = report.hold {
            let until = hold.untilMs.map { " until \(GuardReport.moment($0, org.zone))" } ?? ""
            console.note("All cuts are held\(until): \(hold.reason)")
        }
        if json {
            for row in report.rows { try console.say(json: SupplyLine(row)) }
            return .done
        }
        let lines = report.rows.map { row in
            [
                row.accountNumber, row.standing.rawValue, "\(row.balancePaise)",
                row.notBeforeMs.map { GuardReport.moment($0, org.zone) } ?? "-",
                row.reasons.map(\.code.rawValue).joined(separator: " "),
            ]
        }
        for line in table([["account", "standing", "paise", "not before", "why"]] + lines) { console.say(line) }
        if report.rows.isEmpty { console.note("Nobody is low, and nobody is cut.") }
        if report.next != nil { console.note("There are more; raise --limit.") }
        return .done
    }
}

/// Holds all cuts of the company until a time.
public func holdSupply(
    _ site: SiteOptions, orgID: Int64?, until: String, reason: String, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        guard let untilMs = OutageFile.instantS(until, zone: org.zone).map({ $0.likely * 1000 }) else {
            throw Complaint(
                "\(until): no time", hint: "Write 2026-12-01T10:00 (of \(org.zone.identifier)).", .usage)
        }
        let receipt = try await open.site.perform(
            HoldCuts(reason: reason, untilMs: untilMs), as: .system(orgID: org.orgID), source: "cli", why: reason)
        console.say("\(receipt.holdID)")
        return .done
    }
}

/// Lets the rules cut again.
public func releaseSupply(
    _ site: SiteOptions, orgID: Int64?, reason: String, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        _ = try await open.site.perform(
            ReleaseCuts(reason: reason), as: .system(orgID: org.orgID), source: "cli", why: reason)
        console.say("The rules decide again in the next run.")
        return .done
    }
}

private struct WhyLine: Encodable {
    var decisionID: String
    var atMs: Int64
    var wanted: String
    var was: String
    var reasons: [String]
    var balancePaise: Int64
    var notBeforeMs: Int64?
    var ruleGroup: String?
    var rules: String?
    var facts: String?
    /// Judged again from what is stored: the same verdict.
    var comesOutAgain: Bool?
}

/// Prints the decisions of an account, newest first, and judges each again.
public func explainSupply(
    _ site: SiteOptions, orgID: Int64?, account number: String, limit: Int, json: Bool, _ console: Console
) async throws -> CommandStatus {
    guard (1...1_000).contains(limit) else {
        throw Complaint("--limit \(limit): 1 to 1000", hint: "Leave it out for 20.", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let decisions = try await open.site.money.read { transaction in
            guard let account = try SupplyAccount.find(number: number, scope, in: transaction) else {
                throw Complaint(
                    "\(number): no such account", hint: "Its number stands on every page and receipt.", .problems)
            }
            return try Supply.decisions(accountID: account.accountID, limit: limit, scope, in: transaction)
        }
        for decision in decisions {
            let isSame = decision.replayed().map {
                $0.wanted == decision.wanted && $0.reasons == decision.reasons
            }
            guard !json else {
                try console.say(
                    json: WhyLine(
                        decisionID: String(decision.decisionID), atMs: decision.atMs,
                        wanted: decision.wanted.rawValue, was: decision.was.rawValue,
                        reasons: decision.reasons.map(\.code.rawValue), balancePaise: decision.balancePaise,
                        notBeforeMs: decision.notBeforeMs, ruleGroup: decision.ruleGroup,
                        rules: decision.rules?.json(), facts: decision.facts?.json(), comesOutAgain: isSame))
                continue
            }
            let reasons = decision.reasons.map { "\($0.code.rawValue)\($0.detail.isEmpty ? "" : " (\($0.detail))")" }
            console.say(
                "\(GuardReport.moment(decision.atMs, org.zone))  \(decision.was.rawValue) -> "
                    + "\(decision.wanted.rawValue)  \(decision.balancePaise) paise  "
                    + reasons.joined(separator: ", ")
                    + (decision.notBeforeMs.map { "  not before \(GuardReport.moment($0, org.zone))" } ?? ""))
            if isSame == false { console.note("Judged again, this decision comes out otherwise.") }
        }
        if decisions.isEmpty { console.note("Nothing was decided yet.") }
        return .done
    }
}
