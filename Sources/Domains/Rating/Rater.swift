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

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    /// Rates everything that changed since the last run. Returns how many charges were made (corrections included).
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> Int {
        var made = 0
        for month in try await site.readings.monthsInReach() {
            let shard = try await site.readings.shard(month)
            while true {
                try Task.checkCancellation()
                let changes = try await shard.read { [org] transaction in
                    let cursor = try ChangeStream.dayBlock.cursor(
                        of: Self.consumer, orgID: org.orgID, month: month, in: transaction)
                    return try DayBlocks.changes(
                        after: cursor, month: month, limit: Self.chunkSize, orgID: org.orgID, in: transaction)
                }
                guard let last = changes.last else { break }
                made += try await rate(changes.map { ($0.day, $0.meterID) }, month: month, shard: shard)
                try await shard.write { [org] transaction in
                    try ChangeStream.dayBlock.advance(
                        Self.consumer, to: last.change, orgID: org.orgID, month: month, in: transaction)
                }
                await progress(made)
            }
        }
        made += try await takeUpAgain()
        made += try await takeUpChangedPacks()
        await progress(made)
        return made
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
            made += try await rate(rest.prefix(Self.chunkSize).map { (day, $0) }, month: day.month, shard: shard)
            rest = rest.dropFirst(Self.chunkSize)
            await progress(made)
        }
        return made
    }

    /// Rates again what was kept aside and can be priced now, because a pack or a subscription has come.
    private func takeUpAgain() async throws -> Int {
        let scope = Scope(orgID: org.orgID)
        let there = Set(try await site.readings.monthsInReach())
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
                try page.filter { try $0.canBePriced(zone: org.zone, scope, in: transaction) }
            }
            let months = Dictionary(grouping: ready, by: { $0.day.month }).sorted { $0.key < $1.key }
            for (month, items) in months where there.contains(month) {
                made += try await rate(
                    items.map { ($0.day, $0.meterID) }, month: month, shard: try await site.readings.shard(month))
            }
        }
    }

    /// Rates the meters' accounts from their first changed day to the end of the month.
    func rate(_ changes: [(day: CivilDay, meterID: Int64)], month: CivilMonth, shard: any Database) async throws -> Int
    {
        var firstDay: [Int64: CivilDay] = [:]
        for change in changes { firstDay[change.meterID] = min(firstDay[change.meterID] ?? change.day, change.day) }
        // Another process may charge newer readings than these while we are at it: then look again.
        for _ in 0..<3 {
            do {
                return try await rateOnce(firstDay, month: month, shard: shard, acceptsOlder: false)
            } catch is OlderReadings {
                continue
            }
        }
        return try await rateOnce(firstDay, month: month, shard: shard, acceptsOlder: true)
    }

    private func rateOnce(
        _ firstDay: [Int64: CivilDay], month: CivilMonth, shard: any Database, acceptsOlder: Bool
    ) async throws -> Int {
        let exchanges = try await site.money.read { [org] transaction in
            try MeterReplacement.since(month.first, Scope(orgID: org.orgID), in: transaction)
        }
        let chains = MeterChain.all(firstDay, exchanges.filter { $0.day <= month.last })
        let blocks = try await shard.read { [org] transaction in
            var found: [Int64: [StoredBlock]] = [:]
            for chain in chains {
                var own: [Int64: [StoredBlock]] = [:]
                for (meterID, from, to) in chain.days(to: month.last) {
                    own[meterID] = try DayBlocks.current(
                        meterID: meterID, from: from, to: to, orgID: org.orgID, in: transaction)
                }
                found[chain.meters[0]] = chain.joined(own, zone: org.zone)
            }
            return found
        }
        return try await site.perform(
            RateChunk(org: org, month: month, blocks: blocks, firstDay: firstDay, acceptsOlder: acceptsOlder),
            as: .system(orgID: org.orgID), source: "job rate")
    }
}

/// A day of the chunk is charged by a newer version of its block than the one read before.
private struct OlderReadings: Error {}

/// One chunk of a run: idempotent by the charges' input hashes.
struct RateChunk: Command {
    static let name = "rating.chunk"
    static let permissions: [Permission] = [.runJobs]

    var org: Org
    var month: CivilMonth
    var blocks: [Int64: [StoredBlock]]
    var firstDay: [Int64: CivilDay]
    /// Charges the blocks also where a newer version was charged: the readings were restored from an older backup.
    var acceptsOlder: Bool

    /// An entry is closed once it has so many legs; a meter's month adds at most 62.
    private static let legsPerEntry = 40_000

    var key: String? { nil }
    var content: String {
        "month=\(month) meters=\(firstDay.count) blocks=\(blocks.values.reduce(0) { $0 + $1.count })"
    }
    var subjectID: Int64 { 0 }

