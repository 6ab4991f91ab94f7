// GoldenTests: every chart against its stored picture, and the rules that hold for all of them.
// BUSBAR_GOLDEN=write stores new pictures; look at them before committing.
import Charts
import Foundation
import IntervalData
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// A chart of every kind in every state the rules name.
enum Picture {
    static let axis = [
        AxisLabel(slot: 0, text: "00"), AxisLabel(slot: 48, text: "12"), AxisLabel(slot: 96, text: "24"),
    ]

    static func day(_ slots: Int = 96) -> [Int32] {
        (0..<slots).map { slot in
            let hour = slot / 4
            return Int32(20 + (slot * 7) % 5 + (hour == 7 ? 120 : 0) + ((18...21).contains(hour) ? 90 : 0))
        }
    }

    static func curve(
        _ values: [Int32], quality: (Int) -> Quality = { _ in .actual }, slots: Int? = nil
    ) -> LoadCurve {
        var curve = LoadCurve(
            slotCount: slots ?? values.count, values: values, qualities: values.indices.map(quality),
            slotsPerHour: 4, noData: "no data", alt: "Power on a day")
        curve.axis = axis
        return curve
    }

    static func full() -> LoadCurve {
        var curve = curve(
            Array(day().prefix(56)),
            quality: { slot in
                switch slot {
                case 4..<10: .missing
                case 20..<24: .estimated
                case 30..<32: .edited
                default: .actual
                }
            }, slots: 96)
        curve.compared = day()
        curve.bands = [.init(slots: 36..<68, level: 1, name: "Solar"), .init(slots: 72..<88, level: 3, name: "Peak")]
        curve.held = [.init(slots: 30..<32, powerW: 9_980, label: "raw 9,980 W")]
        curve.now = NowLine(slot: 56, label: "14:00")
        curve.limit = (1_000, "1 kW")
        curve.lanes = [
            .init(spans: [(0..<40, .on, "on"), (40..<44, .off, "off"), (44..<56, .unknown, "?")]),
            .init(spans: [(0..<56, .wantedOn, "on")]),
        ]
        curve.events = [
            .init(slot: 12, tone: .bad, title: "Magnet & <tamper>"), .init(slot: 20, tone: .good, title: "up"),
        ]
        return curve
    }

    static func spike() -> LoadCurve {
        var values = day()
        values[50] = 9_000
        return curve(values)
    }

    static func bars(_ values: [Int64], compared: Int64? = nil) -> Bars {
        Bars(
            bars: values.enumerated().map {
                .init(
                    value: $1, compared: compared, top: "\($1)", bottom: "d\($0)", title: "day \($0): \($1)",
                    isUnfinished: $0 == 6)
            }, alt: "Money a day")
    }

    static func balance(_ paise: Int64) -> BalanceLine {
        var line = BalanceLine(
            minutes: 4_320,
            past: [.init(minute: 0, balancePaise: paise + 2_000), .init(minute: 600, balancePaise: paise)],
            median: [.init(minute: 600, balancePaise: paise), .init(minute: 3_000, balancePaise: 0)],
            now: NowLine(slot: 600, label: "now"), alt: "Balance",
            gridLabel: { paise, isTop in
                isTop ? "₹\(paise / 100)" : "\(paise / 100)"
            })
        line.low = [.init(minute: 600, balancePaise: paise), .init(minute: 2_500, balancePaise: 0)]
        line.high = [.init(minute: 600, balancePaise: paise), .init(minute: 3_600, balancePaise: 0)]
        line.warning = (5_000, "Warning ₹50")
        line.zero = (3_000, "Tue, about 1 pm")
        line.heldMinutes = [0..<660, 1_050..<2_100]
        line.axis = [AxisLabel(slot: 0, text: "Sat 21"), AxisLabel(slot: 1_440, text: "Sun 22")]
        return line
    }

    static func heat(_ shares: [Int?]) -> HeatStrip {
        HeatStrip(
            rows: [.init(sharesPpm: shares), .init(sharesPpm: shares.reversed())], slotCount: 24, axis: axis,
            now: NowLine(slot: 14.1, label: "now 14:05"), alt: "Share received")
    }

    static func waterfall(_ amounts: [Int64]) throws -> String {
        let parts = amounts.map { Waterfall.Row(amount: $0, part: $0 < 0 ? .credit : .level(2)) }
        return try Waterfall(rows: parts + [.init(amount: amounts.reduce(0, +), part: .total)]).cells().joined()
    }

    typealias Named = (name: String, svg: String)

    static func all() throws -> [Named] {
        let sums = try sums()
        return curves() + allBars() + sums + heats() + others()
    }

    static func curves() -> [Named] {
        [
            ("curve-normal", full().svg()), ("curve-missing", curve(day(), quality: { _ in .missing }).svg()),
            ("curve-one-slot", curve([25]).svg()), ("curve-negative", curve(day().map { $0 - 40 }).svg()),
            ("curve-92", curve(day(92)).svg()), ("curve-100", curve(day(100)).svg()), ("curve-spike", spike().svg()),
            ("curve-none", curve([], slots: 96).svg()), ("curve-year", year().svg()),
        ]
    }

    static func allBars() -> [Named] {
        [
            ("bars-normal", bars([3_944, 3_598, 3_526, 3_494, 3_688, 3_930, 1_885]).svg()),
            ("bars-compared", bars([10, 20, 30], compared: 15).svg()), ("bars-none", bars([]).svg()),
            ("bars-one", bars([7]).svg()), ("bars-negative", bars([100, -50, 0]).svg()),
        ]
    }

    static func sums() throws -> [Named] {
        [
            ("waterfall-normal", try waterfall([1_003, 439, 342, 1_120, 239, 600, 187])),
            ("waterfall-negative", try waterfall([500, -700, 100])), ("waterfall-none", try waterfall([])),
        ]
    }

