// The listener at the door: both transports, both families, and everything it refuses.
import Clocks
import DLMS
import Foundation
import MeterFleet
import MeterListener
import MeterPort
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite(.serialized)
struct ListenerTests {
    private static func frame(_ byte: UInt8, size: Int = 20) throws -> [UInt8] {
        try WrapperFrame(source: 1, destination: 64, apdu: Array(repeating: byte, count: size)).encoded()
    }

    private static func options<Value>(
        _ option: WritableKeyPath<MeterListenerOptions, Value>, _ value: Value
    ) -> MeterListenerOptions {
        var options = MeterListenerOptions(host: "127.0.0.1", port: 0)
        options[keyPath: option] = value
        return options
    }

    private static func listening(
        _ options: MeterListenerOptions = MeterListenerOptions(host: "127.0.0.1", port: 0),
        _ body: (MeterListener) async throws -> Void
    ) async throws {
        let listener = try await MeterListener.start(options, clocks: .live)
        do {
            try await body(listener)
        } catch {
            await listener.stop()
            throw error
        }
        await listener.stop()
    }

    /// A plain connection that notes what comes back and whether it was closed.
    private final class Probe: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex((heard: [UInt8](), isClosed: false))
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Self.unwrapInboundIn(data).readableBytesView
            state.withLock { $0.heard += bytes }
        }
        func channelInactive(context: ChannelHandlerContext) { state.withLock { $0.isClosed = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
        var isClosed: Bool { state.withLock { $0.isClosed } }
        var heard: [UInt8] { state.withLock { $0.heard } }
    }

    private static func connect(_ listener: MeterListener, host: String = "127.0.0.1") async throws -> (
        any Channel, Probe
    ) {
        let probe = Probe()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(probe) }
            }
            .connect(host: host, port: listener.port).get()
        return (channel, probe)
    }

    private static func send(_ channel: any Channel, _ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(channel.allocator.buffer(bytes: bytes))
    }

    @Test(arguments: ["127.0.0.1", "::1"], FleetPusher.Transport.allCases)
    func framesComeOverBothTransportsAndFamilies(_ host: String, _ transport: FleetPusher.Transport) async throws {
        do {
            try await Self.listening(Self.options(\.host, host == "::1" ? "::" : host)) { listener in
                let frames = try (1...5).map { try Self.frame($0) }
                try await FleetPusher.send(frames, host: host, port: listener.port, transport: transport)
                var got: [ReceivedPush] = []
                while got.count < 5, let more = await listener.next(limit: 3) { got += more }
                #expect(got.map { $0.frame.apdu[0] } == [1, 2, 3, 4, 5])
                #expect(got.allSatisfy { $0.frame.remote == host && $0.frame.destination == 64 })
                // IPv4 reaches the same door.
                if host == "::1" {
                    try await FleetPusher.send(
                        [try Self.frame(9)], host: "127.0.0.1", port: listener.port, transport: transport)
                    #expect(await listener.next(limit: 3)?.first?.frame.remote == "127.0.0.1")
                }
            }
        } catch let error as IOError where host == "::1" && error.errnoCode == EAFNOSUPPORT {
            print("not tried: this machine has no IPv6 (\(error))")
        }
    }

    @Test func anAnswerGoesBackOnTheSameConnection() async throws {
        try await Self.listening { listener in
            let (channel, probe) = try await Self.connect(listener)
            try await Self.send(channel, try Self.frame(7))
            let push = try #require(await listener.next(limit: 1)?.first)
            push.answer([0x10, 1, 2, 3, 4, 0])
            try await eventually { probe.heard.count == 14 }
            #expect(probe.heard == [0, 1, 0, 64, 0, 1, 0, 6, 0x10, 1, 2, 3, 4, 0])
            try await channel.close()
            // After the sender has gone an answer is nobody's.
            push.answer([1])
        }
    }

    @Test(arguments: [
        (Array<UInt8>([0, 1, 0, 1, 0, 64, 0xFF, 0xFF]), "too large"),
        (Array<UInt8>([0, 2, 0, 1, 0, 64, 0, 4]), "no wrapper"), (Array<UInt8>("GET / HTTP/1.1\r\n\r\n".utf8), "http"),
        (Array<UInt8>([0, 1, 0, 1, 0, 64, 0, 0]), "empty"),
    ])
    func badFramesEndTheConnection(_ bytes: [UInt8], _ name: String) async throws {
        try await Self.listening { listener in
            let (channel, probe) = try await Self.connect(listener)
            try await Self.send(channel, bytes)
            try await eventually { probe.isClosed }
            let figures = listener.figures
            #expect(figures.tooLarge + figures.malformed == 1 && figures.frames == 0, "\(name)")
            #expect((figures.tooLarge == 1) == (name == "too large"))
            // The next one is served.
            let (other, _) = try await Self.connect(listener)
            try await Self.send(other, try Self.frame(1))
            #expect(await listener.next(limit: 1)?.count == 1)
            try await other.close()
        }
    }

    /// Octets that trickle in keep nobody's place for ever.
    @Test func aSlowFrameEndsTheConnection() async throws {
        try await Self.listening(Self.options(\.frameWithinMs, 300)) { listener in
            let (channel, probe) = try await Self.connect(listener)
            for byte in try Self.frame(5) where !probe.isClosed {
                try? await Self.send(channel, [byte])
                try await Task.sleep(for: .milliseconds(40))
            }
            try await eventually { probe.isClosed }
            #expect(listener.figures.tooSlow == 1 && listener.figures.frames == 0)
        }
    }

    @Test func silenceEndsTheConnection() async throws {
        try await Self.listening(Self.options(\.idleMs, 200)) { listener in
            let (_, probe) = try await Self.connect(listener)
            try await eventually { probe.isClosed }
        }
    }

    @Test(.timeLimit(.minutes(1))) func connectionsAreLimitedByAddressAndInAll() async throws {
        for options in [
            Self.options(\.connectionsPerAddress, 3), Self.options(\.connectionsMax, 3),
        ] {
            try await Self.listening(options) { listener in
                var open: [(any Channel, Probe)] = []
                for _ in 0..<3 { open.append(try await Self.connect(listener)) }
                try await eventually { listener.figures.connections == 3 }
                for _ in 0..<5 {
                    let (_, probe) = try await Self.connect(listener)
                    try await eventually { probe.isClosed }
                }
                #expect(listener.figures.refusedConnections == 5)
                // Who leaves makes room.
                try await open[0].0.close()
                // A sender that closed keeps its place for two seconds, for what is still to be confirmed.
                try await Task.sleep(for: .milliseconds(2_500))
                let (channel, _) = try await Self.connect(listener)
                try await Self.send(channel, try Self.frame(1))
                #expect(await listener.next(limit: 1)?.count == 1)
            }
        }
    }

    @Test(arguments: FleetPusher.Transport.allCases)
    func aFloodFromOneAddressIsCutOff(_ transport: FleetPusher.Transport) async throws {
        try await Self.listening(Self.options(\.framesPerMinute, 50)) { listener in
            let frames = try (0..<400).map { _ in try Self.frame(3) }
            try? await FleetPusher.send(frames, host: "127.0.0.1", port: listener.port, transport: transport)
            try await eventually { listener.figures.overRate > 0 }
            var got = 0
            while got < 50, let more = await listener.next(limit: 100) { got += more.count }
            #expect(got == 50 && listener.figures.frames == 50)
        }
    }

    /// Nobody takes what comes: reading stops, memory does not grow, and nothing is lost when it goes on.
    @Test func aFullQueueMakesTheSenderWait() async throws {
        try await Self.listening(Self.options(\.queueMax, 32)) { listener in
            let frames = try (0..<3_000).map { try Self.frame(UInt8($0 % 251), size: 1_000) }
            let port = listener.port
            let sending = Task { try await FleetPusher.send(frames, host: "127.0.0.1", port: port) }
            try await eventually { listener.figures.stops > 0 }
            try await Task.sleep(for: .milliseconds(300))
            let before = listener.figures.frames
            try await Task.sleep(for: .milliseconds(300))
            #expect(listener.figures.frames == before && before < 64, "\(before) frames were read meanwhile")
            var got: [UInt8] = []
            while got.count < 3_000, let more = await listener.next(limit: 50) { got += more.map { $0.frame.apdu[0] } }
            #expect(got == (0..<3_000).map { UInt8($0 % 251) })
            try await sending.value
        }
    }

    @Test(.timeLimit(.minutes(1))) func datagramsBeyondAFullQueueAreDroppedAndCounted() async throws {
        try await Self.listening(Self.options(\.queueMax, 4)) { listener in
            let frames = try (0..<40).map { try Self.frame(UInt8($0)) }
            try await FleetPusher.send(frames, host: "127.0.0.1", port: listener.port, transport: .udp)
            try await eventually { listener.figures.stops > 0 }
            var got = 0
            for _ in 0..<50 {
                if got + listener.figures.dropped >= 40 { break }
                got += await listener.next(limit: 10)?.count ?? 0
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(got + listener.figures.dropped == 40 && got >= 4)
        }
    }

    /// Seeded octets in seeded pieces: no crash, and the door stays open.
    @Test func seededGarbageClosesConnectionsAndNothingElse() async throws {
        try await Self.listening { listener in
            var numbers = SeededNumbers(99)
            for _ in 0..<150 {
                let (channel, _) = try await Self.connect(listener)
                var bytes = (0..<Int(numbers.next() % 300)).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
                if numbers.next() % 2 == 0 { bytes = [0, 1, 0, 1, 0, 64] + bytes }
                try? await Self.send(channel, bytes)
                try? await channel.close()
                try await FleetPusher.send([bytes], host: "127.0.0.1", port: listener.port, transport: .udp)
            }
            let (channel, _) = try await Self.connect(listener)
            try await Self.send(channel, try Self.frame(0xAB))
            var isHeard = false
            while !isHeard, let more = await listener.next(limit: 1_000) {
                isHeard = more.contains { $0.frame.apdu == Array(repeating: 0xAB, count: 20) }
            }
            #expect(isHeard)
            try await channel.close()
        }
    }

    @Test func aStopGivesOutWhatHasComeAndEnds() async throws {
        var options = MeterListenerOptions(port: 0)
        options.queueMax = 100
        let listener = try await MeterListener.start(options, clocks: .live)
        try await FleetPusher.send([try Self.frame(1), try Self.frame(2)], host: "127.0.0.1", port: listener.port)
        try await eventually { listener.figures.frames == 2 }
        await listener.stop()
        let last = await listener.next(limit: 10)
        #expect(last?.count == 2)
        #expect(await listener.next(limit: 10)?.count == nil)
        await #expect(throws: (any Error).self) { _ = try await Self.connect(listener) }
    }
}
