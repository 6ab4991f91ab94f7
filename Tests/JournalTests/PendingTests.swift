// Entries in two steps, on both engines: reserved apart, posted whole or in part, voided or lapsed, and only forward.
import Access
import CivilTime
import Journal
import SQL
import TestSupport
import Testing

@Suite struct PendingTests {
    static let scope = Scope(orgID: 1)
    static let engines = TestEngine.available
    /// 500 paise of wallet 101 and 100 of wallet 102 are held for revenue until 1000.
    static let legs = [
        Leg(101, 500, .charge, supplyDay: CivilDay(number: 20_454), revision: 1), Leg(102, 100, .charge),
        Leg(1, -600, .revenue),
    ]

    /// The book with what a test asks of it.
    struct Desk: Sendable {
        let database: any Database

        func pend(_ key: String, _ legs: [Leg] = PendingTests.legs, until lapsesAtMs: Int64 = 1_000, id: Int64 = 10)
            async throws -> Int64
        {
            try await database.write { transaction in
                try Journal.pend(
                    key: key, kind: "test", legs: legs, businessAtMs: 1, lapsesAtMs: lapsesAtMs, pendingID: id,
                    PendingTests.scope, in: transaction)
            }
        }

        func post(_ pending: String, key: String, _ amounts: [Int64]? = nil, at atMs: Int64 = 5, id: Int64 = 20)
            async throws -> Int64
        {
            try await database.write { transaction in
                try Journal.postPending(
                    pending, key: key, amountsPaise: amounts, atMs: atMs, entryID: id, PendingTests.scope,
                    in: transaction)
            }
        }

        func void(_ pending: String, key: String, at atMs: Int64 = 5) async throws {
            try await database.write { transaction in
                try Journal.void(pending, key: key, atMs: atMs, PendingTests.scope, in: transaction)
            }
        }

        func state(_ key: String, at atMs: Int64 = 5) async throws -> PendingState? {
            try await database.read {
                try Journal.pending(key, atMs: atMs, PendingTests.scope, in: $0)?.state
            }
        }

        func wallet(_ accountID: Int64 = 101, at atMs: Int64 = 5) async throws -> WalletBalance {
            try await database.read {
                try Journal.balance(ofAccount: accountID, atMs: atMs, PendingTests.scope, in: $0)
            }
        }

        /// Balances, what is pending, and that the book is sound.
        func book(at atMs: Int64 = 5) async throws -> [[Int64]] {
            try await database.read { transaction in
                let trial = try Journal.trialBalance(PendingTests.scope, in: transaction)
                #expect(trial.sumPaise == 0 && trial.unbalancedEntries == 0 && trial.wrongAccounts == [])
                let balances = try Journal.balances(limit: 100, atMs: atMs, PendingTests.scope, in: transaction)
                #expect(balances.reduce(0) { $0 + $1.debitBalancePaise } == 0)
                #expect(balances.reduce(0) { $0 + $1.pendingDebitPaise + $1.pendingCreditPaise } == 0)
                return balances.map {
                    [$0.journalAccountID, $0.debitBalancePaise, $0.pendingDebitPaise, $0.pendingCreditPaise]
                }
            }
        }
    }

