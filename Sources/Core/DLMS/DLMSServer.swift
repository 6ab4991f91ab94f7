// The meter's side of its associations as a state machine: APDUs in, APDUs out. No sockets, no clock, no random bytes.
import Cryptography

/// The objects behind a server. Selective access is for the object to apply.
public protocol COSEMObjects {
    mutating func read(_ access: AttributeAccess, client: UInt16) -> AccessResult
    mutating func write(_ access: AttributeAccess, _ value: DLMSData, client: UInt16) -> DataAccessResult
    /// Success carries what the method returns, mostly nothing.
    mutating func act(
        _ method: MethodReference, _ parameter: DLMSData?, client: UInt16
    ) -> Result<DLMSData?, DataAccessResult>
}

/// One way in: what a client address must bring.
public struct ServerAssociation: Sendable {
    public var mechanism: AuthenticationMechanism
    /// LLS password or HLS-2 secret.
    public var secret: [UInt8]
    /// Needed for HLS-5 and for ciphering.
    public var keys: SecurityKeys?
    /// True: only the ciphered context (3), every APDU authenticated and encrypted. False: only the plain one (1).
    public var ciphered: Bool
    public var conformance: Conformance
    public init(
        mechanism: AuthenticationMechanism, secret: [UInt8] = [], keys: SecurityKeys? = nil, ciphered: Bool = false,
        conformance: Conformance = .spoken
    ) {
        self.mechanism = mechanism
        self.secret = secret
        self.keys = keys
        self.ciphered = ciphered
        self.conformance = conformance
    }
}

public struct ServerConfiguration: Sendable {
    /// Eight octets.
    public var systemTitle: [UInt8]
    /// By client address (SAP): 16 public, 32 reader, 48 utility, ...
    public var associations: [UInt16: ServerAssociation]
    public var maxPDU: UInt16
    /// The release response carries the initiate response, as many meters do.
    public var releaseWithUserInformation: Bool
    public init(
        systemTitle: [UInt8], associations: [UInt16: ServerAssociation], maxPDU: UInt16 = 512,
        releaseWithUserInformation: Bool = false
    ) {
        self.systemTitle = systemTitle
        self.associations = associations
        self.maxPDU = maxPDU
        self.releaseWithUserInformation = releaseWithUserInformation
    }
}

/// One meter. Keeps its counters over connections; `connectionOpened` forgets the association of the last one.
public struct DLMSServer: Sendable {
    public var configuration: ServerConfiguration
    /// The next counter of the meter, per client address (one security setup each); never goes back.
    public private(set) var nextCounter: [UInt16: UInt32]
    /// The last accepted counter of each client address (what 0.0.43.1.x shows).
    public private(set) var clientCounter: [UInt16: UInt32]

    public init(
        _ configuration: ServerConfiguration, nextCounter: [UInt16: UInt32] = [:],
        clientCounter: [UInt16: UInt32] = [:]
    ) {
        self.configuration = configuration
        self.nextCounter = nextCounter
        self.clientCounter = clientCounter
    }

    /// Call for every TCP connection with at least 16 fresh random octets: challenges are drawn from them.
    public mutating func connectionOpened(seed: [UInt8]) {}
    /// Forgets the association; call when the connection ends.
    public mutating func connectionClosed() {}
    /// The client address of the present association.
    public private(set) var associatedClient: UInt16?

    /// Nil: nothing to answer (an unconfirmed request or a notification).
    public mutating func receive(
        _ apdu: [UInt8], from client: UInt16, objects: inout some COSEMObjects
    ) -> [UInt8]? { nil }

    /// A push for that client address, protected with its keys when it has a ciphered association.
    public mutating func notification(_ notification: DataNotification, to client: UInt16) throws(DLMSError) -> [UInt8] {
        throw .unsupported("not there yet")
    }
}
