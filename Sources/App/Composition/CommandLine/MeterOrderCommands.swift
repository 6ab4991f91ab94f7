// `busbar meter order|orders|approve|stop|firmware`: orders to meters from the server's own command line. Writes what
// the pages and the API write; the serving process sends.
import API
import Access
import CivilTime
import Clocks
import Foundation
import HeadEnd
import Meters
import SQL

/// Who orders: the machine, or a person who proves it by the password.
public struct OrderingPerson: Sendable {
    public var username: String?
    public var password: String?
    public init(username: String? = nil, password: String? = nil) {
        (self.username, self.password) = (username, password)
    }

    func actor(_ open: OpenSite, orgID: Int64) async throws -> Actor {
        guard let username else { return .system(orgID: orgID) }
        guard let password else {
            throw Complaint("--as \(username): no password", hint: "Give --password-file, or type it.", .usage)
        }
        let sessions = Sessions(site: open.site, passwords: PasswordHasher(), ring: open.ring)
        let grant: SessionGrant
        do {
            grant = try await sessions.signIn(username: username, password: password, from: "cli")
        } catch is SecondStepNeeded {
            throw Complaint("\(username) signs in with a second step", hint: "Use the page /commands.", .problems)
        }
        let person = try await sessions.resolve(token: grant.token)
        try await sessions.revoke(token: grant.token)
        guard let person, person.actor.scope.orgID == orgID else {
            throw Complaint("\(username) is not of this company", hint: "Give --org.", .problems)
        }
        return person.actor
    }
}

public struct MeterOrderOptions: Sendable {
    public var orgID: Int64?
    public var matter: String
    public var value: String
    /// Serial numbers; empty with a place.
    public var serials: [String]
    public var placeID: Int64?
    public var reason: String
    public var waveSize: Int64
    public var pauseMinutes: Int64
    public var belowPaise: Int64?
    public var person: OrderingPerson

    public init(
        orgID: Int64?, matter: String, value: String, serials: [String], placeID: Int64?, reason: String,
        waveSize: Int64, pauseMinutes: Int64, belowPaise: Int64?, person: OrderingPerson
    ) {
        (self.orgID, self.matter, self.value, self.serials) = (orgID, matter, value, serials)
        (self.placeID, self.reason, self.waveSize, self.pauseMinutes) = (placeID, reason, waveSize, pauseMinutes)
        (self.belowPaise, self.person) = (belowPaise, person)
    }
}

public func orderMeters(
    _ site: SiteOptions, _ options: MeterOrderOptions, _ console: Console
) async throws -> CommandStatus {
    guard options.serials.isEmpty != (options.placeID == nil) else {
        throw Complaint(
            "name meters, or a place", hint: "Give serial numbers or --place NUMBER, one of the two.", .usage)
    }
    // A calendar is long: @FILE is its text.
    var value = options.value
    if value.hasPrefix("@") {
        guard let data = FileManager.default.contents(atPath: String(value.dropFirst())), data.count <= 8000 else {
            throw Complaint("\(value.dropFirst()) cannot be read", hint: "A file of at most 8000 octets.", .usage)
        }
        value = String(decoding: data, as: UTF8.self)
    }
    return try await withSite(site) { [value] open in
        let org = try await open.org(options.orgID)
        let actor = try await options.person.actor(open, orgID: org.orgID)
        var group = MeterGroup.place(options.placeID ?? 0)
        if !options.serials.isEmpty {
            group = .meters(
                try await open.site.money.read { transaction in
                    try options.serials.map { serial in
                        let found = try Meter.find(serial: serial, Scope(orgID: org.orgID), in: transaction)
                        guard let found else { throw Refusal(.notFound, "There is no meter \(serial).", at: "SERIAL") }
                        return found.meterID
                    }
                })
        }
        let command = try OrderMeters(
            matter: options.matter, value: value, group: group, reason: options.reason, waveSize: options.waveSize,
            pauseMinutes: options.pauseMinutes, belowPaise: options.belowPaise,
            reference: "cli:\(open.site.ids.next())")
        let placed = try await open.site.perform(command, as: actor, source: "cli", why: options.reason)
        console.say(String(placed.orderID))
        console.note(
            placed.state == .awaiting
                ? "Order for \(placed.meterCount) meters; a second person approves it: "
                    + "`busbar meter approve \(placed.orderID) --as NAME`, the page or the API."
                : "Order for \(placed.meterCount) meters; the serving process sends it.")
        return .done
    }
}

private struct OrderRow: Encodable {
    var orderID: String
    var matter: String
    var value: String
    var state: String
    var meters: Int64
    var done: Int64
    var failed: Int64
    var reason: String
}

public func listOrders(
    _ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let rows = try await open.site.money.read { transaction in
            let scope = Scope(orgID: org.orgID)
            return try MeterOrder.page(before: nil, state: nil, limit: 100, scope, in: transaction).map { order in
                let counts = try order.counts(scope, in: transaction)
                return OrderRow(
                    orderID: String(order.orderID), matter: order.matter, value: String(order.desired.prefix(40)),
                    state: order.state.rawValue, meters: counts.values.reduce(0, +), done: counts[.done] ?? 0,
                    failed: counts[.failed] ?? 0, reason: order.reason)
            }
        }
        if json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        let cells = rows.map { row in
            [
                row.orderID, "\(row.matter) \(row.value)", row.state, "\(row.done)/\(row.meters)", "\(row.failed)",
                row.reason,
            ]
        }
        for line in table([["order", "what", "state", "done", "failed", "reason"]] + cells) { console.say(line) }
        if rows.isEmpty { console.note("No order yet: `busbar meter order`.") }
        return .done
    }
}

public func approveOrder(
    _ site: SiteOptions, orgID: Int64?, orderID: Int64, _ person: OrderingPerson, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let actor = try await person.actor(open, orgID: org.orgID)
        let placed = try await open.site.perform(ApproveOrder(orderID: orderID), as: actor, source: "cli")
        console.note("Approved for \(placed.meterCount) meters; the serving process sends it.")
        return .done
    }
}

public func stopOrder(
    _ site: SiteOptions, orgID: Int64?, orderID: Int64, reason: String, _ person: OrderingPerson, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let actor = try await person.actor(open, orgID: org.orgID)
        let placed = try await open.site.perform(
            StopOrder(orderID: orderID, reason: reason), as: actor, source: "cli", why: reason)
        console.note("Stopped; \(placed.meterCount) meters are left out.")
        return .done
    }
}

public func addFirmware(
    _ site: SiteOptions, orgID: Int64?, file: String, version: String, sha256: String?, _ console: Console
) async throws -> CommandStatus {
    let attributes = try? FileManager.default.attributesOfItem(atPath: file)
    guard let size = (attributes?[.size] as? NSNumber)?.intValue, size <= FirmwareStore.maxBytes,
        let data = FileManager.default.contents(atPath: file)
    else {
        throw Complaint(
            "\(file) cannot be read, or is larger than \(FirmwareStore.maxBytes) octets", hint: "Give an image.",
            .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let command = try AddFirmware(version: version, content: Array(data), expectedSHA256: sha256)
        console.say(try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli"))
        console.note("Firmware \(version) added; order it: `busbar meter order firmware \(version) SERIAL …`.")
        return .done
    }
}
