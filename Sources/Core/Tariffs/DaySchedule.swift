// A price plan laid out over the slots of one civil day: which price holds in which slots. Made once for a plan and a day
// and used for every load priced by it; the load itself comes later.
import CivilTime

/// The prices of a day's slots. Making it costs some microseconds; pricing a load by it a fraction of one.
public struct DaySchedule: Sendable {
    /// One pack's price in a stretch. `limitWhTimes3600` is maximum load × period: a slot with more Wh × 3600 skips it.
    struct Option: Sendable, Equatable {
        /// Index in `plan.addOns`; -1 is the base pack.
        var pack: Int
        var milliPaisePerKWh: Int64
        var limitWhTimes3600: Int64?
    }
    /// Neighbouring slots with the same choice. The first option whose limit the slot's load keeps is its price;
    /// the last option has no limit.
    struct Stretch: Sendable {
        var slots: Range<Int>
        var band: Int
        var options: [Option]
    }

    public let plan: PricePlan
    public let day: CivilDay
    public let periodS: Int
    /// Minute of the wall clock at which each slot starts.
    public let slotStartMinutes: [Int]
    let stretches: [Stretch]
    /// Stretches of base price and of add-on price when no slot depends on the load; nil when one does.
    let fixedStretches: [(slots: Range<Int>, milliPaisePerKWh: Int64, isAddOn: Bool)]?
    /// Fixed charge of the day: F·k/n − F·(k−1)/n in micro-paise, so that the days of a month sum to F.
    let fixedMicroPaise: Int128

    public var slotCount: Int { slotStartMinutes.count }

    /// - Parameter slotStartMinutes: minute of the wall clock (0...1439) at which each slot starts; 92 to 100 of them in
    ///   a 15-minute day with a change of clock.
    /// - Throws: more than 1,500 slots, a minute outside the day, or a price that changes inside a slot.
    public init(plan: PricePlan, day: CivilDay, slotStartMinutes: [Int], periodS: Int) throws(TariffError) {
        guard periodS > 0, periodS % 60 == 0, periodS <= 86400 else {
            throw TariffError("periodS", "\(periodS) s", remedy: "give whole minutes up to a day")
        }
        guard slotStartMinutes.count <= 1500, slotStartMinutes.allSatisfy((0..<minutesPerDay).contains) else {
            throw TariffError(
                "slotStartMinutes", "more than 1,500 slots or a minute outside 0 to 1439",
                remedy: "give the wall-clock minute of each slot of one day")
        }
        self.plan = plan
        self.day = day
        self.periodS = periodS
        self.slotStartMinutes = slotStartMinutes
        stretches = try Self.stretches(plan: plan, day: day, starts: slotStartMinutes, periodS: periodS)
        fixedStretches =
            stretches.allSatisfy { $0.options.count == 1 }
            ? stretches.map { ($0.slots, $0.options[0].milliPaisePerKWh, $0.options[0].pack >= 0) } : nil
        let month = plan.base.fixedMicroPaisePerMonth(sanctionedW: plan.sanctionedW)
        let dayOfMonth = Int128(day.parts.day)
        let dayCount = Int128(day.month.dayCount)
        fixedMicroPaise = month * dayOfMonth / dayCount - month * (dayOfMonth - 1) / dayCount
    }

    private static func stretches(
        plan: PricePlan, day: CivilDay, starts: [Int], periodS: Int
    ) throws(TariffError) -> [Stretch] {
        let bands = try plan.base.calendar.bandAndEndOfMinutes()
        var active: [(index: Int, minutes: [(price: Int, endMinute: Int)])] = []
        for (index, pack) in plan.addOns.enumerated() where pack.applies(on: day) {
            active.append((index, try PricePlan.priceOfMinutes(pack, base: plan.base, minutes: bands)))
        }
        var result: [Stretch] = []
        for (slot, start) in starts.enumerated() {
            let end = min(start + periodS / 60, minutesPerDay)
            let changes = active.map { $0.minutes[start].endMinute } + [bands[start].endMinute]
            if let change = changes.first(where: { $0 < end }) {
                throw TariffError(
                    "slot \(slot)", "the price changes at \(clock(change)), inside a slot of \(periodS / 60) minutes",
                    remedy: "let bands and add-ons change on the capture period of the meter")
            }
            let options = options(plan: plan, active: active, start: start, band: bands[start].band, periodS: periodS)
            if let last = result.last, last.band == bands[start].band, last.options == options {
                result[result.count - 1].slots = last.slots.lowerBound..<slot + 1
            } else {
                result.append(Stretch(slots: slot..<slot + 1, band: bands[start].band, options: options))
            }
        }
        return result
    }

    /// Add-ons that cover the minute, cheapest first (then by id, so that a tie has one answer), then the base pack;
    /// cut after the first one without a limit, which nothing behind it can be reached through.
    private static func options(
        plan: PricePlan, active: [(index: Int, minutes: [(price: Int, endMinute: Int)])], start: Int, band: Int,
        periodS: Int
    ) -> [Option] {
        var options: [Option] = []
        for (index, minutes) in active where minutes[start].price >= 0 {
            let pack = plan.addOns[index]
            options.append(
                Option(
                    pack: index, milliPaisePerKWh: pack.prices[minutes[start].price].milliPaisePerKWh,
                    limitWhTimes3600: pack.maximumLoadW.map { $0 * Int64(periodS) }))
        }
        options.sort {
            ($0.milliPaisePerKWh, plan.addOns[$0.pack].id) < ($1.milliPaisePerKWh, plan.addOns[$1.pack].id)
        }
        if let open = options.firstIndex(where: { $0.limitWhTimes3600 == nil }) {
            return Array(options[...open])
        }
        // The plan was checked: every band of the calendar has a price.
        let price = plan.base.milliPaisePerKWh[plan.base.calendar.bands[band].name] ?? 0
        return options + [Option(pack: -1, milliPaisePerKWh: price, limitWhTimes3600: nil)]
    }
}
