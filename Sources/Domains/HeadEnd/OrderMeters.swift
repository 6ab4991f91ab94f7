// Orders by people: give one to a meter or a group, approve another's, stop one. Each is one transaction that says who
// and why; nothing is sent here.
import Access
import CivilTime
import Clocks
import Meters
import SQL

/// What people may order alone, and how long an order waits for a second person. Dated settings of the company.
public enum OrderRules {
    public static let approvalSetting = "orders.approval-hours"
    public static let checkSetting = "orders.check-every-hours"
    public static let settings: [SettingKind] = [
        CutLimit.kind,
        .wholeNumber(approvalSetting, 1...720, initial: 24, hint: "Hours an order waits for its second person."),
        .wholeNumber(
            checkSetting, 1...8760, initial: 24,
            hint: "Hours after which a meter is asked whether it still does what is wanted of it."),
    ]

    static func value(_ name: String, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        let zone = try Org.find(scope.orgID, in: transaction).zone
        let day = zone.day(atS: atMs / 1000)
        let text = try SettingRegistry(settings).value(name, on: day, scope, in: transaction)
        guard let value = Int64(text) else { throw SQLError(.decode, "setting \(name) is no number") }
        return value
    }
}

/// Which meters an order is for.
public enum MeterGroup: Sendable, Equatable {
    case meters([Int64])
    /// All that lie under a place: a feeder, a transformer.
    case place(Int64)

    var text: String {
        switch self {
        case .meters(let ids): ids.count == 1 ? "meter \(ids[0])" : "\(ids.count) meters"
        case .place(let id): "place \(id)"
        }
    }
}

public struct OrderPlaced: Sendable, Codable, Equatable {
    public var orderID: Int64
    public var state: MeterOrder.State
    public var meterCount: Int
    /// A second person must approve it until then.
    public var expiresAtMs: Int64?
    public init(orderID: Int64, state: MeterOrder.State, meterCount: Int, expiresAtMs: Int64?) {
        (self.orderID, self.state, self.meterCount) = (orderID, state, meterCount)
        self.expiresAtMs = expiresAtMs
    }
}

/// Orders something of one meter or of many.
public struct OrderMeters: Command {
    public static let name = "head-end.order-meters"
    public static let permissions: [Permission] = [.commandMeters]
    /// Meters of one order.
    public static let metersMax = 20_000
    public static let waveMax: Int64 = 1_000

    public let matter: String
    public let value: String
    public let group: MeterGroup
    public let reason: String
    public let waveSize: Int64
    public let pauseMinutes: Int64
    public let belowPaise: Int64?
    public let reference: String
    /// Waits for a second person, however few meters it is for.
    public let isProposal: Bool

    /// - Parameters:
    ///   - matter: `relay` with the value `open` or `closed`, or a name of ``MeterPort/MeterMatter``.
    ///   - waveSize: meters told at once.
    ///   - pauseMinutes: business time between two waves.
    ///   - belowPaise: cuts only who owes that much when the turn comes.
    ///   - reference: of the caller; the same again is answered as the first time.
    /// - Throws: ``Refusal`` for anything that cannot be wanted.
    public init(
        matter: String, value: String, group: MeterGroup, reason: String, waveSize: Int64 = 50,
        pauseMinutes: Int64 = 0, belowPaise: Int64? = nil, isProposal: Bool = false, reference: String
    ) throws {
        self.isProposal = isProposal
        self.matter = matter
        if matter == MeterOrder.relay {
            guard let wish = RelayWish(rawValue: value) else {
                throw Refusal(.invalid, "A relay is wanted open or closed.", at: "value")
            }
            self.value = wish.rawValue
        } else {
            self.value = try WishText.checked(value, of: WishText.matter(matter))
        }
        if case .meters(let ids) = group, !(1...Self.metersMax).contains(ids.count) {
            throw Refusal(.invalid, "Name 1 to \(Self.metersMax) meters.", at: "meterIDs")
        }
        guard (1...Self.waveMax).contains(waveSize), (0...1440).contains(pauseMinutes) else {
            throw Refusal(
                .invalid, "A wave has 1 to \(Self.waveMax) meters, a pause 0 to 1440 minutes.", at: "waveSize")
        }
        guard belowPaise == nil || (matter == MeterOrder.relay && value == RelayWish.open.rawValue) else {
            throw Refusal(.invalid, "A balance limits a cut only.", at: "belowPaise")
        }
        self.group = group
        self.reason = try Reason.checked(reason)
        (self.waveSize, self.pauseMinutes) = (waveSize, pauseMinutes)
        (self.belowPaise, self.reference) = (belowPaise, reference)
    }

