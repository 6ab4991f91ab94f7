// The demo retailer as data: its people, its packs, and what goes wrong with whom and when.
import Access
import CivilTime
import MeterFleet
import Supply
import Tariffs

/// One household of the demo.
struct DemoHousehold: Sendable {
    enum Part: Sendable, Equatable {
        case ordinary
        /// Warned, cut outside the no-cut hours, recharges on the page, restored.
        case runsDry
        /// The same, and the meter reports a failure although it does what it is told.
        case lyingRelay
        /// Silent for seven hours of the second morning: estimated at six, corrected when it answers.
        case lateAnswer
        /// Refuses connections for an hour: the read fails once and is repeated.
        case failsOnce
        /// Three hours of the first day reach the meter's memory a day late.
        case lateIntervals
        /// One interval of the first day shows 45 kWh.
        case spike
        /// Its meter tells of a magnet on the second afternoon.
        case tampered
        /// Nobody home: zeros that the register confirms.
        case emptyHouse
        /// An outage of an hour and a half on the second day.
        case outage
        /// Says nothing from the third day on.
        case goesSilent
    }
    var number: Int
    var name: String
    var placeID: Int64
    var sanctionedW: Int64
    var language: String
    var part: Part
    var hasAddOn: Bool
    /// Four have slabs, two are shops; those the story is about are as most are.
    var packID: String {
        switch number {
        case 4, 8, 12, 17: DemoTariffs.slabsID
        case 6, 18: DemoTariffs.shopsID
        default: DemoTariffs.domesticID
        }
    }
    var category: String { packID == DemoTariffs.shopsID ? "commercial" : "domestic" }

    var accountID: Int64 { Int64(1_000 + number) }
    var meterID: Int64 { Int64(5_000 + number) }
    var accountNumber: String { "RMP-\(2_000 + number)" }
    var serial: String { "BB\(410_000 + number)" }
}

enum DemoPlan {
    static let org = Org(orgID: 1, name: "Rampur Mini-Grid Power")
    /// Days of history the retailer has when the demo opens.
    static let historyDays = 5

    /// The login that takes money for those who come to the counter.
    static let counter = "counter"
    static let addOn = AddOnPack(
        id: "NOON-PUMP", version: 1, name: "Noon hours for pumps",
        prices: [AddOnPrice(.minutes(MinuteRange(fromMinute: 660, toMinute: 840)), milliPaisePerKWh: 320_000)],
        maximumLoadW: 3_000)

    static var rules: SupplyRules {
        var rules = SupplyRules()
        rules.cutBelowPaise = 0
        rules.restoreFromPaise = 5_000
        rules.warnBelowPaise = 4_000
        rules.minutesAfterWarning = 360
        return rules
    }

    static let places: [(id: Int64, parent: Int64?, kind: String, name: String)] = [
        (10, nil, "state", "Uttar Pradesh"), (11, 10, "cluster", "Barabanki"), (12, 11, "plant", "Rampur Kalan"),
        (13, 12, "feeder", "RK-1 Bazaar"), (14, 12, "feeder", "RK-2 School"), (15, 12, "feeder", "RK-3 Canal"),
    ]

    private static let names = [
        "Asha Verma", "Sunita Devi", "Mohan Lal", "Rekha Yadav", "Imran Khan", "Geeta Singh", "Ramesh Pal",
        "Kamla Devi",
        "Suresh Gupta", "Farida Begum", "Vijay Kumar", "Shanti Mishra", "Dinesh Maurya", "Pooja Tiwari",
        "Harish Chandra",
        "Meena Kumari", "Abdul Rahman", "Lakshmi Nair", "Gopal Das", "Nirmala Rai", "Kishan Lal", "Savitri Joshi",
        "Arjun Patel", "Usha Rani",
    ]

    private static let parts: [Int: DemoHousehold.Part] = [
        1: .runsDry, 2: .lyingRelay, 3: .lateAnswer, 5: .lateIntervals, 7: .failsOnce, 9: .spike, 11: .emptyHouse,
        13: .outage, 16: .tampered, 20: .goesSilent,
    ]

