// LoadCurve: power over one or more days with the quality of every value, bands, held raw values, now and lanes.
// Estimated, edited and missing never look like actual. Doubles are coordinates only; values stay integers.
import IntervalData
import Quantities

/// The y of a power: from the baseline up, cut at the frame.
struct PowerScale {
    let topW: Int64
    let height: Double
    func callAsFunction(_ powerW: Int64) -> Double {
        height - Double(min(max(powerW, 0), topW)) / Double(topW) * height
    }
}

/// Power as a step line, one step a slot. Values are watt-hours of a slot; the picture shows watts.
public struct LoadCurve: Sendable {
    /// A span of slots behind the plot; level 1 is the cheapest, 3 the dearest. A name is written when it fits.
    public struct Band: Sendable {
        public var slots: Range<Int>
        public var level: Int
        public var name: String
        public init(slots: Range<Int>, level: Int, name: String) {
            self.slots = slots
            self.level = level
            self.name = name
        }
    }

    /// What the meter said and validation refused: a hollow outline over its slots.
    public struct HeldRaw: Sendable {
        public var slots: Range<Int>
        public var powerW: Int64
        public var label: String
        public init(slots: Range<Int>, powerW: Int64, label: String) {
            self.slots = slots
            self.powerW = powerW
            self.label = label
        }
    }

    public enum LaneState: Sendable { case on, wantedOn, off, unknown }

    /// A row under the axis: spans of one state each. What no span covers is unknown or still to come.
    public struct Lane: Sendable {
        public var spans: [(slots: Range<Int>, state: LaneState, title: String)]
        public init(spans: [(slots: Range<Int>, state: LaneState, title: String)]) { self.spans = spans }
    }

    public enum Tone: Sendable { case neutral, good, bad }

    /// A small square in the lane of events.
    public struct EventMark: Sendable {
        public var slot: Double
        public var tone: Tone
        public var title: String
        public init(slot: Double, tone: Tone, title: String) {
            self.slot = slot
            self.tone = tone
            self.title = title
        }
    }

    /// Slots of the whole frame; `values` may end earlier, then the rest has not happened yet.
    public var slotCount: Int
    public var values: [Int32]
    public var qualities: [Quality]
    public var slotsPerHour: Int
    /// The day compared with, watt-hours a slot, drawn dashed.
    public var compared: [Int32] = []
    /// The lowest and the highest of some days before, watt-hours a slot, drawn as a band behind the values.
    public var range: [ClosedRange<Int32>?] = []
    public var bands: [Band] = []
    public var held: [HeldRaw] = []
    public var axis: [AxisLabel] = []
    public var now: NowLine?
    /// The sanctioned load as a line, watts, with its words.
    public var limit: (powerW: Int64, label: String)?
    public var lanes: [Lane] = []
    public var events: [EventMark] = []
    public var plotHeight = 190
    /// Columns drawn at most per two slots; 1,200 for the console, 400 for the portal.
    public var pixels = 1200
    /// The words of a gap.
    public var noData: String
    public var alt: String

    public init(
        slotCount: Int, values: [Int32], qualities: [Quality], slotsPerHour: Int, noData: String, alt: String
    ) {
        precondition(values.count == qualities.count, "a quality for every value")
        self.slotCount = max(slotCount, values.count)
        self.values = values
        self.qualities = qualities
        self.slotsPerHour = slotsPerHour
        self.noData = noData
        self.alt = alt
    }

    /// Watts of a slot.
    func powerW(_ wh: Int32) -> Int64 { Int64(wh) * Int64(slotsPerHour) }

    /// The highest power the frame shows. One value more than three times the 99th percentile is cut, not fitted.
    var frameTopW: Int64 {
        let known = zip(values, qualities).filter { $0.1 != .missing }.map { powerW($0.0) }.sorted()
        let percentile = known.isEmpty ? 0 : known[(known.count - 1) * 99 / 100]
        let fitted = percentile > 0 ? known.last { $0 <= percentile * 3 } ?? percentile : known.last ?? 0
        let other = compared.map(powerW).max() ?? 0
        // A limit far above the load is left out of the frame rather than flattening the day.
        let limitW = limit.map { $0.powerW <= fitted * 2 ? $0.powerW : 0 } ?? 0
        return max(fitted, other, limitW, 1)
    }

