// Every row of the table of annexure I through commands against a database, on both engines: rows, refusals, who bills,
// what follows.
import Access
import CivilTime
import SQL
import Subscriptions
import TestSupport
import Testing

@testable import Packs

@Suite struct SubscribingTests {
    @Test("1, 1b, 2b: the first base, a seller that does not serve the place, twice", arguments: TestEngine.available)
    func first(_ engine: TestEngine) async throws {
        try await PackShop.with(engine) { shop in
            let answer = try await shop.ask(.apply, "UP0001", on: "2021-12-01", as: PackShop.consumer)
            #expect(answer.state == "ACTIVE" && answer.subscription == "A-101-1")
            #expect(try await shop.lines() == ["UP0001 2021-12-01 2021-12-01 2021-12-02 - ACTIVE"])
            #expect(try await shop.bills("2021-12-01") == [])
            #expect(try await shop.bills("2021-12-02") == ["UP0001"])
            #expect(await shop.refused(.apply, "UP0009", on: "2021-12-02")?.message == "RES3 does not serve NMA1.")
            #expect(await shop.refused(.apply, "UP0001", on: "2021-12-03")?.code == .conflict)
            #expect(await shop.refused(.apply, "SHOP", on: "2021-12-03")?.message.contains("category") == true)
            #expect(await shop.refused(.apply, "NONE", on: "2021-12-03")?.code == .notFound)
            #expect(try await shop.lines().count == 1)
        }
    }