    static let households: [DemoHousehold] = names.enumerated().map { index, name in
        DemoHousehold(
            number: index, name: name, placeID: Int64(13 + index % 3), sanctionedW: index % 4 == 0 ? 3_000 : 2_000,
            language: index % 2 == 0 ? "hi" : "en", part: parts[index] ?? .ordinary, hasAddOn: index % 5 == 0)
    }

    /// The meter of a household with its load and its faults; `first` is the business day on which the demo opens.
    static func meter(_ household: DemoHousehold, first: CivilDay, secrets: MeterSecrets) -> MeterConfiguration {
        let zone = org.zone
        func at(_ dayOffset: Int, _ hours: Int64, _ minutes: Int64 = 0) -> Int64 {
            zone.startS(of: first.advanced(by: dayOffset)) + hours * 3_600 + minutes * 60
        }
        func span(_ from: Int64, _ until: Int64) -> TimeSpan { TimeSpan(fromS: from, untilS: until) }
        var configuration = MeterConfiguration(
            serial: household.serial, periodS: 1_800,
            load: household.part == .emptyHouse
                ? .constant(watts: 0)
                : .household(
                    HouseholdModel(
                        seed: UInt64(household.number + 1), sizePercent: 60 + Int64(household.number % 5) * 15)),
            installed: first.advanced(by: -historyDays), baseWh: Int64(household.number) * 137_000, secrets: secrets,
            seed: UInt64(household.number + 1))
        configuration.feeder = places.first { $0.id == household.placeID }?.name ?? ""
        switch household.part {
        case .lyingRelay: configuration.faults.lyingRelay = [span(0, .max)]
        case .lateAnswer: configuration.faults.silences = [(span(at(1, 0), at(1, 7)), .noAnswer)]
        case .failsOnce: configuration.faults.silences = [(span(at(1, 0), at(1, 1)), .hangUp)]
        case .goesSilent: configuration.faults.silences = [(span(at(2, 0), .max), .hangUp)]
        case .lateIntervals:
            configuration.faults.lateRows = [.init(fromS: at(0, 13), untilS: at(0, 16), visibleAtS: at(2, 1))]
        case .spike: configuration.faults.corruptWh = [at(0, 15): 45_000]
        case .tampered:
            // A strong magnet comes and goes (IS 15959, events 201 and 202).
            configuration.scriptedEvents = [(at(1, 16, 20), 201), (at(1, 16, 50), 202)]
        case .outage: configuration.outages = [span(at(1, 14), at(1, 15, 30))]
        case .ordinary, .runsDry, .emptyHouse: break
        }
        return configuration
    }

    /// What a wallet holds at first. Those who run dry have enough for the history, the first day and half of the
    /// second.
    static func openingPaise(_ household: DemoHousehold, load: LoadSource, first: CivilDay) throws -> Int64 {
        guard household.part == .runsDry || household.part == .lyingRelay else {
            return 60_000 + Int64(household.number) * 2_500
        }
        let tariff = try TariffReader.read(Array(DemoTariffs.text(household.packID).utf8), file: household.packID)
        var pricer = CalendarPricer(
            try TariffBook([tariff]), addOns: household.hasAddOn ? [addOn] : [], contractedW: household.sanctionedW)
        var opening: Int64 = 0
        for offset in -historyDays...1 {
            let day = first.advanced(by: offset)
            let startS = org.zone.startS(of: day)
            let values = (0..<48).map { Int32(load.energyWh(startS: startS + Int64($0) * 1_800, durationS: 1_800)) }
            let totalPaise = try pricer.price(
                day, slotStartMinutes: (0..<48).map { $0 * 30 }, periodS: 1_800, valuesWh: values
            ).totalMinor
            opening += offset == 1 ? totalPaise / 2 : totalPaise
        }
        return max(opening, 100)
    }

    /// The Monday on or before a day: the story needs two ordinary days after its first.
    static func firstDay(today: CivilDay) -> CivilDay { today.advanced(by: 1 - today.weekday) }
}
