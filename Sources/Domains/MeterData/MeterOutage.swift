// Outages of single meters as stored: derived from the meter's own signs, superseded by version when the signs say
// more, never changed silently. Knows no outage of the network; OutageGrouping joins them.
import Access
import Accounts
import CivilTime
import Clocks
import Meters
import Reliability
import SQL

/// One version of one outage of one meter.
public struct MeterOutage: Sendable, Equatable {
    public var spanID: Int64
    public var version: Int64
    public var meterID: Int64
    /// The account and the place the meter served; nil when it served none.
    public var accountID: Int64?
    public var placeID: Int64?
    public var span: MeterOutageSpan
    /// The signs that spoke of it are explained otherwise by now.
    public var isWithdrawn: Bool
    public var madeAtMs: Int64
    /// Nil: the version in force.
    public var supersededAtMs: Int64?
    /// The outage of the network it is counted to.
    public var outageID: Int64?
    /// The start of that outage, where the meter's own is not known.
    public var attributedStartMs: Int64?

    public init(
        spanID: Int64, version: Int64, meterID: Int64, accountID: Int64? = nil, placeID: Int64? = nil,
        span: MeterOutageSpan, isWithdrawn: Bool, madeAtMs: Int64, supersededAtMs: Int64? = nil, outageID: Int64? = nil,
        attributedStartMs: Int64? = nil
    ) {
        self.spanID = spanID
        self.version = version
        self.meterID = meterID
        self.accountID = accountID
        self.placeID = placeID
        self.span = span
        self.isWithdrawn = isWithdrawn
        self.madeAtMs = madeAtMs
        self.supersededAtMs = supersededAtMs
        self.outageID = outageID
        self.attributedStartMs = attributedStartMs
    }

    /// The start that counts.
    public var startMs: Int64 { attributedStartMs ?? span.startMs.likely }
    public var endMs: Int64? { span.endMs?.likely }
    /// Nobody said so: it is silent where others are dark.
    var isSilent: Bool { [.silent, .readings].contains(span.startEvidence) }
    public var confidence: OutageConfidence { OutageConfidence(span, isAttributed: attributedStartMs != nil) }
}

/// How sure an outage of a meter is. Stored nowhere: it follows from the evidence.
public enum OutageConfidence: String, Sendable, Codable, CaseIterable {
    /// Both ends are the meter's own word, or it lasts and began so.
    case high
    /// One end is bounded only.
    case medium
    /// Nothing but silence speaks for it.
    case low

    init(_ span: MeterOutageSpan, isAttributed: Bool) {
        let own: Set<OutageEvidence> = [.log, .push]
        switch (span.startEvidence, span.endEvidence) {
        case (.silent, _): self = .low
        case (.readings, _): self = .medium
        case (let start, nil): self = own.contains(start) ? .high : .medium
        case (let start, .some(let end)): self = own.contains(start) && own.contains(end) ? .high : .medium
        }
    }
}

public enum MeterOutages {
    /// A stored and a derived outage may be the same when they are no farther apart.
    static let nearMs: Int64 = 120_000

    static let columns = """
        o.span_id, o.version, o.meter_id, o.account_id, o.place_id, o.start_low_ms, o.start_ms, o.start_high_ms,
        o.end_low_ms, o.end_ms, o.end_high_ms, o.start_evidence, o.end_evidence, o.clock_off_ms, o.is_withdrawn,
        o.made_at_ms, o.superseded_at_ms, o.outage_id, o.attributed_start_ms
        """

    static func decode(_ row: any SQLRow) throws -> MeterOutage {
        let start = Bounded(low: try row.int(5), likely: try row.int(6), high: try row.int(7))
        let end = try row.optionalInt(9).map { likely in
            Bounded(low: try row.optionalInt(8) ?? likely, likely: likely, high: try row.optionalInt(10) ?? likely)
        }
        return MeterOutage(
            spanID: try row.int(0), version: try row.int(1), meterID: try row.int(2), accountID: try row.optionalInt(3),
            placeID: try row.optionalInt(4),
            span: MeterOutageSpan(
                startMs: start, endMs: end, startEvidence: try evidence(try row.text(11)),
                endEvidence: try row.optionalText(12).map(evidence), clockOffMs: try row.int(13)),
            isWithdrawn: try row.flag(14), madeAtMs: try row.int(15), supersededAtMs: try row.optionalInt(16),
            outageID: try row.optionalInt(17), attributedStartMs: try row.optionalInt(18))
    }

    private static func evidence(_ text: String) throws -> OutageEvidence {
        guard let evidence = OutageEvidence(rawValue: text) else {
            throw SQLError(.decode, "an outage rests on unknown evidence \(text)")
        }
        return evidence
    }

