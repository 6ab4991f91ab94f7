// The rules of subscriptions: who may have which pack from when, what ends because of it, and what follows. Pure: a
// history and a request give a history. It knows no store; it prices no energy.
import CivilTime
import Quantities

extension PackHistory {
    /// The history after a request of a day. Whatever was due until that day is done first, so the answer does not
    /// depend on whether a sweep had run. The same request again changes nothing.
    public func after(
        _ request: PackRequest, on day: CivilDay, by book: PackBook
    ) throws(PackRefusal) -> PackOutcome {
        if wasHandled(request, on: day) { return PackOutcome(history: self, isRepeat: true) }
        if let last = lastDecisionDay, day < last, request != .sweep {
            throw PackRefusal(
                .outOfOrder, "The request of \(day) comes after something was decided on \(last).",
                hint: "Ask as of \(last) or later.")
        }
        var work = PackWork(history: self, book: book, day: day)
        work.sweep()
        switch request {
        case .apply(let pack, let from): try work.apply(pack, wantedFrom: from)
        case .approve(let pack): try work.approve(pack)
        case .reject(let pack): try work.reject(pack)
        case .unsubscribe(let pack): try work.unsubscribe(pack)
        case .renew(let pack): try work.renew(pack)
        case .portOut(let lastDay): try work.portOut(lastDay)
        case .sweep: break
        case .closeMonth(let close):
            if try work.closeMonth(close) { return PackOutcome(history: self, isRepeat: true) }
        }
        return PackOutcome(history: work.history, facts: work.facts)
    }

    /// One decision of a kind for a pack and a day: asked twice it is a repeat.
    private func wasHandled(_ request: PackRequest, on day: CivilDay) -> Bool {
        func ended(_ pack: String, _ state: HeldPack.State) -> Bool {
            rows.contains { $0.pack == pack && $0.state == state && $0.endedOn == day }
        }
        switch request {
        case .apply(let pack, _):
            return rows.contains { $0.pack == pack && $0.appliedOn == day }
        case .approve(let pack):
            return rows.contains { $0.pack == pack && $0.approvedOn == day }
        case .reject(let pack):
            return ended(pack, .rejected)
        case .unsubscribe(let pack):
            return ended(pack, .unsubscribed) && rows.first { $0.pack == pack }?.kind == .addOn
        case .renew(let pack):
            return rows.contains { $0.pack == pack && $0.renewedOn.contains(day) }
        case .portOut(let lastDay):
            let bases = rows.filter { $0.kind == .base }
            return !bases.contains { $0.state == .active }
                && bases.contains { $0.endedOn == day && $0.to == lastDay && $0.state == .unsubscribed }
        case .sweep:
            return sweptTo.map { day <= $0 } ?? false
        case .closeMonth:
            return false
        }
    }
}

/// A history while a request changes it.
struct PackWork {
    var history: PackHistory
    let book: PackBook
    let day: CivilDay
    var facts: [PackFact] = []

    init(history: PackHistory, book: PackBook, day: CivilDay) {
        self.history = history
        self.book = book
        self.day = day
    }

    /// Lets a fact follow, once.
    mutating func tell(
        _ kind: PackFact.Kind, _ key: String, on due: CivilDay, _ pack: String? = nil, loadW: Int64? = nil,
        amountPaise: Int64? = nil, wallet: String? = nil
    ) {
        guard history.told[key] == nil else { return }
        history.told[key] = amountPaise ?? 0
        facts.append(
            PackFact(
                kind: kind, key: key, day: due, pack: pack, loadW: loadW, amountPaise: amountPaise, wallet: wallet))
    }

    // MARK: Asking

