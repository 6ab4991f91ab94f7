// The day editor, edits and who agrees to them, and the log of estimates.
import API
import Access
import CivilTime
import Clocks
import Grid
import IntervalData
import MeterData
import Meters
import SQL
import VEE

extension Desk {
    var editPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readMeters])
        let editing: EndpointAccess = .permission([.editReadings])
        let either: EndpointAccess = .permission([.editReadings, .approveReadings])
        return [
            API.Page("GET", "\(Paths.meters)/{id}/edit", access: reading) { try await dayEditor($0) },
            API.Page("POST", "\(Paths.meters)/{id}/edit", access: editing) { try await editDay($0) },
            API.Page("GET", Paths.edits, access: reading) { try await edits($0) },
            API.Page("GET", "\(Paths.edits)/{id}", access: reading) { call in
                show(try await card(call), call, .edits)
            },
            API.Page("POST", "\(Paths.edits)/{id}/approve", access: .permission([.approveReadings])) { call in
                try await decide(call) { editID, _ in
                    try DecideEdit(editID: editID, agrees: true, reason: "")
                }
            },
            API.Page("POST", "\(Paths.edits)/{id}/reject", access: either) { call in
                try await decide(call) { try DecideEdit(editID: $0, agrees: false, reason: $1) }
            },
            API.Page("POST", "\(Paths.edits)/{id}/undo", access: either) { call in
                try await decide(call) { try UndoEdit(editID: $0, reason: $1) }
            },
            API.Page("GET", Paths.estimates, access: reading, rate: .heavy) { try await estimates($0) },
        ]
    }

    static func day(_ text: String) -> CivilDay? {
        CivilDay(text).flatMap { (2000...2199).contains($0.parts.year) ? $0 : nil }
    }

    func editDayNumber(_ text: String?, _ field: String) throws -> CivilDay? {
        guard let text, !text.isEmpty else { return nil }
        guard let day = Self.day(text) else {
            throw Refusal(.invalid, "This is no day.", hint: "Write it as YYYY-MM-DD.", at: field)
        }
        return day
    }

    // MARK: The day editor

    private func dayReport(_ call: PageCall, _ fields: [String: String]) async throws -> EditDayReport {
        let channel = fields["channel"].flatMap { name in Channel.allCases.first { "\($0)" == name } } ?? .importWh
        let yesterday = zone(call).day(atS: services.site.clocks.businessNowMs() / 1000).advanced(by: -1)
        return try await EditDayReport.of(
            services.site, meterID: try id(call), day: try editDayNumber(fields["day"], "day") ?? yesterday,
            channel: channel, try call.actor.scope)
    }

    private func dayEditor(_ call: PageCall) async throws -> Answer {
        let report = try await dayReport(call, call.query)
        let form = EditForm(key: Self.newKey(), typed: [:], base: "\(report.current?.version ?? 0)")
        let page = DayEditView(
            report: report, form: form, plan: nil, mayEdit: try call.actor.has(.editReadings))
        return show(page, call, .meters)
    }

    private func editDay(_ call: PageCall) async throws -> Answer {
        let report = try await dayReport(call, call.form)
        let typed = call.form.mapValues { String($0.prefix(200)) }
        var form = EditForm(key: Self.key(call) ?? Self.newKey(), typed: typed, base: typed["base"] ?? "")
        let door = EditDoor(services, try call.actor)
        func answer(_ plan: EditPlan?, needsApproval: Bool = false, status: Int) throws -> Answer {
            let page = DayEditView(
                report: report, form: form, plan: plan, needsApproval: needsApproval,
                mayEdit: try call.actor.has(.editReadings))
            return show(page, call, .meters, status: status)
        }
        do {
            let to = try editDayNumber(typed["toDay"], "toDay") ?? report.day
            var base = form.base.split(separator: ",").compactMap { Int64($0) }
            // The versions of a run of days are those of the moment it is shown for the first time.
            let isSeen = base.count == report.day.days(to: to) + 1
            if !isSeen { base = try await versions(report, to: to) }
            form.base = base.map(String.init).joined(separator: ",")
            let request = try Self.request(typed, report, to: to, base: base, key: form.key)
            guard typed["do"] == "apply", isSeen, Self.key(call) != nil else {
                let plan = try await door.plan(request)
                return try answer(plan, needsApproval: try await door.needsApproval(plan), status: 200)
            }
            let edit = try await door.submit(request) { try await call.perform($0, why: request.reason) }
            return .seeOther(Paths.edit(edit.editID))
        } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
            form.refusal = refusal
            return try answer(nil, status: refusal.code == .conflict ? 409 : 422)
        }
    }

    private func versions(_ report: EditDayReport, to last: CivilDay) async throws -> [Int64] {
        guard report.day <= last, report.day.days(to: last) < EditRequest.daysMax else {
            throw Refusal(
                .invalid, "These are no days of one edit.", hint: "Give 1 to \(EditRequest.daysMax) days.", at: "toDay")
        }
        var found: [Int64] = []
        for offset in 0...report.day.days(to: last) {
            let blocks = try await History.blocks(
                meterID: report.meter.meterID, channel: report.channel, from: report.day.advanced(by: offset),
                to: report.day.advanced(by: offset), site: services.site, orgID: report.orgID)
            found.append(blocks.first?.version ?? 0)
        }
        return found
    }

    private static func request(
        _ typed: [String: String], _ report: EditDayReport, to: CivilDay, base: [Int64], key: String
    ) throws -> EditRequest {
        guard let tool = EditTool(rawValue: typed["tool"] ?? "typed"),
            let code = EditReason(rawValue: typed["reasonCode"] ?? "other"),
            let fromSlot = Int(typed["fromSlot"] ?? "0"), let toSlot = Int(typed["toSlot"] ?? "")
        else { throw Refusal(.invalid, "The form is not whole.", hint: "Open the page again.", at: "tool") }
        var request = EditRequest(
            meterID: report.meter.meterID, channel: report.channel, from: report.day, to: to, fromSlot: fromSlot,
            toSlot: toSlot, tool: tool, baseVersions: base, reasonCode: code, reason: typed["reason"] ?? "")
        request.key = key
        if tool == .typed { request.typed = try changed(typed, shown(report, base.first)) }
        request.copyFrom = CivilDay(typed["copyFrom"] ?? "")
        request.total = try typed["total"].flatMap { $0.isEmpty ? nil : $0 }.map { text in
            guard let total = Int64(text) else {
                throw Refusal(.invalid, "This is no total.", hint: "Write a whole number.", at: "total")
            }
            return total
        }
        request.method = typed["method"].flatMap { $0.isEmpty ? nil : $0 }
        return request
    }

    /// The day as it stood when the form was opened: the same form sent again is the same edit.
    private static func shown(_ report: EditDayReport, _ version: Int64?) -> DayBlock {
        if version == 0 { return .empty(slots: report.slotCount) }
        return report.versions.last { $0.version == version }?.block ?? report.block
    }

    /// The fields that say something else than what was shown.
    private static func changed(_ typed: [String: String], _ block: DayBlock) throws -> [Int: Int32] {
        var values: [Int: Int32] = [:]
        for slot in block.values.indices {
            let text = (typed["v\(slot)"] ?? "").filter { !$0.isWhitespace }
            let shown = block.qualities[slot] == .missing ? "" : "\(block.values[slot])"
            guard typed["v\(slot)"] != nil, text != shown else { continue }
            guard let value = Int32(text) else {
                throw Refusal(
                    .invalid, "Interval \(slot) holds no whole number.", hint: "Type Wh; a value cannot be emptied.",
                    at: "v\(slot)")
            }
            values[slot] = value
        }
        return values
    }

    // MARK: Edits

    private func edits(_ call: PageCall) async throws -> Answer {
        var words = FilterWords()
        let state = words.read(call.query["state"]) { ReadingEdit.State(rawValue: $0) }
        let before = words.read(call.query["before"]) { Int64($0) }
        let scope = try call.actor.scope
        let found = try await EditStanding.page(
            services, before: before, states: state.map { [$0] } ?? [], limit: Self.listLimit + 1, scope)
        let waiting = try await services.site.money.read { try ReadingEdit.waitingCount(scope, in: $0) }
        let shown = Array(found.prefix(Self.listLimit))
        let page = EditsView(
            items: shown, state: state, waiting: Int(waiting),
            nextBefore: found.count > Self.listLimit ? shown.last?.edit.editID : nil, isFirstPage: before == nil)
        return show(page, call, .edits, notice: words.notice, status: words.status)
    }

    private func card(
        _ call: PageCall, refusal: Refusal? = nil
    ) async throws -> EditCardView {
        let actor = try call.actor
        let standing = try await EditStanding.of(services, editID: try id(call), actor.scope)
        let edit = standing.edit
        var days: [EditCardView.Day] = []
        for change in edit.days {
            let report = try await EditDayReport.of(
                services.site, meterID: edit.meterID, day: change.day, channel: edit.channel, actor.scope)
            let base = report.versions.last { $0.version == change.baseVersion }?.block
            days.append(
                EditCardView.Day(
                    before: base ?? .empty(slots: report.slotCount), change: change, periodS: report.periodS))
        }
        let isOwn = edit.loginID == actor.loginID
        let isOpen = edit.state == .proposed
        return EditCardView(
            standing: standing, days: days, mayApprove: isOpen && !isOwn && actor.has(.approveReadings),
            mayReject: isOpen && (isOwn || actor.has(.approveReadings)), isOwn: isOwn,
            mayUndo: edit.state == .applied && actor.has(edit.needsApproval ? .approveReadings : .editReadings),
            typedReason: String((call.form["reason"] ?? "").prefix(200)), refusal: refusal)
    }

    private func decide<C: Command>(
        _ call: PageCall, _ make: (Int64, String) throws -> C
    ) async throws -> Answer where C.Output == EditPlaced {
        let editID = try id(call)
        let reason = String((call.form["reason"] ?? "").prefix(200))
        do {
            let placed = try await call.perform(try make(editID, reason), why: reason)
            _ = try await EditDoor(services, try call.actor).carriedOut(placed)
            return .seeOther(Paths.edit(editID))
        } catch let refusal as Refusal where [.invalid, .conflict].contains(refusal.code) {
            let page = try await card(call, refusal: refusal)
            return show(page, call, .edits, status: refusal.code == .conflict ? 409 : 422)
        }
    }

    // MARK: Estimates

    private func estimates(_ call: PageCall) async throws -> Answer {
        let scope = try call.actor.scope
        let today = zone(call).day(atS: services.site.clocks.businessNowMs() / 1000)
        var words = FilterWords()
        let to = words.read(call.query["to"]) { Self.day($0) } ?? today
        let filter = EstimationFilter(
            from: words.read(call.query["from"]) { Self.day($0) } ?? to.advanced(by: -30), to: to,
            method: words.read(call.query["method"]) { EstimationMethod(rawValue: $0) },
            placeID: words.read(call.query["place"]) { Int64($0) })
        let places = try await services.site.money.read { try Place.all(scope, in: $0) }
            .prefix(500).map { (id: $0.placeID, name: $0.name) }
        let after = words.read(call.query["after"]) { EstimationLog.Place(String($0.prefix(100))) }
        do {
            let (records, next) = try await EstimationLog.list(
                filter, after: after, limit: Self.listLimit, site: services.site, scope)
            let accuracy = try await EstimationLog.accuracy(filter, site: services.site, scope)
            let meters = try await services.site.money.read { transaction in
                try Set(records.map(\.meterID)).reduce(into: [Int64: Meter]()) {
                    $0[$1] = try Meter.find($1, scope, in: transaction)
                }
            }
            let items = records.map { record in
                EstimatesView.Item(
                    record: record, serial: meters[record.meterID]?.serial ?? "",
                    periodS: Int(meters[record.meterID]?.capturePeriodS ?? 1800))
            }
            let page = EstimatesView(
                items: items, accuracy: accuracy, filter: filter, places: Array(places), next: next?.text,
                isFirstPage: after == nil)
            return show(page, call, .estimates, notice: words.notice, status: words.status)
        } catch let refusal as Refusal where refusal.code == .invalid {
            let page = EstimatesView(
                items: [], accuracy: [], filter: filter, places: Array(places), next: nil, isFirstPage: true,
                refusal: refusal)
            return show(page, call, .estimates, status: 422)
        }
    }
}
