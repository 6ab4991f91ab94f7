// What endpoints and pages have at hand. Built by the composition root; tests build it with a database of their own.
import Access
import IS15959
import MeterPort
import Payments
import Synchronization

/// How often one caller may ask, by kind of request.
public enum RateClass: String, Sendable, CaseIterable {
    /// Not counted: health checks and documents.
    case uncounted
    case reading
    case writing
    /// Searches, exports, whatever costs more than a few milliseconds.
    case heavy
    case signIn = "sign-in"
}

public struct HTTPLimits: Sendable {
    public var pathBytesMax = 4096
    public var handlerLimitMs: Int64 = 30_000
    public var bodyReadLimitMs: Int64 = 20_000
    public var connectionsMax = 2000
    public var idleSeconds: Int64 = 75
    /// A minute, by login or key, or by address for a caller who is not signed in. Nil: not counted.
    public var perMinute: [RateClass: Int] = [.reading: 1200, .writing: 240, .heavy: 60, .signIn: 60]
    public init() {}
}

public struct Services: Sendable {
    public var site: Site
    public var sessions: Sessions
    public var passwords: PasswordHasher
    public var settings: SettingRegistry
    public var limits: HTTPLimits
    /// Pages are reached by https (a proxy in front): cookies are `Secure` and browsers are told to stay with it.
    public var isHTTPS: Bool
    /// A proxy in front writes X-Forwarded-For: its last entry is the caller. Set it only behind such a proxy.
    public var trustsForwarded: Bool
    /// One line of the access log.
    public var log: @Sendable (AccessLine) -> Void
    /// Compresses a body; nil sends it as it is. Composition sets `Compression.gzip`.
    public var gzip: (@Sendable ([UInt8]) -> [UInt8])?
    /// The simulator of meters of a demonstration; nil: there is none, and no page for it.
    public var simulator: (any SimulatorControl)?
    /// Payments through gateways; nil: there are none.
    public var payments: PaymentDesk?
    /// What the profile of a meter may be called: the kinds of the program and of makers' files.
    public var meterProfiles: [String] = ProfileBook.standard.names
    /// Whether requests should come here, and why not.
    public var readiness = Readiness()
    /// What `/status`, `/line` and the figures for Prometheus share.
    public var board: StatusBoard
    let rates: Rates

    /// - Parameter ring: seals the secrets of second steps; without it none can be set up.
    public init(
        site: Site, passwords: PasswordHasher = PasswordHasher(), ring: KeyRing? = nil, settings: SettingRegistry,
        limits: HTTPLimits = HTTPLimits(), isHTTPS: Bool = false, trustsForwarded: Bool = false,
        log: @escaping @Sendable (AccessLine) -> Void, gzip: (@Sendable ([UInt8]) -> [UInt8])? = nil
    ) {
        self.site = site
        self.passwords = passwords
        self.settings = settings
        self.limits = limits
        self.isHTTPS = isHTTPS
        self.trustsForwarded = trustsForwarded
        self.log = log
        self.gzip = gzip
        sessions = Sessions(site: site, passwords: passwords, ring: ring)
        rates = Rates(limits)
        board = StatusBoard(site: site)
    }
}

/// Requests counted by class and caller.
struct Rates: Sendable {
    private let counters: [RateClass: AttemptCounter]

    init(_ limits: HTTPLimits) {
        counters = limits.perMinute.mapValues { AttemptCounter(limit: $0, windowMs: 60_000) }
    }

    /// What is left to a caller, as the headers RateLimit-Policy and RateLimit say it
    /// (draft-ietf-httpapi-ratelimit-headers).
    struct Left: Sendable {
        var policy: String
        var standing: String
    }

    /// Throws `tooMany` with the seconds to wait. Nil: not counted.
    @discardableResult
    func count(_ rate: RateClass, caller: String, nowMs: Int64) throws -> Left? {
        guard let counter = counters[rate] else { return nil }
        let standing = counter.count(caller, nowMs: nowMs)
        let resetS = (standing.resetMs + 999) / 1000
        let left = Left(
            policy: "\"\(rate.rawValue)\";q=\(counter.limit);w=\(counter.windowMs / 1000)",
            standing: "\"\(rate.rawValue)\";r=\(standing.left);t=\(resetS)")
        guard standing.isAllowed else {
            var problem = Problem(Refusal(.tooMany, "Too many requests in a minute.", retryAfterS: resetS))
            problem.headers["RateLimit-Policy"] = left.policy
            problem.headers["RateLimit"] = left.standing
            throw problem
        }
        return left
    }
}