    /// Makes what is stored of a meter's outages agree with its signs. Doing it again changes nothing; so does the
    /// order in which signs arrived.
    /// - Parameters:
    ///   - signs: all of the meter's signs from `fromMs` on, and the last of its power events before.
    ///   - fromMs: outages that began earlier stay as they are.
    /// - Returns: how many outages got a new version.
    @discardableResult
    public static func derive(
        meterID: Int64, signs: [PowerEvent], fromMs: Int64, zone: Zone, nowMs: Int64, ids: IDGenerator, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Int {
        let derived = PowerFailPairing.spans(signs).filter { $0.startMs.likely >= fromMs }
        let stored = try transaction.query(
            """
            SELECT \(columns) FROM meter_outage o WHERE o.org_id = $1 AND o.meter_id = $2 AND o.start_ms >= $3
              AND o.superseded_at_ms IS NULL ORDER BY o.start_ms, o.span_id
            """, [.int(scope.orgID), .int(meterID), .int(fromMs)], decode)
        guard !derived.isEmpty || !stored.isEmpty else { return 0 }
        let changes = reconcile(derived, stored)
        guard !changes.isEmpty else { return 0 }
        try takeTurn(meterID: meterID, scope, in: transaction)
        for change in changes {
            var next: MeterOutage
            switch change {
            case .add(let span):
                next = MeterOutage(
                    spanID: ids.next(), version: 0, meterID: meterID, accountID: nil, placeID: nil, span: span,
                    isWithdrawn: false, madeAtMs: nowMs, supersededAtMs: nil, outageID: nil, attributedStartMs: nil)
            case .supersede(let old, let span):
                next = old
                next.span = span
                next.isWithdrawn = false
                next.attributedStartMs = nil
            case .withdraw(let old):
                next = old
                next.isWithdrawn = true
            }
            let day = zone.day(atS: next.span.startMs.likely / 1000)
            let place = try served(meterID: meterID, on: day, scope, in: transaction)
            (next.accountID, next.placeID) = (place?.accountID, place?.placeID)
            try write(next, nowMs: nowMs, scope, in: transaction)
        }
        return changes.count
    }

    /// Outages that last by the meter's own word, longest first.
    public static func open(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [MeterOutage] {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_outage o WHERE o.org_id = $1 AND o.end_ms IS NULL
              AND o.superseded_at_ms IS NULL AND o.is_withdrawn = 0 AND o.start_evidence <> 'silent'
            ORDER BY o.start_ms, o.span_id LIMIT $2
            """, [.int(scope.orgID), .int(limit)], decode)
    }

    /// Outages that rest on silence and are over: readings may say more by now.
    public static func silentToCheck(
        sinceMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [MeterOutage] {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_outage o WHERE o.org_id = $1 AND o.start_ms >= $2 AND o.end_ms IS NOT NULL
              AND o.superseded_at_ms IS NULL AND o.is_withdrawn = 0 AND o.start_evidence = 'silent'
            ORDER BY o.start_ms, o.span_id LIMIT $3
            """, [.int(scope.orgID), .int(sinceMs), .int(limit)], decode)
    }

    /// Readings say whether a silent meter was dark: then they are the evidence; otherwise it is withdrawn. Nothing is
    /// changed when another version came meanwhile.
    public static func settleSilent(
        _ outage: MeterOutage, wasDark: Bool, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let isInForce =
            try transaction.first(
                """
                SELECT COUNT(*) FROM meter_outage WHERE org_id = $1 AND span_id = $2 AND version = $3
                  AND superseded_at_ms IS NULL
                """, [.int(scope.orgID), .int(outage.spanID), .int(outage.version)]
            ) { try $0.int(0) == 1 } ?? false
        guard isInForce else { return }
        var next = outage
        if wasDark {
            (next.span.startEvidence, next.span.endEvidence) = (.readings, .readings)
        } else {
            next.isWithdrawn = true
        }
        // To be grouped anew: the count of the outage changes.
        try write(next, nowMs: nowMs, scope, in: transaction)
    }

    enum Change: Equatable {
        case add(MeterOutageSpan)
        case supersede(MeterOutage, MeterOutageSpan)
        case withdraw(MeterOutage)
    }

    /// Which stored outage is which derived one: the nearest in time that overlaps, each once; those in force before
    /// withdrawn ones. Silence is nobody's word: it goes only where a word takes its place.
    static func reconcile(_ derived: [MeterOutageSpan], _ stored: [MeterOutage]) -> [Change] {
        struct Pair { var derived: Int; var stored: Int; var isWithdrawn: Bool; var distance: Int64 }
        var pairs: [Pair] = []
        for (left, span) in derived.enumerated() {
            for (right, old) in stored.enumerated() {
                let toMs = span.endMs?.high ?? .max / 2
                let oldToMs = old.span.endMs?.high ?? .max / 2
                guard old.span.startMs.low <= toMs + nearMs, span.startMs.low <= oldToMs + nearMs else { continue }
                let distance = abs(old.span.startMs.likely - span.startMs.likely)
                guard !old.isWithdrawn || distance == 0 else { continue }
                pairs.append(
                    Pair(derived: left, stored: right, isWithdrawn: old.isWithdrawn, distance: distance))
            }
        }
        pairs.sort {
            ($0.isWithdrawn ? 1 : 0, $0.distance, $0.derived, $0.stored)
                < ($1.isWithdrawn ? 1 : 0, $1.distance, $1.derived, $1.stored)
        }
        var partner: [Int: Int] = [:]
        var taken: Set<Int> = []
        for pair in pairs where partner[pair.derived] == nil && !taken.contains(pair.stored) {
            partner[pair.derived] = pair.stored
            taken.insert(pair.stored)
        }
        var changes: [Change] = []
        for (index, old) in stored.enumerated() where !taken.contains(index) && !old.isWithdrawn {
            if !old.isSilent { changes.append(.withdraw(old)) }
        }
        for (index, span) in derived.enumerated() {
            guard let match = partner[index] else {
                changes.append(.add(span))
                continue
            }
            if stored[match].span != span || stored[match].isWithdrawn {
                changes.append(.supersede(stored[match], span))
            }
        }
        return changes
    }

    /// Of two transactions that do this for one meter at once, one begins again and sees what the other wrote.
    static func takeTurn(meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO outage_guard (org_id, meter_id, turn) VALUES ($1, $2, 1)
            ON CONFLICT (org_id, meter_id) DO UPDATE SET turn = outage_guard.turn + 1
            """, [.int(scope.orgID), .int(meterID)])
    }

    static func served(
        meterID: Int64, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (accountID: Int64, placeID: Int64)? {
        try transaction.first(
            """
            SELECT a.account_id, a.place_id FROM installation i
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            WHERE i.org_id = $1 AND i.meter_id = $2 AND i.from_day <= $3 AND (i.to_day IS NULL OR i.to_day >= $3)
            ORDER BY i.from_day DESC LIMIT 1
            """, [.int(scope.orgID), .int(meterID), .day(day)]
        ) { (accountID: try $0.int(0), placeID: try $0.int(1)) }
    }

    /// Writes the next version, to be grouped anew. Its days are to be judged with it, and those of the one before once
    /// more, but for silence, which explains nothing.
    static func write(
        _ outage: MeterOutage, nowMs: Int64, grouped: Bool = false, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        if outage.version > 0 {
            try transaction.run(
                """
                UPDATE meter_outage SET superseded_at_ms = $4,
                  days_judged = CASE WHEN start_evidence = 'silent' THEN 1 ELSE 0 END
                WHERE org_id = $1 AND span_id = $2 AND version = $3
                """, [.int(scope.orgID), .int(outage.spanID), .int(outage.version), .int(nowMs)])
        }
        let span = outage.span
        try transaction.run(
            """
            INSERT INTO meter_outage (org_id, span_id, version, meter_id, account_id, place_id, start_low_ms, start_ms,
              start_high_ms, end_low_ms, end_ms, end_high_ms, start_evidence, end_evidence, clock_off_ms, is_withdrawn,
              made_at_ms, outage_id, attributed_start_ms, grouped, days_judged)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
            """,
            [
                .int(scope.orgID), .int(outage.spanID), .int(outage.version + 1), .int(outage.meterID),
                .optional(outage.accountID), .optional(outage.placeID), .int(span.startMs.low),
                .int(span.startMs.likely), .int(span.startMs.high), .optional(span.endMs?.low),
                .optional(span.endMs?.likely), .optional(span.endMs?.high), .text(span.startEvidence.rawValue),
                .optional(span.endEvidence?.rawValue), .int(span.clockOffMs), .flag(outage.isWithdrawn), .int(nowMs),
                .optional(outage.outageID), .optional(outage.attributedStartMs), .flag(grouped),
                .flag(span.startEvidence == .silent),
            ])
    }

    /// Every version of the outages of a meter that began in a span of time, newest outage first.
    public static func versions(
        meterID: Int64, fromMs: Int64, toMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [MeterOutage] {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .int(meterID), .int(fromMs), .int(toMs), .int(limit),
        ]
        let reach = try Meter.reachFilter(of: "o.meter_id", scope, &parameters)
        let found = try transaction.query(
            """
            SELECT \(columns) FROM meter_outage o WHERE o.org_id = $1 AND o.meter_id = $2 AND o.start_ms >= $3
              AND o.start_ms < $4\(reach) ORDER BY o.start_ms DESC, o.span_id DESC, o.version DESC LIMIT $5
            """, parameters, decode)
        // Versions of one outage stay together, at the start that is in force.
        let starts = Dictionary(
            found.filter { $0.supersededAtMs == nil }.map { ($0.spanID, $0.startMs) }, uniquingKeysWith: max)
        return found.sorted { left, right in
            let (a, b) = (starts[left.spanID] ?? left.startMs, starts[right.spanID] ?? right.startMs)
            return (b, right.spanID, right.version) < (a, left.spanID, left.version)
        }
    }
}

/// A time in which a meter had no supply, as others ask for it.
public struct OutageInterval: Sendable, Equatable {
    public var spanID: Int64
    public var outageID: Int64?
    public var startMs: Int64
    /// Nil while it lasts.
    public var endMs: Int64?
    /// The span in which it was dark for certain; empty (`from >= to`) where nothing is certain.
    public var certainFromMs: Int64
    public var certainToMs: Int64
    public var confidence: OutageConfidence
    public var isPlanned: Bool
    public init(
        spanID: Int64, outageID: Int64?, startMs: Int64, endMs: Int64?, certainFromMs: Int64, certainToMs: Int64,
        confidence: OutageConfidence, isPlanned: Bool
    ) {
        self.spanID = spanID
        self.outageID = outageID
        self.startMs = startMs
        self.endMs = endMs
        self.certainFromMs = certainFromMs
        self.certainToMs = certainToMs
        self.confidence = confidence
        self.isPlanned = isPlanned
    }
}

public enum Outages {
    /// An outage may have begun so long before the span that is asked for.
    static let longestMs: Int64 = 400 * 86_400_000

    /// The slots of a day in which a meter was without supply for certain, all of each.
    /// - Parameters:
    ///   - startS: of the day.
    ///   - nowMs: up to which one that lasts is certain.
    public static func darkSlots(
        _ outages: [OutageInterval], startS: Int64, periodS: Int64, slots: Int, nowMs: Int64
    ) -> [Range<Int>] {
        guard periodS > 0 else { return [] }
        let periodMs = periodS * 1000
        return outages.compactMap { outage in
            // Of a silent one nothing is certain, and its bounds are no times.
            guard outage.certainFromMs < min(outage.certainToMs, nowMs) else { return nil }
            let fromMs = max(0, outage.certainFromMs - startS * 1000)
            let toMs = max(0, min(outage.certainToMs, nowMs) - startS * 1000)
            let (first, end) = ((fromMs + periodMs - 1) / periodMs, min(Int64(slots), toMs / periodMs))
            return first < end ? Int(first)..<Int(end) : nil
        }
    }

    /// When a meter was without supply, in order of time: for estimation, which puts zero there, and for validation,
    /// which explains zeros by it. Reads the money store.
    /// - Parameters:
    ///   - fromMs, toMs: half open; intervals that touch it come whole, not cut to it.
    public static func of(
        meterID: Int64, fromMs: Int64, toMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [OutageInterval] {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .int(meterID), .int(fromMs), .int(toMs), .int(fromMs - longestMs),
        ]
        let reach = try Meter.reachFilter(of: "o.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT \(MeterOutages.columns), CASE WHEN n.planned_id IS NULL THEN 0 ELSE 1 END FROM meter_outage o
            LEFT JOIN outage n ON n.org_id = o.org_id AND n.outage_id = o.outage_id AND n.superseded_at_ms IS NULL
            WHERE o.org_id = $1 AND o.meter_id = $2 AND o.start_ms >= $5 AND o.start_low_ms < $4
              AND (o.end_high_ms IS NULL OR o.end_high_ms > $3) AND o.superseded_at_ms IS NULL
              AND o.is_withdrawn = 0\(reach) ORDER BY o.start_ms, o.span_id LIMIT 1000
            """, parameters
        ) { row in
            let found = try MeterOutages.decode(row)
            let isSilent = found.confidence == .low
            return OutageInterval(
                spanID: found.spanID, outageID: found.outageID, startMs: found.startMs, endMs: found.endMs,
                certainFromMs: isSilent ? .max : found.attributedStartMs ?? found.span.startMs.high,
                // One that still lasts is certain up to now only, and who asks knows when that is.
                certainToMs: isSilent ? .min : found.span.endMs?.low ?? .max, confidence: found.confidence,
                isPlanned: try row.flag(19))
        }
    }
}
