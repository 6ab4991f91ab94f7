// New keys for a meter over the real protocol, broken off at every step: the meter is never lost, no key stands in a
// log, and the old key is forgotten once the new one is proven.
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import MeterFleet
import MeterLink
import MeterPort
import Meters
import SQL
import Synchronization
import TestSupport
import Testing

/// Breaks conversations where a test says so.
private final class BreakingTransport: MeterTransport {
    enum Break: Sendable, CaseIterable {
        /// The process ends after the new keys were stored, before they are sent.
        case beforeSending
        /// The meter takes them and its answer is lost.
        case afterSending
        /// The proof is broken off.
        case proof
    }
    private let inner: any MeterTransport
    private let breaks: Mutex<[Break]>
    let keyChanges = Mutex(0)

    init(_ inner: any MeterTransport, _ breaks: [Break]) {
        self.inner = inner
        self.breaks = Mutex(breaks)
    }

    func mend() { breaks.withLock { $0 = [] } }

    func converse<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
    ) async throws -> Value {
        try await inner.converse(with: endpoint) { conversation in
            try await body(Conversation(inner: conversation, transport: self))
        }
    }
    func lastCounter(at endpoint: MeterEndpoint) async throws -> UInt32 { try await inner.lastCounter(at: endpoint) }

    private func breaksOff(_ kind: Break) -> Bool { breaks.withLock { $0.contains(kind) } }

    private struct Conversation: MeterConversation {
        let inner: any MeterConversation
        let transport: BreakingTransport
        func clockS() async throws -> Int64 {
            if transport.breaksOff(.proof) { throw MeterError(.timeout, "broken off") }
            return try await inner.clockS()
        }
        func blockLoad(fromS: Int64, toS: Int64) async throws -> [BlockLoadRow] { [] }
        func importRegisterWh() async throws -> Int64 { try await inner.importRegisterWh() }
        func dailyRegisters(fromS: Int64, toS: Int64) async throws -> [RegisterRow] { [] }
        func relay() async throws -> RelayState { try await inner.relay() }
        func disconnect() async throws { try await inner.disconnect() }
        func reconnect() async throws { try await inner.reconnect() }
        func events(fromS: Int64, toS: Int64) async throws -> [MeterEventEntry] { [] }
        func changeKeys(_ change: MeterKeyTransfer) async throws {
            if transport.breaksOff(.beforeSending) { throw MeterError(.closed, "broken off") }
            try await inner.changeKeys(change)
            transport.keyChanges.withLock { $0 += 1 }
            if transport.breaksOff(.afterSending) { throw MeterError(.timeout, "broken off") }
        }
    }
}

@Suite(.serialized)
struct KeyRotationTests {
    static let org = Org(orgID: 1, name: "Ujjwal")
    static let master = Array("MASTER-KEY-00000".utf8)
    private static var scope: Scope { Scope(orgID: org.orgID) }

    struct Field {
        let site: Site
        let vault: KeyVault
        let fleet: MeterFleet
        let meters: [VirtualMeter]
        let ahead: ManualClock

        func keys(_ index: Int) async throws -> MeterKeys {
            let meter = try await site.money.read { try Meter.find(PushFixture.meterID(index), scope, in: $0) }
            return try vault.open(meter.sealedKeys ?? [], meterID: meter.meterID)
        }
        func change(_ index: Int) async throws -> MeterKeyChange? {
            let id = PushFixture.meterID(index)
            return try await site.money.read { try MeterKeyChange.of([id], scope, in: $0)[id] }
        }
        func rotator(_ transport: any MeterTransport, holder: String = "one") -> KeyRotator {
            var rules = CollectionRules()
            rules.timeoutMs = 3_000
            return KeyRotator(
                site: site, org: org, transport: transport, vault: vault, rules: rules, holder: holder)
        }
        /// Whether a meter opens under the keys that are stored for it.
        func opens(_ index: Int) async throws -> Bool {
            let keys = try await keys(index)
            let now = meters[index].secretsNow
            return keys.encryptionKey == now.encryptionKey && keys.authenticationKey == now.authenticationKey
        }
        var scope: Scope { KeyRotationTests.scope }
        var org: Org { KeyRotationTests.org }
    }

