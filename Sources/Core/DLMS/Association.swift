// Opening and closing an association (ACSE and the initiate service, IEC 62056-5-3, 7.2 and 9.4): the shapes.

/// How a client proves itself (mechanism names 2.16.756.5.8.2.n).
public enum AuthenticationMechanism: UInt8, Hashable, Sendable, CaseIterable {
    case none = 0
    case low = 1
    /// As used in India: AES-128-ECB of the challenge under the secret.
    case high = 2
    case highMD5 = 3
    case highSHA1 = 4
    case highGMAC = 5
    case highSHA256 = 6
    case highECDSA = 7
}

public struct AssociationResult: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public var rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let accepted = Self(rawValue: 0)
    public static let rejectedPermanent = Self(rawValue: 1)
    public static let rejectedTransient = Self(rawValue: 2)
    public var description: String {
        switch self {
        case .accepted: "accepted"
        case .rejectedPermanent: "rejected (permanent)"
        case .rejectedTransient: "rejected (transient)"
        default: "result \(rawValue)"
        }
    }
}

/// Why, by whom: the ACSE service user (A1) or provider (A2).
public struct AssociationDiagnostic: Hashable, Sendable, CustomStringConvertible {
    public var fromProvider: Bool
    public var value: UInt8
    public init(_ value: UInt8, fromProvider: Bool = false) {
        self.value = value
        self.fromProvider = fromProvider
    }
    public static let none = Self(0)
    public static let noReasonGiven = Self(1)
    public static let contextNotSupported = Self(2)
    public static let callingTitleRequired = Self(6)
    public static let mechanismNotRecognised = Self(11)
    public static let mechanismRequired = Self(12)
    public static let authenticationFailure = Self(13)
    public static let authenticationRequired = Self(14)
    public var description: String {
        let names: [UInt8: String] = [
            0: "no reason", 1: "no reason given", 2: "application context not supported",
            6: "calling application title not recognised",
            11: "mechanism not recognised", 12: "mechanism required", 13: "authentication failure",
            14: "authentication required",
        ]
        return "\(fromProvider ? "provider" : "user") diagnostic \(value)" + (names[value].map { " (\($0))" } ?? "")
    }
}

/// The conformance block: 24 bits, bit 0 of the standard is 0x800000.
public struct Conformance: OptionSet, Hashable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let generalProtection = Self(rawValue: 1 << 22)
    public static let generalBlockTransfer = Self(rawValue: 1 << 21)
    public static let attribute0WithSet = Self(rawValue: 1 << 15)
    public static let priority = Self(rawValue: 1 << 14)
    public static let attribute0WithGet = Self(rawValue: 1 << 13)
    public static let blockTransferWithGet = Self(rawValue: 1 << 12)
    public static let blockTransferWithSet = Self(rawValue: 1 << 11)
    public static let blockTransferWithAction = Self(rawValue: 1 << 10)
    public static let multipleReferences = Self(rawValue: 1 << 9)
    public static let dataNotification = Self(rawValue: 1 << 7)
    public static let access = Self(rawValue: 1 << 6)
    public static let get = Self(rawValue: 1 << 4)
    public static let set = Self(rawValue: 1 << 3)
    public static let selectiveAccess = Self(rawValue: 1 << 2)
    public static let eventNotification = Self(rawValue: 1 << 1)
    public static let action = Self(rawValue: 1)
    /// What is asked for and granted unless somebody wants otherwise.
    public static let spoken: Conformance = [
        .generalProtection, .blockTransferWithGet, .blockTransferWithSet, .blockTransferWithAction,
        .multipleReferences, .get, .set, .selectiveAccess, .action,
    ]
    /// All that this implementation speaks on either side. With general block transfer, long answers no longer come in
    /// the blocks of their service.
    public static let complete: Conformance = spoken.union([
        .generalBlockTransfer, .access, .dataNotification, .eventNotification,
    ])
}

/// `01`: what the client proposes.
public struct InitiateRequest: Hashable, Sendable {
    public var dedicatedKey: [UInt8]?
    public var responseAllowed: Bool
    public var qualityOfService: UInt8?
    public var version: UInt8
    public var conformance: Conformance
    /// 0 = no limit.
    public var maxPDU: UInt16
    public init(
        dedicatedKey: [UInt8]? = nil, responseAllowed: Bool = true, qualityOfService: UInt8? = nil,
        version: UInt8 = 6,
        conformance: Conformance, maxPDU: UInt16
    ) {
        self.dedicatedKey = dedicatedKey
        self.responseAllowed = responseAllowed
        self.qualityOfService = qualityOfService
        self.version = version
        self.conformance = conformance
        self.maxPDU = maxPDU
    }
}

/// `08`: what the server grants.
public struct InitiateResponse: Hashable, Sendable {
    public var qualityOfService: UInt8?
    public var version: UInt8
    public var conformance: Conformance
    public var maxPDU: UInt16
    /// 7 with logical names.
    public var vaaName: UInt16
    public init(
        qualityOfService: UInt8? = nil, version: UInt8 = 6, conformance: Conformance, maxPDU: UInt16,
        vaaName: UInt16 = 7
    ) {
        self.qualityOfService = qualityOfService
        self.version = version
        self.conformance = conformance
        self.maxPDU = maxPDU
        self.vaaName = vaaName
    }
}

/// `60` AARQ. `userInformation` is the initiate request, plain or ciphered, still encoded.
public struct AssociateRequest: Hashable, Sendable {
    /// Application context 2.16.756.5.8.1.n: 1 logical names, 3 logical names ciphered (2 and 4: short names).
    public var context: UInt8
    public var systemTitle: [UInt8]?
    public var mechanism: AuthenticationMechanism
    /// LLS password or the challenge CtoS.
    public var authenticationValue: [UInt8]?
    public var userInformation: [UInt8]
    public init(
        context: UInt8, systemTitle: [UInt8]? = nil, mechanism: AuthenticationMechanism = .none,
        authenticationValue: [UInt8]? = nil, userInformation: [UInt8]
    ) {
        self.context = context
        self.systemTitle = systemTitle
        self.mechanism = mechanism
        self.authenticationValue = authenticationValue
        self.userInformation = userInformation
    }
}

/// `61` AARE. `userInformation` is the initiate response (or confirmed service error), plain or ciphered,
/// still encoded.
public struct AssociateResponse: Hashable, Sendable {
    public var context: UInt8
    public var result: AssociationResult
    public var diagnostic: AssociationDiagnostic
    public var systemTitle: [UInt8]?
    public var mechanism: AuthenticationMechanism?
    /// The challenge StoC.
    public var authenticationValue: [UInt8]?
    public var userInformation: [UInt8]?
    public init(
        context: UInt8, result: AssociationResult, diagnostic: AssociationDiagnostic, systemTitle: [UInt8]? = nil,
        mechanism: AuthenticationMechanism? = nil, authenticationValue: [UInt8]? = nil,
        userInformation: [UInt8]? = nil
    ) {
        self.context = context
        self.result = result
        self.diagnostic = diagnostic
        self.systemTitle = systemTitle
        self.mechanism = mechanism
        self.authenticationValue = authenticationValue
        self.userInformation = userInformation
    }
}

/// `62` RLRQ and `63` RLRE.
public struct Release: Hashable, Sendable {
    /// 0 normal; nil when the field is left out.
    public var reason: UInt8?
    public var userInformation: [UInt8]?
    public init(reason: UInt8? = 0, userInformation: [UInt8]? = nil) {
        self.reason = reason
        self.userInformation = userInformation
    }
}
