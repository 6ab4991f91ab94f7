// The command centre: orders to meters with their progress, what waits for a second person, what failed and what
// drifted; one order; what is wanted of one meter. Every action is a command, as the API sends it.
import API
import Access
import Clocks
import Grid
import HeadEnd
import MeterPort
import Meters
import SQL

extension Desk {
    private static let ordersShown = 30
    private static let metersShown = 100

    var commandPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readMeters])
        let acting: EndpointAccess = .permission([.commandMeters])
        return [
            API.Page("GET", Paths.commands, access: reading) { call in
                show(try await commands(call), call, .commands, notice: notice(call))
            },
            API.Page("POST", Paths.commands, access: acting, rate: .heavy) { try await giveOrder($0) },
            API.Page("GET", "\(Paths.commands)/{id}", access: reading) { call in
                show(try await order(call), call, .commands, notice: notice(call))
            },
            API.Page("POST", "\(Paths.commands)/{id}/{action}", access: acting) { try await act($0) },
            API.Page("GET", "\(Paths.commands)/meters/{id}", access: reading) { call in
                show(try await wishes(call, try id(call)), call, .commands, notice: notice(call))
            },
        ]
    }

    private func notice(_ call: PageCall) -> PageFrame.Notice? {
        PageFrame.OrderNotice(word: call.query["did"]).map { .orders($0) }
    }

    // MARK: All

    private struct Findings: Sendable {
        var orders: [OrderStanding]
        var awaiting: [OrderStanding]
        var failed: [CommandsView.Trouble]
        var drifted: [MeterWish]
        var serials: [Int64: String] = [:]
        var people: [Int64: String] = [:]
    }

    private func commands(_ call: PageCall, form: OrderForm? = nil) async throws -> CommandsView {
        let scope = try call.actor.scope
        let before = call.query["before"].flatMap { Int64($0) }
        let found = try await services.site.money.read { transaction in
            func standing(_ order: MeterOrder) throws -> OrderStanding {
                OrderStanding(order: order, counts: try order.counts(scope, in: transaction))
            }
            let orders = try MeterOrder.page(
                before: before, state: nil, limit: Self.ordersShown + 1, scope, in: transaction
            ).map(standing)
            let awaiting = try MeterOrder.page(
                before: nil, state: .awaiting, limit: Self.ordersShown, scope, in: transaction
            ).map(standing)
            let drifted = try MeterWish.drifted(limit: Self.ordersShown, scope, in: transaction)
            let failed = try MeterCommand.failed(limit: Self.ordersShown, scope, in: transaction)
            var found = Findings(orders: orders, awaiting: awaiting, failed: [], drifted: drifted)
            for meterID in Set(drifted.map(\.meterID) + failed.map(\.meterID)) {
                found.serials[meterID] = (try? Meter.find(meterID, scope, in: transaction))?.serial
            }
            found.failed = failed.map { command in
                let matter = command.kind == "disconnect" || command.kind == "reconnect" ? "relay" : command.kind
                return CommandsView.Trouble(
                    meter: command.meterID, serial: found.serials[command.meterID] ?? "", matter: matter,
                    words: command.answer ?? command.why, sinceMs: command.createdAtMs,
                    href: Paths.mend(NeedKind.commandFailed.rawValue, command.commandID))
            }
            found.people = try Self.people(orders + awaiting, scope, in: transaction)
            return found
        }
        var given = form
        if given == nil, try call.actor.has(.commandMeters) { given = try await blankForm(call) }
        let shown = found.orders.prefix(Self.ordersShown)
        return CommandsView(
            orders: shown.map { OrderCard($0, found.people) },
            awaiting: found.awaiting.map { OrderCard($0, found.people) },
            failed: found.failed,
            drifted: found.drifted.map { wish in
                CommandsView.Trouble(
                    meter: wish.meterID, serial: found.serials[wish.meterID] ?? "", matter: wish.matter,
                    words: wish.actual.map { String($0.prefix(80)) } ?? "", sinceMs: wish.driftedAtMs ?? 0, href: nil)
            }, nowMs: services.site.clocks.businessNowMs(),
            nextHref: found.orders.count > Self.ordersShown
                ? shown.last.map { "\(Paths.commands)?before=\($0.order.orderID)" } : nil,
            form: given)
    }

    private static func people(
        _ orders: [OrderStanding], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: String] {
        var people: [Int64: String] = [:]
        for loginID in Set(orders.flatMap { [$0.order.loginID, $0.order.approvedBy ?? 0] }) where loginID > 0 {
            people[loginID] = (try? Logins.find(loginID, scope, in: transaction))?.username
        }
        return people
    }

    private func blankForm(
        _ call: PageCall, typed: [String: String] = [:], refusal: Refusal? = nil
    ) async throws -> OrderForm {
        let scope = try call.actor.scope
        let places = try await services.site.money.read { try Place.all(scope, in: $0) }
        return OrderForm(
            matters: [MeterOrder.relay] + MeterMatter.known.map(\.name),
            places: places.prefix(500).map { ($0.placeID, $0.name) }, key: Self.newKey(), typed: typed,
            refusal: refusal)
    }

    // MARK: Giving

    private func giveOrder(_ call: PageCall) async throws -> Answer {
        let typed = call.form.mapValues { String($0.prefix(8000)) }
        let onlyMeter = typed["meter"].flatMap { Int64($0) }
        do {
            guard let key = Self.key(call) else {
                throw Refusal(.invalid, "The form is too old.", hint: "Send it again.")
            }
            let placed = try await call.perform(
                OrderMeters(
                    matter: typed["matter"] ?? "", value: typed["value"] ?? "",
                    group: try await group(call, typed, onlyMeter), reason: typed["reason"] ?? "",
                    waveSize: try number(typed["wave"], initial: 50, at: "waveSize"),
                    pauseMinutes: try number(typed["pause"], initial: 0, at: "pauseMinutes"),
                    belowPaise: try typed["below"].flatMap { text in
                        text.isEmpty ? nil : try number(text, initial: 0, at: "belowPaise")
                    }, reference: "page:\(key)"), why: typed["reason"] ?? "")
            let word = placed.state == .awaiting ? "awaits" : "given"
            return .seeOther(onlyMeter.map { Paths.wishes($0) } ?? Paths.order(placed.orderID), word)
        } catch let refusal as Refusal where [.invalid, .notFound, .conflict, .tooLarge].contains(refusal.code) {
            let form = try await blankForm(call, typed: typed, refusal: refusal)
            if let onlyMeter {
                return show(try await wishes(call, onlyMeter, form: form), call, .commands, status: 422)
            }
            return show(try await commands(call, form: form), call, .commands, status: 422)
        }
    }

    private func number(_ text: String?, initial: Int64, at field: String) throws -> Int64 {
        guard let text, !text.isEmpty else { return initial }
        guard let number = Int64(text) else { throw Refusal(.invalid, "This is no whole number.", at: field) }
        return number
    }

    /// One meter, serial numbers, or a place.
    private func group(_ call: PageCall, _ typed: [String: String], _ onlyMeter: Int64?) async throws -> MeterGroup {
        if let onlyMeter { return .meters([onlyMeter]) }
        let serials = (typed["serials"] ?? "").split { " ,;\r\n\t".contains($0) }.map(String.init)
        if let place = typed["place"].flatMap({ Int64($0) }), serials.isEmpty { return .place(place) }
        guard (1...1000).contains(serials.count), typed["place"]?.isEmpty ?? true else {
            throw Refusal(.invalid, "Name the meters, or choose a place.", hint: "One of the two.", at: "serials")
        }
        let scope = try call.actor.scope
        return try await services.site.money.read { transaction in
            var ids: [Int64] = []
            for serial in serials {
                guard let meter = try Meter.find(serial: serial, scope, in: transaction) else {
                    throw Refusal(.notFound, "There is no meter \(serial.prefix(32)).", at: "serials")
                }
                ids.append(meter.meterID)
            }
            return .meters(ids)
        }
    }

    // MARK: One order

    private func order(_ call: PageCall, refusal: Refusal? = nil, typed: String = "") async throws -> OrderView {
        let actor = try call.actor
        let (orderID, after) = (try id(call), call.query["after"].flatMap { Int64($0) } ?? 0)
        let nowMs = services.site.clocks.businessNowMs()
        let (standing, targets, people) = try await services.site.money.read { transaction in
            let order = try MeterOrder.find(orderID, actor.scope, in: transaction)
            let standing = OrderStanding(order: order, counts: try order.counts(actor.scope, in: transaction))
            return (
                standing,
                try OrderTarget.page(
                    orderID, after: after, state: nil, limit: Self.metersShown + 1, actor.scope, in: transaction),
                try Self.people([standing], actor.scope, in: transaction)
            )
        }
        let shown = targets.prefix(Self.metersShown)
        let order = standing.order
        let mayOrder = actor.has(.commandMeters)
        return OrderView(
            order: OrderCard(standing, people),
            meters: shown.map {
                OrderView.Meter(
                    id: $0.meterID, serial: $0.serial, state: $0.state.rawValue, answer: $0.answer ?? "",
                    endedAtMs: $0.endedAtMs)
            },
            nextHref: targets.count > Self.metersShown
                ? shown.last.map { "\(Paths.order(orderID))?after=\($0.meterID)" } : nil, nowMs: nowMs,
            mayApprove: mayOrder && order.state == .awaiting && order.loginID != actor.loginID
                && nowMs < order.expiresAtMs,
            mayStop: mayOrder && (order.state == .awaiting || order.state == .running), typedReason: typed,
            refusal: refusal)
    }

    private func act(_ call: PageCall) async throws -> Answer {
        let orderID = try id(call)
        let reason = String((call.form["reason"] ?? "").prefix(200))
        do {
            switch call.path["action"] {
            case "approve":
                _ = try await call.perform(ApproveOrder(orderID: orderID))
                return .seeOther(Paths.order(orderID), "approved")
            case "stop":
                _ = try await call.perform(StopOrder(orderID: orderID, reason: reason), why: reason)
                return .seeOther(Paths.order(orderID), "stopped")
            default: throw Problem.noSuchPath
            }
        } catch let refusal as Refusal where [.invalid, .conflict].contains(refusal.code) {
            let page = try await order(call, refusal: refusal, typed: reason)
            return show(page, call, .commands, status: refusal.code == .conflict ? 409 : 422)
        }
    }

    // MARK: One meter

    private func wishes(_ call: PageCall, _ meterID: Int64, form: OrderForm? = nil) async throws -> WishesView {
        let actor = try call.actor
        let (meter, wishes, commands) = try await services.site.money.read { transaction in
            (
                try Meter.find(meterID, actor.scope, in: transaction),
                try MeterWish.of(meterID: meterID, actor.scope, in: transaction),
                try MeterCommand.of(meterID: meterID, limit: 100, actor.scope, in: transaction)
            )
        }
        var given = form
        if given == nil, actor.has(.commandMeters), meter.isCalled { given = try await blankForm(call) }
        given?.onlyMeter = meterID
        return WishesView(
            meter: meterID, serial: meter.serial,
            wishes: wishes.map { wish in
                let command = commands.first { $0.kind == wish.matter }
                return WishesView.Wish(wish, command)
            }, nowMs: services.site.clocks.businessNowMs(), form: given)
    }
}

