// What becomes of a push: taken once under the meter's own keys, or kept aside with the reason; nothing in between.
import Access
import CivilTime
import Clocks
import Composition
import DLMS
import HeadEnd
import IS15959
import MeterFleet
import MeterPort
import Meters
import Outbox
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct ReceiverTests {
    static let startS = PushFixture.startS

    private func site(_ engine: TestEngine, _ body: (TestSite) async throws -> Void) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations, body)
    }

    @Test(arguments: TestEngine.available)
    func aLastGaspAndAFirstBreathAreEventsAtTheMetersTime(_ engine: TestEngine) async throws {
        try await site(engine) { stores in
            let fixture = try await PushFixture.make(stores, meters: 2)
            let frames = [
                try fixture.pushers[0].lastGasp(atS: Self.startS - 40),
                try fixture.pushers[1].alert([81], atS: Self.startS - 30, isConfirmed: true),
                try fixture.pushers[0].firstBreath(atS: Self.startS - 20),
            ]
            let taken = try await fixture.take(frames)
            #expect(taken.events == 3 && taken.aside.isEmpty)
            let events = try await fixture.events()
            #expect(events.map(\.code) == [102, 201, 101])
            #expect(events.map(\.meterID) == [1001, 1002, 1001])
            #expect(events.map(\.atMs) == [-20, -30, -40].map { (Self.startS + $0) * 1000 })
            #expect(events.allSatisfy { $0.pushedAtMs == PushFixture.startMs && $0.readAtMs == nil })
            #expect(events.map(\.kind) == [.firstBreath, .tamper, .lastGasp])
            #expect(try await fixture.outboxCount() == 3)
            // Two of them are alarms, and came within the target.
            let day = try await fixture.site.money.read { transaction in
                try ServiceDays.of(
                    from: CivilDay(number: 0), to: CivilDay(number: 40_000), Scope(orgID: 1), in: transaction)
            }
            #expect(day.filter { $0.clock == .alarm }.map { [$0.total, $0.inTime] } == [[2, 2]])
            // The confirmation is sealed for the meter, under a counter of its own.
            let answer = try #require(taken.answers[1])
            #expect(taken.answers.count == 1)
            guard case .ciphered(let sealed) = try APDU(bytes: answer) else {
                Issue.record("the answer is not sealed")
                return
            }
            let secrets = fixture.meters[1].configuration.secrets
            let plain = try sealed.open(
                title: Array("BUSBAR01".utf8),
                keys: SecurityKeys(encryption: secrets.encryptionKey, authentication: secrets.authenticationKey))
            #expect(plain == [0x10, 0x40, 0, 0, 1, 0])
        }
    }

    @Test(arguments: TestEngine.available)
    func aReplayedPushChangesNothing(_ engine: TestEngine) async throws {
        try await site(engine) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1)
            let frame = try fixture.pushers[0].alert([83], atS: Self.startS, isConfirmed: true)
            #expect(try await fixture.take([frame]).events == 1)
            for remote in ["10.0.0.9", "203.0.113.5"] {
                let again = try await fixture.take([frame, frame], from: remote)
                #expect(again.events == 0 && again.aside == [.replayed: 2] && again.answers.isEmpty)
            }
            let aside = try await fixture.aside()
            #expect(Set(aside.map(\.reason)) == [.replayed] && aside.map(\.times).sorted() == [2, 2])
            #expect(try await fixture.events().count == 1)
            // A receiver that was started anew remembers.
            let other = PushReceiver(site: fixture.site, vault: fixture.vault) { [PushFixture.org] }
            #expect(try await other.take([PushFixture.frame(frame)]).aside == [.replayed: 1])
            // Pushes that overtook each other are all taken, each once.
            let three = try (1...3).map { try fixture.pushers[0].alert(code: 201, atS: Self.startS + Int64($0)) }
            #expect(try await fixture.take([three[2], three[0], three[1], three[0]]).events == 3)
        }
    }

    @Test(arguments: TestEngine.available)
    func wrongKeysUnknownTitlesAndPlainPushesAreKeptAside(_ engine: TestEngine) async throws {
        try await site(engine) { stores in
            let fixture = try await PushFixture.make(stores, meters: 2)
            // The first meter with the keys of another: right title, wrong key.
            var configuration = fixture.meters[0].configuration
            configuration.secrets = PushFixture.secrets(77)
            let forged = MeterPusher(
                try VirtualMeter(configuration, clocks: fixture.site.clocks, stateFolder: stores.folder + "/fleet"))
            configuration.serial = "STRANGER"
            let stranger = MeterPusher(
                try VirtualMeter(configuration, clocks: fixture.site.clocks, stateFolder: stores.folder + "/fleet"))
            let taken = try await fixture.take([
                try forged.alert([85]), try stranger.alert([85]), try stranger.alert([85], .plain),
                try fixture.pushers[1].alert([85], .plain),
            ])
            #expect(taken.events == 0)
            #expect(taken.aside == [.wrongKey: 1, .unknownSender: 2, .unsecured: 1])
            let aside = try await fixture.aside()
            #expect(aside.count == 4)
            #expect(aside.first { $0.reason == .wrongKey }?.meterID == 1001)
            #expect(aside.first { $0.reason == .unsecured }?.meterID == 1002)
            #expect(try await fixture.events().isEmpty)
            #expect(try await fixture.outboxCount() == 0)
            // The forgery did not use up the counters of the meter.
            #expect(try await fixture.take([try fixture.pushers[0].alert([85])]).events == 1)
        }
    }

    @Test(arguments: TestEngine.available)
    func meterWithoutKeysIsTakenOnlyAsTheCompanyAllows(_ engine: TestEngine) async throws {
        try await site(engine) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1, bare: [0])
            func push(_ second: Int64) throws -> [UInt8] {
                try fixture.pushers[0].alert([85], atS: Self.startS + second * 100, .plain)
            }
            let first = try await fixture.take([try push(1)])
            #expect(first.events == 1)
            let elsewhere = try await fixture.take([try push(2)], from: "203.0.113.5")
            #expect(elsewhere.aside == [.otherAddress: 1])
            for (word, expected) in [("any", 1), ("none", 0)] {
                try await fixture.site.money.write { [scope = fixture.scope] in
                    try Setting.set(
                        UnsecuredPushes.setting.name, word, from: CivilDay(number: 0), scope, in: $0)
                }
                let taken = try await fixture.take([try push(expected == 1 ? 3 : 4)], from: "203.0.113.5")
                #expect(taken.events == expected, "\(word)")
            }
        }
    }

    @Test func anUnknownTitleIsLearnedByTheKeysOfTheMeterAtThatAddress() async throws {
        try await site(.sqlite) { stores in
            let fixture = try await PushFixture.make(stores, meters: 20, knowsTitles: false)
            let frame = try fixture.pushers[19].alert([85])
            #expect(try await fixture.take([frame], from: "203.0.113.5").aside == [.unknownSender: 1])
            #expect(try await fixture.take([frame]).events == 1)
            // From then on from anywhere.
            let later = try fixture.pushers[19].alert([82], atS: Self.startS + 500)
            #expect(try await fixture.take([later], from: "203.0.113.5").events == 1)
            let titles = try await fixture.site.money.read { [scope = fixture.scope] in
                try MeterTitles.of(PushFixture.meterID(19), scope, in: $0)
            }
            #expect(titles == [Secret.hex(fixture.meters[19].systemTitle)])
        }
    }

    @Test(arguments: TestEngine.available)
    func theSameEventPushedAndReadIsOne(_ engine: TestEngine) async throws {
        try await site(engine) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1)
            let (site, scope) = (fixture.site, fixture.scope)
            _ = try await fixture.take([
                try fixture.pushers[0].lastGasp(atS: Self.startS + 3),
                try fixture.pushers[0].lastGasp(atS: Self.startS + 5),
            ])
            func read(_ entries: [(Int64, Int)]) async throws {
                try await site.money.write { transaction in
                    try EventStream.record(
                        read: entries.map { MeterEventEntry(atS: $0.0, code: $0.1) }, meterID: 1001,
                        readAtMs: PushFixture.startMs + 60_000, ids: site.ids, scope, in: transaction)
                }
            }
            let log: [(Int64, Int)] = [(Self.startS, 101), (Self.startS + 90, 102), (Self.startS + 3_000, 101)]
            for _ in 0..<3 { try await read(log) }
            let events = try await fixture.events()
            #expect(events.map(\.code) == [101, 102, 101])
            #expect(events.map { $0.pushedAtMs != nil } == [false, false, true])
            #expect(events.allSatisfy { $0.readAtMs != nil })
            // The push that arrives after the log was read is the same, too.
            let late = try await fixture.take([try fixture.pushers[0].firstBreath(atS: Self.startS + 95)])
            #expect(late.events == 0 && late.aside.isEmpty)
            #expect(try await fixture.events().map { $0.pushedAtMs != nil } == [false, true, true])
            // The breath came with a time of its own, so outages hear of it once more.
            #expect(try await fixture.outboxCount() == 4)
        }
    }

    @Test func statusWordsOutOfOrderGiveEachEventOnceAtItsTime() async throws {
        try await site(.sqlite) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1)
            let pusher = fixture.pushers[0]
            // Magnet from 10 to 40, cover from 20 on; the word of 20 comes last.
            let words: [(Int64, Set<Int>)] = [(10, [81]), (30, [81, 83]), (40, [83]), (20, [81, 83])]
            for (second, bits) in words {
                _ = try await fixture.take([try pusher.alert(bits, atS: Self.startS + second)])
            }
            let events = try await fixture.events()
            #expect(events.map(\.code) == [202, 251, 201])
            #expect(events.map { $0.atMs / 1000 - Self.startS } == [40, 20, 10])
        }
    }

    @Test func aWrongClockDoesNotStandAtTheHeadOfTheStream() async throws {
        try await site(.sqlite) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1)
            let far = Self.startS + 90 * 365 * 86_400
            _ = try await fixture.take([
                try fixture.pushers[0].alert(code: 251, atS: far), try fixture.pushers[0].alert(code: 251, atS: far),
            ])
            let events = try await fixture.events()
            #expect(events.count == 1 && events[0].atMs == PushFixture.startMs && events[0].isClockWrong)
            #expect(events[0].meterAtMs == far * 1000)
        }
    }

    @Test func aPushedRelayMovementIsKnownAtOnceAndOnlyForward() async throws {
        try await site(.sqlite) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1)
            let (site, scope) = (fixture.site, fixture.scope)
            _ = try await fixture.take([
                try fixture.pushers[0].alert(code: 302, atS: Self.startS - 5),
                try fixture.pushers[0].alert(code: 301, atS: Self.startS - 9),
            ])
            try await site.money.write { transaction in
                for event in try Outbox.pending(limit: 10, in: transaction) {
                    try EventStream.deliver(event, ids: site.ids, in: transaction)
                }
            }
            let relay = try await site.money.read { try RelayRecord.find(1001, scope, in: $0) }
            #expect(relay?.actual == "closed" && relay?.actualAtMs == (Self.startS - 5) * 1000)
        }
    }

    @Test func theAsideListIsBounded() async throws {
        try await site(.sqlite) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1)
            var numbers = SeededNumbers(1)
            for _ in 0..<3 {
                let frames = (0..<500).map { _ in
                    let name = "X\(numbers.next() % 1_000_000_000)"
                    let push = DataNotification(
                        longInvoke: 1, body: PushMessage.alert(deviceID: name, word: EventStatusWord([85])))
                    return PushedFrame(remote: "10.9.9.9", apdu: APDU.dataNotification(push).bytes)
                }
                _ = try await fixture.receiver.take(frames)
            }
            #expect(try await fixture.aside().count == AsidePush.limit)
        }
    }

    /// Garbage and damaged pushes: no crash, nothing taken, nothing lost of what is good among them.
    @Test func seededGarbageChangesNothing() async throws {
        try await site(.sqlite) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1)
            var numbers = SeededNumbers(42)
            let good = try fixture.pushers[0].alert([85], atS: Self.startS)
            let plain = try fixture.pushers[0].alert([85], atS: Self.startS, .plain)
            var wanted = 0
            for round in 0..<40 {
                var frames = (0..<50).map { _ in
                    let size = Int(numbers.next() % 200) + 1
                    var apdu = (0..<size).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
                    apdu[0] = [0x0F, 0xC2, 0xDB, 0xCA, 0x61, apdu[0]][Int(numbers.next() % 6)]
                    return PushedFrame(remote: "10.0.0.9", apdu: apdu)
                }
                for source in [good, plain] {
                    for _ in 0..<25 {
                        var apdu = Array(source.dropFirst(8))
                        let at = Int(numbers.next() % UInt64(apdu.count))
                        apdu[at] ^= UInt8(1 << (numbers.next() % 8))
                        if numbers.next() % 3 == 0 { apdu = Array(apdu.prefix(at)) }
                        if !apdu.isEmpty { frames.append(PushedFrame(remote: "10.0.0.9", apdu: apdu)) }
                    }
                }
                let signal = try fixture.pushers[0].alert(code: 251, atS: Self.startS + Int64(round) * 60)
                frames.append(PushFixture.frame(signal))
                wanted += 1
                _ = try await fixture.receiver.take(frames)
            }
            let events = try await fixture.events()
            #expect(events.count == wanted && events.allSatisfy { $0.code == 251 })
        }
    }
}
