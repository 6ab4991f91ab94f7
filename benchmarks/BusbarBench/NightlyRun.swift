// The nightly run of a company: every account's new day is read, priced and posted, durably, by the product's own run,
// which a second run must find nothing to add to. No part of the product.
import Access
import CivilTime
import Composition
import Foundation
import Journal
import Rating
import SQL
import Tariffs

enum NightlyRun {
    /// A Wednesday after a Tuesday: no add-on applies.
    static let first = CivilDay("2026-03-10") ?? CivilDay(number: 0)

    /// The tariff: four slabs by three bands, each interval in the slab reached, a fixed charge and a duty.
    static let tariff = """
        format: 1
        id: HOME
        version: 1
        name: Home by slab and time of day
        validFrom: 2026-01-01
        calendars:
          tod:
            - bands: {normal: [00:00-09:00, 17:00-18:00, 22:00-24:00], solar: 09:00-17:00, peak: 18:00-22:00}
        components:
          - id: energy
            kind: energy
            calendar: tod
            slabs:
              kind: telescopic
              rule: chronological
              steps:
                - {upTo: 5, perKWh: {normal: 3.05, solar: 2.44, peak: 3.66}}
                - {upTo: 12, perKWh: {normal: 6.95, solar: 5.56, peak: 8.34}}
                - {upTo: 30, perKWh: {normal: 9.90, solar: 7.92, peak: 11.88}}
                - {perKWh: {normal: 11.50, solar: 9.20, peak: 13.80}}
          - {id: fixed, kind: fixed, perKW: 50}
          - {id: duty, kind: duty, percent: 5, of: [energy, fixed]}
        """

    static func run(accounts: Int, folder: String, databaseURL: String?, serverPID: Int?) async throws -> String {
        try await withSite(SiteOptions(folder: folder, databaseURL: databaseURL)) { open in
            try await measure(accounts, open, serverPID)
        }
    }

    private static func measure(_ accounts: Int, _ open: OpenSite, _ serverPID: Int?) async throws -> String {
        let site = open.site
        let feeders = try await Seed.makeCompany(site, accounts: accounts, first: first, tariff: tariff)
        let houses = try (0..<accounts).map { index in
            try House(index, placeID: feeders[index / 1_000], site: site, vault: open.vault)
        }
        func chunks(_ work: (SeedChunk) async throws -> Void, _ day: CivilDay) async throws {
            for start in stride(from: 0, to: accounts, by: Seed.chunkSize) {
                let some = Array(houses[start..<min(start + Seed.chunkSize, accounts)])
                try await work(SeedChunk(houses: some, first: day, days: 1, site: site))
            }
        }
        try await chunks({ try await $0.store() }, first)
        let rater = Rater(site: site, org: Seed.org)
        guard try await rater.run() == accounts else { throw BenchError("the first day was not charged") }
        let second = first.advanced(by: 1)
        try await chunks({ try await $0.storeReadings() }, second)
        let serverBefore = try serverPID.map { try serverCoreS($0) } ?? 0
        let watch = Stopwatch()
        let made = try await rater.run()
        let used = watch.used()
        let serverS = try (serverPID.map { try serverCoreS($0) } ?? 0) - serverBefore
        guard made == accounts else { throw BenchError("\(made) of \(accounts) accounts were charged") }
        guard try await rater.run() == 0 else { throw BenchError("a second run charged again") }
        let (trial, paise) = try await site.money.read { transaction in
            (
                try Journal.trialBalance(Seed.scope, in: transaction),
                try transaction.first(
                    "SELECT CAST(SUM(total_paise) AS BIGINT) FROM charge WHERE org_id = $1 AND day = $2",
                    [.int(Seed.org.orgID), .day(second)]
                ) { try $0.int(0) } ?? 0
            )
        }
        guard trial.sumPaise == 0, trial.wrongAccounts.isEmpty else { throw BenchError("the book does not balance") }
        return #"{"accounts": \#(accounts), "total_paise": \#(paise), "wall_s": \#(used.wallS), "#
            + #""client_core_s": \#(used.coreS), "server_core_s": \#(serverS), "memory_mb": \#(peakMemoryMB())}"#
    }
}
