// What a virtual meter measured: served energy per interval and the cumulative register, derived from the load, the
// relay and the outages. No clock and no wire here; the meter's time is handed in.
import CivilTime

/// A relay movement by the meter's own clock.
public struct RelayTransition: Sendable, Equatable, Codable {
    public var atS: Int64
    public var open: Bool
    public init(atS: Int64, open: Bool) {
        self.atS = atS
        self.open = open
    }
}

/// A half-open span of time, [fromS, untilS).
public struct TimeSpan: Sendable, Equatable, Codable {
    public var fromS: Int64
    public var untilS: Int64
    public init(fromS: Int64, untilS: Int64) {
        self.fromS = fromS
        self.untilS = untilS
    }
    public func contains(_ atS: Int64) -> Bool { atS >= fromS && atS < untilS }
    func overlapS(_ fromS: Int64, _ untilS: Int64) -> Int64 {
        max(0, min(untilS, self.untilS) - max(fromS, self.fromS))
    }
}

/// Served energy. An interval of load L with s supplied seconds of p served ⌊L·s/p⌋ Wh; the register at an interval's
/// end is the sum of all served intervals before it, so that the two always agree.
struct SupplyHistory: Sendable {
    let load: LoadSource
    let periodS: Int64
    /// First instant of the first interval: a civil midnight, so that intervals lie on the wall clock.
    let startS: Int64
    let baseWh: Int64
    /// The past part never changes: what was served then has been shown.
    var outages: [TimeSpan]
    /// In time order.
    private(set) var transitions: [RelayTransition]

    /// Nil: no limit.
    var limiter: LoadLimiter?

    /// How many intervals have been computed. Their values are computed again when asked for: thousands of meters
    /// with six weeks of them each would take more memory than it is worth.
    private(set) var count = 0
    /// Register at the end of the last of them.
    private var totalWh: Int64
    /// Register at the start of every `stride`th interval, mostly a midnight.
    private var checkpoints: [Int64]
    private let stride: Int

    init(
        load: LoadSource, periodS: Int64, startS: Int64, baseWh: Int64, outages: [TimeSpan],
        transitions: [RelayTransition]
    ) {
        self.load = load
        self.periodS = periodS
        self.startS = startS
        self.baseWh = baseWh
        self.outages = outages
        self.transitions = transitions
        totalWh = baseWh
        checkpoints = [baseWh]
        stride = Int(max(1, 86_400 / periodS))
    }

    var relayOpen: Bool { transitions.last?.open ?? false }

    /// Moves the relay. A stamp before the last movement or before an interval that has been shown (a clock set back)
    /// counts as that.
    mutating func moveRelay(open: Bool, atS: Int64) {
        guard open != relayOpen else { return }
        transitions.append(RelayTransition(atS: max(atS, shownS, transitions.last?.atS ?? atS), open: open))
    }

    /// Everything before has been computed and cannot change any more.
    private var shownS: Int64 { startS + Int64(count) * periodS }

    /// A further outage, or what is left of it.
    mutating func addOutage(_ span: TimeSpan) {
        let left = TimeSpan(fromS: max(span.fromS, shownS), untilS: span.untilS)
        if left.fromS < left.untilS { outages.append(left) }
    }

    /// Ends what would go on from now, and forgets what is to come, of the outages behind the first `kept`.
    mutating func endOutages(atS: Int64, keeping kept: Int) {
        let endS = max(atS, shownS)
        outages = outages.enumerated().compactMap { index, span in
            guard index >= kept, span.untilS > endS else { return span }
            return span.fromS < endS ? TimeSpan(fromS: span.fromS, untilS: endS) : nil
        }
    }

    /// Computes every interval that has ended by `nowS`. A movement of the relay lies never before the last of them.
    mutating func extend(toS nowS: Int64) {
        while startS + Int64(count + 1) * periodS <= nowS {
            let from = startS + Int64(count) * periodS
            limit(slotS: from, toS: from + periodS)
            totalWh += Int64(servedWh(fromS: from, untilS: from + periodS))
            count += 1
            if count % stride == 0 { checkpoints.append(totalWh) }
        }
        limit(slotS: startS + Int64(count) * periodS, toS: nowS)
    }

