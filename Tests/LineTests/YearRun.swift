// A planned year driven through the jobs of the product, in a process that a failing statement or commit ends again and
// again. Whoever was not answered asks again; what comes of it is looked at in YearBook.swift.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Foundation
import Grid
import HeadEnd
import IntervalData
import Jobs
import Journal
import Logging
import MeterData
import MeterFleet
import MeterPort
import Meters
import Packs
import PaymentPort
import SQL
import Supply
import Synchronization
import Tariffs
import TestGateway

@testable import Payments

/// Meters that know nothing but their relay. They go on when a process dies.
final class YearMeters: MeterTransport {
    private let open = Mutex<Set<Int>>([])
    private let moves = Mutex(0)
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    func converse<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
    ) async throws -> Value { try await body(Talk(meters: self, port: endpoint.port, nowS: clock.nowMs / 1000)) }

    var moveCount: Int { moves.withLock { $0 } }
    func isOpen(_ port: Int) -> Bool { open.withLock { $0.contains(port) } }

    private func set(_ port: Int, open isOpen: Bool) {
        let isMove = open.withLock { isOpen ? $0.insert(port).inserted : $0.remove(port) != nil }
        if isMove { moves.withLock { $0 += 1 } }
    }

    private struct Talk: MeterConversation {
        let meters: YearMeters
        let port: Int
        let nowS: Int64

        func clockS() async throws -> Int64 { nowS }
        func blockLoad(fromS: Int64, toS: Int64) async throws -> [BlockLoadRow] { [] }
        func importRegisterWh() async throws -> Int64 { 0 }
        func dailyRegisters(fromS: Int64, toS: Int64) async throws -> [RegisterRow] { [] }
        func relay() async throws -> RelayState { meters.isOpen(port) ? .open : .closed }
        func disconnect() async throws { meters.set(port, open: true) }
        func reconnect() async throws { meters.set(port, open: false) }
        func events(fromS: Int64, toS: Int64) async throws -> [MeterEventEntry] { [] }
    }
}

final class YearRun {
    /// One life of the program.
    struct Process {
        var site: Site
        var line: Line
        var desk: PaymentDesk
        var breaker: Breaker
        /// The program ends where it broke; else only the statement fails, and the program goes on to the next step.
        var isFatal: Bool
        var money: any Database
        var readings: any ReadingsStore
    }

    static let org = LineFixture.org
    static let scope = Scope(orgID: 1)
    static let actor = Actor.system(orgID: 1)
    /// What a year of money does not need: reading meters, their keys and events, sums and forecasts.
    static let paused: [JobKind] = [.collect, .validate, .keys, .ping, .outages, .aggregate, .regroup, .forecast]

    let plan: YearPlan
    let place: StorePlace
    let name: String
    /// About so many in the whole year; none: undisturbed.
    private var wantedFaults: Int
    let clock: ManualClock
    let ahead = ManualClock(startMs: 0)
    let gateway = TestGateway()
    let meters: YearMeters
    var process: Process
    private(set) var faults: [String: Int] = [:]
    private var lives = 0
    private var draws = 0
    /// Statements and commits of the day before, by which the next break is drawn.
    private var pace: (statements: Int, commits: Int)
    private var past = (statements: 0, commits: 0)

    init(_ plan: YearPlan, _ place: StorePlace, name: String, faults: Int) async throws {
        self.plan = plan
        self.place = place
        self.name = name
        wantedFaults = faults
        pace = (500 + 20 * plan.consumers, 80 + plan.consumers)
        clock = ManualClock(startMs: LineFixture.ms(plan.first, hours: 1))
        meters = YearMeters(clock: clock)
        process = try await YearRun.process(place, clock, ahead, gateway, meters, number: 1, Breaker(), isFatal: false)
    }

    // MARK: Lives

    private static func process(
        _ place: StorePlace, _ clock: ManualClock, _ ahead: ManualClock, _ gateway: TestGateway, _ meters: YearMeters,
        number: Int, _ breaker: Breaker, isFatal: Bool
    ) async throws -> Process {
        let (money, readings) = try await place.open()
        let clocks = Clocks.moved(clock, ahead: ahead)
        let site = Site(
            money: BreakingDatabase(inner: money, breaker: breaker),
            readings: BreakingReadings(inner: readings, breaker: breaker), clocks: clocks,
            ids: IDGenerator(processNumber: Int64(number % 1_000), clocks: clocks))
        let desk = PaymentDesk(
            site: site, ring: try KeyRing(current: [UInt8](repeating: 7, count: 32)), gateways: [gateway])
        var collection = LineFixture.collection
        collection.parallel = 1
        let line = Line(
            site: site, org: org, transport: meters, vault: try LineFixture.vault(), collection: collection,
            payments: desk, holder: "life-\(number)", log: Logger(label: "year") { _ in SwiftLogNoOpLogHandler() })
        return Process(
            site: site, line: line, desk: desk, breaker: breaker, isFatal: isFatal, money: money, readings: readings)
    }

