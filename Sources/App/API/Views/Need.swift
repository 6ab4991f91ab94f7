// What waits for a person: held readings, days that cannot be estimated, silent meters, failed orders, missing tariffs,
// and what the machine gave up: jobs and events.
import Access
import Accounts
import CivilTime
import HeadEnd
import Jobs
import MeterData
import Meters
import Outbox
import Packs
import Rating
import SQL

/// Why something waits for a person. Stands in addresses and in JSON.
public enum NeedKind: String, Sendable, Codable, CaseIterable {
    case negative, spike
    case zeroRun = "zero-run"
    case clock
    case notEstimable = "not-estimable"
    case silent
    case readFailing = "read-failing"
    case commandFailed = "command-failed"
    case withoutTariff = "without-tariff"
    case jobFailed = "job-failed"
    case eventFailed = "event-failed"
    case rawUntaken = "raw-untaken"
    case intervalsLost = "intervals-lost"
    case clockOff = "clock-off"
    /// An outage that lasts longer than is told of; a meter that somebody tampered with: visits.
    case longOutage = "long-outage"
    case tamper
    case other

    init(rule: String) {
        self =
            switch rule {
            case "negative": .negative
            case "spike": .spike
            case "zeroConsumption", "consecutiveZeroes": .zeroRun
            case "timeTolerance": .clock
            case VEEException.notEstimable: .notEstimable
            default: .other
            }
    }

    /// Found by a check of the readings.
    public var isHeld: Bool { [.negative, .spike, .zeroRun, .clock, .other].contains(self) }
}

public struct Need: Sendable {
    public var kind: NeedKind
    /// The job, event or order to a meter that can be tried again or set aside; nil for the other kinds.
    public var itemID: Int64?
    /// Nil for an account without a tariff that has no meter.
    public var meterID: Int64?
    public var serial: String
    public var day: CivilDay?
    public var sinceMs: Int64
    public var detail: String
    /// Set for what validation or estimation found: where it is worked.
    public var exceptionID: ExceptionID?
}

extension Need {
    fileprivate init(job: Job) {
        self.init(
            kind: .jobFailed, itemID: job.jobID, serial: "", day: CivilDay(job.key),
            sinceMs: job.endedAtMs ?? job.runAtMs,
            detail: "\(job.kind.rawValue), \(job.attempt) tries: \(job.lastError ?? "")")
    }

    fileprivate init(lost item: CollectionItem) {
        self.init(
            kind: .intervalsLost, meterID: item.meterID, serial: "", day: item.day,
            sinceMs: item.lastAttemptAtMs ?? item.nextAtMs, detail: item.lastError ?? "")
    }

    fileprivate init(clock: WrongClock) {
        self.init(
            kind: .clockOff, meterID: clock.meterID, serial: "", day: nil, sinceMs: clock.measuredAtMs,
            detail: clock.why)
    }

    fileprivate init(outage row: OutageRow) {
        let outage = row.outage
        self.init(
            kind: .longOutage, serial: "", sinceMs: outage.startMs,
            detail: "\(row.placeName ?? ""): \(outage.members) meters, outage \(outage.outageID)")
    }

    fileprivate init(tamper item: TamperCase) {
        self.init(
            kind: .tamper, meterID: item.meterID, serial: "", day: nil, sinceMs: item.firstAtMs,
            detail: "visit: \(item.kind.rawValue), \(item.reasons.map(\.rawValue).joined(separator: ", "))")
    }

    fileprivate init(event: OutboxTrouble) {
        let what = "\(event.kind) of \(event.subjectID)"
        self.init(
            kind: .eventFailed, itemID: event.eventID, serial: "", sinceMs: event.businessAtMs,
            detail: event.isKnown
                ? "\(what), \(event.attempt) tries: \(event.lastError ?? "")"
                : "\(what): this release does not know the kind")
    }
}

public struct NeedList: Sendable {
    /// As many days back as meters are asked for what is missing.
    static let days = 7
    public static let itemsMax = 500
    static let itemsMax64 = Int64(itemsMax)

