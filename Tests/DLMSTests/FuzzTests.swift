// Hostile bytes through every decoder and both machines: whatever comes, an answer or an error, never a trap.
import DLMS
import Foundation
import Testing

private let seedTexts: [String] = [
    "601DA109060760857405080101BE10040E01000000065F1F0400401E5DFFFF",
    "605DA109060760857405080103A60A04084D444D30303030318A0207808B0760857405080202AC1280101050BC9B9B345EF8"
        + "722B4D27FA4E2B0ABE230421211F30000003E8A370CAACAB5301E27D0FBB0F6F60C47095795777947E2A681AE4",
    "6156A109060760857405080101A203020100A305A10302010EA40A0408424252000000000188020780890760857405080205"
        + "AA128010376307170F260F2F6F0E73607346112EBE10040E0800065F1F0400401E5D02000007",
    "6311800100BE0F040E0800065F1F040000101402000007", "6203800100",
    "01011000112233445566778899AABBCCDDEEFF0000065F1F0400007E1F04B0",
    "C001C100070100630100FF0201010204020412000809060000010000FF0F02120000090C07EA0B13FF00000000000000090C"
        + "07EA0B14FF000000000000000100",
    "C003C10300030100010800FF0200000301000B0700FF02000000010000600100FF0200", "C002C100000001",
    "C402C10000000001008201F401610207", "C403C104000620153D530002020FFF161E010300090C07EA0809070D050100FEB600",
    "C401C10001020203090C07EA0501FF00000000FEB60006000001D00600000FA80203090C07EA0501FF01000000FEB6000600"
        + "000E1B06000003A6",
    "C104C102000100005E6018FF0200000100005E6019FF02000205FFFFFB1E090C07EA011F06173B3B00FEB600",
    "C102C100010000600D00FF0200000000000104010203", "C505C1020000", "C301C10046000060030AFF01010F00",
    "C701C10001000600000005", "D802060CEFF09A",
    "0FC00000010C07EA0B15FF09000000FEB6000203090942425230303030303809060004190900FF0404A0",
    "DB084D444D0368E65A111E3031AC8DF84F6E47CAB3C643770E75438073179BE7A6930D3A49D4B1FC36", "0E010601",
    "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B",
    "1302030906104C0C07EA0301FF00000000FEB600000003E800000C07EA0301FF01000000FEB600000003EFFFFB",
    "000100300001000DC001C100080000010000FF02000001003000010007C002C100000009",
]
private let seeds = seedTexts.map { hex($0) }

private func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...6, using: &random) {
        let at = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0 where !bytes.isEmpty: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1 where !bytes.isEmpty: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 2 where !bytes.isEmpty: bytes.removeSubrange(at...)
        case 3 where !bytes.isEmpty: bytes.remove(at: at)
        case 4 where !bytes.isEmpty:
            bytes[at] = [0x00, 0x7F, 0x80, 0x81, 0x84, 0xFF, 0x13, 0x01, 0x02].randomElement(using: &random) ?? 0
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        }
    }
    return bytes
}

/// Every message of the vector file besides, when it is at hand.
private let allSeeds: [[UInt8]] = {
    func texts(_ json: JSON) -> [[UInt8]] {
        switch json {
        case .text(let text):
            let isHex = text.count >= 4 && text.count % 2 == 0 && text.allSatisfy(\.isHexDigit)
            return isHex ? [hex(text)] : []
        case .list(let list): return list.flatMap(texts)
        case .object(let members): return members.sorted { $0.key < $1.key }.flatMap { texts($0.value) }
        default: return []
        }
    }
    let vectors = (try? vectorsAtHand()) ?? []
    return seeds + vectors.flatMap { texts($0.bytes) }
}()

/// A short run in the normal tests, a million inputs with BUSBAR_LONG=1.
let fuzzRounds = ProcessInfo.processInfo.environment["BUSBAR_LONG"] == "1" ? 1_000_000 : 10_000

/// The most memory this process has had, in MiB; nil where /proc does not tell.
func peakMemoryMiB() -> Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
    else { return nil }
    return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }.map { $0 / 1024 }
}

private struct EchoObjects: COSEMObjects {
    mutating func read(_ access: AttributeAccess, client: UInt16) -> AccessResult {
        .success(.octetString([UInt8](repeating: 7, count: Int(access.reference.classID) % 900)))
    }
    mutating func write(_ access: AttributeAccess, _ value: DLMSData, client: UInt16) -> DataAccessResult { .success }
    mutating func act(
        _ method: MethodReference, _ parameter: DLMSData?, client: UInt16
    ) -> Result<DLMSData?, DataAccessResult> { .success(parameter) }
}

