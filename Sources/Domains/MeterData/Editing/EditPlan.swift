// An edit worked out: every slot with its new value beside what is there, and whether a second person must agree.
// Reads only; nothing is changed before somebody performs the command made of it.
import Access
import CivilTime
import Clocks
import IntervalData
import Meters
import SQL
import VEE

/// A request with its values: what a page shows before anybody says yes.
public struct EditPlan: Sendable, Equatable {
    public struct Day: Sendable, Equatable {
        /// Nil where nothing is stored yet.
        public var current: StoredBlock?
        public var before: DayBlock
        public var after: DayBlock
        public var change: ReadingEdit.Day
    }
    public var request: EditRequest
    public var days: [Day]
    public var changed: Int64 { days.reduce(0) { $0 + $1.change.changed } }
    public var net: Int64 { days.reduce(0) { $0 + $1.after.totalValue - $1.before.totalValue } }

    /// Works a request out.
    /// - Throws: ``Refusal``: `invalid` for what cannot be, `conflict` when a newer version came, `notFound` when the
    ///   scope does not reach the meter.
    public static func of(
        _ asked: EditRequest, site: Site, _ scope: Scope, sources: EstimationSources = EstimationSources()
    ) async throws -> EditPlan {
        let request = try asked.checked()
        let bench = try await EditBench.of(request, site: site, scope, sources)
        try bench.proveVersions()
        let values = try await bench.values()
        var days: [Day] = []
        for item in bench.days {
            let wanted = item.slots.compactMap { slot -> (slot: Int, value: Int32)? in
                guard let value = values[EditBench.Place(day: item.day, slot: slot)] else { return nil }
                // To write what stands there already, and was read or typed, changes nothing.
                guard item.block.values[slot] != value || item.block.qualities[slot] < .edited else { return nil }
                return (slot, value)
            }
            guard !wanted.isEmpty else { continue }
            let changed = wanted.reduce(Int64(0)) { sum, new in
                sum + Int64((Int64(new.value) - Int64(item.block.values[new.slot])).magnitude)
            }
            days.append(
                Day(
                    current: item.current, before: item.block,
                    after: item.block.replacing(wanted, quality: .edited, batch: 0),
                    change: ReadingEdit.Day(
                        day: item.day, baseVersion: item.current?.version ?? 0, slots: wanted.map(\.slot),
                        values: wanted.map(\.value), changed: changed)))
        }
        guard !days.isEmpty else {
            throw Refusal(.invalid, "This edit changes nothing.", hint: "These values are there already.", at: "values")
        }
        return EditPlan(request: request, days: days)
    }
}

/// What an edit is worked out from: the days, and what stands around them.
struct EditBench: Sendable {
    struct Place: Hashable {
        var day: CivilDay
        var slot: Int
    }
    struct Item: Sendable {
        var day: CivilDay
        var current: StoredBlock?
        var block: DayBlock
        /// Those the request is about.
        var slots: [Int]
    }
    let request: EditRequest
    let site: Site
    let org: Org
    let meter: Meter
    let days: [Item]
    /// The slot before the run and the one after it; nil when missing.
    let before: Int32?
    let after: Int32?
    let sources: EstimationSources

    static func of(
        _ request: EditRequest, site: Site, _ scope: Scope, _ sources: EstimationSources
    ) async throws -> EditBench {
        let (org, meter) = try await site.money.read { transaction in
            (try Org.find(scope.orgID, in: transaction), try Meter.find(request.meterID, scope, in: transaction))
        }
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        try request.proveOver(today: today)
        let (first, last) = (request.from.advanced(by: -1), request.to.advanced(by: 1))
        let stored = try await History.blocks(
            meterID: meter.meterID, channel: request.channel, from: first, to: last, site: site, orgID: org.orgID)
        let byDay = Dictionary(stored.map { ($0.day, $0) }) { $1 }
        let items = try (0...request.from.days(to: request.to)).map { offset -> Item in
            let day = request.from.advanced(by: offset)
            let slots = org.zone.slotCount(of: day, periodS: meter.capturePeriodS)
            let block = byDay[day]?.block ?? .empty(slots: slots)
            return Item(day: day, current: byDay[day], block: block, slots: try Self.slots(request, day, block))
        }
        return EditBench(
            request: request, site: site, org: org, meter: meter, days: items,
            before: neighbour(of: items.first, byDay[first], isBefore: true),
            after: neighbour(of: items.last, byDay[last], isBefore: false), sources: sources)
    }

    /// The slots of one day the request is about.
    private static func slots(_ request: EditRequest, _ day: CivilDay, _ block: DayBlock) throws -> [Int] {
        if request.tool == .typed {
            guard let wrong = request.typed.keys.first(where: { !block.values.indices.contains($0) }) else {
                return request.typed.keys.sorted()
            }
            throw Refusal(
                .invalid, "\(day) has no interval \(wrong).", hint: "Count from 0 to \(block.slotCount - 1).",
                at: "values")
        }
        let from = day == request.from ? request.fromSlot : 0
        let to = day == request.to ? request.toSlot : block.slotCount
        guard from >= 0, from < to, to <= block.slotCount else {
            throw Refusal(
                .invalid, "\(day) has no intervals \(from) to \(to - 1).",
                hint: "Count from 0 to \(block.slotCount - 1), the last one past the first.", at: "toSlot")
        }
        return Array(from..<to)
    }

    private static func neighbour(of item: Item?, _ next: StoredBlock?, isBefore: Bool) -> Int32? {
        guard let item, let edge = isBefore ? item.slots.first : item.slots.last else { return nil }
        let inside = isBefore ? edge - 1 : edge + 1
        let block = item.block.values.indices.contains(inside) ? item.block : next?.block
        guard let block, block.slotCount == item.block.slotCount || block == item.block else { return nil }
        let slot = item.block.values.indices.contains(inside) ? inside : isBefore ? block.slotCount - 1 : 0
        guard block.qualities.indices.contains(slot), block.qualities[slot] != .missing else { return nil }
        return block.values[slot]
    }

