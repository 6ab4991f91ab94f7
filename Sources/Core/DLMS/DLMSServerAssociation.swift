// The server's part of opening and closing an association: AARQ, the proofs of HLS, RLRQ.
import Cryptography

extension ExceptionResponse {
    /// No association, or a service that it does not have.
    static let serviceUnknown = Self(state: 2, service: 2)
    static let serviceNotSupported = Self(state: 2, service: 2)
    static let otherReason = Self(state: 2, service: 3)
    static let deciphering = Self(state: 2, service: 5)
    static let notAllowed = Self(state: 1, service: 1)
    static let tooLong = Self(state: 1, service: 4)
    static func counter(expected: UInt32) -> Self { Self(state: 2, service: 6, expectedCounter: expected) }
}

extension DLMSServer {
    /// AARE, also for a refusal. A request that cannot be deciphered gives an exception response.
    mutating func associate(_ request: AssociateRequest, _ client: UInt16) throws(DLMSError) -> [UInt8] {
        session = nil
        guard let association = configuration.associations[client] else {
            return refusal(request, .noReasonGiven)
        }
        guard request.context == (association.ciphered ? 3 : 1) else { return refusal(request, .contextNotSupported) }
        guard request.mechanism == association.mechanism else {
            return refusal(request, request.mechanism == .none ? .mechanismRequired : .mechanismNotRecognised)
        }
        let title = request.systemTitle ?? []
        // HLS-5 and ciphering need the client's title for the nonce, HLS-6 for the digest.
        if association.ciphered || association.mechanism == .highGMAC {
            guard association.keys != nil else { return refusal(request, .noReasonGiven) }
        }
        if association.ciphered || [.highGMAC, .highSHA256].contains(association.mechanism) {
            guard title.count == 8 else { return refusal(request, .callingTitleRequired) }
        }
        let initiate = try initiateRequest(request.userInformation, association, title, client)
        guard initiate.version >= 6 else { return initiateError(request, 1) }
        guard initiate.maxPDU == 0 || initiate.maxPDU >= 64 else { return initiateError(request, 3) }
        let own = Int(configuration.maxPDU)
        let granted = InitiateResponse(
            conformance: initiate.conformance.intersection(association.conformance), maxPDU: configuration.maxPDU)
        if association.mechanism == .low,
            !Hash.equalInConstantTime(request.authenticationValue ?? [], association.secret)
        {
            return try answer(request, association, .authenticationFailure, granted, stoc: nil)
        }
        var new = Session(
            client: client, association: association, clientTitle: title, conformance: granted.conformance,
            maxPDU: initiate.maxPDU == 0 ? own : min(own, Int(initiate.maxPDU)))
        if let key = initiate.dedicatedKey {
            // Sent in the clear it is known to everybody.
            guard association.ciphered, key.count == association.keys?.encryption.count else {
                return initiateError(request, 0)
            }
            new.dedicatedKey = key
        }
        guard association.mechanism.isHigh else {
            session = new
            return try answer(request, association, .none, granted, stoc: nil)
        }
        guard let ctos = request.authenticationValue, (8...64).contains(ctos.count), let stoc = drawChallenge() else {
            return try answer(request, association, .authenticationFailure, granted, stoc: nil)
        }
        new.challenges = (ctos, stoc)
        session = new
        return try answer(request, association, .authenticationRequired, granted, stoc: stoc)
    }

    private mutating func initiateRequest(
        _ information: [UInt8], _ association: ServerAssociation, _ title: [UInt8], _ client: UInt16
    ) throws(DLMSError) -> InitiateRequest {
        var apdu = try APDU(bytes: information)
        if association.ciphered, let keys = association.keys {
            guard case .ciphered(let sealed) = apdu else { throw .deciphering("initiate request in the clear") }
            apdu = try open(sealed, title: title, keys: keys, client: client)
        }
        guard case .initiateRequest(let request) = apdu else { throw .unsupported("no initiate request") }
        return request
    }

    /// Sixteen octets that no other association of this connection gets; nil without a seed.
    private mutating func drawChallenge() -> [UInt8]? {
        guard seed.count >= 16, challengesDrawn < .max else { return nil }
        challengesDrawn += 1
        return Array(Hash.sha256(seed + [challengesDrawn]).prefix(16))
    }

