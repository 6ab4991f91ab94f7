// What a consumer held and holds, what may be asked, what follows and what is refused. Values; the rules stand in
// PackWork. Days are civil days of the company, `to` is the last billable day, inclusive.
import CivilTime
import Quantities

/// A subscription: one pack, applied for once.
public struct HeldPack: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case draft = "DRAFT"
        case active = "ACTIVE"
        case unsubscribed = "UNSUBSCRIBED"
        case expired = "EXPIRED"
        case rejected = "REJECTED"
    }

    /// 1 for the consumer's first, in order of application; keys of facts name it.
    public let number: Int
    public let pack: String
    public let kind: PackTerms.Kind
    public let res: String
    public let appliedOn: CivilDay
    /// The earliest first day the consumer wants.
    public var wantedFrom: CivilDay?
    public var approvedOn: CivilDay?
    /// The day on which it was unsubscribed, replaced, ported out, rejected or found expired.
    public var endedOn: CivilDay?
    public var from: CivilDay?
    /// Last billable day; before `from` when it was replaced before it began. Nil is open.
    public var to: CivilDay?
    public var state = State.draft
    /// Length of a term as it was approved.
    public var termMonths: Int?
    public var renewsItself = false
    /// End of what the consumer agreed to; terms that began by themselves are not in it.
    public var agreedTo: CivilDay?
    /// Days on which somebody renewed it before its end.
    public var renewedOn: [CivilDay] = []

    public init(number: Int, pack: String, kind: PackTerms.Kind, res: String, appliedOn: CivilDay) {
        self.number = number
        self.pack = pack
        self.kind = kind
        self.res = res
        self.appliedOn = appliedOn
    }

    /// Last day it bills. Nil while it goes on: what renews itself does, whether or not the sweep has written it down.
    public var end: CivilDay? { state == .active && renewsItself ? nil : to }

    /// By date only, whatever became of it later; drafts and what was rejected never bill.
    public func bills(on day: CivilDay) -> Bool {
        guard state != .draft, state != .rejected, let from, from <= day else { return false }
        return end.map { day <= $0 } ?? true
    }

    /// The first end of a term that is not before a day; nil without terms.
    func termEnd(notBefore day: CivilDay) -> CivilDay? {
        guard let from, let termMonths else { return nil }
        var months = termMonths
        while lastDay(ofMonths: months, from: from) < day { months += termMonths }
        return lastDay(ofMonths: months, from: from)
    }
}

/// All subscriptions of a consumer, and what has been said and charged because of them.
public struct PackHistory: Sendable, Equatable {
    public let consumer: String
    /// The place the consumer is supplied at; a generator must serve it.
    public let nma: String
    public var rows: [HeldPack] = []
    /// Keys of the facts that followed, with their amounts in paise (0 for what is no money): none follows twice.
    public var told: [String: Int64] = [:]
    /// The last day that was swept.
    public var sweptTo: CivilDay?

    public static let maximumRows = 1000

    public init(consumer: String, nma: String) {
        self.consumer = consumer
        self.nma = nma
    }

    /// Whether time alone may still bring something about: a sweep of anybody else changes nothing.
    public var moves: Bool {
        rows.contains { row in
            switch row.state {
            case .active: row.to != nil
            case .unsubscribed:
                row.kind == .base && row.termMonths != nil && row.to.map { $0 >= row.from ?? $0 } == true
                    && told["penalty:\(name(row))"] == nil
            case .draft, .expired, .rejected: false
            }
        }
    }

    /// The first day on which somebody else bills than in another state of the same history; nil when none does.
    public func firstDifference(from other: PackHistory) -> CivilDay? {
        func span(_ row: HeldPack?) -> (from: CivilDay, end: CivilDay?)? {
            guard let row, row.state != .draft, row.state != .rejected, let from = row.from else { return nil }
            return row.end.map { $0 < from } == true ? nil : (from, row.end)
        }
        var first: CivilDay?
        for number in 0..<max(rows.count, other.rows.count) {
            let (now, then) = (
                span(rows.indices.contains(number) ? rows[number] : nil),
                span(other.rows.indices.contains(number) ? other.rows[number] : nil)
            )
            let changed: CivilDay? =
                switch (now, then) {
                case (nil, nil): nil
                case (let some?, nil), (nil, let some?): some.from
                case (let now?, let then?) where now.from != then.from: min(now.from, then.from)
                case (let now?, let then?) where now.end != then.end:
                    [now.end, then.end].compactMap { $0 }.min()?.advanced(by: 1)
                default: nil
                }
            if let changed { first = min(first ?? changed, changed) }
        }
        return first
    }

