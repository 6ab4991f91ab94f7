// How often the checks speak up on ordinary households: real ones when BUSBAR_DATA holds them, else a synthetic twin.
import CivilTime
import Compression
import Foundation
import IntervalData
import LoadFiles
import Testing

@testable import VEE

/// Thirty synthetic households over 30 days: base load, cooking and hot water at changing hours.
private func syntheticLoad() -> [UInt8] {
    var text = "interval_start_utc," + (1...30).map { "S\($0)" }.joined(separator: ",") + "\n"
    for slot in 0..<30 * 48 {
        let day = CivilDay("2009-03-01")!.advanced(by: slot / 48)
        let hour = slot % 48 / 2
        text += "\(day)T\(hour < 10 ? "0" : "")\(hour):\(slot % 2 == 0 ? "00" : "30"):00Z"
        for meter in 0..<30 {
            let noise = (slot &* 2_654_435_761 &+ meter &* 40_503) >> 7 & 127
            let cooking = (slot + meter / 4) % 48 == 36 + slot / 48 % 3 ? 1400 : 0
            text += ",\(kWh(50 + noise + cooking + meter * 5))"
        }
        text += "\n"
    }
    return Array(text.utf8)
}

private func kWh(_ wh: Int) -> String {
    let rest = String(1000 + wh % 1000).dropFirst()
    return "\(wh / 1000).\(rest)"
}

@Suite struct FalsePositives {
    /// Sanctioned load is not in the data; households get 5 kW, or their contract would be larger when they live above
    /// it: the third highest load of the whole period, rounded up to a kW.
    @Test func ordinaryHouseholdsRarelyFlagged() async throws {
        let root = ProcessInfo.processInfo.environment["BUSBAR_DATA"] ?? "../shared"
        let path = "\(root)/data/edrp-households-a/edrp_a_30min_kwh_wide.csv.gz"
        let bytes: [UInt8]
        if let data = FileManager.default.contents(atPath: path) {
            bytes = try Gzip.decompress([UInt8](data), limit: 100_000_000)
        } else {
            print("no \(path): synthetic households are checked in their place; set BUSBAR_DATA to check the real ones")
            bytes = syntheticLoad()
        }
        let file = try LoadFileParser.parse(bytes, file: "load", zone: .utc)
        var days = 0
        var found: [String: Int] = [:]
        var spikeDays = (fixed: 0, fitting: 0)
        for meter in file.meters.indices {
            await Task.yield()
            let all = file.days(meter)
            let top = all.flatMap(\.values).compactMap { $0 }.sorted(by: >)[2]
            let fittingW = max(1000, (Int64(top) * 2 + 999) / 1000 * 1000)
            var history: [DayBlock] = []
            for (_, values) in all {
                days += 1
                let sum = values.reduce(Int64(0)) { $0 + Int64($1 ?? 0) }
                for (name, sanctionedW) in [("5 kW", 5000 as Int64), ("fitting", fittingW)] {
                    let findings = validate(
                        DayInput(
                            values: values, registerStartWh: 0, registerEndWh: sum, sanctionedW: sanctionedW,
                            periodS: file.periodS, history: history))
                    for rule in Set(findings.filter { $0.severity == .hard }.map(\.rule)) {
                        found["\(rule.rawValue), \(name)", default: 0] += 1
                        if rule == .spike, name == "5 kW" { spikeDays.fixed += 1 }
                        if rule == .spike, name == "fitting" { spikeDays.fitting += 1 }
                    }
                }
                history.insert(block(values), at: 0)
                if history.count > 7 { history.removeLast() }
            }
        }
        print("hard findings on \(days) household-days: \(found)")
        #expect(days >= 900)
        // Rarer than one household-day in a thousand, and nothing but spikes.
        #expect(spikeDays.fixed * 1000 < days)
        #expect(spikeDays.fitting * 1000 < days)
        #expect(found.keys.allSatisfy { $0.hasPrefix("spike") })
    }

    /// Planted faults on the same kind of day are found.
    @Test func plantedSpikesAreFound() {
        var missed = 0
        for slot in 0..<48 {
            var values = ordinaryDay()
            values[slot] = (values[slot] ?? 0) * 10 + 2000
            let findings = validate(input(values))
            if findings.map(\.slots) != [slot..<slot + 1] { missed += values[slot]! > 2700 ? 1 : 0 }
        }
        #expect(missed == 0)
    }
}
