// A simulated single-phase smart meter: clock, register, load profile, relay and event logs. What it measured follows
// from its inputs and business time alone; only what was done to it (relay, clock) is state. No wire here:
// MeterObjects shows it as COSEM objects, MeterFleet puts it on a socket.
import CivilTime
import Clocks
import DLMS
import Synchronization

/// Secrets and keys of a meter, in the clear (it is a simulator). Octets.
public struct MeterSecrets: Sendable {
    /// Password of the meter reader association (client 32).
    public var lls: [UInt8]
    /// AES-128 key that answers challenges on the utility association (client 48, mechanism 2). 16 octets.
    public var hls: [UInt8]
    public var encryptionKey: [UInt8]
    public var authenticationKey: [UInt8]
    /// Wraps new keys (KEK); without it the meter takes none.
    public var masterKey: [UInt8]?

    public init(
        lls: [UInt8], hls: [UInt8], encryptionKey: [UInt8], authenticationKey: [UInt8], masterKey: [UInt8]? = nil
    ) {
        self.masterKey = masterKey
        self.lls = lls
        self.hls = hls
        self.encryptionKey = encryptionKey
        self.authenticationKey = authenticationKey
    }
}

/// Everything a virtual meter is made of.
public struct MeterConfiguration: Sendable {
    /// Letters, digits and hyphens, at most 16.
    public var serial: String
    public var zone: Zone
    /// Capture period of the load profile: a divisor of an hour of at least a minute.
    public var periodS: Int64
    public var load: LoadSource
    /// The civil day at whose midnight the meter began to measure, and what its register showed then.
    public var installed: CivilDay
    public var baseWh: Int64
    public var secrets: MeterSecrets
    public var outages: [TimeSpan] = []
    public var faults = MeterFaults()
    /// The meter's clock is ahead of business time by so much, plus `driftPPM` millionths since installation.
    public var clockAheadS: Int64 = 0
    public var driftPPM: Int64 = 0
    /// Further entries of the event logs: IS 15959 id and meter time.
    public var scriptedEvents: [(atS: Int64, code: Int)] = []
    /// How many days the load profile and the daily profile reach back.
    public var retentionDays = 45
    /// Power of ten of the energy registers as they appear on the wire, -3 to 0: raw value × 10^scaler is Wh.
    public var energyScaler: Int8 = 0
    public var firmware = "BBSIM-1.0"
    public var seed: UInt64
    /// The feeder it hangs on, for scenarios. Any text.
    public var feeder = ""

    public init(
        serial: String, zone: Zone = .india, periodS: Int64 = 1800, load: LoadSource, installed: CivilDay,
        baseWh: Int64 = 0, secrets: MeterSecrets, seed: UInt64 = 1
    ) {
        self.serial = serial
        self.zone = zone
        self.periodS = periodS
        self.load = load
        self.installed = installed
        self.baseWh = baseWh
        self.secrets = secrets
        self.seed = seed
    }

    func check() throws(MeterFleetError) {
        let letters = serial.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
        }
        guard !serial.isEmpty, serial.utf8.count <= 16, letters else {
            throw MeterFleetError("meter serial '\(serial)': give 1 to 16 letters, digits or hyphens")
        }
        guard periodS >= 60, 3600 % periodS == 0 else {
            throw MeterFleetError(
                "meter \(serial): a period of \(periodS) s does not divide an hour; give 900, 1800 or 3600")
        }
        guard (-3...0).contains(energyScaler), (1...400).contains(retentionDays), baseWh >= 0 else {
            throw MeterFleetError(
                "meter \(serial): energy scaler -3 to 0, retention 1 to 400 days, register not negative")
        }
        guard Int64(retentionDays) * 86_400 / periodS <= 40_000 else {
            throw MeterFleetError("meter \(serial): the load profile would hold more than 40,000 rows; keep fewer days")
        }
        guard secrets.hls.count == 16, secrets.encryptionKey.count == 16, secrets.authenticationKey.count == 16 else {
            throw MeterFleetError("meter \(serial): HLS secret, encryption and authentication key have 16 octets each")
        }
    }
}

