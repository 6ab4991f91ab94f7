// StationBars: the copper bar of the line, one piece a station. Its thickness is what got through; the missing share is
// magnified so that the worst station uses 20 of 34 px, and the factor is for the page to print.

public struct StationBars: Sendable {
    /// How many got past each station, in order, of how many that were expected.
    public let expected: Int
    public let passed: [Int]

    public init(expected: Int, passed: [Int]) {
        self.expected = max(0, expected)
        self.passed = passed.map { max(0, $0) }
    }

    static let full = 34.0

    /// How many times thicker than true the losses are drawn; 1 when nothing is missing or half and more is.
    public var magnification: Int {
        guard expected > 0 else { return 1 }
        let worst = passed.map { Double(max(0, expected - $0)) / Double(expected) }.max() ?? 0
        return worst > 0 ? max(1, Int(20 / (Self.full * worst))) : 1
    }

    /// Pixels of the bar where so many pass.
    func thicknessPx(_ count: Int) -> Double {
        guard expected > 0 else { return 2 }
        let missing = Double(expected - min(count, expected)) / Double(expected)
        return max(2, Self.full * (1 - missing * Double(magnification)))
    }

    /// One hidden picture a station; the words and numbers stand below it on the page.
    public func cells() -> [String] {
        passed.enumerated().map { index, after in
            let before = index == 0 ? expected : passed[index - 1]
            let (from, to) = (8 + thicknessPx(before), 8 + thicknessPx(after))
            var body = "<svg width=\"100%\" height=\"76\" viewBox=\"0 0 100 76\" preserveAspectRatio=\"none\">"
            body += "<path class=\"cut\" d=\"M0 8H100V\(px(to))H46L40 \(px(from))H0z\"/></svg>"
            body += "<line class=\"ax\" x1=\"1\" x2=\"1\" y1=\"0\" y2=\"76\"/>"
            if after != before {
                let y = min(from, to)
                let cls = after < before ? "hc" : "hx"
                body += "<rect class=\"\(cls)\" x=\"40%\" width=\"6%\" y=\"\(px(y))\" height=\"\(px(76 - y))\"/>"
            }
            return "<svg class=\"ch\" height=\"76\" aria-hidden=\"true\">\(body)</svg>"
        }
    }
}