    /// Opens and closes the relay by the load limit in an interval, up to an instant of it. The load is what is asked
    /// for, so a meter whose relay its limit has opened sees when it falls.
    private mutating func limit(slotS: Int64, toS: Int64) {
        guard let first = limiter, slotS + periodS > first.checkedS else { return }
        let watts = load.energyWh(startS: slotS, durationS: periodS) * 3600 / periodS
        while var limiter, limiter.isTripped == relayOpen {
            let sinceS = max(slotS, limiter.sinceS, transitions.last?.atS ?? slotS)
            let opens = !relayOpen && watts > limiter.watts
            guard opens || (limiter.isTripped && watts <= limiter.watts) else { break }
            let atS = sinceS + (opens ? limiter.overS : limiter.underS)
            guard atS <= toS, atS < slotS + periodS else { break }
            moveRelay(open: opens, atS: atS)
            limiter.isTripped = opens
            self.limiter = limiter
        }
        limiter?.checkedS = max(first.checkedS, toS)
    }

    func endS(_ slot: Int) -> Int64 { startS + Int64(slot + 1) * periodS }

    func wh(_ slot: Int) -> Int32 {
        let from = startS + Int64(slot) * periodS
        return servedWh(fromS: from, untilS: from + periodS)
    }

    /// Register at the start of an interval.
    private func registerWh(before slot: Int) -> Int64 {
        guard slot < count else { return totalWh }
        let checkpoint = slot / stride
        return (checkpoint * stride..<slot).reduce(checkpoints[checkpoint]) { $0 + Int64(wh($1)) }
    }

    /// The interval that starts at that instant, when it lies on the raster and has been computed.
    func slot(startingAtS atS: Int64) -> Int? {
        guard atS >= startS, (atS - startS) % periodS == 0 else { return nil }
        let slot = Int((atS - startS) / periodS)
        return slot < count ? slot : nil
    }

    /// Cumulative energy at an instant not later than the last `extend`; within an interval in proportion.
    func registerWh(atS: Int64) -> Int64 {
        guard atS > startS else { return baseWh }
        let slot = min(Int((atS - startS) / periodS), count)
        let from = startS + Int64(slot) * periodS
        let before = registerWh(before: slot)
        guard slot == count, atS > from else { return before + partWh(slot, from, atS) }
        return before + Int64(servedWh(fromS: from, untilS: min(atS, from + periodS)))
    }

    private func partWh(_ slot: Int, _ fromS: Int64, _ atS: Int64) -> Int64 {
        atS == fromS ? 0 : Int64(servedWh(fromS: fromS, untilS: atS))
    }

    /// Mean power of the running interval, 0 when nothing is supplied.
    func powerW(atS: Int64) -> Int64 {
        guard isSupplied(atS: atS) else { return 0 }
        let from = startS + floorDivided(atS - startS, periodS) * periodS
        return load.energyWh(startS: from, durationS: periodS) * 3600 / periodS
    }

    func isPowered(atS: Int64) -> Bool { !outages.contains { $0.contains(atS) } }

    func isSupplied(atS: Int64) -> Bool {
        isPowered(atS: atS) && !(transitions.last { $0.atS <= atS }?.open ?? false)
    }

    /// Energy served in a part of one interval.
    private func servedWh(fromS: Int64, untilS: Int64) -> Int32 {
        let slotStart = startS + (fromS - startS) / periodS * periodS
        let asked = load.energyWh(startS: slotStart, durationS: periodS)
        let seconds = suppliedSeconds(slotStart, untilS)
        return Int32(clamping: asked * seconds / periodS)
    }

    /// Seconds of [fromS, untilS) with the relay closed and the grid there.
    private func suppliedSeconds(_ fromS: Int64, _ untilS: Int64) -> Int64 {
        var seconds: Int64 = 0
        var atS = fromS
        var open = transitions.last { $0.atS <= fromS }?.open ?? false
        for transition in transitions where transition.atS > fromS && transition.atS < untilS {
            if !open { seconds += poweredSeconds(atS, transition.atS) }
            atS = transition.atS
            open = transition.open
        }
        return open ? seconds : seconds + poweredSeconds(atS, untilS)
    }

    private func poweredSeconds(_ fromS: Int64, _ untilS: Int64) -> Int64 {
        outages.reduce(untilS - fromS) { $0 - $1.overlapS(fromS, untilS) }
    }
}
