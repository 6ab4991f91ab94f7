// "Did you mean": the nearest of known words. Values in, values out.

public enum Resemblance {
    /// The known word that takes the fewest changes, when they are few enough to be a slip of the finger.
    public static func nearest(to word: String, among known: [String]) -> String? {
        let limit = max(1, min(3, word.utf8.count / 3))
        let near = known.map { (word: $0, changes: changes(word, $0)) }.filter { (1...limit).contains($0.changes) }
        return near.min { ($0.changes, $0.word) < ($1.changes, $1.word) }?.word
    }

    /// Letters to add, drop, replace or swap with their neighbour (optimal string alignment).
    static func changes(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var before: [Int] = []
        var last = Array(0...b.count)
        for row in 1...a.count {
            var current = [row] + Array(repeating: 0, count: b.count)
            for column in 1...b.count {
                let cost = a[row - 1] == b[column - 1] ? 0 : 1
                var best = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + cost)
                if row > 1, column > 1, a[row - 1] == b[column - 2], a[row - 2] == b[column - 1] {
                    best = min(best, before[column - 2] + 1)
                }
                current[column] = best
            }
            (before, last) = (last, current)
        }
        return last[b.count]
    }
}
