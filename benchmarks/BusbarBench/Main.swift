// The Swift side of the benchmarks: does one measured piece of work and prints it as a line of JSON. The *.bench files
// beside it run it and its peers, compare what both computed, and print the results. No part of the product.
import Foundation

@main struct BusbarBench {
    static let usage = """
        usage: busbar-bench price-day METER_DAYS RUNS
               busbar-bench store sqlite|sqlite-rows METER_DAYS SLOTS FOLDER
               busbar-bench store postgres|postgres-rows METER_DAYS SLOTS URL SERVER_PID
               busbar-bench seed --accounts N --days D --data DIR [--database URL] [--to YYYY-MM-DD]
               busbar-bench nightly ACCOUNTS FOLDER [URL SERVER_PID]
               busbar-bench serve-api busbar FOLDER | serve-api bare
               busbar-bench load PORT PATH TOKEN CONNECTIONS REQUESTS
               busbar-bench hes-read PORT METERS PARALLEL YYYY-MM-DD
               busbar-bench hes-open PORT METERS FIRST_COUNTER
               busbar-bench hes-fault PORT METERS FOLDER YYYY-MM-DDTHH:MM SPEED CONTROL
               busbar-bench hes-alarms METERS ALARMS FOLDER

        """ + MoneySpeed.usage + MeterDataSpeed.usage

    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            print(try await line(words))
        } catch {
            FileHandle.standardError.write(Data("busbar-bench: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func line(_ words: [String]) async throws -> String {
        func number(_ index: Int) throws -> Int {
            guard index < words.count, let number = Int(words[index]), number > 0 else { throw BenchError(usage) }
            return number
        }
        switch (words.first, words.count) {
        case ("mdm", _): return try await MeterDataSpeed.line(Array(words.dropFirst()))
        case ("journal", 4), ("recharge", 4): return try await MoneySpeed.line(words)
        case ("seed", _): return try await Seed.run(SeedPlan(Array(words.dropFirst())))
        case ("price-day", 3): return try PriceDay.run(meterDays: number(1), runs: number(2))
        case ("nightly", 3):
            return try await NightlyRun.run(accounts: number(1), folder: words[2], databaseURL: nil, serverPID: nil)
        case ("nightly", 5):
            return try await NightlyRun.run(
                accounts: number(1), folder: words[2], databaseURL: words[3], serverPID: number(4))
        case ("store", 5...6):
            let load = BenchLoad(meterDays: try number(2), slots: try number(3))
            let result =
                switch (words[1], words.count) {
                case ("sqlite", 5): try await StoreDays.sqlite(load, folder: words[4])
                case ("sqlite-rows", 5): try StoreRows.sqlite(load, folder: words[4])
                case ("postgres", 6): try await StoreDays.postgres(load, url: words[4], serverPID: number(5))
                case ("postgres-rows", 6): try StoreRows.postgres(load, url: words[4], serverPID: number(5))
                default: throw BenchError(usage)
                }
            return result.json
        case ("serve-api", 3) where words[1] == "busbar":
            try await ServeAPI.busbar(folder: words[2])
            return "{}"
        case ("serve-api", 2) where words[1] == "bare":
            try await ServeAPI.bare()
            return "{}"
        case ("hes-read", 5):
            return try await HeadEndRead.run(
                port: number(1), meters: number(2), parallel: number(3), dayText: words[4])
        case ("hes-open", 4):
            return try await HeadEndOpen.run(port: number(1), meters: number(2), counter: number(3))
        case ("hes-fault", 7):
            return try await HeadEndFaults.run(
                port: number(1), meters: number(2), folder: words[3], now: words[4], speed: number(5),
                control: words[6])
        case ("hes-alarms", 4):
            return try await HeadEndAlarms.run(meters: number(1), alarms: number(2), folder: words[3])
        case ("load", 6):
            let result = try await LoadClient.run(
                port: try number(1), path: words[2], token: words[3], connections: try number(4),
                requests: try number(5))
            return String(decoding: try JSONEncoder().encode(result), as: UTF8.self)
        default: throw BenchError(usage)
        }
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Wall and core seconds of this process.
struct Seconds {
    var wallS = 0.0
    var coreS = 0.0
    static func += (a: inout Seconds, b: Seconds) {
        a.wallS += b.wallS
        a.coreS += b.coreS
    }
}

struct Stopwatch {
    private let wall = ContinuousClock.now
    private let core = Stopwatch.coreS()

    func used() -> Seconds {
        Seconds(wallS: (ContinuousClock.now - wall) / .nanoseconds(1) / 1e9, coreS: Self.coreS() - core)
    }

    /// User and system time of all threads.
    private static func coreS() -> Double {
        // POSIX counts in millionths of a second, whatever the machine does.
        Double(clock()) / 1e6
    }
}

/// The most this process ever held.
func peakMemoryMB() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
}

/// Core seconds of a database server: its main process, those it has waited for, and those that live.
func serverCoreS(_ serverPID: Int) throws -> Double {
    var ticks = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
        guard let pid = Int(name), let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let close = text.lastIndex(of: ")")
        else { continue }
        // Behind the name: state, parent, … utime and stime are fields 14 and 15, of ended children 16 and 17.
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 15, pid == serverPID || Int(fields[1]) == serverPID else { continue }
        ticks += fields[11...(pid == serverPID ? 14 : 12)].reduce(0) { $0 + (Int($1) ?? 0) }
    }
    return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
}
