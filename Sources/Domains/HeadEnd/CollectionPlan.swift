// The plan: a row for each meter and day that is over, and how each meter is called. Idempotent; calls no meter.
import Access
import Accounts
import CivilTime
import Grid
import Meters
import SQL

struct CollectionPlan {
    let org: Org
    let rules: CollectionRules
    let schedules: CollectionSchedules

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Adds rows for finished days that have none yet, and ends what is too old to be had.
    func extend(nowMs: Int64, in transaction: any SQLTransaction) throws {
        let yesterday = org.zone.day(atS: nowMs / 1000).advanced(by: -1)
        let last =
            try transaction.first(
                "SELECT MAX(day) FROM collection WHERE org_id = $1", [.int(org.orgID)]
            ) { try $0.optionalDay(0) } ?? nil
        let floor = yesterday.advanced(by: 1 - rules.backDays)
        try giveUp(before: floor, nowMs: nowMs, in: transaction)
        if let last { try addNewcomers(from: floor, to: min(last, yesterday), in: transaction) }
        var day = max(last?.advanced(by: 1) ?? floor, floor)
        while day <= yesterday {
            let installed = try Installation.all(on: day, scope, in: transaction)
            let places = try places(in: transaction)
            for installation in installed {
                let meter = try Meter.find(installation.meterID, scope, in: transaction)
                try add(meter, day, places[meter.meterID] ?? [], in: transaction)
            }
            day = day.advanced(by: 1)
        }
        try settleReplacements(since: floor, in: transaction)
    }

    /// The places of the schedules that each meter lies under. Asks nothing when no schedule names a place.
    func places(in transaction: any SQLTransaction) throws -> [Int64: Set<Int64>] {
        guard !schedules.placeIDs.isEmpty else { return [:] }
        var parameters: [SQLValue] = [.int(org.orgID)]
        let marks = parameters.bind(schedules.placeIDs)
        let rows = try transaction.query(
            """
            SELECT i.meter_id, p.ancestor_id FROM installation i
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            JOIN place_path p ON p.org_id = a.org_id AND p.place_id = a.place_id
            WHERE i.org_id = $1 AND p.ancestor_id IN (\(marks))
            """, parameters
        ) { (try $0.int(0), try $0.int(1)) }
        return Dictionary(grouping: rows, by: \.0).mapValues { Set($0.map(\.1)) }
    }

    /// Meters that were entered later but had been installed before: their first days have no rows yet.
    private func addNewcomers(from floor: CivilDay, to last: CivilDay, in transaction: any SQLTransaction) throws {
        let newcomers = try transaction.query(
            """
            SELECT i.meter_id, i.from_day, i.to_day FROM installation i
            WHERE i.org_id = $1 AND i.from_day <= $3 AND (i.to_day IS NULL OR i.to_day >= $2) AND NOT EXISTS (
              SELECT 1 FROM collection c WHERE c.org_id = i.org_id AND c.meter_id = i.meter_id
                AND c.day = CASE WHEN i.from_day > $2 THEN i.from_day ELSE $2 END)
            ORDER BY i.meter_id
            """, [.int(scope.orgID), .day(floor), .day(last)]
        ) { (meterID: try $0.int(0), from: try $0.day(1), to: try $0.optionalDay(2)) }
        guard !newcomers.isEmpty else { return }
        let places = try places(in: transaction)
        for newcomer in newcomers {
            let meter = try Meter.find(newcomer.meterID, scope, in: transaction)
            var day = max(newcomer.from, floor)
            while day <= min(newcomer.to ?? last, last) {
                try add(meter, day, places[meter.meterID] ?? [], in: transaction)
                day = day.advanced(by: 1)
            }
        }
    }

