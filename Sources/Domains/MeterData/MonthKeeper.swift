// How long readings stay as they were written: closed months are compacted, old ones put away, both readable in place
// and brought back at will; what is past keeping is removed unless it is held. Every step is a transaction of some
// meters, checked before anything is deleted, and may be broken off and run again anywhere.
import Access
import CivilTime
import Clocks
import Cryptography
import IntervalData
import SQL

/// The state of a month of a company.
public struct KeptMonth: Sendable, Codable, Equatable {
    public enum Form: String, Sendable, Codable {
        /// As written: a row a day and version.
        case open
        case compacted
        /// Compacted, and on SQLite in the archive folder.
        case archived
        /// In an archive that is not there now.
        case outOfReach = "out of reach"
    }
    public var month: String
    public var form: Form
    /// Compacted rows; nil out of reach.
    public var rows: Int64?
    /// Meter-days that lie open: all of an open month; of others what came since.
    public var openVersions: Int64?

    public init(month: String, form: Form, rows: Int64?, openVersions: Int64?) {
        (self.month, self.form, self.rows, self.openVersions) = (month, form, rows, openVersions)
    }
}

public struct MonthKeeper: Sendable {
    /// Meters a transaction.
    static let chunkSize = 64

    public static let hotSetting = "readings.hot-months"
    public static let archiveSetting = "readings.archive-after-months"
    public static let keepSetting = "readings.keep-months"
    public static let settings: [SettingKind] = [
        .wholeNumber(
            hotSetting, 1...120, initial: 3, hint: "Whole months that stay as written before they are compacted."),
        .wholeNumber(
            archiveSetting, 0...1200, initial: 0,
            hint: "Whole months after which compacted readings are put into the archive; 0 is never."),
        .wholeNumber(
            keepSetting, 0...1200, initial: 0,
            hint: "Whole months for which readings must be kept; older ones may be removed. 0 is for ever."),
    ]

    let site: Site
    let org: Org

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    // MARK: What is due

    /// The month that runs now.
    private var present: CivilMonth { org.zone.day(atS: site.clocks.businessNowMs() / 1000).month }

    private func setting(_ name: String) async throws -> Int {
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let text = try await site.money.read { [org] transaction in
            try SettingRegistry(Self.settings).value(name, on: today, Scope(orgID: org.orgID), in: transaction)
        }
        guard let value = Int(text) else { throw SQLError(.decode, "setting \(name) is no number") }
        return value
    }

    /// The first month that is not compacted by the settings.
    func firstHot() async throws -> CivilMonth {
        CivilMonth(index: present.index - (try await setting(Self.hotSetting)))
    }

    /// Compacts and archives what is due by the settings. Returns the months touched.
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> Int {
        let hot = try await setting(Self.hotSetting)
        let archive = try await setting(Self.archiveSetting)
        var touched = 0
        for month in try await site.readings.monthsInReach() where month.index < present.index - hot {
            try Task.checkCancellation()
            let isDue = archive > 0 && month.index < present.index - max(hot, archive)
            let state = try await state(month)
            if state.openVersions != 0 || state.form == .open { touched += try await compact(month) > 0 ? 1 : 0 }
            if isDue, state.form != .archived {
                try await self.archive(month)
                touched += 1
            }
            await progress(touched)
        }
        return touched
    }

    /// What a month is and holds.
    public func state(_ month: CivilMonth) async throws -> KeptMonth {
        try await site.readings.shard(month).read { [org] transaction in
            let kept = try transaction.first(
                "SELECT state FROM month_keeping WHERE org_id = $1 AND day = $2",
                [.int(org.orgID), .day(month.first)]
            ) { try $0.text(0) }
            let open = try transaction.first(
                "SELECT COUNT(*) FROM day_block WHERE org_id = $1 AND day >= $2 AND day <= $3",
                [.int(org.orgID), .day(month.first), .day(month.last)]
            ) { try $0.int(0) }
            let rows = try transaction.first(
                "SELECT COUNT(*) FROM meter_month WHERE org_id = $1 AND day = $2",
                [.int(org.orgID), .day(month.first)]
            ) { try $0.int(0) }
            return KeptMonth(
                month: month.description, form: kept.flatMap(KeptMonth.Form.init) ?? .open, rows: rows ?? 0,
                openVersions: open ?? 0)
        }
    }

