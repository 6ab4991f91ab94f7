// Service clocks: for each profile and class of order the share done within its target, by day, summed from recorded
// facts. A target is a dated setting; a day keeps the target that held when it was summed. Judges nothing.
import Access
import CivilTime
import SQL

/// What is measured against a clock. Stands in the database, in JSON and in addresses.
public enum ServiceClock: String, Sendable, CaseIterable, Codable {
    /// Intervals of the day before that are there in time: the early and the late target.
    case intervalsEarly = "intervals-early"
    case intervalsDay = "intervals-day"
    /// Midnight registers of the day before.
    case dailyRead = "daily-read"
    case onDemand = "on-demand"
    /// Connect and disconnect, from the order to the relay read back: the early and the late target.
    case switchEarly = "switch-early"
    case switchLate = "switch-late"
    /// From what happened at the meter to its alarm here.
    case alarm

    /// Where the target that holds until a company sets its own comes from.
    public enum Origin: String, Sendable, CaseIterable, Codable {
        /// From memory of the AMI requirements of the Central Electricity Authority (2016) and the standard bidding
        /// document, whose table was not seen.
        case memory
        /// Ontario, AMI functional specification version 2, 2.3.1.
        case ontario
        /// The company's own setting.
        case company
    }

    public var initialTarget: ServiceTarget {
        switch self {
        case .intervalsEarly: ServiceTarget(permille: 950, minutes: 480)
        case .intervalsDay: ServiceTarget(permille: 990, minutes: 1_440)
        case .dailyRead: ServiceTarget(permille: 980, minutes: 1_440)
        case .onDemand: ServiceTarget(permille: 900, minutes: 5)
        case .switchEarly: ServiceTarget(permille: 900, minutes: 15)
        case .switchLate: ServiceTarget(permille: 990, minutes: 360)
        case .alarm: ServiceTarget(permille: 900, minutes: 3)
        }
    }

    var initialOrigin: Origin { self == .dailyRead ? .ontario : .memory }

    public var settingName: String { "service.\(rawValue)" }

    private var hint: String {
        let what =
            switch self {
            case .intervalsEarly, .intervalsDay: "Share of a day's intervals that are here, minutes after its end."
            case .dailyRead: "Share of midnight registers that are here, minutes after the day's end."
            case .onDemand: "Share of reads on demand that are answered, minutes after they were asked for."
            case .switchEarly, .switchLate: "Share of orders to connect or disconnect that are read back as done."
            case .alarm: "Share of alarms that are here, minutes after it happened."
            }
        return "\(what) Written as 95.0% in 480 min: 0.1 to 100.0 percent, 1 to 44640 minutes. \(initialOriginWords)"
    }

    private var initialOriginWords: String {
        initialOrigin == .ontario
            ? "98 % are of Ontario's AMI specification v2, 2.3.1."
            : "The initial target is from memory of Indian tenders; confirm it before quoting."
    }

    static let settings: [SettingKind] = allCases.map { clock in
        SettingKind(clock.settingName, initial: clock.initialTarget.text, hint: clock.hint) {
            ServiceTarget($0).map(\.text)
        }
    }
}

/// A share to be reached within a time.
public struct ServiceTarget: Sendable, Equatable {
    public var permille: Int64
    public var minutes: Int64
    public var origin = ServiceClock.Origin.company
    public init(permille: Int64, minutes: Int64) {
        self.permille = permille
        self.minutes = minutes
    }

    public var ms: Int64 { minutes * 60_000 }
    /// `95.0% in 480 min`
    public var text: String { "\(permille / 10).\(permille % 10)% in \(minutes) min" }

