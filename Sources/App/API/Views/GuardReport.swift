// The disconnection guard as a report: a part of the list with its counts and the hold that stands, and all of it as a
// file. Decides nothing.
import Access
import CivilTime
import Clocks
import Grid
import SQL
import Supply

public struct GuardReport: Sendable {
    public var rows: [GuardRow]
    /// Where the next part begins; nil at the end.
    public var next: String?
    public var counts: SupplyGuard.Counts
    /// What stops every cut now.
    public var hold: SupplyHold?

    public init(rows: [GuardRow], next: String?, counts: SupplyGuard.Counts, hold: SupplyHold?) {
        (self.rows, self.next, self.counts, self.hold) = (rows, next, counts, hold)
    }

    /// - Throws: ``Refusal`` `notFound` for a place that is none of the scope.
    public static func of(
        _ site: Site, _ filter: SupplyGuard.Filter, after: String?, limit: Int, _ scope: Scope
    ) async throws -> GuardReport {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { transaction in
            if let placeID = filter.placeID { _ = try Place.find(placeID, scope, in: transaction) }
            let rows = try SupplyGuard.page(after: after, filter, limit: limit + 1, scope, in: transaction)
            return GuardReport(
                rows: Array(rows.prefix(limit)), next: rows.count > limit ? rows[limit - 1].cursor : nil,
                counts: try SupplyGuard.counts(placeID: filter.placeID, scope, in: transaction),
                hold: try SupplyHold.standing(atMs: nowMs, scope, in: transaction))
        }
    }

    /// Rows of a file at most; a company that has more of them narrows the list to a place.
    public static let fileRowsMax = 100_000
    private static let filePart = 500

    /// The whole list as CSV (RFC 4180), times of the company's zone.
    public static func csv(_ site: Site, _ filter: SupplyGuard.Filter, zone: Zone, _ scope: Scope) async throws
        -> String
    {
        var lines = [
            "account,name,category,place,standing,balance_paise,estimated_paise,low_since,not_before,reasons,"
                + "last_notice,evidence,charged_through"
        ]
        var after: String?
        while lines.count <= fileRowsMax {
            let rows = try await site.money.read { [after] transaction in
                try SupplyGuard.page(after: after, filter, limit: Self.filePart, scope, in: transaction)
            }
            lines += rows.map { line($0, zone) }
            guard rows.count == filePart, let last = rows.last else { break }
            after = last.cursor
        }
        return lines.joined(separator: "\r\n") + "\r\n"
    }

    private static func line(_ row: GuardRow, _ zone: Zone) -> String {
        let notice = row.lastNotice
        return [
            row.accountNumber, row.name, row.category, row.placeName, row.standing.rawValue, "\(row.balancePaise)",
            "\(row.estimatedChargesPaise)", row.lowSinceMs.map { moment($0, zone) } ?? "",
            row.notBeforeMs.map { moment($0, zone) } ?? "",
            row.reasons.map(\.code.rawValue).joined(separator: " "),
            notice.map { moment($0.sentAtMs, zone) } ?? "",
            (notice?.evidence ?? []).map { "\($0.channel):\($0.state)" }.joined(separator: " "),
            row.chargedThrough?.description ?? "",
        ].map(field).joined(separator: ",")
    }

    /// `2026-11-22 10:05` in the zone.
    public static func moment(_ ms: Int64, _ zone: Zone) -> String {
        let (day, second) = zone.civil(atS: ms / 1000)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(day) \(two(second / 3_600)):\(two(second / 60 % 60))"
    }

    /// A name that begins like a formula must stay a name where the file is opened; a negative number is one.
    private static func field(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } == true && Int64(text) == nil
        let safe = isFormula ? "'" + text : text
        return safe.contains { ",\"\r\n".contains($0) } ? "\"" + safe.replacing("\"", with: "\"\"") + "\"" : safe
    }
}
