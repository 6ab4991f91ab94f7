// Charts: what all charts share: numbers and text as SVG writes them, the fluid frame, nice steps of an axis.
// Pure: values in, one SVG string out; no colour value (classes of busbar.css bring it), no inline style, no script.

/// How an axis, a tick or a text stands at its place.
enum Anchor: String {
    case start = ""
    case middle = "m"
    case end = "e"
}

/// A label on the time axis. `slot` counts from the left end; `isMinor` labels are hidden on narrow screens.
public struct AxisLabel: Sendable, Equatable {
    public var slot: Int
    public var text: String
    public var isMinor: Bool
    public init(slot: Int, text: String, isMinor: Bool = false) {
        self.slot = slot
        self.text = text
        self.isMinor = isMinor
    }
}

/// A moment on the time axis with its words, drawn as a copper line. `slot` may stand inside a slot.
public struct NowLine: Sendable, Equatable {
    public var slot: Double
    public var label: String
    public init(slot: Double, label: String) {
        self.slot = slot
        self.label = label
    }
}

/// Pixels with at most one decimal, never in exponent form; what is not a number is 0.
func px(_ value: Double) -> String { decimal(value, tenths: 10) }

/// A share of a whole in percent with at most two decimals.
func percent(_ part: Double, of whole: Double) -> String {
    decimal(whole > 0 ? part / whole * 100 : 0, tenths: 100) + "%"
}

private func decimal(_ value: Double, tenths scale: Int) -> String {
    guard value.isFinite, value.magnitude < 1e9 else { return "0" }
    let scaled = Int((value * Double(scale)).rounded())
    let whole = scaled.magnitude / UInt(scale)
    var rest = String(scaled.magnitude % UInt(scale))
    if scale == 100, rest.count == 1 { rest = "0" + rest }
    while rest.last == "0" { rest.removeLast() }
    let sign = scaled < 0 ? "-" : ""
    return rest.isEmpty ? "\(sign)\(whole)" : "\(sign)\(whole).\(rest)"
}

/// Text as it may stand in SVG, between tags and in a quoted attribute.
func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
        switch character {
        case "&": out += "&amp;"
        case "<": out += "&lt;"
        case ">": out += "&gt;"
        case "\"": out += "&quot;"
        case "'": out += "&#39;"
        default: out.append(character)
        }
    }
    return out
}

/// The step and top of an axis from 0: the smallest of 1, 2, 2.5, 5 × 10ⁿ that needs at most four grid lines.
func niceAxis(maximum: Int64) -> (step: Int64, top: Int64) {
    let wanted = max(1, maximum)
    var power: Int64 = 1
    while power <= Int64.max / 100 {
        for tenths in [10, 20, 25, 50] as [Int64] where power > 1 || tenths != 25 {
            let step = power * tenths / 10
            let lines = wanted / step + (wanted % step == 0 ? 0 : 1)
            if lines <= 4 { return (step, step * max(lines, 2)) }
        }
        power *= 10
    }
    return (wanted, wanted)
}

/// Collects the pieces of one SVG in drawing order.
struct Canvas {
    var body = ""
    let plotHeight: Double
    let slots: Double

    init(plotHeight: Double, slots: Double) {
        self.plotHeight = plotHeight
        self.slots = slots
    }

    /// The x of a slot in percent of the width.
    func x(_ slot: Double) -> String { percent(min(max(slot, 0), slots), of: slots) }

    mutating func rect(_ cls: String, from: Double, to: Double, y: Double, height: Double, title: String? = nil) {
        let low = min(max(from, 0), slots)
        let width = percent(min(max(to, 0), slots) - low, of: slots)
        body += "<rect class=\"\(cls)\" x=\"\(x(low))\" width=\"\(width)\" y=\"\(px(y))\""
        body += " height=\"\(px(max(0, height)))\""
        body += title.map { "><title>\(escaped($0))</title></rect>" } ?? "/>"
    }

    mutating func text(
        _ words: String, slot: Double, y: Double, cls: String = "", anchor: Anchor = .start, dx: Double = 0
    ) {
        let classes = [cls, anchor.rawValue].filter { !$0.isEmpty }.joined(separator: " ")
        body += "<text" + (classes.isEmpty ? "" : " class=\"\(classes)\"") + " x=\"\(x(slot))\""
        body += (dx == 0 ? "" : " dx=\"\(px(dx))\"") + " y=\"\(px(y))\">\(escaped(words))</text>"
    }

    mutating func vertical(_ cls: String, slot: Double, from: Double, to: Double) {
        body += "<line class=\"\(cls)\" x1=\"\(x(slot))\" x2=\"\(x(slot))\" y1=\"\(px(from))\" y2=\"\(px(to))\"/>"
    }

    mutating func horizontal(_ cls: String, y: Double) {
        body += "<line class=\"\(cls)\" x2=\"100%\" y1=\"\(px(y))\" y2=\"\(px(y))\"/>"
    }

    /// Paths stand in a nested frame: one unit a slot, one unit a pixel; strokes do not scale.
    mutating func paths(_ paths: [(cls: String, d: String)]) {
        let drawn = paths.filter { !$0.d.isEmpty }
        guard !drawn.isEmpty else { return }
        body += "<svg y=\"0\" width=\"100%\" height=\"\(px(plotHeight))\""
        body += " viewBox=\"0 0 \(px(slots)) \(px(plotHeight))\" preserveAspectRatio=\"none\" overflow=\"visible\">"
        for path in drawn { body += "<path class=\"\(path.cls)\" d=\"\(path.d)\"/>" }
        body += "</svg>"
    }

    /// Grid lines above the baseline, each with its label on the line; the unit stands on the top one.
    mutating func grid(step: Int64, top: Int64, label: (Int64) -> String) {
        guard step > 0, top > 0 else { return }
        var value = step
        while value <= top {
            let y = plotHeight - Double(value) / Double(top) * plotHeight
            horizontal("gr", y: y)
            text(label(value), slot: 0, y: y - 4, cls: "halo")
            value += step
        }
    }

    /// The bar everything stands on, with its ticks and labels below.
    mutating func baseline(_ labels: [AxisLabel]) {
        horizontal("ax", y: plotHeight)
        for label in labels {
            let hidden = label.isMinor ? " w2" : ""
            let anchor: Anchor = label.slot <= 0 ? .start : Double(label.slot) >= slots ? .end : .middle
            vertical("tk" + hidden, slot: Double(label.slot), from: plotHeight, to: plotHeight + 6)
            let cls = label.isMinor ? "w2" : ""
            text(label.text, slot: Double(label.slot), y: plotHeight + 19, cls: cls, anchor: anchor)
        }
    }

    /// The copper line of the present; its words go left past 80 % of the width.
    mutating func now(_ now: NowLine, from: Double, to: Double) {
        vertical("now", slot: now.slot, from: from, to: to)
        let left = now.slot > slots * 0.8
        text(now.label, slot: now.slot, y: 12, cls: "cu halo", anchor: left ? .end : .start, dx: left ? -5 : 5)
    }

    /// The whole picture. An alt text is a must: the caller's words, or the given fallback.
    func svg(height: Double, alt: String) -> String {
        precondition(!alt.isEmpty, "a chart needs its words")
        return "<svg class=\"ch\" height=\"\(px(height))\" role=\"img\" aria-label=\"\(escaped(alt))\">\(body)</svg>"
    }
}
