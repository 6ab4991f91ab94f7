// Hostile bytes through every decoder and both machines: whatever comes, an answer or an error, never a trap.
import DLMS
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

@Suite struct FuzzTests {
    @Test func decodersNeverTrap() {
        var random = SeededGenerator(seed: 20_261_121)
        var accepted = 0
        for round in 0..<20_000 {
            let bytes = mutated(seeds[round % seeds.count], &random)
            if let apdu = try? APDU(bytes: bytes) {
                accepted += 1
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
            }
            if bytes.count >= 12 { _ = try? COSEMDateTime(bytes: bytes.prefix(12))?.instantS() }
            var decoder = WrapperDecoder(maxAPDUBytes: 4096)
            decoder.append(bytes)
            while let frame = try? decoder.next() { #expect(!frame.apdu.isEmpty) }
        }
        #expect(accepted > 500, "mutations that are mostly refused at the first octet test nothing: \(accepted)")
    }

    @Test(arguments: [UInt16(16), 18, 48]) func machinesNeverTrap(_ address: UInt16) throws {
        var random = SeededGenerator(seed: UInt64(address))
        let keys = SecurityKeys(encryption: Array(1...16), authentication: Array(2...17))
        let ciphered = address == 48
        let mechanism: AuthenticationMechanism = address == 16 ? .none : .high
        let way = ServerAssociation(
            mechanism: mechanism, secret: [1, 2, 3], keys: ciphered ? keys : nil, ciphered: ciphered)
        var server = DLMSServer(ServerConfiguration(systemTitle: Array(1...8), associations: [address: way]))
        var objects = EmptyObjects()
        let configuration = ClientConfiguration(
            mechanism: mechanism, secret: [1, 2, 3], keys: ciphered ? keys : nil,
            systemTitle: ciphered ? Array(2...9) : [],
            challenge: Array(1...16))
        for round in 0..<1500 {
            server.connectionOpened(seed: [UInt8](repeating: UInt8(round % 256), count: 16))
            var client = DLMSClient(configuration)
            // A good start of random length, then bad octets on both sides.
            var request = try client.associate()
            for step in 0..<Int.random(in: 0...3, using: &random) {
                guard let answer = server.receive(request, from: address, objects: &objects),
                    let event = try? client.receive(answer)
                else { break }
                if case .send(let next) = event {
                    request = next
                } else if step > 0 || client.isAssociated {
                    guard let next = try? client.get(AttributeReference(1, OBIS(1, 2, 3, 4, 5))) else { break }
                    request = next
                }
            }
            _ = server.receive(mutated(request, &random), from: address, objects: &objects)
            let seed = seeds[Int.random(in: 0..<seeds.count, using: &random)]
            let answer = server.receive(mutated(seed, &random), from: address, objects: &objects)
            if let answer { _ = try APDU(bytes: answer) }
            _ = try? client.receive(mutated(answer ?? seed, &random))
            _ = try? client.receive(mutated(seed, &random))
        }
        #expect(server.nextCounter > 0 || !ciphered)
    }
}
