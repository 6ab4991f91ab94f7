// Runs of estimation: by the plan in force, over midnight and over changes of the clock, exact against the register;
// logged, and compared with the actual once it comes.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import IntervalData
import MeterData
import Meters
import SQL
import TestRetailer
import TestSupport
import Testing
import VEE

@Suite struct EstimationRunTests {
    private static func log(_ bench: Bench, _ day: CivilDay) async throws -> [EstimateRecord] {
        try await bench.site.readings.shard(day.month).read { [meter = bench.meter] in
            try EstimationLog.of(meterID: meter, day: day, orgID: 1, in: $0)
        }
    }

    @Test(arguments: TestEngine.available)
    func whatWasEstimatedIsComparedWithTheActual(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            bench.clock.nowMs += 86_400_000
            let day = bench.retailer.lastDay.advanced(by: 1)
            let actual: [Int32] = (0..<48).map { 60 + Int32($0 % 3) }
            try await bench.arrive(day, actual.indices.map { (10..<20).contains($0) ? nil : actual[$0] })
            let (filled, open) = try await Estimator(site: bench.site, org: bench.org).run(day: day)
            // The other meter has nothing of the day and is estimated wholly.
            #expect(filled == 2 && open == 0)
            let estimated = try #require(try await bench.versions(day).last?.block)
            #expect(estimated.count(of: .estimated) == 10 && estimated.lowestQuality == .estimated)
            let made = try #require(try await Self.log(bench, day).first)
            let sum = estimated.values[10..<20].reduce(0) { $0 + Int64($1) }
            #expect(made.slots == 10..<20 && made.method == .threeDayMean && made.energy == sum)
            #expect(made.version == 2 && made.replacedSlots == 0 && !made.reason.isEmpty)
            // Half of it comes, then an edit of another slot, then the rest: the error is that of the whole.
            try await bench.arrive(day, actual.indices.map { (10..<15).contains($0) ? actual[$0] : nil })
            try await bench.submit(bench.request(day, 17..<18, .typed, on: [3], typed: [17: 500]))
            let half = try #require(try await Self.log(bench, day).first)
            #expect(half.replacedSlots == 5)
            try await bench.arrive(day, actual.map { $0 })
            let whole = try #require(try await Self.log(bench, day).first)
            let error = (10..<20).reduce(Int64(0)) { $0 + Int64((estimated.values[$1] - actual[$1]).magnitude) }
            #expect(whole.replacedSlots == 10 && whole.replacedEstimate == sum && whole.absoluteError == error)
            #expect(whole.replacedActual == actual[10..<20].reduce(0) { $0 + Int64($1) } && error > 0)
            let filter = EstimationFilter(from: day.advanced(by: -40), to: day)
            let accuracy = try await EstimationLog.accuracy(filter, site: bench.site, bench.scope)
            let mean = try #require(accuracy.first { $0.method == .threeDayMean })
            #expect(mean.absoluteErrorWh == error && mean.wapePPM == error * 1_000_000 / whole.replacedActual)
        }
    }

    @Test(arguments: TestEngine.available)
    func theLogIsShownToWhoSeesTheMeter(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            bench.clock.nowMs += 2 * 86_400_000
            let days = [1, 2].map { bench.retailer.lastDay.advanced(by: $0) }
            for day in days {
                try await bench.arrive(day, (0..<48).map { $0 % 5 == 0 ? nil : 50 })
                _ = try await Estimator(site: bench.site, org: bench.org, plan: EstimationPlan(named: "linear")).run(
                    day: day)
            }
            let filter = EstimationFilter(from: days[0].advanced(by: -10), to: days[1])
            var seen: [EstimateRecord] = []
            var place: EstimationLog.Place?
            repeat {
                let part = try await EstimationLog.list(filter, after: place, limit: 7, site: bench.site, bench.scope)
                seen += part.items
                place = part.next.flatMap { EstimationLog.Place($0.text) }
            } while place != nil
            #expect(seen.filter { $0.meterID == bench.meter }.count == 20)
            #expect(Set(seen.map { "\($0.day) \($0.meterID) \($0.slots)" }).count == seen.count)
            #expect(seen.first?.day == days[1], "newest first")
            let elsewhere = Scope(orgID: 1, placeIDs: [12])
            let theirs = try await EstimationLog.list(filter, after: nil, limit: 100, site: bench.site, elsewhere)
            #expect(!theirs.items.contains { $0.meterID == bench.meter })
            var there = filter
            there.placeID = 11
            let under = try await EstimationLog.list(there, after: nil, limit: 100, site: bench.site, bench.scope)
            #expect(under.items.count == 20 && under.next == nil)
            let other = Scope(orgID: 2)
            #expect(try await EstimationLog.list(filter, after: nil, limit: 100, site: bench.site, other).items.isEmpty)
            let none = try await EstimationLog.accuracy(filter, site: bench.site, elsewhere)
            #expect(none.allSatisfy { $0.replacedSlots == 0 })
            var long = filter
            long.from = days[0].advanced(by: -200)
            let refused = try await refusal {
                _ = try await EstimationLog.list(long, after: nil, limit: 1, site: bench.site, bench.scope)
            }
            #expect(refused?.code == .invalid)
        }
    }

    /// A gap over midnight is one gap: the line runs from the evening before to the morning after.
    @Test(arguments: TestEngine.available)
    func aGapOverMidnightIsOne(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            bench.clock.nowMs += 3 * 86_400_000
            let days = [1, 2].map { bench.retailer.lastDay.advanced(by: $0) }
            try await bench.arrive(days[0], (0..<48).map { $0 < 44 ? 100 : nil })
            try await bench.arrive(days[1], (0..<48).map { $0 < 4 ? nil : 190 })
            let estimator = Estimator(site: bench.site, org: bench.org, plan: EstimationPlan(named: "linear"))
            _ = try await estimator.run(day: days[0])
            let evening = try #require(try await bench.versions(days[0]).last?.block)
            #expect(Array(evening.values[44...]) == [110, 120, 130, 140])
        }
    }

    @Test(arguments: TestEngine.available)
    func theRegisterGivesTheSum(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            bench.clock.nowMs += 86_400_000
            let day = bench.retailer.lastDay.advanced(by: 1)
            try await bench.arrive(day, (0..<48).map { (12..<36).contains($0) ? nil : 50 })
            let startS = bench.org.zone.startS(of: day)
            let meter = bench.meter
            let sources = EstimationSources(registers: { asked, _, _ in
                asked != meter
                    ? []
                    : [
                        VEE.RegisterReading(atS: startS, registerWh: 10_000),
                        VEE.RegisterReading(atS: startS + 86_400, registerWh: 13_333),
                    ]
            })
            _ = try await Estimator(site: bench.site, org: bench.org, sources: sources).run(day: day)
            let block = try #require(try await bench.versions(day).last?.block)
            #expect(block.lowestQuality == .estimated && block.totalValue == 3_333)
            let made = try await Self.log(bench, day)
            #expect(made.map(\.method) == [.registerConstrained] && made.first?.registerWh == 3_333)
            #expect(made.first?.shape == .threeDayMean)
        }
    }

    /// A month ended and nobody read the register: the last one and the intervals since give it.
    @Test(arguments: TestEngine.available)
    func aBillingRegisterIsEstimated(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let (first, last) = (bench.retailer.first, bench.retailer.lastDay)
            let startS = bench.org.zone.startS(of: first.advanced(by: 2))
            let sources = EstimationSources(registers: { _, _, _ in
                [
                    VEE.RegisterReading(atS: startS - 86_400, registerWh: 90_000),
                    VEE.RegisterReading(atS: startS, registerWh: 93_000),
                ]
            })
            let estimator = Estimator(site: bench.site, org: bench.org, sources: sources)
            #expect(
                try await estimator.register(of: bench.meter, endOf: first.advanced(by: 1))
                    == .read(registerWh: 93_000))
            var since: Int64 = 0
            for offset in 2...4 {
                since += try #require(try await bench.versions(first.advanced(by: offset)).last).block.totalValue
            }
            let found = try await estimator.register(of: bench.meter, endOf: last)
            guard case .estimated(let register) = found else {
                Issue.record("not estimated: \(found)")
                return
            }
            #expect(register.registerWh == 93_000 + since && register.fromDay == first.advanced(by: 1))
            #expect(register.estimatedWh == 0 && register.confidence == .high)
            // A day that lacks, and a meter without registers, give none.
            #expect(
                try await estimator.register(of: bench.meter, endOf: last.advanced(by: 1)) == .unknown(missingSlots: 1))
            let bare = Estimator(site: bench.site, org: bench.org)
            #expect(try await bare.register(of: bench.meter, endOf: last) == .unknown(missingSlots: 0))
        }
    }

    /// By the dated setting; text that is no plan is refused where it is set.
    @Test func thePlanIsADatedSetting() async throws {
        let kind = try #require(Estimator.settings.first)
        #expect(kind.parse("best") == "best" && kind.parse("threeDayMean") != nil && kind.parse("guess") == nil)
        #expect(kind.parse(EstimationPlan.best.json()) != nil && kind.parse("{}") == nil)
        try await Bench.with(.sqlite) { bench in
            bench.clock.nowMs += 86_400_000
            let day = bench.retailer.lastDay.advanced(by: 1)
            try await bench.arrive(day, (0..<48).map { $0 == 10 ? nil : 70 })
            try await bench.site.money.write { transaction in
                try Setting.set(
                    Estimator.planSetting, "linear", from: day, bench.scope, in: transaction)
            }
            _ = try await Estimator(site: bench.site, org: bench.org).run(day: day)
            #expect(try await Self.log(bench, day).map(\.method) == [.linear])
        }
    }

    /// A holiday is estimated from Sundays, and is no pattern for a working day, as in a forecast: by the list in force
    /// when the estimate is made, and not by one that holds from later on.
    @Test(arguments: TestEngine.available)
    func holidaysAreLivedLikeSundays(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            var days = (1...35).map { bench.retailer.lastDay.advanced(by: $0) }
            bench.clock.nowMs += 37 * 86_400_000
            let today = bench.org.zone.day(atS: bench.clock.nowMs / 1000)
            // Not a Monday: the day before is a working day.
            let holiday = try #require(days.last { (2...5).contains($0.weekday) })
            days.removeAll { $0 > holiday }
            for day in days.dropLast() {
                try await bench.arrive(day, .init(repeating: day.weekday == 7 ? 900 : 100, count: 48))
            }
            try await bench.arrive(holiday, (0..<48).map { $0 == 10 ? nil : 900 })
            func proposed(
                _ method: String = "sameDayType", on day: CivilDay = holiday, slot: Int = 10
            ) async throws -> Int32? {
                try await bench.set(Estimator.planSetting, method)
                return try await EstimateProposal.of(
                    meterID: bench.meter, day: day, slots: slot..<slot + 1, site: bench.site, org: bench.org,
                    bench.scope,
                    sources: EstimationSources()
                ).after?.values[slot]
            }
            func list(_ holidays: [CivilDay], from day: CivilDay) async throws {
                try await bench.site.money.write { [scope = bench.scope] in
                    try Setting.set(Holidays.setting, Holidays(holidays).json(), from: day, scope, in: $0)
                }
            }
            #expect(try await proposed() == 100)
            #expect(
                try await proposed(on: holiday.advanced(by: -1), slot: 11) == 300, "one of four days was lived else")
            let plain = try #require(try await proposed("profile"))
            try await list([holiday], from: today.advanced(by: 1))
            #expect(try await proposed() == 100, "nobody knows of it yet")
            try await list([holiday], from: today)
            #expect(try await proposed() == 900)
            #expect(try #require(try await proposed("profile")) > plain)
            // The run and an edit know it too.
            var edit = bench.request(holiday, 10..<11, .estimate)
            edit.method = "sameDayType"
            let plan = try await EditPlan.of(edit, site: bench.site, bench.scope)
            #expect(plan.days.first?.after.values[10] == 900)
            try await bench.set(Estimator.planSetting, "sameDayType")
            _ = try await Estimator(site: bench.site, org: bench.org).run(day: holiday)
            #expect(try await bench.versions(holiday).last?.block.values[10] == 900)
            #expect(
                try await proposed(on: holiday.advanced(by: -1), slot: 11) == 100, "the holiday is none of its kind")
        }
    }

    /// Of a meter's groups the most specific one with a plan on the day holds, then the company's setting.
    @Test(arguments: TestEngine.available)
    func thePlanIsThatOfTheGroup(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            bench.clock.nowMs += 4 * 86_400_000
            let days = (1...4).map { bench.retailer.lastDay.advanced(by: $0) }
            for day in days { try await bench.arrive(day, (0..<48).map { $0 == 10 ? nil : 70 }) }
            func set(_ group: String, _ plan: EstimationPlan?, from day: CivilDay, past: Bool = true) async throws {
                _ = try await bench.site.perform(
                    SetEstimationPlan(group: try RuleGroup(group), plan, from: day, evenPast: past),
                    as: Bench.chief, source: "test")
            }
            try await set("category:domestic", EstimationPlan(named: "linear"), from: days[1])
            try await set("place:\(bench.retailer.place)", EstimationPlan(named: "profile"), from: days[2])
            try await set("place:\(bench.retailer.place)", nil, from: days[3])
            let estimator = Estimator(site: bench.site, org: bench.org)
            var methods: [[EstimationMethod]] = []
            for day in days {
                _ = try await estimator.run(day: day)
                methods.append(try await Self.log(bench, day).map(\.method))
            }
            #expect(methods == [[.threeDayMean], [.linear], [.profile], [.linear]])
            // A day that is over only when it is meant; nobody but who may set settings.
            let past = try await refusal { try await set("all", .best, from: days[0], past: false) }
            #expect(past?.code == .conflict)
            let small = try await refusal {
                _ = try await bench.site.perform(
                    SetEstimationPlan(group: .all, .best, from: nil), as: Bench.asha, source: "test")
            }
            #expect(small?.code == .forbidden)
        }
    }

    /// On the day of an exchange each meter is estimated for the part of the day in which it was there.
    @Test(arguments: TestEngine.available)
    func anExchangedMeterIsFilledForItsOwnPart(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            bench.clock.nowMs += 2 * 86_400_000
            let day = bench.retailer.lastDay.advanced(by: 1)
            let newMeter: Int64 = 9_001
            try await bench.site.money.write { transaction in
                try Meter(
                    meterID: newMeter, serial: "NEW", host: "", port: 0, clientAddress: 16, authentication: "none",
                    sealedKeys: nil, capturePeriodS: 1800
                ).create(bench.scope, atMs: 0, in: transaction)
            }
            let exchangeMs = (bench.org.zone.startS(of: day) + 20 * 1_800 + 600) * 1000
            _ = try await bench.site.perform(
                ReplaceMeter(oldMeterID: bench.meter, newMeterID: newMeter, atMs: exchangeMs), as: Bench.chief,
                source: "test")
            try await bench.arrive(day, (0..<48).map { $0 < 12 ? 70 : nil })
            // Of the new meter so much is known that a mean could fill all of its day.
            _ = try await Estimator(
                site: bench.site, org: bench.org, plan: EstimationPlan(named: "threeDayMean")
            ).run(day: day, onlyCalled: false)
            let old = try #require(try await bench.versions(day).last?.block)
            let kinds = (0..<48).map { $0 < 12 ? Quality.actual : $0 < 20 ? .estimated : .missing }
            #expect(old.qualities == kinds)
            // Again: nothing new.
            let count = try await bench.versions(day).count
            _ = try await Estimator(
                site: bench.site, org: bench.org, plan: EstimationPlan(named: "threeDayMean")
            ).run(day: day, onlyCalled: false)
            #expect(try await bench.versions(day).count == count)
            let other = try await bench.site.readings.shard(day.month).read { transaction in
                try VEEException.of(meterID: newMeter, from: day, to: day, orgID: 1, in: transaction)
            }
            // Without history the new one's own part, and no other, is shown to a person.
            #expect(other.map(\.slots) == [20..<48])
        }
    }

    /// Days of 46 and 50 half hours are estimated like others.
    @Test(arguments: [CivilDay(year: 2026, month: 3, day: 29)!, CivilDay(year: 2026, month: 10, day: 25)!])
    func daysOnWhichTheClockChanges(_ day: CivilDay) async throws {
        try await Bench.with(.sqlite) { bench in
            let zone = try #require(Zone("Europe/Berlin"))
            let org = Org(orgID: 3, name: "Drei", zone: zone, currency: "EUR")
            let scope = Scope(orgID: 3)
            bench.clock.nowMs = zone.startS(of: day.advanced(by: 2)) * 1000
            try await bench.site.money.write { transaction in
                try org.create(in: transaction)
                try Place(placeID: 30, parentID: nil, kind: .plant, name: "P").create(scope, in: transaction)
                try SupplyAccount(
                    accountID: 300, accountNumber: "A", name: "H", category: "domestic", placeID: 30,
                    sanctionedW: 3_000, language: "en", openedDay: day.advanced(by: -30)
                ).create(scope, in: transaction)
                try Meter(
                    meterID: 3000, serial: "X", host: "127.0.0.1", port: 1, clientAddress: 48,
                    authentication: "hls-2", sealedKeys: nil, capturePeriodS: 1800
                ).create(scope, atMs: 0, in: transaction)
                try Installation(meterID: 3000, accountID: 300, fromDay: day.advanced(by: -30))
                    .create(scope, in: transaction)
            }
            for offset in -6..<0 {
                let earlier = day.advanced(by: offset)
                try await bench.site.readings.shard(earlier.month).write { transaction in
                    try Ingest.apply(
                        IncomingDay(day: earlier, meterID: 3000, batchID: 9, values: (0..<48).map { 50 + Int32($0) }),
                        IngestContext(sanctionedW: 3_000, periodS: 1800, history: [], madeBy: "read", nowMs: 0),
                        orgID: 3, in: transaction)
                }
            }
            let (filled, open) = try await Estimator(site: bench.site, org: org).run(day: day)
            let block = try #require(
                try await bench.site.readings.shard(day.month).read {
                    try DayBlocks.current(meterID: 3000, from: day, to: day, orgID: 3, in: $0).first?.block
                })
            let slots = zone.slotCount(of: day, periodS: 1800)
            #expect([46, 50].contains(slots) && filled == 1 && open == 0)
            #expect(block.slotCount == slots && block.count(of: .estimated) == slots)
            // The last half hour of the day is that of any other.
            #expect(block.values[slots - 1] == 97)
        }
    }
}