    /// Newest first, at most ``itemsMax``.
    public var items: [Need]
    public var checkedAtMs: Int64
    /// Intervals of the line's day that were looked at.
    public var intervalsChecked: Int

    public var counts: [(kind: NeedKind, count: Int)] {
        NeedKind.allCases.compactMap { kind in
            let count = items.count { $0.kind == kind }
            return count > 0 ? (kind, count) : nil
        }
    }

    /// The items of a kind behind a place, newest first. A place names time, meter, kind, day and which of several
    /// alike, so that the next part begins behind it whatever came or went meanwhile.
    func part(of kind: NeedKind?, after: String, limit: Int) -> ListPart<Need> {
        var alike: [String: Int] = [:]
        var seen = after.isEmpty
        let afterMs = Int64(after.prefix { $0 != "." }) ?? .min
        var rest: [(place: String, need: Need)] = []
        for need in items where kind == nil || need.kind == kind {
            let name = "\(need.sinceMs).\(need.meterID ?? 0).\(need.kind.rawValue).\(need.day?.number ?? 0)"
            alike[name, default: 0] += 1
            let place = "\(name).\(alike[name] ?? 1)"
            // When the item of the place is gone, what is older than it is what comes after it.
            if seen || need.sinceMs < afterMs { rest.append((place, need)) }
            if place == after { seen = true }
        }
        let part = ListPart.of(rest, limit: limit) { $0.place }
        return ListPart(items: part.items.map(\.need), next: part.next)
    }

    public static func of(_ site: Site, _ scope: Scope) async throws -> NeedList {
        // Every limit counts what lies within reach of the asker, never what somebody else may see.
        let (moment, installed, plan, failed, unpriced, aside, jobs, events, lost, clocks) = try await site.money.read {
            transaction in
            let moment = try Moment.of(site, scope, in: transaction)
            return (
                moment, try Installation.all(on: moment.lineDay, scope, in: transaction),
                try CollectionItem.of(day: moment.lineDay, scope, in: transaction),
                try MeterCommand.failed(limit: itemsMax, scope, in: transaction),
                try Subscription.accountsWithoutBase(on: moment.lineDay, limit: itemsMax, scope, in: transaction),
                try RatingRefusal.latest(limit: itemsMax, scope, in: transaction),
                try JobStore.troubles(limit: itemsMax, scope, in: transaction),
                scope.isWholeCompany
                    ? try Outbox.troubles(orgID: scope.orgID, limit: itemsMax, in: transaction) : [],
                try CollectionBoard.lost(
                    sinceMs: moment.nowMs - Int64(days) * 86_400_000, limit: itemsMax, scope, in: transaction),
                try WrongClock.all(limit: itemsMax, scope, in: transaction)
            )
        }
        let reach = Set(installed.map(\.meterID))
        let mine = plan.filter { reach.contains($0.meterID) }
        let held = try await exceptions(site, moment, scope, reach: reach)
        let dayMs = moment.startMs(of: moment.lineDay)
        var needs = held.map { found in
            Need(
                kind: NeedKind(rule: found.rule), meterID: found.meterID, serial: "", day: found.day,
                sinceMs: found.raisedAtMs, detail: found.message, exceptionID: found.id)
        }
        for item in mine where item.attempt > 0 && item.isOpen {
            needs.append(
                Need(
                    kind: item.haveSlots == 0 ? .silent : .readFailing, meterID: item.meterID, serial: "",
                    day: item.day,
                    sinceMs: dayMs, detail: item.lastError ?? ""))
        }
        for command in failed {
            needs.append(
                Need(
                    kind: .commandFailed, itemID: command.commandID, meterID: command.meterID, serial: "", day: nil,
                    sinceMs: command.endedAtMs ?? command.createdAtMs,
                    detail: "\(command.kind): \(command.answer ?? "")"))
        }
        let meterOf = Dictionary(installed.map { ($0.accountID, $0.meterID) }, uniquingKeysWith: { first, _ in first })
        for accountID in unpriced {
            needs.append(
                Need(
                    kind: .withoutTariff, meterID: meterOf[accountID], serial: "", day: moment.lineDay, sinceMs: dayMs,
                    detail: "account \(accountID)"))
        }
        for refusal in aside {
            needs.append(
                Need(
                    kind: .withoutTariff, meterID: refusal.meterID, serial: "", day: refusal.day,
                    sinceMs: refusal.atMs, detail: refusal.reason))
        }
        needs += lost.map { Need(lost: $0) } + clocks.map { Need(clock: $0) }
        needs += try await rawUntaken(site, moment, scope)
        needs += jobs.map { Need(job: $0) } + events.map { Need(event: $0) }
        needs += try await visits(site, moment, scope)
        needs.sort { ($0.sinceMs, $0.meterID ?? 0) > ($1.sinceMs, $1.meterID ?? 0) }
        return NeedList(
            items: try await named(Array(needs.prefix(itemsMax)), site, scope), checkedAtMs: moment.nowMs,
            intervalsChecked: mine.reduce(0) { $0 + $1.haveSlots })
    }

