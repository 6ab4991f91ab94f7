// Checks of the vector groups that carry data: services, protected sessions, values and date-times.
import CivilTime
import DLMS
import Foundation

extension VectorCheck {
    // MARK: Protection

    func ciphering() throws {
        if vector.bytes("request_frame") != nil { return try protectedExchange() }
        if vector.id == "a-replay" { return try replay() }
        let apdu = try same(try vector.need("apdu"))
        if case .associateRequest(let request) = apdu {
            let plain = try opened(try same(request.userInformation), title: try vector.need("system_title"))
            try check(hex(plain), vector.expect["initiate_request_plain"]?.text ?? "")
            guard case .initiateRequest(let initiate) = try same(plain) else {
                throw Mismatch(description: "no initiate")
            }
            return try check(hex(initiate.dedicatedKey ?? []), vector.inputs["dedicated_key"]?.text ?? "")
        }
        guard case .ciphered(let sealed) = apdu, let keys = vector.keys,
            let title = vector.input("system_title") ?? vector.input("system_title_of_association")
        else { throw Mismatch(description: "incomplete") }
        if vector.isNegative {
            return try refused("changed APDU") { _ = try sealed.open(title: title, keys: keys) }
        }
        if let counter = vector.inputs["invocation_counter"]?.int { try check(Int(sealed.counter), counter) }
        if let control = vector.inputs["security_control"]?.int { try check(Int(sealed.control.rawValue), control) }
        let plain = try opened(apdu, title: title)
        try check(hex(plain), vector.expect["plaintext"]?.text ?? "")
        try same(plain)
        if let general = vector.bytes("general_ded_apdu") {
            try check(hex(try opened(try same(general), title: title)), hex(plain), "general-ded")
        }
        if sealed.control.rawValue & 0x30 == 0x30 {
            var weak = sealed
            weak.payload[0] ^= 0x80
            try refused("flipped bit") { _ = try weak.open(title: title, keys: keys) }
        }
    }

    private func protectedExchange() throws {
        try protectedStep(vector.bytes, vector.expect)
    }

    private func protectedStep(_ frames: JSON, _ plain: JSON) throws {
        for (key, title) in [("request", "client_title"), ("response", "server_title")] {
            guard let frame = frames["\(key)_frame"]?.bytes else { continue }
            let apdu = try same(try unwrapped(frame).apdu)
            if vector.id == "live-wrong-key", key == "request" {
                try refused("wrong key") { _ = try opened(apdu, title: try vector.need(title)) }
                continue
            }
            let bytes = try opened(apdu, title: try vector.need(title))
            try check(hex(bytes), plain["\(key)_plain"]?.text ?? hex(bytes), key)
            if bytes.first == 0 {
                // What the bench meter answers in place of an exception.
                try refused("malformed APDU") { _ = try APDU(bytes: bytes) }
                continue
            }
            try expectService(try same(bytes))
            if case .ciphered(let sealed) = apdu, key == "request",
                let counter = plain["request_invocation_counter"]?.int
            {
                try check(Int(sealed.counter), counter)
            }
        }
    }

    private func replay() throws {
        guard let keys = vector.keys, case .ciphered(let sealed) = try same(try vector.need("apdu")) else { return }
        let title = try vector.need("system_title")
        let way = ServerAssociation(mechanism: .none, keys: keys, ciphered: true)
        var server = DLMSServer(
            ServerConfiguration(systemTitle: Array("SERVER01".utf8), associations: [1: way]),
            clientCounter: [1: UInt32(vector.inputs["last_accepted_counter"]?.int ?? 0) - 2])
        var client = DLMSClient(
            ClientConfiguration(mechanism: .none, keys: keys, systemTitle: title, firstCounter: sealed.counter - 1))
        var objects = EmptyObjects()
        guard let answer = server.receive(try client.associate(), from: 1, objects: &objects) else {
            throw Mismatch(description: "no answer")
        }
        try check(try client.receive(answer), .associated)
        guard
            case .ciphered? = try server.receive(sealed.apdu, from: 1, objects: &objects).map({ try APDU(bytes: $0) })
        else { throw Mismatch(description: "the first copy was refused") }
        let second = server.receive(sealed.apdu, from: 1, objects: &objects) ?? []
        try check(hex(second), "D80206" + hex([0, 0, 0, 78]), "second copy")
    }

