// The stream of events, the pushes kept aside, and the orders for the keys of a meter.
import API
import Access
import Grid
import HeadEnd
import IS15959
import Meters
import SQL

extension Desk {
    var eventPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readMeters])
        let managing: EndpointAccess = .permission([.manageSettings])
        return [
            API.Page("GET", Paths.events, access: reading) { try await events($0) },
            API.Page("GET", Paths.eventsAside, access: reading) { try await aside($0) },
            API.Page("POST", "\(Paths.meters)/{id}/keys/rotate", access: managing) { call in
                let meterID = try id(call)
                _ = try await call.perform(RotateKeys(.one(meterID)), why: call.session?.username ?? "")
                return .seeOther("\(Paths.meter(meterID))?asked=keys")
            },
            API.Page("POST", "\(Paths.meters)/{id}/keys/recover", access: managing) { call in
                let meterID = try id(call)
                let why = String((call.form["why"] ?? "").prefix(300))
                do {
                    _ = try await call.perform(
                        RecoverCounter(meterID: meterID, lowers: call.form["lowers"] == "1", why: why), why: why)
                } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
                    return try await meter(call, notice: .refused(refusal), status: 422)
                }
                return .seeOther("\(Paths.meter(meterID))?asked=counter")
            },
        ]
    }

    private static let eventFields = ["kind", "severity", "place", "meter"]

    private func events(_ call: PageCall) async throws -> Answer {
        let typed = call.query.filter { Self.eventFields.contains($0.key) }.mapValues { String($0.prefix(64)) }
        let scope = try call.actor.scope
        var filter = EventFilter(
            kind: typed["kind"].flatMap { EventKind(rawValue: $0) },
            severity: typed["severity"].flatMap { EventSeverity(rawValue: $0) },
            placeID: typed["place"].flatMap { Int64($0) })
        let serial = typed["meter"] ?? ""
        let (meter, places) = try await services.site.money.read { transaction in
            (
                serial.isEmpty
                    ? nil
                    : try Meter.page(
                        after: "", prefix: serial, limit: 1, scope, in: transaction
                    ).first { $0.serial == serial },
                try Place.all(scope, in: transaction)
            )
        }
        // A number nobody has fits nothing.
        if !serial.isEmpty { filter.meterID = meter?.meterID ?? 0 }
        let after = String((call.query["after"] ?? "").prefix(64))
        let part = try await EventReport.list(
            services.site, filter, after: after, limit: Self.listLimit, scope)
        let counts = try await EventReport.counts(services.site, scope)
        let named = places.filter { ![.pole, .transformer].contains($0.kind) }.prefix(200)
        let page = EventsView(
            items: part.items.map { EventsView.Item($0) }, alarms: counts.alarms,
            aside: scope.isWholeCompany ? counts.aside : nil, typed: typed,
            places: named.map { ($0.placeID, $0.name) }, nextAfter: part.next, isFirstPage: after.isEmpty)
        return show(page, call, .events)
    }

    private func aside(_ call: PageCall) async throws -> Answer {
        let scope = try call.actor.scope
        let after = String((call.query["after"] ?? "").prefix(64))
        let part = try await EventReport.aside(services.site, after: after, limit: Self.listLimit, scope)
        let total = try await EventReport.counts(services.site, scope).aside
        let page = AsideView(
            items: part.items.map { item in
                AsideView.Item(
                    reason: item.push.reason.rawValue,
                    meter: item.push.meterID.flatMap { id in item.serial.map { (id, $0) } }, sender: item.push.sender,
                    remote: item.push.remote, times: item.push.times, firstAtMs: item.push.firstAtMs,
                    lastAtMs: item.push.lastAtMs, apduHex: Secret.hex(item.push.apdu))
            }, total: total, nextAfter: part.next, isFirstPage: after.isEmpty)
        return show(page, call, .events)
    }
}

extension EventsView.Item {
    init(_ item: EventItem) {
        let event = item.event
        self.init(
            meter: event.meterID, serial: item.serial, code: event.code, atMs: event.atMs,
            saidMs: event.isClockWrong ? event.meterAtMs : nil, receivedAtMs: event.receivedAtMs,
            isPushed: event.pushedAtMs != nil, isRead: event.readAtMs != nil)
    }
}

extension Desk {
    /// What is told of the keys of a meter.
    func keysPanel(_ meterID: Int64, _ call: PageCall) async throws -> MeterKeysPanel {
        let scope = try call.actor.scope
        let report = try await services.site.money.read { try MeterKeyReport.of(meterID, scope, in: $0) }
        let state: MeterKeysPanel.State =
            switch report.change?.state {
            case nil: .none
            case .settled: .settled
            case .asked: .asked
            case .sent: .sent
            }
        return MeterKeysPanel(
            hasKeys: report.hasKeys, state: state, changes: report.change?.keyNumber ?? 0,
            changedAtMs: report.change?.changedAtMs, lastError: report.change?.lastError,
            nextCounter: report.nextCounter, titles: report.titles,
            recoveries: report.recoveries.map {
                MeterKeysPanel.Recovery(
                    state: $0.state.rawValue, askedAtMs: $0.askedAtMs, from: $0.oldCounter, to: $0.newCounter,
                    why: $0.why)
            }, mayManage: try call.actor.has(.manageSettings))
    }
}
