// Validation run again over what is stored: the values of the day, those held with its exceptions, and its context. The
// same rules on the same values write nothing; other rules make a new version of the day, which Rating then prices.
// And the same without writing: what other rules would say.
import Access
import CivilTime
import Clocks
import IntervalData
import Meters
import SQL
import VEE

public struct Revalidation: Sendable {
    let site: Site
    let org: Org

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    private struct Start: Sendable {
        var book: RuleBook
        var traits: MeterTraits?
    }

    private func start(_ meterID: Int64, on day: CivilDay) async throws -> Start {
        try await site.money.read { [org] transaction in
            let scope = Scope(orgID: org.orgID)
            return Start(
                book: try RuleBook.load(orgID: org.orgID, in: transaction),
                traits: try MeterTraits.of([meterID], on: day, scope, in: transaction)[meterID])
        }
    }

    private func context(
        _ day: CivilDay, _ slots: Int, _ history: [DayBlock], _ rules: ValidationRules, _ traits: MeterTraits?,
        _ outages: RecordedOutages
    ) -> IngestContext {
        IngestContext(
            sanctionedW: traits?.sanctionedW ?? 0, periodS: org.zone.lengthS(of: day) / Int64(max(1, slots)),
            history: history, rules: rules, outages: outages, madeBy: "validate", nowMs: outages.nowMs)
    }

    /// A day as it is stored.
    private func stored(_ day: CivilDay, _ meterID: Int64, _ slots: Int) -> IncomingDay {
        IncomingDay(day: day, meterID: meterID, batchID: 0, values: .init(repeating: nil, count: slots))
    }

    /// What is known by now of the outages: they may have been told after a day was judged.
    private func outages(_ meterID: Int64, _ from: CivilDay, _ to: CivilDay) async throws -> RecordedOutages {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { [org] in
            try RecordedOutages.of(
                meterID: meterID, from: from, to: to, zone: org.zone, nowMs: nowMs, Scope(orgID: org.orgID), in: $0)
        }
    }

    /// Judged so often when each time other outages were told meanwhile; they are told a few times a day.
    private static let timesMax = 5

    /// Days that hold something are looked at in order, each with the days before it as they are then; once more when
    /// other outages were told before they were stored.
    /// - Parameter isWanted: days by other rules are passed over.
    public func run(
        meterID: Int64, from: CivilDay, to: CivilDay,
        where isWanted: @escaping @Sendable (ValidationRules) -> Bool = { _ in true }
    ) async throws -> (days: Int, changed: Int) {
        let start = try await start(meterID, on: to)
        var known = try await outages(meterID, from, to)
        var (days, changed) = (0, 0)
        for _ in 0..<Self.timesMax {
            let made = try await judge(meterID, from, to, start, known, isWanted)
            (days, changed) = (made.days, changed + made.changed)
            let now = try await outages(meterID, from, to)
            guard now.intervals != known.intervals else { break }
            known = now
        }
        return (days, changed)
    }

    /// Once, with these outages.
    private func judge(
        _ meterID: Int64, _ from: CivilDay, _ to: CivilDay, _ start: Start, _ outages: RecordedOutages,
        _ isWanted: @escaping @Sendable (ValidationRules) -> Bool
    ) async throws -> (days: Int, changed: Int) {
        var (days, changed) = (0, 0)
        for month in try await site.readings.months() where month >= from.month && month <= to.month {
            let (first, last) = (max(from, month.first), min(to, month.last))
            let before = try await History.blocks(
                meterID: meterID, from: first.advanced(by: -start.book.historyDays), to: first.advanced(by: -1),
                site: site, orgID: org.orgID
            ).map { (day: $0.day, block: $0.block) }
            let counts = try await site.readings.shard(month).write { [self] transaction in
                var earlier = before
                var counts = (days: 0, changed: 0)
                let blocks = try DayBlocks.current(
                    meterID: meterID, from: first, to: last, orgID: org.orgID, in: transaction)
                for item in blocks {
                    let rules = start.book.rules(for: start.traits, on: item.day)
                    earlier.removeAll { $0.day < item.day.advanced(by: -rules.historyDays) }
                    guard isWanted(rules) else {
                        earlier.append((item.day, item.block))
                        continue
                    }
                    let slots = item.block.slotCount
                    let made = try Ingest.apply(
                        stored(item.day, meterID, slots),
                        context(item.day, slots, earlier.reversed().map(\.block), rules, start.traits, outages),
                        holdsBack: true, orgID: org.orgID, in: transaction)
                    counts.days += 1
                    counts.changed += made == nil ? 0 : 1
                    let now = try DayBlocks.current(
                        meterID: meterID, from: item.day, to: item.day, orgID: org.orgID, in: transaction
                    ).first
                    earlier.append((item.day, now?.block ?? item.block))
                }
                return counts
            }
            days += counts.days
            changed += counts.changed
        }
        return (days, changed)
    }

