// Exceptions as lists show them: filtered, in parts, across months; counts by rule; and one with everything around it.
import Access
import CivilTime
import Clocks
import Grid
import IntervalData
import Meters
import SQL
import VEE

/// Where an exception stands.
public enum ExceptionState: String, Sendable, CaseIterable, Codable {
    /// Nobody is at work on it.
    case open
    case taken
    case resolved
}

/// A place in a list of exceptions, behind one of them: hard ones come first. As text
/// `hard.2026-11-20.1001.spike.20`.
public struct ExceptionPlace: Sendable, Hashable, CustomStringConvertible {
    public var severity: Severity
    public var id: ExceptionID
    public init(severity: Severity, id: ExceptionID) {
        self.severity = severity
        self.id = id
    }
    /// Nil when the text is none.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let severity = Severity(rawValue: String(parts[0])), let id = ExceptionID(parts[1])
        else { return nil }
        self.init(severity: severity, id: id)
    }
    public var description: String { "\(severity.rawValue).\(id)" }
}

/// What a list of exceptions is asked for. A nil part asks for any.
public struct ExceptionFilter: Sendable, Equatable {
    public var rule: String?
    public var severity: Severity?
    /// Nil: open and taken.
    public var state: ExceptionState?
    public var resolution: ExceptionResolution?
    public var placeID: Int64?
    public var meterID: Int64?
    public var ownerID: Int64?
    /// Raised before this moment: older than some age.
    public var raisedBeforeMs: Int64?
    public var from: CivilDay?
    public var to: CivilDay?
    public init() {}
}

public struct ExceptionCount: Sendable, Equatable {
    public var rule: String
    public var severity: Severity
    public var count: Int
    public init(rule: String, severity: Severity, count: Int) {
        self.rule = rule
        self.severity = severity
        self.count = count
    }
}

public struct ExceptionList: Sendable {
    /// Days back without a first day.
    public static let days = 92
    /// Rows looked at for one part, when a place or a confined scope passes over most of them.
    static let rowsMax = 20_000
    static let batch = 1000

    let site: Site
    let org: Org
    let scope: Scope

    public init(site: Site, org: Org, scope: Scope) {
        self.site = site
        self.org = org
        self.scope = scope
    }

    private struct Reach: Sendable {
        /// Nil: every meter of the company.
        var meters: Set<Int64>?
        var from: CivilDay
        var to: CivilDay
    }

    private func reach(_ filter: ExceptionFilter) async throws -> Reach {
        if let rule = filter.rule, !VEEException.ruleNames.contains(rule) {
            throw Refusal(
                .invalid, "This names no rule.", hint: "There are: \(VEEException.ruleNames.joined(separator: ", ")).",
                at: "rule")
        }
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let meters: Set<Int64>? = try await site.money.read { [scope] transaction in
            if let meterID = filter.meterID {
                // Proves that the asker may see it.
                _ = try Meter.find(meterID, scope, in: transaction)
                if filter.placeID == nil { return [meterID] }
            }
            var found: Set<Int64>?
            if !scope.isWholeCompany {
                found = Set(try Installation.all(on: today, scope, in: transaction).map(\.meterID))
            }
            if let placeID = filter.placeID {
                _ = try Place.find(placeID, scope, in: transaction)
                let there = Set(
                    try Installation.all(on: today, Scope(orgID: scope.orgID, placeIDs: [placeID]), in: transaction)
                        .map(\.meterID))
                found = found.map { $0.intersection(there) } ?? there
            }
            if let meterID = filter.meterID { found = found.map { $0.intersection([meterID]) } ?? [meterID] }
            return found
        }
        let to = min(filter.to ?? today, today.advanced(by: 1))
        return Reach(meters: meters, from: filter.from ?? to.advanced(by: -Self.days), to: to)
    }

    /// Hard ones first; of each weight the latest day first, then by meter, rule and slot.
    /// - Returns: at most `limit`, and where the next part begins; with a next part there may be fewer than `limit`.
    public func page(
        _ filter: ExceptionFilter, after: ExceptionPlace? = nil, limit: Int
    ) async throws -> (items: [VEEException], next: ExceptionPlace?) {
        let reach = try await reach(filter)
        var found: [VEEException] = []
        for severity in [Severity.hard, .warning] where filter.severity ?? severity == severity {
            if after?.severity == .warning, severity == .hard { continue }
            var one = filter
            one.severity = severity
            let part = try await page(
                one, reach, after: after?.severity == severity ? after?.id : nil, limit: limit - found.count)
            found += part.items
            if let next = part.next { return (found, ExceptionPlace(severity: severity, id: next)) }
            // The part is full: whether another follows is known when there is a soft one.
            if found.count == limit, severity == .hard, filter.severity == nil, let last = found.last {
                one.severity = .warning
                let soft = try await page(one, reach, after: nil, limit: 1)
                let isMore = !soft.items.isEmpty || soft.next != nil
                return (found, isMore ? ExceptionPlace(severity: .hard, id: last.id) : nil)
            }
        }
        return (found, nil)
    }

