// The second step of signing in: giving the code, setting it up, removing it, and taking it off somebody's login.
import Access
import Clocks

struct SecondStepInput: APIModel {
    var proof: String
    var code: String
    var use: SignIn.Use?
    static let notes: [String: Note] = [
        "proof": Note("What the answer `second-step` to the password held; good for five minutes.", length: 64...64),
        "code": Note("Six digits of the authenticator app, or a recovery code.", length: 6...64),
        "use": Note("How the token comes back: cookie (the default) or bearer."),
    ]
}

struct SecondStepView: APIModel {
    var stage: SecondStepState.Stage
    var recoveryCodesLeft: Int
    var isRequired: Bool
    static let notes: [String: Note] = [
        "stage": Note("none; pending: begun and not confirmed; confirmed."),
        "recoveryCodesLeft": Note("Recovery codes that were not used yet."),
        "isRequired": Note("Whether the setting access.totp asks this login for it."),
    ]

    init(_ state: SecondStepState) {
        stage = state.stage
        recoveryCodesLeft = state.recoveryCodesLeft
        isRequired = state.isRequired
    }

    static let example = SecondStepView(
        SecondStepState(stage: .confirmed, recoveryCodesLeft: 8, isOffered: true, isRequired: false))
}

struct SecondStepSecret: APIModel {
    var secret: String
    var address: String
    static let notes: [String: Note] = [
        "secret": Note("For the authenticator app, in base 32; shown this once."),
        "address": Note("The same as an otpauth address, for a QR code; shown this once."),
    ]
}

struct SecondStepCode: APIModel {
    var code: String
    static let notes: [String: Note] = ["code": Note("The present code of the authenticator app.", length: 6...12)]
}

struct RecoveryCodes: APIModel {
    var recoveryCodes: [String]
    static let notes: [String: Note] = [
        "recoveryCodes": Note("Each signs in once in place of a code; shown this once.")
    ]
}

struct SecondStepRemoval: APIModel {
    var password: String
    var code: String
    static let notes: [String: Note] = [
        "password": Note("The present password.", length: 1...512),
        "code": Note("Six digits of the authenticator app, or a recovery code.", length: 6...64),
    ]
}

extension EndpointContext {
    func secondStep() async throws -> SecondStepView {
        let loginID = try actor.loginID
        let nowMs = services.site.clocks.businessNowMs()
        return SecondStepView(
            try await read { try SecondStep.state(of: loginID, businessNowMs: nowMs, $1, in: $0) })
    }
}

extension Endpoints {
    private static let own: EndpointAccess = .permission([.manageOwnLogin])

    static let secondStep: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<SecondStepInput, SessionView>(
                "session.second-step", "POST", "/api/v1/session/second-step", access: .anyone,
                EndpointText(
                    "Sign in, second step",
                    "Takes the proof that POST /api/v1/session answered with, and a code. Five wrong ones in 15 min."
                ),
                example: SecondStepInput(proof: String(repeating: "0f", count: 32), code: "287082", use: .bearer),
                outputExample: .example, rate: .signIn, problems: [.unauthenticated],
                replying: { input, context in
                    let grant = try await context.services.sessions.finishSignIn(
                        proof: input.proof, code: input.code, from: context.call.remoteAddress,
                        userAgent: context.call.headers["User-Agent"] ?? "")
                    return try await context.opened(grant, use: input.use)
                })),
        AnyEndpoint(
            Endpoint<Nothing, SecondStepView>(
                "second-step.read", "GET", "/api/v1/second-step", access: own,
                EndpointText("Your second step", "Whether your login has one."), outputExample: .example,
                run: { _, context in try await context.secondStep() })),
        AnyEndpoint(
            Endpoint<Nothing, SecondStepSecret>(
                "second-step.begin", "POST", "/api/v1/second-step", access: own,
                EndpointText("Begin a second step", "Makes a new secret. It counts once it is confirmed with a code."),
                outputExample: SecondStepSecret(
                    secret: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
                    address: "otpauth://totp/Busbar:asha?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Busbar"),
                rate: .signIn, problems: [.conflict],
                run: { _, context in
                    let command = try BeginSecondStep(
                        context.needSession(), context.services.sessions.needRing())
                    _ = try await context.perform(command)
                    return SecondStepSecret(secret: command.secretText, address: command.address)
                })),
        AnyEndpoint(
            Endpoint<SecondStepCode, RecoveryCodes>(
                "second-step.confirm", "POST", "/api/v1/second-step/confirm", access: own,
                EndpointText("Confirm your second step", "Ends all other sessions of the login."),
                example: SecondStepCode(code: "287082"),
                outputExample: RecoveryCodes(recoveryCodes: ["k7m2p-9fpqa-x3h5d"]),
                rate: .signIn, problems: [.conflict],
                run: { input, context in
                    let command = ConfirmSecondStep(
                        try context.needSession(), code: input.code, try context.services.sessions.needRing())
                    _ = try await context.perform(command)
                    return RecoveryCodes(recoveryCodes: command.recoveryCodes)
                })),
        AnyEndpoint(
            Endpoint<SecondStepRemoval, SecondStepView>(
                "second-step.remove", "POST", "/api/v1/second-step/remove", access: own,
                EndpointText("Remove your second step", "Takes the password and a code."),
                example: SecondStepRemoval(password: "nine blue tigers", code: "287082"), outputExample: .example,
                rate: .signIn, problems: [.conflict],
                run: { input, context in
                    try await context.services.sessions.removeSecondStep(
                        of: context.needSession(), password: input.password, code: input.code,
                        from: context.call.remoteAddress)
                    return try await context.secondStep()
                })),
        AnyEndpoint(
            Endpoint<LoginSessionsPath, LoginView>(
                "logins.reset-second-step", "DELETE", "/api/v1/logins/{loginID}/second-step",
                access: .permission([.manageLogins]),
                EndpointText("Take the second step off a login", "For who lost the phone. Ends the login's sessions."),
                example: LoginSessionsPath(loginID: ID(21)), outputExample: .example,
                problems: [.notFound, .conflict],
                run: { input, context in
                    LoginView(try await context.perform(ResetSecondStep(loginID: input.loginID.value)))
                })),
    ]
}
