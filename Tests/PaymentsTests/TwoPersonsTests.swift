// Corrections of a balance by two persons: what waits changes nothing, the second person is another one, it runs once
// whatever happens, and the trail shows both.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Payments
import SQL
import TestSupport
import Testing

@Suite struct TwoPersonsTests {
    /// Logins 1 and 2 are administrators, 3 an operator of the whole company.
    private static func admin(_ loginID: Int64) -> Actor {
        Actor(loginID: loginID, role: .administrator, scope: Scope(orgID: 1))
    }
    private static let settings = SettingRegistry(
        [AdjustBalance.aloneSetting, .wholeNumber("edits.limit", 0...9, initial: 1, hint: "A limit.")]
            + TwoPersons.settings(commands: [AdjustBalance.name, SetSetting.name]))

    private struct Desk: Sendable {
        var site: Site
        var clock: ManualClock
        var desk: RequestDesk

        func adjust(
            _ paise: Int64, _ reference: String, as actor: Actor = admin(1), account: Int64 = 101
        ) async throws -> Asked<Int64> {
            let command = AdjustBalance(
                accountID: account, amountPaise: paise, reason: "meter swapped", reference: reference)
            return try await site.ask(command, as: actor, source: "http 203.0.113.7", why: "meter swapped")
        }

        func waiting(_ paise: Int64, _ reference: String, as actor: Actor = admin(1)) async throws -> ChangeRequest {
            guard case .waits(let request) = try await adjust(paise, reference, as: actor) else {
                throw Refusal(.conflict, "it did not wait")
            }
            return request
        }

        func confirm(_ id: Int64, as actor: Actor = admin(2)) async throws -> ChangeRequest {
            try await desk.confirm(id, as: actor, source: "http 203.0.113.8")
        }

        /// Balance, adjustments, entries, events.
        func state() async throws -> [Int64] {
            try await site.money.read { transaction in
                [try Journal.balance(ofAccount: 101, Scope(orgID: 1), in: transaction).balancePaise]
                    + (try ["adjustment", "journal_entry", "outbox"].map { table in
                        try transaction.first("SELECT COUNT(*) FROM \(table)", []) { try $0.int(0) } ?? -1
                    })
            }
        }

        func write(_ sql: String) async throws { try await site.money.write { _ = try $0.run(sql) } }
    }

    private static func with(_ engine: TestEngine, _ body: (Desk) async throws -> Void) async throws {
        try await RechargeTests.withClock(engine) { site, clock in
            try await site.money.write { transaction in
                for (id, role) in [(1, "administrator"), (2, "administrator"), (3, "operator"), (4, "administrator")] {
                    try transaction.run(
                        """
                        INSERT INTO login (org_id, login_id, username, name, role, password_hash, language)
                        VALUES (1, $1, $2, 'N', $3, '', 'en')
                        """, [.int(id), .text("user-\(id)"), .text(role)])
                }
            }
            let kinds = ConfirmedKinds([ConfirmedKind(AdjustBalance.self), SetSetting.stored(in: settings)])
            try await body(Desk(site: site, clock: clock, desk: RequestDesk(site: site, kinds: kinds)))
        }
    }

    private static func refusal(_ body: () async throws -> Void) async throws -> Refusal? {
        do {
            try await body()
            return nil
        } catch let refusal as Refusal {
            return refusal
        }
    }

