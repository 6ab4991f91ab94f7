// Packs: what is published, a tariff checked, drafts with their way to publication. Commands of Packs do the work.
import Access
import CivilTime
import Clocks
import Packs
import SQL
import Tariffs

/// Where a part of the list of packs ends.
struct PackListPlace: TextValue {
    var text: String
    init(_ text: String) { self.text = text }
    static let sample = PackListPlace("3.LT-DOMESTIC")
    static let schema = Schema(
        .string(length: 3...75, words: nil, pattern: "^[0-9]{1,10}[.][ -~]{1,64}$", format: nil),
        accepts: { PackPlace($0) != nil })
}

struct PackQuery: APIModel {
    var query: String?
    var packID: String?
    var version: Int64?
    var kind: PackKind?
    var standing: PackVersion.Standing?
    var category: String?
    var on: Day?
    var isHeld: Bool?
    var after: PackListPlace?
    var limit: Int?
    static let notes: [String: Note] = [
        "query": Note("Only packs with this in their id or name.", length: 0...64),
        "packID": Note("Only versions of this pack.", length: 1...64),
        "version": Note("Only versions of this number.", range: 1...2_147_483_647),
        "kind": Note("Only packs of this kind."), "standing": Note("Only versions that stand so today."),
        "category": Note("Only packs open to this category.", length: 1...64),
        "on": Note("Only versions in force on this day."), "isHeld": Note("Only packs that somebody holds, or nobody."),
        "after": Note("The `next` of the part before; without it the list begins."),
        "limit": Note("How many at most; 200 when not given.", range: 1...500),
    ]
    var filter: PackFilter {
        var filter = PackFilter()
        (filter.text, filter.packID, filter.version, filter.kind) = (query, packID, version, kind)
        (filter.standing, filter.category, filter.on, filter.isHeld) = (standing, category, on?.value, isHeld)
        return filter
    }
}

struct PackVersionView: APIModel {
    var packID: String
    var version: Int64
    var kind: PackKind
    var isTariff: Bool
    var name: String
    var categories: [String]
    var from: Day
    var to: Day?
    var standing: PackVersion.Standing
    var holders: Int64
    static let notes: [String: Note] = [
        "packID": Note("The pack."), "version": Note("Grows with every change."),
        "kind": Note("An add-on comes before the base pack where it applies."),
        "isTariff": Note("It is a tariff file; else a pack of the simple form."), "name": Note("Its own name."),
        "categories": Note("For whom; empty is for all.", itemsMax: 50), "from": Note("First day."),
        "to": Note("Last day; absent while it is open."), "standing": Note("How it stands today."),
        "holders": Note("Subscriptions to the pack that bill today or later."),
    ]
    init(_ pack: PackVersion) {
        (packID, version, kind, isTariff) = (pack.packID, pack.version, pack.kind, pack.isTariff)
        (name, categories, from) = (pack.name, pack.categories, Day(pack.fromDay))
        (to, standing, holders) = (pack.toDay.map { Day($0) }, pack.standing, pack.holders)
    }
    private init() {
        (packID, version, kind, isTariff) = ("LT-DOMESTIC", 3, .base, true)
        (name, categories, from) = ("Domestic, low tension", ["domestic"], Day(CivilDay(number: 20_544)))
        (standing, holders) = (.inForce, 1204)
    }
    static let example = PackVersionView()
}

