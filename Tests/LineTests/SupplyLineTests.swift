// Cutting and restoring along the whole line: when it may happen, what holds it back, and what a meter makes of it.
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import IntervalData
import Jobs
import Journal
import Messaging
import MeterFleet
import Meters
import Payments
import SQL
import Supply
import TestSupport
import Testing

@Suite(.serialized)
struct SupplyLineTests {
    /// A Monday; the line starts on Thursday with three days to fetch.
    static let first = CivilDay(year: 2009, month: 3, day: 2)!

    private static func at(_ offset: Int, _ hour: Int64) -> Int64 {
        LineFixture.ms(first.advanced(by: offset), hours: hour)
    }

    private static func configuration(_ index: Int, _ faults: MeterFaults = MeterFaults()) -> MeterConfiguration {
        var configuration = MeterConfiguration(
            serial: "SL\(100 + index)", load: .household(HouseholdModel(seed: UInt64(index + 51))), installed: first,
            secrets: LineFixture.secrets, seed: UInt64(index))
        configuration.faults = faults
        return configuration
    }

    /// What a house draws on some days when it is never cut, in paise.
    private static func askedPaise(_ configuration: MeterConfiguration, house index: Int, days: Range<Int>) throws
        -> Int64
    {
        func bill(_ count: Int) throws -> Int64 {
            try billPaise(house: index, from: first, days: count) { day in
                let startS = Zone.india.startS(of: day)
                return (0..<48).map {
                    Int32(configuration.load.energyWh(startS: startS + Int64($0) * 1800, durationS: 1800))
                }
            }
        }
        return try bill(days.upperBound) - bill(days.lowerBound)
    }

