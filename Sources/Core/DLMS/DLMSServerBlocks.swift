// The server's service-specific block transfer: long answers of GET and ACTION, long requests of SET and ACTION.

extension DLMSServer {
    // MARK: Long answers

    /// Keeps the answer and gives its first block.
    mutating func firstBlock(
        _ service: LongAnswer.Service, _ invoke: UInt8, _ bytes: [UInt8], _ form: AnswerForm?
    ) throws(DLMSError) -> APDU {
        let needed: Conformance = service == .get ? .blockTransferWithGet : .blockTransferWithAction
        guard session?.conformance.contains(needed) == true else { throw .exception(.tooLong) }
        session?.longAnswer = LongAnswer(service: service, bytes: bytes)
        return nextBlock(service, invoke, 0, form)
    }

    /// The block after `number`, which the client says it has.
    mutating func nextBlock(
        _ service: LongAnswer.Service, _ invoke: UInt8, _ number: UInt32, _ form: AnswerForm?
    ) -> APDU {
        func refused(_ result: DataAccessResult) -> APDU {
            session?.longAnswer = nil
            guard service == .get else { return .actionResponse(ActionResponse(invoke: invoke, result: result)) }
            return .getResponse(GetResponse(invoke: invoke, body: .blockRefused(isLast: true, number: number, result)))
        }
        func answer(_ block: DataBlock) -> APDU {
            service == .get
                ? .getResponse(GetResponse(invoke: invoke, body: .block(block)))
                : .actionResponse(ActionResponse(invoke: invoke, body: .block(block)))
        }
        guard let long = session?.longAnswer, long.service == service else { return refused(.noLongGetInProgress) }
        guard long.number == number else { return refused(.dataBlockNumberInvalid) }
        let limit = session?.maxPDU ?? 0
        let head = answer(DataBlock(isLast: false, number: 0, bytes: []))
        let overhead = form.map { CipheredAPDU.overhead($0(head), configuration.control, plainCount: limit) } ?? 0
        // The length in the head is one octet for an empty block and at most three for a full one.
        let room = max(1, limit - head.bytes.count - 2 - overhead)
        let end = min(long.offset + room, long.bytes.count)
        let isLast = end == long.bytes.count
        if isLast {
            session?.longAnswer = nil
        } else {
            session?.longAnswer?.offset = end
            session?.longAnswer?.number = number &+ 1
        }
        return answer(DataBlock(isLast: isLast, number: number &+ 1, bytes: Array(long.bytes[long.offset..<end])))
    }

    // MARK: Long requests

    enum Received {
        case more
        case refused(DataAccessResult)
        case whole(LongRequest.Target, [UInt8])
    }

    mutating func received(_ block: DataBlock) -> Received {
        guard let long = session?.longRequest else { return .refused(.noLongSetInProgress) }
        guard block.number == long.number else {
            session?.longRequest = nil
            return .refused(.dataBlockNumberInvalid)
        }
        guard long.bytes.count + block.bytes.count <= configuration.maxValueBytes else {
            session?.longRequest = nil
            return .refused(.longSetAborted)
        }
        guard block.isLast else {
            session?.longRequest?.bytes += block.bytes
            session?.longRequest?.number = block.number &+ 1
            return .more
        }
        session?.longRequest = nil
        return .whole(long.target, long.bytes + block.bytes)
    }

    /// A list of values put together from blocks; nil when it is not exactly `count` of them.
    static func values(_ bytes: [UInt8], count: Int) -> [DLMSData]? {
        var reader = ByteReader(bytes)
        guard let values = try? reader.dataList(), values.count == count, reader.remaining == 0 else { return nil }
        return values
    }
}
