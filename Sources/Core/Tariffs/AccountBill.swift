// What goes into the pricing of an account and what comes out of it: facts, loads, bills with their lines.
import CivilTime

/// What a tariff may have to know of an account besides its load.
public struct AccountFacts: Sendable, Equatable {
    public var contractedW: Int64?
    /// Power factor in thousandths by month, where it is not measured; the one without a month holds for the others.
    public var powerFactor: [CivilMonth: Int64] = [:]
    public var usualPowerFactor: Int64?
    /// Minutes of bad supply by month.
    public var outageMinutes: [CivilMonth: Int64] = [:]
    public var voltageMinutes: [CivilMonth: Int64] = [:]
    /// Until when the contract was made, and the last day when it is left earlier.
    public var contractTo: CivilDay?
    public var leavesOn: CivilDay?
    public init() {}
}

/// A day of an account: a value of each kind for every slot. What the meter does not measure is empty.
public struct TariffLoadDay: Sendable, Equatable {
    public var day: CivilDay
    public var slotStartMinutes: [Int]
    public var periodS: Int
    public var importWh: [Int32]
    public var exportWh: [Int32]
    public var generationWh: [Int32]
    /// Apparent energy drawn, for power factors; below zero where it was not measured: that interval does not count.
    public var importVAh: [Int32]

    public init(
        day: CivilDay, slotStartMinutes: [Int], periodS: Int, importWh: [Int32], exportWh: [Int32] = [],
        generationWh: [Int32] = [], importVAh: [Int32] = []
    ) {
        self.day = day
        self.slotStartMinutes = slotStartMinutes
        self.periodS = periodS
        self.importWh = importWh
        self.exportWh = exportWh
        self.generationWh = generationWh
        self.importVAh = importVAh
    }
}

/// How much of what at which rate.
public struct BillLine: Sendable, Equatable {
    public var label: String
    public var quantity: Int64
    public var unit: BillUnit
    /// Nil where each interval has its own.
    public var rate: Int64?
    public var rateUnit: BillRateUnit?
    public var amountMinor: Int64
    /// Of the tariff that says so.
    public var version: Int
}

/// A component of a bill; its lines sum to it.
public struct BillComponent: Sendable, Equatable {
    public var id: String
    public var label: String
    public var kind: String
    public var amountMinor: Int64
    public var lines: [BillLine]
}

/// What a day added to each component.
public struct BillDay: Sendable, Equatable {
    public var day: CivilDay
    public var version: Int
    public var importWh: Int64
    public var exportWh: Int64
    public var totalMinor: Int64
    /// By id, those that are not zero.
    public var amountsMinor: [String: Int64]
    /// What of it is no energy of the day: the total passed into another table or slab, and all before it has another
    /// price.
    public var jumpsMinor: [String: Int64]
}

/// A bill: the sum of its days.
public struct AccountBill: Sendable, Equatable {
    public var period: BillPeriod
    public var importWh: Int64
    public var exportWh: Int64
    public var generationWh: Int64
    public var totalMinor: Int64
    public var components: [BillComponent]
    public var days: [BillDay]
    /// Energy that waits in the bank after it; nil without net metering.
    public var bankWh: Int64?
    /// What the reader should know: a surcharge that lapsed, a month that was not there.
    public var notes: [String]
}

/// What one bill hands to the next.
public struct AccountCarry: Sendable, Equatable {
    struct Month: Sendable, Equatable {
        var wh: Int64 = 0
        var days = 0
        var amountsMinor: [String: Int64] = [:]
    }
    public internal(set) var bankWh: Int64 = 0
    var months: [CivilMonth: Month] = [:]
    /// Supply months that a surcharge has charged, by component.
    var surcharged: [String: Set<CivilMonth>] = [:]
    public init() {}
}
