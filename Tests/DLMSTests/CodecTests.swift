// Known answers that need no file: data, names, date-times, APDUs, limits, ciphers.
import CivilTime
import Cryptography
import DLMS
import Testing

@Suite struct CodecTests {
    @Test func logicalNames() {
        #expect(OBIS("1.0.99.1.0.255") == OBIS(1, 0, 99, 1, 0))
        #expect(OBIS("1.0.99.1.0")?.description == "1.0.99.1.0.255")
        #expect(OBIS("1.0.99.1.0")?.shortText == "1.0.99.1.0")
        #expect(OBIS("1.0.99.1.0.7")?.shortText == "1.0.99.1.0.7")
        for bad in [
            "", "1.0.99.1", "1.0.99.1.0.255.1", "1.0.256.1.0", "1.0.-1.1.0", "1.0.+1.1.0", "1.0..1.0", "a.b.c.d.e",
        ] {
            #expect(OBIS(bad) == nil, "\(bad)")
        }
    }

    @Test(arguments: [
        DLMSData.null, .boolean(true), .bitString([0xB7, 0x40], count: 11), .integer(-128), .long(.min),
        .doubleLong(.min), .long64(.min), .unsigned(255), .longUnsigned(.max), .doubleLongUnsigned(.max),
        .long64Unsigned(.max), .enumeration(7), .bcd(0x19), .float32(bits: 0x7FC0_0001), .float64(bits: 1),
        .octetString([]), .octetString([UInt8](repeating: 1, count: 70_000)), .visibleString([65]),
        .utf8String(Array("₹".utf8)), .dateTime(COSEMDateTime(year: 2026)), .date([7, 0xEA, 11, 21, 255]),
        .time([1, 2, 3, 4]), .deltaInteger(-3), .deltaLong(-300), .deltaDoubleLong(-70_000), .deltaUnsigned(3),
        .deltaLongUnsigned(900), .deltaDoubleLongUnsigned(70_000), .dontCare,
        .array([.structure([.null, .array([])]), .unsigned(1)]), .scalerUnit(-2, 35),
    ])
    func dataComesBack(_ value: DLMSData) throws {
        #expect(try DLMSData(axdr: value.axdr) == value)
    }

