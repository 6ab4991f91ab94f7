// Readers of foreign formats on small files made here: channels, units, registers, summer time, changes of interval,
// qualities, and what nobody should send.
import CivilTime
import IntervalData
import Testing

@testable import LoadFiles

private let london = Zone("Europe/London") ?? .utc

private func csv(
    _ text: String, zone: Zone = .utc, mapping: ColumnMapping? = nil, _ say: (inout ReadingOptions) -> Void = { _ in }
) throws -> ReadingSet {
    var options = ReadingOptions()
    say(&options)
    var parser = MappedFileParser(file: "f", zone: zone, mapping: mapping, options: options)
    try parser.feed(Array(text.utf8))
    return try parser.finish()
}

private func values(_ set: ReadingSet, _ channel: Channel = .importWh, meter: Int = 0) -> [Int32] {
    set.series.filter { $0.channel == channel && $0.meter == meter }.flatMap { $0.days.flatMap { $0.values } }
        .compactMap { $0 }
}

private func clock(_ minute: Int) -> String {
    let (hour, minute) = (minute / 60, minute % 60)
    return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
}

@Suite struct ChannelFiles {
    @Test func columnsForChannels() throws {
        let set = try csv(
            """
            meter,time,import kWh,export kWh,kvarh q1,voltage V,current A,max demand kW,quality
            M1,2024-01-01 00:00,1.5,0.25,0.1,231.4,5.25,3.1,A
            M1,2024-01-01 00:30,1.25,NA,0.2,230,5,3.0,E
            M1,2024-01-01 01:00,,,,,,,A
            """)
        #expect(set.refusedCount == 0 && set.meters == ["M1"])
        #expect(values(set) == [1500, 1250] && values(set, .exportWh) == [250])
        #expect(values(set, .varhQ1) == [100, 200] && values(set, .voltagePhaseA) == [231_400, 230_000])
        #expect(values(set, .currentPhaseA) == [5250, 5000] && values(set, .maximumW) == [3100, 3000])
        let report = ReadingReport(set)
        #expect(report.quality == ["actual": 6, "estimated": 5])
    }

    @Test func rowsForChannelsAndUnits() throws {
        let set = try csv(
            """
            nmi;timestamp;channel;unit;value
            7;2024-01-01T00:15:00Z;export;Wh;12
            7;2024-01-01T00:00:00Z;exportWh;kWh;0.011
            7;2024-01-01T00:00:00Z;varhQ4;kvarh;0.5
            7;2024-01-01T00:00:00Z;varhQ4;V;230
            7;2024-01-01T00:00:00Z;heat;kWh;1
            7;2024-01-01T00:15:00Z;varhQ4;kvarh;0.25
            """)
        #expect(values(set, .exportWh) == [11, 12] && values(set, .varhQ4) == [500, 250])
        #expect(set.refused.map(\.row) == [5, 6])
    }

    @Test func multiplierUnitAndWide() throws {
        let set = try csv("stamp_end,A,B\n2024-01-01 00:30,10,20\n2024-01-01 01:00,11,21\n") {
            $0.unit = .Wh
            $0.channel = .exportWh
            _ = $0.setMultiplier("1.5")
        }
        #expect(set.meters == ["A", "B"] && values(set, .exportWh) == [15, 17] && set.roundedCount == 2)
        #expect(values(set, .exportWh, meter: 1) == [30, 32])
        #expect(set.series.allSatisfy { $0.days.map(\.day.description) == ["2024-01-01"] })
        var options = ReadingOptions()
        for bad in ["0", "-1", "x", "", "1e20"] {
            let isTaken = options.setMultiplier(bad)
            #expect(!isTaken, "\(bad)")
        }
    }

