// MeterView: everything of one meter: what it measured and how sure that is, its relay wanted and actual, its commands.
// The view shows what it is given; it never decides whether a command may be sent.
import CivilTime
import IntervalData
import MeterData

/// One day of a meter's load, as stored.
public struct MeterDay: Sendable {
    public var day: CivilDay
    /// Slots of the civil day: 96, 92 or 100 and so on.
    public var slotCount: Int
    /// Watt-hours by slot; may end early when the day is not over.
    public var valuesWh: [Int32]
    public var qualities: [Quality]
    public init(day: CivilDay, slotCount: Int, valuesWh: [Int32], qualities: [Quality]) {
        self.day = day
        self.slotCount = slotCount
        self.valuesWh = valuesWh
        self.qualities = qualities
    }
}

/// A time-of-use block of a day, minutes from midnight; level 1 is the cheapest, 3 the dearest.
public struct PriceBand: Sendable {
    public var minutes: Range<Int>
    public var level: Int
    public var name: String
    public init(minutes: Range<Int>, level: Int, name: String) {
        self.minutes = minutes
        self.level = level
        self.name = name
    }
}

public enum RelayState: Sendable, Equatable { case connected, disconnected, unknown }

/// Why supply should or should not be cut; the same words on the meter and on the account.
public enum SupplyReason: Sendable, Equatable {
    case none
    case balanceBelow(thresholdPaise: Int64)
    case noCutHours(from: Int, to: Int)
    case holiday(name: String)
    case grace(untilMs: Int64)
    case notWarnedYet
    /// Turning from postpaid to prepaid.
    case converting
    case estimatedBalance
    case byHand(person: String, reason: String)
    case hold(reason: String)
    case recharged
    case other(String)
}

/// The page of a meter.
public struct MeterView: Page {
    public enum Status: Sendable, Equatable {
        case answering, silent(sinceMs: Int64), disconnected, neverRead
    }

    public struct Span: Sendable {
        public var fromMs, toMs: Int64
        public var state: RelayState
        public init(fromMs: Int64, toMs: Int64, state: RelayState) {
            self.fromMs = fromMs
            self.toMs = toMs
            self.state = state
        }
    }

    public struct HeldRaw: Sendable {
        public var day: CivilDay
        public var slots: Range<Int>
        public var powerW: Int64
        public init(day: CivilDay, slots: Range<Int>, powerW: Int64) {
            self.day = day
            self.slots = slots
            self.powerW = powerW
        }
    }

    public struct Event: Sendable {
        public enum Tone: Sendable { case neutral, good, warn, bad }
        public var atMs: Int64
        /// IS 15959 id.
        public var code: Int
        public var tone: Tone
        public init(atMs: Int64, code: Int, tone: Tone) {
            self.atMs = atMs
            self.code = code
            self.tone = tone
        }
    }

    public struct Relay: Sendable {
        public var desired: RelayState
        public var desiredReason: SupplyReason
        public var desiredSinceMs: Int64?
        public var commanded: Command?
        public var actual: RelayState
        public var actualReadMs: Int64?
        public init(
            desired: RelayState, desiredReason: SupplyReason, desiredSinceMs: Int64?, commanded: Command?,
            actual: RelayState, actualReadMs: Int64?
        ) {
            self.desired = desired
            self.desiredReason = desiredReason
            self.desiredSinceMs = desiredSinceMs
            self.commanded = commanded
            self.actual = actual
            self.actualReadMs = actualReadMs
        }
    }

    public struct Command: Sendable {
        public enum Kind: Sendable, Equatable {
            case readLoad, readEvents, readRelay, setClock, disconnect, reconnect, other(String)
        }
        public enum State: Sendable, Equatable {
            case waiting, sent, answered, confirmed, noAnswer, superseded
            case failed(reason: String)
            /// The meter reported failure, but read back it had done it.
            case failedButDone
        }
        public enum Origin: Sendable, Equatable { case schedule, supplyRules, person(String) }
        public var sentMs: Int64
        public var kind: Kind
        public var state: State
        public var answerMs: Int64?
        public var by: Origin
        public init(sentMs: Int64, kind: Kind, state: State, answerMs: Int64?, by: Origin) {
            self.sentMs = sentMs
            self.kind = kind
            self.state = state
            self.answerMs = answerMs
            self.by = by
        }
    }

