// The last charged days of an account and until when its balance is likely to last.
import Access
import Aggregation
import CivilTime
import Journal
import Meters
import Payments
import Rating
import SQL

/// What the pages and the API say of an account's days behind and before it.
struct Recent: Sendable {
    /// At most 7, oldest first.
    var charges: [Charge]
    /// End of the last charged day.
    var chargedUntilMs: Int64?
    var outlook: Outlook
    var arrears: Arrears?

    /// Holds the days an outlook is worked out from, also when the last of them was a while ago.
    private static let usualDays = Outlook.daysLooked + Outlook.ageDaysMax

    /// - Parameter forecastWh: what forecasts say of the coming days, where somebody has looked.
    static func of(
        _ accountID: Int64, _ balance: WalletBalance, _ moment: Moment, forecastWh: [CivilDay: Int64] = [:],
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Recent {
        let today = moment.today
        var found = try Charge.current(
            accountID: accountID, from: today.advanced(by: -usualDays), to: today, scope, in: transaction)
        if found.isEmpty {
            // Nothing lately: when it was last is worth a longer look.
            found = try Charge.current(
                accountID: accountID, from: today.advanced(by: -366), to: today, scope, in: transaction)
        }
        let arrears = try Arrears.of(accountID: accountID, scope, in: transaction)
        let holidays = try Holidays.among(
            today.advanced(by: -usualDays), through: today.advanced(by: Outlook.daysAheadMax), knownOn: today, scope,
            in: transaction)
        var instalmentPaise: Int64 = 0
        if let plan = arrears?.plan, plan.state == .active {
            instalmentPaise = min(plan.dailyPaise, try InstalmentCap.on(today, scope, in: transaction).dailyPaise)
        }
        let facts = OutlookFacts(
            balancePaise: balance.balancePaise,
            days: found.map {
                .init(day: $0.day, totalPaise: $0.totalPaise, fixedPaise: $0.fixedPaise, energyWh: $0.energyWh)
            }, today: today, holidays: holidays, forecastWh: forecastWh, instalmentPaise: instalmentPaise,
            arrearsPaise: arrears?.claimablePaise(on: today) ?? 0)
        return Recent(
            charges: Array(found.filter { $0.day >= today.advanced(by: -14) }.suffix(7)),
            chargedUntilMs: found.last.map { moment.startMs(of: $0.day.advanced(by: 1)) },
            outlook: Outlook(facts, startMs: moment.startMs), arrears: arrears)
    }

    /// What is forecast of a meter's use today and tomorrow; nothing where no forecast was issued.
    static func forecastWh(
        _ site: Site, accountID: Int64, _ moment: Moment, _ scope: Scope
    ) async throws -> [CivilDay: Int64] {
        let installed = try await site.money.read {
            try Installation.of(accountID: accountID, on: moment.today, scope, in: $0)
        }
        guard let meterID = installed?.meterID else { return [:] }
        let reader = try await SetReader(site: site, org: moment.org)
        let found = try await reader.forecasts(.meter(meterID), from: moment.today, to: moment.today.advanced(by: 1))
        return Dictionary(found.map { ($0.day, $0.totalWh) }, uniquingKeysWith: { $1 })
    }
}

extension Outlook {
    /// The likely end of the balance; nil when it is not known or far away.
    var lastsUntilMs: Int64? { if case .until(let atMs, _, _) = answer { atMs } else { nil } }
}
