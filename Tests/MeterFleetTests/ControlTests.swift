// What the head-end sets in a meter, over real sockets: set and read back, the limit that acts on the load, firmware
// that goes on where it broke off; and general blocks and pushes that come without being asked for.
import CivilTime
import Clocks
import DLMS
import MeterFleet
import MeterLink
import MeterPort
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite("Setting a meter over loopback")
struct ControlTests {
    static let calendar = MeterCalendar(
        name: "HOME-2",
        seasons: [
            .init(name: "SUMMER", fromMonth: 4, fromDay: 1, week: "W1"),
            .init(name: "WINTER", fromMonth: 10, fromDay: 1, week: "W2"),
        ],
        weeks: [
            .init(name: "W1", days: [1, 1, 1, 1, 1, 2, 2]), .init(name: "W2", days: [2, 2, 2, 2, 2, 2, 2]),
        ],
        days: [
            .init(id: 1, zones: [.init(fromMinute: 0, zone: 1), .init(fromMinute: 1080, zone: 2)]),
            .init(id: 2, zones: [.init(fromMinute: 0, zone: 3)]),
        ])

    static let values: [MeterValue] = [
        .loadLimit(watts: 3000), .calendar(calendar), .balance(paise: -12_345), .paymentMode(.prepaid),
        .clock(atS: at(3, 12, 30)), .setting("demand-period", "900"), .setting("push-alert", "10.0.0.5:4059"),
    ]

