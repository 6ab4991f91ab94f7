// The client's side of an association as a state machine: APDUs in, APDUs out. No sockets, no clock, no random bytes.
// Requests are made here; what the meter says to them is in DLMSClientAnswers.swift.

/// A message of the meter that nobody asked for.
public enum Push: Hashable, Sendable {
    case data(DataNotification)
    case event(EventNotification)
}

/// What an answer of the meter means.
public enum ClientEvent: Hashable, Sendable {
    /// Send these octets and wait again: the next step of the handshake or the next block.
    case send([UInt8])
    /// Send nothing and feed the next APDU: more blocks of the same answer come by themselves.
    case wait
    /// A push amid a request (or without one). What was asked is still awaited.
    case pushed(Push)
    case associated
    /// The answer to `get`.
    case value(DLMSData)
    /// The answer to `getList`, in the order asked.
    case values([AccessResult])
    /// The answer to `set` or `act`; a method may return data.
    case done(DLMSData?)
    /// The answer to `setList`, in the order asked.
    case results([DataAccessResult])
    /// The answer to `actList`, in the order asked.
    case outcomes([ActionOutcome])
    /// The answer to `access`, in the order asked.
    case accessed([AccessOutcome])
    /// The meter refused this request; the association stands.
    case failed(DataAccessResult)
    case released
}

/// One association. One request at a time: call a request function, send its octets, feed every answer to `receive`
/// until it gives something other than `.send`, `.wait` and `.pushed`. After `.exception` the association may go on;
/// any other error ends it: drop the connection.
public struct DLMSClient: Sendable {
    public let configuration: ClientConfiguration
    /// The next counter that would be used. The range was reserved before, so nothing needs storing on the way.
    public internal(set) var nextCounter: UInt32
    /// What the meter granted; nil before.
    public internal(set) var granted: InitiateResponse?
    /// The title the meter sent; nil before.
    public internal(set) var serverSystemTitle: [UInt8]?
    /// The last counter of the meter. Set it from the association before to refuse replays across associations.
    public var lastServerCounter: UInt32?
    /// How the next requests are protected.
    public var form = ProtectionForm.automatic

    enum State: Sendable {
        case idle, associating
        case proving(stoc: [UInt8])
        case ready
        case waiting(Request)
        case releasing, closed
    }
    enum Request: Sendable {
        case get
        case getList(count: Int)
        case set
        case setList(count: Int)
        case act
        case actList(count: Int)
        case access(services: [UInt8])
    }

    var state = State.idle
    var usedCounters: UInt32 = 0
    var invokeNumber: UInt8 = 0
    var longInvokeNumber: UInt32 = 0
    /// A value being put together from blocks, and the block that comes next.
    var assembled: [UInt8] = []
    var nextBlock: UInt32 = 1
    /// A long value being sent: what is left, and the number of the block that was sent last.
    var unsent: ArraySlice<UInt8> = []
    var sentBlock: UInt32 = 0
    var transfer: BlockTransfer?
    /// The last counter of the meter under the dedicated key of this association.
    var lastDedicatedCounter: UInt32?

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

    var isCiphered: Bool { configuration.keys != nil && configuration.ciphered }

