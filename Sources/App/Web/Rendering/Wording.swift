// Wording: dates, times, ages, money and energy in the words of a language; own tables, no formatter, no clock.
import CivilTime
import IS15959
import Quantities

/// Balances follow the night's reading: they are old when a day and some hours have passed.
let dailyPromiseMs: Int64 = 30 * 3_600_000

/// How numbers and moments are said on one page: its language, zone and the business time it was made at.
struct Wording: Sendable {
    let messages: Messages
    let zone: Zone
    let nowMs: Int64

    func say(_ key: String, _ values: KeyValuePairs<String, Markup> = [:]) -> Markup { messages.say(key, values) }
    func count(_ key: String, _ n: Int, _ more: KeyValuePairs<String, Markup> = [:]) -> Markup {
        messages.count(key, n, number(n), more)
    }

    /// A band of a tariff; the pack's own name where it is none of the usual ones.
    func band(_ name: String) -> Markup {
        switch name.lowercased() {
        case "solar": say("band.solar")
        case "peak": say("band.peak")
        case "normal": say("band.normal")
        case "off-peak", "offpeak", "off peak": say("band.offPeak")
        case "night": say("band.night")
        default: "\(name)"
        }
    }

    /// What a meter's event says; in the words of the standard's list where there is no translation.
    func event(_ code: Int) -> Markup {
        if messages.texts["meterEvent.\(code)"] != nil { return say("meterEvent.\(code)") }
        if let begun = EventIDs.occurrence(of: code), messages.texts["meterEvent.\(begun)"] != nil {
            return say("meterEvent.over", ["what": say("meterEvent.\(begun)")])
        }
        return "\(EventIDs.words(code))"
    }

    // MARK: numbers

    func number(_ n: some BinaryInteger) -> String { fixedPoint(Int64(clamping: n), places: 0) }
    /// `₹118.60`
    func money(_ paise: Int64, signed: Bool = false) -> String { rupees(paise: paise, signed: signed) }
    /// `₹500`, without decimals when there are none to show.
    func roundMoney(_ paise: Int64) -> String {
        let text = rupees(paise: paise)
        return paise % 100 == 0 ? String(text.dropLast(3)) : text
    }
    /// Whole rupees, rounded, for bars: `₹39`.
    func wholeRupees(_ paise: Int64) -> String { roundMoney(roundedHalfAway(Int128(paise), dividedBy: 100) * 100) }
    func units(_ wh: Int64) -> String { kilowattHours(wh: wh) }
    /// `99.15%` from parts per million.
    func share(_ ppm: Int) -> String {
        fixedPoint(roundedHalfAway(Int128(ppm), dividedBy: 100), places: 2) + "%"
    }
    /// `0.17 kW`
    func kilowatts(_ powerW: Int64) -> Markup {
        say("unit.kw", ["n": Markup(text: fixedPoint(roundedHalfAway(Int128(powerW), dividedBy: 10), places: 2))])
    }
    /// `₹5.50` for a price of milli-paise per kWh.
    func price(_ milliPaisePerKWh: Int64) -> String {
        "₹" + fixedPoint(roundedHalfAway(Int128(milliPaisePerKWh), dividedBy: 1000), places: 2)
    }
    /// Paise with two decimals from micro-paise.
    func paise(micro: Int128) -> String { fixedPoint(roundedHalfAway(micro, dividedBy: 10_000), places: 2) }

    // MARK: days and times

    func day(ofMs ms: Int64) -> CivilDay { zone.day(atS: floorSeconds(ms)) }
    private func floorSeconds(_ ms: Int64) -> Int64 { ms >= 0 ? ms / 1000 : (ms - 999) / 1000 }
    private func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    private func weekday(_ day: CivilDay, _ key: String) -> Markup {
        let names = messages.list(key)
        return names.count == 7 ? Markup(text: names[day.weekday - 1]) : "⟦\(key)⟧"
    }
    private func month(_ day: CivilDay, _ key: String) -> Markup {
        let names = messages.list(key)
        return names.count == 12 ? Markup(text: names[day.parts.month - 1]) : "⟦\(key)⟧"
    }

    /// `Tuesday 24 November`
    func longDay(_ day: CivilDay) -> Markup {
        say(
            "date.long",
            [
                "weekday": weekday(day, "weekdays.long"), "day": "\(day.parts.day)", "month": month(day, "months.long"),
            ])
    }
    /// `Fri 20`
    func shortDay(_ day: CivilDay) -> Markup {
        say("date.short", ["weekday": weekday(day, "weekdays.short"), "day": "\(day.parts.day)"])
    }
    /// `Fri 20 Nov 2026`
    func fullDay(_ day: CivilDay) -> Markup {
        say(
            "date.full",
            [
                "weekday": weekday(day, "weekdays.short"), "day": "\(day.parts.day)",
                "month": month(day, "months.short"),
                "year": "\(day.parts.year)",
            ])
    }
    /// `20 Nov`
    func dayMonth(_ day: CivilDay) -> Markup {
        say("date.dayMonth", ["day": "\(day.parts.day)", "month": month(day, "months.short")])
    }
    func monthName(_ day: CivilDay) -> Markup { month(day, "months.long") }
    func weekdayName(_ day: CivilDay) -> Markup { weekday(day, "weekdays.short") }

