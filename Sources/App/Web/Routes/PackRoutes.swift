// Packs: the list, a price sheet, the designer of drafts with its decision, what-ifs, packs compared for a consumer.
// Everything is done by the commands that the API sends.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Packs
import Rating
import SQL
import Tariffs

extension Desk {
    var packPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readAccounts])
        let drafting: EndpointAccess = .permission([.draftPacks, .approvePacks])
        // A tariff of the largest size, percent-encoded.
        let large = 1_600_000
        return [
            API.Page("GET", Paths.packs, access: reading) { try await packList($0) },
            API.Page("GET", "\(Paths.packs)/{id}", access: reading) { try await pack($0) },
            API.Page("GET", Paths.packDrafts, access: drafting) { try await newDraft($0) },
            API.Page("POST", Paths.packDrafts, access: drafting, bodyLimitBytes: large) { call in
                try await workDraft(call, nil)
            },
            API.Page("GET", "\(Paths.packDrafts)/{id}", access: drafting) { call in
                let draft = try await draft(try id(call), call)
                let notice: PageFrame.Notice? = call.query["did"] == "waits" ? .waitsForSecond : nil
                return show(try await designer(call, draft, DraftForm(draft)), call, .packs, notice: notice)
            },
            API.Page("POST", "\(Paths.packDrafts)/{id}", access: drafting, bodyLimitBytes: large) { call in
                try await workDraft(call, try await draft(try id(call), call))
            },
            API.Page("POST", Paths.whatIfs, access: drafting, rate: .heavy) { try await askWhatIf($0) },
            API.Page("GET", "\(Paths.whatIfs)/{id}", access: drafting, rate: .heavy) { try await whatIf($0) },
            API.Page(
                "GET", "\(Paths.accounts)/{id}/comparison", access: .permission([.readAccounts, .readOwnAccount]),
                rate: .heavy
            ) { try await comparison($0) },
        ]
    }

    private func today(_ call: PageCall) -> CivilDay {
        zone(call).day(atS: services.site.clocks.businessNowMs() / 1000)
    }

    private func org(_ call: PageCall) async throws -> Org {
        let orgID = try call.actor.scope.orgID
        return try await services.site.money.read { try Org.find(orgID, in: $0) }
    }

    // MARK: List and sheet

    private static let packsMax = 200

    private func packList(_ call: PageCall) async throws -> Answer {
        var words = FilterWords()
        var filter = PackFilter()
        let text = Self.search(call)
        filter.text = text.isEmpty ? nil : text
        filter.kind = words.read(call.query["kind"]) { PackKind(rawValue: $0) }
        filter.standing = words.read(call.query["standing"]) { PackVersion.Standing(rawValue: $0) }
        filter.isHeld = words.read(call.query["held"]) { ["yes": true, "no": false][$0] }
        filter.on = words.read(call.query["on"]) { Self.day($0) }
        filter.category = call.query["category"].flatMap { $0.isEmpty ? nil : String($0.prefix(64)) }
        let after = words.read(call.query["after"]) { PackPlace($0) }
        let (actor, today, wanted) = (try call.actor, today(call), filter)
        let state = words.read(call.query["drafts"]) { PackDraft.State(rawValue: $0) }
        let mayDraft = actor.has(.draftPacks) || actor.has(.approvePacks)
        let page = try await services.site.money.read { transaction in
            let drafts =
                mayDraft
                ? try PackDraft.page(
                    states: state.map { [$0] } ?? [.draft, .submitted], limit: 100, actor.scope, in: transaction) : []
            let packs = try PackShelf.list(
                wanted, after: after, limit: Self.packsMax + 1, today: today, actor.scope, in: transaction)
            return PacksView(
                packs: Array(packs.prefix(Self.packsMax)), isFirstPage: after == nil,
                hasMore: packs.count > Self.packsMax,
                count: try PackShelf.count(actor.scope, in: transaction), filter: wanted,
                categories: try SupplyAccount.categories(orgID: actor.scope.orgID, in: transaction), drafts: drafts,
                draftState: state, people: try Self.people(drafts.map(\.authorID), actor.scope, in: transaction),
                whatIfs: mayDraft ? try WhatIf.list(limit: 20, actor.scope, in: transaction) : [],
                mayDraft: actor.has(.draftPacks) && actor.scope.isWholeCompany)
        }
        return show(page, call, .packs, notice: words.notice, status: words.status)
    }

    private static func people(
        _ ids: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: String] {
        Dictionary(
            Set(ids).map { ($0, (try? Logins.find($0, scope, in: transaction))?.username ?? "busbar") },
            uniquingKeysWith: { first, _ in first })
    }

    private func pack(_ call: PageCall) async throws -> Answer {
        let packID = String((call.path["id"] ?? "").prefix(64))
        let (actor, today) = (try call.actor, today(call))
        var words = FilterWords()
        let asked = words.read(call.query["version"]) { Int64($0) }
        let page = try await services.site.money.read { transaction in
            var filter = PackFilter()
            filter.packID = packID
            let versions = try PackShelf.list(
                filter, limit: .max, today: today, actor.scope, in: transaction)
            guard let usual = versions.last(where: { $0.standing == .inForce }) ?? versions.last else {
                throw Refusal(.notFound, "There is no such pack.")
            }
            guard let shown = asked.map({ version in versions.first { $0.version == version } }) ?? usual else {
                throw Refusal(.notFound, "There is no such version of a pack.")
            }
            let tariff =
                shown.kind == .base
                ? try Packs.version(shown.version, of: packID, actor.scope, in: transaction) : nil
            return PackPageView(
                versions: versions, shown: shown, tariff: tariff,
                drafts: try PackDraft.page(packID: packID, limit: 20, actor.scope, in: transaction).filter {
                    [.draft, .submitted].contains($0.state)
                }, others: try Packs.baseIDs(actor.scope, in: transaction), today: today,
                mayDraft: actor.has(.draftPacks) && actor.scope.isWholeCompany,
                mayTry: actor.has(.draftPacks) || actor.has(.approvePacks),
                key: Self.newKey())
        }
        return show(page, call, .packs, notice: words.notice, status: words.status)
    }

    // MARK: Designer

    private func draft(_ draftID: Int64, _ call: PageCall) async throws -> PackDraft {
        let scope = try call.actor.scope
        return try await services.site.money.read { try PackDraft.find(draftID, scope, in: $0) }
    }

    /// An empty draft, or the text of a published version or of another draft to go on from.
    private func newDraft(_ call: PageCall) async throws -> Answer {
        let scope = try call.actor.scope
        var form = DraftForm()
        form.typed["key"] = Self.newKey()
        form.typed["text"] = DraftForm.example(today(call))
        let packID = call.query["from"].map { String($0.prefix(64)) }
        let draftID = call.query["draft"].flatMap { Int64($0) }
        let text = try await services.site.money.read { transaction -> String? in
            if let draftID { return try PackDraft.find(draftID, scope, in: transaction).text }
            guard let packID else { return nil }
            let latest = try Packs.versions(of: packID, scope, in: transaction).last
            return try latest.flatMap {
                try PackShelf.text(of: packID, version: Int64($0.version), scope, in: transaction)
            }
        }
        if let text { form.typed["text"] = text }
        return show(try await designer(call, nil, form), call, .packs)
    }

    /// The page with everything that the text of the form leads to.
    private func designer(
        _ call: PageCall, _ draft: PackDraft?, _ form: DraftForm
    ) async throws -> PackDraftPageView {
        let (actor, org) = (try call.actor, try await org(call))
        var form = form
        var tariff: Tariff?
        var tried: TestLoad.Tried?
        do {
            let text = form.typed["text"] ?? ""
            let read = try await services.site.money.read { try PackCheck.read(text, actor.scope, in: $0) }
            tariff = read
            if draft == nil || draft?.state == .draft || draft?.state == .submitted {
                try await services.site.money.read { try PackCheck.fits(read, actor.scope, in: $0) }
            }
        } catch let refusal as Refusal {
            if form.refusal == nil { form.refusal = refusal }
        }
        if let tariff {
            do {
                tried = try await form.testLoad().bill(tariff, site: services.site, org: org, actor.scope)
            } catch let refusal as Refusal {
                form.testRefusal = refusal
            }
        }
        let today = today(call)
        let (people, whatIfs, others, earliest) = try await services.site.money.read { [tariff] transaction in
            let ids = (draft?.writers ?? []) + [draft?.decidedBy].compactMap { $0 }
            let subject = draft.map { "draft \($0.draftID)" }
            return (
                try Self.people(ids, actor.scope, in: transaction),
                try WhatIf.list(limit: 100, actor.scope, in: transaction).filter { $0.asked.subject == subject },
                try Packs.baseIDs(actor.scope, in: transaction),
                try tariff.flatMap { try PackShelf.earliest($0.id, today: today, actor.scope, in: transaction) }
            )
        }
        let isWriter = draft?.writers.contains(actor.loginID) == true
        let isOpen = draft == nil || draft?.state == .draft
        // Packs are a matter of the whole company.
        let mayDraft = actor.has(.draftPacks) && actor.scope.isWholeCompany
        return PackDraftPageView(
            draft: draft, form: form, tariff: tariff, tried: tried, people: people, whatIfs: whatIfs, others: others,
            earliest: earliest, today: today, mayWrite: isOpen && mayDraft,
            mayWithdraw: draft?.state == .submitted && mayDraft,
            mayDecide: draft?.state == .submitted && actor.has(.approvePacks), isWriter: isWriter,
            key: Self.newKey())
    }

    private func workDraft(_ call: PageCall, _ draft: PackDraft?) async throws -> Answer {
        var form = DraftForm(typed: call.form.mapValues { String($0.prefix(PackDraft.textMax + 1)) })
        // Browsers send lines that end in two characters; files here end in one.
        form.typed["text"] = (form.typed["text"] ?? draft?.text ?? "").replacing("\r\n", with: "\n")
        if form.typed["note"] == nil { form.typed["note"] = draft?.note }
        do {
            if let place = try await act(call, draft, form) { return .seeOther(place) }
            return show(try await designer(call, draft, form), call, .packs)
        } catch let refusal as Refusal where [.invalid, .conflict, .tooLarge, .forbidden].contains(refusal.code) {
            form.refusal = refusal
            let status = refusal.code == .conflict ? 409 : refusal.code == .forbidden ? 403 : 422
            return show(try await designer(call, draft, form), call, .packs, status: status)
        }
    }

    /// - Returns: where to go on; nil when the form only asks for a look.
    private func act(_ call: PageCall, _ draft: PackDraft?, _ form: DraftForm) async throws -> String? {
        let action = form.typed["do"] ?? "check"
        guard action != "check" else { return nil }
        let (text, note) = (form.typed["text"] ?? "", form.typed["note"] ?? "")
        guard let draft else {
            guard action == "save", let key = Self.key(call) else { return nil }
            let saved = try await call.perform(
                SavePackDraft(draftID: nil, revision: 0, text: text, note: note, request: key))
            return Paths.packDraft(saved.draftID)
        }
        let revision = Int64(form.typed["revision"] ?? "") ?? 0
        let place = Paths.packDraft(draft.draftID)
        let reason = String((form.typed["reason"] ?? "").prefix(200))
        switch action {
        case "save", "submit":
            let saved = try await call.perform(
                SavePackDraft(draftID: draft.draftID, revision: revision, text: text, note: note))
            guard action == "submit" else { return place }
            _ = try await call.perform(MovePackDraft(draftID: draft.draftID, revision: saved.revision, .submit))
            return place
        case "withdraw":
            _ = try await call.perform(MovePackDraft(draftID: draft.draftID, revision: revision, .withdraw))
            return place
        case "approve", "reject":
            let asked = try await call.ask(
                try DecidePackDraft(
                    draftID: draft.draftID, revision: revision, agrees: action == "approve", reason: reason,
                    evenWithoutNotice: form.typed["evenWithoutNotice"] == "1"), why: reason)
            if case .waits = asked { return place + "?did=waits" }
            return place
        default: return nil
        }
    }

    // MARK: What-if

    private func askWhatIf(_ call: PageCall) async throws -> Answer {
        func typed(_ name: String) -> String? {
            call.form[name].flatMap { $0.isEmpty ? nil : String($0.prefix(64)) }
        }
        guard let key = Self.key(call) else {
            throw Refusal(.invalid, "The form is not whole.", hint: "Open the page again.")
        }
        let subject: WhatIfSubject =
            if let draftID = typed("draft").flatMap({ Int64($0) }) {
                .draft(draftID)
            } else {
                .pack(typed("pack") ?? "", version: typed("version").flatMap { Int64($0) })
            }
        let asked = WhatIfAsked(
            against: typed("against") ?? WhatIfAsked.present, from: typed("from") ?? "", to: typed("to") ?? "",
            account: typed("account"), category: typed("category"), sample: typed("sample").flatMap { Int($0) } ?? 0)
        let whatIfID = try await call.perform(AskWhatIf(subject, asked, request: key))
        // A handful is priced while the browser waits; the job takes the rest.
        try await WhatIfRunner(site: services.site, org: try await org(call)).run(
            whatIfID: whatIfID, accountsMax: Self.pricedAtOnce)
        return .seeOther(Paths.whatIf(whatIfID))
    }

    private static let pricedAtOnce = 10

    private func whatIf(_ call: PageCall) async throws -> Answer {
        let asked = call.path["id"] ?? ""
        let isFile = asked.hasSuffix(".csv")
        guard let whatIfID = Int64(isFile ? String(asked.dropLast(4)) : asked), whatIfID > 0 else {
            throw Problem.noSuchPath
        }
        let scope = try call.actor.scope
        let (found, rows, tariff) = try await services.site.money.read { transaction in
            let found = try WhatIf.find(whatIfID, scope, in: transaction)
            return (
                found, try WhatIf.outcomes(whatIfID, scope, in: transaction),
                try? PackCheck.read(found.text, scope, in: transaction)
            )
        }
        guard !isFile else {
            let text = WhatIfReport.csv(rows, minorDigits: tariff?.minorDigits ?? 2)
            var answer = Answer(status: 200, "text/csv; charset=utf-8", text)
            answer.headers["Content-Disposition"] = "attachment; filename=\"what-if-\(whatIfID).csv\""
            return answer
        }
        return show(WhatIfPageView(whatIf: found, report: found.report(rows, tariff), tariff: tariff), call, .packs)
    }

    // MARK: Comparison

    private func comparison(_ call: PageCall) async throws -> Answer {
        let scope = try call.actor.scope
        let accountID = try id(call)
        var words = FilterWords()
        let months = words.read(call.query["months"]) { text in
            Int(text).flatMap { PackComparison.monthsAllowed.contains($0) ? $0 : nil }
        }
        let account = try await services.site.money.read { try SupplyAccount.find(accountID, scope, in: $0) }
        let org = try await org(call)
        let found = try await PackComparison.of(
            accountID: accountID, months: months ?? 3, site: services.site, org: org, scope)
        let warning = try await SlabWarning.of(account, site: services.site, org: org)
        let page = ComparisonPageView(account: account, found: found, warning: warning)
        let place: PageFrame.Place = call.session?.actor.role == .consumer ? .packs : .accounts
        return show(page, call, place, notice: words.notice, status: words.status)
    }
}

extension Paths {
    static let packs = "/packs"
    static let packDrafts = "/packs/drafts"
    static let whatIfs = "/what-ifs"
    static func pack(_ packID: String, version: Int64? = nil) -> String {
        "/packs/\(encoded(packID))" + (version.map { "?version=\($0)" } ?? "")
    }
    static func packDraft(_ id: Int64) -> String { "\(packDrafts)/\(id)" }
    static func packDraft(from packID: String) -> String { "\(packDrafts)?from=\(encoded(packID))" }
    static func packDraft(fromDraft id: Int64) -> String { "\(packDrafts)?draft=\(id)" }
    static func whatIf(_ id: Int64, csv: Bool = false) -> String { "\(whatIfs)/\(id)\(csv ? ".csv" : "")" }
    static func accountPacks(_ id: Int64, months: Int? = nil) -> String {
        "/accounts/\(id)/comparison" + (months.map { "?months=\($0)" } ?? "")
    }
}
