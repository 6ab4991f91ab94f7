// Old debts of an account, the conversion to prepaid, the statement of a month, and the company's money by month.
import Access
import Accounts
import CivilTime
import Payments
import SQL

/// A civil month in JSON: `YYYY-MM`.
struct Month: SchemaValue, Equatable {
    var value: CivilMonth
    init(_ value: CivilMonth) { self.value = value }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self.read(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no month")
        }
        self.value = value
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value.description)
    }

    private static func read(_ text: String) -> CivilMonth? {
        guard text.utf8.count == 7, let month = CivilMonth(text), (1970...2199).contains(month.year) else { return nil }
        return month
    }

    static let sample = Month(CivilMonth(year: 2026, month: 11))
    static let schema = Schema(
        .string(
            length: 7...7, words: nil, pattern: "^(19[7-9][0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])$", format: nil),
        accepts: { read($0) != nil })
}

struct ArrearsItemView: APIModel {
    var entry: String
    var amountPaise: Int64
    var remainingPaise: Int64
    var since: Day
    var claimUntil: Day?
    var disconnectUntil: Day?
    var reason: String
    static let notes: [String: Note] = [
        "entry": Note("The entry that put it on the account."), "amountPaise": Note("What was put on."),
        "remainingPaise": Note("What is left of it; the oldest is settled first."),
        "since": Note("Since when it is owed."), "claimUntil": Note("The last day it may be claimed on."),
        "disconnectUntil": Note("The last day supply may be cut for it; absent: never for this debt."),
        "reason": Note("What it is."),
    ]
    init(_ item: ArrearsItem) {
        (entry, amountPaise) = (StatementReport.entryName(item.entryID), item.amountPaise)
        (remainingPaise, since, reason) = (item.remainingPaise, Day(item.since), item.reason)
        (claimUntil, disconnectUntil) = (item.claimUntil.map { Day($0) }, item.disconnectUntil.map { Day($0) })
    }
    private init() {
        (entry, amountPaise, remainingPaise, reason) = ("J-1XKB", 800_000, 640_000, "Bills of 2024")
        since = Day(CivilDay(number: 20_000))
    }
    static let example = ArrearsItemView()
}

struct ArrearsView: APIModel {
    var accountID: ID
    var outstandingPaise: Int64
    var claimablePaise: Int64
    var debts: [ArrearsItemView]
    var dailyPaise: Int64?
    var nextDay: Day?
    var state: InstalmentPlan.State?
    var problem: String?
    var conversion: ConversionState?
    enum ConversionState: String, Codable, CaseIterable { case begun, posted }
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "outstandingPaise": Note("What is owed from before; never in the balance."),
        "claimablePaise": Note("Of it what may be claimed today."), "debts": Note("Oldest first.", itemsMax: 1_000),
        "dailyPaise": Note("The instalment of a day that was agreed."),
        "nextDay": Note("The first day that is not taken yet."), "state": Note("How the instalments stand."),
        "problem": Note("Why the last try failed."),
        "conversion": Note("Whether the account is turning from postpaid to prepaid; begun: nobody cuts it for that."),
    ]

    init(_ accountID: Int64, _ arrears: Arrears?, _ conversion: Conversion?, today: CivilDay) {
        self.accountID = ID(accountID)
        outstandingPaise = arrears?.outstandingPaise ?? 0
        claimablePaise = arrears?.claimablePaise(on: today) ?? 0
        debts = (arrears?.items ?? []).suffix(1_000).map(ArrearsItemView.init)
        let plan = arrears?.plan
        (dailyPaise, nextDay, state) = (plan?.dailyPaise, plan.map { Day($0.nextDay) }, plan?.state)
        problem = plan?.problem
        self.conversion = conversion.map { $0.isOpen ? .begun : .posted }
    }
    private init() {
        (accountID, outstandingPaise, claimablePaise) = (ID(101), 640_000, 640_000)
        (debts, dailyPaise, nextDay, state) = ([.example], 2_000, Day(CivilDay(number: 20_778)), .active)
    }
    static let example = ArrearsView()
}

struct PutArrearsInput: APIModel {
    var accountID: ID
    var amountPaise: Int64
    var since: Day
    var claimUntil: Day?
    var disconnectUntil: Day?
    var reason: String
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "amountPaise": Note("₹1 to ₹10,00,000.", range: Arrears.amountLimitsPaise),
        "since": Note("Since when it is owed."), "claimUntil": Note("The last day it may be claimed on."),
        "disconnectUntil": Note("The last day supply may be cut for it."),
        "reason": Note("What it is; the consumer reads it.", length: 3...200),
    ]
}

