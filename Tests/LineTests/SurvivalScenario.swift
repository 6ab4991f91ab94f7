// Six meters, three and a quarter days, everything that can go wrong in them: the run that is killed and broken in a
// hundred places, and what must come out of it every time.
import Access
import CivilTime
import Clocks
import Composition
import Foundation
import HeadEnd
import IntervalData
import Jobs
import Journal
import Messaging
import MeterData
import MeterFleet
import Meters
import Outbox
import Payments
import PostgresAdapter
import Rating
import SQL
import SQLiteAdapter
import Supply
import Tariffs
import TestSupport
import Testing

/// House 0 rich · 1 poor, cut on Thursday, recharged on Friday · 2 silent from Thursday to Saturday · 3 keeps six hours
/// of Thursday back until Saturday · 4 poor, its relay reports failure but works · 5 rich, with quarter hours.
enum Survival {
    /// A Monday; the line starts on Thursday with three days to fetch at once.
    static let installed = CivilDay(year: 2009, month: 3, day: 2)!
    static let thursday = installed.advanced(by: 3)
    static let startMs = LineFixture.ms(thursday)
    static let endMs = LineFixture.ms(installed.advanced(by: 6), hours: 7)
    static let rechargeMs = LineFixture.ms(installed.advanced(by: 4), hours: 15)
    static let stepMs: Int64 = 3_600_000
    static let openingPaise: [Int64] = [500_000, 4_000, 500_000, 500_000, 3_000, 500_000]
    static let accounts = (0..<6).map { Int64(101 + $0) }

    static func configurations(isDisturbed: Bool = true) -> [MeterConfiguration] {
        func at(_ offset: Int, _ hour: Int64) -> Int64 {
            LineFixture.ms(installed.advanced(by: offset), hours: hour) / 1000
        }
        return (0..<6).map { index in
            var configuration = MeterConfiguration(
                serial: "SV\(100 + index)", periodS: index == 5 ? 900 : 1800,
                load: .household(HouseholdModel(seed: UInt64(index + 11))), installed: installed,
                baseWh: Int64(index) * 777, secrets: LineFixture.secrets, seed: UInt64(index))
            if index == 2, isDisturbed {
                configuration.faults.silences = [(TimeSpan(fromS: at(3, 0), untilS: at(5, 10)), .hangUp)]
            }
            if index == 3, isDisturbed {
                configuration.faults.lateRows = [.init(fromS: at(3, 12), untilS: at(3, 18), visibleAtS: at(5, 9))]
            }
            if index == 4 { configuration.faults.lyingRelay = [TimeSpan(fromS: 0, untilS: .max)] }
            return configuration
        }
    }

    static func make(_ site: Site, clock: any TestClock) async throws -> LineFixture {
        try await LineFixture.make(
            site: site, clock: clock, configurations: configurations(), openingPaise: { openingPaise[$0] },
            from: installed)
    }

    /// One moment of the run; doing it again changes nothing.
    static func moment(_ site: Site, _ line: Line) async throws {
        if site.clocks.businessNowMs() == rechargeMs { try await recharge(site) }
        try await line.tick()
    }

    static func recharge(_ site: Site) async throws {
        _ = try await site.perform(
            Recharge(accountID: 102, amountPaise: 100_000, method: .upi, reference: "PAY-1"),
            as: .system(orgID: LineFixture.org.orgID), source: "test")
    }

    /// From the moment the clock shows to the end.
    static func drive(_ site: Site, _ line: Line, _ clock: any TestClock) async throws {
        try await moment(site, line)
        while clock.nowMs < endMs {
            clock.nowMs += stepMs
            try await moment(site, line)
        }
    }
}

/// Where a run keeps its databases, for any process that opens them.
struct StorePlace: Sendable, Codable {
    var folder: String
    /// Nil: SQLite in the folder.
    var url: String?

    func open() async throws -> (money: any Database, readings: any ReadingsStore) {
        if let url {
            let database = try await PostgresDatabase.open(url: url, connections: 4)
            return (database, PostgresReadings(database))
        }
        // Not flushed to the disk at each commit: a killed process loses nothing by that, only a lost machine would.
        return (
            try await SQLiteDatabase.open(path: folder + "/money.db", durability: .normal),
            SQLiteReadings(folder: folder, migrations: BusbarSchema.migrations)
        )
    }

    func migrate() async throws {
        let (money, readings) = try await open()
        for store in SchemaStore.allCases where url != nil || store == .money {
            try await Migrator.migrate(BusbarSchema.migrations, store: store, in: money)
        }
        await readings.close()
        await money.close()
    }

