// What is read from sums: grossed-up values by path, virtual meters, balances, reports, and who may see what.
import Access
import Accounts
import Aggregation
import CivilTime
import Corridor
import Grid
import IntervalData
import MeterData
import Meters
import Packs
import Rating
import SQL
import TestSupport
import Testing

@Suite struct ReadingTests {
    static let day = AggregatorTests.day

    /// A town with three days of every house, summed.
    static func full(_ databases: TestSite) async throws -> Town {
        let town = try await Town.make(databases, first: day)
        try await town.addNetwork(from: day.advanced(by: -40))
        var random = Numbers(state: 11)
        for house in 1...Int64(town.houses) {
            for offset in 0..<3 { try await town.store(1_000 + house, day.advanced(by: offset), &random) }
        }
        try await Aggregator(site: town.site, org: town.org).run()
        return town
    }

    static func declare(_ town: Town, _ file: String) async throws -> Int {
        try await town.site.perform(
            try DeclareTerms(TermLine.read(TermLine.header + "\n" + file)), as: town.actor, source: "test")
    }

    @Test(arguments: TestEngine.available)
    func whatAPlantFeedsInIsTheMetersAndEveryNodesLoss(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Self.full(databases)
            let nodes = try await town.site.money.read { try GridNode.all(town.scope, in: $0) }
            func key(_ name: String) throws -> SetKey {
                let node = try #require(nodes.first { $0.name == name })
                return .node(node.kind, node.nodeID)
            }
            let last = Self.day.advanced(by: 2)
            var reader = try await SetReader(site: town.site, org: town.org)
            let before = try await reader.series(key("Mundra"), from: Self.day, to: last, .hour)
            guard case .undeclared(let lacking) = before.grossed else {
                Issue.record("no node has declared a loss yet")
                return
            }
            #expect(lacking.count == 4 && before.grossedTotalMilliWh == nil)
            let taken = try await Self.declare(
                town,
                """
                nma:Mumbai,loss-percent,2026-04-01,8
                stu:MSETCL,loss-percent,2026-04-01,4
                ctu:CTUIL,loss-percent,2026-04-01,3
                stu:GETCO,loss-percent,2026-04-01,3.5
                nma:Mumbai,delivery-charge,2026-04-01,0.95
                res:Ujjwal,service-margin,2026-04-01,0.40
                plant:Mundra,generation-cost,2026-04-01,3.10
                """)
            #expect(taken == 7)
            let again = try await Self.declare(town, "nma:Mumbai,loss-percent,2026-04-01,8")
            #expect(again == 0)
            reader = try await SetReader(site: town.site, org: town.org)
            let whole = try await reader.series(key("Mundra"), from: Self.day, to: last, .hour)
            #expect(whole.grossed == .known(withoutPathWh: 0))
            // Every slot of every path exactly, then added: the sum may differ from one reckoning of the whole by at
            // most half a mWh a slot.
            let fedIn = try #require(whole.grossedTotalMilliWh)
            let once = try Losses.grossUp(
                milliWh: whole.totalWh * 1000, lossesPPM: [80_000, 40_000, 30_000, 35_000])[3]
            #expect((fedIn - once).magnitude <= 3 * (96 + 48) && fedIn != once * 0)
            for resolution in [Resolution.day, .month] {
                let other = try await reader.series(key("Mundra"), from: Self.day, to: last, resolution)
                #expect(other.grossedTotalMilliWh == fedIn && other.totalWh == whole.totalWh)
            }
            for name in ["CTUIL", "GETCO", "MSETCL", "Mumbai", "Ujjwal"] {
                let series = try await reader.series(key(name), from: Self.day, to: last, .day)
                #expect(series.totalWh == whole.totalWh)
                let gross = try #require(series.grossedTotalMilliWh)
                #expect(name == "GETCO" || name == "Ujjwal" ? gross == fedIn : gross < fedIn)
            }
            let place = try await reader.series(.place(11), from: Self.day, to: last, .day)
            #expect(place.grossed == .notOfThisSet && place.grossedTotalMilliWh == nil)
        }
    }

    /// The third day has come but is not summed up yet: it is told, and nowhere counted as nothing.
    @Test(arguments: TestEngine.available)
    func whatIsNotSummedUpYetIsNotNothing(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Town.make(databases, first: Self.day)
            var random = Numbers(state: 3)
            let days = (0..<3).map { Self.day.advanced(by: $0) }
            try await town.site.money.write { transaction in
                try Meter(
                    meterID: 9_001, serial: "HEAD-11", host: "", port: 0, clientAddress: 0, authentication: "none",
                    sealedKeys: nil, capturePeriodS: 900
                ).create(town.scope, atMs: 0, in: transaction)
            }
            _ = try await town.site.perform(
                SetGridMeter(serial: "HEAD-11", placeID: 11, fromDay: days[0]), as: town.actor, source: "test")
            let reader = try await SetReader(site: town.site, org: town.org)
            func fill(_ day: CivilDay) async throws {
                for house in 1...Int64(town.houses) { try await town.store(1_000 + house, day, &random) }
            }
            try await fill(days[0])
            try await fill(days[1])
            let before = try await reader.series(.all, from: days[0], to: days[2], .day)
            #expect(before.knownTotalWh == nil && before.unsummed == days && before.grossedTotalMilliWh == nil)
            let nothing = try await reader.breakUp(.all, from: days[0], to: days[2], by: .meter, limit: 9)
            #expect(nothing.knownTotalWh == nil && nothing.unsummed == days)
            let bare = try await reader.report(ReportQuery(.dataAvailability, from: days[0], to: days[2]), town.scope)
            #expect(!bare.rows.isEmpty && bare.rows.allSatisfy { $0.cells.suffix(7).allSatisfy { $0 == .none } })
            try await Aggregator(site: town.site, org: town.org).run()
            try await fill(days[2])
            try await town.store(9_001, days[2], &random)
            let series = try await reader.series(.all, from: days[0], to: days[2], .day)
            #expect(series.knownTotalWh == series.totalWh && series.buckets.map(\.day) == Array(days.prefix(2)))
            #expect(series.unsummed == [days[2]])
            // No house has a way yet: that what went in was nothing is not said.
            #expect(series.grossed == .withoutPath && series.grossedTotalMilliWh == nil)
            #expect(try await reader.series(.meter(1_001), from: days[0], to: days[2], .day).unsummed.isEmpty)
            let report = try await reader.report(
                ReportQuery(.dataAvailability, from: days[0], to: days[2], set: .place(11)), town.scope)
            #expect(report.unsummed == [days[2]] && report.rows.count == 3)
            #expect(report.csv().hasSuffix(",feeder,\(days[2]),,,,,,,\r\n"))
            // The feeder's meter speaks of the third day, those below are not summed up: neither side counts it.
            let balance = try #require(
                try await reader.balances(from: days[0], to: days[2], town.scope).first)
            #expect(balance.summedDays == 2 && balance.knownBelowImportWh == balance.belowImportWh)
            #expect(balance.knownHeadImportWh == nil && balance.knownLossWh == nil && balance.lossPPM == nil)
            let table = try await reader.report(ReportQuery(.energyBalance, from: days[0], to: days[2]), town.scope)
            #expect(table.rows[0].cells[1] == .none && table.rows[0].cells[5] == .none)
            try await Aggregator(site: town.site, org: town.org).run()
            let whole = try await reader.series(.all, from: days[0], to: days[2], .day)
            #expect(whole.unsummed.isEmpty && whole.buckets.count == 3)
            #expect(try await reader.unsummed(.importWh, from: Self.day.advanced(by: -60), to: days[0]).count == 40)
        }
    }

    @Test(arguments: TestEngine.available)
    func reportsKeepToTheSetThatIsAsked(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Self.full(databases)
            let reader = try await SetReader(site: town.site, org: town.org)
            for meterID in [Int64(1_001), 1_002] {
                try await town.site.readings.shard(Self.day.month).write { transaction in
                    try transaction.run(
                        """
                        INSERT INTO vee_exception (org_id, day, meter_id, rule, from_slot, to_slot, severity, message,
                          raw_values, raised_at_ms) VALUES (1, $1, $2, 'spike', 3, 4, 'hard', 'x', '', 0)
                        """, [.day(Self.day), .int(meterID)])
                }
            }
            func raised(_ set: SetKey?) async throws -> [ReportCell] {
                try await reader.report(ReportQuery(.exceptions, from: Self.day, to: Self.day, set: set), town.scope)
                    .rows.map { $0.cells[2] }
            }
            #expect(try await raised(nil) == [.number(2)])
            #expect(try await raised(.meter(1_001)) == [.number(1)])
            // House 2 stands under transformer 103, which feeder 12 feeds.
            #expect(try await raised(.place(12)) == [.number(1)])
            await #expect(throws: Refusal.self) {
                try await reader.report(
                    ReportQuery(.energyBalance, from: Self.day, to: Self.day, set: .category("domestic")), town.scope)
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func virtualMetersAddAndSubtractAndRefuseCircles(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Self.full(databases)
            func define(_ name: String, _ formula: String, from: CivilDay = Self.day) async throws -> Int64 {
                try await town.site.perform(
                    DefineVirtualMeter(name: name, formula: formula, fromDay: from), as: town.actor, source: "test")
            }
            let rest = try await define("rest", "+place:1 -place:11 -meter:1003")
            let twice = try await define("twice", "+virtual:\(rest) +virtual:\(rest)")
            await #expect(throws: Refusal.self) { try await define("rest", "+virtual:\(twice)") }
            await #expect(throws: Refusal.self) { try await define("self", "+place:99") }
            await #expect(throws: Refusal.self) { try await define("bad", "place:1") }
            let reader = try await SetReader(site: town.site, org: town.org)
            func total(_ key: SetKey, _ day: CivilDay) async throws -> Int64 {
                try await reader.series(key, from: day, to: day, .day).totalWh
            }
            for offset in 0..<3 {
                let day = Self.day.advanced(by: offset)
                let parts = [
                    try await total(.place(1), day), try await total(.place(11), day),
                    try await total(.meter(1_003), day),
                ]
                let sum = try await total(.virtual(rest), day)
                #expect(sum == parts[0] - parts[1] - parts[2])
                let double = try await total(.virtual(twice), day)
                #expect(double == 2 * sum)
                let broken = try await reader.breakUp(.virtual(rest), from: day, to: day, by: .meter, limit: 9)
                #expect(broken.totalWh == sum && broken.rows.count == 3)
            }
            // From the second day on it is something else.
            _ = try await define("rest", "+place:12", from: Self.day.advanced(by: 1))
            let later = try await SetReader(site: town.site, org: town.org)
            let day = Self.day.advanced(by: 1)
            let one = try await later.series(.virtual(rest), from: day, to: day, .day).totalWh
            #expect(one == (try await total(.place(12), day)))
            let old = try await later.series(.virtual(rest), from: Self.day, to: Self.day, .day).totalWh
            #expect(old == (try await total(.virtual(rest), Self.day)))
        }
    }

    @Test(arguments: TestEngine.available)
    func aBalanceIsWhatWentInLessWhatCameOut(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Self.full(databases)
            try await town.site.money.write { transaction in
                try Meter(
                    meterID: 9_001, serial: "HEAD-11", host: "", port: 0, clientAddress: 0, authentication: "none",
                    sealedKeys: nil, capturePeriodS: 900
                ).create(town.scope, atMs: 0, in: transaction)
            }
            _ = try await town.site.perform(
                SetGridMeter(serial: "HEAD-11", placeID: 11, fromDay: Self.day), as: town.actor, source: "test")
            await #expect(throws: Refusal.self) {
                try await town.site.perform(
                    SetGridMeter(serial: "M1001", placeID: 11, fromDay: Self.day), as: town.actor, source: "test")
            }
            var random = Numbers(state: 5)
            try await town.store(9_001, Self.day, &random)
            try await town.store(9_001, Self.day, &random, channel: .exportWh)
            try await town.store(1_001, Self.day, &random, channel: .exportWh)
            try await Aggregator(site: town.site, org: town.org).run()
            let reader = try await SetReader(site: town.site, org: town.org)
            let last = Self.day.advanced(by: 1)
            let found = try await reader.balances(from: Self.day, to: last, town.scope)
            let balance = try #require(found.first)
            #expect(found.count == 1 && balance.placeID == 11)
            func total(_ key: SetKey, _ channel: Channel, _ to: CivilDay) async throws -> Int64 {
                try await reader.series(key, channel, from: Self.day, to: to, .day).totalWh
            }
            #expect(balance.headImportWh == (try await total(.meter(9_001), .importWh, last)))
            #expect(balance.headExportWh == (try await total(.meter(9_001), .exportWh, last)))
            #expect(balance.belowImportWh == (try await total(.place(11), .importWh, last)))
            #expect(balance.belowExportWh == (try await total(.place(11), .exportWh, last)))
            #expect(balance.belowExportWh != 0)
            #expect(
                balance.lossWh == balance.headImportWh + balance.belowExportWh - balance.belowImportWh
                    - balance.headExportWh)
            // On the second day the head said nothing at all.
            #expect(balance.headMissing >= 96)
            let out = Scope(orgID: 1, placeIDs: [12])
            let others = try await reader.balances(from: Self.day, to: last, out)
            #expect(others.isEmpty)
        }
    }

    @Test(arguments: TestEngine.available)
    func whoIsConfinedToAPlaceSeesThatPlace(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Self.full(databases)
            let mine = Scope(orgID: 1, placeIDs: [11])
            try await town.site.money.read { transaction in
                for key: SetKey in [.place(11), .place(101), .meter(1_003)] { try key.prove(mine, in: transaction) }
            }
            for key: SetKey in [.all, .place(1), .place(12), .category("domestic"), .meter(1_002), .virtual(7)] {
                await #expect(throws: Refusal.self) {
                    try await town.site.money.read { try key.prove(mine, in: $0) }
                }
            }
            let reader = try await SetReader(site: town.site, org: town.org)
            let last = Self.day.advanced(by: 2)
            // Those on forecasts have a test of their own.
            let forecasts: [ReportName] = [.forecast, .forecastAccuracy, .forecastBySize]
            for name in ReportName.allCases where !forecasts.contains(name) {
                let report = try await reader.report(ReportQuery(name, from: Self.day, to: last), mine)
                let text = report.csv()
                #expect(!text.contains("P12") && !text.contains("place:12") && !text.contains("\nall,"))
                let whole = try await reader.report(ReportQuery(name, from: Self.day, to: last), town.scope)
                #expect(name == .energyBalance || name == .exceptions || whole.rows.count > report.rows.count)
                #expect(whole.rows.allSatisfy { $0.cells.count == whole.columns.count })
            }
            await #expect(throws: Refusal.self) {
                try await reader.report(
                    ReportQuery(.consumption, from: Self.day, to: last, set: .place(12)), mine)
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func reportsCountWhatIsThere(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Self.full(databases)
            let reader = try await SetReader(site: town.site, org: town.org)
            let last = Self.day.advanced(by: 2)
            func number(_ row: ReportRow, _ at: Int) -> Int64 {
                if case .number(let number) = row.cells[at] { number } else { .min }
            }
            let days = try await reader.report(
                ReportQuery(.dataAvailability, from: Self.day, to: last, set: .place(1)), town.scope)
            #expect(days.rows.count == 3)
            for row in days.rows {
                #expect(number(row, 4) == (5...8).reduce(0) { $0 + number(row, $1) } && number(row, 3) == 12)
                guard case .text(let text) = row.cells[2], let day = CivilDay(text) else { continue }
                let blocks = try await town.site.readings.shard(day.month).read { transaction in
                    try (1...Int64(12)).flatMap {
                        try DayBlocks.current(meterID: 1_000 + $0, from: day, to: day, orgID: 1, in: transaction)
                    }
                }
                // What a person gave is neither measured nor estimated.
                for (column, quality) in [(5, Quality.actual), (6, .estimated), (7, .edited), (8, .missing)] {
                    #expect(number(row, column) == Int64(blocks.reduce(0) { $0 + $1.block.count(of: quality) }))
                }
                #expect(number(row, 7) > 0)
            }
            let all = try await reader.report(
                ReportQuery(.dataAvailability, from: Self.day, to: last, set: .all), town.scope)
            #expect(all.rows.map(\.cells.count) == [10, 10, 10] && all.rows[0].cells[1] == .text("all"))
            #expect((3...8).map { number(all.rows[0], $0) } == (3...8).map { number(days.rows[0], $0) })
            let demand = try await reader.report(
                ReportQuery(.maximumDemand, from: Self.day, to: last), town.scope)
            #expect(demand.rows.count == 12)
            for row in demand.rows {
                guard case .meter(let meterID, let day) = row.opens else {
                    Issue.record("a row opens its meter")
                    continue
                }
                let values = try await town.site.readings.shard(day.month).read { transaction in
                    try (0..<3).flatMap {
                        try DayBlocks.current(
                            meterID: meterID, from: Self.day.advanced(by: $0), to: Self.day.advanced(by: $0), orgID: 1,
                            in: transaction
                        ).flatMap { zip($0.block.values, $0.block.qualities) }
                    }
                }
                let highest = values.map(\.0).max() ?? 0
                #expect(number(row, 3) == Int64(highest) * 3_600 / town.periodS(meterID))
                let words: [Quality: String] = [.actual: "measured", .estimated: "estimated", .edited: "edited"]
                #expect(row.cells[6] == .text(words[values.first { $0.0 == highest }?.1 ?? .missing] ?? ""))
            }
            let peaks = try await reader.report(
                ReportQuery(.peakToAverage, from: Self.day, to: last, set: .place(11)), town.scope)
            #expect(peaks.rows.count == 1 && number(peaks.rows[0], 4) > number(peaks.rows[0], 3))
            let parts = try await reader.report(
                ReportQuery(.consumption, from: Self.day, to: last, by: .category), town.scope)
            let company = try await reader.series(.all, from: Self.day, to: last, .month).totalWh
            #expect(parts.rows.reduce(0) { $0 + number($1, 2) } == company)
        }
    }

    @Test(arguments: TestEngine.available)
    func aChargeKeepsItsPath(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let town = try await Self.full(databases)
            var random = Numbers(state: 4)
            try await town.storeWhole(1_001, Self.day, &random)
            let rater = Rater(site: town.site, org: town.org)
            _ = try await rater.run()
            func charges() async throws -> [Charge] {
                try await town.site.money.read {
                    try Charge.revisions(accountID: 1, day: Self.day, town.scope, in: $0)
                }
            }
            let first = try #require(try await charges().last)
            let path = try #require(Corridor.parse(channelKey: first.corridor))
            #expect(path.nodes.map(\.kind) == [.stu, .ctu, .stu, .nma])
            // Another plant stands behind the pack from that day on: the path is derived anew, the money stays.
            let node = try await town.site.perform(
                SetGridNode(
                    kind: .plant, name: "Tiroda", fromDay: Self.day,
                    facts: NodeFacts(nodeID: 0, fromDay: Self.day, geography: "Maharashtra", isCTUCapable: true)),
                as: town.actor, source: "test")
            _ = try await town.site.perform(
                SetPackPlant(packID: "DOM", plantID: node.nodeID, fromDay: Self.day), as: town.actor, source: "test")
            _ = try await rater.run(day: Self.day)
            let later = try await charges()
            let second = try #require(later.last)
            #expect(later.count == 2 && second.totalPaise == first.totalPaise && second.entryID == nil)
            #expect(Corridor.parse(channelKey: second.corridor)?.plantID == node.nodeID)
            _ = try await rater.run(day: Self.day)
            #expect(try await charges().count == 2)
        }
    }
}

extension Town {
    /// A day without gaps, so that it is charged.
    func storeWhole(_ meterID: Int64, _ day: CivilDay, _ random: inout Numbers) async throws {
        let slots = org.zone.slotCount(of: day, periodS: periodS(meterID))
        let values = (0..<slots).map { _ in Int32(random.below(500)) }
        try await site.readings.shard(day.month).write { [org] transaction in
            let current = try DayBlocks.current(
                meterID: meterID, from: day, to: day, orgID: org.orgID, in: transaction
            ).first
            try DayBlocks.store(
                DayBlock(
                    values: values, qualities: Array(repeating: .actual, count: slots),
                    sources: [SourceRun(batch: 8, count: slots)]),
                after: current, day: day, meterID: meterID, madeBy: "read", madeAtMs: 6, orgID: org.orgID,
                in: transaction)
        }
    }
}
