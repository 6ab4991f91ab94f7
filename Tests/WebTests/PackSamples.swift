// PackSamples: the packs of an account, the step before something is asked of them, and the company's list.
import Access
import CivilTime

@testable import Packs
@testable import Subscriptions
@testable import Tariffs
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

    private static func calendar(_ name: String, _ word: String, version: Int) -> SharedCalendar {
        var calendar = SharedCalendar(name: name, version: version, label: word, validFrom: day.advanced(by: -90))
        calendar.holidays = version == 1 ? [day] : nil
        calendar.seasons = [Season(name: word, from: 101, to: 1231)]
        let (peak, rest) = (MinuteRange(fromMinute: 1080, toMinute: 1320), MinuteRange(fromMinute: 0, toMinute: 1080))
        calendar.rows = [
            DatedCalendar.Row(
                season: word, days: Set(1...8),
                calendar: TOUCalendar(bands: [
                    TOUBand(name: word, ranges: [peak]),
                    TOUBand(name: "rest", ranges: [rest, MinuteRange(fromMinute: 1320, toMinute: 1440)]),
                ]))
        ]
        return calendar
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
        let calendars = ["tod", "later"].enumerated().map { index, name in
            StoredCalendar(
                calendar: calendar(name, word, version: index + 1), text: word, storedBy: 1, storedAtMs: nowMs,
                toDay: index == 0 ? day.advanced(by: -2_000) : nil)
        }
        let rows = CalendarsView(calendars: calendars, users: ["later": [word]])
        return [
            Sample(name: "calendars", look: .console, place: .packs, page: rows),
            Sample(
                name: "calendars-none", look: .console, place: .packs, page: CalendarsView(calendars: [], users: [:])),
            Sample(
                name: "calendar", look: .console, place: .packs,
                page: CalendarPageView(versions: calendars, users: [word])),
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
