// DayView: one day of an account explained: parts that foot, every slot × price × versions, and the chain of revisions.
// A sum that does not foot is said so on the page; the picture of it is left out.
import Charts
import CivilTime
import IntervalData
import Quantities

public struct DayView: Page {
    public struct Component: Sendable {
        public enum Kind: Sendable, Equatable {
            /// Energy at a price; level 1 is the cheapest block, 3 the dearest.
            case energy(block: String, milliPaisePerKWh: Int64, level: Int)
            case addOn(name: String)
            case fixed
            case duty(ppm: Int)
            case other(name: String)
            /// All of a kind, of a charge whose components were not kept.
            case sum(StatementLine.Against)
        }
        public var kind: Kind
        public var energyWh: Int64?
        public var paise: Int64
        public init(kind: Kind, energyWh: Int64?, paise: Int64) {
            self.kind = kind
            self.energyWh = energyWh
            self.paise = paise
        }
    }

    /// A run of slots at one price from one pack and reading version.
    public struct Line: Sendable {
        public var minutes: Range<Int>
        public var energyWh: Int64
        public var milliPaisePerKWh: Int64
        /// Exact: Wh × milli-paise per kWh.
        public var microPaise: Int128
        public var pack: String
        public var packVersion: Int
        public var readingVersion: Int
        public var quality: Quality
        /// Slab passed inside this run, as the pack says it.
        public var note: String?
        public init(
            minutes: Range<Int>, energyWh: Int64, milliPaisePerKWh: Int64, microPaise: Int128, pack: String,
            packVersion: Int, readingVersion: Int, quality: Quality, note: String? = nil
        ) {
            self.minutes = minutes
            self.energyWh = energyWh
            self.milliPaisePerKWh = milliPaisePerKWh
            self.microPaise = microPaise
            self.pack = pack
            self.packVersion = packVersion
            self.readingVersion = readingVersion
            self.quality = quality
            self.note = note
        }
    }

    public struct Revision: Sendable {
        public enum Why: Sendable, Equatable { case first, betterReading, tariffChanged, earlierDay, other(String) }
        public var number: Int
        public var postedMs: Int64
        public var totalPaise: Int64
        public var entry: String
        public var why: Why
        /// The entry that took this revision back.
        public var reversedBy: String?
        public init(number: Int, postedMs: Int64, totalPaise: Int64, entry: String, why: Why, reversedBy: String?) {
            self.number = number
            self.postedMs = postedMs
            self.totalPaise = totalPaise
            self.entry = entry
            self.why = why
            self.reversedBy = reversedBy
        }
    }

    /// Whether the stored hash of the inputs is what they hash to now.
    public enum Proof: Sendable, Equatable { case agrees, differs, notChecked }

    public static let template = "day"
    public var account: Int64
    public var code: String
    public var name: String
    public var load: MeterDay?
    public var day: CivilDay
    public var periodS: Int
    public var bands: [PriceBand]
    public var energyWh: Int64
    public var totalPaise: Int64
    /// Balance before and after; nil for a day without a posting.
    public var balanceBeforePaise: Int64?
    public var components: [Component]
    public var lines: [Line]
    public var inputHash: String
    public var proof: Proof
    /// Oldest first; the last one counts.
    public var revisions: [Revision]
    public var isProvisional: Bool
    public var hasPreviousDay: Bool
    public var hasNextDay: Bool

    public init(
        account: Int64, code: String, name: String, load: MeterDay?, day: CivilDay, periodS: Int,
        bands: [PriceBand], energyWh: Int64, totalPaise: Int64, balanceBeforePaise: Int64?, components: [Component],
        lines: [Line], inputHash: String, proof: Proof, revisions: [Revision], isProvisional: Bool,
        hasPreviousDay: Bool, hasNextDay: Bool
    ) {
        self.account = account
        self.code = code
        self.name = name
        self.load = load
        self.day = day
        self.periodS = periodS
        self.bands = bands
        self.energyWh = energyWh
        self.totalPaise = totalPaise
        self.balanceBeforePaise = balanceBeforePaise
        self.components = components
        self.lines = lines
        self.inputHash = inputHash
        self.proof = proof
        self.revisions = revisions
        self.isProvisional = isProvisional
        self.hasPreviousDay = hasPreviousDay
        self.hasNextDay = hasNextDay
    }

    /// Whether the parts add up to the total, to the paisa.
    public var foots: Bool { components.reduce(0) { $0 + $1.paise } == totalPaise }
}

