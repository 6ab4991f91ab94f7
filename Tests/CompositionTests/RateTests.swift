// `busbar rate` against the independent calculation, from the load file alone and through import, rating and journal.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Foundation
import IntervalData
import Journal
import MeterData
import Rating
import SQL
import TestSupport
import Testing

@Suite struct RateTests {
    /// Every meter and every day of the file, all components, paisa by paisa, through the binary itself.
    @Test func binaryAgreesWithTheIndependentCalculation() async throws {
        try await withFolder { folder in
            let (load, isReal) = try Bench.edrp(in: folder)
            let packs = folder + "/packs.json"
            try Bench.write(Bench.packs, to: packs)
            let ours = try Bench.busbar("rate", load, "--packs", packs, "--zone", "Europe/London")
            let theirs = try Bench.oracle(load, packs, zone: "Europe/London")
            let lines = ours.output.split(separator: "\n").map(String.init)
            print("\(lines.count - 1) meter-days compared\(isReal ? ", real load" : "")")
            #expect(ours.code == 0, "\(ours.errors)")
            #expect(lines.count > (isReal ? 28_000 : 400))
            #expect(lines == theirs)
            #expect(lines.contains { $0.split(separator: ",")[3] != "0" }, "the add-on never applied")
            #expect(ours.errors.contains("meter-days"))
        }
    }

    @Test func jsonSaysTheSame() async throws {
        try await withFolder { folder in
            let (load, packs) = (folder + "/load.csv", folder + "/packs.json")
            try Bench.write(Bench.wide(meters: 2, days: 3), to: load)
            try Bench.write(Bench.packs, to: packs)
            let text = await run { try await rateFile(RateFileOptions(loadFile: load, packsFile: packs), $0) }
            let json = await run {
                try await rateFile(RateFileOptions(loadFile: load, packsFile: packs, meters: 1, json: true), $0)
            }
            struct Row: Decodable {
                var meter: String, day: String
                var energyWh, baseEnergyPaise, addOnEnergyPaise, fixedPaise, dutyPaise, totalPaise: Int64
            }
            let rows = try json.spoken.said.map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
            let lines = rows.map {
                "\($0.meter),\($0.day),\($0.baseEnergyPaise),\($0.addOnEnergyPaise),\($0.fixedPaise),\($0.dutyPaise),"
                    + "\($0.totalPaise)"
            }
            // Three UTC days touch four days in India.
            #expect(rows.count == 4)
            #expect(lines == text.spoken.said.dropFirst().prefix(4).map { $0 })
            #expect(rows.allSatisfy { $0.energyWh > 0 })
        }
    }

    /// One bad input each: the code, and words that name the place.
    @Test func refusesBadInput() async throws {
        try await withFolder { folder in
            let (load, packs, bad) = (folder + "/load.csv", folder + "/packs.json", folder + "/bad.json")
            try Bench.write(Bench.wide(meters: 1, days: 2), to: load)
            try Bench.write(Bench.packs, to: packs)
            try Bench.write(Bench.packs.replacingOccurrences(of: "dutyPPM", with: "dutyPercent"), to: bad)
            func rate(_ load: String, _ packs: String, zone: String = "UTC", meters: Int? = nil) async -> (
                CommandStatus, String
            ) {
                let ended = await run {
                    try await rateFile(
                        RateFileOptions(loadFile: load, packsFile: packs, zone: zone, meters: meters), $0)
                }
                return (ended.status, ended.spoken.all)
            }
            let zone = await rate(load, packs, zone: "Asia/Atlantis")
            #expect(zone.0 == .usage && zone.1.contains("Asia/Kolkata"))
            let missing = await rate(folder + "/none.csv", packs)
            #expect(missing.0 == .usage && missing.1.contains("none.csv"))
            let misspelt = await rate(load, bad)
            #expect(misspelt.0 == .problems && misspelt.1.contains("dutyPercent") && misspelt.1.contains("bad.json"))
            let folderGiven = await rate(folder, packs)
            #expect(folderGiven.0 == .usage && folderGiven.1.contains("is a folder"))
            #expect(await rate(load, packs, meters: 0).0 == .usage)
            let torn = folder + "/torn.csv.gz"
            try Data([0x1F, 0x8B, 8, 0, 0]).write(to: URL(fileURLWithPath: torn))
            let gzip = await rate(torn, packs)
            #expect(gzip.0 == .problems && gzip.1.contains("ends early"))
            try Bench.write(Bench.wide(meters: 1, days: 2) + "2009-03-09T00:00:00Z,lots\n", to: load)
            let partly = await rate(load, packs)
            #expect(partly.0 == .partly && partly.1.contains("load.csv:98"))
        }
    }