    @Test func powerIsEnergyOfTheInterval() throws {
        let set = try csv("meter,time,kW\nM,2024-01-01 00:00,2.002\nM,2024-01-01 00:15,4\nM,2024-01-01 00:30,-1\n")
        #expect(values(set) == [501, 1000, -250] && set.roundedCount == 1)
        // 62.5 Wh and 1.9999 W are rounded though their kW are read without loss; 62 Wh are not.
        let half = try csv(
            "meter,time,kW\nM,2024-01-01 00:00,0.125\nM,2024-01-01 00:30,0.0019999\n"
                + "M,2024-01-01 01:00,0.124\n")
        #expect(values(half) == [63, 1, 62] && half.roundedCount == 2)
    }

    @Test func datesOfOtherOrders() throws {
        let stamp = ColumnMapping.Stamp(column: "when", order: "dmy", label: "end", zone: "Asia/Kolkata")
        let mapping = ColumnMapping(
            format: 1, meterName: "M", stamp: stamp, values: [ColumnMapping.Value(column: "v", unit: "kWh")])
        let set = try csv(
            "when,v\n2/1/2024 0:30,1\n02-01-2024 24:00,3\n02/01/2024 23:30,2\n", zone: .india, mapping: mapping)
        let day = try #require(set.series.first?.days.first)
        #expect(set.series[0].days.count == 1 && day.day.description == "2024-01-02" && set.refusedCount == 0)
        #expect(day.values[0] == 1000 && day.values[46] == 2000 && day.values[47] == 3000)
    }

    @Test func anyOrderAndDuplicatesAreHarmless() throws {
        let rows = (0..<96).map { "M,2024-01-0\(1 + $0 / 48) \(clock($0 % 48 * 30)),0.\($0 + 100),E" }
        var generator = SystemRandomNumberGenerator()
        let head = "meter,time,kwh,quality\n"
        let plain = try csv(head + rows.joined(separator: "\n"))
        let mixed = try csv(head + (rows + rows).shuffled(using: &generator).joined(separator: "\n"))
        #expect(plain.series.map(\.days).map { $0.map(\.values) } == mixed.series.map(\.days).map { $0.map(\.values) })
        #expect(mixed.duplicateCount == 96 && mixed.refusedCount == 0 && mixed.valueCount == 96)
        let other = try csv(head + (rows + ["M,2024-01-01 00:00,9.9,E"]).joined(separator: "\n"))
        #expect(other.conflictCount == 1 && other.refused.map(\.row) == [98] && values(other)[0] == 100)
    }
}

@Suite struct SummerTime {
    /// The clock goes 00:59 → 02:00 on 2024-03-31 and 01:59 → 01:00 on 2024-10-27.
    @Test func daysOfFortySixAndFifty() throws {
        let short = (0..<48).filter { !(2..<4).contains($0) }.map { "M,2024-03-31 \(clock($0 * 30)),\($0)" }
        let set = try csv("meter,time,kwh\n" + short.joined(separator: "\n"), zone: london)
        #expect(set.series[0].days.map(\.values.count) == [46] && values(set).count == 46 && set.refusedCount == 0)
        let order = Array(0..<4) + [2, 3] + Array(4..<48)
        let long = order.enumerated().map { "M,2024-10-27 \(clock($1 * 30)),\($0)" }
        let back = try csv("meter,time,kwh\n" + long.joined(separator: "\n"), zone: london)
        #expect(back.series[0].days.map(\.values.count) == [50] && back.refusedCount == 0)
        #expect(values(back) == (0..<50).map { $0 * 1000 })
        let never = try csv(
            "meter,time,kwh\nM,2024-03-31 01:30,1\nM,2024-03-31 02:00,1\nM,2024-03-31 02:30,1", zone: london)
        #expect(never.refused.map(\.row) == [2])
    }

    @Test func stampsOfAnotherZone() throws {
        let text = "meter,time,kwh\nM,2024-01-01 00:00,1\nM,2024-01-01 00:30,2\nM,2024-01-01T00:00:00+05:30,3"
        let set = try csv(text, zone: .india) { $0.stampZone = .utc }
        #expect(set.series[0].days[0].values[11] == 1000 && set.series[0].days[0].values[0] == 3000)
    }
}

