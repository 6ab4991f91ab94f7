// Load files: both layouts, stamps, exact numbers, refused rows, limits. Synthetic text; real files in
// RealLoadFileTests.
import CivilTime
import Testing

@testable import LoadFiles

func parse(
    _ text: String, zone: Zone = .utc, periodS: Int? = nil, limits: LoadFileLimits = .standard
) throws -> LoadFile {
    try LoadFileParser.parse(Array(text.utf8), file: "load.csv", zone: zone, periodS: periodS, limits: limits)
}

@Suite struct Layouts {
    @Test func wide() throws {
        let file = try parse(
            "\u{FEFF}interval_start_utc,H001,H002\r\n2009-03-01T00:00:00Z,0.086,1\r\n2009-03-01T00:30:00Z,0.1,\r\n\r\n"
                + "2009-03-02T23:30:00Z,NA,-0.25")
        #expect(file.layout == .wide && file.periodS == 1800 && file.meters == ["H001", "H002"])
        #expect(file.refused.isEmpty && file.rowCount == 3 && file.valueCount == 4)
        let first = file.days(0)
        #expect(first.map(\.day.description) == ["2009-03-01"])
        #expect(first[0].values == [86, 100] + Array(repeating: nil, count: 46))
        let second = file.days(named: "H002")
        #expect(second.keys.map(\.description).sorted() == ["2009-03-01", "2009-03-02"])
        #expect(second[CivilDay("2009-03-01")!]?[0] == 1000)
        #expect(second[CivilDay("2009-03-02")!]?[47] == -250)
        #expect(file.days(named: "H003").isEmpty)
    }

    @Test(arguments: [",", ";", "\t"])
    func longInAnyColumnOrder(separator: String) throws {
        let text = """
            reading_datetime,general_supply_kwh,"customer_id",note
            2012-02-10 08:00:00,0.141,10006414,x
            2012-02-10 08:15,0.088,10006414,
            2012/02/10 08:00:00.000,7,"B",

            """
        let file = try parse(text.replacing(",", with: separator), zone: .india)
        #expect(file.layout == .long && file.periodS == 900 && file.meters == ["10006414", "B"])
        #expect(file.days(0)[0].values[32] == 141 && file.days(0)[0].values[33] == 88)
        #expect(file.days(1)[0].values[32] == 7000)
        #expect(file.days(0)[0].values.count == 96)
    }

    /// Cut anywhere, the bytes mean the same.
    @Test func anyCutting() throws {
        let text = Array(
            "id,time,kwh\nA,2026-11-21T00:00:00+05:30,1.5\r\nA,2026-11-21T00:30:00+05:30,2\nA,bad,3\n".utf8)
        for size in 1...text.count {
            var parser = LoadFileParser(file: "f", zone: .india)
            for start in stride(from: 0, to: text.count, by: size) {
                try parser.feed(Array(text[start..<min(start + size, text.count)]))
            }
            let file = try parser.finish()
            #expect(file.days(0)[0].values[..<3] == [1500, 2000, nil])
            #expect(
                file.refused.map(\.description) == [
                    "f:4: \"bad\" is not a stamp, write 2009-03-01T00:30:00Z or 2012-02-10 08:00:00"
                ])
            #expect(file.refused[0].text == "A,bad,3")
        }
    }

    /// Stamps at the end of the slot: 00:00 belongs to the day before.
    @Test func endStamps() throws {
        let file = try parse("interval_end,M\n2026-11-21 00:00,1\n2026-11-21 00:30,2\n2026-11-21 01:00,3\n")
        #expect(file.days(0).map(\.day.description) == ["2026-11-20", "2026-11-21"])
        #expect(file.days(0)[0].values[47] == 1000 && file.days(0)[1].values[0] == 2000)
    }

    /// The days are those of the zone asked for, whatever offset the stamps name.
    @Test func stampsInUTCDaysInIndia() throws {
        let file = try parse("t,M\n2026-11-20T18:30:00Z,1\n2026-11-20T19:00:00Z,2\n", zone: .india)
        #expect(file.days(0).map(\.day.description) == ["2026-11-21"])
        #expect(file.days(0)[0].values[0] == 1000)
    }

    @Test func daysOfChange() throws {
        let london = try #require(Zone("Europe/London"))
        let spring = try parse(
            "t,M\n2026-03-29 00:00,1\n2026-03-29 00:30,2\n2026-03-29 01:30,3\n2026-03-29 02:00,4\n", zone: london)
        #expect(spring.days(0)[0].values.count == 46)
        #expect(spring.days(0)[0].values[..<3] == [1000, 2000, 4000])
        #expect(spring.refused.map(\.row) == [4])
        let autumn = try parse(
            "t,M\n2026-10-25T00:00:00Z,1\n2026-10-25T00:30:00Z,2\n2026-10-25T01:00:00Z,3\n2026-10-24T23:00:00Z,4\n",
            zone: london)
        #expect(autumn.days(0)[0].values.count == 50)
        #expect(autumn.days(0)[0].values[..<5] == [4000, nil, 1000, 2000, 3000])
        // The wall clock shows 01:00 twice: the first is taken, another value for the second is a conflict.
        let naive = try parse("t,M\n2026-10-25 00:30,1\n2026-10-25 01:00,2\n2026-10-25 01:00,3\n", zone: london)
        #expect(naive.days(0)[0].values[..<5] == [nil, 1000, 2000, nil, nil])
        #expect(naive.refused.map(\.row) == [4])
    }
}

