// `busbar db status|check`: the sizes, and whether what is stored holds together.
import Access
import CivilTime
import Clocks
import Foundation
import Journal
import Quantities
import SQL
import SQLiteAdapter

private struct StatusReport: Encodable {
    struct Store: Encodable {
        var name: String
        var applied: Int
        var pending: [String]
        var bytes: Int64
    }
    var engine: String
    var version: String
    var stores: [Store]
    var months: [String]
}

/// Engine, migrations, months and sizes. `problems` when migrations are pending.
public func databaseStatus(_ site: SiteOptions, json: Bool, _ console: Console) async throws -> CommandStatus {
    try await withInspection(site) { inspection in
        let report = StatusReport(
            engine: inspection.engine.rawValue, version: inspection.engineVersion,
            stores: inspection.stores.map { store in
                StatusReport.Store(
                    name: store.name, applied: store.applied, pending: store.pending.map { "\($0.number) \($0.name)" },
                    bytes: store.bytes)
            }, months: inspection.months.map(\.description))
        if json {
            try console.say(json: report)
        } else {
            console.say("\(report.engine) \(report.version)")
            let months = report.months
            console.say("months of readings: \(months.isEmpty ? "none" : months.joined(separator: " "))")
            let rows = report.stores.map { store in
                [
                    store.name, "\(store.applied)", "\(store.pending.count)",
                    indianGrouped(UInt64(max(0, store.bytes)) / 1024),
                ]
            }
            for line in table([["store", "applied", "pending", "KiB"]] + rows) { console.say(line) }
        }
        guard !inspection.pending.isEmpty else { return .done }
        console.note("Migrations are pending: `busbar db migrate` applies them.")
        return .problems
    }
}

/// One thing looked at.
struct CheckRow: Encodable, Sendable {
    var name: String
    var ok: Bool
    var found: String
}

/// Trial balance, kept balances against postings, and the engine's own check of each file.
public func checkDatabase(_ site: SiteOptions, json: Bool, _ console: Console) async throws -> CommandStatus {
    let progress = ProgressLine(console)
    let rows = try await soundness(site) { progress.at($0) }
    let took = progress.end()
    try say(rows, json: json, console)
    let wrong = rows.count { !$0.ok }
    console.note(wrong == 0 ? "all well, \(took)" : "\(wrong) of \(rows.count) checks failed, \(took)")
    if wrong > 0 { console.note("Stop the server, keep a copy of the folder, and restore the last good backup.") }
    return wrong == 0 ? .done : .problems
}

func say(_ rows: [CheckRow], json: Bool, _ console: Console) throws {
    for row in rows where json { try console.say(json: row) }
    guard !json else { return }
    for line in table(rows.map { [$0.ok ? "ok" : "WRONG", $0.name, $0.found] }) { console.say(line) }
}

/// What `db check` finds, also in a restored backup.
/// - Parameter allowsPending: an older schema is no fault; its books are not read then.
func soundness(
    _ site: SiteOptions, allowsPending: Bool = false, onStep: @Sendable (String) -> Void = { _ in }
) async throws -> [CheckRow] {
    try await withInspection(site) { inspection in
        var rows: [CheckRow] = []
        for store in inspection.stores {
            guard let path = store.path else { continue }
            onStep("checking \(store.name)")
            let problems = try await integrityProblems(path)
            rows.append(
                CheckRow(
                    name: "file of \(store.name)", ok: problems.isEmpty,
                    found: problems.isEmpty ? "sound" : problems.prefix(5).joined(separator: "; ")))
        }
        for month in inspection.monthsOutOfReach {
            rows.append(CheckRow(name: "file of readings \(month)", ok: false, found: "its archive is out of reach"))
        }
        onStep("comparing checksums of compacted months")
        for (name, faults) in try await monthFaults(inspection) {
            rows.append(
                CheckRow(
                    name: "checksums of \(name)", ok: faults.isEmpty,
                    found: faults.isEmpty ? "hold" : faults.prefix(5).joined(separator: "; ")))
        }
        if inspection.hasMoney {
            onStep("adding up the books")
            rows += try await bookChecks(inspection.money)
        } else {
            rows.append(
                CheckRow(
                    name: "schema", ok: allowsPending, found: "migrations are pending: `busbar db migrate`"))
        }
        return rows
    }
}

/// An `SQLError` of a file too broken to read is what was found, not a failure of the check.
private func integrityProblems(_ path: String) async throws -> [String] {
    do {
        let database = try await SQLiteDatabase.open(path: path, durability: .normal, readers: 1)
        let problems: [String]
        do {
            problems = try await database.integrityProblems()
        } catch let error as SQLError {
            problems = [error.message]
        }
        await database.close()
        return problems
    } catch let error as SQLError {
        return [error.message]
    }
}

/// Per company: all postings sum to zero, and every kept balance equals its postings.
private func bookChecks(_ money: any Database) async throws -> [CheckRow] {
    try await money.read { transaction in
        try Org.all(in: transaction).flatMap { org in
            let trial = try Journal.trialBalance(Scope(orgID: org.orgID), in: transaction)
            let wrong = trial.wrongAccounts
            return [
                CheckRow(
                    name: "trial balance of \(org.name)", ok: trial.sumPaise == 0 && trial.unbalancedEntries == 0,
                    found: "\(trial.sumPaise) paise over \(trial.postings) postings, "
                        + "\(trial.unbalancedEntries) entries off balance"),
                CheckRow(
                    name: "balances of \(org.name)", ok: wrong.isEmpty,
                    found: wrong.isEmpty
                        ? "equal the postings"
                        : "\(wrong.count) differ: \(wrong.prefix(10).map(String.init).joined(separator: " "))"),
            ]
        }
    }
}