    func close() async {
        await process.readings.close()
        await process.money.close()
    }

    /// The next life, with the place drawn at which it ends. Leases of the one before have run out by then.
    /// - Parameter tries: how often the step at hand has broken: each time the next break lies twice as far away.
    private func restart(tries: Int = 0) async throws {
        past.statements += process.breaker.statements
        past.commits += process.breaker.commits
        await close()
        ahead.nowMs += 900_000
        lives += 1
        let breaks = nextBreak(tries)
        process = try await YearRun.process(
            place, clock, ahead, gateway, meters, number: lives + 1,
            Breaker(at: breaks.place, isFatal: breaks.isFatal), isFatal: breaks.isFatal)
    }

    private func nextBreak(_ tries: Int) -> (place: Break?, isFatal: Bool) {
        guard wantedFaults > 0 else { return (nil, false) }
        func draw(_ count: Int) -> Int {
            draws += 1
            return plan.draw(draws, 0, 900, max(1, count))
        }
        func within(_ daily: Int) -> Int { 1 + draw(2 * daily * plan.days / wantedFaults) << min(tries, 20) }
        let isFatal = draw(2) == 0
        switch draw(10) {
        case ..<6: return (.statement(within(pace.statements)), isFatal)
        case ..<8: return (.commit(within(pace.commits)), isFatal)
        default: return (.answer(within(pace.commits)), isFatal)
        }
    }

    private func count(_ breaker: Breaker) {
        let how = process.isFatal ? "fatal" : "survived"
        faults["\(breaker.kind) \(how)", default: 0] += 1
    }

    /// Does a step until it has gone through whole. What it does must change nothing when done again.
    func step(_ what: String, _ body: (YearRun) async throws -> Void) async throws {
        for tries in 0..<30 {
            var failure: (any Error)?
            do { try await body(self) } catch { failure = error }
            guard process.breaker.hasActed else {
                if let failure { throw failure }
                return
            }
            // A refusal is no answer to a database that fails.
            if let refusal = failure as? Refusal, refusal.code != .unavailable { throw refusal }
            let hasSurvived = !process.isFatal
            count(process.breaker)
            try await restart(tries: tries)
            // A program that goes on tries again after pauses; here a person has all of it tried again at once.
            if hasSurvived { try await catchUp() }
        }
        throw SQLError(.other, "\(name): \(what) did not go through in 30 lives")
    }

    // MARK: The year

    /// - Parameter monthEnd: called on the first of each month with the month that is over.
    func drive(monthEnd: (YearRun, CivilMonth) async throws -> Void) async throws {
        try await build()
        try await restart()
        let arrivals = plan.arrivals()
        for day in 1...plan.days {
            for isNoon in [false, true] {
                clock.nowMs = LineFixture.ms(plan.day(day), hours: isNoon ? 13 : 7)
                try await moment(day, isNoon, arrivals[2 * day + (isNoon ? 1 : 0)] ?? [])
            }
            let seen = (past.statements + process.breaker.statements, past.commits + process.breaker.commits)
            pace = (max(1, seen.0), max(1, seen.1))
            past = (-process.breaker.statements, -process.breaker.commits)
            let month = plan.day(day).month
            if month != plan.day(day - 1).month { try await monthEnd(self, plan.day(day - 1).month) }
        }
        // What was told too late to be booked at once; from then on nothing breaks any more.
        for hours in [17, 22] as [Int64] {
            clock.nowMs = LineFixture.ms(plan.day(plan.days), hours: hours)
            try await jobs()
        }
        wantedFaults = 0
        try await restart()
    }

    private func moment(_ day: Int, _ isNoon: Bool, _ arrivals: [YearPlan.Arrival]) async throws {
        let months = Dictionary(grouping: arrivals) { plan.day($0.day).month }.sorted { $0.key < $1.key }
        for (month, some) in months {
            for start in stride(from: 0, to: some.count, by: 200) {
                let part = Array(some[start..<min(start + 200, some.count)])
                try await step("readings of \(month)") { try await $0.read(part, of: month) }
            }
        }
        for payment in plan.payments(on: day, atNoon: isNoon) {
            try await step("payment of house \(payment.house)") { try await $0.pay(payment) }
        }
        if !isNoon {
            // What the gateway has told once it tells again.
            for payment in plan.payments(on: day - 1, atNoon: false) where payment.way == .toldThrice {
                try await step("echo of house \(payment.house)") { try await $0.pay(payment) }
            }
            for deal in plan.deals(on: day) { try await step("deal \(deal)") { try await $0.make(deal) } }
            let month = plan.day(day).month
            if plan.day(day) == month.first.advanced(by: 4), month > plan.first.month {
                try await step("accounting month") { try await $0.closeAccountingMonth() }
            }
        }
        try await jobs()
    }