    private mutating func answer(
        _ request: AssociateRequest, _ association: ServerAssociation, _ diagnostic: AssociationDiagnostic,
        _ granted: InitiateResponse, stoc: [UInt8]?
    ) throws(DLMSError) -> [UInt8] {
        let accepted = diagnostic == .none || diagnostic == .authenticationRequired
        return APDU.associateResponse(
            AssociateResponse(
                context: request.context, result: accepted ? .accepted : .rejectedPermanent, diagnostic: diagnostic,
                systemTitle: association.keys == nil && association.mechanism != .highSHA256
                    ? nil : configuration.systemTitle,
                mechanism: stoc == nil ? nil : association.mechanism, authenticationValue: stoc,
                userInformation: try userInformation(granted, association))
        ).bytes
    }

    private mutating func userInformation(
        _ granted: InitiateResponse, _ association: ServerAssociation
    ) throws(DLMSError) -> [UInt8] {
        let plain = APDU.initiateResponse(granted)
        guard association.ciphered, let keys = association.keys else { return plain.bytes }
        return try seal(plain, .service(tag: 0x28), keys)
    }

    private func refusal(_ request: AssociateRequest, _ diagnostic: AssociationDiagnostic) -> [UInt8] {
        // What is granted says nothing here, but clients are used to find it.
        let initiate = InitiateResponse(conformance: [], maxPDU: configuration.maxPDU)
        return APDU.associateResponse(
            AssociateResponse(
                context: request.context, result: .rejectedPermanent, diagnostic: diagnostic,
                userInformation: APDU.initiateResponse(initiate).bytes)
        ).bytes
    }

    /// Confirmed service error of the initiate service: 0 other, 1 version too low, 3 PDU size too short.
    private func initiateError(_ request: AssociateRequest, _ value: UInt8) -> [UInt8] {
        let error = ConfirmedServiceError(service: 1, kind: 6, value: value)
        return APDU.associateResponse(
            AssociateResponse(
                context: request.context, result: .rejectedPermanent, diagnostic: .noReasonGiven,
                userInformation: APDU.confirmedServiceError(error).bytes)
        ).bytes
    }

    /// Pass 3 in, pass 4 out. A wrong proof ends the association.
    mutating func prove(_ request: ActionRequest) throws(DLMSError) -> APDU {
        guard let open = session, let (ctos, stoc) = open.challenges else { throw .exception(.serviceUnknown) }
        let failure = APDU.actionResponse(ActionResponse(invoke: request.invoke, result: .readWriteDenied))
        session = nil
        guard let proof = request.call?.parameter?.octets else { return failure }
        let own: [UInt8]
        if open.association.mechanism == .highGMAC, let keys = open.association.keys {
            // The fresh challenge is what stops a replay; the counter inside need not be above the last.
            guard try HLS.gmacCounter(proof, stoc, title: open.clientTitle, keys: keys) != nil else { return failure }
            own = try HLS.gmac(ctos, counter: try takeCounter(), title: configuration.systemTitle, keys: keys)
        } else {
            let mechanism = open.association.mechanism
            let secret = open.association.secret
            let title = configuration.systemTitle
            let isProven = try HLS.proves(
                mechanism, proof, received: stoc, sent: ctos, secret: secret, ownTitle: open.clientTitle,
                peerTitle: title)
            guard isProven else { return failure }
            own = try HLS.answer(
                mechanism, received: ctos, sent: stoc, secret: secret, ownTitle: title, peerTitle: open.clientTitle)
        }
        session = open
        session?.challenges = nil
        let returned = AccessResult.success(.octetString(own))
        return .actionResponse(ActionResponse(invoke: request.invoke, result: .success, returned: returned))
    }

    /// RLRE; the association of another client address stays.
    mutating func release(_ client: UInt16) throws(DLMSError) -> [UInt8] {
        var response = Release()
        if let open = session, open.client == client {
            session = nil
            if configuration.releaseWithUserInformation {
                let granted = InitiateResponse(conformance: open.conformance, maxPDU: configuration.maxPDU)
                response.userInformation = try userInformation(granted, open.association)
            }
        }
        return APDU.releaseResponse(response).bytes
    }
}
