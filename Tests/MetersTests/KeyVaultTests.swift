// Meter keys at rest: they open for their meter under their master key, whole, and in no other case.
import Access
import Meters
import Testing

@Suite struct KeyVaultTests {
    static let keys = MeterKeys(
        secret: Array("12345678".utf8), encryptionKey: Array(repeating: 0xA5, count: 16),
        authenticationKey: Array(repeating: 0x5A, count: 16), clientSystemTitle: Array("BUSBAR01".utf8))

    func vault(_ byte: UInt8 = 7) throws -> KeyVault { try KeyVault(masterKey: Array(repeating: byte, count: 32)) }

    @Test func opensWhatItSealed() throws {
        let sealed = try vault().seal(Self.keys, meterID: 1001)
        #expect(try vault().open(sealed, meterID: 1001) == Self.keys)
        let bare = MeterKeys(secret: [])
        #expect(try vault().open(vault().seal(bare, meterID: 1), meterID: 1) == bare)
    }

    @Test func sealsTheSameKeysDifferentlyEachTime() throws {
        let blobs = try (0..<50).map { _ in try vault().seal(Self.keys, meterID: 1001) }
        #expect(Set(blobs.map { Array($0[1..<13]) }).count == 50)
        #expect(blobs.allSatisfy { $0[0] == 1 })
        // Neither the secret nor a key stands in the blob.
        for part in [Self.keys.secret, Self.keys.encryptionKey ?? []] {
            #expect(!blobs[0].indices.contains { blobs[0][$0...].starts(with: part) })
        }
    }

    @Test func refusesAnotherMasterKeyAndAnotherMeter() throws {
        let sealed = try vault().seal(Self.keys, meterID: 1001)
        #expect(throws: Refusal.self) { try vault(8).open(sealed, meterID: 1001) }
        // Moving the row of one meter to another does not give it the keys.
        #expect(throws: Refusal.self) { try vault().open(sealed, meterID: 1002) }
        #expect(throws: Refusal.self) { try vault().open(sealed, meterID: -1001) }
    }

    @Test func refusesEveryFlippedBitAndEveryCut() throws {
        let sealed = try vault().seal(Self.keys, meterID: 1001)
        for index in sealed.indices {
            var bad = sealed
            bad[index] ^= 1 << UInt8(index % 8)
            #expect(throws: Refusal.self) { try vault().open(bad, meterID: 1001) }
            #expect(throws: Refusal.self) { try vault().open(Array(sealed[..<index]), meterID: 1001) }
        }
        #expect(throws: Refusal.self) { try vault().open(sealed + [0], meterID: 1001) }
    }

    @Test func theRefusalNamesTheMeterAndNoSecret() throws {
        let sealed = try vault().seal(Self.keys, meterID: 1001)
        let refusal = #expect(throws: Refusal.self) { try vault(8).open(sealed, meterID: 1001) }
        #expect(refusal?.code == .unavailable && refusal?.description.contains("meter 1001") == true)
        #expect("\(Self.keys)" == "MeterKeys(hidden)")
    }

    @Test(arguments: [0, 16, 31, 33]) func aMasterKeyHas32Bytes(_ count: Int) {
        let refusal = #expect(throws: Refusal.self) { try KeyVault(masterKey: Array(repeating: 1, count: count)) }
        #expect(refusal?.message.contains("\(count) bytes") == true)
    }
}
