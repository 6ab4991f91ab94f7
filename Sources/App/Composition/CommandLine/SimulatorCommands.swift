// `busbar simulator`: what a running simulator does now, and scenarios that are started and stopped, by its control
// socket.
import CivilTime
import Foundation
import MeterFleet
import MeterPort

/// Prints what the simulator does now.
public func simulatorStatus(control: String, json: Bool, zone: Zone = .india, _ console: Console) async throws
    -> CommandStatus
{
    let status = try await asking { try await FleetControlClient(path: control).status() }
    if json {
        try console.say(json: status)
        return .done
    }
    console.say(
        "\(status.meters) meters, \(status.openConnections) open connections, \(status.withoutSupply) without supply; "
            + "meter time \(stampText(status.nowS, zone))")
    if !status.feeders.isEmpty { console.say("feeders: \(status.feeders.joined(separator: ", "))") }
    for (name, count) in status.figures.sorted(by: { $0.key < $1.key }) { console.say("  \(name) \(count)") }
    for run in status.runs {
        let end = run.endS.map { "until \(stampText($0, zone))" } ?? "until stopped"
        console.say("run \(run.id): \(run.name), since \(stampText(run.startS, zone)), \(end)")
        for step in run.steps {
            console.say(
                "  \(step.isActive ? "now" : "   ") \(step.kind) on \(step.meters) meters"
                    + (step.feeder.map { " of \($0)" } ?? ""))
        }
    }
    for line in status.log.suffix(10) { console.say("\(stampText(line.atS, zone))  \(line.text)") }
    return .done
}

/// Lists the scenarios that come with the program.
public func simulatorScenarios(_ console: Console) throws -> CommandStatus {
    for scenario in try ShippedScenarios.all() {
        console.say("\(scenario.name)  \(scenario.title)\n    \(scenario.about)")
    }
    return .done
}

/// Starts a scenario of the program, or one of a file, and prints the number of its run.
public func startScenario(control: String, _ name: String, _ console: Console) async throws -> CommandStatus {
    let client = FleetControlClient(path: control)
    let run: Int
    if name.hasSuffix(".json") {
        guard let data = FileManager.default.contents(atPath: name) else {
            throw Complaint(
                "cannot read the scenario file \(name)", hint: "Give a file, or a name of the list.", .usage)
        }
        run = try await asking { try await client.start(text: String(decoding: data, as: UTF8.self)) }
    } else {
        run = try await asking { try await client.start(shipped: name) }
    }
    console.say("run \(run)")
    return .done
}

public func stopScenario(control: String, run: Int, _ console: Console) async throws -> CommandStatus {
    try await asking { try await FleetControlClient(path: control).stop(run: run) }
    console.say("run \(run) stopped")
    return .done
}

private func asking<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let error as SimulatorError {
        switch error.code {
        case .unreachable:
            throw Complaint(
                error.message,
                hint: "Start one: busbar simulate --control ./simulator.sock, and give the same --control.",
                .partly)
        case .refused: throw Complaint(error.message, hint: "See docs/simulator.md.", .problems)
        }
    }
}
