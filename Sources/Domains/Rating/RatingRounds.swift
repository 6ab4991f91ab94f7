// What a rating has still to do, month after month: bills that must begin anew, and months that lean on those before
// them. Reads and charges nothing.
import CivilTime

struct RatingRounds: Sendable {
    /// More months than a bill can lean on, forth and back.
    private static let roundsMax = 400

    private var work: [CivilMonth: [Int64: CivilDay]] = [:]
    private var count = 0
    /// Accounts that have begun anew once begin no second time: what cannot be priced keeps its old charge.
    private(set) var begun: Set<Int64> = []

    init(_ changes: some Sequence<(day: CivilDay, meterID: Int64)>) {
        for change in changes { add(change.day, change.meterID) }
    }

    private mutating func add(_ day: CivilDay, _ meterID: Int64) {
        let known = work[day.month, default: [:]][meterID]
        work[day.month, default: [:]][meterID] = min(known ?? day, day)
    }

    /// The earliest month that has something to do, with the first day of each of its meters.
    mutating func next() -> (month: CivilMonth, firstDay: [Int64: CivilDay])? {
        while let month = work.keys.min(), count < Self.roundsMax {
            count += 1
            if let first = work.removeValue(forKey: month), !first.isEmpty { return (month, first) }
        }
        return nil
    }

    /// - Parameter starts: where the accounts go on that the outcome leaves to do.
    mutating func take(
        _ outcome: RateChunk.Outcome, of month: CivilMonth, starts: [(day: CivilDay, meterID: Int64)]
    ) {
        for item in outcome.anew {
            begun.insert(item.accountID)
            // And the days of this month once more, from the new beginning.
            if item.day.month < month { add(month.first, item.meterID) }
            add(item.changedDay, item.meterID)
        }
        for start in starts { add(start.day, start.meterID) }
    }
}
