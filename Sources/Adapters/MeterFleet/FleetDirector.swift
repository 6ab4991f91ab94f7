// Starts, carries out and ends scenarios on a running fleet, sends the alarms that come of them, and tells what goes
// on. The clock is the meters'; sending is the caller's.
import CivilTime
import Clocks
import MeterPort

/// Something a meter says unasked.
public enum MeterAlarm: Sendable, Equatable {
    case lastGasp, firstBreath
    /// An entry of its event logs, by IS 15959 id.
    case event(Int)
}

/// Makes and sends what a meter says unasked. Throwing or failing loses the alarm, as a real one is lost.
public typealias AlarmSender = @Sendable (_ meter: VirtualMeter, _ alarm: MeterAlarm, _ atS: Int64) async -> Void

/// Directs the scenarios of one fleet.
public actor FleetDirector {
    public static let maxRuns = 20
    private static let logLength = 50

    private let fleet: MeterFleet
    private let clocks: Clocks
    private let send: AlarmSender?
    private var nextID = 1
    private var lastS: Int64
    private var log: [SimulatorStatus.Line] = []
    /// Alarms by the time they are due; bounded by the meters times the steps that run and their own events.
    private var alarms: [(atS: Int64, meter: Int, alarm: MeterAlarm)] = []

    /// - Parameter send: nil loses all alarms.
    public init(_ fleet: MeterFleet, clocks: Clocks, send: AlarmSender? = nil) {
        self.fleet = fleet
        self.clocks = clocks
        self.send = send
        lastS = floorDivided(clocks.businessNowMs(), 1000)
        // What the meters were made with and is still to come.
        for (place, meter) in fleet.meters.enumerated() {
            let configuration = meter.configuration
            alarms += configuration.outages.map { ($0.fromS, place, .lastGasp) }
            alarms += configuration.outages.map { ($0.untilS, place, .firstBreath) }
            alarms += configuration.scriptedEvents.map { ($0.atS, place, .event($0.code)) }
        }
        alarms.removeAll { [lastS] in $0.atS <= lastS }
    }

    private var nowS: Int64 { floorDivided(clocks.businessNowMs(), 1000) }

    /// Starts a scenario now and gives its number.
    /// - Throws: ``MeterFleetError`` when too many run, or a step concerns no meter.
    public func start(_ scenario: Scenario) throws(MeterFleetError) -> Int {
        guard fleet.plan.runs.count < Self.maxRuns else {
            throw MeterFleetError("\(Self.maxRuns) scenarios run already; stop one first")
        }
        let startS = nowS
        let ends = scenario.steps.map { $0.endS(startS: startS) }
        let endS = ends.contains(nil) ? nil : ends.compactMap { $0 }.max()
        let run = ScenarioRun(id: nextID, scenario: scenario, startS: startS, endS: endS)
        for (index, step) in scenario.steps.enumerated()
        where !fleet.meters.contains(where: { run.concerns(index, $0) }) {
            throw MeterFleetError("line \(step.line): no meter of this fleet is meant by \"on\"")
        }
        nextID += 1
        fleet.plan.add(run)
        note(startS, "scenario \(run.id) started: \(scenario.name)")
        for (index, step) in scenario.steps.enumerated() {
            guard case .outage(let gaspPercent, let breathPercent) = step.action else { continue }
            try darken(run, index, gaspPercent, breathPercent)
        }
        lastS = min(lastS, startS - 1)
        return run.id
    }

    /// An outage is put into the meters at once, for what they measured cannot be changed afterwards.
    private func darken(
        _ run: ScenarioRun, _ index: Int, _ gaspPercent: Int64, _ breathPercent: Int64
    ) throws(MeterFleetError) {
        let span = run.span(run.scenario.steps[index])
        let seed = run.scenario.seed
        for (place, meter) in fleet.meters.enumerated() where run.concerns(index, meter) {
            try meter.addOutage(span)
            if mixed(seed, 61, meter.number, span: 100) < gaspPercent { alarms.append((span.fromS, place, .lastGasp)) }
            if span.untilS < .max, mixed(seed, 62, meter.number, span: 100) < breathPercent {
                alarms.append((span.untilS, place, .firstBreath))
            }
        }
    }

    /// Ends a run now: supply comes back where it took it away. What was done once stays done.
    public func stop(_ id: Int) throws(MeterFleetError) {
        guard let run = fleet.plan.remove(id) else { throw MeterFleetError("no scenario \(id) runs") }
        try clear(run)
        note(nowS, "scenario \(id) stopped: \(run.scenario.name)")
    }

    private func clear(_ run: ScenarioRun) throws(MeterFleetError) {
        let atS = nowS
        for (index, step) in run.scenario.steps.enumerated() {
            guard case .outage(_, let breathPercent) = step.action else { continue }
            let span = run.span(step)
            guard span.untilS > atS else { continue }
            for (place, meter) in fleet.meters.enumerated() where run.concerns(index, meter) {
                try meter.endOutages()
                alarms.removeAll { $0.meter == place }
                guard span.fromS <= atS else { continue }
                if mixed(run.scenario.seed, 62, meter.number, span: 100) < breathPercent {
                    alarms.append((atS, place, .firstBreath))
                }
            }
        }
    }

    /// Does what became due since the last call. Call it about once a second.
    public func tick() async {
        let toS = nowS
        let fromS = lastS
        guard toS > fromS else { return }
        lastS = toS
        for run in fleet.plan.runs {
            for (index, step) in run.scenario.steps.enumerated() {
                let span = run.span(step)
                if span.fromS > fromS, span.fromS <= toS { begin(run, index, step) }
                if span.untilS > fromS, span.untilS <= toS { note(span.untilS, "\(step.words) ended") }
            }
            if let endS = run.endS, endS <= toS {
                _ = fleet.plan.remove(run.id)
                note(endS, "scenario \(run.id) ended: \(run.scenario.name)")
            }
        }
        await sendAlarms(toS)
    }

    /// Ticks until the task is cancelled.
    public func run(everyMs: Int64 = 500) async {
        while !Task.isCancelled {
            await tick()
            try? await Task.sleep(for: .milliseconds(everyMs))
        }
    }

    private func begin(_ run: ScenarioRun, _ index: Int, _ step: Scenario.Step) {
        var count = 0
        let atS = run.startS + step.atS
        do throws(MeterFleetError) {
            for (place, meter) in fleet.meters.enumerated() where run.concerns(index, meter) {
                count += 1
                switch step.action {
                case .clock(let byS): try meter.shiftClock(byS: byS)
                case .rollover(let digits, let withinWh): try meter.rollOver(digits: digits, withinWh: withinWh)
                case .event(let code):
                    try meter.addEvent(code: code, atS: atS)
                    alarms.append((atS, place, .event(code)))
                default: break
                }
            }
        } catch {
            note(atS, "\(step.words): \(error)")
        }
        note(atS, "\(step.words) on \(count) meters")
    }

    private func sendAlarms(_ toS: Int64) async {
        let due = alarms.filter { $0.atS <= toS }
        guard !due.isEmpty else { return }
        alarms.removeAll { $0.atS <= toS }
        note(toS, "\(due.count) alarms")
        fleet.figures.add(.alarms, due.count)
        guard let send else { return }
        for alarm in due.sorted(by: { $0.atS < $1.atS }) {
            await send(fleet.meters[alarm.meter], alarm.alarm, alarm.atS)
        }
    }

    private func note(_ atS: Int64, _ text: String) {
        log.append(SimulatorStatus.Line(atS: atS, text: text))
        log = log.suffix(Self.logLength)
    }

    public func status() -> SimulatorStatus {
        let nowS = self.nowS
        let runs = fleet.plan.runs.map { run in
            SimulatorStatus.Run(
                id: run.id, name: run.scenario.name, about: run.scenario.about, startS: run.startS, endS: run.endS,
                steps: run.scenario.steps.enumerated().map { index, step in
                    let span = run.span(step)
                    return SimulatorStatus.Step(
                        kind: step.kind, feeder: step.target.feeder, sharePercent: step.target.sharePercent,
                        meters: fleet.meters.count { run.concerns(index, $0) }, fromS: span.fromS,
                        untilS: span.untilS == .max ? nil : span.untilS, isActive: span.contains(nowS))
                })
        }
        let hasOutage = fleet.plan.runs.contains { run in run.scenario.steps.contains { $0.kind == "outage" } }
        return SimulatorStatus(
            nowS: nowS, meters: fleet.meters.count, feeders: feeders, openConnections: fleet.openConnections,
            withoutSupply: hasOutage ? fleet.meters.count { !$0.isPowered } : 0,
            figures: Dictionary(
                uniqueKeysWithValues: FleetFigures.Kind.allCases.map { ($0.rawValue, fleet.figures($0)) }),
            runs: runs, log: log)
    }

    /// The feeders of the fleet by name.
    lazy var feeders: [String] = Set(fleet.meters.map(\.configuration.feeder)).subtracting([""]).sorted()
}

extension Scenario.Step {
    /// When a run may forget this step. Nil: not before it is stopped. What happens once has no length; rows that are
    /// missing are missing until they come.
    fileprivate func endS(startS: Int64) -> Int64? {
        let fromS = startS + atS
        return switch action {
        case .clock, .rollover, .event: fromS + 1
        case .missing(let lateByS): forS.flatMap { length in lateByS.map { fromS + length + $0 } }
        default: forS.map { fromS + $0 }
        }
    }

    /// What it is, for people.
    fileprivate var words: String {
        var words = kind
        if let feeder = target.feeder { words += " on \(feeder)" }
        if target.sharePercent < 100 { words += " for \(target.sharePercent) % of them" }
        return words
    }
}
