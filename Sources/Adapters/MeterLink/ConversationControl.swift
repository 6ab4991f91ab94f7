// What the head-end changes in a meter, in the objects of COSEM (IEC 62056-6-2) as IS 15959 uses them. Types and units
// are read from the meter before anything is written; nothing is retried here.
import DLMS
import IS15959
import MeterPort

extension DLMSConversation {
    // MARK: MeterControl

    public func value(of matter: MeterMatter) async throws -> MeterValue {
        try await byNames { try await $0.read(matter) }
    }

    private func read(_ matter: MeterMatter) async throws -> MeterValue {
        switch matter {
        case .loadLimit:
            let (raw, unit) = try await limit()
            guard let watts = unit.value(raw) else { throw MeterError(.badAnswer, "the load limit is no power") }
            return .loadLimit(watts: watts)
        case .calendar: return .calendar(try await calendar())
        case .balance: return .balance(paise: try await whole("balance"))
        case .paymentMode:
            switch try await whole("payment-mode") {
            case 0: return .paymentMode(.postpaid)
            case 1: return .paymentMode(.prepaid)
            case let other: throw MeterError(.badAnswer, "payment mode \(other)")
            }
        case .clock: return .clock(atS: try await clockS())
        case .reset(let reset): return .reset(reset, count: try await whole(Self.counter(of: reset)))
        case .setting(let name): return .setting(name, try await setting(name))
        case .maker(let name): return .maker(name, try Self.text(await get(try makerReference(name))))
        case .firmware:
            guard let octets = try await get(try reference("firmware")).octets else {
                throw MeterError(.badAnswer, "the firmware version is no text")
            }
            let text = String(decoding: octets, as: UTF8.self)
            return .firmware(version: String(text.drop { $0 == " " || $0 == "\0" }.prefix(64)))
        }
    }

    public func set(_ value: MeterValue) async throws {
        try await byNames { try await $0.write(value) }
    }

    private func write(_ value: MeterValue) async throws {
        switch value {
        case .loadLimit(let watts):
            let (_, unit) = try await limit()
            guard (-6...6).contains(unit.scaler) else { throw MeterError(.badAnswer, "scaler \(unit.scaler)") }
            let raw = ScalerUnit(-unit.scaler, unit.unit).value(watts) ?? 0
            guard unit.value(raw) == watts else {
                throw MeterError(.other, "this meter's load limit has no steps of 1 W: \(watts) W cannot be set")
            }
            try await setLike(AttributeReference(71, try named("load-limit", class: 71).obis, 4), raw)
        case .calendar(let calendar): try await put(calendar)
        case .balance(let paise):
            // The meter shows the time of its balance beside it; one without that object still takes the balance.
            try await setLike(try reference("balance"), paise)
            try? await set(try reference("balance-time"), .octetString(stamp(await clockS()).bytes))
        case .paymentMode(let mode): try await setLike(try reference("payment-mode"), mode == .prepaid ? 1 : 0)
        case .clock(let atS): try await set(ObjectNames.clock.value, .octetString(stamp(atS).bytes))
        case .reset(let reset, _): try await act(Self.script(of: reset), .longUnsigned(Self.scriptNumber(of: reset)))
        case .setting(let name, let text): try await put(setting: name, text)
        case .maker(let name, let text):
            let target = try makerReference(name)
            try await set(target, try Self.data(text, like: await get(target)))
        case .firmware: throw MeterError(.other, "firmware is sent as an image")
        }
    }

    public func send(
        _ image: FirmwareImage, mayResume: Bool, progress: @escaping @Sendable (Int, Int) async throws -> Void
    ) async throws {
        let object = ImageTransferObject(try named("image-transfer", class: 18).obis)
        var transfer = ImageTransfer(
            object, identifier: image.identifier, image: image.content, mayResume: mayResume, activates: true,
            maxPolls: 120)
        while true {
            let step = transfer.next
            let event: ClientEvent
            switch step {
            case .done: return
            case .failed(let why): throw MeterError(.badAnswer, "image transfer: \(why)")
            case .wait: event = .done(nil)
            case .get(let reference):
                event = try await run { (client) throws(DLMSError) in try client.get(reference) }
            case .set(let reference, let data):
                event = try await run { (client) throws(DLMSError) in try client.set(reference, data) }
            case .act(let method, let parameter):
                event = try await run { (client) throws(DLMSError) in try client.act(method, parameter) }
            }
            let waits =
                switch event {
                case .value(let value): transfer.received(value)
                case .failed(let result): transfer.failed(result)
                default: transfer.received(nil)
                }
            if case .act(object.transfer, _) = step { try await progress(transfer.sentCount, transfer.blockCount) }
            if waits { try await Task.sleep(for: .milliseconds(250)) }
        }
    }

    // MARK: Names

    private func named(_ name: String, class classID: UInt16) throws -> NamedObject {
        guard let object = profile.object(name), object.classID == classID else {
            throw MeterError(MeterError.Code.objectUndefined, "the meter profile \(profile.name) has no '\(name)'")
        }
        return object
    }

    private func reference(_ name: String) throws -> AttributeReference { try named(name, class: 1).value }

    /// Only what the profile file of the meter's maker names can be set so.
    private func makerReference(_ name: String) throws -> AttributeReference {
        guard profile.maker != nil, let object = profile.objects.first(where: { $0.name == name }) else {
            throw MeterError(
                MeterError.Code.objectUndefined, "the meter profile \(profile.name) names no maker's object '\(name)'")
        }
        return AttributeReference(object.classID, object.obis, object.attribute)
    }

