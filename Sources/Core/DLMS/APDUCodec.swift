// Coding of xDLMS APDUs (IEC 62056-5-3, A-XDR). Association APDUs are in AssociationCodec.swift.

extension APDU {
    /// Reads exactly one APDU that fills all octets.
    public init(bytes: [UInt8]) throws(DLMSError) {
        var reader = ByteReader(bytes)
        let tag = try reader.u8()
        switch tag {
        case 0x60: self = .associateRequest(try reader.associateRequest())
        case 0x61: self = .associateResponse(try reader.associateResponse())
        // Meters are seen to send a release with wrong lengths: its own reader takes what is there.
        case 0x62: self = .releaseRequest(try reader.release())
        case 0x63: self = .releaseResponse(try reader.release())
        case 0x01: self = .initiateRequest(try reader.initiateRequest())
        case 0x08: self = .initiateResponse(try reader.initiateResponse())
        case 0x0E:
            self = .confirmedServiceError(
                ConfirmedServiceError(service: try reader.u8(), kind: try reader.u8(), value: try reader.u8()))
        case 0x0F: self = .dataNotification(try reader.dataNotification())
        case 0xC0: self = .getRequest(try reader.getRequest())
        case 0xC1: self = .setRequest(try reader.setRequest())
        case 0xC2: self = .eventNotification(try reader.eventNotification())
        case 0xC3: self = .actionRequest(try reader.actionRequest())
        case 0xC4: self = .getResponse(try reader.getResponse())
        case 0xC5: self = .setResponse(try reader.setResponse())
        case 0xC7: self = .actionResponse(try reader.actionResponse())
        case 0xD8: self = .exception(try reader.exception())
        case 0xD9: self = .accessRequest(try reader.accessRequest())
        case 0xDA: self = .accessResponse(try reader.accessResponse())
        case 0xE0: self = .generalBlock(try reader.generalBlock())
        default:
            guard let ciphered = try reader.ciphered(tag) else {
                throw .unsupported("APDU with tag \(tag)")
            }
            self = .ciphered(ciphered)
        }
        try reader.end()
    }

    public var bytes: [UInt8] {
        var writer = ByteWriter()
        switch self {
        case .associateRequest(let value): writer.associateRequest(value)
        case .associateResponse(let value): writer.associateResponse(value)
        case .releaseRequest(let value): writer.release(0x62, value)
        case .releaseResponse(let value): writer.release(0x63, value)
        case .initiateRequest(let value): writer.initiateRequest(value)
        case .initiateResponse(let value): writer.initiateResponse(value)
        case .confirmedServiceError(let value): writer.put([0x0E, value.service, value.kind, value.value])
        case .dataNotification(let value): writer.dataNotification(value)
        case .getRequest(let value): writer.getRequest(value)
        case .setRequest(let value): writer.setRequest(value)
        case .eventNotification(let value): writer.eventNotification(value)
        case .actionRequest(let value): writer.actionRequest(value)
        case .getResponse(let value): writer.getResponse(value)
        case .setResponse(let value): writer.setResponse(value)
        case .actionResponse(let value): writer.actionResponse(value)
        case .exception(let value):
            writer.put([0xD8, value.state, value.service])
            if let counter = value.expectedCounter { writer.u32(counter) }
        case .accessRequest(let value): writer.accessRequest(value)
        case .accessResponse(let value): writer.accessResponse(value)
        case .generalBlock(let value): writer.generalBlock(value)
        case .ciphered(let value): writer.ciphered(value)
        }
        return writer.bytes
    }
}

extension ByteReader {
    mutating func reference() throws(DLMSError) -> AttributeReference {
        let classID = try u16()
        return AttributeReference(classID, try obis(), Int8(bitPattern: try u8()))
    }

    mutating func obis() throws(DLMSError) -> OBIS {
        guard let obis = OBIS(bytes: try take(6)) else { throw .malformed("logical name", offset: offset) }
        return obis
    }

    mutating func access() throws(DLMSError) -> AttributeAccess {
        let reference = try reference()
        guard try u8() != 0 else { return AttributeAccess(reference) }
        let selector = try u8()
        return AttributeAccess(reference, Selector(selector: selector, parameters: try data()))
    }

    mutating func listCount() throws(DLMSError) -> Int {
        let count = try length()
        guard count <= DLMSLimits.maxListItems else { throw .tooLarge("list of \(count) items") }
        return count
    }

