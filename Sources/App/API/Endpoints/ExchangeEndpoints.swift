// Messages of IEC 61968-9 over HTTP: exports in parts, documents and orders of other systems, and their answers.
import Access
import CivilTime
import Compression
import Exchange
import IEC61968
import SQL

struct ExportQuery: APIModel {
    enum Format: String, Codable, CaseIterable { case xml, json }
    var from: Day
    var to: Day
    var meterID: ID?
    var placeID: ID?
    var format: Format?
    var after: String?
    var limit: Int?
    static let notes: [String: Note] = [
        "from": Note("The first day."), "to": Note("The last day; at most 31 days in all."),
        "meterID": Note("Only this meter."), "placeID": Note("Only meters of this place and what lies under it."),
        "format": Note("xml when not given."),
        "after": Note(
            "A serial number: only meters behind it; the header Link has it for the next part.", length: 0...64),
        "limit": Note("Meters in this part at most; 50 when not given, fewer when the days are many.", range: 1...200),
    ]
    static let example = ExportQuery(
        from: Day(CivilDay(number: 20_776)), to: Day(CivilDay(number: 20_776)), meterID: nil, placeID: nil,
        format: .xml, after: nil, limit: 50)
}

struct CorrelationQuery: APIModel {
    var correlationID: String
    var format: ExportQuery.Format?
    static let notes: [String: Note] = [
        "correlationID": Note("That of the request's header, or its MessageID.", length: 1...300),
        "format": Note("xml when not given."),
    ]
}

extension EndpointContext {
    /// The document in the body, unpacked, and its form.
    /// - Throws: ``Problem`` for another media type or encoding, too many bytes, or damaged gzip.
    func document(limitBytes: Int) async throws -> (bytes: [UInt8], format: MessageFormat) {
        let format: MessageFormat
        switch InputReader.mediaType(call.headers["Content-Type"]) {
        case "application/xml", "text/xml": format = .xml
        case "application/json": format = .json
        default:
            throw Problem(
                .unsupportedMediaType, "The body must be XML or JSON.",
                hint: "Send it as application/xml or application/json, in UTF-8.", at: "Content-Type")
        }
        let bytes = try await call.readBody(limitBytes)
        switch call.headers["Content-Encoding"]?.lowercased() ?? "identity" {
        case "identity": return (bytes, format)
        case "gzip":
            do {
                return (try Gzip.decompress(bytes, limit: limitBytes), format)
            } catch {
                throw Problem(error.code == .tooLarge ? .tooLarge : .invalid, error.description, at: "body")
            }
        default:
            throw Problem(
                .unsupportedMediaType, "Only gzip is unpacked.", hint: "Send it as it is, or with gzip.",
                at: "Content-Encoding")
        }
    }

    func exchange() async throws -> Exchange {
        let actor = try actor
        let org = try await services.site.money.read { try Org.find(actor.scope.orgID, in: $0) }
        return Exchange(
            site: services.site, org: org, actor: actor, via: actor.source(address: call.remoteAddress))
    }

    fileprivate func take(_ kind: TakeKind) async throws -> Answer {
        let (bytes, format) = try await document(limitBytes: Endpoints.documentBytesMax)
        let exchange = try await exchange()
        do {
            let report = try await exchange.take(DocumentSource(name: "http", bytes: bytes), format, kind: kind)
            return Endpoints.answer(exchange.reply(to: report, format), format)
        } catch let error as DocumentError {
            throw Problem(
                error.code == .limit ? .tooLarge : .invalid, error.what, hint: error.hint,
                at: "body:line \(error.line)")
        }
    }

    fileprivate func export(_ kind: ExportKind, _ query: ExportQuery) async throws -> Answer {
        let range = try ExportRange(
            from: query.from.value, to: query.to.value, meterID: query.meterID?.value, placeID: query.placeID?.value,
            daysMax: 31)
        let format: MessageFormat = query.format == .json ? .json : .xml
        let part = try await exchange().part(
            kind, range, format, after: query.after ?? "", limit: query.limit ?? 50)
        var answer = Endpoints.answer(part.bytes, format)
        if let next = part.next { answer.headers["Link"] = "<\(Self.link(call, after: next))>; rel=\"next\"" }
        return answer
    }

    /// The same request, going on after a serial number (RFC 8288).
    private static func link(_ call: Call, after: String) -> String {
        let others = call.query.split(separator: "&").filter { !$0.hasPrefix("after=") }
        let text = after.utf8.map { byte in
            let isPlain = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A || byte >= 0x30 && byte <= 0x39
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(Unicode.Scalar(byte)) : "%" + (digits.utf8.count == 1 ? "0" : "") + digits
        }
        return "\(call.path)?\((others.map(String.init) + ["after=" + text.joined()]).joined(separator: "&"))"
    }
}

extension Endpoints {
    /// Bytes of one document over HTTP, packed and unpacked; `busbar hes import` takes any size.
    static let documentBytesMax = 8 << 20

    static func answer(_ bytes: [UInt8], _ format: MessageFormat) -> Answer {
        var answer = Answer(status: 200, body: bytes)
        answer.headers["Content-Type"] = format.mediaType
        return answer
    }

    private static func export(
        _ kind: ExportKind, _ summary: String, _ description: String, _ examples: [String: String]
    ) -> AnyEndpoint {
        AnyEndpoint(
            DocumentEndpoint<ExportQuery>(
                "exchange.\(kind.rawValue)", "GET", "/api/v1/exchange/\(kind.rawValue)",
                access: .permission([.readMeters]),
                EndpointText(
                    summary,
                    description + " In parts of some meters in order of their serial numbers, each a whole document;"
                        + " while there is more, the header Link (rel=next) has the address of the next."),
                example: .example, documents: Documents(gives: examples), problems: [.notFound],
                run: { query, context in try await context.export(kind, query) }))
    }

