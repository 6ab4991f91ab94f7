// When the jobs of a company run: dated settings of the company, in minutes of its own zone. Plans nothing.
import Access
import CivilTime
import SQL

/// How often and at what time the jobs run. What is given here holds where the company has set nothing.
public struct LineSchedule: Sendable, Equatable {
    /// Business minutes between two runs, counted from midnight of the company.
    public var everyMinutes: [JobKind: Int64] = [
        .collect: 30, .validate: 30, .rate: 30, .supply: 30, .command: 5, .keys: 5, .ping: 5, .tidy: 1_440, .fill: 60,
        .outages: 5,
        .aggregate: 15, .regroup: 360, .forecast: 60, .payments: 5,
        .rerun: 1, .project: 15, .publish: 15, .close: 360,
    ]
    /// Minute of the next day at which what is still missing is estimated.
    public var estimateAtMinute: Int64 = 360
    public init() {}

    private static let dayMinutes: Int64 = 1_440

    /// `jobs.collect.every-minutes`
    public static func settingName(_ kind: JobKind) -> String {
        kind.isDaily ? "jobs.\(kind.rawValue).at-minute" : "jobs.\(kind.rawValue).every-minutes"
    }

    /// The dated settings, for the registry.
    public static let settings: [SettingKind] = {
        let initial = LineSchedule()
        return JobKind.allCases.map { kind in
            kind.isDaily
                ? .wholeNumber(
                    settingName(kind), 0...(dayMinutes - 1), initial: initial.estimateAtMinute,
                    hint: "Minute of the day after at which what is still missing of a day is estimated; 360 is 06:00.")
                : .wholeNumber(
                    settingName(kind), 1...dayMinutes, initial: initial.everyMinutes[kind] ?? 30,
                    hint: "Minutes between two runs of the job, counted from midnight.")
        }
    }()

    /// This schedule with what the company has set for a day.
    func asSet(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> LineSchedule {
        var schedule = self
        for kind in JobKind.allCases {
            let text = try Setting.value(Self.settingName(kind), on: day, scope, in: transaction)
            guard let minutes = text.flatMap({ Int64($0) }), (0...Self.dayMinutes).contains(minutes) else { continue }
            if kind.isDaily {
                schedule.estimateAtMinute = minutes
            } else {
                schedule.everyMinutes[kind] = max(1, minutes)
            }
        }
        return schedule
    }

    /// The schedule in force at a moment, as pages show it.
    public static func inForce(atMs nowMs: Int64, _ zone: Zone, _ scope: Scope, in transaction: any SQLTransaction)
        throws -> LineSchedule
    {
        try LineSchedule().asSet(on: zone.day(atS: nowMs / 1000), scope, in: transaction)
    }

    /// The next time after a moment at which a job is due. Every day begins anew at midnight, so that runs keep their
    /// times of day also where clocks change.
    public func nextRunMs(_ kind: JobKind, afterMs: Int64, _ zone: Zone) -> Int64 {
        let day = zone.day(atS: afterMs / 1000)
        if kind.isDaily {
            let todayMs = estimateMs(of: day.advanced(by: -1), zone)
            return todayMs > afterMs ? todayMs : estimateMs(of: day, zone)
        }
        let everyMs = max(1, everyMinutes[kind] ?? 30) * 60_000
        let startMs = zone.startS(of: day) * 1000
        let tomorrowMs = zone.startS(of: day.advanced(by: 1)) * 1000
        return min(tomorrowMs, startMs + ((afterMs - startMs) / everyMs + 1) * everyMs)
    }

    /// When the estimate of a day is due.
    func estimateMs(of day: CivilDay, _ zone: Zone) -> Int64 {
        zone.startS(of: day.advanced(by: 1)) * 1000 + estimateAtMinute * 60_000
    }
}
