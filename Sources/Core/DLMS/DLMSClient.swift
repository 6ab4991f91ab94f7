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
    /// How requests are protected; answers must be protected at least as well.
    public var control: SecurityControl
    /// Strict: the meter's counter must increase. False only for bench meters that restart it at each association.
    public var strictCounters: Bool
    /// Sends a (ciphered) initiate request inside the release request, as some meters insist on.
    public var releaseWithUserInformation: Bool
    /// Limit on a value put together from blocks, octets.
    public var maxValueBytes: Int

    public init(
        mechanism: AuthenticationMechanism, secret: [UInt8] = [], keys: SecurityKeys? = nil, ciphered: Bool = true,
        systemTitle: [UInt8] = [], challenge: [UInt8] = [], firstCounter: UInt32 = 1, counterCount: UInt32 = 10_000,
        maxPDU: UInt16 = 0xFFFF, conformance: Conformance = .spoken,
        control: SecurityControl = .authenticatedEncrypted, strictCounters: Bool = true,
        releaseWithUserInformation: Bool = false,
        maxValueBytes: Int = 4 << 20
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
/// until it gives something other than `.send`. After `.exception` the association may go on; any other error ends it:
/// drop the connection.
public struct DLMSClient: Sendable {
    public let configuration: ClientConfiguration
    /// The next counter that would be used. The range was reserved before, so nothing needs storing on the way.
    public private(set) var nextCounter: UInt32
    /// What the meter granted; nil before.
    public private(set) var granted: InitiateResponse?
    /// The title the meter sent; nil before.
    public private(set) var serverSystemTitle: [UInt8]?
    /// The last counter of the meter. Set it from the association before to refuse replays across associations.
    public var lastServerCounter: UInt32?

    private enum State: Sendable {
        case idle, associating
        case proving(stoc: [UInt8])
        case ready
        case waiting(Request)
        case releasing, closed
    }
    private enum Request: Sendable {
        case get
        case getList(count: Int)
        case set
        case act
    }

    private var state = State.idle
    private var usedCounters: UInt32 = 0
    private var invokeNumber: UInt8 = 0
    /// A value being put together from blocks, and the block that comes next.
    private var assembled: [UInt8] = []
    private var nextBlock: UInt32 = 1

    public init(_ configuration: ClientConfiguration) {
        self.configuration = configuration
        nextCounter = configuration.firstCounter
    }

    /// True from `.associated` to `.released` or an error.
    public var isAssociated: Bool {
        switch state {
        case .ready, .waiting: true
        default: false
        }
    }

    private var isCiphered: Bool { configuration.keys != nil && configuration.ciphered }

    // MARK: Requests

    /// AARQ. Then `receive` gives `.send` (pass 3 of HLS) or `.associated`.
    public mutating func associate() throws(DLMSError) -> [UInt8] {
        guard case .idle = state else { throw .unexpected("associate called twice") }
        try checkConfiguration()
        let value: [UInt8]? =
            switch configuration.mechanism {
            case .none: nil
            case .low: configuration.secret
            default: configuration.challenge
            }
        let request = AssociateRequest(
            context: isCiphered ? 3 : 1, systemTitle: configuration.keys == nil ? nil : configuration.systemTitle,
            mechanism: configuration.mechanism, authenticationValue: value, userInformation: try initiate())
        state = .associating
        return APDU.associateRequest(request).bytes
    }

    private func checkConfiguration() throws(DLMSError) {
        switch configuration.mechanism {
        case .none, .low: break
        case .high:
            guard (1...16).contains(configuration.secret.count) else {
                throw .configuration("HLS-2 secret of \(configuration.secret.count) octets, 1 to 16 needed")
            }
        case .highGMAC:
            guard configuration.keys != nil else { throw .configuration("HLS-5 needs keys") }
        default: throw .configuration("mechanism \(configuration.mechanism) is not spoken")
        }
        if configuration.mechanism == .high || configuration.mechanism == .highGMAC {
            guard (8...64).contains(configuration.challenge.count) else {
                throw .configuration("challenge of \(configuration.challenge.count) octets, 8 to 64 needed")
            }
        }
        if configuration.keys != nil, configuration.systemTitle.count != 8 {
            throw .configuration("system title of \(configuration.systemTitle.count) octets, 8 needed")
        }
    }

    private mutating func initiate() throws(DLMSError) -> [UInt8] {
        let request = InitiateRequest(conformance: configuration.conformance, maxPDU: configuration.maxPDU)
        return try seal(.initiateRequest(request))
    }

    /// Reads one attribute: `.value` or `.failed`, with `.send` between when it comes in blocks.
    public mutating func get(
        _ reference: AttributeReference, _ selector: Selector? = nil
    ) throws(DLMSError) -> [UInt8] {
        let invoke = try beginRequest()
        let body = GetRequest.Body.normal(AttributeAccess(reference, selector))
        return try finish(.getRequest(GetRequest(invoke: invoke, body: body)), .get)
    }

    /// Reads several attributes at once: `.values` in the order asked.
    public mutating func getList(_ list: [AttributeAccess]) throws(DLMSError) -> [UInt8] {
        guard (1...DLMSLimits.maxListItems).contains(list.count) else { throw .tooLarge("list of \(list.count)") }
        let invoke = try beginRequest()
        let request = GetRequest(invoke: invoke, body: .withList(list))
        return try finish(.getRequest(request), .getList(count: list.count))
    }

    /// Writes one attribute: `.done(nil)` or `.failed`. The request must fit one PDU of the meter.
    public mutating func set(
        _ reference: AttributeReference, _ value: DLMSData, _ selector: Selector? = nil
    ) throws(DLMSError) -> [UInt8] {
        let invoke = try beginRequest()
        let body = SetRequest.Body.normal(AttributeAccess(reference, selector), value)
        return try finish(.setRequest(SetRequest(invoke: invoke, body: body)), .set)
    }

    /// Calls a method: `.done` with what it returns, or `.failed`. Without parameter the field is left out;
    /// most methods of meters want `.integer(0)`.
    public mutating func act(
        _ method: MethodReference, _ parameter: DLMSData? = nil
    ) throws(DLMSError) -> [UInt8] {
        let invoke = try beginRequest()
        return try finish(
            .actionRequest(ActionRequest(invoke: invoke, method: method, parameter: parameter)), .act)
    }

    /// RLRQ. Then `receive` gives `.released`.
    public mutating func release() throws(DLMSError) -> [UInt8] {
        guard case .ready = state else { throw .unexpected("release without an association or amid a request") }
        let information = configuration.releaseWithUserInformation ? try initiate() : nil
        state = .releasing
        return APDU.releaseRequest(Release(userInformation: information)).bytes
    }

    private mutating func beginRequest() throws(DLMSError) -> UInt8 {
        guard case .ready = state else { throw .unexpected("request without an association or amid another") }
        invokeNumber = invokeNumber % 15 + 1
        return 0xC0 | invokeNumber
    }

    /// The state changes only when the request could be made.
    private mutating func finish(_ apdu: APDU, _ request: Request) throws(DLMSError) -> [UInt8] {
        let limit = Int(granted?.maxPDU ?? 0)
        let plainCount = apdu.bytes.count
        let overhead =
            isCiphered
            ? CipheredAPDU.overhead(form(of: apdu), configuration.control, plainCount: plainCount) : 0
        guard limit == 0 || plainCount + overhead <= limit else {
            throw .tooLarge("request of \(plainCount + overhead) octets, the meter takes \(limit)")
        }
        let bytes = try seal(apdu)
        assembled = []
        nextBlock = 1
        state = .waiting(request)
        return bytes
    }

    // MARK: Protection

    private mutating func takeCounter() throws(DLMSError) -> UInt32 {
        // The highest counter is never used: the next one would be zero again.
        guard usedCounters < configuration.counterCount, nextCounter < .max else { throw .counterExhausted }
        usedCounters += 1
        nextCounter += 1
        return nextCounter - 1
    }

    /// Service-specific until the association stands, then general protection when the meter granted it.
    private func form(of apdu: APDU) -> CipheredAPDU.Form {
        if case .initiateRequest = apdu { return .service(tag: 0x21) }
        if isAssociated, granted?.conformance.contains(.generalProtection) == true {
            return .generalGlobal(systemTitle: configuration.systemTitle)
        }
        return .service(tag: apdu.bytes.first.flatMap { CipheredAPDU.globalTag(of: $0) } ?? 0)
    }

    private mutating func seal(_ apdu: APDU) throws(DLMSError) -> [UInt8] {
        guard isCiphered, let keys = configuration.keys else { return apdu.bytes }
        let counter = try takeCounter()
        let sealed = try CipheredAPDU.seal(
            apdu.bytes, form: form(of: apdu), control: configuration.control, counter: counter,
            title: configuration.systemTitle, keys: keys)
        return APDU.ciphered(sealed).bytes
    }

    private mutating func open(_ sealed: CipheredAPDU) throws(DLMSError) -> APDU {
        guard isCiphered, let keys = configuration.keys else {
            throw .unexpected("protected answer in a plain context")
        }
        let wanted = configuration.control.rawValue & 0x30
        guard sealed.control.rawValue & wanted == wanted else {
            throw .deciphering("answer with security control \(sealed.control.rawValue), too weak")
        }
        let plaintext = try sealed.open(title: serverSystemTitle ?? [], keys: keys)
        try accept(counter: sealed.counter, above: lastServerCounter)
        let apdu = try APDU(bytes: plaintext)
        if case .ciphered = apdu { throw .unexpected("protected twice") }
        if case .service(let tag) = sealed.form, CipheredAPDU.plainTag(of: tag) != plaintext.first {
            throw .unexpected("tag \(tag) around an APDU with tag \(plaintext.first ?? 0)")
        }
        return apdu
    }

    private mutating func accept(counter: UInt32, above last: UInt32?) throws(DLMSError) {
        if configuration.strictCounters, let last, counter <= last {
            throw .counterNotIncreasing(got: counter, last: last)
        }
        lastServerCounter = max(lastServerCounter ?? 0, counter)
    }

    // MARK: Answers

    /// Takes one APDU of the meter.
    public mutating func receive(_ apdu: [UInt8]) throws(DLMSError) -> ClientEvent {
        do {
            return try handle(apdu)
        } catch {
            if case .exception = error, case .waiting = state { state = .ready } else { state = .closed }
            throw error
        }
    }

    private mutating func handle(_ bytes: [UInt8]) throws(DLMSError) -> ClientEvent {
        let counterBefore = lastServerCounter
        var apdu = try APDU(bytes: bytes)
        switch apdu {
        case .exception(let response): throw .exception(response)
        case .confirmedServiceError(let error): throw .serviceError(error)
        case .associateResponse, .releaseResponse: break
        case .ciphered(let sealed): apdu = try open(sealed)
        default:
            guard !isCiphered else { throw .unexpected("plain answer in a ciphered context") }
        }
        switch (state, apdu) {
        case (.associating, .associateResponse(let response)): return try associated(response)
        case (.proving, .actionResponse(let response)): return try proved(response, counterBefore)
        case (.waiting(let request), _): return try answered(request, apdu)
        case (.releasing, .releaseResponse):
            state = .closed
            return .released
        case (_, .exception(let response)): throw .exception(response)
        case (_, .confirmedServiceError(let error)): throw .serviceError(error)
        default: throw .unexpected("this answer does not fit what was asked")
        }
    }

    private mutating func associated(_ response: AssociateResponse) throws(DLMSError) -> ClientEvent {
        guard response.result == .accepted else {
            throw .associationRejected(result: response.result, diagnostic: response.diagnostic)
        }
        guard response.context == (isCiphered ? 3 : 1) else {
            throw .unexpected("context \(response.context) granted")
        }
        serverSystemTitle = response.systemTitle
        granted = try initiateResponse(response.userInformation)
        switch configuration.mechanism {
        case .high, .highGMAC:
            guard response.diagnostic == .authenticationRequired, let stoc = response.authenticationValue,
                (8...64).contains(stoc.count)
            else { throw .authenticationFailed("the meter sent no challenge") }
            // An echo of our own challenge would let us prove the meter's part to itself.
            guard stoc != configuration.challenge else { throw .authenticationFailed("our own challenge came back") }
            return .send(try pass3(stoc))
        default:
            state = .ready
            return .associated
        }
    }

    private mutating func initiateResponse(_ information: [UInt8]?) throws(DLMSError) -> InitiateResponse {
        guard let information else { throw .unexpected("association without initiate response") }
        var apdu = try APDU(bytes: information)
        if isCiphered {
            guard case .ciphered(let sealed) = apdu else { throw .unexpected("initiate response in the clear") }
            apdu = try open(sealed)
        }
        switch apdu {
        case .initiateResponse(let response): return response
        case .confirmedServiceError(let error): throw .serviceError(error)
        default: throw .unexpected("no initiate response in the association response")
        }
    }

    private mutating func pass3(_ stoc: [UInt8]) throws(DLMSError) -> [UInt8] {
        let proof: [UInt8]
        if configuration.mechanism == .highGMAC, let keys = configuration.keys {
            proof = try HLS.gmac(stoc, counter: try takeCounter(), title: configuration.systemTitle, keys: keys)
        } else {
            proof = try HLS.encrypted(stoc, secret: configuration.secret)
        }
        invokeNumber = 1
        let request = ActionRequest(invoke: 0xC1, method: HLS.replyMethod, parameter: .octetString(proof))
        state = .proving(stoc: stoc)
        return try seal(.actionRequest(request))
    }

    private mutating func proved(
        _ response: ActionResponse, _ counterBefore: UInt32?
    ) throws(DLMSError) -> ClientEvent {
        guard response.result == .success else {
            throw .authenticationFailed("the meter refused our proof: \(response.result)")
        }
        guard case .success(let value)? = response.returned, let proof = value.octets else {
            throw .authenticationFailed("the meter sent no proof")
        }
        let failure = DLMSError.authenticationFailed("the meter does not know the secret")
        if configuration.mechanism == .highGMAC, let keys = configuration.keys {
            guard let title = serverSystemTitle,
                let counter = try HLS.gmacCounter(proof, configuration.challenge, title: title, keys: keys)
            else { throw failure }
            try accept(counter: counter, above: counterBefore)
        } else {
            guard try HLS.proves(proof, configuration.challenge, secret: configuration.secret) else { throw failure }
        }
        state = .ready
        return .associated
    }

    private mutating func answered(_ request: Request, _ apdu: APDU) throws(DLMSError) -> ClientEvent {
        switch (request, apdu) {
        case (.get, .getResponse(let response)):
            try check(response.invoke)
            return try got(response.body, listCount: nil)
        case (.getList(let count), .getResponse(let response)):
            try check(response.invoke)
            return try got(response.body, listCount: count)
        case (.set, .setResponse(let response)):
            try check(response.invoke)
            guard case .normal(let result) = response.body else { throw .unexpected("SET response of another form") }
            state = .ready
            return result == .success ? .done(nil) : .failed(result)
        case (.act, .actionResponse(let response)):
            try check(response.invoke)
            state = .ready
            guard response.result == .success else { return .failed(response.result) }
            switch response.returned {
            case nil: return .done(nil)
            case .success(let value)?: return .done(value)
            case .failure(let result)?: return .failed(result)
            }
        case (_, .exception(let response)): throw .exception(response)
        case (_, .confirmedServiceError(let error)): throw .serviceError(error)
        default: throw .unexpected("this answer does not fit what was asked")
        }
    }

    private func check(_ invoke: UInt8) throws(DLMSError) {
        guard invoke & 0x0F == invokeNumber else {
            throw .unexpected("answer to request \(invoke & 0x0F), \(invokeNumber) was asked")
        }
    }

    private mutating func got(
        _ body: GetResponse.Body, listCount: Int?
    ) throws(DLMSError) -> ClientEvent {
        switch body {
        case .normal(let result):
            guard listCount == nil, nextBlock == 1 else { throw .unexpected("single value") }
            state = .ready
            switch result {
            case .success(let value): return .value(value)
            case .failure(let result): return .failed(result)
            }
        case .withList(let results):
            guard results.count == listCount, nextBlock == 1 else {
                throw .unexpected("list of \(results.count) values")
            }
            state = .ready
            return .values(results)
        case .blockRefused(_, _, let result):
            state = .ready
            return .failed(result)
        case .block(let block): return try append(block, listCount)
        }
    }

    private mutating func append(_ block: DataBlock, _ listCount: Int?) throws(DLMSError) -> ClientEvent {
        guard block.number == nextBlock else { throw .unexpected("block \(block.number), \(nextBlock) expected") }
        guard block.isLast || !block.bytes.isEmpty else { throw .unexpected("empty block \(block.number)") }
        guard assembled.count + block.bytes.count <= configuration.maxValueBytes else {
            throw .tooLarge("value above \(configuration.maxValueBytes) octets")
        }
        assembled += block.bytes
        guard block.isLast else {
            nextBlock += 1
            let next = GetRequest(invoke: 0xC0 | invokeNumber, body: .next(block: block.number))
            return .send(try seal(.getRequest(next)))
        }
        defer { assembled = [] }
        guard let listCount else {
            let value = try DLMSData(axdr: assembled)
            state = .ready
            return .value(value)
        }
        var reader = ByteReader(assembled)
        let results = try reader.accessResults()
        try reader.end()
        guard results.count == listCount else { throw .unexpected("list of \(results.count) values") }
        state = .ready
        return .values(results)
    }
}
