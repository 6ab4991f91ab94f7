// What may be asked of an account's packs: applying, deciding, ending, renewing, leaving; and the daily sweep. Who may
// and within which days is looked at here; what comes of it is the rules' business.
import Access
import Accounts
import CivilTime
import Clocks
import Outbox
import SQL
import Subscriptions

/// What somebody asks about a pack. Stable words: they stand in the API and in the trail.
public enum PackAct: String, Sendable, Codable, CaseIterable {
    case apply, approve, reject, unsubscribe, renew
    case portOut = "port-out"

    /// Any one of these lets somebody ask for it.
    public var permissions: [Permission] {
        switch self {
        case .apply, .unsubscribe, .renew: [.subscribePacks, .subscribeOwnPacks]
        case .approve, .reject: [.approveSubscriptions]
        case .portOut: [.subscribePacks]
        }
    }
}

/// What came of it, or would come.
public struct PackAnswer: Sendable, Codable, Equatable {
    /// `BB-000123-2`; nil where the act is about no single subscription.
    public var subscription: String?
    public var packID: String?
    public var state: String?
    public var fromDay: Int32?
    /// Last day that is billed; nil while it is open.
    public var toDay: Int32?
    /// It was asked before: nothing changed.
    public var isRepeat: Bool
    /// What leaving early will cost.
    public var penaltyPaise: Int64
    /// Packs that end because of it, with their last days.
    public var ending: [Ending]

    public struct Ending: Sendable, Codable, Equatable {
        public var packID: String
        public var lastDay: Int32
    }

    init(_ outcome: PackOutcome, about packID: String?) {
        let row = packID.flatMap { packID in outcome.history.rows.last { $0.pack == packID } }
        subscription = row.map { outcome.history.name($0) }
        self.packID = packID
        state = row?.state.rawValue
        fromDay = row?.from?.number
        toDay = row?.end?.number
        isRepeat = outcome.isRepeat
        penaltyPaise = outcome.facts.filter { $0.kind == .penaltyNotice }.reduce(0) { $0 + ($1.amountPaise ?? 0) }
        ending = outcome.facts.filter { $0.kind == .ends }.compactMap { fact in
            fact.pack.map { Ending(packID: $0, lastDay: fact.day.number) }
        }
    }
}

/// One decision about an account's packs. Asked again it changes nothing: it is known by what is asked, the pack and
/// the day.
public struct AskPack: Command {
    public static let name = "packs.ask"
    public static let permissions: [Permission] = [.subscribePacks, .subscribeOwnPacks, .approveSubscriptions]
    /// How far back a day may lie on which something was agreed.
    public static let backDaysMax = 62
    /// How far ahead a pack may begin, or a consumer leave.
    public static let aheadDaysMax = 366

    public var act: PackAct
    public var accountID: Int64
    /// Needed for all but leaving.
    public var packID: String
    /// The first day wanted of an application; the last day of who leaves.
    public var day: CivilDay?
    /// The day on which it was agreed; nil is today.
    public var agreedOn: CivilDay?
    public var reason: String

    public init(
        _ act: PackAct, accountID: Int64, packID: String = "", day: CivilDay? = nil, agreedOn: CivilDay? = nil,
        reason: String = ""
    ) {
        (self.act, self.accountID, self.packID, self.day) = (act, accountID, packID, day)
        (self.agreedOn, self.reason) = (agreedOn, reason)
    }

