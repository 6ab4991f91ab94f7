// The real program as a process: started, asked over HTTP, stopped in every way there is. Waits on conditions, never
// for a time.
import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// An answer as it came over the wire.
struct Reply: Sendable {
    /// 0: nobody answered.
    var status = 0
    var head = ""
    var body = ""
}

/// A process of the built program with its output in a file.
final class Program: Sendable {
    struct Ended: Sendable {
        var code: Int32
        var text: String
    }

    private let process: Process
    private let log: String
    var pid: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    var text: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    private init(_ process: Process, log: String) {
        self.process = process
        self.log = log
    }

    deinit {
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(atPath: log)
    }

    /// The program beside the test bundle.
    static func path() throws -> String {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folders =
            [bundle, bundle.deletingLastPathComponent()]
            + ["debug", "release"].map { root.appendingPathComponent(".build/\($0)") }
        let found = folders.map { $0.appendingPathComponent("busbar").path }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        return try #require(found, "the program is built together with the tests")
    }

    /// - Parameter limits: lines of shell that set limits before the program takes the shell's place.
    static func start(_ arguments: [String], limits: String = "", environment: [String: String] = [:]) throws
        -> Program
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", limits + "\nexec \"$0\" \"$@\"", try path()] + arguments
        var all = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        all["BUSBAR_DATABASE"] = environment["BUSBAR_DATABASE"]
        process.environment = all
        process.standardInput = FileHandle.nullDevice
        let log = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-log-\(UUID().uuidString)").path
        FileManager.default.createFile(atPath: log, contents: nil)
        let handle = try #require(FileHandle(forWritingAtPath: log))
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        return Program(process, log: log)
    }

    /// Runs to the end.
    static func run(_ arguments: [String], limits: String = "", environment: [String: String] = [:]) async throws
        -> Ended
    {
        try await start(arguments, limits: limits, environment: environment).end(withinS: 60)
    }

    /// Serves on a free port.
    static func serve(_ arguments: [String], limits: String = "", environment: [String: String] = [:]) async throws
        -> Server
    {
        let program = try start(
            ["serve", "--port", "0"] + arguments, limits: limits, environment: environment)
        try await until("the server listens", withinS: 60) {
            program.text.contains("Busbar listens on") || !program.isRunning
        }
        let line = program.text.split(separator: "\n").first { $0.contains("Busbar listens on") }
        let port = line?.split(separator: ":").last.flatMap { Int($0.filter(\.isNumber)) }
        return Server(program: program, port: try #require(port, "it did not start: \(program.text.suffix(800))"))
    }

    func signal(_ signal: Int32) { kill(pid, signal) }

    /// Waits for the end.
    func end(withinS limitS: Int) async throws -> Ended {
        try await until("the process ends", withinS: limitS) { !self.process.isRunning }
        return Ended(
            code: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
            text: text)
    }
}

struct NotInTime: Error, CustomStringConvertible {
    let description: String
}

/// Looks again and again.
func until(_ what: String, withinS: Int, _ isSo: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(withinS)
    while try await !isSo() {
        guard ContinuousClock.now < end else { throw NotInTime(description: "\(what): not within \(withinS) s") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// A serving process and its port.
struct Server: Sendable {
    let program: Program
    let port: Int

    /// One request on a connection of its own.
    func ask(_ method: String, _ path: String, token: String? = nil, json: String? = nil) async -> Reply {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        if let token { text += "Authorization: Bearer \(token)\r\n" }
        if let json { text += "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n" }
        let bytes = Array((text + "\r\n" + (json ?? "")).utf8)
        let port = port
        let answer: String = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var answer: [UInt8] = []
                if let connection = Connection(port: port) {
                    connection.send(bytes)
                    answer = connection.readToEnd()
                }
                continuation.resume(returning: String(decoding: answer, as: UTF8.self))
            }
        }
        guard let end = answer.range(of: "\r\n\r\n") else { return Reply() }
        return Reply(
            status: Int(answer.split(separator: " ", maxSplits: 2).dropFirst().first ?? "") ?? 0,
            head: String(answer[..<end.lowerBound]), body: String(answer[end.upperBound...]))
    }

    func token(_ name: String = "admin") async throws -> String {
        let body = #"{"username": "\#(name)", "password": "\#(Installation.password)", "use": "bearer"}"#
        let reply = await ask("POST", "/api/v1/session", json: body)
        let mark = try #require(reply.body.range(of: #""token":""#), "no token in \(reply)")
        return String(reply.body[mark.upperBound...].prefix(64))
    }

    /// A small write that one person may do alone: a limit of edits.
    func setLimit(_ energyWh: Int, token: String) async -> Reply {
        await ask(
            "PUT", "/api/v1/settings/edits.approve-above-wh", token: token, json: #"{"value": "\#(energyWh)"}"#)
    }

    func threads() -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(program.pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("Threads:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    /// Asks it to end and waits.
    func stop(withinS: Int = 20) async throws -> Program.Ended {
        program.signal(SIGTERM)
        return try await program.end(withinS: withinS)
    }
}

/// A blocking socket on the loopback interface; used on threads of its own only.
final class Connection {
    private let descriptor: Int32

    init?(port: Int, timeoutS: Int = 40) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var limit = timeval(tv_sec: timeoutS, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard isConnected == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    func readToEnd() -> [UInt8] {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return answer }
            answer.append(contentsOf: buffer[..<count])
        }
    }
}

/// A small installation made by the program's own commands.
enum Installation {
    static let password = "correct horse battery"

    static func make(_ arguments: [String], folder: String, environment: [String: String] = [:]) async throws {
        let file = folder + "/password"
        try Data((password + "\n").utf8).write(to: URL(fileURLWithPath: file))
        for words in [
            ["org", "add", "Bad Day Power"],
            ["user", "add", "admin", "--role", "administrator", "--password-file", file],
        ] {
            let ended = try await Program.run(words + arguments, environment: environment)
            try #require(ended.code == 0, "\(words): \(ended.text)")
        }
    }

    /// Two meters, two days of March 2009.
    static func readings(_ data: String, folder: String) async throws {
        var text = "interval_start_utc,H1,H2\n"
        for slot in 0..<96 {
            let hour = slot % 48 / 2
            text += "2009-03-0\(1 + slot / 48)T\(hour < 10 ? "0" : "")\(hour):\(slot % 2 == 0 ? "00" : "30"):00Z"
            text += ",0.1\(10 + slot % 80),0.2\(10 + slot % 70)\n"
        }
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/load.csv"))
        try Data(pack.utf8).write(to: URL(fileURLWithPath: folder + "/pack.json"))
        let ended = try await Program.run([
            "import", folder + "/load.csv", "--create-meters", "--pack", folder + "/pack.json", "--data", data,
        ])
        try #require(ended.code == 0, "\(ended.text)")
    }

    private static let pack = """
        {"format": 1, "sanctionedW": 6000,
         "base": {"format": 1, "id": "HOME", "version": 1, "name": "Home",
           "calendar": {"bands": [{"name": "normal", "ranges": [{"fromMinute": 0, "toMinute": 1440}]}]},
           "milliPaisePerKWh": {"normal": 611237}, "fixedPaisePerMonth": 11003, "fixedPaisePerKWPerMonth": 4001,
           "dutyPPM": 51237}}
        """
}
