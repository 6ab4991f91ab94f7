// AmountBars: the picture column of a table whose rows are compared with each other: one bar a row, all on one scale.
// The table speaks; the cells are hidden from screen readers. Sums nothing.

public struct AmountBars: Sendable {
    let amounts: [Int64]
    /// The row that stands out.
    let marked: Int?

    /// - Parameter amounts: where any is below zero they are changes: less to the left of a line, more to the right.
    public init(_ amounts: [Int64], marked: Int? = nil) {
        (self.amounts, self.marked) = (amounts, marked)
    }

    /// One SVG a row, in order.
    public func cells() -> [String] {
        let low = Double(min(0, amounts.min() ?? 0))
        let scale = max(1, Double(max(0, amounts.max() ?? 0)) - low)
        let zero = -low / scale * 100
        return amounts.enumerated().map { index, amount in
            var canvas = Canvas(plotHeight: 26, slots: 100)
            let end = (Double(amount) - low) / scale * 100
            let width = amount == 0 ? 0 : max(abs(end - zero), 0.35)
            let from = min(min(zero, end), 100 - width)
            let cls = index == marked ? "cut" : amount < 0 ? "gd" : low < 0 ? "pk" : "h3"
            if width > 0 { canvas.rect(cls, from: from, to: from + width, y: 5, height: 16) }
            if low < 0 { canvas.vertical("tk", slot: zero, from: 0, to: 26) }
            return "<svg class=\"ch\" height=\"26\" aria-hidden=\"true\">\(canvas.body)</svg>"
        }
    }
}
