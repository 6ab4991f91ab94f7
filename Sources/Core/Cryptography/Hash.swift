// Digests and constant-time comparison over libcrypto. Values in, values out.
import CCrypto

public enum Hash {
    /// Address of the algorithm, looked up once: libcrypto would look for it at every digest. It lives for ever.
    private static let sha256Address = UInt(bitPattern: EVP_MD_fetch(nil, "SHA256", nil))

    /// SHA-256 (FIPS 180-4), 32 bytes.
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        let done = EVP_Digest(bytes, bytes.count, &digest, &length, OpaquePointer(bitPattern: sha256Address), nil)
        precondition(done == 1 && length == 32, "libcrypto has no SHA-256")
        return digest
    }

    /// SHA-256 of what is handed over piece by piece.
    /// - Parameter next: the next piece, nil at the end.
    public static func sha256(pieces next: () throws -> [UInt8]?) rethrows -> [UInt8] {
        var digest = RunningHash()
        while let piece = try next() { piece.withUnsafeBufferPointer { digest.add($0) } }
        return digest.sha256()
    }

    /// MD5 (RFC 1321), 16 bytes, for old authentication mechanisms only. Nil when the library is built without it.
    public static func md5(_ bytes: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: 16)
        var length: UInt32 = 16
        guard let algorithm = EVP_md5(), EVP_Digest(bytes, bytes.count, &digest, &length, algorithm, nil) == 1 else {
            return nil
        }
        return digest
    }

    /// True when both are equal; takes the same time wherever they differ.
    public static func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
    }
}

/// A SHA-256 in the making.
public struct RunningHash: ~Copyable {
    private let context: OpaquePointer
    private var isWell: Bool

    public init() {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("libcrypto found no memory for a digest") }
        self.context = context
        isWell = EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
    }

    deinit { EVP_MD_CTX_free(context) }

    public mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) {
        isWell = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 && isWell
    }

    /// Of all that was added; the last thing to ask for.
    public consuming func sha256() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        let done = EVP_DigestFinal_ex(context, &digest, &length)
        precondition(isWell && done == 1 && length == 32, "libcrypto has no SHA-256")
        return digest
    }
}

extension Hash {
    /// SHA-1 (FIPS 180-4), 20 bytes: only where a format or an old mechanism asks for it, such as lists of breached
    /// passwords.
    public static func sha1(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        var length: UInt32 = 20
        let done = EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha1(), nil)
        precondition(done == 1 && length == 20, "libcrypto has no SHA-1")
        return digest
    }

    /// Bytes of hexadecimal digits, both cases; nil when the text is something else or of odd length.
    public static func bytes(hex text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        func value(_ digit: UInt8) -> UInt8? {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
            default: nil
            }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
