// AccountPage: the words and rows of an account's page, for the desk of staff and for the consumer himself.
import Charts
import CivilTime

extension AccountView: PageContent {
    func title(_ w: Wording) -> Markup {
        let title = w.say("account.title", ["code": "\(code)", "name": "\(name)"])
        return recharge?.problem == nil ? title : w.say("title.error", ["title": title])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let isConsole = frame.look == .console
        var row = Fields()
        row.set("isConsole", isConsole)
        row.set("isPortal", !isConsole)
        row.set("accountsHref", Paths.accounts)
        row.set("historyHref", Paths.account(id) + "/history")
        row.set("code", code)
        row.set("lede", isConsole ? staffLede(w) : consumerLede(w))
        row.set("sub", isConsole ? staffSub(w) : consumerSub(w))
        row.set("figures", isConsole ? figureRows(w) : [])
        row.set("supply", supplyChip(w))
        row.set("balance", w.money(balancePaise))
        row.set("asOf", w.asOf(balanceAsOfMs, promiseMs: dailyPromiseMs))
        row.set("projected", projected.map { projectedWords($0, w) })
        row.set("correctionsHref", Paths.corrections(id))
        row.set("cone", forecast.map { ForecastPicture($0, lastsUntil: lastsUntil, now: balancePaise, w).svg })
        row.set("coneMissing", forecast == nil ? coneMissing(w) : nil)
        row.set("held", notCutBeforeMs.map { w.say("account.notCutBefore", ["time": w.moment($0)]) })
        row.set("converting", isConverting ? w.say("arrears.converting") : nil)
        row.set(
            "arrears",
            arrearsPaise > 0 && !isConsole
                ? w.say("home.arrears", ["money": "\(w.money(arrearsPaise))", "note": arrearsNote(w)]) : nil)
        row.set("monthHref", month.map { Paths.month(id, $0) })
        row.set("slabWarning", slabWarning.map { slabWords($0, w) })
        row.set("packsHref", Paths.accountPacks(id))
        row.set("days", recentDays.isEmpty ? nil : daysRow(w))
        let onPage = Set(statement.map(\.entry))
        row.set("entries", statement.map { $0.row(w, account: id, onPage: onPage) })
        row.set("hasEntries", !statement.isEmpty)
        row.set("notFooting", StatementLine.foots(statement) ? nil : w.say("statement.notFooting"))
        row.set("statementHref", hasOlderLines ? Paths.statement(id) : nil)
        row.set("decisions", decisions.map { decisionRow($0, w) })
        row.set("hasDecisions", !decisions.isEmpty)
        row.set("sent", messages.map { messageRow($0, w) })
        row.set("hasSent", !messages.isEmpty)
        row.set("packs", packs.map { $0.values(w) })
        row.set("expected", expectedPaise > 0 ? w.say("account.expected", ["money": "\(w.money(expectedPaise))"]) : nil)
        row.set("emergency", emergency.map { emergencyRow($0, w) })
        row.set("recharge", recharge.map { rechargeRow($0, w) })
        row.set("errors", recharge?.problem.map { [errorSummary([("other", $0.words(w))])] } ?? [])
        return row
    }

    private func projectedWords(_ found: Projected, _ w: Wording) -> Markup {
        let words = w.say(
            "account.projected",
            ["money": "<span class=\"n nb\">\(w.money(found.paise))</span>", "time": w.moment(found.throughMs)])
        guard found.estimated + found.missing > 0 else { return words }
        let doubt = w.say(
            "account.projectedDoubt",
            ["estimated": "\(w.number(found.estimated))", "missing": "\(w.number(found.missing))"])
        return "\(words) \(w.chip(.est, doubt))"
    }

    // MARK: the answer

    private func staffLede(_ w: Wording) -> Markup {
        let who: KeyValuePairs<String, Markup> = ["name": "\(name)", "code": "<strong class=\"n nb\">\(code)</strong>"]
        return switch supply {
        case .on where notCutBeforeMs != nil:
            w.say(
                "account.lede.held",
                [
                    "name": who[0].value, "code": who[1].value, "time": w.moment(notCutBeforeMs ?? w.nowMs),
                ])
        case .on: w.say("account.lede.on", who)
        case .off(let sinceMs):
            w.say("account.lede.off", ["name": who[0].value, "code": who[1].value, "since": w.moment(sinceMs)])
        case .unknown: w.say("account.lede.unknown", who)
        }
    }

