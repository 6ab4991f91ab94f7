// Accounts: the list, one account for staff and for its consumer, its statement, a recharge, a day explained.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Packs
import Payments
import Rating
import SQL
import Supply
import Tariffs

extension Desk {
    var accountPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readAccounts, .readOwnAccount])
        let paying: EndpointAccess = .permission([.rechargeAccounts, .rechargeOwnAccount])
        let one = "\(Paths.accounts)/{id}"
        return [
            API.Page("GET", Paths.accounts, access: .permission([.readAccounts])) { try await accountList($0) },
            API.Page("GET", one, access: reading) { try await account($0) },
            API.Page("POST", "\(one)/recharges", access: paying) { try await recharge($0) },
            API.Page("POST", "\(one)/emergency-credits", access: paying) { try await takeEmergencyCredit($0) },
            API.Page("GET", "\(one)/statement", access: reading) { try await statement($0) },
            API.Page("GET", "\(one)/days/{day}", access: reading) { try await day($0) },
        ]
    }

    private func accountList(_ call: PageCall) async throws -> Answer {
        let filter = call.query["state"].flatMap { AccountsView.Filter(rawValue: $0) }
        let after = String((call.query["after"] ?? "").prefix(64))
        let list = try await AccountList.of(
            services.site,
            SupplyListing.Filter(
                prefix: Self.search(call), standing: filter.flatMap { SupplyStanding(rawValue: $0.rawValue) }),
            after: after, limit: Self.listLimit, try call.actor.scope)
        let counts = AccountsView.Filter.allCases.map {
            ($0, list.counts[SupplyStanding(rawValue: $0.rawValue) ?? .on] ?? 0)
        }
        let page = AccountsView(
            state: ListState(
                query: Self.search(call), filter: filter?.rawValue, nextAfter: list.part.next,
                isFirstPage: after.isEmpty),
            total: list.total, counts: Dictionary(uniqueKeysWithValues: counts),
            items: list.part.items.map { item in
                AccountsView.Item(
                    id: item.account.accountID, code: item.account.accountNumber, name: item.account.name,
                    meter: item.meter, supply: item.standing == .off ? .off(sinceMs: item.sinceMs ?? 0) : .on,
                    balancePaise: item.balancePaise, lastsUntilMs: item.lastsUntilMs)
            })
        return show(page, call, .accounts)
    }

    /// The navigation's place: a consumer's own page is his home.
    private func place(_ call: PageCall) -> PageFrame.Place {
        call.session?.actor.role == .consumer ? .home : .accounts
    }

    private func account(
        _ call: PageCall, typed: String = "", chosen: Int64? = nil, key: String = newKey(),
        problem: AccountView.Recharge.Problem? = nil, refusal: Refusal? = nil
    ) async throws -> Answer {
        let report = try await AccountReport.of(services.site, accountID: try id(call), try call.actor.scope)
        try await noteOpened(call, accountID: report.account.accountID)
        let language = language(call.call, call.session)
        var page = AccountView(
            report, language: language, messages: pages.messages(language))
        page.projected = report.projected.map {
            AccountView.Projected(
                paise: $0.projected(from: report.balance.balancePaise), throughMs: $0.throughMs,
                estimated: $0.estimatedSlots, missing: $0.missingSlots)
        }
        page.expectedPaise = report.balance.expectedPaise ?? 0
        page.packs = try await packsPanel(report.account.accountID, call)
        let actor = try call.actor
        let scope = actor.scope
        let org = try await services.site.money.read { try Org.find(scope.orgID, in: $0) }
        page.slabWarning = try await SlabWarning.of(report.account, site: services.site, org: org)
        let today = zone(call).day(atS: services.site.clocks.businessNowMs() / 1000)
        let isOpen = try await services.site.money.read { try Recharge.isOpenToConsumers(on: today, scope, in: $0) }
        let takesOrders = try await takesTestPayments(call)
        if actor.has(.rechargeAccounts) || ((isOpen || takesOrders) && actor.has(.rechargeOwnAccount)) {
            page.recharge = AccountView.Recharge(
                choices: [10_000, 20_000, 50_000, 100_000].map { .init(paise: $0, untilDay: report.lasts(adding: $0)) },
                chosenPaise: chosen ?? (problem == nil ? 20_000 : nil), typedAmount: typed, idempotencyKey: key,
                problem: problem)
        }
        if report.mayTakeEmergencyCredit, actor.has(.rechargeAccounts) || actor.has(.rechargeOwnAccount) {
            page.emergency = AccountView.Emergency(
                paise: report.rules.emergencyPaise, days: report.rules.emergencyDays, idempotencyKey: Self.newKey())
        }
        var notice = try await paymentNotice(call, accountID: report.account.accountID)
        if let paid = call.query["paid"], let item = report.statement.items.first(where: { $0.entry == paid }),
            case .recharge = item.what
        {
            notice = .rechargeDone(paise: item.amountPaise, entry: item.entry)
        }
        if let act = call.query["did"].flatMap({ PackAct(rawValue: $0) }) { notice = .packAsked(act.rawValue) }
        if call.query["did"] == "emergency" { notice = .emergencyTaken }
        if let refusal { notice = .refused(refusal) }
        let status = refusal.map { $0.code == .conflict ? 409 : 422 } ?? (problem == nil ? 200 : 422)
        return show(page, call, place(call), notice: notice, status: status)
    }

    /// The form's key is the payment's reference: sent twice, it counts once.
    private func recharge(_ call: PageCall) async throws -> Answer {
        let accountID = try id(call)
        let typed = String((call.form["other"] ?? "").prefix(20))
        let chosen = call.form["amount"].flatMap { Int64($0) }
        guard let key = Self.key(call) else {
            return try await account(call, typed: typed, chosen: chosen, problem: .expired)
        }
        let limits = Recharge.amountLimitsPaise
        let problem: AccountView.Recharge.Problem
        switch Self.amountPaise(typed: typed, chosen: chosen) {
        case .success(let paise) where limits.contains(paise):
            if try call.actor.role == .consumer, try await takesTestPayments(call) {
                return try await openOrder(call, accountID: accountID, paise: paise, key: key)
            }
            let receipt = try await call.perform(
                Recharge(
                    accountID: accountID, amountPaise: paise,
                    method: try call.actor.role == .consumer ? .portal : .cash, reference: key))
            return .seeOther("\(Paths.account(accountID))?paid=\(StatementReport.entryName(receipt.entryID))")
        case .success: problem = .amountOutOfRange(minPaise: limits.lowerBound, maxPaise: limits.upperBound)
        case .failure(let fault): problem = fault.problem
        }
        return try await account(call, typed: typed, chosen: chosen, key: key, problem: problem)
    }

    private func takeEmergencyCredit(_ call: PageCall) async throws -> Answer {
        let accountID = try id(call)
        do {
            guard let key = Self.key(call) else {
                throw Refusal(.invalid, "This form is too old.", hint: "Send it again.")
            }
            _ = try await call.perform(TakeEmergencyCredit(accountID: accountID, reference: key))
            return .seeOther("\(Paths.account(accountID))?did=emergency")
        } catch let refusal as Refusal where [.invalid, .conflict].contains(refusal.code) {
            return try await account(call, refusal: refusal)
        }
    }

    struct AmountFault: Error { var problem: AccountView.Recharge.Problem }

    /// What is typed counts instead of what is chosen. Rupees as digits, grouped or not, with at most two decimals.
    static func amountPaise(typed: String, chosen: Int64?) -> Result<Int64, AmountFault> {
        let text = typed.filter { $0 != " " && $0 != "," && $0 != "₹" }
        guard !text.isEmpty else {
            return chosen.map { .success($0) } ?? .failure(AmountFault(problem: .amountMissing))
        }
        let sides = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = sides.count == 2 ? String(sides[1]) : ""
        let isDigits = (String(sides[0]) + rest).utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        guard isDigits, (1...12).contains(sides[0].utf8.count), sides.count == 1 || (1...2).contains(rest.utf8.count),
            let rupees = Int64(sides[0]), let paise = Int64((rest + "00").prefix(2))
        else { return .failure(AmountFault(problem: .amountNotWhole)) }
        return .success(rupees * 100 + paise)
    }

    private func statement(_ call: PageCall) async throws -> Answer {
        let before = call.query["before"]
        let report = try await StatementReport.of(
            services.site, accountID: try id(call), before: before, limit: Self.listLimit, try call.actor.scope)
        let page = StatementView(
            account: report.account.accountID, code: report.account.accountNumber, name: report.account.name,
            balancePaise: report.balancePaise, balanceAsOfMs: report.balanceAsOfMs,
            lines: report.part.items.map { StatementLine($0) }, olderBefore: report.part.next,
            isFirstPage: before == nil,
            month: zone(call).day(atS: services.site.clocks.businessNowMs() / 1000).month)
        return show(page, call, call.session?.actor.role == .consumer ? .statement : .accounts)
    }

    private func day(_ call: PageCall) async throws -> Answer {
        guard let day = CivilDay(call.path["day"] ?? ""), (2000...2199).contains(day.parts.year) else {
            throw Refusal(.notFound, "There is no such day.")
        }
        let report = try await DayReport.of(services.site, accountID: try id(call), day: day, try call.actor.scope)
        let scope = try call.actor.scope
        let packs = Set(report.explanation.slots.map(\.packID))
        let names = try await services.site.money.read { try PackShelf.names(packs, scope, in: $0) }
        return show(DayView(report, names: names), call, call.session?.actor.role == .consumer ? .statement : .accounts)
    }
}