/// One row of the load profile as the meter shows it.
public struct LoadRow: Sendable, Equatable {
    /// End of the interval by the meter's clock.
    public var endS: Int64
    /// As shown: wrapped to 32 bits, possibly corrupt.
    public var importWh: UInt32
    public var averageCentiV: Int32
    public var averageCentiA: Int32
}

/// A meter. Safe to use from any thread.
public final class VirtualMeter: Sendable {
    public let configuration: MeterConfiguration
    public let systemTitle: [UInt8]
    private let clocks: Clocks
    private let file: MeterStateFile
    /// A number made from the serial: what chance and choice go by.
    let number: UInt64
    /// What scenarios plan for the fleet of this meter, and what came of it.
    private struct Fate: Sendable {
        var plan: FaultPlan?
        var turn: UInt64 = 0
        var awayUntilMs: Int64 = 0
    }
    private let fate = Mutex(Fate())
    private struct Inside: Sendable { var history: SupplyHistory; var state: MeterState; var image: ImageReceiver? }
    private let inside: Mutex<Inside>

    /// - Parameter stateFolder: where relay moves survive a restart; nil keeps them in memory only.
    public init(
        _ configuration: MeterConfiguration, clocks: Clocks, stateFolder: String? = nil
    ) throws(MeterFleetError) {
        try configuration.check()
        self.configuration = configuration
        self.clocks = clocks
        file = try MeterStateFile(folder: stateFolder, serial: configuration.serial)
        let state = try file.load()
        // Three letters of the maker and five octets from the serial. A title and a counter make the nonce of the
        // cipher:
        // without a file the counters begin again after a restart, so the title must be another one each time.
        let salt = stateFolder == nil ? UInt64(bitPattern: clocks.systemNowMs()) : 0
        func number(_ salt: UInt64) -> UInt64 {
            configuration.serial.utf8.reduce(salt) { $0 &* 1_099_511_628_211 ^ UInt64($1) }
        }
        self.number = number(configuration.seed)
        let title = number(salt)
        systemTitle = Array("BBR".utf8) + (0..<5).map { UInt8(mixed(title, 17, $0, span: 256)) }
        var history = SupplyHistory(
            load: configuration.load, periodS: configuration.periodS,
            startS: configuration.zone.startS(of: configuration.installed), baseWh: configuration.baseWh,
            outages: configuration.outages + (state.scripted?.outages ?? []), transitions: state.transitions)
        history.limiter = state.controls?.limiter
        inside = Mutex(Inside(history: history, state: state))
    }

    // MARK: Time

    public var businessNowS: Int64 { floorDivided(clocks.businessNowMs(), 1000) }

    /// The meter's own clock.
    public var nowS: Int64 { inside.withLock { clockS($0) } }

    private func clockS(_ inside: borrowing Inside) -> Int64 {
        let businessS = businessNowS
        let drift = (businessS - inside.history.startS) * configuration.driftPPM / 1_000_000
        return businessS + configuration.clockAheadS + drift + inside.state.clockAdjustS
    }

    /// Sets the meter's clock. Intervals already measured keep their stamps.
    public func setClock(toS: Int64) throws(MeterFleetError) {
        try changeState { inside, nowS in
            inside.state.clockAdjustS += toS - nowS
            inside.state.clockSetsS.append(toS)
            inside.state.clockSetsS = inside.state.clockSetsS.suffix(100)
        }
    }

    // MARK: Energy

    /// Runs on the history brought up to now.
    private func read<Value: Sendable>(_ body: (borrowing SupplyHistory, _ nowS: Int64) -> Value) -> Value {
        inside.withLock { inside in
            let now = clockS(inside)
            inside.history.extend(toS: now)
            return body(inside.history, now)
        }
    }

    /// Energy served in each interval of a civil day that has ended by now; the truth a reading can be compared with.
    public func servedWh(day: CivilDay) -> [Int32] {
        let zone = configuration.zone
        let startS = zone.startS(of: day)
        return read { history, nowS in
            (0..<zone.slotCount(of: day, periodS: configuration.periodS)).compactMap { index in
                let fromS = startS + Int64(index) * configuration.periodS
                guard fromS + configuration.periodS <= nowS else { return nil }
                return history.slot(startingAtS: fromS).map { history.wh($0) }
            }
        }
    }

