// Documents in. Read twice: first whole, so that a document that breaks off or breaks a rule changes nothing; then
// meter by meter into the stores. The same document, or the same content in another one, changes nothing.
import Access
import Clocks
import Cryptography
import Foundation
import HeadEnd
import IEC61968
import SQL

/// A document that can be read from its start as often as wanted.
public struct DocumentSource: Sendable {
    /// As messages and tables show it.
    public var name: String
    /// Opens it: what it returns gives the next piece, nil at the end.
    public var open: @Sendable () throws -> (() throws -> [UInt8]?)

    public init(name: String, open: @escaping @Sendable () throws -> (() throws -> [UInt8]?)) {
        self.name = name
        self.open = open
    }

    /// Bytes in memory.
    public init(name: String, bytes: [UInt8]) {
        self.init(name: name) {
            var at = 0
            return {
                guard at < bytes.count else { return nil }
                let end = min(bytes.count, at + 65_536)
                defer { at = end }
                return Array(bytes[at..<end])
            }
        }
    }
}

/// What a document brought.
public struct TakeCounts: Sendable, Equatable, Codable {
    public var meters = 0
    /// Values of intervals.
    public var readings = 0
    public var newReadings = 0
    public var knownReadings = 0
    /// Values of registers; they travel with the intervals of their day.
    public var registers = 0
    public var events = 0
    public var newEvents = 0
    public var orders = 0
    /// Elements or fields nobody here knows; left aside.
    public var skipped = 0
    public init() {}
}

/// How a document was taken.
public struct TakeReport: Sendable {
    public var documentID: Int64
    public var header: MessageHeader?
    /// The same document was taken before, whole.
    public var isKnown = false
    public var counts = TakeCounts()
    /// The first ``Exchange/refusalsKept`` of them.
    public var refusals: [ExchangeRefusal] = []
    public var refusedCount = 0
    /// Requests and orders in it, how each stands by now.
    public var orders: [OrderAnswer] = []

    mutating func refuse(_ refusal: ExchangeRefusal) {
        refusedCount += 1
        if refusals.count < Exchange.refusalsKept { refusals.append(refusal) }
    }
}

/// What kinds of things a door takes.
public enum TakeKind: Sendable { case readingsAndEvents, orders, everything }

extension Exchange {
    /// So many of the things set aside are kept word by word; all are counted.
    public static let refusalsKept = 1_000

    /// - Throws: ``DocumentError`` for a document that is none, ``Refusal`` for one that does not belong here or may
    ///   not be brought. Nothing was changed then.
    public func take(
        _ source: DocumentSource, _ format: MessageFormat, kind: TakeKind, limits: DocumentLimits = DocumentLimits()
    ) async throws -> TakeReport {
        let look = try look(source, format, limits)
        try look.refuse(unless: kind, actor)
        let documentID = try await site.perform(
            BeginExchange(
                document: source.name, sha256: look.sha256, messageID: look.header?.messageID,
                correlationID: look.header?.correlationID), as: actor, source: via)
        var report = TakeReport(documentID: documentID, header: look.header)
        if let known = try await knownWhole(look.sha256), look.orderCount == 0 {
            report.isKnown = true
            report.counts = known
            report.counts.knownReadings = known.readings
            (report.counts.newReadings, report.counts.newEvents) = (0, 0)
            return report
        }
        try await takeAgain(source, format, limits, &report)
        let text = String(decoding: try JSONEncoder().encode(report.counts), as: UTF8.self)
        let nowMs = site.clocks.businessNowMs()
        try await site.money.write { [scope, report] transaction in
            try ExchangedDocument.finish(
                documentID, counts: text, refusals: report.refusals, refusedCount: report.refusedCount, nowMs: nowMs,
                scope, in: transaction)
        }
        return report
    }

    /// The counts of a document that was taken whole, with nothing set aside: nothing of it could be new.
    private func knownWhole(_ sha256: [UInt8]) async throws -> TakeCounts? {
        let known = try await site.money.read { [scope] in
            try ExchangedDocument.find(sha256: sha256, scope, in: $0)
        }
        guard let known, known.finishedAtMs != nil, known.refusedCount == 0 else { return nil }
        return try? JSONDecoder().decode(TakeCounts.self, from: Data(known.counts.utf8))
    }

    /// What the first reading of a document tells.
    private struct Look {
        var sha256: [UInt8] = []
        var header: MessageHeader?
        var dataCount = 0
        var orderCount = 0

        func refuse(unless kind: TakeKind, _ actor: Actor) throws {
            if kind == .readingsAndEvents, orderCount > 0 {
                throw Refusal(
                    .invalid, "The document holds orders or requests, which are not taken here.",
                    hint: "Send it to the address for orders.")
            }
            if kind == .orders, dataCount > 0 {
                throw Refusal(
                    .invalid, "The document holds readings or events, which are not taken here.",
                    hint: "Send it to the address for messages.")
            }
            if dataCount > 0 { try actor.require(.importReadings) }
            if orderCount > 0 { try actor.require(.commandMeters) }
            guard orderCount <= Exchange.ordersMax else {
                throw Refusal(
                    .tooLarge, "A document holds orders to \(Exchange.ordersMax) devices at most.", hint: "Split it.")
            }
        }
    }

    private func look(_ source: DocumentSource, _ format: MessageFormat, _ limits: DocumentLimits) throws -> Look {
        var reader = MessageReader(format, limits: limits)
        var look = Look()
        let next = try source.open()
        look.sha256 = try Hash.sha256(pieces: {
            guard let bytes = try next() else { return nil }
            for item in try reader.feed(bytes) { Self.note(item, in: &look) }
            return bytes
        })
        try reader.finish()
        return look
    }

    private static func note(_ item: MessageItem, in look: inout Look) {
        switch item {
        case .header(let header): look.header = header
        case .reading, .event: look.dataCount += 1
        case .control(let control): look.orderCount += max(1, control.devices.count)
        case .request(let request): look.orderCount += max(1, request.devices.count)
        case .reply, .unreadable: break
        }
    }

    private func takeAgain(
        _ source: DocumentSource, _ format: MessageFormat, _ limits: DocumentLimits, _ report: inout TakeReport
    ) async throws {
        var reader = MessageReader(format, limits: limits)
        var taker = DataTaker(exchange: self)
        var orders = OrderTaker(exchange: self, header: report.header)
        let next = try source.open()
        while let bytes = try next() {
            for item in try reader.feed(bytes) {
                switch item {
                case .header, .reply: break
                case .reading(let reading): try await taker.take(reading, &report)
                case .event(let event): try await taker.take(event, &report)
                case .control(let control): try await orders.take(control, &report)
                case .request(let request): try await orders.take(request, &report)
                case .unreadable(let line, let what): report.refuse(ExchangeRefusal(line: line, what: what))
                }
            }
        }
        try reader.finish()
        try await taker.finish(&report)
        report.counts.skipped = reader.skippedCount
    }
}