    func session() throws {
        guard let keys = vector.keys, let steps = vector.bytes["steps"]?.list else {
            throw Mismatch(description: "incomplete")
        }
        let request = try unwrapped(try vector.need("associate_request")).apdu
        let response = try unwrapped(try vector.need("associate_response")).apdu
        guard case .associateRequest(let captured) = try same(request),
            case .ciphered(let initiate) = try APDU(bytes: captured.userInformation)
        else { throw Mismatch(description: "no association request") }
        var client = DLMSClient(
            ClientConfiguration(
                mechanism: captured.mechanism, secret: try vector.need("secret"), keys: keys,
                systemTitle: try vector.need("client_title"), challenge: try vector.need("ctos"),
                firstCounter: initiate.counter, conformance: Conformance(rawValue: 0x401E5D)))
        try check(hex(try client.associate()), hex(request), "association request")
        guard case .send(let pass3) = try client.receive(response) else { throw Mismatch(description: "no pass 3") }
        guard case .ciphered(let sealed) = try APDU(bytes: pass3) else { throw Mismatch(description: "plain pass 3") }
        let plain = try sealed.open(title: try vector.need("client_title"), keys: keys)
        try check(hex(plain), steps.first?["request_plain"]?.text ?? "", "pass 3")
        let answer = try unwrapped(steps.first?["response_frame"]?.bytes ?? []).apdu
        try check(try client.receive(answer), .associated, "pass 4")
        for step in steps { try protectedStep(step, step) }
    }

    // MARK: Services

    func services() throws {
        switch vector.id {
        case "a-blocks-200", "a-blocks-64", "a-blocks-gap", "a-blocks-error", "live-blocks": return try blocks()
        case "a-set-blocks": return try setBlocks()
        case "a-push-block":
            let plain = try vector.need("plain")
            try check(
                hex(try opened(try same(try vector.need("ciphered")), title: try vector.need("system_title"))),
                hex(plain))
            try check(hex(try unwrapped(try vector.need("frame")).apdu), hex(try vector.need("ciphered")))
            return try expectService(try same(plain))
        default: break
        }
        if vector.keys != nil, vector.bytes("request_frame") != nil {
            return try protectedStep(vector.bytes, vector.expect)
        }
        for bytes in vector.bytes["requests"]?.list?.compactMap(\.bytes) ?? [] { try expectService(try same(bytes)) }
        for key in ["request", "response", "apdu"] {
            guard let bytes = vector.bytes(key) else { continue }
            var apdu = try same(bytes)
            if case .ciphered = apdu {
                let plain = try opened(apdu, title: try vector.need("system_title"))
                try check(hex(plain), vector.expect["plaintext"]?.text ?? "")
                apdu = try same(plain)
            }
            try expectService(apdu)
        }
        for key in ["request", "response"] {
            guard let frame = vector.bytes("\(key)_frame") else { continue }
            let bytes = try unwrapped(frame).apdu
            if let plain = vector.expect["\(key)_plain"]?.text { try check(hex(bytes), plain) }
            try expectService(try same(bytes))
        }
    }

