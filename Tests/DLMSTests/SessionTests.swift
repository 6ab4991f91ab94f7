// Client against server: every authentication, plain and ciphered, blocks, lists, refusals, counters, connections.
import DLMS
import Testing

@Suite struct SessionTests {
    @Test(arguments: Way.all) func wholeSession(_ way: Way) throws {
        var bench = Bench(way)
        #expect(try bench.associate() == .associated)
        #expect(bench.client.isAssociated)
        #expect(bench.server.associatedClient == way.address)
        #expect(try bench.exchange(try bench.client.get(register)) == .value(.doubleLongUnsigned(1_234_567)))
        let all = try #require(bench.objects.values[profile])
        let before = bench.wire.count
        #expect(try bench.exchange(try bench.client.get(profile)) == .value(all))
        #expect(bench.wire.count - before > 8, "the profile must come in blocks")
        #expect(bench.wire.allSatisfy { $0.count <= 512 }, "no APDU above the agreed size")
        let rows = try #require(all.elements)
        #expect(
            try bench.exchange(try bench.client.get(profile, .entry(from: 2, to: 3)))
                == .value(.array(Array(rows[1...2]))))
        #expect(
            try bench.exchange(try bench.client.get(profile, .entry(from: 0, to: 3)))
                == .failed(.scopeOfAccessViolated))
        let absent = AttributeReference(3, OBIS(9, 9, 9, 9, 9))
        #expect(try bench.exchange(try bench.client.get(absent)) == .failed(.objectUndefined))
        #expect(
            try bench.exchange(try bench.client.getList([AttributeAccess(register), AttributeAccess(absent)]))
                == .values([.success(.doubleLongUnsigned(1_234_567)), .failure(.objectUndefined)]))
        // A list too long for one PDU comes in blocks too.
        let list = [AttributeAccess(profile), AttributeAccess(absent), AttributeAccess(register)]
        #expect(
            try bench.exchange(try bench.client.getList(list))
                == .values([.success(all), .failure(.objectUndefined), .success(.doubleLongUnsigned(1_234_567))]))
        #expect(try bench.exchange(try bench.client.set(register, .doubleLongUnsigned(5))) == .done(nil))
        #expect(bench.objects.values[register] == .doubleLongUnsigned(5))
        #expect(try bench.exchange(try bench.client.set(absent, .null)) == .failed(.objectUndefined))
        let relay = OBIS(0, 0, 96, 3, 10)
        #expect(try bench.exchange(try bench.client.act(MethodReference(70, relay, 1), .integer(0))) == .done(nil))
        #expect(!bench.objects.relayClosed)
        #expect(
            try bench.exchange(try bench.client.act(MethodReference(70, relay, 2), .integer(0)))
                == .done(.unsigned(7)))
        #expect(bench.objects.relayClosed)
        if way.ciphered {
            // 01: AARQ, 60: AARE, ...: nothing but the association and protected APDUs may pass.
            let allowed: Set<UInt8> = [0x60, 0x61, 0xCB, 0xCF, 0xDB]
            #expect(bench.wire.allSatisfy { allowed.contains($0[0]) })
            try checkCounters(bench.wire)
        }
        #expect(try bench.exchange(try bench.client.release()) == .released)
        #expect(bench.server.associatedClient == nil)
        #expect(throws: DLMSError.self) { try bench.client.get(register) }
    }

    /// No nonce twice: counters of each side only go up, whatever the form.
    private func checkCounters(_ wire: [[UInt8]]) throws {
        for side in 0...1 {
            var last: UInt32?
            for (index, bytes) in wire.enumerated() where index % 2 == side {
                guard case .ciphered(let sealed) = try APDU(bytes: bytes) else { continue }
                if let last { #expect(sealed.counter > last) }
                last = sealed.counter
            }
            #expect(last != nil)
        }
    }

    @Test func serviceSpecificFormWithoutGeneralProtection() throws {
        var bench = Bench(Way.all[5], conformance: Conformance.spoken.subtracting(.generalProtection))
        #expect(try bench.associate() == .associated)
        #expect(try bench.exchange(try bench.client.get(register)) == .value(.doubleLongUnsigned(1_234_567)))
        #expect(bench.wire.suffix(2).map { $0[0] } == [0xC8, 0xCC])
    }

    @Test func smallestPDU() throws {
        var bench = Bench(Way.all[5], maxPDU: 64)
        #expect(try bench.associate() == .associated)
        let all = try #require(bench.objects.values[profile])
        #expect(try bench.exchange(try bench.client.get(profile)) == .value(all))
        #expect(bench.wire.dropFirst(4).enumerated().allSatisfy { $0.offset % 2 == 0 || $0.element.count <= 64 })
    }

    @Test func wrongPassword() throws {
        var bench = Bench(Way.all[2], secret: Array("WRONGPASS".utf8))
        #expect(throws: DLMSError.associationRejected(result: .rejectedPermanent, diagnostic: .authenticationFailure)) {
            try bench.associate()
        }
        #expect(bench.server.associatedClient == nil)
        let get = GetRequest(invoke: 0xC1, body: .normal(AttributeAccess(register)))
        let answer = bench.answer(APDU.getRequest(get).bytes, from: 32)
        #expect(answer == hex("D80202"))
    }

    @Test(arguments: [4, 5]) func wrongHLSSecret(_ index: Int) throws {
        var bench = Bench(Way.all[index], secret: Array("BUSBAR-HLS-00002".utf8))
        #expect(throws: DLMSError.authenticationFailed("the meter refused our proof: read-write-denied")) {
            try bench.associate()
        }
        #expect(bench.server.associatedClient == nil)
    }

    @Test func serviceBeforeProof() throws {
        var bench = Bench(Way.all[4])
        _ = bench.answer(try bench.client.associate(), from: 18)
        let get = APDU.getRequest(GetRequest(invoke: 0xC1, body: .normal(AttributeAccess(register)))).bytes
        #expect(bench.answer(get, from: 18) == hex("D80202"))
        #expect(bench.server.associatedClient == nil)
    }

    @Test func meterThatDoesNotKnowTheSecret() throws {
        var bench = Bench(Way.all[4])
        let request = try bench.client.associate()
        let stoc = bench.answer(request, from: 18) ?? []
        _ = try bench.client.receive(stoc)
        let forged = ActionResponse(
            invoke: 0xC1, result: .success, returned: .success(.octetString([UInt8](repeating: 1, count: 16))))
        #expect(throws: DLMSError.authenticationFailed("the meter does not know the secret")) {
            try bench.client.receive(APDU.actionResponse(forged).bytes)
        }
        #expect(!bench.client.isAssociated)
    }

    @Test func ownChallengeEchoed() throws {
        var bench = Bench(Way.all[4])
        _ = try bench.client.associate()
        let echo = AssociateResponse(
            context: 1, result: .accepted, diagnostic: .authenticationRequired, mechanism: .high,
            authenticationValue: Array(1...16),
            userInformation: APDU.initiateResponse(InitiateResponse(conformance: .spoken, maxPDU: 512)).bytes)
        #expect(throws: DLMSError.authenticationFailed("our own challenge came back")) {
            try bench.client.receive(APDU.associateResponse(echo).bytes)
        }
    }

    @Test(arguments: [5, 7]) func wrongKeys(_ index: Int) throws {
        for (encryption, authentication) in [
            (hlsSecret, clientKeys.authentication), (clientKeys.encryption, hlsSecret),
        ] {
            let keys = SecurityKeys(encryption: encryption, authentication: authentication)
            var bench = Bench(Way.all[index], keys: keys)
            #expect(throws: DLMSError.exception(ExceptionResponse(state: 2, service: 5))) { try bench.associate() }
        }
    }

    @Test func lowCounter() throws {
        var bench = Bench(Way.all[5], firstCounter: 1000)
        #expect(try bench.associate() == .associated)
        let last = try #require(bench.server.clientCounter[48])
        #expect(last == 1001)
        bench.server.connectionOpened(seed: [UInt8](repeating: 8, count: 32))
        var second = Bench(Way.all[5], firstCounter: 1001)
        second.server = bench.server
        let expected = ExceptionResponse(state: 2, service: 6, expectedCounter: 1002)
        #expect(throws: DLMSError.exception(expected)) { try second.associate() }
        var third = Bench(Way.all[5], firstCounter: 1002)
        third.server = bench.server
        #expect(try third.associate() == .associated)
    }

    @Test func replayedRequestAndReplayedAnswer() throws {
        var bench = Bench(Way.all[5])
        #expect(try bench.associate() == .associated)
        let request = try bench.client.get(register)
        let answer = bench.answer(request, from: 48) ?? []
        let again = bench.answer(request, from: 48) ?? []
        #expect(Array(again.prefix(3)) == hex("D80206"))
        #expect(try bench.client.receive(answer) == .value(.doubleLongUnsigned(1_234_567)))
        _ = try bench.client.get(register)
        #expect(throws: DLMSError.self) { try bench.client.receive(answer) }
        #expect(!bench.client.isAssociated)
    }

    @Test func countersRunOut() throws {
        var bench = Bench(Way.all[5], counterCount: 4)
        #expect(try bench.associate() == .associated)
        _ = try bench.exchange(try bench.client.get(register))
        _ = try bench.exchange(try bench.client.get(register))
        #expect(throws: DLMSError.counterExhausted) { try bench.client.get(register) }
        #expect(bench.client.nextCounter == 5)
        #expect(bench.client.isAssociated)
        var top = Bench(Way.all[5], firstCounter: .max - 1)
        #expect(throws: DLMSError.counterExhausted) { try top.associate() }
    }

    @Test func strictAndBenchCounters() throws {
        for strict in [true, false] {
            var bench = Bench(Way.all[5])
            var configuration = bench.client.configuration
            configuration.strictCounters = strict
            bench.client = DLMSClient(configuration)
            bench.client.lastServerCounter = 100_000
            if strict {
                #expect(throws: DLMSError.counterNotIncreasing(got: 500, last: 100_000)) { try bench.associate() }
            } else {
                #expect(try bench.associate() == .associated)
            }
        }
    }

    @Test func plainRequestInCipheredAssociation() throws {
        var bench = Bench(Way.all[5])
        #expect(try bench.associate() == .associated)
        let get = APDU.getRequest(GetRequest(invoke: 0xC1, body: .normal(AttributeAccess(register)))).bytes
        #expect(bench.answer(get, from: 48) == hex("D80101"))
        _ = try bench.client.get(register)
        let plain = GetResponse(invoke: 0xC1, body: .normal(.success(.null)))
        #expect(throws: DLMSError.unexpected("plain answer in a ciphered context")) {
            try bench.client.receive(APDU.getResponse(plain).bytes)
        }
    }

    @Test func weaklyProtectedRequest() throws {
        var bench = Bench(Way.all[5])
        #expect(try bench.associate() == .associated)
        let get = APDU.getRequest(GetRequest(invoke: 0xC1, body: .normal(AttributeAccess(register)))).bytes
        for control: UInt8 in [0x00, 0x10, 0x20] {
            let sealed = try CipheredAPDU.seal(
                get, form: .service(tag: 0xC8), control: SecurityControl(rawValue: control), counter: 9000,
                title: hex("4D444D3030303031"), keys: clientKeys)
            #expect(bench.answer(sealed.apdu, from: 48) == hex("D80205"))
        }
    }

    @Test func droppedConnectionForgetsTheAssociation() throws {
        var bench = Bench(Way.all[0])
        #expect(try bench.associate() == .associated)
        let counter = bench.server.nextCounter
        bench.server.connectionClosed()
        bench.server.connectionOpened(seed: [UInt8](repeating: 1, count: 32))
        #expect(bench.server.nextCounter == counter)
        #expect(throws: DLMSError.exception(ExceptionResponse(state: 2, service: 2))) {
            try bench.exchange(try bench.client.get(register))
        }
        // Another client address does not get into a standing association either.
        var other = Bench(Way.all[0])
        #expect(try other.associate() == .associated)
        let get = APDU.getRequest(GetRequest(invoke: 0xC1, body: .normal(AttributeAccess(register)))).bytes
        #expect(other.answer(get, from: 32) == hex("D80202"))
    }

    @Test func challengesDiffer() throws {
        var bench = Bench(Way.all[4])
        var challenges: Set<[UInt8]> = []
        for seed: UInt8 in [1, 2] {
            bench.server.connectionOpened(seed: [UInt8](repeating: seed, count: 16))
            for _ in 0..<3 {
                var client = DLMSClient(bench.client.configuration)
                let answer = bench.answer(try client.associate(), from: 18) ?? []
                guard case .associateResponse(let response) = try APDU(bytes: answer) else { continue }
                challenges.insert(try #require(response.authenticationValue))
            }
        }
        #expect(challenges.count == 6)
        bench.server.connectionOpened(seed: [])
        #expect(throws: DLMSError.self) { try bench.associate() }
    }

    @Test func refusalsOfTheServer() throws {
        var bench = Bench(Way.all[0])
        func diagnostic(_ request: AssociateRequest, from client: UInt16) throws -> AssociationDiagnostic? {
            let answer = bench.answer(APDU.associateRequest(request).bytes, from: client)
            guard case .associateResponse(let response) = try APDU(bytes: answer ?? []) else { return nil }
            #expect(response.result == .rejectedPermanent)
            return response.diagnostic
        }
        var initiate = InitiateRequest(conformance: .spoken, maxPDU: 512)
        let information = APDU.initiateRequest(initiate).bytes
        #expect(
            try diagnostic(AssociateRequest(context: 1, userInformation: information), from: 99) == .noReasonGiven)
        #expect(
            try diagnostic(AssociateRequest(context: 3, userInformation: information), from: 16)
                == .contextNotSupported)
        #expect(
            try diagnostic(AssociateRequest(context: 2, userInformation: information), from: 16)
                == .contextNotSupported)
        #expect(
            try diagnostic(AssociateRequest(context: 1, userInformation: information), from: 32) == .mechanismRequired
        )
        let md5 = AssociateRequest(
            context: 1, mechanism: .highMD5, authenticationValue: hlsSecret, userInformation: information)
        #expect(try diagnostic(md5, from: 32) == .mechanismNotRecognised)
        initiate.version = 5
        let old = APDU.initiateRequest(initiate).bytes
        #expect(try diagnostic(AssociateRequest(context: 1, userInformation: old), from: 16) == .noReasonGiven)
        #expect(bench.answer(hex("C0"), from: 16) == hex("D80203"))
        #expect(bench.answer(hex("D940000001"), from: 16) == hex("D80203"))
        #expect(bench.answer(hex("C401C10000"), from: 16) == nil)
    }

    @Test func servicesThatWereNotGranted() throws {
        var bench = Bench(Way.all[0], conformance: [.get, .blockTransferWithGet])
        #expect(try bench.associate() == .associated)
        let refused = DLMSError.exception(ExceptionResponse(state: 2, service: 2))
        #expect(throws: refused) { try bench.exchange(try bench.client.set(register, .null)) }
        #expect(bench.client.isAssociated)
        #expect(throws: refused) {
            try bench.exchange(try bench.client.act(MethodReference(70, OBIS(0, 0, 96, 3, 10), 1)))
        }
        #expect(
            try bench.exchange(try bench.client.get(profile, .entry(from: 1, to: 2)))
                == .failed(.scopeOfAccessViolated))
        #expect(try bench.exchange(try bench.client.get(register)) == .value(.doubleLongUnsigned(1_234_567)))
    }

    @Test func limitsOfTheClient() throws {
        var bench = Bench(Way.all[0])
        var configuration = bench.client.configuration
        configuration.conformance.remove(.blockTransferWithSet)
        configuration.maxValueBytes = 1000
        bench.client = DLMSClient(configuration)
        #expect(try bench.associate() == .associated)
        #expect(throws: DLMSError.tooLarge("request of 617 octets, the meter takes 512")) {
            try bench.client.set(register, .octetString([UInt8](repeating: 0, count: 600)))
        }
        #expect(bench.client.isAssociated)
        #expect(throws: DLMSError.tooLarge("value above 1000 octets")) {
            try bench.exchange(try bench.client.get(profile))
        }
        #expect(!bench.client.isAssociated)
    }

    @Test func releaseWithUserInformation() throws {
        for way in [Way.all[0], Way.all[5]] {
            var bench = Bench(way)
            var meter = bench.server.configuration
            meter.releaseWithUserInformation = true
            bench.server = DLMSServer(meter)
            bench.server.connectionOpened(seed: hlsSecret)
            var configuration = bench.client.configuration
            configuration.releaseWithUserInformation = true
            bench.client = DLMSClient(configuration)
            #expect(try bench.associate() == .associated)
            #expect(try bench.exchange(try bench.client.release()) == .released)
            for bytes in bench.wire.suffix(2) {
                switch try APDU(bytes: bytes) {
                case .releaseRequest(let release), .releaseResponse(let release):
                    let information = try APDU(bytes: try #require(release.userInformation))
                    if case .ciphered = information { #expect(way.ciphered) } else { #expect(!way.ciphered) }
                default: Issue.record("no release")
                }
            }
        }
    }

    @Test func pushes() throws {
        var bench = Bench(Way.all[5])
        let push = DataNotification(longInvoke: 7, body: .structure([.text("BBR00001"), .bitString([4], count: 8)]))
        let plain = try bench.server.notification(push, to: 16)
        #expect(try APDU(bytes: plain) == .dataNotification(push))
        let before = bench.server.nextCounter
        let sealed = try bench.server.notification(push, to: 48)
        #expect(bench.server.nextCounter == before + 1)
        guard case .ciphered(let envelope) = try APDU(bytes: sealed) else {
            Issue.record("not protected")
            return
        }
        #expect(envelope.form == .generalGlobal(systemTitle: hex("4242520000000001")))
        #expect(try APDU(bytes: try envelope.open(title: [], keys: clientKeys)) == .dataNotification(push))
    }

    @Test func configurationErrors() throws {
        func refused(_ configuration: ClientConfiguration) {
            var client = DLMSClient(configuration)
            #expect(throws: DLMSError.self) { try client.associate() }
        }
        refused(ClientConfiguration(mechanism: .high, secret: [], challenge: hlsSecret))
        refused(ClientConfiguration(mechanism: .high, secret: hlsSecret, challenge: [1]))
        refused(ClientConfiguration(mechanism: .highGMAC, challenge: hlsSecret))
        refused(ClientConfiguration(mechanism: .none, keys: clientKeys))
        refused(ClientConfiguration(mechanism: .highSHA1, challenge: hlsSecret))
        refused(ClientConfiguration(mechanism: .highECDSA, challenge: hlsSecret))
        refused(ClientConfiguration(mechanism: .highSHA256, secret: hlsSecret, challenge: hlsSecret))
        refused(ClientConfiguration(mechanism: .none, dedicatedKey: hlsSecret))
        refused(
            ClientConfiguration(
                mechanism: .none, keys: SecurityKeys(encryption: [1], authentication: [2]), systemTitle: Array(1...8))
        )
    }
}
