// HeatStrip: the share of something received, by row and slot of a day. Levels have round limits that the key prints.
// Nothing received is a dotted box, never a pale colour.

public struct HeatStrip: Sendable {
    public struct Row: Sendable {
        /// Parts per million by slot from the start of the day; nil: nothing came. Slots still to come are not listed.
        public var sharesPpm: [Int?]
        public init(sharesPpm: [Int?]) { self.sharesPpm = sharesPpm }
    }

    public var rows: [Row]
    public var slotCount: Int
    public var axis: [AxisLabel]
    public var now: NowLine?
    public var alt: String

    public init(rows: [Row], slotCount: Int, axis: [AxisLabel], now: NowLine? = nil, alt: String) {
        self.rows = rows
        self.slotCount = slotCount
        self.axis = axis
        self.now = now
        self.alt = alt
    }

    /// The class of a share: 99 % and more, 95, 60, less.
    static func level(_ ppm: Int) -> String {
        ppm >= 990_000 ? "h5" : ppm >= 950_000 ? "h4" : ppm >= 600_000 ? "h3" : "h1"
    }

    public func svg() -> String {
        var canvas = Canvas(plotHeight: Double(rows.count * 26), slots: Double(max(1, slotCount)))
        var paths: [String: String] = [:]
        var missing: [(row: Int, slots: Range<Int>)] = []
        for (index, row) in rows.enumerated() {
            var start = 0
            while start < min(row.sharesPpm.count, slotCount) {
                let kind = row.sharesPpm[start].map(Self.level)
                var end = start + 1
                while end < min(row.sharesPpm.count, slotCount), row.sharesPpm[end].map(Self.level) == kind { end += 1 }
                let width = end - start
                if let kind {
                    paths[kind, default: ""] += "M\(start) \(index * 26 + 2)h\(width)v21h-\(width)z"
                } else {
                    missing.append((index, start..<end))
                }
                start = end
            }
        }
        canvas.paths(paths.keys.sorted().map { ($0, paths[$0] ?? "") })
        for gap in missing {
            canvas.rect(
                "mi", from: Double(gap.slots.lowerBound), to: Double(gap.slots.upperBound),
                y: Double(gap.row * 26 + 2), height: 21)
        }
        canvas.baseline(axis)
        if let now { canvas.now(now, from: -4, to: canvas.plotHeight) }
        return canvas.svg(height: canvas.plotHeight + 26, alt: alt)
    }
}
