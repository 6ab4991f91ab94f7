// HDLC: addresses, frames in a noisy stream, and both ends of a link over a line that loses and damages frames.
import DLMS
import Testing

private func link(
    _ parameters: HDLCParameters = HDLCParameters(), maxRetries: Int = 3
) throws -> (HDLCClient, HDLCServer) {
    let server = try #require(HDLCAddress(upper: 1, lower: 17))
    let client = try #require(HDLCAddress.client(16))
    return (
        HDLCClient(address: client, server: server, parameters: parameters, maxRetries: maxRetries),
        HDLCServer(address: server, parameters: parameters)
    )
}

@Suite struct HDLCTests {
    @Test func addresses() {
        #expect(HDLCAddress(upper: 1)?.bytes == [0x03])
        #expect(HDLCAddress(upper: 1, lower: 17)?.bytes == [0x02, 0x23])
        #expect(HDLCAddress(upper: 1, lower: 17, octetCount: 4)?.bytes == [0x00, 0x02, 0x00, 0x23])
        #expect(HDLCAddress(upper: 1, lower: 4660)?.bytes == [0x00, 0x02, 0x48, 0x69])
        #expect(HDLCAddress(upper: 128) == nil && HDLCAddress(upper: 1, lower: 128, octetCount: 2) == nil)
        #expect(HDLCAddress(upper: 1, lower: 0x4000) == nil && HDLCAddress(upper: 1, octetCount: 2) == nil)
        #expect(HDLCAddress(upper: 1, lower: 1, octetCount: 3) == nil)
        for octet in UInt8.min...UInt8.max {
            if let control = HDLCControl(octet: octet) { #expect(control.octet == octet) }
        }
    }

    @Test func framesInNoise() throws {
        let (client, _) = try link()
        let frame = HDLCFrame(
            destination: client.server, source: client.address, control: .unnumberedInformation(poll: false),
            information: [0x7E, 0x7E, 0xA0, 0x07, 0x7E])
        let good = try frame.encoded()
        var damaged = good
        damaged[9] ^= 1
        var decoder = HDLCDecoder()
        // One flag between two frames, noise, a damaged frame, octet by octet.
        for octet in [0x00, 0x7E, 0x7E] + good + good.dropFirst() + damaged + [0x55, 0x7E, 0x55] + good {
            decoder.append([octet])
        }
        var count = 0
        while let next = decoder.next() {
            #expect(next == frame)
            count += 1
        }
        #expect(count == 3 && decoder.damagedCount > 0)
        decoder.append([0x7E, 0xA7, 0xFF, 1, 2, 3])
        #expect(decoder.next() == nil)
        decoder.reset()
        decoder.append(good)
        #expect(decoder.next() == frame)
        #expect(throws: DLMSError.self) {
            try HDLCFrame(
                destination: client.server, source: client.address, control: .unnumberedInformation(poll: false),
                information: [UInt8](repeating: 0, count: 2048)
            ).encoded()
        }
    }

    @Test func parameters() throws {
        let wide = HDLCParameters(
            maxInformationTransmit: 512, maxInformationReceive: 200, windowTransmit: 3, windowReceive: 7)
        #expect(try HDLCParameters(bytes: wide.bytes) == wide)
        #expect(try HDLCParameters(bytes: []) == HDLCParameters())
        for bad in ["8180", "81800305", "818003050100", "8280", "81800505020080"] {
            #expect(throws: DLMSError.self) { try HDLCParameters(bytes: hex(bad)) }
        }
        var (client, server) = try link(wide)
        let events = try server.receive(try client.connect())
        guard case .send(let answer)? = events.first else {
            Issue.record("no UA")
            return
        }
        // Each end may send what the other takes.
        #expect(try client.receive(answer) == [.connected(client.agreed)])
        #expect(client.agreed.maxInformationTransmit == 200 && client.agreed.windowTransmit == 3)
        #expect(server.agreed.maxInformationTransmit == 200 && server.agreed.windowReceive == 3)
    }

    /// A request and its answer over a line; lost and damaged frames are repeated after a time-out.
    private func talk(
        _ client: inout HDLCClient, _ server: inout HDLCServer, _ first: [UInt8], answer: [UInt8],
        lossPercent: Int, _ random: inout SeededGenerator
    ) throws -> (received: [[UInt8]], events: [HDLCEvent]) {
        var toServer = first
        var received: [[UInt8]] = []
        func line(_ octets: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
            var octets = octets
            guard !octets.isEmpty, Int.random(in: 0..<100, using: &random) < lossPercent else { return octets }
            let at = Int.random(in: 0..<octets.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: octets[at] ^= 0x10
            case 1: octets.removeSubrange(at...)
            default: octets = []
            }
            return octets
        }
        for _ in 0..<2000 {
            var toClient: [UInt8] = []
            for event in try server.receive(line(toServer, &random)) {
                switch event {
                case .send(let octets): toClient += octets
                case .received(let apdu):
                    received.append(apdu)
                    toClient += try server.send(answer)
                default: continue
                }
            }
            toServer = []
            var done: [HDLCEvent] = []
            for event in try client.receive(line(toClient, &random)) {
                switch event {
                case .send(let octets): toServer += octets
                case .notReady: toServer += try client.poll()
                default: done.append(event)
                }
            }
            if !done.isEmpty { return (received, done) }
            if toServer.isEmpty { toServer = try client.timedOut() }
        }
        throw Mismatch(description: "no end")
    }

