// AccountSamples: accounts, statements and explained days for the tests of rendering. Sums foot by construction.
import CivilTime
import IntervalData
import Web

extension Samples {
    static func portal(_ word: String) -> [Sample] {
        var failed = account(word)
        failed.recharge?.problem = .amountOutOfRange(minPaise: 1_000, maxPaise: 1_000_000)
        failed.recharge?.typedAmount = word
        var broken = chargedDay(word)
        broken.totalPaise += 1
        broken.proof = .differs
        return [
            Sample(name: "home", look: .portal, place: .home, page: account(word)),
            Sample(name: "home-new", look: .portal, place: .home, page: emptyAccount(word)),
            Sample(name: "home-off", look: .portal, place: .home, page: offAccount(word)),
            Sample(name: "home-error", look: .portal, place: .home, page: failed),
            Sample(name: "statement", look: .portal, place: .statement, page: statement(word)),
            Sample(
                name: "statement-empty", look: .portal, place: .statement,
                page: StatementView(
                    account: 7, code: "SRY-1", name: word, balancePaise: 0, balanceAsOfMs: nowMs, lines: [],
                    olderBefore: nil, isFirstPage: true)),
            Sample(name: "day", look: .portal, place: .statement, page: chargedDay(word)),
            Sample(name: "day-broken", look: .portal, place: .statement, page: broken),
            Sample(name: "day-empty", look: .portal, place: .statement, page: emptyDay(word)),
        ]
    }

    static func statementLines(_ word: String) -> [StatementLine] {
        let d = { (back: Int) in day.advanced(by: -back) }
        let rows: [(String, Int64, StatementLine.What, [StatementLine.Against], Int64)] = [
            ("J-41A9", at(d(0), 14, 2), .day(d(0), estimatedSlots: 0, slots: 56), [.energy, .fixed, .duty], -1_885),
            ("J-40Q1", at(d(0), 0, 31), .day(d(1), estimatedSlots: 4, slots: 96), [.energy, .addOn, .duty], -3_930),
            ("J-77B2", at(d(2), 11, 12), .repost(d(7), corrects: "J-1180"), [.energy, .duty], -3_646),
            ("J-77B1", at(d(2), 11, 12), .reversal(of: "J-1180", day: d(7)), [.energy, .duty], 3_832),
            ("J-5A17", at(d(5), 12, 6), .recharge(channel: "UPI", reference: "88-1042"), [.bank], 35_000),
            ("J-1180", at(d(6), 0, 30), .day(d(7), estimatedSlots: 24, slots: 96), [.energy, .duty], -3_832),
            ("J-0002", at(d(40), 9, 0), .adjustment(reason: word), [.other(word)], 500),
            ("J-0001", at(d(41), 9, 0), .opening, [.opening], 10_000),
        ]
        var balance: Int64 = rows.reduce(0) { $0 + $1.4 }
        return rows.map { entry, posted, what, against, amount in
            defer { balance -= amount }
            return StatementLine(
                entry: entry, postedMs: posted, what: what, against: against, amountPaise: amount,
                balancePaise: balance, isProvisional: entry == "J-41A9",
                reversedBy: entry == "J-1180" ? "J-77B1" : nil)
        }
    }

    static func statement(_ word: String) -> StatementView {
        let lines = statementLines(word)
        return StatementView(
            account: 7, code: "SRY-2041-0093", name: word, balancePaise: lines[0].balancePaise, balanceAsOfMs: nowMs,
            lines: Array(lines.dropFirst(2)), olderBefore: "J-0001", isFirstPage: false)
    }

    static func forecast(from balance: Int64) -> BalanceForecast {
        let start = at(day, 0, 0)
        let hour: Int64 = 3_600_000
        let past = (0...14).map { (h: Int64) in
            BalanceForecast.Point(atMs: start + h * hour, balancePaise: balance + (14 - h) * 134)
        }
        let fall = { (perHour: Int64) in
            (0...84).map { (h: Int64) in
                BalanceForecast.Point(atMs: start + (14 + h) * hour, balancePaise: max(0, balance - h * perHour))
            }
        }
        return BalanceForecast(
            past: past, median: fall(balance / 71), low: fall(balance / 62), high: fall(balance / 84),
            warningPaise: 5_000,
            heldMs: (0...3 as ClosedRange<Int64>).map { start + ($0 * 24 - 7) * hour..<start + ($0 * 24 + 11) * hour })
    }

