// Orders from another system, and what it is told about them. An order goes through the same command as one from a
// page: permission, reach, audit and idempotency are those of the house.
import Access
import CivilTime
import Clocks
import Cryptography
import HeadEnd
import IEC61968
import Meters
import SQL
import Supply

/// How one order stands.
public struct OrderAnswer: Sendable, Equatable {
    public enum Standing: String, Sendable, Codable { case done, waiting, failed }
    public var subject: String
    public var kind: String
    public var standing: Standing
    public var code: ReplyCode
    public var what: String
}

/// Carries out one order of a document. Its key is what makes it one: sender, correlation, order and device.
struct TakeOrder: Command {
    static let name = "exchange.order"
    static let permissions: [Permission] = [.commandMeters]

    var orderKey: String
    var correlationID: String
    /// As the sender names the device.
    var subject: String
    /// Nil: there is none, which is noted too.
    var meterID: Int64?
    /// `disconnect`, `reconnect`, `read`, or the code of what is not done here.
    var kind: String
    var reason: String
    var zone: Zone
    /// Why it is not even tried.
    var fault: (code: ReplyCode, what: String)?

    var key: String? { "exchange:\(orderKey)" }
    var content: String { "order=\(orderKey) kind=\(kind) meter=\(meterID ?? 0)" }
    var subjectID: Int64 { meterID ?? 0 }

    func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        if let meterID { _ = try Meter.find(meterID, scope, in: transaction) }
    }

    /// The order's id.
    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        var order = ExchangeOrder(
            orderID: context.ids.next(), correlationID: correlationID, subject: subject, meterID: meterID, kind: kind,
            askedAtMs: context.businessNowMs, faultCode: fault?.code.rawValue, fault: fault?.what)
        if fault == nil, let meterID {
            do {
                order.commandKey = try carryOut(meterID, in: transaction, context)
            } catch let refusal as Refusal {
                order.faultCode = ReplyCode.refused.rawValue
                order.fault = refusal.description
            }
        }
        try order.store(key: orderKey, context.actor.scope, in: transaction)
        return order.orderID
    }

    /// The key of the order to the meter, when the command makes one with a key of its own.
    private func carryOut(
        _ meterID: Int64, in transaction: any SQLTransaction, _ context: CommandContext
    ) throws -> String? {
        if kind == "read" {
            let read = OrderRead(meterID: meterID, reference: orderKey)
            _ = try read.run(in: transaction, context)
            return read.key
        }
        let today = zone.day(atS: context.businessNowMs / 1_000)
        let installation = try Installation.of(
            meterID: meterID, on: today, context.actor.scope, in: transaction)
        guard let installation else { throw Refusal(.conflict, "The meter serves nobody.") }
        _ = try OrderSupply(
            accountID: installation.accountID, cut: kind == "disconnect", reason: reason, zone: zone
        ).run(in: transaction, context)
        return nil
    }
}

/// Turns controls and requests of a document into orders.
struct OrderTaker {
    private let exchange: Exchange
    private let header: MessageHeader?
    private var number = 0

    init(exchange: Exchange, header: MessageHeader?) {
        self.exchange = exchange
        self.header = header
    }

    mutating func take(_ control: EndDeviceControl, _ report: inout TakeReport) async throws {
        number += 1
        let action = EndDeviceAction(control.code)
        var kind = control.code.description
        var fault: (code: ReplyCode, what: String)?
        switch action {
        case .connect: kind = "reconnect"
        case .disconnect: kind = "disconnect"
        default:
            let named = action?.rawValue ?? control.code.name
            fault = (.unknownCode, "\(named) (\(control.code)) is not carried out for others yet")
        }
        if let startMs = control.startMs, startMs > exchange.site.clocks.businessNowMs() {
            fault = (.unknownCode, "a time to begin in the future is not kept; send the order when it is due")
        }
        let asked = control.reason ?? "asked by \(control.issuerID ?? header?.source ?? "another system")"
        try await take(
            control.devices, kind: kind, mRID: control.mRID ?? control.issuerTrackingID, reason: asked,
            line: control.line, fault: fault, &report)
    }

    mutating func take(_ request: ReadingsRequest, _ report: inout TakeReport) async throws {
        number += 1
        try await take(
            request.devices, kind: "read", mRID: nil, reason: "", line: request.line, fault: nil, &report)
    }

