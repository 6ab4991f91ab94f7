// AES over libcrypto: GCM (NIST SP 800-38D), single blocks (ECB) and key wrap (RFC 3394).
// Values in, values out; no random bytes.
import CCrypto

/// What a cipher can refuse. `tag`: wrong key, nonce or additional data, or changed bytes; no text is given out.
public enum CipherError: Error, Hashable, Sendable {
    case keyLength, nonceLength, dataLength, tagLength, tag, library
}

public enum AESGCM {
    /// Cipher text followed by the tag. Key 16 or 32 octets, nonce 12; a nonce must never be used twice with a key.
    /// Tag 12...16 octets (DLMS takes 12, keys at rest 16).
    public static func seal(
        _ plaintext: [UInt8], key: [UInt8], nonce: [UInt8], additionalData: [UInt8] = [], tagLength: Int = 16
    ) throws(CipherError) -> [UInt8] {
        guard (12...16).contains(tagLength) else { throw .tagLength }
        let context = try Context(key: key, nonce: nonce, encrypt: true)
        try context.authenticate(additionalData)
        var output = try context.update(plaintext)
        try context.finish()
        var tag = [UInt8](repeating: 0, count: 16)
        guard EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_GET_TAG, 16, &tag) == 1 else { throw .library }
        output.append(contentsOf: tag.prefix(tagLength))
        return output
    }

    /// The plain text of what `seal` gave; throws `.tag` when anything does not fit.
    public static func open(
        _ sealed: [UInt8], key: [UInt8], nonce: [UInt8], additionalData: [UInt8] = [], tagLength: Int = 16
    ) throws(CipherError) -> [UInt8] {
        guard (12...16).contains(tagLength) else { throw .tagLength }
        guard sealed.count >= tagLength else { throw .dataLength }
        let context = try Context(key: key, nonce: nonce, encrypt: false)
        try context.authenticate(additionalData)
        let output = try context.update(Array(sealed.dropLast(tagLength)))
        var tag = Array(sealed.suffix(tagLength))
        guard EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_SET_TAG, Int32(tagLength), &tag) == 1 else {
            throw .library
        }
        do { try context.finish() } catch { throw .tag }
        return output
    }

    /// The same key stream without any tag, both ways: DLMS encryption-only. Changed bytes go unnoticed.
    public static func cryptWithoutTag(
        _ text: [UInt8], key: [UInt8], nonce: [UInt8]
    ) throws(CipherError) -> [UInt8] {
        try Context(key: key, nonce: nonce, encrypt: true).update(text)
    }

    /// Owns one libcrypto context for one message.
    private final class Context {
        let pointer: OpaquePointer

        init(key: [UInt8], nonce: [UInt8], encrypt: Bool) throws(CipherError) {
            guard nonce.count == 12 else { throw .nonceLength }
            let cipher: OpaquePointer?
            switch key.count {
            case 16: cipher = EVP_aes_128_gcm()
            case 32: cipher = EVP_aes_256_gcm()
            default: throw .keyLength
            }
            guard let cipher, let pointer = EVP_CIPHER_CTX_new() else { throw .library }
            self.pointer = pointer
            // 12 octets is the default nonce length of GCM in libcrypto.
            guard EVP_CipherInit_ex(pointer, cipher, nil, key, nonce, encrypt ? 1 : 0) == 1 else { throw .library }
        }

        deinit { EVP_CIPHER_CTX_free(pointer) }

        func authenticate(_ data: [UInt8]) throws(CipherError) {
            guard !data.isEmpty else { return }
            guard let count = Int32(exactly: data.count) else { throw .dataLength }
            var written: Int32 = 0
            guard EVP_CipherUpdate(pointer, nil, &written, data, count) == 1 else { throw .library }
        }

        func update(_ text: [UInt8]) throws(CipherError) -> [UInt8] {
            guard !text.isEmpty else { return [] }
            guard let count = Int32(exactly: text.count) else { throw .dataLength }
            var output = [UInt8](repeating: 0, count: text.count)
            var written: Int32 = 0
            guard EVP_CipherUpdate(pointer, &output, &written, text, count) == 1, Int(written) == text.count else {
                throw .library
            }
            return output
        }

        func finish() throws(CipherError) {
            var rest = [UInt8](repeating: 0, count: 16)
            var written: Int32 = 0
            guard EVP_CipherFinal_ex(pointer, &rest, &written) == 1, written == 0 else { throw .library }
        }
    }
}

public enum AESBlock {
    /// Each block of 16 octets by itself (ECB), no padding. Key 16 octets. Only for single blocks such as a challenge.
    public static func encrypt(_ blocks: [UInt8], key: [UInt8]) throws(CipherError) -> [UInt8] {
        guard key.count == 16 else { throw .keyLength }
        guard !blocks.isEmpty, blocks.count % 16 == 0, let count = Int32(exactly: blocks.count) else {
            throw .dataLength
        }
        return try oneShot(blocks, count, EVP_aes_128_ecb(), key, encrypt: true, extra: 0)
    }

    fileprivate static func oneShot(
        _ input: [UInt8], _ count: Int32, _ cipher: OpaquePointer?, _ key: [UInt8], encrypt: Bool, extra: Int
    ) throws(CipherError) -> [UInt8] {
        guard let cipher, let context = EVP_CIPHER_CTX_new() else { throw .library }
        defer { EVP_CIPHER_CTX_free(context) }
        EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW)
        guard EVP_CipherInit_ex(context, cipher, nil, key, nil, encrypt ? 1 : 0) == 1 else { throw .library }
        EVP_CIPHER_CTX_set_padding(context, 0)
        var output = [UInt8](repeating: 0, count: input.count + extra)
        var written: Int32 = 0
        guard EVP_CipherUpdate(context, &output, &written, input, count) == 1, written >= 0 else { throw .library }
        return Array(output.prefix(Int(written)))
    }
}

/// AES key wrap (RFC 3394), as DLMS transfers keys to a meter.
public enum AESKeyWrap {
    /// The wrapped key, 8 octets longer. Both keys 16 or 32 octets.
    public static func wrap(_ key: [UInt8], with wrapping: [UInt8]) throws(CipherError) -> [UInt8] {
        guard key.count == 16 || key.count == 32 else { throw .keyLength }
        return try AESBlock.oneShot(key, Int32(key.count), cipher(wrapping), wrapping, encrypt: true, extra: 16)
    }

    /// Throws `.tag` when the integrity check of the wrapped key fails.
    public static func unwrap(_ wrapped: [UInt8], with wrapping: [UInt8]) throws(CipherError) -> [UInt8] {
        guard wrapped.count == 24 || wrapped.count == 40 else { throw .dataLength }
        let cipher = try cipher(wrapping)
        do {
            return try AESBlock.oneShot(wrapped, Int32(wrapped.count), cipher, wrapping, encrypt: false, extra: 16)
        } catch { throw .tag }
    }

    private static func cipher(_ key: [UInt8]) throws(CipherError) -> OpaquePointer? {
        switch key.count {
        case 16: return EVP_aes_128_wrap()
        case 32: return EVP_aes_256_wrap()
        default: throw .keyLength
        }
    }
}
