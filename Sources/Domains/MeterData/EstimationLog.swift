// What was estimated: which slots of which version, by which method, how sure, and, once the truth came, how far off.
// Written with the version it is about, in the same transaction; the values themselves stand in the day block.
import CivilTime
import IntervalData
import SQL
import VEE

/// A run of slots of one version that was estimated in one way.
public struct EstimateRecord: Sendable, Equatable {
    public var day: CivilDay
    public var meterID: Int64
    public var channel: Channel
    public var version: Int64
    public var slots: Range<Int>
    public var method: EstimationMethod
    /// What gave the course, when the register gave the sum.
    public var shape: EstimationMethod?
    /// The lowest of the run.
    public var confidence: Confidence
    /// Sum of the run, in the unit of the channel, and how far similar estimates lie off.
    public var energy: Int64
    public var expectedError: Int64
    /// In words, of the first slot: which days were used, or what the register said.
    public var reason: String
    /// What the registers at both ends of the day moved, when both were known.
    public var registerWh: Int64?
    public var madeAtMs: Int64
    /// Of those slots the ones for which the actual came since, and what they had been estimated and came to.
    public var replacedSlots: Int64 = 0
    public var replacedEstimate: Int64 = 0
    public var replacedActual: Int64 = 0
    /// Sum of the differences slot by slot, without signs.
    public var absoluteError: Int64 = 0
    public var replacedAtMs: Int64?
}

/// How good a method was where the actual came later.
public struct MethodAccuracy: Sendable, Equatable {
    public var method: EstimationMethod
    public var runs: Int64
    public var slots: Int64
    public var energyWh: Int64
    public var replacedSlots: Int64
    public var replacedEstimateWh: Int64
    public var replacedActualWh: Int64
    public var absoluteErrorWh: Int64

    public init(
        method: EstimationMethod, runs: Int64, slots: Int64, energyWh: Int64, replacedSlots: Int64,
        replacedEstimateWh: Int64, replacedActualWh: Int64, absoluteErrorWh: Int64
    ) {
        (self.method, self.runs, self.slots, self.energyWh) = (method, runs, slots, energyWh)
        (self.replacedSlots, self.replacedEstimateWh) = (replacedSlots, replacedEstimateWh)
        (self.replacedActualWh, self.absoluteErrorWh) = (replacedActualWh, absoluteErrorWh)
    }

    /// Sum of the absolute errors over the sum of the actual values, parts per million; nil before any came.
    public var wapePPM: Int64? { ratio(absoluteErrorWh) }
    /// How much too high in sum, parts per million.
    public var biasPPM: Int64? { ratio(replacedEstimateWh - replacedActualWh) }

    private func ratio(_ error: Int64) -> Int64? {
        replacedActualWh > 0 ? Int64(clamping: Int128(error) * 1_000_000 / Int128(replacedActualWh)) : nil
    }
}

public enum EstimationLog {
    static let migration = Migration(
        105, .readings, "estimation log",
        [
            """
            CREATE TABLE estimation_log (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
              channel {int} NOT NULL, version {int} NOT NULL, from_slot {int} NOT NULL, to_slot {int} NOT NULL,
              method {text} NOT NULL, shape {text}, confidence {text} NOT NULL, energy {int} NOT NULL,
              expected_error {int} NOT NULL, reason {text} NOT NULL, register_wh {int}, made_at_ms {int} NOT NULL,
              replaced_slots {int} NOT NULL, replaced_estimate {int} NOT NULL, replaced_actual {int} NOT NULL,
              absolute_error {int} NOT NULL, replaced_at_ms {int},
              PRIMARY KEY (org_id, day, meter_id, channel, version, from_slot)) {by_month}
            """
        ])

    private static let columns = """
        day, meter_id, channel, version, from_slot, to_slot, method, shape, confidence, energy, expected_error, reason,
        register_wh, made_at_ms, replaced_slots, replaced_estimate, replaced_actual, absolute_error, replaced_at_ms
        """

