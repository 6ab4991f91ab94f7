// Estimation runs: days whose deadline has passed get a version without gaps, marked as estimated, until the actual
// comes.
import Access
import CivilTime
import Clocks
import IntervalData
import Meters
import SQL
import VEE

/// What others know that an estimate rests on. Asked only for meters that lack something.
public struct EstimationSources: Sendable {
    public typealias Registers =
        @Sendable (_ meterID: Int64, _ from: CivilDay, _ to: CivilDay) async throws ->
        [VEE.RegisterReading]
    public typealias Outages =
        @Sendable (_ meterID: Int64, _ from: CivilDay, _ to: CivilDay) async throws ->
        [Range<Int64>]
    /// Cumulative import registers; rolled over registers go on counting.
    public var registers: Registers
    /// Instants from which to which the meter was without supply, seconds since 1970.
    public var outages: Outages
    public init(
        registers: @escaping Registers = { _, _, _ in [] }, outages: @escaping Outages = { _, _, _ in [] }
    ) {
        self.registers = registers
        self.outages = outages
    }
}

public struct Estimator: Sendable {
    /// How far around a day is looked for what an estimate can be made from.
    static let historyDays = 28
    static let laterDays = 7
    /// `standard`, `best`, a method, or the text of an ``EstimationPlan``.
    public static let planSetting = "vee.estimation-plan"
    public static let settings = [
        SettingKind(
            planSetting, initial: "standard",
            hint: """
                By which rules what is missing is estimated: \(EstimationPlan.names.joined(separator: ", ")), or the \
                rules themselves as JSON of format 2 (docs/vee.md).
                """
        ) { text in plan(of: text) == nil ? nil : text }
    ]

    /// Nil for text that is no plan.
    static func plan(of text: String) -> EstimationPlan? {
        EstimationPlan(named: text) ?? (try? EstimationPlan(json: text))
    }

    let site: Site
    let org: Org
    let plan: EstimationPlan?
    let sources: EstimationSources

    /// - Parameter plan: nil: what the company has set for the day.
    public init(
        site: Site, org: Org, plan: EstimationPlan? = nil, sources: EstimationSources = EstimationSources()
    ) {
        self.site = site
        self.org = org
        self.plan = plan
        self.sources = sources
    }

    /// The rules in force on a day for some meters: of each its group's, else the company's. The holidays are those
    /// known when the estimate is made.
    func plans(of meterIDs: [Int64], on day: CivilDay) async throws -> DayPlans {
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        return try await site.money.read { [org, plan] transaction in
            let scope = Scope(orgID: org.orgID)
            let holidays = try Holidays.among(
                day.advanced(by: -Self.historyDays), through: day.advanced(by: Self.laterDays), knownOn: today, scope,
                in: transaction)
            if let plan { return DayPlans(day: day, company: plan, book: PlanBook(), traits: [:], holidays: holidays) }
            let text = try SettingRegistry(Self.settings).value(Self.planSetting, on: day, scope, in: transaction)
            let book = try PlanBook.load(orgID: org.orgID, in: transaction)
            return DayPlans(
                day: day, company: Self.plan(of: text) ?? .standard, book: book,
                traits: book.sets.isEmpty ? [:] : try MeterTraits.of(meterIDs, on: day, scope, in: transaction),
                holidays: holidays)
        }
    }

    /// Fills one finished day for every installed meter that is not complete. Returns (filled, not estimable).
    /// - Parameter onlyCalled: leaves out meters whose data comes by file: nobody knows yet what the next file brings.
    public func run(day: CivilDay, onlyCalled: Bool = true) async throws -> (filled: Int, notEstimable: Int) {
        let nowMs = site.clocks.businessNowMs()
        let shard = try await site.readings.shard(day.month)
        let qualities = try await shard.read { [org] in
            try DayBlocks.lowestQualities(day: day, orgID: org.orgID, in: $0)
        }
        // Two questions for the whole day; a meter is looked at by itself only when it lacks something.
        let (meters, exchanges) = try await site.money.read { [org] transaction in
            let scope = Scope(orgID: org.orgID)
            return (
                try Installation.all(on: day, scope, in: transaction)
                    .filter { qualities[$0.meterID, default: .missing] == .missing }
                    .map { try Meter.find($0.meterID, scope, in: transaction) }.filter { $0.isCalled || !onlyCalled },
                try MeterReplacement.since(day, scope, in: transaction).filter { $0.day == day }
            )
        }
        var filled = 0
        var notEstimable = 0
        let plans = try await plans(of: meters.map(\.meterID), on: day)
        for meter in meters {
            try Task.checkCancellation()
            var bench = try await EstimationBench.of(
                meter, day, holidays: plans.holidays, site: site, org: org, sources: sources)
            bench.confine(to: exchanges, zone: org.zone)
            if try await fill(bench, plans.plan(of: meter.meterID), shard: shard, nowMs: nowMs) {
                filled += 1
            } else {
                notEstimable += 1
            }
        }
        return (filled, notEstimable)
    }

