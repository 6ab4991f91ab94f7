// Orders to meters and groups of meters: give, look, approve, stop; what is wanted of a meter; firmware images.
import Access
import Foundation
import HeadEnd
import Meters
import SQL

struct GroupOrderQuery: APIModel {
    var state: MeterOrder.State?
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "state": Note("Only orders that stand so."),
        "before": Note("Only older orders than this one; the `next` of the part before."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct GroupOrderView: APIModel {
    var orderID: ID
    var matter: String
    var value: String
    var reason: String
    var group: String
    var state: MeterOrder.State
    var orderedBy: ID?
    var createdAtMs: Int64
    var expiresAtMs: Int64
    var approvedBy: ID?
    var approvedAtMs: Int64?
    var waveSize: Int64
    var pauseMinutes: Int64
    var belowPaise: Int64?
    var endedAtMs: Int64?
    var endedWhy: String?
    var meterCount: Int64
    var waitingCount: Int64
    var onTheWayCount: Int64
    var doneCount: Int64
    var failedCount: Int64
    var leftOutCount: Int64
    static let notes: [String: Note] = [
        "orderID": Note("The order."), "matter": Note("What it is about: relay, load-limit, calendar and others."),
        "value": Note("What is wanted."), "reason": Note("Why."), "group": Note("What the meters were chosen by."),
        "state": Note("awaiting: a second person must approve it. expired: nobody did in time."),
        "orderedBy": Note("The login that gave it; absent for the command line."),
        "createdAtMs": Note("Business time."), "expiresAtMs": Note("Until when it can be approved."),
        "approvedBy": Note("The second person."), "approvedAtMs": Note("Business time."),
        "waveSize": Note("Meters told at once."), "pauseMinutes": Note("Between two waves."),
        "belowPaise": Note("Cuts only who has less when the turn comes."), "endedAtMs": Note("Business time."),
        "endedWhy": Note("Why it was stopped."), "meterCount": Note("Meters in all."),
        "waitingCount": Note("Their turn is to come."), "onTheWayCount": Note("Told, and not read back yet."),
        "doneCount": Note("Read back from the meter."), "failedCount": Note("Given up."),
        "leftOutCount": Note("Paid meanwhile, superseded, or withdrawn by a stop."),
    ]

    init(_ standing: OrderStanding) {
        let (order, counts) = (standing.order, standing.counts)
        (orderID, matter, value, reason) = (ID(order.orderID), order.matter, order.desired, order.reason)
        (group, state, createdAtMs, expiresAtMs) = (order.group, order.state, order.createdAtMs, order.expiresAtMs)
        orderedBy = order.loginID > 0 ? ID(order.loginID) : nil
        approvedBy = order.approvedBy.flatMap { $0 > 0 ? ID($0) : nil }
        (approvedAtMs, waveSize, pauseMinutes) = (order.approvedAtMs, order.waveSize, order.pauseMs / 60_000)
        (belowPaise, endedAtMs, endedWhy) = (order.belowPaise, order.endedAtMs, order.endedWhy)
        func sum(_ states: OrderTarget.State...) -> Int64 { states.reduce(0) { $0 + (counts[$1] ?? 0) } }
        meterCount = counts.values.reduce(0, +)
        (waitingCount, onTheWayCount, doneCount) = (sum(.waiting), sum(.released, .withdrawing), sum(.done))
        (failedCount, leftOutCount) = (sum(.failed), sum(.skipped, .withdrawn))
    }

    private init() {
        (orderID, matter, value, reason) = (ID(5001), "load-limit", "3000", "New sanctioned load")
        (group, state, createdAtMs, expiresAtMs) = ("place 12", .running, 1_795_248_000_000, 1_795_334_400_000)
        (waveSize, pauseMinutes, meterCount, waitingCount) = (50, 0, 120, 60)
        (onTheWayCount, doneCount, failedCount, leftOutCount) = (10, 50, 0, 0)
    }
    static let example = GroupOrderView()
}

/// An order with how far it has come.
public struct OrderStanding: Sendable {
    public var order: MeterOrder
    public var counts: [OrderTarget.State: Int64]
    public init(order: MeterOrder, counts: [OrderTarget.State: Int64]) { (self.order, self.counts) = (order, counts) }
}

struct GroupOrderListView: APIModel {
    var items: [GroupOrderView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first."), "next": Note("Send it as `before` to go on; absent at the end."),
    ]
}

struct GroupOrderInput: APIModel {
    var matter: String
    var value: String
    var meterIDs: [ID]?
    var placeID: ID?
    var reason: String
    var waveSize: Int64?
    var pauseMinutes: Int64?
    var belowPaise: Int64?
    static let notes: [String: Note] = [
        "matter": Note(
            "relay, load-limit, calendar, balance, payment-mode, clock, firmware, reset.maximum-demand, reset.tamper, "
                + "reset.status, setting.NAME or maker.NAME.", length: 1...60),
        "value": Note(
            "open or closed for a relay; as the matter wants it. Empty for a clock or a reset.", length: 0...8000),
        "meterIDs": Note("These meters.", itemsMax: 1000), "placeID": Note("Or all that lie under this place."),
        "reason": Note("Why; shown with every command.", length: 3...200),
        "waveSize": Note("Meters told at once; 50 when not given.", range: 1...1000),
        "pauseMinutes": Note("Between two waves; 0 when not given.", range: 0...1440),
        "belowPaise": Note("For a cut: only who has less when the turn comes."),
    ]
}

struct OrderPlacedView: APIModel {
    var orderID: ID
    var state: MeterOrder.State
    var meterCount: Int
    var expiresAtMs: Int64?
    static let notes: [String: Note] = [
        "orderID": Note("The order."), "state": Note("awaiting: a second person must approve it."),
        "meterCount": Note("Meters it is for; after a stop, those left out."),
        "expiresAtMs": Note("Until when it can be approved."),
    ]
    init(_ placed: OrderPlaced) {
        (orderID, state) = (ID(placed.orderID), placed.state)
        (meterCount, expiresAtMs) = (placed.meterCount, placed.expiresAtMs)
    }
    static let example = OrderPlacedView(
        OrderPlaced(orderID: 5001, state: .running, meterCount: 120, expiresAtMs: nil))
}

struct GroupOrderPath: APIModel {
    var orderID: ID
    static let notes: [String: Note] = ["orderID": Note("The order.")]
}

struct GroupOrderStop: APIModel {
    var orderID: ID
    var reason: String
    static let notes: [String: Note] = ["orderID": Note("The order."), "reason": Note("Why.", length: 3...200)]
}

struct GroupOrderMeterQuery: APIModel {
    var orderID: ID
    var state: OrderTarget.State?
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "orderID": Note("The order."), "state": Note("Only meters that stand so."),
        "after": Note("The `next` of the part before."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct GroupOrderMeterView: APIModel {
    var meterID: ID
    var serial: String
    var state: OrderTarget.State
    var answer: String?
    var endedAtMs: Int64?
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "serial": Note("Its serial number."),
        "state": Note("released: on its way. skipped: not wanted any more when its turn came."),
        "answer": Note("What happened, in words."), "endedAtMs": Note("Business time."),
    ]
    init(_ target: OrderTarget) {
        (meterID, serial, state) = (ID(target.meterID), target.serial, target.state)
        (answer, endedAtMs) = (target.answer, target.endedAtMs)
    }
    private init() { (meterID, serial, state) = (ID(1001), "BB100001", .done) }
    static let example = GroupOrderMeterView()
}

struct GroupOrderMeterListView: APIModel {
    var items: [GroupOrderMeterView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of the meter's number."), "next": Note("Send it as `after`; absent at the end."),
    ]
}

struct MeterWishView: APIModel {
    var matter: String
    var desired: String
    var wantedAtMs: Int64
    var reason: String
    var authority: String
    var orderID: ID?
    var state: String
    var actual: String?
    var actualAtMs: Int64?
    var driftedAtMs: Int64?
    static let notes: [String: Note] = [
        "matter": Note("What it is about."), "desired": Note("What is wanted."),
        "wantedAtMs": Note("Since when, business time."), "reason": Note("Why."),
        "authority": Note("Who wants it: a login or a rule."), "orderID": Note("The order it came with."),
        "state": Note("waiting, met, failed or unwanted."), "actual": Note("What the meter said when read back."),
        "actualAtMs": Note("When it said so."),
        "driftedAtMs": Note("When it was found to differ from what it had confirmed."),
    ]
    init(_ wish: MeterWish) {
        (matter, desired, wantedAtMs) = (wish.matter, wish.desired, wish.wantedAtMs)
        (reason, authority, orderID) = (wish.authority.reason, wish.authority.by, wish.authority.orderID.map { ID($0) })
        (state, actual, actualAtMs) = (wish.state.rawValue, wish.actual, wish.actualAtMs)
        driftedAtMs = wish.driftedAtMs
    }
    private init() {
        (matter, desired, wantedAtMs, reason) = ("load-limit", "3000", 1_795_248_000_000, "New sanctioned load")
        (authority, state, actual) = ("login 77", "met", "3000")
    }
    static let example = MeterWishView()
}

struct MeterWishListView: APIModel {
    var items: [MeterWishView]
    static let notes: [String: Note] = ["items": Note("One for each matter, by name.")]
}

struct FirmwareView: APIModel {
    var version: String
    var sha256: String
    var byteCount: Int64
    var addedAtMs: Int64
    static let notes: [String: Note] = [
        "version": Note("What a meter shows once it runs."), "sha256": Note("Of the content."),
        "byteCount": Note("Octets."), "addedAtMs": Note("Business time."),
    ]
    init(_ image: FirmwareStore) {
        (version, sha256, byteCount, addedAtMs) = (image.version, image.sha256, image.byteCount, image.addedAtMs)
    }
    private init() {
        version = "2.14"
        sha256 = String(repeating: "0", count: 64)
        (byteCount, addedAtMs) = (180_000, 1_795_248_000_000)
    }
    static let example = FirmwareView()
}

struct FirmwareListView: APIModel {
    var items: [FirmwareView]
    static let notes: [String: Note] = ["items": Note("Newest first, at most 100.")]
}

struct FirmwareInput: APIModel {
    var version: String
    var content: String
    var sha256: String?
    static let notes: [String: Note] = [
        "version": Note("What a meter shows once it runs.", length: 1...64),
        "content": Note("The image, base64.", length: 4...2_900_000),
        "sha256": Note("As the maker gives it; compared when given.", length: 64...64),
    ]
}

struct FirmwareAdded: APIModel {
    var sha256: String
    static let notes: [String: Note] = ["sha256": Note("Of the content.")]
}

extension OrderStanding {
    /// A part of the orders with how far each has come.
    public static func page(
        _ services: Services, state: MeterOrder.State?, before: Int64?, limit: Int, _ scope: Scope
    ) async throws -> [OrderStanding] {
        try await services.site.money.read { transaction in
            try MeterOrder.page(before: before, state: state, limit: limit, scope, in: transaction).map {
                OrderStanding(order: $0, counts: try $0.counts(scope, in: transaction))
            }
        }
    }

    public static func of(_ services: Services, orderID: Int64, _ scope: Scope) async throws -> OrderStanding {
        try await services.site.money.read { transaction in
            let order = try MeterOrder.find(orderID, scope, in: transaction)
            return OrderStanding(order: order, counts: try order.counts(scope, in: transaction))
        }
    }
}

extension Endpoints {
    static let orders: [AnyEndpoint] = orderLists + orderActions + firmware

    private static let orderLists: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<GroupOrderQuery, GroupOrderListView>(
                "orders.list", "GET", "/api/v1/orders", access: .permission([.readMeters]),
                EndpointText("List orders to meters", "Who is confined to places sees those that touch their meters."),
                example: GroupOrderQuery(state: .running, limit: 50),
                outputExample: GroupOrderListView(items: [.example]),
                run: { input, context in
                    let limit = input.limit ?? 50
                    let found = try await OrderStanding.page(
                        context.services, state: input.state, before: input.before?.value, limit: limit + 1,
                        context.actor.scope)
                    let items = found.prefix(limit).map { GroupOrderView($0) }
                    return GroupOrderListView(items: items, next: found.count > limit ? items.last?.orderID : nil)
                })),
        AnyEndpoint(
            Endpoint<GroupOrderPath, GroupOrderView>(
                "orders.read", "GET", "/api/v1/orders/{orderID}", access: .permission([.readMeters]),
                EndpointText("Read an order", "What is wanted, of how many meters, and how far it has come."),
                example: GroupOrderPath(orderID: ID(5001)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    GroupOrderView(
                        try await OrderStanding.of(
                            context.services, orderID: input.orderID.value, context.actor.scope))
                })),
        AnyEndpoint(
            Endpoint<GroupOrderMeterQuery, GroupOrderMeterListView>(
                "orders.meters", "GET", "/api/v1/orders/{orderID}/meters", access: .permission([.readMeters]),
                EndpointText("Meters of an order", "Where each stands, and what it answered."),
                example: GroupOrderMeterQuery(orderID: ID(5001), state: .failed, limit: 50),
                outputExample: GroupOrderMeterListView(items: [.example]), problems: [.notFound],
                run: { input, context in
                    let limit = input.limit ?? 50
                    let found = try await context.read { transaction, scope in
                        _ = try MeterOrder.find(input.orderID.value, scope, in: transaction)
                        return try OrderTarget.page(
                            input.orderID.value, after: input.after?.value ?? 0, state: input.state, limit: limit + 1,
                            scope, in: transaction)
                    }
                    let items = found.prefix(limit).map { GroupOrderMeterView($0) }
                    return GroupOrderMeterListView(items: items, next: found.count > limit ? items.last?.meterID : nil)
                })),
        AnyEndpoint(
            Endpoint<MeterPath, MeterWishListView>(
                "meters.wishes", "GET", "/api/v1/meters/{meterID}/wishes", access: .permission([.readMeters]),
                EndpointText("What is wanted of a meter", "Desired beside actual, with who wants it and why."),
                example: MeterPath(meterID: ID(1001)), outputExample: MeterWishListView(items: [.example]),
                problems: [.notFound],
                run: { input, context in
                    MeterWishListView(
                        items: try await context.read { transaction, scope in
                            try MeterWish.of(meterID: input.meterID.value, scope, in: transaction).map {
                                MeterWishView($0)
                            }
                        })
                })),
    ]

    private static let orderActions: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<GroupOrderInput, OrderPlacedView>(
                "orders.add", "POST", "/api/v1/orders", access: .permission([.commandMeters]),
                EndpointText(
                    "Order something of meters",
                    "One, some, or all under a place. Cuts, load limits and firmware for more meters than "
                        + "`orders.cuts-alone-max` wait for a second person."),
                example: GroupOrderInput(
                    matter: "load-limit", value: "3000", placeID: ID(12), reason: "New sanctioned load"),
                outputExample: .example, status: 202, rate: .heavy, idempotency: .keyed,
                problems: [.notFound, .conflict],
                run: { input, context in
                    OrderPlacedView(try await context.perform(try input.command(context), why: input.reason))
                })),
        AnyEndpoint(
            Endpoint<GroupOrderPath, OrderPlacedView>(
                "orders.approve", "POST", "/api/v1/orders/{orderID}/approve", access: .permission([.commandMeters]),
                EndpointText(
                    "Approve an order", "The second person's yes. Refused to who gave it, and after it has expired."),
                example: GroupOrderPath(orderID: ID(5001)), outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    OrderPlacedView(try await context.perform(ApproveOrder(orderID: input.orderID.value)))
                })),
        AnyEndpoint(
            Endpoint<GroupOrderStop, OrderPlacedView>(
                "orders.stop", "POST", "/api/v1/orders/{orderID}/stop", access: .permission([.commandMeters]),
                EndpointText(
                    "Stop an order", "No further meter is told; what was not done is taken back. What was done stays."),
                example: GroupOrderStop(orderID: ID(5001), reason: "Wrong feeder"), outputExample: .example,
                problems: [.notFound, .conflict],
                run: { input, context in
                    OrderPlacedView(
                        try await context.perform(
                            StopOrder(orderID: input.orderID.value, reason: input.reason), why: input.reason))
                })),
    ]

    private static let firmware: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, FirmwareListView>(
                "firmware.list", "GET", "/api/v1/firmware", access: .permission([.readMeters]),
                EndpointText("List firmware images", "Versions that can be ordered, with the SHA-256 of each."),
                outputExample: FirmwareListView(items: [.example]),
                run: { _, context in
                    FirmwareListView(
                        items: try await context.read { try FirmwareStore.all($1, in: $0).map { FirmwareView($0) } })
                })),
        AnyEndpoint(
            Endpoint<FirmwareInput, FirmwareAdded>(
                "firmware.add", "POST", "/api/v1/firmware", access: .permission([.commandMeters]),
                EndpointText(
                    "Add a firmware image", "Kept by the SHA-256 of its content; the same again changes nothing."),
                example: FirmwareInput(version: "2.14", content: "QkJGVw=="),
                outputExample: FirmwareAdded(sha256: String(repeating: "0", count: 64)), rate: .heavy,
                bodyLimitBytes: 3_000_000, problems: [.conflict],
                run: { input, context in
                    guard let content = Data(base64Encoded: input.content) else {
                        throw Refusal(.invalid, "The content is no base64.", at: "content")
                    }
                    return FirmwareAdded(
                        sha256: try await context.perform(
                            AddFirmware(
                                version: input.version, content: Array(content), expectedSHA256: input.sha256)))
                })),
    ]
}

extension GroupOrderInput {
    fileprivate func command(_ context: EndpointContext) throws -> OrderMeters {
        let group: MeterGroup
        switch (meterIDs, placeID) {
        case (let ids?, nil): group = .meters(ids.map(\.value))
        case (nil, let place?): group = .place(place.value)
        default:
            throw Refusal(
                .invalid, "Name meters or a place.", hint: "Give one of meterIDs and placeID.", at: "meterIDs")
        }
        return try OrderMeters(
            matter: matter, value: value, group: group, reason: reason, waveSize: waveSize ?? 50,
            pauseMinutes: pauseMinutes ?? 0, belowPaise: belowPaise, reference: context.idempotencyKey ?? "")
    }
}
