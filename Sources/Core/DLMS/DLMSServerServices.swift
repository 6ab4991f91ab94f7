// The server's GET, SET and ACTION inside an association, with block transfer both ways.

extension DLMSServer {
    /// Nil: nothing to answer. `form` is how the answer will be protected; nil in a plain association.
    mutating func serve(
        _ apdu: APDU, _ client: UInt16, _ form: ((APDU) -> CipheredAPDU.Form)?, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU? {
        guard let open = session else { throw .exception(.serviceUnknown) }
        if open.challenges != nil {
            guard case .actionRequest(let request) = apdu, request.method == HLS.replyMethod else {
                throw .exception(.serviceUnknown)
            }
            return try prove(request)
        }
        switch apdu {
        case .getRequest(let request):
            try need(.get)
            return try get(request, client, form, &objects)
        case .setRequest(let request):
            try need(.set)
            return try set(request, client, &objects)
        case .actionRequest(let request):
            try need(.action)
            return try act(request, client, form, &objects)
        case .dataNotification, .eventNotification: return nil
        default: throw .exception(.serviceNotSupported)
        }
    }

    private func need(_ service: Conformance) throws(DLMSError) {
        guard session?.conformance.contains(service) == true else { throw .exception(.serviceUnknown) }
    }

    // MARK: GET

    private mutating func get(
        _ request: GetRequest, _ client: UInt16, _ form: ((APDU) -> CipheredAPDU.Form)?,
        _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        switch request.body {
        case .next(let number): return .getResponse(next(request.invoke, number, form))
        case .normal(let access):
            session?.longGet = nil
            let result = read(access, client, &objects)
            let whole = GetResponse(invoke: request.invoke, body: .normal(result))
            guard case .success(let value) = result else { return .getResponse(whole) }
            return try fitting(whole, form) { value.axdr }
        case .withList(let list):
            session?.longGet = nil
            try need(.multipleReferences)
            let results = list.map { read($0, client, &objects) }
            return try fitting(GetResponse(invoke: request.invoke, body: .withList(results)), form) {
                var writer = ByteWriter()
                writer.accessResults(results)
                return writer.bytes
            }
        }
    }

    private func read(
        _ access: AttributeAccess, _ client: UInt16, _ objects: inout some COSEMObjects
    ) -> AccessResult {
        if access.selector != nil, session?.conformance.contains(.selectiveAccess) != true {
            return .failure(.scopeOfAccessViolated)
        }
        return objects.read(access, client: client)
    }

    /// The whole answer when it fits the agreed PDU, else its first block.
    private mutating func fitting(
        _ whole: GetResponse, _ form: ((APDU) -> CipheredAPDU.Form)?, _ content: () -> [UInt8]
    ) throws(DLMSError) -> APDU {
        let apdu = APDU.getResponse(whole)
        guard !fits(apdu, form) else { return apdu }
        try needBlocks()
        session?.longGet = (content(), 0, 0)
        return .getResponse(next(whole.invoke, 0, form))
    }

    private func needBlocks() throws(DLMSError) {
        guard session?.conformance.contains(.blockTransferWithGet) == true else { throw .exception(.tooLong) }
    }

    private func fits(_ apdu: APDU, _ form: ((APDU) -> CipheredAPDU.Form)?) -> Bool {
        let count = apdu.bytes.count
        let overhead = form.map { CipheredAPDU.overhead($0(apdu), configuration.control, plainCount: count) } ?? 0
        return count + overhead <= session?.maxPDU ?? 0
    }

    /// The block after `number`, which the client says it has.
    private mutating func next(
        _ invoke: UInt8, _ number: UInt32, _ form: ((APDU) -> CipheredAPDU.Form)?
    ) -> GetResponse {
        func refused(_ result: DataAccessResult) -> GetResponse {
            GetResponse(invoke: invoke, body: .blockRefused(isLast: true, number: number, result))
        }
        guard let long = session?.longGet else { return refused(.noLongGetInProgress) }
        guard long.number == number else {
            session?.longGet = nil
            return refused(.dataBlockNumberInvalid)
        }
        // Head of a block: tag, choice, invoke, last, number, choice, length of up to 3 octets.
        let head = GetResponse(invoke: invoke, body: .block(DataBlock(isLast: false, number: 0, bytes: [])))
        let limit = session?.maxPDU ?? 0
        let overhead =
            form.map { CipheredAPDU.overhead($0(.getResponse(head)), configuration.control, plainCount: limit) } ?? 0
        let room = max(1, limit - 12 - overhead)
        let end = min(long.offset + room, long.bytes.count)
        let isLast = end == long.bytes.count
        let block = DataBlock(isLast: isLast, number: number &+ 1, bytes: Array(long.bytes[long.offset..<end]))
        if isLast {
            session?.longGet = nil
        } else {
            session?.longGet?.offset = end
            session?.longGet?.number = number &+ 1
        }
        return GetResponse(invoke: invoke, body: .block(block))
    }

    // MARK: SET

    private mutating func set(
        _ request: SetRequest, _ client: UInt16, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        func answer(_ body: SetResponse.Body) -> APDU {
            .setResponse(SetResponse(invoke: request.invoke, body: body))
        }
        switch request.body {
        case .normal(let access, let value):
            session?.longSet = nil
            return answer(.normal(objects.write(access, value, client: client)))
        case .withList(let list, let values):
            session?.longSet = nil
            try need(.multipleReferences)
            return answer(.withList(zip(list, values).map { objects.write($0, $1, client: client) }))
        case .firstBlock(let access, let block):
            try need(.blockTransferWithSet)
            session?.longSet = (access, [], 1)
            return answer(received(block, client, &objects))
        case .block(let block): return answer(received(block, client, &objects))
        }
    }

    private mutating func received(
        _ block: DataBlock, _ client: UInt16, _ objects: inout some COSEMObjects
    ) -> SetResponse.Body {
        guard let long = session?.longSet else { return .lastBlock(.noLongSetInProgress, number: block.number) }
        guard block.number == long.number, long.bytes.count + block.bytes.count <= Self.maxSetBytes else {
            session?.longSet = nil
            let result: DataAccessResult = block.number == long.number ? .longSetAborted : .dataBlockNumberInvalid
            return .lastBlock(result, number: block.number)
        }
        guard block.isLast else {
            session?.longSet?.bytes += block.bytes
            session?.longSet?.number = block.number &+ 1
            return .block(number: block.number)
        }
        session?.longSet = nil
        guard let value = try? DLMSData(axdr: long.bytes + block.bytes) else {
            return .lastBlock(.typeUnmatched, number: block.number)
        }
        return .lastBlock(objects.write(long.access, value, client: client), number: block.number)
    }

    /// Largest value a client may write in blocks, octets.
    private static var maxSetBytes: Int { 65_536 }

    // MARK: ACTION

    private mutating func act(
        _ request: ActionRequest, _ client: UInt16, _ form: ((APDU) -> CipheredAPDU.Form)?,
        _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        let response: ActionResponse
        switch objects.act(request.method, request.parameter, client: client) {
        case .success(let value):
            response = ActionResponse(
                invoke: request.invoke, result: .success, returned: value.map { .success($0) })
        case .failure(let result): response = ActionResponse(invoke: request.invoke, result: result)
        }
        guard fits(.actionResponse(response), form) else { throw .exception(.tooLong) }
        return .actionResponse(response)
    }
}
