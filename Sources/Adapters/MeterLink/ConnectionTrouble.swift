// Why a meter could not be connected to, in words a technician can act on instead of those of the network library.
import Foundation
import NIOCore
import NIOPosix

enum ConnectionTrouble {
    static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            let reasons = error.connectionErrors.map { words($0.error) }
            if let first = reasons.first {
                return reasons.allSatisfy { $0 == first } ? first : reasons.joined(separator: "; ")
            }
            return "the name \(error.host) is not known: check its spelling and the DNS of this machine"
        case let error as IOError: return words(errno: error.errnoCode)
        case ChannelError.connectTimeout:
            return "no answer in time: a firewall, a wrong address, or the meter has no power"
        case is SocketAddressError: return "this is no address"
        default: return "the network says \(error)"
        }
    }

    private static func words(errno code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "the address is there and nobody listens on this port"
        case EHOSTUNREACH, ENETUNREACH: "there is no way to this address from here"
        case ETIMEDOUT: "no answer in time: a firewall, a wrong address, or the meter has no power"
        case ECONNRESET: "the other side hung up at once"
        case EMFILE, ENFILE: "this process holds too many open files: raise LimitNOFILE"
        case EACCES, EPERM: "this machine does not allow the connection: a firewall, or the systemd unit"
        default: "\(IOError(errnoCode: code, reason: "connecting"))"
        }
    }
}
