// The opening of an optical or current-loop port: IEC 62056-21 mode E, from 300 baud to HDLC. Octets in, events out.
// The port itself (7 data bits, even parity while opening; 8 data bits, none in HDLC) is the caller's.

public struct OpticalOpening: Sendable {
    public enum Event: Hashable, Sendable {
        case send([UInt8])
        /// Let what was sent leave the port, then change its speed; in HDLC also to 8 data bits without parity.
        case setSpeed(baud: Int, isHDLC: Bool)
        /// Speak HDLC now. The identification is what the meter said of itself, without maker and speed.
        case ready(maker: String, identification: String)
    }
    private enum State {
        case idle, identifying, acknowledging(baud: Int, maker: String, identification: String), ready
    }

    /// The speeds by their letter in the identification.
    private static let speeds = [300, 600, 1200, 2400, 4800, 9600, 19200]
    private static let acknowledge: UInt8 = 0x06
    private static let maxLineBytes = 64

    /// An address of up to 32 printable characters; empty for the only meter on the port.
    public let address: String
    /// The fastest speed to agree to.
    public let maxBaud: Int
    private var state = State.idle
    private var line: [UInt8] = []

    /// Nil for an address that does not fit.
    public init?(address: String = "", maxBaud: Int = 19200) {
        let isPrintable = address.utf8.allSatisfy { (0x20...0x7E).contains($0) && !"/!?".utf8.contains($0) }
        guard address.utf8.count <= 32, isPrintable else { return nil }
        self.address = address
        self.maxBaud = maxBaud
    }

    /// The request message at 300 baud. Again after a time-out.
    public mutating func start() -> [UInt8] {
        state = .identifying
        line = []
        return Array("/?\(address)!\r\n".utf8)
    }

    /// Takes octets as they came; a parity bit that the port left in is taken off.
    public mutating func receive(_ octets: some Sequence<UInt8>) throws(DLMSError) -> [Event] {
        var events: [Event] = []
        for octet in octets {
            guard line.count < Self.maxLineBytes else { throw .tooLarge("identification above 64 octets") }
            line.append(octet & 0x7F)
            guard line.suffix(2) == [0x0D, 0x0A] else { continue }
            let text = Array(line.dropLast(2))
            line = []
            events += try handle(text)
        }
        return events
    }

    private mutating func handle(_ text: [UInt8]) throws(DLMSError) -> [Event] {
        switch state {
        case .idle, .ready: throw .unexpected("a line from the port that nobody asked for")
        case .identifying:
            // Some ports echo our own request.
            if text.starts(with: Array("/?".utf8)) { return [] }
            return try identified(text)
        case .acknowledging(let baud, let maker, let identification):
            // The meter confirms with our own acknowledgement, still at 300 baud.
            guard text.first == Self.acknowledge, text.count == 4, text[1] == 0x32, text[3] == 0x32 else {
                throw .unexpected("the meter does not confirm mode E")
            }
            state = .ready
            return [
                .setSpeed(baud: baud, isHDLC: true), .ready(maker: maker, identification: identification),
            ]
        }
    }

    /// `/XXXZ\2identification`: three letters of the maker, the speed, the sign of mode E.
    private mutating func identified(_ text: [UInt8]) throws(DLMSError) -> [Event] {
        guard text.count >= 5, text[0] == UInt8(ascii: "/") else {
            throw .malformed("no identification of IEC 62056-21", offset: 0)
        }
        let offered = Int(text[4]) - 0x30
        guard Self.speeds.indices.contains(offered) else { throw .malformed("speed letter", offset: 4) }
        guard text.count >= 7, text[5] == UInt8(ascii: "\\"), text[6] == UInt8(ascii: "2") else {
            throw .unsupported("the meter does not offer mode E")
        }
        let index = Self.speeds.indices.last { $0 <= offered && Self.speeds[$0] <= maxBaud } ?? 0
        let letter = UInt8(0x30 + index)
        let maker = String(decoding: text[1..<4], as: UTF8.self)
        let identification = String(decoding: text[7...], as: UTF8.self)
        state = .acknowledging(baud: Self.speeds[index], maker: maker, identification: identification)
        return [.send([Self.acknowledge, 0x32, letter, 0x32, 0x0D, 0x0A])]
    }
}
