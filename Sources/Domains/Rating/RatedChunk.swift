// What a chunk of a rating run comes to: charges, entries of the book and what is kept aside, worked out from what is
// stored. Reads and prices; writes nothing.
import Access
import Accounts
import CivilTime
import Clocks
import Cryptography
import IntervalData
import Journal
import MeterData
import Packs
import SQL
import Tariffs

/// Worked out and not stored yet.
struct RatedChunk: Sendable {
    /// An entry of the book.
    struct Entry: Sendable {
        var entryID: Int64
        /// Account, day and revision of each charge.
        var charged: [(accountID: Int64, dayNumber: Int32, revision: Int64)] = []
        var legs: [Leg] = []

        /// The fact it is derived from, whatever the order in which it was put together.
        var key: String {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(charged.count * 20)
            for charge in charged.sorted(by: { $0 < $1 }) {
                withUnsafeBytes(of: charge.accountID.littleEndian) { bytes += $0 }
                withUnsafeBytes(of: charge.dayNumber.littleEndian) { bytes += $0 }
                withUnsafeBytes(of: charge.revision.littleEndian) { bytes += $0 }
            }
            return "rating:" + Secret.hex(Hash.sha256(bytes))
        }
    }
    /// A charge whose amount is another one than before.
    struct Moved: Sendable {
        var accountID: Int64
        var paise: Int64
        var day: CivilDay
        var revision: Int64
    }

    /// When it was worked out, in business milliseconds: the time its charges bear.
    var atMs: Int64
    /// ``RatingTurn`` that it saw.
    var turn: Int64
    /// Every account whose stored charges it looked at.
    var accountIDs: Set<Int64> = []
    /// Charges as they are stored.
    var rows: [[SQLValue]] = []
    var entries: [Entry] = []
    var moved: [Moved] = []
    var refusals: [RatingRefusal] = []
    /// No longer kept aside.
    var accepted: [(meterID: Int64, day: CivilDay)] = []
    var outcome = RateChunk.Outcome()
}

/// A chunk while it is worked out.
struct ChunkRating {
    /// An entry is closed once it has so many legs; a meter's month adds at most 62.
    private static let legsPerEntry = 40_000

    private let chunk: RateChunk
    private let scope: Scope
    private let ids: IDGenerator
    private let transaction: any SQLTransaction
    private let facts: ChunkFacts
    private var shelf: RatingShelf
    private var delivery: DeliveryPaths
    private var paths: [String: String] = [:]
    private var entry: RatedChunk.Entry
    private var revenuePaise: [ChartAccount: Int64] = [:]
    private var rated: RatedChunk

