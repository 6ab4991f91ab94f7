// High level authentication (IEC 62056-5-3, 9.2.2.2.2): what each side makes of the other's challenge. Pure functions.
import Cryptography

public enum HLS {
    /// The method that carries pass 3 and 4: reply_to_HLS_authentication of the current association.
    public static let replyMethod = MethodReference(15, OBIS(0, 0, 40, 0, 0), 1)

    /// Mechanism 2 as used in India: AES-128 of the challenge, block by block, under the secret.
    /// Secrets of up to 16 octets are filled up with zeros, so is the last block of the challenge.
    public static func encrypted(_ challenge: [UInt8], secret: [UInt8]) throws(DLMSError) -> [UInt8] {
        guard (1...16).contains(secret.count) else {
            throw .configuration("HLS-2 secret of \(secret.count) octets, 1 to 16 needed")
        }
        guard (1...64).contains(challenge.count) else {
            throw .malformed("challenge of \(challenge.count) octets", offset: 0)
        }
        do {
            return try AESBlock.encrypt(padded(challenge), key: padded(secret))
        } catch { throw .configuration("cipher: \(error)") }
    }

    /// Whether `answer` proves the secret. Beyond 16 octets stacks differ: block by block or chained, both are taken.
    public static func proves(_ answer: [UInt8], _ challenge: [UInt8], secret: [UInt8]) throws(DLMSError) -> Bool {
        if Hash.equalInConstantTime(answer, try encrypted(challenge, secret: secret)) { return true }
        guard challenge.count > 16 else { return false }
        return Hash.equalInConstantTime(answer, try chained(challenge, secret: secret))
    }

    /// The chained form (CBC, zero first vector).
    static func chained(_ challenge: [UInt8], secret: [UInt8]) throws(DLMSError) -> [UInt8] {
        let input = padded(challenge)
        var output: [UInt8] = []
        var previous = [UInt8](repeating: 0, count: 16)
        for start in stride(from: 0, to: input.count, by: 16) {
            previous = try encrypted(zip(input[start..<(start + 16)], previous).map { $0 ^ $1 }, secret: secret)
            output += previous
        }
        return output
    }

    private static func padded(_ octets: [UInt8]) -> [UInt8] {
        octets + [UInt8](repeating: 0, count: (16 - octets.count % 16) % 16)
    }

    /// Mechanisms 3 (MD5) and 4 (SHA-1): the digest of challenge and secret.
    public static func digest(
        _ mechanism: AuthenticationMechanism, _ challenge: [UInt8], secret: [UInt8]
    ) throws(DLMSError) -> [UInt8] {
        let digest =
            switch mechanism {
            case .highMD5: Hash.md5(challenge + secret)
            case .highSHA1: Hash.sha1(challenge + secret)
            default: nil as [UInt8]?
            }
        guard let digest else { throw .configuration("no digest for mechanism \(mechanism)") }
        return digest
    }

    /// What a side makes of the challenge it received, for mechanisms 2, 3, 4 and 6.
    static func answer(
        _ mechanism: AuthenticationMechanism, received: [UInt8], sent: [UInt8], secret: [UInt8], ownTitle: [UInt8],
        peerTitle: [UInt8]
    ) throws(DLMSError) -> [UInt8] {
        switch mechanism {
        case .high: return try encrypted(received, secret: secret)
        case .highSHA256:
            guard ownTitle.count == 8, peerTitle.count == 8 else {
                throw .authenticationFailed("HLS-6 without the system titles of both sides")
            }
            return sha256(received: received, sent: sent, secret: secret, ownTitle: ownTitle, peerTitle: peerTitle)
        default: return try digest(mechanism, received, secret: secret)
        }
    }

    /// Whether `answer` is what the other side, named by `ownTitle`, makes of the challenge it received.
    static func proves(
        _ mechanism: AuthenticationMechanism, _ answer: [UInt8], received: [UInt8], sent: [UInt8], secret: [UInt8],
        ownTitle: [UInt8], peerTitle: [UInt8]
    ) throws(DLMSError) -> Bool {
        if mechanism == .high { return try proves(answer, received, secret: secret) }
        let right = try self.answer(
            mechanism, received: received, sent: sent, secret: secret, ownTitle: ownTitle, peerTitle: peerTitle)
        return Hash.equalInConstantTime(answer, right)
    }

    /// Mechanism 6: SHA-256 of secret, own title, the other's title, the challenge that came, the one that was sent.
    public static func sha256(
        received: [UInt8], sent: [UInt8], secret: [UInt8], ownTitle: [UInt8], peerTitle: [UInt8]
    ) -> [UInt8] {
        Hash.sha256(secret + ownTitle + peerTitle + received + sent)
    }

    /// Mechanism 5: 10, counter, GMAC of the challenge. `title` is the sender's.
    public static func gmac(
        _ challenge: [UInt8], counter: UInt32, title: [UInt8], keys: SecurityKeys
    ) throws(DLMSError) -> [UInt8] {
        let control = SecurityControl.authenticated
        let sealed = try CipheredAPDU.seal(
            challenge, form: .generalGlobal(systemTitle: []), control: control, counter: counter, title: title,
            keys: keys)
        return [control.rawValue] + counterOctets(counter) + sealed.payload.suffix(12)
    }

    /// The counter inside `answer` when it proves the keys; nil when it does not.
    public static func gmacCounter(
        _ answer: [UInt8], _ challenge: [UInt8], title: [UInt8], keys: SecurityKeys
    ) throws(DLMSError) -> UInt32? {
        guard answer.count == 17, answer[0] == SecurityControl.authenticated.rawValue else { return nil }
        let counter = answer[1..<5].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let own = try gmac(challenge, counter: counter, title: title, keys: keys)
        return Hash.equalInConstantTime(answer, own) ? counter : nil
    }
}