extension Answer {
    fileprivate static func seeOther(_ path: String, _ did: String) -> Answer { .seeOther("\(path)?did=\(did)") }
}

extension OrderCard {
    init(_ standing: OrderStanding, _ people: [Int64: String]) {
        let (order, counts) = (standing.order, standing.counts)
        func sum(_ states: OrderTarget.State...) -> Int64 { states.reduce(0) { $0 + (counts[$1] ?? 0) } }
        let state: State =
            switch order.state {
            case .awaiting: .awaiting
            case .running: .running
            case .done: .done
            case .stopped: .stopped
            case .expired: .expired
            }
        self.init(
            id: order.orderID, matter: order.matter, value: order.desired, reason: order.reason, group: order.group,
            state: state, by: people[order.loginID] ?? "busbar", createdAtMs: order.createdAtMs,
            expiresAtMs: order.expiresAtMs, approvedBy: order.approvedBy.map { people[$0] ?? "busbar" },
            endedWhy: order.endedWhy,
            counts: (
                sum(.waiting), sum(.released, .withdrawing), sum(.done), sum(.failed), sum(.skipped, .withdrawn)
            ))
    }
}

extension WishesView.Wish {
    init(_ wish: MeterWish, _ command: MeterCommand?) {
        let state: State =
            switch wish.state {
            case .waiting: .waiting
            case .met: .met
            case .failed: .failed
            case .unwanted: .unwanted
            }
        var progress: (done: Int64, count: Int64)?
        if let count = command?.progressCount { progress = (command?.progressDone ?? 0, count) }
        self.init(
            matter: wish.matter, desired: wish.desired, actual: wish.actual, actualAtMs: wish.actualAtMs, state: state,
            reason: wish.authority.reason, by: wish.authority.by, progress: progress,
            answer: wish.state == .met ? nil : command?.answer)
    }
}
