// The independent calculation (oracles/rate_oracle.py) and the tariff engine agree to the paisa, component by
// component, on real load where BUSBAR_DATA holds it and on a synthetic file always.
import CivilTime
import Compression
import Foundation
import LoadFiles
import Tariffs
import Testing

@Suite struct RateOracle {
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Odd prices, two add-ons that overlap, one with dates and one with a maximum load, fixed charge and duty.
    static let set = PackSet(
        base: BasePack(
            id: "HOME", version: 4, name: "Home",
            calendar: TOUCalendar(bands: [
                TOUBand(
                    name: "normal",
                    ranges: [
                        MinuteRange(fromMinute: 0, toMinute: 540), MinuteRange(fromMinute: 1020, toMinute: 1080),
                        MinuteRange(fromMinute: 1320, toMinute: 1440),
                    ]),
                TOUBand(name: "solar", ranges: [MinuteRange(fromMinute: 540, toMinute: 1020)]),
                TOUBand(name: "peak", ranges: [MinuteRange(fromMinute: 1080, toMinute: 1320)]),
            ]),
            milliPaisePerKWh: ["normal": 611_237, "solar": 489_001, "peak": 733_343], fixedPaisePerMonth: 11_003,
            fixedPaisePerKWPerMonth: 4001, dutyPPM: 51_237),
        addOns: [
            AddOnPack(
                id: "WEEKEND", version: 1, name: "Weekend", weekdays: [6, 7],
                prices: [
                    AddOnPrice(.band("solar"), milliPaisePerKWh: 300_007),
                    AddOnPrice(.minutes(MinuteRange(fromMinute: 0, toMinute: 300)), milliPaisePerKWh: 310_009),
                ], maximumLoadW: 900),
            AddOnPack(
                id: "FESTIVAL", version: 2, name: "Festival", from: CivilDay("2009-03-10"), to: CivilDay("2009-05-20"),
                prices: [
                    AddOnPrice(.minutes(MinuteRange(fromMinute: 600, toMinute: 780)), milliPaisePerKWh: 299_993),
                    AddOnPrice(.band("peak"), milliPaisePerKWh: 650_011),
                ], maximumLoadW: 2500),
        ], sanctionedW: 3700)

    /// meter, day, baseEnergy, addOnEnergy, fixed, duty, total; as the oracle prints it.
    static func busbar(_ file: LoadFile, meters: Int) throws -> [String] {
        var lines = ["meter,day,baseEnergy,addOnEnergy,fixed,duty,total"]
        for meter in 0..<min(meters, file.meters.count) {
            var pricer = try CalendarPricer(set)
            for (day, values) in file.days(meter) {
                let starts = values.indices.map {
                    file.zone.minuteOfDay(slot: $0, of: day, periodS: Int64(file.periodS))
                }
                let priced = try pricer.price(
                    day, slotStartMinutes: starts, periodS: file.periodS, valuesWh: values.map { $0 ?? 0 })
                let paise = ["energy", "addOns", "fixed", "duty"].map { id in
                    priced.amountsMinor.first { $0.id == id }?.minor ?? 0
                }
                lines.append(
                    ([file.meters[meter], "\(day)"] + (paise + [priced.totalMinor]).map(String.init)).joined(
                        separator: ","))
            }
        }
        return lines
    }

    static func oracle(_ load: URL, meters: Int, zone: String) throws -> [String] {
        let rate = FileManager.default.temporaryDirectory.appending(path: "rate-\(UUID().uuidString).json")
        try Data(set.json().utf8).write(to: rate)
        defer { try? FileManager.default.removeItem(at: rate) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", repository.appending(path: "oracles/rate_oracle.py").path, load.path, rate.path, "--meters",
            "\(meters)", "--zone", zone,
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "python3 is needed for the independent calculation")
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func compare(_ bytes: [UInt8], _ load: URL, meters: Int, zone: String) throws {
        let file = try LoadFileParser.parse(bytes, file: "load", zone: try #require(Zone(zone)))
        let ours = try Self.busbar(file, meters: meters)
        let theirs = try Self.oracle(load, meters: meters, zone: zone)
        print("\(ours.count - 1) meter-days compared in \(zone)")
        #expect(ours.count > 50)
        #expect(ours == theirs)
        #expect(ours.contains { $0.split(separator: ",")[3] != "0" })
    }

    @Test(arguments: ["Asia/Kolkata", "Europe/London"])
    func syntheticLong(zone: String) throws {
        var text = "meter_id,timestamp,kwh\n"
        let start = CivilDay("2009-03-01")!
        for slot in 0..<96 * 48 where slot % 211 != 7 {
            let hour = slot % 48 / 2
            let stamp = "\(start.advanced(by: slot / 48))T\(hour < 10 ? "0" : "")\(hour):\(slot % 2 * 3)0:00Z"
            for meter in 1...3 {
                text += "M\(meter),\(stamp),\(slot * meter % 3).\(1000 + slot * 7919 * meter % 9000)\n"
            }
        }
        let load = FileManager.default.temporaryDirectory.appending(path: "load-\(UUID().uuidString).csv")
        try Data(text.utf8).write(to: load)
        defer { try? FileManager.default.removeItem(at: load) }
        try compare(Array(text.utf8), load, meters: 3, zone: zone)
    }

    @Test(arguments: [
        ("edrp-households-a/edrp_a_30min_kwh_wide.csv.gz", "Europe/London", 25),
        ("edrp-households-a/edrp_a_30min_kwh_wide.csv.gz", "UTC", 10),
        ("sgsc-households-a/sgsc_a_30min_kwh_long.csv.gz", "Asia/Kolkata", 1),
    ])
    func realLoad(path: String, zone: String, meters: Int) throws {
        let root = ProcessInfo.processInfo.environment["BUSBAR_DATA"] ?? "../shared"
        let load = URL(fileURLWithPath: "\(root)/data/\(path)")
        guard let data = FileManager.default.contents(atPath: load.path) else {
            print("no \(load.path): compared on the synthetic file only; set BUSBAR_DATA to compare on real load")
            return
        }
        try compare(Gzip.decompress([UInt8](data), limit: 100_000_000), load, meters: meters, zone: zone)
    }
}
