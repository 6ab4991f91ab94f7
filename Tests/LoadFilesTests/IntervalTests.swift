// Load files whose interval changes: never a value taken for another length in silence. Numbers are read alike by every
// reader, and words and negative values are told by their line.
import CivilTime
import Testing

@testable import LoadFiles

private func clock(_ minute: Int) -> String {
    let (hour, minute) = (minute / 60, minute % 60)
    return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
}

/// Rows of a meter's days, each of its own step, 0.100 kWh for each quarter of an hour.
private func rows(_ meter: String, _ steps: [Int]) -> [String] {
    steps.enumerated().flatMap { day, step in
        stride(from: 0, to: 1440, by: step).map {
            "\(meter),2026-03-\(day < 9 ? "0" : "")\(day + 1) \(clock($0)),0.\(step / 15)"
        }
    }
}

private func file(_ rows: [String]) -> String { "id,time,kwh\n" + rows.joined(separator: "\n") + "\n" }

/// Rows of a meter on a day of March, one at each of the minutes.
private func rows(_ meter: String, day: Int, _ minutes: some Sequence<Int>, kwh: String = "0.1") -> [String] {
    minutes.map { "\(meter),2026-03-0\(day) \(clock($0)),\(kwh)" }
}

private func mapped(_ text: String, limits: LoadFileLimits = .standard) throws -> ReadingSet {
    var reader = MappedFileParser(file: "load.csv", zone: .utc, mapping: nil, limits: limits)
    try reader.feed(Array(text.utf8))
    return try reader.finish()
}

private func dayByDay(_ text: String) throws -> ReadingSet {
    let bytes = Array(text.utf8)
    let load = try LoadFileParser.parseLoosely(bytes, file: "load.csv", zone: .utc)
    let mapping = try #require(load.dayByDay, "the change of interval was not seen")
    var reader = MappedFileParser(file: "load.csv", zone: .utc, mapping: mapping)
    try reader.feed(bytes)
    return try reader.finish()
}

private func totalWh(_ set: ReadingSet) -> Int {
    set.series.flatMap(\.days).reduce(0) { $0 + $1.values.reduce(0) { $0 + Int($1 ?? 0) } }
}

@Suite struct LoadFileIntervals {
    @Test(
        arguments: [
            ([15, 15, 30, 30], 194), ([30, 30, 15, 15], 2), ([30, 30, 30, 30, 30, 15, 15], 242),
            ([15, 15, 15, 60], 290), ([15, 30, 60, 15], 98),
        ] as [([Int], Int)])
    func isRefusedByTheLineOrReadDayByDay(steps: [Int], row: Int) throws {
        let text = file(rows("A", steps))
        let error = #expect(throws: LoadFileError.self) { try parse(text) }
        #expect(error?.place == "load.csv:\(row)", "\(String(describing: error))")
        #expect(error?.hint.contains("one interval") == true)
        let set = try dayByDay(text)
        #expect(set.series[0].days.map { $0.periodS / 60 } == steps)
        #expect(totalWh(set) == steps.count * 9_600 && set.refusedCount == 0)
        // Who says the length has it.
        #expect(try LoadFileParser.parse(Array(text.utf8), file: "f", zone: .utc, periodS: 900).periodS == 900)
    }

    /// One meter of several has another interval; also in a wide file, whose cells are blank then.
    @Test func isSeenOfOneMeter() throws {
        let long = file(rows("A", [15, 15, 15]) + rows("B", [30, 30, 30]))
        #expect(try totalWh(dayByDay(long)) == 2 * 3 * 9_600)
        var wide = "time,A,a\n"
        for quarter in 0..<192 {
            wide += "2026-03-0\(1 + quarter / 96) \(clock(quarter % 96 * 15)),0.1,\(quarter % 2 == 0 ? "0.2" : "")\n"
        }
        let set = try dayByDay(wide)
        #expect(set.meters == ["A", "a"] && totalWh(set) == 2 * 2 * 9_600)
        #expect(set.series.map { $0.days.map(\.periodS) } == [[900, 900], [1800, 1800]])
    }

