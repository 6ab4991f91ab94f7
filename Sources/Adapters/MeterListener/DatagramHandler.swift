// Datagrams of meters: one or more whole frames each. While the queue is full nothing is read and the system's buffer
// fills; what is read already and finds no room is dropped and counted.
import DLMS
import MeterPort
import NIOCore

final class DatagramHandler: ChannelDuplexHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let shared: Shared
    private var context: ChannelHandlerContext?
    private var isReadHeld = false

    init(_ shared: Shared) { self.shared = shared }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = Self.unwrapInboundIn(data)
        let address = plainAddress(envelope.remoteAddress)
        // Longer ones are cut off by the system, so their length tells no more.
        guard envelope.data.readableBytes <= shared.options.frameBytesMax + 8 else {
            return shared.figures.count(\.tooLarge)
        }
        var decoder = WrapperDecoder(maxAPDUBytes: shared.options.frameBytesMax)
        decoder.append(envelope.data.readableBytesView)
        do {
            while let frame = try decoder.next() {
                guard shared.book.takeFrame(address) else { return shared.figures.count(\.overRate) }
                offer(frame, address, envelope.remoteAddress, context)
            }
            if decoder.isMidFrame { shared.figures.count(\.malformed) }
        } catch {
            if case .tooLarge = error { shared.figures.count(\.tooLarge) } else { shared.figures.count(\.malformed) }
        }
    }

    private func offer(
        _ frame: WrapperFrame, _ address: String, _ sender: SocketAddress, _ context: ChannelHandlerContext
    ) {
        let channel = context.channel
        let isTaken = shared.queue.offer(
            ReceivedPush(
                PushedFrame(
                    remote: address, source: frame.source, destination: frame.destination, apdu: frame.apdu)
            ) { apdu in
                let answer = WrapperFrame(source: frame.destination, destination: frame.source, apdu: apdu)
                guard let bytes = try? answer.encoded() else { return }
                let envelope = AddressedEnvelope(
                    remoteAddress: sender, data: channel.allocator.buffer(bytes: bytes))
                channel.writeAndFlush(envelope, promise: nil)
            })
        shared.figures.count(isTaken ? \.frames : \.dropped)
    }

    func read(context: ChannelHandlerContext) {
        guard shared.queue.isFull else { return context.read() }
        shared.figures.count(\.stops)
        isReadHeld = true
        let loop = context.eventLoop
        let mine = NIOLoopBound(self, eventLoop: loop)
        shared.queue.whenRoom { loop.execute { mine.value.goOn() } }
    }

    private func goOn() {
        guard let context, isReadHeld else { return }
        isReadHeld = false
        context.read()
    }

    /// An error of one datagram (an answer nobody took) is nobody else's.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { shared.figures.count(\.malformed) }
}
