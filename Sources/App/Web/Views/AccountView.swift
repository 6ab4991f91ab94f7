// AccountView: an account for staff and for its consumer: balance, until when it lasts, statement, reasons, messages.
// One view model, two looks; a consumer sees the same numbers in plainer words.
import CivilTime
import Rating

/// How the supply of an account stands.
public enum SupplyState: Sendable, Equatable { case on, off(sinceMs: Int64), unknown }

/// When the balance is likely to reach zero.
public enum LastsUntil: Sendable, Equatable {
    /// Not enough days to say; the first estimate comes on that day.
    case tooEarly(firstOn: CivilDay)
    /// Likely moment, and the range it falls into with 80 % probability.
    case until(atMs: Int64, fromMs: Int64, toMs: Int64)
    /// There is nothing left.
    case empty
    /// No use, so it does not fall.
    case notFalling
    /// More than a year away at what the days cost.
    case beyond
    /// The last charged day ended then, too long ago to say.
    case tooOld(lastMs: Int64)
}

/// The balance so far and its likely way down, for the chart.
public struct BalanceForecast: Sendable {
    public struct Point: Sendable {
        public var atMs: Int64
        public var balancePaise: Int64
        public init(atMs: Int64, balancePaise: Int64) {
            self.atMs = atMs
            self.balancePaise = balancePaise
        }
    }
    public var past, median, low, high: [Point]
    public var warningPaise: Int64?
    /// Hours without a cut.
    public var heldMs: [Range<Int64>]
    public init(
        past: [Point], median: [Point], low: [Point], high: [Point], warningPaise: Int64?, heldMs: [Range<Int64>]
    ) {
        self.past = past
        self.median = median
        self.low = low
        self.high = high
        self.warningPaise = warningPaise
        self.heldMs = heldMs
    }
}

/// The page of an account.
public struct AccountView: Page {
    public struct DayUse: Sendable {
        public var day: CivilDay
        public var energyWh: Int64
        public var paise: Int64
        public var isUnfinished: Bool
        public init(day: CivilDay, energyWh: Int64, paise: Int64, isUnfinished: Bool) {
            self.day = day
            self.energyWh = energyWh
            self.paise = paise
            self.isUnfinished = isUnfinished
        }
    }

    /// What Supply found: a reason, whether it speaks for a cut or holds one back, and since when.
    public struct Decision: Sendable {
        public enum Effect: Sendable, Equatable { case speaksForCut, holds, ended, restores }
        public var reason: SupplyReason
        public var effect: Effect
        public var fromMs: Int64
        public var toMs: Int64?
        public init(reason: SupplyReason, effect: Effect, fromMs: Int64, toMs: Int64?) {
            self.reason = reason
            self.effect = effect
            self.fromMs = fromMs
            self.toMs = toMs
        }
    }

    public struct Message: Sendable {
        public enum State: Sendable, Equatable { case waiting, sent, delivered, failed }
        public var atMs: Int64
        /// `SMS`, `E-mail`: a proper name of the channel.
        public var channel: String
        /// The words as they were sent, in the person's language.
        public var words: String
        public var language: Language
        public var state: State
        public init(atMs: Int64, channel: String, words: String, language: Language, state: State) {
            self.atMs = atMs
            self.channel = channel
            self.words = words
            self.language = language
            self.state = state
        }
    }

    public struct Recharge: Sendable {
        public enum Problem: Sendable, Equatable {
            case amountMissing, amountNotWhole
            case amountOutOfRange(minPaise: Int64, maxPaise: Int64)
            case paymentFailed(reference: String)
            case expired
        }
        /// A ready amount, and until when it is likely to last.
        public struct Choice: Sendable {
            public var paise: Int64
            public var untilDay: CivilDay?
            public init(paise: Int64, untilDay: CivilDay?) {
                self.paise = paise
                self.untilDay = untilDay
            }
        }
        public var choices: [Choice]
        public var chosenPaise: Int64?
        /// What was typed as another amount, kept on an error.
        public var typedAmount: String
        public var idempotencyKey: String
        public var problem: Problem?
        public init(
            choices: [Choice], chosenPaise: Int64?, typedAmount: String = "",
            idempotencyKey: String, problem: Problem? = nil
        ) {
            self.choices = choices
            self.chosenPaise = chosenPaise
            self.typedAmount = typedAmount
            self.idempotencyKey = idempotencyKey
            self.problem = problem
        }
    }

