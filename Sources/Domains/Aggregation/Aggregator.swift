// Brings the sums of sets up to date: a new day is counted once, what comes late changes the sums by its difference.
// Versions of day blocks never change and carry the number of their change, so what a sum holds of a meter is known
// without a note of its own: the version that was current at the sum's change.
import Access
import CivilTime
import Clocks
import IntervalData
import MeterData
import Outbox
import SQL

public struct Aggregator: Sendable {
    /// Until edited values had sums of their own it was another one: all was counted again then.
    public static let consumer = "sums"
    /// What can be added up. Apparent energy, voltages and demands cannot.
    public static let channels: [Channel] = [.importWh, .exportWh, .varhQ1, .varhQ2, .varhQ3, .varhQ4]
    /// Meters asked for in one statement.
    static let chunk = 200

    let site: Site
    let org: Org

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Takes over what changed since the last run. Returns the days and channels whose sums changed.
    @discardableResult
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> Int {
        let master = try await site.money.read { [scope] in try SetMasterData(scope, in: $0) }
        var made = 0
        for month in try await site.readings.monthsInReach() {
            let shard = try await site.readings.shard(month)
            let (through, days) = try await shard.read {
                [org] transaction -> (Int64, [(day: CivilDay, channel: Channel)]) in
                let through = try DayBlocks.lastChange(month: month, orgID: org.orgID, in: transaction)
                let cursor = try ChangeStream.dayBlock.cursor(
                    of: Self.consumer, orgID: org.orgID, month: month, in: transaction)
                guard cursor < through else { return (through, []) }
                return (
                    through,
                    try DayBlocks.changedDays(
                        after: cursor, through: through, month: month, orgID: org.orgID, in: transaction)
                )
            }
            var membership: Membership?
            for (day, channel) in days where Self.channels.contains(channel) {
                try Task.checkCancellation()
                if membership?.day != day { membership = try await members(on: day, master) }
                guard let members = membership else { continue }
                if try await bring(day, channel, members, through: through, shard: shard) { made += 1 }
                await progress(made)
            }
            if !days.isEmpty {
                try await shard.write { [org] transaction in
                    try ChangeStream.dayBlock.advance(
                        Self.consumer, to: through, orgID: org.orgID, month: month, in: transaction)
                }
            }
        }
        return made
    }

    /// Looks whether the meters of the last days still belong to the sets they were counted in, and counts the days
    /// anew whose do not: an account was moved, a network assigned, a pack changed for a day that has passed.
    @discardableResult
    public func regroup(days: Int, progress: @Sendable (Int) async -> Void = { _ in }) async throws -> Int {
        let master = try await site.money.read { [scope] in try SetMasterData(scope, in: $0) }
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let earliest = today.advanced(by: -days)
        var made = 0
        for month in try await site.readings.monthsInReach() where month >= earliest.month && month <= today.month {
            let shard = try await site.readings.shard(month)
            let (first, last) = (max(earliest, month.first), min(today, month.last))
            let wanted = (first.number...max(first.number, last.number)).map { CivilDay(number: $0) }
            let states = try await shard.read { [org] in
                try SetDayState.of(days: wanted, orgID: org.orgID, in: $0)
            }
            var membership: Membership?
            for state in states {
                try Task.checkCancellation()
                if membership?.day != state.day { membership = try await members(on: state.day, master) }
                guard let members = membership, members.fingerprint != state.membership else { continue }
                let isMade = try await bring(
                    state.day, state.channel, members, through: state.change, shard: shard)
                if isMade { made += 1 }
                await progress(made)
            }
        }
        return made
    }

    /// Every set's sums of a day, counted from the blocks as they are now; stores nothing.
    public static func sums(
        _ day: CivilDay, _ channel: Channel = .importWh, _ members: Membership, orgID: Int64, shard: any Database
    ) async throws -> [String: DaySums] {
        let through = try await shard.read {
            try DayBlocks.lastChange(month: day.month, orgID: orgID, in: $0)
        }
        return try await DayCount.count(
            day, channel, members, through: through, orgID: orgID, shard: shard
        ).bySet(members)
    }

