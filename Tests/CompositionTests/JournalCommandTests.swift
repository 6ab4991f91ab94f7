// `busbar journal`: what it prints and refuses, also beside a process that serves. That the figures are right is shown
// by oracles/check_journal.py.
import Access
import CivilTime
import Clocks
import Foundation
import Journal
import SQL
import TestSupport
import Testing

@testable import Composition

@Suite struct JournalCommandTests {
    @Test(arguments: TestEngine.available)
    func theBookIsPrintedBesideAServer(_ engine: TestEngine) async throws {
        try await withPlace(engine) { site in
            func export(_ format: String, _ from: String? = nil, _ to: String? = nil) async -> Ran {
                let options = JournalExportOptions(format: format, from: from, to: to)
                return await run { try await exportJournal(site, orgID: nil, options, $0) }
            }
            _ = await run { try await addOrg(site, name: "Asha Power", zone: "UTC", currency: "INR", $0) }
            let serving = try await OpenSite.open(site, clocks: .live)
            let legs = [Leg(4, 500, .clearing), Leg(99, -500, .recharge)]
            try await serving.site.money.write { transaction in
                _ = try Journal.post(
                    key: "recharge:cash:1", kind: "recharge", legs: legs, businessAtMs: 86_400_000, entryID: 7,
                    Scope(orgID: 1), in: transaction)
                _ = try Journal.pend(
                    key: "p", kind: "test", legs: legs, businessAtMs: 1, lapsesAtMs: 4_000_000_000_000, pendingID: 8,
                    Scope(orgID: 1), in: transaction)
            }
            let book = await export("hledger")
            #expect(book.status == .done && book.spoken.all.contains("1970-01-02 * (7) recharge"), "\(book.spoken.all)")
            #expect(book.spoken.all.contains("    assets:payment-clearing  INR 5.00\n    ; what: clearing"))
            #expect(book.spoken.all.contains("    liabilities:wallets:?99  INR -5.00"))
            #expect(await export("csv", "1970-01-02", "1970-01-02").spoken.all.contains("7,recharge:cash:1,recharge,"))
            for days in [("1970-01-03", nil), (nil, "1970-01-01")] as [(String?, String?)] {
                let none = await export("csv", days.0, days.1)
                #expect(none.status == .done && none.spoken.said.count == 1, "\(none.spoken.all)")
            }
            let json = await run { try await journalBalances(site, orgID: nil, json: true, $0) }
            #expect(
                json.spoken.said == [
                    #"{"account":"assets:payment-clearing","debitBalancePaise":500,"estimatedPaise":0,"#
                        + #""pendingCreditPaise":0,"pendingDebitPaise":500}"#,
                    #"{"account":"liabilities:wallets:?99","debitBalancePaise":-500,"estimatedPaise":0,"#
                        + #""pendingCreditPaise":-500,"pendingDebitPaise":0}"#,
                ])
            let table = await run { try await journalBalances(site, orgID: nil, json: false, $0) }
            #expect(table.status == .done && table.spoken.said.count == 2)
            try await serving.site.money.write { try $0.run("UPDATE journal_balance SET debit_balance_paise = 1") }
            let off = await status { try await journalBalances(site, orgID: nil, json: true, $0) }
            #expect(off == .problems)
            await serving.close()

            for (ended, word) in [
                (await export("beancount"), "hledger or csv"), (await export("csv", "today"), "--from"),
                (await export("csv", "2026-01-02", "2026-01-01"), "--from"),
            ] {
                #expect(ended.status == .usage && ended.spoken.all.contains(word), "\(ended.spoken.all)")
            }
            let foreign = await run {
                try await exportJournal(site, orgID: 2, JournalExportOptions(format: "csv"), $0)
            }
            #expect(foreign.status == .problems)
        }
    }

    /// An engine that runs the reading again finds that something was said: it is told, and nothing stands twice.
    @Test func nothingIsPrintedTwice() async throws {
        let scope = Scope(orgID: 1)
        try await withDatabase(.sqlite, migrations: BusbarSchema.migrations) { money in
            try await money.write { transaction in
                _ = try Journal.post(
                    key: "k", kind: "test", legs: [Leg(4, 500, .clearing), Leg(99, -500, .recharge)], businessAtMs: 1,
                    entryID: 7, scope, in: transaction)
            }
            let org = Org(orgID: 1, name: "One")
            let again = ReadAgain(inner: money)
            for format in [BookFormat.hledger, .csv] {
                let once = await run {
                    try await sayBook(of: money, org, format, fromMs: .min, untilMs: .max, $0)
                    return .done
                }
                let twice = await run {
                    try await sayBook(of: again, org, format, fromMs: .min, untilMs: .max, $0)
                    return .done
                }
                #expect(once.status == .done && twice.status == .partly && twice.spoken.said == once.spoken.said)
                #expect(twice.spoken.all.contains("not whole"), "\(twice.spoken.all)")
            }
            for json in [false, true] {
                let once = await run {
                    _ = try await sayBalances(of: money, org, json: json, nowMs: 1, $0)
                    return .done
                }
                let twice = await run {
                    _ = try await sayBalances(of: again, org, json: json, nowMs: 1, $0)
                    return .done
                }
                #expect(once.spoken.said.count == 2 && twice.spoken.said == once.spoken.said)
                #expect(twice.status == .partly && twice.spoken.all.contains("not whole"))
            }
        }
    }
}

/// Runs every reading a second time, as an engine does that lost its connection.
private struct ReadAgain: Database {
    let inner: any Database
    var engine: SQLEngine { inner.engine }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await inner.read { transaction in
            _ = try body(transaction)
            return try body(transaction)
        }
    }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value { try await inner.write(body) }

    func close() async { await inner.close() }
}
