// Estimation of what is missing after validation: the mean of the same slot over the last days. Integers only.
import IntervalData

/// Fills missing slots of a day and marks them estimated; other slots are left alone.
/// - Parameters:
///   - history: earlier days, newest first; the caller decides how far back. Days of another slot count (a change of
///     clock or of the capture period) are skipped: their slots are not the same intervals.
///   - batch: the source written to the filled slots, the run of estimation.
/// - Returns: the day and the slots that stay missing, because fewer than `minimumDays` days hold an actual or edited
///   value there. Estimates are never made from estimates.
public func estimate(
    _ block: DayBlock, history: [DayBlock], rules: EstimationRules = .standard, batch: Int64
) -> (block: DayBlock, unfilled: [Int]) {
    let days = history.filter { $0.slotCount == block.slotCount }
    var filled: [(slot: Int, value: Int32)] = []
    var unfilled: [Int] = []
    for slot in block.values.indices where block.qualities[slot] == .missing {
        var sum: Int64 = 0
        var count: Int64 = 0
        for day in days where day.qualities[slot] >= .edited {
            sum += Int64(day.values[slot])
            count += 1
            if count == Int64(rules.days) { break }
        }
        if count >= max(1, Int64(rules.minimumDays)) {
            filled.append((slot, meanHalfAway(sum, count)))
        } else {
            unfilled.append(slot)
        }
    }
    return (block.replacing(filled, quality: .estimated, batch: batch), unfilled)
}

/// Rounded half away from zero; the mean of Int32 values fits one.
private func meanHalfAway(_ sum: Int64, _ count: Int64) -> Int32 {
    Int32(sum >= 0 ? (sum + count / 2) / count : -((-sum + count / 2) / count))
}
