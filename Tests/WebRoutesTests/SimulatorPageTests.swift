// The page of the simulator: only where there is one, only for who may command meters, and what its forms ask for.
import API
import MeterPort
import Testing

private actor PaperSimulator: SimulatorControl {
    var asked: [String] = []
    var isAway = false

    func vanish() { isAway = true }

    func status() async throws -> SimulatorStatus {
        if isAway { throw SimulatorError(.unreachable, "no simulator answers") }
        return SimulatorStatus(
            nowS: 1_770_696_000, meters: 24, feeders: ["RK-1 Bazaar"], openConnections: 1, withoutSupply: 8,
            figures: ["answers": 5],
            runs: [
                .init(
                    id: 3, name: "Dark", about: "", startS: 1_770_696_000, endS: nil,
                    steps: [
                        .init(
                            kind: "outage", feeder: "RK-1 Bazaar", sharePercent: 100, meters: 8, fromS: 1_770_696_000,
                            untilS: nil, isActive: true)
                    ])
            ], log: [])
    }
    func scenarios() async throws -> [ShippedScenario] {
        [ShippedScenario(name: "evening-outage", title: "Evening", about: "About")]
    }
    func start(text: String) async throws -> Int {
        asked.append(text)
        return 1
    }
    func start(shipped name: String) async throws -> Int {
        guard name == "evening-outage" else { throw SimulatorError(.refused, "no scenario '\(name)'") }
        asked.append(name)
        return 2
    }
    func stop(run: Int) async throws { asked.append("stop \(run)") }
}

@Suite struct SimulatorPageTests {
    @Test func theFormsAskTheSimulator() async throws {
        let simulator = PaperSimulator()
        try await WebSite.with(simulator: simulator) { web in
            let browser = try await web.browser("ops")
            let page = await browser.get("/simulator")
            #expect(page.status == 200 && page.text.contains("evening-outage") && page.text.contains("RK-1 Bazaar"))
            let token = try #require(page.text.firstMatch(of: #/name="csrf" value="([^"]+)"/#)?.1).description
            let started = await browser.post("/simulator/start", ["csrf": token, "name": "evening-outage"])
            let fault = await browser.post(
                "/simulator/fault",
                ["csrf": token, "fault": "drop", "feeder": "RK-1 Bazaar", "share": "50", "minutes": "60"])
            let stopped = await browser.post("/simulator/runs/3/stop", ["csrf": token])
            #expect([started, fault, stopped].allSatisfy { $0.status == 303 && $0.location == "/simulator" })
            let asked = await simulator.asked
            #expect(asked.count == 3 && asked[0] == "evening-outage" && asked[2] == "stop 3")
            #expect(asked[1].contains(#""do": "drop", "for": "60m", "on": {"feeder": "RK-1 Bazaar", "share": 50}"#))
            let wrong: [[String: String]] = [
                ["fault": "explode", "share": "50", "minutes": "60"], ["fault": "drop", "share": "0", "minutes": "60"],
                ["fault": "drop", "share": "5", "minutes": "61"],
                ["fault": "drop", "share": "5", "minutes": "60", "feeder": "a\", \"x"],
            ]
            for form in wrong {
                let answer = await browser.post("/simulator/fault", form.merging(["csrf": token]) { $1 })
                #expect(answer.status == 422 && answer.text.contains("fault"))
            }
            let unknown = await browser.post("/simulator/start", ["csrf": token, "name": "x"])
            #expect(unknown.status == 422 && unknown.text.contains("no scenario"))
            let after = await simulator.asked
            #expect(after.count == 3)
            await simulator.vanish()
            let away = await browser.get("/simulator")
            #expect(away.status == 503)
        }
    }

    @Test func consumersAndSitesWithoutASimulatorHaveNoSuchPage() async throws {
        try await WebSite.with(simulator: PaperSimulator()) { web in
            let home = await (try web.browser("home")).get("/simulator")
            let nobody = await (try web.browser(nil)).get("/simulator")
            #expect(home.status == 403 && nobody.status != 200)
        }
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            let page = await browser.get("/simulator")
            let line = await browser.get("/line")
            #expect(page.status == 404 && !line.text.contains("/simulator"))
        }
    }
}
