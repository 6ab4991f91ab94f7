// Coding of ACTION requests and responses in all their forms (IEC 62056-5-3, 7.3.9). The shapes are in APDU.swift.

extension ByteReader {
    private mutating func method() throws(DLMSError) -> MethodReference {
        let classID = try u16()
        return MethodReference(classID, try obis(), Int8(bitPattern: try u8()))
    }

    private mutating func methods() throws(DLMSError) -> [MethodReference] {
        var list: [MethodReference] = []
        for _ in 0..<(try listCount()) { list.append(try method()) }
        return list
    }

    mutating func actionRequest() throws(DLMSError) -> ActionRequest {
        let choice = try u8()
        let invoke = try u8()
        switch choice {
        case 1:
            let method = try method()
            let parameter = try u8() == 0 ? nil : try data()
            return ActionRequest(invoke: invoke, method: method, parameter: parameter)
        case 2: return ActionRequest(invoke: invoke, body: .next(block: try u32()))
        case 3:
            let methods = try methods()
            let values = try dataList()
            guard methods.count == values.count else {
                throw .malformed("\(methods.count) methods, \(values.count) parameters", offset: offset)
            }
            return ActionRequest(invoke: invoke, body: .withList(zip(methods, values).map { MethodCall($0, $1) }))
        case 4:
            let method = try method()
            return ActionRequest(invoke: invoke, body: .firstBlock(method, try block()))
        case 5:
            let methods = try methods()
            return ActionRequest(invoke: invoke, body: .withListAndFirstBlock(methods, try block()))
        case 6: return ActionRequest(invoke: invoke, body: .block(try block()))
        default: throw .unsupported("ACTION request choice \(choice)")
        }
    }

    /// Values with their count in front.
    mutating func dataList() throws(DLMSError) -> [DLMSData] {
        var values: [DLMSData] = []
        for _ in 0..<(try listCount()) { values.append(try data()) }
        return values
    }

    mutating func actionOutcome() throws(DLMSError) -> ActionOutcome {
        let result = DataAccessResult(rawValue: try u8())
        return ActionOutcome(result: result, returned: try u8() == 0 ? nil : try accessResult())
    }

    mutating func actionOutcomes() throws(DLMSError) -> [ActionOutcome] {
        var list: [ActionOutcome] = []
        for _ in 0..<(try listCount()) { list.append(try actionOutcome()) }
        return list
    }

    mutating func actionResponse() throws(DLMSError) -> ActionResponse {
        let choice = try u8()
        let invoke = try u8()
        switch choice {
        case 1: return ActionResponse(invoke: invoke, body: .normal(try actionOutcome()))
        case 2: return ActionResponse(invoke: invoke, body: .block(try block()))
        case 3: return ActionResponse(invoke: invoke, body: .withList(try actionOutcomes()))
        case 4: return ActionResponse(invoke: invoke, body: .next(block: try u32()))
        default: throw .unsupported("ACTION response choice \(choice)")
        }
    }
}

extension ActionOutcome {
    /// What stands in the blocks of a long answer. Stacks differ: the whole outcome, its Get-Data-Result, or only the
    /// data. No octets fit two of them, so all are taken.
    init(assembled bytes: [UInt8]) throws(DLMSError) {
        if let value = try? DLMSData(axdr: bytes) {
            self.init(result: .success, returned: .success(value))
            return
        }
        var result = ByteReader(bytes)
        if let returned = try? result.accessResult(), result.remaining == 0 {
            self.init(result: .success, returned: returned)
            return
        }
        var whole = ByteReader(bytes)
        self = try whole.actionOutcome()
        try whole.end()
    }
}

extension ByteWriter {
    private mutating func method(_ value: MethodReference) {
        u16(value.classID)
        put(value.obis.bytes)
        u8(UInt8(bitPattern: value.method))
    }

    mutating func actionRequest(_ value: ActionRequest) {
        switch value.body {
        case .normal(let call):
            head(0xC3, 1, value.invoke)
            method(call.method)
            u8(call.parameter == nil ? 0 : 1)
            if let parameter = call.parameter { data(parameter) }
        case .next(let number):
            head(0xC3, 2, value.invoke)
            u32(number)
        case .withList(let calls):
            head(0xC3, 3, value.invoke)
            length(calls.count)
            for call in calls { method(call.method) }
            dataList(calls.map { $0.parameter ?? .null })
        case .firstBlock(let name, let content):
            head(0xC3, 4, value.invoke)
            method(name)
            block(content)
        case .withListAndFirstBlock(let names, let content):
            head(0xC3, 5, value.invoke)
            length(names.count)
            for name in names { method(name) }
            block(content)
        case .block(let content):
            head(0xC3, 6, value.invoke)
            block(content)
        }
    }

    mutating func actionOutcome(_ value: ActionOutcome) {
        u8(value.result.rawValue)
        u8(value.returned == nil ? 0 : 1)
        if let returned = value.returned { accessResult(returned) }
    }

    mutating func actionOutcomes(_ list: [ActionOutcome]) {
        length(list.count)
        for outcome in list { actionOutcome(outcome) }
    }

    mutating func actionResponse(_ value: ActionResponse) {
        switch value.body {
        case .normal(let outcome):
            head(0xC7, 1, value.invoke)
            actionOutcome(outcome)
        case .block(let content):
            head(0xC7, 2, value.invoke)
            block(content)
        case .withList(let list):
            head(0xC7, 3, value.invoke)
            actionOutcomes(list)
        case .next(let number):
            head(0xC7, 4, value.invoke)
            u32(number)
        }
    }
}
