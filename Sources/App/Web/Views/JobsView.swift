// JobsView and JobView: what runs by itself, in one look and one by one; what a person may do with it. Shows, decides
// nothing.
import Charts
import CivilTime

/// One job as the pages show it.
public struct JobCard: Sendable {
    public enum State: Sendable { case waiting, running, late, failing, paused }
    public enum RunState: Sendable { case running, done, failed, stopped, lost }

    public struct Run: Sendable {
        /// Nil for the row that comes round.
        public var day: CivilDay?
        public var state: RunState
        public var startedAtMs: Int64
        public var endedAtMs: Int64?
        public var durationMs: Int64?
        public var done: Int64
        public var result: String
        /// Who asked for it; nil when it was due.
        public var askedBy: String?
        public init(
            day: CivilDay?, state: RunState, startedAtMs: Int64, endedAtMs: Int64?, durationMs: Int64?, done: Int64,
            result: String, askedBy: String?
        ) {
            self.day = day
            self.state = state
            self.startedAtMs = startedAtMs
            self.endedAtMs = endedAtMs
            self.durationMs = durationMs
            self.done = done
            self.result = result
            self.askedBy = askedBy
        }
    }

    /// `collect`: stands in addresses.
    public var slug: String
    public var name: LineView.Job.Name
    public var state: State
    public var isDaily: Bool
    /// Whether a day of it can be run again.
    public var runsByDay: Bool
    /// Between two runs; for a daily job the minute of the day after.
    public var minutes: Int64
    public var settingName: String
    public var nextMs: Int64?
    /// How far the run that is going on has come.
    public var done: Int64?
    public var waitingDays: Int
    public var failedDays: Int
    public var pausedFor: String?
    public var lastError: String?
    /// Newest first.
    public var runs: [Run]

    public init(
        slug: String, name: LineView.Job.Name, state: State, isDaily: Bool, runsByDay: Bool, minutes: Int64,
        settingName: String, nextMs: Int64?, done: Int64?, waitingDays: Int, failedDays: Int, pausedFor: String?,
        lastError: String?, runs: [Run]
    ) {
        self.slug = slug
        self.name = name
        self.state = state
        self.isDaily = isDaily
        self.runsByDay = runsByDay
        self.minutes = minutes
        self.settingName = settingName
        self.nextMs = nextMs
        self.done = done
        self.waitingDays = waitingDays
        self.failedDays = failedDays
        self.pausedFor = pausedFor
        self.lastError = lastError
        self.runs = runs
    }
}

/// All jobs.
public struct JobsView: Page {
    public static let template = "jobs"
    public var jobs: [JobCard]
    public var nowMs: Int64
    /// Whether the reader may run, pause and catch up.
    public var mayAct: Bool
    public init(jobs: [JobCard], nowMs: Int64, mayAct: Bool) {
        self.jobs = jobs
        self.nowMs = nowMs
        self.mayAct = mayAct
    }
}

/// One job with its runs.
public struct JobView: Page {
    public static let template = "job"
    public var job: JobCard
    public var nowMs: Int64
    public var mayAct: Bool
    /// What was typed into a form that was refused.
    public var typed: [String: String]
    public init(job: JobCard, nowMs: Int64, mayAct: Bool, typed: [String: String] = [:]) {
        self.job = job
        self.nowMs = nowMs
        self.mayAct = mayAct
        self.typed = typed
    }
}

extension JobCard {
    func schedule(_ w: Wording) -> Markup {
        if isDaily { return w.say("jobs.dailyAt", ["time": "\(w.minute(Int(minutes)))"]) }
        return minutes == 1_440
            ? w.say("jobs.daily") : w.say("jobs.every", ["t": w.duration(minutes * 60_000)])
    }

    func chip(_ w: Wording) -> Markup {
        switch state {
        case .waiting: w.chip(.ok, w.say("job.waiting"))
        case .running: w.chip(.info, w.say("job.running"))
        case .late: w.chip(.bad, w.say("jobs.late"))
        case .failing: w.chip(.bad, w.say("jobs.failing"))
        case .paused: w.chip(.warn, w.say("jobs.paused"))
        }
    }

