// Services that need more than one APDU or more than one form of protection: lists, long SET and ACTION, ACCESS,
// general blocks, dedicated keys, several forms in one association, pushes amid a request.
import DLMS
import Testing

private let script = MethodReference(9, OBIS(0, 0, 10, 0, 0), 1)
private let relay = OBIS(0, 0, 96, 3, 10)
private let absent = AttributeReference(3, OBIS(9, 9, 9, 9, 9))
private let long = DLMSData.octetString((0..<3000).map { UInt8(truncatingIfNeeded: $0 * 7) })

/// Plain, ciphered, and ciphered with the service's own blocks only or with general blocks.
private let conformances: [Conformance] = [.spoken, .complete, Conformance.complete.subtracting(.generalProtection)]

@Suite struct ServiceTests {
    @Test(arguments: [0, 2, 5, 7], conformances)
    func longWritesAndCalls(_ way: Int, _ conformance: Conformance) throws {
        var bench = Bench(Way.all[way], conformance: conformance)
        #expect(try bench.associate() == .associated)
        #expect(try bench.exchange(try bench.client.set(register, long)) == .done(nil))
        #expect(bench.objects.values[register] == long)
        // The method gives its parameter back: long both ways.
        #expect(try bench.exchange(try bench.client.act(script, long)) == .done(long))
        #expect(try bench.exchange(try bench.client.act(script, .null)) == .done(.null))
        let missing = MethodReference(3, OBIS(1, 1, 1, 1, 1), 1)
        #expect(try bench.exchange(try bench.client.act(missing, long)) == .failed(.objectUndefined))
        #expect(try bench.exchange(try bench.client.set(absent, long)) == .failed(.objectUndefined))
        #expect(bench.wire.allSatisfy { $0.count <= 512 }, "no APDU above the agreed size")
        #expect(try bench.exchange(try bench.client.get(register)) == .value(long))
        #expect(try bench.exchange(try bench.client.release()) == .released)
    }

