// `busbar arrears` and `busbar conversion`: old debts of an account, and its turn from postpaid to prepaid, from the
// server's own command line. The rules are those of Payments.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Payments
import Quantities
import SQL

/// What is done about an old debt, as it was typed.
public enum ArrearsAct: Sendable {
    case show
    case put(paise: Int64, since: String, claimUntil: String?, disconnectUntil: String?, reason: String)
    case agree(dailyPaise: Int64?, days: Int64?, from: String?, reason: String)
    case pause(Bool, reason: String)
    case settle(paise: Int64?, fromWallet: Bool)
    case writeOff(paise: Int64, reason: String)
    case beginConversion(reason: String)
    case convert(
        depositPaise: Int64, postpaidPaise: Int64, setsDepositOff: Bool, since: String?, claimUntil: String?,
        disconnectUntil: String?)
}

public struct ArrearsOptions: Sendable {
    public var orgID: Int64?
    /// The account's number.
    public var account: String
    /// Of the act: the same one is booked once. Nil: each call is one of its own.
    public var reference: String?
    /// Says what would change and changes nothing.
    public var isTrial: Bool
    public var person: OrderingPerson
    public init(orgID: Int64?, account: String, reference: String?, isTrial: Bool, person: OrderingPerson) {
        (self.orgID, self.account, self.reference) = (orgID, account, reference)
        (self.isTrial, self.person) = (isTrial, person)
    }
}

private let arrearsOptions = [
    "amountPaise": "--paise", "dailyPaise": "--paise", "days": "--days", "since": "--since", "from": "--from",
    "claimUntil": "--claim-until", "reason": "--reason", "reference": "--reference", "depositPaise": "--deposit-paise",
]

/// Does it, or says what it would change, and prints how the account stands.
public func changeArrears(
    _ site: SiteOptions, _ options: ArrearsOptions, _ act: ArrearsAct, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        try await naming(arrearsOptions) {
            let org = try await open.org(options.orgID)
            let actor = try await options.person.actor(open, orgID: org.orgID)
            let found = try await open.site.money.read {
                try SupplyAccount.find(number: options.account, actor.scope, in: $0)
            }
            guard let accountID = found?.accountID else {
                throw Complaint(
                    "\(options.account): no such account", hint: "Its number stands on every page and receipt.",
                    .problems)
            }
            let today = org.zone.day(atS: open.site.clocks.businessNowMs() / 1000)
            let reference = options.reference ?? "cli-\(open.site.ids.next())"
            if let command = try act.command(accountID, reference, today) {
                guard !options.isTrial else {
                    let (before, after) = try await trial(command, accountID, open.site, actor)
                    before.say("now", console)
                    after.say("then", console)
                    console.note("Nothing was changed.")
                    return .done
                }
                guard try await carryOut(command, open.site, actor, console) else { return .done }
            }
            try await open.site.money.read {
                try ArrearsStanding(accountID, actor.scope, in: $0)
            }.say("now", console, all: true)
            return .done
        }
    }
}

/// Runs the command and takes it back.
private func trial<C: Command>(
    _ command: C, _ accountID: Int64, _ site: Site, _ actor: Actor
) async throws -> (ArrearsStanding, ArrearsStanding) {
    try await site.rehearse(command, as: actor, source: "cli") { transaction, run in
        let before = try ArrearsStanding(accountID, actor.scope, in: transaction)
        _ = try run()
        return (before, try ArrearsStanding(accountID, actor.scope, in: transaction))
    }
}

/// - Returns: false when it waits for a second person, which is said.
private func carryOut<C: Command>(
    _ command: C, _ site: Site, _ actor: Actor, _ console: Console
) async throws -> Bool {
    guard let confirmed = command as? any ConfirmedCommand else {
        _ = try await site.perform(command, as: actor, source: "cli")
        return true
    }
    return try await ask(confirmed, site, actor, console)
}

private func ask<C: ConfirmedCommand>(
    _ command: C, _ site: Site, _ actor: Actor, _ console: Console
) async throws -> Bool {
    try await site.ask(command, as: actor, source: "cli", why: command.content).done(console) != nil
}

