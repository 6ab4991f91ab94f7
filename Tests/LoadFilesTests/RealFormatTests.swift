// The foreign files of BUSBAR_DATA through the readers of their formats. Counts and sums come from
// oracles/reading_files.py, which reads the same files in another way; absent files are named and left out.
import CivilTime
import IntervalData
import Testing

@testable import LoadFiles

private func total(_ set: ReadingSet, _ channel: Channel? = nil) -> Int64 {
    set.series.filter { channel == nil || $0.channel == channel }.reduce(0) { sum, one in
        sum
            + one.days.reduce(Int64(0)) { sum, day in
                sum + day.values.reduce(Int64(0)) { $0 + Int64($1 ?? 0) }
            }
    }
}

/// The same bytes in pieces of odd length.
private func pieces(_ bytes: [UInt8], _ feed: ([UInt8]) throws -> Void) rethrows {
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + 4_093)
        try feed(Array(bytes[start..<end]))
        start = end
    }
}

private func greenButton(_ name: String, unit: ReadingUnit? = nil) throws -> ReadingSet? {
    guard let bytes = realFile("green-button-a/\(name).xml.gz") else { return nil }
    var options = ReadingOptions()
    options.unit = unit
    var parser = GreenButtonParser(file: name, zone: .utc, options: options)
    try pieces(bytes) { try parser.feed($0) }
    return try parser.finish()
}

private func mapped(_ path: String, _ mapping: ColumnMapping, zone: Zone) throws -> ReadingSet? {
    guard let bytes = realFile(path) else { return nil }
    var parser = MappedFileParser(file: path, zone: zone, mapping: mapping)
    try pieces(bytes) { try parser.feed($0) }
    return try parser.finish()
}

@Suite struct RealFormats {
    @Test func greenButtonWithOverlappingBlocks() throws {
        guard let set = try greenButton("pge_interval_block_2015", unit: .Wh) else { return }
        #expect(set.rowCount == 2_556 && set.valueCount == 2_280 && set.duplicateCount == 276)
        #expect(set.conflictCount == 0 && set.refusedCount == 0 && total(set) == 496_406_375)
        let report = ReadingReport(set)
        #expect(report.senderCodes == ["17": 2_280] && report.quality == ["actual": 2_280])
        #expect(set.meters == ["1"])
        // Without its reading type nobody can know what the numbers are.
        let untold = try #require(try greenButton("pge_interval_block_2015"))
        #expect(untold.valueCount == 0 && untold.refused.first?.hint.contains("--unit") == true)
    }

    @Test func greenButtonOfTheOldStyle() throws {
        guard let set = try greenButton("sdge_style_2011") else { return }
        #expect(set.valueCount == 8_727 && set.refusedCount == 0 && total(set) == 5_089_595)
        let report = ReadingReport(set)
        #expect(report.series.first?.gaps == 2 && report.series.first?.periodMinutes == [60])
    }

    @Test func greenButtonOfQuarterHours() throws {
        guard let set = try greenButton("open_espi_900s") else { return }
        #expect(set.valueCount == 1_340 && set.refusedCount == 0 && total(set) == 1_391_666)
        let report = ReadingReport(set)
        #expect(report.senderCodes == ["7": 1, "8": 1])
        #expect(report.quality == ["actual": 1_338, "edited": 1, "estimated": 1])
        #expect(report.series.first?.periodMinutes == [15])
    }

    @Test func greenButtonBesideGas() throws {
        guard let set = try greenButton("alliance_gas_electric_2023") else { return }
        #expect(set.valueCount == 300 && set.refusedCount == 0 && total(set) == 248_530)
        #expect(set.meters == ["1402026"] && set.series.map(\.channel) == [.importWh])
    }

    @Test(arguments: ["pge_reading_type", "pge_usage_summaries"])
    func greenButtonWithoutReadingsSaysSo(_ name: String) throws {
        guard let set = try greenButton(name) else { return }
        #expect(set.valueCount == 0 && set.refusedCount == 0 && set.meters.isEmpty)
        #expect(set.notes.first?.hasPrefix("the file holds no readings") == true)
    }

    @Test func nem12() throws {
        for (number, days, values, wh, codes, meter) in [
            ("01", 1_034, 49_632, Int64(9_756_118), ["A": 49_596, "A/89": 27, "A/79": 9], "METER01"),
            ("02", 681, 32_688, 4_606_820, ["A": 32_688], "MTR002"),
        ] {
            guard let bytes = realFile("sgsc-households-a/nem12_meter\(number).csv.gz") else { return }
            #expect(NEM12Parser.looksLike(bytes))
            let zone = try #require(Zone("Australia/Brisbane"))
            var parser = NEM12Parser(file: "nem12", zone: zone)
            try pieces(bytes) { try parser.feed($0) }
            let set = try parser.finish()
            #expect(set.meters == [meter] && set.series.first?.days.count == days && set.valueCount == values)
            #expect(set.refusedCount == 0 && total(set, .importWh) == wh)
            #expect(ReadingReport(set).senderCodes == codes)
        }
    }

