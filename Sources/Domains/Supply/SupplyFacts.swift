// What a decision looked at, as values that are stored with it, so that anybody can decide again and compare.
// Holds no rule and reads nothing.
import CivilTime
import Meters

/// Why supply is on or off; each speaks for a cut, against one, or for restoring.
public struct SupplyReason: Sendable, Equatable, Codable {
    public enum Code: String, Sendable, Codable, CaseIterable {
        /// Speaks for a cut.
        case balanceBelowThreshold = "balance-below-threshold"
        case ordered = "ordered"
        case notYetRestored = "not-yet-restored"
        /// Holds a cut back.
        case companyHold = "company-hold"
        case tooManyAtOnce = "too-many-at-once"
        case noCutHours = "no-cut-hours"
        case outsideCutHours = "outside-cut-hours"
        case noCutWeekday = "no-cut-weekday"
        case noCutNthWeekday = "no-cut-nth-weekday"
        case noCutDay = "no-cut-day"
        case noCutHoliday = "no-cut-holiday"
        case shieldedLoad = "shielded-load"
        /// The account is turning from postpaid to prepaid and its entry is not posted yet.
        case conversionOpen = "conversion-open"
        case afterConversion = "after-conversion"
        case emergencyCredit = "emergency-credit"
        case correctionGrace = "correction-grace"
        case correctionAlone = "correction-alone"
        case restsOnEstimate = "rests-on-estimate"
        case chargesLag = "charges-lag"
        case noticeNotProven = "notice-not-proven"
        case warningTooFresh = "warning-too-fresh"
        case awaitsRun = "awaits-run"
        case runIsFull = "run-is-full"
        /// Speaks for supply.
        case balanceGood = "balance-good"

        /// Stored: a bit for each word. New words go to the end.
        private static let order: [Code] = [
            .balanceBelowThreshold, .ordered, .notYetRestored, .companyHold, .tooManyAtOnce, .noCutHours,
            .outsideCutHours, .noCutWeekday, .noCutNthWeekday, .noCutDay, .noCutHoliday, .shieldedLoad,
            .afterConversion, .emergencyCredit, .correctionGrace, .correctionAlone, .restsOnEstimate, .chargesLag,
            .noticeNotProven, .warningTooFresh, .awaitsRun, .runIsFull, .balanceGood, .conversionOpen,
        ]
        var bit: Int64 {
            guard let place = Self.order.firstIndex(of: self) else { preconditionFailure("\(self) has no bit") }
            return 1 << Int64(place)
        }

        public var speaksForCut: Bool { self == .balanceBelowThreshold || self == .ordered || self == .notYetRestored }
        public var holdsCut: Bool { !speaksForCut && self != .balanceGood }
    }
    public var code: Code
    /// A number, a day or a span the page puts into the sentence.
    public var detail: String
    public init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }
}

/// For who has a word `SupplyReason` of his own.
public typealias DecisionReason = SupplyReason
public typealias SupplyReasonCode = SupplyReason.Code

/// A sign that a message has reached somebody.
public struct Evidence: Sendable, Equatable, Codable {
    /// `portal`, `sms`, …
    public var channel: String
    /// `delivered`, `shown`; others prove nothing.
    public var state: String
    public var atMs: Int64
    public init(channel: String, state: String, atMs: Int64) {
        (self.channel, self.state, self.atMs) = (channel, state, atMs)
    }

    static func isProof(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return parts.count == 2 && (1...20).contains(parts[0].utf8.count)
            && parts[0].utf8.allSatisfy { (97...122).contains($0) } && ["delivered", "shown"].contains(parts[1])
    }
}

/// A notice of this fall of the balance.
public struct SentNotice: Sendable, Equatable, Codable {
    /// As the rules name it: `30%`, `0`, `warn`.
    public var threshold: String
    public var sentAtMs: Int64
    public var evidence: [Evidence]
    public init(threshold: String, sentAtMs: Int64, evidence: [Evidence]) {
        (self.threshold, self.sentAtMs, self.evidence) = (threshold, sentAtMs, evidence)
    }
}

