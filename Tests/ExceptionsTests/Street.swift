// A company with a plant of two feeders and meters on both, whose days the tests put in themselves.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import IntervalData
import MeterData
import Meters
import Outbox
import SQL
import TestSupport
import VEE

struct Street {
    static let migrations =
        AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + ChangeStream.migrations + MeterDataSchema.migrations
    static let org = Org(orgID: 1, name: "One")
    /// 2026-02-03 and the days around it, so that history crosses a month.
    static let day = CivilDay(number: 20_487)
    static let operator_ = Actor(loginID: 7, role: .operator, scope: Scope(orgID: 1))
    static let administrator = Actor(loginID: 8, role: .administrator, scope: Scope(orgID: 1))
    /// Sees the second feeder only.
    static let confined = Actor(loginID: 9, role: .operator, scope: Scope(orgID: 1, placeIDs: [12]))

    let site: Site

    /// Meters 1001… : odd ones on feeder 11, even ones on feeder 12; every third is three-phase.
    static func with(
        _ engine: TestEngine, meters: Int = 4, _ body: (Street) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: migrations) { stores in
            let nowMs = org.zone.startS(of: day.advanced(by: 3)) * 1000 + 3_600_000
            let clocks = Clocks.manual(ManualClock(startMs: nowMs))
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 3, clocks: clocks))
            try await site.money.write { transaction in
                try org.create(in: transaction)
                let scope = Scope(orgID: 1)
                try Place(placeID: 10, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
                for feeder in [Int64(11), 12] {
                    try Place(placeID: feeder, parentID: 10, kind: .feeder, name: "Feeder \(feeder)")
                        .create(scope, in: transaction)
                }
                for number in 0..<Int64(meters) {
                    let (accountID, meterID) = (101 + number, 1001 + number)
                    try SupplyAccount(
                        accountID: accountID, accountNumber: "A-\(accountID)", name: "House", category: "domestic",
                        placeID: number % 2 == 0 ? 11 : 12, sanctionedW: 3000, language: "en",
                        openedDay: day.advanced(by: -40)
                    ).create(scope, in: transaction)
                    try Meter(
                        meterID: meterID, serial: "M\(meterID)",
                        profileName: number % 3 == 2 ? "three-phase" : "single-phase", host: "127.0.0.1", port: 1,
                        clientAddress: 48, authentication: "hls-2", sealedKeys: nil, capturePeriodS: 1800
                    ).create(scope, atMs: nowMs, in: transaction)
                    try Installation(meterID: meterID, accountID: accountID, fromDay: day.advanced(by: -40))
                        .create(scope, in: transaction)
                }
            }
            try await body(Street(site: site))
        }
    }

    var work: VEEWork { VEEWork(site: site, org: Self.org) }
    var again: Revalidation { Revalidation(site: site, org: Self.org) }
    func list(_ actor: Actor = Street.operator_) -> ExceptionList {
        ExceptionList(site: site, org: Self.org, scope: actor.scope)
    }

    /// A day with an evening, different from day to day so that nothing repeats.
    static func values(_ seed: Int, spikeAt slot: Int? = nil) -> [Int32?] {
        var values = (0..<48).map { slot -> Int32? in
            let noise = Int32((slot &* 37 &+ seed &* 101) % 89)
            return noise + (34..<42 ~= slot ? 600 : 100)
        }
        if let slot { values[slot] = 45_000 }
        return values
    }

    /// - Parameter rules: nil for those the company has set.
    @discardableResult
    func ingest(
        _ meterID: Int64, on day: CivilDay = Street.day, _ values: [Int32?], batch: Int64 = 5,
        registers: (Int64?, Int64?) = (nil, nil), rules: ValidationRules? = nil
    ) async throws -> Int64? {
        let history = try await History.of(meterID: meterID, before: day, days: 3, site: site, orgID: 1)
        let set = try await site.money.read { transaction in
            let book = try RuleBook.load(orgID: 1, in: transaction)
            let traits = try MeterTraits.of([meterID], on: day, Scope(orgID: 1), in: transaction)
            return book.rules(for: traits[meterID], on: day)
        }
        let context = IngestContext(
            sanctionedW: 3000, periodS: 1800, history: history, rules: rules ?? set, madeBy: "read",
            nowMs: site.clocks.businessNowMs())
        let incoming = IncomingDay(
            day: day, meterID: meterID, batchID: batch, values: values, registerStartWh: registers.0,
            registerEndWh: registers.1)
        return try await site.readings.shard(day.month).write { transaction in
            try Ingest.apply(incoming, context, orgID: 1, in: transaction)
        }
    }

    func block(_ meterID: Int64, _ day: CivilDay = Street.day) async throws -> StoredBlock? {
        try await site.readings.shard(day.month).read { transaction in
            try DayBlocks.current(meterID: meterID, from: day, to: day, orgID: 1, in: transaction).first
        }
    }

    func exceptions(_ meterID: Int64, _ day: CivilDay = Street.day) async throws -> [VEEException] {
        try await site.readings.shard(day.month).read { transaction in
            try VEEException.of(meterID: meterID, from: day, to: day, orgID: 1, in: transaction)
        }
    }

    func changes(_ day: CivilDay = Street.day) async throws -> Int {
        try await site.readings.shard(day.month).read { transaction in
            try DayBlocks.changes(after: 0, month: day.month, limit: 10_000, orgID: 1, in: transaction).count
        }
    }

    /// Does it as a person would: asks, and waits for the end.
    @discardableResult
    func act(
        _ act: ExceptionAct, _ ids: [ExceptionID], reason: String = "looked at it", as actor: Actor = Street.operator_,
        reference: String? = nil
    ) async throws -> VEETask {
        let taskID = try await site.perform(
            WorkExceptions(act, ids, reason: reason, reference: reference), as: actor, source: "test")
        return try await work.finish(taskID)
    }

    func set(_ group: String, _ rules: ValidationRules?, from: CivilDay = Street.day.advanced(by: -30)) async throws {
        _ = try await site.perform(
            SetValidationRules(group: try RuleGroup(group), rules, from: from, evenPast: true),
            as: Self.administrator, source: "test")
    }
}
