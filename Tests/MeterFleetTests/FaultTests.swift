// Meters that fail as planned, and a listener under hostile octets.
import CivilTime
import Clocks
import Foundation
import MeterFleet
import MeterLink
import MeterPort
import NIOCore
import NIOPosix
import Testing

@Suite("Faults of the fleet")
struct FaultTests {
    private let always = TimeSpan(fromS: 0, untilS: .max)

    @Test("a silent meter times out, one that hangs up is closed, and both answer again afterwards")
    func silences() async throws {
        var meter = configuration()
        meter.faults.silences = [
            (TimeSpan(fromS: at(3), untilS: at(4)), .noAnswer), (TimeSpan(fromS: at(4), untilS: at(5)), .hangUp),
        ]
        let bench = try await Bench([meter])
        var endpoint = bench.endpoint(.lls)
        endpoint.timeoutMs = 2000
        let given = endpoint
        let transport = TCPMeterTransport()
        #expect(await code { _ = try await transport.converse(with: given) { try await $0.clockS() } } == .timeout)
        bench.clock.nowMs = at(4, 1) * 1000
        let second = bench.endpoint(.lls)
        #expect(await code { _ = try await transport.converse(with: second) { try await $0.clockS() } } == .closed)
        bench.clock.nowMs = at(5, 1) * 1000
        #expect(try await transport.converse(with: bench.endpoint(.lls)) { try await $0.clockS() } == at(5, 1))
        await bench.fleet.stop()
    }

    @Test("a connection dropped after n octets never gives a wrong reading", arguments: [1, 20, 60, 300, 900])
    func drops(_ octets: Int) async throws {
        var meter = configuration()
        meter.faults.drops = [(TimeSpan(fromS: 0, untilS: at(4)), octets)]
        let bench = try await Bench([meter])
        let transport = TCPMeterTransport()
        let endpoint = bench.endpoint(.lls)
        let failed = await code {
            _ = try await transport.converse(with: endpoint) { try await $0.blockLoad(fromS: at(1), toS: at(3)) }
        }
        #expect(failed == .closed)
        bench.clock.nowMs = at(4, 1) * 1000
        let rows = try await transport.converse(with: endpoint) { try await $0.blockLoad(fromS: at(1), toS: at(3)) }
        #expect(rows.count == 97)
        await bench.fleet.stop()
    }

    @Test("a slow meter is waited for")
    func slow() async throws {
        var meter = configuration()
        meter.faults.slowAnswers = [(always, 100)]
        let bench = try await Bench([meter])
        let started = ContinuousClock.now
        _ = try await TCPMeterTransport().converse(with: bench.endpoint(.lls)) { try await $0.clockS() }
        #expect(ContinuousClock.now - started >= .milliseconds(200))
        await bench.fleet.stop()
    }

