// The statement of a month, and the company's money by month.
import Access
import Accounts
import CivilTime

struct MonthPath: APIModel {
    var accountID: ID
    var month: Month
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "month": Note("Civil month in the company's zone."),
    ]
}

struct MonthLineView: APIModel {
    var kind: MonthStatement.Kind
    var postedDay: Day
    var postedMs: Int64
    var supplyDay: Day?
    var isEstimated: Bool
    var detail: String
    var reference: String
    var amountPaise: Int64
    var balancePaise: Int64
    var entries: [String]
    static let notes: [String: Note] = [
        "kind": Note("What it is; day and correction are explained at the account's day."),
        "postedDay": Note("The day it was posted on."), "postedMs": Note("When, business time."),
        "supplyDay": Note("The day the amount is for."),
        "isEstimated": Note("Some of it rests on estimated readings."),
        "detail": Note("How the money came, or the reason; may be empty."),
        "reference": Note("The payment's own id; may be empty."),
        "amountPaise": Note("Net of the postings behind it; positive: to the consumer."),
        "balancePaise": Note("Balance after it."),
        "entries": Note("The lines of the ledger behind it.", itemsMax: 2_000),
    ]
    init(_ line: MonthStatement.Line) {
        (kind, postedDay, postedMs) = (line.kind, Day(line.postedDay), line.postedMs)
        (supplyDay, isEstimated, detail) = (line.supplyDay.map { Day($0) }, line.isEstimated, line.detail)
        (reference, amountPaise, balancePaise) = (line.reference, line.amountPaise, line.balancePaise)
        entries = line.entries
    }
    private init() {
        (kind, postedDay, postedMs) = (.correction, Day(CivilDay(number: 20_777)), 1_795_248_000_000)
        (supplyDay, isEstimated, detail, reference) = (Day(CivilDay(number: 20_770)), false, "", "")
        (amountPaise, balancePaise, entries) = (186, 12_046, ["R-2026-11-13-1", "C-2026-11-13-2"])
    }
    static let example = MonthLineView()
}

struct MonthStatementView: APIModel {
    var accountID: ID
    var month: Month
    var openingPaise: Int64
    var lines: [MonthLineView]
    var closingPaise: Int64
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "month": Note("The month."),
        "openingPaise": Note("Balance as the month began."),
        "lines": Note("Oldest first; they lead from the opening to the closing balance.", itemsMax: 2_000),
        "closingPaise": Note("Balance as the month ended, or now."),
    ]
    init(_ statement: MonthStatement) {
        (accountID, month) = (ID(statement.account.accountID), Month(statement.month))
        (openingPaise, closingPaise) = (statement.openingPaise, statement.closingPaise)
        lines = statement.lines.map(MonthLineView.init)
    }
    private init() {
        (accountID, month, openingPaise) = (ID(101), .sample, 11_860)
        (lines, closingPaise) = ([.example], 12_046)
    }
    static let example = MonthStatementView()
}

struct MoneyQuery: APIModel {
    var from: Month?
    var to: Month?
    static let notes: [String: Note] = [
        "from": Note("The first month; five before the last when not given."),
        "to": Note("The last month; the present one when not given."),
    ]
}

struct MoneyMonthView: APIModel {
    var month: Month
    var takenPaise: Int64
    var revenuePaise: Int64
    var fixedRevenuePaise: Int64
    var dutyPaise: Int64
    var energyWh: Int64
    var realisedMilliPaisePerKWh: Int64?
    var costMilliPaisePerKWh: Int64?
    var peakW: Int64?
    var averageW: Int64?
    var peakToAveragePpm: Int64?
    static let notes: [String: Note] = [
        "month": Note("The month."), "takenPaise": Note("Came in for wallets and old debts."),
        "revenuePaise": Note("Earned as energy was charged, by the day of posting; without duty."),
        "fixedRevenuePaise": Note("Of it what does not depend on use."), "dutyPaise": Note("Charged for the state."),
        "energyWh": Note("Energy of the month's days as charged now."),
        "realisedMilliPaisePerKWh": Note("Average revenue realised; absent where nothing was charged."),
        "costMilliPaisePerKWh": Note("Average cost of supply as the company set it."),
        "peakW": Note("Highest mean load over one interval of all meters together."),
        "averageW": Note("Mean load over the days that are summed up."),
        "peakToAveragePpm": Note("The one over the other, millionths."),
    ]
    init(_ row: MoneyReport.Month) {
        (month, takenPaise, revenuePaise) = (Month(row.month), row.takenPaise, row.revenuePaise)
        (fixedRevenuePaise, dutyPaise, energyWh) = (row.fixedRevenuePaise, row.dutyPaise, row.energyWh)
        (realisedMilliPaisePerKWh, costMilliPaisePerKWh) = (row.realisedMilliPaisePerKWh, row.costMilliPaisePerKWh)
        (peakW, averageW, peakToAveragePpm) = (row.peakW, row.averageW, row.peakToAveragePpm)
    }
    private init() {
        (month, takenPaise, revenuePaise, fixedRevenuePaise) = (.sample, 5_000_000, 4_100_000, 600_000)
        (dutyPaise, energyWh) = (205_000, 7_400_000)
        (realisedMilliPaisePerKWh, costMilliPaisePerKWh) = (554_054, 510_000)
        (peakW, averageW, peakToAveragePpm) = (31_000, 10_300, 3_009_708)
    }
    static let example = MoneyMonthView()
}