    static func with(_ engine: TestEngine, _ body: (Desk) async throws -> Void) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { try await body(Desk(database: $0)) }
    }

    @Test(arguments: engines)
    func whatIsPendingIsCountedApart(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            #expect(try await desk.pend("p") == 10)
            #expect(try await desk.pend("p", id: 11) == 10, "the same again changes nothing")
            // A recharge that is not confirmed yet: to come, not there.
            #expect(try await desk.pend("q", [Leg(4, 900, .clearing), Leg(101, -900, .recharge)], id: 12) == 12)
            #expect(
                try await desk.wallet()
                    == WalletBalance(
                        balancePaise: 0, estimatedChargesPaise: 0, reservedPaise: 500, expectedPaise: 900))
            #expect(
                try await desk.book() == [[1, 0, 0, -600], [4, 0, 900, 0], [101, 0, 500, -900], [102, 0, 100, 0]])
            let one = try await desk.database.read {
                try Journal.balances(after: 4, limit: 1, atMs: 5, Self.scope, in: $0)
            }
            #expect(one.map(\.journalAccountID) == [101] && one.map(\.pendingCreditPaise) == [-900])
            let noTime = try await desk.database.read { try Journal.balance(ofAccount: 101, Self.scope, in: $0) }
            #expect(noTime.reservedPaise == nil && noTime.expectedPaise == nil)
            let other = try await desk.database.read {
                try Journal.balance(ofAccount: 101, atMs: 5, Scope(orgID: 2), in: $0)
            }
            #expect(other.reservedPaise == 0 && other.expectedPaise == 0, "another company's")
            let pending = try await desk.database.read { try Journal.pending("p", atMs: 5, Self.scope, in: $0) }
            #expect(pending?.pendingID == 10 && pending?.kind == "test" && pending?.legs == Self.legs)
            #expect(pending?.businessAtMs == 1 && pending?.lapsesAtMs == 1_000 && pending?.state == .open)
            for (legs, until) in [(Self.legs, Int64(1_001)), ([Leg(101, 1, .charge), Leg(1, -1, .revenue)], 1_000)] {
                await #expect(throws: JournalError.otherInput(key: "p")) {
                    _ = try await desk.pend("p", legs, until: until)
                }
            }
        }
    }

    @Test(arguments: engines)
    func aPendingEntryIsPostedWhole(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            _ = try await desk.pend("p")
            #expect(try await desk.post("p", key: "p", at: 7) == 20, "an entry may have the key it was pending by")
            let after = [[1, -600, 0, 0], [101, 500, 0, 0], [102, 100, 0, 0]] as [[Int64]]
            #expect(try await desk.book() == after)
            #expect(try await desk.state("p") == .posted(entryID: 20))
            #expect(try await desk.wallet().balancePaise == -500)
            let lines = try await desk.database.read {
                try Journal.bookLines(after: (.min, .min), limit: 10, Self.scope, in: $0)
            }
            #expect(lines.map(\.leg) == Self.legs && lines.allSatisfy { $0.entryKey == "p" && $0.businessAtMs == 7 })

            // Again, also after the time of the lapse and in full figures, it is the same entry.
            #expect(try await desk.post("p", key: "p", at: 2_000, id: 21) == 20)
            #expect(try await desk.post("p", key: "p", [500, 100, -600], id: 21) == 20)
            #expect(try await desk.pend("p", id: 11) == 10)
            await #expect(throws: JournalError.otherInput(key: "p")) {
                _ = try await desk.post("p", key: "p", [400, 100, -500])
            }
            await #expect(throws: JournalError.settled(key: "p")) { _ = try await desk.post("p", key: "again") }
            await #expect(throws: JournalError.settled(key: "p")) { try await desk.void("p", key: "away") }
            await #expect(throws: JournalError.otherInput(key: "p")) { try await desk.void("p", key: "p") }
            #expect(try await desk.book() == after)
            #expect(try await desk.state("p", at: 2_000) == .posted(entryID: 20))
        }
    }

    @Test(arguments: engines)
    func aPartIsPostedAndTheRestIsFree(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            _ = try await desk.pend("p")
            let wrong: [[Int64]] = [
                [501, 99, -600], [600, 0, -600], [-500, 1_100, -600], [400, 100, -400], [0, 0, 0], [], [500, -500],
                [.min, .max, 1],
            ]
            for amounts in wrong {
                await #expect(throws: JournalError.notAPart(key: "p"), "\(amounts)") {
                    _ = try await desk.post("p", key: "part", amounts)
                }
            }
            #expect(try await desk.state("p") == .open)
            #expect(try await desk.post("p", key: "part", [350, 0, -350]) == 20)
            #expect(try await desk.book() == [[1, -350, 0, 0], [101, 350, 0, 0], [102, 0, 0, 0]])
            #expect(try await desk.post("p", key: "part", [350, 0, -350], id: 21) == 20)
            await #expect(throws: JournalError.otherInput(key: "part")) { _ = try await desk.post("p", key: "part") }
        }
    }

    @Test(arguments: engines)
    func aVoidedEntryNeverCounts(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            _ = try await desk.pend("p")
            try await desk.void("p", key: "v")
            let after = [[1, 0, 0, 0], [101, 0, 0, 0], [102, 0, 0, 0]] as [[Int64]]
            #expect(try await desk.book() == after)
            #expect(try await desk.state("p") == .voided)
            try await desk.void("p", key: "v", at: 2_000)
            await #expect(throws: JournalError.settled(key: "p")) { try await desk.void("p", key: "w") }
            await #expect(throws: JournalError.settled(key: "p")) { _ = try await desk.post("p", key: "late") }
            await #expect(throws: JournalError.otherInput(key: "v")) { _ = try await desk.post("p", key: "v") }
            await #expect(throws: JournalError.noSuchPending(key: "q")) { _ = try await desk.post("q", key: "late") }
            await #expect(throws: JournalError.noSuchPending(key: "q")) { try await desk.void("q", key: "late") }
            _ = try await desk.pend("q", id: 11)
            await #expect(throws: JournalError.otherInput(key: "v")) { try await desk.void("q", key: "v") }
            #expect(try await desk.state("q") == .open)
            #expect(try await desk.state("p", at: 2_000) == .voided)
        }
    }

    @Test(arguments: engines)
    func aLapseIsFoundByTheTimeGiven(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            _ = try await desk.pend("p")
            #expect(try await desk.state("p", at: 999) == .open)
            #expect(try await desk.wallet(at: 999).reservedPaise == 500)
            #expect(try await desk.state("p", at: 1_000) == .lapsed)
            #expect(try await desk.wallet(at: 1_000).reservedPaise == 0)
            let after = [[1, 0, 0, 0], [101, 0, 0, 0], [102, 0, 0, 0]] as [[Int64]]
            #expect(try await desk.book(at: 1_000) == after)
            let lapsed = JournalError.lapsed(key: "p", atMs: 1_000)
            for _ in 1...2 {
                await #expect(throws: lapsed) { _ = try await desk.post("p", key: "late", at: 1_000) }
                await #expect(throws: lapsed) { try await desk.void("p", key: "late", at: 1_000) }
            }
            #expect(try await desk.pend("p", id: 11) == 10, "it does not come to life again")
            #expect(try await desk.book(at: 1_000) == after)
        }
    }

    /// A key of the book cannot be taken over by a pending entry.
    @Test(arguments: engines)
    func aPostedKeyIsNoKeyOfAPendingEntry(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            _ = try await desk.database.write { transaction in
                try Journal.post(
                    key: "k", kind: "test", legs: Self.legs, businessAtMs: 1, entryID: 5, Self.scope, in: transaction)
            }
            _ = try await desk.pend("p")
            await #expect(throws: JournalError.otherInput(key: "k")) { _ = try await desk.post("p", key: "k") }
            #expect(try await desk.state("p") == .open)
            #expect(try await desk.post("p", key: "k2") == 20)
            await #expect(throws: JournalError.otherInput(key: "k2")) {
                _ = try await desk.database.write { transaction in
                    try Journal.post(
                        key: "k2", kind: "test", legs: Self.legs, businessAtMs: 1, entryID: 6, Self.scope,
                        in: transaction)
                }
            }
        }
    }

    /// Of many who settle one entry at once, one does; each who made it finds one and the same.
    @Test(arguments: engines)
    func oneOfManyAtOnceSettles(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            for round in Int64(1)...5 {
                let key = "p \(round)"
                let made = try await withThrowingTaskGroup(of: Int64.self) { group in
                    for writer in Int64(1)...4 {
                        group.addTask { try await desk.pend(key, id: round * 100 + writer) }
                    }
                    return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
                }
                #expect(made.count == 1)
                let won = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for writer in Int64(1)...6 {
                        group.addTask {
                            do {
                                let act = "\(key) by \(writer)"
                                if writer % 2 == 0 {
                                    try await desk.void(key, key: act)
                                } else {
                                    _ = try await desk.post(key, key: act, id: round * 1_000 + writer)
                                }
                                return true
                            } catch JournalError.settled {
                                return false
                            }
                        }
                    }
                    return try await group.reduce(into: [Bool]()) { $0.append($1) }
                }
                #expect(won.count == 6 && won.count { $0 } == 1)
            }
            #expect(try await desk.book().allSatisfy { $0[2] == 0 && $0[3] == 0 })
        }
    }

    @Test func whatDoesNotBalanceIsNeverPending() async {
        await #expect(processExitsWith: .failure) {
            _ = try Journal.pend(
                key: "k", kind: "test", legs: [Leg(101, 500, .charge), Leg(1, -499, .revenue)], businessAtMs: 1,
                lapsesAtMs: 2, pendingID: 1, Scope(orgID: 1), in: Untouched())
        }
        await #expect(processExitsWith: .failure) {
            _ = try Journal.pend(
                key: "k", kind: "test", legs: [Leg(101, 500, .charge), Leg(1, -500, .revenue)], businessAtMs: 1,
                lapsesAtMs: 1, pendingID: 1, Scope(orgID: 1), in: Untouched())
        }
        await #expect(processExitsWith: .success) {
            _ = try Journal.pend(
                key: "k", kind: "test", legs: [Leg(101, 500, .charge), Leg(1, -500, .revenue)], businessAtMs: 1,
                lapsesAtMs: 2, pendingID: 1, Scope(orgID: 1), in: Untouched())
        }
    }
}
