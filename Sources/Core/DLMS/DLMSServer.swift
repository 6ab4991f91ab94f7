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
    /// LLS password or the secret of HLS 2, 3, 4 and 6.
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
    /// General blocks in a row that the meter takes, 1...63.
    public var blockWindow: UInt8
    /// Largest value or parameter that a client may send in blocks, octets.
    public var maxValueBytes: Int
    public init(
        systemTitle: [UInt8], associations: [UInt16: ServerAssociation], maxPDU: UInt16 = 512,
        control: SecurityControl = .authenticatedEncrypted, releaseWithUserInformation: Bool = false,
        blockWindow: UInt8 = 1, maxValueBytes: Int = 65_536
    ) {
        self.systemTitle = systemTitle
        self.associations = associations
        self.maxPDU = max(64, maxPDU)
        self.control = control
        self.releaseWithUserInformation = releaseWithUserInformation
        self.blockWindow = blockWindow
        self.maxValueBytes = maxValueBytes
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
        /// A long answer being sent.
        var longAnswer: LongAnswer?
        /// A long request being received.
        var longRequest: LongRequest?
        /// From the initiate request; replaces the global encryption key in ded- and general-ded APDUs.
        var dedicatedKey: [UInt8]?
        var lastDedicatedCounter: UInt32?
        var transfer: BlockTransfer?
    }

    struct LongAnswer: Sendable {
        enum Service { case get, action }
        var service: Service
        var bytes: [UInt8]
        /// What is left starts here.
        var offset = 0
        /// The block sent last.
        var number: UInt32 = 0
    }

    struct LongRequest: Sendable {
        enum Target {
            case set(AttributeAccess)
            case setList([AttributeAccess])
            case act(MethodReference)
            case actList([MethodReference])
        }
        var target: Target
        var bytes: [UInt8] = []
        /// The block expected next.
        var number: UInt32 = 1
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

    /// Takes one APDU of that client address. Nil: nothing to answer. General blocks go out one by one.
    public mutating func receive(
        _ apdu: [UInt8], from client: UInt16, objects: inout some COSEMObjects
    ) -> [UInt8]? {
        receive(apdu, from: client, objects: &objects, maxWindow: 1).first
    }

    /// As above, for a transport that can send several APDUs in a row: as many general blocks as the client takes, up
    /// to `maxWindow`.
    public mutating func receive(
        _ apdu: [UInt8], from client: UInt16, objects: inout some COSEMObjects, maxWindow: Int
    ) -> [[UInt8]] {
        do throws(DLMSError) {
            let request = try APDU(bytes: apdu)
            if case .generalBlock(let block) = request {
                return try transferred(block, client, &objects, maxWindow)
            }
            session?.transfer = nil
            guard let answer = try handle(request, client, &objects) else { return [] }
            guard let open = session, answer.count > open.maxPDU, open.conformance.contains(.generalBlockTransfer)
            else { return [answer] }
            var moving = newTransfer(open, maxWindow)
            let blocks = try moving.send(answer)
            session?.transfer = moving
            return blocks
        } catch {
            return [Self.answer(to: error)]
        }
    }

    private static func answer(to error: DLMSError) -> [UInt8] {
        switch error {
        case .exception(let response): APDU.exception(response).bytes
        case .unsupported: APDU.exception(.serviceNotSupported).bytes
        case .deciphering: APDU.exception(.deciphering).bytes
        default: APDU.exception(.otherReason).bytes
        }
    }

    private func newTransfer(_ open: Session, _ maxWindow: Int) -> BlockTransfer {
        BlockTransfer(
            isClient: false, maxPDU: open.maxPDU, window: configuration.blockWindow,
            maxBytes: configuration.maxValueBytes + 1024, maxWindow: maxWindow)
    }

    private mutating func transferred(
        _ block: GeneralBlock, _ client: UInt16, _ objects: inout some COSEMObjects, _ maxWindow: Int
    ) throws(DLMSError) -> [[UInt8]] {
        guard let open = session, open.client == client, open.challenges == nil,
            open.conformance.contains(.generalBlockTransfer)
        else { throw .exception(.serviceUnknown) }
        var moving = open.transfer ?? newTransfer(open, maxWindow)
        if moving.isOfAnother(block) { moving = newTransfer(open, maxWindow) }
        session?.transfer = nil
        let step = try moving.receive(block)
        var blocks = step.send
        if let message = step.message {
            let answer: [UInt8]?
            do throws(DLMSError) {
                let request = try APDU(bytes: message)
                if case .generalBlock = request { throw .unsupported("block transfer inside a block transfer") }
                answer = try handle(request, client, &objects)
            } catch {
                answer = Self.answer(to: error)
            }
            guard let answer else { return [] }
            blocks = try moving.send(answer)
        }
        session?.transfer = moving
        return blocks
    }

    /// The time-out of the transport passed amid a general block transfer: what to send again, if anything.
    public mutating func timedOut() -> [[UInt8]] {
        guard var moving = session?.transfer, moving.isSending else { return [] }
        let blocks = try? moving.timedOut()
        session?.transfer = blocks == nil ? nil : moving
        return blocks ?? []
    }

    /// A push, protected when that client address is configured with keys and ciphering.
    public mutating func notification(
        _ notification: DataNotification, to client: UInt16
    ) throws(DLMSError) -> [UInt8] {
        try pushed(.dataNotification(notification), to: client)
    }

    /// One attribute, unasked, protected likewise.
    public mutating func notification(
        _ notification: EventNotification, to client: UInt16
    ) throws(DLMSError) -> [UInt8] {
        try pushed(.eventNotification(notification), to: client)
    }

    private mutating func pushed(_ plain: APDU, to client: UInt16) throws(DLMSError) -> [UInt8] {
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
                var keys = session.association.keys
            else { throw .exception(.serviceUnknown) }
            if sealed.form.isDedicated {
                guard let key = session.dedicatedKey else { throw .deciphering("no dedicated key") }
                keys.encryption = key
            }
            let plain = try open(sealed, title: session.clientTitle, keys: keys, client: client)
            let form = answerForm(sealed.form)
            guard let answer = try serve(plain, client, form, &objects) else { return nil }
            return try seal(answer, form(answer), keys)
        case .getRequest, .setRequest, .actionRequest, .accessRequest:
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
            let isDedicated = request.isDedicated
            return { apdu in
                let tag = apdu.bytes.first ?? 0
                let own = isDedicated ? CipheredAPDU.dedicatedTag(of: tag) : CipheredAPDU.globalTag(of: tag)
                // An exception response has no service-specific form.
                return own.map { .service(tag: $0) } ?? .generalGlobal(systemTitle: title)
            }
        case .generalGlobal: return { _ in .generalGlobal(systemTitle: title) }
        case .generalDedicated: return { _ in .generalDedicated(systemTitle: title) }
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
        // A dedicated key lives with its association, and so does its counter.
        let last = sealed.form.isDedicated ? session?.lastDedicatedCounter : clientCounter[client]
        if let last, sealed.counter <= last { throw .exception(.counter(expected: last &+ 1)) }
        if sealed.form.isDedicated {
            session?.lastDedicatedCounter = sealed.counter
        } else {
            clientCounter[client] = sealed.counter
        }
        if case .service(let tag) = sealed.form, CipheredAPDU.plainTag(of: tag) != plaintext.first {
            throw .unsupported("tag \(tag) around another service")
        }
        return try APDU(bytes: plaintext)
    }
}
