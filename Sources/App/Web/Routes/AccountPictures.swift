// From the account's read models to the views of account, statement and day.
import API
import Access
import Accounts
import CivilTime
import IntervalData
import Journal
import Messaging
import MeterData
import Meters
import Payments
import Rating
import Supply
import Tariffs

extension AccountReport {
    /// The day until which the balance is likely to last with more money in it; nil without a projection.
    func lasts(adding paise: Int64) -> CivilDay? {
        guard case .until = outlook.answer, let mean = outlook.meanPaise, mean > 0 else { return nil }
        let total = balance.balancePaise + paise
        guard total > 0, total / mean < 400 else { return nil }
        let ms = Int64(Int128(total) * 86_400_000 / Int128(mean))
        return zone.day(atS: (balanceAsOfMs + ms) / 1000)
    }

    var lastsUntil: LastsUntil {
        switch outlook.answer {
        case .empty: return .empty
        case .notFalling: return .notFalling
        case .beyond: return .beyond
        case .unknown(.chargesTooOld): return .tooOld(lastMs: balanceAsOfMs)
        case .unknown: return balance.balancePaise <= 0 ? .empty : .tooEarly(firstOn: firstOutlookOn)
        case .until(let atMs, let earliestMs, let latestMs):
            let farMs = zone.startS(of: today.advanced(by: Outlook.daysAheadMax)) * 1000
            return .until(
                atMs: max(nowMs, atMs), fromMs: max(nowMs, earliestMs), toMs: max(nowMs, latestMs ?? farMs))
        }
    }

    /// From the start of today over now down to zero, as likely, as fast and as slow as the last days were.
    var forecast: BalanceForecast? {
        guard case .until(let atMs, let fromMs, let toMs) = lastsUntil else { return nil }
        let startMs = zone.startS(of: today) * 1000
        let now = BalanceForecast.Point(atMs: nowMs, balancePaise: balance.balancePaise)
        var past: [BalanceForecast.Point] = []
        for item in statement.items.reversed() where item.postedMs >= startMs && item.postedMs <= nowMs {
            let before = item.balancePaise - item.amountPaise
            if past.isEmpty { past.append(.init(atMs: startMs, balancePaise: before)) }
            past.append(.init(atMs: item.postedMs, balancePaise: before))
            past.append(.init(atMs: item.postedMs, balancePaise: item.balancePaise))
        }
        if past.isEmpty { past.append(.init(atMs: startMs, balancePaise: balance.balancePaise)) }
        past.append(now)
        let zero = { (ms: Int64) in [now, BalanceForecast.Point(atMs: ms, balancePaise: 0)] }
        return BalanceForecast(
            past: past, median: zero(atMs), low: zero(fromMs), high: zero(toMs), warningPaise: rules.warnBelowPaise,
            heldMs: heldRanges(fromMs: startMs, days: 31))
    }
}

extension AccountView {
    init(_ report: AccountReport, language: Language, messages: Messages) {
        let weekdays = messages.list("weekdays.long")
        let account = report.account
        let isOpen = report.relay?.actual.map { $0 != "closed" }
        let offSinceMs = report.supply.flatMap { $0.wanted == .open ? $0.sinceMs : nil } ?? report.relay?.actualAtMs
        let isLow = report.balance.balancePaise < report.rules.warnBelowPaise
        self.init(
            id: account.accountID, code: account.accountNumber, name: account.name,
            packName: report.packs.map(\.name).joined(separator: ", "), sanctionedW: account.sanctionedW,
            meters: report.meters,
            supply: isOpen.map { $0 ? .off(sinceMs: offSinceMs ?? report.nowMs) : .on } ?? .unknown,
            notCutBeforeMs: isLow && isOpen != true ? report.nextCutMs.flatMap { $0 > report.nowMs ? $0 : nil } : nil,
            balancePaise: report.balance.balancePaise, balanceAsOfMs: report.balanceAsOfMs,
            usualPaisePerDay: report.outlook.meanPaise, lastsUntil: report.lastsUntil, forecast: report.forecast,
            monthPaise: report.monthPaise, monthWh: report.monthWh,
            recentDays: report.recent.map {
                DayUse(day: $0.day, energyWh: $0.energyWh, paise: $0.totalPaise, isUnfinished: false)
            }, statement: report.statement.items.map { StatementLine($0) }, hasOlderLines: report.statement.next != nil,
            decisions: Self.decisions(report, weekdays),
            messages: report.messages.map { message in
                Message(
                    atMs: message.businessAtMs, channel: "Busbar",
                    words: MessageWords.text(
                        template: message.template.rawValue, amountPaise: message.amountPaise, messages),
                    language: language, state: .delivered)
            }, recharge: nil)
        arrearsPaise = report.arrears?.outstandingPaise ?? 0
        instalmentPaise = report.arrears?.plan.flatMap { $0.state == .active ? $0.dailyPaise : nil }
        isConverting = report.conversion?.isOpen == true
        restsOnForecast = report.outlook.usesForecast
        month = report.today.month
    }

    /// Each reason from the decision that found it first to the one that found it gone; newest first.
    private static func decisions(_ report: AccountReport, _ weekdays: [String]) -> [Decision] {
        var open: [(code: String, decision: Decision)] = []
        var ended: [Decision] = []
        for found in report.decisions.reversed() {
            let codes = found.reasons.map(\.code.rawValue)
            for (code, decision) in open where !codes.contains(code) {
                var over = decision
                (over.effect, over.toMs) = (.ended, found.atMs)
                ended.append(over)
            }
            open.removeAll { !codes.contains($0.code) }
            for reason in found.reasons where !open.contains(where: { $0.code == reason.code.rawValue }) {
                // A good balance is worth a line only when it brings supply back.
                guard reason.code != .balanceGood || found.was == .open else { continue }
                let effect: Decision.Effect =
                    reason.code.speaksForCut ? .speaksForCut : reason.code.holdsCut ? .holds : .restores
                let words = SupplyReason(code: reason.code.rawValue, detail: reason.detail, weekdays: weekdays)
                open.append(
                    (reason.code.rawValue, Decision(reason: words, effect: effect, fromMs: found.atMs, toMs: nil)))
            }
        }
        return (open.map(\.decision) + ended).sorted { $0.fromMs > $1.fromMs }
    }
}

