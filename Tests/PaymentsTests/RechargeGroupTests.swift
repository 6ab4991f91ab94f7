// Recharges that wait at the same time share a transaction: each is answered for itself and keeps every promise.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import Journal
import Payments
import SQL
import Synchronization
import TestSupport
import Testing

/// Counts writes; the first takes long enough for others to come.
private final class CountedDatabase: Database {
    private let inner: any Database
    private let count = Atomic<Int>(0)
    init(_ inner: any Database) { self.inner = inner }
    var writes: Int { count.load(ordering: .relaxed) }
    var engine: SQLEngine { inner.engine }
    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Value) async throws -> Value {
        try await inner.read(body)
    }
    @discardableResult
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        if count.wrappingAdd(1, ordering: .relaxed).oldValue == 0 { try await Task.sleep(for: .milliseconds(300)) }
        return try await inner.write(body)
    }
    func close() async { await inner.close() }
}

@Suite struct RechargeGroupTests {
    private struct Ask: Sendable {
        var account: Int64 = 101
        var paise: Int64 = 500
        var reference: String
        var actor = RechargeTests.system
    }

    /// All at once, behind one that takes long.
    private static func together(
        _ asks: [Ask], _ site: Site
    ) async throws -> (results: [Result<Recharge.Receipt, any Error>], writes: Int) {
        let counted = CountedDatabase(site.money)
        let site = Site(money: counted, readings: site.readings, clocks: site.clocks, ids: site.ids)
        let results = await withTaskGroup(of: (Int, Result<Recharge.Receipt, any Error>).self) { group in
            for (index, ask) in asks.enumerated() {
                group.addTask {
                    do {
                        let receipt = try await RechargeTests.pay(
                            site, ask.paise, ask.reference, account: ask.account, as: ask.actor)
                        return (index, .success(receipt))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            return await group.reduce(into: [Int: Result<Recharge.Receipt, any Error>]()) { $0[$1.0] = $1.1 }
        }
        return (asks.indices.compactMap { results[$0] }, counted.writes)
    }

    private static func proveAudit(_ site: Site, rows: Int64) async throws {
        let proof = try await AuditChain(money: site.money, orgID: 1).verify()
        #expect(proof.findings == [] && proof.rows == rows && proof.values == rows)
    }

    @Test(arguments: TestEngine.available)
    func eachIsAnsweredForItself(_ engine: TestEngine) async throws {
        try await RechargeTests.with(engine) { site in
            try await site.money.write { transaction in
                let scope = Scope(orgID: 1)
                try Place(placeID: 20, parentID: nil, kind: .plant, name: "Other").create(scope, in: transaction)
            }
            let elsewhere = Actor(loginID: 8, role: .operator, scope: Scope(orgID: 1, placeIDs: [20]))
            let here = Actor(loginID: 9, role: .operator, scope: Scope(orgID: 1, placeIDs: [10]))
            var asks = (0..<30).map { Ask(account: 101 + Int64($0 % 2), reference: "good-\($0)") }
            asks += (0..<5).map { Ask(reference: "far-\($0)", actor: elsewhere) }
            asks += (0..<5).map { Ask(reference: "near-\($0)", actor: here) }
            asks += (0..<5).map { Ask(paise: 99, reference: "small-\($0)") }
            // The same fact twice is one; the same reference for something else is refused.
            asks += [Ask(reference: "good-0"), Ask(paise: 501, reference: "good-2"), Ask(reference: "good-1")]
            let (results, writes) = try await Self.together(asks, site)
            #expect(writes < asks.count / 2, "they share transactions")
            let receipts = results.map { try? $0.get() }
            let refusals = results.map { result -> Refusal.Code? in
                if case .failure(let error) = result { return (error as? Refusal)?.code }
                return nil
            }
            #expect((0..<30).allSatisfy { [1, 2].contains($0) || receipts[$0] != nil })
            #expect(refusals[30..<35].allSatisfy { $0 == .notFound })
            #expect(receipts[35..<40].allSatisfy { $0 != nil })
            #expect(refusals[40..<45].allSatisfy { $0 == .invalid })
            #expect(receipts[45] == receipts[0])
            // Which of two with one reference comes first is open; the other is refused.
            for pair in [(1, 47), (2, 46)] {
                #expect((receipts[pair.0] == nil) != (receipts[pair.1] == nil))
                #expect(refusals[pair.0] == .conflict || refusals[pair.1] == .conflict)
            }
            let paid = Set(receipts.compactMap { $0?.entryID })
            #expect(paid.count == 35)
            // Every balance that was told stood there once: sums of what came before, in some order.
            let told = zip(asks, receipts).filter { $0.0.account == 102 }.compactMap { $0.1?.balancePaise }
            #expect(Set(told) == Set((1...Int64(told.count)).map { $0 * 500 }))
            let state = try await RechargeTests.state(site)
            #expect(state[1...] == [35, 70, 70])
            try await Self.proveAudit(site, rows: 35)
        }
    }

    /// What one meets is not the others' trouble.
    @Test(arguments: TestEngine.available)
    func oneThatFailsTakesNobodyAlong(_ engine: TestEngine) async throws {
        try await RechargeTests.with(engine) { site in
            try await site.money.write { transaction in
                try transaction.run(
                    """
                    INSERT INTO recharge (org_id, recharge_id, account_id, amount_paise, method, reference,
                      business_at_ms, entry_id) VALUES (1, 1, 101, 500, 'upi', 'taken', 0, 1)
                    """)
            }
            let asks = (0..<12).map { Ask(reference: "good-\($0)") } + [Ask(reference: "taken")]
            let (results, _) = try await Self.together(asks, site)
            #expect(results[..<12].allSatisfy { (try? $0.get()) != nil })
            #expect(throws: SQLError.self) { try results[12].get() }
            let state = try await RechargeTests.state(site)
            #expect(state == [6_000, 13, 24, 24])
            try await Self.proveAudit(site, rows: 12)
        }
    }
}
