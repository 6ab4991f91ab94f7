// Sums of sets, their break-up, energy balances and reports, as programs read them.
import Access
import Aggregation
import CivilTime
import Grid
import IntervalData
import SQL

/// What can be summed, by its name in addresses.
enum SummedChannel: String, Codable, CaseIterable, Sendable {
    case importWh = "import-Wh"
    case exportWh = "export-Wh"

    var channel: Channel { self == .importWh ? .importWh : .exportWh }
}

struct SeriesQuery: APIModel {
    var set: String
    var from: Day
    var to: Day
    var resolution: Resolution?
    var channel: SummedChannel?
    static let notes: [String: Note] = [
        "set": Note(
            "`all`, `place:ID`, `category:NAME`, `meter:ID`, `virtual:ID`, `corridor:KEY`, or `plant:`, `res:`, "
                + "`nma:`, `stu:`, `ctu:` with an ID.", length: 3...420),
        "from": Note("First day."), "to": Note("Last day."), "resolution": Note("Length of a bucket; hour by itself."),
        "channel": Note("What is summed; import by itself."),
    ]
}

struct BucketView: APIModel {
    var startS: Int64
    var day: Day
    var meterWh: Int64
    var grossedMilliWh: Int64?
    var estimatedIntervals: Int
    var editedIntervals: Int
    var missingIntervals: Int
    static let notes: [String: Note] = [
        "startS": Note("When it begins, seconds since 1970."), "day": Note("The civil day; of a month its first."),
        "meterWh": Note("Plain sum of the meters."),
        "grossedMilliWh": Note("What went into the set for it, in thousandths of a Wh; absent where it is not known."),
        "estimatedIntervals": Note("Values in it that are estimates."),
        "editedIntervals": Note("Values in it that a person gave."),
        "missingIntervals": Note("Values that are not there."),
    ]
}

struct SeriesView: APIModel {
    enum Gross: String, Codable, CaseIterable {
        case known, undeclared
        case notOfThisSet = "not-of-this-set"
        case withoutPath = "without-path"
    }
    var set: String
    var title: String
    var resolution: Resolution
    var asked: Resolution
    var meters: Int
    var totalWh: Int64?
    var gross: Gross
    var grossedTotalMilliWh: Int64?
    var undeclaredNodes: [ID]
    var withoutPathWh: Int64?
    var estimatedIntervals: Int
    var editedIntervals: Int
    var missingIntervals: Int
    var madeAtMs: Int64?
    var unsummedDays: [Day]
    var buckets: [BucketView]
    static let notes: [String: Note] = [
        "set": Note("The set."), "title": Note("Its name; empty for the company."),
        "resolution": Note("Length of a bucket: longer than asked for where meters do not measure so finely."),
        "asked": Note("What was asked for."), "meters": Note("The highest number of meters on any day."),
        "totalWh": Note("Plain sum of the meters over the period; absent where no day of it is summed up."),
        "gross": Note(
            "Whether a grossed-up value means something for the set, all losses are declared, and the way is known."),
        "grossedTotalMilliWh": Note("What went into the set, in thousandths of a Wh."),
        "undeclaredNodes": Note("Nodes that declared no loss for some day."),
        "withoutPathWh": Note("Part of the plain sum whose way is not known; not in the grossed-up value."),
        "estimatedIntervals": Note("Values that are estimates."),
        "editedIntervals": Note("Values that a person gave."),
        "missingIntervals": Note("Values that are not there."),
        "madeAtMs": Note("When the oldest of the sums was made; absent where there is none."),
        "unsummedDays": Note("Days that are not summed up yet: in no bucket and no total.", itemsMax: 3700),
        "buckets": Note("In order of time; those without any value are left out."),
    ]

    init(_ series: SetSeries, title: String) {
        (set, self.title, resolution) = (series.key.description, title, series.resolution)
        (asked, meters, totalWh) = (series.asked, series.meters, series.knownTotalWh)
        unsummedDays = series.unsummed.map { Day($0) }
        (gross, undeclaredNodes, withoutPathWh) = (.notOfThisSet, [], nil)
        switch series.grossed {
        case .notOfThisSet: break
        case .withoutPath: gross = .withoutPath
        case .undeclared(let nodes): (gross, undeclaredNodes) = (.undeclared, nodes.map { ID($0) })
        case .known(let without): (gross, withoutPathWh) = (.known, without)
        }
        grossedTotalMilliWh = gross == .known ? series.grossedTotalMilliWh : nil
        (estimatedIntervals, editedIntervals) = (series.estimatedCount, series.editedCount)
        missingIntervals = series.missingCount
        madeAtMs = series.madeAtMs
        buckets = series.buckets.map { bucket in
            BucketView(
                startS: bucket.startS, day: Day(bucket.day), meterWh: bucket.meterWh,
                grossedMilliWh: bucket.grossedMilliWh, estimatedIntervals: bucket.estimatedIntervals,
                editedIntervals: bucket.editedIntervals,
                missingIntervals: bucket.missingIntervals)
        }
    }
}

