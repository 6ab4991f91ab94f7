// The demonstration: a retailer with its fleet, business time running fast, and people who do what people do.
import API
import Access
import CivilTime
import Clocks
import Foundation
import HeadEnd
import Jobs
import Logging
import Messaging
import MeterFleet
import MeterListener
import Meters
import SQL
import ServiceLifecycle
import Supply

public struct DemoOptions: Sendable {
    public var site: SiteOptions
    public var serve: ServeOptions
    /// System seconds a business day takes.
    public var daySeconds: Int64
    /// Address and sign-ins are also written here, for scripts.
    public var signInFile: String?
    public init(site: SiteOptions, serve: ServeOptions, daySeconds: Int64, signInFile: String? = nil) {
        self.site = site
        self.serve = serve
        self.daySeconds = daySeconds
        self.signInFile = signInFile
    }
}

private struct DemoEntrance: Encodable {
    var address: String
    var signIns: [DemoSignIn]
}

/// Business hour at which the story opens on its first day.
private let openingHour: Int64 = 5

/// Runs the demonstration until the process is asked to stop.
public func demo(_ options: DemoOptions, log: Logger, _ console: Console) async throws -> CommandStatus {
    guard (10...86_400).contains(options.daySeconds), 86_400 % options.daySeconds == 0 else {
        throw Complaint(
            "--day-seconds \(options.daySeconds): does not divide the day",
            hint: "Give 10 to 86400, such as 60 or 3600.",
            .usage)
    }
    let rate = 86_400 / options.daySeconds
    let folder = options.site.folder
    let today = DemoPlan.org.zone.day(atS: Clocks.live.businessNowMs() / 1000)
    let known = try DemoState.load(folder: folder)
    let first = known.flatMap { CivilDay($0.firstDay) } ?? DemoPlan.firstDay(today: today)
    let startMs = known?.businessMs ?? (DemoPlan.org.zone.startS(of: first) + openingHour * 3_600) * 1_000
    let clocks = Clocks.accelerated(
        anchorBusinessMs: startMs, anchorSystemMs: Clocks.live.systemNowMs(), rate: rate)
    return try await withSite(options.site, clocks: clocks) { open in
        if known == nil, try await open.orgs().contains(where: { $0 != DemoPlan.org }) {
            throw Complaint(
                "\(options.site.databaseURL == nil ? folder : "the database") holds a company already",
                hint: "Give the demonstration a folder or a database of its own: --data ./demo", .usage)
        }
        let site = DemoSite(open: open, first: first)
        console.say("Starting \(DemoPlan.households.count) simulated meters …")
        let fleet = try await site.startFleet()
        // What the meters say unasked comes in by the same door as real meters' pushes.
        var serve = options.serve
        let push = serve.push ?? MeterListenerOptions(host: "127.0.0.1", port: ListeningPlace.anyFree())
        serve.push = push
        let door = ["::", "0.0.0.0"].contains(push.host) ? "127.0.0.1" : push.host
        let director = FleetDirector(
            fleet, clocks: clocks, send: fleet.alarmSender(host: door, port: push.port, .ciphered))
        let control = try? await FleetControlSocket.open(
            URL(fileURLWithPath: folder).path + "/simulator.sock", FleetControl(director))
        if control == nil {
            console.note("The simulator cannot be controlled: its socket could not be made in \(folder)")
        }
        serve.simulator = control.map { FleetControlClient(path: $0.path) }
        // A silent meter may not hold up hours of fast time.
        serve.collection.timeoutMs = 700
        serve.testPayments = true
        let serving = try await Serving(open, options: serve, log: log)
        var state = known ?? DemoState(firstDay: first.description, businessMs: startMs, signIns: [])
        if !state.signIns.contains(where: { $0.username == DemoPlan.counter }) {
            state.signIns = try await site.addSignIns(hasher: serving.services.passwords)
            try state.save(folder: folder)
        }
        let signIns = state.signIns
        let visitors = signIns.filter { $0.username != DemoPlan.counter }
        let others: [any Service] = [
            FleetService(fleet: fleet, director: director, control: control),
            DemoClock(state: state, folder: folder, clocks: clocks, rate: rate),
            DemoNarrator(site: open.site, say: console.say),
            DemoPeople(serving: serving, signIns: signIns, say: console.say),
        ]
        try await serving.run(others: others) { port in
            welcome("http://\(options.serve.host):\(port)/", visitors, options, console)
        }
        return .done
    }
}

