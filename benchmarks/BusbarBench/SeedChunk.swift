// Some hundred accounts of a seeded site with all their days: one transaction a month of readings, one of money.
// Writes what Ingest, Rater and Recharge would have written, in bulk. No part of the product.
import Access
import Accounts
import CivilTime
import Clocks
import Cryptography
import IntervalData
import Journal
import MeterData
import Meters
import Packs
import Rating
import SQL
import Tariffs

struct SeedChunk: Sendable {
    let houses: [House]
    let first: CivilDay
    let days: Int
    let site: Site
    let plans: PricedPlans

    func store() async throws {
        let blocks = houses.map { house in
            (0..<days).map { offset in
                let day = first.advanced(by: offset)
                return house.block(day, batch: 1_000 + Int64(day.number))
            }
        }
        async let readings: Void = storeReadings(blocks)
        async let money: Void = storeMoney(blocks)
        _ = try await (readings, money)
    }

    private func startMs(_ day: CivilDay) -> Int64 { Seed.org.zone.startS(of: day) * 1000 }

    private func storeReadings(_ blocks: [[DayBlock]]) async throws {
        var months: [CivilMonth: [(day: CivilDay, meterID: Int64, block: DayBlock)]] = [:]
        for (house, own) in zip(houses, blocks) {
            for (offset, block) in own.enumerated() {
                let day = first.advanced(by: offset)
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

    private func storeMoney(_ blocks: [[DayBlock]]) async throws {
        try await site.money.write { transaction in
            for house in houses { try create(house, in: transaction) }
            try recharge(in: transaction)
            var states = [BillState](repeating: .start, count: houses.count)
            for offset in 0..<days {
                let day = first.advanced(by: offset)
                if day.parts.day == 1 { states = states.map(\.carriedOver) }
                try charge(day, blocks.map { $0[offset] }, &states, in: transaction)
            }
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

    /// One day of all houses: a charge each and one entry of the book for all.
    private func charge(
        _ day: CivilDay, _ blocks: [DayBlock], _ states: inout [BillState],
        in transaction: any SQLTransaction
    ) throws {
        let entryID = site.ids.next()
        let atMs = startMs(day.advanced(by: 1)) + 1_800_000
        var legs: [Leg] = []
        var revenuePaise: [ChartAccount: Int64] = [:]
        var rows: [[SQLValue]] = []
        for (number, house) in houses.enumerated() {
            let bill = try plans.bill(day)
            let (block, opening) = (blocks[number], states[number])
            let input = plans.input(house, day, block.values)
            let priced = try bill.price(input, opening: opening)
            let parts = priced.amountsMinor.map(ChargePart.init)
            func paise(_ group: ChargeGroup) -> Int64 { parts.first { $0.group == group }?.paise ?? 0 }
            let estimated = Int64(block.count(of: .estimated))
            legs.append(
                Leg(
                    house.accountID, priced.totalMinor, .charge, supplyDay: day, revision: 1, estimated: estimated > 0))
            revenuePaise[.energyRevenue, default: 0] += paise(.energy) + paise(.addOn)
            revenuePaise[.fixedRevenue, default: 0] += paise(.fixed)
            revenuePaise[.dutyPayable, default: 0] += paise(.duty)
            states[number] = priced.closing
            rows.append([
                .int(Seed.org.orgID), .day(day), .int(house.accountID), 1, .int(house.meterID), 1,
                .text(plans.records[house.plan]), .int(house.sanctionedW),
                .bytes(Hash.sha256(bill.inputBytes(input, opening: opening))), .int(block.totalValue),
                .int(paise(.energy)), .int(paise(.addOn)), .int(paise(.fixed)), .int(paise(.duty)),
                .int(priced.totalMinor), .int(estimated), .bytes(opening.encode()), .bytes(priced.closing.encode()),
                .int(entryID), .int(atMs), .text(ChargePart.text(parts)),
            ])
        }
        for (account, paise) in revenuePaise.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where paise != 0 {
            legs.append(Leg(account.rawValue, -paise, .revenue))
        }
        _ = try Journal.post(
            key: "rating:\(entryID)", kind: "rating", legs: legs, businessAtMs: atMs, entryID: entryID, Seed.scope,
            in: transaction)
        try transaction.runMany(
            """
            INSERT INTO charge (org_id, day, account_id, revision, meter_id, block_version, packs, sanctioned_w,
              inputs_hash, energy_wh, base_energy_paise, add_on_energy_paise, fixed_paise, duty_paise, total_paise,
              estimated_slots, opening_state, closing_state, entry_id, rated_at_ms, components)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
            """, rows)
    }
}
