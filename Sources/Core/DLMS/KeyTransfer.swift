// Keys sent to a meter (IEC 62056-6-2, security setup, class 64, method 2), each wrapped with the master key (RFC
// 3394). Pure: fresh keys come from the caller, and nobody here keeps one.
import Cryptography

/// Which key a wrapped one replaces.
public enum KeyIdentity: UInt8, Hashable, Sendable, CaseIterable {
    case unicastEncryption = 0
    case broadcastEncryption = 1
    case authentication = 2
    case master = 3
}

/// A key and what it is for.
public struct KeyReplacement: Hashable, Sendable {
    public var identity: KeyIdentity
    /// 16 octets; 32 in suite 2.
    public var key: [UInt8]
    public init(_ identity: KeyIdentity, _ key: [UInt8]) {
        self.identity = identity
        self.key = key
    }
}

public enum KeyTransfer {
    /// `global_key_transfer` of a security setup; in India 0.0.43.0.2...5 by association.
    public static func method(_ securitySetup: OBIS) -> MethodReference { MethodReference(64, securitySetup, 2) }

    /// The parameter of the method: an array of key identity and wrapped key.
    /// - Throws: `.configuration` for keys of a wrong size or one identity twice.
    public static func parameter(
        _ keys: [KeyReplacement], masterKey: [UInt8]
    ) throws(DLMSError) -> DLMSData {
        guard !keys.isEmpty, Set(keys.map(\.identity)).count == keys.count else {
            throw .configuration("key transfer: one to four keys, each once")
        }
        var list: [DLMSData] = []
        for item in keys {
            do {
                let wrapped = try AESKeyWrap.wrap(item.key, with: masterKey)
                list.append(.structure([.enumeration(item.identity.rawValue), .octetString(wrapped)]))
            } catch { throw .configuration("key transfer: \(error)") }
        }
        return .array(list)
    }

    /// The meter's side: all keys, or an error when any is damaged. Nothing may be replaced before all are known good.
    public static func keys(in parameter: DLMSData, masterKey: [UInt8]) throws(DLMSError) -> [KeyReplacement] {
        guard case .array(let list) = parameter, (1...KeyIdentity.allCases.count).contains(list.count) else {
            throw .malformed("key transfer: an array of one to four keys", offset: 0)
        }
        var keys: [KeyReplacement] = []
        for item in list {
            guard case .structure(let fields) = item, fields.count == 2, let number = fields[0].integer,
                let number = UInt8(exactly: number), let identity = KeyIdentity(rawValue: number),
                let wrapped = fields[1].octets, !keys.contains(where: { $0.identity == identity })
            else { throw .malformed("key transfer: identity and wrapped key", offset: 0) }
            do {
                keys.append(KeyReplacement(identity, try AESKeyWrap.unwrap(wrapped, with: masterKey)))
            } catch CipherError.keyLength {
                throw .configuration("master key of \(masterKey.count) octets")
            } catch { throw .deciphering("a wrapped key does not fit the master key") }
        }
        return keys
    }
}
