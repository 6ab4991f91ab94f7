// Old debts and the turn from postpaid to prepaid: the page, its forms, and the look at what one of them would book
// before it does. Every act is a command, as the API sends it; what a form would change is found by running it and
// taking it back.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Payments
import SQL

extension Desk {
    /// - Parameters:
    ///   - refused: the form that was refused; what was typed stays.
    ///   - look: what a form would change; it stays as it was typed.
    ///   - keeps: the form goes back as it was typed.
    func arrears(
        _ call: PageCall, refused: (act: ArrearsPage.Act, refusal: Refusal)? = nil, look: ArrearsPage.Look? = nil,
        keeps: Bool = false
    ) async throws -> Answer {
        let (accountID, actor) = (try id(call), try call.actor)
        let scope = actor.scope
        let today = zone(call).day(atS: services.site.clocks.businessNowMs() / 1000)
        let (account, found, conversion, cap) = try await services.site.money.read { transaction in
            (
                try SupplyAccount.find(accountID, scope, in: transaction),
                try Arrears.of(accountID: accountID, scope, in: transaction),
                try Conversion.find(accountID: accountID, scope, in: transaction),
                try InstalmentCap.on(today, scope, in: transaction)
            )
        }
        let isTyped = refused != nil || look != nil || keeps
        var page = ArrearsPage(
            account: accountID, code: account.accountNumber, name: account.name,
            outstandingPaise: found?.outstandingPaise ?? 0, debts: (found?.items ?? []).map(ArrearsPage.Debt.init),
            plan: found?.plan.map(ArrearsPage.Plan.init), capPaise: cap.dailyPaise,
            isConverting: conversion?.isOpen == true, manages: actor.has(.manageArrears),
            writesOff: actor.has(.writeOffArrears),
            idempotencyKey: isTyped ? Self.key(call) ?? Self.newKey() : Self.newKey(), refused: refused,
            typed: isTyped ? call.form.mapValues { String($0.prefix(200)) } : [:])
        page.isConverted = conversion?.isOpen == false
        page.look = look
        let notice: PageFrame.Notice? =
            switch call.query["did"] {
            case "done": .arrearsDone
            case "waits": .waitsForSecond
            default: nil
            }
        let status = refused.map { $0.refusal.code == .conflict ? 409 : 422 } ?? 200
        return show(page, call, place(call, .home), notice: refused == nil ? notice : nil, status: status)
    }

    func changeArrears(_ call: PageCall) async throws -> Answer {
        guard let act = ArrearsPage.Act(rawValue: call.form["act"] ?? "") else { throw Problem.noSuchPath }
        if call.form["do"] == "change" { return try await arrears(call, keeps: true) }
        do {
            guard let key = Self.key(call) else {
                throw Refusal(.invalid, "This form is too old.", hint: "Send it again.")
            }
            let command = try ArrearsForm(call, zone(call), services.site).command(act, key)
            if act.books, call.form["do"] != "apply" {
                return try await arrears(call, look: try await look(at: command, act, call))
            }
            let isDone = try await carryOut(command, call)
            return .seeOther("\(Paths.arrears(try id(call)))?did=\(isDone ? "done" : "waits")")
        } catch let refusal as Refusal where [.invalid, .conflict].contains(refusal.code) {
            return try await arrears(call, refused: (act, refusal))
        }
    }

    /// Runs the command and takes it back.
    private func look<C: Command>(
        at command: C, _ act: ArrearsPage.Act, _ call: PageCall
    ) async throws -> ArrearsPage.Look {
        let (actor, accountID) = (try call.actor, try id(call))
        return try await services.site.rehearse(
            command, as: actor, source: actor.source(address: call.call.remoteAddress)
        ) { transaction, run in
            func standing() throws -> (arrears: Int64, balance: Int64) {
                (
                    try Arrears.of(accountID: accountID, actor.scope, in: transaction)?.outstandingPaise ?? 0,
                    try Journal.balance(ofAccount: accountID, actor.scope, in: transaction).balancePaise
                )
            }
            // What is not in reach is refused before anything of it is read.
            _ = try SupplyAccount.find(accountID, actor.scope, in: transaction)
            let before = try standing()
            _ = try run()
            let after = try standing()
            return ArrearsPage.Look(
                act: act, arrearsPaise: (before.arrears, after.arrears), balancePaise: (before.balance, after.balance))
        }
    }

