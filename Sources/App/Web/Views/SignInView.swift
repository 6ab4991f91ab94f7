// SignInView: the sign-in form, its errors said twice (summary and field), what was typed kept, never the password.
import CivilTime

/// The sign-in page.
public struct SignInView: Page {
    public enum Problem: Sendable, Equatable {
        case nameMissing, passwordMissing, wrong
        /// Too many tries; how long until the next one is looked at.
        case tooMany(retryAfterMs: Int64)
        /// The form was older than its token.
        case expired
    }

    public static let template = "signin"
    public var userName: String
    public var problems: [Problem]
    /// Where to go after signing in; a path of this server.
    public var back: String?
    /// The person has just signed out.
    public var isSignedOut: Bool

    public init(userName: String = "", problems: [Problem] = [], back: String? = nil, isSignedOut: Bool = false) {
        self.userName = userName
        self.problems = problems
        self.back = back
        self.isSignedOut = isSignedOut
    }
}

extension SignInView: PageContent {
    func title(_ w: Wording) -> Markup {
        problems.isEmpty ? w.say("signin.title") : w.say("title.error", ["title": w.say("signin.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("action", Paths.signIn)
        row.set("userName", userName)
        row.set("back", back)
        row.set("company", frame.company)
        row.set("isSignedOut", isSignedOut && problems.isEmpty)
        row.set("errors", problems.isEmpty ? [] : [errorSummary(problems.map { ($0.field, $0.words(w)) })])
        row.set("nameError", problems.first { $0.field == "user" }.map { $0.words(w) })
        row.set("passwordError", problems.first { $0.field == "password" }.map { $0.words(w) })
        return row
    }
}

extension SignInView.Problem {
    var field: String {
        switch self {
        case .nameMissing, .wrong, .tooMany, .expired: "user"
        case .passwordMissing: "password"
        }
    }

    func words(_ w: Wording) -> Markup {
        switch self {
        case .nameMissing: w.say("signin.nameMissing")
        case .passwordMissing: w.say("signin.passwordMissing")
        case .wrong: w.say("signin.wrong")
        case .tooMany(let ms): w.say("signin.tooMany", ["t": w.duration(ms)])
        case .expired: w.say("form.expired")
        }
    }
}

/// The values of the error summary: a link to the field for every fault.
func errorSummary(_ faults: [(field: String, words: Markup)]) -> Fields {
    var row = Fields()
    row.set("faults", faults.map { Fields(["field": "\($0.field)", "words": $0.words]) })
    return row
}
