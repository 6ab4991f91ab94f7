// Secrets at rest: sealed with AES-256-GCM under a master key, bound to what they belong to. While the master key is
// being changed the ring holds both: the newer one seals, each opens what it sealed. Knows no table.
import Cryptography
import SQL

/// The master keys of an installation. They never leave it.
public struct KeyRing: Sendable, CustomStringConvertible {
    private struct Key {
        /// The first 8 bytes of a digest of the key: tells keys apart and gives nothing of them away.
        var id: [UInt8]
        var bytes: [UInt8]
    }
    /// The newest first.
    private let keys: [Key]

    /// - Parameter next: the key that is being changed to; it seals from now on.
    /// - Throws: a refusal unless each key has 32 bytes.
    public init(current: [UInt8], next: [UInt8]? = nil) throws {
        keys = try ([next, current].compactMap { $0 }).map { bytes in
            guard bytes.count == 32 else {
                throw Refusal(
                    .invalid, "The master key has \(bytes.count) bytes instead of 32.",
                    hint: "Restore the key file of this installation from its backup.")
            }
            return Key(id: Self.id(of: bytes), bytes: bytes)
        }
    }

    private static func id(of key: [UInt8]) -> [UInt8] {
        Array(Hash.sha256(Array("busbar master key id".utf8) + key).prefix(8))
    }

    public var description: String { "KeyRing(hidden)" }

    /// The name of the key that seals, for people: 16 hexadecimal digits that give nothing of it away.
    public var name: String { keys.first.map { Secret.hex($0.id) } ?? "" }

    /// Format 2: a byte 2, the key's id of 8 bytes, a random nonce of 12, the cipher text with its tag of 16.
    /// - Parameter binding: what the secret belongs to; it opens under the same words only.
    public func seal(_ text: [UInt8], binding: String) throws -> [UInt8] {
        guard let key = keys.first else { throw Refusal(.unavailable, "There is no master key.") }
        let nonce = Secret.bytes(12)
        let head: [UInt8] = [2] + key.id
        return head + nonce
            + (try AESGCM.seal(text, key: key.bytes, nonce: nonce, additionalData: head + Array(binding.utf8)))
    }

    /// Nil when none of the keys opens it: another key sealed it, for something else, or bytes have changed.
    /// Also opens format 1, which names no key: a byte 1, the nonce, the cipher text with its tag.
    public func open(_ sealed: [UInt8], binding: String) -> [UInt8]? {
        let binding = Array(binding.utf8)
        switch sealed.first {
        case 1 where sealed.count > 13:
            for key in keys {
                if let text = try? AESGCM.open(
                    Array(sealed[13...]), key: key.bytes, nonce: Array(sealed[1..<13]), additionalData: binding)
                {
                    return text
                }
            }
            return nil
        case 2 where sealed.count > 21:
            guard let key = keys.first(where: { $0.id == Array(sealed[1..<9]) }) else { return nil }
            return try? AESGCM.open(
                Array(sealed[21...]), key: key.bytes, nonce: Array(sealed[9..<21]),
                additionalData: Array(sealed[..<9]) + binding)
        default: return nil
        }
    }

    /// True when the newest key sealed it, as far as its first bytes tell.
    public func isNewest(_ sealed: [UInt8]) -> Bool {
        keys.first.map { sealed.starts(with: [2] + $0.id) } ?? false
    }
}

/// A secret as it lies in a table.
public struct SealedValue: Sendable, Equatable {
    public var orgID: Int64
    /// With the company, the key of the row.
    public var id: Int64
    public var sealed: [UInt8]
    public init(orgID: Int64, id: Int64, sealed: [UInt8]) {
        self.orgID = orgID
        self.id = id
        self.sealed = sealed
    }
}

/// A column of sealed secrets. A domain that keeps some declares one, and Composition lists it among those that
/// `busbar key rotate-master` seals anew.
public struct SealedColumn: Sendable {
    /// What is sealed, in words: `meter keys`.
    public var name: String
    /// The words a value is bound to.
    public var binding: @Sendable (SealedValue) -> String
    /// Values after a company and id, in that order, at most so many; rows without a secret left out.
    public var page: @Sendable (_ after: (orgID: Int64, id: Int64), Int, any SQLTransaction) throws -> [SealedValue]
    /// Puts the second in the place of the first, and changes nothing when another stands there by now.
    public var replace: @Sendable (SealedValue, [UInt8], any SQLTransaction) throws -> Void

    public init(
        name: String, binding: @escaping @Sendable (SealedValue) -> String,
        page: @escaping @Sendable ((orgID: Int64, id: Int64), Int, any SQLTransaction) throws -> [SealedValue],
        replace: @escaping @Sendable (SealedValue, [UInt8], any SQLTransaction) throws -> Void
    ) {
        self.name = name
        self.binding = binding
        self.page = page
        self.replace = replace
    }
}
