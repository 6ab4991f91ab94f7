// A company's year as a plan: who holds which pack, which reading comes when and how often, who pays what in which way.
// Drawn from a seed, the same on every machine. Knows no database and reckons no money.
import CivilTime
import IntervalData
import Tariffs

struct YearPlan: Sendable {
    static let slots = 24
    static let openingPaise: Int64 = 60_000

    let consumers: Int
    /// Days of supply, the first of which is ``first``. Readings come from the day after it on.
    let days: Int
    let seed: UInt64
    /// Every reading comes once, in time and as it is in the end; nobody pays and nobody owes.
    var isPlain = false
    let first = CivilDay(year: 2025, month: 4, day: 1)!

    func day(_ offset: Int) -> CivilDay { first.advanced(by: offset) }
    static func account(_ house: Int) -> Int64 { Int64(1_001 + house) }
    static func meter(_ house: Int) -> Int64 { Int64(100_001 + house) }

    /// A number of a house and a day: always the same one.
    func draw(_ house: Int, _ day: Int, _ what: UInt64, _ count: Int) -> Int {
        var value = seed &* 0x9E37_79B9_7F4A_7C15
        for part in [UInt64(house), UInt64(day), what] {
            value = (value ^ part) &+ 0x9E37_79B9_7F4A_7C15
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            value ^= value >> 31
        }
        return Int(value % UInt64(count))
    }

    // MARK: Readings

    /// What becomes of the reading of a day.
    enum Fate: Sendable, Equatable {
        case inTime
        /// Estimated first; so many mornings after its time, or at noon of that day.
        case late(days: Int, atNoon: Bool)
        /// Half of it in time, the rest a day later.
        case inParts
        /// In time, and corrected by a person so many days later.
        case edited(afterDays: Int)
        /// In time, and once more the day after.
        case twice
    }

    func fate(_ house: Int, _ day: Int) -> Fate {
        guard !isPlain else { return .inTime }
        switch draw(house, day, 1, 1_000) {
        case ..<900: return .inTime
        case ..<925: return .late(days: 0, atNoon: true)
        case ..<945: return .late(days: 1 + draw(house, day, 2, 3), atNoon: false)
        case ..<955: return .late(days: 4 + draw(house, day, 2, 12), atNoon: true)
        case ..<970: return .inParts
        case ..<980: return .edited(afterDays: 1 + draw(house, day, 2, 6))
        case ..<984: return .edited(afterDays: 33 + draw(house, day, 2, 5))
        default: return .twice
        }
    }

    private func isEdited(_ house: Int, _ day: Int) -> Bool {
        var whole = self
        whole.isPlain = false
        if case .edited = whole.fate(house, day) { return true }
        return false
    }

    static func feedsIn(_ house: Int) -> Bool { house % 10 == 8 }
    /// Slots that a person corrects.
    static let editedSlots = 5..<9

    /// Wh of each hour as the meter has it.
    func measured(_ house: Int, _ day: Int) -> [Int32] {
        (0..<Self.slots).map { slot in
            let evening = (18..<22).contains(slot) ? 250 : 0
            return Int32(80 + house % 7 * 30 + evening + draw(house, day, UInt64(100 + slot), 400))
        }
    }

    func edited(_ house: Int, _ day: Int) -> [(slot: Int, value: Int32)] {
        Self.editedSlots.map { ($0, Int32(50 + draw(house, day, UInt64(200 + $0), 900))) }
    }

    /// As it stands when all has come.
    func atLast(_ house: Int, _ day: Int) -> [Int32] {
        var values = measured(house, day)
        if isEdited(house, day) { for (slot, value) in edited(house, day) { values[slot] = value } }
        return values
    }

    func fedIn(_ house: Int, _ day: Int) -> [Int32] {
        (0..<Self.slots).map { (9..<17).contains($0) ? Int32(draw(house, day, UInt64(300 + $0), 700)) : 0 }
    }

    enum Part: Sendable { case whole, half, edit }

    struct Arrival: Sendable {
        var house: Int
        var day: Int
        var part: Part
    }

    /// What comes at a moment: twice the day, and one more at noon.
    func arrivals() -> [Int: [Arrival]] {
        var found: [Int: [Arrival]] = [:]
        func add(_ house: Int, _ day: Int, _ part: Part, on arrives: Int, atNoon: Bool = false) {
            let moment = arrives > days ? 2 * days + 1 : 2 * arrives + (atNoon ? 1 : 0)
            found[moment, default: []].append(Arrival(house: house, day: day, part: part))
        }
        for day in 0..<days {
            for house in 0..<consumers {
                switch fate(house, day) {
                case .inTime: add(house, day, .whole, on: day + 1)
                case .late(let days, let atNoon): add(house, day, .whole, on: day + 1 + days, atNoon: atNoon)
                case .inParts:
                    add(house, day, .half, on: day + 1)
                    add(house, day, .whole, on: day + 2)
                case .edited(let afterDays):
                    add(house, day, .whole, on: day + 1)
                    add(house, day, .edit, on: day + 1 + afterDays, atNoon: true)
                case .twice:
                    add(house, day, .whole, on: day + 1)
                    add(house, day, .whole, on: day + 2)
                }
            }
        }
        return found
    }

