// Meter keys at rest: sealed under the installation's master key with AES-256-GCM, bound to their meter.
import Access
import Cryptography
import Foundation

/// What opens a meter. In the clear only in memory; its description shows nothing.
public struct MeterKeys: Sendable, Equatable, Codable, CustomStringConvertible {
    public var secret: [UInt8]
    public var encryptionKey: [UInt8]?
    public var authenticationKey: [UInt8]?
    public var clientSystemTitle: [UInt8]
    public init(
        secret: [UInt8], encryptionKey: [UInt8]? = nil, authenticationKey: [UInt8]? = nil,
        clientSystemTitle: [UInt8] = []
    ) {
        self.secret = secret
        self.encryptionKey = encryptionKey
        self.authenticationKey = authenticationKey
        self.clientSystemTitle = clientSystemTitle
    }
    public var description: String { "MeterKeys(hidden)" }
}

/// Seals and opens meter keys. The master key never leaves it.
public struct KeyVault: Sendable {
    private let masterKey: [UInt8]

    /// - Throws: a refusal unless the master key has 32 bytes.
    public init(masterKey: [UInt8]) throws {
        guard masterKey.count == 32 else {
            throw Refusal(
                .invalid, "The master key has \(masterKey.count) bytes instead of 32.",
                hint: "Restore the key file of this installation from its backup.")
        }
        self.masterKey = masterKey
    }

    /// Format 1: a byte 1, a random nonce of 12 bytes, the cipher text with its tag of 16.
    public func seal(_ keys: MeterKeys, meterID: Int64) throws -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<12).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let text = Array(try JSONEncoder().encode(keys))
        return [1] + nonce
            + (try AESGCM.seal(text, key: masterKey, nonce: nonce, additionalData: Self.binding(meterID)))
    }

    /// - Throws: a refusal when the blob was made under another master key or for another meter.
    public func open(_ sealed: [UInt8], meterID: Int64) throws -> MeterKeys {
        guard sealed.count > 13, sealed[0] == 1,
            let text = try? AESGCM.open(
                Array(sealed[13...]), key: masterKey, nonce: Array(sealed[1..<13]),
                additionalData: Self.binding(meterID))
        else {
            throw Refusal(
                .unavailable, "The keys of meter \(meterID) do not open under this master key.",
                hint: "Start with the key file that belongs to this database.")
        }
        return try JSONDecoder().decode(MeterKeys.self, from: Data(text))
    }

    private static func binding(_ meterID: Int64) -> [UInt8] { Array("meter \(meterID)".utf8) }
}
