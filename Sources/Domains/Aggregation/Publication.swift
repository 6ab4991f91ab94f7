// Sums handed on: every 15 minutes what each plant delivered, every 6 hours the 15-minute sums of each plant, area,
// state and country network. A row says one period of one set; what comes late makes a new version, never another row's
// change. Written into the store for whoever takes them further; sends nothing.
import Access
import CivilTime
import Clocks
import IntervalData
import SQL

/// What is handed on.
public enum PublicationKind: String, Sendable, Codable, CaseIterable {
    /// 15 minutes of each plant.
    case plant
    /// 6 hours of each plant and network.
    case ledger

    var seconds: Int64 { self == .plant ? 900 : 21_600 }
    /// Which sets, by the beginning of their names.
    var prefixes: [String] { self == .plant ? ["plant:"] : ["plant:", "nma:", "stu:", "ctu:"] }
}

/// Where a list of publications goes on.
public struct PublicationPlace: Sendable, Equatable {
    public var startS: Int64
    public var set: String
    public var version: Int64
    public init(startS: Int64, set: String, version: Int64) {
        (self.startS, self.set, self.version) = (startS, set, version)
    }
}

/// One period of one set, in one version.
public struct Publication: Sendable, Equatable {
    public var kind: PublicationKind
    public var set: String
    /// Seconds since 1970; the period ends after ``PublicationKind`` says, or with the day.
    public var startS: Int64
    /// 1 at first; grows with every change.
    public var version: Int64
    public var slotS: Int64
    /// Wh of each slot.
    public var valuesWh: [Int64]
    public var meters: Int64
    /// Values behind it that are estimates, and those that are not there.
    public var estimated: Int64
    public var missing: Int64
    public var madeAtMs: Int64

    public var totalWh: Int64 { valuesWh.reduce(0, +) }
    /// What two versions differ in.
    private var content: [Int64] { [slotS, meters, estimated, missing] + valuesWh }
    func isSame(as other: Publication) -> Bool { content == other.content }

    static let migration = Migration(
        66, .money, "published sums",
        [
            """
            CREATE TABLE set_publication (org_id {id} NOT NULL, kind {text} NOT NULL, start_s {int} NOT NULL,
              set_key {text} NOT NULL, version {int} NOT NULL, slot_s {int} NOT NULL, slot_values {text} NOT NULL,
              meters {int} NOT NULL, estimated {int} NOT NULL, missing {int} NOT NULL, made_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, kind, start_s, set_key, version)) {keyed_table}
            """,
            """
            CREATE TABLE set_publication_day (org_id {id} NOT NULL, kind {text} NOT NULL, day {int} NOT NULL,
              sums_version {int} NOT NULL, through_s {int} NOT NULL, PRIMARY KEY (org_id, kind, day)) {keyed_table}
            """,
        ])

    private static let columns =
        "kind, start_s, set_key, version, slot_s, slot_values, meters, estimated, missing, made_at_ms"

    private static func decode(_ row: any SQLRow) throws -> Publication {
        guard let kind = PublicationKind(rawValue: try row.text(0)) else {
            throw SQLError(.decode, "a publication of an unknown kind")
        }
        return Publication(
            kind: kind, set: try row.text(2), startS: try row.int(1), version: try row.int(3), slotS: try row.int(4),
            valuesWh: try row.text(5).split(separator: " ").compactMap { Int64($0) }, meters: try row.int(6),
            estimated: try row.int(7), missing: try row.int(8), madeAtMs: try row.int(9))
    }