    /// - Returns: false when it waits for a second person.
    private func carryOut<C: Command>(_ command: C, _ call: PageCall) async throws -> Bool {
        guard let confirmed = command as? any ConfirmedCommand else {
            _ = try await call.perform(command)
            return true
        }
        return try await ask(confirmed, call)
    }

    private func ask<C: ConfirmedCommand>(_ command: C, _ call: PageCall) async throws -> Bool {
        switch try await call.ask(command, why: String((call.form["off-reason"] ?? "").prefix(200))) {
        case .done: true
        case .waits: false
        }
    }
}

/// What was typed into a form, as the command it asks for.
private struct ArrearsForm {
    let accountID: Int64
    let form: [String: String]
    let today: CivilDay

    init(_ call: PageCall, _ zone: Zone, _ site: Site) throws {
        guard let accountID = Int64(call.path["id"] ?? "") else { throw Problem.noSuchPath }
        (self.accountID, form) = (accountID, call.form)
        today = zone.day(atS: site.clocks.businessNowMs() / 1000)
    }

    private func text(_ name: String) -> String { String((form[name] ?? "").prefix(200)) }

    private func rupees(_ name: String) throws -> Int64 {
        guard case .success(let paise) = Desk.amountPaise(typed: text(name), chosen: nil) else {
            throw Refusal(.invalid, "This is no amount.", hint: "Enter rupees as digits, like 350.", at: name)
        }
        return paise
    }

    private func rupeesOrNone(_ name: String) throws -> Int64 { text(name).isEmpty ? 0 : try rupees(name) }

    private func day(_ name: String) throws -> CivilDay {
        guard let day = CivilDay(text(name)), (1950...2199).contains(day.parts.year) else {
            throw Refusal(.invalid, "This is no day.", at: name)
        }
        return day
    }

    private func dayOrNone(_ name: String) throws -> CivilDay? { text(name).isEmpty ? nil : try day(name) }

    func command(_ act: ArrearsPage.Act, _ key: String) throws -> any Command {
        switch act {
        case .put:
            PutArrears(
                accountID: accountID, amountPaise: try rupees("put-amount"), since: try day("put-since"),
                claimUntil: try dayOrNone("put-claim"), disconnectUntil: try dayOrNone("put-cut"),
                reason: text("put-reason"), reference: key)
        case .agree:
            AgreeInstalments(accountID: accountID, size: try size(), from: nil, reason: text("agree-reason"))
        case .pause, .resume:
            PauseInstalments(accountID: accountID, paused: act == .pause, reason: text("pause-reason"))
        case .settle:
            SettleArrears(
                accountID: accountID, amountPaise: text("settle-amount").isEmpty ? nil : try rupees("settle-amount"),
                source: text("source") == "wallet" ? .wallet : .counter, reference: key)
        case .writeOff:
            WriteOffArrears(
                accountID: accountID, amountPaise: try rupees("off-amount"), reason: text("off-reason"), reference: key)
        case .begin: BeginConversion(accountID: accountID, reason: text("begin-reason"))
        case .convert:
            PostConversion(
                accountID: accountID,
                sums: ConversionSums(
                    depositPaise: try rupeesOrNone("convert-deposit"),
                    postpaidPaise: try rupeesOrNone("convert-amount") * (text("side") == "credit" ? 1 : -1),
                    setsDepositOff: text("set-off") == "1"), since: try dayOrNone("convert-since") ?? today,
                claimUntil: try dayOrNone("convert-claim"), disconnectUntil: try dayOrNone("convert-cut"))
        }
    }

    private func size() throws -> AgreeInstalments.Size {
        if text("agree-days").isEmpty { return .dailyPaise(try rupees("agree-amount")) }
        guard let days = Int64(text("agree-days")), text("agree-amount").isEmpty else {
            throw Refusal(
                .invalid, "Instalments are so much a day, or in so many days.", hint: "Give one of the two.",
                at: "agree-days")
        }
        return .days(days)
    }
}

extension ArrearsPage.Debt {
    init(_ item: ArrearsItem) {
        self.init(
            entry: StatementReport.entryName(item.entryID), amountPaise: item.amountPaise,
            remainingPaise: item.remainingPaise, since: item.since, claimUntil: item.claimUntil,
            disconnectUntil: item.disconnectUntil, reason: item.reason)
    }
}

extension ArrearsPage.Plan {
    init(_ plan: InstalmentPlan) {
        let state: State =
            switch plan.state {
            case .active: .active
            case .paused: .paused
            case .done: .done
            }
        self.init(dailyPaise: plan.dailyPaise, nextDay: plan.nextDay, state: state, problem: plan.problem)
    }
}
