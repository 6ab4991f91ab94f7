// Meter keys at rest: sealed under the installation's master key, bound to their meter.
import Access
import Foundation
import SQL

/// What opens a meter. In the clear only in memory; its description shows nothing.
public struct MeterKeys: Sendable, Equatable, Codable, CustomStringConvertible {
    public var secret: [UInt8]
    public var encryptionKey: [UInt8]?
    public var authenticationKey: [UInt8]?
    public var clientSystemTitle: [UInt8]
    /// The key that wraps new ones (KEK); without it keys cannot be changed from here.
    public var masterKey: [UInt8]?
    public init(
        secret: [UInt8], encryptionKey: [UInt8]? = nil, authenticationKey: [UInt8]? = nil,
        clientSystemTitle: [UInt8] = [], masterKey: [UInt8]? = nil
    ) {
        self.secret = secret
        self.encryptionKey = encryptionKey
        self.authenticationKey = authenticationKey
        self.clientSystemTitle = clientSystemTitle
        self.masterKey = masterKey
    }
    public var description: String { "MeterKeys(hidden)" }
}

/// Seals and opens meter keys under the ring of the installation.
public struct KeyVault: Sendable {
    private let ring: KeyRing

    public init(ring: KeyRing) { self.ring = ring }

    /// - Throws: a refusal unless the master key has 32 bytes.
    public init(masterKey: [UInt8]) throws { ring = try KeyRing(current: masterKey) }

    public func seal(_ keys: MeterKeys, meterID: Int64) throws -> [UInt8] {
        try ring.seal(Array(try JSONEncoder().encode(keys)), binding: Self.binding(meterID))
    }

    /// - Throws: a refusal when the blob was made under another master key or for another meter.
    public func open(_ sealed: [UInt8], meterID: Int64) throws -> MeterKeys {
        guard let text = ring.open(sealed, binding: Self.binding(meterID)) else {
            throw Refusal(
                .unavailable, "The keys of meter \(meterID) do not open under this master key.",
                hint: "Start with the key file that belongs to this database.")
        }
        return try JSONDecoder().decode(MeterKeys.self, from: Data(text))
    }

    static func binding(_ meterID: Int64) -> String { "meter \(meterID)" }

    /// The keys of all meters, for a change of the master key.
    public static let sealedColumn = SealedColumn(
        name: "meter keys", binding: { binding($0.id) },
        page: { after, limit, transaction in
            try transaction.query(
                """
                SELECT org_id, meter_id, sealed_keys FROM meter
                WHERE (org_id > $1 OR (org_id = $1 AND meter_id > $2)) AND sealed_keys IS NOT NULL
                ORDER BY org_id, meter_id LIMIT $3
                """, [.int(after.orgID), .int(after.id), .int(limit)]
            ) { SealedValue(orgID: try $0.int(0), id: try $0.int(1), sealed: try $0.bytes(2)) }
        },
        replace: { old, sealed, transaction in
            try transaction.run(
                "UPDATE meter SET sealed_keys = $4 WHERE org_id = $1 AND meter_id = $2 AND sealed_keys = $3",
                [.int(old.orgID), .int(old.id), .bytes(old.sealed), .bytes(sealed)])
        })
}
