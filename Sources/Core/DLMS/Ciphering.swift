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

extension CipheredAPDU.Form {
    /// Protected under the dedicated key of the association.
    public var isDedicated: Bool {
        switch self {
        case .service(let tag): [0x41, 0x48, 0x4E].contains(tag) || (0xD0...0xD7).contains(tag)
        case .generalGlobal: false
        case .generalDedicated: true
        }
    }
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

extension CipheredAPDU {
    /// The service-specific global tag of a plain APDU's tag (C0 -> C8, 01 -> 21, ...); nil when there is none.
    public static func globalTag(of plainTag: UInt8) -> UInt8? {
        switch plainTag {
        case 0x01: 0x21
        case 0x08: 0x28
        case 0x0E: 0x2E
        case 0xC0...0xC5, 0xC7: plainTag + 8
        default: nil
        }
    }

    /// The service-specific dedicated tag of a plain APDU's tag (C0 -> D0, ...); nil when there is none.
    public static func dedicatedTag(of plainTag: UInt8) -> UInt8? {
        switch plainTag {
        case 0x01: 0x41
        case 0x08: 0x48
        case 0x0E: 0x4E
        case 0xC0...0xC5, 0xC7: plainTag + 16
        default: nil
        }
    }

    /// The plain tag that a service-specific tag stands for, global or dedicated; nil when it is neither.
    static func plainTag(of serviceTag: UInt8) -> UInt8? {
        switch serviceTag {
        case 0x21, 0x28, 0x2E: serviceTag - 0x20
        case 0x41, 0x48, 0x4E: serviceTag - 0x40
        case 0xC8...0xCD, 0xCF: serviceTag - 8
        case 0xD0...0xD5, 0xD7: serviceTag - 16
        default: nil
        }
    }

    /// Protects one plain APDU. `title` is the sender's, 8 octets; a counter must never be used twice with a key.
    public static func seal(
        _ plaintext: [UInt8], form: Form, control: SecurityControl = .authenticatedEncrypted, counter: UInt32,
        title: [UInt8], keys: SecurityKeys
    ) throws(DLMSError) -> CipheredAPDU {
        let (key, nonce) = try setup(control, counter, title, keys)
        var additional = [control.rawValue] + keys.authentication
        do {
            let payload: [UInt8]
            switch (control.isAuthenticated, control.isEncrypted) {
            case (true, true):
                payload = try AESGCM.seal(
                    plaintext, key: key, nonce: nonce, additionalData: additional, tagLength: 12)
            case (true, false):
                additional += plaintext
                payload =
                    plaintext
                    + (try AESGCM.seal([], key: key, nonce: nonce, additionalData: additional, tagLength: 12))
            case (false, true): payload = try AESGCM.cryptWithoutTag(plaintext, key: key, nonce: nonce)
            case (false, false): payload = plaintext
            }
            return CipheredAPDU(form: form, control: control, counter: counter, payload: payload)
        } catch { throw .configuration("cipher: \(error)") }
    }

    /// The plain APDU. `title` is the sender's as known from the association; one inside the envelope must be the same.
    public func open(title: [UInt8], keys: SecurityKeys) throws(DLMSError) -> [UInt8] {
        var title = title
        switch form {
        case .generalGlobal(let sent), .generalDedicated(let sent):
            if !sent.isEmpty {
                guard title.isEmpty || sent == title else { throw .deciphering("other system title") }
                title = sent
            }
        case .service: break
        }
        let (key, nonce) = try Self.setup(control, counter, title, keys)
        let additional = [control.rawValue] + keys.authentication
        do {
            switch (control.isAuthenticated, control.isEncrypted) {
            case (true, true):
                return try AESGCM.open(
                    payload, key: key, nonce: nonce, additionalData: additional, tagLength: 12)
            case (true, false):
                guard payload.count >= 12 else { throw CipherError.dataLength }
                let plaintext = Array(payload.dropLast(12))
                _ = try AESGCM.open(
                    Array(payload.suffix(12)), key: key, nonce: nonce, additionalData: additional + plaintext,
                    tagLength: 12)
                return plaintext
            case (false, true): return try AESGCM.cryptWithoutTag(payload, key: key, nonce: nonce)
            case (false, false): return payload
            }
        } catch CipherError.keyLength {
            throw .configuration("key of \(key.count) octets")
        } catch { throw .deciphering("\(error)") }
    }

    private static func setup(
        _ control: SecurityControl, _ counter: UInt32, _ title: [UInt8], _ keys: SecurityKeys
    ) throws(DLMSError) -> (key: [UInt8], nonce: [UInt8]) {
        guard !control.isCompressed else { throw .unsupported("compressed APDU") }
        guard title.count == 8 else { throw .configuration("system title of \(title.count) octets, 8 needed") }
        guard let key = control.isBroadcast ? keys.broadcast : keys.encryption else {
            throw .configuration("no broadcast key")
        }
        return (key, title + counterOctets(counter))
    }

    /// Octets that an envelope adds to a plain APDU of that size.
    static func overhead(_ form: Form, _ control: SecurityControl, plainCount: Int) -> Int {
        let inner = 5 + (control.isAuthenticated ? 12 : 0)
        let head =
            switch form {
            case .service: 1
            case .generalGlobal(let title), .generalDedicated(let title): 2 + title.count
            }
        return head + lengthSize(plainCount + inner) + inner
    }
}

func counterOctets(_ counter: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: counter >> UInt32($0)) }
}

extension ByteReader {
    /// Nil when the tag is not one of a protected APDU.
    mutating func ciphered(_ tag: UInt8) throws(DLMSError) -> CipheredAPDU? {
        let form: CipheredAPDU.Form
        switch tag {
        case 0xDB: form = .generalGlobal(systemTitle: try title())
        case 0xDC: form = .generalDedicated(systemTitle: try title())
        default:
            guard CipheredAPDU.plainTag(of: tag) != nil else { return nil }
            form = .service(tag: tag)
        }
        var body = ByteReader(try string())
        let control = SecurityControl(rawValue: try body.u8())
        let counter = try body.u32()
        return CipheredAPDU(form: form, control: control, counter: counter, payload: body.rest())
    }

    private mutating func title() throws(DLMSError) -> [UInt8] {
        let title = try string()
        guard title.isEmpty || title.count == 8 else {
            throw .malformed("system title of \(title.count) octets", offset: offset)
        }
        return title
    }
}

extension ByteWriter {
    mutating func ciphered(_ value: CipheredAPDU) {
        switch value.form {
        case .service(let tag): u8(tag)
        case .generalGlobal(let title): field(0xDB, title)
        case .generalDedicated(let title): field(0xDC, title)
        }
        string([value.control.rawValue] + counterOctets(value.counter) + value.payload)
    }
}