struct WaitingInstalmentView: APIModel {
    var accountID: ID
    var day: Day
    var why: String
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "day": Note("The day it stands at."),
        "why": Note("Why it could not be taken."),
    ]
    init(_ item: MoneyReport.Waiting) {
        (accountID, day, why) = (ID(item.account.accountID), Day(item.day), item.why)
    }
    private init() { (accountID, day, why) = (ID(101), Day(CivilDay(number: 20_777)), "the key stands for another") }
    static let example = WaitingInstalmentView()
}

struct MoneyReportView: APIModel {
    var aheadPaise: Int64
    var owedPaise: Int64
    var arrearsPaise: Int64
    var months: [MoneyMonthView]
    var madeAtMs: Int64
    var waiting: [WaitingInstalmentView]
    static let notes: [String: Note] = [
        "waiting": Note("Instalments that wait for a person.", itemsMax: MoneyReport.waitingMax),
        "aheadPaise": Note("Paid ahead and not used: the liability for recharges, now."),
        "owedPaise": Note("Owed in wallets below zero, now."), "arrearsPaise": Note("Owed from before, now."),
        "months": Note("Oldest first.", itemsMax: MoneyReport.monthsMax),
        "madeAtMs": Note("Business time it was worked out at."),
    ]
    init(_ report: MoneyReport) {
        (aheadPaise, owedPaise) = (report.aheadPaise, report.owedPaise)
        (arrearsPaise, madeAtMs) = (report.arrearsPaise, report.madeAtMs)
        waiting = report.waiting.map(WaitingInstalmentView.init)
        months = report.months.map(MoneyMonthView.init)
    }
    private init() {
        (aheadPaise, owedPaise, arrearsPaise) = (1_250_000, 40_000, 640_000)
        (months, madeAtMs, waiting) = ([.example], 1_795_248_000_000, [.example])
    }
    static let example = MoneyReportView()
}

extension Endpoints {
    static let statements: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<MonthPath, MonthStatementView>(
                "accounts.month", "GET", "/api/v1/accounts/{accountID}/statements/{month}",
                access: .permission([.readAccounts, .readOwnAccount]),
                EndpointText(
                    "Statement of a month",
                    "From the opening balance to the closing one: a line a day, corrections net with both of their "
                        + "dates. The ledger of all postings is the statement without a month."),
                example: MonthPath(accountID: ID(101), month: .sample), outputExample: .example,
                problems: [.notFound, .tooLarge],
                run: { input, context in
                    MonthStatementView(
                        try await MonthStatement.of(
                            context.services.site, accountID: input.accountID.value, month: input.month.value,
                            context.actor.scope))
                })),
        AnyEndpoint(
            Endpoint<MoneyQuery, MoneyReportView>(
                "reports.money", "GET", "/api/v1/money-report", access: .permission([.adjustAccounts]),
                EndpointText(
                    "Money by month",
                    "The liability for recharges, revenue as it was earned, what a unit brought in beside what it "
                        + "costs, and how peaked the load was. Worked out anew from the book and the sums of days."),
                example: MoneyQuery(from: .sample, to: .sample), outputExample: .example, rate: .heavy,
                run: { input, context in
                    MoneyReportView(
                        try await MoneyReport.of(
                            context.services.site, from: input.from?.value, to: input.to?.value,
                            context.actor.scope))
                })),
    ]
}
