// Keys of programs: the page of administrators that lists, adds and revokes them. The token is shown in the answer to
// the form and nowhere else.
import API
import Access
import CivilTime
import Clocks
import SQL

extension Desk {
    var keyPages: [API.Page] {
        let access: EndpointAccess = .permission([.manageLogins])
        return [
            API.Page("GET", Paths.keys, access: access) { show(try await keys($0), $0, .keys) },
            API.Page("POST", Paths.keys, access: access) { try await addKey($0) },
            API.Page("POST", "\(Paths.keys)/{id}/revoke", access: access) { call in
                _ = try await call.perform(RevokeAPIKey(keyID: try id(call)))
                return .seeOther("\(Paths.keys)?done=revoked")
            },
        ]
    }

    private static let keysShown = 100

    private func keys(_ call: PageCall) async throws -> KeysView {
        let scope = try call.actor.scope
        let after = call.query["after"].flatMap { Int64($0) } ?? 0
        let nowMs = services.site.clocks.systemNowMs()
        let found = try await services.site.money.read {
            try APIKeys.list(after: max(0, after), limit: Self.keysShown + 1, scope, in: $0)
        }
        let zone = zone(call)
        let items = found.prefix(Self.keysShown)
        return KeysView(
            items: items.map { key in
                let state: KeysView.State =
                    switch key.state(nowMs: nowMs) {
                    case .active: .active
                    case .expired: .expired
                    case .revoked: .revoked
                    }
                return KeysView.Item(
                    id: key.keyID, name: key.name, state: state, permissions: key.permissions.map(\.rawValue),
                    placeID: key.placeID, until: zone.day(atS: key.expiresAtMs / 1000 - 1),
                    lastUsed: key.lastUsedDay.map { CivilDay(number: $0) })
            }, nextHref: found.count > Self.keysShown ? items.last.map { "\(Paths.keys)?after=\($0.keyID)" } : nil,
            offered: try offered(call), isRevoked: call.query["done"] == "revoked")
    }

    /// What a key may hold and the person has.
    private func offered(_ call: PageCall) throws -> [String] {
        let actor = try call.actor
        return Permission.forKeys.filter(actor.has).map(\.rawValue).sorted()
    }

    private func addKey(_ call: PageCall) async throws -> Answer {
        let chosen = try offered(call).filter { call.form["may.\($0)"] != nil }
        let (name, until) = (call.form["name"] ?? "", call.form["until"] ?? "")
        let place = call.form["place"] ?? ""
        var problems: [KeysView.Problem] = []
        var token: String?
        let placeID = place.isEmpty ? nil : Int64(place)
        if !place.isEmpty && placeID == nil { problems.append(.place) }
        let day = CivilDay(until)
        if day == nil { problems.append(.until) }
        if chosen.isEmpty { problems.append(.permissions) }
        if name.isEmpty { problems.append(.name) }
        if problems.isEmpty, let day {
            do {
                let scope = try call.actor.scope
                let command = try AddAPIKey(
                    name: name, permissions: chosen.compactMap { Permission(rawValue: $0) }, placeID: placeID,
                    until: day)
                try await services.site.money.read { try proveConfinement(placeID: placeID, scope, in: $0) }
                token = command.token(try await call.perform(command))
            } catch let refusal as Refusal where [.invalid, .notFound, .conflict].contains(refusal.code) {
                problems = [Self.problem(refusal)]
            }
        }
        // Read after the deed, so that the new key is in the list.
        var page = try await keys(call)
        page.problems = problems
        page.token = token
        if token == nil {
            (page.typedName, page.typedUntil) = (String(name.prefix(80)), String(until.prefix(10)))
            (page.typedPlace, page.chosen) = (String(place.prefix(19)), Set(chosen))
        }
        return show(page, call, .keys, status: problems.isEmpty ? 200 : 422)
    }

    private static func problem(_ refusal: Refusal) -> KeysView.Problem {
        switch refusal.at {
        case "name": refusal.code == .conflict ? .nameTaken : .name
        case "permissions": .permissions
        case "until": .until
        case "placeID": .place
        default: .other(refusal)
        }
    }
}
