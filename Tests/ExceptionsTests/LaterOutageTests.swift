// Outages told, changed or withdrawn after a day was judged: the day is judged again, by itself and once, where the
// rules look at supply and nowhere else.
import Access
import CivilTime
import Clocks
import IntervalData
import Meters
import Reliability
import SQL
import Synchronization
import TestSupport
import Testing
import VEE

@testable import MeterData

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
    private func tell(
        _ street: Street, _ slots: Range<Int>?, meterID: Int64 = 1001, daysLater: Int64 = 0
    ) async throws {
        let startMs = Self.startMs + daysLater * 86_400_000
        let signs = slots.map { slots in
            [
                PowerEvent(
                    .failed, meterAtMs: startMs + Int64(slots.lowerBound) * 1_800_000, pushedAtMs: nil,
                    isLogged: true),
                PowerEvent(
                    .restored, meterAtMs: startMs + Int64(slots.upperBound) * 1_800_000 + 60_000,
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
            #expect(try await street.again.afterOutages().changed == 0)
            // Recorded.
            try await tell(street, 10..<36)
            #expect(try await street.again.afterOutages().changed == 1)
            #expect(try await !isInDoubt(street))
            let changes = try await street.changes()
            #expect(try await street.again.afterOutages().changed == 0)
            #expect(try await street.changes() == changes)
            // Told again the same: nothing new.
            try await tell(street, 10..<36)
            #expect(try await street.again.afterOutages().changed == 0)
            #expect(try await street.changes() == changes)
            // Changed: nearly all of the zeros are no longer explained.
            try await tell(street, 35..<36)
            #expect(try await street.again.afterOutages().changed == 1)
            #expect(try await isInDoubt(street))
            try await tell(street, 10..<36)
            #expect(try await street.again.afterOutages().changed == 1)
            // Withdrawn: none are, though they were when the day was judged last.
            try await tell(street, nil)
            #expect(try await street.again.afterOutages().changed == 1)
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
            #expect(try await street.again.afterOutages().changed == 0)
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
            #expect(
                try await street.again.afterOutages().changed == 0, "use in an outage is told and holds nothing back")
            #expect(try await street.exceptions(1001).contains { $0.rule == "consumptionInOutage" && $0.isOpen })
            try await tell(street, nil)
            #expect(try await street.again.afterOutages().changed == 0)
            #expect(try await !street.exceptions(1001).contains { $0.isOpen })
            let kept = try await street.site.readings.shard(Street.day.month).read {
                try DayContext.of(meterID: 1001, day: Street.day, orgID: 1, in: $0)
            }
            #expect(kept.outages == [10..<36] && kept.recordedOutages.isEmpty)
        }
    }

    private func unjudged(_ street: Street) async throws -> [Int64] {
        try await street.site.money.read {
            try $0.query("SELECT meter_id FROM meter_outage WHERE days_judged = 0 ORDER BY start_ms", []) {
                try $0.int(0)
            }
        }
    }

    /// The newest come first, as far as the time goes; what concerns no stored day takes none of it.
    @Test(arguments: TestEngine.available)
    func theNewestComeFirst(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await street.set("all", Self.rules)
            for (meterID, later) in [(Int64(1001), 0), (1002, 1)] {
                try await street.ingest(meterID, on: Street.day.advanced(by: later), Self.zeros())
                try await tell(street, 10..<36, meterID: meterID, daysLater: Int64(later))
            }
            try await tell(street, 10..<36, meterID: 1003, daysLater: 2)
            try await tell(street, 10..<36, meterID: 1004, daysLater: -3)
            // Each look at the clock takes a second.
            let nowMs = Mutex(Int64(0))
            let clocks = Clocks(
                businessNowMs: street.site.clocks.businessNowMs,
                systemNowMs: {
                    nowMs.withLock { nowMs in
                        nowMs += 1_000
                        return nowMs
                    }
                }, businessRate: 0)
            let site = Site(
                money: street.site.money, readings: street.site.readings, clocks: clocks, ids: street.site.ids)
            let again = try await Revalidation(site: site, org: Street.org).afterOutages(forMs: 2_500)
            #expect(again.changed == 1 && again.metersAside == 0)
            #expect(try await unjudged(street) == [1001])
            #expect(try await street.block(1002, Street.day.advanced(by: 1))?.block.lowestQuality != .missing)
            #expect(try await isInDoubt(street))
            #expect(try await street.again.afterOutages().changed == 1)
            #expect(try await unjudged(street).isEmpty)
            #expect(try await !isInDoubt(street))
        }
    }

    /// What is stored of one meter cannot be read: the others are judged, it is told, and the next run tries again.
    @Test(arguments: TestEngine.available)
    func oneBadMeterStopsNoOther(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await street.set("all", Self.rules)
            for meterID in [Int64(1001), 1002, 1003] {
                try await street.ingest(meterID, Self.zeros())
                try await tell(street, 10..<36, meterID: meterID)
            }
            let shard = try await street.site.readings.shard(Street.day.month)
            func put(_ bytes: [UInt8]) async throws {
                try await shard.write {
                    try $0.run(
                        "UPDATE day_block SET qualities = $1 WHERE org_id = 1 AND meter_id = 1002", [.bytes(bytes)])
                }
            }
            let good = try await shard.read {
                try $0.first("SELECT qualities FROM day_block WHERE org_id = 1 AND meter_id = 1002", []) {
                    try $0.bytes(0)
                }
            }
            try await put([0xff])
            for changed in [2, 0] {
                let again = try await street.again.afterOutages()
                #expect(again.changed == changed && again.metersAside == 1)
                #expect(again.trouble?.contains("meter 1002") == true)
                #expect(try await unjudged(street) == [1002])
            }
            try await put(try #require(good))
            let again = try await street.again.afterOutages()
            #expect(again.changed == 1 && again.trouble == nil)
            #expect(try await unjudged(street).isEmpty)
        }
    }

    /// Silence explains nothing, so there is nothing to judge; when readings speak for it there is.
    @Test(arguments: TestEngine.available)
    func silenceIsNotLookedAt(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            func settle(wasDark: Bool) async throws {
                try await street.site.money.write { transaction in
                    let outage = try #require(
                        try MeterOutages.versions(
                            meterID: 1001, fromMs: 0, toMs: .max, limit: 1, Scope(orgID: 1), in: transaction
                        ).first)
                    try MeterOutages.settleSilent(
                        outage, wasDark: wasDark, nowMs: 1, Scope(orgID: 1), in: transaction)
                }
            }
            let span = MeterOutageSpan(
                startMs: Bounded(Self.startMs), endMs: Bounded(Self.startMs + 7_200_000), startEvidence: .silent,
                endEvidence: .silent)
            try await street.site.money.write { transaction in
                try MeterOutages.write(
                    MeterOutage(spanID: 5, version: 0, meterID: 1001, span: span, isWithdrawn: false, madeAtMs: 1),
                    nowMs: 1, Scope(orgID: 1), in: transaction)
            }
            #expect(try await unjudged(street).isEmpty)
            try await settle(wasDark: true)
            #expect(try await unjudged(street) == [1001])
            try await settle(wasDark: false)
            #expect(try await unjudged(street) == [1001, 1001], "the version with readings, and its withdrawal")
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
            #expect(try await street.again.afterOutages().changed == 0)
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
