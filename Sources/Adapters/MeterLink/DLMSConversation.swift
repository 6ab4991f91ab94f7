// An open association as the port sees it, and what DLMS can do beyond that. Columns and scalers are read from the
// meter before the first row. Stamps are the meter's: ENDS of intervals; ranges include both ends.
import CivilTime
import DLMS
import IS15959
import MeterPort

/// One association. One request at a time; a second one meanwhile is refused.
public actor DLMSConversation: MeterConversation {
    private let wire: MeterWire
    private var client: DLMSClient
    /// Changed by ``byNames(_:)`` alone.
    var names: MeterNames
    var profile: MeterProfile { names.profile }
    private let zone: Zone
    private let timeoutMs: Int64
    let memory: MeterMemory
    /// Tells the keys of associations apart and gives nothing of them away.
    private let keyMark: [UInt8]
    private var busy = false
    /// After an error of the protocol nothing can be said on this connection any more.
    private(set) var broken = false
    private var identity: String?
    private var counterKey: [UInt8]?
    private var recorder = ExchangeRecorder()
    /// The client address of the association.
    private(set) var clientAddress: UInt16 = 0
    /// Told of what the meter sends unasked.
    private let onPush: @Sendable (Push) -> Void
    /// A meter that pushes more than this amid one request never lets it end.
    private static let pushesMax = 256

    init(
        wire: MeterWire, client: DLMSClient, names: MeterNames, zone: Zone, timeoutMs: Int64, memory: MeterMemory,
        keyMark: [UInt8] = [], onPush: @escaping @Sendable (Push) -> Void = { _ in }
    ) {
        self.keyMark = keyMark
        self.onPush = onPush
        self.wire = wire
        self.client = client
        self.names = names
        self.zone = zone
        self.timeoutMs = timeoutMs
        self.memory = memory
    }

    // MARK: Open and close

    func open(checkCounter: Bool, client address: UInt16) async throws {
        clientAddress = address
        guard case .associated = try await run({ (client) throws(DLMSError) in try client.associate() }) else {
            throw MeterError(.badAnswer, "the association did not come about")
        }
        guard let title = client.serverSystemTitle, let counter = client.lastServerCounter else { return }
        // A meter may begin anew with a new key.
        let key = title + [UInt8(address >> 8), UInt8(address & 0xFF)] + keyMark
        if checkCounter, let last = memory.lastCounter(key), counter <= last {
            broken = true
            throw MeterError(.security, "the meter's invocation counter \(counter) is not above \(last): a replay?")
        }
        counterKey = key
    }

    /// Releases when the association still stands; a meter that keeps it over connections would lock others out.
    func close() async {
        if let counterKey, let counter = client.lastServerCounter { memory.keepCounter(counter, counterKey) }
        if client.isAssociated, !broken, !busy {
            _ = try? await run { (client) throws(DLMSError) in try client.release() }
        }
        await wire.close()
    }

    public var systemTitle: [UInt8]? { client.lastServerCounter == nil ? nil : client.serverSystemTitle }

    /// The next invocation counter that would be used: what the owner of the counters has to keep.
    public var nextCounter: UInt32 { client.nextCounter }

    // MARK: Requests

    /// One request of any kind, through to what it means.
    func run(_ request: (inout DLMSClient) throws(DLMSError) -> [UInt8]) async throws -> ClientEvent {
        guard !busy else { throw MeterError(.other, "one request at a time") }
        guard !broken else { throw MeterError(.closed, "the connection failed before") }
        busy = true
        defer { busy = false }
        do {
            var outgoing: [UInt8]? = try request(&client)
            var pushes = 0
            while true {
                let answer = try await exchange(outgoing)
                outgoing = nil
                // A plain push proves nothing in a ciphered association, and nothing is pushed before there is one.
                let isPlainPush = [0x0F, 0xC2].contains(answer.first)
                if isPlainPush, !client.isAssociated || client.configuration.keys != nil {
                    pushes += 1
                } else {
                    switch try client.receive(answer) {
                    case .send(let next): outgoing = next
                    case .wait: break
                    case .pushed(let push):
                        pushes += 1
                        onPush(push)
                    case let event: return event
                    }
                }
                guard pushes <= Self.pushesMax else { throw MeterError(.badAnswer, "\(pushes) pushes amid a request") }
            }
        } catch let error as DLMSError {
            if case .exception = error {} else { broken = true }
            throw MeterError(error)
        } catch {
            broken = true
            throw error
        }
    }

    /// Amid a general block transfer a block that got lost is asked for again; nothing else is ever sent twice.
    private func exchange(_ apdu: [UInt8]?) async throws -> [UInt8] {
        if let apdu { recorder.note(wire.frame(apdu, isFromMeter: false), isFromMeter: false) }
        do {
            let answer = try await wire.exchange(apdu, timeoutMs: timeoutMs)
            recorder.note(wire.frame(answer, isFromMeter: true), isFromMeter: true)
            return answer
        } catch let error as MeterError where error.code == .timeout {
            var bytes: [UInt8] = []
            do { bytes = try client.timedOut() } catch { throw MeterError(.timeout, "no answer in \(timeoutMs) ms") }
            return try await exchange(bytes.isEmpty ? nil : bytes)
        }
    }

    /// GET of an attribute; blocks are put together.
    public func get(_ reference: AttributeReference, _ selector: Selector? = nil) async throws -> DLMSData {
        recorder.begin(reference)
        defer { recorder.end() }
        let event = try await run { (client) throws(DLMSError) in try client.get(reference, selector) }
        switch event {
        case .value(let value):
            recorder.end(with: value)
            return value
        case .failed(let result): throw MeterError(result, "reading \(reference)")
        default: throw MeterError(.badAnswer, "reading \(reference): not a value")
        }
    }

    /// GET of several attributes: with a list when the meter grants it, else one by one. Refused ones are nil.
    public func getEach(_ references: [AttributeReference]) async throws -> [DLMSData?] {
        if client.granted?.conformance.contains(.multipleReferences) == true {
            let list = references.map { AttributeAccess($0) }
            let event = try await run { (client) throws(DLMSError) in try client.getList(list) }
            if case .values(let results) = event, results.count == references.count {
                return results.map { try? $0.get() }
            }
            if case .failed = event {} else { throw MeterError(.badAnswer, "reading a list: not a list of values") }
        }
        var values: [DLMSData?] = []
        for reference in references { values.append(try await getIfPossible(reference)) }
        return values
    }

    /// Nil when the meter refuses this attribute.
    private func getIfPossible(_ reference: AttributeReference) async throws -> DLMSData? {
        do {
            return try await get(reference)
        } catch let error as MeterError where [.objectUndefined, .accessDenied, .other].contains(error.code) && !broken
        {
            return nil
        }
    }

    /// SET of an attribute.
    public func set(_ reference: AttributeReference, _ value: DLMSData) async throws {
        let event = try await run { (client) throws(DLMSError) in try client.set(reference, value) }
        if case .failed(let result) = event { throw MeterError(result, "writing \(reference)") }
    }

    /// ACTION.
    public func act(_ method: MethodReference, _ parameter: DLMSData?) async throws {
        let event = try await run { (client) throws(DLMSError) in try client.act(method, parameter) }
        if case .failed(let result) = event { throw MeterError(result, "\(method)") }
    }

    // MARK: Profiles

    private func named(_ name: String) throws -> NamedProfile {
        guard let found = profile.profile(name) else {
            throw MeterError(
                MeterError.Code.objectUndefined, "the meter profile \(profile.name) has no '\(name)'")
        }
        return found
    }

    /// Serial and firmware: what a layout is remembered by. Nil when the meter tells neither.
    func knownIdentity() async throws -> String? {
        if let identity { return identity.isEmpty ? nil : identity }
        let values = try await getEach([ObjectNames.serial.value, ObjectNames.firmware.value])
        let texts = values.map { $0?.octets.map { String(decoding: $0, as: UTF8.self) } }
        if let serial = texts[0], let firmware = texts[1] {
            identity = "\(serial)/\(firmware)"
        } else {
            identity = ""
        }
        return identity.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Columns, scalers and period of a profile, as the meter says; read once per serial number and firmware.
    public func layout(of name: String) async throws -> ProfileLayout {
        try await byNames { try await $0.readLayout(of: name) }
    }

    private func readLayout(of name: String) async throws -> ProfileLayout {
        let target = try named(name)
        let key = try await knownIdentity().map { "\($0)/\(target.obis)" }
        if let key, let known = memory.layout(key) { return known }
        let layout = try await readLayout(target.obis, scalerProfile: target.scalerProfile)
        if let key { memory.keep(layout, key) }
        return layout
    }

    /// Reads the layout of any profile. A scaler the scaler profile does not tell is asked of the register itself.
    public func readLayout(_ obis: OBIS, scalerProfile: OBIS?) async throws -> ProfileLayout {
        do {
            let columns = try ProfileLayout.columns(await get(AttributeReference(7, obis, 3)))
            var layout = ProfileLayout(columns: columns, scalers: [:], periodS: 0)
            if let period = try await getIfPossible(AttributeReference(7, obis, 4))?.integer { layout.periodS = period }
            if let scalerProfile, !layout.columnsWithoutScaler.isEmpty,
                let captures = try await getIfPossible(AttributeReference(7, scalerProfile, 3)),
                let row = try await getIfPossible(AttributeReference(7, scalerProfile, 2))
            {
                layout.scalers = try ProfileLayout.scalers(columns: ProfileLayout.columns(captures), buffer: row)
            }
            for column in layout.columnsWithoutScaler {
                let value = try await getIfPossible(AttributeReference(column.classID, column.obis, 3))
                layout.scalers[column.obis] = value.flatMap { ScalerUnit($0) }
            }
            return layout
        } catch let error as ProfileError {
            throw MeterError(.badAnswer, "profile \(obis.shortText): \(error)")
        }
    }

    /// The buffer of a profile between two stamps, both included; nil for all of it.
    public func buffer(_ obis: OBIS, fromS: Int64?, toS: Int64?) async throws -> DLMSData {
        let reference = AttributeReference(7, obis, 2)
        guard let fromS, let toS else { return try await get(reference) }
        return try await get(reference, .clockRange(from: stamp(fromS), to: stamp(toS)))
    }

    func stamp(_ atS: Int64) -> COSEMDateTime {
        COSEMDateTime(instantS: atS, offsetS: zone.offsetS(atS: atS))
    }

    private func decoding<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as ProfileError {
            throw MeterError(.badAnswer, "\(what): \(error)")
        }
    }

    // MARK: MeterConversation

    public func clockS() async throws -> Int64 {
        let value = try await get(ObjectNames.clock.value)
        guard let atS = try decoding("clock", { try ProfileLayout.instantS(value, zone: zone) }) else {
            throw MeterError(.badAnswer, "the clock is not a full date and time")
        }
        return atS
    }

    public func setClock(toS: Int64) async throws {
        let stamp = COSEMDateTime(instantS: toS, offsetS: zone.offsetS(atS: toS))
        try await set(ObjectNames.clock.value, .octetString(stamp.bytes))
    }

    public func takeRecord() async -> MeterRecord { recorder.take() }

    public func blockLoad(fromS: Int64, toS: Int64) async throws -> [BlockLoadRow] {
        guard fromS <= toS else { return [] }
        let layout = try await layout(of: "block-load")
        let buffer = try await buffer(try named("block-load").obis, fromS: fromS, toS: toS)
        recorder.describe(layout)
        return try decoding("block load") {
            try layout.blockLoad(buffer, zone: zone).filter { $0.endS >= fromS && $0.endS <= toS }.map {
                BlockLoadRow(
                    endS: $0.endS, importWh: $0.importWh, exportWh: $0.exportWh,
                    averageVoltageMilliV: $0.averageVoltageMilliV)
            }
        }
    }

    public func importRegisterWh() async throws -> Int64 {
        try await byNames { try await $0.readImportRegister() }
    }

    private func readImportRegister() async throws -> Int64 {
        let object = profile.object("import-energy") ?? ObjectNames.importEnergy
        let value = try await get(object.value)
        let scaler = try await get(AttributeReference(object.classID, object.obis, 3))
        guard let scaler = ScalerUnit(scaler), scaler.unit == 30, let raw = value.integer, let wh = scaler.value(raw)
        else { throw MeterError(.badAnswer, "\(object.obis.shortText) is not a number of Wh") }
        return wh
    }

    public func dailyRegisters(fromS: Int64, toS: Int64) async throws -> [RegisterRow] {
        guard fromS <= toS else { return [] }
        let layout = try await layout(of: "daily")
        let buffer = try await buffer(try named("daily").obis, fromS: fromS, toS: toS)
        recorder.describe(layout)
        return try decoding("daily load") {
            try layout.registers(buffer, zone: zone).filter { $0.atS >= fromS && $0.atS <= toS }.map {
                RegisterRow(atS: $0.atS, importWh: $0.importWh)
            }
        }
    }

    public func relay() async throws -> RelayState {
        let name = ObjectNames.relay
        // Both at once where the meter grants it: a line that breaks, breaks between answers.
        let both = [2, 3].map { AttributeReference(name.classID, name.obis, $0) }
        let parts = try await getEach(both)
        // What is refused in a list says why when it is asked for alone.
        let output = if let part = parts[0] { part } else { try await get(both[0]) }
        guard case .boolean(let closed) = output, let state = parts[1]?.integer else {
            throw MeterError(.badAnswer, "the disconnect control does not say its state")
        }
        // The contact counts; the logical state only tells the two open states apart.
        return closed ? .closed : state == 2 ? .readyForReconnection : .open
    }

    public func disconnect() async throws {
        try await act(MethodReference(ObjectNames.relay.classID, ObjectNames.relay.obis, 1), .integer(0))
    }

    public func reconnect() async throws {
        try await act(MethodReference(ObjectNames.relay.classID, ObjectNames.relay.obis, 2), .integer(0))
    }

    /// A meter without a relay has no control log: a log that is not there is empty.
    public func events(fromS: Int64, toS: Int64) async throws -> [MeterEventEntry] {
        var entries: [MeterEventEntry] = []
        for log in [EventLog.power, .control] {
            do {
                let layout = try await layout(of: log.profileName)
                let buffer = try await eventBuffer(log, fromS: fromS, toS: toS)
                recorder.describe(layout)
                let all = try decoding(log.profileName) { try layout.events(buffer, zone: zone) }
                entries += all.filter { $0.atS >= fromS && $0.atS <= toS }.map {
                    MeterEventEntry(atS: $0.atS, code: $0.code)
                }
            } catch let error as MeterError where error.code == .objectUndefined {
                continue
            }
        }
        return entries.sorted { ($0.atS, $0.code) < ($1.atS, $1.code) }
    }

    /// Some meters refuse a range on a log; then the whole log is read.
    private func eventBuffer(_ log: EventLog, fromS: Int64, toS: Int64) async throws -> DLMSData {
        do {
            return try await buffer(log.obis, fromS: fromS, toS: toS)
        } catch let error as MeterError where [.other, .accessDenied].contains(error.code) && !broken {
            return try await buffer(log.obis, fromS: nil, toS: nil)
        }
    }
}