    private func with(
        _ configurations: [MeterConfiguration], opening: [Int64],
        _ body: (LineFixture) async throws -> Void
    ) async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: Self.at(3, 0))
            let fixture = try await LineFixture.make(
                site: site(stores, clock: clock), clock: clock, configurations: configurations,
                openingPaise: { opening[$0] },
                from: Self.first)
            try await body(fixture)
            await fixture.fleet.stop()
        }
    }

    private func commands(_ fixture: LineFixture, _ house: House) async throws -> [MeterCommand] {
        try await fixture.site.money.read { [scope = fixture.scope] in
            try MeterCommand.of(meterID: house.meterID, limit: 100, scope, in: $0).reversed()
        }
    }

    private func decisions(_ fixture: LineFixture, _ house: House) async throws -> [SupplyDecision] {
        try await fixture.site.money.read { [scope = fixture.scope] in
            try Supply.decisions(accountID: house.accountID, limit: 100, scope, in: $0).reversed()
        }
    }

    private func templates(_ fixture: LineFixture, _ house: House) async throws -> [MessageTemplate] {
        try await fixture.site.money.read { [scope = fixture.scope] in
            try Message.of(accountID: house.accountID, limit: 100, scope, in: $0).reversed().map(\.template)
        }
    }

    private static func recharge(_ fixture: LineFixture, _ house: House, _ paise: Int64, _ reference: String)
        async throws
    {
        _ = try await fixture.site.perform(
            Recharge(accountID: house.accountID, amountPaise: paise, method: .upi, reference: reference),
            as: fixture.actor, source: "test")
    }

    @Test func nobodyIsCutInTheHoursThatAreFree() async throws {
        let configurations = (0..<8).map { Self.configuration($0) }
        // Wallets that run dry on the third, fourth … day, so that Sunday and every evening tempt.
        let openings = try configurations.enumerated().map {
            try Self.askedPaise($0.element, house: $0.offset, days: 0..<(2 + $0.offset % 4)) + 50
        }
        try await with(configurations, opening: openings) { fixture in
            try await fixture.run(untilMs: Self.at(8, 13), stepMs: 3_600_000)
            var cuts = 0
            for house in fixture.houses {
                for event in house.meter.events where event.code == 301 {
                    let civil = Zone.india.civil(atS: event.atS)
                    #expect(civil.day.weekday != 7, "cut on a Sunday")
                    #expect((660..<1_050).contains(civil.secondOfDay / 60), "cut at minute \(civil.secondOfDay / 60)")
                    cuts += 1
                }
                let told = try await templates(fixture, house)
                if let cut = told.firstIndex(of: .supplyCut) {
                    #expect(told[..<cut].contains(.lowBalance), "cut without a warning: \(told)")
                }
            }
            #expect(cuts == 8)
            try await checkBooks(fixture, "free hours")
        }
    }

    @Test func nobodyIsCutOnAnEstimate() async throws {
        var faults = MeterFaults()
        faults.lateRows = [
            .init(fromS: Self.at(3, 0) / 1000, untilS: Self.at(4, 0) / 1000, visibleAtS: Self.at(5, 9) / 1000)
        ]
        let configuration = Self.configuration(1, faults)
        // Enough for every day but Thursday, which is estimated until Saturday.
        let opening =
            try Self.askedPaise(configuration, house: 0, days: 0..<3)
            + (try Self.askedPaise(configuration, house: 0, days: 4..<5)) + 1_500
        try await with([configuration], opening: [opening]) { fixture in
            let house = fixture.houses[0]
            try await fixture.run(untilMs: Self.at(5, 8), stepMs: 3_600_000)
            let balance = try await fixture.balance(house.accountID)
            #expect(balance.balancePaise < 0 && balance.balancePaise + balance.estimatedChargesPaise >= 0)
            let held = try #require(try await decisions(fixture, house).last)
            #expect(held.wanted == .closed && held.reasons.contains { $0.code == .restsOnEstimate })
            try await fixture.run(untilMs: Self.at(8, 13), stepMs: 3_600_000)
            let cut = try #require(house.meter.events.first { $0.code == 301 })
            #expect(cut.atS * 1000 >= Self.at(5, 11), "cut before the actual came")
            #expect(try await fixture.balance(house.accountID).estimatedChargesPaise == 0)
        }
    }

    @Test func aRechargeBeforeTheOrderGoesOutTakesItBack() async throws {
        try await with([Self.configuration(2)], opening: [3_000]) { fixture in
            let house = fixture.houses[0]
            // The decision falls at 11:00; orders go out from five minutes later on.
            try await fixture.run(untilMs: Self.at(3, 11), stepMs: 3_600_000)
            #expect(try await commands(fixture, house).map(\.state) == [.waiting])
            try await Self.recharge(fixture, house, 100_000, "PAY-1")
            try await fixture.line.tick()
            try await fixture.run(untilMs: Self.at(3, 12), stepMs: 300_000)
            let orders = try await commands(fixture, house)
            #expect(orders.map(\.kind) == ["disconnect", "reconnect"])
            #expect(orders.map(\.state) == [.superseded, .confirmed])
            #expect(house.meter.events.allSatisfy { $0.code != 301 }, "the relay has moved")
            let told = try await templates(fixture, house)
            #expect(told == [.lowBalance, .rechargeReceived, .rechargeReceived], "\(told)")
            try await checkBooks(fixture, "superseded")
        }
    }

    @Test func aRechargeRestoresAndTheMeterIsReadBack() async throws {
        try await with([Self.configuration(3)], opening: [3_000]) { fixture in
            let house = fixture.houses[0]
            try await fixture.run(untilMs: Self.at(3, 12), stepMs: 300_000)
            #expect(house.meter.relayOpen)
            let owed = try await fixture.balance(house.accountID).balancePaise
            #expect(owed < 0)
            // Not to the upper threshold: stays off. To it: comes back at once, by night as well.
            fixture.clock.nowMs = Self.at(3, 23)
            try await Self.recharge(fixture, house, 900 - owed, "PAY-1")
            try await fixture.run(untilMs: Self.at(3, 23) + 600_000, stepMs: 300_000)
            #expect(house.meter.relayOpen)
            try await Self.recharge(fixture, house, 100, "PAY-2")
            try await fixture.run(untilMs: Self.at(3, 23) + 1_200_000, stepMs: 300_000)
            #expect(!house.meter.relayOpen)
            #expect(try await commands(fixture, house).map(\.state) == [.confirmed, .confirmed])
            let told = try await templates(fixture, house)
            #expect(told.filter { $0 == .supplyCut || $0 == .supplyRestored } == [.supplyCut, .supplyRestored])
            try await checkBooks(fixture, "restored")
        }
    }

    @Test func aMeterThatReportsFailureButWorkedIsBelieved() async throws {
        var faults = MeterFaults()
        faults.lyingRelay = [TimeSpan(fromS: 0, untilS: .max)]
        try await with([Self.configuration(4, faults)], opening: [3_000]) { fixture in
            try await fixture.run(untilMs: Self.at(3, 12), stepMs: 300_000)
            let orders = try await commands(fixture, fixture.houses[0])
            #expect(orders.count == 1 && orders.first?.state == .confirmed && orders.first?.attempt == 1)
            let answer = try #require(orders.first?.answer)
            #expect(answer.contains("reported") && answer.contains("its relay is"), "\(answer)")
            #expect(fixture.houses[0].meter.relayOpen)
        }
    }

    @Test func aStuckRelayIsTriedAgainAndThenGivenToAPerson() async throws {
        var faults = MeterFaults()
        faults.stuckRelay = [TimeSpan(fromS: 0, untilS: .max)]
        try await with([Self.configuration(5, faults)], opening: [3_000]) { fixture in
            let house = fixture.houses[0]
            try await fixture.run(untilMs: Self.at(3, 17), stepMs: 300_000)
            let order = try #require(try await commands(fixture, house).first)
            #expect(order.state == .failed && order.attempt == RelayCommander.attemptLimit)
            #expect(order.answer?.contains("said yes") == true, "\(order.answer ?? "")")
            let relay = try await fixture.site.money.read { [scope = fixture.scope] in
                try RelayRecord.find(house.meterID, scope, in: $0)
            }
            #expect(relay?.wanted == .open && relay?.actual == "closed" && relay?.agrees == false)
            #expect(try await !templates(fixture, house).contains(.supplyCut), "told of a cut that never was")
        }
    }

    /// The order waits for the meter until after the hours in which it may be carried out.
    @Test func anOrderThatIsLateWaitsForTheNextHours() async throws {
        var faults = MeterFaults()
        faults.silences = [(TimeSpan(fromS: Self.at(3, 10) / 1000, untilS: Self.at(3, 19) / 1000), .hangUp)]
        try await with([Self.configuration(6, faults)], opening: [3_000]) { fixture in
            let house = fixture.houses[0]
            try await fixture.run(untilMs: Self.at(4, 10), stepMs: 3_600_000)
            let orders = try await commands(fixture, house)
            #expect(orders.first?.state == .superseded, "\(orders)")
            #expect(!house.meter.events.contains { $0.code == 301 }, "cut in the hours that are free")
            try await fixture.run(untilMs: Self.at(4, 12), stepMs: 300_000)
            let cut = try #require(house.meter.events.first { $0.code == 301 })
            #expect(cut.atS * 1000 >= Self.at(4, 11))
            try await checkBooks(fixture, "late order")
        }
    }
}
