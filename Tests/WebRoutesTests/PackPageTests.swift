// Packs from draft to publication, and what a pack would have cost: the commands, the pages and the figures, these
// against what was charged by the way of every night.
import API
import Access
import CivilTime
import Clocks
import Packs
import Rating
import SQL
import Tariffs
import TestRetailer
import Testing

@testable import Web

@Suite struct PackPageTests {
    private static let admin = Actor(loginID: 501, role: .administrator, scope: Scope(orgID: 1))
    private static let chief = Actor(loginID: 502, role: .administrator, scope: Scope(orgID: 1))

    private static func text(
        _ id: String = "FLAT", version: Int = 1, from: String = "2026-05-01", price: String = "6.5"
    )
        -> String
    {
        """
        format: 1
        id: \(id)
        version: \(version)
        name: Flat & plain
        validFrom: \(from)
        components:
          - {id: energy, kind: energy, label: Energy, perKWh: \(price)}

        """
    }

    private func refusal(_ body: () async throws -> Void) async -> Refusal? {
        do {
            try await body()
            return nil
        } catch { return error as? Refusal }
    }

    @Test func twoEditorsDoNotOverwriteEachOtherAndAWriterDoesNotApprove() async throws {
        try await WebSite.with { web in
            func perform<C: Command>(_ command: C, _ actor: Actor = Self.admin) async throws -> C.Output {
                try await web.site.perform(command, as: actor, source: "test")
            }
            let bad = await refusal {
                _ = try await perform(
                    SavePackDraft(draftID: nil, revision: 0, text: Self.text(price: "dear"), note: ""))
            }
            #expect(bad?.message.hasPrefix("Line 7: ") == true && bad?.at == "text")
            #expect(bad.flatMap { PackCheck.line(of: $0) } == 7)
            let save = SavePackDraft(draftID: nil, revision: 0, text: Self.text(), note: "", request: "k")
            let draft = try await perform(save)
            #expect(try await perform(save) == draft, "sent twice it is one draft")
            let changed = try await perform(
                SavePackDraft(draftID: draft.draftID, revision: 1, text: Self.text(price: "7"), note: "dearer"))
            #expect(changed.revision == 2)
            let late = await refusal {
                _ = try await perform(
                    SavePackDraft(draftID: draft.draftID, revision: 1, text: Self.text(price: "8"), note: ""),
                    Self.chief)
            }
            #expect(late?.code == .conflict)
            let submitted = try await perform(MovePackDraft(draftID: draft.draftID, revision: 2, .submit))
            let fixed = await refusal {
                _ = try await perform(
                    SavePackDraft(draftID: draft.draftID, revision: 3, text: Self.text(), note: ""))
            }
            #expect(fixed?.code == .conflict)
            let yes = try DecidePackDraft(draftID: draft.draftID, revision: 3, agrees: true, reason: "")
            let own = await refusal { _ = try await perform(yes) }
            #expect(own?.code == .conflict && submitted.state == .submitted, "it takes a second person")
            #expect(try await perform(yes, Self.chief).state == .approved)
            let book = try await web.site.money.read { try Packs.book("FLAT", Scope(orgID: 1), in: $0) }
            #expect(book.tariffs.map(\.version) == [1])
            // The number is taken for good.
            let again = await refusal {
                _ = try await perform(SavePackDraft(draftID: nil, revision: 0, text: Self.text(), note: ""))
            }
            #expect(again?.code == .conflict && again?.hint.contains("version 2") == true)
        }
    }

    /// DOM-TOU is held by consumers; a change needs 30 days of notice or a reason.
    @Test func aChangeOfAHeldPackNeedsNotice() async throws {
        try await WebSite.with { web in
            func submitted(_ version: Int, _ from: String) async throws -> Int64 {
                let placed = try await web.site.perform(
                    SavePackDraft(
                        draftID: nil, revision: 0, text: Self.text("DOM-TOU", version: version, from: from), note: ""),
                    as: Self.admin, source: "test")
                _ = try await web.site.perform(
                    MovePackDraft(draftID: placed.draftID, revision: 1, .submit), as: Self.admin, source: "test")
                return placed.draftID
            }
            func approve(_ draftID: Int64, _ reason: String, _ withoutNotice: Bool) async throws {
                _ = try await web.site.perform(
                    try DecidePackDraft(
                        draftID: draftID, revision: 2, agrees: true, reason: reason, evenWithoutNotice: withoutNotice),
                    as: Self.chief, source: "test")
            }
            // Today is 2026-02-10: 2026-03-12 is the first day that may be.
            let near = try await submitted(2, "2026-03-11")
            let refused = await refusal { try await approve(near, "", false) }
            #expect(refused?.at == "evenWithoutNotice" && refused?.message.contains("2026-03-12") == true)
            let unexplained = await refusal { try await approve(near, "", true) }
            #expect(unexplained?.at == "reason")
            try await approve(near, "The regulator said so", true)
            let far = try await submitted(3, "2026-03-12")
            try await approve(far, "", false)
            let versions = try await web.site.money.read {
                try Packs.versions(of: "DOM-TOU", Scope(orgID: 1), in: $0).map(\.version)
            }
            #expect(versions == [1, 2, 3])
        }
    }

