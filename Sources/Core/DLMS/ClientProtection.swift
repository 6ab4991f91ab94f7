// The client's counters and the protection of its APDUs. Counters come from a range reserved before; none is used
// twice.

extension DLMSClient {
    mutating func takeCounter() throws(DLMSError) -> UInt32 {
        // The highest counter is never used: the next one would be zero again.
        guard usedCounters < configuration.counterCount, nextCounter < .max else { throw .counterExhausted }
        usedCounters += 1
        nextCounter += 1
        return nextCounter - 1
    }

    /// Service-specific until the association stands, and for an initiate request; then as `form` says.
    func form(of apdu: APDU) throws(DLMSError) -> CipheredAPDU.Form {
        let tag = apdu.bytes.first ?? 0
        guard isAssociated, tag != 0x01 else { return .service(tag: CipheredAPDU.globalTag(of: tag) ?? 0x21) }
        let hasGeneral = granted?.conformance.contains(.generalProtection) == true
        var chosen = form
        if chosen == .automatic {
            switch (configuration.dedicatedKey != nil, hasGeneral) {
            case (false, false): chosen = .global
            case (false, true): chosen = .generalGlobal
            case (true, false): chosen = .dedicated
            case (true, true): chosen = .generalDedicated
            }
        }
        switch chosen {
        case .generalGlobal: return .generalGlobal(systemTitle: configuration.systemTitle)
        case .generalDedicated: return .generalDedicated(systemTitle: configuration.systemTitle)
        case .dedicated:
            guard let tag = CipheredAPDU.dedicatedTag(of: tag) else {
                throw .configuration("no ded form of tag \(tag)")
            }
            return .service(tag: tag)
        case .automatic, .global:
            guard let tag = CipheredAPDU.globalTag(of: tag) else {
                throw .configuration("no glo form of tag \(tag): general protection is needed and was not granted")
            }
            return .service(tag: tag)
        }
    }

    private func keys(for form: CipheredAPDU.Form) throws(DLMSError) -> SecurityKeys {
        guard var keys = configuration.keys else { throw .configuration("no keys") }
        if form.isDedicated {
            guard let key = configuration.dedicatedKey else { throw .configuration("no dedicated key") }
            keys.encryption = key
        }
        return keys
    }

    mutating func seal(_ apdu: APDU) throws(DLMSError) -> [UInt8] {
        guard isCiphered else { return apdu.bytes }
        let form = try form(of: apdu)
        let keys = try keys(for: form)
        let sealed = try CipheredAPDU.seal(
            apdu.bytes, form: form, control: configuration.control, counter: try takeCounter(),
            title: configuration.systemTitle, keys: keys)
        return APDU.ciphered(sealed).bytes
    }

    mutating func open(_ sealed: CipheredAPDU) throws(DLMSError) -> APDU {
        guard isCiphered else { throw .unexpected("protected answer in a plain context") }
        let wanted = configuration.control.rawValue & 0x30
        guard sealed.control.rawValue & wanted == wanted else {
            throw .deciphering("answer with security control \(sealed.control.rawValue), too weak")
        }
        let plaintext = try sealed.open(title: serverSystemTitle ?? [], keys: try keys(for: sealed.form))
        if sealed.form.isDedicated {
            // A dedicated key lives with its association, and so does its counter.
            if configuration.strictCounters, let last = lastDedicatedCounter, sealed.counter <= last {
                throw .counterNotIncreasing(got: sealed.counter, last: last)
            }
            lastDedicatedCounter = max(lastDedicatedCounter ?? 0, sealed.counter)
        } else {
            try accept(counter: sealed.counter, above: lastServerCounter)
        }
        let apdu = try APDU(bytes: plaintext)
        if case .ciphered = apdu { throw .unexpected("protected twice") }
        if case .service(let tag) = sealed.form, CipheredAPDU.plainTag(of: tag) != plaintext.first {
            throw .unexpected("tag \(tag) around an APDU with tag \(plaintext.first ?? 0)")
        }
        return apdu
    }

    mutating func accept(counter: UInt32, above last: UInt32?) throws(DLMSError) {
        if configuration.strictCounters, let last, counter <= last {
            throw .counterNotIncreasing(got: counter, last: last)
        }
        lastServerCounter = max(lastServerCounter ?? 0, counter)
    }
}
