// Outages told, changed or withdrawn after a day was judged: the day is judged again, by itself and once, where the
// rules look at supply and nowhere else.
import Access
import CivilTime
import Clocks
import IntervalData
import MeterData
import Meters
import Reliability
import SQL
import TestSupport
import Testing
import VEE

@Suite struct LaterOutages {
    static let startMs = Zone.india.startS(of: Street.day) * 1000

    /// Thirteen hours of zeros that are in doubt while no outage explains them.
    private static func zeros() -> [Int32?] {
        var values = Street.values(1)
        for slot in 10..<36 { values[slot] = 0 }
        return values
    }

    private static var rules: ValidationRules {
        var rules = ValidationRules.standard
        rules.zero = .init(withoutRegister: .hard)
        return rules
    }

    /// What the meter's log says by now of its supply: dark in these slots of the day; nil is not at all.
    private func tell(_ street: Street, _ slots: Range<Int>?, meterID: Int64 = 1001) async throws {
        let signs = slots.map { slots in
            [
                PowerEvent(
                    .failed, meterAtMs: Self.startMs + Int64(slots.lowerBound) * 1_800_000, pushedAtMs: nil,
                    isLogged: true),
                PowerEvent(
                    .restored, meterAtMs: Self.startMs + Int64(slots.upperBound) * 1_800_000 + 60_000,
                    pushedAtMs: nil, isLogged: true),
            ]
        }
        try await street.site.money.write { transaction in
            try MeterOutages.derive(
                meterID: meterID, signs: signs ?? [], fromMs: Self.startMs - 86_400_000, zone: .india,
                nowMs: street.site.clocks.businessNowMs(), ids: street.site.ids, Scope(orgID: 1), in: transaction)
        }
    }

    private func isInDoubt(_ street: Street) async throws -> Bool {
        let open = try await street.exceptions(1001).contains { $0.rule == "consecutiveZeroes" && $0.isOpen }
        let block = try await street.block(1001)?.block
        #expect(open == (block?.lowestQuality == .missing))
        return open
    }

    @Test(arguments: TestEngine.available)
    func daysAreJudgedAgainByThemselves(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await street.set("all", Self.rules)
            try await street.ingest(1001, Self.zeros())
            #expect(try await isInDoubt(street))
            #expect(try await street.again.afterOutages() == 0)
            // Recorded.
            try await tell(street, 10..<36)
            #expect(try await street.again.afterOutages() == 1)
            #expect(try await !isInDoubt(street))
            let changes = try await street.changes()
            #expect(try await street.again.afterOutages() == 0)
            #expect(try await street.changes() == changes)
            // Told again the same: nothing new.
            try await tell(street, 10..<36)
            #expect(try await street.again.afterOutages() == 0)
            #expect(try await street.changes() == changes)
            // Changed: nearly all of the zeros are no longer explained.
            try await tell(street, 35..<36)
            #expect(try await street.again.afterOutages() == 1)
            #expect(try await isInDoubt(street))
            try await tell(street, 10..<36)
            #expect(try await street.again.afterOutages() == 1)
            // Withdrawn: none are, though they were when the day was judged last.
            try await tell(street, nil)
            #expect(try await street.again.afterOutages() == 1)
            #expect(try await isInDoubt(street))
            #expect(try await street.again.run(meterID: 1001, from: Street.day, to: Street.day).changed == 0)
        }
    }

    /// Only what is stored, by rules that look at supply; what the meter itself told stands beside the records.
    @Test(arguments: TestEngine.available)
    func othersAreLeftAlone(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            var blind = Self.rules
            (blind.outageContext, blind.voltage, blind.unchangedMeter) = (nil, nil, nil)
            #expect(!blind.looksAtSupply && Self.rules.looksAtSupply)
            try await street.set("all", blind)
            try await street.ingest(1001, Self.zeros())
            try await street.set("all", ValidationRules(zero: nil, consecutiveZeroes: nil))
            let changes = try await street.changes()
            try await tell(street, 10..<36)
            try await tell(street, 10..<36, meterID: 1002)
            // Other rules would change the day, were it judged.
            #expect(try await street.again.afterOutages() == 0)
            #expect(try await street.changes() == changes)
            #expect(try await street.again.run(meterID: 1001, from: Street.day, to: Street.day).changed == 1)
        }
        try await Street.with(engine) { street in
            var incoming = IncomingDay(day: Street.day, meterID: 1001, batchID: 5, values: Self.zeros())
            incoming.outages = [10..<36]
            let context = IngestContext(
                sanctionedW: 3000, periodS: 1800, history: [], rules: Self.rules, madeBy: "read", nowMs: 1)
            try await street.set("all", Self.rules)
            try await street.site.readings.shard(Street.day.month).write { [incoming] transaction in
                try Ingest.apply(incoming, context, orgID: 1, in: transaction)
            }
            try await tell(street, 2..<4)
            #expect(try await street.again.afterOutages() == 0, "use in an outage is told and holds nothing back")
            #expect(try await street.exceptions(1001).contains { $0.rule == "consumptionInOutage" && $0.isOpen })
            try await tell(street, nil)
            #expect(try await street.again.afterOutages() == 0)
            #expect(try await !street.exceptions(1001).contains { $0.isOpen })
            let kept = try await street.site.readings.shard(Street.day.month).read {
                try DayContext.of(meterID: 1001, day: Street.day, orgID: 1, in: $0)
            }
            #expect(kept.outages == [10..<36] && kept.recordedOutages.isEmpty)
        }
    }

    /// Broken off at any statement of the money store, it goes on: the day is judged, once.
    @Test func brokenOffAnywhere() async throws {
        try await Street.with(.sqlite) { street in
            try await street.set("all", Self.rules)
            try await street.ingest(1001, Self.zeros())
            try await tell(street, 10..<36)
            for failAt in 1..<20 {
                let money = FailingDatabase(street.site.money, failAt: failAt)
                let site = Site(
                    money: money, readings: street.site.readings, clocks: street.site.clocks, ids: street.site.ids)
                do {
                    _ = try await Revalidation(site: site, org: Street.org).afterOutages()
                    #expect(money.statementCount < failAt)
                    break
                } catch let error as SQLError { #expect(error.code == .full) }
            }
            #expect(try await !isInDoubt(street))
            #expect(try await street.block(1001)?.version == 2)
            #expect(try await street.again.afterOutages() == 0)
        }
    }

    @Test func theMostDemandingRowGivesTheHistory() {
        func row(_ rules: ValidationRules?, _ number: Int32) -> GroupRow<ValidationRules> {
            GroupRow(group: .all, fromDay: CivilDay(number: number), value: rules, setAtMs: 0, setBy: 1)
        }
        var far = ValidationRules.standard
        far.highLow = .init(days: 40)
        #expect(RuleBook().historyDays == ValidationRules.standard.historyDays)
        #expect(RuleBook([row(.five, 1), row(nil, 2)]).historyDays == ValidationRules.standard.historyDays)
        #expect(RuleBook([row(.all, 1), row(far, 2), row(nil, 3)]).historyDays == 40)
    }
}
