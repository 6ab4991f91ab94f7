// One TCP connection of a meter: octets to frames to the queue. Stops reading while the queue is full, so that the
// sender waits; what is held meanwhile is one frame and what the system had received (bounded by the socket's buffer).
import DLMS
import MeterPort
import NIOCore

final class StreamHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let shared: Shared
    private let address: String
    private var decoder: WrapperDecoder
    private var context: ChannelHandlerContext?
    /// A frame that found the queue full.
    private var held: WrapperFrame?
    private var isReadHeld = false
    /// The sender has said all it will.
    private var isInputClosed = false
    private var slow: Scheduled<Void>?

    init(_ shared: Shared, address: String) {
        self.shared = shared
        self.address = address
        decoder = WrapperDecoder(maxAPDUBytes: shared.options.frameBytesMax)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        slow?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(Self.unwrapInboundIn(data).readableBytesView)
        drain(context)
    }

    func read(context: ChannelHandlerContext) {
        if held != nil { isReadHeld = true } else { context.read() }
    }

    private func drain(_ context: ChannelHandlerContext) {
        guard held == nil else { return }
        do {
            while let frame = try decoder.next() {
                // The clock of a frame begins with its first octet: this one is whole.
                slow?.cancel()
                slow = nil
                guard shared.book.takeFrame(address) else {
                    shared.figures.count(\.overRate)
                    return context.close(promise: nil)
                }
                guard offer(frame, context) else { return hold(frame, context) }
            }
        } catch {
            if case .tooLarge = error { shared.figures.count(\.tooLarge) } else { shared.figures.count(\.malformed) }
            return context.close(promise: nil)
        }
        watch(context)
    }

    private func offer(_ frame: WrapperFrame, _ context: ChannelHandlerContext) -> Bool {
        let channel = context.channel
        let isTaken = shared.queue.offer(
            ReceivedPush(
                PushedFrame(
                    remote: address, source: frame.source, destination: frame.destination, apdu: frame.apdu)
            ) { apdu in
                let answer = WrapperFrame(source: frame.destination, destination: frame.source, apdu: apdu)
                guard let bytes = try? answer.encoded() else { return }
                channel.writeAndFlush(channel.allocator.buffer(bytes: bytes), promise: nil)
            })
        if isTaken { shared.figures.count(\.frames) }
        return isTaken
    }

    private func hold(_ frame: WrapperFrame, _ context: ChannelHandlerContext) {
        shared.figures.count(\.stops)
        held = frame
        let loop = context.eventLoop
        let mine = NIOLoopBound(self, eventLoop: loop)
        shared.queue.whenRoom { loop.execute { mine.value.goOn() } }
    }

    private func goOn() {
        guard let context, let frame = held else { return }
        held = nil
        guard offer(frame, context) else { return hold(frame, context) }
        drain(context)
        guard held == nil else { return }
        if isInputClosed { return closeSoon(context) }
        guard isReadHeld else { return }
        isReadHeld = false
        context.read()
    }

    /// A frame once begun has to end in time, however many octets trickle in.
    private func watch(_ context: ChannelHandlerContext) {
        guard decoder.isMidFrame else {
            slow?.cancel()
            slow = nil
            return
        }
        guard slow == nil else { return }
        let mine = NIOLoopBound(self, eventLoop: context.eventLoop)
        slow = context.eventLoop.scheduleTask(in: .milliseconds(shared.options.frameWithinMs)) {
            mine.value.giveUp()
        }
    }

    private func giveUp() {
        slow = nil
        guard held == nil, let context else { return }
        shared.figures.count(\.tooSlow)
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent, held == nil { context.close(promise: nil) }
        if case .inputClosed? = event as? ChannelEvent {
            isInputClosed = true
            if held == nil { closeSoon(context) }
        }
    }

    /// What was sent last may still be confirmed.
    private func closeSoon(_ context: ChannelHandlerContext) {
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
