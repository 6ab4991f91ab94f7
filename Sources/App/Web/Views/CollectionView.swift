// CollectionView: who is late and why, by cause and feeder, with the next try; the service clocks; what is not to be
// had; who was asked whether it is alive. Shows, decides nothing.
import API
import Charts
import CivilTime
import HeadEnd

public struct CollectionView: Page {
    public static let template = "collection"
    public var report: CollectionReport
    public var late: LateList
    public var cause: CollectionCause?
    public var placeID: Int64?
    public var polls: [LivenessPoll]
    /// Places to ask about.
    public var places: [(id: Int64, name: String)]
    public var mayAct: Bool
    public var idempotencyKey: String
    public var isFirstPage: Bool
}

extension CollectionCause {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .unreachable: w.say("cause.unreachable")
        case .refused: w.say("cause.refused")
        case .security: w.say("cause.security")
        case .partial: w.say("cause.partial")
        case .badAnswer: w.say("cause.badAnswer")
        case .lost: w.say("cause.lost")
        case .other: w.say("cause.other")
        case .waiting: w.say("cause.waiting")
        }
    }

    func chip(_ w: Wording) -> Markup {
        switch self {
        case .waiting: w.chip(.idle, words(w))
        case .partial: w.chip(.warn, words(w))
        default: w.chip(.bad, words(w))
        }
    }
}

extension ServiceClock {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .intervalsEarly: w.say("clocks.intervalsEarly")
        case .intervalsDay: w.say("clocks.intervalsDay")
        case .dailyRead: w.say("clocks.dailyRead")
        case .onDemand: w.say("clocks.onDemand")
        case .switchEarly: w.say("clocks.switchEarly")
        case .switchLate: w.say("clocks.switchLate")
        case .alarm: w.say("clocks.alarm")
        }
    }
}

extension ServiceClock.Origin {
    func name(_ w: Wording) -> Markup {
        switch self {
        case .memory: w.say("clocks.from.memory")
        case .ontario: w.say("clocks.from.ontario")
        case .company: w.say("clocks.from.company")
        }
    }

    func words(_ w: Wording) -> Markup {
        switch self {
        case .memory: w.say("clocks.origin.memory")
        case .ontario: w.say("clocks.origin.ontario")
        case .company: w.say("clocks.origin.company")
        }
    }
}