    /// Opens, does, closes.
    func with<Value>(
        _ clock: any TestClock, ahead: ManualClock = ManualClock(startMs: 0), processNumber: Int64,
        watch: WriteWatch? = nil,
        _ body: (Site) async throws -> Value
    ) async throws -> Value {
        let (money, readings) = try await open()
        let clocks = Clocks.moved(clock, ahead: ahead)
        let site = Site(
            money: watch.map { WatchedDatabase(money, $0) } ?? money,
            readings: watch.map { WatchedReadings(readings, $0) } ?? readings, clocks: clocks,
            ids: IDGenerator(processNumber: processNumber, clocks: clocks))
        do {
            let value = try await body(site)
            await readings.close()
            await money.close()
            return value
        } catch {
            await readings.close()
            await money.close()
            throw error
        }
    }
}

/// What a run has come to, without the ids that differ from run to run.
struct RunResult: Equatable, Sendable {
    var charges: [String] = []
    var statements: [String] = []
    var blocks: [String] = []
    var messages: [String] = []
    var decisions: [String] = []
    var commands: [String] = []
    var relays: [String] = []
    var balances: [Int64] = []
    /// Charges and blocks as they stand at last, whatever they went through.
    var lastCharges: [String] = []
    var lastBlocks: [String] = []

    static func of(_ fixture: LineFixture) async throws -> RunResult {
        var result = RunResult()
        let (from, to) = (CivilMonth(year: 2009, month: 3).first, CivilMonth(year: 2009, month: 3).last)
        let scope = fixture.scope
        for house in fixture.houses {
            let part = try await fixture.site.money.read { transaction in
                var part = RunResult()
                for current in try Charge.current(
                    accountID: house.accountID, from: from, to: to, scope, in: transaction)
                {
                    part.lastCharges.append(
                        "\(house.accountID) \(current.day) \(current.energyWh) \(current.totalPaise) \(current.closing)"
                    )
                    for charge in try Charge.revisions(
                        accountID: house.accountID, day: current.day, scope, in: transaction)
                    {
                        part.charges.append(
                            "\(house.accountID) \(charge.day) r\(charge.revision) \(charge.energyWh) Wh "
                                + "\(charge.baseEnergyPaise)+\(charge.addOnEnergyPaise)+\(charge.fixedPaise)"
                                + "+\(charge.dutyPaise)"
                                + "=\(charge.totalPaise) est \(charge.estimatedSlots) v\(charge.blockVersion)")
                    }
                }
                part.statements = try Journal.statement(ofAccount: house.accountID, limit: 1000, scope, in: transaction)
                    .map {
                        "\(house.accountID) \($0.kind) \($0.businessAtMs) \($0.supplyDay?.description ?? "") "
                            + "r\($0.revision ?? 0) \($0.estimated) \($0.amountPaise) → \($0.balanceAfterPaise)"
                    }
                part.messages = try Message.of(accountID: house.accountID, limit: 1000, scope, in: transaction)
                    .map { "\(house.accountID) \($0.template) \($0.amountPaise ?? 0) \($0.businessAtMs)" }.sorted()
                part.decisions = try Supply.decisions(accountID: house.accountID, limit: 1000, scope, in: transaction)
                    .map {
                        "\(house.accountID) \($0.atMs) \($0.was)→\($0.wanted) \($0.reasons.map(\.code)) "
                            + "\($0.balancePaise)"
                    }
                part.commands = try MeterCommand.of(meterID: house.meterID, limit: 1000, scope, in: transaction)
                    .map { "\(house.meterID) \($0.kind) \($0.state) \($0.why) \($0.answer ?? "") \($0.endedAtMs ?? 0)" }
                let relay = try RelayRecord.find(house.meterID, scope, in: transaction)
                part.relays.append("\(house.meterID) wanted \(relay?.wanted.rawValue ?? "") is \(relay?.actual ?? "")")
                part.balances.append(
                    try Journal.balance(ofAccount: house.accountID, scope, in: transaction).balancePaise)
                return part
            }
            result.charges += part.charges
            result.lastCharges += part.lastCharges
            result.statements += part.statements
            result.messages += part.messages
            result.decisions += part.decisions
            result.commands += part.commands
            result.balances += part.balances
            result.relays += part.relays
            result.relays += house.meter.events.filter { $0.code == 301 || $0.code == 302 }
                .map { "\(house.meterID) \($0.code) at \($0.atS)" }
            for day in try await History.blocks(
                meterID: house.meterID, from: from, to: to, site: fixture.site, orgID: scope.orgID)
            {
                let block = day.block
                result.lastBlocks.append("\(house.meterID) \(day.day) \(block.values) \(block.lowestQuality)")
                result.blocks.append(
                    "\(house.meterID) \(day.day) v\(day.version) \(day.madeBy) \(block.values) "
                        + "\(block.qualities.map(\.rawValue))"
                )
            }
        }
        return result
    }

    private func compare(_ name: String, _ mine: [String], _ theirs: [String]) -> [String] {
        mine == theirs
            ? []
            : ["\(name): \(mine.filter { !theirs.contains($0) }) instead of \(theirs.filter { !mine.contains($0) })"]
    }

