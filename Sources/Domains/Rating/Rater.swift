// A rating run: changed day blocks in, charges and journal postings out, a chunk of accounts a transaction.
// A changed day moves the month's running totals, so every later day of the month is looked at again, in order.
import Access
import Accounts
import CivilTime
import Clocks
import Cryptography
import Grid
import IntervalData
import Journal
import MeterData
import Meters
import Outbox
import Packs
import SQL
import Tariffs

public struct Rater: Sendable {
    /// Accounts a transaction.
    public static let chunkSize = 1_000
    static let consumer = "rating"

    let site: Site
    let org: Org
    /// Asked once, while changes are followed.
    private var knownBeside: SideMeters?

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    /// Rates everything that changed since the last run. Returns how many charges were made (corrections included).
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> Int {
        let beside = try await besideMeters()
        var following = self
        following.knownBeside = beside
        var made = 0
        for month in try await site.readings.monthsInReach() {
            let shard = try await site.readings.shard(month)
            made += try await following.follow(.importWh, of: nil, month, shard, made, progress)
            // Other channels may come later than the energy drawn; where no tariff looks at one, nothing is followed.
            for channel in SideMeters.channels where !beside[channel].isEmpty {
                made += try await following.follow(channel, of: beside[channel], month, shard, made, progress)
            }
        }
        // What was subscribed to meanwhile is taken up here, with the channels that it looks at.
        made += try await takeUpAgain()
        made += try await rateAgain()
        await progress(made)
        return made
    }

    /// Takes up the changes of a channel since the last run, of some meters or of all. While one chunk is written, the
    /// next is read and worked out.
    private func follow(
        _ channel: Channel, of meterIDs: Set<Int64>?, _ month: CivilMonth, _ shard: any Database, _ before: Int,
        _ progress: @Sendable (Int) async -> Void
    ) async throws -> Int {
        let consumer = channel == .importWh ? Self.consumer : Self.consumer + " " + "\(channel)"
        var made = 0
        let cursor = try await shard.read { [org] transaction in
            try ChangeStream.dayBlock.cursor(of: consumer, orgID: org.orgID, month: month, in: transaction)
        }
        var done: Int64?
        var next = try await changes(channel, of: meterIDs, after: cursor, month, shard)
        while let current = next {
            let behind = done
            async let following = changes(channel, of: meterIDs, after: current.last, month, shard)
            async let advanced: Void = advance(consumer, to: behind, month, shard)
            try Task.checkCancellation()
            let outcome = try await rate(current.meterDays, month: month, shard: shard, prepared: current.chunk)
            made += outcome.made
            try await advanced
            done = current.last
            await progress(before + made)
            next = try await following
            next?.chunk?.count(outcome)
        }
        try await advance(consumer, to: done, month, shard)
        return made
    }

    /// Notes that changes are taken up: after what was made of them is stored, never before.
    private func advance(
        _ consumer: String, to change: Int64?, _ month: CivilMonth, _ shard: any Database
    ) async throws {
        guard let change else { return }
        try await shard.write { [org] transaction in
            try ChangeStream.dayBlock.advance(
                consumer, to: change, orgID: org.orgID, month: month, in: transaction)
        }
    }

    /// Changes that are taken up together.
    private struct Changes: Sendable {
        /// The number of the last of them.
        var last: Int64
        var meterDays: [(day: CivilDay, meterID: Int64)]
        var chunk: RateChunk?
    }

    /// The next changes, worked out as far as that can be done before their turn. Nil at the end.
    private func changes(
        _ channel: Channel, of meterIDs: Set<Int64>?, after change: Int64, _ month: CivilMonth, _ shard: any Database
    ) async throws -> Changes? {
        let found = try await shard.read { [org] transaction in
            try DayBlocks.changes(
                after: change, month: month, channel: channel, limit: Self.chunkSize, orgID: org.orgID,
                in: transaction)
        }
        guard let last = found.last else { return nil }
        let wanted = found.filter { meterIDs?.contains($0.meterID) != false }
            .map { (day: $0.day, meterID: $0.meterID) }
        var changes = Changes(last: last.change, meterDays: wanted)
        var rounds = RatingRounds(changes.meterDays)
        if let (_, firstDay) = rounds.next() {
            changes.chunk = try await prepared(firstDay, month: month, shard: shard)
        }
        return changes
    }

    /// A chunk that is worked out already; where something is in the way, it is worked out when its turn comes.
    private func prepared(
        _ firstDay: [Int64: CivilDay], month: CivilMonth, shard: any Database
    ) async throws -> RateChunk? {
        do {
            var chunk = try await chunk(firstDay, month: month, shard: shard, begun: [], acceptsOlder: false)
            chunk.prepared = try await site.money.read { [chunk, site, org] transaction in
                try ChunkRating.of(
                    chunk, atMs: site.clocks.businessNowMs(), ids: site.ids, Scope(orgID: org.orgID), in: transaction)
            }
            return chunk
        } catch  where error is OlderReadings || Self.isOfOneAccount(error) {
            return nil
        }
    }

