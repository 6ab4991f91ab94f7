// Sends the pushes of virtual meters to a head-end that listens, over TCP or UDP. A push that finds nobody is lost, as
// with meters; last gasps are sent all the same while the meter is without supply: that is what they are for.
import DLMS
import NIOCore
import NIOPosix

/// Pushes of a fleet to one listener.
public actor FleetPusher {
    public enum Transport: String, Sendable, CaseIterable { case tcp, udp }

    private let pushers: [MeterPusher]
    private let host: String
    private let port: Int
    private let transport: Transport
    private var lastS: Int64?

    public init(_ meters: [VirtualMeter], host: String, port: Int, transport: Transport = .tcp) {
        pushers = meters.map { MeterPusher($0) }
        self.host = host
        self.port = port
        self.transport = transport
    }

    /// Sends what became due since the last call; the first call only begins. Returns how many frames were sent.
    /// - Throws: when nobody listens; what was due then is lost.
    @discardableResult
    public func tick() async throws -> Int {
        guard let nowS = pushers.first?.meter.businessNowS else { return 0 }
        guard let fromS = lastS else {
            lastS = nowS
            return 0
        }
        lastS = nowS
        var frames: [(atS: Int64, frame: [UInt8])] = []
        for pusher in pushers { frames += try pusher.due(afterS: fromS, toS: nowS) }
        guard !frames.isEmpty else { return 0 }
        try await Self.send(
            frames.sorted { $0.atS < $1.atS }.map(\.frame), host: host, port: port, transport: transport)
        return frames.count
    }

    /// Ticks until the task is cancelled. A listener that is away is tried again with what is due next.
    public func run(everyMs: Int64 = 1_000) async {
        while !Task.isCancelled {
            _ = try? await tick()
            try? await Task.sleep(for: .milliseconds(everyMs))
        }
    }

    /// Sends frames in this order: over one TCP connection, or a datagram each.
    public static func send(
        _ frames: [[UInt8]], host: String, port: Int, transport: Transport = .tcp
    ) async throws {
        switch transport {
        case .tcp:
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: host, port: port).get()
            // In parts, each written out before the next is made, so that a slow listener slows the sender.
            for start in stride(from: 0, to: frames.count, by: 64) {
                let part = frames[start..<min(start + 64, frames.count)].flatMap { $0 }
                try await channel.writeAndFlush(channel.allocator.buffer(bytes: part))
            }
            try await channel.close()
        case .udp:
            let target = try SocketAddress.makeAddressResolvingHost(host, port: port)
            let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: target.protocol == .inet6 ? "::" : "0.0.0.0", port: 0).get()
            for frame in frames {
                try await channel.writeAndFlush(
                    AddressedEnvelope(remoteAddress: target, data: channel.allocator.buffer(bytes: frame)))
            }
            try await channel.close()
        }
    }
}
