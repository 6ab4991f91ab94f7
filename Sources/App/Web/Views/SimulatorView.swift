// SimulatorView: what the simulated meters do now, the scenarios that run, and forms to start one or a single fault.
import Access
import MeterPort

public struct SimulatorView: Page {
    public static let template = "simulator"
    public var status: SimulatorStatus
    public var scenarios: [ShippedScenario]
    /// What can be chosen, as words of a scenario file.
    public var faults: [String]
    public var minutes: [Int]
    /// Why the last form was refused.
    public var refusal: Refusal?

    public init(
        status: SimulatorStatus, scenarios: [ShippedScenario], faults: [String], minutes: [Int], refusal: Refusal? = nil
    ) {
        (self.status, self.scenarios, self.faults) = (status, scenarios, faults)
        (self.minutes, self.refusal) = (minutes, refusal)
    }
}

extension SimulatorView: PageContent {
    func title(_ w: Wording) -> Markup {
        refusal == nil ? w.say("sim.title") : w.say("title.error", ["title": w.say("sim.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", status.runs.isEmpty ? w.say("sim.calm") : w.count("sim.lede", status.runs.count))
        row.set(
            "sub",
            w.say(
                "sim.sub",
                [
                    "meters": "\(w.number(status.meters))", "open": "\(w.number(status.openConnections))",
                    "dark": "\(w.number(status.withoutSupply))", "time": w.moment(status.nowS * 1000),
                ]))
        row.set("errors", w.errors(refusal, otherwise: "fault") { ["feeder", "share"].contains($0) ? $0 : nil })
        row.set("runs", status.runs.map { run($0, w) })
        row.set("hasRuns", !status.runs.isEmpty)
        row.set(
            "figures",
            [
                ("connections", w.say("sim.figure.connections")), ("answers", w.say("sim.figure.answers")),
                ("dropped", w.say("sim.figure.dropped")), ("garbled", w.say("sim.figure.garbled")),
                ("reboots", w.say("sim.figure.reboots")), ("silent", w.say("sim.figure.silent")),
                ("alarms", w.say("sim.figure.alarms")),
            ].map { key, name in Fields(["name": name, "value": "\(w.number(status.figures[key] ?? 0))"]) })
        row.set(
            "log",
            status.log.reversed().prefix(20).map {
                Fields(["time": w.timeTag($0.atS * 1000, w.moment($0.atS * 1000)), "text": "\($0.text)"])
            })
        row.set("hasLog", !status.log.isEmpty)
        row.set("startAction", Paths.simulator + "/start")
        row.set("faultAction", Paths.simulator + "/fault")
        row.set(
            "scenarios",
            scenarios.map { Fields(["name": "\($0.name)", "title": "\($0.title)", "about": "\($0.about)"]) })
        row.set("feeders", status.feeders.map { Fields(["name": "\($0)"]) })
        row.set("faults", faults.map { Fields(["code": "\($0)", "name": fault($0, w)]) })
        row.set(
            "minutes",
            minutes.map { Fields(["value": "\($0)", "name": w.count("sim.minutes", $0)]) })
        return row
    }

    private func run(_ run: SimulatorStatus.Run, _ w: Wording) -> Fields {
        var row = Fields([
            "name": "\(run.name)", "id": "\(run.id)", "since": w.moment(run.startS * 1000),
            "until": run.endS.map { w.moment($0 * 1000) } ?? w.say("sim.untilStopped"),
            "action": "\(Paths.simulator)/runs/\(run.id)/stop",
            "stopLabel": w.say("sim.stopOne", ["name": "\(run.name)"]),
        ])
        row.set(
            "steps",
            run.steps.map { step in
                Fields([
                    "chip": step.isActive ? w.chip(.warn, w.say("sim.active")) : w.chip(.idle, w.say("sim.idle")),
                    "what": fault(step.kind, w),
                    "whom": w.say(
                        "sim.whom",
                        [
                            "n": "\(w.number(step.meters))",
                            "feeder": step.feeder.map { "\($0)" } ?? w.say("sim.everywhere"),
                        ]),
                ])
            })
        return row
    }

    private func fault(_ kind: String, _ w: Wording) -> Markup {
        switch kind {
        case "outage": w.say("sim.fault.outage")
        case "silence": w.say("sim.fault.silence")
        case "drop": w.say("sim.fault.drop")
        case "garble": w.say("sim.fault.garble")
        case "repeat": w.say("sim.fault.repeat")
        case "delay": w.say("sim.fault.delay")
        case "slow": w.say("sim.fault.slow")
        case "reboot": w.say("sim.fault.reboot")
        case "shuffle": w.say("sim.fault.shuffle")
        case "wrong-key": w.say("sim.fault.wrongKey")
        case "clock": w.say("sim.fault.clock")
        case "missing": w.say("sim.fault.missing")
        case "rollover": w.say("sim.fault.rollover")
        case "event": w.say("sim.fault.event")
        case "ghost": w.say("sim.fault.ghost")
        case "liar": w.say("sim.fault.liar")
        default: "\(kind)"
        }
    }
}
