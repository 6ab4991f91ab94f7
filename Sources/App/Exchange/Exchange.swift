// Messages of IEC 61968-9 in and out of the stores: the one place that knows both. Documents come and go as pieces of
// bytes; no socket, no file. What may be stored is decided by the domains, through the doors the collector uses.
import Access
import CivilTime
import Grid
import IEC61968
import Meters
import SQL

/// One company's exchange with other head-ends and meter-data systems, as somebody.
public struct Exchange: Sendable {
    /// Named as the sender in every message.
    public static let source = "busbar"

    public let site: Site
    public let org: Org
    public let actor: Actor
    /// For the audit row: `cli`, `http 192.0.2.1`.
    let via: String

    public init(site: Site, org: Org, actor: Actor, via: String) {
        self.site = site
        self.org = org
        self.actor = actor
        self.via = via
    }

    var scope: Scope { actor.scope }

    /// The wall clock of the company at a time, for stamps.
    func offsetS(of day: CivilDay) -> Int64 { org.zone.offsetS(atS: org.zone.startS(of: day)) }
}

/// What a document is to hold.
public enum ExportKind: String, Sendable, CaseIterable, Codable { case readings, events, controls }

/// Which part of it.
public struct ExportRange: Sendable {
    public var from: CivilDay
    public var to: CivilDay
    public var meterID: Int64?
    public var placeID: Int64?

    /// - Throws: a refusal when the days are in no order, or more than `daysMax`.
    public init(from: CivilDay, to: CivilDay, meterID: Int64? = nil, placeID: Int64? = nil, daysMax: Int) throws {
        guard from <= to, from.days(to: to) < daysMax else {
            throw Refusal(
                .invalid, "Ask for 1 to \(daysMax) days.", hint: "`to` is not before `from`; ask again for the rest.",
                at: "to")
        }
        guard meterID == nil || placeID == nil else {
            throw Refusal(.invalid, "Ask for a meter or for a place, not for both.", at: "placeID")
        }
        (self.from, self.to, self.meterID, self.placeID) = (from, to, meterID, placeID)
    }

    var dayCount: Int { from.days(to: to) + 1 }

    /// The months it touches, each with its days.
    var months: [(month: CivilMonth, from: CivilDay, to: CivilDay)] {
        var parts: [(month: CivilMonth, from: CivilDay, to: CivilDay)] = []
        var day = from
        while day <= to {
            let last = min(day.month.last, to)
            parts.append((day.month, day, last))
            day = last.advanced(by: 1)
        }
        return parts
    }
}

extension Exchange {
    /// The meters of a range after a serial number, in order of it.
    func meters(_ range: ExportRange, after: String, limit: Int) async throws -> [Meter] {
        try await site.money.read { [scope] transaction in
            if let meterID = range.meterID {
                let meter = try Meter.find(meterID, scope, in: transaction)
                return meter.serial > after ? [meter] : []
            }
            var reach = scope
            if let placeID = range.placeID {
                reach.placeIDs = [try Place.find(placeID, scope, in: transaction).placeID]
            }
            return try Meter.page(after: after, prefix: "", limit: limit, reach, in: transaction)
        }
    }
}
