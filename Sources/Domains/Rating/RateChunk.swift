// A chunk of a rating run as one command: what the accounts of some meters are charged for their days of a month,
// posted as balanced entries. Idempotent by the hashes of what each charge was made from.
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

/// A day of the chunk is charged by a newer version of its block than the one read before.
struct OlderReadings: Error {}

/// One chunk of a run: idempotent by the charges' input hashes.
struct RateChunk: Command {
    static let name = "rating.chunk"
    static let permissions: [Permission] = [.runJobs]

    var org: Org
    var month: CivilMonth
    /// Energy drawn, in order of day, by the first meter of a chain.
    var blocks: [Int64: [StoredBlock]]
    /// Other channels, of those whose tariffs may look at them.
    var beside: [Int64: SideReadings]
    var meterCount: Int
    /// Charges the blocks also where a newer version was charged: the readings were restored from an older backup.
    var acceptsOlder: Bool
    /// Accounts that are not sent back to the first day of their bill again.
    var begun: Set<Int64>

    /// What is left to do when it is done.
    struct Outcome: Codable, Sendable {
        /// Charges, corrections included.
        var made = 0
        /// Accounts of which nothing was charged here: their bill must be priced from its first day.
        var anew: [Anew] = []
        /// Accounts whose next month leans on what was changed here.
        var onward: [Int64] = []

        struct Anew: Codable, Sendable {
            var accountID: Int64
            var dayNumber: Int32
            var meterID: Int64
            var changedNumber: Int32
            var day: CivilDay { CivilDay(number: dayNumber) }
            var changedDay: CivilDay { CivilDay(number: changedNumber) }
        }
    }

    /// An entry is closed once it has so many legs; a meter's month adds at most 62.
    private static let legsPerEntry = 40_000

    var key: String? { nil }
    var content: String {
        "month=\(month) meters=\(meterCount) blocks=\(blocks.values.reduce(0) { $0 + $1.count })"
    }
    var subjectID: Int64 { 0 }

