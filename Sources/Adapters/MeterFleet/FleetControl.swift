// The control of a running simulator over a Unix socket that only its owner may open: one JSON object a line in, one
// out. Limits on everything; bad requests are answered and change nothing.
import Foundation
import MeterPort
import NIOCore
import NIOPosix
import Synchronization

/// A request on the control socket.
public struct FleetRequest: Codable, Sendable {
    /// status, scenarios, start or stop.
    public var ask: String
    /// For start: the text of a scenario file, or the name of one that comes with the program.
    public var scenario: String?
    public var shipped: String?
    /// For stop.
    public var run: Int?
    public init(ask: String, scenario: String? = nil, shipped: String? = nil, run: Int? = nil) {
        self.ask = ask
        self.scenario = scenario
        self.shipped = shipped
        self.run = run
    }
}

/// What comes back: an error, or what was asked for.
public struct FleetAnswer: Codable, Sendable {
    public var error: String?
    public var status: SimulatorStatus?
    public var scenarios: [ShippedScenario]?
    public var run: Int?
    init(
        error: String? = nil, status: SimulatorStatus? = nil, scenarios: [ShippedScenario]? = nil, run: Int? = nil
    ) {
        self.error = error
        self.status = status
        self.scenarios = scenarios
        self.run = run
    }
}

/// Scenarios inside the program.
public enum ShippedScenarios {
    static let texts: [(name: String, text: [UInt8])] = [
        ("evening-outage", PackageResources.evening_outage_json), ("bad-network", PackageResources.bad_network_json),
        ("tampered-meters", PackageResources.tampered_meters_json),
        ("ghost-commands", PackageResources.ghost_commands_json),
        ("wrong-clocks-and-keys", PackageResources.wrong_clocks_and_keys_json),
    ]

    public static func all() throws(ScenarioError) -> [ShippedScenario] {
        var all: [ShippedScenario] = []
        for (name, text) in texts {
            let scenario = try Scenario(text)
            all.append(ShippedScenario(name: name, title: scenario.name, about: scenario.about))
        }
        return all
    }

    /// The scenario of that name. One that is written for a feeder this fleet does not have is played on its first.
    public static func find(_ name: String, feeders: [String]) throws(ScenarioError) -> Scenario? {
        guard let text = texts.first(where: { $0.name == name })?.text else { return nil }
        var scenario = try Scenario(text)
        for index in scenario.steps.indices {
            guard let feeder = scenario.steps[index].target.feeder, !feeders.contains(feeder) else { continue }
            scenario.steps[index].target.feeder = feeders.first
        }
        return scenario
    }
}

/// Answers requests.
public struct FleetControl: Sendable {
    /// Longest request: a scenario file with every octet escaped once.
    public static let maxRequestBytes = 2 * Scenario.maxBytes + 1_024
    static let maxConnections = 8
    static let idleMs: Int64 = 10_000

    private let director: FleetDirector

    public init(_ director: FleetDirector) { self.director = director }

    /// One request, one answer. Never throws and never traps, whatever comes.
    public func answer(_ request: [UInt8]) async -> FleetAnswer {
        guard let request = try? JSONDecoder().decode(FleetRequest.self, from: Data(request)) else {
            return FleetAnswer(error: "this is no request: {\"ask\": \"status\"}, scenarios, start or stop")
        }
        do {
            return try await answer(request)
        } catch {
            return FleetAnswer(error: "\(error)")
        }
    }

    private func answer(_ request: FleetRequest) async throws -> FleetAnswer {
        switch request.ask {
        case "status": return FleetAnswer(status: await director.status())
        case "scenarios": return FleetAnswer(scenarios: try ShippedScenarios.all())
        case "start":
            if let text = request.scenario {
                return FleetAnswer(run: try await director.start(Scenario(Array(text.utf8))))
            }
            let feeders = await director.feeders
            guard let scenario = try ShippedScenarios.find(request.shipped ?? "", feeders: feeders) else {
                let names = ShippedScenarios.texts.map(\.name).joined(separator: ", ")
                return FleetAnswer(error: "no scenario '\(request.shipped ?? "")'; there are \(names)")
            }
            return FleetAnswer(run: try await director.start(scenario))
        case "stop":
            guard let run = request.run else { return FleetAnswer(error: "\"run\" says which one to stop") }
            try await director.stop(run)
            return FleetAnswer(run: run)
        default: return FleetAnswer(error: "'\(request.ask.prefix(20))' is not status, scenarios, start or stop")
        }
    }
}

/// A control socket that is open. Close it to remove its file.
public struct FleetControlSocket: Sendable {
    public let path: String
    private let listener: any Channel

