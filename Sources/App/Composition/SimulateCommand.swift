// `busbar simulate`: a fleet of virtual meters on this machine, fed by a load file or a load model, until it is
// stopped.
import CivilTime
import Clocks
import Compression
import Foundation
import LoadFiles
import MeterFleet

/// What to simulate.
public struct SimulateOptions: Sendable {
    public enum Load: Sendable {
        /// A load file, wide or long, plain or gzip.
        case file(String)
        case household
    }

    public var load: Load
    /// Nil: every meter of the file, or ten households.
    public var meters: Int?
    public var host: String
    public var port: Int
    /// Nil: the period of the file, or 1800.
    public var periodS: Int64?
    /// Business seconds per second.
    public var speed: Int64
    /// Business time at the start; nil is now.
    public var nowS: Int64?
    public var zone: Zone
    public var seed: UInt64
    public var stateFolder: String?
    public var secrets: MeterSecrets
    /// Nil: by address on the loopback network, by server address elsewhere.
    public var addressing: MeterAddressing?
    /// Days the meters have served before the start.
    public var historyDays = 45
    /// Feeders that the meters hang on in turn: F1, F2, …
    public var feeders = 1
    /// Scenario files started with the fleet.
    public var scenarios: [String] = []
    /// Path of the control socket.
    public var control: String?
    /// Host and port of a listener for what meters say unasked.
    public var push: String?
    /// With the keys of the meters, or in the clear.
    public var pushIsCiphered = false

    /// The keys of simulated meters unless others are given. They protect nothing.
    public static let publicSecrets = MeterSecrets(
        lls: Array("BUSBARSIM".utf8), hls: Array("BUSBAR-SIM-HLS-1".utf8),
        encryptionKey: Array("BUSBAR-SIM-EK-01".utf8), authenticationKey: Array("BUSBAR-SIM-AK-01".utf8),
        masterKey: Array("BUSBAR-SIM-MK-01".utf8))

    public init(load: Load = .household, meters: Int? = nil, port: Int = 4059) {
        self.load = load
        self.meters = meters
        self.port = port
        host = "127.0.0.1"
        speed = 1
        zone = .india
        seed = 1
        secrets = Self.publicSecrets
    }
}

/// Most meters of one process.
private let mostMeters = 20_000

/// A fleet that listens, with what goes on in it.
public struct Simulation: Sendable {
    public let fleet: MeterFleet
    public let director: FleetDirector
    let socket: FleetControlSocket?
    /// What to tell about it.
    public let notice: String

    /// Carries out scenarios until the task is cancelled.
    public func run() async { await director.run() }

    public func stop() async {
        await socket?.close()
        await fleet.stop()
    }
}

/// Makes the meters, listens, and starts the scenarios of the options.
public func startSimulation(
    _ options: SimulateOptions, progress: @Sendable (String) -> Void = { _ in }
) async throws -> Simulation {
    try check(options)
    let scenarios = try options.scenarios.map { try scenario($0) }
    let (meters, clocks, about) = try virtualMeters(options, progress: progress)
    let fleet = try await MeterFleet.start(
        meters,
        options: MeterFleetOptions(host: options.host, port: options.port, addressing: options.addressing))
    let director = FleetDirector(
        fleet, clocks: clocks,
        send: try options.push.map { place in
            let (host, port) = try listener(place)
            return fleet.alarmSender(host: host, port: port, options.pushIsCiphered ? .ciphered : .plain)
        })
    do {
        for scenario in scenarios { _ = try await director.start(scenario) }
        let socket: FleetControlSocket? =
            if let path = options.control { try await FleetControlSocket.open(path, FleetControl(director)) } else {
                nil
            }
        return Simulation(
            fleet: fleet, director: director, socket: socket,
            notice: notice(options, fleet, about: about, nowS: floorSeconds(clocks.businessNowMs())))
    } catch {
        await fleet.stop()
        throw error
    }
}

private func floorSeconds(_ ms: Int64) -> Int64 { ms >= 0 ? ms / 1000 : (ms - 999) / 1000 }