    private func members(on day: CivilDay, _ master: SetMasterData) async throws -> Membership {
        try await site.money.read { [scope, org] in
            try Membership(on: day, master, zone: org.zone, scope, in: $0)
        }
    }

    /// Brings one day's sums to a change. False when they were there already.
    private func bring(
        _ day: CivilDay, _ channel: Channel, _ members: Membership, through: Int64, shard: any Database
    ) async throws -> Bool {
        // Another process may do the same at this moment; then look again at what is left.
        for _ in 0..<5 {
            let state = try await shard.read { [org] in
                try SetDayState.find(day, channel, orgID: org.orgID, in: $0)
            }
            if let state, state.membership == members.fingerprint {
                if state.change >= through { return false }
                let most = max(Self.chunk, members.members.count / 5)
                let changed = try await shard.read { [org] in
                    try DayBlocks.changedMeters(
                        day: day, channel: channel, after: state.change, through: through, limit: most + 1,
                        orgID: org.orgID, in: $0)
                }
                if changed.count <= most {
                    if try await change(state, changed, members, through: through, shard: shard) { return true }
                    continue
                }
            }
            let target = max(through, state?.change ?? 0)
            if try await count(day, channel, members, through: target, instead: state, shard: shard) { return true }
        }
        throw SQLError(.busy, "the sums of \(day) were changed by others again and again; they are brought up later")
    }

    /// Counts a whole day.
    private func count(
        _ day: CivilDay, _ channel: Channel, _ members: Membership, through: Int64, instead known: SetDayState?,
        shard: any Database
    ) async throws -> Bool {
        let sums = try await DayCount.count(
            day, channel, members, through: through, orgID: org.orgID, shard: shard
        ).bySet(members)
        let nowMs = site.clocks.businessNowMs()
        return try await shard.write { [org] transaction in
            let found = try SetDayState.find(day, channel, orgID: org.orgID, in: transaction)
            guard found == known else { return false }
            try SetDays.clear(day, channel, orgID: org.orgID, in: transaction)
            try transaction.runMany(
                SetDays.insert,
                sums.sorted { $0.key < $1.key }.flatMap { key, day0 in
                    day0.values.filter { !$0.isEmpty }.map {
                        SetDays.row($0, key, day, channel, orgID: org.orgID)
                    }
                })
            try SetDayState(
                day: day, channel: channel, change: through, membership: members.fingerprint,
                version: (known?.version ?? 0) + 1, madeAtMs: nowMs
            ).store(orgID: org.orgID, in: transaction)
            return true
        }
    }

    /// Changes the sums by what some meters' days became.
    private func change(
        _ state: SetDayState, _ changed: [Int64], _ members: Membership, through: Int64, shard: any Database
    ) async throws -> Bool {
        let nowMs = site.clocks.businessNowMs()
        return try await shard.write { [org] transaction in
            guard try SetDayState.find(state.day, state.channel, orgID: org.orgID, in: transaction) == state else {
                return false
            }
            var difference = DayCount(members, countsAbsent: false)
            for start in stride(from: 0, to: changed.count, by: Self.chunk) {
                let part = Array(changed[start..<min(start + Self.chunk, changed.count)])
                let pairs = try DayBlocks.pair(
                    day: state.day, channel: state.channel, meters: part, before: state.change, through: through,
                    orgID: org.orgID, in: transaction)
                for (meterID, pair) in pairs {
                    guard let leaf = members.member(meterID)?.leaf, let new = pair.new else { continue }
                    if let old = pair.old {
                        try difference.add(old, leaf: leaf, sign: -1)
                    } else if state.channel == .importWh {
                        difference.addUnknown(-1, leaf: leaf)
                    }
                    try difference.add(new, leaf: leaf)
                }
            }
            for (key, sums) in difference.bySet(members) {
                for (slots, change) in sums where !change.isNothing {
                    var row =
                        try SetDays.find(
                            key, state.day, state.channel, slots: slots, orgID: org.orgID, in: transaction)
                        ?? SlotSums(slots: slots)
                    row.add(change)
                    if row.isEmpty {
                        try SetDays.delete(
                            key, state.day, state.channel, slots: slots, orgID: org.orgID, in: transaction)
                    } else {
                        try transaction.run(
                            SetDays.insert, SetDays.row(row, key, state.day, state.channel, orgID: org.orgID))
                    }
                }
            }
            var next = state
            (next.change, next.version, next.madeAtMs) = (through, state.version + 1, nowMs)
            try next.store(orgID: org.orgID, in: transaction)
            return true
        }
    }
}

