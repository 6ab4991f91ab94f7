// What time alone brings about: reminders, terms that begin anew, what has expired, penalties that fell due. Billing
// never waits for it (HeldPack.bills).
import CivilTime
import Quantities

extension PackWork {
    /// Brings the history up to the day. An earlier day than the last changes nothing.
    mutating func sweep() {
        if let swept = history.sweptTo, day <= swept { return }
        history.sweptTo = day
        for index in history.rows.indices where history.rows[index].state == .active {
            guard let to = history.rows[index].to else { continue }
            remind(history.rows[index], of: to)
            if history.rows[index].renewsItself {
                renewByItself(index)
            } else if to < day {
                history.rows[index].state = .expired
                history.rows[index].endedOn = day
                let row = history.rows[index]
                tell(.expired, "expired:\(history.name(row))", on: to, row.pack)
            }
        }
        for row in history.rows where row.kind == .base && row.state == .unsubscribed { settlePenalty(row) }
    }

    /// Says the nearest of the reminders that are due; a sweep that comes late does not say the earlier ones after it.
    private mutating func remind(_ row: HeldPack, of to: CivilDay) {
        let reminders = book.terms(row.pack, on: day)?.reminderDays ?? []
        guard day <= to, let nearest = reminders.filter({ to.advanced(by: -$0) <= day }).min() else { return }
        tell(.reminder, "reminder:\(history.name(row)):\(to):\(nearest)", on: to, row.pack)
    }

    /// On the day before its end at the latest, and as often as the day demands.
    private mutating func renewByItself(_ index: Int) {
        while let to = history.rows[index].to, day >= to.advanced(by: -1),
            let next = history.rows[index].termEnd(notBefore: to.advanced(by: 1))
        {
            history.rows[index].to = next
            let row = history.rows[index]
            tell(.renewed, "renewed:\(history.name(row)):\(next)", on: to.advanced(by: 1), row.pack)
        }
    }

    /// It falls due when the last day is over, not before: until then the switch may be moved.
    private mutating func settlePenalty(_ row: HeldPack) {
        let key = "penalty:\(history.name(row))"
        guard let to = row.to, to < day, history.told[key] == nil, let amountPaise = penaltyPaise(row) else { return }
        if amountPaise > 0 {
            tell(.penalty, key, on: to.advanced(by: 1), row.pack, amountPaise: amountPaise)
        } else {
            history.told[key] = 0
        }
    }

    /// Percentage × fixed charge × remaining days / 30, for at most so many months; 0 when it ends with a term. Nil for
    /// what has no contract or never began.
    func penaltyPaise(_ row: HeldPack) -> Int64? {
        guard row.kind == .base, let from = row.from, let to = row.to, from <= to,
            let contractEnd = row.termEnd(notBefore: max(to, row.agreedTo ?? to)),
            let terms = book.terms(row.pack, on: to)
        else { return nil }
        let days = min(to.days(to: contractEnd), terms.breakMonths * 30)
        return roundedHalfAway(
            Int128(terms.breakPPM) * Int128(terms.fixedPaisePerMonth) * Int128(days), dividedBy: 30 * 1_000_000)
    }
}
