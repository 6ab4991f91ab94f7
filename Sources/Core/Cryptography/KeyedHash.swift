// HMAC-SHA-256 (RFC 2104, FIPS 198-1): proves that bytes come from somebody who holds the key. Values in, values out.

extension Hash {
    /// HMAC over SHA-256, 32 bytes.
    public static func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var block = key.count > 64 ? sha256(key) : key
        block += [UInt8](repeating: 0, count: 64 - block.count)
        return sha256(block.map { $0 ^ 0x5C } + sha256(block.map { $0 ^ 0x36 } + message))
    }
}
