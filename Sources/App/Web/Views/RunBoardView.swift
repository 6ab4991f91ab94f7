// RunBoardView and AskedRunView: the runs of the day with what they moved and left aside; one run somebody asked for
// with the account-days it changes. Shows, decides nothing.
import API
import Access
import Charts
import CivilTime
import Rating

/// The run board.
public struct RunBoardView: Page {
    public static let template = "runs"
    public var report: RunReport
    public var jobs: [JobCard]
    /// Whether the reader may ask for runs and try again.
    public var mayAct: Bool
    /// What was typed into a form that was refused, and why.
    public var typed: [String: String]
    public var refusal: Refusal?
    public init(
        report: RunReport, jobs: [JobCard], mayAct: Bool, typed: [String: String] = [:], refusal: Refusal? = nil
    ) {
        (self.report, self.jobs, self.mayAct) = (report, jobs, mayAct)
        (self.typed, self.refusal) = (typed, refusal)
    }
}

/// One run that somebody asked for.
public struct AskedRunView: Page {
    public static let template = "askedrun"
    public var asked: RunReport.Asked
    /// What moves most.
    public var largest: [RatingChange]
    /// A part of all changes, and where the next one begins.
    public var changes: [RatingChange]
    public var next: String?
    public var isFirstPage: Bool
    public var mayAct: Bool
    public var typedReason: String
    public var refusal: Refusal?
    public init(
        asked: RunReport.Asked, largest: [RatingChange], changes: [RatingChange], next: String?, isFirstPage: Bool,
        mayAct: Bool, typedReason: String = "", refusal: Refusal? = nil
    ) {
        (self.asked, self.largest, self.changes) = (asked, largest, changes)
        (self.next, self.isFirstPage, self.mayAct) = (next, isFirstPage, mayAct)
        (self.typedReason, self.refusal) = (typedReason, refusal)
    }
}

extension Wording {
    /// A component of a charge; its own name where it is none of the usual ones.
    func component(_ name: String) -> Markup {
        messages.texts["part.\(name)"] == nil ? "\(name)" : say("part.\(name)")
    }

    fileprivate func state(of run: RatingRun) -> Markup {
        switch run.state {
        case .asked: chip(.idle, say("run.asked"))
        case .running: chip(.info, say("job.running"))
        case .stopping: chip(.info, say("run.stopping"))
        case .stopped: chip(.idle, say("jobs.stopped"))
        case .done: chip(.ok, say("jobs.done"))
        case .changed: chip(.warn, say("run.changed"))
        case .failed: chip(.bad, say("jobs.failed"))
        }
    }

    fileprivate func kind(of run: RatingRun) -> Markup {
        run.isTrial ? say("run.trial") : run.trialID == nil ? say("run.again") : say("run.carriedOut")
    }

    fileprivate func selection(_ selection: RatingRun.Selection) -> Markup {
        guard let from = selection.from, let to = selection.to else { return say("run.whatIsNew") }
        var parts = [from == to ? fullDay(from) : say("run.days", ["from": fullDay(from), "to": fullDay(to)])]
        if let accountID = selection.accountID {
            parts.append(say("run.ofAccount", ["account": link(Paths.account(accountID), "\(accountID)")]))
        }
        if let packID = selection.packID { parts.append(say("run.ofPack", ["pack": "\(packID)"])) }
        return parts.joined(", ")
    }

    fileprivate func parts(_ parts: [RatingChange.Part]) -> Markup {
        parts.map { part in
            "\(component(part.component)) \(money(part.afterPaise - part.beforePaise, signed: true))"
        }.joined(", ")
    }

    fileprivate func row(_ change: RatingChange) -> Fields {
        Fields([
            "account": link(Paths.account(change.accountID), "\(change.accountID)", cls: "id"),
            "day": link(Paths.day(change.accountID, change.day), fullDay(change.day)),
            "before": "\(money(change.beforePaise))", "after": "\(money(change.afterPaise))",
            "difference": "\(money(change.differencePaise, signed: true))", "parts": parts(change.parts),
        ])
    }
}

extension WorkItem {
    /// Where it is mended, where that is not the account's own page.
    fileprivate var place: String? {
        switch run {
        case .arrears: Paths.arrears(accountID)
        case .subscriptions: Paths.subscriptions
        case .rate: CivilDay(item).map { Paths.day(accountID, $0) }
        case .project, .close: nil
        }
    }
}

extension WorkItem.Run {
    fileprivate func words(_ w: Wording) -> Markup {
        switch self {
        case .project: w.say("job.project")
        case .rate: w.say("job.rate")
        case .close: w.say("job.close")
        case .arrears: w.say("run.arrears")
        case .subscriptions: w.say("run.subscriptions")
        }
    }
}

extension WorkItem.Mender {
    fileprivate func words(_ w: Wording) -> Markup {
        switch self {
        case .tariffs: w.say("mender.tariffs")
        case .readings: w.say("mender.readings")
        case .account: w.say("mender.account")
        case .site: w.say("mender.site")
        }
    }
}

