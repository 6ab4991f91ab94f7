// What waits for a second person: see it, confirm it, reject it, take it back.
import Access

struct RequestChangeView: APIModel {
    var kind: String
    var field: String
    var old: String?
    var new: String?
    static let notes: [String: Note] = [
        "kind": Note("What it is about: account, meter, login, setting, company."), "field": Note("Which field."),
        "old": Note("Before, when it was asked; absent when it was not there."),
        "new": Note("After; absent when it is no more."),
    ]
}

struct RequestView: APIModel {
    var requestID: ID
    var command: String
    var content: String
    var subjectID: ID?
    var changes: [RequestChangeView]
    var reason: String
    var state: ChangeRequest.State
    var madeBy: ID?
    var madeByName: String?
    var madeAtMs: Int64
    var lapsesAtMs: Int64
    var checkedBy: ID?
    var checkedByName: String?
    var checkedAtMs: Int64?
    var note: String
    static let notes: [String: Note] = [
        "requestID": Note("The request."), "command": Note("What is to run, such as payments.adjust."),
        "content": Note("What was asked."), "subjectID": Note("The account, meter or login it is about."),
        "changes": Note("What it would have changed when it was asked.", itemsMax: 50),
        "reason": Note("Why it was asked."),
        "state": Note(
            "pending waits; failed was confirmed and refused by then; only confirmed changed anything."),
        "madeBy": Note("The login that asked."), "madeByName": Note("Its username."),
        "madeAtMs": Note("Business time."), "lapsesAtMs": Note("Business time from which it can no more be confirmed."),
        "checkedBy": Note("The login that decided."), "checkedByName": Note("Its username."),
        "checkedAtMs": Note("Business time."), "note": Note("What the second person said, or why it failed."),
    ]

    init(_ request: ChangeRequest) {
        func id(_ number: Int64?) -> ID? { number.flatMap { $0 == 0 ? nil : ID($0) } }
        (requestID, command, content) = (ID(request.requestID), request.command, request.content)
        subjectID = id(request.subjectID)
        changes = request.changes.map {
            RequestChangeView(kind: $0.kind, field: $0.field, old: $0.old, new: $0.new)
        }
        (reason, state, note) = (request.why, request.state, request.note)
        (madeBy, madeByName) = (id(request.madeBy), request.madeByName)
        (madeAtMs, lapsesAtMs) = (request.madeAtMs, request.lapsesAtMs)
        (checkedBy, checkedByName) = (id(request.checkedBy), request.checkedByName)
        checkedAtMs = request.checkedAtMs
    }

    static let example = RequestView(
        ChangeRequest(
            requestID: 8001, command: "payments.adjust",
            content: "account=101 amount_paise=2000 reference=corr-2026-17 reason=Meter exchanged late",
            subjectID: 101,
            changes: [
                ChangeRequest.Change(
                    kind: "account", subjectID: 101, field: "balance_paise", old: "11860", new: "13860")
            ], madeBy: 77, madeByName: "asha", why: "Meter exchanged late", madeAtMs: 1_795_248_000_000,
            lapsesAtMs: 1_795_852_800_000, state: .pending))
}

struct RequestPath: APIModel {
    var requestID: ID
    static let notes: [String: Note] = ["requestID": Note("The request.")]
}

struct RequestReasonInput: APIModel {
    var requestID: ID
    var reason: String
    static let notes: [String: Note] = [
        "requestID": Note("The request."), "reason": Note("Why not.", length: 3...200),
    ]
}

struct RequestQuery: APIModel {
    var show: ChangeRequest.Filter?
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "show": Note(
            "waiting when not given: what others asked for and you may decide; mine: what you asked for; decided: "
                + "what is over."),
        "before": Note("The `next` of the part before; without it the newest."),
        "limit": Note("How many at most; 50 when not given. A part may hold fewer.", range: 1...200),
    ]
}

struct RequestListView: APIModel {
    var items: [RequestView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first."), "next": Note("Send it as `before`; absent at the end."),
    ]
}

extension Endpoints {
    private static let reading: EndpointAccess = .permission([.checkRequests, .manageSettings, .readAccounts])
    private static let checking: EndpointAccess = .permission([.checkRequests])

    static let requests: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<RequestQuery, RequestListView>(
                "requests.list", "GET", "/api/v1/requests", access: reading,
                EndpointText(
                    "List requests for a second person", "Your own, and those of others that you may decide."),
                example: RequestQuery(show: .waiting, limit: 50), outputExample: RequestListView(items: [.example]),
                run: { input, context in
                    let found = try await context.services.requests.page(
                        input.show ?? .waiting, before: input.before?.value, limit: input.limit ?? 50,
                        try context.actor)
                    return RequestListView(
                        items: found.items.map { RequestView($0) }, next: found.next.map { ID($0) })
                })),
        AnyEndpoint(
            Endpoint<RequestPath, RequestView>(
                "requests.read", "GET", "/api/v1/requests/{requestID}", access: reading,
                EndpointText(
                    "Read a request for a second person", "What it would change, who asked and why, how it ended."),
                example: RequestPath(requestID: ID(8001)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    RequestView(
                        try await context.services.requests.find(input.requestID.value, try context.actor))
                })),
        AnyEndpoint(
            Endpoint<RequestPath, RequestView>(
                "requests.confirm", "POST", "/api/v1/requests/{requestID}/confirm", access: checking,
                EndpointText(
                    "Confirm a request",
                    "The second person's yes, refused to who asked: it runs now, as who asked. Where that is refused "
                        + "by now, the state is failed and nothing changed. Twice is once. Takes the permission of "
                        + "the matter too."),
                example: RequestPath(requestID: ID(8001)), outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let actor = try context.actor
                    return RequestView(
                        try await context.services.requests.confirm(
                            input.requestID.value, as: actor,
                            source: actor.source(address: context.call.remoteAddress)))
                })),
        AnyEndpoint(
            Endpoint<RequestReasonInput, RequestView>(
                "requests.reject", "POST", "/api/v1/requests/{requestID}/reject", access: checking,
                EndpointText("Reject a request", "The second person's no; nothing changes."),
                example: RequestReasonInput(requestID: ID(8001), reason: "The meter is right"),
                outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let actor = try context.actor
                    return RequestView(
                        try await context.services.requests.reject(
                            input.requestID.value, reason: input.reason, as: actor,
                            source: actor.source(address: context.call.remoteAddress)))
                })),
        AnyEndpoint(
            Endpoint<RequestPath, RequestView>(
                "requests.withdraw", "POST", "/api/v1/requests/{requestID}/withdraw", access: reading,
                EndpointText("Withdraw a request", "Who asked takes it back; nothing changes."),
                example: RequestPath(requestID: ID(8001)), outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let actor = try context.actor
                    return RequestView(
                        try await context.services.requests.withdraw(
                            input.requestID.value, as: actor,
                            source: actor.source(address: context.call.remoteAddress)))
                })),
    ]
}
