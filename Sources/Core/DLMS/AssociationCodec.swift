// Coding of the association APDUs: ACSE in BER, initiate in A-XDR (IEC 62056-5-3, 7.3 and 9.4).

/// Object identifiers 2.16.756.5.8.1.n (context) and 2.16.756.5.8.2.n (mechanism).
private enum Name {
    static let prefix: [UInt8] = [0x60, 0x85, 0x74, 0x05, 0x08]
    static func context(_ number: UInt8) -> [UInt8] { prefix + [1, number] }
    static func mechanism(_ number: UInt8) -> [UInt8] { prefix + [2, number] }
}

extension ByteReader {
    /// The last arc of a name with that prefix; `arc` is 1 for contexts, 2 for mechanisms.
    private mutating func name(_ arc: UInt8) throws(DLMSError) -> UInt8 {
        let octets = try take(remaining)
        guard octets.count == 7, Array(octets.prefix(6)) == Name.prefix + [arc] else {
            throw .malformed("object identifier", offset: offset)
        }
        return octets[6]
    }

    private mutating func wrapped(_ tag: UInt8, _ what: String) throws(DLMSError) -> [UInt8] {
        try expect(tag, what)
        return try string()
    }

    private mutating func mechanism() throws(DLMSError) -> AuthenticationMechanism {
        let number = try name(2)
        guard let mechanism = AuthenticationMechanism(rawValue: number) else {
            throw .unsupported("authentication mechanism \(number)")
        }
        return mechanism
    }

    private mutating func contextName() throws(DLMSError) -> UInt8 {
        var inner = ByteReader(try wrapped(0x06, "context name"))
        return try inner.name(1)
    }

    /// One-octet integer inside its tag.
    private mutating func small(_ what: String) throws(DLMSError) -> UInt8 {
        let octets = try wrapped(0x02, what)
        guard octets.count == 1 else { throw .malformed(what, offset: offset) }
        return octets[0]
    }

    mutating func associateRequest() throws(DLMSError) -> AssociateRequest {
        var body = ByteReader(try string())
        var request = AssociateRequest(context: 0, userInformation: [])
        while body.remaining > 0 {
            let tag = try body.u8()
            var field = ByteReader(try body.string())
            switch tag {
            case 0xA1: request.context = try field.contextName()
            case 0xA6: request.systemTitle = try field.wrapped(0x04, "system title")
            case 0x8B: request.mechanism = try field.mechanism()
            case 0xAC: request.authenticationValue = try field.wrapped(0x80, "authentication value")
            case 0xBE: request.userInformation = try field.wrapped(0x04, "user information")
            // Protocol version, titles and qualifiers that say nothing to us.
            default: break
            }
        }
        guard request.context != 0 else { throw .malformed("no application context", offset: offset) }
        return request
    }

    mutating func associateResponse() throws(DLMSError) -> AssociateResponse {
        var body = ByteReader(try string())
        var response = AssociateResponse(context: 0, result: .rejectedPermanent, diagnostic: .none)
        var hasResult = false
        while body.remaining > 0 {
            let tag = try body.u8()
            var field = ByteReader(try body.string())
            switch tag {
            case 0xA1: response.context = try field.contextName()
            case 0xA2:
                response.result = AssociationResult(rawValue: try field.small("association result"))
                hasResult = true
            case 0xA3:
                let source = try field.u8()
                guard source == 0xA1 || source == 0xA2 else { throw .malformed("diagnostic source", offset: offset) }
                var inner = ByteReader(try field.string())
                response.diagnostic = AssociationDiagnostic(
                    try inner.small("diagnostic"), fromProvider: source == 0xA2)
            case 0xA4: response.systemTitle = try field.wrapped(0x04, "system title")
            case 0x89: response.mechanism = try field.mechanism()
            case 0xAA: response.authenticationValue = try field.wrapped(0x80, "authentication value")
            case 0xBE: response.userInformation = try field.wrapped(0x04, "user information")
            default: break
            }
        }
        guard hasResult else { throw .malformed("no association result", offset: offset) }
        return response
    }

    /// Outer lengths are not trusted here: some meters count them wrong when user information is present.
    mutating func release() throws(DLMSError) -> Release {
        _ = try length()
        var release = Release(reason: nil)
        while remaining > 0 {
            switch try u8() {
            case 0x80:
                let reason = try string()
                guard reason.count == 1 else { throw .malformed("release reason", offset: offset) }
                release.reason = reason[0]
            case 0xBE:
                _ = try length()
                release.userInformation = try wrapped(0x04, "user information")
            case let tag: throw .malformed("release field \(tag)", offset: offset - 1)
            }
        }
        return release
    }

