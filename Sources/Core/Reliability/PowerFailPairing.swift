// Outages of one meter from what it said: last gasp and first breath, pushed or found in its power-fail log (IS 15959
// event ids 101 and 102, status bits 85 and 86). A function of the set of events: order of arrival and repetitions
// change nothing. Knows nothing of other meters.

/// A sign of a meter that its supply failed, came back, or was there.
public struct PowerEvent: Sendable, Equatable, Hashable {
    public enum Kind: Int, Sendable { case failed, restored, alive }
    public var kind: Kind
    /// By the meter's own clock, UTC milliseconds.
    public var meterAtMs: Int64
    /// When the push of it was received; nil for what only the log says.
    public var pushedAtMs: Int64?
    public var isLogged: Bool
    public init(_ kind: Kind, meterAtMs: Int64, pushedAtMs: Int64? = nil, isLogged: Bool = false) {
        self.kind = kind
        self.meterAtMs = meterAtMs
        self.pushedAtMs = pushedAtMs
        self.isLogged = isLogged
    }
}

/// How one end of an outage is known. Stored by name.
public enum OutageEvidence: String, Sendable, Codable, CaseIterable {
    /// The meter's power-fail log says so.
    case log
    /// The meter pushed it.
    case push
    /// It follows from other signs and is bounded by them: a lost gasp, a lost breath, an answer in between.
    case inferred
    /// The meter is silent under a part of the network that is dark.
    case silent
    /// Readings of the time show no energy where the meter was taken to be dark.
    case readings
}

/// One outage of one meter, UTC milliseconds.
public struct MeterOutageSpan: Sendable, Equatable {
    public var startMs: Bounded
    /// Nil while it lasts.
    public var endMs: Bounded?
    public var startEvidence: OutageEvidence
    public var endEvidence: OutageEvidence?
    /// The meter's clock was off by so much, and the times are corrected by it.
    public var clockOffMs: Int64
    public init(
        startMs: Bounded, endMs: Bounded?, startEvidence: OutageEvidence, endEvidence: OutageEvidence?,
        clockOffMs: Int64 = 0
    ) {
        self.startMs = startMs
        self.endMs = endMs
        self.startEvidence = startEvidence
        self.endEvidence = endEvidence
        self.clockOffMs = clockOffMs
    }
}

public enum PowerFailPairing {
    /// Signs of one kind no farther apart, with no other between, are one.
    public static let sameWithinMs: Int64 = 120_000
    /// A clock farther off than this is corrected.
    public static let clockTolerance: Int64 = 60_000

    /// - Parameter events: of one meter, any order, repetitions allowed.
    /// - Returns: in order of time; only the last can be open.
    public static func spans(_ events: [PowerEvent]) -> [MeterOutageSpan] {
        var spans: [MeterOutageSpan] = []
        var open: PowerEvent?
        var lastAliveMs: Int64?
        for event in distinct(events) {
            switch (event.kind, open) {
            case (.failed, nil):
                open = event
            case (.failed, .some(let before)):
                // The breath in between was lost: it came back before it failed again.
                spans.append(lostBreath(before, byMs: event.meterAtMs))
                open = event
            case (.restored, .some(let before)):
                spans.append(pair(before, event))
                open = nil
            case (.restored, nil):
                if let lastAliveMs, lastAliveMs < event.meterAtMs {
                    spans.append(lostGasp(event, afterMs: lastAliveMs))
                }
            case (.alive, .some(let before)):
                spans.append(lostBreath(before, byMs: event.meterAtMs))
                open = nil
            case (.alive, nil): break
            }
            if event.kind != .failed { lastAliveMs = event.meterAtMs }
        }
        if let open { spans.append(stillOpen(open)) }
        return spans
    }

    /// In order of the meter's time, repetitions joined. A log entry has the exact time, a push only that of sending.
    private static func distinct(_ events: [PowerEvent]) -> [PowerEvent] {
        let ordered = Set(events).sorted {
            ($0.meterAtMs, $0.kind.rawValue, $0.isLogged ? 0 : 1, $0.pushedAtMs ?? .max)
                < ($1.meterAtMs, $1.kind.rawValue, $1.isLogged ? 0 : 1, $1.pushedAtMs ?? .max)
        }
        var kept: [PowerEvent] = []
        for event in ordered {
            guard let last = kept.last, last.kind == event.kind, event.kind != .alive,
                event.meterAtMs - last.meterAtMs <= sameWithinMs
            else {
                kept.append(event)
                continue
            }
            var joined = !last.isLogged && event.isLogged ? event : last
            // The receipt belongs to the time it was pushed with: kept only when that stays.
            joined.pushedAtMs = [last.pushedAtMs, event.pushedAtMs].compactMap(\.self).min()
            kept[kept.count - 1] = joined
        }
        return kept
    }

    /// How far the meter's clock is behind ours, where the pushes prove it: an event from our future, or gasp and
    /// breath late by the same. One push that came late may have waited on its way.
    private static func clockOffMs(_ events: [PowerEvent]) -> Int64 {
        let lags = events.compactMap { event in event.pushedAtMs.map { $0 - event.meterAtMs } }
        if let least = lags.min(), least < -clockTolerance { return least }
        guard lags.count == 2, let least = lags.min(), let most = lags.max(), least > clockTolerance,
            most - least <= clockTolerance
        else { return 0 }
        return least
    }

    private static func evidence(_ event: PowerEvent) -> OutageEvidence { event.isLogged ? .log : .push }

    private static func pair(_ failed: PowerEvent, _ restored: PowerEvent) -> MeterOutageSpan {
        let offMs = clockOffMs([failed, restored])
        return MeterOutageSpan(
            startMs: Bounded(failed.meterAtMs + offMs), endMs: Bounded(restored.meterAtMs + offMs),
            startEvidence: evidence(failed), endEvidence: evidence(restored), clockOffMs: offMs)
    }

    private static func lostBreath(_ failed: PowerEvent, byMs: Int64) -> MeterOutageSpan {
        let offMs = clockOffMs([failed])
        let startMs = failed.meterAtMs + offMs
        let latestMs = max(startMs, byMs + offMs)
        return MeterOutageSpan(
            startMs: Bounded(startMs),
            endMs: Bounded(low: startMs, likely: startMs + (latestMs - startMs) / 2, high: latestMs),
            startEvidence: evidence(failed), endEvidence: .inferred, clockOffMs: offMs)
    }

    /// It was there at `afterMs`; nothing says more. Until the log or the neighbours do, the shortest is taken.
    private static func lostGasp(_ restored: PowerEvent, afterMs: Int64) -> MeterOutageSpan {
        let offMs = clockOffMs([restored])
        let endMs = restored.meterAtMs + offMs
        return MeterOutageSpan(
            startMs: Bounded(low: afterMs + offMs, likely: endMs, high: endMs), endMs: Bounded(endMs),
            startEvidence: .inferred, endEvidence: evidence(restored), clockOffMs: offMs)
    }

    private static func stillOpen(_ failed: PowerEvent) -> MeterOutageSpan {
        let offMs = clockOffMs([failed])
        return MeterOutageSpan(
            startMs: Bounded(failed.meterAtMs + offMs), endMs: nil, startEvidence: evidence(failed), endEvidence: nil,
            clockOffMs: offMs)
    }
}
