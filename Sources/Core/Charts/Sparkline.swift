// Sparkline: the shape of at most 90 values in the height of a line, from zero; the number stands beside it as text.

public struct Sparkline: Sendable {
    public var values: [Int64]
    public var alt: String
    public init(values: [Int64], alt: String) {
        self.values = Array(values.suffix(90))
        self.alt = alt
    }

    public func svg() -> String {
        precondition(!alt.isEmpty, "a chart needs its words")
        let low = min(0, values.min() ?? 0)
        let span = Double(max(1, (values.max() ?? 0) - low))
        let points = values.enumerated().map { index, value in
            let x = values.count < 2 ? 87 : 1 + Double(index) * 86 / Double(values.count - 1)
            return "\(px(x)) \(px(18 - Double(value - low) / span * 16))"
        }
        var body = points.isEmpty ? "" : "<path class=\"ln\" d=\"M\(points.joined(separator: "L"))\"/>"
        if let last = points.last?.split(separator: " ") {
            body += "<circle class=\"cut\" cx=\"\(last[0])\" cy=\"\(last[1])\" r=\"2.5\"/>"
        }
        return "<svg class=\"spk\" viewBox=\"0 0 88 20\" role=\"img\" aria-label=\"\(escaped(alt))\">\(body)</svg>"
    }
}