    private func consumerLede(_ w: Wording) -> Markup {
        if case .off(let sinceMs) = supply { return w.say("home.lede.off", ["since": w.moment(sinceMs)]) }
        switch lastsUntil {
        case .until(let atMs, _, _):
            let about = w.aboutHour(atMs)
            return w.say("home.lede.until", ["day": about.day, "hour": about.hour])
        case .tooEarly(let day): return w.say("home.lede.tooEarly", ["day": w.longDay(day)])
        case .empty: return w.say("home.lede.empty")
        case .notFalling: return w.say("home.lede.notFalling")
        case .beyond: return w.say("home.lede.beyond")
        case .tooOld: return w.say("home.lede.tooOld")
        }
    }

    private func consumerSub(_ w: Wording) -> Markup {
        let money: Markup = "<span class=\"n nb\">\(w.money(balancePaise))</span>"
        guard let usual = usualPaisePerDay, usual > 0 else { return w.say("home.subNew", ["money": money]) }
        return w.say(
            restsOnForecast ? "home.subForecast" : "home.sub",
            ["money": money, "usual": "\(w.wholeRupees(usual))"])
    }

    private func staffSub(_ w: Wording) -> Markup {
        let links = meters.map { w.link(Paths.meter($0.id), "\($0.serial)") }.joined(", ")
        let pack: Markup = "\(packName)"
        guard !meters.isEmpty else { return w.say("account.subNoMeter", ["pack": pack]) }
        guard let sanctionedW else { return w.say("account.subNoLoad", ["pack": pack, "meters": links]) }
        return w.say("account.sub", ["pack": pack, "meters": links, "kw": w.kilowatts(sanctionedW)])
    }

    private func figureRows(_ w: Wording) -> [Fields] {
        let lasts: (Markup, Markup) =
            switch lastsUntil {
            case .until(let atMs, let fromMs, let toMs):
                (w.moment(atMs), w.say("account.range", ["from": w.moment(fromMs), "to": w.moment(toMs)]))
            case .tooEarly(let day): (w.say("account.tooEarly"), w.say("account.firstOn", ["day": w.shortDay(day)]))
            case .empty: (w.say("account.nothingLeft"), "")
            case .notFalling: (w.say("account.notFalling"), "")
            case .beyond: (w.say("account.beyond"), "")
            case .tooOld(let lastMs): (w.say("account.tooEarly"), w.say("account.tooOld", ["time": w.moment(lastMs)]))
            }
        let month = w.say("account.monthSoFar", ["month": w.monthName(w.day(ofMs: w.nowMs))])
        let kwh = w.say("unit.kwh", ["n": "\(w.units(monthWh))"])
        let all: [(Markup, Markup, Markup)] = [
            (w.say("account.balance"), "\(w.money(balancePaise))", w.asOf(balanceAsOfMs, promiseMs: dailyPromiseMs)),
            (w.say("account.lasts"), lasts.0, lasts.1), (month, "\(w.money(monthPaise))", kwh),
            (w.say("account.arrears"), "\(w.money(arrearsPaise))", arrearsNote(w)),
        ]
        return all.map { Fields(["name": $0.0, "figure": $0.1, "note": $0.2]) }
    }

    /// The link to the old debt, and what is taken of it each day.
    private func arrearsNote(_ w: Wording) -> Markup {
        let words = instalmentPaise.map { w.say("account.instalment", ["money": "\(w.money($0))"]) }
        return w.link(Paths.arrears(id), words ?? w.say("account.noInstalments"))
    }

    private func supplyChip(_ w: Wording) -> Markup {
        switch supply {
        case .on: w.chip(.ok, w.say("supply.on"))
        case .off: w.chip(.bad, w.say("supply.off"))
        case .unknown: w.chip(.idle, w.say("supply.unknown"))
        }
    }

    private func coneMissing(_ w: Wording) -> Markup {
        if case .tooOld(let lastMs) = lastsUntil { return w.say("account.tooOld", ["time": w.moment(lastMs)]) }
        guard case .tooEarly(let day) = lastsUntil else { return w.say("account.noForecast") }
        return w.say("account.firstEstimate", ["day": w.longDay(day)])
    }

