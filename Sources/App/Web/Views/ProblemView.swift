// ProblemView: something went wrong: what, what is still right, what to do, and the id to quote.
import Access

public struct ProblemView: Page {
    public enum Kind: Sendable, Equatable {
        case notFound, forbidden, failed
        /// Somebody else was faster, or the same form came twice with other words.
        case conflict
        /// The request cannot be understood.
        case badRequest
        case tooManyRequests(retryAfterMs: Int64)
    }

    public static let template = "problem"
    public var kind: Kind
    /// What more is to be said than the words of the kind.
    public var refusal: Refusal?
    /// The id that stands in the log.
    public var reference: String

    public init(kind: Kind, refusal: Refusal?, reference: String) {
        self.kind = kind
        self.refusal = refusal
        self.reference = reference
    }

    /// The HTTP status that goes with it.
    public var status: Int {
        switch kind {
        case .badRequest: 400
        case .forbidden: 403
        case .notFound: 404
        case .conflict: 409
        case .tooManyRequests: 429
        case .failed: 500
        }
    }
}

extension ProblemView: PageContent {
    func title(_ w: Wording) -> Markup { parts(w).what }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let parts = parts(w)
        var row = Fields(["what": parts.what, "todo": parts.todo, "reference": "\(reference)"])
        row.set("detail", refusal.map { w.refusal($0) })
        row.set("at", refusal?.at.map { w.say("problem.at", ["at": "\($0)"]) })
        let home = frame.person?.ownAccount.map(Paths.account) ?? (frame.person == nil ? Paths.signIn : Paths.line)
        // Who asks too often is told so before it is known who it is: the start sends each to the right page.
        let isKnown = frame.person != nil
        if case .tooManyRequests = kind, !isKnown {
            row.set("homeHref", "/")
            row.set("homeName", w.say("problem.home"))
        } else {
            row.set("homeHref", home)
            row.set("homeName", isKnown ? w.say("problem.home") : w.say("signin.title"))
        }
        return row
    }

    private func parts(_ w: Wording) -> (what: Markup, todo: Markup) {
        switch kind {
        case .notFound: (w.say("problem.notFound"), w.say("problem.notFound.todo"))
        case .forbidden: (w.say("problem.forbidden"), w.say("problem.forbidden.todo"))
        case .failed: (w.say("problem.failed"), w.say("problem.failed.todo"))
        case .conflict: (w.say("problem.conflict"), w.say("problem.conflict.todo"))
        case .badRequest: (w.say("problem.badRequest"), w.say("problem.badRequest.todo"))
        case .tooManyRequests(let ms):
            (w.say("problem.tooMany"), w.say("problem.tooMany.todo", ["t": w.duration(ms)]))
        }
    }
}