    /// `123-2`: the second subscription of consumer 123.
    public func name(_ row: HeldPack) -> String { "\(consumer)-\(row.number)" }

    /// The last day on which somebody decided something.
    public var lastDecisionDay: CivilDay? {
        rows.flatMap { row in
            [row.appliedOn, row.approvedOn ?? row.appliedOn, row.state == .expired ? row.appliedOn : row.endedOn]
                .compactMap { $0 } + row.renewedOn
        }.max()
    }
}

/// What can be asked on a day.
public enum PackRequest: Sendable, Equatable {
    /// `from`: the first day wanted, if not the earliest possible.
    case apply(pack: String, from: CivilDay? = nil)
    case approve(pack: String)
    case reject(pack: String)
    case unsubscribe(pack: String)
    /// One more term, before the end.
    case renew(pack: String)
    /// The consumer leaves; the last billable day.
    case portOut(lastDay: CivilDay)
    /// The daily look: what has expired, what renews itself, whom to remind, which penalties fell due.
    case sweep
    case closeMonth(MonthClose)
}

/// What follows from a request and others have to do. Nothing with the same key follows twice.
public struct PackFact: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        case awaitsApproval = "awaits-approval"
        case subscribed
        case rejected
        case ends
        case renewed
        case reminder
        case expired
        /// The meter's limit from the first minute of `day`; no load lifts it.
        case loadLimit = "load-limit"
        /// An order that was given and is void: its key follows `withdrawn:`.
        case withdrawn
        /// What leaving early will cost.
        case penaltyNotice = "penalty-notice"
        case penalty
        case exportCredit = "export-credit"
        /// From the wallet for renewable energy to another.
        case walletMove = "wallet-move"
    }

    public var kind: Kind
    public var key: String
    /// On which it takes effect.
    public var day: CivilDay
    public var pack: String?
    public var loadW: Int64?
    public var amountPaise: Int64?
    public var wallet: String?
}

/// What a request leads to.
public struct PackOutcome: Sendable, Equatable {
    public var history: PackHistory
    public var facts: [PackFact] = []
    /// It was handled before: nothing changed.
    public var isRepeat = false
}

/// A request that is not granted; nothing has changed.
public struct PackRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        case unknownPack = "UNKNOWN_PACK"
        case notOffered = "NOT_OFFERED"
        case nmaNotServed = "NMA_NOT_SERVED"
        case alreadySubscribed = "ALREADY_SUBSCRIBED"
        case notSubscribed = "NOT_SUBSCRIBED"
        case baseNotUnsubscribable = "BASE_NOT_UNSUBSCRIBABLE"
        case noBase = "NO_BASE"
        case noDraft = "NO_DRAFT"
        case tooSoon = "TOO_SOON"
        case nothingToRenew = "NOTHING_TO_RENEW"
        case outOfOrder = "OUT_OF_ORDER"
        case monthNotOver = "MONTH_NOT_OVER"
        case notOfTheMonth = "NOT_OF_THE_MONTH"
        case noExportPrice = "NO_EXPORT_PRICE"
        case keyWithOtherAmount = "KEY_WITH_OTHER_AMOUNT"
        case outOfRange = "OUT_OF_RANGE"
        case tooMany = "TOO_MANY"
    }

    public var code: Code
    public var sentence: String
    public var hint: String

    init(_ code: Code, _ sentence: String, hint: String) {
        self.code = code
        self.sentence = sentence
        self.hint = hint
    }

    public var description: String { "\(code.rawValue): \(sentence) \(hint)" }
}
