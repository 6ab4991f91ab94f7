// The doctor's look into the database: reach, version, schema, role, stamps, books, and whether the master key fits.
// Reads only. One function a check.
import Access
import CivilTime
import Clocks
import Foundation
import Journal
import PostgresAdapter
import SQL
import SQLiteAdapter

func databaseFindings(_ patient: Patient) async -> [DoctorFinding] {
    do {
        let inspection = try await Inspection.open(patient.site, takesLock: false)
        var findings = [versionFinding(inspection), schemaFinding(inspection)]
        do {
            findings += await roleFindings(inspection)
            findings += try await soundFindings(inspection)
            findings.append(try await monthFinding(inspection))
            if inspection.hasMoney {
                let nowMs = patient.clocks.systemNowMs()
                findings.append(try await stampFinding(inspection.money, nowMs: nowMs))
                findings.append(await sealFinding(inspection.money, patient.site))
                findings += try await bookFindings(inspection.money)
            }
        } catch {
            findings.append(.wrong("database", error))
        }
        await inspection.close()
        return findings
    } catch {
        return [.wrong("database", error)]
    }
}

private func versionFinding(_ inspection: Inspection) -> DoctorFinding {
    .ok("database", "\(inspection.engine.rawValue) \(inspection.engineVersion), UTF-8")
}

private func schemaFinding(_ inspection: Inspection) -> DoctorFinding {
    let pending = inspection.pending
    guard pending.isEmpty else {
        return .wrong(
            "schema", "\(pending.count) migrations are pending",
            "Stop the server, `busbar db migrate`, and start it")
    }
    return .ok("schema", "up to date")
}

/// Least privilege, and a connection others cannot listen to.
private func roleFindings(_ inspection: Inspection) async -> [DoctorFinding] {
    guard let database = inspection.money as? PostgresDatabase else { return [] }
    do {
        let role = try await database.role()
        var findings: [DoctorFinding] = []
        if !role.powers.isEmpty {
            let plain = "NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS"
            // A superuser is the administrator's own role: without it nobody could mend the server.
            let remedy =
                role.powers.contains("superuser")
                ? "Use a role of Busbar's own: `CREATE ROLE busbar LOGIN \(plain)`, and let it own the database"
                : "`ALTER ROLE \"\(role.name)\" \(plain)`"
            findings.append(
                .warning(
                    "database role", "\(role.name) may do more than it needs: \(role.powers.joined(separator: ", "))",
                    remedy))
        }
        if !role.isEncrypted, !role.isLocal {
            findings.append(
                .warning(
                    "database connection", "it crosses the network without TLS",
                    "Add ?sslmode=verify-full to the database URL"))
        }
        return findings.isEmpty ? [.ok("database role", "\(role.name), without special powers")] : findings
    } catch {
        return [.wrong("database role", error)]
    }
}

/// Larger files are left to `busbar db check`: the quick check still reads all of them.
private let quickCheckBytesMax: Int64 = 500_000_000

private func soundFindings(_ inspection: Inspection) async throws -> [DoctorFinding] {
    guard let money = inspection.money as? SQLiteDatabase else { return [] }
    guard fileSize(money.path) <= quickCheckBytesMax else {
        return [.ok("file of money", "too large for a quick look; `busbar db check` reads all of it")]
    }
    let problems: [String]
    do {
        problems = try await money.quickProblems()
    } catch let error as SQLError {
        problems = [error.message]
    }
    guard problems.isEmpty else {
        return [
            .wrong(
                "file of money", problems.prefix(3).joined(separator: "; "),
                "Stop the server, keep a copy of the folder, `busbar db check`, and restore the last good backup")
        ]
    }
    return [.ok("file of money", "sound")]
}

/// Compacted readings against their checksums.
private func monthFinding(_ inspection: Inspection) async throws -> DoctorFinding {
    let away = inspection.monthsOutOfReach
    guard away.isEmpty else {
        return .wrong(
            "archived readings", "out of reach: \(away.map(\.description).joined(separator: ", "))",
            "Mount the archive at the folder's archive/, or restore its files from the last backup that has them; "
                + "all else goes on meanwhile")
    }
    let bytes = inspection.stores.filter { $0.name.hasPrefix("readings") }.reduce(0) { $0 + $1.bytes }
    guard bytes <= quickCheckBytesMax else {
        return .ok("compacted readings", "too large for a quick look; `busbar db check` reads all of them")
    }
    let faults = try await monthFaults(inspection).flatMap(\.faults)
    guard faults.isEmpty else {
        return .wrong(
            "compacted readings", faults.prefix(3).joined(separator: "; "),
            "Keep a copy of the folder, `busbar db check`, and restore the last good backup")
    }
    return .ok("compacted readings", "checksums hold")
}

/// A clock that was set back would make ids and leases twice.
private func stampFinding(_ money: any Database, nowMs: Int64) async throws -> DoctorFinding {
    let lastMs = try await money.read { transaction in
        try transaction.first("SELECT MAX(system_at_ms) FROM audit", []) { try $0.optionalInt(0) } ?? nil
    }
    guard let lastMs, lastMs > nowMs + 300_000 else { return .ok("clock and database", "in step") }
    return .wrong(
        "clock and database", "the audit trail is \((lastMs - nowMs) / 60_000) minutes ahead of this machine",
        "Set the clock before serving, ids and leases rest on it: `timedatectl set-ntp true`")
}

/// Whether the ring opens the first secret of each kind that is there.
func openedSecrets(_ ring: KeyRing, _ money: any Database) async throws -> [Bool] {
    try await money.read { transaction in
        try sealedColumns.compactMap { column in
            let first = try column.page((.min, .min), 1, transaction).first
            return first.map { ring.open($0.sealed, binding: column.binding($0)) != nil }
        }
    }
}

/// Opens one secret of each kind.
private func sealFinding(_ money: any Database, _ site: SiteOptions) async -> DoctorFinding {
    do {
        // Never makes a key: the doctor changes nothing.
        if let path = MasterKey.files(site)?.current, !FileManager.default.fileExists(atPath: path) {
            return .wrong("sealed secrets", "there is no master key to open them", "Restore it from its backup")
        }
        let opened = try await openedSecrets(try MasterKey.ring(site), money)
        guard !opened.contains(false) else {
            return .wrong(
                "sealed secrets", "the master key from \(MasterKey.place(site)) does not open them",
                "Restore the key that belongs to this database")
        }
        return .ok("sealed secrets", opened.contains(true) ? "the master key opens them" : "none yet")
    } catch {
        return .wrong("sealed secrets", error)
    }
}

private func bookFindings(_ money: any Database) async throws -> [DoctorFinding] {
    try await money.read { transaction in
        let orgs = try Org.all(in: transaction)
        guard !orgs.isEmpty else { return [.wrong("company", "none yet", "`busbar org add \"…\"`")] }
        return try orgs.map { org in
            let trial = try Journal.trialBalance(Scope(orgID: org.orgID), in: transaction)
            let text =
                "\(trial.postings) postings sum to \(trial.sumPaise) paise, "
                + "\(trial.unbalancedEntries) entries and \(trial.wrongAccounts.count) balances differ from them"
            guard trial.sumPaise == 0, trial.unbalancedEntries == 0, trial.wrongAccounts.isEmpty else {
                return .wrong("book of \(org.name)", text, "Stop the server and run `busbar db check`")
            }
            return .ok("book of \(org.name)", text)
        }
    }
}
