// The serving process: web, API, jobs and the lease of its process number as services that end together.
import API
import Access
import CivilTime
import Clocks
import Compression
import HeadEnd
import Jobs
import Logging
import MeterLink
import Meters
import ServiceLifecycle
import Supply
import UnixSignals
import Watch
import Web

public struct ServeOptions: Sendable {
    public var host: String
    public var port: Int
    /// Pages are reached by https through a proxy: cookies become `Secure`.
    public var isHTTPS: Bool
    /// A proxy in front writes X-Forwarded-For; without one anybody could write it.
    public var trustsForwarded = false
    /// System milliseconds between two looks for due jobs.
    public var pauseMs: Int64
    /// Port of 127.0.0.1 for `/metrics`, `/health` and `/ready`; nil: none.
    public var watchPort: Int?
    /// How meters are asked.
    public var collection = CollectionRules()
    public init(host: String = "127.0.0.1", port: Int = 8080, isHTTPS: Bool = false, pauseMs: Int64 = 1_000) {
        self.host = host
        self.port = port
        self.isHTTPS = isHTTPS
        self.pauseMs = pauseMs
    }
}

/// Serves an installation until the process is asked to stop.
public func serve(_ site: SiteOptions, options: ServeOptions, log: Logger, _ console: Console) async throws
    -> CommandStatus
{
    try await withSite(site) { open in
        let serving = try await Serving(open, options: options, log: log)
        if serving.orgs.isEmpty {
            console.note("There is no company here yet: `busbar org add \"…\"`, then start again.")
        }
        try await serving.run { port in console.note("Busbar listens on http://\(options.host):\(port)/") }
        return .done
    }
}

/// Builds what serves an open site and runs it until the process is asked to stop.
public struct Serving: Sendable {
    public let open: OpenSite
    public let orgs: [Org]
    public let lines: [Line]
    public let services: Services
    public let dispatcher: Dispatcher
    let options: ServeOptions
    let log: Logger
    private let registry: MetricRegistry

    public init(_ site: OpenSite, options: ServeOptions, log: Logger) async throws {
        let registry = Figures.registry
        let (open, facts) = site.measured()
        self.open = open
        self.registry = registry
        self.options = options
        self.log = log
        let orgs = try await open.orgs()
        self.orgs = orgs
        lines = orgs.map { org in
            Line(
                site: open.site, org: org, transport: TCPMeterTransport(zone: org.zone), vault: open.vault,
                collection: options.collection, holder: open.holder, log: log)
        }
        services = Services(
            site: open.site, settings: BusbarSettings.registry, isHTTPS: options.isHTTPS,
            trustsForwarded: options.trustsForwarded,
            log: { line in log.log(level: line.level, "request", metadata: line.metadata) },
            gzip: { bytes in (try? Gzip.compress(bytes)) ?? bytes })
        services.board.facts = facts
        services.readiness.watchMigrations { try await OpenSite.pendingMigrations(in: open.site.money) }
        Metric.buildInfo.set(Int64(1), [Release.version])
        dispatcher = BusbarWeb.dispatcher(services: services, orgs: orgs, version: Release.version)
    }

    /// Returns after a graceful stop. The caller closes the site.
    /// - Parameters:
    ///   - others: services that run beside, such as a simulated fleet.
    ///   - onRunning: called with the port once the server listens.
    public func run(
        others: [any Service] = [], onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) async throws {
        let server = Server.service(
            dispatcher, services, at: ServerAddress(host: options.host, port: options.port), logger: log,
            onRunning: onRunning)
        let watch: [any Service] =
            options.watchPort.map { port in
                [
                    WatchServer(registry: registry, services: services).service(port: port, log: log) { port in
                        log.notice("the watch listens on 127.0.0.1", metadata: ["port": .stringConvertible(port)])
                    }
                ]
            } ?? []
        let readiness = services.readiness
        let all: [any Service] =
            watch + others + [
                LeaseKeeper(lease: open.lease, site: open.site, readiness: readiness, log: log),
                Sampler(board: services.board, orgs: orgs, log: log),
                LineService(lines: lines, pauseMs: options.pauseMs, log: log), server, StopWatch(readiness: readiness),
            ]
        let group = ServiceGroup(
            configuration: .init(services: all, gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
        try await group.run()
    }
}
