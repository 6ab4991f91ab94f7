// From facts and rules to a verdict with its reasons. Pure: the same facts and rules give the same verdict, years later
// as well; so a stored record can be judged again.
import CivilTime
import Meters

extension SupplyRules {
    /// Decides.
    public func decide(_ facts: SupplyFacts) -> SupplyVerdict {
        if let order = facts.order { return ordered(order, facts) }
        return facts.wanted == .open ? restore(facts) : cut(facts)
    }

    /// An order stands above balance and hours; a hold of the whole company stops also a cut that was ordered.
    private func ordered(_ order: String, _ facts: SupplyFacts) -> SupplyVerdict {
        let reasons = [SupplyReason(.ordered, order)]
        guard facts.wanted == .closed, let hold = facts.hold else {
            return SupplyVerdict(wanted: .open, reasons: reasons)
        }
        return SupplyVerdict(wanted: .closed, reasons: reasons + [hold.asReason], notBeforeMs: hold.untilMs)
    }

    private func restore(_ facts: SupplyFacts) -> SupplyVerdict {
        let isEnough =
            restoreMustExceed ? facts.balancePaise > restoreFromPaise : facts.balancePaise >= restoreFromPaise
        if isEnough { return SupplyVerdict(wanted: .closed, reasons: [SupplyReason(.balanceGood)]) }
        if emergencyByConsumer, let credit = emergency(facts) {
            return SupplyVerdict(
                wanted: .closed, reasons: [SupplyReason(.balanceBelowThreshold, "\(cutBelowPaise)"), credit.reason],
                notBeforeMs: credit.untilMs)
        }
        return SupplyVerdict(wanted: .open, reasons: [SupplyReason(.notYetRestored, "\(restoreFromPaise)")])
    }

    private func cut(_ facts: SupplyFacts) -> SupplyVerdict {
        let thresholds = thresholds(lastRechargePaise: facts.lastRechargePaise)
        let crossed = thresholds.filter { facts.balancePaise < $0.paise }
        let sent = Set(facts.notices.map(\.threshold))
        let due = facts.warnedAtMs == nil ? crossed.map(\.name).filter { !sent.contains($0) } : []
        guard facts.balancePaise < cutBelowPaise else {
            return SupplyVerdict(wanted: .closed, reasons: [SupplyReason(.balanceGood)], notices: due)
        }
        let holds = holds(facts, noticeOf: crossed.last?.name ?? "")
        let reasons = [SupplyReason(.balanceBelowThreshold, "\(cutBelowPaise)")] + holds.map(\.reason)
        return SupplyVerdict(
            wanted: holds.isEmpty ? .open : .closed, reasons: reasons, notices: due,
            notBeforeMs: earliest(holds, facts))
    }

    /// Something that holds a cut back. `untilMs` nil: nobody can say until when.
    struct Hold {
        var reason: SupplyReason
        var untilMs: Int64?
    }

    private func holds(_ facts: SupplyFacts, noticeOf threshold: String) -> [Hold] {
        var holds: [Hold] = []
        if let hold = facts.hold { holds.append(Hold(reason: hold.asReason, untilMs: hold.untilMs)) }
        if let reason = hold(day: facts.day, minuteOfDay: facts.minuteOfDay, holidays: Set(facts.holidays)) {
            // Of the hours and days that come round the calendar knows the end.
            holds.append(Hold(reason: reason, untilMs: facts.nowMs))
        }
        if let watts = facts.sanctionedW, watts <= shieldUpToW {
            holds.append(Hold(reason: SupplyReason(.shieldedLoad, "\(shieldUpToW)")))
        }
        if facts.isConverting { holds.append(Hold(reason: SupplyReason(.conversionOpen))) }
        if let since = facts.convertedOn.flatMap({ CivilDay($0) }) {
            let end = since.advanced(by: graceDaysAfterConversion)
            if facts.day < end {
                holds.append(Hold(reason: SupplyReason(.afterConversion, end.description), untilMs: facts.startMs(end)))
            }
        }
        if let credit = emergency(facts) { holds.append(credit) }
        if let grace = correction(facts) { holds.append(grace) }
        // Without the charges that are still a guess the balance would do: nobody is cut on a guess.
        if facts.balancePaise + facts.estimatedChargesPaise >= cutBelowPaise {
            holds.append(Hold(reason: SupplyReason(.restsOnEstimate, "\(facts.estimatedChargesPaise)")))
        }
        if chargedWithinDays > 0, let day = facts.chargedThrough.flatMap({ CivilDay($0) }),
            day.days(to: facts.day) > chargedWithinDays
        {
            holds.append(Hold(reason: SupplyReason(.chargesLag, day.description)))
        }
        if let hold = notice(threshold, facts) { holds.append(hold) }
        // Last, and only where nothing else holds: who could be cut is counted.
        if holds.isEmpty, facts.turn != .now {
            holds.append(
                Hold(
                    reason: SupplyReason(facts.turn == .awaitsRun ? .awaitsRun : .runIsFull), untilMs: facts.nowMs))
        }
        return holds
    }

