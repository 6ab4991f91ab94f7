// The book as it should be: plain arithmetic beside the journal under test.
import Access
import CivilTime
import Journal
import SQL
import Testing

struct Entry: Sendable {
    var key: String
    var entryID: Int64
    var scope: Scope
    var legs: [Leg]
    /// The key was used before with other legs.
    var isOther = false
}

/// Balances by company and account, kept without a database.
struct Book {
    private struct Account: Hashable {
        var orgID: Int64
        var accountID: Int64
    }
    private var lines: [Account: [(entryID: Int64, leg: Leg)]] = [:]
    private var entryOfKey: [Int64: [String: Entry]] = [:]
    private(set) var entries = 0
    private(set) var repeated = 0
    private(set) var refused = 0

    /// A balanced entry of 2 to 8 legs of one of two companies; every fifth or so comes with a key used before,
    /// the same again in another order, or something else.
    /// Or as many legs besides the last as are asked for.
    func nextEntry(_ step: Int, legs count: ClosedRange<Int> = 1...7, _ random: inout Seeded) -> Entry {
        let scope = Scope(orgID: Int64.random(in: 1...2, using: &random))
        let known = (entryOfKey[scope.orgID] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
        if Int.random(in: 0..<5, using: &random) == 0, var again = known.randomElement(using: &random) {
            again.entryID = Int64(step * 10)
            again.legs.shuffle(using: &random)
            again.isOther = Bool.random(using: &random)
            if again.isOther {
                again.legs[0].amountPaise += 1
                again.legs[1].amountPaise -= 1
            }
            return again
        }
        var legs: [Leg] = []
        for _ in 1...Int.random(in: count, using: &random) {
            legs.append(
                Leg(
                    JournalTests.wallets.randomElement(using: &random) ?? 0,
                    Int64.random(in: -1_000_000_000_000...1_000_000_000_000, using: &random),
                    [.charge, .reversal, .recharge].randomElement(using: &random) ?? .charge,
                    supplyDay: Bool.random(using: &random) ? CivilDay(number: Int32(20_000 + step)) : nil,
                    revision: Bool.random(using: &random) ? Int64(step) : nil, estimated: Bool.random(using: &random)))
        }
        let chart = ChartAccount.allCases.randomElement(using: &random) ?? .adjustments
        legs.append(Leg(chart.rawValue, -legs.reduce(0) { $0 + $1.amountPaise }, .revenue))
        legs.shuffle(using: &random)
        return Entry(key: "step \(step)", entryID: Int64(step * 10), scope: scope, legs: legs)
    }

    /// The id the journal must answer with; nil when it must refuse.
    mutating func record(_ entry: Entry) -> Int64? {
        if entry.isOther {
            refused += 1
            return nil
        }
        if let known = entryOfKey[entry.scope.orgID]?[entry.key] {
            repeated += 1
            return known.entryID
        }
        entryOfKey[entry.scope.orgID, default: [:]][entry.key] = entry
        entries += 1
        for leg in entry.legs {
            lines[Account(orgID: entry.scope.orgID, accountID: leg.journalAccountID), default: []].append(
                (entry.entryID, leg))
        }
        return entry.entryID
    }

    func check(_ database: any Database, _ seed: UInt64) async throws {
        for orgID in Int64(1)...2 {
            let scope = Scope(orgID: orgID)
            let count = lines.filter { $0.key.orgID == orgID }.values.reduce(0) { $0 + $1.count }
            let trial = try await database.read { try Journal.trialBalance(scope, in: $0) }
            #expect(trial.sumPaise == 0 && trial.wrongAccounts == [] && trial.postings == count, "seed \(seed)")
            for wallet in JournalTests.wallets { try await checkWallet(wallet, scope, database, seed) }
            for account in ChartAccount.allCases {
                let wanted = (lines[Account(orgID: orgID, accountID: account.rawValue)] ?? [])
                    .reduce(0) { $0 + $1.leg.amountPaise }
                let found = try await database.read { try Journal.debitBalancePaise(account, scope, in: $0) }
                #expect(found == wanted, "seed \(seed), \(account.name)")
            }
        }
    }

    private func checkWallet(_ wallet: Int64, _ scope: Scope, _ database: any Database, _ seed: UInt64) async throws {
        let mine = lines[Account(orgID: scope.orgID, accountID: wallet)] ?? []
        let (balance, statement) = try await database.read { transaction in
            (
                try Journal.balance(ofAccount: wallet, scope, in: transaction),
                try Journal.statement(ofAccount: wallet, limit: 10_000, scope, in: transaction)
            )
        }
        #expect(balance.balancePaise == -mine.reduce(0) { $0 + $1.leg.amountPaise }, "seed \(seed), wallet \(wallet)")
        #expect(
            balance.estimatedChargesPaise == mine.reduce(0) { $0 + ($1.leg.estimated ? $1.leg.amountPaise : 0) },
            "seed \(seed), wallet \(wallet)")
        // Oldest first, each line takes up where the one before ended, and the last one is the balance.
        var running: Int64 = 0
        for (line, wanted) in zip(statement.reversed(), mine) {
            running += line.amountPaise
            #expect(line.balanceAfterPaise == running)
            #expect(line.entryID == wanted.entryID && line.amountPaise == -wanted.leg.amountPaise)
            #expect(line.kind == wanted.leg.kind && line.estimated == wanted.leg.estimated)
            #expect(line.supplyDay == wanted.leg.supplyDay && line.revision == wanted.leg.revision)
        }
        #expect(statement.count == mine.count && running == balance.balancePaise)
        // Page by page it is the same statement, when a page ends with an entry.
        guard let middle = statement.dropFirst(statement.count / 2).first?.entryID else { return }
        let older = try await database.read { transaction in
            try Journal.statement(ofAccount: wallet, limit: 10_000, beforeEntryID: middle, scope, in: transaction)
        }
        #expect(older == statement.filter { $0.entryID < middle })
    }
}
