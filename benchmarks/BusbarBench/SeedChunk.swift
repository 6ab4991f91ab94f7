// Some hundred accounts of a seeded site with all their days: one transaction a month of readings, one of money.
// Writes what Ingest and Recharge would have written, in bulk; charges are the product's own. No part of the product.
import Access
import Accounts
import CivilTime
import Clocks
import IntervalData
import Journal
import MeterData
import Meters
import Packs
import SQL
import Tariffs

struct SeedChunk: Sendable {
    let houses: [House]
    let first: CivilDay
    let days: Int
    let site: Site

    func store() async throws {
        async let readings: Void = storeReadings()
        async let money: Void = storeMoney()
        _ = try await (readings, money)
    }

    private func startMs(_ day: CivilDay) -> Int64 { Seed.org.zone.startS(of: day) * 1000 }

    func storeReadings() async throws {
        var months: [CivilMonth: [(day: CivilDay, meterID: Int64, block: DayBlock)]] = [:]
        for house in houses {
            for day in (0..<days).map(first.advanced) {
                let block = house.block(day, batch: 1_000 + Int64(day.number))
                months[day.month, default: []].append((day: day, meterID: house.meterID, block: block))
            }
        }
        for (month, items) in months.sorted(by: { $0.key < $1.key }) {
            let madeAtMs = startMs(month.next.first)
            try await site.readings.shard(month).write { transaction in
                try DayBlocks.storeFirstVersions(
                    items, month: month, madeBy: "read", madeAtMs: madeAtMs, orgID: Seed.org.orgID, in: transaction)
            }
        }
    }

    private func storeMoney() async throws {
        try await site.money.write { transaction in
            for house in houses { try create(house, in: transaction) }
            try recharge(in: transaction)
        }
    }

    private func create(_ house: House, in transaction: any SQLTransaction) throws {
        let scope = Seed.scope
        try SupplyAccount(
            accountID: house.accountID, accountNumber: house.number, name: "House \(house.index) शर्मा",
            category: "domestic", placeID: house.placeID, sanctionedW: house.sanctionedW,
            language: house.index % 2 == 0 ? "en" : "hi", openedDay: first
        ).create(scope, in: transaction)
        // No address: such a meter is never called, its data comes by file.
        try Meter(
            meterID: house.meterID, serial: "SM" + house.number.dropFirst(3), host: "", port: 0, clientAddress: 16,
            authentication: "none", sealedKeys: house.sealedKeys, capturePeriodS: 1800
        ).create(scope, atMs: startMs(first), in: transaction)
        try Installation(meterID: house.meterID, accountID: house.accountID, fromDay: first).create(
            scope, in: transaction)
        for (packID, kind) in [(Seed.base.id, PackKind.base)] + (house.hasAddOn ? [(Seed.addOn.id, .addOn)] : []) {
            try Subscription(
                subscriptionID: site.ids.next(), accountID: house.accountID, packID: packID, kind: kind, fromDay: first
            ).create(scope, in: transaction)
        }
    }

    /// An opening balance each; every thirtieth is soon used up.
    private func recharge(in transaction: any SQLTransaction) throws {
        let atMs = startMs(first)
        var rows: [[SQLValue]] = []
        for house in houses {
            let paise = Int64(house.index % 30 == 7 ? 10_000 : 400_000 + house.index % 97 * 1_000)
            let reference = "opening-\(house.number)"
            let entryID = try Journal.post(
                key: "recharge:opening:\(reference)", kind: "recharge",
                legs: [
                    Leg(ChartAccount.paymentClearing.rawValue, paise, .clearing),
                    Leg(house.accountID, -paise, .recharge),
                ], businessAtMs: atMs, entryID: site.ids.next(), Seed.scope, in: transaction)
            rows.append([
                .int(Seed.org.orgID), .int(site.ids.next()), .int(house.accountID), .int(paise), .text("opening"),
                .text(reference), .int(atMs), .int(entryID),
            ])
        }
        try transaction.runMany(
            """
            INSERT INTO recharge (org_id, recharge_id, account_id, amount_paise, method, reference, business_at_ms,
              entry_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """, rows)
    }
}
