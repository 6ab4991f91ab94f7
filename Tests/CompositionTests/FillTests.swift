// `busbar vee fill` and `busbar forecast` on small files: what comes out, and what bad input gets.
import Composition
import Foundation
import TestSupport
import Testing

@Suite struct FillTests {
    /// Two meters over ten days, 0.100 kWh in each hour; one hour of A and three of B are blank, one row is absent.
    private func load() -> String {
        var text = "start,A,B\n"
        for hour in 0..<240 where hour != 200 {
            let (day, at) = (hour / 24 + 1, hour % 24)
            let (a, b) = (hour == 100 ? "" : "0.100", (120..<123).contains(hour) ? "" : "0.2")
            text += "2026-03-\(day < 10 ? "0" : "")\(day)T\(at < 10 ? "0" : "")\(at):00:00Z,\(a),\(b)\n"
        }
        return text
    }

    private func rows(_ path: String) throws -> [[String]] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return text.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func gapsAreFilled() async throws {
        try await withFolder { folder in
            let (input, output, registers) = (folder + "/load.csv", folder + "/out.csv", folder + "/registers.csv")
            try Bench.write(load(), to: input)
            let filled = await run { try await fillFile(FillFileOptions(input: input, output: output), $0) }
            #expect(filled.status == .done, "\(filled.spoken.all)")
            #expect(filled.spoken.all.contains("6 filled with best") && filled.spoken.all.contains("0 left missing"))
            let found = try rows(output)
            #expect(found.count == 480 && found.allSatisfy { $0.count == 6 })
            #expect(found.filter { $0[3] == "estimated" }.count == 6)
            #expect(found.first { $0[3] == "estimated" }?[1] == "2026-03-05T04:00:00Z")
            #expect(found.allSatisfy { $0[3] == "actual" || ["high", "medium", "low"].contains($0[5]) })
            // The register of B moved 0.777 kWh over the three hours.
            try Bench.write(
                "meter,time,register_kwh\nB,2026-03-06T03:00:00Z,1000.777\nB,2026-03-06T00:00:00Z,1000\n", to: registers
            )
            let exact = await run {
                try await fillFile(FillFileOptions(input: input, output: output, registers: registers), $0)
            }
            #expect(exact.status == .done && exact.spoken.all.contains("3 by registerConstrained/profile"))
            let ofB = try rows(output).filter { $0[4] == "registerConstrained/profile" }
            var sumWh = 0
            for row in ofB { sumWh += Int(((Double(row[2]) ?? 0) * 1000).rounded()) }
            #expect(sumWh == 777)
            // A plan of the caller's; what it cannot fill stays missing and the code says so.
            let plan = folder + "/plan.json"
            try Bench.write(#"{"format":2,"rules":[{"maximumGapMinutes":60,"method":"linear"}]}"#, to: plan)
            let short = await run {
                try await fillFile(FillFileOptions(input: input, output: output, plan: plan), $0)
            }
            #expect(short.status == .partly && short.spoken.all.contains("3 left missing"))
            #expect(try rows(output).filter { $0[3] == "missing" }.allSatisfy { $0[2].isEmpty })
        }
    }

    @Test func blankRowsAtTheEdgesAreGaps() async throws {
        try await withFolder { folder in
            let (input, output) = (folder + "/load.csv", folder + "/out.csv")
            let rows = (0..<240).map { hour in
                let (day, at) = (hour / 24 + 1, hour % 24)
                let value = hour == 0 ? "" : hour >= 237 ? "NaN" : "0.100"
                return "2026-03-\(day < 10 ? "0" : "")\(day)T\(at < 10 ? "0" : "")\(at):00:00Z,\(value)\n"
            }
            try Bench.write("start,A\n" + rows.joined(), to: input)
            let filled = await run { try await fillFile(FillFileOptions(input: input, output: output), $0) }
            #expect(filled.status == .done && filled.spoken.all.contains("4 filled with best"), "\(filled.spoken.all)")
            let found = try self.rows(output)
            #expect(found.count == 240 && found[0][3] == "estimated" && found[239][3] == "estimated")
            let ahead = await run {
                try await forecastFile(ForecastFileOptions(input: input, output: output, days: 1), $0)
            }
            #expect(ahead.spoken.all.contains("its last rows have no value"), "\(ahead.spoken.all)")
            let tariff = folder + "/flat.yaml"
            try Bench.write(
                """
                format: 1
                id: FLAT
                version: 1
                name: Flat
                validFrom: 2026-01-01
                components:
                  - {id: energy, kind: energy, perKWh: 5}
                """, to: tariff)
            var options = PriceFileOptions(tariffs: [tariff], load: input)
            options.zone = "UTC"
            let priced = await run { [options] in try await priceFile(options, $0) }
            #expect(priced.status == .problems && priced.spoken.all.contains("4 intervals are missing; "))
        }
    }

    @Test func badInput() async throws {
        try await withFolder { folder in
            let (input, output, bad) = (folder + "/load.csv", folder + "/out.csv", folder + "/bad.txt")
            try Bench.write(load(), to: input)
            func fill(_ options: FillFileOptions) async -> (CommandStatus, String) {
                let ended = await run { try await fillFile(options, $0) }
                return (ended.status, ended.spoken.all)
            }
            let method = await fill(FillFileOptions(input: input, output: output, method: "magic"))
            #expect(method.0 == .usage && method.1.contains("threeDayMean"))
            for (text, words) in [("m,t,k\nA,soon,1\n", "bad.txt:2"), ("m,t,k\nA,2026-03-01T00:00:00Z,-1\n", "kWh")] {
                try Bench.write(text, to: bad)
                let registers = await fill(FillFileOptions(input: input, output: output, registers: bad))
                #expect(registers.0 == .problems && registers.1.contains(words), "\(registers.1)")
            }
            try Bench.write(#"{"format":2,"rules":[{"method":"linear","gap":1}]}"#, to: bad)
            let plan = await fill(FillFileOptions(input: input, output: output, plan: bad))
            #expect(plan.0 == .usage && plan.1.contains("rules[0].gap"))
            let both = await fill(FillFileOptions(input: input, output: output, method: "linear", plan: bad))
            #expect(both.0 == .usage && both.1.contains("--method and --plan"))
            let place = await fill(FillFileOptions(input: input, output: folder + "/none/out.csv"))
            #expect(place.0 == .problems && place.1.contains("cannot be written"))
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }

    @Test func daysAhead() async throws {
        try await withFolder { folder in
            let (input, output) = (folder + "/load.csv", folder + "/ahead.csv")
            try Bench.write(load(), to: input)
            let ahead = await run {
                try await forecastFile(ForecastFileOptions(input: input, output: output, days: 2), $0)
            }
            #expect(ahead.status == .done, "\(ahead.spoken.all)")
            let found = try rows(output)
            #expect(found.count == 2 * 2 * 24 && found[0] == ["A", "2026-03-11T00:00:00Z", "0.100"])
            let within = await run {
                try await forecastFile(
                    ForecastFileOptions(input: input, output: output, days: 1, from: "2026-03-08", sum: true), $0)
            }
            #expect(within.status == .done && within.spoken.all.contains("meters: WAPE 0.00%"), "\(within.spoken.all)")
            #expect(try rows(output).filter { $0[0] == "(sum)" }.allSatisfy { $0[2] == "0.300" })
            for options in [
                ForecastFileOptions(input: input, output: output, days: 0),
                ForecastFileOptions(input: input, output: output, days: 1, from: "2026-03-01"),
                ForecastFileOptions(input: input, output: output, days: 1, from: "yesterday"),
            ] {
                let refused = await status { try await forecastFile(options, $0) }
                #expect(refused == .usage)
            }
        }
    }

    /// 0.1 kWh each quarter of an hour, on the first days in quarters, then in halves.
    private func changing(_ steps: [Int]) -> [String] {
        var lines: [String] = []
        for (day, step) in steps.enumerated() {
            for minute in stride(from: 0, to: 1440, by: step) {
                let (hour, rest) = (minute / 60, minute % 60)
                let clock = "\(hour < 10 ? "0" : "")\(hour):\(rest < 10 ? "0" : "")\(rest)"
                lines.append("A,2026-03-0\(day + 1) \(clock),0.\(step / 15)")
            }
        }
        return lines
    }

    private func totalWh(_ rows: [[String]]) -> Int {
        var sum = 0
        for row in rows { sum += Int(((Double(row[2]) ?? 0) * 1000).rounded()) }
        return sum
    }

    @Test(arguments: [[15, 15, 15, 30, 30, 30], [30, 30, 30, 15, 15, 15], [15, 30, 60, 30, 15, 15]])
    func noEnergyIsInventedWhereTheIntervalChanges(steps: [Int]) async throws {
        try await withFolder { folder in
            let (input, output) = (folder + "/load.csv", folder + "/out.csv")
            let lines = changing(steps)
            try Bench.write("meter,time,kwh\n" + lines.joined(separator: "\n") + "\n", to: input)
            let filled = await run { try await fillFile(FillFileOptions(input: input, output: output), $0) }
            #expect(filled.status == .done && filled.spoken.all.contains("by exact sums"), "\(filled.spoken.all)")
            let found = try rows(output)
            let longest = steps.max() ?? 0
            #expect(totalWh(found) == 57_600)
            #expect(found.count == 8_640 / longest)
            let ahead = await run {
                try await forecastFile(ForecastFileOptions(input: input, output: output, days: 1), $0)
            }
            #expect(ahead.spoken.all.contains("by exact sums"), "\(ahead.spoken.all)")
            let forecast = totalWh(try rows(output))
            #expect(forecast == 9_600)
            // Without sums there is no right price: the file is refused by its line.
            try Bench.write(Bench.packs, to: folder + "/packs.json")
            let rated = await run {
                try await rateFile(RateFileOptions(loadFile: input, packsFile: folder + "/packs.json", zone: "UTC"), $0)
            }
            #expect(rated.status == .problems && rated.spoken.all.contains("load.csv:"), "\(rated.spoken.all)")
            #expect(rated.spoken.all.contains("has intervals of"))
        }
    }

    /// Each value is of the interval its stamps tell; another length said beside them would make energy.
    @Test(arguments: [15, 60])
    func aLengthThatTheStampsDenyIsRefused(_ minutes: Int) async throws {
        try await withFolder { folder in
            let (input, output) = (folder + "/load.csv", folder + "/out.csv")
            let lines = changing([30, 30, 30]).joined(separator: "\n")
            try Bench.write("meter,time,kwh\n" + lines + "\n", to: input)
            let filled = await run {
                try await fillFile(FillFileOptions(input: input, output: output, periodMinutes: minutes), $0)
            }
            #expect(filled.status == .usage, "\(filled.spoken.all)")
            #expect(filled.spoken.all.contains("30 minutes apart"), "\(filled.spoken.all)")
            #expect(!FileManager.default.fileExists(atPath: output))
            let right = await run {
                try await fillFile(FillFileOptions(input: input, output: output, periodMinutes: 30), $0)
            }
            #expect(right.status == .done, "\(right.spoken.all)")
        }
    }

    /// A part of a longer interval is no reading of it: it is held aside and told, and the code says so.
    @Test func partsOfIntervalsAreHeldAside() async throws {
        try await withFolder { folder in
            let (input, output) = (folder + "/load.csv", folder + "/out.csv")
            var lines = changing([15, 15, 15, 30, 30, 30])
            lines.remove(at: 41)
            try Bench.write("meter,time,kwh\n" + lines.joined(separator: "\n") + "\n", to: input)
            let filled = await run { try await fillFile(FillFileOptions(input: input, output: output), $0) }
            #expect(filled.status == .partly, "\(filled.spoken.all)")
            #expect(filled.spoken.noted.contains { $0.hasPrefix("load.csv:2: 1 values of shorter intervals") })
            let actual = try rows(output).filter { $0[3] == "actual" }
            #expect(totalWh(actual) == 57_600 - 200)
        }
    }

    @Test func wordsAndNegativeValuesAreNoReadings() async throws {
        try await withFolder { folder in
            let (input, output) = (folder + "/load.csv", folder + "/out.csv")
            var lines = load().split(separator: "\n").map(String.init)
            lines[30] = lines[30].replacing(",0.100,", with: ",NaN,")
            lines[40] = lines[40].replacing(",0.100,", with: ",-5,")
            lines[41] = lines[41].replacing(",0.100,", with: ",-0.001,")
            lines[50] = lines[50].replacing(",0.100,", with: ",Inf,")
            try Bench.write(lines.joined(separator: "\n") + "\n", to: input)
            let filled = await run { try await fillFile(FillFileOptions(input: input, output: output), $0) }
            #expect(filled.status == .partly, "\(filled.spoken.all)")
            let told = filled.spoken.noted
            #expect(told.contains { $0.hasPrefix("load.csv:31: 1 value is a word such as NaN") }, "\(told)")
            #expect(told.contains { $0.hasPrefix("load.csv:41: 2 values less than nought are held aside") })
            #expect(told.contains { $0.hasPrefix("load.csv:51: \"Inf\" under A is not a decimal number of kWh") })
            let found = try rows(output)
            // Six gaps of the file itself, and these; the row with Inf is refused for both meters.
            let estimated = found.filter { $0[3] == "estimated" }
            #expect(estimated.count == 11)
            let negative = found.filter { $0[2].hasPrefix("-") }
            #expect(negative.isEmpty)
        }
    }

    @Test(arguments: [("", "the file is empty"), ("meter,time,kwh\n", "a header line and no rows")])
    func emptyFilesAreRefused(text: String, words: String) async throws {
        try await withFolder { folder in
            let (input, output) = (folder + "/load.csv", folder + "/out.csv")
            try Bench.write(text, to: input)
            for zone in ["Asia/Kolkata", "Europe/London"] {
                let fill = await run {
                    try await fillFile(FillFileOptions(input: input, output: output, zone: zone), $0)
                }
                let ahead = await run {
                    try await forecastFile(ForecastFileOptions(input: input, output: output, days: 1, zone: zone), $0)
                }
                for ended in [fill, ahead] {
                    #expect(ended.status == .problems && ended.spoken.all.contains(words), "\(ended.spoken.all)")
                }
            }
            let site = SiteOptions(folder: folder + "/data")
            let added = await status { try await addOrg(site, name: "Asha", zone: "UTC", currency: "INR", $0) }
            #expect(added == .done)
            let taken = await run { try await importLoadFile(site, ImportOptions(file: input), $0) }
            #expect(taken.status == .problems && taken.spoken.all.contains(words), "\(taken.spoken.all)")
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }
}