extension RunBoardView: PageContent {
    func title(_ w: Wording) -> Markup {
        refusal == nil ? w.say("runs.title") : w.say("title.error", ["title": w.say("runs.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let troubled = jobs.count { $0.state == .failing || $0.state == .late }
        row.set("lede", troubled == 0 ? w.say("jobs.ledeGood") : w.count("jobs.lede", troubled))
        row.set("sub", w.timeTag(report.nowMs, w.moment(report.nowMs)))
        row.set("jobsHref", Paths.jobs)
        row.set("isLive", refusal == nil)
        row.set("staleWords", w.say("line.stale"))
        row.set("figures", figures(w))
        row.set("chart", strip(jobs, nowMs: report.nowMs, w))
        row.set("jobs", jobs.map { job($0, w) })
        row.set("largest", report.largest.map { correction($0, w) })
        row.set("hasLargest", !report.largest.isEmpty)
        row.set("asked", report.asked.map { asked($0, w) })
        row.set("hasAsked", !report.asked.isEmpty)
        row.set("work", report.work.map { work($0, w) })
        row.set("hasWork", !report.work.isEmpty)
        row.set("workMore", report.work.count >= RunReport.itemsMax ? w.count("runs.workMore", report.work.count) : nil)
        let runs = mayAct ? Set(report.work.compactMap { $0.job == nil ? nil : $0.item.run }) : []
        row.set(
            "retries",
            WorkItem.Run.allCases.filter { runs.contains($0) }.map { run in
                Fields(["run": "\(run.rawValue)", "label": w.say("runs.retryOf", ["run": run.words(w)])])
            })
        row.set("months", report.months.map { month($0, w) })
        row.set("hasMonths", !report.months.isEmpty)
        row.set("mayAct", mayAct)
        row.set("askAction", Paths.runs)
        row.set("retryAction", Paths.runsRetry)
        for field in ["from", "to", "account", "pack", "reason"] { row.set("typed_\(field)", typed[field] ?? "") }
        row.set("errors", w.errors(refusal, otherwise: "from"))
        return row
    }

    private func figures(_ w: Wording) -> [Fields] {
        let late = report.projectionWaitMs > RunReport.projectionPromiseMs
        let wait: Markup =
            report.projectionWaitMs == 0 ? w.say("runs.nothingWaits") : w.duration(report.projectionWaitMs)
        let all: [(Markup, Markup, Markup)] = [
            (
                w.say("runs.corrections"), "\(w.number(report.corrections.count))",
                w.count(
                    "runs.correctionsNote", Int(report.corrections.accounts),
                    ["money": "\(w.money(report.corrections.paise, signed: true))"])
            ),
            (w.say("runs.projection"), late ? w.chip(.bad, wait) : wait, w.say("runs.projectionNote")),
            (w.say("runs.work"), "\(w.number(report.work.count))", w.say("runs.workNote")),
        ]
        return all.map { Fields(["name": $0.0, "figure": $0.1, "note": $0.2]) }
    }

    private func job(_ job: JobCard, _ w: Wording) -> Fields {
        let startMs = w.zone.startS(of: report.today) * 1000
        let runs = job.runs.filter { $0.startedAtMs >= startMs }
        return Fields([
            "link": w.link(Paths.job(job.slug), job.name.words(w)), "chip": job.chip(w), "remark": job.remark(w),
            "last": job.last(w), "progress": job.progress(w), "runs": "\(w.number(runs.count))",
            "next": job.nextMs.map { w.timeTag($0, w.moment($0)) } ?? "",
        ])
    }

    private func correction(_ correction: Correction, _ w: Wording) -> Fields {
        Fields([
            "link": w.link(
                Paths.correction(correction.accountID, correction.correctionID), "\(correction.accountID)", cls: "id"),
            "days": w.count("runs.days", Int(correction.days)),
            "from": w.fullDay(correction.firstDay),
            "difference": "\(w.money(correction.differencePaise, signed: true))",
        ])
    }

    private func asked(_ asked: RunReport.Asked, _ w: Wording) -> Fields {
        let run = asked.run
        return Fields([
            "link": w.link(Paths.run(run.runID), w.kind(of: run)), "what": w.selection(run.selection),
            "chip": w.state(of: run), "asked": w.timeTag(run.askedAtMs, w.moment(run.askedAtMs)),
            "progress": run.totalCount.map {
                w.say("job.doneOf", ["done": "\(w.number(run.doneCount))", "total": "\(w.number($0))"])
            } ?? "",
            "changes": "\(w.number(asked.sums.changes))",
            "difference": "\(w.money(asked.sums.afterPaise - asked.sums.beforePaise, signed: true))",
            "reason": "\(run.reason)",
        ])
    }

    private func work(_ found: WorkListItem, _ w: Wording) -> Fields {
        let item = found.item
        var row = Fields([
            "account": w.link(Paths.account(item.accountID), "\(found.accountNumber)", cls: "id"),
            "name": "\(found.name)", "run": item.run.words(w), "reason": w.said(item.reason),
            "item": item.place.map { w.link($0, "\(item.item)") } ?? "\(item.item)", "mender": item.mender.words(w),
            "since": item.sinceMs > 0 ? w.timeTag(item.sinceMs, w.moment(item.sinceMs)) : "–",
        ])
        row.set("attempts", item.attempts > 1 ? w.count("runs.attempts", Int(item.attempts)) : nil)
        return row
    }

    private func month(_ month: MonthClosing, _ w: Wording) -> Fields {
        let name: Markup = "\(w.monthName(month.month.first)) \(month.month.year)"
        let agrees = month.chargedPaise == month.postedPaise
        return Fields([
            "name": name,
            "chip": month.closedAtMs == nil
                ? w.chip(.warn, w.count("runs.monthOpen", Int(month.open))) : w.chip(.ok, w.say("runs.monthClosed")),
            "accounts": "\(w.number(month.accounts))", "charged": "\(w.money(month.chargedPaise))",
            "posted": agrees
                ? "\(w.money(month.postedPaise))" : w.chip(.bad, "\(w.money(month.postedPaise))"),
            "checked": w.timeTag(month.checkedAtMs, w.moment(month.checkedAtMs)),
        ])
    }
}

extension AskedRunView: PageContent {
    func title(_ w: Wording) -> Markup {
        refusal == nil ? w.kind(of: asked.run) : w.say("title.error", ["title": w.kind(of: asked.run)])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let (run, sums) = (asked.run, asked.sums)
        var row = Fields()
        row.set("runsHref", Paths.runs)
        row.set("lede", w.kind(of: run))
        row.set("chip", w.state(of: run))
        row.set("what", w.selection(run.selection))
        row.set("isLive", !run.state.isOver && refusal == nil)
        row.set("staleWords", w.say("line.stale"))
        row.set("error", run.error.map { w.said($0) })
        row.set("reason", run.reason.isEmpty ? nil : "\(run.reason)" as Markup)
        row.set("asked", w.timeTag(run.askedAtMs, w.moment(run.askedAtMs)))
        row.set("ended", run.endedAtMs.map { w.timeTag($0, w.moment($0)) })
        row.set(
            "progress",
            run.totalCount.map {
                w.say("job.doneOf", ["done": "\(w.number(run.doneCount))", "total": "\(w.number($0))"])
            })
        row.set("running", !run.state.isOver && run.totalCount != nil)
        row.set("done", "\(run.doneCount)")
        row.set("total", "\(max(1, run.totalCount ?? 1))")
        row.set("trial", run.trialID.map { w.link(Paths.run($0), w.say("run.trial")) })
        row.set("figures", figures(sums, w))
        row.set("hasParts", !sums.parts.isEmpty)
        row.set(
            "parts",
            sums.parts.map { part in
                Fields([
                    "name": w.component(part.component), "before": "\(w.money(part.beforePaise))",
                    "after": "\(w.money(part.afterPaise))",
                    "difference": "\(w.money(part.afterPaise - part.beforePaise, signed: true))",
                ])
            })
        let bars = AmountBars(largest.map(\.differencePaise)).cells()
        row.set(
            "largest",
            zip(largest, bars).map { change, bar in
                var one = w.row(change)
                one.set("picture", Markup(trusted: bar))
                return one
            })
        row.set("hasLargest", !largest.isEmpty)
        row.set("changes", changes.map { w.row($0) })
        row.set("hasChanges", !changes.isEmpty)
        row.set("nothing", run.state == .done ? w.say("run.nothingChanges") : w.say("run.nothingYet"))
        row.set("csvHref", changes.isEmpty ? nil : Paths.runCSV(run.runID))
        row.set("nextHref", next.map { Paths.run(run.runID, after: $0) })
        row.set("firstHref", isFirstPage ? nil : Paths.run(run.runID))
        row.set("hasPaging", next != nil || !isFirstPage)
        row.set("mayCarryOut", mayAct && run.isTrial && run.state == .done && sums.changes > 0)
        row.set("mayStop", mayAct && [.asked, .running].contains(run.state))
        row.set("mayResume", mayAct && [.stopped, .failed].contains(run.state))
        row.set("carryOutAction", Paths.run(run.runID, do: "carry-out"))
        row.set("stopAction", Paths.run(run.runID, do: "stop"))
        row.set("resumeAction", Paths.run(run.runID, do: "resume"))
        row.set("typedReason", typedReason)
        row.set("errors", w.errors(refusal, otherwise: "reason"))
        row.set("reasonError", refusal.map { w.refusal($0) })
        return row
    }

    private func figures(_ sums: RatingRunSums, _ w: Wording) -> [Fields] {
        let difference = sums.afterPaise - sums.beforePaise
        let all: [(Markup, Markup)] = [
            (w.say("run.accounts"), "\(w.number(sums.accounts))"),
            (w.say("run.accountDays"), "\(w.number(sums.changes))"),
            (w.say("run.before"), "\(w.money(sums.beforePaise))"), (w.say("run.after"), "\(w.money(sums.afterPaise))"),
            (w.say("run.difference"), "\(w.money(difference, signed: true))"),
        ]
        return all.map { Fields(["name": $0.0, "figure": $0.1]) }
    }
}
