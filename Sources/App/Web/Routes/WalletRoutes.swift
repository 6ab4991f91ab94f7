// The wallet beside the account: the statement of a month, the checkout of the test gateway, money by month. Old debts
// have a file of their own.
import API
import Access
import Accounts
import CivilTime
import Clocks
import PaymentPort
import Payments
import SQL

extension Desk {
    var walletPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readAccounts, .readOwnAccount])
        let paying: EndpointAccess = .permission([.rechargeAccounts, .rechargeOwnAccount])
        let one = "\(Paths.accounts)/{id}"
        return [
            API.Page("GET", "\(one)/statements/{month}", access: reading) { try await month($0) },
            API.Page("GET", "\(one)/arrears", access: reading) { try await arrears($0) },
            API.Page("POST", "\(one)/arrears", access: .permission([.manageArrears, .writeOffArrears])) {
                try await changeArrears($0)
            },
            API.Page("GET", "\(Paths.checkouts)/{id}", access: paying) { try await checkout($0) },
            API.Page("POST", "\(Paths.checkouts)/{id}", access: paying) { try await pay($0) },
            API.Page("GET", Paths.money, access: .permission([.adjustAccounts]), rate: .heavy) {
                try await money($0)
            },
            API.Page("GET", Paths.moneyCSV, access: .permission([.adjustAccounts]), rate: .heavy) {
                try await money($0, isFile: true)
            },
        ]
    }

    func place(_ call: PageCall, _ own: PageFrame.Place) -> PageFrame.Place {
        call.session?.actor.role == .consumer ? own : .accounts
    }

    // MARK: the month

    private func month(_ call: PageCall) async throws -> Answer {
        let asked = call.path["month"] ?? ""
        let isFile = asked.hasSuffix(".csv")
        guard let month = CivilMonth(isFile ? String(asked.dropLast(4)) : asked), (1970...2199).contains(month.year)
        else { throw Refusal(.notFound, "There is no such month.") }
        let found = try await MonthStatement.of(
            services.site, accountID: try id(call), month: month, try call.actor.scope)
        guard !isFile else {
            return Self.file(found.csv(), "\(found.account.accountNumber)-\(month).csv")
        }
        return show(MonthView(found), call, place(call, .statement))
    }

    private static func file(_ text: String, _ name: String) -> Answer {
        var answer = Answer("text/csv; charset=utf-8", text)
        let plain = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "-" })
        answer.headers["Content-Disposition"] = "attachment; filename=\"\(plain)\""
        return answer
    }

    // MARK: paying at the test gateway

    /// Whether the company takes payments by the built-in test gateway now.
    func takesTestPayments(_ call: PageCall) async throws -> Bool {
        guard let desk = services.payments else { return false }
        return try await desk.isTest(try call.actor.scope.orgID)
    }

    /// Opens an order and leads to where it is paid. The form's key is the order's reference: sent twice, it is one.
    func openOrder(_ call: PageCall, accountID: Int64, paise: Int64, key: String) async throws -> Answer {
        guard let desk = services.payments else { throw Problem.noSuchPath }
        let actor = try call.actor
        let order = try await desk.open(
            accountID: accountID, amountPaise: paise, reference: key, as: actor,
            source: actor.source(address: call.call.remoteAddress))
        return .seeOther(Paths.checkout(order.orderID))
    }

    private func order(_ call: PageCall) async throws -> (PaymentOrder, SupplyAccount) {
        let (orderID, scope) = (try id(call), try call.actor.scope)
        return try await services.site.money.read { transaction in
            let order = try PaymentOrder.find(orderID, scope, in: transaction)
            return (order, try SupplyAccount.find(order.accountID, scope, in: transaction))
        }
    }

    private func checkout(_ call: PageCall) async throws -> Answer {
        guard try await takesTestPayments(call) else { throw Problem.noSuchPath }
        let (order, account) = try await order(call)
        let page = CheckoutView(
            account: account.accountID, code: account.accountNumber, order: order.orderID,
            amountPaise: order.amountPaise, state: CheckoutView.State(order.state), idempotencyKey: Self.newKey())
        return show(page, call, place(call, .home))
    }

    private func pay(_ call: PageCall) async throws -> Answer {
        guard try await takesTestPayments(call), let desk = services.payments,
            let outcome = TestOutcome(rawValue: call.form["outcome"] ?? ""), let key = Self.key(call)
        else { throw Problem.noSuchPath }
        let actor = try call.actor
        let order = try await desk.payAtTest(
            orderID: try id(call), outcome, attempt: key, as: actor,
            source: actor.source(address: call.call.remoteAddress))
        return .seeOther("\(Paths.account(order.accountID))?order=\(order.orderID)")
    }

    /// What became of the order the address names, when it is one of this account.
    func paymentNotice(_ call: PageCall, accountID: Int64) async throws -> PageFrame.Notice? {
        guard let orderID = call.query["order"].flatMap({ Int64($0) }) else { return nil }
        let scope = try call.actor.scope
        do {
            let order = try await services.site.money.read { try PaymentOrder.find(orderID, scope, in: $0) }
            return order.accountID == accountID
                ? .payment(CheckoutView.State(order.state), paise: order.amountPaise) : nil
        } catch let refusal as Refusal where refusal.code == .notFound {
            return nil
        }
    }

    // MARK: money by month

    private func money(_ call: PageCall, isFile: Bool = false) async throws -> Answer {
        let report = try await MoneyReport.of(services.site, from: nil, to: nil, try call.actor.scope)
        if isFile { return Self.file(report.csv(), "money.csv") }
        return show(MoneyView(report), call, .reports)
    }
}

