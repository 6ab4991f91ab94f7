// BalanceLine: the balance of a wallet so far, and how it is likely to fall until nothing is left.
// Draws what it is given; the forecast is made elsewhere. Times are minutes from the left end of the frame.

public struct BalanceLine: Sendable {
    public struct Point: Sendable {
        public var minute: Int
        public var balancePaise: Int64
        public init(minute: Int, balancePaise: Int64) {
            self.minute = minute
            self.balancePaise = balancePaise
        }
    }

    /// Length of the frame, minutes.
    public var minutes: Int
    public var past: [Point]
    public var median: [Point]
    /// The likely range: lower and higher balance, from now on. Empty: no cone.
    public var low: [Point] = []
    public var high: [Point] = []
    public var warning: (paise: Int64, label: String)?
    public var zero: (minute: Int, label: String)?
    /// Hours in which supply cannot be cut.
    public var heldMinutes: [Range<Int>] = []
    /// `slot` is a minute here.
    public var axis: [AxisLabel] = []
    public var now: NowLine
    public var plotHeight = 150
    /// Text of a grid line, for an amount in paise.
    public var gridLabel: @Sendable (_ paise: Int64, _ isTop: Bool) -> String
    public var alt: String

    public init(
        minutes: Int, past: [Point], median: [Point], now: NowLine, alt: String,
        gridLabel: @escaping @Sendable (_ paise: Int64, _ isTop: Bool) -> String
    ) {
        self.minutes = minutes
        self.past = past
        self.median = median
        self.now = now
        self.alt = alt
        self.gridLabel = gridLabel
    }

    public func svg() -> String {
        let highest = (past + median + high).map(\.balancePaise).max() ?? 0
        let (stepRupees, topRupees) = niceAxis(maximum: (max(highest, 0) + 99) / 100)
        let top = Double(topRupees * 100)
        let height = Double(plotHeight)
        var canvas = Canvas(plotHeight: height, slots: Double(max(1, minutes)))
        let y = { (paise: Int64) in height - min(max(Double(paise), 0), top) / top * height }
        for span in heldMinutes {
            canvas.rect("hg", from: Double(span.lowerBound), to: Double(span.upperBound), y: height - 14, height: 14)
        }
        canvas.grid(step: stepRupees, top: topRupees) { gridLabel($0 * 100, $0 == topRupees) }
        let line = { (points: [Point]) in
            points.isEmpty ? "" : "M" + points.map { "\($0.minute) \(px(y($0.balancePaise)))" }.joined(separator: "L")
        }
        let cone = low.isEmpty || high.isEmpty ? "" : line(high + low.reversed()) + "z"
        canvas.paths([("ar", cone), ("ln p", line(median)), ("ln", line(past))])
        if let warning, Double(warning.paise) <= top {
            canvas.horizontal("lim", y: y(warning.paise))
            canvas.text(warning.label, slot: now.slot, y: y(warning.paise) - 5, cls: "halo", dx: 6)
        }
        canvas.baseline([])
        for label in axis {
            let cls = label.isMinor ? " w2" : ""
            canvas.vertical("tk\(cls)", slot: Double(label.slot), from: height, to: height + 22)
            // Words begin at their tick; near the end they would stand outside the frame.
            guard Double(label.slot) < canvas.slots * 0.9 else { continue }
            canvas.text(label.text, slot: Double(label.slot), y: height + 19, cls: label.isMinor ? "w2" : "", dx: 5)
        }
        canvas.now(now, from: 20, to: height)
        if let zero { drawZero(&canvas, zero) }
        return canvas.svg(height: height + 28, alt: alt)
    }

    private func drawZero(_ canvas: inout Canvas, _ zero: (minute: Int, label: String)) {
        let height = canvas.plotHeight
        canvas.vertical("ax", slot: Double(zero.minute), from: height - 64, to: height)
        canvas.body += "<circle class=\"ik\" cx=\"\(canvas.x(Double(zero.minute)))\" cy=\"\(px(height))\" r=\"5\"/>"
        let share = Double(zero.minute) / canvas.slots
        let anchor: Anchor = share < 0.15 ? .start : share > 0.85 ? .end : .middle
        canvas.text(zero.label, slot: Double(zero.minute), y: height - 71, cls: "b halo", anchor: anchor)
    }
}