    /// What a person must know besides the state: why it is paused, what failed, what waits.
    func remark(_ w: Wording) -> Markup {
        if let pausedFor { return "\(pausedFor)" }
        if let lastError, state != .running { return w.said(lastError) }
        if waitingDays > 1 { return w.count("jobs.daysWait", waitingDays) }
        return runs.first { $0.state != .running }.map { w.jobResult($0.result) } ?? w.say("jobs.never")
    }

    func progress(_ w: Wording) -> Markup { done.map { "\(w.number($0))" } ?? "" }

    func last(_ w: Wording) -> Markup {
        guard let run = runs.first(where: { $0.state != .running }) else { return "" }
        let time = w.timeTag(run.startedAtMs, w.moment(run.startedAtMs))
        return run.durationMs.map { w.say("jobs.ran", ["time": time, "t": span($0, w)]) } ?? time
    }

    /// Runs are mostly shorter than a second; the duration of the house begins with seconds.
    func span(_ ms: Int64, _ w: Wording) -> Markup {
        ms < 1000 ? w.say("jobs.ms", ["n": "\(w.number(ms))"]) : w.duration(ms)
    }

    func words(_ state: RunState, _ w: Wording) -> Markup {
        switch state {
        case .running: w.chip(.info, w.say("job.running"))
        case .done: w.chip(.ok, w.say("jobs.done"))
        case .failed: w.chip(.bad, w.say("jobs.failed"))
        case .stopped: w.chip(.idle, w.say("jobs.stopped"))
        case .lost: w.chip(.warn, w.say("jobs.lost"))
        }
    }
}

/// Twelve hours back from now, a row a job.
func strip(_ jobs: [JobCard], nowMs: Int64, _ w: Wording) -> Markup {
    let hours = 12
    let startMs = nowMs - Int64(hours) * 3_600_000
    func minute(_ ms: Int64) -> Int { Int((ms - startMs) / 60_000) }
    let rows = jobs.map { job in
        job.runs.filter { ($0.endedAtMs ?? nowMs) >= startMs }.map { run in
            let title = w.say(
                "jobs.runTitle",
                [
                    "job": job.name.words(w), "time": "\(w.time(run.startedAtMs))",
                    "t": run.durationMs.map { job.span($0, w) } ?? "–", "result": w.jobResult(run.result),
                ])
            let outcome: RunStrip.Outcome =
                switch run.state {
                case .running: .running
                case .done: .done
                case .failed: .failed
                case .stopped, .lost: .gone
                }
            return RunStrip.Run(
                fromMinute: minute(run.startedAtMs), toMinute: minute(run.endedAtMs ?? nowMs), outcome: outcome,
                title: title.plain)
        }
    }
    // Full hours of the company's day, every third one named.
    let axis = (0...hours).compactMap { back -> AxisLabel? in
        let hourMs = (nowMs / 3_600_000 - Int64(back)) * 3_600_000
        let minuteOfDay = Int(w.zone.civil(atS: hourMs / 1000).secondOfDay / 60)
        let shiftMs = Int64(minuteOfDay % 60) * 60_000
        let slot = minute(hourMs - shiftMs)
        guard slot >= 0 else { return nil }
        return AxisLabel(slot: slot, text: "\(w.time(hourMs - shiftMs))", isMinor: back % 3 != 0)
    }.reversed()
    let failures = jobs.flatMap(\.runs).count { $0.state == .failed && $0.startedAtMs >= startMs }
    let picture = RunStrip(
        rows: rows, minutes: hours * 60, axis: Array(axis), now: nil,
        alt: w.say(
            "jobs.stripAlt",
            ["n": "\(w.number(rows.reduce(0) { $0 + $1.count }))", "failures": "\(w.number(failures))"]
        ).plain)
    return Markup(trusted: picture.svg())
}

