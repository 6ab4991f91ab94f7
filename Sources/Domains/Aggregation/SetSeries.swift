// What a set used over a period, as buckets of 15 minutes to a month: the plain sum of the meters, and apart from it
// what had to be fed in for it, where every member's way is known. Reads; changes nothing.
import Access
import CivilTime
import Corridor
import Grid
import IntervalData
import MeterData
import Meters
import Packs
import SQL

/// Length of a bucket.
public enum Resolution: String, Sendable, CaseIterable, Codable {
    case quarterHour = "15min"
    case halfHour = "30min"
    case hour, day, month

    public var seconds: Int64? {
        switch self {
        case .quarterHour: 900
        case .halfHour: 1_800
        case .hour: 3_600
        case .day, .month: nil
        }
    }
    /// Longest period asked for at once, days.
    public var daysMax: Int {
        switch self {
        case .quarterHour, .halfHour, .hour: 40
        case .day: 400
        case .month: 3_700
        }
    }
}

/// One bucket.
public struct SetBucket: Sendable, Equatable {
    /// When it begins, s since 1970.
    public var startS: Int64
    public var day: CivilDay
    /// The sum of the meters.
    public var meterWh: Int64
    /// What went into the set for its way: see ``SetSeries/grossed``. Nil where that is not known.
    public var grossedMilliWh: Int64?
    public var estimatedIntervals: Int
    public var editedIntervals: Int
    public var missingIntervals: Int

    public init(
        startS: Int64, day: CivilDay, meterWh: Int64, grossedMilliWh: Int64? = nil, estimatedIntervals: Int,
        editedIntervals: Int, missingIntervals: Int
    ) {
        (self.startS, self.day, self.meterWh) = (startS, day, meterWh)
        self.grossedMilliWh = grossedMilliWh
        (self.estimatedIntervals, self.editedIntervals) = (estimatedIntervals, editedIntervals)
        self.missingIntervals = missingIntervals
    }
}

/// What is behind a grossed-up value.
public enum Grossed: Sendable, Equatable {
    /// The set's members may be delivered by ways that have nothing in common with it: only its plain sum means
    /// anything.
    case notOfThisSet
    /// These nodes have declared no loss for some day of the period.
    case undeclared([Int64])
    /// Of no member the way is known: what went in for the set cannot be said.
    case withoutPath
    /// So much of the plain sum belongs to members without a way, and is not in the grossed-up value, Wh.
    case known(withoutPathWh: Int64)
}

public struct SetSeries: Sendable {
    public var key: SetKey
    public var channel: Channel
    public var resolution: Resolution
    /// What was asked for, when the meters do not measure so finely and a longer one is given.
    public var asked: Resolution
    public var buckets: [SetBucket]
    public var grossed: Grossed
    /// The highest number of meters on any day.
    public var meters: Int
    /// When the oldest of the sums was made; nil when there is none.
    public var madeAtMs: Int64?
    /// Days of the period that are not summed up yet: they have no bucket and are in no total.
    public var unsummed: [CivilDay]

    public init(
        key: SetKey, channel: Channel, resolution: Resolution, asked: Resolution, buckets: [SetBucket],
        grossed: Grossed, meters: Int, madeAtMs: Int64?, unsummed: [CivilDay] = []
    ) {
        (self.key, self.channel, self.resolution, self.asked) = (key, channel, resolution, asked)
        (self.buckets, self.grossed, self.meters, self.madeAtMs) = (buckets, grossed, meters, madeAtMs)
        self.unsummed = unsummed
    }

    public var totalWh: Int64 { buckets.reduce(0) { $0 + $1.meterWh } }
    /// ``totalWh``; nil where there is no sum of any day.
    public var knownTotalWh: Int64? { buckets.isEmpty ? nil : totalWh }
    /// Of the buckets for which it is known; nil when it is for none.
    public var grossedTotalMilliWh: Int64? {
        let known = buckets.compactMap(\.grossedMilliWh)
        return known.isEmpty ? nil : known.reduce(0, +)
    }
    public var estimatedCount: Int { buckets.reduce(0) { $0 + $1.estimatedIntervals } }
    public var editedCount: Int { buckets.reduce(0) { $0 + $1.editedIntervals } }
    public var missingCount: Int { buckets.reduce(0) { $0 + $1.missingIntervals } }
}

