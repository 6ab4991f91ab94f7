// How long something took: a clock that only goes forward and tells no time of day.
import Foundation

public enum Stopwatch {
    /// Nanoseconds since some moment in the past; only differences mean something.
    public static func nowNs() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
