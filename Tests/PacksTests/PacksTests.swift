// Packs as stored versions: what is in use never changes, and a day is priced by the version of that day.
import Access
import CivilTime
import Packs
import SQL
import Tariffs
import TestSupport
import Testing

@Suite struct PacksTests {
    static let scope = Scope(orgID: 1)
    static let other = Scope(orgID: 2)
    static let first = CivilDay(number: 20_454)
    static let migrations = PacksSchema.migrations

    static func base(_ version: Int, price: Int64 = 600_000) -> BasePack {
        BasePack(
            id: "DOM", version: version, name: "Domestic",
            calendar: TOUCalendar(bands: [TOUBand(name: "all", ranges: [MinuteRange(fromMinute: 0, toMinute: 1440)])]),
            milliPaisePerKWh: ["all": price], fixedPaisePerMonth: 11_000)
    }
    static func noon(_ version: Int, price: Int64 = 300_000) -> AddOnPack {
        AddOnPack(
            id: "NOON", version: version, name: "Noon",
            prices: [AddOnPrice(.minutes(MinuteRange(fromMinute: 660, toMinute: 780)), milliPaisePerKWh: price)])
    }
    static func count(_ transaction: any SQLTransaction) throws -> Int64? {
        try transaction.first("SELECT COUNT(*) FROM pack", []) { try $0.int(0) }
    }

    @Test(arguments: TestEngine.available)
    func theSameVersionAgainChangesNothingAndAnotherContentIsRefused(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Self.migrations) { database in
            try await database.write { transaction in
                for _ in 1...2 {
                    try Packs.store(Self.base(1), from: Self.first, Self.scope, in: transaction)
                    try Packs.store(Self.noon(1), from: Self.first, Self.scope, in: transaction)
                }
                #expect(try Self.count(transaction) == 2)
            }
            let (base, noon) = (Self.base(1, price: 1), Self.noon(1, price: 1))
            let refusals = await [
                refusal { try await database.write { try Packs.store(base, from: Self.first, Self.scope, in: $0) } },
                refusal { try await database.write { try Packs.store(noon, from: Self.first, Self.scope, in: $0) } },
            ]
            #expect(refusals.map { $0?.code } == [.conflict, .conflict])
            #expect(refusals.map { $0?.at } == ["DOM", "NOON"])
            // A new version and another company are free to differ.
            try await database.write { transaction in
                try Packs.store(Self.base(2, price: 1), from: Self.first, Self.scope, in: transaction)
                try Packs.store(Self.base(1, price: 1), from: Self.first, Self.other, in: transaction)
                #expect(try Self.count(transaction) == 4)
            }
        }
    }

    @Test func anUnsoundPackIsNotStored() async throws {
        try await withDatabase(.sqlite, migrations: Self.migrations) { database in
            var pack = Self.base(1)
            pack.milliPaisePerKWh = [:]
            let unsound = pack
            await #expect(throws: TariffError.self) {
                try await database.write { try Packs.store(unsound, from: Self.first, Self.scope, in: $0) }
            }
            let count = try await database.read { try Self.count($0) }
            #expect(count == 0)
        }
    }

    @Test(arguments: TestEngine.available)
    func aDayHasTheVersionInForceAndWhatWasHeldThen(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Self.migrations) { database in
            let day = Self.first
            try await database.write { transaction in
                try Packs.store(Self.base(1), from: day, Self.scope, in: transaction)
                try Packs.store(Self.base(2, price: 650_000), from: day.advanced(by: 10), Self.scope, in: transaction)
                try Packs.store(Self.noon(1), from: day, Self.scope, in: transaction)
                func hold(
                    _ id: Int64, _ pack: String, _ kind: PackKind, _ from: Int, _ to: Int?, _ state: Subscription.State
                ) throws {
                    try Subscription(
                        subscriptionID: id, accountID: 101, packID: pack, kind: kind, fromDay: day.advanced(by: from),
                        toDay: to.map { day.advanced(by: $0) }, state: state
                    ).create(Self.scope, in: transaction)
                }
                try hold(1, "DOM", .base, 2, nil, .active)
                try hold(2, "NOON", .addOn, 3, 5, .expired)
                try hold(3, "NOON", .addOn, 7, 9, .draft)
                try hold(4, "NOON", .addOn, 7, 9, .rejected)
            }
            let plans = try await database.read { transaction in
                try (0...11).map { offset in
                    try Packs.held(by: 101, on: day.advanced(by: offset), Self.scope, in: transaction).map { held in
                        ([(held.base.id, held.base.version)] + held.addOns.map { ($0.id, $0.version) })
                            .map { "\($0.0)@\($0.1)" }.joined(separator: "\n")
                    }
                }
            }
            let alone: String? = "DOM@1"
            let with: String? = "DOM@1\nNOON@1"
            let later: String? = "DOM@2"
            #expect(plans == [nil, nil, alone, with, with, with, alone, alone, alone, alone, later, later])
            // Nothing of one company shows in another.
            let foreign = try await database.read {
                try Packs.held(by: 101, on: day.advanced(by: 4), Self.other, in: $0)?.base
            }
            #expect(foreign == nil)
        }
    }
}

/// The refusal `body` ended with; nil when it ended well or otherwise.
private func refusal(_ body: () async throws -> Void) async -> Refusal? {
    do {
        try await body()
        return nil
    } catch {
        return error as? Refusal
    }
}