/// Tells where to go and as whom.
private func welcome(_ address: String, _ signIns: [DemoSignIn], _ options: DemoOptions, _ console: Console) {
    console.say("\nOpen \(address) and sign in as\n")
    for line in table(signIns.map { ["  " + $0.role, $0.username, $0.password] }) { console.say(line) }
    console.say(
        "\nA business day takes \(options.daySeconds) s. Stop with Ctrl-C; the next start goes on from there.\n")
    guard let path = options.signInFile else { return }
    let data = try? JSONEncoder().encode(DemoEntrance(address: address, signIns: signIns))
    if !FileManager.default.createFile(atPath: path, contents: data, attributes: [.posixPermissions: 0o600]) {
        console.note("\(path) cannot be written")
    }
}

/// Keeps the meters on the network until the process stops.
private struct FleetService: Service {
    let fleet: MeterFleet
    let director: FleetDirector
    let control: FleetControlSocket?
    func run() async throws {
        await cancelWhenGracefulShutdown { await director.run() }
        await control?.close()
        await fleet.stop()
    }
}

/// Writes down every second where business time stands, so that the demo goes on there after a stop or a kill.
private struct DemoClock: Service {
    var state: DemoState
    let folder: String
    let clocks: Clocks
    let rate: Int64

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var state = state
            while !Task.isCancelled {
                // Two seconds ahead: time may stand still over a kill, but never runs back.
                state.businessMs = clocks.businessNowMs() + 2_000 * rate
                try state.save(folder: folder)
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }
}

/// Tells at the terminal what the pages show: warnings, cuts, corrections, odd answers of meters.
private struct DemoNarrator: Service {
    let site: Site
    let say: @Sendable (String) -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var lastMessage = try await last("SELECT MAX(message_id) FROM message")
            var lastEndMs = site.clocks.businessNowMs()
            var failing: Set<MeterDay> = []
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(500))
                failing = (try? await tellReads(failing)) ?? failing
                (lastMessage, lastEndMs) = (try? await tell(lastMessage, lastEndMs)) ?? (lastMessage, lastEndMs)
            }
        }
    }

    private func last(_ sql: String) async throws -> Int64 {
        try await site.money.read { try $0.first(sql, []) { try $0.optionalInt(0) } ?? nil } ?? 0
    }

    private struct MeterDay: Hashable {
        var meterID: Int64
        var day: CivilDay
    }

    /// Tells of reads of yesterday that failed and of those that came later; returns what still fails.
    private func tellReads(_ before: Set<MeterDay>) async throws -> Set<MeterDay> {
        let nowMs = site.clocks.businessNowMs()
        let yesterday = DemoPlan.org.zone.day(atS: nowMs / 1_000).advanced(by: -1)
        let scope = Scope(orgID: DemoPlan.org.orgID)
        let items = try await site.money.read { try CollectionItem.of(day: yesterday, scope, in: $0) }
        let meters = Dictionary(uniqueKeysWithValues: DemoPlan.households.map { ($0.meterID, $0.name) })
        var failing = before.filter { $0.day == yesterday }
        for item in items {
            let key = MeterDay(meterID: item.meterID, day: item.day)
            let name = meters[item.meterID] ?? ""
            if item.lastError != nil, item.state != "complete" {
                guard failing.insert(key).inserted else { continue }
                say("\(time(nowMs))  Meter of \(name): the read of \(item.day) is not whole, it will be repeated")
            } else if item.state == "complete", failing.remove(key) != nil {
                say("\(time(nowMs))  Meter of \(name): read at attempt \(item.attempt)")
            }
        }
        return failing
    }

    private func tell(_ lastMessage: Int64, _ lastEndMs: Int64) async throws -> (Int64, Int64) {
        let scope = Scope(orgID: DemoPlan.org.orgID)
        let people = Dictionary(uniqueKeysWithValues: DemoPlan.households.map { ($0.accountID, $0.name) })
        let meters = Dictionary(uniqueKeysWithValues: DemoPlan.households.map { ($0.meterID, $0.name) })
        let (messages, ends) = try await site.money.read { transaction in
            (
                try Message.after(lastMessage, limit: 50, scope, in: transaction),
                try MeterCommand.ended(afterMs: lastEndMs, limit: 50, scope, in: transaction)
            )
        }
        for message in messages where message.template != .rechargeReceived || message.businessAtMs > lastEndMs {
            if message.template == .forecastIssued { continue }
            let name = people[message.accountID] ?? ""
            let what =
                switch message.template {
                case .lowBalance: "is warned: the balance is low"
                case .supplyCut: "supply is cut; the meter confirmed it"
                case .supplyRestored: "supply is back; the meter confirmed it"
                case .rechargeReceived: "recharged"
                case .packApproved: "has a new pack"
                case .packRejected: "is told that the pack was not granted"
                case .packStarted: "is told that the new pack begins"
                case .packEndsSoon: "is reminded that a pack ends"
                case .packRenewed: "is told that a pack begins another term"
                case .packEnded: "is told that a pack has ended"
                case .packBreakCost: "is told what leaving the contract early costs"
                case .packBreakCharged: "pays for leaving the contract early"
                case .supplyFailed: "is told that supply failed"
                case .supplyBack: "is told that supply is back"
                case .slabNear: "is warned: the month comes near a limit where all units become dearer"
                case .forecastIssued: "dispatch is told that the next day's forecasts are there"
                case .chargeCorrected: "a day charged on an estimate is corrected by the actual readings"
                }
            say("\(time(message.businessAtMs))  \(name): \(what)")
        }
        for command in ends {
            say(
                "\(time(command.endedAtMs ?? 0))  Meter of \(meters[command.meterID] ?? ""): \(command.kind) "
                    + "\(command.state.rawValue), \(command.answer ?? "")")
        }
        return (messages.last?.messageID ?? lastMessage, ends.last?.endedAtMs ?? lastEndMs)
    }

    private func time(_ ms: Int64) -> String {
        let (day, second) = DemoPlan.org.zone.civil(atS: ms / 1_000)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(day) \(two(second / 3_600)):\(two(second / 60 % 60))"
    }
}