    /// The line from the file to the book: every charge of the first month, and every leg in a wallet, equals the
    /// independent calculation, for meters none of whose values the checks held back.
    @Test func importThenRateEqualsTheIndependentCalculation() async throws {
        try await withFolder { folder in
            let (load, isReal) = try Bench.firstMonth(in: folder)
            let (packs, site) = (folder + "/packs.json", SiteOptions(folder: folder + "/data"))
            try Bench.write(Bench.packs, to: packs)
            let imported = await run {
                try await importLoadFile(
                    site, ImportOptions(file: load, zone: "UTC", createMeters: true, packFile: packs), $0)
            }
            #expect(imported.status == .done, "\(imported.spoken.all)")
            let rated = await run { try await rateSite(site, RateSiteOptions(), $0) }
            #expect(rated.status == .done, "\(rated.spoken.all)")
            #expect(rated.spoken.said.contains { $0.contains("trial balance") && $0.contains("0 over") })
            let again = await run { try await rateSite(site, RateSiteOptions(), $0) }
            #expect(again.spoken.noted.contains { $0.hasPrefix("0 account-days rated") })

            let theirs = try Bench.oracle(load, packs, zone: "UTC").dropFirst()
            let byMeter = Dictionary(grouping: theirs) { String($0.prefix { $0 != "," }) }
            let ours = try await charges(site, month: CivilMonth(year: 2009, month: 3))
            var compared = 0
            for (meter, lines) in byMeter.sorted(by: { $0.key < $1.key }) {
                let mine = try #require(ours[meter])
                // A meter with a held value has a day that waits for estimation; the rest of its month differs rightly.
                guard mine.charges.count == lines.count else { continue }
                compared += lines.count
                #expect(mine.charges == lines)
                let total = lines.reduce(Int64(0)) { $0 + (Int64($1.split(separator: ",")[6]) ?? 0) }
                #expect(mine.walletPaise == -total, "the wallet of \(meter)")
            }
            print("\(compared) of \(theirs.count) account-days compared in the journal\(isReal ? ", real load" : "")")
            #expect(compared * 10 >= theirs.count * 8, "too many days were held back to call this a comparison")
        }
    }

    private struct Account {
        var charges: [String] = []
        /// What the wallet moved for days of the month.
        var walletPaise: Int64 = 0
    }

    private func charges(_ options: SiteOptions, month: CivilMonth) async throws -> [String: Account] {
        let open = try await OpenSite.open(options, clocks: .live)
        let scope = Scope(orgID: try await open.org(nil).orgID)
        let found = try await open.site.money.read { transaction in
            var found: [String: Account] = [:]
            for account in try SupplyAccount.page(after: "", prefix: "", limit: 1_000, scope, in: transaction) {
                let name = account.name
                let charges = try Charge.current(
                    accountID: account.accountID, from: month.first, to: month.last, scope, in: transaction)
                let lines = try Journal.statement(
                    ofAccount: account.accountID, limit: 10_000, scope, in: transaction)
                found[name] = Account(
                    charges: charges.map {
                        "\(name),\($0.day),\($0.baseEnergyPaise),\($0.addOnEnergyPaise),"
                            + "\($0.fixedPaise),\($0.dutyPaise),"
                            + "\($0.totalPaise)"
                    },
                    walletPaise: lines.filter { $0.supplyDay?.month == month }.reduce(0) { $0 + $1.amountPaise })
            }
            return found
        }
        await open.close()
        return found
    }
}