@Suite struct FuzzTests {
    @Test func decodersNeverTrap() throws {
        var random = SeededGenerator(seed: 20_261_121)
        var accepted = 0
        var slowest = Duration.zero
        let memoryBefore = peakMemoryMiB()
        let clock = ContinuousClock()
        for round in 0..<fuzzRounds {
            let bytes = mutated(allSeeds[round % allSeeds.count], &random)
            let took = clock.measure { if decode(bytes) { accepted += 1 } }
            slowest = max(slowest, took)
        }
        #expect(accepted > fuzzRounds / 40, "mutations mostly refused at the first octet test nothing: \(accepted)")
        #expect(slowest < .seconds(30), "one input took \(slowest)")
        if let memoryBefore, let after = peakMemoryMiB() {
            #expect(after - memoryBefore < 600, "memory grew by \(after - memoryBefore) MiB")
        }
    }

    /// Every decoder, one after the other. True when the octets were an APDU.
    private func decode(_ bytes: [UInt8]) -> Bool {
        let apdu = try? APDU(bytes: bytes)
        if let apdu {
            // What was read can be written and read again to the same thing.
            let again = try? APDU(bytes: apdu.bytes)
            #expect(again == apdu, "\(hex(bytes))")
            if case .ciphered(let sealed) = apdu {
                let keys = SecurityKeys(encryption: Array(1...16), authentication: Array(1...16))
                _ = try? sealed.open(title: Array(1...8), keys: keys)
            }
        }
        if let data = try? DLMSData(axdr: bytes) {
            #expect((try? DLMSData(axdr: data.axdr)) == data, "\(hex(bytes))")
            _ = try? data.dateTime?.instantS()
            _ = CaptureObject(data)
            _ = Selector(selector: 1, parameters: data)
            _ = Selector(selector: 2, parameters: data)
            _ = try? KeyTransfer.keys(in: data, masterKey: Array(1...16))
            var receiver = ImageReceiver(maxImageBytes: 1 << 16)
            for method in Int8(0)...5 { _ = receiver.act(method, data) { _ in true } }
        }
        if bytes.count >= 12 { _ = try? COSEMDateTime(bytes: bytes.prefix(12))?.instantS() }
        var decoder = WrapperDecoder(maxAPDUBytes: 4096)
        decoder.append(bytes)
        while let frame = try? decoder.next() { #expect(!frame.apdu.isEmpty) }
        var frames = HDLCDecoder()
        frames.append(bytes)
        while let frame = frames.next() { #expect((try? frame.encoded())?.isEmpty == false) }
        if let frame = try? HDLCFrame(unflagged: bytes), let again = try? frame.encoded() {
            #expect((try? HDLCFrame(unflagged: Array(again.dropFirst().dropLast()))) == frame)
        }
        _ = try? HDLCParameters(bytes: bytes)
        _ = OBIS(String(decoding: bytes, as: UTF8.self))
        _ = try? HLS.proves(bytes, Array(1...16), secret: [1])
        _ = try? HLS.proves(Array(1...16), bytes, secret: [1])
        var port = OpticalOpening()
        _ = port?.start()
        _ = try? port?.receive(bytes)
        return apdu != nil
    }

    /// HDLC frames with right check sequences around wrong contents, and block transfers out of order.
    @Test func linksNeverTrap() throws {
        var random = SeededGenerator(seed: 77)
        let meter = try #require(HDLCAddress(upper: 1, lower: 17))
        let reader = try #require(HDLCAddress.client(16))
        var connected = 0
        for round in 0..<(fuzzRounds / 60) {
            var client = HDLCClient(address: reader, server: meter)
            var server = HDLCServer(address: meter, maxAPDUBytes: 2000)
            var toServer = try client.connect()
            for step in 0..<12 {
                if step > 0, Int.random(in: 0..<3, using: &random) == 0 {
                    let control = HDLCControl(octet: UInt8.random(in: 0...255, using: &random))
                    let frame = HDLCFrame(
                        destination: meter, source: reader, control: control ?? .disconnect(poll: true),
                        isSegmented: Bool.random(using: &random), information: allSeeds[round % allSeeds.count])
                    toServer = (try? frame.encoded()) ?? []
                }
                if Int.random(in: 0..<8, using: &random) == 0 { toServer = mutated(toServer, &random) }
                var toClient: [UInt8] = []
                for event in (try? server.receive(toServer)) ?? [] {
                    if case .send(let octets) = event { toClient += octets }
                    if case .connected = event { connected += 1 }
                    if case .received = event { toClient += (try? server.send([1, 2, 3])) ?? [] }
                }
                if Int.random(in: 0..<8, using: &random) == 0 {
                    let control = HDLCControl(octet: UInt8.random(in: 0...255, using: &random))
                    let frame = HDLCFrame(
                        destination: reader, source: meter, control: control ?? .disconnect(poll: true),
                        isSegmented: Bool.random(using: &random), information: [0xE6, 0xE7, 0, 1])
                    toClient += (try? frame.encoded()) ?? []
                }
                toServer = []
                for event in (try? client.receive(toClient)) ?? [] {
                    if case .send(let octets) = event { toServer += octets }
                    if case .notReady = event { toServer += (try? client.poll()) ?? [] }
                }
                if toServer.isEmpty { toServer = (try? client.send(Array(repeating: 5, count: 300))) ?? [] }
                if toServer.isEmpty { toServer = (try? client.timedOut()) ?? [] }
            }
        }
        #expect(connected >= fuzzRounds / 80)
    }

    @Test func blockTransfersNeverTrap() {
        var random = SeededGenerator(seed: 78)
        for _ in 0..<(fuzzRounds / 20) {
            var end = BlockTransfer(isClient: Bool.random(using: &random), maxPDU: 64, maxBytes: 2000)
            if Bool.random(using: &random) { _ = try? end.send([UInt8](repeating: 1, count: 500)) }
            for _ in 0..<20 {
                let block = GeneralBlock(
                    isLast: Int.random(in: 0..<8, using: &random) == 0, isStreaming: Bool.random(using: &random),
                    window: UInt8.random(in: 0...63, using: &random),
                    number: UInt16.random(in: 0...8, using: &random),
                    acknowledged: UInt16.random(in: 0...8, using: &random),
                    bytes: [UInt8](repeating: 3, count: Int.random(in: 0...200, using: &random)))
                if let step = try? end.receive(block) { for octets in step.send { #expect(octets.count <= 64) } }
                if Int.random(in: 0..<9, using: &random) == 0 { _ = try? end.timedOut() }
            }
        }
    }

    @Test(arguments: [UInt16(16), 18, 48], [Conformance.spoken, .complete])
    func machinesNeverTrap(_ address: UInt16, _ conformance: Conformance) throws {
        var random = SeededGenerator(seed: UInt64(address))
        let keys = SecurityKeys(encryption: Array(1...16), authentication: Array(2...17))
        let ciphered = address == 48
        let mechanism: AuthenticationMechanism = address == 16 ? .none : .high
        let way = ServerAssociation(
            mechanism: mechanism, secret: [1, 2, 3], keys: ciphered ? keys : nil, ciphered: ciphered,
            conformance: .complete)
        var server = DLMSServer(ServerConfiguration(systemTitle: Array(1...8), associations: [address: way]))
        var objects = EchoObjects()
        let configuration = ClientConfiguration(
            mechanism: mechanism, secret: [1, 2, 3], keys: ciphered ? keys : nil,
            systemTitle: ciphered ? Array(2...9) : [], challenge: Array(1...16), conformance: conformance)
        let register = AttributeReference(800, OBIS(1, 2, 3, 4, 5))
        for round in 0..<(fuzzRounds / 15) {
            server.connectionOpened(seed: [UInt8](repeating: UInt8(round % 256), count: 16))
            var client = DLMSClient(configuration)
            // A good start of random length, then bad octets on both sides.
            var request = try client.associate()
            for step in 0..<Int.random(in: 0...5, using: &random) {
                guard let answer = server.receive(request, from: address, objects: &objects),
                    let event = try? client.receive(answer)
                else { break }
                if case .send(let next) = event {
                    request = next
                } else if step > 0 || client.isAssociated {
                    let long = DLMSData.octetString([UInt8](repeating: 1, count: 900))
                    let next =
                        switch Int.random(in: 0..<4, using: &random) {
                        case 0: try? client.get(register)
                        case 1: try? client.set(register, long)
                        case 2: try? client.act(MethodReference(9, register.obis, 1), long)
                        default: try? client.getList([AttributeAccess(register), AttributeAccess(register)])
                        }
                    guard let next else { break }
                    request = next
                }
            }
            _ = server.receive(mutated(request, &random), from: address, objects: &objects)
            let seed = allSeeds[Int.random(in: 0..<allSeeds.count, using: &random)]
            let answer = server.receive(mutated(seed, &random), from: address, objects: &objects)
            if let answer { _ = try APDU(bytes: answer) }
            _ = try? client.receive(mutated(answer ?? seed, &random))
            _ = try? client.receive(mutated(seed, &random))
            var recovery = CounterRecovery(counter: register)
            _ = try recovery.start()
            _ = try? recovery.receive(mutated(answer ?? seed, &random))
        }
        #expect(server.nextCounter > 0 || !ciphered)
    }

    @Test func imageTransfersNeverTrap() {
        var random = SeededGenerator(seed: 79)
        let values: [DLMSData] = [
            .null, .boolean(true), .boolean(false), .doubleLongUnsigned(0), .doubleLongUnsigned(3),
            .doubleLongUnsigned(.max), .long64(-1), .bitString([], count: 0), .bitString([0xFF], count: 8),
            .bitString([0xA0], count: 3), .array([]), .enumeration(1), .enumeration(3), .enumeration(6),
        ]
        for _ in 0..<(fuzzRounds / 15) {
            var transfer = ImageTransfer(
                identifier: [1], image: Array(1...10), mayResume: Bool.random(using: &random), activates: true,
                maxPolls: 5)
            for _ in 0..<60 {
                if Int.random(in: 0..<10, using: &random) == 0 {
                    transfer.failed(DataAccessResult(rawValue: UInt8.random(in: 0...20, using: &random)))
                } else {
                    transfer.received(values.randomElement(using: &random))
                }
                _ = transfer.next
            }
        }
    }
}
