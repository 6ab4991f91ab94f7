// PacksView: published versions with filters, drafts and what-ifs; PackPageView: one version as a price sheet, with all
// versions in time. They show; Packs says what there is.
import API
import Access
import CivilTime
import Packs
import Rating
import Tariffs

public struct PacksView: Page {
    public static let template = "packs"
    var packs: [PackVersion]
    var isFirstPage: Bool
    var hasMore: Bool
    /// Packs that are published, whatever the filter.
    var count: Int
    var filter: PackFilter
    var categories: [String]
    var drafts: [PackDraft]
    var draftState: PackDraft.State?
    var people: [Int64: String]
    var whatIfs: [WhatIf]
    var mayDraft: Bool
}

/// How a published version stands.
func packChip(_ standing: PackVersion.Standing, _ w: Wording) -> Markup {
    switch standing {
    case .coming: w.chip(.info, w.say("packs.coming"))
    case .inForce: w.chip(.ok, w.say("packs.inForce"))
    case .past: w.chip(.idle, w.say("packs.past"))
    }
}

/// How a draft stands.
private func draftWords(_ state: PackDraft.State, _ w: Wording) -> Markup {
    switch state {
    case .draft: w.say("draft.draft")
    case .submitted: w.say("draft.submitted")
    case .approved: w.say("draft.approved")
    case .rejected: w.say("draft.rejected")
    case .withdrawn: w.say("draft.withdrawn")
    }
}

func draftChip(_ state: PackDraft.State, _ w: Wording) -> Markup {
    let tone: Wording.Tone =
        switch state {
        case .draft, .withdrawn: .idle
        case .submitted: .warn
        case .approved: .ok
        case .rejected: .bad
        }
    return w.chip(tone, draftWords(state, w))
}

private func choice(_ value: String, _ name: Markup, _ chosen: String?) -> Fields {
    var row = Fields(["value": "\(value)", "name": name])
    row.set("chosen", value == chosen)
    return row
}

private func span(_ pack: PackVersion, _ w: Wording) -> Markup {
    pack.toDay.map {
        w.say("packs.span", ["from": w.fullDay(pack.fromDay), "to": w.fullDay($0)])
    } ?? w.say("packs.since", ["from": w.fullDay(pack.fromDay)])
}

extension PacksView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("packs.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", w.count("packs.lede", count))
        row.set("action", Paths.packs)
        row.set("calendarsHref", Paths.calendars)
        row.set("query", filter.text ?? "")
        row.set("on", filter.on?.description ?? "")
        row.set(
            "kinds",
            [choice("", w.say("packs.anyKind"), nil)]
                + PackKind.allCases.map { choice($0.rawValue, kind($0, w), filter.kind?.rawValue) })
        row.set(
            "standings",
            [choice("", w.say("packs.anyTime"), nil)]
                + PackVersion.Standing.allCases.map {
                    choice($0.rawValue, standing($0, w), filter.standing?.rawValue)
                })
        row.set(
            "categories",
            [choice("", w.say("packs.anyCategory"), nil)]
                + categories.map { choice($0, "\($0)", filter.category) })
        row.set("packs", packs.map { packRow($0, w) })
        row.set("hasPacks", !packs.isEmpty)
        row.set("firstHref", isFirstPage ? nil : address(after: nil))
        row.set("nextHref", hasMore ? packs.last.map { address(after: PackPlace($0)) } : nil)
        row.set("hasPaging", !isFirstPage || hasMore)
        row.set("newHref", mayDraft ? Paths.packDrafts : nil)
        row.set("drafts", drafts.map { draftRow($0, w) })
        row.set("hasDrafts", !drafts.isEmpty)
        row.set(
            "draftTabs",
            ([nil] + PackDraft.State.allCases.map { $0 }).map { state in
                var tab = Fields([
                    "href": "\(state.map { "\(Paths.packs)?drafts=\($0.rawValue)" } ?? Paths.packs)#drafts",
                    "name": state.map { draftWords($0, w) } ?? w.say("draft.open"),
                ])
                tab.set("current", state == draftState)
                return tab
            })
        row.set("whatIfs", whatIfs.map { whatIfRow($0, w) })
        row.set("hasWhatIfs", !whatIfs.isEmpty)
        return row
    }

    private func address(after: PackPlace?) -> String {
        let held = filter.isHeld.map { $0 ? "yes" : "no" }
        let fields = [
            ("q", filter.text), ("kind", filter.kind?.rawValue), ("standing", filter.standing?.rawValue),
            ("held", held), ("on", filter.on?.description), ("category", filter.category),
            ("after", after?.description),
        ].compactMap { name, value in value.map { "\(name)=\(Paths.encoded($0))" } }
        return fields.isEmpty ? Paths.packs : "\(Paths.packs)?" + fields.joined(separator: "&")
    }

    private func kind(_ kind: PackKind, _ w: Wording) -> Markup {
        kind == .base ? w.say("packs.base") : w.say("packs.addOn")
    }
    private func standing(_ standing: PackVersion.Standing, _ w: Wording) -> Markup {
        switch standing {
        case .coming: w.say("packs.coming")
        case .inForce: w.say("packs.inForce")
        case .past: w.say("packs.past")
        }
    }

    private func packRow(_ pack: PackVersion, _ w: Wording) -> Fields {
        Fields([
            "name":
                w.link(Paths.pack(pack.packID, version: pack.version), "\(pack.name)")
                + "<small class=\"id q\">\(pack.packID)</small>",
            "version": "\(pack.version)", "kind": kind(pack.kind, w), "span": span(pack, w),
            "categories": "\(pack.categories.joined(separator: ", "))", "chip": packChip(pack.standing, w),
            "holders": "\(w.number(pack.holders))",
        ])
    }

    private func draftRow(_ draft: PackDraft, _ w: Wording) -> Fields {
        Fields([
            "name":
                w.link(Paths.packDraft(draft.draftID), "\(draft.name)")
                + "<small class=\"id q\">\(draft.packID)</small>",
            "version": "\(draft.version)", "from": w.fullDay(draft.fromDay), "chip": draftChip(draft.state, w),
            "author": "\(people[draft.authorID] ?? "busbar")",
            "changed": w.timeTag(draft.changedAtMs, w.moment(draft.changedAtMs)),
        ])
    }
}

