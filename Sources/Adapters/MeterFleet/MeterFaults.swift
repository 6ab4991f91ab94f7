// What goes wrong with a simulated meter, on a schedule of business time. A plan of faults is data: the same plan and
// the same seed give the same run.

/// Faults of one meter. All spans are business time in UTC seconds.
public struct MeterFaults: Sendable {
    /// How a meter that cannot be talked to behaves.
    public enum Silence: String, Sendable, CaseIterable {
        /// Accepts the connection and answers nothing.
        case noAnswer
        /// Closes every connection at once.
        case hangUp
    }

    /// Intervals whose rows are not in the load profile before `visibleAtS`; nil is never.
    public struct LateRows: Sendable {
        /// The ends of the intervals concerned lie in (fromS, untilS].
        public var fromS: Int64
        public var untilS: Int64
        public var visibleAtS: Int64?
        public init(fromS: Int64, untilS: Int64, visibleAtS: Int64?) {
            self.fromS = fromS
            self.untilS = untilS
            self.visibleAtS = visibleAtS
        }
    }

    public var silences: [(span: TimeSpan, how: Silence)] = []
    /// Milliseconds of system time before every answer.
    public var slowAnswers: [(span: TimeSpan, delayMs: Int64)] = []
    /// The connection is dropped after so many octets have been sent on it.
    public var drops: [(span: TimeSpan, afterBytes: Int)] = []
    /// A relay command or a setting answers a failure and works all the same.
    public var lyingRelay: [TimeSpan] = []
    /// A relay command or a setting answers success and does nothing.
    public var stuckRelay: [TimeSpan] = []
    public var lateRows: [LateRows] = []
    /// What the profile shows as import energy for the interval ending at that instant, instead of what was served.
    /// The cumulative register stays right. Values a register cannot hold (negative) wrap to 32 bits, as meters do.
    public var corruptWh: [Int64: Int64] = [:]
    /// Octets a second that come through; what is behind waits.
    public var slowLinks: [(span: TimeSpan, bytesPerS: Int64)] = []
    /// Of a hundred answers so many come damaged.
    public var garbles: [(span: TimeSpan, percent: Int64)] = []
    /// Of a hundred answers so many break off, and the connection with them.
    public var losses: [(span: TimeSpan, percent: Int64)] = []
    /// Of a hundred answers so many come behind a second copy of the answer before.
    public var repeats: [(span: TimeSpan, percent: Int64)] = []
    /// Of a hundred full blocks so many are the last thing the meter says before it starts again, which takes system
    /// time.
    public var reboots: [(span: TimeSpan, percent: Int64, awayMs: Int64)] = []
    /// The meter has another encryption key than everybody believes.
    public var wrongKeys: [TimeSpan] = []
    /// Rows of the load profile come out of order.
    public var shuffles: [TimeSpan] = []

    public init() {}

    /// What may happen to an answer, in per cent.
    struct Chances { var dropPercent, garblePercent, repeatPercent, rebootPercent, awayMs: Int64 }

    /// False: nothing is left to chance, at any time.
    var hasChances: Bool { !garbles.isEmpty || !losses.isEmpty || !repeats.isEmpty || !reboots.isEmpty }

    func chances(atS: Int64) -> Chances {
        func percent(_ list: [(span: TimeSpan, percent: Int64)]) -> Int64 {
            list.lazy.filter { $0.span.contains(atS) }.map(\.percent).max() ?? 0
        }
        let reboot = reboots.first { $0.span.contains(atS) }
        return Chances(
            dropPercent: percent(losses), garblePercent: percent(garbles), repeatPercent: percent(repeats),
            rebootPercent: reboot?.percent ?? 0, awayMs: reboot?.awayMs ?? 0)
    }

    func bytesPerS(atS: Int64) -> Int64? { slowLinks.first { $0.span.contains(atS) }?.bytesPerS }
    func hasWrongKey(atS: Int64) -> Bool { wrongKeys.contains { $0.contains(atS) } }
    func shuffles(atS: Int64) -> Bool { shuffles.contains { $0.contains(atS) } }
    /// A command is said to be done and is not.
    public func isGhost(atS: Int64) -> Bool { stuckRelay.contains { $0.contains(atS) } }
    /// A command is done and said not to be.
    public func isLying(atS: Int64) -> Bool { lyingRelay.contains { $0.contains(atS) } }

    public func silence(atS: Int64) -> Silence? { silences.first { $0.span.contains(atS) }?.how }
    public func delayMs(atS: Int64) -> Int64 { slowAnswers.first { $0.span.contains(atS) }?.delayMs ?? 0 }
    public func dropAfterBytes(atS: Int64) -> Int? { drops.first { $0.span.contains(atS) }?.afterBytes }

    func isVisible(endS: Int64, nowS: Int64) -> Bool {
        for late in lateRows where endS > late.fromS && endS <= late.untilS {
            guard let visibleAtS = late.visibleAtS, nowS >= visibleAtS else { return false }
        }
        return true
    }
}