    /// Looks again at the days before one whose turn has passed: meters that were entered late lack them. Cheap when
    /// nothing is missing, and idempotent. Returns the meter-days filled.
    public func lookBack(before day: CivilDay, days: Int) async throws -> Int {
        var filled = 0
        let months = Set(try await site.readings.monthsInReach())
        for offset in stride(from: days, through: 1, by: -1) {
            let earlier = day.advanced(by: -offset)
            let isCalledThen = try await site.money.read { [org] in
                try Installation.firstCalledDay(Scope(orgID: org.orgID), in: $0).map { $0 <= earlier } ?? false
            }
            // A month of which nobody has anything is not made for the sake of estimates that cannot be.
            guard isCalledThen, months.contains(earlier.month) else { continue }
            filled += try await run(day: earlier).filled
        }
        return filled
    }

    /// True when the day has no gap left.
    private func fill(
        _ bench: EstimationBench, _ rules: EstimationPlan, shard: any Database, nowMs: Int64
    ) async throws -> Bool {
        let batchID = site.ids.next()
        let (meterID, day) = (bench.meterID, bench.day)
        return try await shard.write { [org] transaction in
            // Read again inside the transaction: an actual may have come in between.
            let stored = try DayBlocks.current(
                meterID: meterID, from: day, to: day, orgID: org.orgID, in: transaction
            ).first
            let known = stored?.block ?? .empty(slots: bench.slotCount)
            let (filled, unfilled) = bench.estimates(known, rules)
            let block = known.replacing(
                filled.map { ($0.slot, Int32(clamping: $0.estimate.value)) }, quality: .estimated, batch: batchID)
            let version = try DayBlocks.store(
                block, after: stored, day: day, meterID: meterID, madeBy: "estimate", madeAtMs: nowMs,
                orgID: org.orgID, in: transaction)
            if let version {
                try EstimationLog.store(
                    EstimationLog.records(
                        filled, day: day, meterID: meterID, channel: .importWh, version: version,
                        registerWh: bench.registerWh, madeAtMs: nowMs), orgID: org.orgID, in: transaction)
            }
            return try note(unfilled, meterID, day, nowMs, in: transaction)
        }
    }

    /// Shows slots that no rule could fill to a person, once. True when there are none.
    private func note(
        _ unfilled: [Int], _ meterID: Int64, _ day: CivilDay, _ nowMs: Int64, in transaction: any SQLTransaction
    ) throws -> Bool {
        guard let first = unfilled.first, let last = unfilled.last else { return true }
        let known = try VEEException.of(meterID: meterID, from: day, to: day, orgID: org.orgID, in: transaction)
        guard !known.contains(where: { $0.rule == VEEException.notEstimable && $0.resolvedAtMs == nil }) else {
            return false
        }
        try VEEException.raise(
            [
                VEEException(
                    day: day, meterID: meterID, rule: VEEException.notEstimable, slots: first..<last + 1,
                    severity: Severity.hard.rawValue,
                    message: "\(unfilled.count) intervals have too little around them to be estimated from",
                    rawValues: "", raisedAtMs: nowMs)
            ], orgID: org.orgID, in: transaction)
        return false
    }
}

/// The rules of estimation of one day, and which of the days around it are lived like Sundays.
struct DayPlans: Sendable {
    let day: CivilDay
    let company: EstimationPlan
    let book: PlanBook
    let traits: [Int64: MeterTraits]
    let holidays: Set<CivilDay>