    @Test(arguments: [0, 5], conformances)
    func lists(_ way: Int, _ conformance: Conformance) throws {
        var bench = Bench(Way.all[way], conformance: conformance)
        #expect(try bench.associate() == .associated)
        for value in [DLMSData.unsigned(4), long] {
            let writes = [(AttributeAccess(register), value), (AttributeAccess(absent), value)]
            #expect(try bench.exchange(try bench.client.setList(writes)) == .results([.success, .objectUndefined]))
            #expect(bench.objects.values[register] == value)
            let calls = [
                MethodCall(script, value), MethodCall(MethodReference(70, relay, 1), .integer(0)),
                MethodCall(MethodReference(3, relay, 1), .null),
            ]
            #expect(
                try bench.exchange(try bench.client.actList(calls))
                    == .outcomes([
                        ActionOutcome(result: .success, returned: .success(value)), ActionOutcome(result: .success),
                        ActionOutcome(result: .objectUndefined),
                    ]))
        }
        #expect(!bench.objects.relayClosed)
        #expect(bench.wire.allSatisfy { $0.count <= 512 })
        #expect(throws: DLMSError.self) { try bench.client.setList([]) }
    }

    @Test(arguments: [0, 5]) func access(_ way: Int) throws {
        var bench = Bench(Way.all[way], conformance: .complete)
        #expect(try bench.associate() == .associated)
        let items: [AccessItem] = [
            .get(AttributeAccess(register)), .get(AttributeAccess(profile, .entry(from: 2, to: 2))),
            .set(AttributeAccess(absent), .unsigned(1)), .act(script, .unsigned(9)),
            .set(AttributeAccess(register), .unsigned(8)),
        ]
        let row = try #require(bench.objects.values[profile]?.elements?[1])
        let firstFour = [
            AccessOutcome(result: .success, data: .doubleLongUnsigned(1_234_567)),
            AccessOutcome(result: .success, data: .array([row])), AccessOutcome(result: .objectUndefined),
        ]
        #expect(
            try bench.exchange(try bench.client.access(items, stopAtError: true))
                == .accessed(firstFour + Array(repeating: AccessOutcome(result: .otherReason), count: 2)))
        #expect(bench.objects.values[register] == .doubleLongUnsigned(1_234_567))
        #expect(
            try bench.exchange(try bench.client.access(items))
                == .accessed(
                    firstFour + [AccessOutcome(result: .success, data: .unsigned(9)), AccessOutcome(result: .success)]))
        #expect(bench.objects.values[register] == .unsigned(8))
        // A long answer, in general blocks.
        let all = try #require(bench.objects.values[profile])
        #expect(
            try bench.exchange(try bench.client.access([.get(AttributeAccess(profile))]))
                == .accessed([AccessOutcome(result: .success, data: all)]))
        var plain = Bench(Way.all[5], conformance: Conformance.complete.subtracting(.generalProtection))
        #expect(try plain.associate() == .associated)
        #expect(throws: DLMSError.self) { try plain.client.access(items) }
        #expect(plain.client.isAssociated)
    }

    @Test func accessAsBytes() throws {
        let item = AccessItem.get(AttributeAccess(profile, .entry(from: 1, to: 2)))
        let request = AccessRequest(longInvoke: 0x5000_0001, dateTime: COSEMDateTime(year: 2026), items: [item])
        #expect(try APDU(bytes: APDU.accessRequest(request).bytes) == .accessRequest(request))
        let response = AccessResponse(
            longInvoke: 1, specification: [item],
            entries: [AccessResponse.Entry(service: 1, outcome: AccessOutcome(result: .success, data: long))])
        #expect(try APDU(bytes: APDU.accessResponse(response).bytes) == .accessResponse(response))
        // More results than values, values without results.
        for bad in ["DA00000001000000010100", "DA0000000100000101" + "00" + "00"] {
            #expect(throws: DLMSError.self) { try APDU(bytes: hex(bad)) }
        }
    }

    @Test(arguments: [UInt8(1), 4, 63]) func generalBlocksInWindows(_ window: UInt8) throws {
        for way in [0, 5] {
            var bench = Bench(Way.all[way], conformance: .complete, blockWindow: window)
            #expect(try bench.associate() == .associated)
            let all = try #require(bench.objects.values[profile])
            #expect(try bench.exchange(try bench.client.get(profile)) == .value(all))
            #expect(bench.wire.contains { $0[0] == 0xE0 })
            #expect(!bench.wire.contains { $0[0] == 0xC4 && $0[1] == 2 })
            #expect(try bench.exchange(try bench.client.set(register, long)) == .done(nil))
            #expect(try bench.exchange(try bench.client.get(register)) == .value(long))
        }
    }

    @Test(arguments: [Conformance.spoken, Conformance.spoken.subtracting(.generalProtection), .complete])
    func dedicatedKey(_ conformance: Conformance) throws {
        var bench = Bench(Way.all[5], conformance: conformance, dedicatedKey: Array(100...115))
        #expect(try bench.associate() == .associated)
        let from = bench.wire.count
        let all = try #require(bench.objects.values[profile])
        #expect(try bench.exchange(try bench.client.get(register)) == .value(.doubleLongUnsigned(1_234_567)))
        let tags: Set<UInt8> = conformance.contains(.generalProtection) ? [0xDC] : [0xD0, 0xD4]
        #expect(Set(bench.wire[from...].map { $0[0] }) == tags)
        #expect(try bench.exchange(try bench.client.get(profile)) == .value(all))
        // The global key opens nothing of it.
        guard case .ciphered(let sealed) = try APDU(bytes: bench.wire[from]) else {
            Issue.record("not protected")
            return
        }
        #expect(throws: DLMSError.self) { try sealed.open(title: hex("4D444D3030303031"), keys: clientKeys) }
        // A second one with another key; what was made under the first is worth nothing.
        var next = Bench(Way.all[5], firstCounter: 5000, dedicatedKey: Array(1...16))
        next.server = bench.server
        #expect(try next.associate() == .associated)
        #expect(next.answer(bench.wire[from], from: 48)?.prefix(3) == [0xD8, 2, 5])
        #expect(try next.exchange(try next.client.get(register)) == .value(.doubleLongUnsigned(1_234_567)))
        #expect(throws: DLMSError.self) {
            var short = Bench(Way.all[5], dedicatedKey: [1])
            return try short.associate()
        }
    }

    @Test func formsMixedInOneAssociation() throws {
        var bench = Bench(Way.all[7], dedicatedKey: Array(100...115))
        #expect(try bench.associate() == .associated)
        let forms: [(ProtectionForm, [UInt8])] = [
            (.global, [0xC8, 0xCC]), (.generalGlobal, [0xDB, 0xDB]), (.dedicated, [0xD0, 0xD4]),
            (.generalDedicated, [0xDC, 0xDC]), (.automatic, [0xDC, 0xDC]), (.global, [0xC8, 0xCC]),
        ]
        for (form, tags) in forms {
            bench.client.form = form
            #expect(try bench.exchange(try bench.client.get(register)) == .value(.doubleLongUnsigned(1_234_567)))
            #expect(bench.wire.suffix(2).map { $0[0] } == tags)
        }
        // No counter of the client was used twice, whatever the key.
        let counters = try bench.wire.filter { [0xC8, 0xDB, 0xD0, 0xDC].contains($0[0]) }.compactMap {
            if case .ciphered(let sealed) = try APDU(bytes: $0) { sealed.counter } else { nil }
        }
        #expect(counters.count >= 6)
    }

    @Test func pushesAmidARequest() throws {
        for way in [0, 5] {
            var bench = Bench(Way.all[way])
            #expect(try bench.associate() == .associated)
            let request = try bench.client.get(register)
            let data = DataNotification(longInvoke: 1, body: .unsigned(1))
            let event = EventNotification(
                dateTime: COSEMDateTime(year: 2026), reference: register, value: .unsigned(2))
            let address = bench.address
            let first = try bench.server.notification(data, to: address)
            #expect(try bench.client.receive(first) == .pushed(.data(data)))
            let second = try bench.server.notification(event, to: address)
            #expect(try bench.client.receive(second) == .pushed(.event(event)))
            let answer = bench.answer(request, from: address) ?? []
            #expect(try bench.client.receive(answer) == .value(.doubleLongUnsigned(1_234_567)))
            let third = try bench.server.notification(data, to: address)
            #expect(try bench.client.receive(third) == .pushed(.data(data)))
            #expect(try bench.exchange(try bench.client.get(register)) == .value(.doubleLongUnsigned(1_234_567)))
        }
    }

    @Test func longRequestsThatBreak() throws {
        var bench = Bench(Way.all[0])
        #expect(try bench.associate() == .associated)
        func block(_ number: UInt32, _ octets: Int) -> [UInt8] {
            let block = DataBlock(isLast: false, number: number, bytes: [UInt8](repeating: 9, count: octets))
            return APDU.setRequest(SetRequest(invoke: 0xC1, body: .block(block))).bytes
        }
        #expect(bench.answer(block(1, 4), from: 16) == hex("C503C11200000001"))
        let head = DataBlock(isLast: false, number: 1, bytes: [9, 0x82, 0xFF, 0xFF])
        let begin = APDU.setRequest(SetRequest(invoke: 0xC1, body: .firstBlock(AttributeAccess(register), head))).bytes
        #expect(bench.answer(begin, from: 16) == hex("C502C100000001"))
        #expect(bench.answer(block(3, 4), from: 16) == hex("C503C11300000003"))
        #expect(bench.answer(begin, from: 16) == hex("C502C100000001"))
        var number: UInt32 = 2
        while let answer = bench.answer(block(number, 400), from: 16), answer[1] == 2 { number += 1 }
        #expect(number > 160 && number < 170, "a value above 64 KiB is broken off: \(number)")
        #expect(bench.objects.values[register] == .doubleLongUnsigned(1_234_567))
        // A pretended answer for a block that was not sent ends the association of the client.
        _ = try bench.client.set(register, long)
        #expect(throws: DLMSError.self) { try bench.client.receive(hex("C502C200000002")) }
        #expect(!bench.client.isAssociated)
    }
}
