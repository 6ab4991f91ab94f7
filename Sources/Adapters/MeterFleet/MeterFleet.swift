// Puts virtual meters on TCP: one listener a meter, DLMS in WRAPPER frames, faults as planned. Listens on the loopback
// interface unless told otherwise; it is a simulator and belongs in no open network.
import Clocks
import DLMS
import NIOCore
import NIOPosix
import Synchronization

/// Limits and addresses of a fleet.
public struct MeterFleetOptions: Sendable {
    public var host: String
    /// Meter i listens on basePort + i; 0 gives every meter a free port.
    public var basePort: Int
    /// Open connections of one meter; one more is closed at once.
    public var maxConnectionsPerMeter = 8
    /// A connection that says nothing for so long (system time) is closed.
    public var idleTimeoutMs: Int64 = 120_000
    /// Largest APDU taken from a client, octets.
    public var maxAPDUBytes = 4096

    public init(host: String = "127.0.0.1", basePort: Int = 0) {
        self.host = host
        self.basePort = basePort
    }
}

/// Running meters. Start one with ``start(_:options:)``; stop it with ``stop()``.
public final class MeterFleet: Sendable {
    /// PDU size the meters grant; small enough that a day of load takes several blocks.
    static let maxPDU: UInt16 = 512

    public let meters: [VirtualMeter]
    public let options: MeterFleetOptions
    private let listeners: [any Channel]
    private let connections: OpenConnections

    private init(
        meters: [VirtualMeter], options: MeterFleetOptions, listeners: [any Channel], connections: OpenConnections
    ) {
        self.meters = meters
        self.options = options
        self.listeners = listeners
        self.connections = connections
    }

    /// Listens for every meter, or for none: an address in use ends the attempt with an error.
    public static func start(
        _ meters: [VirtualMeter], options: MeterFleetOptions = MeterFleetOptions()
    ) async throws(MeterFleetError) -> MeterFleet {
        guard options.basePort == 0 || (1...65_536 - meters.count).contains(options.basePort) else {
            throw MeterFleetError("\(meters.count) meters from port \(options.basePort) do not fit below port 65536")
        }
        let connections = OpenConnections()
        var listeners: [any Channel] = []
        for (index, meter) in meters.enumerated() {
            let port = options.basePort == 0 ? 0 : options.basePort + index
            do {
                listeners.append(try await listen(meter, host: options.host, port: port, options, connections))
            } catch {
                for listener in listeners { try? await listener.close() }
                throw MeterFleetError(
                    "cannot listen on \(options.host) port \(port): \(error). "
                        + "Choose another --port or stop what uses it."
                )
            }
        }
        return MeterFleet(meters: meters, options: options, listeners: listeners, connections: connections)
    }

    private static func listen(
        _ meter: VirtualMeter, host: String, port: Int, _ options: MeterFleetOptions, _ connections: OpenConnections
    ) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let serial = meter.configuration.serial
                    guard connections.add(channel, serial: serial, limit: options.maxConnectionsPerMeter) else {
                        throw MeterFleetError("too many connections to meter \(serial)")
                    }
                    channel.closeFuture.whenComplete { _ in connections.remove(channel, serial: serial) }
                    let idle = IdleStateHandler(allTimeout: .milliseconds(options.idleTimeoutMs))
                    try channel.pipeline.syncOperations.addHandlers([
                        idle, MeterConnection(meter, maxAPDUBytes: options.maxAPDUBytes),
                    ])
                }
            }
            .bind(host: host, port: port).get()
    }

    /// The port of meter i.
    public func port(_ index: Int) -> Int { listeners[index].localAddress?.port ?? 0 }

    /// The port of a meter by its serial; nil when the fleet has no such meter.
    public func port(serial: String) -> Int? {
        meters.firstIndex { $0.configuration.serial == serial }.map { port($0) }
    }

    /// Stops listening, then closes every connection.
    public func stop() async {
        for listener in listeners { try? await listener.close() }
        for channel in connections.all { try? await channel.close() }
    }

    /// Takes one meter off the network: connections to it are refused from now on.
    public func stop(serial: String) async {
        guard let index = meters.firstIndex(where: { $0.configuration.serial == serial }) else { return }
        try? await listeners[index].close()
        for channel in connections.of(serial: serial) { try? await channel.close() }
    }
}

/// The open connections of a fleet by meter.
final class OpenConnections: Sendable {
    private let channels = Mutex<[String: [ObjectIdentifier: any Channel]]>([:])

    func add(_ channel: any Channel, serial: String, limit: Int) -> Bool {
        channels.withLock {
            guard ($0[serial]?.count ?? 0) < limit else { return false }
            $0[serial, default: [:]][ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func remove(_ channel: any Channel, serial: String) {
        channels.withLock { _ = $0[serial]?.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    func of(serial: String) -> [any Channel] { channels.withLock { Array(($0[serial] ?? [:]).values) } }
    var all: [any Channel] { channels.withLock { $0.values.flatMap(\.values) } }
}