    @Test("a relay that answers failure has moved; a stuck one answers success and has not")
    func lyingRelay() async throws {
        var meter = configuration()
        meter.faults.lyingRelay = [TimeSpan(fromS: at(3), untilS: at(4))]
        meter.faults.stuckRelay = [TimeSpan(fromS: at(4), untilS: at(5))]
        let bench = try await Bench([meter])
        let (refused, state) = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
            (await code { try await meter.disconnect() }, try await meter.relay())
        }
        #expect(refused == .other && state == .open)
        bench.clock.nowMs = at(4, 1) * 1000
        let stuck = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2, counter: 900)) { meter in
            try await meter.reconnect()
            return try await meter.relay()
        }
        #expect(stuck == .open)
        await bench.fleet.stop()
    }

    @Test("late rows are missing until their time; a spike stands in the profile and not in the register")
    func lateAndCorrupt() async throws {
        var meter = configuration()
        meter.faults.lateRows = [.init(fromS: at(1, 6), untilS: at(1, 8), visibleAtS: at(5))]
        meter.faults.corruptWh = [at(1, 10): 99_999, at(1, 11): -5]
        let bench = try await Bench([meter])
        let transport = TCPMeterTransport()
        let endpoint = bench.endpoint(.lls)
        let before = try await transport.converse(with: endpoint) {
            try await $0.blockLoad(fromS: at(1) + 1, toS: at(2))
        }
        #expect(before.count == 44 && !before.contains { $0.endS > at(1, 6) && $0.endS <= at(1, 8) })
        #expect(before.first { $0.endS == at(1, 10) }?.importWh == 99_999)
        // -5 wraps to 4,294,967,291 in the meter: more than a reading can hold, so the largest value stands for it.
        #expect(before.first { $0.endS == at(1, 11) }?.importWh == .max)
        bench.clock.nowMs = at(5, 1) * 1000
        let (after, daily) = try await transport.converse(with: endpoint) { meter in
            (
                try await meter.blockLoad(fromS: at(1) + 1, toS: at(2)),
                try await meter.dailyRegisters(fromS: at(1), toS: at(2))
            )
        }
        let served = bench.meter.servedWh(day: firstDay.advanced(by: 1))
        #expect(after.count == 48 && zip(after, served).count { $0.importWh != $1 } == 2)
        #expect(daily[1].importWh - daily[0].importWh == served.reduce(0) { $0 + Int64($1) })
        await bench.fleet.stop()
    }

    @Test("an outage stops load and answers, and leaves a pair of events")
    func outage() async throws {
        var meter = configuration()
        meter.outages = [TimeSpan(fromS: at(3, 12), untilS: at(3, 13))]
        let bench = try await Bench([meter])
        var endpoint = bench.endpoint(.lls)
        endpoint.timeoutMs = 2000
        let given = endpoint
        #expect(
            await code { _ = try await TCPMeterTransport().converse(with: given) { try await $0.clockS() } } == .timeout
        )
        bench.clock.nowMs = at(3, 14) * 1000
        let (rows, events) = try await TCPMeterTransport().converse(with: bench.endpoint(.lls)) { meter in
            (
                try await meter.blockLoad(fromS: at(3, 12) + 1, toS: at(3, 13)),
                try await meter.events(fromS: at(3), toS: at(4))
            )
        }
        #expect(rows.map(\.importWh) == [0, 0] && rows.map(\.averageVoltageMilliV) == [0, 0])
        #expect(events == [MeterEventEntry(atS: at(3, 12), code: 101), MeterEventEntry(atS: at(3, 13), code: 102)])
        await bench.fleet.stop()
    }

    @Test("hostile octets close a connection and harm nobody else")
    func hostile() async throws {
        let bench = try await Bench()
        var generator = Seeded(state: 11)
        for round in 0..<60 {
            var octets = (0..<Int.random(in: 1...700, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if round % 2 == 0 {
                // A sound frame head, so that the garbage reaches the association and its services.
                let tags: [UInt8] = [0x60, 0x62, 0xC0, 0xC1, 0xC3, 0xC8, 0xCB, 0xD8, 0xDB, 0xDC, 0x0F, 0x21]
                octets[0] = tags[round / 2 % tags.count]
                octets = [0, 1, 0, 48, 0, 1, UInt8(octets.count >> 8), UInt8(octets.count & 0xFF)] + octets
            }
            try await throwAt(bench.fleet.port(0), octets)
        }
        let endpoint = bench.endpoint(.hls2)
        #expect(try await TCPMeterTransport().converse(with: endpoint) { try await $0.clockS() } == at(3, 12, 10))
        await bench.fleet.stop()
    }

    private func throwAt(_ port: Int, _ octets: [UInt8]) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        try? await channel.writeAndFlush(ByteBuffer(bytes: octets))
        try? await Task.sleep(for: .milliseconds(5))
        try? await channel.close()
    }

    @Test("more connections than allowed are closed at once")
    func connectionLimit() async throws {
        let bench = try await Bench { $0.maxConnectionsPerMeter = 1 }
        let endpoint = bench.endpoint(.lls)
        let inner = try await TCPMeterTransport().converse(with: endpoint) { meter in
            let second = await code {
                _ = try await TCPMeterTransport().converse(with: endpoint) { try await $0.clockS() }
            }
            _ = try await meter.clockS()
            return second
        }
        #expect(inner == .closed || inner == .unreachable)
        await bench.fleet.stop()
    }

    @Test("a meter that answers garbage gives badAnswer or closed, never a crash")
    func hostileMeter() async throws {
        var generator = Seeded(state: 5)
        for round in 0..<24 {
            var garbage = (0..<Int.random(in: 1...300, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if round % 2 == 0 {
                garbage[0] = [0x61, 0x63, 0xC4, 0xD8, 0x0E, 0xDB][round / 2 % 6]
                garbage = [0, 1, 0, 1, 0, 32, UInt8(garbage.count >> 8), UInt8(garbage.count & 0xFF)] + garbage
            }
            let bytes = garbage
            let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Parrot(bytes))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            var endpoint = Bench.endpoint(.lls, host: "127.0.0.1", port: server.localAddress?.port ?? 0)
            endpoint.timeoutMs = 300
            let given = endpoint
            let failed = await code {
                _ = try await TCPMeterTransport().converse(with: given) { try await $0.clockS() }
            }
            #expect(failed != nil, "round \(round)")
            try await server.close()
        }
    }

    @Test("a meter restarted at the same time has the same history, and keeps what was done to its relay")
    func restart() async throws {
        let folder = NSTemporaryDirectory() + "busbar-fleet-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let clock = ManualClock(startMs: at(2, 9) * 1000)
        let first = try VirtualMeter(configuration(), clocks: .manual(clock), stateFolder: folder)
        _ = try first.operateRelay(open: true)
        clock.nowMs = at(2, 12) * 1000
        _ = try first.operateRelay(open: false)
        clock.nowMs = at(4) * 1000
        let second = try VirtualMeter(configuration(), clocks: .manual(clock), stateFolder: folder)
        let days = (0...3).map { firstDay.advanced(by: $0) }
        #expect(days.map { second.servedWh(day: $0) } == days.map { first.servedWh(day: $0) })
        #expect(second.registerWh == first.registerWh && second.systemTitle == first.systemTitle)
        #expect(second.servedWh(day: days[2])[18..<24].allSatisfy { $0 == 0 })
        let fresh = try VirtualMeter(configuration(), clocks: .manual(clock))
        #expect(fresh.servedWh(day: days[2]) != second.servedWh(day: days[2]))
        #expect(fresh.servedWh(day: days[1]) == second.servedWh(day: days[1]))
        try Data("{".utf8).write(to: URL(fileURLWithPath: folder + "/BB000001.json"))
        #expect(throws: MeterFleetError.self) {
            try VirtualMeter(configuration(), clocks: .manual(clock), stateFolder: folder)
        }
    }
}

/// Answers everything with the same octets.
private final class Parrot: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// SplitMix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
