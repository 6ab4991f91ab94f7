// Intervals out of a cumulative register: differences of neighbouring readings, over a rollover, and never over an
// exchange or reset. What lies between readings further apart than one interval is left open, not spread.

struct RegisterDifferences {
    /// One past the largest value a register shows, in the channel's unit; nil lets it be inferred.
    var modulus: Int64?
    /// One displayed whole unit in the channel's unit: 1000 for kWh.
    var displayUnit: Int64 = 1000
    /// The step between readings; nil takes the most frequent one.
    var periodS: Int?

    struct Interval: Equatable {
        var startS: Int64
        var value: Int64
        var code: UInt8
        var row: Int
    }
    struct Result {
        var periodS = 0
        var intervals: [Interval] = []
        var refused: [(row: Int, refusal: RowRefusal)] = []
        var notes: [String] = []
    }

    /// - Parameter points: in order of time, no two of one instant.
    func intervals(_ points: [RegisterPoint]) -> Result {
        var result = Result()
        guard points.count > 1 else {
            result.notes.append("one reading of a register alone makes no interval")
            return result
        }
        let step = periodS ?? mostFrequentStep(points)
        guard step >= 60, step % 60 == 0, 3600 % step == 0 else {
            result.notes.append("its register was read every \(step) s, which makes no intervals; it is kept")
            return result
        }
        result.periodS = step
        let usual = largestUsualRate(points)
        var openEnergy: Int64 = 0
        var openSpans = 0
        for (before, after) in zip(points, points.dropFirst()) {
            let length = after.atS - before.atS
            guard let amount = amount(before.value, after.value, lengthS: length, usual) else {
                result.refused.append(
                    (
                        after.row,
                        RowRefusal(
                            what: "the register goes back from \(before.value) to \(after.value)",
                            hint: "enter the meter exchange, or say how many digits the register has; "
                                + "what was used between the two stays open")
                    ))
                continue
            }
            guard length == Int64(step) else {
                openEnergy += amount
                openSpans += 1
                continue
            }
            result.intervals.append(
                Interval(startS: before.atS, value: amount, code: max(before.code, after.code), row: after.row))
        }
        if openSpans > 0 {
            result.notes.append(
                "\(openSpans) gaps between readings of its register hold \(openEnergy) in all; "
                    + "their intervals stay open")
        }
        return result
    }

    private func mostFrequentStep(_ points: [RegisterPoint]) -> Int {
        var counts: [Int64: Int] = [:]
        for (a, b) in zip(points, points.dropFirst()) { counts[b.atS - a.atS, default: 0] += 1 }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }.map { Int($0.key) } ?? 0
    }

    /// The most a register rose in a second, over all neighbours, as amount and seconds.
    private func largestUsualRate(_ points: [RegisterPoint]) -> (amount: Int64, seconds: Int64) {
        var most: (amount: Int64, seconds: Int64) = (0, 1)
        for (a, b) in zip(points, points.dropFirst()) where b.value > a.value {
            let (amount, seconds) = (b.value - a.value, b.atS - a.atS)
            if Int128(amount) * Int128(most.seconds) > Int128(most.amount) * Int128(seconds) {
                most = (amount, seconds)
            }
        }
        return most
    }

    /// What was counted from one reading to the next; nil when the register went back and did not roll over.
    private func amount(
        _ before: Int64, _ after: Int64, lengthS: Int64, _ usual: (amount: Int64, seconds: Int64)
    ) -> Int64? {
        if after >= before { return after - before }
        let isDeclared = modulus != nil
        var full = modulus ?? 10_000 * displayUnit
        while !isDeclared, full <= before {
            let (next, isOver) = full.multipliedReportingOverflow(by: 10)
            if isOver { return nil }
            full = next
        }
        guard before < full else { return nil }
        let amount = full - before + after
        // Over the top means from close below it to close above nought, and at about the pace seen elsewhere.
        guard isDeclared ? amount <= full / 2 : amount <= full / 10 else { return nil }
        let isPlausible =
            Int128(amount) * Int128(usual.seconds) <= 4 * Int128(max(1, usual.amount)) * Int128(lengthS)
        return isDeclared || isPlausible ? amount : nil
    }
}
