// Registers and profiles (classes 3 and 7) of a virtual meter: values with their scalers, columns, and buffers by range
// or by entry. Order of columns and scalers are this meter's own; clients read them.
import CivilTime
import DLMS
import IS15959

extension MeterObjects {
    // MARK: Registers

    func register(_ reference: AttributeReference) -> AccessResult {
        guard let object = ObjectNames.find(reference.obis) else { return .failure(.objectUndefined) }
        if reference.attribute == 3 { return .success(scaler(object).data) }
        return present(object.name).map { .success($0) } ?? .failure(.objectUndefined)
    }

    /// Energies by the meter's configuration, voltages and currents in hundredths, power factor in thousandths.
    func scaler(_ object: NamedObject) -> ScalerUnit {
        switch object.unit {
        case 30, 31: ScalerUnit(meter.configuration.energyScaler, object.unit)
        case 33, 35, 44: ScalerUnit(-2, object.unit)
        case 255 where object.name == "power-factor": ScalerUnit(-3, 255)
        default: ScalerUnit(0, object.unit)
        }
    }

    /// Energy as its register shows it.
    private func energy(_ wh: Int64) -> DLMSData {
        var raw = wh
        for _ in 0..<(-Int(meter.configuration.energyScaler)) {
            raw = raw.multipliedReportingOverflow(by: 10).partialValue
        }
        return UInt32(exactly: raw).map { .doubleLongUnsigned($0) } ?? .long64Unsigned(UInt64(clamping: raw))
    }

    /// Apparent energy or power at the power factor of the model, 0.95.
    private func apparent(_ active: Int64) -> Int64 { active * 100 / 95 }

    /// The present value of a register.
    private func present(_ name: String) -> DLMSData? {
        let nowS = meter.nowS
        let watts = meter.powerW
        let centiV = meter.isPowered ? meter.centiVolts(atS: nowS) : 0
        let centiA = centiV == 0 ? 0 : watts * 10_000 / centiV
        let lastRow = { self.meter.loadRows(fromEndS: nowS - 2 * self.meter.configuration.periodS).last }
        switch name {
        case "import-energy": return energy(meter.shown(meter.registerWh))
        case "import-apparent-energy": return energy(apparent(meter.shown(meter.registerWh)))
        case "export-energy", "export-apparent-energy", "block-export-energy", "block-export-apparent-energy":
            return energy(0)
        case "block-import-energy": return energy(Int64(lastRow()?.importWh ?? 0))
        case "block-import-apparent-energy": return energy(apparent(Int64(lastRow()?.importWh ?? 0)))
        case "average-voltage": return .longUnsigned(UInt16(clamping: lastRow()?.averageCentiV ?? 0))
        case "average-current": return .longUnsigned(UInt16(clamping: lastRow()?.averageCentiA ?? 0))
        case "voltage": return .longUnsigned(UInt16(clamping: centiV))
        case "current", "neutral-current": return .longUnsigned(UInt16(clamping: centiA))
        case "active-power": return .doubleLongUnsigned(UInt32(clamping: watts))
        case "apparent-power": return .doubleLongUnsigned(UInt32(clamping: apparent(watts)))
        case "power-factor": return .longUnsigned(watts == 0 ? 1000 : 950)
        case "frequency": return .longUnsigned(UInt16(clamping: centiV == 0 ? 0 : 4990 + nowS % 20))
        case "power-on-duration":
            let startS = meter.configuration.zone.startS(of: meter.configuration.installed)
            return .doubleLongUnsigned(UInt32(clamping: (nowS - startS) / 60))
        default: return nil
        }
    }

    // MARK: Profiles

    private func columns(_ profile: NamedProfile) -> [NamedObject] {
        profile.columns.compactMap { ObjectNames.find($0) }
    }