struct InstalmentsInput: APIModel {
    enum Act: String, Codable, CaseIterable { case agree, pause, resume }
    var accountID: ID
    var act: Act
    var dailyPaise: Int64?
    var days: Int64?
    var from: Day?
    var reason: String
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "act": Note("agree needs dailyPaise or days; the others need neither."),
        "dailyPaise": Note("What is taken of a day.", range: 1...Arrears.amountLimitsPaise.upperBound),
        "days": Note("Instead: in so many equal days.", range: 1...3_660),
        "from": Note("The first day; today when not given."), "reason": Note("Why.", length: 3...200),
    ]

    func size() throws -> AgreeInstalments.Size {
        switch (dailyPaise, days) {
        case (let paise?, nil): return .dailyPaise(paise)
        case (nil, let days?): return .days(days)
        default:
            throw Refusal(
                .invalid, "Instalments are so much a day, or in so many days.", hint: "Give one of the two.",
                at: "dailyPaise")
        }
    }
}

struct SettleArrearsInput: APIModel {
    enum How: String, Codable, CaseIterable { case wallet, counter }
    var accountID: ID
    var amountPaise: Int64?
    var source: How
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "amountPaise": Note("All that is owed when not given.", range: 1...Arrears.amountLimitsPaise.upperBound),
        "source": Note("wallet: out of the balance, as its owner wishes; counter: money that came for it."),
    ]
}

struct WriteOffInput: APIModel {
    var accountID: ID
    var amountPaise: Int64
    var reason: String
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "amountPaise": Note("At most what is owed.", range: 1...Arrears.amountLimitsPaise.upperBound),
        "reason": Note("Why.", length: 3...200),
    ]
}

struct BeginConversionInput: APIModel {
    var accountID: ID
    var reason: String
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "reason": Note("Why.", length: 3...200),
    ]
}

struct ConversionInput: APIModel {
    var accountID: ID
    var depositPaise: Int64
    var postpaidPaise: Int64
    var setsDepositOff: Bool
    var since: Day
    var claimUntil: Day?
    var disconnectUntil: Day?
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "depositPaise": Note(
            "The part of the deposit that is given back.", range: 0...Arrears.amountLimitsPaise.upperBound),
        "postpaidPaise": Note(
            "What the last postpaid account says: positive is to the consumer's good, negative is owed.",
            range: -Arrears.amountLimitsPaise.upperBound...Arrears.amountLimitsPaise.upperBound),
        "setsDepositOff": Note("The deposit pays off what is owed before anything goes to the wallet."),
        "since": Note("Since when what is owed is owed."), "claimUntil": Note("The last day it may be claimed on."),
        "disconnectUntil": Note("The last day supply may be cut for it."),
    ]
}

extension EndpointContext {
    fileprivate func arrears(_ accountID: Int64) async throws -> ArrearsView {
        let site = services.site
        return try await read { transaction, scope in
            let account = try SupplyAccount.find(accountID, scope, in: transaction)
            return ArrearsView(
                accountID, try Arrears.of(accountID: account.accountID, scope, in: transaction),
                try Conversion.find(accountID: account.accountID, scope, in: transaction),
                today: try Moment.of(site, scope, in: transaction).today)
        }
    }
}