    /// All jobs twice: some look at what others do behind them, and half a day passes until they come round again.
    private func jobs() async throws {
        try await step("jobs") { _ = try await $0.process.line.tick() }
        try await catchUp()
        try await step("jobs") { _ = try await $0.process.line.tick() }
    }

    private func catchUp() async throws {
        try await step("catch up") { run in
            _ = try await run.process.site.perform(CatchUp(), as: YearRun.actor, source: "year")
        }
    }

    private func closeAccountingMonth() async throws {
        let today = YearRun.org.zone.day(atS: clock.nowMs / 1000)
        let month = CivilMonth(index: today.month.index - 1)
        try await process.site.money.write { transaction in
            try Setting.set(
                AccountingPeriods.closedSetting, "\(month)", from: today, YearRun.scope, in: transaction)
        }
    }

    // MARK: What comes from outside

    func read(_ arrivals: [YearPlan.Arrival], of month: CivilMonth) async throws {
        let (plan, nowMs, batchID) = (plan, clock.nowMs, process.site.ids.next())
        try await process.site.readings.shard(month).write { transaction in
            for arrival in arrivals { try plan.store(arrival, batchID: batchID, nowMs: nowMs, in: transaction) }
        }
    }

    func pay(_ payment: YearPlan.Payment) async throws {
        let account = YearPlan.account(payment.house)
        let reference = "pay-\(payment.house)-\(payment.number)"
        guard payment.way != .counter else {
            for _ in 0..<2 {
                _ = try await process.site.perform(
                    Recharge(accountID: account, amountPaise: payment.paise, method: .cash, reference: reference),
                    as: YearRun.actor, source: "year")
            }
            return
        }
        let desk = process.desk
        let consumer = Actor(loginID: 9, role: .consumer, scope: Scope(orgID: 1, accountID: account))
        func order() async throws -> PaymentOrder {
            try await desk.open(
                accountID: account, amountPaise: payment.paise, reference: reference, as: consumer, source: "year")
        }
        if payment.way == .askedTwice { _ = try await order() }
        let known = try await order()
        let secret = try await desk.madeSecret(gateway.name, YearRun.scope)
        let atS = clock.nowMs / 1000
        func tell(_ states: GatewayPayment.State..., id: String = "a") async throws {
            for state in states {
                let told = GatewayPayment(
                    paymentID: "pay_\(payment.house)_\(payment.number)_\(id)",
                    gatewayOrderID: known.gatewayOrderID ?? "", amountPaise: known.amountPaise,
                    currency: known.currency, state: state)
                gateway.keep(told)
                if payment.way == .lostWebhook { continue }
                try await desk.take(
                    gateway.webhook(told, secret: secret, atS: atS), at: PaymentDesk.address(gateway.name, 1),
                    source: "year")
            }
        }
        switch payment.way {
        case .plain, .askedTwice, .counter: try await tell(.authorized, .captured)
        case .toldThrice: try await tell(.authorized, .captured, .captured, .captured)
        case .outOfOrder: try await tell(.captured, .authorized)
        case .lostWebhook: try await tell(.captured)
        case .failedFirst:
            try await tell(.failed)
            try await tell(.authorized, .captured, id: "b")
        }
    }

    private func make(_ deal: YearPlan.Deal) async throws {
        func perform(_ command: some Command) async throws {
            _ = try await process.site.perform(command, as: YearRun.actor, source: "year")
        }
        switch deal {
        case .owe(let house, let paise, let reference):
            try await perform(
                PutArrears(
                    accountID: YearPlan.account(house), amountPaise: paise, since: plan.day(-400), claimUntil: nil,
                    disconnectUntil: nil, reason: "bills of before", reference: reference))
        case .agree(let house, let dailyPaise):
            try await perform(
                AgreeInstalments(
                    accountID: YearPlan.account(house), size: .dailyPaise(dailyPaise), from: nil, reason: "as agreed"))
        case .apply(let house, let packID):
            try await perform(
                AskPack(.apply, accountID: YearPlan.account(house), packID: packID, reason: "as agreed"))
        }
    }

    // MARK: The company

