// How many files and connections the process may hold open. Shells give few and allow many: a server takes what is
// allowed.
import Foundation

enum OpenFiles {
    private static var limits: rlimit {
        var limits = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        return limits
    }

    /// What this process may take at most.
    static var most: UInt64 { UInt64(limits.rlim_max) }

    /// Takes it. Where that is not allowed, what it has must do.
    static func takeMost() {
        var limits = limits
        limits.rlim_cur = limits.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
    }
}