extension Endpoints {
    static let arrears: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<AccountPath, ArrearsView>(
                "arrears.read", "GET", "/api/v1/accounts/{accountID}/arrears",
                access: .permission([.readAccounts, .readOwnAccount]),
                EndpointText("What an account owes from before", "Old debts with their dates, and the instalments."),
                example: AccountPath(accountID: ID(101)), outputExample: .example, problems: [.notFound],
                run: { input, context in try await context.arrears(input.accountID.value) })),
        AnyEndpoint(
            Endpoint<PutArrearsInput, ArrearsView>(
                "arrears.put", "POST", "/api/v1/accounts/{accountID}/arrears", access: .permission([.manageArrears]),
                EndpointText("Put an old debt on an account", "Beside the wallet: the balance does not change."),
                example: PutArrearsInput(
                    accountID: ID(101), amountPaise: 800_000, since: Day(CivilDay(number: 20_000)),
                    reason: "Bills of 2024"), outputExample: .example, status: 201, idempotency: .keyed,
                problems: [.notFound, .conflict],
                run: { input, context in
                    _ = try await context.perform(
                        PutArrears(
                            accountID: input.accountID.value, amountPaise: input.amountPaise, since: input.since.value,
                            claimUntil: input.claimUntil?.value, disconnectUntil: input.disconnectUntil?.value,
                            reason: input.reason, reference: context.idempotencyKey ?? ""), why: input.reason)
                    return try await context.arrears(input.accountID.value)
                })),
        AnyEndpoint(
            Endpoint<InstalmentsInput, ArrearsView>(
                "arrears.instalments", "PUT", "/api/v1/accounts/{accountID}/instalments",
                access: .permission([.manageArrears]),
                EndpointText(
                    "Agree, pause or resume instalments",
                    "A job takes the part of each day that is over, within the caps of the company, and never below "
                        + "zero or the line at which supply is cut."),
                example: InstalmentsInput(accountID: ID(101), act: .agree, dailyPaise: 2_000, reason: "As agreed"),
                outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let accountID = input.accountID.value
                    switch input.act {
                    case .agree:
                        _ = try await context.perform(
                            AgreeInstalments(
                                accountID: accountID, size: try input.size(), from: input.from?.value,
                                reason: input.reason), why: input.reason)
                    case .pause, .resume:
                        _ = try await context.perform(
                            PauseInstalments(accountID: accountID, paused: input.act == .pause, reason: input.reason),
                            why: input.reason)
                    }
                    return try await context.arrears(accountID)
                })),
        AnyEndpoint(
            Endpoint<SettleArrearsInput, ArrearsView>(
                "arrears.settle", "POST", "/api/v1/accounts/{accountID}/arrears-settlements",
                access: .permission([.manageArrears]),
                EndpointText("Settle an old debt", "In full or a part; what was settled stays settled."),
                example: SettleArrearsInput(accountID: ID(101), amountPaise: nil, source: .counter),
                outputExample: .example, status: 201, idempotency: .keyed, problems: [.notFound, .conflict],
                run: { input, context in
                    _ = try await context.perform(
                        SettleArrears(
                            accountID: input.accountID.value, amountPaise: input.amountPaise,
                            source: input.source == .wallet ? .wallet : .counter,
                            reference: context.idempotencyKey ?? ""))
                    return try await context.arrears(input.accountID.value)
                })),
        AnyEndpoint(
            Endpoint<WriteOffInput, ArrearsView>(
                "arrears.write-off", "POST", "/api/v1/accounts/{accountID}/arrears-write-offs",
                access: .permission([.writeOffArrears]),
                EndpointText(
                    "Give up an old debt",
                    "In full or a part, as an expense of the company. It waits for a second person: 202, and with the "
                        + "same key 201 once it is confirmed."),
                example: WriteOffInput(accountID: ID(101), amountPaise: 50_000, reason: "Barred by time"),
                outputExample: .example, status: 201, idempotency: .keyed, problems: [.notFound, .conflict],
                run: { input, context in
                    _ = try await context.ask(
                        WriteOffArrears(
                            accountID: input.accountID.value, amountPaise: input.amountPaise, reason: input.reason,
                            reference: context.idempotencyKey ?? ""), why: input.reason)
                    return try await context.arrears(input.accountID.value)
                }
            ).forTwo),
        AnyEndpoint(
            Endpoint<BeginConversionInput, ArrearsView>(
                "accounts.begin-conversion", "PUT", "/api/v1/accounts/{accountID}/conversion",
                access: .permission([.manageArrears]),
                EndpointText(
                    "Begin to turn an account from postpaid to prepaid",
                    "From here until it is posted, supply is not cut for the balance."),
                example: BeginConversionInput(accountID: ID(101), reason: "A smart meter was installed"),
                outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    _ = try await context.perform(
                        BeginConversion(accountID: input.accountID.value, reason: input.reason), why: input.reason)
                    return try await context.arrears(input.accountID.value)
                })),
        AnyEndpoint(
            Endpoint<ConversionInput, ArrearsView>(
                "accounts.post-conversion", "POST", "/api/v1/accounts/{accountID}/conversion",
                access: .permission([.manageArrears]),
                EndpointText(
                    "Post the conversion of an account",
                    "One entry that sums to zero: deposit, what the postpaid books say, opening balance, old debt. An "
                        + "account is converted once."),
                example: ConversionInput(
                    accountID: ID(101), depositPaise: 70_000, postpaidPaise: -130_000, setsDepositOff: true,
                    since: Day(CivilDay(number: 20_700))), outputExample: .example, status: 201,
                problems: [.notFound, .conflict],
                run: { input, context in
                    _ = try await context.perform(
                        PostConversion(
                            accountID: input.accountID.value,
                            sums: ConversionSums(
                                depositPaise: input.depositPaise, postpaidPaise: input.postpaidPaise,
                                setsDepositOff: input.setsDepositOff), since: input.since.value,
                            claimUntil: input.claimUntil?.value, disconnectUntil: input.disconnectUntil?.value))
                    return try await context.arrears(input.accountID.value)
                })),
    ]
}
