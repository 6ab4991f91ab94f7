// Outages, indices and tamper cases as pages and programs show them, a part at a time. Holds no rule.
import Access
import CivilTime
import Clocks
import Grid
import MeterData
import Meters
import Reliability
import SQL

/// An outage with its meters and the versions it had.
public struct OutageDetail: Sendable {
    public var row: OutageRow
    public var members: ListPart<OutageMember>
    public var versions: [Outage]
}

public enum OutageReport {
    /// - Parameter after: the `next` of the part before; empty for the newest.
    /// - Throws: ``Refusal`` for a place in the list that cannot be, or a place that is not there.
    public static func list(
        _ site: Site, _ filter: OutageFilter, after: String, limit: Int, _ scope: Scope
    ) async throws -> ListPart<OutageRow> {
        let before = try pair(after)
        return try await site.money.read { transaction in
            if let placeID = filter.placeID { _ = try Place.find(placeID, scope, in: transaction) }
            let found = try Outages.list(
                filter, before: before.map { (startMs: $0.0, outageID: $0.1) }, limit: limit + 1, scope,
                in: transaction)
            return .of(found, limit: limit) { "\($0.outage.startMs)-\($0.outage.outageID)" }
        }
    }

    /// - Parameter after: a meter's id, not included.
    public static func detail(
        _ site: Site, _ outageID: Int64, after: Int64, limit: Int, _ scope: Scope
    ) async throws -> OutageDetail {
        try await site.money.read { transaction in
            OutageDetail(
                row: try Outages.find(outageID, scope, in: transaction),
                members: .of(
                    try Outages.members(outageID, after: after, limit: limit + 1, scope, in: transaction),
                    limit: limit
                ) { String($0.outage.meterID) },
                versions: try Outages.versions(outageID, scope, in: transaction))
        }
    }

    /// The outages of a meter that began within a year, every version, newest first.
    public static func ofMeter(
        _ site: Site, _ meterID: Int64, limit: Int, _ scope: Scope
    ) async throws -> [MeterOutage] {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { transaction in
            _ = try Meter.find(meterID, scope, in: transaction)
            return try MeterOutages.versions(
                meterID: meterID, fromMs: nowMs - 366 * 86_400_000, toMs: nowMs + 86_400_000, limit: limit, scope,
                in: transaction)
        }
    }

    public static func cases(
        _ site: Site, state: TamperCase.State?, after: String, limit: Int, _ scope: Scope
    ) async throws -> ListPart<(item: TamperCase, serial: String)> {
        let before = try pair(after)
        return try await site.money.read { transaction in
            .of(
                try TamperCases.list(
                    state: state, before: before.map { (lastAtMs: $0.0, caseID: $0.1) }, limit: limit + 1, scope,
                    in: transaction), limit: limit
            ) { "\($0.item.lastAtMs)-\($0.item.caseID)" }
        }
    }

    static func pair(_ text: String) throws -> (Int64, Int64)? {
        guard !text.isEmpty else { return nil }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 2, let first = parts[0], let second = parts[1] else {
            throw Refusal(
                .invalid, "This is no place in the list.", hint: "Send the `next` of the part before.", at: "after")
        }
        return (first, second)
    }
}

/// The indices of a part of the network, by month, with those of the places below it.
public struct ReliabilityOverview: Sendable {
    public static let daysMax = 1_830
    static let placesMax = 60

    public struct Below: Sendable {
        public var place: Place
        public var part: ReliabilityReport.Part
    }
    /// Nil: all that the scope sees.
    public var place: Place?
    /// From above, without the place itself.
    public var above: [Place]
    public var report: ReliabilityReport
    public var below: [Below]
    public var rules: OutageRules
    /// The threshold is of the days judged: there are none before.
    public var isOwnBase: Bool
    public var nowMs: Int64

    public static func of(
        _ site: Site, placeID: Int64?, from: CivilDay, to: CivilDay, _ scope: Scope
    ) async throws -> ReliabilityOverview {
        guard from <= to, from.days(to: to) < daysMax else {
            throw Refusal(
                .invalid, "This is no span of days.", hint: "The first day comes first; at most five years.", at: "to")
        }
        return try await site.money.read { transaction in
            let moment = try Moment.of(site, scope, in: transaction)
            let rules = try OutageRules.inForce(on: to, scope, in: transaction)
            let place = try placeID.map { try Place.find($0, scope, in: transaction) }
            let all = try Place.all(scope, in: transaction)
            let ids = Set(all.map(\.placeID))
            let children = all.filter { child in
                placeID.map { child.parentID == $0 } ?? (child.parentID.map { !ids.contains($0) } ?? true)
            }
            let calculation = Calculation(
                moment: moment, rules: rules, from: from, to: to, scope: scope, transaction: transaction)
            let base = try calculation.base(placeID)
            let report = try calculation.report(placeID, base: base)
            return ReliabilityOverview(
                place: place, above: Self.above(place, all), report: report,
                below: try children.prefix(placesMax).map { child in
                    // Days that were major for the whole are told apart in its parts too: by their own base.
                    Below(place: child, part: try calculation.report(child.placeID, base: []).whole)
                }, rules: rules, isOwnBase: base.count < 2, nowMs: moment.nowMs)
        }
    }