/// A what-if in a list.
func whatIfRow(_ one: WhatIf, _ w: Wording) -> Fields {
    Fields([
        "name": w.link(Paths.whatIf(one.whatIfID), whatIfName(one.asked, w)),
        "months": one.asked.from == one.asked.to ? "\(one.asked.from)" : "\(one.asked.from) – \(one.asked.to)",
        "count": "\(w.number(one.accountCount))",
        "chip": one.isDone
            ? w.chip(.ok, w.say("whatIf.done"))
            : w.chip(.info, w.say("whatIf.running", ["n": "\(w.number(one.doneCount))"])),
        "asked": w.timeTag(one.askedAtMs, w.moment(one.askedAtMs)),
    ])
}

func whatIfName(_ asked: WhatIfAsked, _ w: Wording) -> Markup {
    let subject: Markup =
        asked.subject.hasPrefix("draft ")
        ? w.say("whatIf.draft", ["id": "\(asked.subject.dropFirst(6).description)"]) : "\(asked.subject)"
    let against: Markup = asked.against == WhatIfAsked.present ? w.say("whatIf.present") : "\(asked.against)"
    return w.say("whatIf.name", ["subject": subject, "against": against])
}

/// The form that asks for a what-if; the same under a price sheet and a draft.
struct WhatIfForm {
    var draftID: Int64?
    var packID: String?
    var version: Int64?
    var others: [String]
    var today: CivilDay
    var key: String

    func set(_ row: inout Fields, _ w: Wording) {
        row.set("whatIfAction", Paths.whatIfs)
        row.set("whatIfKey", key)
        row.set("subjectDraft", draftID.map { "\($0)" as Markup })
        row.set("subjectPack", packID.map { "\($0)" as Markup })
        row.set("subjectVersion", version.map { "\($0)" as Markup })
        row.set(
            "againsts",
            [choice(WhatIfAsked.present, w.say("whatIf.presentEach"), nil)] + others.map { choice($0, "\($0)", nil) })
        row.set("whatIfFrom", CivilMonth(index: today.month.index - 3).description)
        row.set("whatIfTo", today.month.previous.description)
    }
}

public struct PackPageView: Page {
    public static let template = "pack"
    var versions: [PackVersion]
    var shown: PackVersion
    var tariff: Tariff?
    var drafts: [PackDraft]
    var others: [String]
    var today: CivilDay
    var mayDraft: Bool
    var mayTry: Bool
    var key: String
}

extension PackPageView: PageContent {
    func title(_ w: Wording) -> Markup { "\(shown.name)" }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("packsHref", Paths.packs)
        row.set("id", shown.packID)
        row.set("lede", shown.name)
        row.set("chip", packChip(shown.standing, w))
        row.set(
            "sub", w.say("packs.version", ["n": "\(shown.version)", "span": span(shown, w)]))
        row.set("holders", shown.holders > 0 ? w.count("packs.heldBy", Int(shown.holders)) : w.say("packs.notHeld"))
        row.set("sheet", tariff.map { PackSheet(tariff: $0, w: w).values })
        row.set("newHref", mayDraft && shown.isTariff ? Paths.packDraft(from: shown.packID) : nil)
        row.set(
            "versions",
            versions.reversed().map { version in
                var one = Fields([
                    "name": w.link(
                        Paths.pack(version.packID, version: version.version),
                        w.say("packs.versionN", ["n": "\(version.version)"])),
                    "span": span(version, w), "chip": packChip(version.standing, w),
                ])
                one.set("current", version.version == shown.version)
                return one
            })
        row.set(
            "drafts",
            drafts.map {
                Fields([
                    "name": w.link(
                        Paths.packDraft($0.draftID), w.say("packs.versionN", ["n": "\($0.version)"])),
                    "from": w.fullDay($0.fromDay), "chip": draftChip($0.state, w),
                ])
            })
        row.set("hasDrafts", !drafts.isEmpty)
        row.set("mayTry", mayTry && shown.isTariff)
        WhatIfForm(
            packID: shown.packID, version: shown.version, others: others, today: today, key: key
        ).set(&row, w)
        return row
    }
}
