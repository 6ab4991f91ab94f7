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

    /// SHA-256 of what is handed over piece by piece.
    /// - Parameter next: the next piece, nil at the end.
    public static func sha256(pieces next: () throws -> [UInt8]?) rethrows -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("libcrypto found no memory for a digest") }
        defer { EVP_MD_CTX_free(context) }
        var done = EVP_DigestInit_ex(context, EVP_sha256(), nil)
        while let piece = try next() { done &= EVP_DigestUpdate(context, piece, piece.count) }
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        done &= EVP_DigestFinal_ex(context, &digest, &length)
        precondition(done == 1 && length == 32, "libcrypto has no SHA-256")
        return digest
    }

    /// True when both are equal; takes the same time wherever they differ.
    public static func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
    }
}
