// What can be priced: a base pack (every minute has a price, fixed charge, duty) and add-on packs (some minutes,
// cheaper). Values only; who bought which pack and when is the business of the Packs domain.
import CivilTime

/// Highest price taken: 10,000 rupees per kWh, in milli-paise.
let maximumPriceMilliPaisePerKWh: Int64 = 1_000_000_000
/// Highest fixed charge taken: 1,000 crore rupees a month, in paise.
let maximumFixedPaise: Int64 = 1_000_000_000_000
/// Highest fixed charge per kW taken: 10 lakh rupees a month, in paise; with 10 GW the product still fits 64 bits.
let maximumFixedPaisePerKW: Int64 = 100_000_000
/// Highest sanctioned or limit load taken: 10 GW.
let maximumLoadW: Int64 = 10_000_000_000

/// The pack every supply account has exactly one of. Prices are milli-paise per kWh: 6.50 rupees are 650,000.
public struct BasePack: Sendable, Equatable {
    public var id: String
    /// Grows with every change of any field; a charge stores it.
    public var version: Int
    public var name: String
    public var calendar: TOUCalendar
    /// One price for each band of the calendar, by band name.
    public var milliPaisePerKWh: [String: Int64]
    /// Fixed charge of a whole month for the connection; accrues daily.
    public var fixedPaisePerMonth: Int64
    /// Fixed charge of a whole month per kW of sanctioned load; accrues daily.
    public var fixedPaisePerKWPerMonth: Int64
    /// Electricity duty in parts per million of the energy charge: 5 % is 50,000.
    public var dutyPPM: Int64

    public init(
        id: String, version: Int, name: String, calendar: TOUCalendar, milliPaisePerKWh: [String: Int64],
        fixedPaisePerMonth: Int64 = 0, fixedPaisePerKWPerMonth: Int64 = 0, dutyPPM: Int64 = 0
    ) {
        self.id = id
        self.version = version
        self.name = name
        self.calendar = calendar
        self.milliPaisePerKWh = milliPaisePerKWh
        self.fixedPaisePerMonth = fixedPaisePerMonth
        self.fixedPaisePerKWPerMonth = fixedPaisePerKWPerMonth
        self.dutyPPM = dutyPPM
    }

    public func validate() throws(TariffError) {
        try checkIdentity(id: id, version: version, name: name)
        try within("calendar", calendar.validate)
        for band in calendar.bands {
            guard let price = milliPaisePerKWh[band.name] else {
                throw TariffError(
                    "milliPaisePerKWh", "band \(band.name) has no price", remedy: "give a price for every band")
            }
            try checkPrice(price, "milliPaisePerKWh.\(band.name)")
        }
        let known = Set(calendar.bands.map(\.name))
        if let stray = milliPaisePerKWh.keys.sorted().first(where: { !known.contains($0) }) {
            throw TariffError(
                "milliPaisePerKWh.\(stray)", "the calendar has no band \(stray)",
                remedy: "use the band names \(known.sorted().joined(separator: ", "))")
        }
        try checkRange(fixedPaisePerMonth, 0...maximumFixedPaise, "fixedPaisePerMonth")
        try checkRange(fixedPaisePerKWPerMonth, 0...maximumFixedPaisePerKW, "fixedPaisePerKWPerMonth")
        try checkRange(dutyPPM, 0...1_000_000, "dutyPPM")
    }
}

/// One price of an add-on pack and the minutes it covers.
public struct AddOnPrice: Sendable, Equatable {
    public enum Cover: Sendable, Equatable {
        /// A band of the calendar of the base pack it is used with.
        case band(String)
        case minutes(MinuteRange)
    }
    public var cover: Cover
    public var milliPaisePerKWh: Int64
    public init(_ cover: Cover, milliPaisePerKWh: Int64) {
        self.cover = cover
        self.milliPaisePerKWh = milliPaisePerKWh
    }
}

/// Comes before the base pack in the slots it covers; where several cover a slot the cheapest does.
public struct AddOnPack: Sendable, Equatable {
    public var id: String
    public var version: Int
    public var name: String
    /// ISO weekdays, 1 = Monday to 7 = Sunday.
    public var weekdays: [Int]
    /// First and last day on which it applies, both inclusive; nil is open.
    public var from: CivilDay?
    public var to: CivilDay?
    public var prices: [AddOnPrice]
    /// In a slot whose average load is above this the pack does not apply and the next one does. Nil is no limit.
    public var maximumLoadW: Int64?

    public init(
        id: String, version: Int, name: String, weekdays: [Int] = [1, 2, 3, 4, 5, 6, 7], from: CivilDay? = nil,
        to: CivilDay? = nil, prices: [AddOnPrice], maximumLoadW: Int64? = nil
    ) {
        self.id = id
        self.version = version
        self.name = name
        self.weekdays = weekdays
        self.from = from
        self.to = to
        self.prices = prices
        self.maximumLoadW = maximumLoadW
    }

    /// Whether the pack itself applies on that day (its weekdays and dates; not whether anybody subscribed).
    public func applies(on day: CivilDay) -> Bool {
        weekdays.contains(day.weekday) && from.map { $0 <= day } != false && to.map { day <= $0 } != false
    }

    public func validate() throws(TariffError) {
        try checkIdentity(id: id, version: version, name: name)
        guard !weekdays.isEmpty, Set(weekdays).count == weekdays.count, weekdays.allSatisfy((1...7).contains) else {
            throw TariffError(
                "weekdays", "\(weekdays) is not a set of weekdays",
                remedy: "list each day once, 1 = Monday to 7 = Sunday")
        }
        if let from, let to, to < from {
            throw TariffError("to", "\(to) is before \(from)", remedy: "let the last day follow the first")
        }
        guard (1...96).contains(prices.count) else {
            throw TariffError("prices", "\(prices.count) prices", remedy: "give 1 to 96 prices")
        }
        for (index, price) in prices.enumerated() {
            try within("prices[\(index)]") { () throws(TariffError) in
                try checkPrice(price.milliPaisePerKWh, "milliPaisePerKWh")
                switch price.cover {
                case .band(let name): try checkName(name, "band")
                case .minutes(let range): try range.validate()
                }
            }
        }
        if let maximumLoadW { try checkRange(maximumLoadW, 1...Tariffs.maximumLoadW, "maximumLoadW") }
    }
}

private func checkIdentity(id: String, version: Int, name: String) throws(TariffError) {
    try checkName(id, "id")
    try checkName(name, "name")
    try checkRange(Int64(version), 1...Int64(Int32.max), "version")
}

private func checkPrice(_ price: Int64, _ place: String) throws(TariffError) {
    try checkRange(price, 0...maximumPriceMilliPaisePerKWh, place)
}

func checkRange(_ value: Int64, _ range: ClosedRange<Int64>, _ place: String) throws(TariffError) {
    guard range.contains(value) else {
        throw TariffError(
            place, "\(value) is out of range", remedy: "give \(range.lowerBound) to \(range.upperBound)")
    }
}