    /// Large files are read in parts, in which rows wait for others.
    @Test(arguments: [[15, 30], [30, 15]])
    func isSeenInParts(steps: [Int]) throws {
        let all = (0..<160).flatMap { rows("meter-\($0)", [steps[0], steps[0], steps[1]]) }
        let text = file(all + (0..<20).flatMap { rows("same-\($0)", [steps[0], steps[0], steps[0]]) })
        #expect(text.utf8.count > LoadFileParser.smallestSplit)
        let byTime =
            "id,time,kwh\n"
            + all.sorted { $0.split(separator: ",")[1] < $1.split(separator: ",")[1] }
            .joined(separator: "\n")
        for text in [text, byTime] {
            let load = try LoadFileParser.parseLoosely(Array(text.utf8), file: "f", zone: .utc, parts: 3)
            #expect(load.dayByDay != nil)
        }
        let plain = file((0..<160).flatMap { rows("meter-\($0)", [15, 15, 15]) })
        let load = try LoadFileParser.parseLoosely(Array(plain.utf8), file: "f", zone: .utc, parts: 3)
        #expect(load.dayByDay == nil && load.valueCount == 160 * 288)
    }

    /// Rows that are lost here and there, and stamps that are wrong, are no change of interval.
    @Test func gapsAreNone() throws {
        var state: UInt64 = 7
        let kept = rows("A", Array(repeating: 15, count: 20)).filter { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % 5 != 0
        }
        let load = try parse(file(kept + ["A,2026-03-02 01:07,1", "A,2026-03-02 05:10,1", "A,2026-03-03 05:10,1"]))
        #expect(load.periodS == 900 && load.valueCount == kept.count && load.refusedCount == 3)
    }

    /// At the ends of a series no other day tells of the change; a long row of equal steps does.
    @Test func lastAndFirstDayTell() throws {
        let (quarters, halves) = (rows("A", [15]), rows("A", [30]))
        let last = try dayByDay(file(Array(quarters.prefix(64)) + halves.suffix(16)))
        #expect(totalWh(last) == 9_600 && last.series[0].days[0].values.count == 48 && last.mergedDayCount == 1)
        let first = try dayByDay(file(Array(halves.prefix(16)) + quarters.suffix(64)))
        #expect(totalWh(first) == 9_600 && first.mergedDayCount == 1 && first.refusedCount == 0)
        // In the middle of a day nobody knows what is meant.
        let text = file(Array(quarters.prefix(32)) + halves[16..<32] + quarters.suffix(32))
        let middle = try dayByDay(text)
        #expect(totalWh(middle) == 0 && middle.unsureDays.count == 80 && middle.unsureDays.firstRow == 2)
        #expect(middle.refused.count == 1 && middle.refused[0].what.contains("80 values were not taken"))
        #expect(throws: LoadFileError.self) { try parse(text) }
    }
}

/// Rows that lie apart because others are lost are no longer interval: their day has gaps.
@Suite struct FewRowsTellNoInterval {
    private let everyHalf = Array(stride(from: 0, to: 1440, by: 30))

