// `busbar packs terms`: terms of sale and places served, from a file, and as a list.
import Access
import CivilTime
import Packs
import Quantities
import SQL
import Subscriptions

private struct TermsLine: Encodable {
    var packID: String
    var fromDay: String
    var terms: SaleTerms
}

/// Takes a file of terms, all or nothing, and says how many rows were new.
public func importPackTerms(
    _ site: SiteOptions, orgID: Int64?, file: String, _ console: Console
) async throws -> CommandStatus {
    let command = try SetPackTerms(try readFile(file, limit: SetPackTerms.bytesMax), name: shownName(file))
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let taken = try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli")
        console.say("\(taken) new")
        return .done
    }
}

/// Shows the terms of every pack that has some.
public func listPackTerms(
    _ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let found = try await open.site.money.read { try PackOffers.storedTerms(Scope(orgID: org.orgID), in: $0) }
        if json {
            for item in found {
                try console.say(
                    json: TermsLine(packID: item.packID, fromDay: item.fromDay.description, terms: item.terms))
            }
            return .done
        }
        let lines = found.map { row($0) }
        let head = ["pack", "from", "seller", "lead days", "months", "limit W", "break", "categories"]
        for line in table([head] + lines) { console.say(line) }
        if found.isEmpty { console.note("No terms were entered; packs are sold on the usual ones.") }
        return .done
    }
}

private func row(_ item: PackOffers.Stored) -> [String] {
    let terms = item.terms
    let months: String = terms.months.map { String($0) } ?? "-"
    let limit: String = terms.loadLimitW.map { String($0) } ?? "-"
    let part: String = terms.breakPPM == 0 ? "-" : fixedPoint(terms.breakPPM, places: 4) + " %"
    let categories: String = terms.categories.isEmpty ? "all" : terms.categories.joined(separator: " ")
    return [
        item.packID, item.fromDay.description, terms.seller, String(terms.leadDays), months, limit, part, categories,
    ]
}
