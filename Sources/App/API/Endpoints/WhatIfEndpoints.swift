// What-ifs, and the packs open to a consumer compared over the own past. Both post nothing.
import Access
import CivilTime
import Packs
import Rating
import SQL
import Tariffs

struct WhatIfInput: APIModel {
    var draftID: ID?
    var packID: String?
    var version: Int64?
    var against: String?
    var from: String
    var to: String
    var accountNumber: String?
    var placeID: ID?
    var category: String?
    var heldPackID: String?
    var sample: Int?
    static let notes: [String: Note] = [
        "draftID": Note("The draft to price; this or `packID`."),
        "packID": Note("The published tariff to price.", length: 1...64),
        "version": Note("Its version; the latest when not given.", range: 1...2_147_483_647),
        "against": Note(
            "`present`, what each consumer held, or a pack for all; present when not given.", length: 1...64),
        "from": Note("The first month, 2026-04.", length: 7...7), "to": Note("The last month.", length: 7...7),
        "accountNumber": Note("Only this consumer.", length: 1...64),
        "placeID": Note("Only consumers at this place or under it."),
        "category": Note("Only this category.", length: 1...64),
        "heldPackID": Note("Only who held this base pack.", length: 1...64),
        "sample": Note(
            "How many at most; 200 when not given.", range: 1...Int64(WhatIfAsked.accountsMax)),
    ]
    static let example = WhatIfInput(draftID: ID(7001), from: "2026-08", to: "2026-10", sample: 500)

    init(draftID: ID, from: String, to: String, sample: Int) {
        (self.draftID, self.from, self.to, self.sample) = (draftID, from, to, sample)
    }

    var subject: WhatIfSubject {
        get throws {
            switch (draftID, packID) {
            case (let draftID?, nil): .draft(draftID.value)
            case (nil, let packID?): .pack(packID, version: version)
            default: throw Refusal(.invalid, "Name a draft or a pack, one of them.", at: "draftID")
            }
        }
    }

    var asked: WhatIfAsked {
        WhatIfAsked(
            against: against ?? WhatIfAsked.present, from: from, to: to, account: accountNumber,
            placeID: placeID?.value, category: category, heldPack: heldPackID, sample: sample ?? 200)
    }
}

struct WhatIfGroupView: APIModel {
    var from: Int64?
    var upTo: Int64?
    var count: Int
    var gainers: Int
    var losers: Int
    var before: Int64
    var after: Int64
    static let notes: [String: Note] = [
        "from": Note("Above this: Wh a month, or hundredths of a percent."), "upTo": Note("Up to this."),
        "count": Note("Consumers."), "gainers": Note("Who would pay less."), "losers": Note("Who would pay more."),
        "before": Note("Minor unit."), "after": Note("Minor unit."),
    ]
    init(_ group: WhatIfReport.Group) {
        (from, upTo, count) = (group.from, group.upTo, group.count)
        (gainers, losers, before, after) = (group.gainers, group.losers, group.before, group.after)
    }
}

struct WhatIfPartView: APIModel {
    var name: String
    var before: Int64
    var after: Int64
    static let notes: [String: Note] = [
        "name": Note("As the bill calls it."), "before": Note("Minor unit."), "after": Note("Minor unit."),
    ]
}

struct WhatIfReasonView: APIModel {
    var reason: String
    var count: Int
    static let notes: [String: Note] = ["reason": Note("Why."), "count": Note("Consumers.")]
}