    @Test("2: another base of the same seller, with its limit", arguments: TestEngine.available)
    func change(_ engine: TestEngine) async throws {
        try await PackShop.with(engine) { shop in
            try await shop.ask(.apply, "UP0001", on: "2020-12-01")
            let answer = try await shop.ask(.apply, "UP0002", on: "2022-01-02", as: PackShop.officer)
            #expect(answer.ending == [.init(packID: "UP0001", lastDay: day("2022-01-02").number)])
            #expect(
                try await shop.lines() == [
                    "UP0001 2020-12-01 2020-12-01 2020-12-02 2022-01-02 UNSUBSCRIBED",
                    "UP0002 2022-01-02 2022-01-02 2022-01-03 - ACTIVE",
                ])
            #expect(try await shop.bills("2022-01-02") == ["UP0001"])
            #expect(try await shop.bills("2022-01-03") == ["UP0002"])
            let limit = try #require(try await shop.facts().last { $0.kind == .loadLimit })
            #expect(limit.dueDay == day("2022-01-03") && limit.loadW == 10_000 && limit.state == .open)
        }
    }

    @Test("3a, 3b, 3c, 3d: another seller's base waits for an approval", arguments: TestEngine.available)
    func otherSeller(_ engine: TestEngine) async throws {
        try await PackShop.with(engine, x: 2) { shop in
            try await shop.ask(.apply, "UP0001", on: "2020-11-30")
            try await shop.ask(.apply, "P50001", on: "2021-12-31")
            let draft = try await shop.ask(.apply, "UP0003", on: "2022-01-02", as: PackShop.consumer)
            #expect(draft.state == "DRAFT")
            #expect(try await shop.lines().last == "UP0003 2022-01-02 - - - DRAFT")
            // Who may apply may not decide.
            #expect(await shop.refused(.approve, "UP0003", on: "2022-01-03", as: PackShop.officer)?.code == .forbidden)
            #expect(await shop.refused(.approve, "UP0003", on: "2022-01-03", as: PackShop.consumer)?.code == .forbidden)
            #expect(try await shop.bills("2022-01-06") == ["UP0001", "P50001"])
            try await shop.ask(.approve, "UP0003", on: "2022-01-04")
            #expect(
                try await shop.lines() == [
                    "UP0001 2020-11-30 2020-11-30 2020-12-02 2022-01-05 UNSUBSCRIBED",
                    "P50001 2021-12-31 2021-12-31 2022-01-02 2022-01-05 UNSUBSCRIBED",
                    "UP0003 2022-01-02 2022-01-04 2022-01-06 - ACTIVE",
                ])
            #expect(try await shop.bills("2022-01-05") == ["UP0001", "P50001"])
            #expect(try await shop.bills("2022-01-06") == ["UP0003"])
        }
        try await PackShop.with(engine, x: 2) { shop in
            try await shop.ask(.apply, "UP0001", on: "2020-11-30")
            try await shop.ask(.apply, "UP0003", on: "2022-01-02")
            #expect(
                await refusal { try await shop.ask(.reject, "UP0003", on: "2022-01-04", reason: "") }?.at == "reason")
            try await shop.ask(.reject, "UP0003", on: "2022-01-04", reason: "no capacity left")
            #expect(try await shop.lines().last == "UP0003 2022-01-02 - - - REJECTED")
            #expect(try await shop.stored().reasons == [2: "no capacity left"])
            #expect(try await shop.bills("2022-01-06") == ["UP0001"])
        }
    }

    @Test("4, 6, 6b, 7, 8: an add-on of a month, ended, expired, billed back", arguments: TestEngine.available)
    func addOn(_ engine: TestEngine) async throws {
        try await PackShop.with(engine) { shop in
            #expect(await shop.refused(.apply, "P50001", on: "2020-11-30")?.code == .conflict)
            try await shop.ask(.apply, "UP0001", on: "2020-12-01")
            try await shop.ask(.apply, "P50001", on: "2022-01-01")
            #expect(try await shop.lines().last == "P50001 2022-01-01 2022-01-01 2022-01-02 2022-02-01 ACTIVE")
            for (text, want) in [("2022-01-01", 1), ("2022-01-02", 2), ("2022-02-01", 2), ("2022-02-02", 1)] {
                #expect(try await shop.bills(text).count == want, "\(text)")
            }
            try await shop.sweep(on: "2022-02-01")
            #expect(try await shop.lines().last?.hasSuffix("ACTIVE") == true)
            try await shop.sweep(on: "2022-02-02")
            #expect(try await shop.lines().last?.hasSuffix("2022-02-01 EXPIRED") == true)
            #expect(try await shop.bills("2022-01-20") == ["UP0001", "P50001"])
            #expect(try await shop.facts().contains { $0.kind == .expired })
        }
        try await PackShop.with(engine) { shop in
            try await shop.ask(.apply, "UP0001", on: "2020-12-01")
            try await shop.ask(.apply, "P50001", on: "2022-01-01")
            try await shop.ask(.unsubscribe, "P50001", on: "2022-01-11", as: PackShop.consumer)
            #expect(try await shop.lines().last == "P50001 2022-01-01 2022-01-01 2022-01-02 2022-01-12 UNSUBSCRIBED")
            #expect(try await shop.bills("2022-01-12") == ["UP0001", "P50001"])
            #expect(try await shop.bills("2022-01-13") == ["UP0001"])
            #expect(await shop.refused(.unsubscribe, "UP0001", on: "2022-01-12")?.code == .conflict)
        }
    }

    @Test(
        "7b, 9: terms renew themselves; leaving early costs once, on a term's end nothing",
        arguments: TestEngine.available)
    func contract(_ engine: TestEngine) async throws {
        let more = ", months: 12, fixedPerMonth: 300, breakPercent: 50, breakMonths: 3, remind: [7]"
        try await PackShop.with(engine, more: more) { shop in
            try await shop.ask(.apply, "UP0001", on: "2020-12-31")
            #expect(try await shop.lines() == ["UP0001 2020-12-31 2020-12-31 2021-01-01 2021-12-31 ACTIVE"])
            #expect(try await shop.bills("2022-03-01") == ["UP0001"])
            try await shop.sweep(on: "2021-12-24")
            #expect(try await shop.facts().contains { $0.kind == .reminder })
            try await shop.sweep(on: "2021-12-30")
            #expect(try await shop.lines() == ["UP0001 2020-12-31 2020-12-31 2021-01-01 2022-12-31 ACTIVE"])
            // 61 days are left after 31 October: 50 % of 300 × 61 / 30.
            let answer = try await shop.ask(.apply, "UP0002", on: "2022-10-31")
            #expect(answer.penaltyPaise == 30_500)
            for text in ["2022-10-31", "2022-11-01", "2022-11-02"] { try await shop.sweep(on: text) }
            let penalties = try await shop.facts().filter { $0.kind == .penalty }
            #expect(penalties.map(\.key) == ["penalty:A-101-1"] && penalties.map(\.amountPaise) == [30_500])
            #expect(penalties.first?.state == .open)
            #expect(try await shop.stored().history.moves)
        }
    }

    @Test("an agreement of an earlier day is rated again from the day that changed", arguments: TestEngine.available)
    func backDated(_ engine: TestEngine) async throws {
        try await PackShop.with(engine) { shop in
            try await shop.ask(.apply, "UP0001", on: "2021-12-01")
            try await shop.ask(.apply, "P50001", on: "2022-01-20", agreedOn: "2022-01-05")
            #expect(try await shop.bills("2022-01-06") == ["UP0001", "P50001"])
            let open = try await shop.site.money.read {
                try RateAgain.waiting(after: 0, limit: 10, PackShop.scope, in: $0)
            }
            #expect(open.map(\.fromDay) == [day("2022-01-06")])
            // Not before what was decided, not by everybody, not of last year, not of tomorrow.
            func refused(_ agreedOn: String, as actor: Actor = PackShop.system) async -> Refusal? {
                await refusal {
                    try await shop.ask(.apply, "UP0002", on: "2022-01-21", agreedOn: agreedOn, as: actor)
                }
            }
            #expect(await refused("2022-01-04")?.code == .conflict)
            #expect(await refused("2022-01-19", as: PackShop.officer)?.code == .forbidden)
            #expect(await refused("2021-01-19")?.at == "agreedOn")
            #expect(await refused("2022-01-22")?.at == "agreedOn")
            // One that begins later changes no day that is over.
            try await shop.ask(.apply, "UP0002", on: "2022-01-21", day: "2022-03-01")
            #expect(try await shop.bills("2022-02-28").first == "UP0001")
            #expect(try await shop.bills("2022-03-01").first == "UP0002")
            #expect(try await shop.count("rate_again") == 1)
        }
    }

    @Test("a consumer reaches the own account alone, an officer the own places", arguments: TestEngine.available)
    func reach(_ engine: TestEngine) async throws {
        try await PackShop.with(engine) { shop in
            let other = await refusal {
                try await shop.ask(.apply, "UP0001", on: "2022-01-01", account: 102, as: PackShop.consumer)
            }
            #expect(other?.code == .notFound)
            let elsewhere = Actor(loginID: 8, role: .operator, scope: Scope(orgID: 1, placeIDs: [12]))
            #expect(await shop.refused(.apply, "UP0001", on: "2022-01-01", as: elsewhere)?.code == .notFound)
            #expect(await shop.refused(.portOut, "", on: "2022-01-01", as: PackShop.consumer)?.code == .forbidden)
            let offered = try await shop.site.money.read {
                try OfferedPack.of(accountID: 101, today: day("2022-01-01"), PackShop.scope, in: $0)
            }
            #expect(offered.map(\.packID) == ["UP0001", "UP0002", "UP0003"])
            try await shop.ask(.apply, "UP0001", on: "2022-01-01")
            let next = try await shop.site.money.read {
                try OfferedPack.of(accountID: 101, today: day("2022-01-02"), PackShop.scope, in: $0)
            }
            #expect(next.map(\.packID) == ["P50001", "UP0002", "UP0003"])
            #expect(next.map(\.waits) == [false, false, true])
            try await shop.ask(.portOut, on: "2022-01-10", day: "2022-01-31")
            #expect(try await shop.bills("2022-01-31") == ["UP0001"])
            #expect(try await shop.bills("2022-02-01") == [])
        }
    }

    @Test("the same request again, and one that was cut off anywhere, change nothing twice")
    func twice() async throws {
        try await PackShop.with(.sqlite, x: 2) { shop in
            func state() async throws -> [String] {
                try await shop.lines() + shop.facts().map { "\($0.key) \($0.dueDay) \($0.amountPaise ?? 0)" }
            }
            try await shop.ask(.apply, "UP0001", on: "2021-12-01")
            let once = try await state()
            let again = try await shop.ask(.apply, "UP0001", on: "2021-12-01")
            #expect(again.isRepeat && again.state == "ACTIVE")
            #expect(try await state() == once)
            // A switch that fails at its n-th statement leaves nothing; asked again it is done, once.
            var failing = shop
            var refusals = 0
            for number in 1...200 {
                failing.site.money = FailingDatabase(shop.site.money, failAt: number)
                do {
                    try await failing.ask(.apply, "UP0002", on: "2022-01-02")
                    break
                } catch {
                    refusals += 1
                    #expect(try await state() == once)
                }
            }
            #expect(refusals > 10)
            let done = try await state()
            #expect(try await shop.lines().count == 2)
            try await shop.ask(.apply, "UP0002", on: "2022-01-02")
            #expect(try await state() == done)
            #expect(try await shop.sweep(on: "2022-01-03") == 0)
        }
    }
}
