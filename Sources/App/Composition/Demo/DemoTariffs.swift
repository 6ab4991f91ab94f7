// The tariffs of the demo retailer as files, the way a company would write them. Prices nothing.

enum DemoTariffs {
    /// What most households hold.
    static let domesticID = "DOM-TOU"
    static let domestic = """
        format: 1
        id: DOM-TOU
        version: 1
        name: Domestic, by time of day
        categories: [domestic]
        validFrom: 2020-01-01
        calendars:
          day:
            - bands:
                solar: 09:00-17:00
                peak: 18:00-22:00
                normal: [00:00-09:00, 17:00-18:00, 22:00-24:00]
        components:
          - {id: energy, kind: energy, label: Energy, calendar: day, perKWh: {solar: 4.40, peak: 7.80, normal: 6.10}}
          - {id: fixed, kind: fixed, label: Fixed charge, perMonth: 50}
          - {id: load, kind: fixed, label: Contracted load, perKW: 25}
          - {id: duty, kind: duty, label: Electricity duty, percent: 5, of: [energy]}
        """

    /// Slabs by time of day: the price climbs with what the month has drawn.
    static let slabsID = "DOM-SLAB"
    static let slabs = """
        format: 1
        id: DOM-SLAB
        version: 1
        name: Domestic, slabs by time of day
        categories: [domestic]
        validFrom: 2020-01-01
        calendars:
          day:
            - bands:
                solar: 09:00-17:00
                peak: 18:00-22:00
                normal: [00:00-09:00, 17:00-18:00, 22:00-24:00]
        components:
          - id: energy
            kind: energy
            label: Energy
            calendar: day
            slabs:
              kind: telescopic
              rule: chronological
              proration: calendarFraction
              steps:
                - {upTo: 50, perKWh: {solar: 2.60, peak: 3.90, normal: 3.25}}
                - {upTo: 150, perKWh: {solar: 4.40, peak: 6.60, normal: 5.50}}
                - {perKWh: {solar: 5.80, peak: 8.70, normal: 7.25}}
          - {id: fixed, kind: fixed, label: Fixed charge, perKW: 60}
          - {id: fuel, kind: levy, label: Fuel surcharge, perKWh: 0.28}
          - {id: duty, kind: duty, label: Electricity duty, percent: 6, of: [energy, fixed, fuel]}
        """

    /// For shops: the largest load of the month counts, and a rebate for drawing little of it at the peak.
    static let shopsID = "SHOP-DEMAND"
    static let shops = """
        format: 1
        id: SHOP-DEMAND
        version: 1
        name: Shops, by demand
        categories: [commercial]
        validFrom: 2020-01-01
        calendars:
          day:
            - days: [weekday, saturday]
              bands: {peak: 18:00-22:00, normal: [00:00-18:00, 22:00-24:00]}
            - days: [sunday]
              bands: {normal: 00:00-24:00}
        components:
          - {id: energy, kind: energy, label: Energy, calendar: day, perKWh: {peak: 8.20, normal: 6.40}}
          - {id: demand, kind: demand, label: Demand, perKW: 80, windowMinutes: 30}
          - {id: fixed, kind: fixed, label: Fixed charge, perMonth: 90}
          - {id: duty, kind: duty, label: Electricity duty, percent: 7.5, of: [energy, demand, fixed]}
          - {id: digital, kind: rebate, label: Rebate for paying ahead, percent: 1, of: [energy, demand, fixed]}
        """

    static let all = [domestic, slabs, shops]

    /// - Parameter id: of one of them.
    static func text(_ id: String) -> String {
        switch id {
        case slabsID: slabs
        case shopsID: shops
        default: domestic
        }
    }
}
