// A virtual meter as COSEM objects (IEC 62056-6-2) in the shape of IS 15959: which objects there are, who may touch
// them, what their attributes read. Profiles and their buffers are in MeterProfiles.swift.
import CivilTime
import DLMS
import IS15959

/// The client addresses a virtual meter knows.
public enum MeterClient {
    /// No authentication: reads.
    public static let open: UInt16 = 16
    /// Meter reader, LLS: reads.
    public static let reader: UInt16 = 32
    /// Utility setting, HLS mechanism 2, ciphered: reads, sets the clock, moves the relay.
    public static let utility: UInt16 = 48
    /// As utility, with HLS-GMAC. Not an association of IS 15959; for clients that speak nothing else.
    public static let utilityGMAC: UInt16 = 49

    static let all: [(address: UInt16, group: UInt8)] = [(open, 1), (reader, 2), (utility, 3), (utilityGMAC, 7)]
    static func mayControl(_ client: UInt16) -> Bool { client == utility || client == utilityGMAC }
}

/// The objects of one meter for one connection.
struct MeterObjects: COSEMObjects {
    let meter: VirtualMeter

    /// What an object list says of an object.
    struct Entry { var classID: UInt16; var obis: OBIS }

    static let profile = MeterProfile.singlePhase
    private static let associationNames = MeterClient.all.map { (OBIS(0, 0, 40, 0, $0.group), $0.address) }

    static let entries: [Entry] = {
        var list = [Entry(classID: 15, obis: OBIS(0, 0, 40, 0, 0))]
        list += associationNames.map { Entry(classID: 15, obis: $0.0) }
        list += MeterClient.all.dropFirst().map { Entry(classID: 1, obis: OBIS(0, 0, 43, 1, $0.group)) }
        list += [ObjectNames.clock, ObjectNames.logicalDeviceName, ObjectNames.relay].map {
            Entry(classID: $0.classID, obis: $0.obis)
        }
        list.append(Entry(classID: 64, obis: securitySetup))
        if let period = ObjectNames.find("capture-period") { list.append(Entry(classID: 1, obis: period.obis)) }
        var seen = Set(list.map(\.obis))
        for object in profile.profiles.flatMap(\.columns).compactMap({ ObjectNames.find($0) })
        where seen.insert(object.obis).inserted {
            list.append(Entry(classID: object.classID, obis: object.obis))
        }
        for entry in controlEntries where seen.insert(entry.obis).inserted { list.append(entry) }
        list += profile.profiles.map { Entry(classID: 7, obis: $0.obis) }
        list += profile.profiles.compactMap(\.scalerProfile).map { Entry(classID: 7, obis: $0) }
        return list
    }()

    private static let classes: [OBIS: UInt16] = Dictionary(
        entries.map { ($0.obis, $0.classID) }
    ) { first, _ in first }

    /// Version, attributes and methods of the classes served.
    private static func shape(_ classID: UInt16) -> (version: UInt8, attributes: Int8, methods: Int8) {
        switch classID {
        case 1: (0, 2, 0)
        case 3: (0, 3, 0)
        case 7: (1, 8, 0)
        case 8: (0, 9, 0)
        case 15: (1, 9, 1)
        case 64: (0, 1, 2)
        case 70: (0, 4, 2)
        default: controlShape(classID) ?? (0, 1, 0)
        }
    }

    // MARK: COSEMObjects

    func read(_ access: AttributeAccess, client: UInt16) -> AccessResult {
        let reference = access.reference
        guard let classID = Self.classes[reference.obis] else { return .failure(.objectUndefined) }
        guard classID == reference.classID else { return .failure(.objectClassInconsistent) }
        guard reference.attribute >= 1, reference.attribute <= Self.shape(classID).attributes else {
            return .failure(.scopeOfAccessViolated)
        }
        if reference.attribute == 1 { return .success(.obis(reference.obis)) }
        if access.selector != nil, classID != 7 || reference.attribute != 2 { return .failure(.scopeOfAccessViolated) }
        switch classID {
        case 1: return reference.attribute == 2 ? dataValue(reference.obis) : .failure(.scopeOfAccessViolated)
        case 3: return register(reference)
        case 7: return profileAttribute(access)
        case 8: return clock(reference.attribute)
        case 15: return association(reference, client: client)
        case 70: return relay(reference.attribute)
        default: return controlAttribute(reference)
        }
    }

    func write(_ access: AttributeAccess, _ value: DLMSData, client: UInt16) -> DataAccessResult {
        guard Self.classes[access.reference.obis] == access.reference.classID else { return .objectUndefined }
        guard MeterClient.mayControl(client) else { return .readWriteDenied }
        guard access.reference.classID == 8, access.reference.attribute == 2 else {
            return controlWrite(access.reference, value)
        }
        do {
            guard let atS = try ProfileLayout.instantS(value, zone: meter.configuration.zone) else {
                return .typeUnmatched
            }
            return change { (try? meter.setClock(toS: atS)) != nil }
        } catch {
            return .typeUnmatched
        }
    }

    func act(
        _ method: MethodReference, _ parameter: DLMSData?, client: UInt16
    ) -> Result<DLMSData?, DataAccessResult> {
        guard Self.classes[method.obis] == method.classID else { return .failure(.objectUndefined) }
        if method.classID == 64 { return changeKeys(method, parameter, client: client) }
        guard MeterClient.mayControl(client) else { return .failure(.readWriteDenied) }
        guard method.classID == 70, [1, 2].contains(method.method) else { return controlAct(method, parameter) }
        do {
            return try meter.operateRelay(open: method.method == 1) ? .success(nil) : .failure(.temporaryFailure)
        } catch {
            return .failure(.hardwareFault)
        }
    }

