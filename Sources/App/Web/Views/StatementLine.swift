// StatementLine: one line of a wallet's statement, and how it is said. Nothing is ever changed: a correction is a
// reversal and a repost, each linked to what it corrects.
import CivilTime

/// A posting to the wallet as the consumer and the staff read it.
public struct StatementLine: Sendable {
    public enum What: Sendable, Equatable {
        /// The charge of a day; `estimatedSlots` of its `slots` were not read from the meter.
        case day(CivilDay, estimatedSlots: Int, slots: Int)
        /// Takes back the entry it names.
        case reversal(of: String, day: CivilDay)
        /// The same day charged again, from better readings.
        case repost(CivilDay, corrects: String)
        case recharge(channel: String, reference: String)
        case opening
        case adjustment(reason: String)
        /// The day's part of an old debt.
        case instalment(CivilDay)
        /// An old debt, settled out of the wallet; from postpaid to prepaid.
        case settlement, conversion
    }

    /// Accounts of the journal on the other side.
    public enum Against: Sendable, Equatable {
        case energy, fixed, duty, addOn, credits, bank, opening, adjustments, arrears, other(String)
    }

    /// `J-7G2K-40Q1`, unique in the statement.
    public var entry: String
    public var postedMs: Int64
    public var what: What
    public var against: [Against]
    /// Positive: to the wallet.
    public var amountPaise: Int64
    public var balancePaise: Int64
    /// A day that is not over.
    public var isProvisional: Bool
    /// The entry that took this one back, when there is one.
    public var reversedBy: String?

    public init(
        entry: String, postedMs: Int64, what: What, against: [Against], amountPaise: Int64, balancePaise: Int64,
        isProvisional: Bool = false, reversedBy: String? = nil
    ) {
        self.entry = entry
        self.postedMs = postedMs
        self.what = what
        self.against = against
        self.amountPaise = amountPaise
        self.balancePaise = balancePaise
        self.isProvisional = isProvisional
        self.reversedBy = reversedBy
    }

    /// Whether the running balances of these lines, newest first, agree with their amounts.
    public static func foots(_ lines: [StatementLine]) -> Bool {
        zip(lines, lines.dropFirst()).allSatisfy { newer, older in
            newer.balancePaise == older.balancePaise + newer.amountPaise
        }
    }
}

extension StatementLine {
    func row(_ w: Wording, account: Int64, onPage: Set<String>) -> Fields {
        let what: Markup =
            switch self.what {
            case .day(let day, _, _):
                w.link(Paths.day(account, day), w.say("entry.day", ["day": w.shortDay(day)]))
            case .reversal(let entry, let day):
                w.say(
                    "entry.reversal",
                    [
                        "entry": entryLink(entry, w, account: account, onPage: onPage),
                        "day": w.link(Paths.day(account, day), w.shortDay(day)),
                    ])
            case .repost(let day, let corrected):
                w.say(
                    "entry.repost",
                    [
                        "day": w.link(Paths.day(account, day), w.shortDay(day)),
                        "entry": entryLink(corrected, w, account: account, onPage: onPage),
                    ])
            case .recharge(let channel, let reference):
                w.say(
                    "entry.recharge",
                    ["channel": w.paidBy(channel), "reference": "<span class=\"id hash\">\(reference)</span>"])
            case .opening: w.say("entry.opening")
            case .adjustment(let reason): w.say("entry.adjustment", ["reason": w.said(reason)])
            case .instalment(let day): w.say("entry.instalment", ["day": w.shortDay(day)])
            case .settlement: w.say("entry.settlement")
            case .conversion: w.say("entry.conversion")
            }
        return Fields([
            "id": "\(Self.anchor(entry))", "posted": w.timeTag(postedMs, w.moment(postedMs)), "what": what,
            "chips": chips(w, account: account, onPage: onPage),
            "against": against.map { $0.words(w) }.joined(", "), "amount": "\(w.money(amountPaise, signed: true))",
            "balance": "\(w.money(balancePaise))", "entry": "\(entry)",
        ])
    }

    private func chips(_ w: Wording, account: Int64, onPage: Set<String>) -> Markup {
        var chips: [Markup] = []
        if case .day(_, let estimated, let slots) = what, estimated > 0 {
            chips.append(w.chip(.est, w.say("entry.estimated", ["n": "\(estimated)", "of": "\(slots)"])))
        }
        if isProvisional { chips.append(w.chip(.idle, w.say("entry.provisional"))) }
        if let reversedBy {
            let link = entryLink(reversedBy, w, account: account, onPage: onPage)
            chips.append(w.chip(.idle, w.say("entry.reversedBy", ["entry": link])))
        }
        switch what {
        case .reversal, .repost: chips.append(w.chip(.info, w.say("entry.correction")))
        case .recharge: chips.append(w.chip(.ok, w.say("entry.verified")))
        default: break
        }
        return chips.map { " " + $0 }.joined()
    }

    /// A link to the line when it stands on this page, else to the statement around it.
    private func entryLink(_ entry: String, _ w: Wording, account: Int64, onPage: Set<String>) -> Markup {
        let place = onPage.contains(entry) ? "" : Paths.statement(account)
        return w.link(place + "#" + Self.anchor(entry), "\(entry)", cls: "id")
    }

    static func anchor(_ entry: String) -> String { "e-" + Paths.encoded(entry) }
}

extension Wording {
    /// How money came; the word itself where it is none of the usual ones.
    func paidBy(_ method: String) -> Markup {
        switch method {
        case "portal": say("paid.portal")
        case "cash": say("paid.cash")
        case "gateway": say("paid.gateway")
        default: "\(method)"
        }
    }
}

extension StatementLine.Against {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .energy: w.say("against.energy")
        case .fixed: w.say("against.fixed")
        case .duty: w.say("against.duty")
        case .addOn: w.say("against.addOn")
        case .credits: w.say("against.credits")
        case .bank: w.say("against.bank")
        case .opening: w.say("against.opening")
        case .adjustments: w.say("against.adjustments")
        case .arrears: w.say("against.arrears")
        case .other(let name): "\(name)"
        }
    }
}
