// What is handed on is what the sums say, each period once; late data makes new versions of its own periods only.
import Access
import Aggregation
import CivilTime
import IntervalData
import SQL
import TestSupport
import Testing

@Suite struct PublicationTests {
    static let first = CivilDay("2026-03-01")!

    private func rows(_ town: Town, _ kind: PublicationKind, all: Bool = false) async throws -> [Publication] {
        let (fromS, toS) = (
            town.org.zone.startS(of: Self.first), town.org.zone.startS(of: Self.first.advanced(by: 1))
        )
        return try await town.site.money.read { [scope = town.scope] in
            try Publication.list(
                kind, fromS: fromS, toS: toS, latestOnly: !all, limit: 100_000, scope, in: $0)
        }
    }

    @Test(arguments: TestEngine.available)
    func eachPeriodIsHandedOnOnceAndLateDataMakesANewVersion(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { stores in
            let town = try await Town.make(stores, first: Self.first)
            let network = try await town.addNetwork(from: Self.first.advanced(by: -40))
            var random = Numbers(state: 11)
            for house in 1...Int64(town.houses) { try await town.store(1_000 + house, Self.first, &random) }
            _ = try await Aggregator(site: town.site, org: town.org).run()
            let publisher = Publisher(site: town.site, org: town.org)
            let made = try await publisher.run()
            let (ledger, plants) = (try await rows(town, .ledger), try await rows(town, .plant))
            #expect(made == ledger.count + plants.count && !plants.isEmpty)
            // Four periods of six hours of the plant and of each network above the meters.
            let plant = "plant:\(network.plant)"
            #expect(ledger.filter { $0.set == plant }.count == 4)
            #expect(Set(ledger.map(\.set)).isSuperset(of: [plant, "nma:\(network.nma)"]))
            let reader = try await SetReader(site: town.site, org: town.org)
            for set in Set(ledger.map(\.set)) {
                let key = try #require(SetKey(set))
                let sums = try await reader.days(key, .importWh, from: Self.first, to: Self.first)
                let total = sums[Self.first]?.values.reduce(0) { $0 + $1.total }
                #expect(ledger.filter { $0.set == set }.reduce(0) { $0 + $1.totalWh } == total)
            }
            #expect(
                plants.reduce(0) { $0 + $1.totalWh } == ledger.filter { $0.set == plant }.reduce(0) { $0 + $1.totalWh })
            #expect((ledger + plants).allSatisfy { $0.version == 1 })
            #expect(try await publisher.run() == 0)

            // A later reading: new versions where the sum moved, the old ones stay as they were.
            try await town.store(1_002, Self.first, &random)
            _ = try await Aggregator(site: town.site, org: town.org).run()
            let again = try await publisher.run()
            #expect(again > 0)
            let all = try await rows(town, .ledger, all: true)
            #expect(all.filter { $0.version == 1 } == ledger)
            #expect(all.filter { $0.set == plant }.map(\.version).max() == 2)
            #expect(try await publisher.run() == 0)
        }
    }
}
