// Who gets in at the endpoints of outages, reliability and tampering.
import Access
import SQL

@testable import API

let outageProbes: [String: Probe] = [
    "outages.list": Probe(
        roles: staff, own: { _, _ in ["open": .bool(false)] }, other: { _ in ["placeID": .string("20")] }),
    "outages.read": withOutages(on("outageID", 9500, staff)),
    "meters.outages": on("meterID", 1070, staff),
    "planned-outages.list": Probe(roles: staff, own: { _, _ in [:] }),
    "planned-outages.add": Probe(
        roles: staff, own: { _, _ in planned(at: "11") }, other: { _ in planned(at: "21") }),
    "planned-outages.call-off": withOutages(on("plannedID", 9600, staff, ["reason": .string("a test")])),
    "reliability.read": Probe(
        roles: staff, own: { _, _ in ["from": .string("2025-12-01"), "to": .string("2025-12-31")] },
        other: { _ in
            ["from": .string("2025-12-01"), "to": .string("2025-12-31"), "placeID": .string("20")]
        }),
    "tamper-cases.list": Probe(roles: staff, own: { _, _ in ["state": .string("valid")] }),
    // One case for each caller: it can be closed once.
    "tamper-cases.close": withOutages(
        Probe(
            roles: staff, own: { _, number in closing("\(9800 + number)") }, other: { _ in closing("9702") })),
]

private func planned(at placeID: String) -> [String: JSONValue] {
    [
        "placeID": .string(placeID), "fromMs": .number("1767000000000"), "toMs": .number("1767003600000"),
        "reason": .string("a test of plans"),
    ]
}

private func closing(_ caseID: String) -> [String: JSONValue] {
    ["caseID": .string(caseID), "isResolved": .bool(false), "reason": .string("a test of closing")]
}

/// An outage, a planned one and a case of tampering in each company; of cases one for every caller in the first.
private func withOutages(_ probe: Probe) -> Probe {
    with(probe) { fixture in
        try await fixture.site.money.write { transaction in
            for org in Int64(1)...2 {
                try transaction.run(
                    """
                    INSERT INTO outage (org_id, outage_id, version, place_id, is_node, start_ms, members, silent,
                      of_meters, is_withdrawn, made_at_ms) VALUES ($1, $2, 1, $3, 0, 5, 1, 0, 1, 0, 5)
                    ON CONFLICT DO NOTHING
                    """, [.int(org), .int(9500 + org), .int(org * 10 + 1)])
                try transaction.run(
                    """
                    INSERT INTO planned_outage (org_id, planned_id, place_id, from_ms, to_ms, why, login_id, made_at_ms)
                    VALUES ($1, $2, $3, 5, 10, 'test', 0, 5) ON CONFLICT DO NOTHING
                    """, [.int(org), .int(9600 + org), .int(org * 10 + 1)])
                for caseID in [9700 + org] + (org == 1 ? Array(9800...9899) : []) {
                    try transaction.run(
                        """
                        INSERT INTO tamper_case (org_id, case_id, meter_id, kind, state, first_at_ms, last_at_ms,
                          is_over, times, lasted_ms, is_valid, reasons, looked_at_ms)
                        VALUES ($1, $2, $3, 'magnet', 'valid', 5, 5, 1, 1, 1, 1, '', 5) ON CONFLICT DO NOTHING
                        """, [.int(org), .int(caseID), .int(1070 + org)])
                }
            }
        }
    }
}
