// CalendarDrawing: a version of a calendar drawn: bands over the day, kinds of day and seasons, holidays in words, and
// the same as a table. Shows; knows no price but what it is told.
import Charts
import CivilTime
import Quantities
import Tariffs

struct CalendarDrawing {
    let name: String
    let w: Wording
    /// By band: where it stands among the others, and what to say of it.
    var prices: [String: (order: Int64, words: String)] = [:]

    /// - Parameter rows: none where a calendar gives holidays or seasons alone.
    func fields(
        _ bands: [String], _ rows: [DatedCalendar.Row], seasons: [Season], holidays: Set<CivilDay>, head: Markup? = nil
    ) -> Fields {
        var fields = Fields()
        fields.set("name", name)
        fields.set("head", head)
        if !rows.isEmpty {
            fields.set(
                "chart",
                Markup(
                    trusted: BandStrip(
                        rows: rows.map(strip), alt: w.say("sheet.bandsAlt", ["name": "\(name)"]).plain
                    ).svg()))
        }
        fields.set(
            "keys",
            bands.map { band in
                Fields(["cls": "bd\(depth(band))", "name": w.band(band), "price": "\(prices[band]?.words ?? "")"])
            })
        // The picture again, as a table.
        fields.set("rows", rows.map(tableRow))
        var more = seasons.map {
            w.say("sheet.season", ["name": "\($0.name)", "from": yearDay($0.from), "to": yearDay($0.to)])
        }
        if !holidays.isEmpty {
            let days = holidays.sorted().map { w.fullDay($0) }.joined(", ")
            more.append(w.count("sheet.holidays", holidays.count, ["days": days]))
        }
        fields.set("more", more.joined(" · "))
        return fields
    }

    private func depth(_ band: String) -> Int {
        let ranks = Set(prices.values.map(\.order)).sorted()
        guard let place = prices[band].flatMap({ ranks.firstIndex(of: $0.order) }), ranks.count > 1 else { return 2 }
        return place == 0 ? 1 : place == ranks.count - 1 ? 3 : 2
    }

    private func strip(_ row: DatedCalendar.Row) -> BandStrip.Row {
        BandStrip.Row(
            label: rowWords(row).plain,
            bands: row.calendar.bands.flatMap { band in
                band.ranges.map { range in
                    BandStrip.Band(
                        fromMinute: range.fromMinute, toMinute: range.toMinute, depth: depth(band.name),
                        name: w.band(band.name).plain,
                        title: "\(w.band(band.name).plain), \(time(range))"
                            + (prices[band.name].map { ": \($0.words)" } ?? ""))
                }
            }.sorted { $0.fromMinute < $1.fromMinute })
    }

    private func tableRow(_ row: DatedCalendar.Row) -> Fields {
        Fields([
            "day": rowWords(row),
            "bands": row.calendar.bands.map { band -> Markup in
                let times = band.ranges.map(time).joined(separator: ", ")
                return "\(w.band(band.name)) <span class=\"n nb\">\(times)</span>"
            }.joined("; "),
        ])
    }

    private func rowWords(_ row: DatedCalendar.Row) -> Markup {
        let names = w.messages.list("weekdays.long") + [w.say("sheet.holiday").plain]
        let days = row.days.sorted().compactMap { names.indices.contains($0 - 1) ? names[$0 - 1] : nil }
        let kinds: Markup =
            row.days.isSuperset(of: 1...7)
            ? w.say("sheet.everyDay")
            : row.days.isSuperset(of: 1...5) && row.days.count > 3
                ? (["\(names[0])–\(names[4])" as Markup]
                    + row.days.filter { $0 > 5 }.sorted().map { "\(names[$0 - 1])" })
                    .joined(", ") : "\(days.joined(separator: ", "))"
        return row.season.map { "\($0) · \(kinds)" } ?? kinds
    }

    private func time(_ range: MinuteRange) -> String {
        "\(clockTime(range.fromMinute))–\(clockTime(range.toMinute))"
    }

    private func yearDay(_ day: Int) -> Markup {
        let names = w.messages.list("months.short")
        let month = day / 100 - 1
        return "\(day % 100) \(names.indices.contains(month) ? names[month] : "\(day / 100)")"
    }
}