    private mutating func optional<T>(
        _ read: (inout ByteReader) throws(DLMSError) -> T
    ) throws(DLMSError) -> T? {
        try u8() == 0 ? nil : try read(&self)
    }

    private mutating func conformance() throws(DLMSError) -> Conformance {
        try expect(0x5F, "conformance tag")
        // Old stacks leave out the second octet of the tag.
        if peek == 0x1F { _ = try u8() }
        try expect(0x04, "conformance length")
        try expect(0x00, "unused bits")
        let octets = try take(3)
        return Conformance(rawValue: UInt32(octets[0]) << 16 | UInt32(octets[1]) << 8 | UInt32(octets[2]))
    }

    mutating func initiateRequest() throws(DLMSError) -> InitiateRequest {
        let key = try optional { (reader: inout ByteReader) throws(DLMSError) in try reader.string() }
        let response = try optional { (reader: inout ByteReader) throws(DLMSError) in try reader.u8() != 0 }
        let quality = try optional { (reader: inout ByteReader) throws(DLMSError) in try reader.u8() }
        let version = try u8()
        let conformance = try conformance()
        return InitiateRequest(
            dedicatedKey: key, responseAllowed: response ?? true, qualityOfService: quality, version: version,
            conformance: conformance, maxPDU: try u16())
    }

    mutating func initiateResponse() throws(DLMSError) -> InitiateResponse {
        let quality = try optional { (reader: inout ByteReader) throws(DLMSError) in try reader.u8() }
        let version = try u8()
        let conformance = try conformance()
        let maxPDU = try u16()
        return InitiateResponse(
            qualityOfService: quality, version: version, conformance: conformance, maxPDU: maxPDU, vaaName: try u16())
    }
}

extension ByteWriter {
    private static func nested(_ tag: UInt8, _ octets: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.field(tag, octets)
        return writer.bytes
    }

    mutating func associateRequest(_ value: AssociateRequest) {
        var body = ByteWriter()
        body.field(0xA1, Self.nested(0x06, Name.context(value.context)))
        if let title = value.systemTitle { body.field(0xA6, Self.nested(0x04, title)) }
        if value.mechanism != .none {
            body.put([0x8A, 0x02, 0x07, 0x80])
            body.field(0x8B, Name.mechanism(value.mechanism.rawValue))
        }
        if let secret = value.authenticationValue { body.field(0xAC, Self.nested(0x80, secret)) }
        body.field(0xBE, Self.nested(0x04, value.userInformation))
        field(0x60, body.bytes)
    }

    mutating func associateResponse(_ value: AssociateResponse) {
        var body = ByteWriter()
        body.field(0xA1, Self.nested(0x06, Name.context(value.context)))
        body.field(0xA2, [0x02, 0x01, value.result.rawValue])
        let source: UInt8 = value.diagnostic.fromProvider ? 0xA2 : 0xA1
        body.field(0xA3, Self.nested(source, [0x02, 0x01, value.diagnostic.value]))
        if let title = value.systemTitle { body.field(0xA4, Self.nested(0x04, title)) }
        if let mechanism = value.mechanism {
            body.put([0x88, 0x02, 0x07, 0x80])
            body.field(0x89, Name.mechanism(mechanism.rawValue))
        }
        if let challenge = value.authenticationValue { body.field(0xAA, Self.nested(0x80, challenge)) }
        if let information = value.userInformation { body.field(0xBE, Self.nested(0x04, information)) }
        field(0x61, body.bytes)
    }

    mutating func release(_ tag: UInt8, _ value: Release) {
        var body = ByteWriter()
        if let reason = value.reason { body.put([0x80, 0x01, reason]) }
        if let information = value.userInformation { body.field(0xBE, Self.nested(0x04, information)) }
        field(tag, body.bytes)
    }

    private mutating func conformance(_ value: Conformance) {
        put([0x5F, 0x1F, 0x04, 0x00])
        for shift in [16, 8, 0] { u8(UInt8(truncatingIfNeeded: value.rawValue >> UInt32(shift))) }
    }

    private mutating func optional(_ value: UInt8?) {
        if let value { put([1, value]) } else { u8(0) }
    }

    mutating func initiateRequest(_ value: InitiateRequest) {
        u8(0x01)
        if let key = value.dedicatedKey { field(1, key) } else { u8(0) }
        optional(value.responseAllowed ? nil : 0)
        optional(value.qualityOfService)
        u8(value.version)
        conformance(value.conformance)
        u16(value.maxPDU)
    }

    mutating func initiateResponse(_ value: InitiateResponse) {
        u8(0x08)
        optional(value.qualityOfService)
        u8(value.version)
        conformance(value.conformance)
        u16(value.maxPDU)
        u16(value.vaaName)
    }
}
