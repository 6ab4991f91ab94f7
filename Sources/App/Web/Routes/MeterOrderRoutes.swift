// Orders to a meter: read it now; cut and restore supply after a page that says what it does and asks for the reason.
import API
import Access
import Accounts
import CivilTime
import HeadEnd
import Meters
import Supply

extension Desk {
    var meterOrderPages: [API.Page] {
        let access: EndpointAccess = .permission([.commandMeters])
        var all = [
            API.Page("POST", "\(Paths.meters)/{id}/read", access: access) { call in
                let meterID = try id(call)
                guard let key = Self.key(call) else { return .seeOther(Paths.meter(meterID)) }
                _ = try await call.perform(
                    OrderRead(meterID: meterID, reference: key), why: call.session?.username ?? "")
                return .seeOther("\(Paths.meter(meterID))?asked=read")
            }
        ]
        for (action, word) in [(ConfirmView.Action.disconnect, "disconnect"), (.reconnect, "reconnect")] {
            all.append(
                API.Page("GET", "\(Paths.meters)/{id}/\(word)", access: access) { call in
                    show(try await confirmation(call, action), call, .meters)
                })
            all.append(
                API.Page("POST", "\(Paths.meters)/{id}/\(word)", access: access) { call in
                    try await order(call, action, word)
                })
        }
        return all
    }

    private func confirmation(_ call: PageCall, _ action: ConfirmView.Action) async throws -> ConfirmView {
        let report = try await MeterReport.of(
            services.site, meterID: try id(call), last: nil, count: 1, try call.actor.scope)
        var heldBy: [SupplyReason] = []
        if let account = report.account {
            let weekdays = pages.messages(language(call.call, call.session)).list("weekdays.long")
            let detail = try await AccountReport.of(services.site, accountID: account.accountID, try call.actor.scope)
            let civil = report.zone.civil(atS: report.nowMs / 1000)
            let hours = detail.rules.hold(
                day: civil.day, minuteOfDay: civil.secondOfDay / 60, holidays: detail.holidays)
            let others = detail.supply?.reasons.filter { $0.code.holdsCut && $0.code != hours?.code } ?? []
            heldBy = ([hours].compactMap { $0 } + others).map {
                SupplyReason(code: $0.code.rawValue, detail: $0.detail, weekdays: weekdays)
            }
        }
        // An officer's order stands above balance and hours, so an estimate is shown as a reason and refuses nothing.
        return ConfirmView(
            action: action, meter: report.listing.meter.meterID, serial: report.listing.meter.serial,
            account: report.account.map { ($0.accountID, $0.accountNumber, $0.name) },
            balancePaise: report.balancePaise,
            isBalanceEstimated: false, heldBy: heldBy, idempotencyKey: Self.newKey(),
            typedReason: String((call.form["reason"] ?? "").prefix(200)),
            typedSerial: String((call.form["serial"] ?? "").prefix(64)))
    }

    private func order(_ call: PageCall, _ action: ConfirmView.Action, _ word: String) async throws -> Answer {
        var page = try await confirmation(call, action)
        let reason = page.typedReason
        if reason.count < 3 { page.problems.append(.reasonMissing) }
        if page.typedSerial != page.serial { page.problems.append(.serialDiffers) }
        if Self.key(call) == nil { page.problems.append(.expired) }
        guard page.problems.isEmpty else { return show(page, call, .meters, status: 422) }
        guard let account = page.account else {
            throw Refusal(.conflict, "This meter serves no account.", hint: "Install it first.")
        }
        let order = OrderSupply(accountID: account.id, cut: action == .disconnect, reason: reason, zone: zone(call))
        do {
            _ = try await call.perform(order, why: reason)
        } catch let refusal as Refusal where refusal.code == .conflict {
            return try await meter(call, notice: .refused(refusal), status: 409)
        }
        return .seeOther("\(Paths.meter(page.meter))?asked=\(word)")
    }
}
