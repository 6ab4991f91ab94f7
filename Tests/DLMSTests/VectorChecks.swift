// How each group of the vector file is checked: every message decoded, encoded again to the same octets, opened and
// sealed again to the same octets, and run through the client where it is a whole exchange.
import Cryptography
import DLMS

struct VectorCheck {
    let vector: Vector
    init(_ vector: Vector) { self.vector = vector }

    func run() throws {
        switch vector.group {
        case "association": try association()
        case "hls": try hls()
        case "ciphering": try ciphering()
        case "session": try session()
        case "key": try key()
        case "wrapper": try wrapper()
        case "data", "profile": try data()
        case "date-time": try dateTime()
        case "get", "set", "action", "access", "exception", "push": try services()
        case "hdlc": try hdlc()
        default: throw Mismatch(description: "no check for group \(vector.group)")
        }
    }

    // MARK: Pieces

    func unwrapped(_ bytes: [UInt8]) throws -> WrapperFrame {
        var decoder = WrapperDecoder()
        decoder.append(bytes)
        guard let frame = try decoder.next() else { throw Mismatch(description: "no whole frame") }
        try check(hex(try frame.encoded()), hex(bytes), "frame")
        return frame
    }

    /// Decodes, and encodes to the same octets.
    @discardableResult func same(_ bytes: [UInt8]) throws -> APDU {
        let apdu = try APDU(bytes: bytes)
        try check(hex(apdu.bytes), hex(bytes), "encoded again")
        return apdu
    }

    /// Opens with the sender's title, seals to the same octets.
    func opened(_ apdu: APDU, title: [UInt8]) throws -> [UInt8] {
        guard case .ciphered(let sealed) = apdu, let keys = vector.keys else {
            throw Mismatch(description: "no protected APDU or no keys")
        }
        let plain = try sealed.open(title: title, keys: keys)
        let again = try CipheredAPDU.seal(
            plain, form: sealed.form, control: sealed.control, counter: sealed.counter, title: title, keys: keys)
        try check(hex(APDU.ciphered(again).bytes), hex(apdu.bytes), "sealed again")
        return plain
    }

    func expectValue(_ data: DLMSData) throws {
        try check(hex(try DLMSData(axdr: data.axdr).axdr), hex(data.axdr), "data twice")
        if let value = vector.expect["value"] { try check(tree(data), value, "value") }
    }

    // MARK: Association

    private func association() throws {
        if let bytes = vector.bytes("apdu") { return try expectAssociation(try same(bytes)) }
        let request = try unwrapped(try vector.need("request_frame"))
        let response = try unwrapped(try vector.need("response_frame"))
        try check(Int(request.source), vector.inputs["client_sap"]?.int ?? -1, "client address")
        try check(response.destination, request.source, "answer to")
        try same(request.apdu)
        if vector.id.hasSuffix("-release") {
            // The meter counted its lengths wrong: read, but not written the same way.
            try check(hex(response.apdu), vector.expect["response"]?.text ?? "", "release response")
            guard case .releaseResponse(let release) = try APDU(bytes: response.apdu), release.reason == 0,
                release.userInformation != nil
            else { throw Mismatch(description: "no release response with user information") }
            return
        }
        try expectAssociation(try same(response.apdu))
        var client = try captureClient(request.apdu)
        try check(hex(try client.associate()), hex(request.apdu), "our own association request")
        if vector.isNegative {
            try refused("rejected association") { _ = try client.receive(response.apdu) }
            return
        }
        switch try client.receive(response.apdu) {
        case .associated: try check(client.isAssociated, true)
        case .send(let pass3): try check(pass3.isEmpty, false)
        case let event: throw Mismatch(description: "\(event)")
        }
        if let plain = vector.expect["initiate_response_plain"]?.bytes {
            guard let granted = client.granted else { throw Mismatch(description: "nothing granted") }
            try check(hex(APDU.initiateResponse(granted).bytes), hex(plain), "granted")
        }
    }

