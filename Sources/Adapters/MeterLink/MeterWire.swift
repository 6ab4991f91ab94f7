// One TCP connection to a meter: WRAPPER frames out and in, one exchange at a time, each with a time-out by the system
// clock. What comes unasked waits in a bounded line. Knows nothing of associations.
import DLMS
import MeterPort
import NIOCore
import NIOPosix

/// What a request waits for.
struct Exchange: Sendable {
    /// Nil: nothing is sent, only the next frame is waited for.
    var bytes: [UInt8]?
    var timeoutMs: Int64
    var answer: EventLoopPromise<[UInt8]>
}

/// A connection. Close it when done.
struct MeterWire: Sendable {
    private let channel: any Channel
    private let source: UInt16
    private let destination: UInt16

    /// Connects over IPv4 or IPv6 (`::1` or `[::1]`).
    /// - Throws: ``MeterError`` `unreachable`.
    static func connect(
        host: String, port: Int, source: UInt16, destination: UInt16, timeoutMs: Int64
    ) async throws -> MeterWire {
        let name = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        guard !name.isEmpty, (1...65_535).contains(port) else {
            throw MeterError(.unreachable, "no such address: '\(host)' port \(port)")
        }
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(timeoutMs))
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            FrameHandler(source: source, destination: destination))
                    }
                }
                .connect(host: name, port: port).get()
            return MeterWire(channel: channel, source: source, destination: destination)
        } catch {
            throw MeterError(.unreachable, "no connection to \(host) port \(port): \(ConnectionTrouble.words(error))")
        }
    }

    /// Sends an APDU, or nothing, and waits for the next one of the meter. Frames come in the order of the wire, also
    /// those that nobody asked for.
    /// - Throws: ``MeterError`` `timeout`, after which the line is still there, or `closed` or `badAnswer`, after which
    ///   it is not.
    func exchange(_ apdu: [UInt8]?, timeoutMs: Int64) async throws -> [UInt8] {
        let bytes: [UInt8]?
        do {
            bytes = try apdu.map { try WrapperFrame(source: source, destination: destination, apdu: $0).encoded() }
        } catch {
            throw MeterError(.other, "cannot send: \(error)")
        }
        let promise = channel.eventLoop.makePromise(of: [UInt8].self)
        channel.writeAndFlush(Exchange(bytes: bytes, timeoutMs: timeoutMs, answer: promise)).whenFailure { error in
            promise.fail(error is MeterError ? error : MeterError(.closed, "the connection is closed"))
        }
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// The frame that carries an APDU on this connection; nil when it fits none.
    func frame(_ apdu: [UInt8], isFromMeter: Bool) -> [UInt8]? {
        let (from, to) = isFromMeter ? (destination, source) : (source, destination)
        return try? WrapperFrame(source: from, destination: to, apdu: apdu).encoded()
    }

    func close() async { try? await channel.close() }
}

/// Cuts frames and answers the exchange that waits; keeps what comes before one does.
private final class FrameHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Exchange
    typealias OutboundOut = ByteBuffer

    private let source: UInt16
    private let destination: UInt16
    private var decoder = WrapperDecoder()
    /// A window of general blocks and some pushes; a meter that sends more unasked is cut off.
    private static let unaskedMax = 128
    private var unasked: [[UInt8]] = []
    private var waiting: (answer: EventLoopPromise<[UInt8]>, timeout: Scheduled<Void>)?

    init(source: UInt16, destination: UInt16) {
        self.source = source
        self.destination = destination
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let exchange = Self.unwrapOutboundIn(data)
        guard waiting == nil else {
            exchange.answer.fail(MeterError(.other, "one request at a time"))
            promise?.succeed()
            return
        }
        let timeout = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(exchange.timeoutMs)) {
            self.finish(.failure(MeterError(.timeout, "no answer in \(exchange.timeoutMs) ms")))
        }
        waiting = (exchange.answer, timeout)
        if let bytes = exchange.bytes {
            context.write(Self.wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: promise)
        } else {
            promise?.succeed()
        }
        if !unasked.isEmpty { finish(.success(unasked.removeFirst())) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(Self.unwrapInboundIn(data).readableBytesView)
        do {
            while let frame = try decoder.next() {
                // Frames of others are not for us.
                guard frame.source == destination, frame.destination == source, !frame.apdu.isEmpty else { continue }
                if waiting != nil {
                    finish(.success(frame.apdu))
                } else if unasked.count < Self.unaskedMax {
                    unasked.append(frame.apdu)
                } else {
                    throw DLMSError.unexpected("\(unasked.count) frames nobody asked for")
                }
            }
        } catch {
            finish(.failure(MeterError(.badAnswer, "\(error)")))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.failure(MeterError(.closed, "the meter closed the connection")))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.failure(MeterError(.closed, "connection lost: \(error)")))
        context.close(promise: nil)
    }

    private func finish(_ result: Result<[UInt8], any Error>) {
        guard let waiting else { return }
        self.waiting = nil
        waiting.timeout.cancel()
        waiting.answer.completeWith(result)
    }
}
