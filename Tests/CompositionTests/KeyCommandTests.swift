// `busbar key` and `busbar place`: what they do, what they refuse, and that the token opens the API.
import Access
import CivilTime
import Clocks
import Composition
import Foundation
import SQL
import TestSupport
import Testing

@Suite struct KeyCommandTests {
    @Test func keysAndPlacesFromTheCommandLine() async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            _ = await run { try await addOrg(site, name: "Asha Power", zone: "Asia/Kolkata", currency: "INR", $0) }
            let plant = await run {
                try await addPlace(site, orgID: nil, name: "Plant", kind: "plant", under: nil, $0)
            }
            let plantID = try #require(plant.spoken.said.first.flatMap { Int64($0) }, "\(plant.spoken.all)")
            let feeder = await run {
                try await addPlace(site, orgID: nil, name: "Feeder", kind: "feeder", under: plantID, $0)
            }
            #expect(feeder.status == .done)
            for (name, kind, under, word) in [
                ("Plant", "plant", Int64?.none, "already"), ("X", "tower", nil, "--kind"),
                ("X", "state", plantID, "does not stand under"), ("X", "pole", 5, "no such place"),
                ("", "plant", nil, "name"),
            ] {
                let bad = await run { try await addPlace(site, orgID: nil, name: name, kind: kind, under: under, $0) }
                #expect(bad.status != .done && bad.spoken.all.contains(word), "\(bad.spoken.all)")
            }
            let places = await run { try await listPlaces(site, orgID: nil, json: false, $0) }
            #expect(places.spoken.said.count == 3 && places.spoken.all.contains("Feeder"))

            let until = "\(Self.year() + 1)-03-31"
            let options = NewKeyOptions(
                name: "Centre", permissions: ["accounts.read"], placeID: plantID, until: until)
            let added = await run { try await addKey(site, orgID: nil, options, $0) }
            let token = try #require(added.spoken.said.first, "\(added.spoken.all)")
            #expect(added.spoken.said.count == 1, "only the token goes to standard output")
            for (bad, word) in [
                (options, "active key"),
                (NewKeyOptions(name: "B", permissions: ["all"], until: until), "accounts.read"),
                (NewKeyOptions(name: "B", permissions: ["logins.manage"], until: until), "cannot hold"),
                (NewKeyOptions(name: "B", permissions: ["meters.read"], until: "soon"), "--until"),
                (NewKeyOptions(name: "B", permissions: ["meters.read"], until: "2019-01-01"), "today or later"),
                (NewKeyOptions(name: "B", permissions: ["meters.read"], placeID: 7, until: until), "no such place"),
            ] {
                let refused = await run { try await addKey(site, orgID: nil, bad, $0) }
                #expect(refused.status != .done && refused.spoken.all.contains(word), "\(refused.spoken.all)")
            }
            #expect(try await opens(site, token))
            let keyID = try #require(token.split(separator: "_").dropFirst().first.flatMap { Int64($0) })
            let listed = await run { try await listKeys(site, orgID: nil, json: true, $0) }
            #expect(listed.spoken.said.count == 1 && listed.spoken.all.contains("\"state\":\"active\""))
            #expect(!listed.spoken.all.contains(token))
            let revoked = await status { try await revokeKey(site, orgID: nil, keyID: keyID, $0) }
            #expect(revoked == .done)
            #expect(try await !opens(site, token))
            let none = await status { try await revokeKey(site, orgID: nil, keyID: 5, $0) }
            #expect(none == .problems)
            let table = await run { try await listKeys(site, orgID: nil, json: false, $0) }
            #expect(table.spoken.all.contains("revoked") && table.spoken.all.contains(until))

            let changes = try await changes(site)
            #expect(changes.contains("place \(plantID) kind: nil to plant"), "\(changes)")
            #expect(changes.contains("key \(keyID) permissions: nil to accounts.read"))
            #expect(changes.contains("key \(keyID) state: active to revoked"))
        }
    }

    /// A second pause and a resume of what runs change nothing, and the trail says so.
    @Test func theTrailHoldsPausesOfJobs() async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            _ = await run { try await addOrg(site, name: "Asha Power", zone: "Asia/Kolkata", currency: "INR", $0) }
            let (job, estimate) = (JobOptions(kind: "supply"), JobOptions(kind: "estimate"))
            for _ in 1...2 {
                let paused = await status { try await pauseJob(site, job, reason: "storm", $0) }
                #expect(paused == .done)
            }
            for _ in 1...2 {
                let resumed = await status { try await resumeJob(site, job, $0) }
                #expect(resumed == .done)
            }
            let asked = await status { try await askForJob(site, estimate, from: nil, to: nil, $0) }
            #expect(asked == .done)
            let changes = try await changes(site).filter { $0.hasPrefix("job ") }
            #expect(
                changes == [
                    "job supply state: planned to paused", "job supply state: paused to planned",
                    "job estimate: nil to due now",
                ], "\(changes)")
        }
    }

    /// Every field that the trail holds, in order.
    private func changes(_ options: SiteOptions) async throws -> [String] {
        let open = try await OpenSite.open(options)
        let lines = try await open.site.money.read { transaction in
            try transaction.query(
                "SELECT field, old_value, new_value FROM audit_change ORDER BY audit_id, line", []
            ) { row in
                "\(try row.text(0)): \(try row.optionalText(1) ?? "nil") to \(try row.optionalText(2) ?? "nil")"
            }
        }
        await open.close()
        return lines
    }

    private static func year() -> Int { Zone.india.day(atS: Clocks.live.systemNowMs() / 1000).parts.year }

    private func opens(_ options: SiteOptions, _ token: String) async throws -> Bool {
        let open = try await OpenSite.open(options)
        let sessions = Sessions(site: open.site, passwords: PasswordHasher())
        let found = try await sessions.resolve(token: token)
        await open.close()
        return found != nil
    }
}
