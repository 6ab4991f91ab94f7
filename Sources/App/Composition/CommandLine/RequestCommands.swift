// `busbar approvals list|confirm|reject|withdraw`: what waits for a second person, from the server's own command line.
import API
import Access
import CivilTime
import Clocks

/// What is decided about a request.
public enum RequestDecision: Sendable {
    case confirm
    case reject(reason: String)
    case withdraw
}

private struct RequestRow: Encodable {
    var requestID: String
    var command: String
    var state: String
    var madeBy: String
    var lapsesOn: String
    var changes: [String]
    var why: String
    var note: String

    init(_ request: ChangeRequest, _ zone: Zone) {
        (requestID, command) = (String(request.requestID), request.command)
        (state, why, note) = (request.state.rawValue, request.why, request.note)
        madeBy = request.madeByName ?? "the machine"
        lapsesOn = zone.day(atS: request.lapsesAtMs / 1000).description
        changes = request.changes.map { "\($0.field): \($0.old ?? "-") -> \($0.new ?? "-")" }
    }
}

extension Asked {
    /// What came of it; nil, and said, when it waits for a second person.
    func done(_ console: Console) -> Output? {
        switch self {
        case .done(let output): return output
        case .waits(let request):
            console.say("request \(request.requestID) waits for a second person")
            return nil
        }
    }
}

private func desk(_ open: OpenSite) -> RequestDesk {
    // What the process that serves takes for a value is not refused here.
    RequestDesk(site: open.site, kinds: BusbarRequests.kinds(BusbarSettings.registry(testPayments: true)))
}

/// The newest requests, 200 at most.
public func listRequests(
    _ site: SiteOptions, orgID: Int64?, show: String, json: Bool, _ console: Console
) async throws -> CommandStatus {
    guard let filter = ChangeRequest.Filter(rawValue: show), filter != .mine else {
        throw Complaint("--show \(show.prefix(40)): not known", hint: "Give waiting or decided.", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let found = try await desk(open).page(filter, before: nil, limit: 200, .system(orgID: org.orgID))
        let rows = found.items.map { RequestRow($0, org.zone) }
        if json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        let cells = rows.map { row in
            [
                row.requestID, row.command, row.state, row.madeBy, row.lapsesOn, row.changes.joined(separator: ", "),
                row.why,
            ]
        }
        let head = ["request", "command", "state", "asked by", "lapses", "changes", "why"]
        for line in table([head] + cells) { console.say(line) }
        if rows.isEmpty { console.note("Nothing here.") }
        return .done
    }
}

/// The second person's yes or no, or who asked takes it back.
public func decideRequest(
    _ site: SiteOptions, orgID: Int64?, requestID: Int64, _ decision: RequestDecision, _ person: OrderingPerson,
    _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        try await naming(["reason": "--reason", "requestID": "REQUEST"]) {
            let org = try await open.org(orgID)
            let actor = try await person.actor(open, orgID: org.orgID)
            let desk = desk(open)
            let request =
                switch decision {
                case .confirm: try await desk.confirm(requestID, as: actor, source: "cli")
                case .reject(let reason): try await desk.reject(requestID, reason: reason, as: actor, source: "cli")
                case .withdraw: try await desk.withdraw(requestID, as: actor, source: "cli")
                }
            console.say("request \(request.requestID) is \(request.state.rawValue)")
            if !request.note.isEmpty { console.note(request.note) }
            return request.state == .failed ? .problems : .done
        }
    }
}
