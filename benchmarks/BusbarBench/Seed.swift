// Makes a site of many accounts with days of readings, charges and a balanced book, as the product would have made it
// over weeks, in minutes. No part of the product.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Cryptography
import Foundation
import Grid
import IntervalData
import Journal
import MeterData
import Meters
import Outbox
import Packs
import Payments
import Rating
import SQL
import Tariffs

/// What a seeded site holds.
struct SeedPlan {
    var accounts = 1_000
    var days = 30
    var folder = ""
    var databaseURL: String?
    /// The last day with readings; yesterday when nil.
    var lastDay: CivilDay?

    /// `--accounts N --days D --data DIR [--database URL] [--to YYYY-MM-DD]`.
    init(_ words: [String]) throws {
        let usage = BenchError("seed --accounts N --days D --data DIR [--database URL] [--to YYYY-MM-DD]")
        guard words.count % 2 == 0 else { throw usage }
        for index in stride(from: 0, to: words.count, by: 2) {
            let value = words[index + 1]
            switch words[index] {
            case "--accounts": accounts = Int(value) ?? 0
            case "--days": days = Int(value) ?? 0
            case "--data": folder = value
            case "--database": databaseURL = value
            case "--to": lastDay = CivilDay(value)
            default: throw usage
            }
        }
        guard (1...5_000_000).contains(accounts), (1...400).contains(days), !folder.isEmpty else { throw usage }
    }
}

enum Seed {
    static let org = Org(orgID: 1, name: "Bench Power")
    static let scope = Scope(orgID: org.orgID)
    static let slots = 48
    /// Accounts a transaction.
    static let chunkSize = 250
    /// Recharges that come through the door of commands, with their trail; the others are posted in bulk.
    static let commands = 500

    static func range(_ from: Int, _ to: Int) -> MinuteRange { MinuteRange(fromMinute: from * 60, toMinute: to * 60) }

    static let base = BasePack(
        id: "HOME", version: 1, name: "Home by time of day",
        calendar: TOUCalendar(bands: [
            TOUBand(name: "normal", ranges: [range(0, 9), range(17, 18), range(22, 24)]),
            TOUBand(name: "solar", ranges: [range(9, 17)]), TOUBand(name: "peak", ranges: [range(18, 22)]),
        ]), milliPaisePerKWh: ["normal": 611_237, "solar": 489_001, "peak": 733_343], fixedPaisePerMonth: 11_003,
        fixedPaisePerKWPerMonth: 4_001, dutyPPM: 51_237)
    static let addOn = AddOnPack(
        id: "WEEKEND", version: 1, name: "Weekend sun", weekdays: [6, 7],
        prices: [AddOnPrice(.band("solar"), milliPaisePerKWh: 300_007)], maximumLoadW: 2_500)

    static func run(_ plan: SeedPlan) async throws -> String {
        let watch = Stopwatch()
        return try await withSite(SiteOptions(folder: plan.folder, databaseURL: plan.databaseURL)) { open in
            try await seed(plan, open, watch)
        }
    }

    private static func seed(_ plan: SeedPlan, _ open: OpenSite, _ watch: Stopwatch) async throws -> String {
        guard try await open.orgs().isEmpty else { throw BenchError("\(plan.folder) holds a company already") }
        let site = open.site
        let last = plan.lastDay ?? org.zone.day(atS: site.clocks.businessNowMs() / 1000).advanced(by: -1)
        let first = last.advanced(by: 1 - plan.days)
        let feeders = try await makeCompany(site, accounts: plan.accounts, first: first)
        for start in stride(from: 0, to: plan.accounts, by: chunkSize) {
            let houses = try (start..<min(start + chunkSize, plan.accounts)).map { index in
                try House(index, placeID: feeders[index / 1_000], site: site, vault: open.vault)
            }
            try await SeedChunk(houses: houses, first: first, days: plan.days, site: site).store()
            if start / chunkSize % 40 == 39 {
                note("\(start + houses.count) of \(plan.accounts) accounts, \(Int(watch.used().wallS)) s")
            }
        }
        try await openingCommands(site, count: min(commands, plan.accounts))
        try await charge(site, watch)
        let trial = try await site.money.read { try Journal.trialBalance(scope, in: $0) }
        guard trial.sumPaise == 0, trial.wrongAccounts.isEmpty else { throw BenchError("the book does not balance") }
        return #"{"accounts": \#(plan.accounts), "days": \#(plan.days), "first_day": "\#(first)", "#
            + #""last_day": "\#(last)", "postings": \#(trial.postings), "wall_s": \#(watch.used().wallS)}"#
    }