    /// The legs and rows of a chunk while it is put together.
    fileprivate struct Batch {
        var entryID: Int64
        /// Account, day and revision of each charge of the entry: the fact its key is derived from.
        var charged: [String] = []
        var legs: [Leg] = []
        var revenuePaise: [ChartAccount: Int64] = [:]
        var shelf: RatingShelf
        var facts: ChunkFacts
        var delivery: DeliveryPaths
        var paths: [String: String] = [:]
        var changedAccounts: [(accountID: Int64, correctedPaise: Int64, day: CivilDay, revision: Int64)] = []
        var outcome = Outcome()
    }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Outcome {
        let scope = context.actor.scope
        var batch = Batch(
            entryID: context.ids.next(),
            shelf: RatingShelf(zone: org.zone, nowMs: context.businessNowMs, scope),
            facts: try ChunkFacts(blocks.values.flatMap(\.self), month, scope, transaction),
            delivery: try DeliveryPaths(scope, in: transaction))
        for (first, stored) in blocks.sorted(by: { $0.key < $1.key }) {
            try rate(stored, beside[first] ?? SideReadings(), &batch, context, transaction)
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
        context.changed(
            .company, "charges of \(month)", from: nil, to: batch.outcome.made == 0 ? nil : "\(batch.outcome.made) made"
        )
        // One message a correction: the paise that later days of the month move by belong to it.
        let corrected = Dictionary(grouping: batch.changedAccounts.filter { $0.revision > 1 }, by: \.accountID)
        for (accountID, changes) in corrected.sorted(by: { $0.key < $1.key }) {
            let paise = changes.reduce(0) { $0 + $1.correctedPaise }
            let days = changes.map(\.day)
            try Correction(
                correctionID: context.ids.next(), accountID: accountID, atMs: context.businessNowMs,
                firstDay: days.min() ?? month.first, lastDay: days.max() ?? month.last, days: Int64(days.count),
                differencePaise: paise
            ).store(scope, in: transaction)
            guard paise != 0, let first = changes.min(by: { $0.day < $1.day }) else { continue }
            try Outbox.append(
                OutboxEvent(
                    orgID: context.orgID, eventID: context.ids.next(), kind: .notice, subjectID: accountID,
                    detail: "charge-corrected \(paise) \(first.day.number)-\(first.revision)",
                    businessAtMs: context.businessNowMs), in: transaction)
        }
        return batch.outcome
    }

    /// Posts the legs so far as one entry and begins the next.
    private func close(
        _ batch: inout Batch, _ context: CommandContext, _ transaction: any SQLTransaction
    ) throws {
        for (account, paise) in batch.revenuePaise.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where paise != 0 {
            batch.legs.append(Leg(account.rawValue, -paise, .revenue))
        }
        guard !batch.legs.isEmpty else { return }
        let entryID = try Journal.post(
            key: "rating:" + Secret.hex(Hash.sha256(Array(batch.charged.sorted().joined(separator: "\n").utf8))),
            kind: "rating", legs: batch.legs, businessAtMs: context.businessNowMs, entryID: batch.entryID,
            context.actor.scope, in: transaction)
        try AccountingPeriods.carry(
            entryID: entryID, on: org.zone.day(atS: context.businessNowMs / 1000), context.actor.scope,
            in: transaction)
        batch.entryID = context.ids.next()
        batch.charged = []
        batch.legs = []
        batch.revenuePaise = [:]
    }

    /// The days of one meter, or of meters that followed each other, in order; account by account.
    private func rate(
        _ stored: [StoredBlock], _ beside: SideReadings, _ batch: inout Batch, _ context: CommandContext,
        _ transaction: any SQLTransaction
    ) throws {
        var rest = stored.filter { $0.block.lowestQuality > .missing }[...]
        while let item = rest.first {
            let facts = batch.facts
            guard let accountID = facts.accountID(of: item) else {
                rest.removeFirst()
                continue
            }
            let own = rest.prefix { facts.accountID(of: $0) == accountID }
            rest = rest.dropFirst(own.count)
            let account = try facts.account(accountID, context.actor.scope, transaction)
            try rate(account, Array(own), beside, &batch, context, transaction)
        }
    }

    /// The days of one account, one after the other: each begins where the one before ended.
    private func rate(
        _ account: SupplyAccount, _ items: [StoredBlock], _ beside: SideReadings, _ batch: inout Batch,
        _ context: CommandContext, _ transaction: any SQLTransaction
    ) throws {
        let scope = context.actor.scope
        let accountID = account.accountID
        let known = batch.facts.charges[accountID] ?? [:]
        let before = try batch.facts.last(accountID, before: items[0].day, scope, transaction)
        if !begun.contains(accountID), let before,
            let day = try batch.beginning(account, before, items[0].day, transaction)
        {
            batch.outcome.anew.append(
                .init(
                    accountID: accountID, dayNumber: day.number, meterID: items[0].meterID,
                    changedNumber: items[0].day.number))
            return
        }
        var state = before?.closingState ?? .start
        var packID = before?.baseID
        let held = batch.facts.held[accountID] ?? HeldPacks([])
        let made = batch.outcome.made
        var leansOn = false
        for item in items {
            var reason = RatingRefusal.withoutBase
            do {
                if let priced = try batch.shelf.input(beside.readings(item), account, held, transaction) {
                    state = try charge(
                        item, beside.export(item.day), account, priced,
                        opening: priced.opening(after: state, of: packID),
                        known: known[item.day], &batch, context, transaction)
                    packID = priced.tariff.id
                    leansOn = leansOn || priced.needsHistory || priced.bill.period.last > month.last
                    if batch.facts.aside[item.meterID]?.contains(item.day) == true {
                        try RatingRefusal.clear(meterID: item.meterID, day: item.day, scope, in: transaction)
                    }
                    continue
                }
            } catch let error as TariffError {
                reason = error.description
            }
            // The trouble of one account does not stop the others: its day is kept aside until it can be priced.
            if let charged = known[item.day], let closing = charged.closingState {
                (state, packID) = (closing, charged.baseID)
            }
            try RatingRefusal(
                meterID: item.meterID, day: item.day, accountID: accountID, slots: item.block.slotCount,
                reason: reason, atMs: context.businessNowMs
            ).store(scope, in: transaction)
        }
        if leansOn, batch.outcome.made > made { batch.outcome.onward.append(accountID) }
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
        _ item: StoredBlock, _ export: StoredBlock?, _ account: SupplyAccount, _ priced: PricedInput,
        opening: BillState, known: Charge?, _ batch: inout Batch, _ context: CommandContext,
        _ transaction: any SQLTransaction
    ) throws -> BillState {
        let hash = priced.hash(opening: opening)
        let usesExport = !priced.input.load.exportWh.isEmpty
        let estimated = Self.estimated(item.block, usesExport ? export?.block : nil)
        let corridor = corridor(account, priced.tariff.id, item.day, &batch)
        if let known, known.inputsHash == hash, known.estimatedSlots == estimated, known.corridor == corridor,
            let closing = known.closingState
        {
            return closing
        }
        if !acceptsOlder, let known, known.meterID == item.meterID, known.blockVersion > item.version {
            throw OlderReadings()
        }
        let amounts = try priced.bill.price(priced.input, opening: opening)
        var charge = Charge(
            day: item.day, accountID: account.accountID, revision: (known?.revision ?? 0) + 1, meterID: item.meterID,
            blockVersion: item.version, packs: priced.packs, sanctionedW: account.sanctionedW,
            inputsHash: hash, energyWh: item.block.totalValue, estimatedSlots: estimated, opening: opening.encode(),
            closing: amounts.closing.encode(), ratedAtMs: context.businessNowMs, corridor: corridor,
            exportVersion: usesExport ? export?.version ?? 0 : 0)
        charge.take(amounts.amountsMinor)
        if known?.isSameMoney(as: charge) != true {
            charge.entryID = batch.entryID
            batch.charged.append("\(charge.accountID) \(charge.day.number) \(charge.revision)")
            if let known { post(known, sign: -1, .reversal, &batch) }
            post(charge, sign: 1, .charge, &batch)
            batch.changedAccounts.append(
                (account.accountID, charge.totalPaise - (known?.totalPaise ?? 0), charge.day, charge.revision))
        }
        try charge.insert(context.actor.scope, in: transaction)
        batch.outcome.made += 1
        return amounts.closing
    }

    /// Intervals of which either side was estimated.
    private static func estimated(_ drawn: DayBlock, _ fedIn: DayBlock?) -> Int64 {
        guard let fedIn, fedIn.slotCount == drawn.slotCount else { return Int64(drawn.count(of: .estimated)) }
        return Int64(zip(drawn.qualities, fedIn.qualities).count { $0 == .estimated || $1 == .estimated })
    }

    private func post(_ charge: Charge, sign: Int64, _ kind: PostingKind, _ batch: inout Batch) {
        batch.legs.append(
            Leg(
                charge.accountID, sign * charge.totalPaise, kind, supplyDay: charge.day, revision: charge.revision,
                estimated: charge.estimatedSlots > 0))
        for (account, paise) in charge.byAccount { batch.revenuePaise[account, default: 0] += sign * paise }
    }
}

extension RateChunk.Batch {
    /// The first day of the bill of the charge before, where the days after it cannot go on from there: it was stored
    /// by a release that priced otherwise, or its bill has other days or another tariff by now.
    fileprivate mutating func beginning(
        _ account: SupplyAccount, _ before: Charge, _ day: CivilDay, _ transaction: any SQLTransaction
    ) throws -> CivilDay? {
        guard let held = facts.held[account.accountID], let packID = held.base(on: before.day) else { return nil }
        let found: TariffBook?
        do { found = try shelf.book(packID, transaction) } catch is TariffError { return nil }
        guard let book = found, let tariff = book.tariff(on: before.day),
            let period = held.bill(on: before.day, months: tariff.billMonths, closing: account.closedDay)
        else { return nil }
        guard let state = before.closingState else { return day <= period.last ? period.first : nil }
        let isSame =
            before.packs.prefix { $0 != "\n" } == "\(packID)@\(tariff.version)" && state.period == period
        return isSame ? nil : period.first
    }
}

/// What is stored of the accounts of a chunk, read at once.
struct ChunkFacts {
    private(set) var held: [Int64: HeldPacks] = [:]
    private(set) var charges: [Int64: [CivilDay: Charge]] = [:]
    private(set) var aside: [Int64: Set<CivilDay>] = [:]
    private var installations: [Int64: [Installation]] = [:]
    private var accounts: [Int64: SupplyAccount] = [:]
    private let fromDay: CivilDay

