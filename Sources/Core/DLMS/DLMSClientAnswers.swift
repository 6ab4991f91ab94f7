// What the client makes of the meter's APDUs: the handshake, answers whole and in blocks, pushes.
import Cryptography

extension DLMSClient {
    /// Takes one APDU of the meter.
    public mutating func receive(_ apdu: [UInt8]) throws(DLMSError) -> ClientEvent {
        do {
            return try handle(apdu, isInBlocks: false)
        } catch {
            if case .exception = error, case .waiting = state { state = .ready } else { state = .closed }
            throw error
        }
    }

    private mutating func handle(_ bytes: [UInt8], isInBlocks: Bool) throws(DLMSError) -> ClientEvent {
        let counterBefore = lastServerCounter
        var apdu = try APDU(bytes: bytes)
        switch apdu {
        case .exception(let response): throw .exception(response)
        case .confirmedServiceError(let error): throw .serviceError(error)
        case .associateResponse, .releaseResponse: break
        case .generalBlock(let block):
            guard !isInBlocks else { throw .unexpected("block transfer inside a block transfer") }
            return try transferred(block)
        case .ciphered(let sealed): apdu = try open(sealed)
        default:
            guard !isCiphered else { throw .unexpected("plain answer in a ciphered context") }
        }
        switch (state, apdu) {
        case (.ready, .dataNotification(let push)), (.waiting, .dataNotification(let push)):
            return .pushed(.data(push))
        case (.ready, .eventNotification(let push)), (.waiting, .eventNotification(let push)):
            return .pushed(.event(push))
        case (.associating, .associateResponse(let response)): return try associated(response)
        case (.proving(let stoc), .actionResponse(let response)): return try proved(response, stoc, counterBefore)
        case (.waiting(let request), _): return try answered(request, apdu)
        case (.releasing, .releaseResponse):
            state = .closed
            return .released
        case (_, .exception(let response)): throw .exception(response)
        case (_, .confirmedServiceError(let error)): throw .serviceError(error)
        default: throw .unexpected("this answer does not fit what was asked")
        }
    }

    private mutating func transferred(_ block: GeneralBlock) throws(DLMSError) -> ClientEvent {
        guard case .waiting = state, granted?.conformance.contains(.generalBlockTransfer) == true else {
            throw .unexpected("general block transfer that was not granted or asked for")
        }
        var moving = transfer ?? newBlockTransfer()
        let step = try moving.receive(block)
        transfer = moving
        if let message = step.message { return try handle(message, isInBlocks: true) }
        return step.send.first.map { .send($0) } ?? .wait
    }

    // MARK: Handshake

