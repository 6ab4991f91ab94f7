// The only place that reads the time. Two clocks: business time (readings, prices, schedules; may run fast in a demo
// or stand still in a test) and system time (leases, sessions, time-outs), which always runs at its own pace.
import Foundation
import Synchronization

/// Both clocks, as milliseconds since 1970-01-01T00:00:00Z.
public struct Clocks: Sendable {
    public var businessNowMs: @Sendable () -> Int64
    public var systemNowMs: @Sendable () -> Int64
    /// Business milliseconds per system millisecond: 1 in production, 0 for a clock moved by hand.
    public var businessRate: Int64

    public init(
        businessNowMs: @escaping @Sendable () -> Int64, systemNowMs: @escaping @Sendable () -> Int64,
        businessRate: Int64
    ) {
        self.businessNowMs = businessNowMs
        self.systemNowMs = systemNowMs
        self.businessRate = businessRate
    }

    private static let wallMs: @Sendable () -> Int64 = { HeldClock.machine.nowMs() }

    /// Business time is system time: the machine's, held against jumps by ``HeldClock``.
    public static let live = Clocks(businessNowMs: wallMs, systemNowMs: wallMs, businessRate: 1)

    /// How far the machine's clock has jumped away from the time this process goes by; 0 while they agree.
    public static func machineJumpMs() -> Int64 { HeldClock.machine.jumpMs() }

    /// Business time that was `anchorBusinessMs` when system time was `anchorSystemMs` and runs `rate` times as fast.
    public static func accelerated(anchorBusinessMs: Int64, anchorSystemMs: Int64, rate: Int64) -> Clocks {
        Clocks(
            businessNowMs: { anchorBusinessMs + (wallMs() - anchorSystemMs) * rate }, systemNowMs: wallMs,
            businessRate: rate)
    }

    /// Business time moved by hand through the returned clock; system time is live.
    public static func manual(_ clock: ManualClock) -> Clocks {
        Clocks(businessNowMs: { clock.nowMs }, systemNowMs: wallMs, businessRate: 0)
    }
}

/// A clock that stands still until it is moved. For tests and for replaying a past month.
public final class ManualClock: Sendable {
    private let value: Mutex<Int64>
    public init(startMs: Int64) { value = Mutex(startMs) }
    public var nowMs: Int64 {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