    private func take(
        _ devices: [NamedThing], kind: String, mRID: String?, reason: String, line: Int,
        fault: (code: ReplyCode, what: String)?, _ report: inout TakeReport
    ) async throws {
        // Without a name of its own the order could not be told from another one like it.
        guard let correlationID = header?.correlationID ?? header?.messageID ?? mRID else {
            return report.refuse(
                ExchangeRefusal(
                    line: line, what: "the order has no mRID, and its message neither CorrelationID nor MessageID"))
        }
        guard !devices.isEmpty else {
            return report.refuse(ExchangeRefusal(line: line, what: "the order names no device"))
        }
        for device in devices {
            try Task.checkCancellation()
            let label = device.label ?? ""
            let meter = try await exchange.meter(device)
            let parts = [
                header?.source ?? "", correlationID, mRID ?? "#\(number)", kind, label,
                meter.map { String($0.meterID) } ?? "",
            ]
            // A hash, so that the key is short whatever the sender writes, and no part runs into the next.
            let key = Hash.sha256(Array(parts.map { "\($0.utf8.count):\($0)" }.joined().utf8))
            let command = TakeOrder(
                orderKey: Secret.hex(Array(key.prefix(16))), correlationID: correlationID, subject: label,
                meterID: meter?.meterID, kind: kind, reason: String(reason.prefix(200)), zone: exchange.org.zone,
                fault: meter == nil ? (.invalidMeter, "there is no such meter") : fault)
            _ = try await exchange.site.perform(command, as: exchange.actor, source: exchange.via, why: reason)
            report.counts.orders += 1
        }
        // The answer is that of the whole correlation, once.
        report.orders = try await exchange.answers(to: correlationID)
    }
}

extension Exchange {
    /// Devices in the orders of one document.
    public static let ordersMax = 10_000

    /// How the orders of a correlation stand, in their order.
    public func answers(to correlationID: String) async throws -> [OrderAnswer] {
        try await site.money.read { [scope] transaction in
            try ExchangeOrder.of(correlationID: correlationID, limit: Self.ordersMax, scope, in: transaction)
                .compactMap { try Self.answer($0, scope, in: transaction) }
        }
    }

    /// Nil for an order about a meter out of reach.
    private static func answer(
        _ order: ExchangeOrder, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> OrderAnswer? {
        func answer(_ standing: OrderAnswer.Standing, _ code: ReplyCode, _ what: String) -> OrderAnswer {
            OrderAnswer(subject: order.subject, kind: order.kind, standing: standing, code: code, what: what)
        }
        guard let meterID = order.meterID else {
            guard scope.isWholeCompany else { return nil }
            return answer(.failed, .invalidMeter, order.fault ?? "")
        }
        if !scope.isWholeCompany, try MeterListing.serials([meterID], scope, in: transaction).isEmpty { return nil }
        if let fault = order.fault {
            return answer(.failed, order.faultCode.flatMap { ReplyCode(rawValue: $0) } ?? .other, fault)
        }
        if let key = order.commandKey {
            let command = try MeterCommand.find(key: key, scope, in: transaction)
            return of(command, answer)
        }
        let wanted: RelayWish = order.kind == "disconnect" ? .open : .closed
        let relay = try RelayRecord.find(meterID, scope, in: transaction)
        let command = try MeterCommand.given(
            meterID: meterID, fromMs: order.askedAtMs, toMs: .max, limit: 1_000, scope, in: transaction
        ).last { $0.kind == order.kind }
        if let command, command.state != .waiting { return of(command, answer) }
        if relay?.wanted == wanted, relay?.agrees == true {
            return answer(.done, .ok, "the relay is \(relay?.actual ?? "")")
        }
        guard relay?.wanted == wanted || command != nil else {
            return answer(.waiting, .pending, "taken; the rules do not let it happen now")
        }
        return of(command, answer)
    }

    private static func of(
        _ command: MeterCommand?, _ answer: (OrderAnswer.Standing, ReplyCode, String) -> OrderAnswer
    ) -> OrderAnswer {
        switch command?.state {
        case .confirmed: answer(.done, .ok, command?.answer ?? "done")
        case .failed: answer(.failed, .communication, command?.answer ?? "the meter did not do it")
        case .superseded: answer(.failed, .refused, command?.answer ?? "another order came after it")
        case .waiting, nil: answer(.waiting, .pending, command?.answer ?? "on its way to the meter")
        }
    }
}