    private func expectService(_ apdu: APDU) throws {
        switch apdu {
        case .getRequest(let request): try expectRequest(request)
        case .getResponse(let response):
            switch response.body {
            case .normal(.success(let data)): try expectValue(data)
            case .normal(.failure(let result)):
                try check(Int(result.rawValue), vector.expect["data_access_result"]?.int ?? -1, "result")
            case .withList(let results): try expectResults(results)
            case .block, .blockRefused: break
            }
        case .setResponse(let response):
            if case .withList(let results) = response.body {
                try check(results.map { Int($0.rawValue) }, vector.expect["results"]?.list?.compactMap(\.int) ?? [])
            } else {
                try check(response.body, .normal(.success))
            }
        case .actionRequest(let request):
            guard let call = request.call else { throw Mismatch(description: "no single call") }
            if let obis = vector.expect["obis"]?.text { try check(call.method.obis.description, obis) }
            if let method = vector.expect["method"]?.int { try check(Int(call.method.method), method) }
            if let wanted = vector.expect["parameter"] { try check(call.parameter.map(tree), wanted) }
        case .actionResponse(let response):
            guard let outcome = response.outcome else { throw Mismatch(description: "no single outcome") }
            if let wanted = vector.expect["result"]?.int { try check(Int(outcome.result.rawValue), wanted) }
            switch outcome.returned {
            case .success(let data)?: if let wanted = vector.expect["return"] { try check(tree(data), wanted) }
            case .failure(let result)?: try check(Int(result.rawValue), vector.expect["return_error"]?.int ?? -1)
            case nil: break
            }
        case .exception(let response):
            try check(Int(response.state), vector.expect["state_error"]?.int ?? -1)
            try check(Int(response.service), vector.expect["service_error"]?.int ?? -1)
            try check(response.expectedCounter.map { Int($0) }, vector.expect["expected_counter"]?.int)
        case .dataNotification(let push): try expectPush(push)
        case .setRequest, .eventNotification: break
        case .accessRequest(let request):
            if let wanted = vector.expect["long_invoke_id"]?.int { try check(Int(request.longInvoke), wanted) }
            let names: [UInt8: String] = [1: "get", 2: "set", 3: "action"]
            if let wanted = vector.expect["services"]?.list?.compactMap(\.text) {
                try check(request.items.compactMap { names[$0.service] }, wanted)
            }
        default: throw Mismatch(description: "no service")
        }
    }

    private func expectRequest(_ request: GetRequest) throws {
        if let wanted = vector.expect["invoke_id_and_priority"]?.int { try check(Int(request.invoke), wanted) }
        switch request.body {
        case .normal(let access):
            if let wanted = vector.expect["obis"]?.text { try check(access.reference.obis.description, wanted) }
            if let wanted = vector.expect["class_id"]?.int { try check(Int(access.reference.classID), wanted) }
            if let wanted = vector.expect["attribute"]?.int { try check(Int(access.reference.attribute), wanted) }
            if vector.id == "pub-range-1" {
                guard case .range(let by, let from, let to, let columns)? = access.selector else {
                    throw Mismatch(description: "no range")
                }
                try check(by, CaptureObject(8, OBIS(0, 0, 1, 0, 0)))
                try check(try from.dateTime?.instantS(), 1_506_812_400)
                try check(try to.dateTime?.instantS(), 1_506_816_000)
                try check(columns, [])
            }
            if case .other = access.selector { throw Mismatch(description: "selector not understood") }
        case .withList(let list):
            guard let items = vector.inputs["items"]?.list else { return }
            let wanted = items.map {
                "\($0["class_id"]?.int ?? 0)/\($0["obis"]?.text ?? "")/\($0["attribute"]?.int ?? 0)"
            }
            try check(list.map { "\($0.reference.classID)/\($0.reference.obis)/\($0.reference.attribute)" }, wanted)
        case .next: break
        }
    }

    private func expectResults(_ results: [AccessResult]) throws {
        guard let wanted = vector.expect["results"]?.list else { return }
        let got: [JSON] = results.map {
            switch $0 {
            case .success(let data): tree(data)
            case .failure(let result): .object(["data_access_result": .int(Int64(result.rawValue))])
            }
        }
        try check(got, wanted)
    }

    private func expectPush(_ push: DataNotification) throws {
        if let wanted = vector.expect["body"] { try check(tree(push.body), wanted, "body") }
        try check(push.dateTime.map { hex($0.bytes) }, vector.expect["date_time"]?.text, "date-time")
        if let wanted = vector.expect["long_invoke_id"]?.int { try check(Int(push.longInvoke), wanted) }
        guard let bits = vector.expect["esw_bits"]?.list?.compactMap(\.int) else { return }
        guard case .bitString(let octets, let count)? = push.body.elements?.last else {
            throw Mismatch(description: "no status word")
        }
        try check((0..<count).filter { octets[$0 / 8] & (0x80 >> UInt8($0 % 8)) != 0 }, bits)
    }