    static func heats() -> [Named] {
        var shares = [Int?](repeating: 1_000_000, count: 14)
        shares[3] = nil
        shares[5] = 300_000
        shares[6] = 960_000
        return [
            ("heat-normal", heat(shares).svg()), ("heat-missing", heat(Array(repeating: nil, count: 14)).svg()),
            ("heat-one-slot", heat([500_000]).svg()),
        ]
    }

    static func runs(_ rows: [[RunStrip.Run]]) -> String {
        RunStrip(
            rows: rows, minutes: 720,
            axis: stride(from: 0, through: 720, by: 180).map { AxisLabel(slot: $0, text: "\($0 / 60)") },
            alt: "Runs of the last twelve hours"
        ).svg()
    }

    static func others() -> [Named] {
        [
            (
                "runs-normal",
                runs([
                    [
                        .init(fromMinute: 0, toMinute: 0, outcome: .done, title: "Read, 0.2 s: 48 read, 0 not"),
                        .init(fromMinute: 700, toMinute: 730, outcome: .running, title: "Read"),
                    ],
                    [
                        .init(fromMinute: -30, toMinute: 45, outcome: .failed, title: "Price: \"why\" <&>"),
                        .init(fromMinute: 300, toMinute: 310, outcome: .gone, title: "Price"),
                        .init(fromMinute: 900, toMinute: 910, outcome: .done, title: "not in sight"),
                    ], [],
                ])
            ), ("runs-none", runs([])),
            ("sparkline-normal", Sparkline(values: [3, 5, 4, 9, 2], alt: "Units").svg()),
            ("sparkline-one", Sparkline(values: [3], alt: "Units").svg()),
            ("sparkline-none", Sparkline(values: [], alt: "Units").svg()),
            ("sparkline-negative", Sparkline(values: [3, -5, 4], alt: "Units").svg()),
            ("balance-normal", balance(11_860).svg()), ("balance-negative", balance(-500).svg()),
            ("stations-normal", StationBars(expected: 48, passed: [43, 41, 47, 46, 45, 45]).cells().joined()),
            ("stations-none", StationBars(expected: 0, passed: [0, 0, 0, 0, 0, 0]).cells().joined()),
        ]
    }

    static func year() -> LoadCurve {
        // A small generator with a fixed seed: noise that does not compress.
        var state: UInt32 = 7
        var values = (0..<35_040).map { (slot: Int) -> Int32 in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Int32(30 + (slot / 96) % 40) + Int32(state >> 28)
        }
        values[20_000] = 160
        return curve(values)
    }
}

@Suite struct GoldenTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")

    @Test func everyChartEqualsItsStoredPicture() throws {
        let isWriting = ProcessInfo.processInfo.environment["BUSBAR_GOLDEN"] == "write"
        for (name, svg) in try Picture.all() {
            let file = Self.folder.appendingPathComponent("\(name).svg")
            if isWriting { try Data(svg.utf8).write(to: file) }
            let stored = try String(contentsOf: file, encoding: .utf8)
            #expect(svg == stored, "\(name) has changed; BUSBAR_GOLDEN=write stores it anew")
        }
    }

    @Test func sameInputSameBytes() throws {
        #expect(try Picture.all().map(\.svg) == Picture.all().map(\.svg))
    }

    @Test func noChartHoldsWhatSVGCannotRead() throws {
        for (name, svg) in try Picture.all() {
            let numbers = svg.replacing(#/aria-label="[^"]*"|<text[^>]*>[^<]*|<title>[^<]*/#, with: "")
            #expect(!numbers.contains("nan") && !numbers.contains("inf"), "\(name)")
            #expect(numbers.firstMatch(of: #/[0-9]e-?[0-9]/#) == nil, "\(name) has an exponent")
            #expect(!svg.contains("style=") && !svg.contains("<script") && !svg.contains("#0"), "\(name)")
            for match in numbers.matches(of: #/(?:x|x1|x2|width|cx)="(-?[0-9.]+)%"/#) {
                let value = try #require(Double(match.1))
                #expect(value >= 0 && value <= 100, "\(name): \(value)% is outside the frame")
            }
            #expect(XMLParser(data: Data("<r>\(svg)</r>".utf8)).parse(), "\(name) is not well formed")
            if svg.contains("role=\"img\"") {
                #expect(svg.firstMatch(of: #/aria-label="[^"]+"/#) != nil, "\(name) has no words")
            }
        }
    }

    @Test(arguments: [
        ("day", 600), ("bars", 2_400), ("year", 2_000), ("waterfall", 800), ("heat", 1_000),
    ])
    func chartsAreSmallOnTheWire(name: String, limit: Int) throws {
        let svg =
            switch name {
            case "day": Picture.curve(Picture.day()).svg()
            case "bars": Picture.bars((0..<31).map { (day: Int) -> Int64 in Int64(3_000 + day * 37 % 900) }).svg()
            case "year": Picture.year().svg()
            case "waterfall": try Picture.waterfall([1_003, 439, 342, 1_120, 239, 600, 187])
            default:
                HeatStrip(
                    rows: (0..<14).map { (row: Int) -> HeatStrip.Row in
                        let shares = (0..<24).map { (hour: Int) -> Int? in (hour * 7 + row * 5) % 9 * 125_000 }
                        return .init(sharesPpm: shares)
                    },
                    slotCount: 24, axis: Picture.axis, alt: "Share"
                ).svg()
            }
        #expect(try gzipped(svg) <= limit)
    }

    private func gzipped(_ text: String) throws -> Int {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        process.arguments = ["-c", "gzip -9 -c \"$0\" | wc -c", file.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let out = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return try #require(Int(String(decoding: out, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)))
    }
}