    static func note(_ text: String) { FileHandle.standardError.write(Data("seed: \(text)\n".utf8)) }

    /// The company with a feeder for every thousand accounts. Returns the feeders.
    /// - Parameter tariff: the base pack as a tariff file, under the id of ``base``; nil is ``base``.
    static func makeCompany(
        _ site: Site, accounts: Int, first: CivilDay, tariff: String? = nil
    ) async throws -> [Int64] {
        _ = try await site.perform(try AddOrg(org), as: .system(orgID: org.orgID), source: "seed")
        return try await site.money.write { transaction in
            if let tariff {
                _ = try Packs.store(tariff: tariff, scope, in: transaction)
            } else {
                try Packs.store(base, from: first, scope, in: transaction)
            }
            try Packs.store(addOn, from: first, scope, in: transaction)
            let plant = site.ids.next()
            try Place(placeID: plant, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
            return try (0...(accounts - 1) / 1_000).map { number in
                let feeder = Place(
                    placeID: site.ids.next(), parentID: plant, kind: .feeder, name: "Feeder \(number + 1)")
                try feeder.create(scope, in: transaction)
                return feeder.placeID
            }
        }
    }

    private static func openingCommands(_ site: Site, count: Int) async throws {
        let accounts = try await site.money.read {
            try SupplyAccount.page(after: "", prefix: "", limit: count, scope, in: $0)
        }
        for account in accounts {
            _ = try await site.perform(
                Recharge(
                    accountID: account.accountID, amountPaise: 20_000, method: .upi,
                    reference: "seed-\(account.accountNumber)"), as: .system(orgID: org.orgID), source: "seed")
        }
    }

    /// The product's own run charges every day; a second one must find nothing to charge.
    private static func charge(_ site: Site, _ watch: Stopwatch) async throws {
        let rater = Rater(site: site, org: org)
        _ = try await rater.run { made in
            if made % 100_000 < 1_000 { note("\(made) days charged, \(Int(watch.used().wallS)) s") }
        }
        let again = try await rater.run()
        guard again == 0 else { throw BenchError("a second run would have charged \(again) days") }
    }
}

/// One consumer with a meter.
struct House: Sendable {
    let index: Int
    let accountID: Int64
    let meterID: Int64
    let placeID: Int64
    let sealedKeys: [UInt8]

    init(_ index: Int, placeID: Int64, site: Site, vault: KeyVault) throws {
        self.index = index
        self.placeID = placeID
        accountID = site.ids.next()
        meterID = site.ids.next()
        sealedKeys = try vault.seal(MeterKeys(secret: Array("bench-\(index)".utf8)), meterID: meterID)
    }

    var sanctionedW: Int64 { [1_000, 2_000, 3_000, 5_000][index % 4] }
    var hasAddOn: Bool { index % 5 == 3 }
    var number: String { "BB-" + String(String(1_000_000 + index).dropFirst()) }

    /// A quiet night, a morning, an evening; each house its own size, each half hour its own noise.
    func values(_ day: CivilDay) -> [Int32] {
        var state = UInt64(index) &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(bitPattern: Int64(day.number)) &* 0xbf58_476d
        let size = Int64(40 + index &* 7_919 % 180)
        return (0..<Seed.slots).map { slot in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let noise = Int64(state >> 33) % 80 + 60
            let shape: Int64 = slot < 11 ? 50 : slot < 19 ? 120 : slot < 36 ? 80 : slot < 45 ? 230 : 90
            return Int32(shape * size * noise / 10_000)
        }
    }

    /// Every fiftieth day has two hours that were estimated.
    func block(_ day: CivilDay, batch: Int64) -> DayBlock {
        let values = values(day)
        let isEstimated = (index + Int(day.number)) % 50 == 0
        return DayBlock(
            values: values,
            qualities: (0..<values.count).map { isEstimated && (20..<24).contains($0) ? .estimated : .actual },
            sources: DayBlock.runs((0..<values.count).map { isEstimated && (20..<24).contains($0) ? 7 : batch }))
    }
}