    /// Block answers through our client, which must ask for each next block and put the value together.
    private func blocks() throws {
        var responses = vector.bytes["responses"]?.list?.compactMap(\.bytes) ?? []
        if let frames = vector.bytes["frames"]?.list {
            responses = try frames.dropFirst().map { try unwrapped($0["response_frame"]?.bytes ?? []).apdu }
        }
        var client = try plainClient()
        _ = try client.get(AttributeReference(7, OBIS(1, 0, 99, 1, 0)))
        for (index, response) in responses.enumerated() {
            try same(response)
            let event: ClientEvent
            do {
                event = try client.receive(response)
            } catch {
                return try check(vector.id, "a-blocks-gap", "\(error)")
            }
            switch event {
            case .send(let next):
                try check(hex(next), "C002C1" + String(format: "%08X", index + 1), "next block")
            case .value(let value):
                try check(index, responses.count - 1)
                try check(hex(value.axdr), vector.expect["assembled"]?.text ?? "", "assembled")
                return try expectValue(value)
            case .failed(let result):
                return try check(Int(result.rawValue), vector.expect["data_access_result"]?.int ?? -1)
            default: throw Mismatch(description: "\(event)")
            }
        }
        throw Mismatch(description: "not ended")
    }

    private func plainClient() throws -> DLMSClient {
        var client = DLMSClient(ClientConfiguration(mechanism: .none))
        _ = try client.associate()
        let granted = hex("6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F0400401E5D02000007")
        try check(try client.receive(granted), .associated)
        return client
    }

    private func setBlocks() throws {
        let requests = vector.bytes["requests"]?.list?.compactMap(\.bytes) ?? []
        try ownSetBlocks(requests)
        let answers = vector.bytes["responses"]?.list?.compactMap(\.bytes) ?? []
        try check(requests.count, answers.count)
        var server = DLMSServer(
            ServerConfiguration(systemTitle: [], associations: [1: ServerAssociation(mechanism: .none)]))
        var objects = EmptyObjects()
        var client = DLMSClient(ClientConfiguration(mechanism: .none))
        _ = server.receive(try client.associate(), from: 1, objects: &objects)
        for (request, answer) in zip(requests, answers) {
            try same(request)
            try same(answer)
            try check(hex(server.receive(request, from: 1, objects: &objects) ?? []), hex(answer))
        }
        try check(hex(objects.written?.axdr ?? []), vector.expect["assembled"]?.text ?? "", "written")
    }

    /// Our client cuts the same value into the same blocks.
    private func ownSetBlocks(_ requests: [[UInt8]]) throws {
        guard let value = try vector.expect["assembled"]?.bytes.map({ try DLMSData(axdr: $0) }),
            case .setRequest(let first) = try APDU(bytes: requests.first ?? []),
            case .firstBlock(let access, _) = first.body
        else { throw Mismatch(description: "no first block") }
        var client = DLMSClient(ClientConfiguration(mechanism: .none))
        _ = try client.associate()
        // A PDU in which 64 octets stand beside the head of a first block: 21 octets as the first length is counted.
        let granted = AssociateResponse(
            context: 1, result: .accepted, diagnostic: .none,
            userInformation: APDU.initiateResponse(InitiateResponse(conformance: .spoken, maxPDU: 85)).bytes)
        try check(try client.receive(APDU.associateResponse(granted).bytes), .associated)
        let own = try client.set(access.reference, value)
        try check(hex(own), hex(requests[0]), "our first block")
    }

    // MARK: Values

    func data() throws {
        if vector.bytes("request_frame") != nil { return try services() }
        if let scaler = vector.bytes("scaler_unit") {
            let data = try DLMSData(axdr: scaler)
            guard let fields = data.elements, fields.count == 2, case .integer(let power) = fields[0],
                case .enumeration(let unit) = fields[1]
            else { throw Mismatch(description: "no scaler and unit") }
            try check(data, .scalerUnit(power, unit))
            try check(Int(unit), vector.expect["unit_code"]?.int ?? -1)
            let wanted: Double
            switch vector.expect["value"] {
            case .real(let real)?: wanted = real
            case .int(let int)?: wanted = Double(int)
            default: throw Mismatch(description: "no value")
            }
            let raw = Double(vector.inputs["raw"]?.int ?? 0)
            return try check(abs(raw * pow(10, Double(power)) - wanted) < 1e-9, true, "scaled")
        }
        let bytes = try vector.need("data")
        if vector.isNegative { return try refused("data") { _ = try DLMSData(axdr: bytes) } }
        let data = try DLMSData(axdr: bytes)
        if bytes.first != 0x13 { try check(hex(data.axdr), hex(bytes), "encoded again") }
        if let rows = vector.expect["rows"]?.list {
            return try check(data.elements?.map { .list(($0.elements ?? []).map(tree)) } ?? [], rows)
        }
        if let values = vector.expect["values"]?.list?.compactMap(\.int) {
            return try check(data.elements?.compactMap { $0.integer.map { Int($0) } } ?? [], values)
        }
        if let events = vector.expect["event_ids"]?.list?.compactMap(\.int) {
            return try check(data.elements?.compactMap { $0.elements?.last?.integer.map { Int($0) } } ?? [], events)
        }
        if vector.expect["type"] != nil {
            var wanted = vector.expect
            if case .object(let members) = wanted {
                wanted = .object(["type": members["type"] ?? .null, "value": members["value"] ?? .null])
            }
            return try check(tree(data), wanted)
        }
        try expectValue(data)
    }

