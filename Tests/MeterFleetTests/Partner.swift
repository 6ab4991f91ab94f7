// Runs a third party's client (Python, requirements-test.txt) as a process: a job in as JSON, what it saw out as JSON.
import Foundation
import Testing

struct PartnerFailure: Error, CustomStringConvertible { var description: String }

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

/// Runs a script of Tests/scripts on a thread of its own: the fleet answers meanwhile. Without a Python that has the
/// packages the test fails and says so.
func partner<Seen: Decodable & Sendable>(_ name: String, _ job: [String: Any]) async throws -> Seen {
    let input = try JSONSerialization.data(withJSONObject: job)
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let python = ProcessInfo.processInfo.environment["BUSBAR_PYTHON"] ?? root.path + "/.venv/bin/python"
    try #require(
        FileManager.default.isExecutableFile(atPath: python),
        "no Python with the test partners at \(python): run `make venv`, or name one in BUSBAR_PYTHON")
    let script = root.path + "/Tests/scripts/" + name
    return try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(with: Result { try JSONDecoder().decode(Seen.self, from: run(python, script, input)) })
        }
    }
}

private func run(_ python: String, _ script: String, _ input: Data) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [script]
    let stdin = Pipe()
    let stdout = Pipe()
    // What a partner says on the way may be long: a file takes it without filling up.
    let complaints = NSTemporaryDirectory() + "busbar-partner-\(UInt64.random(in: 0 ... .max))"
    _ = FileManager.default.createFile(atPath: complaints, contents: nil)
    defer { try? FileManager.default.removeItem(atPath: complaints) }
    process.standardInput = stdin
    process.standardOutput = stdout
    process.standardError = FileHandle(forWritingAtPath: complaints)
    try process.run()
    // A partner that hangs must not hang the test.
    let watch = DispatchWorkItem { process.terminate() }
    DispatchQueue.global().asyncAfter(deadline: .now() + 60, execute: watch)
    defer { watch.cancel() }
    stdin.fileHandleForWriting.write(input)
    try stdin.fileHandleForWriting.close()
    let output = stdout.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        let said = FileManager.default.contents(atPath: complaints) ?? Data()
        throw PartnerFailure(description: String(decoding: said.suffix(4000), as: UTF8.self))
    }
    return output
}