    func insert(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO set_publication (org_id, \(Self.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            [
                .int(scope.orgID), .text(kind.rawValue), .int(startS), .text(set), .int(version), .int(slotS),
                .text(valuesWh.map(String.init).joined(separator: " ")), .int(meters), .int(estimated), .int(missing),
                .int(madeAtMs),
            ])
    }

    /// The versions of a period of time in order of time, set and version, behind one of them.
    /// - Parameter latestOnly: of each period and set only the version in force.
    public static func list(
        _ kind: PublicationKind, fromS: Int64, toS: Int64, after: PublicationPlace? = nil, latestOnly: Bool, limit: Int,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Publication] {
        guard scope.isWholeCompany else { return [] }
        let latest =
            latestOnly
            ? """
             AND version = (SELECT MAX(l.version) FROM set_publication l WHERE l.org_id = p.org_id
              AND l.kind = p.kind AND l.start_s = p.start_s AND l.set_key = p.set_key)
            """ : ""
        return try transaction.query(
            """
            SELECT \(columns) FROM set_publication p WHERE org_id = $1 AND kind = $2 AND start_s >= $3 AND start_s < $4
              AND (start_s > $5 OR (start_s = $5 AND (set_key > $6 OR (set_key = $6 AND version > $7))))\(latest)
            ORDER BY start_s, set_key, version LIMIT $8
            """,
            [
                .int(scope.orgID), .text(kind.rawValue), .int(fromS), .int(toS), .int(after?.startS ?? .min),
                .text(after?.set ?? ""), .int(after?.version ?? 0), .int(limit),
            ], decode)
    }
}

/// Brings publications up to the sums.
public struct Publisher: Sendable {
    /// Days back in which late data still makes a new version.
    public static let daysBack = 62
    /// How long rows of 15 minutes are kept; those of 6 hours stay.
    static let plantDaysKept = 93

    let site: Site
    let org: Org

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Publishes what is new or has changed. Returns how many versions were written.
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> Int {
        let nowS = site.clocks.businessNowMs() / 1000
        let today = org.zone.day(atS: nowS)
        let earliest = today.advanced(by: -Self.daysBack)
        var made = 0
        for month in try await site.readings.monthsInReach() where month >= earliest.month && month <= today.month {
            let (first, last) = (max(earliest, month.first), min(today, month.last))
            let shard = try await site.readings.shard(month)
            let days = (first.number...last.number).map { CivilDay(number: $0) }
            let states = try await shard.read { [org] in try SetDayState.of(days: days, orgID: org.orgID, in: $0) }
            for state in states where state.channel == .importWh {
                for kind in PublicationKind.allCases {
                    try Task.checkCancellation()
                    made += try await publish(kind, state, nowS: nowS, shard: shard)
                }
                await progress(made)
            }
        }
        try await tidy(today)
        return made
    }

    private func publish(
        _ kind: PublicationKind, _ state: SetDayState, nowS: Int64, shard: any Database
    ) async throws -> Int {
        let day = state.day
        let (startS, endS) = (org.zone.startS(of: day), org.zone.startS(of: day.advanced(by: 1)))
        // Only periods that are over.
        let throughS = nowS >= endS ? endS : startS + (nowS - startS) / kind.seconds * kind.seconds
        let known = try await site.money.read { [scope] transaction in
            try transaction.first(
                """
                SELECT sums_version, through_s FROM set_publication_day WHERE org_id = $1 AND kind = $2 AND day = $3
                """, [.int(scope.orgID), .text(kind.rawValue), .day(day)]
            ) { (version: try $0.int(0), throughS: try $0.int(1)) }
        }
        if let known, known.version == state.version, known.throughS == throughS { return 0 }
        var sets: [String: DaySums] = [:]
        for prefix in kind.prefixes {
            let found = try await shard.read { [org] in
                try SetDays.beginning(prefix, days: [day], channel: .importWh, orgID: org.orgID, in: $0)
            }
            for (key, byDay) in found { sets[key] = byDay[day] }
        }
        let nowMs = nowS * 1000
        let rows = sets.sorted { $0.key < $1.key }.flatMap { key, sums in
            Self.periods(kind, key, sums, startS: startS, endS: endS, throughS: throughS, madeAtMs: nowMs)
        }
        return try await site.money.write { [scope] transaction in
            let before = try Publication.list(
                kind, fromS: startS, toS: endS, latestOnly: true, limit: 1_000_000, scope, in: transaction)
            let latest = Dictionary(before.map { ("\($0.startS) \($0.set)", $0) }, uniquingKeysWith: { $1 })
            var made = 0
            let told = Set(rows.map { "\($0.startS) \($0.set)" })
            // What a set no longer holds: its meters were moved, or nothing of the period is known any more.
            let gone = before.filter { !told.contains("\($0.startS) \($0.set)") && $0.startS < throughS }.map {
                Publication(
                    kind: kind, set: $0.set, startS: $0.startS, version: 0, slotS: $0.slotS,
                    valuesWh: $0.valuesWh.map { _ in 0 }, meters: 0, estimated: 0, missing: 0, madeAtMs: nowMs)
            }
            for var row in rows + gone {
                let old = latest["\(row.startS) \(row.set)"]
                if let old, old.isSame(as: row) { continue }
                row.version = (old?.version ?? 0) + 1
                try row.insert(scope, in: transaction)
                made += 1
            }
            try transaction.run(
                """
                INSERT INTO set_publication_day (org_id, kind, day, sums_version, through_s) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (org_id, kind, day) DO UPDATE SET sums_version = excluded.sums_version,
                  through_s = excluded.through_s
                """,
                [.int(scope.orgID), .text(kind.rawValue), .day(day), .int(state.version), .int(throughS)])
            return made
        }
    }