    private static func decode(_ row: any SQLRow) throws -> EstimateRecord {
        guard let channel = Channel(rawValue: try row.int(2)), let method = EstimationMethod(rawValue: try row.text(6))
        else { throw SQLError(.decode, "an estimate of a kind this release does not know") }
        return EstimateRecord(
            day: try row.day(0), meterID: try row.int(1), channel: channel, version: try row.int(3),
            slots: Int(try row.int(4))..<Int(try row.int(5)), method: method,
            shape: try row.optionalText(7).flatMap { EstimationMethod(rawValue: $0) },
            confidence: Confidence(rawValue: try row.text(8)) ?? .low, energy: try row.int(9),
            expectedError: try row.int(10), reason: try row.text(11), registerWh: try row.optionalInt(12),
            madeAtMs: try row.int(13), replacedSlots: try row.int(14), replacedEstimate: try row.int(15),
            replacedActual: try row.int(16), absoluteError: try row.int(17), replacedAtMs: try row.optionalInt(18))
    }

    /// Slots in order, joined where the way was the same.
    static func records(
        _ filled: [(slot: Int, estimate: SlotEstimate)], day: CivilDay, meterID: Int64, channel: Channel,
        version: Int64, registerWh: Int64?, madeAtMs: Int64
    ) -> [EstimateRecord] {
        filled.reduce(into: []) { records, item in
            let found = item.estimate
            if let last = records.last, last.slots.upperBound == item.slot, last.method == found.method,
                last.shape == found.shape
            {
                records[records.count - 1].slots = last.slots.lowerBound..<item.slot + 1
                records[records.count - 1].energy += found.value
                records[records.count - 1].expectedError += found.expectedError
                records[records.count - 1].confidence = min(last.confidence, found.confidence)
            } else {
                records.append(
                    EstimateRecord(
                        day: day, meterID: meterID, channel: channel, version: version,
                        slots: item.slot..<item.slot + 1, method: found.method, shape: found.shape,
                        confidence: found.confidence, energy: found.value, expectedError: found.expectedError,
                        reason: String(found.reason.prefix(300)), registerWh: registerWh, madeAtMs: madeAtMs))
            }
        }
    }

    static func store(_ records: [EstimateRecord], orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.runMany(
            """
            INSERT INTO estimation_log (org_id, day, meter_id, channel, version, from_slot, to_slot, method, shape,
              confidence, energy, expected_error, reason, register_wh, made_at_ms, replaced_slots, replaced_estimate,
              replaced_actual, absolute_error)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, 0, 0, 0)
            """,
            records.map { item in
                [
                    .int(orgID), .day(item.day), .int(item.meterID), .int(item.channel.rawValue), .int(item.version),
                    .int(item.slots.lowerBound), .int(item.slots.upperBound), .text(item.method.rawValue),
                    .optional(item.shape?.rawValue), .text(item.confidence.rawValue), .int(item.energy),
                    .int(item.expectedError), .text(item.reason), .optional(item.registerWh), .int(item.madeAtMs),
                ]
            })
    }

    /// Called with every new version: where it holds actual values that had been estimated, the log learns how far off
    /// the estimate was. Worked out from the whole day each time, so that no order of arrival matters.
    static func learn(
        from block: DayBlock, after current: StoredBlock?, day: CivilDay, meterID: Int64, channel: Channel,
        atMs nowMs: Int64, orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        guard let current, current.block.slotCount == block.slotCount,
            zip(current.block.qualities, block.qualities).contains(where: {
                $0 != .actual && $0 != .missing && $1 == .actual
            })
        else { return }
        let known = try of(meterID: meterID, channel: channel, day: day, orgID: orgID, in: transaction)
        guard !known.isEmpty else { return }
        let versions = try DayBlocks.versions(
            meterID: meterID, channel: channel, day: day, orgID: orgID, in: transaction)
        for record in known {
            guard let estimated = versions.first(where: { $0.version == record.version })?.block,
                record.slots.upperBound <= min(estimated.slotCount, block.slotCount)
            else { continue }
            let slots = record.slots.filter { block.qualities[$0] == .actual }
            guard !slots.isEmpty else { continue }
            let error = slots.reduce(Int64(0)) {
                $0 + Int64((Int64(estimated.values[$1]) - Int64(block.values[$1])).magnitude)
            }
            try transaction.run(
                """
                UPDATE estimation_log SET replaced_slots = $7, replaced_estimate = $8, replaced_actual = $9,
                  absolute_error = $10, replaced_at_ms = $11
                WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND channel = $4 AND version = $5 AND from_slot = $6
                """,
                [
                    .int(orgID), .day(day), .int(meterID), .int(channel.rawValue), .int(record.version),
                    .int(record.slots.lowerBound), .int(slots.count),
                    .int(slots.reduce(0) { $0 + Int64(estimated.values[$1]) }),
                    .int(slots.reduce(0) { $0 + Int64(block.values[$1]) }), .int(error), .int(nowMs),
                ])
        }
    }