struct PackListView: APIModel {
    var items: [PackVersionView]
    var next: PackListPlace?
    static let notes: [String: Note] = [
        "items": Note("In order of id and version."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct PackVersionPath: APIModel {
    var packID: String
    var version: Int64
    static let notes: [String: Note] = [
        "packID": Note("The pack.", length: 1...64), "version": Note("Its version.", range: 1...2_147_483_647),
    ]
}

struct PackSheetView: APIModel {
    var pack: PackVersionView
    var sheet: [String]
    var tariff: String?
    static let notes: [String: Note] = [
        "pack": Note("The version."), "sheet": Note("The price sheet, line by line.", itemsMax: 5000),
        "tariff": Note("The tariff file as it was published; absent for a pack of the simple form."),
    ]
}

struct TariffTextInput: APIModel {
    var text: String
    static let notes: [String: Note] = [
        "text": Note("A tariff file, YAML or JSON.", length: 1...PackDraft.textMax)
    ]
    static let example = TariffTextInput(
        text: "format: 1\nid: LT-DOMESTIC\nversion: 4\nname: Domestic, low tension\nvalidFrom: 2027-01-01\n"
            + "components:\n  - {id: energy, kind: energy, perKWh: 6.50}\n")
}

struct TariffCheckView: APIModel {
    var packID: String
    var version: Int64
    var name: String
    var from: Day
    var sheet: [String]
    static let notes: [String: Note] = [
        "packID": Note("The pack."), "version": Note("The version."), "name": Note("Its name."),
        "from": Note("First day."), "sheet": Note("The price sheet, line by line.", itemsMax: 5000),
    ]
}

struct PackDraftQuery: APIModel {
    var state: PackDraft.State?
    var packID: String?
    var authorID: ID?
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "state": Note("Only drafts that stand so."), "packID": Note("Only drafts of this pack.", length: 1...64),
        "authorID": Note("Only drafts that this login began."),
        "before": Note("The `next` of the part before; without it the newest."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct PackDraftView: APIModel {
    var draftID: ID
    var packID: String
    var version: Int64
    var name: String
    var from: Day
    var state: PackDraft.State
    var revision: Int64
    var authorID: ID
    var writers: [ID]
    var note: String
    var madeAtMs: Int64
    var changedAtMs: Int64
    var submittedAtMs: Int64?
    var decidedBy: ID?
    var decidedAtMs: Int64?
    var decision: String?
    var text: String?
    static let notes: [String: Note] = [
        "draftID": Note("The draft."), "packID": Note("The pack it says it is."), "version": Note("The version."),
        "name": Note("Its name."), "from": Note("First day."),
        "state": Note("Only a draft can be changed; submitted waits for a second person; the others are the end."),
        "revision": Note("Grows with every change; send the one you saw."), "authorID": Note("Who began it."),
        "writers": Note("Who wrote some of it: none of them can approve it.", itemsMax: 1000),
        "note": Note("What people should know of it."), "madeAtMs": Note("Business time."),
        "changedAtMs": Note("Business time."), "submittedAtMs": Note("Business time."),
        "decidedBy": Note("The second person."), "decidedAtMs": Note("Business time."),
        "decision": Note("What the second person said."), "text": Note("The tariff file; absent in lists."),
    ]
    init(_ draft: PackDraft, withText: Bool) {
        (draftID, packID, version, name) = (ID(draft.draftID), draft.packID, draft.version, draft.name)
        (from, state, revision) = (Day(draft.fromDay), draft.state, draft.revision)
        (authorID, writers, note) = (ID(draft.authorID), draft.writers.map { ID($0) }, draft.note)
        (madeAtMs, changedAtMs, submittedAtMs) = (draft.madeAtMs, draft.changedAtMs, draft.submittedAtMs)
        (decidedBy, decidedAtMs, decision) = (draft.decidedBy.map { ID($0) }, draft.decidedAtMs, draft.decision)
        text = withText ? draft.text : nil
    }
    private init() {
        (draftID, packID, version, name) = (ID(7001), "LT-DOMESTIC", 4, "Domestic, low tension")
        (from, state, revision) = (Day(CivilDay(number: 20_820)), .draft, 1)
        (authorID, writers, note) = (ID(77), [ID(77)], "For the next year")
        (madeAtMs, changedAtMs) = (1_795_248_000_000, 1_795_248_000_000)
    }
    static let example = PackDraftView()
}

struct PackDraftListView: APIModel {
    var items: [PackDraftView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first, without their texts."), "next": Note("Send it as `before`; absent at the end."),
    ]
}

struct PackDraftPath: APIModel {
    var draftID: ID
    static let notes: [String: Note] = ["draftID": Note("The draft.")]
}

struct PackDraftInput: APIModel {
    var text: String
    var note: String?
    static let notes: [String: Note] = [
        "text": Note("A tariff file, YAML or JSON.", length: 1...PackDraft.textMax),
        "note": Note("What people should know of it.", length: 0...PackDraft.noteMax),
    ]
}

struct PackDraftChange: APIModel {
    var draftID: ID
    var revision: Int64
    var text: String
    var note: String?
    static let notes: [String: Note] = [
        "draftID": Note("The draft."), "revision": Note("The revision that was seen.", range: 1...1_000_000_000),
        "text": Note("A tariff file, YAML or JSON.", length: 1...PackDraft.textMax),
        "note": Note("What people should know of it.", length: 0...PackDraft.noteMax),
    ]
}

struct PackDraftMove: APIModel {
    var draftID: ID
    var revision: Int64
    static let notes: [String: Note] = [
        "draftID": Note("The draft."), "revision": Note("The revision that was seen.", range: 1...1_000_000_000),
    ]
    static let example = PackDraftMove(draftID: ID(7001), revision: 1)
}

struct PackDraftDecision: APIModel {
    var draftID: ID
    var revision: Int64
    var reason: String?
    var evenWithoutNotice: Bool?
    static let notes: [String: Note] = [
        "draftID": Note("The draft."), "revision": Note("The revision that was seen.", range: 1...1_000_000_000),
        "reason": Note("Why; needed for a no and without notice.", length: 0...200),
        "evenWithoutNotice": Note("Publish though consumers hold the pack and its first day is near."),
    ]
}

extension Endpoints {
    static let packs: [AnyEndpoint] = packReads + packDrafts + packDraftActions

    private static let packReads: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<PackQuery, PackListView>(
                "packs.list", "GET", "/api/v1/packs", access: .permission([.readAccounts]),
                EndpointText("List packs", "Every published version, with filters by each column."),
                example: PackQuery(standing: .inForce), outputExample: PackListView(items: [.example]),
                run: { input, context in
                    let today = try await context.today()
                    let limit = input.limit ?? 200
                    let found = try await context.read { transaction, scope in
                        try PackShelf.list(
                            input.filter, after: input.after.flatMap { PackPlace($0.text) }, limit: limit + 1,
                            today: today, scope, in: transaction)
                    }
                    let items = found.prefix(limit)
                    return PackListView(
                        items: items.map { PackVersionView($0) },
                        next: found.count > limit ? items.last.map { PackListPlace("\(PackPlace($0))") } : nil)
                })),
        AnyEndpoint(
            Endpoint<PackVersionPath, PackSheetView>(
                "packs.read", "GET", "/api/v1/packs/{packID}/versions/{version}",
                access: .permission([.readAccounts]),
                EndpointText("Read a version of a pack", "With its price sheet and the file as it was published."),
                example: PackVersionPath(packID: "LT-DOMESTIC", version: 3),
                outputExample: PackSheetView(
                    pack: .example, sheet: ["Domestic, low tension (LT-DOMESTIC, version 3)"], tariff: "format: 1"),
                problems: [.notFound],
                run: { input, context in
                    let today = try await context.today()
                    return try await context.read { transaction, scope in
                        var filter = PackFilter()
                        (filter.packID, filter.version) = (input.packID, input.version)
                        let found = try PackShelf.list(filter, limit: 1, today: today, scope, in: transaction)
                        guard let pack = found.first else {
                            throw Refusal(.notFound, "There is no such version of a pack.", at: "version")
                        }
                        let tariff = try Packs.version(input.version, of: input.packID, scope, in: transaction)
                        return PackSheetView(
                            pack: PackVersionView(pack), sheet: tariff?.sheet ?? [],
                            tariff: try PackShelf.text(
                                of: input.packID, version: input.version, scope, in: transaction))
                    }
                })),
        AnyEndpoint(
            Endpoint<TariffTextInput, TariffCheckView>(
                "packs.check", "POST", "/api/v1/pack-checks", access: .permission([.draftPacks, .approvePacks]),
                EndpointText(
                    "Check a tariff",
                    "Reads it and draws its price sheet; what is wrong is told with its line. "
                        + "Stores nothing."),
                example: .example,
                outputExample: TariffCheckView(
                    packID: "LT-DOMESTIC", version: 4, name: "Domestic, low tension",
                    from: Day(CivilDay(number: 20_820)), sheet: ["Domestic, low tension (LT-DOMESTIC, version 4)"]),
                rate: .heavy, bodyLimitBytes: 1_500_000,
                run: { input, context in
                    let tariff = try await context.read { transaction, scope in
                        let tariff = try PackCheck.read(input.text, scope, in: transaction)
                        try PackCheck.fits(tariff, scope, in: transaction)
                        return tariff
                    }
                    return TariffCheckView(
                        packID: tariff.id, version: Int64(tariff.version), name: tariff.name,
                        from: Day(tariff.validFrom), sheet: tariff.sheet)
                })),
    ]

    private static let packDrafts: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<PackDraftQuery, PackDraftListView>(
                "pack-drafts.list", "GET", "/api/v1/pack-drafts", access: .permission([.draftPacks, .approvePacks]),
                EndpointText("List drafts of packs", "Tariffs that are written, wait, or were decided."),
                example: PackDraftQuery(state: .submitted, limit: 50),
                outputExample: PackDraftListView(items: [.example]),
                run: { input, context in
                    let limit = input.limit ?? 50
                    let found = try await context.read { transaction, scope in
                        try PackDraft.page(
                            before: input.before?.value, states: input.state.map { [$0] } ?? [],
                            packID: input.packID, authorID: input.authorID?.value, limit: limit + 1, scope,
                            in: transaction)
                    }
                    let items = found.prefix(limit).map { PackDraftView($0, withText: false) }
                    return PackDraftListView(items: items, next: found.count > limit ? items.last?.draftID : nil)
                })),
        AnyEndpoint(
            Endpoint<PackDraftPath, PackDraftView>(
                "pack-drafts.read", "GET", "/api/v1/pack-drafts/{draftID}",
                access: .permission([.draftPacks, .approvePacks]),
                EndpointText("Read a draft", "With its text and how it stands."),
                example: PackDraftPath(draftID: ID(7001)), outputExample: .example, problems: [.notFound],
                run: { input, context in try await context.draft(input.draftID.value) })),
        AnyEndpoint(
            Endpoint<PackDraftInput, PackDraftView>(
                "pack-drafts.add", "POST", "/api/v1/pack-drafts", access: .permission([.draftPacks]),
                EndpointText(
                    "Begin a draft", "The text must read as a tariff and fit what is published; errors name the line."),
                example: PackDraftInput(text: TariffTextInput.example.text, note: "For the next year"),
                outputExample: .example, rate: .heavy, idempotency: .keyed, bodyLimitBytes: 1_500_000,
                problems: [.conflict],
                run: { input, context in
                    let placed = try await context.perform(
                        SavePackDraft(
                            draftID: nil, revision: 0, text: input.text, note: input.note ?? "",
                            request: context.idempotencyKey))
                    return try await context.draft(placed.draftID)
                })),
        AnyEndpoint(
            Endpoint<PackDraftChange, PackDraftView>(
                "pack-drafts.update", "PUT", "/api/v1/pack-drafts/{draftID}", access: .permission([.draftPacks]),
                EndpointText(
                    "Change a draft",
                    "On the revision you saw: what somebody else wrote meanwhile is not overwritten."),
                example: PackDraftChange(
                    draftID: ID(7001), revision: 1, text: TariffTextInput.example.text, note: nil),
                outputExample: .example, rate: .heavy, bodyLimitBytes: 1_500_000, problems: [.notFound, .conflict],
                run: { input, context in
                    let placed = try await context.perform(
                        SavePackDraft(
                            draftID: input.draftID.value, revision: input.revision, text: input.text,
                            note: input.note ?? ""))
                    return try await context.draft(placed.draftID)
                })),
    ]

    private static let packDraftActions: [AnyEndpoint] = [
        move(
            "pack-drafts.submit", "submit", .submit,
            EndpointText("Hand a draft in", "From then on it cannot be changed and waits for a second person.")),
        move(
            "pack-drafts.withdraw", "withdraw", .withdraw,
            EndpointText("Withdraw a draft", "For good; its text can begin another.")),
        decision(
            "pack-drafts.approve", "approve", agrees: true,
            EndpointText(
                "Approve a draft",
                "Publishes the version. Refused to everybody who wrote some of it, and when consumers hold the pack "
                    + "and its first day is nearer than the notice, unless that is said, with a reason.")),
        decision(
            "pack-drafts.reject", "reject", agrees: false, EndpointText("Reject a draft", "The second person's no.")),
    ]

    private static func move(
        _ name: String, _ word: String, _ move: MovePackDraft.Move, _ text: EndpointText
    ) -> AnyEndpoint {
        AnyEndpoint(
            Endpoint<PackDraftMove, PackDraftView>(
                name, "POST", "/api/v1/pack-drafts/{draftID}/\(word)", access: .permission([.draftPacks]), text,
                example: .example, outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let placed = try await context.perform(
                        MovePackDraft(draftID: input.draftID.value, revision: input.revision, move))
                    return try await context.draft(placed.draftID)
                }))
    }

