// The log of estimates: what was estimated how, how far off it proved to be, and how good each method is.
import Access
import CivilTime
import Jobs
import MeterData
import Meters
import VEE

struct EstimateQuery: APIModel {
    var from: Day
    var to: Day
    var method: EstimationMethod?
    var placeID: ID?
    var meterID: ID?
    var after: String?
    var limit: Int?
    static let notes: [String: Note] = [
        "from": Note("The first day."), "to": Note("The last day; at most 92 days in all."),
        "method": Note("Only estimates made so."), "placeID": Note("Only meters under this place."),
        "meterID": Note("Only this meter."),
        "after": Note("The `next` of the part before; without it the list begins.", length: 0...100),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
    var filter: EstimationFilter {
        EstimationFilter(
            from: from.value, to: to.value, method: method, placeID: placeID?.value, meterID: meterID?.value)
    }
}

struct EstimateView: APIModel {
    var day: Day
    var meterID: ID
    var channel: String
    var version: Int64
    var fromSlot: Int
    var toSlot: Int
    var method: EstimationMethod
    var shape: EstimationMethod?
    var confidence: Confidence
    var energy: Int64
    var expectedError: Int64
    var reason: String
    var registerWh: Int64?
    var madeAtMs: Int64
    var replacedSlots: Int64
    var replacedEstimate: Int64
    var replacedActual: Int64
    var absoluteError: Int64
    var replacedAtMs: Int64?
    static let notes: [String: Note] = [
        "day": Note("The day."), "meterID": Note("The meter."), "channel": Note("What was estimated."),
        "version": Note("The version of the day that the estimate made."), "fromSlot": Note("First interval, from 0."),
        "toSlot": Note("Interval after the last."), "method": Note("How."),
        "shape": Note("What gave the course, when the register gave the sum."),
        "confidence": Note("The lowest of the run."), "energy": Note("Sum of the run: Wh for energy."),
        "expectedError": Note("How far similar estimates lie off."), "reason": Note("What it was made from, in words."),
        "registerWh": Note("What the registers at both ends of the day moved, when known."),
        "madeAtMs": Note("Business time."), "replacedSlots": Note("Intervals for which the actual came since."),
        "replacedEstimate": Note("What these had been estimated."), "replacedActual": Note("What they came to."),
        "absoluteError": Note("Sum of the differences, interval by interval, without signs."),
        "replacedAtMs": Note("When, business time."),
    ]
    init(_ record: EstimateRecord) {
        (day, meterID, channel) = (Day(record.day), ID(record.meterID), "\(record.channel)")
        (version, fromSlot, toSlot) = (record.version, record.slots.lowerBound, record.slots.upperBound)
        (method, shape, confidence) = (record.method, record.shape, record.confidence)
        (energy, expectedError, reason) = (record.energy, record.expectedError, record.reason)
        (registerWh, madeAtMs, replacedAtMs) = (record.registerWh, record.madeAtMs, record.replacedAtMs)
        (replacedSlots, replacedEstimate) = (record.replacedSlots, record.replacedEstimate)
        (replacedActual, absoluteError) = (record.replacedActual, record.absoluteError)
    }
    private init() {
        (day, meterID, channel, version) = (Day(CivilDay(number: 20_770)), ID(1001), "importWh", 2)
        (fromSlot, toSlot, method, confidence) = (20, 24, .threeDayMean, .medium)
        (energy, expectedError, reason, madeAtMs) = (640, 180, "mean of 3 days", 1_795_248_000_000)
        (replacedSlots, replacedEstimate, replacedActual, absoluteError) = (4, 640, 700, 96)
    }
    static let example = EstimateView()
}

struct EstimateListView: APIModel {
    var items: [EstimateView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("Newest day first, then by meter, version and interval."),
        "next": Note("Send it as `after`; absent at the end."),
    ]
}

struct AccuracyView: APIModel {
    var method: EstimationMethod
    var runs: Int64
    var slots: Int64
    var energyWh: Int64
    var replacedSlots: Int64
    var replacedEstimateWh: Int64
    var replacedActualWh: Int64
    var absoluteErrorWh: Int64
    var wapePPM: Int64?
    var biasPPM: Int64?
    static let notes: [String: Note] = [
        "method": Note("How."), "runs": Note("Runs of intervals estimated so."), "slots": Note("Intervals."),
        "energyWh": Note("Their sum."), "replacedSlots": Note("Those for which the actual came since."),
        "replacedEstimateWh": Note("What these had been estimated."), "replacedActualWh": Note("What they came to."),
        "absoluteErrorWh": Note("Sum of the differences, interval by interval, without signs."),
        "wapePPM": Note("Absolute error over actual, parts per million; absent before any actual came."),
        "biasPPM": Note("How much too high in sum, parts per million."),
    ]
    init(_ item: MethodAccuracy) {
        (method, runs, slots, energyWh) = (item.method, item.runs, item.slots, item.energyWh)
        (replacedSlots, replacedEstimateWh) = (item.replacedSlots, item.replacedEstimateWh)
        (replacedActualWh, absoluteErrorWh) = (item.replacedActualWh, item.absoluteErrorWh)
        (wapePPM, biasPPM) = (item.wapePPM, item.biasPPM)
    }
    static let example = AccuracyView(
        MethodAccuracy(
            method: .threeDayMean, runs: 12, slots: 96, energyWh: 15_400, replacedSlots: 80,
            replacedEstimateWh: 12_900, replacedActualWh: 13_400, absoluteErrorWh: 5_900))
}

struct AccuracyQuery: APIModel {
    var from: Day
    var to: Day
    var placeID: ID?
    static let notes: [String: Note] = [
        "from": Note("The first day."), "to": Note("The last day; at most 92 days in all."),
        "placeID": Note("Only meters under this place."),
    ]
}

struct AccuracyListView: APIModel {
    var items: [AccuracyView]
    static let notes: [String: Note] = ["items": Note("Methods that estimated on these days, import only.")]
}

struct RegisterQuery: APIModel {
    var meterID: ID
    var day: Day
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "day": Note("The register at the end of this day."),
    ]
}

