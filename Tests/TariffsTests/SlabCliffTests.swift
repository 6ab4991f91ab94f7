// Limits at which all units change their price: found, priced on both sides by hand, and far away not told.
import CivilTime
import Testing

@testable import Tariffs

@Suite struct SlabCliffTests {
    private static func tariff(_ components: String) throws -> Tariff {
        try TariffReader.read(
            Array("format: 1\nid: T\nversion: 1\nname: T\nvalidFrom: 2026-04-01\ncomponents:\n\(components)\n".utf8),
            file: "t")
    }
    private static let april = BillPeriod(first: CivilDay("2026-04-01")!, last: CivilDay("2026-04-30")!)

    private static func days(_ whPerHour: Int32) -> [TariffLoadDay] {
        (0..<30).map { offset in
            TariffLoadDay(
                day: april.first.advanced(by: offset), slotStartMinutes: (0..<24).map { $0 * 60 }, periodS: 3600,
                importWh: [Int32](repeating: whPerHour, count: 24))
        }
    }

    @Test func passingALimitCostsWhatAllUnitsCostMore() throws {
        let tariff = try Self.tariff(
            """
              - id: energy
                kind: energy
                label: Energy
                slabs: {kind: nonTelescopic, steps: [{upTo: 300, perKWh: 4}, {perKWh: 6}]}
              - {id: help, kind: subsidy, label: Help, percent: 50, of: [energy], whenTotalUpTo: 300}
            """)
        #expect(tariff.hasJumps)
        let book = try TariffBook([tariff])
        // 400 Wh an hour are 288 kWh: 4 % below 300.
        let found = try #require(
            try book.cliff(of: Self.april, Self.days(400), percent: 5, facts: AccountFacts()))
        // 300 kWh: 1200 less 600; one Wh more: 1800.01.
        #expect(found.limitWh == 300_000 && found.expectedWh == 288_000 && !found.isPassed)
        #expect(found.jumpMinor == 180_001 - 60_000 && found.labels == ["Energy", "Help"])
        #expect(found.distanceWh == 12_000)
        let above = try book.cliff(of: Self.april, Self.days(430), percent: 5, facts: AccountFacts())
        #expect(above?.isPassed == true)
        let far = try book.cliff(of: Self.april, Self.days(300), percent: 5, facts: AccountFacts())
        #expect(far == nil)
    }

    @Test func telescopicSlabsHaveNoCliff() throws {
        let tariff = try Self.tariff(
            "  - {id: energy, kind: energy, slabs: {kind: telescopic, steps: [{upTo: 300, perKWh: 4}, {perKWh: 6}]}}")
        #expect(!tariff.hasJumps && tariff.slabLimitsWh == [300_000])
        let found = try TariffBook([tariff]).cliff(of: Self.april, Self.days(416), percent: 5, facts: AccountFacts())
        #expect(found == nil)
    }

    @Test func aScaledLoadSumsToTheTotalAndKeepsItsShape() {
        var days = Self.days(7)
        days[3].importWh[5] = 700
        for total: Int64 in [0, 1, 999, 300_001] {
            let scaled = TariffLoadDay.scaled(days, toWh: total)
            #expect(scaled.reduce(0) { $0 + $1.importTotalWh } == total)
            #expect(scaled.allSatisfy { $0.importWh.allSatisfy { $0 >= 0 } })
        }
        let large = TariffLoadDay.scaled(days, toWh: 10_000_000)
        #expect(large[3].importWh[5] > 90 * large[3].importWh[4])
        let empty = TariffLoadDay.scaled(Self.days(0), toWh: 720)
        #expect(empty.allSatisfy { $0.importWh.allSatisfy { $0 == 1 } })
    }

    @Test func theSameRulesHoldOnOtherDays() throws {
        let tariff = try Self.tariff("  - {id: energy, kind: energy, perKWh: 4}")
        let past = tariff.redated(from: CivilDay("2025-01-01")!)
        #expect(past.holds(on: CivilDay("2025-06-01")!) && !tariff.holds(on: CivilDay("2025-06-01")!))
        #expect(past.components == tariff.components && past.validTo == nil)
    }
}