struct WhatIfView: APIModel {
    var whatIfID: ID
    var subject: String
    var against: String
    var from: String
    var to: String
    var askedAtMs: Int64
    var endedAtMs: Int64?
    var reached: Int64
    var accounts: Int64
    var done: Int64
    var total: WhatIfGroupView
    var gained: Int64
    var lost: Int64
    var byUse: [WhatIfGroupView]
    var byChange: [WhatIfGroupView]
    var components: [WhatIfPartView]
    var aside: [WhatIfReasonView]
    var days: Int
    var missingDays: Int
    var leftMonths: Int
    static let notes: [String: Note] = [
        "whatIfID": Note("The what-if."), "subject": Note("What was priced."), "against": Note("Against what."),
        "from": Note("First month."), "to": Note("Last month."), "askedAtMs": Note("Business time."),
        "endedAtMs": Note("Business time; absent while it is priced."),
        "reached": Note("Consumers the sample was drawn from."), "accounts": Note("Consumers of the sample."),
        "done": Note("How many of them are priced."), "total": Note("All that could be compared."),
        "gained": Note("What gainers would pay less, minor unit."), "lost": Note("What losers would pay more."),
        "byUse": Note("By use a month, in the slabs of the tariff."), "byChange": Note("By size of the change."),
        "components": Note("By component of the bill."), "aside": Note("Why others could not be compared."),
        "days": Note("Days priced."), "missingDays": Note("Of them with gaps, which count as nothing on both sides."),
        "leftMonths": Note("Months of consumers left out: too many gaps."),
    ]
    init(_ whatIf: WhatIf, _ report: WhatIfReport) {
        whatIfID = ID(whatIf.whatIfID)
        (subject, against) = (whatIf.asked.subject, whatIf.asked.against)
        (from, to, askedAtMs, endedAtMs) = (whatIf.asked.from, whatIf.asked.to, whatIf.askedAtMs, whatIf.endedAtMs)
        (reached, accounts, done) = (whatIf.reachCount, whatIf.accountCount, whatIf.doneCount)
        (total, gained, lost) = (WhatIfGroupView(report.total), report.gainedMinor, report.lostMinor)
        byUse = report.byUse.map { WhatIfGroupView($0) }
        byChange = report.byChange.map { WhatIfGroupView($0) }
        components = report.components.map { WhatIfPartView(name: $0.name, before: $0.before, after: $0.after) }
        aside = report.aside.map { WhatIfReasonView(reason: $0.reason, count: $0.count) }
        (days, missingDays, leftMonths) = (report.days, report.missingDays, report.leftMonths)
    }
    static let example = WhatIfView(
        WhatIf(
            whatIfID: 9001, asked: WhatIfAsked(subject: "draft 7001", from: "2026-08", to: "2026-10"), text: "",
            askedBy: 77, askedAtMs: 1_795_248_000_000, reachCount: 1, accountCount: 1, doneCount: 1,
            endedAtMs: 1_795_248_060_000),
        WhatIfReport(
            [
                .init(
                    accountID: 101, number: "BB-000101",
                    outcome: WhatIfOutcome(energyWh: 412_000, days: 92, before: 284_140, after: 291_020))
            ], slabLimitsWh: []))
}

struct WhatIfListQuery: APIModel {
    var limit: Int?
    static let notes: [String: Note] = [
        "limit": Note("How many at most; 20 when not given.", range: 1...Int64(WhatIf.keptMax))
    ]
}

struct WhatIfItemView: APIModel {
    var whatIfID: ID
    var subject: String
    var against: String
    var accounts: Int64
    var done: Int64
    var askedAtMs: Int64
    static let notes: [String: Note] = [
        "whatIfID": Note("The what-if."), "subject": Note("What was priced."), "against": Note("Against what."),
        "accounts": Note("Consumers of the sample."), "done": Note("How many of them are priced."),
        "askedAtMs": Note("Business time."),
    ]
}

struct WhatIfListView: APIModel {
    var items: [WhatIfItemView]
    static let notes: [String: Note] = ["items": Note("Newest first.")]
}

struct WhatIfPath: APIModel {
    var whatIfID: ID
    static let notes: [String: Note] = ["whatIfID": Note("The what-if.")]
}

struct PackComparisonQuery: APIModel {
    var accountID: ID
    var months: Int?
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "months": Note("3 when not given.", among: PackComparison.monthsAllowed.map(Int64.init)),
    ]
}

struct PackOfferView: APIModel {
    var packID: String
    var name: String
    var version: Int
    var isHeld: Bool
    var total: Int64?
    var reason: String?
    static let notes: [String: Note] = [
        "packID": Note("The pack."), "name": Note("Its own name."), "version": Note("As in force today."),
        "isHeld": Note("The account holds it today."), "total": Note("What the days would have cost, minor unit."),
        "reason": Note("Why it cannot be told."),
    ]
}

struct PackComparisonView: APIModel {
    var from: Day?
    var to: Day?
    var energyWh: Int64
    var days: Int
    var missingDays: Int
    var offers: [PackOfferView]
    static let notes: [String: Note] = [
        "from": Note("First day; absent without enough readings."), "to": Note("Last day."),
        "energyWh": Note("Drawn in these days."), "days": Note("Days priced."),
        "missingDays": Note("Of them with gaps, which count as nothing."),
        "offers": Note("Packs open to the consumer, cheapest first: the own past, no promise for what comes."),
    ]
    init(_ found: PackComparison) {
        (from, to) = (found.from.map { Day($0) }, found.to.map { Day($0) })
        (energyWh, days, missingDays) = (found.energyWh, found.days, found.missingDays)
        offers = found.offers.map {
            PackOfferView(
                packID: $0.packID, name: $0.name, version: $0.version, isHeld: $0.isHeld, total: $0.totalMinor,
                reason: $0.reason)
        }
    }
    private init() {
        (from, to) = (Day(CivilDay(number: 20_666)), Day(CivilDay(number: 20_757)))
        (energyWh, days, missingDays) = (412_000, 92, 1)
        offers = [PackOfferView(packID: "LT-SOLAR", name: "Solar hours", version: 1, isHeld: false, total: 271_900)]
    }
    static let example = PackComparisonView()
}

