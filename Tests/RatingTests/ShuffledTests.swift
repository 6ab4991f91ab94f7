// Two hundred households whose estimates, readings and edits arrive in orders drawn from a seed, some twice: under
// slabs by time of day every later day moves, and each wallet ends where the truth alone would have put it. The truth
// is reckoned here from the words of the tariff, not by the engine.
import Access
import CivilTime
import IntervalData
import Journal
import Rating
import SQL
import Tariffs
import TestSupport
import Testing

@Suite struct ShuffledTests {
    static let first = CivilDay(year: 2026, month: 4, day: 1)!
    static let days = 8
    static let slots = 24
    static let households = 200

    static let tariff = """
        format: 1
        id: SLAB
        version: 1
        name: Slabs by time of day
        validFrom: 2026-01-01
        calendars:
          day: [{bands: {peak: 18:00-22:00, normal: [00:00-18:00, 22:00-24:00]}}]
        components:
          - id: energy
            kind: energy
            calendar: day
            slabs:
              kind: telescopic
              rule: chronological
              steps:
                - {upTo: 20, perKWh: {normal: 3.05, peak: 3.66}}
                - {upTo: 60, perKWh: {normal: 6.95, peak: 8.34}}
                - {perKWh: {normal: 9.91, peak: 11.89}}
          - {id: fixed, kind: fixed, perKW: 41.37}
          - {id: duty, kind: duty, percent: 5, of: [energy, fixed]}
        """

    /// Milli-paise per kWh, by slab, normal and peak.
    private static let prices: [(limitWh: Int64, normal: Int64, peak: Int64)] = [
        (20_000, 305_000, 366_000), (60_000, 695_000, 834_000), (.max, 991_000, 1_189_000),
    ]

    private static func rounded(_ value: Int64, _ unit: Int64) -> Int64 { (2 * value + unit) / (2 * unit) }

    /// The bill of whole days from the first on, each interval in the slab reached so far.
    private static func bill(_ days: [[Int32]]) -> Int64 {
        var cum: Int64 = 0
        var micro: Int64 = 0
        for values in days {
            for (slot, value) in values.enumerated() {
                var left = Int64(value)
                let isPeak = (18..<22).contains(slot)
                for step in prices where left > 0 && cum < step.limitWh {
                    let piece = min(left, step.limitWh - cum)
                    micro += piece * (isPeak ? step.peak : step.normal)
                    cum += piece
                    left -= piece
                }
            }
        }
        let energy = rounded(micro, 1_000_000)
        let fixed = rounded(5 * 4_137 * Int64(days.count), 30)
        return energy + fixed + rounded((energy + fixed) * 5, 100)
    }

    private struct Event: Sendable {
        var day: Int
        /// 0 estimate, 1 reading, 2 edit: what stands higher is not replaced by what stands lower.
        var stage: Int
    }

    private static func values(_ house: Int, _ day: Int, _ stage: Int) -> [Int32] {
        var random = Seeded(state: UInt64(house * 1_000 + day * 10 + stage))
        return (0..<slots).map { _ in Int32.random(in: 0...900, using: &random) }
    }

    private static func events(_ house: Int) -> [Event] {
        var random = Seeded(state: UInt64(house) &* 7_919)
        var all: [Event] = []
        for day in 0..<days {
            all.append(Event(day: day, stage: 1))
            if Int.random(in: 0..<10, using: &random) < 5 { all.append(Event(day: day, stage: 0)) }
            if Int.random(in: 0..<10, using: &random) < 2 { all.append(Event(day: day, stage: 2)) }
        }
        all += all.filter { _ in Int.random(in: 0..<10, using: &random) < 2 }
        return all.shuffled(using: &random)
    }

    @Test func everyWalletEndsWhereTheTruthAloneWouldPutIt() async throws {
        try await withSite(.sqlite, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.first)
            try await town.build([Self.tariff], accounts: Self.households, holding: "SLAB", from: Self.first)
            let events = (0..<Self.households).map(Self.events)
            var stages: [[Int: Int]] = Array(repeating: [:], count: Self.households)
            for round in 0..<(events.map(\.count).max() ?? 0) {
                var readings: [RatedTown.Reading] = []
                for house in events.indices where events[house].indices.contains(round) {
                    let event = events[house][round]
                    guard event.stage >= stages[house][event.day] ?? 0 else { continue }
                    stages[house][event.day] = event.stage
                    readings.append(Self.reading(house, event))
                }
                try await town.read(readings)
                if round % 5 == 3 { try await town.rate() }
            }
            try await town.rate()
            for house in events.indices {
                let truth = Self.bill((0..<Self.days).map { Self.values(house, $0, stages[house][$0] ?? 1) })
                let balance = try await town.balance(Int64(house + 101))
                #expect(balance == WalletBalance(balancePaise: -truth, estimatedChargesPaise: 0), "house \(house)")
            }
            try await check(town, stages)
        }
    }

    private static func reading(_ house: Int, _ event: Event) -> RatedTown.Reading {
        RatedTown.Reading(
            accountID: Int64(house + 101), day: first.advanced(by: event.day),
            values: values(house, event.day, event.stage),
            quality: [.estimated, .actual, .edited][event.stage])
    }

    private func check(_ town: RatedTown, _ stages: [[Int: Int]]) async throws {
        let (trial, corrected) = try await town.site.money.read { transaction in
            (
                try Journal.trialBalance(town.scope, in: transaction),
                try transaction.first("SELECT COUNT(*) FROM charge WHERE revision > 1", []) { try $0.int(0) } ?? 0
            )
        }
        #expect(trial.sumPaise == 0 && trial.wrongAccounts.isEmpty)
        #expect(corrected > 500, "too few days were corrected to show anything")
        // Every reading once more, and every day once more: nothing is posted.
        let before = try await town.entries()
        for (house, days) in stages.enumerated() {
            try await town.read(days.map { Self.reading(house, Event(day: $0.key, stage: $0.value)) })
        }
        let made = try await town.rate()
        let again = try await Rater(site: town.site, org: town.org).run(day: Self.first)
        let after = try await town.entries()
        #expect(made == 0 && again == 0 && after == before)
        // And each charge explains itself: the same inputs, the same amounts.
        let explanation = try await Explanation.of(
            accountID: 107, day: Self.first.advanced(by: 5), revision: nil, zone: town.org.zone, site: town.site,
            town.scope)
        #expect(explanation.agrees)
        let components = try #require(explanation.explained?.components)
        #expect(components.map(\.id) == ["energy", "fixed", "duty"])
        #expect(components.allSatisfy { $0.amountMinor == $0.lines.reduce(0) { $0 + $1.amountMinor } })
        #expect(components.reduce(0) { $0 + $1.amountMinor } == explanation.charge.totalPaise)
    }
}