private func check(_ options: SimulateOptions) throws {
    guard (1...86_400).contains(options.speed) else {
        throw UsageError("--speed: 1 to 86400 business seconds a second")
    }
    guard (1...mostMeters).contains(options.meters ?? 1) else { throw UsageError("--meters: 1 to \(mostMeters)") }
    guard (1...400).contains(options.historyDays) else { throw UsageError("--history: 1 to 400 days") }
    guard options.push != nil || !options.pushIsCiphered else {
        throw UsageError("--push-ciphered says how --push sends: give --push HOST:PORT too")
    }
    guard (1...1_000).contains(options.feeders) else { throw UsageError("--feeders: 1 to 1000") }
    // Every meter may be spoken to at once, and the process has files of its own.
    let files = UInt64(options.meters ?? 1) + 64
    guard FileLimit.most >= files else {
        throw UsageError(
            "this process may open only \(FileLimit.most) files, and \(options.meters ?? 1) meters need up to "
                + "\(files): raise the limit (`ulimit -Hn \(files)` as root, LimitNOFILE in the systemd unit) or "
                + "simulate fewer")
    }
    try FileLimit.raise()
}

/// HOST:PORT, with an IPv6 host in brackets.
private func listener(_ text: String) throws -> (host: String, port: Int) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
        (1...65_535).contains(port), colon > text.startIndex
    else { throw UsageError("--push \(text): give HOST:PORT") }
    return (text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]")), port)
}

private func scenario(_ path: String) throws -> Scenario {
    guard let data = FileManager.default.contents(atPath: path) else {
        throw UsageError("cannot read the scenario file \(path)")
    }
    do {
        return try Scenario([UInt8](data))
    } catch {
        throw UsageError("\(path), \(error)")
    }
}

private func virtualMeters(
    _ options: SimulateOptions, progress: @Sendable (String) -> Void
) throws -> (meters: [VirtualMeter], clocks: Clocks, about: String) {
    let historyDays = options.historyDays
    let systemMs = Clocks.live.systemNowMs()
    let nowS = options.nowS ?? systemMs / 1000
    let clocks = Clocks.accelerated(anchorBusinessMs: nowS * 1000, anchorSystemMs: systemMs, rate: options.speed)
    let installed = options.zone.day(atS: nowS).advanced(by: -historyDays)
    let (loads, periodS, about) = try loads(options, installed: installed, nowS: nowS)
    var meters: [VirtualMeter] = []
    for (index, load) in loads.enumerated() {
        var configuration = MeterConfiguration(
            serial: load.serial, zone: options.zone, periodS: periodS, load: load.source, installed: installed,
            secrets: options.secrets, seed: options.seed &+ UInt64(index))
        configuration.retentionDays = historyDays
        configuration.feeder = "F\(index % options.feeders + 1)"
        meters.append(try VirtualMeter(configuration, clocks: clocks, stateFolder: options.stateFolder))
        if (index + 1) % 1_000 == 0 { progress("\(index + 1) of \(loads.count) meters made") }
    }
    return (meters, clocks, about)
}

private func loads(
    _ options: SimulateOptions, installed: CivilDay, nowS: Int64
) throws -> (loads: [(serial: String, source: LoadSource)], periodS: Int64, about: String) {
    switch options.load {
    case .household:
        let count = options.meters ?? 10
        let loads = (0..<count).map { index in
            let number = String(index + 1)
            let model = HouseholdModel(seed: options.seed &+ UInt64(index), zone: options.zone)
            return (
                serial: "BB" + String(repeating: "0", count: 6 - number.count) + number,
                source: LoadSource.household(model)
            )
        }
        return (loads, options.periodS ?? 1800, "the household model, seed \(options.seed)")
    case .file(let path):
        let file = try loadFile(path, options)
        guard !file.meters.isEmpty else { throw UsageError("\(path) holds no meter that could be served") }
        let count = min(options.meters ?? file.meters.count, file.meters.count, mostMeters)
        let (shiftDays, repeats) = shift(file, installed: installed, today: options.zone.day(atS: nowS))
        let loads = try (0..<count).map { index in
            let load = try RecordedLoad(file, meter: index, zone: options.zone, shiftDays: shiftDays, repeats: repeats)
            return (serial: serial(file.meters[index], index), source: LoadSource.recorded(load))
        }
        let moved = shiftDays == 0 ? "as recorded" : "moved by \(shiftDays) days and repeated"
        return (loads, options.periodS ?? Int64(file.periodS), "\(path), \(moved), \(file.refusedCount) rows refused")
    }
}

