// The machine's clock, held by a counter that nobody can set: small steps are followed, a jump over a day is not.
// A clock set wrong by a year for a minute must not close a year of days. Reads time only through what it is given.
import Foundation
import Synchronization

/// Wall time that a running process can trust. Safe to share.
public final class HeldClock: Sendable {
    /// A larger step between two readings is not followed until the wall clock comes back or the process starts anew.
    /// Virtual machines that were paused for hours step forward honestly, so this is not small.
    public static let stepLimitMs: Int64 = 86_400_000

    static let machine = HeldClock(wallMs: { read(CLOCK_REALTIME) }, counterMs: { read(CLOCK_BOOTTIME) })

    private struct Anchor { var wallMs: Int64; var counterMs: Int64 }
    private let anchor: Mutex<Anchor>
    private let wallMs: @Sendable () -> Int64
    private let counterMs: @Sendable () -> Int64

    /// - Parameters:
    ///   - wallMs: milliseconds since 1970; may jump.
    ///   - counterMs: milliseconds since some start; goes on through sleep and never jumps.
    public init(wallMs: @escaping @Sendable () -> Int64, counterMs: @escaping @Sendable () -> Int64) {
        self.wallMs = wallMs
        self.counterMs = counterMs
        anchor = Mutex(Anchor(wallMs: wallMs(), counterMs: counterMs()))
    }

    /// Milliseconds since 1970.
    public func nowMs() -> Int64 { look().nowMs }

    /// Wall time less the time gone by; 0 unless the wall clock has jumped by more than the limit.
    public func jumpMs() -> Int64 { look().jumpMs }

    private func look() -> (nowMs: Int64, jumpMs: Int64) {
        anchor.withLock { anchor in
            let (wall, counter) = (wallMs(), counterMs())
            let expected = anchor.wallMs + (counter - anchor.counterMs)
            guard abs(wall - expected) <= Self.stepLimitMs else { return (expected, wall - expected) }
            anchor = Anchor(wallMs: wall, counterMs: counter)
            return (wall, 0)
        }
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
