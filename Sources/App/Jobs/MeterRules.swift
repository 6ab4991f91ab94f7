// What meters should show and allow without anybody ordering it: the balance of who pays before, at a set period, the
// limit of the sanctioned load, and the time bands of the pack. Wants only; HeadEnd does.
import Access
import Accounts
import CivilTime
import Clocks
import HeadEnd
import Journal
import Meters
import Packs
import SQL

public struct MeterRules: Sendable {
    public static let balanceSetting = "meters.balance-every-minutes"
    public static let limitSetting = "meters.load-limit-rule"
    public static let calendarSetting = "meters.calendar-rule"
    public static let settings: [SettingKind] = [
        SettingKind(
            balanceSetting, initial: "240",
            hint: """
                Minutes between two times a prepaid meter is told its balance; 60 to 10080, or 0 for never. It is told \
                only when the balance has changed.
                """
        ) { text in
            guard let minutes = Int64(text), minutes == 0 || (60...10_080).contains(minutes) else { return nil }
            return String(minutes)
        },
        .choice(
            limitSetting, ["off", "sanctioned"], initial: "off",
            hint: "Whether meters limit the load to what is sanctioned, unless somebody ordered another limit."),
        .choice(
            calendarSetting, ["off", "pack"], initial: "off",
            hint: "Whether meters count by the time bands of the pack, unless somebody ordered another calendar."),
    ]
    /// Meters told in one run of the job.
    static let metersMax = 2_000

    let site: Site
    let org: Org

    private var scope: Scope { Scope(orgID: org.orgID) }

    func run() async throws {
        let nowMs = site.clocks.businessNowMs()
        let day = org.zone.day(atS: nowMs / 1000)
        let (minutes, limit, calendar) = try await site.money.read { [scope] transaction in
            let registry = SettingRegistry(Self.settings)
            return (
                Int64(try registry.value(Self.balanceSetting, on: day, scope, in: transaction)) ?? 0,
                try registry.value(Self.limitSetting, on: day, scope, in: transaction),
                try registry.value(Self.calendarSetting, on: day, scope, in: transaction)
            )
        }
        if minutes > 0 { try await balances(before: nowMs - minutes * 60_000, nowMs) }
        try await PackLimits(site: site, org: org).run()
        if limit == "sanctioned" { try await limits(nowMs) }
        if calendar == "pack" { try await calendars(on: day, nowMs) }
    }

    private func balances(before dueMs: Int64, _ nowMs: Int64) async throws {
        let due = try await site.money.read { [scope] in
            try WishRules.balancesDue(beforeMs: dueMs, limit: Self.metersMax, scope, in: $0)
        }
        for (meterID, accountID, shown) in due {
            try Task.checkCancellation()
            let paise = try await site.money.read { [scope] in
                try Journal.balance(ofAccount: accountID, scope, in: $0).balancePaise
            }
            let text = String(Int32(clamping: paise))
            guard text != shown else {
                // Its turn comes again after the others'.
                try await site.money.write { [scope] in
                    try MeterWish.stillWanted(meterID, "balance", atMs: nowMs, scope, in: $0)
                }
                continue
            }
            try await want(text, "balance", meterID, "balance", nowMs)
        }
    }

    private func limits(_ nowMs: Int64) async throws {
        let due = try await site.money.read { [scope] in
            try WishRules.limitsDue(limit: Self.metersMax, scope, in: $0)
        }
        for (meterID, watts) in due { try await want(String(watts), "load-limit", meterID, "sanctioned-load", nowMs) }
    }

    /// The calendar of each pack to the meters of who holds it. A pack no meter can keep is noted at each meter as an
    /// order that failed, once, so that people see it.
    private func calendars(on day: CivilDay, _ nowMs: Int64) async throws {
        let packs = try await site.money.read { [scope] in try Packs.basesInForce(on: day, scope, in: $0) }
        for pack in packs {
            let wanted = try PackCalendar(pack, on: day)
            let due = try await site.money.read { [scope] in
                try wanted.metersDue(on: day, limit: Self.metersMax, scope, in: $0)
            }
            for meterID in due {
                guard let why = wanted.impossible else {
                    try await want(wanted.text, "calendar", meterID, "pack-calendar", nowMs)
                    continue
                }
                try Task.checkCancellation()
                try await site.money.write { [scope, site] transaction in
                    try WishCommander.giveUp(
                        wanted.text, "calendar", meterID: meterID,
                        MeterWish.Authority(reason: "pack-calendar", by: "rule pack-calendar"), because: why,
                        nowMs: nowMs, ids: site.ids, scope, in: transaction)
                }
            }
        }
    }

    private func want(
        _ text: String, _ matter: String, _ meterID: Int64, _ rule: String, _ nowMs: Int64
    ) async throws {
        try Task.checkCancellation()
        try await site.money.write { [scope, site] transaction in
            _ = try WishCommander.want(
                text, matter, meterID: meterID, MeterWish.Authority(reason: rule, by: "rule \(rule)"), always: false,
                nowMs: nowMs, ids: site.ids, scope, in: transaction)
        }
    }
}
