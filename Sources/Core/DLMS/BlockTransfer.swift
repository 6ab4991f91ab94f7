// General block transfer (IEC 62056-5-3, 7.3.13): any APDU in numbered blocks, several in a row, lost ones sent again.
// One machine for both ends. The APDU inside may be protected; the blocks themselves are not. No clock.

/// `E0`.
public struct GeneralBlock: Hashable, Sendable {
    public var isLast: Bool
    /// More blocks follow at once; without it the other end has the turn.
    public var isStreaming: Bool
    /// Blocks in a row that the sender of this one takes: 0...63.
    public var window: UInt8
    /// Counts from 1.
    public var number: UInt16
    /// Highest block of the other end that came without a gap.
    public var acknowledged: UInt16
    public var bytes: [UInt8]
    public init(
        isLast: Bool, isStreaming: Bool, window: UInt8, number: UInt16, acknowledged: UInt16, bytes: [UInt8]
    ) {
        self.isLast = isLast
        self.isStreaming = isStreaming
        self.window = min(window, 63)
        self.number = number
        self.acknowledged = acknowledged
        self.bytes = bytes
    }
}

extension ByteReader {
    mutating func generalBlock() throws(DLMSError) -> GeneralBlock {
        let control = try u8()
        let number = try u16()
        let acknowledged = try u16()
        return GeneralBlock(
            isLast: control & 0x80 != 0, isStreaming: control & 0x40 != 0, window: control & 0x3F, number: number,
            acknowledged: acknowledged, bytes: try string())
    }
}

extension ByteWriter {
    mutating func generalBlock(_ value: GeneralBlock) {
        u8(0xE0)
        u8((value.isLast ? 0x80 : 0) | (value.isStreaming ? 0x40 : 0) | value.window & 0x3F)
        u16(value.number)
        u16(value.acknowledged)
        string(value.bytes)
    }
}

/// One exchange: our APDU out (or none), theirs in. Start a new one for every request.
public struct BlockTransfer: Sendable {
    /// What a received block leads to.
    public struct Step: Hashable, Sendable {
        /// Blocks to send now, each an APDU of its own; empty: wait for more.
        public var send: [[UInt8]] = []
        /// Their whole APDU, given once.
        public var message: [UInt8]?
        public init(send: [[UInt8]] = [], message: [UInt8]? = nil) {
            self.send = send
            self.message = message
        }
    }

    /// Octets of a block's head: tag, control, two numbers, length of up to three octets.
    public static let headBytes = 9

    private let isClient: Bool
    private let blockBytes: Int
    private let window: UInt8
    private let maxBytes: Int
    private let maxWindow: Int

    /// Our blocks; the first is number 1. Empty ones, which only acknowledge, stand before and after those with content
    /// and are sent again like them: a hole in the numbers would stop the other end.
    private var outgoing: [[UInt8]] = []
    /// How many of ours with content there are up to the last of them; nil before `send`.
    private var contentEnd: Int?
    /// How many of `outgoing` are on their way or there, are there, and have ever been on their way.
    private var sent = 0
    private var acknowledged = 0
    private var highestSent = 0
    /// Blocks in a row that the other end takes; known from its first block.
    private var peerWindow = 1

    private var incoming: [UInt8] = []
    private var firstIncoming: [UInt8] = []
    private var received: UInt16 = 0
    private var isComplete = false
    private var repetitions = 0

    /// - Parameters:
    ///   - isClient: the end that asks; it never follows its acknowledgements with more of its own.
    ///   - maxPDU: the largest APDU the other end takes; a block is never longer.
    ///   - window: blocks in a row that we take.
    ///   - maxBytes: limit on what is put together.
    ///   - maxWindow: limit on the blocks in a row that we send.
    public init(isClient: Bool, maxPDU: Int, window: UInt8 = 1, maxBytes: Int = 4 << 20, maxWindow: Int = 63) {
        self.isClient = isClient
        blockBytes = max(1, maxPDU - Self.headBytes)
        self.window = min(max(window, 1), 63)
        self.maxBytes = maxBytes
        self.maxWindow = min(max(maxWindow, 1), 63)
    }

