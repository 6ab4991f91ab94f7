// `busbar journal money`: the company's money by month, for people and programs.
import API
import Access
import CivilTime

/// Says the report as a table with a line a month. Works it out anew; changes nothing.
public func printMoney(
    _ site: SiteOptions, orgID: Int64?, from: String?, to: String?, _ console: Console
) async throws -> CommandStatus {
    func month(_ text: String?, _ option: String) throws -> CivilMonth? {
        guard let text else { return nil }
        guard let month = CivilMonth(text), (1970...2199).contains(month.year) else {
            throw Complaint("\(option) \(text.prefix(40)): no month", hint: "Give one as 2026-11.", .usage)
        }
        return month
    }
    let (first, last) = (try month(from, "--from"), try month(to, "--to"))
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let report = try await naming(["from": "--from"]) {
            try await MoneyReport.of(open.site, from: first, to: last, Scope(orgID: org.orgID))
        }
        for line in report.csv().split(separator: "\r\n") { console.say(String(line)) }
        console.note(
            "Paid ahead \(report.aheadPaise), owed in wallets \(report.owedPaise), owed from before "
                + "\(report.arrearsPaise) paise.")
        return .done
    }
}