    public func svg() -> String {
        let (step, topW) = niceAxis(maximum: frameTopW)
        let height = Double(plotHeight)
        var canvas = Canvas(plotHeight: height, slots: Double(max(1, slotCount)))
        let y = PowerScale(topW: topW, height: height)
        for band in bands {
            let (from, to) = (Double(band.slots.lowerBound), Double(band.slots.upperBound))
            canvas.rect("bd\(min(max(band.level, 1), 3))", from: from, to: to, y: 0, height: height, title: band.name)
        }
        canvas.grid(step: step, top: topW) { Self.powerLabel($0, topW: topW) }
        drawMissing(&canvas)
        if slotCount > 2 * pixels { drawDecimated(&canvas, y: y) } else { drawSlots(&canvas, y: y) }
        drawMarks(&canvas, topW: topW, y: y)
        canvas.baseline(axis)
        let bottom = drawLanes(&canvas)
        if let now { canvas.now(now, from: 0, to: bottom) }
        return canvas.svg(height: bottom > height ? bottom + 4 : height + 26, alt: alt)
    }

    /// `400`, and `1,200 W` on the top line; above 1,000 W in kW.
    static func powerLabel(_ powerW: Int64, topW: Int64) -> String {
        guard topW > 1000 else { return powerW == topW ? "\(fixedPoint(powerW, places: 0)) W" : "\(powerW)" }
        let places = topW % 1000 == 0 && powerW % 1000 == 0 ? 0 : topW % 100 == 0 && powerW % 100 == 0 ? 1 : 2
        var divisor: Int128 = 1000
        for _ in 0..<places { divisor /= 10 }
        let text = fixedPoint(roundedHalfAway(Int128(powerW), dividedBy: divisor), places: places)
        return powerW == topW ? "\(text) kW" : text
    }