    /// Those of one weight.
    private func page(
        _ filter: ExceptionFilter, _ reach: Reach, after: ExceptionID?, limit: Int
    ) async throws -> (items: [VEEException], next: ExceptionID?) {
        var found: [VEEException] = []
        var last = after
        var rows = 0
        for month in try await site.readings.months().reversed()
        where month >= reach.from.month && month <= reach.to.month {
            if let after, month > after.day.month { continue }
            let shard = try await site.readings.shard(month)
            while true {
                let from = last
                let part = try await shard.read { [scope] transaction in
                    try Self.rows(
                        filter, reach, month, after: from, limit: min(Self.batch, limit + 1), orgID: scope.orgID,
                        transaction)
                }
                rows += part.count
                for item in part {
                    last = item.id
                    guard reach.meters?.contains(item.meterID) ?? true else { continue }
                    found.append(item)
                    if found.count > limit { return (Array(found.prefix(limit)), found[limit - 1].id) }
                }
                if part.count < min(Self.batch, limit + 1) { break }
                if rows >= Self.rowsMax { return (found, last) }
            }
        }
        return (found, nil)
    }

    private static func conditions(
        _ filter: ExceptionFilter, _ reach: Reach, _ month: CivilMonth, _ parameters: inout [SQLValue]
    ) -> String {
        parameters += [.day(max(reach.from, month.first)), .day(min(reach.to, month.last))]
        var text = "org_id = $1 AND day >= $2 AND day <= $3"
        func add(_ condition: String, _ value: SQLValue) {
            parameters.append(value)
            text += " AND \(condition)$\(parameters.count)"
        }
        if let rule = filter.rule { add("rule = ", .text(rule)) }
        if let severity = filter.severity { add("severity = ", .text(severity.rawValue)) }
        if let owner = filter.ownerID { add("owner_id = ", .int(owner)) }
        if let before = filter.raisedBeforeMs { add("raised_at_ms < ", .int(before)) }
        if let resolution = filter.resolution { add("resolution = ", .text(resolution.rawValue)) }
        // A few meters are asked for by name; many are picked out of what comes.
        if let meters = reach.meters, meters.count <= 400 {
            text += " AND meter_id IN (\(parameters.bind(meters.sorted())))"
        }
        switch filter.state {
        case .open: text += " AND resolved_at_ms IS NULL AND owner_id IS NULL"
        case .taken: text += " AND resolved_at_ms IS NULL AND owner_id IS NOT NULL"
        case .resolved: text += " AND resolved_at_ms IS NOT NULL"
        case nil: text += filter.resolution == nil ? " AND resolved_at_ms IS NULL" : ""
        }
        return text
    }

    private static func rows(
        _ filter: ExceptionFilter, _ reach: Reach, _ month: CivilMonth, after: ExceptionID?, limit: Int, orgID: Int64,
        _ transaction: any SQLTransaction
    ) throws -> [VEEException] {
        var parameters: [SQLValue] = [.int(orgID)]
        var text = conditions(filter, reach, month, &parameters)
        if let after, after.day <= month.last {
            let at = parameters.count
            parameters += [.day(after.day), .int(after.meterID), .text(after.rule), .int(after.fromSlot)]
            text += """
                 AND (day < $\(at + 1) OR (day = $\(at + 1) AND (meter_id > $\(at + 2) OR (meter_id = $\(at + 2)
                  AND (rule > $\(at + 3) OR (rule = $\(at + 3) AND from_slot > $\(at + 4)))))))
                """
        }
        parameters.append(.int(limit))
        return try transaction.query(
            """
            SELECT \(VEEException.columns) FROM vee_exception WHERE \(text)
            ORDER BY day DESC, meter_id, rule, from_slot LIMIT $\(parameters.count)
            """, parameters, VEEException.decode)
    }

