// Money through the product's own ways, on both engines, as durable as the product is: charges posted in batches, and
// recharges that are acknowledged after their commit, by many clients at once.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Foundation
import Grid
import Journal
import Payments
import PostgresAdapter
import SQL
import SQLiteAdapter

enum MoneySpeed {
    static let usage = """
               busbar-bench journal CHARGES BATCH FOLDER|URL
               busbar-bench recharge CLIENTS RECHARGES FOLDER|URL

        """
    static let wallets: Int64 = 100_000
    static let startPaise: Int64 = 100_000
    private static let scope = Scope(orgID: 1)

    /// Which wallet the n-th charge is of, and how much: the same in the peer.
    static func charge(_ n: Int64) -> (wallet: Int64, paise: Int64) {
        (101 + (n &* 2_654_435_761) % wallets, 1 + (n &* 40_503) % 5_000)
    }

    static func line(_ words: [String]) async throws -> String {
        guard words.count == 4, let first = Int(words[1]), let second = Int(words[2]), first > 0, second > 0 else {
            throw BenchError(BusbarBench.usage)
        }
        return try await words[0] == "journal"
            ? journal(charges: first, batch: second, place: words[3])
            : recharge(clients: first, recharges: second, place: words[3])
    }

    private static func open(_ place: String) async throws -> any Database {
        let money: any Database =
            place.hasPrefix("postgres")
            ? try await PostgresDatabase.open(url: place, connections: 8)
            : try await SQLiteDatabase.open(path: place + "/money.db", durability: .full)
        try await Migrator.migrate(BusbarSchema.migrations, store: .money, in: money)
        return money
    }

    private struct Answer: Encodable {
        var count: Int
        var wallS: Double
        var coreS: Double
        /// Sum of all wallets and number of postings of them, read back.
        var sumPaise: Int64
        var postings: Int64
        /// The most this process ever held.
        var memoryMB: Int
        /// From asking to the answer, of one in two and of 99 in 100; nil where nobody waits for one.
        var p50Ms: Double?
        var p99Ms: Double?
    }

    private static func answer(
        _ count: Int, _ used: Seconds, _ kind: String, _ money: any Database, waitedMs: [Double] = []
    ) async throws -> String {
        let (sum, postings) = try await money.read { transaction in
            let trial = try Journal.trialBalance(scope, in: transaction)
            guard trial.sumPaise == 0, trial.unbalancedEntries == 0, trial.wrongAccounts.isEmpty else {
                throw BenchError("the book does not balance")
            }
            let sum = try transaction.first(
                """
                SELECT CAST(SUM(-debit_balance_paise) AS BIGINT) FROM book_balance
                WHERE org_id = 1 AND journal_account_id > 100
                """, []
            ) { try $0.int(0) }
            let postings = try transaction.first(
                "SELECT COUNT(*) FROM book_posting WHERE org_id = 1 AND kind = $1 AND journal_account_id > 100",
                [.text(kind)]
            ) { try $0.int(0) }
            return (sum ?? 0, postings ?? 0)
        }
        await money.close()
        let waited = waitedMs.sorted()
        func percentile(_ hundredths: Int) -> Double? {
            waited.isEmpty ? nil : waited[waited.count * hundredths / 100]
        }
        let found = Answer(
            count: count, wallS: used.wallS, coreS: used.coreS, sumPaise: sum, postings: postings,
            memoryMB: peakMemoryMB(), p50Ms: percentile(50), p99Ms: percentile(99))
        return String(decoding: try JSONEncoder().encode(found), as: UTF8.self)
    }

    /// Charges as a run posts them: one entry a batch, a leg a charge, revenue in one leg; each batch is a commit.
    private static func journal(charges: Int, batch: Int, place: String) async throws -> String {
        let money = try await open(place)
        let ids = IDGenerator(processNumber: 0, clocks: .live)
        for start in stride(from: Int64(0), to: wallets, by: 10_000) {
            let legs = (start..<start + 10_000).map { Leg(101 + $0, -startPaise, .recharge) }
            try await money.write { transaction in
                _ = try Journal.post(
                    key: "opening \(start)", kind: "recharge",
                    legs: legs + [Leg(ChartAccount.paymentClearing.rawValue, startPaise * 10_000, .clearing)],
                    businessAtMs: 0, entryID: ids.next(), scope, in: transaction)
            }
        }
        let watch = Stopwatch()
        for start in stride(from: 0, to: charges, by: batch) {
            try await money.write { transaction in
                var legs: [Leg] = []
                legs.reserveCapacity(batch + 1)
                var revenuePaise: Int64 = 0
                for number in start..<min(start + batch, charges) {
                    let (wallet, paise) = charge(Int64(number))
                    legs.append(
                        Leg(wallet, paise, .charge, supplyDay: CivilDay(number: 20_000), revision: 1))
                    revenuePaise += paise
                }
                legs.append(Leg(ChartAccount.energyRevenue.rawValue, -revenuePaise, .revenue))
                _ = try Journal.post(
                    key: "charges \(start)", kind: "rating", legs: legs, businessAtMs: 0, entryID: ids.next(), scope,
                    in: transaction)
            }
        }
        return try await answer(charges, watch.used(), "charge", money)
    }

    /// The whole command, with permission, key, audit, book and events; a client asks again when it has its answer.
    private static func recharge(clients: Int, recharges: Int, place: String) async throws -> String {
        let money = try await open(place)
        let clocks = Clocks.live
        let folder = place.hasPrefix("postgres") ? NSTemporaryDirectory() : place
        let site = Site(
            money: money, readings: SQLiteReadings(folder: folder, migrations: BusbarSchema.migrations),
            clocks: clocks, ids: IDGenerator(processNumber: 0, clocks: clocks))
        try await money.write { transaction in
            try Org(orgID: 1, name: "Bench").create(in: transaction)
            try Grid.Place(placeID: 1, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
        }
        for start in stride(from: Int64(0), to: wallets, by: 10_000) {
            try await money.write { transaction in
                for number in start..<start + 10_000 {
                    try SupplyAccount(
                        accountID: 101 + number, accountNumber: "BB-\(1_000_000 + number)", name: "House",
                        category: "domestic", placeID: 1, sanctionedW: 2_000, language: "en",
                        openedDay: CivilDay(number: 20_000)
                    ).create(scope, in: transaction)
                }
            }
        }
        let actor = Actor(loginID: 7, role: .operator, scope: scope)
        let watch = Stopwatch()
        let waitedMs = try await withThrowingTaskGroup(of: [Double].self) { group in
            for client in 0..<clients {
                group.addTask {
                    var waitedMs: [Double] = []
                    for number in stride(from: client, to: recharges, by: clients) {
                        let (wallet, paise) = charge(Int64(number))
                        let command = Recharge(
                            accountID: wallet, amountPaise: 100 + paise, method: .upi, reference: "r-\(number)")
                        let start = ContinuousClock.now
                        _ = try await site.perform(command, as: actor, source: "bench")
                        waitedMs.append((ContinuousClock.now - start) / .milliseconds(1))
                    }
                    return waitedMs
                }
            }
            return try await group.reduce(into: [Double]()) { $0 += $1 }
        }
        let used = watch.used()
        await site.readings.close()
        guard try await AuditChain(money: money, orgID: 1).verify().findings.isEmpty else {
            throw BenchError("the audit is not proven")
        }
        return try await answer(recharges, used, "recharge", money, waitedMs: waitedMs)
    }
}
