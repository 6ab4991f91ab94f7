// QueueView: the exceptions of readings: how many of each kind, the list to mark and settle many, and beside it the day
// of one with what the meter said, what it said before, and what can be done.
import Access
import CivilTime
import IntervalData

public struct QueueView: Page {
    public static let template = "queue"

    /// What the list is narrowed to; stands in the address.
    public struct Filter: Sendable, Equatable {
        public var rule: String?
        /// `hard` or `warning`.
        public var severity: String?
        /// `open`, `taken` or `resolved`; nil: what waits.
        public var state: String?
        public var placeID: Int64?
        public var meterID: Int64?
        public var isMine = false
        /// The day it is about: first and last.
        public var from: CivilDay?
        public var to: CivilDay?
        public init() {}
    }

    public struct Row: Sendable {
        public var id: String
        public var meter: (id: Int64, serial: String)
        public var rule: String
        public var isHard: Bool
        public var day: CivilDay
        public var sinceMs: Int64
        /// Who has taken it.
        public var owner: String?
        /// How it was settled, a word of the store.
        public var resolution: String?
        /// Nil where the money is not known.
        public var atStakePaise: Int64?
        public init(
            id: String, meter: (id: Int64, serial: String), rule: String, isHard: Bool, day: CivilDay, sinceMs: Int64,
            owner: String?, resolution: String?, atStakePaise: Int64? = nil
        ) {
            self.id = id
            self.meter = meter
            self.rule = rule
            self.isHard = isHard
            self.day = day
            self.sinceMs = sinceMs
            self.owner = owner
            self.resolution = resolution
            self.atStakePaise = atStakePaise
        }
    }

    /// What estimation would put in, and the money of it; nil where it is not known.
    public struct Stake: Sendable {
        /// The day with the estimates in it, Wh a slot; empty when none can be made.
        public var proposed: [Int32] = []
        public var estimateWh: Int64?
        public var rawWh: Int64?
        public var estimatePaise: Int64?
        public var rawPaise: Int64?
        public var atStakePaise: Int64?
        public init() {}
    }

    public struct Step: Sendable {
        public var act: String
        public var by: String
        public var reason: String
        public var atMs: Int64
        public init(act: String, by: String, reason: String, atMs: Int64) {
            self.act = act
            self.by = by
            self.reason = reason
            self.atMs = atMs
        }
    }

    public struct Item: Sendable {
        public var row: Row
        public var message: String
        public var periodS: Int
        public var load: MeterDay
        public var slots: Range<Int>
        public var held: [(slot: Int, value: Int32)]
        /// Lowest and highest of the week before, by slot.
        public var band: [ClosedRange<Int32>?]
        public var before: [Int32]
        public var registerWh: (start: Int64?, end: Int64?)
        public var clockDriftS: Int64?
        /// Words of the other findings of the day.
        public var others: [Row]
        public var steps: [Step]
        public var isOpen: Bool
        /// Nil for what is settled.
        public var stake: Stake?
        public init(
            row: Row, message: String, periodS: Int, load: MeterDay, slots: Range<Int>,
            held: [(slot: Int, value: Int32)], band: [ClosedRange<Int32>?], before: [Int32],
            registerWh: (start: Int64?, end: Int64?), clockDriftS: Int64?, others: [Row], steps: [Step], isOpen: Bool,
            stake: Stake? = nil
        ) {
            self.row = row
            self.message = message
            self.periodS = periodS
            self.load = load
            self.slots = slots
            self.held = held
            self.band = band
            self.before = before
            self.registerWh = registerWh
            self.clockDriftS = clockDriftS
            self.others = others
            self.steps = steps
            self.isOpen = isOpen
            self.stake = stake
        }
    }

    public var filter: Filter
    public var counts: [(rule: String, count: Int)]
    public var oldestMs: Int64?
    public var rows: [Row]
    public var nextAfter: String?
    public var isFirstPage: Bool
    public var item: Item?
    public var places: [(id: Int64, name: String)]
    public var mayAct: Bool
    public var refusal: Refusal?
    /// The person may see and set the rules.
    public var seesRules: Bool

    public init(
        filter: Filter, counts: [(rule: String, count: Int)], oldestMs: Int64?, rows: [Row], nextAfter: String?,
        isFirstPage: Bool, item: Item?, places: [(id: Int64, name: String)], mayAct: Bool,
        refusal: Refusal? = nil, seesRules: Bool = false
    ) {
        self.filter = filter
        self.counts = counts
        self.oldestMs = oldestMs
        self.rows = rows
        self.nextAfter = nextAfter
        self.isFirstPage = isFirstPage
        self.item = item
        self.places = places
        self.mayAct = mayAct
        self.refusal = refusal
        self.seesRules = seesRules
    }

