// Digests and constant-time comparison over libcrypto. Values in, values out.
import CCrypto

public enum Hash {
    /// SHA-256 (FIPS 180-4), 32 bytes.
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        let done = EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
        precondition(done == 1 && length == 32, "libcrypto has no SHA-256")
        return digest
    }

    /// MD5 (RFC 1321), 16 bytes, for old authentication mechanisms only. Nil when the library is built without it.
    public static func md5(_ bytes: [UInt8]) -> [UInt8]? { digest(bytes, EVP_md5()) }

    /// SHA-1 (FIPS 180-4), 20 bytes, for old authentication mechanisms only. Nil when the library is built without it.
    public static func sha1(_ bytes: [UInt8]) -> [UInt8]? { digest(bytes, EVP_sha1()) }

    private static func digest(_ bytes: [UInt8], _ algorithm: OpaquePointer?) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard let algorithm, EVP_Digest(bytes, bytes.count, &digest, &length, algorithm, nil) == 1 else { return nil }
        return Array(digest.prefix(Int(length)))
    }

    /// True when both are equal; takes the same time wherever they differ.
    public static func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
    }
}
