// Brings projected balances up to the readings: only accounts whose blocks or charges changed since the last run, in
// bounded chunks. Posts nothing.
import Access
import Accounts
import CivilTime
import Clocks
import IntervalData
import MeterData
import Meters
import Outbox
import Packs
import SQL
import Tariffs

public struct Projector: Sendable {
    static let consumer = "projection"
    /// Accounts a transaction.
    static let chunk = 200
    /// How many days beyond the last charge are looked at; what lies farther back waits for its estimate.
    public static let daysMax = 31

    let site: Site
    let org: Org

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// What a run came to. An account that cannot be priced has no projection; why stands beside it.
    public struct Outcome: Sendable {
        public var made = 0
        public var refused: [(accountID: Int64, reason: String)] = []
        public var accepted: [Int64] = []
    }

    /// Projects every account that has something new.
    /// - Parameter settle: is told of each chunk, so that what could not be priced is kept where a person finds it.
    /// - Returns: how many projections were written.
    public func run(
        settle: @Sendable (Outcome) async throws -> Void = { _ in },
        progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> Int {
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let floor = today.advanced(by: -Self.daysMax)
        var made = 0
        func take(_ accounts: [Int64]) async throws {
            let found = try await project(accounts, today: today)
            made += found.made
            try await settle(found)
            await progress(made)
        }
        for month in try await site.readings.monthsInReach() where month >= floor.month && month <= today.month {
            let shard = try await site.readings.shard(month)
            while true {
                try Task.checkCancellation()
                let changes = try await shard.read { [org] transaction in
                    let cursor = try ChangeStream.dayBlock.cursor(
                        of: Self.consumer, orgID: org.orgID, month: month, in: transaction)
                    return try DayBlocks.changes(
                        after: cursor, month: month, limit: Self.chunk, orgID: org.orgID, in: transaction)
                }
                guard let last = changes.last else { break }
                try await take(try await accounts(changes.filter { $0.day >= floor && $0.day <= today }))
                try await shard.write { [org] transaction in
                    try ChangeStream.dayBlock.advance(
                        Self.consumer, to: last.change, orgID: org.orgID, month: month, in: transaction)
                }
            }
        }
        var after: Int64 = 0
        while true {
            try Task.checkCancellation()
            let page = try await site.money.read { [scope, after] in
                try ProjectedBalance.outdated(after: after, limit: Self.chunk, scope, in: $0)
            }
            guard let last = page.last else { break }
            after = last
            try await take(page)
        }
        // What could not be priced is tried again: a tariff may have come.
        after = 0
        while true {
            try Task.checkCancellation()
            let page = try await site.money.read { [scope, after] in
                try WorkItem.accounts(.project, after: after, limit: Self.chunk, scope, in: $0)
            }
            guard let last = page.last else { break }
            after = last
            try await take(page)
        }
        return made
    }

    private func accounts(_ changes: [(change: Int64, day: CivilDay, meterID: Int64)]) async throws -> [Int64] {
        guard !changes.isEmpty else { return [] }
        return try await site.money.read { [scope] transaction in
            var found: Set<Int64> = []
            var seen: Set<[Int64]> = []
            for change in changes where seen.insert([change.meterID, Int64(change.day.number)]).inserted {
                let installation = try Installation.of(
                    meterID: change.meterID, on: change.day, scope, in: transaction)
                if let accountID = installation?.accountID { found.insert(accountID) }
            }
            return found.sorted()
        }
    }

    /// Where an account's projection begins.
    private struct Start {
        var account: SupplyAccount
        var held: HeldPacks
        var base: Int64
        var opening: DayPosition
        var from: CivilDay
        var meters: [(meterID: Int64, from: CivilDay, to: CivilDay)]
        /// Some tariff of it looks at energy fed in.
        var feedsIn: Bool
        /// Some tariff of it looks at apparent energy.
        var hasFactor: Bool
    }

    /// The days of an account beyond its last charge.
    private struct Days {
        var drawn: [StoredBlock] = []
        var fedIn: [CivilDay: StoredBlock] = [:]
        var apparent: [CivilDay: StoredBlock] = [:]
    }

    /// Projects some accounts. Public for who wants one anew at once.
    public func project(_ accountIDs: [Int64], today: CivilDay) async throws -> Outcome {
        guard !accountIDs.isEmpty else { return Outcome() }
        let nowMs = site.clocks.businessNowMs()
        let (starts, exchanges) = try await site.money.read { [scope] transaction in
            (
                try begin(accountIDs, today, scope, transaction),
                try MeterReplacement.since(today.advanced(by: -Self.daysMax), scope, in: transaction)
            )
        }
        var days: [Int64: Days] = [:]
        let first = starts.map(\.from).min()?.month ?? today.month
        for month in try await site.readings.monthsInReach() where month >= first && month <= today.month {
            let found = try await site.readings.shard(month).read { [org] transaction in
                try starts.map { start in
                    let drawn = try Self.blocks(start, .importWh, month, exchanges, org, in: transaction)
                    let fedIn =
                        start.feedsIn
                        ? try Self.blocks(start, .exportWh, month, exchanges, org, in: transaction) : []
                    let apparent =
                        start.hasFactor
                        ? try Self.blocks(start, .importVAh, month, exchanges, org, in: transaction) : []
                    return (start.account.accountID, drawn, fedIn, apparent)
                }
            }
            for (accountID, drawn, fedIn, apparent) in found {
                days[accountID, default: Days()].drawn += drawn
                for block in fedIn { days[accountID, default: Days()].fedIn[block.day] = block }
                for block in apparent { days[accountID, default: Days()].apparent[block.day] = block }
            }
        }
        return try await site.money.write { [scope, days, org] transaction in
            var outcome = Outcome()
            var shelf = RatingShelf(zone: org.zone, nowMs: nowMs, scope)
            for start in starts {
                try Self.settle(
                    start, days[start.account.accountID] ?? Days(), nowMs, org, &shelf, &outcome, scope, transaction)
            }
            return outcome
        }
    }

    /// Stores what one account comes to, where it is not stored yet.
    private static func settle(
        _ start: Start, _ days: Days, _ nowMs: Int64, _ org: Org, _ shelf: inout RatingShelf,
        _ outcome: inout Outcome, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        let accountID = start.account.accountID
        let known = try ProjectedBalance.known([accountID], scope, in: transaction)[accountID]
        do {
            let made = try price(start, days, org, &shelf, transaction)
            outcome.accepted.append(accountID)
            guard var made else {
                if known != nil { try ProjectedBalance.remove(accountID, scope, in: transaction) }
                return
            }
            made.madeAtMs = known?.madeAtMs ?? nowMs
            guard made != known else { return }
            made.madeAtMs = nowMs
            try made.store(scope, in: transaction)
            outcome.made += 1
        } catch let error as TariffError {
            try ProjectedBalance.remove(accountID, scope, in: transaction)
            outcome.refused.append((accountID, error.description))
        }
    }

    private func begin(
        _ accountIDs: [Int64], _ today: CivilDay, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> [Start] {
        let held = try HeldPacks.of(accountIDs, scope, in: transaction)
        let exporting = Set(try Packs.lookingAtExport(scope, in: transaction))
        let factored = Set(try Packs.lookingAtApparent(scope, in: transaction))
        return try accountIDs.compactMap { accountID in
            let account = try SupplyAccount.find(accountID, scope, in: transaction)
            let base = try ProjectedBalance.baseNow(accountID, scope, in: transaction)
            var from = today.advanced(by: -Self.daysMax)
            var opening = DayPosition.none
            if let charged = ProjectedBalance.chargedDay(base) {
                from = max(from, charged.advanced(by: 1))
                opening = try .last(accountID: accountID, before: charged.advanced(by: 1), scope, in: transaction)
            }
            guard from <= today else { return nil }
            let own = held[accountID] ?? HeldPacks([])
            func holds(_ packs: Set<String>) -> Bool {
                !packs.isEmpty
                    && (from.number...today.number).contains { number in
                        own.base(on: CivilDay(number: number)).map(packs.contains) == true
                    }
            }
            return Start(
                account: account, held: own, base: base, opening: opening, from: from,
                meters: try Installation.of(accountID: accountID, from: from, to: today, scope, in: transaction),
                feedsIn: holds(exporting), hasFactor: holds(factored))
        }
    }

    /// The account's days of one month, of all its meters in one row.
    private static func blocks(
        _ start: Start, _ channel: Channel, _ month: CivilMonth, _ exchanges: [MeterReplacement], _ org: Org,
        in transaction: any SQLTransaction
    ) throws -> [StoredBlock] {
        var own: [Int64: [StoredBlock]] = [:]
        var first: [Int64: CivilDay] = [:]
        for (meterID, from, to) in start.meters {
            let (from, to) = (max(from, month.first), min(to, month.last))
            guard from <= to else { continue }
            first[meterID] = from
            own[meterID] = try DayBlocks.current(
                meterID: meterID, channel: channel, from: from, to: to, orgID: org.orgID, in: transaction)
        }
        let chains = MeterChain.all(first, exchanges.filter { $0.day.month == month })
        return chains.flatMap { $0.joined(own, zone: org.zone) }.sorted { $0.day < $1.day }
    }

    /// What is known of a day, nothing where nothing has arrived.
    private static func values(_ block: DayBlock) -> [Int32] {
        zip(block.values, block.qualities).map { $1 > .missing ? $0 : 0 }
    }

    /// - Returns: nil when nothing has arrived beyond the last charge.
    private static func price(
        _ start: Start, _ days: Days, _ org: Org, _ shelf: inout RatingShelf, _ transaction: any SQLTransaction
    ) throws -> ProjectedBalance? {
        var found = ProjectedBalance(
            accountID: start.account.accountID, base: start.base, usedPaise: 0, usedWh: 0, throughMs: 0,
            estimatedSlots: 0, missingSlots: 0, madeAtMs: 0)
        var position = start.opening
        var missing = 0
        for stored in days.drawn {
            let block = stored.block
            guard let last = block.qualities.lastIndex(where: { $0 > .missing }) else {
                missing += block.slotCount
                continue
            }
            let values = values(block)
            let fedIn = start.feedsIn ? days.fedIn[stored.day].map { Self.values($0.block) } : nil
            let readings = DayReadings(
                day: stored.day, meterID: stored.meterID, importWh: values,
                exportWh: start.feedsIn ? fedIn ?? values.map { _ in 0 } : nil,
                importVAh: start.hasFactor ? block.apparent(days.apparent[stored.day]?.block) : nil)
            guard
                let priced = try shelf.price(
                    readings, SupplyTerms(start.account), start.held, after: position, transaction)
            else { continue }
            position = priced.position
            found.usedPaise += priced.paise
            found.usedWh += values.reduce(0) { $0 + Int64($1) }
            found.estimatedSlots += block.count(of: .estimated)
            // What is missing counts only once something later is there.
            found.missingSlots += missing + block.qualities[...last].count { $0 == .missing }
            missing = block.slotCount - 1 - last
            let lengthS = org.zone.lengthS(of: stored.day)
            found.throughMs =
                (org.zone.startS(of: stored.day) + lengthS * Int64(last + 1) / Int64(block.slotCount)) * 1000
        }
        return found.throughMs == 0 ? nil : found
    }

    /// How long the oldest reading that no projection has looked at has waited, in business milliseconds; 0 when
    /// everything is looked at. The promise is an hour.
    public static func waitingMs(_ site: Site, orgID: Int64, today: CivilDay) async throws -> Int64 {
        var oldest: Int64?
        for month in try await site.readings.monthsInReach()
        where month >= today.advanced(by: -daysMax).month && month <= today.month {
            let madeAtMs = try await site.readings.shard(month).read { transaction -> Int64? in
                let cursor = try ChangeStream.dayBlock.cursor(
                    of: consumer, orgID: orgID, month: month, in: transaction)
                return try DayBlocks.firstMadeAtMs(after: cursor, month: month, orgID: orgID, in: transaction)
            }
            if let madeAtMs { oldest = min(oldest ?? madeAtMs, madeAtMs) }
        }
        return oldest.map { max(0, site.clocks.businessNowMs() - $0) } ?? 0
    }
}