    private func there(_ month: CivilMonth) async throws -> any Database {
        guard try await site.readings.months().contains(month) else {
            throw Refusal(.notFound, "There are no readings of \(month).", hint: "List the months that are there.")
        }
        return try await site.readings.shard(month)
    }

    private func closed(_ month: CivilMonth) throws {
        guard month < present else {
            throw Refusal(.invalid, "\(month) is not over.", hint: "Name a month before \(present).", at: "month")
        }
    }

    // MARK: Compacting

    /// Compacts what lies open of a closed month. Returns the versions that became part of compacted rows.
    @discardableResult
    public func compact(_ month: CivilMonth) async throws -> Int {
        try closed(month)
        let shard = try await there(month)
        var rest = try await shard.read { [org] transaction in
            try transaction.query(
                """
                SELECT DISTINCT meter_id FROM day_block WHERE org_id = $1 AND day >= $2 AND day <= $3 ORDER BY meter_id
                """, [.int(org.orgID), .day(month.first), .day(month.last)]
            ) { try $0.int(0) }
        }[...]
        var done = 0
        while !rest.isEmpty {
            try Task.checkCancellation()
            let meters = Array(rest.prefix(Self.chunkSize))
            rest = rest.dropFirst(Self.chunkSize)
            done += try await shard.write { [org] transaction in
                try Self.compact(meters, month, orgID: org.orgID, in: transaction)
            }
        }
        let form = try await state(month).form
        try await note(month, form == .archived ? .archived : .compacted, shard)
        // A few late days are not worth writing the whole file anew.
        if form == .open { try await site.readings.files.giveBackRoom(month) }
        return done
    }

    private struct Key: Hashable, Comparable {
        var meterID: Int64
        var channel: Int64
        static func < (a: Key, b: Key) -> Bool { (a.meterID, a.channel) < (b.meterID, b.channel) }
    }

