// Waterfall: the picture column of a table that shows how a sum came about. The table speaks; the cells are hidden
// from screen readers. Must not draw parts that do not foot: the maker fails instead.

/// How one part of a sum looks.
public enum WaterfallPart: Sendable, Equatable {
    /// The colour of a price level (1 cheapest, 3 dearest), of what is fixed or taxed, of a credit, or the total.
    case level(Int), fixed, credit, total

    var cls: String {
        switch self {
        case .level(let level): level <= 1 ? "h3" : level == 2 ? "h2" : "pk"
        case .fixed: "pv"
        case .credit: "gd"
        case .total: "ik"
        }
    }
}

public struct Waterfall: Sendable {
    public struct Row: Sendable {
        public var amount: Int64
        public var part: WaterfallPart
        public init(amount: Int64, part: WaterfallPart) {
            self.amount = amount
            self.part = part
        }
    }

    public struct DoesNotFoot: Error, Equatable {
        public var sum: Int64
        public var total: Int64
    }

    let rows: [Row]

    /// Throws `DoesNotFoot` when a total row is not the sum of all parts before it.
    public init(rows: [Row]) throws {
        var sum: Int64 = 0
        for row in rows {
            if row.part == .total {
                guard row.amount == sum else { throw DoesNotFoot(sum: sum, total: row.amount) }
            } else {
                sum += row.amount
            }
        }
        self.rows = rows
    }

    /// One SVG a row, in order, all on the same scale.
    public func cells() -> [String] {
        var (running, low, high): (Int64, Int64, Int64) = (0, 0, 0)
        for row in rows where row.part != .total {
            running += row.amount
            (low, high) = (min(low, running), max(high, running))
        }
        let scale = Double(max(1, high - low))
        let place = { (value: Int64) in Double(value - low) / scale * 100 }
        var position: Int64 = 0
        return rows.enumerated().map { index, row in
            let start = row.part == .total ? 0 : position
            let end = row.part == .total ? row.amount : position + row.amount
            position = end
            var canvas = Canvas(plotHeight: 26, slots: 100)
            let left = min(place(start), place(end))
            let width = max(abs(place(end) - place(start)), 0.35)
            let from = min(left, 100 - width)
            canvas.rect(row.part.cls, from: from, to: from + width, y: 5, height: 16)
            if row.part != .total, index + 1 < rows.count { canvas.vertical("tk", slot: place(end), from: 21, to: 31) }
            return "<svg class=\"ch\" height=\"26\" aria-hidden=\"true\">\(canvas.body)</svg>"
        }
    }
}