extension StatementLine {
    init(_ item: StatementItem) {
        let what: What =
            switch item.what {
            case .day(let day, let estimated, let slots): .day(day, estimatedSlots: estimated, slots: slots)
            case .reversal(let entry, let day): .reversal(of: entry, day: day)
            case .repost(let day, let entry): .repost(day, corrects: entry)
            case .recharge(let method, let reference): .recharge(channel: method, reference: reference)
            case .opening: .opening
            case .adjustment(let reason): .adjustment(reason: reason)
            case .instalment(let day): .instalment(day)
            case .settlement: .settlement
            case .conversion: .conversion
            }
        let against = item.against.map { side -> Against in
            switch side {
            case .energy: .energy
            case .addOn: .addOn
            case .fixed: .fixed
            case .duty: .duty
            case .credits: .credits
            case .bank: .bank
            case .opening: .opening
            case .adjustments: .adjustments
            case .arrears: .arrears
            }
        }
        self.init(
            entry: item.entry, postedMs: item.postedMs, what: what, against: against, amountPaise: item.amountPaise,
            balancePaise: item.balancePaise, reversedBy: item.reversedBy)
    }
}

extension DayView {
    /// - Parameter names: of packs, by their ids.
    init(_ report: DayReport, names: [String: String] = [:]) {
        let explanation = report.explanation
        let (charge, block) = (explanation.charge, explanation.block.block)
        let levels = SlotPrice.levels(explanation.slots)
        let addOns = Set(explanation.slots.filter(\.isAddOn).map { names[$0.packID] ?? $0.packID }).sorted().joined(
            separator: ", ")
        let minute = { (slot: Int) in
            explanation.slotStartMinutes.indices.contains(slot) ? explanation.slotStartMinutes[slot] : 1440
        }
        /// Where clocks go back a run may end before it began on the wall; it is shown from its start.
        let minutes = { (line: SlotPrice) in minute(line.fromSlot)..<max(minute(line.fromSlot), minute(line.toSlot)) }
        self.init(
            account: report.account.accountID, code: report.account.accountNumber, name: report.account.name,
            load: MeterDay(
                day: report.day, slotCount: block.slotCount, valuesWh: block.values, qualities: block.qualities),
            day: report.day, periodS: report.periodS,
            bands: explanation.slots.map {
                PriceBand(
                    minutes: minutes($0), level: levels[$0.rank] ?? 2,
                    name: $0.isAddOn ? names[$0.packID] ?? $0.packID : $0.band)
            }, energyWh: charge.energyWh, totalPaise: charge.totalPaise, balanceBeforePaise: report.balanceBeforePaise,
            components: report.components.map { Component($0, addOns: addOns) },
            lines: explanation.slots.compactMap { line in
                guard let price = line.milliPerKWh, let micro = line.microMinor else { return nil }
                return Line(
                    minutes: minutes(line), energyWh: line.energyWh, milliPaisePerKWh: price, microPaise: micro,
                    pack: names[line.packID] ?? line.packID, packVersion: line.packVersion,
                    readingVersion: Int(explanation.block.version),
                    quality: block.qualities[line.fromSlot..<line.toSlot].min() ?? .missing)
            }, inputHash: report.inputHash,
            proof: explanation.explained == nil ? .notChecked : explanation.agrees ? .agrees : .differs,
            revisions: report.revisions.compactMap { Revision($0) }, isProvisional: false,
            hasPreviousDay: report.hasPreviousDay, hasNextDay: report.hasNextDay)
    }
}

extension DayView.Component {
    init(_ part: DayReport.Component, addOns: String) {
        let kind: Kind =
            switch part.kind {
            case .energy(let band, let price?, let level): .energy(block: band, milliPaisePerKWh: price, level: level)
            case .energy(let band, nil, _): band.isEmpty ? .sum(.energy) : .other(name: band)
            case .addOn: addOns.isEmpty ? .sum(.addOn) : .addOn(name: addOns)
            case .fixed: part.label.isEmpty ? .sum(.fixed) : part.id == "fixed" ? .fixed : .other(name: part.label)
            case .duty(let ppm?) where part.id == "duty": .duty(ppm: Int(ppm))
            case .duty: part.label.isEmpty ? .sum(.duty) : .other(name: part.label)
            case .other: part.label.isEmpty ? .sum(.credits) : .other(name: part.label)
            }
        self.init(kind: kind, energyWh: part.energyWh, paise: part.paise)
    }
}

extension DayView.Revision {
    /// Nil for a revision that moved no money: there is nothing in the book to look at.
    init?(_ revision: DayReport.Revision) {
        guard let entry = revision.entry else { return nil }
        let why: Why =
            switch revision.why {
            case .first: .first
            case .betterReading: .betterReading
            case .tariffChanged: .tariffChanged
            case .earlierDay: .earlierDay
            }
        self.init(
            number: Int(revision.number), postedMs: revision.ratedAtMs, totalPaise: revision.totalPaise, entry: entry,
            why: why, reversedBy: revision.reversedBy)
    }
}
