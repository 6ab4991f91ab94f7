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

    /// The keys of simulated meters unless others are given. They protect nothing.
    public static let publicSecrets = MeterSecrets(
        lls: Array("BUSBARSIM".utf8), hls: Array("BUSBAR-SIM-HLS-1".utf8),
        encryptionKey: Array("BUSBAR-SIM-EK-01".utf8), authenticationKey: Array("BUSBAR-SIM-AK-01".utf8))

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

/// Meters serve so many days before the start of the simulation.
private let historyDays = 45

/// A fleet that listens, and what to tell about it.
public func startSimulation(_ options: SimulateOptions) async throws -> (fleet: MeterFleet, notice: String) {
    guard (1...86_400).contains(options.speed) else {
        throw UsageError("--speed: 1 to 86400 business seconds a second")
    }
    guard (1...2000).contains(options.meters ?? 1) else { throw UsageError("--meters: 1 to 2000") }
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
        meters.append(try VirtualMeter(configuration, clocks: clocks, stateFolder: options.stateFolder))
    }
    let fleet = try await MeterFleet.start(
        meters, options: MeterFleetOptions(host: options.host, basePort: options.port))
    return (fleet, notice(options, fleet, about: about, nowS: nowS))
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
        let count = min(options.meters ?? file.meters.count, file.meters.count, 2000)
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
    let host = options.host
    let yesterday = options.zone.day(atS: nowS).advanced(by: -1)
    var lines = [
        "\(fleet.meters.count) meters from \(about)",
        "\(fleet.meters[0].configuration.serial) … \(fleet.meters[last].configuration.serial) on \(host), "
            + "ports \(fleet.port(0)) to \(fleet.port(last)); period \(fleet.meters[0].configuration.periodS) s",
        "Meter time is \(stampText(nowS, options.zone)) and runs \(options.speed) times as fast as this clock.",
        "Clients: 16 without authentication, 32 lls, 48 hls-2 ciphered, 49 hls-gmac ciphered.", "Read one:",
        "  busbar read --host \(host) --port \(fleet.port(0)) --auth none --profile block-load "
            + "--from \(yesterday) --to \(yesterday.advanced(by: 1))",
    ]
    if options.secrets.lls == SimulateOptions.publicSecrets.lls {
        lines.append(
            "  BUSBAR_SECRET=BUSBARSIM busbar read --host \(host) --port \(fleet.port(0)) --auth lls "
                + "--secret-env BUSBAR_SECRET --obis import-energy")
        lines.append(
            "  printf BUSBAR-SIM-HLS-1 >secret; printf BUSBAR-SIM-EK-01 >ek; printf BUSBAR-SIM-AK-01 >ak\n"
                + "  busbar read --host \(host) --port \(fleet.port(0)) --auth hls-2 --secret-file secret "
                + "--ek-file ek --ak-file ak --profile instantaneous")
    }
    return (lines + ["Stop with Ctrl-C."]).joined(separator: "\n") + "\n"
}
