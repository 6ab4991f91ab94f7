// The cases of the annexure as resolved, row by row: who may have what from when, and who bills the days between.
import CivilTime
import Subscriptions
import Testing

@Suite struct CaseTableTests {
    private let up1: (PackRequest, String) = (.apply(pack: "UP0001"), "2020-12-01")

    @Test("1: the first base is approved at once and begins X days later")
    func firstBase() throws {
        let book = try caseBook()
        let outcome = try nobody().after(.apply(pack: "UP0001"), on: day("2021-12-01"), by: book)
        #expect(outcome.history.lines == ["UP0001 2021-12-01 2021-12-01 2021-12-02 - ACTIVE"])
        #expect(outcome.facts.map(\.key) == ["subscribed:123-1", "load-limit:123-1"])
        #expect(outcome.facts[1].loadW == 5000)
        #expect(outcome.facts[1].day == day("2021-12-02"))
        #expect(outcome.history.bills("2021-12-01", by: book) == nil)
        #expect(outcome.history.bills("2021-12-02", by: book) == "UP0001")
        let withDefault = try PackBook(casePacks(), served: served, defaultPack: "UP0002")
        let slot = outcome.history.slots(on: day("2021-12-01"), by: withDefault)[0]
        #expect(slot.pack == "UP0002" && slot.isDefault && slot.milliPaisePerKWh == 500_000)
        #expect(!outcome.history.slots(on: day("2021-12-02"), by: withDefault)[0].isDefault)
    }

    @Test("1b: a seller that does not serve the place")
    func notServed() throws {
        let refusal = nobody().refusal(.apply(pack: "UP0009"), on: "2021-12-01", by: try caseBook())
        #expect(refusal?.code.rawValue == "NMA_NOT_SERVED")
        #expect(refusal?.sentence == "RES3 does not serve NMA1.")
        #expect(refusal?.hint.isEmpty == false)
    }