    var total: Int { counts.reduce(0) { $0 + $1.count } }
}

extension QueueView: PageContent {
    func title(_ w: Wording) -> Markup {
        refusal == nil ? w.say("queue.title") : w.say("title.error", ["title": w.say("queue.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", lede(w))
        row.set("sub", sub(w))
        row.set("rulesHref", seesRules ? Paths.rules : nil)
        row.set("tabs", tabs(w))
        row.set("action", Paths.queue)
        row.set("filters", filterValues(w))
        row.set("keep", keep())
        row.set("mayAct", mayAct)
        row.set("rows", rows.map { listRow($0, w) })
        row.set("hasRows", !rows.isEmpty)
        row.set("empty", total == 0 ? w.say("queue.empty") : w.say("list.nothingFits"))
        row.set("acts", QueueAct.allCases.map { Fields(["word": "\($0.rawValue)", "name": $0.words(w)]) })
        row.set("allWords", w.count("queue.allThatFit", chosenCount))
        row.set("nextHref", nextAfter.map { Paths.queue(filter, after: $0) })
        row.set("firstHref", isFirstPage ? nil : Paths.queue(filter))
        row.set("hasPaging", nextAfter != nil || !isFirstPage)
        row.set("item", item.map { itemValues($0, w) })
        row.set("errors", w.errors(refusal, otherwise: "act") { $0 == "reason" ? $0 : nil })
        row.set("reasonError", refusal.flatMap { $0.at == "reason" ? w.refusal($0) : nil })
        return row
    }

    /// The number is of what the list shows: what waits, or what is settled.
    private func lede(_ w: Wording) -> Markup {
        if filter.state == "resolved" {
            return total == 0 ? w.say("queue.settledNone") : w.count("queue.settledLede", total)
        }
        return total == 0 ? w.say("queue.ledeNone") : w.count("queue.lede", total)
    }

    private func sub(_ w: Wording) -> Markup {
        if filter.state == "resolved" { return w.say("queue.settledSub") }
        if let oldestMs { return w.say("queue.oldest", ["t": w.duration(w.nowMs - oldestMs)]) }
        return filter == Filter() ? w.say("queue.ledeGood") : w.say("list.nothingFits")
    }

    /// How many the chosen tab counts.
    private var chosenCount: Int { filter.rule.map { rule in counts.first { $0.rule == rule }?.count ?? 0 } ?? total }

    private func tabs(_ w: Wording) -> [Fields] {
        let all: [(String?, Markup, Int)] =
            [(nil, w.say("list.all"), total)] + counts.map { ($0.rule, ruleWords($0.rule, w), $0.count) }
        return all.map { rule, name, count in
            var wanted = filter
            wanted.rule = rule
            var tab = Fields(["href": "\(Paths.queue(wanted))", "name": "\(name) \(w.number(count))"])
            tab.set("current", rule == filter.rule)
            return tab
        }
    }

    private func options(_ pairs: [(String, Markup)], chosen: String?) -> [Fields] {
        pairs.map { word, name in
            var option = Fields(["word": "\(word)", "name": name])
            option.set("chosen", word == chosen ?? "")
            return option
        }
    }

    private func filterValues(_ w: Wording) -> Fields {
        var row = Fields()
        row.set("rule", filter.rule)
        row.set("meter", filter.meterID.map(String.init))
        row.set("from", filter.from?.description ?? "")
        row.set("to", filter.to?.description ?? "")
        row.set(
            "severities",
            options(
                [("", w.say("list.all")), ("hard", w.say("queue.hard")), ("warning", w.say("queue.soft"))],
                chosen: filter.severity))
        row.set(
            "states",
            options(
                [
                    ("", w.say("queue.waiting")), ("open", w.say("queue.open")), ("taken", w.say("queue.taken")),
                    ("resolved", w.say("queue.resolved")),
                ], chosen: filter.state))
        row.set(
            "places",
            options(
                [("", w.say("list.all"))] + places.map { ("\($0.id)", "\($0.name)") },
                chosen: filter.placeID.map(String.init)))
        row.set("mine", filter.isMine)
        return row
    }

    /// The filter as hidden fields, so that an act comes back to the same list.
    private func keep() -> [Fields] {
        Paths.queueFields(filter).map { Fields(["name": "\($0.0)", "value": "\($0.1)"]) }
    }

    private func listRow(_ line: Row, _ w: Wording) -> Fields {
        var row = Fields()
        row.set("id", line.id)
        row.set("href", Paths.queue(filter, item: line.id))
        row.set("serial", line.meter.serial)
        row.set("chip", chip(line, w))
        row.set("day", w.shortDay(line.day))
        row.set("since", w.timeTag(line.sinceMs, w.duration(w.nowMs - line.sinceMs)))
        row.set("owner", line.resolution.map { resolutionWords($0, w) } ?? line.owner.map { "\($0)" } ?? "–")
        row.set("stake", line.atStakePaise.map { "\(w.wholeRupees($0))" } ?? "—")
        row.set("current", line.id == item?.row.id)
        row.set(
            "mark",
            w.say("queue.mark", ["what": ruleWords(line.rule, w), "meter": "\(line.meter.serial)"]))
        return row
    }

    private func chip(_ line: Row, _ w: Wording) -> Markup {
        w.chip(line.isHard ? (line.rule == "notEstimable" ? .est : .bad) : .warn, ruleWords(line.rule, w))
    }

    private func itemValues(_ item: Item, _ w: Wording) -> Fields {
        var row = Fields()
        row.set("id", item.row.id)
        row.set(
            "head",
            w.say(
                "queue.head",
                [
                    "what": ruleWords(item.row.rule, w),
                    "meter": w.link(Paths.meter(item.row.meter.id), "\(item.row.meter.serial)", cls: "id"),
                    "day": w.longDay(item.row.day),
                ]))
        row.set("message", w.said(item.message))
        row.set("editHref", Paths.edit(item.row.meter.id, item.row.day))
        row.set("stake", item.stake.map { stakeValues($0, w) })
        row.set("weight", item.row.isHard ? w.say("queue.hardNote") : w.say("queue.softNote"))
        row.set("chart", LoadPicture(item, w).svg)
        row.set("dayHref", Paths.meter(item.row.meter.id, day: item.row.day, days: 3))
        row.set("effects", effects(item, w))
        row.set("isOpen", item.isOpen)
        row.set("mayAct", mayAct && item.isOpen)
        row.set("settled", item.row.resolution.map { w.say("queue.settled", ["how": resolutionWords($0, w)]) })
        // What would be billed as it was read, and is not believed, is rather estimated.
        let isDoubted = item.row.isHard || item.row.rule == "spike"
        let main: QueueAct = isDoubted && item.stake?.proposed.isEmpty == false ? .estimated : .accepted
        let acts: [QueueAct] = (item.row.owner == nil ? [.take] : [.take, .giveBack]) + QueueAct.settling
        row.set(
            "acts",
            acts.map { act in
                var button = Fields(["word": "\(act.rawValue)", "name": act.words(w)])
                button.set("isFirst", act == main)
                return button
            })
        row.set(
            "others",
            item.others.map { other in
                Fields(["chip": w.link(Paths.queue(filter, item: other.id), chip(other, w), cls: "chl")])
            })
        row.set("hasOthers", !item.others.isEmpty)
        row.set(
            "steps",
            item.steps.map { step in
                Fields([
                    "when": w.timeTag(step.atMs, w.moment(step.atMs)), "by": "\(step.by)",
                    "what": QueueAct(rawValue: step.act)?.words(w) ?? "\(step.act)", "reason": "\(step.reason)",
                ])
            })
        row.set("hasSteps", !item.steps.isEmpty)
        return row
    }

    /// What the day holds now, and with the held values.
    private func effects(_ item: Item, _ w: Wording) -> [Fields] {
        let now = item.load.valuesWh
        var raw = now
        for (slot, value) in item.held where raw.indices.contains(slot) { raw[slot] = value }
        let energy = { (values: [Int32]) in w.units(values.reduce(Int64(0)) { $0 + Int64($1) }) }
        let peak = { (values: [Int32]) in
            w.kilowatts(Int64(values.max() ?? 0) * 3600 / Int64(max(1, item.periodS)))
        }
        var lines: [Fields] = []
        func add(_ name: Markup, _ value: Markup) { lines.append(Fields(["name": name, "value": value])) }
        add(
            w.say("queue.energy"),
            item.held.isEmpty ? "\(energy(now))" : "\(energy(now)) → \(energy(raw))")
        add(w.say("queue.peak"), item.held.isEmpty ? peak(now) : "\(peak(now)) → \(peak(raw))")
        if let start = item.registerWh.start, let end = item.registerWh.end {
            add(w.say("queue.register"), "\(w.units(end - start))")
        }
        if let drift = item.clockDriftS { add(w.say("queue.clock"), w.duration(abs(drift) * 1000)) }
        add(
            w.say("queue.slots"),
            "\(slotTime(item.slots.lowerBound, item)) – \(slotTime(item.slots.upperBound, item))")
        return lines
    }

    /// The proposed estimate in energy and money.
    private func stakeValues(_ stake: Stake, _ w: Wording) -> Fields {
        let energy = { (wh: Int64?) -> Markup in wh.map { w.say("unit.kwh", ["n": "\(w.units($0))"]) } ?? "—" }
        let money = { (paise: Int64?) -> Markup in paise.map { "\(w.money($0))" } ?? "—" }
        let pairs: [(Markup, Markup)] = [
            (w.say("queue.heldEnergy"), energy(stake.rawWh)),
            (w.say("queue.estimatedEnergy"), energy(stake.estimateWh)),
            (w.say("queue.heldCharge"), money(stake.rawPaise)),
            (w.say("queue.estimatedCharge"), money(stake.estimatePaise)),
            (w.say("queue.atStake"), money(stake.atStakePaise)),
        ]
        var row = Fields()
        // Nothing is held back of a finding that is only shown.
        let shown = pairs.enumerated().filter { index, _ in stake.rawWh != nil || ![0, 2].contains(index) }
        row.set("lines", shown.map { Fields(["name": $0.element.0, "value": $0.element.1]) })
        let note =
            stake.proposed.isEmpty
            ? w.say("queue.notEstimable") : stake.estimatePaise == nil ? w.say("queue.noPack") : nil
        row.set("note", note)
        return row
    }

    private func slotTime(_ slot: Int, _ item: Item) -> String {
        let minute = slot * item.periodS / 60
        return (minute / 60 < 10 ? "0" : "") + "\(minute / 60):" + (minute % 60 < 10 ? "0" : "") + "\(minute % 60)"
    }
}

/// What can be done, in the order of the page. Raw values are those of the API.
enum QueueAct: String, CaseIterable {
    case accepted, estimated, edited, visit, aside, take
    case giveBack = "give-back"

    static let settling: [QueueAct] = [.accepted, .estimated, .edited, .visit, .aside]

    func words(_ w: Wording) -> Markup {
        switch self {
        case .accepted: w.say("queue.act.accepted")
        case .estimated: w.say("queue.act.estimated")
        case .edited: w.say("queue.act.edited")
        case .visit: w.say("queue.act.visit")
        case .aside: w.say("queue.act.aside")
        case .take: w.say("queue.act.take")
        case .giveBack: w.say("queue.act.giveBack")
        }
    }
}

func resolutionWords(_ word: String, _ w: Wording) -> Markup {
    QueueAct(rawValue: word)?.words(w) ?? w.say("queue.byMachine")
}

/// A rule by its stable name; the name itself where there is no translation.
func ruleWords(_ rule: String, _ w: Wording) -> Markup {
    switch rule {
    case "zeroConsumption": w.say("rule.zeroConsumption")
    case "negative": w.say("exception.negative")
    case "spike": w.say("exception.spike")
    case "consecutiveZeroes": w.say("rule.consecutiveZeroes")
    case "timeTolerance": w.say("rule.timeTolerance")
    case "highLow": w.say("rule.highLow")
    case "sumCheck": w.say("exception.sumMismatch")
    case "reverseEnergy": w.say("rule.reverseEnergy")
    case "missing": w.say("rule.missing")
    case "duplicate": w.say("rule.duplicate")
    case "clockDrift": w.say("rule.clockDrift")
    case "voltage": w.say("rule.voltage")
    case "current": w.say("rule.current")
    case "loadFactor": w.say("rule.loadFactor")
    case "demandAboveSanctioned": w.say("rule.demandAboveSanctioned")
    case "unchangedMeter": w.say("rule.unchangedMeter")
    case "consumptionInOutage": w.say("rule.consumptionInOutage")
    case "tamper": w.say("rule.tamper")
    case "conflict": w.say("exception.duplicate")
    case "stamps": w.say("rule.stamps")
    case "notEstimable": w.say("exception.notEstimable")
    case "editReplaced": w.say("rule.editReplaced")
    default: "\(rule)"
    }
}

extension Paths {
    static let queue = "/exceptions/readings"

    static func queueFields(_ filter: QueueView.Filter) -> [(String, String)] {
        [
            ("rule", filter.rule ?? ""), ("severity", filter.severity ?? ""), ("state", filter.state ?? ""),
            ("place", filter.placeID.map(String.init) ?? ""), ("meter", filter.meterID.map(String.init) ?? ""),
            ("mine", filter.isMine ? "1" : ""), ("from", filter.from?.description ?? ""),
            ("to", filter.to?.description ?? ""),
        ].filter { !$0.1.isEmpty }
    }

    static func queue(_ filter: QueueView.Filter, after: String? = nil, item: String? = nil) -> String {
        let parts = queueFields(filter) + [("after", after ?? ""), ("item", item ?? "")].filter { !$0.1.isEmpty }
        return parts.isEmpty ? queue : queue + "?" + parts.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
    }
}
