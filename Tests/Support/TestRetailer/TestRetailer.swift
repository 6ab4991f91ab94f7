// Two companies with accounts, meters, readings, charges and something that waits for a person, for tests of API and
// pages. Made by the domains' own functions; names of company n end in `-of-n`, so that a leak between companies shows.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import IntervalData
import MeterData
import Meters
import Packs
import Payments
import Rating
import SQL
import Supply
import Tariffs

/// Ids of company n: places 10n (plant), 10n+1 and 10n+2 (feeders); accounts 70+n on the first feeder, 80+n on the
/// second, 90+n without meter and pack on the first; meters 1070+n and 1080+n.
public struct TestRetailer: Sendable {
    public static let days = 5
    public static let orgs = [Org(orgID: 1, name: "Ujjwal-of-1"), Org(orgID: 2, name: "Prakash-of-2")]

    public let org: Org
    /// The first of five days of readings.
    public let first: CivilDay
    public var scope: Scope { Scope(orgID: org.orgID) }
    public var place: Int64 { org.orgID * 10 + 1 }
    public var account: Int64 { 70 + org.orgID }
    public var otherAccount: Int64 { 80 + org.orgID }
    public var meter: Int64 { 1070 + org.orgID }
    public var otherMeter: Int64 { 1080 + org.orgID }
    public var lastDay: CivilDay { first.advanced(by: Self.days - 1) }

    public static let pack = BasePack(
        id: "DOM-TOU", version: 1, name: "Domestic by time of day",
        calendar: TOUCalendar(bands: [
            TOUBand(name: "solar", ranges: [MinuteRange(fromMinute: 540, toMinute: 1020)]),
            TOUBand(name: "peak", ranges: [MinuteRange(fromMinute: 1020, toMinute: 1320)]),
            TOUBand(
                name: "normal",
                ranges: [MinuteRange(fromMinute: 0, toMinute: 540), MinuteRange(fromMinute: 1320, toMinute: 1440)]),
        ]), milliPaisePerKWh: ["solar": 480_000, "peak": 717_777, "normal": 600_123], fixedPaisePerMonth: 11_000,
        dutyPPM: 50_000)

    /// Both companies, their last day being the one before the site's business day.
    public static func make(_ site: Site) async throws -> [TestRetailer] {
        var made: [TestRetailer] = []
        for org in orgs {
            let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
            let retailer = TestRetailer(org: org, first: today.advanced(by: -days))
            try await retailer.build(site)
            made.append(retailer)
        }
        return made
    }

    private func build(_ site: Site) async throws {
        let nowMs = site.clocks.businessNowMs()
        try await site.money.write { transaction in
            try org.create(in: transaction)
            try Setting.set(
                Recharge.portalSetting, "demo", from: CivilDay(number: 0), Scope(orgID: org.orgID), in: transaction)
            try Place(placeID: org.orgID * 10, parentID: nil, kind: .plant, name: "Plant-of-\(org.orgID)")
                .create(scope, in: transaction)
            for number in [Int64(1), 2] {
                try Place(
                    placeID: org.orgID * 10 + number, parentID: org.orgID * 10, kind: .feeder,
                    name: "Feeder-\(number)-of-\(org.orgID)"
                ).create(scope, in: transaction)
            }
            try Packs.store(Self.pack, from: first, scope, in: transaction)
            let all = [(account, place, meter), (otherAccount, place + 1, otherMeter), (90 + org.orgID, place, 0)]
            for (accountID, placeID, meterID) in all {
                try SupplyAccount(
                    accountID: accountID, accountNumber: "A-\(accountID)", name: "House-\(accountID)-of-\(org.orgID)",
                    category: "domestic", placeID: placeID, sanctionedW: 3_000, language: "en", openedDay: first
                ).create(scope, in: transaction)
                if meterID > 0 { try install(meterID, accountID, nowMs, in: transaction) }
            }
        }
        for accountID in [account, otherAccount] {
            _ = try await site.perform(
                Recharge(
                    accountID: accountID, amountPaise: 50_000, method: .opening, reference: "opening-\(accountID)"),
                as: .system(orgID: org.orgID), source: "test")
        }
        try await read(site, nowMs)
        _ = try await Rater(site: site, org: org).run()
        try await site.money.write { transaction in
            for accountID in [account, otherAccount] {
                try Supply.decide(
                    accountID: accountID, zone: org.zone, nowMs: nowMs, ids: site.ids, scope, in: transaction)
            }
        }
    }

    private func install(_ meterID: Int64, _ accountID: Int64, _ nowMs: Int64, in transaction: any SQLTransaction)
        throws
    {
        try Meter(
            meterID: meterID, serial: "M\(meterID)-of-\(org.orgID)", host: "127.0.0.1", port: 1, clientAddress: 48,
            authentication: "hls-2", sealedKeys: nil, capturePeriodS: 1800
        ).create(scope, atMs: nowMs, in: transaction)
        try Installation(meterID: meterID, accountID: accountID, fromDay: first).create(scope, in: transaction)
        try Subscription(
            subscriptionID: accountID, accountID: accountID, packID: Self.pack.id, kind: .base, fromDay: first
        ).create(scope, in: transaction)
    }

    /// Good days for both meters, but a spike on the other meter's last day; the plan of the last day is complete.
    private func read(_ site: Site, _ nowMs: Int64) async throws {
        for offset in 0..<Self.days {
            let day = first.advanced(by: offset)
            for meterID in [meter, otherMeter] {
                var values: [Int32?] = (0..<48).map { 40 + Int32($0 % 7) * 10 }
                if meterID == otherMeter && day == lastDay { values[20] = 45_000 }
                let incoming = IncomingDay(day: day, meterID: meterID, batchID: site.ids.next(), values: values)
                let history = try await History.of(
                    meterID: meterID, before: day, days: 3, site: site, orgID: org.orgID)
                try await site.readings.shard(day.month).write { transaction in
                    try Ingest.apply(
                        incoming,
                        IngestContext(
                            sanctionedW: 3_000, periodS: 1800, history: history, madeBy: "read", nowMs: nowMs),
                        orgID: org.orgID, in: transaction)
                }
            }
        }
        try await site.money.write { transaction in
            for meterID in [meter, otherMeter] {
                try transaction.run(
                    """
                    INSERT INTO collection (org_id, day, meter_id, state, expected_slots, have_slots, slots, attempt,
                      next_at_ms)
                    VALUES ($1, $2, $3, 'complete', 48, 48, $4, 1, 0)
                    """,
                    [.int(org.orgID), .day(lastDay), .int(meterID), .text(String(repeating: "1", count: 48))])
                _ = try RelayRecord.confirm(
                    "closed", meterID: meterID, atMs: nowMs, changeID: site.ids.next(), scope, in: transaction)
            }
        }
    }
}
