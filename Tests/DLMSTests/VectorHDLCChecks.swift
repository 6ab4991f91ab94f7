// Checks of the HDLC group: every frame decoded and encoded again to the same octets, links and segments run through
// both ends.
import DLMS

extension VectorCheck {
    func hdlc() throws {
        if let data = vector.input("data") {
            return try check(hex(HDLCFrame.checkSequence(data)), hex(try vector.need("fcs")), "check sequence")
        }
        if vector.bytes("disc") != nil { return try disconnect() }
        if vector.bytes["frames"] != nil { return try segments() }
        let bytes = try vector.need("frame")
        var decoder = HDLCDecoder()
        decoder.append(bytes)
        if vector.id == "a-hdlc-badfcs" {
            try check(decoder.next(), nil, "damaged frame")
            try check(decoder.damagedCount, 1, "damaged frames")
            return try refused("damaged frame") { _ = try HDLCFrame(unflagged: Array(bytes.dropFirst().dropLast())) }
        }
        guard let frame = decoder.next() else { throw Mismatch(description: "no frame") }
        try check(decoder.next(), nil, "second frame")
        try check(hex(try frame.encoded()), hex(bytes), "encoded again")
        try check(
            hex(Array(bytes.dropLast().suffix(2))), vector.expect["fcs"]?.text ?? hex(Array(bytes.dropLast().suffix(2)))
        )
        if let control = vector.expect["control"]?.bytes?.first { try check(frame.control.octet, control, "control") }
        if let server = vector.expect["server"]?.list?.compactMap(\.int) {
            let own = [frame.destination.upper, frame.destination.lower].compactMap { $0.map { Int($0) } }
            try check(own, server, "server address")
        }
        if let client = vector.expect["client"]?.int { try check(Int(frame.source.upper), client, "client address") }
        try information(frame)
        if case .disconnectedMode = frame.control { try refusedLink(bytes, frame) }
        if case .setNormalResponseMode = frame.control { try ownConnect(bytes, frame) }
    }

    private func information(_ frame: HDLCFrame) throws {
        if let size = vector.expect["max_info_tx"]?.int {
            let parameters = try HDLCParameters(bytes: frame.information)
            try check(parameters.maxInformationTransmit, size)
            try check(parameters.maxInformationReceive, vector.expect["max_info_rx"]?.int ?? -1)
            if let window = vector.expect["window_tx"]?.int { try check(parameters.windowTransmit, window) }
            if let window = vector.expect["window_rx"]?.int { try check(parameters.windowReceive, window) }
        }
        if case .information(let send, let receive, let poll) = frame.control {
            if let number = vector.expect["ns"]?.int { try check(Int(send), number) }
            if let number = vector.expect["nr"]?.int { try check(Int(receive), number) }
            if let bit = vector.expect["poll_final"]?.int { try check(poll ? 1 : 0, bit) }
            if let head = vector.expect["llc"]?.bytes { try check(Array(frame.information.prefix(3)), head) }
            try same(Array(frame.information.dropFirst(3)))
        }
        if let apdu = vector.expect["apdu"]?.bytes { try check(Array(frame.information.dropFirst(3)), apdu) }
    }

    private func ownConnect(_ bytes: [UInt8], _ frame: HDLCFrame) throws {
        var client = HDLCClient(address: frame.source, server: frame.destination)
        try check(hex(try client.connect()), hex(bytes), "our own SNRM")
    }

    private func refusedLink(_ bytes: [UInt8], _ frame: HDLCFrame) throws {
        var client = HDLCClient(address: frame.destination, server: frame.source)
        _ = try client.connect()
        try check(try client.receive(bytes), [.disconnected])
        try check(client.isConnected, false)
    }

    private func disconnect() throws {
        let disc = try vector.need("disc")
        let ua = try vector.need("ua")
        let request = try HDLCFrame(unflagged: Array(disc.dropFirst().dropLast()))
        var client = HDLCClient(address: request.source, server: request.destination)
        var server = HDLCServer(address: request.destination)
        try check(try client.receive(link(try client.connect(), &server)), [.connected(HDLCParameters())])
        try check(hex(try client.disconnect()), hex(disc), "our DISC")
        let events = try server.receive(disc)
        try check(events, [.send(ua), .disconnected])
        try check(try client.receive(ua), [.disconnected])
    }

    private func link(_ octets: [UInt8], _ server: inout HDLCServer) throws -> [UInt8] {
        try server.receive(octets).flatMap { if case .send(let answer) = $0 { answer } else { [] as [UInt8] } }
    }

    /// Three segments of an answer: our client asks for each and gives one APDU; our meter sends the same frames.
    private func segments() throws {
        let frames = vector.bytes["frames"]?.list?.compactMap(\.bytes) ?? []
        let ready = vector.bytes["receive_ready"]?.list?.compactMap(\.bytes) ?? []
        let apdu = vector.expect["apdu"]?.bytes ?? []
        let first = try HDLCFrame(unflagged: Array((frames.first ?? []).dropFirst().dropLast()))
        let size = HDLCParameters(maxInformationTransmit: first.information.count)
        var client = HDLCClient(address: first.destination, server: first.source)
        var server = HDLCServer(address: first.source, parameters: size)
        // The frames of the vector acknowledge one frame of the client: any short request.
        try check(try client.receive(link(try client.connect(), &server)).count, 1)
        let events = try server.receive(try client.send(hex("C001C100010000600D00FF0200")))
        try check(events, [.received(hex("C001C100010000600D00FF0200"))])
        var own = try server.send(apdu)
        for (index, frame) in frames.enumerated() {
            // The link of the vector counts on: its first segment is number 2.
            try check(try HDLCFrame(unflagged: Array(frame.dropFirst().dropLast())).encoded(), frame, "encoded again")
            let ownFrame = try HDLCFrame(unflagged: Array(own.dropFirst().dropLast()))
            let wanted = try HDLCFrame(unflagged: Array(frame.dropFirst().dropLast()))
            try check(ownFrame.information, wanted.information, "our segment \(index + 1)")
            try check(ownFrame, wanted, "our frame \(index + 1)")
            let next = try client.receive(frame)
            if index < ready.count {
                try check(next, [.send(ready[index])], "receive ready")
                own = try link(ready[index], &server)
            } else {
                try check(next, [.received(apdu)], "whole answer")
            }
        }
    }
}
