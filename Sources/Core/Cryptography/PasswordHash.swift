// Password hashing with Argon2id (RFC 9106) over libargon2. Values in, values out: the salt comes from the caller.
// One call takes about 30 ms of a core and 19 MiB: never call it on the cooperative pool (see Access.PasswordHasher).
import CArgon2

public enum PasswordHash {
    /// The second recommended choice of the OWASP password storage notes: 19 MiB, two passes, one lane.
    public static let memoryKiB: UInt32 = 19_456
    public static let passes: UInt32 = 2
    public static let lanes: UInt32 = 1
    public static let saltByteCount = 16
    public static let hashByteCount = 32

    /// libargon2 said no, in its words. Never holds the password.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public var message: String
        public var description: String { "argon2: \(message)" }
        init(code: Int32) { message = argon2_error_message(code).map { String(cString: $0) } ?? "error \(code)" }
    }

    /// The encoded form `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>` (base64 without padding).
    /// - Parameter salt: at least 8 random bytes, new for every password.
    public static func encode(_ password: [UInt8], salt: [UInt8]) throws(Failure) -> String {
        let length = argon2_encodedlen(
            passes, memoryKiB, lanes, UInt32(salt.count), UInt32(hashByteCount), Argon2_id)
        var encoded = [CChar](repeating: 0, count: Int(length))
        let code = argon2id_hash_encoded(
            passes, memoryKiB, lanes, password, password.count, salt, salt.count, hashByteCount, &encoded,
            encoded.count)
        guard code == 0 else { throw Failure(code: code) }
        return String(decoding: encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// True when the password belongs to the encoded hash; compares in constant time.
    /// False for a wrong password and for text that is no encoded hash.
    public static func verify(_ password: [UInt8], encoded: String) -> Bool {
        argon2id_verify(encoded, password, password.count) == 0
    }

    /// A well-formed hash of the same cost that no password is known for: verified against when a login does not
    /// exist, so that the answer takes as long as for one that does.
    public static let decoy: String = {
        let salt = String(repeating: "A", count: 22)
        let hash = String(repeating: "A", count: 43)
        return "$argon2id$v=19$m=\(memoryKiB),t=\(passes),p=\(lanes)$\(salt)$\(hash)"
    }()
}
