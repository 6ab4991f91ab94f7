// ExceptionKind: why something waits for a person; one name each on every page.

/// A reason for which the machine could not go on alone.
public enum ExceptionKind: Sendable, Equatable {
    /// A reading that a hard check refused.
    case negative, spike, zeroRun, sumMismatch, clock, duplicate
    /// No estimate can be made: too little history.
    case notEstimable
    case silentMeter
    case commandFailed, withoutTariff
    /// Given up by the machine.
    case jobFailed, eventFailed
    /// What collection cannot have, or may not do alone.
    case rawUntaken, intervalsLost, clockOff
    /// Somebody should go there.
    case longOutage, tamper
    case other(String)

    /// The word in an address.
    public var slug: String {
        switch self {
        case .negative: "negative"
        case .spike: "spike"
        case .zeroRun: "zero-run"
        case .sumMismatch: "sum-mismatch"
        case .clock: "clock"
        case .duplicate: "duplicate"
        case .notEstimable: "not-estimable"
        case .silentMeter: "silent"
        case .commandFailed: "command-failed"
        case .withoutTariff: "without-tariff"
        case .jobFailed: "job-failed"
        case .eventFailed: "event-failed"
        case .rawUntaken: "raw-untaken"
        case .intervalsLost: "intervals-lost"
        case .clockOff: "clock-off"
        case .longOutage: "long-outage"
        case .tamper: "tamper"
        case .other(let name): name
        }
    }

    func words(_ w: Wording) -> Markup {
        switch self {
        case .negative: w.say("exception.negative")
        case .spike: w.say("exception.spike")
        case .zeroRun: w.say("exception.zeroRun")
        case .sumMismatch: w.say("exception.sumMismatch")
        case .clock: w.say("exception.clock")
        case .duplicate: w.say("exception.duplicate")
        case .notEstimable: w.say("exception.notEstimable")
        case .silentMeter: w.say("exception.silent")
        case .commandFailed: w.say("exception.commandFailed")
        case .withoutTariff: w.say("exception.withoutTariff")
        case .jobFailed: w.say("exception.jobFailed")
        case .eventFailed: w.say("exception.eventFailed")
        case .rawUntaken: w.say("exception.rawUntaken")
        case .intervalsLost: w.say("exception.intervalsLost")
        case .clockOff: w.say("exception.clockOff")
        case .longOutage: w.say("exception.longOutage")
        case .tamper: w.say("exception.tamper")
        case .other(let name): "\(name)"
        }
    }

    var tone: Wording.Tone {
        switch self {
        case .zeroRun, .clock, .silentMeter, .intervalsLost, .clockOff: .warn
        case .notEstimable: .est
        default: .bad
        }
    }
}
