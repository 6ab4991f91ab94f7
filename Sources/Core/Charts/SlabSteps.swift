// SlabSteps: slabs of a tariff as steps from left to right, as high as their price and as wide as their energy; the
// last one is open to the right. Labels are ready text. Knows no tariff.

public struct SlabSteps: Sendable {
    public struct Step: Sendable {
        /// Where it ends; nil is without end.
        public var upTo: Int64?
        /// Any unit; from zero.
        public var price: Int64
        /// On the step, and under its end.
        public var priceLabel: String
        public var endLabel: String
        public var title: String
        public init(upTo: Int64?, price: Int64, priceLabel: String, endLabel: String, title: String) {
            self.upTo = upTo
            self.price = price
            self.priceLabel = priceLabel
            self.endLabel = endLabel
            self.title = title
        }
    }

    public var steps: [Step]
    public var alt: String
    public init(steps: [Step], alt: String) {
        self.steps = steps
        self.alt = alt
    }

    private static let height = 92.0

    public func svg() -> String {
        let last = steps.compactMap(\.upTo).max() ?? 1
        // The open step takes a quarter of the width.
        let width = Double(last) * (steps.contains { $0.upTo == nil } ? 4.0 / 3.0 : 1)
        let dearest = max(1, steps.map(\.price.magnitude).max() ?? 1)
        var canvas = Canvas(plotHeight: Self.height, slots: max(1, width))
        var from = 0.0
        for (index, step) in steps.enumerated() {
            let to = step.upTo.map(Double.init) ?? width
            let tall = Double(step.price.magnitude) / Double(dearest) * (Self.height - 22)
            canvas.rect(
                step.upTo == nil ? "ar" : "h\(min(5, index + 1))", from: from, to: to, y: Self.height - tall,
                height: tall, title: step.title)
            let isNarrow = to - from < width * 0.12
            canvas.text(
                step.priceLabel, slot: (from + to) / 2, y: Self.height - tall - 6, cls: isNarrow ? "w2" : "",
                anchor: .middle)
            from = to
        }
        canvas.horizontal("ax", y: Self.height)
        var shownEnd = -1.0
        for step in steps {
            guard let upTo = step.upTo else { continue }
            let isClose = Double(upTo) - shownEnd < width * 0.1
            canvas.vertical("tk", slot: Double(upTo), from: Self.height, to: Self.height + 6)
            canvas.text(
                step.endLabel, slot: Double(upTo), y: Self.height + 19, cls: isClose ? "w2" : "", anchor: .middle)
            if !isClose { shownEnd = Double(upTo) }
        }
        return canvas.svg(height: Self.height + 26, alt: alt)
    }
}
