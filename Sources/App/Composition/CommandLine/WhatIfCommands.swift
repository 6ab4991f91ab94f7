// `busbar packs whatif|compare`: a pack priced over past loads, and the packs open to a consumer compared. Nothing is
// posted; Rating does the work.
import Access
import Accounts
import CivilTime
import Packs
import Quantities
import Rating
import SQL
import Tariffs

public struct WhatIfOptions: Sendable {
    public var orgID: Int64?
    public var pack: String?
    public var version: Int64?
    public var draftID: Int64?
    public var asked: WhatIfAsked
    /// A line a consumer, instead of the report.
    public var csv: Bool
    public init(
        orgID: Int64?, pack: String?, version: Int64?, draftID: Int64?, against: String?, from: String, to: String,
        account: String?, placeID: Int64?, category: String?, held: String?, sample: Int, csv: Bool
    ) {
        (self.orgID, self.pack, self.version, self.draftID, self.csv) = (orgID, pack, version, draftID, csv)
        asked = WhatIfAsked(
            against: against ?? WhatIfAsked.present, from: from, to: to, account: account, placeID: placeID,
            category: category, heldPack: held, sample: sample)
    }

    fileprivate func subject() throws -> WhatIfSubject {
        switch (pack, draftID) {
        case (let pack?, nil): return .pack(pack, version: version)
        case (nil, let draftID?): return .draft(draftID)
        default: throw Complaint("what to price", hint: "Give --pack or --draft, one of them.", .usage)
        }
    }
}

/// Asks, prices to the end, and says who would gain and who would lose.
public func whatIf(_ site: SiteOptions, _ options: WhatIfOptions, _ console: Console) async throws -> CommandStatus {
    let subject = try options.subject()
    return try await withSite(site) { open in
        try await naming(packOptions) {
            let org = try await open.org(options.orgID)
            let actor = Actor.system(orgID: org.orgID)
            let progress = ProgressLine(console)
            let whatIfID = try await open.site.perform(
                AskWhatIf(subject, options.asked), as: actor, source: "cli")
            try await WhatIfRunner(site: open.site, org: org).run(whatIfID: whatIfID, accountsMax: .max) { done in
                progress.at("\(done) consumers priced")
            }
            let took = progress.end()
            let (found, rows, tariff) = try await open.site.money.read { transaction in
                let found = try WhatIf.find(whatIfID, actor.scope, in: transaction)
                return (
                    found, try WhatIf.outcomes(whatIfID, actor.scope, in: transaction),
                    try PackCheck.read(found.text, actor.scope, in: transaction)
                )
            }
            if options.csv {
                console.say(WhatIfReport.csv(rows, minorDigits: tariff.minorDigits))
            } else {
                lines(found, found.report(rows, tariff), tariff).forEach(console.say)
            }
            console.note(
                "what-if \(whatIfID): \(rows.count) of \(found.reachCount) consumers, \(took); both sides priced anew "
                    + "from the same readings, without add-ons; nothing was posted")
            return .done
        }
    }
}

private func lines(_ found: WhatIf, _ report: WhatIfReport, _ tariff: Tariff) -> [String] {
    func money(_ minor: Int64) -> String { tariff.money(minor) }
    func percent(_ group: WhatIfReport.Group) -> String {
        fixedPoint(WhatIfReport.hundredths(group.change, of: group.before), places: 2) + " %"
    }
    func use(_ group: WhatIfReport.Group) -> String {
        let from = (group.from ?? 0) / 1000
        return group.upTo.map { "\(from)-\($0 / 1000) kWh" } ?? "above \(from) kWh"
    }
    var lines = [
        "\(found.asked.subject) against \(found.asked.against), \(found.asked.from) to \(found.asked.to)",
        "\(report.total.count) compared: \(report.total.gainers) pay less (\(money(report.gainedMinor))), "
            + "\(report.total.losers) pay more (\(money(report.lostMinor)))",
        "total \(money(report.total.before)) -> \(money(report.total.after)), \(percent(report.total))", "",
    ]
    let groups = report.byUse.filter { $0.count > 0 }
    lines += table(
        [["use a month", "consumers", "less", "more", "before", "after", "change"]]
            + groups.map {
                [
                    use($0), "\($0.count)", "\($0.gainers)", "\($0.losers)", money($0.before), money($0.after),
                    percent($0),
                ]
            })
    lines.append("")
    lines += table(
        [["component", "before", "after"]]
            + report.components.map { [$0.name, money($0.before), money($0.after)] })
    if report.missingDays > 0 || report.leftMonths > 0 {
        lines.append(
            "\(report.missingDays) days have gaps, which count as no use; \(report.leftMonths) months left out")
    }
    for (reason, count) in report.aside { lines.append("\(count) not compared: \(reason)") }
    return lines
}

/// The packs open to a consumer over the own past, cheapest first.
public func comparePacks(
    _ site: SiteOptions, orgID: Int64?, account: String, months: Int, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        try await naming(packOptions) {
            let org = try await open.org(orgID)
            let scope = Scope(orgID: org.orgID)
            let known = try await open.site.money.read {
                try SupplyAccount.find(number: account, scope, in: $0)
            }
            guard let known else { throw Refusal(.notFound, "There is no account of this number.", at: "account") }
            let found = try await PackComparison.of(
                accountID: known.accountID, months: months, site: open.site, org: org, scope)
            let rows = found.offers.map {
                [
                    $0.packID, $0.name, $0.totalMinor.map { rupees(paise: $0) } ?? "-", $0.isHeld ? "held" : "",
                    $0.reason ?? "",
                ]
            }
            for line in table([["pack", "name", "cost", "", ""]] + rows) { console.say(line) }
            guard let from = found.from, let to = found.to else {
                console.note("Too few readings to compare.")
                return .partly
            }
            console.note(
                "\(from) to \(to), \(kilowattHours(wh: found.energyWh)) kWh, \(found.missingDays) days with gaps; the "
                    + "own past by packs as they stand today, no promise")
            return .done
        }
    }
}