    // MARK: Attributes

    func stamp(_ atS: Int64) -> DLMSData {
        .octetString(COSEMDateTime(instantS: atS, offsetS: meter.configuration.zone.offsetS(atS: atS)).bytes)
    }

    private func clock(_ attribute: Int8) -> AccessResult {
        let never = DLMSData.octetString(COSEMDateTime().bytes)
        switch attribute {
        case 2: return .success(stamp(meter.nowS))
        case 3:
            let nowS = meter.nowS
            return .success(.long(Int16(clamping: -meter.configuration.zone.offsetS(atS: nowS) / 60)))
        case 4: return .success(.unsigned(0))
        case 5, 6: return .success(never)
        case 7: return .success(.integer(0))
        case 8: return .success(.boolean(false))
        default: return .success(.enumeration(1))
        }
    }

    /// Class 70: 2 output state (true: closed), 3 control state (1 connected, 0 disconnected), 4 control mode.
    private func relay(_ attribute: Int8) -> AccessResult {
        let open = meter.relayOpen
        switch attribute {
        case 2: return .success(.boolean(!open))
        case 3: return .success(.enumeration(open ? meter.isTripped ? 2 : 0 : 1))
        default: return .success(.enumeration(4))
        }
    }

    private func dataValue(_ obis: OBIS) -> AccessResult {
        let configuration = meter.configuration
        if obis.a == 0, obis.c == 43, let client = MeterClient.all.first(where: { $0.group == obis.e }) {
            return .success(.doubleLongUnsigned(meter.clientCounters[client.address] ?? 0))
        }
        if let log = EventLog.allCases.first(where: { $0.code.obis == obis }) {
            let last = meter.events.last { EventIDs.log($0.code) == log }
            return .success(.longUnsigned(UInt16(clamping: last?.code ?? 0)))
        }
        if let value = controlValue(obis) { return .success(value) }
        switch ObjectNames.find(obis)?.name {
        case "serial", "device-id": return .success(.text(configuration.serial))
        case "logical-device-name": return .success(.text("BBR" + configuration.serial))
        case "maker": return .success(.text("BUSBAR SIMULATOR"))
        case "firmware": return .success(.text(configuration.firmware))
        case "meter-type": return .success(.unsigned(6))
        case "meter-category": return .success(.text("D1"))
        case "current-rating": return .success(.text("5-30A"))
        case "year": return .success(.longUnsigned(UInt16(clamping: configuration.installed.parts.year)))
        case "capture-period": return .success(.longUnsigned(UInt16(clamping: configuration.periodS)))
        case "tamper-count":
            return .success(.doubleLongUnsigned(UInt32(clamping: meter.events.count { $0.code == 251 })))
        default: return .failure(.objectUndefined)
        }
    }

    // MARK: Association

    private static let modes: [UInt16: (mechanism: UInt8, context: UInt8)] = [
        MeterClient.open: (0, 1), MeterClient.reader: (1, 1), MeterClient.utility: (2, 3),
        MeterClient.utilityGMAC: (5, 3),
    ]

    private func association(_ reference: AttributeReference, client: UInt16) -> AccessResult {
        let address = Self.associationNames.first { $0.0 == reference.obis }?.1 ?? client
        let mode = Self.modes[address] ?? (0, 1)
        let arc: [UInt8] = [0x60, 0x85, 0x74, 0x05, 0x08]
        switch reference.attribute {
        case 2: return .success(.array(Self.entries.map { objectListEntry($0, client: address) }))
        case 3: return .success(.structure([.integer(Int8(clamping: address)), .longUnsigned(1)]))
        case 4: return .success(.octetString(arc + [1, mode.context]))
        case 5:
            let conformance = Conformance.spoken.rawValue
            let bits = [UInt8(conformance >> 16 & 0xFF), UInt8(conformance >> 8 & 0xFF), UInt8(conformance & 0xFF)]
            return .success(
                .structure([
                    .bitString(bits, count: 24), .longUnsigned(MeterFleet.maxPDU), .longUnsigned(MeterFleet.maxPDU),
                    .unsigned(6), .integer(0), .octetString([]),
                ]))
        case 6: return .success(.octetString(arc + [2, mode.mechanism]))
        case 8: return .success(.enumeration(address == client ? 2 : 0))
        case 9: return .success(.obis(OBIS(0, 0, 43, 0, 0)))
        default: return .failure(.readWriteDenied)
        }
    }

    /// Class, version, logical name, access rights: attribute modes 0 none, 1 read, 3 both; method modes 0 none, 1 yes.
    private func objectListEntry(_ entry: Entry, client: UInt16) -> DLMSData {
        let shape = Self.shape(entry.classID)
        let control = MeterClient.mayControl(client)
        let attributes = (1...shape.attributes).map { attribute in
            let secret = entry.classID == 15 && attribute == 7
            let target = AttributeReference(entry.classID, entry.obis, attribute)
            let settable = control && (entry.classID == 8 && attribute == 2 || Self.isSettable(target))
            let selectors = entry.classID == 7 && attribute == 2 ? DLMSData.array([.integer(1), .integer(2)]) : .null
            return DLMSData.structure([
                .integer(attribute), .enumeration(secret ? 0 : settable ? 3 : 1), selectors,
            ])
        }
        let methods = stride(from: Int8(1), through: shape.methods, by: 1).map { method in
            DLMSData.structure([.integer(method), .enumeration(entry.classID == 15 || control ? 1 : 0)])
        }
        return .structure([
            .longUnsigned(entry.classID), .unsigned(shape.version), .obis(entry.obis),
            .structure([.array(attributes), .array(methods)]),
        ])
    }
}