    mutating func apply(_ pack: String, wantedFrom: CivilDay?) throws(PackRefusal) {
        let terms = try offered(pack)
        guard !history.rows.contains(where: { $0.pack == pack && ($0.state == .active || $0.state == .draft) }) else {
            throw PackRefusal(
                .alreadySubscribed, "\(history.consumer) has \(pack) already, or has applied for it.",
                hint: "Choose another pack, or wait until it ends.")
        }
        guard history.rows.count < PackHistory.maximumRows else {
            throw PackRefusal(
                .tooMany, "\(history.consumer) has \(history.rows.count) subscriptions.",
                hint: "At most \(PackHistory.maximumRows) are kept.")
        }
        let earliest = day.advanced(by: terms.leadDays)
        if let wantedFrom, wantedFrom < earliest {
            throw PackRefusal(
                .tooSoon, "\(pack) cannot begin on \(wantedFrom).",
                hint: "\(earliest) is the first day possible: \(terms.leadDays) after the approval.")
        }
        let from = wantedFrom ?? earliest
        let bases = history.rows.filter { $0.kind == .base && ($0.state == .active || $0.bills(on: from)) }
        if terms.kind == .addOn, bases.isEmpty {
            throw PackRefusal(
                .noBase, "\(history.consumer) has no base pack that \(pack) could be added to.",
                hint: "Apply for a base pack first.")
        }
        var row = HeldPack(
            number: history.rows.count + 1, pack: pack, kind: terms.kind, res: terms.res, appliedOn: day)
        row.wantedFrom = wantedFrom
        if terms.kind == .base { rejectDrafts() }
        history.rows.append(row)
        if terms.kind == .addOn || bases.allSatisfy({ $0.res == terms.res }) {
            start(history.rows.count - 1, terms)
        } else {
            tell(.awaitsApproval, "awaits-approval:\(history.name(row))", on: day, pack)
        }
    }

    mutating func approve(_ pack: String) throws(PackRefusal) {
        let index = try draft(pack)
        start(index, try offered(pack))
    }

    mutating func reject(_ pack: String) throws(PackRefusal) {
        reject(try draft(pack))
    }

    mutating func unsubscribe(_ pack: String) throws(PackRefusal) {
        let index = try active(pack)
        guard history.rows[index].kind == .addOn else {
            throw PackRefusal(
                .baseNotUnsubscribable, "\(pack) is the base pack; without one nothing could be priced.",
                hint: "Apply for another base pack, which replaces it, or port out.")
        }
        let leadDays = book.terms(pack, on: day)?.leadDays ?? 1
        end(index, after: day.advanced(by: leadDays))
    }

    mutating func renew(_ pack: String) throws(PackRefusal) {
        let index = try active(pack)
        guard let to = history.rows[index].to, let next = history.rows[index].termEnd(notBefore: to.advanced(by: 1))
        else {
            throw PackRefusal(
                .nothingToRenew, "\(pack) is open: it has no end.", hint: "There is nothing to do.")
        }
        history.rows[index].to = next
        history.rows[index].agreedTo = next
        history.rows[index].renewedOn.append(day)
        tell(.renewed, "renewed:\(history.name(history.rows[index])):\(next)", on: to.advanced(by: 1), pack)
    }

    mutating func portOut(_ lastDay: CivilDay) throws(PackRefusal) {
        guard history.rows.contains(where: { $0.kind == .base && $0.state == .active }) else {
            throw PackRefusal(
                .noBase, "\(history.consumer) has no base pack to leave.", hint: "There is nothing to do.")
        }
        guard lastDay >= day else {
            throw PackRefusal(
                .tooSoon, "The last day \(lastDay) is before \(day).", hint: "\(day) is the first day possible.")
        }
        rejectDrafts()
        for index in running(after: lastDay) { end(index, after: lastDay) }
    }

    // MARK: Beginning and ending

    /// Approves it: it begins X days later, and what it replaces ends the day before.
    private mutating func start(_ index: Int, _ terms: PackTerms) {
        let earliest = day.advanced(by: terms.leadDays)
        let from = max(earliest, history.rows[index].wantedFrom ?? earliest)
        var row = history.rows[index]
        row.approvedOn = day
        row.from = from
        row.to = terms.months.map { lastDay(ofMonths: $0, from: from) }
        row.agreedTo = row.to
        row.termMonths = terms.months
        row.renewsItself = terms.kind == .base || terms.renewsItself
        row.state = .active
        if terms.kind == .base { replaceBase(from: from, terms) }
        history.rows[index] = row
        tell(.subscribed, "subscribed:\(history.name(row))", on: from, row.pack)
        guard terms.kind == .base else { return }
        let before = history.rows.first { $0.kind == .base && $0.bills(on: from.advanced(by: -1)) }
        let limitW = before.flatMap { book.terms($0.pack, on: from.advanced(by: -1))?.loadLimitW }
        if terms.loadLimitW != limitW {
            tell(.loadLimit, "load-limit:\(history.name(row))", on: from, row.pack, loadW: terms.loadLimitW)
        }
    }

