// The ACCESS service (IEC 62056-5-3, 6.13): many reads, writes and calls in one request. Shapes and coding.

/// One thing to do.
public enum AccessItem: Hashable, Sendable {
    case get(AttributeAccess)
    case set(AttributeAccess, DLMSData)
    case act(MethodReference, DLMSData)
}

/// What it came to: the value read or returned, `.null` when there is none.
public struct AccessOutcome: Hashable, Sendable {
    public var result: DataAccessResult
    public var data: DLMSData
    public init(result: DataAccessResult, data: DLMSData = .null) {
        self.result = result
        self.data = data
    }
}

/// `D9`. `longInvoke`: low 24 bits number, 10000000 self-descriptive, 20000000 stop at the first error,
/// 40000000 confirmed, 80000000 high priority.
public struct AccessRequest: Hashable, Sendable {
    public var longInvoke: UInt32
    public var dateTime: COSEMDateTime?
    public var items: [AccessItem]
    public init(longInvoke: UInt32, dateTime: COSEMDateTime? = nil, items: [AccessItem]) {
        self.longInvoke = longInvoke
        self.dateTime = dateTime
        self.items = items
    }
    public static let confirmed: UInt32 = 0x4000_0000
    public static let stopsAtError: UInt32 = 0x2000_0000
    public static let isSelfDescriptive: UInt32 = 0x1000_0000
}

/// `DA`. The service of each outcome is 1 get, 2 set, 3 action.
public struct AccessResponse: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public var service: UInt8
        public var outcome: AccessOutcome
        public init(service: UInt8, outcome: AccessOutcome) {
            self.service = service
            self.outcome = outcome
        }
    }
    public var longInvoke: UInt32
    public var dateTime: COSEMDateTime?
    /// The request again, without its values, when it was self-descriptive.
    public var specification: [AccessItem]?
    public var entries: [Entry]
    public init(
        longInvoke: UInt32, dateTime: COSEMDateTime? = nil, specification: [AccessItem]? = nil, entries: [Entry]
    ) {
        self.longInvoke = longInvoke
        self.dateTime = dateTime
        self.specification = specification
        self.entries = entries
    }
}

extension AccessItem {
    /// 1 get, 2 set, 3 action: how the answer names it.
    public var service: UInt8 {
        switch self {
        case .get: 1
        case .set: 2
        case .act: 3
        }
    }

    fileprivate var data: DLMSData {
        switch self {
        case .get: .null
        case .set(_, let value), .act(_, let value): value
        }
    }

    fileprivate func with(_ value: DLMSData) -> AccessItem {
        switch self {
        case .get: self
        case .set(let access, _): .set(access, value)
        case .act(let method, _): .act(method, value)
        }
    }
}

extension ByteReader {
    /// A date-time in an octet string; empty means none.
    mutating func optionalDateTime() throws(DLMSError) -> COSEMDateTime? {
        let stamp = try string()
        guard stamp.isEmpty || stamp.count == 12 else {
            throw .malformed("date-time of \(stamp.count) octets", offset: offset)
        }
        return COSEMDateTime(bytes: stamp)
    }

    private mutating func specifications() throws(DLMSError) -> [AccessItem] {
        var items: [AccessItem] = []
        for _ in 0..<(try listCount()) {
            let choice = try u8()
            switch choice {
            case 1: items.append(.get(AttributeAccess(try reference())))
            case 2: items.append(.set(AttributeAccess(try reference()), .null))
            case 3:
                let target = try reference()
                items.append(.act(MethodReference(target.classID, target.obis, target.attribute), .null))
            case 4, 5:
                let target = try reference()
                let number = try u8()
                let access = AttributeAccess(target, Selector(selector: number, parameters: try data()))
                items.append(choice == 4 ? .get(access) : .set(access, .null))
            default: throw .malformed("access choice \(choice)", offset: offset - 1)
            }
        }
        return items
    }

    mutating func accessRequest() throws(DLMSError) -> AccessRequest {
        let invoke = try u32()
        let stamp = try optionalDateTime()
        let items = try specifications()
        let values = try dataList()
        guard items.count == values.count else {
            throw .malformed("\(items.count) accesses, \(values.count) values", offset: offset)
        }
        return AccessRequest(longInvoke: invoke, dateTime: stamp, items: zip(items, values).map { $0.with($1) })
    }

    mutating func accessResponse() throws(DLMSError) -> AccessResponse {
        let invoke = try u32()
        let stamp = try optionalDateTime()
        let specification = try u8() == 0 ? nil : try specifications()
        let values = try dataList()
        var entries: [AccessResponse.Entry] = []
        for index in 0..<(try listCount()) {
            let service = try u8()
            guard (1...3).contains(service), index < values.count else {
                throw .malformed("access result \(index + 1)", offset: offset)
            }
            let outcome = AccessOutcome(result: DataAccessResult(rawValue: try u8()), data: values[index])
            entries.append(AccessResponse.Entry(service: service, outcome: outcome))
        }
        guard entries.count == values.count else {
            throw .malformed("\(entries.count) results, \(values.count) values", offset: offset)
        }
        return AccessResponse(longInvoke: invoke, dateTime: stamp, specification: specification, entries: entries)
    }
}

extension ByteWriter {
    private mutating func specifications(_ items: [AccessItem]) {
        length(items.count)
        for item in items {
            switch item {
            case .get(let access): specification(1, access)
            case .set(let access, _): specification(2, access)
            case .act(let method, _):
                u8(3)
                reference(AttributeReference(method.classID, method.obis, method.method))
            }
        }
    }

    private mutating func specification(_ choice: UInt8, _ access: AttributeAccess) {
        guard let (selector, parameters) = access.selector?.encoded else {
            u8(choice)
            return reference(access.reference)
        }
        u8(choice + 3)
        reference(access.reference)
        u8(selector)
        data(parameters)
    }

    mutating func accessRequest(_ value: AccessRequest) {
        u8(0xD9)
        u32(value.longInvoke)
        string(value.dateTime?.bytes ?? [])
        specifications(value.items)
        dataList(value.items.map(\.data))
    }

    mutating func accessResponse(_ value: AccessResponse) {
        u8(0xDA)
        u32(value.longInvoke)
        string(value.dateTime?.bytes ?? [])
        u8(value.specification == nil ? 0 : 1)
        if let specification = value.specification { specifications(specification) }
        dataList(value.entries.map(\.outcome.data))
        length(value.entries.count)
        for entry in value.entries { put([entry.service, entry.outcome.result.rawValue]) }
    }
}