    /// `14:05`
    func time(_ ms: Int64) -> String {
        let second = zone.civil(atS: floorSeconds(ms)).secondOfDay
        return "\(two(second / 3600)):\(two(second / 60 % 60))"
    }
    /// `14:05:20`
    func timeWithSeconds(_ ms: Int64) -> String {
        time(ms) + ":" + two(zone.civil(atS: floorSeconds(ms)).secondOfDay % 60)
    }
    /// `17:30` for a minute of the day; the end of a day is 24:00.
    func minute(_ minute: Int) -> String { "\(two(minute / 60)):\(two(minute % 60))" }
    /// `Sat 21, 14:02`; with the month and year when it is not of the last four weeks.
    func moment(_ ms: Int64) -> Markup {
        let day = day(ofMs: ms)
        let isNear = abs(day.days(to: self.day(ofMs: nowMs))) < 28
        return say("date.at", ["day": isNear ? shortDay(day) : fullDay(day), "time": "\(time(ms))"])
    }
    /// A moment as an element that carries the exact time.
    func timeTag(_ ms: Int64, _ words: Markup) -> Markup { "<time datetime=\"\(iso(ms))\">\(words)</time>" }

    /// `2026-11-21T14:05:00+05:30`
    func iso(_ ms: Int64) -> String {
        let offset = Int(zone.offsetS(atS: floorSeconds(ms)))
        let sign = offset < 0 ? "-" : "+"
        return "\(day(ofMs: ms))T\(timeWithSeconds(ms))\(sign)\(two(abs(offset) / 3600)):\(two(abs(offset) / 60 % 60))"
    }

    /// `about 1 pm`, rounded to the hour, with the day in full: for consumers.
    func aboutHour(_ ms: Int64) -> (day: Markup, hour: Markup) {
        let rounded = ms + 1_800_000
        let names = messages.list("hours")
        let hour = zone.civil(atS: floorSeconds(rounded)).secondOfDay / 3600
        let name: Markup = names.count == 24 ? Markup(text: names[hour]) : "⟦hours⟧"
        return (longDay(day(ofMs: rounded)), say("date.about", ["hour": name]))
    }

    /// `2 h 10 min`, `4 d 3 h`, `12 s`, `0.8 s`
    func duration(_ ms: Int64) -> Markup {
        let ms = max(0, ms)
        let s = ms / 1000
        if ms < 10_000 {
            let tenths = roundedHalfAway(Int128(ms), dividedBy: 100)
            return say("duration.s", ["s": "\(fixedPoint(tenths, places: 1))"])
        }
        if s < 120 { return say("duration.s", ["s": "\(s)"]) }
        if s < 3600 { return say("duration.min", ["min": "\(s / 60)"]) }
        if s < 86_400, s % 3600 < 60 { return say("duration.h", ["h": "\(s / 3600)"]) }
        if s < 86_400 { return say("duration.hmin", ["h": "\(s / 3600)", "min": "\(s / 60 % 60)"]) }
        return say("duration.dh", ["d": "\(number(s / 86_400))", "h": "\(s / 3600 % 24)"])
    }
    func ago(_ ms: Int64) -> Markup { nowMs - ms < 1000 ? say("age.now") : say("age.ago", ["t": duration(nowMs - ms)]) }

    /// `Sat 21, 14:00, 5 min ago`, after words that say what was done then.
    func aged(_ ms: Int64) -> Markup { say("age.at", ["time": timeTag(ms, moment(ms)), "ago": ago(ms)]) }

    /// `as of 14:00, 5 min ago`; past its promise a warning chip says the age.
    func asOf(_ ms: Int64, promiseMs: Int64 = 7_200_000) -> Markup {
        let words = say("age.asOf", ["time": timeTag(ms, moment(ms)), "ago": ago(ms)])
        return nowMs - ms > promiseMs ? chip(.warn, words) : words
    }

    // MARK: small parts

    enum Tone: String { case ok, warn, bad, info, est, idle }

    /// A state: shape, word and colour.
    func chip(_ tone: Tone, _ words: Markup) -> Markup { "<span class=\"chip \(tone.rawValue)\">\(words)</span>" }
    func link(_ href: String, _ words: Markup, cls: String = "") -> Markup {
        cls.isEmpty ? "<a href=\"\(href)\">\(words)</a>" : "<a class=\"\(cls)\" href=\"\(href)\">\(words)</a>"
    }
}