struct BreakUpQuery: APIModel {
    var set: String
    var from: Day
    var to: Day
    var by: BreakUpKind?
    var channel: SummedChannel?
    var limit: Int?
    static let notes: [String: Note] = [
        "set": Note("The set, as for its sums.", length: 3...420), "from": Note("First day."), "to": Note("Last day."),
        "by": Note("By what it is broken up; by meter when not given."),
        "channel": Note("What is summed; import by itself."),
        "limit": Note("How many parts are told one by one; 50 when not given.", range: 1...1000),
    ]
}

struct PartView: APIModel {
    var set: String?
    var title: String
    var meterWh: Int64
    var estimatedIntervals: Int
    var editedIntervals: Int
    var missingIntervals: Int
    static let notes: [String: Note] = [
        "set": Note("The part as a set, to go on from; absent for what belongs to none."),
        "title": Note("Its name."), "meterWh": Note("Plain sum of its meters."),
        "estimatedIntervals": Note("Values that are estimates."),
        "editedIntervals": Note("Values that a person gave."),
        "missingIntervals": Note("Values that are not there."),
    ]
    init(_ row: BreakUpRow, title: String) {
        (set, self.title, meterWh) = (row.key?.description, title, row.wh)
        (estimatedIntervals, editedIntervals) = (row.estimatedIntervals, row.editedIntervals)
        missingIntervals = row.missingIntervals
    }
}

struct BreakUpView: APIModel {
    var totalWh: Int64?
    var parts: [PartView]
    var rest: PartView?
    var restCount: Int
    var unsummedDays: [Day]
    static let notes: [String: Note] = [
        "totalWh": Note("The parts and the rest add exactly to it; absent where there are none."),
        "unsummedDays": Note("Days that are not summed up yet: in no part.", itemsMax: 400),
        "parts": Note("The largest first."),
        "rest": Note("All other parts together; absent when there are none."),
        "restCount": Note("How many those are."),
    ]
}

struct BalanceQuery: APIModel {
    var from: Day
    var to: Day
    static let notes: [String: Note] = ["from": Note("First day."), "to": Note("Last day.")]
}

struct BalanceRowView: APIModel {
    var placeID: ID
    var place: String
    var headImportWh: Int64?
    var headExportWh: Int64?
    var belowImportWh: Int64?
    var belowExportWh: Int64?
    var lossWh: Int64?
    var lossPPM: Int64?
    var completePPM: Int64?
    static let notes: [String: Note] = [
        "placeID": Note("The place."), "place": Note("Its name."),
        "headImportWh": Note("What the meters at its head let in; absent where they said nothing."),
        "headExportWh": Note("What they let out."),
        "belowImportWh": Note("What the meters below took; absent where no day is summed up."),
        "belowExportWh": Note("What they gave."),
        "lossWh": Note(
            "Not accounted for: in less out. Negative when more came out than went in; absent where either is."),
        "lossPPM": Note("Millionths of what went in; absent when nothing did."),
        "completePPM": Note("Share of intervals neither missing nor estimated, millionths."),
    ]
}

struct BalancesView: APIModel {
    var places: [BalanceRowView]
    var unsummedDays: [Day]
    static let notes: [String: Note] = [
        "places": Note("Places with a meter at their head, the largest loss first."),
        "unsummedDays": Note("Days that are not summed up yet: they count on neither side.", itemsMax: 400),
    ]
}

struct ReportPath: APIModel {
    var report: ReportName
    var from: Day
    var to: Day
    var set: String?
    var by: BreakUpKind?
    var after: Int?
    var limit: Int?
    static let notes: [String: Note] = [
        "report": Note("Which report."), "from": Note("First day."), "to": Note("Last day."),
        "set": Note("The set it is about; the whole company when not given.", length: 3...420),
        "by": Note("By what consumption is broken up; by meter when not given."),
        "after": Note("The `next` of the part before.", range: 0...20_000),
        "limit": Note("How many rows at most; 200 when not given.", range: 1...1000),
    ]
}

