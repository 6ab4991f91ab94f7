// The break-up of a set's sum by its members: parts that add exactly to what the set's sum says. Reads, changes
// nothing.
import Access
import CivilTime
import IntervalData
import MeterData
import Meters
import SQL

/// By what a sum is broken up.
public enum BreakUpKind: String, Sendable, CaseIterable, Codable {
    case meter, place, category, plant, res, nma, stu, ctu, corridor
}

public struct BreakUpRow: Sendable, Equatable {
    /// The part as a set, to go on from; nil for what belongs to no part.
    public var key: SetKey?
    public var wh: Int64
    public var estimatedIntervals: Int
    public var editedIntervals: Int
    public var missingIntervals: Int

    public init(key: SetKey?, wh: Int64, estimatedIntervals: Int, editedIntervals: Int, missingIntervals: Int) {
        (self.key, self.wh) = (key, wh)
        (self.estimatedIntervals, self.editedIntervals) = (estimatedIntervals, editedIntervals)
        self.missingIntervals = missingIntervals
    }
}

public struct BreakUp: Sendable, Equatable {
    public var rows: [BreakUpRow]
    /// What is left when more parts were found than asked for, and how many they are.
    public var rest: BreakUpRow?
    public var restCount = 0
    /// Days of the period that are not summed up yet; they are in no part.
    public var unsummed: [CivilDay] = []
    public init(rows: [BreakUpRow], rest: BreakUpRow?, restCount: Int = 0) {
        (self.rows, self.rest, self.restCount) = (rows, rest, restCount)
    }

    public var totalWh: Int64 { rows.reduce(rest?.wh ?? 0) { $0 + $1.wh } }
    /// ``totalWh``; nil where there is no part.
    public var knownTotalWh: Int64? { rows.isEmpty ? nil : totalWh }
}

extension SetReader {
    /// Meter-days looked at for one answer.
    public static let meterDaysMax = 400_000

    /// The parts, the largest first. They hold what the stored sums hold: changes that those do not know yet are left
    /// out of both.
    /// - Parameter limit: how many parts are told one by one.
    public func breakUp(
        _ key: SetKey, _ channel: Channel = .importWh, from: CivilDay, to: CivilDay, by kind: BreakUpKind, limit: Int
    ) async throws -> BreakUp {
        try Self.refuseBadPeriod(from, to, daysMax: 400)
        var unsummed = try await unsummed(channel, from: from, to: to)
        guard case .virtual = key else {
            var found = try await breakUpMembers(key, channel, from, to, kind, limit)
            found.unsummed = unsummed
            return found
        }
        var parts: [String: BreakUpRow] = [:]
        var seen: Set<CivilDay> = []
        for number in from.number...to.number {
            let day = CivilDay(number: number)
            guard case .virtual(let id) = key, let formula = virtual.formula(of: id, on: day) else { continue }
            for term in formula.terms {
                for sums in try await days(term.key, channel, from: day, to: day).values.flatMap(\.values) {
                    parts[term.key.description, default: Self.nothing(term.key)].add(sums, sign: term.sign)
                    seen.insert(day)
                }
            }
        }
        unsummed.removeAll(where: seen.contains)
        var found = Self.ranked(parts, limit)
        found.unsummed = unsummed
        return found
    }

    private static func nothing(_ key: SetKey?) -> BreakUpRow {
        BreakUpRow(key: key, wh: 0, estimatedIntervals: 0, editedIntervals: 0, missingIntervals: 0)
    }

