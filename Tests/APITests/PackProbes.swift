// Probes of the endpoints of packs, drafts and what-ifs.
import Access
import SQL
import Tariffs
import TestRetailer

@testable import API

private let everybody: Set<Role> = [.consumer, .operator, .administrator]
private let office: Set<Role> = [.operator, .administrator]

private func tariff(_ id: String) -> String {
    "format: 1\nid: \(id)\nversion: 1\nname: \(id)\nvalidFrom: 2026-05-01\ncomponents:\n"
        + "  - {id: energy, kind: energy, perKWh: 6}\n"
}

/// A draft of its own for each request: 7501 and after are drafts, 7601 and after wait.
private func moved(_ base: Int, _ roles: Set<Role>, _ more: [String: JSONValue] = [:]) -> Probe {
    Probe(
        roles: roles,
        own: { _, number in more.merging(["draftID": .string("\(base + number)"), "revision": .number("1")]) { $1 } },
        other: { _ in more.merging(["draftID": .string("7402"), "revision": .number("1")]) { $1 } },
        prepare: { try await $0.giveDrafts() })
}

let packProbes: [String: Probe] = [
    "packs.list": Probe(roles: office, own: { _, _ in ["standing": .string("in-force")] }),
    "packs.read": Probe(
        roles: office, own: { _, _ in ["packID": .string(TestRetailer.pack.id), "version": .number("1")] }),
    "packs.check": Probe(roles: office, own: { _, _ in ["text": .string(tariff("NEW"))] }),
    "pack-drafts.list": Probe(
        roles: office, own: { _, _ in ["limit": .number("1")] }, other: { _ in ["before": .string("9000000")] },
        harmless: ["authorID": "narrows what is seen of the own company"]),
    "pack-drafts.read": on("draftID", 7400, office, prepare: { try await $0.giveDrafts() }),
    "pack-drafts.add": Probe(roles: office, own: { _, _ in ["text": .string(tariff("NEW"))] }),
    "pack-drafts.update": moved(7500, office, ["text": .string(tariff("OTHER"))]),
    "pack-drafts.submit": moved(7500, office), "pack-drafts.withdraw": moved(7500, office),
    "pack-drafts.approve": moved(7600, [.administrator]),
    "pack-drafts.reject": moved(7600, [.administrator], ["reason": .string("a test of drafts")]),
    "calendars.list": Probe(roles: office, own: { _, _ in [:] }),
    "calendars.read": Probe(
        roles: office, own: { _, _ in ["calendar": .string("cal-1")] },
        other: { _ in ["calendar": .string("theirs")] }, prepare: { try await $0.giveCalendars() }),
    "calendars.add": Probe(
        roles: office,
        own: { _, number in ["text": .string(holidays("new-\(number)"))] }),
    "calendars.remove": Probe(
        roles: office, own: { _, number in ["calendar": .string("cal-\(number)")] },
        other: { _ in ["calendar": .string("theirs")] }, prepare: { try await $0.giveCalendars() }),
    "what-ifs.add": Probe(
        roles: office,
        own: { _, _ in
            ["draftID": .string("7401"), "from": .string("2025-12"), "to": .string("2025-12"), "sample": .number("1")]
        },
        other: { _ in ["draftID": .string("7402"), "from": .string("2025-12"), "to": .string("2025-12")] },
        harmless: ["placeID": "a place of another company is refused as one that does not exist"],
        prepare: { try await $0.giveDrafts() }),
    "what-ifs.list": Probe(roles: office, own: { _, _ in ["limit": .number("2")] }),
    "what-ifs.read": on("whatIfID", 7700, office, prepare: { try await $0.giveDrafts() }),
    "accounts.packs": on("accountID", 70, everybody, ["months": .number("1")]),
]

private func holidays(_ name: String) -> String {
    "format: 1\ncalendar: \(name)\nversion: 1\nvalidFrom: 2026-05-01\nholidays: [2026-08-15]\n"
}

extension Fixture {
    /// Calendars cal-1 and more of the first company, one of the other.
    func giveCalendars() async throws {
        try await site.money.write { transaction in
            for (org, name) in (1...20).map({ (Int64(1), "cal-\($0)") }) + [(2, "theirs")] {
                try transaction.run(
                    """
                    INSERT INTO company_calendar (org_id, name, version, from_day, definition, stored_by, stored_at_ms)
                    VALUES ($1, $2, 1, 20000, $3, 0, 0) ON CONFLICT DO NOTHING
                    """, [.int(org), .text(name), .text(holidays(name))])
            }
        }
    }

    /// Drafts of both companies, and a what-if of each.
    func giveDrafts() async throws {
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                let own = [7400 + org] + (org == 1 ? Array(7501...7520) + Array(7601...7620) : [])
                for draftID in own {
                    let waits = draftID > 7600 || draftID == 7402
                    try transaction.run(
                        """
                        INSERT INTO pack_draft (org_id, draft_id, pack_id, version, name, from_day, tariff, state,
                          revision, author_id, writers, note, made_at_ms, changed_at_ms)
                        VALUES ($1, $2, $3, 1, 'P', 20600, $4, $5, 1, 999, '999', '', 0, 0) ON CONFLICT DO NOTHING
                        """,
                        [
                            .int(org), .int(draftID), .text("P\(draftID)"), .text(tariff("P\(draftID)")),
                            .text(waits ? "submitted" : "draft"),
                        ])
                }
                try transaction.run(
                    """
                    INSERT INTO what_if (org_id, what_if_id, asked, tariff, asked_by, asked_at_ms, reach_count,
                      account_count, ended_at_ms) VALUES ($1, $2, $3, 'text', 999, 0, 0, 0, 0) ON CONFLICT DO NOTHING
                    """,
                    [
                        .int(org), .int(7700 + org),
                        .text(#"{"against":"present","from":"2025-12","sample":1,"subject":"draft 1","to":"2025-12"}"#),
                    ])
            }
        }
    }
}
