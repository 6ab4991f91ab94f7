// One account, or many in flat memory, through the run of a plain tariff. What is not plain is left to the engine that
// explains: nothing here decides what anything costs.
import CivilTime

extension ReadyBill {
    /// The state as a day of this bill begins from it; nil where that is not plain, or an error to be told.
    fileprivate func plainOpening(_ opening: BillState, on day: CivilDay, _ version: ReadyTariff) -> BillState? {
        if let bill = opening.bill, bill.tariffID == tariffID, bill.period.first == period.first {
            let isPlain =
                bill.period == period && bill.lastDay < day && bill.version == version.tariff.version
                && bill.slabsFrom == period.first && bill.positionWh == 0
            return isPlain ? opening : nil
        }
        guard var (state, bill) = try? begin(after: opening, on: day, version.tariff), bill.positionWh == 0,
            bill.slabsFrom == period.first
        else { return nil }
        bill.lastDay = day
        state.bill = bill
        state.totals.runs = version.tariff.components.indices.map { version.start($0) }
        return state
    }

    /// Nil when the day is to be priced by the engine that explains.
    func plainAmounts(_ day: DayInput, opening: BillState) -> DayAmounts? {
        let load = day.load
        guard load.exportWh.isEmpty, load.generationWh.isEmpty, load.importWh.count == load.slotStartMinutes.count,
            PlainBill.isUniform(load), let box = plain, box.days.contains(load.day)
        else { return nil }
        guard let layout = box.layout(load, addOns: day.addOns),
            var state = plainOpening(opening, on: load.day, box.version)
        else { return nil }
        let components = box.plain.listed.count
        let count = box.plain.stateCount
        return withUnsafeTemporaryAllocation(
            of: Int64.self, capacity: count * 2 + components * 2 + Int(layout[0]) * 2
        ) { room -> DayAmounts? in
            guard let words = room.baseAddress, box.plain.words(state.totals, into: words) else { return nil }
            let closing = words + count
            let amounts = closing + count
            let isClosed = load.day == period.last
            let isPriced = box.plain.operations.withUnsafeBufferPointer { operations in
                layout.withUnsafeBufferPointer { layout in
                    load.importWh.withUnsafeBufferPointer { values in
                        guard let operations = operations.baseAddress, let layout = layout.baseAddress,
                            let values = values.baseAddress
                        else { return false }
                        return PlainRun(
                            operations: operations, operationCount: box.plain.operations.count, layout: layout,
                            values: values, opening: words, closing: closing, amountsMinor: amounts,
                            exactMicro: amounts + components, sums: amounts + components * 2,
                            contractedW: day.facts.contractedW ?? -1, dayParts: BillPeriod.parts(of: load.day),
                            isClosed: isClosed
                        ).price()
                    }
                }
            }
            guard isPriced else { return nil }
            let drawn = closing[PlainWord.importWh] - words[PlainWord.importWh]
            let taken = closing[PlainWord.addOnWh] - words[PlainWord.addOnWh]
            box.plain.put(closing, isClosed: isClosed, into: &state.totals)
            state.totals.hasLeft = false
            state.bill?.lastDay = load.day
            var result = DayAmounts(
                day: load.day, version: box.plain.tariff.version, importWh: drawn, exportWh: 0, addOnWh: taken,
                amountsMinor: [], totalMinor: 0, closing: state)
            result.amountsMinor.reserveCapacity(components)
            for index in box.plain.listed where amounts[index] != 0 {
                let component = box.plain.names[index]
                result.amountsMinor.append(DayAmount(id: component.id, kind: component.kind, minor: amounts[index]))
                result.totalMinor += amounts[index]
            }
            return result
        }
    }
}

/// Many accounts on one day of even intervals, in flat memory: nothing is allocated for an account.
public struct DayBatch: Sendable {
    private struct Plan {
        var operations: Int
        var operationCount: Int
        var layout: Int
        var isClosed: Bool
    }

    public let day: CivilDay
    public let periodS: Int
    /// Words of a state: what `openings` and `closings` hold for each account.
    public private(set) var stateCount = 0
    /// Amounts of an account, in the order of `components`; those that its tariff lacks are left as they were.
    public private(set) var amountCount = 0
    private var plans: [Plan] = []
    private var bills: [(bill: ReadyBill, box: PlainBill.Box)] = []
    private var numbers: [Int64] = []
    private var stretchCount = 0

    /// - Parameter periodS: 900, 1800 or 3600; slots follow each other from midnight to midnight.
    public init(day: CivilDay, periodS: Int) {
        self.day = day
        self.periodS = periodS
    }

    public var slotCount: Int { 86_400 / periodS }

