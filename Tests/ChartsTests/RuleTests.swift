// What every chart holds to: bytes, sizes, alternatives in words, no coordinate outside its frame.
import IntervalData
import Testing

// RuleTests: what each chart must keep to, checked on the numbers it draws.
@testable import Charts

@Suite struct RuleTests {
    @Test func barsStandForTheirValues() throws {
        let values: [Int64] = [3_944, 3_598, 0, 120, 3_930]
        let bars = Picture.bars(values)
        let drawn = bars.svg().matches(of: #/class="(?:u|ar)"[^>]*height="([0-9.]+)"/#).compactMap { Double($0.1) }
        try #require(drawn.count == values.count)
        let perPixel = Double(3_944) / 72
        let sum = drawn.reduce(0, +) * perPixel
        #expect(abs(sum - Double(values.reduce(0, +))) <= perPixel, "the area of the bars is the sum within a pixel")
    }

    @Test func amountsOfATableShareOneScale() {
        func bars(_ amounts: [Int64], marked: Int? = nil) -> [String] {
            AmountBars(amounts, marked: marked).cells().map { cell in
                cell.firstMatch(of: #/class="([a-z0-9]+)" x="([0-9.]+%)" width="([0-9.]+%)"/#)
                    .map { "\($0.1) \($0.2) \($0.3)" } ?? ""
            }
        }
        #expect(bars([400, 100, 0], marked: 1) == ["h3 0% 100%", "cut 0% 25%", ""])
        #expect(bars([-100, 300]) == ["gd 0% 25%", "pk 25% 75%"], "less to the left of the line, more to the right")
        #expect(bars([0, 0]) == ["", ""] && bars([]).isEmpty)
    }

    @Test func curveAreaIsTheEnergyOfTheDay() throws {
        let values = Picture.day()
        let path = try #require(Picture.curve(values).svg().firstMatch(of: #/class="ar" d="M0 190V([^"]*)"/#)).1
        // Walks the closed path: horizontal moves times the height over the baseline.
        var (y, area) = (0.0, 0.0)
        for (index, step) in path.matches(of: #/([hvV]?)(-?[0-9.]+)/#).enumerated() {
            let value = try #require(Double(step.2))
            switch String(step.1) {
            case "h": area += value * (190 - y)
            case "v": y += value
            default: y = index == 0 ? value : y
            }
        }
        let topW = Double(niceAxis(maximum: Int64(try #require(values.max())) * 4).top)
        let energyWh = area / 190 * topW / 4
        #expect(abs(energyWh - Double(values.reduce(0) { $0 + Int($1) })) <= topW / 190 / 4 * 96)
    }

    @Test func anErrorIsAsHighAsItIs() throws {
        let ppm: [Int64?] = [514_000, 237_000, nil, 62_000]
        let svg = ErrorCurve(
            points: ppm.enumerated().map { .init(label: "\($0.offset)", title: "<\($0.offset)>", ppm: $0.element) },
            alt: "Errors"
        ).svg()
        let heights = svg.matches(of: #/cy="([0-9.]+)"/#).compactMap { Double($0.1) }
        // 51.4 % needs an axis to 60 %.
        let wanted = ppm.compactMap { $0 }.map { 190 - Double($0) / 600_000 * 190 }
        #expect(heights.count == 3 && zip(heights, wanted).allSatisfy { abs($0 - $1) < 0.06 })
        #expect(svg.contains("51.4") && svg.contains("6.2") && svg.contains("&lt;3&gt;") && svg.contains("60 %"))
        #expect(!svg.contains("ln p"), "nothing to compare with")
        #expect(ErrorCurve(points: [], alt: "Errors").svg().contains("svg"))
    }

    @Test func waterfallRefusesWhatDoesNotFoot() {
        #expect(throws: Waterfall.DoesNotFoot(sum: 300, total: 301)) {
            try Waterfall(rows: [.init(amount: 300, part: .fixed), .init(amount: 301, part: .total)])
        }
    }

    @Test func estimatedEditedAndMissingNeverLookLikeActual() {
        for quality in [Quality.estimated, .edited, .missing] {
            let svg = Picture.curve(Picture.day(), quality: { _ in quality }).svg()
            #expect(!svg.contains("class=\"ar\"") && !svg.contains("class=\"ln\""), "\(quality)")
            let mark = quality == .estimated ? "hx" : quality == .edited ? "hc" : "mi"
            #expect(svg.contains("class=\"\(mark)\""))
        }
    }

    @Test func aGapIsNotBridged() throws {
        let svg = Picture.curve(Picture.day(), quality: { (40..<50).contains($0) ? .missing : .actual }).svg()
        let line = try #require(svg.firstMatch(of: #/class="ln" d="([^"]*)"/#)).1
        #expect(line.matches(of: #/M[0-9]+ /#).map { String($0.output) } == ["M0 ", "M50 "])
    }

    @Test func oneSpikeDoesNotFlattenTheDay() {
        #expect(Picture.spike().frameTopW == Picture.curve(Picture.day()).frameTopW)
        #expect(Picture.spike().svg().contains("36,000 W"))
        #expect(Picture.curve([0, 0, 0, 25]).frameTopW == 100, "a day of zeros still shows its one value")
    }

    @Test func aSpikeSurvivesDecimation() throws {
        let curve = Picture.year()
        let (_, topW) = niceAxis(maximum: curve.frameTopW)
        let path = try #require(curve.svg().firstMatch(of: #/class="ln" d="M0 ([^"]*)"/#)).1
        // Walks the strokes: the spike of 160 Wh in a quarter of an hour is 640 W and must be reached.
        var (y, highest) = (0, 190)
        for (index, step) in path.matches(of: #/([hv]?)(-?[0-9]+)/#).enumerated() where step.1 != "h" {
            y = try #require(Int(step.2)) + (index == 0 ? 0 : y)
            highest = min(highest, y)
        }
        #expect(highest == Int((190 - 640.0 / Double(topW) * 190).rounded()))
    }

    @Test(arguments: [(836, 250, 1_000), (750, 200, 800), (1, 1, 2), (1_200, 500, 1_500), (9_980, 2_500, 10_000)])
    func axesStepInRoundNumbers(maximum: Int64, step: Int64, top: Int64) {
        let axis = niceAxis(maximum: maximum)
        #expect(axis.step == step && axis.top == top)
    }

    @Test func lossesAreMagnifiedByThePrintedFactor() {
        let bars = StationBars(expected: 48_213, passed: [47_801, 47_655, 48_146, 48_146, 48_139])
        #expect(bars.magnification == 50)
        #expect(abs(bars.thicknessPx(47_655) - (34 - 34 * 50 * 558.0 / 48_213)) < 0.001)
        #expect(StationBars(expected: 10, passed: [10, 10]).magnification == 1)
        #expect(StationBars(expected: 10, passed: [1]).magnification == 1, "a big loss is drawn as it is")
    }

    @Test func nothingReceivedIsABoxNotAColour() {
        let svg = HeatStrip(rows: [.init(sharesPpm: [nil, 0])], slotCount: 2, axis: [], alt: "Share").svg()
        #expect(svg.contains("<rect class=\"mi\" x=\"0%\" width=\"50%\""))
        #expect(svg.contains("class=\"h1\" d=\"M1 2h1"))
    }

    @Test func wordsOfPeopleAreEscaped() {
        #expect(Picture.full().svg().contains("Magnet &amp; &lt;tamper&gt;"))
    }

    @Test func numbersAreWrittenPlainly() {
        #expect(px(0.000001) == "0" && px(-0.04) == "0" && px(12.25) == "12.3" && px(-3.5) == "-3.5")
        #expect(px(.nan) == "0" && px(.infinity) == "0")
        #expect(percent(1, of: 3) == "33.33%" && percent(1, of: 0) == "0%" && percent(1, of: 20) == "5%")
    }
}