    static func account(_ word: String) -> AccountView {
        let lines = statementLines(word)
        let balance = lines[0].balancePaise
        return AccountView(
            id: 7, code: "SRY-2041-0093", name: word, packName: "Domestic TOU 2026-04", sanctionedW: 2_000,
            meters: [(3, "SP 4471 9302")], supply: .on, notCutBeforeMs: at(day.advanced(by: 4), 11, 0),
            balancePaise: balance, balanceAsOfMs: at(day, 14, 0), usualPaisePerDay: 4_012,
            lastsUntil: .until(
                atMs: at(day.advanced(by: 3), 13, 10), fromMs: at(day.advanced(by: 3), 6, 0),
                toMs: at(day.advanced(by: 4), 4, 0)),
            forecast: forecast(from: balance), monthPaise: 75_448, monthWh: 104_000,
            recentDays: (0..<7).map {
                .init(
                    day: day.advanced(by: $0 - 6), energyWh: Int64(4_800 + $0 * 90),
                    paise: $0 == 6 ? 1_885 : Int64(3_500 + $0 * 70), isUnfinished: $0 == 6)
            }, statement: lines, hasOlderLines: true,
            decisions: [
                .init(reason: .holiday(name: word), effect: .holds, fromMs: at(day.advanced(by: 3), 0, 0), toMs: nil),
                .init(reason: .noCutHours(from: 1050, to: 660), effect: .holds, fromMs: nowMs, toMs: nil),
                .init(
                    reason: .balanceBelow(thresholdPaise: 0), effect: .ended, fromMs: at(day.advanced(by: -5), 11, 0),
                    toMs: at(day.advanced(by: -5), 12, 6)),
                .init(reason: .recharged, effect: .restores, fromMs: at(day.advanced(by: -5), 12, 6), toMs: nil),
                .init(reason: .balanceBelow(thresholdPaise: -50_050), effect: .speaksForCut, fromMs: nowMs, toMs: nil),
            ],
            messages: [.delivered, .failed, .sent, .waiting].map {
                .init(
                    atMs: at(day.advanced(by: -5), 12, 7), channel: "SMS", words: "आपकी सप्लाई चालू है। \(word)",
                    language: .hindi, state: $0)
            },
            recharge: .init(
                choices: [
                    .init(paise: 20_000, untilDay: day.advanced(by: 8)),
                    .init(paise: 50_000, untilDay: day.advanced(by: 15)), .init(paise: 100_000, untilDay: nil),
                ], chosenPaise: 50_000, idempotencyKey: "k-4"))
    }

    static func emptyAccount(_ word: String) -> AccountView {
        AccountView(
            id: 8, code: "SRY-1", name: word, packName: "Domestic", sanctionedW: nil, meters: [], supply: .unknown,
            notCutBeforeMs: nil, balancePaise: 0, balanceAsOfMs: nowMs - 80_000_000, usualPaisePerDay: nil,
            lastsUntil: .tooEarly(firstOn: day.advanced(by: 3)), forecast: nil, monthPaise: 0, monthWh: 0,
            recentDays: [], statement: [], hasOlderLines: false, decisions: [], messages: [], recharge: nil)
    }

    static func offAccount(_ word: String) -> AccountView {
        var view = account(word)
        view.supply = .off(sinceMs: nowMs - 3_000_000)
        view.notCutBeforeMs = nil
        view.forecast = nil
        view.lastsUntil = .empty
        view.statement[1].balancePaise += 1
        view.recharge?.problem = .paymentFailed(reference: "P-88-2210")
        return view
    }

    static func chargedDay(_ word: String) -> DayView {
        let friday = day.advanced(by: -1)
        let blocks: [(Range<Int>, Int64, Int64, Quality)] = [
            (0..<540, 1_610, 550_000, .actual), (540..<840, 646, 440_000, .actual),
            (840..<900, 146, 440_000, .estimated),
            (900..<1020, 208, 440_000, .actual), (1020..<1080, 213, 550_000, .edited),
            (1080..<1320, 2_049, 660_000, .actual), (1320..<1440, 388, 610_000, .actual),
        ]
        let lines = blocks.enumerated().map { index, block in
            DayView.Line(
                minutes: block.0, energyWh: block.1, milliPaisePerKWh: block.2,
                microPaise: Int128(block.1) * Int128(block.2), pack: "TOU 2026-04", packVersion: 3, readingVersion: 2,
                quality: block.3, note: index == 5 ? word : nil)
        }
        let parts: [DayView.Component] = [
            .init(kind: .energy(block: "Normal", milliPaisePerKWh: 550_000, level: 2), energyWh: 1_823, paise: 1_003),
            .init(kind: .energy(block: "Solar", milliPaisePerKWh: 440_000, level: 1), energyWh: 1_000, paise: 440),
            .init(kind: .energy(block: "Peak", milliPaisePerKWh: 660_000, level: 3), energyWh: 2_049, paise: 1_352),
            .init(kind: .addOn(name: word), energyWh: 388, paise: -40),
            .init(kind: .other(name: word), energyWh: nil, paise: 237), .init(kind: .fixed, energyWh: nil, paise: 600),
            .init(kind: .duty(ppm: 50_000), energyWh: nil, paise: 187),
        ]
        let total = parts.reduce(0) { $0 + $1.paise }
        return DayView(
            account: 7, code: "SRY-2041-0093", name: word, load: meterDay(friday), day: friday, periodS: 900,
            bands: bands, energyWh: 5_260, totalPaise: total, balanceBeforePaise: 17_675, components: parts,
            lines: lines, inputHash: "9f2c7d01b4e86a53c0de11f09a7782bb4410ffe3d25b6c7788990a1b2c3d4e5f", proof: .agrees,
            revisions: [
                .init(
                    number: 1, postedMs: at(day.advanced(by: -3), 0, 30), totalPaise: total + 186, entry: "J-1180",
                    why: .first, reversedBy: "J-77B1"),
                .init(
                    number: 2, postedMs: at(day.advanced(by: -2), 11, 12), totalPaise: total + 1, entry: "J-77B2",
                    why: .tariffChanged, reversedBy: "J-77B3"),
                .init(
                    number: 3, postedMs: at(day, 0, 31), totalPaise: total, entry: "J-77B4", why: .betterReading,
                    reversedBy: nil),
            ], isProvisional: true, hasPreviousDay: true, hasNextDay: true)
    }

    static func emptyDay(_ word: String) -> DayView {
        DayView(
            account: 7, code: "SRY-1", name: word, load: nil, day: day, periodS: 900, bands: [], energyWh: 0,
            totalPaise: 0, balanceBeforePaise: nil, components: [], lines: [], inputHash: "", proof: .notChecked,
            revisions: [], isProvisional: false, hasPreviousDay: false, hasNextDay: false)
    }
}