    public var key: String? { "meter-order:\(reference)" }
    public var content: String {
        var ids = group.text
        if case .meters(let list) = group { ids = list.sorted().map(String.init).joined(separator: ",") }
        return "matter=\(matter) value=\(value) of=\(ids.prefix(2000)) wave=\(waveSize) pause=\(pauseMinutes) "
            + "below=\(belowPaise.map(String.init) ?? "-") reason=\(reason)" + (isProposal ? " proposal" : "")
    }
    public var subjectID: Int64 {
        if case .meters(let ids) = group, ids.count == 1 { return ids[0] }
        return 0
    }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try targets(scope, in: transaction)
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> OrderPlaced {
        let scope = context.actor.scope
        let targets = try targets(scope, in: transaction)
        if matter == "firmware", try !FirmwareStore.exists(version: value, scope, in: transaction) {
            throw Refusal(
                .invalid, "There is no image of firmware \(value).",
                hint: "Add it: busbar meter firmware FILE --version 2.14.",
                at: "value")
        }
        let nowMs = context.businessNowMs
        let isAlone = try !isProposal && mayAlone(targets.count, context, in: transaction)
        let hours = try OrderRules.value(OrderRules.approvalSetting, atMs: nowMs, scope, in: transaction)
        let orderID = context.ids.next()
        let state: MeterOrder.State = isAlone ? .running : .awaiting
        let expiresAtMs = nowMs + hours * 3_600_000
        try transaction.run(
            """
            INSERT INTO meter_order (org_id, order_id, matter, desired, reason, meter_group, state, login_id,
              created_at_ms, expires_at_ms, wave_size, pause_ms, next_wave_ms, below_paise)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $9, $13)
            """,
            [
                .int(scope.orgID), .int(orderID), .text(matter), .text(value), .text(reason), .text(group.text),
                .text(state.rawValue), .int(context.actor.loginID), .int(nowMs), .int(expiresAtMs), .int(waveSize),
                .int(pauseMinutes * 60_000), .optional(belowPaise),
            ])
        try transaction.runMany(
            """
            INSERT INTO meter_order_target (org_id, order_id, meter_id, account_id, state, is_tried)
            VALUES ($1, $2, $3, $4, 'waiting', 0)
            """, targets.map { [.int(scope.orgID), .int(orderID), .int($0.meterID), .optional($0.accountID)] })
        context.changed(
            targets.count == 1 ? .meter(targets[0].meterID) : .company, "meter_order \(orderID)", from: nil,
            to: "\(matter) \(value.prefix(200)): \(targets.count) meters, \(state.rawValue)")
        return OrderPlaced(
            orderID: orderID, state: state, meterCount: targets.count, expiresAtMs: isAlone ? nil : expiresAtMs)
    }

