// The reports over sums, meters and exceptions. Each reads what is stored and says where its numbers can be opened.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import IntervalData
import MeterData
import Meters
import Packs
import SQL
import Tariffs

extension SetReader {
    /// - Parameter scope: of who asks; nothing beyond it is told.
    public func report(_ query: ReportQuery, _ scope: Scope) async throws -> Report {
        try Self.refuseBadPeriod(query.from, query.to, daysMax: query.name.daysMax)
        if let key = query.set { try await site.money.read { try key.prove(scope, in: $0) } }
        let (columns, rows): ([ReportColumn], [ReportRow]) =
            switch query.name {
            case .dataAvailability: try await availability(query, scope)
            case .exceptions: try await exceptions(query, scope)
            case .consumption: try await consumption(query, scope)
            case .maximumDemand: try await maximumDemand(query, scope)
            case .energyBalance: try await balanceRows(query, scope)
            case .peakToAverage: try await peaks(query, scope)
            case .forecast: try await forecastRows(query, scope)
            case .forecastAccuracy: try await forecastAccuracy(query, scope)
            case .forecastBySize: try await forecastBySize(query, scope)
            }
        guard rows.count <= Report.rowsMax else {
            throw Refusal(
                .tooLarge, "The report has more than \(Report.rowsMax) rows.",
                hint: "Ask for a shorter period or one place.", at: "to")
        }
        return Report(
            name: query.name, from: query.from, to: query.to, columns: columns, rows: rows,
            madeAtMs: site.clocks.businessNowMs(),
            unsummed: query.readsSums ? try await unsummed(.importWh, from: query.from, to: query.to) : [])
    }

    /// The set that is asked about: by itself the whole company. Who is confined to places must name one.
    func set(_ query: ReportQuery, _ scope: Scope) async throws -> SetKey {
        let key = query.set ?? (scope.placeIDs?.first).map { .place($0) } ?? .all
        try await site.money.read { try key.prove(scope, in: $0) }
        return key
    }

    // MARK: data availability

    /// Of one set day by day; without a set, every place of the scope over the period.
    private func availability(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        let columns = [
            ReportColumn("place", .text), ReportColumn("kind", .text), ReportColumn("day", .day),
            ReportColumn("meters", .count), ReportColumn("expected", .count), ReportColumn("actual", .count),
            ReportColumn("estimated", .count), ReportColumn("edited", .count), ReportColumn("missing", .count),
            ReportColumn("available_ppm", .ppm),
        ]
        let sets: [(key: SetKey, name: String, kind: String)] =
            if let key = query.set {
                [try await named(key, scope)]
            } else {
                try await site.money.read { try Place.all(scope, in: $0) }.filter { $0.kind != .pole }
                    .map { (.place($0.placeID), $0.name, $0.kind.rawValue) }
            }
        let unsummed = query.readsSums ? try await unsummed(.importWh, from: query.from, to: query.to) : []
        let isNothingSummed = unsummed.count == query.from.days(to: query.to) + 1
        var rows: [ReportRow] = []
        for set in sets {
            let days = try await days(set.key, .importWh, from: query.from, to: query.to)
            let sorted = days.sorted { $0.key < $1.key }
            if query.set == nil {
                guard !sorted.isEmpty || isNothingSummed else { continue }
                rows.append(Self.row(set, nil, sorted.map(\.value), query.from, query.to))
            } else {
                rows += Set(sorted.map(\.key) + unsummed).sorted().map { day in
                    Self.row(set, day, days[day].map { [$0] } ?? [], day, day)
                }
            }
        }
        return (columns, rows)
    }

    private func named(_ key: SetKey, _ scope: Scope) async throws -> (key: SetKey, name: String, kind: String) {
        try await site.money.read { [org] transaction in
            if case .place(let placeID) = key {
                let place = try Place.find(placeID, scope, in: transaction)
                return (key, place.name, place.kind.rawValue)
            }
            let title = try key.title(Scope(orgID: org.orgID), in: transaction)
            return (key, title.isEmpty ? org.name : title, key.description.prefix { $0 != ":" }.description)
        }
    }

