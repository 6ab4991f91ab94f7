// The client's side of an association as a state machine: APDUs in, APDUs out. No sockets, no clock, no random bytes.
import Cryptography

/// How a client talks to one meter.
public struct ClientConfiguration: Sendable {
    public var mechanism: AuthenticationMechanism
    /// LLS password or HLS-2 secret.
    public var secret: [UInt8]
    /// With keys the context is ciphered (3) unless `ciphered` is false (HLS-5 in a plain context).
    public var keys: SecurityKeys?
    public var ciphered: Bool
    /// Eight octets; needed with keys.
    public var systemTitle: [UInt8]
    /// Fresh random octets for HLS (CtoS): 16 for HLS-2, 8...64 for HLS-5.
    public var challenge: [UInt8]
    /// First invocation counter of the range reserved for this association, and how many it may use.
    public var firstCounter: UInt32
    public var counterCount: UInt32
    public var maxPDU: UInt16
    public var conformance: Conformance
    /// Strict: the meter's counter must increase. False only for bench meters that restart it at each association.
    public var strictCounters: Bool
    /// Sends a (ciphered) initiate request inside the release request, as some meters insist on.
    public var releaseWithUserInformation: Bool
    /// Limit on a value put together from blocks, octets.
    public var maxValueBytes: Int

    public init(
        mechanism: AuthenticationMechanism, secret: [UInt8] = [], keys: SecurityKeys? = nil, ciphered: Bool = true,
        systemTitle: [UInt8] = [], challenge: [UInt8] = [], firstCounter: UInt32 = 1, counterCount: UInt32 = 10_000,
        maxPDU: UInt16 = 0xFFFF, conformance: Conformance = .spoken, strictCounters: Bool = true,
        releaseWithUserInformation: Bool = false, maxValueBytes: Int = 4 << 20
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
        self.strictCounters = strictCounters
        self.releaseWithUserInformation = releaseWithUserInformation
        self.maxValueBytes = maxValueBytes
    }
}

/// What an answer of the meter means.
public enum ClientEvent: Hashable, Sendable {
    /// Send these octets and wait again: the next step of the handshake or the next block.
    case send([UInt8])
    case associated
    /// The answer to `get`.
    case value(DLMSData)
    /// The answer to `getList`, in the order asked.
    case values([AccessResult])
    /// The answer to `set` or `act`; a method may return data.
    case done(DLMSData?)
    /// The meter refused this request; the association stands.
    case failed(DataAccessResult)
    case released
}

/// One association. One request at a time: call a request function, send its octets, feed every answer to `receive`
/// until it gives something other than `.send`. An error other than `.exception` ends the association: drop the connection.
public struct DLMSClient: Sendable {
    public let configuration: ClientConfiguration
    public init(_ configuration: ClientConfiguration) { self.configuration = configuration }

    public private(set) var isAssociated = false
    /// The next counter that would be used; store a mark at or above it before sending.
    public private(set) var nextCounter: UInt32 = 0
    /// What the meter granted; nil before.
    public private(set) var granted: InitiateResponse?
    /// The title the meter sent; nil before.
    public private(set) var serverSystemTitle: [UInt8]?
    /// The last counter of the meter, to carry over to the next association in strict mode.
    public var lastServerCounter: UInt32?

    /// AARQ.
    public mutating func associate() throws(DLMSError) -> [UInt8] { throw .unsupported("not there yet") }
    public mutating func get(
        _ reference: AttributeReference, _ selector: Selector? = nil
    ) throws(DLMSError) -> [UInt8] { throw .unsupported("not there yet") }
    public mutating func getList(_ list: [AttributeAccess]) throws(DLMSError) -> [UInt8] {
        throw .unsupported("not there yet")
    }
    public mutating func set(
        _ reference: AttributeReference, _ value: DLMSData, _ selector: Selector? = nil
    ) throws(DLMSError) -> [UInt8] { throw .unsupported("not there yet") }
    public mutating func act(
        _ method: MethodReference, _ parameter: DLMSData? = nil
    ) throws(DLMSError) -> [UInt8] { throw .unsupported("not there yet") }
    /// RLRQ.
    public mutating func release() throws(DLMSError) -> [UInt8] { throw .unsupported("not there yet") }
    public mutating func receive(_ apdu: [UInt8]) throws(DLMSError) -> ClientEvent {
        throw .unsupported("not there yet")
    }
}