/// What one posting of corrections took from the wallet; negative: it gave.
public struct CorrectionDebit: Sendable, Equatable, Codable {
    public var atMs: Int64
    public var paise: Int64
    public init(atMs: Int64, paise: Int64) { (self.atMs, self.paise) = (atMs, paise) }
}

/// No cuts in the whole company.
public struct StandingHold: Sendable, Equatable, Codable {
    public var reason: String
    /// Nil: until somebody ends it.
    public var untilMs: Int64?
    /// Set by the machine, which asks a person: too many would be cut at once.
    public var isAsking: Bool
    public init(reason: String, untilMs: Int64?, isAsking: Bool) {
        (self.reason, self.untilMs, self.isAsking) = (reason, untilMs, isAsking)
    }
}

/// Whether a cut may be decided at this moment. Cuts fall in runs of the job, so that they can be counted.
public enum CutTurn: String, Sendable, Codable {
    case now
    /// Found between two runs.
    case awaitsRun
    /// The run has cut as many as one may.
    case isFull
}

/// Everything a decision looks at.
public struct SupplyFacts: Sendable, Equatable, Codable {
    public var balancePaise: Int64
    /// Part of the charges that rests on estimates.
    public var estimatedChargesPaise: Int64
    public var wanted: RelayWish
    /// Number of the civil day.
    private var dayNumber: Int32
    public var minuteOfDay: Int
    public var nowMs: Int64
    /// Of a notice that was sent before notices were kept one by one; it counts as proven.
    public var warnedAtMs: Int64?
    /// An officer's order to cut, with its reason; stands above balance and hours.
    public var order: String?
    public var zone = Zone.india.identifier
    /// Of the coming weeks, `YYYY-MM-DD`.
    public var holidays: [String] = []
    /// Nil: not known, so not shielded.
    public var sanctionedW: Int64?
    public var lastRechargePaise: Int64?
    public var notices: [SentNotice] = []
    /// Since when the balance is below the cut threshold.
    public var lowSinceMs: Int64?
    /// Of this fall, when the consumer took the emergency credit.
    public var emergencyAtMs: Int64?
    /// From postpaid to prepaid, begun and not posted: the balance does not hold yet what is the consumer's.
    public var isConverting = false
    public var convertedOn: String?
    /// Of the days of grace.
    public var corrections: [CorrectionDebit] = []
    /// The latest correction that took money, when nothing was charged for use since.
    public var uncoveredCorrectionPaise: Int64?
    /// The last day that was charged; the day before supply began when none was.
    public var chargedThrough: String?
    public var hold: StandingHold?
    public var turn = CutTurn.now

    public var day: CivilDay {
        get { CivilDay(number: dayNumber) }
        set { dayNumber = newValue.number }
    }

    /// As it is stored.
    public func json() -> String { Supply.encode(self) }

    public init(
        balancePaise: Int64, estimatedChargesPaise: Int64, wanted: RelayWish, day: CivilDay, minuteOfDay: Int,
        nowMs: Int64, warnedAtMs: Int64?, order: String?
    ) {
        self.balancePaise = balancePaise
        self.estimatedChargesPaise = estimatedChargesPaise
        self.wanted = wanted
        dayNumber = day.number
        self.minuteOfDay = minuteOfDay
        self.nowMs = nowMs
        self.warnedAtMs = warnedAtMs
        self.order = order
    }
}

/// What follows from the facts.
public struct SupplyVerdict: Sendable, Equatable, Codable {
    public var wanted: RelayWish
    public var reasons: [SupplyReason]
    /// Thresholds whose notice is due now; one message tells of all.
    public var notices: [String] = []
    /// When a cut may be at the earliest, as things stand; nil: not for the balance, or what holds has no time.
    public var notBeforeMs: Int64?

    public var warn: Bool { !notices.isEmpty }
}
