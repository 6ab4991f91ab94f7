// Large entries in bundles: the same book as in rows, also for who reads it by SQL. Books of before are carried over.
import Access
import CivilTime
import Journal
import SQL
import TestSupport
import Testing

@Suite struct BundleTests {
    static let scope = Scope(orgID: 1)

    /// 400 wallets of two neighbourhoods, some charged on an estimate, one charged and given back.
    static func charges(_ paise: Int64 = 7) -> [Leg] {
        let day = CivilDay(number: 20_454)
        var legs: [Leg] = (0..<400).map { number in
            Leg(
                number < 300 ? 101 + number : 5_000 + number, paise + number % 5, .charge, supplyDay: day, revision: 1,
                estimated: number % 3 == 0)
        }
        legs.append(Leg(102, -3, .reversal, supplyDay: CivilDay(number: 20_453), revision: 2))
        legs.append(Leg(1, -legs.reduce(0) { $0 + $1.amountPaise }, .revenue))
        return legs
    }

    static func post(_ legs: [Leg], key: String, id: Int64, in database: any Database) async throws {
        try await database.write { transaction in
            _ = try Journal.post(
                key: key, kind: "rating", legs: legs, businessAtMs: id, entryID: id, scope, in: transaction)
        }
    }

    @Test(arguments: TestEngine.available)
    func peopleReadTheSameBookBySQL(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            let legs = Self.charges()
            try await Self.post(legs, key: "run", id: 10, in: database)
            try await Self.post([Leg(101, -900, .recharge), Leg(4, 900, .clearing)], key: "r", id: 11, in: database)
            try await Self.post(Self.charges(9), key: "next run", id: 12, in: database)
            try await database.read { transaction in
                #expect(try transaction.first("SELECT COUNT(*) FROM posting", []) { try $0.int(0) } == 2)
                let lines = try Journal.bookLines(after: (0, 0), limit: 2_000, Self.scope, in: transaction)
                #expect(lines.prefix(legs.count).map(\.leg) == legs && lines.count == 2 * legs.count + 2)
                #expect(lines.prefix(legs.count).map(\.line) == (1...Int64(legs.count)).map { $0 })
                let read = try transaction.query(
                    """
                    SELECT entry_id, line, journal_account_id, amount_paise, kind, supply_day, revision, estimated
                    FROM book_posting WHERE org_id = $1 ORDER BY entry_id, line
                    """, [1]
                ) { row in
                    "\(try row.int(0)) \(try row.int(1)) \(try row.int(2)) \(try row.int(3)) \(try row.text(4)) "
                        + "\(try row.optionalInt(5) ?? 0) \(try row.optionalInt(6) ?? 0) \(try row.flag(7))"
                }
                #expect(
                    read
                        == lines.map { item in
                            let leg = item.leg
                            return "\(item.entryID) \(item.line) \(leg.journalAccountID) \(leg.amountPaise) "
                                + "\(leg.kind.rawValue) \(leg.supplyDay.map { Int64($0.number) } ?? 0) "
                                + "\(leg.revision ?? 0) \(leg.estimated)"
                        })
                let balances = try Journal.balances(limit: 1_000, atMs: 0, Self.scope, in: transaction)
                let seen = try transaction.query(
                    """
                    SELECT journal_account_id, debit_balance_paise, estimated_paise FROM book_balance
                    WHERE org_id = $1 ORDER BY journal_account_id
                    """, [1]
                ) {
                    AccountBalance(
                        journalAccountID: try $0.int(0), debitBalancePaise: try $0.int(1),
                        estimatedPaise: try $0.int(2))
                }
                #expect(seen == balances && seen.count == 402)
                let pages = try stride(from: 0, to: 402, by: 50).reduce(into: [AccountBalance]()) { all, _ in
                    all += try Journal.balances(
                        after: all.last?.journalAccountID ?? 0, limit: 50, atMs: 0, Self.scope, in: transaction)
                }
                #expect(pages == balances)
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func factsOfAWalletComeOutOfBundles(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            try await Self.post([Leg(102, -900, .recharge), Leg(4, 900, .clearing)], key: "r", id: 9, in: database)
            try await Self.post(Self.charges(), key: "run", id: 10, in: database)
            try await database.read { transaction in
                let day = CivilDay(number: 20_454)
                // Charged 8, 3 given back.
                let span = try Journal.span(
                    ofAccount: 102, fromMs: 10, untilMs: 11, Self.scope, in: transaction)
                #expect(span.openingPaise == 900 && span.closingPaise == 895)
                #expect(span.lines.map(\.amountPaise) == [-8, 3])
                let line = try Journal.chargeLine(
                    ofAccount: 102, supplyDay: day, revision: 1, Self.scope, in: transaction)
                #expect(line?.balanceAfterPaise == 892 && line?.line == 2 && line?.entryKey == "run")
                #expect(try Journal.lastChargedDay(ofAccount: 102, Self.scope, in: transaction) == day)
                #expect(try Journal.lastSupplyDay(ofAccount: 102, .charge, Self.scope, in: transaction) == day)
                #expect(try Journal.lastRechargePaise(ofAccount: 102, Self.scope, in: transaction) == 900)
                let corrections = try Journal.corrections(ofAccount: 102, sinceMs: 0, Self.scope, in: transaction)
                #expect(corrections.map { [$0.entryID, $0.atMs, $0.debitPaise] } == [[10, 10, -3]])
                let supplied = try Journal.suppliedPaise(
                    ofAccounts: [101, 102, 5_399], from: CivilDay(number: 20_453), through: day, Self.scope,
                    in: transaction)
                #expect(supplied == [101: 7, 102: 5, 5_399: 11])
                let sums = try Journal.sums(
                    of: [.energyRevenue, .paymentClearing], fromMs: 0, untilMs: 11, Self.scope, in: transaction)
                #expect(sums == [.energyRevenue: -3_597, .paymentClearing: 900])
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func theTrialBalanceSeesAChangedBundle(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            try await Self.post(Self.charges(), key: "run", id: 10, in: database)
            try await database.write { transaction in
                try transaction.run(
                    "UPDATE posting_bundle SET legs = $1 WHERE kind = 'charge' AND account_range = 1",
                    [.text(#"{"102":{"2":9}}"#)])
            }
            let trial = try await database.read { try Journal.trialBalance(Self.scope, in: $0) }
            #expect(trial.unbalancedEntries == 1 && trial.sumPaise != 0)
        }
    }

    /// A book of before, as its own statements wrote it.
    @Test(arguments: TestEngine.available)
    func aBookOfBeforeIsCarriedOver(_ engine: TestEngine) async throws {
        let before = JournalSchema.migrations.filter { $0.number < 70 }
        try await withDatabase(engine, migrations: before) { database in
            try await database.write { transaction in
                try transaction.run(
                    "INSERT INTO journal_entry VALUES (1, 5, 'old', 'rating', 3, NULL), (2, 6, 'old', 'test', 3, NULL)")
                try transaction.run(
                    """
                    INSERT INTO posting VALUES (1, 5, 1, 101, 500, 'charge', 20453, 1, 1),
                      (1, 5, 2, 1, -500, 'revenue', NULL, NULL, 0), (2, 6, 1, 4, 70, 'clearing', NULL, NULL, 0),
                      (2, 6, 2, 101, -70, 'recharge', NULL, NULL, 0)
                    """)
                try transaction.run(
                    """
                    INSERT INTO journal_balance VALUES (1, 101, 500, 500), (1, 1, -500, 0), (2, 4, 70, 0),
                      (2, 101, -70, 0)
                    """)
            }
            try await Migrator.migrate(JournalSchema.migrations, store: .money, in: database)
            try await Self.post(Self.charges(), key: "run", id: 10, in: database)
            // Its key still stands for its input.
            let again = [
                Leg(101, 500, .charge, supplyDay: CivilDay(number: 20_453), revision: 1, estimated: true),
                Leg(1, -500, .revenue),
            ]
            let earlier = try await database.write { transaction in
                try Journal.post(
                    key: "old", kind: "rating", legs: again, businessAtMs: 9, entryID: 99, Self.scope, in: transaction)
            }
            #expect(earlier == 5)
            try await database.read { transaction in
                for org in Int64(1)...2 {
                    let trial = try Journal.trialBalance(Scope(orgID: org), in: transaction)
                    #expect(trial.sumPaise == 0 && trial.wrongAccounts == [] && trial.unbalancedEntries == 0)
                }
                #expect(try Journal.debitBalancePaise(.energyRevenue, Self.scope, in: transaction) == -500 - 3_597)
                #expect(try Journal.debitBalancePaise(.paymentClearing, Scope(orgID: 2), in: transaction) == 70)
                let statement = try Journal.statement(ofAccount: 101, limit: 9, Self.scope, in: transaction)
                #expect(statement.map(\.balanceAfterPaise) == [-507, -500])
                #expect(statement.map(\.entryKey) == ["run", "old"])
                let page = try Journal.statement(
                    ofAccount: 101, limit: 9, beforeEntryID: 10, beforeLine: 1, Self.scope, in: transaction)
                #expect(page == Array(statement.dropFirst()))
            }
        }
    }

    /// Stored with every entry: the text behind it never changes.
    @Test func theDigestIsWhatItWas() async throws {
        try await withDatabase(.sqlite, migrations: JournalSchema.migrations) { database in
            let legs = [
                Leg(101, 500, .charge, supplyDay: CivilDay(number: 20_454), revision: 1), Leg(1, -500, .revenue),
                Leg(5_000, -20, .reversal, supplyDay: CivilDay(number: 20_453), revision: 2, estimated: true),
                Leg(102, 20, .adjustment),
            ]
            try await database.write { transaction in
                _ = try Journal.post(
                    key: "k", kind: "test", legs: legs, businessAtMs: 1, entryID: 1, Self.scope, in: transaction)
            }
            let digest = try await database.read {
                try $0.first("SELECT input_digest FROM journal_entry", []) { try $0.bytes(0) }
            }
            // printf 'entry\nkind test\nat -\n1 -500 revenue - - -\n101 500 charge 20454 1 -\n…' | sha256sum
            let hex = (digest ?? []).map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
            #expect(hex == "15dc53f48f6ca3b1bf4010ce1230b271a6603e813569d3fd5dff64d72ca828ee")
        }
    }

    /// Who writes at the same time adds to rows of his own of the company's accounts.
    @Test(arguments: TestEngine.available)
    func writersAtOnceAreInLanesOfTheirOwn(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: JournalSchema.migrations) { database in
            for round in Int64(0)..<8 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for writer in Int64(1)...4 {
                        group.addTask {
                            let id = round * 10 + writer
                            try await Self.post(
                                [Leg(100 + writer, -5, .recharge), Leg(4, 5, .clearing)], key: "\(id)", id: id,
                                in: database)
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await database.read { transaction in
                let lanes = try transaction.query(
                    "SELECT lane FROM journal_chart_balance WHERE org_id = 1 AND journal_account_id = 4", []
                ) { try $0.int(0) }
                #expect(engine == .sqlite ? lanes == [0] : lanes.count > 1)
                #expect(try Journal.debitBalancePaise(.paymentClearing, Self.scope, in: transaction) == 160)
            }
        }
    }
}