    public var key: String? { nil }
    public var subjectID: Int64 { accountID }
    public var content: String {
        "act=\(act.rawValue) account=\(accountID) pack=\(packID) day=\(day?.description ?? "") "
            + "agreed=\(agreedOn?.description ?? "today") reason=\(reason)"
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> PackAnswer {
        guard act.permissions.contains(where: context.actor.has) else {
            try context.actor.require(act.permissions[0])
            throw Refusal(.forbidden, "Your role does not allow this.")
        }
        let today = try Org.find(context.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        if let agreedOn, agreedOn != today { try context.actor.require(.approveSubscriptions) }
        let why = act == .reject ? try Reason.checked(reason) : reason
        var found = try outcome(today: today, context.actor.scope, in: transaction)
        if !found.outcome.isRepeat {
            try found.stored.keep(found.outcome, today: today, why: why, context, in: transaction)
            if act == .approve { try tell(found.outcome, in: transaction, context) }
        }
        return PackAnswer(found.outcome, about: act == .portOut ? nil : packID)
    }

    /// Who waited for a decision hears of it at once; that the pack begins is said on its day.
    private func tell(
        _ outcome: PackOutcome, in transaction: any SQLTransaction, _ context: CommandContext
    ) throws {
        guard let row = outcome.history.rows.last(where: { $0.pack == packID }) else { return }
        try Outbox.append(
            OutboxEvent(
                orgID: context.orgID, eventID: context.ids.next(), kind: .notice, subjectID: accountID,
                detail: "pack-approved 0 \(row.number)", businessAtMs: context.businessNowMs), in: transaction)
    }

    /// What it would lead to; nothing is kept.
    public func preview(today: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> PackAnswer {
        PackAnswer(
            try outcome(today: today, scope, in: transaction).outcome, about: act == .portOut ? nil : packID)
    }

    private func outcome(
        today: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (stored: StoredHistory, outcome: PackOutcome) {
        let account = try SupplyAccount.find(accountID, scope, in: transaction)
        let on = agreedOn ?? today
        try check(account, on: on, today: today)
        let stored = try StoredHistory.of(account, today: today, scope, in: transaction)
        let offers = try PackOffers(scope, in: transaction)
        if act == .apply, offers.packs[packID] != nil, !offers.isFor(account.category, packID, on: on) {
            throw Refusal(
                .invalid, "\(packID) is not for consumers of the category \(account.category).",
                hint: "Choose a pack that is offered to them.", at: "packID")
        }
        do throws(PackRefusal) {
            return (stored, try stored.history.after(request, on: on, by: offers.book(for: stored, on: on)))
        } catch {
            throw Refusal(error)
        }
    }

    private var request: PackRequest {
        switch act {
        case .apply: .apply(pack: packID, from: day)
        case .approve: .approve(pack: packID)
        case .reject: .reject(pack: packID)
        case .unsubscribe: .unsubscribe(pack: packID)
        case .renew: .renew(pack: packID)
        case .portOut: .portOut(lastDay: day ?? CivilDay(number: 0))
        }
    }

    private func check(_ account: SupplyAccount, on: CivilDay, today: CivilDay) throws {
        guard act == .portOut || (1...80).contains(packID.utf8.count) else {
            throw Refusal(.invalid, "No pack was named.", hint: "Name the pack by its id.", at: "packID")
        }
        guard reason.count <= 200 else {
            throw Refusal(.invalid, "The reason is too long.", hint: "Say it in 200 characters.", at: "reason")
        }
        guard on <= today, on.days(to: today) <= Self.backDaysMax, on >= account.openedDay else {
            throw Refusal(
                .invalid, "On \(on) nothing can be agreed.",
                hint: "Give a day of the last \(Self.backDaysMax) on which the account was open.", at: "agreedOn")
        }
        if let closed = account.closedDay, closed < on {
            throw Refusal(.conflict, "The account is closed.", hint: "Open it before it gets packs.")
        }
        if act == .portOut, day == nil {
            throw Refusal(.invalid, "The last day is missing.", hint: "Give the last day that is billed.", at: "day")
        }
        if let day,
            !(on.advanced(by: -Self.backDaysMax)...today.advanced(by: Self.aheadDaysMax)).contains(day)
        {
            throw Refusal(
                .invalid, "\(day) is too far away.",
                hint: "Give a day up to \(today.advanced(by: Self.aheadDaysMax)).", at: "day")
        }
    }
}

extension Refusal {
    /// A request that the rules do not grant, with its field.
    init(_ refusal: PackRefusal) {
        let code: Code =
            switch refusal.code {
            case .unknownPack, .notSubscribed, .noDraft: .notFound
            case .alreadySubscribed, .baseNotUnsubscribable, .noBase, .nothingToRenew, .outOfOrder, .keyWithOtherAmount,
                .tooMany:
                .conflict
            case .notOffered, .nmaNotServed, .tooSoon, .monthNotOver, .notOfTheMonth, .noExportPrice, .outOfRange:
                .invalid
            }
        self.init(
            code, refusal.sentence, hint: refusal.hint, at: refusal.code == .tooSoon ? "day" : "packID")
    }
}

/// The daily look at some accounts: what has expired, what renews itself, whom to remind, which penalties fell due. A
/// day that was swept changes nothing.
public struct SweepPacks: Command {
    public static let name = "packs.sweep"
    public static let permissions: [Permission] = [.runJobs]
    public var accountIDs: [Int64]
    public var day: CivilDay
    public init(_ accountIDs: [Int64], on day: CivilDay) { (self.accountIDs, self.day) = (accountIDs, day) }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String { "day=\(day) accounts=\(accountIDs.count) from=\(accountIDs.first ?? 0)" }

    /// How many accounts something followed for.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        let offers = try PackOffers(scope, in: transaction)
        var changed = 0
        for accountID in accountIDs {
            let account = try SupplyAccount.find(accountID, scope, in: transaction)
            var stored = try StoredHistory.of(account, today: day, scope, in: transaction)
            let outcome: PackOutcome
            do throws(PackRefusal) {
                outcome = try stored.history.after(.sweep, on: day, by: offers.book(for: stored, on: day))
            } catch {
                throw Refusal(error)
            }
            guard !outcome.isRepeat else { continue }
            if outcome.history.rows != stored.history.rows || !outcome.facts.isEmpty { changed += 1 }
            try stored.keep(outcome, today: day, why: "", context, in: transaction)
        }
        return changed
    }
}

/// Credits what was fed in during a month that is over, at the export price of the base pack of each day. Once: the
/// same energy again changes nothing, other energy is followed by the difference.
public struct CreditExport: Command {
    /// Months of before were credited by hand or by another system, or not at all; two persons say where this begins.
    public static let fromSetting = SettingKind(
        "packs.credit-export-from", initial: "none",
        hint: "The first month whose energy fed in is credited at a pack's export price, as 2026-04, or none."
    ) { text in
        text == "none" ? text : CivilMonth(text).map { "\($0)" }
    }.forTwo

    /// Whether a month is one of those that are credited.
    public static func begins(
        by month: CivilMonth, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        let text = try Setting.value(fromSetting.name, on: day, scope, in: transaction)
        guard let first = text.flatMap({ CivilMonth($0) }) else { return false }
        return month >= first
    }

    public static let name = "packs.credit-export"
    public static let permissions: [Permission] = [.runJobs]
    public var accountID: Int64
    /// Who fed in, as the key of the credit names it: the number of an account, or of a meter.
    public var meter: String
    public var month: CivilMonth
    public var exportWh: [CivilDay: Int64]
    public init(accountID: Int64, meter: String, month: CivilMonth, exportWh: [CivilDay: Int64]) {
        (self.accountID, self.meter, self.month, self.exportWh) = (accountID, meter, month, exportWh)
    }

    public var key: String? { nil }
    public var subjectID: Int64 { accountID }
    public var content: String {
        "account=\(accountID) meter=\(meter) month=\(month) wh=\(exportWh.values.reduce(0) { $0 &+ $1 })"
    }

    /// The credit in paise; nil when it was given before.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64? {
        let scope = context.actor.scope
        let today = try Org.find(context.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        let account = try SupplyAccount.find(accountID, scope, in: transaction)
        var stored = try StoredHistory.of(account, today: today, scope, in: transaction)
        let book = try PackOffers(scope, in: transaction).book(for: stored, on: today)
        var close = MonthClose(month: month, meter: meter, exportWh: exportWh)
        close.followsReadings = true
        let outcome: PackOutcome
        do throws(PackRefusal) {
            outcome = try stored.history.after(.closeMonth(close), on: today, by: book)
        } catch {
            throw Refusal(error)
        }
        guard !outcome.isRepeat else { return nil }
        try stored.keep(outcome, today: today, why: "", context, in: transaction)
        return outcome.facts.first { $0.kind == .exportCredit }?.amountPaise
    }
}
