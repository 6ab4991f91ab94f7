// Past days of an account as loads that a tariff can price, out of the day blocks of its meters. What is missing counts
// as nothing and is told: both sides of a comparison see the same. Reads; estimates and prices nothing.
import Access
import Accounts
import CivilTime
import IntervalData
import MeterData
import Meters
import SQL
import Tariffs

/// Days of an account.
public struct AccountLoads: Sendable {
    public let account: SupplyAccount
    /// Days with readings, intervals without a value as nothing.
    let days: [CivilDay: TariffLoadDay]
    /// Intervals without a value, of days that have some.
    let missingSlots: [CivilDay: Int]
    /// Seconds of an interval, for days without readings.
    let periodS: Int64
    let zone: Zone

    /// A day that is there, or one without any energy.
    func load(_ day: CivilDay) -> TariffLoadDay {
        if let found = days[day] { return found }
        let count = zone.slotCount(of: day, periodS: periodS)
        return TariffLoadDay(
            day: day, slotStartMinutes: (0..<count).map { zone.minuteOfDay(slot: $0, of: day, periodS: periodS) },
            periodS: Int(periodS), importWh: [Int32](repeating: 0, count: count))
    }

    /// Whether at most a tenth of the intervals is missing: with more, a bill says little of the month.
    func isEnough(_ from: CivilDay, _ to: CivilDay) -> Bool {
        let count = from.days(to: to) + 1
        let missing = (from.number...to.number).reduce(0) { sum, number in
            let day = CivilDay(number: number)
            guard let load = days[day] else { return sum + 1_000 }
            return sum + (missingSlots[day] ?? 0) * 1_000 / max(1, load.importWh.count)
        }
        return missing * 10 <= count * 1_000
    }

    /// Days of the span that are not whole.
    func missingDays(_ from: CivilDay, _ to: CivilDay) -> Int {
        (from.number...to.number).count { number in
            let day = CivilDay(number: number)
            return days[day] == nil || missingSlots[day] ?? 0 > 0
        }
    }

    /// - Parameters:
    ///   - needsExport: reads what was fed in too.
    ///   - needsApparent: reads apparent energy too, for power factors.
    public static func of(
        _ accounts: [SupplyAccount], from: CivilDay, to: CivilDay, needsExport: Bool, needsApparent: Bool,
        site: Site, org: Org
    ) async throws -> [AccountLoads] {
        let scope = Scope(orgID: org.orgID)
        let (installed, exchanges) = try await site.money.read { transaction in
            (
                try Installation.of(
                    accountIDs: accounts.map(\.accountID), from: from, to: to, scope, in: transaction),
                try MeterReplacement.since(from, scope, in: transaction).filter { $0.day <= to }
            )
        }
        let byAccount = Dictionary(grouping: installed, by: \.accountID)
        var minutes: [Int: [Int]] = [:]
        var found: [AccountLoads] = []
        for account in accounts {
            try Task.checkCancellation()
            let own = byAccount[account.accountID] ?? []
            let drawn = try await blocks(own, exchanges, .importWh, from, to, site, org)
            let fedIn = needsExport ? try await blocks(own, exchanges, .exportWh, from, to, site, org) : [:]
            let apparent = needsApparent ? try await blocks(own, exchanges, .importVAh, from, to, site, org) : [:]
            var days: [CivilDay: TariffLoadDay] = [:]
            var missing: [CivilDay: Int] = [:]
            for (day, block) in drawn {
                var load = load(day, block, fedIn[day], org.zone, &minutes)
                load.importVAh = block.apparent(apparent[day]) ?? []
                days[day] = load
                let gaps = block.count(of: .missing)
                if gaps > 0 { missing[day] = gaps }
            }
            found.append(
                AccountLoads(
                    account: account, days: days, missingSlots: missing,
                    periodS: Int64(days.values.first?.periodS ?? 1800), zone: org.zone))
        }
        return found
    }

    /// What an account fed in.
    /// - Returns: the days on which it had a meter, and the blocks that are there, gaps included.
    public static func fedIn(
        _ accountID: Int64, from: CivilDay, to: CivilDay, site: Site, org: Org
    ) async throws -> (metered: Set<CivilDay>, blocks: [CivilDay: DayBlock]) {
        let scope = Scope(orgID: org.orgID)
        let (installed, exchanges) = try await site.money.read { transaction in
            (
                try Installation.of(accountIDs: [accountID], from: from, to: to, scope, in: transaction),
                try MeterReplacement.since(from, scope, in: transaction).filter { $0.day <= to }
            )
        }
        var metered: Set<CivilDay> = []
        for one in installed {
            let (first, last) = (max(one.fromDay, from), min(one.toDay ?? to, to))
            guard first <= last else { continue }
            metered.formUnion((first.number...last.number).map { CivilDay(number: $0) })
        }
        return (metered, try await blocks(installed, exchanges, .exportWh, from, to, site, org))
    }

    private static func load(
        _ day: CivilDay, _ block: DayBlock, _ export: DayBlock?, _ zone: Zone, _ minutes: inout [Int: [Int]]
    ) -> TariffLoadDay {
        let lengthS = zone.lengthS(of: day)
        let count = block.slotCount
        let periodS = lengthS / Int64(max(1, count))
        var starts = lengthS == 86_400 ? minutes[count] : nil
        if starts == nil {
            starts = (0..<count).map { zone.minuteOfDay(slot: $0, of: day, periodS: periodS) }
            if lengthS == 86_400 { minutes[count] = starts }
        }
        func known(_ block: DayBlock) -> [Int32] {
            block.values.indices.map { block.qualities[$0] == .missing ? 0 : max(0, block.values[$0]) }
        }
        let fedIn = export.flatMap { $0.slotCount == count ? known($0) : nil } ?? []
        return TariffLoadDay(
            day: day, slotStartMinutes: starts ?? [], periodS: Int(periodS), importWh: known(block), exportWh: fedIn)
    }

    /// Day by day, on a day of exchange the energy of both meters.
    private static func blocks(
        _ installed: [Installation], _ exchanges: [MeterReplacement], _ channel: Channel, _ from: CivilDay,
        _ to: CivilDay, _ site: Site, _ org: Org
    ) async throws -> [CivilDay: DayBlock] {
        var first: [Int64: CivilDay] = [:]
        for one in installed { first[one.meterID] = min(first[one.meterID] ?? .init(number: .max), one.fromDay) }
        let chains = MeterChain.all(first.mapValues { max($0, from) }, exchanges)
        var days: [CivilDay: DayBlock] = [:]
        for chain in chains {
            var own: [Int64: [StoredBlock]] = [:]
            for span in chain.days(to: to) {
                own[span.meterID] = try await History.blocks(
                    meterID: span.meterID, channel: channel, from: span.from, to: span.to, site: site,
                    orgID: org.orgID)
            }
            for stored in chain.joined(own, zone: org.zone) {
                let isOwn = installed.contains {
                    $0.meterID == stored.meterID && $0.fromDay <= stored.day
                        && $0.toDay.map { stored.day <= $0 } != false
                }
                if isOwn { days[stored.day] = stored.block }
            }
        }
        return days
    }
}
