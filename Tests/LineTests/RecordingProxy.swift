// A plain TCP relay between the head-end and one meter that keeps every octet of both directions, by sockets of the
// system alone: what it heard is what went over the wire.
import Foundation
import Glibc
import Synchronization

final class RecordingProxy: Sendable {
    private struct Heard {
        var toMeter: [UInt8] = []
        var fromMeter: [UInt8] = []
    }
    private let heard = Mutex(Heard())
    private let listener: CInt
    let port: Int

    var toMeter: [UInt8] { heard.withLock { $0.toMeter } }
    var fromMeter: [UInt8] { heard.withLock { $0.fromMeter } }

    /// Listens on a free port of 127.0.0.1 and relays to the meter's.
    init(meterPort: Int) {
        let opened = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = Self.address(0)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(opened, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(opened >= 0 && bound == 0 && listen(opened, 8) == 0, "no socket to record with")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(opened, $0, &length) }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        listener = opened
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(opened, nil, nil)
                guard client >= 0 else { return }
                var target = Self.address(UInt16(meterPort))
                let meter = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
                let connected = withUnsafePointer(to: &target) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(meter, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                guard connected == 0 else {
                    close(client)
                    continue
                }
                Thread.detachNewThread { self.relay(client, meter) { $0.toMeter += $1 } }
                Thread.detachNewThread { self.relay(meter, client) { $0.fromMeter += $1 } }
            }
        }
    }

    func stop() { shutdown(listener, CInt(SHUT_RDWR)) }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private func relay(_ from: CInt, _ to: CInt, _ keep: @Sendable (inout Heard, ArraySlice<UInt8>) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(from, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            heard.withLock { keep(&$0, buffer[..<count]) }
            guard send(to, buffer, count, CInt(MSG_NOSIGNAL)) == count else { break }
        }
        shutdown(to, CInt(SHUT_WR))
    }
}
