// Bars: one bar a day with an optional bar to compare with; money or energy, always from zero.
// Must not: hide a negative sum (its bar hangs below the line) or draw an unfinished day like a finished one.

/// Bars over days. Values are integers of one unit (paise or Wh); labels are ready text.
public struct Bars: Sendable {
    public struct Bar: Sendable {
        public var value: Int64
        public var compared: Int64?
        /// Above the bar, below the axis, and the full truth for pointer and screen reader.
        public var top: String
        public var bottom: String
        public var title: String
        public var isUnfinished: Bool
        public init(
            value: Int64, compared: Int64? = nil, top: String, bottom: String, title: String, isUnfinished: Bool = false
        ) {
            self.value = value
            self.compared = compared
            self.top = top
            self.bottom = bottom
            self.title = title
            self.isUnfinished = isUnfinished
        }
    }

    public var bars: [Bar]
    public var plotHeight = 92
    public var alt: String

    public init(bars: [Bar], alt: String) {
        self.bars = bars
        self.alt = alt
    }

    /// Pixels of a value in a plot; the tallest bar leaves 20 px for the words above it.
    func heightPx(_ value: Int64) -> Double {
        let largest = bars.flatMap { [$0.value.magnitude, ($0.compared ?? 0).magnitude] }.max() ?? 0
        return largest == 0 ? 0 : Double(value.magnitude) / Double(largest) * Double(plotHeight - 20)
    }

    public func svg() -> String {
        let slots = Double(max(bars.count, 1))
        let hasNegative = bars.contains { $0.value < 0 || ($0.compared ?? 0) < 0 }
        let base = Double(plotHeight)
        var canvas = Canvas(plotHeight: base, slots: slots)
        for (index, bar) in bars.enumerated() {
            let left = Double(index)
            var (from, to) = (left + 0.01, left + 0.99)
            if let compared = bar.compared {
                let height = heightPx(compared)
                let y = compared < 0 ? base : base - height
                canvas.rect("pv", from: left + 0.11, to: left + 0.35, y: y, height: height)
                (from, to) = (left + 0.39, left + 0.89)
            }
            let height = heightPx(bar.value)
            let y = bar.value < 0 ? base : base - height
            canvas.rect(bar.isUnfinished ? "ar" : "u", from: from, to: to, y: y, height: height, title: bar.title)
            if bar.isUnfinished { canvas.rect("mi", from: from, to: to, y: y, height: height) }
            let cls = bar.isUnfinished ? "b" : ""
            let words = bar.value < 0 ? base + height + 14 : y - 6
            canvas.text(bar.top, slot: left + 0.5, y: words, cls: cls, anchor: .middle)
        }
        canvas.horizontal("ax", y: base)
        let below = hasNegative ? base * 2 : base
        for (index, bar) in bars.enumerated() {
            canvas.text(bar.bottom, slot: Double(index) + 0.5, y: below + 17, anchor: .middle)
        }
        return canvas.svg(height: below + 22, alt: alt)
    }
}
