// A client and a meter joined by hand, for the tests of sessions and services.
import DLMS
import Testing

/// A meter with a few attributes that can be read, written and switched.
struct Objects: COSEMObjects {
    var values: [AttributeReference: DLMSData] = [:]
    var relayClosed = true

    mutating func read(_ access: AttributeAccess, client: UInt16) -> AccessResult {
        guard let value = values[access.reference] else { return .failure(.objectUndefined) }
        guard case .entry(let from, let to, _, _)? = access.selector, case .array(let rows) = value else {
            return .success(value)
        }
        guard from >= 1, from <= to, Int(to) <= rows.count else { return .failure(.scopeOfAccessViolated) }
        return .success(.array(Array(rows[Int(from - 1)..<Int(to)])))
    }

    mutating func write(_ access: AttributeAccess, _ value: DLMSData, client: UInt16) -> DataAccessResult {
        guard values[access.reference] != nil else { return .objectUndefined }
        values[access.reference] = value
        return .success
    }

    mutating func act(
        _ method: MethodReference, _ parameter: DLMSData?, client: UInt16
    ) -> Result<DLMSData?, DataAccessResult> {
        if method.classID == 9 { return .success(parameter) }
        guard method.classID == 70 else { return .failure(.objectUndefined) }
        relayClosed = method.method == 2
        return .success(method.method == 2 ? .unsigned(7) : nil)
    }
}

let profile = AttributeReference(7, OBIS(1, 0, 99, 1, 0))
let register = AttributeReference(3, OBIS(1, 0, 1, 8, 0))
let clientKeys = SecurityKeys(
    encryption: Array("BUSBAR-EK-000001".utf8), authentication: Array("BUSBAR-AK-000001".utf8))
let hlsSecret = Array("BUSBAR-HLS-00001".utf8)

/// The ways in of the test meter: client address, mechanism, ciphered.
struct Way: Sendable, CustomStringConvertible {
    var address: UInt16
    var mechanism: AuthenticationMechanism
    var ciphered: Bool
    var description: String { "\(mechanism)\(ciphered ? " ciphered" : "")" }
    static let all = [
        Way(address: 16, mechanism: .none, ciphered: false), Way(address: 17, mechanism: .none, ciphered: true),
        Way(address: 32, mechanism: .low, ciphered: false), Way(address: 33, mechanism: .low, ciphered: true),
        Way(address: 18, mechanism: .high, ciphered: false), Way(address: 48, mechanism: .high, ciphered: true),
        Way(address: 21, mechanism: .highGMAC, ciphered: false),
        Way(address: 22, mechanism: .highGMAC, ciphered: true),
        Way(address: 23, mechanism: .highMD5, ciphered: false), Way(address: 24, mechanism: .highSHA1, ciphered: true),
        Way(address: 25, mechanism: .highSHA256, ciphered: false),
        Way(address: 26, mechanism: .highSHA256, ciphered: true),
    ]
}

/// A client and a meter joined by hand.
struct Bench {
    var server: DLMSServer
    var objects = Objects()
    var client: DLMSClient
    let address: UInt16
    /// General blocks in a row that the meter may send.
    var meterWindow = 1
    /// Every APDU that passed, both ways.
    var wire: [[UInt8]] = []

    init(
        _ way: Way, secret: [UInt8]? = nil, keys: SecurityKeys? = nil, maxPDU: UInt16 = 512, meterPDU: UInt16 = 512,
        firstCounter: UInt32 = 1, counterCount: UInt32 = 10_000, conformance: Conformance = .spoken,
        dedicatedKey: [UInt8]? = nil, blockWindow: UInt8 = 1
    ) {
        let associations = Dictionary(
            uniqueKeysWithValues: Way.all.map { way in
                let needsKeys = way.ciphered || way.mechanism == .highGMAC
                return (
                    way.address,
                    ServerAssociation(
                        mechanism: way.mechanism, secret: way.mechanism == .low ? Array("BUSBARLLS".utf8) : hlsSecret,
                        keys: needsKeys ? clientKeys : nil, ciphered: way.ciphered, conformance: .complete)
                )
            })
        server = DLMSServer(
            ServerConfiguration(systemTitle: hex("4242520000000001"), associations: associations, maxPDU: meterPDU),
            nextCounter: 500)
        server.connectionOpened(seed: [UInt8](repeating: 9, count: 32))
        objects.values[register] = .doubleLongUnsigned(1_234_567)
        objects.values[profile] = .array(
            (0..<120).map { .structure([.text("row \($0)......"), .doubleLongUnsigned(UInt32($0))]) })
        address = way.address
        let needsKeys = way.ciphered || way.mechanism == .highGMAC
        client = DLMSClient(
            ClientConfiguration(
                mechanism: way.mechanism,
                secret: secret ?? (way.mechanism == .low ? Array("BUSBARLLS".utf8) : hlsSecret),
                keys: needsKeys ? keys ?? clientKeys : nil, ciphered: way.ciphered,
                systemTitle: needsKeys || way.mechanism == .highSHA256 ? hex("4D444D3030303031") : [],
                challenge: Array(1...16),
                firstCounter: firstCounter, counterCount: counterCount, maxPDU: maxPDU, conformance: conformance,
                dedicatedKey: dedicatedKey, blockWindow: blockWindow))
        meterWindow = Int(blockWindow)
    }

    /// Sends and receives until the client has something to say.
    mutating func exchange(_ first: [UInt8]) throws -> ClientEvent {
        var request: [UInt8]? = first
        while let octets = request {
            wire.append(octets)
            request = nil
            let answers = server.receive(octets, from: address, objects: &objects, maxWindow: meterWindow)
            for answer in answers {
                wire.append(answer)
                switch try client.receive(answer) {
                case .send(let next): request = next
                case .wait: continue
                case let event: return event
                }
            }
        }
        throw Mismatch(description: "the meter fell silent")
    }

    /// One APDU to the meter, past the client.
    mutating func answer(_ apdu: [UInt8], from client: UInt16) -> [UInt8]? {
        server.receive(apdu, from: client, objects: &objects)
    }

    mutating func associate() throws -> ClientEvent { try exchange(try client.associate()) }
}
