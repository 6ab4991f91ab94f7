// Finds the capture period of a load file from its stamps. Knows no rows and no columns.

/// The capture period as the steps between consecutive stamps of a meter tell it: the most frequent one, or what nearly
/// all of them are multiples of when the rows are in no order.
struct PeriodSurvey: Sendable {
    private var lastOf: [String: Int64] = [:]
    private var counts: [Int64: Int] = [:]
    private(set) var stepCount = 0
    private(set) var stampCount = 0

    mutating func see(_ key: String, instantS: Int64) {
        stampCount += 1
        if let last = lastOf.updateValue(instantS, forKey: key), instantS > last {
            counts[instantS - last, default: 0] += 1
            stepCount += 1
        }
    }

    /// Of equally frequent steps the shortest.
    var mostFrequentStepS: Int? {
        guard let most = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return nil }
        if most.value * 2 >= stepCount || stepCount < 20 { return Int(most.key) }
        // In no order hardly any step is seen twice: the longest period that explains them.
        let explained = [3600, 1800, 1200, 900, 720, 600, 360, 300, 240, 180, 120, 60].first { period in
            counts.reduce(0) { $0 + ($1.key % period == 0 ? $1.value : 0) } * 20 >= stepCount * 19
        }
        return Int(explained ?? most.key)
    }
}
