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
            API.Page("POST", Paths.plannedOutages, access: acting) { try await planOutage($0) },
            API.Page("POST", "\(Paths.plannedOutages)/{id}/call-off", access: acting) { try await callOff($0) },
            API.Page("GET", Paths.reliability, access: reading, rate: .heavy) {
                try await reliability($0, isFile: false)
            },
            API.Page("GET", Paths.reliabilityCSV, access: reading, rate: .heavy) {
                try await reliability($0, isFile: true)
            },
            API.Page("GET", Paths.tamper, access: reading) { try await tamper($0) },
            API.Page("POST", "\(Paths.tamper)/{id}/close", access: acting) { call in
                let why = String((call.form["reason"] ?? "").prefix(200))
                do {
                    _ = try await call.perform(
                        CloseTamperCase(
                            caseID: try id(call), isResolved: call.form["resolved"] == "1", reason: why), why: why)
                } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
                    return try await tamper(call, notice: .refused(refusal), status: 422)
                }
                return .seeOther(Paths.tamper)
            },
        ]
    }

    /// - Parameter form: what was typed to plan an outage, and what was wrong with it.
    private func outages(_ call: PageCall, form: PlanForm = PlanForm()) async throws -> Answer {
        let scope = try call.actor.scope
        var words = FilterWords()
        let shown = words.read(call.query["show"]) { ["open", "planned"].contains($0) ? $0 : nil }
        let placeID = words.read(call.query["place"]) { Int64($0) }
        let from = words.read(call.query["from"]) { Self.day($0) }
        let to = words.read(call.query["to"]) { Self.day($0) }
        let after = String((call.query["after"] ?? "").prefix(64))
        let part = try await OutageReport.list(
            services.site,
            OutageFilter(
                isOpen: shown == "open", placeID: placeID, fromMs: from.map { zone(call).startS(of: $0) * 1000 },
                toMs: to.map { zone(call).startS(of: $0.advanced(by: 1)) * 1000 },
                isPlanned: shown == "planned" ? true : nil),
            after: after, limit: Self.listLimit, scope)
        let nowMs = services.site.clocks.businessNowMs()
        let mayAct = try call.actor.has(.commandMeters)
        let (openCount, planned, places) = try await services.site.money.read { transaction in
            let planned = try PlannedOutage.from(nowMs, limit: 20, scope, in: transaction)
            let places = mayAct ? try Place.all(scope, in: transaction).prefix(Self.placesMax) : []
            return (
                try Outages.openCount(scope, in: transaction),
                try planned.map { ($0, try Place.find($0.placeID, scope, in: transaction).name) },
                places.map { (id: $0.placeID, name: $0.name) }
            )
        }
        var page = OutagesView(
            items: part.items, openCount: openCount, show: shown, placeID: placeID,
            planned: planned.map { (planned: $0.0, place: $0.1) }, nextAfter: part.next, isFirstPage: after.isEmpty)
        (page.from, page.to) = (from, to)
        if mayAct {
            page.form = form
            page.places = places
        }
        let done = call.query["did"].flatMap { PageFrame.Notice.outage($0) }
        return show(
            page, call, .outages, notice: words.notice ?? done,
            status: form.refusal == nil ? words.status : form.refusal?.code == .conflict ? 409 : 422)
    }

    /// Places offered to plan an outage of; a company has a few hundred nodes above its poles.
    static let placesMax = 2_000

    private func planOutage(_ call: PageCall) async throws -> Answer {
        let typed = call.form.mapValues { String($0.prefix(200)) }
        do {
            guard let placeID = typed["place"].flatMap({ Int64($0) }) else {
                throw Refusal(.invalid, "No place was chosen.", hint: "Choose what goes without supply.", at: "place")
            }
            let command = try PlanOutage(
                placeID: placeID, fromMs: try moment(typed["from"], "from", call),
                toMs: try moment(typed["to"], "to", call), reason: typed["reason"] ?? "")
            _ = try await call.perform(command, why: command.reason)
            return .seeOther(Paths.outages + "?did=planned#planned")
        } catch let refusal as Refusal where [.invalid, .notFound].contains(refusal.code) {
            return try await outages(call, form: PlanForm(typed: typed, refusal: refusal))
        }
    }

    private func callOff(_ call: PageCall) async throws -> Answer {
        let why = String((call.form["reason"] ?? "").prefix(200))
        let plannedID = try id(call)
        do {
            _ = try await call.perform(try CallOffOutage(plannedID: plannedID, reason: why), why: why)
            return .seeOther(Paths.outages + "?did=called-off#planned")
        } catch let refusal as Refusal where refusal.code == .invalid {
            return try await outages(call, form: PlanForm(typed: [:], refusal: refusal, plannedID: plannedID))
        }
    }

    /// A moment as a browser's field of date and time sends it, in the zone of the company: `2026-11-21T14:05`.
    func moment(_ text: String?, _ field: String, _ call: PageCall) throws -> Int64 {
        let zone = zone(call)
        let sides = (text ?? "").split(separator: "T", maxSplits: 1).map(String.init)
        let clock = sides.count == 2 ? sides[1].split(separator: ":").prefix(2).compactMap { Int($0) } : []
        guard let day = sides.first.flatMap({ CivilDay($0) }), (2000...2199).contains(day.parts.year),
            clock.count == 2, (0..<24).contains(clock[0]), (0..<60).contains(clock[1])
        else {
            throw Refusal(
                .invalid, "This is no day and time.", hint: "Write it as YYYY-MM-DDThh:mm.", at: field)
        }
        // Where clocks change, the day is not 24 hours long; a time that the clock leaves out does not exist.
        let secondOfDay = clock[0] * 3600 + clock[1] * 60
        var atS = zone.startS(of: day) + Int64(secondOfDay)
        atS += Int64(secondOfDay - zone.civil(atS: atS).secondOfDay)
        guard zone.civil(atS: atS) == (day, secondOfDay) else {
            throw Refusal(.invalid, "The clock leaves this time out.", hint: "Give a time an hour off.", at: field)
        }
        return atS * 1000
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

    /// The months asked for, the last twelve without them; as a page or as a file. What was typed wrong is said on the
    /// page, of the months that were not asked for.
    private func reliability(_ call: PageCall, isFile: Bool) async throws -> Answer {
        let today = zone(call).day(atS: services.site.clocks.businessNowMs() / 1000)
        let usual = (from: CivilMonth(index: today.month.index - 11).first, to: today)
        var words = FilterWords()
        let placeID = words.read(call.query["place"]) { Int64($0) }
        let scope = try call.actor.scope
        do {
            let to = try editDayNumber(call.query["to"], "to") ?? usual.to
            let from = try editDayNumber(call.query["from"], "from") ?? CivilMonth(index: to.month.index - 11).first
            let overview = try await ReliabilityOverview.of(
                services.site, placeID: placeID, from: from, to: to, scope)
            if isFile, words.unknown.isEmpty {
                var answer = Answer("text/csv; charset=utf-8", overview.csv())
                answer.headers["Content-Disposition"] = "attachment; filename=\"reliability.csv\""
                return answer
            }
            let page = ReliabilityPage(overview: overview, from: from, to: to)
            return show(page, call, .outages, notice: words.notice, status: words.status)
        } catch let refusal as Refusal where refusal.code == .invalid {
            let overview = try await ReliabilityOverview.of(
                services.site, placeID: placeID, from: usual.from, to: usual.to, scope)
            var page = ReliabilityPage(overview: overview, from: usual.from, to: usual.to)
            page.refusal = refusal
            page.typed = call.query.mapValues { String($0.prefix(20)) }
            return show(page, call, .outages, status: 422)
        }
    }

    private func tamper(
        _ call: PageCall, notice: PageFrame.Notice? = nil, status: Int = 200
    ) async throws -> Answer {
        var words = FilterWords()
        let state = words.read(call.query["state"]) { TamperCase.State(rawValue: $0) }
        let after = String((call.query["after"] ?? "").prefix(64))
        let part = try await OutageReport.cases(
            services.site, state: state, after: after, limit: Self.listLimit, try call.actor.scope)
        let page = TamperView(
            items: part.items, state: state, mayAct: try call.actor.has(.commandMeters), nextAfter: part.next,
            isFirstPage: after.isEmpty)
        return show(
            page, call, .outages, notice: notice ?? words.notice, status: status == 200 ? words.status : status)
    }
}
