// `busbar hes events|aside` and the keys of meters from the server's own command line.
import API
import Access
import CivilTime
import Clocks
import HeadEnd
import IS15959
import MeterLink
import Meters
import SQL

public struct EventListOptions: Sendable {
    public var kind: String?
    public var severity: String?
    public var placeID: Int64?
    public var serial: String?
    public var limit: Int
    public var json: Bool
    public init(
        kind: String? = nil, severity: String? = nil, placeID: Int64? = nil, serial: String? = nil, limit: Int = 50,
        json: Bool = false
    ) {
        self.kind = kind
        self.severity = severity
        self.placeID = placeID
        self.serial = serial
        self.limit = limit
        self.json = json
    }

    fileprivate func filter(_ scope: Scope, in transaction: any SQLTransaction) throws -> EventFilter {
        func word<Words: RawRepresentable & CaseIterable>(_ text: String?, _ option: String, _: Words.Type) throws
            -> Words? where Words.RawValue == String
        {
            try text.map { text in
                guard let known = Words(rawValue: text) else {
                    let all = Words.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Complaint("\(option) \(text): not known", hint: "Give one of \(all).", .usage)
                }
                return known
            }
        }
        let meterID = try serial.map { serial in
            guard let meter = try Meter.find(serial: serial, scope, in: transaction) else {
                throw Refusal(.notFound, "There is no meter \(serial).", hint: "`busbar meter list` shows them.")
            }
            return meter.meterID
        }
        return EventFilter(
            kind: try word(kind, "--kind", EventKind.self),
            severity: try word(severity, "--severity", EventSeverity.self), placeID: placeID, meterID: meterID)
    }
}

private struct EventRow: Encodable {
    var eventID: String
    var serial: String
    var code: Int
    var words: String
    var kind: String
    var severity: String
    var atMs: Int64
    var meterAtMs: Int64
    var pushedAtMs: Int64?
    var readAtMs: Int64?
}

/// Lists events, newest first.
public func listEvents(
    _ site: SiteOptions, orgID: Int64?, _ options: EventListOptions, _ console: Console
) async throws -> CommandStatus {
    guard (1...10_000).contains(options.limit) else {
        throw Complaint("--limit \(options.limit): out of range", hint: "Give 1 to 10000.", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let filter = try await open.site.money.read { try options.filter(scope, in: $0) }
        let part = try await EventReport.list(open.site, filter, after: "", limit: options.limit, scope)
        for item in part.items where options.json {
            let event = item.event
            try console.say(
                json: EventRow(
                    eventID: String(event.eventID), serial: item.serial, code: event.code,
                    words: EventIDs.words(event.code), kind: event.kind.rawValue, severity: event.severity.rawValue,
                    atMs: event.atMs, meterAtMs: event.meterAtMs, pushedAtMs: event.pushedAtMs,
                    readAtMs: event.readAtMs))
        }
        guard !options.json else { return .done }
        let rows = part.items.map { item in
            let event = item.event
            let source = event.pushedAtMs == nil ? "read" : event.readAtMs == nil ? "pushed" : "both"
            return [
                clockText(event.atMs, org.zone), item.serial, event.severity.rawValue, event.kind.rawValue,
                "\((event.receivedAtMs - event.atMs) / 1000) s", source, EventIDs.words(event.code),
            ]
        }
        let head = ["meter's time", "meter", "severity", "kind", "received after", "source", "what"]
        for line in table([head] + rows) { console.say(line) }
        if rows.isEmpty { console.note("No such event.") }
        return .done
    }
}

/// Lists pushes that were kept aside, newest first.
public func listAside(
    _ site: SiteOptions, orgID: Int64?, unassigned: Bool, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        // What belongs to none of several companies stands under the number 0.
        let scope = Scope(orgID: unassigned ? 0 : org.orgID)
        let found = try await open.site.money.read { try AsidePush.list(limit: AsidePush.limit, scope, in: $0) }
        let rows = found.map { push in
            [
                clockText(push.lastAtMs, org.zone), push.reason.rawValue, push.sender.isEmpty ? "-" : push.sender,
                push.remote, "\(push.times)", String(Secret.hex(push.apdu).prefix(40)),
            ]
        }
        for line in table([["last", "reason", "sender", "from", "times", "octets"]] + rows) { console.say(line) }
        if rows.isEmpty { console.note("Nothing is kept aside.") }
        return .done
    }
}

/// `2026-11-21 14:05:20`
private func clockText(_ ms: Int64, _ zone: Zone) -> String {
    let (day, second) = zone.civil(atS: ms / 1000)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(day) \(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
}

/// Orders new keys and, unless only the order is wanted, sends them now.
public func rotateMeterKeys(
    _ site: SiteOptions, orgID: Int64?, serial: String?, placeID: Int64?, all: Bool, now: Bool, _ console: Console
) async throws -> CommandStatus {
    guard [serial != nil, placeID != nil, all].count(where: \.self) == 1 else {
        throw Complaint("which meters?", hint: "Give a serial number, --place N, or --all.", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let meters: RotateKeys.Meters
        if let serial {
            meters = .one(try await meterID(serial, open, org))
        } else {
            meters = placeID.map { .under(place: $0) } ?? .all
        }
        let ordered = try await open.site.perform(
            RotateKeys(meters), as: .system(orgID: org.orgID), source: "cli")
        console.note("New keys are ordered for \(ordered) meters.")
        guard now else { return .done }
        let ended = try await rotator(open, org).run(limit: 100_000) { done in
            if done > 0, done % 100 == 0 { console.note("\(done) changed") }
        }
        console.say("\(ended.changed) changed, \(ended.open) open")
        return ended.open == 0 ? .done : .partly
    }
}

/// Recovers the invocation counter of a meter from the meter's own.
public func recoverMeterCounter(
    _ site: SiteOptions, orgID: Int64?, serial: String, lowers: Bool, why: String, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let meterID = try await meterID(serial, open, org)
        let changeID = try await open.site.perform(
            try RecoverCounter(meterID: meterID, lowers: lowers, why: why), as: .system(orgID: org.orgID),
            source: "cli", why: why)
        try await rotator(open, org).recoverCounters()
        let scope = Scope(orgID: org.orgID)
        let found = try await open.site.money.read { try CounterChange.of(meterID, scope, in: $0) }
        guard let change = found.first(where: { $0.changeID == changeID }) else { return .problems }
        let counters = [change.oldCounter, change.meterCounter, change.newCounter].map {
            $0.map(String.init) ?? "-"
        }
        console.say("\(change.state.rawValue): ours \(counters[0]), the meter's \(counters[1]), now \(counters[2])")
        if let answer = change.answer { console.note(answer) }
        return change.state == .refused ? .problems : .done
    }
}

private func meterID(_ serial: String, _ open: OpenSite, _ org: Org) async throws -> Int64 {
    let meter = try await open.site.money.read {
        try Meter.find(serial: serial, Scope(orgID: org.orgID), in: $0)
    }
    guard let meter else {
        throw Refusal(.notFound, "There is no meter \(serial).", hint: "`busbar meter list` shows them.")
    }
    return meter.meterID
}

private func rotator(_ open: OpenSite, _ org: Org) throws -> KeyRotator {
    KeyRotator(
        site: open.site, org: org, transport: TCPMeterTransport(profiles: try open.profiles(), zone: org.zone),
        vault: open.vault, holder: open.holder)
}
