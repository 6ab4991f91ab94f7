// Versions of a tariff as they were stored one after the other, made into a book: the later one takes over on the day
// it begins. Reads no store and prices nothing.
import CivilTime

extension TariffBook {
    /// - Parameter versions: of one tariff, in any order. One without an end ends the day before a later version
    ///   begins; one that would have no day left is out of force, and left out.
    /// - Throws: as ``init(_:)``, such as for a version that says itself that it holds longer.
    public init(stored versions: [Tariff]) throws(TariffError) {
        var inForce: [Tariff] = []
        var next: CivilDay?
        for var version in versions.sorted(by: { $0.version > $1.version }) {
            if let next {
                guard version.validFrom < next else { continue }
                version.validTo = version.validTo ?? next.advanced(by: -1)
            }
            next = version.validFrom
            inForce.append(version)
        }
        try self.init(inForce)
    }

    /// The version that holds on a day.
    public func tariff(on day: CivilDay) -> Tariff? { tariffs.first { $0.holds(on: day) } }
}

extension Tariff {
    /// Whether bad supply of a measure, `outage` or `voltage`, is credited at the end of the bill.
    public func creditsMinutes(of measure: String) -> Bool {
        components.contains { component in
            guard case .qualityCredit(let credit) = component.charge else { return false }
            return credit.measure.rawValue == measure
        }
    }
}

extension BillState {
    /// What a bill takes over that begins after it, and nothing of the bill it stands in.
    public var carriedOver: BillState { BillState(carry: carry) }
}
