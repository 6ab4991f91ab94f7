// The disconnection guard, the record of a decision, holds of all cuts, and the rules of supply by group.
import Access
import Accounts
import CivilTime
import Clocks
import Meters
import SQL
import Supply

struct GuardQuery: APIModel {
    var after: String?
    var standing: GuardStanding?
    var reason: SupplyReasonCode?
    var placeID: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it who is cut soonest comes first.", length: 0...64),
        "standing": Note("Only next (it is known when), held (it is not), or off."),
        "reason": Note("Only those for whom this speaks."), "placeID": Note("Only under this place."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct EvidenceView: APIModel {
    var channel: String
    var state: String
    var atMs: Int64
    static let notes: [String: Note] = [
        "channel": Note("portal, sms, …"), "state": Note("sent, delivered, shown or failed."), "atMs": Note("When."),
    ]
    init(_ evidence: Evidence) { (channel, state, atMs) = (evidence.channel, evidence.state, evidence.atMs) }
}

struct SupplyNoticeView: APIModel {
    var threshold: String
    var sentAtMs: Int64
    var evidence: [EvidenceView]
    static let notes: [String: Note] = [
        "threshold": Note("As the rules name it."), "sentAtMs": Note("When it was sent."),
        "evidence": Note("What is known of its arrival.", itemsMax: 50),
    ]
    init(_ notice: SentNotice) {
        (threshold, sentAtMs) = (notice.threshold, notice.sentAtMs)
        evidence = notice.evidence.map { EvidenceView($0) }
    }
}

struct GuardItem: APIModel {
    var accountID: ID
    var accountNumber: String
    var name: String
    var category: String
    var placeID: ID
    var placeName: String
    var standing: GuardStanding
    var sinceMs: Int64
    var lowSinceMs: Int64?
    var notBeforeMs: Int64?
    var reasons: [ReasonView]
    var balancePaise: Int64
    var estimatedChargesPaise: Int64
    var chargedThrough: Day?
    var notices: [SupplyNoticeView]
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "accountNumber": Note("Its number."), "name": Note("The consumer's name."),
        "category": Note("domestic, commercial, …"), "placeID": Note("Where it hangs."),
        "placeName": Note("The name of the place."), "standing": Note("next, held or off."),
        "sinceMs": Note("Since when supply is wanted as it is."),
        "lowSinceMs": Note("Since when something speaks for a cut."),
        "notBeforeMs": Note("A cut may be then at the earliest; absent when nobody can say."),
        "reasons": Note("What speaks for a cut, and what holds it back.", itemsMax: 30),
        "balancePaise": Note("The balance now."),
        "estimatedChargesPaise": Note("Part of the charges that rests on estimated readings."),
        "chargedThrough": Note("The last day that is charged."), "notices": Note("Of this fall.", itemsMax: 20),
    ]
    init(_ row: GuardRow) {
        (accountID, accountNumber, name) = (ID(row.accountID), row.accountNumber, row.name)
        (category, placeID, placeName) = (row.category, ID(row.placeID), row.placeName)
        (standing, sinceMs, lowSinceMs, notBeforeMs) = (row.standing, row.sinceMs, row.lowSinceMs, row.notBeforeMs)
        reasons = row.reasons.map { ReasonView($0) }
        (balancePaise, estimatedChargesPaise) = (row.balancePaise, row.estimatedChargesPaise)
        chargedThrough = row.chargedThrough.map { Day($0) }
        notices = row.notices.map { SupplyNoticeView($0) }
    }
    static let example = GuardItem(
        GuardRow(
            accountID: 101, accountNumber: "BB-000101", name: "Asha Devi", category: "domestic", placeID: 31,
            placeName: "Feeder 4", standing: .next, sinceMs: 1_795_000_000_000, lowSinceMs: 1_795_240_000_000,
            notBeforeMs: 1_795_252_200_000,
            reasons: [SupplyReason(.balanceBelowThreshold, "0"), SupplyReason(.noCutHours, "1050-660")],
            balancePaise: -1_250, estimatedChargesPaise: 0,
            notices: [
                SentNotice(
                    threshold: "warn", sentAtMs: 1_795_230_000_000,
                    evidence: [Evidence(channel: "portal", state: "delivered", atMs: 1_795_230_000_000)])
            ], chargedThrough: CivilDay(number: 20_777)))
}

struct GuardList: APIModel {
    var items: [GuardItem]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("In the order of the earliest possible cut; who is off comes last."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct SupplyRecord: APIModel {
    var decisionID: ID
    var atMs: Int64
    var wanted: RelayWish
    var was: RelayWish
    var reasons: [ReasonView]
    var balancePaise: Int64
    var notBeforeMs: Int64?
    var ruleGroup: String?
    var ruleFromDay: Day?
    var rules: String?
    var facts: String?
    var comesOutAgain: Bool?
    static let notes: [String: Note] = [
        "decisionID": Note("The decision."), "atMs": Note("When."), "wanted": Note("closed or open."),
        "was": Note("What was wanted before."), "reasons": Note("Why.", itemsMax: 30),
        "balancePaise": Note("The balance then."),
        "notBeforeMs": Note("A cut could be then at the earliest, as things stood."),
        "ruleGroup": Note("Whose rules held; absent: the company's."), "ruleFromDay": Note("Since when they held."),
        "rules": Note("The rules as JSON text."),
        "facts": Note("All that was looked at, as JSON text; absent in records of before they were kept."),
        "comesOutAgain": Note("The same facts and rules give the same verdict today."),
    ]
    init(_ decision: SupplyDecision) {
        (decisionID, atMs, wanted, was) = (ID(decision.decisionID), decision.atMs, decision.wanted, decision.was)
        reasons = decision.reasons.map { ReasonView($0) }
        (balancePaise, notBeforeMs, ruleGroup) = (decision.balancePaise, decision.notBeforeMs, decision.ruleGroup)
        ruleFromDay = decision.ruleFromDay.map { Day($0) }
        rules = decision.rules?.json()
        facts = decision.facts?.json()
        comesOutAgain = decision.replayed().map { $0.wanted == decision.wanted && $0.reasons == decision.reasons }
    }
}

struct SupplyWhy: APIModel {
    var items: [SupplyRecord]
    static let notes: [String: Note] = ["items": Note("The decisions of an account, newest first; at most 50.")]
}

struct HoldInput: APIModel {
    var reason: String
    var untilMs: Int64
    static let notes: [String: Note] = [
        "reason": Note("Why nobody is cut.", length: 3...200),
        "untilMs": Note("It ends then by itself, at most 31 days ahead.", range: 1...32_503_679_999_999),
    ]
}

struct ReleaseInput: APIModel {
    var reason: String
    static let notes: [String: Note] = ["reason": Note("Why the rules decide again.", length: 3...200)]
}

struct HoldView: APIModel {
    var holdID: ID
    var isAsking: Bool
    var reason: String
    var fromMs: Int64
    var untilMs: Int64?
    var setBy: ID?
    var endedAtMs: Int64?
    var endReason: String?
    static let notes: [String: Note] = [
        "holdID": Note("The hold."), "isAsking": Note("Too many would be cut at once; a person is asked."),
        "reason": Note("Why."), "fromMs": Note("Since when."), "untilMs": Note("Until then; absent: until released."),
        "setBy": Note("By which login; absent: the machine."), "endedAtMs": Note("When it was released."),
        "endReason": Note("Why it was released."),
    ]
    init(_ hold: SupplyHold) {
        (holdID, isAsking, reason) = (ID(hold.holdID), hold.isAsking, hold.reason)
        (fromMs, untilMs, setBy) = (hold.fromMs, hold.untilMs, hold.setBy == 0 ? nil : ID(hold.setBy))
        (endedAtMs, endReason) = (hold.endedAtMs, hold.endReason)
    }
}

struct HoldList: APIModel {
    var standing: HoldView?
    var items: [HoldView]
    static let notes: [String: Note] = [
        "standing": Note("What stops every cut now; absent: nothing does."),
        "items": Note("The latest, newest first; at most 50."),
    ]
}

struct HoldResult: APIModel {
    var holdID: ID
    static let notes: [String: Note] = ["holdID": Note("The hold.")]
}

struct SupplyRuleView: APIModel {
    var group: String
    var fromDay: Day
    var rules: String?
    var setAtMs: Int64
    var setBy: ID?
    static let notes: [String: Note] = [
        "group": Note("`all`, `category:NAME`, `place:ID` or `place:ID category:NAME`."),
        "fromDay": Note("Holds from this day on."),
        "rules": Note("The rules as JSON text; absent: from then on the group has none of its own."),
        "setAtMs": Note("When it was set, business time."), "setBy": Note("By which login; absent: the machine."),
    ]
    init(_ row: SupplyRuleRow) {
        (group, fromDay, rules) = (row.group.description, Day(row.fromDay), row.rules?.json())
        (setAtMs, setBy) = (row.setAtMs, row.setBy == 0 ? nil : ID(row.setBy))
    }
    static let example = SupplyRuleView(
        SupplyRuleRow(
            group: SupplyGroup(placeID: 10, category: "domestic"), fromDay: CivilDay(number: 20_777),
            rules: SupplyRules(), setAtMs: 1_795_248_000_000, setBy: 7))
}

struct SupplyRuleList: APIModel {
    var items: [SupplyRuleView]
    var standard: String
    static let notes: [String: Note] = [
        "items": Note("By day and group. The nearest place wins, then the category, then all; then `supply.rules`."),
        "standard": Note("What holds where nothing is set."),
    ]
}

struct SupplyRuleChange: APIModel {
    var group: String
    var rules: String?
    var fromDay: Day?
    static let notes: [String: Note] = [
        "group": Note("`all`, `category:NAME`, `place:ID` or `place:ID category:NAME`.", length: 1...160),
        "rules": Note(
            "The rules as JSON text; without it the group has none of its own any more.", length: 2...20_000),
        "fromDay": Note("From this day on; without it from today."),
    ]
    static let example = SupplyRuleChange(group: "category:domestic", rules: SupplyRules().json())
}

extension Endpoints {
    static let supply: [AnyEndpoint] = supplyReads + supplyHolds + supplyRules

    private static let supplyReads: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<GuardQuery, GuardList>(
                "supply.guard", "GET", "/api/v1/supply/guard", access: .permission([.readAccounts]),
                EndpointText("Who is next to be cut", "And who is not, why, and not before when."),
                example: GuardQuery(standing: .next, limit: 50), outputExample: GuardList(items: [.example], next: nil),
                problems: [.notFound],
                run: { input, context in
                    let limit = input.limit ?? 50
                    let filter = SupplyGuard.Filter(
                        standing: input.standing, reason: input.reason, placeID: input.placeID?.value)
                    let report = try await GuardReport.of(
                        context.services.site, filter, after: input.after, limit: limit, try context.actor.scope)
                    return GuardList(items: report.rows.map { GuardItem($0) }, next: report.next)
                })),
        AnyEndpoint(
            Endpoint<AccountPath, SupplyWhy>(
                "accounts.supply-decisions", "GET", "/api/v1/accounts/{accountID}/supply-decisions",
                access: .permission([.readAccounts, .readOwnAccount]),
                EndpointText(
                    "Why supply is on or off", "Each decision with all it rests on; judged again when it is read."),
                example: AccountPath(accountID: ID(101)), outputExample: SupplyWhy(items: []), problems: [.notFound],
                run: { input, context in
                    try await context.read { transaction, scope in
                        let account = try SupplyAccount.find(input.accountID.value, scope, in: transaction)
                        return SupplyWhy(
                            items: try Supply.decisions(
                                accountID: account.accountID, limit: 50, scope, in: transaction
                            ).map { SupplyRecord($0) })
                    }
                })),
    ]

