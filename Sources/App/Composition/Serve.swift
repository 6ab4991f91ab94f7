// The serving process: web, API, jobs and the lease of its process number as services that end together.
import API
import Access
import CivilTime
import Clocks
import Compression
import HeadEnd
import IS15959
import Jobs
import Logging
import MeterLink
import MeterListener
import MeterPort
import Meters
import Payments
import SQL
import ServiceLifecycle
import Supply
import TestGateway
import UnixSignals
import Watch
import Web

public struct ServeOptions: Sendable {
    public var host: String
    public var port: Int
    /// Pages are reached by https through a proxy: cookies become `Secure`. So they do with `tls`.
    public var isHTTPS: Bool
    /// Certificate and key to serve https without a proxy.
    public var tls: TLSFiles?
    /// What one caller may ask, and how long it may take.
    public var limits = HTTPLimits()
    /// A proxy in front writes X-Forwarded-For; without one anybody could write it.
    public var trustsForwarded = false
    /// System milliseconds between two looks for due jobs.
    public var pauseMs: Int64
    /// System seconds the process has to end after it was asked to; then it is ended hard.
    public var stopWithinS = 60
    /// Port of 127.0.0.1 for `/metrics`, `/health` and `/ready`; nil: none.
    public var watchPort: Int?
    /// Where meters push to; nil: nowhere.
    public var push: MeterListenerOptions?
    /// How meters are asked.
    public var collection = CollectionRules()
    /// Whether the built-in test gateway is there: it credits wallets and takes no money.
    public var testPayments = false
    /// The simulator that the pages may direct; nil outside demonstrations.
    public var simulator: (any SimulatorControl)?
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
    try FileLimit.raise()
    try MemoryLimit.check()
    return try await withSite(site) { open -> CommandStatus in
        try await ClockCheck.start(open)
        // A month that is damaged or of a newer version is known now and not in the middle of the night.
        for month in try await open.site.readings.monthsInReach() { _ = try await open.site.readings.shard(month) }
        // Served all the same: where the key is lost for good, the rest of the company must go on.
        if try await openedSecrets(open.ring, open.site.money).contains(false) {
            console.note(
                "The master key from \(MasterKey.place(site)) does not open the secrets of this database: meters with "
                    + "keys and second steps fail. Stop, and restore the key that belongs to it.")
        }
        if options.testPayments {
            log.critical("the test gateway is on: wallets can be credited without money")
        }
        let serving = try await Serving(open, options: options, log: log)
        if serving.orgs.isEmpty {
            console.note("There is no company here yet: `busbar org add \"…\"`, then start again.")
        }
        let scheme = serving.tls == nil ? "http" : "https"
        let host = options.host.contains(":") ? "[\(options.host)]" : options.host
        try await serving.run { port in console.note("Busbar listens on \(scheme)://\(host):\(port)/") }
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
    let companies: Companies
    let line: @Sendable (Org) -> Line
    let options: ServeOptions
    let tls: ServerTLS?
    let log: Logger
    private let registry: MetricRegistry

    public init(_ site: OpenSite, options: ServeOptions, log: Logger) async throws {
        let registry = Figures.registry
        let (open, facts) = site.measured()
        self.open = open
        self.registry = registry
        self.options = options
        self.log = log
        tls = try options.tls.map { try ServerTLS($0) }
        let profiles = try open.profiles()
        let orgs = try await open.orgs()
        self.orgs = orgs
        let payments = PaymentDesk(
            site: open.site, ring: open.ring, gateways: options.testPayments ? [TestGateway()] : [])
        line = { org in
            Line(
                site: open.site, org: org, transport: TCPMeterTransport(profiles: profiles, zone: org.zone),
                vault: open.vault,
                collection: options.collection, payments: payments, holder: open.holder, log: log)
        }
        lines = orgs.map(line)
        var services = Services(
            site: open.site, passwords: try open.passwordHasher(companyNames: orgs.map(\.name)), ring: open.ring,
            settings: BusbarSettings.registry(testPayments: options.testPayments), limits: options.limits,
            isHTTPS: options.isHTTPS || options.tls != nil,
            trustsForwarded: options.trustsForwarded,
            log: { line in log.log(level: line.level, "request", metadata: line.metadata) },
            gzip: { bytes in (try? Gzip.compress(bytes)) ?? bytes })
        services.simulator = options.simulator
        services.payments = payments
        services.meterProfiles = profiles.names
        self.services = services
        companies = Companies(orgs)
        var known = facts
        known.certificateUntilMs = { [tls] in tls.map { $0.dates.untilS * 1000 } }
        known.testPayments = { orgID in try await payments.isTest(orgID) }
        services.board.facts = known
        services.readiness.watchMigrations { try await OpenSite.pendingMigrations(in: open.site.money) }
        Metric.buildInfo.set(Int64(1), [Release.version])
        dispatcher = BusbarWeb.dispatcher(services: services, companies: companies, version: Release.version)
    }

    /// Returns after a graceful stop. The caller closes the site.
    /// - Parameters:
    ///   - others: services that run beside, such as a simulated fleet.
    ///   - onRunning: called with the port once the server listens.
    public func run(
        others: [any Service] = [], onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) async throws {
        try ListeningPlace.require(host: options.host, port: options.port)
        let server = try Server.service(
            dispatcher, services, at: ServerAddress(host: options.host, port: options.port, tls: tls), logger: log,
            onRunning: onRunning)
        var all = others
        if let port = options.watchPort {
            let watch = WatchServer(registry: registry, services: services)
            all.append(
                watch.service(port: port, log: log) { port in
                    log.notice("the watch listens on 127.0.0.1", metadata: ["port": .stringConvertible(port)])
                })
        }
        if let lease = open.lease { all.append(LeaseKeeper(lease: lease, readiness: services.readiness, log: log)) }
        if let tls { all.append(CertificateRenewal(tls: tls, log: log)) }
        all.append(ClockWatch(log: log))
        all.append(Sampler(board: services.board, companies: companies, log: log))
        all.append(LineService(lines: lines, pauseMs: options.pauseMs, log: log))
        if let push = options.push {
            try ListeningPlace.require(host: push.host, port: push.port)
            all.append(
                PushListening(
                    options: push,
                    receiver: PushReceiver(site: open.site, vault: open.vault) { [companies] in companies.all },
                    clocks: open.site.clocks, log: log))
        }
        all.append(NewCompanies(serving: self))
        all.append(server)
        // Last, so that they hear of the stop first.
        all.append(StopWatchdog(limitS: options.stopWithinS, log: log))
        all.append(StopWatch(readiness: services.readiness))
        let group = ServiceGroup(
            configuration: .init(services: all, gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
        try await group.run()
    }
}

/// Reads certificate and key again on SIGHUP (`systemctl reload busbar`); open connections stay.
private struct CertificateRenewal: Service {
    let tls: ServerTLS
    let log: Logger

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            do {
                try tls.reload()
                log.notice("certificate read again", metadata: ["valid_until_s": "\(tls.dates.untilS)"])
            } catch {
                log.error("the renewed certificate is not used", metadata: ["error": "\(error)"])
            }
        }
    }
}
