// A tariff as a value: versioned, dated, with a graph of components. Only `TariffReader` makes one, checked, so that a
// tariff that exists can price. It computes nothing and knows no account.
import CivilTime

/// A version of a tariff: who it is for, when it holds and what it charges. Money is in the currency's minor unit.
public struct Tariff: Sendable, Equatable {
    public internal(set) var id = ""
    /// Grows with every change; each line of a bill names it.
    public internal(set) var version = 1
    public internal(set) var name = ""
    public internal(set) var categories: [String] = []
    /// ISO 4217; `INR` when the file does not say.
    public internal(set) var currency = "INR"
    /// Decimals of the minor unit: 2 for paise.
    public internal(set) var minorDigits = 2
    public internal(set) var validFrom = CivilDay(number: 0)
    /// Last day, inclusive; nil is open.
    public internal(set) var validTo: CivilDay?
    /// Calendar months in a bill; slabs are given for that long.
    public internal(set) var billMonths = 1
    public internal(set) var metering = Metering.importOnly
    public internal(set) var packChange = PackChange.restart
    /// The tariff's own, and those of the company that components name.
    public internal(set) var calendars: [String: DatedCalendar] = [:]
    /// Names of the company's calendars, of bands, holidays or seasons, that it looks at.
    public internal(set) var sharedCalendars: Set<String> = []
    /// In the order of the file, which is the order of the bill.
    public internal(set) var components: [TariffComponent] = []
    /// Indices of `components` such that each stands behind all it is reckoned from.
    public internal(set) var order: [Int] = []

    public func holds(on day: CivilDay) -> Bool { validFrom <= day && validTo.map { day <= $0 } != false }
}

/// How what is fed in meets what is drawn.
public enum Metering: String, Sendable, CaseIterable {
    /// Only what is drawn counts.
    case importOnly
    /// The month's drawn less fed-in energy is priced; a surplus waits in a bank of energy.
    case netMetering
    /// Drawn and fed-in energy meet in each interval; each side has its price.
    case netBilling
    /// All drawn and all fed-in energy has its price.
    case gross
}

/// What an account that comes from another tariff within a bill begins with.
public enum PackChange: String, Sendable, CaseIterable {
    /// Its slabs begin anew, in its own part of the bill.
    case restart
    /// Slabs go on where the energy drawn under the former tariff has come to.
    case carry
}

/// Which energy a component looks at.
public enum MeteredQuantity: String, Sendable, CaseIterable {
    case drawn = "import"
    case fedIn = "export"
    case generation
    /// Generation less export, and import.
    case consumption
}

/// One thing that a bill can say.
public struct TariffComponent: Sendable, Equatable {
    public internal(set) var id: String
    public internal(set) var label: String
    /// The word of the file: `energy`, `duty`, …
    public internal(set) var kind: String
    public internal(set) var charge: TariffCharge
}

enum TariffChargeLimits {
    /// A terawatt-hour: with the highest price and a spread over bands it stays within 128 bits.
    static let whPerBill: Int64 = 1_000_000_000_000
    /// Of one component in a bill; sums and percentages of as many as a tariff has stay within 64 bits.
    static let minorPerComponent: Int64 = 100_000_000_000_000
}

/// What a component does. Prices are thousandths of the minor unit per kWh, kW or month.
public enum TariffCharge: Sendable, Equatable {
    case energy(EnergyCharge)
    case standing(StandingCharge)
    case demand(DemandCharge)
    case excessDemand(ExcessDemandCharge)
    case powerFactor(PowerFactorCharge)
    case share(ShareCharge)
    case minimum(MinimumCharge)
    case indexed(IndexedCharge)
    case criticalPeak(CriticalPeakCharge)
    case supplySurcharge(SupplySurcharge)
    case qualityCredit(QualityCredit)
    case contractBreak(ContractBreak)
    case bank(BankSettlement)
    case addOns(AddOnCharge)
    /// Brings the bill to a multiple of so many minor units.
    case rounding(toMinor: Int64)
}

