// WalletSamples: months, old debts, the checkout and money by month for the tests of rendering.
import CivilTime
import Web

import struct Access.Refusal

extension Samples {
    static func wallet(_ word: String) -> [Sample] {
        var broken = month(word)
        broken.closingPaise += 1
        var refused = arrears(word, manages: true)
        refused.refused = (.put, Refusal(.invalid, word, at: "since"))
        refused.typed = ["put-amount": word, "put-reason": word]
        var looking = arrears(word, manages: true)
        looking.look = .init(act: .writeOff, arrearsPaise: (64_000, 14_000), balancePaise: (1_500, 1_500))
        looking.typed = ["off-amount": word, "off-reason": word]
        var converting = arrears(word, manages: true)
        converting.look = .init(act: .convert, arrearsPaise: (0, 60_000), balancePaise: (0, 0))
        converting.typed = ["convert-amount": word, "side": "credit", "set-off": "1"]
        var paused = arrears(word, manages: true)
        paused.plan?.state = .paused
        var owing = account(word)
        (owing.arrearsPaise, owing.instalmentPaise, owing.isConverting) = (64_000, 2_000, true)
        (owing.restsOnForecast, owing.month) = (true, day.month)
        (owing.expectedPaise, owing.emergency) = (50_000, .init(paise: 20_000, days: 3, idempotencyKey: "k-5"))
        var far = account(word)
        (far.lastsUntil, far.forecast) = (.beyond, nil)
        var old = account(word)
        (old.lastsUntil, old.forecast) = (.tooOld(lastMs: nowMs - 900_000_000), nil)
        return [
            Sample(name: "month", look: .portal, place: .statement, page: month(word)),
            Sample(name: "month-broken", look: .console, place: .accounts, page: broken),
            Sample(
                name: "month-empty", look: .portal, place: .statement,
                page: MonthView(
                    account: 7, code: "SRY-1", name: word, month: day.month, openingPaise: 0, lines: [],
                    closingPaise: 0, untilMs: nowMs, hasPrevious: false, hasNext: false)),
            Sample(name: "arrears", look: .portal, place: .home, page: arrears(word, manages: false)),
            Sample(name: "arrears-desk", look: .console, place: .accounts, page: refused),
            Sample(name: "arrears-look", look: .console, place: .accounts, page: looking),
            Sample(name: "arrears-converting", look: .console, place: .accounts, page: converting),
            Sample(name: "arrears-paused", look: .console, place: .accounts, page: paused),
            Sample(
                name: "arrears-none", look: .portal, place: .home,
                page: ArrearsPage(
                    account: 7, code: "SRY-1", name: word, outstandingPaise: 0, debts: [], plan: nil,
                    capPaise: 5_000, isConverting: false, manages: false, writesOff: false, idempotencyKey: "k-8")),
            Sample(name: "home-owing", look: .portal, place: .home, page: owing),
            Sample(name: "account-owing", look: .console, place: .accounts, page: owing),
            Sample(name: "home-beyond", look: .portal, place: .home, page: far),
            Sample(name: "account-too-old", look: .console, place: .accounts, page: old),
            Sample(
                name: "money", look: .console, place: .reports,
                page: MoneyView(
                    aheadPaise: 123_456_789, owedPaise: 40_000, arrearsPaise: 64_000,
                    months: [
                        .init(
                            month: day.month.previous, takenPaise: 0, revenuePaise: 0, dutyPaise: 0, energyWh: 0,
                            realisedMilliPaisePerKWh: nil, costMilliPaisePerKWh: nil, peakW: nil,
                            peakToAveragePpm: nil),
                        .init(
                            month: day.month, takenPaise: 5_000_000, revenuePaise: 4_100_000, dutyPaise: 205_000,
                            energyWh: 7_400_000, realisedMilliPaisePerKWh: 554_054, costMilliPaisePerKWh: 510_000,
                            peakW: 31_000, peakToAveragePpm: 3_009_708),
                    ], waiting: [.init(account: 7, code: word, day: day, why: word)])),
        ]
            + [CheckoutView.State.created, .attempted, .paid, .failed, .expired].map { state in
                Sample(
                    name: "checkout-\(state.rawValue)", look: .portal, place: .home,
                    page: CheckoutView(
                        account: 7, code: word, order: 8_001, amountPaise: 20_000, state: state,
                        idempotencyKey: "k-9"))
            }
    }

    static func month(_ word: String) -> MonthView {
        let d = { (back: Int) in day.advanced(by: -back) }
        let rows: [(MonthView.Line.What, Int64, Int64)] = [
            (.opening, at(d(20), 9, 0), 10_000), (.day(d(19)), at(d(18), 0, 31), -3_832),
            (.recharge(channel: "UPI", reference: word), at(d(5), 12, 6), 35_000),
            (.correction(d(19)), at(d(5), 12, 10), 186), (.instalment(d(5)), at(d(4), 1, 0), -2_000),
            (.settlement, at(d(4), 9, 0), -1_000), (.conversion, at(d(4), 9, 30), 700),
            (.adjustment(reason: word), at(d(3), 9, 0), -500), (.day(d(2)), at(d(1), 0, 31), -3_930),
        ]
        var balance: Int64 = 1_500
        let lines = rows.enumerated().map { index, row in
            balance += row.2
            return MonthView.Line(
                what: row.0, postedMs: row.1, isEstimated: index == 1, amountPaise: row.2, balancePaise: balance,
                entry: "J-\(index)", ledgerPlace: "\(index)-2")
        }
        return MonthView(
            account: 7, code: "SRY-2041-0093", name: word, month: day.month, openingPaise: 1_500, lines: lines,
            closingPaise: balance, untilMs: nowMs, hasPrevious: true, hasNext: false)
    }

    static func arrears(_ word: String, manages: Bool) -> ArrearsPage {
        ArrearsPage(
            account: 7, code: "SRY-2041-0093", name: word, outstandingPaise: 64_000,
            debts: [
                .init(
                    entry: "J-1", amountPaise: 50_000, remainingPaise: 14_000, since: day.advanced(by: -700),
                    claimUntil: nil, disconnectUntil: nil, reason: word),
                .init(
                    entry: "J-2", amountPaise: 50_000, remainingPaise: 50_000, since: day.advanced(by: -400),
                    claimUntil: day.advanced(by: 330), disconnectUntil: day.advanced(by: 30), reason: "bills"),
            ],
            plan: .init(
                dailyPaise: 2_000, nextDay: day, state: .active, problem: manages ? word : nil), capPaise: 5_000,
            isConverting: manages, manages: manages, writesOff: manages, idempotencyKey: "k-7")
    }
}