    /// Cumulative import register at an instant of the meter's clock up to now.
    public func registerWh(atS: Int64) -> Int64 { read { history, nowS in history.registerWh(atS: min(atS, nowS)) } }
    public var registerWh: Int64 { read { history, nowS in history.registerWh(atS: nowS) } }
    public var powerW: Int64 { read { history, nowS in history.powerW(atS: nowS) } }
    public var isPowered: Bool { read { history, nowS in history.isPowered(atS: nowS) } }

    /// Voltage in hundredths of a volt over the quarter of an hour of an instant, were there supply.
    public func centiVolts(atS: Int64) -> Int64 {
        22_600 + mixed(configuration.seed, 91, UInt64(bitPattern: floorDivided(atS, 900)), span: 800)
    }

    /// The oldest instant the profiles still hold.
    private func oldestS(_ nowS: Int64) -> Int64 { nowS - Int64(configuration.retentionDays) * 86_400 }

    /// Rows of the load profile whose end lies in [fromEndS, toEndS], oldest first.
    public func loadRows(fromEndS: Int64 = .min, toEndS: Int64 = .max) -> [LoadRow] {
        let businessS = businessNowS
        let faults = self.faults
        var rows = read { history, nowS in
            let from = max(fromEndS, oldestS(nowS) + 1, history.startS + history.periodS)
            let first = (from - history.startS - 1) / history.periodS
            let last = min(toEndS, nowS)
            var rows: [LoadRow] = []
            for slot in Int(max(0, first))..<max(Int(max(0, first)), history.count) {
                let endS = history.endS(slot)
                guard endS <= last else { break }
                guard faults.isVisible(endS: endS, nowS: businessS) else { continue }
                rows.append(row(history, slot, endS))
            }
            return rows
        }
        guard faults.shuffles(atS: businessS), rows.count > 1 else { return rows }
        for index in rows.indices { rows.swapAt(index, Int(mixed(number, 51, UInt64(index), span: Int64(rows.count)))) }
        return rows
    }

    private func row(_ history: borrowing SupplyHistory, _ slot: Int, _ endS: Int64) -> LoadRow {
        let middleS = endS - configuration.periodS / 2
        let served = Int64(history.wh(slot))
        let centiV = history.isPowered(atS: middleS) ? centiVolts(atS: middleS) : 0
        let watts = served * 3600 / configuration.periodS
        return LoadRow(
            endS: endS, importWh: UInt32(truncatingIfNeeded: configuration.faults.corruptWh[endS] ?? served),
            averageCentiV: Int32(clamping: centiV),
            averageCentiA: Int32(clamping: centiV == 0 ? 0 : watts * 10_000 / centiV))
    }

    /// The register at every midnight in [fromS, toS] that the daily profile holds, oldest first.
    public func midnights(fromS: Int64 = .min, toS: Int64 = .max) -> [(atS: Int64, importWh: Int64)] {
        let zone = configuration.zone
        return read { history, nowS in
            let first = zone.day(atS: max(fromS, oldestS(nowS), history.startS))
            let last = zone.day(atS: min(toS, nowS))
            guard first <= last else { return [] }
            return (first.number...last.number).compactMap { number in
                let atS = zone.startS(of: CivilDay(number: number))
                guard atS >= fromS, atS <= min(toS, nowS), atS >= history.startS else { return nil }
                return (atS, history.registerWh(atS: atS))
            }
        }
    }

    // MARK: Relay and events

    public var relayOpen: Bool { read { history, _ in history.relayOpen } }
    /// Open because of the load limit: the meter closes it by itself when the load is below it again.
    public var isTripped: Bool { read { history, _ in history.limiter?.isTripped == true } }

    /// Moves the relay as a remote command does. The answer is what the meter says, which a fault may make untrue.
    public func operateRelay(open: Bool) throws(MeterFleetError) -> Bool {
        let businessS = businessNowS
        if !faults.isGhost(atS: businessS) {
            try changeState { inside, nowS in
                inside.history.moveRelay(open: open, atS: nowS)
                inside.history.limiter?.isTripped = false
            }
        }
        return !faults.isLying(atS: businessS)
    }