    /// The periods of a set's day that are over and of which something is known.
    static func periods(
        _ kind: PublicationKind, _ set: String, _ sums: DaySums, startS: Int64, endS: Int64, throughS: Int64,
        madeAtMs: Int64
    ) -> [Publication] {
        // Meters measure in different lengths; the longest of them is what all can be told in.
        let counts = sums.keys.filter { $0 > 0 && (endS - startS) % Int64($0) == 0 }
        guard let fewest = counts.min() else { return [] }
        let slotS = max((endS - startS) / Int64(fewest), 900)
        guard counts.allSatisfy({ slotS % ((endS - startS) / Int64($0)) == 0 }), slotS <= 21_600 else { return [] }
        // Where meters do not measure so finely a plant's period is as long as they do.
        let lengthS = max(kind.seconds, slotS)
        return stride(from: startS, to: throughS, by: Int64.Stride(lengthS)).compactMap { fromS in
            let toS = min(fromS + lengthS, endS)
            guard toS <= throughS else { return nil }
            var row = Publication(
                kind: kind, set: set, startS: fromS, version: 0, slotS: slotS,
                valuesWh: Array(repeating: 0, count: Int((toS - fromS) / slotS)), meters: 0, estimated: 0, missing: 0,
                madeAtMs: madeAtMs)
            var expected: Int64 = 0
            for (count, sum) in sums where counts.contains(count) {
                let ownS = (endS - startS) / Int64(count)
                let slots = Int((fromS - startS) / ownS)..<Int((toS - startS) / ownS)
                row.meters += Int64(sum.meters)
                expected += Int64(sum.meters) * Int64(slots.count)
                for slot in slots {
                    let at = Int((startS + Int64(slot) * ownS - fromS) / slotS)
                    if row.valuesWh.indices.contains(at) { row.valuesWh[at] += sum.values[slot] }
                    row.estimated += Int64(sum.estimated[slot])
                    row.missing += Int64(sum.missing[slot])
                }
            }
            return row.missing < expected ? row : nil
        }
    }

    private func tidy(_ today: CivilDay) async throws {
        let day = today.advanced(by: -Self.plantDaysKept)
        let beforeS = org.zone.startS(of: day)
        try await site.money.write { [scope] transaction in
            try transaction.run(
                "DELETE FROM set_publication WHERE org_id = $1 AND kind = 'plant' AND start_s < $2",
                [.int(scope.orgID), .int(beforeS)])
            try transaction.run(
                "DELETE FROM set_publication_day WHERE org_id = $1 AND day < $2", [.int(scope.orgID), .day(day)])
        }
    }
}