/// People of the demo who act when nobody else does: the cut consumer recharges on her page, the counter takes a
/// payment.
private struct DemoPeople: Service {
    let serving: Serving
    let signIns: [DemoSignIn]
    let say: @Sendable (String) -> Void
    /// How long a person in front of the screen has to do it first.
    static let patienceMs: Int64 = 60_000

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var cutSinceMs: [Int64: Int64] = [:]
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                for accountID in DemoPlan.households.map(\.accountID) {
                    let isCut = (try? await isCut(accountID)) ?? false
                    guard isCut else {
                        cutSinceMs[accountID] = nil
                        continue
                    }
                    let nowMs = serving.open.site.clocks.systemNowMs()
                    let since = cutSinceMs[accountID] ?? nowMs
                    cutSinceMs[accountID] = since
                    guard nowMs - since >= Self.patienceMs else { continue }
                    cutSinceMs[accountID] = nowMs
                    do {
                        try await recharge(accountID)
                    } catch {
                        say("The recharge of account \(accountID) did not go through: \(error)")
                    }
                }
            }
        }
    }

    private func isCut(_ accountID: Int64) async throws -> Bool {
        let scope = Scope(orgID: DemoPlan.org.orgID)
        return try await serving.open.site.money.read {
            try Supply.state(accountID: accountID, scope, in: $0)?.wanted == .open
        }
    }

    /// The consumer signs in and sends the form of her page; the other account is served by the counter on the same
    /// form.
    private func recharge(_ accountID: Int64) async throws {
        let isOwn = accountID == 1_001
        guard let signIn = signIns.first(where: { isOwn ? $0.role == "consumer" : $0.username == DemoPlan.counter })
        else { return }
        let browser = DemoBrowser(dispatcher: serving.dispatcher)
        try await browser.signIn(signIn)
        try await browser.recharge(accountID: accountID, rupees: 500)
        let name = DemoPlan.households.first { $0.accountID == accountID }?.name ?? ""
        say(isOwn ? "\(name) recharges ₹500 on her page" : "The counter takes ₹500 for \(name)")
    }
}