    private static func field(
        _ engine: TestEngine, meters count: Int, knowsMaster: Bool = true, _ body: (Field) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let ahead = ManualClock(startMs: 0)
            let clocks = Clocks(
                businessNowMs: { PushFixture.startMs }, systemNowMs: { Clocks.live.systemNowMs() + ahead.nowMs },
                businessRate: 0)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 1, clocks: clocks))
            let vault = try KeyVault(masterKey: Array(repeating: 7, count: 32))
            let meters = try (0..<count).map { index in
                var secrets = PushFixture.secrets(index)
                secrets.masterKey = knowsMaster ? master : nil
                return try VirtualMeter(
                    MeterConfiguration(
                        serial: "KR\(10_000 + index)", load: .constant(watts: 500),
                        installed: org.zone.day(atS: PushFixture.startS).advanced(by: -1), secrets: secrets),
                    clocks: clocks, stateFolder: stores.folder + "/fleet")
            }
            let fleet = try await MeterFleet.start(meters)
            try await site.money.write { transaction in
                try org.create(in: transaction)
                for (index, meter) in meters.enumerated() {
                    let secrets = meter.configuration.secrets
                    let id = PushFixture.meterID(index)
                    let keys = MeterKeys(
                        secret: secrets.hls, encryptionKey: secrets.encryptionKey,
                        authenticationKey: secrets.authenticationKey, clientSystemTitle: Array("BUSBAR01".utf8),
                        masterKey: master)
                    try Meter(
                        meterID: id, serial: meter.configuration.serial, host: fleet.host(index),
                        port: Int64(fleet.port(index)), clientAddress: 48, authentication: "hls-2",
                        sealedKeys: try vault.seal(keys, meterID: id), capturePeriodS: 1800
                    ).create(scope, atMs: PushFixture.startMs, in: transaction)
                }
            }
            do {
                try await body(Field(site: site, vault: vault, fleet: fleet, meters: meters, ahead: ahead))
                await fleet.stop()
            } catch {
                await fleet.stop()
                throw error
            }
        }
    }

    private static func order(_ site: Site, _ meters: RotateKeys.Meters = .all) async throws -> Int {
        try await site.perform(RotateKeys(meters), as: .system(orgID: org.orgID), source: "test")
    }

    @Test(arguments: TestEngine.available)
    func allMetersGetNewKeysAndTheOldOnesAreForgotten(_ engine: TestEngine) async throws {
        try await Self.field(engine, meters: 6) { field in
            #expect(try await Self.order(field.site) == 6)
            #expect(try await Self.order(field.site) == 0, "a change that is on its way goes on")
            let ended = try await field.rotator(TCPMeterTransport()).run()
            #expect(ended.changed == 6 && ended.open == 0)
            for index in 0..<6 {
                #expect(try await field.opens(index))
                #expect(try await field.keys(index).encryptionKey != PushFixture.secrets(index).encryptionKey)
                #expect(try await field.keys(index).masterKey == Self.master)
                let change = try await field.change(index)
                #expect(change?.state == .settled && change?.keyNumber == 1 && change?.sealedNext == nil)
                #expect(change?.changedAtMs == PushFixture.startMs)
            }
            #expect(try await field.rotator(TCPMeterTransport()).run().changed == 0)
        }
    }

    @Test(arguments: [[.beforeSending], [.afterSending], [.afterSending, .proof], [.proof]] as [[BreakKind]])
    func aBreakAnywhereLosesNoMeter(_ kinds: [BreakKind]) async throws {
        try await Self.field(.sqlite, meters: 1) { field in
            _ = try await Self.order(field.site)
            let transport = BreakingTransport(TCPMeterTransport(), kinds.map(\.value))
            _ = try await field.rotator(transport).run()
            // Not due again before its pause has passed.
            transport.mend()
            var tries = 0
            while try await field.change(0)?.state != .settled, tries < 5 {
                tries += 1
                field.ahead.nowMs += 2 * 3_600_000
                // As after a kill: a new process, that knows only what is stored.
                _ = try await field.rotator(transport, holder: "process \(tries)").run()
            }
            #expect(try await field.change(0)?.keyNumber == 1)
            #expect(try await field.opens(0))
            #expect(transport.keyChanges.withLock { $0 } == 1, "the meter was given one pair of keys")
        }
    }

    /// Named here, for the list of arguments has to be visible.
    enum BreakKind: Sendable, CaseIterable {
        case beforeSending, afterSending, proof
        fileprivate var value: BreakingTransport.Break {
            switch self {
            case .beforeSending: .beforeSending
            case .afterSending: .afterSending
            case .proof: .proof
            }
        }
    }

    @Test func aMeterThatRefusesKeepsItsKeys() async throws {
        try await Self.field(.sqlite, meters: 1, knowsMaster: false) { field in
            _ = try await Self.order(field.site, .one(1001))
            let ended = try await field.rotator(TCPMeterTransport()).run()
            #expect(ended.changed == 0 && ended.open == 1)
            let change = try await field.change(0)
            #expect(change?.state == .settled && change?.keyNumber == 0 && change?.sealedNext == nil)
            #expect(change?.lastError?.isEmpty == false)
            #expect(try await field.opens(0))
        }
    }

    @Test(arguments: TestEngine.available)
    func twoProcessesNeverWorkAtOneMeter(_ engine: TestEngine) async throws {
        try await Self.field(engine, meters: 8) { field in
            _ = try await Self.order(field.site)
            let first = BreakingTransport(TCPMeterTransport(), [])
            let second = BreakingTransport(TCPMeterTransport(), [])
            async let one = field.rotator(first, holder: "one").run()
            async let two = field.rotator(second, holder: "two").run()
            let changed = try await one.changed + two.changed
            #expect(changed == 8)
            #expect(first.keyChanges.withLock { $0 } + second.keyChanges.withLock { $0 } == 8)
            for index in 0..<8 { #expect(try await field.opens(index)) }
        }
    }

    @Test func aPushUnderTheNewKeysIsTakenAndOneUnderTheOldIsNot() async throws {
        try await Self.field(.sqlite, meters: 1) { field in
            let pusher = MeterPusher(field.meters[0])
            let receiver = PushReceiver(site: field.site, vault: field.vault) { [Self.org] }
            func take(_ frame: [UInt8]) async throws -> PushReceiver.Taken {
                try await receiver.take([PushFixture.frame(frame, from: "127.0.0.1")])
            }
            let before = try await take(try pusher.alert(code: 201, atS: PushFixture.startS))
            #expect(before.events == 1)
            let old = try pusher.alert(code: 203, atS: PushFixture.startS)
            _ = try await Self.order(field.site)
            _ = try await field.rotator(TCPMeterTransport()).run()
            let under = try await take(try pusher.alert(code: 251, atS: PushFixture.startS))
            #expect(under.events == 1)
            #expect(try await take(old).aside == [.wrongKey: 1])
        }
    }

    @Test func noKeyStandsInAnyTableRowOrText() async throws {
        try await Self.field(.sqlite, meters: 2) { field in
            _ = try await Self.order(field.site)
            let transport = BreakingTransport(TCPMeterTransport(), [.afterSending, .proof])
            _ = try await field.rotator(transport).run()
            transport.mend()
            field.ahead.nowMs += 2 * 3_600_000
            _ = try await field.rotator(transport).run()
            var secrets: [[UInt8]] = [Self.master]
            for index in 0..<2 {
                let now = field.meters[index].secretsNow
                secrets += [now.encryptionKey, now.authenticationKey, PushFixture.secrets(index).encryptionKey]
            }
            let texts = try await field.site.money.read { transaction in
                let audit = try transaction.query("SELECT command, content, why FROM audit", []) {
                    "\(try $0.text(0)) \(try $0.text(1)) \(try $0.text(2))"
                }
                let errors = try transaction.query("SELECT COALESCE(last_error, ''), holder FROM meter_key", []) {
                    "\(try $0.text(0)) \(try $0.optionalText(1) ?? "")"
                }
                return audit + errors
            }
            #expect(texts.count >= 3)
            let transfer = MeterKeyTransfer(
                encryptionKey: secrets[1], authenticationKey: secrets[2], masterKey: secrets[0])
            for text in texts + ["\(transfer)", "\(try await field.keys(0))"] {
                for secret in secrets {
                    #expect(!text.contains(Secret.hex(secret)) && !text.contains("\(secret)"))
                    #expect(!text.contains(String(decoding: secret, as: UTF8.self)))
                }
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func aLostCounterIsRaisedAndOnlyLoweredWithAReason(_ engine: TestEngine) async throws {
        try await Self.field(engine, meters: 1) { field in
            let (site, actor) = (field.site, Actor.system(orgID: 1))
            let transport = TCPMeterTransport()
            // The meter has heard us up to some counter; then our store goes back to an older copy.
            let rotator = field.rotator(transport)
            _ = try await Self.order(site)
            _ = try await rotator.run()
            let counter = field.meters[0].clientCounters[48] ?? 0
            #expect(counter > 1)
            try await site.money.write { try $0.run("UPDATE invocation_counter SET next_counter = 2") }
            func recover(lowers: Bool, _ why: String) async throws -> CounterChange? {
                _ = try await site.perform(
                    RecoverCounter(meterID: 1001, lowers: lowers, why: why), as: actor, source: "test", why: why)
                _ = try await rotator.run()
                return try await site.money.read { try CounterChange.of(1001, Self.scope, in: $0).first }
            }
            let raised = try await recover(lowers: false, "restored a backup")
            #expect(raised?.state == .raised && raised?.newCounter == Int64(counter) + 1 && raised?.oldCounter == 2)
            // Ours is far above: nothing is lowered by itself.
            try await site.money.write { try $0.run("UPDATE invocation_counter SET next_counter = 900000") }
            #expect(try await recover(lowers: false, "looks odd")?.state == .unchanged)
            #expect(throws: Refusal.self) { try RecoverCounter(meterID: 1001, lowers: true, why: "no") }
            let lowered = try await recover(lowers: true, "the counter was typed in wrongly and never used")
            #expect(lowered?.state == .lowered && lowered?.newCounter == Int64(counter) + 1)
            // A clerk may not.
            let clerk = Actor(loginID: 5, role: .operator, scope: Self.scope)
            await #expect(throws: Refusal.self) {
                _ = try await site.perform(
                    RecoverCounter(meterID: 1001, lowers: false, why: "mine"), as: clerk, source: "test")
            }
            let trail = try await site.money.read { transaction in
                try transaction.query("SELECT content FROM audit WHERE command = 'meters.apply-counter'", []) {
                    try $0.text(0)
                }
            }
            #expect(trail.count == 3)
        }
    }
}
