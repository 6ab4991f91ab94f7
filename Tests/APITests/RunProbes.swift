// Probes of the endpoints of runs, corrections and what they leave aside.
import Access
import CivilTime
import Rating
import SQL

@testable import API

private let reading: Set<Role> = [.operator, .administrator]
private let owners: Set<Role> = [.consumer, .operator, .administrator]
private let acting: Set<Role> = [.administrator]

/// A run of the own company, one for each request; the other company has one of its own.
private func ofRun(
    _ roles: Set<Role>, _ state: RatingRun.State, _ more: [String: JSONValue] = [:]
) -> Probe {
    Probe(
        roles: roles, own: { _, number in more.merging(["runID": .string("\(98_101 + number)")]) { $1 } },
        other: { _ in more.merging(["runID": .string("98002")]) { $1 } }, prepare: { try await $0.giveRuns(state) })
}

let runProbes: [String: Probe] = [
    "rating-runs.list": Probe(roles: reading, own: { _, _ in [:] }),
    "rating-runs.show": ofRun(reading, .done),
    "rating-runs.changes": ofRun(reading, .done, ["limit": .number("2")]),
    "rating-runs.ask": Probe(
        roles: acting,
        own: { _, _ in
            [
                "isTrial": .bool(true), "from": .string("2025-12-30"), "to": .string("2025-12-31"),
                "accountID": .string("71"),
            ]
        },
        other: { _ in
            [
                "isTrial": .bool(true), "from": .string("2025-12-30"), "to": .string("2025-12-31"),
                "accountID": .string("72"),
            ]
        }, harmless: ["packID": "narrows what is rated in the own company"]),
    "rating-runs.carry-out": ofRun(acting, .done, ["reason": .string("a test of runs")]),
    "rating-runs.stop": ofRun(acting, .asked), "rating-runs.resume": ofRun(acting, .stopped),
    "work-items.list": Probe(roles: reading, own: { _, _ in ["run": .string("rate")] }),
    "work-items.retry": Probe(roles: acting, own: { _, _ in ["run": .string("rate")] }),
    "publications.list": Probe(
        roles: reading,
        own: { _, _ in
            ["kind": .string("ledger"), "from": .string("2025-12-30"), "to": .string("2025-12-31")]
        }),
    "accounts.projected-balance": on("accountID", 70, owners, prepare: { try await $0.giveProjections() }),
    "accounts.corrections": on(
        "accountID", 70, owners, harmless: ["before": "a place in the list of one account, whatever it names"]),
    "accounts.correction": Probe(
        roles: owners, own: { _, _ in ["accountID": .string("71"), "correctionID": .string("98501")] },
        other: { _ in ["accountID": .string("72"), "correctionID": .string("98502")] },
        prepare: { try await $0.giveCorrections() }),
    "accounts.wallet-order": on("accountID", 70, acting, ["toAccountIDs": .array([])]),
]

extension Fixture {
    /// Trials in a state: many of company 1, 98002 of company 2.
    fileprivate func giveRuns(_ state: RatingRun.State) async throws {
        try await site.money.write { transaction in
            for (org, runID) in [(Int64(2), Int64(98_002))] + (Int64(98_101)..<98_130).map({ (1, $0) }) {
                try transaction.run(
                    """
                    INSERT INTO rating_run (org_id, run_id, is_trial, from_day, to_day, reason, asked_by, asked_at_ms,
                      state, done_count, place_month, place_meter)
                    VALUES ($1, $2, 1, 20450, 20451, '', 0, 5, $3, 0, 0, 0)
                    """, [.int(org), .int(runID), .text(state.rawValue)])
            }
        }
    }

    fileprivate func giveProjections() async throws {
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                let base = try transaction.first(
                    """
                    SELECT day * 1000000 + revision FROM charge WHERE org_id = $1 AND account_id = $2
                    ORDER BY day DESC, revision DESC LIMIT 1
                    """, [.int(org), .int(70 + org)]
                ) { try $0.int(0) }
                try transaction.run(
                    """
                    INSERT INTO projected_balance (org_id, account_id, base, used_paise, used_wh, through_ms,
                      estimated_slots, missing_slots, made_at_ms) VALUES ($1, $2, $3, 5, 5, 5, 0, 0, 5)
                    """, [.int(org), .int(70 + org), .int(base ?? 0)])
            }
        }
    }

    fileprivate func giveCorrections() async throws {
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                try transaction.run(
                    """
                    INSERT INTO rating_correction (org_id, correction_id, account_id, at_ms, first_day, last_day, days,
                      difference_paise) VALUES ($1, $2, $3, 5, 20450, 20451, 2, 5)
                    """, [.int(org), .int(98_500 + org), .int(70 + org)])
            }
        }
    }
}