    /// - Throws: ``Refusal`` `conflict`, saying what changed, when a day is not the version the person saw.
    func proveVersions() throws {
        for (item, base) in zip(days, request.baseVersions) where (item.current?.version ?? 0) != base {
            let what =
                item.current.map {
                    "\(item.day) is at version \($0.version) by now (made by \($0.madeBy)); you saw version \(base)."
                } ?? "\(item.day) has no values; you saw version \(base)."
            throw Refusal(.conflict, what, hint: "Look at the day again and repeat the edit.", at: "baseVersions")
        }
    }

    /// The new value of every slot.
    func values() async throws -> [Place: Int32] {
        let places = days.flatMap { item in item.slots.map { Place(day: item.day, slot: $0) } }
        switch request.tool {
        case .typed:
            return Dictionary(uniqueKeysWithValues: request.typed.map { (Place(day: request.from, slot: $0), $1) })
        case .zero:
            return Dictionary(uniqueKeysWithValues: places.map { ($0, 0) })
        case .linear:
            guard let values = EditTools.line(count: places.count, before: before, after: after) else {
                throw Refusal(
                    .invalid, "There is no value on either side.", hint: "Choose another tool, or type the values.",
                    at: "tool")
            }
            return Dictionary(uniqueKeysWithValues: zip(places, values))
        case .total:
            let there = days.flatMap { item in item.slots.map { item.block.values[$0] } }
            guard let total = request.total, let values = EditTools.scaled(there, to: total) else {
                throw Refusal(
                    .invalid, "These values cannot be scaled to this total.",
                    hint: "Give a total of 0 or more, small enough for the run; negative values are not scaled.",
                    at: "total")
            }
            return Dictionary(uniqueKeysWithValues: zip(places, values))
        case .copy: return try await copied()
        case .raw: return try await raw()
        case .estimate: return try await estimated()
        }
    }

    private func copied() async throws -> [Place: Int32] {
        guard let from = request.copyFrom else { return [:] }
        let source = try await History.blocks(
            meterID: meter.meterID, channel: request.channel, from: from, to: from, site: site, orgID: org.orgID
        ).first
        var values: [Place: Int32] = [:]
        for item in days {
            guard let source, source.block.slotCount == item.block.slotCount,
                item.slots.allSatisfy({ source.block.qualities[$0] != .missing })
            else {
                throw Refusal(
                    .invalid, "\(from) lacks intervals that are needed, or has others.",
                    hint: "Copy a day that is complete and as long.", at: "copyFrom")
            }
            for slot in item.slots { values[Place(day: item.day, slot: slot)] = source.block.values[slot] }
        }
        return values
    }

    /// What the meter itself gave: a value held back by a check, else the newest that was stored as read.
    private func raw() async throws -> [Place: Int32] {
        var values: [Place: Int32] = [:]
        for item in days {
            let (versions, held) = try await site.readings.shard(item.day.month).read { [org, meter, request] in
                (
                    try DayBlocks.versions(
                        meterID: meter.meterID, channel: request.channel, day: item.day, orgID: org.orgID, in: $0),
                    request.channel == .importWh
                        ? try VEEException.of(
                            meterID: meter.meterID, from: item.day, to: item.day, orgID: org.orgID, in: $0) : []
                )
            }
            for slot in item.slots {
                let read = versions.last {
                    $0.block.qualities.indices.contains(slot) && $0.block.qualities[slot] == .actual
                }
                guard let value = held.lazy.compactMap({ $0.rawValue(at: slot) }).first ?? read?.block.values[slot]
                else {
                    throw Refusal(
                        .invalid, "Nothing came from the meter for interval \(slot) of \(item.day).",
                        hint: "Choose fewer intervals, or another tool.", at: "tool")
                }
                values[Place(day: item.day, slot: slot)] = value
            }
        }
        return values
    }

    /// By a method, or by the rules the estimation run follows, as if the slots were missing.
    private func estimated() async throws -> [Place: Int32] {
        let named = try request.method.map { name in
            guard let plan = EstimationPlan(named: name) else {
                throw Refusal(
                    .invalid, "There is no such method.",
                    hint: "One of: \(EstimationPlan.names.joined(separator: ", ")).", at: "method")
            }
            return plan
        }
        let estimator = Estimator(site: site, org: org, plan: named, sources: sources)
        var values: [Place: Int32] = [:]
        for item in days {
            let plans = try await estimator.plans(of: [meter.meterID], on: item.day)
            let bench = try await EstimationBench.of(
                meter, item.day, channel: request.channel, holidays: plans.holidays, site: site, org: org,
                sources: sources)
            let found = bench.estimates(
                item.block.taking(item.slots, from: nil), plans.plan(of: meter.meterID))
            for (slot, estimate) in found.filled {
                values[Place(day: item.day, slot: slot)] = Int32(clamping: estimate.value)
            }
            guard item.slots.allSatisfy({ values[Place(day: item.day, slot: $0)] != nil }) else {
                throw Refusal(
                    .invalid, "\(item.day) cannot be estimated by this method.",
                    hint: "Choose another method or tool, or type the values.", at: "method")
            }
        }
        return values
    }
}

extension VEEException {
    /// The value of a slot that was held back; nil where none was.
    func rawValue(at slot: Int) -> Int32? {
        let parts = rawValues.split(separator: " ", omittingEmptySubsequences: false)
        guard slots.contains(slot), parts.count == slots.count else { return nil }
        return Int32(parts[slot - slots.lowerBound])
    }
}