    /// Blocks of ours with content are still to be acknowledged.
    public var isSending: Bool { contentEnd.map { acknowledged < $0 } ?? false }
    /// Something has passed: `timedOut` makes sense.
    public var isStarted: Bool { highestSent > 0 || received > 0 }

    /// The first block of another message: the other end has begun anew.
    public func isOfAnother(_ block: GeneralBlock) -> Bool {
        block.number == 1 && received > 0 && !block.bytes.isEmpty && block.bytes != firstIncoming
    }

    /// Sends an APDU: the first block, or as many as the other end is known to take.
    public mutating func send(_ apdu: [UInt8]) throws(DLMSError) -> [[UInt8]] {
        guard contentEnd == nil else { throw .unexpected("block transfer amid another") }
        let count = (apdu.count + blockBytes - 1) / blockBytes
        guard !apdu.isEmpty, outgoing.count + count < Int(UInt16.max) else {
            throw .tooLarge("APDU of \(apdu.count) octets for a block transfer")
        }
        for start in stride(from: 0, to: apdu.count, by: blockBytes) {
            outgoing.append(Array(apdu[start..<min(start + blockBytes, apdu.count)]))
        }
        contentEnd = outgoing.count
        repetitions = 0
        sent = acknowledged
        return burst()
    }

    /// Takes one block. Doubled and early ones are passed over; the acknowledgement tells what is missing.
    public mutating func receive(_ block: GeneralBlock) throws(DLMSError) -> Step {
        peerWindow = max(1, Int(block.window))
        let hasProgress = try acknowledge(Int(block.acknowledged))
        let isNew = !isComplete && received < .max && block.number == received + 1
        var step = Step()
        if isNew {
            guard incoming.count + block.bytes.count <= maxBytes else {
                throw .tooLarge("APDU above \(maxBytes) octets")
            }
            received += 1
            if received == 1 { firstIncoming = block.bytes }
            incoming += block.bytes
            // An end that only acknowledges sends empty blocks, the last flag set.
            if block.isLast, !incoming.isEmpty {
                isComplete = true
                step.message = incoming
                incoming = []
            }
        }
        if hasProgress || isNew { repetitions = 0 }
        guard !block.isStreaming, step.message == nil else { return step }
        try countRepetition()
        step.send = answer()
        return step
    }

    /// Nothing came in time: the last blocks again, or what we have of theirs.
    public mutating func timedOut() throws(DLMSError) -> [[UInt8]] {
        try countRepetition()
        return answer()
    }

    /// The rest of ours; or, when it is all there, how far theirs has come.
    private mutating func answer() -> [[UInt8]] {
        if !isSending, acknowledged == outgoing.count, outgoing.count < Int(UInt16.max) { outgoing.append([]) }
        sent = acknowledged
        return isSending ? burst() : Array(burst().prefix(1))
    }

    /// Two ends that make no progress must not talk for ever.
    private mutating func countRepetition() throws(DLMSError) {
        repetitions += 1
        guard repetitions <= 50 else { throw .unexpected("block transfer without progress") }
    }

    private mutating func acknowledge(_ number: Int) throws(DLMSError) -> Bool {
        guard number <= highestSent else {
            throw .malformed("block \(number) acknowledged that was not sent", offset: 4)
        }
        defer { acknowledged = max(acknowledged, number) }
        return number > acknowledged
    }

    private mutating func burst() -> [[UInt8]] {
        var blocks: [[UInt8]] = []
        let end = min(outgoing.count, acknowledged + min(peerWindow, maxWindow))
        while sent < end {
            let isLast = contentEnd.map { sent >= $0 - 1 } ?? isClient
            let block = GeneralBlock(
                isLast: isLast, isStreaming: sent < end - 1, window: window, number: UInt16(sent + 1),
                acknowledged: received, bytes: outgoing[sent])
            blocks.append(APDU.generalBlock(block).bytes)
            sent += 1
        }
        highestSent = max(highestSent, sent)
        return blocks
    }
}
