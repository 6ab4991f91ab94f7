// RunStrip: when things ran, how long, and which failed: a row a kind, time to the right, a line for the present.
// A run too short to be seen is drawn as wide as one that can be; its title says how long it was.

public struct RunStrip: Sendable {
    public enum Outcome: Sendable { case done, failed, running, gone }

    public struct Run: Sendable {
        /// From and to in minutes from the left end.
        public var fromMinute: Int
        public var toMinute: Int
        public var outcome: Outcome
        public var title: String
        public init(fromMinute: Int, toMinute: Int, outcome: Outcome, title: String) {
            self.fromMinute = fromMinute
            self.toMinute = toMinute
            self.outcome = outcome
            self.title = title
        }
    }

    /// Each row's runs, in any order.
    public var rows: [[Run]]
    /// Length of the time axis.
    public var minutes: Int
    public var axis: [AxisLabel]
    public var now: NowLine?
    public var alt: String

    public init(rows: [[Run]], minutes: Int, axis: [AxisLabel], now: NowLine? = nil, alt: String) {
        self.rows = rows
        self.minutes = minutes
        self.axis = axis
        self.now = now
        self.alt = alt
    }

    static func cls(_ outcome: Outcome) -> String {
        switch outcome {
        case .done: "h5"
        case .failed: "bdf"
        case .running: "h3"
        case .gone: "mi"
        }
    }

    public func svg() -> String {
        let width = max(1, minutes)
        var canvas = Canvas(plotHeight: Double(rows.count * 26), slots: Double(width))
        // A three-hundredth of the width can still be seen and hit.
        let least = max(1, width / 300)
        for (index, row) in rows.enumerated() {
            // What failed is drawn last, so that nothing hides it.
            for run in row.filter({ $0.outcome != .failed }) + row.filter({ $0.outcome == .failed })
            where run.toMinute >= 0 && run.fromMinute <= width {
                let from = min(max(0, run.fromMinute), width - least)
                canvas.rect(
                    Self.cls(run.outcome), from: Double(from), to: Double(max(from + least, run.toMinute)),
                    y: Double(index * 26 + 4), height: 17, title: run.title)
            }
        }
        canvas.baseline(axis)
        if let now { canvas.now(now, from: -4, to: canvas.plotHeight) }
        return canvas.svg(height: canvas.plotHeight + 26, alt: alt)
    }
}