    /// Runs of slots that share a quality.
    func runs(of wanted: Quality) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for slot in qualities.indices where qualities[slot] == wanted {
            if runs.last?.upperBound == slot {
                runs[runs.count - 1] = runs[runs.count - 1].lowerBound..<slot + 1
            } else {
                runs.append(slot..<slot + 1)
            }
        }
        return runs
    }

    private func drawMissing(_ canvas: inout Canvas) {
        for run in runs(of: .missing) {
            let (from, to) = (Double(run.lowerBound), Double(run.upperBound))
            canvas.rect("mi", from: from, to: to, y: 0, height: canvas.plotHeight, title: noData)
            guard run.count * 24 >= slotCount else { continue }
            canvas.text(noData, slot: (from + to) / 2, y: 14, cls: "halo w2", anchor: .middle)
        }
    }

    private func drawSlots(_ canvas: inout Canvas, y: PowerScale) {
        let height = canvas.plotHeight
        for case (let slot, let range?) in range.enumerated() {
            let (top, foot) = (y(powerW(range.upperBound)), y(powerW(range.lowerBound)))
            canvas.rect("rg", from: Double(slot), to: Double(slot + 1), y: top, height: max(1, foot - top))
        }
        let actual = runs(of: .actual)
        canvas.paths([("ar", actual.map { steps($0, y: y, closedAt: height) }.joined())])
        for (quality, cls) in [(Quality.estimated, "hx"), (.edited, "hc")] {
            for run in runs(of: quality) {
                for part in equalParts(run) {
                    let top = y(powerW(values[part.lowerBound]))
                    canvas.rect(
                        cls, from: Double(part.lowerBound), to: Double(part.upperBound), y: top, height: height - top)
                }
            }
        }
        canvas.paths([
            ("ln p", compared.isEmpty ? "" : steps(values: compared, from: 0, y: y)),
            ("ln th", runs(of: .estimated).map { steps($0, y: y) }.joined()),
            ("ln cu", runs(of: .edited).map { steps($0, y: y) }.joined()),
            ("ln", actual.map { steps($0, y: y) }.joined()),
        ])
    }

    /// Spans of equal values inside a run: one hatched box each.
    private func equalParts(_ run: Range<Int>) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        for slot in run {
            if let last = parts.last, values[last.lowerBound] == values[slot] {
                parts[parts.count - 1] = last.lowerBound..<slot + 1
            } else {
                parts.append(slot..<slot + 1)
            }
        }
        return parts
    }

    private func steps(_ run: Range<Int>, y: PowerScale, closedAt floor: Double? = nil) -> String {
        steps(values: Array(values[run]), from: run.lowerBound, y: y, closedAt: floor)
    }

    /// `M x y h1 v…`: one step a slot, equal neighbours merged; closed down to the floor for an area.
    /// Relative moves are taken between rounded positions, so rounding never adds up.
    private func steps(values: [Int32], from: Int, y: PowerScale, closedAt floor: Double? = nil) -> String {
        guard let first = values.first else { return "" }
        let place = { (wh: Int32) in (y(powerW(wh)) * 10).rounded() / 10 }
        var (current, width) = (place(first), 0)
        var path = floor.map { "M\(from) \(px($0))V\(px(current))" } ?? "M\(from) \(px(current))"
        for value in values {
            let next = place(value)
            if next != current {
                path += "h\(width)v\(px(next - current))"
                (current, width) = (next, 0)
            }
            width += 1
        }
        path += "h\(width)"
        return floor.map { path + "V\(px($0))z" } ?? path
    }

    /// More slots than pixels: of every column its lowest and highest value as one stroke, in the order they came, so
    /// that a spike of one slot survives. The quality of a column is the worst in it.
    private func drawDecimated(_ canvas: inout Canvas, y: PowerScale) {
        let column = (slotCount + pixels - 1) / pixels
        var paths: [Quality: String] = [:]
        var (previous, at) = (Quality?.none, 0)
        for start in stride(from: 0, to: values.count, by: column) {
            let range = start..<min(start + column, values.count)
            let worst = qualities[range].min() ?? .missing
            defer { previous = worst }
            guard worst != .missing, let low = range.min(by: { values[$0] < values[$1] }),
                let high = range.max(by: { values[$0] < values[$1] })
            else { continue }
            let extremes = (low < high ? [low, high] : [high, low]).map { Int(y(powerW(values[$0])).rounded()) }
            if previous == worst {
                paths[worst, default: ""] += "h\(column)"
            } else {
                paths[worst, default: ""] += "M\(start) \(extremes[0])"
                at = extremes[0]
            }
            for extreme in extremes where extreme != at {
                paths[worst, default: ""] += "v\(extreme - at)"
                at = extreme
            }
        }
        canvas.paths([
            ("ln th", paths[.estimated] ?? ""), ("ln cu", paths[.edited] ?? ""), ("ln", paths[.actual] ?? ""),
        ])
    }

    private func drawMarks(_ canvas: inout Canvas, topW: Int64, y: PowerScale) {
        let height = canvas.plotHeight
        let outlines = held.map { raw in
            "M\(raw.slots.lowerBound) \(px(height))V\(px(y(raw.powerW)))H\(raw.slots.upperBound)V\(px(height))"
        }
        canvas.paths([("ln bd", outlines.joined())])
        for raw in held {
            let (from, to) = (Double(raw.slots.lowerBound), Double(raw.slots.upperBound))
            if raw.powerW > topW { canvas.rect("bdf", from: from, to: to, y: 0, height: 4) }
            let left = from > canvas.slots * 0.8
            canvas.text(
                raw.label, slot: left ? from : to, y: 24, cls: "halo w2", anchor: left ? .end : .start,
                dx: left ? -5 : 5)
        }
        for slot in values.indices where qualities[slot] != .missing && powerW(values[slot]) > topW {
            let label = "\(fixedPoint(powerW(values[slot]), places: 0)) W"
            canvas.rect("bdf", from: Double(slot), to: Double(slot + 1), y: 0, height: 4, title: label)
            let left = Double(slot) > canvas.slots * 0.8
            canvas.text(
                label, slot: Double(left ? slot : slot + 1), y: 38, cls: "halo w2", anchor: left ? .end : .start,
                dx: left ? -5 : 5)
        }
        if let limit, limit.powerW <= topW {
            canvas.horizontal("lim", y: y(limit.powerW))
            canvas.text(limit.label, slot: canvas.slots, y: y(limit.powerW) - 4, cls: "halo", anchor: .end)
        }
    }

    /// Draws the lanes and the events; answers the y below the last one.
    private func drawLanes(_ canvas: inout Canvas) -> Double {
        guard !lanes.isEmpty || !events.isEmpty else { return canvas.plotHeight }
        var y = canvas.plotHeight + 30
        for lane in lanes {
            for span in lane.spans {
                let cls =
                    switch span.state {
                    case .on: "u"
                    case .wantedOn: "h2"
                    case .off: "hg"
                    case .unknown: "mi"
                    }
                canvas.rect(
                    cls, from: Double(span.slots.lowerBound), to: Double(span.slots.upperBound), y: y, height: 10,
                    title: span.title)
            }
            y += 16
        }
        for event in events {
            let cls =
                switch event.tone {
                case .neutral: "ik"
                case .good: "gd"
                case .bad: "bdf"
                }
            canvas.body += "<rect class=\"\(cls)\" x=\"\(canvas.x(event.slot))\" y=\"\(px(y))\""
            canvas.body += " width=\"8\" height=\"8\" transform=\"translate(-4 0)\">"
            canvas.body += "<title>\(escaped(event.title))</title></rect>"
        }
        return y + 14
    }
}
