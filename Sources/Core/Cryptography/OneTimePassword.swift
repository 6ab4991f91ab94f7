// One-time passwords by time: HMAC-SHA-1 (RFC 2104), HOTP (RFC 4226), TOTP (RFC 6238), and base 32 (RFC 4648) for
// showing their secrets. Values in, values out: no clock, no random bytes.

extension Hash {
    /// HMAC (RFC 2104) over SHA-1, 20 bytes.
    public static func hmacSHA1(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var block = key.count > 64 ? sha1(key) : key
        block += [UInt8](repeating: 0, count: 64 - block.count)
        return sha1(block.map { $0 ^ 0x5C } + sha1(block.map { $0 ^ 0x36 } + message))
    }
}

/// Six digits by time (RFC 6238) with what every authenticator app takes: SHA-1, 30 seconds.
public enum OneTimePassword {
    public static let secretByteCount = 20
    public static let digitCount = 6
    public static let stepMs: Int64 = 30_000

    /// The step a moment lies in.
    public static func step(atMs: Int64) -> Int64 { atMs / stepMs }

    /// The code of a step, or of any counter (RFC 4226 §5.3), with leading zeros.
    public static func code(secret: [UInt8], counter: Int64, digits: Int = digitCount) -> String {
        let message = (0..<8).map { UInt8(truncatingIfNeeded: counter >> (56 - 8 * Int64($0))) }
        let hash = Hash.hmacSHA1(message, key: secret)
        let offset = Int(hash[19] & 15)
        let number = hash[offset..<offset + 4].reduce(Int64(0)) { $0 << 8 | Int64($1) } & 0x7FFF_FFFF
        let divisor = (0..<digits).reduce(Int64(1)) { product, _ in product * 10 }
        let text = String(number % divisor)
        return String(repeating: "0", count: digits - text.count) + text
    }

    /// The step whose code this is: the present one, the one before or the one after, and none up to `usedStep`.
    /// Looks at all of them, whichever fits.
    public static func matchingStep(
        _ given: String, secret: [UInt8], atMs: Int64, after usedStep: Int64
    ) -> Int64? {
        let now = step(atMs: atMs)
        var found: Int64?
        for step in now - 1...now + 1 {
            let isEqual = Hash.equalInConstantTime(
                Array(code(secret: secret, counter: step).utf8), Array(given.utf8))
            if isEqual, step > usedStep, found == nil { found = step }
        }
        return found
    }

    /// Base 32 without padding (RFC 4648 §6), as authenticator apps take secrets.
    public static func base32(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var (text, bits, count) = ("", 0, 0)
        for byte in bytes {
            (bits, count) = ((bits & 31) << 8 | Int(byte), count + 8)
            while count >= 5 {
                count -= 5
                text.append(alphabet[bits >> count & 31])
            }
        }
        if count > 0 { text.append(alphabet[bits << (5 - count) & 31]) }
        return text
    }
}
