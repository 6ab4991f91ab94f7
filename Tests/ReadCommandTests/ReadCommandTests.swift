// The functions behind `busbar read` and `busbar simulate`: what they print, what they refuse, how they leave.
import CivilTime
import Composition
import Foundation
import MeterFleet
import Testing

@Suite("busbar read and simulate")
struct ReadCommandTests {
    private let noSecret = SecretSource()

    /// Options as typed, with the usual keys of the simulator in files of a folder.
    private func options(
        _ port: Int, host: String = "127.0.0.1", auth: String = "none", profile: String? = nil, from: String? = nil,
        to: String? = nil,
        object: String? = nil, classID: UInt16? = nil, zone: String = "Asia/Kolkata", folder: String? = nil,
        json: Bool = true
    ) throws -> ReadOptions {
        func file(_ name: String) -> SecretSource { SecretSource(file: folder.map { $0 + "/" + name }) }
        let ciphered = auth.hasPrefix("hls")
        return try ReadOptions(
            host: host, port: port, client: nil, server: 1, authentication: auth,
            secret: auth == "none" ? noSecret : file(auth), encryptionKey: ciphered ? file("ek") : noSecret,
            authenticationKey: ciphered ? file("ak") : noSecret, title: "BBRTEST1", counter: nil, profile: profile,
            from: from, to: to, object: object, classID: classID, attribute: 2, meterProfile: "single-phase",
            zone: zone, timeoutMs: 5000, json: json)
    }

    private func withFleet(_ body: (MeterFleet, _ folder: String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "busbar-read-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let texts = [
            "lls": "BUSBARSIM\n", "hls-2": "BUSBAR-SIM-HLS-1", "hls-gmac": "", "ek": "4255534241522d53494d2d454b2d3031",
            "ak": "hex:4255534241522d53494d2d414b2d3031\n",
        ]
        for (name, text) in texts { try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name)) }
        var simulation = SimulateOptions(meters: 2, port: 0)
        simulation.nowS = try instantS("2026-03-04T12:10", zone: .india)
        let simulated = try await startSimulation(simulation)
        let fleet = simulated.fleet
        #expect(
            simulated.notice.contains("2 meters from the household model")
                && simulated.notice.contains("addresses 127.0.0.1 to 127.0.0.2, port \(fleet.port)"))
        try await body(fleet, folder)
        await simulated.stop()
    }

    @Test("a profile as JSON under every authentication, twice, so that counters move on")
    func profile() async throws {
        struct Answer: Decodable {
            struct Column: Decodable { var name: String, obis: String, unit: String }
            struct Cell: Decodable {
                var text: String?, number: Int?
                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    number = try? container.decode(Int.self)
                    text = try? container.decode(String.self)
                }
            }
            var columns: [Column], rows: [[Cell]]
        }
        try await withFleet { fleet, folder in
            for auth in ["none", "lls", "hls-2", "hls-gmac", "hls-2", "hls-gmac"] {
                let result = await readMeter(
                    try options(
                        fleet.port, host: "127.0.0.2", auth: auth, profile: "block-load", from: "2026-03-02T00:30",
                        to: "2026-03-03",
                        folder: folder))
                #expect(result.exitCode == 0 && result.complaint.isEmpty, "\(auth): \(result.complaint)")
                let answer = try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8))
                let energy = try #require(
                    answer.columns.firstIndex { $0.name == "block-import-energy" && $0.unit == "Wh" })
                let served = fleet.meters[1].servedWh(day: try #require(CivilDay("2026-03-02")))
                #expect(answer.rows.map { $0[energy].number } == served.map { Int($0) })
                #expect(answer.rows.first?[0].text == "2026-03-02T00:30:00+05:30")
            }
        }
    }

    @Test("an object by name or code; a table with its unit; no, nobody and nonsense have codes of their own")
    func objects() async throws {
        try await withFleet { fleet, folder in
            let port = fleet.port
            let byName = await readMeter(try options(port, object: "import-energy", json: false))
            let byCode = await readMeter(try options(port, object: "1.0.1.8.0", classID: 3, json: false))
            let lines = byName.output.split(separator: "\n")
            #expect(lines.first == "import-energy [Wh]" && lines.last == "1 row" && byCode.output.hasPrefix(lines[0]))
            #expect(await readMeter(try options(port, object: "1.0.99.99.9", classID: 3)).exitCode == 1)
            #expect(await readMeter(try options(port, object: "1.0.99.99.9")).exitCode == 2)
            #expect(await readMeter(try options(port, profile: "nothing")).exitCode == 2)
            let events = await readMeter(try options(port, profile: "events-control", json: false))
            #expect(events.exitCode == 0 && events.output.hasSuffix("0 rows\n"))
            await fleet.stop()
            let nobody = await readMeter(try options(port, object: "import-energy"))
            #expect(nobody.exitCode == 3 && nobody.complaint.contains("unreachable") && nobody.output.isEmpty)
        }
    }

    @Test("wrong calls are refused with a remedy")
    func usage() {
        #expect(throws: UsageError.self) { try options(4059, auth: "hls") }
        #expect(throws: UsageError.self) { try options(4059) }
        #expect(throws: UsageError.self) { try options(4059, profile: "block-load", object: "clock") }
        #expect(throws: UsageError.self) { try options(4059, profile: "block-load", from: "2026-03-02") }
        #expect(throws: UsageError.self) { try options(4059, profile: "x", from: "2026-03-02", to: "2026-03-01") }
        #expect(throws: UsageError.self) { try options(4059, profile: "x", from: "yesterday", to: "2026-03-01") }
        #expect(throws: UsageError.self) { try options(70_000, object: "clock") }
        #expect(throws: UsageError.self) { try options(4059, object: "clock", zone: "Mars/Base") }
        #expect(throws: UsageError.self) { try options(4059, auth: "lls", object: "clock") }
        #expect(throws: UsageError.self) { try options(4059, auth: "lls", object: "clock", folder: "/nowhere") }
        #expect(throws: UsageError.self) { try SecretSource(environment: "BUSBAR_NOT_SET").octets("secret") }
    }

    @Test("a simulation that cannot be is refused")
    func simulation() async {
        var options = SimulateOptions(load: .file("/nowhere/load.csv"))
        await #expect(throws: UsageError.self) { _ = try await startSimulation(options) }
        options = SimulateOptions(meters: 0)
        await #expect(throws: UsageError.self) { _ = try await startSimulation(options) }
        options = SimulateOptions()
        options.speed = 0
        await #expect(throws: UsageError.self) { _ = try await startSimulation(options) }
        options = SimulateOptions(port: 0)
        options.scenarios = ["/nowhere/scenario.json"]
        await #expect(throws: UsageError.self) { _ = try await startSimulation(options) }
        options.scenarios = []
        options.push = "nobody"
        await #expect(throws: UsageError.self) { _ = try await startSimulation(options) }
        options.push = nil
        options.pushIsCiphered = true
        await #expect(throws: UsageError.self) { _ = try await startSimulation(options) }
        options.pushIsCiphered = false
        options.host = "192.0.2.1"
        options.addressing = .address
        await #expect(throws: MeterFleetError.self) { _ = try await startSimulation(options) }
    }
}
