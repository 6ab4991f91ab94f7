// The explorer of sums and the reports. The page asks as a program does; what is typed wrong is said on the page.
import API
import Access
import Aggregation
import CivilTime
import Clocks
import Corridor
import Grid
import IntervalData
import Meters
import SQL

extension Desk {
    var reportPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readMeters])
        return [
            API.Page("GET", Paths.reports, access: reading) {
                show(
                    ReportsView(
                        $0.query,
                        seesMoney: try $0.actor.has(.adjustAccounts) && $0.actor.scope.isWholeCompany), $0, .reports)
            },
            API.Page("GET", Paths.aggregation, access: reading, rate: .heavy) { try await aggregation($0) },
            API.Page("GET", "\(Paths.reports)/{name}", access: reading, rate: .heavy) { try await report($0) },
        ]
    }

    /// Days of the period when none was given: the week that ended yesterday.
    private static let usualDays = 7

    private func org(_ call: PageCall) async throws -> Org {
        let orgID = try call.actor.scope.orgID
        return try await services.site.money.read { try Org.find(orgID, in: $0) }
    }

    /// What was typed, with the usual where nothing was.
    private func typed(_ call: PageCall, _ fields: [String], _ org: Org) -> [String: String] {
        var typed = call.query.filter { fields.contains($0.key) && !$0.value.isEmpty }
            .mapValues { String($0.prefix(420)) }
        let yesterday = org.zone.day(atS: services.site.clocks.businessNowMs() / 1000).advanced(by: -1)
        if typed["to"] == nil { typed["to"] = yesterday.description }
        if typed["from"] == nil {
            let to = typed["to"].flatMap { CivilDay($0) } ?? yesterday
            typed["from"] = to.advanced(by: 1 - Self.usualDays).description
        }
        return typed
    }

    private func period(_ typed: [String: String]) throws -> (from: CivilDay, to: CivilDay) {
        guard let from = typed["from"].flatMap({ CivilDay($0) }) else {
            throw Refusal(.invalid, "This is no day.", at: "from")
        }
        guard let to = typed["to"].flatMap({ CivilDay($0) }) else {
            throw Refusal(.invalid, "This is no day.", at: "to")
        }
        return (from, to)
    }

    /// The sets somebody may choose: their places, and for the whole company everything of which sums are kept.
    func sets(_ scope: Scope) async throws -> [(key: String, name: String)] {
        try await services.site.money.read { transaction in
            let places = try Place.all(scope, in: transaction).filter { $0.kind != .pole }.prefix(500)
            var sets = places.map { (key: SetKey.place($0.placeID).description, name: $0.name) }
            guard scope.isWholeCompany else { return sets }
            let nodes = try GridNode.all(scope, in: transaction).prefix(500)
            sets += nodes.map {
                (key: SetKey.node($0.kind, $0.nodeID).description, name: "\($0.kind.rawValue.uppercased()) \($0.name)")
            }
            let formulas = try VirtualFormula.all(scope, in: transaction)
            let names = Dictionary(formulas.map { ($0.virtualID, $0.name) }) { $1 }
            sets += names.sorted { $0.key < $1.key }.map {
                (key: SetKey.virtual($0.key).description, name: $0.value)
            }
            return [(key: SetKey.all.description, name: "")] + sets
        }
    }

    private func aggregation(_ call: PageCall) async throws -> Answer {
        let scope = try call.actor.scope
        let org = try await org(call)
        var typed = typed(call, ["set", "from", "to", "resolution", "channel", "by"], org)
        let sets = try await sets(scope)
        if typed["set"] == nil { typed["set"] = sets.first?.key ?? SetKey.all.description }
        if typed["resolution"] == nil { typed["resolution"] = Resolution.day.rawValue }
        if typed["by"] == nil { typed["by"] = BreakUpKind.meter.rawValue }
        var view = AggregationView(sets: sets, setName: "", typed: typed, found: nil, refusal: nil)
        do {
            let (from, to) = try period(typed)
            let key = try SetKey.read(typed["set"] ?? "")
            let channel: Channel = typed["channel"] == "export-Wh" ? .exportWh : .importWh
            let (series, title) = try await SetReports.series(
                key, channel, from: from, to: to, Resolution(rawValue: typed["resolution"] ?? "") ?? .day,
                services.site, org, scope)
            let (parts, titles) = try await SetReports.breakUp(
                key, channel, from: from, to: to, by: BreakUpKind(rawValue: typed["by"] ?? "") ?? .meter, limit: 50,
                services.site, org, scope)
            view.setName = title
            var lacking: [String] = []
            if case .undeclared(let nodes) = series.grossed {
                lacking = try await services.site.money.read { transaction in
                    try nodes.map { try GridNode.find($0, scope, in: transaction).name }
                }
            }
            view.found = .init(series: series, parts: parts, titles: titles, undeclared: lacking)
        } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .tooLarge {
            view.refusal = refusal
            return show(view, call, .reports, status: 422)
        }
        return show(view, call, .reports)
    }

    private func report(_ call: PageCall) async throws -> Answer {
        let asked = call.path["name"] ?? ""
        let isFile = asked.hasSuffix(".csv")
        guard let name = ReportName(rawValue: isFile ? String(asked.dropLast(4)) : asked) else {
            throw Refusal(.notFound, "There is no such report.")
        }
        let scope = try call.actor.scope
        let org = try await org(call)
        var typed = typed(call, ["from", "to", "set", "by"], org)
        if name == .forecast, (call.query["from"] ?? "").isEmpty, (call.query["to"] ?? "").isEmpty {
            // What is ahead: issued before noon for the next day.
            let today = org.zone.day(atS: services.site.clocks.businessNowMs() / 1000)
            (typed["from"], typed["to"]) = (today.description, today.advanced(by: 1).description)
        }
        let after = Int(call.query["after"] ?? "") ?? 0
        var view = ReportPageView(
            name: name, report: nil, refusal: nil, after: max(0, after), typed: typed, sets: try await sets(scope))
        do {
            let (from, to) = try period(typed)
            let query = ReportQuery(
                name, from: from, to: to, set: try typed["set"].map { try SetKey.read($0) },
                by: typed["by"].flatMap { BreakUpKind(rawValue: $0) } ?? .meter)
            let reader = try await SetReader(site: services.site, org: org)
            let report = try await reader.report(query, scope)
            guard !isFile else {
                var answer = Answer("text/csv; charset=utf-8", report.csv())
                answer.headers["Content-Disposition"] = "attachment; filename=\"\(name.rawValue).csv\""
                return answer
            }
            view.report = report
            view.picture = try await picture(query, reader, scope)
        } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .tooLarge {
            view.refusal = refusal
            return show(view, call, .reports, status: 422)
        }
        return show(view, call, .reports)
    }

    /// What the reports on forecasts show beside their rows: the last day of a set, or the error by number of meters.
    private func picture(_ query: ReportQuery, _ reader: SetReader, _ scope: Scope) async throws -> ReportPicture? {
        guard [.forecast, .forecastAccuracy, .forecastBySize].contains(query.name) else { return nil }
        let key = query.set ?? (query.name == .forecast ? (scope.placeIDs?.first).map { .place($0) } ?? .all : nil)
        if let key, query.name != .forecastBySize {
            let from = max(query.from, query.to.advanced(by: 1 - SetReader.forecastDaysMax))
            return try await reader.forecasts(key, from: from, to: query.to).last.map { .day($0) }
        }
        // Groups are made of meters of the whole company.
        guard scope.isWholeCompany else { return nil }
        let found = try await reader.accuracyBySize(from: query.from, to: query.to)
        return found.isEmpty ? nil : .bySize(found)
    }
}