    /// The legs and rows of a chunk while it is put together.
    private struct Batch {
        var entryID: Int64
        /// Account, day and revision of each charge of the entry: the fact its key is derived from.
        var facts: [String] = []
        var legs: [Leg] = []
        var revenuePaise: [ChartAccount: Int64] = [:]
        var schedules: [String: DaySchedule] = [:]
        var delivery: DeliveryPaths
        var paths: [String: String] = [:]
        var changedAccounts: [(accountID: Int64, correctedPaise: Int64, day: CivilDay, revision: Int64)] = []
        var made = 0
    }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        var batch = Batch(
            entryID: context.ids.next(), delivery: try DeliveryPaths(context.actor.scope, in: transaction))
        for (_, stored) in blocks.sorted(by: { $0.key < $1.key }) {
            try rate(stored, &batch, context, transaction)
            if batch.legs.count >= Self.legsPerEntry { try close(&batch, context, transaction) }
        }
        try close(&batch, context, transaction)
        for accountID in Set(batch.changedAccounts.map(\.accountID)).sorted() {
            try Outbox.append(
                OutboxEvent(
                    orgID: context.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: accountID,
                    detail: "rating", businessAtMs: context.businessNowMs), in: transaction)
        }
        // Each charge explains itself in its own table; the trail says that there are new ones, and how many.
        context.changed(.company, "charges of \(month)", from: nil, to: batch.made == 0 ? nil : "\(batch.made) made")
        // One message a correction: the paise that later days of the month move by belong to it.
        let corrected = Dictionary(grouping: batch.changedAccounts.filter { $0.revision > 1 }, by: \.accountID)
        for (accountID, changes) in corrected.sorted(by: { $0.key < $1.key }) {
            let paise = changes.reduce(0) { $0 + $1.correctedPaise }
            guard paise != 0, let first = changes.min(by: { $0.day < $1.day }) else { continue }
            try Outbox.append(
                OutboxEvent(
                    orgID: context.orgID, eventID: context.ids.next(), kind: .notice, subjectID: accountID,
                    detail: "charge-corrected \(paise) \(first.day.number)-\(first.revision)",
                    businessAtMs: context.businessNowMs), in: transaction)
        }
        return batch.made
    }

    /// Posts the legs so far as one entry and begins the next.
    private func close(
        _ batch: inout Batch, _ context: CommandContext, _ transaction: any SQLTransaction
    ) throws {
        for (account, paise) in batch.revenuePaise.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where paise != 0 {
            batch.legs.append(Leg(account.rawValue, -paise, .revenue))
        }
        guard !batch.legs.isEmpty else { return }
        _ = try Journal.post(
            key: "rating:" + Secret.hex(Hash.sha256(Array(batch.facts.sorted().joined(separator: "\n").utf8))),
            kind: "rating", legs: batch.legs, businessAtMs: context.businessNowMs, entryID: batch.entryID,
            context.actor.scope, in: transaction)
        batch.entryID = context.ids.next()
        batch.facts = []
        batch.legs = []
        batch.revenuePaise = [:]
    }

    /// The days of one meter, or of meters that followed each other, in order.
    private func rate(
        _ stored: [StoredBlock], _ batch: inout Batch, _ context: CommandContext,
        _ transaction: any SQLTransaction
    ) throws {
        let scope = context.actor.scope
        var aside: [Int64: Set<CivilDay>] = [:]
        for meterID in Set(stored.map(\.meterID)) {
            aside[meterID] = Set(
                try RatingRefusal.days(
                    meterID: meterID, from: month.first, to: month.last, scope, in: transaction))
        }
        var charges: [Int64: [CivilDay: Charge]] = [:]
        var states: [Int64: MonthState] = [:]
        for item in stored where item.block.lowestQuality > .missing {
            let meterID = item.meterID
            guard let installation = try Installation.of(meterID: meterID, on: item.day, scope, in: transaction) else {
                continue
            }
            let accountID = installation.accountID
            let account = try SupplyAccount.find(accountID, scope, in: transaction)
            var reason = RatingRefusal.withoutBase
            do {
                if charges[accountID] == nil {
                    let known = try Charge.current(
                        accountID: accountID, from: month.first, to: month.last, scope, in: transaction)
                    charges[accountID] = Dictionary(uniqueKeysWithValues: known.map { ($0.day, $0) })
                    states[accountID] = known.last { $0.day < item.day }?.closing ?? .zero
                }
                if let plan = try Packs.plan(for: account, on: item.day, scope, in: transaction) {
                    let schedule = try schedule(plan, item, &batch)
                    states[accountID] = try charge(
                        item, account, schedule, opening: states[accountID] ?? .zero,
                        known: charges[accountID]?[item.day], &batch, context, transaction)
                    if aside[meterID]?.contains(item.day) == true {
                        try RatingRefusal.clear(meterID: meterID, day: item.day, scope, in: transaction)
                    }
                    continue
                }
            } catch let error as TariffError {
                reason = error.description
            }
            // The trouble of one account does not stop the others: its day is kept aside until it can be priced.
            if let known = charges[accountID]?[item.day] { states[accountID] = known.closing }
            try RatingRefusal(
                meterID: meterID, day: item.day, accountID: accountID, slots: item.block.slotCount, reason: reason,
                atMs: context.businessNowMs
            ).store(scope, in: transaction)
        }
    }

    /// Schedules are made once for a plan and a day.
    private func schedule(_ plan: PricePlan, _ item: StoredBlock, _ batch: inout Batch) throws -> DaySchedule {
        let slots = item.block.slotCount
        let key = "\(item.day.number) \(slots) \(plan.sanctionedW) \(Packs.record(plan))"
        if let known = batch.schedules[key] { return known }
        let made = try DaySchedule(plan: plan, day: item.day, slots: slots, zone: org.zone)
        batch.schedules[key] = made
        return made
    }

    /// By which way the account is delivered that day. Prices do not depend on it, so trouble with it stops nothing.
    private func corridor(_ account: SupplyAccount, _ packID: String, _ day: CivilDay, _ batch: inout Batch) -> String {
        guard !batch.delivery.nodes.isEmpty else { return "" }
        let placeID = batch.delivery.moves.placeID(of: account.accountID, latest: account.placeID, on: day)
        let key = "\(day.number) \(placeID) \(packID)"
        if let known = batch.paths[key] { return known }
        let made = batch.delivery.path(placeID: placeID, packID: packID, on: day).stored
        batch.paths[key] = made
        return made
    }

    /// Charges one account-day, when its inputs changed, and returns the state after it.
    private func charge(
        _ item: StoredBlock, _ account: SupplyAccount, _ schedule: DaySchedule, opening: MonthState, known: Charge?,
        _ batch: inout Batch, _ context: CommandContext, _ transaction: any SQLTransaction
    ) throws -> MonthState {
        let hash = Hash.sha256(schedule.inputBytes(item.block.values, opening: opening))
        let estimated = Int64(item.block.count(of: .estimated))
        let corridor = corridor(account, schedule.plan.base.id, item.day, &batch)
        if let known, known.inputsHash == hash, known.estimatedSlots == estimated, known.corridor == corridor {
            return known.closing
        }
        if !acceptsOlder, let known, known.meterID == item.meterID, known.blockVersion > item.version {
            throw OlderReadings()
        }
        let priced = try schedule.price(item.block.values, opening: opening)
        func paise(_ kind: ComponentKind) -> Int64 { priced.components.first { $0.kind == kind }?.paise ?? 0 }
        var charge = Charge(
            day: item.day, accountID: account.accountID, revision: (known?.revision ?? 0) + 1, meterID: item.meterID,
            blockVersion: item.version, packs: Packs.record(schedule.plan), sanctionedW: account.sanctionedW,
            inputsHash: hash, energyWh: item.block.totalValue, baseEnergyPaise: paise(.baseEnergy),
            addOnEnergyPaise: paise(.addOnEnergy), fixedPaise: paise(.fixed), dutyPaise: paise(.duty),
            totalPaise: priced.totalPaise, estimatedSlots: estimated, opening: opening, closing: priced.closing,
            entryID: nil, ratedAtMs: context.businessNowMs, corridor: corridor)
        let isSameMoney =
            known.map {
                $0.baseEnergyPaise == charge.baseEnergyPaise && $0.addOnEnergyPaise == charge.addOnEnergyPaise
                    && $0.fixedPaise == charge.fixedPaise && $0.dutyPaise == charge.dutyPaise
                    && ($0.estimatedSlots > 0) == (estimated > 0)
            } ?? false
        if !isSameMoney {
            charge.entryID = batch.entryID
            batch.facts.append("\(charge.accountID) \(charge.day.number) \(charge.revision)")
            if let known { post(known, sign: -1, .reversal, &batch) }
            post(charge, sign: 1, .charge, &batch)
            batch.changedAccounts.append(
                (account.accountID, charge.totalPaise - (known?.totalPaise ?? 0), charge.day, charge.revision))
        }
        try charge.insert(context.actor.scope, in: transaction)
        batch.made += 1
        return charge.closing
    }

    private func post(_ charge: Charge, sign: Int64, _ kind: PostingKind, _ batch: inout Batch) {
        batch.legs.append(
            Leg(
                charge.accountID, sign * charge.totalPaise, kind, supplyDay: charge.day, revision: charge.revision,
                estimated: charge.estimatedSlots > 0))
        batch.revenuePaise[.energyRevenue, default: 0] += sign * (charge.baseEnergyPaise + charge.addOnEnergyPaise)
        batch.revenuePaise[.fixedRevenue, default: 0] += sign * charge.fixedPaise
        batch.revenuePaise[.dutyPayable, default: 0] += sign * charge.dutyPaise
    }
}

extension DaySchedule {
    /// The schedule of a civil day cut into equal slots of a zone.
    public init(plan: PricePlan, day: CivilDay, slots: Int, zone: Zone) throws {
        let periodS = slots > 0 ? zone.lengthS(of: day) / Int64(slots) : 1800
        try self.init(
            plan: plan, day: day,
            slotStartMinutes: (0..<slots).map { zone.minuteOfDay(slot: $0, of: day, periodS: periodS) },
            periodS: Int(periodS))
    }
}
