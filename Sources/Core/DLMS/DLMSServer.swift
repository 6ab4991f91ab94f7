// The meter's side of its associations as a state machine: APDUs in, APDUs out. No sockets, no clock, no random bytes.
import Cryptography

/// The objects behind a server. Selective access is for the object to apply.
public protocol COSEMObjects {
    /// An object that is not there is `.failure(.objectUndefined)`.
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
    /// Largest APDU the meter takes and sends, 64 octets at least.
    public var maxPDU: UInt16
    /// How answers are protected in a ciphered association; requests must be protected at least as well.
    public var control: SecurityControl
    /// The release response carries the initiate response, as many meters do.
    public var releaseWithUserInformation: Bool
    public init(
        systemTitle: [UInt8], associations: [UInt16: ServerAssociation], maxPDU: UInt16 = 512,
        control: SecurityControl = .authenticatedEncrypted, releaseWithUserInformation: Bool = false
    ) {
        self.systemTitle = systemTitle
        self.associations = associations
        self.maxPDU = max(64, maxPDU)
        self.control = control
        self.releaseWithUserInformation = releaseWithUserInformation
    }
}

/// One meter. Keeps its counters over connections; the association lasts as long as the connection.
public struct DLMSServer: Sendable {
    public let configuration: ServerConfiguration
    /// The next counter of the meter. One for all associations, for they may share a key; it never goes back.
    public private(set) var nextCounter: UInt32
    /// The last accepted counter of each client address (what 0.0.43.1.x shows).
    public private(set) var clientCounter: [UInt16: UInt32]

    struct Session: Sendable {
        var client: UInt16
        var association: ServerAssociation
        var clientTitle: [UInt8]
        var conformance: Conformance
        /// Largest answer, octets.
        var maxPDU: Int
        /// Both challenges until the client has proved itself; then nil.
        var challenges: (ctos: [UInt8], stoc: [UInt8])?
        /// A long answer being sent: what is left starts at `offset`.
        var longGet: (bytes: [UInt8], offset: Int, number: UInt32)?
        /// A long value being received.
        var longSet: (access: AttributeAccess, bytes: [UInt8], number: UInt32)?
    }

    var session: Session?
    var seed: [UInt8] = []
    var challengesDrawn: UInt8 = 0

    public init(_ configuration: ServerConfiguration, nextCounter: UInt32 = 0, clientCounter: [UInt16: UInt32] = [:]) {
        self.configuration = configuration
        self.nextCounter = nextCounter
        self.clientCounter = clientCounter
    }

    /// Call for every TCP connection with at least 16 fresh random octets: the challenges are drawn from them.
    /// Without it no HLS association is granted.
    public mutating func connectionOpened(seed: [UInt8]) {
        session = nil
        self.seed = seed
        challengesDrawn = 0
    }

    /// Call when the connection ends: forgets the association.
    public mutating func connectionClosed() {
        session = nil
        seed = []
    }

    /// The client address of the present association, when it has proved itself.
    public var associatedClient: UInt16? {
        guard let session, session.challenges == nil else { return nil }
        return session.client
    }

    /// Takes one APDU of that client address. Nil: nothing to answer.
    public mutating func receive(
        _ apdu: [UInt8], from client: UInt16, objects: inout some COSEMObjects
    ) -> [UInt8]? {
        do {
            return try handle(try APDU(bytes: apdu), client, &objects)
        } catch {
            switch error {
            case .exception(let response): return APDU.exception(response).bytes
            case .unsupported: return APDU.exception(.serviceNotSupported).bytes
            case .deciphering: return APDU.exception(.deciphering).bytes
            default: return APDU.exception(.otherReason).bytes
            }
        }
    }

    /// A push, protected when that client address is configured with keys and ciphering.
    public mutating func notification(
        _ notification: DataNotification, to client: UInt16
    ) throws(DLMSError) -> [UInt8] {
        let plain = APDU.dataNotification(notification)
        guard let association = configuration.associations[client], association.ciphered, let keys = association.keys
        else { return plain.bytes }
        return try seal(plain, .generalGlobal(systemTitle: configuration.systemTitle), keys)
    }

    private mutating func handle(
        _ apdu: APDU, _ client: UInt16, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> [UInt8]? {
        switch apdu {
        case .associateRequest(let request): return try associate(request, client)
        case .releaseRequest: return try release(client)
        case .ciphered(let sealed):
            guard let session, session.client == client, session.association.ciphered,
                let keys = session.association.keys
            else { throw .exception(.serviceUnknown) }
            let plain = try open(sealed, title: session.clientTitle, keys: keys, client: client)
            let form = answerForm(sealed.form)
            guard let answer = try serve(plain, client, form, &objects) else { return nil }
            return try seal(answer, form(answer), keys)
        case .getRequest, .setRequest, .actionRequest:
            guard let session, session.client == client else { throw .exception(.serviceUnknown) }
            guard !session.association.ciphered else { throw .exception(.notAllowed) }
            return try serve(apdu, client, nil, &objects)?.bytes
        default: return nil
        }
    }

    // MARK: Protection

    mutating func takeCounter() throws(DLMSError) -> UInt32 {
        guard nextCounter < .max else { throw .exception(.notAllowed) }
        nextCounter += 1
        return nextCounter - 1
    }

    /// Answers come back in the form of the request.
    private func answerForm(_ request: CipheredAPDU.Form) -> (APDU) -> CipheredAPDU.Form {
        let title = configuration.systemTitle
        switch request {
        case .service:
            return { .service(tag: $0.bytes.first.flatMap { CipheredAPDU.globalTag(of: $0) } ?? 0) }
        case .generalGlobal, .generalDedicated: return { _ in .generalGlobal(systemTitle: title) }
        }
    }

    mutating func seal(
        _ apdu: APDU, _ form: CipheredAPDU.Form, _ keys: SecurityKeys
    ) throws(DLMSError) -> [UInt8] {
        let counter = try takeCounter()
        let sealed = try CipheredAPDU.seal(
            apdu.bytes, form: form, control: configuration.control, counter: counter,
            title: configuration.systemTitle, keys: keys)
        return APDU.ciphered(sealed).bytes
    }

    /// The tag is checked before the counter: a forgery must not move it.
    mutating func open(
        _ sealed: CipheredAPDU, title: [UInt8], keys: SecurityKeys, client: UInt16
    ) throws(DLMSError) -> APDU {
        let wanted = configuration.control.rawValue & 0x30
        guard sealed.control.rawValue & wanted == wanted else { throw .deciphering("too weak") }
        let plaintext = try sealed.open(title: title, keys: keys)
        let last = clientCounter[client]
        if let last, sealed.counter <= last { throw .exception(.counter(expected: last &+ 1)) }
        clientCounter[client] = sealed.counter
        if case .service(let tag) = sealed.form, CipheredAPDU.plainTag(of: tag) != plaintext.first {
            throw .unsupported("tag \(tag) around another service")
        }
        return try APDU(bytes: plaintext)
    }
}
