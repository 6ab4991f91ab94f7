// `busbar vee edit` and its kin: the totals before anything is changed, a second person, the way back; plans by group;
// and what is typed wrong, in the words of the command line.
import Access
import CivilTime
import Clocks
import Composition
import Foundation
import TestSupport
import Testing

@Suite struct EditCommandTests {
    private static let yesterday = Zone.utc.day(atS: Clocks.live.systemNowMs() / 1000).advanced(by: -1)

    /// A company with meter H1: three days of 48 times 100 Wh, up to yesterday.
    private func prepared(_ folder: String) async throws -> SiteOptions {
        let (load, packs) = (folder + "/load.csv", folder + "/packs.json")
        var text = "interval_start_utc,H1\n"
        for offset in -2...0 {
            for slot in 0..<48 {
                let hour = slot / 2 < 10 ? "0\(slot / 2)" : "\(slot / 2)"
                text += "\(Self.yesterday.advanced(by: offset))T\(hour):\(slot % 2 == 0 ? "00" : "30"):00Z,0.100\n"
            }
        }
        try Bench.write(text, to: load)
        try Bench.write(Bench.packs, to: packs)
        let site = SiteOptions(folder: folder + "/data")
        let ended = await run {
            try await importLoadFile(
                site, ImportOptions(file: load, zone: "UTC", createMeters: true, packFile: packs), $0)
        }
        try #require(ended.status == .done, "\(ended.spoken.all)")
        return site
    }

    private func options(
        _ slots: String? = "10-12", _ tool: String = "typed", values: String? = "10=150,11=151", preview: Bool = false,
        from: String = yesterday.description, why: String = "field-reading", reason: String = "read on site"
    ) -> EditOptions {
        EditOptions(
            orgID: nil, serial: "H1", channel: nil, from: from, to: nil, slots: slots, tool: tool, values: values,
            copyFrom: nil, total: nil, method: nil, on: nil, why: why, reason: reason, preview: preview,
            person: OrderingPerson())
    }