    private mutating func associated(_ response: AssociateResponse) throws(DLMSError) -> ClientEvent {
        guard response.result == .accepted else {
            throw .associationRejected(result: response.result, diagnostic: response.diagnostic)
        }
        guard response.context == (isCiphered ? 3 : 1) else {
            throw .unexpected("context \(response.context) granted")
        }
        serverSystemTitle = response.systemTitle
        granted = try initiateResponse(response.userInformation)
        guard configuration.mechanism.isHigh else {
            state = .ready
            return .associated
        }
        guard response.diagnostic == .authenticationRequired, let stoc = response.authenticationValue,
            (8...64).contains(stoc.count)
        else { throw .authenticationFailed("the meter sent no challenge") }
        // An echo of our own challenge would let us prove the meter's part to itself.
        guard stoc != configuration.challenge else { throw .authenticationFailed("our own challenge came back") }
        return .send(try pass3(stoc))
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
            proof = try HLS.answer(
                configuration.mechanism, received: stoc, sent: configuration.challenge, secret: configuration.secret,
                ownTitle: configuration.systemTitle, peerTitle: serverSystemTitle ?? [])
        }
        invokeNumber = 1
        let request = ActionRequest(invoke: 0xC1, method: HLS.replyMethod, parameter: .octetString(proof))
        state = .proving(stoc: stoc)
        return try seal(.actionRequest(request))
    }

    private mutating func proved(
        _ response: ActionResponse, _ stoc: [UInt8], _ counterBefore: UInt32?
    ) throws(DLMSError) -> ClientEvent {
        guard let outcome = response.outcome else { throw .authenticationFailed("the meter sent no proof") }
        guard outcome.result == .success else {
            throw .authenticationFailed("the meter refused our proof: \(outcome.result)")
        }
        guard case .success(let value)? = outcome.returned, let proof = value.octets else {
            throw .authenticationFailed("the meter sent no proof")
        }
        let failure = DLMSError.authenticationFailed("the meter does not know the secret")
        if configuration.mechanism == .highGMAC, let keys = configuration.keys {
            guard let title = serverSystemTitle,
                let counter = try HLS.gmacCounter(proof, configuration.challenge, title: title, keys: keys)
            else { throw failure }
            try accept(counter: counter, above: counterBefore)
        } else {
            let isProven = try HLS.proves(
                configuration.mechanism, proof, received: configuration.challenge, sent: stoc,
                secret: configuration.secret, ownTitle: serverSystemTitle ?? [], peerTitle: configuration.systemTitle)
            guard isProven else { throw failure }
        }
        state = .ready
        return .associated
    }

    // MARK: Answers

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
            return try written(response.body, listCount: nil)
        case (.setList(let count), .setResponse(let response)):
            try check(response.invoke)
            return try written(response.body, listCount: count)
        case (.act, .actionResponse(let response)):
            try check(response.invoke)
            return try acted(response.body, listCount: nil)
        case (.actList(let count), .actionResponse(let response)):
            try check(response.invoke)
            return try acted(response.body, listCount: count)
        case (.access(let services), .accessResponse(let response)): return try accessed(response, services)
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

    private mutating func finished(_ event: ClientEvent) -> ClientEvent {
        assembled = []
        unsent = []
        state = .ready
        return event
    }

    private mutating func got(_ body: GetResponse.Body, listCount: Int?) throws(DLMSError) -> ClientEvent {
        switch body {
        case .normal(let result):
            guard listCount == nil, nextBlock == 1 else { throw .unexpected("single value") }
            switch result {
            case .success(let value): return finished(.value(value))
            case .failure(let result): return finished(.failed(result))
            }
        case .withList(let results):
            guard results.count == listCount, nextBlock == 1 else {
                throw .unexpected("list of \(results.count) values")
            }
            return finished(.values(results))
        case .blockRefused(_, _, let result): return finished(.failed(result))
        case .block(let block):
            guard try append(block) else {
                let next = GetRequest(invoke: 0xC0 | invokeNumber, body: .next(block: block.number))
                return .send(try seal(.getRequest(next)))
            }
            guard let listCount else { return finished(.value(try DLMSData(axdr: assembled))) }
            var reader = ByteReader(assembled)
            let results = try reader.accessResults()
            try reader.end()
            guard results.count == listCount else { throw .unexpected("list of \(results.count) values") }
            return finished(.values(results))
        }
    }

    /// True when it was the last block.
    private mutating func append(_ block: DataBlock) throws(DLMSError) -> Bool {
        guard block.number == nextBlock else { throw .unexpected("block \(block.number), \(nextBlock) expected") }
        guard block.isLast || !block.bytes.isEmpty else { throw .unexpected("empty block \(block.number)") }
        guard assembled.count + block.bytes.count <= configuration.maxValueBytes else {
            throw .tooLarge("value above \(configuration.maxValueBytes) octets")
        }
        assembled += block.bytes
        if !block.isLast { nextBlock += 1 }
        return block.isLast
    }

    /// The block after the one the meter has acknowledged.
    private mutating func nextUnsent(
        _ acknowledged: UInt32, _ make: (DataBlock) -> APDU
    ) throws(DLMSError) -> ClientEvent {
        guard acknowledged == sentBlock, !unsent.isEmpty else {
            throw .unexpected("block \(acknowledged) acknowledged, \(sentBlock) was sent")
        }
        let number = sentBlock + 1
        let head = make(DataBlock(isLast: false, number: number, bytes: []))
        let room = try room(beside: head, granted.map { Int($0.maxPDU) } ?? 0)
        let piece = Array(unsent.prefix(room))
        unsent = unsent.dropFirst(room)
        sentBlock = number
        return .send(try seal(make(DataBlock(isLast: unsent.isEmpty, number: number, bytes: piece))))
    }

    private mutating func written(_ body: SetResponse.Body, listCount: Int?) throws(DLMSError) -> ClientEvent {
        let invoke = 0xC0 | invokeNumber
        switch body {
        case .normal(let result), .lastBlock(let result, _):
            // A list is answered by one result only when its transfer was broken off.
            guard listCount == nil || result != .success else { throw .unexpected("one result for a list") }
            return finished(result == .success ? .done(nil) : .failed(result))
        case .withList(let results), .lastBlockWithList(let results, _):
            guard results.count == listCount else { throw .unexpected("list of \(results.count) results") }
            return finished(.results(results))
        case .block(let number):
            return try nextUnsent(number) { .setRequest(SetRequest(invoke: invoke, body: .block($0))) }
        }
    }

    private mutating func acted(_ body: ActionResponse.Body, listCount: Int?) throws(DLMSError) -> ClientEvent {
        let invoke = 0xC0 | invokeNumber
        switch body {
        case .normal(let outcome):
            guard listCount == nil || outcome.result != .success else { throw .unexpected("one outcome for a list") }
            return finished(event(of: outcome))
        case .withList(let outcomes):
            guard outcomes.count == listCount else { throw .unexpected("list of \(outcomes.count) outcomes") }
            return finished(.outcomes(outcomes))
        case .next(let number):
            return try nextUnsent(number) { .actionRequest(ActionRequest(invoke: invoke, body: .block($0))) }
        case .block(let block):
            guard try append(block) else {
                let next = ActionRequest(invoke: invoke, body: .next(block: block.number))
                return .send(try seal(.actionRequest(next)))
            }
            guard let listCount else { return finished(event(of: try ActionOutcome(assembled: assembled))) }
            var reader = ByteReader(assembled)
            let outcomes = try reader.actionOutcomes()
            try reader.end()
            guard outcomes.count == listCount else { throw .unexpected("list of \(outcomes.count) outcomes") }
            return finished(.outcomes(outcomes))
        }
    }

    private func event(of outcome: ActionOutcome) -> ClientEvent {
        guard outcome.result == .success else { return .failed(outcome.result) }
        switch outcome.returned {
        case nil: return .done(nil)
        case .success(let value)?: return .done(value)
        case .failure(let result)?: return .failed(result)
        }
    }

    private mutating func accessed(_ response: AccessResponse, _ services: [UInt8]) throws(DLMSError) -> ClientEvent {
        guard response.longInvoke & 0x00FF_FFFF == longInvokeNumber else {
            throw .unexpected("answer to access \(response.longInvoke & 0x00FF_FFFF), \(longInvokeNumber) was asked")
        }
        guard response.entries.map(\.service) == services else { throw .unexpected("outcomes of other services") }
        return finished(.accessed(response.entries.map(\.outcome)))
    }
}