    // MARK: Money

    enum Way: Int, Sendable, CaseIterable {
        case plain, toldThrice, outOfOrder, lostWebhook, failedFirst, askedTwice, counter
    }

    struct Payment: Sendable {
        var house: Int
        var number: Int
        var paise: Int64
        var way: Way
    }

    /// Payments of a day. Some houses pay too little, then too much: they are cut and restored in between.
    func payments(on day: Int, atNoon: Bool) -> [Payment] {
        guard !isPlain, day <= days else { return [] }
        return (0..<consumers).compactMap { house in
            let everyDays = 7 + draw(house, 0, 10, 14)
            let (number, rest) = (day + draw(house, 0, 11, everyDays)).quotientAndRemainder(dividingBy: everyDays)
            guard rest == 0, (draw(house, number, 12, 2) == 0) == atNoon else { return nil }
            let percent = house % 10 == 1 || house % 10 == 9 ? (number % 2 == 0 ? 40 : 180) : 110
            return Payment(
                house: house, number: number, paise: Int64(everyDays * 8_000 * percent / 100 + house),
                way: Way.allCases[draw(house, number, 13, Way.allCases.count)])
        }
    }

    /// All that a house has paid in the end.
    func paidPaise() -> [Int: Int64] {
        (1...days).reduce(into: [:]) { sums, day in
            for payment in payments(on: day, atNoon: false) + payments(on: day, atNoon: true) {
                sums[payment.house, default: 0] += payment.paise
            }
        }
    }

    enum Deal: Sendable {
        case owe(house: Int, paise: Int64, reference: String)
        case agree(house: Int, dailyPaise: Int64)
        case apply(house: Int, packID: String)
    }

    static let contractPack = "YEAR-KW"

    func deals(on day: Int) -> [Deal] {
        (0..<consumers).flatMap { house -> [Deal] in
            var deals: [Deal] = []
            if !isPlain, house % 10 == 9 || house % 10 == 4 {
                let debt = Int64(20_000 + house * 37 % 50 * 1_000)
                if day == 3 + house % 20 || day == days / 2 + house % 9 {
                    deals.append(.owe(house: house, paise: debt, reference: "debt-\(house)-\(day)"))
                }
                if day == 5 + house % 20 { deals.append(.agree(house: house, dailyPaise: 900)) }
            }
            // A contract of a year that is left after half of it, which costs.
            if house % 10 == 6 {
                if day == 2 + days / 6 { deals.append(.apply(house: house, packID: Self.contractPack)) }
                if day == days / 2 + house % 7 { deals.append(.apply(house: house, packID: "SLAB")) }
            }
            if house % 10 == 7, day == 5 + house % 25 { deals.append(.apply(house: house, packID: "WEEKEND")) }
            return deals
        }
    }

    /// The pack of the first day.
    func firstPack(_ house: Int) -> String {
        switch house % 10 {
        case 0, 1, 9: "SLAB-TOD-CHRON"
        case 2: "SLAB-TOD-PROP"
        case 3: Self.contractPack
        case 4: "SLAB"
        case 5: "DEMAND"
        case 6: "TOD"
        case 7: LineFixture.basePack.id
        default: house / 10 % 2 == 0 ? "NET-METERING" : "NET-BILLING"
        }
    }

    static let tariffFiles = [
        "slab-by-band-chronological", "slab-by-band-proportional", "slab", "demand", "time-of-day", "net-metering",
        "net-billing",
    ]

    /// Fixed per kW of contracted load, time of use, a duty on all of it.
    static let contractTariff = """
        format: 1
        id: \(contractPack)
        version: 1
        name: Time of use with a charge per kW
        validFrom: 2018-01-01
        calendars:
          tod: [{bands: {normal: [00:00-18:00, 22:00-24:00], peak: 18:00-22:00}}]
        components:
          - {id: fixed, kind: fixed, perKW: 41.37}
          - {id: energy, kind: energy, calendar: tod, perKWh: {normal: 5.55, peak: 8.88}}
          - {id: duty, kind: duty, percent: 5, of: [energy, fixed]}
        """

    var terms: String {
        """
        format: 1
        packs:
          - {pack: \(Self.contractPack), from: \(first), months: 12, fixedPerMonth: 300, breakPercent: 50,
             breakMonths: 3}
          - {pack: WEEKEND, from: \(first), months: 1, renews: true}

        """
    }
}