    @Test func anEditIsShownMadeAndTakenBack() async throws {
        try await withFolder { folder in
            let site = try await prepared(folder)
            let looked = await run { try await editReadings(site, options(preview: true, reason: ""), $0) }
            #expect(looked.status == .done && looked.spoken.all.contains("4800"), "\(looked.spoken.all)")
            #expect(looked.spoken.all.contains("4901") && looked.spoken.all.contains("Nothing was changed."))
            let none = await run { try await listEdits(site, orgID: nil, state: nil, serial: nil, json: true, $0) }
            #expect(none.spoken.said.isEmpty)
            let unexplained = await run { try await editReadings(site, options(reason: ""), $0) }
            #expect(unexplained.status != .done && unexplained.spoken.all.contains("--reason"))
            let made = await run { try await editReadings(site, options(), $0) }
            #expect(made.status == .done && made.spoken.all.contains("is applied"), "\(made.spoken.all)")
            let listed = await run {
                try await listEdits(site, orgID: nil, state: "applied", serial: "H1", json: true, $0)
            }
            let row = try JSONDecoder().decode(
                Row.self, from: Data(try #require(listed.spoken.said.first, "\(listed.spoken.all)").utf8))
            #expect(row.net == 101 && row.changed == 101 && row.meter == "H1" && listed.spoken.said.count == 1)
            let editID = try #require(Int64(row.editID))
            let undone = await run {
                try await decideEdit(
                    site, orgID: nil, editID: editID, .undo, reason: "wrong meter", OrderingPerson(), $0)
            }
            #expect(undone.status == .done && undone.spoken.all.contains("is undone"), "\(undone.spoken.all)")
            let after = await run { try await editReadings(site, options(preview: true), $0) }
            #expect(after.spoken.all.contains("4800"))
        }
    }

    private struct Row: Decodable {
        var editID: String
        var meter: String
        var changed: Int64
        var net: Int64
    }

    @Test func aLargeOneWaitsForASecondPerson() async throws {
        try await withFolder { folder in
            let site = try await prepared(folder)
            let made = await run { try await editReadings(site, options(nil, "zero", values: nil), $0) }
            #expect(made.status == .done && made.spoken.all.contains("is proposed"), "\(made.spoken.all)")
            let listed = await run {
                try await listEdits(site, orgID: nil, state: "proposed", serial: nil, json: true, $0)
            }
            let row = try JSONDecoder().decode(Row.self, from: Data(try #require(listed.spoken.said.first).utf8))
            let editID = try #require(Int64(row.editID))
            let own = await run {
                try await decideEdit(site, orgID: nil, editID: editID, .approve, reason: "", OrderingPerson(), $0)
            }
            #expect(own.status == .problems && own.spoken.all.contains("second person"), "\(own.spoken.all)")
            let withdrawn = await run {
                try await decideEdit(
                    site, orgID: nil, editID: editID, .reject, reason: "not needed", OrderingPerson(), $0)
            }
            #expect(withdrawn.status == .done && withdrawn.spoken.all.contains("is rejected"))
        }
    }

    @Test func whatIsTypedWrongNamesItsOption() async throws {
        try await withFolder { folder in
            let site = try await prepared(folder)
            func said(_ options: EditOptions) async -> String {
                let ended = await run { try await editReadings(site, options, $0) }
                return ended.status == .usage ? ended.spoken.all : "not refused: \(ended.spoken.all)"
            }
            #expect(await said(options("40-60", "zero", values: nil)).contains("--slots"))
            #expect(await said(options(values: "10")).contains("--values"))
            #expect(await said(options(nil, "guess", values: nil)).contains("--tool guess"))
            #expect(await said(options(nil, "total", values: nil)).contains("--total"))
            #expect(await said(options(why: "mood")).contains("--why mood"))
            #expect(await said(options(from: "soon")).contains("--from"))
            func refused(_ body: (Console) async throws -> CommandStatus) async -> String {
                let ended = await run(body)
                return ended.status == .done ? "done" : ended.spoken.all
            }
            let past = await refused {
                try await setValidationRules(
                    site, ValidationRulesOptions(orgID: nil, group: "all", file: nil), from: "2020-01-01",
                    evenPast: false, $0)
            }
            #expect(past.contains("--from") && past.contains("--even-past"))
            let nobody = await refused {
                try await previewValidationRules(
                    site, ValidationRulesOptions(orgID: nil, group: "category:none", file: nil), days: 3, $0)
            }
            #expect(nobody.contains("GROUP") && nobody.contains("domestic"))
            let backwards = await refused {
                try await printReport(
                    site, orgID: nil, name: "consumption", from: "2026-02-02", to: "2026-02-01", set: nil, by: nil,
                    format: "csv", $0)
            }
            #expect(backwards.contains("--to"))
        }
    }

    @Test func plansAreSetByGroup() async throws {
        try await withFolder { folder in
            let site = try await prepared(folder)
            func set(_ group: String, _ plan: String?) async -> CommandStatus {
                await status {
                    try await setEstimationPlan(
                        site, orgID: nil, group: group, plan: plan, from: nil, evenPast: false, $0)
                }
            }
            let taken = await set("category:domestic", "linear")
            let none = await set("category:none", "linear")
            let bad = await set("all", folder + "/load.csv")
            #expect(taken == .done && none == .problems && bad == .usage)
            let listed = await run { try await listEstimationPlans(site, orgID: nil, json: true, $0) }
            #expect(listed.spoken.said.count == 1 && listed.spoken.said[0].contains("category:domestic"))
        }
    }

    @Test func aFolderOfNothingIsNotMade() async throws {
        try await withFolder { folder in
            let load = folder + "/load.csv"
            try Bench.write(Bench.wide(meters: 1, days: 1), to: load)
            let site = SiteOptions(folder: folder + "/typo")
            let ended = await run { try await importLoadFile(site, ImportOptions(file: load), $0) }
            #expect(ended.status == .usage && ended.spoken.all.contains("--data"))
            #expect(!FileManager.default.fileExists(atPath: site.folder))
            var options = ImportOptions(file: load)
            options.reading.fileZone = "Mars"
            let made = try await prepared(folder)
            let mars = await run { try await importLoadFile(made, options, $0) }
            #expect(mars.status == .usage && mars.spoken.all.contains("--file-zone Mars"))
        }
    }
}