    /// How many there are of each rule and severity, and since when the oldest waits. The filter's rule is left out of
    /// account, so that a page can show all rules beside the one that is chosen.
    public func counts(_ filter: ExceptionFilter) async throws -> (counts: [ExceptionCount], oldestMs: Int64?) {
        var filter = filter
        filter.rule = nil
        let asked = filter
        let reach = try await reach(asked)
        // Whom the question is not about is passed over by number: only then are the rows grouped by meter.
        let byMeter = reach.meters.map { $0.count > 400 } ?? false
        var sums: [String: Int] = [:]
        var oldest: Int64?
        for month in try await site.readings.months() where month >= reach.from.month && month <= reach.to.month {
            let rows = try await site.readings.shard(month).read { [scope] transaction in
                var parameters: [SQLValue] = [.int(scope.orgID)]
                let text = Self.conditions(asked, reach, month, &parameters)
                return try transaction.query(
                    """
                    SELECT rule, severity, COUNT(*), MIN(raised_at_ms), \(byMeter ? "meter_id" : "MIN(meter_id)")
                    FROM vee_exception WHERE \(text) GROUP BY rule, severity\(byMeter ? ", meter_id" : "")
                    """, parameters
                ) { (try $0.text(0), try $0.text(1), Int(try $0.int(2)), try $0.int(3), try $0.int(4)) }
            }
            for (rule, severity, count, since, meterID) in rows
            where !byMeter || reach.meters?.contains(meterID) == true {
                sums["\(rule) \(severity)", default: 0] += count
                oldest = min(oldest ?? since, since)
            }
        }
        let counts = sums.compactMap { key, count -> ExceptionCount? in
            let parts = key.split(separator: " ").map(String.init)
            guard parts.count == 2, let severity = Severity(rawValue: parts[1]) else { return nil }
            return ExceptionCount(rule: parts[0], severity: severity, count: count)
        }
        return (counts.sorted { ($0.rule, $0.severity.rawValue) < ($1.rule, $1.severity.rawValue) }, oldest)
    }

    /// One exception with its day, or the same refusal for one that is not there and one of another place.
    public func detail(_ id: ExceptionID) async throws -> ExceptionDetail {
        let missing = Refusal(
            .notFound, "There is no such exception.", hint: "GET /api/v1/reading-exceptions lists them.", at: "id")
        let meter: Meter
        do {
            meter = try await site.money.read { [scope] in try Meter.find(id.meterID, scope, in: $0) }
        } catch let refusal as Refusal where refusal.code == .notFound {
            throw missing
        }
        guard try await site.readings.months().contains(id.day.month) else { throw missing }
        let found = try await site.readings.shard(id.day.month).read { [scope] transaction -> ExceptionDetail? in
            let all = try VEEException.of(
                meterID: id.meterID, from: id.day, to: id.day, orgID: scope.orgID, in: transaction)
            guard let item = all.first(where: { $0.id == id }) else { return nil }
            return ExceptionDetail(
                exception: item, others: all.filter { $0.id != id }, meter: meter,
                block: try DayBlocks.current(
                    meterID: id.meterID, from: id.day, to: id.day, orgID: scope.orgID, in: transaction
                ).first,
                context: try DayContext.of(
                    meterID: id.meterID, day: id.day, orgID: scope.orgID, in: transaction),
                steps: try ExceptionStep.of(id, orgID: scope.orgID, in: transaction))
        }
        guard var found else { throw missing }
        let blocks = try await History.blocks(
            meterID: id.meterID, from: id.day.advanced(by: -7), to: id.day.advanced(by: 1), site: site,
            orgID: scope.orgID)
        found.earlier = blocks.filter { $0.day < id.day }
        found.next = blocks.first { $0.day > id.day }
        return found
    }
}

/// One exception with everything a person needs to judge it.
public struct ExceptionDetail: Sendable {
    public var exception: VEEException
    /// Of the same day.
    public var others: [VEEException]
    public var meter: Meter
    public var block: StoredBlock?
    public var context: DayContext
    /// Oldest first.
    public var steps: [ExceptionStep]
    /// The week before and the day after, as far as there is something.
    public var earlier: [StoredBlock] = []
    public var next: StoredBlock?

    /// Lowest and highest trusted value of each slot in the week before; nil where there is none.
    public var band: [ClosedRange<Int32>?] {
        let slots = block?.block.slotCount ?? 0
        return (0..<slots).map { slot in
            let values = earlier.map(\.block).filter { $0.slotCount == slots && $0.qualities[slot] >= .edited }
                .map { $0.values[slot] }
            guard let low = values.min(), let high = values.max() else { return nil }
            return low...high
        }
    }
}

/// What somebody did with an exception.
public struct ExceptionStep: Sendable, Equatable {
    /// Raw value of ``ExceptionAct``.
    public var what: String
    public var loginID: Int64
    public var reason: String
    public var atMs: Int64

    static func of(
        _ id: ExceptionID, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [ExceptionStep] {
        try transaction.query(
            """
            SELECT what, login_id, reason, at_ms FROM vee_exception_step
            WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4 AND from_slot = $5 ORDER BY step_id LIMIT 200
            """, id.parameters(orgID)
        ) {
            ExceptionStep(what: try $0.text(0), loginID: try $0.int(1), reason: try $0.text(2), atMs: try $0.int(3))
        }
    }
}