    @Test(arguments: [1, 3, 7], [0, 15]) func wholeLink(_ window: Int, _ lossPercent: Int) throws {
        for seed in UInt64(1)...(lossPercent == 0 ? 1 : 15) {
            var random = SeededGenerator(seed: seed)
            let sizes = HDLCParameters(
                maxInformationTransmit: 40, maxInformationReceive: 40, windowTransmit: window, windowReceive: window)
            var (client, server) = try link(sizes, maxRetries: 60)
            let up = try talk(&client, &server, client.connect(), answer: [], lossPercent: lossPercent, &random)
            #expect(up.events == [.connected(client.agreed)])
            for round in 0..<12 {
                let request = (0..<(round * 30 + 1)).map { UInt8(truncatingIfNeeded: $0 + round) }
                let answer = (0..<(400 - round * 30)).map { UInt8(truncatingIfNeeded: $0 &* 5) }
                let got = try talk(
                    &client, &server, client.send(request), answer: answer, lossPercent: lossPercent, &random)
                #expect(got.received == [request], "given once, whole: seed \(seed), round \(round)")
                #expect(got.events == [.received(answer)])
            }
            let down = try talk(&client, &server, client.disconnect(), answer: [], lossPercent: lossPercent, &random)
            #expect(down.events == [.disconnected])
            #expect(server.client == nil)
        }
    }

    @Test func receiverThatIsNotReady() throws {
        var (client, server) = try link()
        guard case .send(let answer)? = try server.receive(try client.connect()).first else { return }
        _ = try client.receive(answer)
        let request = try client.send([1, 2, 3])
        #expect(try server.receive(request) == [.received([1, 2, 3])])
        // The meter still works on it; the client asks again and is told to wait.
        guard case .send(let busy)? = try server.receive(try client.timedOut()).first else {
            Issue.record("no answer to a poll")
            return
        }
        #expect(try client.receive(busy) == [.notReady])
        #expect(try server.receive(try client.poll()) == [.send(busy)])
        #expect(try client.receive(try server.send([9])) == [.received([9])])
        #expect(throws: DLMSError.self) { try server.send([9]) }
    }

    @Test func silenceAndRefusals() throws {
        var (client, server) = try link()
        #expect(throws: DLMSError.self) { try client.send([1]) }
        _ = try client.connect()
        for _ in 0..<3 { #expect(try !client.timedOut().isEmpty) }
        #expect(throws: DLMSError.self) { try client.timedOut() }
        // A meter without a link answers DM.
        let asked = HDLCFrame(
            destination: client.server, source: client.address, control: .receiveReady(receive: 0, poll: true))
        guard case .send(let octets)? = try server.receive(try asked.encoded()).first else {
            Issue.record("no DM")
            return
        }
        _ = try client.connect()
        #expect(try client.receive(octets) == [.disconnected])
        // Another station's frames are not ours.
        let other = HDLCFrame(
            destination: try #require(HDLCAddress(upper: 1, lower: 18)), source: client.address,
            control: .setNormalResponseMode(poll: true))
        #expect(try server.receive(try other.encoded()).isEmpty)
        // A push outside the link.
        let push = try server.unnumbered([0x0F, 1], to: client.address)
        #expect(try client.receive(push) == [.unnumbered([0x0F, 1])])
    }

    @Test func apduLimit() throws {
        let address = try #require(HDLCAddress(upper: 1))
        let own = try #require(HDLCAddress.client(16))
        var client = HDLCClient(address: own, server: address)
        var server = HDLCServer(address: address, maxAPDUBytes: 200)
        guard case .send(let answer)? = try server.receive(try client.connect()).first else { return }
        _ = try client.receive(answer)
        var toServer = try client.send([UInt8](repeating: 1, count: 600))
        #expect(throws: DLMSError.unexpected("HDLC: frame rejected")) {
            for _ in 0..<10 {
                var toClient: [UInt8] = []
                for case .send(let octets) in try server.receive(toServer) { toClient += octets }
                toServer = []
                for case .send(let octets) in try client.receive(toClient) { toServer += octets }
            }
        }
        #expect(!client.isConnected && server.client == nil)
    }
}
