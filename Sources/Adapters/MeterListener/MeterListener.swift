// Listens for what meters send unasked: WRAPPER frames (IEC 62056-47) over TCP and UDP, IPv4 and IPv6. Cuts frames,
// holds to limits and hands them on; what they mean is somebody else's.
import Clocks
import DLMS
import MeterPort
import NIOCore
import NIOPosix

/// Addresses and limits.
public struct MeterListenerOptions: Sendable {
    /// `::` listens on every address, IPv4 and IPv6.
    public var host: String
    /// The same port for TCP and UDP; 0 takes a free one (UDP then takes the one TCP got).
    public var port: Int
    public var connectionsMax = 4_096
    public var connectionsPerAddress = 256
    /// Largest APDU taken, octets.
    public var frameBytesMax = 2_048
    /// Frames of one address in a minute; many meters may stand behind one.
    public var framesPerMinute = 12_000
    /// Frames that wait to be stored; when there are so many, reading stops.
    public var queueMax = 4_096
    /// System milliseconds from the first octet of a frame to its last.
    public var frameWithinMs: Int64 = 10_000
    /// A connection on which nothing happens for so long is closed.
    public var idleMs: Int64 = 120_000
    public init(host: String = "127.0.0.1", port: Int) {
        self.host = host
        self.port = port
    }
}

/// A listener that runs. Stop it with ``stop()``.
public final class MeterListener: PushSource {
    public let port: Int
    private let stream: any Channel
    private let datagrams: any Channel
    private let open: OpenChannels
    private let queue: PushQueue
    private let counted: FigureBox

    private init(
        port: Int, stream: any Channel, datagrams: any Channel, open: OpenChannels, queue: PushQueue,
        counted: FigureBox
    ) {
        self.port = port
        self.stream = stream
        self.datagrams = datagrams
        self.open = open
        self.queue = queue
        self.counted = counted
    }

    /// - Throws: what the system says when the address cannot be listened on.
    public static func start(_ options: MeterListenerOptions, clocks: Clocks) async throws -> MeterListener {
        let shared = Shared(
            options: options, queue: PushQueue(limit: max(1, options.queueMax)),
            book: AddressBook(options, nowMs: clocks.systemNowMs), figures: FigureBox())
        let open = OpenChannels()
        let stream = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4_096))
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // The system's part of what one sender may make us hold.
            .childChannelOption(.socketOption(.so_rcvbuf), value: 65_536)
            // A sender that closes behind its last push has said all: what it sent is still to be taken.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let address = plainAddress(channel.remoteAddress)
                    guard open.add(channel), shared.book.connect(address) else {
                        shared.figures.count(\.refusedConnections)
                        throw Refused()
                    }
                    channel.closeFuture.whenComplete { _ in shared.book.disconnect(address) }
                    shared.figures.count(\.connections)
                    try channel.pipeline.syncOperations.addHandlers([
                        IdleStateHandler(allTimeout: .milliseconds(options.idleMs)),
                        StreamHandler(shared, address: address),
                    ])
                }
            }
            .bind(host: options.host, port: options.port).get()
        let port = stream.localAddress?.port ?? options.port
        do {
            let datagrams = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(
                    .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: options.frameBytesMax + 9)
                )
                .channelOption(.maxMessagesPerRead, value: 16)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramHandler(shared))
                    }
                }
                .bind(host: options.host, port: port).get()
            return MeterListener(
                port: port, stream: stream, datagrams: datagrams, open: open, queue: shared.queue,
                counted: shared.figures)
        } catch {
            try? await stream.close()
            throw error
        }
    }

    public func next(limit: Int) async -> [ReceivedPush]? { await queue.next(limit: limit) }

    public var figures: ListenerFigures { counted.now }

    /// Stops listening and reading, closes every connection. ``next(limit:)`` still gives what has come.
    public func stop() async {
        queue.end()
        try? await stream.close()
        try? await datagrams.close()
        for channel in open.end() { try? await channel.close() }
    }
}

/// What all channels of a listener share.
struct Shared: Sendable {
    let options: MeterListenerOptions
    let queue: PushQueue
    let book: AddressBook
    let figures: FigureBox
}

private struct Refused: Error {}

/// The address without port and zone; IPv4 inside IPv6 as IPv4.
func plainAddress(_ address: SocketAddress?) -> String {
    let text = address?.ipAddress ?? ""
    let plain = text.prefix { $0 != "%" }
    return plain.hasPrefix("::ffff:") && plain.contains(".") ? String(plain.dropFirst(7)) : String(plain)
}