    /// All of one day of a meter, in order.
    public static func of(
        meterID: Int64, channel: Channel = .importWh, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [EstimateRecord] {
        try transaction.query(
            """
            SELECT \(columns) FROM estimation_log
            WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND channel = $4 ORDER BY version, from_slot
            """, [.int(orgID), .day(day), .int(meterID), .int(channel.rawValue)], decode)
    }

    /// Where a list goes on: after this record, in its order.
    public struct Place: Sendable, Equatable {
        public var day: CivilDay
        public var meterID: Int64
        public var channel: Int64
        public var version: Int64
        public var slot: Int64
    }

    /// Of days of one month, newest day first, then by meter, version and slot.
    public static func page(
        from: CivilDay, to: CivilDay, after place: Place?, method: EstimationMethod?, meterID: Int64? = nil,
        limit: Int, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [EstimateRecord] {
        var parameters: [SQLValue] = [.int(orgID), .day(from), .day(to), .int(limit)]
        var filter = ""
        if let method {
            parameters.append(.text(method.rawValue))
            filter += " AND method = $\(parameters.count)"
        }
        if let meterID { filter += " AND meter_id = \(parameters.bind([meterID]))" }
        if let place {
            let first = parameters.count + 1
            parameters += [
                .day(place.day), .int(place.meterID), .int(place.channel), .int(place.version), .int(place.slot),
            ]
            let (day, meter, channel, version, slot) = (
                "$\(first)", "$\(first + 1)", "$\(first + 2)", "$\(first + 3)", "$\(first + 4)"
            )
            filter += """
                 AND (day < \(day) OR (day = \(day) AND (meter_id > \(meter) OR (meter_id = \(meter)
                  AND (channel > \(channel) OR (channel = \(channel) AND (version > \(version)
                  OR (version = \(version) AND from_slot > \(slot)))))))))
                """
        }
        return try transaction.query(
            """
            SELECT \(columns) FROM estimation_log WHERE org_id = $1 AND day >= $2 AND day <= $3\(filter)
            ORDER BY day DESC, meter_id, channel, version, from_slot LIMIT $4
            """, parameters, decode)
    }

    /// Methods over days of one month, of import only.
    /// - Parameter meterIDs: only of these meters, at most a few hundred at once; nil for all of the company.
    static func accuracy(
        from: CivilDay, to: CivilDay, meterIDs: [Int64]?, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [MethodAccuracy] {
        var parameters: [SQLValue] = [.int(orgID), .day(from), .day(to), .int(Channel.importWh.rawValue)]
        let mine = meterIDs.map { " AND meter_id IN (\(parameters.bind($0)))" } ?? ""
        let sums = [
            "to_slot - from_slot", "energy", "replaced_slots", "replaced_estimate", "replaced_actual", "absolute_error",
        ]
        .map { "CAST(SUM(\($0)) AS BIGINT)" }.joined(separator: ", ")
        return try transaction.query(
            """
            SELECT method, COUNT(*), \(sums) FROM estimation_log
            WHERE org_id = $1 AND day >= $2 AND day <= $3 AND channel = $4\(mine) GROUP BY method
            """, parameters
        ) { row in
            guard let method = EstimationMethod(rawValue: try row.text(0)) else {
                throw SQLError(.decode, "method \(try row.text(0)) is not known to this release")
            }
            return MethodAccuracy(
                method: method, runs: try row.int(1), slots: try row.int(2), energyWh: try row.int(3),
                replacedSlots: try row.int(4), replacedEstimateWh: try row.int(5), replacedActualWh: try row.int(6),
                absoluteErrorWh: try row.int(7))
        }
    }
}
