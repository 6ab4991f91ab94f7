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
        }
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
