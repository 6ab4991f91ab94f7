// Everything of one account: balance and how long it lasts, supply with its reasons, last charges, messages, statement.
import Access
import Accounts
import CivilTime
import Journal
import Messaging
import Meters
import Packs
import Payments
import Rating
import SQL
import Supply
import Tariffs

/// What an account holds on the day asked, by the pack's own name.
public struct HeldPack: Sendable, Equatable {
    public var packID: String
    public var name: String
    public var isAddOn: Bool
}

public struct AccountReport: Sendable {
    static let statementLines = 20

    public var account: SupplyAccount
    public var nowMs: Int64
    public var today: CivilDay
    public var zone: Zone
    public var balance: WalletBalance
    /// End of the last charged day; now, when none is charged.
    public var balanceAsOfMs: Int64
    public var packs: [HeldPack]
    public var meters: [(id: Int64, serial: String)]
    public var relay: RelayRecord?
    /// Nil while nothing has arrived since the last charge.
    public var projected: ProjectedBalance?
    /// Nil before the first decision.
    public var supply: SupplyState?
    public var decisions: [SupplyDecision]
    /// Those that hold for this account.
    public var rules: SupplyRules
    /// Of the coming weeks, `YYYY-MM-DD`.
    public var holidays: Set<String>
    /// The first time from now on at which no hour, weekday or day holds a cut back.
    public var nextCutMs: Int64?
    /// Until when the balance is likely to last, or why that is not known.
    public var outlook: Outlook
    /// When the first outlook is possible, while too few days are charged.
    public var firstOutlookOn: CivilDay
    /// Nil for an account that never owed anything from before.
    public var arrears: Arrears?
    /// Set while the account is turning from postpaid to prepaid or has done so.
    public var conversion: Conversion?
    /// At most 7 days, oldest first.
    public var recent: [Charge]
    public var monthPaise: Int64
    public var monthWh: Int64
    public var messages: [Message]
    public var statement: ListPart<StatementItem>

    public static func of(_ site: Site, accountID: Int64, _ scope: Scope) async throws -> AccountReport {
        let (account, moment) = try await site.money.read { transaction in
            (
                try SupplyAccount.find(accountID, scope, in: transaction),
                try Moment.of(site, scope, in: transaction)
            )
        }
        let forecastWh = try await Recent.forecastWh(site, accountID: accountID, moment, scope)
        return try await site.money.read { try make(account, moment, forecastWh, scope, $0) }
    }

    private static func make(
        _ account: SupplyAccount, _ moment: Moment, _ forecastWh: [CivilDay: Int64], _ scope: Scope,
        _ transaction: any SQLTransaction
    ) throws -> AccountReport {
        let accountID = account.accountID
        let balance = try Journal.balance(ofAccount: accountID, atMs: moment.nowMs, scope, in: transaction)
        let recent = try Recent.of(accountID, balance, moment, forecastWh: forecastWh, scope, in: transaction)
        let installation = try Installation.of(accountID: accountID, on: moment.today, scope, in: transaction)
        let serials = try MeterListing.serials(installation.map { [$0.meterID] } ?? [], scope, in: transaction)
        let plan = try Packs.held(by: accountID, on: moment.today, scope, in: transaction)
        let rules = try SupplyRuleBook(on: moment.today, scope, in: transaction).rules(
            category: account.category, placeID: account.placeID
        ).rules
        let holidays = Set(
            try Holidays.among(
                moment.today, through: moment.today.advanced(by: 22), knownOn: moment.today, scope, in: transaction
            ).map(\.description))
        let month = try Charge.current(
            accountID: accountID, from: moment.today.month.first, to: moment.today, scope, in: transaction)
        return AccountReport(
            account: account, nowMs: moment.nowMs, today: moment.today, zone: moment.zone, balance: balance,
            balanceAsOfMs: recent.chargedUntilMs ?? moment.nowMs,
            packs: plan.map { plan in
                [HeldPack(packID: plan.base.id, name: plan.base.name, isAddOn: false)]
                    + plan.addOns.map { HeldPack(packID: $0.id, name: $0.name, isAddOn: true) }
            } ?? [],
            meters: serials.map { ($0.key, $0.value) },
            relay: try installation.flatMap { try RelayRecord.find($0.meterID, scope, in: transaction) },
            projected: try ProjectedBalance.find(accountID: accountID, scope, in: transaction),
            supply: try Supply.state(accountID: accountID, scope, in: transaction),
            decisions: try Supply.decisions(accountID: accountID, limit: 30, scope, in: transaction), rules: rules,
            holidays: holidays,
            nextCutMs: rules.nextCutMs(fromMs: moment.nowMs, zone: moment.zone, holidays: holidays),
            outlook: recent.outlook,
            firstOutlookOn: moment.today.advanced(by: max(1, Outlook.daysMin - recent.outlook.dayCount)),
            arrears: recent.arrears,
            conversion: try Conversion.find(accountID: accountID, scope, in: transaction),
            recent: recent.charges, monthPaise: month.reduce(0) { $0 + $1.totalPaise },
            monthWh: month.reduce(0) { $0 + $1.energyWh },
            messages: try Message.of(accountID: accountID, limit: 20, scope, in: transaction),
            statement: try StatementReport.part(
                accountID, before: nil, limit: statementLines, moment, scope, in: transaction))
    }

    /// Whether the rules leave an emergency credit to the consumer that this fall of the balance has not used.
    public var mayTakeEmergencyCredit: Bool {
        rules.emergencyByConsumer && (rules.emergencyPaise != nil || rules.emergencyDays != nil)
            && supply?.lowSinceMs != nil && supply?.emergencyAtMs == nil
    }

    /// Hours of the coming days in which nobody is cut, in steps of half an hour.
    public func heldRanges(fromMs: Int64, days: Int) -> [Range<Int64>] {
        let stepMs: Int64 = 1_800_000
        var ranges: [Range<Int64>] = []
        for step in 0..<Int64(48 * days) {
            let ms = fromMs + step * stepMs
            let civil = zone.civil(atS: ms / 1000)
            guard rules.hold(day: civil.day, minuteOfDay: civil.secondOfDay / 60, holidays: holidays) != nil else {
                continue
            }
            if let last = ranges.last, last.upperBound == ms {
                ranges[ranges.count - 1] = last.lowerBound..<ms + stepMs
            } else {
                ranges.append(ms..<ms + stepMs)
            }
        }
        return ranges
    }
}
