// ApprovalsView: what waits for a second person, what the own requests came to, and what was decided: what changes,
// who asked, why; with the buttons of who may decide.
import Access

public struct ApprovalsView: Page {
    public struct Item: Sendable {
        public var request: ChangeRequest
        /// The account, meter or login by its own name.
        public var subject: (name: String, href: String)?
        public var mayCheck: Bool
        public var mayWithdraw: Bool
        public init(
            request: ChangeRequest, subject: (name: String, href: String)?, mayCheck: Bool, mayWithdraw: Bool
        ) {
            (self.request, self.subject) = (request, subject)
            (self.mayCheck, self.mayWithdraw) = (mayCheck, mayWithdraw)
        }
    }

    public static let template = "approvals"
    public var items: [Item]
    public var filter: ChangeRequest.Filter
    public var nextBefore: Int64?
    public var isFirstPage: Bool
    /// Why the last click did nothing, and of which request.
    public var refusal: Refusal?
    public var refusedID: Int64?

    public init(
        items: [Item], filter: ChangeRequest.Filter, nextBefore: Int64?, isFirstPage: Bool, refusal: Refusal? = nil,
        refusedID: Int64? = nil
    ) {
        (self.items, self.filter, self.nextBefore) = (items, filter, nextBefore)
        (self.isFirstPage, self.refusal, self.refusedID) = (isFirstPage, refusal, refusedID)
    }
}

extension ApprovalsView: PageContent {
    func title(_ w: Wording) -> Markup {
        refusal == nil ? w.say("approvals.title") : w.say("title.error", ["title": w.say("approvals.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", lede(w))
        row.set("tabs", ChangeRequest.Filter.allCases.map { tab($0, w) })
        row.set("errors", w.errors(refusal, otherwise: errorPlace))
        row.set("items", items.map { values($0, w) })
        row.set("hasItems", !items.isEmpty)
        row.set("empty", empty(w))
        row.set("firstHref", isFirstPage ? nil : Paths.approvals(filter.rawValue, before: nil))
        row.set("nextHref", nextBefore.map { Paths.approvals(filter.rawValue, before: $0) })
        row.set("hasPaging", !isFirstPage || nextBefore != nil)
        return row
    }

    private func lede(_ w: Wording) -> Markup {
        let waiting = items.count { $0.mayCheck }
        return switch filter {
        case .waiting: waiting == 0 ? w.say("approvals.ledeNone") : w.count("approvals.lede", waiting)
        case .mine: w.say("approvals.ledeMine")
        case .decided: w.say("approvals.ledeDecided")
        }
    }

    private func empty(_ w: Wording) -> Markup {
        switch filter {
        case .waiting: w.say("approvals.noneWaiting")
        case .mine: w.say("approvals.noneMine")
        case .decided: w.say("approvals.noneDecided")
        }
    }

    /// The request the refusal is about, where it is on the page.
    private var errorPlace: String {
        refusedID.flatMap { id in items.contains { $0.request.requestID == id } ? "request-\(id)" : nil } ?? "requests"
    }

    private func tab(_ filter: ChangeRequest.Filter, _ w: Wording) -> Fields {
        let name =
            switch filter {
            case .waiting: w.say("approvals.waiting")
            case .mine: w.say("approvals.mine")
            case .decided: w.say("approvals.decided")
            }
        var tab = Fields(["href": "\(Paths.approvals(filter.rawValue, before: nil))", "name": name])
        tab.set("current", filter == self.filter)
        return tab
    }

    private func values(_ item: Item, _ w: Wording) -> Fields {
        let request = item.request
        func person(_ name: String?, _ atMs: Int64?) -> Markup {
            let who = name.map { "\($0)" as Markup } ?? w.say("audit.machine")
            return atMs.map { who + ", " + w.timeTag($0, w.moment($0)) } ?? who
        }
        let number = "\(request.requestID)"
        var row = Fields([
            "id": "\(number)", "what": request.title(w), "chip": request.state.chip(w),
            "by": person(request.madeByName, request.madeAtMs), "command": "\(request.command)",
            "confirmLabel": w.say("approvals.confirmOne", ["what": request.title(w), "id": "\(number)"]),
        ])
        row.set("subject", item.subject.map { w.link($0.href, "\($0.name)") })
        row.set("why", request.why.isEmpty ? nil : "\(request.why)" as Markup)
        row.set("changes", request.changes.map { $0.values(w) })
        row.set("hasChanges", !request.changes.isEmpty)
        row.set("content", request.changes.isEmpty ? "\(request.content)" as Markup : nil)
        let isOpen = request.state == .pending
        row.set("until", isOpen ? w.timeTag(request.lapsesAtMs, w.moment(request.lapsesAtMs)) : nil)
        row.set(
            "decided", request.checkedAtMs == nil ? nil : person(request.checkedByName, request.checkedAtMs))
        row.set("note", request.note.isEmpty ? nil : w.said(request.note))
        row.set("confirmAction", item.mayCheck ? Paths.approval(request.requestID, do: "confirm") : nil)
        row.set("rejectAction", item.mayCheck ? Paths.approval(request.requestID, do: "reject") : nil)
        row.set("withdrawAction", item.mayWithdraw ? Paths.approval(request.requestID, do: "withdraw") : nil)
        return row
    }
}

extension ChangeRequest {
    /// The command in words; its name where there are none.
    fileprivate func title(_ w: Wording) -> Markup {
        switch command {
        case "payments.adjust": w.say("approvals.adjust")
        case "packs.store-calendar": w.say("approvals.storeCalendar")
        case "access.set-setting": w.say("approvals.setSetting")
        case "arrears.write-off": w.say("approvals.writeOff")
        case "packs.decide-draft": w.say("approvals.publishPack")
        case "supply.release": w.say("approvals.releaseCuts")
        default: "\(command)"
        }
    }
}

extension ChangeRequest.Change {
    /// A line of what changes; money as money.
    fileprivate func values(_ w: Wording) -> Fields {
        func shown(_ text: String?) -> Markup {
            guard let text else { return "–" }
            guard field.hasSuffix("_paise"), let paise = Int64(text) else { return "\(text)" }
            return "\(w.money(paise))"
        }
        var line = Fields(["field": "\(field)", "old": shown(old), "new": shown(new)])
        line.set("label", approvalLabel(w))
        return line
    }

    private func approvalLabel(_ w: Wording) -> Markup? {
        switch field {
        case "balance_paise": w.say("approvals.balance")
        case "arrears_paise": w.say("account.arrears")
        default: settingLabel(field, w)
        }
    }
}

extension ChangeRequest.State {
    fileprivate func chip(_ w: Wording) -> Markup {
        switch self {
        case .pending: w.chip(.warn, w.say("approvals.pending"))
        case .confirmed: w.chip(.ok, w.say("approvals.confirmed"))
        case .rejected: w.chip(.bad, w.say("approvals.rejected"))
        case .withdrawn: w.chip(.idle, w.say("approvals.withdrawn"))
        case .lapsed: w.chip(.idle, w.say("approvals.lapsed"))
        case .failed: w.chip(.bad, w.say("approvals.failed"))
        }
    }
}