@Suite struct ChangesOfInterval {
    private func rows(_ day: String, _ minutes: some Sequence<Int>, wh: Int) -> [String] {
        minutes.map { "M,\(day) \(clock($0)),\(wh)" }
    }

    @Test func eachDayHasItsOwn() throws {
        let halves = rows("2024-01-01", stride(from: 0, to: 1440, by: 30), wh: 20)
        let quarters = rows("2024-01-02", stride(from: 0, to: 1440, by: 15), wh: 10)
        let set = try csv("meter,time,wh\n" + (quarters + halves).joined(separator: "\n"))
        #expect(set.series[0].days.map(\.values.count) == [48, 96] && set.valueCount == 144 && set.refusedCount == 0)
        #expect(ReadingReport(set).series[0].gaps == 0)
    }

    @Test(arguments: [false, true])
    func aCleanSwitchWithinTheDayTakesTheLonger(_ isEnd: Bool) throws {
        let shift = { (step: Int) in isEnd ? step : 0 }
        func stamp(_ minute: Int, _ wh: Int) -> String {
            "M,2024-01-0\(1 + minute / 1440) \(clock(minute % 1440)),\(wh)"
        }
        let first = stride(from: 0, to: 1440 + 720, by: 30).map { stamp($0 + shift(30), 20) }
        let second = stride(from: 1440 + 720, to: 4320, by: 15).map { stamp($0 + shift(15), 10) }
        let set = try csv("meter,time,wh\n" + (first + second).joined(separator: "\n")) {
            $0.stamps = isEnd ? .end : .start
        }
        let days = set.series[0].days
        #expect(days.map(\.values.count) == [48, 48, 96] && set.mergedDayCount == 1 && set.refusedCount == 0)
        #expect(days[1].values == Array(repeating: 20, count: 48) && days[2].values.allSatisfy { $0 == 10 })
    }

    @Test func aSwitchWithGapsIsSetAside() throws {
        let first = rows("2024-01-01", stride(from: 0, to: 1440, by: 30), wh: 20)
        let middle = rows("2024-01-02", [0, 30, 60, 75, 90, 120, 150, 165, 180], wh: 10)
        let last = rows("2024-01-03", stride(from: 0, to: 1440, by: 15), wh: 10)
        let set = try csv("meter,time,wh\n" + (first + middle + last).joined(separator: "\n"))
        #expect(set.series[0].days.map(\.day.description) == ["2024-01-01", "2024-01-03"])
        #expect(set.refused.count == 1 && set.refused[0].row == 50 && set.refused[0].what.contains("9 values"))
    }
}

@Suite struct RegisterFiles {
    private func registers(_ list: [(Int, String)], digits: Int? = nil) throws -> ReadingSet {
        let rows = list.map { "M,2024-01-01 \(clock($0.0)),\($0.1)" }
        return try csv("meter,time,register kWh\n" + rows.joined(separator: "\n")) { $0.registerDigits = digits }
    }

    @Test func differencesAreIntervals() throws {
        let set = try registers([(0, "100.5"), (30, "101.25"), (60, "101.25"), (150, "104"), (180, "104.5")])
        let day = try #require(set.series.first?.days.first)
        #expect(day.values.prefix(6) == [750, 0, nil, nil, nil, 500] && set.registerCount == 5)
        #expect(set.notes.first?.contains("2750") == true && set.refusedCount == 0)
    }

    @Test func rollsOverAtItsDigits() throws {
        let declared = try registers([(0, "99999.5"), (30, "99999.9"), (60, "0.3"), (90, "0.8")], digits: 5)
        #expect(values(declared) == [400, 400, 500] && declared.refusedCount == 0)
        let inferred = try registers([(0, "99999.5"), (30, "99999.9"), (60, "0.3"), (90, "0.8")])
        #expect(values(inferred) == [400, 400, 500])
    }

