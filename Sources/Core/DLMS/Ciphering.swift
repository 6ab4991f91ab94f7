// Protected APDUs (IEC 62056-5-3, 9.2.7; suites 0-2, 12-octet tags): envelope, seal, open. Keys come from the caller.
import Cryptography

/// Keys of one security setup. 16 octets each (suite 2: 32).
public struct SecurityKeys: Hashable, Sendable {
    /// Global unicast encryption key (EK).
    public var encryption: [UInt8]
    /// Authentication key (AK).
    public var authentication: [UInt8]
    /// Used in place of EK when the security control says broadcast (40).
    public var broadcast: [UInt8]?
    public init(encryption: [UInt8], authentication: [UInt8], broadcast: [UInt8]? = nil) {
        self.encryption = encryption
        self.authentication = authentication
        self.broadcast = broadcast
    }
}

/// The security control octet: low 4 bits suite, 10 authenticated, 20 encrypted, 40 broadcast key, 80 compressed.
public struct SecurityControl: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let authenticated = Self(rawValue: 0x10)
    public static let encrypted = Self(rawValue: 0x20)
    public static let authenticatedEncrypted = Self(rawValue: 0x30)
    public var isAuthenticated: Bool { rawValue & 0x10 != 0 }
    public var isEncrypted: Bool { rawValue & 0x20 != 0 }
    public var isBroadcast: Bool { rawValue & 0x40 != 0 }
    public var isCompressed: Bool { rawValue & 0x80 != 0 }
}

/// A protected APDU as it stands on the wire.
public struct CipheredAPDU: Hashable, Sendable {
    public enum Form: Hashable, Sendable {
        /// glo-* or ded-* service-specific: the tag says service and key.
        case service(tag: UInt8)
        /// `DB`. The title may be empty: then the one of the association counts.
        case generalGlobal(systemTitle: [UInt8])
        /// `DC`.
        case generalDedicated(systemTitle: [UInt8])
    }
    public var form: Form
    public var control: SecurityControl
    public var counter: UInt32
    /// Cipher text (or plain text when only authenticated), then the tag when authenticated.
    public var payload: [UInt8]
    public init(form: Form, control: SecurityControl, counter: UInt32, payload: [UInt8]) {
        self.form = form
        self.control = control
        self.counter = counter
        self.payload = payload
    }
}