    /// Cuts are counted over a day, so that many small orders are not a way around the second person.
    private func mayAlone(_ count: Int, _ context: CommandContext, in transaction: any SQLTransaction) throws -> Bool {
        guard MeterOrder.isCut(matter, value) else { return true }
        let scope = context.actor.scope
        let earlier = try transaction.query(
            """
            SELECT o.matter, o.desired, COUNT(*) FROM meter_order o
            JOIN meter_order_target t ON t.org_id = o.org_id AND t.order_id = o.order_id
            WHERE o.org_id = $1 AND o.login_id = $2 AND o.created_at_ms > $3 AND o.approved_by IS NULL
              AND o.state IN ('running', 'done') GROUP BY o.matter, o.desired
            """, [.int(scope.orgID), .int(context.actor.loginID), .int(context.businessNowMs - CutLimit.spanMs)]
        ) { (try $0.text(0), try $0.text(1), try $0.int(2)) }
        let cut = earlier.filter { MeterOrder.isCut($0.0, $0.1) }.reduce(0) { $0 + $1.2 }
        return cut + Int64(count) <= (try CutLimit.most(atMs: context.businessNowMs, scope, in: transaction))
    }

    /// The meters of the group that the scope reaches and that can be called, with the account each serves.
    /// - Throws: ``Refusal`` `notFound` when a meter named is not among them, or none is.
    private func targets(_ scope: Scope, in transaction: any SQLTransaction) throws -> [(
        meterID: Int64, accountID: Int64?
    )] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(Int64(Self.metersMax + 1))]
        var filter = try Meter.reachFilter(scope, &parameters)
        var wanted: Set<Int64>?
        switch group {
        case .meters(let ids):
            wanted = Set(ids)
            // A long list is looked up in the whole: a statement takes a few hundred marks.
            if ids.count <= 500 { filter += " AND meter.meter_id IN (\(parameters.bind(Array(Set(ids)))))" }
        case .place(let placeID):
            filter += try Meter.reachFilter(Scope(orgID: scope.orgID, placeIDs: [placeID]), &parameters)
        }
        // Without an account there is nobody whose supply could be decided on.
        let relayOnly = matter == MeterOrder.relay ? " AND i.account_id IS NOT NULL" : ""
        let limit = wanted == nil || (wanted?.count ?? 0) <= 500 ? "LIMIT $2" : "LIMIT 50 * $2"
        let found = try transaction.query(
            """
            SELECT meter.meter_id, i.account_id FROM meter LEFT JOIN installation i ON i.org_id = meter.org_id
              AND i.meter_id = meter.meter_id AND i.to_day IS NULL
            WHERE meter.org_id = $1 AND meter.port > 0\(filter)\(relayOnly) ORDER BY meter.meter_id \(limit)
            """, parameters
        ) { (meterID: try $0.int(0), accountID: try $0.optionalInt(1)) }
        let chosen = wanted.map { ids in found.filter { ids.contains($0.meterID) } } ?? found
        guard !chosen.isEmpty, chosen.count == wanted?.count ?? chosen.count else {
            throw Refusal(
                .notFound, "A meter of the order is not there, has no address, or serves nobody.",
                hint: "Check the numbers, or ask who may see them.", at: "meterIDs")
        }
        guard chosen.count <= Self.metersMax else {
            throw Refusal(
                .tooLarge, "One order is for at most \(Self.metersMax) meters.", hint: "Take smaller places.",
                at: "placeID")
        }
        return chosen
    }
}

/// The second person's yes.
public struct ApproveOrder: Command {
    public static let name = "head-end.approve-order"
    public static let permissions: [Permission] = [.commandMeters]
    public let orderID: Int64
    public init(orderID: Int64) { self.orderID = orderID }
    public var key: String? { nil }
    public var content: String { "order=\(orderID)" }
    public var subjectID: Int64 { orderID }

