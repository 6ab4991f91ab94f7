// The jobs, one job, and what was given up: pages and their forms. Every action is a command, as the API sends it.
import API
import Access
import CivilTime
import Jobs

extension Desk {
    var jobPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readMeters, .runJobs])
        let acting: EndpointAccess = .permission([.runJobs])
        let mending: EndpointAccess = .permission([.runJobs, .commandMeters])
        return [
            API.Page("GET", Paths.jobs, access: reading) { try await jobs($0) },
            API.Page("POST", Paths.jobsCatchUp, access: acting) { call in
                _ = try await call.perform(CatchUp())
                return .seeOther(Paths.jobs + "?did=asked")
            },
            API.Page("GET", "\(Paths.jobs)/{kind}", access: reading) { try await job($0, try kind($0)) },
            API.Page("POST", "\(Paths.jobs)/{kind}/{action}", access: acting) { try await act($0) },
            API.Page("GET", "\(Paths.exceptions)/{kind}/{id}", access: .permission([.readMeters])) { call in
                show(try await mendView(call), call, .exceptions)
            },
            API.Page("POST", "\(Paths.exceptions)/{kind}/{id}/{action}", access: mending) { try await mend($0) },
        ]
    }

    private func kind(_ call: PageCall) throws -> JobKind {
        guard let kind = JobKind(rawValue: call.path["kind"] ?? "") else {
            throw Refusal(.notFound, "There is no such job.")
        }
        return kind
    }

    private func jobs(_ call: PageCall) async throws -> Answer {
        let report = try await JobsReport.of(services.site, runs: 150, try call.actor.scope)
        let page = JobsView(
            jobs: report.standings.map { JobCard($0, report) }, nowMs: report.nowMs,
            mayAct: try call.actor.has(.runJobs))
        return show(page, call, .jobs, notice: PageFrame.JobNotice(word: call.query["did"]).map { .jobs($0) })
    }

    private func job(
        _ call: PageCall, _ kind: JobKind, refused: Refusal? = nil, typed: [String: String] = [:]
    ) async throws -> Answer {
        let report = try await JobsReport.of(services.site, runs: 50, try call.actor.scope)
        guard let standing = report.standings.first(where: { $0.kind == kind }) else {
            throw Refusal(.notFound, "There is no such job.")
        }
        let page = JobView(
            job: JobCard(standing, report), nowMs: report.nowMs, mayAct: try call.actor.has(.runJobs), typed: typed)
        let notice =
            refused.map { PageFrame.Notice.refused($0) }
            ?? PageFrame.JobNotice(word: call.query["did"]).map { .jobs($0) }
        return show(
            page, call, .jobs, notice: notice,
            status: refused.map { $0.code == .conflict ? 409 : 422 } ?? 200)
    }

    private func act(_ call: PageCall) async throws -> Answer {
        let kind = try kind(call)
        let reason = String((call.form["reason"] ?? "").prefix(200))
        let back = Paths.job(kind.rawValue)
        do {
            switch call.path["action"] {
            case "run":
                _ = try await call.perform(RunJob(kind: kind))
                return .seeOther(back + "?did=asked")
            case "pause":
                _ = try await call.perform(PauseJob(kind: kind, reason: reason), why: reason)
                return .seeOther(back + "?did=paused")
            case "resume":
                _ = try await call.perform(ResumeJob(kind: kind))
                return .seeOther(back + "?did=resumed")
            case "days":
                guard let from = CivilDay(call.form["from"] ?? ""), let to = CivilDay(call.form["to"] ?? "") else {
                    throw Refusal(.invalid, "A day is missing.", hint: "Enter the first and the last day.")
                }
                _ = try await call.perform(RerunDays(kind: kind, from: from, to: to))
                return .seeOther(back + "?did=asked")
            default: throw Problem.noSuchPath
            }
        } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
            return try await job(call, kind, refused: refusal, typed: call.form.mapValues { String($0.prefix(200)) })
        }
    }

    // MARK: what was given up

    private func mendView(_ call: PageCall) async throws -> MendView {
        let itemID = try id(call)
        let list = try await NeedList.of(services.site, try call.actor.scope)
        guard let kind = MendableKind(rawValue: call.path["kind"] ?? ""),
            let need = list.items.first(where: { $0.kind.rawValue == kind.rawValue && $0.itemID == itemID })
        else { throw Refusal(.notFound, "Nothing of this kind waits for a person any more.") }
        return MendView(
            kind: ExceptionKind(need.kind), id: itemID, detail: need.detail, sinceMs: need.sinceMs,
            meter: need.meterID.map { ($0, need.serial) }, mayAct: try call.actor.has(kind.permission))
    }

    private func mend(_ call: PageCall) async throws -> Answer {
        guard let kind = MendableKind(rawValue: call.path["kind"] ?? "") else {
            throw Problem.noSuchPath
        }
        let reason = String((call.form["reason"] ?? "").prefix(200))
        let isAside: Bool
        switch call.path["action"] {
        case "retry": isAside = false
        case "set-aside": isAside = true
        default: throw Problem.noSuchPath
        }
        do {
            try await Mend(kind: kind, itemID: try id(call), aside: isAside ? reason : nil)
                .perform(services.site, as: call.actor, source: "http \(call.call.remoteAddress)")
        } catch let refusal as Refusal where refusal.at == "reason" {
            var page = try await mendView(call)
            page.typedReason = reason
            page.refusal = refusal
            return show(page, call, .exceptions, status: 422)
        }
        return .seeOther(Paths.exceptions + (isAside ? "?did=aside" : "?did=retried"))
    }
}

