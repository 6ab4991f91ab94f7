// LineView: the line from meter to money for one business day, with what fell out, what needs a person, and the jobs.
// The counts come from their own places and must foot; when they do not, the page says so instead of hiding it.
import Charts
import CivilTime
import IntervalData

/// Meter-days of one business day at every station of the line.
public struct LineCounts: Sendable, Equatable {
    public var expected, silent, held, estimated, priced, charged, cut, restored: Int
    public init(
        expected: Int, silent: Int, held: Int, estimated: Int, priced: Int, charged: Int, cut: Int, restored: Int
    ) {
        self.expected = expected
        self.silent = silent
        self.held = held
        self.estimated = estimated
        self.priced = priced
        self.charged = charged
        self.cut = cut
        self.restored = restored
    }

    public var read: Int { expected - silent }
    public var validated: Int { read - held }
    /// Read or estimated, so ready to be priced.
    public var completed: Int { validated + estimated }
    public var waitingForPrice: Int { completed - priced }
    public var waitingForCharge: Int { priced - charged }

    /// expected − silent − held + estimated = priced + waiting, and no station passes more than reached it.
    public var foots: Bool {
        [expected, silent, held, estimated, priced, charged, cut, restored].allSatisfy { $0 >= 0 }
            && read >= 0 && validated >= 0 && completed <= expected && waitingForPrice >= 0 && waitingForCharge >= 0
    }
}

/// The page of the line.
public struct LineView: Page {
    /// What fell out of the line, or was put back, at a station.
    public struct Drop: Sendable {
        public enum Kind: String, Sendable, CaseIterable {
            case silent, readFailing = "read-failing", heldFinding = "held", notEstimable = "not-estimable"
            case estimated, waitingForPrice = "waiting-price", withoutTariff = "without-tariff"
            case waitingForCharge = "waiting-charge", corrected, commandFailed = "command-failed"
            case reportedFailedButDone = "failed-but-done", cutHeld = "cut-held", warned
        }
        public var kind: Kind
        public var count: Int
        public init(kind: Kind, count: Int) {
            self.kind = kind
            self.count = count
        }
    }

    public struct HeatRow: Sendable {
        public var name: String
        /// Share of meters received, parts per million, by slot of the day so far; nil: nothing came.
        public var sharesPpm: [Int?]
        public init(name: String, sharesPpm: [Int?]) {
            self.name = name
            self.sharesPpm = sharesPpm
        }
    }

    public struct Stake: Sendable {
        public var kind: ExceptionKind
        public var count: Int
        public var stakePaise: Int64?
        public init(kind: ExceptionKind, count: Int, stakePaise: Int64?) {
            self.kind = kind
            self.count = count
            self.stakePaise = stakePaise
        }
    }

    public struct Job: Sendable {
        public enum State: Sendable, Equatable {
            case waiting, running, done(atMs: Int64), late(byMs: Int64), failed(reason: String)
        }
        public enum Name: Sendable, Equatable {
            case collect, validate, estimate, rate, post, decideSupply, sendCommands, changeKeys, sendMessages, correct
            case pollLiveness, tidy, fill, aggregate, regroup, forecast, outages, payments, arrears, whatIf,
                slabWarnings
            case rerun, project, publish, close, subscriptions
            case other(String)
        }
        public var name: Name
        public var state: State
        public var done: Int
        public var total: Int
        public var nextMs: Int64?
        public init(name: Name, state: State, done: Int, total: Int, nextMs: Int64?) {
            self.name = name
            self.state = state
            self.done = done
            self.total = total
            self.nextMs = nextMs
        }
    }

    public static let template = "line"
    public var day: CivilDay
    public var countedAtMs: Int64
    public var counts: LineCounts
    public var drops: [Drop]
    /// Median from the recharge to the relay read back; nil when nobody was restored.
    public var restoreMedianMs: Int64?
    public var heat: [HeatRow]
    /// Slots of the whole day in `heat`.
    public var heatSlots: Int
    public var needsPerson: [Stake]
    public var intervalsChecked: Int
    public var jobs: [Job]
    /// Jobs are the company's: who is confined to places is shown none.
    public var seesJobs = true

    public init(
        day: CivilDay, countedAtMs: Int64, counts: LineCounts, drops: [Drop], restoreMedianMs: Int64?,
        heat: [HeatRow], heatSlots: Int, needsPerson: [Stake], intervalsChecked: Int, jobs: [Job]
    ) {
        self.day = day
        self.countedAtMs = countedAtMs
        self.counts = counts
        self.drops = drops
        self.restoreMedianMs = restoreMedianMs
        self.heat = heat
        self.heatSlots = heatSlots
        self.needsPerson = needsPerson
        self.intervalsChecked = intervalsChecked
        self.jobs = jobs
    }
}