    private static func openVersions(
        _ meters: [Int64], _ month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [(Key, DayVersion)] {
        var parameters: [SQLValue] = [.int(orgID)]
        // Each day by name: a range of days would walk through all meters of all of them.
        let days = parameters.bind((month.first.number...month.last.number).map { Int64($0) })
        let ids = parameters.bind(meters)
        return try transaction.query(
            """
            SELECT meter_id, channel, day, version, change, made_at_ms, made_by, interval_values, qualities, sources
            FROM day_block WHERE org_id = $1 AND day IN (\(days)) AND meter_id IN (\(ids))
            """, parameters
        ) { row in
            (
                Key(meterID: try row.int(0), channel: try row.int(1)),
                DayVersion(
                    dayOfMonth: month.first.days(to: try row.day(2)) + 1, version: try row.int(3),
                    change: try row.int(4), madeAtMs: try row.int(5), madeBy: try row.text(6),
                    block: try DayBlock(
                        decoding: EncodedDay(values: row.bytes(7), qualities: row.bytes(8), sources: row.bytes(9))))
            )
        }
    }

    private static func compacted(
        _ meters: [Int64], _ month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [MeterMonth] {
        var parameters: [SQLValue] = [.int(orgID), .day(month.first)]
        let ids = parameters.bind(meters)
        return try transaction.query(
            "SELECT \(MeterMonth.columns) FROM meter_month WHERE org_id = $1 AND day = $2 AND meter_id IN (\(ids))",
            parameters
        ) { try MeterMonth.decode($0, month) }
    }

    /// One chunk: read, encode, read back and compare, write, delete; all or nothing.
    static func compact(
        _ meters: [Int64], _ month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Int {
        let open = try openVersions(meters, month, orgID: orgID, in: transaction)
        guard !open.isEmpty else { return 0 }
        var versions = Dictionary(grouping: open, by: \.0).mapValues { $0.map(\.1) }
        for row in try compacted(meters, month, orgID: orgID, in: transaction) {
            let key = Key(meterID: row.meterID, channel: row.channel.rawValue)
            guard let later = versions[key] else { continue }
            versions[key] = try row.all(orgID) + later
        }
        let rows = try versions.sorted { $0.key < $1.key }.map { key, versions in
            let ordered = versions.sorted { ($0.dayOfMonth, $0.version) < ($1.dayOfMonth, $1.version) }
            let isInOrder = zip(ordered, ordered.dropFirst()).allSatisfy {
                ($0.dayOfMonth, $0.version) < ($1.dayOfMonth, $1.version)
            }
            guard isInOrder, ordered.count <= MonthCodec.maximumVersions else {
                throw SQLError(.corrupt, "meter \(key.meterID) in \(month): two versions of one number, or too many")
            }
            let row = MeterMonth(
                month: month, meterID: key.meterID, channel: try DayBlocks.channel(key.channel), versions: ordered,
                orgID: orgID)
            guard try row.all(orgID) == ordered.map(\.canonical) else {
                throw SQLError(.other, "meter \(key.meterID) in \(month) reads back otherwise than written; kept open")
            }
            return row
        }
        try MeterMonth.store(rows, orgID: orgID, in: transaction)
        var parameters: [SQLValue] = [.int(orgID)]
        let days = parameters.bind((month.first.number...month.last.number).map { Int64($0) })
        let ids = parameters.bind(meters)
        let deleted = try transaction.run(
            "DELETE FROM day_block WHERE org_id = $1 AND day IN (\(days)) AND meter_id IN (\(ids))", parameters)
        guard deleted == open.count else {
            throw SQLError(.other, "\(deleted) versions would be deleted of \(open.count) compacted; nothing was done")
        }
        return open.count
    }

    /// The checksum of a month: SHA-256 over those of its rows, in order of key.
    static func checksum(_ month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction) throws -> (
        rows: Int64, checksum: [UInt8]
    ) {
        var count: Int64 = 0
        var after: (Int64, Int64) = (Int64.min, Int64.min)
        let digest = try Hash.sha256(pieces: {
            let page = try transaction.query(
                """
                SELECT meter_id, channel, checksum FROM meter_month WHERE org_id = $1 AND day = $2
                  AND (meter_id > $3 OR (meter_id = $3 AND channel > $4)) ORDER BY meter_id, channel LIMIT 2000
                """, [.int(orgID), .day(month.first), .int(after.0), .int(after.1)]
            ) { (try $0.int(0), try $0.int(1), try $0.bytes(2)) }
            guard let last = page.last else { return nil }
            after = (last.0, last.1)
            count += Int64(page.count)
            return page.flatMap(\.2)
        })
        return (count, digest)
    }

    /// Notes that a month is compacted, with the checksum of its rows as they are now.
    func noteCompacted(_ month: CivilMonth) async throws {
        try await note(month, .compacted, try await there(month))
    }

    private func note(_ month: CivilMonth, _ form: KeptMonth.Form, _ shard: any Database) async throws {
        let nowMs = site.clocks.businessNowMs()
        try await shard.write { [org] transaction in
            guard form != .open else {
                try transaction.run(
                    "DELETE FROM month_keeping WHERE org_id = $1 AND day = $2", [.int(org.orgID), .day(month.first)])
                return
            }
            let (rows, checksum) = try Self.checksum(month, orgID: org.orgID, in: transaction)
            try transaction.run(
                """
                INSERT INTO month_keeping (org_id, day, state, row_count, checksum, changed_at_ms)
                VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (org_id, day) DO UPDATE SET state = excluded.state, row_count = excluded.row_count,
                  checksum = excluded.checksum, changed_at_ms = excluded.changed_at_ms
                """,
                [
                    .int(org.orgID), .day(month.first), .text(form.rawValue), .int(rows), .bytes(checksum),
                    .int(nowMs),
                ])
        }
    }

    // MARK: Archive and back

    /// Puts a month into the archive, compacting it first. It stays readable, and late readings are still taken.
    public func archive(_ month: CivilMonth) async throws {
        try await compact(month)
        try await note(month, .archived, try await there(month))
        try await site.readings.files.putAway(month)
    }

    /// Makes a month again what it was before it was compacted: a row a day and version, at its old place.
    /// Returns the versions.
    @discardableResult
    public func restore(_ month: CivilMonth) async throws -> Int {
        _ = try await there(month)
        try await site.readings.files.bringBack(month)
        let shard = try await there(month)
        var restored = 0
        while true {
            try Task.checkCancellation()
            let count = try await shard.write { [org] transaction in
                try Self.open(month, orgID: org.orgID, in: transaction)
            }
            guard count > 0 else { break }
            restored += count
        }
        try await note(month, .open, shard)
        return restored
    }

    private static func open(_ month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction) throws -> Int {
        let rows = try transaction.query(
            """
            SELECT \(MeterMonth.columns) FROM meter_month WHERE org_id = $1 AND day = $2
            ORDER BY meter_id, channel LIMIT $3
            """, [.int(orgID), .day(month.first), .int(chunkSize)]
        ) { try MeterMonth.decode($0, month) }
        var count = 0
        for row in rows {
            let versions = try row.all(orgID)
            try DayBlocks.insertAgain(versions, of: row, orgID: orgID, in: transaction)
            count += versions.count
            try transaction.run(
                "DELETE FROM meter_month WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND channel = $4",
                [.int(orgID), .day(month.first), .int(row.meterID), .int(row.channel.rawValue)])
        }
        return count
    }

    // MARK: Removal and proof

    /// Deletes the day blocks of a month that need not be kept any more. Returns the rows deleted.
    /// - Throws: ``Refusal`` while it must be kept, or while a hold covers it or a meter in it.
    public func remove(_ month: CivilMonth) async throws -> Int {
        let shard = try await there(month)
        let keep = try await setting(Self.keepSetting)
        guard keep > 0, month.index < present.index - keep else {
            throw Refusal(
                .conflict, "The readings of \(month) must be kept.",
                hint: keep == 0
                    ? "\(Self.keepSetting) is 0: readings are kept for ever."
                    : "\(Self.keepSetting) is \(keep): only months before \(CivilMonth(index: present.index - keep)).",
                at: "month")
        }
        var removed = 0
        while true {
            // Asked anew before each chunk: a hold placed meanwhile stops it.
            try await refuseHeld(month, shard)
            let count = try await shard.write { [org] transaction in
                var count = 0
                for (table, key) in [
                    ("meter_month", "day, meter_id, channel"), ("day_block", "day, meter_id, channel"),
                ] {
                    count += try transaction.run(
                        """
                        DELETE FROM \(table) WHERE org_id = $1 AND day >= $2 AND day <= $3 AND meter_id IN (
                          SELECT meter_id FROM \(table) WHERE org_id = $1 AND day >= $2 AND day <= $3
                          ORDER BY \(key) LIMIT 500)
                        """, [.int(org.orgID), .day(month.first), .day(month.last)])
                }
                return count
            }
            guard count > 0 else { break }
            removed += count
        }
        try await note(month, .open, shard)
        if removed > 0 { try await site.readings.files.giveBackRoom(month) }
        return removed
    }

    private func refuseHeld(_ month: CivilMonth, _ shard: any Database) async throws {
        let holds = try await site.money.read { [org] in try ReadingHold.inForce(orgID: org.orgID, in: $0) }
        for hold in holds where hold.covers(month) {
            throw Refusal(
                .conflict, "Hold \(hold.holdID) keeps readings of \(month): \(hold.reason)",
                hint: "Release the hold when its reason is gone.", at: "month")
        }
    }

    /// Reads every compacted row of a month and compares all checksums. Returns what is wrong, in words.
    public static func faults(_ month: CivilMonth, in shard: any Database) async throws -> [String] {
        try await shard.read { transaction in
            let kept = try transaction.query(
                "SELECT org_id, row_count, checksum FROM month_keeping WHERE day = $1 ORDER BY org_id",
                [.day(month.first)]
            ) { (orgID: try $0.int(0), rows: try $0.int(1), checksum: try $0.bytes(2)) }
            var faults: [String] = []
            for company in kept {
                let found = try checksum(month, orgID: company.orgID, in: transaction)
                if found.rows != company.rows || found.checksum != company.checksum {
                    faults.append(
                        "\(month): \(found.rows) compacted rows of company \(company.orgID) where \(company.rows) were "
                            + "noted, or other ones")
                }
            }
            // A row that does not hold is found where it stands, whatever the month's checksum says.
            _ = try transaction.query(
                "SELECT \(MeterMonth.columns), org_id FROM meter_month WHERE day = $1", [.day(month.first)]
            ) { row in
                do {
                    _ = try MeterMonth.decode(row, month).all(row.int(6))
                } catch let error as SQLError where error.code == .corrupt || error.code == .decode {
                    if faults.count < 20 { faults.append(error.message) }
                }
            }
            return faults
        }
    }
}

extension DayVersion {
    /// With neighbouring runs of one source joined, as the codec writes them.
    var canonical: DayVersion {
        var version = self
        version.block.sources = DayBlock.runs(block.batches)
        return version
    }
}
