// The head-end's client against a simulated fleet in another process: how fast it reads a day of each meter, and how
// many associations it holds open. No part of the product.
import CivilTime
import DLMS
import Foundation
import MeterFleet
import MeterLink
import MeterPort

/// Meters of `busbar simulate` with its public keys.
enum BenchFleet {
    static let keys = SimulatorKeys()
    struct SimulatorKeys: Sendable {
        let hls = Array("BUSBAR-SIM-HLS-1".utf8)
        let encryption = Array("BUSBAR-SIM-EK-01".utf8)
        let authentication = Array("BUSBAR-SIM-AK-01".utf8)
    }

    static func host(_ index: Int) -> String {
        let number = 0x7F00_0001 + index
        return [24, 16, 8, 0].map { String(number >> $0 & 0xFF) }.joined(separator: ".")
    }

    static func open(_ index: Int, port: Int) -> MeterEndpoint {
        MeterEndpoint(host: host(index), port: port, clientAddress: 16, authentication: .none, timeoutMs: 60_000)
    }

    static func utility(_ index: Int, port: Int, counter: UInt32) -> MeterEndpoint {
        MeterEndpoint(
            host: host(index), port: port, clientAddress: 48, authentication: .hls2, secret: keys.hls,
            encryptionKey: keys.encryption, authenticationKey: keys.authentication,
            clientSystemTitle: Array("BUSBAR01".utf8), invocationCounter: counter, timeoutMs: 60_000)
    }

    /// Connections are files: takes as many as the system allows.
    static func raiseFileLimit(toHold count: Int) throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard limit.rlim_cur >= rlim_t(count + 64) else {
            throw BenchError(
                "this process may open only \(limit.rlim_cur) files and needs \(count + 64): `ulimit -Hn` as root")
        }
    }

    static func residentKiB() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { $0.split(whereSeparator: { !$0.isNumber }).first }.flatMap { Int($0) } ?? 0
    }
}

enum HeadEndRead {
    /// Each meter: the counter through the open association, then a ciphered one, one day of the load profile, release.
    /// Twice: at the first time the columns and scalers of every meter are read, and remembered.
    static func run(port: Int, meters: Int, parallel: Int, dayText: String) async throws -> String {
        guard let day = CivilDay(dayText) else { throw BenchError("\(dayText) is no day") }
        try BenchFleet.raiseFileLimit(toHold: parallel)
        let transport = TCPMeterTransport()
        let first = try await pass(transport, port, meters, parallel, day)
        let second = try await pass(transport, port, meters, parallel, day)
        guard first.wh == second.wh, first.rows == second.rows else { throw BenchError("two passes differ") }
        return """
            {"meters": \(meters), "rows": \(second.rows), "wh": \(second.wh), "wall_s": \(second.used.wallS), \
            "core_s": \(second.used.coreS), "first_wall_s": \(first.used.wallS), "first_core_s": \(first.used.coreS)}
            """
    }

    private static func pass(
        _ transport: TCPMeterTransport, _ port: Int, _ meters: Int, _ parallel: Int, _ day: CivilDay
    ) async throws -> (rows: Int, wh: Int64, used: Seconds) {
        let watch = Stopwatch()
        let (fromS, toS) = (Zone.india.startS(of: day) + 1, Zone.india.startS(of: day.advanced(by: 1)))
        let (rows, wh) = try await withThrowingTaskGroup(of: (Int, Int64).self) { group in
            var next = 0
            var sum = (0, Int64(0))
            func add() {
                let index = next
                next += 1
                group.addTask { try await one(transport, index, port, fromS, toS) }
            }
            while next < min(parallel, meters) { add() }
            while let (rows, wh) = try await group.next() {
                sum = (sum.0 + rows, sum.1 + wh)
                if next < meters { add() }
            }
            return sum
        }
        return (rows, wh, watch.used())
    }

    private static func one(
        _ transport: TCPMeterTransport, _ index: Int, _ port: Int, _ fromS: Int64, _ toS: Int64
    ) async throws -> (Int, Int64) {
        let seen = try await transport.associate(with: BenchFleet.open(index, port: port)) {
            try await $0.get(AttributeReference(1, OBIS(0, 0, 43, 1, 3), 2))
        }
        guard let counter = seen.integer.flatMap({ UInt32(exactly: $0) }) else { throw BenchError("no counter") }
        let rows = try await transport.converse(with: BenchFleet.utility(index, port: port, counter: counter + 1)) {
            try await $0.blockLoad(fromS: fromS, toS: toS)
        }
        return (rows.count, rows.reduce(0) { $0 + Int64($1.importWh) })
    }
}

enum HeadEndOpen {
    /// Waits until somebody opens it.
    private actor Gate {
        private var isOpen = false
        private var waiting: [CheckedContinuation<Void, Never>] = []
        private(set) var inside = 0
        func enter() async {
            inside += 1
            if !isOpen { await withCheckedContinuation { waiting.append($0) } }
        }
        func open() {
            isOpen = true
            for continuation in waiting { continuation.resume() }
            waiting = []
        }
    }

    /// Opens a ciphered association with every meter, says when all are open, holds them until a line comes on standard
    /// input, then reads every clock through them.
    static func run(port: Int, meters: Int, counter: Int) async throws -> String {
        try BenchFleet.raiseFileLimit(toHold: meters)
        let before = BenchFleet.residentKiB()
        let transport = TCPMeterTransport()
        let gate = Gate()
        let watch = Stopwatch()
        let read = try await withThrowingTaskGroup(of: Int64?.self) { group in
            var opened = 0
            for index in 0..<meters {
                // A few at a time: the backlog of a listener is short.
                while index - (await gate.inside) >= 64 { try await Task.sleep(for: .milliseconds(2)) }
                group.addTask {
                    try await transport.converse(
                        with: BenchFleet.utility(index, port: port, counter: UInt32(counter)),
                        { meter in
                            await gate.enter()
                            return try await meter.clockS()
                        })
                }
                opened += 1
            }
            group.addTask {
                while await gate.inside < meters { try await Task.sleep(for: .milliseconds(5)) }
                let kiB = BenchFleet.residentKiB()
                let line =
                    #"{"open": \#(meters), "rss_kib": \#(kiB), "before_kib": \#(before), "#
                    + #""wall_s": \#(watch.used().wallS), "core_s": \#(watch.used().coreS)}"# + "\n"
                FileHandle.standardOutput.write(Data(line.utf8))
                await withCheckedContinuation { continuation in
                    Thread.detachNewThread {
                        _ = readLine()
                        continuation.resume()
                    }
                }
                await gate.open()
                return nil
            }
            return try await group.reduce(0) { $0 + ($1 == nil ? 0 : 1) }
        }
        return #"{"read": \#(read)}"#
    }
}
