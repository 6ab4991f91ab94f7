// The double-entry book under random posts, on both engines: it balances, it adds up, and a key counts once.
// One seed reproduces a failure.
import Access
import CivilTime
import Foundation
import Journal
import SQL
import TestSupport
import Testing

@Suite struct JournalTests {
    static let wallets: [Int64] = [101, 102, 103, 104, 105, 382_480_025_993_084_928]
    static let scope = Scope(orgID: 1)
    static let engines = TestEngine.available

    @Test(arguments: engines, [11, 12, 13] as [UInt64])
    func randomPostsAddUp(_ engine: TestEngine, _ seed: UInt64) async throws {
        try await randomPosts(engine, seed, legs: 1...7)
    }

    /// Entries so large that their postings are bundled, and so many that what waits is settled in between.
    @Test(arguments: engines)
    func largeRandomPostsAddUp(_ engine: TestEngine) async throws {
        try await randomPosts(engine, 14, legs: 200...1_700)
    }

    private func randomPosts(_ engine: TestEngine, _ seed: UInt64, legs: ClosedRange<Int>) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            var random = Seeded(state: seed)
            var book = Book()
            for step in 1...60 {
                let entry = book.nextEntry(step, legs: legs, &random)
                let id: Int64?
                do {
                    id = try await database.write { transaction in
                        try Journal.post(
                            key: entry.key, kind: "test", legs: entry.legs, businessAtMs: Int64(step),
                            entryID: entry.entryID, entry.scope, in: transaction)
                    }
                } catch let error as JournalError {
                    #expect(error == .otherInput(key: entry.key))
                    id = nil
                }
                #expect(id == book.record(entry), "seed \(seed), step \(step)")
                if step % 20 == 0 { try await book.check(database, seed) }
            }
            #expect(book.repeated > 0 && book.refused > 0 && book.entries > 20, "the sequence exercises little")
        }
    }

    @Test(arguments: engines)
    func aRolledBackPostLeavesNothing(_ engine: TestEngine) async throws {
        struct Undo: Error {}
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            await #expect(throws: Undo.self) {
                try await database.write { transaction in
                    _ = try Journal.post(
                        key: "k", kind: "test", legs: [Leg(101, 500, .charge), Leg(1, -500, .revenue)], businessAtMs: 1,
                        entryID: 1, Self.scope, in: transaction)
                    throw Undo()
                }
            }
            try await database.read { transaction in
                let trial = try Journal.trialBalance(Self.scope, in: transaction)
                #expect(trial.postings == 0)
                #expect(try Journal.balance(ofAccount: 101, Self.scope, in: transaction).balancePaise == 0)
            }
        }
    }

    @Test(arguments: engines)
    func writersAtOnceLoseNothing(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in Int64(1)...4 {
                    group.addTask {
                        for step in Int64(1)...15 {
                            // The same keys come from two writers each: who is second changes nothing.
                            let key = "pair \(writer % 2) step \(step)"
                            let wallets = Self.wallets.shuffled()
                            _ = try await database.write { transaction in
                                try Journal.post(
                                    key: key, kind: "test",
                                    legs: wallets.map { Leg($0, 7, .charge) } + [Leg(1, -42, .revenue)],
                                    businessAtMs: step, entryID: writer * 1000 + step, Self.scope, in: transaction)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await database.read { transaction in
                let trial = try Journal.trialBalance(Self.scope, in: transaction)
                #expect(trial.sumPaise == 0 && trial.postings == 30 * 7 && trial.wrongAccounts == [])
                #expect(try Journal.debitBalancePaise(.energyRevenue, Self.scope, in: transaction) == -42 * 30)
                for wallet in Self.wallets {
                    #expect(try Journal.balance(ofAccount: wallet, Self.scope, in: transaction).balancePaise == -210)
                }
            }
        }
    }

    @Test func theTrialBalanceSeesTampering() async throws {
        try await withDatabase(.sqlite, migrations: JournalSchema.migrations) { database in
            try await database.write { transaction in
                _ = try Journal.post(
                    key: "k", kind: "test", legs: [Leg(101, 500, .charge), Leg(1, -500, .revenue)], businessAtMs: 1,
                    entryID: 1, Self.scope, in: transaction)
                try transaction.run("UPDATE posting SET amount_paise = 501 WHERE journal_account_id = 101")
            }
            let trial = try await database.read { try Journal.trialBalance(Self.scope, in: $0) }
            #expect(trial.sumPaise == 1 && trial.wrongAccounts == [101] && trial.unbalancedEntries == 1)
            // Two entries that make up for each other, and a wallet whose balance is gone, are found as well.
            try await database.write { transaction in
                _ = try Journal.post(
                    key: "l", kind: "test", legs: [Leg(102, 70, .charge), Leg(1, -70, .revenue)], businessAtMs: 2,
                    entryID: 2, Self.scope, in: transaction)
                try transaction.run("UPDATE posting SET amount_paise = 69 WHERE journal_account_id = 102")
                try transaction.run("DELETE FROM journal_balance WHERE journal_account_id = 102")
            }
            let hidden = try await database.read { try Journal.trialBalance(Self.scope, in: $0) }
            #expect(hidden.sumPaise == 0 && hidden.unbalancedEntries == 2 && hidden.wrongAccounts == [101, 102])
        }
    }

    /// Each difference from the first is other input, and none of it is written; the order of legs says nothing.
    @Test(arguments: engines)
    func aKeyStandsForItsInput(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            let day = CivilDay(number: 20_454)
            let legs = [Leg(101, 500, .charge, supplyDay: day, revision: 1), Leg(1, -500, .revenue)]
            func post(
                _ legs: [Leg], key: String = "k", kind: String = "test", at atMs: Int64 = 1, timeIsFact: Bool = false,
                id: Int64 = 1
            ) async throws -> Int64 {
                try await database.write { transaction in
                    try Journal.post(
                        key: key, kind: kind, legs: legs, businessAtMs: atMs, timeIsFact: timeIsFact, entryID: id,
                        Self.scope, in: transaction)
                }
            }
            func changed(_ change: (inout Leg) -> Void) -> [Leg] {
                var other = legs
                change(&other[0])
                return other
            }
            #expect(try await post(legs) == 1)
            #expect(try await post(legs, key: "bank", at: 7, timeIsFact: true, id: 2) == 2)
            // The second time the digests are as those of entries older than digests: worked out from the legs.
            for _ in 1...2 {
                #expect(try await post(legs, at: 99, id: 3) == 1, "a repetition comes later and changes nothing")
                #expect(try await post(legs.reversed(), id: 3) == 1)
                #expect(try await post(legs, key: "bank", at: 7, timeIsFact: true, id: 3) == 2)
                let others = [
                    changed { $0.supplyDay = nil }, changed { $0.revision = 2 }, changed { $0.estimated = true },
                    changed { $0.kind = .reversal }, changed { $0.journalAccountID = 102 },
                    [Leg(101, 499, .charge, supplyDay: day, revision: 1), Leg(1, -499, .revenue)],
                    legs + [Leg(102, 0, .charge)],
                ]
                for other in others {
                    await #expect(throws: JournalError.otherInput(key: "k")) { _ = try await post(other, id: 3) }
                }
                await #expect(throws: JournalError.otherInput(key: "k")) {
                    _ = try await post(legs, kind: "other", id: 3)
                }
                await #expect(throws: JournalError.otherInput(key: "bank")) {
                    _ = try await post(legs, key: "bank", at: 8, timeIsFact: true, id: 3)
                }
                let trial = try await database.read { try Journal.trialBalance(Self.scope, in: $0) }
                #expect(trial.postings == 4 && trial.sumPaise == 0 && trial.wrongAccounts == [])
                try await database.write { try $0.run("UPDATE journal_entry SET input_digest = NULL") }
            }
        }
    }

    /// Of writers that say different things of one key, one is right and the others are told.
    @Test(arguments: engines)
    func writersAtOnceWithOtherInputAreTold(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            let won = try await withThrowingTaskGroup(of: Bool.self) { group in
                for writer in Int64(1)...6 {
                    group.addTask {
                        do {
                            return try await database.write { transaction in
                                try Journal.post(
                                    key: "k", kind: "test",
                                    legs: [Leg(101, writer, .charge), Leg(1, -writer, .revenue)],
                                    businessAtMs: 1, entryID: writer, Self.scope, in: transaction)
                            } == writer
                        } catch JournalError.otherInput(key: "k") {
                            return false
                        }
                    }
                }
                return try await group.reduce(into: [Bool]()) { $0.append($1) }
            }
            #expect(won.count == 6 && won.count { $0 } == 1)
            let trial = try await database.read { try Journal.trialBalance(Self.scope, in: $0) }
            #expect(trial.sumPaise == 0 && trial.postings == 2 && trial.wrongAccounts == [])
        }
    }

    /// The process ends before the transaction is asked anything: were the rule gone, the exit would be a success.
    @Test func anUnbalancedEntryStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            _ = try Journal.post(
                key: "k", kind: "test", legs: [Leg(101, 500, .charge), Leg(1, -499, .revenue)], businessAtMs: 1,
                entryID: 1,
                Scope(orgID: 1), in: Untouched())
        }
        await #expect(processExitsWith: .failure) {
            _ = try Journal.post(
                key: "k", kind: "test", legs: [], businessAtMs: 1, entryID: 1, Scope(orgID: 1), in: Untouched())
        }
        await #expect(processExitsWith: .success) {
            _ = try Journal.post(
                key: "k", kind: "test", legs: [Leg(101, 500, .charge), Leg(1, -500, .revenue)], businessAtMs: 1,
                entryID: 1,
                Scope(orgID: 1), in: Untouched())
        }
    }
}

/// Ends the process well when it is used at all.
struct Untouched: SQLTransaction {
    var engine: SQLEngine { .sqlite }
    func run(_ sql: String, _ parameters: [SQLValue]) throws -> Int { exit(EXIT_SUCCESS) }
    func query<Value>(_ sql: String, _ parameters: [SQLValue], _ decode: (any SQLRow) throws -> Value) throws -> [Value]
    {
        exit(EXIT_SUCCESS)
    }
    func runMany(_ sql: String, _ rows: [[SQLValue]]) throws { exit(EXIT_SUCCESS) }
}

/// SplitMix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
