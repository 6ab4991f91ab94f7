// The APDUs of xDLMS with logical names (IEC 62056-5-3): their shapes. Coding is in APDUCodec.swift.

/// Result of access to an attribute or of a method (Data-Access-Result and Action-Result share their numbers).
public struct DataAccessResult: RawRepresentable, Error, Hashable, Sendable, CustomStringConvertible {
    public var rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let success = Self(rawValue: 0)
    public static let hardwareFault = Self(rawValue: 1)
    public static let temporaryFailure = Self(rawValue: 2)
    public static let readWriteDenied = Self(rawValue: 3)
    public static let objectUndefined = Self(rawValue: 4)
    public static let objectClassInconsistent = Self(rawValue: 9)
    public static let objectUnavailable = Self(rawValue: 11)
    public static let typeUnmatched = Self(rawValue: 12)
    public static let scopeOfAccessViolated = Self(rawValue: 13)
    public static let dataBlockUnavailable = Self(rawValue: 14)
    public static let longGetAborted = Self(rawValue: 15)
    public static let noLongGetInProgress = Self(rawValue: 16)
    public static let longSetAborted = Self(rawValue: 17)
    public static let noLongSetInProgress = Self(rawValue: 18)
    public static let dataBlockNumberInvalid = Self(rawValue: 19)
    public static let otherReason = Self(rawValue: 250)

    private static let names: [UInt8: String] = [
        0: "success", 1: "hardware-fault", 2: "temporary-failure", 3: "read-write-denied", 4: "object-undefined",
        9: "object-class-inconsistent", 11: "object-unavailable", 12: "type-unmatched",
        13: "scope-of-access-violated", 14: "data-block-unavailable", 15: "long-get-aborted",
        16: "no-long-get-in-progress", 17: "long-set-aborted", 18: "no-long-set-in-progress",
        19: "data-block-number-invalid", 250: "other-reason",
    ]
    public var description: String { Self.names[rawValue] ?? "result \(rawValue)" }
}

public typealias AccessResult = Result<DLMSData, DataAccessResult>

/// An attribute and, for a profile buffer, which part of it.
public struct AttributeAccess: Hashable, Sendable {
    public var reference: AttributeReference
    public var selector: Selector?
    public init(_ reference: AttributeReference, _ selector: Selector? = nil) {
        self.reference = reference
        self.selector = selector
    }
}

/// A numbered piece of a long value.
public struct DataBlock: Hashable, Sendable {
    public var isLast: Bool
    /// Counts from 1.
    public var number: UInt32
    public var bytes: [UInt8]
    public init(isLast: Bool, number: UInt32, bytes: [UInt8]) {
        self.isLast = isLast
        self.number = number
        self.bytes = bytes
    }
}

/// `invoke` is Invoke-Id-And-Priority: low 4 bits number, 40 confirmed, 80 high priority.
public struct GetRequest: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        case normal(AttributeAccess)
        case next(block: UInt32)
        case withList([AttributeAccess])
    }
    public var invoke: UInt8
    public var body: Body
    public init(invoke: UInt8, body: Body) {
        self.invoke = invoke
        self.body = body
    }
}

public struct GetResponse: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        case normal(AccessResult)
        case block(DataBlock)
        /// A block that carries a refusal in place of data: the transfer is over.
        case blockRefused(isLast: Bool, number: UInt32, DataAccessResult)
        case withList([AccessResult])
    }
    public var invoke: UInt8
    public var body: Body
    public init(invoke: UInt8, body: Body) {
        self.invoke = invoke
        self.body = body
    }
}

public struct SetRequest: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        case normal(AttributeAccess, DLMSData)
        case firstBlock(AttributeAccess, DataBlock)
        case block(DataBlock)
        case withList([AttributeAccess], [DLMSData])
        /// The blocks put together are the list of values with its count in front.
        case withListAndFirstBlock([AttributeAccess], DataBlock)
    }
    public var invoke: UInt8
    public var body: Body
    public init(invoke: UInt8, body: Body) {
        self.invoke = invoke
        self.body = body
    }
}

public struct SetResponse: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        case normal(DataAccessResult)
        case block(number: UInt32)
        case lastBlock(DataAccessResult, number: UInt32)
        case lastBlockWithList([DataAccessResult], number: UInt32)
        case withList([DataAccessResult])
    }
    public var invoke: UInt8
    public var body: Body
    public init(invoke: UInt8, body: Body) {
        self.invoke = invoke
        self.body = body
    }
}

/// A method to call with its parameter; nil leaves the field out.
public struct MethodCall: Hashable, Sendable {
    public var method: MethodReference
    public var parameter: DLMSData?
    public init(_ method: MethodReference, _ parameter: DLMSData? = nil) {
        self.method = method
        self.parameter = parameter
    }
}

