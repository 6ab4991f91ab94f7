// How a client says which meter it means when thousands stand behind one listener. Numbers and text only, no sockets.
import NIOCore

/// The two ways to name one of many meters on one port.
public enum MeterAddressing: String, Sendable, CaseIterable {
    /// Meter i has the IPv4 address `host` + i within 127.0.0.0/8, and server address 1.
    case address
    /// Meter i has server address 1 + i (the destination wPort of the WRAPPER, IEC 62056-47) on the one host.
    case serverPort = "server-port"
}

/// An address of 127.0.0.0/8 as a number.
struct LoopbackAddress: Equatable, Sendable {
    private static let first: UInt32 = 0x7F00_0001
    private static let last: UInt32 = 0x7FFF_FFFE
    var number: UInt32

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, !parts.contains(nil) else { return nil }
        self.init(number: parts.reduce(0) { $0 << 8 | UInt32($1 ?? 0) })
    }

    init?(_ address: SocketAddress?) {
        guard let text = address?.ipAddress else { return nil }
        self.init(text)
    }

    private init?(number: UInt32) {
        guard (Self.first...Self.last).contains(number) else { return nil }
        self.number = number
    }

    /// Nil beyond the last address of the network.
    func advanced(by count: Int) -> LoopbackAddress? {
        let sum = Int64(number) + Int64(count)
        return UInt32(exactly: sum).flatMap { Self(number: $0) }
    }

    var text: String { [24, 16, 8, 0].map { String(number >> $0 & 0xFF) }.joined(separator: ".") }
}