    @Test("2: another base of the same seller replaces it, and the limit moves with it")
    func sameSeller() throws {
        let book = try caseBook()
        let before = try nobody().after([up1], by: book)
        let outcome = try before.after(.apply(pack: "UP0002"), on: day("2022-01-02"), by: book)
        #expect(
            outcome.history.lines == [
                "UP0001 2020-12-01 2020-12-01 2020-12-02 2022-01-02 UNSUBSCRIBED",
                "UP0002 2022-01-02 2022-01-02 2022-01-03 - ACTIVE",
            ])
        #expect(outcome.history.bills("2022-01-02", by: book) == "UP0001")
        #expect(outcome.history.bills("2022-01-03", by: book) == "UP0002")
        let limit = try #require(outcome.facts.first { $0.kind == .loadLimit })
        #expect(limit.day == day("2022-01-03") && limit.loadW == 10_000)
        let again = outcome.history.refusal(.apply(pack: "UP0002"), on: "2022-01-05", by: book)
        #expect(again?.code == .alreadySubscribed)
    }

    @Test("2b: the same pack twice")
    func samePack() throws {
        let book = try caseBook()
        let history = try nobody().after([up1], by: book)
        #expect(
            history.refusal(.apply(pack: "UP0001"), on: "2022-01-02", by: book)?.code.rawValue == "ALREADY_SUBSCRIBED")
    }

    /// 3a: X is 1 for what is held and 2 by the time of the other.
    private func awaiting() throws -> (PackHistory, PackBook) {
        let later = try caseBook(x: 2)
        let held = try nobody().after([up1], by: try caseBook(x: 1))
        return (try held.after([(.apply(pack: "UP0003"), "2022-01-02")], by: later), later)
    }

    @Test("3a: a base of another seller waits and changes nothing")
    func otherSellerWaits() throws {
        let (history, book) = try awaiting()
        #expect(
            history.lines == [
                "UP0001 2020-12-01 2020-12-01 2020-12-02 - ACTIVE", "UP0003 2022-01-02 - - - DRAFT",
            ])
        for text in ["2022-01-02", "2022-01-03", "2030-01-01"] { #expect(history.bills(text, by: book) == "UP0001") }
    }

    @Test("3b: approved, it begins X days after the approval")
    func otherSellerApproved() throws {
        let (draft, book) = try awaiting()
        let history = try draft.after([(.approve(pack: "UP0003"), "2022-01-04")], by: book)
        #expect(
            history.lines == [
                "UP0001 2020-12-01 2020-12-01 2020-12-02 2022-01-05 UNSUBSCRIBED",
                "UP0003 2022-01-02 2022-01-04 2022-01-06 - ACTIVE",
            ])
        #expect(
            ["2022-01-04", "2022-01-05", "2022-01-06"].map { history.bills($0, by: book) } == [
                "UP0001", "UP0001", "UP0003",
            ])
        #expect(draft.refusal(.approve(pack: "UP0002"), on: "2022-01-04", by: book)?.code == .noDraft)
    }

    @Test("3c: rejected, nothing has changed")
    func otherSellerRejected() throws {
        let (draft, book) = try awaiting()
        let history = try draft.after([(.reject(pack: "UP0003"), "2022-01-04")], by: book)
        #expect(history.rows.map(\.state) == [.active, .rejected])
        #expect(history.lines[0] == "UP0001 2020-12-01 2020-12-01 2020-12-02 - ACTIVE")
        #expect(history.bills("2022-01-06", by: book) == "UP0001")
        // It may be asked for again.
        #expect(try history.after([(.apply(pack: "UP0003"), "2022-01-10")], by: book).rows[2].state == .draft)
    }

    @Test("3d: add-ons of the seller that is left end with the switch")
    func addOnsEndWithTheirSeller() throws {
        let (draft, book) = try awaiting()
        let history = try draft.after(
            [(.apply(pack: "P50001"), "2022-01-02"), (.approve(pack: "UP0003"), "2022-01-04")], by: book)
        #expect(history.lines[2] == "P50001 2022-01-02 2022-01-02 2022-01-04 2022-01-05 UNSUBSCRIBED")
        #expect(
            ["2022-01-03", "2022-01-04", "2022-01-05", "2022-01-06"].map { history.bills($0, by: book) } == [
                "UP0001", "P50001", "P50001", "UP0003",
            ])
    }

    @Test("4: an add-on of a month, both ends included")
    func addOn() throws {
        let book = try caseBook()
        let history = try nobody().after([up1, (.apply(pack: "P50001"), "2022-01-01")], by: book)
        #expect(history.lines[1] == "P50001 2022-01-01 2022-01-01 2022-01-02 2022-02-01 ACTIVE")
        #expect(
            ["2022-01-01", "2022-01-02", "2022-02-01", "2022-02-02"].map { history.bills($0, by: book) } == [
                "UP0001", "P50001", "P50001", "UP0001",
            ])
        #expect(nobody().refusal(.apply(pack: "P50001"), on: "2022-01-01", by: book)?.code == .noBase)
    }

    @Test(
        "4: a month from the end of a month", arguments: [("2022-01-30", "2022-02-28"), ("2024-01-30", "2024-02-29")])
    func monthEnds(_ applied: String, _ to: String) throws {
        let history = try nobody().after([up1, (.apply(pack: "P50001"), applied)], by: try caseBook())
        #expect(history.rows[1].to == day(to))
    }

    @Test("6: an add-on that is unsubscribed goes on for X days")
    func unsubscribe() throws {
        let book = try caseBook()
        let history = try nobody().after(
            [up1, (.apply(pack: "P50001"), "2022-01-01"), (.unsubscribe(pack: "P50001"), "2022-01-11")], by: book)
        #expect(history.lines[1] == "P50001 2022-01-01 2022-01-01 2022-01-02 2022-01-12 UNSUBSCRIBED")
        #expect(history.bills("2022-01-12", by: book) == "P50001")
        #expect(history.bills("2022-01-13", by: book) == "UP0001")
        #expect(history.refusal(.unsubscribe(pack: "P50001"), on: "2022-01-20", by: book)?.code == .notSubscribed)
    }

    @Test("6: unsubscribing never prolongs")
    func unsubscribeLate() throws {
        let book = try caseBook(x: 5)
        let history = try nobody().after(
            [up1, (.apply(pack: "P50001"), "2022-01-01"), (.unsubscribe(pack: "P50001"), "2022-02-04")], by: book)
        #expect(history.lines[1] == "P50001 2022-01-01 2022-01-01 2022-01-06 2022-02-05 UNSUBSCRIBED")
    }

    @Test("6b: a base is replaced or ported out, never unsubscribed")
    func baseStays() throws {
        let book = try caseBook()
        let history = try nobody().after([up1], by: book)
        let refusal = history.refusal(.unsubscribe(pack: "UP0001"), on: "2022-01-11", by: book)
        #expect(refusal?.code.rawValue == "BASE_NOT_UNSUBSCRIBABLE")
        let left = try history.after([(.portOut(lastDay: day("2022-01-31")), "2022-01-11")], by: book)
        #expect(left.lines == ["UP0001 2020-12-01 2020-12-01 2020-12-02 2022-01-31 UNSUBSCRIBED"])
        #expect(left.bills("2022-01-31", by: book) == "UP0001")
        #expect(left.bills("2022-02-01", by: book) == nil)
    }

    @Test("8: a past day is billed by its dates, whatever the state is now")
    func pastDays() throws {
        let book = try caseBook()
        let history = try nobody().after(
            [
                up1, (.apply(pack: "P50001"), "2022-01-01"), (.sweep, "2022-02-02"),
                (.apply(pack: "UP0002"), "2022-03-01"), (.apply(pack: "UP0003"), "2022-03-02"),
                (.reject(pack: "UP0003"), "2022-03-03"),
            ], by: book)
        #expect(history.rows.map(\.state) == [.unsubscribed, .expired, .active, .rejected])
        #expect(history.bills("2022-01-20", by: book) == "P50001")
        #expect(history.bills("2022-02-02", by: book) == "UP0001")
        #expect(history.bills("2022-03-03", by: book) == "UP0002")
    }

    @Test("8b: a past day is billed by the version that held then")
    func versionOfTheDay() throws {
        let packs = [
            pack("UP0001", .base, "RES1", 500_000),
            pack("UP0001", .base, "RES1", 600_000) {
                $0.version = 2
                $0.validFrom = day("2022-04-01")
            },
        ]
        let book = try PackBook(packs, served: served)
        let history = try nobody().after([up1], by: book)
        let march = history.slots(on: day("2022-03-31"), by: book)[0]
        let april = history.slots(on: day("2022-04-01"), by: book)[0]
        #expect(march.version == 1 && march.milliPaisePerKWh == 500_000)
        #expect(april.version == 2 && april.milliPaisePerKWh == 600_000)
    }

    @Test("one draft: the second replaces it, and so does a base that needs no approval")
    func oneDraft() throws {
        let packs = casePacks() + [pack("UP0004", .base, "RES2")]
        let book = try PackBook(packs, served: served)
        let two = try nobody().after(
            [up1, (.apply(pack: "UP0003"), "2022-01-02"), (.apply(pack: "UP0004"), "2022-01-03")], by: book)
        #expect(two.rows.map(\.state) == [.active, .rejected, .draft])
        let own = try two.after([(.apply(pack: "UP0002"), "2022-01-04")], by: book)
        #expect(own.rows.map(\.state) == [.unsubscribed, .rejected, .rejected, .active])
        #expect(own.refusal(.approve(pack: "UP0004"), on: "2022-01-05", by: book)?.code == .noDraft)
    }

    @Test("a first day that is wanted later; what comes before it voids it with its limit")
    func futureDated() throws {
        let book = try caseBook()
        let planned = try nobody().after(
            [up1, (.apply(pack: "UP0002", from: day("2022-06-01")), "2022-01-02")], by: book)
        #expect(planned.rows[0].to == day("2022-05-31"))
        #expect(planned.rows[1].from == day("2022-06-01"))
        let outcome = try planned.after(.apply(pack: "UP0001"), on: day("2022-02-01"), by: book)
        #expect(
            outcome.history.lines == [
                "UP0001 2020-12-01 2020-12-01 2020-12-02 2022-02-01 UNSUBSCRIBED",
                "UP0002 2022-01-02 2022-01-02 2022-06-01 2022-02-01 UNSUBSCRIBED",
                "UP0001 2022-02-01 2022-02-01 2022-02-02 - ACTIVE",
            ])
        #expect(outcome.facts.map(\.key).contains("withdrawn:load-limit:123-2"))
        #expect(!outcome.facts.contains { $0.kind == .loadLimit })
        #expect(outcome.history.bills("2022-06-01", by: book) == "UP0001")
        let soon = planned.refusal(.apply(pack: "UP0003", from: day("2022-02-01")), on: "2022-02-01", by: book)
        #expect(soon?.code == .tooSoon)
    }

    @Test("what comes after a later decision, and what is not known")
    func refused() throws {
        let book = try caseBook()
        let history = try nobody().after([up1], by: book)
        #expect(history.refusal(.apply(pack: "UP0002"), on: "2020-11-30", by: book)?.code == .outOfOrder)
        let unknown = history.refusal(.apply(pack: "UP002"), on: "2021-01-01", by: book)
        #expect(unknown?.code == .unknownPack)
        #expect(unknown?.hint == "Did you mean UP0002?")
        #expect(history.refusal(.renew(pack: "UP0001"), on: "2021-01-01", by: book)?.code == .nothingToRenew)
        #expect(nobody().refusal(.portOut(lastDay: day("2021-01-31")), on: "2021-01-01", by: book)?.code == .noBase)
        let later = try PackBook(
            [pack("UP0001", .base, "RES1") { $0.validFrom = day("2022-01-01") }], served: served)
        #expect(nobody().refusal(.apply(pack: "UP0001"), on: "2021-12-31", by: later)?.code == .notOffered)
    }
}
