// Orders to meters along the line: what is wanted is sent once, believed only when read back, superseded before it is
// sent, taken back by a stop, resumed after a break, and above a count only sent with a second person.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Grid
import HeadEnd
import Jobs
import Journal
import Logging
import MeterFleet
import MeterLink
import MeterPort
import Meters
import Outbox
import Payments
import SQL
import Supply
import Synchronization
import TestSupport
import Testing

@Suite(.serialized)
struct MeterOrderTests {
    static let first = CivilDay(year: 2009, month: 3, day: 2)!
    static let anil = Actor(loginID: 11, role: .operator, scope: Scope(orgID: 1))
    static let bela = Actor(loginID: 12, role: .operator, scope: Scope(orgID: 1))

    struct Bench {
        var fixture: LineFixture
        let transport: TamperingTransport
        var line: Line
        /// Moves system time, by which failed jobs are tried again.
        let ahead: ManualClock
        var scope: Scope { fixture.scope }
        var site: Site { fixture.site }

        func order(
            _ matter: String, _ value: String, meters: [Int64], as actor: Actor = anil, wave: Int64 = 50,
            below: Int64? = nil, _ reference: String = "r"
        ) async throws -> OrderPlaced {
            try await site.perform(
                OrderMeters(
                    matter: matter, value: value, group: .meters(meters), reason: "test of orders", waveSize: wave,
                    belowPaise: below, reference: "\(matter)-\(value)-\(meters)-\(reference)"),
                as: actor, source: "test")
        }

        /// The command job once, so many business minutes later.
        func run(minutes: Int64 = 5) async throws {
            fixture.clock.nowMs += minutes * 60_000
            ahead.nowMs += 3_600_000
            try await line.tick(.supply)
        }

        func wish(_ meterID: Int64, _ matter: String) async throws -> MeterWish? {
            try await site.money.read { [scope] in try MeterWish.find(meterID, matter, scope, in: $0) }
        }
        func commands(_ meterID: Int64) async throws -> [MeterCommand] {
            try await site.money.read { [scope] in
                try MeterCommand.of(meterID: meterID, limit: 50, scope, in: $0)
            }
        }
        func targets(_ orderID: Int64) async throws -> [OrderTarget.State] {
            try await site.money.read { [scope] in
                try OrderTarget.page(orderID, after: 0, state: nil, limit: 100, scope, in: $0).map(\.state)
            }
        }
        func state(_ orderID: Int64) async throws -> MeterOrder.State {
            try await site.money.read { [scope] in try MeterOrder.find(orderID, scope, in: $0).state }
        }
        func setting(_ name: String, _ value: String) async throws {
            try await site.money.write { [scope] in try Setting.set(name, value, from: first, scope, in: $0) }
        }
    }

    static func configurations(_ count: Int, _ faults: MeterFaults = MeterFaults()) -> [MeterConfiguration] {
        (0..<count).map { index in
            var configuration = MeterConfiguration(
                serial: "MO\(100 + index)", load: .household(HouseholdModel(seed: UInt64(index + 3))),
                installed: first, secrets: LineFixture.secrets, seed: UInt64(index))
            configuration.faults = faults
            return configuration
        }
    }

