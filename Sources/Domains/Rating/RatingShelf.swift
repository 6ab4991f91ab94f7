// What pricing needs besides readings, read once for many account-days: tariffs made ready for a bill, add-on packs,
// prices of exchanges, minutes without supply. It charges nothing.
import Access
import CivilTime
import Cryptography
import IntervalData
import MeterData
import Packs
import SQL
import Tariffs

/// Filled as it is asked, within one transaction.
struct RatingShelf {
    let zone: Zone
    let scope: Scope
    /// Prices of exchanges as they stood then; nil is now.
    var asOfMs: Int64?
    let nowMs: Int64
    private var books: [String: TariffBook?] = [:]
    private var packDays: [DayKey: PackDay?] = [:]
    private var bills: [BillKey: OpenBill] = [:]
    private var addOns: [String: [(fromDay: CivilDay, pack: AddOnPack)]] = [:]
    private var starts: [StartKey: [Int]] = [:]

    private struct DayKey: Hashable {
        var packID: String
        var day: CivilDay
    }
    private struct BillKey: Hashable {
        var packID: String
        var period: BillPeriod
    }
    private struct StartKey: Hashable {
        var day: CivilDay
        var slots: Int
    }

    init(zone: Zone, nowMs: Int64, _ scope: Scope) {
        self.zone = zone
        self.nowMs = nowMs
        self.scope = scope
    }

    /// Nil when there is no base pack of this name that is in force on the day.
    mutating func pack(
        _ packID: String, on day: CivilDay, _ transaction: any SQLTransaction
    ) throws -> PackDay? {
        let key = DayKey(packID: packID, day: day)
        if let known = packDays[key] { return known }
        let found = try book(packID, transaction).flatMap { book in
            book.tariff(on: day).map { PackDay(book, $0) }
        }
        packDays[key] = .some(found)
        return found
    }

    private mutating func book(_ packID: String, _ transaction: any SQLTransaction) throws -> TariffBook? {
        if let known = books[packID] { return known }
        let versions = try Packs.versions(of: packID, scope, in: transaction)
        let book = versions.isEmpty ? nil : try TariffBook(stored: versions)
        books[packID] = .some(book)
        return book
    }

    private mutating func bill(
        _ pack: PackDay, _ period: BillPeriod, _ transaction: any SQLTransaction
    ) throws -> OpenBill {
        let key = BillKey(packID: pack.tariff.id, period: period)
        if let known = bills[key] { return known }
        let made = OpenBill(
            try ReadyBill(pack.book, period: period),
            prices: try MarketPriceStore.prices(
                for: pack.book.tariffs, from: period.first, to: period.last, asOfMs: asOfMs, scope, in: transaction))
        bills[key] = made
        return made
    }

    /// The version of an add-on pack in force on a day: the highest that began not after it.
    mutating func addOn(_ packID: String, on day: CivilDay, _ transaction: any SQLTransaction) throws -> AddOnPack? {
        let versions: [(fromDay: CivilDay, pack: AddOnPack)]
        if let known = addOns[packID] {
            versions = known
        } else {
            versions = try Packs.addOnVersions(of: packID, scope, in: transaction)
            addOns[packID] = versions
        }
        return versions.last { $0.fromDay <= day }?.pack
    }

    mutating func slotStarts(_ day: CivilDay, _ slots: Int) -> [Int] {
        let key = StartKey(day: day, slots: slots)
        if let known = starts[key] { return known }
        let periodS = periodS(day, slots)
        let made = (0..<slots).map { zone.minuteOfDay(slot: $0, of: day, periodS: periodS) }
        starts[key] = made
        return made
    }

    private func periodS(_ day: CivilDay, _ slots: Int) -> Int64 {
        slots > 0 ? zone.lengthS(of: day) / Int64(slots) : 1800
    }
}

/// A base pack on a day. An object, so that no account copies what it holds.
final class PackDay: Sendable {
    let book: TariffBook
    let tariff: Tariff
    /// Its id and version, as charges name it.
    let line: String
    let needsExport: Bool
    let needsHistory: Bool

    init(_ book: TariffBook, _ tariff: Tariff) {
        (self.book, self.tariff) = (book, tariff)
        line = "\(tariff.id)@\(tariff.version)"
        (needsExport, needsHistory) = (book.needsExport, book.needsHistory)
    }
}

/// A bill with the prices of exchanges that its tariffs follow.
final class OpenBill: Sendable {
    let ready: ReadyBill
    let prices: MarketPrices?

    init(_ ready: ReadyBill, prices: MarketPrices?) { (self.ready, self.prices) = (ready, prices) }
}

