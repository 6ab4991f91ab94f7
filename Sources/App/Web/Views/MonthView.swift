// MonthView: a month of a wallet: how the balance came about, line by line, each with what is behind it. Corrections
// stand net, with the day they are for and the day they were posted; the ledger has every posting.
import Charts
import CivilTime

public struct MonthView: Page {
    public struct Line: Sendable {
        public enum What: Sendable, Equatable {
            case day(CivilDay)
            case correction(CivilDay)
            case recharge(channel: String, reference: String)
            case instalment(CivilDay)
            case settlement, opening, conversion
            case adjustment(reason: String)
        }
        public var what: What
        public var postedMs: Int64
        public var isEstimated: Bool
        public var amountPaise: Int64
        public var balancePaise: Int64
        /// The last posting behind it, and the place in the ledger just above it.
        public var entry: String
        public var ledgerPlace: String
        public init(
            what: What, postedMs: Int64, isEstimated: Bool, amountPaise: Int64, balancePaise: Int64, entry: String,
            ledgerPlace: String
        ) {
            (self.what, self.postedMs, self.isEstimated) = (what, postedMs, isEstimated)
            (self.amountPaise, self.balancePaise) = (amountPaise, balancePaise)
            (self.entry, self.ledgerPlace) = (entry, ledgerPlace)
        }
    }

    public static let template = "month"
    public var account: Int64
    public var code: String
    public var name: String
    public var month: CivilMonth
    public var openingPaise: Int64
    /// Oldest first.
    public var lines: [Line]
    public var closingPaise: Int64
    /// Until when the closing balance holds.
    public var untilMs: Int64
    public var hasPrevious: Bool
    public var hasNext: Bool

    public init(
        account: Int64, code: String, name: String, month: CivilMonth, openingPaise: Int64, lines: [Line],
        closingPaise: Int64, untilMs: Int64, hasPrevious: Bool, hasNext: Bool
    ) {
        (self.account, self.code, self.name, self.month) = (account, code, name, month)
        (self.openingPaise, self.lines, self.closingPaise) = (openingPaise, lines, closingPaise)
        (self.untilMs, self.hasPrevious, self.hasNext) = (untilMs, hasPrevious, hasNext)
    }

    /// Whether opening and lines give the closing balance, line by line.
    var foots: Bool {
        var balance = openingPaise
        for line in lines {
            balance += line.amountPaise
            if line.balancePaise != balance { return false }
        }
        return balance == closingPaise
    }
}

extension MonthView: PageContent {
    func title(_ w: Wording) -> Markup {
        w.say("month.title", ["month": monthWords(month, w), "code": "\(code)"])
    }

    private func monthWords(_ month: CivilMonth, _ w: Wording) -> Markup {
        w.say("month.name", ["month": w.monthName(month.first), "year": "\(month.year)"])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("accountHref", Paths.account(account))
        row.set("code", code)
        row.set("heading", monthWords(month, w))
        let used = -sum { if case .day = $0 { true } else { false } }
        row.set(
            "lede",
            w.say(
                "month.lede",
                [
                    "month": monthWords(month, w), "used": "\(w.money(used))", "closing": "\(w.money(closingPaise))",
                ]))
        row.set("sub", w.say("month.sub", ["name": "\(name)", "time": w.moment(untilMs)]))
        row.set("ledgerHref", Paths.statement(account))
        row.set("csvHref", Paths.month(account, month, csv: true))
        row.set("previousHref", hasPrevious ? Paths.month(account, month.previous) : nil)
        row.set("previous", monthWords(month.previous, w))
        row.set("nextHref", hasNext ? Paths.month(account, month.next) : nil)
        row.set("next", monthWords(month.next, w))
        row.set("notFooting", foots ? nil : w.say("statement.notFooting"))
        row.set("parts", partRows(w))
        row.set("chart", Markup(trusted: picture(w).svg()))
        row.set("opening", w.money(openingPaise))
        row.set("closing", w.money(closingPaise))
        row.set("lines", lines.map { lineRow($0, w) })
        row.set("hasLines", !lines.isEmpty)
        return row
    }

    private func sum(_ belongs: (Line.What) -> Bool) -> Int64 {
        lines.filter { belongs($0.what) }.reduce(0) { $0 + $1.amountPaise }
    }

