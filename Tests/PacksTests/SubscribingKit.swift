// What the tests of subscribing share: a company with the packs, sellers and places of the annexure, a clock to move,
// requests in a row and rows as one line.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import Outbox
import SQL
import Subscriptions
import Tariffs
import TestSupport
import Testing

@testable import Packs

func day(_ text: String) -> CivilDay {
    guard let day = CivilDay(text) else { preconditionFailure("\(text) is no day") }
    return day
}

/// A company with one account at NMA1, whose clock stands at noon of the day last asked for.
struct PackShop: Sendable {
    static let scope = Scope(orgID: 1)
    static let system = Actor.system(orgID: 1)
    static let consumer = Actor(loginID: 9, role: .consumer, scope: Scope(orgID: 1, accountID: 101))
    static let officer = Actor(loginID: 7, role: .operator, scope: Scope(orgID: 1, placeIDs: [11]))
    static let migrations =
        AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + PacksSchema.migrations
        + Outbox.migrations

    var site: Site
    let clock: ManualClock

    /// - Parameter x: days between approval and first day of every pack.
    static func with(
        _ engine: TestEngine, x: Int = 1, more: String = "", _ body: (PackShop) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: migrations) { stores in
            let clock = ManualClock(startMs: 0)
            let clocks = Clocks.manual(clock)
            let shop = PackShop(
                site: Site(
                    money: stores.money, readings: stores.readings, clocks: clocks,
                    ids: IDGenerator(processNumber: 3, clocks: clocks)), clock: clock)
            try await shop.open(x: x, more: more)
            try await body(shop)
        }
    }

    private func open(x: Int, more: String) async throws {
        try await site.money.write { transaction in
            let scope = Self.scope
            try Org(orgID: 1, name: "One").create(in: transaction)
            for (id, name) in [(Int64(11), "NMA1"), (12, "NMA2"), (14, "NMA4")] {
                try Place(placeID: id, parentID: nil, kind: .plant, name: name).create(scope, in: transaction)
            }
            for accountID in Int64(101)...102 {
                try SupplyAccount(
                    accountID: accountID, accountNumber: "A-\(accountID)", name: "House", category: "domestic",
                    placeID: 11, sanctionedW: 4000, language: "en", openedDay: day("2020-01-01")
                ).create(scope, in: transaction)
            }
            for id in ["UP0001", "UP0002", "UP0003", "UP0009", "SHOP"] {
                try Packs.store(Self.base(id), from: day("2020-01-01"), scope, in: transaction)
            }
            try Packs.store(Self.addOn("P50001"), from: day("2020-01-01"), scope, in: transaction)
        }
        clock.nowMs = Self.noonMs(day("2020-06-01"))
        _ = try await site.perform(
            try SetPackTerms(Array(Self.terms(x: x, more: more).utf8), name: "terms.yaml"), as: Self.system,
            source: "test")
    }

    static func base(_ id: String, price: Int64 = 500_000) -> BasePack {
        BasePack(
            id: id, version: 1, name: id, calendar: .flat(), milliPaisePerKWh: ["all day": price],
            fixedPaisePerMonth: 30_000)
    }

    static func addOn(_ id: String) -> AddOnPack {
        AddOnPack(
            id: id, version: 1, name: id,
            prices: [AddOnPrice(.minutes(MinuteRange(fromMinute: 0, toMinute: 1440)), milliPaisePerKWh: 300_000)])
    }

    static func terms(x: Int, more: String) -> String {
        let packs = [
            ("UP0001", "RES1", 5000), ("UP0002", "RES1", 10_000), ("UP0003", "RES2", 10_000),
            ("UP0009", "RES3", 10_000),
        ].map { "  - {pack: \($0.0), from: 2020-01-01, seller: \($0.1), leadDays: \(x), loadLimitW: \($0.2)\(more)}" }
        return """
            format: 1
            sellers:
              - {name: RES1, from: 2020-01-01, places: [NMA1]}
              - {name: RES2, from: 2020-01-01, places: [NMA1, 14]}
              - {name: RES3, from: 2020-01-01, places: [NMA2]}
            packs:
            \(packs.joined(separator: "\n"))
              - {pack: P50001, from: 2020-01-01, seller: RES1, leadDays: \(x), months: 1, loadLimitW: 5000}
              - {pack: SHOP, from: 2020-01-01, categories: [commercial]}

            """
    }

    static func noonMs(_ day: CivilDay) -> Int64 { (Zone.india.startS(of: day) + 43_200) * 1000 }

    /// Asks on a day, at noon.
    @discardableResult
    func ask(
        _ act: PackAct, _ pack: String = "", on text: String, day wanted: String? = nil, agreedOn: String? = nil,
        reason: String = "as agreed", account: Int64 = 101, as actor: Actor = system
    ) async throws -> PackAnswer {
        clock.nowMs = Self.noonMs(dayOf(text))
        return try await site.perform(
            AskPack(
                act, accountID: account, packID: pack, day: wanted.map(dayOf), agreedOn: agreedOn.map(dayOf),
                reason: reason), as: actor, source: "test")
    }

    func refused(_ act: PackAct, _ pack: String, on text: String, as actor: Actor = system) async -> Refusal? {
        await refusal { try await self.ask(act, pack, on: text, as: actor) }
    }

    @discardableResult
    func sweep(on text: String) async throws -> Int {
        clock.nowMs = Self.noonMs(dayOf(text))
        return try await site.perform(SweepPacks([101], on: dayOf(text)), as: Self.system, source: "test")
    }

    func stored(today: String = "2030-01-01") async throws -> StoredHistory {
        let today = dayOf(today)
        return try await site.money.read { transaction in
            let account = try SupplyAccount.find(101, Self.scope, in: transaction)
            return try StoredHistory.of(account, today: today, Self.scope, in: transaction)
        }
    }

    /// `UP0001 2021-12-01 2021-12-01 2021-12-02 - ACTIVE`: applied, approved, from, to.
    func lines() async throws -> [String] {
        try await stored().history.rows.map { row in
            let days = [row.appliedOn, row.approvedOn, row.from, row.to].map { $0?.description ?? "-" }
            return ([row.pack] + days + [row.state.rawValue]).joined(separator: " ")
        }
    }

    /// The packs that bill a day, as the rating asks for them: base first.
    func bills(_ text: String) async throws -> [String] {
        let on = dayOf(text)
        return try await site.money.read { transaction in
            let held = try Packs.held(by: 101, on: on, Self.scope, in: transaction)
            return held.map { [$0.base.id] + $0.addOns.map(\.id) } ?? []
        }
    }

    func facts() async throws -> [PackFactRow] {
        try await site.money.read { try PackFactRow.of(accountID: 101, Self.scope, in: $0) }
    }

    func count(_ table: String) async throws -> Int64 {
        try await site.money.read { try $0.first("SELECT COUNT(*) FROM \(table)", []) { try $0.int(0) } ?? -1 }
    }
}

/// The same where a parameter is named day.
func dayOf(_ text: String) -> CivilDay { day(text) }

func refusal(_ body: () async throws -> PackAnswer) async -> Refusal? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? Refusal
    }
}

/// splitmix64: the same numbers on every machine.
struct Dice {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next(_ count: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((value ^ (value >> 31)) % UInt64(count))
    }
}
