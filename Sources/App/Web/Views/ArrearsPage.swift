// ArrearsPage: what an account owes from before, debt by debt, how it is paid off, and for who may the forms for it.
// Never mixed with the balance: a recharge stays a recharge.
import CivilTime

import struct Access.Refusal

public struct ArrearsPage: Page {
    public struct Debt: Sendable {
        public var entry: String
        public var amountPaise: Int64
        public var remainingPaise: Int64
        public var since: CivilDay
        public var claimUntil: CivilDay?
        public var disconnectUntil: CivilDay?
        public var reason: String
        public init(
            entry: String, amountPaise: Int64, remainingPaise: Int64, since: CivilDay, claimUntil: CivilDay?,
            disconnectUntil: CivilDay?, reason: String
        ) {
            (self.entry, self.amountPaise, self.remainingPaise) = (entry, amountPaise, remainingPaise)
            (self.since, self.claimUntil, self.disconnectUntil) = (since, claimUntil, disconnectUntil)
            self.reason = reason
        }
    }

    public struct Plan: Sendable {
        public enum State: Sendable { case active, paused, done }
        public var dailyPaise: Int64
        public var nextDay: CivilDay
        public var state: State
        /// Why the last try failed.
        public var problem: String?
        public init(dailyPaise: Int64, nextDay: CivilDay, state: State, problem: String?) {
            (self.dailyPaise, self.nextDay, self.state, self.problem) = (dailyPaise, nextDay, state, problem)
        }
    }

    public static let template = "arrears"
    public var account: Int64
    public var code: String
    public var name: String
    public var outstandingPaise: Int64
    public var debts: [Debt]
    public var plan: Plan?
    /// At most this is taken on a day, whatever was agreed.
    public var capPaise: Int64
    public var isConverting: Bool
    /// Turned from postpaid to prepaid already; it happens once.
    public var isConverted = false
    public var manages: Bool
    public var writesOff: Bool
    public var idempotencyKey: String
    /// The form that was refused, as it was typed.
    public var refused: (act: Act, refusal: Refusal)?
    public var typed: [String: String]
    /// What the form that was sent would change; shown in its place until it is done or changed.
    public var look: Look?

    public init(
        account: Int64, code: String, name: String, outstandingPaise: Int64, debts: [Debt], plan: Plan?,
        capPaise: Int64, isConverting: Bool, manages: Bool, writesOff: Bool, idempotencyKey: String,
        refused: (act: Act, refusal: Refusal)? = nil, typed: [String: String] = [:]
    ) {
        (self.account, self.code, self.name) = (account, code, name)
        (self.outstandingPaise, self.debts, self.plan) = (outstandingPaise, debts, plan)
        (self.capPaise, self.isConverting) = (capPaise, isConverting)
        (self.manages, self.writesOff, self.idempotencyKey) = (manages, writesOff, idempotencyKey)
        (self.refused, self.typed) = (refused, typed)
    }
}

extension ArrearsPage: PageContent {
    func title(_ w: Wording) -> Markup {
        let title = w.say("arrears.title", ["code": "\(code)"])
        return refused == nil ? title : w.say("title.error", ["title": title])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("accountHref", Paths.account(account))
        row.set("code", code)
        row.set(
            "lede",
            outstandingPaise > 0
                ? w.say("arrears.lede", ["name": "\(name)", "money": "\(w.money(outstandingPaise))"])
                : w.say("arrears.nothing", ["name": "\(name)"]))
        row.set("converting", isConverting ? w.say("arrears.converting") : nil)
        row.set("debts", debts.map { debtRow($0, w) })
        row.set("hasDebts", !debts.isEmpty)
        row.set("plan", planWords(w))
        row.set("cap", w.say("arrears.cap", ["money": "\(w.money(capPaise))"]))
        row.set("planChip", plan.map { planChip($0, w) })
        row.set("problem", plan?.problem.map { w.say("arrears.problem", ["why": "\($0)"]) })
        row.set("action", Paths.arrears(account))
        row.set("key", idempotencyKey)
        row.set("look", look.map { lookRow($0, w) })
        row.set("forms", look == nil ? acts.map { $0.values(self, w) } : [])
        row.set("hasForms", look == nil && !acts.isEmpty)
        let field = refused.map { $0.act.field($0.refusal.at ?? "") } ?? ""
        row.set("errors", w.errors(refused?.refusal, otherwise: field) { _ in field })
        return row
    }

    private func debtRow(_ debt: Debt, _ w: Wording) -> Fields {
        Fields([
            "reason": "\(debt.reason)", "since": w.fullDay(debt.since), "amount": "\(w.money(debt.amountPaise))",
            "left": "\(w.money(debt.remainingPaise))", "entry": "\(debt.entry)",
            "claim": debt.claimUntil.map { w.fullDay($0) } ?? w.say("arrears.withoutEnd"),
            "cut": debt.disconnectUntil.map { w.fullDay($0) } ?? w.say("arrears.neverCut"),
        ])
    }

    private func planWords(_ w: Wording) -> Markup {
        guard let plan else { return w.say("arrears.noPlan") }
        let money: Markup = "\(w.money(plan.dailyPaise))"
        return switch plan.state {
        case .active: w.say("arrears.plan", ["money": money, "day": w.fullDay(plan.nextDay)])
        case .paused: w.say("arrears.planPaused", ["money": money])
        case .done: w.say("arrears.planDone")
        }
    }

    private func planChip(_ plan: Plan, _ w: Wording) -> Markup {
        if plan.problem != nil { return w.chip(.bad, w.say("arrears.state.problem")) }
        return switch plan.state {
        case .active: w.chip(.ok, w.say("arrears.state.active"))
        case .paused: w.chip(.warn, w.say("arrears.state.paused"))
        case .done: w.chip(.idle, w.say("arrears.state.done"))
        }
    }
}
