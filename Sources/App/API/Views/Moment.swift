// What every read model begins with: the company of the scope and the business time of the question.
import Access
import CivilTime
import Clocks
import SQL

struct Moment: Sendable {
    var org: Org
    var nowMs: Int64

    var zone: Zone { org.zone }
    var today: CivilDay { zone.day(atS: nowMs / 1000) }
    /// A day is collected once it is over, so the line is about yesterday.
    var lineDay: CivilDay { today.advanced(by: -1) }
    func startMs(of day: CivilDay) -> Int64 { zone.startS(of: day) * 1000 }
    /// A meter is called at least once a day; two hours more are given before it counts as silent.
    var silentBeforeMs: Int64 { nowMs - 26 * 3_600_000 }

    static func of(_ site: Site, _ scope: Scope, in transaction: any SQLTransaction) throws -> Moment {
        Moment(org: try Org.find(scope.orgID, in: transaction), nowMs: site.clocks.businessNowMs())
    }
}

/// A part of a list. `next` is the place to go on from; nil at the end.
public struct ListPart<Item: Sendable>: Sendable {
    public var items: [Item]
    public var next: String?

    /// - Parameter found: one more than `limit` when there is more.
    static func of(_ found: [Item], limit: Int, place: (Item) -> String) -> ListPart {
        ListPart(
            items: Array(found.prefix(limit)), next: found.count > limit ? found.prefix(limit).last.map(place) : nil)
    }
}
