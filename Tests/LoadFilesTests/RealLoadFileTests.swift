// The real load files, when BUSBAR_DATA holds them; else the reason is printed and a synthetic twin of the same shape
// is read.
import CivilTime
import Compression
import Foundation
import Testing

@testable import LoadFiles

/// The bytes of a file under `BUSBAR_DATA/data` (default `../shared`), expanded; nil with a printed reason.
func realFile(_ path: String) -> [UInt8]? {
    let root = ProcessInfo.processInfo.environment["BUSBAR_DATA"] ?? "../shared"
    guard let data = FileManager.default.contents(atPath: "\(root)/data/\(path)") else {
        print("no \(root)/data/\(path): a synthetic twin is read in its place; set BUSBAR_DATA to read the real file")
        return nil
    }
    return try? Gzip.decompress([UInt8](data), limit: 200_000_000)
}

/// A wide file of the shape of a trial: half-hourly kWh with three decimals.
func syntheticWide(meters: Int, days: Int) -> [UInt8] {
    var text = "interval_start_utc," + (1...meters).map { "S\($0)" }.joined(separator: ",") + "\n"
    let first = CivilDay("2009-03-01")!
    for slot in 0..<days * 48 {
        let hour = slot % 48 / 2
        text += "\(first.advanced(by: slot / 48))T\(hour < 10 ? "0" : "")\(hour):\(slot % 2 == 0 ? "00" : "30"):00Z"
        for meter in 0..<meters {
            let wh = (slot * 7919 + meter * 104_729) % 997
            text += ",0.\(wh < 100 ? "0" : "")\(wh < 10 ? "0" : "")\(wh)"
        }
        text += "\n"
    }
    return Array(text.utf8)
}

@Suite struct RealLoadFiles {
    /// Floats as a program writes them, with up to nineteen decimals, are read and rounded.
    @Test func transformerLoads() throws {
        let real = realFile("ett-h1/ETTh1.csv.gz")
        let twin =
            "date,HUFL,OT\n2016-07-01 00:00:00,5.827000141143799,30.5310001373291\n"
            + "2016-07-01 01:00:00,0.46200001239776606,-4.079999923706055\n"
        let file = try LoadFileParser.parse(real ?? Array(twin.utf8), file: "ett", zone: .utc)
        #expect(file.periodS == 3600 && file.refusedCount == 0)
        #expect(file.rowCount == (real == nil ? 2 : 17_420))
        #expect(file.valueCount == file.rowCount * file.meters.count && file.roundedCount > file.rowCount)
        #expect(file.days(0).first?.values.first == 5_827)
    }

    @Test func wideTrial() throws {
        let real = realFile("edrp-households-a/edrp_a_30min_kwh_wide.csv.gz")
        let clock = ContinuousClock()
        let start = clock.now
        let bytes = real ?? syntheticWide(meters: 20, days: 92)
        let file = try LoadFileParser.parse(bytes, file: "wide", zone: .utc)
        print("read \(file.meters.count) meters x \(file.rowCount) rows in \(clock.now - start)")
        #expect(file.layout == .wide && file.periodS == 1800 && file.rowCount == 4416)
        #expect(file.meters.count == (real == nil ? 20 : 311))
        #expect(file.refusedCount == 0 && file.roundedCount == 0)
        #expect(file.valueCount == file.meters.count * 4416)
        // The sum of all cells, taken from the text in another way.
        var thousandths = 0
        for row in bytes.split(separator: 10).dropFirst() {
            for cell in row.split(separator: 44).dropFirst() {
                thousandths += cell.reduce(0) { $1 == 46 ? $0 : $0 * 10 + Int($1 - 48) }
            }
        }
        let sum = file.meters.indices.reduce(0) { sum, meter in
            sum + file.days(meter).reduce(0) { $0 + $1.values.reduce(0) { $0 + Int($1 ?? 0) } }
        }
        #expect(sum == thousandths)
        #expect(file.meters.indices.allSatisfy { file.days($0).count == 92 })
    }

    @Test func longTrial() throws {
        let synthetic =
            "customer_id,reading_datetime,general_supply_kwh\n"
            + (0..<2000).filter { $0 % 97 != 5 }.map { slot in
                let day = CivilDay("2012-02-10")!.advanced(by: slot / 48)
                let hour = slot % 48 / 2
                return "7,\(day) \(hour < 10 ? "0" : "")\(hour):\(slot % 2 * 3)0:00,0.\(100 + slot % 800)"
            }.joined(separator: "\n")
        let real = realFile("sgsc-households-a/sgsc_a_30min_kwh_long.csv.gz")
        let clock = ContinuousClock()
        let start = clock.now
        let file = try LoadFileParser.parse(real ?? Array(synthetic.utf8), file: "long", zone: .utc)
        print("read \(file.meters.count) meters, \(file.rowCount) rows in \(clock.now - start)")
        #expect(file.layout == .long && file.periodS == 1800 && file.refusedCount == 0)
        #expect(file.valueCount == file.rowCount)
        guard real != nil else {
            #expect(file.valueCount == 2000 - 21)
            return
        }
        // The table of the data's own description: rows and missing slots of each customer.
        #expect(file.meters == ["10006414", "10006704", "10017554", "10018060", "10018250"])
        let want = [(36061, 40), (30273, 448), (29641, 896), (30373, 0), (27905, 1120)]
        for (meter, want) in want.enumerated() {
            let days = file.days(meter)
            let all = days.flatMap(\.values)
            let present = all.count { $0 != nil }
            let first = try #require(all.firstIndex { $0 != nil })
            let last = try #require(all.lastIndex { $0 != nil })
            let absentDays = days[0].day.days(to: days[days.count - 1].day) + 1 - days.count
            #expect(present == want.0)
            #expect(last - first + 1 - present + absentDays * 48 == want.1)
        }
    }
}