extension LineView: PageContent {
    func title(_ w: Wording) -> Markup {
        w.say("line.title", ["day": w.shortDay(day), "time": "\(w.time(countedAtMs))"])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let bars = StationBars(
            expected: counts.expected,
            passed: [
                counts.read, counts.validated, counts.completed, counts.priced, counts.charged, counts.charged,
            ])
        var row = Fields()
        row.set("lede", lede(w))
        row.set(
            "sub",
            w.say(
                "line.sub",
                [
                    "day": w.longDay(day), "expected": "\(w.number(counts.expected))",
                    "charged": "\(w.number(counts.charged))",
                    "open": "\(w.number(max(0, counts.expected - counts.charged)))",
                    "time": "\(w.timeWithSeconds(countedAtMs))",
                ]))
        row.set("magnified", bars.magnification > 1 ? w.say("line.magnified", ["n": "\(bars.magnification)"]) : nil)
        row.set("notFooting", counts.foots ? nil : footing(w))
        row.set("stations", stations(w, bars: bars.cells()))
        row.set("refreshHref", Paths.line)
        row.set("staleWords", w.say("line.stale"))
        row.set("heat", heat.isEmpty ? nil : heatRow(w))
        row.set("needsPerson", needsPerson.filter { $0.count > 0 }.map { stakeRow($0, w) })
        row.set("hasNeeds", needsPerson.contains { $0.count > 0 })
        row.set("exceptionsHref", Paths.exceptions)
        row.set(
            "noNeeds",
            w.say(
                "line.noNeeds",
                [
                    "time": "\(w.time(countedAtMs))", "n": "\(w.number(intervalsChecked))",
                ]))
        row.set("jobs", jobs.map { jobRow($0, w) })
        row.set("hasJobs", !jobs.isEmpty)
        row.set("seesJobs", seesJobs)
        return row
    }

    private func lede(_ w: Wording) -> Markup {
        if !counts.foots { return w.say("line.lede.notFooting") }
        if counts.expected == 0 { return w.say("line.lede.empty") }
        let failed = drops.first { $0.kind == .commandFailed }?.count ?? 0
        if failed > 0 { return w.count("line.lede.commands", failed) }
        let open = drops.first { $0.kind == .notEstimable }?.count ?? 0
        if open > 0 { return w.count("line.lede.notEstimable", open) }
        if counts.silent > 0 { return w.count("line.lede.silent", counts.silent) }
        return w.say("line.lede.safe")
    }

    private func footing(_ w: Wording) -> Markup {
        w.say(
            "line.notFooting",
            [
                "expected": "\(w.number(counts.expected))", "silent": "\(w.number(counts.silent))",
                "held": "\(w.number(counts.held))", "estimated": "\(w.number(counts.estimated))",
                "completed": "\(w.number(counts.completed))", "priced": "\(w.number(counts.priced))",
                "charged": "\(w.number(counts.charged))",
            ])
    }

    private func stations(_ w: Wording, bars: [String]) -> [Fields] {
        let share = { (count: Int) -> Markup in
            guard counts.expected > 0 else { return "" }
            return "<small>\(w.share(Int(Int64(max(0, count)) * 1_000_000 / Int64(counts.expected))))</small>"
        }
        let figure = { (count: Int) -> Markup in "\(w.number(count)) \(share(count))" }
        let switched = w.say(
            "line.figure.switched",
            [
                "cut": "\(w.number(counts.cut))", "restored": "\(w.number(counts.restored))",
            ])
        let restored = restoreMedianMs.map { w.say("line.note.restored", ["t": w.duration($0)]) }
        let all: [(name: String, figure: Markup, note: Markup, drops: [Drop.Kind])] = [
            ("line.read", figure(counts.read), w.say("line.note.read"), [.silent, .readFailing]),
            ("line.validated", figure(counts.validated), w.say("line.note.validated"), [.heldFinding]),
            ("line.estimated", figure(counts.completed), w.say("line.note.estimated"), [.estimated, .notEstimable]),
            ("line.priced", figure(counts.priced), w.say("line.note.priced"), [.waitingForPrice, .withoutTariff]),
            ("line.charged", figure(counts.charged), w.say("line.note.charged"), [.waitingForCharge, .corrected]),
            (
                "line.switched", switched, restored ?? w.say("line.note.switched"),
                [.commandFailed, .reportedFailedButDone, .warned, .cutHeld]
            ),
        ]
        return zip(all, bars).map { station, bar in
            var row = Fields(["bar": Markup(trusted: bar), "figure": station.figure, "note": station.note])
            row.set("name", w.say(station.name))
            row.set("drops", drops.filter { station.drops.contains($0.kind) && $0.count > 0 }.map { dropRow($0, w) })
            return row
        }
    }

    private func dropRow(_ drop: Drop, _ w: Wording) -> Fields {
        let (tone, key): (Wording.Tone, String) =
            switch drop.kind {
            case .silent: (.bad, "drop.silent")
            case .readFailing: (.warn, "drop.readFailing")
            case .heldFinding: (.bad, "drop.held")
            case .notEstimable: (.bad, "drop.notEstimable")
            case .estimated: (.est, "drop.estimated")
            case .waitingForPrice: (.idle, "drop.waitingForPrice")
            case .withoutTariff: (.bad, "drop.withoutTariff")
            case .waitingForCharge: (.idle, "drop.waitingForCharge")
            case .corrected: (.info, "drop.corrected")
            case .commandFailed: (.bad, "drop.commandFailed")
            case .reportedFailedButDone: (.warn, "drop.failedButDone")
            case .cutHeld: (.info, "drop.cutHeld")
            case .warned: (.warn, "drop.warned")
            }
        return Fields([
            "href": "\(Paths.exceptions(kind: drop.kind.rawValue))", "chip": w.chip(tone, w.count(key, drop.count)),
        ])
    }

