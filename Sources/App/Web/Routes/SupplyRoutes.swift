// The disconnection guard: who is next to be cut, who is not and why, and the switch that holds all cuts.
import API
import Access
import CivilTime
import Clocks
import Grid
import Messaging
import SQL
import Supply

extension Desk {
    var supplyPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readAccounts])
        return [
            API.Page("GET", Paths.supply, access: reading) { try await supplyGuard($0) },
            API.Page("GET", Paths.supplyCSV, access: reading, rate: .heavy) { call in
                let (filter, words) = guardFilter(call)
                guard words.unknown.isEmpty else { return try await supplyGuard(call) }
                var answer = Answer(
                    "text/csv; charset=utf-8",
                    try await GuardReport.csv(services.site, filter, zone: zone(call), try call.actor.scope))
                answer.headers["Content-Disposition"] = "attachment; filename=\"disconnections.csv\""
                return answer
            },
            API.Page("POST", Paths.supplyHold, access: .permission([.commandMeters])) { try await holdCuts($0) },
            API.Page("POST", Paths.supplyRelease, access: .permission([.manageSettings])) { call in
                let why = String((call.form["reason"] ?? "").prefix(200))
                do {
                    let nowMs = services.site.clocks.businessNowMs()
                    let scope = try call.actor.scope
                    let newest = try await services.site.money.read {
                        try SupplyHold.newest(atMs: nowMs, scope, in: $0)
                    }
                    let asked = try await call.ask(ReleaseCuts(reason: why, throughHoldID: newest), why: why)
                    if case .waits = asked { return .seeOther(Paths.supply + "?did=waits") }
                    return .seeOther(Paths.supply + "?did=released")
                } catch let refusal as Refusal where [.invalid, .conflict].contains(refusal.code) {
                    return try await supplyGuard(call, refusal: refusal)
                }
            },
        ]
    }

    private func guardFilter(_ call: PageCall) -> (filter: SupplyGuard.Filter, words: FilterWords) {
        var words = FilterWords()
        let filter = SupplyGuard.Filter(
            standing: words.read(call.query["standing"]) { GuardStanding(rawValue: $0) },
            reason: words.read(call.query["reason"]) { SupplyReasonCode(rawValue: $0) },
            placeID: words.read(call.query["place"]) { Int64($0) })
        return (filter, words)
    }

    private func supplyGuard(_ call: PageCall, refusal: Refusal? = nil) async throws -> Answer {
        let (filter, words) = guardFilter(call)
        let actor = try call.actor
        let scope = actor.scope
        let after = call.query["after"].map { String($0.prefix(64)) }
        let report = try await GuardReport.of(services.site, filter, after: after, limit: Self.listLimit, scope)
        let places = try await services.site.money.read { transaction in
            try Place.all(scope, in: transaction).prefix(Self.placesMax).map { (id: $0.placeID, name: $0.name) }
        }
        let weekdays = pages.messages(language(call.call, call.session)).list("weekdays.long")
        var page = GuardView(
            report: report, filter: filter, isFirstPage: after == nil, places: places, weekdays: weekdays)
        page.mayHold = scope.isWholeCompany && actor.has(.commandMeters)
        page.mayRelease = scope.isWholeCompany && actor.has(.manageSettings)
        page.refusal = refusal
        page.typed = refusal == nil ? [:] : call.form.mapValues { String($0.prefix(200)) }
        let done: PageFrame.Notice? =
            switch call.query["did"] {
            case "held": .cutsHeld
            case "released": .cutsReleased
            case "waits": .waitsForSecond
            default: nil
            }
        let status = refusal.map { $0.code == .conflict ? 409 : 422 } ?? words.status
        return show(page, call, .supply, notice: words.notice ?? done, status: status)
    }

    private func holdCuts(_ call: PageCall) async throws -> Answer {
        let why = String((call.form["reason"] ?? "").prefix(200))
        do {
            let untilMs = try moment(call.form["until"], "until", call)
            _ = try await call.perform(HoldCuts(reason: why, untilMs: untilMs), why: why)
            return .seeOther(Paths.supply + "?did=held")
        } catch let refusal as Refusal where [.invalid, .conflict].contains(refusal.code) {
            return try await supplyGuard(call, refusal: refusal)
        }
    }

    /// A consumer who looks at the own account has seen what stands there. That it cannot be noted is no reason to show
    /// nothing.
    func noteOpened(_ call: PageCall, accountID: Int64) async throws {
        let actor = try call.actor
        guard actor.role == .consumer else { return }
        let unopened = try? await services.site.money.read {
            try Message.unopened(accountID: accountID, actor.scope, in: $0)
        }
        if unopened?.isEmpty == false { _ = try? await call.perform(OpenMessages(accountID: accountID)) }
    }
}