    /// Attributes of a profile: 2 buffer, 3 capture objects, 4 period, 5 sort method, 6 sort object, 7 and 8 entries.
    func profileAttribute(_ access: AttributeAccess) -> AccessResult {
        let obis = access.reference.obis
        let profile = Self.profile.profiles.first { $0.obis == obis }
        let registers = Self.profile.profiles.first { $0.scalerProfile == obis }.map { columns($0) } ?? []
        let scaled = registers.filter { $0.classID == 3 }
        let captures =
            profile.map { columns($0).map(\.capture) } ?? scaled.map { CaptureObject(3, $0.obis, 3) }
        let period = profile.map { periodS($0) } ?? 0
        switch access.reference.attribute {
        case 2:
            if let profile { return buffer(profile, captures, access.selector) }
            let row = scaled.map { scaler($0).data }
            return access.selector == nil ? .success(.array([.structure(row)])) : .failure(.scopeOfAccessViolated)
        case 3: return .success(.array(captures.map(\.data)))
        case 4: return .success(.doubleLongUnsigned(UInt32(clamping: period)))
        case 5: return .success(.enumeration(1))
        case 6: return .success(ObjectNames.clock.capture.data)
        case 7: return .success(.doubleLongUnsigned(UInt32(clamping: profile.map { rowCount($0) } ?? 1)))
        default:
            let capacity = Int64(meter.configuration.retentionDays) * 86_400 / max(1, period)
            return .success(.doubleLongUnsigned(UInt32(clamping: period == 0 ? 100 : capacity)))
        }
    }

    private func periodS(_ profile: NamedProfile) -> Int64 {
        switch profile.name {
        case "block-load": meter.configuration.periodS
        case "daily": 86_400
        default: 0
        }
    }

    private func rowCount(_ profile: NamedProfile) -> Int { rows(profile, .min, .max).count }

    /// Rows whose stamps lie in [fromS, toS], both ends included.
    private func rows(_ profile: NamedProfile, _ fromS: Int64, _ toS: Int64) -> [[DLMSData]] {
        switch profile.name {
        case "block-load":
            return meter.loadRows(fromEndS: fromS, toEndS: toS).map(blockRow)
        case "daily":
            return meter.midnights(fromS: fromS, toS: toS).map {
                let wh = meter.shown($0.importWh)
                return [stamp($0.atS), energy(wh), energy(apparent(wh)), energy(0), energy(0)]
            }
        case "instantaneous", "name-plate":
            let row = columns(profile).map { column -> DLMSData in
                (try? read(AttributeAccess(column.value), client: MeterClient.open).get()) ?? .null
            }
            return [row]
        default:
            let log = EventLog.allCases.first { $0.profileName == profile.name }
            let entries = meter.events.filter { EventIDs.log($0.code) == log && $0.atS >= fromS && $0.atS <= toS }
            return entries.suffix(100).map { [stamp($0.atS), .longUnsigned(UInt16(clamping: $0.code))] }
        }
    }

    private func blockRow(_ row: LoadRow) -> [DLMSData] {
        let wh = Int64(row.importWh)
        return [
            stamp(row.endS), .longUnsigned(UInt16(clamping: row.averageCentiV)), energy(wh), energy(apparent(wh)),
            energy(0), energy(0), .longUnsigned(UInt16(clamping: row.averageCentiA)),
        ]
    }

    private func buffer(_ profile: NamedProfile, _ captures: [CaptureObject], _ selector: Selector?) -> AccessResult {
        switch selector {
        case nil: return .success(.array(rows(profile, .min, .max).map { .structure($0) }))
        case .range(let by, let from, let to, let wanted):
            guard by.classID == 8, by.obis == ObjectNames.clock.obis else { return .failure(.objectUnavailable) }
            let zone = meter.configuration.zone
            guard let fromS = try? ProfileLayout.instantS(from, zone: zone),
                let toS = try? ProfileLayout.instantS(to, zone: zone)
            else { return .failure(.typeUnmatched) }
            let positions = wanted.isEmpty ? Array(captures.indices) : wanted.compactMap { captures.firstIndex(of: $0) }
            guard wanted.isEmpty || positions.count == wanted.count else { return .failure(.objectUnavailable) }
            let selected = rows(profile, fromS, toS)
            return .success(.array(selected.map { row in .structure(positions.map { row[$0] }) }))
        case .entry(let from, let to, let fromColumn, let toColumn):
            let all = rows(profile, .min, .max)
            let first = Int(max(1, from)), last = to == 0 ? all.count : min(Int(to), all.count)
            let left = Int(max(1, fromColumn))
            let right = toColumn == 0 ? captures.count : min(Int(toColumn), captures.count)
            guard left <= right else { return .failure(.objectUnavailable) }
            guard first <= last else { return .success(.array([])) }
            return .success(.array(all[(first - 1)..<last].map { .structure(Array($0[(left - 1)..<right])) }))
        case .other: return .failure(.scopeOfAccessViolated)
        }
    }
}
