// What a client is told before it talks to a meter. Values only: random octets and counters come from the caller.

/// How a client talks to one meter.
public struct ClientConfiguration: Sendable {
    public var mechanism: AuthenticationMechanism
    /// LLS password or the secret of HLS 2, 3, 4 and 6.
    public var secret: [UInt8]
    /// With keys the context is ciphered (3) unless `ciphered` is false (HLS-5 in a plain context).
    public var keys: SecurityKeys?
    public var ciphered: Bool
    /// Eight octets; needed with keys and for HLS-6.
    public var systemTitle: [UInt8]
    /// Fresh random octets for HLS (CtoS): 16 for HLS-2, 8...64 for the others.
    public var challenge: [UInt8]
    /// First invocation counter of the range reserved for this association, and how many it may use.
    public var firstCounter: UInt32
    public var counterCount: UInt32
    public var maxPDU: UInt16
    public var conformance: Conformance
    /// How requests are protected; answers must be protected at least as well.
    public var control: SecurityControl
    /// Strict: the meter's counter must increase. False only for bench meters that restart it at each association.
    public var strictCounters: Bool
    /// Sends a (ciphered) initiate request inside the release request, as some meters insist on.
    public var releaseWithUserInformation: Bool
    /// Limit on a value put together from blocks, octets.
    public var maxValueBytes: Int
    /// Fresh random octets, as many as a key has: handed over in the ciphered initiate request and used in place of
    /// the global key from then on.
    public var dedicatedKey: [UInt8]?
    /// General blocks in a row that this client takes, 1...63; above 1 `receive` may give `.wait`.
    public var blockWindow: UInt8

    public init(
        mechanism: AuthenticationMechanism, secret: [UInt8] = [], keys: SecurityKeys? = nil, ciphered: Bool = true,
        systemTitle: [UInt8] = [], challenge: [UInt8] = [], firstCounter: UInt32 = 1, counterCount: UInt32 = 10_000,
        maxPDU: UInt16 = 0xFFFF, conformance: Conformance = .spoken,
        control: SecurityControl = .authenticatedEncrypted, strictCounters: Bool = true,
        releaseWithUserInformation: Bool = false,
        maxValueBytes: Int = 4 << 20, dedicatedKey: [UInt8]? = nil, blockWindow: UInt8 = 1
    ) {
        self.mechanism = mechanism
        self.secret = secret
        self.keys = keys
        self.ciphered = ciphered
        self.systemTitle = systemTitle
        self.challenge = challenge
        self.firstCounter = firstCounter
        self.counterCount = counterCount
        self.maxPDU = maxPDU
        self.conformance = conformance
        self.control = control
        self.strictCounters = strictCounters
        self.releaseWithUserInformation = releaseWithUserInformation
        self.maxValueBytes = maxValueBytes
        self.dedicatedKey = dedicatedKey
        self.blockWindow = blockWindow
    }
}

/// How requests are protected in a ciphered association. Any mix within one association is allowed.
public enum ProtectionForm: Hashable, Sendable {
    /// Dedicated key when there is one, general protection when it was granted.
    case automatic
    /// glo-get-request and its like.
    case global
    /// ded-get-request and its like.
    case dedicated
    case generalGlobal
    case generalDedicated
}
