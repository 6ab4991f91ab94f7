// A client that keeps a number of connections busy with one GET each, the same for every server, and tells how long the
// answers took. Checks every status; reads HTTP/1.1 answers with Content-Length only.
import Foundation
import NIOCore
import NIOPosix
import Synchronization

enum LoadClient {
    struct Result: Encodable {
        var requests: Int
        var seconds: Double
        var p50Ms: Double
        var p99Ms: Double
        /// The body of the last answer, so that both sides can be compared by eye.
        var body: String
    }

    /// What all connections share: how many requests are still to be sent, and what was measured.
    final class Tally: Sendable {
        struct State {
            var left: Int
            var nanoseconds: [Int64] = []
            var body = ""
            var fault: String?
        }
        let state: Mutex<State>
        init(_ requests: Int) { state = Mutex(State(left: requests)) }

        /// Whether one more is to be sent.
        func take() -> Bool {
            state.withLock { state in
                guard state.left > 0, state.fault == nil else { return false }
                state.left -= 1
                return true
            }
        }
    }

    static func run(port: Int, path: String, token: String, connections: Int, requests: Int) async throws -> Result {
        let request =
            "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(token)\r\nAccept: application/json\r\n"
            + "User-Agent: busbar-bench\r\n\r\n"
        let tally = Tally(requests)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let start = ContinuousClock.now
        var channels: [any Channel] = []
        for _ in 0..<connections {
            let channel = try await ClientBootstrap(group: group)
                .channelOption(.socketOption(.so_reuseaddr), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Caller(request, tally))
                    }
                }.connect(host: "127.0.0.1", port: port).get()
            channels.append(channel)
        }
        for channel in channels { try await channel.closeFuture.get() }
        let seconds = (ContinuousClock.now - start) / .nanoseconds(1) / 1e9
        try await group.shutdownGracefully()
        let done = tally.state.withLock { $0 }
        if let fault = done.fault { throw BenchError(fault) }
        let sorted = done.nanoseconds.sorted()
        guard sorted.count == requests else { throw BenchError("\(sorted.count) answers to \(requests) requests") }
        func percentile(_ share: Int) -> Double { Double(sorted[(sorted.count - 1) * share / 100]) / 1e6 }
        return Result(
            requests: requests, seconds: seconds, p50Ms: percentile(50), p99Ms: percentile(99), body: done.body)
    }

    /// One connection: sends, waits for the whole answer, sends again. Lives on its event loop only.
    private final class Caller: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let request: String
        private let tally: Tally
        private var sentAt = ContinuousClock.now
        private var received: [UInt8] = []
        private var times: [Int64] = []

        init(_ request: String, _ tally: Tally) {
            self.request = request
            self.tally = tally
        }

        func channelActive(context: ChannelHandlerContext) { next(context) }

        private func next(_ context: ChannelHandlerContext) {
            guard tally.take() else {
                context.close(promise: nil)
                return
            }
            received.removeAll(keepingCapacity: true)
            sentAt = .now
            context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(string: request)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received.append(contentsOf: unwrapInboundIn(data).readableBytesView)
            guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
            let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
            let lengths = head.lowercased().split(separator: "\r\n").filter { $0.hasPrefix("content-length:") }
            let length = lengths.first.flatMap { Int($0.dropFirst(15).filter(\.isNumber)) } ?? 0
            guard received.count >= end.upperBound + length else { return }
            times.append(Int64((ContinuousClock.now - sentAt) / .nanoseconds(1)))
            guard head.hasPrefix("HTTP/1.1 200") else {
                tally.state.withLock { $0.fault = "an answer is \(head.prefix(40))" }
                context.close(promise: nil)
                return
            }
            next(context)
        }

        func channelInactive(context: ChannelHandlerContext) {
            let body = received.firstRange(of: Array("\r\n\r\n".utf8)).map {
                String(decoding: received[$0.upperBound...], as: UTF8.self)
            }
            tally.state.withLock { state in
                state.nanoseconds += times
                if let body { state.body = body }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            tally.state.withLock { $0.fault = "\(error)" }
            context.close(promise: nil)
        }
    }
}