/// A file whose days contain today is served as recorded. Any other is moved by whole weeks and repeats.
private func shift(_ file: LoadFile, installed: CivilDay, today: CivilDay) -> (days: Int, repeats: Bool) {
    let first = file.meters.indices.compactMap { file.days($0).first?.day }.min() ?? installed
    let last = file.meters.indices.compactMap { file.days($0).last?.day }.max() ?? installed
    if first <= today, today <= last.advanced(by: 1) { return (0, false) }
    return (first.days(to: installed) / 7 * 7, true)
}

private func loadFile(_ path: String, _ options: SimulateOptions) throws -> LoadFile {
    guard let data = FileManager.default.contents(atPath: path) else {
        throw UsageError("cannot read the load file \(path)")
    }
    var bytes = [UInt8](data)
    if Gzip.looksCompressed(bytes) { bytes = try Gzip.decompress(bytes, limit: 1 << 30) }
    return try LoadFileParser.parse(bytes, file: path, zone: options.zone)
}

/// The name in the file where a meter can bear it, else a number.
private func serial(_ name: String, _ index: Int) -> String {
    let fits =
        !name.isEmpty && name.utf8.count <= 16
        && name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
        }
    return fits ? name : "BB\(index + 1)"
}

private func notice(_ options: SimulateOptions, _ fleet: MeterFleet, about: String, nowS: Int64) -> String {
    let last = fleet.meters.count - 1
    let host = fleet.host(0)
    let port = fleet.port
    let yesterday = options.zone.day(atS: nowS).advanced(by: -1)
    var lines = [
        "\(fleet.meters.count) meters from \(about)",
        "\(fleet.meters[0].configuration.serial) … \(fleet.meters[last].configuration.serial), "
            + "\(places(fleet, last)); period \(fleet.meters[0].configuration.periodS) s",
        "Meter time is \(stampText(nowS, options.zone)) and runs \(options.speed) times as fast as this clock.",
        "Clients: 16 without authentication, 32 lls, 48 hls-2 ciphered, 49 hls-gmac ciphered.", "Read one:",
        "  busbar read --host \(host) --port \(port) --auth none --profile block-load "
            + "--from \(yesterday) --to \(yesterday.advanced(by: 1))",
    ]
    if options.secrets.lls == SimulateOptions.publicSecrets.lls {
        lines.append(
            "  BUSBAR_SECRET=BUSBARSIM busbar read --host \(host) --port \(port) --auth lls "
                + "--secret-env BUSBAR_SECRET --obis import-energy")
        lines.append(
            "  printf BUSBAR-SIM-HLS-1 >secret; printf BUSBAR-SIM-EK-01 >ek; printf BUSBAR-SIM-AK-01 >ak\n"
                + "  busbar read --host \(host) --port \(port) --auth hls-2 --secret-file secret "
                + "--ek-file ek --ak-file ak --profile instantaneous")
    }
    if let control = options.control {
        lines += ["Control it:", "  busbar simulator status --control \(control)"]
    }
    return (lines + ["Stop with Ctrl-C."]).joined(separator: "\n") + "\n"
}

/// Where the meters are found.
private func places(_ fleet: MeterFleet, _ last: Int) -> String {
    switch fleet.addressing {
    case .address: "addresses \(fleet.host(0)) to \(fleet.host(last)), port \(fleet.port)"
    case .serverPort:
        "on \(fleet.host(0)), port \(fleet.port), server addresses 1 to \(fleet.serverAddress(last)) (--server)"
    }
}