    /// Another meter makes the whole file be read day by day.
    @Test func besideAMeterThatIsCoarser() throws {
        let text = file(
            rows("A", [30, 30]) + rows("B", [30]) + rows("B", day: 2, [600, 660]) + rows("C", [60, 60]))
        for set in [try dayByDay(text), try mapped(text)] {
            #expect(set.series.map { $0.days.map(\.periodS) } == [[1800, 1800], [1800, 1800], [3600, 3600]])
            #expect(set.series[1].days[1].values.count == 48 && set.refusedCount == 0)
            #expect(
                set.series[1].days[1].values.indices.filter { set.series[1].days[1].values[$0] != nil } == [20, 22])
        }
        let load = try LoadFileParser.parseLoosely(Array(text.utf8), file: "f", zone: .utc)
        #expect(load.dayByDay?.guess == ColumnMapping.Guess(meters: ["C"], elseS: 1800))
        // A wide file has blank cells there.
        var wide = "time,A,B,C\n"
        for half in 0..<96 {
            let isThere = half < 48 || half == 68 || half == 70
            wide += "2026-03-0\(1 + half / 48) \(clock(half % 48 * 30)),1,\(isThere ? "1" : ""),"
            wide += "\(half % 2 == 0 ? "2" : "")\n"
        }
        let set = try dayByDay(wide)
        #expect(set.series.map { $0.days.map(\.periodS) } == [[1800, 1800], [1800, 1800], [3600, 3600]])
    }

    /// A meter of which the file has nothing more than that.
    @Test func ofAMeterWithNothingElse() throws {
        let text = file(rows("A", [30, 30]) + rows("B", day: 2, [600, 660]))
        #expect(try mapped(text).series[1].days.map(\.periodS) == [1800])
        #expect(try parse(text).dayByDay == nil)
    }

    @Test(arguments: [[600, 660, 720, 780], Array(stride(from: 0, to: 480, by: 60))])
    func inARow(_ minutes: [Int]) throws {
        let text = file(rows("A", [30, 30]) + rows("B", [30]) + rows("B", day: 2, minutes))
        let load = try parse(text)
        #expect(load.dayByDay == nil && load.days(1)[1].values.count == 48)
        #expect(try mapped(text).series[1].days.map(\.periodS) == [1800, 1800])
    }

    /// So many do, and so does the day before or behind; and days that are few each, but all alike.
    @Test func manyOrTheNeighbourTell() throws {
        let many = file(rows("A", [30, 30]) + rows("B", [30]) + rows("B", day: 2, stride(from: 0, to: 540, by: 60)))
        let broken = [0, 60, 120, 180, 360, 420, 480, 540, 720, 780, 840]
        let gaps = file(rows("A", [30, 30]) + rows("B", [30]) + rows("B", day: 2, broken))
        for text in [many, gaps] { #expect(try dayByDay(text).series[1].days.map(\.periodS) == [1800, 3600]) }
        let neighbour = file(rows("A", [30, 30, 30]) + rows("B", [30, 60]) + rows("B", day: 3, [600, 660]))
        #expect(try dayByDay(neighbour).series[1].days.map(\.periodS) == [1800, 3600, 3600])
        let alike = (1...3).flatMap { rows("B", day: $0, [480, 540, 600, 660]) }
        let set = try dayByDay(file(rows("A", [30, 30, 30]) + alike))
        #expect(set.series[1].days.map(\.periodS) == [3600, 3600, 3600] && set.series[0].days[0].periodS == 1800)
        // Between days of half an hour it is not believed, whatever is most frequent elsewhere.
        let between = file(
            rows("B", [30]) + rows("B", day: 2, [600, 660])
                + rows("B", [30, 30, 30, 60, 60, 60, 60, 60, 60]).dropFirst(96))
        #expect(try mapped(between).series[0].days.map { $0.periodS / 60 } == [30, 30, 30, 60, 60, 60, 60, 60, 60])
    }

    /// What was lost is a gap of the day behind a clean switch, and of the day before one.
    @Test(arguments: [15, 600])
    func besideACleanSwitch(lost: Int) throws {
        let quarters = Array(stride(from: 0, to: 1440, by: 15))
        let kept = quarters.filter { $0 != lost }
        let toFiner =
            rows("A", [30]) + rows("A", day: 2, everyHalf.filter { $0 < 1080 })
            + rows("A", day: 2, quarters.filter { $0 >= 1080 }) + rows("A", day: 3, kept)
        let finer = try mapped(file(toFiner))
        #expect(finer.series[0].days.map { $0.values.count } == [48, 48, 96] && finer.mergedDayCount == 1)
        #expect(
            finer.series[0].days[2].values.indices.filter { finer.series[0].days[2].values[$0] == nil } == [lost / 15])
        #expect(finer.refusedCount == 0 && finer.unsureDays.count == 0)
        let toCoarser =
            rows("A", day: 1, quarters.filter { $0 != 1440 - lost - 15 })
            + rows("A", day: 2, quarters.filter { $0 < 360 }) + rows("A", day: 2, everyHalf.filter { $0 >= 360 })
            + rows("A", [30, 30, 30]).suffix(48)
        let coarser = try mapped(file(toCoarser))
        #expect(coarser.series[0].days.map { $0.values.count } == [96, 48, 48] && coarser.mergedDayCount == 1)
        #expect(coarser.series[0].days[0].values.filter { $0 == nil }.count == 1 && coarser.refusedCount == 0)
    }

    /// The limit of slots holds while values wait for their interval to be known.
    @Test func valuesThatWaitAreLimited() throws {
        var limits = LoadFileLimits.standard
        limits.slots = 40
        let error = #expect(throws: LoadFileError.self) { try mapped(file(rows("A", [30])), limits: limits) }
        #expect(error?.place == "load.csv:42" && error?.what == "more than 40 slots")
    }
}

