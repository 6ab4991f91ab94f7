// The objects by which a virtual meter is told things, as COSEM shows them: limiter (class 71), activity calendar (20),
// scripts (9), image transfer (18), push set-ups (40) and the prepaid data of IS 15959.
import DLMS
import IS15959

extension MeterObjects {
    private enum Names {
        static let limiter = OBIS(0, 0, 17, 0, 0)
        static let calendar = OBIS(0, 0, 13, 0, 0)
        static let demandReset = OBIS(0, 0, 10, 0, 1)
        static let image = OBIS(0, 0, 44, 0, 0)
        static let pushes = [OBIS(0, 0, 25, 9, 0), OBIS(0, 4, 25, 9, 0)]
    }
    private static let controlData = ["payment-mode", "balance", "balance-time", "demand-period"]

    /// What the object list says of them.
    static let controlEntries: [Entry] =
        [
            Entry(classID: 71, obis: Names.limiter), Entry(classID: 20, obis: Names.calendar),
            Entry(classID: 9, obis: Names.demandReset), Entry(classID: 18, obis: Names.image),
        ] + Names.pushes.map { Entry(classID: 40, obis: $0) }
        + controlData.compactMap { ObjectNames.find($0) }.map { Entry(classID: 1, obis: $0.obis) }

    /// Version, attributes and methods; nil for a class that is not one of these.
    static func controlShape(_ classID: UInt16) -> (version: UInt8, attributes: Int8, methods: Int8)? {
        switch classID {
        case 9: (0, 2, 1)
        case 18: (0, 7, 4)
        case 20: (0, 10, 1)
        case 40: (0, 7, 1)
        case 71: (0, 11, 0)
        default: nil
        }
    }

    static func isSettable(_ reference: AttributeReference) -> Bool {
        switch reference.classID {
        case 1: controlData.contains(ObjectNames.find(reference.obis)?.name ?? "") && reference.attribute == 2
        case 18: reference.attribute == 5
        case 20: (6...9).contains(reference.attribute)
        case 40: reference.attribute == 3
        case 71: [4, 6, 7].contains(reference.attribute)
        default: false
        }
    }

    // MARK: Read

    /// A class 1 object that was set, or counts what was done; nil for any other.
    func controlValue(_ obis: OBIS) -> DLMSData? {
        let state = meter.controls
        switch ObjectNames.find(obis)?.name {
        case "payment-mode": return .unsigned(state.isPrepaid ? 1 : 0)
        case "balance": return .doubleLong(state.balance)
        case "balance-time": return .octetString(state.balanceTime ?? COSEMDateTime().bytes)
        case "demand-period": return .longUnsigned(state.demandPeriodS)
        case "billing-count": return .doubleLongUnsigned(state.demandResets)
        case "programming-count": return .doubleLongUnsigned(state.programmings)
        case "firmware": return state.firmware.map { .text($0) }
        default: return nil
        }
    }

    func controlAttribute(_ reference: AttributeReference) -> AccessResult {
        let state = meter.controls
        switch reference.classID {
        case 71: return limiter(reference.attribute, state.limiter)
        case 20: return calendar(reference.attribute, state)
        case 18:
            return meter.imageAttribute(reference.attribute).map { .success($0) } ?? .failure(.scopeOfAccessViolated)
        case 40: return push(reference, state)
        case 9:
            let scripts = (1...3).map { number -> DLMSData in
                .structure([.longUnsigned(UInt16(number)), .array([])])
            }
            return .success(.array(scripts))
        default: return .failure(.objectUndefined)
        }
    }

    private func limiter(_ attribute: Int8, _ limiter: LoadLimiter?) -> AccessResult {
        let watts = UInt32(clamping: limiter?.watts ?? MeterControlState.unlimitedW)
        let script = { (selector: UInt16) -> DLMSData in
            .structure([.obis(OBIS(0, 0, 10, 0, 106)), .longUnsigned(selector)])
        }
        switch attribute {
        case 2: return .success(.structure([.longUnsigned(3), .obis(OBIS(1, 0, 1, 7, 0)), .integer(2)]))
        case 3, 4, 5: return .success(.doubleLongUnsigned(watts))
        case 6: return .success(.doubleLongUnsigned(UInt32(clamping: limiter?.overS ?? 60)))
        case 7: return .success(.doubleLongUnsigned(UInt32(clamping: limiter?.underS ?? 60)))
        case 8:
            let never = DLMSData.octetString(COSEMDateTime().bytes)
            return .success(.structure([.longUnsigned(0), never, .doubleLongUnsigned(0)]))
        case 9: return .success(.array([]))
        case 10: return .success(.boolean(false))
        default: return .success(.structure([script(1), script(2)]))
        }
    }

    private func calendar(_ attribute: Int8, _ state: MeterControlState) -> AccessResult {
        guard attribute < 10 else { return .success(.octetString(COSEMDateTime().bytes)) }
        if let bytes = state.calendar[attribute], let data = try? DLMSData(axdr: bytes) { return .success(data) }
        return .success(attribute == 2 || attribute == 6 ? .text("FACTORY") : .array([]))
    }

    private func push(_ reference: AttributeReference, _ state: MeterControlState) -> AccessResult {
        switch reference.attribute {
        case 2, 4: return .success(.array([]))
        case 3:
            let place = state.pushDestinations[reference.obis.b] ?? []
            return .success(.structure([.enumeration(0), .octetString(place), .enumeration(0)]))
        default: return .success(.longUnsigned(0))
        }
    }

    // MARK: Write and act

