// The line of the day and what waits for a person. The page's script asks for /line again and swaps its live region.
import API
import Access
import CivilTime
import Jobs
import MeterData

extension Desk {
    var linePages: [API.Page] {
        [
            API.Page("GET", Paths.line, access: .permission([.readMeters])) { call in
                let report = try await services.board.line(try call.actor.scope)
                var page = LineView(report)
                page.seesJobs = try call.actor.scope.isWholeCompany
                return show(page, call, .line)
            },
            API.Page("GET", Paths.status, access: .permission([.readMeters])) { call in
                show(StatusView(try await StatusReport.of(services.board, try call.actor)), call, .status)
            },
            API.Page("GET", Paths.exceptions, access: .permission([.readMeters])) { try await exceptions($0) },
        ]
    }

    private func exceptions(_ call: PageCall) async throws -> Answer {
        let asked = call.query["kind"]
        // What the rules of supply hold back or have warned of is a matter of accounts.
        if asked == LineDrop.cutHeld.rawValue || asked == LineDrop.warned.rawValue {
            return .seeOther(Paths.list(Paths.accounts, query: "", state: AccountsView.Filter.low.rawValue, after: nil))
        }
        let list = try await NeedList.of(services.site, try call.actor.scope)
        let shown = list.items.filter { need in
            switch asked {
            case nil: true
            case LineDrop.held.rawValue: need.kind.isHeld
            default: need.kind.rawValue == asked
            }
        }
        let page = ExceptionsView(
            state: ListState(filter: asked), counts: list.counts.map { (ExceptionKind($0.kind), $0.count) },
            total: list.items.count,
            items: shown.map { need in
                ExceptionsView.Item(
                    kind: ExceptionKind(need.kind), meter: (need.meterID ?? 0, need.serial), day: need.day,
                    sinceMs: need.sinceMs, detail: need.detail, stakePaise: nil,
                    mendID: MendableKind(need.kind) == nil ? nil : need.itemID,
                    exceptionID: need.exceptionID?.description)
            }, checkedAtMs: list.checkedAtMs, intervalsChecked: list.intervalsChecked)
        return show(page, call, .exceptions, notice: PageFrame.JobNotice(word: call.query["did"]).map { .jobs($0) })
    }
}

extension ExceptionKind {
    init(_ kind: NeedKind) {
        self =
            switch kind {
            case .negative: .negative
            case .spike: .spike
            case .zeroRun: .zeroRun
            case .clock: .clock
            case .notEstimable: .notEstimable
            case .silent: .silentMeter
            case .commandFailed: .commandFailed
            case .withoutTariff: .withoutTariff
            case .jobFailed: .jobFailed
            case .eventFailed: .eventFailed
            case .rawUntaken: .rawUntaken
            case .intervalsLost: .intervalsLost
            case .clockOff: .clockOff
            case .longOutage: .longOutage
            case .tamper: .tamper
            case .readFailing, .other: .other(kind.rawValue)
            }
    }
}

extension LineView {
    init(_ report: LineReport) {
        self.init(
            day: report.day, countedAtMs: report.countedAtMs,
            counts: LineCounts(
                expected: report.expected, silent: report.silent, held: report.held, estimated: report.estimated,
                priced: report.priced, charged: report.charged, cut: report.cut, restored: report.restored),
            drops: report.drops.compactMap { drop in
                Drop.Kind(rawValue: drop.kind.rawValue).map { Drop(kind: $0, count: drop.count) }
            }, restoreMedianMs: report.restoreMedianMs,
            heat: report.heat.map { HeatRow(name: $0.name, sharesPpm: $0.sharesPpm) }, heatSlots: 24,
            needsPerson: report.needs.map { Stake(kind: ExceptionKind($0.kind), count: $0.count, stakePaise: nil) },
            intervalsChecked: report.intervalsChecked,
            jobs: report.jobs.map { Job($0, nowMs: report.countedAtMs, expected: report.expected) })
    }
}

extension LineView.Job {
    /// An hour past its time a job is late.
    private static let lateMs: Int64 = 3_600_000

    fileprivate init(_ job: Jobs.Job, nowMs: Int64, expected: Int) {
        let state: State =
            switch job.state {
            case .running: .running
            case .failed: .failed(reason: job.lastError ?? "")
            case .done: .done(atMs: job.endedAtMs ?? job.runAtMs)
            case .waiting:
                if let error = job.lastError {
                    .failed(reason: error)
                } else if job.runAtMs < nowMs - Self.lateMs {
                    .late(byMs: nowMs - job.runAtMs)
                } else if let endedAtMs = job.endedAtMs {
                    .done(atMs: endedAtMs)
                } else {
                    .waiting
                }
            }
        let done = Int(job.doneCount)
        self.init(
            name: Name(job.kind), state: state, done: done, total: state == .running ? max(done, expected) : done,
            nextMs: job.state == .waiting ? job.runAtMs : nil)
    }
}