    /// Every base that would bill on the new one's first day or later ends before it; add-ons of sellers that are left
    /// end with it.
    private mutating func replaceBase(from: CivilDay, _ terms: PackTerms) {
        let last = from.advanced(by: -1)
        let left = running(after: last)
        let sellers = Set(left.map { history.rows[$0] }.filter { $0.kind == .base }.map(\.res)).subtracting([terms.res])
        for index in left where history.rows[index].kind == .base || sellers.contains(history.rows[index].res) {
            end(index, after: last)
        }
    }

    /// Approved rows that bill later than a day.
    private func running(after day: CivilDay) -> [Int] {
        history.rows.indices.filter { index in
            let row = history.rows[index]
            return row.state != .draft && row.state != .rejected && row.end.map { $0 > day } ?? true
        }
    }

    /// Lets it bill no longer than a day; it never prolongs.
    private mutating func end(_ index: Int, after last: CivilDay) {
        var row = history.rows[index]
        row.to = min(row.end ?? last, last)
        if row.state == .active {
            row.state = .unsubscribed
            row.endedOn = day
        }
        history.rows[index] = row
        let name = history.name(row)
        guard let to = row.to, let from = row.from, to >= from else {
            tell(.ends, "ends:\(name):never-began", on: last, row.pack)
            if history.told["load-limit:\(name)"] != nil {
                tell(.withdrawn, "withdrawn:load-limit:\(name)", on: day, row.pack)
            }
            return
        }
        tell(.ends, "ends:\(name):\(to)", on: to, row.pack)
        if let amountPaise = penaltyPaise(row), amountPaise > 0 {
            tell(.penaltyNotice, "penalty-notice:\(name):\(to)", on: to, row.pack, amountPaise: amountPaise)
        }
    }

    private mutating func rejectDrafts() {
        for index in history.rows.indices where history.rows[index].state == .draft { reject(index) }
    }

    private mutating func reject(_ index: Int) {
        history.rows[index].state = .rejected
        history.rows[index].endedOn = day
        let row = history.rows[index]
        tell(.rejected, "rejected:\(history.name(row))", on: day, row.pack)
    }

    // MARK: Finding

    private func offered(_ pack: String) throws(PackRefusal) -> PackTerms {
        guard let any = book.anyTerms(pack) else {
            let near = Resemblance.nearest(to: pack, among: book.packs).map { "Did you mean \($0)?" }
            throw PackRefusal(
                .unknownPack, "There is no pack \(pack).", hint: near ?? "Choose one that is offered.")
        }
        guard book.served[any.res]?.contains(history.nma) == true else {
            throw PackRefusal(
                .nmaNotServed, "\(any.res) does not serve \(history.nma).",
                hint: "Choose a pack of a seller that does.")
        }
        guard let terms = book.terms(pack, on: day) else {
            throw PackRefusal(
                .notOffered, "\(pack) is not offered on \(day).",
                hint: "Ask again on its first day, or choose another.")
        }
        return terms
    }

    private func draft(_ pack: String) throws(PackRefusal) -> Int {
        guard let index = history.rows.firstIndex(where: { $0.pack == pack && $0.state == .draft }) else {
            throw PackRefusal(
                .noDraft, "No application of \(history.consumer) for \(pack) waits for approval.",
                hint: "It may be decided already, or replaced by a later one.")
        }
        return index
    }

    private func active(_ pack: String) throws(PackRefusal) -> Int {
        guard let index = history.rows.firstIndex(where: { $0.pack == pack && $0.state == .active }) else {
            throw PackRefusal(
                .notSubscribed, "\(history.consumer) does not hold \(pack).",
                hint: "Name a pack whose subscription is ACTIVE.")
        }
        return index
    }
}