/// How slabs follow from energy.
public enum SlabKind: String, Sendable, CaseIterable {
    /// Each unit has the price of the slab it falls in.
    case telescopic
    /// The total chooses a table of telescopic slabs.
    case byTotal
    /// All units have the price of the slab the total falls in.
    case nonTelescopic
    /// Telescopic, with limits per day of the bill.
    case perDay
}

/// How slabs and bands of the day meet.
public enum SlabBandRule: String, Sendable, CaseIterable {
    /// Each interval is priced in the slab reached so far.
    case chronological
    /// Each slab's energy is spread over the bands as the bill's whole energy is.
    case proportional
    /// Slabs know no bands; each band adds its percent of the slab charge, in proportion to its energy.
    case uplift
}

/// What becomes of monthly figures in a bill that is not whole months.
public enum ProrationRule: String, Sendable, CaseIterable {
    /// Each day is one part of its own month.
    case calendarFraction
    /// Days by 30, cut to two decimals.
    case months2dp
    /// Days by 30.
    case days30
    /// As `calendarFraction`, slab widths cut to whole kWh.
    case floorDays
    /// Figures hold for any bill.
    case none
}

/// Energy at a price: flat, by band, by slab, or slab by band.
public struct EnergyCharge: Sendable, Equatable {
    public internal(set) var quantity = MeteredQuantity.drawn
    /// −1 for what is credited.
    public internal(set) var sign: Int64 = 1
    /// Nil: no bands.
    public internal(set) var calendar: String?
    public internal(set) var bands: [String] = [""]
    public internal(set) var kind = SlabKind.telescopic
    public internal(set) var rule = SlabBandRule.chronological
    public internal(set) var proration = ProrationRule.none
    /// One, or for `byTotal` several in order.
    public internal(set) var tables: [SlabTable] = []
    /// Hundredths of a percent by band, for `uplift`.
    public internal(set) var upliftHundredths: [Int64] = []
    /// Whether the prices name their bands.
    var pricesBands: Bool { bands.count > 1 && rule != .uplift }
}

public struct SlabTable: Sendable, Equatable {
    /// Nil is without end.
    public internal(set) var upToTotalWh: Int64?
    public internal(set) var steps: [SlabStep]
}

public struct SlabStep: Sendable, Equatable {
    /// Nil is without end.
    public internal(set) var upToWh: Int64?
    /// Thousandths of the minor unit per kWh; one, or one for each band.
    public internal(set) var milliPerKWh: [Int64]
}

/// A figure per month: for the connection, by contracted load, or chosen by the total of the bill.
public struct StandingCharge: Sendable, Equatable {
    public struct Step: Sendable, Equatable {
        /// W of contracted load, or Wh of the bill; nil is without end.
        public internal(set) var upTo: Int64?
        public internal(set) var milliPerMonth: Int64
        public internal(set) var milliPerKW: Int64
    }
    public enum Choice: Sendable, Equatable { case contractedLoad, total }
    public internal(set) var steps: [Step]
    public internal(set) var choice = Choice.contractedLoad
    public internal(set) var roundsUpToKW = false
    public internal(set) var proration = ProrationRule.calendarFraction
}

/// The largest average load of a window in the bill, by band where there are bands.
public struct DemandCharge: Sendable, Equatable {
    public internal(set) var calendar: String?
    public internal(set) var bands: [String] = [""]
    public internal(set) var milliPerKW: [Int64]
    /// Nil is the interval of the load.
    public internal(set) var windowMinutes: Int?
    /// Billed is at least this share of the contracted load.
    public internal(set) var atLeastPPM: Int64 = 0
}

/// What the largest load is above the contracted one, in steps.
public struct ExcessDemandCharge: Sendable, Equatable {
    public struct Step: Sendable, Equatable {
        /// Of the contracted load, above it; nil is without end.
        public internal(set) var upToPPM: Int64?
        public internal(set) var milliPerKW: Int64
    }
    public internal(set) var steps: [Step]
    public internal(set) var windowMinutes: Int?
}

/// A component, or the part of a share that falls on one of its bases: `ppac.energy`.
public struct TariffBase: Sendable, Equatable {
    public internal(set) var component: Int
    public internal(set) var part: Int?
    public internal(set) var name: String
}

