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
        secret: [UInt8], encryptionKey: [UInt8]? = nil, authenticationKey: [UInt8]? = nil, clientSystemTitle: [UInt8] = []
    ) {
        self.secret = secret
        self.encryptionKey = encryptionKey
        self.authenticationKey = authenticationKey
        self.clientSystemTitle = clientSystemTitle
    }
    public var description: String { "MeterKeys(hidden)" }
}
