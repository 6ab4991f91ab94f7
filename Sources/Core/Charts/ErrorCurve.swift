// ErrorCurve: how the error of forecasts falls with the number of meters summed: one point a number, joined by a line,
// and the same of a simple forecast dashed. Must not: fit or smooth; a number without a value has no point.

public struct ErrorCurve: Sendable {
    public struct Point: Sendable {
        /// Below the axis: the number of meters.
        public var label: String
        /// The full truth for pointer and screen reader.
        public var title: String
        /// Errors in millionths; nil where nothing could be judged.
        public var ppm: Int64?
        public var comparedPpm: Int64?
        public init(label: String, title: String, ppm: Int64?, comparedPpm: Int64? = nil) {
            self.label = label
            self.title = title
            self.ppm = ppm
            self.comparedPpm = comparedPpm
        }
    }

    public var points: [Point]
    public var plotHeight = 190
    public var alt: String

    public init(points: [Point], alt: String) {
        self.points = points
        self.alt = alt
    }

    public func svg() -> String {
        let height = Double(plotHeight)
        // Points stand in the middle of two units each.
        var canvas = Canvas(plotHeight: height, slots: Double(max(1, points.count * 2)))
        let highest = points.flatMap { [$0.ppm, $0.comparedPpm] }.compactMap { $0 }.max() ?? 0
        let (step, top) = niceAxis(maximum: (max(0, highest) + 9_999) / 10_000)
        canvas.grid(step: step, top: top) { $0 == top ? "\($0) %" : "\($0)" }
        let y = { (ppm: Int64) in height - Double(max(0, ppm)) / Double(top * 10_000) * height }
        let line = { (value: (Point) -> Int64?) in
            let known = points.enumerated().compactMap { index, point in
                value(point).map { "\(index * 2 + 1) \(px(y($0)))" }
            }
            return known.count < 2 ? "" : "M" + known.joined(separator: "L")
        }
        canvas.paths([("ln p", line(\.comparedPpm)), ("ln", line(\.ppm))])
        for (index, point) in points.enumerated() {
            guard let ppm = point.ppm else { continue }
            let at = Double(index * 2 + 1)
            canvas.body += "<circle class=\"ik\" cx=\"\(canvas.x(at))\" cy=\"\(px(y(ppm)))\" r=\"4\">"
            canvas.body += "<title>\(escaped(point.title))</title></circle>"
            let words = "\(ppm / 10_000).\(ppm / 1_000 % 10)"
            canvas.text(words, slot: at, y: y(ppm) - 8, cls: index % 2 == 1 ? "halo w2" : "halo", anchor: .middle)
        }
        canvas.baseline(
            points.enumerated().map { index, point in
                AxisLabel(slot: index * 2 + 1, text: point.label, isMinor: index % 2 == 1 && index < points.count - 1)
            })
        return canvas.svg(height: height + 26, alt: alt)
    }
}
