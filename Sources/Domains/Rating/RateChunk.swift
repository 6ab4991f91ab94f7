// A chunk of a rating run as one command: what the accounts of some meters are charged for their days of a month,
// posted as balanced entries. Idempotent by the hashes of what each charge was made from.
import Access
import CivilTime
import Clocks
import Journal
import MeterData
import Outbox
import SQL

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
    /// Worked out beforehand, which counts as long as nobody else has rated since.
    var prepared: RatedChunk?
    /// Turns taken since by whoever prepared it, for other accounts.
    var ownTurns: Set<Int64> = []

    /// What is left to do when it is done.
    struct Outcome: Codable, Sendable {
        /// Charges, corrections included.
        var made = 0
        /// Accounts of which nothing was charged here: their bill must be priced from its first day.
        var anew: [Anew] = []
        /// Accounts whose next month leans on what was changed here.
        var onward: [Int64] = []
        /// The turn it took, and for which accounts; nil of more than one.
        var turn: Int64?
        var accountIDs: Set<Int64> = []

        struct Anew: Codable, Sendable {
            var accountID: Int64
            var dayNumber: Int32
            var meterID: Int64
            var changedNumber: Int32
            var day: CivilDay { CivilDay(number: dayNumber) }
            var changedDay: CivilDay { CivilDay(number: changedNumber) }
        }
    }

    var key: String? { nil }
    var content: String {
        "month=\(month) meters=\(meterCount) blocks=\(blocks.values.reduce(0) { $0 + $1.count })"
    }
    var subjectID: Int64 { 0 }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Outcome {
        let scope = context.actor.scope
        // First of all: of two at once one waits here, and PostgreSQL runs it again on what the other left.
        let turn = try RatingTurn.take(scope, in: transaction)
        var rated: RatedChunk
        if let prepared, prepared.turn < turn, (prepared.turn + 1..<turn).allSatisfy(ownTurns.contains) {
            rated = prepared
        } else {
            rated = try ChunkRating.of(
                self, atMs: context.businessNowMs, ids: context.ids, scope, in: transaction)
        }
        (rated.outcome.turn, rated.outcome.accountIDs) = (turn, rated.accountIDs)
        try store(rated, transaction, context)
        return rated.outcome
    }

    /// Lets what is prepared count also after the turn that another chunk of the same run took for other accounts.
    mutating func count(_ other: Outcome) {
        guard let turn = other.turn, prepared?.accountIDs.isDisjoint(with: other.accountIDs) == true else { return }
        ownTurns.insert(turn)
    }

    private func store(
        _ rated: RatedChunk, _ transaction: any SQLTransaction, _ context: CommandContext
    ) throws {
        let scope = context.actor.scope
        for (meterID, day) in rated.accepted {
            try RatingRefusal.clear(meterID: meterID, day: day, scope, in: transaction)
        }
        for refusal in rated.refusals { try refusal.store(scope, in: transaction) }
        try Charge.insert(rated.rows, in: transaction)
        for entry in rated.entries { try post(entry, atMs: rated.atMs, scope, transaction) }
        func event(_ kind: OutboxKind, _ accountID: Int64, _ detail: String) -> OutboxEvent {
            OutboxEvent(
                orgID: context.orgID, eventID: context.ids.next(), kind: kind, subjectID: accountID, detail: detail,
                businessAtMs: rated.atMs)
        }
        try Outbox.append(
            Set(rated.moved.map(\.accountID)).sorted().map { event(.balanceChanged, $0, "rating") }, in: transaction)
        // Each charge explains itself in its own table; the trail says that there are new ones, and how many.
        context.changed(
            .company, "charges of \(month)", from: nil, to: rated.outcome.made == 0 ? nil : "\(rated.outcome.made) made"
        )
        // One message a correction: the paise that later days of the month move by belong to it.
        let corrected = Dictionary(grouping: rated.moved.filter { $0.revision > 1 }, by: \.accountID)
        for (accountID, changes) in corrected.sorted(by: { $0.key < $1.key }) {
            let paise = changes.reduce(0) { $0 + $1.paise }
            let days = changes.map(\.day)
            try Correction(
                correctionID: context.ids.next(), accountID: accountID, atMs: rated.atMs,
                firstDay: days.min() ?? month.first, lastDay: days.max() ?? month.last, days: Int64(days.count),
                differencePaise: paise
            ).store(scope, in: transaction)
            guard paise != 0, let first = changes.min(by: { $0.day < $1.day }) else { continue }
            let detail = "charge-corrected \(paise) \(first.day.number)-\(first.revision)"
            try Outbox.append(event(.notice, accountID, detail), in: transaction)
        }
    }

    private func post(
        _ entry: RatedChunk.Entry, atMs: Int64, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        let entryID = try Journal.post(
            key: entry.key, kind: "rating", legs: entry.legs, businessAtMs: atMs, entryID: entry.entryID, scope,
            in: transaction)
        try AccountingPeriods.carry(entryID: entryID, on: org.zone.day(atS: atMs / 1000), scope, in: transaction)
    }
}