struct ReportColumnView: APIModel {
    var name: String
    var unit: ReportUnit
    static let notes: [String: Note] = [
        "name": Note("Stable; the unit stands last."), "unit": Note("What the values are."),
    ]
}

struct ReportRowView: APIModel {
    var cells: [String]
    var set: String?
    var meterID: ID?
    static let notes: [String: Note] = [
        "cells": Note("A text for each column: whole numbers in the column's unit; empty for what is not known."),
        "set": Note("The set whose sums are behind it."), "meterID": Note("The meter whose values are behind it."),
    ]
}

struct ReportView: APIModel {
    var report: ReportName
    var from: Day
    var to: Day
    var madeAtMs: Int64
    var columns: [ReportColumnView]
    var rows: [ReportRowView]
    var rowCount: Int
    var unsummedDays: [Day]
    var next: Int?
    static let notes: [String: Note] = [
        "report": Note("Which report."), "from": Note("First day."), "to": Note("Last day."),
        "madeAtMs": Note("Business time it was made at."), "columns": Note("What the cells of a row are."),
        "rows": Note("At most as many as asked for."), "rowCount": Note("How many there are in all."),
        "unsummedDays": Note("Days that are not summed up yet: in no row, or with empty cells.", itemsMax: 400),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
    init(_ report: Report, after: Int, limit: Int) {
        (self.report, from, to) = (report.name, Day(report.from), Day(report.to))
        (madeAtMs, rowCount) = (report.madeAtMs, report.rows.count)
        unsummedDays = report.unsummed.map { Day($0) }
        columns = report.columns.map { ReportColumnView(name: $0.name, unit: $0.unit) }
        rows = report.rows.dropFirst(after).prefix(limit).map { row in
            var view = ReportRowView(cells: row.cells.map(\.plain))
            switch row.opens {
            case .set(let key, _, _), .forecast(let key, _, _): view.set = key.description
            case .meter, .exceptions, nil: break
            }
            if case .meter(let meterID, _) = row.opens { view.meterID = ID(meterID) }
            return view
        }
        next = after + limit < report.rows.count ? after + limit : nil
    }
}

/// Sums as pages and programs read them, in the scope of who asks.
public enum SetReports {
    public static func series(
        _ key: SetKey, _ channel: Channel, from: CivilDay, to: CivilDay, _ resolution: Resolution, _ site: Site,
        _ org: Org, _ scope: Scope
    ) async throws -> (series: SetSeries, title: String) {
        let title = try await title(key, site, scope)
        let reader = try await SetReader(site: site, org: org)
        return (try await reader.series(key, channel, from: from, to: to, resolution), title)
    }

    public static func breakUp(
        _ key: SetKey, _ channel: Channel, from: CivilDay, to: CivilDay, by: BreakUpKind, limit: Int, _ site: Site,
        _ org: Org, _ scope: Scope
    ) async throws -> (BreakUp, titles: [String]) {
        _ = try await title(key, site, scope)
        let reader = try await SetReader(site: site, org: org)
        let parts = try await reader.breakUp(key, channel, from: from, to: to, by: by, limit: limit)
        let company = Scope(orgID: scope.orgID)
        let titles = try await site.money.read { transaction in
            try parts.rows.map { try $0.key?.title(company, in: transaction) ?? "" }
        }
        return (parts, titles)
    }

    /// Proves that the set may be seen.
    private static func title(_ key: SetKey, _ site: Site, _ scope: Scope) async throws -> String {
        try await site.money.read { transaction in
            try key.prove(scope, in: transaction)
            return try key.title(Scope(orgID: scope.orgID), in: transaction)
        }
    }
}

extension Endpoints {
    private static let reading: EndpointAccess = .permission([.readMeters])
    private static let first = Day(CivilDay(number: 20_544))
    private static let last = Day(CivilDay(number: 20_573))
    private static let seriesExample = SeriesView(
        SetSeries(
            key: .place(31), channel: .importWh, resolution: .day, asked: .day, buckets: [], grossed: .notOfThisSet,
            meters: 42, madeAtMs: 1_775_000_000_000), title: "Feeder 4, Alambagh")