    func dateTime() throws {
        let string = try DLMSData(axdr: try vector.need("octet_string"))
        let typed = try DLMSData(axdr: try vector.need("date_time"))
        try check(hex(string.axdr), hex(try vector.need("octet_string")))
        try check(hex(typed.axdr), hex(try vector.need("date_time")))
        guard let value = string.dateTime, value == typed.dateTime else {
            throw Mismatch(description: "no date-time")
        }
        if vector.isNegative { return try refused("\(value)") { _ = try value.wallClock() } }
        try check(
            try value.wallClock().map { text($0, value) }, vector.expect["local"]?.text.map { String($0.prefix(19)) })
        let utc = try value.instantS().map { instant in
            let civil = Zone.utc.civil(atS: instant)
            return text(civil, value)
        }
        try check(utc, vector.expect["utc"]?.text.map { String($0.prefix(19)) }, "UTC")
        let fields: [(String, Bool)] = [
            ("year", value.year == 0xFFFF), ("month", value.month == 0xFF), ("day", value.day == 0xFF),
            ("weekday", value.weekday == 0xFF), ("hour", value.hour == 0xFF), ("minute", value.minute == 0xFF),
            ("second", value.second == 0xFF), ("hundredths", value.hundredths == 0xFF),
            ("deviation", value.deviationMinutes == nil), ("status", value.status == 0xFF),
        ]
        try check(
            fields.filter(\.1).map(\.0), vector.expect["unspecified"]?.list?.compactMap(\.text) ?? [], "unspecified")
        let flags = vector.expect["status"]?.list?.compactMap(\.text) ?? []
        try check(value.isDaylightSaving, flags.contains("daylight-saving"))
        try check(value.isInvalid, flags.contains("invalid") || flags.contains("invalid-clock-status"))
        if let instant = try value.instantS(), let deviation = value.deviationMinutes, value.hour != 24 {
            let again = COSEMDateTime(instantS: instant, offsetS: Int64(deviation) * -60, status: value.status)
            try check(Array(again.bytes.prefix(4)), Array(value.bytes.prefix(4)), "written again")
            try check(Array(again.bytes[5..<7]), Array(value.bytes[5..<7]), "written again")
            if value.weekday != 0xFF { try check(again.weekday, value.weekday, "weekday") }
        }
    }

    private func text(_ clock: (day: CivilDay, secondOfDay: Int), _ value: COSEMDateTime) -> String {
        let s = clock.secondOfDay
        return "\(clock.day)T" + String(format: "%02d:%02d:%02d", s / 3600, s / 60 % 60, s % 60)
    }
}

extension CipheredAPDU {
    var apdu: [UInt8] { APDU.ciphered(self).bytes }
}

/// A meter without objects; it remembers what was written last.
struct EmptyObjects: COSEMObjects {
    var written: DLMSData?
    mutating func read(_ access: AttributeAccess, client: UInt16) -> AccessResult { .failure(.objectUndefined) }
    mutating func write(_ access: AttributeAccess, _ value: DLMSData, client: UInt16) -> DataAccessResult {
        written = value
        return .success
    }
    mutating func act(
        _ method: MethodReference, _ parameter: DLMSData?, client: UInt16
    ) -> Result<DLMSData?, DataAccessResult> { .failure(.objectUndefined) }
}