    private mutating func accessList() throws(DLMSError) -> [AttributeAccess] {
        var list: [AttributeAccess] = []
        for _ in 0..<(try listCount()) { list.append(try access()) }
        return list
    }

    mutating func accessResult() throws(DLMSError) -> AccessResult {
        switch try u8() {
        case 0: return .success(try data())
        case 1: return .failure(DataAccessResult(rawValue: try u8()))
        case let choice: throw .malformed("result choice \(choice)", offset: offset - 1)
        }
    }

    /// The results of a list, also as put together from blocks.
    mutating func accessResults() throws(DLMSError) -> [AccessResult] {
        var list: [AccessResult] = []
        for _ in 0..<(try listCount()) { list.append(try accessResult()) }
        return list
    }

    mutating func block() throws(DLMSError) -> DataBlock {
        let isLast = try u8() != 0
        let number = try u32()
        return DataBlock(isLast: isLast, number: number, bytes: try string())
    }

    mutating func getRequest() throws(DLMSError) -> GetRequest {
        let choice = try u8()
        let invoke = try u8()
        switch choice {
        case 1: return GetRequest(invoke: invoke, body: .normal(try access()))
        case 2: return GetRequest(invoke: invoke, body: .next(block: try u32()))
        case 3: return GetRequest(invoke: invoke, body: .withList(try accessList()))
        default: throw .malformed("GET request choice \(choice)", offset: 1)
        }
    }

    mutating func getResponse() throws(DLMSError) -> GetResponse {
        let choice = try u8()
        let invoke = try u8()
        switch choice {
        case 1: return GetResponse(invoke: invoke, body: .normal(try accessResult()))
        case 2:
            let isLast = try u8() != 0
            let number = try u32()
            switch try u8() {
            case 0:
                return GetResponse(
                    invoke: invoke, body: .block(DataBlock(isLast: isLast, number: number, bytes: try string())))
            case 1:
                let result = DataAccessResult(rawValue: try u8())
                return GetResponse(invoke: invoke, body: .blockRefused(isLast: isLast, number: number, result))
            case let result: throw .malformed("block result choice \(result)", offset: offset - 1)
            }
        case 3: return GetResponse(invoke: invoke, body: .withList(try accessResults()))
        default: throw .malformed("GET response choice \(choice)", offset: 1)
        }
    }

    mutating func setRequest() throws(DLMSError) -> SetRequest {
        let choice = try u8()
        let invoke = try u8()
        switch choice {
        case 1:
            let access = try access()
            return SetRequest(invoke: invoke, body: .normal(access, try data()))
        case 2:
            let access = try access()
            return SetRequest(invoke: invoke, body: .firstBlock(access, try block()))
        case 3: return SetRequest(invoke: invoke, body: .block(try block()))
        case 4:
            let list = try accessList()
            var values: [DLMSData] = []
            let count = try listCount()
            guard count == list.count else {
                throw .malformed("\(list.count) items, \(count) values", offset: offset)
            }
            for _ in 0..<count { values.append(try data()) }
            return SetRequest(invoke: invoke, body: .withList(list, values))
        case 5:
            let list = try accessList()
            return SetRequest(invoke: invoke, body: .withListAndFirstBlock(list, try block()))
        default: throw .unsupported("SET request choice \(choice)")
        }
    }

    private mutating func results() throws(DLMSError) -> [DataAccessResult] {
        var list: [DataAccessResult] = []
        for _ in 0..<(try listCount()) { list.append(DataAccessResult(rawValue: try u8())) }
        return list
    }

    mutating func setResponse() throws(DLMSError) -> SetResponse {
        let choice = try u8()
        let invoke = try u8()
        switch choice {
        case 1: return SetResponse(invoke: invoke, body: .normal(DataAccessResult(rawValue: try u8())))
        case 2: return SetResponse(invoke: invoke, body: .block(number: try u32()))
        case 3:
            let result = DataAccessResult(rawValue: try u8())
            return SetResponse(invoke: invoke, body: .lastBlock(result, number: try u32()))
        case 4:
            let list = try results()
            return SetResponse(invoke: invoke, body: .lastBlockWithList(list, number: try u32()))
        case 5: return SetResponse(invoke: invoke, body: .withList(try results()))
        default: throw .unsupported("SET response choice \(choice)")
        }
    }

    mutating func exception() throws(DLMSError) -> ExceptionResponse {
        let state = try u8()
        let service = try u8()
        return ExceptionResponse(
            state: state, service: service, expectedCounter: service == 6 && remaining >= 4 ? try u32() : nil)
    }

