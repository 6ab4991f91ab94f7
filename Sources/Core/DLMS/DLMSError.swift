// The one error type of this target: a closed code with what was wrong and where. No I/O, no text for end users.

/// What can go wrong between a client and a meter (IEC 62056-5-3), from bad bytes to a refusal.
public enum DLMSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes are not what the standard says; `offset` counts octets from the start of the piece being read.
    case malformed(String, offset: Int)
    /// A limit of ours (size, depth, count) is passed.
    case tooLarge(String)
    /// Well-formed, but a service or form that is not spoken here.
    case unsupported(String)
    /// The tag does not fit: wrong key, wrong title or changed bytes.
    case deciphering(String)
    /// A protected APDU came with a counter that is not above the last accepted one.
    case counterNotIncreasing(got: UInt32, last: UInt32)
    /// The reserved range of invocation counters is used up; reserve more and associate again.
    case counterExhausted
    /// AARE with a result other than accepted. `diagnostic` 13 is a wrong LLS secret.
    case associationRejected(result: AssociationResult, diagnostic: AssociationDiagnostic)
    /// The meter did not prove that it knows the secret (pass 4), or refused our proof (pass 3).
    case authenticationFailed(String)
    /// The meter answered with an exception response; a low counter carries the expected one.
    case exception(ExceptionResponse)
    /// The meter answered with a confirmed service error.
    case serviceError(ConfirmedServiceError)
    /// A call or an answer that does not fit the present state.
    case unexpected(String)
    /// The configuration cannot work (missing keys, a challenge of the wrong size, ...).
    case configuration(String)

    public var description: String {
        switch self {
        case .malformed(let what, let offset): "malformed at octet \(offset): \(what)"
        case .tooLarge(let what): "too large: \(what)"
        case .unsupported(let what): "not supported: \(what)"
        case .deciphering(let what): "cannot decipher: \(what)"
        case .counterNotIncreasing(let got, let last): "invocation counter \(got) is not above \(last)"
        case .counterExhausted: "the reserved invocation counters are used up"
        case .associationRejected(let result, let diagnostic): "association rejected: \(result), \(diagnostic)"
        case .authenticationFailed(let what): "authentication failed: \(what)"
        case .exception(let response): "exception response: \(response)"
        case .serviceError(let error): "confirmed service error \(error.service)/\(error.kind)/\(error.value)"
        case .unexpected(let what): "unexpected: \(what)"
        case .configuration(let what): "configuration: \(what)"
        }
    }
}