    /// What it all came to, leaving out by which way and when it was written down.
    func lastDifferences(from other: RunResult) -> [String] {
        compare("charges", lastCharges, other.lastCharges) + compare("blocks", lastBlocks, other.lastBlocks)
            + compare("relays", relays, other.relays)
            + compare("balances", balances.map(String.init), other.balances.map(String.init))
    }

    /// The parts that differ, for a message a person can read.
    func differences(from other: RunResult) -> [String] {
        compare("charges", charges, other.charges) + compare("statements", statements, other.statements)
            + compare("blocks", blocks, other.blocks) + compare("messages", messages, other.messages)
            + compare("decisions", decisions, other.decisions) + compare("commands", commands, other.commands)
            + compare("relays", relays, other.relays)
            + compare("balances", balances.map(String.init), other.balances.map(String.init))
    }
}

/// The bill of a house of the fixture over some days, from its values and the prices alone.
func billPaise(
    house index: Int, from first: CivilDay, days: Int, zone: Zone = LineFixture.org.zone, values: (CivilDay) -> [Int32]
) throws -> Int64 {
    var pricer = try CalendarPricer(
        PackSet(
            base: LineFixture.basePack, addOns: index % 3 == 0 ? [LineFixture.addOn] : [], sanctionedW: 15_000))
    var paise: Int64 = 0
    for offset in 0..<days {
        let day = first.advanced(by: offset)
        let load = values(day)
        let periodS = zone.lengthS(of: day) / Int64(load.count)
        paise += try pricer.price(
            day, slotStartMinutes: load.indices.map { zone.minuteOfDay(slot: $0, of: day, periodS: periodS) },
            periodS: Int(periodS), valuesWh: load
        ).totalMinor
    }
    return paise
}

/// What is true of every run however often it was interrupted, checked against the meters and the prices themselves.
func checkTruth(
    _ fixture: LineFixture, from first: CivilDay, days: Int, rechargedPaise: (Int) -> Int64, _ what: String
) async throws {
    for (index, house) in fixture.houses.enumerated() {
        for offset in 0..<days {
            let day = first.advanced(by: offset)
            let stored = try await History.blocks(
                meterID: house.meterID, from: day, to: day, site: fixture.site, orgID: fixture.scope.orgID)
            let block = try #require(stored.first?.block, "\(what): house \(index) has no block on \(day)")
            #expect(
                block.values == house.meter.servedWh(day: day), "\(what): house \(index) \(day): stored is not served")
            #expect(block.lowestQuality == .actual, "\(what): house \(index) \(day) is not actual")
        }
        let expectedPaise =
            rechargedPaise(index)
            - (try billPaise(house: index, from: first, days: days, zone: fixture.org.zone) {
                house.meter.servedWh(day: $0)
            })
        let balance = try await fixture.balance(house.accountID)
        #expect(balance.balancePaise == expectedPaise, "\(what): wallet of house \(index)")
        #expect(balance.estimatedChargesPaise == 0, "\(what): house \(index) is still charged for a guess")
    }
    try await checkBooks(fixture, what)
}

/// Books, events and relays; also true in the middle of a run.
func checkBooks(_ fixture: LineFixture, _ what: String) async throws {
    let scope = fixture.scope
    let (trial, double, events, raw) = try await fixture.site.money.read { transaction in
        (
            try Journal.trialBalance(scope, in: transaction),
            try transaction.query(
                """
                SELECT supply_day FROM book_posting WHERE supply_day IS NOT NULL
                GROUP BY journal_account_id, supply_day, revision, kind HAVING COUNT(*) > 1
                """, []
            ) { try $0.int(0) },
            try transaction.first("SELECT COUNT(*) FROM outbox", []) { try $0.int(0) } ?? -1,
            try transaction.query(
                "SELECT COUNT(*) FROM collection WHERE state <> 'complete'", []
            ) { try $0.int(0) }.first ?? -1
        )
    }
    #expect(trial.sumPaise == 0 && trial.wrongAccounts.isEmpty, "\(what): books \(trial)")
    #expect(double.isEmpty, "\(what): charged twice on days \(double)")
    #expect(events == 0, "\(what): \(events) events are left")
    #expect(raw == 0, "\(what): \(raw) meter-days were not collected")
    for house in fixture.houses {
        let relay = try await fixture.site.money.read { try RelayRecord.find(house.meterID, scope, in: $0) }
        #expect((relay?.wanted == .open) == house.meter.relayOpen, "\(what): relay of \(house.meterID)")
        #expect(relay?.agrees == true, "\(what): relay of \(house.meterID) is not known")
        let changes = try await fixture.site.money.read { transaction in
            try Supply.decisions(accountID: house.accountID, limit: 1000, scope, in: transaction)
                .count { $0.was != $0.wanted }
        }
        let moves = house.meter.events.count { $0.code == 301 || $0.code == 302 }
        #expect(moves <= changes, "\(what): \(moves) movements of a relay for \(changes) decisions")
    }
}
