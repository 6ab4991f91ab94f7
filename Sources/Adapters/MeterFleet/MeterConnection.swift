// One TCP connection to a virtual meter: octets to frames to the server's state machine and back, with the planned
// faults in between. Bad octets end the connection, never the program.
import DLMS
import NIOCore

final class MeterConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let meter: VirtualMeter
    private var objects: MeterObjects
    private var decoder: WrapperDecoder
    private var server: DLMSServer?
    /// First counter that belongs to another connection.
    private var counterLimit: UInt32 = 0
    private var sentBytes = 0

    init(_ meter: VirtualMeter, maxAPDUBytes: Int) {
        self.meter = meter
        objects = MeterObjects(meter: meter)
        decoder = WrapperDecoder(maxAPDUBytes: maxAPDUBytes)
    }

    func channelActive(context: ChannelHandlerContext) {
        guard meter.configuration.faults.silence(atS: meter.businessNowS) != .hangUp else {
            context.close(promise: nil)
            return
        }
        do {
            let first = try meter.reserveServerCounters()
            counterLimit = first + VirtualMeter.countersPerConnection
            var server = DLMSServer(
                meter.serverConfiguration, nextCounter: first, clientCounter: meter.clientCounters)
            server.connectionOpened(seed: (0..<32).map { _ in UInt8.random(in: .min ... .max) })
            self.server = server
        } catch {
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let silence = meter.configuration.faults.silence(atS: meter.businessNowS)
        guard silence == nil, meter.isPowered else {
            if silence == .hangUp { context.close(promise: nil) }
            return
        }
        decoder.append(Self.unwrapInboundIn(data).readableBytesView)
        do {
            while let frame = try decoder.next() { answer(frame, context) }
        } catch {
            context.close(promise: nil)
        }
    }

    private func answer(_ frame: WrapperFrame, _ context: ChannelHandlerContext) {
        // Server address 1 is the management logical device, the only one here.
        guard frame.destination == 1, let apdu = server?.receive(frame.apdu, from: frame.source, objects: &objects)
        else {
            return
        }
        if let server { meter.acceptedClientCounters(server.clientCounter) }
        let used = server?.nextCounter ?? 0
        let reply = WrapperFrame(source: frame.destination, destination: frame.source, apdu: apdu)
        guard used <= counterLimit, let bytes = try? reply.encoded() else {
            context.close(promise: nil)
            return
        }
        send(bytes, context)
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        let faults = meter.configuration.faults
        let nowS = meter.businessNowS
        let limit = faults.dropAfterBytes(atS: nowS) ?? .max
        let drop = bytes.count > limit - sentBytes
        let piece = context.channel.allocator.buffer(bytes: bytes.prefix(max(0, limit - sentBytes)))
        sentBytes += piece.readableBytes
        let channel = context.channel
        let write: @Sendable () -> Void = {
            channel.writeAndFlush(piece).whenComplete { _ in if drop { channel.close(promise: nil) } }
        }
        let delayMs = faults.delayMs(atS: nowS)
        if delayMs > 0 {
            context.eventLoop.scheduleTask(in: .milliseconds(delayMs), write)
        } else {
            write()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        server?.connectionClosed()
        server = nil
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension VirtualMeter {
    /// The four ways in; see ``MeterClient``.
    var serverConfiguration: ServerConfiguration {
        let secrets = secretsNow
        let keys = SecurityKeys(encryption: secrets.encryptionKey, authentication: secrets.authenticationKey)
        return ServerConfiguration(
            systemTitle: systemTitle,
            associations: [
                MeterClient.open: ServerAssociation(mechanism: .none),
                MeterClient.reader: ServerAssociation(mechanism: .low, secret: secrets.lls),
                MeterClient.utility: ServerAssociation(
                    mechanism: .high, secret: secrets.hls, keys: keys, ciphered: true),
                MeterClient.utilityGMAC: ServerAssociation(mechanism: .highGMAC, keys: keys, ciphered: true),
            ],
            maxPDU: MeterFleet.maxPDU)
    }
}