    /// Adds the row of a meter-day unless it is there or the meter is not called at all.
    private func add(
        _ meter: Meter, _ day: CivilDay, _ places: Set<Int64>, in transaction: any SQLTransaction
    ) throws {
        let schedule = schedules.list[schedules.index(profile: meter.profileName, places: places)]
        let endMs = org.zone.startS(of: day.advanced(by: 1)) * 1000
        try Self.addItem(
            meter, day, org, nextAtMs: schedule.firstCallMs(meterID: meter.meterID, day: day, dayEndMs: endMs),
            in: transaction)
    }

    static func addItem(
        _ meter: Meter, _ day: CivilDay, _ org: Org, nextAtMs: Int64, in transaction: any SQLTransaction
    ) throws {
        guard meter.isCalled else { return }
        let slots = org.zone.slotCount(of: day, periodS: meter.capturePeriodS)
        try transaction.run(
            """
            INSERT INTO collection (org_id, day, meter_id, state, expected_slots, have_slots, slots, attempt,
              next_at_ms)
            VALUES ($1, $2, $3, 'pending', $4, 0, $5, 0, $6) ON CONFLICT DO NOTHING
            """,
            [
                .int(org.orgID), .day(day), .int(meter.meterID), .int(slots),
                .text(String(repeating: "0", count: slots)), .int(nextAtMs),
            ])
    }

    /// On the day of a replacement the plan of one meter ends where that of the other begins; of later days the old
    /// meter has none.
    private func settleReplacements(since floor: CivilDay, in transaction: any SQLTransaction) throws {
        for replacement in try MeterReplacement.since(floor, scope, in: transaction) {
            for meterID in [replacement.oldMeterID, replacement.newMeterID] {
                guard
                    let item = try CollectionItem.find(
                        meterID: meterID, day: replacement.day, scope, in: transaction)
                else { continue }
                let meter = try Meter.find(meterID, scope, in: transaction)
                let own = replacement.slots(
                    of: meterID, count: item.slots.utf8.count, dayStartMs: org.zone.startS(of: item.day) * 1000,
                    periodMs: meter.capturePeriodS * 1000)
                let marks = item.slots.utf8.enumerated().map { slot, mark in
                    own.contains(slot) || mark == SlotMark.have.rawValue ? mark : SlotMark.foreign.rawValue
                }
                let slots = String(decoding: marks, as: UTF8.self)
                guard slots != item.slots else { continue }
                let expected = marks.count { $0 != SlotMark.foreign.rawValue }
                let isOver = !marks.contains(SlotMark.wanted.rawValue) && item.isOpen
                try transaction.run(
                    """
                    UPDATE collection SET slots = $4, expected_slots = $5, state = $6
                    WHERE org_id = $1 AND day = $2 AND meter_id = $3
                    """,
                    [
                        .int(org.orgID), .day(item.day), .int(meterID), .text(slots), .int(expected),
                        .text(isOver ? "complete" : item.state),
                    ])
            }
            try transaction.run(
                """
                DELETE FROM collection WHERE org_id = $1 AND meter_id = $2 AND day > $3 AND have_slots = 0
                """, [.int(org.orgID), .int(replacement.oldMeterID), .day(replacement.day)])
        }
    }

    /// Nothing ends in silence: what is older than a meter surely keeps is marked as not to be had. A day with all its
    /// intervals, whose registers never came, is no lost one.
    private func giveUp(before floor: CivilDay, nowMs: Int64, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            UPDATE collection SET state = CASE WHEN slots = REPLACE(slots, '0', 'x') THEN 'complete' ELSE 'lost' END,
              cause = CASE WHEN slots = REPLACE(slots, '0', 'x') THEN NULL ELSE 'lost' END,
              slots = REPLACE(slots, '0', 'x'), next_at_ms = $3,
              last_attempt_at_ms = $3,
              last_error = COALESCE(last_error, 'never asked') WHERE org_id = $1 AND day < $2
              AND state IN ('pending', 'partial')
            """, [.int(org.orgID), .day(floor), .int(nowMs)])
    }
}
