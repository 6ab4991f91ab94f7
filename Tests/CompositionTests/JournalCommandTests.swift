// `busbar journal`: what it prints and refuses, also beside a process that serves. That the figures are right is shown
// by oracles/check_journal.py.
import Access
import Clocks
import Composition
import Foundation
import Journal
import SQL
import TestSupport
import Testing

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
}