public struct ActionRequest: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        case normal(MethodCall)
        /// Asks for the block of the answer after `block`.
        case next(block: UInt32)
        case withList([MethodCall])
        case firstBlock(MethodReference, DataBlock)
        case withListAndFirstBlock([MethodReference], DataBlock)
        case block(DataBlock)
    }
    public var invoke: UInt8
    public var body: Body
    public init(invoke: UInt8, body: Body) {
        self.invoke = invoke
        self.body = body
    }
    public init(invoke: UInt8, method: MethodReference, parameter: DLMSData?) {
        self.init(invoke: invoke, body: .normal(MethodCall(method, parameter)))
    }
    /// The call of the normal form.
    public var call: MethodCall? { if case .normal(let call) = body { call } else { nil } }
}

/// What one method call came to. `returned` is the optional Get-Data-Result.
public struct ActionOutcome: Hashable, Sendable {
    public var result: DataAccessResult
    public var returned: AccessResult?
    public init(result: DataAccessResult, returned: AccessResult? = nil) {
        self.result = result
        self.returned = returned
    }
}

public struct ActionResponse: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        case normal(ActionOutcome)
        /// A piece of a long answer.
        case block(DataBlock)
        case withList([ActionOutcome])
        /// Asks for the block of the request after `block`.
        case next(block: UInt32)
    }
    public var invoke: UInt8
    public var body: Body
    public init(invoke: UInt8, body: Body) {
        self.invoke = invoke
        self.body = body
    }
    public init(invoke: UInt8, result: DataAccessResult, returned: AccessResult? = nil) {
        self.init(invoke: invoke, body: .normal(ActionOutcome(result: result, returned: returned)))
    }
    /// The outcome of the normal form.
    public var outcome: ActionOutcome? { if case .normal(let outcome) = body { outcome } else { nil } }
}

/// `D8`: the meter could not even treat the request.
public struct ExceptionResponse: Hashable, Sendable, CustomStringConvertible {
    /// 1 service not allowed, 2 service unknown.
    public var state: UInt8
    /// 1 operation not possible, 2 service not supported, 3 other, 4 PDU too long, 5 deciphering, 6 counter.
    public var service: UInt8
    /// With service 6: the counter the meter expects next.
    public var expectedCounter: UInt32?
    public init(state: UInt8, service: UInt8, expectedCounter: UInt32? = nil) {
        self.state = state
        self.service = service
        self.expectedCounter = expectedCounter
    }
    public var description: String {
        let names = [
            1: "operation not possible", 2: "service not supported", 3: "other reason", 4: "PDU too long",
            5: "deciphering error", 6: "invocation counter error",
        ]
        let counter = expectedCounter.map { ", counter expected \($0)" } ?? ""
        return "state \(state), \(names[Int(service)] ?? "service error \(service)")\(counter)"
    }
}

/// `0E`: service (1 initiate, 5 read, 6 write), kind of error (6 initiate, ...), value.
public struct ConfirmedServiceError: Hashable, Sendable {
    public var service: UInt8
    public var kind: UInt8
    public var value: UInt8
    public init(service: UInt8, kind: UInt8, value: UInt8) {
        self.service = service
        self.kind = kind
        self.value = value
    }
}

/// `0F`: a push of a meter. `dateTime` is mostly empty.
public struct DataNotification: Hashable, Sendable {
    public var longInvoke: UInt32
    public var dateTime: COSEMDateTime?
    public var body: DLMSData
    public init(longInvoke: UInt32, dateTime: COSEMDateTime? = nil, body: DLMSData) {
        self.longInvoke = longInvoke
        self.dateTime = dateTime
        self.body = body
    }
}

/// `C2`: one attribute, unasked.
public struct EventNotification: Hashable, Sendable {
    public var dateTime: COSEMDateTime?
    public var reference: AttributeReference
    public var value: DLMSData
    public init(dateTime: COSEMDateTime? = nil, reference: AttributeReference, value: DLMSData) {
        self.dateTime = dateTime
        self.reference = reference
        self.value = value
    }
}

public enum APDU: Hashable, Sendable {
    case associateRequest(AssociateRequest)
    case associateResponse(AssociateResponse)
    case releaseRequest(Release)
    case releaseResponse(Release)
    case initiateRequest(InitiateRequest)
    case initiateResponse(InitiateResponse)
    case confirmedServiceError(ConfirmedServiceError)
    case getRequest(GetRequest)
    case getResponse(GetResponse)
    case setRequest(SetRequest)
    case setResponse(SetResponse)
    case actionRequest(ActionRequest)
    case actionResponse(ActionResponse)
    case exception(ExceptionResponse)
    case dataNotification(DataNotification)
    case eventNotification(EventNotification)
    case accessRequest(AccessRequest)
    case accessResponse(AccessResponse)
    case generalBlock(GeneralBlock)
    /// Still protected; open with `CipheredAPDU.open`.
    case ciphered(CipheredAPDU)
}