    /// Our client with what the captured one was given.
    private func captureClient(_ request: [UInt8]) throws -> DLMSClient {
        guard case .associateRequest(let captured) = try APDU(bytes: request) else {
            throw Mismatch(description: "no association request")
        }
        let bench = SecurityKeys(
            encryption: Array("BUSBAR-EK-000001".utf8), authentication: Array("BUSBAR-AK-000001".utf8))
        return DLMSClient(
            ClientConfiguration(
                mechanism: captured.mechanism,
                secret: captured.mechanism == .low
                    ? captured.authenticationValue ?? [] : Array("BUSBAR-HLS-00001".utf8),
                keys: captured.systemTitle == nil ? nil : bench, ciphered: captured.context == 3,
                systemTitle: captured.systemTitle ?? [], challenge: captured.authenticationValue ?? [],
                firstCounter: UInt32(vector.expect["request_invocation_counter"]?.int ?? 1),
                conformance: Conformance(rawValue: 0x401E5D)))
    }

    private func expectAssociation(_ apdu: APDU) throws {
        switch apdu {
        case .associateRequest(let request):
            if let value = vector.expect["mechanism"]?.int { try check(Int(request.mechanism.rawValue), value) }
            if let value = vector.expect["authentication_value"]?.bytes {
                try check(request.authenticationValue ?? [], value)
            }
            if let value = vector.inputs["ctos_ascii"]?.text ?? vector.inputs["password_ascii"]?.text {
                try check(request.authenticationValue ?? [], Array(value.utf8))
            }
            try expectInitiate(request.userInformation)
        case .associateResponse(let response):
            if let value = vector.expect["result"]?.int { try check(Int(response.result.rawValue), value, "result") }
            if let value = vector.expect["diagnostic"]?.int {
                try check(Int(response.diagnostic.value), value, "diagnostic")
                try check(response.diagnostic.fromProvider, false, "diagnostic source")
            }
            if let value = vector.expect["stoc"]?.bytes { try check(response.authenticationValue ?? [], value) }
            try expectInitiate(response.userInformation ?? [])
        case .releaseRequest(let release), .releaseResponse(let release):
            try check(release.reason.map { Int($0) }, vector.expect["reason"]?.int, "reason")
            if let information = release.userInformation { try expectInitiate(information) }
        default: throw Mismatch(description: "no association APDU")
        }
    }

    private func expectInitiate(_ information: [UInt8]) throws {
        var apdu = try same(information)
        if case .ciphered(let sealed) = apdu {
            let isResponse = sealed.form == .service(tag: 0x28)
            let title = vector.input("system_title") ?? vector.input(isResponse ? "server_title" : "client_title")
            let plain = try opened(apdu, title: title ?? [])
            let wanted = vector.expect[isResponse ? "initiate_response_plain" : "initiate_request_plain"]?.text
            if let wanted { try check(hex(plain), wanted, "initiate") }
            let counter = vector.expect[isResponse ? "response_invocation_counter" : "request_invocation_counter"]?
                .int
            if let counter { try check(Int(sealed.counter), counter, "counter") }
            apdu = try same(plain)
        }
        switch apdu {
        case .initiateRequest(let request):
            try expectConformance(request.conformance)
            if let value = vector.expect["client_max_pdu"]?.int { try check(Int(request.maxPDU), value) }
            if let value = vector.expect["dlms_version"]?.int { try check(Int(request.version), value) }
        case .initiateResponse(let response):
            try expectConformance(response.conformance)
            if let value = vector.expect["server_max_pdu"]?.int { try check(Int(response.maxPDU), value) }
            if let value = vector.expect["vaa_name"]?.int { try check(Int(response.vaaName), value) }
        case .confirmedServiceError(let error):
            let wanted = vector.expect["confirmed_service_error"]?.list?.compactMap(\.int)
            try check([error.service, error.kind, error.value].map { Int($0) }, wanted ?? [])
        default: throw Mismatch(description: "no initiate")
        }
    }

