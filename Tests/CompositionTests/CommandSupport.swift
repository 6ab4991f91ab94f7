// What the tests of commands share: a console that remembers, folders, load files, the real binary, the independent
// calculation.
import Clocks
import Composition
import Compression
import Foundation
import Synchronization
import Testing

/// Keeps what a command said.
final class Spoken: Sendable {
    private let lines = Mutex<(said: [String], noted: [String])>(([], []))
    var said: [String] { lines.withLock { $0.said } }
    var noted: [String] { lines.withLock { $0.noted } }
    var all: String { (said + noted).joined(separator: "\n") }

    var console: Console {
        Console(
            say: { line in self.lines.withLock { $0.said.append(line) } },
            note: { line in self.lines.withLock { $0.noted.append(line) } })
    }
}

/// How a command ended and what it said.
struct Ran: Sendable {
    var status: CommandStatus
    var spoken: Spoken
}

/// Runs a command as the executable does: an error becomes its words and its code.
func run(_ body: (Console) async throws -> CommandStatus) async -> Ran {
    let spoken = Spoken()
    do {
        return Ran(status: try await body(spoken.console), spoken: spoken)
    } catch {
        let complaint = Complaint(error)
        spoken.console.note(complaint.description)
        return Ran(status: complaint.status, spoken: spoken)
    }
}

/// The same when only the code matters. Call it outside `#expect`: the compiler confuses asynchronous closures inside
/// the
/// macro with later ones beside it.
func status(_ body: (Console) async throws -> CommandStatus) async -> CommandStatus { await run(body).status }

enum Bench {
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Odd prices, one add-on at weekends, a fixed charge and duty.
    static let packs = """
        {"format": 1, "sanctionedW": 6000,
         "base": {"format": 1, "id": "HOME", "version": 3, "name": "Home",
           "calendar": {"bands": [
             {"name": "normal", "ranges": [{"fromMinute": 0, "toMinute": 540}, {"fromMinute": 1020, "toMinute": 1080},
               {"fromMinute": 1320, "toMinute": 1440}]},
             {"name": "solar", "ranges": [{"fromMinute": 540, "toMinute": 1020}]},
             {"name": "peak", "ranges": [{"fromMinute": 1080, "toMinute": 1320}]}]},
           "milliPaisePerKWh": {"normal": 611237, "solar": 489001, "peak": 733343},
           "fixedPaisePerMonth": 11003, "fixedPaisePerKWPerMonth": 4001, "dutyPPM": 51237},
         "addOns": [{"format": 1, "id": "WEEKEND", "version": 1, "name": "Weekend", "weekdays": [6, 7],
           "prices": [{"band": "solar", "milliPaisePerKWh": 300007}], "maximumLoadW": 2500}]}
        """

    /// The real load of the study where BUSBAR_DATA holds it; else a twin of the same form, and standard output says
    /// so.
    static func edrp(in folder: String) throws -> (path: String, isReal: Bool) {
        let root = ProcessInfo.processInfo.environment["BUSBAR_DATA"] ?? "../shared"
        let real = "\(root)/data/edrp-households-a/edrp_a_30min_kwh_wide.csv.gz"
        if FileManager.default.fileExists(atPath: real) { return (real, true) }
        print("no \(real): compared on a synthetic twin; set BUSBAR_DATA to compare on real load")
        let path = folder + "/twin.csv"
        try write(wide(meters: 12, days: 35), to: path)
        return (path, false)
    }

    /// The first month of the first sixty meters of the same file, or of the twin.
    static func firstMonth(in folder: String) throws -> (path: String, isReal: Bool) {
        let (path, isReal) = try edrp(in: folder)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let text = Gzip.looksCompressed(bytes) ? try Gzip.decompress(bytes, limit: 100_000_000) : bytes
        let cut = String(decoding: text, as: UTF8.self).split(separator: "\n").filter { line in
            line.hasPrefix("interval") || line.hasPrefix("2009-03-")
        }.map { line in line.split(separator: ",", omittingEmptySubsequences: false).prefix(61).joined(separator: ",") }
        let month = folder + "/month.csv"
        try write(cut.joined(separator: "\n") + "\n", to: month)
        return (month, isReal)
    }

    /// Half hours of so many days from 2009-03-01, UTC stamps, three decimals.
    static func wide(meters: Int, days: Int) -> String {
        var text = "interval_start_utc," + (1...meters).map { "H\($0)" }.joined(separator: ",") + "\n"
        for slot in 0..<days * 48 {
            let (day, hour) = (slot / 48, slot % 48 / 2)
            let month = day < 31 ? 3 : 4
            let date = day < 31 ? day + 1 : day - 30
            func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
            text += "2009-\(two(month))-\(two(date))T\(two(hour)):\(slot % 2 == 0 ? "00" : "30"):00Z"
            for meter in 1...meters {
                let wh = 20 + (slot * 7919 + meter * 104_729) % 900
                text += ",0." + String(repeating: "0", count: 3 - String(wh).count) + "\(wh)"
            }
            text += "\n"
        }
        return text
    }

    static func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// What a program said and how it left.
    struct Ended {
        var output: String
        var errors: String
        var code: Int32
    }

    static func execute(
        _ program: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> Ended {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: a pipe that nobody empties stops the program when it is full.
        let folder = FileManager.default.temporaryDirectory
        let files = ["out", "err"].map { folder.appendingPathComponent("busbar-\($0)-\(UUID().uuidString)") }
        defer { for file in files { try? FileManager.default.removeItem(at: file) } }
        for file in files { FileManager.default.createFile(atPath: file.path, contents: nil) }
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        try process.run()
        process.waitUntilExit()
        return Ended(
            output: String(decoding: try Data(contentsOf: files[0]), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: files[1]), as: UTF8.self), code: process.terminationStatus)
    }

    /// Runs the binary that was built together with the tests.
    static func busbar(_ arguments: String...) throws -> Ended { try execute(try program(), arguments) }

    /// Beside the test bundle.
    static func program() throws -> String {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        var folders = [bundle] + ["debug", "release"].map { repository.appendingPathComponent(".build/\($0)") }
        folders += [bundle.deletingLastPathComponent()]
        let found = folders.map { $0.appendingPathComponent("busbar").path }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        return try #require(found, "the binary is built together with the tests")
    }

    /// The lines of the independent calculation, header first.
    static func oracle(_ load: String, _ packs: String, zone: String, meters: Int? = nil) throws -> [String] {
        let ended = try execute(
            "/usr/bin/env",
            ["python3", repository.appendingPathComponent("oracles/rate_oracle.py").path, load, packs, "--zone", zone]
                + (meters.map { ["--meters", "\($0)"] } ?? []))
        try #require(ended.code == 0, "the independent calculation failed: \(ended.errors)")
        return ended.output.split(separator: "\n").map(String.init)
    }
}