    private func heatRow(_ w: Wording) -> Fields {
        let slotMs = Int64(86_400_000 / max(1, heatSlots))
        let startMs = frameStart(w)
        let here = Double(countedAtMs - startMs) / Double(slotMs)
        let strip = HeatStrip(
            rows: heat.map { HeatStrip.Row(sharesPpm: $0.sharesPpm) }, slotCount: heatSlots,
            axis: hourAxis(slots: heatSlots),
            now: (0...Double(heatSlots)).contains(here)
                ? NowLine(slot: here, label: w.say("chart.now", ["time": "\(w.time(countedAtMs))"]).plain) : nil,
            alt: w.say("line.heat.alt", ["day": w.longDay(day), "worst": "\(worst(w))"]).plain)
        var row = Fields(["chart": Markup(trusted: strip.svg())])
        row.set("names", heat.map { Fields(["name": "\($0.name)"]) })
        return row
    }

    private func frameStart(_ w: Wording) -> Int64 { w.zone.startS(of: day) * 1000 }

    /// The rows in which at some hour under 60 % came, by name.
    private func worst(_ w: Wording) -> Markup {
        let bad = heat.filter { $0.sharesPpm.contains { ($0 ?? 0) < 600_000 } }.map(\.name)
        return bad.isEmpty
            ? w.say("line.heat.complete")
            : w.say("line.heat.worst", ["names": "\(bad.prefix(3).joined(separator: ", "))"])
    }

    private func stakeRow(_ stake: Stake, _ w: Wording) -> Fields {
        Fields([
            "name": w.link(Paths.exceptions(kind: stake.kind.slug), stake.kind.words(w)),
            "count": "\(w.number(stake.count))",
            "money": stake.stakePaise.map { "\(w.money($0))" } ?? w.say("line.promise"),
        ])
    }

    private func jobRow(_ job: Job, _ w: Wording) -> Fields {
        let chip =
            switch job.state {
            case .waiting: w.chip(.idle, w.say("job.waiting"))
            case .running: w.chip(.info, w.say("job.running"))
            case .done(let atMs): w.chip(.ok, w.say("job.done", ["time": "\(w.time(atMs))"]))
            case .late(let byMs): w.chip(.bad, w.say("job.late", ["t": w.duration(byMs)]))
            case .failed(let reason): w.chip(.bad, w.say("job.failed", ["reason": "\(reason)"]))
            }
        let name = job.name.words(w)
        let total = max(job.total, 1)
        return Fields([
            "name": name, "chip": chip, "max": "\(total)", "value": "\(min(max(job.done, 0), total))",
            "done": w.say("job.doneOf", ["done": "\(w.number(job.done))", "total": "\(w.number(job.total))"]),
            "next": job.nextMs.map { w.timeTag($0, w.moment($0)) } ?? w.say("job.noNext"),
        ])
    }
}

extension LineView.Job.Name {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .collect: w.say("job.collect")
        case .validate: w.say("job.validate")
        case .estimate: w.say("job.estimate")
        case .rate: w.say("job.rate")
        case .post: w.say("job.post")
        case .decideSupply: w.say("job.decideSupply")
        case .sendCommands: w.say("job.sendCommands")
        case .changeKeys: w.say("job.changeKeys")
        case .sendMessages: w.say("job.sendMessages")
        case .correct: w.say("job.correct")
        case .pollLiveness: w.say("job.pollLiveness")
        case .tidy: w.say("job.tidy")
        case .aggregate: w.say("job.aggregate")
        case .regroup: w.say("job.regroup")
        case .forecast: w.say("job.forecast")
        case .fill: w.say("job.fill")
        case .outages: w.say("job.outages")
        case .payments: w.say("job.payments")
        case .arrears: w.say("job.arrears")
        case .whatIf: w.say("job.whatIf")
        case .slabWarnings: w.say("job.slabWarnings")
        case .rerun: w.say("job.rerun")
        case .project: w.say("job.project")
        case .publish: w.say("job.publish")
        case .close: w.say("job.close")
        case .subscriptions: w.say("job.subscriptions")
        case .other(let name): "\(name)"
        }
    }
}

/// `00 03 06 … 24` for a day of so many equal slots; 03 09 15 21 only on wide screens.
func hourAxis(slots: Int) -> [AxisLabel] {
    stride(from: 0, through: 24, by: 3).map { hour in
        AxisLabel(slot: slots * hour / 24, text: hour < 10 ? "0\(hour)" : "\(hour)", isMinor: hour % 6 == 3)
    }
}
