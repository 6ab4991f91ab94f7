// `busbar simulate`: arguments only; the work is in Composition.
import ArgumentParser
import CivilTime
import Composition
import Dispatch
import Foundation
import MeterFleet

struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves simulated DLMS meters behind one TCP port until stopped.",
        discussion: """
            Give a load file (wide or long CSV, also .gz) or take the household model.
            Meters have the addresses 127.0.0.1, 127.0.0.2, … on the one port, or server addresses 1, 2, … on another \
            host.
            Try it: busbar simulate --meters 10000 --port 4059 --feeders 8 --control ./simulator.sock
            """)

    @Option(help: "Load file to replay.") var load: String?
    @Option(help: "Load model: household.") var model = "household"
    @Option(parsing: .unconditional, help: "How many meters; all of the file, or 10, when left out.") var meters: Int?
    @Option(help: "Address of the first meter; the others follow within 127.0.0.0/8.") var host = "127.0.0.1"
    @Option(parsing: .unconditional, help: "Port of all meters; 0 takes a free one.") var port = 4059
    @Option(help: "How meters are told apart: address or server-port; address on 127.0.0.0/8 when left out.")
    var by: String?
    @Option(parsing: .unconditional, help: "Feeders that the meters hang on in turn: F1, F2, …") var feeders = 1
    @Option(parsing: .unconditional, help: "Days the meters have measured already.") var history = 45
    @Option(help: "Scenario file to start with; may be given more than once.", completion: .file())
    var scenario: [String] = []
    @Option(help: "Path of the socket that `busbar simulator` and the pages control it by.", completion: .file())
    var control: String?
    @Option(help: "HOST:PORT to send last gasps and alarms to, in the clear.") var push: String?
    @Flag(help: "Ciphers them with the meters' keys.") var pushCiphered = false
    @Option(parsing: .unconditional, help: "Capture period in seconds; that of the file, or 1800, when left out.")
    var period: Int64?
    @Option(parsing: .unconditional, help: "Business seconds per second: 1440 makes a day of a minute.") var speed:
        Int64 = 1
    @Option(help: "Meter time at the start, 2026-03-01T00:30; now when left out.") var now: String?
    @Option(help: "Zone of the meters.") var zone = "Asia/Kolkata"
    @Option(parsing: .unconditional, help: "Seed of the load model.") var seed: UInt64 = 1
    @Option(help: "Folder that keeps relay movements over a restart.") var state: String?
    @Option(help: "File with the reader password (client 32).") var llsFile: String?
    @Option(help: "File with the HLS secret (client 48), 16 octets.") var secretFile: String?
    @Option(help: "File with the encryption key.") var ekFile: String?
    @Option(help: "File with the authentication key.") var akFile: String?
    @Option(help: "File with the master key that wraps new keys.") var kekFile: String?

    func run() async throws {
        do {
            let simulation = try await startSimulation(try options()) {
                FileHandle.standardError.write(Data("\($0)\n".utf8))
            }
            // Not print: its buffer would keep the notice back while the program runs on.
            FileHandle.standardOutput.write(Data(simulation.notice.utf8))
            let running = Task { await simulation.run() }
            await stopSignal()
            running.cancel()
            await simulation.stop()
        } catch let error as UsageError {
            try leave(CommandResult(complaint: error.description, exitCode: 2))
        } catch {
            try leave(CommandResult(complaint: "\(error)", exitCode: 1))
        }
    }

    private func options() throws -> SimulateOptions {
        guard model == "household" else { throw UsageError("--model \(model): household is the only one") }
        guard (0...65_535).contains(port) else { throw UsageError("--port \(port): 0 to 65535") }
        guard let zone = Zone(zone) else { throw UsageError("--zone \(zone): no such zone; Asia/Kolkata is one") }
        var options = SimulateOptions(load: load.map { .file($0) } ?? .household, meters: meters, port: port)
        (options.host, options.speed, options.seed, options.zone) = (host, speed, seed, zone)
        (options.periodS, options.stateFolder) = (period, state)
        (options.feeders, options.historyDays, options.scenarios) = (feeders, history, scenario)
        (options.control, options.push, options.pushIsCiphered) = (control, push, pushCiphered)
        if let by {
            guard let addressing = MeterAddressing(rawValue: by) else {
                throw UsageError("--by \(by): address or server-port")
            }
            options.addressing = addressing
        }
        options.nowS = try now.map { try instantS($0, zone: zone) }
        let usual = SimulateOptions.publicSecrets
        options.secrets = MeterSecrets(
            lls: try SecretSource(file: llsFile).octets("--lls-file") ?? usual.lls,
            hls: try SecretSource(file: secretFile).key("--secret-file") ?? usual.hls,
            encryptionKey: try SecretSource(file: ekFile).key("--ek-file") ?? usual.encryptionKey,
            authenticationKey: try SecretSource(file: akFile).key("--ak-file") ?? usual.authenticationKey,
            masterKey: try SecretSource(file: kekFile).key("--kek-file") ?? usual.masterKey)
        return options
    }
}

/// Returns at the first SIGINT or SIGTERM.
func stopSignal() async {
    let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
    let sources = [SIGINT, SIGTERM].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number)
        source.setEventHandler { continuation.yield() }
        source.resume()
        return source
    }
    for await _ in signals { break }
    for source in sources { source.cancel() }
}
