// One TCP connection to virtual meters: octets to frames to the server's state machine and back, with the planned
// faults in between. Bad octets end the connection, never the program.
import DLMS
import NIOCore

/// One meter on one connection.
private struct MeterSession {
    let meter: VirtualMeter
    var objects: MeterObjects
    var server: DLMSServer
    /// First counter that belongs to another connection.
    let counterLimit: UInt32

    init(_ meter: VirtualMeter) throws {
        let first = try meter.reserveServerCounters()
        self.meter = meter
        objects = MeterObjects(meter: meter)
        counterLimit = first + VirtualMeter.countersPerConnection
        server = DLMSServer(meter.serverConfiguration, nextCounter: first, clientCounter: meter.clientCounters)
        server.connectionOpened(seed: (0..<32).map { _ in UInt8.random(in: .min ... .max) })
    }

    mutating func answer(_ frame: WrapperFrame) -> [UInt8]? {
        server.receive(frame.apdu, from: frame.source, objects: &objects)
    }
}

final class MeterConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Meters that one connection may speak to when they are told apart by server address.
    private static let maxSessions = 64

    /// An exception response because of the invocation counter (IEC 62056-5-3).
    private static let counterRefused: [UInt8] = [0xD8, 2, 6]

    private let shared: Shared
    /// Nil: the frames say which meter.
    private let meter: Int?
    private var decoder: WrapperDecoder
    private var sessions: [UInt16: MeterSession] = [:]
    private var sentBytes = 0
    private var lastAnswer: [UInt8] = []

    init(_ shared: Shared, meter: Int?) {
        self.shared = shared
        self.meter = meter
        decoder = WrapperDecoder(maxAPDUBytes: shared.options.maxAPDUBytes)
    }

    func channelActive(context: ChannelHandlerContext) {
        shared.figures.add(.connections)
        if let meter {
            let meter = shared.meters[meter]
            if meter.faults.silence(atS: meter.businessNowS) == .hangUp || meter.isAway {
                shared.figures.add(.silent)
                context.close(promise: nil)
                return
            }
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(Self.unwrapInboundIn(data).readableBytesView)
        do {
            while let frame = try decoder.next() { try answer(frame, context) }
        } catch {
            context.close(promise: nil)
        }
    }

    /// The meter a frame is for: on an address of its own it is the management logical device, server address 1.
    private func meter(of frame: WrapperFrame) -> VirtualMeter? {
        if let meter { return frame.destination == 1 ? shared.meters[meter] : nil }
        guard (1...shared.meters.count).contains(Int(frame.destination)) else { return nil }
        return shared.meters[Int(frame.destination) - 1]
    }

    private func answer(_ frame: WrapperFrame, _ context: ChannelHandlerContext) throws {
        guard let meter = meter(of: frame) else { return }
        let faults = meter.faults
        let silence = faults.silence(atS: meter.businessNowS)
        guard silence == nil, !meter.isAway, meter.isPowered else {
            shared.figures.add(.silent)
            if silence == .hangUp || meter.isAway { context.close(promise: nil) }
            return
        }
        if sessions[frame.destination] == nil {
            guard sessions.count < Self.maxSessions else { throw MeterFleetError("too many meters on one connection") }
            sessions[frame.destination] = try MeterSession(meter)
        }
        let before = sessions[frame.destination]?.server.clientCounter ?? [:]
        let said = sessions[frame.destination]?.answer(frame)
        guard let server = sessions[frame.destination]?.server else { return }
        shared.figures.add(.reusedCounters, meter.accepted(server.clientCounter.filter { before[$0.key] != $0.value }))
        guard let apdu = said else { return }
        let reply = WrapperFrame(source: frame.destination, destination: frame.source, apdu: apdu)
        guard server.nextCounter <= sessions[frame.destination]?.counterLimit ?? 0 else {
            context.close(promise: nil)
            return
        }
        shared.figures.add(.answers)
        if apdu.starts(with: Self.counterRefused) { shared.figures.add(.refusedCounters) }
        send(try reply.encoded(), meter, faults, context)
    }

    /// What the faults make of an answer: its octets and whether the connection ends behind them.
    private func spoilt(_ answer: [UInt8], _ meter: VirtualMeter, _ faults: MeterFaults) -> (
        octets: [UInt8], ends: Bool
    ) {
        guard faults.hasChances else { return (answer, false) }
        let chance = faults.chances(atS: meter.businessNowS)
        let turn = meter.nextTurn()
        func happens(_ percent: Int64, _ key: UInt64) -> Bool {
            percent > 0 && mixed(meter.number, key, turn, span: 100) < percent
        }
        // An answer that fills the PDU has more blocks behind it.
        if answer.count >= Int(MeterFleet.maxPDU) - 64, happens(chance.rebootPercent, 31) {
            shared.figures.add(.reboots)
            meter.reboot(awayMs: chance.awayMs)
            return (Array(answer.prefix(answer.count / 2)), true)
        }
        if happens(chance.dropPercent, 32) {
            shared.figures.add(.dropped)
            let kept = Int(mixed(meter.number, 33, turn, span: Int64(answer.count)))
            return (Array(answer.prefix(kept)), true)
        }
        var octets = answer
        if happens(chance.garblePercent, 34) {
            shared.figures.add(.garbled)
            for index in 0..<3 {
                let place =
                    8 + Int(mixed(meter.number, 35 + UInt64(index), turn, span: Int64(max(1, octets.count - 8))))
                octets[place] ^= 1 << UInt8(mixed(meter.number, 38 + UInt64(index), turn, span: 8))
            }
        }
        if happens(chance.repeatPercent, 42), !lastAnswer.isEmpty {
            shared.figures.add(.repeated)
            octets = lastAnswer + octets
        }
        lastAnswer = chance.repeatPercent > 0 ? answer : []
        return (octets, false)
    }

    private func send(
        _ answer: [UInt8], _ meter: VirtualMeter, _ faults: MeterFaults, _ context: ChannelHandlerContext
    ) {
        let nowS = meter.businessNowS
        let (octets, ends) = spoilt(answer, meter, faults)
        let limit = faults.dropAfterBytes(atS: nowS) ?? .max
        let drop = ends || octets.count > limit - sentBytes
        let piece = context.channel.allocator.buffer(bytes: octets.prefix(max(0, limit - sentBytes)))
        sentBytes += piece.readableBytes
        let channel = context.channel
        let write: @Sendable () -> Void = {
            channel.writeAndFlush(piece).whenComplete { _ in if drop { channel.close(promise: nil) } }
        }
        var delayMs = faults.delayMs(atS: nowS)
        if let bytesPerS = faults.bytesPerS(atS: nowS), bytesPerS > 0 {
            delayMs += Int64(piece.readableBytes) * 1000 / bytesPerS
        }
        guard delayMs > 0 else { return write() }
        context.eventLoop.scheduleTask(in: .milliseconds(delayMs), write)
    }

    func channelInactive(context: ChannelHandlerContext) {
        sessions = [:]
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
        var encryption = secrets.encryptionKey
        if faults.hasWrongKey(atS: businessNowS) { encryption = encryption.map { ~$0 } }
        let keys = SecurityKeys(encryption: encryption, authentication: secrets.authenticationKey)
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
