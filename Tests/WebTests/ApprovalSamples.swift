// Samples of the page of what waits for a second person.
import Access
import CivilTime

@testable import Web

extension Samples {
    static func approvals(_ word: String) -> [Sample] {
        func request(_ id: Int64, _ state: ChangeRequest.State) -> ChangeRequest {
            var request = ChangeRequest(
                requestID: id, command: id == 8001 ? "payments.adjust" : id == 8002 ? "access.set-setting" : word,
                content: word, subjectID: 71,
                changes: id == 8003
                    ? []
                    : [
                        .init(kind: "account", subjectID: 71, field: "balance_paise", old: "100", new: "-1234567"),
                        .init(kind: "setting", subjectID: 0, field: "supply.rules", old: word, new: nil),
                    ], madeBy: 5, madeByName: id == 8003 ? nil : word, why: id == 8003 ? "" : word, madeAtMs: nowMs,
                lapsesAtMs: nowMs + 86_400_000, state: state, note: state == .pending ? "" : word)
            if state != .pending { (request.checkedByName, request.checkedAtMs) = (word, nowMs) }
            return request
        }
        let waiting = ApprovalsView(
            items: [8001, 8002, 8003].map {
                .init(
                    request: request($0, .pending), subject: $0 == 8001 ? (word, "/accounts/71") : nil, mayCheck: true,
                    mayWithdraw: false)
            }, filter: .waiting, nextBefore: 8001, isFirstPage: false,
            refusal: Refusal(.conflict, word), refusedID: 8002)
        let states = ChangeRequest.State.allCases.enumerated().map { index, state in
            ApprovalsView.Item(
                request: request(8001 + Int64(index), state), subject: nil, mayCheck: false,
                mayWithdraw: state == .pending)
        }
        let mine = ApprovalsView(items: states, filter: .mine, nextBefore: nil, isFirstPage: true)
        let empty = ChangeRequest.Filter.allCases.map { filter in
            Sample(
                name: "approvals-empty-\(filter)", look: .console, place: .approvals,
                page: ApprovalsView(items: [], filter: filter, nextBefore: nil, isFirstPage: true))
        }
        return [
            Sample(name: "approvals", look: .console, place: .approvals, page: waiting),
            Sample(name: "approvals-mine", look: .console, place: .approvals, page: mine),
        ] + empty
    }
}
