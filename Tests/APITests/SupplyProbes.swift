// Who gets in at the endpoints of the disconnection guard, of rules and holds of supply, and of messages.
import Access
import SQL
import Supply

@testable import API

let supplyProbes: [String: Probe] = [
    "supply.guard": Probe(
        roles: staff, own: { _, _ in ["standing": .string("next")] }, other: { _ in ["placeID": .string("20")] },
        harmless: ["after": "a place in the caller's own list, whatever it names"]),
    "accounts.supply-decisions": on("accountID", 70, [.consumer, .operator, .administrator]),
    "supply.holds": Probe(roles: staff, own: { _, _ in [:] }),
    "supply.hold": Probe(
        roles: staff, own: { _, _ in ["reason": .string("a test of holds"), "untilMs": .number("1767312000000")] }),
    "supply.release": with(Probe(roles: [.administrator], own: { _, _ in ["reason": .string("a test of holds")] })) {
        fixture in
        try await fixture.site.money.write { transaction in
            for org in Int64(1)...2 {
                try transaction.run(
                    """
                    INSERT INTO supply_hold (org_id, hold_id, asking, reason, from_ms, set_by)
                    VALUES ($1, 9901, 1, '30 of 40 accounts', 5, 0)
                    """, [.int(org)])
            }
        }
    },
    "supply.rules": Probe(roles: [.administrator], own: { _, _ in [:] }),
    "supply.set-rules": Probe(
        roles: [.administrator],
        own: { _, _ in ["group": .string("all"), "rules": .string(SupplyRules().json())] },
        other: { _ in ["group": .string("place:20"), "rules": .string(SupplyRules().json())] }),
    "accounts.emergency-credit": with(on("accountID", 70, [.consumer, .operator, .administrator])) { fixture in
        var rules = SupplyRules()
        (rules.emergencyDays, rules.emergencyByConsumer) = (3, true)
        let text = rules.json()
        try await fixture.site.money.write { transaction in
            for org in Int64(1)...2 {
                try transaction.run(
                    """
                    INSERT INTO supply_rule (org_id, group_name, from_day, rules, set_at_ms, set_by)
                    VALUES ($1, 'all', 1, $2, 5, 0)
                    """, [.int(org), .text(text)])
                try transaction.run("UPDATE supply_state SET low_since_ms = 5 WHERE org_id = $1", [.int(org)])
                // A balance that is low, so that the credit has something to do.
                try transaction.run(
                    """
                    UPDATE journal_balance SET debit_balance_paise = 500 WHERE org_id = $1
                      AND journal_account_id = $2
                    """, [.int(org), .int(70 + org)])
            }
        }
    },
    "messages.list": Probe(
        roles: staff, own: { _, _ in ["limit": .number("2")] }, other: { _ in ["after": .string("1")] }),
    "messages.report-delivery": with(
        on(
            "messageID", 9900, staff,
            ["channel": .string("sms"), "state": .string("delivered"), "atMs": .number("1767225600000")])
    ) { fixture in
        try await fixture.site.money.write { transaction in
            for org in Int64(1)...2 {
                try transaction.run(
                    """
                    INSERT INTO message (org_id, message_id, message_key, account_id, template, business_at_ms,
                      delivery) VALUES ($1, $2, 'probe', $3, 'low-balance', 5, 'portal')
                    """, [.int(org), .int(9900 + org), .int(70 + org)])
            }
        }
    },
]