    /// How the balance came about: opening, what came in, what was taken, closing; the parts foot or are not drawn.
    private func partRows(_ w: Wording) -> [Fields] {
        let all: [(Markup, Int64, WaterfallPart)] = [
            (w.say("month.part.opening"), openingPaise, .fixed),
            (w.say("month.part.recharges"), sum { if case .recharge = $0 { true } else { false } }, .credit),
            (
                w.say("month.part.carried"),
                sum { $0 == .opening || $0 == .conversion }, .credit
            ),
            (w.say("month.part.electricity"), sum { if case .day = $0 { true } else { false } }, .level(3)),
            (w.say("month.part.corrections"), sum { if case .correction = $0 { true } else { false } }, .level(1)),
            (w.say("month.part.adjustments"), sum { if case .adjustment = $0 { true } else { false } }, .level(1)),
            (
                w.say("month.part.arrears"),
                sum { what in
                    if case .instalment = what { return true }
                    return what == .settlement
                }, .level(2)
            ),
        ]
        let parts = all.enumerated().filter { $0.offset == 0 || $0.element.1 != 0 }.map(\.element)
        let drawn =
            parts.map { Waterfall.Row(amount: $0.1, part: $0.2) } + [Waterfall.Row(amount: closingPaise, part: .total)]
        let cells = (try? Waterfall(rows: drawn))?.cells() ?? []
        let rows = parts + [(w.say("month.part.closing"), closingPaise, .total)]
        return rows.enumerated().map { index, part in
            let isEdge = index == 0 || index == rows.count - 1
            var row = Fields(["name": part.0, "money": "\(w.money(part.1, signed: !isEdge))"])
            row.set("picture", Markup(trusted: index < cells.count ? cells[index] : ""))
            row.set("isSum", index == rows.count - 1)
            return row
        }
    }

    /// The balance over the month, a step at each posting.
    private func picture(_ w: Wording) -> BalanceLine {
        // An account that began within the month is drawn from there, and the present month to its present day.
        let first = openingPaise == 0 ? lines.first.map { w.day(ofMs: $0.postedMs) } ?? month.first : month.first
        let days = first.days(to: max(first, min(w.day(ofMs: untilMs), month.last))) + 1
        let startMs = w.zone.startS(of: first) * 1000
        let minutes = Int((w.zone.startS(of: first.advanced(by: days)) * 1000 - startMs) / 60_000)
        let minute = { (ms: Int64) in min(minutes, max(0, Int((ms - startMs) / 60_000))) }
        var points = [BalanceLine.Point(minute: 0, balancePaise: openingPaise)]
        for line in lines {
            let at = minute(line.postedMs)
            points.append(.init(minute: at, balancePaise: line.balancePaise - line.amountPaise))
            points.append(.init(minute: at, balancePaise: line.balancePaise))
        }
        points.append(.init(minute: minute(untilMs), balancePaise: closingPaise))
        var chart = BalanceLine(
            minutes: minutes, past: points, median: [],
            now: NowLine(slot: Double(minute(untilMs)), label: w.money(closingPaise)),
            alt: w.say(
                "month.alt",
                [
                    "opening": "\(w.money(openingPaise))", "closing": "\(w.money(closingPaise))",
                    "month": monthWords(month, w),
                ]
            ).plain,
            gridLabel: { paise, isTop in
                let text = String(w.roundMoney(paise).dropFirst())
                return isTop ? "₹\(text)" : text
            })
        let step = max(1, (days + 5) / 6)
        chart.axis = stride(from: 0, to: days, by: step).map { offset in
            let day = first.advanced(by: offset)
            return AxisLabel(
                slot: minute(w.zone.startS(of: day) * 1000), text: w.dayMonth(day).plain,
                isMinor: offset / step % 2 == 1)
        }
        return chart
    }

    private func lineRow(_ line: Line, _ w: Wording) -> Fields {
        let dayLink = { (day: CivilDay) in w.link(Paths.day(account, day), w.shortDay(day)) }
        var dates: Markup?
        let what: Markup
        switch line.what {
        case .day(let day): what = w.link(Paths.day(account, day), w.say("entry.day", ["day": w.shortDay(day)]))
        case .correction(let day):
            what = w.say("month.correction", ["day": dayLink(day)])
            dates = w.say(
                "month.bothDates", ["day": w.shortDay(day), "posted": w.shortDay(w.day(ofMs: line.postedMs))])
        case .recharge(let channel, let reference):
            what = w.say("entry.recharge", ["channel": "\(channel)", "reference": "\(reference)"])
        case .instalment(let day): what = w.say("entry.instalment", ["day": w.shortDay(day)])
        case .settlement: what = w.say("entry.settlement")
        case .opening: what = w.say("entry.opening")
        case .conversion: what = w.say("entry.conversion")
        case .adjustment(let reason): what = w.say("entry.adjustment", ["reason": "\(reason)"])
        }
        var chips: Markup = ""
        if line.isEstimated { chips = " " + w.chip(.est, w.say("month.estimated")) }
        if case .correction = line.what { chips = chips + " " + w.chip(.info, w.say("entry.correction")) }
        let ledger = Paths.statement(account, before: line.ledgerPlace) + "#" + StatementLine.anchor(line.entry)
        var row = Fields([
            "posted": w.timeTag(line.postedMs, w.moment(line.postedMs)), "what": what, "chips": chips,
            "amount": "\(w.money(line.amountPaise, signed: true))", "balance": "\(w.money(line.balancePaise))",
            "ledger": w.link(ledger, "\(line.entry)", cls: "id"),
        ])
        row.set("dates", dates)
        return row
    }
}