    private static func decision(
        _ name: String, _ word: String, agrees: Bool, _ text: EndpointText
    ) -> AnyEndpoint {
        AnyEndpoint(
            Endpoint<PackDraftDecision, PackDraftView>(
                name, "POST", "/api/v1/pack-drafts/{draftID}/\(word)", access: .permission([.approvePacks]), text,
                example: PackDraftDecision(draftID: ID(7001), revision: 2, reason: "Seen and compared"),
                outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let reason = input.reason ?? ""
                    let placed = try await context.ask(
                        try DecidePackDraft(
                            draftID: input.draftID.value, revision: input.revision, agrees: agrees, reason: reason,
                            evenWithoutNotice: input.evenWithoutNotice ?? false), why: reason)
                    return try await context.draft(placed.draftID)
                }
            ).forTwo)
    }
}

extension EndpointContext {
    /// The civil day of the company.
    func today() async throws -> CivilDay {
        let orgID = try actor.scope.orgID
        let zone = try await services.site.money.read { try Org.find(orgID, in: $0).zone }
        return zone.day(atS: services.site.clocks.businessNowMs() / 1000)
    }

    fileprivate func draft(_ draftID: Int64) async throws -> PackDraftView {
        try await read { transaction, scope in
            PackDraftView(try PackDraft.find(draftID, scope, in: transaction), withText: true)
        }
    }
}