    mutating func dataNotification() throws(DLMSError) -> DataNotification {
        let invoke = try u32()
        let stamp = try optionalDateTime()
        return DataNotification(longInvoke: invoke, dateTime: stamp, body: try data())
    }

    mutating func eventNotification() throws(DLMSError) -> EventNotification {
        let stamp = try u8() == 0 ? nil : COSEMDateTime(bytes: try string())
        let reference = try reference()
        return EventNotification(dateTime: stamp, reference: reference, value: try data())
    }
}

extension ByteWriter {
    mutating func head(_ tag: UInt8, _ choice: UInt8, _ invoke: UInt8) { put([tag, choice, invoke]) }

    mutating func reference(_ value: AttributeReference) {
        u16(value.classID)
        put(value.obis.bytes)
        u8(UInt8(bitPattern: value.attribute))
    }

    mutating func access(_ value: AttributeAccess) {
        reference(value.reference)
        guard let (selector, parameters) = value.selector?.encoded else { return u8(0) }
        put([1, selector])
        data(parameters)
    }

    mutating func accessResult(_ value: AccessResult) {
        switch value {
        case .success(let value):
            u8(0)
            data(value)
        case .failure(let result): put([1, result.rawValue])
        }
    }

    mutating func accessResults(_ list: [AccessResult]) {
        length(list.count)
        for result in list { accessResult(result) }
    }

    mutating func block(_ value: DataBlock) {
        u8(value.isLast ? 1 : 0)
        u32(value.number)
        string(value.bytes)
    }

    mutating func getRequest(_ value: GetRequest) {
        switch value.body {
        case .normal(let item):
            head(0xC0, 1, value.invoke)
            access(item)
        case .next(let number):
            head(0xC0, 2, value.invoke)
            u32(number)
        case .withList(let list):
            head(0xC0, 3, value.invoke)
            length(list.count)
            for item in list { access(item) }
        }
    }

    mutating func getResponse(_ value: GetResponse) {
        switch value.body {
        case .normal(let result):
            head(0xC4, 1, value.invoke)
            accessResult(result)
        case .block(let block):
            head(0xC4, 2, value.invoke)
            u8(block.isLast ? 1 : 0)
            u32(block.number)
            u8(0)
            string(block.bytes)
        case .blockRefused(let isLast, let number, let result):
            head(0xC4, 2, value.invoke)
            u8(isLast ? 1 : 0)
            u32(number)
            put([1, result.rawValue])
        case .withList(let list):
            head(0xC4, 3, value.invoke)
            accessResults(list)
        }
    }

    mutating func setRequest(_ value: SetRequest) {
        switch value.body {
        case .normal(let item, let content):
            head(0xC1, 1, value.invoke)
            access(item)
            data(content)
        case .firstBlock(let item, let content):
            head(0xC1, 2, value.invoke)
            access(item)
            block(content)
        case .block(let content):
            head(0xC1, 3, value.invoke)
            block(content)
        case .withList(let list, let values):
            head(0xC1, 4, value.invoke)
            length(list.count)
            for item in list { access(item) }
            dataList(values)
        case .withListAndFirstBlock(let list, let content):
            head(0xC1, 5, value.invoke)
            length(list.count)
            for item in list { access(item) }
            block(content)
        }
    }

    /// Values with their count in front.
    mutating func dataList(_ values: [DLMSData]) {
        length(values.count)
        for content in values { data(content) }
    }

    mutating func setResponse(_ value: SetResponse) {
        switch value.body {
        case .normal(let result):
            head(0xC5, 1, value.invoke)
            u8(result.rawValue)
        case .block(let number):
            head(0xC5, 2, value.invoke)
            u32(number)
        case .lastBlock(let result, let number):
            head(0xC5, 3, value.invoke)
            u8(result.rawValue)
            u32(number)
        case .lastBlockWithList(let list, let number):
            head(0xC5, 4, value.invoke)
            string(list.map(\.rawValue))
            u32(number)
        case .withList(let list):
            head(0xC5, 5, value.invoke)
            string(list.map(\.rawValue))
        }
    }

    mutating func dataNotification(_ value: DataNotification) {
        u8(0x0F)
        u32(value.longInvoke)
        string(value.dateTime?.bytes ?? [])
        data(value.body)
    }

    mutating func eventNotification(_ value: EventNotification) {
        u8(0xC2)
        u8(value.dateTime == nil ? 0 : 1)
        if let stamp = value.dateTime { string(stamp.bytes) }
        reference(value.reference)
        data(value.value)
    }
}