    /// Adds what prices some of the accounts. All are added before states are made.
    /// - Returns: its number; nil when it has to be priced account by account.
    /// - Throws: add-on packs that cannot be used.
    public mutating func add(_ bill: ReadyBill, addOns: [AddOnPack] = []) throws(TariffError) -> Int? {
        guard PlainBill.periods.contains(periodS), let box = bill.plain, box.days.contains(day),
            box.plain.layout(day, periodS: periodS) != nil
        else { return nil }
        let plain = box.plain
        let layout = try plain.layout(
            day, slotStartMinutes: PlainBill.starts(periodS), periodS: periodS, addOns: addOns)
        plans.append(
            Plan(
                operations: numbers.count, operationCount: plain.operations.count,
                layout: numbers.count + plain.operations.count, isClosed: day == bill.period.last))
        numbers += plain.operations + layout
        bills.append((bill, box))
        stateCount = max(stateCount, plain.stateCount)
        amountCount = max(amountCount, plain.tariff.components.count)
        stretchCount = max(stretchCount, Int(layout[0]))
        return plans.count - 1
    }

    /// Ids and kinds of the amounts of a plan.
    public func components(plan: Int) -> [(id: String, kind: String)] { bills[plan].box.plain.names }

    /// A state in words; nil when the account has to be priced by itself.
    public func words(_ opening: BillState, plan: Int) -> [Int64]? {
        let (bill, box) = bills[plan]
        guard let state = bill.plainOpening(opening, on: day, box.version) else { return nil }
        var words = [Int64](repeating: 0, count: stateCount)
        let isWhole = words.withUnsafeMutableBufferPointer { words in
            words.baseAddress.map { box.plain.words(state.totals, into: $0) } ?? false
        }
        return isWhole ? words : nil
    }

    /// The state after the day, of the words that were priced from an opening one.
    public func state(_ words: some Collection<Int64>, plan: Int, opening: BillState) -> BillState? {
        let (bill, box) = bills[plan]
        guard words.count == stateCount, var state = bill.plainOpening(opening, on: day, box.version) else {
            return nil
        }
        Array(words).withUnsafeBufferPointer {
            guard let words = $0.baseAddress else { return }
            box.plain.put(words, isClosed: plans[plan].isClosed, into: &state.totals)
        }
        state.totals.hasLeft = false
        state.bill?.lastDay = day
        return state
    }

    /// Prices accounts. `plans` says what prices each; `contractedW` below zero is not given.
    /// - Returns: accounts whose values are out of the range of this way; nothing written for them counts, and each is
    ///   priced by itself.
    public func price(
        valuesWh: [Int32], plans planOfAccount: [Int32], contractedW: [Int64], openings: [Int64],
        closings: inout [Int64], amountsMinor: inout [Int64]
    ) -> [Int] {
        let accounts = planOfAccount.count
        precondition(
            valuesWh.count == accounts * slotCount && contractedW.count == accounts
                && openings.count == accounts * stateCount && closings.count == openings.count
                && amountsMinor.count == accounts * amountCount, "as many values and states as accounts")
        precondition(planOfAccount.allSatisfy { plans.indices.contains(Int($0)) }, "plans were added")
        var left: [Int] = []
        let (slotCount, stateCount, amountCount) = (slotCount, stateCount, amountCount)
        let dayParts = BillPeriod.parts(of: day)
        var scratch = [Int64](repeating: 0, count: stretchCount * 2 + amountCount)
        numbers.withUnsafeBufferPointer { numbers in
            plans.withUnsafeBufferPointer { plans in
                scratch.withUnsafeMutableBufferPointer { scratch in
                    valuesWh.withUnsafeBufferPointer { values in
                        openings.withUnsafeBufferPointer { openings in
                            closings.withUnsafeMutableBufferPointer { closings in
                                amountsMinor.withUnsafeMutableBufferPointer { amounts in
                                    guard let numbers = numbers.baseAddress, let scratch = scratch.baseAddress,
                                        let values = values.baseAddress, let openings = openings.baseAddress,
                                        let closings = closings.baseAddress, let amounts = amounts.baseAddress
                                    else { return }
                                    for account in 0..<accounts {
                                        let plan = plans[Int(planOfAccount[account])]
                                        let run = PlainRun(
                                            operations: numbers + plan.operations,
                                            operationCount: plan.operationCount, layout: numbers + plan.layout,
                                            values: values + account * slotCount,
                                            opening: openings + account * stateCount,
                                            closing: closings + account * stateCount,
                                            amountsMinor: amounts + account * amountCount,
                                            exactMicro: scratch + stretchCount * 2, sums: scratch,
                                            contractedW: contractedW[account], dayParts: dayParts,
                                            isClosed: plan.isClosed)
                                        if !run.price() { left.append(account) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return left
    }
}