    static let exchange: [AnyEndpoint] = [
        export(
            .readings, "Readings as IEC 61968-9",
            "MeterReadings: block load by interval and registers at midnight, with quality and source. What the meter"
                + " gave comes first; gaps hold what was estimated or edited, marked so.", ExchangeExamples.readings),
        export(
            .events, "Meter events as IEC 61968-9", "EndDeviceEvents, with the id of IS 15959.", ExchangeExamples.events
        ),
        export(
            .controls, "Orders to relays as IEC 61968-9",
            "EndDeviceControls that were given; issuerTrackingID says how each stands.", ExchangeExamples.controls),
        AnyEndpoint(
            DocumentEndpoint<Nothing>(
                "exchange.take", "POST", "/api/v1/exchange/messages", access: .permission([.importReadings]),
                EndpointText(
                    "Bring readings and events",
                    "MeterReadings or EndDeviceEvents of another head-end, at most 8 MiB, also with Content-Encoding"
                        + " gzip. The same content again changes nothing; what cannot be taken is set aside and named"
                        + " with its line in the reply. A document that cannot be read changes nothing."),
                documents: Documents(takes: ExchangeExamples.readings, gives: ExchangeExamples.replies),
                bodyLimitBytes: documentBytesMax, problems: [.invalid],
                run: { _, context in try await context.take(.readingsAndEvents) })),
        AnyEndpoint(
            DocumentEndpoint<Nothing>(
                "exchange.order", "POST", "/api/v1/exchange/orders", access: .permission([.commandMeters]),
                EndpointText(
                    "Order meters",
                    "EndDeviceControls (connect, disconnect) or GetMeterReadings (read now). The same request again"
                        + " changes nothing and answers how the orders stand."),
                documents: Documents(takes: ExchangeExamples.orders, gives: ExchangeExamples.replies),
                bodyLimitBytes: documentBytesMax, problems: [.invalid],
                run: { _, context in try await context.take(.orders) })),
        AnyEndpoint(
            DocumentEndpoint<CorrelationQuery>(
                "exchange.replies", "GET", "/api/v1/exchange/replies", access: .permission([.commandMeters]),
                EndpointText("How orders stand", "A ResponseMessage about all orders of a correlation id."),
                example: CorrelationQuery(correlationID: "mdm-4711", format: .xml),
                documents: Documents(gives: ExchangeExamples.replies), problems: [.notFound],
                run: { query, context in
                    let format: MessageFormat = query.format == .json ? .json : .xml
                    return answer(try await context.exchange().reply(to: query.correlationID, format), format)
                })),
    ]
}

/// One small message of each kind, in both forms, written by the writer itself.
enum ExchangeExamples {
    private static let atMs: Int64 = 1_795_113_000_000
    private static let meter = NamedThing(name: "BB100001")

    private static func both(
        _ header: MessageHeader, _ fill: (inout MessageWriter) -> Void
    ) -> [String: String] {
        MessageFormat.allCases.reduce(into: [:]) { all, format in
            var writer = MessageWriter(format, header, offsetS: 19_800)
            fill(&writer)
            writer.finish()
            all[format.mediaType] = String(decoding: writer.take(), as: UTF8.self)
        }
    }

    static let readings = both(
        MessageHeader(
            .event, .created, .meterReadings, timestampMs: atMs, source: "another HES", messageID: "4711")
    ) { writer in
        let type = ReadingTypeCode.intervalImport(periodS: 1_800) ?? .dailyImportRegister
        writer.write(
            MeterReading(
                meter: meter,
                intervals: [
                    ReadingSeries(
                        type,
                        [
                            Reading(atMs: atMs, value: ExactNumber(312, exponent: -3), qualities: [.actual]),
                            Reading(
                                atMs: atMs + 1_800_000, value: ExactNumber(290, exponent: -3), qualities: [.actual]),
                        ])
                ]))
    }

    static let events = both(
        MessageHeader(.event, .created, .endDeviceEvents, timestampMs: atMs, source: "busbar", messageID: "4712")
    ) { writer in
        writer.write(
            EndDeviceEvent(
                mRID: "BB100001-1795113000-101", code: EndDeviceEventCodes.code(of: 101), createdMs: atMs,
                device: meter, details: [.init(EndDeviceEventCodes.detailName, "101")]))
    }

    private static func control(_ writer: inout MessageWriter) {
        writer.write(
            EndDeviceControl(
                mRID: "7", code: EndDeviceAction.disconnect.code, reason: "not paid since August", devices: [meter]))
    }

    static let controls = both(
        MessageHeader(.event, .created, .endDeviceControls, timestampMs: atMs, source: "busbar", messageID: "4713"),
        control)

    static let orders = both(
        MessageHeader(
            .request, .create, .endDeviceControls, timestampMs: atMs, source: "another MDM", messageID: "4714",
            correlationID: "mdm-4711"), control)

    static let replies = both(
        MessageHeader(
            .response, .reply, .endDeviceControls, timestampMs: atMs, source: "busbar", messageID: "4715",
            correlationID: "mdm-4711")
    ) { writer in
        writer.reply(
            MessageReply(
                .partial,
                [
                    .init(
                        code: ReplyCode.pending.rawValue, level: .inform, reason: "waiting",
                        details: "disconnect: on its way to the meter", subject: "BB100001")
                ]))
    }
}