    private func build() async throws {
        let (plan, nowMs, site) = (plan, clock.nowMs, process.site)
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("examples/tariffs")
        let tariffs = try YearPlan.tariffFiles.map {
            try String(contentsOf: folder.appendingPathComponent("\($0).yaml"), encoding: .utf8)
        }
        let vault = try LineFixture.vault()
        let keys = MeterKeys(
            secret: LineFixture.secrets.hls, encryptionKey: LineFixture.secrets.encryptionKey,
            authenticationKey: LineFixture.secrets.authenticationKey, clientSystemTitle: Array("BUSBAR01".utf8))
        let sealed = try (0..<plan.consumers).map { try vault.seal(keys, meterID: YearPlan.meter($0)) }
        try await site.money.write { transaction in
            try YearRun.org.create(in: transaction)
            try Place(placeID: 10, parentID: nil, kind: .plant, name: "Plant").create(YearRun.scope, in: transaction)
            for text in tariffs + [YearPlan.contractTariff] {
                _ = try Packs.store(tariff: text, YearRun.scope, in: transaction)
            }
            try Packs.store(LineFixture.basePack, from: plan.first, YearRun.scope, in: transaction)
            try Packs.store(LineFixture.addOn, from: plan.first, YearRun.scope, in: transaction)
            try Setting.set(Recharge.portalSetting, "test", from: plan.first, YearRun.scope, in: transaction)
            for house in 0..<plan.consumers {
                try plan.create(house, sealedKeys: sealed[house], nowMs: nowMs, in: transaction)
            }
        }
        for house in 0..<plan.consumers where !plan.isPlain {
            _ = try await site.perform(
                Recharge(
                    accountID: YearPlan.account(house), amountPaise: YearPlan.openingPaise, method: .opening,
                    reference: "opening-\(house)"), as: YearRun.actor, source: "year")
        }
        _ = try await site.perform(
            try SetPackTerms(Array(plan.terms.utf8), name: "terms"), as: YearRun.actor, source: "year")
        for kind in YearRun.paused {
            _ = try await site.perform(
                try PauseJob(kind: kind, reason: "not part of this year"), as: YearRun.actor, source: "year")
        }
    }
}

extension YearPlan {
    /// The account, meter and first pack of a house.
    func create(_ house: Int, sealedKeys: [UInt8], nowMs: Int64, in transaction: any SQLTransaction) throws {
        let (scope, accountID, meterID) = (YearRun.scope, Self.account(house), Self.meter(house))
        try SupplyAccount(
            accountID: accountID, accountNumber: "Y-\(accountID)", name: "House \(house)", category: "domestic",
            placeID: 10, sanctionedW: 5_000, language: "en", openedDay: first
        ).create(scope, in: transaction)
        try Meter(
            meterID: meterID, serial: "YR\(meterID)", host: "paper", port: Int64(5_001 + house),
            clientAddress: 48, authentication: "hls-2", sealedKeys: sealedKeys, capturePeriodS: 3_600
        ).create(scope, atMs: nowMs, in: transaction)
        try Installation(meterID: meterID, accountID: accountID, fromDay: first).create(scope, in: transaction)
        try Subscription(
            subscriptionID: accountID, accountID: accountID, packID: firstPack(house), kind: .base, fromDay: first
        ).create(scope, in: transaction)
    }

    /// What a meter's head end or a person would store of one arrival.
    func store(
        _ arrival: Arrival, batchID: Int64, nowMs: Int64, in transaction: any SQLTransaction
    ) throws {
        let (house, offset) = (arrival.house, arrival.day)
        let (supplied, meterID) = (day(offset), Self.meter(arrival.house))
        if arrival.part == .edit {
            let current = try DayBlocks.current(
                meterID: meterID, from: supplied, to: supplied, orgID: 1, in: transaction
            ).first
            guard let current else { return }
            try DayBlocks.store(
                current.block.replacing(edited(house, offset), quality: .edited, batch: batchID), after: current,
                day: supplied, meterID: meterID, madeBy: "edit", madeAtMs: nowMs, orgID: 1, in: transaction)
            return
        }
        let hours = isPlain ? atLast(house, offset) : measured(house, offset)
        let values = hours.enumerated().map { slot, value -> Int32? in
            arrival.part == .half && slot >= Self.slots / 2 ? nil : value
        }
        try Ingest.apply(
            IncomingDay(day: supplied, meterID: meterID, batchID: batchID, values: values),
            IngestContext(sanctionedW: 5_000, periodS: 3_600, history: [], madeBy: "read", nowMs: nowMs),
            orgID: 1, in: transaction)
        guard Self.feedsIn(house) else { return }
        let known = try DayBlocks.current(
            meterID: meterID, channel: .exportWh, from: supplied, to: supplied, orgID: 1, in: transaction
        ).first
        try DayBlocks.store(
            DayBlock(
                values: fedIn(house, offset), qualities: Array(repeating: .actual, count: Self.slots),
                sources: [SourceRun(batch: batchID, count: Self.slots)]),
            after: known, day: supplied, meterID: meterID, channel: .exportWh, madeBy: "read", madeAtMs: nowMs,
            orgID: 1, in: transaction)
    }
}
