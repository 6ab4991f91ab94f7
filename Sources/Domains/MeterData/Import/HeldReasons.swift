// Why values of an import were held back, counted by rule. Judges nothing: it reads what the checks have found.
import CivilTime
import SQL
import VEE

enum HeldReasons {
    /// Slots that were held, each by the first of its rules in order of name; `other` where none names it, as for a
    /// value that gave way to an estimate.
    static func counts(_ held: [Int], _ found: [VEEException]) -> [String: Int] {
        let hard = found.filter { $0.severity == Severity.hard.rawValue }
        return held.reduce(into: [:]) { counts, slot in
            counts[hard.filter { $0.slots.contains(slot) }.map(\.rule).min() ?? "other", default: 0] += 1
        }
    }

    /// The same of a day that is stored.
    static func counts(
        _ held: [Int], meterID: Int64, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [String: Int] {
        guard !held.isEmpty else { return [:] }
        let found = try VEEException.of(meterID: meterID, from: day, to: day, orgID: orgID, in: transaction)
        return counts(held, found.filter(\.isOpen))
    }
}
