// The ResponseMessage that answers a document: how it went, in the codes of IEC 61968-100, with its correlation id.
import Access
import CivilTime
import Clocks
import HeadEnd
import IEC61968

extension Exchange {
    /// Faults one answer holds at most; the rest is counted.
    static let faultsMax = 200

    /// The answer to a document that was taken.
    public func reply(to report: TakeReport, _ format: MessageFormat) -> [UInt8] {
        var faults = Self.faults(of: report.orders)
        for refusal in report.refusals.prefix(Self.faultsMax) {
            faults.append(
                MessageReply.Fault(
                    code: (refusal.isUnknownMeter ? ReplyCode.invalidMeter : .other).rawValue,
                    level: .warning, reason: refusal.what, details: "line \(refusal.line)", subject: refusal.subject))
        }
        if report.refusedCount > Self.faultsMax {
            faults.append(
                MessageReply.Fault(
                    code: ReplyCode.other.rawValue, level: .warning,
                    reason: "\(report.refusedCount) things were set aside; the first \(Self.faultsMax) stand here"))
        }
        let counts = report.counts
        let taken = counts.readings + counts.registers + counts.events + counts.orders
        let told =
            "\(counts.readings) interval values, \(counts.newReadings) of them new; \(counts.registers) registers; "
            + "\(counts.events) events, "
            + "\(counts.newEvents) of them new; \(counts.orders) orders; \(counts.skipped) unknown parts skipped"
        faults.insert(
            MessageReply.Fault(
                code: ReplyCode.ok.rawValue, level: .inform,
                reason: report.isKnown ? "taken before, nothing changed: \(told)" : told,
                subject: String(report.documentID)), at: 0)
        let isAllRefused = report.refusedCount > 0 && taken == 0
        let result: MessageReply.Result =
            report.refusedCount > 0
            ? isAllRefused ? .failed : .partial : Self.result(of: report.orders)
        return message(
            MessageReply(result, faults), noun: report.header?.noun ?? .meterReadings,
            correlationID: report.header?.correlationID ?? report.header?.messageID, format)
    }

    /// How the orders of a correlation stand now.
    /// - Throws: a refusal `notFound` when nobody asked under this id.
    public func reply(to correlationID: String, _ format: MessageFormat) async throws -> [UInt8] {
        let answers = try await answers(to: correlationID)
        guard !answers.isEmpty else {
            throw Refusal(
                .notFound, "No order came under this correlation id.",
                hint: "It is that of the request's header, or its MessageID.", at: "correlationID")
        }
        return message(
            MessageReply(Self.result(of: answers), Self.faults(of: answers)), noun: .endDeviceControls,
            correlationID: correlationID, format)
    }

    private static func result(of answers: [OrderAnswer]) -> MessageReply.Result {
        if answers.allSatisfy({ $0.standing == .done }) { return .ok }
        return answers.allSatisfy { $0.standing == .failed } ? .failed : .partial
    }

    /// One for each order, also for one that is done: the sender sees each device.
    private static func faults(of answers: [OrderAnswer]) -> [MessageReply.Fault] {
        answers.map { answer in
            MessageReply.Fault(
                code: answer.code.rawValue, level: answer.standing == .failed ? .fatal : .inform,
                reason: answer.standing.rawValue, details: "\(answer.kind): \(answer.what)", subject: answer.subject)
        }
    }

    private func message(
        _ reply: MessageReply, noun: Noun, correlationID: String?, _ format: MessageFormat
    ) -> [UInt8] {
        let nowMs = site.clocks.businessNowMs()
        var writer = MessageWriter(
            format,
            MessageHeader(
                .response, .reply, noun, timestampMs: nowMs, source: Self.source, messageID: String(site.ids.next()),
                correlationID: correlationID), offsetS: org.zone.offsetS(atS: nowMs / 1_000))
        writer.reply(reply)
        writer.finish()
        return writer.take()
    }
}
