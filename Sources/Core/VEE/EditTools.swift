// What a person can do to a run of slots with one stroke: values worked out from what stands around them or elsewhere.
// Values in, values out; who may, and whether it counts at once, is decided elsewhere.
import IntervalData

/// How the values of an edit came about. Names are stored and stand in the API; never rename.
public enum EditTool: String, Sendable, Codable, CaseIterable {
    /// Typed slot by slot.
    case typed
    case zero
    /// On a straight line between the values before and after.
    case linear
    /// The same slots of another day.
    case copy
    /// What is there, scaled so that the run comes to a total exactly.
    case total
    /// What a method of estimation gives.
    case estimate
    /// As it came from the meter: held back by a check, or replaced since.
    case raw
}

public enum EditTools {
    /// Values on a straight line between two neighbours, rounded half away from zero. With one neighbour the line is
    /// level; nil without any.
    public static func line(count: Int, before: Int32?, after: Int32?) -> [Int32]? {
        guard let left = before ?? after, let right = after ?? before else { return nil }
        let parts = Int64(count) + 1
        return (0..<count).map { index in
            let step = Int64(right) - Int64(left)
            return Int32(Int64(left) + half(step * (Int64(index) + 1), parts))
        }
    }

    /// The values scaled so that they add up to `total` exactly; rounding telescopes. Zeros alone are filled evenly.
    /// Nil when a value or the total is negative, or a scaled value would not fit.
    public static func scaled(_ values: [Int32], to total: Int64) -> [Int32]? {
        guard total >= 0, !values.isEmpty, values.allSatisfy({ $0 >= 0 }) else { return nil }
        let sum = values.reduce(0) { $0 + Int64($1) }
        let weights = sum == 0 ? values.map { _ in Int64(1) } : values.map { Int64($0) }
        let whole = Int128(sum == 0 ? Int64(values.count) : sum)
        var (running, given) = (Int128(0), Int64(0))
        var scaled: [Int32] = []
        for weight in weights {
            running += Int128(weight)
            let upTo = Int64((Int128(total) * running + whole / 2) / whole)
            guard let value = Int32(exactly: upTo - given) else { return nil }
            scaled.append(value)
            given = upTo
        }
        return scaled
    }

    private static func half(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? (value + divisor / 2) / divisor : -((-value + divisor / 2) / divisor)
    }
}
