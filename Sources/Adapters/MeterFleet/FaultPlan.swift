// The scenarios that run on a fleet: which faults a meter has because of them, worked out when it is asked, so that ten
// thousand meters cost nothing. No clock and no socket here; FleetDirector starts and ends runs.
import Synchronization

/// A scenario under way.
public struct ScenarioRun: Sendable {
    public let id: Int
    public let scenario: Scenario
    /// Business time.
    public let startS: Int64
    /// Nil: until it is stopped.
    public let endS: Int64?

    func span(_ step: Scenario.Step) -> TimeSpan {
        let fromS = startS + step.atS
        return TimeSpan(fromS: fromS, untilS: step.forS.map { fromS + $0 } ?? .max)
    }

    /// Whether a step is meant for a meter: by feeder and serial as written, a share by the seed.
    func concerns(_ index: Int, _ meter: VirtualMeter) -> Bool {
        let target = scenario.steps[index].target
        if let feeder = target.feeder, feeder != meter.configuration.feeder { return false }
        if !target.serials.isEmpty, !target.serials.contains(meter.configuration.serial) { return false }
        return target.sharePercent >= 100
            || mixed(scenario.seed, UInt64(index) + 1, meter.number, span: 100) < target.sharePercent
    }
}

/// What is planned for a fleet. Safe to use from any thread.
public final class FaultPlan: Sendable {
    private let state = Mutex<[ScenarioRun]>([])

    public init() {}

    public var runs: [ScenarioRun] { state.withLock { $0 } }
    var isEmpty: Bool { state.withLock { $0.isEmpty } }
    func add(_ run: ScenarioRun) { state.withLock { $0.append(run) } }
    func remove(_ id: Int) -> ScenarioRun? {
        state.withLock { runs in runs.firstIndex { $0.id == id }.map { runs.remove(at: $0) } }
    }

    /// The faults a meter was made with and those that run.
    func faults(of meter: VirtualMeter) -> MeterFaults {
        var faults = meter.configuration.faults
        for run in runs {
            for (index, step) in run.scenario.steps.enumerated() where run.concerns(index, meter) {
                let span = run.span(step)
                switch step.action {
                case .silence(let how): faults.silences.append((span, how))
                case .delay(let ms): faults.slowAnswers.append((span, ms))
                case .slow(let bytesPerS): faults.slowLinks.append((span, bytesPerS))
                case .drop(let percent): faults.losses.append((span, percent))
                case .garble(let percent): faults.garbles.append((span, percent))
                case .repeated(let percent): faults.repeats.append((span, percent))
                case .reboot(let percent, let awayMs): faults.reboots.append((span, percent, awayMs))
                case .shuffle: faults.shuffles.append(span)
                case .wrongKey: faults.wrongKeys.append(span)
                case .ghost: faults.stuckRelay.append(span)
                case .liar: faults.lyingRelay.append(span)
                case .missing(let lateByS):
                    let visibleAtS = lateByS.flatMap { span.untilS == .max ? nil : span.untilS + $0 }
                    faults.lateRows.append(
                        MeterFaults.LateRows(fromS: span.fromS, untilS: span.untilS, visibleAtS: visibleAtS))
                case .clock, .rollover, .event, .outage: break
                }
            }
        }
        return faults
    }
}