extension LineView.Job.Name {
    init(_ kind: JobKind) {
        self =
            switch kind {
            case .collect: .collect
            case .validate: .validate
            case .estimate: .estimate
            case .rate: .rate
            case .supply: .decideSupply
            case .command: .sendCommands
            case .ping: .pollLiveness
            case .tidy: .tidy
            case .aggregate: .aggregate
            case .regroup: .regroup
            case .forecast: .forecast
            case .fill: .fill
            case .outages: .outages
            case .payments: .payments
            case .arrears: .arrears
            case .whatIf: .whatIf
            case .slabWarnings: .slabWarnings
            case .rerun: .rerun
            case .project: .project
            case .publish: .publish
            case .close: .close
            case .subscriptions: .subscriptions
            case .keys: .changeKeys
            }
    }
}

extension JobCard {
    init(_ standing: JobStanding, _ report: JobsReport) {
        let kind = standing.kind
        let state: State =
            switch standing.state {
            case .waiting: .waiting
            case .running: .running
            case .late: .late
            case .failing: .failing
            case .paused: .paused
            }
        self.init(
            slug: kind.rawValue, name: LineView.Job.Name(kind), state: state, isDaily: kind.isDaily,
            runsByDay: kind.runsByDay, minutes: standing.minutes, settingName: LineSchedule.settingName(kind),
            nextMs: standing.nextRunMs, done: standing.running?.doneCount, waitingDays: standing.waitingDays,
            failedDays: standing.failedDays, pausedFor: standing.pause?.reason, lastError: standing.lastError,
            runs: standing.runs.map { Run($0, report) })
    }
}

extension JobCard.Run {
    init(_ run: JobRun, _ report: JobsReport) {
        let state: JobCard.RunState =
            switch run.state {
            case .running: .running
            case .done: .done
            case .failed: .failed
            case .stopped: .stopped
            case .lost: .lost
            }
        self.init(
            day: CivilDay(run.key), state: state, startedAtMs: run.startedAtMs, endedAtMs: run.endedAtMs,
            durationMs: run.durationMs, done: run.doneCount, result: run.error ?? run.result ?? "",
            askedBy: run.askedBy.map { report.people[$0] ?? "busbar" })
    }
}
