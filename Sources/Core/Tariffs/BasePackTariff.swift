// A base pack as a tariff: the same charges to the minor unit. It adds no rule of its own.
import CivilTime

extension Tariff {
    /// Energy by band, a fixed charge by the day, duty on energy and add-on packs.
    /// - Throws: a pack that is not valid.
    public init(_ pack: BasePack, validFrom: CivilDay) throws(TariffError) {
        try pack.validate()
        self.init()
        id = pack.id
        version = pack.version
        name = pack.name
        self.validFrom = validFrom
        let calendar = try DatedCalendar(
            seasons: [], holidays: [],
            rows: [DatedCalendar.Row(season: nil, days: Set(1...DatedCalendar.holiday), calendar: pack.calendar)])
        calendars = ["day": calendar]
        var energy = EnergyCharge()
        energy.calendar = "day"
        energy.bands = calendar.bands
        let prices = calendar.bands.compactMap { pack.milliPaisePerKWh[$0] }
        energy.tables = [SlabTable(upToTotalWh: nil, steps: [SlabStep(upToWh: nil, milliPerKWh: prices)])]
        let fixed = StandingCharge.Step(
            upTo: nil, milliPerMonth: pack.fixedPaisePerMonth * 1000, milliPerKW: pack.fixedPaisePerKWPerMonth * 1000)
        let bases = [
            TariffBase(component: 0, part: nil, name: Tariff.addOnsID),
            TariffBase(component: 1, part: nil, name: "energy"),
        ]
        components = [
            TariffComponent(
                id: Tariff.addOnsID, label: "Add-on packs", kind: ComponentWord.addOns.rawValue,
                charge: .addOns(AddOnCharge())),
            TariffComponent(
                id: "energy", label: "Energy", kind: ComponentWord.energy.rawValue, charge: .energy(energy)),
            TariffComponent(
                id: "fixed", label: "Fixed charge", kind: ComponentWord.fixed.rawValue,
                charge: .standing(StandingCharge(steps: [fixed]))),
            TariffComponent(
                id: "duty", label: "Electricity duty", kind: ComponentWord.duty.rawValue,
                charge: .share(ShareCharge(ppm: pack.dutyPPM, bases: bases, isOfExact: true))),
        ]
        order = Array(components.indices)
    }
}
