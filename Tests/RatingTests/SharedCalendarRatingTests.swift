// Calendars of the company and power factors from the readings to the charge: what is charged is protected, what comes
// is priced by the new version, what was read later corrects the charge.
import Access
import CivilTime
import Clocks
import IntervalData
import Journal
import Packs
import Rating
import SQL
import Tariffs
import TestSupport
import Testing

@Suite struct SharedCalendarRatingTests {
    static let april = CivilDay(year: 2026, month: 4, day: 1)!
    static let system = Actor.system(orgID: 1)
    static let tariff = """
        format: 1
        id: TOD
        version: 1
        name: Time of day
        validFrom: 2026-04-01
        components:
          - {id: energy, kind: energy, calendar: tod, perKWh: {peak: 8, rest: 5}}

        """

    static func calendar(_ version: Int, from: String, peak: String = "18:00-22:00", rest: String? = nil) -> String {
        "format: 1\ncalendar: tod\nversion: \(version)\nvalidFrom: \(from)\n"
            + "rows: [{bands: {peak: \(peak), rest: \(rest ?? "[00:00-18:00, 22:00-24:00]")}}]\n"
    }

    static func flat(_ days: [Int], _ wh: Int32 = 1000, channel: Channel = .importWh) -> [RatedTown.Reading] {
        days.map {
            RatedTown.Reading(
                accountID: 101, day: april.advanced(by: $0 - 1), values: Array(repeating: wh, count: 24),
                channel: channel)
        }
    }

    static func refused<Value>(_ body: () async throws -> Value) async -> Refusal? {
        do {
            _ = try await body()
            return nil
        } catch { return error as? Refusal }
    }

    /// Stored by two persons.
    static func confirmed(_ text: String, _ town: RatedTown) async throws {
        // Who drafts packs asks; another who approves them confirms.
        try await town.site.money.write { transaction in
            for id in Int64(1)...2 {
                try transaction.run(
                    """
                    INSERT INTO login (org_id, login_id, username, name, role, password_hash, language)
                    VALUES (1, $1, $2, 'N', 'administrator', '', 'en')
                    """, [.int(id), .text("user-\(id)")])
            }
        }
        func person(_ id: Int64) -> Actor { Actor(loginID: id, role: .administrator, scope: town.scope) }
        let asked = try await town.site.ask(
            StoreCalendar(text: text), as: person(1), source: "test")
        guard case .waits(let request) = asked else {
            Issue.record("it did not wait")
            return
        }
        #expect(try await town.site.money.read { try Calendars.all(town.scope, in: $0)["tod"].count } == 1)
        let desk = RequestDesk(site: town.site, kinds: ConfirmedKinds([ConfirmedKind(StoreCalendar.self)]))
        let done = try await desk.confirm(request.requestID, as: person(2), source: "test")
        #expect(done.state == .confirmed)
    }

    @Test(arguments: TestEngine.available)
    func aCalendarInUseIsProtected(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.april)
            try await town.build([], accounts: 1, holding: "TOD", from: Self.april)
            func store(_ text: String) async throws -> String {
                try await town.site.perform(StoreCalendar(text: text, file: "c.yaml"), as: Self.system, source: "test")
            }
            // No tariff can name what is not there.
            let early = await Self.refused {
                try await town.site.money.write { try Packs.store(tariff: Self.tariff, town.scope, in: $0) }
            }
            #expect(early?.message == "there is no calendar tod")
            let gap = await Self.refused { try await store(Self.calendar(1, from: "2026-04-01", rest: "00:00-18:00")) }
            #expect(gap?.message.contains("no band covers 22:00-24:00") == true && gap?.at == "c.yaml:5")
            #expect(try await store(Self.calendar(1, from: "2026-04-01")) == "tod@1")
            #expect(try await store(Self.calendar(1, from: "2026-04-01")) == "tod@1")
            try await town.site.money.write { try Packs.store(tariff: Self.tariff, town.scope, in: $0) }
            try await town.read(Self.flat(Array(1...10)))
            try await town.rate()
            let day = Int64(4 * 800 + 20 * 500)
            #expect(try await town.balance(101).balancePaise == -10 * day)

