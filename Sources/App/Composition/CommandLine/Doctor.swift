// `busbar doctor`: what commonly goes wrong around an installation, each finding with its remedy. Changes nothing.
import Access
import Clocks
import Foundation
import Journal
import SQL

/// One thing looked at.
public struct DoctorFinding: Sendable, Equatable, Encodable {
    public var name: String
    public var ok: Bool
    public var found: String
    /// What to do; empty when all is well.
    public var remedy: String

    init(_ name: String, _ found: String, remedy: String? = nil) {
        self.name = name
        self.found = found
        ok = remedy == nil
        self.remedy = remedy ?? ""
    }
}

public func doctor(
    _ site: SiteOptions, clocks: Clocks = .live, json: Bool, _ console: Console
) async throws -> CommandStatus {
    let findings = await doctorFindings(site, clocks: clocks)
    for finding in findings {
        if json {
            try console.say(json: finding)
        } else {
            console.say("\(finding.ok ? "ok   " : "WRONG")  \(finding.name): \(finding.found)")
            if !finding.ok { console.say("       \(finding.remedy)") }
        }
    }
    let wrong = findings.count { !$0.ok }
    console.note(wrong == 0 ? "all well" : "\(wrong) of \(findings.count) findings want mending")
    return wrong == 0 ? .done : .problems
}

func doctorFindings(_ site: SiteOptions, clocks: Clocks) async -> [DoctorFinding] {
    var findings = [folderFinding(site.folder), keyFinding(site.folder), spaceFinding(site.folder)].compactMap { $0 }
    findings.append(clockFinding(clocks))
    if let backup = backupFinding(site, clocks) { findings.append(backup) }
    do {
        findings += try await withInspection(site) { try await databaseFindings($0, site, clocks) }
    } catch {
        let complaint = Complaint(error)
        findings.append(DoctorFinding("database", complaint.what, remedy: complaint.hint))
    }
    return findings
}

private func mode(_ path: String) -> Int? {
    (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? nil
}

private func folderFinding(_ folder: String) -> DoctorFinding {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
        return DoctorFinding(
            "data folder", "\(folder) is not there", remedy: "`busbar db migrate --data \(folder)` makes it.")
    }
    guard FileManager.default.isWritableFile(atPath: folder) else {
        return DoctorFinding(
            "data folder", "\(folder) cannot be written by this user",
            remedy: "Run as the user who owns it, or `chown` it.")
    }
    guard let mode = mode(folder), mode & 0o077 == 0 else {
        return DoctorFinding(
            "data folder", "\(folder) can be read by other users", remedy: "`chmod 700 \(folder)`")
    }
    return DoctorFinding("data folder", "\(folder), closed to others")
}

private func keyFinding(_ folder: String) -> DoctorFinding {
    let path = folder + "/master.key"
    let isGiven = ProcessInfo.processInfo.environment["BUSBAR_MASTER_KEY"] != nil
    guard isGiven || FileManager.default.fileExists(atPath: path) else {
        return DoctorFinding(
            "key file", "\(path) is not there",
            remedy: "Restore it from its backup; for a new installation `busbar db migrate` makes one.")
    }
    do {
        _ = try MasterKey.load(folder: folder)
    } catch {
        let complaint = Complaint(error)
        return DoctorFinding("key file", complaint.what, remedy: complaint.hint)
    }
    guard !isGiven else { return DoctorFinding("key file", "the key comes from BUSBAR_MASTER_KEY") }
    guard let mode = mode(path), mode & 0o077 == 0 else {
        return DoctorFinding("key file", "\(path) can be read by other users", remedy: "`chmod 600 \(path)`")
    }
    return DoctorFinding("key file", "closed to others")
}

private func spaceFinding(_ folder: String) -> DoctorFinding? {
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
    guard let free = attributes?[.systemFreeSize] as? Int64 else { return nil }
    let text = "\(free / 1_000_000) MB free"
    return DoctorFinding("disk", text, remedy: free < 1_000_000_000 ? "Make room: at least 1000 MB." : nil)
}

/// 2026-01-01, when this program did not exist yet, and 2100-01-01.
private let plausibleMs: Range<Int64> = 1_767_225_600_000..<4_102_444_800_000

private func clockFinding(_ clocks: Clocks) -> DoctorFinding {
    guard plausibleMs.contains(clocks.systemNowMs()) else {
        return DoctorFinding(
            "clock", "the time of this machine cannot be right",
            remedy: "Set it, and keep it with chrony or systemd-timesyncd.")
    }
    return DoctorFinding("clock", "plausible")
}

private func databaseFindings(
    _ inspection: Inspection, _ site: SiteOptions, _ clocks: Clocks
) async throws -> [DoctorFinding] {
    var findings = [DoctorFinding("database", "\(inspection.engine.rawValue) \(inspection.engineVersion)")]
    let pending = inspection.pending
    findings.append(
        DoctorFinding(
            "schema", pending.isEmpty ? "up to date" : "\(pending.count) migrations are pending",
            remedy: pending.isEmpty ? nil : "`busbar db migrate`"))
    guard inspection.hasMoney else { return findings }
    let nowMs = clocks.systemNowMs()
    findings += try await inspection.money.read { transaction in
        var found: [DoctorFinding] = []
        let orgs = try Org.all(in: transaction)
        if orgs.isEmpty {
            found.append(DoctorFinding("company", "none yet", remedy: "`busbar org add \"…\"`"))
        }
        for org in orgs {
            let trial = try Journal.trialBalance(Scope(orgID: org.orgID), in: transaction)
            let isSound = trial.sumPaise == 0 && trial.wrongAccounts.isEmpty
            found.append(
                DoctorFinding(
                    "book of \(org.name)",
                    "\(trial.postings) postings sum to \(trial.sumPaise) paise, "
                        + "\(trial.wrongAccounts.count) balances differ from them",
                    remedy: isSound ? nil : "Stop the server and run `busbar db check`."))
        }
        let lastMs = try transaction.first("SELECT MAX(system_at_ms) FROM audit", []) { try $0.optionalInt(0) } ?? nil
        if let lastMs, lastMs > nowMs + 300_000 {
            found.append(
                DoctorFinding(
                    "clock", "the audit trail is \((lastMs - nowMs) / 60_000) minutes ahead of this machine",
                    remedy: "Set the clock before serving: ids and leases rest on it."))
        }
        return found
    }
    return findings
}