    private static func above(_ place: Place?, _ all: [Place]) -> [Place] {
        let byID = Dictionary(all.map { ($0.placeID, $0) }, uniquingKeysWith: { first, _ in first })
        var path: [Place] = []
        var next = place?.parentID
        while let id = next, let found = byID[id], path.count < 16 {
            path.insert(found, at: 0)
            next = found.parentID
        }
        return path
    }

    private struct Calculation {
        let moment: Moment
        let rules: OutageRules
        let from: CivilDay
        let to: CivilDay
        let scope: Scope
        let transaction: any SQLTransaction

        /// Customers served on the first day of each month of the span, and on its last day. In the month in which
        /// the network begins they join by the day, and are counted by the day.
        private func served(_ placeID: Int64?) throws -> [(day: CivilDay, count: Int64)] {
            func count(_ day: CivilDay) throws -> (day: CivilDay, count: Int64) {
                (day, try ReliabilityStore.customers(placeID: placeID, on: day, scope, in: transaction))
            }
            var found = [try count(from)]
            var day = from
            if found[0].count == 0,
                let begin = try ReliabilityStore.firstInstallation(
                    placeID: placeID, after: from, to: to, scope, in: transaction)
            {
                for number in begin.number...min(to, begin.month.last).number {
                    found.append(try count(CivilDay(number: number)))
                }
                day = begin
            }
            var month = day.month.next
            while month <= to.month {
                found.append(try count(month.first))
                month = month.next
            }
            if to > from, found.last?.day != to { found.append(try count(to)) }
            return found
        }

        /// Daily sums of the five years before the year in which the span begins.
        func base(_ placeID: Int64?) throws -> [InterruptedDay] {
            let zone = moment.zone
            guard let end = CivilDay(year: from.parts.year, month: 1, day: 1),
                let begin = CivilDay(year: from.parts.year - ReliabilityReport.baseYears, month: 1, day: 1)
            else { return [] }
            let customers = try ReliabilityStore.customers(
                placeID: placeID, on: end.advanced(by: -1), scope, in: transaction)
            guard customers > 0 else { return [] }
            return try ReliabilityStore.days(
                placeID: placeID, fromMs: zone.startS(of: begin) * 1000, toMs: zone.startS(of: end) * 1000,
                momentaryMaxS: rules.reliability.momentaryMaxS, zone: zone, customers: customers, scope,
                in: transaction)
        }

        func report(_ placeID: Int64?, base: [InterruptedDay]) throws -> ReliabilityReport {
            let zone = moment.zone
            let interruptions = try ReliabilityStore.interruptions(
                placeID: placeID, fromMs: zone.startS(of: from) * 1000,
                toMs: zone.startS(of: to.advanced(by: 1)) * 1000, nowMs: moment.nowMs, scope, in: transaction)
            let served = try served(placeID)
            return ReliabilityReport(
                interruptions, from: from, to: to, zone: zone, base: base.count < 2 ? [] : base,
                rules: rules.reliability
            ) { day in served.last { $0.day <= day }?.count ?? served.first?.count ?? 0 }
        }
    }
}

extension ReliabilityOverview {
    /// The months, the whole and the places below, one line each; RFC 4180. Figures are decimals of minutes and counts.
    public func csv() -> String {
        let names = ["saidi", "saifi", "caidi", "caifi", "ctaidi", "maifi", "maifiE", "asai"]
        var lines = [
            (["from", "to", "place", "part", "customers", "sustained", "momentary"]
                + names.flatMap { [$0, $0 + "Low", $0 + "High"] } + ["servedFrom"]).joined(separator: ",")
        ]
        func add(_ name: String, _ part: ReliabilityReport.Part) {
            for (kind, indices) in [
                ("all", part.all), ("withoutMajor", part.withoutMajor), ("planned", part.planned),
            ] {
                let figures = [
                    indices.saidi, indices.saifi, indices.caidi, indices.caifi, indices.ctaidi, indices.maifi,
                    indices.maifiE, indices.asai,
                ]
                let cells =
                    [
                        part.from.description, part.to.description, Self.cell(name), kind, String(part.customers),
                        String(indices.sustainedEvents), String(indices.momentaryEvents),
                    ] + figures.flatMap { [$0.likely, $0.low, $0.high].map(Self.decimal) }
                    + [part.servedFrom?.description ?? ""]
                lines.append(cells.joined(separator: ","))
            }
        }
        for month in report.months { add(place?.name ?? "", month) }
        add(place?.name ?? "", report.whole)
        for item in below { add(item.place.name, item.part) }
        return lines.joined(separator: "\r\n") + "\r\n"
    }

    /// Quoted where it must be; a cell a spreadsheet would take for a formula gets an apostrophe in front.
    private static func cell(_ text: String) -> String {
        let safe = "=+-@\t\r".contains(text.first ?? "a") ? "'" + text : text
        let needsQuotes = safe.unicodeScalars.contains { "\",\n\r".unicodeScalars.contains($0) }
        return needsQuotes ? "\"\(safe.replacing("\"", with: "\"\""))\"" : safe
    }

    private static func decimal(_ millionths: Int64?) -> String {
        guard let millionths else { return "" }
        let part = String(millionths.magnitude % 1_000_000)
        return "\(millionths < 0 ? "-" : "")\(millionths.magnitude / 1_000_000)."
            + String(repeating: "0", count: 6 - part.count) + part
    }
}