extension CollectionView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("collection.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let waiting = report.causes.first { $0.cause == .waiting }?.meters ?? 0
        let troubled = Int(report.lateMeters - waiting)
        row.set("lede", troubled == 0 ? w.say("collection.ledeGood") : w.count("collection.lede", troubled))
        row.set("sub", w.timeTag(report.nowMs, w.moment(report.nowMs)))
        row.set("runAction", Paths.collectionRun)
        row.set("mayAct", mayAct)
        row.set("causes", report.causes.map { causeRow($0, w) })
        row.set("hasCauses", !report.causes.isEmpty)
        row.set("feeders", report.feeders.map { feederRow($0, w) })
        row.set("meters", late.part.items.map { lateRow($0.late, $0.serial, w) })
        row.set("hasMeters", !late.part.items.isEmpty)
        row.set("filter", filterWords(w))
        row.set("allHref", Paths.collection)
        row.set("nextHref", late.part.next.map { Paths.collection(cause: cause?.rawValue, place: placeID, after: $0) })
        row.set(
            "firstHref", isFirstPage ? nil : Paths.collection(cause: cause?.rawValue, place: placeID, after: nil))
        row.set("hasPaging", late.part.next != nil || !isFirstPage)
        row.set(
            "rawOpen",
            report.rawOpen.oldestAtMs.map { oldest in
                w.say(
                    "collection.rawOpen",
                    ["n": "\(w.number(report.rawOpen.waiting))", "t": w.duration(report.nowMs - oldest)])
            })
        row.set("rawAlarm", report.rawOpen.isAlarmed(nowMs: report.nowMs))
        clockValues(&row, w)
        row.set(
            "lost",
            report.lost.map { lost in
                Fields([
                    "meter": w.link(Paths.meter(lost.item.meterID), "\(lost.serial)", cls: "id"),
                    "day": w.fullDay(lost.item.day), "detail": "\(lost.item.lastError ?? "")",
                ])
            })
        row.set("hasLost", !report.lost.isEmpty)
        pollValues(&row, w)
        return row
    }

    private func filterWords(_ w: Wording) -> Markup? {
        if let cause { return cause.words(w) }
        guard let placeID else { return nil }
        return "\(report.feeders.first { $0.placeID == placeID }?.name ?? "\(placeID)")"
    }

    private func causeRow(_ late: LateCause, _ w: Wording) -> Fields {
        Fields([
            "cause": w.link(
                Paths.collection(cause: late.cause.rawValue, place: nil, after: nil), late.cause.chip(w), cls: "chl"),
            "word": "\(late.cause.rawValue)", "meters": "\(w.number(late.meters))",
            "days": "\(w.number(late.meterDays))", "oldest": w.shortDay(late.oldest),
            "next": w.timeTag(late.nextAtMs, w.moment(late.nextAtMs)),
            "label": w.say("collection.callAll", ["what": late.cause.words(w)]),
        ])
    }

    private func feederRow(_ feeder: CollectionReport.Feeder, _ w: Wording) -> Fields {
        var row = Fields([
            "name": feeder.placeID.map {
                w.link(Paths.collection(cause: nil, place: $0, after: nil), "\(feeder.name)")
            } ?? "\(feeder.name)",
            "meters": "\(w.number(feeder.meters))", "days": "\(w.number(feeder.meterDays))",
            "oldest": w.shortDay(feeder.oldest), "label": w.say("collection.callAll", ["what": "\(feeder.name)"]),
        ])
        row.set("place", feeder.placeID.map { "\($0)" })
        return row
    }

    private func lateRow(_ late: LateMeter, _ serial: String, _ w: Wording) -> Fields {
        Fields([
            "meter": w.link(Paths.meter(late.meterID), "\(serial)", cls: "id"), "id": "\(late.meterID)",
            "cause": late.cause.chip(w), "detail": "\(late.lastError ?? "")", "oldest": w.shortDay(late.oldest),
            "missing": "\(w.number(late.wantedSlots))", "tries": "\(w.number(late.attempt))",
            "last": late.lastAttemptAtMs.map { w.timeTag($0, w.moment($0)) } ?? w.say("collection.never"),
            "next": w.timeTag(late.nextAtMs, w.moment(late.nextAtMs)),
            "label": w.say("collection.callAll", ["what": "\(serial)"]),
        ])
    }

    // MARK: service clocks

    private func clockValues(_ row: inout Fields, _ w: Wording) {
        let clocks = report.clocks
        let days = clocks.from.days(to: clocks.to) + 1
        let rows = clocks.clocks.map { clock in
            let byDay = Dictionary(clock.days.map { ($0.day, $0.sharePpm) }, uniquingKeysWith: { $1 })
            return HeatStrip.Row(sharesPpm: (0..<days).map { byDay[clocks.from.advanced(by: $0)] ?? nil })
        }
        let axis = stride(from: 0, to: days, by: 5).map { back in
            AxisLabel(
                slot: back, text: w.dayMonth(clocks.from.advanced(by: back)).plain, isMinor: back % 10 != 0)
        }
        let missed = clocks.clocks.filter { $0.days.contains { !$0.isReached } }.map { $0.clock.words(w).plain }
        let alt =
            missed.isEmpty
            ? w.say("clocks.altGood") : w.say("clocks.alt", ["names": "\(missed.joined(separator: ", "))"])
        row.set("hasClockDays", clocks.clocks.contains { !$0.days.isEmpty })
        row.set(
            "clockChart",
            Markup(trusted: HeatStrip(rows: rows, slotCount: days, axis: axis, alt: alt.plain).svg()))
        row.set("clocks", clocks.clocks.map { clockRow($0, w) })
        let origins = ServiceClock.Origin.allCases.filter { origin in
            clocks.clocks.contains { $0.target.origin == origin }
        }
        row.set("origins", origins.map { Fields(["origin": $0.name(w), "words": $0.words(w)]) })
    }

    private func clockRow(_ clock: ServiceReport.Clock, _ w: Wording) -> Fields {
        let latest = clock.days.last
        let goal = Int(clock.target.permille * 1000)
        let month = clock.monthSharePpm
        return Fields([
            "name": clock.clock.words(w),
            "target": w.say(
                "clocks.target", ["share": "\(w.share(goal))", "t": w.duration(clock.target.ms)]),
            "origin": clock.target.origin.name(w), "setting": "\(clock.clock.settingName)",
            "latest": latest.flatMap { day in
                day.sharePpm.map { w.say("clocks.ofDay", ["share": "\(w.share($0))", "day": w.shortDay(day.day)]) }
            } ?? w.say("clocks.nothing"),
            "month": month.map { share in
                w.say(
                    "clocks.ofMonth",
                    [
                        "share": "\(w.share(share))", "n": "\(w.number(clock.monthInTime))",
                        "total": "\(w.number(clock.monthTotal))",
                    ])
            } ?? w.say("clocks.nothing"),
            "chip": month.map { share in
                share >= goal ? w.chip(.ok, w.say("clocks.reached")) : w.chip(.bad, w.say("clocks.missed"))
            } ?? w.chip(.idle, w.say("clocks.none")),
        ])
    }

    // MARK: liveness

    private func pollValues(_ row: inout Fields, _ w: Wording) {
        row.set("polls", polls.prefix(10).map { pollRow($0, w) })
        row.set("hasPolls", !polls.isEmpty)
        row.set("aliveAction", Paths.alive)
        row.set("key", idempotencyKey)
        row.set("places", places.map { Fields(["id": "\($0.id)", "name": "\($0.name)"]) })
        row.set("mayAsk", mayAct && !places.isEmpty)
    }
}