/// How a register is known.
enum RegisterStanding: String, Codable, CaseIterable, Sendable { case read, estimated, unknown }

struct RegisterView: APIModel {
    var meterID: ID
    var day: Day
    var standing: RegisterStanding
    var registerWh: Int64?
    var fromDay: Day?
    var fromWh: Int64?
    var intervalsWh: Int64?
    var estimatedWh: Int64?
    var confidence: Confidence?
    var missingSlots: Int?
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "day": Note("The register at the end of this day."),
        "standing": Note("read: by the meter. estimated: the last one read and the intervals since."),
        "registerWh": Note("Import register; absent when it is unknown."),
        "fromDay": Note("The last register read is of the end of this day."), "fromWh": Note("What it showed."),
        "intervalsWh": Note("The intervals since."), "estimatedWh": Note("Those of them that are not actual."),
        "confidence": Note("Of the estimate."),
        "missingSlots": Note("Intervals that lack; 0: no register to start from."),
    ]
    init(_ register: BillingRegister, meterID: ID, day: Day) {
        (self.meterID, self.day) = (meterID, day)
        switch register {
        case .read(let wh): (standing, registerWh) = (.read, wh)
        case .estimated(let found):
            (standing, registerWh, confidence) = (.estimated, found.registerWh, found.confidence)
            (fromDay, fromWh) = (Day(found.fromDay), found.fromWh)
            (intervalsWh, estimatedWh) = (found.intervalsWh, found.estimatedWh)
        case .unknown(let missing): (standing, missingSlots) = (.unknown, missing)
        }
    }
    static let example = RegisterView(
        .read(registerWh: 4_218_306), meterID: ID(1001), day: Day(CivilDay(number: 20_770)))
}

extension Endpoints {
    static let estimates: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<RegisterQuery, RegisterView>(
                "meters.register", "GET", "/api/v1/meters/{meterID}/registers/{day}",
                access: .permission([.readMeters]),
                EndpointText(
                    "Register at the end of a day",
                    "As the meter gave it; else, for billing, the last one read and the intervals since."),
                example: RegisterQuery(meterID: ID(1001), day: Day(CivilDay(number: 20_770))),
                outputExample: .example, problems: [.notFound],
                run: { input, context in
                    let org = try await context.read { transaction, scope in
                        _ = try Meter.find(input.meterID.value, scope, in: transaction)
                        return try Org.find(scope.orgID, in: transaction)
                    }
                    let site = context.services.site
                    let found = try await Estimator(site: site, org: org, sources: .of(site, org))
                        .register(of: input.meterID.value, endOf: input.day.value)
                    return RegisterView(found, meterID: input.meterID, day: input.day)
                })),
        AnyEndpoint(
            Endpoint<EstimateQuery, EstimateListView>(
                "estimates.list", "GET", "/api/v1/estimates", access: .permission([.readMeters]),
                EndpointText("List estimates", "What was estimated, how, and how far off it proved to be."),
                example: EstimateQuery(from: Day(CivilDay(number: 20_770)), to: Day(CivilDay(number: 20_776))),
                outputExample: EstimateListView(items: [.example]), rate: .heavy, problems: [.notFound],
                run: { input, context in
                    let place = try input.after.flatMap { $0.isEmpty ? nil : $0 }.map { text in
                        guard let place = EstimationLog.Place(text) else {
                            throw Refusal(
                                .invalid, "This is no place in the list.", hint: "Send `next` as it came.", at: "after")
                        }
                        return place
                    }
                    let (items, next) = try await EstimationLog.list(
                        input.filter, after: place, limit: input.limit ?? 50, site: context.services.site,
                        try context.actor.scope)
                    return EstimateListView(items: items.map { EstimateView($0) }, next: next?.text)
                })),
        AnyEndpoint(
            Endpoint<AccuracyQuery, AccuracyListView>(
                "estimates.accuracy", "GET", "/api/v1/estimates/accuracy", access: .permission([.readMeters]),
                EndpointText("Accuracy of estimates", "Each method against the actual values that came later."),
                example: AccuracyQuery(from: Day(CivilDay(number: 20_770)), to: Day(CivilDay(number: 20_776))),
                outputExample: AccuracyListView(items: [.example]), rate: .heavy, problems: [.notFound],
                run: { input, context in
                    let filter = EstimationFilter(
                        from: input.from.value, to: input.to.value, placeID: input.placeID?.value)
                    return AccuracyListView(
                        items: try await EstimationLog.accuracy(
                            filter, site: context.services.site, try context.actor.scope
                        ).map { AccuracyView($0) })
                })),
    ]
}