    /// Reads ``text``, spaces free; nil when it is none.
    public init?(_ text: String) {
        let sides = text.filter { $0 != " " }.split(separator: "%", omittingEmptySubsequences: false)
        guard sides.count == 2, sides[1].hasPrefix("in"), sides[1].hasSuffix("min"), sides[1].utf8.count > 5 else {
            return nil
        }
        let number = sides[0].split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = number.first.flatMap({ Int64($0) }), number.count <= 2, (0...100).contains(whole),
            let tenth = number.count == 2 ? (number[1].utf8.count == 1 ? Int64(number[1]) : nil) : 0,
            let minutes = Int64(sides[1].dropFirst(2).dropLast(3)), (1...44_640).contains(minutes)
        else { return nil }
        let permille = whole * 10 + tenth
        guard tenth >= 0, (1...1000).contains(permille) else { return nil }
        self.init(permille: permille, minutes: minutes)
    }
}

/// The targets in force on a day.
public struct ServiceTargets: Sendable {
    private var targets: [ServiceClock: ServiceTarget] = [:]

    public static func inForce(
        on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> ServiceTargets {
        var found = ServiceTargets()
        for clock in ServiceClock.allCases {
            let set = try Setting.value(clock.settingName, on: day, scope, in: transaction).flatMap {
                ServiceTarget($0)
            }
            var target = set ?? clock.initialTarget
            target.origin = set == nil ? clock.initialOrigin : .company
            found.targets[clock] = target
        }
        return found
    }

    public subscript(clock: ServiceClock) -> ServiceTarget { targets[clock] ?? clock.initialTarget }
}

/// One day of one clock.
public struct ServiceDay: Sendable, Equatable {
    public var day: CivilDay
    public var clock: ServiceClock
    public var targetMs: Int64
    public var goalPermille: Int64
    public var total: Int64
    public var inTime: Int64

    /// Parts per million; nil when there was nothing to do.
    public var sharePpm: Int? { total > 0 ? Int(inTime * 1_000_000 / total) : nil }
    public var isReached: Bool { inTime * 1000 >= total * goalPermille }
}

public enum ServiceDays {
    /// Days whose sums may still change: the last target of a day's intervals is over by then, and orders have ended.
    static let openDays = 3