    // MARK: Opening and closing

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
        let needsTitle = configuration.keys != nil || configuration.mechanism == .highSHA256
        let request = AssociateRequest(
            context: isCiphered ? 3 : 1, systemTitle: needsTitle ? configuration.systemTitle : nil,
            mechanism: configuration.mechanism, authenticationValue: value, userInformation: try initiate())
        state = .associating
        return APDU.associateRequest(request).bytes
    }

    private func checkConfiguration() throws(DLMSError) {
        let mechanism = configuration.mechanism
        switch mechanism {
        case .none, .low: break
        case .high:
            guard (1...16).contains(configuration.secret.count) else {
                throw .configuration("HLS-2 secret of \(configuration.secret.count) octets, 1 to 16 needed")
            }
        case .highMD5, .highSHA1, .highSHA256:
            guard !configuration.secret.isEmpty else { throw .configuration("HLS without a secret") }
        case .highGMAC:
            guard configuration.keys != nil else { throw .configuration("HLS-5 needs keys") }
        case .highECDSA: throw .configuration("mechanism \(mechanism) is not spoken")
        }
        if mechanism.isHigh, !(8...64).contains(configuration.challenge.count) {
            throw .configuration("challenge of \(configuration.challenge.count) octets, 8 to 64 needed")
        }
        if configuration.keys != nil || mechanism == .highSHA256, configuration.systemTitle.count != 8 {
            throw .configuration("system title of \(configuration.systemTitle.count) octets, 8 needed")
        }
        if let key = configuration.dedicatedKey {
            guard isCiphered, key.count == configuration.keys?.encryption.count else {
                throw .configuration("a dedicated key needs a ciphered context and the size of the global key")
            }
        }
    }

    private mutating func initiate() throws(DLMSError) -> [UInt8] {
        let request = InitiateRequest(
            dedicatedKey: configuration.dedicatedKey, conformance: configuration.conformance,
            maxPDU: configuration.maxPDU)
        return try seal(.initiateRequest(request))
    }

    /// RLRQ. Then `receive` gives `.released`.
    public mutating func release() throws(DLMSError) -> [UInt8] {
        guard case .ready = state else { throw .unexpected("release without an association or amid a request") }
        let information = configuration.releaseWithUserInformation ? try initiate() : nil
        state = .releasing
        return APDU.releaseRequest(Release(userInformation: information)).bytes
    }

    // MARK: Requests

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
        try checkCount(list.count)
        let invoke = try beginRequest()
        let request = GetRequest(invoke: invoke, body: .withList(list))
        return try finish(.getRequest(request), .getList(count: list.count))
    }

    /// Writes one attribute, in blocks when it does not fit one PDU of the meter: `.done(nil)` or `.failed`.
    public mutating func set(
        _ reference: AttributeReference, _ value: DLMSData, _ selector: Selector? = nil
    ) throws(DLMSError) -> [UInt8] {
        let invoke = try beginRequest()
        let access = AttributeAccess(reference, selector)
        let whole = SetRequest(invoke: invoke, body: .normal(access, value))
        return try finish(.setRequest(whole), .set, blocks: .blockTransferWithSet, long: value.axdr) {
            .setRequest(SetRequest(invoke: invoke, body: .firstBlock(access, $0)))
        }
    }

    /// Writes several attributes at once: `.results` in the order asked.
    public mutating func setList(_ list: [(AttributeAccess, DLMSData)]) throws(DLMSError) -> [UInt8] {
        try checkCount(list.count)
        let invoke = try beginRequest()
        let names = list.map(\.0)
        let whole = SetRequest(invoke: invoke, body: .withList(names, list.map(\.1)))
        var values = ByteWriter()
        values.dataList(list.map(\.1))
        return try finish(
            .setRequest(whole), .setList(count: list.count), blocks: .blockTransferWithSet, long: values.bytes
        ) { .setRequest(SetRequest(invoke: invoke, body: .withListAndFirstBlock(names, $0))) }
    }

    /// Calls a method: `.done` with what it returns, or `.failed`. Without parameter the field is left out;
    /// most methods of meters want `.integer(0)`.
    public mutating func act(
        _ method: MethodReference, _ parameter: DLMSData? = nil
    ) throws(DLMSError) -> [UInt8] {
        let invoke = try beginRequest()
        let whole = ActionRequest(invoke: invoke, method: method, parameter: parameter)
        return try finish(.actionRequest(whole), .act, blocks: .blockTransferWithAction, long: parameter?.axdr ?? []) {
            .actionRequest(ActionRequest(invoke: invoke, body: .firstBlock(method, $0)))
        }
    }

    /// Calls several methods in one request: `.outcomes` in the order asked.
    public mutating func actList(_ list: [MethodCall]) throws(DLMSError) -> [UInt8] {
        try checkCount(list.count)
        let invoke = try beginRequest()
        let whole = ActionRequest(invoke: invoke, body: .withList(list))
        var values = ByteWriter()
        values.dataList(list.map { $0.parameter ?? .null })
        return try finish(
            .actionRequest(whole), .actList(count: list.count), blocks: .blockTransferWithAction, long: values.bytes
        ) { .actionRequest(ActionRequest(invoke: invoke, body: .withListAndFirstBlock(list.map(\.method), $0))) }
    }

    /// Reads, writes and calls in one request of the ACCESS service: `.accessed` in the order asked.
    public mutating func access(_ items: [AccessItem], stopAtError: Bool = false) throws(DLMSError) -> [UInt8] {
        try checkCount(items.count)
        _ = try beginRequest()
        longInvokeNumber = (longInvokeNumber + 1) & 0x00FF_FFFF
        let invoke = longInvokeNumber | AccessRequest.confirmed | (stopAtError ? AccessRequest.stopsAtError : 0)
        let request = AccessRequest(longInvoke: invoke, items: items)
        return try finish(.accessRequest(request), .access(services: items.map(\.service)))
    }

    private func checkCount(_ count: Int) throws(DLMSError) {
        guard (1...DLMSLimits.maxListItems).contains(count) else { throw .tooLarge("list of \(count)") }
    }

    private mutating func beginRequest() throws(DLMSError) -> UInt8 {
        guard case .ready = state else { throw .unexpected("request without an association or amid another") }
        invokeNumber = invokeNumber % 15 + 1
        return 0xC0 | invokeNumber
    }

    /// Nothing came in time amid a general block transfer: what to send again. For anything else make a new request on
    /// a new association: a request is never sent twice, for its counter must not be.
    public mutating func timedOut() throws(DLMSError) -> [UInt8] {
        guard case .waiting = state, var moving = transfer, moving.isStarted else {
            throw .unexpected("no general block transfer in progress")
        }
        do throws(DLMSError) {
            let blocks = try moving.timedOut()
            transfer = moving
            return blocks.first ?? []
        } catch {
            state = .closed
            throw error
        }
    }

    // MARK: Sizes

    /// The state changes only when the request could be made. `long` is what goes into blocks when the whole does not
    /// fit, `first` the request that carries the first of them.
    private mutating func finish(
        _ apdu: APDU, _ request: Request, blocks: Conformance = [], long: [UInt8] = [],
        first: ((DataBlock) -> APDU)? = nil
    ) throws(DLMSError) -> [UInt8] {
        let size = try protectedSize(apdu)
        let limit = granted.map { Int($0.maxPDU) } ?? 0
        let conformance = granted?.conformance ?? []
        var bytes: [UInt8]
        var newTransfer: BlockTransfer?
        var rest: ArraySlice<UInt8> = []
        if limit == 0 || size <= limit {
            bytes = try seal(apdu)
        } else if conformance.contains(.generalBlockTransfer) {
            var moving = newBlockTransfer()
            bytes = try moving.send(try seal(apdu)).first ?? []
            newTransfer = moving
        } else if let first, !long.isEmpty, conformance.contains(blocks) {
            let head = first(DataBlock(isLast: false, number: 1, bytes: []))
            let room = try room(beside: head, limit)
            rest = long.dropFirst(room)
            bytes = try seal(first(DataBlock(isLast: rest.isEmpty, number: 1, bytes: Array(long.prefix(room)))))
        } else {
            throw .tooLarge("request of \(size) octets, the meter takes \(limit)")
        }
        assembled = []
        nextBlock = 1
        unsent = rest
        sentBlock = 1
        transfer = newTransfer
        state = .waiting(request)
        return bytes
    }

    func newBlockTransfer() -> BlockTransfer {
        let limit = granted.map { Int($0.maxPDU) } ?? 0
        // Blocks go one by one: `.send` carries one APDU.
        return BlockTransfer(
            isClient: true, maxPDU: limit == 0 ? 0xFFFF : limit, window: configuration.blockWindow,
            maxBytes: configuration.maxValueBytes, maxWindow: 1)
    }

    private func protectedSize(_ apdu: APDU) throws(DLMSError) -> Int {
        let plainCount = apdu.bytes.count
        guard isCiphered else { return plainCount }
        return plainCount
            + CipheredAPDU.overhead(try form(of: apdu), configuration.control, plainCount: plainCount)
    }

    /// Octets of content that fit beside the head of a block request.
    func room(beside head: APDU, _ limit: Int) throws(DLMSError) -> Int {
        let overhead =
            isCiphered ? CipheredAPDU.overhead(try form(of: head), configuration.control, plainCount: limit) : 0
        // The length in the head is one octet for an empty block and at most three for a full one.
        let room = limit - head.bytes.count - 2 - overhead
        guard room > 0 else { throw .tooLarge("no block fits a PDU of \(limit) octets") }
        return room
    }
}

extension AuthenticationMechanism {
    /// Four passes, both sides prove themselves.
    public var isHigh: Bool { self != .none && self != .low }
}
