// The stream of events and the pushes kept aside, with the names of meters, a part at a time.
import Access
import Clocks
import Grid
import HeadEnd
import IS15959
import Meters
import SQL

public struct EventItem: Sendable {
    public var event: SeenEvent
    public var serial: String
}

public struct AsideItem: Sendable {
    public var push: AsidePush
    /// The meter it claims to come from, when that is known.
    public var serial: String?
}

public enum EventReport {
    /// - Parameter after: the `next` of the part before; empty for the newest.
    /// - Throws: ``Refusal`` for a place in the list that cannot be, or a place that is not there.
    public static func list(
        _ site: Site, _ filter: EventFilter, after: String, limit: Int, _ scope: Scope
    ) async throws -> ListPart<EventItem> {
        let before = try place(after)
        return try await site.money.read { transaction in
            if let placeID = filter.placeID { _ = try Place.find(placeID, scope, in: transaction) }
            let found = try EventStream.list(
                filter, before: before.map { (atMs: $0.ms, eventID: $0.id) }, limit: limit + 1, scope, in: transaction)
            let serials = try MeterListing.serials(Array(Set(found.map(\.meterID))), scope, in: transaction)
            return .of(found.map { EventItem(event: $0, serial: serials[$0.meterID] ?? "") }, limit: limit) {
                "\($0.event.atMs)-\($0.event.eventID)"
            }
        }
    }

    /// Events of the last day by severity: alarms and warnings.
    public static func counts(_ site: Site, _ scope: Scope) async throws -> (alarms: Int, aside: Int64) {
        let sinceMs = site.clocks.businessNowMs() - 86_400_000
        return try await site.money.read { transaction in
            (
                try EventStream.count(
                    EventFilter(severity: .alarm, fromMs: sinceMs), limit: 10_000, scope, in: transaction),
                try AsidePush.count(scope, in: transaction)
            )
        }
    }

    public static func aside(
        _ site: Site, after: String, limit: Int, _ scope: Scope
    ) async throws -> ListPart<AsideItem> {
        let before = try place(after)
        return try await site.money.read { transaction in
            let found = try AsidePush.list(
                before: before.map { (lastAtMs: $0.ms, asideID: $0.id) }, limit: limit + 1, scope, in: transaction)
            let serials = try MeterListing.serials(
                Array(Set(found.compactMap(\.meterID))), scope, in: transaction)
            return .of(
                found.map { AsideItem(push: $0, serial: $0.meterID.flatMap { serials[$0] }) }, limit: limit
            ) { "\($0.push.lastAtMs)-\($0.push.asideID)" }
        }
    }

    private static func place(_ text: String) throws -> (ms: Int64, id: Int64)? {
        guard !text.isEmpty else { return nil }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 2, let ms = parts[0], let id = parts[1] else {
            throw Refusal(
                .invalid, "This is no place in the list.", hint: "Send the `next` of the part before.", at: "after")
        }
        return (ms, id)
    }
}

/// What is told of the keys of a meter: never a key.
public struct MeterKeyReport: Sendable {
    public var hasKeys: Bool
    public var change: MeterKeyChange?
    /// The counter that is used next; nil when none was used yet.
    public var nextCounter: Int64?
    public var titles: [String]
    public var recoveries: [CounterChange]

    public static func of(_ meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> MeterKeyReport
    {
        let meter = try Meter.find(meterID, scope, in: transaction)
        return MeterKeyReport(
            hasKeys: meter.sealedKeys != nil,
            change: try MeterKeyChange.of([meterID], scope, in: transaction)[meterID],
            nextCounter: try CounterChange.next(meterID, scope, in: transaction),
            titles: try MeterTitles.of(meterID, scope, in: transaction),
            recoveries: try CounterChange.of(meterID, limit: 5, scope, in: transaction))
    }
}