    @Test(arguments: TestEngine.available)
    func itWaitsUntilAnotherConfirms(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            let request = try await desk.waiting(-250, "adj-1")
            #expect(request.state == .pending && request.madeByName == "user-1")
            #expect(request.changes.map(\.field) == ["balance_paise"])
            #expect(request.changes.first?.old == "0" && request.changes.first?.new == "-250")
            // The same again is the same row; something else under its reference is refused; nothing has changed.
            #expect(try await desk.waiting(-250, "adj-1") == request)
            #expect(try await Self.refusal { _ = try await desk.adjust(-251, "adj-1") } == .referenceUsed)
            let straight = try await Self.refusal {
                _ = try await desk.site.perform(
                    AdjustBalance(accountID: 101, amountPaise: 9, reason: "meter swapped", reference: "straight"),
                    as: Self.admin(1), source: "test")
            }
            #expect(straight?.code == .conflict, "no way around by another door")
            #expect(try await desk.state() == [0, 0, 0, 0])
            // What cannot be done at all is refused when it is asked.
            let missing = try await Self.refusal { _ = try await desk.adjust(5, "adj-9", account: 999) }
            #expect(missing?.code == .notFound)

            let own = try await Self.refusal { _ = try await desk.confirm(request.requestID, as: Self.admin(1)) }
            #expect(own?.code == .forbidden)
            let operating = Actor(loginID: 3, role: .operator, scope: Scope(orgID: 1))
            let unable = try await Self.refusal { _ = try await desk.confirm(request.requestID, as: operating) }
            #expect(unable?.code == .forbidden)
            let other = Actor(loginID: 9, role: .administrator, scope: Scope(orgID: 2))
            let foreign = try await Self.refusal { _ = try await desk.confirm(request.requestID, as: other) }
            #expect(foreign?.code == .notFound)
            #expect(try await desk.state() == [0, 0, 0, 0])

            let done = try await desk.confirm(request.requestID)
            #expect(done.state == .confirmed && done.checkedByName == "user-2")
            #expect(try await desk.confirm(request.requestID) == done, "twice is once")
            let late = try await Self.refusal { _ = try await desk.confirm(request.requestID, as: Self.admin(4)) }
            #expect(late?.code == .conflict)
            guard case .done = try await desk.adjust(-250, "adj-1") else { return #expect(Bool(false), "not done") }
            #expect(try await desk.state() == [-250, 1, 1, 1])
        }
    }