    /// What field work should look at: outages that last, and meters that somebody tampered with.
    private static func visits(_ site: Site, _ moment: Moment, _ scope: Scope) async throws -> [Need] {
        try await site.money.read { transaction in
            let minutes = try OutageRules.inForce(on: moment.today, scope, in: transaction).notifyAfterMinutes
            let open = try Outages.list(
                OutageFilter(isOpen: true, toMs: moment.nowMs - minutes * 60_000, isPlanned: false), limit: itemsMax,
                scope, in: transaction)
            let cases = try TamperCases.list(state: .valid, limit: itemsMax, scope, in: transaction)
            return (minutes > 0 ? open.map { Need(outage: $0) } : []) + cases.map { Need(tamper: $0.item) }
        }
    }

    /// Answers of meters that nobody took over for longer than is allowed.
    private static func rawUntaken(_ site: Site, _ moment: Moment, _ scope: Scope) async throws -> [Need] {
        guard scope.isWholeCompany else { return [] }
        let open = try await CompanyFigures.rawOpen(site, scope.orgID)
        guard open.isAlarmed(nowMs: moment.nowMs), let oldestAtMs = open.oldestAtMs else { return [] }
        return [
            Need(
                kind: .rawUntaken, serial: "", sinceMs: oldestAtMs,
                detail: "\(open.waiting) answers of meters are not taken over; see the job validate")
        ]
    }

    /// Open hard exceptions of the last days of the meters within reach, from the months they lie in.
    static func exceptions(
        _ site: Site, _ moment: Moment, _ scope: Scope, reach: Set<Int64>
    ) async throws -> [VEEException] {
        // The readings know no places: who is confined to some asks by meter, a few hundred at a time.
        let mine = reach.sorted()
        let parts: [[Int64]?] =
            scope.isWholeCompany
            ? [nil]
            : stride(from: 0, to: mine.count, by: 400).map { Array(mine[$0..<min($0 + 400, mine.count)]) }
        let from = moment.today.advanced(by: -days)
        var found: [VEEException] = []
        for month in try await site.readings.months() where month >= from.month && month <= moment.today.month {
            let shard = try await site.readings.shard(month)
            for part in parts {
                found += try await shard.read { transaction in
                    try VEEException.open(
                        from: max(from, month.first), to: min(moment.today, month.last), meterIDs: part,
                        limit: 2 * itemsMax, orgID: scope.orgID, in: transaction)
                }
            }
        }
        return found.filter { reach.contains($0.meterID) }
    }

    private static func named(_ needs: [Need], _ site: Site, _ scope: Scope) async throws -> [Need] {
        let ids = Array(Set(needs.compactMap(\.meterID)))
        let serials = try await site.money.read { try MeterListing.serials(ids, scope, in: $0) }
        return needs.map { need in
            var need = need
            need.serial = need.meterID.flatMap { serials[$0] } ?? ""
            return need
        }
    }
}