    /// Entries of all event logs up to now, oldest first.
    public var events: [(atS: Int64, code: Int)] {
        let (clockSets, scripted) = inside.withLock { ($0.state.clockSetsS, $0.state.scripted?.events ?? []) }
        return read { history, nowS in
            var all = history.transitions.map { (atS: $0.atS, code: $0.open ? 301 : 302) }
            for outage in history.outages {
                all.append((outage.fromS, 101))
                all.append((outage.untilS, 102))
            }
            all += clockSets.map { ($0, 151) }
            all += configuration.scriptedEvents
            all += scripted.map { ($0.atS, $0.code) }
            return all.filter { $0.atS <= nowS && $0.atS >= history.startS }
                .sorted { ($0.atS, $0.code) < ($1.atS, $1.code) }
        }
    }

    // MARK: What it was told

    func controlled<Value: Sendable>(_ body: (MeterControlState, _ nowS: Int64) -> Value) -> Value {
        inside.withLock { inside in
            let now = clockS(inside)
            inside.history.extend(toS: now)
            var state = inside.state.controls ?? MeterControlState()
            state.limiter = inside.history.limiter
            return body(state, now)
        }
    }

    /// False when the change cannot be kept.
    func changeControls(_ body: (inout MeterControlState, _ nowS: Int64) -> Void) -> Bool {
        do {
            try changeState { inside, nowS in
                var state = inside.state.controls ?? MeterControlState()
                state.limiter = inside.history.limiter
                body(&state, nowS)
                inside.history.limiter = state.limiter
                inside.state.controls = state
            }
            return true
        } catch {
            return false
        }
    }

    /// The firmware image on its way; in memory only, as a meter keeps it until it is activated.
    func imaged<Value: Sendable>(_ body: (inout ImageReceiver) -> Value) -> Value {
        inside.withLock { inside in
            var receiver = inside.image ?? ImageReceiver()
            let value = body(&receiver)
            inside.image = receiver
            return value
        }
    }

    // MARK: Counters

    /// How many invocation counters a connection gets; it ends when they are used up.
    static let countersPerConnection: UInt32 = 2048

    /// Reserves a range of invocation counters that no other connection of this meter ever uses, and gives its first.
    func reserveServerCounters() throws(MeterFleetError) -> UInt32 {
        var first: UInt32?
        try changeState { inside, _ in
            let (next, over) = inside.state.serverCounterReserved.addingReportingOverflow(Self.countersPerConnection)
            guard !over else { return }
            first = inside.state.serverCounterReserved
            inside.state.serverCounterReserved = next
        }
        guard let first else { throw MeterFleetError("invocation counters used up: the meter needs new keys") }
        return first
    }

    /// Highest counter accepted from each client address; a lower or equal one is a replay.
    public var clientCounters: [UInt16: UInt32] { inside.withLock { $0.state.clientCounters } }

    /// Counters just accepted, by client. Returns how many of them are not above all that were accepted before, on any
    /// connection: each would be a nonce used twice. Kept in memory; it reaches the file with the next change.
    func accepted(_ counters: [UInt16: UInt32]) -> Int {
        inside.withLock { inside in
            let used = counters.count { client, counter in
                inside.state.clientCounters[client].map { counter <= $0 } ?? false
            }
            inside.state.clientCounters.merge(counters) { max($0, $1) }
            return used
        }
    }

    // MARK: Keys

    /// The secrets in use: those of the configuration, with the keys that were given since.
    public var secretsNow: MeterSecrets {
        var secrets = configuration.secrets
        inside.withLock { inside in
            secrets.encryptionKey = inside.state.encryptionKey ?? secrets.encryptionKey
            secrets.authenticationKey = inside.state.authenticationKey ?? secrets.authenticationKey
        }
        return secrets
    }

    /// Holds from the next connection on.
    func replaceKeys(encryption: [UInt8]?, authentication: [UInt8]?) throws(MeterFleetError) {
        try changeState { inside, _ in
            inside.state.encryptionKey = encryption ?? inside.state.encryptionKey
            inside.state.authenticationKey = authentication ?? inside.state.authenticationKey
        }
    }

    // MARK: Scenarios

