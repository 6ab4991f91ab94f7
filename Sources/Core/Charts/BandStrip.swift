// BandStrip: which band of prices holds at which time of the day, a row for each kind of day. Depth of colour is the
// order of the price, and every band wide enough says its name; the titles say all. Knows no tariff.

public struct BandStrip: Sendable {
    public struct Band: Sendable {
        public var fromMinute: Int
        public var toMinute: Int
        /// 1 cheap, 2 usual, 3 dear.
        public var depth: Int
        public var name: String
        public var title: String
        public init(fromMinute: Int, toMinute: Int, depth: Int, name: String, title: String) {
            self.fromMinute = fromMinute
            self.toMinute = toMinute
            self.depth = depth
            self.name = name
            self.title = title
        }
    }
    public struct Row: Sendable {
        public var label: String
        public var bands: [Band]
        public init(label: String, bands: [Band]) {
            self.label = label
            self.bands = bands
        }
    }

    public var rows: [Row]
    public var alt: String
    public init(rows: [Row], alt: String) {
        self.rows = rows
        self.alt = alt
    }

    private static let rowHeight = 50
    private static let minutesPerDay = 1_440
    /// A narrower band shows its name on wide screens only, a still narrower one not at all.
    private static let nameMinutes = 180
    private static let wideNameMinutes = 75

    public func svg() -> String {
        var canvas = Canvas(plotHeight: Double(rows.count * Self.rowHeight), slots: Double(Self.minutesPerDay))
        for (index, row) in rows.enumerated() {
            let top = Double(index * Self.rowHeight)
            canvas.text(row.label, slot: 0, y: top + 14, cls: "b")
            for band in row.bands {
                let (from, to) = (Double(band.fromMinute), Double(band.toMinute))
                canvas.rect(
                    "bd\(min(max(band.depth, 1), 3))", from: from, to: to, y: top + 20, height: 24, title: band.title)
                canvas.vertical("wl", slot: to, from: top + 20, to: top + 44)
                let width = band.toMinute - band.fromMinute
                guard width >= Self.wideNameMinutes else { continue }
                canvas.text(
                    band.name, slot: (from + to) / 2, y: top + 36, cls: width < Self.nameMinutes ? "w2" : "",
                    anchor: .middle)
            }
        }
        canvas.baseline(
            stride(from: 0, through: 24, by: 3).map { hour in
                AxisLabel(slot: hour * 60, text: hour < 10 ? "0\(hour)" : "\(hour)", isMinor: hour % 6 == 3)
            })
        return canvas.svg(height: canvas.plotHeight + 26, alt: alt)
    }
}