    /// - Throws: ``OlderReadings``, or what of one account cannot be read.
    static func of(
        _ chunk: RateChunk, atMs: Int64, ids: IDGenerator, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> RatedChunk {
        var rating = try ChunkRating(chunk, atMs, ids, scope, transaction)
        for (first, stored) in chunk.blocks.sorted(by: { $0.key < $1.key }) {
            try rating.rate(stored, chunk.beside[first] ?? SideReadings())
            if rating.entry.legs.count >= legsPerEntry { rating.close() }
        }
        rating.close()
        return rating.rated
    }

    private init(
        _ chunk: RateChunk, _ atMs: Int64, _ ids: IDGenerator, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        self.chunk = chunk
        self.scope = scope
        self.ids = ids
        self.transaction = transaction
        rated = RatedChunk(atMs: atMs, turn: try RatingTurn.now(scope, in: transaction))
        facts = try ChunkFacts(chunk.blocks.values.flatMap(\.self), chunk.month, scope, transaction)
        shelf = RatingShelf(zone: chunk.org.zone, nowMs: atMs, scope)
        delivery = try DeliveryPaths(scope, in: transaction)
        entry = RatedChunk.Entry(entryID: ids.next())
        rated.accountIDs = facts.accountIDs
    }

    /// Ends the entry and begins the next.
    private mutating func close() {
        for (account, paise) in revenuePaise.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where paise != 0 {
            entry.legs.append(Leg(account.rawValue, -paise, .revenue))
        }
        guard !entry.legs.isEmpty else { return }
        rated.entries.append(entry)
        entry = RatedChunk.Entry(entryID: ids.next())
        revenuePaise = [:]
    }

    /// The days of one meter, or of meters that followed each other, in order; account by account.
    private mutating func rate(_ stored: [StoredBlock], _ beside: SideReadings) throws {
        var rest = stored.filter { $0.block.lowestQuality > .missing }[...]
        while let item = rest.first {
            guard let accountID = facts.accountID(of: item) else {
                rest.removeFirst()
                continue
            }
            let own = rest.prefix { facts.accountID(of: $0) == accountID }
            rest = rest.dropFirst(own.count)
            try rate(try facts.terms(of: accountID, scope, transaction), Array(own), beside)
        }
    }

    /// The days of one account, one after the other: each begins where the one before ended.
    private mutating func rate(
        _ account: SupplyTerms, _ items: [StoredBlock], _ beside: SideReadings
    ) throws {
        let accountID = account.accountID
        let known = facts.charges[accountID] ?? [:]
        let before = try facts.last(accountID, before: items[0].day, scope, transaction)
        var position = before?.position ?? .none
        if !chunk.begun.contains(accountID), let before,
            let day = try beginning(account, before, position, items[0].day)
        {
            rated.outcome.anew.append(
                .init(
                    accountID: accountID, dayNumber: day.number, meterID: items[0].meterID,
                    changedNumber: items[0].day.number))
            return
        }
        let held = facts.held[accountID] ?? HeldPacks([])
        let made = rated.outcome.made
        var leansOn = false
        for item in items {
            var reason = RatingRefusal.withoutBase
            do {
                if let priced = try shelf.input(beside.readings(item), account, held, transaction) {
                    position = try charge(
                        item, beside.export(item.day), account, priced, after: position, known: known[item.day])
                    leansOn = leansOn || priced.pack.needsHistory || priced.bill.period.last > chunk.month.last
                    if facts.aside[item.meterID]?.contains(item.day) == true {
                        rated.accepted.append((item.meterID, item.day))
                    }
                    continue
                }
            } catch let error as TariffError {
                reason = error.description
            }
            // The trouble of one account does not stop the others: its day is kept aside until it can be priced.
            if let charged = known[item.day]?.end.position, charged.state != nil { position = charged }
            rated.refusals.append(
                RatingRefusal(
                    meterID: item.meterID, day: item.day, accountID: accountID, slots: item.block.slotCount,
                    reason: reason, atMs: rated.atMs))
        }
        if leansOn, rated.outcome.made > made { rated.outcome.onward.append(accountID) }
    }

    /// The first day of the bill of the charge before, where the days after it cannot go on from there: it was stored
    /// by a release that priced otherwise, or its bill has other days or another tariff by now.
    /// - Parameter position: after that charge.
    private mutating func beginning(
        _ account: SupplyTerms, _ before: Charge.End, _ position: Position, _ day: CivilDay
    ) throws -> CivilDay? {
        guard let held = facts.held[account.accountID], let packID = held.base(on: before.day) else { return nil }
        let found: PackDay?
        do { found = try shelf.pack(packID, on: before.day, transaction) } catch is TariffError { return nil }
        guard let pack = found,
            let period = held.bill(on: before.day, months: pack.tariff.billMonths, closing: account.closedDay)
        else { return nil }
        guard let state = position.state else { return day <= period.last ? period.first : nil }
        return before.baseLine == pack.line && state.period == period ? nil : period.first
    }

    /// By which way the account is delivered that day. Prices do not depend on it, so trouble with it stops nothing.
    private mutating func corridor(_ account: SupplyTerms, _ packID: String, _ day: CivilDay) -> String {
        guard !delivery.nodes.isEmpty else { return "" }
        let placeID = delivery.moves.placeID(of: account.accountID, latest: account.placeID, on: day)
        let key = "\(day.number) \(placeID) \(packID)"
        if let known = paths[key] { return known }
        let made = delivery.path(placeID: placeID, packID: packID, on: day).stored
        paths[key] = made
        return made
    }

    /// Where the running totals of an account stand, as they are priced on and as they are stored.
    struct Position {
        /// Nil where a release before stored another form.
        var state: BillState?
        /// The state encoded: it has one form.
        var bytes: [UInt8]?
        var packID: String?
        static let none = Position()
    }

    /// Charges one account-day, when its inputs changed, and returns the position after it.
    private mutating func charge(
        _ item: StoredBlock, _ export: StoredBlock?, _ account: SupplyTerms, _ priced: PricedInput,
        after position: Position, known: Charge?
    ) throws -> Position {
        let before = position.state ?? .start
        let goesOn = priced.goesOn(after: before, of: position.packID)
        let opening = goesOn ? before : before.carriedOver
        let stored = goesOn && position.state != nil ? position.bytes : nil
        let openingBytes = stored ?? opening.encode()
        let hash = priced.hash(opening: openingBytes)
        let usesExport = !priced.input.load.exportWh.isEmpty
        let estimated = Self.estimated(item.block, usesExport ? export?.block : nil)
        let corridor = corridor(account, priced.pack.tariff.id, item.day)
        if let known, known.inputsHash == hash, known.estimatedSlots == estimated, known.corridor == corridor,
            let closing = known.closingState
        {
            return Position(state: closing, bytes: known.closing, packID: priced.pack.tariff.id)
        }
        if !chunk.acceptsOlder, let known, known.meterID == item.meterID, known.blockVersion > item.version {
            throw OlderReadings()
        }
        let amounts = try priced.bill.price(priced.input, opening: opening)
        var charge = Charge(
            day: item.day, accountID: account.accountID, revision: (known?.revision ?? 0) + 1, meterID: item.meterID,
            blockVersion: item.version, packs: priced.packs, sanctionedW: account.sanctionedW,
            inputsHash: hash, energyWh: item.block.totalValue, estimatedSlots: estimated, opening: openingBytes,
            closing: amounts.closing.encode(), ratedAtMs: rated.atMs, corridor: corridor,
            exportVersion: usesExport ? export?.version ?? 0 : 0)
        charge.take(amounts.amountsMinor)
        if known?.isSameMoney(as: charge) != true {
            charge.entryID = entry.entryID
            entry.charged.append((charge.accountID, charge.day.number, charge.revision))
            if let known { post(known, sign: -1, .reversal) }
            post(charge, sign: 1, .charge)
            rated.moved.append(
                RatedChunk.Moved(
                    accountID: account.accountID, paise: charge.totalPaise - (known?.totalPaise ?? 0),
                    day: charge.day, revision: charge.revision))
        }
        rated.rows.append(charge.row(scope))
        rated.outcome.made += 1
        return Position(state: amounts.closing, bytes: charge.closing, packID: priced.pack.tariff.id)
    }

    /// Intervals of which either side was estimated.
    private static func estimated(_ drawn: DayBlock, _ fedIn: DayBlock?) -> Int64 {
        guard let fedIn, fedIn.slotCount == drawn.slotCount else { return Int64(drawn.count(of: .estimated)) }
        return Int64(zip(drawn.qualities, fedIn.qualities).count { $0 == .estimated || $1 == .estimated })
    }

    private mutating func post(_ charge: Charge, sign: Int64, _ kind: PostingKind) {
        entry.legs.append(
            Leg(
                charge.accountID, sign * charge.totalPaise, kind, supplyDay: charge.day, revision: charge.revision,
                estimated: charge.estimatedSlots > 0))
        for part in charge.byAccount { revenuePaise[part.account, default: 0] += sign * part.paise }
    }
}
