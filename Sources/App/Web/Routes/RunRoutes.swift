// The run board, one run that was asked for, and the corrections of an account. Every action is a command, as the API
// sends it.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Jobs
import Rating
import SQL

extension Desk {
    var runPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readMeters, .runJobs])
        let acting: EndpointAccess = .permission([.runJobs])
        let ofAccount: EndpointAccess = .permission([.readAccounts, .readOwnAccount])
        let one = "\(Paths.runs)/{id}"
        return [
            API.Page("GET", Paths.runs, access: reading) { try await runBoard($0) },
            API.Page("POST", Paths.runs, access: acting) { try await askRun($0) },
            API.Page("POST", Paths.runsRetry, access: acting) { call in
                guard let run = WorkItem.Run(rawValue: call.form["run"] ?? ""), let kind = WorkListItem.job(run) else {
                    throw Problem.noSuchPath
                }
                _ = try await call.perform(RunJob(kind: kind))
                return .seeOther(Paths.runs + "?did=retried")
            },
            API.Page("GET", one, access: reading) { try await askedRun($0) },
            API.Page("GET", "\(one)/changes.csv", access: reading, rate: .heavy) { call in
                let runID = try id(call)
                var answer = Answer(
                    "text/csv; charset=utf-8",
                    try await RunReport.csv(services.site, runID: runID, try call.actor.scope))
                answer.headers["Content-Disposition"] = "attachment; filename=\"run-\(runID).csv\""
                return answer
            },
            API.Page("POST", "\(one)/{action}", access: acting) { try await steerRun($0) },
            API.Page("GET", "\(Paths.accounts)/{id}/corrections", access: ofAccount) { try await corrections($0) },
            API.Page("GET", "\(Paths.accounts)/{id}/corrections/{correction}", access: ofAccount) {
                try await correction($0)
            },
        ]
    }

    private func runBoard(
        _ call: PageCall, refused: Refusal? = nil, typed: [String: String] = [:]
    ) async throws -> Answer {
        let report = try await RunReport.of(services.site, try call.actor.scope)
        let page = RunBoardView(
            report: report, jobs: report.jobs.standings.map { JobCard($0, report.jobs) },
            mayAct: try call.actor.has(.runJobs), typed: typed, refusal: refused)
        return show(
            page, call, .runs, notice: PageFrame.JobNotice(word: call.query["did"]).map { .jobs($0) },
            status: refused.map { $0.code == .conflict ? 409 : 422 } ?? 200)
    }

    private func askRun(_ call: PageCall) async throws -> Answer {
        let typed = call.form.mapValues { String($0.prefix(200)) }
        func text(_ field: String) -> String? { typed[field].flatMap { $0.isEmpty ? nil : $0 } }
        do {
            func day(_ field: String) throws -> CivilDay? {
                guard let text = text(field) else { return nil }
                guard let day = CivilDay(text) else { throw Refusal(.invalid, "This is no day.", at: field) }
                return day
            }
            var accountID: Int64?
            if let code = text("account") {
                accountID = try await services.site.money.read { [scope = try call.actor.scope] transaction in
                    try SupplyAccount.find(number: code, scope, in: transaction)?.accountID
                }
                guard accountID != nil else {
                    throw Refusal(
                        .invalid, "There is no such account.", hint: "Give its number as it is printed.", at: "account")
                }
            }
            let reason = text("reason") ?? ""
            let asked = try await call.perform(
                AskRatingRun(
                    isTrial: typed["do"] != "run",
                    selection: RatingRun.Selection(
                        from: try day("from"), to: try day("to"), accountID: accountID, packID: text("pack")),
                    reason: reason), why: reason)
            return .seeOther(Paths.run(asked.runID) + "?did=asked")
        } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
            return try await runBoard(call, refused: refusal, typed: typed)
        }
    }

    private func askedRun(
        _ call: PageCall, refused: Refusal? = nil, reason: String = ""
    ) async throws -> Answer {
        let (runID, limit) = (try id(call), Self.listLimit)
        let after = String((call.query["after"] ?? "").prefix(64))
        let place = RunReport.place(after)
        let scope = try call.actor.scope
        let (asked, largest, found) = try await services.site.money.read { transaction in
            let run = try RatingRun.find(runID, scope, in: transaction)
            return (
                RunReport.Asked(run: run, sums: try RatingRunSums.of(runID: runID, scope, in: transaction)),
                try RatingChange.largest(runID: runID, limit: 10, scope, in: transaction),
                try RatingChange.page(runID: runID, after: place, limit: limit + 1, scope, in: transaction)
            )
        }
        let items = Array(found.prefix(limit))
        let page = AskedRunView(
            asked: asked, largest: largest, changes: items,
            next: found.count > limit ? items.last.map { RunReport.place($0) } : nil, isFirstPage: place == nil,
            mayAct: try call.actor.has(.runJobs), typedReason: reason, refusal: refused)
        return show(
            page, call, .runs, notice: PageFrame.JobNotice(word: call.query["did"]).map { .jobs($0) },
            status: refused.map { $0.code == .conflict ? 409 : 422 } ?? 200)
    }

    private func steerRun(_ call: PageCall) async throws -> Answer {
        let runID = try id(call)
        let reason = String((call.form["reason"] ?? "").prefix(200))
        do {
            switch call.path["action"] {
            case "carry-out":
                let asked = try await call.perform(CarryOutTrial(trialID: runID, reason: reason), why: reason)
                return .seeOther(Paths.run(asked.runID) + "?did=asked")
            case "stop": _ = try await call.perform(SteerRatingRun(runID: runID, .stop))
            case "resume": _ = try await call.perform(SteerRatingRun(runID: runID, .resume))
            default: throw Problem.noSuchPath
            }
            return .seeOther(Paths.run(runID))
        } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
            return try await askedRun(call, refused: refusal, reason: reason)
        }
    }

    // MARK: corrections

    private func corrections(_ call: PageCall) async throws -> Answer {
        let (accountID, limit) = (try id(call), Self.listLimit)
        let before = call.query["before"].flatMap { Int64($0) }
        let scope = try call.actor.scope
        let (account, found) = try await services.site.money.read { transaction in
            (
                try SupplyAccount.find(accountID, scope, in: transaction),
                try Correction.of(accountID: accountID, before: before, limit: limit + 1, scope, in: transaction)
            )
        }
        let items = Array(found.prefix(limit))
        let page = CorrectionsView(
            account: accountID, code: account.accountNumber, items: items,
            next: found.count > limit ? items.last?.correctionID : nil, isFirstPage: before == nil)
        return show(page, call, call.session?.actor.role == .consumer ? .statement : .accounts)
    }

    private func correction(_ call: PageCall) async throws -> Answer {
        let accountID = try id(call)
        guard let text = call.path["correction"], let correctionID = Int64(text), correctionID > 0 else {
            throw Problem.noSuchPath
        }
        let scope = try call.actor.scope
        let chain = try await CorrectionChain.of(correctionID, accountID: accountID, site: services.site, scope)
        let account = try await services.site.money.read {
            try SupplyAccount.find(accountID, scope, in: $0)
        }
        let page = CorrectionChainView(account: accountID, code: account.accountNumber, chain: chain)
        return show(page, call, call.session?.actor.role == .consumer ? .statement : .accounts)
    }
}