    func attach(_ plan: FaultPlan) { fate.withLock { $0.plan = plan } }

    /// The faults it was made with and those of the scenarios that run.
    public var faults: MeterFaults {
        guard let plan = fate.withLock({ $0.plan }), !plan.isEmpty else { return configuration.faults }
        return plan.faults(of: self)
    }

    /// Counts the answers, for faults that come by chance.
    func nextTurn() -> UInt64 {
        fate.withLock {
            $0.turn += 1
            return $0.turn
        }
    }

    /// Starts again: not to be reached for so long (system time). Counters go on from their reserve, as ever.
    func reboot(awayMs: Int64) {
        let untilMs = clocks.systemNowMs() + awayMs
        fate.withLock { $0.awayUntilMs = untilMs }
    }

    /// Starting again.
    var isAway: Bool {
        let untilMs = fate.withLock { $0.awayUntilMs }
        return untilMs > 0 && clocks.systemNowMs() < untilMs
    }

    /// Every outage: the planned ones and those of scenarios.
    public var outages: [TimeSpan] { inside.withLock { $0.history.outages } }

    /// Events that were scripted, before or by a scenario. What the meter finds out by itself is not among them.
    public var scriptedEvents: [(atS: Int64, code: Int)] {
        configuration.scriptedEvents
            + inside.withLock { ($0.state.scripted?.events ?? []).map { ($0.atS, $0.code) } }
    }

    /// Cumulative import as the register shows it: behind the last digit it begins again.
    func shown(_ wh: Int64) -> Int64 {
        inside.withLock {
            guard let scripted = $0.state.scripted, let modulo = scripted.registerModuloWh else { return wh }
            return floorModulo(wh + scripted.registerShiftWh, modulo)
        }
    }

    private func script(
        _ body: (inout ScriptedState, inout SupplyHistory, _ nowS: Int64) -> Void
    ) throws(MeterFleetError) {
        let kept = configuration.outages.count
        try changeState { inside, nowS in
            var scripted = inside.state.scripted ?? ScriptedState()
            body(&scripted, &inside.history, nowS)
            scripted.outages = Array(inside.history.outages.dropFirst(kept).suffix(ScriptedState.limit))
            scripted.events = scripted.events.suffix(ScriptedState.limit)
            inside.state.scripted = scripted
        }
    }

    /// No supply in that span (meter time); the part that has been shown already stays as it was.
    func addOutage(_ span: TimeSpan) throws(MeterFleetError) {
        try script { _, history, _ in history.addOutage(span) }
    }

    /// Ends the outages of scenarios now.
    func endOutages() throws(MeterFleetError) {
        let kept = configuration.outages.count
        try script { _, history, nowS in history.endOutages(atS: nowS, keeping: kept) }
    }

    func addEvent(code: Int, atS: Int64) throws(MeterFleetError) {
        try script { scripted, _, _ in scripted.events.append(ScriptedState.Event(atS: atS, code: code)) }
    }

    /// From now on the register has so many digits (of Wh) and begins again after so much more energy.
    func rollOver(digits: Int, withinWh: Int64) throws(MeterFleetError) {
        let modulo = (0..<digits).reduce(Int64(1)) { value, _ in value * 10 }
        try script { scripted, history, nowS in
            scripted.registerModuloWh = modulo
            scripted.registerShiftWh = modulo - withinWh - history.registerWh(atS: nowS)
        }
    }

    /// The clock goes wrong by so much. Nobody set it, so nothing is logged.
    func shiftClock(byS: Int64) throws(MeterFleetError) {
        try changeState { inside, _ in inside.state.clockAdjustS += byS }
    }

    private func changeState(_ body: (inout Inside, _ nowS: Int64) -> Void) throws(MeterFleetError) {
        let result: Result<Void, MeterFleetError> = inside.withLock { inside in
            let now = clockS(inside)
            inside.history.extend(toS: now)
            body(&inside, now)
            inside.state.transitions = inside.history.transitions
            if let limiter = inside.history.limiter {
                inside.state.controls = inside.state.controls ?? MeterControlState()
                inside.state.controls?.limiter = limiter
            }
            do throws(MeterFleetError) {
                try file.save(inside.state)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