/// Reads sums for a company. Who may see what was proven before: ``SetKey/prove(_:in:)``.
public struct SetReader: Sendable {
    let site: Site
    let org: Org
    let paths: DeliveryPaths
    let virtual: VirtualMeters

    public init(site: Site, org: Org) async throws {
        self.site = site
        self.org = org
        (paths, virtual) = try await site.money.read { [org] transaction in
            let scope = Scope(orgID: org.orgID)
            return (
                try DeliveryPaths(scope, in: transaction),
                try VirtualMeters(VirtualFormula.all(scope, in: transaction))
            )
        }
    }

    /// Days of a period that are kept, month by month.
    func months(_ from: CivilDay, _ to: CivilDay) async throws -> [(shard: any Database, days: [CivilDay])] {
        var found: [(any Database, [CivilDay])] = []
        for month in try await site.readings.months() where month >= from.month && month <= to.month {
            let (first, last) = (max(from, month.first), min(to, month.last))
            guard first <= last else { continue }
            found.append(
                (try await site.readings.shard(month), (first.number...last.number).map { CivilDay(number: $0) }))
        }
        return found
    }

    static func refuseBadPeriod(_ from: CivilDay, _ to: CivilDay, daysMax: Int) throws {
        guard from <= to else { throw Refusal(.invalid, "The period ends before it begins.", at: "to") }
        guard from.days(to: to) < daysMax else {
            throw Refusal(
                .invalid, "The period is longer than \(daysMax) days.",
                hint: "Ask for a shorter period, or for longer intervals.", at: "to")
        }
    }

    /// Days of a period whose sums have not been made yet, in order; before the first meter stood there is nothing to
    /// sum. With the sums of what is taken those of all other energy are made.
    public func unsummed(_ channel: Channel, from: CivilDay, to: CivilDay) async throws -> [CivilDay] {
        let begin = try await site.money.read { [org] transaction in
            try transaction.first(
                "SELECT MIN(from_day) FROM installation WHERE org_id = $1", [.int(org.orgID)]
            ) { try $0.optionalDay(0) } ?? nil
        }
        guard let begin, begin <= to else { return [] }
        var summed: Set<CivilDay> = []
        for (shard, days) in try await months(from, to) {
            let states = try await shard.read { [org] in try SetDayState.of(days: days, orgID: org.orgID, in: $0) }
            for state in states where [channel, .importWh].contains(state.channel) { summed.insert(state.day) }
        }
        return (max(from, begin).number...to.number).map { CivilDay(number: $0) }.filter { !summed.contains($0) }
    }

    /// The sums of a set day by day. A virtual meter's are those of its terms with their signs.
    public func days(_ key: SetKey, _ channel: Channel, from: CivilDay, to: CivilDay) async throws
        -> [CivilDay: DaySums]
    {
        try await days(key, channel, from: from, to: to, depth: 0)
    }

    private func days(
        _ key: SetKey, _ channel: Channel, from: CivilDay, to: CivilDay, depth: Int
    ) async throws -> [CivilDay: DaySums] {
        if case .virtual(let id) = key {
            return try await virtualDays(id, channel, from: from, to: to, depth: depth)
        }
        var found: [CivilDay: DaySums] = [:]
        for (shard, days) in try await months(from, to) {
            let part = try await shard.read { [org] transaction in
                if case .meter(let meterID) = key {
                    return try Self.meterDays(
                        [meterID], channel, days, orgID: org.orgID, in: transaction)
                }
                return try SetDays.of(
                    key.description, days: days, channel: channel, orgID: org.orgID, in: transaction)
            }
            found.merge(part) { $1 }
        }
        return found
    }