    @Test func feedersByTheHour() throws {
        let mapping = ColumnMapping(
            format: 1, meter: "feeder_block",
            stamp: ColumnMapping.Stamp(column: "date", hour: "hour", label: "end"),
            values: [ColumnMapping.Value(column: "load_mw", unit: "MW")])
        guard let set = try mapped("ugvcl-feeders-a/ugvcl_feeder_hourly_mw.csv.gz", mapping, zone: .india) else {
            return
        }
        #expect(set.rowCount == 24_649 && set.meters.count == 177 && set.valueCount == 20_638)
        // One cell reads "**"; 4,010 are blank and hold nothing.
        #expect(set.refused.map(\.row) == [22_959] && set.refused.first?.what.contains("**") == true)
        #expect(total(set) == 21_481_369_100)
        let days = set.series.flatMap(\.days)
        #expect(days.allSatisfy { $0.periodS == 3_600 && $0.values.count == 24 })
    }

    @Test func transformerByTheHour() throws {
        let loads = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL"]
        let mapping = ColumnMapping(
            format: 1, meterName: "T1-", stamp: ColumnMapping.Stamp(column: "date"),
            values: loads.map { ColumnMapping.Value(column: $0, unit: "kW", suffix: $0) })
        guard let set = try mapped("ett-h1/ETTh1.csv.gz", mapping, zone: .utc) else { return }
        #expect(set.rowCount == 17_420 && set.valueCount == 17_420 * 6 && set.refusedCount == 0)
        let sums = set.series.map { one in
            one.days.reduce(Int64(0)) { sum, day in sum + day.values.reduce(Int64(0)) { $0 + Int64($1 ?? 0) } }
        }
        #expect(sums == [128_474_962, 39_059_863, 74_910_165, 15_356_910, 53_410_800, 14_927_758])
        #expect(set.meters == loads.map { "T1-" + $0 })
        #expect(ReadingReport(set).series.first?.negatives == 2_318)
    }

    @Test func solarPlantPowerAgainstRegister() throws {
        let mapping = ColumnMapping(
            format: 1, meter: "SOURCE_KEY", stamp: ColumnMapping.Stamp(column: "DATE_TIME"),
            values: [
                ColumnMapping.Value(column: "AC_POWER", channel: "exportWh", unit: "kW"),
                ColumnMapping.Value(column: "TOTAL_YIELD", channel: "exportWh", unit: "kWh", register: true),
            ])
        guard
            let set = try mapped("india-solar-plant-1/plant_1_generation_15min.csv.gz", mapping, zone: .india)
        else { return }
        #expect(set.rowCount == 68_778 && set.meters.count == 22 && set.valueCount == 68_778)
        #expect(set.registerCount == 68_778 && set.refusedCount == 0 && total(set) == 5_292_515_537)
        let report = ReadingReport(set)
        let days = report.series.reduce(0) { $0 + $1.registerDays }
        let bad = report.series.reduce(0) { $0 + $1.registerContradictions }
        print("solar: \(days) inverter days held against the register, \(bad) differ by more than 1 %")
        #expect(days > 100 && report.series.allSatisfy { $0.periodMinutes == [15] })
    }

    @Test func longTrialHasItsRealGaps() throws {
        guard let bytes = realFile("sgsc-households-a/sgsc_a_30min_kwh_long.csv.gz") else { return }
        let zone = try #require(Zone("Australia/Brisbane"))
        let report = ReadingReport(try LoadFileParser.parse(bytes, file: "sgsc", zone: zone))
        #expect(report.series.map(\.intervals) == [36_061, 30_273, 29_641, 30_373, 27_905])
        #expect(report.series.map(\.missing) == [40, 448, 896, 0, 1_120])
        #expect(report.series.map(\.gaps) == [1, 46, 11, 0, 9])
        // The README counts from stamp to stamp, which is one interval more than what is missing.
        #expect(report.series.map(\.longestGapMinutes) == [1_200, 2_040, 15_840, 0, 28_320])
        #expect(report.series.reduce(0) { $0 + $1.total } == 36_707_310)
        // By the reader of mappings it is the same.
        var parser = MappedFileParser(file: "sgsc", zone: zone, mapping: nil)
        try pieces(bytes) { try parser.feed($0) }
        var other = ReadingReport(try parser.finish())
        other.kind = report.kind
        other.file = report.file
        #expect(other == report)
    }
}
