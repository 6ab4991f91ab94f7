// Puts virtual meters on TCP: one listener for all of them, DLMS in WRAPPER frames, faults as planned. Listens on the
// loopback interface unless told otherwise; it is a simulator and belongs in no open network.
import Clocks
import DLMS
import NIOCore
import NIOPosix
import Synchronization

/// Limits and addresses of a fleet.
public struct MeterFleetOptions: Sendable {
    /// Address of the first meter, or of all of them when they are told apart by server address.
    public var host: String
    /// The port of all meters; 0 takes a free one.
    public var port: Int
    /// Nil: by address on an IPv4 loopback address, by server address anywhere else.
    public var addressing: MeterAddressing?
    /// Open connections of one meter; one more is closed at once.
    public var maxConnectionsPerMeter = 8
    /// A connection that says nothing for so long (system time) is closed.
    public var idleTimeoutMs: Int64 = 120_000
    /// Largest APDU taken from a client, octets.
    public var maxAPDUBytes = 4096

    public init(host: String = "127.0.0.1", port: Int = 0, addressing: MeterAddressing? = nil) {
        self.host = host
        self.port = port
        self.addressing = addressing
    }
}

/// Running meters. Start one with ``start(_:options:)``; stop it with ``stop()``.
public final class MeterFleet: Sendable {
    /// PDU size the meters grant; small enough that a day of load takes several blocks.
    static let maxPDU: UInt16 = 512

    public let meters: [VirtualMeter]
    public let options: MeterFleetOptions
    public let addressing: MeterAddressing
    /// What goes wrong beside what each meter was made with.
    public let plan: FaultPlan
    public let figures: FleetFigures
    /// The port of all meters.
    public let port: Int
    private let listener: any Channel
    private let connections: OpenConnections

    private init(
        meters: [VirtualMeter], options: MeterFleetOptions, addressing: MeterAddressing, plan: FaultPlan,
        figures: FleetFigures, listener: any Channel, connections: OpenConnections
    ) {
        self.meters = meters
        self.options = options
        self.addressing = addressing
        self.plan = plan
        self.figures = figures
        self.listener = listener
        self.connections = connections
        port = listener.localAddress?.port ?? 0
    }

    /// Listens for all meters.
    /// - Throws: ``MeterFleetError`` when there are more meters than addresses, or the port is in use.
    public static func start(
        _ meters: [VirtualMeter], options: MeterFleetOptions = MeterFleetOptions()
    ) async throws(MeterFleetError) -> MeterFleet {
        let first = LoopbackAddress(options.host)
        let addressing = options.addressing ?? (first == nil ? .serverPort : .address)
        try check(meters.count, options, addressing, first: first)
        let shared = Shared(meters: meters, options: options, firstAddress: addressing == .address ? first : nil)
        for meter in meters { meter.attach(shared.plan) }
        let listener: any Channel
        do {
            listener = try await listen(shared)
        } catch {
            throw MeterFleetError(
                "cannot listen on \(options.host) port \(options.port): \(error). "
                    + "Choose another --port or stop what uses it.")
        }
        return MeterFleet(
            meters: meters, options: options, addressing: addressing, plan: shared.plan, figures: shared.figures,
            listener: listener, connections: shared.connections)
    }

    private static func check(
        _ count: Int, _ options: MeterFleetOptions, _ addressing: MeterAddressing, first: LoopbackAddress?
    ) throws(MeterFleetError) {
        guard (0...65_535).contains(options.port) else { throw MeterFleetError("no such port: \(options.port)") }
        switch addressing {
        case .address:
            guard let first else {
                throw MeterFleetError(
                    "meters are told apart by their address only within 127.0.0.0/8, and \(options.host) is not there. "
                        + "Give --host 127.0.0.1, or tell them apart by server address.")
            }
            guard first.advanced(by: count - 1) != nil else {
                throw MeterFleetError("\(count) meters from \(options.host) do not fit into 127.0.0.0/8")
            }
        case .serverPort:
            // 0 is no station, 65535 is all of them.
            guard count <= 65_534 else {
                throw MeterFleetError("\(count) meters; one host has 65534 server addresses at most")
            }
        }
    }

