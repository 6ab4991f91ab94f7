// Who gets in at the endpoints of packs.
import Access
import SQL

@testable import API

let subscriptionProbes: [String: Probe] = [
    "subscriptions.list": Probe(
        roles: staff, own: { _, _ in ["limit": .number("2")] },
        other: { _ in ["placeID": .string("20"), "before": .string("9000000")] }),
    "accounts.subscriptions": on(
        "accountID", 70, [.consumer, .operator, .administrator], ["limit": .number("2")],
        harmless: ["before": "a place in the caller's own list, whatever it names"]),
    "accounts.pack-offers": on("accountID", 70, [.consumer, .operator, .administrator]),
    "accounts.ask-pack": on(
        "accountID", 70, [.consumer, .operator, .administrator],
        ["act": .string("apply"), "packID": .string("OTHER"), "preview": .bool(true)],
        prepare: { fixture in
            // Another base pack to apply for.
            try await fixture.site.money.write { transaction in
                for org in Int64(1)...2 {
                    try transaction.run(
                        """
                        INSERT INTO pack (org_id, pack_id, version, kind, from_day, definition)
                        VALUES ($1, 'OTHER', 1, 'base', 0, '') ON CONFLICT DO NOTHING
                        """, [.int(org)])
                }
            }
        }),
    "packs.terms": Probe(roles: staff, own: { _, _ in ["limit": .number("2")] }),
    "packs.set-terms": Probe(
        roles: [.administrator],
        own: { _, _ in
            [
                "text": .string(
                    "format: 1\npacks:\n  - {pack: DOM-TOU, from: 2099-01-01, leadDays: 2, months: 12}\n")
            ]
        }),
]
