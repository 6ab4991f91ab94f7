// Outages, the indices of reliability, and cases of tampering: pages and their forms.
import API
import Access
import CivilTime
import Clocks
import Grid
import MeterData
import SQL

extension Desk {
    var outagePages: [API.Page] {
        let reading: EndpointAccess = .permission([.readMeters])
        let acting: EndpointAccess = .permission([.commandMeters])
        return [
            API.Page("GET", Paths.outages, access: reading) { try await outages($0) },
            API.Page("GET", "\(Paths.outages)/{id}", access: reading) { try await outage($0) },
            API.Page("GET", Paths.reliability, access: reading, rate: .heavy) { call in
                let (overview, from, to) = try await overview(call)
                return show(ReliabilityPage(overview: overview, from: from, to: to), call, .outages)
            },
            API.Page("GET", Paths.reliabilityCSV, access: reading, rate: .heavy) { call in
                let (overview, _, _) = try await overview(call)
                var answer = Answer("text/csv; charset=utf-8", overview.csv())
                answer.headers["Content-Disposition"] = "attachment; filename=\"reliability.csv\""
                return answer
            },
            API.Page("GET", Paths.tamper, access: reading) { try await tamper($0) },
            API.Page("POST", "\(Paths.tamper)/{id}/close", access: acting) { call in
                let why = String((call.form["reason"] ?? "").prefix(200))
                do {
                    _ = try await call.perform(
                        CloseTamperCase(
                            caseID: try id(call), isResolved: call.form["resolved"] == "1", reason: why), why: why)
                } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
                    return try await tamper(call, notice: .commandRefused(reason: refusal.description), status: 422)
                }
                return .seeOther(Paths.tamper)
            },
        ]
    }

    private func outages(_ call: PageCall) async throws -> Answer {
        let scope = try call.actor.scope
        let shown = call.query["show"].flatMap { ["open", "planned"].contains($0) ? $0 : nil }
        let placeID = call.query["place"].flatMap { Int64($0) }
        let after = String((call.query["after"] ?? "").prefix(64))
        let part = try await OutageReport.list(
            services.site,
            OutageFilter(isOpen: shown == "open", placeID: placeID, isPlanned: shown == "planned" ? true : nil),
            after: after, limit: Self.listLimit, scope)
        let nowMs = services.site.clocks.businessNowMs()
        let (openCount, planned) = try await services.site.money.read { transaction in
            let planned = try PlannedOutage.from(nowMs, limit: 20, scope, in: transaction)
            return (
                try Outages.openCount(scope, in: transaction),
                try planned.map { ($0, try Place.find($0.placeID, scope, in: transaction).name) }
            )
        }
        let page = OutagesView(
            items: part.items, openCount: openCount, show: shown, placeID: placeID,
            planned: planned.map { (planned: $0.0, place: $0.1) }, nextAfter: part.next, isFirstPage: after.isEmpty)
        return show(page, call, .outages)
    }

    private func outage(_ call: PageCall) async throws -> Answer {
        let after = call.query["after"].flatMap { Int64($0) } ?? 0
        let detail = try await OutageReport.detail(
            services.site, try id(call), after: after, limit: Self.listLimit, try call.actor.scope)
        let page = OutagePage(
            detail: detail, mayAct: try call.actor.has(.commandMeters), idempotencyKey: Self.newKey(),
            isFirstPage: after == 0)
        return show(page, call, .outages)
    }

    /// The months asked for; without them the last twelve.
    private func overview(_ call: PageCall) async throws -> (ReliabilityOverview, CivilDay, CivilDay) {
        let today = zone(call).day(atS: services.site.clocks.businessNowMs() / 1000)
        func day(_ name: String) throws -> CivilDay? {
            guard let text = call.query[name], !text.isEmpty else { return nil }
            guard let day = CivilDay(text), (2000...2199).contains(day.parts.year) else {
                throw Refusal(.invalid, "This is no day.", hint: "Write it as YYYY-MM-DD.", at: name)
            }
            return day
        }
        let to = try day("to") ?? today
        let from = try day("from") ?? CivilMonth(index: to.month.index - 11).first
        let placeID = call.query["place"].flatMap { Int64($0) }
        let overview = try await ReliabilityOverview.of(
            services.site, placeID: placeID, from: from, to: to, try call.actor.scope)
        return (overview, from, to)
    }

    private func tamper(
        _ call: PageCall, notice: PageFrame.Notice? = nil, status: Int = 200
    ) async throws -> Answer {
        let state = call.query["state"].flatMap { TamperCase.State(rawValue: $0) }
        let after = String((call.query["after"] ?? "").prefix(64))
        let part = try await OutageReport.cases(
            services.site, state: state, after: after, limit: Self.listLimit, try call.actor.scope)
        let page = TamperView(
            items: part.items, state: state, mayAct: try call.actor.has(.commandMeters), nextAfter: part.next,
            isFirstPage: after.isEmpty)
        return show(page, call, .outages, notice: notice, status: status)
    }
}