    private func breakUpMembers(
        _ key: SetKey, _ channel: Channel, _ from: CivilDay, _ to: CivilDay, _ kind: BreakUpKind, _ limit: Int
    ) async throws -> BreakUp {
        let scope = Scope(orgID: org.orgID)
        let master = try await site.money.read { try SetMasterData(scope, in: $0) }
        var parts: [String: BreakUpRow] = [:]
        var looked = 0
        for (shard, days) in try await months(from, to) {
            let states = try await shard.read { [org] in try SetDayState.of(days: days, orgID: org.orgID, in: $0) }
            for state in states where state.channel == channel {
                let membership = try await site.money.read { [org] in
                    try Membership(on: state.day, master, zone: org.zone, scope, in: $0)
                }
                let members = membership.members(of: key) ?? []
                looked += members.count
                guard looked <= Self.meterDaysMax else {
                    throw Refusal(
                        .tooLarge, "More than \(Self.meterDaysMax) days of meters would have to be read.",
                        hint: "Ask for a shorter period or a smaller set.", at: "to")
                }
                guard !members.isEmpty else { continue }
                let found = try await shard.read { [org] in
                    try Self.rows(members, membership, state, orgID: org.orgID, in: $0)
                }
                for (member, row) in found {
                    let part = Self.part(member, membership, master, kind, of: key)
                    parts[part?.description ?? "", default: Self.nothing(part)].add(row)
                }
            }
        }
        return Self.ranked(parts, limit)
    }

    /// What each member adds to the stored sum of a day.
    private static func rows(
        _ members: [Member], _ membership: Membership, _ state: SetDayState, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [(Member, BreakUpRow)] {
        var days: [Int64: RawDay] = [:]
        if members.count <= 300 {
            let pairs = try DayBlocks.pair(
                day: state.day, channel: state.channel, meters: members.map(\.meterID), before: 0,
                through: state.change, orgID: orgID, in: transaction)
            days = pairs.compactMapValues(\.new)
        } else if let first = members.first, let last = members.last {
            try DayBlocks.sweep(
                day: state.day, channel: state.channel, meters: first.meterID...last.meterID, through: state.change,
                orgID: orgID, in: transaction
            ) { raw in
                // The values are not needed again; without them a day is small.
                var kept = raw
                kept.values = []
                days[raw.meterID] = kept
            }
        }
        return members.compactMap { member in
            var row = nothing(nil)
            guard let day = days[member.meterID] else {
                guard state.channel == .importWh else { return nil }
                row.missingIntervals = membership.leaves[member.leaf].slots
                return (member, row)
            }
            row.wh = day.total
            (row.estimatedIntervals, row.editedIntervals, row.missingIntervals) = day.doubtful
            return (member, row)
        }
    }

    private static func part(
        _ member: Member, _ membership: Membership, _ master: SetMasterData, _ kind: BreakUpKind, of key: SetKey
    ) -> SetKey? {
        let leaf = membership.leaves[member.leaf]
        func node(_ prefix: String) -> SetKey? {
            leaf.keys.first { $0.hasPrefix(prefix) }.flatMap { SetKey($0) }
        }
        switch kind {
        case .meter: return .meter(member.meterID)
        case .category: return .category(leaf.category)
        case .corridor: return node("corridor:")
        case .place:
            // The branch goes up: the part is the place just below the one that is asked about.
            var branch = master.branch(member.placeID)
            if case .place(let placeID) = key, let at = branch.firstIndex(of: placeID) {
                branch = Array(branch[..<at])
            }
            return branch.last.map { .place($0) }
        case .plant, .res, .nma, .stu, .ctu: return node(kind.rawValue + ":")
        }
    }

    private static func ranked(_ parts: [String: BreakUpRow], _ limit: Int) -> BreakUp {
        let sorted = parts.sorted { ($1.value.wh, $0.key) < ($0.value.wh, $1.key) }.map(\.value)
        let rest = sorted.dropFirst(limit)
        guard !rest.isEmpty else { return BreakUp(rows: sorted, rest: nil) }
        var sum = nothing(nil)
        for row in rest { sum.add(row) }
        return BreakUp(rows: Array(sorted.prefix(limit)), rest: sum, restCount: rest.count)
    }
}

extension BreakUpRow {
    fileprivate mutating func add(_ other: BreakUpRow) {
        wh += other.wh
        estimatedIntervals += other.estimatedIntervals
        editedIntervals += other.editedIntervals
        missingIntervals += other.missingIntervals
    }

    fileprivate mutating func add(_ sums: SlotSums, sign: Int) {
        wh += Int64(sign) * sums.total
        estimatedIntervals += sums.estimatedCount
        editedIntervals += sums.editedCount
        missingIntervals += sums.missingCount
    }
}