    /// A balance with the use since the last charge taken off: a guess.
    public struct Projected: Sendable {
        public var paise: Int64
        public var throughMs: Int64
        public var estimated: Int
        public var missing: Int
        public init(paise: Int64, throughMs: Int64, estimated: Int, missing: Int) {
            (self.paise, self.throughMs, self.estimated, self.missing) = (paise, throughMs, estimated, missing)
        }
    }

    /// A credit below the line at which supply is cut, once for each fall of the balance.
    public struct Emergency: Sendable {
        public var paise: Int64?
        public var days: Int?
        public var idempotencyKey: String
        public init(paise: Int64?, days: Int?, idempotencyKey: String) {
            (self.paise, self.days, self.idempotencyKey) = (paise, days, idempotencyKey)
        }
    }

    public static let template = "account"
    public var id: Int64
    public var code: String
    public var name: String
    /// Pack in force, as the pack names itself.
    public var packName: String
    public var sanctionedW: Int64?
    public var meters: [(id: Int64, serial: String)]
    public var supply: SupplyState
    /// No cut before this moment, whatever the balance.
    public var notCutBeforeMs: Int64?
    public var balancePaise: Int64
    public var balanceAsOfMs: Int64
    /// What it comes to with what has arrived since the last charge; nil while nothing has.
    public var projected: Projected?
    /// Mean spending a day; nil with too little history.
    public var usualPaisePerDay: Int64?
    public var lastsUntil: LastsUntil
    public var forecast: BalanceForecast?
    public var monthPaise: Int64
    public var monthWh: Int64
    /// Up to 7 days, oldest first.
    public var recentDays: [DayUse]
    /// Newest first.
    public var statement: [StatementLine]
    public var hasOlderLines: Bool
    public var decisions: [Decision]
    public var messages: [Message]
    /// Nil when the person may not recharge.
    public var recharge: Recharge?
    /// Nil when there is none to take, or not by this person.
    public var emergency: Emergency?
    /// Authorised at a gateway and not taken yet; not in the balance.
    public var expectedPaise: Int64 = 0
    /// Owed from before, beside the balance.
    public var arrearsPaise: Int64 = 0
    /// What is taken of it each day; nil: nothing.
    public var instalmentPaise: Int64?
    /// Turning from postpaid to prepaid: nobody cuts it for its balance.
    public var isConverting = false
    /// The first coming days rest on a forecast of use.
    public var restsOnForecast = false
    /// The present month, whose statement is linked to.
    public var month: CivilMonth?
    /// The month is likely to end near a limit where all units become dearer.
    public var slabWarning: SlabWarning?
    public var packs: PacksPanel?

    public init(
        id: Int64, code: String, name: String, packName: String, sanctionedW: Int64?,
        meters: [(id: Int64, serial: String)], supply: SupplyState, notCutBeforeMs: Int64?, balancePaise: Int64,
        balanceAsOfMs: Int64, usualPaisePerDay: Int64?, lastsUntil: LastsUntil, forecast: BalanceForecast?,
        monthPaise: Int64, monthWh: Int64, recentDays: [DayUse], statement: [StatementLine], hasOlderLines: Bool,
        decisions: [Decision], messages: [Message], recharge: Recharge?
    ) {
        self.id = id
        self.code = code
        self.name = name
        self.packName = packName
        self.sanctionedW = sanctionedW
        self.meters = meters
        self.supply = supply
        self.notCutBeforeMs = notCutBeforeMs
        self.balancePaise = balancePaise
        self.balanceAsOfMs = balanceAsOfMs
        self.usualPaisePerDay = usualPaisePerDay
        self.lastsUntil = lastsUntil
        self.forecast = forecast
        self.monthPaise = monthPaise
        self.monthWh = monthWh
        self.recentDays = recentDays
        self.statement = statement
        self.hasOlderLines = hasOlderLines
        self.decisions = decisions
        self.messages = messages
        self.recharge = recharge
    }
}