@Suite struct OneMeaningOfNumbers {
    /// Plain long, plain wide, by a mapping, and registers.
    @Test(
        arguments: [
            ("1e3", 1_000_000), ("1.25E-01", 125), ("2e+003", 2_000_000), ("0.0865", 87), ("5", 5_000),
            ("0.1234999999999999999999999999999999", 123), ("0.12350000000000000000000000000000000001", 124),
            ("0.100000000000000005551115123126", 100), ("1e10", nil), ("1e", nil), ("inf", nil), ("1,5", nil),
        ] as [(String, Int?)])
    func ofEveryReader(text: String, wh: Int?) throws {
        let stamps = ["2026-03-01 00:00", "2026-03-01 00:30", "2026-03-01 01:00"]
        let long =
            "id,time,kwh\n" + stamps.map { "A,\($0),1" }.joined(separator: "\n") + "\nA,2026-03-01 01:30,\(text)\n"
        let wide = "time,A\n" + stamps.map { "\($0),1" }.joined(separator: "\n") + "\n2026-03-01 01:30,\(text)\n"
        for file in [long, wide] {
            #expect(try parse(file).days(0)[0].values[3].map(Int.init) == wh)
            var reader = MappedFileParser(file: "f", zone: .utc, mapping: nil)
            try reader.feed(Array(file.utf8))
            let set = try reader.finish()
            #expect(set.series[0].days[0].values[3].map(Int.init) == wh && set.refusedCount == (wh == nil ? 1 : 0))
        }
        let registers = Array("meter,time,register_kwh\nA,2026-03-01 00:00,\(text)\n".utf8)
        let isExact = wh != nil && !text.contains("00000") && !text.contains("99999") && text != "0.0865"
        // A register may well be larger than an interval.
        guard text != "1e10" else { return }
        let read = try? RegisterFile.parse(registers, file: "r", zone: .utc)
        #expect(read?.first?.wh == (isExact ? wh.map(Int64.init) : nil))
    }

    @Test func wordsAndNegativeValuesAreToldByTheirLine() throws {
        let text =
            "time,A,B\n2026-03-01 00:00,1,1\n2026-03-01 00:30,NaN,-1\n2026-03-01 01:00,,n/a\n"
            + "2026-03-01 01:30,-0.5,1\n"
        let load = try parse(text)
        #expect(load.words.count == 2 && load.words.firstRow == 3 && load.negatives.count == 2)
        #expect(load.negatives.firstRow == 3)
        #expect(ReadingReport(load).notes == ["load.csv:3: 2 values are words such as NaN or NA, and count as missing"])
        var reader = MappedFileParser(file: "load.csv", zone: .utc, mapping: nil)
        try reader.feed(Array(text.utf8))
        let set = try reader.finish()
        #expect(set.words == load.words && set.negatives == load.negatives)
        #expect(ReadingReport(set).notes == ReadingReport(load).notes)
        // The lines are those of the file when it is read in parts.
        var lines = rows("A", [15]).map { $0.replacing("A,", with: "a-meter-of-a-long-name,") }
        lines = (0..<250).flatMap { meter in lines.map { $0.replacing("a-meter", with: "m\(meter)") } }
        lines[20_000] = lines[20_000].replacing(",0.", with: ",-0.")
        lines[20_003] = lines[20_003].split(separator: ",").dropLast().joined(separator: ",") + ",NaN"
        let large = try LoadFileParser.parse(Array(file(lines).utf8), file: "f", zone: .utc, parts: 4)
        #expect(large.negatives.firstRow == 20_002 && large.words.firstRow == 20_005 && large.words.count == 1)
    }

    @Test func sendersWordsForNoValueAreCounted() throws {
        let text =
            "200,NMI,E1,E1,E1,,M,kWh,30,\n300,20240101,\(String(repeating: "1,", count: 48))V,,,,\n"
            + "400,1,40,A,,\n400,41,44,N,,\n400,45,48,S52,,\n"
        var parser = NEM12Parser(file: "f", zone: .utc)
        try parser.feed(Array(text.utf8))
        let report = ReadingReport(try parser.finish())
        #expect(report.senderCodes == ["A": 40, "N": 4, "S52": 4] && report.values == 44)
    }
}