    /// The emergency credit while it lasts: so many days from the fall, or from when it was taken, and so much.
    private func emergency(_ facts: SupplyFacts) -> Hold? {
        guard emergencyPaise != nil || emergencyDays != nil else { return nil }
        // A fall that nobody has noted yet is one of now.
        guard let sinceMs = emergencyByConsumer ? facts.emergencyAtMs : facts.lowSinceMs ?? facts.nowMs else {
            return nil
        }
        if let emergencyPaise, facts.balancePaise < cutBelowPaise - emergencyPaise { return nil }
        guard let emergencyDays else {
            return Hold(reason: SupplyReason(.emergencyCredit, "\(emergencyPaise ?? 0)"))
        }
        let zone = Zone(facts.zone) ?? .india
        let end = zone.day(atS: sinceMs / 1000).advanced(by: emergencyDays)
        guard facts.day < end else { return nil }
        return Hold(reason: SupplyReason(.emergencyCredit, end.description), untilMs: facts.startMs(end))
    }

    /// Without what corrections have taken in the days of grace the balance would do. And a correction alone never
    /// cuts: use must have been charged since.
    private func correction(_ facts: SupplyFacts) -> Hold? {
        let graceMs = Int64(correctionGraceDays) * 86_400_000
        var fresh = facts.corrections.filter { facts.nowMs < $0.atMs + graceMs }.sorted { $0.atMs < $1.atMs }
        func debitPaise() -> Int64 { max(0, fresh.reduce(0) { $0 + $1.paise }) }
        if debitPaise() > 0, facts.balancePaise + debitPaise() >= cutBelowPaise {
            var untilMs = facts.nowMs
            while let first = fresh.first, debitPaise() > 0, facts.balancePaise + debitPaise() >= cutBelowPaise {
                untilMs = first.atMs + graceMs
                fresh.removeFirst()
            }
            return Hold(reason: SupplyReason(.correctionGrace, "\(untilMs)"), untilMs: untilMs)
        }
        if let paise = facts.uncoveredCorrectionPaise, facts.balancePaise + paise >= cutBelowPaise {
            return Hold(reason: SupplyReason(.correctionAlone, "\(paise)"))
        }
        return nil
    }

    /// The notice of the lowest threshold that was crossed must have reached the consumer, and some time must have
    /// passed since.
    private func notice(_ threshold: String, _ facts: SupplyFacts) -> Hold? {
        let fresh = SupplyReason(.warningTooFresh, "\(minutesAfterWarning)")
        var provenMs = facts.warnedAtMs
        if provenMs == nil {
            guard let sent = facts.notices.first(where: { $0.threshold == threshold }) else {
                // It goes out with this decision.
                return Hold(reason: fresh)
            }
            provenMs = sent.evidence.filter { noticeProof.contains("\($0.channel):\($0.state)") }.map(\.atMs).min()
        }
        guard let provenMs else {
            return Hold(reason: SupplyReason(.noticeNotProven, noticeProof.joined(separator: " ")))
        }
        let untilMs = provenMs + minutesAfterWarning * 60_000
        return facts.nowMs < untilMs ? Hold(reason: fresh, untilMs: untilMs) : nil
    }

    /// When the last of the holds ends and the hours allow it.
    private func earliest(_ holds: [Hold], _ facts: SupplyFacts) -> Int64? {
        var fromMs = facts.nowMs
        for hold in holds {
            // A notice that goes out now can be proven at once.
            let untilMs =
                hold.untilMs
                ?? (hold.reason.code == .warningTooFresh ? facts.nowMs + minutesAfterWarning * 60_000 : nil)
            guard let untilMs else { return nil }
            fromMs = max(fromMs, untilMs)
        }
        return nextCutMs(fromMs: fromMs, zone: Zone(facts.zone) ?? .india, holidays: Set(facts.holidays))
    }
}

extension StandingHold {
    var asReason: SupplyReason { SupplyReason(isAsking ? .tooManyAtOnce : .companyHold, reason) }
}

extension SupplyFacts {
    fileprivate func startMs(_ day: CivilDay) -> Int64 { (Zone(zone) ?? .india).startS(of: day) * 1000 }
}