extension CheckoutView.State {
    init(_ state: PaymentOrder.State) {
        self =
            switch state {
            case .created: .created
            case .attempted: .attempted
            case .paid: .paid
            case .failed: .failed
            case .expired: .expired
            }
    }
}

extension MoneyView {
    init(_ report: MoneyReport) {
        self.init(
            aheadPaise: report.aheadPaise, owedPaise: report.owedPaise, arrearsPaise: report.arrearsPaise,
            months: report.months.map {
                Month(
                    month: $0.month, takenPaise: $0.takenPaise, revenuePaise: $0.revenuePaise,
                    dutyPaise: $0.dutyPaise, energyWh: $0.energyWh,
                    realisedMilliPaisePerKWh: $0.realisedMilliPaisePerKWh,
                    costMilliPaisePerKWh: $0.costMilliPaisePerKWh, peakW: $0.peakW,
                    peakToAveragePpm: $0.peakToAveragePpm)
            },
            waiting: report.waiting.map {
                Waiting(
                    account: $0.account.accountID, code: $0.account.accountNumber, day: $0.day, why: $0.why)
            })
    }
}

extension MonthView {
    init(_ found: MonthStatement) {
        self.init(
            account: found.account.accountID, code: found.account.accountNumber, name: found.account.name,
            month: found.month, openingPaise: found.openingPaise, lines: found.lines.map(Line.init),
            closingPaise: found.closingPaise, untilMs: found.untilMs, hasPrevious: found.month > found.firstMonth,
            hasNext: found.month < found.lastMonth)
    }
}

extension MonthView.Line {
    init(_ line: MonthStatement.Line) {
        let day = line.supplyDay ?? line.postedDay
        let what: What =
            switch line.kind {
            case .day: .day(day)
            case .correction: .correction(day)
            case .recharge: .recharge(channel: line.detail, reference: line.reference)
            case .opening: .opening
            case .adjustment: .adjustment(reason: line.detail)
            case .instalment: .instalment(day)
            case .settlement: .settlement
            case .conversion: .conversion
            }
        self.init(
            what: what, postedMs: line.postedMs, isEstimated: line.isEstimated, amountPaise: line.amountPaise,
            balancePaise: line.balancePaise, entry: line.entries.last ?? "", ledgerPlace: line.ledgerPlace)
    }
}
