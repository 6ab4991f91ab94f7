// Pairing of gasps and breaths: any order, repetitions, what is lost, clocks that are off; and grouping by the network.
import Reliability
import Testing

private func failed(_ atS: Int64, pushed: Int64? = nil, logged: Bool = true) -> PowerEvent {
    PowerEvent(.failed, meterAtMs: atS * 1000, pushedAtMs: pushed.map { $0 * 1000 }, isLogged: logged)
}
private func restored(_ atS: Int64, pushed: Int64? = nil, logged: Bool = true) -> PowerEvent {
    PowerEvent(.restored, meterAtMs: atS * 1000, pushedAtMs: pushed.map { $0 * 1000 }, isLogged: logged)
}
private func span(_ fromS: Int64, _ toS: Int64) -> MeterOutageSpan {
    MeterOutageSpan(
        startMs: Bounded(fromS * 1000), endMs: Bounded(toS * 1000), startEvidence: .log, endEvidence: .log)
}

struct PairingTests {
    @Test func `pairs in any order, with repetitions`() {
        let events = (0..<20).flatMap { [failed($0 * 10_000), restored($0 * 10_000 + 900)] }
        let expected = (0..<20).map { span($0 * 10_000, $0 * 10_000 + 900) }
        for seed in 0..<30 {
            var generator = Steps(state: UInt64(seed + 1))
            var shuffled = (events + events + events.prefix(7)).shuffled(using: &generator)
            #expect(PowerFailPairing.spans(shuffled) == expected)
            shuffled.removeAll { $0 == events[39] }
            #expect(PowerFailPairing.spans(shuffled).last?.endMs == nil)
        }
    }

    @Test func `a gasp alone is an open outage`() {
        let open = PowerFailPairing.spans([failed(1_000, pushed: 1_002, logged: false)])
        #expect(open.count == 1 && open[0].endMs == nil && open[0].startEvidence == .push)
        #expect(PowerFailPairing.spans([]).isEmpty)
    }

    @Test func `a push and its log entry are one, and the log has the time`() {
        let found = PowerFailPairing.spans([
            failed(1_030, pushed: 1_031, logged: false), failed(1_000), restored(5_000),
            restored(5_040, pushed: 5_041, logged: false),
        ])
        #expect(found == [span(1_000, 5_000)])
    }

    @Test func `a lost breath is bounded by the next failure, or by a sign of life`() {
        let next = PowerFailPairing.spans([failed(1_000), failed(9_000), restored(9_500)])
        #expect(next.count == 2 && next[1] == span(9_000, 9_500))
        #expect(next[0].endMs == Bounded(low: 1_000_000, likely: 5_000_000, high: 9_000_000))
        #expect(next[0].endEvidence == .inferred)
        let alive = PowerFailPairing.spans([failed(1_000), PowerEvent(.alive, meterAtMs: 4_000_000)])
        #expect(alive.map(\.endMs?.high) == [4_000_000])
        // The log, read later, has the breath: the outage is exact again.
        let corrected = PowerFailPairing.spans([
            failed(1_000), PowerEvent(.alive, meterAtMs: 4_000_000), restored(1_600),
        ])
        #expect(corrected == [span(1_000, 1_600)])
    }