    @Test("what is set is read back", arguments: values)
    func setAndRead(_ value: MeterValue) async throws {
        let bench = try await Bench()
        let (before, after) = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
            let before = try await meter.value(of: value.matter)
            try await meter.set(value)
            return (before, try await meter.value(of: value.matter))
        }
        #expect(before != value && after == value)
        // Whoever may only read changes nothing.
        let denied = await code {
            try await TCPMeterTransport().converse(with: bench.endpoint(.lls)) { try await $0.set(value) }
        }
        #expect(denied == .accessDenied)
        await bench.fleet.stop()
    }

    @Test("a reset counts up by one", arguments: MeterReset.allCases)
    func resets(_ reset: MeterReset) async throws {
        let bench = try await Bench()
        let counts = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
            let before = try await meter.value(of: .reset(reset))
            try await meter.set(.reset(reset, count: 1))
            return [before, try await meter.value(of: .reset(reset))]
        }
        #expect(counts == [.reset(reset, count: 0), .reset(reset, count: 1)])
        await bench.fleet.stop()
    }

    @Test("a ghost confirms every order and does none; a liar does them and denies it; seen with settings and clock")
    func ghostsAndLiars() async throws {
        for kind in ["ghost", "liar"] {
            let bench = try await Bench()
            let director = FleetDirector(bench.fleet, clocks: .manual(bench.clock))
            let text = #"{"format": 1, "name": "t", "seed": 1, "steps": [{"do": "\#(kind)"}]}"#
            _ = try await director.start(Scenario(Array(text.utf8)))
            let wishes: [MeterValue] = [
                .setting("demand-period", "300"), .balance(paise: 700), .clock(atS: at(3, 12, 30)),
                .calendar(Self.calendar), .reset(.tamper, count: 1),
            ]
            let said = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
                var said: [(code: MeterError.Code?, done: Bool)] = []
                for wish in wishes {
                    let refusal = await code { try await meter.set(wish) }
                    said.append((refusal, try await meter.value(of: wish.matter) == wish))
                }
                return said
            }
            if kind == "ghost" {
                #expect(said.allSatisfy { $0.code == nil && !$0.done }, "\(said)")
            } else {
                #expect(said.allSatisfy { $0.code != nil }, "\(said)")
                // A calendar is written in parts, and the client stops at the first denial.
                #expect(said.map(\.done) == [true, true, true, false, true], "\(said)")
            }
            await bench.fleet.stop()
        }
    }

    @Test("the capture period of a simulated meter is not to be written")
    func capturePeriod() async throws {
        let bench = try await Bench()
        let refused = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
            await code { try await meter.set(.setting("capture-period", "900")) }
        }
        #expect(refused == .accessDenied)
        await bench.fleet.stop()
    }

    @Test("a matter the meter does not have, and a value that does not fit, are refused")
    func refused() async throws {
        let bench = try await Bench()
        let codes = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
            var codes: [MeterError.Code?] = []
            codes.append(await code { _ = try await meter.value(of: .maker("acme-signal")) })
            codes.append(await code { try await meter.set(.balance(paise: 1 << 40)) })
            codes.append(await code { try await meter.set(.setting("demand-period", "77")) })
            codes.append(await code { try await meter.set(.setting("demand-period", "soon")) })
            return codes
        }
        #expect(codes == [.objectUndefined, .other, .other, .other])
        await bench.fleet.stop()
    }

    @Test("above its limit the meter cuts itself off, and comes back when the load has fallen")
    func limiter() async throws {
        let bench = try await Bench()
        let model = LoadSource.household(HouseholdModel(seed: 7))
        let watts = (0..<96).map { model.energyWh(startS: at(4) + Int64($0) * 1800, durationS: 1800) * 2 }
        let limitW = (watts.min()! + watts.max()!) / 2
        try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
            try await meter.set(.loadLimit(watts: limitW))
        }
        bench.clock.nowMs = at(6) * 1000
        let rows = bench.meter.loadRows(fromEndS: at(4) + 1800, toEndS: at(6))
        #expect(rows.count == 96)
        var trips = 0
        for (index, row) in rows.enumerated() {
            // One minute is served before the limit acts; after it, one minute passes before the relay closes.
            let wasOver = index > 0 && watts[index - 1] > limitW
            if watts[index] > limitW {
                trips += wasOver ? 0 : 1
                #expect(Int64(row.importWh) <= (wasOver ? 0 : watts[index] / 60 + 1), "slot \(index)")
            } else if index > 0 {
                let whole = watts[index] / 2
                #expect(Int64(row.importWh) == (wasOver ? whole * 1740 / 1800 : whole), "slot \(index)")
            }
        }
        #expect(trips > 0)
        let opened = bench.meter.events.filter { $0.code == 301 && $0.atS > at(4) }.count
        #expect(opened == trips)
        // A cut by command stays, however small the load.
        let cut = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2, counter: 5000)) { meter in
            try await meter.disconnect()
            return try await meter.relay()
        }
        bench.clock.nowMs = at(8) * 1000
        #expect(cut == .open && bench.meter.relayOpen && !bench.meter.isTripped)
        await bench.fleet.stop()
    }

    @Test("an image that broke off goes on where it was, is verified and runs")
    func firmware() async throws {
        struct Broken: Error {}
        let bench = try await Bench()
        let content = try VirtualFirmware.image(version: "BBSIM-2.0", byteCount: 20_000)
        let image = FirmwareImage(version: "BBSIM-2.0", identifier: Array("BBSIM-2.0".utf8), content: content)
        let sent = Mutex<[Int]>([])
        await #expect(throws: Broken.self) {
            try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
                try await meter.send(image, mayResume: false) { done, count in
                    sent.withLock { $0.append(done) }
                    #expect(count == 100)
                    if done == 40 { throw Broken() }
                }
            }
        }
        #expect(sent.withLock { $0 } == Array(1...40) && bench.meter.firmware == "BBSIM-1.0")
        let version = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2, counter: 5000)) { meter in
            try await meter.send(image, mayResume: true) { done, _ in sent.withLock { $0.append(done) } }
            return try await meter.value(of: .firmware)
        }
        #expect(sent.withLock { $0 } == Array(1...100))
        #expect(version == .firmware(version: "BBSIM-2.0") && bench.meter.firmware == "BBSIM-2.0")
        var bad = image
        bad.content[500] ^= 1
        let given = bad
        let refused = await code {
            try await TCPMeterTransport().converse(with: bench.endpoint(.hls2, counter: 9000)) { meter in
                try await meter.send(given, mayResume: false) { _, _ in }
            }
        }
        #expect(refused == .badAnswer && bench.meter.firmware == "BBSIM-2.0")
        await bench.fleet.stop()
    }

    @Test("what was told survives a restart of the meter, and the limit with it")
    func restart() async throws {
        let folder = "/tmp/busbar-control-\(UInt32.random(in: 0 ... .max))"
        let bench = try await Bench(stateFolder: folder)
        try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) { meter in
            try await meter.set(.loadLimit(watts: 1))
            try await meter.set(.balance(paise: 777))
        }
        bench.clock.nowMs = at(4) * 1000
        let served = bench.meter.servedWh(day: firstDay.advanced(by: 3))
        await bench.fleet.stop()
        let again = try VirtualMeter(configuration(), clocks: .manual(bench.clock), stateFolder: folder)
        #expect(again.loadLimitW == 1 && again.shownBalancePaise == 777 && again.isTripped)
        #expect(again.servedWh(day: firstDay.advanced(by: 3)) == served && served.last == 0)
    }
}