    init(
        _ blocks: [StoredBlock], _ month: CivilMonth, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        fromDay = blocks.map(\.day).min() ?? month.first
        let meterIDs = Set(blocks.map(\.meterID)).sorted()
        // Some thousands of meters at a time: databases bound the values of a statement.
        for part in stride(from: 0, to: meterIDs.count, by: Rater.chunkSize) {
            let some = Array(meterIDs[part..<min(part + Rater.chunkSize, meterIDs.count)])
            let found = try Installation.of(meterIDs: some, from: fromDay, to: month.last, scope, in: transaction)
            installations.merge(Dictionary(grouping: found, by: \.meterID)) { $1 }
            aside.merge(
                try RatingRefusal.days(meterIDs: some, from: fromDay, to: month.last, scope, in: transaction)
            ) { $1 }
            let accountIDs = Set(found.map(\.accountID)).sorted()
            for account in try SupplyAccount.of(accountIDs, scope, in: transaction) {
                accounts[account.accountID] = account
            }
            held.merge(try HeldPacks.of(accountIDs, scope, in: transaction)) { $1 }
            charges.merge(
                try Charge.current(
                    accountIDs: accountIDs, from: fromDay.advanced(by: -1), to: month.last, scope, in: transaction)
            ) { $1 }
        }
    }

    func accountID(of block: StoredBlock) -> Int64? {
        installations[block.meterID]?.last {
            $0.fromDay <= block.day && $0.toDay.map { block.day <= $0 } != false
        }?.accountID
    }

    func account(
        _ accountID: Int64, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> SupplyAccount {
        try accounts[accountID] ?? SupplyAccount.find(accountID, scope, in: transaction)
    }

    /// The last charged day before a day.
    func last(
        _ accountID: Int64, before day: CivilDay, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> Charge? {
        let near = charges[accountID]?.filter { $0.key < day }.max { $0.key < $1.key }
        return try near?.value ?? Charge.last(accountID: accountID, before: day, scope, in: transaction)
    }
}
