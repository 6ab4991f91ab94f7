// What a pack promises and what may be sold where: terms by version, places served, holidays, bands. Values only: it
// knows nobody who holds a pack.
import CivilTime
import Tariffs

/// A version of a pack, as far as subscriptions ask: who sells it, for how long, when it applies and at which price.
public struct PackTerms: Sendable, Equatable {
    /// A base pack has a price in every band; add-ons come before it in the bands and on the days they cover.
    public enum Kind: String, Sendable, CaseIterable { case base, addOn = "add-on" }

    public var id: String
    public var version = 1
    public var kind: Kind
    /// The generator whose pack it is.
    public var res: String
    /// First day of this version; nil is since ever.
    public var validFrom: CivilDay?
    /// Days between approval and the first billable day ("X"); 1 to 366.
    public var leadDays = 1
    /// An add-on's validity, a base pack's contract; nil is open.
    public var months: Int?
    /// An add-on that begins anew by itself; a base pack always does.
    public var renewsItself = false
    /// Of a base pack the limit of the meter; of an add-on the load above which it does not apply.
    public var loadLimitW: Int64?
    /// Price by band. A band without one is not covered.
    public var milliPaisePerKWh: [String: Int64] = [:]
    /// 1 = Monday to 7 = Sunday, 8 = holiday. A holiday is its weekday too.
    public var days: Set<Int> = Set(1...8)
    /// Single days beside them.
    public var dates: Set<CivilDay> = []
    /// What the penalty for leaving a contract early is reckoned from.
    public var fixedPaisePerMonth: Int64 = 0
    /// Penalty as parts per million of the fixed charge of the remaining days; 100 % is 1,000,000.
    public var breakPPM: Int64 = 0
    /// The penalty is for at most so many months of 30 days.
    public var breakMonths = 12
    /// Price of energy fed in; nil buys none.
    public var exportMilliPaisePerKWh: Int64?
    /// So many days before the end the consumer is reminded.
    public var reminderDays: [Int] = []

    public init(id: String, kind: Kind, res: String) {
        self.id = id
        self.kind = kind
        self.res = res
    }

    func applies(on day: CivilDay, isHoliday: Bool) -> Bool {
        kind == .base || days.contains(day.weekday) || (isHoliday && days.contains(8)) || dates.contains(day)
    }
}

/// All packs with the places their sellers serve.
public struct PackBook: Sendable, Equatable {
    /// Versions by pack, earliest first.
    private let versions: [String: [PackTerms]]
    /// Places (NMA) that each generator serves.
    public var served: [String: Set<String>]
    public let calendar: TOUCalendar
    public var holidays: Set<CivilDay> = []
    /// Base pack of days on which nothing is held, such as before the first subscription; nil leaves them unbilled.
    public let defaultPack: String?
    /// The base takes part where the cheapest is chosen; else it prices only what no add-on covers.
    public var comparesBase = false

    /// - Throws: with a place in `packs`: terms that contradict themselves or one another.
    public init(
        _ packs: [PackTerms], served: [String: Set<String>], calendar: TOUCalendar = .flat(), defaultPack: String? = nil
    ) throws(TariffError) {
        try calendar.validate()
        let bands = calendar.bands.map(\.name)
        for (index, terms) in packs.enumerated() {
            do throws(TariffError) { try terms.validate(bands) } catch {
                throw TariffError("packs[\(index)].\(error.place)", error.what, remedy: error.remedy)
            }
        }
        var versions: [String: [PackTerms]] = [:]
        for (index, terms) in packs.enumerated() {
            if let other = versions[terms.id]?.first {
                let clash = versions[terms.id]?.contains {
                    $0.version == terms.version || $0.validFrom == terms.validFrom
                }
                guard other.kind == terms.kind, other.res == terms.res, clash == false else {
                    throw TariffError(
                        "packs[\(index)]",
                        "pack \(terms.id) stands twice with one version, one first day, two kinds or"
                            + " two sellers", remedy: "give each version its own number and validFrom")
                }
            }
            versions[terms.id, default: []].append(terms)
        }
        self.versions = versions.mapValues { list in
            list.sorted { ($0.validFrom?.number ?? Int32.min) < ($1.validFrom?.number ?? Int32.min) }
        }
        if let defaultPack, versions[defaultPack]?.first?.kind != .base {
            throw TariffError("defaultPack", "\(defaultPack) is no base pack", remedy: "name a base pack of packs")
        }
        (self.served, self.calendar, self.defaultPack) = (served, calendar, defaultPack)
    }

    public var packs: [String] { versions.keys.sorted() }

    /// Any version, for what all have in common: kind and seller.
    public func anyTerms(_ pack: String) -> PackTerms? { versions[pack]?.last }

    /// The version in force on a day.
    public func terms(_ pack: String, on day: CivilDay) -> PackTerms? {
        versions[pack]?.last { $0.validFrom.map { $0 <= day } ?? true }
    }
}

extension PackTerms {
    fileprivate func validate(_ bands: [String]) throws(TariffError) {
        func range(_ value: Int64, _ range: ClosedRange<Int64>, _ place: String) throws(TariffError) {
            guard range.contains(value) else {
                throw TariffError(
                    place, "\(value) is out of range", remedy: "give \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try checkName(id, "id")
        try checkName(res, "res")
        try range(Int64(version), 1...Int64(Int32.max), "version")
        try range(Int64(leadDays), 1...366, "leadDays")
        try range(Int64(months ?? 1), 1...600, "months")
        try range(loadLimitW ?? 1, 1...10_000_000_000, "loadLimit")
        try range(fixedPaisePerMonth, 0...1_000_000_000_000, "fixedPerMonth")
        try range(breakPPM, 0...10_000_000, "breakPercent")
        try range(Int64(breakMonths), 0...600, "breakMonths")
        try range(exportMilliPaisePerKWh ?? 0, 0...1_000_000_000, "exportPrice")
        for before in reminderDays { try range(Int64(before), 0...366, "remind") }
        for (band, price) in milliPaisePerKWh {
            guard bands.contains(band) else {
                throw TariffError(
                    "prices", "there is no band \(band)", remedy: "bands are \(bands.joined(separator: ", "))")
            }
            try range(price, -1_000_000_000...1_000_000_000, "prices.\(band)")
        }
        guard days.allSatisfy((1...8).contains) else {
            throw TariffError("days", "\(days.sorted()) are no days", remedy: "1 is Monday, 7 Sunday, 8 a holiday")
        }
        switch kind {
        case .base:
            guard let bare = bands.first(where: { milliPaisePerKWh[$0] == nil }) else { return }
            throw TariffError(
                "prices", "base pack \(id) has no price in band \(bare)", remedy: "a base pack has a price in each band"
            )
        case .addOn:
            guard !milliPaisePerKWh.isEmpty, months != nil else {
                throw TariffError(
                    milliPaisePerKWh.isEmpty ? "prices" : "months",
                    "add-on \(id) has no \(milliPaisePerKWh.isEmpty ? "price" : "validity")",
                    remedy: "give a price for at least one band, and the months it holds")
            }
        }
    }
}

/// Last day, inclusive, of so many months from a day: 31 January and one month end with February.
func lastDay(ofMonths months: Int, from day: CivilDay) -> CivilDay {
    let end = CivilMonth(index: day.month.index + months)
    let number = day.parts.day
    return number > end.dayCount ? end.last : end.first.advanced(by: number - 2)
}