    private func expectConformance(_ conformance: Conformance) throws {
        let bits: [String: Conformance] = [
            "priority-mgmt-supported": .priority, "attribute0-supported-with-get": .attribute0WithGet,
            "block-transfer-with-get-or-read": .blockTransferWithGet,
            "block-transfer-with-set-or-write": .blockTransferWithSet,
            "block-transfer-with-action": .blockTransferWithAction, "multiple-references": .multipleReferences,
            "get": .get, "set": .set, "selective-access": .selectiveAccess,
            "event-notification": .eventNotification, "action": .action,
        ]
        guard let names = vector.expect["conformance"]?.list?.compactMap(\.text) else { return }
        let wanted = try names.reduce(into: Conformance()) {
            guard let bit = bits[$1] else { throw Mismatch(description: "conformance \($1)") }
            $0.insert(bit)
        }
        try check(conformance, wanted, "conformance")
    }

    // MARK: HLS

    private func hls() throws {
        if try digests() { return }
        if vector.bytes("request_frame") != nil {
            return try hlsExchange()
        }
        if let ecb = vector.bytes("ecb") {
            let challenge = try vector.need("challenge")
            let secret = try vector.need("secret")
            try check(hex(try HLS.encrypted(challenge, secret: secret)), hex(ecb), "answer")
            try check(try HLS.proves(ecb, challenge, secret: secret), true)
            if let cbc = vector.bytes("cbc_zero_iv") {
                try check(try HLS.proves(cbc, challenge, secret: secret), true, "chained")
                var wrong = cbc
                wrong[cbc.count - 1] ^= 1
                try check(try HLS.proves(wrong, challenge, secret: secret), false, "changed")
            }
            return
        }
        if let apdu = vector.bytes("apdu"), case .associateResponse = try? APDU(bytes: apdu) {
            return try expectAssociation(try same(apdu))
        }
        guard let keys = vector.keys,
            let title = vector.input("system_title") ?? vector.input("client_title") ?? vector.input("server_title"),
            let challenge = vector.input("challenge") ?? vector.input("stoc") ?? vector.input("ctos"),
            let counter = vector.inputs["invocation_counter"]?.int,
            let answer = vector.bytes("value") ?? vector.bytes("apdu")
        else { throw Mismatch(description: "incomplete") }
        let own = try HLS.gmac(challenge, counter: UInt32(counter), title: title, keys: keys)
        try check(hex(own), hex(answer), "GMAC")
        try check(try HLS.gmacCounter(answer, challenge, title: title, keys: keys), UInt32(counter))
        var wrong = answer
        wrong[16] ^= 1
        try check(try HLS.gmacCounter(wrong, challenge, title: title, keys: keys), nil, "wrong tag")
    }

    /// Mechanisms 3, 4 and 6: the digest itself, then a whole association of our client with our meter.
    private func digests() throws -> Bool {
        let mechanisms: [String: AuthenticationMechanism] = [
            "a-hls3": .highMD5, "a-hls4": .highSHA1, "a-hls6": .highSHA256,
        ]
        guard let mechanism = mechanisms[vector.id] else { return false }
        let secret = try vector.need("secret")
        if mechanism == .highSHA256 {
            let stoc = try vector.need("stoc")
            let ctos = try vector.need("ctos")
            let client = try vector.need("client_title")
            let server = try vector.need("server_title")
            let pass3 = HLS.sha256(received: stoc, sent: ctos, secret: secret, ownTitle: client, peerTitle: server)
            try check(hex(pass3), hex(try vector.need("f_stoc")), "pass 3")
            let pass4 = HLS.sha256(received: ctos, sent: stoc, secret: secret, ownTitle: server, peerTitle: client)
            try check(hex(pass4), hex(try vector.need("f_ctos")), "pass 4")
        } else {
            let value = try HLS.digest(mechanism, try vector.need("challenge"), secret: secret)
            try check(hex(value), hex(try vector.need("value")), "digest")
        }
        return true
    }