    /// Meters of accounts that ever held a tariff which looks at another channel.
    private func besideMeters() async throws -> SideMeters {
        if let knownBeside { return knownBeside }
        let scope = Scope(orgID: org.orgID)
        return try await site.money.read { try SideMeters(scope, in: $0) }
    }

    /// Rates one day of every meter again, and with it the later days of its month. What comes out the same is not
    /// posted again. Returns how many charges were made.
    public func run(day: CivilDay, progress: @Sendable (Int) async -> Void = { _ in }) async throws -> Int {
        guard try await site.readings.months().contains(day.month) else { return 0 }
        let shard = try await site.readings.shard(day.month)
        var rest = try await shard.read { [org] in
            try DayBlocks.lowestQualities(day: day, orgID: org.orgID, in: $0)
        }.filter { $0.value > .missing }.keys.sorted()[...]
        var made = 0
        while !rest.isEmpty {
            made += try await rate(rest.prefix(Self.chunkSize).map { (day, $0) }, month: day.month, shard: shard).made
            rest = rest.dropFirst(Self.chunkSize)
            await progress(made)
        }
        return made
    }

    /// Rates again what was kept aside and can be priced now, because a pack or a subscription has come.
    private func takeUpAgain() async throws -> Int {
        let scope = Scope(orgID: org.orgID)
        let there = Set(try await site.readings.monthsInReach())
        let nowMs = site.clocks.businessNowMs()
        var made = 0
        var last: RatingRefusal?
        while true {
            try Task.checkCancellation()
            let page = try await site.money.read { [last] transaction in
                try RatingRefusal.withBase(after: last, limit: Self.chunkSize, scope, in: transaction)
            }
            guard let end = page.last else { return made }
            last = end
            let ready = try await site.money.read { [org] transaction in
                try page.filter { try $0.canBePriced(zone: org.zone, nowMs: nowMs, scope, in: transaction) }
            }
            let months = Dictionary(grouping: ready, by: { $0.day.month }).sorted { $0.key < $1.key }
            for (month, items) in months where there.contains(month) {
                made += try await rate(
                    items.map { ($0.day, $0.meterID) }, month: month, shard: try await site.readings.shard(month)
                ).made
            }
        }
    }

    /// Rates the days of accounts of which a pack or what they hold was changed for days past.
    private func rateAgain() async throws -> Int {
        let scope = Scope(orgID: org.orgID)
        let there = try await site.readings.monthsInReach()
        var made = 0
        var last: Int64 = .min
        while true {
            try Task.checkCancellation()
            let page = try await site.money.read { [last] in
                try RateAgain.waiting(after: last, limit: Self.chunkSize, scope, in: $0)
            }
            guard let end = page.last else { return made }
            last = end.accountID
            for month in there {
                let first = try await site.money.read { transaction in
                    try page.compactMap { item -> (CivilDay, Int64)? in
                        guard item.fromDay <= month.last else { return nil }
                        return try Self.start(
                            item.accountID, max(item.fromDay, month.first), scope, transaction
                        ).flatMap { $0.day.month == month ? ($0.day, $0.meterID) : nil }
                    }
                }
                guard !first.isEmpty else { continue }
                made += try await rate(first, month: month, shard: try await site.readings.shard(month)).made
            }
            try await site.money.write { transaction in
                for item in page {
                    try RateAgain.done(item, scope, in: transaction)
                }
            }
        }
    }