    private static let supplyHolds: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, HoldList>(
                "supply.holds", "GET", "/api/v1/supply/holds", access: .permission([.readAccounts]),
                EndpointText("Holds of all cuts", "What stops every cut now, and the latest."),
                outputExample: HoldList(standing: nil, items: []),
                run: { _, context in
                    let nowMs = context.services.site.clocks.businessNowMs()
                    return try await context.read { transaction, scope in
                        HoldList(
                            standing: try SupplyHold.standing(atMs: nowMs, scope, in: transaction).map { HoldView($0) },
                            items: try SupplyHold.latest(limit: 50, scope, in: transaction).map { HoldView($0) })
                    }
                })),
        AnyEndpoint(
            Endpoint<HoldInput, HoldResult>(
                "supply.hold", "POST", "/api/v1/supply/holds", access: .permission([.commandMeters]),
                EndpointText(
                    "Hold all cuts",
                    "For a festival or a fault: nobody of the company is cut until a time. Cuts that were decided and "
                        + "not sent are taken back; who pays gets light as ever."),
                example: HoldInput(reason: "Holi", untilMs: 1_795_300_000_000),
                outputExample: HoldResult(holdID: ID(9_001)), status: 201,
                run: { input, context in
                    let receipt = try await context.perform(
                        HoldCuts(reason: input.reason, untilMs: input.untilMs), why: input.reason)
                    return HoldResult(holdID: ID(receipt.holdID))
                })),
        AnyEndpoint(
            Endpoint<ReleaseInput, HoldResult>(
                "supply.release", "POST", "/api/v1/supply/holds/release", access: .permission([.manageSettings]),
                EndpointText(
                    "Let the rules cut again",
                    "Ends what stops every cut; answers also the machine's question. It waits for a second person: "
                        + "202, and it is done when that person confirms."),
                example: ReleaseInput(reason: "the tariff is right"), outputExample: HoldResult(holdID: ID(9_001)),
                problems: [.conflict],
                run: { input, context in
                    let nowMs = context.services.site.clocks.businessNowMs()
                    let newest = try await context.read { try SupplyHold.newest(atMs: nowMs, $1, in: $0) }
                    let receipt = try await context.ask(
                        ReleaseCuts(reason: input.reason, throughHoldID: newest), why: input.reason)
                    return HoldResult(holdID: ID(receipt.holdID))
                }
            ).forTwo),
    ]

    private static let supplyRules: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, SupplyRuleList>(
                "supply.rules", "GET", "/api/v1/supply/rules", access: .permission([.manageSettings]),
                EndpointText("Rules of supply", "Every dated set of a group."),
                outputExample: SupplyRuleList(items: [.example], standard: SupplyRules().json()),
                run: { _, context in
                    try await context.read { transaction, scope in
                        SupplyRuleList(
                            items: try SupplyRuleBook.rows(scope, in: transaction).map { SupplyRuleView($0) },
                            standard: SupplyRules().json())
                    }
                })),
        AnyEndpoint(
            Endpoint<SupplyRuleChange, SupplyRuleView>(
                "supply.set-rules", "PUT", "/api/v1/supply/rules", access: .permission([.manageSettings]),
                EndpointText("Set rules of supply", "Of a group of consumers, from a day on."),
                example: .example, outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let command = try SetSupplyRules(
                        group: input.group, rules: input.rules, from: input.fromDay?.value)
                    let day = try await context.perform(command)
                    return try await context.read { transaction, scope in
                        let rows = try SupplyRuleBook.rows(scope, in: transaction)
                        guard let row = rows.last(where: { $0.group == command.group && $0.fromDay.number == day })
                        else { throw SQLError(.decode, "the rules just written are not there") }
                        return SupplyRuleView(row)
                    }
                })),
    ]
}
