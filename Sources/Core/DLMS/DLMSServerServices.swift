// The server's GET, SET, ACTION and ACCESS inside an association. Block transfer is in DLMSServerBlocks.swift.

/// How an answer will be protected; nil in a plain association.
typealias AnswerForm = (APDU) -> CipheredAPDU.Form

extension DLMSServer {
    /// Nil: nothing to answer.
    mutating func serve(
        _ apdu: APDU, _ client: UInt16, _ form: AnswerForm?, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU? {
        guard let open = session else { throw .exception(.serviceUnknown) }
        if open.challenges != nil {
            guard case .actionRequest(let request) = apdu, request.call?.method == HLS.replyMethod else {
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
        case .accessRequest(let request):
            try need(.access)
            return try access(request, client, form, &objects)
        case .dataNotification, .eventNotification: return nil
        default: throw .exception(.serviceNotSupported)
        }
    }

    func need(_ service: Conformance) throws(DLMSError) {
        guard session?.conformance.contains(service) == true else { throw .exception(.serviceUnknown) }
    }

    /// Whether the answer goes out whole: it fits the agreed PDU, or general blocks carry it.
    func goesWhole(_ apdu: APDU, _ form: AnswerForm?) -> Bool {
        if session?.conformance.contains(.generalBlockTransfer) == true { return true }
        let count = apdu.bytes.count
        let overhead = form.map { CipheredAPDU.overhead($0(apdu), configuration.control, plainCount: count) } ?? 0
        return count + overhead <= session?.maxPDU ?? 0
    }

    // MARK: GET

    private mutating func get(
        _ request: GetRequest, _ client: UInt16, _ form: AnswerForm?, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        switch request.body {
        case .next(let number): return nextBlock(.get, request.invoke, number, form)
        case .normal(let access):
            session?.longAnswer = nil
            let result = read(access, client, &objects)
            let whole = APDU.getResponse(GetResponse(invoke: request.invoke, body: .normal(result)))
            guard !goesWhole(whole, form), case .success(let value) = result else { return whole }
            return try firstBlock(.get, request.invoke, value.axdr, form)
        case .withList(let list):
            session?.longAnswer = nil
            try need(.multipleReferences)
            let results = list.map { read($0, client, &objects) }
            let whole = APDU.getResponse(GetResponse(invoke: request.invoke, body: .withList(results)))
            if goesWhole(whole, form) { return whole }
            var writer = ByteWriter()
            writer.accessResults(results)
            return try firstBlock(.get, request.invoke, writer.bytes, form)
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

    // MARK: SET

    private mutating func set(
        _ request: SetRequest, _ client: UInt16, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        let body: SetResponse.Body
        switch request.body {
        case .normal(let access, let value):
            session?.longRequest = nil
            body = .normal(objects.write(access, value, client: client))
        case .withList(let list, let values):
            session?.longRequest = nil
            try need(.multipleReferences)
            body = .withList(zip(list, values).map { objects.write($0, $1, client: client) })
        case .firstBlock(let access, let block):
            try need(.blockTransferWithSet)
            session?.longRequest = LongRequest(target: .set(access))
            body = written(block, client, &objects)
        case .withListAndFirstBlock(let list, let block):
            try need(.blockTransferWithSet)
            try need(.multipleReferences)
            session?.longRequest = LongRequest(target: .setList(list))
            body = written(block, client, &objects)
        case .block(let block): body = written(block, client, &objects)
        }
        return .setResponse(SetResponse(invoke: request.invoke, body: body))
    }

    private mutating func written(
        _ block: DataBlock, _ client: UInt16, _ objects: inout some COSEMObjects
    ) -> SetResponse.Body {
        let number = block.number
        switch received(block) {
        case .more: return .block(number: number)
        case .refused(let result): return .lastBlock(result, number: number)
        case .whole(.set(let access), let bytes):
            guard let value = try? DLMSData(axdr: bytes) else { return .lastBlock(.typeUnmatched, number: number) }
            return .lastBlock(objects.write(access, value, client: client), number: number)
        case .whole(.setList(let list), let bytes):
            guard let values = Self.values(bytes, count: list.count) else {
                return .lastBlock(.typeUnmatched, number: number)
            }
            return .lastBlockWithList(
                zip(list, values).map { objects.write($0, $1, client: client) }, number: number)
        case .whole: return .lastBlock(.noLongSetInProgress, number: number)
        }
    }

    // MARK: ACTION

    private mutating func act(
        _ request: ActionRequest, _ client: UInt16, _ form: AnswerForm?, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        switch request.body {
        case .next(let number): return nextBlock(.action, request.invoke, number, form)
        case .normal(let call): return try called(call, request.invoke, client, form, &objects)
        case .withList(let calls):
            try need(.multipleReferences)
            return try called(calls, request.invoke, client, form, &objects)
        case .firstBlock(let method, let block):
            try need(.blockTransferWithAction)
            session?.longRequest = LongRequest(target: .act(method))
            return try called(block, request.invoke, client, form, &objects)
        case .withListAndFirstBlock(let methods, let block):
            try need(.blockTransferWithAction)
            try need(.multipleReferences)
            session?.longRequest = LongRequest(target: .actList(methods))
            return try called(block, request.invoke, client, form, &objects)
        case .block(let block): return try called(block, request.invoke, client, form, &objects)
        }
    }

    private func outcome(
        _ call: MethodCall, _ client: UInt16, _ objects: inout some COSEMObjects
    ) -> ActionOutcome {
        switch objects.act(call.method, call.parameter, client: client) {
        case .success(let value): ActionOutcome(result: .success, returned: value.map { .success($0) })
        case .failure(let result): ActionOutcome(result: result)
        }
    }

    private mutating func called(
        _ call: MethodCall, _ invoke: UInt8, _ client: UInt16, _ form: AnswerForm?, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        session?.longAnswer = nil
        session?.longRequest = nil
        let outcome = outcome(call, client, &objects)
        let whole = APDU.actionResponse(ActionResponse(invoke: invoke, body: .normal(outcome)))
        guard !goesWhole(whole, form), case .success(let value)? = outcome.returned else { return whole }
        // Only the data goes into the blocks, as the widespread stacks read it.
        return try firstBlock(.action, invoke, value.axdr, form)
    }

    private mutating func called(
        _ calls: [MethodCall], _ invoke: UInt8, _ client: UInt16, _ form: AnswerForm?,
        _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        session?.longAnswer = nil
        session?.longRequest = nil
        let outcomes = calls.map { outcome($0, client, &objects) }
        let whole = APDU.actionResponse(ActionResponse(invoke: invoke, body: .withList(outcomes)))
        if goesWhole(whole, form) { return whole }
        var writer = ByteWriter()
        writer.actionOutcomes(outcomes)
        return try firstBlock(.action, invoke, writer.bytes, form)
    }

    private mutating func called(
        _ block: DataBlock, _ invoke: UInt8, _ client: UInt16, _ form: AnswerForm?, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU {
        func refused(_ result: DataAccessResult) -> APDU {
            .actionResponse(ActionResponse(invoke: invoke, result: result))
        }
        switch received(block) {
        case .more: return .actionResponse(ActionResponse(invoke: invoke, body: .next(block: block.number)))
        case .refused(let result): return refused(result)
        case .whole(.act(let method), let bytes):
            guard let value = try? DLMSData(axdr: bytes) else { return refused(.typeUnmatched) }
            return try called(MethodCall(method, value), invoke, client, form, &objects)
        case .whole(.actList(let methods), let bytes):
            guard let values = Self.values(bytes, count: methods.count) else { return refused(.typeUnmatched) }
            return try called(zip(methods, values).map { MethodCall($0, $1) }, invoke, client, form, &objects)
        case .whole: return refused(.noLongSetInProgress)
        }
    }

    // MARK: ACCESS

    private mutating func access(
        _ request: AccessRequest, _ client: UInt16, _ form: AnswerForm?, _ objects: inout some COSEMObjects
    ) throws(DLMSError) -> APDU? {
        session?.longAnswer = nil
        session?.longRequest = nil
        var entries: [AccessResponse.Entry] = []
        var isStopped = false
        for item in request.items {
            // What comes after an error is not tried when the client wants to stop there.
            let outcome = isStopped ? AccessOutcome(result: .otherReason) : outcome(item, client, &objects)
            if outcome.result != .success, request.longInvoke & AccessRequest.stopsAtError != 0 { isStopped = true }
            entries.append(AccessResponse.Entry(service: item.service, outcome: outcome))
        }
        guard request.longInvoke & AccessRequest.confirmed != 0 else { return nil }
        let isSelfDescriptive = request.longInvoke & AccessRequest.isSelfDescriptive != 0
        let answer = APDU.accessResponse(
            AccessResponse(
                longInvoke: request.longInvoke, specification: isSelfDescriptive ? request.items : nil,
                entries: entries))
        guard goesWhole(answer, form) else { throw .exception(.tooLong) }
        return answer
    }

    private func outcome(
        _ item: AccessItem, _ client: UInt16, _ objects: inout some COSEMObjects
    ) -> AccessOutcome {
        switch item {
        case .get(let access):
            switch read(access, client, &objects) {
            case .success(let value): return AccessOutcome(result: .success, data: value)
            case .failure(let result): return AccessOutcome(result: result)
            }
        case .set(let access, let value): return AccessOutcome(result: objects.write(access, value, client: client))
        case .act(let method, let parameter):
            let call = MethodCall(method, parameter == .null ? nil : parameter)
            let outcome = outcome(call, client, &objects)
            guard case .success(let value)? = outcome.returned else { return AccessOutcome(result: outcome.result) }
            return AccessOutcome(result: outcome.result, data: value)
        }
    }
}