    @Test func goingBackIsAnExchangeAndNoEnergy() throws {
        for digits in [nil, 5] {
            let set = try registers([(0, "9500"), (30, "9501"), (60, "0.3"), (90, "0.8")], digits: digits)
            #expect(values(set) == [1000, 500], "\(String(describing: digits))")
            #expect(set.refused.map(\.row) == [4] && set.refused[0].hint.contains("exchange"))
        }
    }
}

@Suite struct NEM12Files {
    private func read(_ text: String) throws -> ReadingSet {
        var parser = NEM12Parser(file: "n", zone: Zone("Australia/Brisbane") ?? .utc)
        try parser.feed(Array(text.utf8))
        return try parser.finish()
    }
    private let day = (0..<48).map { "0.\($0 + 100)" }.joined(separator: ",")

    @Test func streamsQualitiesAndRegisters() throws {
        let set = try read(
            """
            100,NEM12,200405011135,MDA1,Ret1
            200,NEM1,E1B1Q1,1,E1,N1,METER1,kWh,30,
            300,20040201,\(day),V,,,20040202120025,
            400,1,20,F14,76,
            400,21,24,N,,
            400,25,48,A,,
            500,O,RET001,20040202000000,1001.5
            200,NEM1,E1B1Q1,2,B1,N1,METER1,kWh,30,
            300,20040201,\(day),E52,,,20040202120025,
            200,NEM1,E1B1Q1,3,Q1,N1,METER1,kVArh,30,
            300,20040201,\(day),A,,,20040202120025,
            200,NEM1,E1B1Q1,4,E2,N1,METER1,kWh,30,
            300,20040201,\(day),A,,,20040202120025,
            900
            """)
        #expect(set.refusedCount == 0 && set.meters == ["METER1", "METER1-E2"])
        #expect(set.series.map(\.channel) == [.importWh, .exportWh, .importVarh, .importWh])
        let report = ReadingReport(set)
        #expect(report.senderCodes == ["F14/76": 20, "A": 24 + 96, "E52": 48, "N": 4])
        #expect(report.quality == ["estimated": 68, "actual": 120])
        #expect(set.series[0].days[0].values[20] == nil && set.series[0].days[0].values[24] == 124)
        #expect(set.series[0].registers.map(\.value) == [1_001_500])
    }

    @Test func badRecordsAreSetAside() throws {
        let set = try read(
            """
            200,NEM1,E1,1,E1,N1,METER1,kWh,30,
            300,20040231,\(day),A
            300,20040201,1,2,3,A
            300,20040202,\(day),X
            300,20040203,\(day),V
            400,1,47,A,,
            400,40,99,A,,
            300,20040204,\(day),A
            301,x
            200,NEM1,E1,1,E1,N1,METER1,therm,30,
            300,20040205,\(day),A
            """)
        #expect(set.refused.map(\.row).sorted() == [2, 3, 4, 5, 7, 9, 10, 11])
        #expect(set.valueCount == 47 + 48)
        #expect(throws: LoadFileError.self) { try read("100,NEM12,200405011135,MDA1,Ret1\n200,N,E1,1,E1,,M,kWh,30") }
    }
}

@Suite struct HostileReadings {
    @Test func xmlNobodyShouldSend() throws {
        func read(_ text: [UInt8]) throws -> ReadingSet {
            var parser = GreenButtonParser(file: "x", zone: .utc)
            try parser.feed(text)
            return try parser.finish()
        }
        let open = "<feed xmlns=\"http://www.w3.org/2005/Atom\">"
        for text in [
            "", "<a/>", open, open + String(repeating: "<entry>", count: 100),
            "<!DOCTYPE x [<!ENTITY a \"b\">]>" + open,
            open + "<entry>&a;</entry></feed>", "\u{FEFF}",
        ] {
            #expect(throws: LoadFileError.self, "\(text.prefix(40))") { try read(Array(text.utf8)) }
        }
        #expect(throws: LoadFileError.self) { try read([0xFF, 0xFE, 0x3C, 0x00]) }
        let reading = { (start: String, value: String) in
            """
            <IntervalReading><timePeriod><duration>3600</duration><start>\(start)</start></timePeriod>\
            <value>\(value)</value></IntervalReading>
            """
        }
        let set = try read(
            Array(
                (open + "<entry><content><ReadingType xmlns=\"http://naesb.org/espi\"><uom>72</uom></ReadingType>"
                    + "</content></entry><entry><content><IntervalBlock xmlns=\"http://naesb.org/espi\">"
                    + reading("1704067200", "5") + reading("1704070800", "99999999999999999999999")
                    + reading("1704074400", "9999999999") + reading("-99999999999", "1") + reading("x", "1")
                    + "</IntervalBlock></content></entry></feed>").utf8))
        #expect(set.valueCount == 1 || set.valueCount == 2)
        #expect(set.refusedCount >= 3)
    }