    func plan(of meterID: Int64) -> EstimationPlan { book.plan(for: traits[meterID], on: day) ?? company }
}

/// What one day of a meter is estimated from.
struct EstimationBench: Sendable {
    let meterID: Int64
    let day: CivilDay
    /// The days around, without the day itself; nil where the capture period divides no hour.
    let series: LoadSeries?
    let slotCount: Int
    let registers: [VEE.RegisterReading]
    let outages: [Range<Int64>]
    /// What the registers at both ends of the day moved.
    let registerWh: Int64?
    /// Slots in which the meter was there to measure; nil is the whole day.
    var own: Range<Int>?

    static func of(
        _ meter: Meter, _ day: CivilDay, channel: Channel = .importWh, holidays: Set<CivilDay>, site: Site,
        org: Org, sources: EstimationSources
    ) async throws -> EstimationBench {
        let (first, last) = (day.advanced(by: -Estimator.historyDays), day.advanced(by: Estimator.laterDays))
        let stored = try await History.blocks(
            meterID: meter.meterID, channel: channel, from: first, to: last, site: site, orgID: org.orgID)
        let own = stored.first { $0.day == day }?.block.slotCount
        // A day that has values has the slots it was read with, whatever the meter captures by now.
        let lengthS = org.zone.lengthS(of: day)
        let periodS = own.flatMap { $0 > 0 ? Int(lengthS) / $0 : nil } ?? Int(meter.capturePeriodS)
        let slotCount = own ?? org.zone.slotCount(of: day, periodS: meter.capturePeriodS)
        // Days of which nothing is known yet would only make a gap at the end look longer.
        let through = max(day, stored.last { $0.block.count(of: .missing) < $0.block.slotCount }?.day ?? day)
        var series: LoadSeries?
        if periodS >= 60, 3600 % periodS == 0 {
            var around = LoadSeries(
                from: stored.first.map { min($0.day, day) } ?? day, through: through, zone: org.zone, periodS: periodS,
                holidays: holidays)
            for item in stored where item.day != day { around.put(item.block, on: item.day) }
            series = around
        }
        let isEnergy = channel == .importWh
        let registers =
            isEnergy
            ? try await sources.registers(meter.meterID, day.advanced(by: -1), min(through, day.advanced(by: 1))) : []
        let startS = org.zone.startS(of: day)
        let ends = [startS, startS + lengthS].map { at in registers.last { $0.atS == at }?.registerWh }
        return EstimationBench(
            meterID: meter.meterID, day: day, series: series, slotCount: slotCount, registers: registers,
            outages: try await sources.outages(meter.meterID, day, day),
            registerWh: ends[0].flatMap { from in ends[1].map { $0 - from } })
    }

    /// On the day of an exchange each meter has its own part of the day: the rest is the other one's.
    mutating func confine(to exchanges: [MeterReplacement], zone: Zone) {
        let (startS, lengthS) = (zone.startS(of: day), zone.lengthS(of: day))
        for exchange in exchanges where exchange.oldMeterID == meterID || exchange.newMeterID == meterID {
            let slots = exchange.slots(
                of: meterID, count: slotCount, dayStartMs: startS * 1000,
                periodMs: lengthS * 1000 / Int64(max(1, slotCount)))
            own = own.map { $0.clamped(to: slots) } ?? slots
        }
    }

    /// What is missing of the day, by slot of the day.
    func estimates(
        _ known: DayBlock, _ rules: EstimationPlan
    ) -> (filled: [(slot: Int, estimate: SlotEstimate)], unfilled: [Int]) {
        let missing = known.qualities.indices.filter { known.qualities[$0] == .missing && own?.contains($0) != false }
        guard var series, series.put(known, on: day), let slots = series.slots(of: day) else { return ([], missing) }
        let wanted = own.map { slots.lowerBound + $0.lowerBound..<slots.lowerBound + $0.upperBound } ?? slots
        let found = estimate(series, wanted: wanted, registers: registers, outages: outages, plan: rules)
        return (
            found.filled.map { ($0.slot - slots.lowerBound, $0) }, found.unfilled.map { $0 - slots.lowerBound }
        )
    }
}
