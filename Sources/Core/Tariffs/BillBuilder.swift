// Puts the priced days of a bill together: its components with their lines, its days. It prices nothing.
import CivilTime

struct BillBuilder {
    private let period: BillPeriod
    private var days: [BillDay] = []
    /// Components in order of first appearance.
    private var components: [BillComponent] = []
    private var last: DayPricer?

    init(_ period: BillPeriod) { self.period = period }

    mutating func add(_ day: DayPricer) {
        var priced = BillDay(
            day: day.input.load.day, version: day.ready.tariff.version, importWh: day.slots.total(.drawn),
            exportWh: day.slots.total(.fedIn), totalMinor: 0, amountsMinor: [:], jumpsMinor: [:])
        for index in day.ready.tariff.listed {
            let component = day.ready.tariff.components[index]
            let amount = day.amountsMinor[index]
            if !components.contains(where: { $0.id == component.id }) {
                components.append(
                    BillComponent(
                        id: component.id, label: component.label, kind: component.kind, amountMinor: 0, lines: []))
            }
            guard let place = components.firstIndex(where: { $0.id == component.id }) else { continue }
            components[place].amountMinor += amount
            for line in day.lines[index] { components[place].lines.add(line) }
            guard amount != 0 else { continue }
            priced.totalMinor += amount
            priced.amountsMinor[component.id] = amount
            if day.jumpsMinor[index] != 0 { priced.jumpsMinor[component.id] = day.jumpsMinor[index] }
        }
        days.append(priced)
        last = day
    }

    /// The bill. All its days have been added.
    func bill() -> AccountBill {
        guard let last, last.state.totals.isClosed else { preconditionFailure("the last day was priced") }
        let totals = last.state.totals
        let all = components.compactMap { component -> BillComponent? in
            var component = component
            component.lines = component.lines.summing(to: component.amountMinor)
            // Where nobody holds an add-on pack and the file does not speak of them, the bill does not either.
            let isSilent = component.kind == ComponentWord.addOns.rawValue && component.lines.isEmpty
            return isSilent ? nil : component
        }
        return AccountBill(
            period: period, importWh: totals.importWh, exportWh: totals.exportWh, generationWh: totals.generationWh,
            totalMinor: days.reduce(0) { $0 + $1.totalMinor }, components: all, days: days,
            bankWh: last.ready.tariff.metering == .netMetering ? last.state.carry.bankWh : nil,
            notes: last.view.notes(totals))
    }
}