    // MARK: the rows

    private func daysRow(_ w: Wording) -> Fields {
        let total = recentDays.reduce(0) { $0 + $1.paise }
        let bars = recentDays.map { use in
            Bars.Bar(
                value: use.paise, top: w.wholeRupees(use.paise), bottom: w.weekdayName(use.day).plain,
                title: w.say(
                    "home.barTitle",
                    [
                        "day": w.shortDay(use.day), "units": "\(w.units(use.energyWh))",
                        "money": "\(w.money(use.paise))",
                    ]
                ).plain, isUnfinished: use.isUnfinished)
        }
        let span = recentDays.first.map { w.longDay($0.day) } ?? ""
        let alt = w.say(
            "home.bars.alt",
            [
                "from": span, "to": recentDays.last.map { w.longDay($0.day) } ?? "", "money": "\(w.money(total))",
            ])
        var row = Fields(["chart": Markup(trusted: Bars(bars: bars, alt: alt.plain).svg())])
        row.set("say", w.count("home.bars.say", recentDays.count, ["money": "\(w.money(total))"]))
        row.set(
            "rows",
            recentDays.map { use in
                Fields([
                    "day": w.link(Paths.day(id, use.day), w.shortDay(use.day)), "units": "\(w.units(use.energyWh))",
                    "money": "\(w.money(use.paise))",
                    "chip": use.isUnfinished ? w.chip(.idle, w.say("entry.provisional")) : "",
                ])
            })
        return row
    }

    private func decisionRow(_ decision: Decision, _ w: Wording) -> Fields {
        let chip =
            switch decision.effect {
            case .speaksForCut: w.chip(.bad, w.say("decision.speaksForCut"))
            case .holds: w.chip(.info, w.say("decision.holds"))
            case .ended: w.chip(.idle, w.say("decision.ended"))
            case .restores: w.chip(.ok, w.say("decision.restores"))
            }
        let from = w.moment(decision.fromMs)
        let when = decision.toMs.map { w.say("decision.fromTo", ["from": from, "to": w.moment($0)]) }
        return Fields([
            "reason": decision.reason.words(w), "when": when ?? w.say("decision.since", ["from": from]), "chip": chip,
        ])
    }

    private func messageRow(_ message: Message, _ w: Wording) -> Fields {
        let chip =
            switch message.state {
            case .waiting: w.chip(.idle, w.say("message.waiting"))
            case .sent: w.chip(.info, w.say("message.sent"))
            case .delivered: w.chip(.ok, w.say("message.delivered"))
            case .failed: w.chip(.bad, w.say("message.failed"))
            }
        return Fields([
            "time": w.timeTag(message.atMs, w.moment(message.atMs)), "channel": "\(message.channel)",
            "words": "\(message.words)", "wordsLang": "\(message.language.rawValue)", "chip": chip,
        ])
    }

    private func emergencyRow(_ form: Emergency, _ w: Wording) -> Fields {
        let money = form.paise.map { "\(w.money($0))" as Markup }
        let days = form.days.map { w.count("account.emergencyDays", $0) }
        let words: Markup =
            switch (money, days) {
            case (let money?, let days?): w.say("account.emergencyBoth", ["money": money, "days": days])
            case (let money?, nil): w.say("account.emergencyMoney", ["money": money])
            case (nil, let days?): w.say("account.emergencyOnlyDays", ["days": days])
            case (nil, nil): ""
            }
        return Fields([
            "emergencyAction": "\(Paths.emergency(id))", "emergencyKey": "\(form.idempotencyKey)",
            "emergencyWords": words,
        ])
    }

    private func rechargeRow(_ form: Recharge, _ w: Wording) -> Fields {
        var row = Fields(["key": "\(form.idempotencyKey)", "typed": "\(form.typedAmount)"])
        row.set("action", Paths.recharge(id))
        row.set("problem", form.problem.map { $0.words(w) })
        row.set(
            "choices",
            form.choices.map { choice in
                var pick = Fields(["paise": "\(choice.paise)", "money": "\(w.roundMoney(choice.paise))"])
                pick.set("until", choice.untilDay.map { w.say("recharge.until", ["day": w.dayMonth($0)]) })
                pick.set("chosen", choice.paise == form.chosenPaise)
                return pick
            })
        return row
    }
}

