// Samples of the command centre: orders under way, one order, what is wanted of a meter, and orders that were refused.
import CivilTime

import struct Access.Refusal

@testable import Web

extension Samples {
    static func orders(_ word: String) -> [Sample] {
        let states: [OrderCard.State] = [.awaiting, .running, .done, .stopped, .expired]
        let cards = states.enumerated().map { index, state in
            OrderCard(
                id: Int64(index + 1), matter: "relay", value: "open", reason: word, group: word, state: state, by: word,
                createdAtMs: nowMs - 600_000, expiresAtMs: nowMs + 600_000, approvedBy: index == 1 ? word : nil,
                endedWhy: state == .stopped ? word : nil, counts: (1, 2, 3, 4, 5))
        }
        func form(_ at: String?) -> OrderForm {
            OrderForm(
                matters: ["relay", "load-limit"], places: [(11, word)], key: "k-4",
                typed: ["reason": word, "serials": word], refusal: at.map { Refusal(.invalid, word, at: $0) })
        }
        let trouble = CommandsView.Trouble(
            meter: 3, serial: word, matter: "relay", words: word, sinceMs: nowMs, href: nil)
        var pages: [(String, any Page)] = ["waveSize", "placeID", "meterIDs", "key"].map { place in
            (
                "commands-\(place)",
                CommandsView(
                    orders: cards, awaiting: [cards[0]], failed: [trouble], drifted: [trouble], nowMs: nowMs,
                    nextHref: nil, form: form(place))
            )
        }
        let targets = ["waiting", "released", "done", "failed", "skipped", "withdrawing", "withdrawn"].map {
            OrderView.Meter(id: 3, serial: word, state: $0, answer: word, endedAtMs: nil)
        }
        pages.append(
            (
                "order-refused",
                OrderView(
                    order: cards[0], meters: targets, nextHref: nil, nowMs: nowMs, mayApprove: true, mayStop: true,
                    typedReason: word, refusal: Refusal(.conflict, word))
            ))
        var only = form("waveSize")
        only.onlyMeter = 3
        pages.append(
            ("wishes-refused", WishesView(meter: 3, serial: word, wishes: [], nowMs: nowMs, form: only)))
        return pages.map { Sample(name: $0.0, look: .console, place: .commands, page: $0.1) }
    }
}