func pollRow(_ poll: LivenessPoll, _ w: Wording) -> Fields {
    let alive = (poll.counts[.alive] ?? 0) + (poll.counts[.refuses] ?? 0)
    return Fields([
        "title": w.link(Paths.alive(poll.pollID), "\(poll.title)"),
        "asked": w.timeTag(poll.askedAtMs, w.moment(poll.askedAtMs)), "alive": "\(w.number(alive))",
        "silent": "\(w.number(poll.counts[.silent] ?? 0))", "waiting": "\(w.number(poll.counts[.waiting] ?? 0))",
        "state": poll.endedAtMs == nil ? w.chip(.info, w.say("alive.asking")) : w.chip(.ok, w.say("alive.over")),
    ])
}

/// One question, meter by meter.
public struct AliveView: Page {
    public static let template = "alive"
    public var poll: LivenessPoll
    /// Silent ones first.
    public var answers: [(answer: LivenessAnswer, serial: String)]
    public var isCut: Bool
}

extension AliveView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("alive.title", ["what": "\(poll.title)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let alive = (poll.counts[.alive] ?? 0) + (poll.counts[.refuses] ?? 0)
        row.set(
            "lede",
            w.say(
                "alive.lede",
                ["n": "\(w.number(alive))", "total": "\(w.number(poll.meters))", "what": "\(poll.title)"]))
        row.set("sub", w.timeTag(poll.askedAtMs, w.moment(poll.askedAtMs)))
        row.set("collectionHref", Paths.collection)
        row.set("isAsking", poll.endedAtMs == nil)
        row.set("isCut", isCut)
        row.set("staleWords", w.say("line.stale"))
        row.set(
            "answers",
            answers.map { item in
                let chip =
                    switch item.answer.state {
                    case .waiting: w.chip(.idle, w.say("alive.waiting"))
                    case .alive: w.chip(.ok, w.say("alive.alive"))
                    case .refuses: w.chip(.ok, w.say("alive.refuses"))
                    case .silent: w.chip(.bad, w.say("alive.silent"))
                    }
                return Fields([
                    "meter": w.link(Paths.meter(item.answer.meterID), "\(item.serial)", cls: "id"), "state": chip,
                    "asked": item.answer.askedAtMs.map { w.timeTag($0, "\(w.timeWithSeconds($0))") } ?? "",
                    "took": item.answer.tookMs.map { w.say("jobs.ms", ["n": "\(w.number($0))"]) } ?? "",
                    "detail": "\(item.answer.detail ?? "")",
                ])
            })
        return row
    }
}
