// Meter keys at rest: they open for their meter under their master key, whole, and in no other case.
import Access
import Cryptography
import Foundation
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
        #expect(Set(blobs.map { Array($0[9..<21]) }).count == 50)
        #expect(blobs.allSatisfy { $0[0] == 2 })
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

    /// Sealed by the release before keys had ids; the key is 32 times 7, the nonce 12 times 3.
    @Test func opensFormatOne() throws {
        let text = Array(try JSONEncoder().encode(Self.keys))
        let master = [UInt8](repeating: 7, count: 32)
        let nonce = [UInt8](repeating: 3, count: 12)
        let old =
            [1] + nonce
            + (try AESGCM.seal(text, key: master, nonce: nonce, additionalData: Array("meter 1001".utf8)))
        #expect(try vault().open(old, meterID: 1001) == Self.keys)
        #expect(throws: Refusal.self) { try vault().open(old, meterID: 1002) }
        #expect(throws: Refusal.self) { try vault(8).open(old, meterID: 1001) }
        let both = KeyVault(ring: try KeyRing(current: master, next: Array(repeating: 8, count: 32)))
        #expect(try both.open(old, meterID: 1001) == Self.keys, "while the key is being changed")
        #expect(try !vault(8).seal(Self.keys, meterID: 1).starts(with: vault(7).seal(Self.keys, meterID: 1).prefix(9)))
        let sealed = try both.seal(Self.keys, meterID: 1001)
        #expect(try vault(8).open(sealed, meterID: 1001) == Self.keys, "the newer key seals")
        #expect(throws: Refusal.self) { try vault(7).open(sealed, meterID: 1001) }
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
