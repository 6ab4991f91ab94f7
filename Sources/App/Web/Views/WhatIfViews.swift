// WhatIfPageView: who would gain and who would lose by a pack; ComparisonPageView: a consumer's own past under every
// pack open to him, and how near the month comes to a limit. They show what Rating found.
import Access
import Accounts
import Charts
import CivilTime
import Packs
import Quantities
import Rating
import Tariffs

public struct WhatIfPageView: Page {
    public static let template = "whatif"
    var whatIf: WhatIf
    var report: WhatIfReport
    /// For its money; nil when the text no longer reads.
    var tariff: Tariff?
}

extension WhatIfPageView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("whatIf.title") }

    private func money(_ minor: Int64, signed: Bool = false) -> Markup {
        "\(tariff?.money(minor, signed: signed) ?? rupees(paise: minor, signed: signed))"
    }
    private func percent(_ hundredths: Int64) -> String {
        (hundredths > 0 ? "+" : "") + fixedPoint(hundredths, places: 2) + " %"
    }
    private func change(_ group: WhatIfReport.Group) -> Markup {
        let share = percent(WhatIfReport.hundredths(group.change, of: group.before))
        return "\(money(group.change, signed: true)) <small class=\"q\">\(share)</small>"
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let asked = whatIf.asked
        row.set("packsHref", Paths.packs)
        row.set("name", whatIfName(asked, w))
        row.set("running", !whatIf.isDone)
        row.set("done", "\(whatIf.doneCount)" as Markup)
        row.set("all", "\(whatIf.accountCount)" as Markup)
        row.set(
            "progress",
            w.say(
                "whatIf.progress",
                ["n": "\(w.number(whatIf.doneCount))", "all": "\(w.number(whatIf.accountCount))"]))
        row.set("lede", lede(w))
        row.set(
            "sub",
            w.say(
                "whatIf.sub",
                [
                    "from": "\(asked.from)", "to": "\(asked.to)", "n": "\(w.number(whatIf.accountCount))",
                    "all": "\(w.number(whatIf.reachCount))",
                ]))
        row.set("csvHref", Paths.whatIf(whatIf.whatIfID, csv: true))
        let total = report.total
        let figures: [(name: Markup, figure: Markup, note: Markup)] = [
            (
                w.say("whatIf.change"), money(total.change, signed: true),
                "\(percent(WhatIfReport.hundredths(total.change, of: total.before)))"
            ),
            (
                w.say("whatIf.gainers"), "\(w.number(total.gainers))",
                w.say("whatIf.less", ["money": money(report.gainedMinor)])
            ),
            (
                w.say("whatIf.losers"), "\(w.number(total.losers))",
                w.say("whatIf.more", ["money": money(report.lostMinor)])
            ),
            (w.say("whatIf.same"), "\(w.number(total.count - total.gainers - total.losers))", ""),
        ]
        row.set("figures", figures.map { Fields(["name": $0.name, "figure": $0.figure, "note": $0.note]) })
        row.set("hasReport", total.count > 0)
        setTables(&row, w)
        row.set(
            "aside",
            report.aside.map { Fields(["reason": w.said($0.reason), "count": "\(w.number($0.count))"]) })
        row.set("hasAside", !report.aside.isEmpty)
        row.set(
            "caveat",
            w.say(
                "whatIf.caveat",
                ["missing": "\(w.number(report.missingDays))", "left": "\(w.number(report.leftMonths))"]))
        row.set("named", tariff?.namesDays == true)
        return row
    }

    private func lede(_ w: Wording) -> Markup {
        let total = report.total
        guard total.count > 0 else { return w.say(whatIf.isDone ? "whatIf.nothing" : "whatIf.working") }
        return w.say(
            total.change == 0 ? "whatIf.ledeSame" : total.change < 0 ? "whatIf.ledeLess" : "whatIf.ledeMore",
            [
                "money": money(abs(total.change)), "gain": "\(w.number(total.gainers))",
                "lose": "\(w.number(total.losers))", "n": "\(w.number(total.count))",
            ])
    }

    private func setTables(_ row: inout Fields, _ w: Wording) {
        row.set(
            "byUse",
            report.byUse.filter { $0.count > 0 }.map { group in
                groupRow(group, name: useName(group, w), w)
            })
        let sizes = report.byChange
        row.set(
            "byChange",
            sizes.filter { $0.count > 0 }.map { group in groupRow(group, name: sizeName(group, w), w) })
        let largest = max(1, sizes.map(\.count).max() ?? 1)
        row.set(
            "chart",
            Markup(
                trusted: Bars(
                    bars: sizes.map { group in
                        Bars.Bar(
                            value: Int64(group.count), top: group.count == 0 ? "" : w.number(group.count),
                            bottom: shortSize(group), title: "\(sizeName(group, w).plain): \(w.number(group.count))")
                    }, alt: w.say("whatIf.sizesAlt", ["n": "\(w.number(largest))"]).plain
                ).svg()))
        row.set(
            "components",
            report.components.map { part in
                Fields([
                    "name": "\(part.name)", "before": money(part.before), "after": money(part.after),
                    "change": money(part.after - part.before, signed: true),
                ])
            })
        row.set("totalBefore", money(report.total.before))
        row.set("totalAfter", money(report.total.after))
        row.set("totalChange", money(report.total.change, signed: true))
        for (key, rows) in [("gainerRows", report.gainers), ("loserRows", report.losers)] {
            let bars = AmountBars(rows.map(\.outcome.change)).cells()
            row.set(
                key,
                zip(rows, bars).map { row, bar in
                    var one = accountRow(row, w)
                    one.set("picture", Markup(trusted: bar))
                    return one
                })
        }
    }

    private func groupRow(_ group: WhatIfReport.Group, name: Markup, _ w: Wording) -> Fields {
        Fields([
            "name": name, "count": "\(w.number(group.count))", "gainers": "\(w.number(group.gainers))",
            "losers": "\(w.number(group.losers))", "before": money(group.before), "after": money(group.after),
            "change": change(group),
        ])
    }

    private func useName(_ group: WhatIfReport.Group, _ w: Wording) -> Markup {
        func units(_ wh: Int64) -> Markup { "\(fixedPoint(wh / 1000, places: 0))" }
        return switch (group.from, group.upTo) {
        case (nil, let high?): w.say("sheet.upTo", ["n": units(high)])
        case (let low?, let high?): w.say("sheet.between", ["a": units(low), "b": units(high)])
        case (let low?, nil): w.say("sheet.above", ["n": units(low)])
        case (nil, nil): w.say("sheet.all")
        }
    }

    private func sizeName(_ group: WhatIfReport.Group, _ w: Wording) -> Markup {
        func whole(_ hundredths: Int64) -> Markup { "\(fixedPoint(abs(hundredths) / 100, places: 0)) %" }
        return switch (group.from, group.upTo) {
        case (nil, let high?): w.say("whatIf.lessThan", ["a": whole(high)])
        case (let low?, nil): w.say("whatIf.moreThan", ["a": whole(low)])
        case (let low?, let high?) where low < 0 && high > 0: w.say("whatIf.within", ["a": whole(high)])
        case (let low?, let high?) where high < 0: w.say("whatIf.lessBetween", ["a": whole(high), "b": whole(low)])
        case (let low?, let high?): w.say("whatIf.moreBetween", ["a": whole(low), "b": whole(high)])
        case (nil, nil): w.say("sheet.all")
        }
    }

    private func shortSize(_ group: WhatIfReport.Group) -> String {
        func whole(_ hundredths: Int64) -> String { fixedPoint(hundredths / 100, places: 0) }
        return switch (group.from, group.upTo) {
        case (nil, let high?): "<\(whole(high))"
        case (let low?, nil): ">\(whole(low))"
        case (let low?, let high?) where low < 0 && high > 0: "±\(whole(high))"
        case (_, let high?) where high < 0: whole(high)
        case (let low?, _): whole(low)
        default: ""
        }
    }

    private func accountRow(_ one: WhatIfReport.Row, _ w: Wording) -> Fields {
        let outcome = one.outcome
        return Fields([
            "name": w.link(Paths.accountPacks(one.accountID), "\(one.number)", cls: "id"),
            "units": "\(w.units(outcome.monthlyWh))", "before": money(outcome.before), "after": money(outcome.after),
            "change": money(outcome.change, signed: true),
            "percent": "\(percent(WhatIfReport.hundredths(outcome.change, of: outcome.before)))",
        ])
    }
}