    @Test func theTrailShowsBoth() async throws {
        try await Self.with(.sqlite) { desk in
            let request = try await desk.waiting(700, "adj-1")
            _ = try await desk.confirm(request.requestID)
            let trail = try await desk.site.money.read {
                try AuditTrail.list(limit: 10, Scope(orgID: 1), in: $0)
            }
            #expect(
                trail.map { "\($0.command) \($0.loginID)" }
                    == ["access.confirm-request 2", "payments.adjust 1", "access.ask 1"])
            let deed = try #require(trail.dropFirst().first)
            #expect(deed.why == "meter swapped" && deed.subjectID == 101 && deed.changes.first?.new == "700")
            #expect(deed.source == "http 203.0.113.7, request \(request.requestID) confirmed by login 2")
            #expect(trail[0].content == "request=\(request.requestID)")
            let by = try await desk.site.money.read {
                try $0.first("SELECT login_id FROM adjustment", []) { try $0.int(0) }
            }
            #expect(by == 1, "who asked is the actor of record")
        }
    }

    @Test(arguments: TestEngine.available)
    func twoAtOnceRunItOnce(_ engine: TestEngine) async throws {
        try await Self.with(engine) { desk in
            let request = try await desk.waiting(300, "adj-1")
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for checker in [Int64(2), 4, 2, 4] {
                    group.addTask {
                        (try? await desk.confirm(request.requestID, as: Self.admin(checker)))?.state == .confirmed
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.contains(true))
            #expect(try await desk.state() == [300, 1, 1, 1])
            // Two who ask for the same at once make one request.
            let asked = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<4 { group.addTask { try await desk.waiting(20, "adj-2").requestID } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(asked.count == 1)
        }
    }

    /// What is asked when it runs is asked anew: who asked must still be there and allowed, the account still there.
    @Test(arguments: [
        ("UPDATE login SET disabled_at_ms = 1 WHERE login_id = 1", "no access any more"),
        ("UPDATE login SET role = 'operator' WHERE login_id = 1", "may not do it any more"),
        ("UPDATE supply_account SET account_id = 103 WHERE account_id = 101", "account"),
    ])
    func whatIsRefusedByNowHasFailed(_ change: String, _ why: String) async throws {
        try await Self.with(.sqlite) { desk in
            let request = try await desk.waiting(300, "adj-1")
            try await desk.write(change)
            let failed = try await desk.confirm(request.requestID)
            #expect(failed.state == .failed && failed.note.contains(why), "\(failed.note)")
            #expect(try await desk.state() == [0, 0, 0, 0])
            let again = try await Self.refusal { _ = try await desk.confirm(request.requestID) }
            #expect(again?.code == .conflict, "what has failed does not run later")
        }
    }

    @Test func itIsRejectedWithdrawnOrLapses() async throws {
        try await Self.with(.sqlite) { desk in
            let (first, second) = (try await desk.waiting(1, "adj-1"), try await desk.waiting(2, "adj-2"))
            let third = try await desk.waiting(3, "adj-3")
            let rejected = try await desk.desk.reject(
                first.requestID, reason: "wrong account", as: Self.admin(2), source: "test")
            #expect(rejected.state == .rejected && rejected.note == "wrong account")
            let notOwn = try await Self.refusal {
                _ = try await desk.desk.withdraw(second.requestID, as: Self.admin(2), source: "test")
            }
            #expect(notOwn?.code == .notFound)
            #expect(
                try await desk.desk.withdraw(second.requestID, as: Self.admin(1), source: "test").state == .withdrawn)
            func ids(_ filter: ChangeRequest.Filter, _ actor: Actor) async throws -> [Int64] {
                try await desk.desk.page(filter, before: nil, limit: 10, actor).items.map(\.requestID)
            }
            #expect(try await ids(.waiting, Self.admin(2)) == [third.requestID])
            #expect(try await ids(.waiting, Self.admin(1)).isEmpty)
            #expect(try await ids(.mine, Self.admin(1)).count == 3)
            #expect(try await ids(.decided, Self.admin(4)).count == 2)
            let operating = Actor(loginID: 3, role: .operator, scope: Scope(orgID: 1))
            #expect(try await ids(.decided, operating).isEmpty, "others' requests are not for everybody")
            desk.clock.nowMs += 7 * 86_400_000
            let late = try await Self.refusal { _ = try await desk.confirm(third.requestID) }
            #expect(late?.code == .conflict && late?.message.contains("lapsed") == true)
            #expect(try await ids(.waiting, Self.admin(2)).isEmpty)
            #expect(try await desk.state() == [0, 0, 0, 0])
        }
    }

    @Test func theCompanySaysWhatWaits() async throws {
        try await Self.with(.sqlite) { desk in
            func set(_ name: String, _ value: String) async throws -> Asked<SettingState> {
                let command = try SetSetting(name, to: value, from: nil, in: Self.settings)
                return try await desk.site.ask(command, as: Self.admin(1), source: "test")
            }
            guard case .done = try await set("edits.limit", "3") else { return #expect(Bool(false)) }
            guard case .waits(let limit) = try await set("payments.adjust-alone-paise", "500") else {
                return #expect(Bool(false), "a rule of money was changed alone")
            }
            #expect(limit.changes.first?.field == "payments.adjust-alone-paise" && limit.changes.first?.old == "0")
            #expect(try await desk.confirm(limit.requestID).state == .confirmed)
            guard case .done = try await desk.adjust(300, "small-1") else { return #expect(Bool(false)) }
            _ = try await desk.waiting(201, "small-2")
            guard case .done = try await desk.adjust(-200, "small-3") else { return #expect(Bool(false)) }
            // Without a key of its own the same change is one request while it waits, and another one after it.
            guard case .waits(let none) = try await set("access.two-persons", "none"),
                case .waits(let same) = try await set("access.two-persons", "none")
            else { return #expect(Bool(false)) }
            #expect(none == same)
            _ = try await desk.desk.reject(none.requestID, reason: "not wise", as: Self.admin(2), source: "test")
            guard case .waits(let again) = try await set("access.two-persons", "none") else {
                return #expect(Bool(false))
            }
            #expect(again.requestID != none.requestID)
            _ = try await desk.confirm(again.requestID)
            guard case .done = try await desk.adjust(90_000, "large-1") else { return #expect(Bool(false)) }
            for wrong in ["", "payments.adjust none", "payments.nothing"] {
                #expect(throws: Refusal.self) {
                    try SetSetting("access.two-persons", to: wrong, from: nil, in: Self.settings)
                }
            }
        }
    }

    @Test func requestsOfOneLoginAreLimited() async throws {
        try await Self.with(.sqlite) { desk in
            for number in 0..<ChangeRequest.pendingMax { _ = try await desk.waiting(number + 1, "adj-\(number)") }
            let more = try await Self.refusal { _ = try await desk.waiting(5, "adj-more") }
            #expect(more?.code == .tooMany)
            _ = try await desk.waiting(5, "adj-more", as: Self.admin(2))
        }
    }
}