    static let aggregation: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<SeriesQuery, SeriesView>(
                "aggregates.read", "GET", "/api/v1/aggregates", access: reading,
                EndpointText(
                    "Read what a set used",
                    "Plain sums of its meters and, apart, what went in for them; 15 minutes to months."),
                example: SeriesQuery(set: "place:31", from: first, to: last, resolution: .day, channel: nil),
                outputExample: seriesExample, rate: .heavy, problems: [.notFound, .forbidden],
                run: { input, context in
                    let (series, title) = try await SetReports.series(
                        SetKey.read(input.set), input.channel?.channel ?? .importWh, from: input.from.value,
                        to: input.to.value, input.resolution ?? .hour, context.services.site, context.org,
                        context.actor.scope)
                    return SeriesView(series, title: title)
                })),
        AnyEndpoint(
            Endpoint<BreakUpQuery, BreakUpView>(
                "aggregates.parts", "GET", "/api/v1/aggregates/parts", access: reading,
                EndpointText("Break a sum up", "By member or by other sets; the parts add exactly to the sum."),
                example: BreakUpQuery(set: "place:31", from: first, to: last, by: .meter, channel: nil, limit: 10),
                outputExample: BreakUpView(totalWh: nil, parts: [], rest: nil, restCount: 0, unsummedDays: []),
                rate: .heavy,
                problems: [.notFound, .forbidden],
                run: { input, context in
                    let (parts, titles) = try await SetReports.breakUp(
                        SetKey.read(input.set), input.channel?.channel ?? .importWh, from: input.from.value,
                        to: input.to.value, by: input.by ?? .meter, limit: input.limit ?? 50, context.services.site,
                        context.org, context.actor.scope)
                    return BreakUpView(
                        totalWh: parts.knownTotalWh, parts: zip(parts.rows, titles).map { PartView($0, title: $1) },
                        rest: parts.rest.map { PartView($0, title: "") }, restCount: parts.restCount,
                        unsummedDays: parts.unsummed.map { Day($0) })
                })),
        AnyEndpoint(
            Endpoint<BalanceQuery, BalancesView>(
                "balances.read", "GET", "/api/v1/balances", access: reading,
                EndpointText("Read energy balances", "What went into places against what the meters below say."),
                example: BalanceQuery(from: first, to: last), outputExample: BalancesView(places: [], unsummedDays: []),
                rate: .heavy,
                run: { input, context in
                    let scope = try context.actor.scope
                    let reader = try await SetReader(site: context.services.site, org: context.org)
                    let found = try await reader.balances(from: input.from.value, to: input.to.value, scope)
                    let unsummed = try await reader.unsummed(.importWh, from: input.from.value, to: input.to.value)
                    return try await context.read { transaction, scope in
                        BalancesView(
                            places: try found.map { balance in
                                BalanceRowView(
                                    placeID: ID(balance.placeID),
                                    place: try Place.find(balance.placeID, scope, in: transaction).name,
                                    headImportWh: balance.knownHeadImportWh, headExportWh: balance.knownHeadExportWh,
                                    belowImportWh: balance.knownBelowImportWh,
                                    belowExportWh: balance.knownBelowExportWh, lossWh: balance.knownLossWh,
                                    lossPPM: balance.lossPPM, completePPM: balance.completePPM)
                            }, unsummedDays: unsummed.map { Day($0) })
                    }
                })),
        AnyEndpoint(
            Endpoint<ReportPath, ReportView>(
                "reports.read", "GET", "/api/v1/reports/{report}", access: reading,
                EndpointText(
                    "Read a report", "A table with typed columns; each row names where its numbers come from."),
                example: ReportPath(
                    report: .dataAvailability, from: first, to: last, set: nil, by: nil, after: nil, limit: 100),
                outputExample: ReportView(
                    Report(
                        name: .dataAvailability, from: first.value, to: last.value,
                        columns: [ReportColumn("place", .text)], rows: [], madeAtMs: 1_775_000_000_000), after: 0,
                    limit: 100), rate: .heavy, problems: [.notFound, .forbidden],
                run: { input, context in
                    let reader = try await SetReader(site: context.services.site, org: context.org)
                    let report = try await reader.report(
                        ReportQuery(
                            input.report, from: input.from.value, to: input.to.value,
                            set: input.set.map { try SetKey.read($0) }, by: input.by ?? .meter), context.actor.scope)
                    return ReportView(report, after: input.after ?? 0, limit: input.limit ?? 200)
                })),
    ]
}