    private func whole(_ name: String) async throws -> Int64 {
        guard let value = try await get(try reference(name)).integer else {
            throw MeterError(.badAnswer, "\(name) is no whole number")
        }
        return value
    }

    // MARK: Values like those that are there

    private func setLike(_ target: AttributeReference, _ value: Int64) async throws {
        guard let data = Self.whole(value, like: try await get(target)) else {
            throw MeterError(.other, "\(value) does not fit \(target)")
        }
        try await set(target, data)
    }

    /// A whole number of the same type; nil when it does not fit, or when that is no whole number.
    static func whole(_ value: Int64, like data: DLMSData) -> DLMSData? {
        switch data {
        case .boolean: value == 0 || value == 1 ? .boolean(value == 1) : nil
        case .integer: Int8(exactly: value).map { .integer($0) }
        case .long: Int16(exactly: value).map { .long($0) }
        case .doubleLong: Int32(exactly: value).map { .doubleLong($0) }
        case .long64: .long64(value)
        case .unsigned: UInt8(exactly: value).map { .unsigned($0) }
        case .longUnsigned: UInt16(exactly: value).map { .longUnsigned($0) }
        case .doubleLongUnsigned: UInt32(exactly: value).map { .doubleLongUnsigned($0) }
        case .long64Unsigned: UInt64(exactly: value).map { .long64Unsigned($0) }
        case .enumeration: UInt8(exactly: value).map { .enumeration($0) }
        default: nil
        }
    }

    /// A number as digits, octets that are text as such, others as `0x…`.
    static func text(_ data: DLMSData) throws(MeterError) -> String {
        if let number = data.integer { return String(number) }
        if case .boolean(let flag) = data { return flag ? "1" : "0" }
        guard let octets = data.octets, octets.count <= 200 else {
            throw MeterError(.badAnswer, "neither a number nor a text")
        }
        if octets.allSatisfy({ (32..<127).contains($0) }) { return String(decoding: octets, as: UTF8.self) }
        let digits = Array("0123456789abcdef")
        return "0x" + octets.map { String([digits[Int($0 >> 4)], digits[Int($0 & 15)]]) }.joined()
    }

    static func data(_ text: String, like old: DLMSData) throws(MeterError) -> DLMSData {
        let wrong = MeterError(.other, "'\(text.prefix(40))' is not of the type the meter holds")
        if old.octets == nil {
            guard let number = Int64(text), let data = whole(number, like: old) else { throw wrong }
            return data
        }
        var octets = Array(text.utf8)
        if text.hasPrefix("0x") {
            let digits = text.dropFirst(2).utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == text.utf8.count - 2, digits.count % 2 == 0 else { throw wrong }
            octets = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
        switch old {
        case .visibleString: return .visibleString(octets)
        case .utf8String: return .utf8String(octets)
        default: return .octetString(octets)
        }
    }

    // MARK: Load limit (class 71)

    /// Normal threshold and what it is measured in: the scaler of the value that is watched, active power in W.
    private func limit() async throws -> (raw: Int64, unit: ScalerUnit) {
        let obis = try named("load-limit", class: 71).obis
        guard let raw = try await get(AttributeReference(71, obis, 4)).integer else {
            throw MeterError(.badAnswer, "the load limit is no whole number")
        }
        let monitored = try await get(AttributeReference(71, obis, 2)).elements ?? []
        guard monitored.count == 3, let classID = monitored[0].integer, [3, 4, 5].contains(classID),
            let watched = monitored[1].octets.flatMap({ OBIS(bytes: $0) })
        else { throw MeterError(.badAnswer, "the load limit does not say what it watches") }
        let scaler = try await get(AttributeReference(UInt16(clamping: classID), watched, classID == 5 ? 4 : 3))
        guard let unit = ScalerUnit(scaler), unit.unit == 27 else {
            throw MeterError(.badAnswer, "the load limit does not watch active power")
        }
        return (raw, unit)
    }

    // MARK: Resets (class 9)

    /// Demand: the script of IS 15959; the others are numbered as our simulated meters have them, a maker's profile
    /// says otherwise by its own objects.
    private static func script(of reset: MeterReset) -> MethodReference {
        MethodReference(9, OBIS(0, 0, 10, 0, 1), 1)
    }

    private static func scriptNumber(of reset: MeterReset) -> UInt16 {
        switch reset {
        case .maximumDemand: 1
        case .tamper: 2
        case .status: 3
        }
    }

    /// What counts up when it was reset. A reset is a programming, which every meter counts.
    private static func counter(of reset: MeterReset) -> String {
        reset == .maximumDemand ? "billing-count" : "programming-count"
    }

    // MARK: Configuration

    private func pushDestination(_ name: String) throws -> AttributeReference {
        AttributeReference(40, try named(name, class: 40).obis, 3)
    }

    private func setting(_ name: String) async throws -> String {
        guard name.hasPrefix("push-") else { return String(try await whole(name)) }
        let fields = try await get(try pushDestination(name)).elements ?? []
        guard fields.count == 3, let octets = fields[1].octets else {
            throw MeterError(.badAnswer, "\(name) does not say where it goes")
        }
        return String(decoding: octets.prefix(64), as: UTF8.self)
    }

    private func put(setting name: String, _ text: String) async throws {
        guard name.hasPrefix("push-") else {
            guard let value = Int64(text) else { throw MeterError(.other, "\(name) is a number of seconds") }
            return try await setLike(try reference(name), value)
        }
        let target = try pushDestination(name)
        guard case .structure(var fields) = try await get(target), fields.count == 3 else {
            throw MeterError(.badAnswer, "\(name) does not say where it goes")
        }
        fields[1] = .octetString(Array(text.utf8))
        try await set(target, .structure(fields))
    }
}
