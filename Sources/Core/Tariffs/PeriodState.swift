// What has come together since a bill began: energy, loads and what each component has charged. Values only.
import CivilTime

/// Of one component.
struct ComponentRun: Sendable, Equatable {
    /// Energy it is reckoned from; under net metering what is drawn beyond what was fed in.
    var wh: Int64 = 0
    /// What add-on packs took of it, where that counts toward slabs.
    var addOnWh: Int64 = 0
    /// Step by step, in each a value for every band; only where slabs are chronological.
    var cells: [Int64] = []
    var bandWh: [Int64] = []
    /// Of prices that differ by interval: thousandths of the minor unit per kWh times Wh.
    var micro: Int128 = 0
    var maximumW: [Int64] = []
    /// Apparent energy of the same days as `wh`; only of power factors.
    var apparentVAh: Int64 = 0
    var chargedMinor: Int64 = 0
    /// The day on which the surcharge for a supply month was charged.
    var surchargedOn: [CivilMonth: CivilDay] = [:]
    /// What a share took of each of its bases.
    var partsMinor: [Int64] = []

    /// What fills slabs.
    var slabWh: Int64 { max(0, wh) + addOnWh }
}

struct PeriodState: Sendable, Equatable {
    var runs: [ComponentRun] = []
    var importWh: Int64 = 0
    /// What add-on packs took of it.
    var addOnWh: Int64 = 0
    var exportWh: Int64 = 0
    var generationWh: Int64 = 0
    /// Import less export under net metering.
    var netWh: Int64 = 0
    var days = 0
    var monthParts: Int64 = 0
    var isClosed = false
    var hasLeft = false
    /// What is billed of it: import, or under net metering what is left after the bank.
    var totalWh: Int64 = 0
    /// Components that the version in force does not have, by id.
    var retired: [String: ComponentRun] = [:]

    func charged(_ base: TariffBase) -> Int64 {
        base.part.map { runs[base.component].partsMinor[$0] } ?? runs[base.component].chargedMinor
    }

    func charged(_ bases: [TariffBase]) -> Int64 { bases.reduce(0) { $0 + charged($1) } }
}

/// A version of a tariff made ready for a bill: limits prorated, calendars by component.
struct ReadyTariff: Sendable {
    var tariff: Tariff
    /// For energy components.
    var tables: [[ResolvedTable]]
    var calendars: [DatedCalendar?]

    init(_ tariff: Tariff, _ period: BillPeriod) {
        let tariff = tariff.withAddOns
        self.tariff = tariff
        tables = tariff.components.map { component in
            if case .energy(let charge) = component.charge {
                charge.resolved(period, billMonths: tariff.billMonths)
            } else {
                []
            }
        }
        calendars = tariff.components.map { component in
            switch component.charge {
            case .energy(let charge): charge.calendar.flatMap { tariff.calendars[$0] }
            case .demand(let charge): charge.calendar.flatMap { tariff.calendars[$0] }
            default: nil
            }
        }
    }

    /// A run of a component as it begins, or begins again under another version.
    /// - Parameters:
    ///   - bands: of a demand charge under that other version; the same in whatever order.
    ///   - positionWh: where slabs of drawn energy begin.
    func start(
        _ index: Int, from old: ComponentRun = ComponentRun(), bands: [String]? = nil, positionWh: Int64 = 0
    ) -> ComponentRun {
        var run = old
        switch tariff.components[index].charge {
        case .energy(let charge):
            if charge.quantity == .drawn { run.wh += positionWh }
            run.bandWh = Array(repeating: 0, count: charge.bands.count)
            run.cells =
                charge.pricesBands && charge.rule == .chronological
                ? Array(repeating: 0, count: tables[index][0].limitsWh.count * charge.bands.count) : []
        case .demand(let charge):
            run.maximumW = charge.bands.map { band in
                bands?.firstIndex(of: band).map { old.maximumW[$0] } ?? 0
            }
        case .excessDemand: if run.maximumW.isEmpty { run.maximumW = [0] }
        case .share(let charge):
            if run.partsMinor.count != charge.bases.count {
                run.partsMinor = Array(repeating: 0, count: charge.bases.count)
            }
        default: break
        }
        return run
    }
}
