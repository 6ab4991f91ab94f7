// The estimation log over days of several months, for who may see it: a part of the list, and each method's accuracy.
import Access
import CivilTime
import IntervalData
import Meters
import SQL
import VEE

public struct EstimationFilter: Sendable, Equatable {
    /// Most days of one look.
    public static let daysMax = 92

    public var from: CivilDay
    public var to: CivilDay
    public var method: EstimationMethod?
    public var placeID: Int64?
    public var meterID: Int64?
    public init(
        from: CivilDay, to: CivilDay, method: EstimationMethod? = nil, placeID: Int64? = nil, meterID: Int64? = nil
    ) {
        self.from = from
        self.to = to
        self.method = method
        self.placeID = placeID
        self.meterID = meterID
    }
}

extension EstimationLog {
    /// Records a scan looks at for one part of a list of who sees only some meters.
    private static let scanLimit = 10_000
    private static let chunk = 500

    /// A part of the list, and where it goes on; `next` may be set after an empty part, when much was not for him.
    public static func list(
        _ filter: EstimationFilter, after place: Place?, limit: Int, site: Site, _ scope: Scope
    ) async throws -> (items: [EstimateRecord], next: Place?) {
        try checked(filter)
        let allowed = try await meters(filter, site, scope)
        var items: [EstimateRecord] = []
        var (place, scanned) = (place, 0)
        for month in try await site.readings.months().sorted(by: >)
        where month >= filter.from.month && month <= min(filter.to, place?.day ?? filter.to).month {
            let shard = try await site.readings.shard(month)
            while true {
                let found = try await shard.read { [place] in
                    try page(
                        from: max(filter.from, month.first), to: min(filter.to, month.last), after: place,
                        method: filter.method, meterID: filter.meterID, limit: chunk, orgID: scope.orgID, in: $0)
                }
                for record in found {
                    if allowed?.contains(record.meterID) ?? true {
                        if items.count == limit { return (items, items.last.map { Place(of: $0) }) }
                        items.append(record)
                    }
                    place = Place(of: record)
                }
                scanned += found.count
                if found.count < chunk { break }
                if scanned >= scanLimit { return (items, place) }
            }
        }
        return (items, nil)
    }

    /// Every method that estimated on these days.
    public static func accuracy(
        _ filter: EstimationFilter, site: Site, _ scope: Scope
    ) async throws -> [MethodAccuracy] {
        try checked(filter)
        let allowed = try await meters(filter, site, scope).map { $0.sorted() }
        var sums: [EstimationMethod: MethodAccuracy] = [:]
        for month in try await site.readings.months() where month >= filter.from.month && month <= filter.to.month {
            let shard = try await site.readings.shard(month)
            let parts: [[Int64]?] =
                allowed.map { all in
                    stride(from: 0, to: all.count, by: 300).map { Array(all[$0..<min($0 + 300, all.count)]) }
                } ?? [nil]
            for part in parts {
                let found = try await shard.read {
                    try accuracy(
                        from: max(filter.from, month.first), to: min(filter.to, month.last), meterIDs: part,
                        orgID: scope.orgID, in: $0)
                }
                for item in found { sums[item.method] = sums[item.method].map { $0 + item } ?? item }
            }
        }
        return EstimationMethod.allCases.compactMap { sums[$0] }
    }

    private static func checked(_ filter: EstimationFilter) throws {
        guard filter.from <= filter.to, filter.from.days(to: filter.to) < EstimationFilter.daysMax else {
            throw Refusal(
                .invalid, "These are no days to look at.",
                hint: "Give 1 to \(EstimationFilter.daysMax) days, the first first.", at: "to")
        }
    }

    /// Nil: all of the company.
    private static func meters(_ filter: EstimationFilter, _ site: Site, _ scope: Scope) async throws -> Set<Int64>? {
        guard !scope.isWholeCompany || filter.placeID != nil || filter.meterID != nil else { return nil }
        return try await site.money.read { transaction in
            if let meterID = filter.meterID { return [try Meter.find(meterID, scope, in: transaction).meterID] }
            var seen = Set(try Installation.all(on: filter.to, scope, in: transaction).map(\.meterID))
            if let placeID = filter.placeID {
                let there = Scope(orgID: scope.orgID, placeIDs: [placeID])
                seen.formIntersection(try Installation.all(on: filter.to, there, in: transaction).map(\.meterID))
            }
            return seen
        }
    }
}

extension EstimationLog.Place {
    init(of record: EstimateRecord) {
        self.init(
            day: record.day, meterID: record.meterID, channel: record.channel.rawValue, version: record.version,
            slot: Int64(record.slots.lowerBound))
    }

    /// `day.meter.channel.version.slot`, for an address.
    public var text: String { "\(day.number).\(meterID).\(channel).\(version).\(slot)" }

    /// Nil for any other text.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).compactMap { Int64($0) }
        guard parts.count == 5, text.split(separator: ".").count == 5, let number = Int32(exactly: parts[0]) else {
            return nil
        }
        self.init(
            day: CivilDay(number: number), meterID: parts[1], channel: parts[2], version: parts[3], slot: parts[4])
    }
}

extension MethodAccuracy {
    static func + (a: MethodAccuracy, b: MethodAccuracy) -> MethodAccuracy {
        MethodAccuracy(
            method: a.method, runs: a.runs + b.runs, slots: a.slots + b.slots, energyWh: a.energyWh + b.energyWh,
            replacedSlots: a.replacedSlots + b.replacedSlots,
            replacedEstimateWh: a.replacedEstimateWh + b.replacedEstimateWh,
            replacedActualWh: a.replacedActualWh + b.replacedActualWh,
            absoluteErrorWh: a.absoluteErrorWh + b.absoluteErrorWh)
    }
}
