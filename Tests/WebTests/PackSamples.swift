// PackSamples: the packs of an account, the step before something is asked of them, and the company's list.
import Access
import CivilTime
import Tariffs

@testable import Packs
@testable import Subscriptions
@testable import Web

extension Samples {
    private static func held(_ word: String, _ number: Int64, _ state: Subscription.State) -> ListedSubscription {
        let isHeld = state != .draft && state != .rejected
        return ListedSubscription(
            subscriptionID: 7000 + number, accountID: 7, accountNumber: "SRY-1", accountName: word, number: number,
            packID: word, kind: number == 1 ? .base : .addOn, seller: number == 1 ? "own" : word, state: state,
            appliedDay: day.advanced(by: -40), fromDay: isHeld ? day.advanced(by: -39) : nil,
            toDay: state == .active ? nil : day.advanced(by: 9), termToDay: day.advanced(by: 9), renews: true,
            why: state == .rejected ? word : "")
    }

    static func packs(_ word: String) -> [Sample] {
        let all = Subscription.State.allCases.enumerated().map { held(word, Int64($0.offset + 1), $0.element) }
        let offer = OfferedPack(
            packID: word, kind: .base, seller: word, firstDay: day.advanced(by: 1), months: 12, renews: true,
            loadLimitW: 5_000, exportMilliPaisePerKWh: 350_000, waits: true)
        var rich = account(word)
        rich.packs = PacksPanel(
            account: 7, today: day, held: all, offers: [offer], mayAsk: true, mayDecide: true, mayLeave: true)
        var bare = account(word)
        bare.packs = PacksPanel(
            account: 7, today: day, held: [], offers: [], mayAsk: true, mayDecide: false, mayLeave: false)
        var confirm = PackConfirmView(
            account: 7, code: "SRY-1", name: word, act: .apply, packID: word,
            prices: [
                PackPrice(cover: .band(word), milliPaisePerKWh: 650_000),
                PackPrice(cover: .minutes(.init(fromMinute: 660, toMinute: 780)), milliPaisePerKWh: 300_000),
            ], typed: ["day": word])
        var refused = confirm
        refused.refusal = Refusal(.invalid, word, hint: word, at: "day")
        var answer = PackAnswer(.init(history: .init(consumer: "SRY-1", nma: word)), about: nil)
        (answer.penaltyPaise, answer.fromDay, answer.toDay) = (45_000, day.number, day.number)
        answer.ending = [.init(packID: word, lastDay: day.number)]
        confirm.answer = answer
        let list = SubscriptionsView(
            filter: .init(state: .draft, packID: word, placeID: 31), items: all, counts: [.draft: 1, .active: 2],
            nextBefore: 7, isFirstPage: false, packs: [word], places: [(31, word)],
            aside: [PackHolder(accountID: 7, asideWhy: word, asideDay: day)], failed: [], mayDecide: true)
        let none = SubscriptionsView(
            filter: .init(), items: [], counts: [:], nextBefore: nil, isFirstPage: true, packs: [], places: [],
            aside: [], failed: [], mayDecide: false)
        return [
            Sample(name: "packs-home", look: .portal, place: .home, page: rich),
            Sample(name: "packs-none", look: .portal, place: .home, page: bare),
            Sample(name: "packs-account", look: .console, place: .accounts, page: rich),
            Sample(name: "packs-confirm", look: .portal, place: .home, page: confirm),
            Sample(name: "packs-refused", look: .console, place: .accounts, page: refused),
            Sample(name: "subscriptions", look: .console, place: .subscriptions, page: list),
            Sample(name: "subscriptions-none", look: .console, place: .subscriptions, page: none),
        ]
    }
}
