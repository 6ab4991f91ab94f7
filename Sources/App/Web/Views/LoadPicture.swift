// LoadPicture: a meter's days as one load curve: places days, bands, relay spans and events on a common axis of slots.
import Charts
import CivilTime
import IntervalData

/// The chart of a meter's page and of a day's charge.
struct LoadPicture {
    let svg: Markup

    /// The chart of the chosen days with lanes of the relay and the events below.
    init(_ view: MeterView, _ w: Wording) {
        var curve = Self.curve(view.days, periodS: view.periodS, bands: view.bands, w)
        let frame = Frame(days: view.days, periodS: view.periodS, zone: w.zone)
        curve.held = view.held.compactMap { raw in
            guard let start = frame.startSlot(of: raw.day) else { return nil }
            let words = w.say("chart.rawHeld", ["w": "\(w.number(raw.powerW))"]).plain
            return .init(
                slots: start + raw.slots.lowerBound..<start + raw.slots.upperBound, powerW: raw.powerW, label: words)
        }
        let actual = view.relayActual.compactMap { frame.lane($0, wanted: false, w) }
        let desired = view.relayDesired.compactMap { frame.lane($0, wanted: true, w) }
        curve.lanes = [.init(spans: actual), .init(spans: desired)]
        curve.events = view.events.compactMap { event in
            guard let slot = frame.slot(atMs: event.atMs) else { return nil }
            let tone: LoadCurve.Tone =
                switch event.tone {
                case .neutral: .neutral
                case .good: .good
                case .warn, .bad: .bad
                }
            return .init(slot: slot, tone: tone, title: "\(w.moment(event.atMs).plain): \(w.event(event.code).plain)")
        }
        if let limitW = view.figures.sanctionedW {
            curve.limit = (limitW, w.say("chart.limit", ["kw": w.kilowatts(limitW)]).plain)
        }
        svg = Markup(trusted: curve.svg())
    }

    /// One day alone, without lanes.
    /// - Parameter compared: the day before a change, Wh a slot, drawn dashed.
    init(day: MeterDay, periodS: Int, bands: [PriceBand], compared: [Int32] = [], _ w: Wording) {
        var curve = Self.curve([day], periodS: periodS, bands: bands, w)
        curve.compared = compared
        curve.plotHeight = 150
        svg = Markup(trusted: curve.svg())
    }

    /// The day of an exception: the raw values that are held, what estimation proposes where nothing stands, the week
    /// before as a band, the day before as a line.
    init(_ item: QueueView.Item, _ w: Wording) {
        var load = item.load
        let proposed = item.stake?.proposed ?? []
        for slot in item.slots where proposed.indices.contains(slot) && load.qualities[slot] == .missing {
            (load.valuesWh[slot], load.qualities[slot]) = (proposed[slot], .estimated)
        }
        var curve = Self.curve([load], periodS: item.periodS, bands: [], w)
        curve.compared = item.before
        curve.range = item.band
        // Neighbours of one height make one outline.
        for (slot, value) in item.held {
            let powerW = Int64(value) * 3600 / Int64(max(1, item.periodS))
            if let last = curve.held.last, last.slots.upperBound == slot, last.powerW == powerW {
                curve.held[curve.held.count - 1].slots = last.slots.lowerBound..<slot + 1
            } else {
                curve.held.append(.init(slots: slot..<slot + 1, powerW: powerW, label: ""))
            }
        }
        if let top = curve.held.indices.max(by: { curve.held[$0].powerW < curve.held[$1].powerW }) {
            curve.held[top].label = w.say("chart.rawHeld", ["w": "\(w.number(curve.held[top].powerW))"]).plain
        }
        svg = Markup(trusted: curve.svg())
    }

    private static func curve(_ days: [MeterDay], periodS: Int, bands: [PriceBand], _ w: Wording) -> LoadCurve {
        let frame = Frame(days: days, periodS: periodS, zone: w.zone)
        var values: [Int32] = []
        var qualities: [Quality] = []
        for (index, day) in days.enumerated() {
            let isLast = index == days.count - 1
            let missing = isLast ? 0 : max(0, day.slotCount - day.valuesWh.count)
            values += day.valuesWh + Array(repeating: 0, count: missing)
            qualities += day.qualities + Array(repeating: .missing, count: missing)
        }
        var curve = LoadCurve(
            slotCount: frame.slotCount, values: values, qualities: qualities,
            slotsPerHour: max(1, 3600 / max(1, periodS)), noData: w.say("chart.noData").plain,
            alt: alt(days, values: values, qualities: qualities, frame: frame, periodS: periodS, w))
        curve.bands = frame.bands(bands, w)
        curve.axis = frame.axis(w)
        if let slot = frame.slot(atMs: w.nowMs) { curve.now = NowLine(slot: slot, label: w.time(w.nowMs)) }
        return curve
    }