extension Endpoints {
    static let whatIfs: [AnyEndpoint] =
        whatIfReads + [
            AnyEndpoint(
                Endpoint<WhatIfInput, WhatIfView>(
                    "what-ifs.add", "POST", "/api/v1/what-ifs", access: .permission([.draftPacks, .approvePacks]),
                    EndpointText(
                        "Ask what a pack would have cost",
                        "Prices a draft or a pack over the past load of consumers, and what they held over the "
                            + "same days with the same engine, without add-on packs. The job `what-if` does the work; "
                            + "read it to see how far it is. Nothing is posted."),
                    example: .example, outputExample: .example, rate: .heavy, idempotency: .keyed,
                    problems: [.notFound, .conflict],
                    run: { input, context in
                        let whatIfID = try await context.perform(
                            AskWhatIf(try input.subject, input.asked, request: context.idempotencyKey))
                        return try await context.whatIf(whatIfID)
                    })),
            AnyEndpoint(
                Endpoint<PackComparisonQuery, PackComparisonView>(
                    "accounts.packs", "GET", "/api/v1/accounts/{accountID}/pack-comparison",
                    access: .permission([.readAccounts, .readOwnAccount]),
                    EndpointText(
                        "Compare packs for a consumer",
                        "Every pack open to the consumer's category priced over the own last whole months, as it "
                            + "stands today, without add-ons."),
                    example: PackComparisonQuery(accountID: ID(101), months: 3), outputExample: .example, rate: .heavy,
                    problems: [.notFound],
                    run: { input, context in
                        let scope = try context.actor.scope
                        let org = try await context.services.site.money.read { try Org.find(scope.orgID, in: $0) }
                        return PackComparisonView(
                            try await PackComparison.of(
                                accountID: input.accountID.value, months: input.months ?? 3,
                                site: context.services.site,
                                org: org, scope))
                    })),
        ]

    private static let whatIfReads: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<WhatIfListQuery, WhatIfListView>(
                "what-ifs.list", "GET", "/api/v1/what-ifs", access: .permission([.draftPacks, .approvePacks]),
                EndpointText("List what-ifs", "The last hundred are kept."), example: WhatIfListQuery(limit: 20),
                outputExample: WhatIfListView(items: [
                    WhatIfItemView(
                        whatIfID: ID(9001), subject: "draft 7001", against: "present", accounts: 500, done: 500,
                        askedAtMs: 1_795_248_000_000)
                ]),
                run: { input, context in
                    let found = try await context.read { transaction, scope in
                        try WhatIf.list(limit: input.limit ?? 20, scope, in: transaction)
                    }
                    return WhatIfListView(
                        items: found.map {
                            WhatIfItemView(
                                whatIfID: ID($0.whatIfID), subject: $0.asked.subject, against: $0.asked.against,
                                accounts: $0.accountCount, done: $0.doneCount, askedAtMs: $0.askedAtMs)
                        })
                })),
        AnyEndpoint(
            Endpoint<WhatIfPath, WhatIfView>(
                "what-ifs.read", "GET", "/api/v1/what-ifs/{whatIfID}",
                access: .permission([.draftPacks, .approvePacks]),
                EndpointText("Read a what-if", "How far it is, and what is known so far."),
                example: WhatIfPath(whatIfID: ID(9001)), outputExample: .example, rate: .heavy,
                problems: [.notFound],
                run: { input, context in try await context.whatIf(input.whatIfID.value) })),
    ]
}

extension EndpointContext {
    fileprivate func whatIf(_ whatIfID: Int64) async throws -> WhatIfView {
        let (found, rows, tariff) = try await read { transaction, scope in
            let found = try WhatIf.find(whatIfID, scope, in: transaction)
            return (
                found, try WhatIf.outcomes(whatIfID, scope, in: transaction),
                try? PackCheck.read(found.text, scope, in: transaction)
            )
        }
        return WhatIfView(found, found.report(rows, tariff))
    }
}
