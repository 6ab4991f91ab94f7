// What a bill has come to by the end of a day, and what earlier bills handed on: what the next day begins from. Values
// only; how they are stored is the codec's.
import CivilTime

/// Stored with each charge. The next day, or the first day of the next bill, is priced from it.
public struct BillState: Sendable, Equatable {
    /// Which bill it stands in.
    struct Bill: Sendable, Equatable {
        var tariffID: String
        /// In force on the last day.
        var version: Int
        var period: BillPeriod
        var lastDay: CivilDay
        /// From when slab limits count: the first day, or that of a former tariff's bill whose position was carried.
        var slabsFrom: CivilDay
        /// Energy drawn under that former tariff.
        var positionWh: Int64 = 0
        var openingBankWh: Int64 = 0
    }
    /// Nil before the first day.
    var bill: Bill?
    var totals = PeriodState()
    /// As a next bill would receive it now.
    var carry = AccountCarry()

    /// Of an account that was never priced.
    public static let start = BillState()

    init() {}
    init(carry: AccountCarry) { self.carry = carry }

    /// The last day it contains.
    public var lastDay: CivilDay? { bill?.lastDay }
    /// The days of the bill it stands in.
    public var period: BillPeriod? { bill?.period }
    /// Energy of that bill: drawn, and of it taken by add-on packs.
    public var importWh: Int64 { totals.importWh }
    public var addOnWh: Int64 { totals.addOnWh }
    /// What that bill has come to, in the minor unit.
    public var totalMinor: Int64 {
        totals.runs.reduce(0) { $0 + $1.chargedMinor } + totals.retired.values.reduce(0) { $0 + $1.chargedMinor }
    }
}
