// Where a server is to listen, tried out before anything is started, so that a wrong address or a port in use is told
// in words. Binds for a moment and lets go.
import Foundation

/// Whether a server could listen somewhere, found by binding for a moment.
enum ListeningPlace {
    case free, taken, forbidden
    case unknownHost(String)

    static func tryOut(host: String, port: Int) -> ListeningPlace {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0, let first = list else { return .unknownHost(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        let descriptor = socket(first.pointee.ai_family, first.pointee.ai_socktype, 0)
        guard descriptor >= 0 else { return .unknownHost(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var isOn: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            switch errno {
            case EADDRINUSE: return .taken
            case EACCES: return .forbidden
            default: return .unknownHost(String(cString: strerror(errno)))
            }
        }
        // Another socket that listens shows only now where both allow the address to be used again.
        return listen(descriptor, 1) == 0 ? .free : .taken
    }

    /// A port of the loopback interface that nobody has now; 0 when there is none.
    static func anyFree() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        return code == 0 ? Int(UInt16(bigEndian: place.sin_port)) : 0
    }

    /// - Throws: ``Complaint`` when a server could not listen there: what, and how to go on.
    static func require(host: String, port: Int) throws {
        guard port > 0 else { return }
        switch tryOut(host: host, port: port) {
        case .free: return
        case .taken:
            throw Complaint(
                "port \(port) on \(host) is in use by another process",
                hint: "`ss -ltnp 'sport = :\(port)'` names it; stop it, or choose another: --port.", .partly)
        case .forbidden:
            throw Complaint(
                "this user may not listen on port \(port)",
                hint: "Choose one from 1024 on with --port, or let systemd give CAP_NET_BIND_SERVICE.", .problems)
        case .unknownHost(let why):
            throw Complaint(
                "\(host) is no address of this machine: \(why)",
                hint: "Correct --host; `ip address` lists what this machine has, 127.0.0.1 is itself.", .usage)
        }
    }
}