    /// The current days of some meters, summed.
    static func meterDays(
        _ meterIDs: [Int64], _ channel: Channel, _ days: [CivilDay], orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [CivilDay: DaySums] {
        var found: [CivilDay: DaySums] = [:]
        for day in days {
            for pair in try DayBlocks.pair(
                day: day, channel: channel, meters: meterIDs, before: 0, through: .max, orgID: orgID, in: transaction)
            {
                guard let raw = pair.value.new else { continue }
                try found[day, default: [:]][raw.slotCount, default: SlotSums(slots: raw.slotCount)].add(
                    values: raw.values, qualities: raw.qualities)
            }
        }
        return found
    }

    private func virtualDays(
        _ id: Int64, _ channel: Channel, from: CivilDay, to: CivilDay, depth: Int
    ) async throws -> [CivilDay: DaySums] {
        guard depth < VirtualMeters.depthMax else {
            throw Refusal(.conflict, "The formula is more than \(VirtualMeters.depthMax) deep.", at: "set")
        }
        var read: [SetKey: [CivilDay: DaySums]] = [:]
        var found: [CivilDay: DaySums] = [:]
        for number in from.number...to.number {
            let day = CivilDay(number: number)
            for term in virtual.formula(of: id, on: day)?.terms ?? [] {
                if read[term.key] == nil {
                    read[term.key] = try await days(term.key, channel, from: from, to: to, depth: depth + 1)
                }
                for (slots, sums) in read[term.key]?[day] ?? [:] {
                    found[day, default: [:]][slots, default: SlotSums(slots: slots)].add(sums, sign: term.sign)
                }
            }
        }
        return found
    }

    /// - Throws: ``Refusal`` for a period that is too long.
    public func series(
        _ key: SetKey, _ channel: Channel = .importWh, from: CivilDay, to: CivilDay, _ asked: Resolution
    ) async throws -> SetSeries {
        try Self.refuseBadPeriod(from, to, daysMax: asked.daysMax)
        let plain = try await days(key, channel, from: from, to: to)
        var resolution = asked
        while let seconds = resolution.seconds, !plain.allSatisfy({ fits(seconds, $0.key, $0.value) }) {
            resolution = resolution == .quarterHour ? .halfHour : resolution == .halfHour ? .hour : .day
        }
        var buckets: [Int64: SetBucket] = [:]
        for (day, sums) in plain {
            for (slots, sum) in sums { add(sum, slots, day, resolution, to: &buckets) }
        }
        let (grossed, state) = try await gross(key, channel, from: from, to: to, plain, resolution, &buckets)
        // Of one meter the day itself is read, not a sum.
        var unsummed: [CivilDay] = []
        if case .meter = key {
        } else {
            unsummed = try await self.unsummed(channel, from: from, to: to).filter { plain[$0] == nil }
        }
        return SetSeries(
            key: key, channel: channel, resolution: resolution, asked: asked,
            buckets: buckets.values.sorted { $0.startS < $1.startS }, grossed: grossed,
            meters: plain.values.map { $0.values.reduce(0) { $0 + $1.meters } }.max() ?? 0,
            madeAtMs: state, unsummed: unsummed)
    }

    private func fits(_ seconds: Int64, _ day: CivilDay, _ sums: DaySums) -> Bool {
        let length = org.zone.lengthS(of: day)
        return sums.keys.allSatisfy { $0 > 0 && seconds % (length / Int64($0)) == 0 }
    }

    private func start(_ slot: Int, of slots: Int, _ day: CivilDay, _ resolution: Resolution) -> Int64 {
        switch resolution {
        case .month: return org.zone.startS(of: day.month.first)
        case .day: return org.zone.startS(of: day)
        default:
            let dayStart = org.zone.startS(of: day)
            let at = Int64(slot) * (org.zone.lengthS(of: day) / Int64(slots))
            let length = resolution.seconds ?? 1
            return dayStart + at / length * length
        }
    }

    private func add(
        _ sums: SlotSums, _ slots: Int, _ day: CivilDay, _ resolution: Resolution, to buckets: inout [Int64: SetBucket]
    ) {
        for slot in 0..<slots {
            let at = start(slot, of: slots, day, resolution)
            var bucket =
                buckets[at]
                ?? SetBucket(
                    startS: at, day: resolution == .month ? day.month.first : day, meterWh: 0, estimatedIntervals: 0,
                    editedIntervals: 0, missingIntervals: 0)
            bucket.meterWh += sums.values[slot]
            bucket.estimatedIntervals += Int(sums.estimated[slot])
            bucket.editedIntervals += Int(sums.edited[slot])
            bucket.missingIntervals += Int(sums.missing[slot])
            buckets[at] = bucket
        }
    }

    // MARK: grossed up

    /// Which paths go through a set and what of them is its own: what its node takes in, or what the plant feeds in.
    private func part(
        _ key: SetKey, _ plantID: Int64, _ nodes: [PathNode], _ flows: [NodeFlow], _ day: CivilDay,
        meterMilliWh: Int64
    ) -> Int64? {
        let fedIn = flows.first?.inMilliWh ?? meterMilliWh
        switch key {
        case .all: return fedIn
        case .corridor(let text): return text == Corridor.channelKey(plantID, nodes) ? fedIn : nil
        case .node(.plant, let id): return id == plantID ? fedIn : nil
        case .node(.res, let id): return paths.facts(of: plantID, on: day)?.resID == id ? fedIn : nil
        case .node(let kind, let id):
            return flows.first { $0.node == PathNode(kind, id) }?.inMilliWh
        case .place, .category, .meter, .virtual: return nil
        }
    }

    /// Puts the grossed-up values into the buckets: reckoned a path and slot at a time, so that every sum of them is
    /// exact.
    private func gross(
        _ key: SetKey, _ channel: Channel, from: CivilDay, to: CivilDay, _ plain: [CivilDay: DaySums],
        _ resolution: Resolution, _ buckets: inout [Int64: SetBucket]
    ) async throws -> (Grossed, madeAtMs: Int64?) {
        var undeclared: Set<Int64> = []
        var found: [Int64: Int64] = [:]
        var withPath: Int64 = 0
        var isThrough = false
        var oldest: Int64?
        let hasPath: Bool
        switch key {
        case .all, .node, .corridor: hasPath = true
        case .place, .category, .meter, .virtual: hasPath = false
        }
        for (shard, days) in try await months(from, to) {
            let (states, corridors) = try await shard.read { [org] transaction in
                (
                    try SetDayState.of(days: days, orgID: org.orgID, in: transaction),
                    hasPath
                        ? try SetDays.beginning(
                            "corridor:", days: days, channel: channel, orgID: org.orgID, in: transaction) : [:]
                )
            }
            for state in states where state.channel == channel { oldest = min(oldest ?? .max, state.madeAtMs) }
            for (name, byDay) in corridors {
                guard let path = Corridor.parse(channelKey: name.dropFirst("corridor:".count)) else { continue }
                for (day, sums) in byDay {
                    for (slots, sum) in sums {
                        let added = try gross(
                            key, path, sum, slots, day, resolution, &found, &undeclared)
                        if added { (withPath, isThrough) = (withPath + sum.total, true) }
                    }
                }
            }
        }
        guard hasPath else { return (.notOfThisSet, oldest) }
        guard undeclared.isEmpty else { return (.undeclared(undeclared.sorted()), oldest) }
        guard isThrough || plain.isEmpty else { return (.withoutPath, oldest) }
        for at in buckets.keys { buckets[at]?.grossedMilliWh = found[at] }
        let total = plain.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.total } }
        return (.known(withoutPathWh: total - withPath), oldest)
    }

    /// True when the path goes through the set.
    private func gross(
        _ key: SetKey, _ path: (plantID: Int64, nodes: [PathNode]), _ sum: SlotSums, _ slots: Int, _ day: CivilDay,
        _ resolution: Resolution, _ found: inout [Int64: Int64], _ undeclared: inout Set<Int64>
    ) throws -> Bool {
        var isThrough = false
        let composition = paths.composition(on: day)
        for slot in 0..<slots {
            let meter = sum.values[slot] * 1000
            let flows: [NodeFlow]
            do throws(LossError) {
                flows = try Losses.flows(milliWh: meter, nodes: path.nodes, composition: composition) {
                    paths.term(.loss, of: $0.nodeID, on: day) ?? 0
                }
            } catch {
                throw Refusal(.invalid, "The losses of \(day) cannot be reckoned with: \(error).", at: "set")
            }
            guard let own = part(key, path.plantID, path.nodes, flows, day, meterMilliWh: meter) else { continue }
            isThrough = true
            found[start(slot, of: slots, day, resolution), default: 0] += own
        }
        if isThrough {
            for node in path.nodes where paths.term(.loss, of: node.nodeID, on: day) == nil {
                undeclared.insert(node.nodeID)
            }
        }
        return isThrough
    }
}