/// The readings of a day as they are priced.
struct DayReadings {
    var day: CivilDay
    var meterID: Int64
    var importWh: [Int32]
    /// Nil when nothing is stored of the energy fed in.
    var exportWh: [Int32]?
    /// Apparent energy drawn, −1 where it was not measured; nil when nothing was.
    var importVAh: [Int32]?
}

/// A day ready to be priced.
struct PricedInput {
    let pack: PackDay
    private let openBill: OpenBill
    let input: DayInput

    init(_ pack: PackDay, _ bill: OpenBill, _ input: DayInput) {
        (self.pack, openBill, self.input) = (pack, bill, input)
    }

    var tariff: Tariff { pack.tariff }
    var bill: ReadyBill { openBill.ready }

    /// Whether it goes on with the bill that a state stands in, so that nothing of the state is left behind.
    func goesOn(after state: BillState, of packID: String?) -> Bool {
        let goesOn = packID == bill.tariffID && state.period?.first == bill.period.first
        return goesOn || tariff.packChange == .carry
    }

    /// From where the day begins: a bill that begins takes over what hands on from bill to bill, and nothing else,
    /// so that a correction of a former bill leaves it alone where it may.
    func opening(after state: BillState, of packID: String?) -> BillState {
        goesOn(after: state, of: packID) ? state : state.carriedOver
    }

    /// The base pack and the add-on packs with their versions, a line each.
    var packs: String {
        input.addOns.isEmpty
            ? pack.line
            : ([pack.line] + input.addOns.sorted { $0.id < $1.id }.map { "\($0.id)@\($0.version)" })
                .joined(separator: "\n")
    }

    /// - Parameter opening: the state it begins from, encoded.
    func hash(opening: [UInt8]) -> [UInt8] { Hash.sha256(bill.inputBytes(input, opening: opening)) }
}

extension RatingShelf {
    /// A day of an account by what it holds.
    /// - Returns: nil when it holds no base pack that is in force that day.
    /// - Throws: `TariffError` for what keeps the day from being priced.
    mutating func input(
        _ readings: DayReadings, _ account: SupplyTerms, _ held: HeldPacks, _ transaction: any SQLTransaction
    ) throws -> PricedInput? {
        let day = readings.day
        guard let packID = held.base(on: day), let pack = try pack(packID, on: day, transaction),
            let period = held.bill(on: day, months: pack.tariff.billMonths, closing: account.closedDay)
        else { return nil }
        let addOns = try held.addOns(on: day).compactMap { try addOn($0, on: day, transaction) }
        return try input(readings, pack, period, addOns, sanctionedW: account.sanctionedW, transaction)
    }

    /// The same by named versions.
    mutating func input(
        _ readings: DayReadings, _ pack: PackDay, _ period: BillPeriod, _ addOns: [AddOnPack], sanctionedW: Int64,
        _ transaction: any SQLTransaction
    ) throws -> PricedInput {
        let bill = try bill(pack, period, transaction)
        let slots = readings.importWh.count
        var load = TariffLoadDay(
            day: readings.day, slotStartMinutes: slotStarts(readings.day, slots),
            periodS: Int(periodS(readings.day, slots)), importWh: readings.importWh)
        if pack.needsExport {
            guard let exportWh = readings.exportWh else { throw RatingRefusal.withoutExport }
            load.exportWh = exportWh
        }
        if pack.tariff.looksAtApparent {
            guard let importVAh = readings.importVAh else { throw RatingRefusal.withoutApparent }
            load.importVAh = importVAh
        }
        var facts = AccountFacts()
        facts.contractedW = sanctionedW
        if readings.day == period.last {
            if pack.tariff.creditsMinutes(of: "voltage") { throw RatingRefusal.withoutVoltage }
            if pack.tariff.creditsMinutes(of: "outage") {
                facts.outageMinutes = try outageMinutes(readings.meterID, period, transaction)
            }
        }
        return PricedInput(
            pack, bill, DayInput(load: load, addOns: addOns, facts: facts, prices: bill.prices))
    }

    /// Certain minutes without supply, by month.
    private func outageMinutes(
        _ meterID: Int64, _ period: BillPeriod, _ transaction: any SQLTransaction
    ) throws -> [CivilMonth: Int64] {
        var found: [CivilMonth: Int64] = [:]
        for index in period.first.month.index...period.last.month.index {
            let month = CivilMonth(index: index)
            let fromMs = zone.startS(of: max(month.first, period.first)) * 1000
            let toMs = zone.startS(of: min(month.last, period.last).advanced(by: 1)) * 1000
            let outages = try Outages.of(meterID: meterID, fromMs: fromMs, toMs: toMs, scope, in: transaction)
            found[month] = outages.reduce(0) { sum, outage in
                let end = min(outage.certainToMs, toMs, nowMs)
                return sum + max(0, end - max(outage.certainFromMs, fromMs)) / 60_000
            }
        }
        return found
    }
}
