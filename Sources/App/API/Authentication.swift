// Finds the session token of a request, proves writes that a browser sends by itself, makes the session cookie.
import Access
import Cryptography

public enum Authentication {
    public static let cookieName = "busbar_session"
    public static let csrfHeader = "X-CSRF-Token"
    public static let csrfField = "csrf"

    /// The token of a request. A bearer token goes before a cookie, and needs no CSRF proof: no browser sends it alone.
    struct Presented: Sendable {
        var token: String
        var isCookie: Bool
    }

    static func presented(_ headers: Headers) -> Presented? {
        if let header = headers["Authorization"] {
            let parts = header.split(separator: " ", omittingEmptySubsequences: true)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return Presented(token: String(parts[1]), isCookie: false)
        }
        let found = headers.all("Cookie").flatMap { $0.split(separator: ";") }.compactMap { part -> String? in
            let sides = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return sides.count == 2 && sides[0] == cookieName ? String(sides[1]) : nil
        }
        // Two cookies of the name: somebody on a neighbouring host may have planted one, so neither counts.
        // A key is a program's and never comes as a cookie.
        guard found.count == 1, let token = found.first, !token.hasPrefix(APIKeys.prefix) else { return nil }
        return Presented(token: token, isCookie: true)
    }

    /// The token as an answer shows it: another text each time, so that the length of a compressed page tells nothing
    /// (BREACH). A random mask, then the token under it, in hexadecimal digits.
    public static func masked(_ token: String) -> String {
        guard let bytes = Hash.bytes(hex: token) else { return token }
        let mask = Secret.bytes(bytes.count)
        return Secret.hex(mask + zip(bytes, mask).map { $0 ^ $1 })
    }

    /// Throws unless the token that came with the write is the session's, masked or as it is stored.
    static func proveCSRF(_ given: String?, _ session: SignedIn) throws {
        var given = given ?? ""
        if given.utf8.count == 2 * session.csrfToken.utf8.count, let bytes = Hash.bytes(hex: given) {
            let half = bytes.count / 2
            given = Secret.hex((0..<half).map { bytes[$0] ^ bytes[half + $0] })
        }
        guard !session.csrfToken.isEmpty,
            Hash.equalInConstantTime(Array(given.utf8), Array(session.csrfToken.utf8))
        else {
            throw Problem(.csrf, "The session's CSRF token is missing or wrong.", at: csrfHeader)
        }
    }

    /// A form from another site must not sign a browser in as somebody else: there is no session yet to prove it by.
    static func proveSameOrigin(_ headers: Headers) throws {
        if let site = headers["Sec-Fetch-Site"], site != "same-origin", site != "none" {
            throw Problem(.csrf, "This form was sent from another site.", at: "Sec-Fetch-Site")
        }
        guard let origin = headers["Origin"] else { return }
        let host = origin.split(separator: "/", omittingEmptySubsequences: true).last.map(String.init)
        guard host == headers["Host"] else {
            throw Problem(.csrf, "This form was sent from another site.", at: "Origin")
        }
    }

    /// `Set-Cookie` for a new session.
    public static func cookie(_ grant: SessionGrant, isHTTPS: Bool) -> String {
        let attributes = "Path=/; HttpOnly; SameSite=Lax; Max-Age=\(Sessions.lifetimeMs / 1000)"
        return "\(cookieName)=\(grant.token); \(attributes)\(isHTTPS ? "; Secure" : "")"
    }

    /// `Set-Cookie` that makes the browser forget.
    public static func noCookie(isHTTPS: Bool) -> String {
        "\(cookieName)=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0\(isHTTPS ? "; Secure" : "")"
    }
}
