// Is it alive, is it ready; the documents about the API itself.
import Access
import SQL

struct Health: APIModel {
    enum Status: String, Codable, CaseIterable { case ok }
    var status: Status
    static let notes: [String: Note] = ["status": Note("ok, or the answer is a problem.")]
}

struct ProblemPath: APIModel {
    var code: String
    static let notes: [String: Note] = ["code": Note("The end of a problem's type.", length: 1...64)]
}

struct ProblemView: APIModel {
    var code: String
    var title: String
    var status: Int
    var mend: String
    static let notes: [String: Note] = [
        "code": Note("The end of the problem's type."), "title": Note("What happened."),
        "status": Note("The HTTP status.", range: 400...599), "mend": Note("What to do about it."),
    ]
    init(_ problem: ProblemCode) {
        (code, title, status, mend) = (problem.rawValue, problem.title, problem.status, problem.mend)
    }
}

struct ProblemList: APIModel {
    var items: [ProblemView]
    static let notes: [String: Note] = ["items": Note("Every problem type there is.")]
}

extension Endpoints {
    static let health: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, Health>(
                "health.live", "GET", "/health", access: .anyone,
                EndpointText("Is the process alive", "Asks nothing of the database."),
                outputExample: Health(status: .ok),
                rate: .uncounted, run: { _, _ in Health(status: .ok) })),
        AnyEndpoint(
            Endpoint<Nothing, Health>(
                "health.ready", "GET", "/ready", access: .anyone,
                EndpointText(
                    "Can it serve",
                    "Asks the database, within two seconds. 503 with the reason when it is out of reach, migrations "
                        + "are pending, the lease is lost or the process is stopping."),
                outputExample: Health(status: .ok),
                rate: .reading, problems: [.unavailable],
                run: { _, context in
                    try await context.services.readiness.require(context.services.site)
                    return Health(status: .ok)
                })),
    ]

    static let documents: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, ProblemList>(
                "problems.list", "GET", "/problems", access: .anyone,
                EndpointText("List problem types", "Every way a request can fail, with the remedy."),
                outputExample: ProblemList(items: [ProblemView(.invalid)]),
                run: { _, _ in ProblemList(items: ProblemCode.allCases.map { ProblemView($0) }) })),
        AnyEndpoint(
            Endpoint<ProblemPath, ProblemView>(
                "problems.read", "GET", "/problems/{code}", access: .anyone,
                EndpointText("Explain a problem type", "The `type` of every problem leads here."),
                example: ProblemPath(code: ProblemCode.invalid.rawValue), outputExample: ProblemView(.invalid),
                problems: [.notFound],
                run: { input, _ in
                    guard let code = ProblemCode(rawValue: input.code) else {
                        throw Refusal(.notFound, "There is no problem type of this name.", at: "code")
                    }
                    return ProblemView(code)
                })),
    ]
}
