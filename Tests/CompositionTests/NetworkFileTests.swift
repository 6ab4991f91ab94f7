// `busbar network import`: nodes and the places they serve from files, all lines or none, twice the same.
import Access
import Composition
import Foundation
import TestSupport
import Testing

@Suite struct NetworkFileTests {
    private static let nodes = """
        node,from,state,injecting,drawing,ctu_capable,supplier,capacity_kw
        stu:GETCO,2026-04-01,Gujarat,,,,,
        res:Sunrise,2026-04-01,,,,,,
        nma:Mundra,2026-04-01,Gujarat,,stu:GETCO,,,2000
        plant:Solar 1,2026-04-01,Gujarat,stu:GETCO,,yes,res:Sunrise,5000

        """

    @Test func nodesAndPlacesAreTakenWholly() async throws {
        try await withFolder { folder in
            let site = SiteOptions(folder: folder + "/data")
            let added = await status { try await addOrg(site, name: "Asha", zone: "UTC", currency: "INR", $0) }
            let placed = await run {
                try await addPlace(site, orgID: nil, name: "Feeder 7", kind: "feeder", under: nil, $0)
            }
            #expect(added == .done && placed.status == .done, "\(placed.spoken.all)")
            let file = folder + "/network.csv"
            func take(_ text: String) async throws -> Ran {
                try Bench.write(text, to: file)
                return await run { try await changeNetwork(site, orgID: nil, .file(file), from: nil, $0) }
            }
            func count() async -> Int {
                await run { try await listNetwork(site, orgID: nil, json: true, $0) }.spoken.said.count
            }
            // The last line is bad: nothing of the file is taken.
            let bad = try await take(Self.nodes + "nma:Other,2026-04-01,Gujarat,,stu:NOBODY,,,\n")
            #expect(bad.status == .problems && bad.spoken.all.contains("line 6"), "\(bad.spoken.all)")
            #expect(await count() == 0)
            // Every wrong line is told, of form or of meaning, in the order of the file; a hundred at most.
            let many = try await take(
                Self.nodes.replacing("2026-04-01,Gujarat,,stu", with: "soon,Gujarat,,stu")
                    + "nma:Other,2026-04-01,Gujarat,,stu:NOBODY,,,\nnma:Third,2026-04-01\n")
            #expect(many.status == .problems && many.spoken.all.contains("3 wrong lines; nothing was taken"))
            let told = many.spoken.noted.filter { $0.hasPrefix("line") }.map { String($0.prefix(6)) }
            #expect(told == ["line 4", "line 6", "line 7"], "\(many.spoken.all)")
            let endless = try await take(
                Self.nodes + String(repeating: "nma:Other,2026-04-01,Gujarat,,stu:NOBODY,,,\n", count: 130))
            let shown = endless.spoken.noted.filter { $0.hasPrefix("line") }
            #expect(shown.count == 100)
            #expect(endless.spoken.noted.contains("… and 30 more wrong lines"))
            #expect(await count() == 0)
            for _ in 0..<2 {
                let taken = try await take(Self.nodes)
                #expect(taken.status == .done, "\(taken.spoken.all)")
                #expect(await count() == 4)
            }
            let losses = folder + "/losses.csv"
            try Bench.write("node,term,from,value\nstu:GETCO,loss-percent,2020-04-01,3.5125\n", to: losses)
            let declared = await status {
                try await changeNetwork(site, orgID: nil, .declare(file: losses), from: nil, $0)
            }
            let list = await run { try await listNetwork(site, orgID: nil, json: false, $0) }
            #expect(declared == .done && list.spoken.all.contains("3.5125%"), "\(list.spoken.all)")
            let assigned = try await take("place,nma,from,at_stu\nFeeder 7,nma:Mundra,2026-04-01,\n")
            #expect(assigned.status == .done, "\(assigned.spoken.all)")
            for (text, words) in [
                ("place,nma,from,at_stu\nFeeder 8,nma:Mundra,2026-04-01,no\n", "line 2"),
                ("place,nma,from,at_stu\nFeeder 7,nma:Mundra,soon,no\n", "line 2"),
                ("node,from\n", "line 1"),
                ("node,from,state,injecting,drawing,ctu_capable,supplier,capacity_kw\nx,y\n", "2 fields"),
                (Self.nodes.replacing("2000", with: "-1"), "line 4"),
            ] {
                let refused = try await take(text)
                #expect(refused.status != .done && refused.spoken.all.contains(words), "\(refused.spoken.all)")
            }
        }
    }
}