    private static func listen(_ shared: Shared) async throws -> any Channel {
        // Many addresses need a listener on all of them. It is tied to the loopback interface where the system lets
        // us, and connections to any other address are closed unheard.
        let many = shared.firstAddress != nil && shared.meters.count > 1
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                guard many, let provider = channel as? any SocketOptionProvider else {
                    return channel.eventLoop.makeSucceededVoidFuture()
                }
                let bindToDevice = NIOBSDSocket.Option(rawValue: 25)
                let loopback: (CChar, CChar, CChar) = (108, 111, 0)
                return provider.unsafeSetSocketOption(level: .socket, name: bindToDevice, value: loopback)
                    .flatMapError { _ in channel.eventLoop.makeSucceededVoidFuture() }
            }
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel, shared) }
            }
            .bind(host: many ? "0.0.0.0" : shared.options.host, port: shared.options.port).get()
    }

    private static func accept(_ channel: any Channel, _ shared: Shared) throws {
        var index: Int?
        if let first = shared.firstAddress {
            guard let own = LoopbackAddress(channel.localAddress), own.number >= first.number,
                Int(own.number - first.number) < shared.meters.count
            else { throw MeterFleetError("no meter has the address \(channel.localAddress?.description ?? "")") }
            index = Int(own.number - first.number)
        }
        guard shared.connections.add(channel, meter: index, shared) else {
            throw MeterFleetError("too many connections")
        }
        let meter = index
        channel.closeFuture.whenComplete { _ in shared.connections.remove(channel, meter: meter) }
        let idle = IdleStateHandler(allTimeout: .milliseconds(shared.options.idleTimeoutMs))
        try channel.pipeline.syncOperations.addHandlers([idle, MeterConnection(shared, meter: meter)])
    }

    /// The host under which meter i is found.
    public func host(_ index: Int) -> String {
        guard addressing == .address, let first = LoopbackAddress(options.host) else { return options.host }
        return first.advanced(by: index)?.text ?? options.host
    }

    /// The server address (SAP) of meter i.
    public func serverAddress(_ index: Int) -> UInt16 { addressing == .address ? 1 : UInt16(clamping: index + 1) }

    /// The port of meter i: that of all.
    public func port(_ index: Int) -> Int { port }

    public var openConnections: Int { connections.count }

    /// Stops listening, then closes every connection.
    public func stop() async {
        try? await listener.close()
        for channel in connections.all { try? await channel.close() }
    }
}

/// What all connections of a fleet share.
final class Shared: Sendable {
    let meters: [VirtualMeter]
    let options: MeterFleetOptions
    /// Nil: meters are told apart by server address.
    let firstAddress: LoopbackAddress?
    let plan = FaultPlan()
    let figures = FleetFigures()
    let connections = OpenConnections()

    init(meters: [VirtualMeter], options: MeterFleetOptions, firstAddress: LoopbackAddress?) {
        self.meters = meters
        self.options = options
        self.firstAddress = firstAddress
    }
}

/// The open connections of a fleet, and how many each meter has.
final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var perMeter: [Int: Int] = [:]
    }
    private let state = Mutex(State())

    /// False when the meter, or the fleet of meters behind one address, has as many as it may.
    func add(_ channel: any Channel, meter: Int?, _ shared: Shared) -> Bool {
        let limit = shared.options.maxConnectionsPerMeter
        return state.withLock {
            guard let meter else {
                guard $0.channels.count < limit * max(1, shared.meters.count) else { return false }
                $0.channels[ObjectIdentifier(channel)] = channel
                return true
            }
            guard $0.perMeter[meter, default: 0] < limit else { return false }
            $0.perMeter[meter, default: 0] += 1
            $0.channels[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func remove(_ channel: any Channel, meter: Int?) {
        state.withLock {
            guard $0.channels.removeValue(forKey: ObjectIdentifier(channel)) != nil, let meter else { return }
            let left = $0.perMeter[meter, default: 1] - 1
            $0.perMeter[meter] = left == 0 ? nil : left
        }
    }

    var count: Int { state.withLock { $0.channels.count } }
    var all: [any Channel] { state.withLock { Array($0.channels.values) } }
}

/// What a fleet has done since it started.
public final class FleetFigures: Sendable {
    public enum Kind: String, Sendable, CaseIterable, Codable {
        case connections, answers, dropped, garbled, repeated, reboots, silent, alarms
        /// Requests whose invocation counter a meter had seen before.
        case refusedCounters
        /// Counters that a meter took and had taken before, on another connection.
        case reusedCounters
    }
    private let counts = Mutex([Int](repeating: 0, count: Kind.allCases.count))
    private static let places: [Kind: Int] = Dictionary(
        uniqueKeysWithValues: Kind.allCases.enumerated().map { ($0.element, $0.offset) })

    func add(_ kind: Kind, _ count: Int = 1) {
        let place = Self.places[kind] ?? 0
        counts.withLock { $0[place] += count }
    }

    public func callAsFunction(_ kind: Kind) -> Int { counts.withLock { $0[Self.places[kind] ?? 0] } }
}