    /// - Parameter days: none where nothing is summed up: then nothing is counted.
    private static func row(
        _ set: (key: SetKey, name: String, kind: String), _ day: CivilDay?, _ days: [DaySums], _ from: CivilDay,
        _ to: CivilDay
    ) -> ReportRow {
        let sums = days.flatMap(\.values)
        let expected = sums.reduce(0) { $0 + $1.meters * $1.slotCount }
        let estimated = sums.reduce(0) { $0 + $1.estimatedCount }
        let edited = sums.reduce(0) { $0 + $1.editedCount }
        let missing = sums.reduce(0) { $0 + $1.missingCount }
        let meters = days.map { $0.values.reduce(0) { $0 + $1.meters } }.max() ?? 0
        let actual = expected - estimated - edited - missing
        let available = expected > 0 ? Int64(Int128(actual) * 1_000_000 / Int128(expected)) : nil
        let counts = [meters, expected, actual, estimated, edited, missing].map {
            days.isEmpty ? ReportCell.none : .count($0)
        }
        return ReportRow(
            cells: [.text(set.name), .text(set.kind), day.map { .text($0.description) } ?? .none] + counts
                + [.optional(available)],
            opens: .set(set.key, from: from, to: to))
    }

    // MARK: exceptions

    /// The meters a report on meters is about; nil: all of the company.
    private func meters(_ query: ReportQuery, _ scope: Scope) async throws -> Set<Int64>? {
        if let key = query.set, key != .all {
            if case .virtual = key {
                throw Refusal(
                    .invalid, "A virtual meter has no meters of its own.", hint: "Choose one of its terms.", at: "set")
            }
            return try await site.money.read { [org] transaction in
                let company = Scope(orgID: org.orgID)
                let membership = try Membership(
                    on: query.to, SetMasterData(company, in: transaction), zone: org.zone, company, in: transaction)
                return Set((membership.members(of: key) ?? []).map(\.meterID))
            }
        }
        guard !scope.isWholeCompany else { return nil }
        return Set(try await site.money.read { try Installation.all(on: query.to, scope, in: $0) }.map(\.meterID))
    }

    private func exceptions(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        let columns = [
            ReportColumn("rule", .text), ReportColumn("severity", .text), ReportColumn("raised", .count),
            ReportColumn("open", .count), ReportColumn("meters", .count),
        ]
        let reach = try await meters(query, scope)
        struct Kind: Hashable { var rule: String; var severity: String }
        var counts: [Kind: (raised: Int, open: Int, meters: Set<Int64>)] = [:]
        for (shard, days) in try await months(query.from, query.to) {
            guard let first = days.first, let last = days.last else { continue }
            let found = try await shard.read { [org] in
                try VEEException.counts(from: first, to: last, orgID: org.orgID, in: $0)
            }
            for row in found where reach?.contains(row.meterID) != false {
                var count = counts[Kind(rule: row.rule, severity: row.severity)] ?? (0, 0, [])
                count.raised += row.raised
                count.open += row.open
                count.meters.insert(row.meterID)
                counts[Kind(rule: row.rule, severity: row.severity)] = count
            }
        }
        let sorted = counts.sorted { ($1.value.open, $0.key.rule) < ($0.value.open, $1.key.rule) }
        return (
            columns,
            sorted.map { kind, count in
                ReportRow(
                    cells: [
                        .text(kind.rule), .text(kind.severity), .count(count.raised), .count(count.open),
                        .count(count.meters.count),
                    ], opens: .exceptions(rule: kind.rule))
            }
        )
    }

    // MARK: consumption

    private func consumption(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        let columns = [
            ReportColumn("part", .text), ReportColumn("name", .text), ReportColumn("import_Wh", .wh),
            ReportColumn("estimated", .count), ReportColumn("edited", .count), ReportColumn("missing", .count),
        ]
        let key = try await set(query, scope)
        let parts = try await breakUp(key, from: query.from, to: query.to, by: query.by, limit: Report.rowsMax)
        let names = try await site.money.read { transaction in
            try parts.rows.map { try $0.key?.title(Scope(orgID: scope.orgID), in: transaction) ?? "" }
        }
        return (
            columns,
            zip(parts.rows, names).map { row, name in
                ReportRow(
                    cells: [
                        .text(row.key?.description ?? ""), .text(name), .number(row.wh),
                        .count(row.estimatedIntervals), .count(row.editedIntervals),
                        .count(row.missingIntervals),
                    ], opens: row.key.map { .set($0, from: query.from, to: query.to) })
            }
        )
    }

