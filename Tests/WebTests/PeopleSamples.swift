// Samples of the pages about people and the trail of commands.
import CivilTime

import struct Access.Refusal

@testable import Web

extension Samples {
    static func people(_ word: String) -> [Sample] {
        let refusal = Refusal(.invalid, word)
        let form = RightsForm(places: [(id: 11, name: word), (id: 12, name: "Feeder")])
        let active = PersonRow(id: 5, username: word, name: word, role: "operator", reach: word, isActive: true)
        let gone = PersonRow(id: 6, username: "gone", name: word, role: "consumer", reach: nil, isActive: false)
        let sessions = [
            SessionRow(
                id: 1, openedMs: nowMs - 3_600_000, seenMs: nowMs - 900_000, browser: word, network: word,
                isThisOne: true),
            SessionRow(id: 2, openedMs: nowMs, seenMs: nowMs, browser: "", network: "203.0.113.x", isThisOne: false),
        ]
        var list = PeopleView(people: [active, gone], nextAfter: "6", form: form)
        list.made = (word, word)
        var broken = PeopleView(people: [active], nextAfter: nil, form: form)
        broken.typedUsername = word
        broken.faults = ["username", "name", "account", "place"].map { FormFault(field: $0, refusal: refusal) }
        var person = PersonView(person: active, form: form, sessions: sessions, isSelf: false)
        person.madePassword = word
        let own = PersonView(person: active, form: form, sessions: [], isSelf: true)
        let closed = PersonView(person: gone, form: form, sessions: [], isSelf: false)
        var me = MeView(name: word, username: word, role: "administrator", sessions: sessions)
        var meBroken = me
        meBroken.faults = ["old", "new"].map { FormFault(field: $0, refusal: refusal) }
        person.secondStep = SecondStepPart(stage: .confirmed, codesLeft: 7)
        me.secondStep = SecondStepPart(stage: .pending, isRequired: true)
        me.secondStep.secret = (word, "otpauth://totp/Busbar:asha?secret=GEZDGNBV&issuer=Busbar")
        meBroken.secondStep = SecondStepPart(stage: .confirmed, codesLeft: 8)
        meBroken.secondStep.recoveryCodes = [word, "k7m2p-9fpqa-x3h5d"]
        meBroken.faults += ["code", "secondPassword"].map { FormFault(field: $0, refusal: refusal) }
        let pages: [(String, PageFrame.Place, any Page)] = [
            ("people", .people, list), ("people-broken", .people, broken), ("person", .people, person),
            ("person-own", .people, own), ("person-closed", .people, closed), ("me", .me, me),
            ("me-broken", .me, meBroken),
        ]
        return pages.map { Sample(name: $0.0, look: .console, place: $0.1, page: $0.2) }
            + [Sample(name: "me-portal", look: .portal, place: .me, page: me)] + trail(word)
    }

    private static func trail(_ word: String) -> [Sample] {
        let entry = TrailEntry(
            businessAtMs: nowMs, systemAtMs: nowMs - 86_400_000, username: word, source: word, command: word,
            why: word, subject: (name: word, href: "/accounts/71"),
            changes: [.init(field: word, old: word, new: nil), .init(field: "role", old: nil, new: word)])
        let machine = TrailEntry(
            businessAtMs: nowMs, systemAtMs: nowMs, username: nil, source: "job rate", command: "rating.chunk", why: "",
            subject: nil, changes: [])
        let list = AuditListView(
            entries: [entry, machine], typed: ["who": word, "command": word], commands: [word], nextBefore: "9",
            isFirstPage: false)
        let empty = AuditListView(entries: [], typed: [:], commands: [], nextBefore: nil, isFirstPage: true)
        let history = HistoryView(
            name: word, backHref: "/accounts/71", path: "/accounts/71/history", entries: [entry], first: day,
            second: day.advanced(by: 3),
            fields: [.init(name: word, first: word, second: nil), .init(name: "a", first: "1", second: "1")],
            nextBefore: "9", isFirstPage: false)
        let bare = HistoryView(
            name: word, backHref: "/meters/3", path: "/meters/3/history", entries: [], first: day, second: day,
            fields: [], nextBefore: nil, isFirstPage: true)
        return [
            Sample(name: "audit", look: .console, place: .audit, page: list),
            Sample(name: "audit-empty", look: .console, place: .audit, page: empty),
            Sample(name: "history", look: .console, place: .accounts, page: history),
            Sample(name: "history-bare", look: .console, place: .meters, page: bare),
        ]
    }
}