            let longer = { (from: String) in
                Self.calendar(2, from: from, peak: "18:00-23:00", rest: "[00:00-18:00, 23:00-24:00]")
            }
            let late = await Self.refused { try await store(longer("2026-04-10")) }
            #expect(late?.message == "Days up to 2026-04-10 are charged by calendar tod.")
            #expect(late?.hint == "Let the new version begin on 2026-04-11 or later.")
            let other = await Self.refused {
                try await store(longer("2026-04-11").replacing("rest:", with: "night:"))
            }
            #expect(other?.message.contains("TOD cannot be priced by it") == true)
            let removed = await Self.refused {
                try await town.site.perform(RemoveCalendar(calendar: "tod"), as: Self.system, source: "test")
            }
            #expect(removed?.message == "Published packs look at calendar tod: TOD@1.")
            #expect(try await town.balance(101).balancePaise == -10 * day)

            try await Self.confirmed(longer("2026-04-11"), town)
            try await town.read(Self.flat([11, 12]))
            try await town.rate()
            let next = Int64(5 * 800 + 19 * 500)
            #expect(try await town.balance(101).balancePaise == -(10 * day + 2 * next))
            for number in [5, 11] {
                let found = try await Explanation.of(
                    accountID: 101, day: Self.april.advanced(by: number - 1), revision: nil, zone: town.org.zone,
                    site: town.site, town.scope)
                #expect(found.agrees && found.charge.revision == 1)
            }
            let again = try await town.rate()
            #expect(again == 0)
        }
    }

    static let factor = """
        format: 1
        id: PF
        version: 1
        name: Power factor
        validFrom: 2026-04-01
        components:
          - {id: energy, kind: energy, perKWh: 5}
          - {id: pf, kind: powerFactor, of: [energy], steps: [{below: 0.9, percentPerHundredth: 1}]}

        """

    @Test(arguments: TestEngine.available)
    func aPowerFactorComesFromTheReadings(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.april)
            try await town.build([Self.factor], accounts: 1, holding: "PF", from: Self.april)
            try await town.read(Self.flat([1, 2, 3]))
            try await town.rate()
            let aside = try await town.site.money.read { try RatingRefusal.latest(limit: 5, town.scope, in: $0) }
            #expect(aside.count == 3 && aside.allSatisfy { $0.reason.contains("no apparent energy") })
            // 24 kWh of 30 kVAh a day: 0.800, ten hundredths below.
            try await town.read(Self.flat([1, 2, 3], 1250, channel: .importVAh))
            try await town.rate()
            #expect(try await town.balance(101).balancePaise == -3 * 13_200)
            #expect(try await town.site.money.read { try RatingRefusal.count(town.scope, in: $0) } == 0)
            // The first day was read again: 72 of 84, 0.857, and the later days follow.
            try await town.read(Self.flat([1], 1000, channel: .importVAh))
            try await town.rate()
            #expect(try await town.balance(101).balancePaise == -(36_000 + 1_548))
            let found = try await Explanation.of(
                accountID: 101, day: Self.april.advanced(by: 2), revision: nil, zone: town.org.zone, site: town.site,
                town.scope)
            let labels = found.explained?.components.first { $0.id == "pf" }?.lines.map(\.label) ?? []
            #expect(found.agrees && labels.contains("power factor 0.857 (72.000 kWh of 84.000 kVAh)"))
            // Hours that were not measured count on neither side: the factor stays.
            var holed = Self.flat([4], 1250, channel: .importVAh)[0]
            holed.quality = .estimated
            try await town.read(Self.flat([4]) + [holed])
            try await town.rate()
            let waiting = try await town.site.money.read { try RatingRefusal.count(town.scope, in: $0) }
            #expect(waiting == 1)
            let again = try await town.rate()
            #expect(again == 0)
        }
    }
}
