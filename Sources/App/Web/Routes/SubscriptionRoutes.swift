// Packs: what an account holds and may apply for, the step before it is asked, and the list of all subscriptions.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import Packs
import SQL

extension Desk {
    var subscriptionPages: [API.Page] {
        let asking: EndpointAccess = .permission(AskPack.permissions)
        let asked = "\(Paths.accounts)/{id}/subscriptions"
        return [
            API.Page("GET", Paths.subscriptions, access: .permission([.readAccounts])) { try await subscriptions($0) },
            API.Page("GET", asked, access: asking) { try await packConfirm($0, $0.query) },
            API.Page("POST", asked, access: asking) { try await askPack($0) },
        ]
    }

    private func today(_ call: PageCall) -> CivilDay {
        zone(call).day(atS: services.site.clocks.businessNowMs() / 1000)
    }

    /// The panel of an account's page.
    func packsPanel(_ accountID: Int64, _ call: PageCall) async throws -> PacksPanel {
        let actor = try call.actor
        let today = today(call)
        let mayAsk = PackAct.apply.permissions.contains(where: actor.has)
        return try await services.site.money.read { transaction in
            let held = try ListedSubscription.page(
                .init(accountID: accountID), before: nil, limit: 50, actor.scope, in: transaction)
            let offers =
                mayAsk ? try OfferedPack.of(accountID: accountID, today: today, actor.scope, in: transaction) : []
            return PacksPanel(
                account: accountID, today: today, held: held, offers: offers, mayAsk: mayAsk,
                mayDecide: actor.has(.approveSubscriptions), mayLeave: actor.has(.subscribePacks),
                names: try PackShelf.names(
                    Set(held.map(\.packID) + offers.map(\.packID)), actor.scope, in: transaction))
        }
    }

    /// What is asked, with everything that comes of it, before it is done.
    private func packConfirm(
        _ call: PageCall, _ asked: [String: String], refusal: Refusal? = nil
    ) async throws -> Answer {
        let accountID = try id(call)
        let actor = try call.actor
        let account = try await services.site.money.read {
            try SupplyAccount.find(accountID, actor.scope, in: $0)
        }
        guard let act = asked["act"].flatMap({ PackAct(rawValue: $0) }) else {
            throw Refusal(.notFound, "There is nothing of this name that can be asked.", at: "act")
        }
        guard act.permissions.contains(where: actor.has) else {
            throw Refusal(.forbidden, "Your role does not allow this.")
        }
        let today = today(call)
        let typed = asked.mapValues { String($0.prefix(200)) }
        let request = AskPack(
            act, accountID: accountID, packID: String((asked["pack"] ?? "").prefix(80)),
            day: typed["day"].flatMap { CivilDay($0) } ?? (act == .portOut ? today : nil),
            reason: typed["reason"] ?? "")
        let (prices, answer, names) = try await services.site.money.read { transaction in
            let prices = try Packs.unitPrices(of: request.packID, on: today, actor.scope, in: transaction)
            let answer = Result { try request.preview(today: today, actor.scope, in: transaction) }
            if case .failure(let error) = answer, !(error is Refusal) { throw error }
            let ending = (try? answer.get().ending.map(\.packID)) ?? []
            return (
                prices.map { PackPrice(cover: $0.cover, milliPaisePerKWh: $0.milliPaisePerKWh) }, answer,
                try PackShelf.names(Set(ending + [request.packID]), actor.scope, in: transaction)
            )
        }
        var page = PackConfirmView(
            account: accountID, code: account.accountNumber, name: account.name, act: act, packID: request.packID,
            prices: prices, typed: typed)
        page.names = names
        switch answer {
        case .success(let found): page.answer = found
        case .failure(let error): page.refusal = error as? Refusal
        }
        page.refusal = refusal ?? page.refusal
        return show(
            page, call, actor.role == .consumer ? .packs : .accounts, status: page.refusal == nil ? 200 : 422)
    }

    private func askPack(_ call: PageCall) async throws -> Answer {
        let accountID = try id(call)
        let scope = try call.actor.scope
        _ = try await services.site.money.read { try SupplyAccount.find(accountID, scope, in: $0) }
        let form = call.form.mapValues { String($0.prefix(200)) }
        guard let act = form["act"].flatMap({ PackAct(rawValue: $0) }) else {
            throw Refusal(.invalid, "There is nothing of this name that can be asked.", at: "act")
        }
        do {
            if let text = form["day"], !text.isEmpty, CivilDay(text) == nil {
                throw Refusal(.invalid, "This is no day.", hint: "Write it as YYYY-MM-DD.", at: "day")
            }
            let why = form["reason"] ?? ""
            _ = try await call.perform(
                AskPack(
                    act, accountID: accountID, packID: form["pack"] ?? "", day: form["day"].flatMap { CivilDay($0) },
                    reason: why), why: why)
        } catch let refusal as Refusal where [.invalid, .conflict].contains(refusal.code) {
            return try await packConfirm(call, form, refusal: refusal)
        }
        let back = form["back"] == "list" ? Paths.subscriptions(state: "draft") : Paths.account(accountID)
        return .seeOther(back + (back.contains("?") ? "&" : "?") + "did=\(act.rawValue)#packs")
    }

    private func subscriptions(_ call: PageCall) async throws -> Answer {
        let scope = try call.actor.scope
        var words = FilterWords()
        let state = words.read(call.query["state"]) { Subscription.State(rawValue: $0) }
        let packID = words.read(call.query["pack"]) { $0.utf8.count <= 80 ? $0 : nil }
        let placeID = words.read(call.query["place"]) { Int64($0) }
        let before = words.read(call.query["before"]) { Int64($0) }
        let limit = Self.listLimit
        let filter = ListedSubscription.Filter(state: state, packID: packID, placeID: placeID)
        let mayDecide = try call.actor.has(.approveSubscriptions)
        let page = try await services.site.money.read { transaction in
            let found = try ListedSubscription.page(
                filter, before: before, limit: limit + 1, scope, in: transaction)
            let packs = try PackOffers(scope, in: transaction).packs.keys.sorted()
            return SubscriptionsView(
                filter: filter, items: Array(found.prefix(limit)),
                counts: try ListedSubscription.counts(scope, in: transaction),
                nextBefore: found.count > limit ? found[limit - 1].subscriptionID : nil, isFirstPage: before == nil,
                packs: packs,
                places: try Place.all(scope, in: transaction).prefix(2_000).map { (id: $0.placeID, name: $0.name) },
                aside: try PackHolder.aside(limit: 50, scope, in: transaction),
                failed: try PackFactRow.failed(limit: 50, scope, in: transaction), mayDecide: mayDecide,
                names: try PackShelf.names(Set(packs + found.map(\.packID)), scope, in: transaction))
        }
        let did = call.query["did"].flatMap { PackAct(rawValue: $0) }.map { PageFrame.Notice.packAsked($0.rawValue) }
        return show(page, call, .subscriptions, notice: words.notice ?? did, status: words.status)
    }
}