    /// Opens the socket; only the user of this process may connect.
    /// - Throws: ``MeterFleetError`` when another simulator listens there or the place cannot be written.
    public static func open(_ path: String, _ control: FleetControl) async throws(MeterFleetError) -> FleetControlSocket
    {
        guard path.utf8.count <= 100 else {
            throw MeterFleetError("\(path) is too long for a socket; give --control a path of at most 100 octets")
        }
        let own = path + ".new"
        if (try? await FleetControlClient(path: path).status()) != nil {
            throw MeterFleetError("another simulator is controlled by \(path); stop it or give another --control")
        }
        let connections = Mutexed()
        do {
            unlink(own)
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard connections.add() else { throw MeterFleetError("too many connections") }
                        channel.closeFuture.whenComplete { _ in connections.remove() }
                        try channel.pipeline.syncOperations.addHandlers([
                            IdleStateHandler(allTimeout: .milliseconds(FleetControl.idleMs)), ControlHandler(control),
                        ])
                    }
                }
                .bind(unixDomainSocketPath: own).get()
            // Closed to others before it has the name that people know.
            guard chmod(own, 0o600) == 0, rename(own, path) == 0 else {
                try? await listener.close()
                unlink(own)
                throw MeterFleetError("cannot make \(path); give --control a place that can be written")
            }
            return FleetControlSocket(path: path, listener: listener)
        } catch let error as MeterFleetError {
            throw error
        } catch {
            throw MeterFleetError("cannot listen on \(path): \(error). Give --control a place that can be written.")
        }
    }

    public func close() async {
        unlink(path)
        try? await listener.close()
    }

    private final class Mutexed: Sendable {
        private let count = Mutex(0)
        func add() -> Bool {
            count.withLock {
                guard $0 < FleetControl.maxConnections else { return false }
                $0 += 1
                return true
            }
        }
        func remove() { count.withLock { $0 -= 1 } }
    }
}

/// Cuts lines and answers them one after the other.
private final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let control: FleetControl
    private var line: [UInt8] = []
    private var isBusy = false

    init(_ control: FleetControl) { self.control = control }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        line += Self.unwrapInboundIn(data).readableBytesView
        guard !isBusy, line.count <= FleetControl.maxRequestBytes else { return context.close(promise: nil) }
        guard line.last == 0x0A else { return }
        let request = line
        line = []
        isBusy = true
        let channel = context.channel
        let control = self.control
        channel.eventLoop.makeFutureWithTask { try JSONEncoder().encode(await control.answer(request)) }
            .assumeIsolated().whenComplete { result in
                self.isBusy = false
                guard case .success(let answer) = result else { return channel.close(promise: nil) }
                channel.writeAndFlush(channel.allocator.buffer(bytes: Array(answer) + [0x0A]), promise: nil)
            }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The other end of the control socket.
public struct FleetControlClient: SimulatorControl {
    private static let maxAnswerBytes = 4 << 20
    public let path: String
    public var timeoutMs: Int64 = 10_000

    public init(path: String) { self.path = path }

    public func status() async throws -> SimulatorStatus {
        guard let status = try await ask(FleetRequest(ask: "status")).status else { throw Self.odd }
        return status
    }

    public func scenarios() async throws -> [ShippedScenario] {
        guard let scenarios = try await ask(FleetRequest(ask: "scenarios")).scenarios else { throw Self.odd }
        return scenarios
    }

    public func start(text: String) async throws -> Int {
        guard text.utf8.count <= Scenario.maxBytes else {
            throw SimulatorError(.refused, "the scenario is larger than \(Scenario.maxBytes) octets")
        }
        guard let run = try await ask(FleetRequest(ask: "start", scenario: text)).run else { throw Self.odd }
        return run
    }

    public func start(shipped name: String) async throws -> Int {
        guard let run = try await ask(FleetRequest(ask: "start", shipped: name)).run else { throw Self.odd }
        return run
    }

    public func stop(run: Int) async throws { _ = try await ask(FleetRequest(ask: "stop", run: run)) }

    private static let odd = SimulatorError(.unreachable, "the simulator gave an answer that is none")

    private func ask(_ request: FleetRequest) async throws -> FleetAnswer {
        let octets: [UInt8]
        do {
            octets = try await exchange(Array(JSONEncoder().encode(request)) + [0x0A])
        } catch {
            throw SimulatorError(.unreachable, "no simulator answers on \(path): is it running?")
        }
        guard let answer = try? JSONDecoder().decode(FleetAnswer.self, from: Data(octets)) else { throw Self.odd }
        if let error = answer.error { throw SimulatorError(.refused, error) }
        return answer
    }

    private func exchange(_ line: [UInt8]) async throws -> [UInt8] {
        let group = MultiThreadedEventLoopGroup.singleton
        let promise = group.next().makePromise(of: [UInt8].self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group).connectTimeout(.milliseconds(timeoutMs))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(AnswerHandler(promise, Self.maxAnswerBytes))
                    }
                }
                .connect(unixDomainSocketPath: path).get()
        } catch {
            promise.fail(error)
            return try await promise.futureResult.get()
        }
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(timeoutMs)) { channel.close(promise: nil) }
        channel.writeAndFlush(channel.allocator.buffer(bytes: line), promise: nil)
        defer {
            timer.cancel()
            channel.close(promise: nil)
        }
        return try await promise.futureResult.get()
    }
}

/// Collects one line.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<[UInt8]>
    private let limit: Int
    private var line: [UInt8] = []
    private var isDone = false

    init(_ promise: EventLoopPromise<[UInt8]>, _ limit: Int) {
        self.promise = promise
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        line += Self.unwrapInboundIn(data).readableBytesView
        if line.count > limit { return context.close(promise: nil) }
        guard line.last == 0x0A, !isDone else { return }
        isDone = true
        promise.succeed(line)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard !isDone else { return }
        isDone = true
        promise.fail(ChannelError.eof)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