    /// The meter that measures an account on a day, or the next that does, and the first such day.
    private static func start(
        _ accountID: Int64, _ day: CivilDay, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> (day: CivilDay, meterID: Int64)? {
        try Installation.first(accountID: accountID, from: day, scope, in: transaction).map {
            (max(day, $0.fromDay), $0.meterID)
        }
    }

    // MARK: Chains of days

    /// Rates the meters' accounts from their first changed day to the end of the month, from the first day of their
    /// bill where it must begin anew, and into later months where those lean on this one.
    /// - Parameter prepared: their first round.
    /// - Returns: how many charges were made; and the turn and the accounts, where one round was all.
    func rate(
        _ changes: [(day: CivilDay, meterID: Int64)], month: CivilMonth, shard: any Database,
        prepared: RateChunk? = nil
    ) async throws -> RateChunk.Outcome {
        var rounds = RatingRounds(changes)
        var whole: RateChunk.Outcome?
        var prepared = prepared
        while let (next, first) = rounds.next() {
            let outcome = try await rateOnce(
                first, month: next, shard: next == month ? shard : try await site.readings.shard(next),
                begun: rounds.begun, prepared: prepared)
            prepared = nil
            whole = whole.map { RateChunk.Outcome(made: $0.made + outcome.made) } ?? outcome
            rounds.take(outcome, of: next, starts: try await starts(after: outcome, of: next))
        }
        return whole ?? RateChunk.Outcome()
    }

    /// Where the accounts go on that an outcome leaves to do, in months within reach.
    func starts(
        after outcome: RateChunk.Outcome, of month: CivilMonth
    ) async throws -> [(day: CivilDay, meterID: Int64)] {
        guard !outcome.anew.isEmpty || !outcome.onward.isEmpty else { return [] }
        let scope = Scope(orgID: org.orgID)
        let reach = Set(try await site.readings.monthsInReach())
        return try await site.money.read { transaction in
            try outcome.anew.compactMap { try Self.start($0.accountID, $0.day, scope, transaction) }
                + outcome.onward.compactMap { accountID in
                    let day = month.last.advanced(by: 1)
                    guard let start = try Self.start(accountID, day, scope, transaction) else { return nil }
                    return start.day.month == day.month ? start : nil
                }
        }.filter { reach.contains($0.day.month) }
    }

    private func rateOnce(
        _ firstDay: [Int64: CivilDay], month: CivilMonth, shard: any Database, begun: Set<Int64>, prepared: RateChunk?
    ) async throws -> RateChunk.Outcome {
        do {
            if let prepared { return try await perform(prepared) }
        } catch  where error is OlderReadings || Self.isOfOneAccount(error) {
            // As if it had not been prepared.
        }
        do {
            return try await rateTogether(firstDay, month: month, shard: shard, begun: begun)
        } catch  where Self.isOfOneAccount(error) {
            return try await rateApart(firstDay, month: month, because: error) {
                try await rateTogether($0, month: month, shard: shard, begun: begun)
            }
        }
    }

    private func rateTogether(
        _ firstDay: [Int64: CivilDay], month: CivilMonth, shard: any Database, begun: Set<Int64>
    ) async throws -> RateChunk.Outcome {
        // Another process may charge newer readings than these while we are at it: then look again.
        for _ in 0..<3 {
            do {
                return try await rateRead(firstDay, month: month, shard: shard, begun: begun, acceptsOlder: false)
            } catch is OlderReadings {
                continue
            }
        }
        return try await rateRead(firstDay, month: month, shard: shard, begun: begun, acceptsOlder: true)
    }

    private func rateRead(
        _ firstDay: [Int64: CivilDay], month: CivilMonth, shard: any Database, begun: Set<Int64>, acceptsOlder: Bool
    ) async throws -> RateChunk.Outcome {
        try await perform(
            try await chunk(firstDay, month: month, shard: shard, begun: begun, acceptsOlder: acceptsOlder))
    }

    private func perform(_ chunk: RateChunk) async throws -> RateChunk.Outcome {
        try await site.perform(chunk, as: .system(orgID: org.orgID), source: "job rate")
    }

    /// What is to be rated of a month, read and not yet charged.
    func chunk(
        _ firstDay: [Int64: CivilDay], month: CivilMonth, shard: any Database, begun: Set<Int64>, acceptsOlder: Bool
    ) async throws -> RateChunk {
        let scope = Scope(orgID: org.orgID)
        let exchanges = try await site.money.read { transaction in
            try MeterReplacement.since(month.first, scope, in: transaction)
        }
        let chains = MeterChain.all(firstDay, exchanges.filter { $0.day <= month.last })
        let besideMeters = try await besideMeters()
        let (blocks, beside) = try await shard.read { [org] transaction in
            func read(_ chains: [MeterChain], _ channel: Channel) throws -> [Int64: [StoredBlock]] {
                let own = try DayBlocks.current(
                    of: chains.flatMap { $0.days(to: month.last) }, channel: channel, orgID: org.orgID,
                    in: transaction)
                return Dictionary(
                    uniqueKeysWithValues: chains.map { ($0.meters[0], $0.joined(own, zone: org.zone)) })
            }
            return (try read(chains, .importWh), try besideMeters.readings(chains, read))
        }
        return RateChunk(
            org: org, month: month, blocks: blocks, beside: beside, meterCount: firstDay.count,
            acceptsOlder: acceptsOlder, begun: begun)
    }
}

extension Subscription {
    /// Meters that ever measured an account while it held a base pack.
    static func meters(
        holding packID: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        try transaction.query(
            """
            SELECT DISTINCT i.meter_id FROM subscription s JOIN installation i
              ON i.org_id = s.org_id AND i.account_id = s.account_id
            WHERE s.org_id = $1 AND s.pack_id = $2 AND s.kind = 'base' AND s.state NOT IN ('draft', 'rejected')
              AND (i.to_day IS NULL OR i.to_day >= s.from_day) AND (s.to_day IS NULL OR i.from_day <= s.to_day)
            """, [.int(scope.orgID), .text(packID)]
        ) { try $0.int(0) }
    }
}
