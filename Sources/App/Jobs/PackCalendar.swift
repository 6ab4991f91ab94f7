// The time bands of a pack as a meter keeps them, and the meters that are to count by them. Pure but for one look into
// the stores; commands nothing.
import Access
import CivilTime
import HeadEnd
import MeterPort
import Packs
import SQL
import Tariffs

/// A base pack as an activity calendar: one season, one week, one day; the bands are zones in their order. A band of
/// one name all day needs no calendar, but replaces one that a pack before left in the meter. What add-ons cover on
/// some weekdays is priced by Busbar alone: they come before the bands and are no zone of a meter.
struct PackCalendar {
    /// Tariff registers of a meter (IS 15959), and changes of zone within a day.
    static let zonesMax = 8
    static let changesMax = 24

    let packID: String
    /// As ``WishText`` writes it; words when it is impossible.
    let text: String
    /// Why no meter can keep it.
    let impossible: String?
    let isFlat: Bool

    /// - Parameter day: any on which the tariff is in force.
    init(_ pack: Tariff, on day: CivilDay) throws {
        packID = pack.id
        let bands =
            pack.dayCalendar(on: day)?.bands ?? [
                TOUBand(name: "all", ranges: [MinuteRange(fromMinute: 0, toMinute: 1440)])
            ]
        isFlat = bands.count == 1 && pack.hasSameBandsEveryDay
        let starts = bands.enumerated().flatMap { index, band in
            band.ranges.map { (minute: $0.fromMinute, zone: index + 1) }
        }.sorted { $0.minute < $1.minute }
        var zones: [MeterCalendar.Zone] = []
        for start in starts where zones.last?.zone != start.zone {
            zones.append(MeterCalendar.Zone(fromMinute: start.minute, zone: start.zone))
        }
        if !pack.hasSameBandsEveryDay {
            impossible = "pack \(pack.id) has other bands by season or kind of day; Busbar alone prices by them"
        } else if bands.count > Self.zonesMax {
            impossible = "pack \(pack.id) has \(bands.count) bands; a meter has \(Self.zonesMax) zones"
        } else if zones.count > Self.changesMax {
            impossible = "pack \(pack.id) changes \(zones.count) times a day; a meter \(Self.changesMax) times"
        } else {
            impossible = nil
        }
        let calendar = MeterCalendar(
            name: Self.name(pack.id), seasons: [.init(name: "ALL", fromMonth: 1, fromDay: 1, week: "WEEK")],
            weeks: [.init(name: "WEEK", days: Array(repeating: 1, count: 7))], days: [.init(id: 1, zones: zones)])
        text = try impossible ?? WishText.checked(WishText.encoded(calendar), of: .calendar)
    }

    /// A meter shows 8 letters: the first of the pack's id.
    private static func name(_ packID: String) -> String {
        let kept = packID.utf8.filter {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
        }
        return kept.isEmpty ? "PACK" : String(decoding: kept.prefix(8), as: UTF8.self)
    }

    /// Meters that serve who holds the pack and are not wanted to count so yet, unless a person ordered otherwise.
    func metersDue(on day: CivilDay, limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64] {
        let unasked = isFlat ? "" : "w.desired IS NULL OR w.state = 'unwanted' OR "
        return try transaction.query(
            """
            SELECT m.meter_id FROM subscription s
            JOIN installation i ON i.org_id = s.org_id AND i.account_id = s.account_id AND i.to_day IS NULL
            JOIN meter m ON m.org_id = i.org_id AND m.meter_id = i.meter_id AND m.port > 0
            LEFT JOIN meter_wish w ON w.org_id = m.org_id AND w.meter_id = m.meter_id AND w.matter = 'calendar'
            WHERE s.org_id = $1 AND s.kind = 'base' AND s.pack_id = $2 AND s.from_day <= $3
              AND (s.to_day IS NULL OR s.to_day >= $3) AND s.state NOT IN ('draft', 'rejected')
              AND NOT EXISTS (SELECT 1 FROM subscription n WHERE n.org_id = s.org_id AND n.account_id = s.account_id
                AND n.kind = 'base' AND n.from_day <= $3 AND (n.to_day IS NULL OR n.to_day >= $3)
                AND n.state NOT IN ('draft', 'rejected') AND (n.from_day > s.from_day
                  OR (n.from_day = s.from_day AND n.subscription_id > s.subscription_id)))
              AND (\(unasked)(w.authority >= 'rule ' AND w.authority < 'rule!' AND w.desired <> $4))
            ORDER BY m.meter_id LIMIT $5
            """, [.int(scope.orgID), .text(packID), .day(day), .text(text), .int(Int64(limit))]
        ) { try $0.int(0) }
    }
}