    /// What some rules would flag on the days of a meter; writes nothing.
    func look(
        meterID: Int64, from: CivilDay, to: CivilDay, rules: ValidationRules, traits: MeterTraits?
    ) async throws -> (days: Int, found: [(day: CivilDay, finding: Finding)]) {
        let blocks = try await History.blocks(
            meterID: meterID, from: from.advanced(by: -rules.historyDays), to: to, site: site, orgID: org.orgID)
        let outages = try await outages(meterID, from, to)
        var (days, found) = (0, [(day: CivilDay, finding: Finding)]())
        for month in try await site.readings.months() where month >= from.month && month <= to.month {
            let mine = blocks.filter { $0.day >= max(from, month.first) && $0.day <= min(to, month.last) }
            guard !mine.isEmpty else { continue }
            days += mine.count
            found += try await site.readings.shard(month).read { [self] transaction in
                try mine.flatMap { item in
                    let history = blocks.filter {
                        $0.day < item.day && $0.day >= item.day.advanced(by: -rules.historyDays)
                    }
                    let slots = item.block.slotCount
                    let judged = try Ingest.judge(
                        stored(item.day, meterID, slots),
                        context(item.day, slots, history.reversed().map(\.block), rules, traits, outages),
                        orgID: org.orgID, in: transaction)
                    return judged.findings.map { (item.day, $0) }
                }
            }
        }
        return (days, found)
    }
}

/// What rules would flag on the last days of a group, without writing anything.
public struct RulePreview: Sendable {
    /// Bounds of one preview: meters are picked evenly out of a larger group.
    public static let metersMax = 200
    public static let daysMax = 31
    public static let examplesMax = 50

    public struct Example: Sendable {
        public var meterID: Int64
        public var day: CivilDay
        public var finding: Finding
    }

    public init() {}

    /// Meters of the group, and those of them that were looked at.
    public var metersInGroup = 0
    public var metersLooked = 0
    public var meterDays = 0
    /// Findings by rule and severity.
    public var counts: [ExceptionCount] = []
    /// Meter-days with at least one hard finding.
    public var heldMeterDays = 0
    public var examples: [Example] = []

    public static func of(
        _ group: RuleGroup, _ rules: ValidationRules, days: Int, site: Site, org: Org, _ scope: Scope
    ) async throws -> RulePreview {
        guard (1...daysMax).contains(days) else {
            throw Refusal(.invalid, "From 1 to \(daysMax) days.", hint: "Ask for fewer days.", at: "days")
        }
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let members = try await site.money.read { transaction in
            try group.proveKnown(orgID: scope.orgID, in: transaction)
            // The preview stands for the rules that would be set: whoever else has rules of his own is asked as well.
            let book = RuleBook([], parents: try Self.parents(scope.orgID, group, in: transaction))
            return try MeterTraits.of(on: today, scope, in: transaction).values
                .filter { book.groups(of: $0).contains(group) }.sorted { $0.meterID < $1.meterID }
        }
        var preview = RulePreview()
        preview.metersInGroup = members.count
        let picked =
            members.count <= metersMax
            ? members : (0..<metersMax).map { members[$0 * members.count / metersMax] }
        var sums: [String: ExceptionCount] = [:]
        let again = Revalidation(site: site, org: org)
        for traits in picked {
            try Task.checkCancellation()
            let seen = try await again.look(
                meterID: traits.meterID, from: today.advanced(by: -days), to: today.advanced(by: -1), rules: rules,
                traits: traits)
            preview.metersLooked += 1
            preview.meterDays += seen.days
            preview.heldMeterDays += Set(seen.found.filter { $0.finding.severity == .hard }.map(\.day)).count
            for (day, finding) in seen.found {
                let key = "\(finding.rule.rawValue) \(finding.severity.rawValue)"
                sums[key, default: ExceptionCount(rule: finding.rule.rawValue, severity: finding.severity, count: 0)]
                    .count += 1
                if preview.examples.count < examplesMax {
                    preview.examples.append(Example(meterID: traits.meterID, day: day, finding: finding))
                }
            }
        }
        preview.counts = sums.values.sorted { ($0.rule, $0.severity.rawValue) < ($1.rule, $1.severity.rawValue) }
        return preview
    }

    private static func parents(
        _ orgID: Int64, _ group: RuleGroup, in transaction: any SQLTransaction
    ) throws -> [Int64: Int64] {
        guard group.kind == .place else { return [:] }
        return try RuleGroup.parents(orgID: orgID, in: transaction)
    }
}
