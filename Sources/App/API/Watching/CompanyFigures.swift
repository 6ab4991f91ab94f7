// What the watch knows of one company, taken in one go: jobs, queues, lateness, sessions, and now and then the book.
// Bounded queries; what reads the whole book is asked as seldom as it is dear.
import Access
import CivilTime
import Clocks
import HeadEnd
import Jobs
import Journal
import Outbox
import Rating
import SQL

public struct CompanyFigures: Sendable {
    public struct Books: Sendable {
        public var sumPaise: Int64
        /// Entries that do not sum to zero by themselves.
        public var unbalancedEntries: Int64
        public var mismatches: Int64
        /// Business time.
        public var atMs: Int64
        var takenNs: Int64
        var costNs: Int64
    }
    public var takenAtMs: Int64
    public var zone: Zone
    public var lineDay: CivilDay
    public var jobs: [Job]
    public var outbox: (waiting: Int64, oldestAtMs: Int64?, givenUp: Int64)
    public var rawWaiting: Int64
    /// Answers that meter data has not taken over.
    public var rawOpen: RawKeeping
    /// The service clocks of the last days.
    public var serviceDays: [ServiceDay]
    public var lateness: CollectionLateness
    public var sessions: Int64
    /// How long the oldest reading has waited for a projected balance.
    public var projectionWaitMs: Int64
    public var books: Books
    /// What one round trip to the money store took.
    public var databaseNs: Int64

    /// The book is added up again when a hundred times its cost, and at least so long, has passed.
    static let booksPauseNs: Int64 = 300_000_000_000

    /// The latest day of each clock that is known.
    var latestServiceDays: [ServiceClock: ServiceDay] {
        Dictionary(serviceDays.map { ($0.clock, $0) }, uniquingKeysWith: { $1.day >= $0.day ? $1 : $0 })
    }

    static func take(_ site: Site, orgID: Int64, before: CompanyFigures?) async throws -> CompanyFigures {
        let scope = Scope(orgID: orgID)
        let systemNowMs = site.clocks.systemNowMs()
        let startNs = Stopwatch.nowNs()
        let moment = try await site.money.read { try Moment.of(site, scope, in: $0) }
        let databaseNs = Stopwatch.nowNs() - startNs
        let floor = moment.today.advanced(by: -CollectionRules().backDays)
        let (jobs, outbox, lateness, sessions, serviceDays) = try await site.money.read { transaction in
            (
                try JobStore.overview(scope, in: transaction), try Outbox.figures(orgID: orgID, in: transaction),
                try CollectionLateness.of(from: floor, before: moment.lineDay, scope, in: transaction),
                try Sessions.openCount(systemNowMs: systemNowMs, scope, in: transaction),
                try ServiceDays.of(
                    from: moment.today.advanced(by: -31), to: moment.today, scope, in: transaction)
            )
        }
        return CompanyFigures(
            takenAtMs: moment.nowMs, zone: moment.zone, lineDay: moment.lineDay, jobs: jobs, outbox: outbox,
            rawWaiting: try await rawWaiting(site, orgID, from: floor.month, to: moment.today.month),
            rawOpen: try await rawOpen(site, orgID), serviceDays: serviceDays,
            lateness: lateness, sessions: sessions,
            projectionWaitMs: try await Projector.waitingMs(site, orgID: orgID, today: moment.today),
            books: try await books(site, scope, moment.nowMs, before: before?.books), databaseNs: databaseNs)
    }

    private static func rawWaiting(
        _ site: Site, _ orgID: Int64, from: CivilMonth, to: CivilMonth
    ) async throws -> Int64 {
        var waiting: Int64 = 0
        for month in try await site.readings.monthsInReach() where month >= from && month <= to {
            waiting += try await site.readings.shard(month).read { transaction in
                try ChangeStream.rawRead.waiting(
                    for: Line.rawConsumer, orgID: orgID, months: [month], in: transaction)
            }
        }
        return waiting
    }

    /// Of all months there are: what nobody has taken over may be old.
    static func rawOpen(_ site: Site, _ orgID: Int64) async throws -> RawKeeping {
        var open = RawKeeping(waiting: 0, oldestAtMs: nil)
        for month in try await site.readings.monthsInReach() {
            open.add(
                try await site.readings.shard(month).read { try RawKeeping.open(month: month, orgID: orgID, in: $0) })
        }
        return open
    }

    private static func books(
        _ site: Site, _ scope: Scope, _ nowMs: Int64, before: Books?
    ) async throws -> Books {
        let startNs = Stopwatch.nowNs()
        if let before, startNs - before.takenNs < max(booksPauseNs, before.costNs * 100) { return before }
        let trial = try await site.money.read { try Journal.trialBalance(scope, in: $0) }
        let endNs = Stopwatch.nowNs()
        return Books(
            sumPaise: trial.sumPaise, unbalancedEntries: trial.unbalancedEntries,
            mismatches: Int64(trial.wrongAccounts.count), atMs: nowMs, takenNs: endNs, costNs: endNs - startNs)
    }
}

/// What is known about the installation as a whole; the composition root says how to ask for it.
public struct SiteFacts: Sendable {
    /// Bytes of a store by its name.
    public var sizes: @Sendable () async -> [(store: String, bytes: Int64)] = { [] }
    public var freeBytes: @Sendable () -> Int64? = { nil }
    /// System time at which the newest backup was finished; nil: no backup is known.
    public var lastBackupAtMs: @Sendable () async -> Int64? = { nil }
    /// System time until which the certificate of this process is good; nil: it serves without one.
    public var certificateUntilMs: @Sendable () -> Int64? = { nil }
    /// Whether consumers of a company pay at the test gateway.
    public var testPayments: @Sendable (Int64) async throws -> Bool = { _ in false }
    /// Transactions that wait for a thread, by store.
    public var waiting: @Sendable () -> [(store: String, count: Int)] = { [] }
    public init() {}
}