extension DayView: PageContent {
    func title(_ w: Wording) -> Markup {
        w.say("day.title", ["day": w.shortDay(day), "money": "\(w.money(totalPaise))"])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("accountHref", Paths.account(account))
        row.set("code", code)
        row.set("dayName", w.longDay(day))
        row.set("lede", lede(w, isConsumer: frame.look == .portal))
        row.set("provisional", isProvisional ? w.say("day.provisional") : nil)
        row.set("previousHref", hasPreviousDay ? Paths.day(account, day.advanced(by: -1)) : nil)
        row.set("previous", w.shortDay(day.advanced(by: -1)))
        row.set("nextHref", hasNextDay ? Paths.day(account, day.advanced(by: 1)) : nil)
        row.set("next", w.shortDay(day.advanced(by: 1)))
        row.set("step", w.say("day.step", ["n": "\(periodS / 60)"]))
        let drawn = load.flatMap { $0.valuesWh.isEmpty ? nil : $0 }
        row.set("chart", drawn.map { LoadPicture(day: $0, periodS: periodS, bands: bands, w).svg })
        var seen: Set<String> = []
        row.set(
            "bandKeys",
            bands.filter { seen.insert($0.name).inserted }.map {
                Fields(["cls": "bd\(min(max($0.level, 1), 3))", "name": w.band($0.name)])
            })
        row.set("notFooting", foots ? nil : w.say("day.notFooting", ["money": "\(w.money(totalPaise))"]))
        row.set("howTitle", w.say("day.how", ["money": "\(w.money(totalPaise))"]))
        row.set("components", componentRows(w))
        row.set("hasComponents", !components.isEmpty)
        row.set("total", w.money(totalPaise))
        row.set(
            "balances",
            balanceBeforePaise.map { before in
                Fields([
                    "before": "\(w.money(before))", "charge": "\(w.money(-totalPaise, signed: true))",
                    "after": "\(w.money(before - totalPaise))",
                ])
            })
        row.set("lines", lines.map { lineRow($0, w) })
        row.set("hasLines", !lines.isEmpty)
        row.set("linesWh", w.number(lines.reduce(0) { $0 + $1.energyWh }))
        row.set("linesPaise", w.paise(micro: lines.reduce(0) { $0 + $1.microPaise }))
        row.set("hash", inputHash)
        row.set("proof", proofChip(w))
        row.set("revisions", revisionRows(w))
        row.set("hasRevisions", !revisions.isEmpty)
        return row
    }

    private func lede(_ w: Wording, isConsumer: Bool) -> Markup {
        let values: KeyValuePairs<String, Markup> = [
            "day": w.longDay(day), "units": "\(w.units(energyWh))", "money": "\(w.money(totalPaise))",
        ]
        if revisions.isEmpty { return w.say("day.lede.notCharged", ["day": w.longDay(day)]) }
        return isConsumer ? w.say("day.lede.consumer", values) : w.say("day.lede.staff", values)
    }

    private func componentRows(_ w: Wording) -> [Fields] {
        let parts = components.map { Waterfall.Row(amount: $0.paise, part: $0.kind.part(paise: $0.paise)) }
        let total = Waterfall.Row(amount: totalPaise, part: .total)
        let cells = (try? Waterfall(rows: parts + [total]))?.cells() ?? []
        var rows = components.enumerated().map { index, component in
            var row = Fields(["name": component.kind.words(w), "money": "\(w.money(component.paise))"])
            row.set("picture", Markup(trusted: index < cells.count ? cells[index] : ""))
            row.set("detail", component.energyWh.map { w.say("unit.units", ["n": "\(w.units($0))"]) })
            row.set("isSum", false)
            return row
        }
        var sum = Fields(["name": w.say("day.taken"), "money": "\(w.money(totalPaise))"])
        sum.set("picture", Markup(trusted: cells.last ?? ""))
        sum.set("detail", nil as Markup?)
        sum.set("isSum", true)
        rows.append(sum)
        return rows
    }

    private func lineRow(_ line: Line, _ w: Wording) -> Fields {
        var row = Fields([
            "from": "\(w.minute(line.minutes.lowerBound))", "to": "\(w.minute(line.minutes.upperBound))",
            "wh": "\(w.number(line.energyWh))", "price": "\(w.price(line.milliPaisePerKWh))",
            "paise": "\(w.paise(micro: line.microPaise))",
            "pack": w.say("day.packVersion", ["pack": "\(line.pack)", "n": "\(line.packVersion)"]),
            "reading": w.say("day.readingVersion", ["n": "\(line.readingVersion)"]),
            "quality": qualityChip(line.quality, w),
        ])
        row.set("note", line.note)
        return row
    }

    private func revisionRows(_ w: Wording) -> [Fields] {
        revisions.enumerated().map { index, revision in
            let why =
                switch revision.why {
                case .first: w.say("revision.first")
                case .betterReading: w.say("revision.betterReading")
                case .tariffChanged: w.say("revision.tariffChanged")
                case .earlierDay: w.say("revision.earlierDay")
                case .other(let words): Markup(text: words)
                }
            let difference = index > 0 ? revision.totalPaise - revisions[index - 1].totalPaise : nil
            let link = { (entry: String) in
                w.link("\(Paths.statement(account))#\(StatementLine.anchor(entry))", "\(entry)", cls: "id")
            }
            var row = Fields([
                "number": "\(revision.number)", "posted": w.timeTag(revision.postedMs, w.moment(revision.postedMs)),
                "money": "\(w.money(revision.totalPaise))", "entry": link(revision.entry), "why": why,
                "difference": difference.map { "\(w.money($0, signed: true))" } ?? "",
            ])
            row.set(
                "state",
                revision.reversedBy.map { w.chip(.idle, w.say("entry.reversedBy", ["entry": link($0)])) }
                    ?? w.chip(.ok, w.say("revision.counts")))
            return row
        }
    }

    private func proofChip(_ w: Wording) -> Markup {
        switch proof {
        case .agrees: w.chip(.ok, w.say("proof.agrees"))
        case .differs: w.chip(.bad, w.say("proof.differs"))
        case .notChecked: w.chip(.idle, w.say("proof.notChecked"))
        }
    }
}

extension DayView.Component.Kind {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .energy(let block, let price, _):
            w.say("component.energy", ["block": w.band(block), "price": "\(w.price(price))"])
        case .addOn(let name): w.say("component.addOn", ["name": "\(name)"])
        case .fixed: w.say("component.fixed")
        case .duty(let ppm): w.say("component.duty", ["share": "\(w.share(ppm))"])
        case .other(let name): "\(name)"
        case .sum(let what): what.words(w)
        }
    }

    func part(paise: Int64) -> WaterfallPart {
        if paise < 0 { return .credit }
        if case .energy(_, _, let level) = self { return .level(level) }
        return .fixed
    }
}
