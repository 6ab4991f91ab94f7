// General block transfer between two ends over a line that loses and doubles blocks.
import DLMS
import Testing

private func block(_ bytes: [UInt8]) throws -> GeneralBlock {
    guard case .generalBlock(let block) = try APDU(bytes: bytes) else { throw Mismatch(description: "no block") }
    return block
}

@Suite struct BlockTransferTests {
    /// A request (plain or in blocks) and an answer in blocks, with a share of the messages lost and doubled.
    private func exchange(
        request: [UInt8], answer: [UInt8], window: UInt8, lossPercent: Int, seed: UInt64
    ) throws -> (request: [UInt8]?, answer: [UInt8]?, messages: Int) {
        var random = SeededGenerator(seed: seed)
        var client = BlockTransfer(isClient: true, maxPDU: 60, window: window, maxWindow: Int(window))
        var server = BlockTransfer(isClient: false, maxPDU: 60, window: window, maxWindow: Int(window))
        var toServer = try client.send(request)
        var toClient: [[UInt8]] = []
        var gotRequest: [UInt8]?
        var gotAnswer: [UInt8]?
        var messages = 0
        for _ in 0..<10_000 where gotAnswer == nil {
            if toServer.isEmpty, toClient.isEmpty { toServer = try client.timedOut() }
            var arriving: [[UInt8]] = []
            for item in toServer {
                messages += 1
                if Int.random(in: 0..<100, using: &random) < lossPercent { continue }
                arriving.append(item)
                if Int.random(in: 0..<100, using: &random) < lossPercent { arriving.append(item) }
            }
            toServer = []
            for item in arriving {
                let step = try server.receive(try block(item))
                toClient += step.send
                if let message = step.message {
                    #expect(gotRequest == nil, "a request is given once")
                    gotRequest = message
                    toClient += try server.send(answer)
                }
            }
            arriving = []
            for item in toClient {
                messages += 1
                if Int.random(in: 0..<100, using: &random) < lossPercent { continue }
                arriving.append(item)
                if Int.random(in: 0..<100, using: &random) < lossPercent { arriving.append(item) }
            }
            toClient = []
            for item in arriving {
                let step = try client.receive(try block(item))
                toServer += step.send
                if let message = step.message { gotAnswer = message }
            }
        }
        return (gotRequest, gotAnswer, messages)
    }

    @Test(arguments: [UInt8(1), 3, 63], [0, 20]) func bothWays(_ window: UInt8, _ lossPercent: Int) throws {
        let request = (0..<700).map { UInt8(truncatingIfNeeded: $0) }
        let answer = (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 3) }
        for seed in UInt64(0)..<(lossPercent == 0 ? 1 : 20) {
            let got = try exchange(
                request: request, answer: answer, window: window, lossPercent: lossPercent, seed: seed)
            #expect(got.request == request && got.answer == answer, "window \(window), seed \(seed)")
            if lossPercent == 0, window == 63 {
                #expect(got.messages < 80, "a window saves acknowledgements: \(got.messages)")
            }
        }
    }

    @Test func bytesOfABlock() throws {
        let last = GeneralBlock(
            isLast: true, isStreaming: false, window: 5, number: 0x0102, acknowledged: 0x0304, bytes: [7])
        #expect(hex(APDU.generalBlock(last).bytes) == "E085010203040107")
        #expect(try block(hex("E045000100020100")).isStreaming)
        #expect(throws: DLMSError.self) { try APDU(bytes: hex("E085010203")) }
    }

    @Test func neverAsksForEver() throws {
        var client = BlockTransfer(isClient: true, maxPDU: 60)
        _ = try client.send([UInt8](repeating: 1, count: 200))
        // An end that never acknowledges.
        let silent = GeneralBlock(isLast: false, isStreaming: false, window: 1, number: 9, acknowledged: 0, bytes: [])
        var count = 0
        #expect(throws: DLMSError.self) {
            while count < 100 {
                _ = try client.receive(silent)
                count += 1
            }
        }
        #expect(count < 60)
        var other = BlockTransfer(isClient: true, maxPDU: 60, maxBytes: 100)
        #expect(throws: DLMSError.self) {
            for number in UInt16(1)...10 {
                _ = try other.receive(
                    GeneralBlock(
                        isLast: false, isStreaming: true, window: 1, number: number, acknowledged: 0,
                        bytes: [UInt8](repeating: 0, count: 40)))
            }
        }
        // Blocks that we never sent cannot be acknowledged.
        let forged = GeneralBlock(isLast: false, isStreaming: false, window: 1, number: 1, acknowledged: 50, bytes: [1])
        #expect(throws: DLMSError.self) { try client.receive(forged) }
    }

    @Test(arguments: [0, 5]) func lostBlocksBetweenClientAndMeter(_ way: Int) throws {
        var random = SeededGenerator(seed: 4)
        var bench = Bench(Way.all[way], conformance: .complete, blockWindow: 4)
        #expect(try bench.associate() == .associated)
        let all = try #require(bench.objects.values[profile])
        var request: [UInt8]? = try bench.client.get(profile)
        var isFirst = true
        var event: ClientEvent?
        for _ in 0..<1000 where event == nil {
            let octets: [UInt8]
            if let request { octets = request } else { octets = try bench.client.timedOut() }
            request = nil
            // The request itself arrives: only blocks may be repeated.
            if !isFirst, Int.random(in: 0..<5, using: &random) == 0 { continue }
            let answers = bench.server.receive(octets, from: bench.address, objects: &bench.objects, maxWindow: 4)
            for (index, answer) in answers.enumerated() {
                if !(isFirst && index == 0), Int.random(in: 0..<5, using: &random) == 0 { continue }
                switch try bench.client.receive(answer) {
                case .send(let next): request = next
                case .wait: continue
                case let other: event = other
                }
            }
            isFirst = false
        }
        #expect(event == .value(all))
        #expect(try bench.exchange(try bench.client.get(register)) == .value(.doubleLongUnsigned(1_234_567)))
    }

    @Test func onlyWhenGranted() throws {
        var bench = Bench(Way.all[0])
        #expect(try bench.associate() == .associated)
        let first = GeneralBlock(isLast: true, isStreaming: false, window: 1, number: 1, acknowledged: 0, bytes: [1])
        let octets = APDU.generalBlock(first).bytes
        #expect(bench.answer(octets, from: 16) == hex("D80202"))
        _ = try bench.client.get(register)
        #expect(throws: DLMSError.self) { try bench.client.receive(octets) }
    }
}
