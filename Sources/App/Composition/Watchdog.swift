// What watches over the serving process itself: that it ends when it was told to, that the clock does not jump, that it
// may open enough files and has room in memory. Knows nothing of the business.
import Access
import Clocks
import Foundation
import Logging
import SQL
import ServiceLifecycle

/// Ends the process hard when a graceful stop takes too long: a hung meter, an open request, a stuck disk. Everything
/// that was committed stays, and what was not is taken up after the next start.
struct StopWatchdog: Service {
    let limitS: Int
    let log: Logger

    func run() async throws {
        try? await gracefulShutdown()
        let (limitS, log) = (limitS, log)
        // A thread of its own: the tasks may be what hangs.
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: TimeInterval(limitS))
            log.critical(
                "the process did not end in time and is ended hard; started again it goes on from its place",
                metadata: ["seconds": "\(limitS)"])
            _exit(CommandStatus.partly.rawValue)
        }
    }
}

/// Says so when the machine's clock has jumped away from the time this process goes by.
struct ClockWatch: Service {
    let log: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var told: Int64 = 0
            while !Task.isCancelled {
                let jumpS = Clocks.machineJumpMs() / 1000
                if abs(jumpS - told) > 3600 {
                    told = jumpS
                    if jumpS == 0 {
                        log.notice("the machine's clock is right again")
                    } else {
                        log.critical(
                            """
                            the machine's clock has jumped; Busbar goes on by its own time. Set the clock right; if \
                            the new time is the right one, start Busbar again
                            """, metadata: ["seconds": "\(jumpS)"])
                    }
                }
                try? await Task.sleep(for: .seconds(10))
            }
        }
    }
}

/// Whether the clock can be right, by when this installation was last open.
enum ClockCheck {
    /// Days of standstill after which a person says that the clock is right: longer than meters keep their values.
    static let standstillDays: Int64 = 35
    static let variable = "BUSBAR_CLOCK_IS_RIGHT"

    /// - Throws: ``Refusal`` when the clock is so far ahead that days would be closed that have not been yet.
    static func start(_ open: OpenSite) async throws {
        let nowMs = open.site.clocks.systemNowMs()
        guard let lastMs = open.lastHeldMs, ProcessInfo.processInfo.environment[variable] != "1" else { return }
        let days = (nowMs - lastMs) / 86_400_000
        guard days > standstillDays else { return }
        try await open.lease?.undo(lastHeldMs: lastMs)
        throw Refusal(
            .unavailable, "By the clock of this machine, this installation has not been open for \(days) days.",
            hint: "If the clock is wrong, set it. If it is right, start once with \(variable)=1 in the environment.")
    }
}

/// The limit of open files. A connection takes one, a database several.
enum FileLimit {
    static let least: rlim_t = 256

    private static var limits: rlimit {
        var limits = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        return limits
    }

    /// Files this process may take at most.
    static var most: UInt64 { UInt64(limits.rlim_max) }

    /// Takes all that are allowed: shells give few and allow many.
    /// - Throws: ``Refusal`` when even that is too low to serve.
    static func raise() throws {
        var limit = limits
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard limit.rlim_cur >= least else {
            throw Refusal(
                .unavailable, "This process may open only \(limit.rlim_cur) files; it needs \(least).",
                hint: "Raise the limit: `ulimit -n 8192` in the shell, LimitNOFILE=8192 in the systemd unit.")
        }
    }
}

/// How much address space the process may take. When there is too little the runtime waits for ever to make a thread,
/// or ends by signal 11; so it is said before.
enum MemoryLimit {
    static let leastMiB: UInt64 = 2_048

    /// - Throws: ``Refusal`` when the limit is too low to serve.
    static func check() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let mostMiB = UInt64(limit.rlim_cur) >> 20
        guard mostMiB < leastMiB else { return }
        throw Refusal(
            .unavailable, "This process may take only \(mostMiB) MiB of address space; it needs \(leastMiB).",
            hint: "Take the limit away: `ulimit -v unlimited` in the shell, no LimitAS= in the systemd unit. "
                + "To bound real memory use MemoryMax= there.")
    }
}