/// A meter that streams general blocks in a row and pushes amid an answer.
private final class StreamingMeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    struct Objects: COSEMObjects {
        var long: DLMSData = .octetString((0..<3000).map { UInt8(truncatingIfNeeded: $0) })
        mutating func read(_ access: AttributeAccess, client: UInt16) -> AccessResult { .success(long) }
        mutating func write(_ access: AttributeAccess, _ value: DLMSData, client: UInt16) -> DataAccessResult {
            long = value
            return .success
        }
        mutating func act(
            _ method: MethodReference, _ parameter: DLMSData?, client: UInt16
        ) -> Result<DLMSData?, DataAccessResult> { .success(nil) }
    }
    private var decoder = WrapperDecoder(maxAPDUBytes: 4096)
    private var objects = Objects()
    private var server = DLMSServer(
        ServerConfiguration(
            systemTitle: Array("BBRSTREA".utf8),
            associations: [16: ServerAssociation(mechanism: .none, conformance: .complete)], maxPDU: 256,
            blockWindow: 4), nextCounter: 1)
    private var swallowed = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(Self.unwrapInboundIn(data).readableBytesView)
        while let frame = try? decoder.next() {
            let answers = server.receive(frame.apdu, from: 16, objects: &objects, maxWindow: 8)
            for (index, apdu) in answers.enumerated() {
                // One block of the first answer is lost on the way.
                if answers.count > 3, index == 2, !swallowed {
                    swallowed = true
                    continue
                }
                if index == 1 {
                    let push = APDU.dataNotification(DataNotification(longInvoke: 7, body: .unsigned(85)))
                    write(push.bytes, context)
                }
                write(apdu, context)
            }
        }
        context.flush()
    }

    private func write(_ apdu: [UInt8], _ context: ChannelHandlerContext) {
        guard let bytes = try? WrapperFrame(source: 1, destination: 16, apdu: apdu).encoded() else { return }
        context.write(Self.wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
    }
}

@Suite("Blocks and pushes that come by themselves")
struct StreamingTests {
    @Test("a long value out and in by general blocks, one of them lost, a push amid them")
    func blocks() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(StreamingMeter())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let pushes = Mutex<[Push]>([])
        let transport = TCPMeterTransport { endpoint, push in
            #expect(endpoint.clientAddress == 16)
            pushes.withLock { $0.append(push) }
        }
        let endpoint = MeterEndpoint(
            host: "127.0.0.1", port: listener.localAddress?.port ?? 0, clientAddress: 16, authentication: .none,
            timeoutMs: 1_500)
        let value = DLMSData.octetString((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        let (first, second) = try await transport.associate(with: endpoint) { meter in
            let target = AttributeReference(1, OBIS(0, 0, 96, 1, 0), 2)
            let first = try await meter.get(target)
            try await meter.set(target, value)
            return (first, try await meter.get(target))
        }
        #expect(first == StreamingMeter.Objects().long && second == value)
        let heard = pushes.withLock { $0 }
        #expect(!heard.isEmpty)
        #expect(heard.allSatisfy { $0 == .data(DataNotification(longInvoke: 7, body: .unsigned(85))) })
        try await listener.close()
    }
}