@Suite struct Numbers {
    @Test(
        arguments: [
            ("0.086", 86, false), ("1", 1000, false), ("1.", 1000, false), (".5", 500, false), ("-0.25", -250, false),
            ("+3.1", 3100, false), ("0.0865", 87, true), ("0.0864999", 86, true), ("-0.0865", -87, true),
            ("0.0005", 1, true), ("0.0004", 0, true), ("0.0860000", 86, false), ("2147483.647", 2_147_483_647, false),
            ("000000.100", 100, false), ("0.999999999", 1000, true),
            ("5.827000141143799", 5827, true), ("0.4620000123977661", 462, true),
            ("0.00049999999999999999999", 0, true),
            ("-4.0800000000000000", -4080, false), ("1.5989999771118164", 1599, true),
        ] as [(String, Int32, Bool)])
    func exact(text: String, wh: Int32, rounded: Bool) {
        #expect(Fields.energyWh(Array(text.utf8), 0..<text.utf8.count) == .wh(wh, rounded: rounded))
    }

    @Test(arguments: ["", "NA", "nan", "NULL", "-", "n/a"])
    func absent(text: String) {
        #expect(Fields.energyWh(Array(text.utf8), 0..<text.utf8.count) == .absent)
    }

    @Test(arguments: [
        "1e", "e3", "1e99", "1,5", "0x10", "1.2.3", "--1", "+", ".", "2147483.648", "9999999999", "１", "1 2", "inf",
        "99999999999999999999999999", "0.0000000000000000000000000000000000000000000000000000000000000001",
    ])
    func bad(text: String) {
        guard case .bad(let words) = Fields.energyWh(Array(text.utf8), 0..<text.utf8.count) else {
            Issue.record("\(text) was taken")
            return
        }
        #expect(!words.isEmpty)
    }

    @Test(arguments: [
        "2026-02-29 00:00", "2026-13-01 00:00", "2026-11-21", "2026-11-21 24:00", "2026-11-21 10:60",
        "21-11-2026 10:00",
        "2026-11/21 10:00", "2026-11-21 10:00Zx", "2026-11-21 10:00+16:00", "1969-12-31 23:00", "2026-11-21 10:00:00.5",
        "2026-11-21 1:00", "",
    ])
    func badStamps(text: String) {
        #expect(Fields.stamp(Array(text.utf8), 0..<text.utf8.count) == nil)
    }

    @Test func offsets() throws {
        let text = Array("2026-11-21T05:30:00+05:30".utf8)
        let stamp = try #require(Fields.stamp(text, 0..<text.count))
        #expect(Fields.instantS(stamp, zone: .utc) == Int64(CivilDay("2026-11-21")!.number) * 86400)
    }
}

@Suite struct RefusedRows {
    @Test func eachReason() throws {
        let rows = [
            "A,2026-11-21 00:00,1", "A,2026-11-21 00:30,1", "A,2026-11-21 01:00,1", "A,2026-11-21 01:07,1",
            "A,2026-11-21 01:30,x", "A,2026-11-21 01:30", "A,2026-11-21 00:30,1.0", "A,2026-11-21 00:30,2",
            ",2026-11-21 02:00,2", "A,2026-11-21 02:00,",
        ]
        let file = try parse("id,time,kwh\n" + rows.joined(separator: "\n"))
        #expect(file.refused.map(\.row) == [5, 6, 7, 9, 10])
        #expect(file.refused.map(\.text) == [3, 4, 5, 7, 8].map { rows[$0] })
        for (refused, words) in zip(
            file.refused, ["grid of 30 minutes", "under kwh is not", "2 cells", "already has 1000 Wh", "id is empty"])
        {
            #expect(refused.what.contains(words), "\(refused)")
            #expect(refused.description.hasPrefix("load.csv:\(refused.row): "))
            #expect(!refused.hint.isEmpty)
        }
        #expect(file.valueCount == 3 && file.refusedCount == 5 && file.rowCount == 10)
    }