/// How an account stands with its old debts.
private struct ArrearsStanding: Sendable {
    var arrears: Arrears?
    var balancePaise: Int64
    var conversion: Conversion?

    init(_ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        arrears = try Arrears.of(accountID: accountID, scope, in: transaction)
        balancePaise = try Journal.balance(ofAccount: accountID, scope, in: transaction).balancePaise
        conversion = try Conversion.find(accountID: accountID, scope, in: transaction)
    }

    func say(_ when: String, _ console: Console, all: Bool = false) {
        console.say(
            "\(when): owed from before \(rupees(paise: arrears?.outstandingPaise ?? 0)), "
                + "balance \(rupees(paise: balancePaise))")
        guard all else { return }
        if let conversion { console.say("conversion: \(conversion.isOpen ? "begun" : "posted")") }
        if let plan = arrears?.plan {
            console.say(
                "instalments: \(rupees(paise: plan.dailyPaise)) a day, \(plan.state.rawValue), next \(plan.nextDay)"
                    + (plan.problem.map { "; the last one failed: \($0)" } ?? ""))
        }
        let rows = (arrears?.items ?? []).map { item in
            [
                item.since.description, rupees(paise: item.amountPaise), rupees(paise: item.remainingPaise),
                item.claimUntil?.description ?? "-", item.disconnectUntil?.description ?? "-", item.reason,
            ]
        }
        guard !rows.isEmpty else { return }
        for line in table([["since", "debt", "left", "claim until", "cut until", "what"]] + rows) { console.say(line) }
    }
}

extension ArrearsAct {
    /// Nil when there is nothing to do.
    fileprivate func command(
        _ accountID: Int64, _ reference: String, _ today: CivilDay
    ) throws -> (any Command)? {
        func day(_ text: String, _ option: String) throws -> CivilDay {
            guard let day = CivilDay(text), (1950...2199).contains(day.parts.year) else {
                throw Complaint("\(option) \(text.prefix(40)): no day", hint: "Write YYYY-MM-DD.", .usage)
            }
            return day
        }
        switch self {
        case .show: return nil
        case .put(let paise, let since, let claimUntil, let disconnectUntil, let reason):
            return PutArrears(
                accountID: accountID, amountPaise: paise, since: try day(since, "--since"),
                claimUntil: try claimUntil.map { try day($0, "--claim-until") },
                disconnectUntil: try disconnectUntil.map { try day($0, "--cut-until") }, reason: reason,
                reference: reference)
        case .agree(let dailyPaise, let days, let from, let reason):
            let size: AgreeInstalments.Size
            switch (dailyPaise, days) {
            case (let paise?, nil): size = .dailyPaise(paise)
            case (nil, let days?): size = .days(days)
            default:
                throw Refusal(
                    .invalid, "Instalments are so much a day, or in so many days.", hint: "Give one of the two.",
                    at: "dailyPaise")
            }
            return AgreeInstalments(
                accountID: accountID, size: size, from: try from.map { try day($0, "--from") }, reason: reason)
        case .pause(let paused, let reason):
            return PauseInstalments(accountID: accountID, paused: paused, reason: reason)
        case .settle(let paise, let fromWallet):
            return SettleArrears(
                accountID: accountID, amountPaise: paise, source: fromWallet ? .wallet : .counter,
                reference: reference)
        case .writeOff(let paise, let reason):
            return WriteOffArrears(accountID: accountID, amountPaise: paise, reason: reason, reference: reference)
        case .beginConversion(let reason): return BeginConversion(accountID: accountID, reason: reason)
        case .convert(let deposit, let postpaid, let setsOff, let since, let claimUntil, let disconnectUntil):
            return PostConversion(
                accountID: accountID,
                sums: ConversionSums(depositPaise: deposit, postpaidPaise: postpaid, setsDepositOff: setsOff),
                since: try since.map { try day($0, "--since") } ?? today,
                claimUntil: try claimUntil.map { try day($0, "--claim-until") },
                disconnectUntil: try disconnectUntil.map { try day($0, "--cut-until") })
        }
    }
}
