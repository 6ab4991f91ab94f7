// The examples of docs/dlms.md: they compile and run here, and the page shows these very lines.
import DLMS
import Foundation
import Testing

// guide: meter
/// A meter with one register.
struct Meter: COSEMObjects {
    var energy: DLMSData = .doubleLongUnsigned(123_456)

    mutating func read(_ access: AttributeAccess, client: UInt16) -> AccessResult {
        guard access.reference == AttributeReference(3, OBIS(1, 0, 1, 8, 0), 2) else {
            return .failure(.objectUndefined)
        }
        return .success(energy)
    }
    mutating func write(_ access: AttributeAccess, _ value: DLMSData, client: UInt16) -> DataAccessResult {
        .readWriteDenied
    }
    mutating func act(
        _ method: MethodReference, _ parameter: DLMSData?, client: UInt16
    ) -> Result<DLMSData?, DataAccessResult> { .failure(.objectUndefined) }
}
// end

@Suite struct GuideTests {
    private static let keys = SecurityKeys(encryption: Array(1...16), authentication: Array(17...32))
    private let randomOctets = [UInt8](100...115)

    // guide: client
    /// One request: octets out, octets in, until the client has something to say.
    func ask(
        _ client: inout DLMSClient, _ request: [UInt8], exchange: ([UInt8]) throws -> [[UInt8]]
    ) throws -> ClientEvent {
        var request: [UInt8]? = request
        while let octets = request {
            request = nil
            for answer in try exchange(octets) {
                switch try client.receive(answer) {
                case .send(let next): request = next
                case .wait, .pushed: continue
                case let event: return event
                }
            }
        }
        throw DLMSError.unexpected("no answer")
    }
    // end

    @Test func readARegister() throws {
        // guide: server
        let way = ServerAssociation(
            mechanism: .high, secret: Array("secret of the US".utf8), keys: Self.keys, ciphered: true)
        var server = DLMSServer(
            ServerConfiguration(systemTitle: Array("BBR00001".utf8), associations: [48: way]), nextCounter: 1)
        var meter = Meter()
        server.connectionOpened(seed: randomOctets)
        func exchange(_ octets: [UInt8]) -> [[UInt8]] {
            server.receive(octets, from: 48, objects: &meter, maxWindow: 1)
        }
        // end

        // guide: session
        var client = DLMSClient(
            ClientConfiguration(
                mechanism: .high, secret: Array("secret of the US".utf8), keys: Self.keys,
                systemTitle: Array("HES00001".utf8), challenge: randomOctets.reversed(),
                firstCounter: 5001, counterCount: 10_000))
        guard case .associated = try ask(&client, client.associate(), exchange: exchange) else { return }
        let energy = AttributeReference(3, OBIS(1, 0, 1, 8, 0), 2)
        let event = try ask(&client, client.get(energy), exchange: exchange)
        // event is .value(.doubleLongUnsigned(123456))
        _ = try ask(&client, client.release(), exchange: exchange)
        // end
        #expect(event == .value(.doubleLongUnsigned(123_456)))
        #expect(client.nextCounter == 5004)
    }

    @Test func overHDLC() throws {
        let client = try #require(HDLCAddress.client(16))
        let server = try #require(HDLCAddress(upper: 1, lower: 17))
        // guide: hdlc
        var link = HDLCClient(address: client, server: server)
        var meter = HDLCServer(address: server)
        var toMeter = try link.connect()
        var heard: [UInt8] = []
        while !toMeter.isEmpty {
            var toClient: [UInt8] = []
            for event in try meter.receive(toMeter) {
                switch event {
                case .send(let octets): toClient += octets
                case .received(let apdu): toClient += try meter.send(apdu.reversed())
                default: break
                }
            }
            toMeter = []
            for event in try link.receive(toClient) {
                switch event {
                case .send(let octets): toMeter += octets
                case .connected: toMeter += try link.send([1, 2, 3])
                case .notReady: toMeter += try link.poll()
                case .received(let apdu): heard = apdu
                default: break
                }
            }
        }
        // end
        #expect(heard == [3, 2, 1])
    }

    @Test func thePageShowsTheseLines() throws {
        let here = URL(fileURLWithPath: #filePath)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/dlms.md"), encoding: .utf8)
        let source = try String(contentsOf: here, encoding: .utf8)
        var examples = 0
        var lines: [Substring]?
        for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
            let text = line.drop { $0 == " " }
            if text.hasPrefix("// guide:") {
                lines = []
            } else if text == "// end", let block = lines {
                let indent = block.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
                let example = block.map { $0.dropFirst(indent) }.joined(separator: "\n")
                #expect(page.contains(example), "docs/dlms.md does not show:\n\(example)")
                examples += 1
                lines = nil
            } else {
                lines?.append(line)
            }
        }
        #expect(examples == 5)
    }
}
