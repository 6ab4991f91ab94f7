// The server on a real socket: what only the wire can show. Everything else is tested without one.
import API
import Access
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing

/// One connection, written and read as bytes. Blocking, so it runs on a thread of its own.
private func exchange(port: Int, _ parts: [String], pauseMs: UInt32 = 0) async -> String {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: blockingExchange(port, parts, pauseMs)) }
    }
}

private func blockingExchange(_ port: Int, _ parts: [String], _ pauseMs: UInt32) -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return "no socket" }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { return "not connected" }
    for part in parts {
        let bytes = Array(part.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = send(descriptor, Array(bytes[sent...]), bytes.count - sent, Int32(MSG_NOSIGNAL))
            guard count > 0 else { break }
            sent += count
        }
        usleep(pauseMs * 1000)
    }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { break }
        answer.append(contentsOf: buffer[..<count])
    }
    return String(decoding: answer, as: UTF8.self)
}

/// Runs a server on a free port for the time of the body and then shuts it down gracefully.
private func withServer(
    limits: HTTPLimits = HTTPLimits(), pages: Pages = .none, _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
    try await Fixture.with(limits: limits, pages: pages) { fixture in
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = try Server.service(
            fixture.dispatcher, fixture.services, at: ServerAddress(port: 0), logger: logger,
            onRunning: { continuation.yield($0) })
        let group = ServiceGroup(services: [server], logger: logger)
        let running = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        do {
            try await body(port)
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(await exchange(port: port, ["GET /health HTTP/1.1\r\nHost: x\r\n\r\n"]) == "not connected")
    }
}

@Suite struct ServerTests {
    @Test func servesAndShutsDown() async throws {
        try await withServer { port in
            let get = await exchange(port: port, ["GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
            #expect(get.hasPrefix("HTTP/1.1 200 OK\r\n") && get.hasSuffix("\r\n\r\n{\"status\":\"ok\"}"))
            #expect(get.lowercased().contains("content-length: 15\r\n") && get.contains("Content-Security-Policy: "))
            let head = await exchange(port: port, ["HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
            #expect(head.lowercased().contains("content-length: 15\r\n") && head.hasSuffix("\r\n\r\n"))
            let missing = await exchange(port: port, ["GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
            #expect(missing.hasPrefix("HTTP/1.1 404 ") && missing.contains("/problems/no-such-path"))
        }
    }

    @Test func signsInOverTheWire() async throws {
        try await withServer { port in
            let body = #"{"username":"operator-of-1","password":"seven green tigers"}"#
            let answer = await exchange(
                port: port,
                [
                    "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                        + "Content-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n", body,
                ])
            #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("Set-Cookie: busbar_session="))
        }
    }

    @Test func oversizedBodyEndsTheConnection() async throws {
        try await withServer { port in
            let start = ContinuousClock.now
            let part = String(repeating: "x", count: 50_000)
            let answer = await exchange(
                port: port,
                [
                    "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        + "Content-Length: 100000\r\n\r\n", part, part,
                ])
            #expect(answer.hasPrefix("HTTP/1.1 413 ") && answer.lowercased().contains("connection: close"))
            #expect(answer.contains("/problems/too-large"))
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test func aBodyThatNeverComesIsGivenUp() async throws {
        var limits = HTTPLimits()
        limits.bodyReadLimitMs = 100
        try await withServer(limits: limits) { port in
            let start = ContinuousClock.now
            let answer = await exchange(
                port: port,
                [
                    "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        + "Content-Length: 100\r\n\r\n{"
                ])
            #expect(answer.hasPrefix("HTTP/1.1 408 ") && answer.contains("/problems/slow-request"), "\(answer)")
            // The test's own patience is 10 s: an end before that is the server's doing.
            #expect(ContinuousClock.now - start < .seconds(5))
            let next = await exchange(port: port, ["GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
            #expect(next.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test(arguments: [
        "GARBAGE\r\n\r\n", "GET /health HTTP/1.1\r\nHost: x\r\nX: a\u{0}b\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nLong: " + String(repeating: "a", count: 100_000) + "\r\n\r\n",
        "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    ])
    func malformedRequestsDoNotHurtTheNextOne(_ bytes: String) async throws {
        try await withServer { port in
            let answer = await exchange(port: port, [bytes])
            #expect(!answer.hasPrefix("HTTP/1.1 200"))
            let next = await exchange(port: port, ["GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
            #expect(next.hasPrefix("HTTP/1.1 200 "))
        }
    }

    /// Two readings of one length: whatever stands behind the body must not be answered as a request of its own.
    @Test(arguments: [
        "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length : 5", "Content-Length: +5", "Content-Length: 5, 6", "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ])
    func noRequestIsSmuggled(_ lengths: String) async throws {
        try await withServer { port in
            let smuggled = "0\r\n\r\nGET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let answer = await exchange(
                port: port, ["POST /api/v1/session HTTP/1.1\r\nHost: x\r\n\(lengths)\r\n\r\n\(smuggled)"])
            #expect(!answer.contains("\"openapi\""), "\(answer.prefix(200))")
        }
    }

    /// The value reaches an answer's header; it must not end it.
    @Test func noHeaderIsInjected() async throws {
        let echo = Page("GET", "/echo/{value}", access: .anyone) { call in
            .seeOther("/" + (call.path["value"] ?? ""))
        }
        try await withServer(pages: Pages([echo], problem: Pages.none.problem)) { port in
            let answer = await exchange(
                port: port,
                [
                    "GET /echo/a%0d%0aSet-Cookie:%20evil=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                ])
            #expect(answer.contains("Location: /aSet-Cookie: evil=1\r\n") && !answer.contains("\nSet-Cookie:"))
        }
    }
}
