// Meters: list, one, its load, and an order to read it now.
import Access
import Aggregation
import CivilTime
import HeadEnd
import IntervalData
import MeterData
import Meters

struct MeterQuery: APIModel {
    var after: String?
    var query: String?
    var state: MeterStanding?
    var set: String?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the list begins.", length: 0...64),
        "set": Note(
            "Only meters that belong to it today: `place:ID`, `category:NAME`, or `plant:`, `res:`, `nma:`, `stu:`, "
                + "`ctu:` with an ID, `corridor:KEY`.", length: 3...420),
        "query": Note("Only serial numbers that begin so, in either case.", length: 0...64),
        "state": Note("Only meters that stand so."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct MeterItemView: APIModel {
    var meterID: ID
    var serial: String
    var state: MeterStanding
    var accountID: ID?
    var relayWanted: RelayWish?
    var relayActual: String?
    var lastAnswerMs: Int64?
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "serial": Note("Its serial number."),
        "state": Note("By what it last said itself."),
        "accountID": Note("The account it serves now."), "relayWanted": Note("What the rules want of the relay."),
        "relayActual": Note("closed, open or readyForReconnection, as read from the meter."),
        "lastAnswerMs": Note("When it last answered, business time."),
    ]
    init(_ listing: MeterListing) {
        (meterID, serial, state) = (ID(listing.meter.meterID), listing.meter.serial, listing.standing)
        accountID = listing.accountID.map { ID($0) }
        (relayWanted, relayActual) = (listing.relay?.wanted, listing.relay?.actual)
        lastAnswerMs = listing.relay?.actualAtMs
    }
    private init() {
        (meterID, serial, state, accountID) = (ID(1001), "BB100001", .answering, ID(101))
        (relayWanted, relayActual, lastAnswerMs) = (.closed, "closed", 1_795_248_000_000)
    }
    static let example = MeterItemView()
}

struct MeterListView: APIModel {
    var items: [MeterItemView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("In order of the serial number."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct MeterPath: APIModel {
    var meterID: ID
    static let notes: [String: Note] = ["meterID": Note("The meter.")]
}

struct MeterOrderView: APIModel {
    var commandID: ID
    var kind: String
    var state: String
    var why: String
    var createdAtMs: Int64
    var endedAtMs: Int64?
    var answer: String?
    static let notes: [String: Note] = [
        "commandID": Note("The order."), "kind": Note("disconnect, reconnect, read, or the matter of a wish."),
        "state": Note("waiting, confirmed, failed or superseded."), "why": Note("The reason it was given for."),
        "createdAtMs": Note("When it was given, business time."), "endedAtMs": Note("When it ended."),
        "answer": Note("What happened, in words."),
    ]
    init(_ command: MeterCommand) {
        (commandID, kind, state) = (ID(command.commandID), command.kind, command.state.rawValue)
        (why, createdAtMs, endedAtMs, answer) = (command.why, command.createdAtMs, command.endedAtMs, command.answer)
    }
}

struct MeterDetailView: APIModel {
    var meter: MeterItemView
    var capturePeriodS: Int64
    var profileName: String
    var registerWh: Int64?
    var registerAtMs: Int64?
    var clockDriftS: Int64?
    var slotsHave: Int
    var slotsExpected: Int
    var commands: [MeterOrderView]
    static let notes: [String: Note] = [
        "meter": Note("As in the list."), "capturePeriodS": Note("Seconds an interval."),
        "profileName": Note("The description of the maker's objects."),
        "registerWh": Note("The last midnight register."),
        "registerAtMs": Note("The midnight it is of."), "clockDriftS": Note("How far the meter's clock was ahead."),
        "slotsHave": Note("Intervals collected in the last 30 days."),
        "slotsExpected": Note("Intervals expected in the last 30 days."),
        "commands": Note("The last orders, newest first."),
    ]
    init(_ report: MeterReport) {
        meter = MeterItemView(report.listing)
        (capturePeriodS, profileName) = (report.listing.meter.capturePeriodS, report.listing.meter.profileName)
        (registerWh, registerAtMs, clockDriftS) = (report.register?.wh, report.register?.atMs, report.clockDriftS)
        (slotsHave, slotsExpected) = (report.slotsHave, report.slotsExpected)
        commands = report.commands.map { MeterOrderView($0) }
    }
    private init() {
        (meter, capturePeriodS, profileName, slotsHave, slotsExpected) = (.example, 1800, "single-phase", 1440, 1440)
        (registerWh, registerAtMs, commands) = (4_218_306, 1_795_248_000_000, [])
    }
    static let example = MeterDetailView()
}

struct ProfileChange: APIModel {
    var meterID: ID
    var profileName: String
    var reason: String
    static let notes: [String: Note] = [
        "meterID": Note("The meter."),
        "profileName": Note(
            "A kind of meter: one of the program or of a maker's file, or auto, which asks the meter what it has.",
            length: 1...64),
        "reason": Note("Why.", length: 3...200),
    ]
}

struct ProfileView: APIModel {
    var profileName: String
    static let notes: [String: Note] = ["profileName": Note("The kind of meter it is entered as.")]
}

struct LoadQuery: APIModel {
    var meterID: ID
    var from: Day
    var to: Day
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "from": Note("The first day."),
        "to": Note("The last day; at most 31 days in all."),
    ]
}

struct LoadDayView: APIModel {
    var day: Day
    var version: Int64
    var valuesWh: [Int32]
    var qualities: String
    static let notes: [String: Note] = [
        "day": Note("A civil day of the company's zone."), "version": Note("The current version of the day."),
        "valuesWh": Note("Energy of each interval; 0 where it is missing."),
        "qualities": Note("A letter an interval: A actual, D edited, E estimated, M missing."),
    ]
    init(day: Day, version: Int64, valuesWh: [Int32], qualities: String) {
        (self.day, self.version, self.valuesWh, self.qualities) = (day, version, valuesWh, qualities)
    }
    init(_ stored: StoredBlock) {
        (day, version, valuesWh) = (Day(stored.day), stored.version, stored.block.values)
        qualities = String(
            stored.block.qualities.map { quality -> Character in
                switch quality {
                case .actual: "A"
                case .edited: "D"
                case .estimated: "E"
                case .missing: "M"
                }
            })
    }
}

struct LoadView: APIModel {
    var meterID: ID
    var capturePeriodS: Int64
    var days: [LoadDayView]
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "capturePeriodS": Note("Seconds an interval."),
        "days": Note("Days of which something is known, in order.", itemsMax: 31),
    ]
}

struct OrderReceipt: APIModel {
    var commandID: ID
    static let notes: [String: Note] = ["commandID": Note("The order; the meter's list of commands shows how it ends.")]
}

extension Endpoints {
    static let meters: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<MeterQuery, MeterListView>(
                "meters.list", "GET", "/api/v1/meters", access: .permission([.readMeters]),
                EndpointText("List meters", "Meters of your company, of your places if you are confined to some."),
                example: MeterQuery(after: nil, query: "BB", state: .silent, limit: 50),
                outputExample: MeterListView(items: [.example], next: "BB100001"), problems: [.notFound],
                run: { input, context in
                    let list = try await MeterList.of(
                        context.services.site, query: input.query ?? "", standing: input.state,
                        set: try input.set.map { try SetKey.read($0) }, after: input.after ?? "",
                        limit: input.limit ?? 50, context.actor.scope)
                    return MeterListView(
                        items: list.part.items.map { MeterItemView($0.listing) }, next: list.part.next)
                })),
        AnyEndpoint(
            Endpoint<MeterPath, MeterDetailView>(
                "meters.read", "GET", "/api/v1/meters/{meterID}", access: .permission([.readMeters]),
                EndpointText("Read a meter", "Its state, register, completeness and last orders."),
                example: MeterPath(meterID: ID(1001)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    MeterDetailView(
                        try await MeterReport.of(
                            context.services.site, meterID: input.meterID.value, last: nil, count: 1,
                            context.actor.scope))
                })),
        AnyEndpoint(
            Endpoint<ProfileChange, ProfileView>(
                "meters.set-profile", "PUT", "/api/v1/meters/{meterID}/profile",
                access: .permission([.manageSettings]),
                EndpointText(
                    "Say of which kind a meter is", "A name that nobody knows is refused with those there are."),
                example: ProfileChange(meterID: ID(1001), profileName: "auto", reason: "another make since May"),
                outputExample: ProfileView(profileName: "auto"), problems: [.notFound],
                run: { input, context in
                    let command = try SetMeterProfile(
                        meterID: input.meterID.value, profileName: input.profileName,
                        among: context.services.meterProfiles, why: input.reason)
                    return ProfileView(profileName: try await context.perform(command, why: input.reason))
                })),
        AnyEndpoint(
            Endpoint<LoadQuery, LoadView>(
                "meters.load", "GET", "/api/v1/meters/{meterID}/load",
                access: .permission([.readMeters, .readOwnAccount]),
                EndpointText("Load of a meter", "Current versions of the days, value by value with their quality."),
                example: LoadQuery(
                    meterID: ID(1001), from: Day(CivilDay(number: 20_770)), to: Day(CivilDay(number: 20_776))),
                outputExample: LoadView(
                    meterID: ID(1001), capturePeriodS: 1800,
                    days: [
                        LoadDayView(
                            day: Day(CivilDay(number: 20_770)), version: 1, valuesWh: [120, 80, 0], qualities: "AAM")
                    ]), rate: .heavy, problems: [.notFound],
                run: { input, context in
                    let (from, to) = (input.from.value, input.to.value)
                    guard from <= to, from.days(to: to) < MeterReport.loadDaysMax else {
                        throw Refusal(.invalid, "Ask for 1 to 31 days.", hint: "`to` is not before `from`.", at: "to")
                    }
                    let report = try await MeterReport.of(
                        context.services.site, meterID: input.meterID.value, last: to, count: from.days(to: to) + 1,
                        context.actor.scope)
                    return LoadView(
                        meterID: input.meterID, capturePeriodS: report.listing.meter.capturePeriodS,
                        days: report.blocks.map { LoadDayView($0) })
                })),
        AnyEndpoint(
            Endpoint<MeterPath, OrderReceipt>(
                "meters.order-read", "POST", "/api/v1/meters/{meterID}/reads", access: .permission([.commandMeters]),
                EndpointText("Read a meter now", "Orders a read of the relay and of the part of today that is over."),
                example: MeterPath(meterID: ID(1001)), outputExample: OrderReceipt(commandID: ID(9001)), status: 202,
                idempotency: .keyed, problems: [.notFound, .conflict],
                run: { input, context in
                    let order = OrderRead(meterID: input.meterID.value, reference: context.idempotencyKey ?? "")
                    return OrderReceipt(commandID: ID(try await context.perform(order)))
                })),
    ]
}