    @Test func dataLimits() {
        let deep = [UInt8](repeating: 1, count: 200) + [0]
        #expect(throws: DLMSError.tooLarge("data nested deeper than 16")) { try DLMSData(axdr: deep) }
        let wide = [0x01, 0x84, 0x00, 0x04, 0x00, 0x01] + [UInt8](repeating: 0, count: 262_145)
        #expect(throws: DLMSError.self) { try DLMSData(axdr: wide) }
        // A compact array of arrays of nothing: millions of elements out of a few octets.
        #expect(throws: DLMSError.self) {
            try DLMSData(axdr: [0x13, 0x01, 0xFF, 0xFF, 0x01, 0xFF, 0xFF, 0x00, 1, 0])
        }
        // The same in a list: each within the limit of a value, all of them not.
        let bomb: [UInt8] = [0x00, 0x13, 0x02, 0x02, 0x01, 0xFF, 0xFF, 0x00, 0x11, 1, 0]
        let list = hex("C403C1") + [0x81, 200] + Array(repeatElement(bomb, count: 200).joined())
        #expect(throws: DLMSError.self) { try APDU(bytes: list) }
        #expect(throws: DLMSError.malformed("1 octets too many", offset: 1)) { try DLMSData(axdr: [0, 0]) }
        #expect(throws: DLMSError.self) { try DLMSData(axdr: []) }
    }

    @Test func dateTimes() throws {
        let india = try #require(COSEMDateTime(bytes: hex("07EA0B1506121E0F32FEB600")))
        #expect(try india.instantS() == 1_795_266_015)
        #expect(india.description == "2026-11-21 18:30:15 deviation -330")
        #expect(COSEMDateTime(instantS: 1_795_266_015, offsetS: 19_800).bytes == hex("07EA0B1506121E0F00FEB600"))
        let local = try #require(COSEMDateTime(bytes: hex("07EA0B15FF180000FF8000FF")))
        #expect(local.deviationMinutes == nil)
        #expect(try local.instantS() == nil)
        #expect(try local.wallClock()?.day == CivilDay(year: 2026, month: 11, day: 22))
        for bad in [
            "07EA0D15FF000000FF8000FF", "07EA0B1FFF000000FF8000FF", "07EA0B15FF180100FF8000FF",
            "07EA0B15FF003C00FF8000FF",
        ] {
            #expect(throws: DLMSError.self) { try COSEMDateTime(bytes: hex(bad))?.wallClock() }
        }
    }

    @Test func selectorsComeBack() {
        let range = Selector.clockRange(
            from: COSEMDateTime(instantS: 0, offsetS: 0), to: COSEMDateTime(instantS: 86400, offsetS: 0))
        for selector in [range, .entry(from: 1, to: 0), .other(9, .null)] {
            let (number, parameters) = selector.encoded
            #expect(Selector(selector: number, parameters: parameters) == selector)
        }
        #expect(Selector(selector: 1, parameters: .null) == .other(1, .null))
    }

    @Test func requestBytes() {
        let byEntry = GetRequest(
            invoke: 0xC1,
            body: .normal(AttributeAccess(AttributeReference(7, OBIS(1, 0, 99, 1, 0)), .entry(from: 1, to: 2))))
        #expect(
            hex(APDU.getRequest(byEntry).bytes)
                == "C001C100070100630100FF020102020406000000010600000002120001120000")
        let disconnect = ActionRequest(
            invoke: 0xC1, method: MethodReference(70, OBIS(0, 0, 96, 3, 10), 1), parameter: .integer(0))
        #expect(hex(APDU.actionRequest(disconnect).bytes) == "C301C10046000060030AFF01010F00")
    }

    @Test func ciphers() throws {
        // NIST SP 800-38D test case 4 (AES-128) and 16 (AES-256).
        let text = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16a"
                + "edf5aa0de657ba637b39"
        )
        let data = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let nonce = hex("cafebabefacedbaddecaf888")
        let short = hex("feffe9928665731c6d6a8f9467308308")
        let sealed = try AESGCM.seal(text, key: short, nonce: nonce, additionalData: data)
        #expect(hex(Array(sealed.suffix(16))) == "5BC94FBC3221A5DB94FAE95AE7121A47")
        let long = try AESGCM.seal(text, key: short + short, nonce: nonce, additionalData: data)
        #expect(hex(Array(long.suffix(16))) == "76FC6ECE0F4E1768CDDF8853BB2D551B")
        #expect(try AESGCM.open(long, key: short + short, nonce: nonce, additionalData: data) == text)
        let twelve = try AESGCM.seal(text, key: short, nonce: nonce, additionalData: data, tagLength: 12)
        #expect(twelve == Array(sealed.dropLast(4)))
        for index in [0, 30, twelve.count - 1] {
            var wrong = twelve
            wrong[index] ^= 1
            #expect(throws: CipherError.tag) {
                try AESGCM.open(wrong, key: short, nonce: nonce, additionalData: data, tagLength: 12)
            }
        }
        #expect(throws: CipherError.tag) { try AESGCM.open(twelve, key: short, nonce: nonce, tagLength: 12) }
        #expect(throws: CipherError.keyLength) { try AESGCM.seal([], key: [1], nonce: nonce) }
        #expect(throws: CipherError.nonceLength) { try AESGCM.seal([], key: short, nonce: [1]) }
        #expect(throws: CipherError.tagLength) { try AESGCM.seal([], key: short, nonce: nonce, tagLength: 4) }
        // FIPS 197 appendix C.1.
        let block = try AESBlock.encrypt(
            hex("00112233445566778899aabbccddeeff"), key: hex("000102030405060708090a0b0c0d0e0f"))
        #expect(hex(block) == "69C4E0D86A7B0430D8CDB78070B4C55A")
        #expect(throws: CipherError.dataLength) { try AESBlock.encrypt([1, 2, 3], key: short) }
    }
}
