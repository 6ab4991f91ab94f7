// MeterPage: the words and rows of a meter's page; the load chart stands in LoadPicture.
import CivilTime
import IntervalData
import MeterData
import Quantities

extension MeterView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("meter.title", ["serial": "\(serial)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("metersHref", Paths.meters)
        row.set("historyHref", Paths.meter(id) + "/history")
        row.set("serial", serial)
        row.set("lede", lede(w))
        row.set("sub", sub(w))
        row.set("mayOperate", mayOperate)
        row.set("readAction", Paths.meterRead(id))
        row.set("disconnectHref", Paths.meterDisconnect(id))
        row.set("reconnectHref", Paths.meterReconnect(id))
        row.set("wishesHref", Paths.wishes(id))
        row.set("key", idempotencyKey)
        row.set("figures", figureRows(w))
        let last = days.last?.day ?? w.day(ofMs: w.nowMs)
        row.set(
            "spans",
            [1, 3].map { count in
                let href = Paths.meter(id, day: last, days: count)
                var tab = Fields(["href": "\(href)", "name": w.count("meter.days", count)])
                tab.set("current", days.count == count)
                return tab
            })
        let href = { (step: Int) in Paths.meter(id, day: last.advanced(by: step), days: max(1, days.count)) }
        row.set("previousHref", hasPreviousDay ? href(-1) : nil)
        row.set("previous", w.shortDay(last.advanced(by: -1)))
        row.set("nextHref", hasNextDay ? href(1) : nil)
        row.set("next", w.shortDay(last.advanced(by: 1)))
        row.set("chart", hasLoad ? LoadPicture(self, w).svg : nil)
        row.set("noLoad", w.say("meter.noLoad", ["day": w.longDay(last)]))
        row.set("bandKeys", bandKeys(w))
        // A day that lasts is not edited.
        row.set("editHref", Paths.edit(id, min(last, w.day(ofMs: w.nowMs).advanced(by: -1))))
        row.set("notActual", notActual.map { notActualRow($0, w) })
        row.set("hasNotActual", !notActual.isEmpty)
        row.set("notActualCount", w.count("meter.notActual", notActual.count))
        row.set("intervals", intervals.map { intervalRow($0, w) })
        row.set("hasIntervals", !intervals.isEmpty)
        row.set("intervalsCount", w.count("meter.intervals", intervals.count))
        row.set("relay", relayRow(w))
        row.set("commands", commands.map { commandRow($0, w) })
        row.set("hasCommands", !commands.isEmpty)
        row.set("versions", versions.map { versionRow($0, w) })
        row.set("hasVersions", !versions.isEmpty)
        row.set("events", events.map { eventRow($0, w) })
        row.set("hasEvents", !events.isEmpty)
        row.set("outages", outages.prefix(20).map { outageRow($0, w) })
        row.set("hasOutages", !outages.isEmpty)
        row.set("keys", keys.map { [$0.values(meter: id, w)] } ?? [])
        return row
    }

    private func outageRow(_ outage: MeterOutage, _ w: Wording) -> Fields {
        let from = w.timeTag(outage.startMs, w.moment(outage.startMs))
        return Fields([
            "from": outage.outageID.map { w.link(Paths.outage($0), from) } ?? from,
            "to": outage.endMs.map { w.timeTag($0, w.moment($0)) } ?? w.say("outage.lasts"),
            "lasted": w.duration(max(0, (outage.endMs ?? w.nowMs) - outage.startMs)),
            "confidence": outage.confidence.chip(w), "evidence": evidence(outage, w),
        ])
    }

    var hasLoad: Bool { days.contains { !$0.valuesWh.isEmpty } }

    private func lede(_ w: Wording) -> Markup {
        let name: Markup = "<strong class=\"n nb\">\(serial)</strong>"
        let state =
            switch status {
            case .answering: w.say("meter.lede.answering", ["serial": name])
            case .silent(let sinceMs): w.say("meter.lede.silent", ["serial": name, "since": w.moment(sinceMs)])
            case .disconnected: w.say("meter.lede.disconnected", ["serial": name])
            case .neverRead: w.say("meter.lede.neverRead", ["serial": name])
            }
        return needsLook > 0 ? w.count("meter.lede.look", needsLook, ["state": state]) : state
    }

    private func sub(_ w: Wording) -> Markup {
        let read = lastReadMs.map { w.say("meter.lastRead", ["when": w.aged($0)]) } ?? w.say("meter.notReadYet")
        guard let account else { return w.say("meter.subNoAccount", ["description": "\(description)", "read": read]) }
        let link = w.link(Paths.account(account.id), "\(account.name), \(account.code)")
        return w.say("meter.sub", ["account": link, "description": "\(description)", "read": read])
    }

    private func figureRows(_ w: Wording) -> [Fields] {
        var rows: [Fields] = []
        func add(_ name: Markup, _ figure: Markup, _ note: Markup) {
            rows.append(Fields(["name": name, "figure": figure, "note": note]))
        }
        if let day = days.last, let last = day.valuesWh.indices.last(where: { day.qualities[$0] != .missing }) {
            let powerW = Int64(day.valuesWh[last]) * 3600 / Int64(max(1, periodS))
            let note =
                figures.sanctionedW.map { w.say("meter.figure.ofSanctioned", ["kw": w.kilowatts($0)]) }
                ?? w.say("meter.figure.meanOfSlot")
            add(w.say("meter.figure.power"), w.kilowatts(powerW), note)
        }
        if let wh = figures.registerWh {
            let note = figures.registerAtMs.map { w.say("meter.figure.kwhAt", ["time": w.moment($0)]) } ?? ""
            add(w.say("meter.figure.register"), "\(kilowattHours(wh: wh, places: 3))", note)
        }
        if figures.slotsExpected > 0 {
            let ppm = Int(Int64(figures.slotsKnown) * 1_000_000 / Int64(figures.slotsExpected))
            let note = w.say(
                "meter.figure.slots",
                [
                    "known": "\(w.number(figures.slotsKnown))", "expected": "\(w.number(figures.slotsExpected))",
                ])
            add(w.say("meter.figure.complete"), "\(w.share(ppm))", note)
        }
        if let paise = figures.balancePaise {
            add(
                w.say("account.balance"), "\(w.money(paise))",
                figures.balanceAsOfMs.map { w.asOf($0, promiseMs: dailyPromiseMs) } ?? "")
        }
        if let drift = figures.clockDriftS {
            let text = (drift > 0 ? "+" : "") + fixedPoint(Int64(drift), places: 0)
            add(w.say("meter.figure.clock"), w.say("duration.s", ["s": "\(text)"]), w.say("meter.figure.clockNote"))
        }
        return rows
    }

    private func bandKeys(_ w: Wording) -> [Fields] {
        var seen: Set<String> = []
        return bands.filter { seen.insert($0.name).inserted }.map { band in
            Fields(["cls": "bd\(min(max(band.level, 1), 3))", "name": w.band(band.name)])
        }
    }

    private func notActualRow(_ run: NotActual, _ w: Wording) -> Fields {
        let sameDay = w.day(ofMs: run.fromMs) == w.day(ofMs: run.toMs)
        return Fields([
            "from": w.moment(run.fromMs), "to": sameDay ? "\(w.time(run.toMs))" : w.moment(run.toMs),
            "quality": qualityChip(run.quality, w), "wh": run.energyWh.map { "\(w.number($0))" } ?? "",
            "note": w.say("meter.noteVersion", ["note": "\(run.note)", "n": "\(run.version)"]),
        ])
    }

    private func intervalRow(_ interval: Interval, _ w: Wording) -> Fields {
        let href = Paths.rawRead(id, interval.batchID, day: interval.day, endS: interval.toMs / 1000)
        return Fields([
            "from": w.moment(interval.fromMs), "to": "\(w.time(interval.toMs))",
            "wh": "\(w.number(interval.energyWh))",
            "frame": w.link(href, w.say("meter.frame", ["time": "\(w.time(interval.toMs))"])),
        ])
    }

    private func relayRow(_ w: Wording) -> Fields {
        let agrees = relay.actual != .unknown && relay.actual == relay.desired
        let chip =
            agrees
            ? w.chip(.ok, w.say("relay.agrees"))
            : relay.actual == .unknown ? w.chip(.idle, w.say("relay.unknown")) : w.chip(.warn, w.say("relay.differs"))
        let since = relay.desiredSinceMs.map { w.say("relay.since", ["time": w.moment($0)]) } ?? ""
        return Fields([
            "chip": chip, "desired": relay.desired.words(w),
            "why": [relay.desiredReason.words(w), since].filter { !$0.isEmpty }.joined("; "),
            "commanded": relay.commanded?.kind.words(w) ?? w.say("relay.noCommand"),
            "commandedNote": relay.commanded.map { command in
                w.say("relay.sent", ["time": w.moment(command.sentMs), "state": command.state.chip(w)])
            } ?? "",
            "actual": relay.actual.words(w),
            "actualNote": relay.actualReadMs.map { w.say("relay.read", ["when": w.aged($0)]) }
                ?? w.say("relay.notRead"),
        ])
    }

    private func commandRow(_ command: Command, _ w: Wording) -> Fields {
        let by =
            switch command.by {
            case .schedule: w.say("command.by.schedule")
            case .supplyRules: w.say("command.by.supplyRules")
            case .person(let name): Markup(text: name)
            }
        return Fields([
            "sent": w.timeTag(command.sentMs, w.moment(command.sentMs)), "kind": command.kind.words(w),
            "state": command.state.chip(w), "answer": command.answerMs.map(w.duration) ?? "", "by": by,
        ])
    }

    private func versionRow(_ version: Version, _ w: Wording) -> Fields {
        let why =
            switch version.why {
            case .read: w.say("version.read")
            case .lateRead: w.say("version.lateRead")
            case .estimated: w.say("version.estimated")
            case .edited(let person): w.say("version.edited", ["person": "\(person)"])
            case .imported: w.say("version.imported")
            case .other(let words): Markup(text: words)
            }
        var row = Fields([
            "day": w.shortDay(version.day), "version": "\(version.version)", "actual": "\(w.number(version.actual))",
            "estimated": "\(w.number(version.estimated))", "edited": "\(w.number(version.edited))",
            "missing": "\(w.number(version.missing))", "made": w.timeTag(version.madeMs, w.moment(version.madeMs)),
            "why": why,
        ])
        row.set("chip", version.isCurrent ? w.chip(.ok, w.say("version.current")) : nil)
        return row
    }

    private func eventRow(_ event: Event, _ w: Wording) -> Fields {
        let words: Markup =
            switch event.tone {
            case .neutral, .good: w.event(event.code)
            case .warn: w.chip(.warn, w.event(event.code))
            case .bad: w.chip(.bad, w.event(event.code))
            }
        return Fields(["time": w.timeTag(event.atMs, w.moment(event.atMs)), "words": words])
    }
}

