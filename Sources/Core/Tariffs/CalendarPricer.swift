// Prices days in order under a tariff and add-on packs that do not change: bills of whole calendar months, each from
// its first day that is given. For files and comparisons; what an account is charged is the rating domain's.
import CivilTime

/// Days that follow each other, with gaps or without.
public struct CalendarPricer: Sendable {
    private let book: TariffBook
    private let addOns: [AddOnPack]
    private var facts = AccountFacts()
    private var bill: ReadyBill?
    private var state = BillState.start

    public init(_ book: TariffBook, addOns: [AddOnPack] = [], contractedW: Int64) {
        self.book = book
        self.addOns = addOns
        facts.contractedW = contractedW
    }

    /// The packs of a rate file, in force on every day.
    public init(_ packs: PackSet) throws(TariffError) {
        try self.init(
            TariffBook([Tariff(packs.base, validFrom: CivilDay(number: -719_162))]), addOns: packs.addOns,
            contractedW: packs.sanctionedW)
    }

    /// - Throws: a day that is not after the one before; what keeps the tariff from pricing it.
    public mutating func price(
        _ day: CivilDay, slotStartMinutes: [Int], periodS: Int, valuesWh: [Int32]
    ) throws(TariffError) -> DayAmounts {
        let ready: ReadyBill
        if let bill, day <= bill.period.last {
            ready = bill
        } else {
            let months = book.tariffs[0].billMonths
            let start = day.month.index / months * months
            ready = try ReadyBill(
                book,
                period: BillPeriod(
                    first: CivilMonth(index: start).first, last: CivilMonth(index: start + months - 1).last))
            bill = ready
        }
        let load = TariffLoadDay(
            day: day, slotStartMinutes: slotStartMinutes, periodS: periodS, importWh: valuesWh)
        let amounts = try ready.price(DayInput(load: load, addOns: addOns, facts: facts), opening: state)
        state = amounts.closing
        return amounts
    }
}
