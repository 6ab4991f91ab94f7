// What takes two persons besides corrections of a balance: an old debt given up, a pack published by who wrote it, the
// brake on cuts released. Another person does it; the same one cannot; a no, or no answer in time, changes nothing.
import API
import Access
import CivilTime
import Packs
import Payments
import SQL
import Supply
import Tariffs
import TestRetailer
import TestSupport
import Testing

@Suite struct SecondPersonTests {
    private struct Room: Sendable {
        var web: WebSite
        var desk: RequestDesk
        var site: Site { web.site }
        /// Three administrators.
        var people: [Actor]

        func asked<C: ConfirmedCommand>(_ command: C, by person: Int = 0) async throws -> ChangeRequest {
            guard case .waits(let request) = try await site.ask(command, as: people[person], source: "test", why: "w")
            else { throw Refusal(.conflict, "it did not wait") }
            return request
        }

        func confirm(_ request: ChangeRequest, by person: Int) async throws -> ChangeRequest.State {
            try await desk.confirm(request.requestID, as: people[person], source: "test").state
        }

        /// Says no to one, lets one lapse, and lets who asked confirm one: nothing changes.
        func nothingChanges<C: ConfirmedCommand, Value: Equatable>(
            _ commands: [C], _ look: () async throws -> Value
        ) async throws {
            let before = try await look()
            let rejected = try await asked(commands[0])
            _ = try await desk.reject(rejected.requestID, reason: "not so", as: people[1], source: "test")
            let lapsed = try await asked(commands[1])
            try await site.money.write { transaction in
                _ = try transaction.run(
                    "UPDATE change_request SET lapses_at_ms = 1 WHERE request_id = $1", [.int(lapsed.requestID)])
            }
            #expect(await SecondPersonTests.code { _ = try await confirm(lapsed, by: 1) } == .conflict)
            let own = try await asked(commands[2])
            #expect(await SecondPersonTests.code { _ = try await confirm(own, by: 0) } == .forbidden)
            _ = try await desk.withdraw(own.requestID, as: people[0], source: "test")
            #expect(
                await SecondPersonTests.code { _ = try await site.perform(commands[0], as: people[0], source: "test") }
                    == .conflict)
            #expect(try await look() == before)
        }
    }

    private static func code(_ body: () async throws -> Void) async -> Refusal.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? Refusal)?.code }
    }

    private static func with(_ engine: TestEngine, _ body: (Room) async throws -> Void) async throws {
        try await WebSite.with(engine) { web in
            var people: [Actor] = []
            for name in ["anna", "bela", "cyra"] {
                let login = try await AddLogin(
                    NewLogin(username: name, name: name, role: .administrator), password: WebSite.password,
                    hasher: PasswordHasher())
                let made = try await web.site.perform(login, as: .system(orgID: 1), source: "test")
                people.append(Actor(loginID: made.loginID, role: .administrator, scope: Scope(orgID: 1)))
            }
            let desk = RequestDesk(site: web.site, kinds: BusbarRequests.kinds(BusbarSettings.registry))
            try await body(Room(web: web, desk: desk, people: people))
        }
    }

    @Test(arguments: TestEngine.available)
    func anOldDebtIsGivenUpByTwo(_ engine: TestEngine) async throws {
        try await Self.with(engine) { room in
            let account = room.web.one.account
            _ = try await room.site.perform(
                PutArrears(
                    accountID: account, amountPaise: 9_000, since: room.web.one.first, claimUntil: nil,
                    disconnectUntil: nil, reason: "old bills", reference: "p1"), as: room.people[0], source: "test")
            func owed() async throws -> Int64? {
                try await room.site.money.read {
                    try Arrears.of(accountID: account, Scope(orgID: 1), in: $0)?.outstandingPaise
                }
            }
            func off(_ reference: String, _ paise: Int64 = 1_000) -> WriteOffArrears {
                WriteOffArrears(accountID: account, amountPaise: paise, reason: "too old", reference: reference)
            }
            try await room.nothingChanges([off("a"), off("b"), off("c")], owed)
            let request = try await room.asked(off("d"))
            #expect(request.changes.map(\.field) == ["arrears_paise"] && request.changes[0].new == "8000")
            #expect(try await room.confirm(request, by: 1) == .confirmed)
            #expect(try await room.confirm(request, by: 1) == .confirmed)
            #expect(try await owed() == 8_000)
            // Settled meanwhile, it is refused by now and changes nothing.
            let late = try await room.asked(off("e", 8_000))
            _ = try await room.site.perform(
                SettleArrears(accountID: account, amountPaise: 500, source: .counter, reference: "s"),
                as: room.people[2], source: "test")
            #expect(try await room.confirm(late, by: 1) == .failed)
            #expect(try await owed() == 7_500)
        }
    }

    @Test(arguments: TestEngine.available)
    func whoWroteAPackPublishesItOnlyWithAnother(_ engine: TestEngine) async throws {
        try await Self.with(engine) { room in
            func text(_ price: String) -> String {
                """
                format: 1
                id: FLAT
                version: 1
                name: Flat
                validFrom: 2026-05-01
                components:
                  - {id: energy, kind: energy, label: Energy, perKWh: \(price)}

                """
            }
            // Anna and Bela write it, and Anna asks.
            let draft = try await room.site.perform(
                SavePackDraft(draftID: nil, revision: 0, text: text("6"), note: "", request: "k"), as: room.people[0],
                source: "test")
            _ = try await room.site.perform(
                SavePackDraft(draftID: draft.draftID, revision: 1, text: text("7"), note: ""), as: room.people[1],
                source: "test")
            _ = try await room.site.perform(
                MovePackDraft(draftID: draft.draftID, revision: 2, .submit), as: room.people[0], source: "test")
            func state() async throws -> [String] {
                try await room.site.money.read { transaction in
                    let scope = Scope(orgID: 1)
                    return [try PackDraft.find(draft.draftID, scope, in: transaction).state.rawValue]
                        + (try Packs.versions(of: "FLAT", scope, in: transaction).map { "\($0.version)" })
                }
            }
            func yes(_ reason: String) throws -> DecidePackDraft {
                try DecidePackDraft(draftID: draft.draftID, revision: 3, agrees: true, reason: reason)
            }
            try await room.nothingChanges([yes("first"), yes("second"), yes("third")], state)
            #expect(try await state() == ["submitted"])
            let request = try await room.asked(yes("as agreed"))
            // Who wrote some of it is no second person, and the request goes on waiting.
            #expect(await Self.code { _ = try await room.confirm(request, by: 1) } == .forbidden)
            #expect(try await state() == ["submitted"])
            #expect(try await room.confirm(request, by: 2) == .confirmed)
            #expect(try await state() == ["approved", "1"])
        }
    }

    @Test(arguments: TestEngine.available)
    func theBrakeIsReleasedByTwoAndOnlyTheOneThatWasSeen(_ engine: TestEngine) async throws {
        try await Self.with(engine) { room in
            let nowMs = WebSite.nowMs
            func hold(_ reason: String) async throws {
                _ = try await room.site.perform(
                    HoldCuts(reason: reason, untilMs: nowMs + 3_600_000), as: room.people[0], source: "test")
            }
            func held() async throws -> String? {
                try await room.site.money.read {
                    try SupplyHold.standing(atMs: nowMs, Scope(orgID: 1), in: $0)?.reason
                }
            }
            try await hold("Holi")
            let seen = try await room.site.money.read { try SupplyHold.newest(atMs: nowMs, Scope(orgID: 1), in: $0) }
            func release(_ reason: String) -> ReleaseCuts { ReleaseCuts(reason: reason, throughHoldID: seen) }
            try await room.nothingChanges([release("one"), release("two"), release("three")], held)
            let request = try await room.asked(release("the feast is over"))
            try await hold("a fault")
            #expect(try await room.confirm(request, by: 1) == .confirmed)
            #expect(try await held() == "a fault", "what came later stands for something else")
            // By its page it waits as well.
            let admin = try await room.web.browser("admin")
            let form = ["csrf": try await admin.get("/supply").field("csrf"), "reason": "mended"]
            #expect(await admin.post("/supply/release", form).location == "/supply?did=waits")
            #expect(try await held() == "a fault")
        }
    }
}