    /// A stored version of a day.
    public struct Version: Sendable {
        public enum Why: Sendable, Equatable {
            case read, lateRead, estimated, edited(by: String), imported, other(String)
        }
        public var day: CivilDay
        public var version: Int
        public var actual, estimated, edited, missing: Int
        public var madeMs: Int64
        public var why: Why
        public var isCurrent: Bool
        public init(
            day: CivilDay, version: Int, actual: Int, estimated: Int, edited: Int, missing: Int, madeMs: Int64,
            why: Why, isCurrent: Bool
        ) {
            self.day = day
            self.version = version
            self.actual = actual
            self.estimated = estimated
            self.edited = edited
            self.missing = missing
            self.madeMs = madeMs
            self.why = why
            self.isCurrent = isCurrent
        }
    }

    /// A run of slots whose value was not read from the meter.
    public struct NotActual: Sendable {
        public var fromMs, toMs: Int64
        public var quality: Quality
        public var energyWh: Int64?
        public var version: Int
        public var note: String
        public init(fromMs: Int64, toMs: Int64, quality: Quality, energyWh: Int64?, version: Int, note: String) {
            self.fromMs = fromMs
            self.toMs = toMs
            self.quality = quality
            self.energyWh = energyWh
            self.version = version
            self.note = note
        }
    }

    /// An interval and the raw answer behind it.
    public struct Interval: Sendable {
        public var day: CivilDay
        public var fromMs, toMs: Int64
        public var energyWh: Int64
        public var batchID: Int64
        public init(day: CivilDay, fromMs: Int64, toMs: Int64, energyWh: Int64, batchID: Int64) {
            self.day = day
            self.fromMs = fromMs
            self.toMs = toMs
            self.energyWh = energyWh
            self.batchID = batchID
        }
    }

    /// The figures under the lede; what is not known is nil and not shown.
    public struct Figures: Sendable {
        public var sanctionedW: Int64?
        public var registerWh: Int64?
        public var registerAtMs: Int64?
        /// Slots known of those expected in the last 30 days.
        public var slotsKnown, slotsExpected: Int
        public var balancePaise: Int64?
        public var balanceAsOfMs: Int64?
        public var clockDriftS: Int?
        public init(
            sanctionedW: Int64? = nil, registerWh: Int64? = nil, registerAtMs: Int64? = nil, slotsKnown: Int = 0,
            slotsExpected: Int = 0, balancePaise: Int64? = nil, balanceAsOfMs: Int64? = nil, clockDriftS: Int? = nil
        ) {
            self.sanctionedW = sanctionedW
            self.registerWh = registerWh
            self.registerAtMs = registerAtMs
            self.slotsKnown = slotsKnown
            self.slotsExpected = slotsExpected
            self.balancePaise = balancePaise
            self.balanceAsOfMs = balanceAsOfMs
            self.clockDriftS = clockDriftS
        }
    }

    public static let template = "meter"
    public var id: Int64
    public var serial: String
    /// Make, profile, firmware: as the maker writes it.
    public var description: String
    public var account: (id: Int64, code: String, name: String)?
    public var status: Status
    public var lastReadMs: Int64?
    /// How many things on this page wait for a look.
    public var needsLook: Int
    public var figures: Figures
    /// 1 or 3 days, oldest first.
    public var days: [MeterDay]
    public var periodS: Int
    public var bands: [PriceBand] = []
    public var held: [HeldRaw] = []
    public var relayActual: [Span] = []
    public var relayDesired: [Span] = []
    public var events: [Event] = []
    public var relay: Relay
    public var commands: [Command] = []
    public var versions: [Version] = []
    public var notActual: [NotActual] = []
    /// Every interval that was read, with the raw answer it came from.
    public var intervals: [Interval] = []
    public var hasPreviousDay = true
    public var hasNextDay = false
    /// Whether the person may read, cut and restore.
    /// Nil: not shown.
    /// Outages of the last year, in force, newest first.
    public var outages: [MeterOutage] = []
    public var keys: MeterKeysPanel?
    public var mayOperate: Bool
    /// Made by the route for the button that reads now.
    public var idempotencyKey: String

    public init(
        id: Int64, serial: String, description: String, account: (id: Int64, code: String, name: String)?,
        status: Status, lastReadMs: Int64?, needsLook: Int, figures: Figures, days: [MeterDay], periodS: Int,
        relay: Relay, mayOperate: Bool, idempotencyKey: String
    ) {
        self.id = id
        self.serial = serial
        self.description = description
        self.account = account
        self.status = status
        self.lastReadMs = lastReadMs
        self.needsLook = needsLook
        self.figures = figures
        self.days = days
        self.periodS = periodS
        self.relay = relay
        self.mayOperate = mayOperate
        self.idempotencyKey = idempotencyKey
    }
}