    @Test func whatIfAgreesWithWhatWasChargedAndPostsNothing() async throws {
        try await WebSite.with { web in
            let scope = Scope(orgID: 1)
            func journal() async throws -> Int64? {
                try await web.site.money.read {
                    try $0.first("SELECT COUNT(*) FROM journal_entry WHERE org_id = 1", []) { try $0.int(0) }
                }
            }
            let before = try await journal()
            let draft = try await web.site.perform(
                SavePackDraft(draftID: nil, revision: 0, text: Self.text(), note: ""), as: Self.admin, source: "test")
            let whatIfID = try await web.site.perform(
                AskWhatIf(.draft(draft.draftID), WhatIfAsked(from: "2026-02", to: "2026-02")), as: Self.admin,
                source: "test")
            let runner = WhatIfRunner(site: web.site, org: web.one.org)
            // A stop after each account: the next run goes on.
            for _ in 1...4 { try await runner.run(accountsMax: 1) }
            let (found, rows) = try await web.site.money.read { transaction in
                (
                    try WhatIf.find(whatIfID, scope, in: transaction),
                    try WhatIf.outcomes(whatIfID, scope, in: transaction)
                )
            }
            #expect(found.isDone && found.endedAtMs != nil && rows.count == 3)
            let charged = try await web.site.money.read {
                try Charge.current(
                    accountID: web.one.account, from: web.one.first, to: web.one.lastDay, scope, in: $0
                ).reduce(0) { $0 + $1.totalPaise }
            }
            let one = try #require(rows.first { $0.accountID == web.one.account }).outcome
            // 3,330 Wh a day, five days, at 6.50: 108.225.
            #expect(one.energyWh == 16_650 && one.after == 10_823 && one.days == 5 && one.missingDays == 0)
            #expect(one.before == charged && charged > 0)
            #expect(one.parts.values.reduce(0) { $0 + $1.after } == one.after)
            let report = found.report(rows, try TariffReader.read(Array(found.text.utf8), file: "text"))
            // The third consumer has no meter.
            #expect(report.total.count == 2 && report.aside.map(\.count) == [1])
            #expect(report.total.gainers + report.total.losers == 2)
            #expect(report.byUse.reduce(0) { $0 + $1.count } == 2 && report.byChange.reduce(0) { $0 + $1.count } == 2)
            let csv = WhatIfReport.csv(rows, minorDigits: 2)
            #expect(csv.contains("\"A-71\",16.650,5,0,0,") && csv.contains(",108.23,"))
            #expect(try await journal() == before)
        }
    }

    @Test func thePagesShowCheckAndDecide() async throws {
        try await WebSite.with { web in
            let writer = try await web.browser("ops")
            let page = await writer.get("/packs/drafts")
            #expect(
                page.status == 200 && page.text.contains("data-designer") && page.text.contains("<svg class=\"ch\""))
            let form = ["csrf": try page.field("csrf"), "key": try page.field("key")]
            let wrong = await writer.post(
                "/packs/drafts", form.merging(["do": "save", "text": Self.text(price: "x")]) { $1 })
            #expect(wrong.status == 422 && wrong.text.contains("<mark>7  ") && wrong.text.contains("perKWh: x"))
            let looked = await writer.post(
                "/packs/drafts",
                form.merging(["do": "check", "text": Self.text(), "load": "flat", "daily": "10"]) { $1 })
            // 31 days of 10 units at 6.50.
            #expect(looked.status == 200 && looked.text.contains("₹2,015.00"))
            let mine = await writer.post(
                "/packs/drafts",
                form.merging(["do": "check", "text": Self.text(), "load": "account", "account": "A-71"]) { $1 })
            #expect(mine.text.contains("₹108.23") && mine.text.contains("Priced as if the tariff held"))
            let saved = await writer.post("/packs/drafts", form.merging(["do": "save", "text": Self.text()]) { $1 })
            let path = try #require(saved.location)
            #expect(saved.status == 303 && path.hasPrefix("/packs/drafts/"))
            let revised = form.merging(["revision": "1", "text": Self.text()]) { $1 }
            let own = await writer.post(path, revised.merging(["do": "submit"]) { $1 })
            #expect(own.status == 303)
            let denied = await writer.post(path, revised.merging(["do": "approve", "revision": "2"]) { $1 })
            #expect(denied.status == 403)
            let chief = try await web.browser("admin")
            let seen = await chief.get(path)
            #expect(seen.text.contains("value=\"approve\"") && seen.text.contains("Flat &amp; plain"))
            let yes = await chief.post(
                path, ["csrf": try seen.field("csrf"), "do": "approve", "revision": "2", "reason": ""])
            #expect(yes.status == 303)
            let sheet = await chief.get("/packs/FLAT")
            #expect(sheet.text.contains("₹6.50/kWh") && sheet.text.contains("Version 1"))
            let list = await chief.get("/packs?standing=coming")
            #expect(list.text.contains("/packs/FLAT?version=1") && !list.text.contains("/packs/DOM-TOU?"))
            let asked = await chief.post(
                "/what-ifs",
                [
                    "csrf": try seen.field("csrf"), "key": try seen.field("key"), "pack": "FLAT", "from": "2026-02",
                    "to": "2026-02", "sample": "50", "against": "DOM-TOU",
                ])
            let report = await chief.get(try #require(asked.location))
            #expect(
                report.status == 200 && report.text.contains("Who gains most") && !report.text.contains("data-live"))
            let file = await chief.get(try #require(asked.location) + ".csv")
            #expect(file.text.hasPrefix("account,kwh"))
            // Every word stands in both languages.
            for language in ["en", "hi"] {
                _ = await chief.get("/language/\(language)?back=/packs")
                for page in ["/packs", "/packs/FLAT", "/packs/DOM-TOU", "/packs/drafts", path, asked.location ?? ""] {
                    let shown = await chief.get(page)
                    #expect(shown.status == 200 && !shown.text.contains("⟦"), "\(language) \(page)")
                }
            }
            let consumer = try await web.browser("home")
            let compared = await consumer.get("/accounts/71/comparison?months=1")
            #expect(compared.status == 200 && compared.text.contains("Domestic by time of day"))
            #expect(!compared.text.contains("/packs/DOM-TOU"))
        }
    }
}
