// SecondStepView: the code after the password. SecondStepPart: the same on the page of one's own login and of a person.
import CivilTime

/// The second step of signing in. The proof is a hidden field: it is never in an address.
public struct SecondStepView: Page {
    public enum Problem: Sendable, Equatable {
        case wrong
        case tooMany(retryAfterMs: Int64)
    }
    public static let template = "second"
    public var proof: String
    public var back: String?
    public var problem: Problem?
    public init(proof: String, back: String?, problem: Problem? = nil) {
        self.proof = proof
        self.back = back
        self.problem = problem
    }
}

extension SecondStepView: PageContent {
    func title(_ w: Wording) -> Markup {
        problem == nil ? w.say("second.title") : w.say("title.error", ["title": w.say("second.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("action", Paths.secondStep)
        row.set("proof", proof)
        row.set("back", back)
        row.set("startHref", Paths.signIn)
        let words: Markup? =
            switch problem {
            case .wrong: w.say("second.wrong")
            case .tooMany(let ms): w.say("signin.tooMany", ["t": w.duration(ms)])
            case nil: nil
            }
        row.set("errors", words.map { [errorSummary([("code", $0)])] } ?? [])
        row.set("codeError", words)
        return row
    }
}

/// How the second step of a login stands, and what was just made for it.
public struct SecondStepPart: Sendable {
    public enum Stage: String, Sendable { case none, pending, confirmed }
    public var stage: Stage
    public var codesLeft: Int
    public var isOffered: Bool
    public var isRequired: Bool
    /// Shown this once.
    public var secret: (text: String, address: String)?
    /// Shown this once.
    public var recoveryCodes: [String] = []
    public init(stage: Stage = .none, codesLeft: Int = 0, isOffered: Bool = true, isRequired: Bool = false) {
        self.stage = stage
        self.codesLeft = codesLeft
        self.isOffered = isOffered
        self.isRequired = isRequired
    }
}

extension Fields {
    mutating func set(_ part: SecondStepPart, _ w: Wording) {
        let base = Paths.me + "/second-step"
        set("beginAction", part.stage != .confirmed && part.isOffered ? base + "/begin" : nil)
        set("beginText", w.say(part.stage == .pending ? "second.beginAgain" : "second.begin"))
        set("confirmAction", part.stage == .pending ? base + "/confirm" : nil)
        set("removeAction", part.stage == .confirmed ? base + "/remove" : nil)
        set("secondRequired", part.isRequired && part.stage != .confirmed)
        set("secondState", secondStepWords(part, w))
        set("secret", part.secret?.text)
        set("address", part.secret?.address)
        set("hasRecovery", !part.recoveryCodes.isEmpty)
        set("recovery", part.recoveryCodes.map { Fields(["text": "\($0)"]) })
    }
}

func secondStepWords(_ part: SecondStepPart, _ w: Wording) -> Markup {
    switch part.stage {
    case .none: w.say(part.isOffered ? "second.none" : "second.notOffered")
    case .pending: w.say("second.pending")
    case .confirmed: w.say("second.confirmed", ["n": "\(part.codesLeft)"])
    }
}