extension AccountView.Recharge.Problem {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .amountMissing: w.say("recharge.amountMissing")
        case .amountNotWhole: w.say("recharge.amountNotWhole")
        case .amountOutOfRange(let low, let high):
            w.say("recharge.outOfRange", ["min": "\(w.roundMoney(low))", "max": "\(w.roundMoney(high))"])
        case .paymentFailed(let reference): w.say("recharge.failed", ["reference": "\(reference)"])
        case .expired: w.say("form.expired")
        }
    }
}

/// The balance's way down as a chart.
struct ForecastPicture {
    let svg: Markup

    init(_ forecast: BalanceForecast, lastsUntil: LastsUntil, now: Int64, _ w: Wording) {
        let today = w.day(ofMs: w.nowMs)
        let startMs = w.zone.startS(of: today) * 1000
        let points = forecast.past + forecast.median + forecast.low + forecast.high
        let lastMs = points.map(\.atMs).max() ?? w.nowMs
        // From the start of today to 12 hours past the latest likely zero, between 2 and 31 days.
        let wantedMs = lastMs - startMs + 43_200_000
        let minutes = Int(min(max(wantedMs, 2 * 86_400_000), 31 * 86_400_000) / 60_000)
        let minute = { (ms: Int64) in Int((ms - startMs) / 60_000) }
        let place = { (points: [BalanceForecast.Point]) in
            points.filter { $0.atMs >= startMs && minute($0.atMs) <= minutes }
                .map { BalanceLine.Point(minute: minute($0.atMs), balancePaise: $0.balancePaise) }
        }
        var chart = BalanceLine(
            minutes: minutes, past: place(forecast.past), median: place(forecast.median),
            now: NowLine(
                slot: Double(minute(w.nowMs)), label: w.say("chart.nowMoney", ["money": "\(w.money(now))"]).plain),
            alt: Self.alt(lastsUntil, now: now, w),
            gridLabel: { paise, isTop in
                let text = String(w.roundMoney(paise).dropFirst())
                return isTop ? "₹\(text)" : text
            })
        chart.low = place(forecast.low)
        chart.high = place(forecast.high)
        chart.warning = forecast.warningPaise.map { paise in
            (paise, w.say("chart.warning", ["money": "\(w.roundMoney(paise))"]).plain)
        }
        chart.heldMinutes = forecast.heldMs.map { max(0, minute($0.lowerBound))..<max(0, minute($0.upperBound)) }
        if case .until(let atMs, let fromMs, let toMs) = lastsUntil {
            chart.zero = (minute(atMs), Self.zeroWords(atMs, spreadMs: toMs - fromMs, w).plain)
        }
        let dayCount = minutes / 1440 + 1
        let step = max(1, dayCount / 7)
        chart.axis = stride(from: 0, to: dayCount, by: step).map { offset in
            let day = today.advanced(by: offset)
            return AxisLabel(
                slot: minute(w.zone.startS(of: day) * 1000), text: w.shortDay(day).plain,
                isMinor: dayCount > 4 && offset / step % 2 == 1)
        }
        svg = Markup(trusted: chart.svg())
    }

    /// As exact as the range allows: the hour, or only the day when it is wider than 36 hours.
    private static func zeroWords(_ atMs: Int64, spreadMs: Int64, _ w: Wording) -> Markup {
        if spreadMs > 36 * 3_600_000 { return w.shortDay(w.day(ofMs: atMs)) }
        return w.say("chart.zero", ["day": w.shortDay(w.day(ofMs: atMs)), "hour": w.aboutHour(atMs).hour])
    }

    private static func alt(_ lastsUntil: LastsUntil, now: Int64, _ w: Wording) -> String {
        guard case .until(let atMs, let fromMs, let toMs) = lastsUntil else {
            return w.say("chart.cone.altOpen", ["money": "\(w.money(now))"]).plain
        }
        let about = w.aboutHour(atMs)
        return w.say(
            "chart.cone.alt",
            [
                "money": "\(w.money(now))", "day": about.day, "hour": about.hour, "from": w.moment(fromMs),
                "to": w.moment(toMs),
            ]
        ).plain
    }
}