    func controlWrite(_ reference: AttributeReference, _ value: DLMSData) -> DataAccessResult {
        guard Self.isSettable(reference) else { return .readWriteDenied }
        let check = accepts(reference, value)
        guard check == .success else { return check }
        return change { meter.setControl(reference, value) }
    }

    /// Types and limits, before a fault may lie about the rest.
    private func accepts(_ reference: AttributeReference, _ value: DLMSData) -> DataAccessResult {
        switch (reference.classID, ObjectNames.find(reference.obis)?.name) {
        case (71, _):
            guard case .doubleLongUnsigned = value else { return .typeUnmatched }
        case (20, _):
            guard value.axdr.count <= 4096 else { return .otherReason }
            guard reference.attribute == 6 ? value.octets != nil : value.elements != nil else { return .typeUnmatched }
        case (18, _):
            guard case .boolean = value else { return .typeUnmatched }
        case (40, _):
            guard let fields = value.elements, fields.count == 3, let place = fields[1].octets, place.count <= 64 else {
                return .typeUnmatched
            }
        case (_, "payment-mode"):
            guard case .unsigned(let mode) = value, mode <= 1 else { return .typeUnmatched }
        case (_, "balance"):
            guard case .doubleLong = value else { return .typeUnmatched }
        case (_, "balance-time"):
            guard value.octets?.count == 12 else { return .typeUnmatched }
        case (_, "demand-period"):
            guard case .longUnsigned(let seconds) = value, [300, 900, 1800, 3600].contains(seconds) else {
                return .typeUnmatched
            }
        default: return .readWriteDenied
        }
        return .success
    }

    func controlAct(_ method: MethodReference, _ parameter: DLMSData?) -> Result<DLMSData?, DataAccessResult> {
        let result: DataAccessResult
        switch (method.classID, method.method) {
        case (9, 1):
            guard let script = parameter?.integer, (1...3).contains(script) else { return .failure(.typeUnmatched) }
            result = change { meter.runScript(Int(script)) }
        case (20, 1): result = change { meter.activateCalendar() }
        case (18, 4) where meter.faults.isGhost(atS: meter.businessNowS): result = .success
        case (18, 1...4):
            let said = meter.imageAct(method.method, parameter)
            let lies = method.method == 4 && meter.faults.isLying(atS: meter.businessNowS)
            result = lies && said == .success ? .temporaryFailure : said
        default: return .failure(.readWriteDenied)
        }
        return result == .success ? .success(nil) : .failure(result)
    }

    /// What a planned fault makes of a write: done and denied, or said and not done.
    func change(_ body: () -> Bool) -> DataAccessResult {
        let faults = meter.faults
        let nowS = meter.businessNowS
        if !faults.isGhost(atS: nowS), !body() { return .hardwareFault }
        return faults.isLying(atS: nowS) ? .temporaryFailure : .success
    }
}

extension VirtualMeter {
    /// What the meter was told.
    var controls: MeterControlState { controlled { state, _ in state } }

    /// Watts above which it opens its relay; nil without a limit.
    public var loadLimitW: Int64? { controls.limiter?.watts }
    /// What its display shows, paise.
    public var shownBalancePaise: Int64 { Int64(controls.balance) }
    public var firmware: String { controls.firmware ?? configuration.firmware }

    /// False when it cannot be kept.
    func setControl(_ reference: AttributeReference, _ value: DLMSData) -> Bool {
        changeControls { state, nowS in
            switch (reference.classID, reference.attribute, ObjectNames.find(reference.obis)?.name) {
            case (71, let attribute, _):
                let old = state.limiter
                var limiter =
                    old ?? LoadLimiter(watts: MeterControlState.unlimitedW, sinceS: nowS, checkedS: nowS)
                let number = value.integer ?? 0
                switch attribute {
                case 4: limiter.watts = number
                case 6: limiter.overS = number
                default: limiter.underS = number
                }
                limiter.sinceS = nowS
                state.limiter = limiter
            case (20, let attribute, _): state.calendar[attribute] = value.axdr
            case (40, _, _): state.pushDestinations[reference.obis.b] = value.elements?[1].octets
            case (_, _, "payment-mode"): state.isPrepaid = value.integer == 1
            case (_, _, "balance"): state.balance = Int32(clamping: value.integer ?? 0)
            case (_, _, "balance-time"): state.balanceTime = value.octets
            case (_, _, "demand-period"): state.demandPeriodS = UInt16(clamping: value.integer ?? 1800)
            default: break
            }
        }
    }

    func activateCalendar() -> Bool {
        changeControls { state, _ in
            for attribute in Int8(6)...9 {
                if let part = state.calendar[attribute] { state.calendar[attribute - 4] = part }
            }
        }
    }

    /// 1 resets the maximum demand, 2 tamper, 3 status.
    func runScript(_ number: Int) -> Bool {
        changeControls { state, _ in
            if number == 1 { state.demandResets += 1 } else { state.programmings += 1 }
        }
    }

    func imageAttribute(_ attribute: Int8) -> DLMSData? { imaged { $0.read(attribute) } }

    /// A sound image of ours runs as soon as it is activated.
    func imageAct(_ method: Int8, _ parameter: DLMSData?) -> DataAccessResult {
        let (result, version) = imaged { receiver in
            let result = receiver.act(method, parameter) { VirtualFirmware.version(of: $0) != nil }
            guard method == 4, result == .success else { return (result, String?.none) }
            receiver.activated(true)
            return (result, VirtualFirmware.version(of: receiver.image))
        }
        guard let version else { return result }
        return changeControls { state, _ in state.firmware = version } ? .success : .hardwareFault
    }
}
