// One TCP connection to a meter: WRAPPER frames out and in, one exchange at a time, each with a time-out by the system
// clock. Knows nothing of associations.
import DLMS
import MeterPort
import NIOCore
import NIOPosix

/// What a request waits for.
struct Exchange: Sendable {
    var bytes: [UInt8]
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

    /// Sends an APDU and waits for the next one of the meter.
    /// - Throws: ``MeterError`` `timeout`, `closed` or `badAnswer`; the connection is of no more use then.
    func exchange(_ apdu: [UInt8], timeoutMs: Int64) async throws -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try WrapperFrame(source: source, destination: destination, apdu: apdu).encoded()
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

/// Cuts frames and answers the exchange that waits.
private final class FrameHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Exchange
    typealias OutboundOut = ByteBuffer

    private let source: UInt16
    private let destination: UInt16
    private var decoder = WrapperDecoder()
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
        let channel = context.channel
        let timeout = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(exchange.timeoutMs)) {
            self.finish(.failure(MeterError(.timeout, "no answer in \(exchange.timeoutMs) ms")))
            channel.close(promise: nil)
        }
        waiting = (exchange.answer, timeout)
        context.write(Self.wrapOutboundOut(context.channel.allocator.buffer(bytes: exchange.bytes)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(Self.unwrapInboundIn(data).readableBytesView)
        do {
            while let frame = try decoder.next() {
                // Pushes (0F, C2) and frames for others are not the answer.
                guard frame.source == destination, frame.destination == source, ![0x0F, 0xC2].contains(frame.apdu[0])
                else { continue }
                guard waiting != nil else { throw DLMSError.unexpected("an answer nobody asked for") }
                finish(.success(frame.apdu))
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
