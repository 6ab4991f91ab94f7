// The simulator's page in a demonstration: what the simulated meters do now, and forms that let something go wrong.
// Only there when the program was started with a simulator; the company's own data is not touched.
import API
import Access
import CivilTime
import MeterPort

extension Desk {
    var simulatorPages: [API.Page] {
        guard let simulator = services.simulator else { return [] }
        let access: EndpointAccess = .permission([.commandMeters])
        return [
            API.Page("GET", Paths.simulator, access: access) { try await simulatorPage($0, simulator) },
            API.Page("POST", "\(Paths.simulator)/start", access: access) { call in
                try await asking(call, simulator) { _ = try await simulator.start(shipped: call.form["name"] ?? "") }
            },
            API.Page("POST", "\(Paths.simulator)/fault", access: access) { call in
                try await asking(call, simulator) { _ = try await simulator.start(text: try Self.scenario(call.form)) }
            },
            API.Page("POST", "\(Paths.simulator)/runs/{id}/stop", access: access) { call in
                try await asking(call, simulator) { try await simulator.stop(run: Int(try id(call))) }
            },
        ]
    }

    /// What can be chosen on the page, with the parameter that goes with it. Words of docs/simulator.md.
    static let simulatorFaults: [(kind: String, parameters: String)] = [
        ("outage", ""), ("silence", ""), ("drop", #", "chance": 20"#), ("garble", #", "chance": 20"#),
        ("delay", #", "ms": 1500"#), ("slow", #", "bytesPerSecond": 500"#),
        ("reboot", #", "chance": 30, "awayMs": 3000"#), ("wrong-key", ""), ("missing", ""), ("ghost", ""),
        ("liar", ""),
    ]
    static let simulatorMinutes = [15, 60, 360, 1440]

    /// The form as a scenario of one step.
    private static func scenario(_ form: [String: String]) throws -> String {
        guard let fault = simulatorFaults.first(where: { $0.kind == form["fault"] }),
            let minutes = form["minutes"].flatMap({ Int($0) }), simulatorMinutes.contains(minutes),
            let share = form["share"].flatMap({ Int($0) }), (1...100).contains(share)
        else {
            throw Refusal(
                .invalid, "The fault is not whole.",
                hint: "Choose what goes wrong, for how long, and a share of 1 to 100 per cent.", at: "share")
        }
        let feeder = form["feeder"] ?? ""
        guard feeder.utf8.count <= 80, !feeder.utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }) else {
            throw Refusal(.invalid, "There is no such feeder.", hint: "Choose one of the list.", at: "feeder")
        }
        let on = feeder.isEmpty ? #""share": \#(share)"# : #""feeder": "\#(feeder)", "share": \#(share)"#
        return """
            {"format": 1, "name": "\(fault.kind)", "steps": [
              {"do": "\(fault.kind)", "for": "\(minutes)m", "on": {\(on)}\(fault.parameters)}
            ]}
            """
    }

    private func asking(
        _ call: PageCall, _ simulator: any SimulatorControl, _ body: () async throws -> Void
    ) async throws -> Answer {
        do {
            try await body()
            return .seeOther(Paths.simulator)
        } catch let error as SimulatorError {
            return try await simulatorPage(call, simulator, refused: Refusal(.invalid, error.message))
        } catch let refusal as Refusal where refusal.code == .invalid {
            return try await simulatorPage(call, simulator, refused: refusal)
        }
    }

    private func simulatorPage(
        _ call: PageCall, _ simulator: any SimulatorControl, refused: Refusal? = nil
    ) async throws -> Answer {
        let status: SimulatorStatus
        let scenarios: [ShippedScenario]
        do {
            status = try await simulator.status()
            scenarios = try await simulator.scenarios()
        } catch let error as SimulatorError {
            throw Refusal(.unavailable, error.message, hint: "Start `busbar simulate` with the same --control.")
        }
        let page = SimulatorView(
            status: status, scenarios: scenarios, faults: Self.simulatorFaults.map(\.kind),
            minutes: Self.simulatorMinutes, refusal: refused)
        return show(page, call, .simulator, status: refused == nil ? 200 : 422)
    }
}