extension SlotSums {
    /// Changes nothing when added.
    var isNothing: Bool { self == SlotSums(slots: slotCount) }
}

/// The sums of a day by leaf.
struct DayCount: Sendable {
    private var main: [SlotSums]
    private var odd: [OddSlots: SlotSums] = [:]
    private let countsAbsent: Bool

    /// Meters whose day has another number of slots than their capture period gives.
    private struct OddSlots: Hashable {
        var leaf: Int
        var slots: Int
    }

    init(_ members: Membership, countsAbsent: Bool) {
        main = members.leaves.map { SlotSums(slots: $0.slots) }
        self.countsAbsent = countsAbsent
    }

    mutating func add(_ day: RawDay, leaf: Int, sign: Int = 1) throws {
        let slots = day.slotCount
        if main[leaf].slotCount == slots {
            try main[leaf].add(values: day.values, qualities: day.qualities, sign: sign)
        } else {
            try odd[OddSlots(leaf: leaf, slots: slots), default: SlotSums(slots: slots)].add(
                values: day.values, qualities: day.qualities, sign: sign)
        }
    }

    mutating func addUnknown(_ count: Int, leaf: Int) { main[leaf].addUnknown(meters: count) }

    /// Sets are sums of their leaves.
    func bySet(_ members: Membership) -> [String: DaySums] {
        var sets: [String: DaySums] = [:]
        func put(_ sums: SlotSums, _ leaf: Int) {
            guard !sums.isNothing else { return }
            for key in members.leaves[leaf].keys {
                sets[key, default: [:]][sums.slotCount, default: SlotSums(slots: sums.slotCount)].add(sums)
            }
        }
        for (leaf, sums) in main.enumerated() { put(sums, leaf) }
        for (place, sums) in odd { put(sums, place.leaf) }
        return sets
    }

    mutating func add(_ other: DayCount) {
        for leaf in main.indices { main[leaf].add(other.main[leaf]) }
        for (place, sums) in other.odd { odd[place, default: SlotSums(slots: place.slots)].add(sums) }
    }

    /// Counts every member's day as it stood at a change, in two halves at a time.
    static func count(
        _ day: CivilDay, _ channel: Channel, _ members: Membership, through: Int64, orgID: Int64,
        shard: any Database
    ) async throws -> DayCount {
        let all = members.members
        let countsAbsent = channel == .importWh
        guard let first = all.first, let last = all.last else { return DayCount(members, countsAbsent: countsAbsent) }
        let middle = all.count / 2
        @Sendable func half(_ range: Range<Int>, _ ids: ClosedRange<Int64>) async throws -> DayCount {
            try await shard.read { transaction in
                var count = DayCount(members, countsAbsent: countsAbsent)
                var at = range.lowerBound
                func skip(to meterID: Int64) {
                    while at < range.upperBound, all[at].meterID < meterID {
                        if countsAbsent { count.addUnknown(1, leaf: all[at].leaf) }
                        at += 1
                    }
                }
                try DayBlocks.sweep(
                    day: day, channel: channel, meters: ids, through: through, orgID: orgID, in: transaction
                ) { raw in
                    skip(to: raw.meterID)
                    guard at < range.upperBound, all[at].meterID == raw.meterID else { return }
                    try count.add(raw, leaf: all[at].leaf)
                    at += 1
                }
                skip(to: .max)
                return count
            }
        }
        guard all.count > 2_000 else { return try await half(0..<all.count, first.meterID...last.meterID) }
        async let one = half(0..<middle, first.meterID...all[middle].meterID - 1)
        async let other = half(middle..<all.count, all[middle].meterID...last.meterID)
        var whole = try await one
        whole.add(try await other)
        return whole
    }
}