    private func hlsExchange() throws {
        func plain(_ key: String, _ titleKey: String) throws -> APDU {
            let apdu = try same(try unwrapped(try vector.need(key)).apdu)
            guard case .ciphered = apdu else { return apdu }
            let bytes = try opened(apdu, title: try vector.need(titleKey))
            let wanted = vector.expect[key == "request_frame" ? "request_plain" : "response_plain"]?.text
            if let wanted { try check(hex(bytes), wanted) }
            return try same(bytes)
        }
        guard case .actionRequest(let request) = try plain("request_frame", "client_title"),
            case .actionResponse(let response) = try plain("response_frame", "server_title")
        else { throw Mismatch(description: "no action") }
        try check(request.call?.method, HLS.replyMethod, "method")
        if vector.isNegative { return try check(response.outcome?.result, .readWriteDenied) }
        guard case .success(let returned)? = response.outcome?.returned, let pass3 = request.call?.parameter?.octets,
            let pass4 = returned.octets
        else { throw Mismatch(description: "no proof") }
        try check(hex(pass3), vector.expect["f_stoc"]?.text ?? "", "pass 3")
        try check(hex(pass4), vector.expect["f_ctos"]?.text ?? "", "pass 4")
        let stoc = try vector.need("stoc")
        let ctos = try vector.need("ctos")
        if vector.inputs["mechanism"]?.int == 2 {
            try check(pass3, try HLS.encrypted(stoc, secret: try vector.need("secret")))
            try check(pass4, try HLS.encrypted(ctos, secret: try vector.need("secret")))
        } else if let keys = vector.keys {
            let client = try vector.need("client_title")
            try check(try HLS.gmacCounter(pass3, stoc, title: client, keys: keys) != nil, true, "pass 3")
            let server = try vector.need("server_title")
            try check(try HLS.gmacCounter(pass4, ctos, title: server, keys: keys) != nil, true, "pass 4")
        }
    }

    // MARK: Keys, wrapper

    func key() throws {
        let kek = try vector.need("kek")
        if let wanted = vector.bytes("wrapped") {
            if vector.isNegative {
                return try refused("damaged key") { _ = try AESKeyWrap.unwrap(wanted, with: kek) }
            }
            let key = try vector.need("key")
            try check(hex(try AESKeyWrap.wrap(key, with: kek)), hex(wanted))
            return try check(hex(try AESKeyWrap.unwrap(wanted, with: kek)), hex(key))
        }
        guard case .actionRequest(let request) = try same(try vector.need("apdu")),
            let list = request.call?.parameter?.elements
        else { throw Mismatch(description: "no action") }
        try check(request.call?.parameter.map(tree), vector.expect["parameter"])
        let keys = vector.inputs["keys"]?.list ?? []
        try check(list.count, keys.count)
        for (item, key) in zip(list, keys) {
            let wrapped = item.elements?.last?.octets ?? []
            try check(hex(try AESKeyWrap.unwrap(wrapped, with: kek)), key["key"]?.text ?? "")
            try check(item.elements?.first?.integer, key["id"]?.int.map { Int64($0) })
        }
    }

    private func wrapper() throws {
        var decoder = WrapperDecoder(maxAPDUBytes: vector.inputs["max_pdu"]?.int ?? 0xFFFF)
        if let segments = vector.bytes["segments"]?.list?.compactMap(\.bytes) {
            for segment in segments.dropLast() {
                decoder.append(segment)
                try check(try decoder.next() == nil, true, "early frame")
            }
            decoder.append(segments.last ?? [])
            return try check(hex(try decoder.next()?.apdu ?? []), vector.expect["apdu"]?.text ?? "")
        }
        decoder.append(try vector.bytes("frame") ?? vector.need("stream"))
        if vector.isNegative { return try refused("frame") { _ = try decoder.next() } }
        for wanted in vector.expect["frames"]?.list ?? [vector.expect] {
            guard let frame = try decoder.next() else { throw Mismatch(description: "no frame") }
            try check(Int(frame.source), wanted["source"]?.int ?? -1)
            try check(Int(frame.destination), wanted["destination"]?.int ?? -1)
            if let apdu = wanted["apdu"]?.text { try check(hex(frame.apdu), apdu) }
            if let length = wanted["length"]?.int { try check(frame.apdu.count, length) }
        }
        try check(try decoder.next() == nil, true, "frame too many")
    }
}