    /// Of a wide row nothing is taken when one cell is bad or contradicts.
    @Test func wideRowsAreTakenWholeOrNot() throws {
        let file = try parse(
            "t,A,B\n2026-11-21 00:00,1,1\n2026-11-21 00:30,2,oops\n2026-11-21 00:00,1,9\n2026-11-21 01:00,3,3\n"
                + "2026-11-21 00:00,1,1\n2026-11-21 01:30,,4\n2026-11-21 01:30,4,4\n")
        #expect(file.days(0)[0].values[..<4] == [1000, nil, 3000, 4000])
        #expect(file.days(1)[0].values[..<4] == [1000, nil, 3000, 4000])
        #expect(file.refused.map(\.row) == [3, 4])
        #expect(file.valueCount == 6)
    }

    @Test(arguments: [
        ("", "empty"), ("\n\n", "empty"), ("just text\n", "1 columns"), ("t,A,A\n", "stands twice"),
        ("t,,A\n", "no name"),
        ("2026-11-21 00:00,1,1\n", "first line is a row"), ("t,A\n", "header line and no rows"),
        ("t,A\nx,1\n", "no row has a stamp"),
        ("t,A\n2026-11-21 00:00,1\n", "no two rows"), ("t,A\n2026-11-21 00:00,1\n2026-11-21 00:00:07,1\n", "7 s apart"),
        ("t,A\n2026-11-21 00:00,x\n2026-11-21 00:30,y\n", "no row could be taken"),
    ])
    func badFiles(text: String, words: String) {
        let error = #expect(throws: LoadFileError.self) { try parse(text) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        #expect(error?.hint.isEmpty == false)
    }

    @Test func limits() throws {
        let text = "t,A,B\n2026-11-21 00:00,1,1\n2026-11-21 00:30,1,1\n2026-11-22 00:00,1,1\n"
        func fails(_ change: (inout LoadFileLimits) -> Void) {
            var limits = LoadFileLimits.standard
            change(&limits)
            #expect(throws: LoadFileError.self) { try parse(text, limits: limits) }
        }
        fails { $0.bytes = text.utf8.count - 1 }
        fails { $0.lineBytes = 19 }
        fails { $0.rows = 2 }
        fails { $0.columns = 2 }
        fails { $0.meters = 1 }
        fails { $0.slots = 4 * 48 - 1 }
        var few = LoadFileLimits.standard
        few.refusedRows = 1
        let file = try parse(text + "x,1,1\ny,1,1\n", limits: few)
        #expect(file.refused.count == 1 && file.refusedCount == 2)
        #expect(try parse(text, periodS: 900).periodS == 900)
    }

    /// A period with gaps: the most frequent step counts, not the first or the smallest.
    @Test func periodFromMostSteps() throws {
        var rows = ["id,stamp,kwh", "A,2026-01-01 00:00,1", "A,2026-01-01 20:30,1", "A,2026-01-01 20:37,1"]
        for slot in 1..<40 { rows.append("A,2026-01-02 \(slot < 20 ? "0" : "1")\(slot / 2 % 10):\(slot % 2)5,1") }
        #expect(try parse(rows.joined(separator: "\n"), periodS: 300).periodS == 300)
        rows = ["id,stamp,kwh", "A,2026-01-01 00:00,1", "A,2026-01-01 20:30,1", "A,2026-01-01 20:37,1"]
        for hour in 10..<24 { rows.append("A,2026-01-02 \(hour):00,1\nA,2026-01-02 \(hour):30,1") }
        let file = try parse(rows.joined(separator: "\n"))
        #expect(file.periodS == 1800)
        #expect(file.refused.map(\.row) == [4])
    }

    /// Hostile bytes: never a trap.
    @Test func randomBytes() {
        var state = UInt64.random(in: 0...UInt64.max)
        let seed = state
        let alphabet = Array("0123456789-:T ,.;Zid\n\n\r\"+\u{0}é".utf8)
        for _ in 0..<500 {
            let body = (0..<200).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return alphabet[Int((state >> 33) % UInt64(alphabet.count))]
            }
            let rows = Array("t,A\n2026-11-21 00:00,1\n2026-11-21 00:30,2\n".utf8) + body
            let file = try? LoadFileParser.parse(rows, file: "f", zone: .utc)
            if let file { #expect(file.periodS % 60 == 0, "seed \(seed)") }
        }
    }
}