/// A percentage of other components: duty, tax, subsidy, rebate.
public struct ShareCharge: Sendable, Equatable {
    /// Parts per million, negative for a credit.
    public internal(set) var ppm: Int64
    /// The whole is rounded once; what the parts leave over falls to the last.
    public internal(set) var bases: [TariffBase]
    /// Of what the bases come to exactly, not of what they are rounded to; they are energy at a price.
    var isOfExact = false
    /// Only while the bill's energy is not above this.
    public internal(set) var whenTotalUpToWh: Int64?
    public internal(set) var atMostMinor: Int64?
}

/// A percentage of other components for every hundredth that the power factor is off.
public struct PowerFactorCharge: Sendable, Equatable {
    public struct Step: Sendable, Equatable {
        public internal(set) var isBelow: Bool
        public internal(set) var hundredths: Int64
        public internal(set) var ppmPerHundredth: Int64
    }
    public internal(set) var steps: [Step]
    public internal(set) var bases: [TariffBase]
    /// Each day has its own factor and what was charged that day; else the bill to date has one for all of it.
    public internal(set) var isDaily = false
}

/// Brings its bases up to a sum.
public struct MinimumCharge: Sendable, Equatable {
    public internal(set) var milliPerMonth: Int64
    public internal(set) var milliPerKW: Int64
    public internal(set) var bases: [TariffBase]
}

/// Energy at a market price.
public struct IndexedCharge: Sendable, Equatable {
    public internal(set) var quantity: MeteredQuantity
    public internal(set) var exchange: String
    public internal(set) var product: String
    public internal(set) var sharePPM: Int64
    public internal(set) var adderMilliPerKWh: Int64
    public internal(set) var floorMilliPerKWh: Int64?
    public internal(set) var capMilliPerKWh: Int64?
}

/// A price on top, in hours of days that were called critical.
public struct CriticalPeakCharge: Sendable, Equatable {
    public internal(set) var days: Set<CivilDay>
    public internal(set) var hours: [MinuteRange]
    public internal(set) var milliPerKWh: Int64
}

/// A surcharge for the supply of an earlier month.
public struct SupplySurcharge: Sendable, Equatable {
    public struct Rate: Sendable, Equatable {
        public internal(set) var supplyMonth: CivilMonth
        public internal(set) var chargeMonth: CivilMonth
        public internal(set) var milliPerKWh: Int64
        public internal(set) var ppm: Int64
        /// Charged later than this day it is forfeited.
        public internal(set) var lapses: CivilDay?
    }
    public internal(set) var rates: [Rate]
    public internal(set) var bases: [TariffBase]
}

/// Money back for minutes of bad supply.
public struct QualityCredit: Sendable, Equatable {
    public enum Measure: String, Sendable, CaseIterable { case outage, voltage }
    public internal(set) var measure: Measure
    public internal(set) var freeMinutes: Int64
    public internal(set) var milliPerHour: Int64
    public internal(set) var atMostMinor: Int64?
}

/// For leaving early: a share of a standing charge for the days that remain.
public struct ContractBreak: Sendable, Equatable {
    public internal(set) var ppm: Int64
    public internal(set) var base: Int
    public internal(set) var atMostMonths: Int64
}

/// Energy that add-on packs take from the tariff, at their own prices.
public struct AddOnCharge: Sendable, Equatable {
    /// Whether it fills slabs of the tariff, as a band without a price would.
    public internal(set) var countsTowardSlabs = false
}

/// Once a year the bank of energy is paid out and empty.
public struct BankSettlement: Sendable, Equatable {
    /// At whose end, 1…12.
    public internal(set) var month: Int
    public internal(set) var milliPerKWh: Int64
}

extension TariffCharge {
    var isShare: Bool { if case .share = self { true } else { false } }

    /// What a component is reckoned from.
    var bases: [TariffBase] {
        switch self {
        case .share(let charge): charge.bases
        case .powerFactor(let charge): charge.bases
        case .minimum(let charge): charge.bases
        // A surcharge looks at months that are over; no ring can come of it.
        default: []
        }
    }
}
