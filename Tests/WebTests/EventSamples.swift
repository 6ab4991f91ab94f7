// Samples of the stream of events, of pushes kept aside and of the keys of a meter.
import CivilTime

@testable import Web

extension Samples {
    static func events(_ word: String) -> [Sample] {
        let items = [101, 102, 201, 67, 301, 9, 158, 999, 1061].enumerated().map { index, code in
            EventsView.Item(
                meter: 1001, serial: word, code: code, atMs: nowMs - Int64(index) * 61_000,
                saidMs: index == 2 ? nowMs - 900_000_000_000 : nil, receivedAtMs: nowMs - (index == 1 ? 100_000 : 0),
                isPushed: index % 3 != 0, isRead: index % 2 == 0)
        }
        let pushes = [
            "unknown-sender", "unsecured", "other-address", "wrong-key", "replayed", "unreadable", "nothing-to-tell",
        ].enumerated().map { index, reason in
            AsideView.Item(
                reason: reason, meter: index == 1 ? (1001, word) : nil, sender: index == 5 ? "" : word, remote: word,
                times: Int64(index + 1), firstAtMs: nowMs - 60_000, lastAtMs: nowMs, apduHex: "0fc000000100")
        }
        var withKeys = emptyMeter()
        withKeys.keys = panel(.sent, word)
        var bare = emptyMeter()
        bare.keys = panel(.none, word, bare: true)
        return [
            Sample(
                name: "events", look: .console, place: .events,
                page: EventsView(
                    items: items, alarms: 2, aside: 3, typed: ["kind": "tamper", "meter": word],
                    places: [(11, word), (12, "Feeder")], nextAfter: "1-2", isFirstPage: true)),
            Sample(
                name: "events-older", look: .console, place: .events,
                page: EventsView(
                    items: items, alarms: 1, aside: nil, typed: [:], places: [], nextAfter: nil, isFirstPage: false)),
            Sample(
                name: "events-empty", look: .console, place: .events,
                page: EventsView(
                    items: [], alarms: 0, aside: 0, typed: [:], places: [], nextAfter: nil, isFirstPage: true)),
            Sample(
                name: "aside", look: .console, place: .events,
                page: AsideView(items: pushes, total: 7, nextAfter: "1-2", isFirstPage: false)),
            Sample(
                name: "aside-empty", look: .console, place: .events,
                page: AsideView(items: [], total: 0, nextAfter: nil, isFirstPage: true)),
            Sample(name: "meter-keys", look: .console, place: .meters, page: withKeys),
            Sample(name: "meter-keys-none", look: .console, place: .meters, page: bare),
        ]
    }

    private static func panel(_ state: MeterKeysPanel.State, _ word: String, bare: Bool = false) -> MeterKeysPanel {
        MeterKeysPanel(
            hasKeys: !bare, state: state, changes: bare ? 0 : 2, changedAtMs: bare ? nil : nowMs - 86_400_000,
            lastError: bare ? nil : word, nextCounter: bare ? nil : 20_001, titles: bare ? [] : ["4242520000000001"],
            recoveries: bare
                ? []
                : ["asked", "raised", "lowered", "unchanged", "refused"].map {
                    .init(state: $0, askedAtMs: nowMs, from: 7, to: 9, why: word)
                }, mayManage: !bare)
    }
}
