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
    /// Before the number of an order to a group, where a command has its key.
    static let orderMark = "order:"

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
    /// `disconnect`, `reconnect`, `read`, a matter of ``OrderMeters``, or the code of what is not done here.
    var kind: String
    var reason: String
    var zone: Zone
    /// The order to all meters of the control, given already; nil for relays and reads.
    var orderID: Int64?
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
        if let orderID {
            order.commandKey = OrderAnswer.orderMark + String(orderID)
        } else if fault == nil, let meterID {
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
        var value: String?
        switch action {
        case .connect: kind = "reconnect"
        case .disconnect: kind = "disconnect"
        case .setLoadLimit: (kind, value) = ("load-limit", control.value ?? "")
        case .setBalance: (kind, value) = ("balance", control.value ?? "")
        case .setPaymentMode: (kind, value) = ("payment-mode", control.value ?? "")
        case .setClock: (kind, value) = ("clock", "")
        case .resetDemand: (kind, value) = ("reset.maximum-demand", "")
        case .enableLoadLimit, .disableLoadLimit, .upgradeFirmware, nil:
            let named = action?.rawValue ?? control.code.name
            fault = (.unknownCode, "\(named) (\(control.code)) is not carried out for others yet")
        }
        if let startMs = control.startMs, startMs > exchange.site.clocks.businessNowMs() {
            fault = (.unknownCode, "a time to begin in the future is not kept; send the order when it is due")
        }
        if control.duration != nil {
            fault = (.unknownCode, "nothing is ordered for a duration; send what is to hold after it when it is due")
        }
        let asked = control.reason ?? "asked by \(control.issuerID ?? header?.source ?? "another system")"
        try await take(
            control.devices, kind: kind, value: value, mRID: control.mRID ?? control.issuerTrackingID, reason: asked,
            line: control.line, fault: fault, &report)
    }

    mutating func take(_ request: ReadingsRequest, _ report: inout TakeReport) async throws {
        number += 1
        try await take(
            request.devices, kind: "read", mRID: nil, reason: "", line: request.line, fault: nil, &report)
    }

    private func take(
        _ devices: [NamedThing], kind: String, value: String? = nil, mRID: String?, reason: String, line: Int,
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
        let marks = [header?.source ?? "", correlationID, mRID ?? "#\(number)", kind] + [value].compactMap { $0 }
        let asked = String(reason.prefix(200))
        var known: [Meter?] = []
        for device in devices {
            try Task.checkCancellation()
            known.append(try await exchange.meter(device))
        }
        var given = Given(orderID: nil, fault: fault)
        if let value, fault == nil {
            given = try await give(kind, value, to: known.compactMap { $0 }, key: Self.key(marks), asked)
        }
        for (device, meter) in zip(devices, known) {
            try Task.checkCancellation()
            let label = device.label ?? ""
            let isMute = value != nil && meter?.port == 0
            let command = TakeOrder(
                orderKey: Self.key(marks + [label, meter.map { String($0.meterID) } ?? ""]),
                correlationID: correlationID, subject: label, meterID: meter?.meterID, kind: kind, reason: asked,
                zone: exchange.org.zone, orderID: meter == nil || isMute ? nil : given.orderID,
                fault: meter == nil
                    ? (.invalidMeter, "there is no such meter")
                    : isMute ? (.refused, "the meter has no address: its data comes by file") : given.fault)
            _ = try await exchange.site.perform(command, as: exchange.actor, source: exchange.via, why: reason)
            report.counts.orders += 1
        }
        // The answer is that of the whole correlation, once.
        report.orders = try await exchange.answers(to: correlationID)
    }

    /// A hash, so that the key is short whatever the sender writes, and no part runs into the next.
    private static func key(_ parts: [String]) -> String {
        let hash = Hash.sha256(Array(parts.map { "\($0.utf8.count):\($0)" }.joined().utf8))
        return Secret.hex(Array(hash.prefix(16)))
    }

    private struct Given {
        var orderID: Int64?
        var fault: (code: ReplyCode, what: String)?
    }

    /// One order to all meters of the control, as a person would give it: their number decides whether a second person
    /// must approve it. Given again it is the same order.
    private func give(
        _ matter: String, _ value: String, to meters: [Meter], key: String, _ reason: String
    ) async throws -> Given {
        let ids = Set(meters.filter { $0.port > 0 }.map(\.meterID)).sorted()
        guard !ids.isEmpty else { return Given() }
        do {
            let order = try OrderMeters(
                matter: matter, value: value, group: .meters(ids), reason: reason, reference: "exchange-\(key)")
            let placed = try await exchange.site.perform(
                order, as: exchange.actor, source: exchange.via, why: reason)
            return Given(orderID: placed.orderID)
        } catch let refusal as Refusal where refusal.code != .forbidden {
            return Given(fault: (.refused, refusal.description))
        }
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
        if let number = order.commandKey.flatMap({ Self.orderNumber($0) }) {
            return try Self.answer(number, meterID, scope, in: transaction, answer)
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

    private static func orderNumber(_ key: String) -> Int64? {
        key.hasPrefix(OrderAnswer.orderMark) ? Int64(key.dropFirst(OrderAnswer.orderMark.count)) : nil
    }

    /// How a meter stands in an order to a group.
    private static func answer(
        _ orderID: Int64, _ meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction,
        _ answer: (OrderAnswer.Standing, ReplyCode, String) -> OrderAnswer
    ) throws -> OrderAnswer {
        let order = try MeterOrder.find(orderID, scope, in: transaction)
        let target = try OrderTarget.page(
            orderID, after: meterID - 1, state: nil, limit: 1, scope, in: transaction
        ).first.flatMap { $0.meterID == meterID ? $0 : nil }
        switch (order.state, target?.state) {
        case (.awaiting, _): return answer(.waiting, .pending, "order \(orderID) waits for a second person")
        case (.expired, _): return answer(.failed, .refused, "nobody approved order \(orderID) in time")
        case (_, .done): return answer(.done, .ok, target?.answer ?? "done")
        case (_, .failed): return answer(.failed, .communication, target?.answer ?? "the meter did not do it")
        case (_, .skipped), (_, .withdrawing), (_, .withdrawn), (.stopped, _):
            return answer(.failed, .refused, target?.answer ?? order.endedWhy ?? "taken back")
        case (_, .waiting), (_, .released), (_, nil):
            return answer(.waiting, .pending, target?.answer ?? "on its way to the meter")
        }
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
