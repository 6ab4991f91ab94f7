// Delivers outbox events to the domains that asked for them: one event, one transaction, at least once, oldest first.
import Access
import CivilTime
import Clocks
import HeadEnd
import Messaging
import Meters
import Outbox
import SQL
import Supply

public struct OutboxDispatcher: Sendable {
    let site: Site
    /// Zones of the companies served. Events of others wait for who knows their zone: no-cut hours depend on it.
    let zones: [Int64: Zone]

    public init(site: Site, orgs: [Org]) {
        self.site = site
        zones = Dictionary(uniqueKeysWithValues: orgs.map { ($0.orgID, $0.zone) })
    }

    /// Delivers until nothing is due, also what the delivered ones bring about. An event that fails is noted and passed
    /// over until its next try; later ones go on. A database that fails is not the event's fault: it ends the
    /// run.
    public func run() async throws -> Int {
        var delivered = 0
        var last: Int64 = 0
        while true {
            let dueAtMs = site.clocks.systemNowMs()
            let events = try await site.money.read { [last, zones] in
                try Outbox.pending(of: zones.keys.sorted(), after: last, dueAtMs: dueAtMs, limit: 200, in: $0)
            }
            guard !events.isEmpty else { return delivered }
            let reported = events.prefix { $0.kind == .meterEvent }
            if reported.count > 1, try await deliver(together: Array(reported)) {
                delivered += reported.count
                last = reported.last?.eventID ?? last
                continue
            }
            for event in events {
                try Task.checkCancellation()
                last = event.eventID
                do {
                    let isDone = try await site.money.write { [self] transaction in
                        guard try Outbox.take(event.eventID, in: transaction) else { return false }
                        try handle(event, in: transaction)
                        return true
                    }
                    delivered += isDone ? 1 : 0
                } catch let error as SQLError where Self.isDatabaseTrouble(error) {
                    throw error
                } catch {
                    let text = String(describing: error)
                    try await site.money.write { try Outbox.failed(event.eventID, error: text, nowMs: dueAtMs, in: $0) }
                }
            }
        }
    }

    /// Alarms come in thousands, so those at the head of the line go in one transaction. False when one of them failed,
    /// and none is delivered: then each goes alone.
    private func deliver(together events: [OutboxEvent]) async throws -> Bool {
        try Task.checkCancellation()
        do {
            try await site.money.write { [self] transaction in
                for event in events where try Outbox.take(event.eventID, in: transaction) {
                    try handle(event, in: transaction)
                }
            }
            return true
        } catch let error as SQLError where Self.isDatabaseTrouble(error) {
            throw error
        } catch {
            return false
        }
    }

    private static func isDatabaseTrouble(_ error: SQLError) -> Bool {
        [.busy, .full, .readOnly, .connection, .corrupt].contains(error.code)
    }

    private func handle(_ event: OutboxEvent, in transaction: any SQLTransaction) throws {
        guard let zone = zones[event.orgID] else {
            throw SQLError(.decode, "outbox event \(event.eventID) is of a company that is not served here")
        }
        let scope = Scope(orgID: event.orgID)
        switch event.kind {
        case .balanceChanged:
            // Cuts are counted, so they fall in runs of the job; light comes back at once.
            let verdict = try Supply.decide(
                accountID: event.subjectID, turn: .awaitsRun, zone: zone,
                nowMs: max(event.businessAtMs, site.clocks.businessNowMs()), ids: site.ids, scope, in: transaction)
            if verdict?.reasons.contains(where: { $0.code == .awaitsRun }) == true {
                try JobStore.wake(.supply, nowMs: site.clocks.businessNowMs(), scope, in: transaction)
            }
        case .relayWanted:
            try RelayCommander.relayWanted(event, ids: site.ids, in: transaction)
            if event.detail == RelayWish.closed.rawValue {
                try JobStore.wake(.command, nowMs: site.clocks.businessNowMs(), scope, in: transaction)
            }
        case .relayConfirmed:
            try Supply.relayConfirmed(event, zone: zone, ids: site.ids, in: transaction)
        case .meterEvent:
            try EventStream.deliver(event, ids: site.ids, in: transaction)
            try OutageKeeper.deliver(
                event, zone: zone, nowMs: max(event.businessAtMs, site.clocks.businessNowMs()), ids: site.ids,
                in: transaction)
        case .notice:
            // `template amount key`
            let parts = event.detail.split(separator: " ").map(String.init)
            guard parts.count == 3, let template = MessageTemplate(rawValue: parts[0]) else {
                throw SQLError(.decode, "notice \(event.eventID) is not understood")
            }
            try Message.send(
                template, key: "\(parts[0]):\(event.subjectID):\(parts[2])", accountID: event.subjectID,
                amountPaise: Int64(parts[1]), businessAtMs: event.businessAtMs, messageID: site.ids.next(), scope,
                in: transaction)
        }
    }
}