    /// The curve in words: the highest value and how much of it is not actual.
    private static func alt(
        _ days: [MeterDay], values: [Int32], qualities: [Quality], frame: Frame, periodS: Int, _ w: Wording
    ) -> String {
        let span =
            days.count < 2
            ? w.longDay(days.first?.day ?? w.day(ofMs: w.nowMs))
            : w.say("chart.span", ["from": w.longDay(days[0].day), "to": w.longDay(days[days.count - 1].day)])
        let known = values.indices.filter { qualities[$0] != .missing }
        guard let top = known.max(by: { values[$0] < values[$1] }) else {
            return w.say("chart.load.altEmpty", ["span": span]).plain
        }
        return w.say(
            "chart.load.alt",
            [
                "span": span, "minutes": "\(periodS / 60)",
                "max": w.kilowatts(Int64(values[top]) * 3600 / Int64(max(1, periodS))),
                "time": w.moment(frame.ms(ofSlot: top)),
                "estimated": "\(qualities.count { $0 == .estimated })",
                "edited": "\(qualities.count { $0 == .edited })",
                "missing": "\(qualities.count { $0 == .missing })",
            ]
        ).plain
    }

    /// The common axis: days in a row, each with as many slots as its civil day has.
    struct Frame {
        let days: [MeterDay]
        let periodS: Int
        let zone: Zone

        var slotCount: Int { days.reduce(0) { $0 + $1.slotCount } }
        private var startMs: Int64 { (days.first.map { zone.startS(of: $0.day) } ?? 0) * 1000 }

        func startSlot(of day: CivilDay) -> Int? {
            var start = 0
            for candidate in days {
                if candidate.day == day { return start }
                start += candidate.slotCount
            }
            return nil
        }

        func ms(ofSlot slot: Int) -> Int64 { startMs + Int64(slot) * Int64(periodS) * 1000 }

        /// The place of a moment; nil outside the frame.
        func slot(atMs ms: Int64) -> Double? {
            let slot = Double(ms - startMs) / 1000 / Double(max(1, periodS))
            return slot >= 0 && slot <= Double(slotCount) ? slot : nil
        }

        func bands(_ bands: [PriceBand], _ w: Wording) -> [LoadCurve.Band] {
            var start = 0
            return days.flatMap { day in
                defer { start += day.slotCount }
                return bands.map { band -> LoadCurve.Band in
                    let from = firstSlot(of: day, minute: band.minutes.lowerBound)
                    let to = firstSlot(of: day, minute: band.minutes.upperBound)
                    let slots = start + from..<start + max(from, to)
                    return LoadCurve.Band(slots: slots, level: band.level, name: w.band(band.name).plain)
                }
            }
        }

        /// The first slot of a day that starts at or after a minute of the wall clock.
        private func firstSlot(of day: MeterDay, minute: Int) -> Int {
            guard minute < 1440 else { return day.slotCount }
            return (0..<day.slotCount).first {
                zone.minuteOfDay(slot: $0, of: day.day, periodS: Int64(periodS)) >= minute
            } ?? day.slotCount
        }

        func axis(_ w: Wording) -> [AxisLabel] {
            if days.count == 1, let day = days.first {
                let hours = stride(from: 0, to: 24, by: 3).map { hour in
                    AxisLabel(
                        slot: firstSlot(of: day, minute: hour * 60), text: hour < 10 ? "0\(hour)" : "\(hour)",
                        isMinor: hour % 6 == 3)
                }
                return hours + [AxisLabel(slot: day.slotCount, text: "24")]
            }
            var start = 0
            return days.flatMap { day in
                defer { start += day.slotCount }
                let hours = [6, 12, 18].map { hour in
                    AxisLabel(
                        slot: start + firstSlot(of: day, minute: hour * 60), text: hour == 6 ? "06" : "\(hour)",
                        isMinor: true)
                }
                return [AxisLabel(slot: start, text: w.shortDay(day.day).plain)] + hours
            }
        }

        func lane(
            _ span: MeterView.Span, wanted: Bool, _ w: Wording
        ) -> (slots: Range<Int>, state: LoadCurve.LaneState, title: String)? {
            let from = max(0, Int(Double(span.fromMs - startMs) / 1000 / Double(max(1, periodS))))
            let to = min(slotCount, Int((Double(span.toMs - startMs) / 1000 / Double(max(1, periodS))).rounded(.up)))
            guard from < to else { return nil }
            let state: LoadCurve.LaneState =
                switch span.state {
                case .connected: wanted ? .wantedOn : .on
                case .disconnected: .off
                case .unknown: .unknown
                }
            let title = w.say(
                "chart.relaySpan",
                [
                    "state": span.state.words(w), "from": w.moment(span.fromMs), "to": w.moment(span.toMs),
                ])
            return (from..<to, state, title.plain)
        }
    }
}