extension JobsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("line.jobs") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let troubled = jobs.count { $0.state == .failing || $0.state == .late }
        row.set("lede", troubled == 0 ? w.say("jobs.ledeGood") : w.count("jobs.lede", troubled))
        row.set("sub", w.timeTag(nowMs, w.moment(nowMs)))
        row.set("staleWords", w.say("line.stale"))
        row.set("runsHref", Paths.runs)
        row.set("catchUpAction", Paths.jobsCatchUp)
        row.set("mayAct", mayAct)
        row.set("hasRuns", jobs.contains { !$0.runs.isEmpty })
        row.set("chart", strip(jobs, nowMs: nowMs, w))
        row.set(
            "jobs",
            jobs.map { job in
                var item = Fields([
                    "name": job.name.words(w), "link": w.link(Paths.job(job.slug), job.name.words(w)),
                    "schedule": job.schedule(w), "chip": job.chip(w), "remark": job.remark(w), "last": job.last(w),
                    "progress": job.progress(w), "next": job.nextMs.map { w.timeTag($0, w.moment($0)) } ?? "",
                    "runAction": "\(Paths.job(job.slug, do: "run"))",
                    "runLabel": w.say("jobs.runOf", ["job": job.name.words(w)]),
                ])
                item.set("mayRun", mayAct && job.state != .running && job.state != .paused)
                return item
            })
        return row
    }
}

extension JobView: PageContent {
    func title(_ w: Wording) -> Markup { job.name.words(w) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("jobsHref", Paths.jobs)
        row.set("lede", job.name.words(w))
        row.set("chip", job.chip(w))
        row.set("staleWords", w.say("line.stale"))
        row.set("schedule", job.schedule(w))
        row.set("setting", job.settingName)
        row.set("settingWords", settingLabel(job.settingName, w))
        row.set("next", job.nextMs.map { w.timeTag($0, w.moment($0)) } ?? w.say("job.noNext"))
        row.set("progress", job.done.map { w.say("jobs.doneSoFar", ["n": "\(w.number($0))"]) })
        row.set("waiting", job.waitingDays > 0 ? w.count("jobs.daysWait", job.waitingDays) : nil)
        row.set("failedDays", job.failedDays > 0 ? w.count("jobs.daysFailed", job.failedDays) : nil)
        row.set("exceptionsHref", Paths.exceptions(kind: "job-failed"))
        row.set("pausedFor", job.pausedFor.map { w.say("jobs.pausedFor", ["reason": "\($0)"]) })
        row.set("isPaused", job.pausedFor != nil)
        row.set("lastError", job.lastError.map { w.say("job.failed", ["reason": w.said($0)]) })
        row.set("mayAct", mayAct)
        row.set("mayRun", job.pausedFor == nil && job.state != .running)
        row.set("runsByDay", job.runsByDay && job.pausedFor == nil)
        for action in ["run", "pause", "resume", "days"] {
            row.set("\(action)Action", Paths.job(job.slug, do: action))
        }
        for field in ["reason", "from", "to"] { row.set("typed_\(field)", typed[field] ?? "") }
        row.set("hasRuns", !job.runs.isEmpty)
        // What runs once a day does not show in hours.
        row.set("chart", job.isDaily ? nil : strip([job], nowMs: nowMs, w))
        // A page that answers a form has no address to ask again.
        row.set("isLive", typed.isEmpty)
        row.set("runs", job.runs.map { run($0, w) })
        return row
    }

    private func run(_ run: JobCard.Run, _ w: Wording) -> Fields {
        Fields([
            "started": w.timeTag(run.startedAtMs, w.moment(run.startedAtMs)),
            "day": run.day.map(w.shortDay) ?? "", "chip": job.words(run.state, w),
            "duration": run.durationMs.map { job.span($0, w) } ?? "", "done": "\(w.number(run.done))",
            "result": w.jobResult(run.result), "asked": run.askedBy.map { "\($0)" } ?? w.say("jobs.byItself"),
        ])
    }
}
