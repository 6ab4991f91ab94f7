// How `busbar price` writes bills: one JSON document for each meter, or text. It reckons nothing.
import CivilTime
import Quantities
import Tariffs

/// All bills of a meter. Money is minor units; rates are thousandths of them, or parts per million.
struct PriceDocument: Encodable {
    struct Version: Encodable {
        var id: String
        var version: Int
        var name: String
        var validFrom: String
        var validTo: String?
    }
    struct Line: Encodable {
        var label: String
        var quantity: Int64
        var unit: String
        var rate: Int64?
        var rateUnit: String?
        var amountMinor: Int64
        var version: Int
    }
    struct Component: Encodable {
        var id: String
        var label: String
        var kind: String
        var amountMinor: Int64
        var lines: [Line]
    }
    struct Day: Encodable {
        var day: String
        var version: Int
        var importWh: Int64
        var exportWh: Int64
        var totalMinor: Int64
        var amountsMinor: [String: Int64]
        var jumpsMinor: [String: Int64]
    }
    struct Bill: Encodable {
        var from: String
        var to: String
        var importWh: Int64
        var exportWh: Int64
        var generationWh: Int64
        var bankWh: Int64?
        var totalMinor: Int64
        var components: [Component]
        var days: [Day]
        var notes: [String]
    }

    var format = 1
    var meter: String
    var currency: String
    var minorDigits: Int
    var tariffs: [Version]
    var totalMinor: Int64
    var bills: [Bill]

    init(meter: String, book: TariffBook, bills: [AccountBill]) {
        self.meter = meter
        currency = book.tariffs[0].currency
        minorDigits = book.tariffs[0].minorDigits
        tariffs = book.tariffs.map {
            Version(
                id: $0.id, version: $0.version, name: $0.name, validFrom: $0.validFrom.description,
                validTo: $0.validTo?.description)
        }
        totalMinor = bills.reduce(0) { $0 + $1.totalMinor }
        self.bills = bills.map(Bill.init)
    }
}

extension PriceDocument.Bill {
    init(_ bill: AccountBill) {
        self.init(
            from: bill.period.first.description, to: bill.period.last.description, importWh: bill.importWh,
            exportWh: bill.exportWh, generationWh: bill.generationWh, bankWh: bill.bankWh, totalMinor: bill.totalMinor,
            components: bill.components.map { component in
                PriceDocument.Component(
                    id: component.id, label: component.label, kind: component.kind, amountMinor: component.amountMinor,
                    lines: component.lines.map {
                        PriceDocument.Line(
                            label: $0.label, quantity: $0.quantity, unit: $0.unit.rawValue, rate: $0.rate,
                            rateUnit: $0.rateUnit?.rawValue, amountMinor: $0.amountMinor, version: $0.version)
                    })
            },
            days: bill.days.map {
                PriceDocument.Day(
                    day: $0.day.description, version: $0.version, importWh: $0.importWh, exportWh: $0.exportWh,
                    totalMinor: $0.totalMinor, amountsMinor: $0.amountsMinor, jumpsMinor: $0.jumpsMinor)
            }, notes: bill.notes)
    }
}

/// A bill to read: each component, and below it how much of what at which rate.
func sayBill(_ bill: AccountBill, _ meter: String, _ book: TariffBook, _ console: Console) {
    let tariff = book.tariffs[0]
    func row(_ left: String, _ middle: String, _ money: Int64) {
        let width = 46
        let name = left.count < width ? left + String(repeating: " ", count: width - left.count) : left + " "
        let space = max(1, 34 - middle.count)
        let amount = tariff.money(money)
        console.say(
            name + middle + String(repeating: " ", count: space + max(0, 16 - amount.count)) + amount)
    }
    let fedIn = bill.exportWh == 0 ? "" : ", \(kilowattHours(wh: bill.exportWh)) kWh fed in"
    console.say(
        "\(meter), \(bill.period.first) to \(bill.period.last), \(bill.period.dayCount) days, "
            + "\(kilowattHours(wh: bill.importWh)) kWh\(fedIn)")
    for component in bill.components where component.amountMinor != 0 || !component.lines.isEmpty {
        row("  \(component.label)", "", component.amountMinor)
        for line in component.lines {
            let rate = line.rate.flatMap { rate in line.rateUnit.map { tariff.text(rate, $0) } }
            row(
                "    \(line.label.isEmpty ? "all" : line.label)",
                tariff.text(line.quantity, line.unit) + (rate.map { " × \($0)" } ?? ""), line.amountMinor)
        }
    }
    row("  Total", "", bill.totalMinor)
    if let bank = bill.bankWh { console.say("  In the bank: \(kilowattHours(wh: bank)) kWh") }
    for note in bill.notes { console.say("  Note: \(note)") }
    console.say("")
}