/// The quality of a value as a chip: shape, word and colour.
func qualityChip(_ quality: Quality, _ w: Wording) -> Markup {
    switch quality {
    case .actual: w.chip(.ok, w.say("quality.actual"))
    case .estimated: w.chip(.est, w.say("quality.estimated"))
    case .edited: w.chip(.warn, w.say("quality.edited"))
    case .missing: w.chip(.idle, w.say("quality.missing"))
    }
}

extension RelayState {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .connected: w.say("relay.closed")
        case .disconnected: w.say("relay.open")
        case .unknown: w.say("relay.notKnown")
        }
    }
}

extension MeterView.Command.Kind {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .readLoad: w.say("command.readLoad")
        case .readEvents: w.say("command.readEvents")
        case .readRelay: w.say("command.readRelay")
        case .setClock: w.say("command.setClock")
        case .disconnect: w.say("command.disconnect")
        case .reconnect: w.say("command.reconnect")
        case .other(let name): w.matter(name)
        }
    }
}

extension MeterView.Command.State {
    func chip(_ w: Wording) -> Markup {
        switch self {
        case .waiting: w.chip(.idle, w.say("command.waiting"))
        case .sent: w.chip(.info, w.say("command.sent"))
        case .answered: w.chip(.ok, w.say("command.answered"))
        case .confirmed: w.chip(.ok, w.say("command.confirmed"))
        case .noAnswer: w.chip(.bad, w.say("command.noAnswer"))
        case .superseded: w.chip(.idle, w.say("command.superseded"))
        case .failed(let reason): w.chip(.bad, w.say("command.failed", ["reason": "\(reason)"]))
        case .failedButDone: w.chip(.warn, w.say("command.failedButDone"))
        }
    }
}

extension SupplyReason {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .none: w.say("reason.none")
        case .balanceBelow(let paise): w.say("reason.balanceBelow", ["money": "\(w.roundMoney(paise))"])
        case .noCutHours(let from, let to):
            w.say("reason.noCutHours", ["from": "\(w.minute(from))", "to": "\(w.minute(to))"])
        case .holiday(let name): w.say("reason.holiday", ["name": "\(name)"])
        case .grace(let untilMs): w.say("reason.grace", ["time": w.moment(untilMs)])
        case .notWarnedYet: w.say("reason.notWarnedYet")
        case .converting: w.say("reason.converting")
        case .estimatedBalance: w.say("reason.estimatedBalance")
        case .byHand(let person, let reason):
            w.say("reason.byHand", ["person": "\(person)", "reason": "\(reason)"])
        case .hold(let reason): w.say("reason.hold", ["reason": "\(reason)"])
        case .recharged: w.say("reason.recharged")
        case .other(let words): "\(words)"
        }
    }
}
