// The short way of validation: proves with one look at a whole day that no check would find anything. It never says so
// of a day of which one would; of other days it may say nothing, and `validate` looks.
import IntervalData

/// What the short way needs of a set of rules; nil when they hold a check that it does not know.
public struct PlainRules: Sendable {
    /// Counts of slots and heights from which on a day is looked at fully.
    private let zeroSlots: Int
    private let zeroIsFound: Bool
    private let negativeIsFound: Bool
    private let highestWh: Int32
    private let repeatedSlots: Int

    /// - Returns: nil when the rules hold a check that needs more than the values of the day and of the day before.
    public init?(_ rules: ValidationRules, periodS: Int) {
        guard periodS > 0 else { return nil }
        // A day is plain only for checks named here: a later one that is switched on closes the short way by itself.
        var others = rules
        others.format = ValidationRules.five.format
        (others.zero, others.spike, others.consecutiveZeroes, others.duplicate) = (nil, nil, nil, nil)
        others.negative = false
        // These look at registers, clocks, outages and events, of which a plain day has none.
        (others.timeTolerance, others.sumCheck, others.clockDrift) = (nil, nil, nil)
        (others.outageContext, others.tamperContext, others.severities) = (nil, nil, nil)
        let none = ValidationRules(
            zero: nil, negative: false, spike: nil, consecutiveZeroes: nil, timeTolerance: nil)
        guard others == none else { return nil }
        zeroIsFound = rules.zero != nil
        negativeIsFound = rules.negative
        zeroSlots = rules.consecutiveZeroes.map { max(1, $0.minutes * 60 / periodS) } ?? .max
        highestWh = rules.spike.map { Int32(clamping: $0.floorW * Int64(periodS) / 3600) } ?? .max
        repeatedSlots = rules.duplicate.map { max(2, ($0.minutes * 60 + periodS - 1) / periodS) } ?? .max
    }

    /// True when `validate` would find nothing in a day of these values, without registers, clock, outages or events.
    /// - Parameter before: values of the newest earlier day of as many slots; a slot of another quality counts too.
    public func findNothing(in values: [Int32], before: [Int32]?) -> Bool {
        guard !values.isEmpty else { return true }
        return values.withUnsafeBufferPointer { values in
            guard isPlain(values) else { return false }
            guard repeatedSlots < .max else { return true }
            if let before, before.count == values.count,
                before.withUnsafeBufferPointer({ hasRun(values, $0, count: values.count) })
            {
                return false
            }
            guard values.count >= 2 * repeatedSlots else { return true }
            let later = UnsafeBufferPointer(rebasing: values[repeatedSlots...])
            return !hasRun(later, values, count: later.count)
        }
    }

    private func isPlain(_ values: UnsafeBufferPointer<Int32>) -> Bool {
        var lowest = Int32.max
        var highest = Int32.min
        for value in values {
            lowest = min(lowest, value)
            highest = max(highest, value)
        }
        guard !negativeIsFound || lowest >= 0, highest <= highestWh, !zeroIsFound || lowest != 0 || highest != 0 else {
            return false
        }
        if lowest > 0 { return true }
        var zeros = 0
        var mostZeros = 0
        for value in values {
            zeros = value == 0 ? zeros + 1 : 0
            mostZeros = max(mostZeros, zeros)
        }
        return mostZeros < zeroSlots
    }

    /// Whether both are equal at so many places in a row as the check looks for.
    private func hasRun(_ one: UnsafeBufferPointer<Int32>, _ other: UnsafeBufferPointer<Int32>, count: Int) -> Bool {
        // Mostly there are not that many equal places at all, and these are counted fast.
        var equal: Int32 = 0
        for index in 0..<count { equal &+= one[index] == other[index] ? 1 : 0 }
        guard equal >= repeatedSlots else { return false }
        var run = 0
        for index in 0..<count {
            run = one[index] == other[index] ? run + 1 : 0
            if run >= repeatedSlots { return true }
        }
        return false
    }
}