    /// Days of a company from one to another, in order of day.
    public static func of(
        from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [ServiceDay] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT day, clock, target_ms, goal_permille, total, in_time FROM service_clock
            WHERE org_id = $1 AND day >= $2 AND day <= $3 ORDER BY day, clock
            """, [.int(scope.orgID), .day(from), .day(to)]
        ) { row in
            // A clock of a newer release is passed over.
            guard let clock = ServiceClock(rawValue: try row.text(1)) else { return nil }
            return ServiceDay(
                day: try row.day(0), clock: clock, targetMs: try row.int(2), goalPermille: try row.int(3),
                total: try row.int(4), inTime: try row.int(5))
        }.compactMap(\.self)
    }

    /// Adds what a listener saw, many at once: alarms of a day, and how many of them came within the target.
    public static func add(
        _ clock: ServiceClock, day: CivilDay, total: Int64, inTime: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        let target = try ServiceTargets.inForce(on: day, scope, in: transaction)[clock]
        try transaction.run(
            """
            INSERT INTO service_clock (org_id, day, clock, target_ms, goal_permille, total, in_time)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, day, clock)
            DO UPDATE SET total = service_clock.total + excluded.total,
              in_time = service_clock.in_time + excluded.in_time
            """,
            [
                .int(scope.orgID), .day(day), .text(clock.rawValue), .int(target.ms), .int(target.permille),
                .int(total), .int(inTime),
            ])
    }

    /// Sums the days that are still open anew from what is recorded. Reads these days only.
    static func refresh(_ org: Org, nowMs: Int64, in transaction: any SQLTransaction) throws {
        let scope = Scope(orgID: org.orgID)
        let today = org.zone.day(atS: nowMs / 1000)
        for back in 0..<openDays {
            let day = today.advanced(by: -back)
            let targets = try ServiceTargets.inForce(on: day, scope, in: transaction)
            if day < today { try refreshCollected(day, org, targets, nowMs: nowMs, scope, in: transaction) }
            try refreshOrders(day, org, targets, nowMs: nowMs, scope, in: transaction)
        }
    }

    private static func refreshCollected(
        _ day: CivilDay, _ org: Org, _ targets: ServiceTargets, nowMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        let endMs = org.zone.startS(of: day.advanced(by: 1)) * 1000
        let sums = try transaction.first(
            """
            SELECT CAST(COALESCE(SUM(expected_slots), 0) AS BIGINT), CAST(COALESCE(SUM(early_slots), 0) AS BIGINT),
              CAST(COALESCE(SUM(day_slots), 0) AS BIGINT), COUNT(*),
              CAST(COALESCE(SUM(CASE WHEN register_at_ms <= $3 THEN 1 ELSE 0 END), 0) AS BIGINT)
            FROM collection WHERE org_id = $1 AND day = $2
            """, [.int(scope.orgID), .day(day), .int(endMs + targets[.dailyRead].ms)]
        ) { (try $0.int(0), try $0.int(1), try $0.int(2), try $0.int(3), try $0.int(4)) }
        guard let sums, sums.3 > 0 else { return }
        for (clock, total, inTime) in [
            (ServiceClock.intervalsEarly, sums.0, sums.1), (.intervalsDay, sums.0, sums.2),
            (.dailyRead, sums.3, sums.4),
        ] {
            // Before its time is over a clock is not judged, unless it is reached already.
            let isOver = nowMs >= endMs + targets[clock].ms
            guard isOver || inTime * 1000 >= total * targets[clock].permille else { continue }
            try set(clock, day, targets[clock], total: total, inTime: inTime, scope, in: transaction)
        }
    }

    private static func refreshOrders(
        _ day: CivilDay, _ org: Org, _ targets: ServiceTargets, nowMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        let fromMs = org.zone.startS(of: day) * 1000
        let toMs = org.zone.startS(of: day.advanced(by: 1)) * 1000
        for (clock, kinds) in [
            (ServiceClock.onDemand, "'read'"), (.switchEarly, "'disconnect', 'reconnect'"),
            (.switchLate, "'disconnect', 'reconnect'"),
        ] {
            // An order counts once it is over or its time is; one that was taken back never does.
            let sums = try transaction.first(
                """
                SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN state = 'confirmed' AND ended_at_ms - created_at_ms <= $4
                  THEN 1 ELSE 0 END), 0) AS BIGINT) FROM meter_command
                WHERE org_id = $1 AND created_at_ms >= $2 AND created_at_ms < $3 AND kind IN (\(kinds))
                  AND (state IN ('confirmed', 'failed') OR (state = 'waiting' AND created_at_ms < $5))
                """,
                [
                    .int(scope.orgID), .int(fromMs), .int(toMs), .int(targets[clock].ms),
                    .int(nowMs - targets[clock].ms),
                ]
            ) { (try $0.int(0), try $0.int(1)) }
            guard let sums, sums.0 > 0 else { continue }
            try set(clock, day, targets[clock], total: sums.0, inTime: sums.1, scope, in: transaction)
        }
    }

    private static func set(
        _ clock: ServiceClock, _ day: CivilDay, _ target: ServiceTarget, total: Int64, inTime: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO service_clock (org_id, day, clock, target_ms, goal_permille, total, in_time)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, day, clock)
            DO UPDATE SET target_ms = excluded.target_ms, goal_permille = excluded.goal_permille,
              total = excluded.total, in_time = excluded.in_time
            WHERE service_clock.total <> excluded.total OR service_clock.in_time <> excluded.in_time
              OR service_clock.target_ms <> excluded.target_ms
              OR service_clock.goal_permille <> excluded.goal_permille
            """,
            [
                .int(scope.orgID), .day(day), .text(clock.rawValue), .int(target.ms), .int(target.permille),
                .int(total), .int(inTime),
            ])
    }
}
