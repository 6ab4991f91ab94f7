// The corrections of an account, and one of them day by day: from the reading that changed over the charge to the
// reversal and the new posting. Shows, reckons nothing but differences.
import API
import Charts
import CivilTime
import Rating

/// The corrections of an account.
public struct CorrectionsView: Page {
    public static let template = "corrections"
    public var account: Int64
    public var code: String
    public var items: [Correction]
    public var next: Int64?
    public var isFirstPage: Bool
    public init(account: Int64, code: String, items: [Correction], next: Int64?, isFirstPage: Bool) {
        (self.account, self.code, self.items) = (account, code, items)
        (self.next, self.isFirstPage) = (next, isFirstPage)
    }
}

/// One correction.
public struct CorrectionChainView: Page {
    public static let template = "correction"
    public var account: Int64
    public var code: String
    public var chain: CorrectionChain
    public init(account: Int64, code: String, chain: CorrectionChain) {
        (self.account, self.code, self.chain) = (account, code, chain)
    }
}

extension CorrectionsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("corrections.title", ["code": "\(code)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("accountHref", Paths.account(account))
        row.set("code", code)
        row.set("hasItems", !items.isEmpty)
        row.set(
            "items",
            items.map { item in
                Fields([
                    "made": w.link(
                        Paths.correction(account, item.correctionID), w.timeTag(item.atMs, w.moment(item.atMs))),
                    "from": w.fullDay(item.firstDay), "to": w.fullDay(item.lastDay),
                    "days": "\(w.number(item.days))",
                    "difference": "\(w.money(item.differencePaise, signed: true))",
                ])
            })
        row.set("firstHref", isFirstPage ? nil : Paths.corrections(account))
        row.set("olderHref", next.map { Paths.corrections(account, before: $0) })
        row.set("hasPaging", next != nil || !isFirstPage)
        return row
    }
}

extension CorrectionChainView: PageContent {
    private var difference: Int64 { chain.correction.differencePaise }

    func title(_ w: Wording) -> Markup { w.say("correction.title", ["code": "\(code)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let correction = chain.correction
        var row = Fields()
        row.set("accountHref", Paths.account(account))
        row.set("correctionsHref", Paths.corrections(account))
        row.set("code", code)
        row.set("made", w.moment(correction.atMs))
        let size: Markup = "\(w.money(abs(difference)))"
        row.set(
            "lede",
            difference == 0
                ? w.say("correction.lede.same")
                : difference > 0
                    ? w.say("correction.lede.more", ["money": size]) : w.say("correction.lede.less", ["money": size]))
        row.set(
            "sub",
            w.say(
                "correction.sub",
                [
                    "time": w.timeTag(correction.atMs, w.moment(correction.atMs)),
                    "days": w.count("runs.days", chain.steps.count),
                ]))
        row.set(
            "agrees", chain.agrees ? w.chip(.ok, w.say("correction.agrees")) : w.chip(.bad, w.say("correction.off")))
        row.set("steps", steps(w))
        row.set("totalBefore", "\(w.money(sum(\.before)))")
        row.set("totalAfter", "\(w.money(sum(\.after)))")
        row.set("totalDifference", "\(w.money(difference, signed: true))")
        row.set("totalPosted", "\(w.money(-chain.postedPaise, signed: true))")
        return row
    }

    private func sum(_ charge: KeyPath<CorrectionChain.Step, Charge>) -> Int64 {
        chain.steps.reduce(0) { $0 + $1[keyPath: charge].totalPaise }
    }

    private func steps(_ w: Wording) -> [Fields] {
        let moves = chain.steps.map { $0.after.totalPaise - $0.before.totalPaise }
        let rows = moves.map { Waterfall.Row(amount: $0, part: $0 < 0 ? .credit : .level(2)) }
        let total = Waterfall.Row(amount: moves.reduce(0, +), part: .total)
        let cells = (try? Waterfall(rows: rows + [total]))?.cells() ?? []
        return chain.steps.enumerated().map { index, step in
            var row = Fields([
                "day": w.link(Paths.day(account, step.day), w.fullDay(step.day)), "cause": cause(step.cause, w),
                "readingBefore": reading(step.readingBefore, w), "readingAfter": reading(step.readingAfter, w),
                "energyBefore": w.say("unit.kwh", ["n": "\(w.units(step.before.energyWh))"]),
                "energyAfter": w.say("unit.kwh", ["n": "\(w.units(step.after.energyWh))"]),
                "before": "\(w.money(step.before.totalPaise))", "after": "\(w.money(step.after.totalPaise))",
                "revisions": w.say(
                    "correction.revisions",
                    ["before": "\(step.before.revision)", "after": "\(step.after.revision)"]),
                "difference": "\(w.money(moves[index], signed: true))",
            ])
            row.set("picture", Markup(trusted: index < cells.count ? cells[index] : ""))
            row.set("hasPostings", !step.postings.isEmpty)
            row.set(
                "postings",
                step.postings.map { posting in
                    Fields([
                        "what": posting.isReversal ? w.say("correction.reversal") : w.say("correction.repost"),
                        "entry": entry(step, posting.isReversal, w),
                        "money": "\(w.money(-posting.amountPaise, signed: true))",
                        "booked": w.timeTag(posting.bookedAtMs, w.moment(posting.bookedAtMs)),
                    ])
                })
            return row
        }
    }

    /// The entry by the name it has on the statement.
    private func entry(_ step: CorrectionChain.Step, _ isReversal: Bool, _ w: Wording) -> Markup {
        let name =
            isReversal
            ? StatementReport.reversalName(step.day, step.before.revision)
            : StatementReport.chargeName(step.day, step.after.revision)
        return w.link(Paths.statement(account) + "#" + StatementLine.anchor(name), "\(name)")
    }

    private func cause(_ cause: CorrectionChain.Cause, _ w: Wording) -> Markup {
        switch cause {
        case .readings: w.chip(.info, w.say("correction.cause.readings"))
        case .plan: w.chip(.info, w.say("correction.cause.plan"))
        case .earlierDay: w.chip(.idle, w.say("correction.cause.earlierDay"))
        }
    }

    private func reading(_ reading: CorrectionChain.Reading, _ w: Wording) -> Markup {
        let version = w.say("correction.version", ["n": "\(reading.version)"])
        let quality: Markup =
            if reading.slots == 0 {
                w.say("correction.readingGone")
            } else if reading.estimatedSlots > 0 {
                w.chip(.est, w.count("correction.estimated", Int(reading.estimatedSlots)))
            } else if reading.editedSlots > 0 {
                w.count("correction.edited", Int(reading.editedSlots))
            } else {
                w.say("correction.measured")
            }
        return "\(version): \(quality)"
    }
}