    @Test func `a lost gasp is bounded by the last sign of life, and corrected by the log`() {
        let lost = PowerFailPairing.spans([failed(100), restored(500), restored(9_000)])
        #expect(lost.count == 2)
        #expect(lost[1].startMs == Bounded(low: 500_000, likely: 9_000_000, high: 9_000_000))
        #expect(lost[1].startEvidence == .inferred)
        #expect(
            PowerFailPairing.spans([failed(100), restored(500), restored(9_000), failed(8_000)]).last
                == span(8_000, 9_000))
        // The first breath of a meter that was just put up ends nothing.
        #expect(PowerFailPairing.spans([restored(9_000)]).isEmpty)
    }

    @Test func `a clock is corrected only where the pushes prove it`() {
        // Both 600 s late: the clock is behind.
        let behind = PowerFailPairing.spans([
            failed(1_000, pushed: 1_600, logged: false), restored(4_000, pushed: 4_610, logged: false),
        ])
        #expect(behind[0].startMs == Bounded(1_600_000) && behind[0].endMs == Bounded(4_600_000))
        #expect(behind[0].clockOffMs == 600_000)
        // Ahead: it speaks of what is still to come.
        let ahead = PowerFailPairing.spans([failed(2_000, pushed: 1_400), restored(5_000)])
        #expect(ahead[0].startMs == Bounded(1_400_000) && ahead[0].endMs == Bounded(4_400_000))
        // One push that came late may have waited.
        let late = PowerFailPairing.spans([failed(1_000, pushed: 1_600), restored(4_000, pushed: 4_010)])
        #expect(late == [span(1_000, 4_000)])
    }
}

struct GroupingTests {
    /// Feeder 1 with transformers 11, 12, 13 of ten meters each; feeder 2 with transformer 21; above both plant 9.
    private static let tree = GroupingTree(
        parents: [11: 1, 12: 1, 13: 1, 21: 2, 1: 9, 2: 9], nodes: [11, 12, 13, 21, 1, 2],
        meters: [11: 10, 12: 10, 13: 10, 21: 10, 1: 30, 2: 10, 9: 40])

    private static func dark(_ node: Int64, _ count: Int, at atMs: Int64 = 0) -> [DarkMeter] {
        (0..<count).map { DarkMeter(spanID: node * 100 + Int64($0), nodeID: node, startMs: atMs + Int64($0)) }
    }

    @Test func `a transformer, and the feeder above it only when more of it is dark`() {
        let one = OutageGrouping.groups(Self.dark(11, 6), in: Self.tree)
        #expect(one.map(\.nodeID) == [11] && one[0].spanIDs.count == 6)
        // 18 of 30 over two branches: the feeder.
        let feeder = OutageGrouping.groups(Self.dark(11, 9) + Self.dark(12, 9), in: Self.tree)
        #expect(feeder.map(\.nodeID) == [1] && feeder[0].spanIDs.count == 18)
        // 12 of 30: two transformers, each for itself.
        let two = OutageGrouping.groups(Self.dark(11, 6) + Self.dark(12, 6), in: Self.tree)
        #expect(Set(two.map(\.nodeID)) == [11, 12])
        // A feeder with a single transformer is not blamed for it.
        #expect(OutageGrouping.groups(Self.dark(21, 10), in: Self.tree).map(\.nodeID) == [21])
    }

    @Test func `few of many, and others at another time, stand alone`() {
        #expect(OutageGrouping.groups(Self.dark(11, 4), in: Self.tree).map(\.nodeID) == [nil, nil, nil, nil])
        let apart = OutageGrouping.groups(Self.dark(11, 3) + Self.dark(12, 3, at: 200_000), in: Self.tree)
        #expect(apart.count == 6)
        let later = OutageGrouping.groups(Self.dark(11, 6) + Self.dark(12, 6, at: 200_000), in: Self.tree)
        #expect(later.map(\.nodeID) == [11, 12])
    }

    @Test func `the order of the meters changes nothing`() {
        let all = Self.dark(11, 9) + Self.dark(12, 9) + Self.dark(21, 3) + Self.dark(13, 7, at: 500_000)
        let expected = OutageGrouping.groups(all, in: Self.tree)
        #expect(expected.flatMap(\.spanIDs).sorted() == all.map(\.spanID).sorted())
        for seed in 1..<20 {
            var generator = Steps(state: UInt64(seed))
            #expect(OutageGrouping.groups(all.shuffled(using: &generator), in: Self.tree) == expected)
        }
    }
}

/// The same numbers every run (SplitMix64).
private struct Steps: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
