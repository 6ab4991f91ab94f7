// What waits for a second person: the page that lists it, and the clicks that decide it.
import API
import Access
import Accounts
import Clocks
import Packs
import SQL

extension Desk {
    var approvalPages: [API.Page] {
        let reading: EndpointAccess = .permission([.checkRequests, .manageSettings, .readAccounts])
        let checking: EndpointAccess = .permission([.checkRequests])
        return [
            API.Page("GET", Paths.approvals, access: reading) { show(try await approvals($0), $0, .approvals) },
            API.Page("POST", "\(Paths.approvals)/{id}/confirm", access: checking) { call in
                try await decide(call) { try await $0.confirm($1, as: $2, source: $3) }
            },
            API.Page("POST", "\(Paths.approvals)/{id}/reject", access: checking) { call in
                let reason = String((call.form["reason"] ?? "").prefix(200))
                return try await decide(call) { try await $0.reject($1, reason: reason, as: $2, source: $3) }
            },
            API.Page("POST", "\(Paths.approvals)/{id}/withdraw", access: reading) { call in
                try await decide(call) { try await $0.withdraw($1, as: $2, source: $3) }
            },
        ]
    }

    private func approvals(_ call: PageCall) async throws -> ApprovalsView {
        let actor = try call.actor
        let desk = services.requests
        let filter = call.query["show"].flatMap { ChangeRequest.Filter(rawValue: $0) } ?? .waiting
        let before = call.query["before"].flatMap { Int64($0) }
        let found = try await desk.page(filter, before: before, limit: Self.listLimit, actor)
        let names = try await services.site.money.read { transaction in
            try found.items.reduce(into: [Int64: String]()) { names, request in
                guard request.changes.first?.kind == "account" else { return }
                let account = try? SupplyAccount.find(request.subjectID, actor.scope, in: transaction)
                names[request.subjectID] = account.map { "\($0.accountNumber), \($0.name)" }
            }
        }
        return ApprovalsView(
            items: found.items.map { request in
                ApprovalsView.Item(
                    request: request,
                    subject: names[request.subjectID].map { ($0, Paths.account(request.subjectID)) }
                        ?? (request.command == DecidePackDraft.name
                            ? ("\(request.subjectID)", Paths.packDraft(request.subjectID)) : nil),
                    mayCheck: desk.mayCheck(request, actor),
                    mayWithdraw: request.state == .pending && request.madeBy == actor.loginID)
            }, filter: filter, nextBefore: found.next, isFirstPage: before == nil)
    }

    private func decide(
        _ call: PageCall,
        _ body: (RequestDesk, Int64, Actor, String) async throws -> ChangeRequest
    ) async throws -> Answer {
        let actor = try call.actor
        let requestID = try id(call)
        do {
            let request = try await body(
                services.requests, requestID, actor, actor.source(address: call.call.remoteAddress))
            // What was decided is shown with how it ended.
            let filter: ChangeRequest.Filter = request.madeBy == actor.loginID ? .mine : .decided
            return .seeOther(Paths.approvals(filter.rawValue, before: nil) + "#request-\(requestID)")
        } catch let refusal as Refusal where [.invalid, .conflict, .forbidden].contains(refusal.code) {
            var page = try await approvals(call)
            (page.refusal, page.refusedID) = (refusal, requestID)
            let status = refusal.code == .conflict ? 409 : refusal.code == .forbidden ? 403 : 422
            return show(page, call, .approvals, status: status)
        }
    }
}