    private func with(
        _ engine: TestEngine, _ configurations: [MeterConfiguration], opening: Int64 = 500_000,
        _ body: (Bench) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: LineFixture.ms(Self.first.advanced(by: 1), hours: 12))
            let ahead = ManualClock(startMs: 0)
            let fixture = try await LineFixture.make(
                site: site(stores, clock: clock, ahead: ahead), clock: clock, configurations: configurations,
                openingPaise: { _ in opening }, from: Self.first)
            let transport = TamperingTransport(TCPMeterTransport(zone: fixture.org.zone))
            try await body(
                Bench(
                    fixture: fixture, transport: transport, line: try Self.line(fixture.site, transport), ahead: ahead))
            await fixture.fleet.stop()
        }
    }

    static func line(_ site: Site, _ transport: any MeterTransport, holder: String = "test") throws -> Line {
        Line(
            site: site, org: LineFixture.org, transport: transport, vault: try LineFixture.vault(), holder: holder,
            log: Logger(label: "orders") { _ in SwiftLogNoOpLogHandler() })
    }

    // MARK: One meter

    @Test("what is wanted is set, read back and kept with who wanted it", arguments: TestEngine.available)
    func wishes(_ engine: TestEngine) async throws {
        let calendar = MeterCalendar(
            name: "HOME", seasons: [.init(name: "ALL", fromMonth: 1, fromDay: 1, week: "W1")],
            weeks: [.init(name: "W1", days: [1, 1, 1, 1, 1, 1, 1])],
            days: [.init(id: 1, zones: [.init(fromMinute: 0, zone: 1), .init(fromMinute: 1080, zone: 2)])])
        let wanted = [
            ("load-limit", "2500"), ("calendar", try WishText.encoded(calendar)), ("balance", "-4200"),
            ("payment-mode", "prepaid"), ("setting.demand-period", "900"), ("setting.push-alert", "10.0.0.9:4059"),
            ("reset.maximum-demand", ""), ("reset.tamper", ""), ("clock", ""),
        ]
        try await with(engine, Self.configurations(1)) { bench in
            var orders: [Int64] = []
            for (matter, value) in wanted {
                orders.append(try await bench.order(matter, value, meters: [1001]).orderID)
            }
            try await bench.run()
            for (matter, value) in wanted {
                let wish = try await bench.wish(1001, matter)
                #expect(wish?.state == .met, "\(matter): \(String(describing: wish))")
                #expect(wish?.authority.by == "login 11" && wish?.authority.reason == "test of orders")
                if !value.isEmpty { #expect(wish?.actual == value && wish?.actualAtMs == bench.fixture.clock.nowMs) }
            }
            for orderID in orders {
                let (state, targets) = (try await bench.state(orderID), try await bench.targets(orderID))
                #expect(targets == [.done])
                #expect(state == .running || state == .done)
            }
            let meter = bench.fixture.houses[0].meter
            #expect(meter.loadLimitW == 2500 && meter.shownBalancePaise == -4200)
            try await bench.run()
            for orderID in orders { #expect(try await bench.state(orderID) == .done) }
            // Once more the same: the meter is asked, and nothing is set.
            let sets = bench.transport.rules.withLock { $0.sets }
            _ = try await bench.order("load-limit", "2500", meters: [1001], "again")
            try await bench.run()
            #expect(bench.transport.rules.withLock { $0.sets } == sets)
            let last = try await bench.commands(1001).first
            #expect(last?.state == .confirmed && last?.answer == "it was so already")
        }
    }

    @Test("what is wanted anew replaces what was not sent yet", arguments: TestEngine.available)
    func superseded(_ engine: TestEngine) async throws {
        try await with(engine, Self.configurations(1)) { bench in
            let old = try await bench.order("load-limit", "2500", meters: [1001])
            let new = try await bench.order("load-limit", "3500", meters: [1001])
            try await bench.run()
            let (oldTargets, newTargets) = (try await bench.targets(old.orderID), try await bench.targets(new.orderID))
            #expect(newTargets == [.done] && oldTargets == [.skipped])
            #expect(bench.transport.rules.withLock { $0.sets } == 1)
            #expect(bench.fixture.houses[0].meter.loadLimitW == 3500)
            #expect(try await bench.commands(1001).map(\.state) == [.confirmed, .superseded])
            // Also while the conversation stands open: just before the telling it is looked at again.
            let (site, scope, nowMs) = (bench.site, bench.scope, bench.fixture.clock.nowMs)
            bench.transport.rules.withLock { rules in
                rules.afterValue = {
                    bench.transport.rules.withLock { $0.afterValue = nil }
                    try await site.money.write { transaction in
                        _ = try WishCommander.want(
                            "200", "balance", meterID: 1001, MeterWish.Authority(reason: "newer", by: "rule test"),
                            always: true, nowMs: nowMs, ids: site.ids, scope, in: transaction)
                    }
                }
            }
            _ = try await bench.order("balance", "100", meters: [1001])
            try await bench.run()
            #expect(bench.transport.rules.withLock { $0.sets } == 2)
            #expect(bench.fixture.houses[0].meter.shownBalancePaise == 200)
        }
    }

    @Test("a meter that says no but did it, and one that says yes and did not", arguments: TestEngine.available)
    func ghosts(_ engine: TestEngine) async throws {
        let whole = TimeSpan(fromS: 0, untilS: .max)
        var lying = MeterFaults()
        lying.lyingRelay = [whole]
        var stuck = MeterFaults()
        stuck.stuckRelay = [whole]
        let meters = [Self.configurations(2, lying)[0], Self.configurations(2, stuck)[1]]
        try await with(engine, meters) { bench in
            let order = try await bench.order("payment-mode", "prepaid", meters: [1001, 1002])
            try await bench.run()
            let (did, didNot) = (try await bench.commands(1001)[0], try await bench.commands(1002)[0])
            #expect(did.state == .confirmed && did.isDoneDespiteReport, "\(did)")
            #expect(didNot.state == .waiting && didNot.attempt == 1, "\(didNot)")
            #expect(didNot.answer?.contains("postpaid when read back") == true, "\(didNot)")
            #expect(try await bench.wish(1002, "payment-mode")?.actual == "postpaid")
            for _ in 0..<12 { try await bench.run(minutes: 40) }
            #expect(try await bench.wish(1002, "payment-mode")?.state == .failed)
            #expect(try await bench.targets(order.orderID) == [.done, .failed])
            let need = try await bench.site.money.read { try MeterCommand.failed(limit: 9, bench.scope, in: $0) }
            #expect(need.map(\.meterID) == [1002])
        }
    }

    @Test(
        "the line breaks between telling and reading back: a reset is not done twice", arguments: TestEngine.available)
    func broken(_ engine: TestEngine) async throws {
        try await with(engine, Self.configurations(1)) { bench in
            bench.transport.rules.withLock { $0.breakAfterSets = 1 }
            _ = try await bench.order("reset.maximum-demand", "", meters: [1001])
            try await bench.run()
            let command = try await bench.commands(1001)[0]
            #expect(command.state == .confirmed && command.isDoneDespiteReport, "\(command)")
            // The process dies there, too: the count that was noted before tells the next one that it was done.
            bench.transport.rules.withLock { rules in
                rules.beforeSet = {
                    bench.transport.rules.withLock { $0.beforeSet = nil }
                    throw TamperingTransport.Died()
                }
            }
            _ = try await bench.order("reset.maximum-demand", "", meters: [1001], "second")
            try await bench.run()
            let died = try await bench.commands(1001)[0]
            #expect(died.state == .waiting && died.attempt == 0)
            #expect(try await bench.wish(1001, "reset.maximum-demand")?.desired == "2")
            try await bench.run(minutes: 60)
            #expect(try await bench.wish(1001, "reset.maximum-demand")?.actual == "2")
            #expect(bench.transport.rules.withLock { $0.sets } == 2)
        }
    }

    @Test("firmware goes on where the process died, block by block", arguments: TestEngine.available)
    func firmware(_ engine: TestEngine) async throws {
        try await with(engine, Self.configurations(1)) { bench in
            let image = try VirtualFirmware.image(version: "BB-3.1", byteCount: 24_000)
            let sha = try await bench.site.perform(
                AddFirmware(version: "BB-3.1", content: image), as: .system(orgID: 1), source: "test")
            #expect(sha.count == 64)
            await #expect(throws: Refusal.self) {
                _ = try await bench.order("firmware", "BB-9", meters: [1001])
            }
            bench.transport.rules.withLock { $0.dieAfterBlocks = 70 }
            _ = try await bench.order("firmware", "BB-3.1", meters: [1001])
            try await bench.run()
            let died = try await bench.commands(1001)[0]
            #expect(died.state == .waiting && died.progressDone == 64 && died.progressCount == 120, "\(died)")
            var again = bench
            again.line = try Self.line(bench.site, bench.transport, holder: "another")
            try await again.run(minutes: 60)
            let done = try await bench.commands(1001)[0]
            #expect(done.state == .confirmed, "\(done)")
            #expect(bench.transport.rules.withLock { $0.blocks } == 120)
            #expect(bench.fixture.houses[0].meter.firmware == "BB-3.1")
            #expect(try await bench.wish(1001, "firmware")?.state == .met)
        }
    }

    @Test("a meter that was set otherwise by somebody is told again, three times, then a person is asked")
    func drift() async throws {
        try await with(.sqlite, Self.configurations(1)) { bench in
            _ = try await bench.order("payment-mode", "prepaid", meters: [1001])
            try await bench.run()
            let meter = bench.fixture.houses[0].meter
            let endpoint = MeterEndpoint(
                host: "127.0.0.1", port: bench.fixture.fleet.port(0), clientAddress: MeterClient.utility,
                authentication: .hls2, secret: LineFixture.secrets.hls,
                encryptionKey: LineFixture.secrets.encryptionKey,
                authenticationKey: LineFixture.secrets.authenticationKey, clientSystemTitle: Array("FIELDMAN".utf8),
                invocationCounter: 3_000_000_000)
            for round in Int64(1)...4 {
                let counter = UInt32(clamping: 3_000_000_000 + round * 100_000)
                var field = endpoint
                field.invocationCounter = counter
                // A man in the field with a hand-held unit; our counters must go on above his.
                let given = field
                try await TCPMeterTransport(strictCounters: false).converse(with: given) {
                    try await $0.set(.paymentMode(.postpaid))
                }
                try await bench.site.money.write {
                    try $0.run("UPDATE invocation_counter SET next_counter = $1", [.int(Int64(counter) + 20_000)])
                }
                try await bench.run(minutes: 25 * 60)
                let found = try await bench.wish(1001, "payment-mode")
                #expect(
                    found?.state == (round < 4 ? .waiting : .failed), "round \(round): \(String(describing: found))")
                #expect(found?.actual == "postpaid" && found?.driftedAtMs != nil)
                guard round < 4 else { break }
                try await bench.run()
                #expect(try await bench.wish(1001, "payment-mode")?.state == .met, "round \(round)")
            }
            let drifted = try await bench.site.money.read { try MeterWish.drifted(limit: 9, bench.scope, in: $0) }
            #expect(drifted.map(\.meterID) == [1001])
            #expect(meter.loadLimitW == nil)
        }
    }

    @Test("a prepaid meter is told its balance at the set period, and no more often")
    func balance() async throws {
        try await with(.sqlite, Self.configurations(1), opening: 50_000) { bench in
            _ = try await bench.order("payment-mode", "prepaid", meters: [1001])
            try await bench.run()
            try await bench.run()
            let meter = bench.fixture.houses[0].meter
            #expect(meter.shownBalancePaise == 50_000)
            _ = try await bench.site.perform(
                Recharge(accountID: 101, amountPaise: 7_700, method: .opening, reference: "more"),
                as: .system(orgID: 1), source: "test")
            try await bench.run(minutes: 60)
            #expect(meter.shownBalancePaise == 50_000)
            try await bench.run(minutes: 200)
            #expect(meter.shownBalancePaise == 57_700)
            #expect(try await bench.wish(1001, "balance")?.authority.by == "rule balance")
        }
    }

    // MARK: Groups

    @Test("above the set count a second person must approve, and not the same one", arguments: TestEngine.available)
    func twoPeople(_ engine: TestEngine) async throws {
        try await with(engine, Self.configurations(3)) { bench in
            try await bench.setting(CutLimit.setting, "2")
            let bulk = try await bench.order("relay", "open", meters: [1001, 1002, 1003])
            #expect(bulk.state == .awaiting && bulk.meterCount == 3)
            try await bench.run()
            #expect(bench.fixture.houses.allSatisfy { !$0.meter.relayOpen })
            // Many small orders are no way around it.
            let small = try await bench.order("relay", "open", meters: [1001, 1002])
            let smaller = try await bench.order("relay", "open", meters: [1003])
            #expect(small.state == .running && smaller.state == .awaiting)
            _ = try await bench.site.perform(
                StopOrder(orderID: small.orderID, reason: "only a try"), as: Self.anil, source: "test")
            for orderID in [bulk.orderID, smaller.orderID] {
                await #expect(throws: Refusal.self) {
                    try await bench.site.perform(ApproveOrder(orderID: orderID), as: Self.anil, source: "test")
                }
            }
            _ = try await bench.site.perform(ApproveOrder(orderID: bulk.orderID), as: Self.bela, source: "test")
            try await bench.run()
            try await bench.run()
            #expect(bench.fixture.houses.allSatisfy { $0.meter.relayOpen })
            #expect(try await bench.targets(bulk.orderID) == [.done, .done, .done])
            #expect(try await bench.state(bulk.orderID) == .done)
            // Nobody approves the other in time.
            try await bench.run(minutes: 25 * 60)
            #expect(try await bench.state(smaller.orderID) == .expired)
            await #expect(throws: Refusal.self) {
                try await bench.site.perform(ApproveOrder(orderID: smaller.orderID), as: Self.bela, source: "test")
            }
            // And the way back is ordered like the way there.
            let back = try await bench.order("relay", "closed", meters: [1001, 1002, 1003])
            #expect(back.state == .running)
            try await bench.run()
            #expect(bench.fixture.houses.allSatisfy { !$0.meter.relayOpen })
        }
    }

    @Test(
        "the cut list is looked at again: who paid meanwhile, and who is stopped, is not cut",
        arguments: TestEngine.available)
    func lookedAtAgain(_ engine: TestEngine) async throws {
        try await with(engine, Self.configurations(3), opening: 50_000) { bench in
            let order = try await bench.order("relay", "open", meters: [1001, 1002, 1003], wave: 1, below: 60_000)
            _ = try await bench.site.perform(
                Recharge(accountID: 101, amountPaise: 20_000, method: .opening, reference: "late"),
                as: .system(orgID: 1), source: "test")
            // The second is told; just before its cut goes out, it pays.
            let (site, meters) = (bench.site, bench.fixture.houses.map(\.meter))
            try await bench.run()
            #expect(!meters[0].relayOpen && meters[1].relayOpen && meters[2].relayOpen)
            #expect(try await bench.targets(order.orderID) == [.skipped, .done, .done])
            let stopped = try await bench.order("relay", "open", meters: [1001], "again")
            _ = try await site.perform(
                StopOrder(orderID: stopped.orderID, reason: "wrong house"), as: Self.bela, source: "test")
            try await bench.run()
            #expect(!meters[0].relayOpen)
            #expect(try await bench.targets(stopped.orderID) == [.withdrawn])
        }
    }

    @Test("an order is stopped while a meter that was told is out of reach: its cut is taken back")
    func stopped() async throws {
        var faults = MeterFaults()
        let startS = LineFixture.ms(Self.first.advanced(by: 1), hours: 12) / 1000
        faults.silences = [(TimeSpan(fromS: startS, untilS: startS + 1800), .hangUp)]
        try await with(.sqlite, Self.configurations(1, faults)) { bench in
            let order = try await bench.order("relay", "open", meters: [1001])
            try await bench.run()
            #expect(try await bench.targets(order.orderID) == [.released])
            _ = try await bench.site.perform(
                StopOrder(orderID: order.orderID, reason: "wrong house"), as: Self.bela, source: "test")
            #expect(try await bench.targets(order.orderID) == [.withdrawing])
            for _ in 0..<4 { try await bench.run(minutes: 30) }
            #expect(!bench.fixture.houses[0].meter.relayOpen)
            #expect(try await bench.targets(order.orderID) == [.withdrawn])
        }
    }

    @Test("waves: no more meters at once than asked for, and a pause between them")
    func waves() async throws {
        try await with(.sqlite, Self.configurations(5)) { bench in
            let placed = try await bench.site.perform(
                OrderMeters(
                    matter: "payment-mode", value: "prepaid", group: .place(10), reason: "all of the plant",
                    waveSize: 2, pauseMinutes: 30, reference: "waves"), as: Self.anil, source: "test")
            #expect(placed.meterCount == 5)
            var done: [Int] = []
            for _ in 0..<4 {
                try await bench.run(minutes: 30)
                done.append(try await bench.targets(placed.orderID).count { $0 == .done })
            }
            #expect(done == [2, 4, 5, 5])
            #expect(try await bench.state(placed.orderID) == .done)
        }
    }

    @Test("who is confined to a place orders only there, and approves only what he sees whole")
    func placeRights() async throws {
        try await with(.sqlite, Self.configurations(3)) { bench in
            try await bench.site.money.write { [scope = bench.scope] transaction in
                try Place(placeID: 20, parentID: 10, kind: .feeder, name: "Feeder").create(scope, in: transaction)
                try transaction.run("UPDATE supply_account SET place_id = 20 WHERE account_id = 101")
            }
            try await bench.setting(CutLimit.setting, "0")
            let confined = Actor(loginID: 13, role: .operator, scope: Scope(orgID: 1, placeIDs: [20]))
            let stranger = Actor(loginID: 14, role: .operator, scope: Scope(orgID: 2))
            for actor in [confined, stranger] {
                await #expect(throws: Refusal.self) {
                    _ = try await bench.order("load-limit", "2000", meters: [1002], as: actor)
                }
            }
            let own = try await bench.order("load-limit", "2000", meters: [1001], as: confined)
            let all = try await bench.order("load-limit", "2100", meters: [1001, 1002])
            let other = try await bench.order("load-limit", "2200", meters: [1003])
            #expect([own.state, all.state, other.state] == [.awaiting, .awaiting, .awaiting])
            for orderID in [all.orderID, other.orderID] {
                await #expect(throws: Refusal.self) {
                    try await bench.site.perform(ApproveOrder(orderID: orderID), as: confined, source: "test")
                }
            }
            let seen = try await bench.site.money.read {
                try MeterOrder.page(before: nil, state: nil, limit: 9, confined.scope, in: $0).map(\.orderID)
            }
            #expect(Set(seen) == [own.orderID, all.orderID])
            _ = try await bench.site.perform(ApproveOrder(orderID: own.orderID), as: Self.bela, source: "test")
            try await bench.run()
            #expect(bench.fixture.houses[0].meter.loadLimitW == 2000)
            #expect(bench.fixture.houses[1].meter.loadLimitW == nil)
        }
    }

    @Test(
        "what cannot be wanted is refused with what can",
        arguments: [
            ("load-limit", "0"), ("load-limit", "much"), ("calendar", "{}"), ("payment-mode", "later"),
            ("relay", "half"),
            ("setting.capture-period", "7"), ("setting.push-alert", "nowhere"), ("reset.all", ""), ("firmware", ""),
            ("maker.", "1"),
        ])
    func refused(_ matter: String, _ value: String) {
        #expect(throws: Refusal.self) {
            try OrderMeters(
                matter: matter, value: value, group: .meters([1001]), reason: "because", reference: "r")
        }
    }

    // MARK: Broken anywhere

    @Test("whatever statement fails, the orders end as they would have")
    func everyStatement() async throws {
        let counter = Breaker()
        let expected = try await Self.end(counter)
        #expect(expected == ["open", "limit 2500", "done done done", "left 0"], "\(expected)")
        let step = 5
        for number in stride(from: 1, through: counter.statements, by: step) {
            let breaker = Breaker(at: .statement(number))
            let outcome = try await Self.end(breaker)
            #expect(breaker.hasActed && outcome == expected, "statement \(number): \(outcome)")
        }
        for number in stride(from: 2, through: counter.commits, by: step) {
            for place in [Break.commit(number), .answer(number)] {
                let outcome = try await Self.end(Breaker(at: place))
                #expect(outcome == expected, "\(place): \(outcome)")
            }
        }
        print("orders: \(counter.statements) statements and \(counter.commits) commits, every \(step)th broken")
    }

    /// A cut of one meter, a limit and a reset of another, broken once and tried again as a service would.
    private static func end(_ breaker: Breaker) async throws -> [String] {
        var lines: [String] = []
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let (clock, ahead) = (
                ManualClock(startMs: LineFixture.ms(first.advanced(by: 1), hours: 12)), ManualClock(startMs: 0)
            )
            let whole = site(stores, clock: clock, ahead: ahead)
            let fixture = try await LineFixture.make(
                site: whole, clock: clock, configurations: configurations(2), openingPaise: { _ in 500_000 },
                from: first)
            let transport = TamperingTransport(TCPMeterTransport(zone: fixture.org.zone))
            let bench = Bench(
                fixture: fixture, transport: transport, line: try line(whole, transport), ahead: ahead)
            let cut = try await bench.order("relay", "open", meters: [1001])
            let limit = try await bench.order("load-limit", "2500", meters: [1002])
            let reset = try await bench.order("reset.maximum-demand", "", meters: [1002])
            var broken = whole
            broken.money = BreakingDatabase(inner: whole.money, breaker: breaker)
            var breaking = bench
            breaking.line = try line(broken, transport)
            for _ in 0..<3 {
                do { try await breaking.run(minutes: 40) } catch is SQLError { continue }
            }
            for _ in 0..<2 { try await bench.run(minutes: 40) }
            var states: [String] = []
            for order in [cut, limit, reset] { states += try await bench.targets(order.orderID).map(\.rawValue) }
            let left = try await whole.money.read { transaction in
                try transaction.first("SELECT COUNT(*) FROM meter_command WHERE state = 'waiting'", []) {
                    try $0.int(0)
                }
            }
            let count = try await bench.wish(1002, "reset.maximum-demand")?.actual
            #expect(count == "1", "\(String(describing: count)) resets")
            lines = [
                fixture.houses[0].meter.relayOpen ? "open" : "closed",
                "limit \(fixture.houses[1].meter.loadLimitW ?? 0)", states.joined(separator: " "),
                "left \(left ?? -1)",
            ]
            await fixture.fleet.stop()
        }
        return lines
    }
}
