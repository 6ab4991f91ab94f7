// What went wrong on the wire, in the words of the port.
import DLMS
import IS15959
import MeterPort

extension MeterError {
    init(_ error: DLMSError) {
        let code: Code =
            switch error {
            case .malformed, .tooLarge, .unsupported, .unexpected: .badAnswer
            case .deciphering, .counterNotIncreasing, .counterExhausted, .authenticationFailed: .security
            case .associationRejected: .associationRefused
            case .exception(let response): [5, 6].contains(response.service) ? .security : .accessDenied
            case .serviceError(let error): error.service == 1 ? .associationRefused : .badAnswer
            case .configuration: .other
            }
        self.init(code, "\(error)")
    }

    /// A request the meter refused.
    init(_ result: DataAccessResult, _ what: String) {
        let code: Code =
            switch result {
            case .readWriteDenied, .scopeOfAccessViolated: .accessDenied
            case .objectUndefined, .objectClassInconsistent, .objectUnavailable: .objectUndefined
            default: .other
            }
        self.init(code, "\(what): \(result)")
    }
}