/// How near a bill comes to a limit, in a sentence.
func slabWords(_ warning: SlabWarning, _ w: Wording) -> Markup {
    let cliff = warning.cliff
    return w.say(
        cliff.isPassed ? "slab.above" : "slab.below",
        [
            "expected": "\(w.units(cliff.expectedWh))", "limit": "\(fixedPoint(cliff.limitWh / 1000, places: 0))",
            "distance": "\(w.units(cliff.distanceWh))", "money": "\(warning.tariff.money(cliff.jumpMinor))",
            "day": w.fullDay(warning.period.last),
        ])
}

public struct ComparisonPageView: Page {
    public static let template = "comparison"
    var account: SupplyAccount
    var found: PackComparison
    var warning: SlabWarning?
}

extension ComparisonPageView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("compare.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("accountHref", Paths.account(account.accountID))
        row.set("code", account.accountNumber)
        row.set("lede", lede(w))
        if let from = found.from, let to = found.to {
            row.set(
                "sub",
                w.say(
                    "compare.sub",
                    ["from": w.fullDay(from), "to": w.fullDay(to), "units": "\(w.units(found.energyWh))"]))
        }
        row.set("missing", found.missingDays > 0 ? w.count("test.missing", found.missingDays) : nil)
        row.set("warning", warning.map { slabWords($0, w) })
        row.set(
            "spans",
            PackComparison.monthsAllowed.map { months in
                var one = Fields([
                    "href": "\(Paths.accountPacks(account.accountID, months: months))",
                    "name": w.count("compare.months", months),
                ])
                one.set("current", months == found.months)
                return one
            })
        let heldMinor = found.held?.totalMinor
        let held = found.offers.firstIndex(where: \.isHeld)
        let bars = AmountBars(found.offers.map { $0.totalMinor ?? 0 }, marked: held).cells()
        row.set(
            "offers",
            zip(found.offers, bars).map { offer, bar in
                var one = offerRow(offer, heldMinor, frame, w)
                one.set("picture", Markup(trusted: bar))
                return one
            })
        row.set("hasOffers", !found.offers.isEmpty)
        return row
    }

    private func lede(_ w: Wording) -> Markup {
        guard let best = found.offers.first, let bestMinor = best.totalMinor else { return w.say("compare.nothing") }
        guard let held = found.held, let heldMinor = held.totalMinor, !best.isHeld, bestMinor < heldMinor else {
            return w.say("compare.ledeBest")
        }
        return w.say("compare.lede", ["pack": "\(best.name)", "money": "\(w.money(heldMinor - bestMinor))"])
    }

    private func offerRow(_ offer: PackComparison.Offer, _ heldMinor: Int64?, _ frame: PageFrame, _ w: Wording)
        -> Fields
    {
        let isStaff = frame.look == .console
        let name: Markup =
            isStaff ? w.link(Paths.pack(offer.packID, version: Int64(offer.version)), "\(offer.name)") : "\(offer.name)"
        let held: Markup = offer.isHeld ? " \(w.chip(.info, w.say("compare.held")))" : ""
        var total: Markup = "<span class=\"q\">\(w.say("compare.unknown"))</span>"
        var change: Markup = ""
        if let minor = offer.totalMinor {
            total = "\(w.money(minor))"
            if let heldMinor, !offer.isHeld { change = "\(w.money(minor - heldMinor, signed: true))" }
        }
        var note: Markup = ""
        if isStaff, let reason = offer.reason { note = "<small class=\"q\">\(w.said(reason))</small>" }
        var row = Fields(["name": name + held, "total": total, "change": change, "note": note])
        row.set("on", offer.isHeld)
        return row
    }
}