    // MARK: energy balance

    private func balanceRows(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        let columns = [
            ReportColumn("place", .text), ReportColumn("head_import_Wh", .wh), ReportColumn("head_export_Wh", .wh),
            ReportColumn("below_import_Wh", .wh), ReportColumn("below_export_Wh", .wh), ReportColumn("loss_Wh", .wh),
            ReportColumn("loss_ppm", .ppm), ReportColumn("complete_ppm", .ppm), ReportColumn("estimated", .count),
            ReportColumn("edited", .count), ReportColumn("missing", .count),
        ]
        let asked: Scope
        switch query.set {
        case nil, .all: asked = scope
        case .place(let placeID): asked = Scope(orgID: scope.orgID, placeIDs: [placeID])
        default:
            throw Refusal(.invalid, "A balance is drawn of places.", hint: "Choose a place, or all.", at: "set")
        }
        let found = try await balances(from: query.from, to: query.to, asked)
        let names = try await site.money.read { transaction in
            try found.map { try Place.find($0.placeID, scope, in: transaction).name }
        }
        return (
            columns,
            zip(found, names).map { balance, name in
                ReportRow(
                    cells: [
                        .text(name), .optional(balance.knownHeadImportWh), .optional(balance.knownHeadExportWh),
                        .optional(balance.knownBelowImportWh), .optional(balance.knownBelowExportWh),
                        .optional(balance.knownLossWh),
                        .optional(balance.lossPPM), .optional(balance.completePPM),
                        .count(balance.headEstimated + balance.belowEstimated),
                        .count(balance.headEdited + balance.belowEdited),
                        .count(balance.headMissing + balance.belowMissing),
                    ], opens: .set(.place(balance.placeID), from: query.from, to: query.to))
            }
        )
    }

    // MARK: peak to average

    /// Of the places of the scope and, for the whole company, of every network, supplier and category.
    private func peaks(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        try Self.refuseBadPeriod(query.from, query.to, daysMax: Resolution.hour.daysMax)
        let columns = [
            ReportColumn("set", .text), ReportColumn("name", .text), ReportColumn("import_Wh", .wh),
            ReportColumn("average_W", .watt), ReportColumn("peak_W", .watt), ReportColumn("peak_at", .time),
            ReportColumn("peak_to_average_ppm", .ppm), ReportColumn("missing", .count),
        ]
        var keys: [SetKey] = []
        if let key = query.set {
            keys = [key]
        } else {
            let places = try await site.money.read { try Place.all(scope, in: $0) }.filter { $0.kind != .pole }
            keys = places.prefix(200).map { .place($0.placeID) }
            if scope.isWholeCompany {
                let nodes = paths.nodes.values.sorted { $0.nodeID < $1.nodeID }
                keys = [.all] + nodes.map { .node($0.kind, $0.nodeID) } + keys
            }
        }
        var rows: [ReportRow] = []
        for key in keys {
            let series = try await series(key, from: query.from, to: query.to, .quarterHour)
            guard let peak = series.buckets.max(by: { ($0.meterWh, $1.startS) < ($1.meterWh, $0.startS) }) else {
                continue
            }
            let lengthS = series.resolution.seconds ?? org.zone.lengthS(of: peak.day)
            let wholeS = Set(series.buckets.map(\.day)).reduce(Int64(0)) { $0 + org.zone.lengthS(of: $1) }
            let averageW = wholeS > 0 ? series.totalWh * 3_600 / wholeS : 0
            let peakW = peak.meterWh * 3_600 / lengthS
            let title = try await site.money.read { try key.title(Scope(orgID: scope.orgID), in: $0) }
            rows.append(
                ReportRow(
                    cells: [
                        .text(key.description), .text(title), .number(series.totalWh), .number(averageW),
                        .number(peakW), .text(time(peak.startS)),
                        averageW > 0 ? .number(Int64(Int128(peakW) * 1_000_000 / Int128(averageW))) : .none,
                        .count(series.missingCount),
                    ], opens: .set(key, from: peak.day, to: peak.day)))
        }
        return (columns, rows)
    }

    func time(_ instantS: Int64) -> String {
        let (day, second) = org.zone.civil(atS: instantS)
        let minute = second / 60
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        return "\(day) \(two(minute / 60)):\(two(minute % 60))"
    }
}