    @Test func numbersAndEncodings() throws {
        for (text, value) in [
            ("0.125", 125), ("1e3", 1_000_000), ("1.5E-03", 2), ("-0.0005", -1), ("0.0004999999999", 0),
            ("00000000000000000000000000000000000001", 1000),
        ] {
            let number = try #require(DecimalNumber.read(text), "\(text)")
            #expect(ReadingUnit.kWh.scale().whole(number)?.value == Int64(value), "\(text)")
        }
        for text in ["1e", "e5", ".", "1.2.3", "0x10", "1e99", String(repeating: "9", count: 60), "+", "١"] {
            #expect(DecimalNumber.read(text) == nil, "\(text)")
        }
        #expect(throws: LoadFileError.self) { try csv("") }
        #expect(throws: LoadFileError.self) {
            var parser = MappedFileParser(file: "f", zone: .utc, mapping: nil)
            try parser.feed([0xFF, 0xFE, 0x61, 0x00, 0x0A])
            _ = try parser.finish()
        }
        let set = try csv("meter,time,Wh\nM,2024-01-01 00:00,1e12\nM,2024-01-01 00:30,7\nM,9999-01-01 00:30,7\n,x,y\n")
        #expect(set.refused.map(\.row).sorted() == [2, 4, 5] && set.valueCount == 1)
    }

    /// Whatever comes, the readers answer with a set or an error, and never trap.
    @Test func fuzz() {
        var seed: UInt64 = 4_711
        func random(_ below: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % below
        }
        let seeds = [
            "200,NEM1,E1,1,E1,N1,M1,kWh,30,\n300,20040201,"
                + "\((0..<48).map(String.init).joined(separator: ",")),V\n400,1,48,A\n",
            "meter,time,kWh,kvarh q1,quality\nM,2024-01-01 00:00,1.5,2,A\nM,2024-01-01 00:30,1,2,E\n",
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><content>"
                + "<IntervalBlock xmlns=\"http://naesb.org/espi\">"
                + "<IntervalReading><timePeriod><duration>900</duration><start>900</start></timePeriod><value>5</value>"
                + "</IntervalReading></IntervalBlock></content></entry></feed>",
        ].map { Array($0.utf8) }
        var answers = 0
        for round in 0..<3_000 {
            var bytes = seeds[round % 3]
            for _ in 0...random(6) {
                switch random(3) {
                case 0: bytes[random(bytes.count)] = UInt8(random(256))
                case 1: bytes.remove(at: random(bytes.count))
                default:
                    bytes.insert(contentsOf: bytes[random(bytes.count)...].prefix(random(20)), at: random(bytes.count))
                }
            }
            var nem12 = NEM12Parser(file: "f", zone: london)
            var mapped = MappedFileParser(file: "f", zone: london, mapping: nil)
            var green = GreenButtonParser(file: "f", zone: london)
            if (try? nem12.feed(bytes)) != nil, let set = try? nem12.finish() { answers += ReadingReport(set).rows }
            if (try? mapped.feed(bytes)) != nil, let set = try? mapped.finish() { answers += ReadingReport(set).rows }
            if (try? green.feed(bytes)) != nil, let set = try? green.finish() { answers += ReadingReport(set).rows }
        }
        #expect(answers > 1_000)
    }
}