    /// - Throws: ``Refusal`` `forbidden` to who gave the order or does not see all its meters; `conflict` when nothing
    ///   is to be approved any more.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> OrderPlaced {
        let scope = context.actor.scope
        let order = try MeterOrder.find(orderID, scope, in: transaction)
        let count = try order.counts(scope, in: transaction).values.reduce(0, +)
        guard order.loginID != context.actor.loginID else {
            throw Refusal(.forbidden, "Who gave an order cannot approve it.", hint: "Ask a second person.")
        }
        guard order.state == .awaiting, context.businessNowMs < order.expiresAtMs else {
            throw Refusal(
                .conflict, "This order waits for nobody's approval.", hint: "Look at how it stands, or give it anew.")
        }
        var parameters: [SQLValue] = [.int(scope.orgID), .int(orderID)]
        let reach = try Meter.reachFilter(of: "t.meter_id", scope, &parameters)
        let seen = try transaction.first(
            "SELECT COUNT(*) FROM meter_order_target t WHERE t.org_id = $1 AND t.order_id = $2\(reach)", parameters
        ) { try $0.int(0) }
        guard seen == count else {
            throw Refusal(
                .forbidden, "The order is also for meters that you do not see.", hint: "Ask who sees them all.")
        }
        try transaction.run(
            """
            UPDATE meter_order SET state = 'running', approved_by = $3, approved_at_ms = $4, next_wave_ms = $4
            WHERE org_id = $1 AND order_id = $2
            """, [.int(scope.orgID), .int(orderID), .int(context.actor.loginID), .int(context.businessNowMs)])
        context.changed(.company, "meter_order \(orderID)", from: "awaiting", to: "running")
        return OrderPlaced(orderID: orderID, state: .running, meterCount: Int(count), expiresAtMs: nil)
    }
}

/// Stops an order, also one that waits for approval: no further meter is told, and what was not done is taken back.
public struct StopOrder: Command {
    public static let name = "head-end.stop-order"
    public static let permissions: [Permission] = [.commandMeters]
    public let orderID: Int64
    public let reason: String
    /// - Throws: ``Refusal`` without a reason.
    public init(orderID: Int64, reason: String) throws {
        self.orderID = orderID
        self.reason = try Reason.checked(reason)
    }
    public var key: String? { nil }
    public var content: String { "order=\(orderID) reason=\(reason)" }
    public var subjectID: Int64 { orderID }

    /// How many meters are not told any more.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> OrderPlaced {
        let scope = context.actor.scope
        let order = try MeterOrder.find(orderID, scope, in: transaction)
        guard order.state == .awaiting || order.state == .running else {
            throw Refusal(.conflict, "This order is over.", hint: "What it did is undone by another order.")
        }
        let nowMs = context.businessNowMs
        let values: [SQLValue] = [.int(scope.orgID), .int(orderID), .int(nowMs)]
        try transaction.run(
            """
            UPDATE meter_order SET state = 'stopped', ended_at_ms = $3, ended_why = $4
            WHERE org_id = $1 AND order_id = $2
            """, values + [.text(reason)])
        var stopped = try transaction.run(
            """
            UPDATE meter_order_target SET state = 'withdrawn', ended_at_ms = $3
            WHERE org_id = $1 AND order_id = $2 AND state = 'waiting'
            """, values)
        if order.isRelay {
            // Supply takes its own wish back; whoever is dark already stays so until that is done.
            stopped += try transaction.run(
                """
                UPDATE meter_order_target SET state = 'withdrawing' WHERE org_id = $1 AND order_id = $2
                  AND state = 'released'
                """, [.int(scope.orgID), .int(orderID)])
        } else {
            stopped += try withdraw(order, nowMs, scope, in: transaction)
        }
        context.changed(.company, "meter_order \(orderID)", from: order.state.rawValue, to: "stopped")
        return OrderPlaced(orderID: orderID, state: .stopped, meterCount: stopped, expiresAtMs: nil)
    }

    private func withdraw(
        _ order: MeterOrder, _ nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int {
        let released = try transaction.query(
            "SELECT meter_id FROM meter_order_target WHERE org_id = $1 AND order_id = $2 AND state = 'released'",
            [.int(scope.orgID), .int(orderID)]
        ) { try $0.int(0) }
        for meterID in released {
            try MeterWish.withdraw(meterID: meterID, order.matter, orderID: orderID, scope, in: transaction)
            try OrderTarget.set(
                .withdrawn, orderID: orderID, meterID: meterID, answer: nil, atMs: nowMs, scope, in: transaction)
        }
        return released.count
    }
}
